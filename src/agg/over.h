/* SPDX-License-Identifier: Apache-2.0 */
/* over.h - window functions by name, and the frames they look at: what the planner tells the
 * operator.
 *
 * The rows of a partition stand in the order of the window's keys, ties in the order of all their
 * columns, so that every answer depends on the rows alone. Peers are rows with equal keys. */
#ifndef LAMINAR_AGG_OVER_H
#define LAMINAR_AGG_OVER_H

#include "agg/agg.h"

typedef enum over_kind {
    OVER_ROW_NUMBER,
    OVER_RANK,
    OVER_DENSE_RANK,
    OVER_PERCENT_RANK,
    OVER_CUME_DIST,
    OVER_NTILE,
    OVER_LAG,
    OVER_LEAD,
    OVER_FIRST_VALUE,
    OVER_LAST_VALUE,
    OVER_NTH_VALUE,
    OVER_AGGREGATE
} over_kind;

typedef enum frame_unit { FRAME_ROWS, FRAME_RANGE, FRAME_GROUPS } frame_unit;

typedef enum frame_bound_kind {              /* in the order in which they may stand */
                                BOUND_FIRST, /* UNBOUNDED PRECEDING */
                                BOUND_PRECEDING,
                                BOUND_CURRENT, /* RANGE and GROUPS: the first or last peer */
                                BOUND_FOLLOWING,
                                BOUND_LAST /* UNBOUNDED FOLLOWING */
} frame_bound_kind;

typedef enum frame_exclude {
    EXCLUDE_NONE,
    EXCLUDE_CURRENT,
    EXCLUDE_GROUP, /* the row and its peers */
    EXCLUDE_TIES   /* its peers, not the row */
} frame_exclude;

typedef struct frame_bound {
    frame_bound_kind kind;
    /* PRECEDING, FOLLOWING, not negative. ROWS, GROUPS: BIGINT. RANGE: DOUBLE, INTERVAL, or HUGEINT
     * in units of the key, whichever the key is compared by; INT128_MAX: beyond any key. */
    value offset;
} frame_bound;

typedef struct over_frame {
    frame_unit    unit;
    frame_bound   start, end;
    frame_exclude exclude;
} over_frame;

typedef struct over_call {
    over_kind kind;
    const agg_class *class; /* OVER_AGGREGATE */
    agg_signature signature;
    bool          distinct; /* equal rows of its columns count once */
    int32_t      *columns;  /* OVER_AGGREGATE: input column of each of the signature's */
    int32_t       argument; /* of other functions; input columns, -1: none */
    int32_t       filter;   /* BOOLEAN, of aggregates */
    int32_t count_column; /* BIGINT: LAG and LEAD by how many rows, NTH_VALUE which, NTILE how many
                             tiles; -1: `count` for every row */
    int64_t    count;
    int32_t    fallback; /* LAG, LEAD: instead of a row that is not there; -1: NULL */
    bool       ignore_nulls;
    over_frame frame; /* FIRST_VALUE, LAST_VALUE, NTH_VALUE, AGGREGATE */
    data_type  type;
} over_call;

/* A window function by name, without regard to case; aggregates are not among them. */
bool        over_find(text name, over_kind *out);
text        over_name(const over_call *call);
bool        over_has_frame(over_kind kind);
int32_t     over_count(void);
const char *over_name_at(int32_t i); /* for completion and did-you-mean */
bool        over_frame_equal(const over_frame *a, const over_frame *b);
/* Every row of the partition is in the frame of every row. */
bool over_frame_is_whole(const over_frame *f);

#endif
