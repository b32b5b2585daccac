/* SPDX-License-Identifier: Apache-2.0 */
/* fn_struct.c - structs made of structs, and values looked for in rows. A NULL struct is one of
 * NULLs where it becomes a part of another. Types: nested_match.c. */
#include "expr/nested_call.h"

static status
add_fields(item_list *l, const operand *o, int32_t row) {
    if (operand_is_null(o, row)) {
        for (int32_t i = 0; i < type_field_count(o->type); i++) {
            const value v = {.type = type_field(o->type, i).type, .is_null = true};
            TRY(items_add(l, &v));
        }
        return OK;
    }
    const nested_view v = operand_nested(o, row);
    return items_add_all(l, &v);
}

status
fn_struct_concat(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        l.count = 0;
        for (int32_t i = 0; i < c->arg_count; i++) {
            TRY(add_fields(&l, &c->args[i], row));
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

/* struct_update(s, 'a', x, ...) */
status
fn_struct_update(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        l.count = 0;
        TRY(add_fields(&l, &c->args[0], row));
        for (int32_t i = 1; i < c->arg_count; i += 2) {
            const value   x = fn_value(&c->args[i + 1], row);
            const int32_t at = type_find_field(c->type, operand_text(&c->args[i], row), false);
            if (at >= 0 && at < l.count) {
                l.at[at] = x;
            } else {
                TRY(items_add(&l, &x));
            }
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

/* Values of two types are the same when they are in the type that holds both. */
static bool
is_same(fn_call *c, const value *a, const value *b) {
    data_type both;
    value     x = *a, y = *b;
    if (a->is_null || b->is_null) {
        return a->is_null && b->is_null;
    }
    if (!type_equal(a->type, b->type) &&
        (!type_unify(a->type, b->type, &both) || value_cast(&x, a, both, c->scratch, NULL) != OK ||
         value_cast(&y, b, both, c->scratch, NULL) != OK)) {
        return false;
    }
    return value_compare(&x, &y) == 0;
}

/* Of the first field that is the value, from 1; 0: none is. */
static int64_t
position_of(fn_call *c, int32_t row) {
    const nested_view v = operand_nested(&c->args[0], row);
    const value       wanted = fn_value(&c->args[1], row);
    for (int32_t i = 0; i < v.count; i++) {
        const value at = nested_at(&v, i);
        if (is_same(c, &at, &wanted)) {
            return i + 1;
        }
    }
    return 0;
}

status
fn_struct_position(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        z[row] = operand_is_null(&c->args[0], row) ? 0 : position_of(c, row);
        if (z[row] == 0 && !fn_set_null(c, row)) {
            return error_memory(c->err);
        }
    }
    return OK;
}

status
fn_struct_contains(fn_call *c) {
    uint8_t *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        const bool none = operand_is_null(&c->args[0], row);
        z[row] = !none && position_of(c, row) > 0;
        if (none && !fn_set_null(c, row)) {
            return error_memory(c->err);
        }
    }
    return OK;
}
