/* SPDX-License-Identifier: Apache-2.0 */
/* calendar_format.c - strftime on our own calendar, in English whatever the locale. */
#include "type/calendar.h"

#include <inttypes.h>

static const char *const month_names[12] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};
static const char *const day_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};

static bool
append_date(buf *out, const civil *c) {
    return buf_printf(out, "%04" PRId64 "-%02d-%02d", c->year, c->month, c->day);
}

static bool
append_time(buf *out, const civil *c) {
    return buf_printf(out, "%02d:%02d:%02d", c->hour, c->minute, c->second);
}

static int32_t
year_of_century(int64_t year) {
    const int32_t y = (int32_t)(year % 100);
    return y < 0 ? y + 100 : y;
}

/* The parts that are numbers or names of the date. False: not one of these letters. */
static bool
append_date_letter(buf *out, char letter, int64_t us, const civil *c) {
    switch (letter) {
    case 'Y':
        buf_printf(out, "%04" PRId64, c->year);
        return true;
    case 'y':
        buf_printf(out, "%02d", year_of_century(c->year));
        return true;
    case 'm':
        buf_printf(out, "%02d", c->month);
        return true;
    case 'd':
        buf_printf(out, "%02d", c->day);
        return true;
    case 'e':
        buf_printf(out, "%2d", c->day);
        return true;
    case 'j':
        buf_printf(out, "%03d", (int)date_part_of(us, PART_DOY));
        return true;
    case 'u':
        buf_printf(out, "%d", (int)date_part_of(us, PART_ISODOW));
        return true;
    case 'w':
        buf_printf(out, "%d", (int)date_part_of(us, PART_DOW));
        return true;
    case 'b':
        buf_append(out, month_names[c->month - 1], 3);
        return true;
    case 'B':
        buf_append_text(out, text_of(month_names[c->month - 1]));
        return true;
    case 'a':
        buf_append(out, day_names[date_part_of(us, PART_DOW)], 3);
        return true;
    case 'A':
        buf_append_text(out, text_of(day_names[date_part_of(us, PART_DOW)]));
        return true;
    case 'F':
        append_date(out, c);
        return true;
    default:
        return false;
    }
}

/* Weeks of a year that begin on weekday `first` (0: Sunday); days before the first one are in week
 * 0. */
static int
week_of_year(int64_t us, int64_t first) {
    const int64_t day = date_part_of(us, PART_DOY) - 1;
    const int64_t weekday = floor_mod_i64(date_part_of(us, PART_DOW) - first, 7);
    return (int)((day + 7 - weekday) / 7);
}

static bool
append_week_letter(buf *out, char letter, int64_t us, const civil *c) {
    switch (letter) {
    case 'h':
        buf_append(out, month_names[c->month - 1], 3);
        return true;
    case 'U':
        buf_printf(out, "%02d", week_of_year(us, 0));
        return true;
    case 'W':
        buf_printf(out, "%02d", week_of_year(us, 1));
        return true;
    case 'V':
        buf_printf(out, "%02d", (int)date_part_of(us, PART_WEEK));
        return true;
    case 'G':
        buf_printf(out, "%04d", (int)date_part_of(us, PART_ISOYEAR));
        return true;
    case 'x':
        append_date(out, c);
        return true;
    case 'X':
        append_time(out, c);
        return true;
    case 'c':
        append_date(out, c);
        buf_append_char(out, ' ');
        append_time(out, c);
        return true;
    case 'z':
        buf_append(out, "+00", 3);
        return true;
    case 'Z': /* a time without a zone has none to name: fn_zone.c names that of an instant */
        return true;
    default:
        return false;
    }
}

/* Without leading zeros. False: not one of these letters. */
static bool
append_bare_letter(buf *out, char letter, int64_t us, const civil *c) {
    const struct {
        char    letter;
        int64_t value;
    } numbers[] = {{'d', c->day},
                   {'m', c->month},
                   {'y', year_of_century(c->year)},
                   {'H', c->hour},
                   {'I', c->hour % 12 == 0 ? 12 : c->hour % 12},
                   {'M', c->minute},
                   {'S', c->second},
                   {'j', date_part_of(us, PART_DOY)}};
    for (int32_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        if (numbers[i].letter == letter) {
            buf_printf(out, "%" PRId64, numbers[i].value);
            return true;
        }
    }
    return false;
}

static bool
append_time_letter(buf *out, char letter, int64_t us, const civil *c) {
    switch (letter) {
    case 'H':
        buf_printf(out, "%02d", c->hour);
        return true;
    case 'I':
        buf_printf(out, "%02d", c->hour % 12 == 0 ? 12 : c->hour % 12);
        return true;
    case 'p':
        buf_append(out, c->hour < 12 ? "AM" : "PM", 2);
        return true;
    case 'M':
        buf_printf(out, "%02d", c->minute);
        return true;
    case 'S':
        buf_printf(out, "%02d", c->second);
        return true;
    case 'f':
        buf_printf(out, "%06d", c->us);
        return true;
    case 'n':
        buf_printf(out, "%06d000", c->us);
        return true;
    case 'g':
    case 'L':
        buf_printf(out, "%03d", c->us / 1000);
        return true;
    case 's':
        buf_printf(out, "%" PRId64, floor_div_i64(us, US_PER_SECOND));
        return true;
    case 'T':
        append_time(out, c);
        return true;
    case '%':
        buf_append_char(out, '%');
        return true;
    default:
        return false;
    }
}

bool
timestamp_format(int64_t us, text format, buf *out) {
    civil c;
    civil_from_us(us, &c);
    for (size_t i = 0; i < format.size; i++) {
        if (format.data[i] != '%') {
            buf_append_char(out, format.data[i]);
            continue;
        }
        i++;
        const bool bare = i + 1 < format.size && format.data[i] == '-';
        i += bare;
        if (i == format.size) {
            return false;
        }
        const char letter = format.data[i];
        if (bare ? !append_bare_letter(out, letter, us, &c)
                 : !append_date_letter(out, letter, us, &c) &&
                       !append_time_letter(out, letter, us, &c) &&
                       !append_week_letter(out, letter, us, &c)) {
            return false;
        }
    }
    return true;
}
