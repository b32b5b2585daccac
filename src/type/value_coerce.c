/* SPDX-License-Identifier: Apache-2.0 */
/* value_coerce.c - what a value that is stored may become: nothing is lost, nothing is guessed. */
#include "type/decimal.h"
#include "type/nested.h"

#include <math.h>

static status
refuse(const value *in, data_type to, const char *why, error *err) {
    return error_set(err, ERR_QUERY_FAILED, "%s is no %s%s%s", type_name(in->type), type_name(to),
                     why[0] != '\0' ? ": " : "", why);
}

static status
text_to(value *out, const value *in, data_type to, bool event_time, arena *a, error *err) {
    value when;
    if (to.id == TYPE_BLOB) {
        return value_cast(out, in, to, a, err);
    }
    if (type_is_nested(to)) {
        return nested_parse(out, to, in->s, true, a, err);
    }
    const status s = value_parse_exact(out, to, in->s, err);
    if (s == OK || to.id != TYPE_I64 || !event_time ||
        value_parse(&when, type_timestamp_of((time_unit)to.precision), in->s, NULL) < 0) {
        return s;
    }
    *out = (value){.type = to, .i = when.i};
    return OK;
}

/* 1.0 and 1.00 are whole. */
static bool
is_whole(const value *v) {
    if (type_is_float(v->type)) {
        return v->d == floor(v->d);
    }
    return v->type.id != TYPE_DECIMAL || value_wide(v) % decimal_powers[v->type.scale] == 0;
}

/* To a DECIMAL: a float is what is written for it, 0.1 and not the double next to it. */
static status
to_decimal(value *out, const value *in, data_type to, arena *a, error *err) {
    char       written[VALUE_TEXT_MAX];
    const bool is_fraction = type_is_float(in->type) || in->type.id == TYPE_DECIMAL;
    if (!is_fraction) {
        return value_cast(out, in, to, a, err);
    }
    const text t = {written, value_write(in, written)};
    return value_parse_exact(out, to, t, err);
}

static status
number_to(value *out, const value *in, data_type to, arena *a, error *err) {
    if (to.id == TYPE_DECIMAL) {
        return to_decimal(out, in, to, a, err);
    }
    if (type_is_integer(to) && in->type.id != TYPE_BOOL && !is_whole(in)) {
        return refuse(in, to, "it is not a whole number", err);
    }
    if (to.id == TYPE_BOOL &&
        (!type_is_integer(in->type) || value_wide(in) < 0 || value_wide(in) > 1)) {
        return refuse(in, to, "0 and 1 alone are", err);
    }
    return value_cast(out, in, to, a, err);
}

static status
coerce_part(value *out, const value *in, data_type to, arena *a, error *err) {
    return value_coerce(out, in, to, false, a, err);
}

static bool
relates(data_type from, data_type to) {
    return !type_is_nested(from) || !type_is_nested(to) || nested_relates(from, to, relates);
}

static status
nested_to(value *out, const value *in, data_type to, arena *a, error *err) {
    const nested_conversion c = {.convert = coerce_part, .strict = true, .arena = a, .err = err};
    return type_is_nested(to) && nested_relates(in->type, to, relates)
               ? nested_convert(&c, out, in, to)
               : refuse(in, to, "", err);
}

static bool
is_number(data_type t) {
    return type_is_numeric(t) || t.id == TYPE_BOOL;
}

static bool
is_moment(data_type t) {
    return type_is_time(t) || t.id == TYPE_DATE;
}

status
value_coerce(value *out, const value *in, data_type to, bool event_time, arena *a, error *err) {
    const data_type from = in->type;
    if (in->is_null || from.id == TYPE_NULL) {
        *out = (value){.type = to, .is_null = true};
        return OK;
    }
    if (type_equal(from, to) || to.id == TYPE_TEXT) {
        return value_cast(out, in, to, a, err);
    }
    if (from.id == TYPE_TEXT) {
        return text_to(out, in, to, event_time, a, err);
    }
    if (type_is_nested(from)) {
        return nested_to(out, in, to, a, err);
    }
    if (is_moment(from) && to.id == TYPE_I64 && event_time) {
        value when;
        TRY(value_cast(&when, in, type_timestamp_of((time_unit)to.precision), a, err));
        *out = (value){.type = to, .i = when.i};
        return OK;
    }
    if (is_number(from) && is_number(to)) {
        return number_to(out, in, to, a, err);
    }
    const bool bytes = (from.id == TYPE_BLOB && to.id == TYPE_UUID) ||
                       (from.id == TYPE_UUID && to.id == TYPE_BLOB);
    return (is_moment(from) && is_moment(to)) || bytes ? value_cast(out, in, to, a, err)
                                                       : refuse(in, to, "", err);
}
