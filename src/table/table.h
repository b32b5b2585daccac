/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - retained rows of a source or table: immutable segments plus a growing tail, the insert
 * index, and for tables that change the keys and when rows died.
 *
 * Row position = number of rows before it, for ever. One writer at a time (the caller holds the
 * engine token); readers work on a snapshot, which needs no lock afterwards: segments are immutable
 * and counted, and the part of the tail that a snapshot shows never changes. A batch of >=
 * TABLE_KEEP_ROWS rows, or of fewer that are wide, becomes a segment of its own without a copy;
 * smaller ones are compacted into the tail. */
#ifndef LAMINAR_TABLE_TABLE_H
#define LAMINAR_TABLE_TABLE_H

#include "base/image.h"
#include "batch/builder.h"
#include "batch/column.h"
#include "catalog/catalog.h"
#include "state/store.h"

#define TABLE_SEGMENT_ROWS 65536
#define TABLE_KEEP_ROWS 1024
/* Wide rows: what a segment of its own costs (a hundred bytes a column) is then small beside it. */
#define TABLE_KEEP_WIDE_ROWS 128
#define TABLE_KEEP_WIDE_BYTES 32768

typedef struct table table;

/* One accepted insert or change: rows that died, then rows that came. `watermark_us` is the
 * source's watermark before it; sequence is global over all sources of a database. The changes of
 * one transaction share it. */
typedef struct insert_entry {
    uint64_t sequence;
    int64_t  position; /* of its first row */
    int64_t  row_count;
    int64_t  ingested_us;
    int64_t  watermark_us;
    int64_t  dead_first; /* see table_dead */
    int64_t  dead_count;
} insert_entry;

status table_open(table **out, mem *m, const schema *s, const object_key *keys, int32_t key_count,
                  error *err) MUST_USE;
void   table_close(table *t);
/* Of the segments that come from now on: their rows may lie in files (pager.h). Before the first.
 */
struct pager;
void table_set_pager(table *t, struct pager *p);
/* Segments that lie in no file: the oldest `most` of them, retained, into `out`; how many. Not
 * while a transaction is open. */
struct segment;
int32_t table_unpaged(const table *t, struct segment **out, int32_t most);
/* Rows of segments that lie in no file. */
int64_t       table_unpaged_rows(const table *t);
int64_t       table_evicted_bytes(const table *t); /* of table_byte_count, those not in memory */
const schema *table_schema(const table *t);
int64_t       table_row_count(const table *t); /* positions given so far */
int64_t       table_live_count(const table *t);
/* Of the segments of an integer-like column; false: unknown. The first to ask reads the column. */
bool    table_column_range(const table *t, int32_t column_index, int64_t *min, int64_t *max);
int64_t table_byte_count(const table *t);

/* Appends all rows or none. Retains `rows` when it keeps it as a segment; the caller still releases
 * its own reference. On OK, *stored is the delta to feed to operators, and its columns have owners:
 * a column without NULLs views the tail, so that keeping it costs no copy; a column with NULLs is
 * the given one, because a row of the tail need not begin a word of validity. Batches that became
 * segments are given back as they are. `stored_columns` has room for the schema's columns; *stored
 * is valid while `rows` is held. */
status table_append(table *t, batch *rows, uint64_t sequence, int64_t ingested_us,
                    int64_t watermark_us, column *stored_columns, delta *stored,
                    error *err) MUST_USE;
/* Entries from `first` on came at that time: a transaction, when it is committed. */
void table_restamp(table *t, int64_t first, int64_t ingested_us);
/* Takes back the newest entry, before a snapshot shows it that is still open. Rows that were handed
 * on and kept stay as they are. Cannot fail. */
void table_undo(table *t);

/* ---- changes
 *
 * A change is resolved first (which rows it replaces, what falls away), then applied; applying
 * cannot be refused but for want of memory, and then nothing has changed. Nobody changes the table
 * in between. */
typedef struct table_change {
    batch    *rows; /* that come; NULL: none. The change's reference */
    int64_t  *dead; /* positions of live rows that go, ascending, each once */
    int64_t   dead_count;
    uint64_t *hashes; /* of each key of each row, key by key */
    uint8_t  *keyed;  /* likewise: no NULL is in it */
} table_change;

/* Rows that come where `dying` rows (ascending) go. actions: one per key. Of two rows with one key
 * the later one stays (REPLACE), the earlier (NOTHING), or all is refused (FAIL). Memory comes from
 * `a`; table_change_release even after a failure. rows may be NULL. */
status table_resolve(table_change *out, const table *t, batch *rows, const conflict_action *actions,
                     const int64_t *dying, int64_t dying_count, arena *a, error *err) MUST_USE;
void   table_change_release(table_change *c);
/* As table_append; no rows: *stored has none. */
status table_apply(table *t, const table_change *c, uint64_t sequence, int64_t ingested_us,
                   int64_t watermark_us, column *stored_columns, delta *stored,
                   error *err) MUST_USE;
/* The live rows whose key number `key` equals those of `columns` (of the key, in its order):
 * positions, -1 where there is none. */
status table_find(const table *t, int32_t key, const column *columns, int32_t row_count,
                  int64_t *positions, arena *a, error *err) MUST_USE;
/* Up to BATCH_ROWS of the rows at `positions`, as many as lie in one segment; returned in *count.
 * `columns` has room for all columns, which are transient in `a`. */
status table_gather(const table *t, const int64_t *positions, int64_t position_count,
                    int32_t *count, column *columns, delta *out, arena *a, error *err) MUST_USE;
/* They are positions of live rows, ascending, each once: asked of what a file says. */
bool table_has_live(const table *t, const int64_t *positions, int64_t count);
/* Positions that died with the entry. */
const int64_t *table_dead(const table *t, const insert_entry *e);

/* A table of other columns for the rows of `t`: column i is column from[i] of it, or, when that is
 * -1, what `fill` gives. Keys are those of `t`, in their order, with other column numbers. The
 * new one is empty of use until it takes over; until then `t` may not change. */
status table_reshape(table **out, table *t, const schema *s, const object_key *keys,
                     int32_t key_count, const int32_t *from, filler *fill, error *err) MUST_USE;
void   table_take_over(table *made, table *t); /* and `t` is empty: close it */

/* ---- giving memory back, between changes. Open snapshots keep what they show.
 *
 * Rows that had died at `sequence` are given up once they are more than those that live: segments
 * are written anew without them. What is left keeps its position. Without memory for that it is
 * done another time. */
bool table_has_dead(const table *t); /* so many that it may be worth while */
void table_compact(table *t, uint64_t sequence);
/* Rows before `position` are not kept any more. */
void    table_retain_from(table *t, int64_t position);
int64_t table_first(const table *t);       /* the first position that is kept */
int64_t table_freed_count(const table *t); /* rows that table_retain_from gave up, ever */
/* Of the newest row or death that was given up: when it came. INT64_MIN: nothing was. */
int64_t table_forgotten_us(const table *t);
/* Entries without rows that are kept, and of which nothing died that is, go: all before `sequence`
 * of that kind, or only those before the first of another kind. */
void table_trim_entries(table *t, uint64_t sequence, bool oldest_only);

/* ---- image.c: a table as bytes (base/image.h). Segments stay as they are, so they lie apart, in
 * files of the caller's, and are written once. */
typedef struct rows_place { /* file 0: nowhere yet */
    uint64_t file;
    int64_t  number; /* in the file */
} rows_place;

struct pages; /* pager.h */

typedef struct table_shelf {
    void *context;
    /* Where the segment lies, or is to lie: it may be retained and written later. */
    status (*put)(void *context, struct segment *s, rows_place *at, error *err);
    /* What was written: the rows, and segment_put_positions until the next call. */
    status (*take)(void *context, const rows_place *at, struct pages **rows, int32_t *row_count,
                   int32_t *column_count, text *positions, error *err);
    bool               loads;  /* what is taken is read at once and stays in memory */
    const block_shelf *blocks; /* and where blocks of the index of inserts lie */
    bool one_by_one; /* what is taken is of format 3: the index stands in the image, by its steps */
} table_shelf;

#define TABLE_SEAL_ROWS 16384 /* a tail of so many becomes a segment when the table is saved */

/* Between changes; no transaction is open. */
status table_save(table *t, const table_shelf *shelf, buf *out, error *err) MUST_USE;
/* Into a table that was just opened. After a failure it can only be closed. */
status table_load(table *t, const table_shelf *shelf, uint64_t newest, image_reader *in,
                  error *err) MUST_USE;
/* What stands beside its rows: nothing where its positions follow one another. */
void segment_put_positions(const struct segment *s, int32_t row_count, buf *out);

int64_t             table_entry_count(const table *t);
const insert_entry *table_entry(const table *t, int64_t i);

/* ---- snapshots and scans */
typedef struct table_snapshot table_snapshot;
/* Rows before position `end` (TABLE_END: all) that had not died at `sequence`. */
#define TABLE_END INT64_MAX
status  table_snapshot_open(table_snapshot **out, table *t, int64_t end, uint64_t sequence,
                            error *err) MUST_USE;
void    table_snapshot_close(table_snapshot *s);
int64_t table_snapshot_rows(const table_snapshot *s);
/* Rows first .. end stay in memory until the snapshot is closed: reading them cannot fail. */
status table_snapshot_hold(table_snapshot *s, int64_t first, int64_t end, error *err) MUST_USE;

struct segment_view;

typedef struct table_cursor {
    const table_snapshot *snapshot;
    int64_t               position; /* next row to deliver */
    int64_t               end;
    int32_t               segment;
    const struct deaths  *deaths; /* of the rows delivered last, NULL: all are alive */
    int32_t               offset; /* of the first of them */
    int64_t               first;  /* its position */
    const int64_t        *positions;
    const uint8_t        *wanted;  /* NULL, or which of the table's columns are: see below */
    struct segment_view  *view;    /* of a segment that may be evicted */
    int32_t               view_of; /* its number */
} table_cursor;

/* table_cursor_fini comes after the last use of it: twice is fine, and so is none when no call of
 * table_cursor_next was made. Instead of a column that is not wanted there are NULLs. */
void table_cursor_init(table_cursor *c, const table_snapshot *s, int64_t first, int64_t end);
void table_cursor_fini(table_cursor *c);
/* The next up to BATCH_ROWS rows (never across a segment, validity word-aligned). `columns` has
 * room for column_count entries; column_map[i] is the table column wanted as i (NULL: all). DONE at
 * the end. ERR_CORRUPTION, ERR_CONNECTOR_FAILED: rows that lie in a file could not be read; the
 * cursor is where it was. Owners are set: the rows may be kept, and else they are there until the
 * next call. From a position inside a word of
 * validity, the first deltas are short when wanted columns have NULLs: each ends where one changes
 * to or from NULL.
 */
status table_cursor_next(table_cursor *c, const int32_t *column_map, int32_t column_count,
                         column *columns, delta *out, error *err) MUST_USE;

int64_t table_cursor_position(const table_cursor *c, int32_t row); /* of those delivered last */

/* Takes out of the rows delivered last those that the snapshot does not show; row_count may become
 * 0. What is left is transient in `a` when something was taken out. */
status table_cursor_live(const table_cursor *c, delta *rows, column *columns, arena *a,
                         error *err) MUST_USE;

/* min/max of an integer-like column within the segment the cursor is in (false: unknown or all
 * NULL): lets a filter skip it. */
bool table_cursor_minmax(const table_cursor *c, int32_t column, int64_t *min, int64_t *max);
void table_cursor_skip_segment(table_cursor *c);
/* No row of the segment the cursor is in is alive. */
bool table_cursor_is_empty(const table_cursor *c);

#endif
