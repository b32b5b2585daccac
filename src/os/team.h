/* SPDX-License-Identifier: Apache-2.0 */
/* team.h - the steps of one piece of work, shared by the threads of a pool.
 *
 * Steps are taken in their order, each by one thread, so which of several faults is told does not
 * depend on the threads: the one of the first step that has one. While a step runs, the interrupt
 * of its thread (interrupt_current) is that of the query, or a part of it. */
#ifndef LAMINAR_OS_TEAM_H
#define LAMINAR_OS_TEAM_H

#include "os/pool.h"

typedef struct team {
    pool      *pool;    /* NULL: the caller's thread alone */
    int32_t    threads; /* that may work on it */
    interrupt *watched; /* the query's */
} team;

typedef status team_step(void *context, int32_t at, error *err);

/* step(context, 0) .. step(context, count - 1); after one that fails, or when the query is to stop,
 * no other begins. With one thread, one step, or a pool that is busy: all on the caller's. */
status team_run(const team *t, int32_t count, team_step *step, void *context, error *err) MUST_USE;

#endif
