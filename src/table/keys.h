/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - what change.c and resolve.c share. */
#ifndef LAMINAR_TABLE_KEYS_H
#define LAMINAR_TABLE_KEYS_H

#include "table/segment.h"

/* A column of the segment, or of the tail when it is NULL; *hold as segment_read gives it. */
status table_column_at(const table *t, segment *s, int32_t at, column *out, chunk **hold,
                       error *err) MUST_USE;

#endif
