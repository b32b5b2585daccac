/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_keep.c - volatile functions in streams. Their calls move out of projections and filters
 * into a KEEP below, whose columns they become: so each is computed once for a row, wherever the
 * text uses it, and a retraction carries the value that the row had. */
#include "plan/node.h"

typedef struct keeper {
    arena  *arena;
    error  *err;
    int32_t count, capacity;
    expr  **calls;
} keeper;

static status
add_call(keeper *k, expr *e, int32_t *at) {
    for (*at = 0; *at < k->count; (*at)++) {
        if (expr_equal(k->calls[*at], e)) {
            return OK;
        }
    }
    if (k->count == k->capacity) {
        const int32_t capacity = k->capacity == 0 ? 4 : 2 * k->capacity;
        expr        **grown = arena_alloc(k->arena, (size_t)capacity * sizeof(expr *));
        if (grown == NULL) {
            return error_memory(k->err);
        }
        if (k->count > 0) {
            memcpy(grown, k->calls, (size_t)k->count * sizeof(expr *));
        }
        k->calls = grown;
        k->capacity = capacity;
    }
    k->calls[k->count++] = e;
    return OK;
}

/* Puts columns from `width` on in the place of volatile calls, outermost ones first. */
static status
take_calls(keeper *k, expr **e, int32_t width) {
    if (!expr_is_volatile(*e)) {
        return OK;
    }
    if ((*e)->kind != EXPR_CALL || expr_is_constant_call(*e)) {
        for (int32_t i = 0; i < (*e)->arg_count; i++) {
            TRY(take_calls(k, &(*e)->args[i], width));
        }
        return OK;
    }
    int32_t at;
    expr   *call = *e;
    TRY(add_call(k, call, &at));
    *e = expr_column(k->arena, width + at, call->type, call->position);
    return *e == NULL ? error_memory(k->err) : OK;
}

static status
put_keep(keeper *k, plan_node *n) {
    plan_node    *input = n->inputs[0];
    const int32_t width = input->schema.count;
    plan_node    *keep = node_new(k->arena, PLAN_KEEP, 1, width + k->count);
    if (keep == NULL) {
        return error_memory(k->err);
    }
    keep->inputs[0] = input;
    keep->exprs = k->calls;
    keep->kept_count = k->count;
    for (int32_t i = 0; i < width; i++) {
        keep->schema.fields[i] = input->schema.fields[i];
    }
    for (int32_t i = 0; i < k->count; i++) {
        field *f = &keep->schema.fields[width + i];
        *f = (field){.name = expr_label(k->arena, k->calls[i], &input->schema),
                     .type = k->calls[i]->type,
                     .nullable = true};
        if (f->name.data == NULL) {
            return error_memory(k->err);
        }
    }
    n->inputs[0] = keep;
    return OK;
}

static status
refuse_join(keeper *k, const expr *e) {
    error_set_at(k->err, ERR_QUERY_FAILED, e->position,
                 "a function with a new value for each call cannot stand in the ON of an outer "
                 "join of a stream");
    error_hint(k->err, "compute it for the rows of one side, in a subquery of FROM");
    return ERR_QUERY_FAILED;
}

/* A FILTER hands its input's columns on: what was added is taken away above it. */
static status
keep_filter(keeper *k, plan_node **n) {
    const int32_t width = (*n)->schema.count;
    TRY(take_calls(k, &(*n)->predicate, width));
    if (k->count == 0) {
        return OK;
    }
    TRY(put_keep(k, *n));
    plan_node *filter = node_filter(k->arena, (*n)->inputs[0], (*n)->predicate);
    expr     **exprs = arena_alloc(k->arena, (size_t)width * sizeof(expr *));
    if (filter == NULL || exprs == NULL) {
        return error_memory(k->err);
    }
    for (int32_t i = 0; i < width; i++) {
        exprs[i] = expr_column(k->arena, i, (*n)->schema.fields[i].type, -1);
        if (exprs[i] == NULL) {
            return error_memory(k->err);
        }
    }
    *n = node_project(k->arena, filter, exprs, width);
    return *n == NULL ? error_memory(k->err) : OK;
}

static status
keep_node(plan_node **n, arena *a, error *err) {
    keeper k = {.arena = a, .err = err};
    for (int32_t i = 0; i < plan_own_inputs(*n); i++) {
        TRY(keep_node(&(*n)->inputs[i], a, err));
    }
    switch ((*n)->kind) {
    case PLAN_FILTER:
        return keep_filter(&k, n);
    case PLAN_PROJECT:
        for (int32_t i = 0; i < (*n)->schema.count; i++) {
            TRY(take_calls(&k, &(*n)->exprs[i], (*n)->inputs[0]->schema.count));
        }
        return k.count == 0 ? OK : put_keep(&k, *n);
    case PLAN_JOIN:
        return (*n)->predicate != NULL && expr_is_volatile((*n)->predicate)
                   ? refuse_join(&k, (*n)->predicate)
                   : OK;
    default:
        return OK;
    }
}

status
plan_keep_volatile(plan_node **root, arena *a, error *err) {
    return keep_node(root, a, err);
}
