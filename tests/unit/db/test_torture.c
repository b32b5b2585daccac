/* SPDX-License-Identifier: Apache-2.0 */
/* test_torture.c - the whole public interface while every allocation is refused in turn.
 *
 * Each call either succeeds or says code 990, MemoryError; a stream that could not take an insert
 * is marked failed, and says so. Whatever happened, what the database then answers is right: the
 * rows of exactly the inserts that succeeded, and every stream that did not fail agrees with its
 * query. Nothing is leaked. */
#include "database.h"
#include "db/internal.h"

/* SAMPLED: of the allocations that are not refused one by one; EACH: one of so many begins to
 * refuse all. */
#ifdef __SANITIZE_ADDRESS__
enum { SAMPLED = 250, EACH = 40 };
#else
enum { SAMPLED = 500, EACH = 20 };
#endif

typedef struct scenario {
    laminar_database *db;
    int64_t           refused;  /* calls that failed */
    int64_t           accepted; /* rows of inserts that succeeded */
    bool              made;     /* the sources are there */
} scenario;

static const char *const streams[][2] = {
    {"big", "SELECT k, v FROM t WHERE v > 10"},
    {"totals", "SELECT k, count(*) AS n, sum(v) AS total, min(s) AS low FROM t GROUP BY k"},
    {"joined", "SELECT t.k AS k, t.v AS v, r.name AS name FROM t JOIN r ON t.k = r.k"},
    {"best", "SELECT k, v, s FROM t ORDER BY v DESC, k, s LIMIT 3"},
    {"kinds", "SELECT DISTINCT k, s FROM t"},
    {"windows", "SELECT TUMBLE(ts, INTERVAL '10' SECOND) AS w, k, count(*) AS n, sum(v) AS total "
                "FROM t GROUP BY TUMBLE(ts, INTERVAL '10' SECOND), k"},
    {"above", "SELECT n, count(*) AS groups FROM totals GROUP BY n"},
};
#define STREAMS (sizeof(streams) / sizeof(streams[0]))

/* Made when rows are there: filled by replaying them. */
static const char *const late_streams[][2] = {
    {"late_windows", "SELECT TUMBLE(ts, INTERVAL '5' SECOND) AS w, count(*) AS n, max(s) AS high "
                     "FROM t GROUP BY TUMBLE(ts, INTERVAL '5' SECOND)"},
    {"late_hops", "SELECT k, window_start AS w, count(*) AS n, max(s) AS high FROM t "
                  "GROUP BY k, HOP(ts, INTERVAL '5' SECOND, INTERVAL '20' SECOND)"},
    {"late_joined", "SELECT t.k AS k, r.name AS name, count(*) AS n FROM t LEFT JOIN r "
                    "ON t.k = r.k GROUP BY t.k, r.name"},
    /* Parts of others, that are cut out of them. */
    {"late_best", "SELECT k, v, s FROM t ORDER BY v DESC, k, s LIMIT 3"},
    {"late_pairs", "SELECT t.k AS k, r.name AS name FROM t LEFT JOIN r ON t.k = r.k"},
    {"late_totals", "SELECT k, n FROM (SELECT k, count(*) AS n, sum(v) AS total, min(s) AS low "
                    "FROM t GROUP BY k) WHERE low <> '' OR total > 0"},
};
#define LATE_STREAMS (sizeof(late_streams) / sizeof(late_streams[0]))

/* True when the call succeeded. Any failure but "out of memory" is a fault of the engine. */
static bool
went(scenario *s, laminar_status got, const laminar_error *err, const char *what) {
    if (got >= 0) {
        return true;
    }
    if (got != -990 || err->code != 990 || strcmp(err->class_name, "MemoryError") != 0) {
        print_error("%s: %d, code %d, %s: %s\n", what, (int)got, (int)err->code, err->class_name,
                    err->message);
        fail();
    }
    s->refused++;
    return false;
}

static bool
run(scenario *s, const char *sql) {
    laminar_error   err;
    laminar_result *r = NULL;
    const bool      ok = went(s, laminar_database_execute(s->db, sql, &r, &err), &err, sql);
    CHECK(ok == (r != NULL));
    laminar_result_free(r);
    return ok;
}

static void
insert_sql(scenario *s) {
    if (run(s, "INSERT INTO t VALUES (1, 5.5, 'a', TIMESTAMP '2024-01-01 00:00:01'), "
               "(2, 20.0, 'a text that is longer than a view', TIMESTAMP '2024-01-01 00:00:02'), "
               "(1, 30.0, NULL, TIMESTAMP '2024-01-01 00:00:12')")) {
        s->accepted += 3;
    }
}

static void
insert_rows(scenario *s) {
    laminar_error     err;
    laminar_appender *a = NULL;
    int64_t           rows = 0;
    if (!went(s, laminar_appender_open(&a, s->db, "t", &err), &err, "appender_open")) {
        return;
    }
    bool ok = true;
    for (int32_t i = 0; ok && i < 40; i++) {
        ok = went(s, laminar_append_bigint(a, 0, i % 3, &err), &err, "bigint") &&
             went(s, laminar_append_double(a, 1, i * 1.5, &err), &err, "double") &&
             went(s, laminar_append_text(a, 2, "another text beyond a view", i % 26u, &err), &err,
                  "text") &&
             went(s, laminar_append_text(a, 3, "2024-01-01 00:00:20", 19, &err), &err, "time") &&
             went(s, laminar_appender_end_row(a, &err), &err, "end_row");
    }
    if (ok && went(s, laminar_appender_flush(a, &rows, &err), &err, "flush")) {
        CHECK_EQ(rows, 40);
        s->accepted += rows;
    }
    laminar_appender_close(a);
}

static void
insert_csv(scenario *s) {
    static const char csv[] = "s,k,ts,v\n\"quoted \"\"text\"\" of some length\",1,"
                              "2024-01-01 00:00:25,1e1\nb,2,2024-01-01 00:00:26,\n";
    laminar_error     err;
    int64_t           rows = 0;
    if (went(s,
             laminar_database_insert_csv(s->db, "t", csv, sizeof(csv) - 1, ',', NULL, &rows, &err),
             &err, "csv")) {
        CHECK_EQ(rows, 2);
        s->accepted += rows;
    }
}

/* Enough rows for a segment of their own, and for tables of groups to grow. */
static void
insert_many(scenario *s) {
    static char   csv[4200 * 48];
    static size_t size;
    if (size == 0) {
        size = (size_t)snprintf(csv, sizeof(csv), "k,v,s,ts\n");
        for (int i = 0; i < 4200; i++) {
            size += (size_t)snprintf(csv + size, sizeof(csv) - size,
                                     "%d,%d.5,name of group %d,2024-01-01 00:00:%02d\n", i % 200,
                                     i % 7, i % 50, 30 + i % 20);
        }
    }
    laminar_error err;
    int64_t       rows = 0;
    if (went(s, laminar_database_insert_csv(s->db, "t", csv, size, ',', NULL, &rows, &err), &err,
             "csv")) {
        CHECK_EQ(rows, 4200);
        s->accepted += rows;
    }
}

/* Streams go on from the bytes of their state, or stay as they are, or say that they failed. */
static void
reload(scenario *s) {
    laminar_error err;
    (void)went(s, laminar_database_reload(s->db, &err), &err, "reload");
}

/* The rows of a query, through Arrow, into the source again. */
static void
insert_arrow(scenario *s) {
    laminar_error           err;
    laminar_result         *r = NULL;
    struct ArrowArrayStream rows;
    int64_t                 count = 0;
    if (!went(s,
              laminar_database_execute(
                  s->db, "SELECT v, k, s, TIMESTAMP '2024-01-01 00:00:31' AS ts FROM t", &r, &err),
              &err, "select")) {
        return;
    }
    const int64_t wanted = laminar_result_row_count(r);
    if (went(s, laminar_result_stream(r, &rows, &err), &err, "result_stream")) {
        laminar_result_free(r);
        r = NULL;
        /* A stream that cannot give its next batch reports that as its own error, code 300. */
        const laminar_status got = laminar_database_insert(s->db, "t", &rows, &count, &err);
        CHECK(rows.release == NULL);
        if (got == -300 && strstr(err.message, "memory") != NULL) {
            s->refused++;
        } else if (went(s, got, &err, "insert")) {
            CHECK_EQ(count, wanted);
            s->accepted += count;
        }
    }
    laminar_result_free(r);
}

static void
read_subscription(scenario *s, laminar_subscription *sub) {
    laminar_error   err;
    laminar_result *r = NULL;
    for (int32_t i = 0; i < 100; i++) {
        const laminar_status got = laminar_subscription_next(sub, 0, &r, NULL, &err);
        if (got == LAMINAR_DONE) {
            return;
        }
        if (got == -600) { /* its stream failed, for want of memory */
            CHECK_EQ(err.code, 600);
            CHECK(strstr(err.message, "memory") != NULL);
            return;
        }
        if (!went(s, got, &err, "next")) {
            continue;
        }
        laminar_result_free(r);
    }
    fail_msg("a subscription does not end");
}

static laminar_subscription *
subscribe(scenario *s, const char *sql, const char *name) {
    laminar_error         err;
    laminar_subscription *sub = NULL;
    const laminar_status  got = sql == NULL
                                    ? laminar_database_subscribe_stream(&sub, s->db, name, &err)
                                    : laminar_database_subscribe(&sub, s->db, sql, &err);
    if (got == -600) { /* reads a stream that failed */
        CHECK(strstr(err.message, "memory") != NULL);
        return NULL;
    }
    return went(s, got, &err, "subscribe") ? sub : NULL;
}

static void
check_schema(scenario *s) {
    laminar_error      err;
    struct ArrowSchema shape;
    laminar_result    *r = NULL;
    if (went(s, laminar_database_schema(s->db, "t", &shape, &err), &err, "schema")) {
        CHECK_EQ(shape.n_children, 4);
        shape.release(&shape);
    }
    if (went(s, laminar_database_list(s->db, LAMINAR_OBJECT_STREAM, &r, &err), &err, "list")) {
        laminar_result_free(r);
    }
}

static bool
stream_is_whole(laminar_database *db, const char *name, bool *exists) {
    laminar_error        err;
    laminar_stream_stats stats = {.size = sizeof(stats)};
    const laminar_status got = laminar_database_stream_stats(db, name, &stats, &err);
    *exists = got == LAMINAR_OK;
    if (got < 0) {
        CHECK_EQ(err.code, 200);
        return false;
    }
    if (stats.failed) {
        CHECK(strstr(stats.error, "memory") != NULL);
    }
    return !stats.failed;
}

/* With memory again: the stream holds what its query gives. */
static void
check_stream(scenario *s, const char *name, const char *sql) {
    bool exists;
    if (stream_is_whole(s->db, name, &exists)) {
        char line[256];
        snprintf(line, sizeof(line), "SELECT * FROM %s", name);
        db_check_same(s->db, line, sql);
    }
}

static void
check_answers(scenario *s) {
    if (!s->made) {
        db_run(s->db, "CREATE SOURCE IF NOT EXISTS t (k BIGINT, v DOUBLE, s VARCHAR, "
                      "ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)");
    }
    CHECK_EQ(db_integer(s->db, "SELECT count(*) FROM t"), s->accepted);
    for (size_t i = 0; s->made && i < STREAMS; i++) {
        bool exists = true;
        if (strcmp(streams[i][0], "above") == 0) {
            (void)stream_is_whole(s->db, "totals", &exists);
        }
        if (exists) {
            check_stream(s, streams[i][0], streams[i][1]);
        }
    }
    for (size_t i = 0; s->made && i < LATE_STREAMS; i++) {
        check_stream(s, late_streams[i][0], late_streams[i][1]);
    }
    db_run(s->db, "INSERT INTO t VALUES (9, 9.5, 'last', TIMESTAMP '2024-01-01 00:01:00')");
    CHECK_EQ(db_integer(s->db, "SELECT count(*) FROM t WHERE k = 9 AND s = 'last'"), 1);
}

static void
make_objects(scenario *s) {
    s->made = run(
        s,
        "CREATE SOURCE t (k BIGINT, v DOUBLE DEFAULT 1.5 + random() * 0, s VARCHAR, ts TIMESTAMP, "
        "WATERMARK FOR ts AS ts - INTERVAL '1' SECOND); "
        "CREATE TABLE r (k BIGINT, name VARCHAR)");
    for (size_t i = 0; s->made && i < STREAMS; i++) {
        char line[1024];
        snprintf(line, sizeof(line), "CREATE STREAM %s AS %s", streams[i][0], streams[i][1]);
        if (i == STREAMS - 1) { /* reads a stream that may not be there */
            bool exists;
            if (!stream_is_whole(s->db, "totals", &exists)) {
                continue;
            }
        }
        (void)run(s, line);
    }
}

/* By the same definitions: whether or not it goes well, a stream that is there is right. */
static void
replace_streams(scenario *s) {
    static const size_t replaced[] = {0, 3, 6, 1}; /* the last one is read by "above" */
    for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++) {
        const char *const *both = streams[replaced[i]];
        char               line[1024];
        bool               exists;
        if (!stream_is_whole(s->db, both[0], &exists)) {
            continue;
        }
        snprintf(line, sizeof(line), "CREATE OR REPLACE STREAM %s AS %s", both[0], both[1]);
        if (i == 2) { /* its input may have failed since */
            bool input;
            if (!stream_is_whole(s->db, "totals", &input)) {
                continue;
            }
        }
        if (!run(s, line)) { /* the old one is still there */
            (void)stream_is_whole(s->db, both[0], &exists);
            CHECK(exists);
        }
    }
}

static void
use_database(scenario *s) {
    laminar_error err;
    bool          exists;
    make_objects(s);
    (void)went(s, laminar_database_start(s->db, &err), &err, "start");
    if (!s->made) {
        return;
    }
    (void)run(s, "INSERT INTO r VALUES (1, 'one'), (2, 'two')");
    laminar_subscription *changes = NULL;
    if (stream_is_whole(s->db, "totals", &exists)) {
        changes = subscribe(s, NULL, "totals");
    }
    laminar_subscription *selected =
        subscribe(s, "SELECT k, max(v) AS top FROM t GROUP BY k", NULL);
    insert_sql(s);
    insert_rows(s);
    insert_csv(s);
    reload(s);
    insert_arrow(s);
    for (size_t i = 0; i < LATE_STREAMS; i++) {
        char line[1024];
        snprintf(line, sizeof(line), "CREATE STREAM %s AS %s", late_streams[i][0],
                 late_streams[i][1]);
        (void)run(s, line);
    }
    replace_streams(s);
    (void)run(s, "CREATE STREAM forgets WITH (state_ttl = '1 s') AS SELECT t.k AS k, "
                 "count(DISTINCT u.v) AS n FROM t LEFT JOIN t u ON t.k = u.k AND t.v < u.v "
                 "GROUP BY t.k");
    insert_many(s);
    (void)run(s, "SELECT t.k, r.name, count(*) FROM t LEFT JOIN r ON t.k = r.k "
                 "GROUP BY t.k, r.name ORDER BY 1, 2 LIMIT 5");
    if (stream_is_whole(s->db, "totals", &exists)) {
        (void)run(s, "SELECT * FROM totals WHERE n > 1");
    }
    const laminar_status moved = laminar_database_advance(s->db, "t", 1704067300000, &err);
    (void)went(s, moved, &err, "advance");
    check_schema(s);
    if (changes != NULL) {
        read_subscription(s, changes);
    }
    if (selected != NULL) {
        read_subscription(s, selected);
    }
    laminar_subscription_close(changes);
    laminar_subscription_close(selected);
}

/* Returns how many allocations the scenario asked for. fail_at 0: none is refused. */
static int64_t
play(int64_t fail_at, bool always) {
    laminar_error err;
    scenario      s = {.db = db_open()};
    mem          *m = s.db->mem;
    void         *held = mem_alloc(m, 1); /* so that the account can be looked at in the end */
    assert_non_null(held);
    const int64_t before = atomic_load(&m->allocations);
    m->fail_always = always;
    atomic_store(&m->fail_at, fail_at == 0 ? 0 : before + fail_at);
    use_database(&s);
    const int64_t asked = atomic_load(&m->allocations) - before;
    atomic_store(&m->fail_at, 0);
    CHECK(fail_at != 0 || s.refused == 0);
    check_answers(&s);
    if (s.made) {
        laminar_database_interrupt(s.db);
        DB_OK(laminar_database_execute(s.db, "DROP SOURCE t CASCADE; DROP TABLE r", NULL, &err));
    }
    laminar_database_close(s.db);
    const int64_t left = atomic_load(&m->bytes_used) - 1;
    if (left != 0) {
        print_error("allocation %lld refused: %lld bytes leaked\n", (long long)fail_at,
                    (long long)left);
        fail();
    }
    mem_free(m, held, 1);
    return asked;
}

static void
test_one_refusal(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 5);
    const int64_t total = play(0, false);
    int64_t       runs = 0;
    for (int64_t n = 1; n <= total; runs++) {
        (void)play(n, false);
        n +=
            n < TORTURE_FIRST || torture_is_whole()
                ? 1
                : 1 + (int64_t)rng_below(&r, (uint64_t)(2 * (total - TORTURE_FIRST) / SAMPLED + 1));
    }
    print_message("%lld allocations, %lld runs\n", (long long)total, (long long)runs);
    torture_note("database", total, runs);
    CHECK(total > 1000 && runs > TORTURE_FIRST + SAMPLED / 2);
}

static void
test_all_refused_from(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 6);
    const int64_t  total = play(0, false);
    int64_t        runs = 0;
    const uint64_t step = torture_is_whole() ? 20 : 2 * EACH;
    for (int64_t n = 1; n <= total; n += 1 + (int64_t)rng_below(&r, step)) {
        (void)play(n, true);
        runs++;
    }
    torture_note("database, all refused", total, runs);
}

/* A limit is met as a refusal like any other; what was there before stays and can be read. */
static void
test_limit(void **state) {
    (void)state;
    laminar_error         err;
    laminar_database     *db = NULL;
    const laminar_options options = {.size = sizeof(options), .memory_limit = 4 << 20};
    DB_OK(laminar_database_open(&db, "", &options, &err));
    db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR)");
    laminar_status got = LAMINAR_OK;
    int64_t        rows = 0;
    for (int32_t i = 0; i < 100000 && got == LAMINAR_OK; i++) {
        char line[200];
        snprintf(line, sizeof(line), "INSERT INTO t VALUES (%d, '%0150d')", i, i);
        got = laminar_database_execute(db, line, NULL, &err);
        rows += got == LAMINAR_OK;
    }
    CHECK_EQ(got, -990);
    CHECK_STR(err.class_name, "MemoryError");
    CHECK(rows > 5000);
    CHECK(laminar_database_memory(db) <= 4 << 20);
    laminar_source_stats stats = {.size = sizeof(stats)};
    DB_OK(laminar_database_source_stats(db, "t", &stats, &err));
    CHECK_EQ(stats.total_rows, rows);
    db_run(db, "DROP SOURCE t");
    CHECK(laminar_database_memory(db) < 1 << 20);
    db_run(db, "CREATE SOURCE t (k BIGINT); INSERT INTO t VALUES (1)");
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM t"), 1);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_one_refusal), UNIT(test_all_refused_from), UNIT(test_limit))
