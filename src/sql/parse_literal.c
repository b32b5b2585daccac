/* SPDX-License-Identifier: Apache-2.0 */
/* parse_literal.c - numbers, strings, parameters, INTERVAL and typed literals, and the names of
 * types. */
#include "sql/parse.h"

/* Accepted with or without a final S; the tree has the singular. */
static const char *const units[] = {
    "NANOSECOND", "MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR",    "DAY",
    "WEEK",       "MONTH",       "QUARTER",     "YEAR",   "DECADE", "CENTURY", "MILLENNIUM",
};

/* Types whose name is more than one word: what the second word must be. */
static const char *const long_types[][2] = {
    {"DOUBLE", "PRECISION"},
    {"CHARACTER", "VARYING"},
    {"CHAR", "VARYING"},
};

/* Types whose name may stand before a string: UUID '...'. Those with a keyword of their own are in
 * parser_at_typed. */
static const char *const literal_types[] = {
    "BIGINT",   "BLOB",         "BOOL",         "BOOLEAN",     "BYTEA",        "DECIMAL",
    "DOUBLE",   "FLOAT",        "FLOAT4",       "FLOAT8",      "HUGEINT",      "INT",
    "INT2",     "INT4",         "INT8",         "INTEGER",     "NUMERIC",      "REAL",
    "SMALLINT", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMP_US", "TINYINT",
    "UBIGINT",  "UINTEGER",     "USMALLINT",    "UTINYINT",    "UUID",
};

status
parse_string(parser *p, ast_expr **out) {
    ast_expr *e = parser_new(p, AST_STRING, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(token_value(&e->text, p->arena, p->sql, p->token, p->err));
    parser_advance(p);
    *out = e;
    return parser_finish(p, e);
}

status
parse_number(parser *p, ast_expr **out) {
    const ast_expr_kind kind = p->token.kind == TOKEN_INTEGER ? AST_INTEGER : AST_FLOAT;
    ast_expr           *e = parser_new(p, kind, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(token_number(&e->text, p->arena, p->sql, p->token, p->err));
    parser_advance(p);
    *out = e;
    return parser_finish(p, e);
}

/* The number that `digits` spell; -1 when they are none or too large. */
static int32_t
small_number(text digits, int32_t max) {
    int32_t n = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return -1;
        }
        n = n * 10 + (digits.data[i] - '0');
        if (n > max) {
            return -1;
        }
    }
    return digits.size == 0 ? -1 : n;
}

status
parse_parameter(parser *p, ast_expr **out) {
    if (p->function != NULL) {
        return parse_argument(p, out);
    }
    const text word = token_text(p->sql, p->token);
    const text rest = {.data = word.data + 1, .size = word.size - 1};
    const bool question = word.data[0] == '?';
    const bool numbered = rest.size > 0 && rest.data[0] >= '0' && rest.data[0] <= '9';
    ast_expr  *e = parser_new(p, AST_PARAMETER, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    e->text = question ? TEXT("") : rest;
    if (numbered) {
        e->number = small_number(rest, MOST_PARAMETERS(p));
        if (e->number < 1) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                                "parameters are numbered from 1 to %d", MOST_PARAMETERS(p));
        }
    } else if (question) {
        e->number = p->parameter_number + 1;
        if (e->number > MOST_PARAMETERS(p)) {
            return parser_too_many(p, p->token.start, MOST_PARAMETERS(p), "parameters");
        }
    }
    if (question) {
        p->parameter_number = e->number > p->parameter_number ? e->number : p->parameter_number;
    }
    buf_append(&p->parameters, &e, sizeof(ast_expr *));
    if (p->parameters.failed) {
        return error_memory(p->err);
    }
    parser_advance(p);
    *out = e;
    return parser_finish(p, e);
}

/* The unit that the word names; an empty text when it names none. */
static text
unit_of(text word) {
    if (word.size > 1 && (word.data[word.size - 1] | 0x20) == 's') {
        word.size--;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (text_equal_nocase(word, text_of(units[i]))) {
            return text_of(units[i]);
        }
    }
    return text_equal_nocase(word, TEXT("centurie")) ? TEXT("CENTURY") : TEXT("");
}

bool
parser_at_interval(const parser *p) {
    const token_kind next = p->next.kind;
    return parser_at(p, KEYWORD_INTERVAL) &&
           (next == TOKEN_STRING || next == TOKEN_INTEGER || next == TOKEN_FLOAT);
}

bool
parser_at_computed_interval(const parser *p) {
    return parser_at(p, KEYWORD_INTERVAL) && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN);
}

/* TO and another unit: INTERVAL '1-2' YEAR TO MONTH. */
static bool
at_unit_range(const parser *p) {
    return p->token.kind == TOKEN_WORD && p->next.kind == TOKEN_WORD &&
           text_equal_nocase(token_text(p->sql, p->token), TEXT("TO")) &&
           unit_of(token_text(p->sql, p->next)).size > 0;
}

static status
unit_error(parser *p) {
    text names[ARRAY_COUNT(units)];
    for (int32_t i = 0; i < ARRAY_COUNT(units); i++) {
        names[i] = text_of(units[i]);
    }
    (void)parser_error(p, "a unit such as SECONDS or DAYS", "the number of an INTERVAL");
    if (p->token.kind == TOKEN_WORD) {
        const int32_t nearest =
            text_nearest(token_text(p->sql, p->token), names, ARRAY_COUNT(units));
        if (nearest >= 0) {
            (void)error_hint(p->err, "did you mean \"%s\"?", units[nearest]);
        }
    }
    return ERR_SQL_PARSE_ERROR;
}

/* INTERVAL (x) DAYS: to_days(x). */
status
parse_computed_interval(parser *p, ast_expr **out) {
    static const char *const makers[] = {
        NULL,       "to_microseconds", "to_milliseconds", "to_seconds",  "to_minutes",
        "to_hours", "to_days",         "to_weeks",        "to_months",   "to_quarters",
        "to_years", "to_decades",      "to_centuries",    "to_millennia"};
    static_assert(ARRAY_COUNT(makers) == ARRAY_COUNT(units), "one for each unit");
    ast_expr *e = parser_new(p, AST_CALL, p->token.start);
    TRY(e == NULL ? ERR_OUT_OF_MEMORY : OK);
    TRY(parser_arguments(p, e, 1));
    parser_advance(p);
    parser_advance(p);
    TRY(parse_expr(p, LEVEL_ANY, &e->args[0]));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the number of an INTERVAL"));
    const text unit =
        p->token.kind == TOKEN_WORD ? unit_of(token_text(p->sql, p->token)) : TEXT("");
    for (int32_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (makers[i] != NULL && text_equal(unit, text_of(units[i]))) {
            e->name = (ast_name){.text = text_of(makers[i]), .position = e->position};
            parser_advance(p);
            *out = e;
            return parser_finish(p, e);
        }
    }
    return unit_error(p);
}

status
parse_interval(parser *p, ast_expr **out) {
    ast_expr *e = parser_new(p, AST_INTERVAL, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    parser_advance(p);
    const bool string = p->token.kind == TOKEN_STRING;
    if (string) {
        TRY(token_value(&e->text, p->arena, p->sql, p->token, p->err));
    } else {
        TRY(token_number(&e->text, p->arena, p->sql, p->token, p->err));
    }
    parser_advance(p);
    const bool word = p->token.kind == TOKEN_WORD;
    e->unit = word ? unit_of(token_text(p->sql, p->token)) : TEXT("");
    if (e->unit.size > 0) {
        parser_advance(p);
        if (at_unit_range(p)) {
            return parser_outside(p, "INTERVAL with a range of units");
        }
    } else if (!string) {
        return unit_error(p);
    }
    *out = e;
    return parser_finish(p, e);
}

/* X'01ff', without a blank. */
static bool
at_hex(const parser *p) {
    return p->token.end - p->token.start == 1 && (p->sql.data[p->token.start] | 0x20) == 'x' &&
           p->next.kind == TOKEN_STRING && p->next.start == p->token.end;
}

static bool
is_hex_digit(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* X'01ff' is BLOB '\x01\xff'. */
static status
parse_hex(parser *p, ast_expr *e) {
    text digits;
    parser_advance(p);
    TRY(token_value(&digits, p->arena, p->sql, p->token, p->err));
    char *out = arena_alloc(p->arena, 2 * digits.size + 1);
    if (out == NULL) {
        return error_memory(p->err);
    }
    size_t used = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (!is_hex_digit(digits.data[i]) || digits.size % 2 != 0) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                                "X'...' holds pairs of hexadecimal digits, as X'01ff'");
        }
        if (i % 2 == 0) {
            out[used++] = '\\';
            out[used++] = 'x';
        }
        out[used++] = digits.data[i];
    }
    e->type = (ast_type){.name = {.text = TEXT("BLOB"), .position = e->position}};
    e->text = (text){out, used};
    return OK;
}

static bool
at_literal_type(const parser *p) {
    if (p->token.kind != TOKEN_WORD || p->next.kind != TOKEN_STRING) {
        return false;
    }
    const text word = token_text(p->sql, p->token);
    if (at_hex(p)) {
        return true;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(literal_types); i++) {
        if (text_equal_nocase(word, text_of(literal_types[i]))) {
            return true;
        }
    }
    return false;
}

bool
parser_at_typed(const parser *p) {
    const keyword k = p->token.keyword;
    const bool    zoned = k == KEYWORD_TIMESTAMP || k == KEYWORD_TIME;
    if (zoned || k == KEYWORD_DATE || k == KEYWORD_DATETIME || k == KEYWORD_TIMESTAMPTZ) {
        return p->next.kind == TOKEN_STRING ||
               (zoned && (parser_next_is(p, KEYWORD_WITH) || parser_next_is(p, KEYWORD_WITHOUT)) &&
                parser_peek_third(p).keyword == KEYWORD_TIME);
    }
    return at_literal_type(p);
}

status
parse_typed(parser *p, ast_expr **out) {
    ast_expr *e = parser_new(p, AST_TYPED, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    if (at_hex(p)) {
        TRY(parse_hex(p, e));
    } else {
        TRY(parse_type(p, &e->type));
        if (p->token.kind != TOKEN_STRING) {
            return parser_error(p, "a string", "the type of a literal");
        }
        TRY(token_value(&e->text, p->arena, p->sql, p->token, p->err));
    }
    parser_advance(p);
    *out = e;
    return parser_finish(p, e);
}

status
parse_type_number(parser *p, ast_type *out) {
    const int32_t n = small_number(token_text(p->sql, p->token), 1000000);
    if (n < 0) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "the size of a type is a number from 0 to 1000000");
    }
    out->arguments[out->argument_count++] = n;
    parser_advance(p);
    return OK;
}

/* (n) or (n, m) of a type. */
static status
parse_type_arguments(parser *p, ast_type *out) {
    if (!parser_accept_symbol(p, SYMBOL_LEFT_PAREN)) {
        return OK;
    }
    do {
        if (out->argument_count == ARRAY_COUNT(out->arguments)) {
            return parser_too_many(p, p->token.start, ARRAY_COUNT(out->arguments),
                                   "numbers in the parentheses of a type");
        }
        if (p->token.kind != TOKEN_INTEGER) {
            return parser_error(p, "a whole number", "the name of a type and \"(\"");
        }
        TRY(parse_type_number(p, out));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the size of a type");
}

/* Joins the words so far and `more`, with one blank between them. */
static status
extend_name(parser *p, ast_name *name, text more) {
    char *data = arena_alloc(p->arena, name->text.size + 1 + more.size);
    if (data == NULL) {
        return error_memory(p->err);
    }
    memcpy(data, name->text.data, name->text.size);
    data[name->text.size] = ' ';
    memcpy(data + name->text.size + 1, more.data, more.size);
    name->text = (text){.data = data, .size = name->text.size + 1 + more.size};
    return OK;
}

/* WITH TIME ZONE makes another type, WITHOUT TIME ZONE says what is so anyway. */
static status
parse_time_zone(parser *p, ast_type *out) {
    const bool with = parser_at(p, KEYWORD_WITH);
    if ((!with && !parser_at(p, KEYWORD_WITHOUT)) || !parser_next_is(p, KEYWORD_TIME)) {
        return OK;
    }
    parser_advance(p);
    parser_advance(p);
    TRY(parser_expect(p, KEYWORD_ZONE, "TIME"));
    return with ? extend_name(p, &out->name, TEXT("WITH TIME ZONE")) : OK;
}

status
parse_type(parser *p, ast_type *out) {
    *out = (ast_type){.argument_count = 0};
    if (!parser_at_name(p)) {
        return parser_error_here(p, "a type");
    }
    TRY(parser_name_of(p, &out->name));
    if (!out->name.quoted && p->token.kind == TOKEN_WORD) {
        const text second = token_text(p->sql, p->token);
        for (int32_t i = 0; i < ARRAY_COUNT(long_types); i++) {
            if (text_equal_nocase(out->name.text, text_of(long_types[i][0])) &&
                text_equal_nocase(second, text_of(long_types[i][1]))) {
                TRY(extend_name(p, &out->name, second));
                parser_advance(p);
                break;
            }
        }
    }
    const bool timed = !out->name.quoted && (text_equal_nocase(out->name.text, TEXT("TIMESTAMP")) ||
                                             text_equal_nocase(out->name.text, TEXT("TIME")));
    const bool parts = !out->name.quoted && parser_at_symbol(p, SYMBOL_LEFT_PAREN) &&
                       (text_equal_nocase(out->name.text, TEXT("STRUCT")) ||
                        text_equal_nocase(out->name.text, TEXT("MAP")) ||
                        text_equal_nocase(out->name.text, TEXT("ROW")));
    TRY(parts ? parse_type_parts(p, out) : parse_type_arguments(p, out));
    TRY(timed ? parse_time_zone(p, out) : OK);
    return parse_type_suffixes(p, out);
}
