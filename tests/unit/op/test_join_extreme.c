/* SPDX-License-Identifier: Apache-2.0 */
/* test_join_extreme.c - joins with max() or min() of a grouping that let go of the rows which it
 * has passed, against loops over all rows: groups of nothing, of a key, of a window, of both; rows
 * of the two sides in any order and in any number of deltas of a tick; instances that take up
 * another; and how little they keep. What the sink adds up to at each tick is the answer. */
#include "aggregate_reference.h"

#include "op/join.h"

#define STEPS 30
#define SLIDE 10

enum { BY_KEY = 1, BY_WINDOW = 2 }; /* flags of a shape: what groups are told by */

typedef struct shape {
    int          groups;
    bool         smallest, together;
    type_id      type; /* of what is compared */
    op_join_kind kind;
    int64_t      lo, hi; /* of the start of the window from the time of a row */
} shape;

typedef struct instance {
    circuit       c;
    op           *grouping, *join;
    op_spec       grouping_spec, join_spec;
    op_agg        aggs[1];
    op_extreme    rule;
    const schema *rows, *grouped;
    int32_t       left_keys[2], right_keys[2], groups[2], equals[2];
} instance;

typedef struct history {
    shape     of;
    rng       r;
    instance  part[2];
    test_rows rows, grouped; /* {key, time, value, number}, {key, window, value} as far as there */
    int64_t   now, number;
} history;

static zset out, wanted;

/* ---- the circuit */

static expr *
call_of(circuit *c, const char *name, expr *a, expr *b) {
    expr *args[2] = {a, b}, *made = NULL;
    error err = {0};
    CHECK_OK(expr_call(&made, &c->arena, text_of(name), args, b == NULL ? 1 : 2, -1, &err));
    return made;
}

static expr *
number_of(circuit *c, int64_t n) {
    const value v = value_i64(n);
    return expr_constant(&c->arena, &v, -1);
}

/* lo <= window - time <= hi as |2 (window - time) - (lo + hi)| <= hi - lo */
static expr *
near(circuit *c, const shape *s, int32_t window) {
    expr *apart = call_of(c, "-", expr_column(&c->arena, window, type_of(TYPE_I64), -1),
                          expr_column(&c->arena, 1, type_of(TYPE_I64), -1));
    expr *twice = call_of(c, "*", apart, number_of(c, 2));
    expr *off = call_of(c, "-", twice, number_of(c, s->lo + s->hi));
    return call_of(c, "<=", call_of(c, "abs", off, NULL), number_of(c, s->hi - s->lo));
}

static void
open_rule(instance *p, const shape *s) {
    const int32_t by_key = (s->groups & BY_KEY) != 0, by_window = (s->groups & BY_WINDOW) != 0;
    const int32_t last = by_key + by_window; /* of the grouping's columns: key, window, value */
    p->left_keys[0] = 0;
    p->right_keys[0] = 0;
    p->left_keys[by_key] = 2;
    p->right_keys[by_key] = last;
    p->groups[0] = 0;
    p->equals[0] = by_key ? 0 : -1;
    p->groups[1] = 1;
    p->equals[1] = -1;
    p->rule = (op_extreme){.side = JOIN_LEFT_SIDE,
                           .key = by_key,
                           .group_count = by_key + by_window,
                           .time = by_window ? 1 : -1,
                           .greatest = !s->smallest,
                           .together = s->together,
                           .groups = p->groups,
                           .equals = p->equals,
                           .lo = s->lo,
                           .hi = s->hi,
                           .slide = SLIDE};
    p->join_spec.extreme = &p->rule;
    p->join_spec.key_count = 1 + by_key;
    p->join_spec.left_keys = p->left_keys;
    p->join_spec.right_keys = p->right_keys;
    p->join_spec.predicate = by_window ? near(&p->c, s, 4 + by_key) : NULL;
}

static status
open_instance(instance *p, const shape *s, mem *m, error *err) {
    static const call calls[] = {{"max", 0, -1, false}, {"max", 1, -1, false},
                                 {"max", 2, -1, false}, {"min", 0, -1, false},
                                 {"min", 1, -1, false}, {"min", 2, -1, false}};
    const int32_t     keys = ((s->groups & BY_KEY) != 0) + ((s->groups & BY_WINDOW) != 0);
    type_id           types[8] = {TYPE_I64, TYPE_I64, s->type, TYPE_I64};
    TRY(circuit_open(&p->c, m, &out, NULL, err));
    p->rows = circuit_schema(&p->c, 4, types);
    types[keys] = s->type;
    p->grouped = circuit_schema(&p->c, keys + 1, types);
    if (p->rows == NULL || p->grouped == NULL) {
        return error_memory(err);
    }
    p->grouping_spec = (op_spec){.mode = MODE_STREAM, .window_key = -1, .append_only = {true}};
    TRY(aggregate_spec(&p->c, &p->grouping_spec, p->aggs, p->grouped, keys,
                       &calls[keys + 3 * s->smallest], 1, err));
    TRY(circuit_add(&p->c, &p->grouping, &op_aggregate_class, &p->grouping_spec, err));
    p->grouping->old_rows_wanted = true;
    p->join_spec = (op_spec){.mode = MODE_STREAM,
                             .window_key = -1,
                             .input = {p->rows, p->grouping_spec.output},
                             .append_only = {true, false},
                             .join = s->kind};
    types[2] = s->type;
    types[3] = TYPE_I64;
    for (int32_t i = 0; i <= keys; i++) {
        types[4 + i] = (type_id)p->grouped->fields[i].type.id;
    }
    p->join_spec.output = circuit_schema(&p->c, s->kind == OP_JOIN_SEMI ? 4 : 5 + keys, types);
    open_rule(p, s);
    TRY(circuit_add(&p->c, &p->join, &op_join_class, &p->join_spec, err));
    TRY(op_connect(p->grouping, p->join, JOIN_RIGHT_SIDE, err));
    return circuit_finish(&p->c, p->join, err);
}

/* ---- the answer by loops */

static bool
same_group(const test_row *a, const test_row *b, int32_t keys) {
    return memcmp(a->v, b->v, (size_t)keys * sizeof(int64_t)) == 0;
}

/* Is no row of its group farther? Rows of the grouping are {key, window, value} as far as there. */
static bool
is_extreme(const history *h, int32_t at, int32_t keys) {
    const test_row *row = &h->grouped.rows[at];
    if (row->v[keys] == NONE) {
        return false;
    }
    for (int32_t i = 0; i < h->grouped.count; i++) {
        const test_row *other = &h->grouped.rows[i];
        const int       order =
            other->v[keys] == NONE ? 0 : compare_cells_as(h->of.type, other->v[keys], row->v[keys]);
        const bool farther = h->of.smallest ? order < 0 : order > 0;
        if (same_group(row, other, keys) &&
            (farther || (order == 0 && i < at && other->v[keys] == row->v[keys]))) {
            return false; /* of equal ones the first stands for all */
        }
    }
    return true;
}

static bool
matches(const shape *s, const test_row *row, const test_row *best) {
    const int32_t by_key = (s->groups & BY_KEY) != 0, by_window = (s->groups & BY_WINDOW) != 0;
    const int64_t farthest = best->v[by_key + by_window];
    if (row->v[2] == NONE || row->v[2] != farthest ||
        (by_key && (row->v[0] == NONE || row->v[0] != best->v[0]))) {
        return false;
    }
    const int64_t apart = by_window && row->v[1] != NONE ? best->v[by_key] - row->v[1] : 0;
    return !by_window || (row->v[1] != NONE && apart >= s->lo && apart <= s->hi);
}

static void
add_match(const history *h, const test_row *row, int64_t weight, const test_row *best) {
    const instance *p = &h->part[0];
    char            left[ZSET_KEY], right[ZSET_KEY], both[ZSET_KEY];
    print_row(left, p->rows, row);
    if (h->of.kind == OP_JOIN_SEMI) {
        *zset_at(&wanted, left) = weight; /* rows differ by their numbers */
        return;
    }
    print_row(right, p->grouped, best);
    CHECK(snprintf(both, sizeof(both), "%.100s%.59s", left, right) < ZSET_KEY);
    zset_add(&wanted, both, weight);
}

static void
answer(const history *h) {
    zset_clear(&wanted);
    for (int32_t b = 0; b < h->grouped.count; b++) {
        const test_row *best = &h->grouped.rows[b];
        const int32_t   count = is_extreme(h, b, h->part[0].rule.group_count) ? h->rows.count : 0;
        for (int32_t i = 0; i < count; i++) {
            if (matches(&h->of, &h->rows.rows[i], best)) {
                add_match(h, &h->rows.rows[i], h->rows.weight[i], best);
            }
        }
    }
}

/* ---- histories */

static test_row
next_row(history *h) {
    const int64_t range[] = {3, 1, 9};
    test_row      row = random_row(&h->r, 3, range, 9);
    h->now += (int64_t)rng_below(&h->r, 3);
    row.v[1] = h->now - (int64_t)rng_below(&h->r, 12);
    row.v[1] = rng_below(&h->r, 4) == 0 ? floor_div_i64(row.v[1], SLIDE) * SLIDE : row.v[1];
    row.v[3] = h->number++;
    return row;
}

/* The row as the grouping gets it: key, start of the window, value. */
static test_row
as_grouped(const shape *s, const test_row *row) {
    test_row grouped = {{0}};
    int32_t  n = 0;
    if ((s->groups & BY_KEY) != 0) {
        grouped.v[n++] = row->v[0];
    }
    if ((s->groups & BY_WINDOW) != 0) {
        grouped.v[n++] = floor_div_i64(row->v[1], SLIDE) * SLIDE;
    }
    grouped.v[n] = row->v[2];
    return grouped;
}

static status
push_row(history *h, instance *p, int32_t side, const test_row *row, error *err) {
    if (side == JOIN_LEFT_SIDE) {
        const bool missing = rng_below(&h->r, 20) == 0;
        test_row   stored = *row;
        stored.v[1] = missing ? NONE : row->v[1];
        rows_add(&h->rows, &stored, 1);
        return circuit_push(&p->c, p->join, side, p->rows, &stored, NULL, 1, err);
    }
    const test_row grouped = as_grouped(&h->of, row);
    CHECK(h->grouped.count < 4096);
    h->grouped.rows[h->grouped.count] = grouped;
    h->grouped.weight[h->grouped.count++] = 1;
    return circuit_push(&p->c, p->grouping, 0, p->grouped, &grouped, NULL, 1, err);
}

static status
step_rows(history *h, int32_t parts, error *err) {
    const int32_t count = (int32_t)rng_below(&h->r, 12);
    for (int32_t i = 0; i < count; i++) {
        instance      *p = &h->part[rng_below(&h->r, (uint64_t)parts)];
        const test_row row = next_row(h);
        const int32_t  first = (int32_t)rng_below(&h->r, 2);
        const uint64_t which = rng_below(&h->r, 4); /* mostly to both sides, as of one source */
        TRY(which == 3 ? OK : push_row(h, p, first, &row, err));
        TRY(which == 2 ? OK : push_row(h, p, !first, &row, err));
    }
    return OK;
}

static status
run_history(history *h, const shape *s, uint64_t seed, mem *m, error *err) {
    memset(h, 0, sizeof(*h));
    h->of = *s;
    rng_init(&h->r, seed);
    zset_clear(&out);
    int32_t       parts = 1 + (seed % 3 == 0);
    const int64_t meet = 3 + (int64_t)rng_below(&h->r, 20);
    status        done = open_instance(&h->part[0], s, m, err);
    done = done < 0 || parts == 1 ? done : open_instance(&h->part[1], s, m, err);
    for (int64_t step = 0; done >= 0 && step < STEPS; step++) {
        if (step == meet && parts == 2) {
            done = op_merge(h->part[0].grouping, h->part[1].grouping, err);
            done = done < 0 ? done : op_merge(h->part[0].join, h->part[1].join, err);
            arena_reset(&h->part[0].c.scratch);
            parts = 1;
        }
        done = done < 0 ? done : step_rows(h, parts, err);
        for (int32_t i = 0; done >= 0 && i < parts; i++) {
            done = circuit_tick(&h->part[i].c, step, err);
        }
        if (done >= 0 && m == NULL && parts == 1) {
            answer(h);
            zset_check_equal(&out, &wanted, "rows with the extreme");
        }
    }
    circuit_close(&h->part[0].c);
    if (h->part[1].c.mem != NULL) {
        circuit_close(&h->part[1].c);
    }
    return done < 0 ? done : OK;
}

static history one;

static void
test_histories(void **state) {
    static const int64_t ranges[][2] = {{-SLIDE + 1, 0}, {-SLIDE, 0}, {-3, 25}, {0, 0}, {4, 9}};
    static const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_F64};
    (void)state;
    for (uint64_t seed = 0; seed < 240; seed++) {
        shape s = {.groups = (int)(seed % 4),
                   .smallest = (seed / 4) % 2 != 0,
                   .together = (seed / 8) % 2 != 0,
                   .kind = (seed / 16) % 3 == 2 ? OP_JOIN_SEMI : OP_JOIN_INNER,
                   .type = types[seed % ARRAY_COUNT(types)]};
        s.lo = ranges[seed % ARRAY_COUNT(ranges)][0];
        s.hi = ranges[seed % ARRAY_COUNT(ranges)][1];
        error err = {0};
        if (run_history(&one, &s, seed, NULL, &err) < 0) {
            print_error("seed %llu: %s\n", (unsigned long long)seed, err.message);
            fail();
        }
    }
}

/* Times at the ends of what there is are kept, and cost no more than others. */
static void
test_far_times(void **state) {
    static const int64_t far[] = {INT64_MIN + 1, INT64_MAX, INT64_MIN / 2, INT64_MAX / 2, 5};
    const shape          s = {.groups = BY_WINDOW, .type = TYPE_I64, .lo = -9, .together = false};
    error                err = {0};
    (void)state;
    memset(&one, 0, sizeof(one));
    zset_clear(&out);
    CHECK_OK(open_instance(&one.part[0], &s, NULL, &err));
    instance      *p = &one.part[0];
    const test_row best = {{0, 7}};
    p->join_spec.predicate = NULL;
    CHECK_OK(circuit_push(&p->c, p->grouping, 0, p->grouped, &best, NULL, 1, &err));
    CHECK_OK(circuit_tick(&p->c, 0, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(far); i++) {
        const test_row row = {{0, far[i], 1, i}};
        CHECK_OK(circuit_push(&p->c, p->join, 0, p->rows, &row, NULL, 1, &err));
    }
    CHECK_OK(circuit_tick(&p->c, 0, &err));
    CHECK_EQ(p->join->class->state_rows(p->join), 1 + 4); /* 5 lies in the window, and is smaller */
    circuit_close(&p->c);
}

/* Rows that a group passes later go too, and the answer stays. */
static void
test_what_stays(void **state) {
    const shape s = {.groups = BY_KEY, .type = TYPE_I64};
    error       err = {0};
    (void)state;
    memset(&one, 0, sizeof(one));
    zset_clear(&out);
    CHECK_OK(open_instance(&one.part[0], &s, NULL, &err));
    instance *p = &one.part[0];
    for (int64_t i = 0; i < 5000; i++) {
        const test_row row = {{i % 2, 0, i, i}};
        CHECK_OK(circuit_push(&p->c, p->join, 0, p->rows, &row, NULL, 1, &err));
    }
    CHECK_OK(circuit_tick(&p->c, 0, &err));
    CHECK_EQ(p->join->class->state_rows(p->join), 5000); /* there is no group */
    const test_row first = {{0, 4990}};
    CHECK_OK(circuit_push(&p->c, p->grouping, 0, p->grouped, &first, NULL, 1, &err));
    CHECK_OK(circuit_tick(&p->c, 0, &err));
    CHECK_EQ(p->join->class->state_rows(p->join), 2500 + 5 + 1); /* 4990 .. 4998 of the one */
    const test_row second = {{1, 4999}};
    CHECK_OK(circuit_push(&p->c, p->grouping, 0, p->grouped, &second, NULL, 1, &err));
    CHECK_OK(circuit_tick(&p->c, 0, &err));
    CHECK(p->join->class->state_rows(p->join) <= 2500 + 5 + 2); /* not twice as many yet */
    for (int64_t i = 5000; i < 13000; i++) {
        const test_row row = {{2, 0, i, i}};
        CHECK_OK(circuit_push(&p->c, p->join, 0, p->rows, &row, NULL, 1, &err));
    }
    CHECK_OK(circuit_tick(&p->c, 0, &err));
    CHECK_EQ(p->join->class->state_rows(p->join), 8000 + 5 + 1 + 2);
    circuit_close(&p->c);
}

static status
torture_history(mem *m, error *err) {
    const shape s = {
        .groups = BY_KEY | BY_WINDOW, .type = TYPE_TEXT, .lo = -SLIDE, .together = true};
    return run_history(&one, &s, 3, m, err);
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("join_extreme", torture_history) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_far_times), UNIT(test_what_stays), UNIT(test_torture))
