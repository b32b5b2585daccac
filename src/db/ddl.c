/* SPDX-License-Identifier: Apache-2.0 */
/* ddl.c - CREATE and DROP, with the token.
 *
 * A statement that fails leaves everything as it was: all questions come before the first thing is
 * touched, and what replaces an object is complete before the old one goes. */
#include "db/durable.h"
#include "db/going.h"
#include "db/parameters.h"
#include "db/pipeline.h"
#include "db/sink.h"
#include "db/statement.h"
#include "sql/limits.h"

/* What SHOW CREATE shows and a restart reads again: parameters have become literals, stars the
 * columns that they stood for, unless that would be more text than can be read. */
static status
keep_definition(const statement_context *c, object *o, const ast_statement *st,
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

static void
free_source(void *impl) {
    source_close(impl);
}

static void
free_stream(void *impl) {
    stream_close(impl);
}

static status
drop_statement(statement_context *c, const ast_statement *st, error *err) {
    static const object_kind kinds[] = {[AST_OBJECT_SOURCE] = OBJECT_SOURCE,
                                        [AST_OBJECT_STREAM] = OBJECT_STREAM,
                                        [AST_OBJECT_TABLE] = OBJECT_TABLE,
                                        [AST_OBJECT_VIEW] = OBJECT_VIEW,
                                        [AST_OBJECT_SINK] = OBJECT_SINK};
    static const char *const whats[] = {[AST_OBJECT_SOURCE] = "Source",
                                        [AST_OBJECT_STREAM] = "Stream",
                                        [AST_OBJECT_TABLE] = "Table",
                                        [AST_OBJECT_VIEW] = "View",
                                        [AST_OBJECT_SINK] = "Sink"};
    const object_kind        kind = kinds[st->object];
    laminar_database        *db = c->db;
    going                    g;
    object                  *o = catalog_find(db->catalog, st->name.text, st->name.quoted);
    if (o == NULL && st->if_exists) {
        return OK;
    }
    TRY(catalog_need(&o, db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     whats[st->object], st->name.position, err));
    if (o->kind != kind) {
        return error_set_at(err, ERR_NOT_FOUND_IN_QUERY, st->name.position,
                            "\"%.*s\" is a %s: say DROP %s", TEXT_ARG(o->name),
                            object_kind_word(o->kind), object_kind_word(o->kind));
    }
    TRY(going_find(&g, c, o, st->cascade ? GO_CASCADE : GO_DROP, err));
    going_drop(db, &g);
    return OK;
}

/* OR REPLACE and IF NOT EXISTS, the same for all kinds. *done: there is nothing left to make. old
 * gets what is to be replaced; it stays until the new one is made. */
static status
find_old(statement_context *c, const ast_statement *st, object_kind kind, going *old, bool *done,
         error *err) {
    *done = false;
    *old = (going){0};
    object *o = catalog_find(c->db->catalog, st->name.text, false);
    if (o == NULL) {
        return OK;
    }
    if (st->if_not_exists) {
        *done = true;
        return OK;
    }
    if (!st->or_replace && o->is_recovered && o->kind == kind) {
        *done = true;
        return declared_again(c, st, o, err);
    }
    if (!st->or_replace) {
        return error_set_at(err, ERR_TABLE_EXISTS, st->name.position,
                            "\"%.*s\" already exists: use CREATE OR REPLACE or IF NOT EXISTS",
                            TEXT_ARG(st->name.text));
    }
    if (o->kind != kind) {
        return error_set_at(err, ERR_TABLE_EXISTS, st->name.position,
                            "\"%.*s\" is a %s: DROP it first, or use another name",
                            TEXT_ARG(o->name), object_kind_word(o->kind));
    }
    return going_find(old, c, o, GO_REPLACE, err);
}

/* Makes a finished object known, in the place of the old one. */
static status
register_object(laminar_database *db, object *o, const going *old, error *err) {
    int32_t depends = 0;
    status  s = OK;
    while (s == OK && depends < o->input_count) {
        s = catalog_depend(o->inputs[depends], o, err);
        depends += s == OK;
    }
    if (s == OK && o->late_to != NULL) {
        s = catalog_depend(o->late_to, o, err);
    }
    if (s == OK) {
        going_drop(db, old);
        s = catalog_add(db->catalog, o, err); /* cannot fail where an old one just left */
    }
    for (int32_t i = 0; s < 0 && i < depends; i++) {
        catalog_undepend(o->inputs[i], o);
    }
    if (s < 0 && o->late_to != NULL) {
        catalog_undepend(o->late_to, o);
    }
    return s;
}

/* A table that was made of a query is kept as its columns: the query is over. */
static status
write_columns(const statement_context *c, object *o, error *err) {
    buf written;
    buf_init(&written, c->db->mem, SIZE_MAX / 2);
    columns_print(o, &written);
    o->sql = written.failed ? (text){NULL, 0} : arena_text(&o->arena, buf_text(&written));
    buf_fini(&written);
    return o->sql.data == NULL ? error_memory(err) : OK;
}

static status
describe_source(statement_context *c, object *o, const ast_statement *st, const result *rows,
                error *err) {
    if (rows != NULL) {
        TRY(plan_object_of(o, st, &rows->schema, err));
        o->is_recovered = c->db->replaying;
        return write_columns(c, o, err);
    }
    TRY(plan_object(o, c->db->catalog, &c->env, st, err));
    return keep_definition(c, o, st, NULL, err);
}

/* The rows of CREATE TABLE ... AS into a table that nobody knows yet. */
static status
fill_table(statement_context *c, object *o, const result *rows, error *err) {
    batch   *made = NULL;
    int32_t *from = arena_alloc(&c->arena, sizeof(int32_t) * (size_t)(o->schema->count + 1));
    if (from == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < o->schema->count; i++) {
        from[i] = i;
    }
    TRY(db_fit_result(&made, c->db, &c->env, o, from, rows, err));
    const status s = made == NULL ? OK : engine_insert(c->db->engine, o->impl, made, NULL, err);
    batch_release(made);
    return s;
}

/* rows NULL: of a column list, else of CREATE TABLE ... AS. */
static status
create_source(statement_context *c, const ast_statement *st, object_kind kind, const going *old,
              const result *rows, error *err) {
    laminar_database *db = c->db;
    object           *o = NULL;
    TRY(catalog_object_new(&o, db->mem, kind, st->name.text, err));
    status s = describe_source(c, o, st, rows, err);
    if (s == OK) {
        source *made = NULL;
        s = source_open(&made, db->engine, o, err);
        o->impl = made;
        o->impl_free = free_source;
        o->row_count = source_row_count;
        o->column_range = source_column_range;
    }
    if (s == OK && rows != NULL) {
        s = fill_table(c, o, rows, err);
    }
    if (s == OK) {
        s = register_object(db, o, old, err);
    }
    if (s < 0 && o->impl != NULL) {
        source_close(o->impl);
        o->impl = NULL;
        o->impl_free = NULL;
    }
    catalog_object_release(o);
    return s;
}

/* What a new object reads; it must not be what it replaces. */
static status
keep_inputs(object *o, const ast_statement *st, const plan *p, const going *old, error *err) {
    o->inputs = arena_alloc(&o->arena, sizeof(object *) * (size_t)(p->object_count + 1));
    if (o->inputs == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < p->object_count; i++) {
        if (old->count > 0 && p->objects[i] == old->objects[0]) {
            return error_set_at(err, ERR_QUERY_FAILED, st->name.position,
                                "\"%.*s\" cannot read the %s that it replaces",
                                TEXT_ARG(st->name.text), object_kind_name(o->kind));
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

/* Do rows of `from` reach what `o` reads? Streams were made in the order in which rows pass them,
 * but where they send late rows may come before. */
static status
leads_to_inputs(bool *leads, statement_context *c, object *from, const object *o, const going *old,
                error *err) {
    const int32_t total = catalog_count(c->db->catalog);
    going    g = {.objects = arena_alloc_zero(&c->arena, sizeof(object *) * (size_t)(total + 1))};
    uint8_t *reached = arena_alloc_zero(&c->arena, (size_t)total);
    if (g.objects == NULL || reached == NULL) {
        return error_memory(err);
    }
    g.objects[g.count++] = from;
    *leads = object_reads(o, from);
    for (int32_t before = 0; before < g.count && !*leads;) {
        before = g.count;
        for (int32_t i = 0; i < total && !*leads; i++) {
            object *each = catalog_at(c->db->catalog, i);
            if (!reached[i] && each != from && !(old->count > 0 && each == old->objects[0]) &&
                is_reached(&g, each)) {
                reached[i] = true;
                g.objects[g.count++] = each;
                *leads = object_reads(o, each);
            }
        }
    }
    return OK;
}

static status
keep_late(statement_context *c, object *o, const ast_statement *st, const plan *p, const going *old,
          error *err) {
    if (p->late_to == NULL) {
        return OK;
    }
    bool leads = false;
    TRY(leads_to_inputs(&leads, c, p->late_to, o, old, err));
    if (leads) {
        error_set_at(
            err, ERR_QUERY_FAILED, st->emit.late_to.position,
            "LATE DATA TO \"%.*s\": rows of that source reach \"%.*s\" again, so late rows "
            "would go round",
            TEXT_ARG(p->late_to->name), TEXT_ARG(o->name));
        return error_hint(err, "send them to a source that no input of the stream comes from");
    }
    o->late_to = p->late_to;
    return OK;
}

/* What others may know of a stream: columns, keys, text. */
static status
describe_stream(statement_context *c, object *o, const ast_statement *st, const plan *p,
                error *err) {
    o->schema = schema_copy(&p->root->schema, &o->arena);
    TRY(keep_definition(c, o, st, p->stars, err));
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
fill_stream(statement_context *c, const ast_statement *st, stream *made, going *old, bool *done,
            error *err) {
    laminar_database *db = c->db;
    query_entry      *listed = NULL;
    status            s = db_query_begin(db, statement_text(c, st), NULL, &listed, err);
    if (s < 0) {
        return stream_join_end(made, s, err);
    }
    s = db_join(db, made, &listed->guard, err);
    db_query_end(db, listed);
    TRY(s);
    s = db_writable(db, err);
    if (s == OK) {
        s = find_old(c, st, OBJECT_STREAM, old, done, err);
    }
    if (s < 0 || *done) {
        stream_close(made);
    }
    return s;
}

/* Makes the stream and everything that others may know of it. *done: somebody else made it. */
static status
open_stream(statement_context *c, const ast_statement *st, object *o, plan *p, arena *plan_arena,
            going *old, bool *done, error *err) {
    laminar_database *db = c->db;
    stream           *made = NULL;
    TRY(keep_inputs(o, st, p, old, err));
    TRY(keep_late(c, o, st, p, old, err));
    TRY(describe_stream(c, o, st, p, err));
    const int32_t  state = atomic_load(&db->state);
    db_pipeline   *in = NULL;
    stream_options options = {.object = o, .running = state == DB_RUNNING || state == DB_PAUSED};
    if (st->pipeline.text.data != NULL) {
        TRY(pipeline_need(&in, db, st->pipeline.text, st->pipeline.position, err));
        options.pipeline = in->impl;
    }
    TRY(stream_open(&made, db->engine, p, plan_arena, &options, err));
    if (stream_is_joining(made)) {
        TRY(fill_stream(c, st, made, old, done, err));
    }
    if (*done) {
        return OK;
    }
    o->impl = made;
    o->impl_free = free_stream;
    status s = keep_late(c, o, st, p, old, err); /* others may have made streams meanwhile */
    s = s < 0 ? s : register_object(db, o, old, err);
    if (s < 0) {
        stream_close(made);
        o->impl = NULL;
        o->impl_free = NULL;
    } else {
        engine_settle_late(db->engine);
    }
    return s;
}

static status
create_stream(statement_context *c, const ast_statement *st, going *old, error *err) {
    laminar_database *db = c->db;
    arena             plan_arena;
    arena_init(&plan_arena, db->mem);
    plan    p;
    object *o = NULL;
    bool    done = false;
    status s = plan_select(&p, &plan_arena, db->catalog, &c->externals, &c->env, st->select, c->sql,
                           true, &st->emit, err);
    if (s == OK) {
        s = catalog_object_new(&o, db->mem, OBJECT_STREAM, st->name.text, err);
    }
    if (s == OK) {
        s = plan_stream_options(o, &c->env, st, err);
    }
    if (s == OK) {
        s = plan_set_ttl(&p, &plan_arena, o->state_ttl_us, st->name.position, err);
    }
    if (s == OK) {
        s = plan_set_retain(&p, o, st->name.position, err);
    }
    if (s == OK) {
        s = open_stream(c, st, o, &p, &plan_arena, old, &done, err);
    }
    catalog_object_release(o);
    arena_fini(&plan_arena);
    return s;
}

static status
create_view(statement_context *c, const ast_statement *st, const going *old, error *err) {
    plan    p;
    schema *columns = NULL;
    object *o = NULL;
    TRY(plan_view(&p, &columns, &c->arena, c->db->catalog, &c->externals, &c->env, st, c->sql,
                  err));
    TRY(catalog_object_new(&o, c->db->mem, OBJECT_VIEW, st->name.text, err));
    status s = keep_inputs(o, st, &p, old, err);
    if (s == OK) {
        s = keep_definition(c, o, st, p.stars, err);
    }
    if (s == OK) {
        o->schema = schema_copy(columns, &o->arena);
        s = o->schema == NULL ? error_memory(err) : register_object(c->db, o, old, err);
    }
    catalog_object_release(o);
    return s;
}

/* The query of a sink: an updating result as its changes. */
static status
plan_sink(statement_context *c, const ast_statement *st, plan *p, arena *plan_arena, error *err) {
    ast_emission emit = st->emit;
    TRY(plan_select(p, plan_arena, c->db->catalog, &c->externals, &c->env, st->select, c->sql, true,
                    &emit, err));
    if (p->constant) {
        return error_set_at(
            err, ERR_QUERY_FAILED, st->select->position,
            "a sink writes what comes, and nothing comes to a query over constants");
    }
    if ((p->root->properties & PLAN_APPEND_ONLY) != 0 || emit.kind == AST_EMIT_CHANGES) {
        return OK;
    }
    if (emit.kind != AST_EMIT_DEFAULT) {
        error_set_at(err, ERR_QUERY_FAILED, emit.position,
                     "a sink of an updating result writes its changes, and takes no other EMIT");
        return error_hint(err,
                          "leave EMIT out, or make a stream of the query and a sink FROM that");
    }
    emit.kind = AST_EMIT_CHANGES;
    arena_reset(plan_arena);
    return plan_select(p, plan_arena, c->db->catalog, &c->externals, &c->env, st->select, c->sql,
                       true, &emit, err);
}

/* The schema of what is written. */
static status
describe_sink(object *o, const plan *p, error *err) {
    const bool weighs = p->emit == EMIT_CHANGES;
    schema    *s = schema_copy(&p->root->schema, &o->arena);
    field     *fields = arena_alloc(&o->arena, sizeof(field) * (size_t)(p->root->schema.count + 1));
    if (s == NULL || fields == NULL) {
        return error_memory(err);
    }
    memcpy(fields, s->fields, sizeof(field) * (size_t)s->count);
    fields[s->count] = (field){.name = TEXT("__weight"), .type = type_of(TYPE_I64)};
    s->fields = fields;
    s->count += weighs;
    o->schema = s;
    return OK;
}

/* Its query must be gone before what that reads. */
static void
free_sink(void *impl) {
    engine *e = sink_engine(impl);
    sink_stop(impl); /* another thread may free it from here on */
    engine_reap(e);
}

/* The token may be given up while the sink's query reads what is there. */
static status
register_sink(statement_context *c, const ast_statement *st, object *o, bool *done, error *err) {
    going old;
    *done = false;
    TRY(db_writable(c->db, err));
    TRY(find_old(c, st, OBJECT_SINK, &old, done, err));
    TRY(*done ? OK : register_object(c->db, o, &old, err));
    return OK;
}

static status
create_sink(statement_context *c, const ast_statement *st, const going *old, error *err) {
    arena   plan_arena;
    plan    p;
    object *o = NULL;
    bool    done = false;
    arena_init(&plan_arena, c->db->mem);
    status s = plan_sink(c, st, &p, &plan_arena, err);
    s = s < 0 ? s : catalog_object_new(&o, c->db->mem, OBJECT_SINK, st->name.text, err);
    s = s < 0 ? s : keep_inputs(o, st, &p, old, err);
    s = s < 0 ? s : keep_definition(c, o, st, p.stars, err);
    s = s < 0 ? s : describe_sink(o, &p, err);
    s = s < 0 ? s : sink_make(c, st, o, &p, &plan_arena, err);
    if (s == OK) {
        sink *made = o->impl;
        o->impl_free = free_sink;
        s = register_sink(c, st, o, &done, err);
        if (s < 0 || done) {
            sink_stop(made);
            o->impl = NULL;
            o->impl_free = NULL;
        }
    }
    catalog_object_release(o);
    arena_fini(&plan_arena);
    return s;
}

static object_kind
made_kind(const ast_statement *st) {
    switch (st->kind) {
    case AST_CREATE_SOURCE:
        return OBJECT_SOURCE;
    case AST_CREATE_TABLE:
        return OBJECT_TABLE;
    case AST_CREATE_VIEW:
        return OBJECT_VIEW;
    case AST_CREATE_FUNCTION:
        return OBJECT_FUNCTION;
    case AST_CREATE_SINK:
        return OBJECT_SINK;
    default:
        return OBJECT_STREAM;
    }
}

static const char *
ddl_name(const ast_statement *st) {
    static const char *const creates[] = {
        [OBJECT_SOURCE] = "CREATE SOURCE",     [OBJECT_TABLE] = "CREATE TABLE",
        [OBJECT_STREAM] = "CREATE STREAM",     [OBJECT_VIEW] = "CREATE VIEW",
        [OBJECT_FUNCTION] = "CREATE FUNCTION", [OBJECT_SINK] = "CREATE SINK"};
    static const char *const drops[] = {
        [AST_OBJECT_SOURCE] = "DROP SOURCE",     [AST_OBJECT_STREAM] = "DROP STREAM",
        [AST_OBJECT_TABLE] = "DROP TABLE",       [AST_OBJECT_VIEW] = "DROP VIEW",
        [AST_OBJECT_FUNCTION] = "DROP FUNCTION", [AST_OBJECT_INDEX] = "DROP INDEX",
        [AST_OBJECT_PIPELINE] = "DROP PIPELINE", [AST_OBJECT_SINK] = "DROP SINK"};
    if (st->kind == AST_CREATE_INDEX || st->kind == AST_CREATE_PIPELINE) {
        return st->kind == AST_CREATE_INDEX ? "CREATE INDEX" : "CREATE PIPELINE";
    }
    return st->kind == AST_DROP ? drops[st->object] : creates[made_kind(st)];
}

static status
run_create(statement_context *c, const ast_statement *st, const result *rows, error *err) {
    const object_kind kind = made_kind(st);
    going             old;
    bool              done;
    TRY(find_old(c, st, kind, &old, &done, err));
    if (done) {
        c->unchanged = true;
        return OK;
    }
    switch (kind) {
    case OBJECT_STREAM:
        return create_stream(c, st, &old, err);
    case OBJECT_VIEW:
        return create_view(c, st, &old, err);
    case OBJECT_SINK:
        return create_sink(c, st, &old, err);
    default:
        return create_source(c, st, kind, &old, rows, err);
    }
}

/* CREATE TABLE ... AS answers its query without the token, once the name is known to be free. */
static status
query_rows(statement_context *c, const ast_statement *st, result **rows, bool *done, error *err) {
    going old;
    TRY(db_enter_to_write(c->db, err));
    status s = db_writable(c->db, err);
    if (s == OK) {
        s = find_old(c, st, OBJECT_TABLE, &old, done, err);
    }
    db_leave(c->db);
    return s < 0 || *done ? s
                          : statement_query(c, statement_text(c, st), st->select, NULL, rows, err);
}

static status
run_with_token(statement_context *c, const ast_statement *st, const result *rows,
               laminar_result **answer, error *err) {
    TRY(db_writable(c->db, err));
    TRY(db_refuse_in_transaction(c->db, ddl_name(st), err));
    TRY(answer_ddl(answer, c->db->mem, ddl_name(st), st->name.text, err));
    if (st->kind == AST_CREATE_INDEX) {
        return index_create(c, st, err);
    }
    if (st->kind == AST_DROP && st->object == AST_OBJECT_INDEX) {
        return index_drop(c, st, err);
    }
    if (st->object == AST_OBJECT_PIPELINE) {
        return st->kind == AST_DROP ? pipeline_drop(c, st, err) : pipeline_create(c, st, err);
    }
    if (st->object == AST_OBJECT_FUNCTION) {
        return st->kind == AST_DROP ? function_drop(c, st, err) : function_create(c, st, err);
    }
    return st->kind == AST_DROP ? drop_statement(c, st, err) : run_create(c, st, rows, err);
}

/* A table that was made of a query is logged as what it is now. */
static status
log_ddl(statement_context *c, const ast_statement *st, bool has_rows, error *err) {
    const object *made = NULL;
    if (has_rows) {
        made = catalog_find(c->db->catalog, st->name.text, st->name.quoted);
    }
    return durable_ran(c->db, c, st, made, err);
}

static status
run_and_log(statement_context *c, const ast_statement *st, const result *rows,
            laminar_result **answer, error *err) {
    c->unchanged = false;
    TRY(durable_reserve(c->db, c, st, err));
    durable_suspend(c->db, rows != NULL);
    const status s = run_with_token(c, st, rows, answer, err);
    durable_suspend(c->db, false);
    return s < 0 || c->unchanged ? s : log_ddl(c, st, rows != NULL, err);
}

/* The answer is made before the work: what was done is never reported as refused for want of
 * memory. */
status
ddl_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    laminar_result *answer = NULL;
    result         *rows = NULL;
    bool            done = false;
    if (st->kind == AST_CREATE_TABLE && st->select != NULL) {
        TRY(query_rows(c, st, &rows, &done, err));
    }
    if (done) {
        return answer_ddl(out, c->db->mem, ddl_name(st), st->name.text, err);
    }
    status s;
    do {
        laminar_result_free(answer);
        answer = NULL;
        s = db_enter_to_write(c->db, err);
        if (s == OK) {
            s = run_and_log(c, st, rows, &answer, err);
            pipelines_note(c->db);
            db_leave(c->db);
        }
        sinks_reap(c->db);
    } while (s < 0 && externals_open_missing(c, &s, err));
    result_release(rows);
    if (s < 0) {
        laminar_result_free(answer);
        return s;
    }
    *out = answer;
    return OK;
}
