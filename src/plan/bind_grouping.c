/* SPDX-License-Identifier: Apache-2.0 */
/* bind_grouping.c - GROUPING SETS, ROLLUP and CUBE, and GROUPING().
 *
 * The clause is multiplied out to a list of sets, each a mask of the query's keys. Each set is an
 * AGGREGATE of its own over one shared input, and a UNION puts them together:
 *
 *   UNION, of each set a PROJECT (all keys, NULL where the set has them not; calls; GROUPINGs),
 *   AGGREGATE (keys of the set), PROJECT (keys of the set, all columns), SHARED input
 *
 * So a set keeps no more state than a query with its keys, the empty set has its row even over
 * nothing, and a stream takes back exactly what changes. Rows are not copied for each set. */
#include "plan/bind.h"

#include "plan/node.h"

/* ---- the sets */

typedef struct set_list {
    int64_t  count;
    int64_t *masks;
} set_list;

static int32_t
most_sets(const binder *b) {
    const int32_t lowered = b->env == NULL ? 0 : b->env->grouping_sets_max;
    return lowered > 0 ? lowered : SQL_GROUPING_SETS_MAX;
}

static int32_t
most_keys(const binder *b) {
    const int32_t lowered = b->env == NULL ? 0 : b->env->grouping_keys_max;
    return lowered > 0 ? lowered : SQL_GROUPING_KEYS_MAX;
}

static status
too_many_sets(binder *b, const ast_grouping *g) {
    error_set_at(b->err, ERR_QUERY_FAILED, g->position, "GROUP BY gives more than %d grouping sets",
                 most_sets(b));
    return error_hint(b->err, "CUBE of n columns gives 2 to the n-th sets, ROLLUP n + 1");
}

static status
new_sets(set_list *out, binder *b, const ast_grouping *g, int64_t count) {
    TRY(count > most_sets(b) ? too_many_sets(b, g) : OK);
    *out = (set_list){.count = count,
                      .masks = arena_alloc(b->arena, (size_t)count * sizeof(*out->masks))};
    return out->masks == NULL ? out_of_memory(b) : OK;
}

/* All keys of an expression or a list. */
static int64_t
mask_of(const query *q, const ast_grouping *g) {
    int64_t mask = 0;
    if (g->kind == AST_GROUPING_EXPR) {
        return (int64_t)1 << q->group_keys[g->group];
    }
    for (int32_t i = 0; i < g->count; i++) {
        mask |= mask_of(q, &g->items[i]);
    }
    return mask;
}

/* Each set of x with each of y. */
static status
multiply(set_list *x, const set_list *y, binder *b, const ast_grouping *g) {
    set_list all;
    TRY(new_sets(&all, b, g, x->count * y->count));
    for (int64_t i = 0; i < all.count; i++) {
        all.masks[i] = x->masks[i / y->count] | y->masks[i % y->count];
    }
    *x = all;
    return OK;
}

static status expand_grouping(set_list *out, query *q, const ast_grouping *g);

/* GROUPING SETS (a, ROLLUP (b, c), ...): one behind the other. */
static status
expand_sets(set_list *out, query *q, const ast_grouping *g) {
    *out = (set_list){0};
    for (int32_t i = 0; i < g->count; i++) {
        set_list item, all;
        TRY(expand_grouping(&item, q, &g->items[i]));
        TRY(new_sets(&all, q->binder, g, out->count + item.count));
        for (int64_t k = 0; k < all.count; k++) {
            all.masks[k] = k < out->count ? out->masks[k] : item.masks[k - out->count];
        }
        *out = all;
    }
    return OK;
}

static status
expand_grouping(set_list *out, query *q, const ast_grouping *g) {
    binder *b = q->binder;
    switch (g->kind) {
    case AST_GROUPING_EXPR:
    case AST_GROUPING_LIST:
        TRY(new_sets(out, b, g, 1));
        out->masks[0] = mask_of(q, g);
        return OK;
    case AST_GROUPING_SETS:
        return expand_sets(out, q, g);
    case AST_GROUPING_ROLLUP:
        TRY(new_sets(out, b, g, g->count + 1));
        out->masks[g->count] = 0;
        for (int32_t i = 0; i < g->count; i++) { /* the longest first */
            const int64_t before = out->masks[g->count - i];
            out->masks[g->count - i - 1] = before | mask_of(q, &g->items[i]);
        }
        return OK;
    case AST_GROUPING_CUBE:
        TRY(g->count > 30 ? too_many_sets(b, g) : OK);
        TRY(new_sets(out, b, g, (int64_t)1 << g->count));
        for (int64_t i = 0; i < out->count; i++) {
            out->masks[i] = 0;
            for (int32_t k = 0; k < g->count; k++) {
                out->masks[i] |= (i >> k & 1) == 0 ? mask_of(q, &g->items[k]) : 0;
            }
        }
        return OK;
    }
    UNREACHABLE();
}

/* GROUP BY DISTINCT: each set once. */
static void
drop_copies(set_list *s) {
    int64_t count = 0;
    for (int64_t i = 0; i < s->count; i++) {
        bool known = false;
        for (int64_t k = 0; k < count && !known; k++) {
            known = s->masks[k] == s->masks[i];
        }
        if (!known) {
            s->masks[count++] = s->masks[i];
        }
    }
    s->count = count;
}

/* The keys that a window adds belong to the sets that have the window. */
static void
follow_window(const query *q, set_list *s, int32_t first_added) {
    const int64_t added = ((int64_t)1 << q->key_count) - ((int64_t)1 << first_added);
    int32_t       own = -1;
    for (int32_t i = 0; i < first_added && own < 0; i++) {
        const expr *key = q->keys[i];
        own = key->kind == EXPR_COLUMN && key->column == q->window.column ? i : -1;
    }
    for (int64_t i = 0; i < s->count; i++) {
        s->masks[i] |= own >= 0 && (s->masks[i] >> own & 1) != 0 ? added : 0;
    }
}

status
query_grouping_sets(query *q, const ast_select *select, int32_t first_added) {
    binder *b = q->binder;
    if (select->grouping_count == 0) {
        return OK;
    }
    if (q->key_count > most_keys(b)) {
        return error_set_at(b->err, ERR_QUERY_FAILED, select->groupings[0].position,
                            "grouping sets have more than %d different expressions", most_keys(b));
    }
    set_list all, item;
    TRY(new_sets(&all, b, select->groupings, 1));
    all.masks[0] = 0;
    for (int32_t i = 0; i < select->grouping_count; i++) {
        TRY(expand_grouping(&item, q, &select->groupings[i]));
        TRY(multiply(&all, &item, b, &select->groupings[i]));
    }
    if (select->group_distinct) {
        drop_copies(&all);
    }
    follow_window(q, &all, first_added);
    q->set_count = (int32_t)all.count;
    q->sets = all.masks;
    return OK;
}

/* ---- GROUPING(a, b): a bit for each, the last the lowest; 1: the set has it not */

bool
is_grouping_call(const ast_expr *e) {
    return ast_is_call(e, "grouping") || ast_is_call(e, "grouping_id");
}

status
bind_grouping_call(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    query  *q = c->query;
    if (q == NULL || !c->aggregates || c->in_aggregate) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() cannot stand in %s",
                     TEXT_ARG(e->name.text), c->in_aggregate ? "an aggregate" : c->clause);
        return error_hint(b->err, "it stands in SELECT, HAVING, QUALIFY and ORDER BY");
    }
    if (e->arg_count > most_keys(b)) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "%.*s() takes at most %d arguments", TEXT_ARG(e->name.text),
                            most_keys(b));
    }
    if (q->grouping_count == q->grouping_capacity) {
        const int32_t  room = q->grouping_capacity == 0 ? 4 : q->grouping_capacity * 2;
        grouping_call *grown = arena_alloc(b->arena, (size_t)room * sizeof(*grown));
        TRY(grown == NULL ? out_of_memory(b) : OK);
        if (q->grouping_count > 0) {
            memcpy(grown, q->groupings, (size_t)q->grouping_count * sizeof(*grown));
        }
        q->groupings = grown;
        q->grouping_capacity = room;
    }
    grouping_call g = {.ast = e, .count = e->arg_count};
    TRY(make_args(&g.args, b, e->arg_count));
    context inner = *c;
    inner.aggregates = false;
    inner.overs = false;
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(bind_expr(&g.args[i], &inner, e->args[i]));
    }
    *out = make_column(b, GROUPING_BASE + q->grouping_count, type_of(TYPE_I64), e->position);
    q->groupings[q->grouping_count++] = g;
    return *out == NULL ? out_of_memory(b) : OK;
}

static status
key_of_argument(int32_t *out, query *q, const grouping_call *g, int32_t at) {
    binder *b = q->binder;
    for (int32_t i = 0; i < q->key_count; i++) {
        if (expr_equal(q->keys[i], g->args[at])) {
            *out = i;
            return OK;
        }
    }
    error_set_at(b->err, ERR_QUERY_FAILED, g->ast->args[at]->position,
                 "%.*s() takes expressions of GROUP BY", TEXT_ARG(g->ast->name.text));
    return error_hint(b->err, "add the argument to GROUP BY");
}

status
query_grouping_value(expr **out, query *q, int32_t number, int64_t mask) {
    binder              *b = q->binder;
    const grouping_call *g = &q->groupings[number];
    const int32_t        count = g->count == 0 ? q->key_count : g->count;
    value                v = value_i64(0);
    for (int32_t i = 0; i < count; i++) {
        int32_t key = i;
        TRY(g->count == 0 ? OK : key_of_argument(&key, q, g, i));
        v.i = v.i * 2 + (mask >> key & 1 ? 0 : 1);
    }
    *out = make_constant(b, &v, g->ast->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* ---- the nodes */

static status
column_at(expr **out, binder *b, const plan_node *n, int32_t at) {
    *out = make_column(b, at, n->schema.fields[at].type, -1);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* The AGGREGATE of one set, over a reader of the shared input; `all` is that of all keys. */
static status
aggregate_set(plan_node **out, query *q, const plan_node *all, plan_shared *input, int64_t mask,
              int32_t own) {
    binder    *b = q->binder;
    plan_node *reader = shared_read(b->arena, input);
    expr     **exprs;
    int32_t    keys = 0, window = -1;
    TRY(reader == NULL ? out_of_memory(b) : OK);
    const int32_t width = reader->schema.count;
    TRY(make_args(&exprs, b, q->key_count + width));
    for (int32_t i = 0; i < q->key_count; i++) {
        if ((mask >> i & 1) != 0) {
            window = i == own ? keys : window;
            TRY(column_at(&exprs[keys++], b, reader, i));
        }
    }
    for (int32_t i = 0; i < width; i++) {
        TRY(column_at(&exprs[keys + i], b, reader, i));
    }
    plan_node *n = node_new(b->arena, PLAN_AGGREGATE, 1, keys + all->agg_count);
    TRY(n == NULL ? out_of_memory(b) : OK);
    n->inputs[0] = node_project(b->arena, reader, exprs, keys + width);
    n->aggs = arena_alloc(b->arena, (size_t)all->agg_count * sizeof(*n->aggs));
    TRY(n->inputs[0] == NULL || n->aggs == NULL ? out_of_memory(b) : OK);
    n->key_count = keys;
    n->agg_count = all->agg_count;
    for (int32_t i = 0; i < keys; i++) {
        n->schema.fields[i] = n->inputs[0]->schema.fields[i];
    }
    for (int32_t i = 0; i < n->agg_count; i++) {
        plan_agg *call = &n->aggs[i];
        *call = all->aggs[i];
        call->filter += call->filter < 0 ? 0 : keys;
        call->columns =
            arena_alloc(b->arena, (size_t)call->signature.column_count * sizeof(int32_t));
        TRY(call->columns == NULL ? out_of_memory(b) : OK);
        for (int32_t k = 0; k < call->signature.column_count; k++) {
            call->columns[k] = all->aggs[i].columns[k] + keys;
        }
        n->schema.fields[keys + i] = all->schema.fields[q->key_count + i];
    }
    *out = n;
    return query_close_groups(n, window, q);
}

/* All keys, the calls and the GROUPINGs of a set. */
static status
project_set(plan_node **node, query *q, const plan_node *all, int64_t mask) {
    binder       *b = q->binder;
    const int32_t width = q->key_count + all->agg_count + q->grouping_count;
    int32_t       at = 0;
    expr        **exprs;
    TRY(make_args(&exprs, b, width));
    for (int32_t i = 0; i < q->key_count; i++) {
        if ((mask >> i & 1) != 0) {
            TRY(column_at(&exprs[i], b, *node, at++));
            continue;
        }
        const value nothing = {.type = all->schema.fields[i].type, .is_null = true};
        exprs[i] = make_constant(b, &nothing, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
    }
    for (int32_t i = 0; i < all->agg_count; i++) {
        TRY(column_at(&exprs[q->key_count + i], b, *node, at++));
    }
    for (int32_t i = 0; i < q->grouping_count; i++) {
        TRY(query_grouping_value(&exprs[width - q->grouping_count + i], q, i, mask));
    }
    *node = node_project(b->arena, *node, exprs, width);
    return *node == NULL ? out_of_memory(b) : OK;
}

/* Rows must be counted by something: without keys and calls the sets show a GROUPING. */
static status
need_column(query *q, const plan_node *all) {
    static const ast_expr nowhere = {.kind = AST_CALL, .position = -1};
    if (q->key_count + all->agg_count + q->grouping_count > 0) {
        return OK;
    }
    q->groupings = arena_alloc_zero(q->binder->arena, sizeof(*q->groupings));
    TRY(q->groupings == NULL ? out_of_memory(q->binder) : OK);
    q->groupings[0].ast = &nowhere;
    q->grouping_count = 1;
    return OK;
}

status
query_union_sets(query *q, const plan_node *all, int32_t window) {
    binder *b = q->binder;
    TRY(need_column(q, all));
    const int32_t width = q->key_count + all->agg_count + q->grouping_count;
    plan_shared  *input = shared_new(b->arena, all->inputs[0]);
    plan_node    *n = node_new(b->arena, PLAN_UNION, q->set_count, width);
    TRY(n == NULL || input == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < q->set_count; i++) {
        TRY(aggregate_set(&n->inputs[i], q, all, input, q->sets[i], window));
        TRY(project_set(&n->inputs[i], q, all, q->sets[i]));
    }
    for (int32_t i = 0; i < width; i++) {
        const int32_t grouping = i - q->key_count - all->agg_count;
        n->schema.fields[i] = grouping < 0
                                  ? all->schema.fields[i]
                                  : (field){.name = TEXT("grouping"), .type = type_of(TYPE_I64)};
        n->schema.fields[i].nullable = grouping < 0;
        for (int32_t k = 0; k < q->set_count; k++) {
            n->inputs[k]->schema.fields[i].name = n->schema.fields[i].name;
        }
    }
    q->node = n;
    return OK;
}
