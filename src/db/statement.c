/* SPDX-License-Identifier: Apache-2.0 */
/* statement.c - SQL text to results. Statements of a script run in order; the first that fails ends
 * it, what ran before it stays. */
#include "db/statement.h"

#include "db/change.h"
#include "db/checkpoint.h"
#include "db/parameters.h"
#include "db/pipeline.h"
#include "db/restore.h"
#include "db/transaction.h"
#include "sql/limits.h"

/* ---------------------------------------------------------------------------------- queries */
static void
retain_objects(const plan *p) {
    for (int32_t i = 0; i < p->object_count; i++) {
        catalog_object_retain(p->objects[i]);
    }
}

static void
release_objects(object **objects, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        catalog_object_release(objects[i]);
    }
}

text
statement_text(const statement_context *c, const ast_statement *st) {
    return (text){c->sql.data + st->position, (size_t)(st->end - st->position)};
}

status
statement_bind(statement_context *c, plan *p, arena *a, const ast_select *select, bool streaming,
               const ast_emission *emit, error *err) {
    status s;
    do {
        TRY(db_enter(c->db, err));
        s = plan_select(p, a, c->db->catalog, &c->externals, &c->env, select, c->sql, streaming,
                        emit, err);
        if (s == OK) {
            return OK;
        }
        db_leave(c->db);
    } while (externals_open_missing(c, &s, err));
    return s;
}

/* Who is told of the end may not want the answer. */
static status
report_end(query_entry *listed, result **out, error *err) {
    const status s = db_query_report_end(listed, err);
    if (s < 0) {
        result_release(*out);
        *out = NULL;
    }
    return s;
}

/* What is done with a query beside running it. */
typedef struct query_use {
    buf             *explained; /* gets the plan with what it did; NULL: nothing does */
    const row_taker *to;        /* gets the rows as they come, if it can; NULL: nobody */
} query_use;

static status
give_rows(const result *rows, const row_taker *to, error *err) {
    TRY(to->begin(to->context, &rows->schema, err));
    for (int32_t i = 0; i < rows->batch_count; i++) {
        TRY(to->take(to->context, &rows->batches[i]->rows, err));
    }
    return OK;
}

static status
run_query(statement_context *c, text listed_as, const ast_select *select, const ast_emission *emit,
          query_use use, result **out, error *err) {
    laminar_database *db = c->db;
    arena             plan_arena;
    arena_init(&plan_arena, db->mem);
    plan          p;
    query        *q = NULL;
    query_entry  *listed = NULL;
    plan_profile *profile = NULL;
    bool          entered = false, inside = false;
    status        s = db_query_begin(db, listed_as, NULL, &listed, err);
    use.explained = use.explained == NULL ? c->explained : use.explained;
    if (s == OK) {
        s = statement_bind(c, &p, &plan_arena, select, false, emit, err);
        entered = s == OK;
    }
    if (s == OK && use.explained != NULL) {
        profile = arena_alloc_zero(&c->arena, sizeof(*profile) * (size_t)p.node_count);
        s = profile == NULL ? error_memory(err) : OK;
    }
    if (s == OK) {
        s = query_prepare(&q, db->engine, &p, &plan_arena, db_in_foreign_transaction(db), c->at_us,
                          profile, &listed->guard, err);
    }
    if (s == OK) {
        retain_objects(&p);
        inside = query_needs_token(q);
        if (inside) {
            db_query_inside(db, listed);
        } else {
            db_leave(db);
            db_query_watch(db, listed);
        }
        query_use_threads(q, db_threads(db));
        query_count(q, &listed->rows);
        if (use.to != NULL && !inside) {
            query_give(q, use.to);
        }
        s = query_run(q, out, err);
        if (!inside) {
            db_enter_again(db); /* objects are looked at and released with it */
        }
        if (s == OK && use.explained != NULL) {
            plan_print(&p, profile, use.explained);
        }
        release_objects(p.objects, p.object_count);
        query_close(q);
    }
    if (entered) {
        db_leave(db);
    }
    if (s == OK && use.to != NULL && inside) {
        s = give_rows(*out, use.to, err);
    }
    const int64_t batch_rows = db_setting(db, SETTING_BATCH_SIZE); /* the smallest integer: none */
    if (s == OK && use.to == NULL && batch_rows > 0) {
        s = result_cut(out, batch_rows, err);
    }
    if (s == OK) {
        s = report_end(listed, out, err);
    }
    db_query_end(db, listed);
    arena_fini(&plan_arena);
    return s;
}

status
statement_query(statement_context *c, text listed_as, const ast_select *select,
                const ast_emission *emit, result **out, error *err) {
    return run_query(c, listed_as, select, emit, (query_use){.to = NULL}, out, err);
}

status
statement_query_into(statement_context *c, text listed_as, const ast_select *select,
                     const row_taker *to, error *err) {
    result      *none = NULL;
    const status s = run_query(c, listed_as, select, NULL, (query_use){.to = to}, &none, err);
    result_release(none);
    return s;
}

status
statement_query_explained(statement_context *c, const ast_statement *st, buf *out, int64_t *rows,
                          error *err) {
    result *made = NULL;
    TRY(run_query(c, c->sql, st->select, &st->emit, (query_use){.explained = out}, &made, err));
    *rows = made->row_count;
    result_release(made);
    return OK;
}

status
statement_target(statement_context *c, const ast_statement *st, object **out, error *err) {
    TRY(catalog_need(out, c->db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     "Table", st->name.position, err));
    if ((*out)->kind == OBJECT_SOURCE && st->conflict.action != AST_CONFLICT_DEFAULT) {
        error_set_at(err, ERR_QUERY_FAILED, st->conflict.position,
                     "\"%.*s\" is a source, which has no key, so no row can be in conflict",
                     TEXT_ARG((*out)->name));
        return error_hint(err, "CREATE TABLE has keys");
    }
    if ((*out)->kind != OBJECT_SOURCE && (*out)->kind != OBJECT_TABLE) {
        return error_set_at(err, ERR_QUERY_FAILED, st->name.position,
                            "\"%.*s\" is a %s: insert into the sources that it reads",
                            TEXT_ARG((*out)->name), object_kind_name((*out)->kind));
    }
    return OK;
}

typedef struct insertion {
    batch  *rows;
    int64_t came;
} insertion;

static status
insert_batch(statement_context *c, const ast_statement *st, object *o, void *context, error *err) {
    insertion *in = context;
    if (in->rows == NULL) { /* INSERT ... SELECT of nothing */
        return OK;
    }
    in->came = in->rows->rows.row_count;
    return o->kind == OBJECT_TABLE ? change_insert(c, st, o, in->rows, &in->came, err)
                                   : db_append_batch(c->db, o, in->rows, err);
}

/* INSERT BY NAME: the statement with the names of the rows' columns as its column list. */
static status
target_names(statement_context *c, ast_statement *out, const ast_statement *st,
             const schema *columns, error *err) {
    *out = *st;
    out->target_count = columns->count;
    out->targets = arena_alloc_zero(&c->arena, sizeof(ast_name) * (size_t)(columns->count + 1));
    if (out->targets == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < columns->count; i++) {
        out->targets[i] =
            (ast_name){.text = columns->fields[i].name, .position = st->select->position};
    }
    return OK;
}

/* rows NULL: of the statement's VALUES. */
static status
insert_rows(statement_context *c, const ast_statement *st, const result *rows,
            laminar_result **answer, error *err) {
    laminar_database *db = c->db;
    object           *o = NULL;
    batch            *made = NULL;
    ast_statement     named;
    TRY(statement_target(c, st, &o, err));
    if (rows == NULL) {
        TRY(plan_insert_values(&made, db->mem, &c->arena, &c->env, o, st, err));
    } else {
        int32_t *from = arena_alloc(&c->arena, sizeof(int32_t) * (size_t)(o->schema->count + 1));
        if (from == NULL) {
            return error_memory(err);
        }
        if (st->by_name) {
            TRY(target_names(c, &named, st, &rows->schema, err));
            st = &named;
        }
        const bool marked = plan_insert_says_default(st);
        TRY(plan_insert_targets(from, &c->arena, o, st, rows->schema.count - marked, err));
        const ast_select *values = marked ? st->select : NULL;
        TRY(db_fit_result(&made, db, &c->env, o, from, values, rows, err));
    }
    status    s = answer_count(answer, db->mem, 0, err);
    insertion in = {.rows = made};
    if (s == OK && (made != NULL || st->returning_count > 0)) {
        queue_drain(db, false); /* first come, first served */
        s = change_with_returning(c, st, o, insert_batch, &in, answer, err);
        if (s == OK && st->returning_count == 0) {
            (*answer)->rows_affected = in.came;
        }
        s = db_settle(db, s, err);
    }
    batch_release(made);
    return s;
}

static status
enter_and_insert(statement_context *c, const ast_statement *st, const result *rows,
                 laminar_result **answer, error *err) {
    laminar_result_free(*answer);
    *answer = NULL;
    TRY(db_enter_to_write(c->db, err));
    const status s = insert_rows(c, st, rows, answer, err);
    db_leave(c->db);
    return s;
}

/* A query is answered first, from the rows before the insert, so a table may be inserted into
 * itself. */
status
statement_insert(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    laminar_result *answer = NULL;
    result         *rows = NULL;
    if (!plan_insert_is_rows(st, c->db->catalog)) {
        const ast_select *asked = NULL;
        TRY(plan_insert_select(&asked, &c->arena, st, err));
        TRY(statement_query(c, statement_text(c, st), asked, NULL, &rows, err));
    }
    status s = statement_wait_for_room(c, st, err);
    if (s == OK) {
        do {
            s = enter_and_insert(c, st, rows, &answer, err);
        } while (s < 0 && externals_open_missing(c, &s, err));
    }
    result_release(rows);
    if (s < 0) {
        laminar_result_free(answer);
        return s;
    }
    *out = answer;
    return OK;
}

/* Of a past instant there is an answer, and nothing else. */
static status
check_past(const ast_statement *st, error *err) {
    if (st->kind == AST_SELECT && st->emit.kind == AST_EMIT_DEFAULT) {
        return OK;
    }
    error_set_at(err, ERR_QUERY_FAILED, st->position,
                 "only a query has an answer as of an instant");
    return error_hint(err, "write SELECT, without EMIT; execute() runs everything else, now");
}

/* What it makes is made again from its text when the database is opened. */
static bool
is_kept(const ast_statement *st) {
    switch (st->kind) {
    case AST_CREATE_TABLE:
        return st->select == NULL;
    case AST_CREATE_SOURCE:
    case AST_CREATE_STREAM:
    case AST_CREATE_VIEW:
    case AST_CREATE_FUNCTION:
    case AST_CREATE_SINK:
    case AST_ALTER:
        return true;
    default:
        return false;
    }
}

status
statement_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    c->env = db_plan_env(c->db);
    if (is_kept(st)) {
        c->env.variables = NULL;
        c->env.setting = NULL;
    }
    c->now_us = c->at_us == INT64_MAX ? EVAL_NOW : c->asked_us;
    c->env.statement_us = &c->now_us;
    TRY(c->at_us == INT64_MAX ? OK : check_past(st, err));
    TRY(pivots_fill(c, st, err));
    switch (st->kind) {
    case AST_SELECT: {
        result *rows = NULL;
        if (c->to != NULL && st->emit.kind == AST_EMIT_DEFAULT) {
            TRY(statement_query_into(c, statement_text(c, st), st->select, c->to, err));
            return answer_count(out, c->db->mem, 0, err);
        }
        TRY(statement_query(c, statement_text(c, st), st->select, &st->emit, &rows, err));
        return answer_rows(out, c->db->mem, LAMINAR_RESULT_QUERY, rows, err);
    }
    case AST_EXPLAIN:
        return explain_run(c, st, out, err);
    case AST_PREPARE:
    case AST_EXECUTE:
    case AST_DEALLOCATE:
        return prepare_run(c, st, out, err);
    case AST_INSERT:
        return statement_insert(c, st, out, err);
    case AST_UPDATE:
    case AST_DELETE:
    case AST_TRUNCATE:
    case AST_MERGE:
        return change_run(c, st, out, err);
    case AST_BEGIN:
    case AST_COMMIT:
    case AST_ROLLBACK:
        return transaction_run(c, st, out, err);
    case AST_PIPELINE:
        return pipeline_run(c, st, out, err);
    case AST_FLUSH:
        TRY(db_flush(c->db, err));
        return answer_ddl(out, c->db->mem, "FLUSH", TEXT(""), err);
    case AST_CHECKPOINT:
        return checkpoint_run(c, out, err);
    case AST_RESTORE:
        return restore_run(c, st, out, err);
    case AST_COPY:
        return copy_run(c, st, out, err);
    case AST_SUMMARIZE:
        return summarize_run(c, st, out, err);
    case AST_ALTER:
        return alter_run(c, st, out, err);
    case AST_SHOW:
        return show_run(c, st, out, err);
    case AST_DESCRIBE:
        return describe_run(c, st, out, err);
    case AST_SET:
    case AST_RESET:
        return st->variable ? variable_run(c, st, out, err) : settings_run(c, st, out, err);
    default:
        return ddl_run(c, st, out, err);
    }
}

typedef struct given { /* parameters as the caller gave them */
    const laminar_value *values;
    const char *const   *names;
    int32_t              count;
} given;

static status
give_parameters(statement_context *c, const given *g, const ast_script *script, error *err) {
    parameters p;
    TRY(parameters_read(&p, &c->arena, g->values, g->names, g->count, err));
    return parameters_bind(&p, script, c->db->mem, err);
}

status
db_check_text(const laminar_database *db, text sql, error *err) {
    const int64_t most = db_setting(db, SETTING_MAX_SQL_SIZE);
    if ((int64_t)sql.size <= most || db->replaying) {
        return OK;
    }
    error_set(err, ERR_SQL_PARSE_ERROR, "SQL text has %zu bytes, and max_sql_size is %lld",
              sql.size, (long long)most);
    return error_hint(err,
                      "give values as parameters and rows by insert, which have no such limit; "
                      "or open the database with max_sql_size = %d or less",
                      SQL_TEXT_BYTES_MAX);
}

status
db_parse(ast_script *out, const laminar_database *db, arena *a, text sql, error *err) {
    sql_limits limits;
    TRY(db_check_text(db, sql, err));
    db_limits(db, &limits);
    return sql_parse_within(out, a, sql, &limits, err);
}

/* Said before anything runs: who asks for rows is not to change something in passing. */
status
statement_check_rows(const ast_statement *st, error *err) {
    switch (st->kind) {
    case AST_SELECT:
    case AST_EXPLAIN:
    case AST_SHOW:
    case AST_DESCRIBE:
    case AST_SUMMARIZE:
    case AST_EXECUTE: /* it looks at what was prepared */
        return OK;
    default:
        if (st->returning_count > 0) {
            return OK;
        }
        return error_set_at(err, ERR_QUERY_FAILED, st->position,
                            "Expected query result; use execute() for statements without rows");
    }
}

/* given NULL: no parameters. */
static status
execute(laminar_database *db, text sql, const given *g, const laminar_resolver *resolver,
        int64_t at_us, bool rows_only, const row_taker *to, laminar_result **out, error *err) {
    /* What shows milliseconds has cut off what is behind them. */
    const int64_t     rest_us = at_us % 1000 == 0 ? 999 : 0;
    statement_context c = {.db = db,
                           .sql = sql,
                           .at_us = sat_add_i64(at_us, rest_us),
                           .asked_us = at_us,
                           .resolver = resolver};
    TRY(db_enter(db, err)); /* a closed database says so before a syntax error does */
    db_leave(db);
    arena_init(&c.arena, db->mem);
    ast_script      script;
    laminar_result *last = NULL;
    status          s = db_parse(&script, db, &c.arena, sql, err);
    c.rows_only = rows_only;
    if (s == OK && rows_only && script.count > 0) { /* none is told as for any text */
        s = statement_check_rows(script.statements[script.count - 1], err);
    }
    if (s == OK && g != NULL) {
        s = give_parameters(&c, g, &script, err);
    }
    for (int32_t i = 0; s == OK && i < script.count; i++) {
        laminar_result_free(last);
        last = NULL;
        c.to = i == script.count - 1 ? to : NULL;
        s = statement_run(&c, script.statements[i], &last, err);
        externals_close(&c);
    }
    if (s == OK && last == NULL) {
        s = error_set(err, ERR_SQL_PARSE_ERROR, "there is no statement in the text");
    }
    arena_fini(&c.arena);
    if (s < 0 || out == NULL) {
        laminar_result_free(last);
    } else {
        *out = last;
    }
    return s;
}

status
statement_execute(laminar_database *db, text sql, const row_taker *to, laminar_result **out,
                  error *err) {
    return execute(db, sql, NULL, NULL, INT64_MAX, false, to, out, err);
}

laminar_status
laminar_database_execute_text(laminar_database *db, const char *sql, size_t sql_size,
                              laminar_result **out, laminar_error *err) {
    error      e = {.position = -1};
    const text t = {sql, sql_size};
    return report(err, &e, execute(db, t, NULL, NULL, INT64_MAX, false, NULL, out, &e), t);
}

laminar_status
laminar_database_execute_params(laminar_database *db, const char *sql, size_t sql_size,
                                const laminar_value *values, const char *const *names,
                                int32_t count, laminar_result **out, laminar_error *err) {
    error       e = {.position = -1};
    const text  t = {sql, sql_size};
    const given g = {.values = values, .names = names, .count = count};
    return report(err, &e, execute(db, t, &g, NULL, INT64_MAX, false, NULL, out, &e), t);
}

laminar_status
laminar_database_execute_with(laminar_database *db, const char *sql, size_t sql_size,
                              const laminar_value *values, const char *const *names, int32_t count,
                              const laminar_resolver *resolver, laminar_result **out,
                              laminar_error *err) {
    error       e = {.position = -1};
    const text  t = {sql, sql_size};
    const given g = {.values = values, .names = names, .count = count};
    const bool  any = values != NULL || count > 0;
    return report(err, &e,
                  execute(db, t, any ? &g : NULL, resolver, INT64_MAX, false, NULL, out, &e), t);
}

laminar_status
laminar_database_query_at(laminar_database *db, const char *sql, size_t sql_size,
                          const laminar_value *values, const char *const *names, int32_t count,
                          const laminar_resolver *resolver, int64_t at_us, laminar_result **out,
                          laminar_error *err) {
    error       e = {.position = -1};
    const text  t = {sql, sql_size};
    const given g = {.values = values, .names = names, .count = count};
    const bool  any = values != NULL || count > 0;
    const bool  now = at_us == INT64_MAX;
    return report(err, &e, execute(db, t, any ? &g : NULL, resolver, at_us, now, NULL, out, &e), t);
}

laminar_status
laminar_database_execute(laminar_database *db, const char *sql, laminar_result **out,
                         laminar_error *err) {
    return laminar_database_execute_text(db, sql, strlen(sql), out, err);
}
