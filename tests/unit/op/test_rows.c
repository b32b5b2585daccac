/* SPDX-License-Identifier: Apache-2.0 */
/* test_rows.c - scan, filter, project, distinct, gate, and edges between operators. */
#include "../batch/random_rows.h"
#include "circuit.h"
#include "net_cases.h"

static const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_F64};
static const int64_t range[] = {4, 3, 3};

static zset      out, expected, snapshot;
static test_rows live;

typedef enum shape { SHAPE_LINEAR, SHAPE_DISTINCT, SHAPE_GATE } shape;

typedef struct pipeline {
    circuit       c;
    op           *first, *last;
    op_spec       scan, filter, project, distinct, gate;
    expr         *exprs[2];
    const schema *in;
} pipeline;

static const int32_t picked[] = {2, 0};

/* scan (columns 2, 0) -> filter (column 0 of the source < 2) -> project (column, column + 1) */
static status
open_linear(pipeline *p, error *err) {
    circuit      *c = &p->c;
    arena        *a = &c->arena;
    op           *filter;
    op           *project;
    const type_id scanned[] = {TYPE_F64, TYPE_I64};
    const type_id computed[] = {TYPE_F64, TYPE_I64};
    const value   one = value_i64(1);
    const value   two = value_i64(2);
    schema       *middle = circuit_schema(c, 2, scanned);
    schema       *result = circuit_schema(c, 2, computed);
    if (middle == NULL || result == NULL) {
        return error_memory(err);
    }
    p->scan = (op_spec){.input = {p->in, NULL}, .output = middle, .columns = picked};
    p->filter = (op_spec){.input = {middle, NULL}, .output = middle};
    p->project = (op_spec){.input = {middle, NULL}, .output = result, .exprs = p->exprs};
    expr *x = expr_column(a, 1, type_of(TYPE_I64), -1);
    expr *less[2] = {x, expr_constant(a, &two, -1)};
    expr *plus[2] = {x, expr_constant(a, &one, -1)};
    p->exprs[0] = expr_column(a, 0, type_of(TYPE_F64), -1);
    if (x == NULL || less[1] == NULL || plus[1] == NULL || p->exprs[0] == NULL) {
        return error_memory(err);
    }
    TRY(expr_call(&p->filter.predicate, a, TEXT("<"), less, 2, -1, err));
    TRY(expr_call(&p->exprs[1], a, TEXT("+"), plus, 2, -1, err));
    TRY(circuit_add(c, &p->first, &op_scan_class, &p->scan, err));
    TRY(circuit_add(c, &filter, &op_filter_class, &p->filter, err));
    TRY(circuit_add(c, &project, &op_project_class, &p->project, err));
    p->last = project;
    TRY(op_connect(p->first, filter, 0, err));
    return op_connect(filter, project, 0, err);
}

static status
pipeline_open(pipeline *p, mem *m, shape kind, bool append_only, op_mode mode, error *err) {
    TRY(circuit_open(&p->c, m, &out, &snapshot, err));
    p->in = circuit_schema(&p->c, 3, types);
    if (p->in == NULL) {
        return error_memory(err);
    }
    const op_spec whole = {
        .mode = mode, .append_only = {append_only, false}, .input = {p->in, NULL}, .output = p->in};
    p->distinct = whole;
    p->gate = whole;
    if (kind == SHAPE_LINEAR) {
        TRY(open_linear(p, err));
    } else {
        const bool distinct = kind == SHAPE_DISTINCT;
        TRY(circuit_add(&p->c, &p->first, distinct ? &op_distinct_class : &op_gate_class,
                        distinct ? &p->distinct : &p->gate, err));
        p->last = p->first;
    }
    return circuit_finish(&p->c, p->last, err);
}

static void
reference(shape kind, const schema *in) {
    zset_clear(&expected);
    for (int32_t i = 0; i < live.count; i++) {
        const test_row *row = &live.rows[i];
        char            key[ZSET_KEY];
        print_row(key, in, row);
        if (kind == SHAPE_LINEAR) {
            if (row->v[0] == NONE || row->v[0] >= 2) {
                continue;
            }
            print_cell(key, sizeof(key), TYPE_F64, row->v[2]);
            const size_t used = strlen(key);
            print_cell(key + used, sizeof(key) - used, TYPE_I64, row->v[0] + 1);
        }
        zset_add(&expected, key, kind == SHAPE_DISTINCT ? 1 : live.weight[i]);
    }
}

static void
run_once(shape kind, bool append_only) {
    static pipeline p;
    error           err = {0};
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, kind, append_only, MODE_ONCE, &err));
    CHECK_OK(circuit_push(&p.c, p.first, 0, p.in, live.rows, live.weight, live.count, &err));
    CHECK_OK(circuit_tick(&p.c, INT64_MAX, &err));
    zset_check_equal(&out, &expected, "one-off");
    circuit_close(&p.c);
}

static void
run_history(uint64_t seed, shape kind) {
    static pipeline  p;
    static tick_rows shuffled;
    error            err = {0};
    rng              r;
    const bool       append_only = seed % 2 == 0;
    rng_init(&r, seed);
    zset_clear(&out);
    live.count = 0;
    CHECK_OK(pipeline_open(&p, NULL, kind, append_only, MODE_STREAM, &err));
    for (int32_t step = 0; step < 60; step++) {
        test_row      rows[20];
        int64_t       weight[20];
        const int32_t n = random_batch(&r, &live, 3, range, 6, append_only, 20, rows, weight);
        if (seed % 4 == 3) {
            tick_rows_add(&shuffled, rows, weight, n);
        } else {
            const int64_t *w = append_only ? NULL : weight;
            CHECK_OK(circuit_push(&p.c, p.first, 0, p.in, rows, w, n, &err));
        }
        if (rng_below(&r, 2) == 0) {
            CHECK_OK(tick_rows_push(&shuffled, &r, &p.c, p.first, 0, p.in, &err));
            CHECK_OK(circuit_tick(&p.c, 0, &err));
            reference(kind, p.in);
            zset_check_equal(&out, &expected, "stream");
            if (p.last->class->snapshot != NULL) {
                CHECK_OK(circuit_snapshot(&p.c, p.last, &err));
                zset_check_equal(&snapshot, &expected, "snapshot");
            }
        }
    }
    shuffled.count = 0;
    reference(kind, p.in);
    circuit_close(&p.c);
    run_once(kind, append_only);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        run_history(seed, (shape)(seed % 3));
    }
}

/* ---- gate: order and cancelling */
static int64_t first_weights[16];
static int32_t first_count;

static status
take_weights(void *context, const delta *rows, error *err) {
    (void)context;
    (void)err;
    for (int32_t i = 0; i < rows->row_count; i++) {
        CHECK(first_count < 16);
        first_weights[first_count++] = rows->weight == NULL ? 1 : rows->weight[i];
    }
    return OK;
}

static void
test_gate_order(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    op             *sink;
    op_spec         sink_spec = {.sink = {.take = take_weights}};
    const test_row  rows[4] = {{{1, 1, 1}}, {{5, 5, 5}}, {{1, 1, 1}}, {{9, 9, 9}}};
    const int64_t   weight[4] = {1, -1, -1, 1};
    first_count = 0;
    CHECK_OK(pipeline_open(&p, NULL, SHAPE_GATE, false, MODE_STREAM, &err));
    op_disconnect(p.last, p.c.sink);
    CHECK_OK(circuit_add(&p.c, &sink, &op_collect_class, &sink_spec, &err));
    CHECK_OK(op_connect(p.last, sink, 0, &err));
    CHECK_OK(circuit_push(&p.c, p.first, 0, p.in, rows + 3, NULL, 1, &err));
    CHECK_OK(circuit_push(&p.c, p.first, 0, p.in, rows, weight, 3, &err));
    CHECK_EQ(first_count, 0);
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    CHECK_EQ(first_count, 2);
    CHECK_EQ(first_weights[0], -1);
    CHECK_EQ(first_weights[1], 1);
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    CHECK_EQ(first_count, 2);
    circuit_close(&p.c);
}

/* ---- edges: DONE only when every output is done; cancelling */
static status
take_done(void *context, const delta *rows, error *err) {
    (void)rows;
    (void)err;
    return *(bool *)context ? DONE : OK;
}

static void
test_done_and_cancel(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    bool            enough[2] = {true, false};
    op             *sinks[2];
    op_spec         specs[2] = {{.sink = {.context = &enough[0], .take = take_done}},
                                {.sink = {.context = &enough[1], .take = take_done}}};
    const test_row  row = {{1, 1, 1}};
    interrupt       guard = {0};
    CHECK_OK(pipeline_open(&p, NULL, SHAPE_LINEAR, true, MODE_STREAM, &err));
    op_disconnect(p.last, p.c.sink);
    for (int32_t i = 0; i < 2; i++) {
        CHECK_OK(circuit_add(&p.c, &sinks[i], &op_collect_class, &specs[i], &err));
        CHECK_OK(op_connect(p.last, sinks[i], 0, &err));
    }
    CHECK_EQ(circuit_push(&p.c, p.first, 0, p.in, &row, NULL, 1, &err), OK);
    enough[1] = true;
    CHECK_EQ(circuit_push(&p.c, p.first, 0, p.in, &row, NULL, 1, &err), DONE);
    op_disconnect(p.last, sinks[0]);
    CHECK_EQ(p.last->output_count, 1);
    CHECK_EQ(p.first->rows_in, 2);
    CHECK_EQ(p.last->rows_out, 2);
    circuit_close(&p.c);

    CHECK_OK(pipeline_open(&p, NULL, SHAPE_DISTINCT, false, MODE_ONCE, &err));
    p.c.env.interrupted = &guard;
    CHECK_OK(circuit_push(&p.c, p.first, 0, p.in, &row, NULL, 1, &err));
    atomic_store(&guard.cancelled, true);
    CHECK_FAILS(circuit_tick(&p.c, 0, &err), ERR_QUERY_CANCELLED);
    circuit_close(&p.c);
}

/* Checkpoints keep the state of a stream's shards: which rows are whose may never change. */
static void
test_shards_stay(void **state) {
    (void)state;
    enum { COUNT = 16 };
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyz";
    int64_t           numbers[COUNT];
    int32_t           ends[COUNT + 1] = {0};
    uint64_t          hashes[COUNT], validity = 0x7fff; /* the last one is NULL */
    uint8_t           got[COUNT];
    char              told[3 * COUNT + 1] = "";
    for (int32_t i = 0; i < COUNT; i++) {
        numbers[i] = i < 8 ? i : -1000003LL * i * i;
        ends[i + 1] = ends[i] + i % 3;
    }
    const column keys[] = {
        {.type = type_of(TYPE_I64), .values = numbers, .validity = &validity},
        {.type = type_of(TYPE_TEXT), .layout = COLUMN_OFFSETS, .values = ends, .bytes = bytes}};
    const op of = {.shard_count = 10, .shard_width = 1},
             both = {.shard_count = 10, .shard_width = 2};
    for (int32_t way = 0; way < 3; way++) {
        shard_numbers(got, way == 2 ? &both : &of, way == 1 ? &keys[1] : keys, hashes, COUNT);
        for (int32_t i = 0; i < COUNT; i++) {
            told[way * COUNT + i] = (char)('0' + got[i]);
        }
    }
    assert_string_equal(told, "395184061556873011418610716910611775485751364290");
}

static status
torture_rows(mem *m, error *err) {
    static pipeline p;
    status          s = OK;
    for (int32_t kind = SHAPE_LINEAR; s >= 0 && kind <= SHAPE_GATE; kind++) {
        rng r;
        rng_init(&r, 9);
        zset_clear(&out);
        live.count = 0;
        s = pipeline_open(&p, m, (shape)kind, false, MODE_STREAM, err);
        for (int32_t step = 0; s >= 0 && step < 8; step++) {
            test_row      rows[8];
            int64_t       weight[8];
            const int32_t n = random_batch(&r, &live, 3, range, 6, false, 8, rows, weight);
            s = circuit_push(&p.c, p.first, 0, p.in, rows, weight, n, err);
            s = s < 0 || step % 2 != 0 ? s : circuit_tick(&p.c, 0, err);
        }
        circuit_close(&p.c);
    }
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("rows", torture_rows) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_gate_order), UNIT(test_done_and_cancel),
          UNIT(test_consolidate), UNIT(test_shards_stay), UNIT(test_torture))
