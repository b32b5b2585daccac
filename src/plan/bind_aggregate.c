/* SPDX-License-Identifier: Apache-2.0 */
/* bind_aggregate.c - grouping, and the nodes of it (the calls: bind_agg_call.c).
 *
 *   PROJECT  keys, then arguments and filters, equal ones once
 *   AGGREGATE  keys, then one column per call
 *   (what the select list does with them stands above) */
#include "plan/bind.h"

#include "plan/node.h"

static void
note_aggregate(void *arg, int32_t *number) {
    bool *found = arg;
    *found = *found || (*number >= AGGREGATE_BASE && *number < SUBQUERY_BASE);
}

bool
expr_has_aggregate(expr *e) {
    bool found = false;
    expr_visit_columns(e, note_aggregate, &found);
    return found;
}

status
query_add_key(int32_t *at, query *q, expr *key) {
    for (int32_t i = 0; i < q->key_count; i++) {
        if (expr_equal(q->keys[i], key)) {
            *at = i;
            return OK;
        }
    }
    if (q->key_count == q->key_capacity) {
        const int32_t capacity = q->key_capacity == 0 ? 8 : q->key_capacity * 2;
        expr        **grown = arena_alloc(q->binder->arena, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return out_of_memory(q->binder);
        }
        if (q->key_count > 0) {
            memcpy(grown, q->keys, (size_t)q->key_count * sizeof(*grown));
        }
        q->keys = grown;
        q->key_capacity = capacity;
    }
    *at = q->key_count;
    q->keys[q->key_count++] = key;
    return OK;
}

/* ---- the nodes */

/* The column of `e` among the exprs so far, added when it is new. */
static int32_t
place(expr **exprs, int32_t *count, expr *e) {
    for (int32_t i = 0; i < *count; i++) {
        if (expr_equal(exprs[i], e)) {
            return i;
        }
    }
    exprs[*count] = e;
    return (*count)++;
}

/* How many columns the calls take at most. */
static int32_t
operand_count(const query *q) {
    int32_t count = 0;
    for (int32_t i = 0; i < q->agg_count; i++) {
        count += q->aggs[i].signature.column_count + 1;
    }
    return count;
}

static status
place_call(plan_agg *out, binder *b, expr **exprs, int32_t *count, const agg_call *call) {
    *out = (plan_agg){.class = call->class,
                      .signature = call->signature,
                      .filter = -1,
                      .distinct = call->distinct};
    const int32_t width = call->signature.column_count;
    out->columns = arena_alloc(b->arena, (size_t)width * sizeof(*out->columns));
    if (out->columns == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < width; i++) {
        out->columns[i] = place(exprs, count, call->columns[i]);
    }
    if (call->filter != NULL) {
        out->filter = place(exprs, count, call->filter);
    }
    return OK;
}

static status
window_key(int32_t *out, query *q) {
    *out = -1;
    if (!q->has_window) {
        return OK;
    }
    for (int32_t i = 0; i < q->key_count; i++) {
        if (q->keys[i]->kind == EXPR_COLUMN && q->keys[i]->column == q->window.column) {
            *out = i;
            return OK;
        }
    }
    binder *b = q->binder;
    error_set_at(b->err, ERR_QUERY_FAILED, q->window.position,
                 "GROUP BY has an expression of a window, but not the window itself");
    error_hint(b->err, "add the window itself, or window_start, to GROUP BY");
    return ERR_QUERY_FAILED;
}

static status
check_keys(query *q) {
    for (int32_t i = 0; i < q->key_count; i++) {
        expr *key = q->keys[i];
        if (!type_is_orderable(key->type) && key->type.id != TYPE_NULL) {
            return error_set_at(q->binder->err, ERR_QUERY_FAILED, key->position,
                                "cannot group by %s", type_name(key->type));
        }
    }
    return OK;
}

/* Which key says that a group is final, if one does: the session, else the bound that lies nearest
 * to the end of its window. */
status
query_close_groups(plan_node *n, int32_t window, const query *q) {
    binder *b = q->binder;
    if (window >= 0 && q->window.kind == WINDOW_SESSION) {
        n->session_key = window;
        n->window_size_us = q->window.size_us;
        n->window_key = b->streaming && q->window.timed ? window : -1;
    }
    for (int32_t i = 0; i < n->key_count && n->session_key < 0; i++) {
        int64_t closes_us;
        bool    by_clock = false;
        if (!b->streaming || !node_closes(n->inputs[0], i, &closes_us, &by_clock) ||
            (n->window_key >= 0 && closes_us >= n->window_size_us)) {
            continue;
        }
        TRY(note_clock(b, by_clock, q->ast->position));
        n->window_key = i;
        n->window_size_us = closes_us;
    }
    if (n->window_key >= 0) {
        n->lateness_us = b->lateness_us;
        node_emit(n, b->emit == AST_EMIT_WINDOW_CLOSE, b->emit == AST_EMIT_AFTER_WATERMARK);
        b->closing_count++;
    } else if (b->emit == AST_EMIT_WINDOW_CLOSE && q->set_count > 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, q->ast->groupings[0].position,
                     "EMIT ON WINDOW CLOSE: a grouping set without the window never ends");
        return error_hint(b->err,
                          "keep the window in every set: GROUP BY window_start, ROLLUP (...)");
    }
    return OK;
}

status
query_aggregate(query *q) {
    binder *b = q->binder;
    int32_t window, count = 0;
    TRY(check_keys(q));
    TRY(window_key(&window, q));
    expr **exprs;
    TRY(make_args(&exprs, b, q->key_count + operand_count(q)));
    for (int32_t i = 0; i < q->key_count; i++) {
        exprs[count++] = q->keys[i];
    }
    plan_node *n = node_new(b->arena, PLAN_AGGREGATE, 1, q->key_count + q->agg_count);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->key_count = q->key_count;
    n->agg_count = q->agg_count;
    n->aggs = arena_alloc_zero(b->arena, (size_t)q->agg_count * sizeof(*n->aggs));
    if (n->aggs == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < q->agg_count; i++) {
        const agg_call *call = &q->aggs[i];
        TRY(place_call(&n->aggs[i], b, exprs, &count, call));
        field *f = &n->schema.fields[q->key_count + i];
        *f = (field){.type = call->signature.output, .nullable = true};
        TRY(agg_call_label(&f->name, b, call, &q->node->schema));
    }
    n->inputs[0] = count == 0 ? q->node : node_project(b->arena, q->node, exprs, count);
    if (n->inputs[0] == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < q->key_count; i++) {
        n->schema.fields[i] = n->inputs[0]->schema.fields[i];
    }
    if (q->set_count > 0) {
        return query_union_sets(q, n, window);
    }
    q->node = n;
    return query_close_groups(n, window, q);
}

static status
not_grouped(query *q, const expr *e, const char *clause) {
    binder    *b = q->binder;
    const text name =
        e->column < q->scope.count ? q->scope.columns[e->column].name : TEXT("window_start");
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "column \"%.*s\" in %s is neither in GROUP BY nor inside an aggregate",
                 TEXT_ARG(name), clause);
    error_hint(b->err, "add %.*s to GROUP BY, or take one value of the group, such as max(%.*s)",
               TEXT_ARG(name), TEXT_ARG(name));
    return ERR_QUERY_FAILED;
}

status
query_lift(query *q, expr **e, const char *clause) {
    expr *x = *e;
    if (x->kind == EXPR_CONSTANT || (x->kind == EXPR_COLUMN && x->column >= SUBQUERY_BASE)) {
        return OK;
    }
    if (x->kind == EXPR_COLUMN && x->column >= OVER_BASE) {
        return OK;
    }
    if (x->kind == EXPR_COLUMN && x->column >= GROUPING_BASE) {
        if (q->set_count == 0) {
            const int64_t all = ((int64_t)1 << SQL_GROUPING_KEYS_MAX) - 1;
            return query_grouping_value(e, q, x->column - GROUPING_BASE, all);
        }
        x->column = q->key_count + q->agg_count + x->column - GROUPING_BASE;
        return OK;
    }
    if (x->kind == EXPR_COLUMN && x->column >= AGGREGATE_BASE) {
        x->column = q->key_count + x->column - AGGREGATE_BASE;
        return OK;
    }
    for (int32_t i = 0; i < q->key_count; i++) {
        if (!expr_equal(q->keys[i], x)) {
            continue;
        }
        *e = make_column(q->binder, i, x->type, x->position);
        return *e == NULL ? out_of_memory(q->binder) : OK;
    }
    if (x->kind == EXPR_COLUMN) {
        return not_grouped(q, x, clause);
    }
    for (int32_t i = 0; i < x->arg_count; i++) {
        TRY(query_lift(q, &x->args[i], clause));
    }
    return OK;
}
