/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate.h - the parts of the GROUP BY operator: op_aggregate.c, aggregate_emit.c,
 * aggregate_window.c, aggregate_panes.c, aggregate_gather.c, aggregate_compact.c,
 * aggregate_session.c, session_rebuild.c, aggregate_distinct.c, aggregate_shared.c,
 * aggregate_merge.c, aggregate_unite.c, aggregate_spill.c, aggregate_rows.c.
 *
 * A group is a slot of `groups`; everything else about it lies in arrays addressed by that slot. */
#ifndef LAMINAR_OP_AGGREGATE_H
#define LAMINAR_OP_AGGREGATE_H

#include "op/rows.h"
#include "op/spill.h"
#include "state/arrangement.h"
#include "state/calendar.h"
#include "table/table.h"

enum {
    GROUP_TOUCHED = 1, /* in a touch of this tick */
    /* The group of an aggregate without keys: its row is out, row_count is one more for ever. */
    GROUP_PUBLISHED = 2,
    GROUP_SHOWN = 4 /* emit_at_end: a session whose row is out; its end may move */
};

/* Its row_count, the sum of weights, and its flags below it. The group exists while the former is
 * positive. */
typedef struct aggregate_group {
    uint64_t word;
} aggregate_group;

enum { GROUP_FLAGS = 7, GROUP_FLAG_BITS = 3 };

ALWAYS_INLINE int64_t
group_rows(const aggregate_group *g) {
    return (int64_t)g->word >> GROUP_FLAG_BITS;
}

ALWAYS_INLINE void
group_add_rows(aggregate_group *g, int64_t rows) {
    g->word += (uint64_t)rows << GROUP_FLAG_BITS;
}

ALWAYS_INLINE void
group_drop_rows(aggregate_group *g) {
    g->word &= GROUP_FLAGS;
}

ALWAYS_INLINE bool
group_has(const aggregate_group *g, uint64_t flag) {
    return (g->word & flag) != 0;
}

ALWAYS_INLINE void
group_mark(aggregate_group *g, uint64_t flag, bool on) {
    g->word = on ? g->word | flag : g->word & ~flag;
}

/* Groups first touched by one push of this tick; lies in the tick arena. */
typedef struct aggregate_touch aggregate_touch;
struct aggregate_touch {
    aggregate_touch *next;
    int32_t          count;
    slot            *slots;
    uint8_t         *existed;
    column          *old_values; /* as the tick began, one per call; NULL: not wanted, or none */
};

/* Open windows, and what closed ones left. */
typedef struct aggregate_windows {
    calendar open;     /* groups by the start of their window */
    table   *finished; /* output rows of final windows */
    column  *stored;   /* room for table_append */
    uint64_t closings;
} aggregate_windows;

/* Windows made of panes (aggregate_panes.c), by numbers of panes. */
typedef struct aggregate_panes {
    int64_t width;        /* of a pane, in units of the time; 0: windows are not made of panes */
    int64_t origin, rest; /* pane 0 starts at origin * width + rest, as some window does */
    int64_t size, slide;  /* of a window, in panes */
    int64_t next;         /* no window that is not final begins before; INT64_MIN: not known yet */
    int64_t built;        /* panes before it are in runs */
    int64_t start;        /* of the window whose rows go out */
    int32_t levels;       /* of runs: the longest has 2^levels panes */
} aggregate_panes;

/* Open sessions. Each is a slot of `sessions`; the number of the slot is what its rows are grouped
 * by. */
typedef struct aggregate_sessions {
    group_table keys;      /* the other grouping columns -> key slot */
    state_array records;   /* key_record per key slot */
    state_array sessions;  /* session per session slot */
    ordered     by_key;    /* sessions of each key by their start: a tree per key slot */
    ordered     by_due;    /* sessions by a time not after their last row: who may be final next */
    slot        free;      /* first unused session slot, chained by `forward`; SLOT_NONE */
    int64_t     gap;       /* in units of the time column */
    bool        holds;     /* rows are kept, because something must be computed again from them */
    bool        rebuilds;  /* rows may leave: touched sessions are made anew at the tick */
    arrangement rows;      /* by the other grouping columns */
    column     *key_views; /* of the delta under way: what `keys` is mapped by */
    struct dirty_key *dirty; /* of this tick, in its arena: keys whose rows changed */
    int32_t           dirty_count, dirty_capacity;
} aggregate_sessions;

/* One call with DISTINCT: how often each value, or row of values, is in each group. */
typedef struct aggregate_distinct {
    group_table pairs;   /* (group slot as BIGINT, values) -> pair slot */
    state_array entries; /* distinct_entry per pair slot; unused unless tracked */
    state_array heads;   /* uint32_t per group slot: first pair + 1 */
    bool        tracked; /* pairs may leave again, by a retraction or with their group */
    /* A call over the columns of an earlier one without a FILTER, its base, has no pair that the
     * base has not: which of the base's it has is a bit of a mark, not a second index. */
    int32_t  base; /* that call; -1: none */
    uint8_t  bit;
    uint8_t  bits_used; /* of a base, by its calls */
    uint8_t *marks;     /* of a base, by pair; NULL: none yet */
    uint64_t marks_room;
    slot    *row_pairs; /* of a base: of each row of the delta under way that counts; else NULL */
} aggregate_distinct;

/* One-off, where memory is limited. */
typedef struct aggregate_limits {
    bool      known; /* whether it is, which the first rows decide */
    bool      limited;
    bool      holds; /* some call keeps its rows: they wait, as `held` or on disk, until the tick */
    spill_set spilled;
    batch   **held;
    int32_t   held_count, held_capacity;
    int64_t   held_bytes;
} aggregate_limits;

typedef struct aggregate_gather aggregate_gather; /* aggregate_gather.c */

typedef struct aggregate {
    op                  base;
    group_table         groups;
    state_array         records; /* aggregate_group per slot; unused unless tracks_rows */
    agg               **aggs;
    aggregate_distinct *distinct; /* per call; used where the call is DISTINCT */
    aggregate_windows   windows;
    aggregate_panes     panes;
    aggregate_gather   *gather; /* NULL: rows go to their groups at once */
    aggregate_sessions  sessions;
    aggregate_limits    limits;
    idle_book           ages;      /* of groups */
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
/* Lists groups that this tick had not touched, with the values they have now. */
status aggregate_touch_groups(aggregate *a, const slot *slots, int32_t count, error *err) MUST_USE;
/* The group of each row of the delta in a->views; makes and prepares new ones. */
status aggregate_map_rows(aggregate *a, int32_t row_count, slot *slots, error *err) MUST_USE;
/* The calls alone. */
status aggregate_update_calls(aggregate *a, const slot *slots, const delta *in,
                              error *err) MUST_USE;
/* Rows of the delta in a->views into their groups, which are touched with it. */
status aggregate_add_rows(aggregate *a, const slot *slots, const delta *in, error *err) MUST_USE;
/* The group of an aggregate without keys, made when it is missing. */
status aggregate_ensure_global(aggregate *a, error *err) MUST_USE;

/* Rows of the delta in a->views into their groups. */
status aggregate_take(aggregate *a, const delta *in, error *err) MUST_USE;
/* All that groups lie in, without one; and closed, with them. */
status aggregate_open_groups(aggregate *a, error *err) MUST_USE;
void   aggregate_close_groups(aggregate *a);
status aggregate_reset(aggregate *a, error *err) MUST_USE; /* one after the other: no groups */

/* ---- aggregate_spill.c */
/* Memory is limited, and groups may go to disk. */
bool   aggregate_is_limited(aggregate *a);
status aggregate_push_limited(aggregate *a, const delta *in, error *err) MUST_USE;
status aggregate_tick_limited(aggregate *a, error *err) MUST_USE;
void   aggregate_close_limits(aggregate *a);

/* ---- aggregate_compact.c */
/* Three quarters of the slots, slots_min or more, are free, and the groups can be moved. */
bool   aggregate_is_sparse(const aggregate *a, uint64_t slots_min);
status aggregate_compact(aggregate *a, error *err) MUST_USE; /* between ticks */

/* ---- aggregate_emit.c */
/* Keys and current values of groups as output columns in scratch; `out` has room for the output
 * schema. */
status aggregate_read(const aggregate *a, const slot *slots, int32_t count, column *out,
                      error *err) MUST_USE;
/* Emits -old and +new of the groups touched in this tick; groups without rows leave. */
status aggregate_settle(aggregate *a, int64_t frontier_us, error *err) MUST_USE;
/* Sends every group that exists, to target or to all outputs. */
status aggregate_send_all(aggregate *a, op *target, int32_t port, error *err) MUST_USE;

/* ---- aggregate_image.c: op_class.save and .load */
status aggregate_bring(op *self, error *err) MUST_USE; /* op_class.settle */
status aggregate_save(op *self, buf *out, error *err) MUST_USE;
status aggregate_load(op *self, image_reader *in, error *err) MUST_USE;

/* ---- aggregate_merge.c */
status aggregate_merge(op *self, op *other, error *err) MUST_USE;
/* Adds the calls of groups from[i] of `other` to groups to[i]; not those whose DISTINCT was not
 * dealt out, which distinct_calls_merge takes. */
status aggregate_merge_calls(aggregate *a, const aggregate *other, const slot *from, const slot *to,
                             int32_t count, error *err) MUST_USE;

/* ---- aggregate_unite.c */
status aggregate_unite(aggregate *a, aggregate *other, error *err) MUST_USE;

/* ---- aggregate_window.c */
status windows_open(aggregate *a, error *err) MUST_USE; /* what finished windows leave */
void   windows_close(aggregate *a);
status windows_open_state(aggregate *a, error *err) MUST_USE; /* of open windows */
void   windows_close_state(aggregate *a);
/* Puts new groups (rows[i] of the input made slots[i]) on the chains of their windows. */
status windows_add(aggregate *a, const int32_t *rows, const slot *slots, int32_t count,
                   error *err) MUST_USE;
/* emit_at_end: the frontier has reached the end of the group's window. Else always true. */
bool windows_show(const aggregate *a, slot group, int64_t frontier_us);
/* emit_at_end: touches the groups of windows whose end lies between the last frontier and this one.
 */
status windows_ripen(aggregate *a, int64_t frontier_us, error *err) MUST_USE;
/* Takes a group without rows out of its chain. */
status windows_unlink(aggregate *a, slot group, error *err) MUST_USE;
/* Finishes the windows that are final at this frontier. */
status  windows_expire(aggregate *a, int64_t frontier_us, error *err) MUST_USE;
int64_t windows_due_us(const aggregate *a); /* the frontier at which the first one is final */
/* Finishes and forgets `count` groups that are final: their rows go out when they were not out yet,
 * and to what finished windows left. */
status windows_finish(aggregate *a, const slot *slots, int32_t count, int64_t frontier_us,
                      error *err) MUST_USE;
/* Rows of finished windows that are not kept any longer go. */
void windows_retain(aggregate *a, int64_t frontier_us);
/* Sends the rows of finished windows. */
status windows_send_finished(aggregate *a, op *target, int32_t port, error *err) MUST_USE;
status windows_validate(const aggregate *a, error *err) MUST_USE;

/* ---- aggregate_panes.c */
void panes_open(aggregate *a);
/* Rows of the delta in a->views, whose window starts are those of their panes; slots is room. */
status panes_add(aggregate *a, const delta *in, slot *slots, error *err) MUST_USE;
/* As far as both have come, so that panes and runs of one are those of the other. */
status  panes_align(aggregate *a, aggregate *other, error *err) MUST_USE;
status  panes_expire(aggregate *a, int64_t frontier_us,
                     error *err) MUST_USE; /* see windows_expire */
int64_t panes_due_us(const aggregate *a);
status  panes_check(const aggregate *a, error *err) MUST_USE; /* after a restore */

/* ---- aggregate_gather.c */
status gather_open(aggregate *a, error *err) MUST_USE;
void   gather_close(aggregate *a);
/* Rows of the delta in a->views, whose window starts are those of their panes; slots is room. */
status gather_add(aggregate *a, const delta *in, slot *slots, error *err) MUST_USE;
status gather_settle(aggregate *a, error *err) MUST_USE; /* into their windows */
/* One-off: rows are not gathered any more, but each row of a->views goes to each of its windows. */
bool   gather_is_over(const aggregate *a);
status gather_expand(aggregate *a, const delta *in, error *err) MUST_USE;
/* What has gathered rows before the tick. */
aggregate *gather_part(aggregate *a);

/* ---- aggregate_session.c */
status sessions_open(aggregate *a, error *err) MUST_USE;
void   sessions_close(aggregate *a);
/* The group of each row of the delta in a->views, by its session; sessions that grew together
 * become one, and so do their groups. */
status sessions_map(aggregate *a, const delta *in, slot *groups, error *err) MUST_USE;
/* Groups that were just made (rows[i] of the input made slots[i]) are those of their sessions. */
status sessions_add(aggregate *a, const int32_t *rows, const slot *slots, int32_t count,
                    error *err) MUST_USE;
/* The sessions of another instance that keeps no rows, with the states of their groups. */
status sessions_unite(aggregate *a, const aggregate *other, error *err) MUST_USE;
/* The session of a group that leaves. */
status  sessions_remove(aggregate *a, slot group, error *err) MUST_USE;
status  sessions_expire(aggregate *a, int64_t frontier_us, error *err) MUST_USE;
int64_t sessions_due_us(const aggregate *a);
/* As windows_show and windows_ripen. */
bool   sessions_show(const aggregate *a, slot group, int64_t frontier_us);
status sessions_ripen(aggregate *a, int64_t frontier_us, error *err) MUST_USE;
status sessions_validate(const aggregate *a, error *err) MUST_USE;

/* ---- session_rebuild.c: inputs whose rows may leave */
status sessions_collect(aggregate *a, const delta *in, error *err) MUST_USE;
status sessions_rebuild(aggregate *a, error *err) MUST_USE;

/* ---- aggregate_rows.c */
/* The call is a count(*) of all rows of a group, which is what row_count is. */
bool   aggregate_shares_count(const aggregate *a, int32_t call);
status aggregate_open_shared_count(aggregate *a, int32_t call, const agg_site *site,
                                   error *err) MUST_USE;

/* ---- aggregate_distinct.c */
status distinct_calls_open(aggregate *a, int32_t call, error *err) MUST_USE;
void   distinct_calls_close(aggregate *a, int32_t call);
void   distinct_calls_end(aggregate *a); /* the delta under way is through all calls */
/* Updates call number `call` with rows of the delta under way (its columns are in a->arguments);
 * filter as in agg_class.update. */
status distinct_calls_update(aggregate *a, int32_t call, const slot *slots, const int64_t *weight,
                             const uint8_t *filter, int32_t count, error *err) MUST_USE;
/* Adds the pairs of the same call of `other`; to[g]: the group here of its group g. */
status distinct_calls_merge(aggregate *a, int32_t call, const aggregate *other, const slot *to,
                            error *err) MUST_USE;
status distinct_calls_clear(aggregate *a, int32_t call, slot group, error *err) MUST_USE;
/* After a restore. */
status distinct_calls_rebuild(aggregate *a, int32_t call, const slot_set *groups,
                              error *err) MUST_USE;
status distinct_calls_validate(const aggregate *a, int32_t call, error *err) MUST_USE;
/* counts[i]: row i passes the filter and has no NULL argument, where that matters. */
void distinct_choose_rows(const aggregate *a, int32_t call, const uint8_t *filter, uint8_t *counts,
                          int32_t count);

/* ---- aggregate_shared.c: calls with a base */
void distinct_shared_open(aggregate *a, int32_t call); /* finds the base */
void distinct_shared_close(aggregate *a, int32_t call);
/* Of a call that may be a base: the pairs of the rows of a delta that count. */
status distinct_shared_note(aggregate *a, int32_t call, const int32_t *rows, const slot *pairs,
                            int32_t count, int32_t row_count, error *err) MUST_USE;
status distinct_shared_update(aggregate *a, int32_t call, const slot *slots, const uint8_t *filter,
                              int32_t count, error *err) MUST_USE;
status distinct_shared_rebuild(aggregate *a, int32_t call, error *err) MUST_USE;
status distinct_shared_validate(const aggregate *a, int32_t call, error *err) MUST_USE;

#endif
