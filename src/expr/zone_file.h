/* SPDX-License-Identifier: Apache-2.0 */
/* zone_file.h - time zones by name, from the system's zoneinfo files (fn_zone.c). */
#ifndef LAMINAR_EXPR_ZONE_FILE_H
#define LAMINAR_EXPR_ZONE_FILE_H

#include "type/zone.h"

/* 'Europe/Berlin', 'UTC', '+02:00'. What *out points at lives in `a`. An error when there is no
 * such zone. */
status zone_open(zone *out, text name, arena *a, error *err) MUST_USE;
/* A TIMESTAMPTZ as text, with the offset, and read: what has no offset of its own is local time. */
#define ZONE_TEXT_MAX 112
size_t zone_write(char *out, const zone *z, int64_t us);
status zone_read(const zone *z, text s, int64_t *out, error *err) MUST_USE;
/* What a name may be, as the hint of an error. */
status zone_hint(error *err);

#endif
