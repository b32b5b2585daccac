/* SPDX-License-Identifier: Apache-2.0 */
/* agg.h - aggregate functions as const classes over arrays of state.
 *
 * An instance is one aggregate call of one operator: it owns its state (in a store) for all groups,
 * addressed by slot. Work is by batch: slots[i] is the group of row i. Negative weight is the
 * inverse; there is no separate retract function. Exact: count, min, max, integer sum (128-bit
 * inside, overflow is an error at emission). DOUBLE sums are compensated (Neumaier 1974) and count
 * NaN, +Inf and -Inf apart, so a full retraction leaves nothing; a group that becomes empty is
 * reset. Restore: open the instance in the restored store's place, put the blocks back, then call
 * class->rebuild. */
#ifndef LAMINAR_AGG_AGG_H
#define LAMINAR_AGG_AGG_H

#include "batch/column.h"
#include "kernel/kernel.h"
#include "state/state_columns.h"
#include "state/store.h"

#define AGG_ARGUMENTS_MAX 127

typedef struct agg_class agg_class;
typedef struct agg       agg;

/* What a call is made with. An aggregate sees columns: its arguments, then what ORDER BY inside the
 * call sorts by. Arguments that are the same for all rows (the 0.9 of quantile_cont(x, 0.9)) come
 * last in SQL and are constants here. */
typedef struct agg_signature {
    int32_t               column_count;
    data_type            *types;          /* of the columns */
    int32_t               argument_count; /* of the columns; the others are those of ORDER BY */
    int32_t               order_count;
    const sort_key       *orders; /* over the columns, by number */
    int32_t               constant_count;
    const value          *constants;
    data_type             output;  /* by resolve */
    const struct routine *routine; /* of a class of agg_routine.h: whose code; else NULL */
    const bool *literal; /* a scalar for each group: which of its arguments are constants */
} agg_signature;

/* Where an instance lives, and what will happen to it. */
typedef struct agg_site {
    store      *store;
    mem        *mem;
    const char *name;
    bool        append_only; /* no negative weight will ever come */
    bool        once;        /* values are asked for once, after all rows */
} agg_site;

struct agg {
    const agg_class *class;
    const agg_signature *signature; /* of the operator */
    mem                 *mem;
    data_type            input; /* of the first column; TYPE_NULL: no columns */
    data_type            output;
    bool                 append_only, once;
};

struct agg_class {
    const char *name;                   /* "count", "sum", ... and "count_star" */
    int32_t     column_min, column_max; /* arguments that are columns; count(DISTINCT a, b, ...) has
                                           any number */
    int32_t constant_min, constant_max; /* arguments behind them */
    bool    changes_every_row; /* each contributing row changes the value (count(*)): the planner
                                  may skip comparing old and new */
    bool zero_of_nothing;      /* the value of no rows is 0, not NULL: counts */
    bool ignores_copies;       /* DISTINCT makes no difference: min, max, first, last */
    bool order_matters;        /* ORDER BY inside the call does: first, string_agg */
    bool lists_rows;           /* without ORDER BY in the order of arrival: string_agg */
    bool keeps_nulls;          /* rows with a NULL among the arguments count: array_agg */
    bool keeps_rows; /* the state is a multiset of the rows even where none is taken back: a merge
                        costs the rows of the part, and all of `other` where it is asked once */
    /* Looks at types and constants and sets the output type. It may change the types of columns to
     * those it wants; the caller casts, and refuses what has no implicit cast. ERR_WRONG_TYPE: no
     * such overload. ERR_QUERY_FAILED: a constant that will not do. */
    status (*resolve)(const agg_class *class, agg_signature *s, error *err);
    /* The signature lives as long as the instance. */
    status (*open)(agg **out, const agg_class *class, const agg_signature *signature,
                   const agg_site *site, error *err);
    void (*close)(agg *self);
    /* Makes room and initialises the given new or reused slots. */
    status (*init)(agg *self, const slot *slots, int32_t count, error *err);
    /* Adds rows: group slots[i], values row i of the signature's columns (views for text; NULL for
     * count(*)), weight[i] (NULL: 1). Rows where filter[i] == 0 are left out (NULL: all count). */
    status (*update)(agg *self, const slot *slots, const column *columns, const int64_t *weight,
                     const uint8_t *filter, int32_t count, arena *scratch, error *err);
    /* Current values of `count` groups as a transient column in a. Called when the rows of a group
     * make a multiset again (no row stands at a negative count), at the latest when its tick emits:
     * a group without rows drops what rounding left in its sums here. */
    status (*value)(agg *self, const slot *slots, int32_t count, arena *a, column *out, error *err);
    /* Forgets a group (frees multiset entries, text). */
    status (*clear)(agg *self, slot s, error *err);
    /* For partial instances of one call (agg_can_merge; `other` may be `self`, with other groups):
     * adds group from[i] of `other` to slots[i], which are initialised; no slot is listed twice.
     * Rows and their retractions may have gone to different parts. */
    status (*merge)(agg *self, const slot *slots, const agg *other, const slot *from, int32_t count,
                    arena *scratch, error *err);
    /* After a restore, with the groups that are there: indexes, and a look at what they are made
     * from, so that no image makes the instance read elsewhere. Then, optional, invariants. */
    status (*rebuild)(agg *self, const slot_set *groups, error *err);
    status (*validate)(const agg *self, error *err);
    /* Optional: brings what it has outside of the store into it, before that is written. */
    status (*settle)(agg *self, arena *scratch, error *err);
};

/* Every class function that fails leaves the instance good for close alone. */

/* By SQL name or another name of aggregates.def, in any case ("count" with arg_count 0 is
 * count(*)). NULL: not an aggregate, or it does not take so many arguments. */
const agg_class *agg_find(text name, int32_t arg_count);
bool             agg_exists(text name);
/* How the call is written: "string_agg(x [, separator])"; NULL when there is no such aggregate. */
const char *agg_usage(text name);
bool        agg_is_null_of_nothing(const agg_class *class);
/* The call can be cut into parts that are merged afterwards, whichever row went to which: not what
 * depends on the order of arrival. A call with DISTINCT cannot, whatever its class. */
bool             agg_can_merge(const agg_class *class, const agg_signature *signature);
int32_t          agg_class_count(void);
const agg_class *agg_class_at(int32_t i);

/* As in SQL. */
text agg_call_name(const agg_class *class, const agg_signature *signature);

/* Its results may be longer than what it was given. */
bool agg_makes_values(const agg *a);

#endif
