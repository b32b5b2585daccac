/* SPDX-License-Identifier: Apache-2.0 */
/* bind_relation.c - what FROM reads beside the catalogue: table functions, files, objects of the
 * caller.
 *
 * Files and objects are opened by whoever called the binder, between two bindings (plan.h,
 * externals). They are read once, so a stream, which keeps on reading, cannot have them. */
#include "plan/bind.h"

#include "plan/node.h"
#include "plan/unnest.h"
#include "sql/parser.h"

void
externals_begin(externals *x) {
    if (x == NULL) {
        return;
    }
    x->missing = NULL;
    for (int32_t i = 0; i < x->count; i++) {
        x->items[i].used = false;
    }
}

/* One that no other place of the query has; NULL: it must be opened first. */
static external *
take_external(binder *b, text key, bool is_name) {
    externals *x = b->externals;
    for (int32_t i = 0; i < x->count; i++) {
        external *e = &x->items[i];
        if (!e->used && e->is_name == is_name && text_equal(e->key, key)) {
            e->used = e->relation != NULL;
            return e;
        }
    }
    return NULL;
}

status
relation_node(plan_node **out, scope *s, binder *b, relation *r, text table) {
    const int32_t count = r->schema.count;
    plan_node    *n = node_new(b->arena, PLAN_RELATION, 0, count);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->relation = r;
    TRY(new_identity(&n->column_map, b, count));
    for (int32_t i = 0; i < count; i++) {
        n->schema.fields[i] = r->schema.fields[i];
    }
    *out = n;
    return scope_of_node(s, b, n, table);
}

/* ---- files */

static const char *const FILE_FUNCTIONS[] = {
    "read_csv",         "read_csv_auto", "read_json",    "read_json_auto", "read_ndjson",
    "read_ndjson_auto", "read_parquet",  "parquet_scan", "read_arrow",     "read_feather"};

static bool
is_file_function(text name) {
    for (int32_t i = 0; i < ARRAY_COUNT(FILE_FUNCTIONS); i++) {
        if (text_equal_nocase(name, text_of(FILE_FUNCTIONS[i]))) {
            return true;
        }
    }
    return false;
}

static status
unknown_function(binder *b, const ast_expr *call) {
    static const char *const others[] = {"generate_series", "range", "unnest", "json_each",
                                         "json_tree"};
    const catalog           *own = b->catalog == NULL ? NULL : catalog_functions(b->catalog);
    const int32_t            made = own == NULL ? 0 : catalog_count(own);
    const size_t most = (size_t)made + ARRAY_COUNT(FILE_FUNCTIONS) + ARRAY_COUNT(others);
    text        *names = arena_alloc(b->arena, most * sizeof(*names));
    int32_t      count = 0;
    if (names == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(FILE_FUNCTIONS); i++) {
        names[count++] = text_of(FILE_FUNCTIONS[i]);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(others); i++) {
        names[count++] = text_of(others[i]);
    }
    for (int32_t i = 0; i < made; i++) {
        const object *f = catalog_at(own, i);
        if (f->gives_rows) {
            names[count++] = f->name;
        }
    }
    error_set_at(b->err, ERR_QUERY_FAILED, call->position, "unknown table function \"%.*s\"",
                 TEXT_ARG(call->name.text));
    hint_nearest(b, call->name.text, names, count, "table functions");
    return ERR_QUERY_FAILED;
}

static status
refuse_in_stream(binder *b, const ast_from *from, const char *what) {
    error_set_at(b->err, ERR_QUERY_FAILED, from->position,
                 "a stream keeps on reading, and %s is read once", what);
    return error_hint(b->err, "put its rows into a source first: CREATE TABLE t AS SELECT * FROM "
                              "..., or COPY source FROM 'file'");
}

/* 'dir/trades.csv' is called trades, as DuckDB does. */
static text
file_table_name(const ast_expr *call) {
    text path = TEXT("");
    if (call->kind == AST_STRING) {
        path = call->text;
    } else if (call->arg_count > 0 && call->args[0]->kind == AST_STRING) {
        path = call->args[0]->text;
    }
    for (size_t i = path.size; i > 0; i--) {
        if (path.data[i - 1] == '/') {
            path = (text){path.data + i, path.size - i};
            break;
        }
    }
    const char *point = path.size == 0 ? NULL : memchr(path.data, '.', path.size);
    return point == NULL || point == path.data ? path
                                               : (text){path.data, (size_t)(point - path.data)};
}

static status
call_key(text *out, binder *b, const ast_expr *call) {
    buf made;
    buf_init(&made, b->arena->mem, 1 << 20);
    sql_print_expr(call, &made);
    *out = made.failed ? (text){NULL, 0} : arena_text(b->arena, buf_text(&made));
    buf_fini(&made);
    return out->data == NULL ? out_of_memory(b) : OK;
}

static status
bind_file(plan_node **out, scope *s, binder *b, const ast_from *from) {
    if (b->streaming) {
        return refuse_in_stream(b, from, "a file");
    }
    if (b->externals == NULL) {
        return error_set_at(b->err, ERR_QUERY_FAILED, from->position, "a file cannot be read here");
    }
    text key;
    TRY(call_key(&key, b, from->call));
    external *e = take_external(b, key, false);
    if (e == NULL) {
        b->externals->missing = from;
        b->externals->missing_key = key;
        b->externals->missing_in_view = b->view_depth > 0;
        return error_set_at(b->err, ERR_QUERY_FAILED, from->position, "the file is not open");
    }
    const text name =
        from->alias.text.data != NULL ? from->alias.text : file_table_name(from->call);
    return relation_node(out, s, b, e->relation, name);
}

status
bind_function(plan_node **out, scope *s, binder *b, const ast_from *from) {
    if (from->ordinality && !is_series_call(from) && !is_unnest_call(from)) {
        return error_set_at(
            b->err, ERR_QUERY_FAILED, from->position,
            "WITH ORDINALITY numbers the rows of unnest(), generate_series() and range()");
    }
    if (from->call->kind == AST_STRING || is_file_function(from->call->name.text)) {
        return bind_file(out, s, b, from);
    }
    if (is_series_call(from)) {
        return bind_series(out, s, b, from);
    }
    if (is_unnest_call(from)) {
        return bind_unnest(out, s, b, from);
    }
    bool done;
    TRY(bind_routine_rows(out, s, b, from, &done));
    if (done) {
        return OK;
    }
    TRY(bind_table_macro(out, s, b, from, &done));
    return done ? OK : unknown_function(b, from->call);
}

/* laminar.name: what the database knows of itself, which is opened as a file is. */
status
bind_system(plan_node **out, scope *s, binder *b, const ast_from *from) {
    if (b->streaming) {
        return refuse_in_stream(b, from, "a system table");
    }
    if (from->as_of != NULL) {
        return error_set_at(b->err, ERR_QUERY_FAILED, from->as_of->position,
                            "a system table tells what is now");
    }
    if (b->externals == NULL) {
        return error_set_at(b->err, ERR_QUERY_FAILED, from->position,
                            "a system table cannot be read here");
    }
    buf key;
    buf_init(&key, b->arena->mem, 1 << 10);
    buf_printf(&key, "%.*s.%.*s", TEXT_ARG(from->schema), TEXT_ARG(from->name.text));
    const text made = key.failed ? (text){NULL, 0} : arena_text(b->arena, buf_text(&key));
    buf_fini(&key);
    if (made.data == NULL) {
        return out_of_memory(b);
    }
    external *e = take_external(b, made, false);
    if (e == NULL) {
        b->externals->missing = from;
        b->externals->missing_key = made;
        b->externals->missing_in_view = b->view_depth > 0;
        return error_set_at(b->err, ERR_QUERY_FAILED, from->position, "the table is not open");
    }
    return relation_node(out, s, b, e->relation,
                         from->alias.text.data != NULL ? from->alias.text : from->name.text);
}

/* ---- objects of the caller */

status
bind_named_relation(plan_node **out, scope *s, binder *b, const ast_from *from, bool *done) {
    *done = false;
    if (b->externals == NULL || b->view_depth > 0) { /* a view means the same to every caller */
        return OK;
    }
    const text name = from->name.text;
    external  *e = take_external(b, name, true);
    if (e == NULL) {
        b->externals->missing = from;
        b->externals->missing_key = name;
        b->externals->missing_in_view = false;
        return OK;
    }
    if (e->relation == NULL) {
        return OK;
    }
    if (b->streaming) {
        return refuse_in_stream(b, from, "an object of the program");
    }
    if (b->externals->for_view) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->position,
                     "a view is text, and \"%.*s\" is an object of the program", TEXT_ARG(name));
        return error_hint(b->err,
                          "put its rows into a table first: CREATE TABLE t AS SELECT * "
                          "FROM %.*s",
                          TEXT_ARG(name));
    }
    *done = true;
    return relation_node(out, s, b, e->relation,
                         from->alias.text.data != NULL ? from->alias.text : name);
}

void
hint_named_relation(binder *b, const ast_from *from) {
    for (int32_t i = 0; b->externals != NULL && i < b->externals->count; i++) {
        const external *e = &b->externals->items[i];
        if (e->is_name && e->nearest.data != NULL && text_equal(e->key, from->name.text) &&
            b->err != NULL && strncmp(b->err->hint, "did you mean", 12) != 0) {
            (void)error_hint(b->err, "%.*s", TEXT_ARG(e->nearest));
        }
    }
}

status
plan_fields(schema *out, arena *a, text list, error *err) {
    buf        sql;
    ast_script script;
    buf_init(&sql, a->mem, 1 << 20);
    buf_printf(&sql, "CREATE SOURCE columns (%.*s)", TEXT_ARG(list));
    const text made = sql.failed ? (text){NULL, 0} : arena_text(a, buf_text(&sql));
    buf_fini(&sql);
    if (made.data == NULL) {
        return error_memory(err);
    }
    status s = sql_parse(&script, a, made, err);
    if (s == OK && script.count != 1) {
        s = error_set(err, ERR_QUERY_FAILED, "columns are listed as 'a BIGINT, b VARCHAR'");
    }
    if (s == OK) {
        const ast_statement *st = script.statements[0];
        *out = (schema){.count = st->column_count};
        out->fields = arena_alloc(a, sizeof(field) * (size_t)(st->column_count + 1));
        s = out->fields == NULL ? error_memory(err) : OK;
        for (int32_t i = 0; s == OK && i < st->column_count; i++) {
            field *f = &out->fields[i];
            *f = (field){.name = st->columns[i].name.text, .nullable = true};
            s = bind_type(&f->type, &st->columns[i].type, ERR_QUERY_FAILED, err);
        }
    }
    if (s < 0 && err != NULL) {
        err->position = -1; /* of a text that nobody wrote */
    }
    return s;
}
