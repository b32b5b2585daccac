/* SPDX-License-Identifier: Apache-2.0 */
/* value_cast.c - CAST of one value. kernel/cast.c does the same on columns and calls this for its
 * error messages. */
#include "type/calendar.h"
#include "type/number.h"
#include "type/value_text.h"

#define MS_PER_DAY INT64_C(86400000)

static status
cast_failed(const value *in, data_type to, const char *why, error *err) {
    if (err == NULL) {
        return ERR_QUERY_FAILED;
    }
    char written[VALUE_TEXT_MAX];
    text shown = {written, 0};
    if (in->type.id == TYPE_TEXT) {
        shown = value_text_clip(in->s);
    } else {
        shown.size = value_write(in, written);
    }
    return error_set(err, ERR_QUERY_FAILED, "cannot convert %s %.*s to %s: %s", type_name(in->type),
                     TEXT_ARG(shown), type_name(to), why);
}

static status
out_of_range(const value *in, data_type to, error *err) {
    int64_t min;
    int64_t max;
    char    why[96] = "it is out of range";
    if (err != NULL && type_is_integer(to) && type_integer_range(to, &min, &max)) {
        char *at = why;
        at += strlen("it is outside ");
        memcpy(why, "it is outside ", (size_t)(at - why));
        at += number_write_i64(at, min);
        memcpy(at, " .. ", 4);
        at += 4;
        at[number_write_i64(at, max)] = '\0';
    }
    return cast_failed(in, to, why, err);
}

static status
cast_to_text(value *out, const value *in, arena *a, error *err) {
    char         written[VALUE_TEXT_MAX];
    const size_t size = value_write(in, written);
    const text   copy = arena_text(a, (text){written, size});
    if (copy.data == NULL) {
        return error_memory(err);
    }
    out->s = copy;
    return OK;
}

static status
cast_number(value *out, const value *in, data_type to, error *err) {
    const bool from_f64 = in->type.id == TYPE_F64;
    int64_t    i = in->type.id == TYPE_BOOL ? in->b : in->i;
    if (to.id == TYPE_BOOL) {
        out->b = from_f64 ? in->d != 0.0 : i != 0;
        return OK;
    }
    if (to.id == TYPE_F64) {
        out->d = (double)i; /* from DOUBLE is no cast */
        return OK;
    }
    if (from_f64 && in->d != in->d) {
        return cast_failed(in, to, "it is not a number", err);
    }
    int64_t min = 0;
    int64_t max = 0;
    (void)type_integer_range(to, &min, &max);
    if ((from_f64 && !number_round_i64(in->d, &i)) || i < min || i > max) {
        return out_of_range(in, to, err);
    }
    out->i = i;
    return OK;
}

/* DATE, TIMESTAMP and TIMESTAMP_MS among themselves: coarser units floor, finer ones may overflow.
 */
static status
cast_time(value *out, const value *in, data_type to, error *err) {
    const int64_t from_unit = type_time_unit_us(in->type);
    const int64_t to_unit = type_time_unit_us(to);
    const bool    fits = from_unit < to_unit
                             ? (out->i = floor_div_i64(in->i, to_unit / from_unit), true)
                             : !__builtin_mul_overflow(in->i, from_unit / to_unit, &out->i);
    if (!fits || (to.id == TYPE_DATE && (out->i < INT32_MIN || out->i > INT32_MAX))) {
        return out_of_range(in, to, err);
    }
    return OK;
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
    if (to.id == TYPE_TEXT) {
        TRY(cast_to_text(&result, in, a, err));
    } else if (in->type.id == TYPE_TEXT) {
        TRY(value_parse(&result, to, in->s, err));
    } else if (type_is_time(in->type) || in->type.id == TYPE_DATE) {
        TRY(cast_time(&result, in, to, err));
    } else {
        TRY(cast_number(&result, in, to, err));
    }
    *out = result;
    return OK;
}
