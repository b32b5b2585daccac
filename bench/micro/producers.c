/* SPDX-License-Identifier: Apache-2.0 */
/* producers.c - laminar.h alone: rows per second of one and of two threads that insert into one
 * source with a GROUP BY stream on it, in batches of 1,024 rows and of one; with an answer check.
 *
 * The threads take turns at being one and two within a run: the ratio of neighbours compares, the
 * rates are of the moment. Prints one line each: name, value, unit, rows checked. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "laminar.h"

#define GROUPS 1000
#define ROUNDS 7

typedef struct producer {
    laminar_database  *db;
    pthread_barrier_t *start;
    int64_t            inserts;
    int32_t            rows; /* of one insert */
    laminar_error      err;
} producer;

static double
seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
insert_once(const producer *p, laminar_appender *a, laminar_error *err) {
    for (int64_t i = 0; i < p->rows; i++) {
        if (laminar_append_bigint(a, 0, i % GROUPS, err) < 0 ||
            laminar_append_bigint(a, 1, i, err) < 0 ||
            laminar_append_text(a, 2, "a name", 6, err) < 0) {
            return -1;
        }
    }
    return laminar_appender_flush(a, NULL, err);
}

static void *
produce(void *arg) {
    producer         *p = arg;
    laminar_appender *a = NULL;
    int               s = laminar_appender_open(&a, p->db, "t", &p->err);
    pthread_barrier_wait(p->start);
    for (int64_t i = 0; s >= 0 && i < p->inserts; i++) {
        s = insert_once(p, a, &p->err);
    }
    laminar_appender_close(a);
    return s < 0 ? p : NULL;
}

/* Rows per second, or -1. */
static double
measure(int32_t threads, int32_t rows, int64_t inserts) {
    laminar_error     err;
    laminar_database *db = NULL;
    laminar_result   *r = NULL;
    laminar_value     v = {0};
    pthread_barrier_t start;
    pthread_t         ids[2];
    producer          p[2];
    if (laminar_database_open(&db, "", NULL, &err) < 0 ||
        laminar_database_execute(db, "CREATE SOURCE t (k BIGINT, v BIGINT, s VARCHAR)", NULL,
                                 &err) < 0 ||
        laminar_database_execute(db,
                                 "CREATE STREAM g AS SELECT k, count(*) AS n, sum(v) AS total "
                                 "FROM t GROUP BY k",
                                 NULL, &err) < 0 ||
        laminar_database_start(db, &err) < 0) {
        return -1;
    }
    pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
    for (int32_t i = 0; i < threads; i++) {
        p[i] = (producer){.db = db, .start = &start, .inserts = inserts, .rows = rows};
        pthread_create(&ids[i], NULL, produce, &p[i]);
    }
    pthread_barrier_wait(&start);
    const double from = seconds();
    void        *failed = NULL;
    for (int32_t i = 0; i < threads; i++) {
        void *one = NULL;
        pthread_join(ids[i], &one);
        failed = one == NULL ? failed : one;
    }
    const double  took = seconds() - from;
    const int64_t wanted = threads * inserts * rows;
    const int     done = laminar_database_execute(db, "SELECT sum(n) FROM g", &r, &err);
    const int     right =
        done >= 0 && laminar_result_value(r, 0, 0, &v) >= 0 && v.i == wanted && failed == NULL;
    laminar_result_free(r);
    laminar_database_close(db);
    pthread_barrier_destroy(&start);
    return right ? (double)wanted / took : -1;
}

static int
by_ratio(const void *a, const void *b) {
    const double x = ((const double *)a)[2], y = ((const double *)b)[2];
    return (x > y) - (x < y);
}

static int
compare(const char *name, int32_t rows, int64_t inserts) {
    double seen[ROUNDS][3];
    for (int i = 0; i < ROUNDS; i++) {
        seen[i][0] = measure(1, rows, inserts);
        seen[i][1] = measure(2, rows, inserts / 2);
        seen[i][2] = seen[i][1] / seen[i][0];
        if (seen[i][0] < 0 || seen[i][1] < 0) {
            fprintf(stderr, "%s: the answer is wrong\n", name);
            return 1;
        }
    }
    qsort(seen, ROUNDS, sizeof(seen[0]), by_ratio);
    const double *middle = seen[ROUNDS / 2];
    const int     checked = (int)(rows * inserts);
    printf("%s, one thread\t%.2f\tM rows/s\t%d\n", name, middle[0] / 1e6, checked);
    printf("%s, two threads\t%.2f\tM rows/s\t%d\n", name, middle[1] / 1e6, checked);
    printf("%s, two to one\t%.2f\tx\t%d\n", name, middle[2], checked);
    return 0;
}

int
main(void) {
    return compare("inserts of 1,024 rows (C)", 1024, 4000) ||
           compare("inserts of one row (C)", 1, 400000);
}
