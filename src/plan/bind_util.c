/* SPDX-License-Identifier: Apache-2.0 */
/* bind_util.c - making counted expression nodes, and errors with positions. */
#include "plan/bind.h"

#include <stdio.h>

#include "plan/node.h"

status
located(binder *b, status s, int32_t position) {
    if (s < 0 && b->err != NULL && b->err->position < 0 && s != ERR_OUT_OF_MEMORY) {
        b->err->position = position;
    }
    return s;
}

status
out_of_memory(binder *b) {
    return error_memory(b->err);
}

status
count_nodes(binder *b, int64_t count, int32_t position) {
    if (count > BIND_NODES_MAX - b->expr_count) {
        return error_set_at(b->err, ERR_QUERY_FAILED, position,
                            "the expressions of this statement grow too large (more than %d parts, "
                            "aliases expanded)",
                            BIND_NODES_MAX);
    }
    b->expr_count += (int32_t)count;
    return OK;
}

expr *
make(binder *b, expr_kind kind, data_type type, expr **args, int32_t arg_count, int32_t position) {
    return expr_make(b->arena, kind, type, args, arg_count, position);
}

expr *
make_column(binder *b, int32_t number, data_type type, int32_t position) {
    return expr_column(b->arena, number, type, position);
}

expr *
make_constant(binder *b, const value *v, int32_t position) {
    return expr_constant(b->arena, v, position);
}

expr *
make_bool(binder *b, bool v, int32_t position) {
    const value truth = {.type = type_of(TYPE_BOOL), .b = v};
    return make_constant(b, &truth, position);
}

status
make_args(expr ***out, binder *b, int32_t count) {
    *out = arena_alloc_zero(b->arena, (size_t)count * sizeof(**out));
    return *out == NULL ? out_of_memory(b) : OK;
}

status
copy_expr(expr **out, binder *b, const expr *e) {
    TRY(count_nodes(b, expr_size(e), e->position));
    *out = expr_copy(b->arena, e);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
cast_expr(expr **e, binder *b, data_type t) {
    if (type_equal((*e)->type, t)) {
        return OK;
    }
    bool done;
    TRY(count_nodes(b, 1, (*e)->position));
    TRY(zone_cast(e, b, t, false, &done));
    return done ? OK : located(b, expr_cast_to(e, b->arena, *e, t, b->err), (*e)->position);
}

status
fold_expr(expr **e, binder *b) {
    if ((*e)->kind == EXPR_CONSTANT || !expr_is_constant(*e)) {
        return OK;
    }
    value        v;
    error        ignored = {.position = -1};
    const status s = expr_evaluate(&v, *e, &b->env->eval, b->arena, &ignored);
    if (s == ERR_OUT_OF_MEMORY) {
        return out_of_memory(b);
    }
    if (s < 0) {
        return OK; /* the row that needs it reports it; a branch that is never taken does not */
    }
    expr *folded = make_constant(b, &v, (*e)->position);
    if (folded == NULL) {
        return out_of_memory(b);
    }
    folded->type = (*e)->type;
    folded->constant.type = (*e)->type;
    *e = folded;
    return OK;
}

bool
nulls_stand_first(const binder *b, int32_t nulls, bool descending) {
    if (nulls != 0) {
        return nulls == 1;
    }
    return b->env->nulls == NULLS_LARGEST ? descending : b->env->nulls == NULLS_FIRST;
}

bool
is_text_literal(const expr *e) {
    return expr_is_text_literal(e);
}

void
hint_nearest(binder *b, text wrong, const text *names, int32_t count, const char *lead) {
    const int32_t nearest = text_nearest(wrong, names, count);
    if (nearest >= 0) {
        error_hint(b->err, "did you mean \"%.*s\"?", TEXT_ARG(names[nearest]));
        return;
    }
    if (lead == NULL || count == 0) {
        return;
    }
    char   line[200];
    size_t used = 0;
    for (int32_t i = 0; i < count; i++) {
        if (used + names[i].size + 8 > sizeof(line)) {
            memcpy(line + used, ", ...", 6);
            used += 5;
            break;
        }
        used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%.*s", i > 0 ? ", " : "",
                                 TEXT_ARG(names[i]));
    }
    error_hint(b->err, "%s: %.*s", lead, (int)used, line);
}
