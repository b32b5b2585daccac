/* SPDX-License-Identifier: Apache-2.0 */
/* parse_star.c - columns by the dozen: * and t.* with what may stand behind them, COLUMNS(...).
 *
 *   star = [table .] * [[NOT] LIKE 'pattern'] {EXCLUDE (names) | REPLACE (expr AS name, ...)
 *          | RENAME (name AS name, ...)}
 *   columns = COLUMNS ( star | 'regex' | list of names | lambda over names )
 *
 * Among the names of EXCLUDE columns(...) may stand.  * EXCEPT (names) is EXCLUDE; a query behind
 * it makes it a set operation. One name or expression needs no parentheses. */
#include "sql/parse.h"

bool
parser_at_star(const parser *p) {
    return parser_at_symbol(p, SYMBOL_STAR) ||
           (parser_at_name(p) && parser_next_is_symbol(p, SYMBOL_DOT) &&
            parser_peek_third(p).symbol == SYMBOL_STAR);
}

static status
star_of(parser *p, ast_expr *e) {
    if (e->star == NULL) {
        e->star = arena_alloc_zero(p->arena, sizeof(*e->star));
    }
    return e->star == NULL ? error_memory(p->err) : OK;
}

static bool
at_star_match(const parser *p) {
    const bool    not = parser_at(p, KEYWORD_NOT);
    const keyword k = not ? p->next.keyword : p->token.keyword;
    return k == KEYWORD_LIKE || k == KEYWORD_ILIKE || k == KEYWORD_SIMILAR || k == KEYWORD_GLOB;
}

static status
parse_star_match(parser *p, ast_expr *e) {
    TRY(star_of(p, e));
    ast_star *s = e->star;
    s->negated = parser_accept(p, KEYWORD_NOT);
    const keyword k = p->token.keyword;
    parser_advance(p);
    if (k == KEYWORD_SIMILAR) {
        TRY(parser_expect(p, KEYWORD_TO, "SIMILAR"));
    }
    s->op = k == KEYWORD_LIKE      ? TEXT("LIKE")
            : k == KEYWORD_ILIKE   ? TEXT("ILIKE")
            : k == KEYWORD_SIMILAR ? TEXT("SIMILAR TO")
                                   : TEXT("GLOB");
    if (p->token.kind != TOKEN_STRING) {
        return parser_error(p, "a pattern for names, in quotes", keyword_name(k));
    }
    s->pattern_position = p->token.start;
    TRY(token_value(&s->pattern, p->arena, p->sql, p->token, p->err));
    parser_advance(p);
    return OK;
}

/* [table.]name */
static status
parse_part(parser *p, ast_rename *out, const char *after) {
    TRY(parser_name(p, &out->name, "a column name", after));
    if (parser_accept_symbol(p, SYMBOL_DOT)) {
        out->qualifier = out->name;
        if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_QUOTED_NAME) {
            return parser_error(p, "a column name", "\".\"");
        }
        TRY(parser_name_of(p, &out->name));
    }
    return OK;
}

static status
parse_without(parser *p, ast_star *s) {
    ast_expr **grown = arena_alloc(p->arena, (size_t)(s->without_count + 1) * sizeof(*grown));
    TRY(grown == NULL ? error_memory(p->err) : OK);
    for (int32_t i = 0; i < s->without_count; i++) {
        grown[i] = s->withouts[i];
    }
    s->withouts = grown;
    return parse_star_columns(p, &s->withouts[s->without_count++]);
}

/* EXCLUDE and RENAME of the star. */
static status
parse_parts(parser *p, bool rename, ast_star *s) {
    ast_rename **out = rename ? &s->renames : &s->excludes;
    int32_t     *count = rename ? &s->rename_count : &s->exclude_count;
    const size_t mark = p->stack.size;
    const char  *word = keyword_name(p->previous.keyword);
    const bool   list = parser_accept_symbol(p, SYMBOL_LEFT_PAREN);
    do {
        ast_rename part = {.name = {.quoted = false}};
        if (p->stack.size > mark && parser_list_ends(p)) {
            break;
        }
        if (!rename && (parser_at_columns(p) || parser_at_spread(p))) {
            TRY(parse_without(p, s));
            continue;
        }
        TRY(parse_part(p, &part, word));
        if (rename) {
            TRY(parser_expect(p, KEYWORD_AS, "the column that RENAME renames"));
            TRY(parser_name(p, &part.to, "the new name", "AS"));
        }
        TRY(parser_push(p, &part, sizeof(part)));
    } while (list && parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(list ? parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the column names") : OK);
    return parser_take(p, mark, sizeof(ast_rename), out, count);
}

typedef struct replacement {
    ast_expr *value;
    ast_name  name;
} replacement;

static status
parse_replacements(parser *p, ast_expr *e) {
    const size_t mark = p->stack.size;
    const bool   list = parser_accept_symbol(p, SYMBOL_LEFT_PAREN);
    replacement *items;
    int32_t      count;
    do {
        replacement r = {.value = NULL};
        if (p->stack.size > mark && parser_list_ends(p)) {
            break;
        }
        TRY(parse_expr(p, LEVEL_ANY, &r.value));
        TRY(parser_expect(p, KEYWORD_AS, "the value of REPLACE"));
        TRY(parser_name(p, &r.name, "the column to replace", "AS"));
        TRY(parser_push(p, &r, sizeof(r)));
    } while (list && parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(list ? parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the values of REPLACE") : OK);
    TRY(parser_take(p, mark, sizeof(replacement), &items, &count));
    TRY(parser_arguments(p, e, count));
    e->arg_names = arena_alloc_zero(p->arena, (size_t)count * sizeof(*e->arg_names));
    TRY(e->arg_names == NULL ? error_memory(p->err) : OK);
    for (int32_t i = 0; i < count; i++) {
        e->args[i] = items[i].value;
        e->arg_names[i] = items[i].name;
    }
    return OK;
}

static bool
at_except_names(const parser *p) {
    const token third = parser_peek_third(p);
    return parser_at(p, KEYWORD_EXCEPT) && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN) &&
           third.symbol != SYMBOL_LEFT_PAREN && third.keyword != KEYWORD_SELECT &&
           third.keyword != KEYWORD_FROM && third.keyword != KEYWORD_WITH &&
           third.keyword != KEYWORD_VALUES;
}

static status
parse_star_list(parser *p, ast_expr *e, bool *more) {
    const keyword k = p->token.keyword;
    *more = true;
    if (k == KEYWORD_EXCLUDE || at_except_names(p)) {
        TRY(star_of(p, e));
        if (e->star->exclude_count > 0 || e->star->without_count > 0) {
            return parser_error(p, "one list of columns to leave out", "*");
        }
        parser_advance(p);
        return parse_parts(p, false, e->star);
    }
    if (k == KEYWORD_RENAME) {
        TRY(star_of(p, e));
        if (e->star->rename_count > 0) {
            return parser_error(p, "one RENAME list", "*");
        }
        parser_advance(p);
        return parse_parts(p, true, e->star);
    }
    if (k == KEYWORD_REPLACE) {
        if (e->arg_count > 0) {
            return parser_error(p, "one REPLACE list", "*");
        }
        parser_advance(p);
        return parse_replacements(p, e);
    }
    *more = false;
    return OK;
}

status
parse_star(parser *p, ast_expr *e) {
    bool more = true;
    if (!parser_at_symbol(p, SYMBOL_STAR)) {
        TRY(parser_name_of(p, &e->qualifier));
        parser_advance(p); /* "." */
    }
    parser_advance(p); /* "*" */
    TRY(at_star_match(p) ? parse_star_match(p, e) : OK);
    while (more) {
        TRY(parse_star_list(p, e, &more));
    }
    return OK;
}

bool
parser_at_spread(const parser *p) {
    return parser_at_symbol(p, SYMBOL_STAR) && p->next.kind == TOKEN_WORD &&
           text_equal_nocase(token_text(p->sql, p->next), TEXT("COLUMNS")) &&
           parser_peek_third(p).symbol == SYMBOL_LEFT_PAREN;
}

bool
parser_at_columns(const parser *p) {
    return p->token.kind == TOKEN_WORD && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN) &&
           text_equal_nocase(token_text(p->sql, p->token), TEXT("COLUMNS"));
}

status
parse_star_columns(parser *p, ast_expr **out) {
    ast_expr *e = parser_new(p, AST_COLUMNS, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    *out = e;
    e->all = parser_at_symbol(p, SYMBOL_STAR);
    if (e->all) {
        parser_advance(p);
    }
    parser_advance(p);
    parser_advance(p);
    if (parser_at_star(p)) {
        TRY(parse_star(p, e));
    } else if (parser_at_lambda(p)) {
        TRY(parse_lambda(p, &e->operand));
    } else if (parser_at_symbol(p, SYMBOL_LEFT_BRACKET)) {
        TRY(parse_expr(p, LEVEL_ANY, &e->operand));
    } else if (p->token.kind == TOKEN_STRING) {
        TRY(token_value(&e->text, p->arena, p->sql, p->token, p->err));
        e->name.position = p->token.start;
        parser_advance(p);
    } else {
        return parser_error(p, "*, a regular expression in quotes, a list of names or a lambda",
                            "COLUMNS(");
    }
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the columns of COLUMNS"));
    return parser_finish(p, e);
}

bool
parser_at_position(const parser *p) {
    return p->token.symbol == SYMBOL_OPERATOR && p->next.kind == TOKEN_INTEGER &&
           p->next.start == p->token.end && p->sql.data[p->token.start] == '#' &&
           p->token.end == p->token.start + 1;
}

status
parse_position_column(parser *p, ast_expr **out) {
    ast_expr *e = parser_new(p, AST_POSITION, p->token.start);
    text      digits;
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    parser_advance(p);
    TRY(token_number(&digits, p->arena, p->sql, p->token, p->err));
    for (size_t i = 0; i < digits.size && e->number <= MOST_COLUMNS(p); i++) {
        e->number = e->number * 10 + (digits.data[i] - '0');
    }
    parser_advance(p);
    *out = e;
    return parser_finish(p, e);
}
