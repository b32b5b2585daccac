/* SPDX-License-Identifier: Apache-2.0 */
/* time_pattern.h - dates and times in a given form: %Y year, %y year of two digits (69: 1969),
 * %m month, %b or %B its English name, %d day, %H hour, %I hour of 12 with %p AM or PM, %M minute,
 * %S second, %f fraction of a second, %j day of the year, %% a percent sign. All other characters
 * stand for themselves. Leading zeros may be left out. */
#ifndef LAMINAR_IO_TIME_PATTERN_H
#define LAMINAR_IO_TIME_PATTERN_H

#include "base/text.h"

/* Microseconds since 1970; false when the text does not have the form, or there is no such day. */
bool time_pattern_parse(int64_t *us, text pattern, text t);
/* NULL: fine. Otherwise what is wrong with a pattern. */
const char *time_pattern_fault(text pattern);

#endif
