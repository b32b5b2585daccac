/* SPDX-License-Identifier: Apache-2.0 */
/* test_parallel.c - one-off queries on several threads: the answer of one thread, from any number
 * of them, from several callers at once, while rows come, when allocations are refused and when
 * they are interrupted. Meant for ThreadSanitizer as well. */
#include "database.h"
#include "db/internal.h"
#include "os/thread.h"

#define ROWS "120000"
#ifdef __SANITIZE_THREAD__ /* takes ten times as long; each setting meets half of the queries */
enum { STEP = 2 };
#else
enum { STEP = 1 };
#endif

static const char *const queries[] = {
    "SELECT k, count(*), sum(x), avg(x), min(s), max(id) FROM t GROUP BY k ORDER BY k",
    "SELECT count(*), sum(id) FROM t WHERE s LIKE '%7%'",
    "SELECT count(*), sum(c), max(g) FROM (SELECT g, count(*) AS c FROM t GROUP BY g)",
    "SELECT count(DISTINCT g), sum(DISTINCT k) FROM t",
    "SELECT count(DISTINCT g) FROM t",
    "SELECT count(*) FROM (SELECT DISTINCT k, s FROM t)",
    "SELECT count(*) FROM (SELECT DISTINCT g FROM t)",
    "SELECT id, x FROM t ORDER BY x DESC, id LIMIT 5 OFFSET 3",
    "SELECT id FROM t WHERE g % 4001 = 7",
    "SELECT name, count(*), sum(id) FROM t JOIN d USING (k) GROUP BY name ORDER BY name",
    "SELECT count(*), count(name) FROM t LEFT JOIN d ON t.k = d.k AND d.name <> 'n2' WHERE id > 9",
    "SELECT count(*) FROM t WHERE g NOT IN (SELECT g FROM t WHERE id < 900)",
    "SELECT k, median(x) FROM t GROUP BY k ORDER BY k LIMIT 3",
    "SELECT count(*), sum(m) FROM (SELECT g, median(x) AS m FROM t GROUP BY g)",
    "SELECT k, first(id) AS f FROM t WHERE id % 3 = 0 GROUP BY k ORDER BY k",
    "SELECT count(*) FROM t WHERE id > 110000 AND s <> 'x'",
    "SELECT first(id), last(id), sum(n * (id % 11)) FROM (SELECT id, row_number() OVER (ORDER BY "
    "s, x "
    "DESC, id) AS n FROM t)",
    "SELECT id FROM (SELECT id FROM t ORDER BY k DESC, s LIMIT 110000 OFFSET 100) WHERE id % 2003 "
    "= 7",
    "SELECT count(*), sum(id), sum(g) FROM (SELECT id, g FROM t QUALIFY row_number() OVER "
    "(PARTITION "
    "BY g % 900 ORDER BY x DESC) <= 2)",
};

static laminar_database *
open_filled(void) {
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (id BIGINT, k BIGINT, g BIGINT, x DOUBLE, s VARCHAR);"
               "CREATE SOURCE d (k BIGINT, name VARCHAR);"
               "INSERT INTO d SELECT i, 'n' || (i % 5) FROM generate_series(0, 40) AS q(i);"
               "INSERT INTO t SELECT i, i * 7919 % 53, i * 104729 % 60013, sin(i), "
               "'text number ' || (i % 97) FROM generate_series(1, " ROWS ") AS q(i)");
    return db;
}

static shown *
answer(laminar_database *db, const char *sql) {
    laminar_error   err;
    laminar_result *r = NULL;
    db_check_ok(laminar_database_execute(db, sql, &r, &err), &err, sql, __FILE__, __LINE__);
    shown *s = shown_new();
    show_result(s, r);
    laminar_result_free(r);
    return s;
}

static void
check_answer(laminar_database *db, const char *sql, const shown *wanted) {
    shown *got = answer(db, sql);
    if (strcmp(got->text, wanted->text) != 0) {
        print_error("%s\n  gave   %.500s\n  wanted %.500s\n", sql, got->text, wanted->text);
        fail();
    }
    free(got);
}

static void
test_any_number_of_threads(void **state) {
    (void)state;
    static const char *const settings[] = {"SET threads = 2", "SET threads = 3", "SET threads = 9",
                                           "RESET threads"};
    laminar_database        *db = open_filled();
    for (int32_t q = 0; q < ARRAY_COUNT(queries); q++) {
        db_run(db, "SET threads = 1");
        shown *wanted = answer(db, queries[q]);
        CHECK(wanted->size > 0);
        for (int32_t i = q % STEP; i < ARRAY_COUNT(settings); i += STEP) {
            db_run(db, settings[i]);
            check_answer(db, queries[q], wanted);
        }
        free(wanted);
    }
    laminar_database_close(db);
}

typedef struct asker {
    laminar_database *db;
    shown           **wanted;
    int32_t           first;
    bool              wrong;
    _Atomic bool      over;
} asker;

static void *
ask(void *arg) {
    asker *a = arg;
    for (int32_t i = 0; i < 2 * ARRAY_COUNT(queries) && !a->wrong; i++) {
        const int32_t   q = (a->first + i) % ARRAY_COUNT(queries);
        laminar_result *r = NULL;
        if (laminar_database_execute(a->db, queries[q], &r, NULL) != LAMINAR_OK) {
            a->wrong = true;
            break;
        }
        shown *got = shown_new();
        show_result(got, r);
        a->wrong = strcmp(got->text, a->wanted[q]->text) != 0;
        free(got);
        laminar_result_free(r);
    }
    return NULL;
}

static void *
insert_beside(void *arg) {
    asker *a = arg;
    for (int32_t i = 0; i < 200 && !a->wrong; i++) {
        a->wrong = laminar_database_execute(a->db, "INSERT INTO other VALUES (1), (2)", NULL,
                                            NULL) != LAMINAR_OK;
    }
    return NULL;
}

static void
test_several_callers(void **state) {
    (void)state;
    error             err;
    laminar_database *db = open_filled();
    shown            *wanted[ARRAY_COUNT(queries)];
    asker             askers[4];
    thread            threads[4];
    db_run(db, "CREATE SOURCE other (n BIGINT);"
               "SET threads = 3");
    for (int32_t q = 0; q < ARRAY_COUNT(queries); q++) {
        wanted[q] = answer(db, queries[q]);
    }
    for (int32_t i = 0; i < 4; i++) {
        askers[i] = (asker){.db = db, .wanted = wanted, .first = 5 * i};
        CHECK_OK(
            thread_start(&threads[i], "asker", i == 3 ? insert_beside : ask, &askers[i], &err));
    }
    for (int32_t i = 0; i < 4; i++) {
        thread_join(&threads[i]);
        CHECK(!askers[i].wrong);
    }
    db_check_rows(db, "SELECT count(*) FROM other", "400");
    for (int32_t q = 0; q < ARRAY_COUNT(queries); q++) {
        free(wanted[q]);
    }
    laminar_database_close(db);
}

/* Parts fail like the whole: nothing is lost, and the next query is answered. */
static void
test_refused_allocations(void **state) {
    (void)state;
    laminar_database *db = open_filled();
    mem              *m = db->mem;
    rng               r;
    int64_t           runs = 0, refused = 0;
    rng_init(&r, 11);
    db_run(db, "SET threads = 3");
    for (int32_t q = 0; q < ARRAY_COUNT(queries); q++) {
        shown        *wanted = answer(db, queries[q]);
        const int64_t before = atomic_load(&m->allocations);
        check_answer(db, queries[q], wanted);
        const int64_t total = atomic_load(&m->allocations) - before;
        const int64_t step = torture_is_whole() ? 1 : total / 12 + 1;
        for (int64_t n = 1; n <= total; n += 1 + (int64_t)rng_below(&r, (uint64_t)(2 * step - 1))) {
            laminar_error   err;
            laminar_result *got = NULL;
            atomic_store(&m->fail_at, atomic_load(&m->allocations) + n);
            const laminar_status s = laminar_database_execute(db, queries[q], &got, &err);
            atomic_store(&m->fail_at, 0);
            CHECK(s == LAMINAR_OK || s == ERR_OUT_OF_MEMORY);
            refused += s != LAMINAR_OK;
            runs++;
            laminar_result_free(got);
        }
        check_answer(db, queries[q], wanted);
        free(wanted);
    }
    torture_note("parallel", refused, runs);
    CHECK(runs > 50 && refused > 50);
    laminar_database_close(db);
}

static void *
interrupt_soon(void *arg) {
    asker *a = arg;
    while (!atomic_load(&a->over)) { /* until the query, which the main thread runs, is over */
        laminar_database_interrupt(a->db);
    }
    return NULL;
}

static void
test_interrupt(void **state) {
    (void)state;
    laminar_error     err;
    laminar_database *db = open_filled();
    db_run(db, "SET threads = 3; SET statement_timeout_ms = 30");
    const char *cross = "SELECT count(*) FROM t AS a, t AS b WHERE a.x + b.x > 3";
    DB_FAILS(laminar_database_execute(db, cross, &(laminar_result *){NULL}, &err), 402);
    CHECK(strstr(err.message, "statement_timeout_ms") != NULL);
    db_run(db, "SET statement_timeout_ms = NULL");
    laminar_result *r = NULL;
    error           e;
    asker           a = {.db = db};
    thread          t;
    DB_OK(thread_start(&t, "interrupter", interrupt_soon, &a, &e));
    DB_FAILS(laminar_database_execute(db, cross, &r, &err), 402);
    atomic_store(&a.over, true);
    thread_join(&t);
    db_check_rows(db, "SELECT count(*) FROM t", ROWS);
    laminar_database_close(db);
}

/* A part that fails ends the query with its own error. */
static void
test_faults(void **state) {
    (void)state;
    laminar_database *db = open_filled();
    db_run(db, "SET threads = 3");
    db_refuse(db, "SELECT sum(9223372036854775807 - 119000 + id) FROM t WHERE id > 0", 400, "");
    db_refuse(
        db,
        "SELECT id FROM t WHERE CAST(CASE WHEN id = 100000 THEN 'x' ELSE '1' END AS BIGINT) = 2",
        400, "x");
    db_check_rows(db, "SELECT count(*) FROM t", ROWS);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_any_number_of_threads), UNIT(test_several_callers),
          UNIT(test_refused_allocations), UNIT(test_interrupt), UNIT(test_faults))
