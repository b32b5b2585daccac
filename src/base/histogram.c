/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.c - see histogram.h. */
#include "base/histogram.h"

#define SUB_BITS 4
#define SUB_COUNT (1 << SUB_BITS)

/* Values below SUB_COUNT have a bucket each; from there on the leading bit picks the row, the
 * SUB_BITS bits after it the bucket in the row. */
static int32_t
bucket_of(int64_t value) {
    if (value < SUB_COUNT) {
        return (int32_t)value;
    }
    const int32_t leading = 63 - __builtin_clzll((uint64_t)value);
    const int32_t part = (int32_t)(value >> (leading - SUB_BITS)) & (SUB_COUNT - 1);
    const int32_t at = (leading - SUB_BITS + 1) * SUB_COUNT + part;
    return at < HISTOGRAM_BUCKETS ? at : HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket. */
static int64_t
value_of(int32_t bucket) {
    if (bucket < SUB_COUNT) {
        return bucket;
    }
    const int32_t shift = bucket / SUB_COUNT - 1;
    const int64_t low = (int64_t)(SUB_COUNT + bucket % SUB_COUNT) << shift;
    return low + ((INT64_C(1) << shift) >> 1);
}

void
histogram_add(histogram *h, int64_t value) {
    value = max_i64(value, 0);
    h->min = h->count == 0 ? value : min_i64(h->min, value);
    h->max = max_i64(h->max, value);
    h->sum = sat_add_i64(h->sum, value);
    h->count++;
    h->buckets[bucket_of(value)]++;
}

int64_t
histogram_percentile(const histogram *h, double part) {
    const int64_t rank = (int64_t)(part * (double)h->count);
    int64_t       below = 0;
    for (int32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += h->buckets[i];
        if (below > rank) {
            return max_i64(h->min, min_i64(h->max, value_of(i)));
        }
    }
    return h->max;
}
