/* SPDX-License-Identifier: Apache-2.0 */
/* test_join.c - inner and LEFT joins against nested loops, over random histories of both sides. */
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
    bool    left, residual, append_only, self;
    int32_t key_count;
    op_mode mode;
} join_case;

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
    memcpy(types, both_types, sizeof(types));
    if (jc->self) {
        memcpy(types + 3, left_types, sizeof(left_types));
    }
    p->in[0] = circuit_schema(&p->c, 3, left_types);
    p->in[1] = circuit_schema(&p->c, 3, jc->self ? left_types : right_types);
    schema *both = circuit_schema(&p->c, 6, types);
    if (p->in[0] == NULL || p->in[1] == NULL || both == NULL) {
        return error_memory(err);
    }
    p->spec = (op_spec){.mode = jc->mode,
                        .append_only = {jc->append_only, jc->append_only},
                        .input = {p->in[0], p->in[1]},
                        .output = both,
                        .key_count = jc->key_count,
                        .left_keys = left_keys,
                        .right_keys = jc->self ? left_keys : right_keys,
                        .left_join = jc->left};
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
        if (x == NONE || x != y) {
            return false;
        }
    }
    const int64_t x = l->v[2];
    const int64_t y = r->v[jc->self ? 2 : 1];
    return !jc->residual || (x != NONE && y != NONE && x < y);
}

static void
nested_loops(const join_case *jc, const schema *in[2], const test_rows *left,
             const test_rows *right) {
    static const char *padded = "|NULL|NULL|NULL";
    zset_clear(&expected);
    for (int32_t i = 0; i < left->count; i++) {
        char    l[ZSET_KEY];
        char    r[ZSET_KEY];
        char    pair[2 * ZSET_KEY];
        int64_t matches = 0;
        print_row(l, in[0], &left->rows[i]);
        for (int32_t k = 0; k < right->count; k++) {
            if (rows_match(jc, &left->rows[i], &right->rows[k])) {
                print_row(r, in[1], &right->rows[k]);
                snprintf(pair, sizeof(pair), "%s%s", l, r);
                zset_add(&expected, pair, left->weight[i] * right->weight[k]);
                matches += right->weight[k];
            }
        }
        if (jc->left && matches == 0) {
            snprintf(pair, sizeof(pair), "%s%s", l, padded);
            zset_add(&expected, pair, left->weight[i]);
        }
    }
}

static void
run_once(const join_case *stream) {
    static pipeline p;
    error           err = {0};
    join_case       jc = *stream;
    jc.mode = MODE_ONCE;
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &jc, &err));
    for (int32_t port = 1; port >= 0; port--) {
        const test_rows *rows = &rows_of[jc.self ? 0 : port];
        for (int32_t i = 0; i < rows->count; i += 17) {
            CHECK_OK(circuit_push(&p.c, p.join, port, p.in[port], rows->rows + i, rows->weight + i,
                                  (int32_t)min_i64(17, rows->count - i), &err));
        }
    }
    CHECK_OK(circuit_tick(&p.c, INT64_MAX, &err));
    zset_check_equal(&out, &expected, "one-off join");
    circuit_close(&p.c);
}

static void
run_history(uint64_t seed, const join_case *jc) {
    static pipeline  p;
    static tick_rows shuffled[2];
    const bool       shuffles = !jc->self && !jc->append_only && seed % 3 == 0;
    error            err = {0};
    rng              r;
    rng_init(&r, seed);
    zset_clear(&out);
    rows_of[0].count = 0;
    rows_of[1].count = 0;
    CHECK_OK(pipeline_open(&p, NULL, jc, &err));
    const int32_t steps = jc->key_count == 0 ? 12 : 50; /* cross joins are large */
    for (int32_t step = 0; step < steps; step++) {
        test_row       rows[12];
        int64_t        weight[12];
        const int32_t  port = jc->self ? 0 : (int32_t)rng_below(&r, 2);
        const int32_t  n = random_batch(&r, &rows_of[port], 3, port == 0 ? left_range : right_range,
                                        7, jc->append_only, 12, rows, weight);
        const int64_t *w = jc->append_only ? NULL : weight;
        const int32_t  first = (int32_t)rng_below(&r, 2);
        if (jc->self) {
            CHECK_OK(circuit_push(&p.c, p.join, first, p.in[0], rows, w, n, &err));
            CHECK_OK(circuit_push(&p.c, p.join, !first, p.in[1], rows, w, n, &err));
        } else if (shuffles) {
            tick_rows_add(&shuffled[port], rows, weight, n);
        } else {
            CHECK_OK(circuit_push(&p.c, p.join, port, p.in[port], rows, w, n, &err));
        }
        if (rng_below(&r, 3) == 0) {
            CHECK_OK(tick_rows_push(&shuffled[first], &r, &p.c, p.join, first, p.in[first], &err));
            CHECK_OK(
                tick_rows_push(&shuffled[!first], &r, &p.c, p.join, !first, p.in[!first], &err));
            CHECK_OK(circuit_tick(&p.c, 0, &err));
            nested_loops(jc, p.in, &rows_of[0], &rows_of[jc->self ? 0 : 1]);
            zset_check_equal(&out, &expected, "join");
        }
    }
    for (int32_t port = 0; port < 2; port++) {
        CHECK_OK(tick_rows_push(&shuffled[port], &r, &p.c, p.join, port, p.in[port], &err));
    }
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    nested_loops(jc, p.in, &rows_of[0], &rows_of[jc->self ? 0 : 1]);
    zset_check_equal(&out, &expected, "join");
    circuit_close(&p.c);
    run_once(jc);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 48; seed++) {
        const join_case jc = {.left = (seed & 1) != 0,
                              .residual = (seed & 2) != 0,
                              .append_only = (seed & 4) != 0,
                              .self = (seed & 8) != 0,
                              .key_count = (int32_t)(seed / 16)};
        run_history(seed, &jc);
    }
}

/* -old +new of one right row in a delta does not toggle the padding of its left rows. */
static void
test_update_does_not_toggle(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const join_case jc = {.left = true, .key_count = 1};
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

/* One probe row with more partners than a delta holds; weights that cannot be multiplied. */
static void
test_wide_and_overflow(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const join_case jc = {.left = true, .residual = true, .key_count = 1};
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

static status
torture_join(mem *m, error *err) {
    static pipeline p;
    const join_case jc = {.left = true, .residual = true, .key_count = 2};
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
    CHECK(torture("join", torture_join) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_update_does_not_toggle), UNIT(test_wide_and_overflow),
          UNIT(test_torture))
