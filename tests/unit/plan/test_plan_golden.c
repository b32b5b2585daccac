/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan_golden.c - statements and the operator trees that EXPLAIN shows for them: binding,
 * grouping, windows, joins, push-down, pruning. */
#include "plan/fixture.h"

static const struct {
    const char *sql;
    bool        streaming;
    const char *plan;
} golden[] = {
    {"SELECT 1", false,
     "Project  1  [append-only]\n"
     "  Single row  [append-only]\n"},
    {"SELECT 1 + 2 AS three, 'x' || 'y'", false,
     "Project  3 AS three, 'xy' AS 'x' || 'y'  [append-only]\n"
     "  Single row  [append-only]\n"},
    {"SELECT * FROM flights", false,
     "Scan flights  columns: carrier, origin, delay, distance, ts  [append-only]\n"},
    {"SELECT carrier FROM flights", false, "Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT delay, carrier FROM flights", false,
     "Scan flights  columns: delay, carrier  [append-only]\n"},
    {"SELECT carrier AS c, delay * 2 AS d2 FROM flights WHERE delay > 10 AND "
     "carrier = 'AA'",
     false,
     "Project  carrier AS c, CAST(delay AS BIGINT) * 2 AS d2  [append-only]\n"
     "  Filter  (delay > 10) AND (carrier = 'AA')  [append-only]\n"
     "    Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT Carrier, FLIGHTS.Delay FROM Flights", false,
     "Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT \"Venue\" FROM trades", false, "Scan trades  columns: Venue  [append-only]\n"},
    {"SELECT count(*) FROM flights", false,
     "Aggregate  aggs: count(*)  [updating]\n"
     "  Scan flights  columns: delay  [append-only]\n"},
    {"SELECT carrier, count(*), avg(delay) FROM flights GROUP BY carrier", false,
     "Aggregate  keys: carrier  aggs: count(*), avg(delay)  [updating]\n"
     "  Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT carrier, count(*), avg(delay) FROM flights GROUP BY 1 HAVING count(*) "
     "> 2",
     false,
     "Filter  count(*) > 2  [updating]\n"
     "  Aggregate  keys: carrier  aggs: count(*), avg(delay)  [updating]\n"
     "    Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT upper(carrier) AS u, count(*) AS n FROM flights GROUP BY u", false,
     "Aggregate  keys: upper(carrier)  aggs: count(*)  [updating]\n"
     "  Project  upper(carrier)  [append-only]\n"
     "    Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT upper(carrier) AS u, count(*) AS n FROM flights GROUP BY ALL", false,
     "Aggregate  keys: upper(carrier)  aggs: count(*)  [updating]\n"
     "  Project  upper(carrier)  [append-only]\n"
     "    Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT upper(carrier) || 'x', sum(delay) + 1 FROM flights GROUP BY "
     "upper(carrier)",
     false,
     "Project  upper(carrier) || 'x', sum(delay) + 1  [updating, not consolidated]\n"
     "  Aggregate  keys: upper(carrier)  aggs: sum(delay)  [updating]\n"
     "    Project  upper(carrier), delay  [append-only]\n"
     "      Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT count(*) AS n FROM flights GROUP BY carrier ORDER BY n DESC, carrier "
     "LIMIT 3 OFFSET 1",
     false,
     "Project  n  [updating, not consolidated]\n"
     "  Top N  by: n DESC, carrier  limit: 3  offset: 1  [updating]\n"
     "    Project  count(*) AS n, carrier  [updating]\n"
     "      Aggregate  keys: carrier  aggs: count(*)  [updating]\n"
     "        Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT sum(delay) FILTER (WHERE distance > 100), count(DISTINCT carrier), "
     "min(DISTINCT delay) FROM flights",
     false,
     "Aggregate  aggs: sum(delay) FILTER (WHERE distance > 100.0), count(DISTINCT "
     "carrier), min(delay)  [updating]\n"
     "  Project  delay, distance > 100.0, carrier  [append-only]\n"
     "    Scan flights  columns: carrier, delay, distance  [append-only]\n"},
    {"SELECT sum(delay), sum(delay) + 1, SUM(delay) FROM flights", false,
     "Project  sum(delay), sum(delay) + 1, sum(delay) AS SUM(delay)  [updating]\n"
     "  Aggregate  aggs: sum(delay)  [updating]\n"
     "    Scan flights  columns: delay  [append-only]\n"},
    {"SELECT avg(delay * 2) AS a FROM flights HAVING a > 3", false,
     "Filter  avg(CAST(delay AS BIGINT) * 2) > 3.0  [updating]\n"
     "  Aggregate  aggs: avg(CAST(delay AS BIGINT) * 2)  [updating]\n"
     "    Project  CAST(delay AS BIGINT) * 2  [append-only]\n"
     "      Scan flights  columns: delay  [append-only]\n"},
    {"SELECT delay AS d, d + 1 AS e FROM flights WHERE e > 5", false,
     "Project  delay AS d, CAST(delay AS BIGINT) + 1 AS e  [append-only]\n"
     "  Filter  (CAST(delay AS BIGINT) + 1) > 5  [append-only]\n"
     "    Scan flights  columns: delay  [append-only]\n"},
    {"SELECT DISTINCT carrier FROM flights ORDER BY carrier", false,
     "Sort  by: carrier  [append-only]\n"
     "  Distinct  [append-only]\n"
     "    Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT DISTINCT carrier, origin FROM flights", false,
     "Distinct  [append-only]\n"
     "  Scan flights  columns: carrier, origin  [append-only]\n"},
    {"SELECT carrier FROM flights ORDER BY delay", false,
     "Project  carrier  [append-only]\n"
     "  Sort  by: delay  [append-only]\n"
     "    Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT carrier FROM flights ORDER BY delay DESC NULLS LAST LIMIT 5", false,
     "Project  carrier  [updating, not consolidated]\n"
     "  Top N  by: delay DESC NULLS LAST  limit: 5  [updating]\n"
     "    Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT carrier FROM flights LIMIT 5", false,
     "Top N  limit: 5  [updating]\n"
     "  Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT carrier FROM flights ORDER BY upper(carrier), 1 DESC LIMIT 2 + 3", false,
     "Project  carrier  [updating, not consolidated]\n"
     "  Top N  by: upper(carrier), carrier DESC  limit: 5  [updating]\n"
     "    Project  carrier, upper(carrier)  [append-only]\n"
     "      Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT carrier FROM flights ORDER BY delay", true,
     "Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT carrier FROM flights ORDER BY delay LIMIT 5", true,
     "Project  carrier  [updating, not consolidated]\n"
     "  Top N  by: delay  limit: 5  [updating]\n"
     "    Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT f.carrier, a.city FROM flights f JOIN airports a ON f.origin = a.code", false,
     "Inner Join  on: origin = code  columns: carrier, city  [append-only]\n"
     "  Scan flights  columns: carrier, origin  [append-only]\n"
     "  Scan airports  columns: code, city  [append-only]\n"},
    {"SELECT f.carrier, a.city FROM flights f, airports a WHERE f.origin = a.code "
     "AND a.country = 'US' AND f.delay > a.height",
     false,
     "Inner Join  on: origin = code  if: delay > height  columns: carrier, city  [append-only]\n"
     "  Scan flights  columns: carrier, origin, delay  [append-only]\n"
     "  Filter  country = 'US'  [append-only]\n"
     "    Scan airports  columns: code, city, country, height  [append-only]\n"},
    {"SELECT f.carrier, a.city FROM flights f LEFT JOIN airports a ON f.origin = "
     "a.code AND a.country = 'US' AND f.delay > 3",
     false,
     "Left Join  on: origin = code  if: delay > 3  columns: carrier, city  [updating, not "
     "consolidated]\n"
     "  Scan flights  columns: carrier, origin, delay  [append-only]\n"
     "  Filter  country = 'US'  [append-only]\n"
     "    Scan airports  columns: code, city, country  [append-only]\n"},
    {"SELECT f.carrier, a.city FROM flights f LEFT JOIN airports a ON f.origin = "
     "a.code WHERE f.delay > 5 AND a.city = 'X'",
     false,
     "Inner Join  on: origin = code  columns: carrier, city  [append-only]\n"
     "  Filter  delay > 5  [append-only]\n"
     "    Scan flights  columns: carrier, origin, delay  [append-only]\n"
     "  Filter  city = 'X'  [append-only]\n"
     "    Scan airports  columns: code, city  [append-only]\n"},
    {"SELECT f.carrier FROM flights f JOIN airports a ON upper(f.origin) = a.code", false,
     "Inner Join  on: upper(origin) = code  columns: carrier  [append-only]\n"
     "  Project  carrier, upper(origin)  [append-only]\n"
     "    Scan flights  columns: carrier, origin  [append-only]\n"
     "  Scan airports  columns: code  [append-only]\n"},
    {"SELECT * FROM plain p JOIN trades t ON p.k = t.volume", false,
     "Inner Join  on: CAST(k AS BIGINT) = volume  columns: id, k, flag, day, at, name, i8, symbol, "
     "price, volume, Venue, ts  [append-only]\n"
     "  Project  id, k, flag, day, at, name, i8, CAST(k AS BIGINT)  [append-only]\n"
     "    Scan plain  columns: id, k, flag, day, at, name, i8  [append-only]\n"
     "  Scan trades  columns: symbol, price, volume, Venue, ts  [append-only]\n"},
    {"SELECT * FROM counts JOIN flights USING (carrier)", false,
     "Inner Join  on: carrier = carrier  columns: carrier, n, origin, delay, distance, ts  "
     "[updating, not consolidated]\n"
     "  Scan counts  columns: carrier, n  [updating]\n"
     "  Scan flights  columns: carrier, origin, delay, distance, ts  [append-only]\n"},
    {"SELECT f.carrier, c.carrier FROM flights f LEFT JOIN counts c USING (carrier)", false,
     "Left Join  on: carrier = carrier  [updating, not consolidated]\n"
     "  Scan flights  columns: carrier  [append-only]\n"
     "  Scan counts  columns: carrier  [updating, not consolidated]\n"},
    {"SELECT count(*) FROM flights CROSS JOIN airports", false,
     "Aggregate  aggs: count(*)  [updating]\n"
     "  Inner Join  [append-only]\n"
     "    Scan flights  columns: delay  [append-only]\n"
     "    Scan airports  columns: height  [append-only]\n"},
    /* A product is put off when a condition ties another input to those before. */
    {"SELECT c.n, a.city FROM airports a, counts c, flights f WHERE f.origin = a.code AND "
     "c.carrier = f.carrier",
     true,
     "Inner Join  on: carrier = carrier  columns: n, city  [updating, not consolidated]\n"
     "  Inner Join  on: code = origin  [append-only]\n"
     "    Scan airports  columns: code, city  [append-only]\n"
     "    Scan flights  columns: carrier, origin  [append-only]\n"
     "  Scan counts  columns: carrier, n  [updating]\n"},
    {"SELECT a.code, b.code FROM airports a, airports b WHERE a.height < b.height", false,
     "Inner Join  if: height < height  columns: code, code  [append-only]\n"
     "  Scan airports  columns: code, height  [append-only]\n"
     "  Scan airports  columns: code, height  [append-only]\n"},
    {"SELECT x.c, y.n FROM (SELECT carrier AS c, delay FROM flights) x JOIN counts "
     "y ON x.c = y.carrier WHERE x.delay > 3",
     false,
     "Inner Join  on: c = carrier  columns: c, n  [updating, not consolidated]\n"
     "  Project  carrier AS c  [append-only]\n"
     "    Filter  delay > 3  [append-only]\n"
     "      Scan flights  columns: carrier, delay  [append-only]\n"
     "  Scan counts  columns: carrier, n  [updating]\n"},
    {"SELECT n FROM (SELECT carrier, count(*) AS n FROM flights GROUP BY carrier) "
     "WHERE carrier = 'AA' AND n > 3",
     false,
     "Project  count(*) AS n  [updating, not consolidated]\n"
     "  Filter  count(*) > 3  [updating]\n"
     "    Aggregate  keys: carrier  aggs: count(*)  [updating]\n"
     "      Filter  carrier = 'AA'  [append-only]\n"
     "        Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT window_start, window_end, count(*) FROM flights GROUP BY TUMBLE(ts, "
     "INTERVAL '1' MINUTE)",
     false,
     "Project  window_start, window_start + INTERVAL '00:01:00' AS window_end, "
     "count(*)  [updating]\n"
     "  Aggregate  keys: window_start  aggs: count(*)  [updating]\n"
     "    Project  window_start  [append-only]\n"
     "      Window  ts by 1 min  [append-only]\n"
     "        Scan flights  columns: ts  [append-only]\n"},
    {"SELECT window_start, window_end, window_time, carrier, count(*) AS n FROM "
     "flights GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE), carrier",
     true,
     "Project  window_start, window_start + INTERVAL '00:01:00' AS window_end, "
     "window_start + INTERVAL '00:00:59.999' AS window_time, carrier, count(*) AS n "
     " [updating]\n"
     "  Aggregate  keys: window_start, carrier  aggs: count(*)  closes: "
     "window_start + 1 min  [updating]\n"
     "    Project  window_start, carrier  [append-only]\n"
     "      Window  ts by 1 min  [append-only]\n"
     "        Scan flights  columns: carrier, ts  [append-only]\n"},
    {"CREATE STREAM s AS SELECT TUMBLE(ts, 5000) AS w, tumble_end(ts, 5000) AS e, "
     "sum(volume) AS v FROM trades GROUP BY w EMIT ON WINDOW CLOSE ALLOW LATENESS "
     "INTERVAL '2' SECOND",
     true,
     "Project  window_start AS w, window_start + 5000 AS e, sum(volume) AS v  "
     "[append-only]\n"
     "  Aggregate  keys: window_start  aggs: sum(volume)  closes: window_start + 5 "
     "s + 2 s, emits then  [append-only]\n"
     "    Project  window_start, volume  [append-only]\n"
     "      Window  ts by 5 s  lateness: 2 s  [append-only]\n"
     "        Scan trades  columns: volume, ts  [append-only]\n"},
    {"CREATE STREAM s AS SELECT symbol, window_start, max(price) FROM trades WHERE "
     "price > 1 GROUP BY symbol, TUMBLE(ts, 5000, 1000) EMIT ON WINDOW CLOSE",
     true,
     "Aggregate  keys: symbol, window_start  aggs: max(price)  closes: window_start "
     "+ 5 s, emits then  [append-only]\n"
     "  Project  symbol, window_start, price  [append-only]\n"
     "    Window  ts by 5 s  offset: 1 s  [append-only]\n"
     "      Filter  price > 1.0  [append-only]\n"
     "        Scan trades  columns: symbol, price, ts  [append-only]\n"},
    {"SELECT window_start, count(*) FROM plain GROUP BY TUMBLE(at, INTERVAL '1' "
     "HOUR)",
     true,
     "Aggregate  keys: window_start  aggs: count(*)  [updating]\n"
     "  Project  window_start  [append-only]\n"
     "    Window  at by 1 h  [append-only]\n"
     "      Scan plain  columns: at  [append-only]\n"},
    {"CREATE STREAM s AS SELECT window_start, count(*) FROM manual GROUP BY "
     "TUMBLE(at, 60000) EMIT ON WINDOW CLOSE",
     true,
     "Aggregate  keys: window_start  aggs: count(*)  closes: window_start + 1 min, "
     "emits then  [append-only]\n"
     "  Project  window_start  [append-only]\n"
     "    Window  at by 1 min  [append-only]\n"
     "      Scan manual  columns: at  [append-only]\n"},
    {"CREATE STREAM s AS SELECT window_start, sum(volume) FROM trades GROUP BY "
     "HOP(ts, 10000, 25000) EMIT ON WINDOW CLOSE",
     true,
     "Aggregate  keys: window_start  aggs: sum(volume)  closes: window_start + 25 s, "
     "emits then, from panes of 5 s  [append-only]\n"
     "  Project  window_start, volume  [append-only]\n"
     "    Window  ts by 25 s every 10 s  [append-only]\n"
     "      Scan trades  columns: volume, ts  [append-only]\n"},
    {"SELECT window_start, count(*) FROM flights GROUP BY TUMBLE(CAST(ts AS "
     "TIMESTAMP_MS), 60000)",
     true,
     "Aggregate  keys: window_start  aggs: count(*)  closes: window_start + 1 min  [updating]\n"
     "  Project  window_start  [append-only]\n"
     "    Window  CAST(ts AS TIMESTAMP_MS) by 1 min  [append-only]\n"
     "      Project  CAST(ts AS TIMESTAMP_MS)  [append-only]\n"
     "        Scan flights  columns: ts  [append-only]\n"},
    {"SELECT window_end, count(*) FROM (SELECT ts AS t, carrier FROM flights WHERE "
     "delay > 1) GROUP BY TUMBLE(t, INTERVAL '2' DAY) HAVING count(*) > 1",
     true,
     "Project  window_start + INTERVAL '48:00:00' AS window_end, count(*)  "
     "[updating]\n"
     "  Filter  count(*) > 1  [updating]\n"
     "    Aggregate  keys: window_start  aggs: count(*)  closes: window_start + 2 d "
     " [updating]\n"
     "      Project  window_start  [append-only]\n"
     "        Window  t by 2 d  [append-only]\n"
     "          Project  ts AS t  [append-only]\n"
     "            Filter  delay > 1  [append-only]\n"
     "              Scan flights  columns: delay, ts  [append-only]\n"},
    {"SELECT a.city, window_start, count(*) FROM flights f JOIN airports a ON "
     "f.origin = a.code GROUP BY a.city, TUMBLE(f.ts, 1000)",
     true,
     "Aggregate  keys: city, window_start  aggs: count(*)  closes: window_start + 1 "
     "s  [updating]\n"
     "  Project  city, window_start  [append-only]\n"
     "    Window  ts by 1 s  [append-only]\n"
     "      Inner Join  on: origin = code  [append-only]\n"
     "        Scan flights  columns: origin, ts  [append-only]\n"
     "        Scan airports  columns: code, city  [append-only]\n"},
    {"CREATE STREAM s AS SELECT carrier, n FROM (SELECT carrier, window_start, "
     "count(*) AS n FROM flights GROUP BY carrier, TUMBLE(ts, 1000)) WHERE n > 3 "
     "EMIT ON WINDOW CLOSE",
     true,
     "Project  carrier, count(*) AS n  [append-only]\n"
     "  Filter  count(*) > 3  [append-only]\n"
     "    Aggregate  keys: carrier, window_start  aggs: count(*)  closes: "
     "window_start + 1 s, emits then  [append-only]\n"
     "      Project  carrier, window_start  [append-only]\n"
     "        Window  ts by 1 s  [append-only]\n"
     "          Scan flights  columns: carrier, ts  [append-only]\n"},
    {"SELECT carrier, max(n) FROM counts GROUP BY carrier", true,
     "Aggregate  keys: carrier  aggs: max(n)  [updating]\n"
     "  Scan counts  columns: carrier, n  [updating]\n"},
    {"SELECT n FROM counts WHERE n > 4", true,
     "Filter  n > 4  [updating, not consolidated]\n"
     "  Scan counts  columns: n  [updating, not consolidated]\n"},
    {"SELECT carrier, n + 1 AS m FROM counts", true,
     "Project  carrier, n + 1 AS m  [updating]\n"
     "  Scan counts  columns: carrier, n  [updating]\n"},
    {"SELECT k = 3, k IN (1, 2, 3), k IN (1, 70000), i8 BETWEEN 1 AND 5, day > "
     "'2024-01-01', at >= '2024-01-01 10:00:00' FROM plain",
     false,
     "Project  k = 3, k IN (1, 2, 3), CAST(k AS BIGINT) IN (1, 70000) AS k IN (1, "
     "70000), (i8 >= 1) AND (i8 <= 5) AS i8 BETWEEN 1 AND 5, day > DATE "
     "'2024-01-01' AS day > '2024-01-01', at >= TIMESTAMP_MS '2024-01-01 10:00:00' "
     "AS at >= '2024-01-01 10:00:00'  [append-only]\n"
     "  Scan plain  columns: k, day, at, i8  [append-only]\n"},
    {"SELECT CASE k WHEN 1 THEN 'a' WHEN 2 THEN 'b' END, CASE WHEN flag THEN 1 ELSE "
     "2.5 END, COALESCE(name, 'none'), nullif(k, 0), if(flag, 1, 2) FROM plain",
     false,
     "Project  CASE WHEN k = 1 THEN 'a' WHEN k = 2 THEN 'b' END AS CASE k WHEN 1 "
     "THEN 'a' WHEN 2 THEN 'b' END, CASE WHEN flag THEN 1.0 ELSE 2.5 END AS CASE "
     "WHEN flag THEN 1 ELSE 2.5 END, coalesce(name, 'none') AS COALESCE(name, "
     "'none'), CASE WHEN k = 0 THEN NULL ELSE k END AS nullif(k, 0), CASE WHEN flag "
     "THEN 1 ELSE 2 END AS if(flag, 1, 2)  [append-only]\n"
     "  Scan plain  columns: k, flag, name  [append-only]\n"},
    {"SELECT flag IS TRUE, flag IS NOT FALSE, name IS NULL, name IS NOT NULL, k IS "
     "DISTINCT FROM 3, NOT flag FROM plain",
     false,
     "Project  coalesce(flag, false) AS flag IS TRUE, NOT coalesce(NOT flag, false) "
     "AS flag IS NOT FALSE, name IS NULL, NOT (name IS NULL) AS name IS NOT NULL, "
     "NOT coalesce(k = 3, (k IS NULL) AND (3 IS NULL)) AS k IS DISTINCT FROM 3, NOT "
     "flag  [append-only]\n"
     "  Scan plain  columns: k, flag, name  [append-only]\n"},
    {"SELECT name LIKE 'a%', name NOT ILIKE 'b!%' ESCAPE '!', name || '!' FROM plain", false,
     "Project  name LIKE 'a%', NOT (name ILIKE 'b!%' ESCAPE '!') AS name NOT ILIKE "
     "'b!%' ESCAPE '!', name || '!'  [append-only]\n"
     "  Scan plain  columns: name  [append-only]\n"},
    {"SELECT id FROM plain WHERE true AND 1 = 1", false,
     "Scan plain  columns: id  [append-only]\n"},
    {"SELECT id FROM plain WHERE 1 = 2", false,
     "Filter  false  [append-only]\n"
     "  Scan plain  columns: id  [append-only]\n"},
    {"SELECT id FROM plain WHERE id = 1 AND NULL", false,
     "Filter  (id = 1) AND NULL  [append-only]\n"
     "  Scan plain  columns: id  [append-only]\n"},
    {"SELECT TRY_CAST(name AS BIGINT) AS b, name::DOUBLE, CAST(id AS VARCHAR) FROM "
     "plain",
     false,
     "Project  TRY_CAST(name AS BIGINT) AS b, CAST(name AS DOUBLE) AS name::DOUBLE, "
     "CAST(id AS VARCHAR)  [append-only]\n"
     "  Scan plain  columns: id, name  [append-only]\n"},
    {"SELECT 99999999999999999999, 1e3, -9223372036854775808, - 5, DATE "
     "'2024-01-01', INTERVAL '5' SECOND",
     false,
     "Project  99999999999999999999, 1000.0 AS 1e3, -9223372036854775808, "
     "-5 AS - 5, DATE '2024-01-01', INTERVAL '00:00:05' AS INTERVAL '5' SECOND  "
     "[append-only]\n"
     "  Single row  [append-only]\n"},
    {"SELECT count(*) FROM (SELECT * FROM flights) f JOIN (SELECT * FROM airports) "
     "a ON f.origin = a.code",
     false,
     "Aggregate  aggs: count(*)  [updating]\n"
     "  Inner Join  on: origin = code  [append-only]\n"
     "    Scan flights  columns: origin  [append-only]\n"
     "    Scan airports  columns: code  [append-only]\n"},
    {"SELECT code FROM airports WHERE code IN ('A', upper('b'), city)", false,
     "Project  code  [append-only]\n"
     "  Filter  (code = 'A') OR (code = 'B') OR (code = city)  [append-only]\n"
     "    Scan airports  columns: code, city  [append-only]\n"},
    {"SELECT p.id FROM plain p WHERE p.id BETWEEN 1 AND 5 OR p.id = 7", false,
     "Filter  ((id >= 1) AND (id <= 5)) OR (id = 7)  [append-only]\n"
     "  Scan plain  columns: id  [append-only]\n"},
    {"SELECT carrier, count(*) FROM flights WHERE delay > 5 GROUP BY carrier HAVING "
     "carrier <> 'AA'",
     false,
     "Aggregate  keys: carrier  aggs: count(*)  [updating]\n"
     "  Project  carrier  [append-only]\n"
     "    Filter  (delay > 5) AND (carrier <> 'AA')  [append-only]\n"
     "      Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT sum(n) FROM (SELECT n, carrier FROM counts)", false,
     "Aggregate  aggs: sum(n)  [updating]\n"
     "  Scan counts  columns: n  [updating, not consolidated]\n"},
    {"SELECT 1 FROM (SELECT count(*) FROM flights)", false,
     "Project  1  [updating, not consolidated]\n"
     "  Aggregate  aggs: count(*)  [updating]\n"
     "    Scan flights  columns: delay  [append-only]\n"},
    {"SELECT t.*, id FROM plain t", false,
     "Scan plain  columns: id, k, flag, day, at, name, i8, id  [append-only]\n"},
    {"SELECT x FROM (SELECT carrier AS x FROM flights ORDER BY x LIMIT 3) WHERE x > "
     "'B'",
     false,
     "Filter  x > 'B'  [updating]\n"
     "  Top N  by: x  limit: 3  [updating]\n"
     "    Scan flights  columns: carrier  [append-only]\n"},
    {"SELECT * FROM (SELECT carrier, delay FROM flights ORDER BY delay) WHERE "
     "carrier = 'AA'",
     false,
     "Sort  by: delay  [append-only]\n"
     "  Filter  carrier = 'AA'  [append-only]\n"
     "    Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT b.k, a.k, c.k FROM plain a JOIN plain b USING (k) JOIN plain c USING "
     "(k)",
     false,
     "Inner Join  on: k = k  columns: k, k, k  [append-only]\n"
     "  Inner Join  on: k = k  [append-only]\n"
     "    Scan plain  columns: k  [append-only]\n"
     "    Scan plain  columns: k  [append-only]\n"
     "  Scan plain  columns: k  [append-only]\n"},
    {"SELECT * FROM (SELECT k, id FROM plain) a JOIN (SELECT id, k, flag FROM "
     "plain) b USING (k)",
     false,
     "Inner Join  on: k = k  columns: k, id, id, flag  [append-only]\n"
     "  Scan plain  columns: k, id  [append-only]\n"
     "  Scan plain  columns: id, k, flag  [append-only]\n"},
    {"SELECT f.carrier, a.city FROM flights f, airports a WHERE f.origin = a.code AND EXISTS "
     "(SELECT 1 FROM trades t WHERE t.volume = f.delay) AND NOT EXISTS (SELECT 1 FROM plain "
     "p WHERE p.id = length(a.code))",
     false,
     "Inner Join  on: origin = code  columns: carrier, city  [updating, not consolidated]\n"
     "  Semi Join  on: CAST(delay AS BIGINT) = volume  columns: carrier, origin  [append-only]\n"
     "    Project  carrier, origin, CAST(delay AS BIGINT)  [append-only]\n"
     "      Scan flights  columns: carrier, origin, delay  [append-only]\n"
     "    Scan trades  columns: volume  [append-only]\n"
     "  Anti Join  on: length(code) = id  columns: code, city  [updating, not consolidated]\n"
     "    Project  code, city, length(code)  [append-only]\n"
     "      Scan airports  columns: code, city  [append-only]\n"
     "    Scan plain  columns: id  [append-only]\n"},
    {"SELECT p.k FROM plain p LEFT JOIN trades t ON p.id > t.volume", false,
     "Left Join  if: id > volume  columns: k  [updating, not consolidated]\n"
     "  Scan plain  columns: id, k  [append-only]\n"
     "  Scan trades  columns: volume  [append-only]\n"},
    {"SELECT sum(d) FROM (SELECT delay AS d, carrier AS c FROM flights WHERE delay "
     "> 1) WHERE c = 'x'",
     false,
     "Aggregate  aggs: sum(d)  [updating]\n"
     "  Project  delay AS d  [append-only]\n"
     "    Filter  (delay > 1) AND (carrier = 'x')  [append-only]\n"
     "      Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT carrier, max(n) AS top FROM (SELECT carrier, origin, count(*) AS n "
     "FROM flights GROUP BY carrier, origin) GROUP BY carrier",
     true,
     "Aggregate  keys: carrier  aggs: max(n)  [updating]\n"
     "  Project  carrier, count(*) AS n  [updating, not consolidated]\n"
     "    Aggregate  keys: carrier, origin  aggs: count(*)  [updating]\n"
     "      Scan flights  columns: carrier, origin  [append-only]\n"},
    {"SELECT DISTINCT d * 2 AS e FROM (SELECT delay AS d FROM flights) WHERE e > 4", false,
     "Distinct  [append-only]\n"
     "  Project  CAST(d AS BIGINT) * 2 AS e  [append-only]\n"
     "    Filter  (CAST(delay AS BIGINT) * 2) > 4  [append-only]\n"
     "      Scan flights  columns: delay  [append-only]\n"},
    {"SELECT f.ts, c.n FROM flights f, counts c, airports a WHERE f.carrier = "
     "c.carrier AND a.code = f.origin AND false",
     false,
     "Inner Join  on: origin = code  columns: ts, n  [updating, not consolidated]\n"
     "  Inner Join  on: carrier = carrier  [updating, not consolidated]\n"
     "    Filter  false  [append-only]\n"
     "      Scan flights  columns: carrier, origin, ts  [append-only]\n"
     "    Filter  false  [updating]\n"
     "      Scan counts  columns: carrier, n  [updating]\n"
     "  Filter  false  [append-only]\n"
     "    Scan airports  columns: code  [append-only]\n"},
    {"SELECT carrier FROM flights WHERE 1 / 0 > 1 OR delay > 2", false,
     "Project  carrier  [append-only]\n"
     "  Filter  NULL OR (delay > 2)  [append-only]\n"
     "    Scan flights  columns: carrier, delay  [append-only]\n"},
    {"SELECT mean(delay), SUM(delay + delay), count(delay) FROM flights", false,
     "Aggregate  aggs: avg(delay), sum(delay + delay), count(delay)  [updating]\n"
     "  Project  delay, delay + delay  [append-only]\n"
     "    Scan flights  columns: delay  [append-only]\n"},
    {"SELECT tumble_start(at, 1000), tumble_start(), tumble_end() FROM plain GROUP "
     "BY ALL",
     false,
     "Project  window_start AS tumble_start(at, 1000), window_start AS "
     "tumble_start(), window_start + INTERVAL '00:00:01' AS tumble_end()  [updating]\n"
     "  Aggregate  keys: window_start, window_start + INTERVAL '00:00:01'  "
     "[updating]\n"
     "    Project  window_start, window_start + INTERVAL '00:00:01'  [append-only]\n"
     "      Window  at by 1 s  [append-only]\n"
     "        Scan plain  columns: at  [append-only]\n"},
    {"VALUES (1, 'a'), (2.5, NULL)", false, "Values  rows: 2  [append-only]\n"},
    {"SELECT b FROM (VALUES (1, 'a'), (2, 'b')) AS v(a, b) WHERE a > 1", true,
     "Project  column2 AS b  [append-only]\n"
     "  Filter  column1 > 1  [append-only]\n"
     "    Values  rows: 2  [append-only]\n"},
    {"SELECT x FROM (SELECT id AS x, name FROM plain UNION ALL SELECT k, name FROM plain) WHERE x "
     "> 5 "
     "AND name = 'a'",
     true,
     "Union All  [append-only]\n"
     "  Project  id AS x  [append-only]\n"
     "    Filter  (id > 5) AND (name = 'a')  [append-only]\n"
     "      Scan plain  columns: id, name  [append-only]\n"
     "  Project  CAST(k AS BIGINT)  [append-only]\n"
     "    Filter  (CAST(k AS BIGINT) > 5) AND (name = 'a')  [append-only]\n"
     "      Scan plain  columns: k, name  [append-only]\n"},
    {"SELECT count(*) FROM (SELECT carrier, delay FROM flights UNION ALL SELECT carrier, n FROM "
     "counts)",
     true,
     "Aggregate  aggs: count(*)  [updating]\n"
     "  Union All  [updating, not consolidated]\n"
     "    Scan flights  columns: carrier  [append-only]\n"
     "    Scan counts  columns: carrier  [updating, not consolidated]\n"},
    {"SELECT carrier FROM flights UNION SELECT code FROM airports ORDER BY carrier DESC LIMIT 2",
     false,
     "Top N  by: carrier DESC  limit: 2  [updating]\n"
     "  Distinct  [append-only]\n"
     "    Union All  [append-only]\n"
     "      Scan flights  columns: carrier  [append-only]\n"
     "      Scan airports  columns: code  [append-only]\n"},
    {"WITH late(c, d) AS (SELECT carrier, delay FROM flights WHERE delay > 10) SELECT a.c, b.d "
     "FROM "
     "late a JOIN late b ON a.c = b.c",
     true,
     "Inner Join  on: carrier = carrier  columns: c, d  [append-only]\n"
     "  Shared #1  columns: carrier  [append-only]\n"
     "    Filter  delay > 10  [append-only]\n"
     "      Scan flights  columns: carrier, delay  [append-only]\n"
     "  Shared #1  columns: carrier, delay  [append-only]\n"},
    {"SELECT window_start, count(*) FROM (SELECT ts FROM flights UNION ALL SELECT ts FROM flights) "
     "GROUP BY TUMBLE(ts, 1000) EMIT ON WINDOW CLOSE",
     true,
     "Aggregate  keys: window_start  aggs: count(*)  closes: window_start + 1 s, emits then  "
     "[append-only]\n"
     "  Project  window_start  [append-only]\n"
     "    Window  ts by 1 s  [append-only]\n"
     "      Union All  [append-only]\n"
     "        Scan flights  columns: ts  [append-only]\n"
     "        Scan flights  columns: ts  [append-only]\n"},
};

static void
test_golden(void **state) {
    (void)state;
    error   err = {0};
    mem     m;
    fixture f;
    int32_t wrong = 0;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(golden); i++) {
        CHECK_OK(fixture_plan(&f, golden[i].sql, golden[i].streaming, &err));
        if (strcmp(f.text, golden[i].plan) != 0) {
            print_error("%s\nwanted:\n%sgot:\n%s", golden[i].sql, golden[i].plan, f.text);
            wrong++;
        }
    }
    CHECK_EQ(wrong, 0);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_golden))
