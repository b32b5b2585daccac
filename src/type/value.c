/* SPDX-License-Identifier: Apache-2.0 */
/* value.c - one SQL value: from text, to text, and its order. */
#include "type/calendar.h"
#include "type/number.h"
#include "type/time_text.h"
#include "type/value_text.h"

#define MS_PER_DAY INT64_C(86400000)

static_assert(VALUE_TEXT_MAX >= TIME_TEXT_MAX && VALUE_TEXT_MAX >= NUMBER_TEXT_MAX,
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
parse_integer(text s, data_type t, int64_t *out) {
    int64_t             min = 0;
    int64_t             max = 0;
    const number_result r = number_parse_i64(s, out);
    (void)type_integer_range(t, &min, &max);
    return r == NUMBER_OK && (*out < min || *out > max) ? NUMBER_TOO_LARGE : r;
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
parse_timestamp(text s, int64_t unit_us, int64_t *out) {
    int64_t days;
    int64_t us;
    if (!time_parse(s, &days, &us)) {
        return NUMBER_MALFORMED;
    }
    const int128 total = (int128)days * (US_PER_DAY / unit_us) + floor_div_i64(us, unit_us);
    if (total < INT64_MIN || total > INT64_MAX) {
        return NUMBER_TOO_LARGE;
    }
    *out = (int64_t)total;
    return NUMBER_OK;
}

static const char *
expected_form(data_type t) {
    switch ((type_id)t.id) {
    case TYPE_BOOL:
        return "'true' or 'false'";
    case TYPE_F64:
        return "a number such as '1.5' or '1e3'";
    case TYPE_DATE:
        return "a date such as '2024-01-31'";
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_MS:
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
    int64_t     min;
    int64_t     max;
    if (why == NUMBER_TOO_LARGE && type_is_integer(t) && type_integer_range(t, &min, &max)) {
        return error_set(err, ERR_QUERY_FAILED,
                         "cannot convert VARCHAR '%.*s%s' to %s: it is outside %lld .. %lld",
                         TEXT_ARG(shown), dots, type_name(t), (long long)min, (long long)max);
    }
    if (why == NUMBER_TOO_LARGE) {
        return error_set(err, ERR_QUERY_FAILED,
                         "cannot convert VARCHAR '%.*s%s' to %s: it is out of range",
                         TEXT_ARG(shown), dots, type_name(t));
    }
    return error_set(err, ERR_QUERY_FAILED, "cannot convert VARCHAR '%.*s%s' to %s: expected %s",
                     TEXT_ARG(shown), dots, type_name(t), expected_form(t));
}

status
value_parse(value *out, data_type t, text s, error *err) {
    const text    trimmed = trim(s);
    number_result r = NUMBER_MALFORMED;
    *out = (value){.type = t};
    switch ((type_id)t.id) {
    case TYPE_BOOL:
        r = parse_bool(trimmed, &out->b) ? NUMBER_OK : NUMBER_MALFORMED;
        break;
    case TYPE_I8:
    case TYPE_I16:
    case TYPE_I32:
    case TYPE_I64:
        r = parse_integer(trimmed, t, &out->i);
        break;
    case TYPE_F64:
        r = number_parse_f64(trimmed, &out->d);
        break;
    case TYPE_TEXT:
        out->s = s;
        return OK;
    case TYPE_DATE:
        r = parse_date(trimmed, &out->i);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_MS:
        r = parse_timestamp(trimmed, type_time_unit_us(t), &out->i);
        break;
    case TYPE_INTERVAL:
        r = interval_parse(trimmed, &out->iv) ? NUMBER_OK : NUMBER_MALFORMED;
        break;
    case TYPE_NULL:
    case TYPE_COUNT:
        break;
    }
    return r == NUMBER_OK ? OK : parse_failed(t, s, r, err);
}

/* ---- format */

static size_t
write_word(char *out, const char *word) {
    const size_t size = strlen(word);
    memcpy(out, word, size);
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
    case TYPE_I8:
    case TYPE_I16:
    case TYPE_I32:
    case TYPE_I64:
        return number_write_i64(out, v->i);
    case TYPE_F64:
        return number_write_f64(out, v->d);
    case TYPE_DATE:
        return date_write(out, v->i);
    case TYPE_TIMESTAMP_MS: {
        const int64_t days = floor_div_i64(v->i, MS_PER_DAY);
        const int64_t ms = v->i % MS_PER_DAY;
        return timestamp_write(out, days, (ms < 0 ? ms + MS_PER_DAY : ms) * 1000);
    }
    case TYPE_TIMESTAMP: {
        const int64_t us = v->i % US_PER_DAY;
        return timestamp_write(out, floor_div_i64(v->i, US_PER_DAY), us < 0 ? us + US_PER_DAY : us);
    }
    case TYPE_INTERVAL:
        return interval_write(out, &v->iv);
    case TYPE_NULL:
        return write_word(out, "NULL");
    case TYPE_TEXT:
    case TYPE_COUNT:
        break;
    }
    UNREACHABLE();
}

bool
value_format(const value *v, buf *out) {
    if (!v->is_null && v->type.id == TYPE_TEXT) {
        return buf_append_text(out, v->s);
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
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64:
        return (a->i > b->i) - (a->i < b->i);
    case PHYSICAL_F64:
        return compare_f64(a->d, b->d);
    case PHYSICAL_TEXT:
        return text_compare(a->s, b->s);
    case PHYSICAL_INTERVAL: {
        const int128 x = interval_total_us(&a->iv);
        const int128 y = interval_total_us(&b->iv);
        return (x > y) - (x < y);
    }
    case PHYSICAL_COUNT:
        break;
    }
    UNREACHABLE();
}
