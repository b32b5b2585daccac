/* SPDX-License-Identifier: Apache-2.0 */
/* database.c - opening, closing, entering. See internal.h for the order of locks. */
#include <limits.h>
#include <unistd.h>

#include "arrow/arrow.h"
#include "db/durable.h"
#include "db/foreign.h"
#include "db/internal.h"
#include "db/paging.h"
#include "db/pipeline.h"
#include "db/settings.h"
#include "db/sink.h"
#include "kernel/kernel.h"
#include "os/callout.h"

static int64_t
user_now_us(engine_clock *c) {
    user_clock *u = (user_clock *)c;
    return u->clock_us(u->context);
}

static void
set_callbacks(laminar_database *db, const laminar_options *options) {
    clock_init_real(&db->clock.base);
    shared_rng_init(&db->random, options->deterministic ? options->seed : rng_seed_from_system());
    if (options->deterministic) {
        db->deterministic = true;
        clock_init_stepped(&db->clock.base, 0);
    }
    if (options != NULL && options->clock_us != NULL) {
        db->clock.clock_us = options->clock_us;
        db->clock.context = options->clock_context;
        db->clock.base.now_us = user_now_us;
    }
    if (options != NULL) {
        db->interrupt_check = options->interrupted;
        db->interrupt_context = options->interrupted_context;
    }
}

static status
open_parts(laminar_database *db, error *err) {
    TRY(mutex_init(&db->token, err));
    mutex_set_level(&db->token, LEVEL_TOKEN);
    status s = mutex_init(&db->queries_lock, err);
    if (s < 0) {
        mutex_fini(&db->token);
        return s;
    }
    mutex_set_level(&db->queries_lock, LEVEL_LEAF);
    s = mutex_init(&db->sinks_lock, err);
    if (s < 0) {
        mutex_fini(&db->queries_lock);
        mutex_fini(&db->token);
        return s;
    }
    mutex_set_level(&db->sinks_lock, LEVEL_LEAF);
    s = queue_open(db, err);
    if (s < 0) {
        mutex_fini(&db->sinks_lock);
        mutex_fini(&db->queries_lock);
        mutex_fini(&db->token);
        return s;
    }
    s = catalog_open(&db->catalog, db->mem, err);
    if (s == OK) {
        s = engine_open(&db->engine, db->mem, &db->clock.base, err);
    }
    if (s == OK) {
        s = paging_open(db, err);
    }
    if (s < 0) {
        engine_close(db->engine);
        catalog_close(db->catalog);
        queue_close(db);
        mutex_fini(&db->sinks_lock);
        mutex_fini(&db->queries_lock);
        mutex_fini(&db->token);
    }
    return s;
}

/* A directory that the database is kept in, or a bare name of one in memory. */
static bool
is_kept(const char *path) {
    if (path == NULL || path[0] == '\0' || strcmp(path, ":memory:") == 0) {
        return false;
    }
    const size_t size = strlen(path);
    return strchr(path, '/') != NULL || (size > 4 && strcmp(path + size - 4, ".ldb") == 0) ||
           (size > 3 && strcmp(path + size - 3, ".db") == 0);
}

static status
open_database(laminar_database **out, const char *path, const laminar_options *options,
              error *err) {
    if (options->threads < 0 || options->memory_limit < 0 || options->buffer_size < 0 ||
        options->insert_timeout_ms < 0 || options->max_lag_bytes < 0 ||
        options->statement_timeout_ms < 0 || options->max_future_skew_ms < 0 ||
        options->max_temp_directory_size < 0 || options->durability > LAMINAR_DURABILITY_OFF ||
        options->checkpoint_interval_ms < 0 || options->wal_limit_bytes < 0 ||
        options->wal_segment_bytes < 0 || options->checkpoint_retention < 0) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "numbers in the options must be 0 (the default) or more");
    }
    if (options->deterministic && options->clock_us != NULL) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "a deterministic database has a clock of its own: leave clock_us out, and "
                         "move its clock with laminar_database_tick");
    }
    kernel_init();
    mem *m = mem_open_shared(options->memory_limit > 0 ? options->memory_limit
                                                       : settings_memory_limit());
    if (m == NULL) {
        return error_memory(err);
    }
    laminar_database *db = mem_alloc_zero(m, sizeof(*db));
    if (db == NULL) {
        mem_close_shared(m);
        return error_memory(err);
    }
    db->mem = m;
    atomic_init(&db->references, 1);
    db->process = getpid();
    db->cpu_count = thread_cpu_count();
    settings_init(db, options);
    set_callbacks(db, options);
    db->opened_ns = clock_ticks_ns(&db->clock.base);
    status s = settings_take_texts(db, options, err);
    s = s < 0 ? s : open_parts(db, err);
    if (s < 0) {
        settings_fini(db);
        mem_free(m, db, sizeof(*db));
        mem_close_shared(m);
        return s;
    }
    settings_started(db);
    if (is_kept(path)) {
        s = durable_open(db, vfs_real(), path, err);
    } else if (options->checkpoint_interval_ms > 0) {
        s = durable_open_memory(db, err);
    }
    if (s < 0) {
        laminar_database_close(db);
        return s;
    }
    *out = db;
    return OK;
}

/* Empty: that of the kernels. */
static text
db_zone(const laminar_database *db) {
    const text name = setting_value(db, SETTING_TIMEZONE).s;
    return text_equal_nocase(name, TEXT("UTC")) ? (text){NULL, 0} : name;
}

/* All is what a source does that does not say. */
static text
db_retain_text(const laminar_database *db) {
    const text retain = setting_value(db, SETTING_RETAIN).s;
    return text_equal_nocase(retain, TEXT("all")) ? (text){NULL, 0} : retain;
}

plan_env
db_plan_env(laminar_database *db) {
    return (plan_env){.eval = {.clock = &db->clock.base,
                               .random = &db->random,
                               .now_us = EVAL_NOW,
                               .limits = db_eval_limits(db)},
                      .real_division = db_setting(db, SETTING_INTEGER_DIVISION) == 0,
                      .nulls = (plan_nulls)db_setting(db, SETTING_DEFAULT_NULL_ORDER),
                      .retain = db_retain_text(db),
                      .zone = db_zone(db),
                      .variables = &db->variables,
                      .setting = setting_current,
                      .settings_of = db,
                      .joins_max = db_limit(db, LIMIT_joins, SQL_JOINS_MAX),
                      .windows_max = db_limit(db, LIMIT_windows_per_row, SQL_WINDOWS_MAX),
                      .grouping_sets_max = db_limit(db, LIMIT_grouping_sets, SQL_GROUPING_SETS_MAX),
                      .grouping_keys_max =
                          db_limit(db, LIMIT_grouping_keys, SQL_GROUPING_KEYS_MAX)};
}

int32_t
db_threads(const laminar_database *db) {
    const int64_t set = db_setting(db, SETTING_THREADS);
    return db->deterministic ? 1 : set > 0 ? (int32_t)set : db->cpu_count;
}

laminar_database *
db_retain(laminar_database *db) {
    atomic_fetch_add_explicit(&db->references, 1, memory_order_relaxed);
    return db;
}

void
db_release(laminar_database *db) {
    if (atomic_fetch_sub_explicit(&db->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    mem *m = db->mem;
    db_queries_fini(db);
    catalog_close(db->catalog);
    foreign_fini(db);
    durable_free(db->durable);
    pipelines_fini(db);
    prepared_fini(db);
    variables_fini(db);
    sinks_forget_writers(db);
    engine_close(db->engine);
    paging_close(db);
    settings_fini(db);
    queue_close(db);
    mutex_fini(&db->sinks_lock);
    mutex_fini(&db->queries_lock);
    mutex_fini(&db->token);
    mem_free(m, db, sizeof(*db));
    mem_close_shared(m);
}

status
db_find_source(laminar_database *db, text name, object **out, error *err) {
    object *o = NULL;
    TRY(catalog_need(&o, db->catalog, name, false, ERR_TABLE_NOT_FOUND, "Source", -1, err));
    if (o->kind != OBJECT_SOURCE && o->kind != OBJECT_TABLE) {
        return error_set(err, ERR_SCHEMA_MISMATCH,
                         "\"%.*s\" is a %s: insert into the sources that it reads",
                         TEXT_ARG(o->name), object_kind_name(o->kind));
    }
    *out = catalog_object_retain(o);
    return OK;
}

status
db_take_source(laminar_database *db, const char *name, object **out, error *err) {
    TRY(db_check_open(db, err));
    TRY(db_check_inside(db, err));
    object *o = catalog_take(db->catalog, text_of(name));
    if (o != NULL && (o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE)) {
        *out = o;
        return OK;
    }
    catalog_object_release(o);
    TRY(db_enter(db, err));
    const status s = db_find_source(db, text_of(name), out, err);
    db_leave(db);
    return s;
}

/* ---------------------------------------------------------------------------------- public */
const char *
laminar_version(void) {
    return LAMINAR_VERSION;
}

laminar_status
laminar_database_open(laminar_database **out, const char *path, const laminar_options *options,
                      laminar_error *err) {
    error           e = {0};
    laminar_options known = LAMINAR_OPTIONS_INIT;
    if (options != NULL) { /* an older caller's struct may be shorter than ours */
        const size_t size = options->size < sizeof(known) ? options->size : sizeof(known);
        memcpy(&known, options, size);
    }
    return report(err, &e, open_database(out, path, &known, &e), TEXT(""));
}

/* Streams in reverse order of creation, so that readers go before what they read. */
static void
close_objects(laminar_database *db) {
    engine_close_streams(db->engine);
    for (int32_t i = catalog_count(db->catalog) - 1; i >= 0; i--) {
        object *o = catalog_at(db->catalog, i);
        void   *impl = o->impl;
        if (o->kind == OBJECT_STREAM || o->kind == OBJECT_SINK) { /* a sink keeps its object */
            o->impl = NULL;
        }
        if (o->kind == OBJECT_SINK && impl != NULL) {
            o->impl_free(impl);
        }
        catalog_remove(db->catalog, o);
    }
}

/* Who waits for a time looks again. */
static void
db_wake_clock(laminar_database *db) {
    atomic_fetch_add(&db->clock_word, 1);
    futex_wake_all(&db->clock_word);
}

/* With the token. After a shutdown it has ended already. */
static void
end_queue(laminar_database *db) {
    db_drop_transaction(db);
    if (atomic_load(&db->state) < DB_SHUTTING_DOWN) {
        queue_end(db);
    }
}

/* With the token, which is given up. */
void
db_end_entered(laminar_database *db) {
    end_queue(db);
    const int32_t before = atomic_exchange(&db->state, DB_CLOSED);
    if (before != DB_CLOSED) {
        close_objects(db);
    }
    db_wake_clock(db);
    db_leave(db);
    if (before != DB_CLOSED) {
        queue_stop(db);
        engine_stop_threads(db->engine);
        engine_set_journal(db->engine, NULL); /* nothing changes any more */
        durable_shut(db->durable);
    }
    sinks_end(db);
    sinks_forget_writers(db);
}

/* What was published is written, as far as the sinks can. */
static void
drain_sinks(laminar_database *db) {
    error ignored = {0};
    if (sinks_flush(db, SINK_DRAIN_US, &ignored) < 0) {
        return; /* laminar.errors has it */
    }
}

void
db_note_error(laminar_database *db, const char *kind, text name, int32_t code,
              const char *message) {
    error_log_add(engine_errors(db->engine), clock_now_us(&db->clock.base), kind, name, code,
                  message);
}

laminar_status
laminar_database_end(laminar_database *db, laminar_error *err) {
    error e = {0};
    if (db->process != getpid()) {
        return LAMINAR_OK; /* a lock may be held by a thread that this process does not have */
    }
    atomic_store(&db->ending, true);
    laminar_database_interrupt(db);
    if (db_is_inside(db)) { /* when the call around us leaves */
        atomic_store(&db->end_wanted, true);
        return LAMINAR_OK;
    }
    status s = db_take_token(db, &e);
    if (s == OK) {
        end_queue(db); /* before the last checkpoint, and what sinks write */
        db_leave(db);
        drain_sinks(db);
        durable_closing(db);
        s = db_take_token(db, &e);
    }
    if (s == OK) {
        db_end_entered(db);
    } else { /* a signal: it goes on */
        if (atomic_load(&db->state) < DB_SHUTTING_DOWN) {
            queue_go_on(db);
        }
        atomic_store(&db->ending, false);
    }
    return report(err, &e, s, TEXT(""));
}

void
laminar_database_close(laminar_database *db) {
    if (db == NULL) {
        return;
    }
    if (db->process != getpid()) {
        return; /* the parent's locks and threads do not exist here: leave the memory alone */
    }
    atomic_store(&db->ending, true);
    laminar_database_interrupt(db);
    if (db_is_inside(db)) { /* its memory stays: the call around us has still to come back */
        atomic_store(&db->end_wanted, true);
        return;
    }
    mutex_lock(&db->token);
    end_queue(db);
    db_leave(db);
    drain_sinks(db);
    durable_closing(db);
    mutex_lock(&db->token);
    db_end_entered(db);
    db_release(db);
}

/* ---------------------------------------------------------------------------------- life cycle */
/* Fills a stream that was waiting for the start. While it works, other threads may do what they
 * like, this one nothing: a signal handler that wants to is refused. */
static status
start_joining(laminar_database *db, stream *s, error *err) {
    query_entry *listed = NULL;
    const status begun = db_query_begin(db, TEXT("START"), NULL, &listed, err);
    if (begun < 0) {
        return stream_join_end(s, begun, err);
    }
    db_query_inside(db, listed);
    listed->guard.deadline_ns = 0; /* a time-out is for queries */
    const status done = db_join(db, s, &listed->guard, err);
    db_query_end(db, listed);
    return done;
}

static status
start_streams(laminar_database *db, const pipeline *only, error *err) {
    stream *joining = NULL;
    bool    done = false;
    while (!done) {
        TRY(engine_start_next(db->engine, only, &joining, &done, err));
        if (joining != NULL) {
            TRY(start_joining(db, joining, err));
        }
        TRY(db_writable(db, err));
    }
    return OK;
}

/* Another thread's start is waited for, with the token given up. */
status
db_await_start(laminar_database *db, error *err) {
    while (db->starting) {
        const uint32_t seen = atomic_load(&db->start_word);
        db_leave(db);
        const bool stop = futex_wait(&db->start_word, seen, -1) == WAIT_INTERRUPTED &&
                          db->interrupt_check != NULL && db->interrupt_check(db->interrupt_context);
        db_enter_again(db);
        if (stop) {
            return error_set(err, ERR_QUERY_CANCELLED, "the wait for another start was cancelled");
        }
        TRY(db_check_open(db, err));
    }
    return OK;
}

static void
end_start(laminar_database *db) {
    db->starting = false;
    atomic_fetch_add(&db->start_word, 1);
    futex_wake_all(&db->start_word);
}

static status
start(laminar_database *db, error *err) {
    TRY(db_await_start(db, err));
    TRY(db_in_foreign_transaction(db) ? db_refuse_waiting(db, err) : OK);
    TRY(db_writable(db, err));
    TRY(db_refuse_in_transaction(db, "start()", err));
    const int32_t before = atomic_exchange(&db->state, DB_STARTING);
    db->starting = true;
    status s = engine_resume(db->engine, err);
    if (s == OK) {
        pipelines_allow(db);
        s = start_streams(db, NULL, err);
    }
    if (s == OK) {
        s = durable_happened(db, DURABLE_START, err);
    }
    int32_t expected = DB_STARTING; /* unless somebody pauses or ends it meanwhile */
    atomic_compare_exchange_strong(&db->state, &expected, s == OK ? DB_RUNNING : before);
    end_start(db);
    return s;
}

status
db_start_pipeline(laminar_database *db, const pipeline *p, error *err) {
    TRY(db_await_start(db, err));
    db->starting = true;
    const status s = start_streams(db, p, err);
    end_start(db);
    return s;
}

laminar_status
laminar_database_start(laminar_database *db, laminar_error *err) {
    error  e = {0};
    status s = db_enter_to_write(db, &e);
    if (s == OK) {
        s = start(db, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

/* Timers that fall due on the way go off at their own times. */
bool
db_clock_is_stepped(const laminar_database *db) {
    return db->replaying && atomic_load(&db->restorer) == 0;
}

status
db_go_to(laminar_database *db, int64_t now_us, error *err) {
    engine_clock *c = &db->clock.base;
    if (!db->deterministic) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "this database lives by the system's clock: open it with deterministic = "
                         "true to move its clock by hand");
    }
    if (now_us < clock_now_us(c)) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "the clock stands at %lld us and never goes back to %lld",
                         (long long)clock_now_us(c), (long long)now_us);
    }
    queue_drain(db, false);
    while (engine_due_us(db->engine) <= now_us && engine_due_us(db->engine) < INT64_MAX) {
        clock_advance(c, max_i64(0, engine_due_us(db->engine) - clock_now_us(c)));
        engine_fire(db->engine);
    }
    clock_advance(c, now_us - clock_now_us(c));
    db_wake_clock(db);
    return OK;
}

laminar_status
laminar_database_tick(laminar_database *db, int64_t now_us, laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        s = db_go_to(db, now_us, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_reload(laminar_database *db, laminar_error *err) {
    error  e = {0};
    bool   done = false;
    status s = db_enter(db, &e);
    if (s == OK) {
        s = engine_reload(db->engine, &done, &e);
        db_leave(db);
    }
    return s == OK && !done ? LAMINAR_DONE : report(err, &e, s, TEXT(""));
}

bool
laminar_database_take_warning(laminar_database *db, char *out, size_t size) {
    error e = {0};
    if (db == NULL || !engine_has_warning(db->engine) || db_enter(db, &e) < 0) {
        return false;
    }
    const bool taken = engine_take_warning(db->engine, out, size);
    db_leave(db);
    return taken;
}

static status
not_started(const char *what, error *err) {
    return error_set(err, ERR_QUERY_FAILED, "cannot %s a pipeline that was not started: call start",
                     what);
}

laminar_status
laminar_database_pause(laminar_database *db, laminar_error *err) {
    error  e = {0};
    status s = db_enter_to_write(db, &e);
    if (s == OK) {
        s = db_writable(db, &e);
        if (s == OK) {
            s = db_refuse_in_transaction(db, "pause()", &e);
        }
        if (s == OK && atomic_load(&db->state) == DB_CREATED) {
            s = not_started("pause", &e);
        }
        if (s == OK) {
            s = durable_happened(db, DURABLE_PAUSE, &e);
        }
        if (s == OK) {
            engine_pause(db->engine);
            atomic_store(&db->state, DB_PAUSED);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_resume(laminar_database *db, laminar_error *err) {
    error  e = {0};
    status s = db_enter_to_write(db, &e);
    if (s == OK) {
        s = db_writable(db, &e);
        if (s == OK && atomic_load(&db->state) == DB_CREATED) {
            s = not_started("resume", &e);
        }
        if (s == OK) {
            s = start(db, &e);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

/* Rows that a pause held back still flow: what was accepted is in the streams' last state. */
laminar_status
laminar_database_shutdown(laminar_database *db, laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        end_queue(db);
        const int32_t before = atomic_exchange(&db->state, DB_SHUTTING_DOWN);
        db->state_before_end = before < DB_SHUTTING_DOWN ? before : db->state_before_end;
        s = engine_resume(db->engine, &e);
        s = s < 0 ? s : pipelines_resume(db, &e);
        if (s == OK) {
            engine_end_logs(db->engine);
        }
        atomic_store(&db->state, s == OK ? DB_STOPPED : before);
        if (s < 0 && before < DB_SHUTTING_DOWN) {
            queue_go_on(db);
        }
        db_leave(db);
    }
    if (s == OK) {
        drain_sinks(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_note_error(laminar_database *db, const char *kind, const char *name, int32_t code,
                            const char *message, laminar_error *err) {
    error        e = {0};
    const status s = db_check_open(db, &e);
    if (s == OK) {
        db_note_error(db, kind, text_of(name), code, message);
    }
    return report(err, &e, s, TEXT(""));
}

bool
laminar_allow_callbacks(bool allowed, int64_t timeout_ms) {
    if (allowed) {
        callout_open();
        return true;
    }
    return callout_close(sat_mul_i64(timeout_ms, 1000));
}

laminar_status
laminar_database_check(laminar_database *db, laminar_error *err) {
    error e = {0};
    return report(err, &e, db_check_open(db, &e), TEXT(""));
}

const char *
laminar_database_state(laminar_database *db) {
    switch ((db_state)atomic_load(&db->state)) {
    case DB_CREATED:
        return "Created";
    case DB_STARTING:
        return "Starting";
    case DB_RUNNING:
        return engine_is_faulted(db->engine) ? "Faulted" : "Running";
    case DB_PAUSED:
        return "Paused";
    case DB_SHUTTING_DOWN:
        return "ShuttingDown";
    case DB_STOPPED:
    case DB_CLOSED:
        return "Stopped";
    }
    UNREACHABLE();
}

int64_t
laminar_database_memory(laminar_database *db) {
    return atomic_load(&db->mem->bytes_used);
}
