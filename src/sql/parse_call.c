/* SPDX-License-Identifier: Apache-2.0 */
/* parse_call.c - function calls, the ones of standard SQL with words between their arguments, CASE
 * and CAST.
 *
 * EXTRACT(p FROM x) is date_part('p', x), POSITION(a IN b) is strpos(b, a), SUBSTRING(x FROM a FOR
 * b) is substring(x, a, b), TRIM(LEADING c FROM x) is ltrim(x, c). Every rule below starts behind
 * the "(" with an empty list at `mark` on the stack. */
#include "sql/parse.h"

bool
parser_at_call(const parser *p) {
    const keyword k = p->token.keyword;
    return parser_next_is_symbol(p, SYMBOL_LEFT_PAREN) &&
           (parser_at_name(p) || k == KEYWORD_LEFT || k == KEYWORD_RIGHT);
}

static bool
is_bare(keyword k) {
    return k == KEYWORD_CURRENT_DATE || k == KEYWORD_CURRENT_TIME ||
           k == KEYWORD_CURRENT_TIMESTAMP || k == KEYWORD_LOCALTIMESTAMP;
}

bool
parser_at_bare_call(const parser *p) {
    const keyword k = p->token.keyword;
    return is_bare(k) && !parser_next_is_symbol(p, SYMBOL_DOT);
}

status
parse_bare_call(parser *p, ast_expr **out) {
    ast_expr *e = parser_new(p, AST_CALL, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_name_of(p, &e->name));
    *out = e;
    return parser_finish(p, e);
}

/* Parses one expression and pushes it. */
static status
push_expr(parser *p, int32_t level) {
    ast_expr *e;
    TRY(parse_expr(p, level, &e));
    return parser_push(p, &e, sizeof(ast_expr *));
}

static status
push_constant(parser *p, ast_expr_kind kind, text value) {
    ast_expr *e = parser_new(p, kind, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    e->text = value;
    TRY(parser_finish(p, e));
    return parser_push(p, &e, sizeof(ast_expr *));
}

/* Names and values alternate on the stack of parse_arguments. */
typedef struct argument {
    ast_name  name;
    ast_expr *value;
} argument;

static status
push_argument(parser *p, const ast_expr *call, bool *named) {
    argument   a = {.value = NULL};
    const bool word = p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_QUOTED_NAME;
    if (word && parser_next_is_symbol(p, SYMBOL_ARROW)) { /* OFFSET too */
        TRY(parser_name_of(p, &a.name));
        parser_advance(p); /* "=>" */
        *named = true;
    } else if (*named) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "an argument without a name stands behind one that has one");
    }
    if (parser_is_lambda_call(call->name.text) && parser_at_lambda(p)) {
        TRY(parse_lambda(p, &a.value));
    } else {
        TRY(parse_expr(p, LEVEL_ANY, &a.value));
    }
    return parser_push(p, &a, sizeof(a));
}

/* Gives the call the arguments on the stack above `mark`. */
static status
take_arguments(parser *p, ast_expr *call, size_t mark, bool named) {
    int32_t   count;
    argument *arguments;
    TRY(parser_take(p, mark, sizeof(argument), &arguments, &count));
    TRY(parser_arguments(p, call, count));
    call->arg_names =
        named ? arena_alloc(p->arena, (size_t)count * sizeof(*call->arg_names)) : NULL;
    if (named && call->arg_names == NULL) {
        return error_memory(p->err);
    }
    for (int32_t i = 0; i < count; i++) {
        call->args[i] = arguments[i].value;
        if (named) {
            call->arg_names[i] = arguments[i].name;
        }
    }
    return OK;
}

status
parse_arguments(parser *p, ast_expr *call) {
    const size_t mark = p->stack.size;
    bool         named = false;
    int32_t      count = 0;
    do {
        if (count++ == MOST_ARGUMENTS(p)) {
            return parser_too_many(p, p->token.start, MOST_ARGUMENTS(p), "arguments of a function");
        }
        TRY(push_argument(p, call, &named));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return take_arguments(p, call, mark, named);
}

/* The rest of an ordinary argument list, after `count` arguments: {, expr} */
static status
parse_more_arguments(parser *p, int32_t count) {
    while (parser_accept_symbol(p, SYMBOL_COMMA)) {
        if (count == MOST_ARGUMENTS(p)) {
            return parser_too_many(p, p->token.start, MOST_ARGUMENTS(p), "arguments of a function");
        }
        TRY(push_expr(p, LEVEL_ANY));
        count++;
    }
    return OK;
}

static status
parse_ordinary(parser *p, ast_expr *call) {
    if (parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
        return OK;
    }
    if (parser_at_symbol(p, SYMBOL_STAR) && !parser_at_spread(p)) {
        TRY(push_constant(p, AST_STAR, TEXT("")));
        parser_advance(p);
        return OK;
    }
    call->distinct = parser_accept(p, KEYWORD_DISTINCT);
    if (!call->distinct) {
        (void)parser_accept(p, KEYWORD_ALL);
    }
    TRY(parse_arguments(p, call));
    TRY(parser_accept(p, KEYWORD_ORDER) ? parse_order_list(p, &call->orders, &call->order_count)
                                        : OK);
    return parse_nulls(p, call);
}

/* WITHIN GROUP (ORDER BY ...) */
static status
parse_within_group(parser *p, ast_expr *call) {
    if (!parser_at(p, KEYWORD_WITHIN) || !parser_next_is(p, KEYWORD_GROUP)) {
        return OK;
    }
    if (call->order_count > 0) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "the call has an ORDER BY already: write one of the two");
    }
    parser_advance(p);
    parser_advance(p);
    call->within_group = true;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "WITHIN GROUP"));
    TRY(parser_expect(p, KEYWORD_ORDER, "WITHIN GROUP ("));
    TRY(parse_order_list(p, &call->orders, &call->order_count));
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the order of WITHIN GROUP");
}

static status
parse_extract(parser *p, ast_expr *call) {
    if (p->token.kind == TOKEN_STRING) {
        TRY(push_expr(p, LEVEL_PRIMARY));
    } else if (p->token.kind == TOKEN_WORD) {
        const text part = token_text(p->sql, p->token);
        TRY(push_constant(p, AST_STRING, part));
        parser_advance(p);
    } else {
        return parser_error(p, "a part of a time such as YEAR or HOUR", "EXTRACT(");
    }
    call->name.text = TEXT("date_part");
    TRY(parser_expect(p, KEYWORD_FROM, "the part that EXTRACT takes"));
    return push_expr(p, LEVEL_ANY);
}

static status
parse_substring(parser *p) {
    TRY(push_expr(p, LEVEL_ANY));
    const bool from = parser_accept(p, KEYWORD_FROM);
    if (from) {
        TRY(push_expr(p, LEVEL_ANY));
    }
    if (parser_accept(p, KEYWORD_FOR)) {
        if (!from) {
            TRY(push_constant(p, AST_INTEGER, TEXT("1")));
        }
        return push_expr(p, LEVEL_ANY);
    }
    return from ? OK : parse_more_arguments(p, 1);
}

/* OVERLAY(x PLACING y FROM a [FOR n]): overlay(x, y, a, n) */
static status
parse_overlay(parser *p) {
    TRY(push_expr(p, LEVEL_ANY));
    if (!parser_accept(p, KEYWORD_PLACING)) {
        return parse_more_arguments(p, 1);
    }
    TRY(push_expr(p, LEVEL_ANY));
    TRY(parser_expect(p, KEYWORD_FROM, "the new text of OVERLAY"));
    TRY(push_expr(p, LEVEL_ANY));
    return parser_accept(p, KEYWORD_FOR) ? push_expr(p, LEVEL_ANY) : OK;
}

static status
parse_position(parser *p, ast_expr *call) {
    ast_expr *pair[2];
    TRY(parse_expr(p, LEVEL_MATCH + 1, &pair[1]));
    TRY(parser_expect(p, KEYWORD_IN, "the text that POSITION looks for"));
    TRY(parse_expr(p, LEVEL_ANY, &pair[0]));
    call->name.text = TEXT("strpos");
    return parser_push(p, pair, sizeof(pair));
}

/* LEADING, TRAILING or BOTH, unless it is a column or function of that name, which an operator or
 * parenthesis follows. */
static bool
at_trim_side(const parser *p) {
    const keyword k = p->token.keyword;
    const keyword n = p->next.keyword;
    const bool    operator_follows = n == KEYWORD_IS || n == KEYWORD_IN || n == KEYWORD_NOT ||
                                  n == KEYWORD_LIKE || n == KEYWORD_ILIKE || n == KEYWORD_BETWEEN ||
                                  n == KEYWORD_AND || n == KEYWORD_OR;
    return (k == KEYWORD_LEADING || k == KEYWORD_TRAILING || k == KEYWORD_BOTH) &&
           p->next.symbol == SYMBOL_NONE && p->next.kind != TOKEN_END && !operator_follows;
}

static status
parse_trim(parser *p, ast_expr *call) {
    ast_expr  *pair[2];
    const bool sided = at_trim_side(p);
    if (sided) {
        call->name.text = parser_at(p, KEYWORD_LEADING)    ? TEXT("ltrim")
                          : parser_at(p, KEYWORD_TRAILING) ? TEXT("rtrim")
                                                           : TEXT("trim");
        parser_advance(p);
    }
    if (parser_accept(p, KEYWORD_FROM)) {
        return push_expr(p, LEVEL_ANY);
    }
    TRY(parse_expr(p, LEVEL_ANY, &pair[1]));
    if (parser_accept(p, KEYWORD_FROM)) {
        TRY(parse_expr(p, LEVEL_ANY, &pair[0]));
        return parser_push(p, pair, sizeof(pair));
    }
    TRY(parser_push(p, &pair[1], sizeof(pair[1])));
    return parse_more_arguments(p, 1);
}

status
parse_filter(parser *p, ast_expr *call) {
    if (!parser_accept(p, KEYWORD_FILTER)) {
        return OK;
    }
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "FILTER"));
    (void)parser_accept(p, KEYWORD_WHERE); /* as in DuckDB: FILTER (x > 1) */
    TRY(parse_expr(p, LEVEL_ANY, &call->filter));
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the condition of FILTER");
}

/* CAST(x AS type), TRY_CAST(x AS type); the current token is the one behind "(". */
static status
parse_cast(parser *p, ast_expr *e, bool is_try) {
    e->kind = AST_CAST;
    e->name = (ast_name){.quoted = false};
    e->is_try = is_try;
    TRY(parser_arguments(p, e, 1));
    TRY(parse_expr(p, LEVEL_ANY, &e->args[0]));
    TRY(parser_expect(p, KEYWORD_AS, "the value of CAST"));
    TRY(parse_type(p, &e->type));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the type of CAST"));
    return parser_finish(p, e);
}

static status
parse_call_arguments(parser *p, keyword k, ast_expr *call) {
    switch (k) {
    case KEYWORD_EXTRACT:
        return parse_extract(p, call);
    case KEYWORD_OVERLAY:
        return parse_overlay(p);
    case KEYWORD_SUBSTRING:
        return parse_substring(p);
    case KEYWORD_POSITION:
        return parse_position(p, call);
    case KEYWORD_TRIM:
        return parse_trim(p, call);
    default:
        return parse_ordinary(p, call);
    }
}

status
parse_call(parser *p, ast_expr **out) {
    const keyword k = p->token.keyword;
    const size_t  mark = p->stack.size;
    ast_expr     *e = parser_new(p, AST_CALL, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_name_of(p, &e->name));
    TRY(parser_note_call(p, &e->name));
    parser_advance(p); /* "(" */
    *out = e;
    if (k == KEYWORD_CAST || k == KEYWORD_TRY_CAST) {
        return parse_cast(p, e, k == KEYWORD_TRY_CAST);
    }
    TRY(parse_call_arguments(p, k, e));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the arguments of a function"));
    if (e->args == NULL) {
        TRY(parser_take(p, mark, sizeof(ast_expr *), &e->args, &e->arg_count));
    }
    TRY(parse_within_group(p, e));
    TRY(parse_over(p, e));
    return parser_finish(p, e);
}

/* With a method behind it a bare call is read as a column at first. */
bool
parser_is_bare_name(const ast_name *name) {
    return !name->quoted && is_bare(keyword_find(name->text));
}

/* Words that stand before "(" in rules of their own name no method. */
bool
parser_at_method(const parser *p) {
    const keyword k = p->next.keyword;
    const bool    plain = k == KEYWORD_NONE || k == KEYWORD_LEFT || k == KEYWORD_RIGHT ||
                       k == KEYWORD_REPLACE || k == KEYWORD_SUBSTRING || k == KEYWORD_TRIM ||
                       k == KEYWORD_GLOB || k == KEYWORD_FIRST || k == KEYWORD_LAST;
    return parser_at_symbol(p, SYMBOL_DOT) && plain &&
           (p->next.kind == TOKEN_WORD || p->next.kind == TOKEN_QUOTED_NAME) &&
           parser_peek_third(p).symbol == SYMBOL_LEFT_PAREN;
}

status
parse_method(parser *p, int32_t start, ast_expr **left) {
    const size_t mark = p->stack.size;
    ast_expr    *e = parser_new(p, AST_CALL, start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    parser_advance(p); /* "." */
    TRY(parser_name_of(p, &e->name));
    parser_advance(p); /* "(" */
    const argument first = {.value = *left};
    bool           named = false;
    int32_t        count = 1;
    TRY(parser_push(p, &first, sizeof(first)));
    if (!parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
        do {
            if (count++ == MOST_ARGUMENTS(p)) {
                return parser_too_many(p, p->token.start, MOST_ARGUMENTS(p),
                                       "arguments of a function");
            }
            TRY(push_argument(p, e, &named));
        } while (parser_accept_symbol(p, SYMBOL_COMMA));
    }
    TRY(take_arguments(p, e, mark, named));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the arguments of a function"));
    *left = e;
    return parser_finish(p, e);
}

status
parse_case(parser *p, ast_expr **out) {
    const size_t mark = p->stack.size;
    ast_expr    *e = parser_new(p, AST_CASE, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    parser_advance(p);
    if (!parser_at(p, KEYWORD_WHEN)) {
        TRY(parse_expr(p, LEVEL_ANY, &e->operand));
    }
    TRY(parser_expect(p, KEYWORD_WHEN, e->operand == NULL ? "CASE" : "the value of CASE"));
    do {
        TRY(push_expr(p, LEVEL_ANY));
        TRY(parser_expect(p, KEYWORD_THEN, "the condition of WHEN"));
        TRY(push_expr(p, LEVEL_ANY));
    } while (parser_accept(p, KEYWORD_WHEN));
    if (parser_accept(p, KEYWORD_ELSE)) {
        TRY(parse_expr(p, LEVEL_ANY, &e->otherwise));
    }
    static const keyword ends[] = {KEYWORD_END, KEYWORD_ELSE, KEYWORD_WHEN};
    if (!parser_accept(p, KEYWORD_END)) {
        return parser_error_word(p, e->otherwise == NULL ? "WHEN, ELSE or END" : "END",
                                 "a branch of CASE", ends, ARRAY_COUNT(ends));
    }
    TRY(parser_take(p, mark, sizeof(ast_expr *), &e->args, &e->arg_count));
    *out = e;
    return parser_finish(p, e);
}
