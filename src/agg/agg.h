/* SPDX-License-Identifier: Apache-2.0 */
/* agg.h - aggregate functions as const classes over arrays of state.
 *
 * An instance is one aggregate call of one operator: it owns its state (in a store) for all groups,
 * addressed by slot. Work is by batch: slots[i] is the group of row i. Negative weight is the
 * inverse; there is no separate retract function. Exact: count, min, max, integer sum (128-bit
 * inside, overflow is an error at emission). DOUBLE sums are compensated (Neumaier 1974) and count
 * NaN, +Inf and -Inf apart, so a full retraction leaves nothing; a group that becomes empty is
 * reset. Restore: open the instance in the restored store's place, put the blocks back, then call
 * class->rebuild where it is not NULL. */
#ifndef LAMINAR_AGG_AGG_H
#define LAMINAR_AGG_AGG_H

#include "batch/column.h"
#include "state/state_columns.h"
#include "state/store.h"

typedef struct agg_class agg_class;
typedef struct agg       agg;

struct agg {
    const agg_class *class;
    data_type input; /* TYPE_NULL for count(*) */
    data_type output;
    bool      append_only; /* no negative weight will ever come: min/max keep one value */
};

struct agg_class {
    const char *name; /* "count", "sum", ... and "count_star" */
    /* False: no such overload. */
    bool (*resolve)(data_type input, data_type *output);
    bool changes_every_row; /* each contributing row changes the value (count(*)): the planner may
                               skip comparing old and new */
    bool ignores_copies;    /* DISTINCT makes no difference: min, max, first, last */
    status (*open)(agg **out, store *s, mem *m, const char *name, data_type input, bool append_only,
                   error *err);
    void (*close)(agg *self);
    /* Makes room and initialises the given new or reused slots. */
    status (*init)(agg *self, const slot *slots, int32_t count, error *err);
    /* Adds rows: group slots[i], value row i of input (views for text; ignored for count(*)),
     * weight[i] (NULL: 1). Rows where filter[i] == 0 are left out (NULL: all count). */
    status (*update)(agg *self, const slot *slots, const column *input, const int64_t *weight,
                     const uint8_t *filter, int32_t count, arena *scratch, error *err);
    /* Current values of `count` groups as a transient column in a. Called when the rows of a group
     * make a multiset again (no row stands at a negative count), at the latest when its tick emits:
     * a group without rows drops what rounding left in its sums here. */
    status (*value)(agg *self, const slot *slots, int32_t count, arena *a, column *out, error *err);
    /* Forgets a group (frees multiset entries, text). */
    status (*clear)(agg *self, slot s, error *err);
    /* Optional: indexes after a restore; invariants. */
    status (*rebuild)(agg *self, error *err);
    status (*validate)(const agg *self, error *err);
};

/* Every class function that fails leaves the instance good for close alone. */

/* By SQL name in any case ("count" with arg_count 0 is count(*)); mean = avg. NULL: not an
 * aggregate. */
const agg_class *agg_find(text name, int32_t arg_count);
int32_t          agg_class_count(void);
const agg_class *agg_class_at(int32_t i);

#endif
