/* SPDX-License-Identifier: Apache-2.0 */
/* bind_pick.c - clauses that pick rows.
 *
 * LATEST ON time PARTITION BY keys: the newest row of each key, as a TOP_N of one row a key below
 * everything but WHERE. Rows without a time are older than all others.
 * LIMIT n %: OVER numbers and counts the rows, FILTER compares the two. */
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

/* ---- SAMPLE BY */

static status
no_time(query *q, const ast_expr *e, bool several) {
    binder *b = q->binder;
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 several ? "SAMPLE BY: FROM has several times"
                         : "SAMPLE BY needs a time, and FROM has none");
    return error_hint(b->err, "say which: GROUP BY TUMBLE(time, INTERVAL '1' MINUTE)");
}

/* The event time, else the only column of times. */
static status
sampled_column(int32_t *out, query *q, const ast_expr *e) {
    int32_t followed = -1, typed = -1, followed_count = 0, typed_count = 0;
    for (int32_t i = 0; i < q->scope.count; i++) {
        const object *from = NULL;
        bool          by_clock = false;
        if (node_is_followed(q->node, i, &by_clock, &from)) {
            followed = i;
            followed_count++;
        } else if (type_is_time(q->scope.columns[i].type)) {
            typed = i;
            typed_count++;
        }
    }
    *out = followed_count == 1 ? followed : followed_count == 0 && typed_count == 1 ? typed : -1;
    return *out >= 0 ? OK : no_time(q, e, followed_count + typed_count > 0);
}

status
query_sample(query *q, const ast_select *select) {
    int32_t at;
    if (select->sample == NULL) {
        return OK;
    }
    if (select->group_count > 0 || select->group_all) {
        error_set_at(
            q->binder->err, ERR_QUERY_FAILED, select->sample->position,
            "SAMPLE BY groups by what is selected beside aggregates; GROUP BY cannot stand "
            "beside it");
        return error_hint(q->binder->err, "write GROUP BY TUMBLE(time, INTERVAL '1' MINUTE), ...");
    }
    TRY(sampled_column(&at, q, select->sample));
    const scope_column *c = &q->scope.columns[at];
    const int32_t       position = select->sample->position;
    ast_expr            time = {.kind = AST_COLUMN,
                                .position = position,
                                .name = {.text = c->name, .quoted = true, .position = position}};
    if (c->table.size > 0) {
        time.qualifier = (ast_name){.text = c->table, .quoted = true, .position = position};
    }
    ast_expr *args[2] = {&time, select->sample};
    ast_expr  call = {.kind = AST_CALL,
                      .position = position,
                      .name = {.text = TEXT("TUMBLE"), .position = position},
                      .arg_count = 2,
                      .args = args};
    q->sampled = true;
    return query_window(q, &call);
}

static void
to_window(void *arg, int32_t *number) {
    const query *q = arg;
    *number = *number == q->window.time->column ? q->window.column : *number;
}

void
query_sample_columns(const query *q, expr *e) {
    query own = *q;
    if (q->sampled && e != NULL) {
        expr_visit_columns(e, to_window, &own);
    }
}

/* ---- LIMIT n % */

status
bind_percent(double *out, binder *b, const ast_expr *e) {
    value v;
    TRY(bind_constant(&v, b, e, "LIMIT"));
    *out = -1;
    if (v.is_null) {
        return OK;
    }
    if (!type_is_numeric(v.type)) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "LIMIT ... %% must be a number, not %s", type_name(v.type));
    }
    *out = value_to_double(&v);
    if (!(*out >= 0 && *out <= 100)) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "LIMIT must be between 0 and 100 percent, not %g", *out);
    }
    return OK;
}

/* offset < number AND number <= offset + count * percent / 100, where the count is at `at` + 1. */
static status
within_percent(expr **out, binder *b, int32_t at, double percent, int64_t offset) {
    const data_type bigint = type_of(TYPE_I64), number = type_of(TYPE_F64);
    const value     share = {.type = number, .d = percent}, hundred = {.type = number, .d = 100};
    const value     skipped = value_i64(offset);
    expr           *count = make_column(b, at + 1, bigint, -1), *kept, **terms;
    TRY(count == NULL ? out_of_memory(b) : OK);
    TRY(cast_expr(&count, b, number));
    TRY(bind_call_two(&kept, b, "*", count, make_constant(b, &share, -1), -1));
    TRY(bind_call_two(&kept, b, "/", kept, make_constant(b, &hundred, -1), -1));
    TRY(make_args(&terms, b, 2));
    terms[0] = make_column(b, at, bigint, -1);
    TRY(bind_call_two(&terms[0], b, "-", terms[0], make_constant(b, &skipped, -1), -1));
    TRY(cast_expr(&terms[0], b, number));
    TRY(bind_call_two(&terms[1], b, "<=", terms[0], kept, -1));
    TRY(bind_call_two(&terms[0], b, ">", make_column(b, at, bigint, -1),
                      make_constant(b, &skipped, -1), -1));
    *out = make(b, EXPR_AND, type_of(TYPE_BOOL), terms, 2, -1);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
query_limit_percent(plan_node **node, binder *b, const sort_key *keys, int32_t key_count,
                    double percent, int64_t offset) {
    const schema *in = &(*node)->schema;
    plan_node    *n = node_new(b->arena, PLAN_OVER, 1, in->count + 2);
    over_call    *calls = arena_alloc_zero(b->arena, 2 * sizeof(*calls));
    sort_key     *order = arena_alloc(b->arena, (size_t)key_count * sizeof(*order));
    expr         *condition;
    TRY(n == NULL || calls == NULL || order == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < 2; i++) {
        calls[i] = (over_call){.kind = OVER_ROW_NUMBER,
                               .argument = -1,
                               .filter = -1,
                               .count_column = -1,
                               .fallback = -1,
                               .type = type_of(TYPE_I64)};
    }
    calls[1].kind = OVER_AGGREGATE;
    calls[1].class = agg_find(TEXT("count"), 0);
    calls[1].signature.output = type_of(TYPE_I64);
    calls[1].frame = (over_frame){
        .unit = FRAME_ROWS, .start = {.kind = BOUND_FIRST}, .end = {.kind = BOUND_LAST}};
    memcpy(n->schema.fields, in->fields, (size_t)in->count * sizeof(field));
    n->schema.fields[in->count] = (field){.name = TEXT("number"), .type = type_of(TYPE_I64)};
    n->schema.fields[in->count + 1] = (field){.name = TEXT("count"), .type = type_of(TYPE_I64)};
    if (key_count > 0) {
        memcpy(order, keys, (size_t)key_count * sizeof(*order));
    }
    n->inputs[0] = *node;
    n->sort_count = key_count;
    n->sort_keys = order;
    n->overs = calls;
    n->over_count = 2;
    TRY(within_percent(&condition, b, in->count, percent, offset));
    *node = node_filter(b->arena, n, condition);
    return *node == NULL ? out_of_memory(b) : OK;
}
