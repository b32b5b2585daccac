/* SPDX-License-Identifier: Apache-2.0 */
/* bind_window.c - TUMBLE(time, size [, offset]) and the names of its bounds.
 *
 * A SELECT has at most one window. PLAN_WINDOW computes its start below the grouping; everything
 * else about it is arithmetic on that column. Whether a watermark closes it is decided here: its
 * time must be the event-time column of a source that has one. */
#include "plan/bind.h"

#include "plan/node.h"

#define US_PER_MS 1000

bool
is_window_call(const ast_expr *e) {
    return ast_is_call(e, "tumble") || ast_is_call(e, "tumble_start") ||
           ast_is_call(e, "tumble_end");
}

const ast_expr *
find_window_call(const ast_expr *e, int32_t depth) {
    if (e == NULL || depth > BIND_DEPTH_MAX) {
        return NULL;
    }
    if (e->kind == AST_CALL && is_window_call(e) && e->arg_count > 0) {
        return e;
    }
    const ast_expr *found = find_window_call(e->operand, depth + 1);
    for (int32_t i = 0; i < e->arg_count && found == NULL; i++) {
        found = find_window_call(e->args[i], depth + 1);
    }
    return found != NULL ? found : find_window_call(e->otherwise, depth + 1);
}

static status
check_time(expr **time, binder *b) {
    const data_type t = (*time)->type;
    if (t.id ==
        TYPE_TIMESTAMP_NS) { /* sizes are whole microseconds, so nothing changes its window */
        return cast_expr(time, b, type_of(TYPE_TIMESTAMP));
    }
    if (t.id == TYPE_I64 || type_is_time(t)) {
        return OK;
    }
    if (type_is_integer(t) && type_casts_implicitly(t, type_of(TYPE_I64))) {
        return cast_expr(time, b, type_of(TYPE_I64));
    }
    error_set_at(b->err, ERR_QUERY_FAILED, (*time)->position,
                 "TUMBLE needs a time: TIMESTAMP of any unit, or BIGINT in epoch milliseconds; "
                 "this is %s",
                 type_name(t));
    if (t.id == TYPE_DATE || t.id == TYPE_TEXT) {
        error_hint(b->err, "write CAST(... AS TIMESTAMP)");
    } else {
        error_hint(b->err, "write TUMBLE(ts, INTERVAL '1' MINUTE) with the time column first");
    }
    return ERR_QUERY_FAILED;
}

static status
check_unit(binder *b, int64_t us, data_type t, const ast_expr *e, const char *what) {
    if (us % type_time_unit_us(t) == 0) {
        return OK;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "%s must be whole %s, because the time is %s", what,
                 t.id == TYPE_TIMESTAMP_S ? "seconds" : "milliseconds", type_name(t));
    return error_hint(b->err, "round it, or keep the time as TIMESTAMP (microseconds)");
}

static status
bind_spec(window_spec *out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    if (e->arg_count < 2 || e->arg_count > 3) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() got %d argument%s",
                     TEXT_ARG(e->name.text), e->arg_count, e->arg_count == 1 ? "" : "s");
        error_hint(b->err,
                   "write %.*s(ts, INTERVAL '1' MINUTE), with an offset as third argument "
                   "if the windows are shifted",
                   TEXT_ARG(e->name.text));
        return ERR_QUERY_FAILED;
    }
    *out = (window_spec){.position = e->position};
    context inner = *c;
    inner.aggregates = false;
    inner.clause = "TUMBLE";
    TRY(bind_expr(&out->time, &inner, e->args[0]));
    out->bound = out->time->type;
    TRY(check_time(&out->time, b));
    out->bound = out->bound.id == TYPE_TIMESTAMP_NS ? out->bound : out->time->type;
    const data_type t = out->time->type;
    TRY(bind_duration(&out->size_us, b, e->args[1], "the size of TUMBLE"));
    if (out->size_us <= 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->args[1]->position,
                     "the size of TUMBLE must be longer than nothing");
        error_hint(b->err, "write INTERVAL '5' SECOND, or milliseconds: 5000");
        return ERR_QUERY_FAILED;
    }
    TRY(check_unit(b, out->size_us, t, e->args[1], "the size of TUMBLE"));
    if (e->arg_count == 3) {
        TRY(bind_duration(&out->offset_us, b, e->args[2], "the offset of TUMBLE"));
        TRY(check_unit(b, out->offset_us, t, e->args[2], "the offset of TUMBLE"));
        out->offset_us %= out->size_us;
        out->offset_us += out->offset_us < 0 ? out->size_us : 0;
    }
    return OK;
}

status
query_window(query *q, const ast_expr *call) {
    binder *b = q->binder;
    context c = {.binder = b,
                 .scope = &q->scope,
                 .query = q,
                 .clause = "TUMBLE",
                 .alias_count = q->item_count};
    TRY(bind_spec(&q->window, &c, call));
    expr      *time = q->window.time;
    plan_node *input = q->node;
    int32_t    time_column = time->column;

    const object *from = NULL;
    if (time->kind != EXPR_COLUMN) {
        time_column = input->schema.count;
        input = node_extend(b->arena, input, &time, 1);
        if (input == NULL) {
            return out_of_memory(b);
        }
    }
    q->window_timed = node_is_event_time(input, time_column, &from);
    const int32_t width = input->schema.count;
    plan_node    *n = node_new(b->arena, PLAN_WINDOW, 1, width + 1);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->inputs[0] = input;
    if (width > 0) {
        memcpy(n->schema.fields, input->schema.fields, (size_t)width * sizeof(field));
    }
    n->schema.fields[width] = (field){.name = TEXT("window_start"), .type = time->type};
    n->time_column = time_column;
    n->window_size_us = q->window.size_us;
    n->window_offset_us = q->window.offset_us;
    n->lateness_us = b->streaming && q->window_timed ? b->lateness_us : INT64_MAX;
    q->window.column = width;
    q->has_window = true;
    q->node = n;
    b->window_count++;
    if (!q->window_timed && !b->timeless_window) {
        b->timeless_window = true;
        b->timeless_position = call->position;
        b->timeless_table = from != NULL ? from->name : TEXT("");
    }
    return OK;
}

/* start + us, of the type of start. */
static status
shifted(expr **out, query *q, int64_t us, int32_t position) {
    binder         *b = q->binder;
    const data_type t = q->window.time->type;
    expr          **args;
    TRY(make_args(&args, b, 2));
    args[0] = make_column(b, q->window.column, t, position);
    value v = value_i64(us / US_PER_MS);
    if (t.id != TYPE_I64) {
        v = (value){.type = type_of(TYPE_INTERVAL), .iv = {.us = us}};
    }
    args[1] = make_constant(b, &v, position);
    if (args[0] == NULL || args[1] == NULL) {
        return out_of_memory(b);
    }
    TRY(bind_call_named(out, b, TEXT("+"), args, 2, position));
    return cast_expr(out, b, q->window.bound);
}

static status
start(expr **out, query *q, int32_t position) {
    *out = make_column(q->binder, q->window.column, q->window.time->type, position);
    return *out == NULL ? out_of_memory(q->binder) : cast_expr(out, q->binder, q->window.bound);
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
        TRY(bind_spec(&other, c, e));
        const window_spec *w = &q->window;
        if (!expr_equal(other.time, w->time) || other.size_us != w->size_us ||
            other.offset_us != w->offset_us) {
            error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                         "this window is not the one in GROUP BY, and a query has one window");
            error_hint(b->err, "write window_start and window_end for its bounds, or use a "
                               "subquery for the other window");
            return ERR_QUERY_FAILED;
        }
    }
    if (ast_is_call(e, "tumble_end")) {
        return shifted(out, q, q->window.size_us, e->position);
    }
    return start(out, q, e->position);
}

status
bind_window_name(expr **out, context *c, const ast_expr *e, bool *done) {
    query *q = c->query;
    *done = q != NULL && q->has_window;
    if (!*done) {
        return OK;
    }
    if (name_matches(&e->name, TEXT("window_start"))) {
        return start(out, q, e->position);
    }
    if (name_matches(&e->name, TEXT("window_end"))) {
        return shifted(out, q, q->window.size_us, e->position);
    }
    if (name_matches(&e->name, TEXT("window_time"))) {
        return shifted(out, q, q->window.size_us - US_PER_MS, e->position);
    }
    *done = false;
    return OK;
}
