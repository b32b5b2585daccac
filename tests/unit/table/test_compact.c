/* SPDX-License-Identifier: Apache-2.0 */
/* test_compact.c - tables under random replacements and deletions, with what is dead given back all
 * the time: keys find every row, snapshots show the rows of their moment, also to threads that read
 * while the table changes, and memory stays where the live rows need it. The same with segments
 * that leave memory at random moments, and with files that cannot be read. */
#include "table/table.h"

#include "os/thread.h"
#include "table/paged.h"
#include "table/segment.h"
#include "unit.h"

#define KEYS 3000
#define LONG_TEXT "a text that is longer than a view holds, of version %lld"

typedef struct model {
    mem      mem;
    arena    scratch;
    rng      rng;
    table   *table;
    pager   *pager; /* NULL: all stays in memory */
    paged    disk;
    int64_t  values[KEYS]; /* -1: there is no such row */
    uint64_t sequence;
} model;

static void
setup(model *m, uint64_t seed) {
    error err;
    mem_init(&m->mem, INT64_MAX);
    arena_init(&m->scratch, &m->mem);
    rng_init(&m->rng, seed);
    m->sequence = 0;
    for (int32_t i = 0; i < KEYS; i++) {
        m->values[i] = -1;
    }
    field            fields[] = {{TEXT("id"), type_of(TYPE_I64), false},
                                 {TEXT("v"), type_of(TYPE_I64), true},
                                 {TEXT("s"), type_of(TYPE_TEXT), true}};
    int32_t          key_column = 0;
    const object_key key = {.primary = true, .column_count = 1, .columns = &key_column};
    const schema     s = {3, fields};
    CHECK_OK(table_open(&m->table, &m->mem, &s, &key, 1, &err));
    m->pager = NULL;
    paged_init(&m->disk, &m->mem);
}

static void
setup_paged(model *m, uint64_t seed) {
    error err;
    setup(m, seed);
    CHECK_OK(pager_open(&m->pager, &m->mem, &err));
    table_set_pager(m->table, m->pager);
}

static void
teardown(model *m) {
    table_close(m->table);
    arena_fini(&m->scratch);
    pager_release(m->pager);
    CHECK_EQ(atomic_load(&m->disk.pages), 0);
    CHECK_EQ(mem_fini(&m->mem), 0);
}

/* ---- changes */

static status
make_rows(model *m, batch **out, const int64_t *ids, const int64_t *values, int32_t count,
          error *err) {
    const data_type types[] = {type_of(TYPE_I64), type_of(TYPE_I64), type_of(TYPE_TEXT)};
    builder         rows;
    TRY(builder_init(&rows, &m->mem, types, 3, err));
    status s = OK;
    for (int32_t i = 0; i < count && s == OK; i++) {
        char      line[100];
        const int size = snprintf(line, sizeof(line), LONG_TEXT, (long long)values[i]);
        s = column_append_i64(&rows, 0, ids[i], err);
        s = s < 0 ? s : column_append_i64(&rows, 1, values[i], err);
        s = s < 0                ? s
            : values[i] % 7 == 0 ? column_append_null(&rows, 2, err)
                                 : column_append_text(&rows, 2, (text){line, (size_t)size}, err);
    }
    s = s < 0 ? s : builder_take(&rows, out, err);
    builder_fini(&rows);
    return s;
}

static status
apply(model *m, batch *rows, const int64_t *dying, int64_t dying_count, error *err) {
    const conflict_action action = CONFLICT_REPLACE;
    table_change          c;
    column                columns[3];
    delta                 stored;
    status s = table_resolve(&c, m->table, rows, &action, dying, dying_count, &m->scratch, err);
    if (s == OK) {
        s = table_apply(m->table, &c, m->sequence + 1, 0, INT64_MIN, columns, &stored, err);
    }
    table_change_release(&c);
    arena_reset(&m->scratch);
    m->sequence += s == OK;
    return s;
}

static status
replace_some(model *m, int32_t count, error *err) {
    int64_t ids[64], values[64];
    batch  *rows = NULL;
    for (int32_t i = 0; i < count; i++) { /* most changes are of a few keys */
        const uint64_t most = rng_below(&m->rng, 4) == 0 ? KEYS : 100;
        ids[i] = (int64_t)rng_below(&m->rng, most);
        values[i] = (int64_t)rng_below(&m->rng, 1000000);
    }
    TRY(make_rows(m, &rows, ids, values, count, err));
    const status s = apply(m, rows, NULL, 0, err);
    batch_release(rows);
    for (int32_t i = 0; s == OK && i < count; i++) {
        m->values[ids[i]] = values[i];
    }
    return s;
}

static status
delete_one(model *m, error *err) {
    const int64_t id = (int64_t)rng_below(&m->rng, KEYS);
    const column  key = {.type = type_of(TYPE_I64), .values = &id};
    int64_t       position;
    TRY(table_find(m->table, 0, &key, 1, &position, &m->scratch, err));
    CHECK_EQ(position >= 0, m->values[id] >= 0);
    if (position < 0) {
        return OK;
    }
    TRY(apply(m, NULL, &position, 1, err));
    m->values[id] = -1;
    return OK;
}

/* ---- what must hold */

static int64_t
check_row(const column *columns, int32_t row) {
    const int64_t v = column_value(&columns[1], row).i;
    char          line[100];
    snprintf(line, sizeof(line), LONG_TEXT, (long long)v);
    CHECK_EQ(column_is_null(&columns[2], row), v % 7 == 0);
    if (v % 7 != 0) {
        const value s = column_value(&columns[2], row);
        CHECK(text_equal(s.s, text_of(line)));
    }
    return v;
}

/* The snapshot shows exactly these rows; seen has room for all keys. */
static void
check_snapshot(mem *m, const table_snapshot *s, const int64_t *values) {
    error         err;
    arena         live;
    table_cursor  c;
    column        columns[3];
    delta         rows;
    uint8_t       seen[KEYS] = {0};
    int64_t       before = -1;
    const bool    some = (values[0] & 1) != 0; /* the text is of no interest */
    const uint8_t wanted[] = {1, 1, 0};
    arena_init(&live, m);
    table_cursor_init(&c, s, 0, table_snapshot_rows(s));
    c.wanted = some ? wanted : NULL;
    while (table_cursor_next(&c, NULL, 3, columns, &rows, &err) == OK) {
        for (int32_t i = 0; i < rows.row_count; i++) {
            CHECK(table_cursor_position(&c, i) > before);
            before = table_cursor_position(&c, i);
        }
        arena_reset(&live);
        CHECK_OK(table_cursor_live(&c, &rows, columns, &live, &err));
        for (int32_t i = 0; i < rows.row_count; i++) {
            const int64_t id = column_value(&columns[0], i).i;
            CHECK(!seen[id]);
            seen[id] = 1;
            CHECK_EQ(some ? column_value(&columns[1], i).i : check_row(columns, i), values[id]);
            CHECK(!some || column_is_null(&columns[2], i));
        }
    }
    table_cursor_fini(&c);
    for (int32_t i = 0; i < KEYS; i++) {
        CHECK_EQ(seen[i], values[i] >= 0);
    }
    arena_fini(&live);
}

static void
check_keys(model *m) {
    error err;
    for (int64_t id = 0; id < KEYS; id++) {
        const column key = {.type = type_of(TYPE_I64), .values = &id};
        int64_t      position;
        CHECK_OK(table_find(m->table, 0, &key, 1, &position, &m->scratch, &err));
        CHECK_EQ(position >= 0, m->values[id] >= 0);
        if (position >= 0) {
            column  columns[3];
            delta   row;
            int32_t count;
            CHECK_OK(
                table_gather(m->table, &position, 1, &count, columns, &row, &m->scratch, &err));
            CHECK_EQ(check_row(columns, 0), m->values[id]);
        }
        arena_reset(&m->scratch);
    }
}

/* Some segments go to disk, and some of those leave memory. */
static void
page_some(model *m) {
    if (m->pager != NULL && rng_below(&m->rng, 8) == 0) {
        paged_write(&m->disk, m->table, (int32_t)rng_below(&m->rng, 4));
        pager_evict(m->pager, (int32_t)rng_below(&m->rng, 4));
    }
}

static void
change(model *m) {
    error err;
    page_some(m);
    if (rng_below(&m->rng, 10) == 0) {
        CHECK_OK(delete_one(m, &err));
    } else {
        CHECK_OK(replace_some(m, 1 + (int32_t)rng_below(&m->rng, 64), &err));
    }
    if (rng_below(&m->rng, 20) == 0) { /* one that is taken back */
        int64_t before[KEYS];
        memcpy(before, m->values, sizeof(before));
        CHECK_OK(replace_some(m, 5, &err));
        table_undo(m->table);
        m->sequence--;
        memcpy(m->values, before, sizeof(before));
    }
}

#define HELD 4

static void
run_history(bool is_paged) {
    error           err;
    static model    m;
    static int64_t  values[HELD][KEYS];
    table_snapshot *held[HELD] = {NULL};
    int64_t         most = 0;
    (is_paged ? setup_paged : setup)(&m, 42);
    for (int32_t i = 0; i < 12000; i++) {
        change(&m);
        table_compact(m.table, m.sequence);
        table_trim_entries(m.table, m.sequence, false);
        if (i % 97 == 0) {
            const uint64_t at = rng_below(&m.rng, HELD);
            if (held[at] != NULL) {
                check_snapshot(&m.mem, held[at], values[at]);
                table_snapshot_close(held[at]);
            }
            CHECK_OK(table_snapshot_open(&held[at], m.table, TABLE_END, m.sequence, &err));
            memcpy(values[at], m.values, sizeof(m.values));
        }
        if (i % 1000 == 0) {
            check_keys(&m);
        }
        most = i > 4000 ? max_i64(most, table_byte_count(m.table)) : 0;
    }
    print_message("%llu changes, %lld rows came, %lld are kept, %lld bytes\n",
                  (unsigned long long)m.sequence, (long long)table_row_count(m.table),
                  (long long)table_live_count(m.table), (long long)most);
    CHECK(table_row_count(m.table) > 300000 && table_live_count(m.table) < KEYS + 1);
    CHECK(most < 16 << 20); /* ten times as much without */
    CHECK(table_entry_count(m.table) < 9000);
    for (int32_t i = 0; i < HELD; i++) {
        if (held[i] != NULL) {
            check_snapshot(&m.mem, held[i], values[i]);
            table_snapshot_close(held[i]);
        }
    }
    teardown(&m);
}

static void
test_histories(void **state) {
    (void)state;
    run_history(false);
}

static void
test_paged_histories(void **state) {
    (void)state;
    run_history(true);
}

/* Files that cannot be read: errors, and nothing is lost. */
static void
test_faults(void **state) {
    (void)state;
    error        err;
    static model m;
    int32_t      refused = 0;
    setup_paged(&m, 5);
    for (int32_t i = 0; i < 3000; i++) {
        change(&m);
    }
    for (int32_t i = 0; i < 400; i++) {
        paged_write(&m.disk, m.table, INT32_MAX);
        pager_evict(m.pager, INT32_MAX);
        atomic_store(&m.disk.fails_in, 1 + (int32_t)rng_below(&m.rng, 6));
        int64_t before[KEYS];
        memcpy(before, m.values, sizeof(before));
        const status s = replace_some(&m, 1 + (int32_t)rng_below(&m.rng, 30), &err);
        if (s < 0) {
            CHECK_EQ(s, ERR_CONNECTOR_FAILED);
            memcpy(m.values, before, sizeof(before));
            refused++;
        }
        table_compact(m.table, m.sequence); /* done or not, the table is the same */
        atomic_store(&m.disk.fails_in, 0);
    }
    table_snapshot *s = NULL;
    CHECK_OK(table_snapshot_open(&s, m.table, TABLE_END, m.sequence, &err));
    check_snapshot(&m.mem, s, m.values);
    pager_evict(m.pager, INT32_MAX);
    CHECK_OK(table_snapshot_hold(s, 0, table_snapshot_rows(s), &err));
    pager_evict(m.pager, INT32_MAX);
    atomic_store(&m.disk.fails_in, 1);
    check_snapshot(&m.mem, s, m.values);
    atomic_store(&m.disk.fails_in, 0);
    table_snapshot_close(s);
    check_keys(&m);
    print_message("%d of 400 changes met a file that could not be read\n", refused);
    CHECK(refused > 20);
    teardown(&m);
}

/* What died behind a sequence that somebody may go back to stays. */
static void
test_back_to(void **state) {
    (void)state;
    error           err;
    static model    m;
    static int64_t  values[KEYS];
    table_snapshot *s = NULL;
    setup_paged(&m, 7);
    for (int32_t i = 0; i < 3000; i++) {
        change(&m);
    }
    const uint64_t sequence = m.sequence;
    memcpy(values, m.values, sizeof(values));
    for (int32_t i = 0; i < 3000; i++) {
        change(&m);
        table_compact(m.table, sequence);
        table_trim_entries(m.table, sequence, false);
    }
    CHECK_OK(table_snapshot_open(&s, m.table, TABLE_END, m.sequence, &err));
    check_snapshot(&m.mem, s, m.values);
    table_snapshot_close(s);
    int64_t end = table_row_count(m.table);
    for (int64_t i = table_entry_count(m.table) - 1; i >= 0; i--) {
        if (table_entry(m.table, i)->sequence > sequence) {
            end = table_entry(m.table, i)->position;
        }
    }
    CHECK_OK(table_snapshot_open(&s, m.table, end, sequence, &err));
    check_snapshot(&m.mem, s, values);
    table_snapshot_close(s);
    check_keys(&m);
    teardown(&m);
}

/* ---- readers beside a writer */

typedef struct shared {
    model          *m;
    mutex           lock; /* as the engine token: to change, and to open a snapshot */
    _Atomic bool    stop;
    _Atomic int64_t reads;
} shared;

static void *
read_on(void *arg) {
    shared  *sh = arg;
    error    err;
    int64_t *values = malloc(sizeof(int64_t) * KEYS);
    assert_non_null(values);
    while (!atomic_load(&sh->stop)) {
        table_snapshot *s = NULL;
        mutex_lock(&sh->lock);
        CHECK_OK(table_snapshot_open(&s, sh->m->table, TABLE_END, sh->m->sequence, &err));
        memcpy(values, sh->m->values, sizeof(int64_t) * KEYS);
        mutex_unlock(&sh->lock);
        check_snapshot(&sh->m->mem, s, values);
        table_snapshot_close(s);
        atomic_fetch_add(&sh->reads, 1);
    }
    free(values);
    return NULL;
}

static void
run_readers(bool is_paged) {
    error        err;
    static model m;
    shared       sh = {.m = &m};
    thread       readers[2];
    (is_paged ? setup_paged : setup)(&m, 99);
    CHECK_OK(mutex_init(&sh.lock, &err));
    for (int32_t i = 0; i < 2; i++) {
        CHECK_OK(thread_start(&readers[i], "reader", read_on, &sh, &err));
    }
    for (int32_t i = 0; i < 4000 || atomic_load(&sh.reads) < 20; i++) {
        mutex_lock(&sh.lock);
        change(&m);
        table_compact(m.table, m.sequence);
        table_trim_entries(m.table, m.sequence, false);
        mutex_unlock(&sh.lock);
    }
    atomic_store(&sh.stop, true);
    for (int32_t i = 0; i < 2; i++) {
        thread_join(&readers[i]);
    }
    mutex_fini(&sh.lock);
    teardown(&m);
}

static void
test_readers_beside(void **state) {
    (void)state;
    run_readers(false);
    run_readers(true);
}

/* ---- retention of rows that only come */

static void
test_retention(void **state) {
    (void)state;
    error           err;
    mem             m;
    table          *t = NULL;
    rng             r;
    int64_t         count = 0, first = 0;
    table_snapshot *held = NULL;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 3);
    field        fields[] = {{TEXT("v"), type_of(TYPE_I64), true}};
    const schema s = {1, fields};
    CHECK_OK(table_open(&t, &m, &s, NULL, 0, &err));
    int64_t held_first = 0, held_end = 0;
    for (int32_t i = 0; i < 3000; i++) {
        const data_type type = type_of(TYPE_I64);
        const int32_t   n = rng_below(&r, 30) == 0 ? 5000 : 1 + (int32_t)rng_below(&r, 200);
        builder         rows;
        batch          *made = NULL;
        column          columns[1];
        delta           stored;
        CHECK_OK(builder_init(&rows, &m, &type, 1, &err));
        for (int32_t k = 0; k < n; k++) {
            CHECK_OK(column_append_i64(&rows, 0, count + k, &err));
        }
        CHECK_OK(builder_take(&rows, &made, &err));
        builder_fini(&rows);
        CHECK_OK(table_append(t, made, (uint64_t)i + 1, i, i, columns, &stored, &err));
        batch_release(made);
        count += n;
        first = max_i64(first, count - (int64_t)rng_below(&r, 100000));
        table_retain_from(t, first);
        table_trim_entries(t, (uint64_t)i + 1, true);
        CHECK_EQ(table_live_count(t), count - first);
        CHECK_EQ(table_freed_count(t), first);
        if (i % 100 == 0) {
            table_cursor c;
            delta        seen;
            int64_t      at = held_first;
            if (held != NULL) {
                table_cursor_init(&c, held, 0, held_end);
                while (table_cursor_next(&c, NULL, 1, columns, &seen, &err) == OK) {
                    CHECK_EQ(column_value(&columns[0], 0).i, at);
                    at += seen.row_count;
                }
                CHECK_EQ(at, held_end);
                table_snapshot_close(held);
            }
            CHECK_OK(table_snapshot_open(&held, t, TABLE_END, (uint64_t)i + 1, &err));
            held_first = first;
            held_end = count;
        }
    }
    CHECK(count > 500000 && table_byte_count(t) < 3 << 20 && table_entry_count(t) < 6000);
    table_snapshot_close(held);
    table_close(t);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- every allocation refused in turn */

static void
test_refusals(void **state) {
    (void)state;
    error        err;
    static model m;
    int64_t      runs = 0;
    setup(&m, 11);
    for (int32_t i = 0; i < 5000; i++) {
        change(&m);
        const int64_t before = atomic_load(&m.mem.allocations);
        atomic_store(&m.mem.fail_at, before + 1 + (int64_t)rng_below(&m.rng, 25));
        table_compact(m.table, m.sequence); /* done or not, the table is the same */
        runs += atomic_load(&m.mem.allocations) > before;
        atomic_store(&m.mem.fail_at, 0);
        table_trim_entries(m.table, m.sequence, false);
    }
    table_snapshot *s = NULL;
    CHECK_OK(table_snapshot_open(&s, m.table, TABLE_END, m.sequence, &err));
    check_snapshot(&m.mem, s, m.values);
    table_snapshot_close(s);
    check_keys(&m);
    print_message("%lld compactions met a refusal or not\n", (long long)runs);
    CHECK(runs > 5);
    torture_note("compaction", runs, runs);
    teardown(&m);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_paged_histories), UNIT(test_faults), UNIT(test_back_to),
          UNIT(test_readers_beside), UNIT(test_retention), UNIT(test_refusals))
