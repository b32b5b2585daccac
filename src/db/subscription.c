/* SPDX-License-Identifier: Apache-2.0 */
/* subscription.c - a cursor over a stream's change log. It has no thread and never polls.
 *
 * subscribe(sql) makes an anonymous stream and takes its current rows and its cursor in one visit
 * to the engine, so nothing falls between them. */
#include "arrow/arrow.h"
#include "db/internal.h"
#include "sql/parser.h"

struct laminar_subscription {
    laminar_database *db; /* retained */
    mem              *mem;
    arena             arena; /* shape */
    schema            shape;
    bool              with_weight;
    bool              append_only;
    log_cursor        cursor;    /* log NULL: finite */
    stream           *anonymous; /* NULL for named streams; gone when the database is closed */
    result           *first;     /* delivered before anything else; NULL: none */
    _Atomic bool      cancelled;
    _Atomic bool      finished;
};

static void
subscription_free(laminar_subscription *s) {
    mem *m = s->mem;
    log_cursor_close(&s->cursor);
    result_release(s->first);
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
    s->db = db_retain(db);
    s->mem = db->mem;
    arena_init(&s->arena, db->mem);
    const schema *copy = schema_copy(&p->root->schema, &s->arena);
    if (copy == NULL) {
        subscription_free(s);
        return error_memory(err);
    }
    s->shape = *copy;
    s->with_weight = p->emit == EMIT_CHANGES;
    s->append_only = (p->root->properties & PLAN_APPEND_ONLY) != 0;
    *out = s;
    return OK;
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
    const status opened = log_cursor_open(&s->cursor, stream_log(o->impl), err);
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
    TRY(stream_open(&s->anonymous, db->engine, p, plan_arena, &options, err));
    status made = log_cursor_open(&s->cursor, stream_log(s->anonymous), err);
    if (made == OK) {
        made = stream_snapshot(s->anonymous, &s->first, err);
    }
    if (made < 0) {
        log_cursor_close(&s->cursor);
        stream_close(s->anonymous);
        s->anonymous = NULL;
    }
    return made;
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

/* What is there now: one tick for updating streams, everything for append-only ones. *out stays
 * NULL when there is nothing. */
static status
take_now(laminar_subscription *s, result **out, error *err) {
    if (s->first != NULL) {
        *out = s->first;
        s->first = NULL;
        return OK;
    }
    log_entry *entry = s->cursor.log == NULL ? NULL : log_cursor_next(&s->cursor);
    if (entry == NULL) {
        return OK;
    }
    result *rows = NULL;
    TRY(result_new(&rows, s->mem, &s->shape, s->with_weight, err));
    status added = add_entry(rows, entry, err);
    while (added == OK && s->append_only && rows->row_count < (1 << 20) &&
           (entry = log_cursor_next(&s->cursor)) != NULL) {
        added = add_entry(rows, entry, err);
    }
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
        if (atomic_load(&s->cancelled) || atomic_load(&s->finished)) {
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
        if (log_cursor_wait(&s->cursor, &s->cancelled, left_us)) {
            *interrupted = true;
            return DONE;
        }
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
    status done = next_rows(s, timeout_us, &rows, stopped, &e);
    if (done == OK) {
        done = answer_rows(out, s->mem, LAMINAR_RESULT_QUERY, rows, &e);
    }
    return report(err, &e, done, TEXT(""));
}

void
laminar_subscription_cancel(laminar_subscription *s) {
    atomic_store(&s->cancelled, true);
    if (s->cursor.log != NULL) {
        changelog_wake(s->cursor.log);
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
    log_end    how;
    const bool ended =
        s->first == NULL && (s->cursor.log == NULL || log_cursor_at_end(&s->cursor, &how, NULL));
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
    laminar_subscription_cancel(s);
    error e = {0};
    if (s->anonymous != NULL && db_enter(s->db, &e) == OK) {
        /* Closing the database closes its streams: then there is nothing left to do here. */
        stream_close(s->anonymous);
        db_leave(s->db);
    }
    subscription_free(s);
}
