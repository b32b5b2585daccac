/* SPDX-License-Identifier: Apache-2.0 */
/* fn_time_part.c - parts of moments: date_part and its short names, date_trunc, date_diff,
 * time_bucket. The name of a constant part is looked up when the program is compiled. Most rows of
 * a stream fall on the day of the row before: parts of the day are remembered. */
#include <inttypes.h>

#include "expr/call.h"
#include "type/calendar.h"

#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR (60 * US_PER_MINUTE)

static status
part_of_name(text name, date_part *out, error *err) {
    if (date_part_from_name(name, out)) {
        return OK;
    }
    static const char *const known[] = {"millennium", "century", "decade", "year",   "quarter",
                                        "month",      "week",    "day",    "hour",   "minute",
                                        "second",     "era",     "epoch",  "isoyear"};
    text                     names[ARRAY_COUNT(known)];
    for (int32_t i = 0; i < ARRAY_COUNT(known); i++) {
        names[i] = text_of(known[i]);
    }
    const int32_t near = text_nearest(name, names, ARRAY_COUNT(known));
    (void)error_set(err, ERR_QUERY_FAILED, "unknown part of a date: '%.*s'", TEXT_ARG(name));
    if (near >= 0) {
        return error_hint(err, "did you mean \"%s\"?", known[near]);
    }
    (void)error_hint(err, "parts are millennium, century, decade, year, isoyear, quarter, month, "
                          "week, yearweek, day, dow, isodow, doy, era, hour, minute, second, "
                          "millisecond, microsecond, nanosecond and epoch");
    return ERR_QUERY_FAILED;
}

/* Of a day, not of the time in it. */
static bool
is_of_day(date_part part) {
    switch (part) {
    case PART_HOUR:
    case PART_MINUTE:
    case PART_SECOND:
    case PART_MILLISECOND:
    case PART_MICROSECOND:
    case PART_NANOSECOND:
    case PART_EPOCH:
        return false;
    default:
        return true;
    }
}

static status
check_part(date_part part, data_type of, error *err) {
    if (of.id != TYPE_TIME || !is_of_day(part)) {
        return OK;
    }
    (void)error_set(err, ERR_QUERY_FAILED, "a TIME has no year, month, week or day");
    return error_hint(err,
                      "its parts are hour, minute, second, millisecond, microsecond and epoch");
}

status
fn_prepare_part(void **state, arena *a, const value *const *constants, const data_type *types,
                int32_t arg_count UNUSED, error *err) {
    if (constants[0] == NULL || constants[0]->is_null) {
        return OK;
    }
    date_part *part = arena_alloc(a, sizeof(*part));
    if (part == NULL) {
        return error_memory(err);
    }
    TRY(part_of_name(constants[0]->s, part, err));
    TRY(check_part(*part, types[1], err));
    *state = part;
    return OK;
}

static status
part_of_row(fn_call *c, int32_t row, date_part *out) {
    if (c->state != NULL) {
        *out = *(const date_part *)c->state;
        return OK;
    }
    TRY(part_of_name(operand_text(&c->args[0], row), out, c->err));
    return check_part(*out, c->args[1].type, c->err);
}

/* ---- date_part(part, moment), year(moment) ... */
static int64_t
time_of_day(int64_t us) {
    return floor_mod_i64(us, US_PER_DAY);
}

static void
extract_one_part(fn_call *c, const int64_t *us, int32_t step, date_part part) {
    int64_t *z = c->values;
    int64_t  day = INT64_MIN; /* floor_div by a day never gives this */
    int64_t  of_day = 0;
    switch (part) {
    case PART_HOUR:
        for (int32_t i = 0; i < c->row_count; i++) {
            z[i] = time_of_day(us[i * step]) / US_PER_HOUR;
        }
        return;
    case PART_MINUTE:
        for (int32_t i = 0; i < c->row_count; i++) {
            z[i] = time_of_day(us[i * step]) / US_PER_MINUTE % 60;
        }
        return;
    default:
        break;
    }
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t t = us[i * step];
        if (!is_of_day(part)) {
            z[i] = date_part_of(t, part);
            continue;
        }
        const int64_t d = floor_div_i64(t, US_PER_DAY);
        if (d != day) {
            day = d;
            of_day = date_part_of(t, part);
        }
        z[i] = of_day;
    }
}

static status
extract_part(fn_call *c, date_part part) {
    const int64_t *us;
    int32_t        step;
    TRY(fn_microseconds(c, 0, &us, &step));
    extract_one_part(c, us, step, part);
    return OK;
}

status
fn_date_part(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    int64_t       *z = c->values;
    TRY(fn_microseconds(c, 1, &us, &step));
    if (c->state != NULL) {
        extract_one_part(c, us, step, *(const date_part *)c->state);
        return OK;
    }
    for (int32_t i = 0; i < c->row_count; i++) {
        date_part part;
        if (fn_is_valid(c, i)) {
            TRY(part_of_row(c, i, &part));
            z[i] = date_part_of(us[i * step], part);
        }
    }
    return OK;
}

/* What fn_date_part gives of an INTERVAL: each field on its own, nothing carried over. */
static int64_t
interval_part(const interval *v, date_part part) {
    const int64_t us_of_minute = v->us % US_PER_MINUTE;
    switch (part) {
    case PART_MILLENNIUM:
        return v->months / 12000;
    case PART_CENTURY:
        return v->months / 1200;
    case PART_DECADE:
        return v->months / 120;
    case PART_YEAR:
        return v->months / 12;
    case PART_QUARTER:
        return v->months % 12 / 3 + 1;
    case PART_MONTH:
        return v->months % 12;
    case PART_DAY:
        return v->days;
    case PART_HOUR:
        return v->us / US_PER_HOUR;
    case PART_MINUTE:
        return v->us % US_PER_HOUR / US_PER_MINUTE;
    case PART_SECOND:
        return us_of_minute / US_PER_SECOND;
    case PART_MILLISECOND:
        return us_of_minute / 1000;
    case PART_MICROSECOND:
        return us_of_minute;
    case PART_NANOSECOND:
        return us_of_minute * 1000;
    default:
        return INT64_MIN;
    }
}

status
fn_interval_part(fn_call *c) {
    const interval *x = c->args[1].values;
    int64_t        *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        date_part part;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        TRY(part_of_row(c, i, &part));
        z[i] = interval_part(&x[(int64_t)i * c->args[1].step], part);
        if (z[i] == INT64_MIN) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "an INTERVAL has no such part: it has millennium, century, decade, "
                             "year, quarter, month, day, hour, minute, second and their fractions");
        }
    }
    return OK;
}

/* Months of millenniums to quarters, then the parts below: each field is cut on its own, towards
 * zero. */
static bool
trunc_interval(interval *v, date_part part) {
    const int32_t months = part == PART_MILLENNIUM                     ? 12000
                           : part == PART_CENTURY                      ? 1200
                           : part == PART_DECADE                       ? 120
                           : part == PART_YEAR || part == PART_ISOYEAR ? 12
                           : part == PART_QUARTER                      ? 3
                                                                       : 1;
    const int64_t us = part == PART_HOUR          ? US_PER_HOUR
                       : part == PART_MINUTE      ? US_PER_MINUTE
                       : part == PART_SECOND      ? US_PER_SECOND
                       : part == PART_MILLISECOND ? 1000
                       : part == PART_MICROSECOND ? 1
                                                  : 0;
    const bool    of_days = part == PART_WEEK || part == PART_DAY;
    v->months -= v->months % months;
    v->days = us > 0 || part == PART_DAY ? v->days : part == PART_WEEK ? v->days - v->days % 7 : 0;
    v->us = us > 0 ? v->us - v->us % us : 0;
    return us > 0 || of_days || months > 1 || part == PART_MONTH;
}

status
fn_interval_trunc(fn_call *c) {
    const interval *x = c->args[1].values;
    interval       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        date_part part;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        TRY(part_of_row(c, i, &part));
        z[i] = x[(int64_t)i * c->args[1].step];
        if (!trunc_interval(&z[i], part)) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "date_trunc cuts an INTERVAL to millennium, century, decade, year, "
                             "quarter, month, week, day, hour, minute, second, millisecond or "
                             "microsecond");
        }
    }
    return OK;
}

status
fn_decade(fn_call *c) {
    return extract_part(c, PART_DECADE);
}

status
fn_century(fn_call *c) {
    return extract_part(c, PART_CENTURY);
}

status
fn_millennium(fn_call *c) {
    return extract_part(c, PART_MILLENNIUM);
}

status
fn_isoyear(fn_call *c) {
    return extract_part(c, PART_ISOYEAR);
}

status
fn_yearweek(fn_call *c) {
    return extract_part(c, PART_YEARWEEK);
}

status
fn_era(fn_call *c) {
    return extract_part(c, PART_ERA);
}

status
fn_isodow(fn_call *c) {
    return extract_part(c, PART_ISODOW);
}

status
fn_millisecond(fn_call *c) {
    return extract_part(c, PART_MILLISECOND);
}

status
fn_microsecond(fn_call *c) {
    return extract_part(c, PART_MICROSECOND);
}

status
fn_nanosecond(fn_call *c) {
    return extract_part(c, PART_NANOSECOND);
}

status
fn_year(fn_call *c) {
    return extract_part(c, PART_YEAR);
}

status
fn_quarter(fn_call *c) {
    return extract_part(c, PART_QUARTER);
}

status
fn_month(fn_call *c) {
    return extract_part(c, PART_MONTH);
}

status
fn_week(fn_call *c) {
    return extract_part(c, PART_WEEK);
}

status
fn_day(fn_call *c) {
    return extract_part(c, PART_DAY);
}

status
fn_hour(fn_call *c) {
    return extract_part(c, PART_HOUR);
}

status
fn_minute(fn_call *c) {
    return extract_part(c, PART_MINUTE);
}

status
fn_second(fn_call *c) {
    return extract_part(c, PART_SECOND);
}

status
fn_dow(fn_call *c) {
    return extract_part(c, PART_DOW);
}

status
fn_doy(fn_call *c) {
    return extract_part(c, PART_DOY);
}

status
fn_epoch(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    double        *z = c->values;
    TRY(fn_microseconds(c, 0, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = (double)us[i * step] / (double)US_PER_SECOND;
    }
    return OK;
}

/* A year has 365.25 days, a month beside years 30. */
status
fn_interval_epoch(fn_call *c) {
    const interval *x = c->args[0].values;
    double         *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const interval v = x[i * c->args[0].step];
        const double   days = v.months / 12 * 365.25 + v.months % 12 * 30.0 + v.days;
        z[i] = days * 86400.0 + (double)v.us / (double)US_PER_SECOND;
    }
    return OK;
}

/* ---- results that are moments again, of the argument's type */
static void
put_moment(fn_call *c, int32_t row, int64_t us) {
    const int64_t t = type_time_from_us(c->type, us);
    if (c->type.id == TYPE_DATE) {
        ((int32_t *)c->values)[row] = (int32_t)t;
    } else {
        ((int64_t *)c->values)[row] = t;
    }
}

status
fn_date_trunc(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    TRY(fn_microseconds(c, 1, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        date_part part;
        if (fn_is_valid(c, i)) {
            TRY(part_of_row(c, i, &part));
            if (part == PART_DOW || part == PART_ISODOW || part == PART_DOY || part == PART_EPOCH ||
                part == PART_ERA || part == PART_NANOSECOND) {
                return error_set(c->err, ERR_QUERY_FAILED,
                                 "date_trunc cuts to millennium, century, decade, year, isoyear, "
                                 "quarter, month, week, day, hour, minute, second, millisecond or "
                                 "microsecond");
            }
            put_moment(c, i, timestamp_trunc(us[i * step], part));
        }
    }
    return OK;
}

/* How many starts of a part lie in (a, b]; negative when b is before a. */
static int64_t
boundaries(int64_t a, int64_t b, date_part part) {
    const int64_t year_a = date_part_of(a, PART_YEAR);
    const int64_t year_b = date_part_of(b, PART_YEAR);
    switch (part) {
    case PART_YEAR:
        return year_b - year_a;
    case PART_DECADE:
        return year_b / 10 - year_a / 10;
    case PART_CENTURY:
        return year_b / 100 - year_a / 100;
    case PART_MILLENNIUM:
        return year_b / 1000 - year_a / 1000;
    case PART_ISOYEAR:
    case PART_ERA:
        return date_part_of(b, part) - date_part_of(a, part);
    case PART_QUARTER:
        return 4 * (year_b - year_a) + date_part_of(b, part) - date_part_of(a, part);
    case PART_MONTH:
        return 12 * (year_b - year_a) + date_part_of(b, part) - date_part_of(a, part);
    case PART_YEARWEEK:
    case PART_WEEK: /* 1970-01-05 was a Monday */
        return floor_div_i64(floor_div_i64(b, US_PER_DAY) - 4, 7) -
               floor_div_i64(floor_div_i64(a, US_PER_DAY) - 4, 7);
    case PART_HOUR:
        return floor_div_i64(b, US_PER_HOUR) - floor_div_i64(a, US_PER_HOUR);
    case PART_MINUTE:
        return floor_div_i64(b, US_PER_MINUTE) - floor_div_i64(a, US_PER_MINUTE);
    case PART_SECOND:
    case PART_EPOCH:
        return floor_div_i64(b, US_PER_SECOND) - floor_div_i64(a, US_PER_SECOND);
    case PART_MILLISECOND:
        return floor_div_i64(b, 1000) - floor_div_i64(a, 1000);
    case PART_MICROSECOND:
        return sat_sub_i64(b, a);
    case PART_NANOSECOND:
        return sat_mul_i64(sat_sub_i64(b, a), 1000);
    default: /* a day, whatever it is called */
        return floor_div_i64(b, US_PER_DAY) - floor_div_i64(a, US_PER_DAY);
    }
}

status
fn_date_diff(fn_call *c) {
    const int64_t *a;
    const int64_t *b;
    int32_t        a_step, b_step;
    int64_t       *z = c->values;
    TRY(fn_microseconds(c, 1, &a, &a_step));
    TRY(fn_microseconds(c, 2, &b, &b_step));
    for (int32_t i = 0; i < c->row_count; i++) {
        date_part part;
        if (fn_is_valid(c, i)) {
            TRY(part_of_row(c, i, &part));
            z[i] = boundaries(a[i * a_step], b[i * b_step], part);
        }
    }
    return OK;
}

/* ---- date_sub: how many whole parts lie between two times */
static int64_t
months_of(date_part part) {
    switch (part) {
    case PART_MILLENNIUM:
        return 12000;
    case PART_CENTURY:
        return 1200;
    case PART_DECADE:
        return 120;
    case PART_YEAR:
    case PART_ISOYEAR:
        return 12;
    case PART_QUARTER:
        return 3;
    default:
        return part == PART_MONTH;
    }
}

/* A month is whole when the day and the time of day are reached again; from the last days of a
 * month the last day of a shorter one will do. */
static int64_t
whole_months(int64_t a, int64_t b) {
    civil x, y;
    if (a > b) {
        return -whole_months(b, a);
    }
    civil_from_us(a, &x);
    civil_from_us(b, &y);
    int64_t       months = (y.year - x.year) * 12 + y.month - x.month;
    const int64_t a_time = time_of_day(a), b_time = time_of_day(b);
    const bool    last = y.day == days_in_month(y.year, y.month) && x.day > y.day;
    if (!last && (y.day < x.day || (y.day == x.day && b_time < a_time))) {
        months--;
    } else if (last && b_time < a_time) {
        months--;
    }
    return months;
}

static int64_t
whole_parts(int64_t a, int64_t b, date_part part) {
    const int64_t months = months_of(part);
    if (months > 0) {
        return whole_months(a, b) / months;
    }
    const int64_t us = sat_sub_i64(b, a);
    switch (part) {
    case PART_WEEK:
    case PART_YEARWEEK:
        return us / (7 * US_PER_DAY);
    case PART_HOUR:
        return us / US_PER_HOUR;
    case PART_MINUTE:
        return us / US_PER_MINUTE;
    case PART_SECOND:
    case PART_EPOCH:
        return us / US_PER_SECOND;
    case PART_MILLISECOND:
        return us / 1000;
    case PART_MICROSECOND:
        return us;
    case PART_NANOSECOND:
        return sat_mul_i64(us, 1000);
    default:
        return us / US_PER_DAY;
    }
}

status
fn_date_sub(fn_call *c) {
    const int64_t *a, *b;
    int32_t        a_step, b_step;
    int64_t       *z = c->values;
    TRY(fn_microseconds(c, 1, &a, &a_step));
    TRY(fn_microseconds(c, 2, &b, &b_step));
    for (int32_t i = 0; i < c->row_count; i++) {
        date_part part;
        if (fn_is_valid(c, i)) {
            TRY(part_of_row(c, i, &part));
            z[i] = whole_parts(a[(int64_t)i * a_step], b[(int64_t)i * b_step], part);
        }
    }
    return OK;
}

/* ---- time_bucket: widths of days and less count from Monday 2000-01-03, widths of months from
 * 2000-01-01, as in TimescaleDB and DuckDB; a bucket of a day or less starts at midnight or a whole
 * multiple after it either way. */
static bool
bucket_width(const interval *v, int64_t *us, int64_t *months) {
    int64_t days;
    *months = v->months;
    return !__builtin_mul_overflow((int64_t)v->days, US_PER_DAY, &days) &&
           !__builtin_add_overflow(days, v->us, us) && *us >= 0 && *months >= 0 &&
           (*us > 0) != (*months > 0);
}

/* Months from the one of `origin` on; buckets start at its month's first day. */
static int64_t
bucket_of_months(int64_t us, int64_t months, int64_t origin) {
    civil x, o;
    civil_from_us(us, &x);
    civil_from_us(origin, &o);
    const int64_t start = o.year * 12 + o.month - 1;
    const int64_t month = x.year * 12 + x.month - 1 - start;
    const int64_t first = start + floor_div_i64(month, months) * months;
    const int64_t year = floor_div_i64(first, 12);
    return sat_mul_i64(days_from_civil(year, (int32_t)(first - year * 12) + 1, 1), US_PER_DAY);
}

static int64_t
bucket_of_us(int64_t us, int64_t width, int64_t origin) {
    const int64_t shift = floor_mod_i64(origin, width);
    return sat_add_i64(sat_mul_i64(floor_div_i64(sat_sub_i64(us, shift), width), width), shift);
}

/* offset NULL: none. origin INT64_MIN: the usual one of the width's kind. */
static status
bucket_row(fn_call *c, int32_t row, int64_t us, const interval *offset, int64_t origin) {
    const interval *v = (const interval *)c->args[0].values + (int64_t)row * c->args[0].step;
    int64_t         width, months;
    if (!bucket_width(v, &width, &months)) {
        return error_set(c->err, ERR_QUERY_FAILED,
                         "time_bucket: the width must be positive, and in months or in days and "
                         "time, not both; it is %d months, %d days, %" PRId64 " us",
                         v->months, v->days, v->us);
    }
    if (origin == INT64_MIN) {
        origin = days_from_civil(2000, 1, months > 0 ? 1 : 3) * US_PER_DAY;
    }
    bool fits = true;
    if (offset != NULL) {
        const interval back = {-offset->months, -offset->days, -offset->us};
        fits = timestamp_add_interval(us, &back, &us);
    }
    int64_t start =
        months > 0 ? bucket_of_months(us, months, origin) : bucket_of_us(us, width, origin);
    if (offset != NULL) {
        fits = fits && timestamp_add_interval(start, offset, &start);
    }
    if (!fits) {
        return error_set(c->err, ERR_QUERY_FAILED, "time_bucket: the offset leads out of range");
    }
    put_moment(c, row, start);
    return OK;
}

status
fn_time_bucket(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    TRY(fn_microseconds(c, 1, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(bucket_row(c, i, us[(int64_t)i * step], NULL, INT64_MIN));
        }
    }
    return OK;
}

status
fn_time_bucket_offset(fn_call *c) {
    const interval *offsets = c->args[2].values;
    const int64_t  *us;
    int32_t         step;
    TRY(fn_microseconds(c, 1, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(bucket_row(c, i, us[(int64_t)i * step], &offsets[(int64_t)i * c->args[2].step],
                           INT64_MIN));
        }
    }
    return OK;
}

status
fn_time_bucket_origin(fn_call *c) {
    const int64_t *us, *origin;
    int32_t        step, origin_step;
    TRY(fn_microseconds(c, 1, &us, &step));
    TRY(fn_microseconds(c, 2, &origin, &origin_step));
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(bucket_row(c, i, us[(int64_t)i * step], NULL, origin[(int64_t)i * origin_step]));
        }
    }
    return OK;
}
