/* SPDX-License-Identifier: Apache-2.0 */
/* properties.c - numbers of nodes, what every edge promises, and which columns of the result
 * identify a row. */
#include "agg/agg_routine.h"
#include "plan/node.h"

/* col, or col plus a constant of one length: different inputs give different outputs. *number is
 * the input column. */
static bool
is_injective(const expr *e, int32_t *number) {
    if (e->kind == EXPR_COLUMN) {
        *number = e->column;
        return true;
    }
    if (e->kind == EXPR_CAST && type_is_time(e->type) && type_is_time(e->args[0]->type) &&
        type_casts_implicitly(e->args[0]->type, e->type)) {
        return is_injective(e->args[0], number); /* ms to us */
    }
    if (e->kind != EXPR_CALL || e->arg_count != 2 || e->args[1]->kind != EXPR_CONSTANT ||
        e->args[1]->constant.is_null || e->args[0]->kind != EXPR_COLUMN) {
        return false;
    }
    const char  *name = function_name(e->function);
    const value *by = &e->args[1]->constant;
    const bool   integer = e->type.id == TYPE_I64 && by->type.id == TYPE_I64;
    const bool   time = type_is_time(e->type) && by->type.id == TYPE_INTERVAL && by->iv.months == 0;
    *number = e->args[0]->column;
    return (strcmp(name, "+") == 0 || strcmp(name, "-") == 0) && (integer || time) &&
           type_equal(e->type, e->args[0]->type);
}

/* Every input column is in the output, so rows that differ below differ above. */
static bool
keeps_all_columns(const plan_node *n) {
    const int32_t width = n->inputs[0]->schema.count;
    for (int32_t i = 0; i < width; i++) {
        bool kept = false;
        for (int32_t j = 0; j < n->schema.count && !kept; j++) {
            int32_t number;
            kept = is_injective(n->exprs[j], &number) && number == i;
        }
        if (!kept) {
            return false;
        }
    }
    return true;
}

static uint32_t
scan_properties(const plan_node *n) {
    if (n->object->append_only) {
        return PLAN_APPEND_ONLY | PLAN_CONSOLIDATED;
    }
    if (n->object->kind == OBJECT_TABLE) {
        return 0; /* several changes in a tick, or a row that is replaced by its like */
    }
    for (int32_t i = 0; i < n->object->schema->count; i++) {
        bool kept = false;
        for (int32_t j = 0; j < n->schema.count && !kept; j++) {
            kept = n->column_map[j] == i;
        }
        if (!kept) {
            return 0;
        }
    }
    return PLAN_CONSOLIDATED; /* streams publish consolidated changes */
}

static uint32_t
shared_properties(const plan_node *n) {
    const uint32_t in = n->inputs[0]->properties;
    bool           all = true;
    for (int32_t i = 0; i < n->inputs[0]->schema.count; i++) {
        bool kept = false;
        for (int32_t j = 0; j < n->schema.count && !kept; j++) {
            kept = n->column_map[j] == i;
        }
        all = all && kept;
    }
    return all || (in & PLAN_APPEND_ONLY) != 0 ? in : 0;
}

static uint32_t
union_properties(const plan_node *n) {
    uint32_t all = PLAN_APPEND_ONLY | PLAN_CONSOLIDATED;
    for (int32_t i = 0; i < n->input_count; i++) {
        all &= n->inputs[i]->properties;
    }
    if (n->shard != NULL) {
        return all; /* what tells rows of an input apart has the keys in it, or they only come */
    }
    return (all & PLAN_APPEND_ONLY) != 0 ? PLAN_APPEND_ONLY | PLAN_CONSOLIDATED
                                         : 0; /* rows of two inputs may cancel each other */
}

static uint32_t
properties_of(const plan_node *n) {
    const uint32_t in = n->input_count > 0 ? n->inputs[0]->properties : 0;
    const uint32_t append = in & PLAN_APPEND_ONLY;
    switch (n->kind) {
    case PLAN_SCAN:
        return scan_properties(n);
    case PLAN_SINGLE:
    case PLAN_RECURSIVE:
    case PLAN_WORKING:
    case PLAN_VALUES:
    case PLAN_RELATION:
        return PLAN_APPEND_ONLY | PLAN_CONSOLIDATED;
    case PLAN_FILTER:
    case PLAN_WINDOW:
    case PLAN_SORT:
        return in;
    case PLAN_SERIES: /* a column that is not shown may tell rows apart */
        return append != 0 ? PLAN_APPEND_ONLY | PLAN_CONSOLIDATED : 0;
    case PLAN_PROJECT:
        if (append != 0) {
            return PLAN_APPEND_ONLY | PLAN_CONSOLIDATED;
        }
        return keeps_all_columns(n) ? in : 0;
    case PLAN_RESULT: /* time may pass within a tick, and more than one change of a row with it */
        return append;
    case PLAN_KEEP:
        return append != 0 ? in : 0; /* copies of a row may trade their values */
    case PLAN_PROCESS:
        return PLAN_APPEND_ONLY | PLAN_CONSOLIDATED;
    case PLAN_AGGREGATE:
        return PLAN_CONSOLIDATED | (n->emit_at_close ? PLAN_APPEND_ONLY : 0);
    case PLAN_JOIN: {
        const bool both = (append & n->inputs[1]->properties) != 0;
        const bool grows = n->join == JOIN_INNER || n->join == JOIN_SEMI;
        return grows && both ? PLAN_APPEND_ONLY | PLAN_CONSOLIDATED : 0;
    }
    case PLAN_UNION:
        return union_properties(n);
    case PLAN_DISTINCT:
        return PLAN_CONSOLIDATED | append;
    case PLAN_TOP_N:
    case PLAN_ASOF: /* a left row has one match before and one after */
        return PLAN_CONSOLIDATED;
    case PLAN_OVER: /* copies of a row may trade their numbers */
        return 0;
    case PLAN_SHARED:
        return shared_properties(n);
    }
    UNREACHABLE();
}

static void
number(plan_node *n, int32_t *next) {
    if (n->kind == PLAN_SHARED && n->shared->first == NULL) {
        n->shared->first = n;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        number(n->inputs[i], next);
    }
    n->id = (*next)++;
    n->properties = properties_of(n);
}

void
plan_number(plan *p) {
    p->node_count = 0;
    number(p->root, &p->node_count);
}

/* ---- keys of the result */

/* Columns of what a scan reads of which no two rows have the same: the primary key of a table, the
 * key of a stream. Their number, 0: none is known. */
static int32_t
scanned_key(const plan_node *scan, const int32_t **columns) {
    const object *o = scan->object;
    for (int32_t k = 0; o->kind == OBJECT_TABLE && k < o->key_def_count; k++) {
        if (o->key_defs[k].primary) {
            *columns = o->key_defs[k].columns;
            return o->key_defs[k].column_count;
        }
    }
    *columns = o->key_columns;
    return o->kind == OBJECT_STREAM ? o->key_count : 0;
}

/* One row a key. */
static bool
is_keyed(const plan_node *n) {
    const int32_t *columns;
    return n->kind == PLAN_AGGREGATE || (n->kind == PLAN_SCAN && scanned_key(n, &columns) > 0) ||
           (n->kind == PLAN_TOP_N && n->key_count > 0 && n->limit == 1 && n->offset == 0);
}

static const plan_node *
grouping_below(const plan_node *n) {
    while (!is_keyed(n)) {
        if (n->kind == PLAN_JOIN || n->kind == PLAN_SHARED || n->input_count != 1) {
            return NULL;
        }
        n = n->inputs[0];
    }
    return n;
}

/* The key of the grouping that column i shows, -1: none. */
static int32_t
shown_key(const plan_node *n, const plan_node *grouping, int32_t i) {
    while (n != grouping) {
        if (n->kind == PLAN_PROJECT && !is_injective(n->exprs[i], &i)) {
            return -1;
        }
        if (n->kind == PLAN_SERIES || (n->kind == PLAN_WINDOW && grouping->kind == PLAN_SCAN)) {
            return -1; /* a row of the grouping becomes many */
        }
        const bool appends = n->kind == PLAN_WINDOW || n->kind == PLAN_OVER || n->kind == PLAN_KEEP;
        if (appends && i >= n->inputs[0]->schema.count) {
            return -1;
        }
        n = n->inputs[0];
    }
    if (grouping->kind == PLAN_AGGREGATE) {
        return i < grouping->key_count ? i : -1;
    }
    const int32_t *columns = grouping->key_columns;
    int32_t        count = grouping->key_count;
    if (grouping->kind == PLAN_SCAN) {
        count = scanned_key(grouping, &columns);
        i = grouping->column_map[i];
    }
    for (int32_t k = 0; k < count; k++) {
        if (columns[k] == i) {
            return k;
        }
    }
    return -1;
}

void
plan_form_calls(plan_node *n) {
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        plan_form_calls(n->inputs[i]);
    }
    const bool append_only = (n->inputs == NULL || n->kind != PLAN_AGGREGATE) ||
                             (n->inputs[0]->properties & PLAN_APPEND_ONLY) != 0;
    for (int32_t i = 0; i < n->agg_count && !append_only; i++) {
        const routine *r = n->aggs[i].signature.routine;
        if (r != NULL && agg_is_held(n->aggs[i].class) && !agg_routine_can_hold(r, false)) {
            n->aggs[i].class = agg_routine_class(r, false);
        }
    }
}

static status
order_calls(plan_node *n, arena *a, error *err) {
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        TRY(order_calls(n->inputs[i], a, err));
    }
    if (n->kind != PLAN_AGGREGATE || (n->inputs[0]->properties & PLAN_APPEND_ONLY) != 0) {
        return OK;
    }
    for (int32_t i = 0; i < n->agg_count; i++) {
        agg_signature *s = &n->aggs[i].signature;
        if (!n->aggs[i].class->lists_rows || s->order_count > 0) {
            continue;
        }
        sort_key *keys = arena_alloc_zero(a, (size_t)s->argument_count * sizeof(*keys));
        if (keys == NULL) {
            return error_memory(err);
        }
        for (int32_t k = 0; k < s->argument_count; k++) {
            keys[k].column = k;
        }
        s->orders = keys;
        s->order_count = s->argument_count;
    }
    return OK;
}

status
plan_order_calls(plan *p, arena *a, error *err) {
    return order_calls(p->root, a, err);
}

/* The root shows the one row of the grouping, or none. */
static bool
shows_one_row(const plan_node *n, const plan_node *grouping) {
    while (n != grouping && (n->kind == PLAN_PROJECT || n->kind == PLAN_FILTER)) {
        n = n->inputs[0];
    }
    return n == grouping && n->kind == PLAN_AGGREGATE && n->key_count == 0;
}

status
plan_find_keys(plan *p, arena *a, error *err) {
    p->key_count = 0;
    p->key_columns = NULL;
    p->one_row = false;
    const plan_node *grouping = grouping_below(p->root);
    const int32_t   *scanned;
    if (grouping == NULL || (p->root->properties & PLAN_APPEND_ONLY) != 0) {
        return OK;
    }
    const int32_t count =
        grouping->kind == PLAN_SCAN ? scanned_key(grouping, &scanned) : grouping->key_count;
    if (count == 0) {
        p->one_row = shows_one_row(p->root, grouping);
        return OK;
    }
    int32_t *columns = arena_alloc(a, (size_t)count * sizeof(*columns));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < count; k++) {
        columns[k] = -1;
    }
    for (int32_t i = p->root->schema.count - 1; i >= 0; i--) {
        const int32_t k = shown_key(p->root, grouping, i);
        if (k >= 0) {
            columns[k] = i; /* the first that shows it stays */
        }
    }
    for (int32_t k = 0; k < count; k++) {
        if (columns[k] < 0) {
            return OK;
        }
    }
    p->key_count = count;
    p->key_columns = columns;
    return OK;
}
