/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.h - typed loops over whole columns. No function here looks at more than its arguments;
 * none blocks.
 *
 * Validity: the result's validity is the AND of the inputs', computed once per batch; loops run
 * over all rows, values under NULL are defined but mean nothing. What can fail (division, casts,
 * overflow) looks at valid rows alone. */
#ifndef LAMINAR_KERNEL_KERNEL_H
#define LAMINAR_KERNEL_KERNEL_H

#include "batch/column.h"
#include "os/team.h"

/* ---- hash.c: equal keys (NULL = NULL, NaN = NaN, -0.0 = 0.0, text by bytes) give equal hashes.
 * Text columns may have any layout. */
void hash_columns(uint64_t *out, const column *columns, int32_t column_count, int32_t row_count);

/* ---- equal.c: out[i] &= (row lhs_rows[i] of lhs equals row rhs_rows[i] of rhs), with key equality
 * as above. NULL row lists mean i itself. Text columns must be views. */
void equal_rows(uint8_t *out, const column *lhs, const int32_t *lhs_rows, const column *rhs,
                const int32_t *rhs_rows, int32_t count);

/* ---- order.c: compares two rows in SQL order (NULL largest, NaN above numbers): < 0, 0, > 0 */
int compare_rows(const column *lhs, int64_t lhs_row, const column *rhs, int64_t rhs_row);

typedef struct sort_key {
    int32_t column;
    bool    descending;
    bool    nulls_first;
} sort_key;

int compare_sort_keys(const column *lhs, int64_t lhs_row, const column *rhs, int64_t rhs_row,
                      const sort_key *keys, int32_t key_count);
/* ---- sort.c: stable sort of row numbers 0 .. row_count-1 by the keys, ties by row number.
 * `columns` are views/flat. */
status sort_rows(int32_t *rows_out, const column *columns, int32_t row_count, const sort_key *keys,
                 int32_t key_count, arena *a, error *err) MUST_USE;
/* The same on several threads where there are rows enough; the order does not depend on it. */
status sort_rows_with(const team *t, int32_t *rows_out, const column *columns, int32_t row_count,
                      const sort_key *keys, int32_t key_count, arena *a, error *err) MUST_USE;

/* ---- select.c: row numbers where a BOOLEAN column is true (not NULL, not false); returns how
 * many. rows_out holds row_count entries. */
int32_t select_true(int32_t *rows_out, const column *condition, int32_t row_count);

/* ---- minmax.c: smallest and largest non-NULL value of a column that type_integer_range or a
 * DECIMAL of up to 18 digits is, or BOOLEAN or DOUBLE (NaN is skipped). False: no such value. */
bool    minmax_i64(const column *c, int32_t row_count, int64_t *min, int64_t *max);
bool    minmax_f64(const column *c, int32_t row_count, double *min, double *max);
int64_t count_valid(const column *c, int32_t row_count);

/* ---- cast.c: column-wise CAST. try_cast: what does not convert becomes NULL. Errors name the
 * value and both types; *bad_row (may be NULL) gets the row. */
status cast_column(column *out, const column *in, int32_t row_count, data_type to, bool try_cast,
                   arena *a, int32_t *bad_row, error *err) MUST_USE;

/* ---- fault.c: NULL, or what is wrong with a value of a flat column that came from a file: no
 * BOOLEAN, beyond its DECIMAL or TIME, no UTF-8, no JSON, no image of its nested type, or with such
 * a value in it. */
const char *column_fault(const column *c, int32_t row_count);

/* ---- crc.c: CRC-32C of what `crc` stands for and these bytes after it; begin with 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

/* ---- utf8.c: offset of the first byte that is not UTF-8, or -1. */
int64_t utf8_fault(const char *bytes, int64_t size);
/* True when all bytes are 0x01 .. 0x7f: valid at every cut, and without NUL. */
bool utf8_is_plain(const char *bytes, int64_t size);

/* ---- cpu.c: called once when a database opens (idempotent, thread-safe): picks AVX2/AVX-512
 * versions by CPUID into one table. */
void kernel_init(void);
/* May functions marked KERNEL_FMA run? They are compiled for processors with fused multiply-add;
 * nothing is contracted, so they give the same bits as others. */
bool kernel_has_fma(void);
#if defined(__x86_64__)
#define KERNEL_FMA __attribute__((target("avx2,fma")))
#else
#define KERNEL_FMA
#endif
const char *kernel_level(void); /* "baseline", "avx2", "avx512" */

#endif
