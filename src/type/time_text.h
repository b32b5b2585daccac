/* SPDX-License-Identifier: Apache-2.0 */
/* time_text.h - dates, timestamps and intervals from and to text. The whole text must be the value;
 * no blanks around it.
 *
 * Years are 4 to 9 digits with an optional sign, astronomical (0 is 1 BC), so that every value has
 * a text that reads back. */
#ifndef LAMINAR_TYPE_TIME_TEXT_H
#define LAMINAR_TYPE_TIME_TEXT_H

#include "base/text.h"
#include "type/type.h"

#define TIME_TEXT_MAX 96

/* '2024-01-31', then optionally ' 09:30', ':05', '.123456', 'Z', 'UTC' or '+01:00' ('T' for the
 * blank).
 * Digits beyond microseconds are cut. *us is microseconds since midnight of *days, an offset
 * applied: it may lie outside of the day. */
bool time_parse(text s, int64_t *days, int64_t *us);
/* The same; *zoned: the text says an offset. */
bool time_parse_zoned(text s, int64_t *days, int64_t *us, bool *zoned);
/* The same to nanoseconds. */
bool time_parse_ns(text s, int64_t *days, int64_t *ns);
/* Only what has its digits in the usual places and no offset: 2024-01-31 09:05:00[.fraction], T for
 * the blank. False: the others tell. */
bool time_parse_plain(text s, int64_t *days, int64_t *ns);
/* A time of day: '09:30', ':05', '.123456'. Digits beyond microseconds are cut. */
bool clock_parse(text s, int64_t *us);
/* '5 minutes', '1 year 2 months -3 days', '1h30m', '1 day 02:03:04.5', '1.5 hours', '3 days ago'.
 */
bool interval_parse(text s, interval *out);

/* Return the size; no terminator. out: room for TIME_TEXT_MAX bytes. us: 0 .. US_PER_DAY - 1. */
size_t date_write(char *out, int64_t days);
size_t timestamp_write(char *out, int64_t days, int64_t us);
size_t timestamp_write_ns(char *out, int64_t days, int64_t ns);
size_t clock_write(char *out, int64_t us);
size_t interval_write(char *out, const interval *iv);

#endif
