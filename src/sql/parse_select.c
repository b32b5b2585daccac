/* SPDX-License-Identifier: Apache-2.0 */
/* parse_select.c - SELECT and its clauses, FROM with joins.
 *
 * p->from_height is the height of the FROM tree that was finished last: joins lean left, so a long
 * chain is a high tree. */
#include "sql/parse.h"

/* ---- FROM ---- */

static ast_from *
new_from(parser *p, ast_from_kind kind, int32_t position) {
    ast_from *f = arena_alloc_zero(p->arena, sizeof(*f));
    if (f == NULL) {
        (void)error_memory(p->err);
        return NULL;
    }
    f->kind = kind;
    f->position = position;
    return f;
}

static status
parse_table(parser *p, ast_from *f) {
    TRY(parser_table_name(p, &f->name, "a table name", "FROM"));
    p->from_height = 1;
    const bool of_laminar = text_equal_nocase(f->name.text, TEXT("laminar"));
    if (parser_at_symbol(p, SYMBOL_DOT) &&
        (of_laminar || text_equal_nocase(f->name.text, TEXT("information_schema")))) {
        f->system = true;
        f->schema = of_laminar ? TEXT("laminar") : TEXT("information_schema");
        parser_advance(p);
        return parser_name(p, &f->name, "the name of a system table",
                           of_laminar ? "laminar." : "information_schema.");
    }
    if (parser_at_symbol(p, SYMBOL_DOT)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "the name of a table has one part");
    }
    return OK;
}

/* FOR SYSTEM_TIME AS OF time; it may stand before the alias or behind it. */
static status
parse_as_of(parser *p, ast_from *f) {
    if (f->kind != AST_FROM_TABLE || f->as_of != NULL || !parser_at(p, KEYWORD_FOR) ||
        p->next.kind != TOKEN_WORD ||
        !text_equal_nocase(token_text(p->sql, p->next), TEXT("SYSTEM_TIME"))) {
        return OK;
    }
    parser_advance(p);
    parser_advance(p);
    TRY(parser_expect(p, KEYWORD_AS, "FOR SYSTEM_TIME"));
    if (!parser_accept_word(p, "OF")) {
        return parser_error(p, "OF", "FOR SYSTEM_TIME AS");
    }
    return parse_expr(p, LEVEL_ANY, &f->as_of);
}

/* name(arguments) [WITH ORDINALITY] */
static status
parse_table_function(parser *p, ast_from *f) {
    f->kind = AST_FROM_FUNCTION;
    f->call = parser_new(p, AST_CALL, p->token.start);
    if (f->call == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_name(p, &f->call->name, "a table function", "FROM"));
    TRY(parser_note_call(p, &f->call->name));
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "the name of a table function"));
    if (!parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
        TRY(parse_arguments(p, f->call));
    }
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the arguments of a table function"));
    TRY(parser_finish(p, f->call));
    p->from_height = 1;
    if (parser_at(p, KEYWORD_WITH) && p->next.kind == TOKEN_WORD &&
        text_equal_nocase(token_text(p->sql, p->next), TEXT("ORDINALITY"))) {
        parser_advance(p);
        parser_advance(p);
        f->ordinality = true;
    }
    return OK;
}

/* 'dir/file.csv' */
static status
parse_file(parser *p, ast_from *f) {
    f->kind = AST_FROM_FUNCTION;
    p->from_height = 1;
    return parse_string(p, &f->call);
}

static bool
at_table_function(const parser *p) {
    return parser_at_name(p) && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN);
}

/* ( joined ) */
static status
parse_parenthesised_join(parser *p, ast_from **out) {
    TRY(parser_enter(p));
    parser_advance(p);
    TRY(parse_from_list(p, out));
    parser_leave(p);
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the joined tables");
}

status
parse_relation_alias(parser *p, ast_from *f) {
    TRY(parse_as_of(p, f));
    TRY(f->alias.text.data == NULL ? parser_alias(p, &f->alias) : OK);
    TRY(parse_as_of(p, f));
    const bool columns = f->alias.text.data != NULL && parser_at_symbol(p, SYMBOL_LEFT_PAREN) &&
                         (p->alias.end != p->end || f->kind != AST_FROM_TABLE);
    return columns ? parse_names(p, &f->columns, &f->column_count, "the alias") : OK;
}

/* name [alias] or [LATERAL] (subquery) [alias] or [LATERAL] function(...) [alias] or 'file' [alias]
 * or (joined); names of columns behind an alias that cannot be a misspelt keyword. */
static status
parse_plain_relation(parser *p, ast_from **out) {
    ast_from *f = new_from(p, AST_FROM_TABLE, p->token.start);
    if (f == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    if (parser_at_prefix_alias(p)) {
        TRY(parser_prefix_alias(p, &f->alias));
    }
    f->lateral = parser_accept(p, KEYWORD_LATERAL);
    if (f->lateral && !parser_at_symbol(p, SYMBOL_LEFT_PAREN) && !at_table_function(p)) {
        return parser_error(p, "a query in parentheses or a function", "LATERAL");
    }
    if (parser_at_window(p)) {
        TRY(parse_window(p, f));
    } else if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        if (!f->lateral && !parser_at_query_value(p)) {
            return parse_parenthesised_join(p, out);
        }
        f->kind = AST_FROM_SUBQUERY;
        TRY(parse_subquery(p, &f->query, "the subquery"));
    } else if (parser_at_process(p)) {
        TRY(parse_process(p, f));
    } else if (at_table_function(p)) {
        TRY(parse_table_function(p, f));
    } else if (p->token.kind == TOKEN_STRING) {
        TRY(parse_file(p, f));
    } else if (parser_at_name(p)) {
        TRY(parse_table(p, f));
    } else {
        return parser_error_here(p, "a table name or a subquery");
    }
    *out = f;
    return parse_relation_alias(p, f);
}

status
parse_relation(parser *p, ast_from **out) {
    TRY(parse_plain_relation(p, out));
    for (;;) {
        const bool pivot = parser_at(p, KEYWORD_PIVOT) || parser_at(p, KEYWORD_UNPIVOT);
        if (!pivot && !parser_at(p, KEYWORD_TABLESAMPLE)) {
            return OK;
        }
        TRY(pivot ? parse_pivot_of_relation(p, out) : parse_table_sample(p, out));
    }
}

static status
parse_using(parser *p, ast_from *f) {
    return parse_names(p, &f->using_names, &f->using_count, "USING");
}

/* LEFT, RIGHT or FULL with OUTER; LEFT also before SEMI and ANTI, which have no other side. */
static ast_join_kind
parse_outer(parser *p) {
    const keyword k = p->token.keyword;
    parser_advance(p);
    if (k == KEYWORD_LEFT && parser_accept(p, KEYWORD_SEMI)) {
        return AST_JOIN_SEMI;
    }
    if (k == KEYWORD_LEFT && parser_accept(p, KEYWORD_ANTI)) {
        return AST_JOIN_ANTI;
    }
    (void)parser_accept(p, KEYWORD_OUTER);
    return k == KEYWORD_LEFT ? AST_JOIN_LEFT : k == KEYWORD_RIGHT ? AST_JOIN_RIGHT : AST_JOIN_FULL;
}

/* The kind of the join that starts here and its words up to JOIN; *is_join is false when none
 * starts here. */
static status
parse_join_kind(parser *p, bool *is_join, ast_join_kind *kind, bool *natural, bool *asof) {
    *is_join = true;
    *kind = AST_JOIN_INNER;
    *natural = parser_accept(p, KEYWORD_NATURAL);
    *asof = !*natural && parser_accept(p, KEYWORD_ASOF);
    switch (p->token.keyword) {
    case KEYWORD_JOIN:
        break;
    case KEYWORD_INNER:
        parser_advance(p);
        break;
    case KEYWORD_LEFT:
    case KEYWORD_RIGHT:
    case KEYWORD_FULL:
        *kind = parse_outer(p);
        break;
    case KEYWORD_SEMI:
    case KEYWORD_ANTI:
        *kind = p->token.keyword == KEYWORD_SEMI ? AST_JOIN_SEMI : AST_JOIN_ANTI;
        parser_advance(p);
        break;
    case KEYWORD_CROSS:
        if (!*natural) {
            *kind = AST_JOIN_CROSS;
            parser_advance(p);
        }
        break;
    default:
        *is_join = *natural || *asof;
        if (!*is_join) {
            return OK;
        }
    }
    return parser_expect(p, KEYWORD_JOIN, keyword_name(p->previous.keyword));
}

static status
parse_join_condition(parser *p, ast_from *f) {
    if (f->join == AST_JOIN_CROSS || f->natural) {
        const bool on = parser_at(p, KEYWORD_ON) && !parser_next_is(p, KEYWORD_CONFLICT);
        if (on || parser_at(p, KEYWORD_USING)) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                                "%s JOIN takes no condition: write JOIN with %s",
                                f->natural ? "NATURAL" : "CROSS", keyword_name(p->token.keyword));
        }
        return OK;
    }
    TRY(parse_match_condition(p, f));
    if (parser_accept(p, KEYWORD_ON)) {
        TRY(parse_expr(p, LEVEL_ANY, &f->on));
        return parse_tolerance(p, f);
    }
    if (parser_at(p, KEYWORD_USING) && !parser_at_using_sample(p)) {
        parser_advance(p);
        TRY(parse_using(p, f));
        return parse_tolerance(p, f);
    }
    if (f->match != NULL) { /* no key */
        return parse_tolerance(p, f);
    }
    static const keyword words[] = {KEYWORD_ON, KEYWORD_USING};
    return parser_error_word(p, "ON or USING", "the joined table", words, ARRAY_COUNT(words));
}

/* Makes *left the join of *left, which has height `height`, with `right`, the relation that was
 * finished last. */
static status
make_join(parser *p, ast_from **left, int32_t height, ast_from *right, ast_join_kind kind) {
    ast_from *f = new_from(p, AST_FROM_JOIN, (*left)->position);
    if (f == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    f->join = kind;
    f->left = *left;
    f->right = right;
    *left = f;
    p->from_height = 1 + (height > p->from_height ? height : p->from_height);
    return parse_check_height(p, right->position);
}

/* relation {join relation condition} */
static status
parse_joined(parser *p, ast_from **out) {
    TRY(parse_relation(p, out));
    for (;;) {
        bool          is_join, natural;
        ast_join_kind kind;
        bool          asof;
        const int32_t height = p->from_height;
        ast_from     *right;
        TRY(parse_join_kind(p, &is_join, &kind, &natural, &asof));
        if (!is_join) {
            return OK;
        }
        TRY(parse_relation(p, &right));
        TRY(make_join(p, out, height, right, kind));
        (*out)->natural = natural;
        (*out)->asof = asof;
        TRY(parse_join_condition(p, *out));
    }
}

/* The list behind FROM: a comma is a cross join that binds weaker than JOIN. */
status
parse_from_list(parser *p, ast_from **out) {
    TRY(parse_joined(p, out));
    while (parser_accept_symbol(p, SYMBOL_COMMA)) {
        const int32_t height = p->from_height;
        ast_from     *right;
        if (parser_list_ends(p)) {
            break;
        }
        TRY(parse_joined(p, &right));
        TRY(make_join(p, out, height, right, AST_JOIN_CROSS));
    }
    return OK;
}

static status
parse_from(parser *p, ast_from **out) {
    parser_advance(p);
    return parse_from_list(p, out);
}

/* ---- SELECT list ---- */

static status
parse_item(parser *p, ast_item *item) {
    if (parser_at_star(p)) {
        item->expr = parser_new(p, AST_STAR, p->token.start);
        if (item->expr == NULL) {
            return ERR_OUT_OF_MEMORY;
        }
        TRY(parse_star(p, item->expr));
        return parser_finish(p, item->expr);
    }
    if (parser_at_prefix_alias(p)) {
        TRY(parser_prefix_alias(p, &item->alias));
        return parse_expr(p, LEVEL_ANY, &item->expr);
    }
    TRY(parse_expr(p, LEVEL_ANY, &item->expr));
    return parser_alias(p, &item->alias);
}

status
parse_item_list(parser *p, ast_item **out, int32_t *out_count) {
    const size_t mark = p->stack.size;
    int32_t      count = 0;
    do {
        ast_item item = {.expr = NULL};
        if (count > 0 && parser_list_ends(p)) {
            break;
        }
        if (count == MOST_COLUMNS(p)) {
            return parser_too_many(p, p->token.start, MOST_COLUMNS(p), "columns in a SELECT");
        }
        TRY(parse_item(p, &item));
        TRY(parser_push(p, &item, sizeof(item)));
        count++;
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return parser_take(p, mark, sizeof(ast_item), out, out_count);
}

static status
parse_items(parser *p, ast_select *s) {
    parser_advance(p);
    if (parser_accept(p, KEYWORD_DISTINCT)) {
        s->distinct = true;
        if (parser_at(p, KEYWORD_ON)) {
            TRY(parse_distinct_on(p, s));
        }
    } else {
        (void)parser_accept(p, KEYWORD_ALL);
    }
    return parse_item_list(p, &s->items, &s->item_count);
}

/* FROM without SELECT means SELECT *. */
status
parse_star_item(parser *p, ast_select *s) {
    s->items = arena_alloc_zero(p->arena, sizeof(*s->items));
    if (s->items == NULL) {
        return error_memory(p->err);
    }
    s->items[0].expr = parser_new(p, AST_STAR, s->position);
    s->item_count = 1;
    TRY(s->items[0].expr == NULL ? ERR_OUT_OF_MEMORY : OK);
    s->items[0].expr->implied = AST_IMPLIED_ELSE;
    return OK;
}

void
parse_star_place(const parser *p, ast_select *s, ast_implied implied, token at) {
    ast_expr *star = s->items[0].expr;
    if (p->placed) {
        return;
    }
    star->implied = implied;
    star->position = at.start;
    star->end = implied == AST_IMPLIED_FROM ? at.start : at.end;
}

/* ---- the clauses behind FROM ---- */

/* [ASC | DESC] [NULLS (FIRST | LAST)] */
static status
parse_order_direction(parser *p, ast_order *order) {
    order->descending = parser_at(p, KEYWORD_DESC);
    if (order->descending || parser_at(p, KEYWORD_ASC)) {
        parser_advance(p);
    }
    if (parser_accept(p, KEYWORD_NULLS)) {
        static const keyword words[] = {KEYWORD_FIRST, KEYWORD_LAST};
        if (!parser_at(p, KEYWORD_FIRST) && !parser_at(p, KEYWORD_LAST)) {
            return parser_error_word(p, "FIRST or LAST", "NULLS", words, ARRAY_COUNT(words));
        }
        order->nulls = parser_at(p, KEYWORD_FIRST) ? 1 : 2;
        parser_advance(p);
    }
    return OK;
}

static status
parse_order_item(parser *p, ast_order *order) {
    TRY(parse_expr(p, LEVEL_ANY, &order->expr));
    TRY(parse_collated(p, &order->expr, 1));
    return parse_order_direction(p, order);
}

status
parse_order_list(parser *p, ast_order **out, int32_t *out_count) {
    const size_t mark = p->stack.size;
    int32_t      count = 0;
    TRY(parser_expect(p, KEYWORD_BY, "ORDER"));
    do {
        ast_order order = {.expr = NULL};
        if (count > 0 && parser_list_ends(p)) {
            break;
        }
        if (count == MOST_COLUMNS(p)) {
            return parser_too_many(p, p->token.start, MOST_COLUMNS(p), "columns in ORDER BY");
        }
        TRY(parse_order_item(p, &order));
        TRY(parser_push(p, &order, sizeof(order)));
        count++;
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return parser_take(p, mark, sizeof(ast_order), out, out_count);
}

/* 10% and ?%: nothing that could be divided by stands behind the sign. */
static bool
at_percent(const parser *p) {
    const token third = parser_peek_third(p);
    const bool  number = p->token.kind == TOKEN_INTEGER || p->token.kind == TOKEN_FLOAT ||
                        p->token.kind == TOKEN_PARAMETER;
    return number && parser_next_is_symbol(p, SYMBOL_PERCENT) &&
           (third.kind == TOKEN_END ||
            (third.kind == TOKEN_SYMBOL && third.symbol != SYMBOL_LEFT_PAREN &&
             third.symbol != SYMBOL_MINUS && third.symbol != SYMBOL_PLUS) ||
            keyword_class_of(third.keyword) != KEYWORD_CLASS_FREE);
}

static status
parse_row_count(parser *p, ast_select *s) {
    if (parser_accept(p, KEYWORD_ALL)) {
        return OK;
    }
    if (at_percent(p)) {
        s->limit_percent = true;
        TRY(parse_expr(p, LEVEL_PRIMARY, &s->limit));
        parser_advance(p);
        return OK;
    }
    TRY(parse_expr(p, LEVEL_ANY, &s->limit));
    s->limit_percent = parser_accept_word(p, "PERCENT");
    return OK;
}

static bool
accept_rows(parser *p) {
    return parser_accept(p, KEYWORD_ROWS) || parser_accept(p, KEYWORD_ROW);
}

/* FETCH (FIRST | NEXT) [n [PERCENT]] (ROW | ROWS) ONLY */
static status
parse_fetch(parser *p, ast_select *s) {
    static const keyword firsts[] = {KEYWORD_FIRST};
    parser_advance(p);
    if (!parser_accept(p, KEYWORD_FIRST) && !parser_accept_word(p, "NEXT")) {
        return parser_error_word(p, "FIRST or NEXT", "FETCH", firsts, ARRAY_COUNT(firsts));
    }
    if (accept_rows(p)) {
        s->limit = parser_new(p, AST_INTEGER, p->token.start);
        TRY(s->limit == NULL ? ERR_OUT_OF_MEMORY : OK);
        s->limit->text = TEXT("1");
        TRY(parser_finish(p, s->limit));
    } else {
        TRY(parse_row_count(p, s));
        if (!accept_rows(p)) {
            return parser_error(p, "ROW or ROWS", "the number of FETCH");
        }
    }
    if (!parser_accept_word(p, "ONLY")) {
        return parser_error(p, "ONLY", "the rows of FETCH");
    }
    return OK;
}

/* LIMIT (or FETCH) and OFFSET in either order, each at most once. */
static status
parse_limit(parser *p, ast_select *s) {
    for (;;) {
        const bool fetch = parser_at(p, KEYWORD_FETCH) && s->limit == NULL;
        const bool limit = parser_at(p, KEYWORD_LIMIT) && s->limit == NULL;
        if (fetch) {
            TRY(parse_fetch(p, s));
            continue;
        }
        if (!limit && !(parser_at(p, KEYWORD_OFFSET) && s->offset == NULL)) {
            return OK;
        }
        parser_advance(p);
        if (limit) {
            TRY(parse_row_count(p, s));
        } else {
            TRY(parse_expr(p, LEVEL_ANY, &s->offset));
            (void)accept_rows(p);
        }
        if (limit && parser_at_symbol(p, SYMBOL_COMMA)) {
            (void)parser_error(p, "OFFSET or the end of the statement", "the number of LIMIT");
            return error_hint(p->err, "LIMIT 10, 5 is written LIMIT 5 OFFSET 10");
        }
    }
}

/* ALL [ASC | DESC] [NULLS ...]: every column of the result, in its order. */
static status
parse_order_all(parser *p, ast_select *s) {
    s->orders = arena_alloc_zero(p->arena, sizeof(*s->orders));
    TRY(s->orders == NULL ? error_memory(p->err) : OK);
    s->order_count = 1;
    s->orders->expr = parser_new(p, AST_STAR, p->next.start);
    TRY(s->orders->expr == NULL ? ERR_OUT_OF_MEMORY : OK);
    parser_advance(p);
    parser_advance(p);
    TRY(parser_finish(p, s->orders->expr));
    return parse_order_direction(p, s->orders);
}

status
parse_order(parser *p, ast_select *s) {
    if (parser_accept(p, KEYWORD_ORDER)) {
        TRY(parser_at(p, KEYWORD_BY) && parser_next_is(p, KEYWORD_ALL)
                ? parse_order_all(p, s)
                : parse_order_list(p, &s->orders, &s->order_count));
    }
    return parse_limit(p, s);
}

static status
parse_clauses(parser *p, ast_select *s) {
    if (parser_accept(p, KEYWORD_WHERE)) {
        TRY(parse_expr(p, LEVEL_ANY, &s->where));
    }
    TRY(parse_latest(p, s));
    TRY(parse_sample(p, s));
    if (parser_accept(p, KEYWORD_GROUP)) {
        TRY(parse_group(p, s));
    }
    if (parser_accept(p, KEYWORD_HAVING)) {
        TRY(parse_expr(p, LEVEL_ANY, &s->having));
    }
    TRY(parse_windows(p, s));
    return parser_at_using_sample(p) ? parse_using_sample(p, s) : OK;
}

status
parse_select(parser *p, ast_select **out) {
    ast_select *s = arena_alloc_zero(p->arena, sizeof(*s));
    if (s == NULL) {
        return error_memory(p->err);
    }
    *out = s;
    s->position = p->token.start;
    p->from_height = 0;
    if (parser_at(p, KEYWORD_FROM)) {
        const token from = p->token;
        TRY(parse_from(p, &s->from));
        if (parser_at(p, KEYWORD_SELECT)) {
            TRY(parse_items(p, s));
        } else {
            TRY(parse_star_item(p, s));
            parse_star_place(p, s, AST_IMPLIED_FROM, from);
        }
    } else {
        TRY(parse_items(p, s));
        if (parser_at(p, KEYWORD_FROM)) {
            TRY(parse_from(p, &s->from));
        }
    }
    return parse_clauses(p, s);
}
