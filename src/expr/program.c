/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - from expression trees to a program: one walk that makes terms of nodes. */
#include "expr/compile.h"

/* ---- what may be computed for rows that do not need it */
static bool
is_simple_cast(const expr *e) {
    return type_casts_implicitly(e->args[0]->type, e->type);
}

bool
compile_is_simple(const expr *e, int32_t depth) {
    if (depth > EXPR_DEPTH_MAX ||
        (e->kind == EXPR_CALL && (e->function->flags & (FN_FALLIBLE | FN_HEAVY)) != 0) ||
        (e->kind == EXPR_CAST && !is_simple_cast(e)) || e->kind == EXPR_TRY_CAST ||
        e->kind == EXPR_LAMBDA) {
        return false;
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (!compile_is_simple(e->args[i], depth + 1)) {
            return false;
        }
    }
    return true;
}

bool
expr_cannot_fail(const expr *e) {
    return compile_is_simple(e, 0);
}

/* ---- nodes */
static status
compile_args(compiler *c, const expr *e, int32_t **out) {
    *out = arena_alloc(c->arena, (size_t)e->arg_count * sizeof(**out));
    if (*out == NULL) {
        return error_memory(c->err);
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(compile_expr(c, e->args[i], &(*out)[i]));
    }
    return OK;
}

static status
compile_plain(compiler *c, const expr *e, step_kind kind, int32_t *out) {
    step     s = {.kind = kind,
                  .type = e->type,
                  .position = e->position,
                  .function = e->function,
                  .routine = e->routine};
    int32_t *args;
    s.serial = step_is_volatile(&s) ? e->column : 0;
    TRY(compile_args(c, e, &args));
    return compile_step(c, &s, args, e->arg_count, NULL, out);
}

/* x IN (a, b, c) with members that are not constant: x = a OR x = b OR x = c. */
static status
compile_in_as_or(compiler *c, const expr *e, int32_t *out) {
    expr **parts = arena_alloc(c->arena, (size_t)e->arg_count * sizeof(*parts));
    if (parts == NULL) {
        return error_memory(c->err);
    }
    for (int32_t i = 1; i < e->arg_count; i++) {
        expr *pair[2] = {e->args[0], e->args[i]};
        TRY(expr_call(&parts[i - 1], c->arena, TEXT("="), pair, 2, e->position, c->err));
    }
    const expr *all = expr_make(c->arena, EXPR_OR, e->type, parts, e->arg_count - 1, e->position);
    return all == NULL ? error_memory(c->err) : compile_logic(c, all, out);
}

static status
in_type(compiler *c, const expr *e, data_type *out) {
    *out = e->args[0]->type;
    for (int32_t i = 1; i < e->arg_count; i++) {
        const data_type member = e->args[i]->type;
        if (!type_unify(*out, member, out)) {
            (void)error_set_at(c->err, ERR_QUERY_FAILED, e->args[i]->position,
                               "IN cannot compare %s with %s", type_name(e->args[0]->type),
                               type_name(member));
            (void)error_hint(c->err, "cast one side to the type of the other");
            return ERR_QUERY_FAILED;
        }
    }
    return OK;
}

static status
compile_in(compiler *c, const expr *e, int32_t *out) {
    for (int32_t i = 1; i < e->arg_count; i++) {
        if (e->args[i]->kind != EXPR_CONSTANT) {
            return compile_in_as_or(c, e, out);
        }
    }
    const size_t count = (size_t)(e->arg_count - 1);
    value       *members = arena_alloc(c->arena, count * sizeof(*members));
    step         s = {.kind = STEP_IN, .type = e->type, .position = e->position};
    data_type    type;
    expr        *needle;
    int32_t      arg;
    if (members == NULL) {
        return error_memory(c->err);
    }
    TRY(in_type(c, e, &type));
    TRY(expr_cast_to(&needle, c->arena, e->args[0], type, c->err));
    for (size_t i = 0; i < count; i++) {
        expr *member;
        TRY(expr_cast_to(&member, c->arena, e->args[i + 1], type, c->err));
        members[i] = member->constant;
    }
    TRY(compile_expr(c, needle, &arg));
    TRY(in_set_make(&s.set, c->arena, members, (int32_t)count, type, c->err));
    return compile_step(c, &s, &arg, 1, e, out);
}

static status
compile_lambda(compiler *c, const expr *e, int32_t *out) {
    step     s = {.kind = STEP_LAMBDA, .type = e->type, .position = e->position};
    int32_t *args;
    TRY(compile_args(c, e, &args));
    TRY(lambda_step_make(&s.lambda, c->arena, e, c->err));
    return compile_step(c, &s, args, e->arg_count, e, out);
}

static status
compile_node(compiler *c, const expr *e, int32_t *out) {
    switch (e->kind) {
    case EXPR_COLUMN:
        return compile_column(c, e, out);
    case EXPR_CONSTANT:
        return compile_constant(c, &e->constant, out);
    case EXPR_CALL:
        return compile_plain(c, e, STEP_CALL, out);
    case EXPR_AND:
    case EXPR_OR:
        return compile_logic(c, e, out);
    case EXPR_NOT:
        return compile_plain(c, e, STEP_NOT, out);
    case EXPR_IS_NULL:
        return compile_plain(c, e, STEP_IS_NULL, out);
    case EXPR_CASE:
        return compile_case(c, e, out);
    case EXPR_COALESCE:
        return compile_coalesce(c, e, out);
    case EXPR_CAST:
        return compile_plain(c, e, STEP_CAST, out);
    case EXPR_TRY_CAST:
        return compile_plain(c, e, STEP_TRY_CAST, out);
    case EXPR_IN:
        return compile_in(c, e, out);
    case EXPR_LAMBDA:
        return compile_lambda(c, e, out);
    case EXPR_OUTER:
        return error_set_at(c->err, ERR_INTERNAL_ERROR, e->position,
                            "a column of an outer query was left in a plan");
    }
    UNREACHABLE();
}

status
compile_expr(compiler *c, const expr *e, int32_t *out) {
    if (c->depth >= EXPR_DEPTH_MAX) {
        return error_set_at(c->err, ERR_QUERY_FAILED, e->position,
                            "the expression is nested more than %d levels deep", EXPR_DEPTH_MAX);
    }
    c->depth++;
    const status s = compile_node(c, e, out);
    c->depth--;
    return s;
}

/* ---- programs */
static status
compile_output(compiler *c, const expr *e, output *o) {
    *o = (output){.column = -1};
    if (e->kind == EXPR_COLUMN) {
        o->column = e->column;
        return OK;
    }
    int32_t t;
    TRY(compile_expr(c, e, &t));
    return compile_reg(c, t, &o->reg);
}

/* A volatile call has one value a row wherever it stands: it is computed before any branch is
 * taken.
 */
static status
compile_volatile(compiler *c, const expr *e, int32_t depth) {
    if (e->kind == EXPR_CALL && function_is_volatile(e->function)) {
        int32_t t;
        return compile_expr(c, e, &t);
    }
    for (int32_t i = 0; i < e->arg_count && depth < EXPR_DEPTH_MAX; i++) {
        TRY(compile_volatile(c, e->args[i], depth + 1));
    }
    return OK;
}

status
program_compile_for(program **out, arena *a, expr *const *exprs, int32_t count, const schema *input,
                    const eval_env *eval, error *err) {
    compiler c = {.arena = a, .err = err, .input = input};
    c.program = arena_alloc_zero(a, sizeof(*c.program));
    c.scope = &c.root;
    if (c.program == NULL) {
        return error_memory(err);
    }
    c.program->eval = eval;
    c.program->outputs = arena_alloc(a, (size_t)count * sizeof(*c.program->outputs));
    if (c.program->outputs == NULL) {
        return error_memory(err);
    }
    c.program->output_count = count;
    for (int32_t i = 0; i < count; i++) {
        TRY(compile_volatile(&c, exprs[i], 0));
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(compile_output(&c, exprs[i], &c.program->outputs[i]));
    }
    *out = c.program;
    return OK;
}

status
program_compile(program **out, arena *a, expr *const *exprs, int32_t count, const schema *input,
                error *err) {
    return program_compile_for(out, a, exprs, count, input, NULL, err);
}

status
eval_value_too_long(int32_t size, int32_t most, error *err) {
    error_set(err, ERR_QUERY_FAILED, "a value of %d bytes is too long; at most %d are allowed",
              size, most);
    return error_hint(err, "RESET max_value_bytes allows more");
}

status
expr_evaluate(value *out, const expr *e, const eval_env *s, arena *a, error *err) {
    const schema none = {.count = 0};
    const delta  one = {.row_count = 1};
    expr *const  self[1] = {(expr *)(uintptr_t)e};
    program     *p = NULL;
    column       result;
    TRY(program_compile_for(&p, a, self, 1, &none, s, err));
    TRY(program_run(p, &one, &result, a, err));
    *out = column_value(&result, 0);
    out->type = e->type;
    return OK;
}

status
expr_evaluate_constant(value *out, const expr *e, arena *a, error *err) {
    assert(expr_is_constant(e));
    return expr_evaluate(out, e, NULL, a, err);
}
