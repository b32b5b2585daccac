/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_condition.c - conditions as lists of conjuncts, and what follows from one. */
#include "plan/rewrite.h"

status
conjuncts_add(rewriter *r, conjuncts *list, expr *e) {
    if (list->count == list->capacity) {
        const int32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        expr        **grown = arena_alloc(r->arena, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return error_memory(r->err);
        }
        if (list->count > 0) {
            memcpy(grown, list->items, (size_t)list->count * sizeof(*grown));
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = e;
    return OK;
}

status
conjuncts_add_all(rewriter *r, conjuncts *list, const conjuncts *more) {
    for (int32_t i = 0; i < more->count; i++) {
        TRY(conjuncts_add(r, list, more->items[i]));
    }
    return OK;
}

status
conjuncts_join(rewriter *r, const conjuncts *list, expr **out) {
    if (list->count == 1) {
        *out = list->items[0];
        return OK;
    }
    *out = expr_make(r->arena, EXPR_AND, type_of(TYPE_BOOL), list->items, list->count,
                     list->items[0]->position);
    return *out == NULL ? error_memory(r->err) : OK;
}

status
conjuncts_above(rewriter *r, plan_node *node, const conjuncts *list, plan_node **out) {
    *out = node;
    if (list->count == 0) {
        return OK;
    }
    expr *predicate;
    TRY(conjuncts_join(r, list, &predicate));
    *out = node_filter(r->arena, node, predicate);
    return *out == NULL ? error_memory(r->err) : OK;
}

/* ---- splitting */

/* A constant condition is evaluated; one that fails is left to the run. */
static status
fold(rewriter *r, expr **e) {
    if ((*e)->kind == EXPR_CONSTANT || !expr_is_constant(*e)) {
        return OK;
    }
    value        v;
    error        ignored = {.position = -1};
    const status s = expr_evaluate(&v, *e, r->eval, r->arena, &ignored);
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(r->err);
    }
    if (s < 0) {
        return OK;
    }
    expr *constant = expr_constant(r->arena, &v, (*e)->position);
    if (constant == NULL) {
        return error_memory(r->err);
    }
    *e = constant;
    return OK;
}

static int32_t
term_count(const expr *e) {
    return e->kind == EXPR_AND ? e->arg_count : 1;
}

static expr *
term_at(expr *e, int32_t i) {
    return e->kind == EXPR_AND ? e->args[i] : e;
}

static bool
has_term(expr *branch, const expr *term) {
    for (int32_t i = 0; i < term_count(branch); i++) {
        if (expr_equal(term_at(branch, i), term)) {
            return true;
        }
    }
    return false;
}

/* Branch `b` of the OR without the common terms; *out stays NULL when nothing is left. */
static status
rest_of(rewriter *r, expr *branch, const conjuncts *common, expr **out) {
    conjuncts rest = {0};
    *out = NULL;
    for (int32_t i = 0; i < term_count(branch); i++) {
        bool shared = false;
        for (int32_t k = 0; k < common->count && !shared; k++) {
            shared = expr_equal(common->items[k], term_at(branch, i));
        }
        if (!shared) {
            TRY(conjuncts_add(r, &rest, term_at(branch, i)));
        }
    }
    return rest.count == 0 ? OK : conjuncts_join(r, &rest, out);
}

/* (a AND x) OR (a AND y) is a AND (x OR y). */
static status
split_or(rewriter *r, conjuncts *list, expr *e) {
    conjuncts common = {0}, branches = {0};
    for (int32_t i = 0; i < term_count(e->args[0]); i++) {
        expr *term = term_at(e->args[0], i);
        bool  everywhere = !expr_is_volatile(term);
        for (int32_t k = 1; k < e->arg_count && everywhere; k++) {
            everywhere = has_term(e->args[k], term);
        }
        if (everywhere) {
            TRY(conjuncts_add(r, &common, term));
        }
    }
    if (common.count == 0) {
        return conjuncts_add(r, list, e);
    }
    TRY(conjuncts_add_all(r, list, &common));
    for (int32_t k = 0; k < e->arg_count; k++) {
        expr *rest;
        TRY(rest_of(r, e->args[k], &common, &rest));
        if (rest == NULL) {
            return OK; /* this branch asks for no more */
        }
        TRY(conjuncts_add(r, &branches, rest));
    }
    expr *either = expr_make(r->arena, EXPR_OR, type_of(TYPE_BOOL), branches.items, branches.count,
                             e->position);
    return either == NULL ? error_memory(r->err) : conjuncts_add(r, list, either);
}

status
conjuncts_split(rewriter *r, conjuncts *list, expr *e) {
    if (e->kind == EXPR_AND) {
        for (int32_t i = 0; i < e->arg_count; i++) {
            TRY(conjuncts_split(r, list, e->args[i]));
        }
        return OK;
    }
    TRY(fold(r, &e));
    if (e->kind == EXPR_CONSTANT && !e->constant.is_null && e->constant.b) {
        return OK;
    }
    return e->kind == EXPR_OR ? split_or(r, list, e) : conjuncts_add(r, list, e);
}

/* ---- what an expression refers to */

static void
note_side(void *arg, int32_t *number) {
    reach *s = arg;
    s->below = s->below || *number < s->boundary;
    s->above = s->above || *number >= s->boundary;
}

reach
reach_of(expr *e, int32_t boundary) {
    reach s = {.boundary = boundary};
    expr_visit_columns(e, note_side, &s);
    return s;
}

static void
shift_column(void *arg, int32_t *number) {
    const int32_t *by = arg;
    *number += *by;
}

void
expr_shift(expr *e, int32_t by) {
    expr_visit_columns(e, shift_column, &by);
}

typedef struct span {
    int32_t first, end;
    bool    any, only;
} span;

static void
note_span(void *arg, int32_t *number) {
    span      *s = arg;
    const bool inside = *number >= s->first && *number < s->end;
    s->any = true;
    s->only = s->only && inside;
}

/* ---- NULLs */

/* Is e NULL whenever the columns are? */
static bool
is_null_with(const expr *e, int32_t first, int32_t end) {
    switch (e->kind) {
    case EXPR_COLUMN:
        return e->column >= first && e->column < end;
    case EXPR_CONSTANT:
        return e->constant.is_null;
    case EXPR_CALL:
        for (int32_t i = 0; i < e->arg_count && function_is_strict(e->function); i++) {
            if (is_null_with(e->args[i], first, end)) {
                return true;
            }
        }
        return false;
    case EXPR_NOT:
    case EXPR_CAST:
    case EXPR_TRY_CAST:
    case EXPR_IN:
        return is_null_with(e->args[0], first, end);
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_COALESCE:
        for (int32_t i = 0; i < e->arg_count; i++) {
            if (!is_null_with(e->args[i], first, end)) {
                return false;
            }
        }
        return true;
    default:
        return false;
    }
}

bool
expr_rejects_nulls(const expr *e, int32_t first, int32_t end) {
    if (is_null_with(e, first, end)) {
        return true;
    }
    if (e->kind == EXPR_NOT && e->args[0]->kind == EXPR_IS_NULL) {
        return is_null_with(e->args[0]->args[0], first, end);
    }
    if (e->kind != EXPR_AND && e->kind != EXPR_OR) {
        return false;
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (expr_rejects_nulls(e->args[i], first, end) == (e->kind == EXPR_AND)) {
            return e->kind == EXPR_AND;
        }
    }
    return e->kind == EXPR_OR;
}

/* ---- what follows */

status
expr_implied(rewriter *r, const expr *e, int32_t first, int32_t end, expr **out) {
    conjuncts branches = {0};
    *out = NULL;
    if (e->kind != EXPR_OR) {
        return OK;
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        conjuncts own = {0};
        for (int32_t k = 0; k < term_count(e->args[i]); k++) {
            expr *term = term_at(e->args[i], k);
            span  s = {.first = first, .end = end, .only = true};
            expr_visit_columns(term, note_span, &s);
            if (s.any && s.only && !expr_is_volatile(term)) {
                expr *copy = expr_copy(r->arena, term);
                TRY(copy == NULL ? error_memory(r->err) : OK);
                TRY(conjuncts_add(r, &own, copy));
            }
        }
        if (own.count == 0) {
            return OK;
        }
        expr *all;
        TRY(conjuncts_join(r, &own, &all));
        TRY(conjuncts_add(r, &branches, all));
    }
    *out = expr_make(r->arena, EXPR_OR, type_of(TYPE_BOOL), branches.items, branches.count,
                     e->position);
    return *out == NULL ? error_memory(r->err) : OK;
}

static bool
is_call_of(const expr *e, const char *name) {
    return e->kind == EXPR_CALL && e->arg_count == 2 &&
           strcmp(function_name(e->function), name) == 0;
}

bool
expr_is_equality(const expr *e, expr **x, expr **y, bool *null_safe) {
    *null_safe = false;
    if (e->kind == EXPR_COALESCE && e->arg_count == 2) { /* x = y, x IS NULL AND y IS NULL */
        const expr *nulls = e->args[1];
        const expr *equal = e->args[0];
        if (!is_call_of(equal, "=") || nulls->kind != EXPR_AND || nulls->arg_count != 2 ||
            nulls->args[0]->kind != EXPR_IS_NULL || nulls->args[1]->kind != EXPR_IS_NULL ||
            !expr_equal(nulls->args[0]->args[0], equal->args[0]) ||
            !expr_equal(nulls->args[1]->args[0], equal->args[1])) {
            return false;
        }
        *null_safe = true;
        e = equal;
    }
    if (!is_call_of(e, "=") || !type_equal(e->args[0]->type, e->args[1]->type)) {
        return false;
    }
    *x = e->args[0];
    *y = e->args[1];
    return true;
}
