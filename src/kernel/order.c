/* SPDX-License-Identifier: Apache-2.0 */
/* order.c - three-way comparison of single rows: NULL largest, NaN above numbers, texts by bytes.
 * sort.c sorts many. */
#include "kernel/access.h"
#include "kernel/kernel.h"
#include "type/nested.h"

static int
compare_f64(double a, double b) {
    if (a != a || b != b) {
        return (a != a) - (b != b);
    }
    return (a > b) - (a < b);
}

/* Both rows are not NULL. */
static int
compare_values(const column *lhs, int64_t lhs_row, const column *rhs, int64_t rhs_row) {
    const physical p = type_physical(lhs->type);
    const physical q = type_physical(rhs->type);
    switch (p) {
    case PHYSICAL_F32:
        assert(q == p);
        return compare_f64((double)((const float *)lhs->values)[lhs_row],
                           (double)((const float *)rhs->values)[rhs_row]);
    case PHYSICAL_F64:
        assert(q == p);
        return compare_f64(((const double *)lhs->values)[lhs_row],
                           ((const double *)rhs->values)[rhs_row]);
    case PHYSICAL_TEXT:
        assert(q == p);
        return text_compare(row_text(lhs, lhs_row), row_text(rhs, rhs_row));
    case PHYSICAL_NESTED:
        assert(type_equal(lhs->type, rhs->type));
        return nested_compare(lhs->type, row_text(lhs, lhs_row), row_text(rhs, rhs_row));
    case PHYSICAL_INTERVAL: {
        assert(q == p);
        const int128 a = interval_total_us((const interval *)lhs->values + lhs_row);
        const int128 b = interval_total_us((const interval *)rhs->values + rhs_row);
        return (a > b) - (a < b);
    }
    case PHYSICAL_I128:
    case PHYSICAL_U64: {
        const int128 a = row_wide(lhs, p, lhs_row);
        const int128 b = row_wide(rhs, q, rhs_row);
        return (a > b) - (a < b);
    }
    default: { /* integers of any two widths */
        const int64_t a = row_i64(lhs, p, lhs_row);
        const int64_t b = row_i64(rhs, q, rhs_row);
        return (a > b) - (a < b);
    }
    }
}

int
compare_rows(const column *lhs, int64_t lhs_row, const column *rhs, int64_t rhs_row) {
    const bool lhs_null = row_is_null(lhs, lhs_row);
    const bool rhs_null = row_is_null(rhs, rhs_row);
    if (lhs_null || rhs_null) {
        return lhs_null - rhs_null;
    }
    return compare_values(lhs, lhs_row, rhs, rhs_row);
}

int
compare_sort_keys(const column *lhs, int64_t lhs_row, const column *rhs, int64_t rhs_row,
                  const sort_key *keys, int32_t key_count) {
    for (int32_t k = 0; k < key_count; k++) {
        const column *l = &lhs[keys[k].column];
        const column *r = &rhs[keys[k].column];
        const bool    lhs_null = row_is_null(l, lhs_row);
        const bool    rhs_null = row_is_null(r, rhs_row);
        if (lhs_null && rhs_null) {
            continue;
        }
        if (lhs_null || rhs_null) {
            return lhs_null == keys[k].nulls_first ? -1 : 1;
        }
        const int order = compare_values(l, lhs_row, r, rhs_row);
        if (order != 0) {
            return keys[k].descending ? -order : order;
        }
    }
    return 0;
}
