/* SPDX-License-Identifier: Apache-2.0 */
/* bind_window.c - windows in GROUP BY, and the names of their bounds.
 *
 * A SELECT has at most one window of its own. PLAN_WINDOW computes its bounds below the grouping.
 * For TUMBLE and HOP everything else is arithmetic on the start; CUMULATE has windows of different
 * lengths and appends their ends too; a SESSION has no bounds before its rows are together, so they
 * are aggregates: the first time of the group, and the last one plus the gap. */
#include "plan/bind.h"

#include "plan/node.h"

#define US_PER_MS 1000

/* ---- PLAN_WINDOW */

static status
add_window_columns(plan_node *n, binder *b, const window_spec *w) {
    const plan_node *input = n->inputs[0];
    const int32_t    width = input->schema.count;
    if (width > 0) {
        memcpy(n->schema.fields, input->schema.fields, (size_t)width * sizeof(field));
    }
    (void)b;
    for (int32_t i = width; i < n->schema.count; i++) {
        n->schema.fields[i] = (field){
            .name = i == width ? TEXT("window_start") : TEXT("window_end"), .type = w->time->type};
    }
    return OK;
}

/* Late rows are sent with the columns of their target, found by name among those that the window
 * reads. */
static status
bind_late(plan_node *n, binder *b, const scope *s, const window_spec *w) {
    const object *to = b->late_to;
    n->late_columns = arena_alloc(b->arena, (size_t)to->schema->count * sizeof(int32_t));
    if (n->late_columns == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < to->schema->count; i++) {
        const field   *f = &to->schema->fields[i];
        const ast_name any = {.position = b->late_position};
        const ast_name name = {.text = f->name, .position = b->late_position};
        int32_t       *at = &n->late_columns[i];
        TRY(scope_find(at, b, s, &any, &name));
        const field *from = *at < 0 ? NULL : &n->inputs[0]->schema.fields[*at];
        const bool   same = from != NULL && (type_equal(from->type, f->type) ||
                                           (f->type.id == TYPE_I64 && from->type.id == TYPE_I64));
        if (same && (f->nullable || !from->nullable || *at == w->time->column)) {
            continue;
        }
        error_set_at(
            b->err, ERR_QUERY_FAILED, b->late_position,
            from == NULL ? "LATE DATA TO \"%.*s\": its column \"%.*s\" is none of the rows "
                           "that the window reads"
            : same       ? "LATE DATA TO \"%.*s\": its column \"%.*s\" is NOT NULL, and late rows "
                           "may have NULL there"
                         : "LATE DATA TO \"%.*s\": its column \"%.*s\" is of another type than in "
                           "the rows that the window reads",
            TEXT_ARG(to->name), TEXT_ARG(f->name));
        if (from == NULL || same) {
            return error_hint(b->err, "every column of the source must be one of FROM, with its "
                                      "type; columns of FROM may be missing there");
        }
        return error_hint(b->err, "it is %s there, and %s in FROM", type_name(f->type),
                          type_name(from->type));
    }
    n->late_count = to->schema->count;
    return OK;
}

status
window_node(plan_node **out, binder *b, window_spec *w, const scope *s, plan_node *input,
            int32_t position) {
    int32_t       time_column = w->time->column;
    const object *from = NULL;
    if (w->time->kind != EXPR_COLUMN) {
        time_column = input->schema.count;
        input = node_extend(b->arena, input, &w->time, 1);
        if (input == NULL) {
            return out_of_memory(b);
        }
    }
    bool by_clock = false;
    w->timed = node_is_followed(input, time_column, &by_clock, &from);
    TRY(w->timed ? note_clock(b, by_clock, position) : OK);
    w->column = input->schema.count;
    w->end_column = w->kind == WINDOW_CUMULATE ? w->column + 1 : -1;
    plan_node *n = node_new(b->arena, PLAN_WINDOW, 1, w->column + 1 + (w->kind == WINDOW_CUMULATE));
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->inputs[0] = input;
    TRY(add_window_columns(n, b, w));
    n->time_column = time_column;
    n->window = w->kind;
    n->window_size_us = w->size_us;
    n->window_slide_us = w->slide_us;
    n->window_offset_us = w->offset_us;
    n->lateness_us = b->streaming && w->timed ? b->lateness_us : INT64_MAX;
    TRY(b->late_to != NULL && w->timed ? bind_late(n, b, s, w) : OK);
    *out = n;
    b->window_count++;
    if (!w->timed && !b->timeless_window) {
        b->timeless_window = true;
        b->timeless_position = position;
        b->timeless_table = from != NULL ? from->name : TEXT("");
    }
    return OK;
}

status
query_window(query *q, const ast_expr *call) {
    binder    *b = q->binder;
    context    c = {.binder = b,
                    .scope = &q->scope,
                    .query = q,
                    .clause = "a window",
                    .alias_count = q->item_count};
    plan_node *n;
    TRY(bind_window_spec(&q->window, &c, call));
    TRY(window_node(&n, b, &q->window, &q->scope, q->node, call->position));
    q->has_window = true;
    q->node = n;
    return OK;
}

/* ---- the bounds */

/* Column + us, of the column's type. */
status
window_shifted(expr **out, binder *b, expr *bound, int64_t us, int32_t position) {
    const data_type t = bound->type;
    expr          **args;
    TRY(make_args(&args, b, 2));
    args[0] = bound;
    value v = value_i64(type_time_from_us(t, us));
    if (t.id != TYPE_I64) {
        v = (value){.type = type_of(TYPE_INTERVAL), .iv = {.us = us}};
    }
    args[1] = make_constant(b, &v, position);
    if (args[1] == NULL) {
        return out_of_memory(b);
    }
    TRY(bind_call_named(out, b, TEXT("+"), args, 2, position));
    return cast_expr(out, b, t);
}

/* A session's bounds are known with its rows: `aggregate` over their times. */
static status
session_bound(expr **out, context *c, const char *aggregate, int32_t position) {
    query  *q = c->query;
    binder *b = c->binder;
    expr   *time = make_column(b, q->window.column, q->window.time->type, position);
    if (time == NULL) {
        return out_of_memory(b);
    }
    if (strcmp(c->clause, "GROUP BY") == 0) {
        *out = time; /* the session itself */
        return OK;
    }
    if (!c->aggregates || c->in_aggregate) {
        error_set_at(b->err, ERR_QUERY_FAILED, position,
                     "the bounds of a session are known when its rows are together, not in %s",
                     c->in_aggregate ? "an aggregate" : c->clause);
        error_hint(b->err, "take them in a subquery, and compute with them above it");
        return ERR_QUERY_FAILED;
    }
    TRY(query_add_aggregate(out, q, aggregate, time, position));
    return OK;
}

static status
start(expr **out, context *c, int32_t position) {
    const window_spec *w = &c->query->window;
    if (w->kind == WINDOW_SESSION) {
        return session_bound(out, c, "min", position);
    }
    *out = make_column(c->binder, w->column, w->time->type, position);
    return *out == NULL ? out_of_memory(c->binder) : OK;
}

/* The end of the window, `before_us` earlier. */
static status
end(expr **out, context *c, int64_t before_us, int32_t position) {
    const window_spec *w = &c->query->window;
    int64_t            us = w->size_us;
    if (w->kind == WINDOW_SESSION) {
        TRY(session_bound(out, c, "max", position));
        if (strcmp(c->clause, "GROUP BY") == 0) {
            return OK;
        }
    } else if (w->kind == WINDOW_CUMULATE) {
        *out = make_column(c->binder, w->end_column, w->time->type, position);
        us = 0;
    } else {
        *out = make_column(c->binder, w->column, w->time->type, position);
    }
    TRY(*out == NULL ? out_of_memory(c->binder) : OK);
    return us == before_us ? OK : window_shifted(out, c->binder, *out, us - before_us, position);
}

static bool
same_window(const window_spec *x, const window_spec *y) {
    return x->kind == y->kind && expr_equal(x->time, y->time) && x->size_us == y->size_us &&
           x->slide_us == y->slide_us && x->offset_us == y->offset_us;
}

status
bind_window_call(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    query  *q = c->query;
    if (q == NULL || !q->has_window) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%.*s() makes groups, and this query has no window in GROUP BY",
                     TEXT_ARG(e->name.text));
        error_hint(b->err, "add GROUP BY TUMBLE(ts, size), and select window_start");
        return ERR_QUERY_FAILED;
    }
    if (e->arg_count > 0) {
        window_spec other;
        TRY(bind_window_spec(&other, c, e));
        if (!same_window(&other, &q->window)) {
            error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                         "this window is not the one in GROUP BY, and a query has one window");
            error_hint(b->err, "write window_start and window_end for its bounds, or use a "
                               "subquery for the other window");
            return ERR_QUERY_FAILED;
        }
    }
    const window_part part = window_call_part(e);
    if (part == WINDOW_PART_NONE || part == WINDOW_PART_START) {
        return start(out, c, e->position);
    }
    return end(out, c, part == WINDOW_PART_TIME ? US_PER_MS : 0, e->position);
}

status
bind_window_name(expr **out, context *c, const ast_expr *e, bool *done) {
    query *q = c->query;
    *done = q != NULL && q->has_window;
    if (!*done) {
        return OK;
    }
    if (name_matches(&e->name, TEXT("window_start"))) {
        return start(out, c, e->position);
    }
    if (name_matches(&e->name, TEXT("window_end"))) {
        return end(out, c, 0, e->position);
    }
    if (name_matches(&e->name, TEXT("window_time"))) {
        return end(out, c, US_PER_MS, e->position);
    }
    *done = false;
    return OK;
}
