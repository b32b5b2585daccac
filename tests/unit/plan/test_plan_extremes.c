/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan_extremes.c - which joins let go of rows that the extreme of their group has passed, and
 * which must not: all that is asked for is there, and of each something is not. */
#include "fixture.h"

typedef struct extreme_case {
    const char *sql, *drops; /* NULL: none */
} extreme_case;

#define BEST "SELECT b.symbol FROM trades b JOIN "
#define WINDOWS "(SELECT max(volume) AS m, window_start AS s, window_end AS e FROM trades "
#define OF_TIME "GROUP BY window_start, window_end, TUMBLE(ts, 1000)) w ON b.volume = w.m AND "

static const extreme_case cases[] = {
    {BEST "(SELECT max(volume) AS m FROM trades) w ON b.volume = w.m", "volume < m"},
    {BEST "(SELECT min(volume) AS m FROM trades) w ON b.volume = w.m", "volume > m"},
    {"SELECT b.symbol FROM (SELECT max(price) AS m FROM trades) w JOIN trades b ON w.m = b.price",
     "price < m"},
    {"SELECT symbol FROM trades WHERE price = (SELECT max(price) FROM trades)",
     "price < max(price)"},
    {"SELECT symbol FROM trades WHERE (symbol, price) IN (SELECT symbol, max(price) FROM trades "
     "GROUP BY symbol)",
     "price < max(price)"},
    {BEST "(SELECT max(delay) FILTER (WHERE distance > 1) AS m FROM flights HAVING count(*) > 3) w "
          "ON b.volume = w.m",
     NULL}, /* of another type */
    {BEST "(SELECT max(volume) + 1 AS m FROM trades HAVING count(*) > 3) w ON b.volume = w.m",
     "volume < m"},
    {BEST "(SELECT -max(volume) AS m FROM trades) w ON b.volume = w.m", NULL},
    {BEST "(SELECT sum(volume) AS m FROM trades) w ON b.volume = w.m", NULL},
    {BEST "(SELECT max(n) AS m FROM counts) w ON b.volume = w.m", NULL}, /* rows are taken back */
    {"SELECT b.n FROM counts b JOIN (SELECT max(volume) AS m FROM trades) w ON b.n = w.m", NULL},
    {"SELECT b.symbol FROM trades b LEFT JOIN (SELECT max(volume) AS m FROM trades) w ON b.volume "
     "= w.m",
     NULL},
    {BEST "(SELECT max(volume) AS m FROM trades) w ON b.volume IS NOT DISTINCT FROM w.m", NULL},
    {BEST "(SELECT symbol AS y, max(volume) AS m FROM trades GROUP BY symbol) w ON b.volume = w.m "
          "AND b.symbol = w.y",
     "volume < m"},
    {BEST "(SELECT symbol AS y, max(volume) AS m FROM trades GROUP BY symbol) w ON b.volume = w.m",
     NULL},
    {BEST WINDOWS OF_TIME "b.ts BETWEEN w.s AND w.e", "volume < m"},
    {BEST WINDOWS OF_TIME "b.ts >= w.s AND b.ts < w.e", "volume < m"},
    {BEST WINDOWS OF_TIME "b.ts >= w.e - 2000 AND b.ts < w.e + 2000",
     "volume < m"},                                                           /* four windows */
    {BEST WINDOWS OF_TIME "b.ts >= w.e - 2000 AND b.ts <= w.e + 2000", NULL}, /* five */
    {BEST WINDOWS OF_TIME "b.ts > w.e - 2000 AND b.ts <= w.e + 2000", "volume < m"}, /* four */
    {BEST WINDOWS OF_TIME "b.ts >= w.s", NULL},
    {BEST WINDOWS OF_TIME "b.ts BETWEEN w.s AND w.e OR b.ts = 0", NULL},
    {BEST WINDOWS OF_TIME "b.volume BETWEEN w.s AND w.e", "volume < m"}, /* any number is a time */
    {BEST WINDOWS OF_TIME "b.ts = w.s + 10", "volume < m"},
    {BEST "(SELECT max(volume) AS m, window_start AS s FROM trades GROUP BY HOP(ts, 500, 1000)) w "
          "ON b.volume = w.m AND b.ts >= w.s AND b.ts < w.s + 1000",
     "volume < m"},
    {BEST "(SELECT max(volume) AS m, window_start AS s, symbol AS y FROM trades GROUP BY "
          "TUMBLE(ts, 1000), symbol) w ON b.volume = w.m AND b.ts >= w.s AND b.ts < w.s + 1000",
     NULL},
    {BEST "(SELECT max(volume) AS m, window_start AS s FROM trades GROUP BY SESSION(ts, 1000)) w "
          "ON b.volume = w.m AND b.ts >= w.s AND b.ts < w.s + 1000",
     NULL},
};

static void
test_cases(void **state) {
    (void)state;
    error   err;
    mem     m;
    fixture f;
    int32_t wrong = 0;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        static const char words[] = "drops rows with: ";
        CHECK_OK(fixture_plan(&f, cases[i].sql, true, &err));
        const char *found = strstr(f.text, words);
        const char *drops = cases[i].drops;
        found = found == NULL ? NULL : found + sizeof(words) - 1;
        if ((found == NULL) != (drops == NULL) ||
            (drops != NULL && strncmp(found, drops, strlen(drops)) != 0)) {
            print_error("%s\nwanted: %s\n%s", cases[i].sql, drops == NULL ? "none" : drops, f.text);
            wrong++;
        }
        CHECK_OK(fixture_plan(&f, cases[i].sql, false, &err));
        wrong += strstr(f.text, words) != NULL;
    }
    CHECK_EQ(wrong, 0);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_cases))
