/* SPDX-License-Identifier: Apache-2.0 */
/* parse_subquery.c - queries in expressions: as a value, in EXISTS and IN, behind ANY and ALL.
 *
 * The expression that holds a query is at least as high and as deeply nested as what the query
 * holds, so that the limits of trees count through subqueries. */
#include "sql/parse.h"

static bool
starts_query(token t) {
    return t.keyword == KEYWORD_SELECT || t.keyword == KEYWORD_FROM || t.keyword == KEYWORD_WITH;
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
    if (starts_query(t) ||
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
    return holds_query(p->sql, p->next, 0);
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

status
parse_quantified(parser *p, ast_expr *e) {
    e->kind = AST_QUANTIFIED;
    e->all = parser_at(p, KEYWORD_ALL);
    parser_advance(p);
    return parse_inner(p, e, e->all ? "the query of ALL" : "the query of ANY");
}
