/* SPDX-License-Identifier: Apache-2.0 */
/* extreme.h - the two ways to keep a minimum or maximum, of values or of arrivals: one value a
 * group (append-only input), or all values of all groups as a multiset.
 *
 * agg_minmax.c picks one at open. Each way is a set of functions of the shape that agg_class asks
 * for. */
#ifndef LAMINAR_AGG_EXTREME_H
#define LAMINAR_AGG_EXTREME_H

#include "agg/agg_common.h"

typedef struct extreme_class extreme_class;

typedef struct extreme { /* base of both */
    agg                  base;
    const extreme_class *how;
    bool                 largest;    /* max, last */
    bool                 by_arrival; /* first, last: the order is that of the rows' coming */
} extreme;

struct extreme_class {
    size_t size;
    status (*open)(extreme *self, const agg_site *site,
                   error *err);   /* closes after itself when it fails */
    void (*close)(extreme *self); /* frees self */
    status (*init)(extreme *self, const slot *slots, int32_t count, error *err);
    /* use: which rows contribute, NULL: all. */
    status (*update)(extreme *self, const slot *slots, const column *input, const int64_t *weight,
                     const uint8_t *use, int32_t count, arena *scratch, error *err);
    status (*value)(const extreme *self, const slot *slots, int32_t count, arena *a, column *out,
                    error *err);
    status (*clear)(extreme *self, slot s, error *err);
    status (*rebuild)(extreme *self, error *err);
    status (*validate)(const extreme *self, error *err);
};

extern const extreme_class extreme_append_class;   /* fixed-width values */
extern const extreme_class extreme_text_class;     /* texts, append-only */
extern const extreme_class extreme_multiset_class; /* anything, with retraction */

#endif
