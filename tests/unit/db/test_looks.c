/* SPDX-License-Identifier: Apache-2.0 */
/* test_looks.c - how much a query does between two looks at whether it is still wanted, counted:
 * rows that operators are handed, bytes that are given back, steps that loops say they did. No
 * clock has a say in it. */
#include "database.h"
#include "db/internal.h"
#include "shapes.h"

#ifdef NDEBUG
int
main(void) {
    return 77; /* nothing is counted */
}
#else

/* Rows of one delta; steps of the largest single thing that is not cut, a list or a text; bytes
 * that are given back, also at the end: with small pages a MiB takes 0.08 ms. */
#define ROWS_MAX 2048
#define STEPS_MAX (16 * INTERRUPT_WORK)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BYTES_MAX (INT64_C(400) << 20) /* without large pages, which count a sixteenth */
#else
#define BYTES_MAX (INT64_C(48) << 20)
#endif
#define CALLS_MAX 30 /* of the check: some shapes have no end */

static bool
stop_at_last(void *context) {
    return ++*(int64_t *)context >= CALLS_MAX;
}

static void
check_shape(laminar_database *db, const shape *s) {
    laminar_result *r = NULL;
    laminar_error   err;
    interrupt_meter m = {0};
    if (s->memory_limit > 0) {
        atomic_store(&db->mem->bytes_limit, atomic_load(&db->mem->bytes_used) + s->memory_limit);
    }
    interrupt_measure(&m);
    const laminar_status got = laminar_database_execute(db, s->sql, &r, &err);
    interrupt_measure(NULL);
    laminar_result_free(r);
    atomic_store(&db->mem->bytes_limit, INT64_MAX);
    CHECK(got == LAMINAR_OK || got == -400 || got == -402);
    if (m.rows_max > ROWS_MAX || m.steps_max > STEPS_MAX || m.bytes_max > BYTES_MAX ||
        m.looks == 0) {
        print_error("%lld rows, %lld steps, %lld bytes between two of %lld looks: %s\n",
                    (long long)m.rows_max, (long long)m.steps_max, (long long)m.bytes_max,
                    (long long)m.looks, s->sql);
        fail();
    }
}

static void
check_all(int32_t threads) {
    int64_t           calls = INT32_MIN;
    laminar_error     err;
    laminar_options   options = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    options.threads = threads;
    options.interrupted = stop_at_last;
    options.interrupted_context = &calls;
    DB_OK(laminar_database_open(&db, ":memory:", &options, &err));
    db_run(db, "CREATE TABLE t (k BIGINT, v DOUBLE, s VARCHAR)");
    db_run(
        db,
        "INSERT INTO t SELECT hash(x) % 1000000, x * 0.5, 'text ' || x FROM range(1000000) r(x)");
    for (size_t i = 0; i < SHAPES; i++) {
        calls = 0;
        check_shape(db, &shapes[i]);
        calls = INT32_MIN;
        db_run(db, "DROP TABLE IF EXISTS c");
    }
    laminar_database_close(db);
}

static void
test_one_thread(void **state) {
    (void)state;
    check_all(1);
}

static void
test_threads(void **state) {
    (void)state;
    check_all(2);
}

UNIT_MAIN(UNIT(test_one_thread), UNIT(test_threads))
#endif
