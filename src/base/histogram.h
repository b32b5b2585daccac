/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.h - durations counted in log-linear buckets: 16 per power of two, so a percentile is
 * off by at most 1/32 of its value. Recording is a few instructions and never allocates.
 *
 * Invariant: count is the sum of buckets; sum, min and max are exact. One writer; readers hold the
 * same lock as the writer. */
#ifndef LAMINAR_BASE_HISTOGRAM_H
#define LAMINAR_BASE_HISTOGRAM_H

#include "base/compiler.h"

/* Values up to 2^44 ns (about five hours) have buckets of their own; larger ones share the last. */
#define HISTOGRAM_BUCKETS 656

typedef struct histogram {
    int64_t count, sum, min, max;
    int64_t buckets[HISTOGRAM_BUCKETS];
} histogram;

void histogram_add(histogram *h, int64_t value); /* negative values count as 0 */
/* The value below which `part` (0 .. 1) of the recorded values lie; 0 when there are none. */
int64_t histogram_percentile(const histogram *h, double part);

#endif
