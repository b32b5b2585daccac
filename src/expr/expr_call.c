/* SPDX-License-Identifier: Apache-2.0 */
/* expr_call.c - a call by name: resolve, cast the arguments, make the node. if, nullif and coalesce
 * become CASE and COALESCE, so that what is not needed is not evaluated. */
#include "expr/resolve.h"

static status
make_nullif(expr **out, arena *a, expr *const *args, int32_t position, error *err) {
    const value no = {.type = args[0]->type, .is_null = true};
    expr       *pair[2] = {args[0], args[1]};
    expr       *parts[3] = {NULL, expr_constant(a, &no, position), args[0]};
    if (parts[1] == NULL) {
        return error_memory(err);
    }
    TRY(expr_call(&parts[0], a, TEXT("="), pair, 2, position, err));
    *out = expr_make(a, EXPR_CASE, args[0]->type, parts, 3, position);
    return *out == NULL ? error_memory(err) : OK;
}

static status
make_node(expr **out, arena *a, const function_match *m, expr **args, int32_t arg_count,
          int32_t position, error *err) {
    const uint32_t flags = m->function->flags;
    if ((flags & FN_AS_NULLIF) != 0) {
        return make_nullif(out, a, args, position, err);
    }
    const expr_kind kind = (flags & FN_AS_CASE) != 0       ? EXPR_CASE
                           : (flags & FN_AS_COALESCE) != 0 ? EXPR_COALESCE
                                                           : EXPR_CALL;
    *out = expr_make(a, kind, m->result, args, arg_count, position);
    if (*out == NULL) {
        return error_memory(err);
    }
    (*out)->function = kind == EXPR_CALL ? m->function : NULL;
    return OK;
}

status
expr_resolve(function_match *out, data_type *types, text name, expr *const *args, int32_t arg_count,
             error *err) {
    TRY(resolve_call(out, name, args, arg_count, err));
    for (int32_t i = 0; i < arg_count; i++) {
        types[i] = resolve_argument(out, i, args[i]);
    }
    return OK;
}

status
expr_call(expr **out, arena *a, text name, expr **args, int32_t arg_count, int32_t position,
          error *err) {
    expr         **cast = arena_alloc(a, (size_t)arg_count * sizeof(*cast));
    function_match m;
    if (cast == NULL) {
        return error_memory(err);
    }
    const status s = resolve_call(&m, name, args, arg_count, err);
    if (s < 0) {
        if (err != NULL) {
            err->position = position;
        }
        return s;
    }
    for (int32_t i = 0; i < arg_count; i++) {
        TRY(expr_cast_to(&cast[i], a, args[i], resolve_argument(&m, i, args[i]), err));
    }
    return make_node(out, a, &m, cast, arg_count, position, err);
}
