/* SPDX-License-Identifier: Apache-2.0 */
/* consolidate.c - one row per distinct row, with the sum of its weights.
 *
 * Plain and slow on purpose (a merge sort over row numbers with a comparison of whole rows): it is
 * what faster code is compared with. Equality is that of keys: NULL = NULL, NaN = NaN, -0.0 = 0.0;
 * the first of equal rows stands for all. */
#include "batch/column.h"

static int
compare_cells(const column *c, int64_t x, int64_t y) {
    const value a = column_value(c, x);
    const value b = column_value(c, y);
    return value_compare(&a, &b);
}

static int
compare_whole_rows(const delta *d, int64_t x, int64_t y) {
    for (int32_t i = 0; i < d->column_count; i++) {
        const int order = compare_cells(&d->columns[i], x, y);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

/* Merges the sorted runs from[first .. middle) and from[middle .. end). */
static void
merge_runs(const delta *d, int32_t *to, const int32_t *from, int64_t first, int64_t middle,
           int64_t end) {
    int64_t x = first;
    int64_t y = middle;
    for (int64_t i = first; i < end; i++) {
        const bool take_x =
            x < middle && (y >= end || compare_whole_rows(d, from[x], from[y]) <= 0);
        to[i] = take_x ? from[x++] : from[y++];
    }
}

/* Stable. Returns the one of the two arrays that holds the result. */
static int32_t *
sort_whole_rows(const delta *d, int32_t *rows, int32_t *other) {
    const int64_t count = d->row_count;
    for (int64_t i = 0; i < count; i++) {
        rows[i] = (int32_t)i;
    }
    for (int64_t run = 1; run < count; run *= 2) {
        for (int64_t first = 0; first < count; first += 2 * run) {
            merge_runs(d, other, rows, first, min_i64(first + run, count),
                       min_i64(first + 2 * run, count));
        }
        int32_t *swap = rows;
        rows = other;
        other = swap;
    }
    return rows;
}

/* Keeps the first row of each run of equal rows, with the sum of their weights, where that is not
 * 0. */
static int32_t
sum_runs(const delta *d, int32_t *rows, int64_t *sums) {
    int32_t count = 0;
    for (int32_t i = 0; i < d->row_count;) {
        const int32_t head = rows[i];
        int64_t       sum = 0;
        for (; i < d->row_count && compare_whole_rows(d, head, rows[i]) == 0; i++) {
            sum = sat_add_i64(sum, d->weight == NULL ? 1 : d->weight[rows[i]]);
        }
        if (sum != 0) {
            rows[count] = head;
            sums[count++] = sum;
        }
    }
    return count;
}

status
delta_consolidate(delta *out, const delta *in, arena *a, error *err) {
    const size_t count = (size_t)in->row_count;
    delta        views = *in;
    column      *columns = arena_alloc(a, (size_t)in->column_count * sizeof(column));
    int32_t     *rows = arena_alloc(a, count * sizeof(int32_t));
    int32_t     *other = arena_alloc(a, count * sizeof(int32_t));
    int64_t     *sums = arena_alloc(a, count * sizeof(int64_t));
    int64_t     *weight = arena_alloc(a, count * sizeof(int64_t));
    if (columns == NULL || rows == NULL || other == NULL || sums == NULL || weight == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->column_count; i++) {
        TRY(column_views(&columns[i], &in->columns[i], in->row_count, a, err));
    }
    views.columns = columns;
    views.weight = NULL;
    int32_t *sorted = sort_whole_rows(&views, rows, other);
    other = sorted == rows ? other : rows;
    views.weight = in->weight;
    const int32_t left = sum_runs(&views, sorted, sums);
    int32_t       n = 0;
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int32_t i = 0; i < left; i++) {
            if ((sums[i] < 0) == (sign < 0)) {
                other[n] = sorted[i];
                weight[n++] = sums[i];
            }
        }
    }
    views.weight = NULL;
    TRY(delta_gather(out, &views, other, n, a, err));
    out->weight = weight;
    return OK;
}
