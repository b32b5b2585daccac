/* SPDX-License-Identifier: Apache-2.0 */
/* moments.h - the state under variance, correlation, regression and weighted means: sums of powers
 * and products, each of 106 bits.
 *
 * Sums of x and x*x need no first value and no order, are taken back by adding the negative, and
 * are merged by adding; 106 bits make good for the cancellation in n * sum(x*x) - sum(x)^2. What
 * rounding may have left is below (n + 4) * 2^-103 of the largest sum since the group was last
 * empty
 * (`scale`), and counts as zero. Rows with NaN, an
 * infinity or a number whose powers are not finite are counted apart (`odd`): while a group has
 * some its values are NaN, and they leave nothing. */
#ifndef LAMINAR_AGG_MOMENTS_H
#define LAMINAR_AGG_MOMENTS_H

#include "agg/agg_common.h"
#include "agg/double_double.h"

typedef enum moments_kind {
    MOMENTS_SQUARE, /* x, xx */
    MOMENTS_FOURTH, /* x, xx, xxx, xxxx */
    MOMENTS_PAIR    /* y, x, yy, xx, xy; the first argument is y */
} moments_kind;

#define MOMENTS_MAX 5

typedef struct moments_group {
    int64_t count;    /* rows */
    int64_t odd;      /* of them */
    double  scale[2]; /* sums of the squares of both columns over all rows that ever came */
    dd      sums[MOMENTS_MAX]; /* as many as the kind has */
} moments_group;

typedef struct moments {
    agg          base;
    moments_kind kind;
    int32_t      width;
    state_array  groups; /* moments_group cut off after `width` sums, by slot */
} moments;

/* One or two DOUBLE columns to DOUBLE. */
status moments_resolve(const agg_class *class, agg_signature *s, error *err) MUST_USE;
status moments_open(agg **out, const agg_class *class, const agg_signature *signature,
                    const agg_site *site, moments_kind kind, error *err) MUST_USE;
void   moments_close(agg *base);
status moments_init(agg *base, const slot *slots, int32_t count, error *err) MUST_USE;
status moments_update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
                      const uint8_t *filter, int32_t count, arena *scratch, error *err) MUST_USE;
status moments_clear(agg *base, slot s, error *err) MUST_USE;
status moments_rebuild(agg *base, const slot_set *groups, error *err) MUST_USE;
status moments_merge(agg *base, const slot *slots, const agg *other, const slot *from,
                     int32_t count, arena *scratch, error *err) MUST_USE;
/* The sums of a group; resets one without rows. */
status moments_read(moments *self, slot s, moments_group *out, error *err) MUST_USE;
/* n * sums[ab] - sums[a] * sums[b], zero when it is no more than what rounding leaves. */
dd moments_cross(const moments_group *g, int32_t ab, int32_t a, int32_t b);
/* The value of a group that has rows and no odd ones; false: NULL. */
typedef bool (*moments_value)(const moments_group *g, double *out);
/* The DOUBLE column of an agg_class.value: NULL without rows, NaN with odd ones. */
status moments_values(agg *base, const slot *slots, int32_t count, arena *a, column *out,
                      moments_value of, error *err) MUST_USE;

#endif
