/* SPDX-License-Identifier: Apache-2.0 */
/* bind_series.c - series in FROM.
 *
 *   generate_series([start,] stop [, step])   start, start + step ... up to stop
 *   range([start,] stop [, step])             the same without stop
 *
 * of integers, or of times with an interval as step. Arguments may be columns of what stands to the
 * left: it is a SERIES over a PROJECT of them, over one row, which the unnesting makes many. */
#include "plan/bind.h"

#include "plan/node.h"

static bool
is_call(const ast_from *from, const char *name) {
    return text_equal_nocase(from->call->name.text, text_of(name));
}

static status
wrong_arguments(binder *b, const ast_expr *e) {
    error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() got %d argument%s",
                 TEXT_ARG(e->name.text), e->arg_count, e->arg_count == 1 ? "" : "s");
    return error_hint(b->err, "write %.*s(stop), (start, stop) or (start, stop, step)",
                      TEXT_ARG(e->name.text));
}

static status
wrong_type(binder *b, const ast_expr *e, const expr *argument) {
    error_set_at(b->err, ERR_QUERY_FAILED, argument->position,
                 "%.*s() counts whole numbers or times, not %s", TEXT_ARG(e->name.text),
                 type_name(argument->type));
    return error_hint(b->err, "write CAST(... AS BIGINT)");
}

/* Months and days go by the calendar of the session's zone: the series is one of local times. */
bool
series_is_of_calendar(const binder *b, const expr *step) {
    return b->env != NULL && b->env->zone.size > 0 && step->kind == EXPR_CONSTANT &&
           !step->constant.is_null &&
           (step->constant.iv.months != 0 || step->constant.iv.days != 0);
}

/* Times: start and stop as TIMESTAMP, a step that is an INTERVAL. *local: of TIMESTAMPTZ. */
static status
bind_times(expr **args, binder *b, const ast_expr *e, bool *local) {
    const bool zoned = args[0]->type.id == TYPE_TIMESTAMPTZ || args[1]->type.id == TYPE_TIMESTAMPTZ;
    if (e->arg_count != 3) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%.*s() of times needs a start, a stop and a step", TEXT_ARG(e->name.text));
        return error_hint(b->err, "add the step: INTERVAL '1' DAY");
    }
    for (int32_t i = 0; i < 2; i++) {
        const bool time = type_is_time(args[i]->type) || args[i]->type.id == TYPE_DATE ||
                          args[i]->type.id == TYPE_NULL || is_text_literal(args[i]);
        TRY(time ? OK : wrong_type(b, e, args[i]));
        TRY(cast_expr(&args[i], b, type_of(zoned ? TYPE_TIMESTAMPTZ : TYPE_TIMESTAMP)));
    }
    if (args[2]->type.id != TYPE_INTERVAL && args[2]->type.id != TYPE_NULL &&
        !is_text_literal(args[2])) {
        error_set_at(b->err, ERR_QUERY_FAILED, args[2]->position,
                     "the step of %.*s() between times is an INTERVAL, not %s",
                     TEXT_ARG(e->name.text), type_name(args[2]->type));
        return error_hint(b->err, "write INTERVAL '1' DAY");
    }
    TRY(cast_expr(&args[2], b, type_of(TYPE_INTERVAL)));
    *local = zoned && series_is_of_calendar(b, args[2]);
    for (int32_t i = 0; i < 2 && *local; i++) {
        TRY(cast_expr(&args[i], b, type_of(TYPE_TIMESTAMP)));
    }
    return OK;
}

/* 1e6 and 2.0 are whole. */
static bool
is_whole(const expr *e) {
    if (type_is_integer(e->type) || e->type.id == TYPE_NULL || is_text_literal(e)) {
        return true;
    }
    if (e->kind != EXPR_CONSTANT || !type_is_numeric(e->type) || e->constant.is_null) {
        return false;
    }
    const double d = value_to_double(&e->constant);
    return d >= -9e15 && d <= 9e18 && d == (double)(int64_t)d;
}

static status
bind_numbers(expr **args, binder *b, const ast_expr *e) {
    for (int32_t i = 0; i < 3; i++) {
        const data_type t = args[i]->type;
        TRY(is_whole(args[i]) ? OK : wrong_type(b, e, args[i]));
        if (type_is_integer(t) && !type_casts_implicitly(t, type_of(TYPE_I64))) {
            TRY(located(b, expr_cast_to(&args[i], b->arena, args[i], type_of(TYPE_I64), b->err),
                        args[i]->position));
            continue;
        }
        TRY(cast_expr(&args[i], b, type_of(TYPE_I64)));
        TRY(fold_expr(&args[i], b));
    }
    return OK;
}

/* start, stop and step. */
static status
bind_bounds(expr ***out, binder *b, const ast_expr *e, bool *local) {
    scope         nothing = {0};
    context       c = {.binder = b, .scope = &nothing, .clause = "FROM"};
    const int32_t first = e->arg_count == 1 ? 1 : 0;
    const value   zero = value_i64(0), one = value_i64(1);
    expr        **args;
    TRY(e->arg_names != NULL || e->arg_count < 1 || e->arg_count > 3 ? wrong_arguments(b, e) : OK);
    TRY(make_args(&args, b, 3));
    args[0] = make_constant(b, &zero, e->position);
    args[2] = make_constant(b, &one, e->position);
    TRY(args[0] == NULL || args[2] == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(bind_expr(&args[first + i], &c, e->args[i]));
    }
    const bool times = type_is_time(args[0]->type) || args[0]->type.id == TYPE_DATE ||
                       type_is_time(args[1]->type) || args[1]->type.id == TYPE_DATE;
    *out = args;
    *local = false;
    return times ? bind_times(args, b, e, local) : bind_numbers(args, b, e);
}

/* The names of the rows: an alias names the only column, too, as in PostgreSQL. */
static status
scope_of_call(scope *s, binder *b, const plan_node *n, const ast_from *from) {
    const ast_expr *e = from->call;
    const text      alias = from->alias.text.data != NULL ? from->alias.text : e->name.text;
    TRY(scope_of_node(s, b, n, alias));
    s->columns[0].name = alias;
    return OK;
}

static status
make_series(plan_node **out, binder *b, const ast_from *from) {
    const int32_t width = 3 + 1 + from->ordinality;
    expr        **bounds, **shown;
    plan_node    *one = node_new(b->arena, PLAN_SINGLE, 0, 0);
    plan_node    *n = node_new(b->arena, PLAN_SERIES, 1, width);
    TRY(one == NULL || n == NULL ? out_of_memory(b) : OK);
    bool local;
    TRY(bind_bounds(&bounds, b, from->call, &local));
    n->key_columns = arena_alloc(b->arena, 3 * sizeof(*n->key_columns));
    n->inputs[0] = node_project(b->arena, one, bounds, 3);
    TRY(n->inputs[0] == NULL || n->key_columns == NULL ? out_of_memory(b) : OK);
    n->key_count = 3;
    for (int32_t i = 0; i < 3; i++) {
        n->key_columns[i] = i;
    }
    n->inclusive = is_call(from, "generate_series");
    n->position = from->call->position;
    node_series_fields(n, bounds[0]->type, from->ordinality);
    TRY(make_args(&shown, b, width - 3));
    for (int32_t i = 3; i < width; i++) {
        shown[i - 3] = make_column(b, i, n->schema.fields[i].type, -1);
        TRY(shown[i - 3] == NULL ? out_of_memory(b) : OK);
    }
    TRY(local ? cast_expr(&shown[0], b, type_of(TYPE_TIMESTAMPTZ)) : OK);
    *out = node_project(b->arena, n, shown, width - 3);
    return *out == NULL ? out_of_memory(b) : OK;
}

bool
is_series_call(const ast_from *from) {
    return is_call(from, "generate_series") || is_call(from, "range");
}

status
bind_series(plan_node **out, scope *s, binder *b, const ast_from *from) {
    TRY(make_series(out, b, from));
    return scope_of_call(s, b, *out, from);
}
