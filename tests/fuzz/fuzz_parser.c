/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_parser.c - SQL text, as a script and as one expression: what parses is printed, the print
 * parses to an equal tree, and printing that changes nothing. What does not parse has a place
 * within the text and a caret. */
#include "fuzz.h"

#include "../unit/sql/ast_equal.h"
#include "sql/parser.h"

enum { PRINT_MAX = 1 << 26 };

static void
check_refusal(text sql, status s, const error *err, mem *m) {
    FUZZ_CHECK(s == ERR_SQL_PARSE_ERROR, "status %d: %s", (int)s, err->message);
    FUZZ_CHECK(err->message[0] != '\0' && text_is_utf8(text_of(err->message)));
    FUZZ_CHECK(err->position >= -1 && err->position <= (int32_t)sql.size);
    if (err->position >= 0) {
        int32_t line, column, character;
        buf     out;
        buf_init(&out, m, PRINT_MAX);
        sql_locate(sql, err->position, &line, &column, &character);
        FUZZ_CHECK(line >= 1 && column >= 1 && character >= 0);
        sql_caret(sql, err->position, &out);
        buf_fini(&out);
    }
}

static void
print_script(const ast_script *s, buf *out) {
    for (int32_t i = 0; i < s->count; i++) {
        sql_print_statement(s->statements[i], out);
        buf_append_text(out, TEXT(";\n"));
    }
    FUZZ_CHECK(!out->failed);
}

static void
check_script(text sql, arena *a, mem *m) {
    error        err = {.position = -1};
    ast_script   first;
    ast_script   second;
    buf          printed;
    buf          again;
    const status s = sql_parse(&first, a, sql, &err);
    if (s < 0) {
        check_refusal(sql, s, &err, m);
        return;
    }
    buf_init(&printed, m, PRINT_MAX);
    buf_init(&again, m, PRINT_MAX);
    print_script(&first, &printed);
    FUZZ_CHECK(sql_parse(&second, a, buf_text(&printed), &err) == OK, "%s\n%.*s", err.message,
               TEXT_ARG(buf_text(&printed)));
    FUZZ_CHECK(first.count == second.count);
    for (int32_t i = 0; i < first.count; i++) {
        FUZZ_CHECK(same_statement(first.statements[i], second.statements[i]), "%.*s",
                   TEXT_ARG(buf_text(&printed)));
    }
    print_script(&second, &again);
    FUZZ_CHECK(text_equal(buf_text(&printed), buf_text(&again)));
    buf_fini(&again);
    buf_fini(&printed);
}

static void
check_expression(text sql, arena *a, mem *m) {
    error        err = {.position = -1};
    ast_expr    *first = NULL;
    ast_expr    *second = NULL;
    buf          printed;
    const status s = sql_parse_expression(&first, a, sql, &err);
    if (s < 0) {
        check_refusal(sql, s, &err, m);
        return;
    }
    buf_init(&printed, m, PRINT_MAX);
    sql_print_expr(first, &printed);
    FUZZ_CHECK(!printed.failed);
    FUZZ_CHECK(sql_parse_expression(&second, a, buf_text(&printed), &err) == OK, "%s\n%.*s",
               err.message, TEXT_ARG(buf_text(&printed)));
    FUZZ_CHECK(same_expr(first, second), "%.*s", TEXT_ARG(buf_text(&printed)));
    buf_fini(&printed);
}

const int fuzz_passes = 4; /* parsed and printed, twice */

int
fuzz_target(const uint8_t *data, size_t size) {
    mem   m;
    arena a;
    char *copy = fuzz_copy(data, size);
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    check_script((text){copy, size}, &a, &m);
    arena_reset(&a);
    check_expression((text){copy, size}, &a, &m);
    arena_fini(&a);
    FUZZ_CHECK(mem_fini(&m) == 0);
    free(copy);
    return 0;
}
