/* SPDX-License-Identifier: Apache-2.0 */
/* shapes.c - the instructions of whole queries: seven asked once, and five streams in ticks of 64
 * and of 1,024 rows, from the insert to the subscriber. `make instructions` compares them with
 * tests/instructions.toml. See gate.h.
 *
 * One thread, a clock that stands still, the same rows each time. A query is asked once and a
 * stream gets its first ticks before it counts. */
#include "gate.h"

#include "base/rng.h"
#include "laminar.h"

enum { ROWS = 8192, TICK_MAX = 1024, WARM = 4, GROUPS = 100 };

static laminar_error err;
static rng           random_rows;
static int64_t       next_id;

static void
ok(laminar_status s) {
    if (s < 0) {
        fprintf(stderr, "shapes: %s\n", err.message);
        exit(1);
    }
}

static laminar_database *
open_database(void) {
    laminar_options   o = LAMINAR_OPTIONS_INIT;
    laminar_database *db;
    o.threads = 1;
    o.deterministic = true;
    o.memory_limit = INT64_C(1) << 30;
    ok(laminar_database_open(&db, ":memory:", &o, &err));
    ok(laminar_database_execute(
        db,
        "CREATE SOURCE t (ts BIGINT, id BIGINT, g BIGINT, name VARCHAR, url VARCHAR, v DOUBLE, "
        "q BIGINT, WATERMARK FOR ts AS ts);"
        "CREATE SOURCE r (k BIGINT, label VARCHAR);"
        "INSERT INTO r SELECT x, 'label number ' || x FROM range(100) s(x)",
        NULL, &err));
    rng_init(&random_rows, 11);
    next_id = 0;
    return db;
}

/* `count` rows in one insert. */
static void
insert(laminar_appender *a, int32_t count) {
    static int64_t     ts[TICK_MAX], id[TICK_MAX], g[TICK_MAX], q[TICK_MAX];
    static double      v[TICK_MAX];
    static char        names[TICK_MAX][16], urls[TICK_MAX][64];
    static const char *name[TICK_MAX], *url[TICK_MAX];
    static size_t      name_size[TICK_MAX], url_size[TICK_MAX];
    int64_t            inserted;
    for (int32_t i = 0; i < count; i++) {
        ts[i] = next_id / 10;
        id[i] = next_id++;
        g[i] = (int64_t)rng_below(&random_rows, GROUPS);
        q[i] = (int64_t)rng_below(&random_rows, 1000);
        v[i] = (double)rng_below(&random_rows, 10000) / 100;
        name[i] = names[i];
        url[i] = urls[i];
        name_size[i] = (size_t)snprintf(names[i], sizeof(names[i]), "name %d", (int)g[i]);
        url_size[i] = (size_t)snprintf(urls[i], sizeof(urls[i]), "https://a.org/item?query=%d",
                                       (int)rng_below(&random_rows, 1000000));
    }
    gate_begin();
    ok(laminar_append_bigints(a, 0, ts, count, &err));
    ok(laminar_append_bigints(a, 1, id, count, &err));
    ok(laminar_append_bigints(a, 2, g, count, &err));
    ok(laminar_append_texts(a, 3, name, name_size, count, &err));
    ok(laminar_append_texts(a, 4, url, url_size, count, &err));
    ok(laminar_append_doubles(a, 5, v, count, &err));
    ok(laminar_append_bigints(a, 6, q, count, &err));
    ok(laminar_appender_flush(a, &inserted, &err));
    gate_pause();
}

typedef struct shape {
    const char *name, *sql;
} shape;

static const shape queries[] = {
    {"filter and sum", "SELECT sum(v * q) AS s FROM t WHERE q > 500 AND g < 50"},
    {"GROUP BY BIGINT", "SELECT g, count(*) AS n, sum(q) AS s, max(v) AS m FROM t GROUP BY g"},
    {"GROUP BY VARCHAR", "SELECT name, count(*) AS n, avg(v) AS a FROM t GROUP BY name"},
    {"join", "SELECT label, q FROM t JOIN r ON t.g = r.k WHERE q > 300"},
    {"top 10", "SELECT id, v FROM t ORDER BY v DESC, id LIMIT 10"},
    {"window function", "SELECT id, sum(q) OVER (PARTITION BY g ORDER BY id) AS s FROM t"},
    {"LIKE", "SELECT count(*) AS n FROM t WHERE url LIKE '%item%7%3%'"},
};

static const shape streams[] = {
    {"filter", "SELECT id, g, v FROM t WHERE v > 50"},
    {"GROUP BY", "SELECT name, count(*) AS n, sum(q) AS s FROM t GROUP BY name"},
    {"TUMBLE", "SELECT g, window_start, count(*) AS n, max(v) AS m FROM t "
               "GROUP BY g, TUMBLE(ts, 20) EMIT ON WINDOW CLOSE"},
    {"join", "SELECT t.id, r.label, t.q FROM t JOIN r ON t.g = r.k"},
    {"top 10", "SELECT id, v FROM t ORDER BY v DESC, id LIMIT 10"},
};

static uint64_t
digest_value(uint64_t digest, const laminar_value *v) {
    char written[LAMINAR_VALUE_TEXT_MAX];
    if (v->is_null) {
        return gate_digest(digest, "", 1);
    }
    return v->type == LAMINAR_TYPE_VARCHAR
               ? gate_digest(digest, v->text, v->text_size)
               : gate_digest(digest, written, laminar_value_text(v, written));
}

/* The values of all rows, in any order: their digests are added. */
static uint64_t
digest(const laminar_result *r) {
    uint64_t      sum = 0;
    const int64_t rows = laminar_result_row_count(r);
    for (int64_t row = 0; row < rows; row++) {
        uint64_t one = 1;
        for (int32_t c = 0; c < laminar_result_column_count(r); c++) {
            laminar_value value;
            ok(laminar_result_value(r, row, c, &value));
            one = digest_value(one, &value);
        }
        sum += one;
    }
    return sum;
}

static void
ask(laminar_database *db, const shape *s) {
    laminar_result *r;
    char            name[64];
    ok(laminar_database_execute(db, s->sql, &r, &err));
    laminar_result_free(r);
    gate_begin();
    ok(laminar_database_execute(db, s->sql, &r, &err));
    gate_pause();
    (void)snprintf(name, sizeof(name), "query: %s", s->name);
    gate_end(name, digest(r));
    laminar_result_free(r);
}

static void
follow(const shape *s, int32_t tick, int32_t ticks) {
    laminar_database     *db = open_database();
    laminar_appender     *a;
    laminar_subscription *changes;
    char                  text[512], name[64];
    uint64_t              answer = 0;
    (void)snprintf(text, sizeof(text), "CREATE STREAM s AS %s", s->sql);
    ok(laminar_database_execute(db, text, NULL, &err));
    ok(laminar_database_start(db, &err));
    ok(laminar_database_subscribe_stream(&changes, db, "s", &err));
    ok(laminar_appender_open(&a, db, "t", &err));
    for (int32_t i = 0; i < WARM + ticks; i++) {
        laminar_result *r = NULL;
        if (i == WARM) {
            CALLGRIND_ZERO_STATS;
        }
        insert(a, tick);
        gate_begin();
        const laminar_status got = laminar_subscription_next(changes, 0, &r, NULL, &err);
        gate_pause();
        ok(got);
        answer += r == NULL ? 0 : digest(r);
        gate_begin();
        laminar_result_free(r);
        gate_pause();
    }
    (void)snprintf(name, sizeof(name), "stream: %s, ticks of %d", s->name, (int)tick);
    gate_end(name, answer);
    laminar_appender_close(a);
    laminar_subscription_close(changes);
    laminar_database_close(db);
}

int
main(void) {
    laminar_database *db = open_database();
    laminar_appender *a;
    ok(laminar_database_start(db, &err));
    ok(laminar_appender_open(&a, db, "t", &err));
    for (int32_t i = 0; i < ROWS; i += TICK_MAX) {
        insert(a, TICK_MAX);
    }
    laminar_appender_close(a);
    CALLGRIND_ZERO_STATS;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        ask(db, &queries[i]);
    }
    laminar_database_close(db);
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        follow(&streams[i], 64, 40);
        follow(&streams[i], 1024, 6);
    }
    return 0;
}
