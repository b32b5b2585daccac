/* SPDX-License-Identifier: Apache-2.0 */
/* eval_env.h - what programs look at besides their arguments: time and chance, for volatile
 * functions, and limits that were lowered. */
#ifndef LAMINAR_EXPR_EVAL_ENV_H
#define LAMINAR_EXPR_EVAL_ENV_H

#include "base/clock.h"
#include "base/rng.h"
#include "batch/column.h"

#define EVAL_NOW INT64_MIN

/* 0: the highest. */
typedef struct eval_limits {
    int32_t like_bytes, value_bytes;
    int32_t series_rows, recursion_steps; /* of the circuit */
} eval_limits;

/* Passed by value; what it points to outlives every program. */
typedef struct eval_env {
    engine_clock *clock;
    shared_rng   *random;
    int64_t       now_us; /* of a statement that is answered once; EVAL_NOW: ask the clock */
    eval_limits   limits;
} eval_env;

/* The instant of a statement, which is when it is first asked for; before that it is EVAL_NOW. */
ALWAYS_INLINE int64_t
eval_instant(const eval_env *e, int64_t *statement_us) {
    if (*statement_us == EVAL_NOW) {
        *statement_us = e->clock == NULL ? 0 : clock_now_us(e->clock);
    }
    return *statement_us;
}

status eval_value_too_long(int32_t size, int32_t most, error *err);

/* The texts, BLOBs and nested values that were made are no longer than the limit, which only counts
 * where it was lowered: functions keep to the highest by themselves. e may be NULL. */
ALWAYS_INLINE status
eval_check_bytes(const eval_env *e, const column *made, int32_t rows, error *err) {
    const int32_t most = e == NULL ? 0 : e->limits.value_bytes;
    const int64_t size = most == 0 ? 0 : column_longest(made, rows);
    return size > most ? eval_value_too_long((int32_t)size, most, err) : OK;
}

#endif
