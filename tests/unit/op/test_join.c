/* SPDX-License-Identifier: Apache-2.0 */
/* test_join.c - joins of every kind against nested loops, over random histories of both sides. */
#include "circuit.h"

static const type_id left_types[] = {TYPE_I64, TYPE_TEXT, TYPE_I64};
static const type_id right_types[] = {TYPE_TEXT, TYPE_I64, TYPE_F64};
static const type_id both_types[] = {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_F64};
static const int32_t left_keys[] = {0, 1};
static const int32_t right_keys[] = {1, 0};
static const int64_t left_range[] = {4, 3, 5};
static const int64_t right_range[] = {3, 4, 5};

static zset      out, expected;
static test_rows rows_of[2];

typedef struct join_case {
    op_join_kind kind;
    bool         residual, append_only, self, null_safe;
    int32_t      key_count, build_side;
    op_mode      mode;
} join_case;

static const bool both_safe[] = {true, true};

typedef struct pipeline {
    circuit       c;
    op           *join;
    op_spec       spec;
    const schema *in[2];
} pipeline;

/* left x < right x, as columns 2 and 4 (self: 2 and 5) of the pair */
static status
pipeline_open(pipeline *p, mem *m, const join_case *jc, error *err) {
    TRY(circuit_open(&p->c, m, &out, NULL, err));
    arena        *a = &p->c.arena;
    const int32_t right_x = jc->self ? 5 : 4;
    type_id       types[6];
    const bool    mark = jc->kind == OP_JOIN_MARK;
    const bool    left_only = mark || jc->kind == OP_JOIN_SEMI || jc->kind == OP_JOIN_ANTI;
    memcpy(types, both_types, sizeof(types));
    if (jc->self) {
        memcpy(types + 3, left_types, sizeof(left_types));
    }
    p->in[0] = circuit_schema(&p->c, 3, left_types);
    p->in[1] = circuit_schema(&p->c, 3, jc->self ? left_types : right_types);
    if (mark) {
        types[3] = TYPE_BOOL;
    }
    schema *shown = circuit_schema(&p->c, left_only ? 3 + mark : 6, types);
    if (p->in[0] == NULL || p->in[1] == NULL || shown == NULL) {
        return error_memory(err);
    }
    p->spec = (op_spec){.mode = jc->mode,
                        .append_only = {jc->append_only, jc->append_only},
                        .input = {p->in[0], p->in[1]},
                        .output = shown,
                        .key_count = jc->key_count,
                        .left_keys = left_keys,
                        .right_keys = jc->self ? left_keys : right_keys,
                        .null_safe = jc->null_safe ? both_safe : NULL,
                        .join = jc->kind,
                        .build_side = jc->build_side,
                        .position = 7};
    if (jc->residual) {
        expr *args[2] = {expr_column(a, 2, type_of(TYPE_I64), -1),
                         expr_column(a, right_x, type_of(TYPE_I64), -1)};
        if (args[0] == NULL || args[1] == NULL) {
            return error_memory(err);
        }
        TRY(expr_call(&p->spec.predicate, a, TEXT("<"), args, 2, -1, err));
    }
    TRY(circuit_add(&p->c, &p->join, &op_join_class, &p->spec, err));
    return circuit_finish(&p->c, p->join, err);
}

static bool
rows_match(const join_case *jc, const test_row *l, const test_row *r) {
    for (int32_t k = 0; k < jc->key_count; k++) {
        const int64_t x = l->v[left_keys[k]];
        const int64_t y = r->v[jc->self ? left_keys[k] : right_keys[k]];
        if ((x == NONE && !jc->null_safe) || x != y) {
            return false;
        }
    }
    const int64_t x = l->v[2];
    const int64_t y = r->v[jc->self ? 2 : 1];
    return !jc->residual || (x != NONE && y != NONE && x < y);
}

static bool
shows_pairs(op_join_kind k) {
    return k != OP_JOIN_SEMI && k != OP_JOIN_ANTI && k != OP_JOIN_MARK;
}

/* What a left row gives by itself. */
static void
add_left(const join_case *jc, const char *l, int64_t matches, int64_t weight) {
    char        line[2 * ZSET_KEY];
    const char *tail = "";
    switch (jc->kind) {
    case OP_JOIN_INNER:
    case OP_JOIN_RIGHT:
        return;
    case OP_JOIN_LEFT:
    case OP_JOIN_FULL:
    case OP_JOIN_SINGLE:
        if (matches > 0) {
            return;
        }
        tail = "|NULL|NULL|NULL";
        break;
    case OP_JOIN_SEMI:
    case OP_JOIN_ANTI:
        if ((matches > 0) != (jc->kind == OP_JOIN_SEMI)) {
            return;
        }
        break;
    case OP_JOIN_MARK:
        tail = matches > 0 ? "|1" : "|0";
        break;
    }
    snprintf(line, sizeof(line), "%s%s", l, tail);
    zset_add(&expected, line, weight);
}

/* *crowded: some left row has two matches. */
static void
nested_loops(const join_case *jc, const schema *in[2], const test_rows *left,
             const test_rows *right, bool *crowded) {
    static int64_t right_matches[1 << 16];
    char           l[ZSET_KEY];
    char           r[ZSET_KEY];
    char           pair[2 * ZSET_KEY];
    CHECK(right->count < ARRAY_COUNT(right_matches));
    memset(right_matches, 0, sizeof(right_matches));
    zset_clear(&expected);
    *crowded = false;
    for (int32_t i = 0; i < left->count; i++) {
        int64_t matches = 0;
        print_row(l, in[0], &left->rows[i]);
        for (int32_t k = 0; k < right->count; k++) {
            if (!rows_match(jc, &left->rows[i], &right->rows[k])) {
                continue;
            }
            matches += right->weight[k];
            right_matches[k] += left->weight[i];
            if (shows_pairs(jc->kind)) {
                print_row(r, in[1], &right->rows[k]);
                snprintf(pair, sizeof(pair), "%s%s", l, r);
                zset_add(&expected, pair, left->weight[i] * right->weight[k]);
            }
        }
        *crowded |= matches > 1 && left->weight[i] != 0;
        add_left(jc, l, matches, left->weight[i]);
    }
    for (int32_t k = 0; k < right->count; k++) {
        if ((jc->kind == OP_JOIN_RIGHT || jc->kind == OP_JOIN_FULL) && right_matches[k] == 0) {
            print_row(r, in[1], &right->rows[k]);
            snprintf(pair, sizeof(pair), "|NULL|NULL|NULL%s", r);
            zset_add(&expected, pair, right->weight[k]);
        }
    }
}

static void
run_once(const join_case *stream, int32_t build_side, bool crowded) {
    static pipeline p;
    error           err = {0};
    join_case       jc = *stream;
    status          done = OK;
    jc.mode = MODE_ONCE;
    jc.build_side = build_side;
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &jc, &err));
    for (int32_t turn = 0; turn < 2; turn++) {
        const int32_t    port = build_side ^ turn;
        const test_rows *rows = &rows_of[jc.self ? 0 : port];
        for (int32_t i = 0; i < rows->count && done >= 0; i += 17) {
            done = circuit_push(&p.c, p.join, port, p.in[port], rows->rows + i, rows->weight + i,
                                (int32_t)min_i64(17, rows->count - i), &err);
        }
    }
    done = done < 0 ? done : circuit_tick(&p.c, INT64_MAX, &err);
    if (jc.kind == OP_JOIN_SINGLE && crowded) {
        CHECK_EQ(done, ERR_QUERY_FAILED);
        CHECK_EQ(err.position, 7);
    } else {
        CHECK_OK(done);
        zset_check_equal(&out, &expected, "one-off join");
    }
    circuit_close(&p.c);
}

/* Ends the tick. False: the operator refused a second match, and rightly. */
static bool
end_tick(pipeline *p, const join_case *jc, bool *crowded) {
    error        err = {0};
    const status s = circuit_tick(&p->c, 0, &err);
    nested_loops(jc, p->in, &rows_of[0], &rows_of[jc->self ? 0 : 1], crowded);
    if (jc->kind == OP_JOIN_SINGLE && *crowded) {
        CHECK_EQ(s, ERR_QUERY_FAILED);
        return false;
    }
    CHECK_OK(s);
    zset_check_equal(&out, &expected, "join");
    return true;
}

static void
run_history(uint64_t seed, const join_case *jc) {
    static pipeline  p;
    static tick_rows shuffled[2];
    const bool       shuffles = !jc->self && !jc->append_only && seed % 3 == 0;
    error            err = {0};
    rng              r;
    bool             crowded = false, goes_on = true;
    rng_init(&r, seed);
    zset_clear(&out);
    rows_of[0].count = 0;
    rows_of[1].count = 0;
    shuffled[0] = shuffled[1] = (tick_rows){0};
    CHECK_OK(pipeline_open(&p, NULL, jc, &err));
    const int32_t steps = jc->key_count == 0 ? 12 : 50; /* cross joins are large */
    const int32_t most = jc->kind == OP_JOIN_SINGLE ? 3 : 12;
    for (int32_t step = 0; step < steps && goes_on; step++) {
        test_row       rows[12];
        int64_t        weight[12];
        const int32_t  port = jc->self ? 0 : (int32_t)rng_below(&r, 2);
        const int32_t  n = random_batch(&r, &rows_of[port], 3, port == 0 ? left_range : right_range,
                                        7, jc->append_only, most, rows, weight);
        const int64_t *w = jc->append_only ? NULL : weight;
        const int32_t  first = (int32_t)rng_below(&r, 2);
        if (jc->self) {
            CHECK_OK(circuit_push(&p.c, p.join, first, p.in[first], rows, w, n, &err));
            CHECK_OK(circuit_push(&p.c, p.join, !first, p.in[!first], rows, w, n, &err));
        } else if (shuffles) {
            tick_rows_add(&shuffled[port], rows, weight, n);
        } else {
            CHECK_OK(circuit_push(&p.c, p.join, port, p.in[port], rows, w, n, &err));
        }
        if (rng_below(&r, 3) == 0) {
            CHECK_OK(tick_rows_push(&shuffled[first], &r, &p.c, p.join, first, p.in[first], &err));
            CHECK_OK(
                tick_rows_push(&shuffled[!first], &r, &p.c, p.join, !first, p.in[!first], &err));
            goes_on = end_tick(&p, jc, &crowded);
        }
    }
    for (int32_t port = 0; port < 2 && goes_on; port++) {
        CHECK_OK(tick_rows_push(&shuffled[port], &r, &p.c, p.join, port, p.in[port], &err));
    }
    if (goes_on) {
        (void)end_tick(&p, jc, &crowded);
    }
    circuit_close(&p.c);
    run_once(jc, 1, crowded);
    run_once(jc, 0, crowded);
}

static void
test_histories(void **state) {
    (void)state;
    uint64_t seed = 0;
    for (int32_t kind = OP_JOIN_INNER; kind <= OP_JOIN_SINGLE; kind++) {
        for (int32_t keys = 0; keys < 3; keys++) {
            for (int32_t flags = 0; flags < 16; flags++) {
                const join_case jc = {.kind = (op_join_kind)kind,
                                      .residual = (flags & 1) != 0,
                                      .append_only = (flags & 2) != 0,
                                      .self = (flags & 4) != 0,
                                      .null_safe = (flags & 8) != 0,
                                      .key_count = keys};
                run_history(seed++, &jc);
            }
        }
    }
}

/* -old +new of one right row in a delta does not toggle the padding of its left rows. */
static void
test_update_does_not_toggle(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const join_case jc = {.kind = OP_JOIN_LEFT, .key_count = 1};
    const test_row  l = {{1, 0, 5}};
    const test_row  r[2] = {{{0, 1, 7}}, {{0, 1, 8}}};
    const int64_t   weight[2] = {-1, 1};
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &jc, &err));
    CHECK_OK(circuit_push(&p.c, p.join, 0, p.in[0], &l, NULL, 1, &err));
    CHECK_OK(circuit_push(&p.c, p.join, 1, p.in[1], r, NULL, 1, &err));
    CHECK_EQ(p.c.taken, 3);
    CHECK_OK(circuit_push(&p.c, p.join, 1, p.in[1], r, weight, 2, &err));
    CHECK_EQ(p.c.taken, 5);
    CHECK_OK(circuit_push(&p.c, p.join, 1, p.in[1], r + 1, weight, 1, &err));
    CHECK_EQ(p.c.taken, 7);
    CHECK_EQ(*zset_at(&out, "|1|k0|5|NULL|NULL|NULL"), 1);
    circuit_close(&p.c);
}

/* `count` rows of either side from number `first` on, under keys of their own, with long texts. */
static void
push_partners(pipeline *p, int32_t port, int64_t first, int32_t count, int64_t weight) {
    error    err = {0};
    test_row rows[64];
    int64_t  weights[64];
    CHECK(count <= ARRAY_COUNT(rows));
    for (int32_t i = 0; i < count; i++) {
        const int64_t n = first + i;
        rows[i] = port == 0 ? (test_row){{n, 2 * n + 1, 5}} : (test_row){{2 * n + 1, n, 7}};
        weights[i] = weight;
        rows_add(&rows_of[port], &rows[i], weight);
    }
    CHECK_OK(circuit_push(&p->c, p->join, port, p->in[port], rows, weights, count, &err));
}

/* Rows come out while their texts lie in the state of either side, which moves as it grows, and
 * whose blocks are freed and found again: pairs, rows that find or lose their match, retractions.
 * The turns of ports and the lengths of deltas are such that no row keeps its place. */
static void
test_texts_of_state(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const join_case jc = {.kind = OP_JOIN_FULL, .key_count = 1};
    bool            crowded;
    zset_clear(&out);
    rows_of[0].count = rows_of[1].count = 0;
    CHECK_OK(pipeline_open(&p, NULL, &jc, &err));
    for (int64_t n = 0; n < 2400; n += 40) {
        const int32_t port = (int32_t)(n / 40 % 2);
        push_partners(&p, port, n, 40, 1);
        push_partners(&p, !port, n, 40, 1); /* finds them, each once and in their order */
        push_partners(&p, port, n, 15, -1);
        push_partners(&p, !port, n + 5, 15, -1);
        CHECK_OK(circuit_tick(&p.c, 0, &err));
    }
    nested_loops(&jc, p.in, &rows_of[0], &rows_of[1], &crowded);
    zset_check_equal(&out, &expected, "texts of state");
    circuit_close(&p.c);
}

/* One probe row with more partners than a delta holds; weights that cannot be multiplied. */
static void
test_wide_and_overflow(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const join_case jc = {.kind = OP_JOIN_LEFT, .residual = true, .key_count = 1};
    static test_row r[1500];
    const test_row  l[2] = {{{1, 0, 600}}, {{1, 0, 5000}}};
    const int64_t   huge = INT64_MAX / 2;
    CHECK_OK(pipeline_open(&p, NULL, &jc, &err));
    p.c.out = NULL;
    for (int32_t part = 0; part < 5; part++) {
        for (int32_t i = 0; i < ARRAY_COUNT(r); i++) {
            r[i] = (test_row){{part * ARRAY_COUNT(r) + i, 1}};
        }
        CHECK_OK(circuit_push(&p.c, p.join, 1, p.in[1], r, NULL, ARRAY_COUNT(r), &err));
    }
    CHECK_OK(circuit_push(&p.c, p.join, 0, p.in[0], l, NULL, 2, &err));
    CHECK_EQ(p.c.taken, 2); /* the residual lets none through: right x is 1 */
    const test_row low = {{1, 0, 0}};
    CHECK_OK(circuit_push(&p.c, p.join, 0, p.in[0], &low, NULL, 1, &err));
    CHECK_EQ(p.c.taken, 2 + 7500);
    CHECK_OK(circuit_push(&p.c, p.join, 1, p.in[1], r, &huge, 1, &err));
    const int64_t three = 3;
    CHECK_FAILS(circuit_push(&p.c, p.join, 0, p.in[0], &low, &three, 1, &err), ERR_QUERY_FAILED);
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    circuit_close(&p.c);
}

static op_join_kind tortured;

static status
torture_join(mem *m, error *err) {
    static pipeline p;
    const join_case jc = {.kind = tortured, .residual = tortured % 2 != 0, .key_count = 2};
    rng             r;
    rng_init(&r, 5);
    zset_clear(&out);
    rows_of[0].count = 0;
    rows_of[1].count = 0;
    status s = pipeline_open(&p, m, &jc, err);
    for (int32_t step = 0; s >= 0 && step < 12; step++) {
        test_row      rows[8];
        int64_t       weight[8];
        const int32_t port = step % 2;
        const int32_t n = random_batch(&r, &rows_of[port], 3, port == 0 ? left_range : right_range,
                                       7, false, 8, rows, weight);
        s = circuit_push(&p.c, p.join, port, p.in[port], rows, weight, n, err);
        s = s < 0 || step % 3 != 0 ? s : circuit_tick(&p.c, 0, err);
    }
    circuit_close(&p.c);
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    static const op_join_kind kinds[] = {OP_JOIN_LEFT, OP_JOIN_FULL, OP_JOIN_SEMI, OP_JOIN_MARK};
    for (int32_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        tortured = kinds[i];
        CHECK(torture("join", torture_join) > 20);
    }
}

/* A key that holds half of the rows costs a step a row, not a step a pair, where pairs do not come
 * out: rows of a semi join under one key arrive and leave without being looked at again. */
static void
test_hot_key(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const join_case jc = {.kind = OP_JOIN_SEMI, .key_count = 1};
    static test_row rows[2000];
    for (int32_t i = 0; i < ARRAY_COUNT(rows); i++) {
        rows[i] = (test_row){{1, 1, i}};
    }
    CHECK_OK(pipeline_open(&p, NULL, &jc, &err));
    p.c.out = NULL;
    for (int32_t round = 0; round < 50; round++) { /* 10^10 pairs */
        for (int32_t i = 0; i < ARRAY_COUNT(rows); i++) {
            rows[i].v[2] += ARRAY_COUNT(rows);
        }
        CHECK_OK(circuit_push(&p.c, p.join, 0, p.in[0], rows, NULL, ARRAY_COUNT(rows), &err));
        CHECK_OK(circuit_push(&p.c, p.join, 1, p.in[1], rows, NULL, ARRAY_COUNT(rows), &err));
    }
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    CHECK_EQ(p.c.taken, 50 * ARRAY_COUNT(rows));
    circuit_close(&p.c);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_update_does_not_toggle), UNIT(test_wide_and_overflow),
          UNIT(test_hot_key), UNIT(test_texts_of_state), UNIT(test_torture))
