/* SPDX-License-Identifier: Apache-2.0 */
/* test_aggregate.c - GROUP BY against a naive one over random histories, in streams and one-off. */
#include "aggregate_reference.h"

static const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_F64, TYPE_BOOL};
static const int64_t range[] = {5, 3, 6, 7, 4};

static const call calls[] = {
    {"count", -1, -1, false}, {"sum", 2, -1, false}, {"count", 2, 4, false},
    {"min", 3, -1, false},    {"max", 1, -1, false}, {"avg", 3, -1, false},
    {"count", 2, -1, true},   {"sum", 2, 4, true},   {"max", 2, -1, true},
};
#define CALLS ARRAY_COUNT(calls)

static zset      out, expected, snapshot, once;
static test_rows live;

static void
check_once(int32_t key_count, bool append_only, rng *r) {
    error   err = {0};
    circuit c;
    op     *o;
    op_agg  aggs[CALLS];
    op_spec spec = {.mode = MODE_ONCE, .window_key = -1, .append_only = {append_only, false}};
    zset_clear(&once);
    CHECK_OK(circuit_open(&c, NULL, &once, NULL, &err));
    const schema *in = circuit_schema(&c, 5, types);
    CHECK_OK(aggregate_spec(&c, &spec, aggs, in, key_count, calls, CALLS, &err));
    CHECK_OK(circuit_add(&c, &o, &op_aggregate_class, &spec, &err));
    CHECK_OK(circuit_finish(&c, o, &err));
    for (int32_t i = 0; i < live.count;) {
        const int32_t n = (int32_t)min_i64(live.count - i, 1 + (int64_t)rng_below(r, 50));
        CHECK_OK(circuit_push(&c, o, 0, in, live.rows + i, live.weight + i, n, &err));
        i += n;
    }
    CHECK_OK(circuit_tick(&c, INT64_MAX, &err));
    zset_check_equal(&once, &expected, "one-off");
    circuit_close(&c);
}

static void
run_history(uint64_t seed, int32_t key_count, bool append_only) {
    static tick_rows shuffled;
    error            err = {0};
    circuit          c;
    op              *o;
    op_agg           aggs[CALLS];
    op_spec          spec = {.window_key = -1, .append_only = {append_only, false}};
    rng              r;
    rng_init(&r, seed);
    zset_clear(&out);
    live.count = 0;
    CHECK_OK(circuit_open(&c, NULL, &out, &snapshot, &err));
    const schema *in = circuit_schema(&c, 5, types);
    CHECK_OK(aggregate_spec(&c, &spec, aggs, in, key_count, calls, CALLS, &err));
    CHECK_OK(circuit_add(&c, &o, &op_aggregate_class, &spec, &err));
    CHECK_OK(circuit_finish(&c, o, &err));
    o->old_rows_wanted = true;
    for (int32_t step = 0; step < 60; step++) {
        test_row rows[24];
        int64_t  weight[24];
        if (rng_below(&r, 10) > 0) {
            const int32_t n = random_batch(&r, &live, 5, range, 6, append_only, 24, rows, weight);
            if (seed % 4 == 3) {
                tick_rows_add(&shuffled, rows, weight, n);
            } else {
                CHECK_OK(circuit_push(&c, o, 0, in, rows, append_only ? NULL : weight, n, &err));
            }
        }
        if (rng_below(&r, 3) > 0) {
            CHECK_OK(tick_rows_push(&shuffled, &r, &c, o, 0, in, &err));
            CHECK_OK(circuit_tick(&c, 0, &err));
            group_by(&expected, in, &live, key_count, calls, CALLS);
            zset_check_equal(&out, &expected, "stream");
            CHECK_OK(circuit_snapshot(&c, o, &err));
            zset_check_equal(&snapshot, &expected, "snapshot");
        }
    }
    shuffled.count = 0;
    group_by(&expected, in, &live, key_count, calls, CALLS);
    circuit_close(&c);
    check_once(key_count, append_only, &r);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        run_history(seed, (int32_t)(seed % 3), seed % 2 == 0);
    }
}

/* Without old rows each touched group leaves as its new row alone. */
static void
test_new_rows_only(void **state) {
    (void)state;
    error         err = {0};
    circuit       c;
    op           *o;
    op_agg        aggs[CALLS];
    op_spec       spec = {.window_key = -1, .append_only = {true, false}};
    const int64_t wide[] = {40, 3, 6, 7, 4};
    rng           r;
    rng_init(&r, 7);
    live.count = 0;
    CHECK_OK(circuit_open(&c, NULL, &out, &snapshot, &err));
    const schema *in = circuit_schema(&c, 5, types);
    CHECK_OK(aggregate_spec(&c, &spec, aggs, in, 2, calls, CALLS, &err));
    CHECK_OK(circuit_add(&c, &o, &op_aggregate_class, &spec, &err));
    CHECK_OK(circuit_finish(&c, o, &err));
    for (int32_t step = 0; step < 40; step++) {
        test_row rows[9];
        int64_t  weight[9];
        zset_clear(&out);
        const int32_t n = random_batch(&r, &live, 5, wide, 6, true, 9, rows, weight);
        CHECK_OK(circuit_push(&c, o, 0, in, rows, NULL, n, &err));
        CHECK_OK(circuit_tick(&c, 0, &err));
        group_by(&expected, in, &live, 2, calls, CALLS);
        CHECK(out.count <= n);
        for (int32_t i = 0; i < ZSET_SIZE; i++) {
            if (out.used[i]) {
                CHECK_EQ(out.weight[i], 1);
                CHECK_EQ(*zset_at(&expected, out.key[i]), 1);
            }
        }
        CHECK_OK(circuit_snapshot(&c, o, &err));
        zset_check_equal(&snapshot, &expected, "snapshot");
    }
    circuit_close(&c);
}

/* +x and -x in one tick: nothing leaves. Without keys a row comes without input. */
static void
test_nothing_for_nothing(void **state) {
    (void)state;
    error   err = {0};
    circuit c;
    op     *o;
    op_agg  aggs[CALLS];
    op_spec spec = {.window_key = -1};
    zset_clear(&out);
    live.count = 0;
    CHECK_OK(circuit_open(&c, NULL, &out, &snapshot, &err));
    const schema *in = circuit_schema(&c, 5, types);
    CHECK_OK(aggregate_spec(&c, &spec, aggs, in, 0, calls, CALLS, &err));
    CHECK_OK(circuit_add(&c, &o, &op_aggregate_class, &spec, &err));
    CHECK_OK(circuit_finish(&c, o, &err));
    CHECK_OK(circuit_tick(&c, 0, &err));
    group_by(&expected, in, &live, 0, calls, CALLS);
    zset_check_equal(&out, &expected, "empty");
    CHECK_EQ(c.taken, 1);
    const test_row rows[2] = {{{1, 2, 3, 4, 5}}, {{1, 2, 3, 4, 5}}};
    const int64_t  weight[2] = {1, -1};
    CHECK_OK(circuit_push(&c, o, 0, in, rows, weight, 2, &err));
    CHECK_OK(circuit_tick(&c, 0, &err));
    CHECK_OK(circuit_tick(&c, 0, &err));
    CHECK_EQ(c.taken, 1);
    circuit_close(&c);
}

/* What a group's record was in states of before, 16 bytes, becomes what the operator has. */
static void
test_records_of_before(void **state) {
    (void)state;
    error   err = {0};
    circuit c;
    op     *o;
    op_agg  aggs[CALLS];
    op_spec spec = {.window_key = -1};
    zset_clear(&out);
    CHECK_OK(circuit_open(&c, NULL, &out, &snapshot, &err));
    const schema *in = circuit_schema(&c, 5, types);
    CHECK_OK(aggregate_spec(&c, &spec, aggs, in, 0, calls, CALLS, &err));
    CHECK_OK(circuit_add(&c, &o, &op_aggregate_class, &spec, &err));
    CHECK_OK(circuit_finish(&c, o, &err));
    const test_row rows[2] = {{{1, 2, 3, 4, 5}}, {{2, 2, 3, 4, 5}}};
    const int64_t  weight[2] = {5, 1};
    CHECK_OK(circuit_push(&c, o, 0, in, rows, weight, 2, &err));
    CHECK_OK(circuit_tick(&c, 0, &err));
    const state_array *records = NULL;
    for (uint32_t i = 0; i < store_array_limit(o->env->store); i++) {
        const state_array *a = store_array_at(o->env->store, i);
        records = strcmp(array_name(a), "aggregate.records") == 0 ? a : records;
    }
    const struct {
        int64_t  row_count;
        uint32_t flags, reserved;
    } before = {6 + 1, 2, 0}; /* published, which counts as a row */
    uint8_t now[8];
    CHECK_EQ(records->wide_size, sizeof(before));
    CHECK_EQ(records->element_size, sizeof(now));
    records->narrow(now, &before);
    assert_memory_equal(now, records->data, sizeof(now));
    circuit_close(&c);
}

/* More groups in one tick than a delta holds. */
static void
test_many_groups(void **state) {
    (void)state;
    error           err = {0};
    circuit         c;
    op             *o;
    op_agg          only;
    const call      count[] = {{"count", -1, -1, false}};
    op_spec         spec = {.window_key = -1};
    static test_row rows[BATCH_ROWS];
    CHECK_OK(circuit_open(&c, NULL, NULL, NULL, &err));
    const schema *in = circuit_schema(&c, 5, types);
    CHECK_OK(aggregate_spec(&c, &spec, &only, in, 1, count, 1, &err));
    CHECK_OK(circuit_add(&c, &o, &op_aggregate_class, &spec, &err));
    CHECK_OK(circuit_finish(&c, o, &err));
    for (int32_t round = 0; round < 3; round++) {
        for (int32_t batch_at = 0; batch_at < 3; batch_at++) {
            for (int32_t i = 0; i < BATCH_ROWS; i++) {
                rows[i] = (test_row){{i + batch_at * 1000}};
            }
            CHECK_OK(circuit_push(&c, o, 0, in, rows, NULL, BATCH_ROWS, &err));
        }
        CHECK_OK(circuit_tick(&c, 0, &err));
        CHECK_EQ(c.taken, 4048 * (2 * round + 1));
    }
    circuit_close(&c);
}

static status
torture_aggregate(mem *m, error *err) {
    circuit    c;
    op        *o;
    op_agg     aggs[CALLS];
    op_spec    spec = {.window_key = -1};
    rng        r;
    test_rows *history = &live;
    rng_init(&r, 3);
    history->count = 0;
    zset_clear(&out);
    status        s = circuit_open(&c, m, &out, &snapshot, err);
    const schema *in = s < 0 ? NULL : circuit_schema(&c, 5, types);
    if (s == OK && in == NULL) {
        s = error_memory(err);
    }
    s = s < 0 ? s : aggregate_spec(&c, &spec, aggs, in, 2, calls, CALLS, err);
    s = s < 0 ? s : circuit_add(&c, &o, &op_aggregate_class, &spec, err);
    s = s < 0 ? s : circuit_finish(&c, o, err);
    for (int32_t step = 0; s >= 0 && step < 8; step++) {
        test_row      rows[12];
        int64_t       weight[12];
        const int32_t n = random_batch(&r, history, 5, range, 6, false, 12, rows, weight);
        s = circuit_push(&c, o, 0, in, rows, weight, n, err);
        s = s < 0 ? s : circuit_tick(&c, 0, err);
        s = s < 0 ? s : circuit_snapshot(&c, o, err);
    }
    circuit_close(&c);
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("aggregate", torture_aggregate) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_new_rows_only), UNIT(test_nothing_for_nothing),
          UNIT(test_records_of_before), UNIT(test_many_groups), UNIT(test_torture))
