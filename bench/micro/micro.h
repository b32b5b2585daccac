/* SPDX-License-Identifier: Apache-2.0 */
/* micro.h - what the micro benchmarks share: the best of some rounds, and one line a figure as
 * bench/run.py reads it: name, value, unit, rows checked.
 *
 * A measured function does its work once over all of its rows. */
#ifndef LAMINAR_BENCH_MICRO_H
#define LAMINAR_BENCH_MICRO_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"

#define MICRO_ROUNDS 7

/* CPU time of this thread: others may be at work. */
static inline double
micro_seconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void
micro_print(const char *name, double value, const char *unit, long long checked) {
    printf("%s\t%.4f\t%s\t%lld\n", name, value, unit, checked);
    (void)fflush(stdout);
}

typedef status (*micro_work)(void *context, error *err);

/* Prints `amount` (rows, bytes) a second of the best round, in units of 1e6 or 1e9. `before` and
 * `after` (may be NULL) stand around each round, outside of its time; `right` looks at the answer
 * of the last one. */
typedef struct micro_case {
    const char *name, *unit;
    double      amount, unit_size;
    micro_work  before, work, after;
    bool (*right)(void *context);
} micro_case;

static inline status
micro_run(const micro_case *c, void *context, error *err) {
    double best = 1e300;
    for (int round = 0; round < MICRO_ROUNDS; round++) {
        if (c->before != NULL) {
            TRY(c->before(context, err));
        }
        const double start = micro_seconds();
        TRY(c->work(context, err));
        const double took = micro_seconds() - start;
        best = took < best ? took : best;
        if (round == MICRO_ROUNDS - 1 && !c->right(context)) {
            return error_set(err, ERR_INTERNAL_ERROR, "%s: the answer is wrong", c->name);
        }
        if (c->after != NULL) {
            TRY(c->after(context, err));
        }
    }
    micro_print(c->name, c->amount / best / c->unit_size, c->unit, (long long)c->amount);
    return OK;
}

#endif
