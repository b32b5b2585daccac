/* SPDX-License-Identifier: Apache-2.0 */
/* bind_session.c - SESSION in FROM, where no GROUP BY makes the sessions: the rows with the bounds
 * of their session.
 *
 * The rows, without those that are late, are read twice: as they are, and grouped by the partition
 * and the session; each row joins the one session of its partition that holds its time. So rows get
 * other bounds when their session grows, and EMIT ON WINDOW CLOSE gives them when it is final. */
#include "plan/bind.h"

#include "plan/node.h"
#include "plan/unnest.h"

static bool
is_bound_name(const ast_expr *e) {
    return e->kind == AST_INTEGER ||
           (e->kind == AST_COLUMN && (name_matches(&e->name, TEXT("window_start")) ||
                                      name_matches(&e->name, TEXT("window_end"))));
}

bool
is_session_grouped(const ast_select *s) {
    bool found = s->group_all;
    for (int32_t i = 0; i < s->group_count && !found; i++) {
        found = is_bound_name(s->groups[i]);
    }
    return found && is_session_from(s->from);
}

/* Partition, first time and end of each session, in this order. */
static status
sessions_of(plan_node **out, binder *b, plan_node *rows, const window_spec *w,
            const int32_t *partition, int32_t count, int32_t position) {
    const ast_select ast = {.position = position};
    const data_type  t = w->time->type;
    query            q = {.binder = b, .ast = &ast, .node = rows, .has_window = true, .window = *w};
    expr            *time = make_column(b, w->column, t, position), *ignored, **exprs;
    TRY(time == NULL ? out_of_memory(b) : OK);
    TRY(make_args(&q.keys, b, count + 1));
    for (int32_t i = 0; i < count; i++) {
        q.keys[i] = make_column(b, partition[i], rows->schema.fields[partition[i]].type, position);
        TRY(q.keys[i] == NULL ? out_of_memory(b) : OK);
    }
    q.keys[count] = time;
    q.key_count = count + 1;
    TRY(query_add_aggregate(&ignored, &q, "min", time, position));
    TRY(query_add_aggregate(&ignored, &q, "max", time, position));
    TRY(query_aggregate(&q));
    TRY(make_args(&exprs, b, count + 2));
    for (int32_t i = 0; i < count + 2; i++) {
        const int32_t at = i < count ? i : i + 1; /* behind the session's own key */
        exprs[i] = make_column(b, at, q.node->schema.fields[at].type, position);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
    }
    TRY(window_shifted(&exprs[count + 1], b, exprs[count + 1], w->size_us, position));
    *out = node_project(b->arena, q.node, exprs, count + 2);
    return *out == NULL ? out_of_memory(b) : OK;
}

static status
compared(expr **all, binder *b, const char *op, int32_t left, int32_t right, data_type t,
         int32_t position) {
    expr *x = make_column(b, left, t, position), *y = make_column(b, right, t, position), *test;
    TRY(x == NULL || y == NULL ? out_of_memory(b) : OK);
    TRY(op == NULL ? make_not_distinct(&test, b, x, y, position)
                   : bind_compare(&test, b, op, x, y, position));
    return both_conditions(all, b, *all, test);
}

/* The row's time is in [start, end): the next session begins behind the end. */
static status
session_test(expr **out, binder *b, const plan_node *rows, const window_spec *w,
             const int32_t *partition, int32_t count, int32_t position) {
    const int32_t width = rows->schema.count;
    *out = NULL;
    for (int32_t i = 0; i < count; i++) {
        const data_type t = rows->schema.fields[partition[i]].type;
        TRY(compared(out, b, NULL, partition[i], width + i, t, position));
    }
    TRY(compared(out, b, ">=", w->column, width + count, w->time->type, position));
    return compared(out, b, "<", w->column, width + count + 1, w->time->type, position);
}

status
bind_session_rows(plan_node **out, binder *b, plan_node *rows, const window_spec *w,
                  const int32_t *partition, int32_t count, int32_t position) {
    plan_shared *shared = shared_new(b->arena, rows);
    plan_node   *left = shared == NULL ? NULL : shared_read(b->arena, shared);
    plan_node   *again = shared == NULL ? NULL : shared_read(b->arena, shared);
    plan_node   *join = node_new(b->arena, PLAN_JOIN, 2, 0);
    if (left == NULL || again == NULL || join == NULL) {
        return out_of_memory(b);
    }
    join->inputs[0] = left;
    join->join = JOIN_INNER;
    TRY(sessions_of(&join->inputs[1], b, again, w, partition, count, position));
    TRY(session_test(&join->predicate, b, left, w, partition, count, position));
    TRY(node_join_schema(join, b->arena) ? OK : out_of_memory(b));
    *out = join;
    return OK;
}
