/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_push.c - conditions to where they cost least: below projections, windows, groupings and
 * joins, down to the scans.
 *
 * A condition is a list of conjuncts; push(node, list) gives a node that computes FILTER(list,
 * node) with the same columns. On the way an INNER join adds its own conjuncts to the list, so
 * `FROM a, b WHERE a.x = b.x` and `a JOIN b ON a.x = b.x` become the same plan. Volatile conjuncts
 * stay. */
#include "plan/node.h"

#define COPY_SIZE_MAX 64 /* a condition that grows beyond it by substitution stays above */

typedef struct conjuncts {
    int32_t count, capacity;
    expr  **items;
} conjuncts;

typedef struct rewriter {
    arena *arena;
    error *err;
} rewriter;

static status
add(rewriter *r, conjuncts *list, expr *e) {
    if (list->count == list->capacity) {
        const int32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        expr        **grown = arena_alloc(r->arena, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return error_memory(r->err);
        }
        if (list->count > 0) {
            memcpy(grown, list->items, (size_t)list->count * sizeof(*grown));
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = e;
    return OK;
}

static status
add_all(rewriter *r, conjuncts *list, const conjuncts *more) {
    for (int32_t i = 0; i < more->count; i++) {
        TRY(add(r, list, more->items[i]));
    }
    return OK;
}

/* A constant condition is evaluated; one that fails is left to the run. */
static status
fold(rewriter *r, expr **e) {
    if ((*e)->kind == EXPR_CONSTANT || !expr_is_constant(*e)) {
        return OK;
    }
    value        v;
    error        ignored = {.position = -1};
    const status s = expr_evaluate_constant(&v, *e, r->arena, &ignored);
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(r->err);
    }
    if (s < 0) {
        return OK;
    }
    expr *constant = expr_constant(r->arena, &v, (*e)->position);
    if (constant == NULL) {
        return error_memory(r->err);
    }
    *e = constant;
    return OK;
}

/* Flattens AND; what is always true is left out. */
static status
split(rewriter *r, conjuncts *list, expr *e) {
    if (e->kind == EXPR_AND) {
        for (int32_t i = 0; i < e->arg_count; i++) {
            TRY(split(r, list, e->args[i]));
        }
        return OK;
    }
    TRY(fold(r, &e));
    if (e->kind == EXPR_CONSTANT && !e->constant.is_null && e->constant.b) {
        return OK;
    }
    return add(r, list, e);
}

static status
join_conjuncts(rewriter *r, const conjuncts *list, expr **out) {
    if (list->count == 1) {
        *out = list->items[0];
        return OK;
    }
    *out = expr_make(r->arena, EXPR_AND, type_of(TYPE_BOOL), list->items, list->count,
                     list->items[0]->position);
    return *out == NULL ? error_memory(r->err) : OK;
}

static status
filter_above(rewriter *r, plan_node *node, const conjuncts *list, plan_node **out) {
    *out = node;
    if (list->count == 0) {
        return OK;
    }
    expr *predicate;
    TRY(join_conjuncts(r, list, &predicate));
    *out = node_filter(r->arena, node, predicate);
    return *out == NULL ? error_memory(r->err) : OK;
}

/* ---- what a conjunct refers to */

typedef struct reach { /* of the columns of an expression, compared with a boundary */
    int32_t boundary;
    bool    below, above;
} reach;

static void
note_side(void *arg, int32_t *number) {
    reach *s = arg;
    s->below = s->below || *number < s->boundary;
    s->above = s->above || *number >= s->boundary;
}

static reach
reach_of(expr *e, int32_t boundary) {
    reach s = {.boundary = boundary};
    expr_visit_columns(e, note_side, &s);
    return s;
}

static void
shift_column(void *arg, int32_t *number) {
    const int32_t *by = arg;
    *number += *by;
}

static void
shift(expr *e, int32_t by) {
    expr_visit_columns(e, shift_column, &by);
}

/* ---- through PROJECT: columns are replaced by what computes them */

typedef struct substitution {
    expr  **exprs;
    int64_t size;
    bool    has_volatile;
} substitution;

static void
measure_column(void *arg, int32_t *number) {
    substitution *s = arg;
    const expr   *e = s->exprs[*number];
    s->size += s->size > COPY_SIZE_MAX ? 0 : expr_size(e);
    s->has_volatile = s->has_volatile || expr_is_volatile(e);
}

static status
substitute(rewriter *r, expr **e, expr *const *exprs) {
    if ((*e)->kind == EXPR_COLUMN) {
        expr *copy = expr_copy(r->arena, exprs[(*e)->column]);
        if (copy == NULL) {
            return error_memory(r->err);
        }
        *e = copy;
        return OK;
    }
    for (int32_t i = 0; i < (*e)->arg_count; i++) {
        TRY(substitute(r, &(*e)->args[i], exprs));
    }
    return OK;
}

static status push(rewriter *r, plan_node *node, conjuncts *list, plan_node **out);

static status
push_project(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    conjuncts below = {0}, above = {0};
    for (int32_t i = 0; i < list->count; i++) {
        expr        *e = list->items[i];
        substitution s = {.exprs = node->exprs, .size = expr_size(e)};
        expr_visit_columns(e, measure_column, &s);
        if (s.has_volatile || s.size > COPY_SIZE_MAX || expr_is_volatile(e)) {
            TRY(add(r, &above, e));
            continue;
        }
        TRY(substitute(r, &e, node->exprs));
        TRY(split(r, &below, e)); /* it may have become constant */
    }
    TRY(push(r, node->inputs[0], &below, &node->inputs[0]));
    return filter_above(r, node, &above, out);
}

/* The conjuncts that look at columns below the boundary alone go down. */
static status
push_partly(rewriter *r, plan_node *node, int32_t boundary, conjuncts *list, plan_node **out) {
    conjuncts below = {0}, above = {0};
    for (int32_t i = 0; i < list->count; i++) {
        expr       *e = list->items[i];
        const reach s = reach_of(e, boundary);
        const bool  sinks = s.below && !s.above && !expr_is_volatile(e);
        TRY(add(r, sinks ? &below : &above, e));
    }
    TRY(push(r, node->inputs[0], &below, &node->inputs[0]));
    return filter_above(r, node, &above, out);
}

/* ---- joins */

typedef struct join_parts {
    conjuncts left, right, residual, above;
    int32_t   key_count;
    expr    **left_keys, **right_keys; /* each over its own side */
} join_parts;

static bool
is_equality(const expr *e) {
    return e->kind == EXPR_CALL && e->arg_count == 2 &&
           strcmp(function_name(e->function), "=") == 0 &&
           type_equal(e->args[0]->type, e->args[1]->type);
}

/* l = r with one side each becomes a key; false: it is no such thing. */
static bool
take_key(join_parts *p, expr *e, int32_t boundary) {
    if (!is_equality(e)) {
        return false;
    }
    const reach x = reach_of(e->args[0], boundary);
    const reach y = reach_of(e->args[1], boundary);
    if (x.below == x.above || y.below == y.above || x.below == y.below) {
        return false;
    }
    expr *left = e->args[x.below ? 0 : 1];
    expr *right = e->args[x.below ? 1 : 0];
    shift(right, -boundary);
    for (int32_t i = 0; i < p->key_count; i++) {
        if (expr_equal(p->left_keys[i], left) && expr_equal(p->right_keys[i], right)) {
            return true;
        }
    }
    p->left_keys[p->key_count] = left;
    p->right_keys[p->key_count++] = right;
    return true;
}

static status
sort_out_inner(rewriter *r, join_parts *p, expr *e, int32_t boundary) {
    const reach s = reach_of(e, boundary);
    if (expr_is_volatile(e)) {
        return add(r, &p->above, e);
    }
    if (!s.below && !s.above) { /* constant and not true: no side needs to send anything */
        expr *copy = expr_copy(r->arena, e);
        TRY(copy == NULL ? error_memory(r->err) : OK);
        TRY(add(r, &p->right, copy));
        return add(r, &p->left, e);
    }
    if (!s.above) {
        return add(r, &p->left, e);
    }
    if (!s.below) {
        shift(e, -boundary);
        return add(r, &p->right, e);
    }
    return take_key(p, e, boundary) ? OK : add(r, &p->above, e);
}

/* A conjunct of the ON of a LEFT join: it may keep right rows from matching, never left rows from
 * coming out. */
static status
sort_out_on(rewriter *r, join_parts *p, expr *e, int32_t boundary) {
    const reach s = reach_of(e, boundary);
    if (!expr_is_volatile(e)) {
        if (!s.below) {
            shift(e, -boundary);
            return add(r, &p->right, e);
        }
        if (s.above && take_key(p, e, boundary)) {
            return OK;
        }
    }
    return add(r, &p->residual, e);
}

static status
sort_out_left(rewriter *r, join_parts *p, expr *e, int32_t boundary) {
    const reach s = reach_of(e, boundary);
    return add(r, !s.above && !expr_is_volatile(e) ? &p->left : &p->above, e);
}

/* Gives each key a column of `side`; computed ones are appended to it. */
static status
place_keys(rewriter *r, plan_node **side, expr **keys, int32_t count, int32_t **out) {
    int32_t       extra_count = 0;
    const int32_t width = (*side)->schema.count;
    expr        **extra = arena_alloc(r->arena, (size_t)count * sizeof(*extra));
    *out = arena_alloc(r->arena, (size_t)count * sizeof(**out));
    if (extra == NULL || *out == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (keys[i]->kind == EXPR_COLUMN) {
            (*out)[i] = keys[i]->column;
            continue;
        }
        int32_t at = 0;
        while (at < extra_count && !expr_equal(extra[at], keys[i])) {
            at++;
        }
        if (at == extra_count) {
            extra[extra_count++] = keys[i];
        }
        (*out)[i] = width + at;
    }
    if (extra_count > 0) {
        *side = node_extend(r->arena, *side, extra, extra_count);
    }
    return *side == NULL ? error_memory(r->err) : OK;
}

/* The join over inputs that grew key columns: its own columns are renumbered, and a PROJECT gives
 * back the columns it had. */
static status
widen(rewriter *r, plan_node *n, int32_t left_width, int32_t right_width, plan_node **out) {
    const plan_node *left = n->inputs[0], *right = n->inputs[1];
    const int32_t    grown = left->schema.count - left_width;
    const int32_t    total = left->schema.count + right->schema.count;
    *out = n;
    if (total == left_width + right_width) {
        return OK;
    }
    const field *old = n->schema.fields;
    field       *fields = arena_alloc(r->arena, (size_t)total * sizeof(*fields));
    int32_t     *map = arena_alloc(r->arena, (size_t)(left_width + right_width) * sizeof(*map));
    expr       **exprs = arena_alloc(r->arena, (size_t)(left_width + right_width) * sizeof(*exprs));
    if (fields == NULL || map == NULL || exprs == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < total; i++) {
        fields[i] = i < left->schema.count ? left->schema.fields[i]
                                           : right->schema.fields[i - left->schema.count];
        fields[i].nullable |= i >= left->schema.count && n->join == JOIN_LEFT;
    }
    for (int32_t i = 0; i < left_width + right_width; i++) {
        map[i] = i < left_width ? i : i + grown;
        exprs[i] = expr_column(r->arena, map[i], old[i].type, -1);
        if (exprs[i] == NULL) {
            return error_memory(r->err);
        }
    }
    if (n->predicate != NULL) {
        expr_remap(n->predicate, map);
    }
    n->schema = (schema){.count = total, .fields = fields};
    *out = node_project(r->arena, n, exprs, left_width + right_width);
    return *out == NULL ? error_memory(r->err) : OK;
}

static status
push_join(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    join_parts    p = {0};
    conjuncts     own = {0};
    const int32_t left_width = node->inputs[0]->schema.count;
    const int32_t right_width = node->inputs[1]->schema.count;
    if (node->predicate != NULL) {
        TRY(split(r, &own, node->predicate));
    }
    const size_t room = (size_t)(own.count + list->count) * sizeof(expr *);
    p.left_keys = arena_alloc(r->arena, room);
    p.right_keys = arena_alloc(r->arena, room);
    if (p.left_keys == NULL || p.right_keys == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < own.count; i++) {
        TRY(node->join == JOIN_LEFT ? sort_out_on(r, &p, own.items[i], left_width)
                                    : sort_out_inner(r, &p, own.items[i], left_width));
    }
    for (int32_t i = 0; i < list->count; i++) {
        TRY(node->join == JOIN_LEFT ? sort_out_left(r, &p, list->items[i], left_width)
                                    : sort_out_inner(r, &p, list->items[i], left_width));
    }
    TRY(push(r, node->inputs[0], &p.left, &node->inputs[0]));
    TRY(push(r, node->inputs[1], &p.right, &node->inputs[1]));
    node->predicate = NULL;
    if (p.residual.count > 0) {
        TRY(join_conjuncts(r, &p.residual, &node->predicate));
    }
    node->key_count = p.key_count;
    TRY(place_keys(r, &node->inputs[0], p.left_keys, p.key_count, &node->left_keys));
    TRY(place_keys(r, &node->inputs[1], p.right_keys, p.key_count, &node->right_keys));
    plan_node *whole;
    TRY(widen(r, node, left_width, right_width, &whole));
    return filter_above(r, whole, &p.above, out);
}

/* Each input gets a copy of the conditions: its columns are those of the whole. */
static status
push_union(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    conjuncts below = {0}, above = {0};
    for (int32_t i = 0; i < list->count; i++) {
        TRY(add(r, expr_is_volatile(list->items[i]) ? &above : &below, list->items[i]));
    }
    for (int32_t i = 0; i < node->input_count; i++) {
        conjuncts own = {0};
        for (int32_t k = 0; k < below.count; k++) {
            expr *copy = expr_copy(r->arena, below.items[k]);
            TRY(copy == NULL ? error_memory(r->err) : OK);
            TRY(add(r, &own, copy));
        }
        TRY(push(r, node->inputs[i], &own, &node->inputs[i]));
    }
    return filter_above(r, node, &above, out);
}

/* ---- the walk */

static status
push(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    switch (node->kind) {
    case PLAN_FILTER: { /* what stood below comes first */
        conjuncts all = {0};
        TRY(split(r, &all, node->predicate));
        TRY(add_all(r, &all, list));
        return push(r, node->inputs[0], &all, out);
    }
    case PLAN_PROJECT:
        return push_project(r, node, list, out);
    case PLAN_JOIN:
        return push_join(r, node, list, out);
    case PLAN_UNION:
        return push_union(r, node, list, out);
    case PLAN_WINDOW:
        return push_partly(r, node, node->schema.count - 1, list, out);
    case PLAN_AGGREGATE: /* conditions on the keys alone: they keep or drop whole groups */
        return push_partly(r, node, node->key_count, list, out);
    case PLAN_SORT:
    case PLAN_DISTINCT:
        return push_partly(r, node, node->schema.count, list, out);
    case PLAN_TOP_N: { /* which rows are the first n depends on all that came before */
        conjuncts none = {0};
        TRY(push(r, node->inputs[0], &none, &node->inputs[0]));
        return filter_above(r, node, list, out);
    }
    case PLAN_SCAN:
    case PLAN_SINGLE:
    case PLAN_VALUES:
        return filter_above(r, node, list, out);
    }
    UNREACHABLE();
}

status
plan_push_down(plan_node **root, arena *a, error *err) {
    rewriter  r = {.arena = a, .err = err};
    conjuncts none = {0};
    return push(&r, *root, &none, root);
}
