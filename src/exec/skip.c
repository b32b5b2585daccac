/* SPDX-License-Identifier: Apache-2.0 */
/* skip.c - what a filter directly above a scan spares it: segments that cannot match, by their
 * smallest and largest values; all but one row, by a key.
 *
 * Only conjuncts of the form column <op> constant over integer-like columns are looked at;
 * everything else may match. A skipped segment has no row for which the conjunct is true (NULL is
 * not true). */
#include "exec/skip.h"

static bool
range_may_match(text op, int64_t min, int64_t max, int64_t bound) {
    if (text_equal(op, TEXT("="))) {
        return min <= bound && bound <= max;
    }
    if (text_equal(op, TEXT("<"))) {
        return min < bound;
    }
    if (text_equal(op, TEXT("<="))) {
        return min <= bound;
    }
    if (text_equal(op, TEXT(">"))) {
        return max > bound;
    }
    if (text_equal(op, TEXT(">="))) {
        return max >= bound;
    }
    return true;
}

static text
mirrored(text op) {
    if (op.data[0] == '<' && (op.size == 1 || op.data[1] == '=')) {
        return op.size == 1 ? TEXT(">") : TEXT(">=");
    }
    if (op.data[0] == '>') {
        return op.size == 1 ? TEXT("<") : TEXT("<=");
    }
    return op;
}

/* Its value is in `i`, and segments have ranges of its type (segment.c). */
static bool
is_integer_constant(const expr *e) {
    if (e->kind != EXPR_CONSTANT || e->constant.is_null) {
        return false;
    }
    switch (type_physical(e->type)) {
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64:
    case PHYSICAL_U8:
    case PHYSICAL_U16:
    case PHYSICAL_U32:
        return true;
    default:
        return false;
    }
}

static bool
comparison_may_match(const expr *e, const plan_node *scan, const table_cursor *c) {
    text        op = text_of(function_name(e->function));
    const expr *left = e->args[0], *right = e->args[1];
    if (left->kind == EXPR_CONSTANT) {
        const expr *swap = left;
        left = right;
        right = swap;
        op = mirrored(op);
    }
    int64_t min, max;
    if (left->kind != EXPR_COLUMN || !is_integer_constant(right) ||
        !type_equal(left->type, right->type)) {
        return true;
    }
    const int32_t at = scan->column_map == NULL ? left->column : scan->column_map[left->column];
    return at >= scan->object->schema->count || !table_cursor_minmax(c, at, &min, &max) ||
           range_may_match(op, min, max, right->constant.i);
}

bool
segment_may_match(const expr *predicate, const plan_node *scan, const table_cursor *c) {
    if (predicate->kind == EXPR_AND) {
        for (int32_t i = 0; i < predicate->arg_count; i++) {
            if (!segment_may_match(predicate->args[i], scan, c)) {
                return false;
            }
        }
        return true;
    }
    if (predicate->kind != EXPR_CALL || predicate->arg_count != 2) {
        return true;
    }
    return comparison_may_match(predicate, scan, c);
}

/* ---- by key */

/* The constant that the condition sets the column of the object equal to, or NULL. */
static const value *
constant_of(const expr *e, const plan_node *scan, int32_t number) {
    if (e->kind == EXPR_AND) {
        const value *found = NULL;
        for (int32_t i = 0; found == NULL && i < e->arg_count; i++) {
            found = constant_of(e->args[i], scan, number);
        }
        return found;
    }
    if (e->kind != EXPR_CALL || e->arg_count != 2 || strcmp(function_name(e->function), "=") != 0) {
        return NULL;
    }
    const bool  mirror = e->args[0]->kind == EXPR_CONSTANT;
    const expr *left = e->args[mirror], *right = e->args[!mirror];
    const bool  fits = left->kind == EXPR_COLUMN && right->kind == EXPR_CONSTANT &&
                      !right->constant.is_null && type_equal(left->type, right->type) &&
                      scan->column_map[left->column] == number;
    return fits ? &right->constant : NULL;
}

status
find_by_key(int64_t *row, const table *t, const expr *predicate, const plan_node *scan, arena *a,
            error *err) {
    const object *o = scan->object;
    for (int32_t k = 0; k < o->key_def_count; k++) {
        const object_key *key = &o->key_defs[k];
        column            columns[KEY_COLUMNS_MAX];
        int32_t           known = 0;
        while (known < key->column_count) {
            const value *v = constant_of(predicate, scan, key->columns[known]);
            if (v == NULL) {
                break;
            }
            TRY(column_constant(&columns[known++], v, 1, a, err));
        }
        if (known == key->column_count) {
            int64_t position;
            TRY(table_find(t, k, columns, 1, &position, a, err));
            *row = position < 0 ? ROWS_NONE : position;
            return OK;
        }
    }
    return OK;
}
