/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.h - the proleptic Gregorian calendar on integers; floors everywhere, so that dates
 * before 1970 work. */
#ifndef LAMINAR_TYPE_CALENDAR_H
#define LAMINAR_TYPE_CALENDAR_H

#include "base/text.h"
#include "type/type.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY INT64_C(86400000000)

typedef struct civil {
    int64_t year;
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
    int32_t hour, minute, second, us;
} civil;

/* Days since 1970-01-01 (algorithm: Howard Hinnant, "chrono-compatible low-level date algorithms").
 */
int64_t days_from_civil(int64_t year, int32_t month, int32_t day);
void    civil_from_days(int64_t days, civil *out); /* time fields 0 */
void    civil_from_us(int64_t us, civil *out);
int32_t days_in_month(int64_t year, int32_t month);
/* Calendar-aware: months first (clipped to the month's end), then days, then microseconds. False on
 * overflow. */
bool timestamp_add_interval(int64_t us, const interval *iv, int64_t *out);

typedef enum date_part {
    PART_YEAR,
    PART_QUARTER,
    PART_MONTH,
    PART_WEEK,
    PART_DAY,
    PART_HOUR,
    PART_MINUTE,
    PART_SECOND,
    PART_MILLISECOND,
    PART_MICROSECOND,
    PART_DOW,
    PART_ISODOW,
    PART_DOY,
    PART_EPOCH,
    PART_DECADE,  /* year / 10, and so on: cut towards zero as in DuckDB */
    PART_CENTURY, /* 2000 is in the 20th */
    PART_MILLENNIUM,
    PART_ISOYEAR,
    PART_YEARWEEK,  /* ISO year * 100 + week */
    PART_ERA,       /* 1, before year 1: 0 */
    PART_NANOSECOND /* contains the seconds */
} date_part;

bool date_part_from_name(text name, date_part *out); /* singular, plural, common short forms */
/* WEEK is ISO 8601's; MILLISECOND and MICROSECOND contain the seconds (0 .. 59,999), as in
 * PostgreSQL; EPOCH: whole seconds, floored. */
int64_t date_part_of(int64_t us, date_part part);
/* WEEK goes to Monday; DOW, ISODOW, DOY to the day; EPOCH to the second. Saturates at the ends of
 * int64. */
int64_t timestamp_trunc(int64_t us, date_part part);

/* strftime with the usual letters: %Y %y %m %d %e %j %b %h %B %a %A %u %w %U %W %V %G %H %I %p %M
 * %S %f %g %L (ms) %n (ns) %s %z %F %x %T %X %c %%; %-d and so on without leading zeros. False:
 * unknown letter. */
bool timestamp_format(int64_t us, text format, buf *out);
/* strptime: the whole text must be like the format. Parts that it does not have are those of
 * 1900-01-01; a zone offset is applied. *zone: the name at %Z, size 0: there is none; *us is then
 * by its clocks. False: it is not. */
bool timestamp_parse(text s, text format, int64_t *us, text *zone);
bool timestamp_format_is_readable(text format); /* all of its letters are known */

#endif
