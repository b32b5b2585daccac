/* SPDX-License-Identifier: Apache-2.0 */
/* builder.h - growing columns: where rows from users, CSV and operators are put together.
 *
 * Memory belongs to the builder's chunk until builder_take moves it out as a batch. After a failed
 * append the builder is still valid; builder_truncate takes it back to an earlier row count, so
 * that a refused insert leaves nothing. */
#ifndef LAMINAR_BATCH_BUILDER_H
#define LAMINAR_BATCH_BUILDER_H

#include "batch/filler.h"

typedef struct column_builder {
    data_type type;
    int32_t   count;
    int32_t   capacity;
    int32_t   null_count;
    uint64_t *validity; /* always allocated to capacity */
    void     *values;
} column_builder;

/* Rows of one insert, a batch that is accepted or refused as a whole. */
#define INSERT_ROWS_MAX (1 << 24)

typedef struct builder {
    mem            *mem;
    int32_t         column_count;
    column_builder *columns;
    int32_t         rows_max; /* set after builder_init; 0: what an int32_t counts */
    int32_t rows_hint;  /* rows of the last batch that was moved out: the first capacity of the next
                           one */
    chunk  *text_chunk; /* long texts lie here; columns hold views into it */
    int32_t text_blocks;
    size_t  text_first_size; /* the first block is used again when the builder is emptied */
    char   *text_first;
    size_t  text_free;
    char   *text_next;
} builder;

status builder_init(builder *b, mem *m, const data_type *types, int32_t column_count,
                    error *err) MUST_USE;
void   builder_fini(builder *b);
status builder_reserve(builder *b, int32_t rows,
                       error *err) MUST_USE; /* room for `rows` more in every column */

/* Appends to one column. The value must be of the physical type of the column (use value_cast or
 * kernel casts before). */
status column_append_null(builder *b, int32_t at, error *err) MUST_USE;
status column_append_null_run(builder *b, int32_t at, int32_t count, error *err) MUST_USE;
status column_append_i64(builder *b, int32_t at, int64_t v, error *err)
    MUST_USE; /* any integer but HUGEINT, DATE, TIMESTAMP, BOOL; v must be in range */
status column_append_f64(builder *b, int32_t at, double v, error *err) MUST_USE;
/* Many: columns of 64-bit integers, and of doubles. */
status column_append_i64_run(builder *b, int32_t at, const int64_t *v, int32_t count,
                             error *err) MUST_USE;
status column_append_f64_run(builder *b, int32_t at, const double *v, int32_t count,
                             error *err) MUST_USE;
status column_append_text(builder *b, int32_t at, text t,
                          error *err) MUST_USE; /* or a BLOB; copies; VARCHAR: valid UTF-8 */
status column_append_text_run(builder *b, int32_t at, const text *v, int32_t count,
                              error *err) MUST_USE; /* all or none of them */
status column_append_value(builder *b, int32_t at, const value *v, error *err) MUST_USE;
/* `count` values of a filler; f NULL: NULLs. */
status column_append_fill(builder *b, int32_t at, int32_t count, filler *f, arena *scratch,
                          error *err) MUST_USE;
/* All rows of a delta (types equal); weights are not kept. */
status builder_append_delta(builder *b, const delta *rows, error *err) MUST_USE;

void    builder_truncate(builder *b, int32_t rows);
int32_t builder_rows(const builder *b); /* of column 0 */
/* View of what is in it now; valid until the next append. `columns` holds column_count entries and
 * is filled. */
void builder_view(const builder *b, column *columns, delta *out);
/* Makes everything a batch and leaves the builder empty and usable: small ones are copied out in
 * one allocation (the builder's arrays serve the next rows), large ones move. On failure the rows
 * are still in the builder. */
status builder_take(builder *b, batch **out, error *err) MUST_USE;
/* Would they be copied out? Then they are not too many for rows_max either. */
bool builder_is_small(const builder *b);

#endif
