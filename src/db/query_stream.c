/* SPDX-License-Identifier: Apache-2.0 */
/* query_stream.c - the current rows of a stream, with a condition or of some of its windows. */
#include "db/parameters.h"
#include "db/statement.h"

static status
add_condition(ast_expr **where, arena *a, ast_expr *more, error *err) {
    if (*where == NULL) {
        *where = more;
        return OK;
    }
    ast_expr  *both = arena_alloc_zero(a, sizeof(*both));
    ast_expr **args = arena_alloc(a, 2 * sizeof(*args));
    if (both == NULL || args == NULL) {
        return error_memory(err);
    }
    args[0] = *where;
    args[1] = more;
    *both = (ast_expr){.kind = AST_BINARY,
                       .position = (*where)->position,
                       .op = TEXT("AND"),
                       .args = args,
                       .arg_count = 2};
    *where = both;
    return OK;
}

/* The condition as SQL: columns are named by quotes, values are numbers. */
static status
write_windows(buf *out, const object *o, laminar_windows which, error *err) {
    const stream   *st = o->impl;
    stream_counters c;
    int64_t         closes_us = 0;
    const int32_t   at = plan_final_column(stream_plan(st), &closes_us);
    if (at < 0) {
        error_set(err, ERR_QUERY_FAILED, "no column of \"%.*s\" tells when a row of it is final",
                  TEXT_ARG(o->name));
        return error_hint(err, "window = 'open' and 'final' are for streams whose rows have "
                               "window_start or window_end, of windows that a watermark closes");
    }
    stream_count(st, &c);
    const field  *f = &o->schema->fields[at];
    const int64_t last_us = sat_sub_i64(c.watermark_us, closes_us);
    const char   *word = which == LAMINAR_WINDOWS_FINAL ? "<=" : ">";
    if (c.watermark_us == INT64_MIN) {
        buf_append_text(out, which == LAMINAR_WINDOWS_FINAL ? TEXT("FALSE") : TEXT("TRUE"));
    } else {
        buf_append_text(out, f->type.id == TYPE_I64 ? TEXT("\"") : TEXT("CAST(\""));
        for (size_t i = 0; i < f->name.size; i++) {
            buf_printf(out, f->name.data[i] == '"' ? "\"\"" : "%c", f->name.data[i]);
        }
        if (f->type.id == TYPE_I64) {
            const int64_t unit = type_time_unit_us(f->type); /* ns: none */
            const int64_t last =
                unit > 0 ? floor_div_i64(last_us, unit) : sat_mul_i64(last_us, 1000);
            buf_printf(out, "\" %s (%lld)", word, (long long)last);
        } else {
            const bool zoned = f->type.id == TYPE_TIMESTAMPTZ;
            buf_printf(out, "\" AS %s) %s make_%s((%lld))", zoned ? "TIMESTAMPTZ" : "TIMESTAMP",
                       word, zoned ? "timestamptz" : "timestamp", (long long)last_us);
        }
    }
    return out->failed ? error_memory(err) : OK;
}

/* SELECT * FROM the stream [WHERE filter] as a tree: the filter is one parsed expression, never
 * text in a text. */
static status
stream_select(statement_context *c, const object *o, const char *filter, text windows,
              ast_select **out, error *err) {
    arena      *a = &c->arena;
    ast_select *select = arena_alloc_zero(a, sizeof(*select));
    ast_from   *from = arena_alloc_zero(a, sizeof(*from));
    ast_item   *item = arena_alloc_zero(a, sizeof(*item));
    ast_expr   *star = arena_alloc_zero(a, sizeof(*star));
    if (select == NULL || from == NULL || item == NULL || star == NULL) {
        return error_memory(err);
    }
    star->kind = AST_STAR;
    item->expr = star;
    from->kind = AST_FROM_TABLE;
    from->name = (ast_name){.text = o->name, .quoted = true, .position = -1};
    *select = (ast_select){.item_count = 1, .items = item, .from = from};
    if (filter != NULL) {
        TRY(db_check_text(c->db, c->sql, err));
        TRY(sql_parse_expression(&select->where, a, c->sql, err));
    }
    if (windows.size > 0) {
        ast_expr *of = NULL;
        TRY(sql_parse_expression(&of, a, windows, err));
        TRY(add_condition(&select->where, a, of, err));
    }
    *out = select;
    return OK;
}

static status
query_stream(statement_context *c, const char *name, const char *filter, laminar_windows which,
             laminar_result **out, error *err) {
    laminar_database *db = c->db;
    object           *o = NULL;
    TRY(db_enter(db, err));
    status s = catalog_need(&o, db->catalog, text_of(name), false, ERR_NOT_FOUND_IN_QUERY, "Stream",
                            -1, err);
    if (s == OK && o->kind != OBJECT_STREAM) {
        s = error_set(err, ERR_NOT_FOUND_IN_QUERY, "Stream not found: %s (it is a %s)", name,
                      object_kind_name(o->kind));
    }
    buf windows, listed; /* how the list of queries shows it */
    buf_init(&windows, db->mem, 1 << 12);
    if (s == OK && which != LAMINAR_WINDOWS_ALL) {
        s = write_windows(&windows, o, which, err);
    }
    if (s == OK) {
        catalog_object_retain(o);
    }
    db_leave(db);
    if (s < 0) {
        buf_fini(&windows);
        return s;
    }
    ast_select *select = NULL;
    result     *rows = NULL;
    buf_init(&listed, db->mem, 1 << 16);
    buf_printf(&listed, "SELECT * FROM \"%.*s\"%s%.20000s", TEXT_ARG(o->name),
               filter == NULL ? "" : " WHERE ", filter == NULL ? "" : filter);
    s = stream_select(c, o, filter, buf_text(&windows), &select, err);
    if (s == OK) {
        s = statement_query(c, buf_text(&listed), select, NULL, &rows, err);
    }
    buf_fini(&windows);
    buf_fini(&listed);
    if (s == OK) {
        s = answer_rows(out, db->mem, LAMINAR_RESULT_QUERY, rows, err);
    }
    catalog_object_release(o);
    return s;
}

laminar_status
laminar_database_query_windows(laminar_database *db, const char *stream_name, const char *filter,
                               laminar_windows which, laminar_result **out, laminar_error *err) {
    error             e = {.position = -1};
    statement_context c = {
        .db = db, .sql = text_of(filter), .at_us = INT64_MAX, .env = db_plan_env(db)};
    arena_init(&c.arena, db->mem);
    const status s = query_stream(&c, stream_name, filter, which, out, &e);
    arena_fini(&c.arena);
    return report(err, &e, s, c.sql);
}

laminar_status
laminar_database_query_stream(laminar_database *db, const char *stream_name, const char *filter,
                              laminar_result **out, laminar_error *err) {
    return laminar_database_query_windows(db, stream_name, filter, LAMINAR_WINDOWS_ALL, out, err);
}
