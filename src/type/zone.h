/* SPDX-License-Identifier: Apache-2.0 */
/* zone.h - time zones from TZif data (RFC 9636), which is not trusted: offsets from UTC by instant,
 * and instants by local time. */
#ifndef LAMINAR_TYPE_ZONE_H
#define LAMINAR_TYPE_ZONE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

typedef struct zone_rule_day { /* when daylight saving begins or ends each year */
    char    form; /* 'M' month, week, day; 'J' day without 29 February; '0' day from 0 */
    int32_t month, week, day;
    int32_t seconds; /* of local time after midnight; may be negative or beyond a day */
} zone_rule_day;

typedef struct zone {
    int32_t        count; /* of transitions, ascending */
    const int64_t *at;    /* seconds since 1970-01-01 UTC */
    const uint8_t *kinds; /* offset number from then on */
    int32_t        offset_count;
    const int32_t *offsets; /* seconds east of UTC; number 0 holds before the first transition */
    /* After the last transition. */
    bool          has_rule, has_saving;
    int32_t       standard, saving; /* seconds east of UTC */
    zone_rule_day begin, end;
} zone;

/* Reads TZif data, which must outlive the zone. False: it is none, or is broken. NULL arrays are
 * never made; *memory says that memory was out. */
bool zone_parse(zone *out, text data, arena *a, bool *memory);
/* '+02:00', '-0530', '+2', 'UTC', 'GMT', 'Z': a zone of one offset, without data. */
bool zone_fixed(zone *out, text name);
/* Seconds east of UTC at an instant, given in seconds since 1970-01-01 UTC. */
int32_t zone_offset(const zone *z, int64_t seconds);
/* Both saturate. A local time that there is twice is the later one; one that there is not is
 * counted on from before the gap. */
int64_t zone_to_local_us(const zone *z, int64_t us);
int64_t zone_from_local_us(const zone *z, int64_t us);
/* Of a local time that there is twice the one with the offset that `instant` has. */
int64_t zone_from_local_near_us(const zone *z, int64_t us, int64_t instant);
/* '+02', '+05:45', '-00:53:28'; at most ZONE_OFFSET_TEXT_MAX bytes, no terminator. */
#define ZONE_OFFSET_TEXT_MAX 12
size_t zone_offset_write(char *out, int32_t seconds);

#endif
