/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_join.c - conditions at a join: which go below it, which become keys, which stay.
 *
 * An outer join whose padded rows no condition above lets through is the stricter kind. What then
 * holds above (the list) and what belongs to the join (its own conjuncts):
 *
 *             list, left   list, right   own, left   own, right   own, both
 *   INNER     left         right         left        right        key or residual
 *   LEFT      left         stays above   residual    right        key or residual
 *   RIGHT     stays above  right         left        residual     key or residual
 *   FULL      stays above  stays above   residual    residual     key or residual
 *   SEMI      left         -             left        right        key or residual
 *   ANTI, MARK, SINGLE: as LEFT
 *
 * A condition on one column of a key holds for the other column of the key as well, where dropping
 * rows of the other side changes no row that comes out. */
#include "plan/rewrite.h"

typedef struct join_parts {
    plan_join_kind kind;
    int32_t        boundary;
    conjuncts      side[2]; /* below, each over its own side */
    conjuncts      residual, above;
    int32_t        key_count;
    expr         **keys[2]; /* each over its own side */
    bool          *null_safe;
} join_parts;

/* May rows of the side be dropped when a conjunct of the join is not true for them? */
static bool
own_sinks(plan_join_kind k, int32_t side) {
    if (k == JOIN_INNER || k == JOIN_SEMI) {
        return true;
    }
    return k != JOIN_FULL && (side == 0) == (k == JOIN_RIGHT);
}

/* May they be when a condition above is not? */
static bool
list_sinks(plan_join_kind k, int32_t side) {
    if (k == JOIN_INNER) {
        return true;
    }
    return k != JOIN_FULL && (side == 1) == (k == JOIN_RIGHT);
}

/* May rows of the side be dropped because no row of the other side that is left can match? */
static bool
follows(plan_join_kind k, int32_t side) {
    return k == JOIN_INNER || k == JOIN_SEMI ||
           (k != JOIN_FULL && (side == 0) == (k == JOIN_RIGHT));
}

static plan_join_kind
without_left_padding(plan_join_kind k) {
    return k == JOIN_RIGHT ? JOIN_INNER : k == JOIN_FULL ? JOIN_LEFT : k;
}

static plan_join_kind
without_right_padding(plan_join_kind k) {
    return k == JOIN_LEFT ? JOIN_INNER : k == JOIN_FULL ? JOIN_RIGHT : k;
}

static void
make_stricter(plan_node *n, const conjuncts *list, int32_t left_width) {
    for (int32_t i = 0; i < list->count && join_shows_right(n->join); i++) {
        if (expr_rejects_nulls(list->items[i], 0, left_width)) {
            n->join = without_left_padding(n->join);
        }
        if (expr_rejects_nulls(list->items[i], left_width, n->schema.count)) {
            n->join = without_right_padding(n->join);
        }
    }
}

/* l = r with one side each becomes a key; false: it is no such thing. */
static bool
take_key(join_parts *p, expr *e) {
    expr *sides[2];
    bool  null_safe;
    if (!expr_is_equality(e, &sides[0], &sides[1], &null_safe)) {
        return false;
    }
    const reach x = reach_of(sides[0], p->boundary);
    const reach y = reach_of(sides[1], p->boundary);
    if (x.below == x.above || y.below == y.above || x.below == y.below) {
        return false;
    }
    expr *left = sides[x.below ? 0 : 1];
    expr *right = sides[x.below ? 1 : 0];
    expr_shift(right, -p->boundary);
    for (int32_t i = 0; i < p->key_count; i++) {
        if (expr_equal(p->keys[0][i], left) && expr_equal(p->keys[1][i], right)) {
            p->null_safe[i] = p->null_safe[i] && null_safe;
            return true;
        }
    }
    p->keys[0][p->key_count] = left;
    p->keys[1][p->key_count] = right;
    p->null_safe[p->key_count++] = null_safe;
    return true;
}

static status
add_to_side(rewriter *r, join_parts *p, int32_t side, expr *e) {
    expr_shift(e, side == 1 ? -p->boundary : 0);
    return conjuncts_add(r, &p->side[side], e);
}

/* What an OR over both sides says about one of them goes there too. */
static status
add_implied(rewriter *r, join_parts *p, const expr *e, int32_t width) {
    for (int32_t side = 0; side < 2; side++) {
        expr *implied = NULL;
        if (own_sinks(p->kind, side)) {
            TRY(expr_implied(r, e, side == 0 ? 0 : p->boundary, side == 0 ? p->boundary : width,
                             &implied));
        }
        if (implied != NULL) {
            TRY(add_to_side(r, p, side, implied));
        }
    }
    return OK;
}

/* A constant that is not true keeps all rows of the sides that may be dropped. */
static status
sort_out_constant(rewriter *r, join_parts *p, expr *e) {
    bool sank = false;
    for (int32_t side = 0; side < 2; side++) {
        if (own_sinks(p->kind, side)) {
            expr *copy = expr_copy(r->arena, e);
            TRY(copy == NULL ? error_memory(r->err) : OK);
            TRY(conjuncts_add(r, &p->side[side], copy));
            sank = true;
        }
    }
    return sank ? OK : conjuncts_add(r, &p->residual, e);
}

static status
sort_out_own(rewriter *r, join_parts *p, expr *e, int32_t width) {
    const reach s = reach_of(e, p->boundary);
    if (expr_is_volatile(e)) {
        return conjuncts_add(r, p->kind == JOIN_INNER ? &p->above : &p->residual, e);
    }
    if (!s.below && !s.above) {
        return sort_out_constant(r, p, e);
    }
    if (!s.below || !s.above) {
        const int32_t side = s.above;
        return own_sinks(p->kind, side) ? add_to_side(r, p, side, e)
                                        : conjuncts_add(r, &p->residual, e);
    }
    if (take_key(p, e)) {
        return OK;
    }
    TRY(add_implied(r, p, e, width));
    return conjuncts_add(r, &p->residual, e);
}

static status
sort_out_list(rewriter *r, join_parts *p, expr *e) {
    const reach s = reach_of(e, p->boundary);
    if (!expr_is_volatile(e) && s.below != s.above && (join_shows_right(p->kind) || s.below) &&
        list_sinks(p->kind, s.above)) {
        return add_to_side(r, p, s.above, e);
    }
    if (!expr_is_volatile(e) && !s.below && !s.above) {
        for (int32_t side = 0; side < 2; side++) {
            if (list_sinks(p->kind, side)) {
                return conjuncts_add(r, &p->side[side], e);
            }
        }
    }
    return conjuncts_add(r, &p->above, e);
}

/* ---- conditions that hold on the other side of a key too */

typedef struct one_column {
    int32_t number; /* -1: none yet */
    bool    several;
} one_column;

static void
note_one(void *arg, int32_t *number) {
    one_column *c = arg;
    c->several = c->several || (c->number >= 0 && c->number != *number);
    c->number = *number;
}

/* A test of a column against constants: it cannot fail on rows that it did not meet before. */
static bool
is_plain_test(const expr *e) {
    if (e->kind != EXPR_IN && (e->kind != EXPR_CALL || e->type.id != TYPE_BOOL)) {
        return false;
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (e->args[i]->kind != EXPR_COLUMN && e->args[i]->kind != EXPR_CONSTANT) {
            return false;
        }
    }
    return true;
}

static status
carry_over(rewriter *r, join_parts *p, int32_t side, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        expr      *e = p->side[side].items[i];
        one_column c = {.number = -1};
        expr_visit_columns(e, note_one, &c);
        const bool usable = c.number >= 0 && !c.several && is_plain_test(e);
        for (int32_t k = 0; k < p->key_count && usable; k++) {
            const expr *own = p->keys[side][k], *other = p->keys[!side][k];
            if (own->kind != EXPR_COLUMN || own->column != c.number || other->kind != EXPR_COLUMN) {
                continue;
            }
            expr *copy = expr_copy(r->arena, e);
            TRY(copy == NULL ? error_memory(r->err) : OK);
            expr_shift(copy, other->column - c.number);
            bool known = false;
            for (int32_t m = 0; m < p->side[!side].count && !known; m++) {
                known = expr_equal(p->side[!side].items[m], copy);
            }
            if (!known) {
                TRY(conjuncts_add(r, &p->side[!side], copy));
            }
        }
    }
    return OK;
}

/* ---- the join over its new inputs */

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
    const int32_t grown = n->inputs[0]->schema.count - left_width;
    const int32_t count = n->schema.count;
    const field  *old = n->schema.fields;
    const bool    wider = grown > 0 || n->inputs[1]->schema.count > right_width;
    const int32_t room = left_width + right_width + 1;
    int32_t      *map = arena_alloc(r->arena, (size_t)room * sizeof(*map));
    expr        **exprs = arena_alloc(r->arena, (size_t)room * sizeof(*exprs));
    *out = n;
    if (map == NULL || exprs == NULL || !node_join_schema(n, r->arena)) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < room; i++) {
        map[i] = i < left_width ? i : i + grown;
    }
    if (n->predicate != NULL) {
        expr_remap(n->predicate, map);
    }
    if (!wider) {
        return OK;
    }
    for (int32_t i = 0; i < count; i++) {
        exprs[i] = expr_column(r->arena, map[i], old[i].type, -1);
        if (exprs[i] == NULL) {
            return error_memory(r->err);
        }
    }
    *out = node_project(r->arena, n, exprs, count);
    return *out == NULL ? error_memory(r->err) : OK;
}

/* ---- marks */

static bool
is_column(const expr *e, int32_t number) {
    return e->kind == EXPR_COLUMN && e->column == number;
}

/* A condition that is the mark, or that there is none, makes the join SEMI or ANTI; the mark is
 * then a constant. */
static status
use_mark(rewriter *r, plan_node *n, conjuncts *list, plan_node **out) {
    const int32_t mark = n->schema.count - 1;
    int32_t       at = 0;
    *out = n;
    while (at < list->count && !is_column(list->items[at], mark) &&
           !(list->items[at]->kind == EXPR_NOT && is_column(list->items[at]->args[0], mark))) {
        at++;
    }
    if (at == list->count) {
        return OK;
    }
    const bool semi = list->items[at]->kind == EXPR_COLUMN;
    list->items[at] = list->items[--list->count];
    n->join = semi ? JOIN_SEMI : JOIN_ANTI;
    if (!node_join_schema(n, r->arena)) {
        return error_memory(r->err);
    }
    const value truth = {.type = type_of(TYPE_BOOL), .b = semi};
    expr       *known = expr_constant(r->arena, &truth, -1);
    *out = known == NULL ? NULL : node_extend(r->arena, n, &known, 1);
    return *out == NULL ? error_memory(r->err) : OK;
}

static status
sort_out(rewriter *r, plan_node *node, join_parts *p, const conjuncts *list) {
    conjuncts     own = {0};
    const int32_t width = p->boundary + node->inputs[1]->schema.count;
    if (node->predicate != NULL) {
        TRY(conjuncts_split(r, &own, node->predicate));
    }
    const size_t room = (size_t)(own.count + list->count + 1);
    for (int32_t side = 0; side < 2; side++) {
        p->keys[side] = arena_alloc(r->arena, room * sizeof(expr *));
    }
    p->null_safe = arena_alloc_zero(r->arena, room * sizeof(bool));
    if (p->keys[0] == NULL || p->keys[1] == NULL || p->null_safe == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < own.count; i++) {
        TRY(sort_out_own(r, p, own.items[i], width));
    }
    for (int32_t i = 0; i < list->count; i++) {
        TRY(p->kind == JOIN_INNER ? sort_out_own(r, p, list->items[i], width)
                                  : sort_out_list(r, p, list->items[i]));
    }
    const int32_t counts[2] = {p->side[0].count, p->side[1].count};
    for (int32_t side = 0; side < 2; side++) {
        if (follows(p->kind, !side)) {
            TRY(carry_over(r, p, side, counts[side]));
        }
    }
    return OK;
}

status
push_join(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    const int32_t left_width = node->inputs[0]->schema.count;
    const int32_t right_width = node->inputs[1]->schema.count;
    if (node->join == JOIN_INNER && !node->ordered) {
        bool done;
        TRY(order_joins(r, node, list, out, &done));
        if (done) {
            return OK;
        }
    }
    if (node->join == JOIN_MARK) {
        TRY(use_mark(r, node, list, out));
        if (*out != node) {
            return push_conditions(r, *out, list, out);
        }
    }
    if (node->join == JOIN_SEMI || node->join == JOIN_ANTI) {
        bool done;
        TRY(sink_semi(r, node, out, &done));
        if (done) {
            return push_conditions(r, *out, list, out);
        }
    }
    make_stricter(node, list, left_width);
    join_parts p = {.kind = node->join, .boundary = left_width};
    TRY(sort_out(r, node, &p, list));
    for (int32_t side = 0; side < 2; side++) {
        TRY(push_conditions(r, node->inputs[side], &p.side[side], &node->inputs[side]));
    }
    node->predicate = NULL;
    if (p.residual.count > 0) {
        TRY(conjuncts_join(r, &p.residual, &node->predicate));
    }
    bool any_safe = false;
    for (int32_t i = 0; i < p.key_count; i++) {
        any_safe = any_safe || p.null_safe[i];
    }
    node->key_count = p.key_count;
    node->null_safe = any_safe ? p.null_safe : NULL;
    TRY(place_keys(r, &node->inputs[0], p.keys[0], p.key_count, &node->left_keys));
    TRY(place_keys(r, &node->inputs[1], p.keys[1], p.key_count, &node->right_keys));
    plan_node *whole;
    TRY(widen(r, node, left_width, right_width, &whole));
    return conjuncts_above(r, whole, &p.above, out);
}
