/* SPDX-License-Identifier: Apache-2.0 */
/* bind_agg_call.c - one aggregate call: its arguments, what it is ordered by, its overload.
 *
 * The first arguments of an aggregate are columns, those behind them constants. What ORDER BY sorts
 * by becomes further columns, unless it is an argument; where the order cannot change the value it
 * is forgotten. WITHIN GROUP gives the first argument of percentile_cont(0.9) and mode(), and is
 * ORDER BY for the others. */
#include "agg/agg_routine.h"
#include "plan/bind.h"

#include "plan/node.h"

static status
refuse_place(context *c, const ast_expr *e) {
    binder    *b = c->binder;
    const text name = e->name.text;
    if (c->in_aggregate) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "aggregates cannot be nested: %.*s() stands inside another one",
                     TEXT_ARG(name));
        error_hint(b->err, "compute the inner one in a subquery in FROM");
        return ERR_QUERY_FAILED;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "%.*s() is an aggregate and cannot stand in %s", TEXT_ARG(name), c->clause);
    if (strcmp(c->clause, "WHERE") == 0) {
        error_hint(b->err, "use HAVING: it is tested after grouping, WHERE before it");
    } else {
        error_hint(b->err, context_is_alone(c) ? "only a query has the rows that it needs"
                                               : "compute it in a subquery in FROM");
    }
    return ERR_QUERY_FAILED;
}

static status
refuse_count(binder *b, const ast_expr *e, int32_t count) {
    const text name = e->name.text;
    error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() does not take %d argument%s",
                 TEXT_ARG(name), count, count == 1 ? "" : "s");
    if (count > 1 && text_equal_nocase(name, TEXT("min"))) {
        error_hint(b->err, "the smallest of several values: least(a, b)");
    } else if (count > 1 && text_equal_nocase(name, TEXT("max"))) {
        error_hint(b->err, "the largest of several values: greatest(a, b)");
    } else {
        error_hint(b->err, "write %s", agg_usage(name));
    }
    return ERR_QUERY_FAILED;
}

/* ---- the parts of a call */

static int32_t
add_column(agg_call *call, expr *e) {
    call->columns[call->signature.column_count] = e;
    return call->signature.column_count++;
}

/* The number of a column that is `e`, added when there is none. */
static int32_t
column_of(agg_call *call, expr *e) {
    for (int32_t i = 0; i < call->signature.column_count; i++) {
        if (expr_equal(call->columns[i], e)) {
            return i;
        }
    }
    return add_column(call, e);
}

static status
bind_call_order(agg_call *call, context *c, const ast_order *order, sort_key *keys) {
    agg_signature *s = &call->signature;
    binder        *b = c->binder;
    expr          *e;
    TRY(bind_expr(&e, c, order->expr));
    if (!type_is_orderable(e->type) && e->type.id != TYPE_NULL) {
        return error_set_at(b->err, ERR_QUERY_FAILED, order->expr->position, "cannot order by %s",
                            type_name(e->type));
    }
    const int32_t at = column_of(call, e);
    if (at >= s->argument_count && call->distinct) {
        error_set_at(b->err, ERR_QUERY_FAILED, order->expr->position,
                     "with DISTINCT the call can only be ordered by its arguments");
        error_hint(b->err, "copies of a value have different places in another order");
        return ERR_QUERY_FAILED;
    }
    keys[s->order_count++] =
        (sort_key){.column = at,
                   .descending = order->descending,
                   .nulls_first = nulls_stand_first(b, order->nulls, order->descending)};
    return OK;
}

/* What lists rows lists those of a frame in the order of the window, so that a row can leave it
 * again; different values in their own order. */
static status
order_by_window(agg_call *call, binder *b, sort_key *keys) {
    agg_signature     *s = &call->signature;
    const over_window *w = call->window;
    const int32_t      count = call->distinct ? 0 : w->order_count;
    for (int32_t i = 0; i < count; i++) {
        expr *e;
        TRY(copy_expr(&e, b, w->orders[i].expr));
        keys[s->order_count++] = (sort_key){.column = column_of(call, e),
                                            .descending = w->orders[i].descending,
                                            .nulls_first = w->orders[i].nulls_first};
    }
    for (int32_t i = 0; i < s->column_count && count == 0; i++) {
        keys[s->order_count++] = (sort_key){.column = i};
    }
    return OK;
}

/* The expression of WITHIN GROUP is an argument: percentile_cont(0.9) WITHIN GROUP (ORDER BY x). */
static bool
takes_order(const agg_class *class, const ast_expr *e) {
    return e->within_group && !class->order_matters;
}

static status
bind_columns(agg_call *call, context *c, const ast_expr *e, int32_t written) {
    agg_signature *s = &call->signature;
    const bool     bare = s->routine != NULL && written == 0;
    const int32_t  further = call->window == NULL ? 0 : call->window->order_count + written + bare;
    const int32_t  order_count = e->order_count + further + bare;
    sort_key      *keys = arena_alloc(c->binder->arena, (size_t)order_count * sizeof(*keys));
    TRY(make_args(&call->columns, c->binder, written + 2 * order_count + bare));
    TRY(keys == NULL ? out_of_memory(c->binder) : OK);
    for (int32_t i = 0; i < written; i++) {
        expr *argument;
        TRY(bind_expr(&argument, c, e->args[i]));
        (void)add_column(call, argument);
    }
    if (bare) { /* rows are kept by their columns: one that is no argument */
        const value yes = {.type = type_of(TYPE_BOOL), .b = true};
        expr       *mark = make_constant(c->binder, &yes, e->position);
        TRY(mark == NULL ? out_of_memory(c->binder) : OK);
        (void)add_column(call, mark);
    }
    s->argument_count = written + takes_order(call->class, e);
    s->orders = keys;
    call->keys = keys;
    const bool wanted = call->class->order_matters || takes_order(call->class, e);
    for (int32_t i = 0; i < e->order_count; i++) {
        TRY(bind_call_order(call, c, &e->orders[i], keys));
    }
    if (call->window != NULL && call->class->lists_rows && e->order_count == 0) {
        TRY(order_by_window(call, c->binder, keys));
    } else if (bare && s->order_count == 0) { /* equal rows are one, with a weight */
        keys[s->order_count++] = (sort_key){.column = 0};
    }
    if (!wanted) {
        s->column_count = s->argument_count;
        s->order_count = 0;
    }
    return OK;
}

static status
bind_constants(agg_call *call, binder *b, const ast_expr *e, int32_t first) {
    const int32_t count = e->arg_count - first;
    value        *constants = arena_alloc(b->arena, (size_t)count * sizeof(*constants));
    if (constants == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(bind_constant(&constants[i], b, e->args[first + i], "a constant argument"));
    }
    call->signature.constants = constants;
    call->signature.constant_count = count;
    return OK;
}

#define FIRST_MAX 65536 /* of more values all are kept */

/* A list of which only the first values are shown (bind_first_values): how many of them. */
static status
bind_first(agg_call *call, binder *b, const ast_expr *e) {
    value *most = arena_alloc(b->arena, sizeof(*most));
    if (most == NULL) {
        return out_of_memory(b);
    }
    TRY(bind_constant(most, b, e->otherwise, "a number of values"));
    if (type_integer_range(most->type, &(int64_t){0}, &(int64_t){0}) && !most->is_null &&
        most->i > 0 && most->i <= FIRST_MAX) {
        call->signature.constants = most;
        call->signature.constant_count = 1;
    }
    return OK;
}

/* An argument that is cast is still sorted by as it was written: string_agg(i ORDER BY i). */
static status
keep_order(agg_call *call, binder *b, int32_t argument) {
    agg_signature *s = &call->signature;
    int32_t        kept = -1;
    for (int32_t i = 0; i < s->order_count; i++) {
        if (call->keys[i].column != argument) {
            continue;
        }
        if (kept < 0) {
            expr *copy;
            TRY(copy_expr(&copy, b, call->columns[argument]));
            kept = add_column(call, copy);
            s->types[kept] = copy->type;
        }
        call->keys[i].column = kept;
    }
    return OK;
}

static status
resolve_call(agg_call *call, binder *b, const ast_expr *e) {
    agg_signature *s = &call->signature;
    const int32_t  room = s->column_count + s->order_count;
    s->types = arena_alloc(b->arena, (size_t)room * sizeof(*s->types));
    if (s->types == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < s->column_count; i++) {
        s->types[i] = call->columns[i]->type;
    }
    const status resolved = call->class->resolve(call->class, s, b->err);
    if (resolved == ERR_WRONG_TYPE) {
        buf types;
        buf_init(&types, b->arena->mem, 1024);
        for (int32_t i = 0; i < s->argument_count; i++) {
            buf_printf(&types, "%s%s", i == 0 ? "" : ", ", type_name(call->columns[i]->type));
        }
        const text list = buf_text(&types);
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() does not take %.*s",
                     TEXT_ARG(e->name.text), TEXT_ARG(list));
        error_hint(b->err, "bring it to a number first: %.*s(CAST(... AS DOUBLE))",
                   TEXT_ARG(e->name.text));
        buf_fini(&types);
        return ERR_QUERY_FAILED;
    }
    TRY(located(b, resolved, e->position));
    for (int32_t i = 0; i < s->argument_count; i++) {
        if (call->class->order_matters && !type_equal(call->columns[i]->type, s->types[i])) {
            TRY(keep_order(call, b, i));
        }
    }
    for (int32_t i = 0; i < s->column_count; i++) {
        TRY(cast_expr(&call->columns[i], b, s->types[i]));
    }
    return OK;
}

/* ---- which one it is */

static bool
is_literal(const ast_expr *e) {
    while (e->kind == AST_UNARY) {
        e = e->args[0];
    }
    return e->kind >= AST_NULL && e->kind <= AST_TYPED;
}

/* An aggregate of the program's: its columns, then what open is given. */
static status
refuse_routine_count(binder *b, const routine *r, const ast_expr *e, int32_t written) {
    if (written == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%.*s() is an aggregate: it takes one column or more", TEXT_ARG(r->name));
        return error_hint(b->err, "one that is registered with no argument types takes none");
    }
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "%.*s() takes %d column%s, then what it is made with; %d argument%s given",
                 TEXT_ARG(r->name), r->argument_count, r->argument_count == 1 ? "" : "s", written,
                 written == 1 ? " is" : "s are");
    return error_hint(b->err, "SHOW CREATE \"%.*s\" shows it", TEXT_ARG(r->name));
}

/* The form where no row is taken back, or for frames, which rows leave; plan_form_calls looks
 * again. */
static status
find_routine_class(agg_call *call, binder *b, object *f, const ast_expr *e, int32_t written) {
    const routine *r = f->routine;
    const bool     counts = r->argument_count == 0; /* rows: it looks at no column */
    if ((written == 0 && !counts) || written < r->argument_count) {
        return refuse_routine_count(b, r, e, written);
    }
    TRY(remember_routine(b, f));
    r = remembered_routine(b, f);
    const bool plain = !e->distinct && e->order_count == 0;
    const bool held = plain && agg_routine_can_hold(r, call->window == NULL);
    call->class = agg_routine_class(r, held);
    call->signature.routine = r;
    return OK;
}

static status
find_class(agg_call *call, binder *b, const ast_expr *e, int32_t written) {
    object *f = find_aggregate(b, &e->name);
    if (f != NULL) {
        return find_routine_class(call, b, f, e, written);
    }
    call->class = agg_find(e->name.text, written);
    if (e->within_group && (call->class == NULL || !call->class->order_matters)) {
        call->class = agg_find(e->name.text, written + 1);
    }
    return call->class == NULL || (takes_order(call->class, e) && e->order_count != 1)
               ? refuse_count(b, e, written)
               : OK;
}

/* How many of the arguments are columns. */
static int32_t
count_columns(const agg_call *call, const ast_expr *e, int32_t written) {
    const routine *r = call->signature.routine;
    if (r != NULL && r->argument_count >= 0) {
        return r->argument_count;
    }
    if (r != NULL) { /* any number: literals at the end are none */
        while (written > 1 && is_literal(e->args[written - 1])) {
            written--;
        }
        return written;
    }
    const int32_t constants =
        takes_order(call->class, e) ? written : written - call->class->column_min;
    const int32_t most = call->class->constant_max;
    return written - (constants < most ? constants : most);
}

object *
find_aggregate(const binder *b, const ast_name *name) {
    object *f = find_routine(b, name);
    return f != NULL && f->routine->kind == ROUTINE_AGGREGATE ? f : NULL;
}

status
bind_aggregate_operands(agg_call *call, context *c, const ast_expr *e) {
    binder       *b = c->binder;
    const bool    star = e->arg_count == 1 && e->args[0]->kind == AST_STAR;
    const int32_t written = star ? 0 : e->arg_count;
    TRY(find_class(call, b, e, written));
    if (e->distinct && written == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "DISTINCT needs a column to look at");
        error_hint(b->err, "write count(DISTINCT column)");
        return ERR_QUERY_FAILED;
    }
    const int32_t columns = count_columns(call, e, written);
    call->distinct = e->distinct && !call->class->ignores_copies;
    plan_node **node = c->node;
    c->in_aggregate = !c->in_over;
    if (!c->in_over) {
        c->node = &c->query->node; /* subqueries are computed below the grouping */
    }
    TRY(bind_columns(call, c, e, columns));
    if (e->filter != NULL) {
        TRY(bind_expr(&call->filter, c, e->filter));
        TRY(require_boolean(&call->filter, b, "FILTER"));
    }
    c->in_aggregate = false;
    c->node = node;
    if (written > columns) {
        TRY(bind_constants(call, b, e, columns));
    } else if (e->otherwise != NULL) {
        TRY(bind_first(call, b, e));
    }
    return resolve_call(call, b, e);
}

/* ---- equal calls are one */

static bool
same_signature(const agg_signature *x, const agg_signature *y) {
    if (x->column_count != y->column_count || x->argument_count != y->argument_count ||
        x->order_count != y->order_count || x->constant_count != y->constant_count ||
        x->routine != y->routine || (x->literal == NULL) != (y->literal == NULL)) {
        return false;
    }
    for (int32_t i = 0; x->literal != NULL && i < x->argument_count + x->constant_count; i++) {
        if (x->literal[i] != y->literal[i]) {
            return false;
        }
    }
    for (int32_t i = 0; i < x->order_count; i++) {
        const sort_key *p = &x->orders[i];
        const sort_key *q = &y->orders[i];
        if (p->column != q->column || p->descending != q->descending ||
            p->nulls_first != q->nulls_first) {
            return false;
        }
    }
    for (int32_t i = 0; i < x->constant_count; i++) {
        if (!type_equal(x->constants[i].type, y->constants[i].type) ||
            value_compare(&x->constants[i], &y->constants[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool
agg_call_equal(const agg_call *x, const agg_call *y) {
    if (x->class != y->class || x->distinct != y->distinct ||
        (x->filter == NULL) != (y->filter == NULL) ||
        (x->filter != NULL && !expr_equal(x->filter, y->filter)) ||
        !same_signature(&x->signature, &y->signature)) {
        return false;
    }
    for (int32_t i = 0; i < x->signature.column_count; i++) {
        if (!expr_equal(x->columns[i], y->columns[i])) {
            return false;
        }
    }
    return true;
}

status
query_add_call(int32_t *out, query *q, const agg_call *call) {
    for (int32_t i = 0; i < q->agg_count; i++) {
        if (agg_call_equal(&q->aggs[i], call)) {
            *out = i;
            return OK;
        }
    }
    if (q->agg_count == q->agg_capacity) {
        const int32_t capacity = q->agg_capacity == 0 ? 8 : q->agg_capacity * 2;
        agg_call     *grown = arena_alloc(q->binder->arena, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return out_of_memory(q->binder);
        }
        if (q->agg_count > 0) {
            memcpy(grown, q->aggs, (size_t)q->agg_count * sizeof(*grown));
        }
        q->aggs = grown;
        q->agg_capacity = capacity;
    }
    *out = q->agg_count;
    q->aggs[q->agg_count++] = *call;
    return OK;
}

status
bind_aggregate_call(expr **out, context *c, const ast_expr *e) {
    if (c->in_aggregate || !c->aggregates || c->query == NULL) {
        return refuse_place(c, e);
    }
    agg_call   call = {0};
    int32_t    index = -1;
    const bool in_over = c->in_over;
    c->in_over = false;
    TRY(bind_aggregate_operands(&call, c, e));
    c->in_over = in_over;
    TRY(query_add_call(&index, c->query, &call));
    *out = make_column(c->binder, AGGREGATE_BASE + index, call.signature.output, e->position);
    return *out == NULL ? out_of_memory(c->binder) : OK;
}

status
query_add_aggregate(expr **out, query *q, const char *name, expr *argument, int32_t position) {
    binder        *b = q->binder;
    const ast_expr e = {.kind = AST_CALL, .name = {.text = text_of(name)}, .position = position};
    agg_call       call = {.class = agg_find(text_of(name), 1)};
    int32_t        index = -1;
    TRY(make_args(&call.columns, b, 1));
    call.signature.argument_count = add_column(&call, argument) + 1;
    TRY(resolve_call(&call, b, &e));
    TRY(query_add_call(&index, q, &call));
    *out = make_column(b, AGGREGATE_BASE + index, call.signature.output, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* ---- label */

static bool
append_expr(buf *line, binder *b, const expr *e, const schema *names) {
    const text part = expr_label(b->arena, e, names);
    if (part.data != NULL) {
        buf_append_text(line, part);
    }
    return part.data != NULL;
}

status
agg_call_label(text *out, binder *b, const agg_call *call, const schema *names) {
    const agg_signature *s = &call->signature;
    bool                 good = true;
    buf                  line;
    buf_init(&line, b->arena->mem, 1024);
    buf_printf(&line, "%.*s(%s", TEXT_ARG(agg_call_name(call->class, s)),
               s->column_count == 0 && s->routine == NULL ? "*"
               : call->distinct                           ? "DISTINCT "
                                                          : "");
    for (int32_t i = 0, next = 0; i < s->argument_count + s->constant_count; i++) {
        const bool constant = s->literal != NULL ? s->literal[i] : i >= s->argument_count;
        buf_printf(&line, "%s", i == 0 ? "" : ", ");
        if (constant) {
            expr_print_value(&s->constants[i - next], &line);
        } else {
            good = append_expr(&line, b, call->columns[next++], names) && good;
        }
    }
    const bool bare =
        s->routine != NULL && s->argument_count == 0; /* it may have a key of its own */
    for (int32_t i = 0; i < s->order_count; i++) {
        if (bare && s->orders[i].column == 0) {
            continue;
        }
        buf_printf(&line, "%s", i == 0 ? " ORDER BY " : ", ");
        good = append_expr(&line, b, call->columns[s->orders[i].column], names) && good;
        buf_printf(&line, "%s", s->orders[i].descending ? " DESC" : "");
    }
    buf_append_char(&line, ')');
    if (call->filter != NULL) {
        buf_printf(&line, " FILTER (WHERE ");
        good = append_expr(&line, b, call->filter, names) && good;
        buf_append_char(&line, ')');
    }
    *out = arena_text(b->arena, buf_text(&line));
    good = good && !line.failed && out->data != NULL;
    buf_fini(&line);
    return good ? OK : out_of_memory(b);
}
