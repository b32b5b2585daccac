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
    (void)error_set(err, ERR_QUERY_FAILED, "unknown part of a date: '%.*s'", TEXT_ARG(name));
    (void)error_hint(err, "parts are year, quarter, month, week, day, hour, minute, second, "
                          "millisecond, microsecond, dow, isodow, doy and epoch");
    return ERR_QUERY_FAILED;
}

status
fn_prepare_part(void **state, arena *a, const value *const *constants,
                const data_type *types UNUSED, int32_t arg_count UNUSED, error *err) {
    if (constants[0] == NULL || constants[0]->is_null) {
        return OK;
    }
    date_part *part = arena_alloc(a, sizeof(*part));
    if (part == NULL) {
        return error_memory(err);
    }
    TRY(part_of_name(constants[0]->s, part, err));
    *state = part;
    return OK;
}

static status
part_of_row(fn_call *c, int32_t row, date_part *out) {
    if (c->state != NULL) {
        *out = *(const date_part *)c->state;
        return OK;
    }
    return part_of_name(operand_text(&c->args[0], row), out, c->err);
}

/* ---- date_part(part, moment), year(moment) ... */
static bool
is_of_day(date_part part) {
    switch (part) {
    case PART_HOUR:
    case PART_MINUTE:
    case PART_SECOND:
    case PART_MILLISECOND:
    case PART_MICROSECOND:
    case PART_EPOCH:
        return false;
    default:
        return true;
    }
}

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
    return extract_part(c, PART_EPOCH);
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
            if (part == PART_DOW || part == PART_ISODOW || part == PART_DOY || part == PART_EPOCH) {
                return error_set(c->err, ERR_QUERY_FAILED,
                                 "date_trunc cuts to year, quarter, month, week, day, hour, "
                                 "minute, second, millisecond or microsecond");
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
    case PART_QUARTER:
        return 4 * (year_b - year_a) + date_part_of(b, part) - date_part_of(a, part);
    case PART_MONTH:
        return 12 * (year_b - year_a) + date_part_of(b, part) - date_part_of(a, part);
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

static int64_t
bucket_of_months(int64_t us, int64_t months) {
    const int64_t month =
        (date_part_of(us, PART_YEAR) - 2000) * 12 + date_part_of(us, PART_MONTH) - 1;
    const int64_t first = floor_div_i64(month, months) * months;
    const int64_t year = floor_div_i64(first, 12);
    const int64_t days = days_from_civil(2000 + year, (int32_t)(first - year * 12) + 1, 1);
    return sat_mul_i64(days, US_PER_DAY);
}

status
fn_time_bucket(fn_call *c) {
    const operand  *o = &c->args[0];
    const interval *widths = o->values;
    const int64_t   origin = days_from_civil(2000, 1, 3) * US_PER_DAY;
    const int64_t  *us;
    int32_t         step;
    TRY(fn_microseconds(c, 1, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const interval *v = &widths[i * o->step];
        const int64_t   t = us[i * step];
        int64_t         width, months;
        if (!bucket_width(v, &width, &months)) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "time_bucket: the width must be positive, and in months or in days "
                             "and time, not both; it is %d months, %d days, %" PRId64 " us",
                             v->months, v->days, v->us);
        }
        if (months > 0) {
            put_moment(c, i, bucket_of_months(t, months));
        } else {
            const int64_t shifted = floor_div_i64(sat_sub_i64(t, origin % width), width);
            put_moment(c, i, sat_add_i64(sat_mul_i64(shifted, width), origin % width));
        }
    }
    return OK;
}
