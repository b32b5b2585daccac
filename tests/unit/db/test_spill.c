/* SPDX-License-Identifier: Apache-2.0 */
/* test_spill.c - queries that write to disk what memory has no room for.
 *
 * Each shape is asked with and without a limit and must answer alike. Then every call of the file
 * system fails in turn, once and from then on, and a sample of the allocations: the query says what
 * happened, no file and no byte is left, and the next query is right. */
#include "database.h"
#include "db/internal.h"
#include "op/spill.h"

#include "../os/faulty_vfs.h"

/* Faults are alike for all shapes; under a sanitizer, which takes ten times as long, every third
 * shape meets them. All of them answer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEP 3
#else
#define STEP 1
#endif
#define ROWS "60000"
#define ROOM (2 << 20)

static const char *const queries[] = {
    /* groups with states of their own size */
    "SELECT count(*), sum(n), sum(s), min(m) FROM (SELECT k, count(*) AS n, sum(v) AS s, min(t) AS "
    "m "
    "FROM (SELECT x % 40000 AS k, x AS v, 'text number ' || x AS t FROM range(" ROWS ") r(x)) "
    "GROUP BY k)",
    /* groups that keep their rows */
    "SELECT count(*), sum(m), sum(d), max(l[2]) FROM (SELECT k, median(v) AS m, count(DISTINCT v % "
    "7) AS d, "
    "array_agg(v) AS l FROM (SELECT x % 9000 AS k, x AS v FROM range(" ROWS ") r(x)) GROUP BY k)",
    "SELECT count(*), sum(k), max(t) FROM (SELECT DISTINCT k, t FROM (SELECT x % 40000 AS k, "
    "'a text that is long enough ' || x % 40000 AS t FROM range(" ROWS ") r(x)))",
    /* order: what comes first and last, and that it is an order */
    "SELECT first(x), last(x), count(*), sum(x) FROM (SELECT x FROM (SELECT x, hash(x) % 5000 AS "
    "h, "
    "'some text ' || x AS t FROM range(90000) r(x)) ORDER BY h DESC, t LIMIT 70000 OFFSET 5)",
    /* joins: pairs, unmatched rows of one side and of both, rows that have a match or none */
    "SELECT count(*), sum(a.x), sum(b.y), max(t) FROM range(" ROWS
    ") a(x) JOIN (SELECT x * 2 AS y, "
    "'text ' || x AS t FROM range(" ROWS ") r(x)) b ON a.x = b.y",
    "SELECT count(*), sum(a.x), sum(b.y), count(b.y) FROM range(" ROWS ") a(x) FULL JOIN "
    "(SELECT x * 3 AS y FROM range(" ROWS ") r(x)) b ON a.x = b.y AND a.x % 5 <> 1",
    "SELECT count(*), sum(x) FROM range(" ROWS
    ") a(x) WHERE x NOT IN (SELECT 4 * y FROM range(" ROWS ") b(y))",
    "SELECT count(*), sum(x) FROM range(" ROWS ") a(x) WHERE EXISTS (SELECT 1 FROM range(" ROWS
    ") b(y) "
    "WHERE y = x + 30000)",
    /* window functions, partition by partition */
    "SELECT count(*), sum(s), sum(d) FROM (SELECT sum(x) OVER w AS s, count(DISTINCT x % 5) OVER "
    "(PARTITION BY k) AS d FROM (SELECT x, x * 7919 % 900 AS k FROM range(" ROWS
    ") r(x)) WINDOW w AS (PARTITION BY k ORDER BY x ROWS 9 PRECEDING))",
    "SELECT count(*), max(m), sum(r) FROM (SELECT first_value(t) OVER w AS m, row_number() OVER w "
    "AS "
    "r FROM (SELECT x, x * 7919 % 900 AS k, 'a text of it ' || x AS t FROM range(" ROWS
    ") r(x)) WINDOW w AS (PARTITION BY k ORDER BY x))",
    /* the nearest row, of keys and of none */
    "SELECT count(*), sum(x), sum(y), max(t) FROM (SELECT x, x % 11 AS k FROM range(" ROWS
    ") r(x)) "
    "a ASOF JOIN (SELECT x * 3 AS y, x % 11 AS k, 'text ' || x AS t FROM range(" ROWS
    ") r(x)) b ON a.k = b.k AND x >= y",
    "SELECT count(*), sum(x), sum(y), count(y) FROM range(" ROWS
    ") a(x) ASOF LEFT JOIN (SELECT x * 5 AS y, 'text ' || x AS t FROM range(" ROWS
    ") r(x) WHERE x < 59000) b ON x + 240000 < y",
    /* joins piece by piece: without keys, and with one */
    "SELECT count(*), sum(a.x), sum(b.x), count(b.t), max(b.t) FROM (SELECT x // 1750 AS x FROM "
    "range(70000) r(x) WHERE x % 1750 < 1) a FULL JOIN (SELECT x, repeat('b', 90) || x AS t FROM "
    "range(9000) r(x)) b ON a.x * 20 + 30 >= b.x AND a.x * 20 < b.x AND a.x % 7 <> 3 AND "
    "length(b.t) > a.x",
    "SELECT count(*), sum(x) FROM (SELECT x // 1750 - 9 AS x FROM range(70000) r(x) WHERE x % 1750 "
    "< 1) a WHERE NOT EXISTS (SELECT 1 FROM (SELECT x AS y, x // 10000 AS k, repeat('b', 90) || x "
    "AS "
    "t FROM range(9000) r(x)) b WHERE a.x // 40 = k AND a.x * 75 >= y AND y % 3 > 0 AND length(t) "
    "> a.x - y)",
    /* rows that several parts of a query read */
    "WITH q AS MATERIALIZED (SELECT x, 'a text of it ' || x AS t FROM range(" ROWS
    ") r(x)) SELECT count(*), sum(a.x), max(b.t) FROM q a JOIN q b ON a.x = b.x + 1",
};
#define QUERIES (sizeof(queries) / sizeof(queries[0]))

typedef struct bench {
    laminar_database *db;
    faulty_vfs        files;
    shown            *expected[QUERIES];
    int64_t           idle; /* bytes of the database between queries */
} bench;

static spill_place *
place_of(const bench *b) {
    return engine_spill(b->db->engine);
}

static int64_t
bytes_used(const bench *b) {
    return atomic_load(&b->db->mem->bytes_used);
}

static laminar_status
ask(bench *b, size_t at, shown *out, laminar_error *err) {
    laminar_result      *r = NULL;
    const laminar_status s = laminar_database_execute(b->db, queries[at], &r, err);
    if (s >= 0) {
        out->size = 0;
        show_result(out, r);
        laminar_result_free(r);
    }
    return s;
}

static void
set_limit(bench *b, bool limited) {
    atomic_store(&b->db->mem->bytes_limit, limited ? bytes_used(b) + ROOM : INT64_MAX);
}

static bench *
bench_open(void) {
    laminar_error   err;
    laminar_options options = LAMINAR_OPTIONS_INIT;
    bench          *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    options.threads = 1;
    options.temp_directory = "/temporary";
    DB_OK(laminar_database_open(&b->db, ":memory:", &options, &err));
    faulty_init(&b->files);
    place_of(b)->fs = &b->files.base;
    for (size_t i = 0; i < QUERIES; i++) {
        b->expected[i] = shown_new();
        DB_OK(ask(b, i, b->expected[i], &err));
    }
    CHECK_EQ(atomic_load(&place_of(b)->bytes_written), 0);
    b->idle = bytes_used(b);
    return b;
}

static void
bench_close(bench *b) {
    laminar_database_close(b->db);
    faulty_fini(&b->files);
    for (size_t i = 0; i < QUERIES; i++) {
        free(b->expected[i]);
    }
    free(b);
}

static void
check_nothing_left(const bench *b) {
    CHECK_EQ(b->files.open_files, 0);
    CHECK_EQ(atomic_load(&place_of(b)->bytes_used), 0);
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        CHECK(!b->files.nodes[i].used);
    }
}

/* The answer is right, and some of it was on disk. */
static void
check_answer(bench *b, size_t at, shown *out) {
    laminar_error err;
    const int64_t before = atomic_load(&place_of(b)->bytes_written);
    DB_OK(ask(b, at, out, &err));
    CHECK_STR(out->text, b->expected[at]->text);
    CHECK(atomic_load(&place_of(b)->bytes_written) > before);
    check_nothing_left(b);
}

static void
test_answers(void **state) {
    (void)state;
    bench *b = bench_open();
    shown *out = shown_new();
    set_limit(b, true);
    for (size_t i = 0; i < QUERIES; i++) {
        check_answer(b, i, out);
    }
    free(out);
    bench_close(b);
}

/* ---- faults */

static void
check_refused(const bench *b, laminar_status got, const laminar_error *err, int32_t code) {
    if (got != -code || err->code != code || err->hint[0] == '\0') {
        print_error("%d, code %d, %s (%s)\n", (int)got, (int)err->code, err->message, err->hint);
        fail();
    }
    check_nothing_left(b);
}

/* Returns how many calls failed. */
static int64_t
fail_files(bench *b, size_t at, uint32_t kinds, bool always, shown *out) {
    laminar_error err;
    int64_t       refused = 0;
    for (int64_t call = 1;; call += 1 + call / 2) {
        faulty_arm(&b->files, kinds, call, always);
        const laminar_status s = ask(b, at, out, &err);
        const bool           reached = b->files.calls >= call;
        faulty_arm(&b->files, kinds, 0, false);
        if (!reached) {
            CHECK_EQ(s, LAMINAR_OK);
            return refused;
        }
        if (s >= 0) { /* a close that failed */
            CHECK_STR(out->text, b->expected[at]->text);
            continue;
        }
        refused++;
        check_refused(b, s, &err, 400);
        CHECK(strstr(err.message, "no room in memory") != NULL);
    }
}

static void
test_faulty_files(void **state) {
    (void)state;
    bench  *b = bench_open();
    shown  *out = shown_new();
    int64_t refused = 0;
    set_limit(b, true);
    for (size_t i = 0; i < QUERIES; i += STEP) {
        b->files.write_short = i % 2 == 0;
        const int64_t before = refused;
        refused += fail_files(b, i, FAULTY_ANY, i % 2 == 1, out);
        CHECK(refused - before > 5);
        check_answer(b, i, out);
    }
    print_message("%lld file calls failed\n", (long long)refused);
    free(out);
    bench_close(b);
}

/* What was written does not come back. */
static void
test_flipped_bits(void **state) {
    (void)state;
    bench        *b = bench_open();
    laminar_error err;
    shown        *out = shown_new();
    set_limit(b, true);
    for (size_t i = 0; i < QUERIES; i += STEP) {
        b->files.flip_at = 3;
        check_refused(b, ask(b, i, out, &err), &err, 400);
        CHECK(strstr(err.message, "did not keep what was written") != NULL);
        b->files.flip_at = 0;
        check_answer(b, i, out);
    }
    free(out);
    bench_close(b);
}

static void
test_no_memory(void **state) {
    (void)state;
    bench        *b = bench_open();
    laminar_error err;
    shown        *out = shown_new();
    int64_t       refused = 0;
    set_limit(b, true);
    for (size_t i = 0; i < QUERIES; i += STEP) {
        const int64_t start = atomic_load(&b->db->mem->allocations);
        check_answer(b, i, out);
        const int64_t all = atomic_load(&b->db->mem->allocations) - start;
        for (int64_t n = 1; n < all; n += 1 + all / 9) {
            atomic_store(&b->db->mem->fail_at, atomic_load(&b->db->mem->allocations) + n);
            const laminar_status s = ask(b, i, out, &err);
            atomic_store(&b->db->mem->fail_at, 0);
            if (s < 0) {
                CHECK_EQ(s, -990);
                refused++;
            }
            check_nothing_left(b);
        }
        check_answer(b, i, out);
    }
    CHECK(refused > 5 * (int64_t)QUERIES / STEP);
    free(out);
    bench_close(b);
}

static void
test_quota(void **state) {
    (void)state;
    bench        *b = bench_open();
    laminar_error err;
    shown        *out = shown_new();
    set_limit(b, true);
    for (size_t i = 0; i < QUERIES; i += STEP) {
        db_run(b->db, "SET max_temp_directory_size = 100000");
        check_refused(b, ask(b, i, out, &err), &err, 400);
        CHECK(strstr(err.hint, "max_temp_directory_size") != NULL);
        db_run(b->db, "RESET max_temp_directory_size");
        check_answer(b, i, out);
    }
    /* Without a folder memory is all there is. */
    db_run(b->db, "SET temp_directory = NULL");
    CHECK_EQ(ask(b, 2, out, &err), -990);
    check_nothing_left(b);
    free(out);
    bench_close(b);
}

UNIT_MAIN(UNIT(test_answers), UNIT(test_faulty_files), UNIT(test_flipped_bits),
          UNIT(test_no_memory), UNIT(test_quota))
