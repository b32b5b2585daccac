/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - what change.c and resolve.c share. */
#ifndef LAMINAR_TABLE_KEYS_H
#define LAMINAR_TABLE_KEYS_H

#include "table/segment.h"

/* A column of the segment, or of the tail when it is NULL. */
column table_column_at(const table *t, const segment *s, int32_t at);

#endif
