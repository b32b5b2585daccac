/* SPDX-License-Identifier: Apache-2.0 */
/* unnest.c - the dependent join: see unnest.h.
 *
 * push_domain(node) gives a node with the columns of the old one (map: old column -> new one) and
 * those of the domain D (columns[i]: the one for slot i of the level), whose rows with D = d are
 * the rows that the old node gives for outer values d. What does not depend is joined with all of
 * D; conditions above make keys of it later. */
#include "plan/unnest.h"

typedef struct domain {
    binder      *binder;
    const level *level;
    plan_shared *values; /* D */
} domain;

typedef struct pushed {
    plan_node *node;
    int32_t   *map, *columns;
} pushed;

/* ---- what depends on what */

bool
depends_expr(const binder *b, const expr *e, const level *l) {
    if (e->kind == EXPR_OUTER) {
        return l == NULL || b->outers[e->column].level == l;
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (depends_expr(b, e->args[i], l)) {
            return true;
        }
    }
    return false;
}

static bool
walk_depends(const binder *b, const plan_node *n, const level *l) {
    if (n->kind == PLAN_SHARED) {
        const domain *pushed_for = n->shared->domain;
        if (pushed_for != NULL && pushed_for->level == l) {
            return true; /* it did, until another reader of it was pushed: it has the columns now */
        }
        if (n->shared->visit == b->visit) {
            return false; /* it was walked, or is being walked */
        }
        n->shared->visit = b->visit;
    }
    if (n->predicate != NULL && depends_expr(b, n->predicate, l)) {
        return true;
    }
    for (int32_t i = 0; n->kind == PLAN_PROJECT && i < n->schema.count; i++) {
        if (depends_expr(b, n->exprs[i], l)) {
            return true;
        }
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        if (walk_depends(b, n->inputs[i], l)) {
            return true;
        }
    }
    return false;
}

bool
depends_node(binder *b, const plan_node *n, const level *l) {
    b->visit++;
    return walk_depends(b, n, l);
}

static int32_t
slot_index(const level *l, int32_t number) {
    int32_t i = 0;
    while (l->slots[i] != number) {
        i++;
    }
    return i;
}

status
replace_outer(expr **e, binder *b, const level *l, const int32_t *columns) {
    if ((*e)->kind == EXPR_OUTER && b->outers[(*e)->column].level == l) {
        *e = make_column(b, columns[slot_index(l, (*e)->column)], (*e)->type, (*e)->position);
        return *e == NULL ? out_of_memory(b) : OK;
    }
    for (int32_t i = 0; i < (*e)->arg_count; i++) {
        TRY(replace_outer(&(*e)->args[i], b, l, columns));
    }
    return OK;
}

status
new_identity(int32_t **out, binder *b, int32_t count) {
    *out = arena_alloc(b->arena, (size_t)count * sizeof(**out));
    TRY(*out == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < count; i++) {
        (*out)[i] = i;
    }
    return OK;
}

status
both_conditions(expr **out, binder *b, expr *x, expr *y) {
    if (x == NULL || y == NULL) {
        *out = x == NULL ? y : x;
        return OK;
    }
    expr **args;
    TRY(make_args(&args, b, 2));
    args[0] = x;
    args[1] = y;
    *out = make(b, EXPR_AND, type_of(TYPE_BOOL), args, 2, y->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* ---- pieces */

static status
read_domain(const domain *d, plan_node **out, int32_t **columns) {
    *out = shared_read(d->binder->arena, d->values);
    TRY(*out == NULL ? out_of_memory(d->binder) : OK);
    return new_identity(columns, d->binder, d->level->slot_count);
}

/* x[i] IS NOT DISTINCT FROM y[i] for all slots, as columns of `types`. */
static status
domains_equal(expr **out, const domain *d, const int32_t *x, const int32_t *y) {
    binder *b = d->binder;
    *out = NULL;
    for (int32_t i = 0; i < d->level->slot_count; i++) {
        const data_type t = d->values->root->schema.fields[i].type;
        expr           *sides[2] = {make_column(b, x[i], t, -1), make_column(b, y[i], t, -1)};
        expr           *equal;
        TRY(sides[0] == NULL || sides[1] == NULL ? out_of_memory(b) : OK);
        TRY(make_not_distinct(&equal, b, sides[0], sides[1], -1));
        TRY(both_conditions(out, b, *out, equal));
    }
    return OK;
}

static status
make_join(plan_node **out, binder *b, plan_join_kind kind, plan_node *left, plan_node *right,
          expr *predicate) {
    plan_node *n = node_new(b->arena, PLAN_JOIN, 2, 0);
    TRY(n == NULL ? out_of_memory(b) : OK);
    n->inputs[0] = left;
    n->inputs[1] = right;
    n->join = kind;
    n->predicate = predicate;
    *out = n;
    return node_join_schema(n, b->arena) ? OK : out_of_memory(b);
}

static status
column_of(expr **out, binder *b, const plan_node *n, int32_t at) {
    *out = make_column(b, at, n->schema.fields[at].type, -1);
    return *out == NULL ? out_of_memory(b) : OK;
}

static status push_domain(const domain *d, plan_node *n, pushed *out);

/* Every row of n for every value of the domain. */
static status
cross_domain(const domain *d, plan_node *n, pushed *out) {
    binder    *b = d->binder;
    plan_node *values;
    TRY(read_domain(d, &values, &out->columns));
    TRY(make_join(&out->node, b, JOIN_INNER, values, n, NULL));
    TRY(new_identity(&out->map, b, n->schema.count));
    for (int32_t i = 0; i < n->schema.count; i++) {
        out->map[i] += d->level->slot_count;
    }
    return OK;
}

static status
push_filter(const domain *d, plan_node *n, pushed *out) {
    TRY(push_domain(d, n->inputs[0], out));
    expr_remap(n->predicate, out->map);
    TRY(replace_outer(&n->predicate, d->binder, d->level, out->columns));
    out->node = node_filter(d->binder->arena, out->node, n->predicate);
    return out->node == NULL ? out_of_memory(d->binder) : OK;
}

/* Projects `exprs` (room for the domain's columns behind count) and the domain's columns. */
static status
project_with_domain(const domain *d, pushed *p, expr **exprs, int32_t count) {
    binder       *b = d->binder;
    const int32_t slots = d->level->slot_count;
    for (int32_t i = 0; i < slots; i++) {
        TRY(column_of(&exprs[count + i], b, p->node, p->columns[i]));
    }
    p->node = node_project(b->arena, p->node, exprs, count + slots);
    TRY(p->node == NULL ? out_of_memory(b) : OK);
    TRY(new_identity(&p->map, b, count));
    TRY(new_identity(&p->columns, b, slots));
    for (int32_t i = 0; i < slots; i++) {
        p->columns[i] += count;
    }
    return OK;
}

static status
push_project(const domain *d, plan_node *n, pushed *out) {
    const int32_t count = n->schema.count;
    expr        **exprs;
    TRY(make_args(&exprs, d->binder, count + d->level->slot_count));
    TRY(push_domain(d, n->inputs[0], out));
    for (int32_t i = 0; i < count; i++) {
        exprs[i] = n->exprs[i];
        expr_remap(exprs[i], out->map);
        TRY(replace_outer(&exprs[i], d->binder, d->level, out->columns));
    }
    TRY(project_with_domain(d, out, exprs, count));
    memcpy(out->node->schema.fields, n->schema.fields, (size_t)count * sizeof(field));
    return OK;
}

/* A grouping without keys has a row for every value: those without input rows get what such a
 * grouping gives for nothing. p is the grouping: domain columns, then aggregates. */
static status
fill_missing(const domain *d, pushed *p) {
    binder       *b = d->binder;
    const int32_t slots = d->level->slot_count;
    plan_node    *grouped = p->node, *values;
    int32_t      *left, *right;
    expr         *equal, **exprs;
    TRY(read_domain(d, &values, &left));
    TRY(new_identity(&right, b, slots));
    for (int32_t i = 0; i < slots; i++) {
        right[i] += slots;
    }
    TRY(domains_equal(&equal, d, left, right));
    TRY(make_join(&p->node, b, JOIN_LEFT, values, grouped, equal));
    p->columns = left;
    TRY(make_args(&exprs, b, grouped->agg_count + slots));
    for (int32_t i = 0; i < grouped->agg_count; i++) {
        TRY(column_of(&exprs[i], b, p->node, 2 * slots + i));
        if (!agg_is_null_of_nothing(grouped->aggs[i].class)) {
            const value zero = {.type = grouped->aggs[i].signature.output};
            expr      **args;
            TRY(make_args(&args, b, 2));
            args[0] = exprs[i];
            args[1] = make_constant(b, &zero, -1);
            TRY(args[1] == NULL ? out_of_memory(b) : OK);
            exprs[i] = make(b, EXPR_COALESCE, zero.type, args, 2, -1);
            TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
        }
    }
    TRY(project_with_domain(d, p, exprs, grouped->agg_count));
    for (int32_t i = 0; i < grouped->agg_count; i++) {
        p->node->schema.fields[i].name = grouped->schema.fields[slots + i].name;
    }
    return OK;
}

static status
push_aggregate(const domain *d, plan_node *n, pushed *out) {
    binder       *b = d->binder;
    const int32_t keys = n->key_count, slots = d->level->slot_count;
    const int32_t width = n->inputs[0]->schema.count;
    const schema  old = n->schema;
    expr        **exprs;
    TRY(push_domain(d, n->inputs[0], out));
    TRY(make_args(&exprs, b, width + slots));
    for (int32_t i = 0; i < width + slots; i++) { /* keys, domain, arguments */
        const int32_t at = i < keys           ? out->map[i]
                           : i < keys + slots ? out->columns[i - keys]
                                              : out->map[i - slots];
        TRY(column_of(&exprs[i], b, out->node, at));
    }
    n->inputs[0] = node_project(b->arena, out->node, exprs, width + slots);
    TRY(n->inputs[0] == NULL ? out_of_memory(b) : OK);
    n->key_count = keys + slots;
    n->schema.count = old.count + slots;
    n->schema.fields = arena_alloc(b->arena, (size_t)n->schema.count * sizeof(field));
    TRY(n->schema.fields == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < n->schema.count; i++) {
        n->schema.fields[i] =
            i < keys + slots ? n->inputs[0]->schema.fields[i] : old.fields[i - slots];
    }
    for (int32_t i = 0; i < n->agg_count; i++) {
        for (int32_t k = 0; k < n->aggs[i].signature.column_count; k++) {
            n->aggs[i].columns[k] += n->aggs[i].columns[k] >= keys ? slots : 0;
        }
        n->aggs[i].filter += n->aggs[i].filter >= keys ? slots : 0;
    }
    out->node = n;
    TRY(new_identity(&out->map, b, old.count));
    TRY(new_identity(&out->columns, b, slots));
    for (int32_t i = keys; i < old.count; i++) {
        out->map[i] += slots;
    }
    for (int32_t i = 0; i < slots; i++) {
        out->columns[i] += keys;
    }
    return keys == 0 ? fill_missing(d, out) : OK;
}

/* ---- joins */

/* Which sides must know the outer values: those that depend, and the side whose rows come out even
 * without a match, for each value. */
static void
sides_to_push(const domain *d, const plan_node *n, bool side[2]) {
    binder    *b = d->binder;
    const bool right_only = n->join == JOIN_RIGHT;
    side[0] = depends_node(b, n->inputs[0], d->level);
    side[1] = depends_node(b, n->inputs[1], d->level);
    if (n->join == JOIN_FULL) {
        side[0] = side[1] = true;
    } else if (n->join != JOIN_INNER || (!side[0] && !side[1])) {
        side[right_only] = true;
    }
}

static status
push_side(const domain *d, plan_node *n, bool depends, pushed *out) {
    if (depends) {
        return push_domain(d, n, out);
    }
    out->node = n;
    out->columns = NULL;
    return new_identity(&out->map, d->binder, n->schema.count);
}

/* FULL: the domain's columns are those of the side that is there. */
static status
coalesce_domains(const domain *d, pushed *p, const int32_t *left, const int32_t *right) {
    binder       *b = d->binder;
    const int32_t slots = d->level->slot_count, width = p->node->schema.count;
    expr        **extra;
    TRY(make_args(&extra, b, slots));
    for (int32_t i = 0; i < slots; i++) {
        expr **args;
        TRY(make_args(&args, b, 2));
        TRY(column_of(&args[0], b, p->node, left[i]));
        TRY(column_of(&args[1], b, p->node, right[i]));
        extra[i] = make(b, EXPR_COALESCE, args[0]->type, args, 2, -1);
        TRY(extra[i] == NULL ? out_of_memory(b) : OK);
    }
    p->node = node_extend(b->arena, p->node, extra, slots);
    TRY(p->node == NULL ? out_of_memory(b) : OK);
    TRY(new_identity(&p->columns, b, slots));
    for (int32_t i = 0; i < slots; i++) {
        p->columns[i] += width;
    }
    return OK;
}

static status
push_join(const domain *d, plan_node *n, pushed *out) {
    binder       *b = d->binder;
    const int32_t old_left = n->inputs[0]->schema.count;
    const int32_t old_width = old_left + n->inputs[1]->schema.count;
    bool          side[2];
    pushed        p[2];
    sides_to_push(d, n, side);
    for (int32_t i = 0; i < 2; i++) {
        TRY(push_side(d, n->inputs[i], side[i], &p[i]));
    }
    const int32_t left = p[0].node->schema.count;
    TRY(new_identity(&out->map, b, old_width + 1));
    for (int32_t i = 0; i < old_width; i++) {
        out->map[i] = i < old_left ? p[0].map[i] : left + p[1].map[i - old_left];
    }
    for (int32_t i = 0; side[1] && i < d->level->slot_count; i++) {
        p[1].columns[i] += left;
    }
    expr *equal = NULL;
    if (side[0] && side[1]) {
        TRY(domains_equal(&equal, d, p[0].columns, p[1].columns));
    }
    out->columns = p[n->join == JOIN_RIGHT || !side[0]].columns;
    if (n->predicate != NULL) {
        expr_remap(n->predicate, out->map);
        TRY(replace_outer(&n->predicate, b, d->level, out->columns));
    }
    TRY(both_conditions(&n->predicate, b, n->predicate, equal));
    n->inputs[0] = p[0].node;
    n->inputs[1] = p[1].node;
    TRY(node_join_schema(n, b->arena) ? OK : out_of_memory(b));
    out->node = n;
    if (n->join == JOIN_MARK) {
        out->map[old_left] = left;
    }
    return n->join == JOIN_FULL ? coalesce_domains(d, out, p[0].columns, p[1].columns) : OK;
}

/* ---- the others */

static status
push_distinct(const domain *d, plan_node *n, pushed *out) {
    TRY(push_domain(d, n->inputs[0], out));
    out->node = node_distinct(d->binder->arena, out->node);
    return out->node == NULL ? out_of_memory(d->binder) : OK;
}

static status
push_union(const domain *d, plan_node *n, pushed *out) {
    binder       *b = d->binder;
    const int32_t count = n->schema.count, slots = d->level->slot_count;
    for (int32_t i = 0; i < n->input_count; i++) {
        expr **exprs;
        TRY(make_args(&exprs, b, count + slots));
        TRY(push_domain(d, n->inputs[i], out));
        for (int32_t k = 0; k < count; k++) {
            TRY(column_of(&exprs[k], b, out->node, out->map[k]));
        }
        TRY(project_with_domain(d, out, exprs, count));
        n->inputs[i] = out->node;
    }
    field *fields = arena_alloc(b->arena, (size_t)(count + slots) * sizeof(*fields));
    TRY(fields == NULL ? out_of_memory(b) : OK);
    for (int32_t k = 0; k < count + slots; k++) {
        fields[k] = k < count ? n->schema.fields[k] : out->node->schema.fields[k];
    }
    n->schema = (schema){.count = count + slots, .fields = fields};
    out->node = n;
    return OK;
}

static status
push_window(const domain *d, plan_node *n, pushed *out) {
    binder       *b = d->binder;
    const int32_t old = n->inputs[0]->schema.count;
    const int32_t added = n->schema.count - old;
    const field  *bounds = n->schema.fields + old;
    if (n->late_count > 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, b->late_position,
                     "LATE DATA TO: the window is in a subquery that reads columns of the query "
                     "around it, and would get rows several times");
        return error_hint(b->err, "make a stream of the window, and join that");
    }
    TRY(push_domain(d, n->inputs[0], out));
    const int32_t width = out->node->schema.count;
    int32_t      *map;
    TRY(new_identity(&map, b, old + added));
    memcpy(map, out->map, (size_t)old * sizeof(*map));
    n->time_column = out->map[n->time_column];
    n->inputs[0] = out->node;
    n->schema.fields = arena_alloc(b->arena, (size_t)(width + added) * sizeof(field));
    TRY(n->schema.fields == NULL ? out_of_memory(b) : OK);
    memcpy(n->schema.fields, out->node->schema.fields, (size_t)width * sizeof(field));
    for (int32_t i = 0; i < added; i++) {
        n->schema.fields[width + i] = bounds[i];
        map[old + i] = width + i;
    }
    n->schema.count = width + added;
    out->node = n;
    out->map = map;
    return OK;
}

static status
push_series(const domain *d, plan_node *n, pushed *out) {
    binder       *b = d->binder;
    const int32_t old = n->inputs[0]->schema.count, added = n->schema.count - old;
    int32_t      *map;
    TRY(push_domain(d, n->inputs[0], out));
    const int32_t width = out->node->schema.count;
    TRY(new_identity(&map, b, n->schema.count));
    for (int32_t i = 0; i < n->schema.count; i++) {
        map[i] = i < old ? out->map[i] : width + i - old;
    }
    for (int32_t i = 0; i < n->key_count; i++) {
        n->key_columns[i] = out->map[n->key_columns[i]];
    }
    const data_type type = n->schema.fields[old].type;
    n->inputs[0] = out->node;
    n->schema.count = width + added;
    n->schema.fields = arena_alloc(b->arena, (size_t)n->schema.count * sizeof(field));
    TRY(n->schema.fields == NULL ? out_of_memory(b) : OK);
    node_series_fields(n, type, added > 1);
    out->node = n;
    out->map = map;
    return OK;
}

/* The shared part is pushed once, and all its readers see it. */
static status
push_shared(const domain *d, plan_node *n, pushed *out) {
    binder       *b = d->binder;
    plan_shared  *s = n->shared;
    const int32_t count = n->schema.count, slots = d->level->slot_count;
    if (s->domain != d) {
        pushed root;
        TRY(push_domain(d, s->root, &root));
        s->root = root.node;
        s->domain = d;
        s->domain_map = root.map;
        s->domain_columns = root.columns;
    }
    int32_t *map;
    field   *fields = arena_alloc(b->arena, (size_t)(count + slots) * sizeof(*fields));
    TRY(fields == NULL ? out_of_memory(b) : OK);
    TRY(new_identity(&map, b, count + slots));
    TRY(new_identity(&out->map, b, count));
    TRY(new_identity(&out->columns, b, slots));
    for (int32_t i = 0; i < count + slots; i++) {
        map[i] = i < count ? s->domain_map[n->column_map[i]] : s->domain_columns[i - count];
        fields[i] = i < count ? n->schema.fields[i] : s->root->schema.fields[map[i]];
        if (i >= count) {
            out->columns[i - count] = i;
        }
    }
    n->column_map = map;
    n->schema = (schema){.count = count + slots, .fields = fields};
    out->node = n;
    return OK;
}

/* Rows are counted and numbered for each value of the domain: its columns are keys. */
static status
add_keys(const domain *d, plan_node *n, const pushed *p) {
    binder       *b = d->binder;
    const int32_t slots = d->level->slot_count;
    int32_t      *keys;
    TRY(new_identity(&keys, b, n->key_count + slots));
    for (int32_t i = 0; i < n->key_count + slots; i++) {
        keys[i] = i < n->key_count ? p->map[n->key_columns[i]] : p->columns[i - n->key_count];
    }
    n->key_columns = keys;
    n->key_count += slots;
    for (int32_t i = 0; i < n->sort_count; i++) {
        n->sort_keys[i].column = p->map[n->sort_keys[i].column];
    }
    n->inputs[0] = p->node;
    return OK;
}

static status
push_top_n(const domain *d, plan_node *n, pushed *out) {
    binder *b = d->binder;
    TRY(push_domain(d, n->inputs[0], out));
    TRY(add_keys(d, n, out));
    const schema *in = &out->node->schema;
    n->schema.count = in->count;
    n->schema.fields = arena_alloc(b->arena, (size_t)in->count * sizeof(field));
    TRY(n->schema.fields == NULL ? out_of_memory(b) : OK);
    memcpy(n->schema.fields, in->fields, (size_t)in->count * sizeof(field));
    out->node = n;
    return OK;
}

static int32_t
moved(const pushed *p, int32_t number) {
    return number < 0 ? number : p->map[number];
}

static status
push_over(const domain *d, plan_node *n, pushed *out) {
    binder       *b = d->binder;
    const int32_t old = n->inputs[0]->schema.count;
    const schema  before = n->schema;
    int32_t      *map;
    TRY(push_domain(d, n->inputs[0], out));
    TRY(add_keys(d, n, out));
    for (int32_t i = 0; i < n->over_count; i++) {
        over_call *call = &n->overs[i];
        call->argument = moved(out, call->argument);
        call->filter = moved(out, call->filter);
        call->count_column = moved(out, call->count_column);
        call->fallback = moved(out, call->fallback);
        for (int32_t k = 0; k < call->signature.column_count; k++) {
            call->columns[k] = moved(out, call->columns[k]);
        }
    }
    const schema *in = &out->node->schema;
    n->schema.count = in->count + n->over_count;
    n->schema.fields = arena_alloc(b->arena, (size_t)n->schema.count * sizeof(field));
    TRY(n->schema.fields == NULL ? out_of_memory(b) : OK);
    TRY(new_identity(&map, b, before.count));
    for (int32_t i = 0; i < n->schema.count; i++) {
        n->schema.fields[i] = i < in->count ? in->fields[i] : before.fields[old + i - in->count];
    }
    for (int32_t i = 0; i < before.count; i++) {
        map[i] = i < old ? out->map[i] : in->count + i - old;
    }
    out->node = n;
    out->map = map;
    return OK;
}

/* The left rows carry the outer values; a right side that had them would have to match them, too.
 */
static status
push_asof(const domain *d, plan_node *n, pushed *out) {
    binder       *b = d->binder;
    const int32_t left = n->inputs[0]->schema.count, right = n->inputs[1]->schema.count;
    int32_t      *map;
    if (depends_node(b, n->inputs[1], d->level)) {
        error_set(b->err, ERR_QUERY_FAILED,
                  "the right side of an ASOF JOIN cannot use columns of an outer query");
        error_hint(b->err, "use them in WHERE, or on the left side");
        return ERR_QUERY_FAILED;
    }
    TRY(push_domain(d, n->inputs[0], out));
    TRY(new_identity(&map, b, left + right));
    const int32_t width = out->node->schema.count;
    for (int32_t i = 0; i < left + right; i++) {
        map[i] = i < left ? out->map[i] : width + i - left;
    }
    for (int32_t i = 0; i <= n->key_count; i++) {
        n->left_keys[i] = out->map[n->left_keys[i]];
    }
    n->inputs[0] = out->node;
    n->schema.count = width + right;
    n->schema.fields = arena_alloc(b->arena, (size_t)n->schema.count * sizeof(field));
    TRY(n->schema.fields == NULL ? out_of_memory(b) : OK);
    node_asof_fields(n);
    out->node = n;
    out->map = map;
    return OK;
}

static status
push_domain(const domain *d, plan_node *n, pushed *out) {
    if (!depends_node(d->binder, n, d->level)) {
        return cross_domain(d, n, out);
    }
    switch (n->kind) {
    case PLAN_FILTER:
        return push_filter(d, n, out);
    case PLAN_PROJECT:
        return push_project(d, n, out);
    case PLAN_AGGREGATE:
        return push_aggregate(d, n, out);
    case PLAN_JOIN:
        return push_join(d, n, out);
    case PLAN_DISTINCT:
        return push_distinct(d, n, out);
    case PLAN_UNION:
        return push_union(d, n, out);
    case PLAN_WINDOW:
        return push_window(d, n, out);
    case PLAN_SERIES:
        return push_series(d, n, out);
    case PLAN_SHARED:
        return push_shared(d, n, out);
    case PLAN_SORT: /* rows of a subquery have no order */
        return push_domain(d, n->inputs[0], out);
    case PLAN_TOP_N:
        return push_top_n(d, n, out);
    case PLAN_OVER:
        return push_over(d, n, out);
    case PLAN_ASOF:
        return push_asof(d, n, out);
    case PLAN_SCAN:
    case PLAN_SINGLE:
    case PLAN_PROCESS:
    case PLAN_RECURSIVE: /* refused, where it would depend */
    case PLAN_WORKING:
    case PLAN_VALUES:
    case PLAN_RELATION:
    case PLAN_KEEP: /* is made later */
    case PLAN_RESULT:
        return cross_domain(d, n, out);
    }
    UNREACHABLE();
}

/* ---- the dependent join */

/* Gives every slot a column of *left; computed ones are appended. */
status
place_slots(plan_node **left, binder *b, const level *l, int32_t **columns) {
    const int32_t width = (*left)->schema.count;
    int32_t       extra_count = 0;
    expr        **extra;
    TRY(make_args(&extra, b, l->slot_count));
    TRY(new_identity(columns, b, l->slot_count));
    for (int32_t i = 0; i < l->slot_count; i++) {
        expr *e = b->outers[l->slots[i]].value;
        if (e->kind == EXPR_COLUMN) {
            (*columns)[i] = e->column;
        } else {
            (*columns)[i] = width + extra_count;
            extra[extra_count++] = e;
        }
    }
    if (extra_count > 0) {
        *left = node_extend(b->arena, *left, extra, extra_count);
    }
    return *left == NULL ? out_of_memory(b) : OK;
}

/* The distinct outer values of *left, which becomes a reader of what it was. */
static status
make_domain(domain *d, plan_node **left, binder *b, const level *l, const int32_t *columns) {
    plan_shared *rows = shared_new(b->arena, *left);
    expr       **exprs;
    TRY(rows == NULL ? out_of_memory(b) : OK);
    *left = shared_read(b->arena, rows);
    plan_node *values = shared_read(b->arena, rows);
    TRY(*left == NULL || values == NULL ? out_of_memory(b) : OK);
    TRY(make_args(&exprs, b, l->slot_count));
    for (int32_t i = 0; i < l->slot_count; i++) {
        TRY(column_of(&exprs[i], b, values, columns[i]));
    }
    values = node_project(b->arena, values, exprs, l->slot_count);
    values = values == NULL ? NULL : node_distinct(b->arena, values);
    plan_shared *distinct = values == NULL ? NULL : shared_new(b->arena, values);
    *d = (domain){.binder = b, .level = l, .values = distinct};
    return distinct == NULL ? out_of_memory(b) : OK;
}

/* right without dependence, *list the conditions that tie it to the left columns of the slots:
 * over left_width left columns ++ right. */
static status
free_right(pushed *right, plan_node **left, expr **list, binder *b, plan_node *n, const level *l) {
    int32_t *columns;
    TRY(place_slots(left, b, l, &columns));
    const int32_t width = (*left)->schema.count;
    *list = NULL;
    if (can_pull(b, n, l)) {
        TRY(pull_conditions(&right->node, &right->map, list, b, n, l));
        if (*list != NULL) {
            int32_t *shifted;
            TRY(new_identity(&shifted, b, right->node->schema.count));
            for (int32_t i = 0; i < right->node->schema.count; i++) {
                shifted[i] += width;
            }
            expr_remap(*list, shifted);
            TRY(replace_outer(list, b, l, columns));
        }
        return OK;
    }
    domain *d = arena_alloc(b->arena, sizeof(*d)); /* shared parts remember it by its address */
    TRY(d == NULL ? out_of_memory(b) : OK);
    TRY(make_domain(d, left, b, l, columns));
    TRY(push_domain(d, n, right));
    int32_t *shifted;
    TRY(new_identity(&shifted, b, l->slot_count));
    for (int32_t i = 0; i < l->slot_count; i++) {
        shifted[i] = width + right->columns[i];
    }
    return domains_equal(list, d, columns, shifted);
}

status
unnest_join(plan_node **out, binder *b, plan_node *left, plan_node *right, plan_join_kind kind,
            expr *predicate, level *l, int32_t position) {
    if (kind == JOIN_INNER && is_linear(right)) {
        return unnest_linear(out, b, left, right, predicate, l);
    }
    const int32_t left_width = left->schema.count, right_width = right->schema.count;
    const schema  old_right = right->schema;
    pushed        r = {.node = right};
    expr         *ties;
    TRY(free_right(&r, &left, &ties, b, right, l));
    const int32_t width = left->schema.count;
    if (predicate != NULL) {
        int32_t *pair;
        TRY(new_identity(&pair, b, left_width + right_width));
        for (int32_t i = 0; i < right_width; i++) {
            pair[left_width + i] = width + r.map[i];
        }
        expr_remap(predicate, pair);
    }
    TRY(both_conditions(&predicate, b, predicate, ties));
    plan_node *n;
    TRY(make_join(&n, b, kind, left, r.node, predicate));
    n->position = position;
    const int32_t shown = join_shows_right(kind) ? right_width : kind == JOIN_MARK;
    expr        **exprs;
    TRY(make_args(&exprs, b, left_width + shown));
    for (int32_t i = 0; i < left_width + shown; i++) {
        const bool    is_right = i >= left_width;
        const int32_t at = !is_right           ? i
                           : kind == JOIN_MARK ? width
                                               : width + r.map[i - left_width];
        TRY(column_of(&exprs[i], b, n, at));
    }
    *out = node_project(b->arena, n, exprs, left_width + shown);
    TRY(*out == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; join_shows_right(kind) && i < right_width; i++) {
        (*out)->schema.fields[left_width + i].name = old_right.fields[i].name;
    }
    return OK;
}
