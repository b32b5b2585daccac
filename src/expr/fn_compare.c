/* SPDX-License-Identifier: Apache-2.0 */
/* fn_compare.c - = <> < <= > >=, greatest and least, by physical type. NaN equals NaN and is above
 * all numbers, -0.0 = 0.0, text goes by bytes. */
#include "expr/call.h"
#include "type/calendar.h"
#include "type/nested.h"

/* Months count 30 days and days 24 hours, as in PostgreSQL. */
static int128
interval_size(interval v) {
    return ((int128)v.months * 30 + v.days) * US_PER_DAY + v.us;
}

ALWAYS_INLINE bool
double_equal(double a, double b) {
    return (a == b) | ((a != a) & (b != b));
}

ALWAYS_INLINE bool
double_less(double a, double b) {
    return (a == a) & !(a >= b);
}

#define NAME(comparison) comparison##_i8
#define VALUE int8_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_i16
#define VALUE int16_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_i32
#define VALUE int32_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_i64
#define VALUE int64_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_i128
#define VALUE int128
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_u8
#define VALUE uint8_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_u16
#define VALUE uint16_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_u32
#define VALUE uint32_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_u64
#define VALUE uint64_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_f32
#define VALUE float
#define IS_EQUAL double_equal((double)a, (double)b)
#define IS_LESS double_less((double)a, (double)b)
#define IS_GREATER double_less((double)b, (double)a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_f64
#define VALUE double
#define IS_EQUAL double_equal(a, b)
#define IS_LESS double_less(a, b)
#define IS_GREATER double_less(b, a)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_text
#define VALUE strview
#define IS_EQUAL strview_equal(&a, &b)
#define IS_LESS (strview_compare(&a, &b) < 0)
#define IS_GREATER (strview_compare(&a, &b) > 0)
#include "expr/compare.inc.h"

#define NAME(comparison) comparison##_interval
#define VALUE interval
#define IS_EQUAL (interval_size(a) == interval_size(b))
#define IS_LESS (interval_size(a) < interval_size(b))
#define IS_GREATER (interval_size(b) < interval_size(a))
#include "expr/compare.inc.h"

#define KERNEL greatest_i8
#define VALUE int8_t
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_i8
#define VALUE int8_t
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_i16
#define VALUE int16_t
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_i16
#define VALUE int16_t
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_i32
#define VALUE int32_t
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_i32
#define VALUE int32_t
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_i64
#define VALUE int64_t
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_i64
#define VALUE int64_t
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_i128
#define VALUE int128
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_i128
#define VALUE int128
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_u8
#define VALUE uint8_t
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_u8
#define VALUE uint8_t
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_u16
#define VALUE uint16_t
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_u16
#define VALUE uint16_t
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_u32
#define VALUE uint32_t
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_u32
#define VALUE uint32_t
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_u64
#define VALUE uint64_t
#define REPLACES (b < a)
#include "expr/extreme.inc.h"

#define KERNEL least_u64
#define VALUE uint64_t
#define REPLACES (a < b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_f32
#define VALUE float
#define REPLACES double_less((double)b, (double)a)
#include "expr/extreme.inc.h"

#define KERNEL least_f32
#define VALUE float
#define REPLACES double_less((double)a, (double)b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_f64
#define VALUE double
#define REPLACES double_less(b, a)
#include "expr/extreme.inc.h"

#define KERNEL least_f64
#define VALUE double
#define REPLACES double_less(a, b)
#include "expr/extreme.inc.h"

#define KERNEL greatest_text
#define VALUE strview
#define REPLACES (strview_compare(&a, &b) > 0)
#include "expr/extreme.inc.h"

#define KERNEL least_text
#define VALUE strview
#define REPLACES (strview_compare(&a, &b) < 0)
#include "expr/extreme.inc.h"

#define KERNEL greatest_interval
#define VALUE interval
#define REPLACES (interval_size(b) < interval_size(a))
#include "expr/extreme.inc.h"

#define KERNEL least_interval
#define VALUE interval
#define REPLACES (interval_size(a) < interval_size(b))
#include "expr/extreme.inc.h"

/* Nested values: valid rows alone, an image under NULL is none. */
ALWAYS_INLINE int
order_nested(const fn_call *c, int32_t row) {
    return nested_compare(c->args[0].type, operand_text(&c->args[0], row),
                          operand_text(&c->args[1], row));
}

/* Where the order is one of those that count: below, equal, above. */
ALWAYS_INLINE status
compare_nested(fn_call *c, bool below, bool equal, bool above) {
    uint8_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int order = fn_is_valid(c, i) ? order_nested(c, i) : 0;
        z[i] = order < 0 ? below : order > 0 ? above : equal;
    }
    return OK;
}

static status
equal_nested(fn_call *c) {
    return compare_nested(c, false, true, false);
}

static status
unequal_nested(fn_call *c) {
    return compare_nested(c, true, false, true);
}

static status
less_nested(fn_call *c) {
    return compare_nested(c, true, false, false);
}

static status
less_equal_nested(fn_call *c) {
    return compare_nested(c, true, true, false);
}

static status
greater_nested(fn_call *c) {
    return compare_nested(c, false, false, true);
}

static status
greater_equal_nested(fn_call *c) {
    return compare_nested(c, false, true, true);
}

#define KERNEL greatest_nested
#define VALUE strview
#define REPLACES (nested_compare(c->type, strview_text(&a), strview_text(&b)) > 0)
#include "expr/extreme.inc.h"

#define KERNEL least_nested
#define VALUE strview
#define REPLACES (nested_compare(c->type, strview_text(&a), strview_text(&b)) < 0)
#include "expr/extreme.inc.h"

/* The functions: the kernel of the physical type that both arguments have. */
#define FUNCTION_NAME fn_equal
#define NAME(type) equal_##type
#include "expr/by_physical.inc.h"

#define FUNCTION_NAME fn_unequal
#define NAME(type) unequal_##type
#include "expr/by_physical.inc.h"

#define FUNCTION_NAME fn_less
#define NAME(type) less_##type
#include "expr/by_physical.inc.h"

#define FUNCTION_NAME fn_less_equal
#define NAME(type) less_equal_##type
#include "expr/by_physical.inc.h"

#define FUNCTION_NAME fn_greater
#define NAME(type) greater_##type
#include "expr/by_physical.inc.h"

#define FUNCTION_NAME fn_greater_equal
#define NAME(type) greater_equal_##type
#include "expr/by_physical.inc.h"

#define FUNCTION_NAME fn_greatest
#define NAME(type) greatest_##type
#include "expr/by_physical.inc.h"

#define FUNCTION_NAME fn_least
#define NAME(type) least_##type
#include "expr/by_physical.inc.h"
