/* SPDX-License-Identifier: Apache-2.0 */
/* parse_subquery.c - queries in expressions: as a value, in EXISTS and IN, behind ANY and ALL.
 *
 * The expression that holds a query is at least as high and as deeply nested as what the query
 * holds, so that the limits of trees count through subqueries. */
#include "sql/parse.h"

static bool
starts_query(token t) {
    return t.keyword == KEYWORD_SELECT || t.keyword == KEYWORD_FROM || t.keyword == KEYWORD_WITH ||
           t.keyword == KEYWORD_TABLE;
}

/* The query starts with `t`, also one that PIVOT or UNPIVOT makes. */
static bool
starts_any_query(text sql, token t) {
    return starts_query(t) || parser_pivots(t, token_next(sql, t.end));
}

/* The token behind the parenthesis that closes `open`. */
static token
skip_parentheses(text sql, token open) {
    int32_t depth = 0;
    token   t = open;
    do {
        depth += t.symbol == SYMBOL_LEFT_PAREN;
        depth -= t.symbol == SYMBOL_RIGHT_PAREN;
        t = token_next(sql, t.end);
    } while (depth > 0 && t.kind != TOKEN_END && t.kind != TOKEN_BAD);
    return t;
}

/* Parentheses around a query, whose first word may stand in more of them: ((SELECT 1) UNION ...) is
 * one, ((SELECT 1) + 1) and ((SELECT 1) AS t JOIN u) are not. */
static bool
holds_query(text sql, token open, int32_t depth) {
    const token t = token_next(sql, open.end);
    if (starts_any_query(sql, t) ||
        (t.keyword == KEYWORD_VALUES && token_next(sql, t.end).symbol == SYMBOL_LEFT_PAREN)) {
        return true;
    }
    if (t.symbol != SYMBOL_LEFT_PAREN || depth == SQL_QUERY_DEPTH_MAX ||
        !holds_query(sql, t, depth + 1)) {
        return false;
    }
    const token after = skip_parentheses(sql, t);
    switch (after.keyword) {
    case KEYWORD_UNION:
    case KEYWORD_EXCEPT:
    case KEYWORD_INTERSECT:
    case KEYWORD_ORDER:
    case KEYWORD_LIMIT:
    case KEYWORD_OFFSET:
    case KEYWORD_FETCH:
        return true;
    default:
        return after.symbol == SYMBOL_RIGHT_PAREN;
    }
}

bool
parser_at_query_value(const parser *p) {
    return parser_at_symbol(p, SYMBOL_LEFT_PAREN) && holds_query(p->sql, p->token, 0);
}

bool
parser_next_is_query(const parser *p) {
    return holds_query(p->sql, p->next, 0);
}

bool
parser_at_exists(const parser *p) {
    if (!parser_at(p, KEYWORD_EXISTS) || !parser_next_is_symbol(p, SYMBOL_LEFT_PAREN)) {
        return false;
    }
    return holds_query(p->sql, p->next, 0);
}

bool
parser_at_quantifier(const parser *p) {
    const bool word =
        parser_at(p, KEYWORD_ANY) || parser_at(p, KEYWORD_SOME) || parser_at(p, KEYWORD_ALL);
    if (!word || !parser_next_is_symbol(p, SYMBOL_LEFT_PAREN)) {
        return false;
    }
    return true;
}

/* ( query ) into e->query, with the height and nesting of its trees. FROM lists around the
 * expression keep their height. */
static status
parse_inner(parser *p, ast_expr *e, const char *what) {
    const int32_t tallest = p->tallest, deepest = p->deepest, from_height = p->from_height;
    p->tallest = 0;
    p->deepest = 0;
    TRY(parse_subquery(p, &e->query, what));
    e->query_height = (int16_t)p->tallest;
    e->query_nesting = (int16_t)(p->deepest + 1);
    p->tallest = tallest;
    p->deepest = deepest;
    p->from_height = from_height;
    return OK;
}

status
parse_query_value(parser *p, ast_expr **out) {
    *out = parser_new(p, AST_SUBQUERY, p->token.start);
    if (*out == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parse_inner(p, *out, "the subquery"));
    return parser_finish(p, *out);
}

static ast_expr *
new_call(parser *p, const char *name, int32_t position, int32_t arguments) {
    ast_expr *e = parser_new(p, AST_CALL, position);
    if (e != NULL) {
        e->name = (ast_name){.text = text_of(name), .position = position};
    }
    return e == NULL || parser_arguments(p, e, arguments) < 0 ? NULL : e;
}

/* coalesce(array_agg(item), []); item NULL: #1. */
static status
list_of(parser *p, int32_t at, ast_expr *item, const ast_select *ordered, ast_expr **out) {
    ast_expr *all = new_call(p, "array_agg", at, 1);
    ast_expr *some = new_call(p, "coalesce", at, 2);
    ast_expr *none = parser_new(p, AST_LIST, at);
    if (item == NULL) {
        item = parser_new(p, AST_POSITION, at);
        TRY(item == NULL ? ERR_OUT_OF_MEMORY : OK);
        item->number = 1;
        TRY(parser_finish(p, item));
    }
    TRY(all == NULL || some == NULL || none == NULL ? ERR_OUT_OF_MEMORY : OK);
    all->args[0] = item;
    if (ordered != NULL) {
        all->order_count = ordered->order_count;
        all->orders = ordered->orders;
    }
    some->args[0] = all;
    some->args[1] = none;
    TRY(parser_finish(p, all));
    TRY(parser_finish(p, none));
    *out = some;
    return parser_finish(p, some);
}

/* ARRAY (query), behind ARRAY: (SELECT coalesce(array_agg(#1), []) FROM (query)); where it only has
 * an ORDER BY around its rows, that is the order of the list. */
status
parse_array_query(parser *p, ast_expr **out) {
    const int32_t at = p->token.start;
    ast_expr     *e = parser_new(p, AST_SUBQUERY, at);
    TRY(e == NULL ? ERR_OUT_OF_MEMORY : OK);
    parser_advance(p);
    TRY(parse_inner(p, e, "the query of ARRAY"));
    ast_select *inner = e->query;
    const bool  plain = inner->kind == AST_SELECT_PLAIN && inner->item_count == 1 &&
                       inner->items[0].expr->kind != AST_STAR && !inner->distinct &&
                       inner->group_count == 0 && !inner->group_all && inner->having == NULL &&
                       inner->qualify == NULL && inner->limit == NULL && inner->offset == NULL;
    if (plain && inner->order_count > 0) {
        TRY(list_of(p, at, inner->items[0].expr, inner, &inner->items[0].expr));
        inner->order_count = 0;
        *out = e;
        return parser_finish(p, e);
    }
    ast_select *s = arena_alloc_zero(p->arena, sizeof(*s));
    ast_from   *f = arena_alloc_zero(p->arena, sizeof(*f));
    ast_item   *item = arena_alloc_zero(p->arena, sizeof(*item));
    TRY(s == NULL || f == NULL || item == NULL ? error_memory(p->err) : OK);
    TRY(list_of(p, at, NULL, NULL, &item->expr));
    *f = (ast_from){.kind = AST_FROM_SUBQUERY, .position = at, .query = inner};
    *s = (ast_select){.position = at, .item_count = 1, .items = item, .from = f};
    e->query = s;
    e->query_height++;
    e->query_nesting++;
    *out = e;
    return parser_finish(p, e);
}

status
parse_exists(parser *p, ast_expr **out) {
    *out = parser_new(p, AST_EXISTS, p->token.start);
    if (*out == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    parser_advance(p);
    TRY(parse_inner(p, *out, "the query of EXISTS"));
    return parser_finish(p, *out);
}

status
parse_in_query(parser *p, ast_expr *e) {
    e->kind = AST_IN_QUERY;
    return parse_inner(p, e, "the query of IN");
}

/* A query of one item without FROM around an expression that begins here. */
static status
parse_item_query(parser *p, const char *function, ast_select **out) {
    ast_select *s = arena_alloc_zero(p->arena, sizeof(*s));
    TRY(s == NULL ? error_memory(p->err) : OK);
    s->position = p->token.start;
    s->items = arena_alloc_zero(p->arena, sizeof(*s->items));
    TRY(s->items == NULL ? error_memory(p->err) : OK);
    s->item_count = 1;
    ast_expr *call = parser_new(p, AST_CALL, p->token.start);
    TRY(call == NULL ? ERR_OUT_OF_MEMORY : OK);
    call->name = (ast_name){.text = text_of(function), .position = p->token.start};
    TRY(parser_arguments(p, call, 1));
    TRY(parse_expr(p, LEVEL_ANY, &call->args[0]));
    s->items[0].expr = call;
    *out = s;
    return parser_finish(p, call);
}

/* op ANY (list): op ANY (SELECT unnest(list)) */
static status
parse_quantified_list(parser *p, ast_expr *e) {
    const int32_t tallest = p->tallest, deepest = p->deepest, from_height = p->from_height;
    p->tallest = 0;
    p->deepest = 0;
    parser_advance(p); /* "(" */
    TRY(parse_item_query(p, "unnest", &e->query));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN,
                             e->all ? "the list of ALL" : "the list of ANY"));
    e->query_height = (int16_t)p->tallest;
    e->query_nesting = (int16_t)(p->deepest + 1);
    p->tallest = tallest;
    p->deepest = deepest;
    p->from_height = from_height;
    return OK;
}

status
parse_quantified(parser *p, ast_expr *e) {
    e->kind = AST_QUANTIFIED;
    e->all = parser_at(p, KEYWORD_ALL);
    parser_advance(p);
    if (!holds_query(p->sql, p->token, 0)) {
        return parse_quantified_list(p, e);
    }
    return parse_inner(p, e, e->all ? "the query of ALL" : "the query of ANY");
}
