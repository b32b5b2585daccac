/* SPDX-License-Identifier: Apache-2.0 */
/* bind_predicate.c - CASE, IN, BETWEEN and their relatives: forms that bring several expressions to
 * one type or use one twice. */
#include "plan/bind.h"

#include "plan/node.h"

static status
negate(expr **e, binder *b, bool wanted) {
    if (!wanted) {
        return OK;
    }
    expr **args;
    TRY(make_args(&args, b, 1));
    args[0] = *e;
    *e = make(b, EXPR_NOT, type_of(TYPE_BOOL), args, 1, args[0]->position);
    return *e == NULL ? out_of_memory(b) : OK;
}

static status
make2(expr **out, binder *b, expr_kind kind, data_type type, expr *x, expr *y, int32_t position) {
    expr **args;
    TRY(make_args(&args, b, 2));
    args[0] = x;
    args[1] = y;
    *out = make(b, kind, type, args, 2, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* Text literals follow the others: CASE ... THEN ts ELSE '2024-01-01' END. */
status
bind_unify(binder *b, expr **exprs, int32_t count, const char *what) {
    data_type common;
    int32_t   odd;
    if (!expr_unify(&common, &odd, exprs, count)) {
        const expr *e = exprs[odd];
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%s mixes %s and %s", what,
                     type_name(common), type_name(e->type));
        error_hint(b->err, "bring them to one type: CAST(... AS %s)", type_name(common));
        return ERR_QUERY_FAILED;
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(cast_expr(&exprs[i], b, common));
    }
    return OK;
}

status
bind_case(expr **out, context *c, const ast_expr *e) {
    binder       *b = c->binder;
    const int32_t branches = e->arg_count / 2;
    expr         *operand = NULL;
    if (e->operand != NULL) {
        TRY(bind_expr(&operand, c, e->operand));
    }
    expr **args;
    TRY(make_args(&args, b, 2 * branches + 1));
    expr **results;
    TRY(make_args(&results, b, branches + 1));
    for (int32_t i = 0; i < branches; i++) {
        TRY(bind_expr(&args[2 * i], c, e->args[2 * i]));
        if (operand != NULL) {
            expr *again;
            TRY(copy_expr(&again, b, operand));
            TRY(bind_compare(&args[2 * i], b, "=", again, args[2 * i], e->args[2 * i]->position));
        }
        TRY(require_boolean(&args[2 * i], b, "WHEN"));
        TRY(bind_expr(&results[i], c, e->args[2 * i + 1]));
    }
    if (e->otherwise != NULL) {
        TRY(bind_expr(&results[branches], c, e->otherwise));
    } else {
        const value null = value_null(TYPE_NULL);
        results[branches] = make_constant(b, &null, e->position);
        if (results[branches] == NULL) {
            return out_of_memory(b);
        }
    }
    TRY(bind_unify(b, results, branches + 1, "CASE"));
    for (int32_t i = 0; i < branches; i++) {
        args[2 * i + 1] = results[i];
    }
    args[2 * branches] = results[branches];
    *out = make(b, EXPR_CASE, results[branches]->type, args, 2 * branches + 1, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* low <= subject <= high, all of them copied. */
static status
bind_within(expr **out, binder *b, const expr *subject, const expr *low, const expr *high,
            int32_t position) {
    expr *both[2], *bounds[2];
    TRY(copy_expr(&both[0], b, subject));
    TRY(copy_expr(&both[1], b, subject));
    TRY(copy_expr(&bounds[0], b, low));
    TRY(copy_expr(&bounds[1], b, high));
    TRY(bind_compare(&bounds[0], b, ">=", both[0], bounds[0], position));
    TRY(bind_compare(&bounds[1], b, "<=", both[1], bounds[1], position));
    return make2(out, b, EXPR_AND, type_of(TYPE_BOOL), bounds[0], bounds[1], position);
}

/* x BETWEEN SYMMETRIC a AND b: the bounds in either order. */
static status
bind_between_symmetric(expr **out, binder *b, expr *const *args, int32_t position) {
    expr *up, *down;
    TRY(bind_within(&up, b, args[0], args[1], args[2], position));
    TRY(bind_within(&down, b, args[0], args[2], args[1], position));
    return make2(out, b, EXPR_OR, type_of(TYPE_BOOL), up, down, position);
}

status
bind_between(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr   *subject, *again, *low, *high;
    TRY(bind_expr(&subject, c, e->args[0]));
    TRY(bind_expr(&low, c, e->args[1]));
    TRY(bind_expr(&high, c, e->args[2]));
    if (text_equal(e->op, TEXT("BETWEEN SYMMETRIC"))) {
        expr *const args[3] = {subject, low, high};
        TRY(bind_between_symmetric(out, b, args, e->position));
        return negate(out, b, e->negated);
    }
    TRY(copy_expr(&again, b, subject));
    TRY(bind_compare(&low, b, ">=", subject, low, e->position));
    TRY(bind_compare(&high, b, "<=", again, high, e->position));
    TRY(make2(out, b, EXPR_AND, type_of(TYPE_BOOL), low, high, e->position));
    return negate(out, b, e->negated);
}

/* x IN (a, b) with computed items: x = a OR x = b. */
static status
bind_in_computed(expr **out, binder *b, expr **args, int32_t count, int32_t position) {
    expr **tests;
    TRY(make_args(&tests, b, count - 1));
    for (int32_t i = 1; i < count; i++) {
        expr *again;
        TRY(copy_expr(&again, b, args[0]));
        TRY(bind_compare(&tests[i - 1], b, "=", again, args[i], args[i]->position));
    }
    *out = count == 2 ? tests[0] : make(b, EXPR_OR, type_of(TYPE_BOOL), tests, count - 1, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* Items that are all of the needle's type or integers that it holds, take that type, so that the
 * column is not cast. */
static bool
narrow_items(const expr *needle, expr **items, int32_t count) {
    int128 min, max;
    if (!type_is_integer(needle->type) || !type_wide_range(needle->type, &min, &max)) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        const expr *e = items[i];
        if (e->kind != EXPR_CONSTANT || !(e->constant.is_null || type_is_integer(e->type))) {
            return false;
        }
        const int128 v = e->constant.is_null ? min : value_wide(&e->constant);
        if (v < min || v > max) {
            return false;
        }
    }
    return true;
}

status
bind_in(expr **out, context *c, const ast_expr *e) {
    binder       *b = c->binder;
    const int32_t count = e->arg_count;
    expr        **args;
    bool          constant = true;
    if (e->args[0]->kind == AST_ROW) {
        return bind_row_in(out, c, e);
    }
    TRY(make_args(&args, b, count));
    for (int32_t i = 0; i < count; i++) {
        TRY(bind_expr(&args[i], c, e->args[i]));
        if (i > 0) {
            TRY(fold_expr(&args[i], b));
            constant = constant && args[i]->kind == EXPR_CONSTANT;
        }
    }
    if (!constant) {
        TRY(bind_in_computed(out, b, args, count, e->position));
        return negate(out, b, e->negated);
    }
    if (narrow_items(args[0], args + 1, count - 1)) {
        for (int32_t i = 1; i < count; i++) {
            TRY(cast_expr(&args[i], b, args[0]->type));
        }
    } else {
        TRY(bind_unify(b, args, count, "IN"));
    }
    *out = make(b, EXPR_IN, type_of(TYPE_BOOL), args, count, e->position);
    if (*out == NULL) {
        return out_of_memory(b);
    }
    return negate(out, b, e->negated);
}

status
bind_like(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr  **args;
    TRY(make_args(&args, b, e->arg_count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(bind_expr(&args[i], c, e->args[i]));
    }
    const text name = text_equal(e->op, TEXT("ILIKE"))        ? TEXT("ilike")
                      : text_equal(e->op, TEXT("SIMILAR TO")) ? TEXT("similar_to")
                      : text_equal(e->op, TEXT("GLOB"))       ? TEXT("glob")
                                                              : TEXT("like");
    TRY(bind_call_named(out, b, name, args, e->arg_count, e->position));
    return negate(out, b, e->negated);
}

/* x IS TRUE: COALESCE(x, FALSE); x IS FALSE: COALESCE(NOT x, FALSE). */
status
bind_is_bool(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr   *subject;
    TRY(bind_expr(&subject, c, e->args[0]));
    TRY(require_boolean(&subject, b, "IS TRUE"));
    TRY(negate(&subject, b, text_equal(e->op, TEXT("FALSE"))));
    expr *no = make_bool(b, false, e->position);
    if (no == NULL) {
        return out_of_memory(b);
    }
    TRY(make2(out, b, EXPR_COALESCE, type_of(TYPE_BOOL), subject, no, e->position));
    return negate(out, b, e->negated);
}

/* COALESCE(x = y, x IS NULL AND y IS NULL); a join takes it for a key where NULL matches NULL. */
status
make_not_distinct(expr **out, binder *b, expr *x, expr *y, int32_t position) {
    expr *both[2], *null[2], *equal, *nulls;
    TRY(bind_compare(&equal, b, "=", x, y, position));
    TRY(cast_expr(&equal, b, type_of(TYPE_BOOL)));
    for (int32_t i = 0; i < 2; i++) {
        const bool compared = equal->kind == EXPR_CALL && equal->arg_count == 2;
        TRY(copy_expr(&both[i], b, compared ? equal->args[i] : i == 0 ? x : y));
        expr **args;
        TRY(make_args(&args, b, 1));
        args[0] = both[i];
        null[i] = make(b, EXPR_IS_NULL, type_of(TYPE_BOOL), args, 1, position);
        if (null[i] == NULL) {
            return out_of_memory(b);
        }
    }
    TRY(make2(&nulls, b, EXPR_AND, type_of(TYPE_BOOL), null[0], null[1], position));
    return make2(out, b, EXPR_COALESCE, type_of(TYPE_BOOL), equal, nulls, position);
}

status
make_not(expr **e, binder *b) {
    return negate(e, b, true);
}

status
bind_is_distinct(expr **out, context *c, const ast_expr *e) {
    expr *both[2];
    for (int32_t i = 0; i < 2; i++) {
        TRY(bind_expr(&both[i], c, e->args[i]));
    }
    TRY(make_not_distinct(out, c->binder, both[0], both[1], e->position));
    return negate(out, c->binder, !e->negated);
}

/* ---- calls with lazy arguments */

typedef enum conditional { NOT_CONDITIONAL, COALESCES, NULL_IF, IF_ELSE } conditional;

static conditional
classify(const ast_expr *e) {
    if (ast_is_call(e, "coalesce") || ast_is_call(e, "ifnull") || ast_is_call(e, "nvl")) {
        return COALESCES;
    }
    if (ast_is_call(e, "nullif")) {
        return NULL_IF;
    }
    return ast_is_call(e, "if") || ast_is_call(e, "iif") ? IF_ELSE : NOT_CONDITIONAL;
}

static status
wrong_count(binder *b, const ast_expr *e, const char *form) {
    error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() got %d argument%s",
                 TEXT_ARG(e->name.text), e->arg_count, e->arg_count == 1 ? "" : "s");
    error_hint(b->err, "write %.*s(%s)", TEXT_ARG(e->name.text), form);
    return ERR_QUERY_FAILED;
}

static status
bind_null_if(expr **out, binder *b, expr **args, int32_t position) {
    expr *kept, *test;
    TRY(copy_expr(&kept, b, args[0]));
    TRY(bind_compare(&test, b, "=", args[0], args[1], position));
    value null = value_null(TYPE_NULL);
    null.type = kept->type;
    expr **branches;
    TRY(make_args(&branches, b, 3));
    branches[0] = test;
    branches[1] = make_constant(b, &null, position);
    branches[2] = kept;
    TRY(branches[1] == NULL ? out_of_memory(b) : OK);
    TRY(require_boolean(&branches[0], b, "nullif"));
    *out = make(b, EXPR_CASE, kept->type, branches, 3, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
bind_conditional(expr **out, context *c, const ast_expr *e, bool *done) {
    binder           *b = c->binder;
    const conditional kind = classify(e);
    const int32_t     count = e->arg_count;
    *done = kind != NOT_CONDITIONAL;
    if (!*done) {
        return OK;
    }
    if (kind == COALESCES && count == 0) {
        return wrong_count(b, e, "x, y, ...");
    }
    if (kind == NULL_IF && count != 2) {
        return wrong_count(b, e, "x, y");
    }
    if (kind == IF_ELSE && count != 2 && count != 3) {
        return wrong_count(b, e, "condition, then, else");
    }
    expr **args;
    TRY(make_args(&args, b, count + 1));
    for (int32_t i = 0; i < count; i++) {
        TRY(bind_expr(&args[i], c, e->args[i]));
    }
    if (kind == NULL_IF) {
        return bind_null_if(out, b, args, e->position);
    }
    if (kind == COALESCES) {
        TRY(bind_unify(b, args, count, "COALESCE"));
        *out =
            count == 1 ? args[0] : make(b, EXPR_COALESCE, args[0]->type, args, count, e->position);
        return *out == NULL ? out_of_memory(b) : OK;
    }
    if (count == 2) {
        const value null = value_null(TYPE_NULL);
        args[2] = make_constant(b, &null, e->position);
        TRY(args[2] == NULL ? out_of_memory(b) : OK);
    }
    TRY(require_boolean(&args[0], b, "if"));
    TRY(bind_unify(b, args + 1, 2, "IF"));
    *out = make(b, EXPR_CASE, args[1]->type, args, 3, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}
