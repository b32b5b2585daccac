/* SPDX-License-Identifier: Apache-2.0 */
/* bind_aggregate.c - aggregate calls and grouping.
 *
 *   PROJECT  keys, then arguments and filters, equal ones once
 *   AGGREGATE  keys, then one column per call
 *   (what the select list does with them stands above) */
#include "plan/bind.h"

#include <stdio.h>

#include "plan/node.h"

bool
is_aggregate_name(text name) {
    return agg_find(name, 1) != NULL || agg_find(name, 0) != NULL;
}

static status
refuse_place(context *c, const ast_expr *e) {
    binder    *b = c->binder;
    const text name = e->name.text;
    if (c->in_aggregate) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "aggregates cannot be nested: %.*s() stands inside another one",
                     TEXT_ARG(name));
        error_hint(b->err, "compute the inner one in a subquery in FROM");
        return ERR_QUERY_FAILED;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "%.*s() is an aggregate and cannot stand in %s", TEXT_ARG(name), c->clause);
    if (strcmp(c->clause, "WHERE") == 0) {
        error_hint(b->err, "use HAVING: it is tested after grouping, WHERE before it");
    } else {
        error_hint(b->err, "compute it in a subquery in FROM");
    }
    return ERR_QUERY_FAILED;
}

static status
refuse_argument(binder *b, const ast_expr *e, int32_t count) {
    const text name = e->name.text;
    error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() takes one argument, not %d",
                 TEXT_ARG(name), count);
    if (count > 1 && text_equal_nocase(name, TEXT("min"))) {
        error_hint(b->err, "the smallest of several values: least(a, b)");
    } else if (count > 1 && text_equal_nocase(name, TEXT("max"))) {
        error_hint(b->err, "the largest of several values: greatest(a, b)");
    } else {
        error_hint(b->err, "write %.*s(column)", TEXT_ARG(name));
    }
    return ERR_QUERY_FAILED;
}

static status
bind_operands(agg_call *call, context *c, const ast_expr *e) {
    binder       *b = c->binder;
    const bool    star = e->arg_count == 1 && e->args[0]->kind == AST_STAR;
    const int32_t count = star ? 0 : e->arg_count;
    call->class = agg_find(e->name.text, count);
    if (call->class == NULL || count > 1) {
        return refuse_argument(b, e, count);
    }
    if (e->distinct && count == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "DISTINCT needs a column to look at");
        error_hint(b->err, "write count(DISTINCT column)");
        return ERR_QUERY_FAILED;
    }
    c->in_aggregate = true;
    if (count == 1) {
        TRY(bind_expr(&call->argument, c, e->args[0]));
    }
    if (e->filter != NULL) {
        TRY(bind_expr(&call->filter, c, e->filter));
        TRY(require_boolean(&call->filter, b, "FILTER"));
    }
    c->in_aggregate = false;
    const data_type input = count == 0 ? type_of(TYPE_NULL) : call->argument->type;
    if (!call->class->resolve(input, &call->type)) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() does not take %s",
                     TEXT_ARG(e->name.text), type_name(input));
        error_hint(b->err, "bring it to a number first: %.*s(CAST(... AS DOUBLE))",
                   TEXT_ARG(e->name.text));
        return ERR_QUERY_FAILED;
    }
    call->distinct = e->distinct && !call->class->ignores_copies;
    return OK;
}

static bool
same(const expr *x, const expr *y) {
    return x == NULL || y == NULL ? x == y : expr_equal(x, y);
}

static status
add_call(int32_t *out, query *q, const agg_call *call) {
    for (int32_t i = 0; i < q->agg_count; i++) {
        const agg_call *a = &q->aggs[i];
        if (a->class == call->class && a->distinct == call->distinct &&
            same(a->argument, call->argument) && same(a->filter, call->filter) &&
            (call->argument == NULL || !expr_is_volatile(call->argument))) {
            *out = i;
            return OK;
        }
    }
    if (q->agg_count == q->agg_capacity) {
        const int32_t capacity = q->agg_capacity == 0 ? 8 : q->agg_capacity * 2;
        agg_call     *grown = arena_alloc(q->binder->arena, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return out_of_memory(q->binder);
        }
        if (q->agg_count > 0) {
            memcpy(grown, q->aggs, (size_t)q->agg_count * sizeof(*grown));
        }
        q->aggs = grown;
        q->agg_capacity = capacity;
    }
    *out = q->agg_count;
    q->aggs[q->agg_count++] = *call;
    return OK;
}

status
bind_aggregate_call(expr **out, context *c, const ast_expr *e) {
    if (c->in_aggregate || !c->aggregates || c->query == NULL) {
        return refuse_place(c, e);
    }
    agg_call call = {0};
    int32_t  index = -1;
    TRY(bind_operands(&call, c, e));
    TRY(add_call(&index, c->query, &call));
    *out = make_column(c->binder, AGGREGATE_BASE + index, call.type, e->position);
    return *out == NULL ? out_of_memory(c->binder) : OK;
}

static void
note_aggregate(void *arg, int32_t *number) {
    bool *found = arg;
    *found = *found || *number >= AGGREGATE_BASE;
}

bool
expr_has_aggregate(expr *e) {
    bool found = false;
    expr_visit_columns(e, note_aggregate, &found);
    return found;
}

status
query_add_key(query *q, expr *key) {
    for (int32_t i = 0; i < q->key_count; i++) {
        if (expr_equal(q->keys[i], key)) {
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
    q->keys[q->key_count++] = key;
    return OK;
}

/* ---- the nodes */

/* The column of `e` among the exprs so far, added when it is new. */
static int32_t
place(expr **exprs, int32_t *count, expr *e) {
    for (int32_t i = 0; i < *count; i++) {
        if (expr_equal(exprs[i], e) && !expr_is_volatile(e)) {
            return i;
        }
    }
    exprs[*count] = e;
    return (*count)++;
}

static status
call_label(text *out, binder *b, const agg_call *call, const schema *names) {
    buf line;
    buf_init(&line, b->arena->mem, 1024);
    const char *name = call->class->name;
    buf_printf(&line, "%s(%s", strcmp(name, "count_star") == 0 ? "count" : name,
               call->argument == NULL ? "*"
               : call->distinct       ? "DISTINCT "
                                      : "");
    text part = TEXT("");
    if (call->argument != NULL) {
        part = expr_label(b->arena, call->argument, names);
        buf_append_text(&line, part);
    }
    buf_append_char(&line, ')');
    if (call->filter != NULL && part.data != NULL) {
        part = expr_label(b->arena, call->filter, names);
        buf_printf(&line, " FILTER (WHERE %.*s)", TEXT_ARG(part));
    }
    *out = arena_text(b->arena, buf_text(&line));
    const bool failed = line.failed || part.data == NULL || out->data == NULL;
    buf_fini(&line);
    return failed ? out_of_memory(b) : OK;
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
    error_hint(b->err, "add TUMBLE(...) or window_start to GROUP BY");
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

status
query_aggregate(query *q) {
    binder *b = q->binder;
    int32_t window, count = 0;
    TRY(check_keys(q));
    TRY(window_key(&window, q));
    expr **exprs;
    TRY(make_args(&exprs, b, q->key_count + 2 * q->agg_count));
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
        n->aggs[i] = (plan_agg){
            .class = call->class,
            .argument = call->argument == NULL ? -1 : place(exprs, &count, call->argument),
            .filter = call->filter == NULL ? -1 : place(exprs, &count, call->filter),
            .distinct = call->distinct,
            .type = call->type};
        field *f = &n->schema.fields[q->key_count + i];
        *f = (field){.type = call->type, .nullable = true};
        TRY(call_label(&f->name, b, call, &q->node->schema));
    }
    n->inputs[0] = count == 0 ? q->node : node_project(b->arena, q->node, exprs, count);
    if (n->inputs[0] == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < q->key_count; i++) {
        n->schema.fields[i] = n->inputs[0]->schema.fields[i];
    }
    if (window >= 0) {
        n->window_size_us = q->window.size_us;
        n->window_offset_us = q->window.offset_us;
        if (b->streaming && q->window_timed) {
            n->window_key = window;
            n->lateness_us = b->lateness_us;
            n->emit_at_close = b->emit == AST_EMIT_WINDOW_CLOSE;
        }
    }
    q->node = n;
    return OK;
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
    if (x->kind == EXPR_CONSTANT) {
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
