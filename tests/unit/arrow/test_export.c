/* SPDX-License-Identifier: Apache-2.0 */
/* test_export.c - what is exported reads back as it was, in every layout; columns and streams are
 * released in any order. */
#include "../batch/random_rows.h"
#include "arrow/arrow.h"
#include "os/thread.h"

static void
make_schema(schema *s, field *fields) {
    for (int32_t i = 0; i < RANDOM_TYPES; i++) {
        fields[i] = (field){TEXT("column"), random_types[i], i % 2 == 0};
    }
    *s = (schema){RANDOM_TYPES, fields};
}

/* Intervals of random bits do not fit nanoseconds. */
static void
tame_intervals(const delta *d) {
    for (int32_t c = 0; c < d->column_count; c++) {
        interval *v = (interval *)(uintptr_t)d->columns[c].values;
        for (int32_t i = 0; d->columns[c].type.id == TYPE_INTERVAL && i < d->row_count; i++) {
            v[i].us %= 1000000000000;
        }
    }
}

/* Numbers of random bits are neither DECIMALs of so many digits nor times of a day. */
static void
tame_numbers(const delta *d) {
    for (int32_t c = 0; c < d->column_count; c++) {
        const data_type t = d->columns[c].type;
        int64_t        *v = (int64_t *)(uintptr_t)d->columns[c].values;
        int128         *w = (int128 *)(uintptr_t)d->columns[c].values;
        for (int32_t i = 0; i < d->row_count; i++) {
            if (t.id == TYPE_TIME) {
                v[i] = (v[i] & INT64_MAX) % INT64_C(86400000000);
            } else if (t.id == TYPE_DECIMAL && t.precision == 9) {
                v[i] %= 1000000000;
            } else if (t.id == TYPE_DECIMAL) {
                w[i] >>= 2;
            }
        }
    }
}

static batch *
random_batch(rng *r, arena *a, mem *m, int32_t rows, int flags) {
    error       err;
    batch      *b;
    const delta d = random_delta(r, a, random_types, RANDOM_TYPES, rows, flags);
    tame_intervals(&d);
    tame_numbers(&d);
    CHECK_OK(batch_keep(&b, m, &d, &err));
    return b;
}

static void
check_weight(const column *c, const delta *d) {
    CHECK_EQ(c->type.id, TYPE_I64);
    for (int32_t i = 0; i < d->row_count; i++) {
        CHECK_EQ(column_value(c, i).i, d->weight == NULL ? 1 : d->weight[i]);
    }
}

static void
test_round_trip(void **state) {
    (void)state;
    rng    r = {31};
    error  err;
    schema s;
    field  fields[RANDOM_TYPES];
    make_schema(&s, fields);
    for (int round = 0; round < 100; round++) {
        mem   m;
        arena a;
        mem_init(&m, INT64_MAX);
        arena_init(&a, &m);
        const int32_t      rows = (int32_t)rng_below(&r, 150);
        batch             *b = random_batch(&r, &a, &m, rows, (int)rng_below(&r, 8));
        const bool         weights = round & 1;
        struct ArrowSchema as;
        struct ArrowArray  aa;
        CHECK_OK(arrow_export_schema(&as, &s, weights, &m, &err));
        CHECK_OK(arrow_export_batch(&aa, b, weights, &m, &err));
        CHECK_EQ(aa.n_children, RANDOM_TYPES + weights);
        for (int32_t c = 0; c < RANDOM_TYPES; c++) {
            const column  *in = &b->rows.columns[c];
            const physical p = type_physical(in->type);
            const bool     converts = in->type.id == TYPE_BOOL || in->type.id == TYPE_INTERVAL ||
                                  in->type.id == TYPE_UUID ||
                                  (in->type.id == TYPE_DECIMAL && p == PHYSICAL_I64) ||
                                  (p == PHYSICAL_TEXT && in->layout == COLUMN_FLAT);
            CHECK_EQ(as.children[c]->flags, c % 2 == 0 ? ARROW_FLAG_NULLABLE : 0);
            CHECK(in->type.id == TYPE_NULL ||
                  (aa.children[c]->buffers[1] == in->values) == !converts);
        }
        batch *back;
        CHECK_OK(arrow_import_batch(&back, &m, &as, &aa, true, &err));
        delta without = back->rows;
        without.column_count = RANDOM_TYPES;
        check_rows(&without, 0, &b->rows, 0, rows);
        if (weights) {
            CHECK_STR(as.children[RANDOM_TYPES]->name, "__weight");
            check_weight(&back->rows.columns[RANDOM_TYPES], &b->rows);
        }
        batch_release(b);
        batch_release(back);
        as.release(&as);
        CHECK(as.release == NULL);
        arena_fini(&a);
        CHECK_EQ(mem_fini(&m), 0);
    }
}

/* The bytes of Arrow's layout, one by one. */
static void
test_layout(void **state) {
    (void)state;
    error err;
    mem   m;
    mem_init(&m, INT64_MAX);
    const uint64_t valid = 0x2fb; /* rows 2 and 8 are NULL */
    const uint8_t  bools[10] = {1, 0, 1, 1, 0, 0, 0, 1, 1, 1};
    strview        texts[10] = {strview_of("a", 1), strview_of("", 0), strview_of("xx", 2),
                                strview_of("a longer one than fits", 22)};
    const interval spans[10] = {{1, 2, 3}};
    const column   columns[] = {{.type = {.id = TYPE_BOOL}, .validity = &valid, .values = bools},
                                {.type = {.id = TYPE_TEXT}, .validity = &valid, .values = texts},
                                {.type = {.id = TYPE_INTERVAL}, .values = spans}};
    const delta    d = {.row_count = 10, .column_count = 3, .columns = columns};
    batch         *b;
    CHECK_OK(batch_keep(&b, &m, &d, &err));
    struct ArrowArray a;
    CHECK_OK(arrow_export_batch(&a, b, false, &m, &err));
    batch_release(b);
    const uint8_t *bits = a.children[0]->buffers[1];
    CHECK(bits[0] == 0x8d && (bits[1] & 3) == 3);
    CHECK_EQ(a.children[0]->null_count, 2);
    CHECK_EQ(((const uint8_t *)a.children[0]->buffers[0])[0], 0xfb);
    const int32_t *offsets = a.children[1]->buffers[1];
    CHECK(offsets[0] == 0 && offsets[1] == 1 && offsets[2] == 1 && offsets[3] == 1 &&
          offsets[4] == 23 && offsets[10] == 23);
    CHECK(memcmp(a.children[1]->buffers[2], "aa longer one than fits", 23) == 0);
    const interval *span = a.children[2]->buffers[1];
    CHECK(span->months == 1 && span->days == 2 && span->us == 3000);
    CHECK(a.children[2]->buffers[0] == NULL && a.children[2]->null_count == 0 && a.n_buffers == 1 &&
          a.buffers[0] == NULL);
    /* A consumer moves one column out; it lives on when the record is gone. */
    struct ArrowArray moved = *a.children[1];
    a.children[1]->release = NULL;
    a.release(&a);
    CHECK(a.release == NULL);
    CHECK(memcmp(moved.buffers[2], "aa longer one", 13) == 0);
    moved.release(&moved);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_refused(void **state) {
    (void)state;
    error err;
    mem   m;
    mem_init(&m, INT64_MAX);
    const interval spans[2] = {{0, 0, 1}, {0, 0, INT64_MAX / 999}};
    const column   columns[] = {{.type = {.id = TYPE_INTERVAL}, .values = spans},
                                {.type = {.id = TYPE_INTERVAL}, .values = spans}};
    const delta    d = {.row_count = 2, .column_count = 2, .columns = columns};
    batch         *b;
    CHECK_OK(batch_keep(&b, &m, &d, &err));
    struct ArrowArray a;
    CHECK_FAILS(arrow_export_batch(&a, b, true, &m, &err), ERR_QUERY_FAILED);
    CHECK(a.release == NULL && strstr(err.message, "row 2") != NULL);
    field                   f = {TEXT("i"), {.id = TYPE_INTERVAL}, true};
    const schema            s = {1, &f};
    struct ArrowArrayStream stream;
    CHECK_OK(arrow_export_stream(&stream, &s, &b, 1, false, &m, &err));
    CHECK(stream.get_last_error(&stream) == NULL);
    CHECK(stream.get_next(&stream, &a) != 0 && a.release == NULL);
    CHECK(strstr(stream.get_last_error(&stream), "nanoseconds") != NULL);
    stream.release(&stream);
    batch_release(b);
    CHECK_EQ(mem_fini(&m), 0);
}

static void *
release_arrays(void *arg) {
    struct ArrowArray *arrays = arg;
    for (int i = 0; i < RANDOM_TYPES; i++) {
        arrays[i].release(&arrays[i]);
    }
    return NULL;
}

/* Columns of one record released by two threads at once; streams drained, left half read, released
 * before their arrays. */
static void
test_streams(void **state) {
    (void)state;
    rng    r = {32};
    error  err;
    mem    m;
    arena  a;
    schema s;
    field  fields[RANDOM_TYPES];
    make_schema(&s, fields);
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int round = 0; round < 30; round++) {
        batch *batches[3];
        for (int i = 0; i < 3; i++) {
            batches[i] = random_batch(&r, &a, &m, 20, RANDOM_NULLS | RANDOM_WEIGHTS);
        }
        struct ArrowArrayStream stream;
        CHECK_OK(arrow_export_stream(&stream, &s, batches, 3, true, &m, &err));
        for (int i = 0; i < 3; i++) {
            batch_release(batches[i]);
        }
        struct ArrowSchema as;
        struct ArrowArray  arrays[2];
        CHECK_EQ(stream.get_schema(&stream, &as), 0);
        CHECK_STR(as.format, "+s");
        as.release(&as);
        CHECK_EQ(stream.get_next(&stream, &arrays[0]), 0);
        if (round % 3 == 0) {
            stream.release(&stream);
            arrays[0].release(&arrays[0]);
            continue;
        }
        CHECK_EQ(stream.get_next(&stream, &arrays[1]), 0);
        struct ArrowArray moved[2][RANDOM_TYPES];
        for (int i = 0; i < RANDOM_TYPES; i++) {
            for (int k = 0; k < 2; k++) {
                const int from = (i + k) % 2; /* each thread has columns of both records */
                moved[k][i] = *arrays[from].children[i];
                arrays[from].children[i]->release = NULL;
            }
        }
        arrays[0].release(&arrays[0]);
        thread t;
        CHECK_OK(thread_start(&t, "release", release_arrays, moved[0], &err));
        release_arrays(moved[1]);
        thread_join(&t);
        arrays[1].release(&arrays[1]);
        CHECK_EQ(stream.get_next(&stream, &arrays[0]), 0);
        arrays[0].release(&arrays[0]);
        CHECK_EQ(stream.get_next(&stream, &arrays[0]), 0);
        CHECK(arrays[0].release == NULL);
        stream.release(&stream);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
torture_export(mem *m, error *err) {
    rng    r = {33};
    mem    quiet;
    arena  a;
    schema s;
    field  fields[RANDOM_TYPES];
    make_schema(&s, fields);
    mem_init(&quiet, INT64_MAX);
    arena_init(&a, &quiet);
    batch                  *b = random_batch(&r, &a, &quiet, 40, RANDOM_NULLS | RANDOM_OFFSETS);
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema      as = {0};
    struct ArrowArray       aa = {0};
    status                  result = arrow_export_stream(&stream, &s, &b, 1, true, m, err);
    batch_release(b);
    if (result >= 0) {
        const int schema_made = stream.get_schema(&stream, &as);
        int       made = stream.get_next(&stream, &aa);
        if (made != 0) { /* the batch is still there */
            CHECK(stream.get_last_error(&stream) != NULL);
            CHECK_EQ(stream.get_next(&stream, &aa), 0);
        }
        result = schema_made != 0 || made != 0 ? error_memory(err) : OK;
        CHECK(schema_made == 0 || as.release == NULL);
        CHECK_EQ(aa.length, 40);
    }
    if (as.release != NULL) {
        as.release(&as);
    }
    if (aa.release != NULL) {
        aa.release(&aa);
    }
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&quiet), 0);
    return result;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("export", torture_export) > 25);
}

UNIT_MAIN(UNIT(test_round_trip), UNIT(test_layout), UNIT(test_refused), UNIT(test_streams),
          UNIT(test_torture))
