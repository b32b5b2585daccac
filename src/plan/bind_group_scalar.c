/* SPDX-License-Identifier: Apache-2.0 */
/* bind_group_scalar.c - scalar functions of the program's in a grouped query: SELECT symbol,
 * vwap(price, volume) FROM trades GROUP BY symbol.
 *
 * A call whose arguments read columns that are not grouped by is an aggregate: the code is called
 * once for each group, with the values of its rows. The outermost such call is; those inside of it
 * are computed row by row. */
#include "agg/agg_routine.h"
#include "plan/bind.h"

/* Columns of the rows that are grouped, other than the keys. */
static bool
reads_rows(const query *q, const expr *e) {
    for (int32_t i = 0; i < q->key_count; i++) {
        if (expr_equal(q->keys[i], e)) {
            return false;
        }
    }
    bool found = e->kind == EXPR_COLUMN && e->column < AGGREGATE_BASE;
    for (int32_t i = 0; i < e->arg_count && !found; i++) {
        found = reads_rows(q, e->args[i]);
    }
    return found;
}

static void
note_computed(void *arg, int32_t *number) {
    bool *found = arg;
    *found = *found || *number >= AGGREGATE_BASE;
}

static status
check_arguments(const query *q, expr *e) {
    binder *b = q->binder;
    bool    computed = false;
    expr_visit_columns(e, note_computed, &computed);
    if (!computed) {
        return OK;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "%.*s() has arguments of the rows of a group and of the group itself",
                 TEXT_ARG(e->routine->name));
    return error_hint(b->err, "compute the aggregates in a subquery in FROM, and join them");
}

static status
call_of_group(expr **e, query *q) {
    binder      *b = q->binder;
    expr        *x = *e;
    agg_call     call = {.class = agg_routine_class(x->routine, false)};
    const size_t count = (size_t)x->arg_count;
    bool        *literal = arena_alloc(b->arena, count * sizeof(*literal));
    value       *constants = arena_alloc(b->arena, count * sizeof(*constants));
    data_type   *types = arena_alloc(b->arena, count * sizeof(*types));
    TRY(literal == NULL || constants == NULL || types == NULL ? out_of_memory(b) : OK);
    TRY(check_arguments(q, x));
    TRY(make_args(&call.columns, b, x->arg_count));
    agg_signature *s = &call.signature;
    *s = (agg_signature){
        .types = types, .constants = constants, .routine = x->routine, .literal = literal};
    for (int32_t i = 0; i < x->arg_count; i++) {
        expr *argument = x->args[i];
        literal[i] = argument->kind == EXPR_CONSTANT;
        if (literal[i]) {
            constants[s->constant_count] = argument->constant;
            constants[s->constant_count++].type = argument->type;
        } else {
            types[s->column_count] = argument->type;
            call.columns[s->column_count++] = argument;
        }
    }
    s->argument_count = s->column_count;
    s->output = x->type;
    int32_t index;
    TRY(query_add_call(&index, q, &call));
    *e = make_column(b, AGGREGATE_BASE + index, x->type, x->position);
    return *e == NULL ? out_of_memory(b) : OK;
}

status
query_group_scalars(query *q, expr **e) {
    if (*e == NULL) {
        return OK;
    }
    if ((*e)->kind == EXPR_CALL && (*e)->routine != NULL && reads_rows(q, *e)) {
        return call_of_group(e, q);
    }
    for (int32_t i = 0; i < (*e)->arg_count; i++) {
        TRY(query_group_scalars(q, &(*e)->args[i]));
    }
    return OK;
}
