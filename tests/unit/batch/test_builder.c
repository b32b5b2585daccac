/* SPDX-License-Identifier: Apache-2.0 */
/* test_builder.c - what is taken out of a builder is what was appended, in every mix of appends,
 * truncations and takes. */
#include "batch/builder.h"

#include "base/interrupt.h"

#include "random_rows.h"

/* Appends rows first .. first + count of `in` value by value. */
static status
append_cells(builder *b, const delta *in, int32_t first, int32_t count, error *err) {
    for (int32_t c = 0; c < in->column_count; c++) {
        for (int32_t i = first; i < first + count; i++) {
            const value v = column_value(&in->columns[c], i);
            TRY(column_append_value(b, c, &v, err));
        }
    }
    return OK;
}

/* The same by runs where a column has them. */
static status
append_runs(builder *b, const delta *in, int32_t first, int32_t count, error *err) {
    text run[64];
    for (int32_t c = 0; c < in->column_count; c++) {
        const bool texts = physical_is_view(type_physical(in->columns[c].type));
        for (int32_t i = first; i < first + count;) {
            const bool null = column_is_null(&in->columns[c], i);
            int32_t    n = 0;
            while (i + n < first + count && n < 64 &&
                   column_is_null(&in->columns[c], i + n) == null && (null || texts || n == 0)) {
                run[n] = column_value(&in->columns[c], i + n).s;
                n++;
            }
            const value v = column_value(&in->columns[c], i);
            TRY(null    ? column_append_null_run(b, c, n, err)
                : texts ? column_append_text_run(b, c, run, n, err)
                        : column_append_value(b, c, &v, err));
            i += n;
        }
    }
    return OK;
}

/* `log` are the rows that must be in the builder: (input row) numbers. */
static void
check_content(const builder *b, const delta *in, const int32_t *log, int32_t count) {
    column columns[RANDOM_TYPES];
    delta  view;
    builder_view(b, columns, &view);
    CHECK_EQ(view.row_count, count);
    CHECK_EQ(builder_rows(b), count);
    for (int32_t i = 0; i < count; i++) {
        check_rows(&view, i, in, log[i], 1);
    }
}

static void
test_random(void **state) {
    (void)state;
    error err;
    mem   m;
    arena a;
    rng   r = {11};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int round = 0; round < 40; round++) {
        const int32_t rows = 600;
        const delta   in =
            random_delta(&r, &a, random_types, RANDOM_TYPES, rows, (int)rng_below(&r, 4));
        builder b;
        int32_t log[20000];
        int32_t count = 0;
        CHECK_OK(builder_init(&b, &m, random_types, RANDOM_TYPES, &err));
        for (int step = 0; step < 40; step++) {
            const int32_t  first = (int32_t)rng_below(&r, (uint64_t)rows);
            int32_t        n = (int32_t)rng_below(&r, (uint64_t)(rows - first) + 1);
            const uint64_t what = rng_below(&r, 10);
            if (what < 4) {
                n = what > 0 && n > 5 ? 5 : n;
                CHECK_OK((what == 0 ? append_runs : append_cells)(&b, &in, first, n, &err));
            } else if (what < 7) {
                const delta part = {
                    .row_count = n, .column_count = RANDOM_TYPES, .columns = in.columns};
                CHECK_OK(builder_append_delta(&b, &part, &err));
            } else if (what == 7) {
                count = count == 0 ? 0 : (int32_t)rng_below(&r, (uint64_t)count);
                builder_truncate(&b, count);
            } else if (what == 8) {
                CHECK_OK(builder_reserve(&b, n, &err));
            } else {
                batch *taken;
                CHECK_OK(builder_take(&b, &taken, &err));
                CHECK_EQ(taken->rows.row_count, count);
                CHECK_EQ(builder_rows(&b), 0);
                for (int32_t i = 0; i < count; i++) {
                    check_rows(&taken->rows, i, &in, log[i], 1);
                }
                for (int32_t c = 0; c < RANDOM_TYPES; c++) {
                    assert_non_null(taken->rows.columns[c].owner);
                }
                batch_release(taken);
                count = 0;
            }
            for (int32_t i = 0; what < 7 && i < n; i++) {
                log[count++] = what < 4 ? first + i : i;
            }
        }
        check_content(&b, &in, log, count);
        builder_fini(&b);
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* One row after the other costs one allocation each once the builder is warm. */
static void
test_single_rows(void **state) {
    (void)state;
    error           err;
    mem             m;
    builder         b;
    const data_type types[] = {{.id = TYPE_I64}, {.id = TYPE_F64}, {.id = TYPE_TEXT}};
    mem_init(&m, INT64_MAX);
    CHECK_OK(builder_init(&b, &m, types, 3, &err));
    int64_t calls = 0;
    for (int32_t i = 0; i < 100; i++) {
        CHECK_OK(column_append_i64(&b, 0, i, &err));
        CHECK_OK(column_append_f64(&b, 1, 0.5 * i, &err));
        CHECK_OK(column_append_text(&b, 2, TEXT("a text that is not inlined"), &err));
        batch *taken;
        calls = atomic_load(&m.allocations);
        CHECK_OK(builder_take(&b, &taken, &err));
        CHECK_EQ(atomic_load(&m.allocations) - calls, 1);
        CHECK_EQ(column_value(&taken->rows.columns[0], 0).i, i);
        CHECK_TEXT(column_value(&taken->rows.columns[2], 0).s, "a text that is not inlined");
        batch_release(taken);
    }
    /* Emptying gives long texts back, however often it is done. */
    static char words[3000];
    memset(words, 'w', sizeof(words));
    for (int32_t i = 0; i < 300; i++) {
        CHECK_OK(column_append_text(&b, 2, (text){words, sizeof(words)}, &err));
        builder_truncate(&b, 0);
    }
    CHECK(atomic_load(&m.bytes_used) < 20000);
    builder_fini(&b);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
torture_builder(mem *m, error *err) {
    mem   quiet;
    arena inputs;
    rng   r = {12};
    mem_init(&quiet, INT64_MAX);
    arena_init(&inputs, &quiet);
    const delta in =
        random_delta(&r, &inputs, random_types, RANDOM_TYPES, 500, RANDOM_NULLS | RANDOM_OFFSETS);
    builder        b;
    batch         *small = NULL;
    batch         *large = NULL;
    int32_t        count = 0;
    static int32_t log[2000];
    status         s = builder_init(&b, m, random_types, RANDOM_TYPES, err);
    if (s >= 0) {
        s = append_cells(&b, &in, 0, 20, err);
        s = s < 0 ? s : builder_take(&b, &small, err);
        if (s < 0) {
            builder_truncate(&b, 0); /* a failed row is taken back */
        }
        for (int round = 0; round < 3; round++) {
            const status added = builder_append_delta(&b, &in, err);
            s = s < 0 ? s : added;
            for (int32_t i = 0; added >= 0 && i < in.row_count; i++) {
                log[count++] = i;
            }
            check_content(&b, &in, log, count);
        }
        const status taken = builder_take(&b, &large, err);
        s = s < 0 ? s : taken;
        if (taken >= 0) {
            check_rows(&large->rows, 0, &in, 0, large->rows.row_count < 500 ? 0 : 500);
        } else {
            check_content(&b, &in, log, count);
        }
        builder_fini(&b);
    }
    batch_release(small);
    batch_release(large);
    arena_fini(&inputs);
    CHECK_EQ(mem_fini(&quiet), 0);
    return s;
}

static int64_t looks, stop_at;

static int64_t
step_clock(engine_clock *c) {
    return atomic_fetch_add(&c->manual_us, INTERRUPT_CHECK_NS); /* each look is one that is due */
}

static bool
count_look(void *unused) {
    (void)unused;
    return ++looks == stop_at;
}

/* Bytes that a large array copies as it grows pass in pieces between looks, and a query that is
 * told to stop there leaves the builder as it was. */
static void
test_growth_is_watched(void **state) {
    (void)state;
    static int64_t  run[65536];
    const data_type type = type_of(TYPE_I64);
    engine_clock    clock = {.ticks_ns = step_clock};
    interrupt       query = {.check = count_look, .clock = &clock};
    mem             m;
    error           err;
    builder         b;
    delta           view;
    column          c;
    mem_init(&m, INT64_MAX);
    CHECK_OK(builder_init(&b, &m, &type, 1, &err));
    interrupt *before = interrupt_set_current(&query);
    for (int32_t part = 0; part < 64; part++) {
        for (int32_t i = 0; i < ARRAY_COUNT(run); i++) {
            run[i] = part * (int64_t)ARRAY_COUNT(run) + i;
        }
        const int64_t bytes = (int64_t)builder_rows(&b) * (int64_t)sizeof(run[0]);
        const bool    full = b.columns[0].capacity == builder_rows(&b) && bytes > 2 << 20;
        looks = 0;
        stop_at = full ? 2 : 0;
        status s = column_append_i64_run(&b, 0, run, ARRAY_COUNT(run), &err);
        if (full) {
            CHECK_EQ(s, ERR_QUERY_CANCELLED);
            CHECK_EQ(builder_rows(&b), part * ARRAY_COUNT(run));
            atomic_store(&query.cancelled, false);
            looks = stop_at = 0;
            s = column_append_i64_run(&b, 0, run, ARRAY_COUNT(run), &err);
            CHECK(looks >= bytes >> 20); /* a look for each MiB at least */
        }
        CHECK_OK(s);
    }
    interrupt_set_current(before);
    builder_view(&b, &c, &view);
    CHECK_EQ(view.row_count, 64 * ARRAY_COUNT(run));
    for (int32_t i = 0; i < view.row_count; i++) {
        CHECK_EQ(((const int64_t *)c.values)[i], i);
    }
    builder_fini(&b);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("builder", torture_builder) > 20);
}

UNIT_MAIN(UNIT(test_random), UNIT(test_single_rows), UNIT(test_growth_is_watched),
          UNIT(test_torture))
