/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - a SELECT to a plan: bind, check EMIT, push predicates down, prune columns, compute
 * properties. */
#include "plan/plan.h"

#include "plan/bind.h"
#include "plan/estimate.h"
#include "plan/node.h"

static status
bind_lateness(binder *b, const ast_expr *e) {
    if (e == NULL) {
        return OK;
    }
    TRY(bind_duration(&b->lateness_us, b, e, "ALLOW LATENESS"));
    if (b->lateness_us < 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "ALLOW LATENESS must not be negative");
        error_hint(b->err, "write ALLOW LATENESS INTERVAL '5' SECOND");
        return ERR_QUERY_FAILED;
    }
    return OK;
}

/* `clause` needs a window that a watermark closes. */
static status
need_closing_window(binder *b, const char *clause, int32_t position) {
    if (b->window_count == 0 && b->closing_count == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, position,
                     "%s needs a window, and this query has none", clause);
        error_hint(b->err, "add GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE), or leave %s out", clause);
        return ERR_QUERY_FAILED;
    }
    if (b->timeless_window) {
        const text t = b->timeless_table.size > 0 ? b->timeless_table : TEXT("the source");
        error_set_at(b->err, ERR_QUERY_FAILED, position,
                     "%s: no watermark ever closes the window of this query, because its time is "
                     "not the event time of %.*s",
                     clause, TEXT_ARG(t));
        error_hint(b->err,
                   "in CREATE SOURCE %.*s write WATERMARK FOR ts AS ts - INTERVAL '5' "
                   "SECOND, or WITH (watermark = 'manual') and move it with "
                   "Writer.watermark()",
                   TEXT_ARG(t));
        return ERR_QUERY_FAILED;
    }
    if (b->closing_count == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, position,
                     "%s: no group of this query ends with its window", clause);
        error_hint(b->err, "add GROUP BY window_start, window_end, or leave %s out", clause);
        return ERR_QUERY_FAILED;
    }
    return OK;
}

static status
check_emit(binder *b, int32_t position, const ast_expr *allow_lateness,
           const join_bounding *joins) {
    if (!b->streaming && (b->emit != AST_EMIT_DEFAULT || allow_lateness != NULL)) {
        error_set_at(b->err, ERR_QUERY_FAILED,
                     b->emit != AST_EMIT_DEFAULT ? position : allow_lateness->position,
                     "%s says how a stream reports its changes, and this SELECT is answered once",
                     b->emit != AST_EMIT_DEFAULT ? "EMIT" : "ALLOW LATENESS");
        error_hint(b->err, "leave it out, or use CREATE STREAM ... AS SELECT, or subscribe");
        return ERR_QUERY_FAILED;
    }
    if (b->emit == AST_EMIT_AFTER_WATERMARK) {
        TRY(need_closing_window(b, "EMIT AFTER WATERMARK", position));
    }
    if (b->emit == AST_EMIT_WINDOW_CLOSE) {
        TRY(need_closing_window(b, "EMIT ON WINDOW CLOSE", position));
    }
    if (allow_lateness != NULL && joins->intervals == 0) {
        TRY(need_closing_window(b, "ALLOW LATENESS", allow_lateness->position));
    }
    if (b->by_clock && (allow_lateness != NULL || b->late_to != NULL)) {
        const int32_t at = allow_lateness != NULL ? allow_lateness->position : b->late_position;
        error_set_at(b->err, ERR_QUERY_FAILED, at,
                     "no row is ever late for a window over PROCTIME()");
        return error_hint(b->err, "leave %s out",
                          allow_lateness != NULL ? "ALLOW LATENESS" : "LATE DATA TO");
    }
    if (b->late_to != NULL && b->window_count == 0 && joins->intervals > 0 && joins->sending == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, b->late_position,
                     "LATE DATA TO \"%.*s\": neither side of the join has all its columns, with "
                     "their types",
                     TEXT_ARG(b->late_to->name));
        return error_hint(b->err, "its columns must be columns of the rows that may be late");
    }
    if (b->late_to != NULL && joins->sending == 0 && (b->window_count == 0 || b->timeless_window)) {
        TRY(need_closing_window(b, "LATE DATA TO", b->late_position));
    }
    return OK;
}

/* Is found before the query is bound: its windows must know which columns it has. */
static status
bind_late_to(binder *b, const ast_emission *emit) {
    const ast_name *name = &emit->late_to;
    object         *to;
    if (name->text.data == NULL) {
        return OK;
    }
    if (!b->streaming) {
        error_set_at(
            b->err, ERR_QUERY_FAILED, name->position,
            "LATE DATA TO says where a stream sends late rows, and this SELECT is answered "
            "once, where none is late");
        return error_hint(b->err, "leave it out, or use CREATE STREAM ... AS SELECT");
    }
    TRY(catalog_need(&to, b->catalog, name->text, name->quoted, ERR_NOT_FOUND_IN_QUERY, "Source",
                     name->position, b->err));
    if (to->kind != OBJECT_SOURCE) {
        error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                     "LATE DATA TO \"%.*s\": late rows go to a source, and that is a %s",
                     TEXT_ARG(to->name), object_kind_name(to->kind));
        return error_hint(b->err, "CREATE SOURCE with the columns that late rows shall have");
    }
    b->late_to = to;
    b->late_position = name->position;
    return OK;
}

/* What is taken back cannot be sent. */
static status
check_late_rows(const plan_node *n, const binder *b) {
    if (n->late_count > 0 && (n->inputs[0]->properties & PLAN_APPEND_ONLY) == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, b->late_position,
                     "LATE DATA TO \"%.*s\": the rows that the window reads may be taken back, and "
                     "a source keeps what it got",
                     TEXT_ARG(b->late_to->name));
        return error_hint(b->err, "window a source, or a stream that only adds rows");
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        TRY(check_late_rows(n->inputs[i], b));
    }
    return OK;
}

static status
bind_every(int64_t *every_us, binder *b, const ast_emission *emit) {
    if (emit->kind != AST_EMIT_EVERY) {
        return OK;
    }
    TRY(bind_duration(every_us, b, emit->every, "EMIT EVERY"));
    if (*every_us <= 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, emit->every->position,
                     "EMIT EVERY must be longer than nothing");
        error_hint(b->err, "write EMIT EVERY INTERVAL '1' SECOND; without EMIT EVERY changes come "
                           "at once");
        return ERR_QUERY_FAILED;
    }
    return OK;
}

/* The columns that windows above may be over. */
static void
find_times(plan *p, int64_t lateness_us) {
    for (int32_t i = p->root->schema.count - 1; i >= 0; i--) {
        const object *from;
        bool          by_clock = false;
        if (node_is_followed(p->root, i, &by_clock, &from)) {
            *(by_clock ? &p->clock_time_column : &p->event_time_column) = i;
        }
    }
    p->slack_us = INT64_MAX;
    if (p->event_time_column >= 0 && node_slack(p->root, p->event_time_column, &p->slack_us)) {
        p->slack_us = sat_add_i64(p->slack_us, lateness_us);
    }
}

/* Which columns of a stream tell its readers when a row is final: bounds of windows. */
static status
find_closing(plan *p, const binder *b) {
    const plan_node *root = p->root;
    int64_t         *all = arena_alloc(b->arena, sizeof(*all) * (size_t)(root->schema.count + 1));
    if (all == NULL) {
        return error_memory(b->err);
    }
    for (int32_t i = 0; i < root->schema.count; i++) {
        bool by_clock;
        if (node_closes(root, i, &all[i], &by_clock)) {
            all[i] = sat_add_i64(all[i], b->lateness_us);
            p->closes_us = all;
        } else {
            all[i] = INT64_MAX;
        }
    }
    return OK;
}

/* Views are text: a plan that names nothing else is finite. */
static bool
reads_nothing(const binder *b) {
    for (int32_t i = 0; i < b->object_count; i++) {
        if (b->objects[i]->kind != OBJECT_VIEW && b->objects[i]->kind != OBJECT_FUNCTION) {
            return false;
        }
    }
    return true;
}

/* What a watermark ends, windows and joins, is known now. */
static status
bound_joins(plan *p, binder *b, const ast_emission *emit) {
    join_bounding joins = {.arena = b->arena,
                           .lateness_us = b->lateness_us,
                           .by_clock = b->by_clock,
                           .emit_at_close = b->emit == AST_EMIT_WINDOW_CLOSE,
                           .emit_at_end = b->emit == AST_EMIT_AFTER_WATERMARK,
                           .late_to = b->late_to};
    if (b->streaming) {
        plan_number(p);
        TRY(plan_bound_joins(p->root, &joins, b->err));
        b->closing_count += joins.closing;
    }
    return check_emit(b, emit->position, emit->lateness, &joins);
}

status
plan_select(plan *out, arena *a, const catalog *c, externals *x, const plan_env *env,
            const ast_select *select, text sql, bool streaming, const ast_emission *emit,
            error *err) {
    static const ast_emission none = {.position = -1};
    emit = emit == NULL ? &none : emit;
    binder b = {.arena = a,
                .catalog = c,
                .externals = x,
                .env = env,
                .sql = sql,
                .err = err,
                .streaming = streaming,
                .emit = emit->kind};
    *out = (plan){.streaming = streaming, .event_time_column = -1, .clock_time_column = -1};
    externals_begin(x);
    TRY(bind_lateness(&b, emit->lateness));
    TRY(bind_late_to(&b, emit));
    TRY(bind_query(&out->root, &b, select));
    TRY(env->shows_zone ? zone_show_rows(&out->root, &b) : OK);
    TRY(bind_every(&out->emit_every_us, &b, emit));
    plan_settle_shared(&out->root);
    TRY(plan_push_down(&out->root, a, &env->eval, streaming, err));
    TRY(bound_joins(out, &b, emit));
    TRY(plan_prune(&out->root, a, err));
    plan_number(out);
    out->eval = env->eval;
    if (streaming && b.volatile_count > 0) {
        TRY(plan_keep_volatile(&out->root, a, err));
        plan_number(out);
    }
    plan_form_calls(out->root);
    TRY(streaming ? plan_check_processors(out->root, err) : OK);
    plan_use_panes(out->root, streaming);
    TRY(streaming ? plan_find_extremes(out->root, a, err) : OK);
    if (!streaming) {
        plan_choose_build(out->root);
    }
    TRY(b.emit == AST_EMIT_WINDOW_CLOSE ? plan_check_final(out, emit->position, err) : OK);
    TRY(b.late_to != NULL ? check_late_rows(out->root, &b) : OK);
    out->late_to = b.late_to;
    out->stars = b.stars;
    out->on_caller = b.on_caller;
    out->in_turn = b.in_turn;
    out->routines = b.routines;
    TRY(plan_order_calls(out, a, err));
    TRY(plan_find_keys(out, a, err));
    find_times(out, b.lateness_us);
    out->by_clock = b.by_clock;
    if (streaming) {
        TRY(find_closing(out, &b));
    }
    out->object_count = b.object_count;
    out->objects = b.objects;
    out->constant = reads_nothing(&b);
    out->emit = emit->kind == AST_EMIT_CHANGES        ? EMIT_CHANGES
                : emit->kind == AST_EMIT_WINDOW_CLOSE ? EMIT_CLOSE
                                                      : EMIT_UPDATE;
    return OK;
}

status
plan_expression(expr **out, arena *a, const plan_env *env, const ast_expr *e, const schema *input,
                error *err) {
    binder          b = {.arena = a, .env = env, .err = err};
    const plan_node columns = {.schema = *input};
    scope           s;
    TRY(scope_of_node(&s, &b, &columns, TEXT("")));
    context c = {.binder = &b, .scope = &s, .clause = "the filter"};
    return bind_condition(out, &c, e);
}

status
plan_constant(value *out, arena *a, const plan_env *env, const ast_expr *e, const char *clause,
              error *err) {
    binder b = {.arena = a, .env = env, .err = err};
    return bind_constant(out, &b, e, clause);
}
