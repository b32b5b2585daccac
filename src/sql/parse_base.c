/* SPDX-License-Identifier: Apache-2.0 */
/* parse_base.c - cursor, errors, lists and nodes of the parser; see parse.h. */
#include "sql/parse.h"

#include <stdio.h>

#define FOUND_BYTES_MAX 40 /* of a token that an error quotes */

/* Words that start something the language names and this grammar lacks: a syntax error at one of
 * them says so. */
static const keyword outside[] = {
    KEYWORD_EXCEPT,  KEYWORD_INTERSECT, KEYWORD_LATERAL, KEYWORD_RIGHT,  KEYWORD_FULL,
    KEYWORD_NATURAL, KEYWORD_SEMI,      KEYWORD_ANTI,    KEYWORD_SAMPLE, KEYWORD_AT,
    KEYWORD_REGEXP,  KEYWORD_RLIKE,     KEYWORD_WITHIN,
};

/* What may follow inside a statement; commonest first, because the first of equally near ones is
 * suggested. */
static const keyword clauses[] = {
    KEYWORD_FROM,  KEYWORD_WHERE,   KEYWORD_GROUP,  KEYWORD_ORDER,  KEYWORD_AND,    KEYWORD_OR,
    KEYWORD_LIMIT, KEYWORD_HAVING,  KEYWORD_JOIN,   KEYWORD_SELECT, KEYWORD_OFFSET, KEYWORD_INNER,
    KEYWORD_LEFT,  KEYWORD_CROSS,   KEYWORD_EMIT,   KEYWORD_USING,  KEYWORD_WITH,   KEYWORD_LIKE,
    KEYWORD_UNION, KEYWORD_BETWEEN, KEYWORD_THEN,   KEYWORD_WHEN,   KEYWORD_ELSE,   KEYWORD_ALLOW,
    KEYWORD_DESC,  KEYWORD_NULLS,   KEYWORD_VALUES,
};

/* Reserved words after which a list or an expression cannot go on, so a comma before them was a
 * trailing one. */
static const keyword list_ends[] = {
    KEYWORD_FROM,      KEYWORD_WHERE,  KEYWORD_GROUP, KEYWORD_HAVING, KEYWORD_ORDER,
    KEYWORD_LIMIT,     KEYWORD_OFFSET, KEYWORD_UNION, KEYWORD_EXCEPT, KEYWORD_WITH,
    KEYWORD_INTERSECT, KEYWORD_SELECT, KEYWORD_FETCH,
};

static const char *const symbol_names[] = {
    [SYMBOL_COMMA] = "\",\"",        [SYMBOL_SEMICOLON] = "\";\"",
    [SYMBOL_LEFT_PAREN] = "\"(\"",   [SYMBOL_RIGHT_PAREN] = "\")\"",
    [SYMBOL_DOT] = "\".\"",          [SYMBOL_EQUAL] = "\"=\"",
    [SYMBOL_ARROW] = "\"=>\"",       [SYMBOL_COLON] = "\":\"",
    [SYMBOL_LEFT_BRACKET] = "\"[\"", [SYMBOL_RIGHT_BRACKET] = "\"]\"",
    [SYMBOL_LEFT_BRACE] = "\"{\"",   [SYMBOL_RIGHT_BRACE] = "\"}\"",
};

static bool
contains(const keyword *list, int32_t count, keyword k) {
    for (int32_t i = 0; i < count; i++) {
        if (list[i] == k) {
            return true;
        }
    }
    return false;
}

void
parser_advance(parser *p) {
    p->previous = p->token;
    p->end = p->token.end;
    p->token = p->next;
    p->next = token_next(p->sql, p->next.end);
}

token
parser_peek_third(const parser *p) {
    return token_next(p->sql, p->next.end);
}

bool
parser_at(const parser *p, keyword k) {
    return p->token.keyword == k;
}

bool
parser_next_is(const parser *p, keyword k) {
    return p->next.keyword == k;
}

bool
parser_at_symbol(const parser *p, symbol s) {
    return p->token.symbol == s;
}

bool
parser_next_is_symbol(const parser *p, symbol s) {
    return p->next.symbol == s;
}

bool
parser_accept(parser *p, keyword k) {
    if (p->token.keyword != k) {
        return false;
    }
    parser_advance(p);
    return true;
}

bool
parser_at_word(const parser *p, const char *word) {
    return p->token.kind == TOKEN_WORD &&
           text_equal_nocase(token_text(p->sql, p->token), text_of(word));
}

bool
parser_accept_word(parser *p, const char *word) {
    const bool found = parser_at_word(p, word);
    if (found) {
        parser_advance(p);
    }
    return found;
}

bool
parser_accept_symbol(parser *p, symbol s) {
    if (p->token.symbol != s) {
        return false;
    }
    parser_advance(p);
    return true;
}

status
parser_expect(parser *p, keyword k, const char *after) {
    if (parser_accept(p, k)) {
        return OK;
    }
    return parser_error_word(p, keyword_name(k), after, &k, 1);
}

status
parser_expect_symbol(parser *p, symbol s, const char *after) {
    if (parser_accept_symbol(p, s)) {
        return OK;
    }
    return parser_error(p, symbol_names[s], after);
}

status
parser_enter(parser *p) {
    if (++p->nesting > MOST_LEVELS(p)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "expression is nested too deeply (at most %d levels)", MOST_LEVELS(p));
    }
    return OK;
}

void
parser_leave(parser *p) {
    assert(p->nesting > 0);
    p->nesting--;
}

bool
parser_list_ends(const parser *p) {
    const symbol s = p->token.symbol;
    return p->token.kind == TOKEN_END || s == SYMBOL_RIGHT_PAREN || s == SYMBOL_SEMICOLON ||
           contains(list_ends, ARRAY_COUNT(list_ends), p->token.keyword) || parser_at_emit(p);
}

bool
parser_at_name(const parser *p) {
    return p->token.kind == TOKEN_QUOTED_NAME ||
           (p->token.kind == TOKEN_WORD &&
            keyword_class_of(p->token.keyword) != KEYWORD_CLASS_RESERVED);
}

static status
check_name(parser *p, text name, int32_t position) {
    const int32_t most = limit_in_force(p->limits, LIMIT_name_bytes, SQL_NAME_BYTES_MAX);
    if (name.size > 0 && name.size <= (size_t)most) {
        return OK;
    }
    return error_set_at(p->err, ERR_SQL_PARSE_ERROR, position,
                        "a name has 1 to %d bytes, this one has %zu", most, name.size);
}

status
parser_name_of(parser *p, ast_name *out) {
    assert(p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_QUOTED_NAME);
    out->position = p->token.start;
    out->quoted = p->token.kind == TOKEN_QUOTED_NAME;
    if (out->quoted) {
        TRY(token_value(&out->text, p->arena, p->sql, p->token, p->err));
    } else {
        out->text = token_text(p->sql, p->token);
    }
    TRY(check_name(p, out->text, p->token.start));
    parser_advance(p);
    return OK;
}

status
parser_name(parser *p, ast_name *out, const char *what, const char *after) {
    if (parser_at_name(p)) {
        return parser_name_of(p, out);
    }
    (void)parser_error(p, what, after);
    const bool reserved = keyword_class_of(p->token.keyword) == KEYWORD_CLASS_RESERVED;
    if (reserved && p->next.kind != TOKEN_END && !parser_next_is_symbol(p, SYMBOL_SEMICOLON)) {
        const text word = token_text(p->sql, p->token);
        return error_hint(p->err, "%.*s is a reserved word: write \"%.*s\" in double quotes",
                          TEXT_ARG(word), TEXT_ARG(word));
    }
    return ERR_SQL_PARSE_ERROR;
}

status
parser_alias(parser *p, ast_name *out) {
    if (parser_accept(p, KEYWORD_AS)) {
        if (p->token.kind != TOKEN_STRING) {
            return parser_name(p, out, "a name", "AS");
        }
        const token t = p->token;
        TRY(token_value(&out->text, p->arena, p->sql, t, p->err));
        TRY(check_name(p, out->text, t.start));
        out->quoted = true;
        out->position = t.start;
        parser_advance(p);
        return OK;
    }
    if (p->token.kind == TOKEN_QUOTED_NAME ||
        (p->token.kind == TOKEN_WORD && keyword_class_of(p->token.keyword) == KEYWORD_CLASS_FREE)) {
        p->alias = p->token;
        return parser_name_of(p, out);
    }
    return OK;
}

bool
parser_at_prefix_alias(const parser *p) {
    return parser_at_name(p) && parser_next_is_symbol(p, SYMBOL_COLON);
}

status
parser_prefix_alias(parser *p, ast_name *out) {
    TRY(parser_name_of(p, out));
    parser_advance(p); /* ":" */
    return OK;
}

/* The token as an error quotes it: "FROM", 'abc', the end of the statement. */
static void
describe(const parser *p, token t, char out[FOUND_BYTES_MAX + 16]) {
    const size_t size_max = FOUND_BYTES_MAX + 16;
    if (t.kind == TOKEN_END) {
        (void)snprintf(out, size_max, "the end of the text");
        return;
    }
    text word = token_text(p->sql, t);
    if (t.symbol == SYMBOL_SEMICOLON) {
        (void)snprintf(out, size_max, "the end of the statement");
        return;
    }
    const char *cut = "";
    if (word.size > FOUND_BYTES_MAX) {
        word.size = FOUND_BYTES_MAX;
        while (((unsigned char)word.data[word.size] & 0xc0) == 0x80) {
            word.size--;
        }
        cut = "...";
    }
    const bool  quoted = t.kind == TOKEN_STRING || t.kind == TOKEN_QUOTED_NAME;
    const char *mark = quoted ? "" : "\"";
    (void)snprintf(out, size_max, "%s%.*s%s%s", mark, TEXT_ARG(word), cut, mark);
}

/* The keyword that `t` probably stands for; KEYWORD_NONE when it is one itself or nothing is near.
 */
static keyword
misspelt(const parser *p, token t, const keyword *candidates, int32_t count) {
    if (t.kind != TOKEN_WORD || t.keyword != KEYWORD_NONE) {
        return KEYWORD_NONE;
    }
    const text word = token_text(p->sql, t);
    keyword    best = KEYWORD_NONE;
    int32_t    nearest = word.size < 2 ? 0 : word.size < 5 ? 1 : 2;
    nearest++;
    for (int32_t i = 0; i < count && word.size >= 2; i++) {
        const text    name = text_of(keyword_name(candidates[i]));
        const int32_t distance = text_distance(word, name, nearest - 1);
        if (distance < nearest && (size_t)distance < name.size - (count > 1)) {
            nearest = distance;
            best = candidates[i];
        }
    }
    return best;
}

status
parser_outside(parser *p, const char *what) {
    return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                        "%s is not part of this grammar", what);
}

status
parser_too_many(parser *p, int32_t position, int32_t max, const char *what) {
    return error_set_at(p->err, ERR_SQL_PARSE_ERROR, position, "more than %d %s", max, what);
}

/* The alias before the current token, when it looks like a misspelt clause: SELECT a FORM t fails
 * at t and means FORM. */
static keyword
misspelt_alias(const parser *p) {
    if (p->alias.end == 0 || p->alias.end != p->end) {
        return KEYWORD_NONE;
    }
    return misspelt(p, p->alias, clauses, ARRAY_COUNT(clauses));
}

status
parser_error_word(parser *p, const char *expected, const char *after, const keyword *candidates,
                  int32_t count) {
    token t = p->token;
    if (t.kind == TOKEN_BAD) {
        return token_fault(p->sql, t, p->err);
    }
    char found[FOUND_BYTES_MAX + 16];
    if (t.symbol == SYMBOL_OTHER || contains(outside, ARRAY_COUNT(outside), t.keyword)) {
        describe(p, t, found);
        return parser_outside(p, t.symbol == SYMBOL_OTHER ? found : keyword_name(t.keyword));
    }
    keyword meant = misspelt(p, t, candidates, count);
    if (meant == KEYWORD_NONE) {
        meant = misspelt_alias(p);
        if (meant != KEYWORD_NONE) {
            t = p->alias;
            expected = "a clause or an operator";
            after = NULL;
        }
    }
    describe(p, t, found);
    (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, t.start, "expected %s%s%s, found %s", expected,
                       after == NULL ? "" : " after ", after == NULL ? "" : after, found);
    if (meant != KEYWORD_NONE) {
        (void)error_hint(p->err, "did you mean \"%s\"?", keyword_name(meant));
    }
    return ERR_SQL_PARSE_ERROR;
}

status
parser_error(parser *p, const char *expected, const char *after) {
    return parser_error_word(p, expected, after, clauses, ARRAY_COUNT(clauses));
}

status
parser_error_here(parser *p, const char *expected) {
    char after[FOUND_BYTES_MAX + 16];
    if (p->previous.keyword != KEYWORD_NONE) {
        return parser_error(p, expected, keyword_name(p->previous.keyword));
    }
    if (p->previous.kind == TOKEN_END || p->previous.symbol == SYMBOL_SEMICOLON) {
        return parser_error(p, expected, NULL);
    }
    describe(p, p->previous, after);
    return parser_error(p, expected, after);
}

status
parser_push(parser *p, const void *item, size_t size) {
    return buf_append(&p->stack, item, size) ? OK : error_memory(p->err);
}

status
parser_take(parser *p, size_t mark, size_t item_size, void *out, int32_t *count) {
    const size_t bytes = p->stack.size - mark;
    assert(bytes % item_size == 0);
    *count = (int32_t)(bytes / item_size);
    void *items = NULL;
    if (bytes > 0) {
        items = arena_alloc(p->arena, bytes);
        if (items == NULL) {
            return error_memory(p->err);
        }
        memcpy(items, p->stack.data + mark, bytes);
        p->stack.size = mark;
    }
    memcpy(out, &items, sizeof(items)); /* `out` is a pointer to a pointer of any type */
    return OK;
}

ast_expr *
parser_new(parser *p, ast_expr_kind kind, int32_t position) {
    ast_expr *e = arena_alloc_zero(p->arena, sizeof(*e));
    if (e == NULL) {
        (void)error_memory(p->err);
        return NULL;
    }
    e->kind = kind;
    e->position = p->placed ? p->place : position;
    e->end = p->placed ? p->place : p->end;
    e->height = 1;
    e->nesting = 1;
    return e;
}

status
parser_table_name(parser *p, ast_name *out, const char *what, const char *after) {
    if (p->token.kind == TOKEN_WORD && parser_next_is_symbol(p, SYMBOL_DOT) &&
        text_equal_nocase(token_text(p->sql, p->token), TEXT("main"))) {
        parser_advance(p); /* the one schema there is */
        parser_advance(p);
    }
    return parser_name(p, out, what, after);
}

static int32_t
higher(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* Rules that nest when argument i is printed and parsed again: the printer's parentheses count, the
 * first operand of an operator is read by the rule of the operator itself. */
static int32_t
argument_nesting(const ast_expr *e, int32_t i) {
    const ast_expr *child = e->args[i];
    const int32_t   level = expr_level(e);
    const int32_t   child_level = expr_level(child);
    const bool      operand = level < LEVEL_PRIMARY && (e->kind != AST_IN || i == 0);
    const bool      first = operand && i == 0 && e->kind != AST_UNARY;
    const bool chains = level <= LEVEL_AND || (e->kind == AST_UNARY && !expr_is_complement(e)) ||
                        (i == 0 && level != LEVEL_COMPARE && level != LEVEL_MATCH);
    const bool parentheses = operand && (child_level < level || (child_level == level && !chains));
    return child->nesting + !first + parentheses;
}

/* `height` and `nesting` of e become at least those that the child needs. */
static void
grow(int32_t *height, int32_t *nesting, const ast_expr *child) {
    if (child != NULL) {
        *height = higher(*height, child->height + 1);
        *nesting = higher(*nesting, child->nesting + 1);
    }
}

static void
grow_over(int32_t *height, int32_t *nesting, const ast_over *over) {
    for (int32_t i = 0; i < over->partition_count; i++) {
        grow(height, nesting, over->partitions[i]);
    }
    for (int32_t i = 0; i < over->order_count; i++) {
        grow(height, nesting, over->orders[i].expr);
    }
    grow(height, nesting, over->start.offset);
    grow(height, nesting, over->end.offset);
}

status
parser_finish(parser *p, ast_expr *e) {
    int32_t height = 1 + e->query_height;
    int32_t nesting = 1 + e->query_nesting;
    grow(&height, &nesting, e->operand);
    grow(&height, &nesting, e->otherwise);
    grow(&height, &nesting, e->filter);
    for (int32_t i = 0; i < e->order_count; i++) {
        grow(&height, &nesting, e->orders[i].expr);
    }
    if (e->over != NULL) {
        grow_over(&height, &nesting, e->over);
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        height = higher(height, e->args[i]->height + 1);
        nesting = higher(nesting, argument_nesting(e, i));
    }
    e->end = p->end;
    e->height = (int16_t)height;
    e->nesting = (int16_t)nesting;
    p->tallest = higher(p->tallest, height);
    p->deepest = higher(p->deepest, nesting);
    if (height > MOST_LEVELS(p)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, e->position,
                            "expression has more than %d levels of operators", MOST_LEVELS(p));
    }
    if (nesting + p->query_depth > MOST_LEVELS(p)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, e->position,
                            "expression is nested too deeply (at most %d levels)", MOST_LEVELS(p));
    }
    return OK;
}

status
parser_arguments(parser *p, ast_expr *e, int32_t count) {
    e->args = arena_alloc(p->arena, (size_t)count * sizeof(*e->args));
    e->arg_count = e->args == NULL ? 0 : count;
    return e->args == NULL ? error_memory(p->err) : OK;
}
