/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - applying a resolved change: rows die, rows come, the keys follow; and taking it back.
 *
 * All memory is taken before the first thing changes. */
#include "kernel/kernel.h"
#include "table/keys.h"

segment *
table_segment_of(const table *t, int64_t position, int32_t *row) {
    if (position >= t->tail.first) {
        *row = (int32_t)(position - t->tail.first);
        return NULL;
    }
    int32_t low = 0, high = t->segments->count - 1; /* the last one that begins at or before it */
    *row = -1;
    if (high < 0) {
        return NULL;
    }
    while (low < high) {
        const int32_t middle = low + (high - low + 1) / 2;
        if (t->segments->items[middle]->first <= position) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    segment *s = t->segments->items[low];
    if (s->positions == NULL) {
        *row =
            position >= s->first && position < segment_end(s) ? (int32_t)(position - s->first) : -1;
        return s;
    }
    const int32_t at = positions_find(s->positions, s->position_count, position);
    *row = at < s->position_count && s->positions[at] == position ? at : -1;
    return s;
}

status
table_column_at(const table *t, segment *s, int32_t at, column *out, chunk **hold, error *err) {
    if (s != NULL) {
        return segment_read(s, at, out, hold, err);
    }
    *out = tail_column_view(&t->tail, at, 0);
    out->validity = t->tail.columns[at].has_nulls ? t->tail.columns[at].validity : NULL;
    *hold = NULL;
    return OK;
}

const int64_t *
table_dead(const table *t, const insert_entry *e) {
    return t->dead + e->dead_first;
}

int64_t
table_live_count(const table *t) {
    return t->live_count;
}

/* ---- marks */

/* The marks of a part of the table can hold the row. */
static status
reserve_mark(table *t, int64_t position, error *err) {
    int32_t  row;
    segment *s = table_segment_of(t, position, &row);
    deaths  *old =
        s == NULL ? t->tail_deaths : atomic_load_explicit(&s->deaths, memory_order_relaxed);
    if (old != NULL && row < old->capacity) {
        return OK;
    }
    int32_t capacity = s == NULL ? 64 : segment_rows(s);
    while (capacity <= row) {
        capacity *= 2;
    }
    deaths *d = deaths_new(t->mem, capacity, old);
    if (d == NULL) {
        return error_memory(err);
    }
    if (s == NULL) {
        deaths_release(old);
        t->tail_deaths = d;
    } else {
        /* Readers of the old marks may be under way: they stay until the segment goes. Only a
         * segment that was a tail with fewer marks than rows comes here, once. */
        deaths *before = atomic_exchange_explicit(&s->deaths, d, memory_order_release);
        s->older_deaths = before;
    }
    return OK;
}

static void
mark(table *t, int64_t position, uint64_t sequence) {
    int32_t  row;
    segment *s = table_segment_of(t, position, &row);
    deaths *d = s == NULL ? t->tail_deaths : atomic_load_explicit(&s->deaths, memory_order_relaxed);
    const bool dies = sequence != ROW_ALIVE;
    assert(row >= 0);
    d->count += dies ? 1 : -1;
    t->dead_marks += dies ? 1 : -1;
    t->live_count -= dies ? 1 : -1;
    atomic_store_explicit(&d->at[row], sequence, memory_order_relaxed);
    if (s != NULL) {
        const bool all = d->count == segment_rows(s);
        atomic_store_explicit(&d->emptied, all ? sequence : ROW_ALIVE, memory_order_relaxed);
    }
}

/* ---- keys of stored rows */

/* Hash of the key of a stored row; not `keyed`: there is a NULL in it. */
static status
stored_hash(const table *t, const table_key *k, int64_t position, dead_key *out, error *err) {
    int32_t  row;
    segment *s = table_segment_of(t, position, &row);
    column   parts[KEY_COLUMNS_MAX];
    chunk   *holds[KEY_COLUMNS_MAX];
    int32_t  held = 0;
    status   read = OK;
    *out = (dead_key){.keyed = true};
    for (; read == OK && out->keyed && held < k->column_count; held++) {
        column c;
        read = table_column_at(t, s, k->columns[held], &c, &holds[held], err);
        if (read < 0) {
            break;
        }
        out->keyed = !column_is_null(&c, row);
        c.validity = NULL;
        parts[held] = column_slice(&c, row);
    }
    if (read == OK && out->keyed) {
        hash_columns(&out->hash, parts, k->column_count, 1);
    }
    for (int32_t i = 0; i < held; i++) {
        chunk_release(holds[i]);
    }
    return read;
}

static status
put_key(table *t, int64_t position, error *err) {
    for (int32_t k = 0; k < t->key_count; k++) {
        dead_key key;
        TRY(stored_hash(t, &t->keys[k], position, &key, err));
        if (key.keyed) {
            key_index_put(&t->keys[k].index, key.hash, position);
        }
    }
    return OK;
}

/* Of rows of an open transaction, which lie in no file: that cannot fail. */
static void
remove_new_key(table *t, int64_t position) {
    for (int32_t k = 0; k < t->key_count; k++) {
        dead_key     key;
        error        ignored;
        const status read = stored_hash(t, &t->keys[k], position, &key, &ignored);
        assert(read == OK);
        if (read == OK && key.keyed) {
            key_index_remove(&t->keys[k].index, key.hash, position);
        }
    }
}

void
table_undo_keys(table *t, const insert_entry *last) {
    for (int64_t i = 0; t->key_count > 0 && i < last->row_count; i++) {
        remove_new_key(t, last->position + i);
    }
    for (int64_t i = last->dead_count - 1; i >= 0; i--) {
        const int64_t position = t->dead[last->dead_first + i];
        mark(t, position, ROW_ALIVE);
        for (int32_t k = t->key_count - 1; k >= 0; k--) {
            const dead_key *key = &t->undo[--t->undo_count];
            if (key->keyed) {
                key_index_put(&t->keys[k].index, key->hash, position);
            }
        }
    }
    t->dead_count = last->dead_first;
}

static bool
is_alive(const table *t, int64_t position) {
    int32_t        row;
    const segment *s = table_segment_of(t, position, &row);
    const deaths  *d =
        s == NULL ? t->tail_deaths : atomic_load_explicit(&s->deaths, memory_order_relaxed);
    return row >= 0 && (d == NULL || deaths_shows(d, row, ROW_ALIVE - 1));
}

static status
put_key_if_alive(table *t, int64_t at, int64_t *live, error *err) {
    if (at < t->first || !is_alive(t, at)) {
        return OK;
    }
    if ((*live)++ == t->live_count) {
        return image_corrupt("more rows live than were counted", err);
    }
    return put_key(t, at, err);
}

status
table_put_keys(table *t, error *err) {
    for (int32_t k = 0; k < t->key_count; k++) {
        TRY(key_index_reserve(&t->keys[k].index, t->live_count, err));
    }
    int64_t live = 0;
    for (int32_t i = 0; t->key_count > 0 && i < t->segments->count; i++) {
        const segment *s = t->segments->items[i];
        for (int32_t row = 0; row < segment_rows(s); row++) {
            const int64_t at = s->positions == NULL ? s->first + row : s->positions[row];
            TRY(put_key_if_alive(t, at, &live, err));
        }
    }
    for (int32_t row = 0; t->key_count > 0 && row < t->tail.count; row++) {
        TRY(put_key_if_alive(t, t->tail.first + row, &live, err));
    }
    return OK;
}

/* ---- applying */

static status
reserve_dead(table *t, int64_t more, error *err) {
    if (t->dead_count + more <= t->dead_capacity) {
        return OK;
    }
    const int64_t capacity = max_i64(2 * t->dead_capacity, t->dead_count + more + 16);
    int64_t      *dead = mem_resize(t->mem, t->dead, (size_t)t->dead_capacity * sizeof(*dead),
                                    (size_t)capacity * sizeof(*dead));
    if (dead == NULL) {
        return error_memory(err);
    }
    t->dead = dead;
    t->dead_capacity = capacity;
    return OK;
}

/* What the keys of the rows that die hash to. Undoing takes back changes of one sequence alone. */
static status
hash_dead(table *t, const table_change *c, uint64_t sequence, error *err) {
    const int64_t more = c->dead_count * t->key_count;
    if (table_entry_count(t) > 0 &&
        table_entries(t)[table_entry_count(t) - 1].sequence != sequence) {
        t->undo_count = 0;
    }
    if (more == 0) {
        return OK;
    }
    if (t->undo_count + more > t->undo_capacity) {
        const int64_t capacity = max_i64(2 * t->undo_capacity, t->undo_count + more + 16);
        dead_key     *grown = mem_resize(t->mem, t->undo, (size_t)t->undo_capacity * sizeof(*grown),
                                         (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return error_memory(err);
        }
        t->undo = grown;
        t->undo_capacity = capacity;
    }
    dead_key *to = t->undo + t->undo_count; /* that they count is told when nothing can fail */
    for (int64_t i = 0; i < c->dead_count; i++) {
        for (int32_t k = 0; k < t->key_count; k++) {
            TRY(stored_hash(t, &t->keys[k], c->dead[i], to++, err));
        }
    }
    return OK;
}

static status
reserve(table *t, const table_change *c, uint64_t sequence, error *err) {
    const int32_t count = c->rows == NULL ? 0 : c->rows->rows.row_count;
    TRY(reserve_dead(t, c->dead_count, err));
    for (int32_t k = 0; k < t->key_count; k++) {
        TRY(key_index_reserve(&t->keys[k].index, count, err));
    }
    for (int64_t i = 0; i < c->dead_count; i++) {
        TRY(reserve_mark(t, c->dead[i], err));
    }
    return hash_dead(t, c, sequence, err);
}

static void
put_new_keys(table *t, const table_change *c, int64_t position) {
    const int32_t count = c->rows->rows.row_count;
    for (int32_t k = 0; k < t->key_count; k++) {
        const uint64_t *hashes = c->hashes + (size_t)k * (size_t)count;
        const uint8_t  *keyed = c->keyed + (size_t)k * (size_t)count;
        for (int32_t i = 0; i < count; i++) {
            if (keyed[i]) {
                key_index_put(&t->keys[k].index, hashes[i], position + i);
            }
        }
    }
}

status
table_apply(table *t, const table_change *c, uint64_t sequence, int64_t ingested_us,
            int64_t watermark_us, column *stored_columns, delta *stored, error *err) {
    const int64_t position = table_row_count(t);
    batch         nothing = {.rows = {.column_count = t->schema->count, .columns = stored_columns}};
    TRY(reserve(t, c, sequence, err));
    TRY(table_append(t, c->rows == NULL ? &nothing : c->rows, sequence, ingested_us, watermark_us,
                     stored_columns, stored, err));
    for (int64_t i = 0; i < c->dead_count; i++) {
        for (int32_t k = 0; k < t->key_count; k++) {
            const dead_key *key = &t->undo[t->undo_count++];
            if (key->keyed) {
                key_index_remove(&t->keys[k].index, key->hash, c->dead[i]);
            }
        }
        mark(t, c->dead[i], sequence);
        t->dead[t->dead_count + i] = c->dead[i];
    }
    t->dead_count += c->dead_count;
    table_entries(t)[table_entry_count(t) - 1].dead_count = c->dead_count; /* new: touched */
    if (c->rows != NULL) {
        put_new_keys(t, c, position);
    }
    return OK;
}

/* ---- reading rows by position */

/* Texts of a segment that may be evicted are copied: they outlive the hold. */
static status
gather_held(column *out, const column *in, const int32_t *rows, int32_t count, const chunk *hold,
            arena *a, error *err) {
    TRY(column_gather(out, in, rows, count, a, err));
    if (hold == NULL || !physical_is_view(type_physical(out->type))) {
        return OK;
    }
    strview *views = (strview *)(uintptr_t)out->values; /* made just now */
    for (int32_t i = 0; i < count; i++) {
        if (views[i].size > STRVIEW_INLINE_MAX && !column_is_null(out, i)) {
            char *copy = arena_alloc(a, views[i].size);
            if (copy == NULL) {
                return error_memory(err);
            }
            memcpy(copy, views[i].data, views[i].size);
            views[i].data = copy;
        }
    }
    return OK;
}

status
table_gather(const table *t, const int64_t *positions, int64_t position_count, int32_t *count,
             column *columns, delta *out, arena *a, error *err) {
    int32_t *rows = arena_alloc(a, sizeof(*rows) * BATCH_ROWS);
    int32_t  n = 0;
    segment *s = NULL;
    if (rows == NULL) {
        return error_memory(err);
    }
    for (; n < position_count && n < BATCH_ROWS; n++) {
        segment *here = table_segment_of(t, positions[n], &rows[n]);
        if (n > 0 && here != s) {
            break;
        }
        s = here;
    }
    for (int32_t i = 0; i < t->schema->count; i++) {
        column in;
        chunk *hold;
        TRY(table_column_at(t, s, i, &in, &hold, err));
        const status gathered = gather_held(&columns[i], &in, rows, n, hold, a, err);
        chunk_release(hold);
        TRY(gathered);
    }
    *out = (delta){.row_count = n, .column_count = t->schema->count, .columns = columns};
    *count = n;
    return OK;
}
