/* SPDX-License-Identifier: Apache-2.0 */
/* type_convert.c - which types meet in one, and which convert into which. */
#include "type/decimal.h"
#include "type/nested.h"

static bool
integer_fits(data_type from, data_type to) {
    int128 from_min, from_max, to_min, to_max;
    return type_wide_range(from, &from_min, &from_max) && type_wide_range(to, &to_min, &to_max) &&
           from_min >= to_min && from_max <= to_max;
}

bool
type_as_decimal(data_type t, data_type *out) {
    int128 min, max;
    *out = t;
    return t.id == TYPE_DECIMAL ||
           (type_wide_range(t, &min, &max) && decimal_type_of_integer(max, out));
}

static bool
decimal_holds(data_type from, data_type to) {
    return to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale;
}

static bool
number_casts_implicitly(data_type from, data_type to) {
    data_type exact;
    switch ((type_id)to.id) {
    case TYPE_F64:
        return true;
    case TYPE_F32: /* 24 bits: what is wider becomes DOUBLE beside a FLOAT */
        return type_is_integer(from) && type_width(from) <= 2;
    case TYPE_DECIMAL:
        return type_as_decimal(from, &exact) && decimal_holds(exact, to);
    default:
        return type_is_integer(from) && integer_fits(from, to);
    }
}

/* A DATE and the coarser of two units are times of the finer one; TIMESTAMP is taken as UTC. */
static bool
time_casts_implicitly(data_type from, data_type to) {
    if (to.id == TYPE_TIMESTAMPTZ) {
        return from.id != TYPE_TIMESTAMP_NS;
    }
    return from.id == TYPE_DATE || (from.id != TYPE_TIMESTAMPTZ && from.id < to.id);
}

bool
type_casts_implicitly(data_type from, data_type to) {
    if (type_equal(from, to) || from.id == TYPE_NULL) {
        return true;
    }
    if (type_is_numeric(from) && type_is_numeric(to)) {
        return number_casts_implicitly(from, to);
    }
    if (type_is_nested(from) && type_is_nested(to)) {
        return nested_casts_implicitly(from, to);
    }
    if (type_is_json(from)) {
        return to.id == TYPE_TEXT;
    }
    return (from.id == TYPE_DATE || type_is_time(from)) && type_is_time(to) &&
           time_casts_implicitly(from, to);
}

bool
type_casts(data_type from, data_type to) {
    if (type_casts_implicitly(from, to) || from.id == TYPE_TEXT || to.id == TYPE_TEXT) {
        return to.id != TYPE_NULL || from.id == TYPE_NULL;
    }
    if (type_is_nested(from) && type_is_nested(to)) {
        return nested_relates(from, to, type_casts);
    }
    const bool numbers = (type_is_numeric(from) || from.id == TYPE_BOOL) &&
                         (type_is_numeric(to) || to.id == TYPE_BOOL);
    const bool times =
        (type_is_time(from) || from.id == TYPE_DATE) &&
        (type_is_time(to) || to.id == TYPE_DATE || (to.id == TYPE_TIME && from.id != TYPE_DATE));
    const bool spans = (from.id == TYPE_TIME && to.id == TYPE_INTERVAL) ||
                       (from.id == TYPE_INTERVAL && to.id == TYPE_TIME);
    const bool bytes = (from.id == TYPE_UUID && to.id == TYPE_BLOB) ||
                       (from.id == TYPE_BLOB && to.id == TYPE_UUID);
    return numbers || times || spans || bytes;
}

/* The digits of both before and behind the point; what does not fit 38 of them is an error of the
 * value that needs them. */
static data_type
unify_decimals(data_type a, data_type b) {
    const int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    const int32_t a_whole = a.precision - a.scale;
    const int32_t b_whole = b.precision - b.scale;
    const int32_t precision = scale + (a_whole > b_whole ? a_whole : b_whole);
    return type_decimal(precision > DECIMAL_PRECISION_MAX ? DECIMAL_PRECISION_MAX : precision,
                        scale);
}

static bool
unify_numbers(data_type a, data_type b, data_type *out) {
    data_type x, y;
    if (type_is_float(a) ||
        type_is_float(b)) { /* one of them a FLOAT that the other does not fit */
        *out = type_of(TYPE_F64);
        return true;
    }
    if (a.id == TYPE_DECIMAL || b.id == TYPE_DECIMAL) {
        x = a.id == TYPE_I128 ? type_decimal(DECIMAL_PRECISION_MAX, 0) : a;
        y = b.id == TYPE_I128 ? type_decimal(DECIMAL_PRECISION_MAX, 0) : b;
        (void)type_as_decimal(x, &x);
        (void)type_as_decimal(y, &y);
        *out = unify_decimals(x, y);
        return true;
    }
    for (type_id id = TYPE_I16; id <= TYPE_I128; id++) { /* one signed, one unsigned */
        *out = type_of(id);
        if (integer_fits(a, *out) && integer_fits(b, *out)) {
            return true;
        }
    }
    return false;
}

bool
type_unify(data_type a, data_type b, data_type *out) {
    if (type_casts_implicitly(a, b)) {
        *out = b;
        return true;
    }
    if (type_casts_implicitly(b, a)) {
        *out = a;
        return true;
    }
    if (type_is_nested(a) && type_is_nested(b)) {
        return nested_unify(a, b, out);
    }
    return type_is_numeric(a) && type_is_numeric(b) && unify_numbers(a, b, out);
}
