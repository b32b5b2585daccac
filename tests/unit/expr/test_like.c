/* SPDX-License-Identifier: Apache-2.0 */
/* test_like.c - LIKE and ILIKE against a matcher that tries everything, and in bounded time on
 * patterns made to be slow. */
#include "rows.h"

#include "base/clock.h"

/* By the definition, one character at a time. `any_case` folds ASCII and two-byte é/É, all that the
 * alphabet below has. */
static size_t
width_of(const char *s) {
    return (uint8_t)*s < 0x80 ? 1 : 2;
}

static bool
same_character(const char *a, const char *b, bool any_case) {
    const size_t w = width_of(a);
    if (w != width_of(b)) {
        return false;
    }
    if (memcmp(a, b, w) == 0) {
        return true;
    }
    return any_case &&
           (w == 1 ? (a[0] ^ b[0]) == 0x20 && (a[0] & 0x40) != 0 : (uint8_t)(a[1] ^ b[1]) == 0x20);
}

static bool
brute(const char *p, const char *p_end, const char *s, const char *s_end, char escape,
      bool any_case) {
    if (p == p_end) {
        return s == s_end;
    }
    if (escape != 0 && *p == escape) {
        p++;
    } else if (*p == '%') {
        for (const char *at = s;; at += width_of(at)) {
            if (brute(p + 1, p_end, at, s_end, escape, any_case)) {
                return true;
            }
            if (at == s_end) {
                return false;
            }
        }
    } else if (*p == '_') {
        return s != s_end && brute(p + 1, p_end, s + width_of(s), s_end, escape, any_case);
    }
    return s != s_end && same_character(p, s, any_case) &&
           brute(p + width_of(p), p_end, s + width_of(s), s_end, escape, any_case);
}

static text
random_text(arena *a, rng *r, const char *const *alphabet, uint64_t letters, uint64_t size_max) {
    char    *out = arena_alloc(a, 2 * size_max + 1);
    size_t   size = 0;
    uint64_t n = rng_below(r, size_max + 1);
    CHECK(out != NULL);
    for (; n > 0; n--) {
        const char *c = alphabet[rng_below(r, letters)];
        memcpy(out + size, c, strlen(c));
        size += strlen(c);
    }
    return (text){out, size};
}

#define ROWS 100

/* One pattern against ROWS texts, as a constant and as a column. */
static void
check_pattern(arena *a, text pattern, const value *texts, char escape, bool any_case) {
    error        err = {0};
    value        patterns[ROWS];
    const value  escape_value = {.type = type_of(TYPE_TEXT), .s = {&escape, 1}};
    const text   name = any_case ? TEXT("ilike") : TEXT("like");
    const size_t n = escape != 0 ? 3 : 2;
    for (int32_t i = 0; i < ROWS; i++) {
        patterns[i] = (value){.type = type_of(TYPE_TEXT), .s = pattern};
    }
    const column columns[2] = {column_of(a, type_of(TYPE_TEXT), texts, ROWS),
                               column_of(a, type_of(TYPE_TEXT), patterns, ROWS)};
    const schema s = schema_of(a, columns, 2);
    const delta  in = {.row_count = ROWS, .column_count = 2, .columns = columns};
    expr        *constant = expr_constant(a, &patterns[0], 0);
    expr        *text_column = expr_column(a, 0, type_of(TYPE_TEXT), 0);
    expr        *pattern_column = expr_column(a, 1, type_of(TYPE_TEXT), 0);
    expr        *escape_constant = expr_constant(a, &escape_value, 0);
    expr        *by_constant[3] = {text_column, constant, escape_constant};
    expr        *by_column[3] = {text_column, pattern_column, escape_constant};
    expr        *calls[2];
    column       out[2];
    program     *p;
    CHECK_OK(expr_call(&calls[0], a, name, by_constant, (int32_t)n, 0, &err));
    CHECK_OK(expr_call(&calls[1], a, name, by_column, (int32_t)n, 0, &err));
    CHECK_OK(program_compile(&p, a, calls, 2, &s, &err));
    CHECK_OK(program_run(p, &in, out, a, &err));
    for (int32_t i = 0; i < ROWS; i++) {
        const text t = texts[i].s;
        const bool wanted = brute(pattern.data, pattern.data + pattern.size, t.data,
                                  t.data + t.size, escape, any_case);
        for (int32_t k = 0; k < 2; k++) {
            if (column_value(&out[k], i).b != wanted) {
                print_error("'%.*s' %.*s '%.*s' (escape %d, %s) is not %d\n", TEXT_ARG(t),
                            TEXT_ARG(name), TEXT_ARG(pattern), escape,
                            k == 0 ? "constant" : "column", wanted);
                fail();
            }
        }
    }
}

static void
test_brute_force(void **state UNUSED) {
    static const char *const text_letters[] = {"a", "b", "A", "\xC3\xA9", "\xC3\x89", "%", "_"};
    static const char *const like_letters[] = {"a", "b",  "\xC3\xA9", "A",  "%",  "_",
                                               "%", "!a", "!%",       "!_", "!!", "!\xC3\xA9"};
    mem                      m;
    arena                    a;
    rng                      r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 5);
    for (int32_t round = 0; round < 400; round++) {
        const bool escapes = rng_below(&r, 3) == 0;
        value      texts[ROWS];
        for (int32_t i = 0; i < ROWS; i++) {
            texts[i] = (value){.type = type_of(TYPE_TEXT),
                               .s = random_text(&a, &r, text_letters, 7, i % 2 == 0 ? 5 : 14)};
        }
        const text pattern = random_text(&a, &r, like_letters, escapes ? 12 : 7, 8);
        check_pattern(&a, pattern, texts, escapes ? '!' : 0, rng_below(&r, 2) == 0);
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* 'aaaa...' LIKE '%a%a%a...%b' takes a backtracking matcher longer than the universe has been
 * there. */
static void
test_many_percents(void **state UNUSED) {
    error        err = {0};
    mem          m;
    arena        a;
    engine_clock clock;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    clock_init_real(&clock);
    char *as = arena_alloc(&a, 20000);
    char *like = arena_alloc(&a, 20001);
    memset(as, 'a', 20000);
    for (int32_t i = 0; i < 20000; i++) {
        like[i] = i % 2 == 0 ? '%' : 'a';
    }
    like[20000] = 'b';
    const value   t = {.type = type_of(TYPE_TEXT), .s = {as, 20000}};
    const value   p = {.type = type_of(TYPE_TEXT), .s = {like, 20001}};
    expr         *args[2] = {expr_constant(&a, &t, 0), expr_constant(&a, &p, 0)};
    expr         *e;
    value         v;
    const int64_t start = clock_ticks_ns(&clock);
    CHECK_OK(expr_call(&e, &a, TEXT("like"), args, 2, 0, &err));
    CHECK_OK(expr_evaluate_constant(&v, e, &a, &err));
    CHECK(!v.b);
    CHECK(clock_ticks_ns(&clock) - start < INT64_C(2000000000));
    arena_fini(&a);
}

UNIT_MAIN(UNIT(test_brute_force), UNIT(test_many_percents))
