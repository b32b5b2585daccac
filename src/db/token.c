/* SPDX-License-Identifier: Apache-2.0 */
/* token.c - who may use the engine: one thread at a time, of the process that opened the database,
 * as long as it is open. */
#include <unistd.h>

#include "db/internal.h"
#include "exec/engine.h"

static status
closed(error *err) {
    return error_set(err, ERR_CONNECTION_CLOSED, "Connection is closed");
}

static status
shut_down(error *err) {
    return error_set(err, ERR_SHUTDOWN, "the database was shut down: it takes no more writes");
}

status
db_check_process(const laminar_database *db, error *err) { /* D17 */
    if (db->process != getpid()) {
        return error_set(err, ERR_CONNECTION_FAILED,
                         "this database was opened before a fork: open it again in the child");
    }
    return OK;
}

status
db_check_open(const laminar_database *db, error *err) {
    TRY(db_check_process(db, err));
    return atomic_load(&db->state) == DB_CLOSED ? closed(err) : OK;
}

bool
db_is_interrupted(laminar_database *db) {
    return db->interrupt_check != NULL && db->interrupt_check(db->interrupt_context);
}

/* This thread puts another state in the place of all that there is, and has the token until it is
 * there, whatever it calls. */
static bool
is_restoring(laminar_database *db) {
    const uint64_t restorer = atomic_load_explicit(&db->restorer, memory_order_relaxed);
    return UNLIKELY(restorer != 0) && restorer == thread_id();
}

void
db_enter_again(laminar_database *db) {
    if (!is_restoring(db)) {
        mutex_lock(&db->token);
    }
}

/* A signal must end a wait for somebody else's long work too. */
status
db_take_token(laminar_database *db, error *err) {
    if (is_restoring(db)) {
        return OK;
    }
    if (mutex_try_lock(&db->token)) {
        return OK;
    }
    if (db->interrupt_check == NULL) {
        mutex_lock(&db->token);
        return OK;
    }
    while (!mutex_lock_for(&db->token, WAIT_LOOK_US)) {
        if (db_is_interrupted(db)) {
            return error_set(err, ERR_QUERY_CANCELLED,
                             "interrupted while another thread's call held the engine");
        }
    }
    return OK;
}

status
db_enter(laminar_database *db, error *err) {
    TRY(db_check_process(db, err));
    TRY(db_check_inside(db, err));
    TRY(db_take_token(db, err));
    if (atomic_load(&db->state) == DB_CLOSED) {
        db_leave(db); /* an insert may have queued behind us */
        return closed(err);
    }
    return OK;
}

bool
db_enter_always(laminar_database *db) {
    error ignored = {0};
    if (db_check_process(db, &ignored) < 0 || db_check_inside(db, &ignored) < 0) {
        return false;
    }
    db_enter_again(db);
    if (atomic_load(&db->state) == DB_CLOSED) {
        db_leave(db);
        return false;
    }
    return true;
}

/* Whoever holds the token takes queued inserts along before it goes; see combine.c for the order of
 * release and look. */
static void
leave(laminar_database *db) {
    for (;;) {
        if (UNLIKELY(engine_has_abandoned(db->engine))) {
            engine_reap(db->engine);
        }
        queue_tell_due(db);
        if (!queue_drain(db, true)) {
            queue_wake_worker(db);
            mutex_unlock(&db->token);
            return;
        }
        mutex_unlock(&db->token);
        atomic_thread_fence(memory_order_seq_cst);
        if (LIKELY(atomic_load(&db->queue.rows) == 0) || queue_is_empty(db) ||
            atomic_load(&db->transaction_owner) != 0 || !mutex_try_lock(&db->token)) {
            return;
        }
    }
}

void
db_leave(laminar_database *db) {
    if (is_restoring(db)) {
        return;
    }
    leave(db);
    if (UNLIKELY(atomic_load(&db->end_wanted)) && atomic_exchange(&db->end_wanted, false) &&
        db_enter_always(db)) {
        db_end_entered(db);
    }
}

void
db_abandon(laminar_database *db, changelog *log) {
    if (db->process != getpid()) {
        return;
    }
    engine_abandon(db->engine, log);
    db_reap(db);
}

void
db_reap(laminar_database *db) {
    if (mutex_try_lock(&db->token)) { /* else its holder sees to it */
        db_leave(db);
    }
}

status
db_settle(laminar_database *db, status so_far, error *err) {
    engine_settle(db->engine);
    return so_far == OK ? engine_kept(db->engine, err) : so_far;
}

status
db_writable(const laminar_database *db, error *err) {
    const int32_t state = atomic_load(&db->state);
    if (state == DB_CLOSED) {
        return closed(err);
    }
    return state >= DB_SHUTTING_DOWN ? shut_down(err) : OK;
}

status
db_refuse_ended(const laminar_database *db, error *err) {
    return atomic_load(&db->ending) ? closed(err) : shut_down(err);
}

status
db_join(laminar_database *db, stream *s, interrupt *guard, error *err) {
    status done = OK;
    while (done == OK && stream_join_next(s)) {
        db_leave(db);
        done = stream_join_run(s, guard, err);
        db_enter_again(db);
    }
    return stream_join_end(s, done, err);
}
