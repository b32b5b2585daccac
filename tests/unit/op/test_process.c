/* SPDX-License-Identifier: Apache-2.0 */
/* test_process.c - a processor that counts the rows of each key and sets a timer behind each, over
 * random histories: however the rows are cut into ticks, with everything saved and loaded between
 * two of them, what comes out is what a count by hand gives; and timers by timers. */
#include "../routine_twins.h"
#include "circuit.h"

#include "batch/nested_column.h"
#include "type/nested.h"

#define ROWS 300
#define KEYS 7
#define DELAY 10 /* of timers */

typedef enum behaviour {
    COUNTS,
    CHAINS, /* a timer that fires sets one at the same time, twice */
    ENDLESS,
    SILENT, /* no row for a row */
    CANCELS /* a row sets a timer that would fire at once, and takes it back */
} behaviour;

typedef struct counter {
    routine_code code;
    behaviour    how;
    int64_t      calls;
    int32_t      rows_max; /* of a call */
} counter;

/* ---- the code: columns are the key, a time; the state is a count */

typedef struct output {
    int64_t keys[4096], times[4096], counts[4096];
    int32_t count;
} output;

static void
give(output *o, int64_t key, int64_t at, int64_t count) {
    CHECK(o->count < 4096);
    o->keys[o->count] = key;
    o->times[o->count] = at;
    o->counts[o->count++] = count;
}

static void
set_timer(routine_processed *out, int32_t key, int64_t at, bool removed) {
    out->timers[out->timer_count++] = (routine_timer){.key = key, .removed = removed, .at_us = at};
}

static void
process_key(const counter *c, const routine_process *in, int32_t i, int32_t *row, int32_t *timer,
            int64_t *state, output *o, routine_processed *out) {
    const value   key = column_value(&in->keys.columns[0], i);
    const int64_t k = key.is_null ? -1 : key.i;
    for (int32_t n = 0; n < in->fired_counts[i]; n++) {
        const int64_t at = in->fired_us[(*timer)++];
        CHECK(at <= in->watermark_us);
        give(o, k, at, -*state);
        if (c->how == ENDLESS || (c->how == CHAINS && at % 3 != 0)) {
            set_timer(out, i, c->how == ENDLESS ? at : at - at % 3 + (at % 3 + 1) % 3, false);
        }
    }
    for (int32_t n = 0; n < in->row_counts[i]; n++) {
        const value   own = column_value(&in->rows.columns[0], *row);
        const int64_t at = column_value(&in->rows.columns[1], (*row)++).i;
        CHECK(own.is_null == key.is_null && (own.is_null || own.i == key.i));
        ++*state;
        if (c->how != SILENT) {
            give(o, k, at, *state);
        }
        set_timer(out, i, at + DELAY, false);
        if (c->how == CANCELS) {
            set_timer(out, i, at - DELAY, false);
            set_timer(out, i, at - DELAY, true);
        }
    }
}

static status
process(routine_code *code, const routine_process *in, arena *a, routine_processed *out,
        error *err) {
    static output      o;
    counter           *c = (counter *)code;
    const size_t       most = 4 * (size_t)(in->rows.row_count + in->key_count) + 4096;
    int64_t           *states = arena_alloc(a, (size_t)in->key_count * sizeof(*states));
    int32_t           *counts = arena_alloc(a, (size_t)in->key_count * sizeof(*counts));
    int32_t            row = 0, timer = 0;
    data_type          type;
    const nested_field fields[] = {{TEXT("k"), type_of(TYPE_I64)},
                                   {TEXT("at"), type_of(TYPE_I64)},
                                   {TEXT("n"), type_of(TYPE_I64)}};
    o.count = 0;
    out->timers = arena_alloc(a, most * sizeof(*out->timers));
    if (states == NULL || counts == NULL || out->timers == NULL) {
        return error_memory(err);
    }
    CHECK_TEXT(in->names[0], "c");
    CHECK_EQ(in->rows.count, 2);
    c->calls++;
    c->rows_max = in->rows.row_count > c->rows_max ? in->rows.row_count : c->rows_max;
    for (int32_t i = 0; i < in->key_count; i++) {
        const int32_t before = o.count;
        const value   state = column_value(&in->states, i);
        states[i] = state.is_null ? 0 : state.i;
        process_key(c, in, i, &row, &timer, &states[i], &o, out);
        counts[i] = o.count - before;
    }
    CHECK_EQ(row, in->rows.row_count);
    const column columns[] = {{.type = type_of(TYPE_I64), .values = o.keys},
                              {.type = type_of(TYPE_I64), .values = o.times},
                              {.type = type_of(TYPE_I64), .values = o.counts}};
    TRY(type_struct(&type, fields, 3, err));
    TRY(o.count == 0 ? OK : struct_pack(&out->rows, type, columns, NULL, o.count, a, err));
    out->row_count = o.count;
    out->row_counts = counts;
    out->states = (column){.type = type_of(TYPE_I64), .values = states};
    return OK;
}

static void
close_code(routine_code *c) {
    (void)c;
}

static const routine_class counter_class = {.process = process, .close = close_code};

/* ---- circuits */

static const type_id in_types[] = {TYPE_I64, TYPE_I64};
static const type_id out_types[] = {TYPE_I64, TYPE_I64, TYPE_I64};
static int32_t       key_columns[] = {0};

typedef struct machine {
    circuit       c;
    op           *o;
    op_spec       spec;
    routine      *r;
    counter       code;
    const schema *in;
} machine;

static zset found, shown, expected, got;

static status
open_circuit(machine *m, mem *account, op_mode mode, int32_t key_count, error *err) {
    TRY(circuit_open(&m->c, account, &found, &shown, err));
    m->in = circuit_schema(&m->c, 2, in_types);
    m->spec = (op_spec){.mode = mode,
                        .records = true,
                        .append_only = {true, true},
                        .input = {m->in, NULL},
                        .output = circuit_schema(&m->c, 3, out_types),
                        .key_count = key_count,
                        .key_columns = key_columns,
                        .routine = m->r,
                        .window_key = -1};
    m->c.env.event_us = INT64_MIN;
    if (m->in == NULL || m->spec.output == NULL) {
        return error_memory(err);
    }
    TRY(circuit_add(&m->c, &m->o, &op_process_class, &m->spec, err));
    return circuit_finish(&m->c, m->o, err);
}

static void
machine_make(machine *m, behaviour how) {
    memset(m, 0, sizeof(*m));
    m->code = (counter){.code = {.class = &counter_class}, .how = how};
    atomic_init(&m->code.code.references, 1);
    const routine like = {
        .name = TEXT("counter"), .kind = ROUTINE_PROCESSOR, .state = type_of(TYPE_I64)};
    m->r = routine_with(&like, &m->code.code);
}

static status
reload(machine *m, error *err) {
    buf           image;
    const int64_t frontier = m->o->frontier_us;
    const int32_t keys = m->spec.key_count;
    mem          *account = m->c.mem == &m->c.mem_own ? NULL : m->c.mem;
    mem           images;
    mem_init(&images, INT64_MAX);
    buf_init(&image, &images, SIZE_MAX);
    status s = op_settle(m->o, err);
    s = s == OK ? store_image_put(m->c.env.store, NULL, &image, err) : s;
    s = s == OK ? op_save(m->o, &image, err) : s;
    circuit_close(&m->c);
    s = s == OK ? open_circuit(m, account, MODE_STREAM, keys, err) : s;
    image_reader in = {.at = image.data, .left = image.size};
    s = s == OK ? store_image_take(m->c.env.store, NULL, &in, err) : s;
    s = s == OK ? op_load(m->o, &in, err) : s;
    if (s == OK) {
        CHECK_EQ(m->o->frontier_us, frontier);
        s = m->o->class->validate(m->o, err);
    }
    buf_fini(&image);
    CHECK_EQ(mem_fini(&images), 0);
    return s;
}

/* ---- by hand */

static void
expect(const test_row *rows, int32_t count, int64_t frontier) {
    int64_t counts[KEYS + 1] = {0};
    zset_clear(&expected);
    for (int32_t i = 0; i < count; i++) {
        const int64_t key = rows[i].v[0];
        const int64_t at = rows[i].v[1];
        char          line[ZSET_KEY];
        int64_t      *n = &counts[key == NONE ? KEYS : key];
        snprintf(line, sizeof(line), "|%lld|%lld|%lld", key == NONE ? -1LL : (long long)key,
                 (long long)at, (long long)++*n);
        zset_add(&expected, line, 1);
    }
    for (int64_t key = 0; key <= KEYS; key++) { /* one timer of each key and time */
        for (int64_t at = 0; at + DELAY <= frontier; at++) {
            bool set = false;
            for (int32_t i = 0; i < count; i++) {
                set |= rows[i].v[0] == (key == KEYS ? NONE : key) && rows[i].v[1] == at;
            }
            char line[ZSET_KEY];
            snprintf(line, sizeof(line), "|%lld|%lld|t", key == KEYS ? -1LL : (long long)key,
                     (long long)(at + DELAY));
            zset_add(&expected, line, set);
        }
    }
}

/* What a timer's row says of the count depends on when it fires: it is not looked at. */
static void
blind(zset *z) {
    static zset copy;
    copy = *z;
    zset_clear(z);
    for (int32_t i = 0; i < ZSET_SIZE; i++) {
        if (copy.used[i] && copy.weight[i] != 0) {
            char *last = strrchr(copy.key[i], '|');
            if (last[1] == '-') {
                last[1] = 't', last[2] = 0;
            }
            zset_add(z, copy.key[i], copy.weight[i]);
        }
    }
}

static void
run(behaviour how, bool reloads, uint64_t seed) {
    static machine  m;
    static test_row rows[ROWS];
    error           err = {0};
    rng             r;
    int64_t         at = 1;
    rng_init(&r, seed);
    zset_clear(&found);
    machine_make(&m, how);
    CHECK_OK(open_circuit(&m, NULL, MODE_STREAM, 1, &err));
    for (int32_t i = 0; i < ROWS; i++) {
        at += rng_below(&r, 3) == 0;
        const int64_t key = (int64_t)rng_below(&r, KEYS + 1);
        rows[i] = (test_row){{key == KEYS ? NONE : key, at}};
    }
    for (int32_t i = 0; i < ROWS;) {
        int32_t n = 1 + (int32_t)rng_below(&r, 1 + rng_below(&r, 60));
        n = n > ROWS - i ? ROWS - i : n;
        CHECK_OK(circuit_push(&m.c, m.o, 0, m.in, rows + i, NULL, n, &err));
        i += n;
        while (i < ROWS && rows[i].v[1] == rows[i - 1].v[1]) { /* equal times come together */
            CHECK_OK(circuit_push(&m.c, m.o, 0, m.in, rows + i++, NULL, 1, &err));
        }
        const int64_t frontier = rows[i - 1].v[1];
        CHECK_OK(circuit_tick(&m.c, frontier, &err));
        CHECK(m.o->class->due_us(m.o) > frontier);
        if (reloads && rng_below(&r, 3) == 0) {
            CHECK_OK(reload(&m, &err));
        }
        expect(rows, i, frontier);
        CHECK_OK(circuit_snapshot(&m.c, m.o, &err));
        zset_check_equal(&shown, &found, "what is kept is what came out");
        got = found;
        blind(&got);
        zset_check_equal(&got, &expected, "counts and timers");
    }
    CHECK_OK(circuit_tick(&m.c, INT64_MAX, &err));
    CHECK_EQ(m.o->class->due_us(m.o), INT64_MAX);
    CHECK_EQ(m.o->class->state_rows(m.o), KEYS + 1);
    circuit_close(&m.c);
    routine_release(m.r);
    CHECK_EQ(atomic_load(&m.code.code.references), 1);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed < 8; seed++) {
        run(COUNTS, seed % 2 == 0, seed);
        run(CANCELS, seed % 2 == 1, seed);
    }
}

/* ---- two instances with keys of their own become one */

static void
test_parts(void **state) {
    (void)state;
    static machine  parts[2];
    static test_row rows[ROWS];
    error           err = {0};
    zset_clear(&found);
    for (int32_t i = 0; i < 2; i++) {
        machine_make(&parts[i], COUNTS);
        CHECK_OK(open_circuit(&parts[i], NULL, MODE_STREAM, 1, &err));
    }
    machine *const m = &parts[0];
    for (int32_t i = 0; i < ROWS; i++) {
        const int64_t key = i * 5 % (KEYS + 1);
        machine      *to = i < ROWS / 2 ? &parts[key % 2] : m;
        rows[i] = (test_row){{key == KEYS ? NONE : key, 1 + i / 10}};
        CHECK_OK(circuit_push(&to->c, to->o, 0, to->in, &rows[i], NULL, 1, &err));
        if (i % 10 == 9) {
            CHECK_OK(circuit_tick(&m->c, 1 + i / 10, &err));
            CHECK_OK(i < ROWS / 2 ? circuit_tick(&parts[1].c, 1 + i / 10, &err) : OK);
        }
        if (i == ROWS / 2 - 1) {
            CHECK_OK(op_merge(m->o, parts[1].o, &err));
            CHECK_OK(m->o->class->validate(m->o, &err));
            circuit_close(&parts[1].c);
        }
    }
    CHECK_EQ(m->o->class->state_rows(m->o), KEYS + 1);
    expect(rows, ROWS, 1 + (ROWS - 1) / 10);
    CHECK_OK(circuit_snapshot(&m->c, m->o, &err));
    zset_check_equal(&shown, &found, "what both had given is kept");
    got = found;
    blind(&got);
    zset_check_equal(&got, &expected, "counts and timers of both");
    /* A key of both: its two states have no sum. */
    const test_row row = {{3, 100}};
    CHECK_OK(open_circuit(&parts[1], NULL, MODE_STREAM, 1, &err));
    CHECK_OK(circuit_push(&parts[1].c, parts[1].o, 0, parts[1].in, &row, NULL, 1, &err));
    CHECK_OK(circuit_tick(&parts[1].c, m->o->frontier_us, &err));
    CHECK_EQ(op_merge(m->o, parts[1].o, &err), ERR_INTERNAL_ERROR);
    for (int32_t i = 0; i < 2; i++) {
        circuit_close(&parts[i].c);
        routine_release(parts[i].r);
    }
}

/* ---- timers by timers */

static void
test_rounds(void **state) {
    (void)state;
    static machine m;
    error          err = {0};
    const test_row row = {{3, 21}}; /* its timer is at 31: 31, then 32 later, then 30 at once */
    zset_clear(&found);
    machine_make(&m, CHAINS);
    CHECK_OK(open_circuit(&m, NULL, MODE_STREAM, 1, &err));
    CHECK_OK(circuit_push(&m.c, m.o, 0, m.in, &row, NULL, 1, &err));
    CHECK_OK(circuit_tick(&m.c, 25, &err));
    CHECK_EQ(m.o->class->due_us(m.o), 31);
    CHECK_OK(circuit_tick(&m.c, 31, &err));
    CHECK_EQ(m.o->class->due_us(m.o), 32);
    CHECK_OK(circuit_tick(&m.c, 40, &err));
    CHECK_EQ(m.o->class->due_us(m.o), INT64_MAX);
    CHECK_EQ(*zset_at(&found, "|3|31|-1"), 1);
    CHECK_EQ(*zset_at(&found, "|3|32|-1"), 1);
    CHECK_EQ(*zset_at(&found, "|3|30|-1"), 1);
    circuit_close(&m.c);
    routine_release(m.r);
}

static void
test_no_rows(void **state) {
    (void)state;
    static machine m;
    error          err = {0};
    const test_row row = {{3, 21}};
    zset_clear(&found);
    machine_make(&m, SILENT);
    CHECK_OK(open_circuit(&m, NULL, MODE_STREAM, 1, &err));
    CHECK_OK(circuit_push(&m.c, m.o, 0, m.in, &row, NULL, 1, &err));
    CHECK_OK(circuit_tick(&m.c, 25, &err));
    CHECK_EQ(m.c.taken, 0);
    CHECK_OK(circuit_tick(&m.c, 31, &err));
    CHECK_EQ(*zset_at(&found, "|3|31|-1"), 1);
    circuit_close(&m.c);
    routine_release(m.r);
}

static void
test_endless_timers(void **state) {
    (void)state;
    static machine m;
    error          err = {0};
    const test_row row = {{3, 21}};
    zset_clear(&found);
    machine_make(&m, ENDLESS);
    CHECK_OK(open_circuit(&m, NULL, MODE_STREAM, 1, &err));
    CHECK_OK(circuit_push(&m.c, m.o, 0, m.in, &row, NULL, 1, &err));
    CHECK_EQ(circuit_tick(&m.c, 100, &err), ERR_QUERY_FAILED);
    CHECK(strstr(err.message, "10000 times") != NULL);
    circuit_close(&m.c);
    routine_release(m.r);
}

/* ---- large ticks, no keys, one-off queries */

static void
test_large_tick(void **state) {
    (void)state;
    static machine  m;
    static test_row rows[1024];
    error           err = {0};
    machine_make(&m, COUNTS);
    CHECK_OK(open_circuit(&m, NULL, MODE_STREAM, 1, &err));
    m.c.out = NULL;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 1024; k++) {
            rows[k] = (test_row){{k % 2, 5}};
        }
        CHECK_OK(circuit_push(&m.c, m.o, 0, m.in, rows, NULL, 1024, &err));
    }
    CHECK_OK(circuit_tick(&m.c, 1, &err));
    CHECK_EQ(m.c.taken, 3072);
    CHECK_EQ(m.code.calls, 1);
    CHECK_EQ(m.code.rows_max, 3072);
    circuit_close(&m.c);
    routine_release(m.r);
}

static void
test_one_off(void **state) {
    (void)state;
    static machine m;
    error          err = {0};
    const test_row rows[] = {{{1, 5}}, {{1, 30}}};
    zset_clear(&found);
    machine_make(&m, COUNTS);
    CHECK_OK(open_circuit(&m, NULL, MODE_ONCE, 1, &err));
    m.c.env.event_us = 20; /* the second timer, at 40, is not due */
    CHECK_OK(circuit_push(&m.c, m.o, 0, m.in, rows, NULL, 2, &err));
    CHECK_OK(circuit_tick(&m.c, INT64_MAX, &err));
    CHECK_EQ(*zset_at(&found, "|1|5|1"), 1);
    CHECK_EQ(*zset_at(&found, "|1|30|2"), 1);
    CHECK_EQ(*zset_at(&found, "|1|15|-2"), 1);
    CHECK_EQ(m.c.taken, 3);
    circuit_close(&m.c);
    routine_release(m.r);
}

/* ---- failing allocations */

static status
scenario(mem *account, error *err) {
    static machine m;
    zset_clear(&found);
    machine_make(&m, COUNTS);
    status s = open_circuit(&m, account, MODE_STREAM, 1, err);
    for (int i = 0; i < 4 && s == OK; i++) {
        const test_row rows[] = {{{i, 5 + i}}, {{NONE, 6 + i}}};
        s = circuit_push(&m.c, m.o, 0, m.in, rows, NULL, 2, err);
        s = s < 0 ? s : circuit_tick(&m.c, 14 + i, err);
    }
    circuit_close(&m.c);
    routine_release(m.r);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("process", scenario) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_parts), UNIT(test_rounds), UNIT(test_no_rows),
          UNIT(test_endless_timers), UNIT(test_large_tick), UNIT(test_one_off), UNIT(test_torture))
