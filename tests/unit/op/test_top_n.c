/* SPDX-License-Identifier: Apache-2.0 */
/* test_top_n.c - LIMIT and OFFSET against sorting everything; ORDER BY alone. */
#include "circuit.h"

static const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_F64};
static const int64_t range[] = {6, 5, 8};

static const sort_key key_sets[][2] = {
    {{0, false, false}, {1, true, false}},
    {{1, true, true}, {2, false, true}},
    {{2, true, false}, {0, true, true}},
};

static zset      out, expected, snapshot;
static test_rows live;

typedef struct top_case {
    int64_t         limit, offset;
    const sort_key *keys;
    int32_t         key_count;
    bool            append_only;
    op_mode         mode;
} top_case;

typedef struct pipeline {
    circuit       c;
    op           *o;
    op_spec       spec;
    const schema *in;
} pipeline;

static status
pipeline_open(pipeline *p, mem *m, const top_case *tc, const op_class *class, error *err) {
    TRY(circuit_open(&p->c, m, &out, &snapshot, err));
    p->in = circuit_schema(&p->c, 3, types);
    if (p->in == NULL) {
        return error_memory(err);
    }
    p->spec = (op_spec){.mode = tc->mode,
                        .append_only = {tc->append_only, false},
                        .input = {p->in, NULL},
                        .output = p->in,
                        .sort_count = tc->key_count,
                        .sort_keys = tc->keys,
                        .limit = tc->limit,
                        .offset = tc->offset};
    TRY(circuit_add(&p->c, &p->o, class, &p->spec, err));
    return circuit_finish(&p->c, p->o, err);
}

static int
compare_cell(type_id type, int64_t a, int64_t b) {
    char x[ZSET_KEY];
    char y[ZSET_KEY];
    if (type != TYPE_TEXT) {
        return (a > b) - (a < b);
    }
    print_cell(x, sizeof(x), type, a);
    print_cell(y, sizeof(y), type, b);
    return strcmp(x, y);
}

static int
compare_rows_by(const test_row *a, const test_row *b, const sort_key *key) {
    const int64_t x = a->v[key->column];
    const int64_t y = b->v[key->column];
    if (x == NONE || y == NONE) {
        return x == y ? 0 : ((x == NONE) == key->nulls_first ? -1 : 1);
    }
    const int order = compare_cell(types[key->column], x, y);
    return key->descending ? -order : order;
}

static int
compare_test_rows(const test_row *a, const test_row *b, const top_case *tc) {
    for (int32_t i = 0; i < tc->key_count; i++) {
        const int order = compare_rows_by(a, b, &tc->keys[i]);
        if (order != 0) {
            return order;
        }
    }
    for (int32_t i = 0; i < 3; i++) {
        const sort_key plain = {.column = i};
        const int      order = compare_rows_by(a, b, &plain);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

/* Insertion sort of `live`, then the rows at places [offset, offset + limit). */
static void
reference(const top_case *tc, const schema *in) {
    static test_rows sorted;
    sorted = live;
    for (int32_t i = 1; i < sorted.count; i++) {
        const test_row row = sorted.rows[i];
        const int64_t  weight = sorted.weight[i];
        int32_t        at = i;
        for (; at > 0 && compare_test_rows(&row, &sorted.rows[at - 1], tc) < 0; at--) {
            sorted.rows[at] = sorted.rows[at - 1];
            sorted.weight[at] = sorted.weight[at - 1];
        }
        sorted.rows[at] = row;
        sorted.weight[at] = weight;
    }
    zset_clear(&expected);
    const int64_t end = tc->limit < 0 ? INT64_MAX : tc->offset + tc->limit;
    int64_t       place = 0;
    for (int32_t i = 0; i < sorted.count; i++) {
        const int64_t first = max_i64(place, tc->offset);
        const int64_t last = min_i64(place + sorted.weight[i], end);
        char          key[ZSET_KEY];
        place += sorted.weight[i];
        if (last > first) {
            print_row(key, in, &sorted.rows[i]);
            zset_add(&expected, key, last - first);
        }
    }
}

static void
run_once(const top_case *stream, rng *r) {
    static pipeline p;
    error           err = {0};
    top_case        tc = *stream;
    tc.mode = MODE_ONCE;
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &tc, &op_top_n_class, &err));
    for (int32_t i = 0; i < live.count;) {
        const int32_t n = (int32_t)min_i64(live.count - i, 1 + (int64_t)rng_below(r, 40));
        CHECK_OK(circuit_push(&p.c, p.o, 0, p.in, live.rows + i, live.weight + i, n, &err));
        i += n;
    }
    CHECK_OK(circuit_tick(&p.c, INT64_MAX, &err));
    zset_check_equal(&out, &expected, "one-off top_n");
    circuit_close(&p.c);
}

static void
run_history(uint64_t seed, const top_case *tc) {
    static pipeline  p;
    static tick_rows shuffled;
    error            err = {0};
    rng              r;
    rng_init(&r, seed);
    zset_clear(&out);
    live.count = 0;
    CHECK_OK(pipeline_open(&p, NULL, tc, &op_top_n_class, &err));
    for (int32_t step = 0; step < 70; step++) {
        test_row      rows[10];
        int64_t       weight[10];
        const int32_t n = random_batch(&r, &live, 3, range, 8, tc->append_only, 10, rows, weight);
        if (seed % 4 == 3) {
            tick_rows_add(&shuffled, rows, weight, n);
        } else {
            const int64_t *w = tc->append_only ? NULL : weight;
            CHECK_OK(circuit_push(&p.c, p.o, 0, p.in, rows, w, n, &err));
        }
        if (rng_below(&r, 2) == 0) {
            CHECK_OK(tick_rows_push(&shuffled, &r, &p.c, p.o, 0, p.in, &err));
            CHECK_OK(circuit_tick(&p.c, 0, &err));
            reference(tc, p.in);
            zset_check_equal(&out, &expected, "top_n");
            CHECK_OK(circuit_snapshot(&p.c, p.o, &err));
            zset_check_equal(&snapshot, &expected, "snapshot");
        }
    }
    shuffled.count = 0;
    reference(tc, p.in);
    circuit_close(&p.c);
    run_once(tc, &r);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 36; seed++) {
        const top_case tc = {.limit = seed % 7 == 6 ? -1 : (int64_t)(seed % 5) * 3,
                             .offset = (int64_t)(seed % 4) * 2,
                             .keys = key_sets[seed % 3],
                             .key_count = 1 + (int32_t)(seed / 3 % 2),
                             .append_only = seed % 2 == 0};
        run_history(seed, &tc);
    }
}

/* More rows than the buffer of a one-off query holds: it is cut, rows behind the bar stay out. */
static void
test_large_once(void **state) {
    (void)state;
    static pipeline p;
    static test_row rows[BATCH_ROWS];
    error           err = {0};
    const sort_key  key = {.column = 0, .descending = true};
    const top_case  tc = {.limit = 5, .offset = 2, .keys = &key, .key_count = 1, .mode = MODE_ONCE};
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &tc, &op_top_n_class, &err));
    for (int64_t part = 0; part < 30; part++) {
        for (int64_t i = 0; i < BATCH_ROWS; i++) {
            rows[i] = (test_row){{(part * BATCH_ROWS + i) * 7919 % 61440, i, part}};
        }
        CHECK_OK(circuit_push(&p.c, p.o, 0, p.in, rows, NULL, BATCH_ROWS, &err));
    }
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    CHECK_EQ(p.c.taken, 5);
    for (int64_t v = 61437; v > 61432; v--) {
        char    prefix[32];
        int64_t found = 0;
        snprintf(prefix, sizeof(prefix), "|%lld|", (long long)v);
        for (int32_t i = 0; i < ZSET_SIZE; i++) {
            found += out.used[i] && strncmp(out.key[i], prefix, strlen(prefix)) == 0;
        }
        CHECK_EQ(found, 1);
    }
    circuit_close(&p.c);
}

static void
test_limit_alone(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const test_row  rows[4] = {{{1, 1, 1}}, {{2, 2, 2}}, {{3, 3, 3}}, {{4, 4, 4}}};
    const int64_t   weight[4] = {1, 3, 1, 1};
    const top_case  once = {.limit = 4, .offset = 2, .mode = MODE_ONCE};
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &once, &op_top_n_class, &err));
    CHECK_EQ(circuit_push(&p.c, p.o, 0, p.in, rows, weight, 2, &err), OK);
    CHECK_EQ(p.c.taken, 2);
    CHECK_EQ(circuit_push(&p.c, p.o, 0, p.in, rows + 2, NULL, 2, &err), DONE);
    CHECK_EQ(circuit_push(&p.c, p.o, 0, p.in, rows, NULL, 4, &err), DONE);
    CHECK_EQ(*zset_at(&out, "|2|k2|1.0"), 2);
    CHECK_EQ(*zset_at(&out, "|4|k4|2.0"), 1);
    CHECK_EQ(p.c.taken, 4);
    circuit_close(&p.c);

    const top_case stream = {.limit = 2, .append_only = true};
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &stream, &op_top_n_class, &err));
    CHECK_EQ(circuit_push(&p.c, p.o, 0, p.in, rows + 2, NULL, 1, &err), OK);
    CHECK_EQ(circuit_push(&p.c, p.o, 0, p.in, rows, NULL, 2, &err), OK);
    CHECK_EQ(circuit_push(&p.c, p.o, 0, p.in, rows, NULL, 2, &err), DONE);
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    CHECK_EQ(*zset_at(&out, "|3|a text too long for a view 3|1.5"), 1);
    CHECK_EQ(*zset_at(&out, "|1|a text too long for a view 1|0.5"), 1);
    CHECK_EQ(p.c.taken, 2);
    circuit_close(&p.c);
}

/* ---- sort */
typedef struct ordered_take {
    int32_t count;
    int64_t first[8192];
} ordered_take;

static ordered_take taken;

static status
take_ordered(void *context, const delta *rows, error *err) {
    ordered_take *t = context;
    (void)err;
    CHECK(rows->weight == NULL);
    for (int32_t i = 0; i < rows->row_count; i++) {
        const value v = column_value(&rows->columns[0], i);
        t->first[t->count++] = v.is_null ? INT64_MAX : v.i;
    }
    return OK;
}

static void
test_sort(void **state) {
    (void)state;
    static pipeline p;
    static test_row rows[BATCH_ROWS];
    static int64_t  weight[BATCH_ROWS];
    error           err = {0};
    rng             r;
    const sort_key  key = {.column = 0};
    const top_case  tc = {
         .limit = -1, .keys = &key, .key_count = 1, .mode = MODE_ONCE, .append_only = true};
    const int64_t wide[] = {1000, 5, 8};
    op           *sink;
    op_spec       sink_spec = {.sink = {.context = &taken, .take = take_ordered}};
    int64_t       total = 0;
    rng_init(&r, 11);
    taken.count = 0;
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &tc, &op_sort_class, &err));
    op_disconnect(p.o, p.c.sink);
    CHECK_OK(circuit_add(&p.c, &sink, &op_collect_class, &sink_spec, &err));
    CHECK_OK(op_connect(p.o, sink, 0, &err));
    for (int32_t part = 0; part < 3; part++) {
        for (int32_t i = 0; i < BATCH_ROWS; i++) {
            rows[i] = random_row(&r, 3, wide, 20);
            weight[i] = i == 5 ? 0 : i % 1000 == 7 ? 3 : 1;
            total += part == 1 ? weight[i] : 1;
        }
        const int64_t *w = part == 1 ? weight : NULL;
        CHECK_OK(circuit_push(&p.c, p.o, 0, p.in, rows, w, BATCH_ROWS, &err));
    }
    CHECK_OK(circuit_tick(&p.c, INT64_MAX, &err));
    CHECK_EQ(taken.count, total);
    for (int32_t i = 1; i < taken.count; i++) {
        CHECK(taken.first[i - 1] <= taken.first[i]);
    }
    circuit_close(&p.c);
}

static status
torture_top_n(mem *m, error *err) {
    static pipeline p;
    top_case        tc = {.limit = 4, .offset = 1, .keys = key_sets[0], .key_count = 2};
    status          s = OK;
    for (int32_t variant = 0; s >= 0 && variant < 3; variant++) {
        rng r;
        rng_init(&r, 5);
        zset_clear(&out);
        live.count = 0;
        tc.append_only = variant > 0;
        tc.mode = variant == 2 ? MODE_ONCE : MODE_STREAM;
        s = pipeline_open(&p, m, &tc, variant == 2 ? &op_sort_class : &op_top_n_class, err);
        for (int32_t step = 0; s >= 0 && step < 8; step++) {
            test_row      rows[6];
            int64_t       weight[6];
            const int32_t n = random_batch(&r, &live, 3, range, 8, tc.append_only, 6, rows, weight);
            s = circuit_push(&p.c, p.o, 0, p.in, rows, weight, n, err);
            s = s < 0 || variant == 2 ? s : circuit_tick(&p.c, 0, err);
        }
        s = s < 0 ? s : circuit_tick(&p.c, 0, err);
        circuit_close(&p.c);
    }
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("top_n", torture_top_n) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_large_once), UNIT(test_limit_alone), UNIT(test_sort),
          UNIT(test_torture))
