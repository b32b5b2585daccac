/* SPDX-License-Identifier: Apache-2.0 */
/* over_state.h - what window functions keep in streams, shared by over_stream.c and over_reach.c.
 *
 * A row of the input is a slot; copies of a row have slots of their own. Each partition has a tree
 * of its rows in order. Beside a row stand the results that were emitted for it. */
#ifndef LAMINAR_OP_OVER_STATE_H
#define LAMINAR_OP_OVER_STATE_H

#include "op/over.h"

enum {
    PART_TOUCHED = 1, /* in the list of this tick */
    PART_LOST = 2     /* a row left in this tick */
};

typedef struct over_part_record {
    slot     first; /* the first row that changed or follows one that left; SLOT_NONE: none does */
    uint32_t flags; /* 0 between ticks */
} over_part_record;

typedef struct over_row {
    int64_t  group; /* number of its group of peers in the partition, from 1 */
    slot     link;  /* its partition; of a free slot: the next free one */
    uint32_t fresh; /* 1: new in this tick */
} over_row;

typedef struct over_state {
    group_table   parts;
    state_array   part_records;
    state_columns rows;    /* input columns */
    state_columns results; /* a column per call */
    state_array   records; /* over_row per slot */
    state_array   free;    /* one slot: the first free one + 1 */
    ordered       order;
    slot_list     touched; /* partitions of this tick */
    idle_book     ages;    /* of partitions */
    column       *keys;    /* partition columns of the delta under way */
    uint64_t      row_count;
} over_state;

ALWAYS_INLINE over_row *
over_row_at(const over *o, slot s) {
    return ARRAY_AT(&o->state->records, over_row, s);
}

/* What to look at again in a partition. */
typedef struct over_reach {
    uint64_t from;  /* place of the first row whose results may differ */
    uint64_t first; /* place of the first row that is looked at: the first of its peers */
    uint64_t head;  /* so many first rows of the partition are looked at, too */
} over_reach;

/* ---- over_image.c: after a restore; over_state.row_count is set */
status over_stream_rebuild(over *o, error *err) MUST_USE;

/* ---- over_reach.c */
status over_find_reach(over_reach *out, const over *o, slot part, const over_part_record *r,
                       error *err) MUST_USE;

/* ---- over_frame.c: does a RANGE bound of row j reach back to row i, both of `keys`? Rows with a
 * NULL reach those alone. */
bool over_range_reaches(const over *o, const frame_bound *b, const column *keys, int32_t i,
                        int32_t j);

#endif
