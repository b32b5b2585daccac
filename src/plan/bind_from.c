/* SPDX-License-Identifier: Apache-2.0 */
/* bind_from.c - FROM to scans and joins. A join leaves here with its whole condition as predicate;
 * plan_push_down finds the keys. */
#include "plan/bind.h"

#include "plan/node.h"

static status
remember_object(binder *b, object *o) {
    for (int32_t i = 0; i < b->object_count; i++) {
        if (b->objects[i] == o) {
            return OK;
        }
    }
    if (b->object_count == b->object_capacity) {
        const int32_t capacity = b->object_capacity == 0 ? 4 : b->object_capacity * 2;
        object      **grown = arena_alloc(b->arena, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return out_of_memory(b);
        }
        if (b->object_count > 0) {
            memcpy(grown, b->objects, (size_t)b->object_count * sizeof(*grown));
        }
        b->objects = grown;
        b->object_capacity = capacity;
    }
    b->objects[b->object_count++] = o;
    return OK;
}

static status
bind_table(plan_node **out, scope *s, binder *b, const ast_from *from) {
    object *o;
    bool    done;
    TRY(bind_cte(out, s, b, from, &done));
    if (done) {
        return OK;
    }
    TRY(catalog_need(&o, b->catalog, from->name.text, from->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     "Table", from->name.position, b->err));
    TRY(remember_object(b, o));
    const int32_t count = o->schema->count;
    plan_node    *n = node_new(b->arena, PLAN_SCAN, 0, count);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->object = o;
    n->column_map = arena_alloc(b->arena, (size_t)count * sizeof(*n->column_map));
    if (n->column_map == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        n->column_map[i] = i;
        n->schema.fields[i] = o->schema->fields[i];
    }
    *out = n;
    return scope_of_node(s, b, n, from->alias.text.data != NULL ? from->alias.text : o->name);
}

static status
bind_subquery(plan_node **out, scope *s, binder *b, const ast_from *from) {
    TRY(bind_query(out, b, from->query));
    return scope_of_node(s, b, *out, from->alias.text);
}

static status
check_tables(binder *b, const scope *lhs, const scope *rhs, int32_t position) {
    text last = {NULL, 0};
    for (int32_t j = 0; j < rhs->count; j++) {
        const text table = rhs->columns[j].table;
        if (table.size == 0 || (last.data != NULL && text_equal(last, table))) {
            continue;
        }
        last = table;
        for (int32_t i = 0; i < lhs->count; i++) {
            if (!text_equal_nocase(lhs->columns[i].table, table)) {
                continue;
            }
            error_set_at(b->err, ERR_QUERY_FAILED, position,
                         "table name \"%.*s\" stands twice in FROM", TEXT_ARG(table));
            error_hint(b->err, "give one of them an alias: %.*s AS other", TEXT_ARG(table));
            return ERR_QUERY_FAILED;
        }
    }
    return OK;
}

static status
using_column(int32_t *out, binder *b, const scope *s, const ast_name *name, const char *side) {
    const ast_name none = {.text = {NULL, 0}};
    TRY(scope_find(out, b, s, &none, name));
    if (*out >= 0) {
        return OK;
    }
    text *names = arena_alloc(b->arena, (size_t)s->count * sizeof(*names));
    if (names == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < s->count; i++) {
        names[i] = s->columns[i].name;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                 "column \"%.*s\" of USING does not exist on the %s of the join",
                 TEXT_ARG(name->text), side);
    hint_nearest(b, name->text, names, s->count, "columns");
    return ERR_QUERY_FAILED;
}

/* Puts the USING columns first in * and takes the right ones out. */
static status
reorder_star(scope *s, binder *b, const int32_t *first, int32_t first_count) {
    int32_t *star = arena_alloc(b->arena, (size_t)s->star_count * sizeof(*star));
    if (star == NULL) {
        return out_of_memory(b);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < first_count; i++) {
        star[count++] = first[i];
    }
    for (int32_t i = 0; i < s->star_count; i++) {
        bool listed = s->columns[s->star[i]].merged;
        for (int32_t j = 0; j < first_count && !listed; j++) {
            listed = first[j] == s->star[i];
        }
        if (!listed) {
            star[count++] = s->star[i];
        }
    }
    s->star = star;
    s->star_count = count;
    return OK;
}

static status
bind_using(expr **out, scope *s, binder *b, const ast_from *from, const scope *lhs,
           const scope *rhs) {
    const int32_t count = from->using_count;
    expr        **tests;
    TRY(make_args(&tests, b, count));
    int32_t *first = arena_alloc(b->arena, (size_t)count * sizeof(*first));
    if (first == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        const ast_name *name = &from->using_names[i];
        int32_t         left, right;
        TRY(using_column(&left, b, lhs, name, "left"));
        TRY(using_column(&right, b, rhs, name, "right"));
        right += lhs->count;
        expr *x = make_column(b, left, s->columns[left].type, name->position);
        expr *y = make_column(b, right, s->columns[right].type, name->position);
        if (x == NULL || y == NULL) {
            return out_of_memory(b);
        }
        TRY(bind_compare(&tests[i], b, "=", x, y, name->position));
        if (s->columns[right].merged) {
            return error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                                "column \"%.*s\" stands twice in USING", TEXT_ARG(name->text));
        }
        s->columns[right].merged = true;
        first[i] = left;
    }
    TRY(reorder_star(s, b, first, count));
    *out =
        count == 1 ? tests[0] : make(b, EXPR_AND, type_of(TYPE_BOOL), tests, count, from->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

static status
bind_join(plan_node **out, scope *s, binder *b, const ast_from *from, int32_t depth) {
    scope      lhs, rhs;
    plan_node *left, *right;
    TRY(bind_from(&left, &lhs, b, from->left, depth + 1));
    TRY(bind_from(&right, &rhs, b, from->right, depth + 1));
    TRY(check_tables(b, &lhs, &rhs, from->right->position));
    TRY(scope_join(s, b, &lhs, &rhs));
    plan_node *n = node_new(b->arena, PLAN_JOIN, 2, s->count);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->inputs[0] = left;
    n->inputs[1] = right;
    n->join = from->join == AST_JOIN_LEFT ? JOIN_LEFT : JOIN_INNER;
    for (int32_t i = 0; i < s->count; i++) {
        const bool is_right = i >= lhs.count;
        n->schema.fields[i] =
            is_right ? right->schema.fields[i - lhs.count] : left->schema.fields[i];
        n->schema.fields[i].nullable |= is_right && n->join == JOIN_LEFT;
    }
    if (from->using_count > 0) {
        TRY(bind_using(&n->predicate, s, b, from, &lhs, &rhs));
    } else if (from->on != NULL) {
        context c = {.binder = b, .scope = s, .clause = "JOIN ON"};
        TRY(bind_condition(&n->predicate, &c, from->on));
    }
    *out = n;
    return OK;
}

status
bind_from(plan_node **out, scope *s, binder *b, const ast_from *from, int32_t depth) {
    if (depth > FROM_DEPTH_MAX) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->position, "FROM joins more than %d tables",
                     FROM_DEPTH_MAX);
        error_hint(b->err, "join a part of them in a stream or a subquery");
        return ERR_QUERY_FAILED;
    }
    switch (from->kind) {
    case AST_FROM_TABLE:
        TRY(bind_table(out, s, b, from));
        return scope_rename(s, b, from->columns, from->column_count, &from->alias);
    case AST_FROM_SUBQUERY:
        TRY(bind_subquery(out, s, b, from));
        return scope_rename(s, b, from->columns, from->column_count, &from->alias);
    case AST_FROM_JOIN:
        return bind_join(out, s, b, from, depth);
    }
    UNREACHABLE();
}
