/* SPDX-License-Identifier: Apache-2.0 */
/* bind_asof.c - ASOF joins: of the right rows with equal keys the one nearest in the order of the
 * match, l.ts >= r.ts and the like.
 *
 * The match is the inequality of ON, the condition of MATCH_CONDITION, or the last column of USING,
 * which then means >=. NEAREST(l.ts, r.ts) stands where an inequality may. The node's inputs are
 * extended by what keys and match compute; a PROJECT above takes it away again. */
#include "plan/bind.h"

#include "plan/node.h"

typedef struct asof {
    binder         *b;
    const ast_from *from;
    const scope    *scope;
    int32_t         boundary; /* columns of the left side */
    int32_t         key_count, capacity;
    expr          **left_keys, **right_keys; /* each over its own side */
    expr           *left_time, *right_time;  /* NULL: no match yet */
    plan_match      match;
} asof;

/* ---- sides */

typedef struct reach {
    int32_t boundary;
    bool    left, right;
} reach;

static void
note_side(void *arg, int32_t *number) {
    reach *r = arg;
    r->left = r->left || *number < r->boundary;
    r->right = r->right || *number >= r->boundary;
}

static void
move_left(void *arg, int32_t *number) {
    const int32_t *by = arg;
    *number -= *by;
}

/* Sorts a pair into left and right, each over its own side; *swapped: y was the left one. False: it
 * is not one of each. */
static bool
split_sides(const asof *a, expr *x, expr *y, expr **left, expr **right, bool *swapped) {
    reach   p = {.boundary = a->boundary}, q = {.boundary = a->boundary};
    int32_t by = a->boundary;
    expr_visit_columns(x, note_side, &p);
    expr_visit_columns(y, note_side, &q);
    if (p.left == p.right || q.left == q.right || p.left == q.left) {
        return false;
    }
    *swapped = p.right;
    *left = p.left ? x : y;
    *right = p.left ? y : x;
    expr_visit_columns(*right, move_left, &by);
    return true;
}

/* ---- terms */

static status
refuse_term(const asof *a, int32_t position) {
    error_set_at(a->b->err, ERR_QUERY_FAILED, position,
                 "ASOF JOIN takes equalities of columns of both sides and one inequality");
    error_hint(a->b->err, "test one side alone in WHERE, or in a subquery before the join");
    return ERR_QUERY_FAILED;
}

static status
add_match(asof *a, plan_match match, expr *left, expr *right, int32_t position) {
    if (a->left_time != NULL) {
        error_set_at(a->b->err, ERR_QUERY_FAILED, position, "ASOF JOIN has more than one match");
        error_hint(a->b->err, "one inequality picks the row; others can be tested in WHERE");
        return ERR_QUERY_FAILED;
    }
    a->match = match;
    a->left_time = left;
    a->right_time = right;
    return OK;
}

static bool
is_inequality(const char *name, plan_match *out) {
    static const struct {
        const char *name;
        plan_match  match;
    } names[] = {{">=", MATCH_GREATER_EQUAL},
                 {">", MATCH_GREATER},
                 {"<=", MATCH_LESS_EQUAL},
                 {"<", MATCH_LESS}};
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(name, names[i].name) == 0) {
            *out = names[i].match;
            return true;
        }
    }
    return false;
}

static plan_match
mirrored(plan_match match) {
    static const plan_match other[] = {[MATCH_GREATER_EQUAL] = MATCH_LESS_EQUAL,
                                       [MATCH_GREATER] = MATCH_LESS,
                                       [MATCH_LESS_EQUAL] = MATCH_GREATER_EQUAL,
                                       [MATCH_LESS] = MATCH_GREATER,
                                       [MATCH_NEAREST] = MATCH_NEAREST};
    return other[match];
}

/* A bound term: l = r, or l >= r. */
static status
take_term(asof *a, expr *e, bool equality_is_match) {
    expr      *left, *right;
    bool       swapped;
    plan_match match = MATCH_GREATER_EQUAL;
    if (e->kind != EXPR_CALL || e->arg_count != 2) {
        return refuse_term(a, e->position);
    }
    const char *name = function_name(e->function);
    const bool  equal = strcmp(name, "=") == 0;
    if ((!equal && !is_inequality(name, &match)) ||
        !split_sides(a, e->args[0], e->args[1], &left, &right, &swapped)) {
        return refuse_term(a, e->position);
    }
    if (!equal || equality_is_match) {
        return add_match(a, swapped ? mirrored(match) : match, left, right, e->position);
    }
    a->left_keys[a->key_count] = left;
    a->right_keys[a->key_count++] = right;
    return OK;
}

static int32_t
count_terms(const ast_expr *e) {
    const bool is_and = e->kind == AST_BINARY && text_equal(e->op, TEXT("AND"));
    return is_and ? count_terms(e->args[0]) + count_terms(e->args[1]) : 1;
}

static status
bind_nearest(asof *a, context *c, const ast_expr *e) {
    expr *pair[2], *left, *right;
    bool  swapped;
    for (int32_t i = 0; i < 2; i++) {
        TRY(bind_expr(&pair[i], c, e->args[i]));
    }
    if (!split_sides(a, pair[0], pair[1], &left, &right, &swapped)) {
        return refuse_term(a, e->position);
    }
    return add_match(a, MATCH_NEAREST, left, right, e->position);
}

static status
bind_terms(asof *a, context *c, const ast_expr *e) {
    if (e->kind == AST_BINARY && text_equal(e->op, TEXT("AND"))) {
        TRY(bind_terms(a, c, e->args[0]));
        return bind_terms(a, c, e->args[1]);
    }
    if (ast_is_call(e, "nearest") && e->arg_count == 2) {
        return bind_nearest(a, c, e);
    }
    expr *term;
    TRY(bind_condition(&term, c, e));
    return take_term(a, term, false);
}

/* ---- types */

static status
unify_pair(asof *a, expr **left, expr **right, const char *what) {
    expr *both[2] = {*left, *right};
    TRY(bind_unify(a->b, both, 2, what));
    *left = both[0];
    *right = both[1];
    return OK;
}

/* The match is compared as BIGINT, DOUBLE or a time. */
static status
type_match(asof *a) {
    binder *b = a->b;
    TRY(unify_pair(a, &a->left_time, &a->right_time, "the match of ASOF JOIN"));
    data_type t = a->left_time->type;
    if (!type_is_numeric(t) && !type_is_time(t) && t.id != TYPE_DATE) {
        error_set_at(b->err, ERR_QUERY_FAILED, a->from->right->position,
                     "the match of ASOF JOIN compares numbers or times, not %s", type_name(t));
        return ERR_QUERY_FAILED;
    }
    t = type_is_integer(t) ? type_of(TYPE_I64) : t.id == TYPE_DATE ? type_of(TYPE_TIMESTAMP) : t;
    TRY(cast_expr(&a->left_time, b, t));
    return cast_expr(&a->right_time, b, t);
}

/* In the unit of the match. */
static status
bind_tolerance(value *out, asof *a) {
    binder         *b = a->b;
    const ast_expr *e = a->from->tolerance;
    const data_type t = a->left_time->type;
    *out = value_null(TYPE_I64);
    if (e == NULL) {
        return OK;
    }
    if (type_is_time(t)) {
        int64_t us;
        TRY(bind_duration(&us, b, e, "TOLERANCE"));
        *out = value_i64(us < 0 ? us : type_time_from_us(t, us));
    } else {
        TRY(bind_constant(out, b, e, "TOLERANCE"));
        if (!out->is_null && out->type.id == TYPE_INTERVAL && t.id == TYPE_I64) {
            *out = value_i64((int64_t)(interval_total_us(&out->iv) / 1000)); /* epoch ms */
        }
        if (out->is_null || !type_is_numeric(out->type) ||
            (t.id == TYPE_I64 && out->type.id == TYPE_F64)) {
            return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                                "TOLERANCE must be a distance of %s, not %s", type_name(t),
                                out->is_null ? "NULL" : type_name(out->type));
        }
        if (t.id == TYPE_F64 && out->type.id != TYPE_F64) {
            *out = (value){.type = t, .d = (double)out->i};
        }
    }
    if (out->type.id == TYPE_F64 ? !(out->d >= 0) : out->i < 0) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "TOLERANCE must not be negative");
    }
    return OK;
}

/* ---- the node */

/* Columns of `exprs` in *side, which grows by those that are computed. */
static status
place_columns(int32_t *out, binder *b, plan_node **side, expr **exprs, int32_t count) {
    const int32_t width = (*side)->schema.count;
    int32_t       extra_count = 0;
    expr        **extra;
    TRY(make_args(&extra, b, count));
    for (int32_t i = 0; i < count; i++) {
        if (exprs[i]->kind == EXPR_COLUMN) {
            out[i] = exprs[i]->column;
        } else {
            out[i] = width + extra_count;
            extra[extra_count++] = exprs[i];
        }
    }
    if (extra_count > 0) {
        *side = node_extend(b->arena, *side, extra, extra_count);
    }
    return *side == NULL ? out_of_memory(b) : OK;
}

/* The columns that the join had before its sides were extended. */
static status
narrow(plan_node **node, binder *b, int32_t left_width, int32_t right_width) {
    plan_node    *n = *node;
    const int32_t left = n->inputs[0]->schema.count;
    if (n->schema.count == left_width + right_width) {
        return OK;
    }
    expr **exprs;
    TRY(make_args(&exprs, b, left_width + right_width));
    for (int32_t i = 0; i < left_width + right_width; i++) {
        const int32_t at = i < left_width ? i : left + i - left_width;
        exprs[i] = make_column(b, at, n->schema.fields[at].type, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
    }
    *node = node_project(b->arena, n, exprs, left_width + right_width);
    return *node == NULL ? out_of_memory(b) : OK;
}

status
asof_node(plan_node **out, binder *b, plan_node *left, plan_node *right, expr **left_keys,
          expr **right_keys, int32_t key_count, plan_match match, plan_join_kind join,
          const value *tolerance) {
    const int32_t left_width = left->schema.count, right_width = right->schema.count;
    const int32_t count = key_count + 1;
    int32_t      *left_columns = arena_alloc(b->arena, (size_t)count * sizeof(*left_columns));
    int32_t      *right_columns = arena_alloc(b->arena, (size_t)count * sizeof(*right_columns));
    if (left_columns == NULL || right_columns == NULL) {
        return out_of_memory(b);
    }
    TRY(place_columns(left_columns, b, &left, left_keys, count));
    TRY(place_columns(right_columns, b, &right, right_keys, count));
    plan_node *n = node_new(b->arena, PLAN_ASOF, 2, left->schema.count + right->schema.count);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->inputs[0] = left;
    n->inputs[1] = right;
    n->join = join;
    n->match = match;
    n->key_count = key_count;
    n->left_keys = left_columns; /* and behind them the column of the match */
    n->right_keys = right_columns;
    n->tolerance = *tolerance;
    node_asof_fields(n);
    *out = n;
    return narrow(out, b, left_width, right_width);
}

static status
make_node(plan_node **out, asof *a, plan_node *left, plan_node *right) {
    value tolerance;
    TRY(bind_tolerance(&tolerance, a));
    a->left_keys[a->key_count] = a->left_time;
    a->right_keys[a->key_count] = a->right_time;
    return asof_node(out, a->b, left, right, a->left_keys, a->right_keys, a->key_count, a->match,
                     a->from->join == AST_JOIN_LEFT ? JOIN_LEFT : JOIN_INNER, &tolerance);
}

status
bind_asof(plan_node **out, const scope *s, binder *b, const ast_from *from, plan_node *left,
          plan_node *right, expr *predicate) {
    asof    a = {.b = b, .from = from, .scope = s, .boundary = left->schema.count};
    context c = {.binder = b, .scope = s, .clause = "ASOF JOIN"};
    if (from->join != AST_JOIN_INNER && from->join != AST_JOIN_LEFT) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->right->position, "ASOF JOIN is inner or LEFT");
        error_hint(b->err, "exchange the tables and the match: r ASOF LEFT JOIN l");
        return ERR_QUERY_FAILED;
    }
    const int32_t terms = 2 + from->using_count + (from->on == NULL ? 0 : count_terms(from->on)) +
                          (from->match == NULL ? 0 : count_terms(from->match));
    TRY(make_args(&a.left_keys, b, terms));
    TRY(make_args(&a.right_keys, b, terms));
    if (predicate != NULL) { /* of USING */
        const bool    many = predicate->kind == EXPR_AND;
        const int32_t count = many ? predicate->arg_count : 1;
        for (int32_t i = 0; i < count; i++) {
            const bool last = i == count - 1 && from->match == NULL;
            TRY(take_term(&a, many ? predicate->args[i] : predicate, last));
        }
    }
    TRY(from->on == NULL ? OK : bind_terms(&a, &c, from->on));
    TRY(from->match == NULL ? OK : bind_terms(&a, &c, from->match));
    if (a.left_time == NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->right->position,
                     "ASOF JOIN needs one inequality between its sides");
        error_hint(b->err,
                   "write ON l.k = r.k AND l.ts >= r.ts, or MATCH_CONDITION (l.ts >= r.ts)");
        return ERR_QUERY_FAILED;
    }
    for (int32_t i = 0; i < a.key_count; i++) {
        TRY(unify_pair(&a, &a.left_keys[i], &a.right_keys[i], "a key of ASOF JOIN"));
    }
    TRY(type_match(&a));
    return make_node(out, &a, left, right);
}
