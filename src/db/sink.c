/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c - the thread of a sink: takes deliveries, writes them, tries again.
 *
 * A delivery is written from its first row to its last; how far it has come stays in the thread, so
 * a retry goes on behind what was written. The sink's lock guards counters, state and its writer;
 * nothing is called with it. */
#include "db/sink.h"

#include "db/subscription.h"
#include "io/text_write.h"
#include "os/callout.h"

#define WRITE_BYTES (1 << 20)
#define BACKOFF_US_MAX 30000000

struct sink {
    sink                 *next; /* of those that stopped, or of a list of flush */
    _Atomic int32_t       references;
    laminar_database     *db;
    mem                  *mem;
    laminar_subscription *from; /* closed with the thread */
    sink_options          options;
    record_file           file;
    buf                   text, scratch;
    arena                 rows_arena;
    thread                runner;
    bool                  started;
    _Atomic uint64_t      runner_id; /* thread_id, once it runs */
    _Atomic bool          stop;
    _Atomic bool          poke;         /* something else than rows wants the thread */
    _Atomic uint32_t      word;         /* futex: changes with all that others wait for */
    _Atomic uint32_t      flush_wanted; /* tickets, */
    _Atomic uint32_t      flush_done;   /* and up to which they are served */
    _Atomic uint32_t      retry_wanted;
    mutex                 lock;
    sink_state            state;
    bool          over, let_go; /* its thread is; nobody joins that, and it frees the sink */
    bool          told;         /* a flush has given its error */
    int64_t       rows, errors;
    uint64_t      epoch, part;
    histogram     latency;
    char          error[512];
    object       *of; /* retained: its name, and the texts of the options */
    const object *at; /* of the catalogue; with the token */
};

/* ---------------------------------------------------------------------------------- telling */
static void
signal_change(sink *k) {
    atomic_fetch_add(&k->word, 1);
    futex_wake_all(&k->word);
}

static void
set_state(sink *k, sink_state state) {
    mutex_lock(&k->lock);
    k->state = state;
    mutex_unlock(&k->lock);
    signal_change(k);
}

static void
note_error(sink *k, sink_state state, const char *message) {
    mutex_lock(&k->lock);
    k->state = state;
    k->errors++;
    text_cut(k->error, sizeof(k->error), text_of(message));
    mutex_unlock(&k->lock);
    db_note_error(k->db, "sink", k->of->name, 800, message);
    signal_change(k);
}

const char *
sink_state_name(sink_state s) {
    static const char *const names[] = {[SINK_RUNNING] = "running",
                                        [SINK_WAITING] = "waiting",
                                        [SINK_RETRYING] = "retrying",
                                        [SINK_FAILED] = "failed",
                                        [SINK_FINISHED] = "finished"};
    return names[s];
}

void
sink_count(sink *k, sink_counters *out) {
    *out = (sink_counters){.rows = 0};
    mutex_lock(&k->lock);
    out->state = k->state;
    out->rows = k->rows;
    out->errors = k->errors;
    out->epoch = k->epoch;
    out->part = k->part;
    out->latency = k->latency;
    memcpy(out->error, k->error, sizeof(out->error));
    mutex_unlock(&k->lock);
    subscription_pending(k->from, &out->pending_rows, &out->pending_bytes, &out->dropped_rows);
}

engine *
sink_engine(sink *k) {
    return k->db->engine;
}

const char *
sink_path(const sink *k) {
    return k->options.path;
}

/* ---------------------------------------------------------------------------------- writing */
typedef struct delivery { /* under way */
    result *rows;
    int32_t batch, row; /* the first that is not written */
} delivery;

/* With the weight as its last column, where there is one. */
static status
with_weight(delta *out, const delta *in, bool weighs, arena *a, error *err) {
    *out = *in;
    if (!weighs) {
        return OK;
    }
    column *columns = arena_alloc(a, sizeof(column) * (size_t)(in->column_count + 1));
    if (columns == NULL) {
        return error_memory(err);
    }
    memcpy(columns, in->columns, sizeof(column) * (size_t)in->column_count);
    column *last = &columns[in->column_count];
    if (in->weight == NULL) {
        const value one = value_i64(1);
        TRY(column_constant(last, &one, in->row_count, a, err));
    } else {
        *last = (column){.type = type_of(TYPE_I64), .values = in->weight};
    }
    out->columns = columns;
    out->column_count++;
    return OK;
}

/* All rows that fill the next piece of text, which then is appended. */
static status
write_piece(sink *k, delivery *d, error *err) {
    const file_options *o = &k->options.file;
    int32_t             at = d->batch, row = d->row;
    buf_clear(&k->text);
    if (k->options.is_csv && o->csv.header != 0 && k->file.size == 0) {
        csv_write_header(&k->text, &d->rows->schema, &o->csv);
    }
    for (; at < d->rows->batch_count && k->text.size < WRITE_BYTES; at++, row = 0) {
        delta rows;
        arena_reset(&k->rows_arena);
        TRY(with_weight(&rows, &d->rows->batches[at]->rows, d->rows->with_weight, &k->rows_arena,
                        err));
        for (; row < rows.row_count && k->text.size < WRITE_BYTES; row++) {
            if (k->options.is_csv) {
                csv_write_row(&k->text, &k->scratch, &rows, row, &o->csv);
            } else {
                json_write_row(&k->text, &k->scratch, &d->rows->schema, &rows, row);
            }
        }
        if (row < rows.row_count) {
            break;
        }
    }
    if (k->text.failed) {
        buf_fini(&k->text);
        buf_init(&k->text, k->mem, INT64_MAX);
        return error_memory(err);
    }
    TRY(record_file_append(&k->file, buf_text(&k->text), err));
    d->batch = at;
    d->row = row;
    return OK;
}

static status
write_file(sink *k, delivery *d, error *err) {
    if (k->file.file == NULL) {
        TRY(record_file_open(&k->file, vfs_real(), k->options.path, true, err));
    }
    while (d->batch < d->rows->batch_count) {
        TRY(write_piece(k, d, err));
    }
    return OK;
}

/* DONE: there is no writer. */
static status
write_out(sink *k, const delivery *d, error *err) {
    laminar_error   e = {.code = 0};
    laminar_result *given = NULL;
    sink_writer    *w = sink_writer_find(k->db, k->of->name);
    if (w == NULL) {
        return DONE;
    }
    status s = answer_rows(&given, k->mem, LAMINAR_RESULT_QUERY, result_retain(d->rows), err);
    if (s == OK && !callout_begin()) {
        laminar_result_free(given);
        s = error_set(err, ERR_CONNECTOR_FAILED, "the program that writes has ended");
    } else if (s == OK) {
        const laminar_sink_writer *calls = sink_writer_calls(w);
        const laminar_status       done = calls->write(calls->context, given, &e);
        callout_end();
        s = done < 0 ? error_set(err, ERR_CONNECTOR_FAILED, "%.480s", e.message) : OK;
    }
    sink_writer_release(w);
    return s;
}

/* Sleeps until the word changes, or that long (negative: for ever). */
static void
sleep_for(sink *k, uint32_t seen, int64_t us) {
    if (!atomic_load(&k->stop)) {
        (void)futex_wait(&k->word, seen, us);
    }
}

/* Until somebody wants another try, or the end. False: the end. seen: retry_wanted before others
 * could know of the failure, so that who asks at once is heard. */
static bool
await_retry(sink *k, uint32_t seen) {
    subscription_stop_blocking(k->from);
    while (!atomic_load(&k->stop) && atomic_load(&k->retry_wanted) == seen) {
        const uint32_t word = atomic_load(&k->word);
        if (atomic_load(&k->retry_wanted) == seen) {
            sleep_for(k, word, -1);
        }
    }
    return !atomic_load(&k->stop);
}

/* The wait before a try; other changes do not end it. False: the end. */
static bool
back_off(sink *k, int64_t tries) {
    engine_clock *clock = &k->db->clock.base;
    int64_t       us = k->options.retry_us;
    for (int64_t i = 1; i < tries && us < BACKOFF_US_MAX; i++) {
        us *= 2;
    }
    const int64_t until_ns = clock_ticks_ns(clock) + min_i64(us, BACKOFF_US_MAX) * 1000;
    for (;;) {
        const uint32_t word = atomic_load(&k->word);
        const int64_t  left_us = (until_ns - clock_ticks_ns(clock)) / 1000;
        if (left_us <= 0 || atomic_load(&k->stop)) {
            return !atomic_load(&k->stop);
        }
        sleep_for(k, word, left_us);
    }
}

/* Until it is done; false: the sink ends before it. */
static bool
deliver(sink *k, delivery *d) {
    int64_t tries = 0;
    for (;;) {
        error          e = {.position = -1};
        const uint32_t word = atomic_load(&k->word);
        const status   s = k->options.is_file ? write_file(k, d, &e) : write_out(k, d, &e);
        if (s == OK) {
            return true;
        }
        if (s == DONE) {
            set_state(k, SINK_WAITING);
            sleep_for(k, word + 1, -1);
            if (atomic_load(&k->stop)) {
                return false;
            }
            continue;
        }
        const bool     again = ++tries <= k->options.retries;
        const uint32_t asked = atomic_load(&k->retry_wanted);
        note_error(k, again ? SINK_RETRYING : SINK_FAILED, e.message);
        if (!(again ? back_off(k, tries) : await_retry(k, asked))) {
            return false;
        }
        tries = again ? tries : 0;
    }
}

static bool
take(sink *k, result *rows) {
    engine_clock *clock = &k->db->clock.base;
    const int64_t began_ns = clock_ticks_ns(clock);
    delivery      d = {.rows = rows};
    const bool    done = deliver(k, &d);
    if (done) {
        mutex_lock(&k->lock);
        k->state = SINK_RUNNING;
        k->rows += rows->row_count;
        k->epoch = rows->epoch;
        k->part = rows->part;
        histogram_add(&k->latency, clock_ticks_ns(clock) - began_ns);
        mutex_unlock(&k->lock);
        engine_count_delivered(k->db->engine, rows->row_count);
    }
    return done;
}

static void
write_through(sink *k) {
    error        e = {.position = -1};
    status       s = OK;
    sink_writer *w = NULL;
    if (k->options.is_file) {
        s = k->file.file == NULL ? OK : record_file_sync(&k->file, &e);
    } else if ((w = sink_writer_find(k->db, k->of->name)) != NULL) {
        laminar_error              why = {.code = 0};
        const laminar_sink_writer *calls = sink_writer_calls(w);
        if (calls->flush != NULL && callout_begin()) {
            const laminar_status done = calls->flush(calls->context, &why);
            callout_end();
            s = done < 0 ? error_set(&e, ERR_CONNECTOR_FAILED, "%.480s", why.message) : OK;
        }
        sink_writer_release(w);
    }
    if (s < 0) {
        note_error(k, SINK_RUNNING, e.message);
    }
}

/* What came before the flush has been written. */
static bool
serve_flush(sink *k) {
    const uint32_t wanted = atomic_load(&k->flush_wanted);
    if (wanted == atomic_load(&k->flush_done)) {
        return false;
    }
    write_through(k);
    atomic_store(&k->flush_done, wanted);
    signal_change(k);
    return true;
}

/* The input failed for ever, or rows were lost; the latter is over once it is known. */
static bool
input_failed(sink *k, const laminar_error *e) {
    const uint32_t asked = atomic_load(&k->retry_wanted);
    note_error(k, SINK_FAILED, e->message);
    return await_retry(k, asked);
}

/* False: there is nothing to be done any more. */
static bool
step(sink *k) {
    laminar_error   e;
    laminar_result *rows = NULL;
    atomic_store(&k->poke, false);
    const laminar_status s = laminar_subscription_next(k->from, 0, &rows, NULL, &e);
    if (atomic_load(&k->stop)) {
        laminar_result_free(rows);
        return false;
    }
    if (s < 0) {
        return input_failed(k, &e);
    }
    if (s == LAMINAR_OK) {
        const bool done = take(k, rows->rows);
        laminar_result_free(rows);
        return done;
    }
    if (serve_flush(k)) {
        return true;
    }
    if (laminar_subscription_state(k->from) != LAMINAR_SUBSCRIPTION_ACTIVE) {
        return false;
    }
    subscription_wait(k->from, &k->poke, !k->options.is_file);
    return true;
}

static void *
run(void *arg) {
    sink *k = arg;
    k->runner_id = thread_id();
    while (!atomic_load(&k->stop) && step(k)) {
    }
    if (!atomic_load(&k->stop)) {
        write_through(k);
    }
    mutex_lock(&k->lock);
    k->state = k->state == SINK_FAILED ? SINK_FAILED : SINK_FINISHED;
    k->over = true;
    const bool alone = k->let_go;
    mutex_unlock(&k->lock);
    signal_change(k);
    if (alone) {
        thread_detach_self();
        sink_release(k); /* the last of the database may go with it */
    }
    return NULL;
}

/* ---------------------------------------------------------------------------------- life */
status
sink_open(sink **out, object *of, laminar_database *db, const sink_options *o,
          laminar_subscription *from, error *err) {
    sink  *k = mem_alloc_zero(db->mem, sizeof(*k));
    status s = k == NULL ? error_memory(err) : mutex_init(&k->lock, err);
    if (s < 0) {
        laminar_subscription_close(from);
        if (k != NULL) {
            mem_free(db->mem, k, sizeof(*k));
        }
        return s;
    }
    mutex_set_level(&k->lock, LEVEL_LEAF);
    atomic_init(&k->references, 1);
    k->db = db;
    k->mem = db->mem;
    k->from = from;
    k->options = *o;
    k->of = catalog_object_retain(of);
    k->at = of;
    buf_init(&k->text, k->mem, INT64_MAX);
    buf_init(&k->scratch, k->mem, INT64_MAX);
    arena_init(&k->rows_arena, k->mem);
    /* One of an earlier life is opened when there is something to write. */
    const bool opens = o->is_file && !db->replaying;
    s = opens ? record_file_open(&k->file, vfs_real(), o->path, false, err) : OK;
    if (s < 0) {
        sink_release(k);
        return s;
    }
    *out = k;
    return OK;
}

status
sink_start(sink *k, error *err) {
    TRY(thread_start(&k->runner, "laminardb-sink", run, k, err));
    k->started = true;
    return OK;
}

/* What an earlier life published it has written too, or lost with its process. */
static void
skip_published(sink *k) {
    laminar_error   e;
    laminar_result *rows = NULL;
    int32_t         failures = 0;
    laminar_status  s;
    do {
        rows = NULL;
        s = laminar_subscription_next(k->from, 0, &rows, NULL, &e);
        laminar_result_free(rows);
        failures += s < 0;
    } while (s == LAMINAR_OK || (s < 0 && failures < 2)); /* the first tells of what was missed */
    subscription_listen_again(k->from); /* of a failed stream the thread is to hear itself */
}

status
sinks_wake(laminar_database *db, error *err) {
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        const object *o = catalog_at(db->catalog, i);
        sink         *k = o->kind == OBJECT_SINK ? o->impl : NULL;
        if (k != NULL && !k->started) {
            skip_published(k);
            TRY(sink_start(k, err));
        }
    }
    return OK;
}

sink *
sink_retain(sink *k) {
    atomic_fetch_add(&k->references, 1);
    return k;
}

void
sink_release(sink *k) {
    if (atomic_fetch_sub(&k->references, 1) != 1) {
        return;
    }
    error ignored;
    (void)record_file_close(&k->file, &ignored);
    buf_fini(&k->text);
    buf_fini(&k->scratch);
    arena_fini(&k->rows_arena);
    mutex_fini(&k->lock);
    catalog_object_release(k->of);
    laminar_subscription *from = k->from;
    mem_free(k->mem, k, sizeof(*k));
    laminar_subscription_close(from); /* may free the database */
}

void
sink_stop(sink *k) {
    atomic_store(&k->stop, true);
    atomic_store(&k->poke, true);
    laminar_subscription_cancel(k->from);
    signal_change(k);
    mutex_lock(&k->db->sinks_lock);
    k->next = k->db->stopped_sinks;
    k->db->stopped_sinks = k;
    mutex_unlock(&k->db->sinks_lock);
}

static sink *
next_stopped(laminar_database *db, bool own_too) {
    mutex_lock(&db->sinks_lock);
    sink **at = &db->stopped_sinks;
    while (*at != NULL && (*at)->runner_id == thread_id() && !own_too) {
        at = &(*at)->next;
    }
    sink *k = *at;
    if (k != NULL) {
        *at = k->next;
    }
    mutex_unlock(&db->sinks_lock);
    return k;
}

static void
join(sink *k) {
    if (k->started) {
        thread_join(&k->runner);
    }
    sink_release(k);
}

/* One whose own thread asks stays for whoever comes next. */
void
sinks_reap(laminar_database *db) {
    for (sink *k; (k = next_stopped(db, false)) != NULL;) {
        join(k);
    }
}

/* True: its thread is not over, and frees it. */
static bool
let_go(sink *k, int64_t until_ns) {
    engine_clock *clock = &k->db->clock.base;
    for (;;) {
        const uint32_t word = atomic_load(&k->word);
        const int64_t  left_us = (until_ns - clock_ticks_ns(clock)) / 1000;
        mutex_lock(&k->lock);
        const bool over = k->over;
        k->let_go = !over && (left_us <= 0 || k->runner_id == thread_id());
        const bool goes = k->let_go;
        mutex_unlock(&k->lock);
        if (over || goes) {
            return goes;
        }
        (void)futex_wait(&k->word, word, left_us);
    }
}

void
sinks_end(laminar_database *db) {
    const int64_t until_ns = clock_ticks_ns(&db->clock.base) + SINK_END_US * 1000LL;
    for (sink *k; (k = next_stopped(db, true)) != NULL;) {
        if (!k->started || !let_go(k, until_ns)) {
            join(k);
        }
    }
}

void
sink_has_writer(sink *k) {
    mutex_lock(&k->lock);
    k->state = k->state == SINK_WAITING ? SINK_RUNNING : k->state;
    mutex_unlock(&k->lock);
    signal_change(k);
}

void
sink_move(sink *k, const object *to) {
    k->at = to;
}

stream *
sink_stream(const sink *k) {
    return subscription_stream(k->from);
}

const object *
sink_failed_input(const sink *k) {
    for (int32_t i = 0; i < k->at->input_count; i++) {
        const object *o = k->at->inputs[i];
        if (o->kind == OBJECT_STREAM && stream_failure(o->impl, NULL)) {
            return o;
        }
    }
    return NULL;
}

/* Its stream failed, by itself or because of what it reads. */
static status
mend_input(sink *k, error *err) {
    const object *input = sink_failed_input(k);
    error         why = {.position = -1};
    if (input != NULL) {
        (void)stream_failure(input->impl, &why);
        error_set(err, ERR_QUERY_FAILED,
                  "sink \"%.*s\" reads stream \"%.*s\", which has failed: %.400s",
                  TEXT_ARG(k->of->name), TEXT_ARG(input->name), why.message);
        return error_hint(err, "ALTER STREAM \"%.*s\" RETRY first", TEXT_ARG(input->name));
    }
    const status s = subscription_revive(k->from, &why);
    if (s < 0) {
        error_set(err, s, "what sink \"%.*s\" reads cannot go on: %.400s", TEXT_ARG(k->of->name),
                  why.message);
        return error_hint(err, "DROP the sink and make it again: it begins with what is there");
    }
    return OK;
}

status
sink_retry(sink *k, error *err) {
    sink_counters now;
    sink_count(k, &now);
    const stream *from = sink_stream(k);
    const bool    input_failed = from != NULL && stream_failure(from, NULL);
    /* In a log that is run nothing is read or written yet: only streams can have failed. */
    if (now.state != SINK_FAILED && !(input_failed && k->db->replaying)) {
        return error_set(err, ERR_QUERY_FAILED, "sink \"%.*s\" has not failed",
                         TEXT_ARG(k->of->name));
    }
    if (input_failed) {
        TRY(mend_input(k, err));
    }
    if (k->options.on_lag == LAMINAR_LAG_BLOCK) {
        subscription_block_again(k->from);
    }
    mutex_lock(&k->lock);
    k->told = false;
    k->state = SINK_RUNNING;
    mutex_unlock(&k->lock);
    atomic_fetch_add(&k->retry_wanted, 1);
    signal_change(k);
    return OK;
}

/* ---------------------------------------------------------------------------------- flush */
static status
ask_sinks(laminar_database *db, bool *any, error *err) {
    *any = false;
    TRY(db_enter(db, err));
    for (int32_t i = catalog_count(db->catalog) - 1; i >= 0; i--) {
        const object *o = catalog_at(db->catalog, i);
        if (o->kind == OBJECT_SINK) {
            sink *k = o->impl;
            mutex_lock(&k->lock);
            const bool asked = k->state != SINK_FAILED || !k->told;
            mutex_unlock(&k->lock);
            if (asked && !atomic_load(&k->stop) && k->runner_id != thread_id()) {
                atomic_fetch_add(&k->flush_wanted, 1);
                atomic_store(&k->poke, true);
                subscription_stir(k->from);
                *any = true;
            }
        }
    }
    db_leave(db);
    return OK;
}

/* The first that has not served its flush, retained; *failed: it failed since. */
static sink *
first_unserved(laminar_database *db, uint32_t *word, bool *failed) {
    error ignored = {0};
    sink *found = NULL;
    *failed = false;
    if (db_enter(db, &ignored) < 0) {
        return NULL;
    }
    for (int32_t i = 0; found == NULL && i < catalog_count(db->catalog); i++) {
        const object *o = catalog_at(db->catalog, i);
        sink         *k = o->kind == OBJECT_SINK ? o->impl : NULL;
        if (k == NULL || k->runner_id == thread_id()) {
            continue;
        }
        *word = atomic_load(&k->word);
        sink_counters now;
        sink_count(k, &now);
        if (atomic_load(&k->flush_wanted) == atomic_load(&k->flush_done) ||
            now.state == SINK_FINISHED || now.state == SINK_WAITING) {
            continue;
        }
        *failed = now.state == SINK_FAILED;
        if (*failed) { /* told once */
            atomic_store(&k->flush_done, atomic_load(&k->flush_wanted));
            mutex_lock(&k->lock);
            k->told = true;
            mutex_unlock(&k->lock);
        }
        found = sink_retain(k);
    }
    db_leave(db);
    return found;
}

status
sinks_flush(laminar_database *db, int64_t timeout_us, error *err) {
    engine_clock *clock = &db->clock.base;
    const int64_t until_ns = clock_ticks_ns(clock) + timeout_us * 1000;
    uint32_t      word;
    bool          any, failed;
    TRY(ask_sinks(db, &any, err));
    if (!any) {
        return OK;
    }
    for (sink *k; (k = first_unserved(db, &word, &failed)) != NULL;) {
        status s = OK;
        if (failed) {
            mutex_lock(&k->lock);
            s = error_set(err, ERR_CONNECTOR_FAILED, "sink \"%.*s\" failed: %.400s",
                          TEXT_ARG(k->of->name), k->error);
            mutex_unlock(&k->lock);
            error_hint(err, "mend the cause, then ALTER SINK ... RETRY");
        } else if (timeout_us > 0 && clock_ticks_ns(clock) >= until_ns) {
            s = DONE;
        } else {
            (void)futex_wait(&k->word, word, WAIT_LOOK_US);
            s = db_is_interrupted(db)
                    ? error_set(err, ERR_QUERY_CANCELLED, "the wait for sinks was interrupted")
                    : OK;
        }
        sink_release(k);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}
