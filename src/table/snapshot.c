/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c - reading a table: snapshots and cursors.
 *
 * A snapshot is one allocation: itself, the columns of the tail, and a copy of the tail's validity
 * up to its last row. Segments come with a reference to the list. Opening one costs the same for
 * any number of segments. */
#include "table/segment.h"

/* Rows of a segment that stay in memory. */
typedef struct held_rows {
    struct held_rows *next;
    int32_t           segment;
    segment_view      view;
} held_rows;

struct table_snapshot {
    chunk        *chunk; /* holds this struct */
    held_rows    *held;
    segment_list *segments;
    int32_t       segment_count;
    int32_t       column_count;
    int64_t       first; /* rows before are not shown */
    int64_t       tail_first;
    int32_t       tail_count;
    column       *tail_columns;
    deaths       *tail_deaths; /* NULL: none of its rows died */
    uint64_t      sequence;
};

/* A row run of one segment or of the tail. */
typedef struct part {
    int64_t        first, end;
    const int64_t *positions; /* NULL: they follow one another */
    int32_t        row_count;
    const column  *columns; /* NULL: read them through a view */
    const deaths  *deaths;
} part;

/* Validity and values of up to BATCH_ROWS rows that are all NULL. */
static const uint64_t all_null[BATCH_ROWS / 64];
static const uint64_t no_values[2 * BATCH_ROWS];

static size_t
snapshot_bytes(const tail *t) {
    size_t bytes = chunk_round(sizeof(table_snapshot), 16) + 128;
    bytes += chunk_round((size_t)t->column_count * sizeof(column), 16);
    for (int32_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].has_nulls) {
            bytes += chunk_round((size_t)bits_words(t->count) * sizeof(uint64_t), 64);
        }
    }
    return bytes;
}

static bool
view_tail(table_snapshot *s, const tail *t) {
    if (!chunk_depend(s->chunk, t->generation)) {
        return false;
    }
    for (int32_t i = 0; i < t->column_count; i++) {
        column *c = &s->tail_columns[i];
        *c = tail_column_view(t, i, 0);
        if (!t->columns[i].has_nulls) {
            continue;
        }
        const size_t bytes = (size_t)bits_words(t->count) * sizeof(uint64_t);
        uint64_t    *validity = chunk_alloc(s->chunk, bytes);
        if (validity == NULL) {
            return false;
        }
        if (bytes > 0) {
            memcpy(validity, t->columns[i].validity, bytes);
        }
        c->validity = validity;
        c->owner = s->chunk;
    }
    return true;
}

/* Segments beyond `end` may be taken back while the snapshot is open: it must not know them. */
static int32_t
segments_before(const table *t, int64_t end) {
    int32_t n = t->segments->count;
    while (n > 0 && t->segments->items[n - 1]->first >= end) {
        n--;
    }
    return n;
}

status
table_snapshot_open(table_snapshot **out, table *t, int64_t end, uint64_t sequence, error *err) {
    *out = NULL;
    chunk *c = chunk_new_sized(t->mem, snapshot_bytes(&t->tail));
    if (c == NULL) {
        return error_memory(err);
    }
    table_snapshot *s = chunk_take(c, sizeof(*s), 16);
    column         *columns = chunk_take(c, (size_t)t->tail.column_count * sizeof(column), 16);
    if (s == NULL || columns == NULL) {
        chunk_release(c);
        return error_memory(err);
    }
    *s = (table_snapshot){.chunk = c, .tail_columns = columns};
    s->column_count = t->tail.column_count;
    s->segment_count = segments_before(t, end);
    s->first = t->first;
    s->tail_first = t->tail.first;
    s->tail_count = t->tail.count;
    s->sequence = sequence;
    if (!view_tail(s, &t->tail)) {
        chunk_release(c);
        return error_memory(err);
    }
    if (end < t->tail.first + t->tail.count) {
        s->tail_count = (int32_t)max_i64(0, end - t->tail.first);
        s->tail_first = min_i64(s->tail_first, end);
    }
    s->segments = segment_list_retain(t->segments);
    s->tail_deaths = deaths_retain(t->tail_deaths);
    *out = s;
    return OK;
}

void
table_snapshot_close(table_snapshot *s) {
    if (s != NULL) {
        for (held_rows *h = s->held; h != NULL; h = h->next) {
            segment_view_close(&h->view);
        }
        segment_list_release(s->segments);
        deaths_release(s->tail_deaths);
        chunk_release(s->chunk);
    }
}

int64_t
table_snapshot_rows(const table_snapshot *s) {
    return s->tail_first + s->tail_count;
}

status
table_snapshot_hold(table_snapshot *s, int64_t first, int64_t end, error *err) {
    for (int32_t i = s->segment_count - 1; i >= 0; i--) {
        segment *g = s->segments->items[i];
        if (segment_end(g) <= first) {
            break;
        }
        if (g->first >= end || g->pager == NULL) {
            continue;
        }
        held_rows *h = chunk_alloc(s->chunk, sizeof(*h));
        if (h == NULL) {
            return error_memory(err);
        }
        TRY(segment_view_open(&h->view, g, NULL, s->column_count, NULL, err));
        h->segment = i;
        h->next = s->held;
        s->held = h;
    }
    return OK;
}

/* ---- cursors */

static const column *
held_columns(const table_snapshot *s, int32_t segment_at) {
    for (const held_rows *h = s->held; h != NULL; h = h->next) {
        if (h->segment == segment_at) {
            return h->view.columns;
        }
    }
    return NULL;
}

static part
part_of(const table_snapshot *s, int32_t segment_at) {
    if (segment_at < s->segment_count) {
        const segment *g = s->segments->items[segment_at];
        return (part){.first = g->first,
                      .end = segment_end(g),
                      .positions = g->positions,
                      .row_count = segment_rows(g),
                      .columns = g->pager == NULL ? g->rows->columns : NULL,
                      .deaths = atomic_load_explicit(&g->deaths, memory_order_acquire)};
    }
    return (part){.first = s->tail_first,
                  .end = s->tail_first + s->tail_count,
                  .row_count = s->tail_count,
                  .columns = s->tail_columns,
                  .deaths = s->tail_deaths};
}

void
table_cursor_init(table_cursor *c, const table_snapshot *s, int64_t first, int64_t end) {
    assert(first >= 0);
    first = max_i64(first, s->first);
    *c = (table_cursor){.snapshot = s, .position = first};
    c->end = min_i64(end, table_snapshot_rows(s));
    int32_t low = 0; /* the first segment that ends beyond `first` */
    int32_t high = s->segment_count;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        const part    p = part_of(s, middle);
        if (p.end > first) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    c->segment = low;
}

void
table_cursor_fini(table_cursor *c) {
    if (c->view != NULL) {
        segment_view_close(c->view);
        mem_free(chunk_mem(c->snapshot->chunk), c->view, sizeof(*c->view));
        c->view = NULL;
    }
}

/* The columns of the segment that the cursor is in, as the caller maps them. */
static status
open_view(table_cursor *c, const int32_t *column_map, int32_t column_count, error *err) {
    if (c->view != NULL && c->view->columns != NULL && c->view_of == c->segment) {
        assert(c->view->count == column_count);
        return OK;
    }
    if (c->view == NULL) {
        c->view = mem_alloc_zero(chunk_mem(c->snapshot->chunk), sizeof(*c->view));
        if (c->view == NULL) {
            return error_memory(err);
        }
    }
    segment_view_close(c->view);
    c->view_of = c->segment;
    return segment_view_open(c->view, c->snapshot->segments->items[c->segment], column_map,
                             column_count, c->wanted, err);
}

/* How many bits from `first` on equal the one at `first`, at most `limit`. */
static int32_t
equal_bits(const uint64_t *bits, int32_t first, int32_t limit) {
    const uint64_t flip = bits_get(bits, first) ? UINT64_MAX : 0;
    int32_t        n = 0;
    while (n < limit) {
        const int32_t  at = first + n;
        const uint64_t other = (bits[at >> 6] ^ flip) >> (at & 63); /* 1: differs */
        if (other != 0) {
            n += __builtin_ctzll(other);
            break;
        }
        n += 64 - (at & 63);
    }
    return n < limit ? n : limit;
}

/* Validity starts at a word only every 64 rows. From a row in between, the batch ends where a
 * column changes between NULL and not NULL: then no bitmap is needed. After at most 63 rows the
 * scan is at a word and goes on in full batches. */
static int32_t
unaligned_rows(const part *p, const int32_t *column_map, int32_t column_count, int32_t offset,
               int32_t limit) {
    int32_t n = limit;
    for (int32_t i = 0; i < column_count; i++) {
        const column *in = &p->columns[column_map == NULL ? i : column_map[i]];
        if (in->validity != NULL) {
            n = equal_bits(in->validity, offset, n);
        }
    }
    const int32_t to_word = 64 - (offset & 63);
    return n < limit && n > to_word ? ((offset + n) & ~63) - offset : n;
}

/* The first row at the position or behind it. */
static int32_t
row_at(const part *p, int64_t position) {
    return p->positions == NULL ? (int32_t)(position - p->first)
                                : positions_find(p->positions, p->row_count, position);
}

int64_t
table_cursor_position(const table_cursor *c, int32_t row) {
    return c->positions == NULL ? c->first + row : c->positions[c->offset + row];
}

/* Column number i of the delta is p->columns[map[i]]. How many rows from `offset` on, n at most. */
static int32_t
take_columns(const part *p, const int32_t *map, int32_t column_count, int32_t offset, int32_t n,
             column *columns) {
    const bool aligned = (offset & 63) == 0;
    if (!aligned) {
        n = unaligned_rows(p, map, column_count, offset, n);
    }
    for (int32_t i = 0; i < column_count; i++) {
        column          in = p->columns[map == NULL ? i : map[i]];
        const uint64_t *validity = in.validity;
        if (!aligned) {
            in.validity = NULL;
        }
        columns[i] = column_slice(&in, offset);
        if (!aligned && validity != NULL && !bits_get(validity, offset)) {
            columns[i].validity = all_null;
        }
    }
    return n;
}

static void
empty_unwanted(const table_cursor *c, const int32_t *column_map, int32_t column_count,
               column *columns) {
    for (int32_t i = 0; c->wanted != NULL && i < column_count; i++) {
        const int32_t at = column_map == NULL ? i : column_map[i];
        if (!c->wanted[at]) {
            columns[i] = (column){.type = c->snapshot->tail_columns[at].type,
                                  .layout = COLUMN_FLAT,
                                  .validity = all_null,
                                  .values = no_values,
                                  .owner = c->snapshot->chunk};
        }
    }
}

/* Of where the cursor is; *map: how its columns are numbered. */
static status
open_part(table_cursor *c, part *p, const int32_t **map, int32_t column_count, error *err) {
    if (p->columns == NULL) {
        p->columns = c->snapshot->held == NULL ? NULL : held_columns(c->snapshot, c->segment);
    }
    if (p->columns == NULL) {
        TRY(open_view(c, *map, column_count, err));
        p->columns = c->view->columns;
        *map = NULL;
    }
    return OK;
}

status
table_cursor_next(table_cursor *c, const int32_t *column_map, int32_t column_count, column *columns,
                  delta *out, error *err) {
    part p = part_of(c->snapshot, c->segment);
    c->position = max_i64(c->position, p.first); /* what was before is not kept any more */
    if (c->position >= c->end) {
        return DONE;
    }
    const int32_t offset = row_at(&p, c->position);
    assert(offset >= 0 && offset < p.row_count);
    assert(column_map != NULL || column_count == c->snapshot->column_count);
    int32_t n = (int32_t)min_i64(BATCH_ROWS, row_at(&p, min_i64(c->end, p.end)) - offset);
    if (n == 0) {
        return DONE;
    }
    const int32_t *map = column_map;
    TRY(open_part(c, &p, &map, column_count, err));
    n = take_columns(&p, map, column_count, offset, n, columns);
    empty_unwanted(c, column_map, column_count, columns);
    *out = (delta){.row_count = n, .column_count = column_count, .columns = columns};
    c->deaths = p.deaths;
    c->offset = offset;
    c->first = c->position;
    c->positions = p.positions;
    c->position = offset + n == p.row_count ? p.end
                  : p.positions != NULL     ? p.positions[offset + n]
                                            : c->position + n;
    if (offset + n == p.row_count) {
        c->segment++;
    }
    return OK;
}

status
table_cursor_live(const table_cursor *c, delta *rows, column *columns, arena *a, error *err) {
    const deaths  *d = c->deaths;
    const uint64_t sequence = c->snapshot->sequence;
    const int32_t  n = rows->row_count;
    int32_t        first = 0; /* that died */
    while (d != NULL && first < n && deaths_shows(d, c->offset + first, sequence)) {
        first++;
    }
    if (d == NULL || first == n) {
        return OK;
    }
    int32_t *live = arena_alloc(a, sizeof(*live) * (size_t)n);
    column  *picked = arena_alloc(a, sizeof(*picked) * (size_t)(rows->column_count + 1));
    if (live == NULL || picked == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++) {
        live[count] = i;
        count += deaths_shows(d, c->offset + i, sequence);
    }
    for (int32_t i = 0; i < rows->column_count; i++) {
        TRY(column_gather(&picked[i], &columns[i], live, count, a, err));
    }
    memcpy(columns, picked, sizeof(*picked) * (size_t)rows->column_count);
    rows->row_count = count;
    return OK;
}

bool
table_cursor_is_empty(const table_cursor *c) {
    if (c->segment >= c->snapshot->segment_count) {
        return false;
    }
    const deaths *d = part_of(c->snapshot, c->segment).deaths;
    return d != NULL &&
           atomic_load_explicit(&d->emptied, memory_order_relaxed) <= c->snapshot->sequence;
}

bool
table_cursor_minmax(const table_cursor *c, int32_t at, int64_t *min, int64_t *max) {
    if (c->segment >= c->snapshot->segment_count) {
        return false;
    }
    return segment_range(c->snapshot->segments->items[c->segment], at, min, max);
}

void
table_cursor_skip_segment(table_cursor *c) {
    const part p = part_of(c->snapshot, c->segment);
    c->position = p.end;
    c->segment++;
}
