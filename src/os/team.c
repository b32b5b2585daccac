/* SPDX-License-Identifier: Apache-2.0 */
/* team.c - see team.h. */
#include "os/team.h"

typedef struct team_job {
    const team      *team;
    team_step       *step;
    void            *context;
    int32_t          count;
    _Atomic int32_t  next; /* above `count`: no step is left */
    _Atomic uint32_t lock; /* of what follows, for a few instructions */
    int32_t          failed_at;
    status           failed; /* OK: no step has */
    error            err;
} team_job;

static void
note_fault(team_job *j, int32_t at, status s, const error *err) {
    while (atomic_exchange_explicit(&j->lock, 1, memory_order_acquire) != 0) {
    }
    if (j->failed == OK || at < j->failed_at) {
        j->failed = s;
        j->failed_at = at;
        j->err = *err;
    }
    atomic_store_explicit(&j->lock, 0, memory_order_release);
    atomic_store_explicit(&j->next, j->count, memory_order_relaxed);
}

static void
run_steps(void *context, int32_t part, bool calling) {
    team_job *j = context;
    interrupt guard;
    (void)part;
    interrupt_init_part(&guard, j->team->watched);
    interrupt *before = interrupt_set_current(calling ? j->team->watched : &guard);
    for (;;) {
        const int32_t at = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
        if (at >= j->count) {
            break;
        }
        error  err = {.position = -1};
        status s = interrupt_look(&err);
        s = s < 0 ? s : j->step(j->context, at, &err);
        if (s < 0) {
            note_fault(j, at, s, &err);
            break;
        }
    }
    interrupt_set_current(before);
}

/* A thread that stopped without a cancellation did so at the deadline, which the query's own
 * interrupt may not have looked at yet. */
static status
stop_all(interrupt *watched, error *err) {
    if (!atomic_load(&watched->cancelled)) {
        watched->timed_out = true;
        atomic_store(&watched->cancelled, true);
    }
    return interrupt_reason(watched, err);
}

static status
run_alone(int32_t count, team_step *step, void *context, error *err) {
    for (int32_t i = 0; i < count; i++) {
        TRY(interrupt_look(err));
        TRY(step(context, i, err));
    }
    return OK;
}

status
team_run(const team *t, int32_t count, team_step *step, void *context, error *err) {
    team_job      j = {.team = t, .step = step, .context = context, .count = count};
    const int32_t threads = t->pool == NULL ? 1 : t->threads < count ? t->threads : count;
    if (threads <= 1 || !pool_run(t->pool, threads, run_steps, &j, t->watched)) {
        return run_alone(count, step, context, err);
    }
    if (j.failed == ERR_QUERY_CANCELLED && t->watched != NULL) {
        return stop_all(t->watched, err);
    }
    if (j.failed < 0 && err != NULL) {
        *err = j.err;
    }
    return j.failed < 0 ? j.failed : interrupt_look(err);
}
