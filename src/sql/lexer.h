/* SPDX-License-Identifier: Apache-2.0 */
/* lexer.h - SQL text to tokens, one at a time and without state: a token is found from a byte
 * offset.
 *
 * The text is UTF-8 without NUL bytes, which sql_parse checks first; other bytes end up in tokens
 * too. A token that cannot be read has kind TOKEN_BAD, which no grammar rule accepts, so it ends in
 * a syntax error there; token_fault then says why. */
#ifndef LAMINAR_SQL_LEXER_H
#define LAMINAR_SQL_LEXER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

#define SQL_NAME_BYTES_MAX 255

typedef enum token_kind {
    TOKEN_END,
    TOKEN_BAD,
    TOKEN_WORD,        /* unquoted name or keyword */
    TOKEN_QUOTED_NAME, /* "name" */
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_STRING,    /* 'text', E'text', $tag$text$tag$ */
    TOKEN_PARAMETER, /* ? ?1 $1 $name :name */
    TOKEN_SYMBOL
} token_kind;

typedef enum symbol {
    SYMBOL_NONE,
    SYMBOL_COMMA,
    SYMBOL_SEMICOLON,
    SYMBOL_LEFT_PAREN,
    SYMBOL_RIGHT_PAREN,
    SYMBOL_DOT,
    SYMBOL_STAR,
    SYMBOL_PLUS,
    SYMBOL_MINUS,
    SYMBOL_SLASH,
    SYMBOL_DOUBLE_SLASH,
    SYMBOL_PERCENT,
    SYMBOL_CONCAT,
    SYMBOL_EQUAL,
    SYMBOL_NOT_EQUAL,
    SYMBOL_LESS,
    SYMBOL_LESS_EQUAL,
    SYMBOL_GREATER,
    SYMBOL_GREATER_EQUAL,
    SYMBOL_CAST,
    SYMBOL_ARROW, /* => and := */
    SYMBOL_LEFT_BRACKET,
    SYMBOL_RIGHT_BRACKET,
    SYMBOL_LEFT_BRACE,
    SYMBOL_RIGHT_BRACE,
    SYMBOL_COLON,
    SYMBOL_POWER,    /* ^ and ** */
    SYMBOL_MATCH,    /* ~~ !~~ ~~* !~~* ~~~: LIKE, ILIKE and GLOB */
    SYMBOL_OPERATOR, /* -> ->> << >> ~ ~* !~ !~* ^@ & | # && @> <@: they differ in their spelling
                        alone */
    SYMBOL_OTHER     /* an operator of other dialects, e.g. ! or @ */
} symbol;

typedef enum keyword {
    KEYWORD_NONE,
#define KEYWORD(name, class) KEYWORD_##name,
#include "sql/keywords.def"
#undef KEYWORD
    KEYWORD_COUNT
} keyword;

typedef enum keyword_class {
    KEYWORD_CLASS_RESERVED,
    KEYWORD_CLASS_NOT_ALIAS,
    KEYWORD_CLASS_FREE
} keyword_class;

typedef struct token {
    token_kind kind;
    keyword    keyword; /* TOKEN_WORD: KEYWORD_NONE when it is no keyword */
    symbol     symbol;  /* TOKEN_SYMBOL */
    int32_t    start, end;
} token;

/* The first token at or after byte offset `at`; TOKEN_END at the end of the text. */
token token_next(text sql, int32_t at);
/* The first comment at or after byte offset `at` and before the next token. False: there is none.
 * One that does not end goes up to the end of the text. */
bool token_comment(text sql, int32_t at, int32_t *start, int32_t *end, bool *ends);
text token_text(text sql, token t); /* as written */
/* Sets and returns the error of a TOKEN_BAD. */
status token_fault(text sql, token t, error *err);
/* The value of a TOKEN_STRING or TOKEN_QUOTED_NAME: borrowed from the text where nothing is
 * escaped, else from `a`. */
status token_value(text *out, arena *a, text sql, token t, error *err) MUST_USE;
/* A TOKEN_INTEGER or TOKEN_FLOAT without its underscores. */
status token_number(text *out, arena *a, text sql, token t, error *err) MUST_USE;

keyword       keyword_find(text word);
const char   *keyword_name(keyword k);
keyword_class keyword_class_of(keyword k); /* FREE for KEYWORD_NONE */
bool          word_is_plain(text word);    /* spelt as an unquoted name; may still be a keyword */

#endif
