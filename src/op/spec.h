/* SPDX-License-Identifier: Apache-2.0 */
/* spec.h - what an operator is told to do. Filled by exec/lower.c from the plan; lives in the
 * circuit arena. */
#ifndef LAMINAR_OP_SPEC_H
#define LAMINAR_OP_SPEC_H

#include "agg/agg.h"
#include "agg/over.h"
#include "expr/expr.h"
#include "kernel/kernel.h"

typedef enum op_mode {
    MODE_STREAM,
    MODE_ONCE /* exactly one tick follows; nothing needs to be kept for later ones */
} op_mode;

typedef enum op_join_kind {
    OP_JOIN_INNER,
    OP_JOIN_LEFT,
    OP_JOIN_RIGHT,
    OP_JOIN_FULL,
    OP_JOIN_SEMI,  /* left rows with a match, once each */
    OP_JOIN_ANTI,  /* left rows without a match */
    OP_JOIN_MARK,  /* left rows and whether they have a match */
    OP_JOIN_SINGLE /* LEFT, and a second match is an error */
} op_join_kind;

typedef struct op_agg {
    const agg_class *class;
    agg_signature  signature;
    const int32_t *columns; /* input column of each of the signature's */
    int32_t        filter;  /* -1: none */
    bool           distinct;
} op_agg;

typedef struct op_sink { /* op_collect: where rows leave the circuit */
    void *context;
    /* Rows are transient: batch_keep them. */
    status (*take)(void *context, const delta *rows, error *err);
    status (*tick)(void *context, int64_t frontier_us, error *err); /* may be NULL */
} op_sink;

/* A join that forgets rows: per side, in microseconds; see plan.h, join_bound. */
typedef struct op_bound {
    bool           judges; /* rows may be late */
    int32_t        columns[2];
    int64_t        kept_us[2], judged_us[2], page_us;
    int32_t        late_counts[2]; /* 0: late rows are not sent */
    const int32_t *late_columns[2];
} op_bound;

/* A join that lets go of rows which the extreme of their group has passed; see plan.h,
 * join_extreme. */
typedef struct op_extreme {
    int32_t        side, key, group_count, time;
    bool           greatest, together;
    const int32_t *groups, *equals;
    int64_t        lo, hi, base, slide;
} op_extreme;

typedef enum op_match { /* asof: left >= right ... */
                        OP_MATCH_GREATER_EQUAL,
                        OP_MATCH_GREATER,
                        OP_MATCH_LESS_EQUAL,
                        OP_MATCH_LESS,
                        OP_MATCH_NEAREST /* the smallest distance, the earlier one of two */
} op_match;

typedef struct op_spec {
    op_mode          mode;
    const struct op *whole; /* one-off, of an instance for a part of the rows: the operator that it
                               belongs to (a join reads what that has stored); else NULL */
    const struct op *live;  /* one-off, over a running stream: the stream's operator; else NULL */
    bool records; /* what is refused is asked for when the stream is read: no state above has it */
    bool append_only[2]; /* the inputs never retract */
    bool ages[2]; /* stream with state_ttl: what is remembered of the input is forgotten in time */
    bool in_memory; /* one-off: its rows are wanted before the tick, none may spill */
    const schema  *input[2];
    const schema  *output;
    const int32_t *columns;     /* scan: input column of each output column (NULL: all, in order);
                                   join: of left ++ right ++ mark (NULL: what the kind shows);
                                   series: of input ++ value ++ number */
    int32_t          arrival;   /* scan: the number among `columns` of when a row came; 0: none */
    int32_t          departure; /* likewise of when it went, which a scan of versions has */
    expr            *predicate; /* filter; join residual over left ++ right, or NULL */
    expr           **exprs;     /* project, keep */
    bool             blocks;    /* project, one-off: they call code of the program's */
    int32_t          key_count; /* aggregate: the leading input columns; join: pairs; top_n, over */
    const int32_t   *key_columns; /* top_n, over */
    int32_t          over_count;
    const over_call *overs; /* over: one output column each, behind the input columns */
    const int32_t   *left_keys, *right_keys; /* asof: and behind them the column of the match */
    const bool      *null_safe;              /* join: per key, NULL matches NULL; NULL: none */
    op_join_kind     join;
    const op_bound  *bound;    /* join; NULL: rows are kept */
    const op_extreme *extreme; /* join; NULL: none passes them */
    op_match          match;
    value             tolerance;  /* asof: BIGINT or DOUBLE, in the unit of the match; NULL: none */
    int32_t           build_side; /* join, one-off: which input is fed first and kept */
    int32_t           position;   /* in the SQL text, for errors; -1: unknown */
    int32_t           agg_count;
    const op_agg     *aggs;
    int32_t           window_key; /* aggregate: key that is a window start, or -1 */
    int32_t           time_column;
    int32_t           late_count; /* window: late rows go to env->late with these columns; 0: no */
    const int32_t    *late_columns;
    int64_t           window_size_us, window_slide_us, window_offset_us, lateness_us;
    int64_t         pane_us; /* window: gives panes; aggregate: makes windows of them; 0: not so */
    bool            cumulate, session; /* window: which kind; neither: hop */
    int32_t         session_key; /* aggregate with `session`: key that is the time of its rows */
    data_type       time_type;   /* of the time column, of the window key; by default TIMESTAMP */
    bool            emit_at_close;
    bool            retains_rows, retains_time; /* aggregate: of final rows the newest stay, */
    int64_t         retain_amount;              /* so many, or for so long, in microseconds */
    bool            emit_at_end;  /* nothing of a window before the frontier reaches its end */
    bool            pass_through; /* gate: the input is append-only or consolidated already */
    bool            held;         /* gate: it may be told to hold changes over ticks */
    int32_t         sort_count;
    const sort_key *sort_keys;
    int64_t         limit, offset; /* limit -1: none */
    bool            inclusive;     /* series: the stop is a value of it */
    const struct routine *routine; /* process */
    op_sink               sink;
} op_spec;

#endif
