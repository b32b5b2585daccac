/* SPDX-License-Identifier: Apache-2.0 */
/* parse_pivot.c - PIVOT and UNPIVOT, which become plain queries.
 *
 *   PIVOT t ON k IN (1, 2) USING sum(v)          SELECT * EXCLUDE (k, v),
 *                                                    sum(v) FILTER (WHERE k = 1) AS "1",
 *                                                    sum(v) FILTER (WHERE k = 2) AS "2"
 *                                                FROM t GROUP BY ALL
 *   UNPIVOT t ON a, b INTO NAME n VALUE v        SELECT * FROM (SELECT * EXCLUDE (a, b),
 *                                                    unnest(['a', 'b']) AS n, unnest([a, b]) AS v
 *                                                FROM t) WHERE v IS NOT NULL
 *
 * What stands behind ON of UNPIVOT may be an expression with columns, and COLUMNS(...),
 * *COLUMNS(...) or a star, which are columns that the binder finds: unnest(column_names('a',
 * *COLUMNS(...))) is then the column of names.
 *
 * With several of ON there is a column for each choice of a value of each. Where one has no IN the
 * statement remembers the query as one whose columns are to be found (ast_pivot): who runs it asks
 * for the values and fills it. With GROUP BY names these stand in the place of the star. Of
 * UNPIVOT ON (a, b), (c, d) INTO NAME n VALUE v, w each pair gives a row. `t PIVOT (sum(v) FOR k IN
 * (1, 2))` and `t UNPIVOT (v FOR n IN (a, b))` are the same behind a relation of FROM. */
#include "sql/parse.h"

typedef struct pivot {
    ast_select   *query;
    int32_t       on_count, use_count;
    ast_pivot_on *ons;
    ast_item     *uses; /* of USING */
} pivot;

static ast_expr *
new_named(parser *p, ast_expr_kind kind, const char *name, int32_t arguments) {
    ast_expr *e = parser_new(p, kind, p->token.start);
    if (e != NULL) {
        e->name = (ast_name){.text = text_of(name), .position = e->position};
    }
    return e == NULL || parser_arguments(p, e, arguments) < 0 ? NULL : e;
}

static status
new_star(parser *p, ast_rename *gone, int32_t count, ast_item *out) {
    out->expr = parser_new(p, AST_STAR, p->token.start);
    TRY(out->expr == NULL ? ERR_OUT_OF_MEMORY : OK);
    ast_star *star = arena_alloc_zero(p->arena, sizeof(*star));
    TRY(star == NULL ? error_memory(p->err) : OK);
    star->excludes = gone;
    star->exclude_count = count;
    star->may_be_empty = true;
    out->expr->star = star;
    return parser_finish(p, out->expr);
}

static ast_select *
new_select(parser *p, ast_from *from) {
    ast_select *s = arena_alloc_zero(p->arena, sizeof(*s));
    if (s == NULL) {
        (void)error_memory(p->err);
        return NULL;
    }
    s->position = from->position;
    s->from = from;
    return s;
}

/* Pushes the columns that `e` names and that are not on the stack above `mark` yet. */
static status
push_columns(parser *p, size_t mark, const ast_expr *e) {
    if (e == NULL || e->kind == AST_COLUMNS) {
        return OK;
    }
    if (e->kind == AST_COLUMN) {
        const ast_rename *seen = (const ast_rename *)(const void *)(p->stack.data + mark);
        const size_t      count = (p->stack.size - mark) / sizeof(*seen);
        for (size_t i = 0; i < count; i++) {
            if (text_equal_nocase(seen[i].name.text, e->name.text)) {
                return OK;
            }
        }
        const ast_rename column = {.qualifier = e->qualifier, .name = e->name};
        return parser_push(p, &column, sizeof(column));
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(push_columns(p, mark, e->args[i]));
    }
    for (int32_t i = 0; i < e->order_count; i++) {
        TRY(push_columns(p, mark, e->orders[i].expr));
    }
    TRY(push_columns(p, mark, e->operand));
    TRY(push_columns(p, mark, e->otherwise));
    return push_columns(p, mark, e->filter);
}

/* ---- PIVOT */

/* expr [[AS] name] {, ...}: what USING computes. */
static status
parse_uses(parser *p, pivot *v) {
    const int32_t start = p->token.start;
    TRY(parse_item_list(p, &v->uses, &v->use_count));
    for (int32_t i = 0; i < v->use_count; i++) {
        const ast_expr *e = v->uses[i].expr;
        if (e->kind != AST_CALL || e->over != NULL) {
            (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                               "PIVOT computes aggregates such as sum(x)");
            return error_hint(p->err, "compute with their results in a query around PIVOT");
        }
    }
    return OK;
}

/* expr IN (value [AS name], ...); closed: IN must stand there */
static status
parse_on(parser *p, ast_pivot_on *on, bool closed) {
    TRY(parse_expr(p, LEVEL_CONCAT, &on->expr));
    if (!closed && !parser_at(p, KEYWORD_IN)) {
        return OK;
    }
    TRY(parser_expect(p, KEYWORD_IN, "the column of PIVOT"));
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "IN"));
    TRY(parse_item_list(p, &on->items, &on->count));
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the values of IN");
}

/* Behind ON with commas between them, in parentheses without. */
static status
parse_ons(parser *p, pivot *v, bool in_parentheses) {
    const size_t mark = p->stack.size;
    do {
        ast_pivot_on on = {.expr = NULL};
        TRY(parse_on(p, &on, in_parentheses));
        TRY(parser_push(p, &on, sizeof(on)));
    } while (in_parentheses
                 ? !parser_at_symbol(p, SYMBOL_RIGHT_PAREN) && !parser_at(p, KEYWORD_GROUP)
                 : parser_accept_symbol(p, SYMBOL_COMMA));
    return parser_take(p, mark, sizeof(ast_pivot_on), &v->ons, &v->on_count);
}

static void
append_label(parser *p, buf *out, const ast_expr *e) {
    for (int32_t i = 0; e->kind == AST_ROW && i < e->arg_count; i++) {
        buf_append_text(out, i > 0 ? TEXT("_") : TEXT(""));
        append_label(p, out, e->args[i]);
    }
    if (e->kind != AST_ROW) {
        const text whole = {p->sql.data + e->position, e->end - e->position};
        const bool literal = e->text.size > 0 && e->kind != AST_INTERVAL;
        buf_append_text(out, literal ? e->text : whole);
    }
}

/* The column of a choice of values: their aliases or texts, and the name of the aggregate where
 * there are several or it has one. */
static status
column_name(parser *p, const pivot *v, ast_item *const *values, const ast_item *use,
            ast_name *out) {
    buf             name;
    const ast_expr *e = values[0]->expr;
    const ast_expr *call = use->expr;
    buf_init(&name, p->arena->mem, SQL_NAME_BYTES_MAX);
    for (int32_t i = 0; i < v->on_count; i++) {
        buf_append_text(&name, i > 0 ? TEXT("_") : TEXT(""));
        if (values[i]->alias.text.data != NULL) {
            buf_append_text(&name, values[i]->alias.text);
        } else {
            append_label(p, &name, values[i]->expr);
        }
    }
    if (use->alias.text.data != NULL) {
        buf_printf(&name, "_%.*s", TEXT_ARG(use->alias.text));
    } else if (v->use_count > 1) {
        buf_printf(&name, "_%.*s", call->end - call->position, p->sql.data + call->position);
    }
    *out = (ast_name){
        .text = arena_text(p->arena, buf_text(&name)), .quoted = true, .position = e->position};
    const bool failed = name.failed;
    buf_fini(&name);
    return failed ? parser_too_many(p, e->position, SQL_NAME_BYTES_MAX, "bytes in a name")
           : out->text.data == NULL ? error_memory(p->err)
                                    : OK;
}

static status
make_binary(parser *p, text op, ast_expr *x, ast_expr *y, ast_expr **out) {
    ast_expr *e = new_named(p, AST_BINARY, "", 2);
    TRY(e == NULL ? ERR_OUT_OF_MEMORY : OK);
    e->op = op;
    e->args[0] = x;
    e->args[1] = y;
    *out = e;
    return parser_finish(p, e);
}

/* use FILTER (WHERE on = value AND ...) */
static status
make_cell(parser *p, const pivot *v, ast_item *const *values, const ast_item *use, ast_item *out) {
    ast_expr *call = parser_new(p, AST_CALL, use->expr->position);
    TRY(call == NULL ? ERR_OUT_OF_MEMORY : OK);
    *call = *use->expr;
    for (int32_t i = 0; i < v->on_count; i++) {
        ast_expr *equal;
        TRY(make_binary(p, TEXT("="), v->ons[i].expr, values[i]->expr, &equal));
        if (call->filter != NULL) {
            TRY(make_binary(p, TEXT("AND"), call->filter, equal, &equal));
        }
        call->filter = equal;
    }
    out->expr = call;
    TRY(parser_finish(p, call));
    return column_name(p, v, values, use, &out->alias);
}

static status
push_kept(parser *p, const pivot *v) {
    const size_t mark = p->stack.size;
    ast_item     star = {.expr = NULL};
    ast_rename  *gone;
    int32_t      count;
    for (int32_t i = 0; i < v->on_count; i++) {
        TRY(push_columns(p, mark, v->ons[i].expr));
    }
    for (int32_t i = 0; i < v->use_count; i++) {
        TRY(push_columns(p, mark, v->uses[i].expr));
    }
    TRY(parser_take(p, mark, sizeof(ast_rename), &gone, &count));
    TRY(new_star(p, gone, count, &star));
    return parser_push(p, &star, sizeof(star));
}

/* Every choice of a value of each of ON, the last changing first. */
static status
push_cells(parser *p, const pivot *v) {
    int64_t count = 1;
    for (int32_t i = 0; i < v->on_count && count <= MOST_COLUMNS(p); i++) {
        count *= v->ons[i].count;
    }
    if (count * v->use_count > MOST_COLUMNS(p)) {
        return parser_too_many(p, v->ons[0].expr->position, MOST_COLUMNS(p), "columns of a PIVOT");
    }
    ast_item **values = arena_alloc(p->arena, (size_t)v->on_count * sizeof(*values));
    TRY(values == NULL ? error_memory(p->err) : OK);
    for (int64_t n = 0; n < count; n++) {
        int64_t rest = n;
        for (int32_t i = v->on_count - 1; i >= 0; i--) {
            values[i] = &v->ons[i].items[rest % v->ons[i].count];
            rest /= v->ons[i].count;
        }
        for (int32_t k = 0; k < v->use_count; k++) {
            ast_item cell = {.expr = NULL};
            TRY(make_cell(p, v, values, &v->uses[k], &cell));
            TRY(parser_push(p, &cell, sizeof(cell)));
        }
    }
    return OK;
}

static status
check_width(parser *p, const ast_select *s) {
    return s->item_count <= MOST_COLUMNS(p)
               ? OK
               : parser_too_many(p, s->position, MOST_COLUMNS(p), "columns in a SELECT");
}

/* [GROUP BY expr {, expr}], then the query is made; open: but for the columns to be found. */
static status
make_pivot(parser *p, pivot *v, bool open) {
    const size_t mark = p->stack.size;
    if (parser_at(p, KEYWORD_GROUP)) {
        ast_item *kept;
        int32_t   count;
        parser_advance(p);
        TRY(parser_expect(p, KEYWORD_BY, "GROUP"));
        TRY(parse_item_list(p, &kept, &count));
        TRY(parser_push(p, kept, (size_t)count * sizeof(*kept)));
    } else {
        TRY(push_kept(p, v));
    }
    TRY(open ? OK : push_cells(p, v));
    ast_select *s = v->query;
    s->group_all = true;
    TRY(parser_take(p, mark, sizeof(ast_item), &s->items, &s->item_count));
    return check_width(p, s);
}

/* What USING would say when it is absent: count(*). */
static status
count_rows(parser *p, pivot *v) {
    v->uses = arena_alloc_zero(p->arena, sizeof(*v->uses));
    ast_expr *call = new_named(p, AST_CALL, "count", 1);
    ast_expr *star = parser_new(p, AST_STAR, p->token.start);
    TRY(v->uses == NULL ? error_memory(p->err) : OK);
    TRY(call == NULL || star == NULL ? ERR_OUT_OF_MEMORY : OK);
    TRY(parser_finish(p, star));
    call->args[0] = star;
    v->uses->expr = call;
    v->use_count = 1;
    return parser_finish(p, call);
}

/* SELECT DISTINCT on FROM relation ORDER BY 1 */
static status
make_values(parser *p, const pivot *v, ast_pivot_on *on) {
    ast_select *s = new_select(p, v->query->from);
    TRY(s == NULL ? ERR_OUT_OF_MEMORY : OK);
    s->items = arena_alloc_zero(p->arena, sizeof(*s->items));
    s->orders = arena_alloc_zero(p->arena, sizeof(*s->orders));
    TRY(s->items == NULL || s->orders == NULL ? error_memory(p->err) : OK);
    s->items->expr = on->expr;
    s->orders->expr = on->expr;
    s->distinct = true;
    s->item_count = s->order_count = 1;
    on->values = s;
    return OK;
}

static status
note_pivot(parser *p, const pivot *v) {
    ast_pivot *open = arena_alloc_zero(p->arena, sizeof(*open));
    TRY(open == NULL ? error_memory(p->err) : OK);
    *open = (ast_pivot){.query = v->query,
                        .ons = v->ons,
                        .on_count = v->on_count,
                        .uses = v->uses,
                        .use_count = v->use_count};
    for (int32_t i = 0; i < v->on_count; i++) {
        TRY(v->ons[i].items == NULL ? make_values(p, v, &v->ons[i]) : OK);
    }
    v->query->pivots = true;
    return buf_append(&p->pivots, &open, sizeof(open)) ? OK : error_memory(p->err);
}

/* A value of the column, which is compared as text: '2024' of the year 2024. */
static status
text_value(parser *p, text value, ast_item *out) {
    out->expr = parser_new(p, AST_STRING, p->token.start);
    TRY(out->expr == NULL ? ERR_OUT_OF_MEMORY : OK);
    out->expr->text = value;
    return parser_finish(p, out->expr);
}

status
parse_name_pivot(parser *p, ast_pivot_on *on, const text *values, int32_t count) {
    ast_expr *as_text = new_named(p, AST_CAST, "", 1);
    TRY(as_text == NULL ? ERR_OUT_OF_MEMORY : OK);
    as_text->args[0] = on->expr;
    as_text->type.name.text = TEXT("VARCHAR");
    TRY(parser_finish(p, as_text));
    on->expr = as_text;
    on->items = arena_alloc_zero(p->arena, sizeof(*on->items) * (size_t)(count + 1));
    TRY(on->items == NULL ? error_memory(p->err) : OK);
    on->count = count;
    for (int32_t i = 0; i < count; i++) {
        TRY(text_value(p, values[i], &on->items[i]));
    }
    return OK;
}

status
parse_fill_pivot(parser *p, ast_pivot *open) {
    const size_t mark = p->stack.size;
    ast_select  *s = open->query;
    const pivot  v = {.query = s,
                      .ons = open->ons,
                      .on_count = open->on_count,
                      .uses = open->uses,
                      .use_count = open->use_count};
    TRY(parser_push(p, s->items, (size_t)s->item_count * sizeof(*s->items)));
    TRY(push_cells(p, &v));
    TRY(parser_take(p, mark, sizeof(ast_item), &s->items, &s->item_count));
    s->pivots = false;
    return check_width(p, s);
}

static bool
is_open(const pivot *v) {
    for (int32_t i = 0; i < v->on_count; i++) {
        if (v->ons[i].items == NULL) {
            return true;
        }
    }
    return false;
}

/* PIVOT relation ON expr [IN (values)] {, ...} [USING uses] [GROUP BY ...] */
static status
parse_pivot(parser *p, ast_select **out) {
    ast_from *from;
    parser_advance(p);
    TRY(parse_relation(p, &from));
    pivot v = {.query = new_select(p, from)};
    TRY(v.query == NULL ? ERR_OUT_OF_MEMORY : OK);
    TRY(parser_expect(p, KEYWORD_ON, "the table of PIVOT"));
    TRY(parse_ons(p, &v, false));
    if (parser_accept(p, KEYWORD_USING)) {
        TRY(parse_uses(p, &v));
    } else {
        TRY(count_rows(p, &v));
    }
    *out = v.query;
    TRY(make_pivot(p, &v, is_open(&v)));
    return is_open(&v) ? note_pivot(p, &v) : OK;
}

/* ---- UNPIVOT */

typedef struct unpivot {
    int32_t   count;
    ast_item *columns; /* one, or a row of them, with the values of the name column as aliases */
    ast_name  name;
    int32_t   width; /* how many columns of values there are */
    ast_name *values;
    bool      nulls;
    bool      spreads; /* some columns are to be found */
} unpivot;

/* Column `at` of a group of columns. */
static ast_expr *
group_column(const ast_item *group, int32_t at) {
    return group->expr->kind == AST_ROW ? group->expr->args[at] : group->expr;
}

static int32_t
group_width(const ast_item *group) {
    return group->expr->kind == AST_ROW ? group->expr->arg_count : 1;
}

/* (a, b) is called a_b. */
static status
name_group(parser *p, ast_item *group) {
    buf name;
    buf_init(&name, p->arena->mem, SQL_NAME_BYTES_MAX);
    for (int32_t i = 0; i < group_width(group); i++) {
        buf_append_text(&name, i > 0 ? TEXT("_") : TEXT(""));
        buf_append_text(&name, group_column(group, i)->name.text);
    }
    group->alias = group_column(group, 0)->name;
    group->alias.text = arena_text(p->arena, buf_text(&name));
    const bool failed = name.failed;
    buf_fini(&name);
    return failed ? parser_too_many(p, group->expr->position, SQL_NAME_BYTES_MAX, "bytes in a name")
           : group->alias.text.data == NULL ? error_memory(p->err)
                                            : OK;
}

static bool
is_spread(const ast_item *group) {
    return group->expr->kind == AST_COLUMNS;
}

/* The one column of an expression; NULL: it has none, or several. */
static const ast_expr *
only_column(const ast_expr *e) {
    const ast_expr *found = e->kind == AST_COLUMN ? e : NULL;
    for (int32_t i = 0; i < e->arg_count; i++) {
        const ast_expr *one = only_column(e->args[i]);
        if (one != NULL && found != NULL) {
            return NULL;
        }
        found = one != NULL ? one : found;
    }
    return found;
}

/* A column, an expression, which is called as its column where it has no name, or several columns
 * that are to be found. */
static status
check_group(parser *p, ast_item *group, int32_t start) {
    if (group->expr->kind == AST_STAR || is_spread(group)) {
        group->expr->kind = AST_COLUMNS;
        group->expr->all = true;
        group->expr->implied = AST_IMPLIED_NOT;
        return OK;
    }
    if (group->expr->kind != AST_ROW && group->expr->kind != AST_COLUMN) {
        const ast_expr *column = only_column(group->expr);
        if (column == NULL && group->alias.text.data == NULL) {
            (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                               "an expression of UNPIVOT needs a name");
            return error_hint(p->err, "write it as in ON a + b AS c");
        }
        group->alias = group->alias.text.data == NULL ? column->name : group->alias;
        return OK;
    }
    for (int32_t k = 0; k < group_width(group); k++) {
        if (group_column(group, k)->kind != AST_COLUMN) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                                "UNPIVOT takes columns, separated by commas, or rows of their "
                                "names: (a, b), (c, d)");
        }
    }
    return group->alias.text.data == NULL ? name_group(p, group) : OK;
}

static status
parse_unpivoted(parser *p, unpivot *u) {
    const int32_t start = p->token.start;
    TRY(parse_item_list(p, &u->columns, &u->count));
    for (int32_t i = 0; i < u->count; i++) {
        TRY(check_group(p, &u->columns[i], start));
        u->spreads |= is_spread(&u->columns[i]);
    }
    return OK;
}

/* Each row of columns has one for each name of VALUE. */
static status
check_widths(parser *p, const unpivot *u) {
    for (int32_t i = 0; i < u->count; i++) {
        if (group_width(&u->columns[i]) != u->width) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, u->columns[i].expr->position,
                                "UNPIVOT has %d column%s of values, and here stand%s %d", u->width,
                                u->width == 1 ? "" : "s",
                                group_width(&u->columns[i]) == 1 ? "s" : "",
                                group_width(&u->columns[i]));
        }
    }
    return OK;
}

/* name {, name} */
static status
parse_value_names(parser *p, unpivot *u, const char *before) {
    const size_t mark = p->stack.size;
    do {
        ast_name name;
        TRY(parser_name(p, &name, "a name for the column of values", before));
        TRY(parser_push(p, &name, sizeof(name)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return parser_take(p, mark, sizeof(ast_name), &u->values, &u->width);
}

/* unnest([...]) AS name: of the names (at < 0) or of one column of values */
static status
make_unnest(parser *p, const unpivot *u, int32_t at, ast_item *out) {
    const bool called = u->spreads && at < 0;
    ast_expr  *list = called ? new_named(p, AST_CALL, "column_names", u->count)
                             : new_named(p, AST_LIST, "", u->count);
    ast_expr  *call = new_named(p, AST_CALL, "unnest", 1);
    TRY(list == NULL || call == NULL ? ERR_OUT_OF_MEMORY : OK);
    for (int32_t i = 0; i < u->count; i++) {
        list->args[i] = group_column(&u->columns[i], at < 0 ? 0 : at);
        if (at < 0 && !is_spread(&u->columns[i])) {
            list->args[i] = parser_new(p, AST_STRING, p->token.start);
            TRY(list->args[i] == NULL ? ERR_OUT_OF_MEMORY : OK);
            list->args[i]->text = u->columns[i].alias.text;
            TRY(parser_finish(p, list->args[i]));
        }
    }
    TRY(parser_finish(p, list));
    call->args[0] = list;
    *out = (ast_item){.expr = call, .alias = at < 0 ? u->name : u->values[at]};
    return parser_finish(p, call);
}

/* value IS NOT NULL */
static status
make_there(parser *p, ast_name name, ast_expr **out) {
    ast_expr *there = new_named(p, AST_IS_NULL, "", 1);
    ast_expr *value = parser_new(p, AST_COLUMN, p->token.start);
    TRY(there == NULL || value == NULL ? ERR_OUT_OF_MEMORY : OK);
    value->name = name;
    TRY(parser_finish(p, value));
    there->args[0] = value;
    there->negated = true;
    *out = there;
    return parser_finish(p, there);
}

/* SELECT * FROM (s) WHERE value IS NOT NULL AND ... */
static status
leave_nulls_out(parser *p, const unpivot *u, ast_select **s) {
    ast_from *f = arena_alloc_zero(p->arena, sizeof(*f));
    TRY(f == NULL ? error_memory(p->err) : OK);
    *f = (ast_from){.kind = AST_FROM_SUBQUERY, .position = (*s)->position, .query = *s};
    ast_select *outer = new_select(p, f);
    TRY(outer == NULL ? ERR_OUT_OF_MEMORY : OK);
    for (int32_t i = 0; i < u->width; i++) {
        ast_expr *there;
        TRY(make_there(p, u->values[i], &there));
        TRY(outer->where == NULL ? OK : make_binary(p, TEXT("AND"), outer->where, there, &there));
        outer->where = there;
    }
    p->from_height++;
    *s = outer;
    return parse_star_item(p, outer);
}

/* * EXCLUDE what goes into rows */
static status
make_kept(parser *p, const unpivot *u, ast_item *out) {
    const size_t mark = p->stack.size;
    ast_rename  *gone;
    int32_t      count;
    for (int32_t i = 0; i < u->count; i++) {
        TRY(push_columns(p, mark, u->columns[i].expr));
    }
    TRY(parser_take(p, mark, sizeof(ast_rename), &gone, &count));
    TRY(new_star(p, gone, count, out));
    ast_star *star = out->expr->star;
    star->withouts = arena_alloc(p->arena, (size_t)u->count * sizeof(ast_expr *));
    TRY(star->withouts == NULL ? error_memory(p->err) : OK);
    for (int32_t i = 0; i < u->count; i++) {
        if (is_spread(&u->columns[i])) {
            star->withouts[star->without_count++] = u->columns[i].expr;
        }
    }
    return OK;
}

static status
make_unpivot(parser *p, const unpivot *u, ast_from *from, ast_select **out) {
    ast_select *s = new_select(p, from);
    TRY(s == NULL ? ERR_OUT_OF_MEMORY : OK);
    TRY(check_widths(p, u));
    s->items = arena_alloc_zero(p->arena, (size_t)(2 + u->width) * sizeof(*s->items));
    TRY(s->items == NULL ? error_memory(p->err) : OK);
    s->item_count = 2 + u->width;
    TRY(make_kept(p, u, &s->items[0]));
    TRY(make_unnest(p, u, -1, &s->items[1]));
    for (int32_t i = 0; i < u->width; i++) {
        TRY(make_unnest(p, u, i, &s->items[2 + i]));
    }
    *out = s;
    return u->nulls ? OK : leave_nulls_out(p, u, out);
}

/* UNPIVOT [INCLUDE NULLS], behind the word */
static void
accept_nulls(parser *p, unpivot *u) {
    if (parser_at_word(p, "INCLUDE") || parser_at(p, KEYWORD_EXCLUDE)) {
        u->nulls = !parser_at(p, KEYWORD_EXCLUDE);
        parser_advance(p);
        parser_advance(p); /* NULLS */
    }
}

/* UNPIVOT relation ON columns [INTO NAME name VALUE name {, name}] */
static status
parse_unpivot(parser *p, ast_select **out) {
    ast_name  value = {.text = TEXT("value")};
    unpivot   u = {.name = {.text = TEXT("name")}, .width = 1, .values = &value};
    ast_from *from;
    parser_advance(p);
    TRY(parse_relation(p, &from));
    TRY(parser_expect(p, KEYWORD_ON, "the table of UNPIVOT"));
    const int32_t height = p->from_height;
    TRY(parse_unpivoted(p, &u));
    if (parser_accept(p, KEYWORD_INTO)) {
        if (!parser_accept_word(p, "NAME")) {
            return parser_error(p, "NAME", "INTO");
        }
        TRY(parser_name(p, &u.name, "a name for the column of names", "NAME"));
        if (!parser_accept_word(p, "VALUE")) {
            return parser_error(p, "VALUE", "the name of the column of names");
        }
        TRY(parse_value_names(p, &u, "VALUE"));
    }
    p->from_height = height;
    return make_unpivot(p, &u, from, out);
}

/* PIVOT and UNPIVOT are names too: a relation stands behind them, or they are one. */
bool
parser_pivots(token t, token next) {
    const bool word = t.keyword == KEYWORD_PIVOT || t.keyword == KEYWORD_UNPIVOT;
    return word &&
           (next.symbol == SYMBOL_LEFT_PAREN || next.kind == TOKEN_QUOTED_NAME ||
            next.kind == TOKEN_STRING ||
            (next.kind == TOKEN_WORD && keyword_class_of(next.keyword) == KEYWORD_CLASS_FREE));
}

status
parse_pivot_term(parser *p, ast_select **out) {
    return parser_at(p, KEYWORD_PIVOT) ? parse_pivot(p, out) : parse_unpivot(p, out);
}

/* ---- behind a relation */

/* ( uses FOR on IN (values) {on IN (values)} [GROUP BY ...] ) */
static status
parse_pivot_of(parser *p, ast_from *from, ast_select **out) {
    pivot v = {.query = new_select(p, from)};
    TRY(v.query == NULL ? ERR_OUT_OF_MEMORY : OK);
    TRY(parse_uses(p, &v));
    TRY(parser_expect(p, KEYWORD_FOR, "the aggregates of PIVOT"));
    TRY(parse_ons(p, &v, true));
    *out = v.query;
    return make_pivot(p, &v, false);
}

/* ( value | (value, ...) FOR name IN (columns) ) */
static status
parse_unpivot_of(parser *p, unpivot *u, ast_from *from, ast_select **out) {
    const bool several = parser_accept_symbol(p, SYMBOL_LEFT_PAREN);
    TRY(parse_value_names(p, u, "("));
    TRY(several ? parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the columns of values") : OK);
    TRY(parser_expect(p, KEYWORD_FOR, "the column of values"));
    TRY(parser_name(p, &u->name, "a name for the column of names", "FOR"));
    TRY(parser_expect(p, KEYWORD_IN, "the column of names"));
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "IN"));
    TRY(parse_unpivoted(p, u));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the columns of UNPIVOT"));
    return make_unpivot(p, u, from, out);
}

status
parse_pivot_of_relation(parser *p, ast_from **relation) {
    const bool    pivots = parser_at(p, KEYWORD_PIVOT);
    const int32_t height = p->from_height;
    unpivot       u = {.nulls = false};
    ast_from     *f = arena_alloc_zero(p->arena, sizeof(*f));
    TRY(f == NULL ? error_memory(p->err) : OK);
    *f = (ast_from){.kind = AST_FROM_SUBQUERY, .position = (*relation)->position};
    parser_advance(p);
    if (!pivots) {
        accept_nulls(p, &u);
    }
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, pivots ? "PIVOT" : "UNPIVOT"));
    TRY(pivots ? parse_pivot_of(p, *relation, &f->query)
               : parse_unpivot_of(p, &u, *relation, &f->query));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, pivots ? "PIVOT (" : "UNPIVOT ("));
    p->from_height = height + (pivots || u.nulls ? 1 : 2);
    TRY(parse_check_height(p, f->position));
    *relation = f;
    return parse_relation_alias(p, f);
}
