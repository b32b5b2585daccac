/* SPDX-License-Identifier: Apache-2.0 */
/* segment.h - the parts of a table: immutable segments, the list of them, and the tail.
 *
 * A segment's rows never change; those of a table with a pager may be in a file alone (pager.h).
 * The list is shared with snapshots: entries below a snapshot's count never change, and when the
 * list is full a longer copy takes its place. The tail is a generation of arrays: rows below
 * `count` never change either, so a snapshot needs a reference to the generation alone - except for
 * validity, whose last word is still being written; that is copied. */
#ifndef LAMINAR_TABLE_SEGMENT_H
#define LAMINAR_TABLE_SEGMENT_H

#include "batch/chunk.h"
#include "table/key_index.h"
#include "table/pager.h"
#include "table/table.h"

/* When rows of a segment or of the tail died: the sequence of the change, ROW_ALIVE before. Made
 * when the first row dies. A reader takes rows that died later than what it shows, so marks that
 * come meanwhile do not matter to it. Counted, because a tail that grows makes a longer copy. */
#define ROW_ALIVE UINT64_MAX

typedef struct deaths {
    _Atomic int32_t  references;
    mem             *mem;
    int32_t          capacity; /* rows from here on are alive */
    int32_t          count;    /* of marks */
    _Atomic uint64_t emptied;  /* of a segment: when its last row died */
    _Atomic uint64_t at[];
} deaths;

deaths *deaths_new(mem *m, int32_t capacity, const deaths *old) MUST_USE; /* NULL: out of memory */
deaths *deaths_retain(deaths *d);                                         /* NULL is fine */
void    deaths_release(deaths *d);                                        /* NULL is fine */

ALWAYS_INLINE bool
deaths_shows(const deaths *d, int32_t row, uint64_t sequence) {
    return row >= d->capacity || atomic_load_explicit(&d->at[row], memory_order_relaxed) > sequence;
}

enum { RANGE_UNASKED, RANGE_KNOWN, RANGE_NONE };

/* Computed when a query first asks: streams pay nothing for it. Threads that ask at once compute
 * the same values; `state` is set after them. */
typedef struct range {
    _Atomic int64_t min;
    _Atomic int64_t max;
    _Atomic int32_t state;
} range;

/* What of a segment is in memory: a column is there when it has a hold, a reference to what keeps
 * it alive. */
typedef struct loaded_rows {
    mem    *mem;
    int32_t column_count;
    int32_t count; /* of columns that are there */
    column *columns;
    chunk **holds;
} loaded_rows;

loaded_rows *loaded_rows_new(mem *m, int32_t column_count) MUST_USE; /* NULL: out of memory */
void         loaded_rows_free(loaded_rows *l);                       /* NULL is fine */

struct segment {
    _Atomic int32_t references;
    mem            *mem;
    pager          *pager;         /* NULL: `rows` are there for good */
    pages          *pages;         /* NULL: in no file */
    loaded_rows    *rows;          /* NULL: in a file alone */
    segment        *older, *newer; /* in the pager's list */
    int64_t         evicted_bytes, unpaged_bytes, resident_bytes; /* that the pager counts of it */
    int64_t         first;                                        /* position of its first row */
    int64_t        *positions; /* of each row, ascending; NULL: they follow one another */
    int32_t         position_count;
    _Atomic int32_t
            row_count; /* falls when a transaction is rolled back: nobody else saw the rows */
    int32_t column_count;
    int64_t bytes;
    _Atomic(deaths *) deaths;       /* NULL: all rows are alive */
    deaths           *older_deaths; /* that readers may still look at; NULL: none */
    range            *ranges;       /* of integer-like columns */
    rows_place        place;        /* in a file: of whoever saves and loads the table */
};

ALWAYS_INLINE int32_t
segment_rows(const segment *s) {
    return atomic_load_explicit(&s->row_count, memory_order_relaxed);
}

/* Behind its last row, which is there. */
ALWAYS_INLINE int64_t
segment_end(const segment *s) {
    const int32_t rows = segment_rows(s);
    return s->positions == NULL ? s->first + rows : s->positions[rows - 1] + 1;
}

/* The first of `count` rows that stands at `position` or behind it. */
ALWAYS_INLINE int32_t
positions_find(const int64_t *positions, int32_t count, int64_t position) {
    int32_t low = 0, high = count;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (positions[middle] < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Of the memory of the rows of a column. */
int64_t segment_column_bytes(const column *c, int32_t row_count);
/* Rows first .. first + row_count of `rows`, whose memory `keep` holds; first is a multiple of 64.
 * NULL: out of memory. */
segment *segment_new(mem *m, chunk *keep, const delta *rows, int32_t first,
                     int32_t row_count) MUST_USE;
/* Whose rows lie in pages alone; takes the reference when it succeeds. */
segment *segment_new_paged(mem *m, pager *p, pages *from, const schema *of,
                           int32_t row_count) MUST_USE;
/* Whose rows come before anybody else sees it. */
segment *segment_new_unread(mem *m, int64_t bytes, const schema *of, int32_t row_count) MUST_USE;
/* Before anybody else sees it. p NULL: it stays in memory. */
void     segment_set_pager(segment *s, pager *p);
segment *segment_retain(segment *s);
void     segment_release(segment *s);
/* Smallest and largest value of an integer-like column; false: none, or another type. */
bool segment_range(segment *s, int32_t at, int64_t *min, int64_t *max);

/* ---- pager.c: rows in the hands of a reader */

/* One column. *hold (may be NULL) is a reference to what keeps it alive: chunk_release. Any
 * thread. ERR_CORRUPTION, ERR_CONNECTOR_FAILED: it cannot be read back. */
status segment_read(segment *s, int32_t at, column *out, chunk **hold, error *err) MUST_USE;

/* Columns map[i] (NULL: i), those that are wanted[map[i]] (NULL: all); the others are empty. */
typedef struct segment_view {
    mem    *mem;
    column *columns; /* NULL: nothing is held */
    chunk **holds;
    int32_t count;
} segment_view;

status  segment_view_open(segment_view *v, segment *s, const int32_t *map, int32_t count,
                          const uint8_t *wanted, error *err) MUST_USE;
void    segment_view_close(segment_view *v); /* twice is fine */
bool    segment_is_paged(segment *s);
int64_t segment_evicted(segment *s); /* its bytes, when not all of it is in memory */
pages  *segment_pages(segment *s);   /* retained; NULL: it is in memory for good */
/* The rows of the segment lie there from now on, too: takes the reference. What it had before goes.
 * `at` NULL: its place stays as it was. */
void segment_page(segment *s, pages *from, const rows_place *at);
void segment_set_place(segment *s, const rows_place *at);
/* Both as they are at one moment; *from retained, or NULL. */
rows_place segment_where(segment *s, pages **from);
void       pager_forget(segment *s); /* it goes */
void       pager_count(segment *s);  /* a new one */
/* *known: it has pages, which know their ranges. */
bool pager_range(segment *s, int32_t at, int64_t *min, int64_t *max, bool *known);

ALWAYS_INLINE size_t
segment_view_bytes(int32_t count) {
    return (sizeof(column) + sizeof(chunk *)) * (size_t)(count + 1);
}

typedef struct segment_list {
    _Atomic int32_t references;
    mem            *mem;
    int32_t         count; /* of the writer; a snapshot has its own */
    int32_t         capacity;
    segment        *items[];
} segment_list;

segment_list *segment_list_new(mem *m, int32_t capacity) MUST_USE;
segment_list *segment_list_retain(segment_list *l);
void          segment_list_release(segment_list *l);
/* No reader has it. With the engine's token, which readers need to get it, that stays so: the first
 * segments may go out of it in place. */
bool segment_list_is_own(const segment_list *l);
void segment_list_shift(segment_list *l, int32_t count);
/* Room for `more` entries; may replace *list. */
status segment_list_reserve(segment_list **list, int64_t more, error *err) MUST_USE;

typedef struct tail_column {
    data_type type;
    uint8_t   physical;
    uint8_t   width;
    bool      has_nulls; /* then validity is kept for rows below count */
    uint8_t  *values;
    uint64_t *validity;
} tail_column;

typedef struct tail {
    mem         *mem;
    chunk       *generation; /* arrays of `capacity` rows; NULL: none */
    chunk       *text;       /* texts of all generations since the tail began */
    char        *text_next;
    size_t       text_free;
    int64_t      first; /* position of its first row */
    int32_t      count;
    int32_t      capacity;
    int32_t      column_count;
    tail_column *columns;
} tail;

status tail_init(tail *t, mem *m, const schema *s, error *err) MUST_USE;
void   tail_fini(tail *t);
/* On failure the tail is as before. There must be room in a segment: count + row_count <=
 * TABLE_SEGMENT_ROWS. */
status tail_append(tail *t, const delta *rows, error *err) MUST_USE;
/* Views of `row_count` rows from `first` on; a column with NULLs gets no validity: that is the
 * caller's matter. */
column tail_column_view(const tail *t, int32_t at, int32_t first);
/* Makes the rows a segment and empties the tail; count > 0. */
status tail_seal(tail *t, segment **out, error *err) MUST_USE;
/* Takes rows back. Their memory is not written again, because somebody may still look at it. */
void    tail_truncate(tail *t, int32_t count);
int64_t tail_bytes(const tail *t);

typedef struct table_key {
    bool      primary;
    int32_t   column_count;
    int32_t  *columns;
    key_index index; /* of live rows */
} table_key;

typedef struct dead_key {
    uint64_t hash;
    bool     keyed; /* no NULL is in it */
} dead_key;

/* The index of inserts, as an array of blocks: a checkpoint writes those that changed. */
typedef struct entry_log {
    store      *store;
    state_array entries; /* insert_entry */
} entry_log;

struct table {
    mem          *mem;
    pager        *pager; /* of its segments; NULL: they stay in memory */
    arena         arena; /* the schema */
    schema       *schema;
    int32_t       key_count;
    table_key    *keys;
    deaths       *tail_deaths;  /* NULL: all rows of the tail are alive */
    int64_t       first;        /* rows before this position are not kept any more */
    int64_t       live_count;   /* rows from there on that are alive */
    int64_t       dead_marks;   /* of rows that are still stored */
    int64_t       freed_count;  /* rows that retention gave up, ever */
    int64_t       forgotten_us; /* when the newest came of what was given up */
    int64_t       compact_at;   /* dead_marks, below which the last compaction found all it could */
    int64_t       trim_at;      /* entries, before the next look at which are of no use */
    int64_t       trim_dead_at; /* or positions that died */
    int64_t      *dead;         /* positions that died, by insert entry */
    int64_t       dead_count;
    int64_t       dead_capacity;
    segment_list *segments;
    int64_t       segment_bytes;
    tail          tail;
    entry_log    *log;
    /* Of the changes of the newest sequence: what keys of dead rows hash to, for undoing, which may
     * not read (change.c). */
    dead_key *undo;
    int64_t   undo_count, undo_capacity;
};

/* Before one of them changes: array_touch. */
ALWAYS_INLINE insert_entry *
table_entries(const table *t) {
    return ARRAY_AT(&t->log->entries, insert_entry, 0);
}

/* ---- table.c */
/* The tail becomes a segment. */
status table_seal(table *t, error *err) MUST_USE;

/* ---- change.c */
/* Keys of the rows of the newest entry leave the index, those of its dead rows come back. */
void table_undo_keys(table *t, const insert_entry *last);
/* The index of keys of a table that has rows, and none of them in it yet. */
status table_put_keys(table *t, error *err) MUST_USE;
/* Where a row lies: a segment, or the tail (NULL). *row -1: it is not kept any more. */
segment *table_segment_of(const table *t, int64_t position, int32_t *row);

#endif
