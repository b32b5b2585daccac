/* SPDX-License-Identifier: Apache-2.0 */
/* bind_forms.c - calls that are written shorter than what they mean:
 *
 *   quantile_cont(x, [0.1, 0.9])      CASE WHEN quantile_cont(x, 0.1) IS NOT NULL
 *                                     THEN [quantile_cont(x, 0.1), quantile_cont(x, 0.9)] END
 *   strptime(x, ['%Y', '%d.%m.%Y'])   coalesce(try_strptime(x, '%Y'), strptime(x, '%d.%m.%Y')) */
#include "plan/bind.h"

static ast_expr *
new_node(binder *b, ast_expr_kind kind, const ast_expr *at, int32_t arguments) {
    ast_expr *e = arena_alloc_zero(b->arena, sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    *e = (ast_expr){.kind = kind, .position = at->position, .end = at->end, .arg_count = arguments};
    e->args = arena_alloc_zero(b->arena, sizeof(*e->args) * (size_t)arguments);
    return e->args == NULL ? NULL : e;
}

/* The call with another last argument, and another name unless it is NULL. */
static ast_expr *
call_with(binder *b, const ast_expr *call, ast_expr *last, const char *name) {
    ast_expr *e = new_node(b, AST_CALL, call, call->arg_count);
    if (e == NULL) {
        return NULL;
    }
    ast_expr **args = e->args;
    *e = *call;
    e->args = args;
    for (int32_t i = 0; i + 1 < call->arg_count; i++) {
        args[i] = call->args[i];
    }
    args[call->arg_count - 1] = last;
    if (name != NULL) {
        e->name.text = text_of(name);
    }
    return e;
}

/* One call per item of the list that is the last argument, under `kind`. */
static ast_expr *
spread(binder *b, ast_expr_kind kind, const ast_expr *call, const char *name) {
    const ast_expr *list = call->args[call->arg_count - 1];
    ast_expr       *e = new_node(b, kind, call, list->arg_count);
    for (int32_t i = 0; e != NULL && i < list->arg_count; i++) {
        const bool last = i + 1 == list->arg_count;
        e->args[i] = call_with(b, call, list->args[i], last ? NULL : name);
        e = e->args[i] == NULL ? NULL : e;
    }
    return e;
}

static status
bind_quantiles(expr **out, context *c, const ast_expr *e) {
    binder   *b = c->binder;
    ast_expr *list = spread(b, AST_LIST, e, NULL);
    ast_expr *some = new_node(b, AST_IS_NULL, e, 1);
    ast_expr *guarded = new_node(b, AST_CASE, e, 2);
    if (list == NULL || some == NULL || guarded == NULL) {
        return out_of_memory(b);
    }
    some->args[0] = list->args[0];
    some->negated = true;
    guarded->args[0] = some;
    guarded->args[1] = list;
    return bind_expr(out, c, guarded);
}

static status
bind_formats(expr **out, context *c, const ast_expr *e) {
    ast_expr *first = spread(c->binder, AST_CALL, e, "try_strptime");
    if (first == NULL) {
        return out_of_memory(c->binder);
    }
    first->name = (ast_name){.text = TEXT("coalesce"), .position = e->position};
    return bind_expr(out, c, first);
}

status
bind_spread_call(expr **out, context *c, const ast_expr *e, bool *done) {
    const ast_expr *last = e->arg_count > 0 ? e->args[e->arg_count - 1] : NULL;
    *done = last != NULL && last->kind == AST_LIST && last->arg_count > 0;
    if (*done && (ast_is_call(e, "strptime") || ast_is_call(e, "try_strptime"))) {
        return bind_formats(out, c, e);
    }
    static const char *const names[] = {"quantile_cont",   "quantile_disc",   "quantile",
                                        "percentile_cont", "percentile_disc", "approx_quantile"};
    for (int32_t i = 0; *done && i < ARRAY_COUNT(names); i++) {
        if (ast_is_call(e, names[i])) {
            return bind_quantiles(out, c, e);
        }
    }
    *done = false;
    return OK;
}
