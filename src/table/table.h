/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - retained rows of a source or keyless table: immutable segments plus a growing tail, and
 * the insert index.
 *
 * Row position = number of rows before it, for ever. One writer at a time (the caller holds the
 * engine token); readers work on a snapshot, which needs no lock afterwards: segments are immutable
 * and counted, and the part of the tail that a snapshot shows never changes. A batch of >=
 * TABLE_KEEP_ROWS rows becomes a segment of its own without a copy; smaller ones are compacted into
 * the tail. */
#ifndef LAMINAR_TABLE_TABLE_H
#define LAMINAR_TABLE_TABLE_H

#include "batch/builder.h"
#include "batch/column.h"

#define TABLE_SEGMENT_ROWS 65536
#define TABLE_KEEP_ROWS 1024

typedef struct table table;

/* One accepted insert. `watermark_us` is the source's watermark before it; sequence is global over
 * all sources of a database. */
typedef struct insert_entry {
    uint64_t sequence;
    int64_t  position; /* of its first row */
    int64_t  row_count;
    int64_t  ingested_us;
    int64_t  watermark_us;
} insert_entry;

status        table_open(table **out, mem *m, const schema *s, error *err) MUST_USE;
void          table_close(table *t);
const schema *table_schema(const table *t);
int64_t       table_row_count(const table *t);
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
/* Takes back the newest insert (only right after table_append, before a snapshot saw it). Rows that
 * were handed on and kept stay as they are. */
void table_undo(table *t);

int64_t             table_entry_count(const table *t);
const insert_entry *table_entry(const table *t, int64_t i);

/* ---- snapshots and scans */
typedef struct table_snapshot table_snapshot;
status                        table_snapshot_open(table_snapshot **out, table *t,
                                                  error *err) MUST_USE; /* rows up to now */
void                          table_snapshot_close(table_snapshot *s);
int64_t                       table_snapshot_rows(const table_snapshot *s);

typedef struct table_cursor {
    const table_snapshot *snapshot;
    int64_t               position; /* next row to deliver */
    int64_t               end;
    int32_t               segment;
} table_cursor;

void table_cursor_init(table_cursor *c, const table_snapshot *s, int64_t first, int64_t end);
/* The next up to BATCH_ROWS rows (never across a segment, validity word-aligned). `columns` has
 * room for column_count entries; column_map[i] is the table column wanted as i (NULL: all). Returns
 * false at the end. Owners are set: the rows may be kept. From a position inside a word of
 * validity, the first deltas are short when wanted columns have NULLs: each ends where one changes
 * to or from NULL.
 */
bool table_cursor_next(table_cursor *c, const int32_t *column_map, int32_t column_count,
                       column *columns, delta *out);

/* min/max of an integer-like column within the segment the cursor is in (false: unknown or all
 * NULL): lets a filter skip it. */
bool table_cursor_minmax(const table_cursor *c, int32_t column, int64_t *min, int64_t *max);
void table_cursor_skip_segment(table_cursor *c);

#endif
