/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate.h - the parts of the GROUP BY operator: op_aggregate.c, aggregate_emit.c,
 * aggregate_window.c, aggregate_distinct.c.
 *
 * A group is a slot of `groups`; everything else about it lies in arrays addressed by that slot. */
#ifndef LAMINAR_OP_AGGREGATE_H
#define LAMINAR_OP_AGGREGATE_H

#include "op/rows.h"
#include "state/group_table.h"
#include "state/ordered.h"
#include "table/table.h"

enum {
    GROUP_TOUCHED = 1, /* in a touch of this tick */
    /* The group of an aggregate without keys: its row is out, row_count is one more for ever. */
    GROUP_PUBLISHED = 2
};

typedef struct aggregate_group {
    int64_t  row_count; /* sum of weights: the group exists while it is positive */
    uint32_t flags;
    uint32_t reserved;
} aggregate_group;

/* Groups first touched by one push of this tick; lies in the tick arena. */
typedef struct aggregate_touch aggregate_touch;
struct aggregate_touch {
    aggregate_touch *next;
    int32_t          count;
    slot            *slots;
    uint8_t         *existed;
    column          *old_values; /* as the tick began, one per call; NULL: not wanted, or none */
};

/* Open windows in the order of their starts, each with the chain of its groups; and what closed
 * windows left. */
typedef struct aggregate_windows {
    group_table starts; /* window start -> window slot */
    state_array heads;  /* uint32_t per window slot: first group + 1 */
    state_array links;  /* window_link per group slot */
    ordered     order;
    table      *finished; /* output rows of final windows */
    column     *stored;   /* room for table_append */
    uint64_t    closings;
} aggregate_windows;

/* One call with DISTINCT: how often each value, or row of values, is in each group. */
typedef struct aggregate_distinct {
    group_table pairs;   /* (group slot as BIGINT, values) -> pair slot */
    state_array entries; /* distinct_entry per pair slot; unused unless tracked */
    state_array heads;   /* uint32_t per group slot: first pair + 1 */
    bool        tracked; /* pairs may leave again, by a retraction or with their group */
} aggregate_distinct;

typedef struct aggregate {
    op                  base;
    group_table         groups;
    state_array         records; /* aggregate_group per slot; unused unless tracks_rows */
    agg               **aggs;
    aggregate_distinct *distinct; /* per call; used where the call is DISTINCT */
    aggregate_windows   windows;
    column             *views;     /* of the delta under way */
    column             *arguments; /* the columns of the call under way */
    column             *output;    /* of the delta being emitted */
    aggregate_touch    *first, *last;
    bool                windowed;    /* groups end when their window is final */
    bool                tracks_rows; /* row counts and touches are needed */
} aggregate;

/* ---- op_aggregate.c */
/* Forgets a group and everything that hangs on it, except its place in its window's chain. */
status aggregate_forget(aggregate *a, slot group, error *err) MUST_USE;
/* The group of an aggregate without keys, made when it is missing. */
status aggregate_ensure_global(aggregate *a, error *err) MUST_USE;

/* ---- aggregate_emit.c */
/* Keys and current values of groups as output columns in scratch; `out` has room for the output
 * schema. */
status aggregate_read(const aggregate *a, const slot *slots, int32_t count, column *out,
                      error *err) MUST_USE;
/* Emits -old and +new of the groups touched in this tick; groups without rows leave. */
status aggregate_settle(aggregate *a, error *err) MUST_USE;
/* Sends every group that exists, to target or to all outputs. */
status aggregate_send_all(aggregate *a, op *target, int32_t port, error *err) MUST_USE;

/* ---- aggregate_window.c */
status windows_open(aggregate *a, error *err) MUST_USE;
void   windows_close(aggregate *a);
/* Puts new groups (rows[i] of the input made slots[i]) on the chains of their windows. */
status windows_add(aggregate *a, const int32_t *rows, const slot *slots, int32_t count,
                   error *err) MUST_USE;
/* Takes a group without rows out of its chain. */
status windows_unlink(aggregate *a, slot group, error *err) MUST_USE;
/* Finishes the windows that are final at this frontier. */
status windows_expire(aggregate *a, int64_t frontier_us, error *err) MUST_USE;
/* Sends the rows of finished windows. */
status windows_send_finished(aggregate *a, op *target, int32_t port, error *err) MUST_USE;
status windows_validate(const aggregate *a, error *err) MUST_USE;

/* ---- aggregate_distinct.c */
status distinct_calls_open(aggregate *a, int32_t call, error *err) MUST_USE;
void   distinct_calls_close(aggregate *a, int32_t call);
/* Updates call number `call` with rows of the delta under way (its columns are in a->arguments);
 * filter as in agg_class.update. */
status distinct_calls_update(aggregate *a, int32_t call, const slot *slots, const int64_t *weight,
                             const uint8_t *filter, int32_t count, error *err) MUST_USE;
status distinct_calls_clear(aggregate *a, int32_t call, slot group, error *err) MUST_USE;
status distinct_calls_validate(const aggregate *a, int32_t call, error *err) MUST_USE;

#endif
