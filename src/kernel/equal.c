/* SPDX-License-Identifier: Apache-2.0 */
/* equal.c - equality of keys, as hash.c sees it: NULL = NULL, NaN = NaN, -0.0 = 0.0, intervals by
 * their total. */
#include "kernel/access.h"
#include "kernel/kernel.h"
#include "type/nested.h"

#define KERNEL equal_8
#define IN uint8_t
#define EQUAL (*a == *b)
#include "kernel/equal_column.inc.h"

#define KERNEL equal_16
#define IN uint16_t
#define EQUAL (*a == *b)
#include "kernel/equal_column.inc.h"

#define KERNEL equal_32
#define IN uint32_t
#define EQUAL (*a == *b)
#include "kernel/equal_column.inc.h"

#define KERNEL equal_64
#define IN uint64_t
#define EQUAL (*a == *b)
#include "kernel/equal_column.inc.h"

#define KERNEL equal_128
#define IN int128
#define EQUAL (*a == *b)
#include "kernel/equal_column.inc.h"

#define KERNEL equal_f32
#define IN float
#define EQUAL (f64_key_equal((double)*a, (double)*b))
#include "kernel/equal_column.inc.h"

#define KERNEL equal_f64
#define IN double
#define EQUAL (f64_key_equal(*a, *b))
#include "kernel/equal_column.inc.h"

#define KERNEL equal_text
#define IN strview
#define EQUAL (strview_equal(a, b))
#include "kernel/equal_column.inc.h"

#define KERNEL equal_interval
#define IN interval
#define EQUAL (interval_total_us(a) == interval_total_us(b))
#include "kernel/equal_column.inc.h"

static void
equal_nested(uint8_t *out, const column *lhs, const int32_t *lhs_rows, const column *rhs,
             const int32_t *rhs_rows, int32_t count) {
    assert(type_equal(lhs->type, rhs->type));
    if (type_equal_by_bytes(lhs->type)) {
        equal_text(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        const int64_t l = lhs_rows != NULL ? lhs_rows[i] : i;
        const int64_t r = rhs_rows != NULL ? rhs_rows[i] : i;
        out[i] &= compare_rows(lhs, l, rhs, r) == 0;
    }
}

/* One side has no values at all: only NULL is equal to it. */
static void
equal_nulls(uint8_t *out, const column *lhs, const int32_t *lhs_rows, const column *rhs,
            const int32_t *rhs_rows, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        const int64_t l = lhs_rows != NULL ? lhs_rows[i] : i;
        const int64_t r = rhs_rows != NULL ? rhs_rows[i] : i;
        out[i] &= row_is_null(lhs, l) && row_is_null(rhs, r);
    }
}

void
equal_rows(uint8_t *out, const column *lhs, const int32_t *lhs_rows, const column *rhs,
           const int32_t *rhs_rows, int32_t count) {
    if (lhs->type.id == TYPE_NULL || rhs->type.id == TYPE_NULL) {
        equal_nulls(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    }
    assert(type_physical(lhs->type) == type_physical(rhs->type));
    assert(lhs->layout == COLUMN_FLAT && rhs->layout == COLUMN_FLAT);
    switch (type_physical(lhs->type)) {
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_U8:
        equal_8(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_I16:
    case PHYSICAL_U16:
        equal_16(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_I32:
    case PHYSICAL_U32:
        equal_32(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_I64:
    case PHYSICAL_U64:
        equal_64(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_I128:
        equal_128(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_F32:
        equal_f32(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_F64:
        equal_f64(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_TEXT:
        equal_text(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_NESTED:
        equal_nested(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_INTERVAL:
        equal_interval(out, lhs, lhs_rows, rhs, rhs_rows, count);
        return;
    case PHYSICAL_COUNT:
        break;
    }
    UNREACHABLE();
}
