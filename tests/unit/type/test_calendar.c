/* SPDX-License-Identifier: Apache-2.0 */
/* The calendar: brute-force day counting, known dates, truncation and interval arithmetic against
 * their definitions. */
#include "unit.h"

#include "type/calendar.h"
#include "type/time_text.h"

/* Walks every day from 1 January of `first_year` for `years` years, with the rules of the calendar
 * said again. */
static void
walk(int64_t first_year, int64_t years) {
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t          days = days_from_civil(first_year, 1, 1);
    for (int64_t y = first_year; y < first_year + years; y++) {
        const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        int64_t    day_of_year = 1;
        for (int m = 1; m <= 12; m++) {
            const int length = lengths[m - 1] + (m == 2 && leap);
            CHECK_EQ(days_in_month(y, m), length);
            for (int d = 1; d <= length; d++, days++, day_of_year++) {
                civil c;
                civil_from_days(days, &c);
                if (c.year != y || c.month != m || c.day != d || days_from_civil(y, m, d) != days) {
                    print_error("day %lld is not %lld-%d-%d\n", (long long)days, (long long)y, m,
                                d);
                    fail();
                }
            }
        }
        CHECK_EQ(day_of_year, leap ? 367 : 366);
    }
}

static void
test_every_day(void **state) {
    (void)state;
    CHECK_EQ(days_from_civil(1970, 1, 1), 0);
    CHECK_EQ(days_from_civil(2000, 3, 1), 11017);
    walk(1170, 1600); /* 800 years to both sides */
    walk(-290000, 401);
    walk(-401, 802);
    walk(289600, 401);
    CHECK_EQ(days_from_civil(-290000, 1, 1),
             days_from_civil(2000, 1, 1) - INT64_C(292000) / 400 * 146097);
}

typedef struct known {
    int64_t     us;
    const char *written; /* by Python's strftime */
    int         week, isodow, year;
} known;

static const known knowns[] = {
    {INT64_C(0), "01|01|00|00|00|000000|001|70|Jan|January|Thu|Thursday|AM|12|4|4|00:00:00", 1, 4,
     1970},
    {INT64_C(-1), "12|31|23|59|59|999999|365|69|Dec|December|Wed|Wednesday|PM|11|3|3|23:59:59", 1,
     3, 1969},
    {INT64_C(951827696000789),
     "02|29|12|34|56|000789|060|00|Feb|February|Tue|Tuesday|PM|12|2|2|12:34:56", 9, 2, 2000},
    {INT64_C(-2203891200000000),
     "03|01|00|00|00|000000|060|00|Mar|March|Thu|Thursday|AM|12|4|4|00:00:00", 9, 4, 1900},
    {INT64_C(1735581909500000),
     "12|30|18|05|09|500000|365|24|Dec|December|Mon|Monday|PM|06|1|1|18:05:09", 1, 1, 2024},
    {INT64_C(1609657200000000),
     "01|03|07|00|00|000000|003|21|Jan|January|Sun|Sunday|AM|07|7|0|07:00:00", 53, 7, 2021},
    {INT64_C(-62135596800000000),
     "01|01|00|00|00|000000|001|01|Jan|January|Mon|Monday|AM|12|1|1|00:00:00", 1, 1, 1},
    {INT64_C(253402300799999999),
     "12|31|23|59|59|999999|365|99|Dec|December|Fri|Friday|PM|11|5|5|23:59:59", 52, 5, 9999},
    {INT64_C(1767227400000000),
     "01|01|00|30|00|000000|001|26|Jan|January|Thu|Thursday|AM|12|4|4|00:30:00", 1, 4, 2026},
    {INT64_C(-12219252529000000),
     "10|15|11|11|11|000000|288|82|Oct|October|Fri|Friday|AM|11|5|5|11:11:11", 41, 5, 1582},
};

static void
test_known_dates(void **state) {
    (void)state;
    mem m;
    buf b;
    mem_init(&m, INT64_MAX);
    buf_init(&b, &m, 1 << 20);
    for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++) {
        const known *k = &knowns[i];
        buf_clear(&b);
        CHECK(timestamp_format(k->us, TEXT("%m|%d|%H|%M|%S|%f|%j|%y|%b|%B|%a|%A|%p|%I|%u|%w|%T"),
                               &b));
        CHECK_TEXT(buf_text(&b), k->written);
        CHECK_EQ(date_part_of(k->us, PART_WEEK), k->week);
        CHECK_EQ(date_part_of(k->us, PART_ISODOW), k->isodow);
        CHECK_EQ(date_part_of(k->us, PART_DOW), k->isodow % 7);
        CHECK_EQ(date_part_of(k->us, PART_YEAR), k->year);
    }
    buf_clear(&b);
    CHECK(timestamp_format(INT64_C(1704879005006007), TEXT("%F %e %L %s %Y 100%%"), &b));
    CHECK_TEXT(buf_text(&b), "2024-01-10 10 006 1704879005 2024 100%");
    buf_clear(&b);
    CHECK(timestamp_format(INT64_C(-1), TEXT("%s"), &b));
    CHECK_TEXT(buf_text(&b), "-1");
    CHECK(!timestamp_format(0, TEXT("%Q"), &b));
    CHECK(!timestamp_format(0, TEXT("50%"), &b));
    buf_fini(&b);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_parts(void **state) {
    (void)state;
    const int64_t us = INT64_C(1704879005006007); /* 2024-01-10 09:30:05.006007 */
    CHECK_EQ(date_part_of(us, PART_HOUR), 9);
    CHECK_EQ(date_part_of(us, PART_MINUTE), 30);
    CHECK_EQ(date_part_of(us, PART_SECOND), 5);
    CHECK_EQ(date_part_of(us, PART_MILLISECOND), 5006);
    CHECK_EQ(date_part_of(us, PART_MICROSECOND), 5006007);
    CHECK_EQ(date_part_of(us, PART_QUARTER), 1);
    CHECK_EQ(date_part_of(us, PART_DOY), 10);
    CHECK_EQ(date_part_of(-1, PART_EPOCH), -1);
    date_part p;
    CHECK(date_part_from_name(TEXT("MINUTES"), &p) && p == PART_MINUTE);
    CHECK(date_part_from_name(TEXT("ms"), &p) && p == PART_MILLISECOND);
    CHECK(!date_part_from_name(TEXT("fortnight"), &p));
    CHECK(!date_part_from_name(TEXT(""), &p));
}

/* A truncated time is the largest one not above `us` whose parts below are at their beginning. */
static void
test_trunc(void **state) {
    (void)state;
    static const date_part units[] = {PART_YEAR,        PART_QUARTER,    PART_MONTH,  PART_WEEK,
                                      PART_DAY,         PART_HOUR,       PART_MINUTE, PART_SECOND,
                                      PART_MILLISECOND, PART_MICROSECOND};
    rng                    r;
    rng_init(&r, 3);
    for (int i = 0; i < 50000; i++) {
        const int64_t   us = (int64_t)rng_next(&r) >> (1 + rng_below(&r, 30));
        const date_part unit = units[rng_below(&r, 10)];
        const int64_t   t = timestamp_trunc(us, unit);
        CHECK(t <= us);
        CHECK(timestamp_trunc(t, unit) == t);
        civil c;
        civil_from_us(t, &c);
        if (unit <= PART_DAY) {
            CHECK(c.hour == 0 && c.minute == 0 && c.second == 0 && c.us == 0);
        }
        if (unit == PART_WEEK) {
            CHECK_EQ(date_part_of(t, PART_ISODOW), 1);
            CHECK(us - t < 7 * US_PER_DAY);
        } else if (unit != PART_MICROSECOND && unit != PART_MILLISECOND) {
            CHECK_EQ(date_part_of(t, PART_YEAR), date_part_of(us, PART_YEAR));
            CHECK_EQ(date_part_of(t, unit), date_part_of(us, unit));
        }
        CHECK(unit != PART_QUARTER || (c.day == 1 && c.month % 3 == 1));
        CHECK(unit != PART_YEAR || date_part_of(t, PART_DOY) == 1);
    }
    for (int unit = PART_YEAR; unit <= PART_EPOCH; unit++) { /* the ends of the range are defined */
        CHECK(timestamp_trunc(INT64_MIN, (date_part)unit) <= INT64_MIN);
        CHECK(timestamp_trunc(INT64_MAX, (date_part)unit) <= INT64_MAX);
        (void)date_part_of(INT64_MIN, (date_part)unit);
        (void)date_part_of(INT64_MAX, (date_part)unit);
    }
}

static int64_t
at(int64_t year, int month, int day) {
    return days_from_civil(year, month, day) * US_PER_DAY;
}

static void
test_add_interval(void **state) {
    (void)state;
    int64_t out = 0;
    CHECK(timestamp_add_interval(at(2024, 1, 31) + 5, &(interval){.months = 1}, &out));
    CHECK(out == at(2024, 2, 29) + 5);
    CHECK(timestamp_add_interval(at(2023, 1, 31), &(interval){.months = 1, .days = 1}, &out));
    CHECK(out == at(2023, 3, 1));
    CHECK(timestamp_add_interval(at(2024, 3, 31), &(interval){.months = -1}, &out));
    CHECK(out == at(2024, 2, 29));
    CHECK(timestamp_add_interval(at(2024, 2, 29), &(interval){.months = -48}, &out));
    CHECK(out == at(2020, 2, 29));
    CHECK(timestamp_add_interval(at(2024, 2, 29), &(interval){.months = 12}, &out));
    CHECK(out == at(2025, 2, 28));
    CHECK(timestamp_add_interval(at(1970, 1, 1), &(interval){.months = -1, .us = -1}, &out));
    CHECK(out == at(1969, 12, 1) - 1);
    CHECK(timestamp_add_interval(at(0, 1, 15), &(interval){.months = -13}, &out));
    CHECK(out == at(-2, 12, 15));
    CHECK(timestamp_add_interval(INT64_MIN, &(interval){.us = INT64_MAX}, &out));
    CHECK(out == -1);
    CHECK(!timestamp_add_interval(INT64_MAX, &(interval){.us = 1}, &out));
    CHECK(!timestamp_add_interval(INT64_MIN, &(interval){.days = -1}, &out));
    CHECK(!timestamp_add_interval(0, &(interval){.months = INT32_MAX}, &out));
    CHECK(!timestamp_add_interval(
        0, &(interval){.months = INT32_MIN, .days = INT32_MIN, .us = INT64_MIN}, &out));
    /* Overflow in the middle that the end takes back is none. */
    CHECK(timestamp_add_interval(INT64_MAX, &(interval){.days = 1, .us = -2 * US_PER_DAY}, &out));
    CHECK(out == INT64_MAX - US_PER_DAY);
    rng r;
    rng_init(&r, 5);
    for (int i = 0; i < 20000; i++) { /* there and back by days and microseconds is the identity */
        const int64_t  us = (int64_t)rng_next(&r) >> 4;
        const interval iv = {.days = (int32_t)rng_below(&r, 100000) - 50000,
                             .us = (int64_t)rng_next(&r) >> 8};
        const interval back = {.days = -iv.days, .us = -iv.us};
        CHECK(timestamp_add_interval(us, &iv, &out) && timestamp_add_interval(out, &back, &out));
        CHECK(out == us);
    }
}

/* Texts in the usual places are read by a way of their own: a plus sign in front says the same and
 * keeps them from it. */
static void
test_plain_texts(void **state) {
    (void)state;
    static const char changes[] = "0123456789-:. TZ/9";
    rng               r;
    int               read = 0;
    rng_init(&r, 11);
    for (int i = 0; i < 300000; i++) {
        char    shown[40] = "+2024-02-29 09:05:59.123456789";
        int64_t days = 0, ns = 0, days_again = 0, ns_again = 0;
        for (uint64_t k = rng_below(&r, 4); k > 0; k--) {
            shown[1 + rng_below(&r, 29)] = changes[rng_below(&r, sizeof(changes) - 1)];
        }
        const text whole = {shown, 11 + (size_t)rng_below(&r, 20)};
        const text plain = {whole.data + 1, whole.size - 1};
        if (plain.data[0] == '-') {
            continue;
        }
        const bool good = time_parse_ns(plain, &days, &ns);
        CHECK_EQ(good, time_parse_ns(whole, &days_again, &ns_again));
        if (good) {
            CHECK_EQ(days, days_again);
            CHECK_EQ(ns, ns_again);
            read++;
        }
    }
    CHECK(read > 50000);
}

UNIT_MAIN(UNIT(test_every_day), UNIT(test_known_dates), UNIT(test_parts), UNIT(test_trunc),
          UNIT(test_add_interval), UNIT(test_plain_texts))
