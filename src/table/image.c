/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - a table as bytes and back. Its segments, which do not change, lie on a shelf of the
 * caller's; here is where, what died of them, the tail, and the index of inserts. */
#include "batch/batch_image.h"
#include "table/keys.h"

/* ---- marks: which rows died, and when */

static void
put_deaths(const deaths *d, int32_t row_count, buf *out) {
    int32_t before = 0;
    image_put_small(out, d == NULL ? 0 : (uint64_t)d->count);
    for (int32_t i = 0; d != NULL && d->count > 0 && i < row_count && i < d->capacity; i++) {
        const uint64_t at = atomic_load_explicit(&d->at[i], memory_order_relaxed);
        if (at != ROW_ALIVE) {
            image_put_small(out, (uint64_t)(i - before));
            image_put_small(out, at);
            before = i;
        }
    }
}

/* *out NULL: all rows are alive. */
static status
take_deaths(deaths **out, mem *m, int32_t row_count, image_reader *in, error *err) {
    uint64_t count;
    uint64_t last = 0;
    int64_t  row = 0;
    *out = NULL;
    TRY(image_take_small(in, &count, err));
    if (count > (uint64_t)row_count) {
        return image_corrupt("more rows died than there are", err);
    }
    if (count == 0) {
        return OK;
    }
    deaths *d = deaths_new(m, row_count, NULL);
    if (d == NULL) {
        return error_memory(err);
    }
    *out = d; /* the caller's, whatever happens */
    for (uint64_t i = 0; i < count; i++) {
        uint64_t step, at;
        TRY(image_take_small(in, &step, err));
        TRY(image_take_small(in, &at, err));
        if (step >= (uint64_t)(row_count - row) || (i > 0 && step == 0) || at == ROW_ALIVE) {
            return image_corrupt("a death of no row", err);
        }
        row += (int64_t)step;
        atomic_store_explicit(&d->at[row], at, memory_order_relaxed);
        last = at > last ? at : last;
    }
    d->count = (int32_t)count;
    if (d->count == row_count) {
        atomic_store_explicit(&d->emptied, last, memory_order_relaxed);
    }
    return OK;
}

/* ---- segments */

static void
put_segment(const segment *s, const rows_place *at, buf *out) {
    image_put_i64(out, s->first);
    image_put_u32(out, (uint32_t)segment_rows(s));
    image_put_i64(out, (int64_t)at->file);
    image_put_i64(out, at->number);
    put_deaths(atomic_load_explicit(&s->deaths, memory_order_relaxed), segment_rows(s), out);
}

void
segment_put_positions(const segment *s, int32_t row_count, buf *out) {
    int64_t before = s->first;
    for (int32_t i = 0; s->positions != NULL && i < row_count; i++) {
        image_put_small(out, (uint64_t)(s->positions[i] - before));
        before = s->positions[i];
    }
}

static status
take_positions(segment *s, int64_t first, uint32_t count, image_reader *in, error *err) {
    int64_t at = first;
    s->positions = mem_alloc(s->mem, sizeof(int64_t) * (size_t)count);
    if (s->positions == NULL) {
        return error_memory(err);
    }
    s->position_count = (int32_t)count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t step;
        TRY(image_take_small(in, &step, err));
        if (step > (uint64_t)(INT64_MAX - at) || (i > 0 && step == 0)) {
            return image_corrupt("positions of a segment", err);
        }
        at += (int64_t)step;
        s->positions[i] = at;
    }
    return OK;
}

/* All columns, which stay. */
static status
load_all(segment *s, pages *from, error *err) {
    loaded_rows *l = loaded_rows_new(s->mem, s->column_count);
    if (l == NULL) {
        return error_memory(err);
    }
    s->rows = l; /* nobody else sees it yet */
    for (int32_t i = 0; i < s->column_count; i++) {
        l->holds[i] = chunk_new(s->mem);
        TRY(l->holds[i] == NULL ? error_memory(err)
                                : from->read(from, i, &l->columns[i], l->holds[i], err));
        l->columns[i].owner = l->columns[i].owner == NULL ? l->holds[i] : l->columns[i].owner;
        l->count++;
    }
    return OK;
}

/* The segment that lies there and begins at `first`. */
static status
take_rows(segment **out, const table *t, const table_shelf *shelf, const rows_place *at,
          int64_t first, uint32_t expected, error *err) {
    int32_t row_count, column_count;
    text    positions;
    pages  *from = NULL;
    TRY(shelf->take(shelf->context, at, &from, &row_count, &column_count, &positions, err));
    if (row_count != (int32_t)expected || column_count != t->schema->count) {
        pages_release(from);
        return image_corrupt("a segment is not the one that it should be", err);
    }
    const bool stays = shelf->loads || t->pager == NULL;
    segment   *s = stays ? segment_new_unread(t->mem, from->bytes, t->schema, row_count)
                         : segment_new_paged(t->mem, t->pager, from, t->schema, row_count);
    if (s == NULL) {
        pages_release(from);
        return error_memory(err);
    }
    s->first = first;
    image_reader in = {.at = positions.data, .left = positions.size};
    status       done =
        positions.size == 0 ? OK : take_positions(s, first, (uint32_t)row_count, &in, err);
    if (stays) {
        done = done < 0 ? done : load_all(s, from, err);
        segment_set_pager(s, t->pager);
        pages_release(from);
    }
    if (done < 0) {
        segment_release(s);
        return done;
    }
    *out = s;
    return OK;
}

static status
take_segment(table *t, const table_shelf *shelf, image_reader *in, error *err) {
    int64_t    first, file;
    uint32_t   row_count;
    rows_place at = {0};
    deaths    *d = NULL;
    segment   *made = NULL;
    TRY(image_take_i64(in, &first, err));
    TRY(image_take_u32(in, &row_count, err));
    TRY(image_take_i64(in, &file, err));
    TRY(image_take_i64(in, &at.number, err));
    at.file = (uint64_t)file;
    if (row_count == 0 || row_count > TABLE_SEGMENT_ROWS || first < 0 ||
        first > INT64_MAX - TABLE_SEGMENT_ROWS) {
        return image_corrupt("a segment without rows", err);
    }
    status s = take_deaths(&d, t->mem, (int32_t)row_count, in, err);
    s = s < 0 ? s : segment_list_reserve(&t->segments, 1, err);
    s = s < 0 ? s : take_rows(&made, t, shelf, &at, first, row_count, err);
    const segment_list *l = t->segments;
    if (s == OK && l->count > 0 && segment_end(l->items[l->count - 1]) > made->first) {
        segment_release(made);
        s = image_corrupt("segments that overlap", err);
    }
    if (s < 0) {
        deaths_release(d);
        return s;
    }
    made->place = at;
    atomic_store_explicit(&made->deaths, d, memory_order_release);
    t->dead_marks += d == NULL ? 0 : d->count;
    t->segments->items[t->segments->count++] = made;
    t->segment_bytes += made->bytes;
    return OK;
}

/* ---- the index of inserts */

static uint64_t
folded(int64_t v) { /* small numbers of either sign become small ones */
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t
unfolded(uint64_t v) {
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static int64_t
difference(int64_t a, int64_t b) { /* around the corner where it must be */
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static void
put_dead(const table *t, buf *out) {
    image_put_small(out, (uint64_t)t->dead_count);
    for (int64_t i = 0; i < t->dead_count; i++) {
        image_put_small(out, folded(difference(t->dead[i], i == 0 ? 0 : t->dead[i - 1])));
    }
}

static status
take_step(image_reader *in, int64_t *out, int64_t before, error *err) {
    uint64_t step = 0;
    TRY(image_take_small(in, &step, err));
    *out = (int64_t)((uint64_t)before + (uint64_t)unfolded(step));
    return OK;
}

static status
take_entry(insert_entry *e, const insert_entry *before, image_reader *in, error *err) {
    int64_t  sequence = 0;
    uint64_t rows = 0, dead = 0;
    TRY(take_step(in, &sequence, (int64_t)before->sequence, err));
    TRY(take_step(in, &e->position, before->position, err));
    TRY(image_take_small(in, &rows, err));
    TRY(take_step(in, &e->ingested_us, before->ingested_us, err));
    TRY(take_step(in, &e->watermark_us, before->watermark_us, err));
    TRY(take_step(in, &e->dead_first, before->dead_first, err));
    TRY(image_take_small(in, &dead, err));
    e->sequence = (uint64_t)sequence;
    e->row_count = (int64_t)rows;
    e->dead_count = (int64_t)dead;
    return OK;
}

static status
take_dead(table *t, image_reader *in, error *err) {
    uint64_t count;
    TRY(image_take_small(in, &count, err));
    if (count > in->left) { /* each has a byte at least */
        return image_corrupt("deaths", err);
    }
    t->dead = count == 0 ? NULL : mem_alloc(t->mem, sizeof(int64_t) * (size_t)count);
    if (t->dead == NULL && count > 0) {
        return error_memory(err);
    }
    t->dead_capacity = t->dead_count = (int64_t)count;
    for (int64_t i = 0; i < t->dead_count; i++) {
        TRY(take_step(in, &t->dead[i], i == 0 ? 0 : t->dead[i - 1], err));
    }
    return OK;
}

/* As format 3 has them. */
static status
take_one_by_one(table *t, image_reader *in, error *err) {
    insert_entry before = {.watermark_us = INT64_MIN};
    uint64_t     count;
    TRY(image_take_small(in, &count, err));
    if (count > in->left / 7) {
        return image_corrupt("the index of inserts", err);
    }
    TRY(array_extend(&t->log->entries, count, NULL, err));
    for (uint64_t i = 0; i < count; i++) {
        insert_entry *e = &table_entries(t)[i];
        TRY(take_entry(e, &before, in, err));
        before = *e;
    }
    return OK;
}

static status
check_entries(const table *t, error *err) {
    insert_entry before = {.watermark_us = INT64_MIN};
    for (int64_t i = 0; i < table_entry_count(t); i++) {
        const insert_entry *e = &table_entries(t)[i];
        if (e->position < before.position || e->sequence < before.sequence || e->row_count < 0 ||
            e->dead_count < 0) {
            return image_corrupt("an insert", err);
        }
        if (e->dead_first < 0 || e->dead_first > t->dead_count ||
            e->dead_count > t->dead_count - e->dead_first) {
            return image_corrupt("deaths of an insert", err);
        }
        before = *e;
    }
    return OK;
}

static status
take_entries(table *t, const table_shelf *shelf, image_reader *in, error *err) {
    TRY(shelf->one_by_one ? take_one_by_one(t, in, err)
                          : store_image_take(t->log->store, shelf->blocks, in, err));
    TRY(take_dead(t, in, err));
    return check_entries(t, err);
}

/* ---- the whole */

static void
put_tail(const table *t, buf *out) {
    column *columns = mem_alloc(t->mem, sizeof(column) * (size_t)(t->schema->count + 1));
    if (columns == NULL) {
        out->failed = true;
        return;
    }
    for (int32_t i = 0; i < t->schema->count; i++) {
        columns[i] = tail_column_view(&t->tail, i, 0);
        columns[i].validity = t->tail.columns[i].has_nulls ? t->tail.columns[i].validity : NULL;
    }
    const delta rows = {
        .row_count = t->tail.count, .column_count = t->schema->count, .columns = columns};
    image_put_u32(out, (uint32_t)t->tail.count);
    if (t->tail.count > 0) {
        batch_image_put(out, &rows);
    }
    put_deaths(t->tail_deaths, t->tail.count, out);
    mem_free(t->mem, columns, sizeof(column) * (size_t)(t->schema->count + 1));
}

static status
take_tail(table *t, image_reader *in, error *err) {
    uint32_t count;
    batch   *rows = NULL;
    TRY(image_take_u32(in, &count, err));
    if (count > TABLE_SEGMENT_ROWS) {
        return image_corrupt("the newest rows of a table", err);
    }
    if (count > 0) {
        TRY(batch_image_take(in, t->schema, &rows, t->mem, err));
        status s = rows->rows.row_count == (int32_t)count
                       ? tail_append(&t->tail, &rows->rows, err)
                       : image_corrupt("the newest rows of a table", err);
        batch_release(rows);
        TRY(s);
    }
    TRY(take_deaths(&t->tail_deaths, t->mem, (int32_t)count, in, err));
    t->dead_marks += t->tail_deaths == NULL ? 0 : t->tail_deaths->count;
    return OK;
}

status
table_save(table *t, const table_shelf *shelf, buf *out, error *err) {
    TRY(t->tail.count < TABLE_SEAL_ROWS ? OK : table_seal(t, err));
    image_put_u32(out, (uint32_t)t->schema->count);
    image_put_i64(out, t->first);
    image_put_i64(out, t->live_count);
    image_put_i64(out, t->freed_count);
    image_put_i64(out, t->forgotten_us);
    image_put_i64(out, t->tail.first);
    image_put_u32(out, (uint32_t)t->segments->count);
    for (int32_t i = 0; i < t->segments->count; i++) {
        segment   *s = t->segments->items[i];
        rows_place at = {0};
        TRY(shelf->put(shelf->context, s, &at, err));
        put_segment(s, &at, out);
    }
    put_tail(t, out);
    TRY(store_image_put(t->log->store, shelf->blocks, out, err));
    put_dead(t, out);
    return out->failed ? error_memory(err) : OK;
}

static status
check_whole(const table *t, int64_t tail_first, error *err) {
    const segment_list *l = t->segments;
    int64_t             rows = t->tail.count;
    for (int32_t i = 0; i < l->count; i++) {
        rows += segment_rows(l->items[i]);
    }
    const int64_t end = l->count == 0 ? 0 : segment_end(l->items[l->count - 1]);
    if (tail_first < end || tail_first > INT64_MAX - TABLE_SEGMENT_ROWS || t->first < 0 ||
        t->live_count < 0 || t->live_count > rows) {
        return image_corrupt("the rows of a table", err);
    }
    const int64_t past_all = tail_first + t->tail.count;
    if (t->first > past_all) {
        return image_corrupt("the first row of a table", err);
    }
    for (int64_t i = 0; i < table_entry_count(t); i++) {
        const insert_entry *e = &table_entries(t)[i];
        if (e->position < 0 || e->row_count > past_all - e->position) {
            return image_corrupt("an insert beyond the rows of its table", err);
        }
    }
    return OK;
}

static bool
died_by(const deaths *d, int32_t row_count, uint64_t newest) {
    for (int32_t row = 0; d != NULL && row < row_count && row < d->capacity; row++) {
        const uint64_t at = atomic_load_explicit(&d->at[row], memory_order_relaxed);
        if (at != ROW_ALIVE && at > newest) {
            return false;
        }
    }
    return true;
}

/* No row came, or died, in an insert that is still to come: whoever asks by the newest one and
 * whoever asks for what will stay must agree on what is alive. */
static status
check_newest(const table *t, uint64_t newest, error *err) {
    const int64_t entries = table_entry_count(t);
    bool          fits = entries == 0 || table_entry(t, entries - 1)->sequence <= newest;
    for (int32_t i = 0; fits && i < t->segments->count; i++) {
        const segment *s = t->segments->items[i];
        const deaths  *d = atomic_load_explicit(&s->deaths, memory_order_relaxed);
        fits = died_by(d, segment_rows(s), newest);
    }
    fits = fits && died_by(t->tail_deaths, t->tail.count, newest);
    return fits ? OK : image_corrupt("what comes after the newest insert", err);
}

status
table_load(table *t, const table_shelf *shelf, uint64_t newest, image_reader *in, error *err) {
    uint32_t columns, segments;
    int64_t  tail_first;
    assert(table_row_count(t) == 0 && table_entry_count(t) == 0);
    TRY(image_take_u32(in, &columns, err));
    if (columns != (uint32_t)t->schema->count) {
        return image_corrupt("a table has other columns than its definition", err);
    }
    TRY(image_take_i64(in, &t->first, err));
    TRY(image_take_i64(in, &t->live_count, err));
    TRY(image_take_i64(in, &t->freed_count, err));
    TRY(image_take_i64(in, &t->forgotten_us, err));
    TRY(image_take_i64(in, &tail_first, err));
    TRY(image_take_u32(in, &segments, err));
    for (uint32_t i = 0; i < segments; i++) {
        TRY(take_segment(t, shelf, in, err));
    }
    TRY(take_tail(t, in, err));
    t->tail.first = tail_first;
    TRY(take_entries(t, shelf, in, err));
    TRY(check_whole(t, tail_first, err));
    TRY(check_newest(t, newest, err));
    return table_put_keys(t, err);
}
