/* SPDX-License-Identifier: Apache-2.0 */
/* bind_pick.c - LATEST ON time PARTITION BY keys: the newest row of each key, as a TOP_N of one row
 * a key below everything but WHERE. Rows without a time are older than all others. */
#include "plan/bind.h"

#include "plan/node.h"

/* The column of e below the clauses; a computed one is appended to the node, beyond the scope. */
static status
clause_column(int32_t *out, query *q, const ast_expr *e) {
    binder *b = q->binder;
    expr   *bound;
    context c = {.binder = b, .scope = &q->scope, .query = q, .clause = "LATEST ON"};
    c.alias_count = q->item_count;
    TRY(bind_expr(&bound, &c, e));
    if (!type_is_orderable(bound->type) && bound->type.id != TYPE_NULL) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position, "cannot order by %s",
                            type_name(bound->type));
    }
    if (bound->kind == EXPR_COLUMN) {
        *out = bound->column;
        return OK;
    }
    *out = q->node->schema.count;
    q->node = node_extend(b->arena, q->node, &bound, 1);
    return q->node == NULL ? out_of_memory(b) : OK;
}

status
query_latest(query *q, const ast_select *select) {
    binder *b = q->binder;
    if (select->latest == NULL) {
        return OK;
    }
    const int32_t count = select->latest_key_count;
    int32_t      *keys = arena_alloc(b->arena, (size_t)count * sizeof(*keys));
    sort_key     *newest = arena_alloc_zero(b->arena, sizeof(*newest));
    if (keys == NULL || newest == NULL) {
        return out_of_memory(b);
    }
    newest->descending = true;
    TRY(clause_column(&newest->column, q, select->latest));
    for (int32_t i = 0; i < count; i++) {
        TRY(clause_column(&keys[i], q, select->latest_keys[i]));
    }
    q->node = node_top_n(b->arena, q->node, newest, 1);
    if (q->node == NULL) {
        return out_of_memory(b);
    }
    q->node->key_columns = keys;
    q->node->key_count = count;
    q->node->limit = 1;
    return OK;
}
