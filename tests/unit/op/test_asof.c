/* SPDX-License-Identifier: Apache-2.0 */
/* test_asof.c - ASOF joins against looking at every right row for every left row: random histories
 * with retractions on both sides, every match, tolerances, inner and LEFT. */
#include "circuit.h"

static const type_id types[] = {TYPE_I64, TYPE_I64, TYPE_TEXT};
static const int64_t range[] = {3, 12, 4};

static zset      out, expected, snapshot;
static test_rows live[2];

typedef struct asof_case {
    op_match match;
    int64_t  tolerance; /* -1: none */
    bool     left;
    int32_t  key_count;
} asof_case;

typedef struct pipeline {
    circuit       c;
    op           *o;
    op_spec       spec;
    const schema *in;
    int32_t       columns[2]; /* key, time */
} pipeline;

static status
pipeline_open(pipeline *p, mem *m, const asof_case *a, op_mode mode, error *err) {
    static const type_id both[] = {TYPE_I64, TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_I64, TYPE_TEXT};
    static const int32_t keyed[] = {0, 1};
    static const int32_t plain[] = {1};
    TRY(circuit_open(&p->c, m, &out, &snapshot, err));
    p->in = circuit_schema(&p->c, 3, types);
    const schema *all = circuit_schema(&p->c, 6, both);
    if (p->in == NULL || all == NULL) {
        return error_memory(err);
    }
    p->spec =
        (op_spec){.mode = mode,
                  .input = {p->in, p->in},
                  .output = all,
                  .key_count = a->key_count,
                  .left_keys = a->key_count > 0 ? keyed : plain,
                  .right_keys = a->key_count > 0 ? keyed : plain,
                  .join = a->left ? OP_JOIN_LEFT : OP_JOIN_INNER,
                  .match = a->match,
                  .tolerance = a->tolerance < 0 ? value_null(TYPE_I64) : value_i64(a->tolerance),
                  .window_key = -1};
    TRY(circuit_add(&p->c, &p->o, &op_asof_class, &p->spec, err));
    return circuit_finish(&p->c, p->o, err);
}

/* ---- the reference */

static int
compare_cells(const test_row *x, const test_row *y, int32_t at) {
    const int64_t a = x->v[at], b = y->v[at];
    if (a == NONE || b == NONE) {
        return (a == NONE) - (b == NONE);
    }
    if (types[at] == TYPE_TEXT) {
        char s[ZSET_KEY], t[ZSET_KEY];
        print_cell(s, sizeof(s), TYPE_TEXT, a);
        print_cell(t, sizeof(t), TYPE_TEXT, b);
        return strcmp(s, t);
    }
    return (a > b) - (a < b);
}

/* By time, then by all columns. */
static int
compare_rights(const test_row *x, const test_row *y) {
    int order = compare_cells(x, y, 1);
    for (int32_t i = 0; i < 3 && order == 0; i++) {
        order = compare_cells(x, y, i);
    }
    return order;
}

static bool
can_match(const asof_case *a, const test_row *l, const test_row *r) {
    if (l->v[1] == NONE || r->v[1] == NONE ||
        (a->key_count > 0 && (l->v[0] == NONE || l->v[0] != r->v[0]))) {
        return false;
    }
    switch (a->match) {
    case OP_MATCH_GREATER_EQUAL:
        return l->v[1] >= r->v[1];
    case OP_MATCH_GREATER:
        return l->v[1] > r->v[1];
    case OP_MATCH_LESS_EQUAL:
        return l->v[1] <= r->v[1];
    case OP_MATCH_LESS:
        return l->v[1] < r->v[1];
    default:
        return true;
    }
}

static int64_t
distance(const test_row *l, const test_row *r) {
    return l->v[1] > r->v[1] ? l->v[1] - r->v[1] : r->v[1] - l->v[1];
}

/* Is r a better match of l than best? */
static bool
is_better(const test_row *l, const test_row *r, const test_row *best) {
    if (distance(l, r) != distance(l, best)) {
        return distance(l, r) < distance(l, best);
    }
    if (r->v[1] != best->v[1]) {
        return r->v[1] < best->v[1];
    }
    const int order = compare_rights(r, best);
    return r->v[1] < l->v[1] ? order > 0 : order < 0;
}

/* Rows at the very time of the left one: the last of them looking back, the first looking ahead. */
static bool
is_better_at(const asof_case *a, const test_row *l, const test_row *r, const test_row *best) {
    const bool same = l->v[1] == r->v[1] && r->v[1] == best->v[1];
    const bool back = a->match == OP_MATCH_GREATER_EQUAL || a->match == OP_MATCH_NEAREST;
    return same ? (compare_rights(r, best) > 0) == back : is_better(l, r, best);
}

static void
reference(const asof_case *a, const schema *in) {
    zset_clear(&expected);
    for (int32_t i = 0; i < live[0].count; i++) {
        const test_row *l = &live[0].rows[i];
        const test_row *best = NULL;
        for (int32_t j = 0; j < live[1].count; j++) {
            const test_row *r = &live[1].rows[j];
            if (can_match(a, l, r) && (best == NULL || is_better_at(a, l, r, best))) {
                best = r;
            }
        }
        if (best != NULL && a->tolerance >= 0 && distance(l, best) > a->tolerance) {
            best = NULL;
        }
        if (best == NULL && !a->left) {
            continue;
        }
        const test_row none = {{NONE, NONE, NONE}};
        char           key[ZSET_KEY], right[ZSET_KEY];
        print_row(key, in, l);
        print_row(right, in, best == NULL ? &none : best);
        CHECK(strlen(key) + strlen(right) < ZSET_KEY);
        memcpy(key + strlen(key), right, strlen(right) + 1);
        zset_add(&expected, key, live[0].weight[i]);
    }
}

/* ---- histories */

static void
run_once(const asof_case *a) {
    static pipeline p;
    error           err = {0};
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, a, MODE_ONCE, &err));
    for (int32_t side = 1; side >= 0; side--) {
        CHECK_OK(circuit_push(&p.c, p.o, side, p.in, live[side].rows, live[side].weight,
                              live[side].count, &err));
    }
    CHECK_OK(circuit_tick(&p.c, INT64_MAX, &err));
    zset_check_equal(&out, &expected, "one-off asof");
    circuit_close(&p.c);
}

static void
run_history(uint64_t seed) {
    static pipeline  p;
    static tick_rows shuffled[2];
    error            err = {0};
    rng              r;
    rng_init(&r, seed);
    const asof_case a = {.match = (op_match)(seed % 5),
                         .tolerance = (int64_t)rng_below(&r, 5) - 1,
                         .left = seed / 5 % 2 == 0,
                         .key_count = (int32_t)(seed / 10 % 2)};
    zset_clear(&out);
    live[0].count = live[1].count = 0;
    CHECK_OK(pipeline_open(&p, NULL, &a, MODE_STREAM, &err));
    for (int32_t step = 0; step < 60; step++) {
        test_row      rows[6];
        int64_t       weight[6];
        const int32_t side = (int32_t)rng_below(&r, 2);
        const int32_t n = random_batch(&r, &live[side], 3, range, 9, false, 6, rows, weight);
        tick_rows_add(&shuffled[side], rows, weight, n);
        if (rng_below(&r, 2) == 0 || step == 59) {
            const int32_t first = (int32_t)rng_below(&r, 2);
            CHECK_OK(tick_rows_push(&shuffled[first], &r, &p.c, p.o, first, p.in, &err));
            CHECK_OK(tick_rows_push(&shuffled[!first], &r, &p.c, p.o, !first, p.in, &err));
            CHECK_OK(circuit_tick(&p.c, 0, &err));
            reference(&a, p.in);
            zset_check_equal(&out, &expected, "asof");
        }
    }
    CHECK_OK(circuit_snapshot(&p.c, p.o, &err));
    zset_check_equal(&snapshot, &expected, "snapshot");
    circuit_close(&p.c);
    run_once(&a);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 120; seed++) {
        run_history(seed);
    }
}

static status
torture_asof(mem *m, error *err) {
    static pipeline p;
    const asof_case a = {.match = OP_MATCH_NEAREST, .tolerance = 3, .left = true, .key_count = 1};
    status          s = OK;
    for (int32_t variant = 0; s >= 0 && variant < 2; variant++) {
        rng r;
        rng_init(&r, 9);
        zset_clear(&out);
        live[0].count = live[1].count = 0;
        s = pipeline_open(&p, m, &a, variant == 0 ? MODE_STREAM : MODE_ONCE, err);
        for (int32_t step = 0; s >= 0 && step < 6; step++) {
            test_row      rows[5];
            int64_t       weight[5];
            const int32_t side = variant == 0 ? step % 2 : step < 3;
            const int32_t n =
                random_batch(&r, &live[side], 3, range, 9, variant == 1, 5, rows, weight);
            s = circuit_push(&p.c, p.o, side, p.in, rows, weight, n, err);
            s = s < 0 || variant == 1 ? s : circuit_tick(&p.c, 0, err);
        }
        s = s < 0 ? s : circuit_tick(&p.c, 0, err);
        circuit_close(&p.c);
    }
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("asof", torture_asof) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_torture))
