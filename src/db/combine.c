/* SPDX-License-Identifier: Apache-2.0 */
/* combine.c - inserts from several threads: flat combining (Hendler, Incze, Shavit, Tzafrir 2010).
 *
 * A thread that finds the engine free runs its own insert. One that finds it busy queues its rows;
 * whoever holds the token applies them before it leaves, several inserts in one tick where that
 * cannot show (engine_append). So the engine's data stay in one core's cache and a busy engine is
 * handed on without a sleep in between. A holder does this for at most LEAVE_US_MAX beyond its own
 * work; then the worker thread takes over. The worker is started when it is first needed, and
 * sleeps otherwise.
 *
 * Nothing is lost between queue and token: a thread queues first and then tries the token; a holder
 * releases the token first and then looks at the queue. With a full fence between the two steps of
 * each, at least one of them sees the other. */
#include "db/sink.h"

#define LEAVE_US_MAX 200
#define LOOK_NS_MAX 20000
#define LOOKS 16 /* between two looks at the clock */

enum { REQUEST_WAITING, REQUEST_DONE, REQUEST_ASLEEP };

struct insert_request {
    insert_request  *next;
    object          *target;   /* retained */
    batch           *rows;     /* retained */
    bool             detached; /* nobody waits: freed by whoever applies it */
    status           outcome;
    error            err;
    _Atomic uint32_t state; /* futex of the waiter */
};

status
queue_open(laminar_database *db, error *err) {
    insert_queue *q = &db->queue;
    TRY(mutex_init(&q->lock, err));
    atomic_store(&q->due_us, INT64_MAX);
    mutex_set_level(&q->lock, LEVEL_LEAF);
    return OK;
}

void
queue_close(laminar_database *db) {
    assert(db->queue.first == NULL && !db->queue.has_worker);
    mutex_fini(&db->queue.lock);
}

/* ------------------------------------------------------------------ the list */
bool
queue_is_empty(laminar_database *db) {
    mutex_lock(&db->queue.lock);
    const bool empty = db->queue.first == NULL;
    mutex_unlock(&db->queue.lock);
    return empty;
}

/* ------------------------------------------------------------------ buffers */
static bool
has_own_buffer(const object *o) {
    return o != NULL && o->buffer_size > 0;
}

static waiting_rows *
buffer_of(laminar_database *db, object *o) {
    return has_own_buffer(o) ? &o->waiting : &db->queue.common;
}

static int64_t
capacity_of(laminar_database *db, const object *o) {
    return has_own_buffer(o) ? o->buffer_size : db_setting(db, SETTING_BUFFER_SIZE);
}

queue_load
queue_look(laminar_database *db, const object *o) {
    const waiting_rows *w = has_own_buffer(o) ? &o->waiting : &db->queue.common;
    queue_load          load = {.rows = atomic_load(&w->rows), .capacity = capacity_of(db, o)};
    load.is_full = load.rows >= load.capacity || atomic_load(&w->sleepers) > 0;
    return load;
}

queue_load
queue_fuller(queue_load a, queue_load b) {
    const double a_used = (double)a.rows / (double)a.capacity;
    const double b_used = (double)b.rows / (double)b.capacity;
    const bool   b_wins = b_used > a_used || (b_used == a_used && b.capacity < a.capacity);
    queue_load   load = b_wins ? b : a;
    load.is_full = a.is_full || b.is_full;
    return load;
}

int64_t
queue_count(laminar_database *db, bool (*counts)(const object *target, const void *of),
            const void       *of) {
    insert_queue *q = &db->queue;
    int64_t       rows = 0;
    if (atomic_load(&q->rows) == 0) {
        return 0;
    }
    mutex_lock(&q->lock);
    for (const insert_request *r = q->first; r != NULL; r = r->next) {
        rows += counts(r->target, of) ? r->rows->rows.row_count : 0;
    }
    mutex_unlock(&q->lock);
    return rows;
}

/* Rows leave: tell_room afterwards. */
static void
give_room(laminar_database *db, object *o, int64_t rows) {
    atomic_fetch_sub(&buffer_of(db, o)->rows, rows);
    atomic_fetch_sub(&db->queue.rows, rows);
}

/* ------------------------------------------------------------------ requests */

/* False: the queue has ended. */
static bool
push_request(insert_queue *q, insert_request *r) {
    mutex_lock(&q->lock);
    const bool takes = !q->ended;
    r->next = NULL;
    if (takes && q->first == NULL) {
        q->first = r;
    } else if (takes) {
        q->last->next = r;
    }
    q->last = takes ? r : q->last;
    mutex_unlock(&q->lock);
    atomic_thread_fence(memory_order_seq_cst);
    return takes;
}

static void
set_ended(insert_queue *q, bool ended) {
    mutex_lock(&q->lock);
    q->ended = ended;
    mutex_unlock(&q->lock);
}

/* True: it was still queued and is no more. */
static bool
withdraw_request(insert_queue *q, insert_request *wanted) {
    insert_request *before = NULL;
    mutex_lock(&q->lock);
    insert_request *r = q->first;
    while (r != NULL && r != wanted) {
        before = r;
        r = r->next;
    }
    if (r != NULL) {
        if (before == NULL) {
            q->first = r->next;
        } else {
            before->next = r->next;
        }
        q->last = q->last == r ? before : q->last;
    }
    mutex_unlock(&q->lock);
    return r != NULL;
}

static insert_request *
pop_request(insert_queue *q) {
    mutex_lock(&q->lock);
    insert_request *r = q->first;
    if (r != NULL) {
        q->first = r->next;
    }
    mutex_unlock(&q->lock);
    return r;
}

/* ------------------------------------------------------------------ applying */
static void
free_request(laminar_database *db, insert_request *r) {
    batch_release(r->rows);
    catalog_object_release(r->target);
    mem_free(db->mem, r, sizeof(*r));
}

static void
finish_request(laminar_database *db, insert_request *r) {
    insert_queue *q = &db->queue;
    give_room(db, r->target, r->rows->rows.row_count);
    if (r->detached) {
        if (r->outcome < 0) {
            db_note_error(db, "source", r->target->name, -r->outcome, r->err.message);
            mutex_lock(&q->lock);
            if (q->fault_status == OK) {
                q->fault_status = r->outcome;
                q->fault = r->err;
            }
            mutex_unlock(&q->lock);
        }
        free_request(db, r);
        return;
    }
    /* From here on r belongs to its waiter. */
    if (atomic_exchange(&r->state, REQUEST_DONE) == REQUEST_ASLEEP) {
        futex_wake_all(&r->state);
    }
}

static void
tell_room(insert_queue *q) {
    atomic_fetch_add(&q->room, 1);
    if (atomic_load(&q->room_sleepers) > 0) {
        futex_wake_all(&q->room);
    }
}

bool
queue_drain(laminar_database *db, bool bounded) {
    insert_queue *q = &db->queue;
    if (LIKELY(atomic_load(&q->rows) == 0) || atomic_load(&db->transaction_owner) != 0) {
        return true; /* what waits for a transaction is applied by whoever ends it */
    }
    engine_clock   *wall = &db->clock.base;
    const int64_t   end_ns = bounded ? clock_ticks_ns(wall) + LEAVE_US_MAX * 1000 : INT64_MAX;
    insert_request *applied = NULL, **at = &applied, *r;
    bool            empty = true;
    while ((r = pop_request(q)) != NULL) {
        r->outcome = db_append_batch(db, r->target, r->rows, &r->err);
        r->next = NULL;
        *at = r;
        at = &r->next;
        if (bounded && clock_ticks_ns(wall) > end_ns) {
            empty = queue_is_empty(db);
            break;
        }
    }
    if (applied == NULL) {
        return empty;
    }
    engine_settle(db->engine);
    while (applied != NULL) {
        r = applied;
        applied = r->next;
        r->outcome = r->outcome == OK ? engine_kept(db->engine, &r->err) : r->outcome;
        finish_request(db, r);
    }
    tell_room(q);
    return empty;
}

void
queue_end(laminar_database *db) {
    set_ended(&db->queue, true);
    queue_drain(db, false);
}

void
queue_go_on(laminar_database *db) {
    set_ended(&db->queue, false);
}

/* ------------------------------------------------------------------ the worker */

/* Until there is work, or a timer is due. */
static void
sleep_worker(laminar_database *db, uint32_t seen) {
    insert_queue *q = &db->queue;
    const int64_t due_us = atomic_load(&q->due_us);
    const int64_t wait_us =
        due_us == INT64_MAX ? -1 : sat_sub_i64(due_us, clock_now_us(&db->clock.base));
    if (!atomic_load(&q->worker_stop) && (wait_us > 0 || due_us == INT64_MAX)) {
        futex_wait(&q->worker_word, seen, wait_us);
    }
}

static bool
has_work(laminar_database *db) {
    return !queue_is_empty(db) || clock_now_us(&db->clock.base) >= atomic_load(&db->queue.due_us);
}

static void *
run_worker(void *arg) {
    laminar_database *db = arg;
    insert_queue     *q = &db->queue;
    while (!atomic_load(&q->worker_stop)) {
        const uint32_t seen = atomic_load(&q->worker_word);
        if (atomic_load(&db->transaction_owner) != 0 || !has_work(db)) {
            sleep_worker(db, seen);
            continue;
        }
        mutex_lock(&db->token);
        queue_drain(db, true);
        engine_fire(db->engine);
        queue_tell_due(db);
        mutex_unlock(&db->token);
    }
    if (!queue_is_empty(db) && mutex_try_lock(&db->token)) { /* came while we were the holder */
        db_leave(db);
    }
    return NULL;
}

void
queue_pin_worker(laminar_database *db, const cpu_list *cpus) {
    db->queue.cpus = *cpus;
    if (db->queue.has_worker) {
        thread_pin(&db->queue.worker, cpus);
    }
}

void
queue_wake_worker(laminar_database *db) {
    insert_queue *q = &db->queue;
    if (!q->has_worker && !db->deterministic && !atomic_load(&q->worker_stop)) {
        error ignored = {0};
        q->has_worker =
            thread_start(&q->worker, "laminardb-worker", run_worker, db, &ignored) == OK;
        if (q->has_worker) {
            thread_pin(&q->worker, &q->cpus);
        }
    }
    if (q->has_worker) {
        atomic_fetch_add(&q->worker_word, 1);
        futex_wake_all(&q->worker_word);
    } else {
        queue_drain(db, false); /* no thread to be had: the holder goes on itself */
    }
}

void
queue_tell_due(laminar_database *db) {
    insert_queue *q = &db->queue;
    const int64_t due_us = engine_due_us(db->engine);
    const int64_t told_us = atomic_load_explicit(&q->due_us, memory_order_relaxed);
    if (LIKELY(due_us == told_us) || db->deterministic) {
        return;
    }
    atomic_store(&q->due_us, due_us);
    if (due_us < told_us && !atomic_load(&q->worker_stop)) {
        queue_wake_worker(db);
    }
}

void
queue_stop(laminar_database *db) {
    insert_queue *q = &db->queue;
    mutex_lock(&db->token);
    const bool joins = q->has_worker;
    q->has_worker = false;
    atomic_store(&q->worker_stop, true);
    db_leave(db); /* not a bare unlock: what queued behind us would wait for ever */
    if (joins) {
        atomic_fetch_add(&q->worker_word, 1);
        futex_wake_all(&q->worker_word);
        thread_join(&q->worker);
    }
}

/* ------------------------------------------------------------------ inserting */

static status
check_interrupt(laminar_database *db, error *err) {
    return db_is_interrupted(db)
               ? error_set(err, ERR_QUERY_CANCELLED,
                           "interrupted while the insert waited for a busy engine; nothing of the "
                           "batch was kept")
               : OK;
}

static status
refuse_full(const object *o, int64_t queued, int64_t rows_max, error *err) {
    if (has_own_buffer(o)) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "%lld rows of \"%.*s\" wait for the engine (its buffer_size is %lld): "
                         "nothing of this insert was kept",
                         (long long)queued, TEXT_ARG(o->name), (long long)rows_max);
    }
    return error_set(err, ERR_INGESTION_FAILED,
                     "%lld rows wait for the engine (buffer_size is %lld): nothing of this "
                     "insert was kept",
                     (long long)queued, (long long)rows_max);
}

/* Waits until the source's buffer takes `rows` more; a larger batch is let in when nothing is in
 * it. */
static status
take_room(laminar_database *db, object *o, int64_t rows, error *err) {
    insert_queue *q = &db->queue;
    waiting_rows *w = buffer_of(db, o);
    engine_clock *wall = &db->clock.base;
    const int64_t end_ns = sat_add_i64(
        clock_ticks_ns(wall), sat_mul_i64(db_setting(db, SETTING_INSERT_TIMEOUT_MS), 1000000));
    for (;;) {
        const uint32_t seen = atomic_load(&q->room);
        const int64_t  rows_max = capacity_of(db, o);
        int64_t        queued = atomic_load(&w->rows);
        while (queued == 0 || queued + rows <= rows_max) {
            if (atomic_compare_exchange_weak(&w->rows, &queued, queued + rows)) {
                atomic_fetch_add(&q->rows, rows);
                return OK;
            }
        }
        const int64_t left_us = (end_ns - clock_ticks_ns(wall)) / 1000;
        if (left_us <= 0) {
            return refuse_full(o, queued, rows_max, err);
        }
        atomic_fetch_add(&w->sleepers, 1);
        atomic_fetch_add(&q->room_sleepers, 1);
        if (atomic_load(&q->room) == seen) {
            futex_wait(&q->room, seen, min_i64(left_us, WAIT_LOOK_US));
        }
        atomic_fetch_sub(&q->room_sleepers, 1);
        atomic_fetch_sub(&w->sleepers, 1);
        TRY(check_interrupt(db, err));
    }
}

/* Takes an interrupted insert back, unless it is under way or done. */
static status
give_up(laminar_database *db, insert_request *r, error *err) {
    insert_queue *q = &db->queue;
    error         why = {0};
    const status  s = check_interrupt(db, &why);
    if (s == OK || !withdraw_request(q, r)) {
        return OK;
    }
    give_room(db, r->target, r->rows->rows.row_count);
    tell_room(q);
    if (err != NULL) {
        *err = why;
    }
    return s;
}

/* Takes an insert back that has waited too long for another thread's transaction. */
static status
give_up_turn(laminar_database *db, insert_request *r, int64_t end_ns, error *err) {
    insert_queue *q = &db->queue;
    if (!db_in_foreign_transaction(db) || clock_ticks_ns(&db->clock.base) < end_ns ||
        !withdraw_request(q, r)) {
        return OK;
    }
    give_room(db, r->target, r->rows->rows.row_count);
    tell_room(q);
    return db_refuse_waiting(db, err);
}

/* A holder is mostly done within microseconds, a sleep and a wake cost ten and more: look first. */
static bool
is_done_soon(laminar_database *db, insert_request *r) {
    const int64_t end_ns = clock_ticks_ns(&db->clock.base) + LOOK_NS_MAX;
    do {
        for (int32_t i = 0; i < LOOKS; i++) {
            if (atomic_load_explicit(&r->state, memory_order_acquire) == REQUEST_DONE) {
                return true;
            }
            CPU_RELAX();
        }
    } while (clock_ticks_ns(&db->clock.base) < end_ns);
    return false;
}

static status
await_request(laminar_database *db, insert_request *r, error *err) {
    if (is_done_soon(db, r)) {
        return OK;
    }
    const int64_t bound_us = sat_mul_i64(db_setting(db, SETTING_INSERT_TIMEOUT_MS), 1000);
    const int64_t look_us =
        db->interrupt_check == NULL ? bound_us : min_i64(WAIT_LOOK_US, bound_us);
    const int64_t end_ns =
        sat_add_i64(clock_ticks_ns(&db->clock.base), sat_mul_i64(bound_us, 1000));
    for (;;) {
        uint32_t state = REQUEST_WAITING;
        if (!atomic_compare_exchange_strong(&r->state, &state, REQUEST_ASLEEP) &&
            state == REQUEST_DONE) {
            return OK;
        }
        if (futex_wait(&r->state, REQUEST_ASLEEP, look_us) != WAIT_WOKEN) {
            TRY(give_up(db, r, err));
            TRY(give_up_turn(db, r, end_ns, err));
        }
    }
}

/* It came when the queue had ended: nothing of it is kept, and its caller is told. */
static status
refuse_ended(laminar_database *db, insert_request *r, error *err) {
    give_room(db, r->target, r->rows->rows.row_count);
    tell_room(&db->queue);
    if (r->detached) {
        free_request(db, r);
    }
    return db_refuse_ended(db, err);
}

/* The engine was busy: rows go on the queue. */
static status
insert_queued(laminar_database *db, object *o, batch *rows, bool wait, error *err) {
    TRY(take_room(db, o, rows->rows.row_count, err));
    insert_request  local = {.target = o, .rows = rows};
    insert_request *r = &local;
    if (!wait) {
        r = mem_alloc_zero(db->mem, sizeof(*r));
        if (r == NULL) {
            give_room(db, o, rows->rows.row_count);
            tell_room(&db->queue);
            return error_memory(err);
        }
        *r = (insert_request){
            .target = catalog_object_retain(o), .rows = batch_retain(rows), .detached = true};
    }
    if (!push_request(&db->queue, r)) {
        return refuse_ended(db, r, err);
    }
    if (mutex_try_lock(&db->token)) { /* its holder left meanwhile */
        db_leave(db);
    }
    if (!wait) {
        return OK;
    }
    TRY(await_request(db, r, err));
    if (r->outcome < 0 && err != NULL) {
        *err = r->err;
    }
    return r->outcome;
}

static status
check_open(laminar_database *db, error *err) {
    TRY(db_check_process(db, err));
    if (atomic_load(&db->state) == DB_CLOSED) {
        return error_set(err, ERR_CONNECTION_CLOSED, "Connection is closed");
    }
    return OK;
}

status
db_insert(laminar_database *db, object *o, batch *rows, bool wait, error *err) {
    TRY(check_open(db, err));
    TRY(db_check_inside(db, err));
    TRY(db_wait_for_room(db, o, err));
    if (!wait) { /* what would be refused must be refused now */
        TRY(db_writable(db, err));
        TRY(db_check_made(db, o, &rows->rows, err));
    }
    if (db_in_own_transaction(db)) {
        TRY(db_enter(db, err)); /* nobody else may take it along: a transaction is its thread's */
    } else if (db_in_foreign_transaction(db) || !mutex_try_lock(&db->token)) {
        return insert_queued(db, o, rows, wait, err);
    }
    if (db_in_foreign_transaction(db)) { /* it began just now */
        db_leave(db);
        return insert_queued(db, o, rows, wait, err);
    }
    queue_drain(db, false); /* first come, first served */
    const status done = db_settle(db, db_append_batch(db, o, rows, err), err);
    db_leave(db);
    return done;
}

bool
db_enter_now(laminar_database *db, int32_t rows) {
    if (db->kept || atomic_load(&db->blocking_readers) > 0 ||
        atomic_load(&db->sleeping_readers) > 0 || db_in_foreign_transaction(db) ||
        !mutex_try_lock(&db->token)) {
        return false;
    }
    if (db_in_foreign_transaction(db) || atomic_load(&db->queue.rows) > 0 ||
        !engine_is_brisk(db->engine, rows)) {
        db_leave(db);
        return false;
    }
    return true;
}

status
db_flush(laminar_database *db, error *err) {
    TRY(db_enter_to_write(db, err));
    queue_drain(db, false);
    db_leave(db);
    insert_queue *q = &db->queue;
    mutex_lock(&q->lock);
    const status s = q->fault_status;
    if (s < 0 && err != NULL) {
        *err = q->fault;
    }
    q->fault_status = OK;
    mutex_unlock(&q->lock);
    return s < 0 ? s : sinks_flush(db, 0, err);
}
