/* SPDX-License-Identifier: Apache-2.0 */
/* preserve_internal.h - records of an engine's image, as preserve.c writes and revive.c reads them.
 * They are copies of memory without padding. */
#ifndef LAMINAR_EXEC_PRESERVE_INTERNAL_H
#define LAMINAR_EXEC_PRESERVE_INTERNAL_H

#include <stddef.h>

#include "exec/engine_internal.h"

#define PLAN_DEPTH_MAX 2000 /* nodes above one another that parts may stand under */

typedef struct engine_state {
    uint64_t      sequence, held_sequence, round;
    int64_t       now_us, flow_us, watermark_floor_us, rows_delivered;
    engine_totals totals;
    int64_t       paused;
} engine_state;

enum { SOURCE_BY_HAND = 1, SOURCE_UNIT_CHECKED = 2, SOURCE_IDLE = 4 };

typedef struct source_state {
    int64_t watermark_us, accepted_watermark_us, held_entry, held_position;
    int64_t null_time_rows, opened_us, silence_us, flags;
} source_state;

/* STREAM_GOES_ON: it runs; its parts and its circuit follow. */
enum { STREAM_GOES_ON = 1, STREAM_FAILED = 2, STREAM_STOPPED = 4, STREAM_JOINED_HELD = 8 };

typedef struct stream_state {
    int64_t      frontier_us, rows_out, ticks, freed_rows;
    uint64_t     stopped_after;
    int64_t      closing_us, emission_us;
    log_position shown;
    uint64_t     shape; /* of its plan */
    int64_t      flags;
} stream_state;

/* Of stream_counters `final`: the numbers. */
#define FINAL_BYTES offsetof(stream_counters, backpressured)

/* Two plans with different ones do not have the same state. */
uint64_t plan_shape(const stream *s);

#endif
