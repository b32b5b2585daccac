/* SPDX-License-Identifier: Apache-2.0 */
/* ddl.c - CREATE and DROP, with the token.
 *
 * A statement that fails leaves everything as it was: all questions come before the first thing is
 * touched, and what replaces an object is complete before the old one goes. */
#include "db/creating.h"
#include "db/durable.h"
#include "db/parameters.h"
#include "db/pipeline.h"
#include "db/sink.h"
#include "db/statement.h"
#include "sql/limits.h"

static void
free_source(void *impl) {
    source_close(impl);
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

status
create_find_old(statement_context *c, const ast_statement *st, object_kind kind, going *old,
                bool *done, error *err) {
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
    return create_keep_definition(c, o, st, NULL, err);
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
    TRY(db_fit_result(&made, c->db, &c->env, o, from, NULL, rows, err));
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
        s = create_register(db, &o, 1, old, err);
    }
    if (s < 0 && o->impl != NULL) {
        source_close(o->impl);
        o->impl = NULL;
        o->impl_free = NULL;
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
    TRY(create_find_old(c, st, OBJECT_SINK, &old, done, err));
    TRY(*done ? OK : create_register(c->db, &o, 1, &old, err));
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
    s = s < 0 ? s : create_keep_inputs(o, st, &p, old, err);
    s = s < 0 ? s : create_keep_definition(c, o, st, p.stars, err);
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
    TRY(create_find_old(c, st, kind, &old, &done, err));
    if (done) {
        c->unchanged = true;
        return OK;
    }
    switch (kind) {
    case OBJECT_STREAM:
    case OBJECT_VIEW:
        return create_query(c, st, kind, &old, err);
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
        s = create_find_old(c, st, OBJECT_TABLE, &old, done, err);
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
