/* SPDX-License-Identifier: Apache-2.0 */
/* nested_call.h - for kernels of lists, structs and maps: opening arguments, storing results. */
#ifndef LAMINAR_EXPR_NESTED_CALL_H
#define LAMINAR_EXPR_NESTED_CALL_H

#include "expr/call.h"
#include "type/nested.h"

/* An argument that is not NULL in this row. */
ALWAYS_INLINE nested_view
operand_nested(const operand *o, int32_t row) {
    return nested_open(o->type, operand_text(o, row));
}

/* Items under construction, used again from row to row. */
typedef struct item_list {
    fn_call *call;
    value   *at;
    int32_t  count;
    int32_t  capacity;
} item_list;

/* Room for `count` items in all. */
status items_reserve(item_list *l, int64_t count) MUST_USE;
status items_add(item_list *l, const value *v) MUST_USE;
status items_add_all(item_list *l, const nested_view *v) MUST_USE;

/* The row's result: a nested value of the call's type, or of one of its parts in `out`. */
#define ITEM_WORK 16 /* of an item, for fn_spend */
status fn_put_nested(fn_call *c, int32_t row, const value *items, int32_t count) MUST_USE;
status fn_make_nested(fn_call *c, data_type t, const value *items, int32_t count,
                      strview *out) MUST_USE;
/* Any value, borrowed from an argument. */
status fn_put_value(fn_call *c, int32_t row, const value *v) MUST_USE;
status fn_put_null(fn_call *c, int32_t row) MUST_USE;

/* The field of a STRUCT that a constant names or numbers; -1: none. */
int32_t nested_field_of(data_type t, const value *which);

#endif
