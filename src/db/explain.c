/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - EXPLAIN: the plan of a query, or of the query within a statement that changes rows;
 * with ANALYZE the statement is run, and the plan says what it did. */
#include "db/change.h"
#include "db/creating.h"

static status
refuse_emit(error *err) {
    error_set(err, ERR_QUERY_FAILED, "EXPLAIN ANALYZE runs a query once, and EMIT is for streams");
    return error_hint(err, "leave EMIT out, or ANALYZE");
}

/* ---- a statement that changes rows */
static void
print_head(const statement_context *c, const ast_statement *st, buf *out) {
    const char *verb = st->kind == AST_INSERT   ? "Insert into"
                       : st->kind == AST_UPDATE ? "Update"
                       : st->kind == AST_DELETE ? "Delete from"
                       : st->kind == AST_MERGE  ? "Merge into"
                                                : "Create table";
    buf_printf(out, "%s %.*s", verb, TEXT_ARG(st->name.text));
    if (st->kind == AST_INSERT && plan_insert_is_rows(st, c->db->catalog)) {
        buf_printf(out, "  rows: %d", st->select->row_count);
    }
    buf_append_char(out, '\n');
}

/* The lines of a plan, one step to the right. */
static void
print_below(const buf *lines, buf *out) {
    for (size_t at = 0; at < lines->size;) {
        const char  *end = memchr(lines->data + at, '\n', lines->size - at);
        const size_t size = end == NULL ? lines->size - at : (size_t)(end - lines->data) - at;
        buf_append_text(out, TEXT("  "));
        for (size_t i = at; i < at + size; i++) {
            if (lines->data[i] > '\1' || lines->data[i] < 0) { /* names that cannot be written */
                buf_append_char(out, lines->data[i]);
            }
        }
        buf_append_char(out, '\n');
        at += size + 1;
    }
}

/* The query of the statement, NULL: it has none. With the token. */
static status
change_select(statement_context *c, const ast_statement *st, const ast_select **out, error *err) {
    object     *o = NULL;
    ast_select *found = NULL;
    plan_merge  merged;
    *out = NULL;
    if (st->kind == AST_MERGE) {
        TRY(merge_bind(c, st, &merged, &o, err));
        *out = merged.select;
        return OK;
    }
    if (st->kind == AST_INSERT) {
        TRY(statement_target(c, st, &o, err));
        return plan_insert_is_rows(st, c->db->catalog)
                   ? OK
                   : plan_insert_select(out, &c->arena, st, err);
    }
    TRY(change_find(c, st, &o, err));
    int32_t *from = arena_alloc(&c->arena, sizeof(int32_t) * (size_t)(o->schema->count + 1));
    if (from == NULL) {
        return error_memory(err);
    }
    TRY(plan_change_query(&found, from, &c->arena, o, st, err));
    *out = found;
    return OK;
}

static status
plan_change(statement_context *c, const ast_statement *st, buf *below, error *err) {
    const ast_select *select = NULL;
    plan              p;
    TRY(db_enter(c->db, err));
    status s = change_select(c, st, &select, err);
    if (s == OK && select != NULL) {
        s = plan_select(&p, &c->arena, c->db->catalog, &c->externals, &c->env, select, c->sql,
                        false, NULL, err);
        if (s == OK) {
            plan_print(&p, NULL, below);
        }
    }
    db_leave(c->db);
    return s;
}

static void
print_total(const statement_context *c, int64_t rows, int64_t began_ns, buf *out) {
    engine_clock *clock = &c->db->clock.base;
    buf_printf(out, "Total  rows: %lld, time: %.3f ms, threads: at most %d\n", (long long)rows,
               (double)(clock_ticks_ns(clock) - began_ns) / 1e6, db_threads(c->db));
}

/* Runs it. RETURNING's rows are dropped, as those of a query are. */
static status
analyze_change(statement_context *c, const ast_statement *st, buf *out, error *err) {
    const int64_t   began_ns = clock_ticks_ns(&c->db->clock.base);
    laminar_result *answer = NULL;
    buf             below;
    buf_init(&below, c->db->mem, 1 << 20);
    c->explained = &below;
    status s = statement_run(c, st, &answer, err);
    c->explained = NULL;
    if (s == OK) {
        const int64_t rows = answer->rows != NULL ? answer->rows->row_count : answer->rows_affected;
        print_head(c, st, out);
        print_below(&below, out);
        print_total(c, rows, began_ns, out);
        out->failed |= below.failed;
    }
    laminar_result_free(answer);
    buf_fini(&below);
    return s;
}

static status
explain_change(statement_context *c, const ast_statement *st, buf *out, error *err) {
    status s;
    buf    below;
    buf_init(&below, c->db->mem, 1 << 20);
    do {
        s = plan_change(c, st, &below, err);
    } while (s < 0 && externals_open_missing(c, &s, err));
    if (s == OK) {
        print_head(c, st, out);
        print_below(&below, out);
        out->failed |= below.failed;
    }
    buf_fini(&below);
    return s;
}

/* ---- a query */
static status
analyze_query(statement_context *c, const ast_statement *st, buf *out, error *err) {
    const int64_t began_ns = clock_ticks_ns(&c->db->clock.base);
    int64_t       rows = 0;
    TRY(st->emit.kind != AST_EMIT_DEFAULT ? refuse_emit(err) : OK);
    TRY(statement_query_explained(c, st, out, &rows, err));
    print_total(c, rows, began_ns, out);
    return OK;
}

static status
apply_options(statement_context *c, const ast_statement *st, plan *p, error *err) {
    object *o = NULL;
    TRY(catalog_object_new(&o, c->db->mem, OBJECT_STREAM, st->name.text, err));
    const status s = create_apply_options(c, p, &c->arena, o, st, err);
    catalog_object_release(o);
    return s;
}

static status
explain_query(statement_context *c, const ast_statement *st, buf *out, error *err) {
    plan p;
    /* A query with EMIT is explained as the stream that it would be. */
    const bool streaming = st->streams || st->emit.kind != AST_EMIT_DEFAULT;
    TRY(statement_bind(c, &p, &c->arena, st->select, streaming, &st->emit, err));
    status s = st->streams ? apply_options(c, st, &p, err) : OK;
    if (s == OK && streaming) {
        s = engine_explain(c->db->engine, &p, out, err);
    } else if (s == OK) {
        plan_print(&p, NULL, out);
    }
    db_leave(c->db);
    return s;
}

status
answer_lines(statement_context *c, const buf *b, laminar_result **out, error *err) {
    int32_t lines = 1;
    for (size_t i = 0; i < b->size; i++) {
        lines += b->data[i] == '\n';
    }
    text   *cells = arena_alloc(&c->arena, sizeof(text) * (size_t)lines);
    int32_t n = 0;
    for (size_t start = 0; cells != NULL && start < b->size; n++) {
        const char  *end = memchr(b->data + start, '\n', b->size - start);
        const size_t size = end == NULL ? b->size - start : (size_t)(end - b->data) - start;
        cells[n] = (text){b->data + start, size};
        start += size + 1;
    }
    static const char *const names[] = {"plan"};
    return cells == NULL || b->failed
               ? error_memory(err)
               : answer_texts(out, c->db->mem, LAMINAR_RESULT_QUERY, names, 1, cells, n, err);
}

status
explain_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    buf b;
    buf_init(&b, c->db->mem, 1 << 20);
    status s;
    if (st->inner != NULL) {
        s = st->analyze ? analyze_change(c, st->inner, &b, err)
                        : explain_change(c, st->inner, &b, err);
    } else {
        s = st->analyze ? analyze_query(c, st, &b, err) : explain_query(c, st, &b, err);
    }
    if (s == OK) {
        s = answer_lines(c, &b, out, err);
    }
    buf_fini(&b);
    return s;
}
