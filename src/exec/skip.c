/* SPDX-License-Identifier: Apache-2.0 */
/* skip.c - what a filter directly above a scan spares it: segments that cannot match, by their
 * smallest and largest values; all but one row, by a key.
 *
 * Only conjuncts of the form column <op> constant, or column IN (constants), over integer-like
 * columns are looked at; everything else may match. A skipped segment has no row for which the
 * conjunct is true (NULL is not true). */
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

/* Is one of the list in the segment's range? */
static bool
list_may_match(const expr *e, const plan_node *scan, const table_cursor *c) {
    const expr   *left = e->args[0];
    const int32_t at = left->kind == EXPR_COLUMN ? scan->column_map[left->column] : INT32_MAX;
    int64_t       min, max;
    if (at >= scan->object->schema->count || !table_cursor_minmax(c, at, &min, &max)) {
        return true;
    }
    for (int32_t i = 1; i < e->arg_count; i++) {
        const expr *item = e->args[i];
        if (item->kind == EXPR_CONSTANT && item->constant.is_null) {
            continue;
        }
        if (!is_integer_constant(item) || !type_equal(left->type, item->type) ||
            range_may_match(TEXT("="), min, max, item->constant.i)) {
            return true;
        }
    }
    return false;
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
    if (predicate->kind == EXPR_IN) {
        return list_may_match(predicate, scan, c);
    }
    if (predicate->kind != EXPR_CALL || predicate->arg_count != 2) {
        return true;
    }
    return comparison_may_match(predicate, scan, c);
}

/* ---- by key */

#define KEY_ROWS_MAX 1024 /* of an IN list; reading all is as good then */

/* Constants of which a column has one. */
typedef struct choices {
    expr  **items;
    int32_t count;
} choices;

static bool
is_column_of(const expr *e, const plan_node *scan, int32_t number) {
    return e->kind == EXPR_COLUMN && scan->column_map[e->column] == number;
}

/* What the condition says about the column of the object; count 0: nothing. */
static choices
choices_of(const expr *e, const plan_node *scan, int32_t number) {
    choices found = {0};
    if (e->kind == EXPR_AND) {
        for (int32_t i = 0; found.count == 0 && i < e->arg_count; i++) {
            found = choices_of(e->args[i], scan, number);
        }
        return found;
    }
    if (e->kind == EXPR_IN && e->arg_count - 1 <= KEY_ROWS_MAX &&
        is_column_of(e->args[0], scan, number)) {
        return (choices){e->args + 1, e->arg_count - 1};
    }
    if (e->kind != EXPR_CALL || e->arg_count != 2 || strcmp(function_name(e->function), "=") != 0) {
        return found;
    }
    const bool mirror = e->args[0]->kind == EXPR_CONSTANT;
    return is_column_of(e->args[mirror], scan, number) && e->args[!mirror]->kind == EXPR_CONSTANT
               ? (choices){&e->args[!mirror], 1}
               : found;
}

/* The choices as a column; NULL is none of them. *count becomes 0 where types differ. */
static status
choices_column(column *out, const choices *c, data_type type, int32_t *count, arena *a,
               error *err) {
    value   none = value_null((type_id)type.id);
    int32_t n = 0;
    none.type = type;
    *count = 0;
    TRY(column_constant(out, &none, c->count, a, err));
    void *values = (void *)(uintptr_t)out->values;
    for (int32_t i = 0; i < c->count; i++) {
        const expr *e = c->items[i];
        if (e->kind != EXPR_CONSTANT || !type_equal(e->type, type)) {
            return OK;
        }
        if (!e->constant.is_null) {
            column_store(values, n++, &e->constant);
        }
    }
    out->validity = NULL;
    *count = n;
    return OK;
}

static int
by_position(const void *x, const void *y) {
    const int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static void
tidy_positions(key_rows *rows) {
    int64_t n = 0;
    qsort(rows->positions, (size_t)rows->count, sizeof(int64_t), by_position);
    for (int64_t i = 0; i < rows->count; i++) {
        const int64_t at = rows->positions[i];
        if (at >= 0 && (n == 0 || rows->positions[n - 1] != at)) {
            rows->positions[n++] = at;
        }
    }
    rows->count = n;
}

/* The rows that the choices for the columns of key number k have; *known is false, and nothing was
 * looked for, where the condition leaves a column open. */
static status
find_by(key_rows *out, const table *t, int32_t k, const expr *predicate, const plan_node *scan,
        bool *known, arena *a, arena *scratch, error *err) {
    const object     *o = scan->object;
    const object_key *key = &o->key_defs[k];
    column            columns[KEY_COLUMNS_MAX];
    int32_t           count = 0;
    *known = false;
    for (int32_t i = 0; i < key->column_count; i++) {
        const int32_t number = key->columns[i];
        const choices c = choices_of(predicate, scan, number);
        if (c.count == 0 || (c.count > 1 && key->column_count > 1)) {
            return OK;
        }
        TRY(choices_column(&columns[i], &c, o->schema->fields[number].type, &count, scratch, err));
        if (count == 0) {
            return OK;
        }
    }
    out->positions = arena_alloc(a, sizeof(int64_t) * (size_t)count);
    if (out->positions == NULL) {
        return error_memory(err);
    }
    TRY(table_find(t, k, columns, count, out->positions, scratch, err));
    out->count = count;
    tidy_positions(out);
    *known = true;
    return OK;
}

status
find_by_key(key_rows *out, const table *t, const expr *predicate, const plan_node *scan, arena *a,
            arena *scratch, error *err) {
    bool known = false;
    for (int32_t k = 0; k < scan->object->key_def_count && !known; k++) {
        TRY(find_by(out, t, k, predicate, scan, &known, a, scratch, err));
    }
    return OK;
}
