/* SPDX-License-Identifier: Apache-2.0 */
/* parse_query.c - what stands around a SELECT: WITH before it, UNION beside it, ORDER BY and LIMIT
 * behind it, parentheses; and VALUES, which stands where a SELECT may.
 *
 * A query leaves p->from_height at the height of its tree: joins, subqueries, branches of UNION and
 * the queries of WITH together. */
#include "sql/parse.h"

bool
parser_at_query(const parser *p) {
    static const keyword firsts[] = {KEYWORD_SELECT, KEYWORD_FROM, KEYWORD_WITH, KEYWORD_TABLE};
    const bool           paren = parser_at_symbol(p, SYMBOL_LEFT_PAREN);
    if (paren ? parser_pivots(p->next, parser_peek_third(p)) : parser_pivots(p->token, p->next)) {
        return true;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(firsts); i++) {
        if (paren ? parser_next_is(p, firsts[i]) : parser_at(p, firsts[i])) {
            return true;
        }
    }
    if (paren) {
        const bool values =
            parser_next_is(p, KEYWORD_VALUES) && parser_peek_third(p).symbol == SYMBOL_LEFT_PAREN;
        return values || parser_next_is_symbol(p, SYMBOL_LEFT_PAREN);
    }
    return parser_at(p, KEYWORD_VALUES) && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN);
}

status
parse_check_height(parser *p, int32_t position) {
    if (p->from_height > MOST_LEVELS(p)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, position,
                            "FROM has more than %d levels of joins and subqueries", MOST_LEVELS(p));
    }
    return OK;
}

status
parse_names(parser *p, ast_name **out, int32_t *count, const char *after) {
    const size_t  mark = p->stack.size;
    const int32_t start = p->token.start;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, after));
    do {
        ast_name name = {.quoted = false};
        if (p->stack.size > mark && parser_list_ends(p)) {
            break;
        }
        TRY(parser_name(p, &name, "a column name", after));
        TRY(parser_push(p, &name, sizeof(name)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the column names"));
    TRY(parser_take(p, mark, sizeof(ast_name), out, count));
    return *count <= MOST_COLUMNS(p) ? OK : parser_too_many(p, start, MOST_COLUMNS(p), "columns");
}

status
parse_subquery(parser *p, ast_select **out, const char *what) {
    const int32_t start = p->token.start;
    parser_advance(p);
    if (!parser_at_query(p)) {
        return parser_error(p, "a query (SELECT, FROM, WITH or VALUES)", "\"(\"");
    }
    TRY(parse_query(p, out));
    p->from_height++;
    TRY(parse_check_height(p, start));
    if (parser_at(p, KEYWORD_EMIT) || parser_at(p, KEYWORD_ALLOW)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "%s stands at the end of the whole statement, not in a subquery",
                            keyword_name(p->token.keyword));
    }
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, what);
}

/* ---- VALUES ---- */

/* Values of a row of INSERT, each an expression or DEFAULT. */
static status
parse_inserted(parser *p) {
    int32_t count = 0;
    do {
        ast_expr *e;
        if (count > 0 && parser_list_ends(p)) {
            break;
        }
        if (count++ == MOST_COLUMNS(p)) {
            return parser_too_many(p, p->token.start, MOST_COLUMNS(p), "values in a row");
        }
        if (parser_at(p, KEYWORD_DEFAULT)) {
            e = parser_new(p, AST_DEFAULT, p->token.start);
            TRY(e == NULL ? ERR_OUT_OF_MEMORY : OK);
            parser_advance(p);
            TRY(parser_finish(p, e));
        } else {
            TRY(parse_expr(p, LEVEL_ANY, &e));
        }
        TRY(parser_push(p, &e, sizeof(ast_expr *)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return OK;
}

/* One row: its expressions are pushed and must be as many as those of the first. */
static status
parse_row(parser *p, ast_select *s, bool inserted) {
    const size_t  before = p->stack.size;
    const int32_t start = p->token.start;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, s->row_count == 0 ? "VALUES" : "\",\""));
    TRY(inserted ? parse_inserted(p) : parse_expr_list(p, MOST_COLUMNS(p), "values in a row"));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the values of a row"));
    const int32_t width = (int32_t)((p->stack.size - before) / sizeof(ast_expr *));
    if (s->row_count == 0) {
        s->row_width = width;
    } else if (width != s->row_width) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                            "row %d has %d values, but row 1 has %d", s->row_count + 1, width,
                            s->row_width);
    }
    s->row_count++;
    return OK;
}

static status
new_query(parser *p, ast_select **out, ast_select_kind kind, int32_t position) {
    *out = arena_alloc_zero(p->arena, sizeof(**out));
    if (*out == NULL) {
        return error_memory(p->err);
    }
    (*out)->kind = kind;
    (*out)->position = position;
    return OK;
}

static status
parse_values(parser *p, ast_select **out) {
    const size_t mark = p->stack.size;
    int32_t      count;
    TRY(new_query(p, out, AST_SELECT_VALUES, p->token.start));
    ast_select *s = *out;
    const bool  inserted = p->inserted;
    p->inserted = false;
    parser_advance(p);
    do {
        if (s->row_count > 0 && !parser_at_symbol(p, SYMBOL_LEFT_PAREN) && parser_list_ends(p)) {
            break;
        }
        TRY(parse_row(p, s, inserted));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    p->from_height = 0;
    return parser_take(p, mark, sizeof(ast_expr *), &s->rows, &count);
}

/* ---- UNION ---- */

/* name: SELECT * FROM name. */
status
parse_named_rows(parser *p, ast_select **out) {
    TRY(new_query(p, out, AST_SELECT_PLAIN, p->token.start));
    (*out)->from = arena_alloc_zero(p->arena, sizeof(*(*out)->from));
    TRY((*out)->from == NULL ? error_memory(p->err) : OK);
    (*out)->from->position = p->token.start;
    TRY(parse_star_item(p, *out));
    p->from_height = 1;
    return parser_name(p, &(*out)->from->name, "a name", keyword_name(p->previous.keyword));
}

static status
parse_table_term(parser *p, ast_select **out) {
    const token table = p->token;
    parser_advance(p);
    TRY(parse_named_rows(p, out));
    parse_star_place(p, *out, AST_IMPLIED_TABLE, table);
    return OK;
}

static status
parse_term(parser *p, ast_select **out) {
    if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        return parse_subquery(p, out, "the query");
    }
    if (parser_at(p, KEYWORD_VALUES)) {
        return parse_values(p, out);
    }
    if (parser_at(p, KEYWORD_TABLE)) {
        return parse_table_term(p, out);
    }
    if (parser_pivots(p->token, p->next)) {
        return parse_pivot_term(p, out);
    }
    return parse_select(p, out);
}

typedef struct set_kind {
    ast_set_op op;
    bool       distinct, by_name;
} set_kind;

/* Makes a node of the branches on the stack above `mark`. */
static status
make_union(parser *p, size_t mark, set_kind kind, int32_t position, ast_select **out) {
    TRY(new_query(p, out, AST_SELECT_UNION, position));
    (*out)->set_op = kind.op;
    (*out)->distinct = kind.distinct;
    (*out)->by_name = kind.by_name;
    TRY(parser_take(p, mark, sizeof(ast_select *), &(*out)->branches, &(*out)->branch_count));
    p->from_height++;
    TRY(parse_check_height(p, position));
    return (*out)->branch_count <= MOST_UNIONS(p)
               ? OK
               : parser_too_many(p, position, MOST_UNIONS(p), "queries in a UNION");
}

/* (UNION | EXCEPT | INTERSECT) [ALL | DISTINCT] [BY NAME], of the level. */
static bool
accept_set_word(parser *p, bool intersects, set_kind *kind, const char **word) {
    *kind = (set_kind){.op = AST_SET_INTERSECT};
    *word = "INTERSECT";
    if (intersects) {
        if (!parser_accept(p, KEYWORD_INTERSECT)) {
            return false;
        }
    } else if (parser_accept(p, KEYWORD_UNION)) {
        kind->op = AST_SET_UNION;
        *word = "UNION";
    } else if (parser_accept(p, KEYWORD_EXCEPT)) {
        kind->op = AST_SET_EXCEPT;
        *word = "EXCEPT";
    } else {
        return false;
    }
    kind->distinct = !parser_accept(p, KEYWORD_ALL);
    if (kind->distinct) {
        (void)parser_accept(p, KEYWORD_DISTINCT);
    }
    if (kind->op == AST_SET_UNION && parser_at(p, KEYWORD_BY) && p->next.kind == TOKEN_WORD &&
        text_equal_nocase(token_text(p->sql, p->next), TEXT("NAME"))) {
        parser_advance(p);
        parser_advance(p);
        kind->by_name = true;
    }
    return true;
}

/* A run of UNIONs of one kind is one node; the others have two branches. */
static bool
run_ends(const set_kind *now, const set_kind *next) {
    return now->op != AST_SET_UNION || next->op != AST_SET_UNION ||
           now->distinct != next->distinct || now->by_name != next->by_name;
}

/* term {INTERSECT term}, and of those {(UNION | EXCEPT) ...}: INTERSECT binds tighter. From the
 * left. */
static status
parse_sets(parser *p, bool intersects, ast_select **out) {
    const size_t mark = p->stack.size;
    const char  *word;
    set_kind     now = {.op = AST_SET_UNION}, next;
    TRY(intersects ? parse_term(p, out) : parse_sets(p, true, out));
    int32_t height = p->from_height;
    while (accept_set_word(p, intersects, &next, &word)) {
        if (p->stack.size > mark && run_ends(&now, &next)) {
            p->from_height = height;
            TRY(make_union(p, mark, now, (*out)->position, out));
            height = p->from_height;
        }
        if (p->stack.size == mark) {
            TRY(parser_push(p, out, sizeof(ast_select *)));
        }
        now = next;
        if (!parser_at_query(p)) {
            return parser_error(p, "a query (SELECT, FROM, VALUES or \"(\")", word);
        }
        if (parser_at(p, KEYWORD_WITH)) {
            return parser_error(p, "SELECT, or WITH in parentheses", word);
        }
        ast_select *branch;
        TRY(intersects ? parse_term(p, &branch) : parse_sets(p, true, &branch));
        TRY(parser_push(p, &branch, sizeof(ast_select *)));
        height = height > p->from_height ? height : p->from_height;
    }
    p->from_height = height;
    return p->stack.size == mark ? OK : make_union(p, mark, now, (*out)->position, out);
}

/* ---- WITH ---- */

static status
parse_with_item(parser *p, ast_with *w, int32_t *height) {
    TRY(parser_name(p, &w->name, "a name", "WITH"));
    if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        TRY(parse_names(p, &w->columns, &w->column_count, "the name and \"(\""));
    }
    TRY(parser_expect(p, KEYWORD_AS, "the name of a WITH query"));
    if (parser_at(p, KEYWORD_MATERIALIZED) ||
        (parser_at(p, KEYWORD_NOT) && parser_next_is(p, KEYWORD_MATERIALIZED))) {
        (void)parser_accept(p, KEYWORD_NOT); /* either way it is computed once */
        parser_advance(p);
    }
    if (!parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        return parser_error(p, "\"(\"", "AS");
    }
    TRY(parse_subquery(p, &w->query, "the query of WITH"));
    *height = *height > p->from_height ? *height : p->from_height;
    return OK;
}

status
parse_with(parser *p, ast_with **out, int32_t *count, int32_t *height) {
    const size_t mark = p->stack.size;
    if (!parser_accept(p, KEYWORD_WITH)) {
        return OK;
    }
    const bool recursive = p->token.kind == TOKEN_WORD &&
                           text_equal_nocase(token_text(p->sql, p->token), TEXT("RECURSIVE")) &&
                           (p->next.kind == TOKEN_WORD || p->next.kind == TOKEN_QUOTED_NAME) &&
                           !parser_next_is(p, KEYWORD_AS);
    if (recursive) {
        parser_advance(p);
    }
    do {
        ast_with w = {.recursive = recursive};
        if (p->stack.size > mark && parser_at_query(p)) {
            break;
        }
        TRY(parse_with_item(p, &w, height));
        TRY(parser_push(p, &w, sizeof(w)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_take(p, mark, sizeof(ast_with), out, count));
    const bool changes = parser_at(p, KEYWORD_INSERT) || parser_at(p, KEYWORD_UPSERT) ||
                         parser_at(p, KEYWORD_UPDATE) || parser_at(p, KEYWORD_DELETE) ||
                         parser_at(p, KEYWORD_MERGE);
    if (p->query_depth == 0 && changes) {
        return OK;
    }
    if (!parser_at_query(p) || parser_at(p, KEYWORD_WITH)) {
        static const keyword words[] = {KEYWORD_SELECT, KEYWORD_FROM, KEYWORD_VALUES};
        return parser_error_word(p, "SELECT, FROM or VALUES", "the queries of WITH", words,
                                 ARRAY_COUNT(words));
    }
    return *count <= MOST_COLUMNS(p)
               ? OK
               : parser_too_many(p, p->token.start, MOST_COLUMNS(p), "queries in WITH");
}

/* Puts queries of WITH, of `height` levels, before a query. */
status
parse_put_withs(parser *p, ast_select **query, ast_with *withs, int32_t count, int32_t height) {
    const size_t mark = p->stack.size;
    if (ast_select_is_closed(*query)) {
        TRY(parser_push(p, query, sizeof(ast_select *)));
        TRY(make_union(p, mark, (set_kind){.op = AST_SET_UNION}, (*query)->position, query));
    }
    (*query)->withs = withs;
    (*query)->with_count = count;
    p->from_height = height > p->from_height ? height : p->from_height;
    return OK;
}

static status
parse_body(parser *p, ast_select **out) {
    const size_t mark = p->stack.size;
    ast_with    *withs = NULL;
    int32_t      with_count = 0, height = 0;
    TRY(parse_with(p, &withs, &with_count, &height));
    TRY(parse_sets(p, false, out));
    const bool more = with_count > 0 || parser_at(p, KEYWORD_ORDER) ||
                      parser_at(p, KEYWORD_LIMIT) || parser_at(p, KEYWORD_OFFSET) ||
                      parser_at(p, KEYWORD_FETCH);
    if (more && ast_select_is_closed(*out)) {
        TRY(parser_push(p, out, sizeof(ast_select *)));
        TRY(make_union(p, mark, (set_kind){.op = AST_SET_UNION}, (*out)->position, out));
    }
    (*out)->withs = more ? withs : (*out)->withs;
    (*out)->with_count = more ? with_count : (*out)->with_count;
    height = height > p->from_height ? height : p->from_height;
    if (more) {
        TRY(parse_order(p, *out));
    }
    p->from_height = height;
    return OK;
}

status
parse_query(parser *p, ast_select **out) {
    if (++p->query_depth > MOST_QUERY_LEVELS(p)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "subqueries are nested too deeply (at most %d levels)",
                            MOST_QUERY_LEVELS(p));
    }
    TRY(parser_enter(p));
    TRY(parse_body(p, out));
    parser_leave(p);
    p->query_depth--;
    return OK;
}
