/* SPDX-License-Identifier: Apache-2.0 */
/* join.h - the parts of the join operator: op_join.c, and join_left.c for what LEFT adds. */
#ifndef LAMINAR_OP_JOIN_H
#define LAMINAR_OP_JOIN_H

#include "op/rows.h"
#include "state/arrangement.h"

enum { JOIN_LEFT_SIDE = 0, JOIN_RIGHT_SIDE = 1 };

/* Of one row of the left arrangement. */
typedef struct left_match {
    int64_t  count; /* sum of the weights of its matches; it is padded while this is not positive */
    uint32_t flags; /* 0 between pushes */
    uint32_t reserved;
} left_match;

typedef struct join {
    op             base;
    arrangement    sides[2];
    const int32_t *key_columns[2];
    column        *views[2];       /* of the delta under way, per port */
    column        *keys;           /* key columns of the delta under way */
    column        *output;         /* of the delta being emitted: left columns, then right ones */
    program       *residual;       /* NULL: every pair with equal keys counts */
    bool          *residual_reads; /* per output column */
    state_array    matches;        /* left_match per left row slot */
    bool           keeps_matches;  /* LEFT in a stream */
    slot_list      touched;        /* LEFT: left rows whose match count moved in this push */
} join;

/* Pairs of a row of the delta under way and a stored row of the other side. */
typedef struct join_pairs {
    int32_t  count;
    int32_t *rows;
    slot    *stored;
    int64_t *stored_weight;
} join_pairs;

/* ---- join_left.c */
status join_left_open(join *j, error *err) MUST_USE;
void   join_left_close(join *j);
/* Left rows of `in` without a match leave padded with NULLs. matched[i]: sum of weights of its
 * matches. */
status join_left_emit_padded(join *j, const delta *in, const int64_t *matched, error *err) MUST_USE;
/* Remembers the match counts of left rows that went into the left arrangement. */
status join_left_store(join *j, const slot *slots, const int64_t *matched, int32_t count,
                       error *err) MUST_USE;
/* Right rows of `in` met these left rows: moves their counts. */
status join_left_move(join *j, const delta *in, const join_pairs *pairs, error *err) MUST_USE;
/* After a right delta: left rows that found their first match lose their padded row, those that
 * lost the last get it back. */
status join_left_settle(join *j, error *err) MUST_USE;
status join_left_validate(const join *j, error *err) MUST_USE;

#endif
