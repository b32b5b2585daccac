/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - what counters and latencies cost: inserts of `rows` rows into a source with a GROUP
 * BY and a filter on it, for callgrind, which tells the instructions of each line; with an answer
 * check.
 *
 *     cc -O2 -g -I include bench/micro/metrics.c build/.../liblaminar_core.a -lm -lpthread -o
 * metrics valgrind --tool=callgrind ./metrics ROWS INSERTS
 *
 * Then add up the lines that count (totals, rows_out, ticks) and histogram_add, clock_gettime and
 * history_add. docs/performance-notes.md has the result. */
#include <stdio.h>
#include <stdlib.h>

#include "laminar.h"

static int
stop(const laminar_error *err) {
    fprintf(stderr, "%s\n", err->message);
    return 1;
}

int
main(int argc, char **argv) {
    const int32_t        rows = argc > 1 ? (int32_t)strtol(argv[1], NULL, 10) : 1;
    const int32_t        inserts = argc > 2 ? (int32_t)strtol(argv[2], NULL, 10) : 20000;
    laminar_database    *db = NULL;
    laminar_appender    *a = NULL;
    laminar_error        err = {.code = 0};
    laminar_stream_stats stats = {.size = sizeof(stats)};
    if (laminar_database_open(&db, ":memory:", NULL, &err) < 0 ||
        laminar_database_execute(
            db,
            "CREATE SOURCE t (k BIGINT, v DOUBLE);"
            "CREATE STREAM s AS SELECT k, sum(v) AS total, count(*) AS n FROM t GROUP BY k;"
            "CREATE STREAM f AS SELECT * FROM t WHERE v > 50",
            NULL, &err) < 0 ||
        laminar_database_start(db, &err) < 0 || laminar_appender_open(&a, db, "t", &err) < 0) {
        return stop(&err);
    }
    for (int32_t i = 0; i < inserts; i++) {
        int64_t count;
        for (int32_t k = 0; k < rows; k++) {
            if (laminar_append_bigint(a, 0, (i * 31 + k) % 100, &err) < 0 ||
                laminar_append_double(a, 1, (double)((i + k) % 100), &err) < 0) {
                return stop(&err);
            }
        }
        if (laminar_appender_flush(a, &count, &err) < 0) {
            return stop(&err);
        }
    }
    if (laminar_database_stream_stats(db, "f", &stats, &err) < 0) {
        return stop(&err);
    }
    laminar_appender_close(a);
    laminar_database_close(db);
    printf("rows_in %lld\n", (long long)stats.rows_in);
    return stats.rows_in == (int64_t)rows * inserts ? 0 : 1;
}
