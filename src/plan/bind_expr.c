/* SPDX-License-Identifier: Apache-2.0 */
/* bind_expr.c - names, operators and calls to typed expressions. Recursion is counted:
 * BIND_DEPTH_MAX, aliases expanded. */
#include "plan/bind.h"

#include "plan/node.h"

bool
ast_is_call(const ast_expr *e, const char *name) {
    return e->kind == AST_CALL && text_equal_nocase(e->name.text, text_of(name));
}

/* ---- names */

/* The select list is computed after this clause: it would be another value. */
static status
refuse_volatile_alias(const context *c, const ast_expr *e) {
    binder *b = c->binder;
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "\"%.*s\" is computed anew for each row and not known yet in %s",
                 TEXT_ARG(e->name.text), c->clause);
    error_hint(b->err, "compute it in a subquery: FROM (SELECT *, ... AS %.*s FROM ...)",
               TEXT_ARG(e->name.text));
    return ERR_QUERY_FAILED;
}

static status
bind_alias(expr **out, context *c, const ast_expr *e, bool *done) {
    const query  *q = c->query;
    const int32_t visible = q != NULL ? c->alias_count : 0;
    *done = false;
    for (int32_t i = 0; i < visible; i++) {
        const select_item *item = &q->items[i];
        const bool matches = item->quoted && e->name.quoted ? text_equal(e->name.text, item->name)
                                                            : name_matches(&e->name, item->name);
        if (!item->aliased || item->ast == NULL || !matches) {
            continue;
        }
        *done = true;
        if (item->bound != NULL && expr_is_volatile(item->bound) && !c->in_aggregate) {
            return copy_expr(out, c->binder, item->bound); /* the same value */
        }
        const int32_t       each = c->each, each_count = c->each_count;
        const lambda_names *lambda = c->lambda;
        c->alias_count = i; /* an alias sees the ones before it: no circles */
        c->each = item->each;
        c->each_count = item->each_count;
        c->lambda = NULL; /* its names are those of another place */
        const status s = bind_expr(out, c, item->ast);
        c->lambda = lambda;
        c->alias_count = visible;
        c->each = each;
        c->each_count = each_count;
        return s == OK && item->bound == NULL && expr_is_volatile(*out)
                   ? refuse_volatile_alias(c, e)
                   : s;
    }
    return OK;
}

static status
bind_column(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    int32_t found;
    bool    named;
    TRY(bind_lambda_name(out, c, e, &named));
    if (named) {
        return OK;
    }
    TRY(scope_find(&found, b, c->scope, &e->qualifier, &e->name));
    if (found >= 0) {
        *out = make_column(b, found, c->scope->columns[found].type, e->position);
        return *out == NULL ? out_of_memory(b) : OK;
    }
    if (e->qualifier.text.data == NULL) {
        bool done;
        TRY(bind_alias(out, c, e, &done));
        if (done) {
            return OK;
        }
        TRY(bind_window_name(out, c, e, &done));
        if (done) {
            return OK;
        }
    }
    bool outer = false;
    if (e->qualifier.text.data != NULL) {
        TRY(bind_field_of_column(out, c, e, &outer));
        if (outer) {
            return OK;
        }
    }
    TRY(bind_outer_column(out, c, e, &outer));
    return outer ? OK : scope_unknown(b, c, e);
}

/* ---- calls */

/* An unknown name is reported here, because suggestions are functions, aggregates and windows
 * alike. */
static status
unknown_function(binder *b, text name, int32_t position) {
    const int32_t  functions = function_count();
    const int32_t  aggregates = agg_class_count();
    const catalog *own = b->catalog == NULL ? NULL : catalog_functions(b->catalog);
    const int32_t  made = own == NULL ? 0 : catalog_count(own);
    text          *names =
        arena_alloc(b->arena, (size_t)(made + functions + aggregates + 6) * sizeof(*names));
    if (names == NULL) {
        return out_of_memory(b);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < made; i++) {
        names[count++] = catalog_at(own, i)->name;
    }
    for (int32_t i = 0; i < functions; i++) {
        const text t = text_of(function_name_at(i));
        if (t.size > 0 && ((t.data[0] >= 'a' && t.data[0] <= 'z') || t.data[0] == '_')) {
            names[count++] = t; /* operators are functions too, but nobody misspells them */
        }
    }
    for (int32_t i = 0; i < aggregates; i++) {
        names[count++] = text_of(agg_class_at(i)->name);
    }
    names[count++] = TEXT("tumble");
    names[count++] = TEXT("hop");
    names[count++] = TEXT("session");
    names[count++] = TEXT("cumulate");
    names[count++] = TEXT("coalesce");
    names[count++] = TEXT("nullif");
    error_set_at(b->err, ERR_QUERY_FAILED, position, "function %.*s() does not exist",
                 TEXT_ARG(name));
    hint_nearest(b, name, names, count, NULL);
    return ERR_QUERY_FAILED;
}

static bool
is_symbol(text name) {
    const char c = name.size > 0 ? name.data[0] : 'a';
    return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_');
}

/* The cast that there is, from the right side to the left or the other way. */
static status
hint_operands(binder *b, bool compares, data_type left, data_type right) {
    if (!compares && (type_is_time(left) || left.id == TYPE_DATE)) {
        error_hint(b->err, "a time moves by an INTERVAL%s; times are subtracted and compared",
                   left.id == TYPE_DATE ? ", a DATE by days" : "");
    } else if (type_equal(left, right)) {
        error_hint(b->err, "cast both to a type that has this operator: CAST(... AS %s)",
                   type_casts(left, type_of(TYPE_F64)) ? "DOUBLE" : "VARCHAR");
    } else if (type_casts(right, left)) {
        error_hint(b->err, "bring one side to the type of the other: CAST(... AS %s)",
                   type_name(left));
    } else if (type_casts(left, right)) {
        error_hint(b->err, "bring one side to the type of the other: CAST(... AS %s)",
                   type_name(right));
    } else {
        error_hint(b->err, "neither becomes the other%s",
                   compares ? "; both become texts: CAST(... AS VARCHAR)"
                            : ": cast one side to a type that the operator takes");
    }
    return ERR_QUERY_FAILED;
}

/* An operator that has no meaning for its operands; a literal that could not be read keeps its own
 * error. */
static status
refuse_operands(binder *b, text op, expr *const *args, int32_t position) {
    if (args[0]->kind == EXPR_CONSTANT || args[1]->kind == EXPR_CONSTANT) {
        const bool quoted = is_text_literal(args[0]) || is_text_literal(args[1]);
        if (quoted || args[0]->type.id == TYPE_NULL || args[1]->type.id == TYPE_NULL) {
            return located(b, ERR_QUERY_FAILED, position);
        }
    }
    const bool compares = strchr("<>=", op.data[0]) != NULL;
    error_set_at(b->err, ERR_QUERY_FAILED, position, "cannot %s %s %.*s %s",
                 compares ? "compare" : "compute", type_name(args[0]->type), TEXT_ARG(op),
                 type_name(args[1]->type));
    return hint_operands(b, compares, args[0]->type, args[1]->type);
}

/* In a statement that is answered once now() is one instant: a constant. Other volatile calls get a
 * number, so that copies of one call have one value a row. */
static status
settle_volatile(expr **out, binder *b) {
    const bool stable = (*out)->kind == EXPR_CALL && function_is_stable((*out)->function);
    if ((*out)->kind != EXPR_CALL || expr_is_constant_call(*out)) {
        return OK;
    }
    if (!stable || b->streaming) {
        (*out)->column = ++b->volatile_count;
        return OK;
    }
    value    v;
    eval_env frozen = b->env->eval;
    if (!b->has_now) {
        b->now_us = EVAL_NOW;
        b->has_now = true;
    }
    frozen.now_us =
        eval_instant(&frozen, b->env->statement_us == NULL ? &b->now_us : b->env->statement_us);
    TRY(located(b, expr_evaluate(&v, *out, &frozen, b->arena, b->err), (*out)->position));
    *out = make_constant(b, &v, (*out)->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
bind_call_named(expr **out, binder *b, text name, expr **args, int32_t arg_count,
                int32_t position) {
    if (!function_exists(name)) {
        return unknown_function(b, name, position);
    }
    bool done;
    TRY(zone_call(out, b, name, args, arg_count, position, &done));
    if (done) {
        return OK;
    }
    TRY(count_nodes(b, 1 + arg_count, position)); /* the casts it may add */
    const status s = expr_call(out, b->arena, name, args, arg_count, position, b->err);
    if (s == ERR_QUERY_FAILED && arg_count == 2 && is_symbol(name)) {
        return refuse_operands(b, name, args, position);
    }
    TRY(located(b, s, position));
    TRY(settle_volatile(out, b));
    for (int32_t i = 0; i < arg_count; i++) {
        if (args[i]->kind != EXPR_CONSTANT) {
            return OK;
        }
    }
    return fold_expr(out, b);
}

static status
bind_args(expr ***out, context *c, const ast_expr *e) {
    TRY(make_args(out, c->binder, e->arg_count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(bind_expr(&(*out)[i], c, e->args[i]));
    }
    return OK;
}

/* Calls that belong to the query around them and not to a row: windows, aggregates, unnest. They
 * know nothing of a lambda that they stand in. */
static status
bind_call_of_query(expr **out, context *c, const ast_expr *e, bool *done) {
    const lambda_names *lambda = c->lambda;
    const bool          plain = e->arg_names == NULL && e->nulls == AST_NULLS_DEFAULT;
    *done = true;
    c->lambda = NULL;
    if (e->over != NULL) {
        TRY(bind_over_call(out, c, e));
    } else if (is_window_call(e) && e->nulls == AST_NULLS_DEFAULT) {
        TRY(bind_window_call(out, c, e));
    } else if (plain && (find_aggregate(c->binder, &e->name) != NULL || agg_exists(e->name.text))) {
        TRY(bind_aggregate_call(out, c, e));
    } else if (plain && is_grouping_call(e)) {
        TRY(bind_grouping_call(out, c, e));
    } else if (ast_is_call(e, "unnest")) {
        TRY(bind_unnest_item(out, c, e));
    } else {
        *done = false;
    }
    c->lambda = lambda;
    return OK;
}

static bool
makes_fields(const ast_expr *e) {
    return ast_is_call(e, "struct_pack") || ast_is_call(e, "struct_insert") ||
           ast_is_call(e, "struct_update");
}

static status
bind_call(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    bool    done;
    TRY(bind_sql_function(out, c, e, &done));
    if (done) {
        return OK;
    }
    TRY(bind_spread_call(out, c, e, &done));
    if (done) {
        return OK;
    }
    TRY(bind_call_of_query(out, c, e, &done));
    if (done) {
        return OK;
    }
    if (makes_fields(e)) {
        const int32_t last = e->arg_count - 1; /* struct_pack(a, b): of columns by their names */
        if (e->arg_names != NULL || (last >= 0 && e->args[last]->kind == AST_COLUMN)) {
            return bind_named_fields(out, c, e);
        }
    }
    if (e->arg_names != NULL && !is_window_call(e)) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() takes no arguments by name",
                     TEXT_ARG(e->name.text));
        error_hint(b->err,
                   "give them in their order; TUMBLE, HOP, CUMULATE and SESSION take names");
        return ERR_QUERY_FAILED;
    }
    if (e->nulls != AST_NULLS_DEFAULT) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "IGNORE NULLS and RESPECT NULLS belong to window functions");
        error_hint(b->err, "write %.*s(...) IGNORE NULLS OVER (...)", TEXT_ARG(e->name.text));
        return ERR_QUERY_FAILED;
    }
    if (is_lambda_call(e)) {
        return bind_lambda_call(out, c, e);
    }
    const text name = e->name.text;
    TRY(refuse_without_over(c, e));
    if (e->distinct || e->filter != NULL) {
        const bool known = function_exists(name);
        if (!known) {
            return unknown_function(b, name, e->position);
        }
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%s belongs to aggregates, and %.*s() is not one",
                     e->distinct ? "DISTINCT" : "FILTER", TEXT_ARG(name));
        error_hint(b->err, "aggregates: count, sum, avg, min, max, first, last");
        return ERR_QUERY_FAILED;
    }
    TRY(bind_conditional(out, c, e, &done));
    if (done) {
        return OK;
    }
    TRY(bind_extract(out, c, e, &done));
    if (done) {
        return OK;
    }
    TRY(bind_parts(out, c, e, &done));
    TRY(done ? OK : bind_json_transform(out, c, e, &done));
    if (done) {
        return OK;
    }
    if (!function_exists(name)) {
        return unknown_function(b, name, e->position);
    }
    expr **args;
    TRY(bind_args(&args, c, e));
    return bind_call_named(out, b, name, args, e->arg_count, e->position);
}

/* ---- operators */

status
require_boolean(expr **e, binder *b, const char *where) {
    const data_type t = (*e)->type;
    if (t.id == TYPE_BOOL) {
        return OK;
    }
    if (t.id == TYPE_NULL || is_text_literal(*e)) {
        return cast_expr(e, b, type_of(TYPE_BOOL));
    }
    error_set_at(b->err, ERR_QUERY_FAILED, (*e)->position,
                 "%s needs a condition (BOOLEAN), and this is %s", where, type_name(t));
    if (type_is_numeric(t)) {
        error_hint(b->err, "compare it with something: ... <> 0");
    } else {
        error_hint(b->err, "compare it with something, or test it with IS NOT NULL");
    }
    return ERR_QUERY_FAILED;
}

status
bind_condition(expr **out, context *c, const ast_expr *e) {
    TRY(bind_expr(out, c, e));
    TRY(require_boolean(out, c->binder, c->clause));
    return OK;
}

/* The terms of a chain of one of AND and OR, left to right; without `out` they are only counted. */
static int32_t
collect_terms(const ast_expr *e, text op, const ast_expr **out) {
    if (e->kind != AST_BINARY || !text_equal(e->op, op)) {
        if (out != NULL) {
            out[0] = e;
        }
        return 1;
    }
    const int32_t left = collect_terms(e->args[0], op, out);
    return left + collect_terms(e->args[1], op, out == NULL ? NULL : out + left);
}

/* a AND b AND c may be long: it becomes one flat node, however the parser shaped it. */
static status
bind_logic(expr **out, context *c, const ast_expr *e) {
    binder       *b = c->binder;
    const bool    is_and = text_equal(e->op, TEXT("AND"));
    const int32_t count = collect_terms(e, e->op, NULL);
    expr        **args;
    TRY(make_args(&args, b, count));
    const ast_expr **parts = arena_alloc(b->arena, (size_t)count * sizeof(*parts));
    if (parts == NULL) {
        return out_of_memory(b);
    }
    collect_terms(e, e->op, parts);
    for (int32_t i = 0; i < count; i++) {
        TRY(bind_expr(&args[i], c, parts[i]));
        TRY(require_boolean(&args[i], b, is_and ? "AND" : "OR"));
    }
    *out = make(b, is_and ? EXPR_AND : EXPR_OR, type_of(TYPE_BOOL), args, count, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* What an integer column can hold is compared in its own type. */
static bool
fits_integer(const expr *literal, data_type t) {
    int128 min, max;
    if (literal->kind != EXPR_CONSTANT || literal->constant.is_null ||
        !type_is_integer(literal->type) || !type_is_integer(t) || !type_wide_range(t, &min, &max)) {
        return false;
    }
    const int128 v = value_wide(&literal->constant);
    return v >= min && v <= max;
}

/* NULL, text and integer literals take the type of what they are compared with. */
static status
adapt_literal(expr **literal, binder *b, const expr *other) {
    const expr *l = *literal;
    if (l->kind != EXPR_CONSTANT || other->type.id == TYPE_NULL) {
        return OK;
    }
    if (l->type.id == TYPE_NULL || (is_text_literal(l) && other->type.id != TYPE_TEXT) ||
        fits_integer(l, other->type)) {
        return cast_expr(literal, b, other->type);
    }
    return OK;
}

status
bind_call_two(expr **out, binder *b, const char *name, expr *x, expr *y, int32_t position) {
    expr **args;
    TRY(make_args(&args, b, 2));
    args[0] = x;
    args[1] = y;
    TRY(x == NULL || y == NULL ? out_of_memory(b) : OK);
    return bind_call_named(out, b, text_of(name), args, 2, position);
}

status
bind_compare(expr **out, binder *b, const char *op, expr *lhs, expr *rhs, int32_t position) {
    TRY(adapt_literal(&lhs, b, rhs));
    TRY(adapt_literal(&rhs, b, lhs));
    return bind_call_two(out, b, op, lhs, rhs, position);
}

static bool
is_comparison(text op) {
    return op.size > 0 && (op.data[0] == '<' || op.data[0] == '>' || op.data[0] == '=');
}

static status
bind_binary(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    if (text_equal(e->op, TEXT("AND")) || text_equal(e->op, TEXT("OR"))) {
        return bind_logic(out, c, e);
    }
    if (is_comparison(e->op) && (e->args[0]->kind == AST_ROW || e->args[1]->kind == AST_ROW)) {
        return bind_row_compare(out, c, e);
    }
    expr **args;
    bool   done;
    TRY(bind_json_paths(out, c, e, &done));
    if (done) {
        return OK;
    }
    TRY(bind_args(&args, c, e));
    if (is_comparison(e->op)) {
        const char *names[] = {"=", "<>", "<", "<=", ">", ">="};
        for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
            if (text_equal(e->op, text_of(names[i]))) {
                return bind_compare(out, b, names[i], args[0], args[1], e->position);
            }
        }
    }
    if (b->env->real_division && text_equal(e->op, TEXT("/")) && type_is_integer(args[0]->type) &&
        type_is_integer(args[1]->type)) {
        TRY(cast_expr(&args[0], b, type_of(TYPE_F64)));
        TRY(cast_expr(&args[1], b, type_of(TYPE_F64)));
    }
    return bind_call_named(out, b, e->op, args, 2, e->position);
}

static status
bind_unary(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    if (text_equal(e->op, TEXT("NOT"))) {
        expr **args;
        TRY(bind_args(&args, c, e));
        TRY(require_boolean(&args[0], b, "NOT"));
        *out = make(b, EXPR_NOT, type_of(TYPE_BOOL), args, 1, e->position);
        return *out == NULL ? out_of_memory(b) : OK;
    }
    const bool minus = text_equal(e->op, TEXT("-"));
    if (minus) {
        bool done;
        TRY(bind_negative(out, b, e, &done));
        if (done) {
            return OK;
        }
    }
    expr **args;
    TRY(bind_args(&args, c, e));
    if (text_equal(e->op, TEXT("~"))) {
        return bind_call_named(out, b, TEXT("~"), args, 1, e->position);
    }
    if (minus) {
        return bind_call_named(out, b, TEXT("neg"), args, 1, e->position);
    }
    const data_type t = args[0]->type;
    if (!type_is_numeric(t) && t.id != TYPE_INTERVAL && t.id != TYPE_NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "+ needs a number, and this is %s",
                     type_name(t));
        error_hint(b->err, "write CAST(... AS DOUBLE), or || to join texts");
        return ERR_QUERY_FAILED;
    }
    *out = args[0];
    return OK;
}

static status
bind_cast(expr **out, context *c, const ast_expr *e) {
    binder   *b = c->binder;
    data_type t;
    TRY(bind_type(&t, &e->type, ERR_QUERY_FAILED, b->err));
    expr **args;
    TRY(bind_args(&args, c, e));
    bool done = type_equal(args[0]->type, t);
    if (!done) {
        TRY(zone_cast(&args[0], b, t, e->is_try, &done));
    }
    if (done) {
        *out = args[0];
        return OK;
    }
    if (!e->is_try) {
        TRY(located(b, expr_cast_to(out, b->arena, args[0], t, b->err), e->position));
        return OK;
    }
    *out = make(b, EXPR_TRY_CAST, t, args, 1, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

static status
bind_is_null(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr  **args;
    TRY(bind_args(&args, c, e));
    *out = make(b, EXPR_IS_NULL, type_of(TYPE_BOOL), args, 1, e->position);
    if (*out != NULL && e->negated) {
        expr **inner;
        TRY(make_args(&inner, b, 1));
        inner[0] = *out;
        *out = make(b, EXPR_NOT, type_of(TYPE_BOOL), inner, 1, e->position);
    }
    return *out == NULL ? out_of_memory(b) : OK;
}

static status
refuse_star(binder *b, const ast_expr *e) {
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "* stands for columns of a select list and "
                 "in count(*), not for a value");
    return error_hint(b->err, "name the column");
}

/* A value given from outside stands like a literal: text takes the type of what it meets. */
static status
bind_parameter(expr **out, binder *b, const ast_expr *e) {
    if (e->value == NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "parameters need values, and none were given");
        error_hint(b->err, "give the values with the statement, as a list or by name");
        return ERR_QUERY_FAILED;
    }
    *out = make_constant(b, e->value, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

static status
refuse_collate(binder *b, const ast_expr *e) {
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "COLLATE %.*s says how texts are compared: it stands in a comparison or ORDER BY",
                 TEXT_ARG(e->op));
    return error_hint(b->err, "elsewhere write lower(x) or strip_accents(x)");
}

static status
dispatch(expr **out, context *c, const ast_expr *e) {
    switch (e->kind) {
    case AST_NULL:
    case AST_TRUE:
    case AST_FALSE:
    case AST_INTEGER:
    case AST_FLOAT:
    case AST_STRING:
    case AST_INTERVAL:
    case AST_TYPED:
        return bind_literal(out, c->binder, e);
    case AST_COLUMN:
        return bind_column(out, c, e);
    case AST_STAR:
        refuse_star(c->binder, e);
        return ERR_QUERY_FAILED;
    case AST_COLUMNS:
        return bind_star_column(out, c, e);
    case AST_POSITION:
        return bind_position(out, c, e);
    case AST_PARAMETER:
        return bind_parameter(out, c->binder, e);
    case AST_UNARY:
        return bind_unary(out, c, e);
    case AST_BINARY:
        return bind_binary(out, c, e);
    case AST_CALL:
        return ast_is_call(e, "proctime") ? bind_proctime(out, c, e) : bind_call(out, c, e);
    case AST_CASE:
        return bind_case(out, c, e);
    case AST_CAST:
        return bind_cast(out, c, e);
    case AST_IS_NULL:
        return bind_is_null(out, c, e);
    case AST_IS_BOOL:
        return bind_is_bool(out, c, e);
    case AST_IS_DISTINCT:
        return bind_is_distinct(out, c, e);
    case AST_ROW:
        return bind_row_value(out, c, e);
    case AST_LIST:
        return bind_list(out, c, e);
    case AST_LAMBDA:
        return error_set_at(c->binder->err, ERR_QUERY_FAILED, e->position,
                            "a lambda is an argument of a function such as list_transform");
    case AST_COLLATE:
        return refuse_collate(c->binder, e);
    case AST_DEFAULT:
        return error_set_at(c->binder->err, ERR_QUERY_FAILED, e->position,
                            "DEFAULT stands alone, in the rows of INSERT ... VALUES");
    case AST_SUBQUERY:
        return bind_subquery_value(out, c, e);
    case AST_EXISTS:
        return bind_exists(out, c, e);
    case AST_IN_QUERY:
        return bind_in_query(out, c, e, false);
    case AST_QUANTIFIED:
        return bind_quantified(out, c, e);
    case AST_BETWEEN:
        return bind_between(out, c, e);
    case AST_IN:
        return bind_in(out, c, e);
    case AST_LIKE:
        return bind_like(out, c, e);
    }
    UNREACHABLE();
}

status
bind_expr(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    if (c->depth >= BIND_DEPTH_MAX) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "this expression is nested too deeply (more than %d levels, aliases expanded)",
                     BIND_DEPTH_MAX);
        error_hint(b->err, "compute a part of it in a subquery");
        return ERR_QUERY_FAILED;
    }
    TRY(count_nodes(b, 2, e->position)); /* itself and a NOT or a cast around it */
    TRY(spread_columns(&e, c));
    c->depth++;
    const status s = dispatch(out, c, e);
    c->depth--;
    return s;
}
