/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - appending to a table, and the index of its inserts.
 *
 * Invariants: segments[i + 1].first == segments[i].first + segments[i].row_count; the tail begins
 * where the last segment ends; an insert lies in the tail alone or in segments alone; entries are
 * in order of position. A failed append leaves all of that true and no row. */
#include "table/segment.h"

static status
open_keys(table *t, const object_key *keys, int32_t key_count, error *err) {
    t->keys = arena_alloc_zero(&t->arena, sizeof(table_key) * (size_t)(key_count + 1));
    if (t->keys == NULL) {
        return error_memory(err);
    }
    for (; t->key_count < key_count; t->key_count++) {
        const object_key *from = &keys[t->key_count];
        table_key        *k = &t->keys[t->key_count];
        *k = (table_key){.primary = from->primary, .column_count = from->column_count};
        k->index.mem = t->mem;
        k->columns = arena_alloc(&t->arena, sizeof(int32_t) * (size_t)from->column_count);
        if (k->columns == NULL) {
            return error_memory(err);
        }
        memcpy(k->columns, from->columns, sizeof(int32_t) * (size_t)from->column_count);
    }
    return OK;
}

static status
open_log(table *t, error *err) {
    t->log = mem_alloc_zero(t->mem, sizeof(*t->log));
    if (t->log == NULL) {
        return error_memory(err);
    }
    TRY(store_open(&t->log->store, t->mem, err));
    return array_open(&t->log->entries, t->log->store, "table.entries", sizeof(insert_entry), err);
}

static void
close_log(table *t) {
    if (t->log != NULL) {
        array_close(&t->log->entries);
        store_close(t->log->store);
        mem_free(t->mem, t->log, sizeof(*t->log));
    }
}

status
table_open(table **out, mem *m, const schema *s, const object_key *keys, int32_t key_count,
           error *err) {
    *out = NULL;
    table *t = mem_alloc_zero(m, sizeof(*t));
    if (t == NULL) {
        return error_memory(err);
    }
    t->forgotten_us = INT64_MIN;
    t->mem = m;
    arena_init(&t->arena, m);
    t->schema = schema_copy(s, &t->arena);
    t->segments = segment_list_new(m, 8);
    if (t->schema == NULL || t->segments == NULL) {
        table_close(t);
        return error_memory(err);
    }
    status made = open_log(t, err);
    made = made < 0 ? made : tail_init(&t->tail, m, t->schema, err);
    if (made == OK) {
        made = open_keys(t, keys, key_count, err);
    }
    if (made < 0) {
        table_close(t);
        return made;
    }
    *out = t;
    return OK;
}

void
table_close(table *t) {
    if (t == NULL) {
        return;
    }
    if (t->tail.mem != NULL) {
        tail_fini(&t->tail);
    }
    segment_list_release(t->segments);
    deaths_release(t->tail_deaths);
    for (int32_t i = 0; i < t->key_count; i++) {
        key_index_fini(&t->keys[i].index);
    }
    mem_free(t->mem, t->dead, (size_t)t->dead_capacity * sizeof(int64_t));
    close_log(t);
    mem_free(t->mem, t->undo, (size_t)t->undo_capacity * sizeof(dead_key));
    pager_release(t->pager);
    arena_fini(&t->arena);
    mem_free(t->mem, t, sizeof(*t));
}

void
table_set_pager(table *t, pager *p) {
    assert(t->segments->count == 0 && t->pager == NULL);
    t->pager = pager_retain(p);
}

int32_t
table_unpaged(const table *t, segment **out, int32_t most) {
    int32_t count = 0;
    for (int32_t i = 0; t->pager != NULL && i < t->segments->count && count < most; i++) {
        if (!segment_is_paged(t->segments->items[i])) {
            out[count++] = segment_retain(t->segments->items[i]);
        }
    }
    return count;
}

int64_t
table_unpaged_rows(const table *t) {
    int64_t rows = 0;
    for (int32_t i = t->segments->count - 1; t->pager != NULL && i >= 0; i--) {
        rows += segment_is_paged(t->segments->items[i]) ? 0 : segment_rows(t->segments->items[i]);
    }
    return rows;
}

int64_t
table_evicted_bytes(const table *t) {
    int64_t bytes = 0;
    for (int32_t i = 0; t->pager != NULL && i < t->segments->count; i++) {
        bytes += segment_evicted(t->segments->items[i]);
    }
    return bytes;
}

const schema *
table_schema(const table *t) {
    return t->schema;
}

int64_t
table_row_count(const table *t) {
    return t->tail.first + t->tail.count;
}

int64_t
table_byte_count(const table *t) {
    int64_t bytes = t->segment_bytes + tail_bytes(&t->tail);
    bytes += table_entry_count(t) * (int64_t)sizeof(insert_entry);
    bytes += (t->dead_count + t->dead_marks) * (int64_t)sizeof(int64_t);
    for (int32_t i = 0; i < t->key_count; i++) {
        bytes += t->keys[i].index.capacity * (int64_t)sizeof(key_slot);
    }
    return bytes;
}

int64_t
table_entry_count(const table *t) {
    return (int64_t)t->log->entries.count;
}

const insert_entry *
table_entry(const table *t, int64_t i) {
    assert(i >= 0 && i < table_entry_count(t));
    return &table_entries(t)[i];
}

/* ---- appending */

/* Room for one more, so that adding it cannot fail. */
static status
reserve_entry(table *t, error *err) {
    state_array *entries = &t->log->entries;
    if (LIKELY(entries->count < entries->capacity)) {
        return OK;
    }
    TRY(array_extend(entries, 1, NULL, err));
    array_truncate(entries, entries->count - 1);
    return OK;
}

static void
add_entry(table *t, insert_entry e) {
    const status s = array_extend(&t->log->entries, 1, NULL, NULL);
    assert(s == OK);
    (void)s;
    table_entries(t)[table_entry_count(t) - 1] = e;
}

static void
push_segment(table *t, segment *s) {
    t->segments->items[t->segments->count++] = s;
    t->segment_bytes += s->bytes;
}

static void
pop_segment(table *t) {
    segment *s = t->segments->items[--t->segments->count];
    t->segment_bytes -= s->bytes;
    segment_release(s);
}

status
table_seal(table *t, error *err) {
    if (t->tail.count == 0) {
        return OK;
    }
    TRY(segment_list_reserve(&t->segments, 1, err));
    segment *s;
    TRY(tail_seal(&t->tail, &s, err));
    segment_set_pager(s, t->pager);
    deaths *d = t->tail_deaths;
    if (d != NULL && d->count == segment_rows(s)) {
        uint64_t last = 0;
        for (int32_t i = 0; i < segment_rows(s); i++) {
            const uint64_t at = atomic_load_explicit(&d->at[i], memory_order_relaxed);
            last = at > last ? at : last;
        }
        atomic_store_explicit(&d->emptied, last, memory_order_relaxed);
    }
    atomic_store_explicit(&s->deaths, d, memory_order_release);
    t->tail_deaths = NULL;
    push_segment(t, s);
    return OK;
}

/* A large batch becomes segments without a copy; several, so that a filter may skip parts of it. */
static status
append_segments(table *t, batch *rows, error *err) {
    TRY(table_seal(t, err));
    const int32_t count = rows->rows.row_count;
    const int32_t before = t->segments->count;
    TRY(segment_list_reserve(&t->segments, count / TABLE_SEGMENT_ROWS + 1, err));
    for (int32_t first = 0; first < count;) {
        const int32_t n = (int32_t)min_i64(count - first, TABLE_SEGMENT_ROWS);
        segment      *s = segment_new(t->mem, rows->chunk, &rows->rows, first, n);
        if (s == NULL) {
            while (t->segments->count > before) {
                pop_segment(t);
            }
            return error_memory(err);
        }
        segment_set_pager(s, t->pager);
        s->first = t->tail.first + first;
        push_segment(t, s);
        first += n;
    }
    t->tail.first += count;
    return OK;
}

static status
append_tail(table *t, batch *rows, column *stored_columns, error *err) {
    if (t->tail.count + rows->rows.row_count > TABLE_SEGMENT_ROWS) {
        TRY(table_seal(t, err));
    }
    const int32_t first = t->tail.count;
    TRY(tail_append(&t->tail, &rows->rows, err));
    for (int32_t i = 0; i < t->tail.column_count; i++) {
        const column *given = &rows->rows.columns[i];
        stored_columns[i] = given->validity == NULL ? tail_column_view(&t->tail, i, first) : *given;
    }
    return OK;
}

/* Does the batch become a segment? Copying it into the tail would cost more than a segment does. */
static bool
keeps(const delta *rows) {
    if (rows->row_count >= TABLE_KEEP_ROWS) {
        return true;
    }
    if (rows->row_count < TABLE_KEEP_WIDE_ROWS) {
        return false;
    }
    int64_t bytes = 0;
    for (int32_t i = 0; i < rows->column_count && bytes < TABLE_KEEP_WIDE_BYTES; i++) {
        bytes += segment_column_bytes(&rows->columns[i], rows->row_count);
    }
    return bytes >= TABLE_KEEP_WIDE_BYTES;
}

status
table_append(table *t, batch *rows, uint64_t sequence, int64_t ingested_us, int64_t watermark_us,
             column *stored_columns, delta *stored, error *err) {
    const int32_t count = rows->rows.row_count;
    const int64_t position = table_row_count(t);
    assert(rows->rows.column_count == t->schema->count);
    TRY(reserve_entry(t, err));
    *stored = rows->rows;
    stored->columns = stored_columns;
    if (count == 0 || keeps(&rows->rows)) {
        if (count > 0) {
            TRY(append_segments(t, rows, err));
        }
        for (int32_t i = 0; i < stored->column_count; i++) {
            stored_columns[i] = rows->rows.columns[i];
        }
    } else {
        TRY(append_tail(t, rows, stored_columns, err));
    }
    t->live_count += count;
    add_entry(t, (insert_entry){.sequence = sequence,
                                .position = position,
                                .row_count = count,
                                .ingested_us = ingested_us,
                                .watermark_us = watermark_us,
                                .dead_first = t->dead_count});
    return OK;
}

void
table_restamp(table *t, int64_t first, int64_t ingested_us) {
    const int64_t count = table_entry_count(t);
    if (first < count) {
        (void)array_touch(&t->log->entries, (uint64_t)first, (uint64_t)(count - first), NULL);
    }
    for (int64_t i = first; i < count; i++) {
        table_entries(t)[i].ingested_us = ingested_us;
    }
}

void
table_undo(table *t) {
    assert(table_entry_count(t) > 0);
    const insert_entry  entry = table_entries(t)[table_entry_count(t) - 1];
    const insert_entry *last = &entry;
    array_truncate(&t->log->entries, t->log->entries.count - 1);
    table_undo_keys(t, last);
    t->live_count -= last->row_count;
    if (last->row_count == 0) {
        return;
    }
    if (last->position >= t->tail.first) {
        tail_truncate(&t->tail, (int32_t)(last->position - t->tail.first));
        return;
    }
    /* The tail may have become part of a segment meanwhile, with rows that stay before it. */
    segment_list *l = t->segments;
    tail_truncate(&t->tail, 0);
    while (l->count > 0 && l->items[l->count - 1]->first >= last->position) {
        pop_segment(t);
    }
    if (l->count > 0) {
        segment      *s = l->items[l->count - 1];
        const int64_t rows = min_i64(segment_rows(s), last->position - s->first);
        atomic_store_explicit(&s->row_count, (int32_t)rows, memory_order_relaxed);
    }
    t->tail.first = last->position;
}

bool
table_column_range(const table *t, int32_t column_index, int64_t *min, int64_t *max) {
    *min = INT64_MAX;
    *max = INT64_MIN;
    if (column_index >= table_schema(t)->count) {
        return false; /* ALTER asks for the plans of readers with a column more */
    }
    for (int32_t i = 0; i < t->segments->count; i++) {
        int64_t low, high;
        if (segment_range(t->segments->items[i], column_index, &low, &high)) {
            *min = min_i64(*min, low);
            *max = max_i64(*max, high);
        }
    }
    return *min <= *max;
}
