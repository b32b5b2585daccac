/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_prune.c - every node keeps the columns that somebody above needs, and chains of
 * projections become one.
 *
 * prune(node, needed) gives a node with at least the needed columns, in their old relative order,
 * and map: old column -> new one (-1: gone). So where all columns are needed none moves, which is
 * how the root keeps its shape and an AGGREGATE its leading keys. */
#include "plan/node.h"

typedef struct pruner {
    arena     *arena;
    error     *err;
    plan_node *readers; /* of shared parts whose roots wait until all of them were met */
} pruner;

static status prune(pruner *p, plan_node *n, const bool *needed, plan_node **out, int32_t *map);

static status
new_flags(pruner *p, bool **out, int32_t count) {
    *out = arena_alloc_zero(p->arena, (size_t)count * sizeof(**out));
    return *out == NULL ? error_memory(p->err) : OK;
}

static status
new_map(pruner *p, int32_t **out, int32_t count) {
    *out = arena_alloc(p->arena, (size_t)count * sizeof(**out));
    return *out == NULL ? error_memory(p->err) : OK;
}

/* Prunes input i for `needed` columns of it. */
static status
prune_input(pruner *p, plan_node *n, int32_t i, const bool *needed, int32_t **map) {
    TRY(new_map(p, map, n->inputs[i]->schema.count));
    return prune(p, n->inputs[i], needed, &n->inputs[i], *map);
}

static status
copy_fields(pruner *p, plan_node *n, const plan_node *input) {
    n->schema.count = input->schema.count;
    n->schema.fields =
        arena_alloc(p->arena, (size_t)input->schema.count * sizeof(*n->schema.fields));
    if (n->schema.fields == NULL) {
        return error_memory(p->err);
    }
    if (input->schema.count > 0) {
        memcpy(n->schema.fields, input->schema.fields,
               (size_t)input->schema.count * sizeof(*n->schema.fields));
    }
    return OK;
}

/* A scan gives at least one column, the narrowest: rows must be counted by something. */
static void
prune_scan(plan_node *n, const bool *needed, int32_t *map) {
    int32_t count = 0, spare = -1;
    for (int32_t i = 0; i < n->schema.count; i++) {
        count += needed[i];
        if (spare < 0 ||
            type_width(n->schema.fields[i].type) < type_width(n->schema.fields[spare].type)) {
            spare = i;
        }
    }
    const bool none = count == 0;
    count = 0;
    for (int32_t i = 0; i < n->schema.count; i++) {
        map[i] = -1;
        if (!needed[i] && !(none && i == spare)) {
            continue;
        }
        n->schema.fields[count] = n->schema.fields[i];
        n->column_map[count] = n->column_map[i];
        map[i] = count++;
    }
    n->schema.count = count;
}

/* What a reader of a shared part picks of it. The root is pruned when its last reader is met. */
static status
note_reader(pruner *p, plan_node *n) {
    plan_shared  *s = n->shared;
    const int32_t width = s->root->schema.count;
    if (s->needed == NULL) {
        TRY(new_flags(p, &s->needed, width));
    }
    for (int32_t i = 0; i < n->schema.count; i++) {
        s->needed[n->column_map[i]] = true;
    }
    s->pruned_readers++;
    n->next_reader = p->readers;
    p->readers = n;
    return OK;
}

/* A part of which all readers are known is pruned, and they pick from what is left. */
static status
prune_shared(pruner *p) {
    for (;;) {
        plan_shared *s = NULL;
        for (plan_node *n = p->readers; n != NULL && s == NULL; n = n->next_reader) {
            const bool ready = n->shared->pruned_readers == n->shared->reader_count;
            s = ready && n->shared->needed != NULL ? n->shared : NULL;
        }
        if (s == NULL) {
            return OK;
        }
        bool    *needed = s->needed;
        int32_t *map;
        s->needed = NULL;
        TRY(new_map(p, &map, s->root->schema.count));
        plan_node *readers = p->readers;
        TRY(prune(p, s->root, needed, &s->root, map));
        for (plan_node *n = readers; n != NULL; n = n->next_reader) {
            for (int32_t i = 0; n->shared == s && i < n->schema.count; i++) {
                n->column_map[i] = map[n->column_map[i]];
            }
        }
    }
}

static void
want_keys(const plan_node *n, bool *wanted) {
    for (int32_t i = 0; i < n->sort_count; i++) {
        wanted[n->sort_keys[i].column] = true;
    }
    for (int32_t i = 0; n->key_columns != NULL && i < n->key_count; i++) {
        wanted[n->key_columns[i]] = true;
    }
}

static void
remap_keys(plan_node *n, const int32_t *map) {
    for (int32_t i = 0; i < n->sort_count; i++) {
        n->sort_keys[i].column = map[n->sort_keys[i].column];
    }
    for (int32_t i = 0; n->key_columns != NULL && i < n->key_count; i++) {
        n->key_columns[i] = map[n->key_columns[i]];
    }
}

/* FILTER, SORT, TOP_N, DISTINCT: the input's columns are the node's columns. */
static status
prune_same(pruner *p, plan_node *n, const bool *needed, int32_t *map) {
    const int32_t width = n->schema.count;
    bool         *wanted;
    TRY(new_flags(p, &wanted, width));
    for (int32_t i = 0; i < width; i++) {
        wanted[i] = needed[i] || n->kind == PLAN_DISTINCT;
    }
    if (n->predicate != NULL) {
        expr_columns(n->predicate, wanted);
    }
    want_keys(n, wanted);
    TRY(prune(p, n->inputs[0], wanted, &n->inputs[0], map));
    if (n->predicate != NULL) {
        expr_remap(n->predicate, map);
    }
    remap_keys(n, map);
    return copy_fields(p, n, n->inputs[0]);
}

static void
want_column(int32_t at, bool *wanted) {
    if (at >= 0) {
        wanted[at] = true;
    }
}

static int32_t
remap_column(int32_t at, const int32_t *map) {
    return at < 0 ? -1 : map[at];
}

/* OVER: calls nobody looks at go; without calls the node goes. */
static status
prune_over(pruner *p, plan_node *n, const bool *needed, plan_node **out, int32_t *map) {
    const int32_t width = n->inputs[0]->schema.count;
    int32_t       count = 0;
    int32_t      *input_map;
    bool         *wanted;
    TRY(new_flags(p, &wanted, width));
    for (int32_t i = 0; i < n->over_count; i++) {
        map[width + i] = -1;
        if (needed[width + i]) {
            n->overs[count] = n->overs[i];
            n->schema.fields[width + count] = n->schema.fields[width + i];
            map[width + i] = count++;
        }
    }
    for (int32_t i = 0; i < width; i++) {
        wanted[i] = needed[i];
    }
    if (count > 0) {
        want_keys(n, wanted);
        wanted[0] = wanted[0] || n->key_count + n->sort_count == 0; /* rows must lie somewhere */
    }
    for (int32_t i = 0; i < count; i++) {
        want_column(n->overs[i].argument, wanted);
        want_column(n->overs[i].filter, wanted);
        want_column(n->overs[i].count_column, wanted);
        want_column(n->overs[i].fallback, wanted);
        for (int32_t k = 0; k < n->overs[i].signature.column_count; k++) {
            want_column(n->overs[i].columns[k], wanted);
        }
    }
    TRY(prune_input(p, n, 0, wanted, &input_map));
    memcpy(map, input_map, (size_t)width * sizeof(*map));
    if (count == 0) {
        *out = n->inputs[0];
        return OK;
    }
    remap_keys(n, map);
    const int32_t input_count = n->inputs[0]->schema.count;
    const field  *results = n->schema.fields + width;
    field        *fields = arena_alloc(p->arena, (size_t)(input_count + count) * sizeof(*fields));
    if (fields == NULL) {
        return error_memory(p->err);
    }
    memcpy(fields, n->inputs[0]->schema.fields, (size_t)input_count * sizeof(*fields));
    memcpy(fields + input_count, results, (size_t)count * sizeof(*fields));
    for (int32_t i = 0; i < n->over_count; i++) {
        map[width + i] = map[width + i] < 0 ? -1 : input_count + map[width + i];
    }
    for (int32_t i = 0; i < count; i++) {
        over_call *call = &n->overs[i];
        call->argument = remap_column(call->argument, map);
        call->filter = remap_column(call->filter, map);
        call->count_column = remap_column(call->count_column, map);
        call->fallback = remap_column(call->fallback, map);
        for (int32_t k = 0; k < call->signature.column_count; k++) {
            call->columns[k] = map[call->columns[k]];
        }
    }
    n->over_count = count;
    n->schema = (schema){.count = input_count + count, .fields = fields};
    return OK;
}

static status
prune_window(pruner *p, plan_node *n, const bool *needed, int32_t *map) {
    const int32_t width = n->inputs[0]->schema.count;
    const int32_t added = n->schema.count - width;
    const field  *bounds = n->schema.fields + width;
    bool         *wanted;
    TRY(new_flags(p, &wanted, width));
    for (int32_t i = 0; i < width; i++) {
        wanted[i] = needed[i] || i == n->time_column;
    }
    for (int32_t i = 0; i < n->late_count; i++) {
        wanted[n->late_columns[i]] = true;
    }
    TRY(prune(p, n->inputs[0], wanted, &n->inputs[0], map));
    n->time_column = map[n->time_column];
    for (int32_t i = 0; i < n->late_count; i++) {
        n->late_columns[i] = map[n->late_columns[i]];
    }
    const plan_node *input = n->inputs[0];
    const int32_t    count = input->schema.count;
    n->schema.count = count + added;
    n->schema.fields = arena_alloc(p->arena, (size_t)(count + added) * sizeof(field));
    if (n->schema.fields == NULL) {
        return error_memory(p->err);
    }
    memcpy(n->schema.fields, input->schema.fields, (size_t)count * sizeof(field));
    for (int32_t i = 0; i < added; i++) {
        map[width + i] = count + i;
        n->schema.fields[count + i] = bounds[i];
    }
    return OK;
}

/* The value stays, because rows must be counted by something. */
static status
prune_series(pruner *p, plan_node *n, const bool *needed, int32_t *map) {
    const int32_t width = n->inputs[0]->schema.count, total = n->schema.count;
    const field  *old = n->schema.fields;
    bool         *wanted;
    int32_t      *input_map, count = 0;
    TRY(new_flags(p, &wanted, width));
    for (int32_t i = 0; i < width; i++) {
        wanted[i] = needed[i];
    }
    want_keys(n, wanted);
    TRY(prune_input(p, n, 0, wanted, &input_map));
    const int32_t below = n->inputs[0]->schema.count;
    field        *fields = arena_alloc(p->arena, (size_t)total * sizeof(*fields));
    n->column_map = arena_alloc(p->arena, (size_t)total * sizeof(*n->column_map));
    TRY(fields == NULL || n->column_map == NULL ? error_memory(p->err) : OK);
    for (int32_t i = 0; i < total; i++) {
        map[i] = -1;
        if (needed[i] || i == width) {
            n->column_map[count] = i < width ? input_map[i] : below + i - width;
            fields[count] = old[i];
            map[i] = count++;
        }
    }
    remap_keys(n, input_map);
    n->schema = (schema){.count = count, .fields = fields};
    return OK;
}

/* Columns go round, so that all stay, where they are. */
static status
prune_recursive(pruner *p, plan_node *n, int32_t *map) {
    const int32_t width = n->schema.count;
    bool         *needed;
    int32_t      *input_map;
    TRY(new_flags(p, &needed, width));
    for (int32_t i = 0; i < width; i++) {
        needed[i] = true;
        map[i] = i;
    }
    TRY(prune_input(p, n, 0, needed, &input_map));
    TRY(prune_input(p, n, 1, needed, &input_map));
    assert(n->inputs[0]->schema.count == width && n->inputs[1]->schema.count == width);
    return OK;
}

/* The code is given all columns, and what it gives comes whole. */
static status
prune_process(pruner *p, plan_node *n, int32_t *map) {
    const int32_t width = n->inputs[0]->schema.count;
    bool         *needed;
    int32_t      *input_map;
    TRY(new_flags(p, &needed, width));
    for (int32_t i = 0; i < width; i++) {
        needed[i] = true;
    }
    for (int32_t i = 0; i < n->schema.count; i++) {
        map[i] = i;
    }
    TRY(prune_input(p, n, 0, needed, &input_map));
    for (int32_t i = 0; i < n->key_count; i++) {
        n->key_columns[i] = input_map[n->key_columns[i]];
    }
    assert(n->inputs[0]->schema.count == width);
    return OK;
}

static status
prune_aggregate(pruner *p, plan_node *n, const bool *needed, int32_t *map) {
    bool    *wanted;
    int32_t *input_map;
    int32_t  count = 0;
    for (int32_t i = 0; i < n->key_count; i++) {
        map[i] = i;
    }
    for (int32_t i = 0; i < n->agg_count; i++) {
        const int32_t at = n->key_count + i;
        const bool    last = n->key_count == 0 && count == 0 && i == n->agg_count - 1;
        map[at] = -1;
        if (needed[at] || last) { /* a global aggregate gives its row even if nobody looks at it */
            n->aggs[count] = n->aggs[i];
            n->schema.fields[n->key_count + count] = n->schema.fields[at];
            map[at] = n->key_count + count++;
        }
    }
    n->agg_count = count;
    n->schema.count = n->key_count + count;
    TRY(new_flags(p, &wanted, n->inputs[0]->schema.count));
    for (int32_t i = 0; i < n->key_count; i++) {
        wanted[i] = true;
    }
    for (int32_t i = 0; i < count; i++) {
        for (int32_t k = 0; k < n->aggs[i].signature.column_count; k++) {
            wanted[n->aggs[i].columns[k]] = true;
        }
        if (n->aggs[i].filter >= 0) {
            wanted[n->aggs[i].filter] = true;
        }
    }
    TRY(prune_input(p, n, 0, wanted, &input_map));
    for (int32_t i = 0; i < count; i++) {
        plan_agg *a = &n->aggs[i];
        for (int32_t k = 0; k < a->signature.column_count; k++) {
            a->columns[k] = input_map[a->columns[k]];
        }
        a->filter = a->filter < 0 ? -1 : input_map[a->filter];
    }
    for (int32_t i = 0; i < n->key_count; i++) {
        assert(input_map[i] == i);
    }
    return OK;
}

/* The times of a bound are in keys or in the condition. */
static void
want_late(const plan_node *n, bool *wanted) {
    for (int32_t side = 0; side < 2 && n->bound != NULL; side++) {
        for (int32_t i = 0; i < n->bound->late_counts[side]; i++) {
            wanted[side * n->inputs[0]->schema.count + n->bound->late_columns[side][i]] = true;
        }
    }
}

static void
remap_bound(const plan_node *n, const int32_t *left_map, const int32_t *right_map) {
    for (int32_t side = 0; side < 2 && n->bound != NULL; side++) {
        const int32_t *map = side == 0 ? left_map : right_map;
        n->bound->columns[side] = map[n->bound->columns[side]];
        for (int32_t i = 0; i < n->bound->late_counts[side]; i++) {
            n->bound->late_columns[side][i] = map[n->bound->late_columns[side][i]];
        }
    }
}

static status
prune_join(pruner *p, plan_node *n, const bool *needed, int32_t *map) {
    const int32_t left = n->inputs[0]->schema.count;
    const int32_t total = left + n->inputs[1]->schema.count;
    const int32_t shown = join_shows_right(n->join) ? total : left;
    bool         *wanted;
    int32_t      *left_map, *right_map, *pair_map;
    assert(n->column_map == NULL);
    TRY(new_flags(p, &wanted, total));
    TRY(new_map(p, &pair_map, total));
    for (int32_t i = 0; i < shown; i++) {
        wanted[i] = needed[i];
    }
    if (n->predicate != NULL) {
        expr_columns(n->predicate, wanted);
    }
    for (int32_t i = 0; i < n->key_count; i++) {
        wanted[n->left_keys[i]] = true;
        wanted[left + n->right_keys[i]] = true;
    }
    want_late(n, wanted);
    TRY(prune_input(p, n, 0, wanted, &left_map));
    TRY(prune_input(p, n, 1, wanted + left, &right_map));
    remap_bound(n, left_map, right_map);
    const int32_t left_new = n->inputs[0]->schema.count;
    for (int32_t i = 0; i < total; i++) {
        const int32_t at = i < left ? left_map[i] : right_map[i - left];
        pair_map[i] = at < 0 ? -1 : i < left ? at : left_new + at;
    }
    for (int32_t i = 0; i < n->schema.count; i++) { /* the mark stands behind the left columns */
        map[i] = i < shown ? pair_map[i] : left_new;
    }
    for (int32_t i = 0; i < n->key_count; i++) {
        n->left_keys[i] = left_map[n->left_keys[i]];
        n->right_keys[i] = right_map[n->right_keys[i]];
    }
    if (n->predicate != NULL) {
        expr_remap(n->predicate, pair_map);
    }
    return node_join_schema(n, p->arena) ? OK : error_memory(p->err);
}

static status
prune_asof(pruner *p, plan_node *n, const bool *needed, int32_t *map) {
    const int32_t left = n->inputs[0]->schema.count;
    const int32_t total = n->schema.count;
    bool         *wanted;
    int32_t      *left_map, *right_map;
    TRY(new_flags(p, &wanted, total));
    for (int32_t i = 0; i < total; i++) {
        wanted[i] = needed[i];
    }
    for (int32_t i = 0; i <= n->key_count; i++) {
        wanted[n->left_keys[i]] = true;
        wanted[left + n->right_keys[i]] = true;
    }
    want_late(n, wanted);
    TRY(prune_input(p, n, 0, wanted, &left_map));
    TRY(prune_input(p, n, 1, wanted + left, &right_map));
    remap_bound(n, left_map, right_map);
    const int32_t left_new = n->inputs[0]->schema.count;
    for (int32_t i = 0; i < total; i++) {
        const int32_t at = i < left ? left_map[i] : right_map[i - left];
        map[i] = at < 0 ? -1 : i < left ? at : left_new + at;
    }
    for (int32_t i = 0; i <= n->key_count; i++) {
        n->left_keys[i] = left_map[n->left_keys[i]];
        n->right_keys[i] = right_map[n->right_keys[i]];
    }
    n->schema.count = left_new + n->inputs[1]->schema.count;
    n->schema.fields = arena_alloc(p->arena, (size_t)n->schema.count * sizeof(field));
    if (n->schema.fields == NULL) {
        return error_memory(p->err);
    }
    node_asof_fields(n);
    return OK;
}

/* ---- projections */

typedef struct uses {
    int32_t *counts;
} uses;

static void
count_use(void *arg, int32_t *number) {
    uses *u = arg;
    u->counts[*number]++;
}

static status
replace_columns(pruner *p, expr **e, expr *const *exprs) {
    if ((*e)->kind == EXPR_COLUMN) {
        expr *copy = expr_copy(p->arena, exprs[(*e)->column]);
        if (copy == NULL) {
            return error_memory(p->err);
        }
        *e = copy;
        return OK;
    }
    for (int32_t i = 0; i < (*e)->arg_count; i++) {
        TRY(replace_columns(p, &(*e)->args[i], exprs));
    }
    return OK;
}

/* PROJECT over PROJECT becomes one, unless that would compute something twice. */
static status
merge_projects(pruner *p, plan_node *n) {
    while (n->inputs[0]->kind == PLAN_PROJECT) {
        plan_node *inner = n->inputs[0];
        uses       u;
        TRY(new_map(p, &u.counts, inner->schema.count));
        for (int32_t i = 0; i < inner->schema.count; i++) {
            u.counts[i] = 0;
        }
        for (int32_t i = 0; i < n->schema.count; i++) {
            expr_visit_columns(n->exprs[i], count_use, &u);
        }
        for (int32_t i = 0; i < inner->schema.count; i++) {
            const expr *e = inner->exprs[i];
            const bool  plain = e->kind == EXPR_COLUMN || e->kind == EXPR_CONSTANT;
            if (!plain && (u.counts[i] > 1 || expr_is_volatile(e))) {
                return OK;
            }
        }
        for (int32_t i = 0; i < n->schema.count; i++) {
            TRY(replace_columns(p, &n->exprs[i], inner->exprs));
        }
        n->inputs[0] = inner->inputs[0];
    }
    return OK;
}

static bool
is_plain(const plan_node *n) {
    for (int32_t i = 0; i < n->schema.count; i++) {
        if (n->exprs[i]->kind != EXPR_COLUMN) {
            return false;
        }
    }
    return n->schema.count > 0;
}

/* A PROJECT that only picks columns is part of the scan or join below it; one that changes nothing
 * but names gives them to its input. */
static bool
picks_columns(const plan_node *n) {
    return n->kind == PLAN_JOIN || n->kind == PLAN_SHARED;
}

/* What the output column `i` of a SCAN, SHARED or JOIN picks. */
static int32_t
picked_column(const plan_node *n, int32_t i) {
    if (n->column_map != NULL) {
        return n->column_map[i];
    }
    const bool mark = n->join == JOIN_MARK && i == n->inputs[0]->schema.count;
    return mark ? i + n->inputs[1]->schema.count : i;
}

static status
absorb_project(pruner *p, plan_node *n, plan_node **out) {
    plan_node *input = n->inputs[0];
    *out = n;
    if (!is_plain(n)) {
        return OK;
    }
    bool identity = n->schema.count == input->schema.count;
    for (int32_t i = 0; i < n->schema.count && identity; i++) {
        identity = n->exprs[i]->column == i;
    }
    if (input->kind == PLAN_SCAN || (!identity && picks_columns(input))) {
        int32_t *columns;
        TRY(new_map(p, &columns, n->schema.count));
        for (int32_t i = 0; i < n->schema.count; i++) {
            columns[i] = picked_column(input, n->exprs[i]->column);
        }
        input->column_map = columns;
    } else if (!identity) {
        return OK;
    }
    input->schema = n->schema;
    *out = input;
    return OK;
}

static status
prune_project(pruner *p, plan_node *n, const bool *needed, plan_node **out, int32_t *map) {
    int32_t *input_map;
    bool    *wanted;
    int32_t  count = 0;
    TRY(new_flags(p, &wanted, n->inputs[0]->schema.count));
    for (int32_t i = 0; i < n->schema.count; i++) {
        map[i] = -1;
        if (!needed[i]) {
            continue;
        }
        expr_columns(n->exprs[i], wanted);
        n->exprs[count] = n->exprs[i];
        n->schema.fields[count] = n->schema.fields[i];
        map[i] = count++;
    }
    n->schema.count = count;
    TRY(prune_input(p, n, 0, wanted, &input_map));
    if (count == 0) { /* rows alone are wanted: the input has as many */
        *out = n->inputs[0];
        return OK;
    }
    for (int32_t i = 0; i < count; i++) {
        expr_remap(n->exprs[i], input_map);
    }
    TRY(merge_projects(p, n));
    return absorb_project(p, n, out);
}

/* ---- UNION */

/* Gives input i exactly the wanted columns, in order. */
static status
prune_branch(pruner *p, plan_node *n, int32_t i, const bool *wanted, int32_t count) {
    const int32_t width = n->schema.count;
    int32_t      *input_map;
    TRY(prune_input(p, n, i, wanted, &input_map));
    plan_node *in = n->inputs[i];
    if (in->schema.count == count) {
        return OK; /* they keep their order */
    }
    expr  **exprs = arena_alloc(p->arena, (size_t)count * sizeof(*exprs));
    int32_t at = 0;
    for (int32_t k = 0; exprs != NULL && k < width; k++) {
        if (wanted[k]) {
            exprs[at] = expr_column(p->arena, input_map[k], n->schema.fields[k].type, -1);
            if (exprs[at++] == NULL) {
                return error_memory(p->err);
            }
        }
    }
    plan_node *picked = exprs == NULL ? NULL : node_project(p->arena, in, exprs, count);
    return picked == NULL ? error_memory(p->err) : absorb_project(p, picked, &n->inputs[i]);
}

static status
prune_union(pruner *p, plan_node *n, const bool *needed, int32_t *map) {
    const int32_t width = n->schema.count;
    bool         *wanted;
    int32_t       count = 0;
    TRY(new_flags(p, &wanted, width));
    for (int32_t i = 0; i < width; i++) {
        wanted[i] = needed[i];
        count += needed[i];
    }
    if (count == 0) { /* rows must be counted by something */
        wanted[0] = true;
        count = 1;
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        TRY(prune_branch(p, n, i, wanted, count));
    }
    count = 0;
    for (int32_t i = 0; i < width; i++) {
        map[i] = wanted[i] ? count : -1;
        if (wanted[i]) {
            n->schema.fields[count++] = n->schema.fields[i];
        }
    }
    n->schema.count = count;
    return OK;
}

static status
prune(pruner *p, plan_node *n, const bool *needed, plan_node **out, int32_t *map) {
    *out = n;
    switch (n->kind) {
    case PLAN_SCAN:
    case PLAN_RELATION:
        prune_scan(n, needed, map);
        return OK;
    case PLAN_SHARED:
        prune_scan(n, needed, map);
        return note_reader(p, n);
    case PLAN_FILTER:
    case PLAN_SORT:
    case PLAN_TOP_N:
    case PLAN_DISTINCT:
        return prune_same(p, n, needed, map);
    case PLAN_PROJECT:
        return prune_project(p, n, needed, out, map);
    case PLAN_AGGREGATE:
        return prune_aggregate(p, n, needed, map);
    case PLAN_JOIN:
        return prune_join(p, n, needed, map);
    case PLAN_ASOF:
        return prune_asof(p, n, needed, map);
    case PLAN_WINDOW:
        return prune_window(p, n, needed, map);
    case PLAN_SERIES:
        return prune_series(p, n, needed, map);
    case PLAN_OVER:
        return prune_over(p, n, needed, out, map);
    case PLAN_UNION:
        return prune_union(p, n, needed, map);
    case PLAN_RECURSIVE:
        return prune_recursive(p, n, map);
    case PLAN_PROCESS:
        return prune_process(p, n, map);
    case PLAN_WORKING:
    case PLAN_SINGLE:
    case PLAN_VALUES:
    case PLAN_KEEP: /* is made later */
    case PLAN_RESULT:
        for (int32_t i = 0; i < n->schema.count; i++) {
            map[i] = i;
        }
        return OK;
    }
    UNREACHABLE();
}

status
plan_prune(plan_node **root, arena *a, error *err) {
    pruner        p = {.arena = a, .err = err};
    const int32_t width = (*root)->schema.count;
    bool         *needed;
    int32_t      *map;
    TRY(new_flags(&p, &needed, width));
    TRY(new_map(&p, &map, width));
    for (int32_t i = 0; i < width; i++) {
        needed[i] = true;
    }
    TRY(prune(&p, *root, needed, root, map));
    TRY(prune_shared(&p));
    assert((*root)->schema.count == width);
    return OK;
}
