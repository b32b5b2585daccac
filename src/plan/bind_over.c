/* SPDX-License-Identifier: Apache-2.0 */
/* bind_over.c - window functions: OVER clauses are resolved against WINDOW, equal windows and equal
 * calls become one, and all of them stand as OVER nodes above the grouping.
 *
 *   PROJECT (the input's columns, then what windows and calls compute), OVER, OVER ...
 *
 * A call is a placeholder column until then, so it may stand anywhere in an expression. */
#include "plan/bind.h"

#include "plan/node.h"

/* Room for one more element: arrays have a power of two of them. */
static status
grow(void **array, binder *b, int32_t count, size_t size) {
    if (count != 0 && (count & (count - 1)) != 0) {
        return OK;
    }
    void *grown = arena_alloc(b->arena, (size_t)max_i64(1, 2 * (int64_t)count) * size);
    if (grown == NULL) {
        return out_of_memory(b);
    }
    if (count > 0) {
        memcpy(grown, *array, (size_t)count * size);
    }
    *array = grown;
    return OK;
}

/* ---- WINDOW */

typedef struct window_text {                     /* an OVER clause with its base windows taken in */
    const ast_over *partitions, *orders, *frame; /* where each part stands; NULL: nowhere */
} window_text;

/* Among the first `count` windows of WINDOW: one sees those before it. */
static status
find_window_def(const ast_over **out, int32_t *index, query *q, const ast_name *name,
                int32_t count) {
    binder *b = q->binder;
    for (int32_t i = 0; i < count; i++) {
        if (name_matches(name, q->ast->windows[i].name.text)) {
            *out = q->ast->windows[i].over;
            *index = i;
            return OK;
        }
    }
    text *names = arena_alloc(b->arena, (size_t)count * sizeof(*names));
    if (names == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        names[i] = q->ast->windows[i].name.text;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, name->position, "window \"%.*s\" does not exist",
                 TEXT_ARG(name->text));
    if (count > 0) {
        hint_nearest(b, name->text, names, count, "WINDOW has");
    } else {
        error_hint(b->err, "define it: WINDOW %.*s AS (PARTITION BY ... ORDER BY ...)",
                   TEXT_ARG(name->text));
    }
    return ERR_QUERY_FAILED;
}

static status
refuse_override(query *q, const ast_over *o, const char *what) {
    error_set_at(q->binder->err, ERR_QUERY_FAILED, o->position,
                 "the window \"%.*s\" has its own %s, which cannot be changed here",
                 TEXT_ARG(o->base.text), what);
    error_hint(q->binder->err, "define another window, or write the whole of it in OVER (...)");
    return ERR_QUERY_FAILED;
}

/* As in PostgreSQL: a window over another one may add ORDER BY and a frame, not change them. */
static status
resolve_window(window_text *out, query *q, const ast_over *o, int32_t visible) {
    *out = (window_text){0};
    if (o->base.text.data != NULL) {
        const ast_over *base = NULL;
        int32_t         index = 0;
        TRY(find_window_def(&base, &index, q, &o->base, visible));
        TRY(resolve_window(out, q, base, index));
        if (o->bare) {
            return OK;
        }
        if (o->partition_count > 0) {
            return refuse_override(q, o, "PARTITION BY");
        }
        if (o->order_count > 0 && out->orders != NULL) {
            return refuse_override(q, o, "ORDER BY");
        }
        if (out->frame != NULL) {
            return refuse_override(q, o, "frame");
        }
    }
    out->partitions = o->partition_count > 0 ? o : out->partitions;
    out->orders = o->order_count > 0 ? o : out->orders;
    out->frame = o->unit != AST_FRAME_DEFAULT ? o : out->frame;
    return OK;
}

static status
check_orderable(binder *b, const expr *e, const char *clause) {
    if (type_is_orderable(e->type) || e->type.id == TYPE_NULL) {
        return OK;
    }
    return error_set_at(b->err, ERR_QUERY_FAILED, e->position, "cannot order by %s in %s",
                        type_name(e->type), clause);
}

static status
bind_window_def(over_window *w, context *c, const window_text *t) {
    binder *b = c->binder;
    *w = (over_window){0};
    const int32_t partitions = t->partitions == NULL ? 0 : t->partitions->partition_count;
    const int32_t orders = t->orders == NULL ? 0 : t->orders->order_count;
    TRY(make_args(&w->partitions, b, partitions));
    w->orders = arena_alloc(b->arena, (size_t)orders * sizeof(*w->orders));
    if (w->orders == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < partitions; i++) {
        expr *e;
        TRY(bind_expr(&e, c, t->partitions->partitions[i]));
        TRY(check_orderable(b, e, "PARTITION BY"));
        if (!expr_is_constant(e)) {
            w->partitions[w->partition_count++] = e;
        }
    }
    for (int32_t i = 0; i < orders; i++) {
        const ast_order *o = &t->orders->orders[i];
        expr            *e;
        TRY(bind_expr(&e, c, o->expr));
        TRY(check_orderable(b, e, "ORDER BY"));
        if (!expr_is_constant(e)) {
            const bool first = nulls_stand_first(b, o->nulls, o->descending);
            w->orders[w->order_count++] =
                (over_order){.expr = e, .descending = o->descending, .nulls_first = first};
        }
    }
    return OK;
}

static bool
same_window(const over_window *x, const over_window *y) {
    if (x->partition_count != y->partition_count || x->order_count != y->order_count) {
        return false;
    }
    bool same = true;
    for (int32_t i = 0; i < x->partition_count; i++) {
        same = same && expr_equal(x->partitions[i], y->partitions[i]);
    }
    for (int32_t i = 0; i < x->order_count; i++) {
        const over_order *a = &x->orders[i], *b = &y->orders[i];
        same = same && expr_equal(a->expr, b->expr) && a->descending == b->descending &&
               a->nulls_first == b->nulls_first;
    }
    return same;
}

static status
add_window_def(int32_t *out, query *q, const over_window *w) {
    for (int32_t i = 0; i < q->window_def_count; i++) {
        if (same_window(&q->window_defs[i], w)) {
            *out = i;
            return OK;
        }
    }
    TRY(grow((void **)&q->window_defs, q->binder, q->window_def_count, sizeof(*w)));
    *out = q->window_def_count;
    q->window_defs[q->window_def_count++] = *w;
    return OK;
}

/* ---- calls */

static status
refuse_place(context *c, const ast_expr *e) {
    binder    *b = c->binder;
    const text name = e->name.text;
    if (c->in_over) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "window functions cannot be nested: %.*s() stands inside another one",
                     TEXT_ARG(name));
        error_hint(b->err, "compute the inner one in a subquery in FROM");
        return ERR_QUERY_FAILED;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "%.*s() OVER is a window function and cannot stand in %s", TEXT_ARG(name),
                 c->in_aggregate ? "an aggregate" : c->clause);
    if (strcmp(c->clause, "WHERE") == 0 || strcmp(c->clause, "HAVING") == 0) {
        error_hint(b->err, "use QUALIFY: it is tested after the window functions");
    } else {
        error_hint(b->err, context_is_alone(c) ? "only a query has the rows that it needs"
                                               : "compute it in a subquery in FROM");
    }
    return ERR_QUERY_FAILED;
}

status
refuse_without_over(context *c, const ast_expr *e) {
    binder    *b = c->binder;
    const text name = e->name.text;
    over_kind  kind;
    if (over_find(name, &kind)) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%.*s() is a window function and needs OVER", TEXT_ARG(name));
        error_hint(b->err, "write %.*s(...) OVER (PARTITION BY ... ORDER BY ...)", TEXT_ARG(name));
        return ERR_QUERY_FAILED;
    }
    return OK;
}

static status
refuse_arguments(binder *b, const ast_expr *e, const char *takes) {
    return error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() takes %s, not %d arguments",
                        TEXT_ARG(e->name.text), takes, e->arg_count);
}

/* A number of rows: a constant, or an expression of each row. */
static status
bind_row_argument(over_item *item, context *c, const ast_expr *e, int64_t least, const char *what) {
    binder *b = c->binder;
    expr   *x;
    TRY(bind_expr(&x, c, e));
    if (!type_is_integer(x->type) && x->type.id != TYPE_NULL) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "%s must be a whole number, not %s", what, type_name(x->type));
    }
    TRY(cast_expr(&x, b, type_of(TYPE_I64)));
    TRY(fold_expr(&x, b));
    if (x->kind != EXPR_CONSTANT || x->constant.is_null) {
        item->count = x;
        return OK;
    }
    item->call.count = x->constant.i;
    if (item->call.count < least) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "%s must be at least %lld, not %lld", what, (long long)least,
                            (long long)item->call.count);
    }
    return OK;
}

static status
bind_shift(over_item *item, context *c, const ast_expr *e) {
    binder *b = c->binder;
    if (e->arg_count < 1 || e->arg_count > 3) {
        return refuse_arguments(b, e, "a value, and maybe an offset and a default");
    }
    TRY(bind_expr(&item->argument, c, e->args[0]));
    item->call.count = 1;
    if (e->arg_count > 1) {
        TRY(bind_row_argument(item, c, e->args[1], INT64_MIN, "the offset"));
    }
    if (e->arg_count > 2) {
        expr *both[2] = {item->argument, NULL};
        TRY(bind_expr(&both[1], c, e->args[2]));
        TRY(bind_unify(b, both, 2,
                       e->name.text.data[1] == 'a' || e->name.text.data[1] == 'A'
                           ? "the value and the default of lag"
                           : "the value and the default of lead"));
        item->argument = both[0];
        item->fallback = both[1];
    }
    return OK;
}

static status
bind_window_arguments(over_item *item, context *c, const ast_expr *e) {
    binder         *b = c->binder;
    const over_kind kind = item->call.kind;
    item->call.type = type_of(TYPE_I64);
    switch (kind) {
    case OVER_PERCENT_RANK:
    case OVER_CUME_DIST:
        item->call.type = type_of(TYPE_F64);
        return e->arg_count == 0 ? OK : refuse_arguments(b, e, "nothing");
    case OVER_ROW_NUMBER:
    case OVER_RANK:
    case OVER_DENSE_RANK:
        return e->arg_count == 0 ? OK : refuse_arguments(b, e, "nothing");
    case OVER_NTILE:
        if (e->arg_count != 1) {
            return refuse_arguments(b, e, "the number of tiles");
        }
        return bind_row_argument(item, c, e->args[0], 1, "the number of tiles");
    case OVER_LAG:
    case OVER_LEAD:
        TRY(bind_shift(item, c, e));
        break;
    case OVER_NTH_VALUE:
        if (e->arg_count != 2) {
            return refuse_arguments(b, e, "a value and the number of a row");
        }
        TRY(bind_expr(&item->argument, c, e->args[0]));
        TRY(bind_row_argument(item, c, e->args[1], 1, "the number of the row"));
        break;
    default:
        if (e->arg_count != 1) {
            return refuse_arguments(b, e, "one value");
        }
        TRY(bind_expr(&item->argument, c, e->args[0]));
        item->call.ignore_nulls = text_equal_nocase(e->name.text, TEXT("any_value"));
        break;
    }
    item->call.type = item->argument->type;
    item->call.ignore_nulls |= e->nulls == AST_NULLS_IGNORE;
    return OK;
}

static status
refuse_word(binder *b, const ast_expr *e, const char *word) {
    return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                        "%s is not for the window function %.*s()", word, TEXT_ARG(e->name.text));
}

static status
bind_window_function(over_item *item, context *c, const ast_expr *e) {
    binder         *b = c->binder;
    const over_kind kind = item->call.kind;
    const bool      star = e->arg_count == 1 && e->args[0]->kind == AST_STAR;
    if (e->distinct || e->filter != NULL || star) {
        return refuse_word(b, e, e->distinct ? "DISTINCT" : star ? "*" : "FILTER");
    }
    if (e->nulls != AST_NULLS_DEFAULT && kind < OVER_LAG) {
        return refuse_word(b, e, "IGNORE NULLS");
    }
    return bind_window_arguments(item, c, e);
}

static status
bind_aggregate_over(over_item *item, context *c, const ast_expr *e, const over_window *w) {
    binder *b = c->binder;
    if (e->nulls != AST_NULLS_DEFAULT) {
        return refuse_word(b, e, "IGNORE NULLS");
    }
    item->aggregate.window = w;
    TRY(bind_aggregate_operands(&item->aggregate, c, e));
    item->aggregate.window = NULL;
    item->call.kind = OVER_AGGREGATE;
    item->call.class = item->aggregate.class;
    item->call.signature = item->aggregate.signature;
    item->call.distinct = item->aggregate.distinct;
    item->call.type = item->aggregate.signature.output;
    return OK;
}

static bool
same(const expr *x, const expr *y) {
    return x == NULL || y == NULL ? x == y : expr_equal(x, y);
}

static bool
same_item(const over_item *x, const over_item *y) {
    const over_call *a = &x->call, *b = &y->call;
    if (a->kind == OVER_AGGREGATE && b->kind == OVER_AGGREGATE &&
        !agg_call_equal(&x->aggregate, &y->aggregate)) {
        return false;
    }
    return x->window == y->window && a->kind == b->kind && a->ignore_nulls == b->ignore_nulls &&
           a->count == b->count && over_frame_equal(&a->frame, &b->frame) &&
           same(x->argument, y->argument) && same(x->count, y->count) &&
           same(x->fallback, y->fallback);
}

static status
add_item(int32_t *out, query *q, const over_item *item) {
    for (int32_t i = 0; i < q->over_count; i++) {
        if (same_item(&q->overs[i], item)) {
            *out = i;
            return OK;
        }
    }
    TRY(grow((void **)&q->overs, q->binder, q->over_count, sizeof(*item)));
    *out = q->over_count;
    q->overs[q->over_count++] = *item;
    return OK;
}

status
bind_over_call(expr **out, context *c, const ast_expr *e) {
    binder     *b = c->binder;
    over_item   item = {0};
    window_text t;
    over_window w;
    int32_t     index = -1;
    if (!c->overs || c->in_over || c->in_aggregate || c->query == NULL) {
        return refuse_place(c, e);
    }
    query *q = c->query;
    c->in_over = true;
    TRY(resolve_window(&t, q, e->over, q->ast == NULL ? 0 : q->ast->window_count));
    TRY(bind_window_def(&w, c, &t));
    TRY(add_window_def(&item.window, q, &w));
    if (over_find(e->name.text, &item.call.kind)) {
        TRY(bind_window_function(&item, c, e));
    } else if (find_aggregate(b, &e->name) != NULL || agg_exists(e->name.text)) {
        TRY(bind_aggregate_over(&item, c, e, &w));
    } else {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%.*s() is neither a window function nor an aggregate, so it takes no OVER",
                     TEXT_ARG(e->name.text));
        return ERR_QUERY_FAILED;
    }
    over_frame frame;
    TRY(bind_frame(&frame, b, t.frame, &w));
    if (over_has_frame(item.call.kind)) {
        item.call.frame = frame;
    }
    c->in_over = false;
    TRY(add_item(&index, q, &item));
    *out = make_column(b, OVER_BASE + index, item.call.type, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* ---- above the grouping */

static status
lift(query *q, expr **e) {
    return *e == NULL ? OK : query_lift(q, e, "OVER");
}

status
query_lift_overs(query *q) {
    for (int32_t i = 0; i < q->window_def_count; i++) {
        over_window *w = &q->window_defs[i];
        for (int32_t k = 0; k < w->partition_count; k++) {
            TRY(lift(q, &w->partitions[k]));
        }
        for (int32_t k = 0; k < w->order_count; k++) {
            TRY(lift(q, &w->orders[k].expr));
        }
    }
    for (int32_t i = 0; i < q->over_count; i++) {
        over_item *item = &q->overs[i];
        TRY(lift(q, &item->argument));
        TRY(lift(q, &item->aggregate.filter));
        for (int32_t k = 0; k < item->aggregate.signature.column_count; k++) {
            TRY(lift(q, &item->aggregate.columns[k]));
        }
        TRY(lift(q, &item->count));
        TRY(lift(q, &item->fallback));
    }
    return OK;
}

status
query_group_scalars_of_overs(query *q) {
    for (int32_t i = 0; i < q->window_def_count; i++) {
        over_window *w = &q->window_defs[i];
        for (int32_t k = 0; k < w->partition_count; k++) {
            TRY(query_group_scalars(q, &w->partitions[k]));
        }
        for (int32_t k = 0; k < w->order_count; k++) {
            TRY(query_group_scalars(q, &w->orders[k].expr));
        }
    }
    for (int32_t i = 0; i < q->over_count; i++) {
        over_item *item = &q->overs[i];
        TRY(query_group_scalars(q, &item->argument));
        TRY(query_group_scalars(q, &item->fallback));
        for (int32_t k = 0; k < item->aggregate.signature.column_count; k++) {
            TRY(query_group_scalars(q, &item->aggregate.columns[k]));
        }
    }
    return OK;
}

static void
resolve_subqueries(const query *q, expr *e) {
    if (e != NULL) {
        subqueries_resolve(&q->subqueries, e);
    }
}

void
query_resolve_overs(query *q) {
    for (int32_t i = 0; i < q->window_def_count; i++) {
        over_window *w = &q->window_defs[i];
        for (int32_t k = 0; k < w->partition_count; k++) {
            resolve_subqueries(q, w->partitions[k]);
        }
        for (int32_t k = 0; k < w->order_count; k++) {
            resolve_subqueries(q, w->orders[k].expr);
        }
    }
    for (int32_t i = 0; i < q->over_count; i++) {
        over_item *item = &q->overs[i];
        resolve_subqueries(q, item->argument);
        resolve_subqueries(q, item->aggregate.filter);
        for (int32_t k = 0; k < item->aggregate.signature.column_count; k++) {
            resolve_subqueries(q, item->aggregate.columns[k]);
        }
        resolve_subqueries(q, item->count);
        resolve_subqueries(q, item->fallback);
    }
}

typedef struct extras { /* computed columns below the OVER nodes */
    int32_t width;      /* of the node before them */
    int32_t count;
    expr  **exprs;
} extras;

static int32_t
place(extras *x, expr *e) {
    if (e == NULL) {
        return -1;
    }
    if (e->kind == EXPR_COLUMN) {
        return e->column;
    }
    for (int32_t i = 0; i < x->count; i++) {
        if (expr_equal(x->exprs[i], e)) {
            return x->width + i;
        }
    }
    x->exprs[x->count] = e;
    return x->width + x->count++;
}

/* The node's keys as columns; its input is set when all extras are known. */
static status
make_over_node(plan_node **out, query *q, extras *x, int32_t window) {
    binder            *b = q->binder;
    const over_window *w = &q->window_defs[window];
    plan_node         *n = node_new(b->arena, PLAN_OVER, 1, 0);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->key_columns = arena_alloc(b->arena, (size_t)w->partition_count * sizeof(int32_t));
    n->sort_keys = arena_alloc(b->arena, (size_t)w->order_count * sizeof(*n->sort_keys));
    n->overs = arena_alloc(b->arena, (size_t)q->over_count * sizeof(*n->overs));
    if (n->key_columns == NULL || n->sort_keys == NULL || n->overs == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < w->partition_count; i++) {
        n->key_columns[n->key_count++] = place(x, w->partitions[i]);
    }
    for (int32_t i = 0; i < w->order_count; i++) {
        n->sort_keys[n->sort_count++] = (sort_key){.column = place(x, w->orders[i].expr),
                                                   .descending = w->orders[i].descending,
                                                   .nulls_first = w->orders[i].nulls_first};
    }
    for (int32_t i = 0; i < q->over_count; i++) {
        const over_item *item = &q->overs[i];
        if (item->window != window) {
            continue;
        }
        over_call *call = &n->overs[n->over_count++];
        *call = item->call;
        call->argument = place(x, item->argument);
        call->filter = place(x, item->aggregate.filter);
        call->count_column = place(x, item->count);
        call->fallback = place(x, item->fallback);
        const int32_t count = call->signature.column_count;
        call->columns = arena_alloc(b->arena, (size_t)count * sizeof(*call->columns));
        if (call->columns == NULL) {
            return out_of_memory(b);
        }
        for (int32_t k = 0; k < count; k++) {
            call->columns[k] = place(x, item->aggregate.columns[k]);
        }
    }
    *out = n;
    return OK;
}

/* Puts n above q->node. */
static status
stack_over_node(query *q, plan_node *n, int32_t window) {
    binder       *b = q->binder;
    const schema *in = &q->node->schema;
    n->inputs[0] = q->node;
    n->schema.count = in->count + n->over_count;
    n->schema.fields = arena_alloc(b->arena, (size_t)n->schema.count * sizeof(field));
    if (n->schema.fields == NULL) {
        return out_of_memory(b);
    }
    if (in->count > 0) {
        memcpy(n->schema.fields, in->fields, (size_t)in->count * sizeof(field));
    }
    int32_t at = in->count;
    for (int32_t i = 0; i < q->over_count; i++) {
        over_item *item = &q->overs[i];
        if (item->window == window) {
            item->column = at;
            n->schema.fields[at++] =
                (field){.name = over_name(&item->call), .type = item->call.type, .nullable = true};
        }
    }
    q->node = n;
    return OK;
}

status
query_over(query *q) {
    binder *b = q->binder;
    extras  x = {.width = q->node->schema.count};
    int32_t room = 1 + 4 * q->over_count;
    for (int32_t i = 0; i < q->over_count; i++) {
        room += q->overs[i].aggregate.signature.column_count;
    }
    for (int32_t i = 0; i < q->window_def_count; i++) {
        room += q->window_defs[i].partition_count + q->window_defs[i].order_count;
    }
    TRY(make_args(&x.exprs, b, room));
    if (x.width == 0) { /* rows must be counted by something */
        expr *one = make_bool(b, true, -1);
        TRY(one == NULL ? out_of_memory(b) : OK);
        (void)place(&x, one);
    }
    plan_node **nodes = arena_alloc(b->arena, (size_t)q->window_def_count * sizeof(*nodes));
    if (nodes == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < q->window_def_count; i++) {
        TRY(make_over_node(&nodes[i], q, &x, i));
    }
    if (x.count > 0) {
        q->node = node_extend(b->arena, q->node, x.exprs, x.count);
        TRY(q->node == NULL ? out_of_memory(b) : OK);
    }
    for (int32_t i = 0; i < q->window_def_count; i++) {
        TRY(stack_over_node(q, nodes[i], i));
    }
    return OK;
}

static void
renumber(void *arg, int32_t *number) {
    const query *q = arg;
    if (*number >= OVER_BASE && *number < UNNEST_BASE) {
        *number = q->overs[*number - OVER_BASE].column;
    }
}

void
query_over_columns(const query *q, expr *e) {
    query own = *q;
    expr_visit_columns(e, renumber, &own);
}
