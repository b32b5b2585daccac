/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan_same.c - which streams compute the same: names, spelling and places in the text do not
 * matter, everything that can show in an answer does. */
#include "fixture.h"

static const char *const alike[][2] = {
    {"SELECT carrier, count(*) FROM flights GROUP BY carrier",
     "select  f.carrier AS c, COUNT(*) AS n from flights f group by 1"},
    {"SELECT f.carrier, a.city FROM flights f JOIN airports a ON f.origin = a.code",
     "SELECT x.carrier, y.city FROM flights x JOIN airports y ON x.origin = y.code"},
    {"SELECT carrier, row_number() OVER (PARTITION BY carrier ORDER BY delay) AS r FROM flights",
     "SELECT carrier, row_number() OVER w AS n FROM flights WINDOW w AS (PARTITION BY carrier "
     "ORDER BY delay)"},
    {"SELECT window_start, max(price) FROM trades GROUP BY TUMBLE(ts, 1000)",
     "SELECT window_start AS w, max(price) AS high FROM trades GROUP BY TUMBLE(ts, 1000)"},
};

/* Each differs from the one before it. */
static const char *const others[] = {
    "SELECT carrier, sum(delay) FROM flights GROUP BY carrier",
    "SELECT carrier, max(delay) FROM flights GROUP BY carrier",
    "SELECT carrier, max(delay) FILTER (WHERE distance > 1) FROM flights GROUP BY carrier",
    "SELECT carrier, max(delay) FILTER (WHERE distance > 2) FROM flights GROUP BY carrier",
    "SELECT carrier, sum(DISTINCT delay) FROM flights GROUP BY carrier",
    "SELECT origin, sum(DISTINCT delay) FROM flights GROUP BY origin",
    "SELECT carrier, string_agg(origin, ',') FROM flights GROUP BY carrier",
    "SELECT carrier, string_agg(origin, ';') FROM flights GROUP BY carrier",
    "SELECT carrier, string_agg(origin, ';' ORDER BY delay) FROM flights GROUP BY carrier",
    "SELECT carrier, string_agg(origin, ';' ORDER BY delay DESC) FROM flights GROUP BY carrier",
    "SELECT f.carrier, a.city FROM flights f JOIN airports a ON f.origin = a.code",
    "SELECT f.carrier, a.city FROM flights f LEFT JOIN airports a ON f.origin = a.code",
    "SELECT f.carrier, a.city FROM flights f LEFT JOIN airports a ON f.carrier = a.code",
    "SELECT f.carrier, a.city FROM flights f LEFT JOIN airports a ON f.carrier = a.code AND "
    "f.delay > a.height",
    "SELECT f.carrier, a.city FROM flights f LEFT JOIN airports a ON f.carrier IS NOT DISTINCT "
    "FROM a.code",
    "SELECT f.carrier, g.delay FROM flights f JOIN flights g ON f.carrier = g.carrier AND g.ts "
    "BETWEEN f.ts AND f.ts + INTERVAL '1' SECOND",
    "SELECT f.carrier, g.delay FROM flights f JOIN flights g ON f.carrier = g.carrier AND g.ts "
    "BETWEEN f.ts AND f.ts + INTERVAL '2' SECOND",
    "SELECT f.carrier, g.delay FROM flights f ASOF JOIN flights g ON f.carrier = g.carrier AND "
    "f.ts >= g.ts",
    "SELECT f.carrier, g.delay FROM flights f ASOF JOIN flights g ON f.carrier = g.carrier AND "
    "f.ts > g.ts",
    "SELECT f.carrier, g.delay FROM flights f ASOF JOIN flights g ON f.origin = g.origin AND "
    "f.ts > g.ts",
    "SELECT window_start, count(*) FROM trades GROUP BY TUMBLE(ts, 1000)",
    "SELECT window_start, count(*) FROM trades GROUP BY TUMBLE(ts, 2000)",
    "SELECT window_start, count(*) FROM trades GROUP BY TUMBLE(ts, 2000) ALLOW LATENESS 1000",
    "SELECT window_start, count(*) FROM trades GROUP BY TUMBLE(ts, 2000) ALLOW LATENESS 2000",
    "SELECT window_start, count(*) FROM trades GROUP BY TUMBLE(ts, 2000) EMIT ON WINDOW CLOSE",
    "SELECT window_start, count(*) FROM trades GROUP BY SESSION(ts, 2000)",
    "SELECT window_start, count(*) FROM trades GROUP BY SESSION(ts, 1000)",
    "SELECT symbol, sum(volume) OVER (PARTITION BY symbol ORDER BY ts) FROM trades",
    "SELECT symbol, sum(volume) OVER (PARTITION BY symbol ORDER BY ts ROWS 3 PRECEDING) FROM "
    "trades",
    "SELECT symbol, sum(volume) OVER (PARTITION BY symbol ORDER BY ts ROWS 4 PRECEDING) FROM "
    "trades",
    "SELECT symbol, lag(volume, 1) OVER (PARTITION BY symbol ORDER BY ts) FROM trades",
    "SELECT symbol, lag(volume, 2) OVER (PARTITION BY symbol ORDER BY ts) FROM trades",
    "SELECT DISTINCT symbol FROM trades WHERE volume > 1",
    "SELECT DISTINCT symbol FROM trades WHERE volume > 2",
    "SELECT DISTINCT symbol FROM trades WHERE volume >= 2",
    "SELECT symbol, price FROM trades ORDER BY price LIMIT 3",
    "SELECT symbol, price FROM trades ORDER BY price DESC LIMIT 3",
    "SELECT symbol, price FROM trades ORDER BY price DESC LIMIT 4",
    "SELECT symbol, price FROM trades ORDER BY price DESC LIMIT 4 OFFSET 1",
    "SELECT id, count(*) FROM plain GROUP BY id",
    "SELECT id, count(*) FROM manual GROUP BY id",
};

/* Two plans over one catalog. */
static bool
same(fixture *f, fixture *g, const char *a, const char *b) {
    error err;
    CHECK_OK(fixture_plan(f, a, true, &err));
    CHECK_OK(fixture_plan(g, b, true, &err));
    const bool found = plan_same(f->plan.root, g->plan.root);
    CHECK_EQ(plan_same(g->plan.root, f->plan.root), found);
    return found;
}

static void
test_pairs(void **state) {
    (void)state;
    error   err;
    mem     m;
    fixture f;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    fixture g = f;
    arena_init(&g.arena, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(alike); i++) {
        CHECK(same(&f, &g, alike[i][0], alike[i][1]));
    }
    for (int32_t i = 0; i < ARRAY_COUNT(others); i++) {
        CHECK(same(&f, &g, others[i], others[i]));
        for (int32_t k = 0; k < i; k++) {
            if (same(&f, &g, others[i], others[k])) {
                print_error("%s\n%s\n", others[i], others[k]);
                fail();
            }
        }
    }
    arena_fini(&g.arena);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

/* A scan of a part stands for the part; what is above it is copied when it takes the place. */
static void
test_part(void **state) {
    (void)state;
    static const char sql[] = "SELECT carrier, n FROM (SELECT carrier, count(*) AS n FROM flights "
                              "GROUP BY carrier) WHERE n > 2";
    error             err;
    mem               m;
    fixture           f;
    object           *part = NULL;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    fixture g = f;
    arena_init(&g.arena, &m);
    CHECK(same(&f, &g, sql, sql));
    plan_node *root = f.plan.root, *grouping = root;
    while (grouping->kind != PLAN_AGGREGATE) {
        grouping = grouping->inputs[0];
    }
    CHECK_OK(catalog_object_new(&part, &m, OBJECT_STREAM, TEXT(""), &err));
    part->part = grouping;
    plan_node *leaf = plan_scan_part(&f.arena, grouping, part);
    CHECK(leaf != NULL && leaf->id == grouping->id);
    CHECK_OK(plan_replace(&root, &f.arena, grouping, leaf, &err));
    CHECK(root != f.plan.root && plan_same(root, f.plan.root) && plan_same(root, g.plan.root));
    CHECK(plan_whole(leaf) == grouping && plan_whole(root) == root);
    catalog_object_release(part);
    arena_fini(&g.arena);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_pairs), UNIT(test_part))
