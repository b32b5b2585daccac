/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - the values of each group in the order of the call's ORDER BY, of equal ones the
 * smallest first; without ORDER BY in the order of arrival. The planner gives calls over input that
 * takes rows back an ORDER BY of their arguments (plan_order_calls), as arrival means nothing
 * there. The state under string_agg, array_agg, map_agg and ema.
 *
 * Where only the first n values are wanted (max(x, n) is such a list: a constant behind array_agg)
 * and no row is taken back, the first n entries of a group are all that is kept. */
#ifndef LAMINAR_AGG_LISTING_H
#define LAMINAR_AGG_LISTING_H

#include "agg/multiset.h"

typedef struct listing {
    agg      base;
    size_t   size;       /* of the instance, which begins with this */
    bool     by_arrival; /* each row is an entry of its own, numbered in a column behind its own */
    multiset rows;
    data_type  *types;
    sort_key    arrival;
    state_array clock; /* one int64_t: the next number */
    uint64_t    most;  /* entries of a group that are kept; 0: all */
} listing;

status listing_open(agg **out, const agg_class *class, const agg_signature *signature,
                    const agg_site *site, error *err) MUST_USE;
/* Of an instance with more behind it, in all `size` bytes, zero at first. */
status listing_open_sized(agg **out, size_t size, const agg_class *class,
                          const agg_signature *signature, const agg_site *site,
                          error *err) MUST_USE;
void   listing_close(agg *base);
status listing_init(agg *base, const slot *slots, int32_t count, error *err) MUST_USE;
status listing_update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
                      const uint8_t *filter, int32_t count, arena *scratch, error *err) MUST_USE;
status listing_merge(agg *base, const slot *slots, const agg *other, const slot *from,
                     int32_t count, arena *scratch, error *err) MUST_USE;
status listing_clear(agg *base, slot s, error *err) MUST_USE;
status listing_rebuild(agg *base, const slot_set *groups, error *err) MUST_USE;
status listing_validate(const agg *base, error *err) MUST_USE;
/* The first `width` arguments of a group's entries in their order (copies: weights). Arrays in a.
 */
status listing_read(listing *self, slot group, arena *a, int32_t *count, column *values,
                    int32_t width, const int64_t **weights, error *err) MUST_USE;

#endif
