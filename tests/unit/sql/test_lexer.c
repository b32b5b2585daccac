/* SPDX-License-Identifier: Apache-2.0 */
/* test_lexer.c - tokens and their values, keywords, and places shown to people. */
#include "unit.h"

#include "sql/lexer.h"
#include "sql/parser.h"

static void
test_tokens(void **state) {
    (void)state;
    const text sql = TEXT("a1 \"q\" 1_0 1.5e-3 .5 'x''y' E'\\'' $$a$b$$ $t$x$t$ ? ?12 $1 $n :n "
                          "a::b<=>= <> != == // || -> ->> - > , . /* /* */ ' */ ; -- '");
    static const struct {
        token_kind  kind;
        symbol      symbol;
        const char *spelling;
    } expected[] = {
        {TOKEN_WORD, SYMBOL_NONE, "a1"},
        {TOKEN_QUOTED_NAME, SYMBOL_NONE, "\"q\""},
        {TOKEN_INTEGER, SYMBOL_NONE, "1_0"},
        {TOKEN_FLOAT, SYMBOL_NONE, "1.5e-3"},
        {TOKEN_FLOAT, SYMBOL_NONE, ".5"},
        {TOKEN_STRING, SYMBOL_NONE, "'x''y'"},
        {TOKEN_STRING, SYMBOL_NONE, "E'\\''"},
        {TOKEN_STRING, SYMBOL_NONE, "$$a$b$$"},
        {TOKEN_STRING, SYMBOL_NONE, "$t$x$t$"},
        {TOKEN_PARAMETER, SYMBOL_NONE, "?"},
        {TOKEN_PARAMETER, SYMBOL_NONE, "?12"},
        {TOKEN_PARAMETER, SYMBOL_NONE, "$1"},
        {TOKEN_PARAMETER, SYMBOL_NONE, "$n"},
        {TOKEN_PARAMETER, SYMBOL_NONE, ":n"},
        {TOKEN_WORD, SYMBOL_NONE, "a"},
        {TOKEN_SYMBOL, SYMBOL_CAST, "::"},
        {TOKEN_WORD, SYMBOL_NONE, "b"},
        {TOKEN_SYMBOL, SYMBOL_LESS_EQUAL, "<="},
        {TOKEN_SYMBOL, SYMBOL_GREATER_EQUAL, ">="},
        {TOKEN_SYMBOL, SYMBOL_NOT_EQUAL, "<>"},
        {TOKEN_SYMBOL, SYMBOL_NOT_EQUAL, "!="},
        {TOKEN_SYMBOL, SYMBOL_EQUAL, "=="},
        {TOKEN_SYMBOL, SYMBOL_DOUBLE_SLASH, "//"},
        {TOKEN_SYMBOL, SYMBOL_CONCAT, "||"},
        {TOKEN_SYMBOL, SYMBOL_OPERATOR, "->"},
        {TOKEN_SYMBOL, SYMBOL_OPERATOR, "->>"},
        {TOKEN_SYMBOL, SYMBOL_MINUS, "-"},
        {TOKEN_SYMBOL, SYMBOL_GREATER, ">"},
        {TOKEN_SYMBOL, SYMBOL_COMMA, ","},
        {TOKEN_SYMBOL, SYMBOL_DOT, "."},
        {TOKEN_SYMBOL, SYMBOL_SEMICOLON, ";"},
        {TOKEN_END, SYMBOL_NONE, ""},
    };
    int32_t at = 0;
    for (int32_t i = 0; i < ARRAY_COUNT(expected); i++) {
        const token t = token_next(sql, at);
        CHECK_TEXT(token_text(sql, t), expected[i].spelling);
        CHECK_EQ(t.kind, expected[i].kind);
        CHECK_EQ(t.symbol, expected[i].symbol);
        at = t.end;
    }
}

static void
test_values(void **state) {
    (void)state;
    static const char *const values[][2] = {
        {"'it''s'", "it's"},
        {"''''", "'"},
        {"''", ""},
        {"\"a\"\"b\"", "a\"b"},
        {"E'\\t\\n\\r\\b\\f\\\\\\'\\\"'", "\t\n\r\b\f\\'\""},
        {"e'\\101\\x42\\u0043\\U00000044''E'", "ABCD'E"},
        {"E'\\u00e9\\u20ac\\U0001f600'", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"E'\\xc3\\xa9'", "\xc3\xa9"},
        {"$$a'b\"c\\n$$", "a'b\"c\\n"},
        {"$x$a$$b$y$x$", "a$$b$y"},
    };
    static const char *const wrong[] = {
        "E'\\q'",  "E'\\u12'", "E'\\ud800'", "E'\\U00110000'", "E'\\0'",
        "E'\\x0'", "E'\\xff'", "E'\\400'",   "E'\\x'",
    };
    mem   m;
    arena a;
    error err = {0};
    text  value;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(values); i++) {
        const text sql = text_of(values[i][0]);
        CHECK_OK(token_value(&value, &a, sql, token_next(sql, 0), &err));
        CHECK_TEXT(value, values[i][1]);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        const text sql = text_of(wrong[i]);
        CHECK_FAILS(token_value(&value, &a, sql, token_next(sql, 0), &err), ERR_SQL_PARSE_ERROR);
        CHECK_EQ(err.position, 2);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_keywords(void **state) {
    (void)state;
    for (int32_t k = 1; k < KEYWORD_COUNT; k++) {
        CHECK(k == 1 || strcmp(keyword_name((keyword)(k - 1)), keyword_name((keyword)k)) < 0);
        CHECK_EQ(keyword_find(text_of(keyword_name((keyword)k))), k);
    }
    CHECK_EQ(keyword_find(TEXT("sElEcT")), KEYWORD_SELECT);
    CHECK_EQ(keyword_find(TEXT("selec")), KEYWORD_NONE);
    CHECK_EQ(keyword_find(TEXT("")), KEYWORD_NONE);
    CHECK_EQ(keyword_find(TEXT("current_timestamp_of_the_engine")), KEYWORD_NONE);
    static const char *const reserved[] = {"select", "Order",        "",         "a b", "1a", "a-b",
                                           "\"",     "\xe2\x80\x8b", "a\xc2\xa0"};
    static const char *const names[] = {"value", "key", "ts",    "source", "stream",
                                        "data",  "day", "close", "_1",     "\xc3\xa9"};
    for (int32_t i = 0; i < ARRAY_COUNT(reserved); i++) {
        CHECK(sql_is_reserved(text_of(reserved[i])));
    }
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        CHECK(!sql_is_reserved(text_of(names[i])));
    }
}

static void
test_locate(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        int32_t     position, line, column, character;
        const char *caret;
    } cases[] = {
        {"select 1\n  selct x", 11, 2, 3, 11, "LINE 2:   selct x\n          ^"},
        {"abc", 0, 1, 1, 0, "LINE 1: abc\n        ^"},
        {"abc", 3, 1, 4, 3, "LINE 1: abc\n           ^"},
        {"abc", -1, 1, 1, 0, "LINE 1: abc\n        ^"},
        {"abc", 99, 1, 4, 3, "LINE 1: abc\n           ^"},
        {"", 0, 1, 1, 0, "LINE 1: \n        ^"},
        {"\tx\r\ny", 1, 1, 2, 1, "LINE 1: \tx\n        \t^"},
        {"\xc3\xa9\xe6\x97\xa5 x", 6, 1, 4, 3, "LINE 1: \xc3\xa9\xe6\x97\xa5 x\n            ^"},
        {"e\xcc\x81 x", 4, 1, 4, 3, "LINE 1: e\xcc\x81 x\n          ^"},
        {"a\xff"
         "b",
         1, 1, 2, 1, "LINE 1: a?b\n         ^"},
        {"a\x01"
         "b",
         2, 1, 3, 2, "LINE 1: a?b\n          ^"},
        {"a\n", 2, 2, 1, 2, "LINE 2: \n        ^"},
    };
    mem m;
    buf out;
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, 1 << 20);
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int32_t line;
        int32_t column;
        int32_t character;
        sql_locate(text_of(cases[i].sql), cases[i].position, &line, &column, &character);
        CHECK_EQ(line, cases[i].line);
        CHECK_EQ(column, cases[i].column);
        CHECK_EQ(character, cases[i].character);
        buf_clear(&out);
        sql_caret(text_of(cases[i].sql), cases[i].position, &out);
        CHECK_TEXT(buf_text(&out), cases[i].caret);
    }
    /* a line of 10,000 characters is cut around the place */
    char wide[10000];
    memset(wide, 'x', sizeof(wide));
    wide[5000] = '!';
    buf_clear(&out);
    sql_caret((text){.data = wide, .size = sizeof(wide)}, 5000, &out);
    const char *mark = strchr(out.data, '!');
    const char *below = strchr(out.data, '\n');
    CHECK(mark != NULL && below != NULL && out.size < 400);
    CHECK_EQ(mark - out.data, (out.data + out.size - 1) - (below + 1));
    buf_fini(&out);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_tokens), UNIT(test_values), UNIT(test_keywords), UNIT(test_locate))
