/* SPDX-License-Identifier: Apache-2.0 */
/* running_sum.h - the state under sum and avg: exact totals of integers and decimals, compensated
 * totals of doubles, and the rows counted in them.
 *
 * Numbers that lie in 64 bits have 128 for their total, those that lie in 128 have 192.
 *
 * Doubles: sum + compensation is the total of the finite values (two-sum gives each addition's
 * rounding error, which is what Neumaier 1974 collects, without a branch). NaN and infinities are
 * only counted. A sum that would overflow gives whole units of 2^1023 to `units`, so it comes back
 * when rows are retracted. These four stand apart in `specials`, which stays empty until the first
 * of them comes. */
#ifndef LAMINAR_AGG_RUNNING_SUM_H
#define LAMINAR_AGG_RUNNING_SUM_H

#include "agg/agg_common.h"
#include "agg/int192.h"

typedef struct exact_sum {
    uint64_t low; /* of a 128-bit sum; in two words, so that the element is 24 bytes */
    uint64_t high;
    int64_t  count;
} exact_sum;

typedef struct wide_sum {
    int192  total;
    int64_t count;
} wide_sum;

typedef struct float_sum {
    double  sum;
    double  compensation;
    int64_t count;
} float_sum;

typedef struct float_special {
    int64_t nan_count, positive_count, negative_count; /* infinities */
    int64_t units;
} float_special;

#define FLOAT_SUM_UNIT 0x1p1023

typedef struct running_sum {
    agg         base;
    state_array sums;     /* exact_sum, wide_sum or float_sum by slot: a count comes last */
    state_array specials; /* float_special by slot, or empty */
} running_sum;

ALWAYS_INLINE int64_t
running_sum_count(const running_sum *self, slot s) {
    int64_t count;
    memcpy(&count, self->sums.data + (s + 1) * self->sums.element_size - sizeof(count),
           sizeof(count));
    return count;
}

/* Of a group of integers or decimals. */
ALWAYS_INLINE int192
running_sum_total(const running_sum *self, slot s) {
    if (self->sums.element_size == sizeof(wide_sum)) {
        return ARRAY_AT(&self->sums, wide_sum, s)->total;
    }
    const exact_sum *sum = ARRAY_AT(&self->sums, exact_sum, s);
    return int192_of((int128)((uint128)sum->high << 64 | sum->low));
}

/* Integers, DECIMAL, and DOUBLE. */
bool   running_sum_takes(data_type input);
status running_sum_open(agg **out, const agg_class *class, const agg_signature *signature,
                        const agg_site *site, error *err) MUST_USE;
void   running_sum_close(agg *base);
status running_sum_init(agg *base, const slot *slots, int32_t count, error *err) MUST_USE;
status running_sum_update(agg *base, const slot *slots, const column *input, const int64_t *weight,
                          const uint8_t *filter, int32_t count, arena *scratch,
                          error *err) MUST_USE;
status running_sum_clear(agg *base, slot s, error *err) MUST_USE;
status running_sum_rebuild(agg *base, const slot_set *groups, error *err) MUST_USE;
status running_sum_merge(agg *base, const slot *slots, const agg *other, const slot *from,
                         int32_t count, arena *scratch, error *err) MUST_USE;
/* Drops what rounding left in the sums of groups without rows. */
status running_sum_settle(running_sum *self, const slot *slots, int32_t count, error *err) MUST_USE;
/* Totals of a group of doubles divided by `divisor` (1: the sum). */
double running_sum_double(const running_sum *self, slot s, double divisor);
/* The result column: `values` (of the output's type), NULL where the group has no rows. */
status running_sum_column(const running_sum *self, const slot *slots, const void *values,
                          int32_t count, arena *a, column *out, error *err) MUST_USE;

#endif
