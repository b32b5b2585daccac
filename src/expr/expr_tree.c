/* SPDX-License-Identifier: Apache-2.0 */
/* expr_tree.c - making, copying, comparing and walking expression trees. Their depth is bounded by
 * the parser's. */
#include "batch/routine.h"

#include "expr/call.h"

static expr *
make(arena *a, expr_kind kind, data_type type, int32_t position) {
    expr *e = arena_alloc_zero(a, sizeof(*e));
    if (e != NULL) {
        e->kind = kind;
        e->type = type;
        e->position = position;
    }
    return e;
}

expr *
expr_column(arena *a, int32_t number, data_type type, int32_t position) {
    expr *e = make(a, EXPR_COLUMN, type, position);
    if (e != NULL) {
        e->column = number;
    }
    return e;
}

expr *
expr_constant(arena *a, const value *v, int32_t position) {
    expr *e = make(a, EXPR_CONSTANT, v->type, position);
    if (e == NULL) {
        return NULL;
    }
    e->constant = *v;
    if (physical_is_view(type_physical(v->type)) && !v->is_null) {
        e->constant.s = arena_text(a, v->s);
        if (e->constant.s.data == NULL) {
            return NULL;
        }
    }
    return e;
}

expr *
expr_make(arena *a, expr_kind kind, data_type type, expr **args, int32_t arg_count,
          int32_t position) {
    expr *e = make(a, kind, type, position);
    if (e == NULL) {
        return NULL;
    }
    e->args = arena_alloc(a, (size_t)arg_count * sizeof(*e->args));
    if (e->args == NULL) {
        return NULL;
    }
    if (arg_count > 0) {
        memcpy(e->args, args, (size_t)arg_count * sizeof(*e->args));
    }
    e->arg_count = arg_count;
    return e;
}

status
expr_cast_to(expr **out, arena *a, expr *e, data_type t, error *err) {
    if (type_equal(e->type, t)) {
        *out = e;
        return OK;
    }
    if (e->kind == EXPR_CONSTANT) {
        value        v = {.type = t, .is_null = true};
        const bool   exact = t.id == TYPE_DECIMAL && e->digits.size > 0;
        const status s = e->constant.is_null ? OK
                         : exact             ? value_parse(&v, t, e->digits, err)
                                             : value_cast(&v, &e->constant, t, a, err);
        if (s < 0) {
            if (err != NULL && s != ERR_OUT_OF_MEMORY) {
                err->position = e->position;
            }
            return s;
        }
        v.type = t;
        *out = expr_constant(a, &v, e->position);
    } else {
        if (!type_casts(e->type, t)) { /* said now, not by the first row of a stream */
            return error_set_at(err, ERR_QUERY_FAILED, e->position, "cannot convert %s to %s",
                                type_name(e->type), type_name(t));
        }
        *out = expr_make(a, EXPR_CAST, t, &e, 1, e->position);
    }
    return *out == NULL ? error_memory(err) : OK;
}

bool
constant_equal(const value *x, const value *y) {
    if (!type_equal(x->type, y->type) || x->is_null != y->is_null) {
        return false;
    }
    if (x->is_null) {
        return true;
    }
    if (type_is_float(x->type)) {
        return memcmp(&x->d, &y->d, sizeof(x->d)) == 0;
    }
    if (type_physical(x->type) == PHYSICAL_INTERVAL) {
        return memcmp(&x->iv, &y->iv, sizeof(x->iv)) == 0;
    }
    return value_compare(x, y) == 0;
}

bool
expr_equal(const expr *x, const expr *y) {
    if (x == y) {
        return true;
    }
    if (x->kind != y->kind || !type_equal(x->type, y->type) || x->arg_count != y->arg_count ||
        x->column != y->column || x->function != y->function ||
        !routine_same(x->routine, y->routine)) {
        return false;
    }
    if (x->kind == EXPR_CONSTANT) {
        return constant_equal(&x->constant, &y->constant);
    }
    if (x->kind == EXPR_LAMBDA &&
        (x->lambda->kind != y->lambda->kind || x->lambda->given != y->lambda->given ||
         !expr_equal(x->lambda->body, y->lambda->body))) {
        return false;
    }
    for (int32_t i = 0; i < x->arg_count; i++) {
        if (!expr_equal(x->args[i], y->args[i])) {
            return false;
        }
    }
    return true;
}

bool
expr_is_constant(const expr *e) {
    if (e->kind == EXPR_COLUMN || e->kind == EXPR_OUTER ||
        (e->kind == EXPR_CALL && (e->routine != NULL || function_is_volatile(e->function)))) {
        return false;
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (!expr_is_constant(e->args[i])) {
            return false;
        }
    }
    return true;
}

bool
expr_is_constant_call(const expr *e) {
    return !function_is_volatile(e->function);
}

void
expr_visit_columns(expr *e, void (*fn)(void *arg, int32_t *column), void *arg) {
    if (e->kind == EXPR_COLUMN) {
        fn(arg, &e->column);
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        expr_visit_columns(e->args[i], fn, arg);
    }
}

expr *
expr_copy(arena *a, const expr *e) {
    if (e->kind == EXPR_CONSTANT) {
        expr *same = expr_constant(a, &e->constant, e->position);
        if (same != NULL && e->digits.size > 0) {
            same->digits = arena_text(a, e->digits);
        }
        return same == NULL || (e->digits.size > 0 && same->digits.data == NULL) ? NULL : same;
    }
    expr *c = expr_make(a, e->kind, e->type, e->args, e->arg_count, e->position);
    if (c == NULL) {
        return NULL;
    }
    c->column = e->column;
    c->function = e->function;
    c->routine = e->routine;
    c->lambda = e->lambda;
    for (int32_t i = 0; i < e->arg_count; i++) {
        c->args[i] = expr_copy(a, e->args[i]);
        if (c->args[i] == NULL) {
            return NULL;
        }
    }
    return c;
}
