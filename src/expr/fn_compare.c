/* SPDX-License-Identifier: Apache-2.0 */
/* fn_compare.c - = <> < <= > >=, greatest and least. NaN equals NaN and is above all numbers, -0.0
 * = 0.0, text goes by bytes. BOOLEAN shares the kernels of TINYINT, DATE those of INTEGER,
 * timestamps those of BIGINT. */
#include "expr/call.h"
#include "type/calendar.h"

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
    return (a < b) | ((a == a) & (b != b));
}

#define EQUAL fn_equal_i8
#define UNEQUAL fn_unequal_i8
#define LESS fn_less_i8
#define LESS_EQUAL fn_less_equal_i8
#define GREATER fn_greater_i8
#define GREATER_EQUAL fn_greater_equal_i8
#define VALUE int8_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define EQUAL fn_equal_i16
#define UNEQUAL fn_unequal_i16
#define LESS fn_less_i16
#define LESS_EQUAL fn_less_equal_i16
#define GREATER fn_greater_i16
#define GREATER_EQUAL fn_greater_equal_i16
#define VALUE int16_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define EQUAL fn_equal_i32
#define UNEQUAL fn_unequal_i32
#define LESS fn_less_i32
#define LESS_EQUAL fn_less_equal_i32
#define GREATER fn_greater_i32
#define GREATER_EQUAL fn_greater_equal_i32
#define VALUE int32_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define EQUAL fn_equal_i64
#define UNEQUAL fn_unequal_i64
#define LESS fn_less_i64
#define LESS_EQUAL fn_less_equal_i64
#define GREATER fn_greater_i64
#define GREATER_EQUAL fn_greater_equal_i64
#define VALUE int64_t
#define IS_EQUAL (a == b)
#define IS_LESS (a < b)
#define IS_GREATER (b < a)
#include "expr/compare.inc.h"

#define EQUAL fn_equal_f64
#define UNEQUAL fn_unequal_f64
#define LESS fn_less_f64
#define LESS_EQUAL fn_less_equal_f64
#define GREATER fn_greater_f64
#define GREATER_EQUAL fn_greater_equal_f64
#define VALUE double
#define IS_EQUAL double_equal(a, b)
#define IS_LESS double_less(a, b)
#define IS_GREATER double_less(b, a)
#include "expr/compare.inc.h"

#define EQUAL fn_equal_text
#define UNEQUAL fn_unequal_text
#define LESS fn_less_text
#define LESS_EQUAL fn_less_equal_text
#define GREATER fn_greater_text
#define GREATER_EQUAL fn_greater_equal_text
#define VALUE strview
#define IS_EQUAL strview_equal(&a, &b)
#define IS_LESS (strview_compare(&a, &b) < 0)
#define IS_GREATER (strview_compare(&a, &b) > 0)
#include "expr/compare.inc.h"

#define EQUAL fn_equal_interval
#define UNEQUAL fn_unequal_interval
#define LESS fn_less_interval
#define LESS_EQUAL fn_less_equal_interval
#define GREATER fn_greater_interval
#define GREATER_EQUAL fn_greater_equal_interval
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

static fn_kernel *const greatest_kernels[PHYSICAL_COUNT] = {
    [PHYSICAL_BOOL] = greatest_i8,   [PHYSICAL_I8] = greatest_i8,
    [PHYSICAL_I16] = greatest_i16,   [PHYSICAL_I32] = greatest_i32,
    [PHYSICAL_I64] = greatest_i64,   [PHYSICAL_F64] = greatest_f64,
    [PHYSICAL_TEXT] = greatest_text, [PHYSICAL_INTERVAL] = greatest_interval,
};

static fn_kernel *const least_kernels[PHYSICAL_COUNT] = {
    [PHYSICAL_BOOL] = least_i8,   [PHYSICAL_I8] = least_i8,
    [PHYSICAL_I16] = least_i16,   [PHYSICAL_I32] = least_i32,
    [PHYSICAL_I64] = least_i64,   [PHYSICAL_F64] = least_f64,
    [PHYSICAL_TEXT] = least_text, [PHYSICAL_INTERVAL] = least_interval,
};

status
fn_greatest(fn_call *c) {
    return greatest_kernels[type_physical(c->type)](c);
}

status
fn_least(fn_call *c) {
    return least_kernels[type_physical(c->type)](c);
}
