/* SPDX-License-Identifier: Apache-2.0 */
/* eval_env.h - what volatile functions look at besides their arguments: time and chance. */
#ifndef LAMINAR_EXPR_EVAL_ENV_H
#define LAMINAR_EXPR_EVAL_ENV_H

#include "base/clock.h"
#include "base/rng.h"

#define EVAL_NOW INT64_MIN

/* Passed by value; what it points to outlives every program. */
typedef struct eval_env {
    engine_clock *clock;
    shared_rng   *random;
    int64_t       now_us; /* of a statement that is answered once; EVAL_NOW: ask the clock */
} eval_env;

/* The instant of a statement, which is when it is first asked for; before that it is EVAL_NOW. */
ALWAYS_INLINE int64_t
eval_instant(const eval_env *e, int64_t *statement_us) {
    if (*statement_us == EVAL_NOW) {
        *statement_us = e->clock == NULL ? 0 : clock_now_us(e->clock);
    }
    return *statement_us;
}

#endif
