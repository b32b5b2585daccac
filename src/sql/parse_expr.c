/* SPDX-License-Identifier: Apache-2.0 */
/* parse_expr.c - expressions by binding strength (Pratt): a prefix, then operators as long as they
 * bind at least as strongly as asked.
 *
 * Two limits keep every later walk safe: rules nest at most SQL_NESTING_MAX deep while parsing,
 * trees are at most SQL_HEIGHT_MAX high. */
#include "sql/parse.h"

static const struct {
    symbol      symbol;
    int32_t     level;
    const char *op;
} operators[] = {
    {SYMBOL_EQUAL, LEVEL_COMPARE, "="},   {SYMBOL_NOT_EQUAL, LEVEL_COMPARE, "<>"},
    {SYMBOL_LESS, LEVEL_COMPARE, "<"},    {SYMBOL_LESS_EQUAL, LEVEL_COMPARE, "<="},
    {SYMBOL_GREATER, LEVEL_COMPARE, ">"}, {SYMBOL_GREATER_EQUAL, LEVEL_COMPARE, ">="},
    {SYMBOL_CONCAT, LEVEL_CONCAT, "||"},  {SYMBOL_PLUS, LEVEL_SUM, "+"},
    {SYMBOL_MINUS, LEVEL_SUM, "-"},       {SYMBOL_STAR, LEVEL_PRODUCT, "*"},
    {SYMBOL_SLASH, LEVEL_PRODUCT, "/"},   {SYMBOL_DOUBLE_SLASH, LEVEL_PRODUCT, "//"},
    {SYMBOL_PERCENT, LEVEL_PRODUCT, "%"}, {SYMBOL_CAST, LEVEL_CAST, "::"},
    {SYMBOL_POWER, LEVEL_POWER, "^"},     {SYMBOL_OPERATOR, LEVEL_CONCAT, NULL},
};

static int32_t
find_operator(symbol s) {
    for (int32_t i = 0; i < ARRAY_COUNT(operators) && s != SYMBOL_NONE; i++) {
        if (operators[i].symbol == s) {
            return i;
        }
    }
    return -1;
}

static bool
is_match(keyword k) {
    return k == KEYWORD_LIKE || k == KEYWORD_ILIKE || k == KEYWORD_BETWEEN || k == KEYWORD_IN ||
           k == KEYWORD_SIMILAR || k == KEYWORD_GLOB;
}

static bool
at_collate(const parser *p) {
    return parser_at(p, KEYWORD_COLLATE);
}

/* x ISNULL, x NOTNULL, as in PostgreSQL */
static bool
at_null_test(const parser *p) {
    return parser_at_word(p, "ISNULL") || parser_at_word(p, "NOTNULL");
}

/* Binding strength of the operator at the current token; LEVEL_ANY when it is none. */
static int32_t
operator_level(const parser *p) {
    const keyword k = p->token.keyword;
    switch (k) {
    case KEYWORD_OR:
        return LEVEL_OR;
    case KEYWORD_AND:
        return LEVEL_AND;
    case KEYWORD_IS:
        return LEVEL_IS;
    case KEYWORD_NOT:
        return is_match(p->next.keyword) ? LEVEL_MATCH : LEVEL_ANY;
    case KEYWORD_AT:
        return parser_next_is(p, KEYWORD_TIME) ? LEVEL_ZONE : LEVEL_ANY;
    default:
        break;
    }
    if (is_match(k) || p->token.symbol == SYMBOL_MATCH) {
        return LEVEL_MATCH;
    }
    if (at_collate(p)) {
        return LEVEL_COLLATE;
    }
    if (at_null_test(p)) {
        return LEVEL_IS;
    }
    if (parser_at_method(p) || parser_at_part(p)) {
        return LEVEL_CAST;
    }
    const int32_t i = find_operator(p->token.symbol);
    return i < 0 ? LEVEL_ANY : operators[i].level;
}

status
parse_column(parser *p, ast_expr **out) {
    if (p->function != NULL) {
        TRY(parse_argument(p, out));
        if (*out != NULL) {
            return OK;
        }
    }
    ast_expr *e = parser_new(p, AST_COLUMN, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_name_of(p, &e->name));
    if (parser_at_method(p) && parser_is_bare_name(&e->name)) {
        e->kind = AST_CALL;
    }
    if (!parser_at_method(p) && parser_accept_symbol(p, SYMBOL_DOT)) {
        e->qualifier = e->name;
        if (parser_at_symbol(p, SYMBOL_STAR)) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, e->position,
                                "%.*s.* stands only in the list of a SELECT",
                                TEXT_ARG(e->name.text));
        }
        if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_QUOTED_NAME) {
            return parser_error(p, "a column name", "\".\"");
        }
        TRY(parser_name_of(p, &e->name));
    }
    *out = e;
    return parser_finish(p, e);
}

static status
parse_constant(parser *p, ast_expr_kind kind, ast_expr **out) {
    *out = parser_new(p, kind, p->token.start);
    if (*out == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    parser_advance(p);
    return parser_finish(p, *out);
}

static status
parse_parentheses(parser *p, ast_expr **out) {
    const int32_t start = p->token.start;
    const size_t  mark = p->stack.size;
    if (parser_at_query_value(p)) {
        return parse_query_value(p, out);
    }
    parser_advance(p);
    if (parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
        return parser_error(p, "an expression", "\"(\"");
    }
    TRY(parse_expr(p, LEVEL_ANY, out));
    if (!parser_at_symbol(p, SYMBOL_COMMA)) {
        return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the expression in parentheses");
    }
    parser_advance(p);
    TRY(parser_push(p, out, sizeof(ast_expr *)));
    TRY(parse_expr_list(p, MOST_ROW_ITEMS(p) - 1, "further values in a row"));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the values of a row"));
    *out = parser_new(p, AST_ROW, start);
    if (*out == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_take(p, mark, sizeof(ast_expr *), &(*out)->args, &(*out)->arg_count));
    return parser_finish(p, *out);
}

static status
primary_error(parser *p) {
    const keyword k = p->token.keyword;
    if (k == KEYWORD_SELECT) {
        (void)parser_error_here(p, "a column name or expression");
        return error_hint(p->err, "a query stands in parentheses: (SELECT ...)");
    }
    (void)parser_error_here(p, "a column name or expression");
    const symbol s = p->next.symbol;
    const bool   like_column = (s != SYMBOL_NONE && s != SYMBOL_SEMICOLON) ||
                             (parser_next_is(p, KEYWORD_FROM) && k != KEYWORD_FROM);
    const bool clause = k == KEYWORD_FROM || k == KEYWORD_WHERE || k == KEYWORD_THEN;
    if (keyword_class_of(k) == KEYWORD_CLASS_RESERVED && like_column && !clause) {
        const text word = token_text(p->sql, p->token);
        (void)error_hint(p->err, "%.*s is a reserved word: write \"%.*s\" in double quotes",
                         TEXT_ARG(word), TEXT_ARG(word));
    }
    return ERR_SQL_PARSE_ERROR;
}

static status
parse_word(parser *p, ast_expr **out) {
    const keyword k = p->token.keyword;
    switch (k) {
    case KEYWORD_NULL:
        return parse_constant(p, AST_NULL, out);
    case KEYWORD_TRUE:
        return parse_constant(p, AST_TRUE, out);
    case KEYWORD_FALSE:
        return parse_constant(p, AST_FALSE, out);
    case KEYWORD_CASE:
        return parse_case(p, out);
    case KEYWORD_EXISTS:
        if (parser_at_exists(p)) {
            return parse_exists(p, out);
        }
        break;
    case KEYWORD_ARRAY:
        if (parser_next_is_symbol(p, SYMBOL_LEFT_BRACKET)) {
            return parse_array(p, out);
        }
        if (parser_next_is_symbol(p, SYMBOL_LEFT_PAREN) && parser_next_is_query(p)) {
            return parse_array_query(p, out);
        }
        break;
    case KEYWORD_ANY:
    case KEYWORD_SOME:
        if (parser_next_is_symbol(p, SYMBOL_LEFT_PAREN)) {
            return parser_outside(p, keyword_name(k));
        }
        break;
    case KEYWORD_ALL:
        return parser_outside(p, "ALL in an expression");
    default:
        break;
    }
    if (parser_next_is_symbol(p, SYMBOL_LEFT_BRACE) &&
        text_equal_nocase(token_text(p->sql, p->token), TEXT("MAP"))) {
        return parse_map(p, out);
    }
    if (parser_at_interval(p)) {
        return parse_interval(p, out);
    }
    if (parser_at_computed_interval(p)) {
        return parse_computed_interval(p, out);
    }
    if (parser_at_typed(p)) {
        return parse_typed(p, out);
    }
    if (parser_at_columns(p)) {
        return parse_star_columns(p, out);
    }
    if (parser_at_call(p)) {
        return parse_call(p, out);
    }
    if (parser_at_bare_call(p)) {
        return parse_bare_call(p, out);
    }
    return parser_at_name(p) ? parse_column(p, out) : primary_error(p);
}

static status
parse_primary(parser *p, ast_expr **out) {
    switch (p->token.kind) {
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
        return parse_number(p, out);
    case TOKEN_STRING:
        return parse_string(p, out);
    case TOKEN_PARAMETER:
        return parse_parameter(p, out);
    case TOKEN_WORD:
    case TOKEN_QUOTED_NAME:
        return parse_word(p, out);
    case TOKEN_SYMBOL:
        if (p->token.symbol == SYMBOL_LEFT_PAREN) {
            return parse_parentheses(p, out);
        }
        if (p->token.symbol == SYMBOL_LEFT_BRACKET) {
            return parse_list(p, out);
        }
        if (p->token.symbol == SYMBOL_LEFT_BRACE) {
            return parse_struct(p, out);
        }
        if (parser_at_spread(p)) {
            return parse_star_columns(p, out);
        }
        return parser_at_position(p) ? parse_position_column(p, out) : primary_error(p);
    case TOKEN_END:
    case TOKEN_BAD:
        return primary_error(p);
    }
    UNREACHABLE();
}

static bool
at_complement(const parser *p) {
    return p->token.symbol == SYMBOL_OPERATOR &&
           text_equal(token_text(p->sql, p->token), TEXT("~"));
}

/* NOT, -, + and ~. */
static status
parse_prefix(parser *p, ast_expr **out) {
    const bool not = parser_at(p, KEYWORD_NOT);
    const bool minus = parser_at_symbol(p, SYMBOL_MINUS);
    const bool complement = at_complement(p);
    if (!not&&!minus && !complement && !parser_at_symbol(p, SYMBOL_PLUS)) {
        return parse_primary(p, out);
    }
    ast_expr *e = parser_new(p, AST_UNARY, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    e->op = not ? TEXT("NOT") : minus ? TEXT("-") : complement ? TEXT("~") : TEXT("+");
    TRY(parser_arguments(p, e, 1));
    parser_advance(p);
    const int32_t level = not ? LEVEL_NOT : complement ? LEVEL_CONCAT + 1 : LEVEL_SIGN;
    TRY(parse_expr(p, level, &e->args[0]));
    *out = e;
    return parser_finish(p, e);
}

static bool
is_binary(const ast_expr *e, text op) {
    return e->kind == AST_BINARY && text_equal(e->op, op);
}

/* Pushes the terms of a chain of `op`, left to right. */
static status
push_terms(parser *p, ast_expr *e, text op) {
    if (!is_binary(e, op)) {
        return parser_push(p, &e, sizeof(ast_expr *));
    }
    TRY(push_terms(p, e->args[0], op));
    return push_terms(p, e->args[1], op);
}

static status
balance(parser *p, text op, ast_expr *const *terms, int32_t count, ast_expr **out) {
    if (count == 1) {
        *out = terms[0];
        return OK;
    }
    const int32_t half = (count + 1) / 2;
    ast_expr     *e = parser_new(p, AST_BINARY, terms[0]->position);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    e->op = op;
    TRY(parser_arguments(p, e, 2));
    TRY(balance(p, op, terms, half, &e->args[0]));
    TRY(balance(p, op, terms + half, count - half, &e->args[1]));
    TRY(parser_finish(p, e));
    e->end = terms[count - 1]->end;
    *out = e;
    return OK;
}

/* All terms of a chain of AND or OR, the first of which is *left. */
static status
parse_chain(parser *p, int32_t level, int32_t start, ast_expr **left) {
    const keyword k = p->token.keyword;
    const text    op = k == KEYWORD_AND ? TEXT("AND") : TEXT("OR");
    const size_t  mark = p->stack.size;
    TRY(push_terms(p, *left, op));
    while (parser_accept(p, k)) {
        ast_expr *term;
        TRY(parse_expr(p, level + 1, &term));
        TRY(push_terms(p, term, op));
    }
    ast_expr **terms;
    int32_t    count;
    TRY(parser_take(p, mark, sizeof(*terms), &terms, &count));
    TRY(balance(p, op, terms, count, left));
    (*left)->position = start;
    (*left)->end = p->end;
    return OK;
}

/* IS [NOT] NULL | TRUE | FALSE | UNKNOWN | DISTINCT FROM x */
static status
parse_is(parser *p, ast_expr *e) {
    if (at_null_test(p)) {
        e->kind = AST_IS_NULL;
        e->negated = parser_at_word(p, "NOTNULL");
        parser_advance(p);
        return OK;
    }
    parser_advance(p);
    e->negated = parser_accept(p, KEYWORD_NOT);
    if (parser_at(p, KEYWORD_NULL) || parser_at(p, KEYWORD_UNKNOWN)) {
        e->kind = AST_IS_NULL;
        parser_advance(p);
    } else if (parser_at(p, KEYWORD_TRUE) || parser_at(p, KEYWORD_FALSE)) {
        e->kind = AST_IS_BOOL;
        e->op = parser_at(p, KEYWORD_TRUE) ? TEXT("TRUE") : TEXT("FALSE");
        parser_advance(p);
    } else if (parser_accept(p, KEYWORD_DISTINCT)) {
        e->kind = AST_IS_DISTINCT;
        TRY(parser_expect(p, KEYWORD_FROM, "IS DISTINCT"));
        TRY(parse_expr(p, LEVEL_IS + 1, &e->args[1]));
        e->arg_count = 2;
    } else {
        static const keyword words[] = {KEYWORD_NULL,     KEYWORD_TRUE,    KEYWORD_FALSE,
                                        KEYWORD_DISTINCT, KEYWORD_UNKNOWN, KEYWORD_NOT};
        return parser_error_word(p, "NULL, TRUE, FALSE or DISTINCT FROM",
                                 e->negated ? "IS NOT" : "IS", words, ARRAY_COUNT(words));
    }
    return OK;
}

/* x IN list, without parentheses: list_contains(list, x) */
static status
parse_in_list(parser *p, ast_expr *e) {
    ast_expr  *needle = e->args[0], *call = e;
    const bool negated = e->negated;
    if (negated) {
        call = parser_new(p, AST_CALL, e->position);
        TRY(call == NULL ? ERR_OUT_OF_MEMORY : parser_arguments(p, call, 2));
    }
    call->kind = AST_CALL;
    call->negated = false;
    call->name = (ast_name){.text = TEXT("list_contains"), .position = e->position};
    TRY(parse_expr(p, LEVEL_MATCH + 1, &call->args[0]));
    call->args[1] = needle;
    call->arg_count = 2;
    if (!negated) {
        return OK;
    }
    e->kind = AST_UNARY;
    e->op = TEXT("NOT");
    e->negated = false;
    e->args[0] = call;
    e->arg_count = 1;
    return parser_finish(p, call);
}

/* The list of IN; args[0] is the needle. */
static status
parse_in(parser *p, ast_expr *e) {
    ast_expr    *needle = e->args[0];
    const size_t mark = p->stack.size;
    e->kind = AST_IN;
    parser_advance(p);
    if (parser_at_query_value(p)) {
        return parse_in_query(p, e);
    }
    const bool list = parser_at_symbol(p, SYMBOL_LEFT_BRACKET) || parser_at_name(p) ||
                      p->token.kind == TOKEN_PARAMETER || parser_at(p, KEYWORD_ARRAY);
    if (list) {
        return parse_in_list(p, e);
    }
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "IN"));
    TRY(parser_push(p, &needle, sizeof(ast_expr *)));
    TRY(parse_expr_list(p, MOST_IN_ITEMS(p), "items in an IN list"));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the list of IN"));
    return parser_take(p, mark, sizeof(ast_expr *), &e->args, &e->arg_count);
}

/* ~~ is LIKE, ~~* ILIKE, ~~~ GLOB, and ! before them is NOT. */
static status
parse_match_symbol(parser *p, ast_expr *e) {
    const text op = token_text(p->sql, p->token);
    e->kind = AST_LIKE;
    e->negated = op.data[0] == '!';
    e->op = op.data[op.size - 1] == '*'           ? TEXT("ILIKE")
            : op.size == (size_t)(2 + e->negated) ? TEXT("LIKE")
                                                  : TEXT("GLOB");
    parser_advance(p);
    TRY(parse_expr(p, LEVEL_MATCH + 1, &e->args[1]));
    e->arg_count = 2;
    return OK;
}

/* [NOT] LIKE, ILIKE, SIMILAR TO, GLOB, BETWEEN [SYMMETRIC] and IN; args has room for three. */
static status
parse_match(parser *p, ast_expr *e) {
    if (p->token.symbol == SYMBOL_MATCH) {
        return parse_match_symbol(p, e);
    }
    e->negated = parser_accept(p, KEYWORD_NOT);
    const keyword k = p->token.keyword;
    if (k == KEYWORD_IN) {
        return parse_in(p, e);
    }
    parser_advance(p);
    if (k == KEYWORD_SIMILAR) {
        TRY(parser_expect(p, KEYWORD_TO, "SIMILAR"));
    }
    const bool symmetric = k == KEYWORD_BETWEEN && parser_accept(p, KEYWORD_SYMMETRIC);
    if (k == KEYWORD_BETWEEN && !symmetric) {
        (void)parser_accept(p, KEYWORD_ASYMMETRIC);
    }
    TRY(parse_expr(p, LEVEL_MATCH + 1, &e->args[1]));
    e->arg_count = 2;
    if (k == KEYWORD_BETWEEN) {
        e->kind = AST_BETWEEN;
        e->op = symmetric ? TEXT("BETWEEN SYMMETRIC") : TEXT("BETWEEN");
        TRY(parser_expect(p, KEYWORD_AND, "the lower bound of BETWEEN"));
        TRY(parse_expr(p, LEVEL_MATCH + 1, &e->args[2]));
        e->arg_count = 3;
        return OK;
    }
    e->kind = AST_LIKE;
    e->op = k == KEYWORD_LIKE      ? TEXT("LIKE")
            : k == KEYWORD_ILIKE   ? TEXT("ILIKE")
            : k == KEYWORD_SIMILAR ? TEXT("SIMILAR TO")
                                   : TEXT("GLOB");
    if (k != KEYWORD_GLOB && parser_accept(p, KEYWORD_ESCAPE)) {
        TRY(parse_expr(p, LEVEL_MATCH + 1, &e->args[2]));
        e->arg_count = 3;
    }
    return OK;
}

/* x AT TIME ZONE z: timezone(z, x) */
static status
parse_zone(parser *p, ast_expr *e) {
    ast_expr *moment = e->args[0];
    parser_advance(p);
    parser_advance(p);
    TRY(parser_expect(p, KEYWORD_ZONE, "AT TIME"));
    TRY(parse_expr(p, LEVEL_ZONE + 1, &e->args[0]));
    e->kind = AST_CALL;
    e->name = (ast_name){.text = TEXT("timezone"), .position = e->args[0]->position};
    e->args[1] = moment;
    e->arg_count = 2;
    return OK;
}

/* The operator at the current token with *left before it. */
static status
parse_operator(parser *p, int32_t level, int32_t start, ast_expr **left) {
    if (level == LEVEL_AND || level == LEVEL_OR) {
        return parse_chain(p, level, start, left);
    }
    if (parser_at_method(p)) {
        return parse_method(p, start, left);
    }
    if (parser_at_part(p)) {
        return parse_access(p, start, left);
    }
    if (at_collate(p)) {
        return parse_collate(p, start, left);
    }
    ast_expr *e = parser_new(p, AST_BINARY, start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_arguments(p, e, 3));
    e->args[0] = *left;
    e->arg_count = 1;
    if (level == LEVEL_IS) {
        TRY(parse_is(p, e));
    } else if (level == LEVEL_MATCH) {
        TRY(parse_match(p, e));
    } else if (level == LEVEL_ZONE) {
        TRY(parse_zone(p, e));
    } else if (level == LEVEL_CAST) {
        e->kind = AST_CAST;
        parser_advance(p);
        TRY(parse_type(p, &e->type));
    } else {
        const char *op = operators[find_operator(p->token.symbol)].op;
        e->op = op != NULL ? text_of(op) : token_text(p->sql, p->token);
        parser_advance(p);
        if (level == LEVEL_COMPARE && parser_at_quantifier(p)) {
            TRY(parse_quantified(p, e));
        } else {
            TRY(parse_expr(p, level + 1, &e->args[1]));
            e->arg_count = 2;
        }
    }
    *left = e;
    const bool compares = level == LEVEL_COMPARE || level == LEVEL_MATCH || level == LEVEL_IS;
    TRY(compares && e->query == NULL && e->kind != AST_QUANTIFIED
            ? parse_collated(p, e->args, e->arg_count)
            : OK);
    return parser_finish(p, e);
}

static status
chain_error(parser *p) {
    const text op = token_text(p->sql, p->token);
    (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                       "%.*s cannot follow another comparison without parentheses or AND",
                       TEXT_ARG(op));
    return error_hint(p->err, "write a < b AND b < c instead of a < b < c");
}

status
parse_expr(parser *p, int32_t level, ast_expr **out) {
    const int32_t start = p->token.start;
    int32_t       made = LEVEL_PRIMARY;
    ast_expr     *left;
    TRY(parser_enter(p));
    TRY(parse_prefix(p, &left));
    for (;;) {
        const int32_t found = operator_level(p);
        if (found == LEVEL_ANY || found < level) {
            break;
        }
        if (found == made && (found == LEVEL_COMPARE || found == LEVEL_MATCH)) {
            return chain_error(p);
        }
        TRY(parse_operator(p, found, start, &left));
        made = found;
    }
    parser_leave(p);
    *out = left;
    return OK;
}

status
parse_expr_list(parser *p, int32_t max, const char *what) {
    int32_t count = 0;
    do {
        if (count > 0 && parser_list_ends(p)) {
            break;
        }
        if (count == max) {
            return parser_too_many(p, p->token.start, max, what);
        }
        ast_expr *e;
        TRY(parse_expr(p, LEVEL_ANY, &e));
        TRY(parser_push(p, &e, sizeof(ast_expr *)));
        count++;
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return OK;
}
