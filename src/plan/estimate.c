/* SPDX-License-Identifier: Apache-2.0 */
/* estimate.c - how many rows a node gives, roughly, and how many different values a column has.
 *
 * Known are the rows of tables and the ranges of their integer-like columns. The rest are the usual
 * guesses: a column has as many values as its range or its table allows, = keeps one of them, a
 * range a third, LIKE a tenth; keys of a join are a key of the side with fewer values. */
#include "plan/estimate.h"

#define UNKNOWN_ROWS 1000.0
#define MATCHES_OF_RANGE (1.0 / 3)
#define MATCHES_OF_LIKE 0.1
#define MATCHES_OF_OTHERS 0.5

static double
at_least_one(double rows) {
    return rows < 1 ? 1 : rows;
}

static double
scan_values(const plan_node *n, int32_t at) {
    const object *o = n->object;
    const double  rows = estimate_rows(n);
    int64_t       min, max;
    if (o->impl == NULL || o->column_range == NULL || n->column_map[at] >= o->schema->count ||
        !o->column_range(o->impl, n->column_map[at], &min, &max)) {
        return rows;
    }
    const double span = (double)max - (double)min + 1;
    return span < rows ? span : rows;
}

double
estimate_values(const plan_node *n, int32_t at) {
    switch (n->kind) {
    case PLAN_SCAN:
        return scan_values(n, at);
    case PLAN_SHARED:
        return estimate_values(n->inputs[0], n->column_map[at]);
    case PLAN_FILTER:
    case PLAN_SORT:
    case PLAN_TOP_N:
    case PLAN_DISTINCT:
        return estimate_values(n->inputs[0], at);
    case PLAN_PROJECT: {
        const expr *e = n->exprs[at];
        return e->kind == EXPR_COLUMN ? estimate_values(n->inputs[0], e->column) : estimate_rows(n);
    }
    case PLAN_AGGREGATE:
        return at < n->key_count ? estimate_values(n->inputs[0], at) : estimate_rows(n);
    case PLAN_JOIN: {
        const int32_t left = n->inputs[0]->schema.count;
        at = n->column_map == NULL ? at : n->column_map[at];
        if (at < left) {
            return estimate_values(n->inputs[0], at);
        }
        return join_shows_right(n->join) ? estimate_values(n->inputs[1], at - left) : 2;
    }
    default:
        return estimate_rows(n);
    }
}

static double
equality_matches(const expr *e, const plan_node *over) {
    for (int32_t i = 0; i < 2; i++) {
        if (e->args[i]->kind == EXPR_COLUMN && e->args[!i]->kind == EXPR_CONSTANT) {
            const double values = estimate_values(over, e->args[i]->column);
            const bool   is_text = e->args[i]->type.id == TYPE_TEXT;
            return is_text ? 1 / at_least_one(values < 25 ? values : 25) : 1 / at_least_one(values);
        }
    }
    return MATCHES_OF_LIKE;
}

double
estimate_matches(const expr *e, const plan_node *over) {
    double part = 1;
    switch (e->kind) {
    case EXPR_AND:
        for (int32_t i = 0; i < e->arg_count; i++) {
            part *= estimate_matches(e->args[i], over);
        }
        return part;
    case EXPR_OR:
        for (int32_t i = 0; i < e->arg_count; i++) {
            part *= 1 - estimate_matches(e->args[i], over);
        }
        return 1 - part;
    case EXPR_NOT:
        return 1 - estimate_matches(e->args[0], over);
    case EXPR_IN:
        part = (e->arg_count - 1) / 20.0;
        return part < MATCHES_OF_OTHERS ? part : MATCHES_OF_OTHERS;
    case EXPR_CALL: {
        const char *name = function_name(e->function);
        if (strcmp(name, "=") == 0) {
            return equality_matches(e, over);
        }
        if (strcmp(name, "<>") != 0 && strchr("<>", name[0]) != NULL) {
            return MATCHES_OF_RANGE;
        }
        return strstr(name, "like") != NULL ? MATCHES_OF_LIKE : MATCHES_OF_OTHERS;
    }
    default:
        return MATCHES_OF_OTHERS;
    }
}

static double
join_rows(const plan_node *n) {
    const double left = estimate_rows(n->inputs[0]), right = estimate_rows(n->inputs[1]);
    const double larger = left > right ? left : right;
    double       values = 1;
    for (int32_t i = 0; i < n->key_count; i++) {
        const double x = estimate_values(n->inputs[0], n->left_keys[i]);
        const double y = estimate_values(n->inputs[1], n->right_keys[i]);
        values *= at_least_one(x < y ? x : y);
    }
    values = n->key_count > 1 && values > larger ? larger : values;
    double pairs = left * right / values;
    pairs *= n->predicate != NULL ? MATCHES_OF_OTHERS : 1;
    switch (n->join) {
    case JOIN_INNER:
        return pairs;
    case JOIN_LEFT:
        return pairs > left ? pairs : left;
    case JOIN_RIGHT:
        return pairs > right ? pairs : right;
    case JOIN_FULL:
        return pairs > left + right ? pairs : left + right;
    case JOIN_SEMI:
        return pairs < left ? pairs : left;
    case JOIN_ANTI:
        return left * MATCHES_OF_OTHERS;
    case JOIN_MARK:
    case JOIN_SINGLE:
        return left;
    }
    UNREACHABLE();
}

static double
group_rows(const plan_node *n) {
    const double rows = estimate_rows(n->inputs[0]);
    double       groups = 1;
    for (int32_t i = 0; i < n->key_count && groups < rows; i++) {
        groups *= at_least_one(estimate_values(n->inputs[0], i));
    }
    return groups < rows ? groups : n->key_count == 0 ? 1 : at_least_one(rows);
}

/* Values of one row: known when the bounds are constants. */
bool
estimate_series(const plan_node *n, double *rows) {
    const plan_node *below = n->inputs[0];
    const value     *v[3];
    for (int32_t i = 0; i < 3; i++) {
        const bool given =
            below->kind == PLAN_PROJECT && below->exprs[n->key_columns[i]]->kind == EXPR_CONSTANT;
        v[i] = given ? &below->exprs[n->key_columns[i]]->constant : NULL;
        if (v[i] == NULL || v[i]->is_null || v[i]->type.id != TYPE_I64) {
            return false;
        }
    }
    *rows = ((double)v[1]->i - (double)v[0]->i) / at_least_one((double)v[2]->i) + 1;
    return *rows > 0;
}

static double
series_rows(const plan_node *n) {
    double rows;
    return estimate_series(n, &rows) ? rows : UNKNOWN_ROWS / 10;
}

double
estimate_rows(const plan_node *n) {
    switch (n->kind) {
    case PLAN_SCAN:
        return n->object->impl == NULL || n->object->row_count == NULL
                   ? UNKNOWN_ROWS
                   : at_least_one((double)n->object->row_count(n->object->impl));
    case PLAN_SINGLE:
        return 1;
    case PLAN_VALUES:
        return n->row_count;
    case PLAN_WORKING:
        return UNKNOWN_ROWS;
    case PLAN_RECURSIVE:
        return estimate_rows(n->inputs[0]) + UNKNOWN_ROWS;
    case PLAN_RELATION:
        return n->relation->row_estimate < 0 ? UNKNOWN_ROWS
                                             : at_least_one((double)n->relation->row_estimate);
    case PLAN_FILTER:
        return at_least_one(estimate_rows(n->inputs[0]) *
                            estimate_matches(n->predicate, n->inputs[0]));
    case PLAN_JOIN:
        return at_least_one(join_rows(n));
    case PLAN_ASOF:
        return estimate_rows(n->inputs[0]);
    case PLAN_AGGREGATE:
        return group_rows(n);
    case PLAN_TOP_N: {
        const double rows = estimate_rows(n->inputs[0]);
        return n->key_count == 0 && n->limit >= 0 && (double)n->limit < rows ? (double)n->limit
                                                                             : rows;
    }
    case PLAN_UNION: {
        double rows = 0;
        for (int32_t i = 0; i < n->input_count; i++) {
            rows += estimate_rows(n->inputs[i]);
        }
        return rows;
    }
    case PLAN_SHARED:
        if (n->shared->rows == 0) {
            n->shared->rows = estimate_rows(n->inputs[0]);
        }
        return n->shared->rows;
    case PLAN_SERIES:
        return estimate_rows(n->inputs[0]) * series_rows(n);
    case PLAN_PROJECT:
    case PLAN_PROCESS:
    case PLAN_KEEP:
    case PLAN_RESULT:
    case PLAN_WINDOW:
    case PLAN_SORT:
    case PLAN_DISTINCT:
    case PLAN_OVER:
        return estimate_rows(n->inputs[0]);
    }
    UNREACHABLE();
}

/* Counts what is read; false: of something the size is not known. */
static bool
has_sizes(const plan_node *n, int32_t *read) {
    switch (n->kind) {
    case PLAN_SCAN:
        ++*read;
        return n->object->impl != NULL && n->object->row_count != NULL;
    case PLAN_RELATION:
        ++*read;
        return n->relation->row_estimate >= 0;
    case PLAN_WORKING:
    case PLAN_RECURSIVE:
        return false;
    default:
        break;
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        if (!has_sizes(n->inputs[i], read)) {
            return false;
        }
    }
    return true;
}

bool
estimate_is_known(const plan_node *n) {
    int32_t read = 0;
    return has_sizes(n, &read) && read > 0;
}

/* In bytes that are written or looked at: a stored row, and its place in the index; the place that
 * a row looks at that probes. Texts that are not short lie outside of their views. */
enum { STORED_ROW_COST = 24, PROBE_COST = 16, TEXT_COST = 8 };

static double
build_cost(const plan_node *n, int32_t side) {
    const schema *stored = &n->inputs[side]->schema;
    int64_t       width = STORED_ROW_COST;
    for (int32_t i = 0; i < stored->count; i++) {
        const data_type type = stored->fields[i].type;
        width += (int64_t)type_width(type);
        width += physical_is_view(type_physical(type)) ? TEXT_COST : 0;
    }
    return estimate_rows(n->inputs[side]) * (double)width +
           estimate_rows(n->inputs[!side]) * (double)PROBE_COST;
}

void
plan_choose_build(plan_node *n) {
    if (n->kind == PLAN_JOIN) {
        n->build_side = build_cost(n, 0) < build_cost(n, 1) ? 0 : 1;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        plan_choose_build(n->inputs[i]);
    }
}
