/* SPDX-License-Identifier: Apache-2.0 */
/* summarize.c - SUMMARIZE: a row per column with its smallest and largest value, how many different
 * ones, mean, deviation, quartiles, rows and NULLs. It is one query over the summarized one. */
#include "db/statement.h"

static void
put_call(buf *sql, bool wanted, const char *call, int32_t at, const char *rest, const char *name) {
    if (wanted) {
        buf_printf(sql, ", CAST(%s(c%d%s) AS VARCHAR) AS %s", call, at, rest, name);
    } else {
        buf_printf(sql, ", CAST(NULL AS VARCHAR) AS %s", name);
    }
}

static void
put_column(buf *sql, int32_t i, const field *f) {
    const bool number = type_is_numeric(f->type), ordered = type_is_orderable(f->type);
    buf_append_text(sql, i == 0 ? TEXT("SELECT ") : TEXT(" UNION ALL SELECT "));
    buf_append_quoted(sql, f->name, '\'');
    buf_printf(sql, " AS column_name, '%s' AS column_type", type_name(f->type));
    put_call(sql, ordered, "min", i, "", "min");
    put_call(sql, ordered, "max", i, "", "max");
    buf_printf(sql, ", approx_count_distinct(c%d) AS approx_unique", i);
    put_call(sql, number, "avg", i, "", "avg");
    put_call(sql, number, "stddev_samp", i, "", "std");
    put_call(sql, number, "quantile_cont", i, ", 0.25", "q25");
    put_call(sql, number, "quantile_cont", i, ", 0.5", "q50");
    put_call(sql, number, "quantile_cont", i, ", 0.75", "q75");
    buf_printf(sql,
               ", count(*) AS count, CAST(100.0 * (count(*) - count(c%d)) / count(*) AS "
               "DECIMAL(9,2)) AS null_percentage FROM summarized",
               i);
}

/* WITH summarized(c0, c1, ...) AS (...) SELECT ... UNION ALL ... */
static status
make_query(statement_context *c, const schema *columns, ast_select *of, ast_select **out,
           error *err) {
    buf sql;
    buf_init(&sql, c->db->mem, 16 << 20);
    buf_append_text(&sql, TEXT("WITH summarized("));
    for (int32_t i = 0; i < columns->count; i++) {
        buf_printf(&sql, "%sc%d", i > 0 ? ", " : "", i);
    }
    buf_append_text(&sql, TEXT(") AS (SELECT 1) "));
    for (int32_t i = 0; i < columns->count; i++) {
        put_column(&sql, i, &columns->fields[i]);
    }
    const text made = sql.failed ? (text){NULL, 0} : arena_text(&c->arena, buf_text(&sql));
    buf_fini(&sql);
    ast_script script;
    if (made.data == NULL) {
        return error_memory(err);
    }
    TRY(sql_parse(&script, &c->arena, made, err));
    *out = script.statements[0]->select;
    (*out)->withs[0].query = of;
    return OK;
}

status
summarize_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    plan        p;
    ast_select *of = st->select, *made = NULL;
    result     *rows = NULL;
    if (of == NULL) {
        ast_script script;
        TRY(sql_parse(&script, &c->arena, TEXT("SELECT * FROM x"), err));
        of = script.statements[0]->select;
        of->from->name = st->name;
    }
    TRY(statement_bind(c, &p, &c->arena, of, false, NULL, err));
    db_leave(c->db);
    TRY(make_query(c, &p.root->schema, of, &made, err));
    TRY(statement_query(c, statement_text(c, st), made, NULL, &rows, err));
    return answer_rows(out, c->db->mem, LAMINAR_RESULT_QUERY, rows, err);
}
