/* SPDX-License-Identifier: Apache-2.0 */
/* test_window.c - window assignment, late rows, and aggregates that close. */
#include "aggregate_reference.h"

#include "op/aggregate.h"

static const type_id times[] = {TYPE_TIMESTAMP, TYPE_TEXT, TYPE_I64};
static const type_id times_ms[] = {TYPE_I64, TYPE_TEXT, TYPE_I64};
static const type_id windowed[] = {TYPE_TIMESTAMP, TYPE_TEXT, TYPE_I64, TYPE_TIMESTAMP};
static const type_id windowed_ms[] = {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_I64};
static const type_id keyed[] = {TYPE_TIMESTAMP, TYPE_TEXT, TYPE_I64};
static const type_id keyed_ms[] = {TYPE_I64, TYPE_TEXT, TYPE_I64};

static const call calls[] = {{"count", -1, -1, false},
                             {"sum", 2, -1, false},
                             {"count", 2, -1, true},
                             {"min", 2, -1, false}};
#define CALLS ARRAY_COUNT(calls)

static zset      out, expected, snapshot;
static test_rows accepted;

typedef struct pipeline {
    circuit       c;
    op           *window, *pick, *groups;
    op_spec       window_spec, pick_spec, groups_spec;
    op_agg        aggs[CALLS];
    const schema *in;
} pipeline;

static const int32_t picked[] = {3, 1, 2};

static status
pipeline_open(pipeline *p, mem *m, int64_t unit, int64_t size, int64_t offset, int64_t lateness,
              bool close, error *err) {
    const bool ms = unit == 1000;
    TRY(circuit_open(&p->c, m, &out, &snapshot, err));
    p->in = circuit_schema(&p->c, 3, ms ? times_ms : times);
    schema *middle = circuit_schema(&p->c, 4, ms ? windowed_ms : windowed);
    schema *keys = circuit_schema(&p->c, 3, ms ? keyed_ms : keyed);
    if (p->in == NULL || middle == NULL || keys == NULL) {
        return error_memory(err);
    }
    p->window_spec = (op_spec){.append_only = {true, false},
                               .input = {p->in, NULL},
                               .output = middle,
                               .time_column = 0,
                               .window_size_us = size * unit,
                               .window_slide_us = size * unit,
                               .window_offset_us = offset * unit,
                               .lateness_us = lateness * unit,
                               .time_type = type_of(ms ? TYPE_TIMESTAMP_MS : TYPE_TIMESTAMP)};
    p->pick_spec = (op_spec){.input = {middle, NULL}, .output = keys, .columns = picked};
    p->groups_spec = p->window_spec;
    p->groups_spec.window_key = 0;
    p->groups_spec.emit_at_close = close;
    TRY(aggregate_spec(&p->c, &p->groups_spec, p->aggs, keys, 2, calls, CALLS, err));
    TRY(circuit_add(&p->c, &p->window, &op_window_class, &p->window_spec, err));
    TRY(circuit_add(&p->c, &p->pick, &op_scan_class, &p->pick_spec, err));
    TRY(circuit_add(&p->c, &p->groups, &op_aggregate_class, &p->groups_spec, err));
    p->groups->old_rows_wanted = true;
    TRY(op_connect(p->window, p->pick, 0, err));
    TRY(op_connect(p->pick, p->groups, 0, err));
    return circuit_finish(&p->c, p->groups, err);
}

static int64_t
floor_to(int64_t t, int64_t size, int64_t offset) {
    int64_t start = offset % size - 2 * size;
    while (start + size <= t) {
        start += size;
    }
    while (start > t) {
        start -= size;
    }
    return start;
}

static void
check_output(pipeline *p, int64_t closed_before, bool close, int64_t size) {
    static test_rows shown;
    error            err = {0};
    shown.count = 0;
    for (int32_t i = 0; i < accepted.count; i++) {
        if (!close || accepted.rows[i].v[0] + size <= closed_before) {
            rows_add(&shown, &accepted.rows[i], accepted.weight[i]);
        }
    }
    group_by(&expected, p->groups_spec.input[0], &shown, 2, calls, CALLS);
    zset_check_equal(&out, &expected, "emitted");
    CHECK_OK(circuit_snapshot(&p->c, p->groups, &err));
    zset_check_equal(&snapshot, &expected, "snapshot");
}

static void
run_windows(uint64_t seed, int64_t unit, bool close) {
    static pipeline p;
    error           err = {0};
    rng             r;
    const int64_t   size = 10;
    const int64_t   lateness = (int64_t)(seed % 3) * 4;
    const int64_t   offset = (int64_t)(seed % 5) - 2;
    int64_t         late = 0;
    int64_t         null_times = 0;
    int64_t         newest = -40;
    int64_t         frontier = INT64_MIN;
    rng_init(&r, seed);
    zset_clear(&out);
    accepted.count = 0;
    CHECK_OK(pipeline_open(&p, NULL, unit, size, offset, lateness, close, &err));
    for (int32_t step = 0; step < 80; step++) {
        test_row      rows[8];
        const int32_t n = (int32_t)rng_below(&r, 9);
        for (int32_t i = 0; i < n; i++) {
            const int64_t t = newest + (int64_t)rng_below(&r, 26) - 20;
            rows[i] = (test_row){{t, (int64_t)rng_below(&r, 4), (int64_t)rng_below(&r, 5)}};
            test_row kept = rows[i];
            kept.v[0] = floor_to(t, size, offset);
            if (rng_below(&r, 15) == 0) {
                rows[i].v[0] = NONE;
                null_times++;
            } else if (frontier != INT64_MIN && kept.v[0] + size + lateness <= frontier) {
                late++;
            } else {
                rows_add(&accepted, &kept, 1);
            }
            newest = rows[i].v[0] == NONE ? newest : max_i64(newest, t);
        }
        CHECK_OK(circuit_push(&p.c, p.window, 0, p.in, rows, NULL, n, &err));
        frontier = newest - 5;
        CHECK_OK(circuit_tick(&p.c, frontier * unit, &err));
        check_output(&p, frontier - lateness, close, size);
        CHECK_EQ(p.window->late_rows, late);
        CHECK_EQ(p.window->null_time_rows, null_times);
    }
    CHECK(late > 0);
    CHECK_OK(circuit_tick(&p.c, INT64_MAX, &err));
    check_output(&p, INT64_MAX, close, size);
    const aggregate *a = (const aggregate *)p.groups;
    CHECK_EQ(a->groups.live_count, 0);
    CHECK_EQ(a->windows.open.times.live_count, 0);
    CHECK_EQ(a->distinct[2].pairs.live_count, 0);
    CHECK_EQ(table_row_count(a->windows.finished), expected.count);
    circuit_close(&p.c);
}

static void
test_closing(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 16; seed++) {
        run_windows(seed, seed % 4 < 2 ? 1 : 1000, seed % 2 == 0);
    }
}

static void
test_extreme_times(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const int64_t   big[] = {INT64_MAX, INT64_MAX - 1, INT64_MIN + 100, 0, -1};
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, 1, 10, 0, 0, false, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(big); i++) {
        const test_row row = {{big[i], 1, 1}};
        CHECK_OK(circuit_push(&p.c, p.window, 0, p.in, &row, NULL, 1, &err));
    }
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    CHECK_EQ(*zset_at(&out, "|-10|a text too long for a view 1|1|1|1|1"), 1);
    CHECK_EQ(*zset_at(&out, "|9223372036854775800|a text too long for a view 1|2|2|1|1"), 1);
    const test_row first = {{INT64_MIN + 1, 1, 1}};
    CHECK_FAILS(circuit_push(&p.c, p.window, 0, p.in, &first, NULL, 1, &err), ERR_QUERY_FAILED);
    CHECK(strstr(err.message, "-9223372036854775807") != NULL);
    circuit_close(&p.c);
    CHECK_FAILS(pipeline_open(&p, NULL, 1000, 0, 0, 0, false, &err), ERR_QUERY_FAILED);
    circuit_close(&p.c);
}

/* Groups that lose all their rows leave their window; windows that lose all groups leave too. */
static void
run_retractions(uint64_t seed, bool close) {
    static circuit   c;
    static test_rows live;
    error            err = {0};
    rng              r;
    op              *o;
    op_agg           aggs[CALLS];
    const int64_t    range[] = {6, 3, 4};
    op_spec          spec = {.window_key = 0,
                             .window_size_us = 1,
                             .time_type = type_of(TYPE_TIMESTAMP),
                             .emit_at_close = close};
    rng_init(&r, seed);
    live.count = 0;
    zset_clear(&out);
    CHECK_OK(circuit_open(&c, NULL, &out, &snapshot, &err));
    const schema *in = circuit_schema(&c, 3, keyed);
    CHECK_OK(aggregate_spec(&c, &spec, aggs, in, 2, calls, CALLS, &err));
    CHECK_OK(circuit_add(&c, &o, &op_aggregate_class, &spec, &err));
    CHECK_OK(circuit_finish(&c, o, &err));
    for (int32_t step = 0; step < 60; step++) {
        test_row      rows[16];
        int64_t       weight[16];
        const int32_t n = random_batch(&r, &live, 3, range, 0, false, 16, rows, weight);
        CHECK_OK(circuit_push(&c, o, 0, in, rows, weight, n, &err));
        if (rng_below(&r, 2) == 0) {
            CHECK_OK(circuit_tick(&c, INT64_MIN, &err));
        }
        if (!close && rng_below(&r, 4) == 0) {
            CHECK_OK(circuit_tick(&c, INT64_MIN, &err));
            group_by(&expected, in, &live, 2, calls, CALLS);
            zset_check_equal(&out, &expected, "open windows");
        }
    }
    group_by(&expected, in, &live, 2, calls, CALLS);
    for (int64_t frontier = 0; frontier < 8; frontier += 2) {
        CHECK_OK(circuit_tick(&c, frontier, &err));
    }
    zset_check_equal(&out, &expected, "closed windows");
    CHECK_OK(circuit_snapshot(&c, o, &err));
    zset_check_equal(&snapshot, &expected, "finished");
    CHECK_EQ(((const aggregate *)o)->groups.live_count, 0);
    circuit_close(&c);
}

static void
test_retractions(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        run_retractions(seed, seed % 2 == 0);
    }
}

static status
torture_windows(mem *m, error *err) {
    static pipeline p;
    zset_clear(&out);
    p.c.op_count = 0;
    status s = pipeline_open(&p, m, 1, 10, 0, 0, true, err);
    for (int64_t step = 0; s >= 0 && step < 12; step++) {
        const test_row rows[] = {{{step * 7, step % 3, step}}, {{step * 7 + 3, 1, step}}};
        s = circuit_push(&p.c, p.window, 0, p.in, rows, NULL, 2, err);
        s = s < 0 ? s : circuit_tick(&p.c, step * 7, err);
        s = s < 0 ? s : circuit_snapshot(&p.c, p.groups, err);
    }
    circuit_close(&p.c);
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("windows", torture_windows) > 20);
}

UNIT_MAIN(UNIT(test_closing), UNIT(test_extreme_times), UNIT(test_retractions), UNIT(test_torture))
