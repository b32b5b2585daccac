/* SPDX-License-Identifier: Apache-2.0 */
/* test_ticks.c - how often ticks ask for memory, counted by the database's account.
 *
 * Inserts with keys that repeat go on until everything that a tick uses again is there; those that
 * follow are counted, with the growth of the account. What is promised (ARCHITECTURE.md, "A tick's
 * memory"):
 *
 *   - Nothing but what stays asks for memory: rows of the source, the index of inserts, rows in the
 *     state of a stream, changes that are kept for readers who come back. It comes in blocks, so
 *     there are at most SPARE requests and one for each GROWTH_BYTES by which the account grew.
 *   - A stream that keeps nothing new adds no request to those of its source, which are counted in
 *     a database whose source nobody reads; no more does its reader, once the log is as long as it
 *     gets.
 *
 * States have more than 256 rows, as debug builds check smaller ones after each tick, in memory
 * that they ask for. From TABLE_KEEP_ROWS rows on an insert is a segment with blocks of its own;
 * then too the stream adds nothing. */
#include "database.h"
#include "db/internal.h"

enum { KEYS = 300, WARM = 400, TICKS = 1000, SPARE = 10, GROWTH_BYTES = 8192 };

typedef struct shape {
    const char *name;
    const char *query; /* NULL: nobody reads t */
    bool        grows; /* each row stays in its state, or changes what is kept of many */
} shape;

static const shape shapes[] = {
    {"nothing", NULL, false},
    {"filter and projection", "SELECT k, v * 2 AS w, s FROM t WHERE v > 0", false},
    {"count and sum", "SELECT k, count(*) AS n, sum(v) AS total FROM t GROUP BY k", false},
    {"min and max", "SELECT k, min(v) AS low, max(v) AS high FROM t GROUP BY k", false},
    {"text key", "SELECT s, count(*) AS n, avg(v) AS mean FROM t GROUP BY s", false},
    {"tumble",
     "SELECT window_start AS w, k, count(*) AS n FROM t GROUP BY k, TUMBLE(ts, INTERVAL '9' HOUR)",
     false},
    {"distinct", "SELECT DISTINCT k, s FROM t", false},
    {"top n", "SELECT k, v, s FROM t ORDER BY v DESC, k, s LIMIT 300", false},
    {"latest on", "SELECT * FROM t LATEST ON ts PARTITION BY k", false},
    {"table join", "SELECT t.k AS k, t.v AS v, r.name AS name FROM t JOIN r ON t.k = r.k", true},
    {"stream on stream", "SELECT k, max(n) AS n FROM below GROUP BY k", false},
};
#define SHAPES ((int32_t)(sizeof(shapes) / sizeof(shapes[0])))

typedef struct running {
    laminar_database     *db;
    laminar_appender     *rows;
    laminar_subscription *reader; /* NULL: none */
    int64_t               next;   /* number of the next row */
    int64_t               deliveries;
} running;

static void
start(running *r, const shape *s, bool reads) {
    laminar_error err;
    *r = (running){.db = db_open()};
    db_run(r->db, "CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR, ts TIMESTAMP, "
                  "WATERMARK FOR ts AS ts - INTERVAL '1' SECOND);"
                  "CREATE TABLE r (k BIGINT PRIMARY KEY, name VARCHAR);"
                  "INSERT INTO r SELECT x, 'name of ' || x FROM range(300) q(x)");
    if (s->query != NULL) {
        char sql[512];
        if (strstr(s->query, "below") != NULL) {
            db_run(r->db, "CREATE STREAM below AS SELECT k, count(*) AS n FROM t GROUP BY k");
        }
        (void)snprintf(sql, sizeof(sql), "CREATE STREAM q AS %s", s->query);
        db_run(r->db, sql);
    }
    DB_OK(laminar_database_start(r->db, &err));
    DB_OK(laminar_appender_open(&r->rows, r->db, "t", &err));
    if (reads) {
        DB_OK(laminar_database_subscribe_stream(&r->reader, r->db, "q", &err));
    }
}

static void
stop(const running *r) {
    laminar_appender_close(r->rows);
    laminar_subscription_close(r->reader);
    laminar_database_close(r->db);
}

/* Values rise, so that tops and maxima change with each row. */
static void
insert(running *r, int32_t rows) {
    laminar_error err;
    int64_t       count;
    for (int32_t i = 0; i < rows; i++) {
        const int64_t at = r->next++;
        char          words[40];
        const int     size =
            snprintf(words, sizeof(words), "a text beyond a view %d", (int)(at % KEYS));
        DB_OK(laminar_append_bigint(r->rows, 0, at % KEYS, &err));
        DB_OK(laminar_append_double(r->rows, 1, (double)at, &err));
        DB_OK(laminar_append_text(r->rows, 2, words, (size_t)size, &err));
        DB_OK(laminar_append_timestamp(r->rows, 3, 1700000000000000 + at * 1000, &err));
    }
    DB_OK(laminar_appender_flush(r->rows, &count, &err));
    CHECK_EQ(count, rows);
}

static void
read_all(running *r) {
    laminar_error   err;
    laminar_result *got;
    while (r->reader != NULL &&
           laminar_subscription_next(r->reader, 0, &got, NULL, &err) == LAMINAR_OK) {
        r->deliveries++;
        laminar_result_free(got);
    }
}

static int64_t
requests_of(const running *r) {
    return atomic_load(&r->db->mem->allocations);
}

/* Requests by `ticks` inserts alone: what readers are handed is theirs. */
static int64_t
count_requests(running *r, int32_t rows, int32_t ticks) {
    int64_t requests = 0;
    for (int32_t i = 0; i < ticks; i++) {
        const int64_t before = requests_of(r);
        insert(r, rows);
        requests += requests_of(r) - before;
        read_all(r);
    }
    return requests;
}

static int64_t
source_requests(int32_t rows, int32_t ticks) {
    running r;
    start(&r, &shapes[0], false);
    (void)count_requests(&r, rows, WARM);
    const int64_t requests = count_requests(&r, rows, ticks);
    stop(&r);
    return requests;
}

static void
check_shape(const shape *s, bool reads, int32_t rows, int32_t ticks, int64_t of_source) {
    running r;
    start(&r, s, reads);
    (void)count_requests(&r, rows, WARM);
    const int64_t bytes = atomic_load(&r.db->mem->bytes_used);
    const int64_t requests = count_requests(&r, rows, ticks);
    const int64_t grown = atomic_load(&r.db->mem->bytes_used) - bytes;
    const bool    keeps = s->grows || reads;
    const int64_t most = of_source + (keeps ? SPARE + grown / GROWTH_BYTES : 0);
    if (requests > most) {
        print_error("%s, %s, %d rows an insert: %lld requests in %d ticks, %lld of them by the "
                    "source, grown by %lld bytes\n",
                    s->name, reads ? "read" : "not read", rows, (long long)requests, ticks,
                    (long long)of_source, (long long)grown);
        fail();
    }
    CHECK(!reads || r.deliveries > 0);
    stop(&r);
}

static void
test_source_comes_in_blocks(void **state) {
    (void)state;
    CHECK(source_requests(1, TICKS) <= TICKS / 100);
    CHECK(source_requests(64, TICKS) <= TICKS / 20);
}

static void
check_shapes(int32_t rows, int32_t ticks) {
    const int64_t of_source = source_requests(rows, ticks);
    for (int32_t i = 1; i < SHAPES; i++) {
        check_shape(&shapes[i], false, rows, ticks, of_source);
        check_shape(&shapes[i], true, rows, ticks, of_source);
    }
}

static void
test_one_row(void **state) {
    (void)state;
    check_shapes(1, TICKS);
}

static void
test_64_rows(void **state) {
    (void)state;
    check_shapes(64, TICKS);
}

static void
test_1024_rows(void **state) {
    (void)state;
    check_shapes(1024, TICKS / 5);
}

/* With half of the memory in use a log keeps nothing that all have read. (More than a few KiB of
 * one tick would be a request of its own, see base/slab.h.) */
static void
check_log_at_its_length(const shape *s, int32_t rows, int64_t of_source) {
    const size_t ballast_bytes = 64 << 20;
    running      r;
    start(&r, s, true);
    mem  *m = r.db->mem;
    void *ballast = mem_alloc(m, ballast_bytes);
    assert_non_null(ballast);
    atomic_store(&m->bytes_limit, 2 * atomic_load(&m->bytes_used) - 4096);
    (void)count_requests(&r, rows, WARM);
    const int64_t requests = count_requests(&r, rows, TICKS);
    if (requests > of_source) {
        print_error("%s, %d rows an insert: %lld requests, %lld of them by the source\n", s->name,
                    rows, (long long)requests, (long long)of_source);
        fail();
    }
    mem_free(m, ballast, ballast_bytes);
    stop(&r);
}

static void
test_a_log_at_its_length(void **state) {
    (void)state;
    for (int32_t rows = 1; rows <= 32; rows += 31) {
        const int64_t of_source = source_requests(rows, TICKS);
        for (int32_t i = 1; i < SHAPES; i++) {
            if (!shapes[i].grows) {
                check_log_at_its_length(&shapes[i], rows, of_source);
            }
        }
    }
}

UNIT_MAIN(UNIT(test_source_comes_in_blocks), UNIT(test_one_row), UNIT(test_64_rows),
          UNIT(test_1024_rows), UNIT(test_a_log_at_its_length))
