/* SPDX-License-Identifier: Apache-2.0 */
/* subscription.c - a cursor over a stream's change log. It has no thread and never polls.
 *
 * subscribe(sql) makes an anonymous stream and takes its current rows and its cursor in one visit
 * to the engine, so nothing falls between them.
 *
 * One reader at a time holds `reading`, also while it sleeps; it alone touches cursor and first.
 * cancel and state come from any thread and never wait: what cancel cannot let go of, the reader
 * does when it leaves. A cancelled subscription holds no rows and costs an insert nothing. */
#include "db/subscription.h"

#include "arrow/arrow.h"
#include "batch/builder.h"
#include "sql/parser.h"

#define MERGE_ROWS 1024          /* batches below this are copied into larger ones */
#define MERGED_ROWS 65536        /* of one batch that was put together */
#define DELIVERED_ROWS (1 << 20) /* of one delivery */

struct laminar_subscription {
    laminar_database *db; /* retained */
    mem              *mem;
    arena             arena; /* shape */
    schema            shape;
    data_type        *types; /* of its columns */
    bool              with_weight;
    bool              append_only;
    changelog        *log; /* NULL: finite */
    bool              anonymous;
    mutex             reading;
    log_cursor        cursor; /* log NULL: finite, or cancelled */
    result           *first;  /* delivered before anything else; NULL: none */
    _Atomic bool      has_first;
    _Atomic uint64_t  position; /* number of the last entry taken */
    query_entry      *listed;   /* NULL for named streams */
    _Atomic bool      cancelled;
    _Atomic bool      finished;
    _Atomic bool      stopped; /* either of them from outside: what waiters look at */
};

/* With `reading`. */
static void
let_go(laminar_subscription *s) {
    log_cursor_close(&s->cursor);
    result_release(s->first);
    s->first = NULL;
}

static void
subscription_free(laminar_subscription *s) {
    mem *m = s->mem;
    let_go(s);
    mutex_fini(&s->reading);
    if (s->anonymous) {
        db_abandon(s->db, s->log);
    }
    changelog_release(s->log);
    arena_fini(&s->arena);
    laminar_database *db = s->db;
    mem_free(m, s, sizeof(*s));
    db_release(db);
}

static status
subscription_new(laminar_subscription **out, laminar_database *db, const plan *p, error *err) {
    laminar_subscription *s = mem_alloc_zero(db->mem, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    const status made = mutex_init(&s->reading, err);
    if (made < 0) {
        mem_free(db->mem, s, sizeof(*s));
        return made;
    }
    s->db = db_retain(db);
    s->mem = db->mem;
    arena_init(&s->arena, db->mem);
    const schema *copy = schema_copy(&p->root->schema, &s->arena);
    if (copy == NULL) {
        subscription_free(s);
        return error_memory(err);
    }
    s->shape = *copy;
    s->types = arena_alloc(&s->arena, sizeof(data_type) * (size_t)(copy->count + 1));
    if (s->types == NULL) {
        subscription_free(s);
        return error_memory(err);
    }
    for (int32_t i = 0; i < copy->count; i++) {
        s->types[i] = copy->fields[i].type;
    }
    s->with_weight = p->emit == EMIT_CHANGES;
    s->append_only = (p->root->properties & PLAN_APPEND_ONLY) != 0;
    *out = s;
    return OK;
}

static status
follow(laminar_subscription *s, changelog *log, error *err) {
    TRY(log_cursor_open(&s->cursor, log, err));
    s->log = changelog_retain(log);
    atomic_store(&s->position, s->cursor.last->number);
    return OK;
}

static const log_entry *
next_entry(laminar_subscription *s) {
    const log_entry *entry = s->cursor.log == NULL ? NULL : log_cursor_next(&s->cursor);
    if (entry != NULL) {
        atomic_store(&s->position, entry->number);
    }
    return entry;
}

static status
subscribe_stream(laminar_subscription **out, laminar_database *db, const char *name, error *err) {
    object *o = NULL;
    TRY(catalog_need(&o, db->catalog, text_of(name), false, ERR_TABLE_NOT_FOUND, "Stream", -1,
                     err));
    if (o->kind != OBJECT_STREAM) {
        return error_set(err, ERR_TABLE_NOT_FOUND,
                         "\"%.*s\" is a source: subscribe to it with SELECT * FROM %.*s",
                         TEXT_ARG(o->name), TEXT_ARG(o->name));
    }
    laminar_subscription *s = NULL;
    TRY(subscription_new(&s, db, stream_plan(o->impl), err));
    const status opened = follow(s, stream_log(o->impl), err);
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
    TRY(query_prepare(&q, db->engine, p, plan_arena, NULL, err));
    status done = query_run(q, &rows, err);
    query_close(q);
    if (done == OK) {
        done = result_new(&s->first, db->mem, &s->shape, s->with_weight, err);
    }
    for (int32_t i = 0; done == OK && i < rows->batch_count; i++) {
        done = result_add(s->first, batch_retain(rows->batches[i]), err);
    }
    result_release(rows);
    return done;
}

static status
subscribe_changes(laminar_subscription *s, laminar_database *db, const plan *p, arena *plan_arena,
                  error *err) {
    const stream_options options = {.running = true};
    stream              *made = NULL;
    TRY(stream_open(&made, db->engine, p, plan_arena, &options, err));
    status done = follow(s, stream_log(made), err);
    if (done == OK) {
        done = stream_snapshot(made, &s->first, err);
    }
    s->anonymous = done == OK && atomic_load(&db->state) != DB_STOPPED;
    if (!s->anonymous) { /* after a shutdown nothing can follow */
        stream_close(made);
    }
    return done;
}

static status
subscribe_sql(laminar_subscription **out, laminar_database *db, text sql, error *err) {
    arena a, plan_arena;
    arena_init(&a, db->mem);
    arena_init(&plan_arena, db->mem);
    ast_script            script;
    laminar_subscription *s = NULL;
    plan                  p;
    status                made = sql_parse(&script, &a, sql, err);
    if (made == OK && (script.count != 1 || script.statements[0]->kind != AST_SELECT)) {
        made = error_set(err, ERR_SUBSCRIPTION_FAILED, "subscribe takes one SELECT statement");
    }
    if (made == OK) {
        const ast_statement *st = script.statements[0];
        made = plan_select(&p, &plan_arena, db->catalog, st->select, sql, true, st->emit,
                           st->emit_position, st->allow_lateness, err);
    }
    if (made == OK) {
        made = subscription_new(&s, db, &p, err);
    }
    if (made == OK) {
        made = p.constant ? subscribe_constant(s, db, &p, &plan_arena, err)
                          : subscribe_changes(s, db, &p, &plan_arena, err);
        if (made == OK) {
            made = db_query_begin(db, sql, s, &s->listed, err);
        }
        if (made < 0) {
            subscription_free(s);
        }
    }
    arena_fini(&plan_arena);
    arena_fini(&a);
    if (made == OK) {
        if (s->first != NULL && s->first->row_count == 0) {
            result_release(s->first);
            s->first = NULL;
        }
        atomic_store(&s->has_first, s->first != NULL);
        *out = s;
    }
    return made;
}

laminar_status
laminar_database_subscribe_stream(laminar_subscription **out, laminar_database *db,
                                  const char *stream_name, laminar_error *err) {
    error  e = {.position = -1};
    status s = db_enter(db, &e);
    if (s == OK) {
        s = subscribe_stream(out, db, stream_name, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_subscribe(laminar_subscription **out, laminar_database *db, const char *sql,
                           laminar_error *err) {
    error      e = {.position = -1};
    const text t = text_of(sql);
    status     s = db_enter(db, &e);
    if (s == OK) {
        s = subscribe_sql(out, db, t, &e);
        db_leave(db);
    }
    return report(err, &e, s, t);
}

/* ---------------------------------------------------------------------------------- reading */
static status
add_entry(result *rows, const log_entry *entry, error *err) {
    for (int32_t i = 0; i < entry->batch_count; i++) {
        TRY(result_add(rows, batch_retain(entry->batches[i]), err));
    }
    return OK;
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
    for (int32_t i = 0; i < entry->batch_count; i++) {
        batch *b = entry->batches[i];
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
take_many(laminar_subscription *s, const log_entry *entry, result *rows, error *err) {
    builder small;
    TRY(builder_init(&small, s->mem, s->types, s->shape.count, err));
    status done = OK;
    while (done == OK && entry != NULL) {
        done = merge_entry(rows, &small, entry, err);
        const bool full = rows->row_count + builder_rows(&small) >= DELIVERED_ROWS;
        entry = full || done < 0 ? NULL : next_entry(s);
    }
    if (done == OK) {
        done = flush_small(rows, &small, err);
    }
    builder_fini(&small);
    return done;
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
    const log_entry *entry = next_entry(s);
    if (entry == NULL) {
        return OK;
    }
    result *rows = NULL;
    TRY(result_new(&rows, s->mem, &s->shape, s->with_weight, err));
    const bool   more = s->append_only && log_cursor_has_next(&s->cursor);
    const status added = more ? take_many(s, entry, rows, err) : add_entry(rows, entry, err);
    if (added < 0) {
        result_release(rows);
        return added;
    }
    *out = rows;
    return OK;
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
        if (log_cursor_wait(&s->cursor, &s->stopped, left_us)) {
            *interrupted = true;
            return DONE;
        }
    }
}

/* Stopped while somebody read: whoever comes out last lets go of the rows. */
static void
drop_stopped(laminar_subscription *s) {
    if (atomic_load(&s->stopped) && mutex_try_lock(&s->reading)) {
        let_go(s);
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
        changelog_wake(s->log);
    }
}

void
laminar_subscription_cancel(laminar_subscription *s) {
    if (atomic_exchange(&s->cancelled, true)) {
        return;
    }
    stop(s);
    drop_stopped(s);
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

laminar_subscription_status
laminar_subscription_state(const laminar_subscription *s) {
    if (atomic_load(&s->cancelled)) {
        return LAMINAR_SUBSCRIPTION_CANCELLED;
    }
    if (atomic_load(&s->finished)) {
        return LAMINAR_SUBSCRIPTION_FINISHED;
    }
    const bool ended = !atomic_load(&s->has_first) &&
                       (s->log == NULL || changelog_is_over(s->log, atomic_load(&s->position)));
    return ended ? LAMINAR_SUBSCRIPTION_FINISHED : LAMINAR_SUBSCRIPTION_ACTIVE;
}

laminar_status
laminar_subscription_schema(const laminar_subscription *s, struct ArrowSchema *out,
                            laminar_error *err) {
    error e = {0};
    return report(err, &e, arrow_export_schema(out, &s->shape, s->with_weight, s->mem, &e),
                  TEXT(""));
}

void
laminar_subscription_close(laminar_subscription *s) {
    if (s == NULL) {
        return;
    }
    db_query_end(s->db, s->listed); /* nobody reaches it through the list from here on */
    subscription_free(s);
}
