/* SPDX-License-Identifier: Apache-2.0 */
/* state_ttl.c - WITH (state_ttl = ...) of a stream: which state it ends; WITH (retain = ...): which
 * result rows it keeps.
 *
 * Groups, rows of DISTINCT, partitions of window functions and of top-n, and rows of joins leave
 * when nothing touched them for so long. What a watermark ends (windows, interval and ASOF joins)
 * is left to it, and so is what the number of rows of a table or the one row of a global aggregate
 * bounds. */
#include "plan/node.h"

/* Rows come without an end: from a source or a stream. */
static bool
grows(const plan_node *n) {
    if (n->kind == PLAN_SCAN) {
        return n->object->kind != OBJECT_TABLE;
    }
    if (n->kind == PLAN_AGGREGATE && n->key_count == 0) {
        return false;
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        if (grows(n->inputs[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_ended_otherwise(const plan_node *n) {
    switch (n->kind) {
    case PLAN_AGGREGATE:
        return n->key_count == 0 || n->window_key >= 0 || n->session_key >= 0;
    case PLAN_TOP_N:
    case PLAN_OVER:
        return n->key_count == 0;
    case PLAN_PROCESS:
        return n->key_count == 0;
    case PLAN_DISTINCT:
        return false;
    case PLAN_JOIN:
        return n->bound != NULL;
    default:
        return true;
    }
}

/* Rows whose partners were forgotten go on having had them: each has a count of its own, which a
 * residual brings. */
static status
count_by_rows(plan_node *n, arena *a, error *err) {
    const bool counts = n->join != JOIN_INNER;
    if (!counts || n->predicate != NULL) {
        return OK;
    }
    const value yes = {.type = type_of(TYPE_BOOL), .b = true};
    n->predicate = expr_constant(a, &yes, -1);
    return n->predicate == NULL ? error_memory(err) : OK;
}

static status
mark(plan_node *n, arena *a, bool *found, error *err) {
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        TRY(mark(n->inputs[i], a, found, err));
    }
    bool any = false;
    n->extreme = NULL; /* a group that was forgotten begins anew, and lower */
    for (int32_t i = 0; i < n->input_count && !is_ended_otherwise(n); i++) {
        n->ages[i] = grows(n->inputs[i]);
        any |= n->ages[i];
    }
    *found |= any;
    return any && n->kind == PLAN_JOIN ? count_by_rows(n, a, err) : OK;
}

static status
keep_result(plan *p, arena *a, error *err) {
    const plan_node *root = p->root;
    plan_node       *n = node_new(a, PLAN_RESULT, 1, root->schema.count);
    if (n == NULL) {
        return error_memory(err);
    }
    n->inputs[0] = p->root;
    n->schema = root->schema;
    p->root = n;
    plan_number(p);
    return OK;
}

status
plan_set_ttl(plan *p, arena *a, int64_t ttl_us, int32_t position, error *err) {
    bool found = false;
    if (ttl_us == 0) {
        return OK;
    }
    TRY(mark(p->root, a, &found, err));
    if (!found) {
        error_set_at(err, ERR_INVALID_SCHEMA, position,
                     "state_ttl ends what a stream remembers, and this one remembers nothing that "
                     "needs it");
        return error_hint(err, "leave it out: it is for GROUP BY, DISTINCT, OVER, top-n per key "
                               "and joins that no window and no time condition ends");
    }
    p->ttl_us = ttl_us;
    return keep_result(p, a, err);
}

/* The groups that its rows are, one by one; NULL: they are not. */
static plan_node *
shown_groups(plan_node *n) {
    while (n->kind == PLAN_PROJECT || n->kind == PLAN_FILTER) {
        n = n->inputs[0];
    }
    return n->kind == PLAN_AGGREGATE ? n : NULL;
}

status
plan_set_retain(plan *p, const object *o, int32_t position, error *err) {
    plan_node *n = shown_groups(p->root);
    if (o->retain == RETAIN_ALL) {
        return OK;
    }
    if (n == NULL || (n->window_key < 0 && n->session_key < 0)) {
        error_set_at(err, ERR_INVALID_SCHEMA, position,
                     "retain says which rows of windows that were final a stream keeps, and the "
                     "rows of this one are no groups of a window");
        return error_hint(err, "leave it out, or group by a window: GROUP BY k, TUMBLE(ts, "
                               "INTERVAL '1' MINUTE)");
    }
    n->retain = o->retain;
    n->retain_amount = o->retain_amount;
    return OK;
}
