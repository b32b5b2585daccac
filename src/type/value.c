/* SPDX-License-Identifier: Apache-2.0 */
/* value.c - one SQL value: from text, to text, and its order. */
#include "type/calendar.h"
#include "type/decimal.h"
#include "type/nested.h"
#include "type/time_text.h"
#include "type/uuid.h"
#include "type/value_text.h"

#include <math.h>

static_assert(VALUE_TEXT_MAX >= TIME_TEXT_MAX && VALUE_TEXT_MAX >= NUMBER_TEXT_MAX &&
                  VALUE_TEXT_MAX >= DECIMAL_TEXT_MAX && VALUE_TEXT_MAX >= UUID_TEXT_SIZE,
              "any value must fit");

/* ---- parse */

static text
trim(text s) {
    while (s.size > 0 && (s.data[0] == ' ' || (s.data[0] >= '\t' && s.data[0] <= '\r'))) {
        s.data++;
        s.size--;
    }
    while (s.size > 0 && (s.data[s.size - 1] == ' ' ||
                          (s.data[s.size - 1] >= '\t' && s.data[s.size - 1] <= '\r'))) {
        s.size--;
    }
    return s;
}

static bool
parse_bool(text s, bool *out) {
    static const text yes[] = {TEXT("true"), TEXT("t"), TEXT("1"),
                               TEXT("yes"),  TEXT("y"), TEXT("on")};
    static const text no[] = {TEXT("false"), TEXT("f"), TEXT("0"),
                              TEXT("no"),    TEXT("n"), TEXT("off")};
    for (int32_t i = 0; i < ARRAY_COUNT(yes); i++) {
        if (text_equal_nocase(s, yes[i]) || text_equal_nocase(s, no[i])) {
            *out = text_equal_nocase(s, yes[i]);
            return true;
        }
    }
    return false;
}

static number_result
parse_integer(text s, data_type t, value *out) {
    int128              min = 0, max = 0, x = 0;
    int64_t             small = 0;
    const bool          wide = t.id == TYPE_I128 || t.id == TYPE_U64;
    const number_result r = wide ? wide_parse(s, &x) : number_parse_i64(s, &small);
    x = wide ? x : small;
    (void)type_wide_range(t, &min, &max);
    if (r != NUMBER_OK || x < min || x > max) {
        return r != NUMBER_OK ? r : NUMBER_TOO_LARGE;
    }
    value_set_wide(out, x);
    return NUMBER_OK;
}

static number_result
parse_float(text s, data_type t, double *out) {
    const number_result r = number_parse_f64(s, out);
    if (r != NUMBER_OK || t.id == TYPE_F64) {
        return r;
    }
    const bool finite = isfinite(*out);
    *out = (double)(float)*out;
    return finite && !isfinite(*out) ? NUMBER_TOO_LARGE : NUMBER_OK;
}

static number_result
parse_decimal(text s, data_type t, bool exactly, value *out) {
    int128              units = 0;
    bool                exact = true;
    const number_result r = decimal_parse(s, t.precision, t.scale, &units, &exact);
    value_set_wide(out, units);
    return r == NUMBER_OK && exactly && !exact ? NUMBER_INEXACT : r;
}

static number_result
parse_date(text s, int64_t *out) {
    int64_t us;
    if (!time_parse(s, out, &us) || us != 0) {
        return NUMBER_MALFORMED; /* a time of day would be lost */
    }
    return *out < INT32_MIN || *out > INT32_MAX ? NUMBER_TOO_LARGE : NUMBER_OK;
}

static number_result
parse_timestamp(text s, int64_t unit_ns, int64_t *out) {
    int64_t days;
    int64_t ns;
    if (!time_parse_ns(s, &days, &ns)) {
        return NUMBER_MALFORMED;
    }
    const int128 total = (int128)days * (US_PER_DAY * 1000 / unit_ns) + floor_div_i64(ns, unit_ns);
    if (total < INT64_MIN || total > INT64_MAX) {
        return NUMBER_TOO_LARGE;
    }
    *out = (int64_t)total;
    return NUMBER_OK;
}

bool
value_text_has_offset(text s) {
    int64_t days, us;
    bool    zoned;
    return time_parse_zoned(trim(s), &days, &us, &zoned) && zoned;
}

static const char *
expected_form(data_type t) {
    switch ((type_id)t.id) {
    case TYPE_BOOL:
        return "'true' or 'false'";
    case TYPE_F32:
    case TYPE_F64:
    case TYPE_DECIMAL:
        return "a number such as '1.5' or '1e3'";
    case TYPE_UUID:
        return "a UUID such as '01234567-89ab-cdef-0123-456789abcdef'";
    case TYPE_DATE:
        return "a date such as '2024-01-31'";
    case TYPE_TIME:
        return "a time of day such as '09:30:00'";
    case TYPE_TIMESTAMP_S:
    case TYPE_TIMESTAMP_MS:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NS:
    case TYPE_TIMESTAMPTZ:
        return "a time such as '2024-01-31 09:30:00'";
    case TYPE_INTERVAL:
        return "an interval such as '5 minutes'";
    default:
        return "a whole number";
    }
}

/* At most 60 bytes are quoted, cut between characters. */
text
value_text_clip(text s) {
    if (s.size > 60) {
        s.size = 60;
        while (s.size > 0 && ((uint8_t)s.data[s.size] & 0xC0) == 0x80) {
            s.size--;
        }
    }
    return s;
}

static status
parse_failed(data_type t, text s, number_result why, error *err) {
    if (err == NULL) {
        return ERR_QUERY_FAILED; /* TRY_CAST asks often and reads no message */
    }
    const text  shown = value_text_clip(s);
    const char *dots = shown.size < s.size ? "..." : "";
    char        range[VALUE_RANGE_MAX];
    if (why == NUMBER_INEXACT) {
        return error_set(
            err, ERR_QUERY_FAILED,
            "cannot convert VARCHAR '%.*s%s' to %s: it has more digits behind the point",
            TEXT_ARG(shown), dots, type_name(t));
    }
    if (why == NUMBER_TOO_LARGE && value_range_text(t, range)) {
        return error_set(err, ERR_QUERY_FAILED,
                         "cannot convert VARCHAR '%.*s%s' to %s: it is outside %s", TEXT_ARG(shown),
                         dots, type_name(t), range);
    }
    if (why == NUMBER_TOO_LARGE) {
        return error_set(err, ERR_QUERY_FAILED,
                         "cannot convert VARCHAR '%.*s%s' to %s: it is out of range",
                         TEXT_ARG(shown), dots, type_name(t));
    }
    return error_set(err, ERR_QUERY_FAILED, "cannot convert VARCHAR '%.*s%s' to %s: expected %s",
                     TEXT_ARG(shown), dots, type_name(t), expected_form(t));
}

/* A date, or the day of a timestamp; exactly: at its midnight. */
static number_result
parse_day(text s, bool exactly, int64_t *days) {
    const number_result r = parse_date(s, days);
    int64_t             us;
    if (r != NUMBER_MALFORMED || parse_timestamp(s, 1000, &us) != NUMBER_OK) {
        return r;
    }
    *days = floor_div_i64(us, US_PER_DAY);
    return exactly && us != *days * US_PER_DAY ? NUMBER_MALFORMED : NUMBER_OK;
}

static number_result
parse_trimmed(value *out, data_type t, text s, bool exactly) {
    switch ((type_id)t.id) {
    case TYPE_BOOL:
        return parse_bool(s, &out->b) ? NUMBER_OK : NUMBER_MALFORMED;
    case TYPE_F32:
    case TYPE_F64:
        return parse_float(s, t, &out->d);
    case TYPE_DECIMAL:
        return parse_decimal(s, t, exactly, out);
    case TYPE_UUID:
        return uuid_parse(s, &out->h) ? NUMBER_OK : NUMBER_MALFORMED;
    case TYPE_DATE:
        return parse_day(s, exactly, &out->i);
    case TYPE_TIME:
        return clock_parse(s, &out->i) ? NUMBER_OK : NUMBER_MALFORMED;
    case TYPE_TIMESTAMP_S:
    case TYPE_TIMESTAMP_MS:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NS:
    case TYPE_TIMESTAMPTZ:
        return parse_timestamp(s, type_time_unit_ns(t), &out->i);
    case TYPE_INTERVAL:
        return interval_parse(s, &out->iv) ? NUMBER_OK : NUMBER_MALFORMED;
    default:
        return type_is_integer(t) ? parse_integer(s, t, out) : NUMBER_MALFORMED;
    }
}

static status
parse(value *out, data_type t, text s, bool exactly, error *err) {
    *out = (value){.type = t};
    if (t.id == TYPE_TEXT) {
        out->s = s;
        return OK;
    }
    const number_result r = parse_trimmed(out, t, trim(s), exactly);
    return r == NUMBER_OK ? OK : parse_failed(t, s, r, err);
}

status
value_parse(value *out, data_type t, text s, error *err) {
    return parse(out, t, s, false, err);
}

status
value_parse_exact(value *out, data_type t, text s, error *err) {
    return parse(out, t, s, true, err);
}

/* ---- format */

static size_t
write_word(char *out, const char *word) {
    const size_t size = strlen(word);
    memcpy(out, word, size);
    return size;
}

static size_t
write_timestamp(char *out, data_type t, int64_t units) {
    const int64_t per_day = US_PER_DAY * 1000 / type_time_unit_ns(t);
    const int64_t days = floor_div_i64(units, per_day);
    const int64_t rest = units % per_day;
    const int64_t of_day = rest < 0 ? rest + per_day : rest;
    size_t        size = t.id == TYPE_TIMESTAMP_NS
                             ? timestamp_write_ns(out, days, of_day)
                             : timestamp_write(out, days, of_day * type_time_unit_us(t));
    if (t.id == TYPE_TIMESTAMPTZ) {
        size += write_word(out + size, "+00");
    }
    return size;
}

size_t
value_write(const value *v, char *out) {
    if (v->is_null) {
        return write_word(out, "NULL");
    }
    switch ((type_id)v->type.id) {
    case TYPE_BOOL:
        return write_word(out, v->b ? "true" : "false");
    case TYPE_F32:
        return number_write_f32(out, (float)v->d);
    case TYPE_F64:
        return number_write_f64(out, v->d);
    case TYPE_U64:
    case TYPE_I128:
        return wide_write(out, value_wide(v));
    case TYPE_DECIMAL:
        return decimal_write(out, value_wide(v), v->type.scale);
    case TYPE_UUID:
        uuid_write(out, v->h);
        return UUID_TEXT_SIZE;
    case TYPE_DATE:
        return date_write(out, v->i);
    case TYPE_TIME:
        return clock_write(out, v->i);
    case TYPE_TIMESTAMP_S:
    case TYPE_TIMESTAMP_MS:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NS:
    case TYPE_TIMESTAMPTZ:
        return write_timestamp(out, v->type, v->i);
    case TYPE_INTERVAL:
        return interval_write(out, &v->iv);
    case TYPE_NULL:
        return write_word(out, "NULL");
    default:
        assert(type_is_integer(v->type));
        return number_write_i64(out, v->i);
    }
}

bool
value_format(const value *v, buf *out) {
    if (!v->is_null && v->type.id == TYPE_TEXT) {
        return buf_append_text(out, v->s);
    }
    if (!v->is_null && v->type.id == TYPE_BLOB) {
        for (size_t i = 0; i < v->s.size; i++) {
            char escaped[4];
            buf_append(out, escaped, blob_write(escaped, (text){v->s.data + i, 1}));
        }
        return !out->failed;
    }
    if (!v->is_null && type_is_nested(v->type)) {
        return nested_format(v->type, v->s, out);
    }
    char text_of_value[VALUE_TEXT_MAX];
    return buf_append(out, text_of_value, value_write(v, text_of_value));
}

/* ---- compare */

static int
compare_f64(double a, double b) {
    if (a != a || b != b) {
        return (a != a) - (b != b);
    }
    return (a > b) - (a < b);
}

int
value_compare(const value *a, const value *b) {
    const bool a_null = a->is_null || a->type.id == TYPE_NULL;
    const bool b_null = b->is_null || b->type.id == TYPE_NULL;
    if (a_null || b_null) {
        return a_null - b_null;
    }
    assert(type_physical(a->type) == type_physical(b->type) ||
           (type_is_integer(a->type) && type_is_integer(b->type)));
    switch (type_physical(a->type)) {
    case PHYSICAL_BOOL:
        return a->b - b->b;
    case PHYSICAL_F32:
    case PHYSICAL_F64:
        return compare_f64(a->d, b->d);
    case PHYSICAL_TEXT:
        return text_compare(a->s, b->s);
    case PHYSICAL_NESTED:
        return nested_compare(a->type, a->s, b->s);
    case PHYSICAL_INTERVAL: {
        const int128 x = interval_total_us(&a->iv);
        const int128 y = interval_total_us(&b->iv);
        return (x > y) - (x < y);
    }
    default: {
        const int128 x = value_wide(a);
        const int128 y = value_wide(b);
        return (x > y) - (x < y);
    }
    }
}
