/* SPDX-License-Identifier: Apache-2.0 */
/* bind_select.c - one SELECT, clause by clause, to a stack of nodes:
 *
 *   FROM, FILTER (WHERE), [TOP_N (LATEST ON)], [WINDOW], [PROJECT, AGGREGATE, FILTER (HAVING)],
 *   [OVER ...], [FILTER (QUALIFY)], [SERIES (unnest)], PROJECT (select list and hidden columns),
 * [DISTINCT, or TOP_N for DISTINCT ON], [SORT or TOP_N], [PROJECT without the hidden columns] */
#include "plan/bind.h"

#include "plan/node.h"

/* ---- the select list */

static context
clause_context(query *q, const char *clause, bool aggregates) {
    return (context){.binder = q->binder,
                     .scope = &q->scope,
                     .query = q,
                     .clause = clause,
                     .aggregates = aggregates,
                     .alias_count = q->item_count,
                     .node = aggregates ? NULL : &q->node,
                     .subqueries = &q->subqueries};
}

static status
bind_items(query *q) {
    bool fields;
    for (int32_t i = 0; i < q->item_count; i++) {
        select_item *item = &q->items[i];
        if (item->ast == NULL) {
            item->bound =
                make_column(q->binder, item->column, q->scope.columns[item->column].type, -1);
            TRY(item->bound == NULL ? out_of_memory(q->binder) : OK);
            continue;
        }
        context c = clause_context(q, "SELECT", true);
        c.overs = true;
        c.unnests = true;
        c.alias_count = i;
        c.each = item->each;
        c.each_count = item->each_count;
        TRY(bind_unnest_fields(&fields, q, &c, &i));
        TRY(fields ? OK : bind_expr(&item->bound, &c, item->ast));
    }
    return OK;
}

/* ---- GROUP BY */

/* An ordinal's item; -1: e is not an ordinal. */
static status
ordinal(int32_t *out, query *q, const ast_expr *e, const char *clause) {
    binder *b = q->binder;
    *out = -1;
    if (e->kind != AST_INTEGER) {
        return OK;
    }
    value v;
    TRY(bind_constant(&v, b, e, clause));
    if (v.type.id != TYPE_I64 || v.i < 1 || v.i > q->item_count) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%s position %.*s is not in the select list", clause, TEXT_ARG(e->text));
        error_hint(b->err, "positions are 1 to %d", q->item_count);
        return ERR_QUERY_FAILED;
    }
    *out = (int32_t)v.i - 1;
    return OK;
}

/* What a GROUP BY item says when it is an ordinal or an alias: the item. NULL: it is neither. */
static status
group_source(const select_item **out, query *q, const ast_expr *e) {
    int32_t item;
    *out = NULL;
    TRY(ordinal(&item, q, e, "GROUP BY"));
    if (item >= 0) {
        *out = &q->items[item];
        return OK;
    }
    if (e->kind != AST_COLUMN || e->qualifier.text.data != NULL) {
        return OK;
    }
    int32_t found;
    TRY(scope_find(&found, q->binder, &q->scope, &e->qualifier, &e->name));
    for (int32_t i = 0; i < q->item_count && found < 0; i++) {
        if (q->items[i].aliased && name_matches(&e->name, q->items[i].name)) {
            *out = &q->items[i];
            return OK;
        }
    }
    return OK;
}

static status
find_window(query *q, const ast_select *select) {
    if (select->group_all) {
        for (int32_t i = 0; i < q->item_count && !q->has_window; i++) {
            const ast_expr *call = find_window_call(q->items[i].ast, 0);
            TRY(call == NULL ? OK : query_window(q, call));
        }
        return OK;
    }
    for (int32_t i = 0; i < select->group_count && !q->has_window; i++) {
        const select_item *item;
        TRY(group_source(&item, q, select->groups[i]));
        const ast_expr *call = find_window_call(item != NULL ? item->ast : select->groups[i], 0);
        TRY(call == NULL ? OK : query_window(q, call));
    }
    return OK;
}

static status
bind_group(expr **out, query *q, const ast_expr *e) {
    const select_item *item;
    TRY(group_source(&item, q, e));
    if (item != NULL && item->ast == NULL) {
        *out =
            make_column(q->binder, item->column, q->scope.columns[item->column].type, e->position);
        return *out == NULL ? out_of_memory(q->binder) : OK;
    }
    context c = clause_context(q, "GROUP BY", false);
    c.each = item != NULL ? item->each : 0;
    c.each_count = item != NULL ? item->each_count : 0;
    return bind_expr(out, &c, item != NULL ? item->ast : e);
}

static status
add_window_key(query *q, int32_t number) {
    int32_t at;
    expr   *key = make_column(q->binder, number, q->window.time->type, -1);
    TRY(key == NULL ? out_of_memory(q->binder) : OK);
    return query_add_key(&at, q, key);
}

static status
bind_groups(query *q, const ast_select *select) {
    binder *b = q->binder;
    q->group_keys = arena_alloc(b->arena, (size_t)select->group_count * sizeof(int32_t));
    TRY(q->group_keys == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < select->group_count; i++) {
        expr *key;
        TRY(bind_group(&key, q, select->groups[i]));
        TRY(query_add_key(&q->group_keys[i], q, key));
    }
    const int32_t written = q->key_count;
    if (q->has_window && q->window.kind == WINDOW_CUMULATE) { /* a window is both of its bounds */
        TRY(add_window_key(q, q->window.end_column));
    }
    if (q->sampled || (select->group_all && q->has_window && q->window.kind == WINDOW_SESSION)) {
        TRY(add_window_key(q, q->window.column));
    }
    for (int32_t i = 0; i < q->item_count && (select->group_all || q->sampled); i++) {
        expr   *e = q->items[i].bound, *key;
        int32_t at;
        if (!expr_has_aggregate(e) && !expr_is_constant(e)) {
            TRY(copy_expr(&key, b, e));
            TRY(query_add_key(&at, q, key));
        }
    }
    return query_grouping_sets(q, select, written);
}

/* ---- ORDER BY */

typedef struct ordering {
    int32_t   count;
    sort_key *keys;
    int32_t   on_count; /* DISTINCT ON */
    int32_t  *ons;
    int32_t   width; /* columns of the PROJECT: items, then hidden ones */
    expr    **exprs;
} ordering;

/* A bare name is first of all a name of the result. */
static status
order_item(int32_t *out, query *q, const ast_expr *e) {
    TRY(ordinal(out, q, e, "ORDER BY"));
    if (*out >= 0 || e->kind != AST_COLUMN || e->qualifier.text.data != NULL) {
        return OK;
    }
    for (int32_t i = 0; i < q->item_count; i++) {
        if (!name_matches(&e->name, q->items[i].name)) {
            continue;
        }
        if (*out >= 0 && !expr_equal(q->items[*out].bound, q->items[i].bound)) {
            error_set_at(q->binder->err, ERR_QUERY_FAILED, e->position,
                         "ORDER BY \"%.*s\" is ambiguous: two columns of the result have this name",
                         TEXT_ARG(e->name.text));
            error_hint(q->binder->err, "order by position (%d or %d), or rename one with AS",
                       *out + 1, i + 1);
            return ERR_QUERY_FAILED;
        }
        *out = *out >= 0 ? *out : i;
    }
    return OK;
}

static status
check_order(query *q, data_type t, int32_t position) {
    if (!type_is_orderable(t) && t.id != TYPE_NULL) {
        return error_set_at(q->binder->err, ERR_QUERY_FAILED, position, "cannot order by %s",
                            type_name(t));
    }
    return OK;
}

/* The column of the PROJECT that e is; -1: e is a constant. A new one is hidden. */
static status
order_column(int32_t *out, ordering *o, query *q, const ast_select *select, const ast_expr *e,
             const char *clause, int32_t each, int32_t each_count) {
    binder *b = q->binder;
    int32_t at;
    TRY(order_item(&at, q, e));
    if (at < 0) {
        expr   *bound;
        context c = clause_context(q, clause, true);
        c.overs = true;
        c.unnests = true;
        c.each = each;
        c.each_count = each_count;
        TRY(bind_expr(&bound, &c, e));
        if (expr_is_constant(bound)) {
            *out = -1;
            return OK;
        }
        for (int32_t i = 0; i < o->width && at < 0; i++) {
            at = expr_equal(o->exprs[i], bound) ? i : -1;
        }
        if (at < 0 && select->distinct && select->distinct_on_count == 0) {
            error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                         "ORDER BY of a SELECT DISTINCT must name a column of the select list");
            error_hint(b->err, "add the expression to the select list, or order by a position");
            return ERR_QUERY_FAILED;
        }
        if (at < 0) {
            at = o->width;
            o->exprs[o->width++] = bound;
        }
    }
    *out = at;
    return check_order(q, o->exprs[at]->type, e->position);
}

static void
add_order(ordering *o, const binder *b, const ast_order *order, int32_t at) {
    if (at >= 0) { /* else every row is equal in it */
        o->keys[o->count++] =
            (sort_key){.column = at,
                       .descending = order->descending,
                       .nulls_first = nulls_stand_first(b, order->nulls, order->descending)};
    }
}

/* How many keys an item is: ALL and COLUMNS(...) are several; *each -1: neither. */
static status
order_width(int32_t *width, int32_t *each, query *q, const ast_expr *e) {
    *each = -1;
    *width = q->item_count;
    if (e->kind != AST_STAR) {
        TRY(columns_each(each, q, e));
        *width = *each < 0 ? 1 : *each;
    }
    return OK;
}

static status
bind_order(ordering *o, query *q, const ast_select *select, const ast_order *order) {
    int32_t at, width, each;
    TRY(order_width(&width, &each, q, order->expr));
    for (int32_t i = 0; i < width; i++) {
        if (order->expr->kind == AST_STAR) {
            at = i;
            TRY(check_order(q, o->exprs[i]->type, order->expr->position));
        } else {
            TRY(order_column(&at, o, q, select, order->expr, "ORDER BY", each < 0 ? 0 : i + 1,
                             each));
        }
        add_order(o, q->binder, order, at);
    }
    return OK;
}

static status
bind_orders(ordering *o, query *q, const ast_select *select) {
    int32_t key_count = 0, width, each;
    for (int32_t i = 0; i < select->order_count; i++) {
        TRY(order_width(&width, &each, q, select->orders[i].expr));
        key_count += width;
    }
    TRY(make_args(&o->exprs, q->binder, q->item_count + key_count + select->distinct_on_count));
    o->keys = arena_alloc(q->binder->arena, (size_t)key_count * sizeof(*o->keys));
    TRY(o->keys == NULL ? out_of_memory(q->binder) : OK);
    for (int32_t i = 0; i < q->item_count; i++) {
        o->exprs[i] = q->items[i].bound;
    }
    o->width = q->item_count;
    o->ons = arena_alloc(q->binder->arena, (size_t)select->distinct_on_count * sizeof(*o->ons));
    TRY(o->ons == NULL ? out_of_memory(q->binder) : OK);
    for (int32_t i = 0; i < select->distinct_on_count; i++) {
        int32_t at;
        TRY(order_column(&at, o, q, select, select->distinct_ons[i], "DISTINCT ON", 0, 0));
        if (at >= 0) {
            o->ons[o->on_count++] = at;
        }
    }
    for (int32_t i = 0; i < select->order_count; i++) {
        TRY(bind_order(o, q, select, &select->orders[i]));
    }
    return OK;
}

/* ---- the nodes above the grouping */

static status
add_filter(query *q, expr *predicate) {
    q->node = node_filter(q->binder->arena, q->node, predicate);
    return q->node == NULL ? out_of_memory(q->binder) : OK;
}

static status
add_distinct(query *q) {
    q->node = node_distinct(q->binder->arena, q->node);
    return q->node == NULL ? out_of_memory(q->binder) : OK;
}

/* DISTINCT ON: the first row of each key in the order of ORDER BY. */
static status
add_distinct_on(query *q, const ordering *o) {
    q->node = node_top_n(q->binder->arena, q->node, o->keys, o->count);
    if (q->node == NULL) {
        return out_of_memory(q->binder);
    }
    q->node->key_columns = o->ons;
    q->node->key_count = o->on_count;
    q->node->limit = 1;
    return OK;
}

static status
add_sort(query *q, const ordering *o, int64_t limit, int64_t offset) {
    const bool cut = limit >= 0 || offset > 0;
    if (!cut && (o->count == 0 || q->binder->streaming)) {
        return OK; /* a stream's rows come as they happen */
    }
    const schema *s = &q->node->schema;
    plan_node    *n = node_new(q->binder->arena, cut ? PLAN_TOP_N : PLAN_SORT, 1, s->count);
    if (n == NULL) {
        return out_of_memory(q->binder);
    }
    memcpy(n->schema.fields, s->fields, (size_t)s->count * sizeof(*s->fields));
    n->inputs[0] = q->node;
    n->sort_count = o->count;
    n->sort_keys = o->keys;
    n->limit = limit;
    n->offset = offset;
    q->node = n;
    return OK;
}

static status
add_project(query *q, expr **exprs, int32_t count) {
    q->node = node_project(q->binder->arena, q->node, exprs, count);
    if (q->node == NULL) {
        return out_of_memory(q->binder);
    }
    for (int32_t i = 0; i < q->item_count; i++) {
        /* A stream's plan outlives the statement whose text and tree the names lie in. */
        const text name = arena_text(q->binder->arena, q->items[i].name);
        TRY(name.data == NULL ? out_of_memory(q->binder) : OK);
        q->node->schema.fields[i].name = name;
    }
    return OK;
}

static status
drop_hidden(query *q) {
    expr **visible;
    TRY(make_args(&visible, q->binder, q->item_count));
    for (int32_t i = 0; i < q->item_count; i++) {
        visible[i] = make_column(q->binder, i, q->node->schema.fields[i].type, -1);
        TRY(visible[i] == NULL ? out_of_memory(q->binder) : OK);
    }
    return add_project(q, visible, q->item_count);
}

static status
finish(query *q, const ast_select *select, const ordering *o) {
    binder *b = q->binder;
    int64_t limit = -1, offset = 0;
    double  percent = -1;
    if (select->limit_percent) {
        TRY(bind_percent(&percent, b, select->limit));
    } else if (select->limit != NULL) {
        TRY(bind_row_count(&limit, b, select->limit, "LIMIT"));
    }
    if (select->offset != NULL) {
        TRY(bind_row_count(&offset, b, select->offset, "OFFSET"));
        offset = max_i64(offset, 0);
    }
    const bool    picks = select->distinct_on_count > 0;
    const bool    unsorted = b->streaming && limit < 0 && percent < 0 && offset == 0 && !picks;
    const int32_t width = unsorted ? q->item_count : o->width;
    TRY(add_project(q, o->exprs, width));
    if (select->distinct) {
        TRY(picks ? add_distinct_on(q, o) : add_distinct(q));
    }
    if (percent >= 0) {
        TRY(query_limit_percent(&q->node, b, o->keys, o->count, percent, offset));
        offset = 0;
    }
    TRY(add_sort(q, o, limit, offset));
    return width > q->item_count || percent >= 0 ? drop_hidden(q) : OK;
}

/* A constant that is grouped by is NULL in the sets without it. */
static status
lift_constant(query *q, expr **e) {
    for (int32_t i = 0; (*e)->kind == EXPR_CONSTANT && i < q->key_count && q->set_count > 0; i++) {
        if (expr_equal(q->keys[i], *e)) {
            *e = make_column(q->binder, i, (*e)->type, (*e)->position);
            return *e == NULL ? out_of_memory(q->binder) : OK;
        }
    }
    return OK;
}

static status
lift_all(query *q, ordering *o, expr **having, expr **qualify) {
    for (int32_t i = 0; i < o->width; i++) {
        if (o->exprs[i]->kind == EXPR_CONSTANT) {
            TRY(lift_constant(q, &o->exprs[i]));
            continue;
        }
        TRY(query_lift(q, &o->exprs[i], i < q->item_count ? "SELECT" : "ORDER BY"));
    }
    TRY(query_lift_overs(q));
    TRY(query_lift_unnests(q));
    TRY(*qualify == NULL ? OK : query_lift(q, qualify, "QUALIFY"));
    return *having == NULL ? OK : query_lift(q, having, "HAVING");
}

static status
add_overs(query *q, const ordering *o, expr *qualify) {
    if (q->over_count > 0) {
        TRY(query_over(q));
        for (int32_t i = 0; i < o->width; i++) {
            query_over_columns(q, o->exprs[i]);
        }
    }
    if (qualify == NULL) {
        return OK;
    }
    query_over_columns(q, qualify);
    return add_filter(q, qualify);
}

/* With COLUMNS(...) the condition is to hold for each of the columns. */
static status
bind_where(query *q, const ast_expr *e) {
    int32_t count;
    TRY(columns_each(&count, q, e));
    for (int32_t i = 0; i < (count < 0 ? 1 : count); i++) {
        context c = clause_context(q, "WHERE", false);
        expr   *where;
        c.each = count < 0 ? 0 : i + 1;
        c.each_count = count;
        TRY(bind_filter(&where, &c, e));
        TRY(where == NULL ? OK : add_filter(q, where));
    }
    return OK;
}

/* UPDATE and DELETE are queries with the positions of their rows. */
static status
refuse_change(query *q, const ast_select *select) {
    const ast_from *from = select->from;
    while (from != NULL && from->kind == AST_FROM_JOIN) {
        from = from->left;
    }
    if (from == NULL || !(from->with_position || from->of_change)) {
        return OK;
    }
    if (from->of_change) {
        int32_t at = 0;
        while (at + 1 < q->item_count && !expr_has_aggregate(q->items[at].bound)) {
            at++;
        }
        error_set_at(q->binder->err, ERR_QUERY_FAILED, q->items[at].bound->position,
                     "an aggregate cannot stand in RETURNING, which gives one row for each row");
        return error_hint(q->binder->err, "insert or change first, then SELECT");
    }
    error_set_at(q->binder->err, ERR_QUERY_FAILED, select->position,
                 "an aggregate cannot stand in UPDATE and DELETE, which change single rows");
    error_hint(q->binder->err, "compute it in a subquery: SET total = (SELECT sum(x) FROM ...)");
    return ERR_QUERY_FAILED;
}

/* Functions of the program's over the rows of groups. */
static status
group_scalars(query *q, ordering *o, expr **having, expr **qualify) {
    for (int32_t i = 0; i < o->width; i++) {
        TRY(query_group_scalars(q, &o->exprs[i]));
    }
    TRY(query_group_scalars(q, having));
    TRY(query_group_scalars(q, qualify));
    for (int32_t i = 0; i < q->unnest_count; i++) {
        TRY(query_group_scalars(q, &q->unnests[i]));
    }
    return query_group_scalars_of_overs(q);
}

static status
bind_clauses(query *q, const ast_select *select) {
    expr    *having = NULL, *qualify = NULL;
    ordering o = {0};
    q->ast = select;
    TRY(expand_items(q, select));
    TRY(select->where != NULL ? bind_where(q, select->where) : OK);
    TRY(query_latest(q, select));
    TRY(query_sample(q, select));
    TRY(find_window(q, select));
    TRY(bind_items(q));
    for (int32_t i = 0; i < q->item_count; i++) {
        query_sample_columns(q, q->items[i].bound);
    }
    TRY(bind_groups(q, select));
    TRY(is_session_grouped(select) ? check_session_groups(q) : OK);
    if (select->having != NULL) {
        context c = clause_context(q, "HAVING", true);
        TRY(bind_condition(&having, &c, select->having));
    }
    if (select->qualify != NULL) {
        context c = clause_context(q, "QUALIFY", true);
        c.overs = true;
        TRY(bind_condition(&qualify, &c, select->qualify));
    }
    TRY(bind_orders(&o, q, select));
    for (int32_t i = q->item_count; i < o.width; i++) {
        query_sample_columns(q, o.exprs[i]);
    }
    query_sample_columns(q, having);
    query_sample_columns(q, qualify);
    const bool groups = q->agg_count > 0 || q->key_count > 0 || q->set_count > 0 ||
                        having != NULL || q->grouping_count > 0;
    query *grouped = groups ? q : NULL;
    TRY(grouped != NULL ? refuse_change(q, select) : OK);
    if (grouped != NULL) {
        for (int32_t i = 0; i < o.width; i++) { /* those that GROUP BY has computed */
            subqueries_resolve(&q->subqueries, o.exprs[i]);
        }
        if (having != NULL) {
            subqueries_resolve(&q->subqueries, having);
        }
        query_resolve_overs(q);
        query_resolve_unnests(q);
        TRY(group_scalars(q, &o, &having, &qualify));
        TRY(query_aggregate(q));
        TRY(lift_all(q, &o, &having, &qualify));
    }
    TRY(subqueries_apply(&q->subqueries, &q->node, grouped, q->binder, true));
    if (having != NULL) {
        subqueries_resolve(&q->subqueries, having);
        TRY(add_filter(q, having));
    }
    TRY(subqueries_apply(&q->subqueries, &q->node, grouped, q->binder, false));
    for (int32_t i = 0; i < o.width; i++) {
        subqueries_resolve(&q->subqueries, o.exprs[i]);
    }
    if (qualify != NULL) {
        subqueries_resolve(&q->subqueries, qualify);
    }
    query_resolve_overs(q);
    query_resolve_unnests(q);
    TRY(add_overs(q, &o, qualify));
    TRY(query_unnest(q, o.exprs, o.width));
    return finish(q, select, &o);
}

status
bind_select(plan_node **out, binder *b, const ast_select *select) {
    query q = {.binder = b};
    if (select->pivots) {
        error_set_at(b->err, ERR_QUERY_FAILED, select->position,
                     "the columns of PIVOT must be known here");
        return error_hint(b->err, "name the values that become columns: ON k IN ('a', 'b')");
    }
    if (is_session_grouped(select)) {
        TRY(bind_from_session(&q, select));
    } else if (select->from != NULL) {
        TRY(bind_from(&q.node, &q.scope, b, select->from, 0));
    } else {
        q.node = node_new(b->arena, PLAN_SINGLE, 0, 0);
        TRY(q.node == NULL ? out_of_memory(b) : OK);
    }
    TRY(bind_clauses(&q, select));
    *out = q.node;
    return OK;
}

status
bind_around(plan_node **node, binder *b, const ast_select *s) {
    if (s->order_count == 0 && s->limit == NULL && s->offset == NULL) {
        return OK;
    }
    ast_expr         star = {.kind = AST_STAR, .position = s->position, .end = s->position};
    ast_item         item = {.expr = &star};
    const ast_select whole = {.position = s->position,
                              .item_count = 1,
                              .items = &item,
                              .order_count = s->order_count,
                              .orders = s->orders,
                              .limit = s->limit,
                              .offset = s->offset,
                              .limit_percent = s->limit_percent};
    query            q = {.binder = b, .node = *node};
    TRY(scope_of_node(&q.scope, b, *node, TEXT("")));
    TRY(bind_clauses(&q, &whole));
    *node = q.node;
    return OK;
}
