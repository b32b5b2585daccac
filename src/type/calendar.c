/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.c - the proleptic Gregorian calendar on integers.
 *
 * A year begins on 1 March inside the two conversions, so that the leap day is its last day; 400
 * years (an era) have 146,097 days. All divisions floor: nothing is special before 1970 or before
 * year 0. */
#include "type/calendar.h"

#define DAYS_PER_ERA 146097
#define DAYS_TO_1970 719468 /* from 0000-03-01 */

int64_t
days_from_civil(int64_t year, int32_t month, int32_t day) {
    const int64_t y = year - (month <= 2);
    const int64_t era = floor_div_i64(y, 400);
    const int64_t year_of_era = y - era * 400;
    const int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    const int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

void
civil_from_days(int64_t days, civil *out) {
    const int64_t z = days + DAYS_TO_1970;
    const int64_t era = floor_div_i64(z, DAYS_PER_ERA);
    const int64_t day_of_era = z - era * DAYS_PER_ERA;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *out = (civil){0};
    out->day = (int32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    out->month = (int32_t)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    out->year = year_of_era + era * 400 + (out->month <= 2);
}

/* Not us - days * US_PER_DAY: the first day of int64's range begins outside of it. */
static int64_t
time_of_day_us(int64_t us) {
    const int64_t rest = us % US_PER_DAY;
    return rest < 0 ? rest + US_PER_DAY : rest;
}

void
civil_from_us(int64_t us, civil *out) {
    const int64_t days = floor_div_i64(us, US_PER_DAY);
    int64_t       rest = time_of_day_us(us);
    civil_from_days(days, out);
    out->us = (int32_t)(rest % US_PER_SECOND);
    rest /= US_PER_SECOND;
    out->second = (int32_t)(rest % 60);
    out->minute = (int32_t)(rest / 60 % 60);
    out->hour = (int32_t)(rest / 3600);
}

static bool
is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t
days_in_month(int64_t year, int32_t month) {
    static const int8_t lengths[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    assert(month >= 1 && month <= 12);
    return month == 2 && is_leap(year) ? 29 : lengths[month];
}

bool
timestamp_add_interval(int64_t us, const interval *iv, int64_t *out) {
    int64_t       days = floor_div_i64(us, US_PER_DAY);
    const int64_t time_of_day = time_of_day_us(us);
    if (iv->months != 0) {
        civil c;
        civil_from_days(days, &c);
        const int64_t months = c.year * 12 + (c.month - 1) + iv->months;
        const int64_t year = floor_div_i64(months, 12);
        const int32_t month = (int32_t)(months - year * 12) + 1;
        const int32_t last = days_in_month(year, month);
        days = days_from_civil(year, month, c.day < last ? c.day : last);
    }
    const int128 total = ((int128)days + iv->days) * US_PER_DAY + time_of_day + iv->us;
    if (total < INT64_MIN || total > INT64_MAX) {
        return false;
    }
    *out = (int64_t)total;
    return true;
}

typedef struct part_name {
    text      name;
    date_part part;
} part_name;

static const part_name part_names[] = {
    {TEXT("year"), PART_YEAR},
    {TEXT("years"), PART_YEAR},
    {TEXT("y"), PART_YEAR},
    {TEXT("yr"), PART_YEAR},
    {TEXT("yrs"), PART_YEAR},
    {TEXT("quarter"), PART_QUARTER},
    {TEXT("quarters"), PART_QUARTER},
    {TEXT("month"), PART_MONTH},
    {TEXT("months"), PART_MONTH},
    {TEXT("mon"), PART_MONTH},
    {TEXT("mons"), PART_MONTH},
    {TEXT("week"), PART_WEEK},
    {TEXT("weeks"), PART_WEEK},
    {TEXT("w"), PART_WEEK},
    {TEXT("day"), PART_DAY},
    {TEXT("days"), PART_DAY},
    {TEXT("d"), PART_DAY},
    {TEXT("hour"), PART_HOUR},
    {TEXT("hours"), PART_HOUR},
    {TEXT("h"), PART_HOUR},
    {TEXT("hr"), PART_HOUR},
    {TEXT("hrs"), PART_HOUR},
    {TEXT("minute"), PART_MINUTE},
    {TEXT("minutes"), PART_MINUTE},
    {TEXT("m"), PART_MINUTE},
    {TEXT("min"), PART_MINUTE},
    {TEXT("mins"), PART_MINUTE},
    {TEXT("second"), PART_SECOND},
    {TEXT("seconds"), PART_SECOND},
    {TEXT("s"), PART_SECOND},
    {TEXT("sec"), PART_SECOND},
    {TEXT("secs"), PART_SECOND},
    {TEXT("millisecond"), PART_MILLISECOND},
    {TEXT("milliseconds"), PART_MILLISECOND},
    {TEXT("ms"), PART_MILLISECOND},
    {TEXT("msec"), PART_MILLISECOND},
    {TEXT("msecs"), PART_MILLISECOND},
    {TEXT("microsecond"), PART_MICROSECOND},
    {TEXT("microseconds"), PART_MICROSECOND},
    {TEXT("us"), PART_MICROSECOND},
    {TEXT("usec"), PART_MICROSECOND},
    {TEXT("usecs"), PART_MICROSECOND},
    {TEXT("dow"), PART_DOW},
    {TEXT("dayofweek"), PART_DOW},
    {TEXT("weekday"), PART_DOW},
    {TEXT("isodow"), PART_ISODOW},
    {TEXT("doy"), PART_DOY},
    {TEXT("dayofyear"), PART_DOY},
    {TEXT("epoch"), PART_EPOCH},
    {TEXT("decade"), PART_DECADE},
    {TEXT("decades"), PART_DECADE},
    {TEXT("dec"), PART_DECADE},
    {TEXT("century"), PART_CENTURY},
    {TEXT("centuries"), PART_CENTURY},
    {TEXT("cent"), PART_CENTURY},
    {TEXT("c"), PART_CENTURY},
    {TEXT("millennium"), PART_MILLENNIUM},
    {TEXT("millennia"), PART_MILLENNIUM},
    {TEXT("mil"), PART_MILLENNIUM},
    {TEXT("isoyear"), PART_ISOYEAR},
    {TEXT("yearweek"), PART_YEARWEEK},
    {TEXT("weekofyear"), PART_WEEK},
    {TEXT("dayofmonth"), PART_DAY},
    {TEXT("era"), PART_ERA},
    {TEXT("nanosecond"), PART_NANOSECOND},
    {TEXT("nanoseconds"), PART_NANOSECOND},
    {TEXT("ns"), PART_NANOSECOND},
};

bool
date_part_from_name(text name, date_part *out) {
    for (int32_t i = 0; i < ARRAY_COUNT(part_names); i++) {
        if (text_equal_nocase(name, part_names[i].name)) {
            *out = part_names[i].part;
            return true;
        }
    }
    return false;
}

/* 0 is Monday. 1970-01-01 was a Thursday. */
static int64_t
weekday_of(int64_t days) {
    const int64_t w = (days + 3) % 7;
    return w < 0 ? w + 7 : w;
}

/* A week belongs to the year that has its Thursday. */
static int64_t
iso_week(int64_t days, int64_t *year) {
    const int64_t thursday = days - weekday_of(days) + 3;
    civil         c;
    civil_from_days(thursday, &c);
    *year = c.year;
    return (thursday - days_from_civil(c.year, 1, 1)) / 7 + 1;
}

/* The first of the ordinals that hold `span` years each is the one of year 1; there is no 0th. */
static int64_t
ordinal_of_years(int64_t year, int64_t span) {
    return year > 0 ? (year - 1) / span + 1 : year / span - 1;
}

static int64_t
long_part_of(int64_t days, const civil *c, date_part part) {
    int64_t       iso_year;
    const int64_t week = iso_week(days, &iso_year);
    switch (part) {
    case PART_WEEK:
        return week;
    case PART_DECADE:
        return c->year / 10;
    case PART_CENTURY:
        return ordinal_of_years(c->year, 100);
    case PART_MILLENNIUM:
        return ordinal_of_years(c->year, 1000);
    case PART_ISOYEAR:
        return iso_year;
    case PART_YEARWEEK:
        return iso_year * 100 + (iso_year > 0 ? week : -week);
    case PART_ERA:
        return c->year > 0;
    default:
        return (c->second * US_PER_SECOND + c->us) * 1000; /* nanoseconds */
    }
}

int64_t
date_part_of(int64_t us, date_part part) {
    const int64_t days = floor_div_i64(us, US_PER_DAY);
    civil         c;
    civil_from_us(us, &c);
    switch (part) {
    case PART_YEAR:
        return c.year;
    case PART_QUARTER:
        return (c.month - 1) / 3 + 1;
    case PART_MONTH:
        return c.month;
    case PART_WEEK:
    case PART_DECADE:
    case PART_CENTURY:
    case PART_MILLENNIUM:
    case PART_ISOYEAR:
    case PART_YEARWEEK:
    case PART_ERA:
    case PART_NANOSECOND:
        return long_part_of(days, &c, part);
    case PART_DAY:
        return c.day;
    case PART_HOUR:
        return c.hour;
    case PART_MINUTE:
        return c.minute;
    case PART_SECOND:
        return c.second;
    case PART_MILLISECOND:
        return c.second * 1000 + c.us / 1000;
    case PART_MICROSECOND:
        return c.second * US_PER_SECOND + c.us;
    case PART_DOW:
        return (weekday_of(days) + 1) % 7;
    case PART_ISODOW:
        return weekday_of(days) + 1;
    case PART_DOY:
        return days - days_from_civil(c.year, 1, 1) + 1;
    case PART_EPOCH:
        return floor_div_i64(us, US_PER_SECOND);
    }
    UNREACHABLE();
}

static int64_t
floor_to(int64_t us, int64_t unit) {
    return sat_mul_i64(floor_div_i64(us, unit), unit);
}

static int64_t
start_of_year(int64_t year) {
    return sat_mul_i64(days_from_civil(year, 1, 1), US_PER_DAY);
}

static int64_t
start_of_iso_year(int64_t days) {
    int64_t       year;
    const int64_t week = iso_week(days, &year);
    return sat_mul_i64(days - weekday_of(days) - (week - 1) * 7, US_PER_DAY);
}

int64_t
timestamp_trunc(int64_t us, date_part part) {
    const int64_t days = floor_div_i64(us, US_PER_DAY);
    civil         c;
    civil_from_days(days, &c);
    switch (part) {
    case PART_DECADE:
        return start_of_year(c.year / 10 * 10);
    case PART_CENTURY:
        return start_of_year(c.year / 100 * 100);
    case PART_MILLENNIUM:
        return start_of_year(c.year / 1000 * 1000);
    case PART_ISOYEAR:
        return start_of_iso_year(days);
    case PART_YEARWEEK:
        return sat_mul_i64(days - weekday_of(days), US_PER_DAY);
    case PART_ERA:
        return start_of_year(c.year > 0 ? 1 : INT32_MIN);
    case PART_YEAR:
        return start_of_year(c.year);
    case PART_QUARTER:
        return sat_mul_i64(days_from_civil(c.year, (c.month - 1) / 3 * 3 + 1, 1), US_PER_DAY);
    case PART_MONTH:
        return sat_mul_i64(days_from_civil(c.year, c.month, 1), US_PER_DAY);
    case PART_WEEK:
        return sat_mul_i64(days - weekday_of(days), US_PER_DAY);
    case PART_DAY:
    case PART_DOW:
    case PART_ISODOW:
    case PART_DOY:
        return sat_mul_i64(days, US_PER_DAY);
    case PART_HOUR:
        return floor_to(us, 3600 * US_PER_SECOND);
    case PART_MINUTE:
        return floor_to(us, 60 * US_PER_SECOND);
    case PART_SECOND:
    case PART_EPOCH:
        return floor_to(us, US_PER_SECOND);
    case PART_MILLISECOND:
        return floor_to(us, 1000);
    case PART_MICROSECOND:
    case PART_NANOSECOND:
        return us;
    }
    UNREACHABLE();
}
