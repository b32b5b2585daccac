/* SPDX-License-Identifier: Apache-2.0 */
/* bind_forms.c - calls that are written shorter than what they mean. With qs for quantile_cont:
 *
 *   qs(x, [0.1, 0.9])                 CASE WHEN qs(x, 0.1) IS NOT NULL
 *                                     THEN [qs(x, 0.1), qs(x, 0.9)] END
 *   strptime(x, ['%Y', '%d.%m.%Y'])   coalesce(try_strptime(x, '%Y'), strptime(x, '%d.%m.%Y'))
 *   arg_max(x, y, 3)                  the first 3 items of array_agg(x ORDER BY y DESC)
 *                                     FILTER (WHERE y IS NOT NULL); max(x, 3) of x by itself
 *   list_aggregate(l, 'sum')          list_sum(l)
 *   date_part('epoch', t)             epoch(t), which has a fraction where other parts are whole */
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

static bool
names_zone(text format) {
    for (size_t i = 0; i + 1 < format.size; i++) {
        if (format.data[i] == '%') {
            i++;
            if (format.data[i] == 'z' || format.data[i] == 'Z') {
                return true;
            }
        }
    }
    return false;
}

/* What says in which zone it is, is an instant: a TIMESTAMPTZ. */
static status
bind_zoned_format(expr **out, context *c, const ast_expr *e, bool *done) {
    binder     *b = c->binder;
    const value utc = {.type = type_of(TYPE_TEXT), .s = TEXT("UTC")};
    expr      **args;
    *done = e->arg_count == 2 && e->args[1]->kind == AST_STRING &&
            (ast_is_call(e, "strptime") || ast_is_call(e, "try_strptime")) &&
            names_zone(e->args[1]->text);
    if (!*done) {
        return OK;
    }
    TRY(make_args(&args, b, 2));
    TRY(bind_expr(&args[0], c, e->args[0]));
    TRY(bind_expr(&args[1], c, e->args[1]));
    TRY(bind_call_named(out, b, e->name.text, args, 2, e->position));
    expr *zone = make_constant(b, &utc, e->position);
    TRY(zone == NULL ? out_of_memory(b) : OK);
    return bind_call_two(out, b, "timezone", zone, *out, e->position);
}

/* histogram(x, bins): histogram_bins(histogram(x), bins) */
static status
bind_histogram(expr **out, context *c, const ast_expr *e, bool *done) {
    binder *b = c->binder;
    *done = e->arg_count == 2 && ast_is_call(e, "histogram");
    if (!*done) {
        return OK;
    }
    ast_expr *all = new_node(b, AST_CALL, e, 1);
    ast_expr *call = new_node(b, AST_CALL, e, 2);
    TRY(all == NULL || call == NULL ? out_of_memory(b) : OK);
    ast_expr **args = all->args;
    *all = *e;
    all->args = args;
    all->arg_count = 1;
    all->args[0] = e->args[0];
    call->name = (ast_name){.text = TEXT("histogram_bins"), .position = e->name.position};
    call->args[0] = all;
    call->args[1] = e->args[1];
    return bind_expr(out, c, call);
}

static ast_expr *
not_null(binder *b, ast_expr *x) {
    ast_expr *e = new_node(b, AST_IS_NULL, x, 1);
    if (e != NULL) {
        e->args[0] = x;
        e->negated = true;
    }
    return e;
}

/* The first values by an order: of min and max by themselves, of arg_min and arg_max by the second
 * argument. */
static status
bind_first_values(expr **out, context *c, const ast_expr *e, bool largest) {
    binder    *b = c->binder;
    ast_expr  *list = new_node(b, AST_CALL, e, 1);
    ast_expr  *there = not_null(b, e->args[e->arg_count - 2]);
    ast_expr  *both = new_node(b, AST_BINARY, e, 2);
    ast_expr  *one = new_node(b, AST_INTEGER, e, 0);
    ast_expr  *slice = new_node(b, AST_CALL, e, 3);
    ast_order *order = arena_alloc_zero(b->arena, sizeof(*order));
    if (list == NULL || there == NULL || both == NULL || one == NULL || slice == NULL ||
        order == NULL) {
        return out_of_memory(b);
    }
    *order = (ast_order){.expr = e->args[e->arg_count - 2], .descending = largest, .nulls = 2};
    list->name = (ast_name){.text = TEXT("array_agg"), .position = e->position};
    list->args[0] = e->args[0];
    list->orders = order;
    list->order_count = 1;
    list->over = e->over;
    list->distinct = e->distinct;
    list->filter = there;
    if (e->args[e->arg_count - 1]->kind == AST_INTEGER) {
        list->otherwise = e->args[e->arg_count - 1]; /* no more of them need be kept */
    }
    if (e->filter != NULL) {
        both->op = TEXT("AND");
        both->args[0] = e->filter;
        both->args[1] = there;
        list->filter = both;
    }
    one->text = TEXT("1");
    slice->name = (ast_name){.text = TEXT("list_slice"), .position = e->position};
    slice->args[0] = list;
    slice->args[1] = one;
    slice->args[2] = e->args[e->arg_count - 1];
    return bind_expr(out, c, slice);
}

static status
bind_epoch(expr **out, context *c, const ast_expr *e, bool *done) {
    const bool part =
        ast_is_call(e, "date_part") || ast_is_call(e, "datepart") || ast_is_call(e, "extract");
    if (!part || e->arg_count != 2 || e->args[0]->kind != AST_STRING ||
        !text_equal_nocase(e->args[0]->text, TEXT("epoch"))) {
        return OK;
    }
    ast_expr *call = new_node(c->binder, AST_CALL, e, 1);
    if (call == NULL) {
        return out_of_memory(c->binder);
    }
    call->name = (ast_name){.text = TEXT("epoch"), .position = e->name.position};
    call->args[0] = e->args[1];
    *done = true;
    return bind_expr(out, c, call);
}

static status
bind_several(expr **out, context *c, const ast_expr *e, bool *done) {
    static const struct {
        const char *name;
        int32_t     arguments;
        bool        largest;
    } names[] = {{"min", 2, false},    {"max", 2, true},     {"arg_min", 3, false},
                 {"arg_max", 3, true}, {"argmin", 3, false}, {"argmax", 3, true},
                 {"min_by", 3, false}, {"max_by", 3, true}};
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (e->arg_count == names[i].arguments && ast_is_call(e, names[i].name) &&
            e->order_count == 0 && e->args[e->arg_count - 1]->kind != AST_COLUMN) {
            *done = true;
            return bind_first_values(out, c, e, names[i].largest);
        }
    }
    return OK;
}

/* list_aggregate(l, 'sum', ...) */
static status
bind_list_aggregate(expr **out, context *c, const ast_expr *e, bool *done) {
    static const char *const names[] = {"list_aggregate", "array_aggregate", "list_aggr",
                                        "array_aggr", "aggregate"};
    bool                     named = false;
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        named = named || ast_is_call(e, names[i]);
    }
    if (!named || e->arg_count < 2 || e->args[1]->kind != AST_STRING) {
        return OK;
    }
    binder   *b = c->binder;
    ast_expr *call = new_node(b, AST_CALL, e, e->arg_count - 1);
    buf       name;
    if (call == NULL) {
        return out_of_memory(b);
    }
    buf_init(&name, b->arena->mem, SIZE_MAX / 2);
    buf_printf(&name, "list_%.*s", TEXT_ARG(e->args[1]->text));
    call->name =
        (ast_name){.text = arena_text(b->arena, buf_text(&name)), .position = e->args[1]->position};
    buf_fini(&name);
    if (call->name.text.data == NULL) {
        return out_of_memory(b);
    }
    call->args[0] = e->args[0];
    for (int32_t i = 2; i < e->arg_count; i++) {
        call->args[i - 1] = e->args[i];
    }
    *done = true;
    return bind_expr(out, c, call);
}

/* getvariable('name') */
static status
bind_variable(expr **out, context *c, const ast_expr *e, bool *done) {
    binder *b = c->binder;
    *done = e->arg_count == 1 && ast_is_call(e, "getvariable") && e->args[0]->kind == AST_STRING;
    if (!*done) {
        return OK;
    }
    if (b->streaming || b->view_depth > 0 || b->env->variables == NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "a variable ends with the program, and what is kept would outlive it");
        return error_hint(b->err, "write the value in the place of getvariable()");
    }
    value v = {.type = type_of(TYPE_I32), .is_null = true};
    for (const plan_variable *at = *b->env->variables; at != NULL; at = at->next) {
        if (text_equal_nocase(at->name, e->args[0]->text)) {
            v = at->value;
        }
    }
    const bool bytes = !v.is_null && (type_physical(v.type) == PHYSICAL_TEXT ||
                                      type_physical(v.type) == PHYSICAL_NESTED);
    if (bytes) {
        v.s = arena_text(b->arena, v.s);
        TRY(v.s.data == NULL ? out_of_memory(b) : OK);
    }
    *out = make_constant(b, &v, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* current_setting('name') */
static status
bind_setting(expr **out, context *c, const ast_expr *e, bool *done) {
    binder         *b = c->binder;
    const plan_env *env = b->env;
    value           v;
    *done =
        e->arg_count == 1 && ast_is_call(e, "current_setting") && e->args[0]->kind == AST_STRING;
    if (!*done) {
        return OK;
    }
    if (b->streaming || b->view_depth > 0 || env->setting == NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "a setting changes, and what is kept would not follow");
        return error_hint(b->err, "write the value in the place of current_setting()");
    }
    if (env->setting(&v, env->settings_of, e->args[0]->text, e->args[0]->position, b->err) < 0) {
        if (b->err != NULL) {
            b->err->status = ERR_QUERY_FAILED;
        }
        return ERR_QUERY_FAILED;
    }
    if (!v.is_null && type_physical(v.type) == PHYSICAL_TEXT) {
        v.s = arena_text(b->arena, v.s);
        TRY(v.s.data == NULL ? out_of_memory(b) : OK);
    }
    *out = make_constant(b, &v, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
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
    TRY(bind_zoned_format(out, c, e, done));
    TRY(*done ? OK : bind_histogram(out, c, e, done));
    TRY(*done ? OK : bind_several(out, c, e, done));
    TRY(*done ? OK : bind_epoch(out, c, e, done));
    TRY(*done ? OK : bind_variable(out, c, e, done));
    TRY(*done ? OK : bind_setting(out, c, e, done));
    return *done ? OK : bind_list_aggregate(out, c, e, done);
}
