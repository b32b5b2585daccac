/* SPDX-License-Identifier: Apache-2.0 */
/* join.h - the parts of the join operator: op_join.c (both sides, pairs), join_match.c (rows whose
 * coming out depends on whether they have a match), join_bound.c (rows that are forgotten),
 * join_ttl.c (rows that are forgotten for their age), join_extreme.c (rows that the extreme of
 * their group has passed) and join_spill.c (both sides on disk). Streams keep both sides as
 * arrangements, one-off queries the build side as a join_table.
 *
 * Pair columns are numbered left ++ right ++ mark; `shown` picks those that come out. */
#ifndef LAMINAR_OP_JOIN_H
#define LAMINAR_OP_JOIN_H

#include "op/join_table.h"
#include "op/judge.h"
#include "op/rows.h"
#include "op/spill.h"
#include "state/arrangement.h"

enum { JOIN_LEFT_SIDE = 0, JOIN_RIGHT_SIDE = 1 };

/* Of a unit of a tracked side: a stored row when there is a residual, else a key (all its rows have
 * the same matches). */
typedef struct join_match {
    int64_t count; /* sum of the weights of the matches; the unit is matched while it is positive */
    uint32_t flags; /* 0 between pushes */
    uint32_t reserved;
} join_match;

typedef struct extremes {     /* join_extreme.c */
    const op_extreme *rule;   /* NULL: none passes rows */
    store            *own;    /* of what follows: it is no state */
    group_table       groups; /* of the other side */
    state_array       bars;  /* uint64_t per group: the farthest extreme that it was seen to have */
    bool              moved; /* some bar since the last look at stored rows */
    int64_t           sweep_rows; /* so many ask for the next */
    int32_t           held_count, held_capacity;
    batch           **held; /* rows that wait for the tick */
    column           *keys; /* room for those of groups */
} extremes;

typedef struct join {
    op             base;
    arrangement    sides[2]; /* streams */
    join_table    *table;    /* one-off: the build side; of the whole, in instances for parts */
    const int32_t *key_columns[2];
    data_type     *types[2];
    int32_t        width[2];
    int32_t       *shown;          /* pair column of each output column */
    column        *views[2];       /* of the delta under way, per port */
    column        *keys;           /* key columns of the delta under way */
    column        *pair;           /* for the residual: only what it reads is filled */
    column        *output;         /* of the delta being emitted */
    program       *residual;       /* NULL: every pair with equal keys counts */
    bool          *residual_reads; /* per pair column */
    bool           pairs_out;      /* pairs come out */
    bool           tracked[2]; /* what comes out for rows of the side depends on their matches */
    bool           stored[2];  /* false: the probe side of a one-off query */
    bool           finished;   /* one-off: instances for parts gave what stored rows give */
    state_array    matches[2]; /* streams: join_match per unit of a tracked side */
    slot_list      touched;    /* units of the other side whose count moved in this push */
    judge          judge;      /* of late rows, where rows are forgotten */
    slot_list      crowded;    /* SINGLE: units with more than one match in this tick */
    extremes       extremes;
    spill_set      spilled; /* one-off: open once the stored side is on disk */
} join;

/* Pairs of a row of the delta under way and a stored row of the other side. */
typedef struct join_pairs {
    int32_t  count;
    int32_t *rows;
    slot    *stored;
    int64_t *stored_weight; /* NULL: all are 1 */
    bool     each_once;     /* `rows` are 0, 1 .. count - 1 */
} join_pairs;

/* ---- op_join.c */
/* A side of a stream without rows; what was in it must be closed. */
status join_open_side(join *j, int32_t side, error *err) MUST_USE;
/* One-off: the build side without rows, likewise. */
status join_open_table(join *j, error *err) MUST_USE;
/* Rows `slots` of a column of a stored side; texts lie in it, until it changes. */
status join_read(const join *j, int32_t side, int32_t at, const slot *slots, int32_t count,
                 column *out, error *err) MUST_USE;
/* One-off: rows (text as views) of a port, which are probed with or stored; those of the stored
 * side give nothing by themselves. Or to disk with them, while that is where the stored side is. */
status join_take(join *j, int32_t port, const delta *rows, error *err) MUST_USE;

/* What the index of the rows that are stored so far will take. */
int64_t join_index_bytes(const join *j);

/* One-off, parts of that: probes with rows, whose matches are added to `matched` where they count;
 * what they give by themselves when their matches are known. */
status join_probe(join *j, int32_t port, const delta *rows, int64_t *matched, error *err) MUST_USE;
status join_answer(join *j, int32_t port, const delta *rows, const int64_t *matched,
                   error *err) MUST_USE;

/* Stream: rows of a port that are not late meet the other side, and are stored. */
status join_push_stream(join *j, int32_t port, const delta *rows, error *err) MUST_USE;

/* ---- join_extreme.c; each does nothing where no extreme passes rows */
status join_extreme_open(join *j, error *err) MUST_USE;
void   join_extreme_close(join *j);
status join_extreme_rebuild(join *j, error *err) MUST_USE; /* from the rows of the other side */
/* What extremes rows (text as views) of a port say, before they meet anything. */
status join_note_extremes(join *j, int32_t port, const delta *in, error *err) MUST_USE;
/* Leaves rows of a port out that have no match any more, or wait for the tick. */
status join_leave_out(join *j, int32_t port, delta *rows, error *err) MUST_USE;
status join_take_held(join *j, error *err) MUST_USE; /* rows that waited */
/* At the tick: these, and now and then stored rows that were passed go. */
status join_settle_extremes(join *j, error *err) MUST_USE;
/* After rows were forgotten: so are extremes, when that is worth it. */
status join_forget_extremes(join *j, error *err) MUST_USE;
status join_extreme_validate(const join *j, error *err) MUST_USE;

/* ---- join_spill.c */
/* The stored side goes to disk, and what comes from now on. */
status join_spill(join *j, error *err) MUST_USE;
status join_to_disk(join *j, int32_t port, const delta *rows, error *err) MUST_USE;
/* At the tick: joins what is on disk, part by part. */
status join_spilled(join *j, error *err) MUST_USE;

/* ---- join_bound.c */
/* Forgets rows that nothing matches any more. */
status join_forget(join *j, int64_t frontier_us, error *err) MUST_USE;

/* ---- join_ttl.c: state_ttl */
/* Leaves out of rows (text as views) those that are taken back and were forgotten. stored: where
 * each of them stands, SLOT_NONE: nowhere; NULL: the side forgets nothing, or only grows. */
status join_know_rows(join *j, int32_t port, delta *rows, const slot **stored, error *err) MUST_USE;
status join_let_go(op *self, error *err) MUST_USE; /* op_class.forget */
/* A side of which most slots are free is made anew. */
status join_shrink(join *j, int32_t side, error *err) MUST_USE;

/* ---- join_match.c */
status join_match_open(join *j, error *err) MUST_USE;
void   join_match_close(join *j);
/* What rows of `in`, on their own side, give by themselves. matched[i]: sum of the weights of the
 * matches. DONE: the consumers have enough. */
status join_match_emit(join *j, int32_t port, const delta *in, const int64_t *matched,
                       error *err) MUST_USE;
/* Remembers the counts of rows that went into their side; slots[i] may be SLOT_NONE. */
status join_match_store(join *j, int32_t port, const slot *slots, const int64_t *matched,
                        int32_t count, error *err) MUST_USE;
/* A side that was made anew without rows has counts for none. */
status  join_match_reset(join *j, int32_t side, error *err) MUST_USE;
int64_t join_match_count(const join *j, int32_t side, slot row); /* of a stored row */
/* A unit of the other side (SLOT_NONE: none) got a match of this weight, or lost one. */
status join_match_move(join *j, int32_t side, slot unit, int64_t weight, error *err) MUST_USE;
/* After the delta that moved counts of `side`: units that found their first match or lost the last
 * one change what their rows give. */
status join_match_settle(join *j, int32_t side, error *err) MUST_USE;
/* One-off: what the stored rows of a tracked side give, when all matches are known. */
status join_match_finish(join *j, error *err) MUST_USE;
/* Instances for parts of the probe side tell what stored rows have a match, and when all have told,
 * each gives what a share of the stored rows gives; then the whole has nothing left to give. The
 * rows of a probe side weigh 1 where no join below it is weighted. */
bool   join_is_weighted(const op *self);
status join_finish_share(op *self, int32_t at, int32_t count, error *err) MUST_USE;
void   join_set_finished(op *self);
/* SINGLE: no row has two matches when a tick ends. */
status join_match_check(join *j, error *err) MUST_USE;
status join_too_many(const join *j, int64_t count, error *err);
status join_match_validate(const join *j, error *err) MUST_USE;

#endif
