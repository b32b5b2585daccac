/* SPDX-License-Identifier: Apache-2.0 */
/* test_table.c - random inserts of all sizes, with snapshots read back later: each must show the
 * rows of its moment. */
#include "table/table.h"

#include "../batch/random_rows.h"
#include "os/thread.h"

#define POOL_ROWS 12000
#define MODEL_MAX 600000

typedef struct model {
    mem      mem;
    arena    pool_arena;
    arena    scratch;
    rng      rng;
    delta    pool;
    table   *table;
    int32_t *rows; /* table row -> pool row */
    int64_t  count;
} model;

static void
setup(model *m, uint64_t seed, int flags) {
    error err;
    mem_init(&m->mem, INT64_MAX);
    arena_init(&m->pool_arena, &m->mem);
    arena_init(&m->scratch, &m->mem);
    rng_init(&m->rng, seed);
    m->pool = random_delta(&m->rng, &m->pool_arena, random_types, RANDOM_TYPES, POOL_ROWS, flags);
    m->rows = malloc(MODEL_MAX * sizeof(int32_t));
    assert_non_null(m->rows);
    m->count = 0;
    field fields[RANDOM_TYPES];
    for (int32_t i = 0; i < RANDOM_TYPES; i++) {
        fields[i] = (field){TEXT("c"), random_types[i], true};
    }
    const schema s = {RANDOM_TYPES, fields};
    CHECK_OK(table_open(&m->table, &m->mem, &s, NULL, 0, &err));
    CHECK(schema_equal(table_schema(m->table), &s));
}

static void
teardown(model *m) {
    table_close(m->table);
    free(m->rows);
    arena_fini(&m->pool_arena);
    arena_fini(&m->scratch);
    CHECK_EQ(mem_fini(&m->mem), 0);
}

/* A kept batch of pool rows first .. first + count: a copy, or a slice whose text stays in offsets
 * form. */
static batch *
make_batch(mem *m, arena *scratch, const delta *pool, int32_t first, int32_t count, bool slice,
           error *err) {
    batch *b;
    delta  rows;
    column columns[RANDOM_TYPES];
    if (slice) {
        assert_int_equal(first % 64, 0);
        for (int32_t i = 0; i < pool->column_count; i++) {
            columns[i] = column_slice(&pool->columns[i], first);
        }
        rows = (delta){.row_count = count, .column_count = pool->column_count, .columns = columns};
    } else {
        int32_t *pick = arena_alloc(scratch, (size_t)count * 4);
        assert_non_null(pick);
        for (int32_t i = 0; i < count; i++) {
            pick[i] = first + i;
        }
        CHECK_EQ(delta_gather(&rows, pool, pick, count, scratch, err), OK);
    }
    return batch_keep(&b, m, &rows, err) < 0 ? NULL : b;
}

static int32_t
random_size(rng *r) {
    switch (rng_below(r, 8)) {
    case 0:
        return (int32_t)rng_below(r, 10001);
    case 1:
        return 4090 + (int32_t)rng_below(r, 12);
    case 2:
        return 0;
    case 3:
        return (int32_t)rng_below(r, 1500);
    case 4:
        return (int32_t)rng_below(r, 150);
    default:
        return 1 + (int32_t)rng_below(r, 3);
    }
}

/* Inserts and checks what is handed on. */
static void
append(model *m) {
    error         err;
    const bool    slice = rng_below(&m->rng, 2) == 0;
    const int32_t count = random_size(&m->rng);
    int32_t       first = (int32_t)rng_below(&m->rng, (uint64_t)(POOL_ROWS - count) + 1);
    first = slice ? first & ~63 : first;
    batch *b = make_batch(&m->mem, &m->scratch, &m->pool, first, count, slice, &err);
    assert_non_null(b);
    column        columns[RANDOM_TYPES];
    delta         stored;
    const int64_t n = table_entry_count(m->table);
    CHECK_OK(table_append(m->table, b, (uint64_t)n + 7, n, -n, columns, &stored, &err));
    CHECK_EQ(stored.row_count, count);
    check_rows(&stored, 0, &m->pool, first, count);
    batch *again; /* what is handed on can be kept without a copy of its values */
    CHECK_OK(batch_keep(&again, &m->mem, &stored, &err));
    batch_release(b);
    check_rows(&again->rows, 0, &m->pool, first, count < 50 ? count : 50);
    batch_release(again);
    const insert_entry *e = table_entry(m->table, n);
    CHECK(e->sequence == (uint64_t)n + 7 && e->position == m->count && e->row_count == count &&
          e->ingested_us == n && e->watermark_us == -n);
    if (rng_below(&m->rng, 6) == 0) {
        table_undo(m->table);
        CHECK_EQ(table_entry_count(m->table), n);
    } else {
        for (int32_t i = 0; i < count; i++) {
            m->rows[m->count++] = first + i;
        }
    }
    CHECK_EQ(table_row_count(m->table), m->count);
    arena_reset(&m->scratch);
}

/* Reads rows first .. end through some columns. */
static void
read_part(model *m, const table_snapshot *s, int64_t first, int64_t end) {
    error         err;
    int32_t       map[RANDOM_TYPES];
    column        columns[RANDOM_TYPES];
    const bool    all = rng_below(&m->rng, 3) == 0;
    const int32_t count = all ? RANDOM_TYPES : 1 + (int32_t)rng_below(&m->rng, 3);
    for (int32_t i = 0; i < count; i++) {
        map[i] = all ? i : (int32_t)rng_below(&m->rng, RANDOM_TYPES);
    }
    table_cursor c;
    delta        d;
    table_cursor_init(&c, s, first, end);
    int64_t at = first;
    while (table_cursor_next(&c, all ? NULL : map, count, columns, &d, &err) == OK) {
        CHECK(d.row_count > 0 && d.row_count <= BATCH_ROWS && d.column_count == count);
        for (int32_t i = 0; i < count; i++) {
            assert_non_null(d.columns[i].owner);
            const column *want = &m->pool.columns[map[i]];
            for (int32_t k = 0; k < d.row_count; k += 1 + (int32_t)rng_below(&m->rng, 4)) {
                CHECK(same_cells(&d.columns[i], k, want, m->rows[at + k]));
            }
        }
        if (rng_below(&m->rng, 20) == 0) {
            batch *b;
            CHECK_OK(batch_keep(&b, &m->mem, &d, &err));
            CHECK_EQ(b->rows.columns[0].values == d.columns[0].values, true);
            batch_release(b);
        }
        at += d.row_count;
    }
    CHECK_EQ(at, end < first ? first : end);
}

/* The range of a segment is exact for the rows between two cursor positions. */
static void
check_ranges(model *m, const table_snapshot *s) {
    table_cursor c;
    table_cursor_init(&c, s, 0, table_snapshot_rows(s));
    const int32_t at = 5; /* BIGINT */
    while (c.position < c.end) {
        const int64_t first = c.position;
        int64_t       min = 0;
        int64_t       max = 0;
        const bool    known = table_cursor_minmax(&c, at, &min, &max);
        table_cursor_skip_segment(&c);
        int64_t low = INT64_MAX;
        int64_t high = INT64_MIN;
        for (int64_t i = first; i < c.position && i < c.end; i++) {
            const value v = column_value(&m->pool.columns[at], m->rows[i]);
            low = v.is_null ? low : min_i64(low, v.i);
            high = v.is_null ? high : max_i64(high, v.i);
        }
        CHECK(!known || (min == low && max == high));
        CHECK(known || low > high || c.position >= c.end);
    }
}

static void
check_snapshot(model *m, const table_snapshot *s) {
    const int64_t rows = table_snapshot_rows(s);
    read_part(m, s, 0, rows);
    for (int i = 0; i < 5 && rows > 0; i++) {
        const int64_t first = (int64_t)rng_below(&m->rng, (uint64_t)rows);
        const int64_t length =
            (int64_t)rng_below(&m->rng, rng_below(&m->rng, 2) == 0 ? 200 : (uint64_t)rows);
        read_part(m, s, first, min_i64(first + length, rows));
    }
    check_ranges(m, s);
}

static void
run_random(uint64_t seed, int flags) {
    model           m;
    error           err;
    table_snapshot *held[4] = {NULL};
    int64_t         rows[4] = {0};
    setup(&m, seed, flags);
    for (int step = 0; step < 150 && m.count < MODEL_MAX - 20000; step++) {
        append(&m);
        const uint64_t slot = rng_below(&m.rng, 16);
        if (slot >= 4) {
            continue;
        }
        if (held[slot] != NULL) {
            CHECK_EQ(table_snapshot_rows(held[slot]), rows[slot]);
            check_snapshot(&m, held[slot]);
            table_snapshot_close(held[slot]);
        }
        CHECK_OK(table_snapshot_open(&held[slot], m.table, TABLE_END, 0, &err));
        rows[slot] = m.count;
    }
    CHECK(table_byte_count(m.table) > 0);
    for (int i = 0; i < 4; i++) {
        if (held[i] != NULL) {
            check_snapshot(&m, held[i]);
            table_snapshot_close(held[i]);
        }
    }
    teardown(&m);
}

static void
test_random(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_random(seed, seed == 4 ? RANDOM_OFFSETS : RANDOM_NULLS | RANDOM_OFFSETS);
    }
}

/* A snapshot outlives its table; rows kept from it outlive the snapshot. */
static void
test_lifetimes(void **state) {
    (void)state;
    error err;
    model m;
    setup(&m, 9, RANDOM_NULLS);
    append(&m);
    for (int i = 0; i < 100; i++) {
        append(&m);
    }
    table_snapshot *s;
    CHECK_OK(table_snapshot_open(&s, m.table, TABLE_END, 0, &err));
    table_close(m.table);
    m.table = NULL;
    check_snapshot(&m, s);
    table_cursor c;
    column       columns[RANDOM_TYPES];
    delta        d;
    table_cursor_init(&c, s, m.count - 1, m.count);
    CHECK_OK(table_cursor_next(&c, NULL, RANDOM_TYPES, columns, &d, &err));
    batch *b;
    CHECK_OK(batch_keep(&b, &m.mem, &d, &err));
    CHECK(table_cursor_next(&c, NULL, RANDOM_TYPES, columns, &d, &err) == DONE);
    table_snapshot_close(s);
    check_rows(&b->rows, 0, &m.pool, m.rows[m.count - 1], 1);
    batch_release(b);
    teardown(&m);
}

/* A batch of more than one segment: every row at its position, ranges per segment, undone as one.
 * And rows that were handed on stay as they were when their insert is taken back and another takes
 * its place. */
static void
test_large_and_undo(void **state) {
    (void)state;
    error           err;
    mem             m;
    const int32_t   count = 2 * TABLE_SEGMENT_ROWS + 1000;
    const data_type types[] = {{.id = TYPE_I64}};
    field           fields[] = {{TEXT("i"), types[0], true}};
    const schema    s = {1, fields};
    table          *t;
    builder         b;
    batch          *rows;
    column          columns[1];
    delta           stored;
    mem_init(&m, INT64_MAX);
    CHECK_OK(table_open(&t, &m, &s, NULL, 0, &err));
    CHECK_OK(builder_init(&b, &m, types, 1, &err));
    batch *first;
    CHECK_OK(column_append_i64(&b, 0, -1, &err));
    CHECK_OK(builder_take(&b, &rows, &err));
    CHECK_OK(table_append(t, rows, 0, 0, 0, columns, &stored, &err));
    batch_release(rows);
    CHECK_OK(batch_keep(&first, &m, &stored, &err));
    table_undo(t);
    CHECK_EQ(table_row_count(t), 0);
    CHECK_OK(column_append_i64(&b, 0, -2, &err));
    CHECK_OK(builder_take(&b, &rows, &err));
    CHECK_OK(table_append(t, rows, 0, 0, 0, columns, &stored, &err));
    batch_release(rows);
    CHECK_EQ(column_value(&first->rows.columns[0], 0).i, -1);
    CHECK_EQ(column_value(&stored.columns[0], 0).i, -2);
    batch_release(first);
    for (int round = 0; round < 2; round++) {
        for (int32_t i = 0; i < count; i++) {
            CHECK_OK(column_append_i64(&b, 0, i, &err));
        }
        CHECK_OK(builder_take(&b, &rows, &err));
        CHECK_OK(table_append(t, rows, 0, 0, 0, columns, &stored, &err));
        batch_release(rows);
        CHECK_EQ(table_row_count(t), 1 + count);
        if (round == 0) {
            table_undo(t);
            CHECK_EQ(table_row_count(t), 1);
        }
    }
    table_cursor    c;
    table_snapshot *snapshot;
    CHECK_OK(table_snapshot_open(&snapshot, t, TABLE_END, 0, &err));
    table_cursor_init(&c, snapshot, 1, 1 + count);
    for (int64_t at = 0; table_cursor_next(&c, NULL, 1, columns, &stored, &err) == OK;) {
        for (int32_t i = 0; i < stored.row_count; i++, at++) {
            CHECK_EQ(column_value(columns, i).i, at);
        }
    }
    int64_t min = 0;
    int64_t max = 0;
    table_cursor_init(&c, snapshot, 1 + TABLE_SEGMENT_ROWS, 1 + count);
    CHECK(table_cursor_minmax(&c, 0, &min, &max));
    CHECK(min == TABLE_SEGMENT_ROWS && max == 2 * TABLE_SEGMENT_ROWS - 1);
    table_snapshot_close(snapshot);
    builder_fini(&b);
    table_close(t);
    CHECK_EQ(mem_fini(&m), 0);
}

typedef struct reading {
    table_snapshot *snapshot;
    int64_t         wrong;
} reading;

/* Row i holds i, or NULL when i % 3 is 0, and a long text. */
static void *
read_all(void *arg) {
    reading     *r = arg;
    table_cursor c;
    column       columns[2];
    delta        d;
    error        err;
    int64_t      at = 0;
    table_cursor_init(&c, r->snapshot, 0, INT64_MAX);
    while (table_cursor_next(&c, NULL, 2, columns, &d, &err) == OK) {
        for (int32_t i = 0; i < d.row_count; i++, at++) {
            const value v = column_value(&columns[0], i);
            const value t = column_value(&columns[1], i);
            r->wrong += v.is_null ? at % 3 != 0 : at % 3 == 0 || v.i != at;
            r->wrong += t.s.size != 20 || t.s.data[0] != (char)('a' + at % 26);
        }
    }
    r->wrong += at != table_snapshot_rows(r->snapshot);
    table_snapshot_close(r->snapshot);
    return NULL;
}

/* One writer goes on while a reader works on a snapshot and gives it back. */
static void
test_reader_thread(void **state) {
    (void)state;
    error           err;
    mem             m;
    const data_type types[] = {{.id = TYPE_I64}, {.id = TYPE_TEXT}};
    field           fields[] = {{TEXT("i"), types[0], true}, {TEXT("t"), types[1], true}};
    const schema    s = {2, fields};
    table          *t;
    builder         b;
    mem_init(&m, INT64_MAX);
    CHECK_OK(table_open(&t, &m, &s, NULL, 0, &err));
    CHECK_OK(builder_init(&b, &m, types, 2, &err));
    int64_t row = 0;
    for (int round = 0; round < 60; round++) {
        reading r = {NULL, 0};
        thread  reader;
        CHECK_OK(table_snapshot_open(&r.snapshot, t, TABLE_END, 0, &err));
        CHECK_OK(thread_start(&reader, "reader", read_all, &r, &err));
        for (int i = 0; i < 150; i++) {
            const int32_t count = i == 75 && round % 20 == 10 ? TABLE_KEEP_ROWS : 1 + i % 7;
            for (int32_t k = 0; k < count; k++, row++) {
                char words[20];
                memset(words, 'a' + (int)(row % 26), sizeof(words));
                if (row % 3 == 0) {
                    CHECK_OK(column_append_null(&b, 0, &err));
                } else {
                    CHECK_OK(column_append_i64(&b, 0, row, &err));
                }
                CHECK_OK(column_append_text(&b, 1, (text){words, sizeof(words)}, &err));
            }
            batch *rows;
            column columns[2];
            delta  stored;
            CHECK_OK(builder_take(&b, &rows, &err));
            CHECK_OK(table_append(t, rows, 0, 0, 0, columns, &stored, &err));
            batch_release(rows);
        }
        thread_join(&reader);
        CHECK_EQ(r.wrong, 0);
    }
    builder_fini(&b);
    table_close(t);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Are rows of that many bytes each kept where they lie? */
static bool
kept_in_place(int32_t count, size_t text_size) {
    error           err;
    mem             m;
    const data_type types[] = {{.id = TYPE_I64}, {.id = TYPE_TEXT}};
    field           fields[] = {{TEXT("i"), types[0], true}, {TEXT("t"), types[1], true}};
    const schema    s = {2, fields};
    table          *t;
    builder         b;
    batch          *rows;
    column          columns[2];
    delta           stored;
    static char     words[1000];
    memset(words, 'a', sizeof(words));
    mem_init(&m, INT64_MAX);
    CHECK_OK(table_open(&t, &m, &s, NULL, 0, &err));
    CHECK_OK(builder_init(&b, &m, types, 2, &err));
    for (int32_t i = 0; i < count; i++) {
        CHECK_OK(column_append_i64(&b, 0, i, &err));
        CHECK_OK(column_append_text(&b, 1, (text){words, text_size}, &err));
    }
    CHECK_OK(builder_take(&b, &rows, &err));
    CHECK_OK(table_append(t, rows, 0, 0, 0, columns, &stored, &err));
    const bool kept = stored.columns[1].values == rows->rows.columns[1].values;
    batch_release(rows);
    CHECK_EQ(table_row_count(t), count);
    builder_fini(&b);
    table_close(t);
    CHECK_EQ(mem_fini(&m), 0);
    return kept;
}

static void
test_wide_rows(void **state) {
    (void)state;
    CHECK(kept_in_place(TABLE_KEEP_ROWS, 4));
    CHECK(!kept_in_place(TABLE_KEEP_ROWS - 1, 4));
    CHECK(kept_in_place(TABLE_KEEP_WIDE_ROWS, 1000));
    CHECK(!kept_in_place(TABLE_KEEP_WIDE_ROWS - 1, 1000));
}

/* After a refused allocation the table has the rows that it had. */
static status
torture_table(mem *m, error *err) {
    model q; /* inputs are made from another account */
    setup(&q, 10, RANDOM_NULLS | RANDOM_OFFSETS);
    field fields[RANDOM_TYPES];
    for (int32_t i = 0; i < RANDOM_TYPES; i++) {
        fields[i] = (field){TEXT("c"), random_types[i], true};
    }
    const schema    s = {RANDOM_TYPES, fields};
    table          *t;
    table_snapshot *snapshot = NULL;
    status          result = table_open(&t, m, &s, NULL, 0, err);
    const int32_t   sizes[] = {1, 3000, 4000, 5000, 2, 100, 4096, 1, 1};
    for (int i = 0; result >= 0 && i < ARRAY_COUNT(sizes); i++) {
        batch        *b = make_batch(&q.mem, &q.scratch, &q.pool, 0, sizes[i], true, err);
        column        columns[RANDOM_TYPES];
        delta         stored;
        const int64_t before = table_row_count(t);
        result = table_append(t, b, 1, 2, 3, columns, &stored, err);
        CHECK_EQ(table_row_count(t), before + (result < 0 ? 0 : sizes[i]));
        if (result < 0) { /* and it takes the next */
            CHECK(table_append(t, b, 1, 2, 3, columns, &stored, err) >= 0);
            table_undo(t);
            CHECK_EQ(table_row_count(t), before);
        }
        batch_release(b);
        if (i == 4 && result >= 0) {
            result = table_snapshot_open(&snapshot, t, TABLE_END, 0, err);
        }
    }
    if (snapshot != NULL) {
        CHECK_EQ(table_snapshot_rows(snapshot), 1 + 3000 + 4000 + 5000 + 2);
        table_cursor c;
        column       columns[RANDOM_TYPES];
        delta        d;
        table_cursor_init(&c, snapshot, 12001, 12003);
        CHECK_EQ(table_cursor_next(&c, NULL, RANDOM_TYPES, columns, &d, err), OK);
        check_rows(&d, 0, &q.pool, 0, 1);
    }
    table_snapshot_close(snapshot);
    table_close(t);
    teardown(&q);
    return result;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("table", torture_table) > 15);
}

UNIT_MAIN(UNIT(test_random), UNIT(test_lifetimes), UNIT(test_large_and_undo),
          UNIT(test_reader_thread), UNIT(test_wide_rows), UNIT(test_torture))
