/* SPDX-License-Identifier: Apache-2.0 */
/* bind_from_window.c - windows in FROM: TUMBLE(t, ts, size) gives the rows of t with window_start,
 * window_end and, when asked for by name, window_time.
 *
 * A session has no bounds before its rows are together. SESSION in FROM is the SESSION of GROUP BY
 * where the query groups by its bounds: its partition must be what else the query groups by.
 * Elsewhere its rows join their sessions (bind_session.c). */
#include "plan/bind.h"

#include "plan/node.h"

#define US_PER_MS 1000

bool
is_session_from(const ast_from *from) {
    return from != NULL && from->kind == AST_FROM_WINDOW &&
           text_equal_nocase(from->window->name.text, TEXT("session"));
}

/* FROM below the window, under the name that the whole has. */
static status
bind_windowed(plan_node **out, scope *s, binder *b, const ast_from *from, int32_t depth) {
    TRY(bind_from(out, s, b, from->left, depth + 1));
    for (int32_t i = 0; i < s->count && from->alias.text.data != NULL; i++) {
        s->columns[i].table = from->alias.text;
    }
    return OK;
}

/* start, end, time: what a SELECT above may name. */
static status
bound_columns(expr **out, binder *b, const window_spec *w, int32_t position) {
    const data_type t = w->time->type;
    for (int32_t i = 0; i < 3; i++) {
        const bool own = i > 0 && w->end_column >= 0;
        out[i] = make_column(b, own ? w->end_column : w->column, t, position);
        TRY(out[i] == NULL ? out_of_memory(b) : OK);
        const int64_t us = (i > 0 && !own ? w->size_us : 0) - (i == 2 ? US_PER_MS : 0);
        TRY(us == 0 ? OK : window_shifted(&out[i], b, out[i], us, position));
    }
    return OK;
}

/* The columns of `rows`, which has `width` that were there before the window, then its bounds. */
static status
add_bounds(plan_node **out, scope *s, binder *b, plan_node *rows, const window_spec *w,
           int32_t position) {
    static const text names[] = {{"window_start", 12}, {"window_end", 10}, {"window_time", 11}};
    const int32_t     width = s->count;
    const text        table = width > 0 ? s->columns[0].table : TEXT("");
    expr            **exprs;
    TRY(make_args(&exprs, b, width + 3));
    for (int32_t i = 0; i < width; i++) {
        exprs[i] = make_column(b, i, rows->schema.fields[i].type, position);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
    }
    TRY(bound_columns(exprs + width, b, w, position));
    plan_node *n = node_project(b->arena, rows, exprs, width + 3);
    scope      all;
    if (n == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < 3; i++) {
        n->schema.fields[width + i].name = names[i];
    }
    TRY(scope_of_node(&all, b, n, table));
    memcpy(all.columns, s->columns, (size_t)width * sizeof(*s->columns));
    memcpy(all.star, s->star, (size_t)s->star_count * sizeof(*s->star));
    all.star_count = s->star_count;
    all.star[all.star_count++] = width;
    all.star[all.star_count++] = width + 1;
    *s = all;
    *out = n;
    return OK;
}

status
bind_from_window(plan_node **out, scope *s, binder *b, const ast_from *from, int32_t depth) {
    const int32_t position = from->window->position;
    plan_node    *rows;
    window_spec   w;
    TRY(bind_windowed(&rows, s, b, from, depth));
    context  c = {.binder = b, .scope = s, .clause = "a window"};
    int32_t *partition =
        arena_alloc(b->arena, sizeof(int32_t) * (size_t)(from->partition_count + 1));
    TRY(partition == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < from->partition_count; i++) { /* others have their windows anyway */
        ast_expr name = {.kind = AST_COLUMN,
                         .position = from->partition_names[i].position,
                         .name = from->partition_names[i]};
        TRY(scope_find(&partition[i], b, s, &name.qualifier, &name.name));
        TRY(partition[i] < 0 ? scope_unknown(b, &c, &name) : OK);
    }
    TRY(bind_window_spec(&w, &c, from->window));
    TRY(window_node(&rows, b, &w, s, rows, position));
    if (w.kind == WINDOW_SESSION) {
        const int32_t width = rows->schema.count + from->partition_count;
        TRY(bind_session_rows(&rows, b, rows, &w, partition, from->partition_count, position));
        w.column = width;
        w.end_column = width + 1;
    }
    return add_bounds(out, s, b, rows, &w, position);
}

status
bind_from_session(query *q, const ast_select *select) {
    binder         *b = q->binder;
    const ast_from *from = select->from;
    TRY(bind_windowed(&q->node, &q->scope, b, from, 0));
    if (select->where != NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, select->where->position,
                     "WHERE behind SESSION(...) would take rows out of sessions that are made");
        error_hint(b->err, "filter below it: FROM SESSION((SELECT ... WHERE ...), ts, gap)");
        return ERR_QUERY_FAILED;
    }
    context c = {.binder = b, .scope = &q->scope, .query = q, .clause = "PARTITION BY"};
    TRY(make_args(&q->partition, b, from->partition_count + 1));
    for (int32_t i = 0; i < from->partition_count; i++) {
        const ast_expr name = {.kind = AST_COLUMN,
                               .position = from->partition_names[i].position,
                               .name = from->partition_names[i]};
        TRY(bind_expr(&q->partition[i], &c, &name));
    }
    q->partition_count = from->partition_count;
    return query_window(q, from->window);
}

static bool
has_key(const query *q, const expr *key) {
    for (int32_t i = 0; i < q->key_count; i++) {
        if (expr_equal(q->keys[i], key)) {
            return true;
        }
    }
    return false;
}

status
check_session_groups(query *q) {
    binder *b = q->binder;
    bool    fits = q->key_count == q->partition_count + 1;
    for (int32_t i = 0; i < q->partition_count && fits; i++) {
        fits = has_key(q, q->partition[i]);
    }
    if (fits) {
        return OK;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, q->window.position,
                 "SESSION in FROM needs GROUP BY its partition, window_start and window_end");
    error_hint(b->err, "write SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), gap) with GROUP BY "
                       "k, window_start, window_end");
    return ERR_QUERY_FAILED;
}
