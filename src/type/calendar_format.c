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
        if (i == format.size || (!append_date_letter(out, format.data[i], us, &c) &&
                                 !append_time_letter(out, format.data[i], us, &c))) {
            return false;
        }
    }
    return true;
}
