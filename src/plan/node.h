/* SPDX-License-Identifier: Apache-2.0 */
/* node.h - making plan nodes and asking what an expression refers to; shared by the binder and the
 * rewrites. */
#ifndef LAMINAR_PLAN_NODE_H
#define LAMINAR_PLAN_NODE_H

#include "plan/plan.h"

/* NULL: out of memory. The schema has room for column_count fields. */
plan_node *node_new(arena *a, plan_kind kind, int32_t input_count, int32_t column_count);
plan_node *node_filter(arena *a, plan_node *input, expr *predicate);
/* TOP_N over `input`; keys, limit and offset are the caller's to set. */
plan_node *node_top_n(arena *a, plan_node *input, sort_key *sort_keys, int32_t sort_count);
void       node_asof_fields(plan_node *n); /* the schema of an ASOF from its inputs */
/* The schema of a SERIES, which has room for it. */
void       node_series_fields(plan_node *n, data_type type, bool numbered);
plan_node *node_distinct(arena *a, plan_node *input);
/* Columns that are plain references keep their name and nullability; the others are named by their
 * text. */
plan_node *node_project(arena *a, plan_node *input, expr **exprs, int32_t count);
/* All columns of input, then `extra` computed ones. */
plan_node *node_extend(arena *a, plan_node *input, expr **extra, int32_t count);
/* ---- shared.c */
plan_shared *shared_new(arena *a, plan_node *root);      /* NULL: out of memory */
plan_node   *shared_read(arena *a, plan_shared *shared); /* a new reader of all columns */
/* Counts readers; what has a single one is no longer shared. */
void plan_settle_shared(plan_node **root);
/* The schema of a JOIN from its kind and inputs. False: out of memory. */
bool node_join_schema(plan_node *n, arena *a) MUST_USE;
/* Do the columns of this side come out of the join, do unmatched rows of the other side pad them
 * with NULL? */
bool join_shows_right(plan_join_kind k);
bool join_pads(plan_join_kind k, int32_t side);
/* What EXPLAIN shows for an expression. data NULL: out of memory. */
text expr_label(arena *a, const expr *e, const schema *names);

bool    expr_is_volatile(const expr *e);   /* holds random() and the like */
bool    expr_calls_code(const expr *e);    /* of the program's, and for each row */
int64_t expr_size(const expr *e);          /* nodes */
void    expr_columns(expr *e, bool *used); /* sets used[column] for each column in e */
void    expr_remap(expr *e, const int32_t *map);
/* True when a watermark, or the engine's clock (*by_clock), follows the column, in every branch of
 * a UNION. *from (may be NULL afterwards) is what it comes from; when it is false, an object that
 * is to blame. */
bool node_is_followed(const plan_node *node, int32_t column, bool *by_clock, const object **from);

/* True when a column is a bound of a window that a watermark closes, here or in a stream that is
 * read; *by_clock: that the clock closes; *closes_us: from its value to the end of the window. So
 * no row with it comes any more when the watermark has passed. */
bool node_closes(const plan_node *node, int32_t column, int64_t *closes_us, bool *by_clock);

/* When groups that a window ends come out. Where no row may come behind the end of a window, it is
 * final as soon as it has ended: then both are one. */
void node_emit(plan_node *aggregate, bool at_close, bool at_end);

/* ---- join_bound.c */
/* Is the column an event time whose rows, and changes, are told to come in time, as far as they are
 * not late: by the watermark, at most *slack_us behind their time? */
bool node_slack(const plan_node *node, int32_t column, int64_t *slack_us);

typedef struct time_distance { /* lo <= right - left <= hi, in microseconds; open: not equal */
    bool    known, has_lo, has_hi, open_lo, open_hi;
    int32_t columns[2];
    int64_t lo, hi;
} time_distance;
/* How far the condition of a JOIN keeps two of its columns from each other, times of one type. */
void node_distance(const plan_node *n, int32_t left, int32_t right, time_distance *d);
void time_distance_bound(time_distance *d, bool above, int64_t bound, bool open); /* one more */

typedef struct join_bounding {
    arena        *arena;
    int64_t       lateness_us;
    bool          by_clock;
    const object *late_to;                    /* NULL: nowhere */
    bool          emit_at_close, emit_at_end; /* of groups */
    int32_t       intervals, sending;         /* joins that were found */
    int32_t       closing;                    /* groups that were found to end */
} join_bounding;
/* Gives JOINs of a numbered stream their bounds, and groups above joins of windows their end. */
status plan_bound_joins(plan_node *n, join_bounding *how, error *err) MUST_USE;

/* ---- join_extreme.c: joins with the greatest or smallest of a group; of a numbered stream that is
 * pruned */
status plan_find_extremes(plan_node *n, arena *a, error *err) MUST_USE;

/* ---- final.c: EMIT ON WINDOW CLOSE (at `position`) above the windows; of a numbered plan */
status plan_check_final(const plan *p, int32_t position, error *err) MUST_USE;

/* ---- bind_process.c: the inputs of processors only add rows; of a numbered stream */
status plan_check_processors(const plan_node *n, error *err) MUST_USE;

/* ---- the rewrites, in this order */
/* Predicates down, joins get their keys; the output columns stay. */
status plan_push_down(plan_node **root, arena *a, const eval_env *eval, bool streaming,
                      error *err) MUST_USE;
/* rewrite_top_n.c: row_number() <= n among `conjuncts` above OVER puts a TOP_N below it; conjuncts
 * that then hold always are taken out. */
status plan_limit_over(plan_node *over, expr **conjuncts, int32_t *count, arena *a,
                       error *err) MUST_USE;
/* Columns nobody needs go, projections are merged; the root's columns stay. */
status plan_prune(plan_node **root, arena *a, error *err) MUST_USE;
/* Streams: volatile calls become columns of a KEEP below what computes with them. */
status plan_keep_volatile(plan_node **root, arena *a, error *err) MUST_USE;
/* rewrite_panes.c: rows go into panes of hopping windows. After plan_number. */
void plan_use_panes(plan_node *n, bool streaming);
/* ids and edge properties */
void plan_number(plan *p);
/* column + constant of a PROJECT: the column, and the constant in microseconds. */
bool node_shifted_column(const expr *shown, int32_t *number, int64_t *us);
/* Aggregates of the program's that cannot take rows back, where they must: rows are kept for them
 * instead. After plan_number. */
void plan_form_calls(plan_node *n);
/* Calls that list rows in the order of their arrival get an ORDER BY of their arguments where rows
 * may be taken back, so that the answer depends on the rows alone. After plan_number. */
status plan_order_calls(plan *p, arena *a, error *err) MUST_USE;
/* Which root columns identify a row, and whether there are such. */
status plan_find_keys(plan *p, arena *a, error *err) MUST_USE;

#endif
