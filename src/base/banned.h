/* SPDX-License-Identifier: Apache-2.0 */
/* banned.h - calls with no safe use in this engine do not compile (an idea of git's banned.h).
 *
 * The libc headers come first, so that a later #include finds their guards and meets no macro.
 * Calls that have one owner file (malloc, pthread_*, open, clock_gettime) are checked by
 * tools/tidy.py. */
#ifndef LAMINAR_BASE_BANNED_H
#define LAMINAR_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(name) sorry_##name##_is_a_banned_function

/* No bound on what is written: buf_append, buf_printf, memcpy with a checked size, snprintf. */
#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)

/* Leave text unterminated, or fill what nobody reads. */
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strncat
#define strncat(...) BANNED(strncat)

/* Hidden static state: two threads meet in it. */
#undef strtok
#define strtok(...) BANNED(strtok)
#undef strerror
#define strerror(...) BANNED(strerror)
#undef rand
#define rand(...) BANNED(rand)
#undef srand
#define srand(...) BANNED(srand)

/* Static state, time zone of the process: type/calendar.h. */
#undef gmtime
#define gmtime(...) BANNED(gmtime)
#undef gmtime_r
#define gmtime_r(...) BANNED(gmtime_r)
#undef localtime
#define localtime(...) BANNED(localtime)
#undef localtime_r
#define localtime_r(...) BANNED(localtime_r)
#undef mktime
#define mktime(...) BANNED(mktime)
#undef ctime
#define ctime(...) BANNED(ctime)
#undef asctime
#define asctime(...) BANNED(asctime)

/* No error report, or the decimal point of the user's locale. */
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef atoll
#define atoll(...) BANNED(atoll)
#undef atof
#define atof(...) BANNED(atof)
#undef sscanf
#define sscanf(...) BANNED(sscanf)

#endif
