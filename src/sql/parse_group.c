/* SPDX-License-Identifier: Apache-2.0 */
/* parse_group.c - GROUP BY: expressions, lists of them, GROUPING SETS, ROLLUP and CUBE.
 *
 * All expressions stand in the select's `groups`, in their order. Only where an item makes sets is
 * there a tree of items, too. */
#include "sql/parse.h"

static status parse_grouping(parser *p, ast_grouping *out, bool element);

/* ( item {, item} ) of ROLLUP, CUBE and GROUPING SETS. */
static status
parse_grouping_list(parser *p, ast_grouping *out, bool elements) {
    const size_t mark = p->stack.size;
    int32_t      count = 0;
    TRY(parser_enter(p));
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, keyword_name(p->previous.keyword)));
    do {
        ast_grouping item = {.kind = AST_GROUPING_EXPR};
        if (count > 0 && parser_list_ends(p)) {
            break;
        }
        if (count++ == MOST_COLUMNS(p)) {
            return parser_too_many(p, p->token.start, MOST_COLUMNS(p), "grouping sets");
        }
        TRY(parse_grouping(p, &item, elements));
        TRY(parser_push(p, &item, sizeof(item)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the grouping sets"));
    parser_leave(p);
    return parser_take(p, mark, sizeof(ast_grouping), &out->items, &out->count);
}

static status
parse_grouping_words(parser *p, ast_grouping *out, bool *found) {
    *found = true;
    if (parser_at(p, KEYWORD_GROUPING) && parser_next_is(p, KEYWORD_SETS)) {
        out->kind = AST_GROUPING_SETS;
        parser_advance(p);
        parser_advance(p);
        return parse_grouping_list(p, out, false);
    }
    const bool rollup = parser_at(p, KEYWORD_ROLLUP);
    if ((rollup || parser_at(p, KEYWORD_CUBE)) && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN)) {
        out->kind = rollup ? AST_GROUPING_ROLLUP : AST_GROUPING_CUBE;
        parser_advance(p);
        return parse_grouping_list(p, out, true);
    }
    *found = false;
    return OK;
}

/* An expression, or the list that a row is, rows in it too. */
static status
grouping_of(parser *p, ast_grouping *out, ast_expr *e) {
    *out = (ast_grouping){.kind = AST_GROUPING_EXPR, .position = e->position, .expr = e};
    if (e->kind != AST_ROW) {
        return OK;
    }
    *out = (ast_grouping){.kind = AST_GROUPING_LIST, .position = e->position};
    out->count = e->arg_count;
    out->items = arena_alloc_zero(p->arena, (size_t)e->arg_count * sizeof(*out->items));
    TRY(out->items == NULL ? error_memory(p->err) : OK);
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(grouping_of(p, &out->items[i], e->args[i]));
    }
    return OK;
}

/* An expression; (a, b), which is a list; ()... */
static status
parse_grouping_expr(parser *p, ast_grouping *out) {
    ast_expr *e;
    if (parser_at_symbol(p, SYMBOL_LEFT_PAREN) && parser_next_is_symbol(p, SYMBOL_RIGHT_PAREN)) {
        out->kind = AST_GROUPING_LIST;
        parser_advance(p);
        parser_advance(p);
        return OK;
    }
    TRY(parse_expr(p, LEVEL_ANY, &e));
    return grouping_of(p, out, e);
}

/* ... and, where it is no element of ROLLUP or CUBE, sets. */
static status
parse_grouping(parser *p, ast_grouping *out, bool element) {
    bool sets = false;
    out->position = p->token.start;
    TRY(element ? OK : parse_grouping_words(p, out, &sets));
    return sets ? OK : parse_grouping_expr(p, out);
}

/* Pushes the expressions, left to right, and numbers them; *plain: nothing makes sets. */
static status
collect(parser *p, ast_grouping *g, int32_t *count, bool *plain) {
    if (g->kind == AST_GROUPING_EXPR) {
        g->group = (*count)++;
        if (*count > MOST_COLUMNS(p)) {
            return parser_too_many(p, g->position, MOST_COLUMNS(p), "columns in GROUP BY");
        }
        return parser_push(p, &g->expr, sizeof(ast_expr *));
    }
    *plain = *plain && g->kind == AST_GROUPING_LIST && g->count > 0;
    for (int32_t i = 0; i < g->count; i++) {
        TRY(collect(p, &g->items[i], count, plain));
    }
    return OK;
}

status
parse_group(parser *p, ast_select *s) {
    const size_t mark = p->stack.size;
    int32_t      count = 0;
    bool         plain = true;
    TRY(parser_expect(p, KEYWORD_BY, "GROUP"));
    if (parser_accept(p, KEYWORD_ALL)) {
        s->group_all = true;
        return OK;
    }
    s->group_distinct = parser_accept(p, KEYWORD_DISTINCT);
    do {
        ast_grouping item = {.kind = AST_GROUPING_EXPR};
        if (count > 0 && parser_list_ends(p)) {
            break;
        }
        if (count++ == MOST_COLUMNS(p)) {
            return parser_too_many(p, p->token.start, MOST_COLUMNS(p), "columns in GROUP BY");
        }
        TRY(parse_grouping(p, &item, false));
        TRY(parser_push(p, &item, sizeof(item)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_take(p, mark, sizeof(ast_grouping), &s->groupings, &s->grouping_count));
    count = 0;
    for (int32_t i = 0; i < s->grouping_count; i++) {
        TRY(collect(p, &s->groupings[i], &count, &plain));
    }
    s->grouping_count = plain ? 0 : s->grouping_count;
    s->group_distinct = s->group_distinct && !plain;
    return parser_take(p, mark, sizeof(ast_expr *), &s->groups, &s->group_count);
}
