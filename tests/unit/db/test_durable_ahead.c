/* SPDX-License-Identifier: Apache-2.0 */
/* test_durable_ahead.c - a kept database whose log is read ahead by a second thread opens as it
 * does with one: the same rows, in the same order, or the same error. The log has inserts of many
 * sizes, deletions, transactions, and statements after which the same name means another schema.
 * Oracle: the opening with one thread, and what the database answered before. */
#include "database.h"
#include "db/durable.h"
#include "db/internal.h"
#include "os/thread.h"
#include "store/wal.h"

#include "base/hash.h"
#include "base/rng.h"

static char base[] = "/tmp/laminar-opening-XXXXXX";

static const char *const questions[] = {
    "SELECT * FROM s ORDER BY k",
    "SELECT count(*), sum(hash(n, k, v) % 1000003), min(n), max(k) FROM t",
    ("SELECT first(hash(n, k, v)), last(n), sum(hash(n, k, v) % 1000 * (r % 77)) FROM "
     "(SELECT *, row_number() OVER () AS r FROM t)"),
    "SELECT count(*), sum(hash(id, v, w) % 1000003), sum(id % 1000) FROM a",
    "SELECT count(*), sum(hash(b, c) % 1000003) FROM other",
    "SELECT count(*), sum(hash(j, d, i, l) % 1000003) FROM many",
    "SELECT name FROM laminar.sources ORDER BY 1",
};

static void
shell(const char *format, const char *a, const char *b) {
    char command[300];
    char from[100], to[100];
    (void)snprintf(from, sizeof(from), "%s/%s", base, a);
    (void)snprintf(to, sizeof(to), "%s/%s", base, b);
    (void)snprintf(command, sizeof(command), format, from, to);
    CHECK_EQ(system(command), 0);
}

static laminar_status
open_at(laminar_database **db, const char *name, int32_t threads, laminar_error *err) {
    char            path[100];
    laminar_options o = LAMINAR_OPTIONS_INIT;
    (void)snprintf(path, sizeof(path), "%s/%s", base, name);
    o.threads = threads;
    o.wal_segment_bytes = 1 << 20;
    o.durability = LAMINAR_DURABILITY_ASYNC;
    o.checkpoint_interval_ms = 3600 * 1000;
    return laminar_database_open(db, path, &o, err);
}

static void
answer_all(laminar_database *db, buf *out) {
    for (size_t i = 0; i < ARRAY_COUNT(questions); i++) {
        laminar_error   err;
        laminar_result *r = NULL;
        if (laminar_database_execute(db, questions[i], &r, &err) < 0) { /* of spoilt rows */
            CHECK(buf_printf(out, "%s\n", err.message));
            continue;
        }
        shown *s = shown_new();
        show_result(s, r);
        laminar_result_free(r);
        CHECK(buf_printf(out, "%s\n", s->text));
        free(s);
    }
}

/* ---- The database */

static void
insert_some(laminar_database *db, rng *r, int32_t round) {
    char          sql[400];
    const int64_t rows = rng_below(r, 4) == 0 ? 20000 : 1 + (int64_t)rng_below(r, 900);
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO t SELECT %d000 + x, CASE WHEN x %% 9 = 4 THEN NULL ELSE 'key ' || x "
        "%% 40 END, x * 0.25 FROM range(%lld) r(x)",
        (int)round, (long long)rows);
    db_run(db, sql);
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO a SELECT %d * 1000 + x, x, 'a text of some bytes ' || x FROM "
                   "range(%lld) r(x)",
                   (int)round, (long long)(rows % 900));
    db_run(db, sql);
    (void)snprintf(sql, sizeof(sql), "DELETE FROM a WHERE id %% 7 = %d", (int)round % 7);
    db_run(db, sql);
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO many SELECT '{\"a\": ' || x || '}', DATE '2024-01-01', INTERVAL '1 "
                   "day', ['x', 'text ' || x] FROM range(%lld) r(x)",
                   (long long)(rows % 500));
    db_run(db, sql);
}

/* The same name, and rows of the same bytes that mean something else. */
static void
change_schema(laminar_database *db, int32_t round) {
    char sql[200];
    db_run(db, "DROP TABLE IF EXISTS other");
    db_run(db, round % 2 == 0 ? "CREATE TABLE other (b BIGINT, c DOUBLE)"
                              : "CREATE TABLE other (b DOUBLE, c BIGINT)");
    (void)snprintf(sql, sizeof(sql), "INSERT INTO other SELECT x, x FROM range(%d) r(x)",
                   4000 + (int)round);
    db_run(db, sql);
    db_run(db, "BEGIN");
    db_run(db, "UPDATE a SET v = v + 1 WHERE id % 3 = 0");
    db_run(db, "INSERT INTO t VALUES (1, 'one', 1.5)");
    db_run(db, "COMMIT");
}

static void
make(const char *name, buf *answers) {
    laminar_error     err;
    laminar_database *db = NULL;
    rng               r;
    rng_init(&r, 11);
    DB_OK(open_at(&db, "live", 1, &err));
    db_run(db, "CREATE SOURCE t (n BIGINT, k VARCHAR, v DOUBLE)");
    db_run(db, "CREATE TABLE a (id BIGINT PRIMARY KEY, v BIGINT, w VARCHAR)");
    db_run(db, "CREATE TABLE many (j JSON, d DATE, i INTERVAL, l VARCHAR[])");
    db_run(db, "CREATE STREAM s AS SELECT k, count(*) AS c, sum(v) AS x FROM t GROUP BY k");
    DB_OK(laminar_database_start(db, &err));
    for (int32_t round = 0; round < 60; round++) {
        insert_some(db, &r, round);
        if (round % 3 == 0) {
            change_schema(db, round);
        }
    }
    answer_all(db, answers);
    shell("cp -r %s %s", "live", name);
    laminar_database_close(db);
    shell("rm -r %s", "live", "");
}

/* What a copy of it answers, or the error. */
static void
open_copy(const char *name, int32_t threads, buf *out) {
    laminar_error     err;
    laminar_database *db = NULL;
    shell("rm -rf %2$s && cp -r %1$s %2$s", name, "copy");
    if (open_at(&db, "copy", threads, &err) < 0) {
        CHECK(buf_printf(out, "%d %s", (int)err.code, err.message));
        return;
    }
    answer_all(db, out);
    laminar_database_close(db);
}

static bool
check_alike(const char *name, mem *m) {
    buf one, two;
    buf_init(&one, m, SIZE_MAX);
    buf_init(&two, m, SIZE_MAX);
    open_copy(name, 1, &one);
    open_copy(name, 4, &two);
    CHECK_STR(two.data, one.data);
    const bool fails = strncmp(one.data, "702 ", 4) == 0;
    buf_fini(&one);
    buf_fini(&two);
    return fails;
}

static void
test_answers(void **state) {
    (void)state;
    mem m;
    buf before, after;
    mem_init(&m, INT64_MAX);
    buf_init(&before, &m, SIZE_MAX);
    buf_init(&after, &m, SIZE_MAX);
    make("kept", &before);
    CHECK(strstr(before.data, "overflow") == NULL && strstr(before.data, "rror") == NULL);
    for (int32_t i = 0; i < 4; i++) {
        buf_clear(&after);
        open_copy("kept", i == 0 ? 1 : 4, &after);
        CHECK_STR(after.data, before.data);
    }
    buf_fini(&before);
    buf_fini(&after);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- Records that are whole and make no sense */

typedef struct rewriting {
    wal    *to;
    int64_t sequence; /* of the record that is changed */
    int64_t seed;     /* -1: an item stands behind its changes */
} rewriting;

static status
rewrite(void *context, int64_t sequence, text record, error *err) {
    rewriting *r = context;
    int64_t    made;
    char      *bytes = malloc(record.size + 1);
    memcpy(bytes, record.data, record.size);
    static const char item[9] = {8}; /* random() stands at 0 */
    const bool        longer = sequence == r->sequence && r->seed < 0;
    if (sequence == r->sequence && !longer) {
        rng g;
        rng_init(&g, (uint64_t)r->seed);
        for (int32_t i = 0; i < 1 + r->seed % 4; i++) {
            const size_t at = (size_t)rng_below(&g, i < 2 ? record.size : record.size / 2 + 1);
            bytes[at] = (char)rng_next(&g);
        }
    }
    const status s = wal_append(r->to, (text){bytes, record.size},
                                (text){item, longer ? sizeof(item) : 0}, &made, err);
    free(bytes);
    return s;
}

static status
take_none(void *context, int64_t sequence, text record, error *err) {
    (void)context;
    (void)sequence;
    (void)record;
    (void)err;
    return OK;
}

/* The log of `from` with one record that has other bytes and the checksum of these. */
static void
spoil(const char *from, int64_t sequence, int64_t seed, mem *m) {
    error     err = {.position = -1};
    int64_t   last;
    rewriting r = {.sequence = sequence, .seed = seed};
    char      path[100], into[100];
    shell("rm -rf %2$s && mkdir %2$s", from, "spoilt");
    (void)snprintf(path, sizeof(path), "%s/%s", base, from);
    (void)snprintf(into, sizeof(into), "%s/spoilt", base);
    CHECK_OK(wal_open(&r.to, m, vfs_real(), into, 1 << 20, 0, take_none, NULL, &err));
    CHECK_OK(wal_scan(m, vfs_real(), path, 0, INT64_MAX, rewrite, &r, &last, &err));
    CHECK(last > sequence);
    CHECK_OK(wal_close(r.to, &err));
}

static void
test_spoilt(void **state) {
    (void)state;
    mem     m;
    int32_t fail = 0;
    mem_init(&m, INT64_MAX);
    for (int64_t i = 0; i < 20; i++) {
        spoil("kept", 120 + i * 8, i, &m);
        fail += check_alike("spoilt", &m);
    }
    print_message("%d of 20 are refused\n", (int)fail);
    CHECK(fail > 5);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- Whose thread reads */

static vfs             noting;
static uint64_t        opener;
static _Atomic int64_t others; /* reads by other threads */

static status
noting_open(vfs *self, vfs_file **out, const char *path, uint32_t flags, error *err) {
    (void)self;
    const status s = vfs_real()->open(vfs_real(), out, path, flags, err);
    if (s == OK) {
        (*out)->fs = &noting;
    }
    return s;
}

static status
noting_read(vfs_file *f, int64_t offset, void *out, size_t size, size_t *got, error *err) {
    others += thread_id() != opener;
    return vfs_real()->read(f, offset, out, size, got, err);
}

static int64_t
reads_of_others(int32_t threads, bool deterministic) {
    char              path[100];
    error             err = {.position = -1};
    laminar_error     e;
    laminar_options   o = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    o.threads = threads;
    o.deterministic = deterministic;
    noting = *vfs_real();
    noting.open = noting_open;
    noting.read = noting_read;
    opener = thread_id();
    shell("rm -rf %2$s && cp -r %1$s %2$s", "kept", "copy");
    (void)snprintf(path, sizeof(path), "%s/copy", base);
    assert_int_equal(laminar_database_open(&db, ":memory:", &o, &e), LAMINAR_OK);
    atomic_store(&others, 0);
    CHECK_OK(durable_open(db, &noting, path, &err));
    const int64_t found = atomic_load(&others);
    laminar_database_close(db);
    return found;
}

static void
test_threads(void **state) {
    (void)state;
    CHECK_EQ(reads_of_others(1, false), 0);
    CHECK_EQ(reads_of_others(1, true), 0);
    CHECK_EQ(reads_of_others(2, false) > 3, thread_cpu_count() > 1);
    CHECK_EQ(reads_of_others(0, false) > 3, thread_cpu_count() > 1);
}

/* The thread that reads ahead looks no further than the first change of a small record. */
static void
test_behind_changes(void **state) {
    (void)state;
    mem m;
    buf out;
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, SIZE_MAX);
    spoil("kept", 120, -1, &m);
    CHECK(check_alike("spoilt", &m));
    open_copy("spoilt", 1, &out);
    CHECK(strstr(out.data, "record 120 ") != NULL && strstr(out.data, "behind changes") != NULL);
    buf_fini(&out);
    CHECK_EQ(mem_fini(&m), 0);
}

static int
setup(void **state) {
    (void)state;
    return mkdtemp(base) == NULL;
}

static int
teardown(void **state) {
    (void)state;
    shell("rm -r %s", "", "");
    return 0;
}

int
main(void) {
    const struct CMUnitTest tests[] = {UNIT(test_answers), UNIT(test_spoilt),
                                       UNIT(test_behind_changes), UNIT(test_threads)};
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
