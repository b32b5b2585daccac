/* SPDX-License-Identifier: Apache-2.0 */
/* compact.c - giving back the memory of rows that nobody will read any more.
 *
 * Segments never change and snapshots share the list of them: another list takes its place, in
 * which some are left out or written anew. A segment that was written anew says where each of its
 * rows stands, because positions hold for ever. */
#include "table/segment.h"

#define DEAD_MIN 32768          /* fewer are not worth the work */
#define SMALL_ROWS 16384        /* segments of so few rows become one */
#define WORK_ROWS_MAX (1 << 19) /* rows that one call copies */

typedef struct compaction {
    table        *table;
    uint64_t      sequence;
    segment_list *list;
    arena         scratch;
    int64_t       freed_marks;
    int64_t       budget;
} compaction;

/* ---- writing a run of segments anew */

static bool
keeps(const segment *s, int32_t row, uint64_t sequence) {
    const deaths *d = atomic_load_explicit(&s->deaths, memory_order_relaxed);
    return d == NULL || deaths_shows(d, row, sequence);
}

static int32_t
kept_rows(const segment *s, uint64_t sequence) {
    const deaths *d = atomic_load_explicit(&s->deaths, memory_order_relaxed);
    int32_t       kept = segment_rows(s);
    for (int32_t i = 0; d != NULL && d->count > 0 && i < segment_rows(s); i++) {
        kept -= !deaths_shows(d, i, sequence);
    }
    return kept;
}

static bool
is_worth_it(const compaction *c, const segment *s, int32_t kept) {
    return (c->budget > 0 || kept == 0) && kept <= segment_rows(s) / 2;
}

/* Those of its rows that are kept, behind the others. */
static status
copy_rows(compaction *c, segment *s, builder *rows, int64_t *positions, deaths *marks, error *err) {
    const deaths *d = atomic_load_explicit(&s->deaths, memory_order_relaxed);
    const int32_t first = builder_rows(rows);
    int32_t      *picked = arena_alloc(&c->scratch, sizeof(int32_t) * (size_t)segment_rows(s));
    int32_t       count = 0;
    if (picked == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < segment_rows(s); i++) {
        if (!keeps(s, i, c->sequence)) {
            continue;
        }
        positions[first + count] = s->positions == NULL ? s->first + i : s->positions[i];
        if (d != NULL && i < d->capacity) {
            const uint64_t at = atomic_load_explicit(&d->at[i], memory_order_relaxed);
            atomic_store_explicit(&marks->at[first + count], at, memory_order_relaxed);
            marks->count += at != ROW_ALIVE;
        }
        picked[count++] = i;
    }
    segment_view view;
    TRY(segment_view_open(&view, s, NULL, s->column_count, NULL, err));
    const delta in = {
        .row_count = segment_rows(s), .column_count = s->column_count, .columns = view.columns};
    delta  out;
    status done = delta_gather(&out, &in, picked, count, &c->scratch, err);
    done = done < 0 ? done : builder_append_delta(rows, &out, err);
    segment_view_close(&view);
    return done;
}

static status
fill(compaction *c, segment *const *from, int32_t count, builder *rows, int64_t *positions,
     deaths *marks, error *err) {
    for (int32_t i = 0; i < count; i++) {
        arena_reset(&c->scratch);
        TRY(copy_rows(c, from[i], rows, positions, marks, err));
    }
    return OK;
}

static status
write_rows(compaction *c, segment *const *from, int32_t count, batch **out, int64_t *positions,
           deaths *marks, error *err) {
    const schema *s = c->table->schema;
    builder       rows;
    data_type    *types = arena_alloc(&c->scratch, sizeof(data_type) * (size_t)(s->count + 1));
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->count; i++) {
        types[i] = s->fields[i].type;
    }
    TRY(builder_init(&rows, c->table->mem, types, s->count, err));
    status done = fill(c, from, count, &rows, positions, marks, err);
    if (done == OK) {
        done = builder_take(&rows, out, err);
    }
    builder_fini(&rows);
    return done;
}

static void
put(compaction *c, segment *s) {
    c->list->items[c->list->count++] = s;
}

/* The kept rows of a run as one segment, `kept` > 0. */
static status
write_segment(compaction *c, segment *const *from, int32_t count, int32_t kept, error *err) {
    mem         *m = c->table->mem;
    const size_t bytes = sizeof(int64_t) * (size_t)kept;
    int64_t     *positions = mem_alloc(m, bytes);
    deaths      *marks = deaths_new(m, kept, NULL);
    batch       *rows = NULL;
    segment     *s = NULL;
    status       done = positions == NULL || marks == NULL ? error_memory(err) : OK;
    if (done == OK) {
        done = write_rows(c, from, count, &rows, positions, marks, err);
    }
    if (done == OK) {
        s = segment_new(m, rows->chunk, &rows->rows, 0, kept);
        done = s == NULL ? error_memory(err) : OK;
    }
    batch_release(rows);
    if (done < 0) {
        mem_free(m, positions, bytes);
        deaths_release(marks);
        return done;
    }
    segment_set_pager(s, c->table->pager);
    s->first = positions[0];
    s->positions = positions;
    s->position_count = kept;
    if (marks->count > 0) {
        atomic_store_explicit(&s->deaths, marks, memory_order_relaxed);
    } else {
        deaths_release(marks);
    }
    c->budget -= kept;
    put(c, s);
    return OK;
}

/* How many segments from `first` on become one, and of how many rows. 0: the first stays. */
static int32_t
find_run(const compaction *c, int32_t first, int32_t *rows) {
    const segment_list *l = c->table->segments;
    int32_t             count = 0;
    bool                worth = false;
    *rows = 0;
    for (int32_t i = first; i < l->count; i++, count++) {
        const segment *s = l->items[i];
        const int32_t  kept = kept_rows(s, c->sequence);
        const bool     dead = is_worth_it(c, s, kept);
        const bool     small = s->positions != NULL && kept <= SMALL_ROWS;
        if (!(dead || small) || *rows + kept > TABLE_SEGMENT_ROWS) {
            break;
        }
        worth |= dead;
        *rows += kept;
    }
    return worth ? count : 0;
}

static status
write_list(compaction *c, error *err) {
    const segment_list *l = c->table->segments;
    for (int32_t i = 0; i < l->count;) {
        int32_t       rows;
        const int32_t count = find_run(c, i, &rows);
        if (count == 0) {
            put(c, segment_retain(l->items[i++]));
            continue;
        }
        int32_t stored = 0;
        for (int32_t k = 0; k < count; k++) {
            stored += segment_rows(l->items[i + k]);
        }
        if (rows > 0) {
            TRY(write_segment(c, l->items + i, count, rows, err));
        }
        c->freed_marks += stored - rows;
        i += count;
    }
    return OK;
}

static void
install(table *t, segment_list *l) {
    segment_list_release(t->segments);
    t->segments = l;
    t->segment_bytes = 0;
    for (int32_t i = 0; i < l->count; i++) {
        t->segment_bytes += l->items[i]->bytes;
    }
}

/* What died up to there is gone, or some of it. */
static void
forget_deaths(table *t, uint64_t sequence) {
    int64_t i = table_entry_count(t) - 1;
    while (i >= 0 &&
           (table_entries(t)[i].sequence > sequence || table_entries(t)[i].dead_count == 0)) {
        i--;
    }
    t->forgotten_us =
        i < 0 ? t->forgotten_us : max_i64(t->forgotten_us, table_entries(t)[i].ingested_us);
}

bool
table_has_dead(const table *t) {
    return t->dead_marks >= DEAD_MIN || t->dead_count >= DEAD_MIN;
}

void
table_compact(table *t, uint64_t sequence) {
    error      ignored;
    compaction c = {.table = t, .sequence = sequence, .budget = WORK_ROWS_MAX};
    if (t->dead_marks < DEAD_MIN || t->dead_marks <= t->live_count ||
        t->dead_marks < t->compact_at) {
        return;
    }
    if (t->tail.count > DEAD_MIN / 2 && table_seal(t, &ignored) < 0) {
        return;
    }
    c.list = segment_list_new(t->mem, t->segments->count + 8);
    if (c.list == NULL) {
        return;
    }
    arena_init(&c.scratch, t->mem);
    const status done = write_list(&c, &ignored);
    arena_fini(&c.scratch);
    if (done < 0) {
        segment_list_release(c.list);
        return;
    }
    install(t, c.list);
    t->dead_marks -= c.freed_marks;
    t->compact_at = c.budget > 0 ? t->dead_marks + t->dead_marks / 4 : 0;
    if (c.freed_marks > 0) {
        forget_deaths(t, sequence);
    }
}

/* ---- retention */

int64_t
table_first(const table *t) {
    return t->first;
}

int64_t
table_freed_count(const table *t) {
    return t->freed_count;
}

int64_t
table_forgotten_us(const table *t) {
    return t->forgotten_us;
}

/* Rows before `position` go. */
static void
forget_rows(table *t, int64_t position) {
    int64_t low = 0, high = table_entry_count(t); /* the first entry from there on */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (table_entries(t)[middle].position < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    t->forgotten_us = low == 0 ? t->forgotten_us
                               : max_i64(t->forgotten_us, table_entries(t)[low - 1].ingested_us);
}

/* Whole segments before the first row that is kept. */
static void
drop_segments(table *t) {
    int32_t gone = 0;
    while (gone < t->segments->count && segment_end(t->segments->items[gone]) <= t->first) {
        gone++;
    }
    if (gone == 0) {
        return;
    }
    if (segment_list_is_own(t->segments)) {
        for (int32_t i = 0; i < gone; i++) {
            t->segment_bytes -= t->segments->items[i]->bytes;
        }
        segment_list_shift(t->segments, gone);
        return;
    }
    segment_list *l = segment_list_new(t->mem, t->segments->count - gone + 8);
    if (l == NULL) {
        return; /* another time */
    }
    for (int32_t i = gone; i < t->segments->count; i++) {
        l->items[l->count++] = segment_retain(t->segments->items[i]);
    }
    install(t, l);
}

void
table_retain_from(table *t, int64_t position) {
    error ignored;
    position = min_i64(position, table_row_count(t));
    if (position <= t->first) {
        return;
    }
    assert(t->key_count == 0 && t->dead_marks == 0);
    forget_rows(t, position);
    t->live_count -= position - t->first;
    t->freed_count += position - t->first;
    t->first = position;
    if (t->tail.count >= DEAD_MIN && position >= t->tail.first + t->tail.count) {
        (void)!table_seal(t, &ignored); /* another time */
    }
    drop_segments(t);
}

/* ---- the index of inserts */

static bool
has_rows(const table *t, const insert_entry *e) {
    const int64_t first = max_i64(e->position, t->first), end = e->position + e->row_count;
    if (end <= first) {
        return false;
    }
    if (end > t->tail.first) {
        return true;
    }
    int32_t low = 0, high = t->segments->count; /* the first segment that ends beyond `first` */
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (segment_end(t->segments->items[middle]) > first) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low == t->segments->count) {
        return false;
    }
    const segment *s = t->segments->items[low];
    if (s->positions == NULL) {
        return s->first < end;
    }
    const int32_t row = positions_find(s->positions, s->position_count, first);
    return s->positions[row] < end; /* it ends beyond `first`, so there is one */
}

/* Positions of rows that are still kept move to `to`; returns how many. */
static int64_t
keep_dead(table *t, const insert_entry *e, int64_t to) {
    int64_t kept = 0;
    for (int64_t i = 0; i < e->dead_count; i++) {
        const int64_t position = t->dead[e->dead_first + i];
        int32_t       row;
        (void)table_segment_of(t, position, &row);
        if (row >= 0) {
            t->dead[to + kept++] = position;
        }
    }
    return kept;
}

void
table_trim_entries(table *t, uint64_t sequence, bool oldest_only) {
    int64_t kept = 0, dead = 0;
    bool    met = false;
    if (table_entry_count(t) < t->trim_at && t->dead_count < t->trim_dead_at) {
        return;
    }
    const int64_t count = table_entry_count(t);
    insert_entry *entries = table_entries(t);
    (void)array_touch(&t->log->entries, 0, (uint64_t)count, NULL);
    for (int64_t i = 0; i < count; i++) {
        insert_entry e = entries[i];
        const bool   last = i + 1 == count;
        const bool   fixed = last || e.sequence > sequence || (oldest_only && met);
        e.dead_count = keep_dead(t, &entries[i], dead);
        e.dead_first = dead;
        dead += e.dead_count;
        if (fixed || e.dead_count > 0 || has_rows(t, &e)) {
            met = true;
            entries[kept++] = e;
        }
    }
    array_truncate(&t->log->entries, (uint64_t)kept);
    t->dead_count = dead;
    t->trim_at = 2 * kept + 4096;
    t->trim_dead_at = 2 * dead + DEAD_MIN;
}
