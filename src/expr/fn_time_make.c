/* SPDX-License-Identifier: Apache-2.0 */
/* fn_time_make.c - dates, times and intervals from their parts, and what is said of a whole date:
 * its month's last day, names, ages, complete parts between two times. */
#include <inttypes.h>
#include <math.h>

#include "expr/call.h"
#include "type/calendar.h"

#define US_PER_HOUR (3600 * US_PER_SECOND)
#define YEAR_MAX 300000 /* more than any timestamp has: parts beyond are out of range */

static int64_t
argument(const fn_call *c, int32_t i, int32_t row) {
    return fn_integer(&c->args[i], row);
}

static double
argument_f64(const fn_call *c, int32_t i, int32_t row) {
    const double *x = c->args[i].values;
    return x[(int64_t)row * c->args[i].step];
}

/* ---- make_date, make_time, make_timestamp */
static bool
date_of_parts(const fn_call *c, int32_t row, int64_t *days) {
    const int64_t year = argument(c, 0, row), month = argument(c, 1, row),
                  day = argument(c, 2, row);
    if (year < -5877641 || year > 5881580 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, (int32_t)month)) {
        return false;
    }
    *days = days_from_civil(year, (int32_t)month, (int32_t)day);
    return *days == (int32_t)*days;
}

static status
refuse_date(fn_call *c, int32_t row, const char *name) {
    return error_set(c->err, ERR_QUERY_FAILED,
                     "%s: there is no date of year %" PRId64 ", month %" PRId64 ", day %" PRId64,
                     name, argument(c, 0, row), argument(c, 1, row), argument(c, 2, row));
}

status
fn_make_date(fn_call *c) {
    int32_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        int64_t days;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        if (!date_of_parts(c, i, &days)) {
            return refuse_date(c, i, "make_date");
        }
        z[i] = (int32_t)days;
    }
    return OK;
}

status
fn_make_date_of_days(fn_call *c) {
    int32_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t days = argument(c, 0, i);
        if (fn_is_valid(c, i) && days != (int32_t)days) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "make_date: day %" PRId64 " since 1970-01-01 is out of range", days);
        }
        z[i] = (int32_t)days;
    }
    return OK;
}

/* Hour, minute, second from argument `first` on. */
static status
clock_of_parts(fn_call *c, int32_t first, int32_t row, const char *name, int64_t *us) {
    const int64_t hour = argument(c, first, row), minute = argument(c, first + 1, row);
    const double  second = argument_f64(c, first + 2, row);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 60)) {
        return error_set(c->err, ERR_QUERY_FAILED,
                         "%s: there is no time of hour %" PRId64 ", minute %" PRId64 ", second %g",
                         name, hour, minute, second);
    }
    *us = (hour * 60 + minute) * 60 * US_PER_SECOND + (int64_t)round(second * 1e6);
    return OK;
}

status
fn_make_time(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(clock_of_parts(c, 0, i, "make_time", &z[i]));
            z[i] = z[i] < US_PER_DAY ? z[i] : US_PER_DAY - 1;
        }
    }
    return OK;
}

status
fn_make_timestamp(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        int64_t days = 0, us = 0;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        if (!date_of_parts(c, i, &days)) {
            return refuse_date(c, i, "make_timestamp");
        }
        TRY(clock_of_parts(c, 3, i, "make_timestamp", &us));
        if (__builtin_mul_overflow(days, US_PER_DAY, &z[i]) ||
            __builtin_add_overflow(z[i], us, &z[i])) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "make_timestamp: year %" PRId64 " is out of range", argument(c, 0, i));
        }
    }
    return OK;
}

/* ---- intervals of one unit */
typedef enum interval_field { FIELD_MONTHS, FIELD_DAYS, FIELD_US } interval_field;

static status
make_intervals(fn_call *c, const char *name, interval_field of, int64_t unit) {
    interval *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t n = argument(c, 0, i);
        int64_t       v;
        const bool    wide = __builtin_mul_overflow(n, unit, &v);
        if (wide || (of != FIELD_US && v != (int32_t)v)) {
            return error_set(c->err, ERR_QUERY_FAILED, "interval out of range: %s(%" PRId64 ")",
                             name, n);
        }
        z[i] = (interval){.months = of == FIELD_MONTHS ? (int32_t)v : 0,
                          .days = of == FIELD_DAYS ? (int32_t)v : 0,
                          .us = of == FIELD_US ? v : 0};
    }
    return OK;
}

status
fn_to_millennia(fn_call *c) {
    return make_intervals(c, "to_millennia", FIELD_MONTHS, 12000);
}

status
fn_to_centuries(fn_call *c) {
    return make_intervals(c, "to_centuries", FIELD_MONTHS, 1200);
}

status
fn_to_decades(fn_call *c) {
    return make_intervals(c, "to_decades", FIELD_MONTHS, 120);
}

status
fn_to_years(fn_call *c) {
    return make_intervals(c, "to_years", FIELD_MONTHS, 12);
}

status
fn_to_quarters(fn_call *c) {
    return make_intervals(c, "to_quarters", FIELD_MONTHS, 3);
}

status
fn_to_months(fn_call *c) {
    return make_intervals(c, "to_months", FIELD_MONTHS, 1);
}

status
fn_to_weeks(fn_call *c) {
    return make_intervals(c, "to_weeks", FIELD_DAYS, 7);
}

status
fn_to_days(fn_call *c) {
    return make_intervals(c, "to_days", FIELD_DAYS, 1);
}

status
fn_to_hours(fn_call *c) {
    return make_intervals(c, "to_hours", FIELD_US, US_PER_HOUR);
}

status
fn_to_minutes(fn_call *c) {
    return make_intervals(c, "to_minutes", FIELD_US, 60 * US_PER_SECOND);
}

status
fn_to_microseconds(fn_call *c) {
    return make_intervals(c, "to_microseconds", FIELD_US, 1);
}

static status
make_fraction(fn_call *c, const char *name, double unit) {
    interval *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const double us = round(argument_f64(c, 0, i) * unit);
        if (!(us >= -0x1p63 && us < 0x1p63)) {
            return error_set(c->err, ERR_QUERY_FAILED, "interval out of range: %s(%g)", name,
                             argument_f64(c, 0, i));
        }
        z[i] = (interval){.us = (int64_t)us};
    }
    return OK;
}

status
fn_to_seconds(fn_call *c) {
    return make_fraction(c, "to_seconds", 1e6);
}

status
fn_to_milliseconds(fn_call *c) {
    return make_fraction(c, "to_milliseconds", 1e3);
}

/* ---- justify: 30 days are a month, 24 hours a day; the parts get one sign */
static status
justify(fn_call *c, bool hours, bool days, bool signs) {
    const interval *x = c->args[0].values;
    interval       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const interval v = x[(int64_t)i * c->args[0].step];
        int64_t        month = v.months, day = v.days, us = v.us;
        if (hours) {
            day += us / US_PER_DAY;
            us %= US_PER_DAY;
        }
        if (days) {
            month += day / 30;
            day %= 30;
        }
        if (signs && month > 0 && (day < 0 || (day == 0 && us < 0))) {
            month--;
            day += 30;
        } else if (signs && month < 0 && (day > 0 || (day == 0 && us > 0))) {
            month++;
            day -= 30;
        }
        if (hours && day > 0 && us < 0) {
            day--;
            us += US_PER_DAY;
        } else if (hours && day < 0 && us > 0) {
            day++;
            us -= US_PER_DAY;
        }
        if (month != (int32_t)month || day != (int32_t)day) {
            return error_set(c->err, ERR_QUERY_FAILED, "interval out of range when justified");
        }
        z[i] = (interval){.months = (int32_t)month, .days = (int32_t)day, .us = us};
    }
    return OK;
}

status
fn_justify_hours(fn_call *c) {
    return justify(c, true, false, false);
}

status
fn_justify_days(fn_call *c) {
    return justify(c, false, true, false);
}

status
fn_justify_interval(fn_call *c) {
    return justify(c, true, true, true);
}

/* ---- of a date */
status
fn_last_day(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    int32_t       *z = c->values;
    TRY(fn_microseconds(c, 0, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        civil d;
        if (fn_is_valid(c, i)) {
            civil_from_us(us[(int64_t)i * step], &d);
            z[i] = (int32_t)days_from_civil(d.year, d.month, days_in_month(d.year, d.month));
        }
    }
    return OK;
}

static status
format_each(fn_call *c, text format) {
    const int64_t *us;
    int32_t        step;
    strview       *z = c->values;
    TRY(fn_microseconds(c, 0, &us, &step));
    buf b;
    buf_init(&b, c->scratch->mem, 64);
    status s = OK;
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (fn_is_valid(c, i)) {
            b.size = 0;
            (void)timestamp_format(us[(int64_t)i * step], format, &b);
            s = fn_text_of_buf(c, "the name", &b, &z[i]);
        }
    }
    buf_fini(&b);
    return s;
}

status
fn_dayname(fn_call *c) {
    return format_each(c, TEXT("%A"));
}

status
fn_monthname(fn_call *c) {
    return format_each(c, TEXT("%B"));
}

status
fn_finite(fn_call *c) {
    memset(c->values, 1, (size_t)c->row_count);
    return OK;
}

status
fn_infinite(fn_call *c) {
    memset(c->values, 0, (size_t)c->row_count);
    return OK;
}

/* Days since 4714-11-24 BC at noon, midnight counted as the start of the day. */
status
fn_julian(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    double        *z = c->values;
    TRY(fn_microseconds(c, 0, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = 2440588.0 + (double)us[(int64_t)i * step] / (double)US_PER_DAY;
    }
    return OK;
}

status
fn_epoch_ns(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    int64_t       *z = c->values;
    if (c->args[0].type.id == TYPE_TIMESTAMP_NS) {
        c->alias = c->args[0].values;
        return OK;
    }
    TRY(fn_microseconds(c, 0, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i) &&
            __builtin_mul_overflow(us[(int64_t)i * step], INT64_C(1000), &z[i])) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "epoch_ns: the time is beyond what a BIGINT has nanoseconds for");
        }
    }
    return OK;
}

/* ---- age: years, months and days as one counts them on a calendar (PostgreSQL) */
static interval
calendar_age(int64_t a, int64_t b) {
    const bool negative = a < b;
    civil      late, early;
    civil_from_us(negative ? b : a, &late);
    civil_from_us(negative ? a : b, &early);
    int64_t us = ((late.hour - early.hour) * INT64_C(60) + late.minute - early.minute) * 60;
    us = (us + late.second - early.second) * US_PER_SECOND + late.us - early.us;
    int64_t days = late.day - early.day;
    int64_t months = (late.year - early.year) * 12 + late.month - early.month;
    if (us < 0) {
        us += US_PER_DAY;
        days--;
    }
    if (days < 0) { /* the days of the month that the earlier time lies in */
        days += days_in_month(early.year, early.month);
        months--;
    }
    const int32_t sign = negative ? -1 : 1;
    return (interval){
        .months = (int32_t)(months * sign), .days = (int32_t)(days * sign), .us = us * sign};
}

status
fn_age(fn_call *c) {
    const int64_t *a, *b;
    int32_t        a_step, b_step;
    interval      *z = c->values;
    TRY(fn_microseconds(c, 0, &a, &a_step));
    TRY(fn_microseconds(c, 1, &b, &b_step));
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            z[i] = calendar_age(a[(int64_t)i * a_step], b[(int64_t)i * b_step]);
        }
    }
    return OK;
}
