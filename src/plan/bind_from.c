/* SPDX-License-Identifier: Apache-2.0 */
/* bind_from.c - FROM to scans and joins. A join leaves here with its whole condition as predicate;
 * plan_push_down finds the keys. */
#include "plan/bind.h"

#include "plan/rewrite.h"
#include "plan/unnest.h"

status
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

/* What is read where an object is named. */
static object *
object_meant(const plan_env *env, object *o) {
    for (int32_t i = 0; i < env->swap_count; i++) {
        if (env->swaps[i].old == o) {
            return env->swaps[i].made;
        }
    }
    return o;
}

static status
bind_table(plan_node **out, scope *s, binder *b, const ast_from *from) {
    object *o;
    bool    done;
    TRY(bind_cte(out, s, b, from, &done));
    if (done) {
        return OK;
    }
    if (catalog_find(b->catalog, from->name.text, from->name.quoted) == NULL) {
        TRY(bind_named_relation(out, s, b, from, &done));
        if (done) {
            return OK;
        }
    }
    const status found = catalog_need(&o, b->catalog, from->name.text, from->name.quoted,
                                      ERR_NOT_FOUND_IN_QUERY, "Table", from->name.position, b->err);
    if (found < 0) {
        hint_named_relation(b, from);
        return found;
    }
    if (o->kind == OBJECT_SINK) {
        return error_set_at(b->err, ERR_QUERY_FAILED, from->name.position,
                            "\"%.*s\" is a sink: it has no rows to read", TEXT_ARG(o->name));
    }
    o = object_meant(b->env, o);
    TRY(remember_object(b, o));
    if (o->kind == OBJECT_VIEW) {
        return bind_view(out, s, b, from, o);
    }
    TRY(check_version(b, from, o));
    const bool arrival = o->kind == OBJECT_SOURCE && !from->with_position && mentions_proctime(b);
    const bool versions = from->as_of != NULL;
    const int32_t count =
        o->schema->count + from->with_position + arrival + (versions ? VERSION_COLUMNS : 0);
    plan_node *n = node_new(b->arena, PLAN_SCAN, 0, count);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->object = o;
    n->first_row = from->first_row;
    n->column_map = arena_alloc(b->arena, (size_t)count * sizeof(*n->column_map));
    if (n->column_map == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        n->column_map[i] = i;
        n->schema.fields[i] = i < o->schema->count
                                  ? o->schema->fields[i]
                                  : (field){.name = PLAN_POSITION, .type = type_of(TYPE_I64)};
    }
    if (versions) {
        version_columns(n);
    }
    if (arrival) {
        n->column_map[count - 1] = SCAN_ARRIVAL;
        n->schema.fields[count - 1] =
            (field){.name = TEXT("PROCTIME()"), .type = type_of(TYPE_TIMESTAMP)};
    }
    *out = n;
    TRY(scope_of_node(s, b, n, from->alias.text.data != NULL ? from->alias.text : o->name));
    s->star_count -= from->with_position;
    if (arrival) {
        scope_add_proctime(s, n);
    }
    if (versions) {
        scope_hide_versions(s);
    }
    return OK;
}

static status
bind_named(plan_node **out, scope *s, binder *b, const ast_from *from) {
    TRY(from->system ? bind_system(out, s, b, from) : bind_table(out, s, b, from));
    if (from->as_of != NULL && !((*out)->kind == PLAN_SCAN && (*out)->versions)) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->position,
                     "FOR SYSTEM_TIME AS OF is about a TABLE, and \"%.*s\" is a query",
                     TEXT_ARG(from->name.text));
        return error_hint(b->err, "write it behind the table's name inside the query");
    }
    return scope_rename(s, b, from->columns, from->column_count, &from->alias);
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

/* Puts the USING columns first in * and takes the merged ones out. */
static status
reorder_star(scope *s, binder *b, const int32_t *first, int32_t first_count) {
    const size_t room = (size_t)(s->star_count + first_count);
    int32_t     *star = arena_alloc(b->arena, room * sizeof(*star));
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

/* One column of USING: left and right are columns of s. */
static status
merge_columns(expr **test, scope *s, binder *b, const ast_name *name, ast_join_kind kind,
              int32_t left, int32_t right) {
    expr *x = make_column(b, left, s->columns[left].type, name->position);
    expr *y = make_column(b, right, s->columns[right].type, name->position);
    if (x == NULL || y == NULL) {
        return out_of_memory(b);
    }
    TRY(bind_compare(test, b, "=", x, y, name->position));
    if (s->columns[right].merged || s->columns[left].merged) {
        return error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                            "column \"%.*s\" stands twice in USING", TEXT_ARG(name->text));
    }
    s->columns[left].merged = kind == AST_JOIN_RIGHT || kind == AST_JOIN_FULL;
    s->columns[right].merged = kind != AST_JOIN_RIGHT;
    return OK;
}

/* The condition of USING; pairs[2 * i] and pairs[2 * i + 1] are the two columns of name i. */
static status
bind_using(expr **out, scope *s, binder *b, const ast_from *from, const scope *lhs,
           const scope *rhs, int32_t *pairs) {
    const int32_t count = from->using_count;
    expr        **tests;
    TRY(make_args(&tests, b, count));
    for (int32_t i = 0; i < count; i++) {
        const ast_name *name = &from->using_names[i];
        int32_t         left, right;
        TRY(using_column(&left, b, lhs, name, "left"));
        TRY(using_column(&right, b, rhs, name, "right"));
        pairs[2 * i] = left;
        pairs[2 * i + 1] = right + lhs->count;
        TRY(merge_columns(&tests[i], s, b, name, from->join, left, right + lhs->count));
    }
    if (count == 0) { /* NATURAL without common columns: a cross join */
        *out = NULL;
        return OK;
    }
    *out =
        count == 1 ? tests[0] : make(b, EXPR_AND, type_of(TYPE_BOOL), tests, count, from->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* FULL: the column of USING is the one of the two that is there; it is computed above the join. */
static status
coalesce_pairs(plan_node **node, scope *s, binder *b, const ast_from *from, const int32_t *pairs,
               int32_t *first) {
    const int32_t count = from->using_count, width = s->count;
    expr        **extra;
    TRY(make_args(&extra, b, count));
    scope_column *columns = arena_alloc(b->arena, (size_t)(width + count) * sizeof(*columns));
    if (columns == NULL) {
        return out_of_memory(b);
    }
    memcpy(columns, s->columns, (size_t)width * sizeof(*columns));
    for (int32_t i = 0; i < count; i++) {
        expr **args;
        TRY(make_args(&args, b, 2));
        for (int32_t k = 0; k < 2; k++) {
            const int32_t at = pairs[2 * i + k];
            args[k] = make_column(b, at, s->columns[at].type, from->using_names[i].position);
            TRY(args[k] == NULL ? out_of_memory(b) : OK);
        }
        TRY(bind_unify(b, args, 2, "USING"));
        extra[i] = make(b, EXPR_COALESCE, args[0]->type, args, 2, from->using_names[i].position);
        TRY(extra[i] == NULL ? out_of_memory(b) : OK);
        columns[width + i] =
            (scope_column){.name = s->columns[pairs[2 * i]].name, .type = extra[i]->type};
        first[i] = width + i;
    }
    *node = node_extend(b->arena, *node, extra, count);
    s->columns = columns;
    s->count = width + count;
    return *node == NULL ? out_of_memory(b) : OK;
}

/* NATURAL: USING all names that both sides show. */
static status
natural_names(ast_from *from, binder *b, const scope *lhs, const scope *rhs) {
    from->using_names = arena_alloc_zero(b->arena, (size_t)lhs->star_count * sizeof(ast_name));
    if (from->using_names == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < lhs->star_count; i++) {
        const text name = lhs->columns[lhs->star[i]].name;
        bool       common = false;
        for (int32_t k = 0; k < rhs->star_count && !common; k++) {
            common = text_equal_nocase(rhs->columns[rhs->star[k]].name, name);
        }
        if (common) {
            from->using_names[from->using_count++] =
                (ast_name){.text = name, .position = from->position};
        }
    }
    return OK;
}

static plan_join_kind
join_kind(ast_join_kind k) {
    switch (k) {
    case AST_JOIN_INNER:
    case AST_JOIN_CROSS:
        return JOIN_INNER;
    case AST_JOIN_LEFT:
        return JOIN_LEFT;
    case AST_JOIN_RIGHT:
        return JOIN_RIGHT;
    case AST_JOIN_FULL:
        return JOIN_FULL;
    case AST_JOIN_SEMI:
        return JOIN_SEMI;
    case AST_JOIN_ANTI:
        return JOIN_ANTI;
    }
    UNREACHABLE();
}

static status
bind_join_using(plan_node **out, scope *s, binder *b, const ast_from *from, const scope *lhs,
                const scope *rhs) {
    ast_from names = *from;
    if (from->natural) {
        TRY(natural_names(&names, b, lhs, rhs));
    }
    const size_t count = (size_t)names.using_count;
    int32_t     *pairs = arena_alloc(b->arena, 2 * count * sizeof(*pairs));
    int32_t     *first = arena_alloc(b->arena, count * sizeof(*first));
    if (pairs == NULL || first == NULL) {
        return out_of_memory(b);
    }
    TRY(bind_using(&(*out)->predicate, s, b, &names, lhs, rhs, pairs));
    for (size_t i = 0; i < count; i++) {
        first[i] = pairs[2 * i + (from->join == AST_JOIN_RIGHT)];
    }
    if (from->join == AST_JOIN_FULL && count > 0) {
        TRY(coalesce_pairs(out, s, b, &names, pairs, first));
    }
    return reorder_star(s, b, first, (int32_t)count);
}

/* ---- ON */

static void
note_subquery(void *arg, int32_t *number) {
    bool *found = arg;
    *found = *found || *number >= SUBQUERY_BASE;
}

/* Terms of e that read a subquery go to *with, the others to *without. */
static status
split_on(expr **with, expr **without, binder *b, expr *e) {
    if (e->kind == EXPR_AND) {
        for (int32_t i = 0; i < e->arg_count; i++) {
            TRY(split_on(with, without, b, e->args[i]));
        }
        return OK;
    }
    bool found = false;
    expr_visit_columns(e, note_subquery, &found);
    expr **to = found ? with : without;
    return both_conditions(to, b, *to, e);
}

/* The first `count` columns. */
static status
keep_columns(plan_node **node, binder *b, const int32_t *columns, int32_t count) {
    expr **exprs;
    TRY(make_args(&exprs, b, count));
    for (int32_t i = 0; i < count; i++) {
        const int32_t at = columns == NULL ? i : columns[i];
        exprs[i] = make_column(b, at, (*node)->schema.fields[at].type, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
    }
    *node = node_project(b->arena, *node, exprs, count);
    return *node == NULL ? out_of_memory(b) : OK;
}

/* INNER: ON is WHERE. */
static status
apply_above(plan_node **node, binder *b, subqueries *list, expr *on) {
    const int32_t width = (*node)->schema.count;
    expr         *with = NULL;
    TRY(split_on(&with, &(*node)->predicate, b, on));
    TRY(subqueries_apply(list, node, NULL, b, false));
    subqueries_resolve(list, with);
    *node = node_filter(b->arena, *node, with);
    TRY(*node == NULL ? out_of_memory(b) : OK);
    return keep_columns(node, b, NULL, width);
}

/* The side whose rows a subquery of ON reads. */
static status
side_of(int32_t *side, binder *b, const subquery *s, plan_join_kind kind, int32_t left_width) {
    bool reads_left = false, reads_right = false;
    for (int32_t i = 0; i < s->level->slot_count; i++) {
        const reach r = reach_of(b->outers[s->level->slots[i]].value, left_width);
        reads_left = reads_left || r.below;
        reads_right = reads_right || r.above;
    }
    if (reads_left && reads_right) {
        error_set_at(b->err, ERR_QUERY_FAILED, s->ast->position,
                     "a subquery in ON of an outer join refers to columns of both sides");
        return error_hint(b->err, "compute it in a subquery in FROM, or let it refer to one side");
    }
    *side = reads_left || (!reads_right && kind == JOIN_RIGHT) ? 0 : 1;
    return OK;
}

typedef struct side_map {
    const subqueries *list;
    const int32_t    *sides;
    int32_t           left_old, left_new;
} side_map;

static void
map_side(void *arg, int32_t *number) {
    const side_map *m = arg;
    for (int32_t i = 0; *number >= SUBQUERY_BASE && i < m->list->count; i++) {
        const subquery *s = m->list->items[i];
        const int32_t   at = *number - SUBQUERY_BASE - s->first;
        if (at >= 0 && at < s->count) {
            *number = (m->sides[i] == 1 ? m->left_new : 0) + s->column + at;
            return;
        }
    }
    *number += *number >= m->left_old ? m->left_new - m->left_old : 0;
}

/* Other joins: each subquery is computed on the side that it reads, below the join. */
static status
apply_below(plan_node **node, binder *b, subqueries *list, expr *on) {
    plan_node    *n = *node;
    const int32_t left = n->inputs[0]->schema.count, right = n->inputs[1]->schema.count;
    int32_t      *sides = arena_alloc(b->arena, (size_t)list->count * sizeof(*sides));
    TRY(sides == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < list->count; i++) {
        subquery *s = list->items[i];
        TRY(side_of(&sides[i], b, s, n->join, left));
        for (int32_t k = 0; sides[i] == 1 && k < s->level->slot_count; k++) {
            expr_shift(b->outers[s->level->slots[k]].value, -left);
        }
        subqueries one = {.count = 1, .items = &list->items[i]};
        TRY(subqueries_apply(&one, &n->inputs[sides[i]], NULL, b, false));
    }
    side_map m = {.list = list, .sides = sides, .left_old = left};
    m.left_new = n->inputs[0]->schema.count;
    expr_visit_columns(on, map_side, &m);
    n->predicate = on;
    TRY(node_join_schema(n, b->arena) ? OK : out_of_memory(b));
    const int32_t shown = join_shows_right(n->join) ? left + right : left;
    int32_t      *columns;
    TRY(new_identity(&columns, b, shown));
    for (int32_t i = left; i < shown; i++) {
        columns[i] += m.left_new - left;
    }
    return keep_columns(node, b, columns, shown);
}

/* `more`: a further condition, or NULL. */
static status
bind_on(plan_node **node, binder *b, const scope *s, const ast_expr *e, expr *more) {
    subqueries list = {0};
    context    c = {.binder = b, .scope = s, .clause = "JOIN ON", .subqueries = &list};
    expr      *on;
    TRY(bind_condition(&on, &c, e));
    TRY(more != NULL ? both_conditions(&on, b, on, more) : OK);
    if (list.count > 0) {
        return (*node)->join == JOIN_INNER ? apply_above(node, b, &list, on)
                                           : apply_below(node, b, &list, on);
    }
    (*node)->predicate = on;
    return OK;
}

/* ---- LATERAL: what may refer to what stands to its left, said or not */

static bool
has_lateral(const ast_from *from) {
    if (from->kind == AST_FROM_JOIN) {
        return has_lateral(from->left) || has_lateral(from->right);
    }
    return from->lateral || from->kind == AST_FROM_FUNCTION || from->kind == AST_FROM_SUBQUERY;
}

/* The right side with what stands to its left in sight; *l stays NULL when it does not look. */
static status
bind_right(plan_node **out, scope *s, binder *b, const ast_from *from, const scope *lhs, level **l,
           int32_t depth) {
    *l = NULL;
    if (!has_lateral(from->right)) {
        return bind_from(out, s, b, from->right, depth + 1);
    }
    level *here = level_open(b, lhs, from->right->position);
    TRY(here == NULL ? ERR_OUT_OF_MEMORY : OK);
    here->lateral = true;
    TRY(bind_from(out, s, b, from->right, depth + 1));
    level_close(b, here);
    if (here->slot_count == 0) {
        return OK;
    }
    *l = here;
    if (from->join == AST_JOIN_RIGHT || from->join == AST_JOIN_FULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->right->position,
                     "LATERAL on the right of a %s JOIN refers to columns on its left",
                     from->join == AST_JOIN_RIGHT ? "RIGHT" : "FULL");
        return error_hint(b->err, "use LEFT JOIN LATERAL");
    }
    return OK;
}

static status
bind_join(plan_node **out, scope *s, binder *b, const ast_from *from, int32_t depth) {
    scope      lhs, rhs;
    plan_node *left, *right;
    level     *l;
    TRY(bind_from(&left, &lhs, b, from->left, depth + 1));
    const bool versions = from->right->kind == AST_FROM_TABLE && from->right->as_of != NULL;
    l = NULL;
    TRY(versions ? bind_named(&right, &rhs, b, from->right)
                 : bind_right(&right, &rhs, b, from, &lhs, &l, depth));
    TRY(check_tables(b, &lhs, &rhs, from->right->position));
    TRY(scope_join(s, b, &lhs, &rhs));
    plan_node *n = node_new(b->arena, PLAN_JOIN, 2, 0);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->inputs[0] = left;
    n->inputs[1] = right;
    n->join = join_kind(from->join);
    TRY(node_join_schema(n, b->arena) ? OK : out_of_memory(b));
    *out = n;
    version_time at = {.test = NULL};
    TRY(versions ? bind_version_joined(&at, n, b, from, &lhs) : OK);
    if (from->using_count > 0 || from->natural) {
        TRY(bind_join_using(out, s, b, from, &lhs, &rhs));
    } else if (from->asof) {
        return bind_asof(out, s, b, from, left, right, NULL);
    } else if (from->on != NULL) {
        TRY(bind_on(out, b, s, from->on, at.test));
    }
    if (at.test != NULL) {
        TRY(from->on == NULL ? both_conditions(&n->predicate, b, n->predicate, at.test) : OK);
        TRY(*out == n ? version_by_order(out, b, &at) : OK);
    }
    if (l != NULL) {
        if (*out != n) {
            return error_set_at(b->err, ERR_QUERY_FAILED, from->on->position,
                                "a subquery in ON of a LATERAL join: write it in WHERE");
        }
        TRY(unnest_join(out, b, left, right, n->join, n->predicate, l, from->position));
    }
    if (from->asof) {
        return bind_asof(out, s, b, from, left, right, n->predicate);
    }
    if (!join_shows_right(n->join)) {
        *s = lhs;
    }
    return OK;
}

status
bind_from(plan_node **out, scope *s, binder *b, const ast_from *from, int32_t depth) {
    const int32_t most =
        b->env != NULL && b->env->joins_max > 0 ? b->env->joins_max : FROM_DEPTH_MAX;
    if (depth > most) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->position, "FROM has more than %d joins", most);
        error_hint(b->err, "join a part of them in a stream or a subquery");
        return ERR_QUERY_FAILED;
    }
    switch (from->kind) {
    case AST_FROM_TABLE:
        TRY(bind_named(out, s, b, from));
        for (int32_t i = 0; from->qualified_only && i < s->count; i++) {
            s->columns[i].merged = true;
        }
        return bind_version_alone(out, b, from);
    case AST_FROM_SUBQUERY:
        TRY(bind_subquery(out, s, b, from));
        return scope_rename(s, b, from->columns, from->column_count, &from->alias);
    case AST_FROM_WINDOW:
        TRY(bind_from_window(out, s, b, from, depth));
        return scope_rename(s, b, from->columns, from->column_count, &from->alias);
    case AST_FROM_PROCESS:
        TRY(bind_process(out, s, b, from, depth));
        return scope_rename(s, b, from->columns, from->column_count, &from->alias);
    case AST_FROM_FUNCTION:
        TRY(bind_function(out, s, b, from));
        return scope_rename(s, b, from->columns, from->column_count, &from->alias);
    case AST_FROM_JOIN:
        return bind_join(out, s, b, from, depth);
    }
    UNREACHABLE();
}
