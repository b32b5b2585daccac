/* SPDX-License-Identifier: Apache-2.0 */
/* time_text.c - dates, timestamps and intervals from and to text, by a cursor that takes what it
 * knows. */
#include "type/time_text.h"

#include "type/calendar.h"
#include "type/number.h"

#define NANOS INT64_C(1000000000)

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

static bool
take(cursor *c, char wanted) {
    if (c->at < c->end && *c->at == wanted) {
        c->at++;
        return true;
    }
    return false;
}

static bool
next_is_digit(const cursor *c) {
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

/* Between `least` and `most` digits; false (and nothing promised about the cursor) otherwise. most
 * <= 18. */
static bool
take_number(cursor *c, int32_t least, int32_t most, int64_t *out) {
    int64_t v = 0;
    int32_t count = 0;
    for (; count < most && next_is_digit(c); count++) {
        v = v * 10 + (*c->at++ - '0');
    }
    *out = v;
    return count >= least;
}

/* Digits behind a point as billionths; more than nine are read and cut. */
static bool
take_nanos(cursor *c, int64_t *out) {
    int64_t nanos = 0;
    int64_t unit = NANOS / 10;
    if (!next_is_digit(c)) {
        return false;
    }
    for (; next_is_digit(c); c->at++) {
        nanos += unit * (*c->at - '0');
        unit /= 10;
    }
    *out = nanos;
    return true;
}

static bool
take_date(cursor *c, int64_t *days) {
    const bool negative = take(c, '-');
    if (!negative) {
        (void)take(c, '+');
    }
    int64_t year;
    int64_t month;
    int64_t day;
    if (!take_number(c, 4, 9, &year) || !take(c, '-') || !take_number(c, 1, 2, &month) ||
        !take(c, '-') || !take_number(c, 1, 2, &day)) {
        return false;
    }
    year = negative ? -year : year;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, (int32_t)month)) {
        return false;
    }
    *days = days_from_civil(year, (int32_t)month, (int32_t)day);
    return true;
}

/* :MM[:SS[.fraction]] behind `hours`, which are 18 digits at most. The magnitude of the smallest
 * interval needs more than 63 bits. */
static bool
take_clock(cursor *c, int64_t hours, int128 *ns) {
    int64_t minutes;
    int64_t seconds = 0;
    int64_t nanos = 0;
    if (!take(c, ':') || !take_number(c, 2, 2, &minutes)) {
        return false;
    }
    if (take(c, ':') &&
        (!take_number(c, 2, 2, &seconds) || (take(c, '.') && !take_nanos(c, &nanos)))) {
        return false;
    }
    if (minutes > 59 || seconds > 59) {
        return false;
    }
    *ns = ((int128)hours * 3600 + minutes * 60 + seconds) * NANOS + nanos;
    return true;
}

/* Z, UTC, or +HH, +HHMM, +HH:MM. Nothing is an offset of 0, and not *given. */
static bool
take_offset(cursor *c, int64_t *seconds, bool *given) {
    *seconds = 0;
    *given = c->at != c->end;
    if (take(c, 'Z') || take(c, 'z')) {
        return true;
    }
    if (c->end - c->at == 3 && text_equal_nocase((text){c->at, 3}, TEXT("UTC"))) {
        c->at = c->end;
        return true;
    }
    const bool negative = take(c, '-');
    if (!negative && !take(c, '+')) {
        return true;
    }
    int64_t hours;
    int64_t minutes = 0;
    if (!take_number(c, 2, 2, &hours) || hours > 15) {
        return false;
    }
    if ((take(c, ':') || next_is_digit(c)) && (!take_number(c, 2, 2, &minutes) || minutes > 59)) {
        return false;
    }
    *seconds = (hours * 60 + minutes) * 60 * (negative ? -1 : 1);
    return true;
}

/* Two digits; 100 or more: they are none. */
ALWAYS_INLINE unsigned
pair(const char *at) {
    const unsigned tens = (unsigned)(at[0] - '0'), ones = (unsigned)(at[1] - '0');
    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

bool
time_parse_plain(text s, int64_t *days, int64_t *ns) {
    enum { PLAIN = 19 };
    const char *at = s.data;
    if (s.size < PLAIN || at[4] != '-' || at[7] != '-' || (at[10] != ' ' && at[10] != 'T') ||
        at[13] != ':' || at[16] != ':') {
        return false;
    }
    const unsigned century = pair(at), year = pair(at + 2), month = pair(at + 5),
                   day = pair(at + 8), hour = pair(at + 11), minute = pair(at + 14),
                   second = pair(at + 17);
    if (century > 99 || year > 99 || month - 1 > 11 || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    const int64_t whole = century * 100 + year;
    if (day < 1 || (int32_t)day > days_in_month(whole, (int32_t)month)) {
        return false;
    }
    int64_t nanos = 0;
    if (s.size > PLAIN) {
        cursor c = {at + PLAIN, at + s.size};
        if (!take(&c, '.') || !take_nanos(&c, &nanos) || c.at != c.end) {
            return false;
        }
    }
    *days = days_from_civil(whole, (int32_t)month, (int32_t)day);
    *ns = (int64_t)(hour * 3600 + minute * 60 + second) * NANOS + nanos;
    return true;
}

static bool
parse_time(text s, int64_t *days, int64_t *ns, bool *zoned) {
    cursor c = {s.data, s.data + s.size};
    *ns = 0;
    *zoned = false;
    if (LIKELY(time_parse_plain(s, days, ns))) {
        return true;
    }
    *ns = 0;
    if (!take_date(&c, days)) {
        return false;
    }
    if (c.at == c.end) {
        return true;
    }
    if (!take(&c, 'T') && !take(&c, 't')) {
        if (!take(&c, ' ')) {
            return false;
        }
        while (take(&c, ' ')) {
        }
    }
    int64_t hours;
    int64_t offset;
    int128  time_of_day;
    if (!take_number(&c, 1, 2, &hours) || hours > 23 || !take_clock(&c, hours, &time_of_day)) {
        return false;
    }
    (void)take(&c, ' ');
    if (!take_offset(&c, &offset, zoned) || c.at[-1] == ' ') {
        return false;
    }
    *ns = (int64_t)time_of_day - offset * NANOS;
    return c.at == c.end;
}

bool
time_parse_ns(text s, int64_t *days, int64_t *ns) {
    bool zoned;
    return parse_time(s, days, ns, &zoned);
}

bool
time_parse_zoned(text s, int64_t *days, int64_t *us, bool *zoned) {
    int64_t    ns = 0;
    const bool parsed = parse_time(s, days, &ns, zoned);
    *us = floor_div_i64(ns, 1000);
    return parsed;
}

bool
time_parse(text s, int64_t *days, int64_t *us) {
    bool zoned;
    return time_parse_zoned(s, days, us, &zoned);
}

bool
clock_parse(text s, int64_t *us) {
    cursor  c = {s.data, s.data + s.size};
    int64_t hours;
    int128  ns;
    if (!take_number(&c, 1, 2, &hours) || hours > 23 || !take_clock(&c, hours, &ns)) {
        return false;
    }
    *us = (int64_t)(ns / 1000);
    return c.at == c.end;
}

/* ---- intervals */

typedef struct interval_sum {
    int128 months, days, us;
} interval_sum;

/* whole + nanos / 1e9 units; what is less than a unit goes down to days (30 a month), then to
 * microseconds. */
static bool
add_part(interval_sum *sum, date_part part, int64_t whole, int64_t nanos, bool negative) {
    int128       months = 0;
    int128       days = 0;
    int128       us = 0; /* all three in billionths until the end */
    const int128 count = ((int128)whole * NANOS + nanos) * (negative ? -1 : 1);
    switch (part) {
    case PART_MILLENNIUM:
        months = count * 12000;
        break;
    case PART_CENTURY:
        months = count * 1200;
        break;
    case PART_DECADE:
        months = count * 120;
        break;
    case PART_YEAR:
        months = count * 12;
        break;
    case PART_QUARTER:
        months = count * 3;
        break;
    case PART_MONTH:
        months = count;
        break;
    case PART_WEEK:
        days = count * 7;
        break;
    case PART_DAY:
        days = count;
        break;
    case PART_HOUR:
        us = count * (3600 * US_PER_SECOND);
        break;
    case PART_MINUTE:
        us = count * (60 * US_PER_SECOND);
        break;
    case PART_SECOND:
        us = count * US_PER_SECOND;
        break;
    case PART_MILLISECOND:
        us = count * 1000;
        break;
    case PART_MICROSECOND:
        us = count;
        break;
    default:
        return false;
    }
    days += months % NANOS * 30;
    us += days % NANOS * US_PER_DAY;
    sum->months += months / NANOS;
    sum->days += days / NANOS;
    sum->us += us / NANOS;
    return true;
}

static void
skip_blanks(cursor *c) {
    while (take(c, ' ') || take(c, '\t') || take(c, '\n') || take(c, '\r')) {
    }
}

static text
take_word(cursor *c) {
    const char *first = c->at;
    while (c->at < c->end &&
           ((*c->at >= 'a' && *c->at <= 'z') || (*c->at >= 'A' && *c->at <= 'Z'))) {
        c->at++;
    }
    return (text){first, (size_t)(c->at - first)};
}

/* A signed number with its unit, or a signed HH:MM:SS. */
static bool
take_part(cursor *c, interval_sum *sum) {
    const bool negative = take(c, '-');
    if (!negative) {
        (void)take(c, '+');
    }
    skip_blanks(c);
    int64_t whole = 0;
    int64_t nanos = 0;
    if (!next_is_digit(c) && !(c->at < c->end && *c->at == '.')) {
        return false;
    }
    /* 18 digits: the sums of 128 bits cannot overflow, the result is judged at the end. */
    (void)take_number(c, 0, 18, &whole);
    if (c->at < c->end && *c->at == ':') {
        int128 ns;
        if (!take_clock(c, whole, &ns)) {
            return false;
        }
        sum->us += negative ? -(ns / 1000) : ns / 1000;
        return true;
    }
    if (next_is_digit(c) || (take(c, '.') && !take_nanos(c, &nanos))) {
        return false;
    }
    skip_blanks(c);
    date_part part;
    return date_part_from_name(take_word(c), &part) && add_part(sum, part, whole, nanos, negative);
}

bool
interval_parse(text s, interval *out) {
    cursor       c = {s.data, s.data + s.size};
    interval_sum sum = {0, 0, 0};
    if (!take_part(&c, &sum)) {
        return false;
    }
    for (skip_blanks(&c); c.at < c.end; skip_blanks(&c)) {
        const text rest = {c.at, (size_t)(c.end - c.at)};
        if (text_equal_nocase(rest, TEXT("ago"))) {
            sum = (interval_sum){-sum.months, -sum.days, -sum.us};
            break;
        }
        if (!take_part(&c, &sum)) {
            return false;
        }
    }
    if (sum.months < INT32_MIN || sum.months > INT32_MAX || sum.days < INT32_MIN ||
        sum.days > INT32_MAX || sum.us < INT64_MIN || sum.us > INT64_MAX) {
        return false;
    }
    *out =
        (interval){.months = (int32_t)sum.months, .days = (int32_t)sum.days, .us = (int64_t)sum.us};
    return true;
}

/* ---- writing */

static size_t
write_padded(char *out, int64_t v, size_t width) { /* v >= 0 */
    char         digits[NUMBER_TEXT_MAX];
    const size_t size = number_write_i64(digits, v);
    const size_t zeros = size < width ? width - size : 0;
    memset(out, '0', zeros);
    memcpy(out + zeros, digits, size);
    return zeros + size;
}

/* HH:MM:SS[.fraction]; the magnitude, because the smallest int64 has no positive twin. `width`
 * digits make a second. */
static size_t
write_clock(char *out, uint64_t units, size_t width) {
    const uint64_t per_second = width == 6 ? (uint64_t)US_PER_SECOND : (uint64_t)NANOS;
    const int64_t  seconds = (int64_t)(units / per_second);
    int64_t        fraction = (int64_t)(units % per_second);
    size_t         size = write_padded(out, seconds / 3600, 2);
    out[size++] = ':';
    size += write_padded(out + size, seconds / 60 % 60, 2);
    out[size++] = ':';
    size += write_padded(out + size, seconds % 60, 2);
    if (fraction > 0) {
        for (; fraction % 10 == 0; fraction /= 10) {
            width--;
        }
        out[size++] = '.';
        size += write_padded(out + size, fraction, width);
    }
    return size;
}

size_t
date_write(char *out, int64_t days) {
    civil c;
    civil_from_days(days, &c);
    size_t size = 0;
    if (c.year < 0) {
        out[size++] = '-';
    }
    size += write_padded(out + size, c.year < 0 ? -c.year : c.year, 4);
    out[size++] = '-';
    size += write_padded(out + size, c.month, 2);
    out[size++] = '-';
    return size + write_padded(out + size, c.day, 2);
}

size_t
timestamp_write(char *out, int64_t days, int64_t us) {
    size_t size = date_write(out, days);
    out[size++] = ' ';
    return size + write_clock(out + size, (uint64_t)us, 6);
}

size_t
timestamp_write_ns(char *out, int64_t days, int64_t ns) {
    size_t size = date_write(out, days);
    out[size++] = ' ';
    return size + write_clock(out + size, (uint64_t)ns, 9);
}

size_t
clock_write(char *out, int64_t us) {
    return write_clock(out, (uint64_t)us, 6);
}

static size_t
write_unit(char *out, bool first, int64_t count, const char *unit) {
    if (count == 0) {
        return 0;
    }
    size_t size = 0;
    if (!first) {
        out[size++] = ' ';
    }
    size += number_write_i64(out + size, count);
    const size_t unit_size = strlen(unit);
    out[size++] = ' ';
    memcpy(out + size, unit, unit_size);
    size += unit_size;
    if (count != 1 && count != -1) {
        out[size++] = 's';
    }
    return size;
}

size_t
interval_write(char *out, const interval *iv) {
    size_t size = write_unit(out, true, iv->months / 12, "year");
    size += write_unit(out + size, size == 0, iv->months % 12, "month");
    size += write_unit(out + size, size == 0, iv->days, "day");
    if (iv->us != 0 || size == 0) {
        if (size > 0) {
            out[size++] = ' ';
        }
        if (iv->us < 0) {
            out[size++] = '-';
        }
        const uint64_t magnitude = iv->us < 0 ? 0 - (uint64_t)iv->us : (uint64_t)iv->us;
        size += write_clock(out + size, magnitude, 6);
    }
    return size;
}
