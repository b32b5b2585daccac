/* SPDX-License-Identifier: Apache-2.0 */
/* fn_any.c - functions of values of any type. */
#include "expr/call.h"
#include "kernel/kernel.h"

/* The engine's own key hash, as BIGINT: NULLs have a hash, 0.0 and -0.0 the same one. */
status
fn_hash(fn_call *c) {
    column *columns = arena_alloc(c->scratch, (size_t)c->arg_count * sizeof(*columns));
    if (columns == NULL) {
        return error_memory(c->err);
    }
    for (int32_t i = 0; i < c->arg_count; i++) {
        TRY(fn_column(c, i, &columns[i]));
    }
    hash_columns(c->values, columns, c->arg_count, c->row_count);
    return OK;
}

status
fn_typeof(fn_call *c) {
    const text    name = text_of(type_name(c->args[0].type));
    const strview v = strview_of(name.data, (uint32_t)name.size);
    strview      *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = v;
    }
    return OK;
}

/* ---- error(message): where no other value may be */
status
fn_error(fn_call *c) {
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            char shown[200];
            text_cut(shown, sizeof(shown), operand_text(&c->args[0], i));
            return error_set(c->err, ERR_QUERY_FAILED, "%s", shown);
        }
        ((uint8_t *)c->values)[i] = 0;
    }
    return OK;
}
