/* SPDX-License-Identifier: Apache-2.0 */
/* compile_choice.c - AND, OR, CASE and COALESCE. Parts that cannot fail and cost little are
 * computed for all rows; the others only for the rows that need them. Constant conditions choose
 * now. */
#include "expr/compile.h"

static bool
all_simple(const expr *e) {
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (!compile_is_simple(e->args[i], 0)) {
            return false;
        }
    }
    return true;
}

static bool
is_true(const term *t) {
    return t->is_constant && !t->constant.is_null && t->constant.b;
}

static bool
is_never_true(const term *t) {
    return t->is_constant && (t->constant.is_null || !t->constant.b);
}

/* ---- AND, OR */
/* The operands of nested ANDs (ORs) in one list; with list == NULL, how many there are. */
static int32_t
flatten(const expr *e, expr_kind kind, int32_t depth, const expr **list) {
    if (e->kind != kind || depth > EXPR_DEPTH_MAX) {
        if (list != NULL) {
            *list = e;
        }
        return 1;
    }
    int32_t n = 0;
    for (int32_t i = 0; i < e->arg_count; i++) {
        n += flatten(e->args[i], kind, depth + 1, list == NULL ? NULL : list + n);
    }
    return n;
}

/* Simple parts first, the rest behind, each in the order written. Returns how many are simple. */
static int32_t
order_parts(const expr **parts, const expr **ordered, int32_t count) {
    int32_t simple = 0;
    for (int32_t i = 0; i < count; i++) {
        if (compile_is_simple(parts[i], 0)) {
            ordered[simple++] = parts[i];
        }
    }
    int32_t n = simple;
    for (int32_t i = 0; i < count; i++) {
        if (!compile_is_simple(parts[i], 0)) {
            ordered[n++] = parts[i];
        }
    }
    return simple;
}

/* The simple parts as one term; *decided when a constant among them decides the whole. */
static status
compile_simple_parts(compiler *c, const expr *e, const expr *const *parts, int32_t count,
                     int32_t *out, bool *decided) {
    const bool is_and = e->kind == EXPR_AND;
    int32_t    kept = 0;
    int32_t   *terms = arena_alloc(c->arena, (size_t)count * sizeof(*terms));
    if (terms == NULL) {
        return error_memory(c->err);
    }
    *decided = false;
    for (int32_t i = 0; i < count && !*decided; i++) {
        TRY(compile_expr(c, parts[i], &terms[kept]));
        const term *t = &c->terms[terms[kept]];
        if (t->is_constant && !t->constant.is_null) {
            *decided = t->constant.b != is_and;
        } else {
            kept++;
        }
    }
    if (*decided || kept == 0) {
        const value v = {.type = e->type, .b = *decided ? !is_and : is_and};
        return compile_constant(c, &v, out);
    }
    const step s = {.kind = is_and ? STEP_AND : STEP_OR, .type = e->type, .position = e->position};
    if (kept > 1) {
        return compile_step(c, &s, terms, kept, NULL, out);
    }
    *out = terms[0];
    return OK;
}

static status
compile_hard_parts(compiler *c, const expr *e, const expr *const *parts, int32_t count,
                   int32_t first, int32_t *out) {
    const bool      is_and = e->kind == EXPR_AND;
    const step_kind store = is_and ? STEP_STORE_AND : STEP_STORE_OR;
    int32_t         number;
    TRY(compile_open(c, is_and ? STEP_OPEN_AND : STEP_OPEN_OR, e, &number));
    TRY(compile_choice_step(c, store, number, e, first));
    for (int32_t i = 0; i < count; i++) {
        scope   s;
        int32_t t;
        TRY(compile_enter(c, STEP_ENTER_REST, number, e, &s));
        TRY(compile_expr(c, parts[i], &t));
        TRY(compile_choice_step(c, store, number, e, t));
        TRY(compile_leave(c, number, e));
    }
    return compile_close(c, number, e, out);
}

status
compile_logic(compiler *c, const expr *e, int32_t *out) {
    const int32_t count = flatten(e, e->kind, 0, NULL);
    const size_t  bytes = (size_t)count * sizeof(const expr *);
    const expr  **parts = arena_alloc(c->arena, bytes);
    const expr  **ordered = arena_alloc(c->arena, bytes);
    int32_t       first = -1;
    bool          decided = false;
    if (parts == NULL || ordered == NULL) {
        return error_memory(c->err);
    }
    flatten(e, e->kind, 0, parts);
    int32_t at = order_parts(parts, ordered, count);
    TRY(compile_simple_parts(c, e, ordered, at, &first, &decided));
    *out = first;
    if (at == count || decided) {
        return OK;
    }
    const int32_t known = compile_find_choice(c, e);
    if (known >= 0) {
        *out = known;
        return OK;
    }
    if (c->terms[first].is_constant && !c->terms[first].constant.is_null) {
        TRY(compile_expr(c, ordered[at++], &first)); /* nothing simple holds anyone back */
        *out = first;
        if (at == count) {
            return OK;
        }
    }
    return compile_hard_parts(c, e, ordered + at, count - at, first, out);
}

/* ---- CASE */
/* A result; NULL without a type gets the type of the whole. */
static status
compile_result(compiler *c, const expr *e, data_type type, int32_t *out) {
    if (e->kind == EXPR_CONSTANT && e->constant.is_null) {
        const value v = {.type = type, .is_null = true};
        return compile_constant(c, &v, out);
    }
    assert(type_equal(e->type, type));
    return compile_expr(c, e, out);
}

static status
compile_simple_case(compiler *c, const expr *e, int32_t *out) {
    int32_t *terms = arena_alloc(c->arena, (size_t)e->arg_count * sizeof(*terms));
    int32_t  kept = 0;
    int32_t  last = e->arg_count - 1;
    if (terms == NULL) {
        return error_memory(c->err);
    }
    for (int32_t i = 0; i + 1 < e->arg_count; i += 2) {
        TRY(compile_expr(c, e->args[i], &terms[kept]));
        if (is_true(&c->terms[terms[kept]])) {
            last = i + 1;
            break;
        }
        if (!is_never_true(&c->terms[terms[kept]])) {
            TRY(compile_result(c, e->args[i + 1], e->type, &terms[kept + 1]));
            kept += 2;
        }
    }
    TRY(compile_result(c, e->args[last], e->type, &terms[kept]));
    if (kept == 0) {
        *out = terms[0];
        return OK;
    }
    const step s = {.kind = STEP_CASE, .type = e->type, .position = e->position};
    return compile_step(c, &s, terms, kept + 1, NULL, out);
}

/* The result of a branch, for the rows of a frame. A NULL needs no step: results start as NULL. */
static status
compile_branch(compiler *c, const expr *whole, const expr *result, bool is_rest, int32_t number) {
    scope   s;
    int32_t t;
    if (result->kind == EXPR_CONSTANT && result->constant.is_null) {
        return OK;
    }
    TRY(compile_enter(c, is_rest ? STEP_ENTER_REST : STEP_ENTER_TAKEN, number, whole, &s));
    TRY(compile_result(c, result, whole->type, &t));
    TRY(compile_choice_step(c, is_rest ? STEP_STORE_REST : STEP_STORE_TAKEN, number, whole, t));
    return compile_leave(c, number, whole);
}

/* From pair `at` on, whose condition is already there as term `condition`. */
static status
compile_pairs(compiler *c, const expr *e, int32_t at, int32_t condition, int32_t *out) {
    int32_t number;
    TRY(compile_open(c, STEP_OPEN, e, &number));
    TRY(compile_choice_step(c, STEP_SPLIT, number, e, condition));
    TRY(compile_branch(c, e, e->args[at + 1], false, number));
    for (int32_t i = at + 2; i + 1 < e->arg_count; i += 2) {
        scope s;
        TRY(compile_enter(c, STEP_ENTER_REST, number, e, &s));
        TRY(compile_expr(c, e->args[i], &condition));
        TRY(compile_choice_step(c, STEP_SPLIT, number, e, condition));
        TRY(compile_leave(c, number, e));
        TRY(compile_branch(c, e, e->args[i + 1], false, number));
    }
    TRY(compile_branch(c, e, e->args[e->arg_count - 1], true, number));
    return compile_close(c, number, e, out);
}

status
compile_case(compiler *c, const expr *e, int32_t *out) {
    if (all_simple(e)) {
        return compile_simple_case(c, e, out);
    }
    *out = compile_find_choice(c, e);
    if (*out >= 0) {
        return OK;
    }
    for (int32_t i = 0; i + 1 < e->arg_count; i += 2) {
        int32_t t;
        TRY(compile_expr(c, e->args[i], &t));
        if (is_true(&c->terms[t])) {
            return compile_result(c, e->args[i + 1], e->type, out);
        }
        if (!is_never_true(&c->terms[t])) {
            return compile_pairs(c, e, i, t, out);
        }
    }
    return compile_result(c, e->args[e->arg_count - 1], e->type, out);
}

/* ---- COALESCE */
static status
compile_simple_coalesce(compiler *c, const expr *e, int32_t *out) {
    int32_t *terms = arena_alloc(c->arena, (size_t)e->arg_count * sizeof(*terms));
    int32_t  kept = 0;
    if (terms == NULL) {
        return error_memory(c->err);
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(compile_result(c, e->args[i], e->type, &terms[kept]));
        const term *t = &c->terms[terms[kept]];
        const bool  is_last = t->is_constant && !t->constant.is_null;
        kept += !t->is_constant || is_last;
        if (is_last) {
            break;
        }
    }
    if (kept == 0) {
        const value v = {.type = e->type, .is_null = true};
        return compile_constant(c, &v, out);
    }
    *out = terms[0];
    const step s = {.kind = STEP_COALESCE, .type = e->type, .position = e->position};
    return kept == 1 ? OK : compile_step(c, &s, terms, kept, NULL, out);
}

status
compile_coalesce(compiler *c, const expr *e, int32_t *out) {
    int32_t number;
    int32_t t;
    if (all_simple(e)) {
        return compile_simple_coalesce(c, e, out);
    }
    *out = compile_find_choice(c, e);
    if (*out >= 0) {
        return OK;
    }
    TRY(compile_result(c, e->args[0], e->type, &t));
    if (e->arg_count == 1 || (c->terms[t].is_constant && !c->terms[t].constant.is_null)) {
        *out = t;
        return OK;
    }
    TRY(compile_open(c, STEP_OPEN, e, &number));
    TRY(compile_choice_step(c, STEP_STORE_VALID, number, e, t));
    for (int32_t i = 1; i < e->arg_count; i++) {
        scope s;
        TRY(compile_enter(c, STEP_ENTER_REST, number, e, &s));
        TRY(compile_result(c, e->args[i], e->type, &t));
        TRY(compile_choice_step(c, STEP_STORE_VALID, number, e, t));
        TRY(compile_leave(c, number, e));
    }
    return compile_close(c, number, e, out);
}
