/* SPDX-License-Identifier: Apache-2.0 */
/* bind_subquery.c - queries in expressions. Each is joined to the node that its expression stands
 * above, and the expression reads the columns it gets there:
 *
 *   (SELECT ...)      its value: SINGLE, or LEFT and INNER where there are at most one row or
 * exactly one EXISTS (...)      MARK x IN (...)        MARK of the rows equal to x. NULL when there
 * are none, but x or a value of the query is NULL: two more MARKs tell, where NULL is possible at
 * all x < ANY (...)     a comparison with the maximum, and counts that tell what NULLs make of it;
 *   x < ALL (...)     NOT (x >= ANY (...))
 *
 * What a subquery reads of the rows around it is a slot of its level: EXPR_OUTER in its plan. The
 * needle of IN is one too, so that `needle = value` is an ordinary condition of the subquery. A
 * condition of WHERE that is a mark makes a SEMI or ANTI join of it (rewrite_join.c). */
#include "plan/bind.h"

#include "plan/unnest.h"

/* ---- levels */

level *
level_open(binder *b, const scope *s, int32_t position) {
    level *l = arena_alloc_zero(b->arena, sizeof(*l));
    if (l == NULL) {
        (void)out_of_memory(b);
        return NULL;
    }
    *l = (level){.outer = b->levels, .scope = s, .position = position};
    b->levels = l;
    return l;
}

void
level_close(binder *b, const level *l) {
    b->levels = l->outer;
}

static status
grow(void **items, int32_t *capacity, int32_t count, size_t size, binder *b) {
    if (count < *capacity) {
        return OK;
    }
    const int32_t room = *capacity == 0 ? 8 : *capacity * 2;
    void         *grown = arena_alloc_zero(b->arena, (size_t)room * size);
    if (grown == NULL) {
        return out_of_memory(b);
    }
    if (count > 0) {
        memcpy(grown, *items, (size_t)count * size);
    }
    *items = grown;
    *capacity = room;
    return OK;
}

/* What a subquery of level l reads as `value` of the outer row. */
static status
level_slot(expr **out, binder *b, level *l, expr *read) {
    int32_t number = -1;
    for (int32_t i = 0; i < l->slot_count && number < 0; i++) {
        number = expr_equal(b->outers[l->slots[i]].value, read) ? l->slots[i] : -1;
    }
    if (number < 0) {
        number = b->outer_count;
        TRY(grow((void **)&b->outers, &b->outer_capacity, number, sizeof(outer_ref), b));
        TRY(grow((void **)&l->slots, &l->slot_capacity, l->slot_count, sizeof(int32_t), b));
        b->outers[b->outer_count++] = (outer_ref){.level = l, .value = read};
        l->slots[l->slot_count++] = number;
    }
    *out = make(b, EXPR_OUTER, read->type, NULL, 0, read->position);
    TRY(*out == NULL ? out_of_memory(b) : OK);
    (*out)->column = number;
    return OK;
}

status
bind_outer_column(expr **out, context *c, const ast_expr *e, bool *done) {
    binder *b = c->binder;
    *done = false;
    for (level *l = b->levels; l != NULL; l = l->outer) {
        int32_t found;
        TRY(scope_find(&found, b, l->scope, &e->qualifier, &e->name));
        if (found >= 0) {
            expr *read = make_column(b, found, l->scope->columns[found].type, e->position);
            *done = true;
            return read == NULL ? out_of_memory(b) : level_slot(out, b, l, read);
        }
        TRY(find_struct_column(&found, b, l->scope, e));
        if (found >= 0) {
            expr *read = make_column(b, found, l->scope->columns[found].type, e->position);
            *done = true;
            TRY(read == NULL ? out_of_memory(b) : level_slot(out, b, l, read));
            return bind_field(out, b, *out, e->name.text, e->name.position);
        }
    }
    return OK;
}

/* ---- subqueries of a query */

static status
refuse_place(context *c, const ast_expr *e) {
    error_set_at(c->binder->err, ERR_QUERY_FAILED, e->position, "a subquery cannot stand in %s",
                 c->clause);
    return error_hint(c->binder->err,
                      context_is_alone(c) ? "a value or a call may stand here" : "join it in FROM");
}

static status
open_subquery(context *c, const ast_expr *e, plan_node **rows, level **l) {
    binder *b = c->binder;
    if (c->node == NULL && c->subqueries == NULL) {
        return refuse_place(c, e);
    }
    *l = level_open(b, c->scope, e->position);
    TRY(*l == NULL ? ERR_OUT_OF_MEMORY : OK);
    TRY(bind_query(rows, b, e->query));
    level_close(b, *l);
    return OK;
}

static status
apply(subquery *s, const subqueries *list, plan_node **node, query *grouped, binder *b) {
    for (int32_t i = 0; i < s->level->slot_count; i++) {
        expr **read = &b->outers[s->level->slots[i]].value;
        if (list != NULL) {
            subqueries_resolve(list, *read);
        }
        if (grouped != NULL) {
            TRY(query_lift(grouped, read, "a subquery"));
        }
    }
    s->column = (*node)->schema.count;
    s->applied = true;
    return unnest_join(node, b, *node, s->plan, s->kind, NULL, s->level, s->ast->position);
}

/* Joins `rows` where the expression stands; *first: number of its first column there. */
static status
attach(int32_t *first, context *c, const ast_expr *e, plan_node *rows, level *l,
       plan_join_kind kind) {
    binder   *b = c->binder;
    subquery *s = arena_alloc_zero(b->arena, sizeof(*s));
    TRY(s == NULL ? out_of_memory(b) : OK);
    *s = (subquery){.ast = e,
                    .plan = rows,
                    .level = l,
                    .kind = kind,
                    .having = strcmp(c->clause, "HAVING") == 0,
                    .count = kind == JOIN_MARK ? 1 : rows->schema.count};
    if (c->node != NULL) {
        TRY(apply(s, NULL, c->node, NULL, b));
        *first = s->column;
        return OK;
    }
    subqueries *list = c->subqueries;
    TRY(grow((void **)&list->items, &list->capacity, list->count, sizeof(subquery *), b));
    s->first = list->columns;
    list->columns += s->count;
    list->items[list->count++] = s;
    *first = SUBQUERY_BASE + s->first;
    return OK;
}

status
subqueries_apply(subqueries *list, plan_node **node, query *grouped, binder *b, bool having) {
    for (int32_t i = 0; i < list->count; i++) {
        subquery *s = list->items[i];
        if (!s->applied && (s->having || !having)) {
            TRY(apply(s, list, node, grouped, b));
        }
    }
    return OK;
}

static void
resolve_column(void *arg, int32_t *number) {
    const subqueries *list = arg;
    for (int32_t i = 0; *number >= SUBQUERY_BASE && i < list->count; i++) {
        const subquery *s = list->items[i];
        const int32_t   at = *number - SUBQUERY_BASE - s->first;
        if (s->applied && at >= 0 && at < s->count) {
            *number = s->column + at;
            return;
        }
    }
}

void
subqueries_resolve(const subqueries *list, expr *e) {
    subqueries copy = *list;
    expr_visit_columns(e, resolve_column, &copy);
}

/* The subquery of this text that SELECT has bound already: GROUP BY computes it now, below the
 * grouping, and both read that. */
static status
group_by_known(int32_t *first, context *c, const ast_expr *e, bool *done) {
    subqueries *list = c->query == NULL ? NULL : &c->query->subqueries;
    *done = false;
    for (int32_t i = 0; list != NULL && i < list->count && !*done; i++) {
        subquery *s = list->items[i];
        if (s->ast == e && c->node != NULL && strcmp(c->clause, "GROUP BY") == 0) {
            TRY(s->applied ? OK : apply(s, list, c->node, NULL, c->binder));
            *first = s->column;
            *done = true;
        }
    }
    return OK;
}

/* ---- values */

typedef enum row_bound { ROWS_MANY, ROWS_AT_MOST_ONE, ROWS_ONE } row_bound;

static row_bound
rows_of(const plan_node *n) {
    switch (n->kind) {
    case PLAN_SINGLE:
        return ROWS_ONE;
    case PLAN_VALUES:
        return n->row_count == 1 ? ROWS_ONE : ROWS_MANY;
    case PLAN_AGGREGATE:
        return n->key_count == 0 ? ROWS_ONE : ROWS_MANY;
    case PLAN_PROJECT:
    case PLAN_SORT:
    case PLAN_DISTINCT:
    case PLAN_SHARED:
        return rows_of(n->inputs[0]);
    case PLAN_WINDOW:
        return n->window_slide_us == n->window_size_us && rows_of(n->inputs[0]) != ROWS_MANY
                   ? ROWS_AT_MOST_ONE
                   : ROWS_MANY;
    case PLAN_FILTER:
        return rows_of(n->inputs[0]) == ROWS_MANY ? ROWS_MANY : ROWS_AT_MOST_ONE;
    case PLAN_TOP_N:
        return n->key_count == 0 && n->limit >= 0 && n->limit <= 1 ? ROWS_AT_MOST_ONE : ROWS_MANY;
    default:
        return ROWS_MANY;
    }
}

/* *shape: its columns. */
static status
bind_values(int32_t *first, schema *shape, context *c, const ast_expr *e) {
    static const plan_join_kind kinds[] = {
        [ROWS_MANY] = JOIN_SINGLE, [ROWS_AT_MOST_ONE] = JOIN_LEFT, [ROWS_ONE] = JOIN_INNER};
    plan_node *rows;
    level     *l;
    TRY(open_subquery(c, e, &rows, &l));
    *shape = rows->schema; /* the unnesting changes the node */
    return attach(first, c, e, rows, l, kinds[rows_of(rows)]);
}

static status
column_at(expr **out, binder *b, int32_t number, data_type type, const ast_expr *e) {
    *out = make_column(b, number, type, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
bind_subquery_value(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    schema  shape;
    int32_t first;
    bool    known;
    TRY(group_by_known(&first, c, e, &known));
    if (known) {
        return column_at(out, b, first, c->query->node->schema.fields[first].type, e);
    }
    TRY(bind_values(&first, &shape, c, e));
    if (shape.count != 1) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "a subquery that stands for a value gives %d columns", shape.count);
        return error_hint(b->err, "select one of them");
    }
    return column_at(out, b, first, shape.fields[0].type, e);
}

status
bind_row_values(expr ***out, int32_t *count, context *c, const ast_expr *e) {
    binder *b = c->binder;
    if (e->kind == AST_SUBQUERY) {
        schema  shape;
        int32_t first;
        TRY(bind_values(&first, &shape, c, e));
        *count = shape.count;
        TRY(make_args(out, b, *count));
        for (int32_t i = 0; i < *count; i++) {
            TRY(column_at(&(*out)[i], b, first + i, shape.fields[i].type, e));
        }
        return OK;
    }
    *count = e->kind == AST_ROW ? e->arg_count : 1;
    TRY(make_args(out, b, *count));
    for (int32_t i = 0; i < *count; i++) {
        TRY(bind_expr(&(*out)[i], c, e->kind == AST_ROW ? e->args[i] : e));
    }
    return OK;
}

/* ---- EXISTS */

/* What does not change whether there is a row. */
static plan_node *
without_shape(plan_node *n) {
    for (;;) {
        bool dropped = n->kind == PLAN_SORT || n->kind == PLAN_DISTINCT ||
                       (n->kind == PLAN_TOP_N && n->limit != 0 && n->offset == 0);
        if (n->kind == PLAN_PROJECT) {
            dropped = n->inputs[0]->schema.count > 0;
            for (int32_t i = 0; i < n->schema.count && dropped; i++) {
                dropped = !expr_is_volatile(n->exprs[i]);
            }
        }
        if (!dropped) {
            return n;
        }
        n = n->inputs[0];
    }
}

static status
attach_exists(expr **out, context *c, const ast_expr *e, plan_node *rows, level *l) {
    int32_t first;
    TRY(attach(&first, c, e, without_shape(rows), l, JOIN_MARK));
    return column_at(out, c->binder, first, type_of(TYPE_BOOL), e);
}

status
bind_exists(expr **out, context *c, const ast_expr *e) {
    plan_node *rows;
    level     *l;
    TRY(open_subquery(c, e, &rows, &l));
    return attach_exists(out, c, e, rows, l);
}

/* ---- IN */

typedef struct membership {
    context        *c;
    const ast_expr *ast;
    int32_t         count;
    expr          **needles;
    plan_shared    *rows; /* of an uncorrelated query */
} membership;

static status
open_rows(membership *m, plan_node **rows, level **l) {
    binder *b = m->c->binder;
    if (m->rows != NULL) {
        *l = level_open(b, m->c->scope, m->ast->position);
        TRY(*l == NULL ? ERR_OUT_OF_MEMORY : OK);
        level_close(b, *l);
        *rows = shared_read(b->arena, m->rows);
        return *rows == NULL ? out_of_memory(b) : OK;
    }
    TRY(open_subquery(m->c, m->ast, rows, l));
    if (depends_node(b, *rows, NULL)) {
        return OK;
    }
    m->rows = shared_new(b->arena, *rows);
    *rows = m->rows == NULL ? NULL : shared_read(b->arena, m->rows);
    return *rows == NULL ? out_of_memory(b) : OK;
}

/* needle = value for all columns, over the query's rows. */
static status
all_equal(expr **out, membership *m, const plan_node *rows, level *l) {
    binder *b = m->c->binder;
    *out = NULL;
    for (int32_t i = 0; i < m->count; i++) {
        expr *needle, *given, *equal;
        TRY(copy_expr(&needle, b, m->needles[i]));
        if (needle->kind != EXPR_CONSTANT) {
            TRY(level_slot(&needle, b, l, needle));
        }
        TRY(column_at(&given, b, i, rows->schema.fields[i].type, m->ast));
        TRY(bind_compare(&equal, b, "=", needle, given, m->ast->position));
        TRY(require_boolean(&equal, b, "IN"));
        TRY(both_conditions(out, b, *out, equal));
    }
    return OK;
}

static status
is_null(expr **e, binder *b) {
    expr **args;
    TRY(make_args(&args, b, 1));
    args[0] = *e;
    *e = make(b, EXPR_IS_NULL, type_of(TYPE_BOOL), args, 1, args[0]->position);
    return *e == NULL ? out_of_memory(b) : OK;
}

typedef enum row_test { ROW_ANY, ROW_EQUAL, ROW_UNKNOWN, ROW_NULL } row_test;

/* EXISTS a row that is equal to the needle; for which that is unknown; whose one value is NULL. */
static status
exists_row(expr **out, membership *m, row_test test) {
    binder    *b = m->c->binder;
    plan_node *rows;
    level     *l;
    expr      *condition = NULL;
    TRY(open_rows(m, &rows, &l));
    if (rows->schema.count != m->count) {
        return error_set_at(b->err, ERR_QUERY_FAILED, m->ast->position,
                            "the query of IN gives %d columns, and %d are compared",
                            rows->schema.count, m->count);
    }
    if (test == ROW_EQUAL || test == ROW_UNKNOWN) {
        TRY(all_equal(&condition, m, rows, l));
    } else if (test == ROW_NULL) {
        TRY(column_at(&condition, b, 0, rows->schema.fields[0].type, m->ast));
    }
    if (test == ROW_UNKNOWN || test == ROW_NULL) {
        TRY(is_null(&condition, b));
    }
    if (condition != NULL) {
        rows = node_filter(b->arena, rows, condition);
        TRY(rows == NULL ? out_of_memory(b) : OK);
    }
    return attach_exists(out, m->c, m->ast, rows, l);
}

static bool
may_be_null(const context *c, const expr *e) {
    const plan_node *n = c->query != NULL ? c->query->node : NULL;
    if (e->kind == EXPR_CONSTANT) {
        return e->constant.is_null;
    }
    const bool known = n != NULL && e->kind == EXPR_COLUMN && e->column < n->schema.count;
    return !known || n->schema.fields[e->column].nullable;
}

/* Is it unknown whether the needle is in, should no row be equal? *out NULL: never. */
static status
unknown_row(expr **out, membership *m, bool values_null) {
    binder *b = m->c->binder;
    *out = NULL;
    bool needle_null = false;
    for (int32_t i = 0; i < m->count; i++) {
        needle_null = needle_null || may_be_null(m->c, m->needles[i]);
    }
    if (m->count > 1) {
        return needle_null || values_null ? exists_row(out, m, ROW_UNKNOWN) : OK;
    }
    if (values_null) {
        TRY(exists_row(out, m, ROW_NULL));
    }
    if (needle_null) {
        expr *needle, *any, *both, **either;
        TRY(copy_expr(&needle, b, m->needles[0]));
        TRY(is_null(&needle, b));
        TRY(exists_row(&any, m, ROW_ANY));
        TRY(both_conditions(&both, b, needle, any));
        if (*out == NULL) {
            *out = both;
            return OK;
        }
        TRY(make_args(&either, b, 2));
        either[0] = *out;
        either[1] = both;
        *out = make(b, EXPR_OR, type_of(TYPE_BOOL), either, 2, m->ast->position);
        return *out == NULL ? out_of_memory(b) : OK;
    }
    return OK;
}

/* CASE WHEN yes THEN TRUE WHEN unknown THEN NULL ELSE FALSE END */
static status
three_valued(expr **out, binder *b, expr *yes, expr *unknown, int32_t position) {
    const value null = {.type = type_of(TYPE_BOOL), .is_null = true};
    expr      **args;
    TRY(make_args(&args, b, 5));
    args[0] = yes;
    args[1] = make_bool(b, true, position);
    args[2] = unknown;
    args[3] = make_constant(b, &null, position);
    args[4] = make_bool(b, false, position);
    TRY(args[1] == NULL || args[3] == NULL || args[4] == NULL ? out_of_memory(b) : OK);
    *out = make(b, EXPR_CASE, type_of(TYPE_BOOL), args, 5, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

static status
bind_membership(expr **out, context *c, const ast_expr *e, bool negated, bool only_true) {
    binder    *b = c->binder;
    membership m = {.c = c, .ast = e};
    expr      *yes, *unknown = NULL;
    TRY(bind_row_values(&m.needles, &m.count, c, e->args[0]));
    TRY(exists_row(&yes, &m, ROW_EQUAL));
    if (only_true && !negated) {
        *out = yes;
        return OK;
    }
    bool nulls = true;
    if (m.rows != NULL) {
        nulls = false;
        for (int32_t i = 0; i < m.count; i++) {
            nulls = nulls || m.rows->root->schema.fields[i].nullable;
        }
    }
    TRY(unknown_row(&unknown, &m, nulls));
    if (unknown != NULL && !only_true) {
        TRY(three_valued(out, b, yes, unknown, e->position));
        return negated ? make_not(out, b) : OK;
    }
    TRY(negated ? make_not(&yes, b) : OK);
    if (unknown != NULL) {
        TRY(make_not(&unknown, b));
    }
    return both_conditions(out, b, yes, unknown);
}

status
bind_in_query(expr **out, context *c, const ast_expr *e, bool only_true) {
    return bind_membership(out, c, e, e->negated, only_true);
}

/* ---- ANY and ALL */

enum { EXTREME_LOW, EXTREME_HIGH, ROW_COUNT, VALUE_COUNT, EXTREME_COLUMNS };

/* One row about the query's values: the lowest, the highest, rows, rows that are not NULL. */
static status
summarize(plan_node **out, binder *b, plan_node *rows, const ast_expr *e) {
    static const char *const names[] = {"min", "max", "count", "count"};
    plan_node               *n = node_new(b->arena, PLAN_AGGREGATE, 1, EXTREME_COLUMNS);
    TRY(n == NULL ? out_of_memory(b) : OK);
    n->inputs[0] = rows;
    n->agg_count = EXTREME_COLUMNS;
    n->aggs = arena_alloc_zero(b->arena, EXTREME_COLUMNS * sizeof(*n->aggs));
    TRY(n->aggs == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < EXTREME_COLUMNS; i++) {
        const bool star = i == ROW_COUNT;
        plan_agg  *a = &n->aggs[i];
        *a = (plan_agg){.class = agg_find(text_of(names[i]), !star), .filter = -1};
        a->signature.column_count = a->signature.argument_count = !star;
        a->signature.types = arena_alloc(b->arena, sizeof(data_type));
        a->columns = arena_alloc_zero(b->arena, sizeof(int32_t));
        TRY(a->signature.types == NULL || a->columns == NULL ? out_of_memory(b) : OK);
        a->signature.types[0] = rows->schema.fields[0].type;
        const status resolved = a->class->resolve(a->class, &a->signature, b->err);
        if (resolved == ERR_WRONG_TYPE) {
            return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                                "ANY and ALL do not compare %s",
                                type_name(rows->schema.fields[0].type));
        }
        TRY(resolved);
        n->schema.fields[i] = (field){
            .name = text_of(names[i]), .type = a->signature.output, .nullable = i < ROW_COUNT};
    }
    *out = n;
    return OK;
}

/* x op (some value): x compared with the value that makes it true the soonest. */
static status
compare_extremes(expr **out, context *c, const ast_expr *e, const char *op, expr *x, int32_t first,
                 const schema *s) {
    binder *b = c->binder;
    expr  **tests;
    int32_t count = 0;
    TRY(make_args(&tests, b, 2));
    for (int32_t i = EXTREME_LOW; i <= EXTREME_HIGH; i++) {
        const bool wanted = op[1] == '>' || (op[0] == '<') == (i == EXTREME_HIGH);
        if (!wanted) {
            continue;
        }
        expr *copy, *extreme;
        TRY(copy_expr(&copy, b, x));
        TRY(column_at(&extreme, b, first + i, s->fields[i].type, e));
        TRY(bind_compare(&tests[count], b, op, copy, extreme, e->position));
        TRY(require_boolean(&tests[count++], b, "ANY"));
    }
    *out = count == 1 ? tests[0] : make(b, EXPR_OR, type_of(TYPE_BOOL), tests, 2, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* rows > 0 AND (x IS NULL OR values < rows) */
static status
unknown_extreme(expr **out, binder *b, const ast_expr *e, expr *x, int32_t first) {
    const data_type count = type_of(TYPE_I64);
    const value     zero = {.type = count};
    expr           *rows[2], *values, *some, *fewer, **either;
    TRY(column_at(&rows[0], b, first + ROW_COUNT, count, e));
    TRY(column_at(&rows[1], b, first + ROW_COUNT, count, e));
    TRY(column_at(&values, b, first + VALUE_COUNT, count, e));
    expr *none = make_constant(b, &zero, e->position);
    TRY(none == NULL ? out_of_memory(b) : OK);
    TRY(bind_compare(&some, b, ">", rows[0], none, e->position));
    TRY(bind_compare(&fewer, b, "<", values, rows[1], e->position));
    TRY(make_args(&either, b, 2));
    TRY(copy_expr(&either[0], b, x));
    TRY(is_null(&either[0], b));
    either[1] = fewer;
    expr *unknown = make(b, EXPR_OR, type_of(TYPE_BOOL), either, 2, e->position);
    TRY(unknown == NULL ? out_of_memory(b) : OK);
    return both_conditions(out, b, some, unknown);
}

static status
bind_extreme(expr **out, context *c, const ast_expr *e, const char *op) {
    binder    *b = c->binder;
    plan_node *rows;
    level     *l;
    int32_t    first;
    expr      *x, *yes, *unknown;
    if (e->args[0]->kind == AST_ROW) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "a row of values is compared with = ANY, <> ALL or IN alone");
    }
    TRY(bind_expr(&x, c, e->args[0]));
    TRY(open_subquery(c, e, &rows, &l));
    if (rows->schema.count != 1) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "the query of %s gives %d columns, and one is compared",
                            e->all ? "ALL" : "ANY", rows->schema.count);
    }
    TRY(summarize(&rows, b, rows, e));
    const schema shape = rows->schema;
    TRY(attach(&first, c, e, rows, l, JOIN_INNER));
    TRY(compare_extremes(&yes, c, e, op, x, first, &shape));
    TRY(unknown_extreme(&unknown, b, e, x, first));
    return three_valued(out, b, yes, unknown, e->position);
}

status
bind_quantified(expr **out, context *c, const ast_expr *e) {
    static const char *const ops[][2] = {{"=", "<>"}, {"<>", "="}, {"<", ">="},
                                         {"<=", ">"}, {">", "<="}, {">=", "<"}};
    for (int32_t i = 0; i < ARRAY_COUNT(ops); i++) {
        if (!text_equal(e->op, text_of(ops[i][0]))) {
            continue;
        }
        const char *op = ops[i][e->all]; /* ALL: not the opposite for any */
        if (strcmp(op, "=") == 0) {
            return bind_membership(out, c, e, e->all, false);
        }
        TRY(bind_extreme(out, c, e, op));
        return e->all ? make_not(out, c->binder) : OK;
    }
    UNREACHABLE();
}

/* ---- conditions */

bool
ast_has_subquery(const ast_expr *e) {
    bool found = e->query != NULL || (e->operand != NULL && ast_has_subquery(e->operand)) ||
                 (e->otherwise != NULL && ast_has_subquery(e->otherwise)) ||
                 (e->filter != NULL && ast_has_subquery(e->filter));
    for (int32_t i = 0; !found && i < e->arg_count; i++) {
        found = ast_has_subquery(e->args[i]);
    }
    return found;
}

/* A whole term of a condition, for which NULL is as good as FALSE. */
static status
bind_term(expr **out, context *c, const ast_expr *e) {
    const bool      negated = e->kind == AST_UNARY && text_equal(e->op, TEXT("NOT"));
    const ast_expr *inner = negated ? e->args[0] : e;
    if (inner->kind == AST_IN_QUERY) {
        return bind_membership(out, c, inner, inner->negated != negated, true);
    }
    const bool any = inner->kind == AST_QUANTIFIED && !inner->all;
    if (any && !negated && text_equal(inner->op, TEXT("="))) {
        return bind_membership(out, c, inner, false, true);
    }
    const bool all = inner->kind == AST_QUANTIFIED && inner->all;
    if (all && !negated && text_equal(inner->op, TEXT("<>"))) {
        return bind_membership(out, c, inner, true, true);
    }
    return bind_condition(out, c, e);
}

static status
bind_terms(expr **out, context *c, const ast_expr *e, bool with_subquery) {
    if (e->kind == AST_BINARY && text_equal(e->op, TEXT("AND"))) {
        TRY(bind_terms(out, c, e->args[0], with_subquery));
        return bind_terms(out, c, e->args[1], with_subquery);
    }
    if (ast_has_subquery(e) != with_subquery) {
        return OK;
    }
    expr *term;
    TRY(bind_term(&term, c, e));
    if (!with_subquery) {
        return both_conditions(out, c->binder, *out, term);
    }
    /* At once: what the next subquery reads of the rows is then less. */
    *c->node = node_filter(c->binder->arena, *c->node, term);
    return *c->node == NULL ? out_of_memory(c->binder) : OK;
}

status
bind_filter(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr   *plain = NULL;
    *out = NULL;
    if (!ast_has_subquery(e)) {
        return bind_condition(out, c, e);
    }
    TRY(bind_terms(&plain, c, e, false));
    if (plain != NULL) {
        *c->node = node_filter(b->arena, *c->node, plain);
        TRY(*c->node == NULL ? out_of_memory(b) : OK);
    }
    return bind_terms(out, c, e, true);
}
