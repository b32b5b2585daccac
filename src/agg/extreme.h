/* SPDX-License-Identifier: Apache-2.0 */
/* extreme.h - the ways to keep the first row of a group in some order, whose first column is the
 * value of min, max, first, last, arg_min and arg_max: one fixed-width value a group, one row a
 * group (both for append-only input), or all rows of all groups as a multiset.
 *
 * The order is that of `keys`, then that of all columns, so that it does not depend on how rows
 * came; or it is the rows' coming itself. agg_minmax.c picks a way at open. Each way is a set of
 * functions of the shape that agg_class asks for. */
#ifndef LAMINAR_AGG_EXTREME_H
#define LAMINAR_AGG_EXTREME_H

#include "agg/agg_common.h"

typedef struct extreme_class extreme_class;

typedef struct extreme { /* base of all */
    agg                  base;
    const extreme_class *how;
    bool                 largest;    /* max; last by arrival */
    bool                 by_arrival; /* first, last without ORDER BY */
    int32_t              key_count;
    sort_key            *keys; /* those of the order, then one for each column */
    int32_t              all_key_count;
} extreme;

struct extreme_class {
    size_t size;
    status (*open)(extreme *self, const agg_site *site, error *err); /* closed in any case */
    void (*close)(extreme *self);
    status (*init)(extreme *self, const slot *slots, int32_t count, error *err);
    /* use: which rows contribute, NULL: all. */
    status (*update)(extreme *self, const slot *slots, const column *columns, const int64_t *weight,
                     const uint8_t *use, int32_t count, arena *scratch, error *err);
    status (*value)(extreme *self, const slot *slots, int32_t count, arena *a, column *out,
                    error *err);
    status (*clear)(extreme *self, slot s, error *err);
    /* Not by arrival. */
    status (*merge)(extreme *self, const slot *slots, const extreme *other, const slot *from,
                    int32_t count, arena *scratch, error *err);
    status (*rebuild)(extreme *self, const slot_set *groups, error *err);
    status (*validate)(const extreme *self, error *err);
};

extern const extreme_class extreme_append_class;   /* a fixed-width column, append-only */
extern const extreme_class extreme_row_class;      /* any columns, append-only */
extern const extreme_class extreme_multiset_class; /* any columns, with retraction */

#endif
