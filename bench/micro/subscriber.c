/* SPDX-License-Identifier: Apache-2.0 */
/* subscriber.c - laminar.h alone: microseconds from one row in to its change at a subscriber, for a
 * filter and for a GROUP BY of 1,000 groups, and for SELECT 1; with an answer check each.
 *
 * Prints one line each: name, value, unit, rows checked. bench/run.py builds and runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "laminar.h"

#define ROWS 200000
#define WARM 20000
#define GROUPS 1000

static double
seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
stop(const char *what, const laminar_error *err) {
    fprintf(stderr, "%s: %s\n", what, err == NULL ? "the answer is wrong" : err->message);
    return 1;
}

/* The value in column `at` of the one row that came, or -1. */
static int64_t
next_value(laminar_subscription *changes, int32_t at) {
    laminar_result *rows = NULL;
    laminar_value   v = {0};
    if (laminar_subscription_next(changes, 0, &rows, NULL, NULL) != LAMINAR_OK) {
        return -1;
    }
    const int64_t count = laminar_result_row_count(rows);
    (void)laminar_result_value(rows, 0, at, &v);
    laminar_result_free(rows);
    return count == 1 ? v.i : -1;
}

static int
insert_row(laminar_appender *a, int64_t i, laminar_error *err) {
    return laminar_append_bigint(a, 0, i % GROUPS, err) == LAMINAR_OK &&
           laminar_append_double(a, 1, (double)i, err) == LAMINAR_OK &&
           laminar_appender_flush(a, NULL, err) == LAMINAR_OK;
}

static int
by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int
measure_stream(const char *name, const char *ddl, bool counts) {
    laminar_error         err;
    laminar_database     *db = NULL;
    laminar_appender     *a = NULL;
    laminar_subscription *changes = NULL;
    if (laminar_database_open(&db, "", NULL, &err) < 0 ||
        laminar_database_execute(db, "CREATE SOURCE t (k BIGINT, v DOUBLE)", NULL, &err) < 0 ||
        laminar_database_execute(db, ddl, NULL, &err) < 0 || laminar_database_start(db, &err) < 0 ||
        laminar_appender_open(&a, db, "t", &err) < 0 ||
        laminar_database_subscribe_stream(&changes, db, "s", &err) < 0) {
        return stop(name, &err);
    }
    static double took[ROWS];
    for (int64_t i = 0; i < ROWS; i++) {
        const double start = seconds();
        if (!insert_row(a, i, &err)) {
            return stop(name, &err);
        }
        if (next_value(changes, counts ? 1 : 0) != (counts ? i / GROUPS + 1 : i % GROUPS)) {
            return stop(name, NULL);
        }
        took[i] = seconds() - start;
    }
    const int64_t count = ROWS - WARM;
    qsort(took + WARM, (size_t)count, sizeof(*took), by_size);
    printf("one row -> %s, p50 (C)\t%.3f\tus\t%d\n", name, took[WARM + count / 2] * 1e6, ROWS);
    printf("one row -> %s, p99 (C)\t%.3f\tus\t%d\n", name, took[WARM + count * 99 / 100] * 1e6,
           ROWS);
    laminar_subscription_close(changes);
    laminar_appender_close(a);
    laminar_database_close(db);
    return 0;
}

static int
measure_select(void) {
    laminar_error     err;
    laminar_database *db = NULL;
    if (laminar_database_open(&db, "", NULL, &err) < 0) {
        return stop("open", &err);
    }
    const int    runs = 50000;
    const double start = seconds();
    for (int i = 0; i < runs; i++) {
        laminar_result *r = NULL;
        laminar_value   v = {0};
        if (laminar_database_execute(db, "SELECT 1", &r, &err) < 0) {
            return stop("SELECT 1", &err);
        }
        if (laminar_result_value(r, 0, 0, &v) < 0 || v.i != 1) {
            return stop("SELECT 1", NULL);
        }
        laminar_result_free(r);
    }
    printf("SELECT 1 (C)\t%.3f\tus\t%d\n", (seconds() - start) / runs * 1e6, runs);
    laminar_database_close(db);
    return 0;
}

int
main(void) {
    return measure_stream("filter", "CREATE STREAM s AS SELECT k, v FROM t WHERE v >= 0", false) ||
           measure_stream("GROUP BY",
                          "CREATE STREAM s AS SELECT k, count(*) AS n, sum(v) AS total FROM t "
                          "GROUP BY k",
                          true) ||
           measure_select();
}
