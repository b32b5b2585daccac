/* SPDX-License-Identifier: Apache-2.0 */
/* bind_version.c - table FOR SYSTEM_TIME AS OF time: the rows that the table had then.
 *
 * The scan gives all versions of the table's rows with two columns that cannot be named: from when
 * the row was there, and until when. The time is compared with both: in the condition of the join
 * where it is one of the left side's, in a filter where it is a constant. A join on the primary key
 * has at most one version at a time, which ASOF finds by order instead of looking at all. */
#include "plan/bind.h"

#include "plan/node.h"
#include "plan/unnest.h"

#define HIDDEN_FROM ((text){"\0from", 5})
#define HIDDEN_UNTIL ((text){"\0until", 6})

status
check_version(binder *b, const ast_from *from, const object *o) {
    if (from->as_of == NULL || o->kind == OBJECT_TABLE) {
        return OK;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, from->position,
                 "FOR SYSTEM_TIME AS OF is about a TABLE, whose rows change, and \"%.*s\" is a %s",
                 TEXT_ARG(o->name), object_kind_name(o->kind));
    return error_hint(b->err,
                      "for the newest row at or before a time: ASOF JOIN %.*s "
                      "MATCH_CONDITION (left.time >= right.time)",
                      TEXT_ARG(o->name));
}

void
version_columns(plan_node *scan) {
    const field time = {.name = TEXT(""), .type = type_of(TYPE_TIMESTAMP)};
    for (int32_t i = 0; i < VERSION_COLUMNS; i++) {
        const int32_t at = scan->schema.count - VERSION_COLUMNS + i;
        scan->column_map[at] = i == 0 ? SCAN_ARRIVAL : SCAN_DEPARTURE;
        scan->schema.fields[at] = time;
        scan->schema.fields[at].name = i == 0 ? TEXT("from") : TEXT("until");
    }
    scan->versions = true;
}

void
scope_hide_versions(scope *s) {
    s->columns[s->count - 2].name = HIDDEN_FROM;
    s->columns[s->count - 1].name = HIDDEN_UNTIL;
    s->star_count -= VERSION_COLUMNS;
}

/* BIGINT in its unit as a TIMESTAMP. */
static status
time_of_bigint(expr **e, binder *b) {
    static const struct {
        const char *name;
        int64_t     factor;
    } makers[] = {[TIME_UNIT_MS] = {"make_timestamp_ms", 1},
                  [TIME_UNIT_S] = {"make_timestamp_ms", 1000},
                  [TIME_UNIT_US] = {"make_timestamp", 1},
                  [TIME_UNIT_NS] = {"make_timestamp_ns", 1}};
    const int32_t position = (*e)->position;
    const int32_t unit = (*e)->type.id == TYPE_I64 ? (*e)->type.precision : TIME_UNIT_MS;
    expr        **args;
    TRY(cast_expr(e, b, type_of(TYPE_I64)));
    if (makers[unit].factor != 1) {
        const value factor = value_i64(makers[unit].factor);
        TRY(make_args(&args, b, 2));
        args[0] = *e;
        args[1] = make_constant(b, &factor, position);
        TRY(args[1] == NULL ? out_of_memory(b) : OK);
        TRY(bind_call_named(e, b, TEXT("*"), args, 2, position));
    }
    TRY(make_args(&args, b, 1));
    args[0] = *e;
    return bind_call_named(e, b, text_of(makers[unit].name), args, 1, position);
}

static status
bind_time(expr **out, binder *b, const scope *s, const ast_expr *as_of) {
    context c = {.binder = b, .scope = s, .clause = "FOR SYSTEM_TIME AS OF"};
    TRY(bind_expr(out, &c, as_of));
    const data_type t = (*out)->type;
    if (type_is_integer(t) && type_casts_implicitly(t, type_of(TYPE_I64))) {
        TRY(time_of_bigint(out, b));
    } else if (!type_is_time(t) && t.id != TYPE_DATE && !is_text_literal(*out)) {
        error_set_at(b->err, ERR_QUERY_FAILED, as_of->position,
                     "FOR SYSTEM_TIME AS OF needs a time, and this is %s", type_name(t));
        return error_hint(b->err, "a time is TIMESTAMP of any unit, or BIGINT as epoch "
                                  "milliseconds: AS OF o.ts, AS OF PROCTIME()");
    }
    return cast_expr(out, b, type_of(TYPE_TIMESTAMP));
}

/* from <= time AND time < until; `at`: the number of from. */
static status
version_test(version_time *v, binder *b, expr *time, int32_t at, int32_t position) {
    expr *bounds[VERSION_COLUMNS], *other, *again;
    for (int32_t i = 0; i < VERSION_COLUMNS; i++) {
        bounds[i] = make_column(b, at + i, type_of(TYPE_TIMESTAMP), position);
        TRY(bounds[i] == NULL ? out_of_memory(b) : OK);
    }
    TRY(copy_expr(&other, b, time));
    TRY(copy_expr(&again, b, time));
    v->time = again;
    TRY(bind_compare(&v->began, b, "<=", bounds[0], time, position));
    TRY(bind_compare(&v->lasts, b, "<", other, bounds[1], position));
    return both_conditions(&v->test, b, v->began, v->lasts);
}

status
bind_version_alone(plan_node **node, binder *b, const ast_from *from) {
    static const scope nothing = {.count = 0};
    expr              *time;
    version_time       v;
    error              plain = {.position = -1};
    error             *told = b->err;
    if (from->as_of == NULL) {
        return OK;
    }
    b->err = &plain;
    const status bound = bind_time(&time, b, &nothing, from->as_of);
    b->err = told;
    if (bound < 0) {
        if (told != NULL) {
            *told = plain;
        }
        return bound == ERR_OUT_OF_MEMORY || plain.hint[0] != '\0'
                   ? bound
                   : error_hint(b->err,
                                "a time of another table's rows: FROM other JOIN %.*s FOR "
                                "SYSTEM_TIME AS OF other.time ON ...",
                                TEXT_ARG(from->name.text));
    }
    const int32_t at = (*node)->schema.count - VERSION_COLUMNS;
    TRY(version_test(&v, b, time, at, from->as_of->position));
    *node = node_filter(b->arena, *node, v.test);
    return *node == NULL ? out_of_memory(b) : OK;
}

status
bind_version_joined(version_time *out, plan_node *join, binder *b, const ast_from *from,
                    const scope *lhs) {
    const ast_from *table = from->right;
    const int32_t   position = table->as_of->position;
    const int32_t   at = lhs->count + join->inputs[1]->schema.count - VERSION_COLUMNS;
    expr           *time;
    *out = (version_time){.test = NULL};
    TRY(bind_time(&time, b, lhs, table->as_of));
    if (from->asof) {
        return error_set_at(b->err, ERR_QUERY_FAILED, position,
                            "a join is either ASOF or FOR SYSTEM_TIME AS OF");
    }
    if (expr_is_constant(time)) {
        TRY(version_test(out, b, time, at - lhs->count, position));
        join->inputs[1] = node_filter(b->arena, join->inputs[1], out->test);
        *out = (version_time){.test = NULL};
        return join->inputs[1] == NULL ? out_of_memory(b) : OK;
    }
    if (from->join == AST_JOIN_RIGHT || from->join == AST_JOIN_FULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, position,
                     "a %s JOIN also shows what has no row on the left, and then there is no time",
                     from->join == AST_JOIN_RIGHT ? "RIGHT" : "FULL");
        return error_hint(b->err, "use LEFT JOIN or JOIN, or a constant time");
    }
    return version_test(out, b, time, at, position);
}

/* ---- joins on the primary key */

typedef struct keyed {
    const version_time *time;
    int32_t             left; /* columns of the left side */
    int32_t             count;
    expr               *left_keys[KEYS_MAX + 1], *right_keys[KEYS_MAX + 1];
    expr               *rest; /* conditions that are no equality of both sides */
} keyed;

typedef struct sides {
    int32_t boundary;
    bool    left, right;
} sides;

static void
note_side(void *arg, int32_t *number) {
    sides *s = arg;
    s->left |= *number < s->boundary;
    s->right |= *number >= s->boundary;
}

/* left = column of the table */
static bool
is_key_test(const keyed *k, expr *e, expr **left, expr **right) {
    if (e->kind != EXPR_CALL || e->arg_count != 2 || strcmp(function_name(e->function), "=") != 0) {
        return false;
    }
    for (int32_t i = 0; i < 2; i++) {
        sides s = {.boundary = k->left};
        *left = e->args[i];
        *right = e->args[1 - i];
        expr_visit_columns(*left, note_side, &s);
        if (s.left && !s.right && (*right)->kind == EXPR_COLUMN && (*right)->column >= k->left) {
            return true;
        }
    }
    return false;
}

static status
take_terms(keyed *k, binder *b, expr *e) {
    expr *left, *right;
    if (e == k->time->began || e == k->time->lasts) {
        return OK;
    }
    if (e->kind == EXPR_AND) {
        for (int32_t i = 0; i < e->arg_count; i++) {
            TRY(take_terms(k, b, e->args[i]));
        }
        return OK;
    }
    if (k->count == KEYS_MAX || !is_key_test(k, e, &left, &right)) {
        return both_conditions(&k->rest, b, k->rest, e);
    }
    k->left_keys[k->count] = left;
    k->right_keys[k->count++] = right;
    return OK;
}

/* The columns that are compared hold the table's primary key. */
static bool
holds_key(const keyed *k, const plan_node *scan) {
    const object *o = scan->object;
    for (int32_t d = 0; d < o->key_def_count; d++) {
        int32_t found = 0;
        for (int32_t c = 0; o->key_defs[d].primary && c < o->key_defs[d].column_count; c++) {
            for (int32_t i = 0; i < k->count; i++) {
                const int32_t at = scan->column_map[k->right_keys[i]->column - k->left];
                if (at == o->key_defs[d].columns[c]) {
                    found++;
                    break;
                }
            }
        }
        if (found > 0 && found == o->key_defs[d].column_count) {
            return true;
        }
    }
    return false;
}

/* CASE WHEN is_match THEN yes ELSE no END */
static status
choose(expr **out, binder *b, expr *is_match, expr *yes, const value *no) {
    expr **branches;
    TRY(make_args(&branches, b, 3));
    TRY(copy_expr(&branches[0], b, is_match));
    branches[1] = yes;
    branches[2] = make_constant(b, no, -1);
    TRY(yes == NULL || branches[2] == NULL ? out_of_memory(b) : OK);
    *out = make(b, EXPR_CASE, yes->type, branches, 3, -1);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* The first `count` columns; LEFT: those of the right are NULL where the version is no match. */
static status
show_columns(plan_node **node, binder *b, const keyed *k, int32_t count, expr *is_match) {
    const plan_node *n = *node;
    expr           **exprs;
    TRY(make_args(&exprs, b, count));
    for (int32_t i = 0; i < count; i++) {
        const data_type t = n->schema.fields[i].type;
        const value     null = {.type = t, .is_null = true};
        exprs[i] = make_column(b, i, t, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
        TRY(i < k->left ? OK : choose(&exprs[i], b, is_match, exprs[i], &null));
    }
    *node = node_project(b->arena, *node, exprs, count);
    return *node == NULL ? out_of_memory(b) : OK;
}

/* ANTI: rows without a match. */
static status
show_unmatched(plan_node **node, binder *b, expr *is_match) {
    const value no = {.type = type_of(TYPE_BOOL)};
    const value yes = {.type = type_of(TYPE_BOOL), .b = true};
    expr       *is_shown;
    TRY(choose(&is_shown, b, is_match, make_constant(b, &no, -1), &yes));
    *node = node_filter(b->arena, *node, is_shown);
    return *node == NULL ? out_of_memory(b) : OK;
}

/* The newest version that had begun is found by order; a match it is if it lasts and holds what
 * else is asked. */
status
version_by_order(plan_node **node, binder *b, const version_time *v) {
    plan_node           *join = *node, *scan = join->inputs[1];
    const plan_join_kind kind = join->join;
    const bool           left_alone = kind == JOIN_SEMI || kind == JOIN_ANTI;
    const bool           padded = kind == JOIN_LEFT || kind == JOIN_ANTI;
    const value          none = value_null(TYPE_I64);
    keyed                k = {.time = v, .left = join->inputs[0]->schema.count};
    const int32_t        position = v->time->position;
    if ((kind != JOIN_INNER && !left_alone && !padded) || scan->kind != PLAN_SCAN) {
        return OK;
    }
    TRY(take_terms(&k, b, join->predicate));
    if (k.count == 0 || !holds_key(&k, scan)) {
        return OK;
    }
    for (int32_t i = 0; i < k.count; i++) {
        k.right_keys[i] =
            make_column(b, k.right_keys[i]->column - k.left, k.right_keys[i]->type, position);
        TRY(k.right_keys[i] == NULL ? out_of_memory(b) : OK);
    }
    k.left_keys[k.count] = v->time;
    k.right_keys[k.count] =
        make_column(b, scan->schema.count - VERSION_COLUMNS, type_of(TYPE_TIMESTAMP), position);
    TRY(k.right_keys[k.count] == NULL ? out_of_memory(b) : OK);
    TRY(asof_node(node, b, join->inputs[0], scan, k.left_keys, k.right_keys, k.count,
                  MATCH_GREATER_EQUAL, padded ? JOIN_LEFT : JOIN_INNER, &none));
    TRY(both_conditions(&k.rest, b, k.rest, v->lasts));
    if (kind == JOIN_LEFT) {
        return show_columns(node, b, &k, (*node)->schema.count, k.rest);
    }
    if (kind == JOIN_ANTI) {
        TRY(show_unmatched(node, b, k.rest));
    } else {
        *node = node_filter(b->arena, *node, k.rest);
        TRY(*node == NULL ? out_of_memory(b) : OK);
    }
    return left_alone ? show_columns(node, b, &k, k.left, k.rest) : OK;
}
