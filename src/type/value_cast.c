/* SPDX-License-Identifier: Apache-2.0 */
/* value_cast.c - CAST of one value. kernel/cast.c does the same on columns and calls this for its
 * error messages. */
#include "type/calendar.h"
#include "type/decimal.h"
#include "type/json_value.h"
#include "type/nested.h"
#include "type/uuid.h"
#include "type/value_text.h"

#include <math.h>

static status
cast_failed(const value *in, data_type to, const char *why, error *err) {
    if (err == NULL) {
        return ERR_QUERY_FAILED;
    }
    char written[4 * VALUE_TEXT_MAX];
    text shown = {written, 0};
    if (in->type.id == TYPE_TEXT) {
        shown = value_text_clip(in->s);
    } else if (in->type.id == TYPE_BLOB) {
        const text head = {in->s.data, in->s.size < 20 ? in->s.size : 20};
        shown.size = blob_write(written, head);
    } else {
        shown.size = value_write(in, written);
    }
    const char *quote = in->type.id == TYPE_TEXT ? "'" : "";
    return error_set(err, ERR_QUERY_FAILED, "cannot convert %s %s%.*s%s to %s: %s",
                     type_name(in->type), quote, TEXT_ARG(shown), quote, type_name(to), why);
}

bool
value_range_text(data_type t, char *out) {
    int128 min, max;
    if (!type_wide_range(t, &min, &max)) {
        return false;
    }
    size_t size = decimal_write(out, min, t.scale);
    memcpy(out + size, " .. ", 4);
    size += 4;
    out[size + decimal_write(out + size, max, t.scale)] = '\0';
    return true;
}

static status
out_of_range(const value *in, data_type to, error *err) {
    static const char lead[] = "it is outside ";
    char              why[sizeof(lead) + VALUE_RANGE_MAX];
    memcpy(why, lead, sizeof(lead));
    if (err == NULL || !value_range_text(to, why + sizeof(lead) - 1)) {
        return cast_failed(in, to, "it is out of range", err);
    }
    return cast_failed(in, to, why, err);
}

static status
cast_to_text(value *out, const value *in, arena *a, error *err) {
    char         written[VALUE_TEXT_MAX];
    const bool   is_blob = in->type.id == TYPE_BLOB;
    const size_t size = is_blob ? blob_write(NULL, in->s) : value_write(in, written);
    char        *copy = arena_alloc(a, size + 1);
    if (copy == NULL) {
        return error_memory(err);
    }
    if (is_blob) {
        (void)blob_write(copy, in->s);
    } else {
        memcpy(copy, written, size);
    }
    out->s = (text){copy, size};
    return OK;
}

static status
cast_to_blob(value *out, const value *in, arena *a, error *err) {
    char *bytes = arena_alloc(a, in->type.id == TYPE_UUID ? 16 : in->s.size + 1);
    if (bytes == NULL) {
        return error_memory(err);
    }
    if (in->type.id == TYPE_UUID) {
        uuid_to_bytes(in->h, (uint8_t *)bytes);
        out->s = (text){bytes, 16};
        return OK;
    }
    const int64_t size = blob_parse(bytes, in->s);
    out->s = (text){bytes, (size_t)size};
    return size >= 0 ? OK
                     : cast_failed(in, out->type,
                                   "expected ASCII, and all other bytes as \\xAB with two "
                                   "hexadecimal digits",
                                   err);
}

/* ---- numbers */

static status
cast_from_float(value *out, const value *in, data_type to, error *err) {
    int128 x = 0;
    int128 min = 0, max = 0;
    if (to.id == TYPE_F64) {
        out->d = in->d;
        return OK;
    }
    if (to.id == TYPE_F32) {
        out->d = (double)(float)in->d;
        return isfinite(in->d) && !isfinite(out->d) ? out_of_range(in, to, err) : OK;
    }
    if (in->d != in->d) {
        return cast_failed(in, to, "it is not a number", err);
    }
    (void)type_wide_range(to, &min, &max);
    const bool fits = to.id == TYPE_DECIMAL ? decimal_from_double(in->d, to.precision, to.scale, &x)
                                            : wide_from_double(in->d, &x) && x >= min && x <= max;
    if (!fits) {
        return out_of_range(in, to, err);
    }
    value_set_wide(out, x);
    return OK;
}

static status
cast_number(value *out, const value *in, data_type to, error *err) {
    const bool    from_float = type_is_float(in->type);
    const int128  x = from_float ? 0 : in->type.id == TYPE_BOOL ? in->b : value_wide(in);
    const int32_t scale = in->type.scale;
    int128        y = 0;
    int128        min = 0, max = 0;
    if (to.id == TYPE_BOOL) {
        out->b = from_float ? in->d != 0.0 : x != 0;
        return OK;
    }
    if (from_float) {
        return cast_from_float(out, in, to, err);
    }
    if (type_is_float(to)) {
        out->d = in->type.id == TYPE_DECIMAL ? decimal_to_double(x, scale) : (double)x;
        out->d = to.id == TYPE_F64             ? out->d
                 : in->type.id == TYPE_DECIMAL ? (double)(float)out->d
                                               : (double)(float)x;
        return OK;
    }
    (void)type_wide_range(to, &min, &max);
    const int32_t precision = to.id == TYPE_DECIMAL ? to.precision : DECIMAL_PRECISION_MAX;
    const bool    fits = in->type.id != TYPE_DECIMAL && to.id != TYPE_DECIMAL
                             ? (y = x, true)
                             : decimal_rescale(x, scale, to.scale, precision, &y);
    if (!fits || y < min || y > max) {
        return out_of_range(in, to, err);
    }
    value_set_wide(out, y);
    return OK;
}

/* ---- times */

/* DATE and timestamps among themselves and to TIME: coarser units floor, finer ones may overflow.
 */
static status
cast_time(value *out, const value *in, data_type to, error *err) {
    const int64_t from_unit = type_time_unit_ns(in->type);
    const int64_t to_unit = type_time_unit_ns(to);
    if (to.id == TYPE_TIME) {
        const int64_t us = type_time_to_us(in->type, in->i);
        out->i = floor_mod_i64(us, US_PER_DAY);
        return OK;
    }
    const bool fits = from_unit < to_unit
                          ? (out->i = floor_div_i64(in->i, to_unit / from_unit), true)
                          : !__builtin_mul_overflow(in->i, from_unit / to_unit, &out->i);
    if (!fits || (to.id == TYPE_DATE && (out->i < INT32_MIN || out->i > INT32_MAX))) {
        return out_of_range(in, to, err);
    }
    return OK;
}

/* Of an INTERVAL the part of a day; its days and months are none of a clock. */
static status
cast_span(value *out, const value *in) {
    if (out->type.id == TYPE_INTERVAL) {
        out->iv = (interval){.us = in->i};
    } else {
        out->i = floor_mod_i64(in->iv.us, US_PER_DAY);
    }
    return OK;
}

static status
cast_bytes_to_uuid(value *out, const value *in, error *err) {
    if (in->s.size != 16) {
        return cast_failed(in, out->type, "a UUID has 16 bytes", err);
    }
    out->h = uuid_from_bytes((const uint8_t *)in->s.data);
    return OK;
}

static status
nested_to_text(value *out, const value *in, arena *a, error *err) {
    buf b;
    buf_init(&b, a->mem, NESTED_SIZE_MAX);
    text copy = {NULL, 0};
    if (nested_format(in->type, in->s, &b)) {
        copy = arena_text(a, buf_text(&b));
    }
    buf_fini(&b);
    out->s = copy;
    return copy.data != NULL ? OK : error_memory(err);
}

static status
cast_nested(value *out, const value *in, data_type to, arena *a, error *err) {
    if (!type_is_nested(to)) {
        return nested_to_text(out, in, a, err);
    }
    const nested_conversion c = {.convert = value_cast, .arena = a, .err = err};
    return nested_convert(&c, out, in, to);
}

static status
convert(value *out, const value *in, data_type to, arena *a, error *err) {
    if (type_is_json(to)) {
        return json_from_value(out, in, a, err);
    }
    if (type_is_json(in->type) && to.id == TYPE_TEXT) {
        out->s = in->s;
        return OK;
    }
    if (type_is_json(in->type)) {
        return json_to_value(out, in->s, to, a, err);
    }
    if (type_is_nested(in->type)) {
        return cast_nested(out, in, to, a, err);
    }
    if (type_is_nested(to)) {
        return nested_parse(out, to, in->s, false, a, err);
    }
    if (to.id == TYPE_TEXT) {
        return cast_to_text(out, in, a, err);
    }
    if (to.id == TYPE_BLOB) {
        return cast_to_blob(out, in, a, err);
    }
    if (in->type.id == TYPE_TEXT) {
        return value_parse(out, to, in->s, err);
    }
    if (in->type.id == TYPE_BLOB) {
        return cast_bytes_to_uuid(out, in, err);
    }
    if (to.id == TYPE_INTERVAL || in->type.id == TYPE_INTERVAL) {
        return cast_span(out, in);
    }
    return type_is_time(in->type) || in->type.id == TYPE_DATE ? cast_time(out, in, to, err)
                                                              : cast_number(out, in, to, err);
}

double
value_to_double(const value *v) {
    return type_is_float(v->type)       ? v->d
           : v->type.id == TYPE_DECIMAL ? decimal_to_double(value_wide(v), v->type.scale)
                                        : (double)value_wide(v);
}

status
value_cast(value *out, const value *in, data_type to, arena *a, error *err) {
    if (in->is_null || in->type.id == TYPE_NULL) {
        *out = (value){.type = to, .is_null = true};
        return OK;
    }
    if (type_equal(in->type, to)) {
        *out = *in;
        return OK;
    }
    if (!type_casts(in->type, to)) {
        return error_set(err, ERR_QUERY_FAILED, "cannot convert %s to %s", type_name(in->type),
                         type_name(to));
    }
    value result = {.type = to};
    TRY(convert(&result, in, to, a, err));
    *out = result;
    return OK;
}
