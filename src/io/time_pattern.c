/* SPDX-License-Identifier: Apache-2.0 */
/* time_pattern.c - see time_pattern.h. */
#include "io/time_pattern.h"

#include <string.h>

#include "type/calendar.h"

typedef struct parts {
    int64_t year, month, day, hour, minute, second, us, year_day;
    int32_t half; /* 0: none, 1: AM, 2: PM */
} parts;

typedef struct reader {
    const char *at, *end;
} reader;

static bool
take_number(reader *r, int32_t digits, int64_t *out) {
    int32_t n = 0;
    int64_t v = 0;
    while (r->at < r->end && n < digits && *r->at >= '0' && *r->at <= '9') {
        v = v * 10 + (*r->at++ - '0');
        n++;
    }
    *out = v;
    return n > 0;
}

static bool
take_fraction(reader *r, int64_t *us) {
    const char *start = r->at;
    int64_t     v = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        v = r->at - start < 6 ? v * 10 + (*r->at - '0') : v;
    }
    for (ptrdiff_t n = r->at - start; n < 6; n++) {
        v *= 10;
    }
    *us = v;
    return r->at > start;
}

static bool
take_month_name(reader *r, int64_t *month) {
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        const size_t sizes[] = {strlen(names[i]), 3};
        for (int32_t k = 0; k < 2; k++) {
            if ((size_t)(r->end - r->at) >= sizes[k] &&
                text_equal_nocase((text){r->at, sizes[k]}, (text){names[i], sizes[k]})) {
                r->at += sizes[k];
                *month = i + 1;
                return true;
            }
        }
    }
    return false;
}

static bool
take_half(reader *r, int32_t *half) {
    if (r->end - r->at < 2 || (r->at[1] | 0x20) != 'm') {
        return false;
    }
    const char c = (char)(*r->at | 0x20);
    *half = c == 'a' ? 1 : c == 'p' ? 2 : 0;
    r->at += 2;
    return *half != 0;
}

static bool
take_part(reader *r, char kind, parts *p) {
    switch (kind) {
    case 'Y':
        return take_number(r, 6, &p->year);
    case 'y':
        if (!take_number(r, 2, &p->year)) {
            return false;
        }
        p->year += p->year < 69 ? 2000 : 1900;
        return true;
    case 'm':
        return take_number(r, 2, &p->month);
    case 'b':
    case 'B':
        return take_month_name(r, &p->month);
    case 'd':
        return take_number(r, 2, &p->day);
    case 'j':
        return take_number(r, 3, &p->year_day);
    case 'H':
    case 'I':
        return take_number(r, 2, &p->hour);
    case 'M':
        return take_number(r, 2, &p->minute);
    case 'S':
        return take_number(r, 2, &p->second);
    case 'f':
        return take_fraction(r, &p->us);
    case 'p':
        return take_half(r, &p->half);
    default:
        return false;
    }
}

static bool
assemble(int64_t *us, parts *p) {
    if (p->half != 0) {
        if (p->hour < 1 || p->hour > 12) {
            return false;
        }
        p->hour = p->hour % 12 + (p->half == 2 ? 12 : 0);
    }
    if (p->month < 1 || p->month > 12 || p->day < 1 || p->year > 290000 || p->hour > 23 ||
        p->minute > 59 || p->second > 59 || p->day > days_in_month(p->year, (int32_t)p->month)) {
        return false;
    }
    int64_t days = days_from_civil(p->year, (int32_t)p->month, (int32_t)p->day);
    if (p->year_day > 0) {
        days = days_from_civil(p->year, 1, 1) + p->year_day - 1;
    }
    *us = days * US_PER_DAY + ((p->hour * 60 + p->minute) * 60 + p->second) * US_PER_SECOND + p->us;
    return p->year_day <= 366;
}

bool
time_pattern_parse(int64_t *us, text pattern, text t) {
    parts  p = {.year = 1970, .month = 1, .day = 1};
    reader r = {.at = t.data, .end = t.data + t.size};
    for (size_t i = 0; i < pattern.size; i++) {
        const char c = pattern.data[i];
        if (c == '%' && i + 1 < pattern.size && pattern.data[i + 1] != '%') {
            if (!take_part(&r, pattern.data[++i], &p)) {
                return false;
            }
            continue;
        }
        i += c == '%' && i + 1 < pattern.size;
        if (r.at == r.end || *r.at != c) {
            return false;
        }
        r.at++;
    }
    return r.at == r.end && assemble(us, &p);
}

const char *
time_pattern_fault(text pattern) {
    if (pattern.size == 0) {
        return "it is empty";
    }
    for (size_t i = 0; i < pattern.size; i++) {
        if (pattern.data[i] == '%' &&
            (++i == pattern.size || strchr("YymbBdjHIMSfp%", pattern.data[i]) == NULL)) {
            return "after % stands one of Y y m b B d j H I M S f p %";
        }
    }
    return NULL;
}
