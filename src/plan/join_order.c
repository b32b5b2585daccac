/* SPDX-License-Identifier: Apache-2.0 */
/* join_order.c - in which order the inputs of neighbouring INNER joins are joined.
 *
 * One-off queries: the left-deep order with the smallest sum of intermediate results, by dynamic
 * programming over subsets of up to ORDER_EXACT inputs (P. Selinger et al., "Access Path
 * Selection", SIGMOD 1979), greedily beyond. Streams keep the order of FROM, whose state the user
 * can see, but for products of inputs that a condition ties to others. What the joins gave, in
 * which order of columns, stays.
 *
 * An input that is a SEMI or ANTI join (rewrite_semi.c put it there) is joined without it where the
 * joins leave far fewer rows than it would look at; it then stands above them all. */
#include "plan/estimate.h"
#include "plan/rewrite.h"

#define ORDER_EXACT 10
#define ORDER_LEAVES_MAX 64
#define ORDER_LIFT 4         /* lifted where the joins leave less than this part of its rows */
#define ORDER_SELECTIVE 0.05 /* not lifted: its right side has hardly rows beside its left side */

typedef struct leaf {
    plan_node *node;
    plan_node *whole;  /* with the SEMI and ANTI joins that are above `node`: the same, if none */
    int32_t    offset; /* of its columns in the output of the joins */
    double     all;    /* its rows */
    double     rows;   /* that its own conditions leave */
} leaf;

typedef struct tie { /* a condition over several leaves */
    uint64_t leaves;
    double   matches;
    bool     equality;
} tie;

typedef struct ordering {
    rewriter *rewriter;
    int32_t   count;
    leaf      leaves[ORDER_LEAVES_MAX];
    conjuncts conditions; /* copies, over the output of the joins */
    tie      *ties;
    int32_t   tie_count;
    bool      known; /* some leaf has statistics */
    int32_t   order[ORDER_LEAVES_MAX];
} ordering;

/* ---- the leaves and their conditions */

static bool
is_inner(const plan_node *n) {
    return n->kind == PLAN_JOIN && n->join == JOIN_INNER && !n->ordered;
}

static bool
is_part(const plan_node *n) {
    return is_inner(n) || (n->kind == PLAN_FILTER && is_inner(n->inputs[0]));
}

static bool
has_statistics(const plan_node *n) {
    if (n->kind == PLAN_SCAN) {
        return n->object->row_count != NULL;
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        if (has_statistics(n->inputs[i])) {
            return true;
        }
    }
    return false;
}

static status
add_condition(ordering *o, const expr *e, int32_t offset) {
    expr *copy = expr_copy(o->rewriter->arena, e);
    if (copy == NULL) {
        return error_memory(o->rewriter->err);
    }
    expr_shift(copy, offset);
    return conjuncts_split(o->rewriter, &o->conditions, copy);
}

/* *fits becomes false when the joins must stay as they are. */
static status
collect(ordering *o, plan_node *n, int32_t offset, bool *fits) {
    if (!is_part(n)) {
        *fits = *fits && o->count < ORDER_LEAVES_MAX;
        if (*fits) {
            o->leaves[o->count++] = (leaf){.node = n, .whole = n, .offset = offset};
            o->known = o->known || has_statistics(n);
        }
        return OK;
    }
    if (n->predicate != NULL) {
        *fits = *fits && !expr_is_volatile(n->predicate);
        TRY(add_condition(o, n->predicate, offset));
    }
    for (int32_t i = 0; i < n->input_count && *fits; i++) {
        TRY(collect(o, n->inputs[i], offset, fits));
        offset += n->inputs[i]->schema.count;
    }
    return OK;
}

static int32_t
leaf_of(const ordering *o, int32_t number) {
    int32_t i = o->count - 1;
    while (o->leaves[i].offset > number) {
        i--;
    }
    return i;
}

/* A SEMI or ANTI join that may stand above the joins as well as below them. */
static bool
may_rise(const plan_node *n) {
    return n->kind == PLAN_JOIN && (n->join == JOIN_SEMI || n->join == JOIN_ANTI) && !n->ordered &&
           n->predicate != NULL && n->key_count == 0 && !expr_is_volatile(n->predicate);
}

static void
take_off(ordering *o) {
    for (int32_t i = 0; i < o->count; i++) {
        leaf *l = &o->leaves[i];
        while (may_rise(l->node)) {
            l->node = l->node->inputs[0];
        }
    }
}

typedef struct leaf_set {
    const ordering *o;
    uint64_t        leaves;
} leaf_set;

static void
note_leaf(void *arg, int32_t *number) {
    leaf_set *s = arg;
    s->leaves |= UINT64_C(1) << leaf_of(s->o, *number);
}

static uint64_t
leaves_of(const ordering *o, expr *e) {
    leaf_set s = {.o = o};
    expr_visit_columns(e, note_leaf, &s);
    return s.leaves;
}

static double
values_of(const ordering *o, const expr *e) {
    if (e->kind != EXPR_COLUMN) {
        return -1;
    }
    const leaf *l = &o->leaves[leaf_of(o, e->column)];
    return estimate_values(l->node, e->column - l->offset);
}

/* Several equalities between two leaves: together they have no more values than the smaller one has
 * rows. */
static bool
merge_tie(ordering *o, const tie *t) {
    for (int32_t i = 0; i < o->tie_count; i++) {
        tie *known = &o->ties[i];
        if (!known->equality || known->leaves != t->leaves) {
            continue;
        }
        double fewest = -1;
        for (int32_t k = 0; k < o->count; k++) {
            const bool in = (t->leaves >> k & 1) != 0;
            fewest = in && (fewest < 0 || o->leaves[k].all < fewest) ? o->leaves[k].all : fewest;
        }
        const double both = known->matches * t->matches;
        known->matches = both * fewest < 1 ? 1 / fewest : both;
        return true;
    }
    return false;
}

static void
add_tie(ordering *o, expr *e, uint64_t leaves) {
    expr *x, *y;
    bool  null_safe;
    tie   t = {.leaves = leaves, .matches = 0.5};
    if (expr_is_equality(e, &x, &y, &null_safe) && leaves_of(o, x) != leaves_of(o, y)) {
        const double p = values_of(o, x), q = values_of(o, y);
        const double fewer = p < 0 || (q >= 0 && q < p) ? q : p;
        t.equality = true;
        t.matches = fewer < 1 ? 0.1 : 1 / fewer;
        if (merge_tie(o, &t)) {
            return;
        }
    }
    o->ties[o->tie_count++] = t;
}

static status
weigh(ordering *o) {
    arena *a = o->rewriter->arena;
    o->ties = arena_alloc(a, (size_t)o->conditions.count * sizeof(*o->ties));
    if (o->ties == NULL) {
        return error_memory(o->rewriter->err);
    }
    for (int32_t i = 0; i < o->count; i++) {
        o->leaves[i].all = o->leaves[i].rows = estimate_rows(o->leaves[i].node);
    }
    for (int32_t i = 0; i < o->conditions.count; i++) {
        expr          *e = o->conditions.items[i];
        const uint64_t leaves = leaves_of(o, e);
        if (leaves == 0) {
            continue;
        }
        if ((leaves & (leaves - 1)) != 0) {
            add_tie(o, e, leaves);
            continue;
        }
        leaf *l = &o->leaves[__builtin_ctzll(leaves)];
        expr *own = expr_copy(a, e);
        if (own == NULL) {
            return error_memory(o->rewriter->err);
        }
        expr_shift(own, -l->offset);
        l->rows *= estimate_matches(own, l->node);
    }
    return OK;
}

/* ---- orders */

static double
rows_of(const ordering *o, uint64_t set) {
    double rows = 1;
    for (int32_t i = 0; i < o->count; i++) {
        rows *= (set >> i & 1) != 0 ? o->leaves[i].rows : 1;
    }
    for (int32_t i = 0; i < o->tie_count; i++) {
        rows *= (o->ties[i].leaves & ~set) == 0 ? o->ties[i].matches : 1;
    }
    return rows;
}

/* Puts those back on their inputs that serve better there. */
static void
put_back(ordering *o) {
    const double all = rows_of(o, (UINT64_C(1) << (o->count - 1) << 1) - 1);
    for (int32_t i = 0; i < o->count; i++) {
        leaf *l = &o->leaves[i];
        bool  rises = all * ORDER_LIFT < l->rows;
        for (const plan_node *n = l->whole; n != l->node; n = n->inputs[0]) {
            rises = rises && estimate_rows(n->inputs[1]) > l->all * ORDER_SELECTIVE;
        }
        if (!rises && l->whole != l->node) {
            const double kept = estimate_rows(l->whole) / (l->all < 1 ? 1 : l->all);
            l->node = l->whole;
            l->all *= kept;
            l->rows *= kept;
        }
    }
}

static status
order_exactly(ordering *o) {
    const uint64_t all = (UINT64_C(1) << o->count) - 1;
    double        *cost = arena_alloc(o->rewriter->arena, (size_t)(all + 1) * sizeof(*cost));
    int8_t        *last = arena_alloc(o->rewriter->arena, (size_t)(all + 1));
    if (cost == NULL || last == NULL) {
        return error_memory(o->rewriter->err);
    }
    cost[0] = 0;
    for (uint64_t set = 1; set <= all; set++) {
        const bool   single = (set & (set - 1)) == 0;
        const double rows = single ? 0 : rows_of(o, set);
        last[set] = -1;
        for (int32_t i = 0; i < o->count; i++) {
            if ((set >> i & 1) == 0) {
                continue;
            }
            const uint64_t before = set & ~(UINT64_C(1) << i);
            const double   c = cost[before] + rows;
            if (last[set] < 0 || c < cost[set]) {
                cost[set] = c;
                last[set] = (int8_t)i;
            }
        }
    }
    uint64_t set = all;
    for (int32_t k = o->count - 1; k >= 0; k--) {
        o->order[k] = last[set];
        set &= ~(UINT64_C(1) << last[set]);
    }
    return OK;
}

static void
order_greedily(ordering *o) {
    uint64_t set = 0;
    for (int32_t k = 0; k < o->count; k++) {
        double best = -1;
        for (int32_t i = 0; i < o->count; i++) {
            const uint64_t with = set | UINT64_C(1) << i;
            const double   rows = with == set ? -1 : rows_of(o, with);
            if (rows >= 0 && (best < 0 || rows < best)) {
                best = rows;
                o->order[k] = i;
            }
        }
        set |= UINT64_C(1) << o->order[k];
    }
}

static bool
is_tied(const ordering *o, uint64_t set, int32_t i) {
    const uint64_t own = UINT64_C(1) << i;
    for (int32_t k = 0; k < o->tie_count; k++) {
        const tie *t = &o->ties[k];
        if (t->equality && (t->leaves & own) != 0 && (t->leaves & ~own & ~set) == 0) {
            return true;
        }
    }
    return false;
}

/* As FROM has them, but what is tied to those before comes before what is not. */
static void
order_of_from(ordering *o) {
    uint64_t set = 0;
    for (int32_t k = 0; k < o->count; k++) {
        int32_t first = -1, tied = -1;
        for (int32_t i = 0; i < o->count && tied < 0; i++) {
            if ((set >> i & 1) == 0) {
                first = first < 0 ? i : first;
                tied = set != 0 && is_tied(o, set, i) ? i : -1;
            }
        }
        o->order[k] = tied >= 0 ? tied : first;
        set |= UINT64_C(1) << o->order[k];
    }
}

static bool
is_identity(const ordering *o) {
    for (int32_t k = 0; k < o->count; k++) {
        if (o->order[k] != k) {
            return false;
        }
    }
    return true;
}

/* ---- the joins in that order */

static status
stack(ordering *o, plan_node **out, int32_t *map) {
    rewriter  *r = o->rewriter;
    plan_node *top = NULL;
    int32_t    at = 0;
    for (int32_t k = 0; k < o->count; k++) {
        const leaf *l = &o->leaves[o->order[k]];
        for (int32_t i = 0; i < l->node->schema.count; i++) {
            map[l->offset + i] = at++;
        }
        if (k == 0) {
            top = l->node;
            continue;
        }
        plan_node *n = node_new(r->arena, PLAN_JOIN, 2, 0);
        if (n == NULL) {
            return error_memory(r->err);
        }
        n->inputs[0] = top;
        n->inputs[1] = l->node;
        n->ordered = true;
        if (!node_join_schema(n, r->arena)) {
            return error_memory(r->err);
        }
        top = n;
    }
    *out = top;
    return OK;
}

/* The SEMI and ANTI joins above `n`, which was an input, go above `top`. */
static status
lift(ordering *o, const leaf *l, plan_node *n, const int32_t *map, plan_node **top) {
    rewriter *r = o->rewriter;
    if (n == l->node) {
        return OK;
    }
    const int32_t left = n->inputs[0]->schema.count; /* before those below get another left side */
    const int32_t right = n->inputs[1]->schema.count;
    TRY(lift(o, l, n->inputs[0], map, top));
    int32_t *own = arena_alloc(r->arena, (size_t)(left + right + 1) * sizeof(*own));
    if (own == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < left + right; i++) {
        own[i] = i < left ? map[l->offset + i] : (*top)->schema.count + i - left;
    }
    expr_remap(n->predicate, own);
    n->inputs[0] = *top;
    n->ordered = true;
    *top = n;
    return node_join_schema(n, r->arena) ? OK : error_memory(r->err);
}

static status
rebuild(ordering *o, const plan_node *node, plan_node **out) {
    rewriter     *r = o->rewriter;
    const int32_t width = node->schema.count;
    int32_t      *map = arena_alloc(r->arena, (size_t)width * sizeof(*map));
    expr        **exprs = arena_alloc(r->arena, (size_t)width * sizeof(*exprs));
    plan_node    *top;
    if (map == NULL || exprs == NULL) {
        return error_memory(r->err);
    }
    TRY(stack(o, &top, map));
    for (int32_t i = 0; i < o->count; i++) {
        TRY(lift(o, &o->leaves[i], o->leaves[i].whole, map, &top));
    }
    for (int32_t i = 0; i < o->conditions.count; i++) {
        expr_remap(o->conditions.items[i], map);
    }
    TRY(push_conditions(r, top, &o->conditions, &top));
    for (int32_t i = 0; i < width; i++) {
        exprs[i] = expr_column(r->arena, map[i], node->schema.fields[i].type, -1);
        if (exprs[i] == NULL) {
            return error_memory(r->err);
        }
    }
    *out = node_project(r->arena, top, exprs, width);
    if (*out == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < width; i++) {
        (*out)->schema.fields[i].name = node->schema.fields[i].name;
    }
    return OK;
}

status
order_joins(rewriter *r, plan_node *node, const conjuncts *list, plan_node **out, bool *done) {
    ordering *o = arena_alloc_zero(r->arena, sizeof(*o));
    conjuncts above = {0};
    bool      fits = true;
    *done = false;
    if (o == NULL) {
        return error_memory(r->err);
    }
    o->rewriter = r;
    TRY(collect(o, node, 0, &fits));
    if (!fits || o->count < 3) {
        return OK;
    }
    for (int32_t i = 0; i < list->count; i++) {
        if (expr_is_volatile(list->items[i])) {
            TRY(conjuncts_add(r, &above, list->items[i]));
        } else {
            TRY(add_condition(o, list->items[i], 0));
        }
    }
    const bool free_order = !r->streaming && o->known;
    if (free_order) {
        take_off(o);
    }
    TRY(weigh(o));
    put_back(o);
    if (!free_order) {
        order_of_from(o);
        if (is_identity(o)) {
            return OK;
        }
    } else if (o->count <= ORDER_EXACT) {
        TRY(order_exactly(o));
    } else {
        order_greedily(o);
    }
    *done = true;
    TRY(rebuild(o, node, out));
    return conjuncts_above(r, *out, &above, out);
}
