/* SPDX-License-Identifier: Apache-2.0 */
/* calendar_parse.c - strptime on our own calendar: text by a format, names in English whatever the
 * locale and in any case. */
#include "type/calendar.h"

static const char *const month_names[12] = {"january",   "february", "march",    "april",
                                            "may",       "june",     "july",     "august",
                                            "september", "october",  "november", "december"};
static const char *const day_names[7] = {"sunday",   "monday", "tuesday", "wednesday",
                                         "thursday", "friday", "saturday"};

typedef struct parsed {
    const char *at, *end;
    int64_t     year, day_of_year; /* day_of_year 0: not given */
    int32_t     month, day, hour, minute, second;
    int64_t     us, offset_us;
    bool        twelve, afternoon, has_half;
    bool        has_epoch;
    int64_t     epoch;
    text        zone; /* its name; size 0: none */
} parsed;

static bool
number(parsed *p, int32_t most_digits, int64_t low, int64_t high, int64_t *out) {
    int64_t v = 0;
    int32_t n = 0;
    for (; n < most_digits && p->at < p->end && *p->at >= '0' && *p->at <= '9'; n++) {
        v = v * 10 + (*p->at++ - '0');
    }
    *out = v;
    return n > 0 && v >= low && v <= high;
}

static bool
small(parsed *p, int32_t low, int32_t high, int32_t *out) {
    int64_t v;
    if (!number(p, 2, low, high, &v)) {
        return false;
    }
    *out = (int32_t)v;
    return true;
}

/* The full name, or its first three letters. */
static bool
name(parsed *p, const char *const *names, int32_t count, bool full, int32_t *out) {
    for (*out = 0; *out < count; (*out)++) {
        const size_t size = full ? strlen(names[*out]) : 3;
        if ((size_t)(p->end - p->at) >= size &&
            text_equal_nocase((text){p->at, size}, (text){names[*out], size})) {
            p->at += size;
            return true;
        }
    }
    return false;
}

static bool
fraction(parsed *p, int32_t digits) {
    int64_t scale = 100000000, ns = 0;
    int32_t n = 0;
    for (; n < digits && p->at < p->end && *p->at >= '0' && *p->at <= '9'; n++) {
        ns += (*p->at++ - '0') * scale;
        scale /= 10;
    }
    p->us = ns / 1000;
    return n > 0;
}

/* +hh, +hhmm, +hh:mm, Z. */
static bool
offset(parsed *p) {
    if (p->at < p->end && (*p->at == 'Z' || *p->at == 'z')) {
        p->at++;
        return true;
    }
    if (p->at == p->end || (*p->at != '+' && *p->at != '-')) {
        return false;
    }
    const int64_t sign = *p->at++ == '-' ? -1 : 1;
    int32_t       hours, minutes = 0;
    if (!small(p, 0, 15, &hours)) {
        return false;
    }
    const bool colon = p->at < p->end && *p->at == ':';
    p->at += colon;
    const bool more = p->at < p->end && *p->at >= '0' && *p->at <= '9';
    if ((more || colon) && !small(p, 0, 59, &minutes)) {
        return false;
    }
    p->offset_us = sign * (hours * 60 + minutes) * 60 * US_PER_SECOND;
    return true;
}

/* Europe/Berlin, UTC: which zones there are is not known here. */
static bool
zone_name(parsed *p) {
    const char *from = p->at;
    for (; p->at < p->end; p->at++) {
        const char c = *p->at;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '/' || c == '+' || c == '-')) {
            break;
        }
    }
    p->zone = (text){from, (size_t)(p->at - from)};
    return p->zone.size > 0;
}

static bool
half_of_day(parsed *p) {
    if (p->end - p->at < 2) {
        return false;
    }
    const text two = {p->at, 2};
    p->has_half = true;
    p->afternoon = text_equal_nocase(two, TEXT("PM"));
    p->at += 2;
    return p->afternoon || text_equal_nocase(two, TEXT("AM"));
}

static bool
year(parsed *p) {
    const bool negative = p->at < p->end && *p->at == '-';
    p->at += negative;
    const bool ok = number(p, negative ? 6 : 4, 0, 294247, &p->year);
    p->year = negative ? -p->year : p->year;
    return ok;
}

static bool
epoch(parsed *p) {
    const bool negative = p->at < p->end && *p->at == '-';
    p->at += negative;
    const bool ok = number(p, 12, 0, INT64_MAX, &p->epoch);
    p->epoch = negative ? -p->epoch : p->epoch;
    p->has_epoch = true;
    return ok;
}

static bool
date_letter(parsed *p, char letter, bool *known) {
    int32_t ignored;
    int64_t two;
    switch (letter) {
    case 'Y':
        return year(p);
    case 'y':
        if (!number(p, 2, 0, 99, &two)) {
            return false;
        }
        p->year = two + (two < 69 ? 2000 : 1900);
        return true;
    case 'm':
        return small(p, 1, 12, &p->month);
    case 'd':
        return small(p, 1, 31, &p->day);
    case 'e':
        p->at += p->at < p->end && *p->at == ' ';
        return small(p, 1, 31, &p->day);
    case 'j':
        return number(p, 3, 1, 366, &p->day_of_year);
    case 'B':
    case 'b':
    case 'h':
        p->month = 0;
        if (!name(p, month_names, 12, letter == 'B', &p->month)) {
            return false;
        }
        p->month++;
        return true;
    case 'A':
    case 'a':
        return name(p, day_names, 7, letter == 'A', &ignored);
    default:
        *known = false;
        return false;
    }
}

static bool
letter_of(parsed *p, char letter, bool *known) {
    switch (letter) {
    case 'H':
        return small(p, 0, 23, &p->hour);
    case 'I':
        p->twelve = true;
        return small(p, 1, 12, &p->hour);
    case 'M':
        return small(p, 0, 59, &p->minute);
    case 'S':
        return small(p, 0, 59, &p->second);
    case 'f':
        return fraction(p, 6);
    case 'n':
        return fraction(p, 9);
    case 'g':
    case 'L':
        return fraction(p, 3);
    case 'p':
        return half_of_day(p);
    case 'z':
        return offset(p);
    case 'Z':
        return zone_name(p);
    case 's':
        return epoch(p);
    case '%':
        return p->at < p->end && *p->at++ == '%';
    default:
        return date_letter(p, letter, known);
    }
}

/* The letters that stand for several others. */
static text
expansion(char letter) {
    switch (letter) {
    case 'F':
    case 'x':
        return TEXT("%Y-%m-%d");
    case 'T':
    case 'X':
        return TEXT("%H:%M:%S");
    case 'c':
        return TEXT("%Y-%m-%d %H:%M:%S");
    default:
        return (text){NULL, 0};
    }
}

static bool
take_format(parsed *p, text format, bool *known) {
    for (size_t i = 0; i < format.size && *known; i++) {
        const char c = format.data[i];
        if (c != '%') {
            if (p->at == p->end || *p->at++ != c) {
                return false;
            }
            continue;
        }
        i++;
        i += i + 1 < format.size && format.data[i] == '-';
        if (i == format.size) {
            *known = false;
            return false;
        }
        const text longer = expansion(format.data[i]);
        if (longer.data != NULL ? !take_format(p, longer, known)
                                : !letter_of(p, format.data[i], known)) {
            return false;
        }
    }
    return *known;
}

bool
timestamp_format_is_readable(text format) {
    for (size_t i = 0; i < format.size; i++) {
        if (format.data[i] != '%') {
            continue;
        }
        i++;
        i += i + 1 < format.size && format.data[i] == '-';
        if (i >= format.size) {
            return false;
        }
        parsed none = {.at = "", .end = NULL};
        none.end = none.at;
        bool known = true;
        (void)(expansion(format.data[i]).data != NULL || letter_of(&none, format.data[i], &known));
        if (!known) {
            return false;
        }
    }
    return true;
}

bool
timestamp_parse(text s, text format, int64_t *us, text *zone) {
    parsed p = {.at = s.data, .end = s.data + s.size, .year = 1900, .month = 1, .day = 1};
    bool   known = true;
    if (!take_format(&p, format, &known) || p.at != p.end) {
        return false;
    }
    *zone = p.has_epoch ? (text){NULL, 0} : p.zone;
    if (p.has_epoch) {
        return !__builtin_mul_overflow(p.epoch, US_PER_SECOND, us) &&
               !__builtin_add_overflow(*us, p.us, us);
    }
    if (p.day > days_in_month(p.year, p.month) ||
        (p.day_of_year == 366 && days_in_month(p.year, 2) == 28)) {
        return false;
    }
    if (p.has_half && (p.twelve || p.hour <= 12)) {
        p.hour = p.hour % 12 + (p.afternoon ? 12 : 0);
    }
    const int64_t days = p.day_of_year > 0 ? days_from_civil(p.year, 1, 1) + p.day_of_year - 1
                                           : days_from_civil(p.year, p.month, p.day);
    const int64_t of_day =
        ((p.hour * INT64_C(60) + p.minute) * 60 + p.second) * US_PER_SECOND + p.us - p.offset_us;
    return !__builtin_mul_overflow(days, US_PER_DAY, us) &&
           !__builtin_add_overflow(*us, of_day, us);
}
