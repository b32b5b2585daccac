/* SPDX-License-Identifier: Apache-2.0 */
/* test_column.c - slices, views, gathers, constants, kept batches, consolidation and schemas
 * against cell-by-cell references. */
#include "random_rows.h"

typedef struct fixture {
    mem   mem;
    arena arena;
    rng   rng;
} fixture;

static void
setup(fixture *f, uint64_t seed) {
    mem_init(&f->mem, INT64_MAX);
    arena_init(&f->arena, &f->mem);
    rng_init(&f->rng, seed);
}

static void
teardown(fixture *f) {
    arena_fini(&f->arena);
    CHECK_EQ(mem_fini(&f->mem), 0);
}

static void
test_strview(void **state) {
    (void)state;
    const char *words[] = {
        "", "a", "ab", "abc", "abcd", "abcde", "abcdefghijkl", "abcdefghijklm", "abcdefghijkln",
        "b"};
    const int32_t n = ARRAY_COUNT(words);
    for (int32_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < n; k++) {
            const strview x = strview_of(words[i], (uint32_t)strlen(words[i]));
            const strview y = strview_of(words[k], (uint32_t)strlen(words[k]));
            CHECK_EQ(strview_equal(&x, &y), i == k);
            const int order = strview_compare(&x, &y);
            CHECK_EQ((order > 0) - (order < 0), (i > k) - (i < k));
            CHECK_TEXT(strview_text(&x), words[i]);
        }
    }
}

/* Views made from offsets are the words that strview_of makes: equal texts have equal words. */
static void
test_views(void **state) {
    (void)state;
    fixture f;
    setup(&f, 1);
    error err;
    for (int round = 0; round < 200; round++) {
        const int32_t rows = 1 + (int32_t)rng_below(&f.rng, 100);
        column        in = {.type = type_of(TYPE_TEXT)};
        random_offsets(&f.rng, &f.arena, &in, rows);
        column out;
        CHECK_OK(column_views(&out, &in, rows, &f.arena, &err));
        CHECK_EQ(out.layout, COLUMN_FLAT);
        const int32_t *offsets = in.values;
        for (int32_t i = 0; i < rows; i++) {
            const strview want =
                strview_of(in.bytes + offsets[i], (uint32_t)(offsets[i + 1] - offsets[i]));
            const strview got = ((const strview *)out.values)[i];
            CHECK(got.word[0] == want.word[0] && got.word[1] == want.word[1]);
        }
        column empty;
        CHECK_OK(column_views(&empty, &in, 0, &f.arena, &err));
        arena_reset(&f.arena);
    }
    teardown(&f);
}

static void
test_gather(void **state) {
    (void)state;
    fixture f;
    setup(&f, 2);
    error err;
    for (int round = 0; round < 300; round++) {
        const int32_t rows = 1 + (int32_t)rng_below(&f.rng, 200);
        const int     flags = (int)rng_below(&f.rng, 8);
        const delta   in = random_delta(&f.rng, &f.arena, random_types, RANDOM_TYPES, rows, flags);
        const int32_t count = (int32_t)rng_below(&f.rng, 300);
        const bool    nulls = rng_below(&f.rng, 2) == 0;
        int32_t      *pick = arena_alloc(&f.arena, (size_t)count * 4);
        for (int32_t i = 0; i < count; i++) {
            pick[i] = (int32_t)rng_below(&f.rng, (uint64_t)rows + nulls) - nulls;
        }
        delta out;
        CHECK_OK(delta_gather(&out, &in, pick, count, &f.arena, &err));
        CHECK_EQ(out.row_count, count);
        CHECK_EQ(out.weight == NULL, in.weight == NULL);
        for (int32_t c = 0; c < RANDOM_TYPES; c++) {
            column one;
            CHECK_OK(column_gather(&one, &in.columns[c], pick, count, &f.arena, &err));
            CHECK(out.columns[c].owner == NULL && out.columns[c].layout == COLUMN_FLAT);
            for (int32_t i = 0; i < count; i++) {
                const value want = pick[i] < 0 ? (value){.type = random_types[c], .is_null = true}
                                               : column_value(&in.columns[c], pick[i]);
                const value got = column_value(&out.columns[c], i);
                CHECK(same_value(&got, &want));
                CHECK(same_cells(&one, i, &out.columns[c], i));
            }
        }
        for (int32_t i = 0; i < count && in.weight != NULL; i++) {
            CHECK_EQ(out.weight[i], pick[i] < 0 ? 1 : in.weight[pick[i]]);
        }
        arena_reset(&f.arena);
    }
    teardown(&f);
}

static void
test_slice(void **state) {
    (void)state;
    fixture f;
    setup(&f, 3);
    for (int round = 0; round < 100; round++) {
        const int32_t rows = 200;
        const delta   in = random_delta(&f.rng, &f.arena, random_types, RANDOM_TYPES, rows,
                                        (int)rng_below(&f.rng, 4));
        for (int32_t c = 0; c < RANDOM_TYPES; c++) {
            const column *col = &in.columns[c];
            const int32_t first = col->validity != NULL ? 64 * (int32_t)rng_below(&f.rng, 4)
                                                        : (int32_t)rng_below(&f.rng, 200);
            const column  s = column_slice(col, first);
            for (int32_t i = first; i < rows; i++) {
                CHECK(same_cells(&s, i - first, col, i));
            }
        }
        arena_reset(&f.arena);
    }
    teardown(&f);
}

static void
test_constant(void **state) {
    (void)state;
    fixture f;
    setup(&f, 4);
    error err;
    for (int round = 0; round < 50; round++) {
        const delta in = random_delta(&f.rng, &f.arena, random_types, RANDOM_TYPES, 10,
                                      (int)rng_below(&f.rng, 4));
        for (int32_t c = 0; c < RANDOM_TYPES; c++) {
            const value   v = column_value(&in.columns[c], 3);
            const int32_t count = (int32_t)rng_below(&f.rng, 130);
            column        out;
            CHECK_OK(column_constant(&out, &v, count, &f.arena, &err));
            for (int32_t i = 0; i < count; i++) {
                const value got = column_value(&out, i);
                CHECK(same_value(&got, &v));
            }
        }
        arena_reset(&f.arena);
    }
    teardown(&f);
}

/* Kept rows live on when the arena is gone; rows of kept batches are retained, not copied. */
static void
test_keep(void **state) {
    (void)state;
    fixture f;
    setup(&f, 5);
    error err;
    for (int round = 0; round < 300; round++) {
        const int32_t rows = rng_below(&f.rng, 3) == 0 ? 1 : (int32_t)rng_below(&f.rng, 300);
        arena         scratch;
        arena_init(&scratch, &f.mem);
        const uint64_t seed = rng_next(&f.rng);
        const int      flags = (int)rng_below(&f.rng, 8);
        rng            again = {seed};
        const delta    in = random_delta(&again, &scratch, random_types, RANDOM_TYPES, rows, flags);
        batch         *kept;
        const int64_t  calls = atomic_load(&f.mem.allocations);
        CHECK_OK(batch_keep(&kept, &f.mem, &in, &err));
        CHECK_EQ(atomic_load(&f.mem.allocations) - calls, 1);
        arena_fini(&scratch);
        again = (rng){seed};
        const delta same = random_delta(&again, &f.arena, random_types, RANDOM_TYPES, rows, flags);
        check_rows(&kept->rows, 0, &same, 0, rows);
        for (int32_t i = 0; i < rows && same.weight != NULL; i++) {
            CHECK_EQ(kept->rows.weight[i], same.weight[i]);
        }
        /* A mix: owned and transient columns, from two owners. */
        batch *second;
        CHECK_OK(batch_keep(&second, &f.mem, &same, &err));
        column mixed[RANDOM_TYPES];
        for (int32_t i = 0; i < RANDOM_TYPES; i++) {
            mixed[i] = i % 3 == 0   ? kept->rows.columns[i]
                       : i % 3 == 1 ? second->rows.columns[i]
                                    : same.columns[i];
        }
        const delta mix = {.row_count = rows, .column_count = RANDOM_TYPES, .columns = mixed};
        batch      *third;
        CHECK_OK(batch_keep(&third, &f.mem, &mix, &err));
        for (int32_t i = 0; i < RANDOM_TYPES; i++) {
            CHECK(i % 3 == 2 || third->rows.columns[i].values == mixed[i].values);
        }
        batch_release(kept);
        batch_release(batch_retain(second));
        batch_release(second);
        check_rows(&third->rows, 0, &same, 0, rows);
        batch_release(third);
        arena_reset(&f.arena);
    }
    teardown(&f);
}

/* Every distinct row once, with the sum of its weights, negative before positive. */
static void
test_consolidate(void **state) {
    (void)state;
    fixture f;
    setup(&f, 6);
    error           err;
    const data_type types[] = {{.id = TYPE_BOOL}, {.id = TYPE_TEXT}, {.id = TYPE_F64}};
    for (int round = 0; round < 300; round++) {
        const int32_t rows = (int32_t)rng_below(&f.rng, 80);
        const int32_t columns = 1 + (int32_t)rng_below(&f.rng, 3);
        const delta   in =
            random_delta(&f.rng, &f.arena, types, columns, rows, (int)rng_below(&f.rng, 8));
        delta out;
        CHECK_OK(delta_consolidate(&out, &in, &f.arena, &err));
        int64_t total = 0;
        for (int32_t i = 0; i < out.row_count; i++) {
            int64_t want = 0;
            for (int32_t k = 0; k < rows; k++) {
                bool same = true;
                for (int32_t c = 0; c < columns; c++) {
                    const value x = column_value(&out.columns[c], i);
                    const value y = column_value(&in.columns[c], k);
                    same = same && value_compare(&x, &y) == 0;
                }
                want += same ? (in.weight == NULL ? 1 : in.weight[k]) : 0;
            }
            CHECK(out.weight[i] != 0);
            CHECK_EQ(out.weight[i], want);
            total += want;
            if (i > 0) {
                CHECK(out.weight[i - 1] < 0 || out.weight[i] > 0);
                int order = 0;
                for (int32_t c = 0; c < columns && order == 0; c++) {
                    const value x = column_value(&out.columns[c], i - 1);
                    const value y = column_value(&out.columns[c], i);
                    order = value_compare(&x, &y);
                }
                CHECK(order < 0 || (out.weight[i - 1] < 0 && out.weight[i] > 0));
            }
        }
        for (int32_t k = 0; k < rows; k++) {
            total -= in.weight == NULL ? 1 : in.weight[k];
        }
        CHECK_EQ(total, 0);
        arena_reset(&f.arena);
    }
    teardown(&f);
}

static void
test_schema(void **state) {
    (void)state;
    fixture f;
    setup(&f, 7);
    field        fields[] = {{TEXT("Price"), {.id = TYPE_F64}, true},
                             {TEXT("price"), {.id = TYPE_I64}, true},
                             {TEXT("k"), {.id = TYPE_TEXT}, false}};
    const schema s = {3, fields};
    schema      *copy = schema_copy(&s, &f.arena);
    assert_non_null(copy);
    CHECK(schema_equal(&s, copy) && copy->fields[0].name.data != fields[0].name.data);
    CHECK_EQ(schema_find(copy, TEXT("price"), false), 1);
    CHECK_EQ(schema_find(copy, TEXT("PRICE"), false), 0);
    CHECK_EQ(schema_find(copy, TEXT("PRICE"), true), -1);
    CHECK_EQ(schema_find(copy, TEXT("K"), false), 2);
    CHECK_EQ(schema_find(copy, TEXT("nope"), false), -1);
    copy->fields[2].type = type_of(TYPE_I8);
    CHECK(!schema_equal(&s, copy));
    teardown(&f);
}

static status
torture_scenario_body(arena *a, mem *m, error *err) {
    rng   r = {8};
    mem   quiet; /* inputs are made without failures */
    arena inputs;
    mem_init(&quiet, INT64_MAX);
    arena_init(&inputs, &quiet);
    const delta   in = random_delta(&r, &inputs, random_types, RANDOM_TYPES, 70,
                                    RANDOM_NULLS | RANDOM_OFFSETS | RANDOM_WEIGHTS);
    const int32_t rows[] = {1, -1, 5, 69};
    delta         out;
    column        c;
    const value   v = column_value(&in.columns[7], 3);
    batch        *kept = NULL;
    batch        *again = NULL;
    status        s = column_views(&c, &in.columns[8], 70, a, err);
    s = s < 0 ? s : column_constant(&c, &v, 9, a, err);
    s = s < 0 ? s : delta_gather(&out, &in, rows, 4, a, err);
    s = s < 0 ? s : delta_consolidate(&out, &in, a, err);
    s = s < 0 ? s : batch_keep(&kept, m, &in, err);
    s = s < 0 ? s : batch_keep(&again, m, &kept->rows, err);
    if (s >= 0) {
        const schema names = {1, &(field){TEXT("x"), {.id = TYPE_I64}, true}};
        s = schema_copy(&names, a) == NULL ? error_memory(err) : s;
    }
    batch_release(kept);
    batch_release(again);
    arena_fini(&inputs);
    CHECK_EQ(mem_fini(&quiet), 0);
    return s;
}

static status
torture_columns(mem *m, error *err) {
    arena a;
    arena_init(&a, m);
    const status s = torture_scenario_body(&a, m, err);
    arena_fini(&a);
    return s;
}

static void
count_call(void *arg) {
    ++*(int *)arg;
}

static status
torture_chunks(mem *m, error *err) {
    int    calls = 0;
    int    wanted = 0;
    bool   ok = true;
    chunk *c = chunk_new(m);
    chunk *other = c == NULL ? NULL : chunk_new(m);
    if (other == NULL) {
        chunk_release(c);
        return error_memory(err);
    }
    for (size_t i = 0; i < 40 && ok; i++) {
        const size_t size = i * i * 50;
        uint8_t     *p = chunk_alloc(c, size);
        ok = p != NULL;
        if (ok) {
            CHECK_EQ((uintptr_t)p % 64, 0);
            memset(p, (int)i, size);
            CHECK(chunk_bytes(c) >= size);
            const bool noted = chunk_on_free(c, count_call, &calls);
            wanted += noted;
            ok = noted;
        }
    }
    ok = ok && chunk_depend(c, other);
    chunk_release(other);
    chunk_release(chunk_retain(c));
    CHECK_EQ(calls, 0);
    chunk_release(c);
    CHECK_EQ(calls, wanted);
    return ok ? OK : error_memory(err);
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("columns", torture_columns) > 2);
    CHECK(torture("chunks", torture_chunks) > 5);
}

UNIT_MAIN(UNIT(test_strview), UNIT(test_views), UNIT(test_gather), UNIT(test_slice),
          UNIT(test_constant), UNIT(test_keep), UNIT(test_consolidate), UNIT(test_schema),
          UNIT(test_torture))
