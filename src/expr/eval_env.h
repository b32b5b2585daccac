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

#endif
