/* SPDX-License-Identifier: Apache-2.0 */
/* bind_unnest.c - unnest(list, ...): the items of lists as rows, in FROM and in the select list;
 * json_each(j), json_tree(j) in FROM.
 *
 *   PROJECT (items by their numbers), SERIES (1 to the length of the longest), PROJECT (the lists)
 *
 * Of several lists the shorter ones end in NULLs. A MAP gives the rows (key, value). In the select
 * list all calls go through one SERIES above the grouping and the windows; a call is a placeholder
 * column (UNNEST_BASE + i) until then. */
#include "plan/bind.h"

#include "plan/node.h"
#include "type/nested.h"

/* ---- what both forms are made of */

/* The argument as a list; *is_map: of its entries. */
static status
as_list(expr **e, bool *is_map, binder *b) {
    const data_type t = (*e)->type;
    const int32_t   position = (*e)->position;
    *is_map = t.id == TYPE_MAP;
    if (t.id == TYPE_LIST) {
        return OK;
    }
    if (t.id == TYPE_MAP) {
        expr **args;
        TRY(make_args(&args, b, 1));
        args[0] = *e;
        return bind_call_named(e, b, TEXT("map_entries"), args, 1, position);
    }
    if (t.id == TYPE_NULL) {
        data_type nothing;
        TRY(located(b, type_list(&nothing, t, b->err), position));
        return cast_expr(e, b, nothing);
    }
    error_set_at(b->err, ERR_QUERY_FAILED, position, "unnest() takes lists and maps, not %s",
                 type_name(t));
    return error_hint(b->err,
                      t.id == TYPE_STRUCT
                          ? "the fields of a STRUCT are columns: s.*, or unnest(s) as an item "
                            "of a select list, with nothing around it"
                          : "make a list of it: [x]");
}

static status
length_of(expr **out, binder *b, const expr *list) {
    expr **args;
    TRY(make_args(&args, b, 1));
    TRY(copy_expr(&args[0], b, list));
    return bind_call_named(out, b, TEXT("cardinality"), args, 1, list->position);
}

/* From, to and step of the numbers: exprs has room for them and the lists behind. */
static status
number_items(expr **exprs, binder *b, expr *const *lists, int32_t count) {
    const value one = value_i64(1);
    expr      **lengths;
    TRY(make_args(&lengths, b, count));
    for (int32_t i = 0; i < count; i++) {
        TRY(length_of(&lengths[i], b, lists[i]));
        exprs[3 + i] = lists[i];
    }
    exprs[0] = make_constant(b, &one, -1);
    exprs[1] = lengths[0];
    exprs[2] = make_constant(b, &one, -1);
    TRY(exprs[0] == NULL || exprs[2] == NULL ? out_of_memory(b) : OK);
    return count == 1 ? OK
                      : bind_call_named(&exprs[1], b, TEXT("greatest"), lengths, count,
                                        lists[0]->position);
}

/* SERIES over a node whose columns from `first` on are those of number_items. */
static status
number_rows(plan_node **node, binder *b, int32_t first, int32_t position) {
    const int32_t width = (*node)->schema.count;
    plan_node    *n = node_new(b->arena, PLAN_SERIES, 1, width + 1);
    TRY(n == NULL ? out_of_memory(b) : OK);
    n->key_columns = arena_alloc(b->arena, 3 * sizeof(*n->key_columns));
    TRY(n->key_columns == NULL ? out_of_memory(b) : OK);
    n->key_count = 3;
    for (int32_t i = 0; i < 3; i++) {
        n->key_columns[i] = first + i;
    }
    n->inputs[0] = *node;
    n->inclusive = true;
    n->position = position;
    node_series_fields(n, type_of(TYPE_I64), false);
    *node = n;
    return OK;
}

/* The item of this row of the list in column `at`. */
static status
make_item(expr **out, binder *b, const plan_node *series, int32_t at, int32_t position) {
    expr *list = make_column(b, at, series->schema.fields[at].type, position);
    expr *number = make_column(b, series->schema.count - 1, type_of(TYPE_I64), position);
    TRY(list == NULL || number == NULL ? out_of_memory(b) : OK);
    return bind_call_two(out, b, "list_extract", list, number, list->position);
}

static status
make_part(expr **out, binder *b, expr *item, int32_t number) {
    const value at = value_i64(number + 1);
    expr       *which = make_constant(b, &at, item->position);
    TRY(which == NULL ? out_of_memory(b) : OK);
    return bind_call_two(out, b, "struct_extract", item, which, item->position);
}

/* ---- FROM */

/* json_each(j [, path]) and json_tree give a list of structs. */
static status
bind_entries(expr **list, context *c, const ast_expr *e) {
    expr **args;
    TRY(make_args(&args, c->binder, e->arg_count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(bind_expr(&args[i], c, e->args[i]));
    }
    return bind_call_named(list, c->binder, e->name.text, args, e->arg_count, args[0]->position);
}

typedef struct unnested { /* what a call gives */
    int32_t count;
    expr  **lists;
    bool   *split; /* a list of structs whose fields are columns of their own */
    int32_t width; /* columns */
} unnested;

static status
bind_lists(unnested *u, binder *b, const ast_from *from) {
    const ast_expr *e = from->call;
    const bool      is_json = !ast_is_call(e, "unnest");
    scope           nothing = {0};
    context         c = {.binder = b, .scope = &nothing, .clause = "FROM"};
    if (e->arg_count < 1 || e->arg_names != NULL || (is_json && e->arg_count > 2)) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%s",
                     is_json ? "json_each() and json_tree() take a value and a path"
                             : "unnest() takes one list or several");
        return error_hint(b->err, is_json ? "write json_each(j, '$.path')" : "write unnest(list)");
    }
    u->count = is_json ? 1 : e->arg_count;
    u->split = arena_alloc_zero(b->arena, (size_t)u->count * sizeof(*u->split));
    TRY(u->split == NULL ? out_of_memory(b) : OK);
    TRY(make_args(&u->lists, b, u->count));
    for (int32_t i = 0; i < u->count; i++) {
        TRY(is_json ? bind_entries(&u->lists[i], &c, e) : bind_expr(&u->lists[i], &c, e->args[i]));
        TRY(is_json ? OK : as_list(&u->lists[i], &u->split[i], b));
        u->split[i] |= is_json;
    }
    /* unnest(list of structs) AS t(a, b): as many names as fields */
    const data_type item = type_item(u->lists[0]->type);
    const int32_t   names = from->column_count;
    if (u->count == 1 && item.id == TYPE_STRUCT && names > 1 &&
        (names == type_field_count(item) || names == type_field_count(item) + from->ordinality)) {
        u->split[0] = names > 1 + from->ordinality;
    }
    u->width = from->ordinality;
    for (int32_t i = 0; i < u->count; i++) {
        u->width += u->split[i] ? type_field_count(type_item(u->lists[i]->type)) : 1;
    }
    return OK;
}

static status
show_items(expr **shown, binder *b, const unnested *u, const plan_node *series, int32_t position) {
    int32_t at = 0;
    for (int32_t i = 0; i < u->count; i++) {
        const data_type item = type_item(u->lists[i]->type);
        for (int32_t k = 0; k < (u->split[i] ? type_field_count(item) : 1); k++) {
            TRY(make_item(&shown[at], b, series, 3 + i, position));
            TRY(u->split[i] ? make_part(&shown[at], b, shown[at], k) : OK);
            at++;
        }
    }
    if (at < u->width) {
        shown[at] = make_column(b, series->schema.count - 1, type_of(TYPE_I64), position);
        TRY(shown[at] == NULL ? out_of_memory(b) : OK);
    }
    return OK;
}

/* An alias names the only column too, as in PostgreSQL. */
static status
name_columns(scope *s, binder *b, const unnested *u, const ast_from *from, const plan_node *n) {
    const bool aliased = from->alias.text.data != NULL;
    const text table = aliased ? from->alias.text : from->call->name.text;
    int32_t    at = 0;
    TRY(scope_of_node(s, b, n, table));
    for (int32_t i = 0; i < u->count; i++) {
        const data_type item = type_item(u->lists[i]->type);
        for (int32_t k = 0; u->split[i] && k < type_field_count(item); k++) {
            s->columns[at++].name = type_field(item, k).name;
        }
        if (!u->split[i]) {
            s->columns[at++].name = u->count == 1 ? table : from->call->name.text;
        }
    }
    if (at < s->count) {
        s->columns[at].name = TEXT("ordinality");
    }
    return OK;
}

bool
is_unnest_call(const ast_from *from) {
    return ast_is_call(from->call, "unnest") || ast_is_call(from->call, "json_each") ||
           ast_is_call(from->call, "json_tree");
}

status
bind_unnest(plan_node **out, scope *s, binder *b, const ast_from *from) {
    const int32_t position = from->call->position;
    unnested      u = {0};
    expr        **exprs, **shown;
    plan_node    *one = node_new(b->arena, PLAN_SINGLE, 0, 0);
    TRY(one == NULL ? out_of_memory(b) : OK);
    TRY(bind_lists(&u, b, from));
    TRY(make_args(&exprs, b, 3 + u.count));
    TRY(number_items(exprs, b, u.lists, u.count));
    plan_node *n = node_project(b->arena, one, exprs, 3 + u.count);
    TRY(n == NULL ? out_of_memory(b) : OK);
    TRY(number_rows(&n, b, 0, position));
    TRY(make_args(&shown, b, u.width));
    TRY(show_items(shown, b, &u, n, position));
    *out = node_project(b->arena, n, shown, u.width);
    TRY(*out == NULL ? out_of_memory(b) : OK);
    return name_columns(s, b, &u, from, *out);
}

/* ---- the select list */

status
bind_unnest_item(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr   *list;
    int32_t depth;
    if (!c->unnests || c->in_aggregate || c->in_over) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "unnest() makes rows, in %s",
                     c->clause);
        return error_hint(b->err, "put it into FROM: FROM t, unnest(t.list) AS u");
    }
    TRY(unnest_depth(&depth, b, e));
    c->unnests = false;
    TRY(bind_expr(&list, c, e->args[0]));
    c->unnests = true;
    return unnest_value(out, c, list, depth, e->position);
}

status
unnest_value(expr **out, context *c, expr *list, int32_t depth, int32_t position) {
    binder *b = c->binder;
    query  *q = c->query;
    int32_t at = 0;
    bool    is_map;
    TRY(as_list(&list, &is_map, b));
    for (; depth > 1 && type_item(list->type).id == TYPE_LIST; depth--) {
        expr **args;
        TRY(make_args(&args, b, 1));
        args[0] = list;
        TRY(bind_call_named(&list, b, TEXT("flatten"), args, 1, position));
    }
    while (at < q->unnest_count && !expr_equal(q->unnests[at], list)) {
        at++;
    }
    if (at == UNNESTS_MAX) {
        return error_set_at(b->err, ERR_QUERY_FAILED, position,
                            "a select list has at most %d different unnest()", UNNESTS_MAX);
    }
    if (at == q->unnest_count) {
        q->unnests[q->unnest_count++] = list;
    }
    *out = make_column(b, UNNEST_BASE + at, type_item(list->type), position);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
query_lift_unnests(query *q) {
    for (int32_t i = 0; i < q->unnest_count; i++) {
        TRY(query_lift(q, &q->unnests[i], "unnest()"));
    }
    return OK;
}

void
query_resolve_unnests(query *q) {
    for (int32_t i = 0; i < q->unnest_count; i++) {
        subqueries_resolve(&q->subqueries, q->unnests[i]);
    }
}

static void
renumber(void *arg, int32_t *number) {
    const int32_t *first = arg;
    if (*number >= UNNEST_BASE && *number < SUBQUERY_BASE) {
        *number += *first - UNNEST_BASE;
    }
}

status
query_unnest(query *q, expr **exprs, int32_t count) {
    binder       *b = q->binder;
    const int32_t below = q->node->schema.count;
    expr        **extra, **items;
    if (q->unnest_count == 0) {
        return OK;
    }
    for (int32_t i = 0; i < q->unnest_count; i++) {
        query_over_columns(q, q->unnests[i]);
    }
    const int32_t position = q->unnests[0]->position;
    TRY(make_args(&extra, b, 3 + q->unnest_count));
    TRY(number_items(extra, b, q->unnests, q->unnest_count));
    q->node = node_extend(b->arena, q->node, extra, 3 + q->unnest_count);
    TRY(q->node == NULL ? out_of_memory(b) : OK);
    TRY(number_rows(&q->node, b, below, position));
    TRY(make_args(&items, b, q->unnest_count));
    for (int32_t i = 0; i < q->unnest_count; i++) {
        TRY(make_item(&items[i], b, q->node, below + 3 + i, position));
    }
    int32_t first = q->node->schema.count;
    q->node = node_extend(b->arena, q->node, items, q->unnest_count);
    TRY(q->node == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < count; i++) {
        expr_visit_columns(exprs[i], renumber, &first);
    }
    return OK;
}
