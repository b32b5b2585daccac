/* SPDX-License-Identifier: Apache-2.0 */
/* test_abreast.c - large batches through several streams: two databases live through the same, one
 * with one thread and one with several, and must show the same at every step: deliveries in their
 * order, counters, faults, tables. Meant for ThreadSanitizer as well. */
#include "base/rng.h"
#include "database.h"
#include "db/internal.h"
#include "exec/engine_internal.h"
#include "os/thread.h"

#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 12, STEPS = 6 };
#else
enum { ROUNDS = 40, STEPS = 8 };
#endif
enum { STREAMS_MAX = 12, SIDES = 2 };

/* Read t (k, x, y, s, at) and d (k, name), and what was made before: %d is another stream's number.
 */
static const char *const shapes[] = {
    "SELECT k, count(*) AS n, sum(x) AS a, max(y) AS m FROM t GROUP BY k",
    "SELECT x % 31 AS k, count(DISTINCT s) AS n, sum(y) AS a FROM t GROUP BY x % 31 EMIT CHANGES",
    "SELECT k, x + 1 AS x, upper(s) || '!' AS s FROM t WHERE x % 3 <> 1",
    "SELECT x, y * 2 AS y, CASE WHEN s LIKE '%7%' THEN k ELSE x END AS c, length(s) AS n FROM t",
    "SELECT k, regexp_extract(s, '([0-9])$', 1) AS s FROM t WHERE s <> 'n3'",
    "SELECT DISTINCT k % 97 AS k, x % 5 AS x FROM t",
    "SELECT t.k, name, x FROM t JOIN d ON t.k = d.k WHERE x < 40",
    "SELECT name, count(*) AS n FROM t LEFT JOIN d ON t.k = d.k GROUP BY name",
    "SELECT k, x, at FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY x DESC, y, at) <= 2",
    "SELECT k, window_start, count(*) AS n FROM tumble(t, at, INTERVAL '2' SECOND) GROUP BY k, "
    "window_start EMIT ON WINDOW CLOSE LATE DATA TO late",
    "SELECT window_start, sum(x) AS a FROM hop(t, at, INTERVAL '1' SECOND, INTERVAL '3' SECOND) "
    "GROUP BY window_start",
    "SELECT a, count(*) AS n FROM (SELECT k, sum(x) % 11 AS a FROM t GROUP BY k) AS q GROUP BY a",
    "SELECT k, median(x) AS m FROM t GROUP BY k",
    "SELECT k, CAST(s AS BIGINT) AS v FROM t", /* fails at 'n..' */
    "SELECT k, sum(CAST(replace(s, 'n', '') AS BIGINT)) AS v FROM t GROUP BY k", /* at 'bad' */
    "SELECT k, uuid() IS NULL AS u FROM t",
    "SELECT t.k, CAST(replace(s, 'n', '') AS BIGINT) AS v, name FROM t JOIN d ON t.k = d.k",
    "SELECT k, uuid() IS NULL AS u FROM s%d",
    "SELECT count(*) AS n FROM s%d",
    "SELECT k, k * 2 AS b FROM s%d WHERE k % 2 = 0",
    "SELECT k % 7 AS k, count(*) AS n FROM s%d GROUP BY k % 7",
    "SELECT k, sum(CAST(CASE k WHEN 299 THEN 'z' ELSE '1' END AS BIGINT)) AS v FROM s%d GROUP BY k",
    "SELECT k, count(*) AS n, max(k) AS m FROM s%d GROUP BY k EMIT CHANGES",
    "SELECT a.k, count(*) AS n FROM t AS a JOIN s%d AS b ON a.k = b.k WHERE a.x < 3 GROUP BY a.k",
};

/* Batches that threads took, where that is counted. */
#ifdef NDEBUG
static const bool counts_runs = false;

static int64_t
runs(void) {
    return 0;
}
#else
static const bool counts_runs = true;

static int64_t
runs(void) {
    return atomic_load(&abreast_runs);
}
#endif

static void
start(laminar_database *db) {
    laminar_error err;
    DB_OK(laminar_database_start(db, &err));
}

/* Over s0, which is one of the first three, and over each other. */
static const char *const views[] = {
    "SELECT k, x + 1 AS x, s FROM t WHERE x % 3 <> 1",
    "SELECT k, CAST(replace(s, 'n', '') AS BIGINT) AS x, s FROM t WHERE x < 40",
    "SELECT k, x, upper(s) AS s, at FROM t",
    "SELECT k, k * 2 AS b FROM s%d WHERE k % 2 = 0",
    "SELECT k, count(*) AS n FROM s%d GROUP BY k EMIT CHANGES",
    "SELECT k, sum(CAST(CASE k WHEN 299 THEN 'z' ELSE '1' END AS BIGINT)) AS v FROM s%d GROUP BY k",
    "SELECT k, CAST(CASE WHEN k = 298 THEN 'z' ELSE '1' END AS BIGINT) AS v FROM s%d",
    "SELECT k, max(k) AS m, count(*) AS n FROM s%d GROUP BY k",
    "SELECT k % 7 AS k, count(*) AS n FROM s%d GROUP BY k % 7",
    "SELECT a.k, count(*) AS n FROM s0 AS a JOIN s%d AS b ON a.k = b.k WHERE a.k < 9 GROUP BY a.k",
    "SELECT k, count(*) AS n FROM (SELECT k FROM s0 UNION ALL SELECT k FROM s%d) AS q GROUP BY k",
    "SELECT k, sum(x) AS x FROM t GROUP BY k",
    "SELECT k, x FROM t WHERE x > 5",
};

typedef struct side {
    laminar_database     *db;
    laminar_subscription *subs[STREAMS_MAX];
    shown                *got;
} side;

typedef struct world {
    side     sides[SIDES];
    rng      rng;
    int32_t  streams;
    bool     has_k[STREAMS_MAX]; /* an integer column of this name */
    bool     dropped[STREAMS_MAX];
    char     sql[STREAMS_MAX][400];
    bool     over_view;
    bool     sharded; /* most streams have shards */
    int32_t  shards;  /* streams that had some */
    uint64_t seed;
    int64_t  time_ms;
} world;

static int64_t
draw(world *w, int64_t below) {
    return (int64_t)(rng_next(&w->rng) % (uint64_t)below);
}

static void
run_both(world *w, const char *sql) {
    for (int32_t i = 0; i < SIDES; i++) {
        db_run(w->sides[i].db, sql);
    }
}

/* Both do it, or both refuse. */
static bool
try_both(world *w, const char *sql) {
    laminar_error        err;
    const laminar_status first = laminar_database_execute(w->sides[0].db, sql, NULL, &err);
    CHECK_EQ(laminar_database_execute(w->sides[1].db, sql, NULL, &err), first);
    return first == LAMINAR_OK;
}

/* With shards, sometimes and where that is possible. */
static bool
create_both(world *w, int32_t at) {
    char sql[480];
    if (draw(w, w->sharded ? 5 : 3) > (w->sharded ? 0 : 1)) {
        (void)snprintf(sql, sizeof(sql), "CREATE STREAM s%d WITH (shards = %d) AS %s", (int)at,
                       2 + (int)draw(w, 3), w->sql[at]);
        if (try_both(w, sql)) {
            w->shards++;
            return true;
        }
    }
    (void)snprintf(sql, sizeof(sql), "CREATE STREAM s%d AS %s", (int)at, w->sql[at]);
    return try_both(w, sql);
}

static void
add_stream(world *w) {
    const int32_t at = w->streams++;
    const int32_t shape = (int32_t)draw(w, ARRAY_COUNT(shapes));
    const char   *sql_of = shapes[shape];
    int32_t       other = -1;
    for (int32_t i = 0; i < at; i++) {
        other = w->has_k[i] && !w->dropped[i] && draw(w, 3) > 0 ? i : other;
    }
    if (w->over_view) {
        sql_of = views[at == 0 ? draw(w, 3) : 3 + draw(w, ARRAY_COUNT(views) - 3)];
        other = draw(w, 2) == 0 || w->dropped[0] ? other : 0;
    }
    const char *hole = strstr(sql_of, "s%d");
    if (other < 0 && hole != NULL) {
        sql_of = shapes[0];
        hole = NULL;
    }
    if (hole != NULL) {
        (void)snprintf(w->sql[at], sizeof(w->sql[at]), "%.*ss%d%s", (int)(hole - sql_of), sql_of,
                       other, hole + 3);
    } else {
        (void)snprintf(w->sql[at], sizeof(w->sql[at]), "%s", sql_of);
    }
    w->has_k[at] = strncmp(w->sql[at], "SELECT k,", 9) == 0;
    w->dropped[at] = !create_both(w, at);
    const bool follow = draw(w, 3) > 0 && !w->dropped[at];
    for (int32_t i = 0; follow && i < SIDES; i++) {
        laminar_error                err;
        char                         name[16];
        laminar_subscription_options options = LAMINAR_SUBSCRIPTION_OPTIONS_INIT;
        (void)snprintf(name, sizeof(name), "s%d", (int)at);
        options.stream = name;
        options.row_ops = true;
        DB_OK(laminar_subscription_open(&w->sides[i].subs[at], w->sides[i].db, &options, &err));
    }
}

/* The same rows on both sides. */
static void
insert_rows(world *w, int32_t count) {
    laminar_error     err;
    laminar_appender *to[SIDES];
    const bool        bad = draw(w, 8) == 0;
    for (int32_t i = 0; i < SIDES; i++) {
        DB_OK(laminar_appender_open(&to[i], w->sides[i].db, "t", &err));
    }
    for (int32_t r = 0; r < count; r++) {
        const int64_t k = draw(w, 300), x = draw(w, 50), y = draw(w, 1000);
        const int64_t at = w->time_ms - (draw(w, 50) == 0 ? draw(w, 9000) : draw(w, 300));
        char          s[16];
        (void)snprintf(s, sizeof(s), "n%d", (int)draw(w, 20));
        const char *word = bad && r == count * 2 / 3 ? "bad" : s;
        w->time_ms += r % 8 == 0;
        for (int32_t i = 0; i < SIDES; i++) {
            DB_OK(laminar_append_bigint(to[i], 0, k, &err));
            DB_OK(laminar_append_bigint(to[i], 1, x, &err));
            DB_OK(laminar_append_double(to[i], 2, (double)y / 8, &err));
            DB_OK(laminar_append_text(to[i], 3, word, strlen(word), &err));
            DB_OK(laminar_append_timestamp(to[i], 4, at * 1000, &err));
        }
    }
    for (int32_t i = 0; i < SIDES; i++) {
        DB_OK(laminar_appender_flush(to[i], NULL, &err));
        laminar_appender_close(to[i]);
    }
}

static void
complain(const world *w, int32_t at, const char *what) {
    print_error("seed %llu, stream %d (%s): %s differs\n%.600s\n%.600s\n",
                (unsigned long long)w->seed, (int)at, at < 0 ? "" : w->sql[at], what,
                w->sides[0].got->text, w->sides[1].got->text);
    fail();
}

static void
check_shown(const world *w, int32_t at, const char *what) {
    if (strcmp(w->sides[0].got->text, w->sides[1].got->text) != 0) {
        complain(w, at, what);
    }
}

/* All that came, with the kind of each change; in parts that fit. */
static void
check_deliveries(world *w, int32_t at) {
    for (;;) {
        laminar_error   err;
        laminar_result *r[SIDES] = {NULL};
        laminar_status  s[SIDES];
        for (int32_t i = 0; i < SIDES; i++) {
            s[i] = laminar_subscription_next(w->sides[i].subs[at], 0, &r[i], NULL, &err);
        }
        CHECK_EQ(s[0], s[1]);
        if (s[0] != LAMINAR_OK) {
            return;
        }
        const int64_t rows = laminar_result_row_count(r[0]);
        CHECK_EQ(rows, laminar_result_row_count(r[1]));
        for (int64_t row = 0; row < rows; row++) {
            for (int32_t i = 0; i < SIDES; i++) {
                shown *got = w->sides[i].got;
                got->size = 0;
                for (int32_t c = 0; c < laminar_result_column_count(r[i]); c++) {
                    laminar_value v;
                    CHECK_EQ(laminar_result_value(r[i], row, c, &v), LAMINAR_OK);
                    show_value(got, &v);
                    show_byte(got, ',');
                }
                show_byte(got, (char)('0' + laminar_result_op(r[i], row)));
            }
            check_shown(w, at, "a delivery");
        }
        laminar_result_free(r[0]);
        laminar_result_free(r[1]);
    }
}

static void
check_stats(world *w, int32_t at) {
    char name[16];
    (void)snprintf(name, sizeof(name), "s%d", (int)at);
    for (int32_t i = 0; i < SIDES; i++) {
        laminar_error        err;
        laminar_stream_stats st = {.size = sizeof(st)};
        shown               *got = w->sides[i].got;
        DB_OK(laminar_database_stream_stats(w->sides[i].db, name, &st, &err));
        got->size = (size_t)snprintf(
            got->text, sizeof(got->text), "%lld %lld %lld %lld %lld %lld %lld %d %s %lld %lld %lld",
            (long long)st.rows_in, (long long)st.rows_out, (long long)st.late_rows,
            (long long)st.null_time_rows, (long long)st.ticks, (long long)st.watermark_ms,
            (long long)st.state_bytes, (int)st.failed, st.error, (long long)st.state_rows,
            (long long)st.lost_rows, (long long)st.shared_state_rows);
    }
    check_shown(w, at, "what is counted");
}

static void
check_query(world *w, int32_t at, const char *sql) {
    for (int32_t i = 0; i < SIDES; i++) {
        laminar_error   err;
        laminar_result *r = NULL;
        shown          *got = w->sides[i].got;
        got->size = 0;
        got->text[0] = '\0';
        const laminar_status s = laminar_database_execute(w->sides[i].db, sql, &r, &err);
        if (s == LAMINAR_OK) {
            show_result(got, r);
            laminar_result_free(r);
        } else {
            got->size = (size_t)snprintf(got->text, sizeof(got->text), "%s", err.message);
        }
    }
    check_shown(w, at, sql);
}

static void
check_both(world *w) {
    for (int32_t at = 0; at < w->streams; at++) {
        if (w->dropped[at]) {
            continue;
        }
        if (w->sides[0].subs[at] != NULL) {
            check_deliveries(w, at);
        }
        check_stats(w, at);
    }
    laminar_metrics m[SIDES];
    for (int32_t i = 0; i < SIDES; i++) {
        laminar_error err;
        m[i] = (laminar_metrics){.size = sizeof(m[i])};
        DB_OK(laminar_database_metrics(w->sides[i].db, &m[i], &err));
    }
    CHECK_EQ(m[0].rows_out, m[1].rows_out);
    CHECK_EQ(m[0].rows_dropped, m[1].rows_dropped);
    CHECK_EQ(m[0].ticks, m[1].ticks);
    check_query(w, -1, "SELECT count(*), sum(k), sum(x) FROM late");
    check_query(w, -1, "SELECT kind, object, code, message FROM laminar.errors");
}

static void
check_results(world *w) {
    for (int32_t at = 0; at < w->streams; at++) {
        char sql[64];
        (void)snprintf(sql, sizeof(sql), "SELECT * FROM s%d LIMIT 2000", (int)at);
        if (!w->dropped[at]) {
            check_query(w, at, sql);
        }
    }
}

/* What people do between inserts. */
static void
change_something(world *w) {
    char          sql[64];
    const int32_t at = (int32_t)draw(w, w->streams);
    switch (draw(w, 6)) {
    case 0:
        if (w->streams < STREAMS_MAX) {
            add_stream(w);
        }
        break;
    case 1: /* refused on both sides when something reads it */
        (void)snprintf(sql, sizeof(sql), "DROP STREAM s%d", (int)at);
        w->dropped[at] = w->dropped[at] || try_both(w, sql);
        break;
    case 2:
        (void)snprintf(sql, sizeof(sql), "INSERT INTO d VALUES (%d, 'm%d')", (int)draw(w, 300),
                       (int)draw(w, 5));
        run_both(w, sql);
        break;
    case 3:
        run_both(w, "BEGIN");
        insert_rows(w, 3000);
        insert_rows(w, 6000);
        run_both(w, "COMMIT");
        break;
    default:
        break;
    }
}

static void
world_open(world *w, uint64_t seed) {
    *w = (world){.seed = seed, .time_ms = 1700000000000};
    rng_init(&w->rng, seed);
    for (int32_t i = 0; i < SIDES; i++) {
        w->sides[i].db = db_open();
        w->sides[i].got = shown_new();
    }
    run_both(w, "CREATE SOURCE t (k BIGINT, x BIGINT, y DOUBLE, s VARCHAR, at TIMESTAMP, WATERMARK "
                "FOR at AS at - INTERVAL '1' SECOND); CREATE SOURCE late (k BIGINT, x BIGINT, y "
                "DOUBLE, s VARCHAR, at TIMESTAMP); CREATE SOURCE d (k BIGINT, name VARCHAR);"
                "CREATE STREAM of_late AS SELECT k, count(*) AS n FROM late GROUP BY k;"
                "INSERT INTO d SELECT i, 'm' || (i % 5) FROM generate_series(0, 250) AS q(i)");
    db_run(w->sides[0].db, "SET threads = 1");
    db_run(w->sides[1].db, draw(w, 2) == 0 ? "SET threads = 2" : "SET threads = 4");
}

static void
world_close(world *w) {
    for (int32_t i = 0; i < SIDES; i++) {
        for (int32_t at = 0; at < w->streams; at++) {
            laminar_subscription_close(w->sides[i].subs[at]);
        }
        laminar_database_close(w->sides[i].db);
        free(w->sides[i].got);
    }
}

static void
play_worlds(bool over_view, bool sharded) {
    const int64_t before = runs();
    int32_t       shards = 0;
    world        *w = malloc(sizeof(*w));
    assert_non_null(w);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        world_open(w, seed + 1000 * over_view + 2000 * sharded);
        w->over_view = over_view;
        w->sharded = sharded;
        for (int64_t i = 1 + draw(w, 7); i > 0; i--) {
            add_stream(w);
        }
        start(w->sides[0].db);
        start(w->sides[1].db);
        for (int32_t step = 0; step < STEPS; step++) {
            insert_rows(w, draw(w, 3) == 0 ? (int32_t)draw(w, 500) : 4000 + (int32_t)draw(w, 9000));
            check_both(w);
            change_something(w);
        }
        check_results(w);
        shards += w->shards;
        world_close(w);
    }
    free(w);
    CHECK(!counts_runs || runs() - before > ROUNDS);
    CHECK(shards > (sharded ? ROUNDS : 0));
}

static void
test_worlds(void **state) {
    (void)state;
    play_worlds(false, false);
}

/* Streams over one that looks at each row by itself. */
static void
test_views(void **state) {
    (void)state;
    play_worlds(true, false);
}

/* Streams that several threads work on, each of them. */
static void
test_shards(void **state) {
    (void)state;
    play_worlds(false, true);
}

/* ---- a stream that fails does so alone */
static void
fill(laminar_database *db, int32_t count, bool bad) {
    laminar_error     err;
    laminar_appender *a;
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    for (int32_t i = 0; i < count; i++) {
        const char *word = bad && i == count / 2 ? "bad" : "7";
        DB_OK(laminar_append_bigint(a, 0, i % 100, &err));
        DB_OK(laminar_append_text(a, 1, word, strlen(word), &err));
    }
    DB_OK(laminar_appender_flush(a, NULL, &err));
    laminar_appender_close(a);
}

static void
test_fails_alone(void **state) {
    (void)state;
    laminar_database *db = db_open();
    db_run(
        db,
        "CREATE SOURCE t (k BIGINT, s VARCHAR);"
        "CREATE STREAM a AS SELECT k, count(*) AS n FROM t GROUP BY k;"
        "CREATE STREAM b AS SELECT k, sum(CAST(s AS BIGINT)) AS n FROM t GROUP BY k;"
        "CREATE STREAM c AS SELECT sum(n) AS n FROM b;"
        "CREATE STREAM d AS SELECT k % 7 AS k, count(*) AS n FROM t GROUP BY k % 7;"
        "CREATE STREAM e AS SELECT sum(n) AS n FROM d;"
        "CREATE STREAM f AS SELECT t.k, a.n FROM t JOIN a USING (k) WHERE CAST(t.s AS BIGINT) < 0;"
        "CREATE STREAM g AS SELECT k, CAST(count(*) + 32400 AS SMALLINT) AS n FROM t GROUP BY k;"
        "CREATE STREAM h AS SELECT s, CAST(count(*) + 10000 AS SMALLINT) AS n FROM t GROUP BY s;"
        "SET threads = 3");
    start(db);
    fill(db, 20000, false);
    db_check_rows(db, "SELECT * FROM c", "140000");
    const int64_t before = runs();
    fill(db, 20000, true);
    CHECK(!counts_runs || runs() > before);
    db_check_rows(db, "SELECT sum(n) FROM a", "40000");
    db_check_rows(db, "SELECT * FROM e", "40000");
    db_refuse(db, "SELECT * FROM b", 600, "bad");
    db_refuse(db, "SELECT * FROM c", 600, "bad");
    db_check_rows(db, "SELECT object FROM laminar.errors", "b|c|f|g|h"); /* as they tick */
    fill(db, 20000, false);
    db_check_rows(db, "SELECT * FROM e", "60000");
    laminar_database_close(db);
}

/* Rows come into a crew by two streams, each of which looks at each row by itself. */
static void
test_two_entries(void **state) {
    (void)state;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR);"
               "CREATE STREAM a AS SELECT k, upper(s) AS s FROM t WHERE k < 3;"
               "CREATE STREAM b AS SELECT k, upper(s) AS s FROM t WHERE k < 2;"
               "CREATE STREAM c AS SELECT count(*) AS n FROM "
               "(SELECT k FROM a UNION ALL SELECT k FROM b) AS q;"
               "CREATE STREAM d AS SELECT k, count(*) AS n FROM t GROUP BY k;"
               "CREATE STREAM e AS SELECT k, max(s) AS n FROM t GROUP BY k;"
               "SET threads = 3");
    start(db);
    const int64_t before = runs();
    fill(db, 20000, false);
    CHECK(!counts_runs || runs() > before);
    db_check_rows(db, "SELECT * FROM c", "1000");
    laminar_database_close(db);
}

/* A shard takes its stream, and what reads that, with it; others that gather what it shares too. */
static void
test_shard_fails(void **state) {
    (void)state;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR);"
               "CREATE STREAM a WITH (shards = 2) AS SELECT k, count(*) AS n FROM t GROUP BY k;"
               "CREATE STREAM b WITH (shards = 2) AS "
               "SELECT k, sum(CAST(s AS BIGINT)) AS n FROM t GROUP BY k;"
               "CREATE STREAM c AS SELECT sum(n) AS n FROM b;"
               "CREATE STREAM d AS SELECT sum(a.n) AS n FROM a JOIN b ON a.k = b.k;"
               "CREATE STREAM e AS SELECT sum(n) AS n FROM a;"
               "SET threads = 3");
    start(db);
    fill(db, 20000, false);
    db_check_rows(db, "SELECT * FROM c", "140000");
    db_check_rows(db, "SELECT * FROM d", "20000");
    const int64_t before = runs();
    fill(db, 20000, true);
    CHECK(!counts_runs || runs() > before);
    db_check_rows(db, "SELECT * FROM e", "40000");
    db_check_rows(db, "SELECT object FROM laminar.errors", "b|c|d");
    db_refuse(db, "SELECT * FROM b", 600, "bad");
    db_refuse(db, "SELECT * FROM d", 600, "bad");
    fill(db, 20000, false);
    db_check_rows(db, "SELECT * FROM e", "60000");
    db_check_rows(db, "SELECT sum(n) FROM a", "60000");
    laminar_database_close(db);
}

/* ---- others come and go meanwhile */
typedef struct meddler {
    laminar_database *db;
    _Atomic bool      over;
} meddler;

static void *
meddle(void *arg) {
    meddler *m = arg;
    for (int32_t i = 0; !atomic_load(&m->over); i++) {
        static const char *const acts[] = {
            "CREATE STREAM more AS SELECT k % 3 AS k, count(*) AS n FROM t GROUP BY k % 3",
            "SELECT count(*) FROM (SELECT k, count(*) FROM t GROUP BY k)",
            "SET threads = 2",
            "DROP STREAM more",
            "SELECT * FROM a LIMIT 3",
            "SET threads = 4",
        };
        laminar_result *r = NULL;
        (void)laminar_database_execute(m->db, acts[i % ARRAY_COUNT(acts)], &r, NULL);
        laminar_result_free(r);
    }
    return NULL;
}

static void
test_meanwhile(void **state) {
    (void)state;
    error             err;
    thread            other;
    laminar_database *db = db_open();
    meddler           m = {.db = db};
    db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR);"
               "CREATE STREAM a AS SELECT k, count(*) AS n FROM t GROUP BY k;"
               "CREATE STREAM b AS SELECT k, max(s) AS n FROM t GROUP BY k;"
               "CREATE STREAM c AS SELECT sum(n) AS n FROM a;"
               "SET threads = 4");
    start(db);
    CHECK_EQ(thread_start(&other, "meddler", meddle, &m, &err), OK);
    for (int32_t i = 0; i < 40; i++) {
        fill(db, 8000, false);
    }
    atomic_store(&m.over, true);
    thread_join(&other);
    db_check_rows(db, "SELECT * FROM c", "320000");
    laminar_database_close(db);
}

/* ---- memory that is refused anywhere fails streams, and nothing else */

/* What reads a stream that failed has failed; else both show all rows. */
static void
check_sum(laminar_database *db, const char *of, const char *sum, bool inserted) {
    laminar_error        err;
    laminar_stream_stats below = {.size = sizeof(below)}, above = below;
    char                 sql[64];
    DB_OK(laminar_database_stream_stats(db, of, &below, &err));
    DB_OK(laminar_database_stream_stats(db, sum, &above, &err));
    CHECK(!below.failed || above.failed);
    if (inserted && !below.failed && !above.failed) {
        (void)snprintf(sql, sizeof(sql), "SELECT n FROM %s", sum);
        db_check_rows(db, sql, "6000");
        (void)snprintf(sql, sizeof(sql), "SELECT sum(n) FROM %s", of);
        db_check_rows(db, sql, "6000");
    }
}

static void
test_out_of_memory(void **state) {
    (void)state;
    for (int64_t at = 1; at < 600; at += 5) {
        laminar_database *db = db_open();
        db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR);"
                   "CREATE STREAM a AS SELECT k, count(*) AS n FROM t GROUP BY k;"
                   "CREATE STREAM b AS SELECT k, max(s) AS n FROM t GROUP BY k;"
                   "CREATE STREAM c AS SELECT sum(n) AS n FROM a;"
                   "CREATE STREAM d WITH (shards = 2) AS "
                   "SELECT k, count(*) AS n, max(s) AS m FROM t GROUP BY k;"
                   "CREATE STREAM e AS SELECT sum(n) AS n FROM d;"
                   "SET threads = 3");
        start(db);
        laminar_error     err;
        laminar_appender *a;
        DB_OK(laminar_appender_open(&a, db, "t", &err));
        for (int32_t i = 0; i < 6000; i++) {
            DB_OK(laminar_append_bigint(a, 0, i, &err));
            DB_OK(laminar_append_text(a, 1, "some text", 9, &err));
        }
        atomic_store(&db->mem->fail_at, atomic_load(&db->mem->allocations) + at);
        const laminar_status s = laminar_appender_flush(a, NULL, &err);
        atomic_store(&db->mem->fail_at, 0);
        laminar_appender_close(a);
        check_sum(db, "a", "c", s == LAMINAR_OK);
        check_sum(db, "d", "e", s == LAMINAR_OK);
        db_check_rows(db, "SELECT count(*) FROM t", s == LAMINAR_OK ? "6000" : "0");
        laminar_database_close(db);
    }
}

UNIT_MAIN(UNIT(test_worlds), UNIT(test_views), UNIT(test_shards), UNIT(test_fails_alone),
          UNIT(test_two_entries), UNIT(test_shard_fails), UNIT(test_meanwhile),
          UNIT(test_out_of_memory))
