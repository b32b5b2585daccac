/* SPDX-License-Identifier: Apache-2.0 */
/* lexer.c - see lexer.h. Every scan function starts at the first byte of its token and leaves `at`
 * behind the last.
 *
 * Bytes from 0x80 up are letters of names, except the blanks of Unicode (skipped) and characters
 * nobody can see or that only look like SQL (refused by name: they come from web pages and word
 * processors). */
#include "sql/lexer.h"

#include <stdio.h>

typedef struct scanner {
    text        sql;
    int32_t     at;
    int32_t     fault_at; /* of `fault` */
    const char *fault;    /* NULL: none */
} scanner;

typedef enum letter_class { LETTER_NAME, LETTER_BLANK, LETTER_REFUSED } letter_class;

static const struct {
    const char *name;
    keyword_class class;
} keywords[KEYWORD_COUNT] = {
    [KEYWORD_NONE] = {"", KEYWORD_CLASS_FREE},
#define KEYWORD(name, class) [KEYWORD_##name] = {#name, KEYWORD_CLASS_##class},
#include "sql/keywords.def"
#undef KEYWORD
};

/* Longest first where one is the start of another. */
static const struct {
    const char *spelling;
    symbol      symbol;
} symbols[] = {
    {"!~~*", SYMBOL_MATCH},     {"!~~", SYMBOL_MATCH},       {"~~~", SYMBOL_MATCH},
    {"~~*", SYMBOL_MATCH},      {"~~", SYMBOL_MATCH},        {"->>", SYMBOL_OPERATOR},
    {"!~*", SYMBOL_OPERATOR},   {"::", SYMBOL_CAST},         {"!=", SYMBOL_NOT_EQUAL},
    {"<>", SYMBOL_NOT_EQUAL},   {"<=", SYMBOL_LESS_EQUAL},   {">=", SYMBOL_GREATER_EQUAL},
    {"==", SYMBOL_EQUAL},       {"||", SYMBOL_CONCAT},       {"//", SYMBOL_DOUBLE_SLASH},
    {"**", SYMBOL_POWER},       {"->", SYMBOL_OPERATOR},     {"<<", SYMBOL_OPERATOR},
    {">>", SYMBOL_OPERATOR},    {"!~", SYMBOL_OPERATOR},     {"~*", SYMBOL_OPERATOR},
    {"^@", SYMBOL_OPERATOR},    {"=>", SYMBOL_ARROW},        {":=", SYMBOL_ARROW},
    {"&&", SYMBOL_OPERATOR},    {"@>", SYMBOL_OPERATOR},     {"<@", SYMBOL_OPERATOR},
    {",", SYMBOL_COMMA},        {";", SYMBOL_SEMICOLON},     {"(", SYMBOL_LEFT_PAREN},
    {")", SYMBOL_RIGHT_PAREN},  {".", SYMBOL_DOT},           {"*", SYMBOL_STAR},
    {"+", SYMBOL_PLUS},         {"-", SYMBOL_MINUS},         {"/", SYMBOL_SLASH},
    {"%", SYMBOL_PERCENT},      {"=", SYMBOL_EQUAL},         {"<", SYMBOL_LESS},
    {">", SYMBOL_GREATER},      {"~", SYMBOL_OPERATOR},      {"&", SYMBOL_OPERATOR},
    {"|", SYMBOL_OPERATOR},     {"#", SYMBOL_OPERATOR},      {"^", SYMBOL_POWER},
    {"[", SYMBOL_LEFT_BRACKET}, {"]", SYMBOL_RIGHT_BRACKET}, {"{", SYMBOL_LEFT_BRACE},
    {"}", SYMBOL_RIGHT_BRACE},  {":", SYMBOL_COLON},         {"!", SYMBOL_OTHER},
    {"@", SYMBOL_OTHER},
};

static unsigned char
byte_at(const scanner *s, int32_t i) {
    return (size_t)i < s->sql.size ? (unsigned char)s->sql.data[i] : 0;
}

static bool
is_digit(unsigned char c) {
    return c >= '0' && c <= '9';
}

static bool
is_letter(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_blank(unsigned char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static token_kind
refuse(scanner *s, int32_t at, const char *fault) {
    s->fault_at = at;
    s->fault = fault;
    return TOKEN_BAD;
}

/* The character at `i`, which starts a valid sequence; *size is its length. */
static uint32_t
decode(const scanner *s, int32_t i, int32_t *size) {
    const uint32_t c = byte_at(s, i);
    if (c < 0x80) {
        *size = 1;
        return c;
    }
    *size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    uint32_t code = c & (0xffU >> (*size + 1));
    for (int32_t k = 1; k < *size; k++) {
        code = code << 6 | (byte_at(s, i + k) & 0x3fU);
    }
    return code;
}

static letter_class
classify(uint32_t code) {
    if (code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
        code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000 || code == 0x85) {
        return LETTER_BLANK;
    }
    const bool control = code >= 0x80 && code < 0xa0;
    const bool invisible = (code >= 0x200b && code <= 0x200f) ||
                           (code >= 0x202a && code <= 0x202e) ||
                           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || code == 0xad;
    const bool quote = (code >= 0x2018 && code <= 0x201f) || code == 0xab || code == 0xbb;
    const bool sign = (code >= 0x2010 && code <= 0x2015) || code == 0x2212 || code == 0xd7 ||
                      code == 0xff0c || code == 0xff1b || code == 0xff08 || code == 0xff09;
    return control || invisible || quote || sign ? LETTER_REFUSED : LETTER_NAME;
}

static token_kind
refuse_letter(scanner *s, int32_t at, uint32_t code) {
    if (code >= 0x2018 && code <= 0x201f) {
        return refuse(s, at, "typographic quotation mark: SQL text uses 'straight' ones");
    }
    if ((code >= 0x2010 && code <= 0x2015) || code == 0x2212) {
        return refuse(s, at, "typographic dash: SQL text uses the ASCII minus sign \"-\"");
    }
    if (code < 0xa0 || code == 0xad || code == 0xfeff || (code >= 0x200b && code <= 0x206f)) {
        return refuse(s, at, "invisible character, perhaps copied along with the text: remove it");
    }
    return refuse(s, at, "this character is neither part of a name nor an operator of SQL");
}

/* Behind a nested comment that starts at `i`; -1 when it does not end. */
static int32_t
skip_comment(const scanner *s, int32_t i) {
    int32_t open = 0;
    while ((size_t)i < s->sql.size) {
        const unsigned char c = byte_at(s, i);
        if (c == '/' && byte_at(s, i + 1) == '*') {
            open++;
            i += 2;
        } else if (c == '*' && byte_at(s, i + 1) == '/') {
            open--;
            i += 2;
            if (open == 0) {
                return i;
            }
        } else {
            i++;
        }
    }
    return -1;
}

/* Moves over blanks up to a comment or token. True: a comment. */
static bool
skip_to_comment(scanner *s) {
    while ((size_t)s->at < s->sql.size) {
        const unsigned char c = byte_at(s, s->at);
        int32_t             size;
        if (is_blank(c)) {
            s->at++;
        } else if (c == 0xef && s->at == 0 && decode(s, 0, &size) == 0xfeff) {
            s->at += size; /* byte order mark of a file */
        } else if (c >= 0x80 && classify(decode(s, s->at, &size)) == LETTER_BLANK) {
            s->at += size;
        } else {
            const unsigned char next = byte_at(s, s->at + 1);
            return (c == '-' && next == '-') || (c == '/' && next == '*');
        }
    }
    return false;
}

/* Behind the comment that starts at `at`; -1 when it does not end. */
static int32_t
comment_end(const scanner *s) {
    if (byte_at(s, s->at) == '/') {
        return skip_comment(s, s->at);
    }
    const size_t size = s->sql.size - (size_t)s->at;
    const char  *line_end = memchr(s->sql.data + s->at, '\n', size);
    return (int32_t)(line_end == NULL ? s->sql.size : (size_t)(line_end - s->sql.data));
}

/* False when a comment does not end; `at` is then its start. */
static bool
skip_blanks(scanner *s) {
    while (skip_to_comment(s)) {
        const int32_t end = comment_end(s);
        if (end < 0) {
            return false;
        }
        s->at = end;
    }
    return true;
}

/* Moves over the letters and digits of a word. */
static token_kind
scan_word(scanner *s) {
    const int32_t start = s->at;
    for (;;) {
        const unsigned char c = byte_at(s, s->at);
        if (is_letter(c) || is_digit(c)) {
            s->at++;
            continue;
        }
        if (c < 0x80) {
            break;
        }
        int32_t        size;
        const uint32_t code = decode(s, s->at, &size);
        const letter_class class = classify(code);
        if (class == LETTER_REFUSED) {
            return refuse_letter(s, s->at, code);
        }
        if (class == LETTER_BLANK) {
            break;
        }
        s->at += size;
    }
    if (s->at - start > SQL_NAME_BYTES_MAX) {
        return refuse(s, start, "this name is longer than 255 bytes");
    }
    return TOKEN_WORD;
}

/* Text between two `mark`, doubled inside; with backslash escapes skipped when `escapes`. */
static bool
scan_quoted(scanner *s, unsigned char mark, bool escapes) {
    s->at++;
    while ((size_t)s->at < s->sql.size) {
        const unsigned char c = byte_at(s, s->at);
        if (escapes && c == '\\') {
            s->at += 2;
        } else if (c != mark) {
            s->at++;
        } else if (byte_at(s, s->at + 1) == mark) {
            s->at += 2;
        } else {
            s->at++;
            return true;
        }
    }
    s->at = (int32_t)s->sql.size; /* an escape may have jumped over the end */
    return false;
}

static token_kind
scan_quoted_name(scanner *s) {
    const int32_t start = s->at;
    if (!scan_quoted(s, '"', false)) {
        return refuse(s, start, "this quoted name does not end: a closing \" is missing");
    }
    const int32_t size = s->at - start - 2;
    if (size == 0) {
        return refuse(s, start, "a name in double quotes must not be empty");
    }
    int32_t doubled = 0;
    for (int32_t i = start + 1; i < s->at - 1; i++) {
        if (byte_at(s, i) == '"') {
            doubled++;
            i++;
        }
    }
    if (size - doubled > SQL_NAME_BYTES_MAX) {
        return refuse(s, start, "this name is longer than 255 bytes");
    }
    return TOKEN_QUOTED_NAME;
}

static token_kind
scan_string(scanner *s, bool escapes) {
    const int32_t start = s->at;
    s->at += escapes;
    if (!scan_quoted(s, '\'', escapes)) {
        return refuse(s, start, "this string does not end: a closing ' is missing");
    }
    return TOKEN_STRING;
}

/* $1, $name, $$text$$ and $tag$text$tag$. */
static token_kind
scan_dollar(scanner *s) {
    const int32_t start = s->at++;
    if (is_digit(byte_at(s, s->at))) {
        while (is_digit(byte_at(s, s->at))) {
            s->at++;
        }
        if (is_letter(byte_at(s, s->at))) {
            return refuse(s, start, "a parameter is $1 or $name, not digits followed by letters");
        }
        return TOKEN_PARAMETER;
    }
    if (scan_word(s) == TOKEN_BAD) {
        return TOKEN_BAD;
    }
    const int32_t tag_size = s->at + 1 - start;
    if (byte_at(s, s->at) != '$') {
        return tag_size > 2 ? TOKEN_PARAMETER
                            : refuse(s, start, "expected a number, a name or $ after \"$\"");
    }
    s->at++;
    while ((size_t)s->at + (size_t)tag_size <= s->sql.size) {
        const char *found = memchr(s->sql.data + s->at, '$', s->sql.size - (size_t)s->at);
        if (found == NULL) {
            break;
        }
        s->at = (int32_t)(found - s->sql.data);
        if ((size_t)s->at + (size_t)tag_size <= s->sql.size &&
            memcmp(found, s->sql.data + start, (size_t)tag_size) == 0) {
            s->at += tag_size;
            return TOKEN_STRING;
        }
        s->at++;
    }
    s->at = (int32_t)s->sql.size;
    return refuse(s, start, "this dollar-quoted string does not end: its closing mark is missing");
}

/* Digits with single underscores between them; false when an underscore stands elsewhere. */
static bool
scan_digits(scanner *s) {
    while (is_digit(byte_at(s, s->at))) {
        s->at++;
        if (byte_at(s, s->at) == '_') {
            if (!is_digit(byte_at(s, s->at + 1))) {
                return false;
            }
            s->at++;
        }
    }
    return true;
}

/* 0xFF, 0o17, 0b101, as the base; 0: a decimal number. */
static int32_t
number_base(const scanner *s) {
    const unsigned char mark = byte_at(s, s->at + 1) | 0x20;
    return byte_at(s, s->at) != '0' ? 0 : mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
}

static token_kind
scan_number_of_base(scanner *s, int32_t base) {
    const int32_t start = s->at;
    int32_t       digits = 0;
    for (s->at += 2; is_letter(byte_at(s, s->at)) || is_digit(byte_at(s, s->at)); s->at++) {
        const unsigned char c = byte_at(s, s->at);
        const int32_t       digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
        const unsigned char next = byte_at(s, s->at + 1);
        if (c == '_' ? !is_digit(next) && (!is_letter(next) || next == '_') : digit >= base) {
            return refuse(s, start,
                          "a number behind 0x has digits to F, behind 0o to 7, behind 0b to 1, "
                          "and single underscores between them");
        }
        digits += c != '_';
    }
    return digits > 0 && byte_at(s, s->at) < 0x80
               ? TOKEN_INTEGER
               : refuse(s, start, "digits are missing behind 0x, 0o or 0b");
}

static token_kind
scan_number(scanner *s) {
    const int32_t start = s->at;
    const int32_t base = number_base(s);
    if (base > 0) {
        return scan_number_of_base(s, base);
    }
    token_kind kind = TOKEN_INTEGER;
    bool       good = scan_digits(s);
    if (good && byte_at(s, s->at) == '.') {
        kind = TOKEN_FLOAT;
        s->at++;
        good = scan_digits(s);
    }
    if (good && (byte_at(s, s->at) | 0x20) == 'e') {
        kind = TOKEN_FLOAT;
        const unsigned char sign = byte_at(s, s->at + 1);
        s->at += sign == '+' || sign == '-' ? 2 : 1;
        if (!is_digit(byte_at(s, s->at))) {
            return refuse(s, start, "the exponent of this number has no digits");
        }
        good = scan_digits(s);
    }
    const unsigned char next = byte_at(s, s->at);
    if (good && next < 0x80 && !is_letter(next)) {
        return kind;
    }
    if (good && next >= 0x80) {
        int32_t size;
        if (classify(decode(s, s->at, &size)) == LETTER_BLANK) {
            return kind;
        }
    }
    if (next == '_') {
        return refuse(s, start, "an underscore in a number stands between two digits");
    }
    return refuse(s, start,
                  "this number is followed by letters: a blank is missing, or the name "
                  "starts with a digit and needs double quotes");
}

static token_kind
scan_symbol(scanner *s, symbol *out) {
    for (int32_t i = 0; i < ARRAY_COUNT(symbols); i++) {
        const size_t size = strlen(symbols[i].spelling);
        if ((size_t)s->at + size <= s->sql.size &&
            memcmp(s->sql.data + s->at, symbols[i].spelling, size) == 0) {
            s->at += (int32_t)size;
            *out = symbols[i].symbol;
            return TOKEN_SYMBOL;
        }
    }
    const unsigned char c = byte_at(s, s->at);
    const int32_t       at = s->at++;
    if (c == '`') {
        return refuse(s, at, "names are quoted with \"double quotes\", not with backticks");
    }
    if (c == '\\') {
        return refuse(s, at, "a backslash stands only inside a string");
    }
    return refuse(s, at, "control character: remove it");
}

static token_kind
scan_parameter(scanner *s) {
    const bool question = byte_at(s, s->at) == '?';
    s->at++;
    if (!question) {
        return scan_word(s) == TOKEN_BAD ? TOKEN_BAD : TOKEN_PARAMETER;
    }
    while (is_digit(byte_at(s, s->at))) {
        s->at++;
    }
    return TOKEN_PARAMETER;
}

/* A blank behind the colon makes it one of a struct or a slice. */
static bool
begins_parameter(const scanner *s) {
    const unsigned char next = byte_at(s, s->at + 1);
    int32_t             size;
    return is_letter(next) ||
           (next >= 0x80 && classify(decode(s, s->at + 1, &size)) != LETTER_BLANK);
}

static token_kind
scan(scanner *s, symbol *out) {
    const unsigned char c = byte_at(s, s->at);
    const unsigned char next = byte_at(s, s->at + 1);
    if ((c == 'e' || c == 'E') && next == '\'') {
        return scan_string(s, true);
    }
    if (is_letter(c)) {
        return scan_word(s);
    }
    if (is_digit(c) || (c == '.' && is_digit(next))) {
        return scan_number(s);
    }
    if (c == '\'') {
        return scan_string(s, false);
    }
    if (c == '"') {
        return scan_quoted_name(s);
    }
    if (c == '$') {
        return scan_dollar(s);
    }
    if (c == '?' || (c == ':' && begins_parameter(s))) {
        return scan_parameter(s);
    }
    return c >= 0x80 ? scan_word(s) : scan_symbol(s, out);
}

static token
next(scanner *s) {
    token t = {.kind = TOKEN_END};
    if (!skip_blanks(s)) {
        t.start = s->at;
        t.kind = refuse(s, s->at, "this comment does not end: a closing */ is missing");
        s->at = (int32_t)s->sql.size;
    } else {
        t.start = s->at;
        t.kind = (size_t)s->at < s->sql.size ? scan(s, &t.symbol) : TOKEN_END;
    }
    t.end = (size_t)s->at > s->sql.size ? (int32_t)s->sql.size : s->at; /* a sequence cut short */
    if (t.kind == TOKEN_WORD) {
        t.keyword = keyword_find(token_text(s->sql, t));
    }
    return t;
}

token
token_next(text sql, int32_t at) {
    scanner s = {.sql = sql, .at = at};
    return next(&s);
}

bool
token_comment(text sql, int32_t at, int32_t *start, int32_t *end, bool *ends) {
    scanner s = {.sql = sql, .at = at};
    if (!skip_to_comment(&s)) {
        return false;
    }
    const int32_t behind = comment_end(&s);
    *start = s.at;
    *ends = behind >= 0;
    *end = behind >= 0 ? behind : (int32_t)sql.size;
    return true;
}

text
token_text(text sql, token t) {
    return (text){.data = sql.data + t.start, .size = (size_t)(t.end - t.start)};
}

status
token_fault(text sql, token t, error *err) {
    assert(t.kind == TOKEN_BAD);
    scanner     s = {.sql = sql, .at = t.start};
    const token again = next(&s);
    assert(again.kind == TOKEN_BAD && s.fault != NULL);
    (void)again;
    return error_set_at(err, ERR_SQL_PARSE_ERROR, s.fault_at, "%s", s.fault);
}

keyword
keyword_find(text word) {
    char upper[24];
    if (word.size >= sizeof(upper)) {
        return KEYWORD_NONE;
    }
    for (size_t i = 0; i < word.size; i++) {
        const char c = word.data[i];
        upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    upper[word.size] = '\0';
    int32_t low = 1;
    int32_t high = KEYWORD_COUNT - 1;
    while (low <= high) {
        const int32_t middle = (low + high) / 2;
        const int     order = strcmp(upper, keywords[middle].name);
        if (order == 0) {
            return (keyword)middle;
        }
        if (order < 0) {
            high = middle - 1;
        } else {
            low = middle + 1;
        }
    }
    return KEYWORD_NONE;
}

const char *
keyword_name(keyword k) {
    return keywords[k].name;
}

keyword_class
keyword_class_of(keyword k) {
    return keywords[k].class;
}

bool
word_is_plain(text word) {
    if (word.size == 0 || is_digit((unsigned char)word.data[0])) {
        return false;
    }
    scanner s = {.sql = word};
    return scan_word(&s) == TOKEN_WORD && (size_t)s.at == word.size;
}
