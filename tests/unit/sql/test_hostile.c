/* SPDX-License-Identifier: Apache-2.0 */
/* test_hostile.c - depth bombs on a small stack, cut and mutated text, limits, and refused
 * allocations. */
#include "unit.h"

#include <pthread.h>

#include "sql/parser.h"

#include "ast_equal.h"
#include "generate_statement.h"

#ifdef __SANITIZE_ADDRESS__
#define STACK_BYTES (1024 * 1024) /* frames with red zones are several times as large */
#define PREFIX_BYTES 4000         /* the fuzzer of the parser has AddressSanitizer, too */
#define MUTATIONS 20000
#else
#define STACK_BYTES (256 * 1024)
#define PREFIX_BYTES 8000 /* the work is quadratic */
#define MUTATIONS 60000
#endif
#define BOMB_REPEATS 100000

/* Text repeated many times, between a head and a tail. */
typedef struct bomb {
    const char *head, *part, *tail;
} bomb;

typedef struct job {
    text       sql;
    status     status;
    error      err;
    bool       same; /* what was parsed printed to an equal tree */
    const mem *leaked;
} job;

/* Parses and, when that worked, prints and parses again. The bytes lie in a block of their own, so
 * that ASan sees a read beyond. */
static void
run_job(job *j) {
    mem        m;
    arena      a;
    ast_script first;
    ast_script second;
    buf        out;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    buf_init(&out, &m, 1 << 30);
    char *copy = malloc(j->sql.size + (j->sql.size == 0));
    memcpy(copy, j->sql.data, j->sql.size);
    const text sql = {.data = copy, .size = j->sql.size};
    j->err = (error){.position = -1};
    j->status = sql_parse(&first, &a, sql, &j->err);
    j->same = true;
    if (j->status == OK) {
        for (int32_t i = 0; i < first.count; i++) {
            sql_print_statement(first.statements[i], &out);
            buf_append_text(&out, TEXT(";\n"));
        }
        error err = {0};
        j->same = sql_parse(&second, &a, buf_text(&out), &err) == OK && first.count == second.count;
        for (int32_t i = 0; j->same && i < first.count; i++) {
            j->same = same_statement(first.statements[i], second.statements[i]);
        }
    } else {
        sql_caret(sql, j->err.position, &out);
    }
    buf_fini(&out);
    arena_fini(&a);
    free(copy);
    j->leaked = atomic_load(&m.bytes_used) == 0 ? NULL : &m;
}

static void *
run_job_thread(void *arg) {
    run_job(arg);
    return NULL;
}

static void
run_on_small_stack(job *j) {
    pthread_attr_t attributes;
    pthread_t      thread;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, STACK_BYTES), 0);
    CHECK_EQ(pthread_create(&thread, &attributes, run_job_thread, j), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    CHECK(j->leaked == NULL);
}

static void
build(buf *out, const bomb *b, int32_t repeats) {
    buf_clear(out);
    buf_append_text(out, text_of(b->head));
    for (int32_t i = 0; i < repeats; i++) {
        buf_append_text(out, text_of(b->part));
    }
    buf_append_text(out, text_of(b->tail));
}

static const bomb bombs[] = {
    {"SELECT ", "(", "1"},
    {"SELECT ", "NOT ", "a"},
    {"SELECT ", "-", "1"},
    {"SELECT ", "- ", "1"},
    {"SELECT ", "+", "1"},
    {"SELECT ", "- + ", "a"},
    {"SELECT ", "CASE ", "1"},
    {"SELECT ", "CASE WHEN ", "1"},
    {"SELECT ", "CASE WHEN a THEN ", "1"},
    {"SELECT ", "CASE WHEN a THEN b ELSE ", "1"},
    {"SELECT ", "f(", "1"},
    {"SELECT ", "f(a, ", "1"},
    {"SELECT ", "f() FILTER (WHERE ", "1"},
    {"SELECT ", "f(x ORDER BY ", "1"},
    {"SELECT ", "f() WITHIN GROUP (ORDER BY ", "1"},
    {"SELECT ", "CAST(", "1"},
    {"SELECT ", "EXTRACT(year FROM ", "1"},
    {"SELECT ", "SUBSTRING(a FROM ", "1"},
    {"SELECT ", "TRIM('x' FROM ", "1"},
    {"SELECT ", "POSITION(a IN ", "1"},
    {"SELECT ", "a IN (", "1"},
    {"SELECT ", "a = (", "1"},
    {"SELECT ", "a + (", "1"},
    {"SELECT ", "a AND (b OR ", "1"},
    {"SELECT ", "a LIKE (", "1"},
    {"SELECT ", "a BETWEEN (", "1"},
    {"SELECT ", "a IS DISTINCT FROM (", "1"},
    {"SELECT ", "1 + ", "1"},
    {"SELECT ", "a || ", "a"},
    {"SELECT a", "::INT", ""},
    {"SELECT a", " IS NULL", ""},
    {"SELECT a ", "= NOT a ", ""},
    {"SELECT ", "a = NOT ", "a"},
    {"SELECT * FROM ", "(SELECT * FROM ", "t"},
    {"SELECT * FROM ", "(FROM ", "t"},
    {"", "FROM (", "t"},
    {"SELECT * FROM a", " JOIN b ON c", ""},
    {"SELECT * FROM a", " CROSS JOIN b", ""},
    {"SELECT * FROM a", ", b", ""},
    {"SELECT * FROM a", ", b JOIN c ON d", ""},
    {"", "/*", ""},
    {"", "(", ""},
    {"", ")", ""},
    {"SELECT a", ", b", ""},
    {"SELECT f(a", ", b", ")"},
    {"CREATE TABLE t (a INT", ", b INT", ")"},
    {"", "EXPLAIN ", "SELECT 1"},
    {"CREATE STREAM s AS ", "FROM (FROM ", "t"},
    {"INSERT INTO t VALUES (", "(", "1"},
    {"CREATE TABLE t (a INT DEFAULT ", "-", "1)"},
    {"CREATE TABLE t (a INT, WATERMARK FOR a AS ", "-(", "1)"},
    {"CREATE TABLE t (a INT) WITH (a = ", "(", "1)"},
};

static void
test_bombs(void **state) {
    (void)state;
    mem m;
    buf out;
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, 1 << 26);
    for (int32_t i = 0; i < ARRAY_COUNT(bombs); i++) {
        build(&out, &bombs[i], BOMB_REPEATS);
        job j = {.sql = buf_text(&out)};
        run_on_small_stack(&j);
        if (j.status != ERR_SQL_PARSE_ERROR || j.err.position < 0) {
            print_error("%s: %s\n", bombs[i].part, j.status == OK ? "accepted" : j.err.message);
            fail();
        }
    }
    buf_fini(&out);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Nesting as deep as allowed parses and prints on the small stack, and the next level is refused.
 */
static void
test_deepest(void **state) {
    (void)state;
    static const struct {
        bomb    open;
        bomb    close;
        int32_t deepest;
    } cases[] = {
        {{"SELECT ", "(", "1"}, {"", ")", ""}, 254},
        {{"SELECT ", "NOT ", "a"}, {"", "", ""}, 254},
        {{"SELECT ", "- ", "a"}, {"", "", ""}, 254},
        {{"SELECT ", "CASE WHEN a THEN ", "1"}, {"", " END", ""}, 254},
        {{"SELECT ", "f(", "1"}, {"", ")", ""}, 254},
        {{"SELECT ", "a IN (1, ", "1"}, {"", ")", ""}, 254},
        {{"SELECT ", "a = (", "1"}, {"", ")", ""}, 127},
        {{"SELECT ", "1 + ", "1"}, {"", "", ""}, 255},
        {{"SELECT a", "::INT", ""}, {"", "", ""}, 254},
        {{"SELECT ", "a = NOT ", "a"}, {"", "", ""}, 84},
        {{"SELECT a ", " IS NULL", ""}, {"", "", ""}, 255},
        {{"SELECT * FROM ", "(SELECT * FROM ", "t"}, {"", ")", ""}, 63},
        {{"SELECT * FROM a", " JOIN b ON c", ""}, {"", "", ""}, 255},
        {{"SELECT * FROM a", ", b JOIN c ON d", ""}, {"", "", ""}, 254},
    };
    mem m;
    buf out;
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, 1 << 20);
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        for (int32_t more = 0; more < 2; more++) {
            const int32_t depth = cases[i].deepest + more;
            buf           tail;
            buf_init(&tail, &m, 1 << 20);
            build(&out, &cases[i].open, depth);
            build(&tail, &cases[i].close, depth);
            buf_append_text(&out, buf_text(&tail));
            buf_fini(&tail);
            job j = {.sql = buf_text(&out)};
            run_on_small_stack(&j);
            if ((j.status == OK) != (more == 0) || !j.same) {
                print_error("%s %d: %s\n", cases[i].open.part, depth,
                            j.status == OK ? "accepted" : j.err.message);
                fail();
            }
        }
    }
    buf_fini(&out);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Whatever mixture of wrappers is accepted, near the limits too, prints to text that is accepted
 * and means the same. */
static void
test_wrapped(void **state) {
    (void)state;
    static const char *const wrappers[][2] = {
        {"(", ")"},
        {"NOT ", ""},
        {"- ", ""},
        {"a = NOT ", ""},
        {"a + (", ")"},
        {"", "::INT"},
        {"", " IS NULL"},
        {"", " + 1"},
        {"(", ") = b"},
        {"f(", ")"},
        {"a AND (", ")"},
        {"(", ") OR b"},
        {"CASE a WHEN ", " THEN b END"},
        {"a IN (", ")"},
        {"(", ") LIKE b"},
        {"a BETWEEN (", ") AND c"},
        {"a || -", ""},
        {"", " IS DISTINCT FROM a"},
    };
    mem m;
    buf sql;
    buf wrapped;
    mem_init(&m, INT64_MAX);
    buf_init(&sql, &m, 1 << 20);
    buf_init(&wrapped, &m, 1 << 20);
    int32_t   accepted = 0;
    generator g = {.out = &sql};
    for (uint64_t seed = 0; seed < 1000; seed++) {
        rng_init(&g.r, seed);
        buf_clear(&sql);
        buf_append_text(&sql, TEXT("a"));
        const int32_t kinds = 1 + roll(&g, ARRAY_COUNT(wrappers));
        const int32_t first = roll(&g, ARRAY_COUNT(wrappers));
        for (int32_t i = 40 + roll(&g, 250); i > 0; i--) {
            const int32_t w = (first + roll(&g, kinds)) % ARRAY_COUNT(wrappers);
            buf_clear(&wrapped);
            buf_append_text(&wrapped, text_of(wrappers[w][0]));
            buf_append_text(&wrapped, buf_text(&sql));
            buf_append_text(&wrapped, text_of(wrappers[w][1]));
            buf_clear(&sql);
            buf_append_text(&sql, buf_text(&wrapped));
        }
        buf_clear(&wrapped);
        buf_append_text(&wrapped, TEXT("SELECT "));
        buf_append_text(&wrapped, buf_text(&sql));
        job j = {.sql = buf_text(&wrapped)};
        run_on_small_stack(&j);
        accepted += j.status == OK;
        if (!j.same) {
            print_error("seed %llu\n%.*s\n", (unsigned long long)seed, TEXT_ARG(j.sql));
            fail();
        }
    }
    CHECK(accepted > 200 && accepted < 900);
    buf_fini(&sql);
    buf_fini(&wrapped);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_limits(void **state) {
    (void)state;
    static const struct {
        bomb    text;
        int32_t most;
    } cases[] = {
        {{"SELECT f(a", ",a", ")"}, 126},
        {{"SELECT substring(a", ",a", ")"}, 126},
        {{"SELECT a IN (1", ",1", ")"}, 65535},
        {{"SELECT a", ",a", ""}, 1599},
        {{"SELECT a GROUP BY a", ",a", ""}, 1599},
        {{"SELECT a ORDER BY a", ",a", ""}, 1599},
        {{"CREATE TABLE t (a INT", ",a INT", ")"}, 1599},
        {{"INSERT INTO t VALUES (1", ",1", ")"}, 1599},
        {{"SELECT a", "a", ""}, 254},
        {{"SELECT \"a", "\"\"", "\""}, 254},
        {{"SELECT * FROM a JOIN b USING (a", ",a", ")"}, 1599},
        {{"SELECT CAST(a AS t(1", ",1", "))"}, 1},
    };
    mem m;
    buf out;
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, 1 << 20);
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        for (int32_t more = 0; more < 2; more++) {
            build(&out, &cases[i].text, cases[i].most + more);
            job j = {.sql = buf_text(&out)};
            run_job(&j);
            if ((j.status == OK) != (more == 0) || !j.same) {
                print_error("%s: %s\n", cases[i].text.head,
                            j.status == OK ? "accepted" : j.err.message);
                fail();
            }
        }
    }
    arena      a;
    ast_script script;
    error      err = {0};
    arena_init(&a, &m);
    CHECK_FAILS(sql_parse(&script, &a, (text){.data = "", .size = (64U << 20) + 1}, &err),
                ERR_SQL_PARSE_ERROR);
    arena_fini(&a);
    buf_fini(&out);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
put_script(generator *g, uint64_t seed, int32_t statements) {
    rng_init(&g->r, seed);
    buf_clear(g->out);
    for (int32_t i = 0; i < statements; i++) {
        put_statement(g);
        put(g, ";");
    }
}

static void
test_prefixes(void **state) {
    (void)state;
    mem m;
    buf out;
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, 1 << 20);
    generator g = {.out = &out};
    put_script(&g, 30, 14);
    CHECK(out.size > 3000);
    const size_t most = out.size < PREFIX_BYTES ? out.size : PREFIX_BYTES;
    for (size_t size = 0; size <= most; size++) {
        job j = {.sql = {.data = out.data, .size = size}};
        run_job(&j);
        CHECK(j.leaked == NULL && j.same);
        CHECK(j.status == OK || (j.status == ERR_SQL_PARSE_ERROR && j.err.position >= 0 &&
                                 (size_t)j.err.position <= size));
    }
    buf_fini(&out);
    CHECK_EQ(mem_fini(&m), 0);
}

/* A few random edits of the text: bytes replaced, removed, doubled; or pieces of SQL put in. */
static void
mutate(generator *g, buf *sql) {
    static const char *const pieces[] = {
        "'",      "\"",    "(",          ")",      ",",        ";",
        "--",     "/*",    "*/",         "$",      "$$",       "?",
        ":",      ".",     "E'",         "\\",     "NULL ",    "NOT ",
        " AND ",  " OR ",  " IN (",      " FROM ", " SELECT ", " AS ",
        "::",     "1e",    "_",          "\xc3",   "\xff",     "\xe2\x80\x8b",
        " CASE ", " END ", " INTERVAL ", " EMIT ", " JOIN ",   " WITH (",
        "*",
    };
    for (int32_t edits = 1 + roll(g, 4); edits > 0 && sql->size > 0; edits--) {
        const size_t at = (size_t)rng_below(&g->r, sql->size);
        const size_t rest = sql->size - at;
        const size_t cut = 1 + (size_t)rng_below(&g->r, rest < 12 ? rest : 12);
        switch (roll(g, 4)) {
        case 0:
            sql->data[at] = (char)roll(g, 256);
            break;
        case 1:
            memmove(sql->data + at, sql->data + at + cut, rest - cut);
            sql->size -= cut;
            break;
        case 2:
            for (size_t i = 0; i < cut; i++) {
                sql->data[at + i] = sql->data[(size_t)rng_below(&g->r, sql->size)];
            }
            break;
        default: {
            const text piece = text_of(PICK(g, pieces));
            buf_append(sql, piece.data, piece.size); /* makes room */
            memmove(sql->data + at + piece.size, sql->data + at, rest);
            memcpy(sql->data + at, piece.data, piece.size);
            break;
        }
        }
    }
}

static void
test_mutations(void **state) {
    (void)state;
    mem m;
    buf original;
    buf sql;
    mem_init(&m, INT64_MAX);
    buf_init(&original, &m, 1 << 20);
    buf_init(&sql, &m, 1 << 20);
    generator g = {.out = &original};
    int32_t   accepted = 0;
    for (uint64_t i = 0; i < MUTATIONS; i++) {
        if (i % 20 == 0) {
            put_script(&g, 1000 + i, 1);
        }
        rng_init(&g.r, i);
        buf_clear(&sql);
        buf_append_text(&sql, buf_text(&original));
        mutate(&g, &sql);
        job j = {.sql = {.data = sql.data, .size = sql.size}};
        run_job(&j);
        accepted += j.status == OK;
        if (j.leaked != NULL || !j.same ||
            (j.status != OK && (j.status != ERR_SQL_PARSE_ERROR || j.err.position < 0 ||
                                (size_t)j.err.position > sql.size || j.err.message[0] == '\0'))) {
            print_error("mutation %llu: %s\n%.*s\n", (unsigned long long)i,
                        j.status == OK ? "printed to another tree" : j.err.message,
                        TEXT_ARG(buf_text(&sql)));
            fail();
        }
    }
    CHECK(accepted > MUTATIONS / 50 && accepted < MUTATIONS);
    buf_fini(&original);
    buf_fini(&sql);
    CHECK_EQ(mem_fini(&m), 0);
}

static text torture_sql;

static status
parse_and_print(mem *m, error *err) {
    arena      a;
    buf        out;
    ast_script script;
    arena_init(&a, m);
    buf_init(&out, m, 1 << 20);
    status s = sql_parse(&script, &a, torture_sql, err);
    CHECK(s == OK || (script.count == 0 && script.statements == NULL));
    for (int32_t i = 0; i < script.count; i++) {
        sql_print_statement(script.statements[i], &out);
    }
    if (s == OK && out.failed) {
        s = error_memory(err);
    }
    buf_fini(&out);
    arena_fini(&a);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    mem m;
    buf out;
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, 1 << 22);
    generator g = {.out = &out};
    put_script(&g, 5, 400);
    torture_sql = buf_text(&out);
    CHECK(torture("parse and print", parse_and_print) > 5);
    buf_fini(&out);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_bombs), UNIT(test_deepest), UNIT(test_wrapped), UNIT(test_limits),
          UNIT(test_prefixes), UNIT(test_mutations), UNIT(test_torture))
