/* SPDX-License-Identifier: Apache-2.0 */
/* test_roundtrip.c - parse(print(tree)) equals tree, over random statements; and printing what was
 * printed changes nothing. */
#include "unit.h"

#include "sql/parser.h"

#include "ast_equal.h"
#include "generate_statement.h"

#define CASES 8000

typedef struct fixture {
    mem   m;
    arena a;
    buf   source, printed, again;
} fixture;

static void
setup(fixture *f) {
    mem_init(&f->m, INT64_MAX);
    arena_init(&f->a, &f->m);
    buf_init(&f->source, &f->m, 1 << 26);
    buf_init(&f->printed, &f->m, 1 << 26);
    buf_init(&f->again, &f->m, 1 << 26);
}

static void
teardown(fixture *f) {
    buf_fini(&f->source);
    buf_fini(&f->printed);
    buf_fini(&f->again);
    arena_fini(&f->a);
    CHECK_EQ(mem_fini(&f->m), 0);
}

static void
parse_one(fixture *f, const buf *source, uint64_t seed, ast_statement **out) {
    error      err = {0};
    ast_script script;
    if (sql_parse(&script, &f->a, buf_text(source), &err) < 0) {
        print_error("seed %llu: %s (%s) at %d\n%.*s\n", (unsigned long long)seed, err.message,
                    err.hint, err.position, TEXT_ARG(buf_text(source)));
        fail();
    }
    CHECK_EQ(script.count, 1);
    *out = script.statements[0];
}

static void
test_random_statements(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    int32_t kinds[AST_EXPLAIN + 1] = {0};
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        ast_statement *first;
        ast_statement *second;
        generator      g = {.out = &f.source};
        arena_reset(&f.a);
        buf_clear(&f.source);
        buf_clear(&f.printed);
        buf_clear(&f.again);
        rng_init(&g.r, seed);
        put_statement(&g);
        parse_one(&f, &f.source, seed, &first);
        sql_print_statement(first, &f.printed);
        parse_one(&f, &f.printed, seed, &second);
        if (!same_statement(first, second)) {
            print_error("seed %llu:\n%.*s\n%.*s\n", (unsigned long long)seed,
                        TEXT_ARG(buf_text(&f.source)), TEXT_ARG(buf_text(&f.printed)));
            fail();
        }
        sql_print_statement(second, &f.again);
        CHECK(text_equal(buf_text(&f.printed), buf_text(&f.again)));
        kinds[first->kind]++;
    }
    for (int32_t i = 0; i <= AST_EXPLAIN; i++) {
        if (kinds[i] <= CASES / (i == AST_CREATE_INDEX ? 250 : 160)) {
            print_error("kind %d: %d of %d statements\n", i, kinds[i], CASES);
            fail();
        }
    }
    teardown(&f);
}

/* Binding strength, told apart from the printer: a text and the same one with every operator in
 * parentheses make one tree. */
static void
test_parentheses(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"a OR b AND c", "a OR (b AND c)"},
        {"NOT a AND b", "(NOT a) AND b"},
        {"NOT a = b", "NOT (a = b)"},
        {"NOT a IS NULL", "NOT (a IS NULL)"},
        {"a = b IS NULL", "(a = b) IS NULL"},
        {"a IS NULL = b", "(a IS NULL) = b"},
        {"a = b LIKE c", "a = (b LIKE c)"},
        {"a LIKE b = c", "(a LIKE b) = c"},
        {"a LIKE b || c", "a LIKE (b || c)"},
        {"a || b + c", "a || (b + c)"},
        {"a + b || c", "(a + b) || c"},
        {"a < b + c", "a < (b + c)"},
        {"a + b * c", "a + (b * c)"},
        {"a * b + c", "(a * b) + c"},
        {"a - b - c", "(a - b) - c"},
        {"a / b * c // d % e", "(((a / b) * c) // d) % e"},
        {"-a * b", "(-a) * b"},
        {"-a::INT", "-(a::INT)"},
        {"a * b::INT", "a * (b::INT)"},
        {"a BETWEEN b AND c AND d", "(a BETWEEN b AND c) AND d"},
        {"a BETWEEN b + 1 AND c * 2 OR d", "(a BETWEEN (b + 1) AND (c * 2)) OR d"},
        {"a IN (1) = b", "(a IN (1)) = b"},
        {"a IS DISTINCT FROM b AND c", "(a IS DISTINCT FROM b) AND c"},
        {"a IS DISTINCT FROM b = c", "a IS DISTINCT FROM (b = c)"},
        {"a AND b OR c AND d", "(a AND b) OR (c AND d)"},
        {"a AND (b AND c) AND d", "a AND b AND c AND d"},
        {"NOT a BETWEEN b AND c", "NOT (a BETWEEN b AND c)"},
        {"a = NOT b OR c", "(a = (NOT b)) OR c"},
        {"a NOT LIKE b ESCAPE c AND d", "(a NOT LIKE b ESCAPE c) AND d"},
        {"a + -b", "a + (-b)"},
    };
    fixture f;
    error   err = {0};
    setup(&f);
    for (int32_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        ast_expr *plain;
        ast_expr *full;
        CHECK_OK(sql_parse_expression(&plain, &f.a, text_of(pairs[i][0]), &err));
        CHECK_OK(sql_parse_expression(&full, &f.a, text_of(pairs[i][1]), &err));
        if (!same_expr(plain, full)) {
            print_error("%s is not %s\n", pairs[i][0], pairs[i][1]);
            fail();
        }
    }
    teardown(&f);
}

UNIT_MAIN(UNIT(test_random_statements), UNIT(test_parentheses))
