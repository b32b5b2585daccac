/* SPDX-License-Identifier: Apache-2.0 */
/* bind_row.c - rows of values: (a, b) = (c, d), (a, b) < (c, d), (a, b) IN ((1, 2), (3, 4)). Each
 * becomes comparisons of single values; < is lexicographic, as the standard has it. */
#include "plan/bind.h"

#include "plan/node.h"

static status
wrong_width(binder *b, const ast_expr *e, int32_t left, int32_t right) {
    return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                        "a row of %d values is compared with one of %d", left, right);
}

static status
make_list(expr **out, binder *b, expr_kind kind, expr **args, int32_t count, int32_t position) {
    *out = count == 1 ? args[0] : make(b, kind, type_of(TYPE_BOOL), args, count, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* x1 = y1 AND x2 = y2 ... */
static status
rows_equal(expr **out, binder *b, expr *const *x, expr *const *y, int32_t count, int32_t position) {
    expr **tests;
    TRY(make_args(&tests, b, count));
    for (int32_t i = 0; i < count; i++) {
        expr *left, *right;
        TRY(copy_expr(&left, b, x[i]));
        TRY(copy_expr(&right, b, y[i]));
        TRY(bind_compare(&tests[i], b, "=", left, right, position));
        TRY(require_boolean(&tests[i], b, "AND"));
    }
    return make_list(out, b, EXPR_AND, tests, count, position);
}

/* x1 < y1 OR (x1 = y1 AND (x2 < y2 OR ...)); the last pair is compared with `op` itself. */
static status
rows_ordered(expr **out, binder *b, const char *op, expr *const *x, expr *const *y, int32_t count,
             int32_t position) {
    const char strict[2] = {op[0], '\0'};
    expr      *left, *right, *before;
    TRY(copy_expr(&left, b, x[0]));
    TRY(copy_expr(&right, b, y[0]));
    TRY(bind_compare(&before, b, count == 1 ? op : strict, left, right, position));
    TRY(require_boolean(&before, b, "OR"));
    if (count == 1) {
        *out = before;
        return OK;
    }
    expr **both, **either;
    TRY(make_args(&both, b, 2));
    TRY(make_args(&either, b, 2));
    TRY(rows_equal(&both[0], b, x, y, 1, position));
    TRY(rows_ordered(&both[1], b, op, x + 1, y + 1, count - 1, position));
    either[0] = before;
    TRY(make_list(&either[1], b, EXPR_AND, both, 2, position));
    return make_list(out, b, EXPR_OR, either, 2, position);
}

status
bind_row_compare(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr  **x, **y;
    int32_t left, right;
    TRY(bind_row_values(&x, &left, c, e->args[0]));
    TRY(bind_row_values(&y, &right, c, e->args[1]));
    if (left != right) {
        return wrong_width(b, e, left, right);
    }
    char op[3] = {0};
    memcpy(op, e->op.data, e->op.size < 2 ? e->op.size : 2);
    if (strcmp(op, "=") != 0 && strcmp(op, "<>") != 0) {
        return rows_ordered(out, b, op, x, y, left, e->position);
    }
    TRY(rows_equal(out, b, x, y, left, e->position));
    return op[0] == '<' ? make_not(out, b) : OK;
}

status
bind_row_in(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr  **x, **tests;
    int32_t count;
    TRY(bind_row_values(&x, &count, c, e->args[0]));
    TRY(make_args(&tests, b, e->arg_count - 1));
    for (int32_t i = 1; i < e->arg_count; i++) {
        expr  **y;
        int32_t width;
        TRY(bind_row_values(&y, &width, c, e->args[i]));
        if (width != count) {
            return wrong_width(b, e->args[i], count, width);
        }
        TRY(rows_equal(&tests[i - 1], b, x, y, count, e->args[i]->position));
    }
    TRY(make_list(out, b, EXPR_OR, tests, e->arg_count - 1, e->position));
    return e->negated ? make_not(out, b) : OK;
}
