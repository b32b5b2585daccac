/* SPDX-License-Identifier: Apache-2.0 */
/* fn_time.c - arithmetic of dates, timestamps and intervals. A TIMESTAMP_MS stays one: what an
 * interval adds below the millisecond is floored away. */
#include <inttypes.h>
#include <math.h>

#include "expr/call.h"
#include "type/calendar.h"

/* ---- dates and days */
static status
move_date(fn_call *c, int32_t date_at, int32_t days_at, bool back) {
    int32_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t date = fn_integer(&c->args[date_at], i);
        const int64_t days = fn_integer(&c->args[days_at], i);
        const int64_t sum = back ? sat_sub_i64(date, days) : sat_add_i64(date, days);
        if (sum != (int32_t)sum) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "date out of range: day %" PRId64 " since 1970-01-01 %s %" PRId64
                             " days",
                             date, back ? "-" : "+", days);
        }
        z[i] = (int32_t)sum;
    }
    return OK;
}

status
fn_date_add(fn_call *c) {
    return move_date(c, 0, 1, false);
}

status
fn_date_add_swapped(fn_call *c) {
    return move_date(c, 1, 0, false);
}

status
fn_date_subtract(fn_call *c) {
    return move_date(c, 0, 1, true);
}

status
fn_date_difference(fn_call *c) {
    const int32_t *x = c->args[0].values;
    const int32_t *y = c->args[1].values;
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = (int64_t)x[i * c->args[0].step] - y[i * c->args[1].step];
    }
    return OK;
}

/* ---- timestamps and intervals */
static bool
negate_interval(interval v, interval *out) {
    return !__builtin_sub_overflow(0, v.months, &out->months) &&
           !__builtin_sub_overflow(0, v.days, &out->days) &&
           !__builtin_sub_overflow((int64_t)0, v.us, &out->us);
}

static status
out_of_range(fn_call *c, const char *what) {
    return error_set(c->err, ERR_QUERY_FAILED, "%s out of range in %s arithmetic", what,
                     type_name(c->type));
}

static status
moment_out_of_range(fn_call *c, int32_t moment_at, int32_t row, const interval *v, bool back) {
    char        t[VALUE_TEXT_MAX + 1];
    const value moment = fn_value(&c->args[moment_at], row);
    t[value_write(&moment, t)] = '\0';
    return error_set(c->err, ERR_QUERY_FAILED,
                     "timestamp out of range: %s '%s' %s interval of %d months, %d days, %" PRId64
                     " us",
                     type_name(c->type), t, back ? "-" : "+", v->months, v->days, v->us);
}

/* Moves by whole microseconds; what a TIMESTAMP_NS has below stays, what a coarser unit cannot hold
 * is floored away. */
static status
move_moment(fn_call *c, int32_t moment_at, int32_t interval_at, bool back) {
    const operand  *o = &c->args[moment_at];
    const operand  *by = &c->args[interval_at];
    const int64_t  *x = o->values;
    const interval *y = by->values;
    int64_t        *z = c->values;
    const bool      fine = o->type.id == TYPE_TIMESTAMP_NS;
    const int64_t   unit = fine ? 1 : type_time_unit_us(o->type);
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t  t = fine ? floor_div_i64(x[i * o->step], 1000) : x[i * o->step];
        const interval v = y[i * by->step];
        interval       w = v;
        int64_t        us;
        if ((back && !negate_interval(v, &w)) || __builtin_mul_overflow(t, unit, &us) ||
            !timestamp_add_interval(us, &w, &us) ||
            (fine && __builtin_mul_overflow(us, INT64_C(1000), &us))) {
            return moment_out_of_range(c, moment_at, i, &v, back);
        }
        z[i] = fine ? sat_add_i64(us, x[i * o->step] - t * 1000) : floor_div_i64(us, unit);
    }
    return OK;
}

status
fn_moment_add(fn_call *c) {
    return move_moment(c, 0, 1, false);
}

status
fn_moment_add_swapped(fn_call *c) {
    return move_moment(c, 1, 0, false);
}

status
fn_moment_subtract(fn_call *c) {
    return move_moment(c, 0, 1, true);
}

/* Whole days and the rest, both of the sign of the difference; of nanoseconds whole microseconds.
 */
status
fn_moment_difference(fn_call *c) {
    const int64_t *x = c->args[0].values;
    const int64_t *y = c->args[1].values;
    interval      *z = c->values;
    const int64_t  unit_ns = type_time_unit_ns(c->args[0].type);
    const int64_t  per_day = US_PER_DAY * 1000 / unit_ns;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        int64_t d;
        if (__builtin_sub_overflow(x[i * c->args[0].step], y[i * c->args[1].step], &d) ||
            d / per_day != (int32_t)(d / per_day)) {
            return out_of_range(c, "difference of timestamps");
        }
        const int64_t rest = d % per_day;
        z[i] = (interval){.days = (int32_t)(d / per_day),
                          .us = unit_ns == 1 ? rest / 1000 : rest * (unit_ns / 1000)};
    }
    return OK;
}

/* ---- times of day go round the clock; the days and months of an interval do not move them */
static status
move_clock(fn_call *c, int32_t time_at, int32_t interval_at, int64_t sign) {
    const operand  *o = &c->args[time_at];
    const operand  *by = &c->args[interval_at];
    const int64_t  *x = o->values;
    const interval *y = by->values;
    int64_t        *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t t = x[i * o->step] + y[i * by->step].us % US_PER_DAY * sign;
        z[i] = floor_mod_i64(t, US_PER_DAY);
    }
    return OK;
}

status
fn_time_add(fn_call *c) {
    return move_clock(c, 0, 1, 1);
}

status
fn_time_add_swapped(fn_call *c) {
    return move_clock(c, 1, 0, 1);
}

status
fn_time_subtract(fn_call *c) {
    return move_clock(c, 0, 1, -1);
}

static status
date_and_time(fn_call *c, int32_t date_at, int32_t time_at) {
    const operand *o = &c->args[time_at];
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t date = fn_integer(&c->args[date_at], i);
        if (fn_is_valid(c, i) && (__builtin_mul_overflow(date, US_PER_DAY, &z[i]) ||
                                  __builtin_add_overflow(z[i], fn_integer(o, i), &z[i]))) {
            return out_of_range(c, "date and time");
        }
    }
    return OK;
}

status
fn_date_time(fn_call *c) {
    return date_and_time(c, 0, 1);
}

status
fn_date_time_swapped(fn_call *c) {
    return date_and_time(c, 1, 0);
}

static status
combine_intervals(fn_call *c, bool back) {
    const interval *x = c->args[0].values;
    const interval *y = c->args[1].values;
    interval       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const interval a = x[i * c->args[0].step];
        const interval b = y[i * c->args[1].step];
        interval      *r = &z[i];
        const bool     bad = back ? __builtin_sub_overflow(a.months, b.months, &r->months) ||
                                    __builtin_sub_overflow(a.days, b.days, &r->days) ||
                                    __builtin_sub_overflow(a.us, b.us, &r->us)
                                  : __builtin_add_overflow(a.months, b.months, &r->months) ||
                                    __builtin_add_overflow(a.days, b.days, &r->days) ||
                                    __builtin_add_overflow(a.us, b.us, &r->us);
        if (bad) {
            return out_of_range(c, back ? "difference of intervals" : "sum of intervals");
        }
    }
    return OK;
}

status
fn_interval_add(fn_call *c) {
    return combine_intervals(c, false);
}

status
fn_interval_subtract(fn_call *c) {
    return combine_intervals(c, true);
}

static status
multiply_interval(fn_call *c, int32_t interval_at, int32_t times_at) {
    const interval *x = c->args[interval_at].values;
    interval       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const interval a = x[i * c->args[interval_at].step];
        const int64_t  n = fn_integer(&c->args[times_at], i);
        if (__builtin_mul_overflow(a.months, n, &z[i].months) ||
            __builtin_mul_overflow(a.days, n, &z[i].days) ||
            __builtin_mul_overflow(a.us, n, &z[i].us)) {
            return out_of_range(c, "product of an interval and a number");
        }
    }
    return OK;
}

status
fn_interval_multiply(fn_call *c) {
    return multiply_interval(c, 0, 1);
}

status
fn_interval_multiply_swapped(fn_call *c) {
    return multiply_interval(c, 1, 0);
}

static double
scaled(double x, double by, bool divide) {
    return divide ? x / by : x * by;
}

static double
to_millionths(double x) {
    return nearbyint(x * 1e6) / 1e6;
}

/* As in PostgreSQL: a part of a month is days of 30 a month, a part of a day is time, both to the
 * millionth of a day and of a second. */
static bool
scale_interval(interval x, double by, bool divide, interval *out) {
    const double day = 86400;
    const double months = scaled(x.months, by, divide), days = scaled(x.days, by, divide);
    const double of_months = to_millionths((months - trunc(months)) * 30);
    double       seconds = to_millionths((days - trunc(days) + of_months - trunc(of_months)) * day);
    const double more = trunc(seconds / day);
    seconds -= more * day;
    const double all_days = trunc(days) + trunc(of_months) + more;
    const double us = nearbyint(scaled((double)x.us, by, divide) + seconds * 1e6);
    if (!(fabs(months) < 0x1p31 && fabs(all_days) < 0x1p31 && us >= -0x1p63 && us < 0x1p63)) {
        return false;
    }
    *out = (interval){.months = (int32_t)months, .days = (int32_t)all_days, .us = (int64_t)us};
    return true;
}

static status
scale_intervals(fn_call *c, int32_t interval_at, bool divide) {
    const interval *x = c->args[interval_at].values;
    const operand  *factor = &c->args[1 - interval_at];
    interval       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const double f = ((const double *)factor->values)[i * factor->step];
        if (divide && f == 0) {
            if (!fn_set_null(c, i)) {
                return error_memory(c->err);
            }
            continue;
        }
        if (!scale_interval(x[i * c->args[interval_at].step], f, divide, &z[i])) {
            return out_of_range(c, "product of an interval and a number");
        }
    }
    return OK;
}

status
fn_interval_scale(fn_call *c) {
    return scale_intervals(c, 0, false);
}

status
fn_interval_scale_swapped(fn_call *c) {
    return scale_intervals(c, 1, false);
}

status
fn_interval_divide(fn_call *c) {
    return scale_intervals(c, 0, true);
}

status
fn_negate_interval(fn_call *c) {
    const interval *x = c->args[0].values;
    interval       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i) && !negate_interval(x[i], &z[i])) {
            return out_of_range(c, "negative interval");
        }
    }
    return OK;
}

/* ---- numbers and timestamps */
status
fn_epoch_us(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    TRY(fn_microseconds(c, 0, &us, &step));
    c->alias = us;
    return OK;
}

status
fn_epoch_ms(fn_call *c) {
    if (c->args[0].type.id == TYPE_TIMESTAMP_MS) {
        c->alias = c->args[0].values;
        return OK;
    }
    const int64_t *us;
    int32_t        step;
    int64_t       *z = c->values;
    TRY(fn_microseconds(c, 0, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = floor_div_i64(us[i], 1000);
    }
    return OK;
}

status
fn_to_timestamp_i64(fn_call *c) {
    const int64_t *x = c->args[0].values;
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i) && __builtin_mul_overflow(x[i], US_PER_SECOND, &z[i])) {
            (void)error_set(c->err, ERR_QUERY_FAILED,
                            "timestamp out of range: to_timestamp(%" PRId64 ")", x[i]);
            (void)error_hint(c->err, "to_timestamp takes seconds; epoch_ms takes milliseconds, "
                                     "make_timestamp microseconds");
            return ERR_QUERY_FAILED;
        }
    }
    return OK;
}

status
fn_to_timestamp_f64(fn_call *c) {
    const double *x = c->args[0].values;
    int64_t      *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const double us = round(x[i] * 1e6);
        if (!(us >= -9223372036854775808.0 && us < 9223372036854775808.0)) {
            return error_set(c->err, ERR_QUERY_FAILED, "timestamp out of range: to_timestamp(%g)",
                             x[i]);
        }
        z[i] = (int64_t)us;
    }
    return OK;
}
