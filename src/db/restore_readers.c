/* SPDX-License-Identifier: Apache-2.0 */
/* restore_readers.c - streams that somebody reads, before and after a restore: see restore.h.
 *
 * A named stream or a sink is followed by the one of its name and definition, the query of a
 * subscription by the same query over what is there now. The change log goes over to it, so
 * cursors, positions and what is unread stay; readers of others end with a reason. */
#include "db/restore.h"

#include "db/parameters.h"
#include "db/sink.h"
#include "db/subscription.h"
#include "exec/exchange.h"

typedef struct followed {
    stream *old, *now; /* now NULL: nothing follows */
    object *of;        /* set aside; NULL: of a subscription */
    object *at;        /* the one that takes its place */
    result *before;    /* what readers saw; NULL: there is none to be told */
    error   why;       /* nothing follows */
    bool    can;       /* the old one shows rows */
} followed;

struct restore_readers {
    laminar_database *db;
    int64_t           id;
    uint64_t          sequence;
    followed         *items;
    int32_t           count, capacity;
};

void
restore_readers_free(restore_readers *r) {
    if (r == NULL) {
        return;
    }
    mem *m = r->db->mem;
    for (int32_t i = 0; i < r->count; i++) {
        result_release(r->items[i].before);
    }
    mem_free(m, r->items, sizeof(followed) * (size_t)r->capacity);
    mem_free(m, r, sizeof(*r));
}

static status
note(restore_readers *r, stream *s, object *of, error *err) {
    followed *f = &r->items[r->count];
    *f = (followed){.old = s, .of = of, .can = stream_can_be_followed(s)};
    r->count++;
    return f->can && changelog_is_wanted(stream_log(s)) ? stream_shown(s, &f->before, err) : OK;
}

/* Streams with names, those of sinks, and those of subscriptions. */
static status
note_all(restore_readers *r, error *err) {
    laminar_database *db = r->db;
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        object *o = catalog_at(db->catalog, i);
        stream *s = o->kind == OBJECT_STREAM ? o->impl
                    : o->kind == OBJECT_SINK ? sink_stream(o->impl)
                                             : NULL;
        TRY(s == NULL ? OK : note(r, s, o, err));
    }
    for (int32_t i = 0; i < engine_stream_total(db->engine); i++) {
        stream *s = engine_stream_at(db->engine, i);
        TRY(stream_memo(s) == NULL ? OK : note(r, s, NULL, err));
    }
    return OK;
}

status
restore_readers_note(restore_readers **out, laminar_database *db, int64_t id, error *err) {
    engine_reap(db->engine);
    restore_readers *r = mem_alloc_zero(db->mem, sizeof(*r));
    if (r == NULL) {
        return error_memory(err);
    }
    *r = (restore_readers){.db = db, .id = id};
    r->capacity = catalog_count(db->catalog) + engine_stream_total(db->engine) + 1;
    r->items = mem_alloc_zero(db->mem, sizeof(followed) * (size_t)r->capacity);
    status s = r->items == NULL ? error_memory(err) : note_all(r, err);
    if (s < 0) {
        r->capacity = r->items == NULL ? 0 : r->capacity;
        restore_readers_free(r);
        return s;
    }
    *out = r;
    return OK;
}

/* ---- what follows */

static void
refuse(followed *f, const char *what, int64_t id) {
    f->now = NULL;
    f->why = (error){.position = -1};
    (void)error_set(&f->why, ERR_STREAM_FAILED,
                    "%s \"%.*s\" %s checkpoint %lld, to which the database was put back",
                    object_kind_name(f->of->kind), TEXT_ARG(f->of->name), what, (long long)id);
    (void)error_hint(&f->why, "subscribe again");
}

static void
find_named(const restore_readers *r, followed *f) {
    object *o = catalog_find(r->db->catalog, f->of->name, true);
    if (o == NULL || o->kind != f->of->kind) {
        refuse(f, "is not in", r->id);
        return;
    }
    if (!text_equal(o->sql, f->of->sql)) {
        refuse(f, "has another definition in", r->id);
        return;
    }
    f->at = o;
    f->now = o->kind == OBJECT_SINK ? sink_stream(o->impl) : o->impl;
    if (f->now == NULL || !stream_can_be_followed(f->now)) {
        refuse(f, "does not run in", r->id);
    }
}

static const setting_id bound[BOUND_SETTINGS] = {
    SETTING_INTEGER_DIVISION, SETTING_DEFAULT_NULL_ORDER, SETTING_MAX_FUTURE_SKEW, SETTING_TIMEZONE,
    SETTING_RETAIN};

void
bound_settings(const laminar_database *db, int64_t *out) {
    for (int32_t i = 0; i < BOUND_SETTINGS; i++) {
        out[i] = db_setting(db, bound[i]);
    }
}

static void
set_bound(laminar_database *db, const int64_t *settings) {
    for (int32_t i = 0; i < BOUND_SETTINGS; i++) {
        atomic_store(&db->settings[bound[i]], settings[i]);
    }
}

static bool
gives_the_same(const plan *a, const plan *b) {
    return schema_equal(&a->root->schema, &b->root->schema) && a->emit == b->emit &&
           a->key_count == b->key_count && !a->constant &&
           ((a->root->properties ^ b->root->properties) & PLAN_APPEND_ONLY) == 0;
}

static status
plan_again(plan *p, query_memo **memo, arena *plan_arena, arena *a, laminar_database *db,
           const stream *old, error *err) {
    const query_memo *from = stream_memo(old);
    int64_t           now[BOUND_SETTINGS];
    ast_script        script;
    bound_settings(db, now);
    set_bound(db, from->settings);
    const plan_env env = db_plan_env(db);
    status         s = db_parse(&script, db, a, from->sql, err);
    if (s == OK) {
        const ast_statement *st = script.statements[0];
        s = plan_select(p, plan_arena, db->catalog, NULL, &env, st->select, from->sql, true,
                        &st->emit, err);
    }
    set_bound(db, now);
    TRY(s);
    *memo = arena_alloc_zero(plan_arena, sizeof(**memo));
    if (*memo == NULL) {
        return error_memory(err);
    }
    **memo = *from;
    (*memo)->sql = arena_text(plan_arena, from->sql);
    TRY((*memo)->sql.data == NULL ? error_memory(err) : OK);
    return gives_the_same(p, stream_plan(old))
               ? OK
               : error_set(err, ERR_SCHEMA_MISMATCH, "its columns, or what they mean, are others");
}

/* The stream of the same query over what there is now. */
static status
make_again(stream **out, laminar_database *db, const stream *old, error *err) {
    arena       a, plan_arena;
    plan        p;
    query_memo *memo = NULL;
    arena_init(&a, db->mem);
    arena_init(&plan_arena, db->mem);
    status s = plan_again(&p, &memo, &plan_arena, &a, db, old, err);
    if (s == OK) {
        const stream_options how = {.running = true, .memo = memo};
        s = stream_open(out, db->engine, &p, &plan_arena, &how, err);
        s = s == OK && stream_is_joining(*out) ? db_join(db, *out, NULL, err) : s;
    }
    arena_fini(&plan_arena);
    arena_fini(&a);
    return s;
}

static status
find_query(const restore_readers *r, followed *f, error *err) {
    error        why = {.position = -1};
    const status s = make_again(&f->now, r->db, f->old, &why);
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(err);
    }
    if (s < 0) {
        f->now = NULL;
        (void)error_set(&f->why, ERR_STREAM_FAILED,
                        "the query has no such result in checkpoint %lld, to which the database "
                        "was put back: %.300s",
                        (long long)r->id, why.message);
        (void)error_hint(&f->why, "subscribe again");
    }
    return OK;
}

/* Its changes are ready, and wait with the log that it came with. */
static status
make_ready(const restore_readers *r, followed *f, error *err) {
    stream_begin_at(f->now, r->sequence);
    if (f->before == NULL) {
        return OK;
    }
    stream_move_op_readers(f->now, f->old);
    stream_swap_logs(f->now, f->old);
    const status s = stream_take_difference(f->now, f->before, err);
    stream_swap_logs(f->now, f->old);
    if (s < 0) {
        stream_drop_difference(f->now);
        stream_move_op_readers(f->old, f->now);
    }
    return s;
}

status
restore_readers_follow(restore_readers *r, uint64_t sequence, error *err) {
    status s = OK;
    r->sequence = sequence;
    for (int32_t i = 0; s == OK && i < r->count; i++) {
        followed *f = &r->items[i];
        if (!f->can) {
            continue; /* its readers were told */
        }
        if (f->of != NULL) {
            find_named(r, f);
        } else {
            s = find_query(r, f, err);
        }
    }
    for (int32_t i = 0; s == OK && i < r->count; i++) {
        s = r->items[i].now == NULL ? OK : make_ready(r, &r->items[i], err);
    }
    return s;
}

/* The sink that runs stands behind the object of now, and the one that was made for that goes. */
static void
exchange_sinks(const followed *f) {
    sink *running = f->of->impl;
    f->of->impl = f->at->impl;
    f->at->impl = running;
    sink_move(running, f->at);
    sink_move(f->of->impl, f->of);
}

void
restore_readers_publish(restore_readers *r) {
    for (int32_t i = 0; i < r->count; i++) {
        const followed *f = &r->items[i];
        if (f->now == NULL && f->can) {
            stream_end_readers(f->old, &f->why);
        } else if (f->now != NULL) {
            stream_swap_logs(f->now, f->old);
            if (f->of != NULL && f->of->kind == OBJECT_SINK) {
                exchange_sinks(f);
            }
        }
    }
    for (int32_t i = 0; i < r->count; i++) {
        if (r->items[i].now != NULL) {
            stream_publish_difference(r->items[i].now, r->sequence);
        }
    }
}
