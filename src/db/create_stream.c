/* SPDX-License-Identifier: Apache-2.0 */
/* create_stream.c - CREATE STREAM and CREATE VIEW, and what reads a replaced one made again.
 *
 * All that is new is complete before anything old goes: what is made stands in a list beside the
 * catalogue, texts that name an old object are bound to the new one in its place, and all places
 * change hands at once. What fails leaves everything as it was. */
#include "db/creating.h"
#include "db/parameters.h"
#include "db/pipeline.h"
#include "sql/limits.h"

typedef struct making {
    statement_context   *c;
    const ast_statement *st;   /* that was given */
    going                old;  /* what goes: the object of its name, then what reads that */
    object             **made; /* in their places */
    object_swap         *swaps;
    int32_t              count; /* of made and swaps */
    bool                 done;  /* somebody else made it */
} making;

/* What SHOW CREATE shows and a restart reads again: parameters have become literals, stars the
 * columns that they stood for, unless that would be more text than can be read. */
status
create_keep_definition(const statement_context *c, object *o, const ast_statement *st,
                       const star_text *stars, error *err) {
    buf written;
    buf_init(&written, c->db->mem, SIZE_MAX / 2);
    if (stars != NULL) {
        definition_print(st, c->sql, NULL, &written);
        o->declared = arena_text(&o->arena, buf_text(&written));
        buf_clear(&written);
    }
    definition_print(st, c->sql, stars, &written);
    if (buf_text(&written).size > SQL_TEXT_BYTES_MAX) {
        buf_clear(&written);
        definition_print(st, c->sql, NULL, &written);
    }
    o->sql = written.failed ? (text){NULL, 0} : arena_text(&o->arena, buf_text(&written));
    o->declared = o->declared.data == NULL ? o->sql : o->declared;
    o->is_recovered = c->db->replaying;
    buf_fini(&written);
    return o->sql.data == NULL || o->declared.data == NULL ? error_memory(err) : OK;
}

/* *told counts what was told. */
static status
depend(object *o, int32_t *told, status s, error *err) {
    for (int32_t i = 0; s == OK && i < o->input_count; i++) {
        s = catalog_depend(o->inputs[i], o, err);
        *told += s == OK;
    }
    if (s == OK && o->late_to != NULL) {
        s = catalog_depend(o->late_to, o, err);
        *told += s == OK;
    }
    return s;
}

static void
undepend(object *o, int32_t *told) {
    for (int32_t i = 0; *told > 0 && i < o->input_count; i++) {
        catalog_undepend(o->inputs[i], o);
        *told -= 1;
    }
    if (*told > 0 && o->late_to != NULL) {
        catalog_undepend(o->late_to, o);
        *told -= 1;
    }
}

status
create_register(laminar_database *db, object *const *made, int32_t count, const going *old,
                error *err) {
    status  s = OK;
    int32_t told = 0; /* inputs, over all of made */
    int32_t added = 0;
    for (int32_t k = 0; k < count; k++) {
        s = depend(made[k], &told, s, err);
    }
    if (s == OK) {
        going_drop(db, old);
        while (s == OK && added < count) { /* cannot fail where an old one just left */
            s = catalog_add(db->catalog, made[added], err);
            added += s == OK;
        }
    }
    for (int32_t k = 0; s < 0 && k < count; k++) {
        undepend(made[k], &told);
    }
    return s;
}

static bool
is_going(const going *g, const object *o) {
    for (int32_t i = 0; i < g->count; i++) {
        if (g->objects[i] == o) {
            return true;
        }
    }
    return false;
}

status
create_keep_inputs(object *o, const ast_statement *st, const plan *p, const going *old,
                   error *err) {
    o->inputs = arena_alloc(&o->arena, sizeof(object *) * (size_t)(p->object_count + 1));
    if (o->inputs == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < p->object_count; i++) {
        const object *input = p->objects[i];
        if (is_going(old, input)) {
            const bool self = input == old->objects[0];
            return error_set_at(err, ERR_QUERY_FAILED, st->name.position,
                                "\"%.*s\" cannot read %s%s%.*s%s it replaces",
                                TEXT_ARG(st->name.text), self ? "the " : "",
                                self ? object_kind_name(o->kind) : "\"",
                                self ? 0 : (int)input->name.size, input->name.data,
                                self ? " that" : "\", which reads what");
        }
        o->inputs[o->input_count++] = p->objects[i];
    }
    return OK;
}

static bool
is_reached(const going *g, const object *o) {
    for (int32_t i = 0; i < g->count; i++) {
        const object *each = g->objects[i];
        if (each->late_to == o || (o->kind != OBJECT_SOURCE && object_reads(o, each))) {
            return true;
        }
    }
    return false;
}

/* What will be there, by number: what is and stays, then what was made. NULL: it goes. */
static object *
object_at(const making *m, int32_t i) {
    const catalog *known = m->c->db->catalog;
    const int32_t  there = catalog_count(known);
    object        *o = i < there ? catalog_at(known, i) : m->made[i - there];
    return i < there && is_going(&m->old, o) ? NULL : o;
}

/* Do rows of `from` reach what `o` reads? Streams were made in the order in which rows pass them,
 * but where they send late rows may come before. */
static status
leads_to_inputs(bool *leads, const making *m, object *from, const object *o, error *err) {
    const int32_t total = catalog_count(m->c->db->catalog) + m->count;
    arena        *a = &m->c->arena;
    going         g = {.objects = arena_alloc_zero(a, sizeof(object *) * (size_t)(total + 1))};
    uint8_t      *reached = arena_alloc_zero(a, (size_t)total);
    if (g.objects == NULL || reached == NULL) {
        return error_memory(err);
    }
    g.objects[g.count++] = from;
    *leads = object_reads(o, from);
    for (int32_t before = 0; before < g.count && !*leads;) {
        before = g.count;
        for (int32_t i = 0; i < total && !*leads; i++) {
            object *each = object_at(m, i);
            if (!reached[i] && each != NULL && each != from && is_reached(&g, each)) {
                reached[i] = true;
                g.objects[g.count++] = each;
                *leads = object_reads(o, each);
            }
        }
    }
    return OK;
}

static status
keep_late(const making *m, object *o, const ast_statement *st, object *to, error *err) {
    if (to == NULL) {
        return OK;
    }
    bool leads = false;
    TRY(leads_to_inputs(&leads, m, to, o, err));
    if (leads) {
        error_set_at(
            err, ERR_QUERY_FAILED, st->emit.late_to.position,
            "LATE DATA TO \"%.*s\": rows of that source reach \"%.*s\" again, so late rows "
            "would go round",
            TEXT_ARG(to->name), TEXT_ARG(o->name));
        return error_hint(err, "send them to a source that no input of the stream comes from");
    }
    o->late_to = to;
    return OK;
}

/* What others may know of a stream: columns, keys, text. */
static status
describe_stream(statement_context *c, object *o, const ast_statement *st, const plan *p,
                error *err) {
    o->schema = schema_copy(&p->root->schema, &o->arena);
    TRY(create_keep_definition(c, o, st, p->stars, err));
    int32_t *keys = arena_alloc(&o->arena, sizeof(int32_t) * (size_t)(p->key_count + 1));
    if (o->schema == NULL || keys == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < p->key_count; i++) {
        keys[i] = p->key_columns[i];
    }
    o->key_columns = keys;
    o->key_count = p->key_count;
    o->append_only = (p->root->properties & PLAN_APPEND_ONLY) != 0;
    o->event_time_column = p->event_time_column;
    o->slack_us = p->slack_us;
    o->clock_time_column = p->clock_time_column;
    o->by_clock = p->by_clock;
    if (p->closes_us != NULL) {
        const size_t size = sizeof(int64_t) * (size_t)o->schema->count;
        int64_t     *closes_us = arena_alloc(&o->arena, size);
        if (closes_us == NULL) {
            return error_memory(err);
        }
        memcpy(closes_us, p->closes_us, size);
        o->closes_us = closes_us;
    }
    return OK;
}

/* The token is given up while the stream reads what is there: then the name is looked up again. */
static status
fill_stream(making *m, stream *made, error *err) {
    laminar_database *db = m->c->db;
    query_entry      *listed = NULL;
    status            s = db_query_begin(db, statement_text(m->c, m->st), NULL, &listed, err);
    if (s < 0) {
        return stream_join_end(made, s, err);
    }
    s = db_join(db, made, &listed->guard, err);
    db_query_end(db, listed);
    TRY(s);
    s = db_writable(db, err);
    if (s == OK) {
        s = create_find_old(m->c, m->st, OBJECT_STREAM, &m->old, &m->done, err);
    }
    if (s < 0 || m->done) {
        stream_close(made);
    }
    return s;
}

/* What is made again is filled with the token: its inputs are in no catalogue, so nobody else may
 * change what they read. */
static status
fill_again(stream *made, error *err) {
    status s = OK;
    while (s == OK && stream_join_next(made)) {
        s = stream_join_run(made, NULL, err);
    }
    return stream_join_end(made, s, err);
}

static void
free_stream(void *impl) {
    stream_close(impl);
}

/* Makes the stream and everything that others may know of it. */
static status
open_stream(making *m, const ast_statement *st, object *o, plan *p, arena *plan_arena, error *err) {
    laminar_database *db = m->c->db;
    stream           *made = NULL;
    const bool        first = m->count == 0;
    TRY(create_keep_inputs(o, st, p, &m->old, err));
    TRY(keep_late(m, o, st, p->late_to, err));
    TRY(describe_stream(m->c, o, st, p, err));
    const int32_t  state = atomic_load(&db->state);
    db_pipeline   *in = NULL;
    stream_options options = {.object = o, .running = state == DB_RUNNING || state == DB_PAUSED};
    if (st->pipeline.text.data != NULL) {
        TRY(pipeline_need(&in, db, st->pipeline.text, st->pipeline.position, err));
        options.pipeline = in->impl;
    }
    TRY(stream_open(&made, db->engine, p, plan_arena, &options, err));
    if (stream_is_joining(made)) {
        TRY(first ? fill_stream(m, made, err) : fill_again(made, err));
    }
    if (m->done) {
        return OK;
    }
    o->impl = made;
    o->impl_free = free_stream;
    return keep_late(m, o, st, o->late_to, err); /* others may have made streams meanwhile */
}

status
create_apply_options(const statement_context *c, plan *p, arena *a, object *o,
                     const ast_statement *st, error *err) {
    TRY(plan_stream_options(o, &c->env, st, err));
    TRY(plan_set_ttl(p, a, o->state_ttl_us, st->name.position, err));
    TRY(plan_set_retain(p, o, st->name.position, err));
    return plan_set_shards(p, a, o->shards, st->name.position, err);
}

static status
make_stream(making *m, const ast_statement *st, object *o, error *err) {
    statement_context *c = m->c;
    arena              plan_arena;
    plan               p;
    arena_init(&plan_arena, c->db->mem);
    status s = plan_select(&p, &plan_arena, c->db->catalog, &c->externals, &c->env, st->select,
                           c->sql, true, &st->emit, err);
    s = s < 0 ? s : create_apply_options(c, &p, &plan_arena, o, st, err);
    s = s < 0 ? s : open_stream(m, st, o, &p, &plan_arena, err);
    arena_fini(&plan_arena);
    return s;
}

static status
make_view(making *m, const ast_statement *st, object *o, error *err) {
    statement_context *c = m->c;
    plan               p;
    schema            *columns = NULL;
    TRY(plan_view(&p, &columns, &c->arena, c->db->catalog, &c->externals, &c->env, st, c->sql,
                  err));
    TRY(create_keep_inputs(o, st, &p, &m->old, err));
    TRY(create_keep_definition(c, o, st, p.stars, err));
    o->schema = schema_copy(columns, &o->arena);
    return o->schema == NULL ? error_memory(err) : OK;
}

static void
unmake(object *o) {
    if (o->impl != NULL) {
        o->impl_free(o->impl);
        o->impl = NULL;
        o->impl_free = NULL;
    }
    catalog_object_release(o);
}

static status
make_object(making *m, const ast_statement *st, object_kind kind, object **out, error *err) {
    object *o = NULL;
    TRY(catalog_object_new(&o, m->c->db->mem, kind, st->name.text, err));
    const status s = kind == OBJECT_VIEW ? make_view(m, st, o, err) : make_stream(m, st, o, err);
    if (s < 0 || m->done) {
        unmake(o);
        return s;
    }
    *out = o;
    return OK;
}

/* It stands for the old object of its place from here on. */
static void
add_made(making *m, object *o) {
    if (m->count < m->old.count) {
        m->swaps[m->count] = (object_swap){.old = m->old.objects[m->count], .made = o};
    }
    m->made[m->count++] = o;
}

static status
make_lists(making *m, error *err) {
    const size_t most = (size_t)m->old.count + 1;
    m->made = arena_alloc(&m->c->arena, most * sizeof(object *));
    m->swaps = arena_alloc(&m->c->arena, most * sizeof(object_swap));
    return m->made == NULL || m->swaps == NULL ? error_memory(err) : OK;
}

/* Says what could not be made again, and why. A place in its text means nothing in this one. */
static status
refuse_again(const making *m, const object *o, status s, error *err) {
    if (s == ERR_OUT_OF_MEMORY || m->c->externals.missing != NULL) {
        return s;
    }
    const error why = *err;
    error_clear(err);
    (void)error_set(
        err, ERR_SCHEMA_MISMATCH,
        "cannot replace \"%.*s\": \"%.*s\" reads it, and would fail with the new one: %s",
        TEXT_ARG(m->old.objects[0]->name), TEXT_ARG(o->name), why.message);
    return error_hint(err, "give the new one what \"%.*s\" needs, or DROP that first",
                      TEXT_ARG(o->name));
}

/* What reads an old one, from its text as it was typed, with the new ones in the places of the old.
 */
static status
make_again(making *m, error *err) {
    statement_context *c = m->c;
    const object      *old = m->old.objects[m->count];
    const text         sql = c->sql;
    const plan_env     env = c->env;
    ast_script         script;
    object            *o = NULL;
    TRY(sql_parse(&script, &c->arena, old->declared, err));
    c->sql = old->declared;
    c->env.swaps = m->swaps;
    c->env.swap_count = m->count;
    const status s = make_object(m, script.statements[0], old->kind, &o, err);
    c->sql = sql;
    c->env = env;
    if (s < 0) {
        return refuse_again(m, old, s, err);
    }
    add_made(m, o);
    return OK;
}

status
create_query(statement_context *c, const ast_statement *st, object_kind kind, const going *old,
             error *err) {
    making  m = {.c = c, .st = st, .old = *old};
    object *o = NULL;
    TRY(make_object(&m, st, kind, &o, err));
    if (m.done) {
        return OK;
    }
    status s = make_lists(&m, err);
    if (s < 0) {
        unmake(o);
        return s;
    }
    add_made(&m, o);
    while (s == OK && m.count < m.old.count) {
        s = make_again(&m, err);
    }
    s = s < 0 ? s : create_register(c->db, m.made, m.count, &m.old, err);
    if (s == OK) {
        engine_settle_late(c->db->engine);
    }
    for (int32_t i = m.count - 1; i >= 0; i--) {
        if (s < 0) {
            unmake(m.made[i]);
        } else {
            catalog_object_release(m.made[i]);
        }
    }
    return s;
}
