/* SPDX-License-Identifier: Apache-2.0 */
/* subscription.c - a cursor over a stream's change log. It has no thread and never polls.
 *
 * subscribe(sql) makes an anonymous stream and takes its current rows and its cursor in one visit
 * to the engine, so nothing falls between them.
 *
 * One reader at a time holds `reading`, also while it sleeps; it alone touches first. cancel and
 * state come from any thread and never wait: what cancel cannot let go of, the reader does when it
 * leaves. A cancelled subscription holds no rows and costs an insert nothing. */
#include <unistd.h>

#include "db/subscription_internal.h"
#include "sql/limits.h"

#include "arrow/arrow.h"
#include "batch/builder.h"
#include "db/parameters.h"
#include "sql/parser.h"

#define MERGE_ROWS 1024          /* batches below this are copied into larger ones */
#define MERGED_ROWS 65536        /* of one batch that was put together */
#define DELIVERED_ROWS (1 << 20) /* of one delivery */

static void
disarm(laminar_subscription *s) {
    if (s->cursor.log != NULL) {
        log_cursor_disarm(&s->cursor, &s->watch);
    } else {
        notifier_withdraw(&s->watch);
    }
}

static bool
is_forked(const laminar_subscription *s) {
    return s->db->process != getpid();
}

void
subscription_free(laminar_subscription *s) {
    mem *m = s->mem;
    if (s->watch.to != NULL) {
        disarm(s);
        notifier_release(s->watch.to);
    }
    mutex_fini(&s->watch_lock);
    log_cursor_close(&s->cursor);
    result_release(s->first);
    mutex_fini(&s->reading);
    subscription_end_blocking(s);
    if (s->anonymous) {
        db_abandon(s->db, s->log);
    }
    changelog_release(s->log);
    arena_fini(&s->arena);
    laminar_database *db = s->db;
    mem_free(m, s, sizeof(*s));
    atomic_fetch_sub(&db->open_subscriptions, 1);
    db_release(db);
}

static status
count_one_more(laminar_database *db, error *err) {
    const int32_t most = db_limit(db, LIMIT_subscriptions, SQL_SUBSCRIPTIONS_MAX);
    if (atomic_fetch_add(&db->open_subscriptions, 1) < most) {
        return OK;
    }
    atomic_fetch_sub(&db->open_subscriptions, 1);
    error_set(err, ERR_SUBSCRIPTION_FAILED, "%d subscriptions are open, and no more may be", most);
    error_hint(err, "cancel or drop those that nobody reads");
    return ERR_SUBSCRIPTION_FAILED;
}

status
subscription_new(laminar_subscription **out, laminar_database *db, const plan *p, error *err) {
    laminar_subscription *s = mem_alloc_zero(db->mem, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    status made = mutex_init(&s->watch_lock, err);
    if (made == OK) {
        made = mutex_init(&s->reading, err);
        if (made < 0) {
            mutex_fini(&s->watch_lock);
        }
    }
    if (made == OK) {
        made = count_one_more(db, err);
        if (made < 0) {
            mutex_fini(&s->reading);
            mutex_fini(&s->watch_lock);
        }
    }
    if (made < 0) {
        mem_free(db->mem, s, sizeof(*s));
        return made;
    }
    s->db = db_retain(db);
    s->mem = db->mem;
    arena_init(&s->arena, db->mem);
    const size_t  key_bytes = sizeof(int32_t) * (size_t)p->key_count;
    const schema *copy = schema_copy(&p->root->schema, &s->arena);
    s->key_columns = arena_alloc(&s->arena, key_bytes);
    s->types = arena_alloc(&s->arena, sizeof(data_type) * (size_t)(p->root->schema.count + 1));
    if (copy == NULL || s->key_columns == NULL || s->types == NULL) {
        subscription_free(s);
        return error_memory(err);
    }
    s->shape = *copy;
    for (int32_t i = 0; i < copy->count; i++) {
        s->types[i] = copy->fields[i].type;
    }
    s->key_count = p->key_count;
    s->one_row = p->one_row;
    if (key_bytes > 0) {
        memcpy(s->key_columns, p->key_columns, key_bytes);
    }
    s->with_weight = p->emit == EMIT_CHANGES;
    s->append_only = (p->root->properties & PLAN_APPEND_ONLY) != 0;
    *out = s;
    return OK;
}

static void
set_position(result *rows, log_position at) {
    rows->delivered = true;
    rows->epoch = at.epoch;
    rows->part = at.part;
}

static status
make_rule(const laminar_subscription *s, const laminar_subscription_options *o, lag_rule *out,
          error *err) {
    *out = (lag_rule){.bytes_max = o->max_lag_bytes == 0 ? db_setting(s->db, SETTING_MAX_LAG_BYTES)
                                                         : o->max_lag_bytes,
                      .policy = (lag_policy)o->on_lag,
                      .shape = &s->shape,
                      .key_columns = s->key_columns,
                      .key_count = s->key_count};
    if (out->policy == LAG_DROP_OLDEST && !s->append_only) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED,
                         "on_lag=\"drop_oldest\" is for append-only results: old rows of an "
                         "updating one cannot be left out; use \"conflate\" or \"error\"");
    }
    if (out->policy == LAG_CONFLATE && (s->append_only || s->with_weight || s->key_count == 0)) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED,
                         "on_lag=\"conflate\" keeps the last row of each key: it is for updating "
                         "results with all columns of GROUP BY in them, without EMIT CHANGES");
    }
    if (out->policy == LAG_CONFLATE && o->row_ops) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED,
                         "on_lag=\"conflate\" leaves out what happened in between, so it cannot "
                         "tell inserts from updates");
    }
    return OK;
}

/* The current rows, as the first delivery. */
static status
take_first(laminar_subscription *s, stream *of, log_position at, error *err) {
    TRY(stream_snapshot(of, &s->first, err));
    if (s->first->row_count == 0) {
        result_release(s->first);
        s->first = NULL;
        return OK;
    }
    set_position(s->first, at);
    atomic_store(&s->has_first, true);
    return OK;
}

/* The cursor first, then the current rows: both in one visit to the engine. */
static status
follow(laminar_subscription *s, stream *of, const laminar_subscription_options *o, bool snapshot,
       error *err) {
    lag_rule   rule;
    changelog *log = stream_log(of);
    TRY(make_rule(s, o, &rule, err));
    if (snapshot) {
        stream_release_held(of);
    }
    const log_position now = changelog_mark(log, stream_sequence(of));
    const log_position from = {(uint64_t)o->from_epoch, (uint64_t)o->from_part};
    const log_position here = {engine_sequence(s->db->engine), UINT64_MAX};
    const log_position after = o->resume ? from : here;
    if (stream_is_behind(of) && !snapshot && log_position_compare(after, now) > 0 &&
        log_position_compare(after, here) <= 0) {
        log_cursor_open_ahead(&s->cursor, log, &rule, after); /* it will show what is older, too */
    } else {
        TRY(o->resume ? log_cursor_resume(&s->cursor, log, &rule, from, err)
                      : log_cursor_open(&s->cursor, log, &rule, err));
    }
    const status read = snapshot ? take_first(s, of, now, err) : OK;
    if (read < 0) {
        log_cursor_close(&s->cursor);
        return read;
    }
    s->log = changelog_retain(stream_log(of));
    if (rule.policy == LAG_BLOCK) {
        subscription_begin_blocking(s);
    }
    if (o->row_ops) {
        stream_want_ops(of, 1);
        s->counts_ops = true;
    }
    return OK;
}

static status
subscribe_stream(laminar_subscription **out, laminar_database *db,
                 const laminar_subscription_options *options, error *err) {
    object *o = NULL;
    TRY(catalog_need(&o, db->catalog, text_of(options->stream), false, ERR_TABLE_NOT_FOUND,
                     "Stream", -1, err));
    if (o->kind != OBJECT_STREAM) {
        return error_set(err, ERR_TABLE_NOT_FOUND,
                         "\"%.*s\" is a %s: subscribe to it with SELECT * FROM %.*s",
                         TEXT_ARG(o->name), object_kind_name(o->kind), TEXT_ARG(o->name));
    }
    laminar_subscription *s = NULL;
    TRY(subscription_new(&s, db, stream_plan(o->impl), err));
    const status opened = follow(s, o->impl, options, options->snapshot, err);
    if (opened < 0) {
        subscription_free(s);
        return opened;
    }
    *out = s;
    return OK;
}

/* A query over constants: its rows, then the end. */
static status
subscribe_constant(laminar_subscription *s, laminar_database *db, const plan *p, arena *plan_arena,
                   error *err) {
    query  *q = NULL;
    result *rows = NULL;
    TRY(query_prepare(&q, db->engine, p, plan_arena, true, INT64_MAX, NULL, NULL, err));
    status done = query_run(q, &rows, err);
    query_close(q);
    if (done == OK) {
        done = result_new(&s->first, db->mem, &s->shape, s->with_weight, err);
    }
    for (int32_t i = 0; done == OK && i < rows->batch_count; i++) {
        done = result_add(s->first, batch_retain(rows->batches[i]), err);
    }
    result_release(rows);
    if (done == OK) {
        set_position(s->first, (log_position){engine_sequence(db->engine), 0});
        atomic_store(&s->has_first, s->first->row_count > 0);
    }
    return done;
}

status
subscribe_changes(laminar_subscription *s, laminar_database *db, const plan *p, arena *plan_arena,
                  const laminar_subscription_options *o, const stream_options *how, error *err) {
    stream *made = NULL;
    TRY(stream_open(&made, db->engine, p, plan_arena, how, err));
    if (stream_is_joining(made)) {
        TRY(db_join(db, made, &s->listed->guard, err));
    }
    const status done = follow(s, made, o, true, err);
    s->anonymous = done == OK && atomic_load(&db->state) != DB_STOPPED;
    if (!s->anonymous) { /* after a shutdown nothing can follow */
        stream_close(made);
    }
    return done;
}

/* What the query is made of again when the database is put back to a checkpoint. */
static status
note_query(query_memo **out, arena *a, const laminar_database *db, const ast_statement *st,
           text sql, error *err) {
    buf written;
    buf_init(&written, db->mem, SIZE_MAX / 2);
    definition_print(st, sql, NULL, &written);
    query_memo *memo = arena_alloc_zero(a, sizeof(*memo));
    if (memo != NULL && !written.failed) {
        memo->sql = arena_text(a, buf_text(&written));
        bound_settings(db, memo->settings);
    }
    buf_fini(&written);
    *out = memo;
    return memo == NULL || memo->sql.data == NULL ? error_memory(err) : OK;
}

/* The plan of the one SELECT in the text, with its parameters. */
static status
plan_subscription(plan *p, query_memo **memo, arena *plan_arena, arena *a, laminar_database *db,
                  const laminar_subscription_options *o, error *err) {
    const text sql = text_of(o->sql);
    ast_script script;
    parameters given;
    TRY(db_parse(&script, db, a, sql, err));
    if (script.count != 1 || script.statements[0]->kind != AST_SELECT) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED, "subscribe takes one SELECT statement");
    }
    if (o->values != NULL) {
        TRY(parameters_read(&given, a, o->values, o->value_names, o->value_count, err));
        TRY(parameters_bind(&given, &script, db->mem, err));
    }
    const ast_statement *st = script.statements[0];
    const plan_env       env = db_plan_env(db);
    if (st->emit.late_to.text.data != NULL) {
        error_set_at(err, ERR_QUERY_FAILED, st->emit.late_to.position,
                     "LATE DATA TO: a subscription comes and goes, and would send its late rows "
                     "each time");
        return error_hint(err, "make a stream of the query, and subscribe to that");
    }
    TRY(plan_select(p, plan_arena, db->catalog, NULL, &env, st->select, sql, true, &st->emit, err));
    return note_query(memo, plan_arena, db, st, sql, err);
}

static status
subscribe_sql(laminar_subscription **out, laminar_database *db,
              const laminar_subscription_options *o, error *err) {
    arena a, plan_arena;
    arena_init(&a, db->mem);
    arena_init(&plan_arena, db->mem);
    laminar_subscription *s = NULL;
    plan                  p;
    query_memo           *memo = NULL;
    status                made = plan_subscription(&p, &memo, &plan_arena, &a, db, o, err);
    if (made == OK) {
        made = subscription_new(&s, db, &p, err);
    }
    if (made == OK) {
        made = db_query_begin(db, text_of(o->sql), NULL, &s->listed, err);
        if (made == OK) {
            const stream_options how = {.running = true, .memo = memo};
            made = p.constant ? subscribe_constant(s, db, &p, &plan_arena, err)
                              : subscribe_changes(s, db, &p, &plan_arena, o, &how, err);
        }
        if (made == OK) {
            db_query_adopt(db, s->listed, s);
        } else {
            db_query_end(db, s->listed);
            subscription_free(s);
        }
    }
    arena_fini(&plan_arena);
    arena_fini(&a);
    if (made == OK) {
        *out = s;
    }
    return made;
}

static status
check_options(const laminar_subscription_options *o, error *err) {
    if ((o->sql == NULL) == (o->stream == NULL)) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED,
                         "a subscription is made of one SELECT or one named stream");
    }
    if (o->resume && (o->sql != NULL || o->snapshot || o->row_ops)) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED, "from_ goes on with a named stream: %s",
                         o->sql != NULL ? "a query starts with its current result"
                         : o->snapshot  ? "snapshot=True starts anew"
                                        : "what it delivers cannot tell inserts from updates");
    }
    if (o->resume && (o->from_epoch < 0 || o->from_part < 0)) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED,
                         "from_ is the position of a delivery: two numbers of at least 0");
    }
    if (o->max_lag_bytes < 0) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED, "max_lag_bytes must be at least 1");
    }
    if (o->on_lag < LAMINAR_LAG_ERROR || o->on_lag > LAMINAR_LAG_BLOCK) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED,
                         "on_lag must be \"error\", \"drop_oldest\", \"conflate\" or \"block\"");
    }
    return OK;
}

static status
open_subscription(laminar_subscription **out, laminar_database *db,
                  const laminar_subscription_options *o, error *err) {
    TRY(check_options(o, err));
    TRY(db_enter(db, err));
    laminar_subscription *s = NULL;
    const status          made =
        o->sql != NULL ? subscribe_sql(&s, db, o, err) : subscribe_stream(&s, db, o, err);
    db_leave(db);
    *out = s;
    return made;
}

laminar_status
laminar_subscription_open(laminar_subscription **out, laminar_database *db,
                          const laminar_subscription_options *options, laminar_error *err) {
    error                        e = {.position = -1};
    laminar_subscription_options known = LAMINAR_SUBSCRIPTION_OPTIONS_INIT;
    memcpy(&known, options, options->size < sizeof(known) ? options->size : sizeof(known));
    const status s = open_subscription(out, db, &known, &e);
    return report(err, &e, s, known.sql == NULL ? TEXT("") : text_of(known.sql));
}

laminar_status
laminar_database_subscribe_stream(laminar_subscription **out, laminar_database *db,
                                  const char *stream_name, laminar_error *err) {
    laminar_subscription_options options = LAMINAR_SUBSCRIPTION_OPTIONS_INIT;
    options.stream = stream_name;
    return laminar_subscription_open(out, db, &options, err);
}

laminar_status
laminar_database_subscribe(laminar_subscription **out, laminar_database *db, const char *sql,
                           laminar_error *err) {
    laminar_subscription_options options = LAMINAR_SUBSCRIPTION_OPTIONS_INIT;
    options.sql = sql;
    return laminar_subscription_open(out, db, &options, err);
}

/* ---------------------------------------------------------------------------------- reading */
static status
add_batches(result *rows, batch *const *batches, int32_t count, error *err) {
    for (int32_t i = 0; i < count; i++) {
        TRY(result_add(rows, batch_retain(batches[i]), err));
    }
    return OK;
}

/* Rows of an append-only result that a restore took away. */
static status
add_gone(laminar_subscription *s, result *rows, const log_entry *entry, error *err) {
    if (entry->gone_count > 0 && rows->gone == NULL) {
        TRY(result_new(&rows->gone, s->mem, &s->shape, false, err));
    }
    return entry->gone_count == 0 ? OK
                                  : add_batches(rows->gone, entry->gone, entry->gone_count, err);
}

static status
add_entry(laminar_subscription *s, result *rows, const log_entry *entry, error *err) {
    set_position(rows, entry->position);
    TRY(add_batches(rows, entry->shown, entry->shown_count, err));
    TRY(add_gone(s, rows, entry, err));
    if (!s->counts_ops || s->append_only || entry->ops == NULL) {
        return OK; /* all inserts, or nobody asks */
    }
    return result_set_ops(rows, entry->ops, err);
}

static status
flush_small(result *rows, builder *small, error *err) {
    if (builder_rows(small) == 0) {
        return OK;
    }
    batch *made = NULL;
    TRY(builder_take(small, &made, err));
    return result_add(rows, made, err);
}

/* Small batches are put together: who reads after many inserts gets few large batches. */
static status
merge_entry(result *rows, builder *small, const log_entry *entry, error *err) {
    for (int32_t i = 0; i < entry->shown_count; i++) {
        batch *b = entry->shown[i];
        if (b->rows.weight != NULL || b->rows.row_count >= MERGE_ROWS) {
            TRY(flush_small(rows, small, err));
            TRY(result_add(rows, batch_retain(b), err));
            continue;
        }
        TRY(builder_append_delta(small, &b->rows, err));
        if (builder_rows(small) >= MERGED_ROWS) {
            TRY(flush_small(rows, small, err));
        }
    }
    return OK;
}

/* `entry` and all that follows it, up to DELIVERED_ROWS. */
static status
take_many(laminar_subscription *s, log_entry *entry, result *rows, error *err) {
    builder small;
    status  done = builder_init(&small, s->mem, s->types, s->shape.count, err);
    if (done < 0) {
        log_entry_release(entry);
        return done;
    }
    while (done == OK && entry != NULL) {
        set_position(rows, entry->position);
        done = merge_entry(rows, &small, entry, err);
        done = done < 0 ? done : add_gone(s, rows, entry, err);
        log_entry_release(entry);
        const bool full = rows->row_count + builder_rows(&small) >= DELIVERED_ROWS;
        /* losses are left for the next read */
        entry = full || done < 0 ? NULL : log_cursor_next(&s->cursor, NULL);
    }
    if (done == OK) {
        done = flush_small(rows, &small, err);
    }
    builder_fini(&small);
    return done;
}

/* A tick for updating streams; for append-only ones also what follows `entry`. Takes the entry. */
static status
take_entries(laminar_subscription *s, log_entry *entry, result **out, error *err) {
    result *rows = NULL;
    status  added = result_new(&rows, s->mem, &s->shape, s->with_weight, err);
    if (added < 0) {
        log_entry_release(entry);
        return added;
    }
    if (s->append_only && log_cursor_has_next(&s->cursor)) {
        added = take_many(s, entry, rows, err);
    } else {
        added = add_entry(s, rows, entry, err);
        log_entry_release(entry);
    }
    if (added < 0) {
        result_release(rows);
        return added;
    }
    *out = rows;
    return OK;
}

/* What is there now: one tick for updating streams, everything for append-only ones. *out stays
 * NULL when there is nothing. */
static status
take_now(laminar_subscription *s, result **out, error *err) {
    if (s->first != NULL) {
        *out = s->first;
        s->first = NULL;
        atomic_store(&s->has_first, false);
        return OK;
    }
    if (s->cursor.log == NULL) {
        return OK;
    }
    int64_t    missed;
    log_entry *entry = log_cursor_next(&s->cursor, &missed);
    if (missed > 0) {
        return error_set(err, ERR_SUBSCRIPTION_LAGGED,
                         "Subscription lagged (503): %lld rows missed", (long long)missed);
    }
    return entry == NULL ? OK : take_entries(s, entry, out, err);
}

/* True when nothing will come any more; a failed stream gives its reason. */
static status
look_for_end(laminar_subscription *s, bool *ended, error *err) {
    log_end how = LOG_FINISHED;
    error   reason = {0};
    *ended = s->cursor.log == NULL || log_cursor_at_end(&s->cursor, &how, &reason);
    if (*ended) {
        atomic_store(&s->finished, true);
        if (how == LOG_FAILED) {
            if (err != NULL) {
                *err = reason;
            }
            return ERR_STREAM_FAILED;
        }
    }
    return OK;
}

static status
next_rows(laminar_subscription *s, int64_t timeout_us, result **out, bool *interrupted,
          error *err) {
    engine_clock *wall = &s->db->clock.base;
    const int64_t deadline_ns =
        timeout_us > 0 ? sat_add_i64(clock_ticks_ns(wall), sat_mul_i64(timeout_us, 1000)) : 0;
    *out = NULL;
    for (;;) {
        if (atomic_load(&s->stopped) || atomic_load(&s->finished)) {
            return DONE;
        }
        TRY(take_now(s, out, err));
        if (*out != NULL) {
            return OK;
        }
        bool ended = false;
        TRY(look_for_end(s, &ended, err));
        int64_t left_us = timeout_us;
        if (timeout_us > 0) {
            left_us = (deadline_ns - clock_ticks_ns(wall)) / 1000;
        }
        if (ended || timeout_us == 0 || (timeout_us > 0 && left_us <= 0)) {
            return DONE;
        }
        atomic_fetch_add(&s->db->sleeping_readers, 1);
        const bool woken_by_signal = log_cursor_wait(&s->cursor, &s->stopped, left_us);
        atomic_fetch_sub(&s->db->sleeping_readers, 1);
        if (woken_by_signal) {
            *interrupted = true;
            return DONE;
        }
    }
}

/* Stopped while somebody read: whoever comes out last lets go of the rows. */
static void
drop_stopped(laminar_subscription *s) {
    if (atomic_load(&s->stopped) && mutex_try_lock(&s->reading)) {
        result_release(s->first);
        s->first = NULL;
        mutex_unlock(&s->reading);
    }
}

laminar_status
laminar_subscription_next(laminar_subscription *s, int64_t timeout_us, laminar_result **out,
                          bool *interrupted, laminar_error *err) {
    error   e = {.position = -1};
    bool    ignored = false;
    result *rows = NULL;
    *out = NULL;
    bool *stopped = interrupted == NULL ? &ignored : interrupted;
    *stopped = false;
    status here = db_check_process(s->db, &e);
    here = here < 0 ? here : db_check_inside(s->db, &e);
    if (here < 0) {
        return report(err, &e, here, TEXT(""));
    }
    if (timeout_us != 0) {
        mutex_lock(&s->reading);
    } else if (!mutex_try_lock(&s->reading)) {
        return report(err, &e, DONE, TEXT("")); /* another thread waits for what comes next */
    }
    status done = next_rows(s, timeout_us, &rows, stopped, &e);
    mutex_unlock(&s->reading);
    drop_stopped(s);
    if (done == OK) {
        done = answer_rows(out, s->mem, LAMINAR_RESULT_QUERY, rows, &e);
    }
    return report(err, &e, done, TEXT(""));
}

static void
stop(laminar_subscription *s) {
    atomic_store(&s->stopped, true);
    if (s->log != NULL) {
        log_cursor_quit(&s->cursor);
        changelog_stir(s->log);
        log_cursor_fire(&s->cursor, &s->watch);
    }
}

void
laminar_subscription_cancel(laminar_subscription *s) {
    if (atomic_exchange(&s->cancelled, true) || is_forked(s)) {
        return;
    }
    stop(s);
    drop_stopped(s);
    subscription_end_blocking(s);
    if (s->anonymous) {
        db_abandon(s->db, s->log);
    }
}

bool
subscription_is_over(const laminar_subscription *s) {
    return atomic_load(&s->stopped) || atomic_load(&s->finished);
}

void
subscription_finish(laminar_subscription *s) {
    atomic_store(&s->finished, true);
    stop(s);
    if (s->anonymous) {
        engine_abandon(s->db->engine, s->log);
    }
}

/* ---------------------------------------------------------------------------------- event loops */
laminar_status
laminar_subscription_notify(laminar_subscription *s, laminar_notifier *n, uint64_t tag,
                            laminar_error *err) {
    error        e = {0};
    const status here = db_check_process(s->db, &e);
    if (here < 0) {
        return report(err, &e, here, TEXT(""));
    }
    mutex_lock(&s->watch_lock);
    if (s->watch.to != NULL) {
        disarm(s);
        notifier_release(s->watch.to);
    }
    s->watch.to = notifier_retain((notifier *)n);
    s->watch.tag = tag;
    if (s->cursor.log == NULL || atomic_load(&s->has_first)) {
        notifier_post(&s->watch);
    } else {
        log_cursor_arm(&s->cursor, &s->watch);
        if (atomic_load(&s->stopped)) { /* meanwhile: its setter may have looked too early */
            log_cursor_fire(&s->cursor, &s->watch);
        }
    }
    mutex_unlock(&s->watch_lock);
    return LAMINAR_OK;
}

laminar_subscription_status
laminar_subscription_state(laminar_subscription *s) {
    if (atomic_load(&s->cancelled)) {
        return LAMINAR_SUBSCRIPTION_CANCELLED;
    }
    if (atomic_load(&s->finished) || is_forked(s)) {
        return LAMINAR_SUBSCRIPTION_FINISHED;
    }
    log_end    how;
    const bool ended = !atomic_load(&s->has_first) &&
                       (s->log == NULL || log_cursor_at_end(&s->cursor, &how, NULL));
    return ended ? LAMINAR_SUBSCRIPTION_FINISHED : LAMINAR_SUBSCRIPTION_ACTIVE;
}

laminar_status
laminar_subscription_schema(const laminar_subscription *s, struct ArrowSchema *out,
                            laminar_error *err) {
    error e = {0};
    return report(err, &e, arrow_export_schema(out, &s->shape, s->with_weight, s->mem, &e),
                  TEXT(""));
}

int64_t
laminar_subscription_lag(laminar_subscription *s, int64_t *dropped) {
    int64_t       lost = 0;
    const int64_t lag =
        s->cursor.log == NULL || is_forked(s) ? 0 : log_cursor_lag(&s->cursor, &lost);
    if (dropped != NULL) {
        *dropped = lost;
    }
    return lag;
}

int32_t
laminar_subscription_key_columns(const laminar_subscription *s, int32_t *columns,
                                 int32_t capacity) {
    for (int32_t i = 0; i < s->key_count && i < capacity; i++) {
        columns[i] = s->key_columns[i];
    }
    return s->one_row ? -1 : s->key_count;
}

void
laminar_subscription_close(laminar_subscription *s) {
    if (s == NULL || is_forked(s)) {
        return; /* a child leaves alone what its parent's threads may have locked */
    }
    db_query_end(s->db, s->listed); /* nobody reaches it through the list from here on */
    if (s->counts_ops && db_enter_always(s->db)) {
        /* By its log: a restore has put another stream behind it, an end none. */
        stream *of = engine_stream_of(s->db->engine, s->log);
        if (of != NULL) {
            stream_want_ops(of, -1);
        }
        db_leave(s->db);
    }
    subscription_free(s);
}
