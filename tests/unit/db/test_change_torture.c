/* SPDX-License-Identifier: Apache-2.0 */
/* test_change_torture.c - statements that change rows and tables while every allocation is refused
 * in turn.
 *
 * A statement is done or says "out of memory" and has changed nothing: the table holds exactly what
 * the statements that succeeded make of it, its keys find every row, and streams over it agree with
 * their queries, also those that were made late and replay what died. */
#include "database.h"
#include "db/internal.h"

#define ROWS 40

typedef struct scenario {
    laminar_database *db;
    int64_t           refused;
    bool              made;
    int64_t           values[ROWS]; /* by key; 0: there is no such row */
} scenario;

static const char *const streams[][2] = {
    {"sums", "SELECT id % 3 AS k, sum(v) AS total, count(*) AS n FROM t GROUP BY id % 3"},
    {"highs", "SELECT max(v) AS high FROM t"},
    {"joined",
     "SELECT e.w AS w, count(*) AS n, sum(t.v) AS total FROM (SELECT k, TUMBLE(ts, 10) AS w FROM "
     "e GROUP BY k, TUMBLE(ts, 10)) AS e JOIN t ON t.id = e.k GROUP BY e.w"},
};
#define STREAMS (sizeof(streams) / sizeof(streams[0]))

static bool
run(scenario *s, const char *sql) {
    laminar_error        err;
    const laminar_status got = laminar_database_execute(s->db, sql, NULL, &err);
    if (got >= 0) {
        return true;
    }
    if (got != -990 || err.code != 990) {
        print_error("%s: %d, code %d: %s\n", sql, (int)got, (int)err.code, err.message);
        fail();
    }
    s->refused++;
    return false;
}

/* ---- statements and what they mean */

static void
insert_rows(scenario *s, int64_t first, int64_t count, int64_t more) {
    char line[200];
    snprintf(line, sizeof(line),
             "INSERT INTO t(id, v) SELECT i, i + %lld FROM generate_series(%lld, %lld) AS g(i) "
             "RETURNING id, v + 1",
             (long long)more, (long long)first, (long long)(first + count - 1));
    for (int64_t i = first, went = run(s, line); went && i < first + count; i++) {
        s->values[i] = i + more;
    }
}

static void
update_rows(scenario *s) {
    if (run(s, "UPDATE t SET v = v * 2 WHERE id % 2 = 0 RETURNING *")) {
        for (int64_t i = 0; i < ROWS; i += 2) {
            s->values[i] *= 2;
        }
    }
}

static void
delete_rows(scenario *s) {
    if (run(s, "DELETE FROM t WHERE id % 5 = 1 RETURNING id, upper(CAST(v AS VARCHAR))")) {
        for (int64_t i = 1; i < ROWS; i += 5) {
            s->values[i] = 0;
        }
    }
}

static void
upsert_rows(scenario *s) {
    if (run(s, "INSERT INTO t(id, v) VALUES (1, 100), (2, 100), (1, 1000) "
               "ON CONFLICT (id) DO UPDATE SET v = t.v + excluded.v RETURNING id")) {
        s->values[1] = s->values[1] == 0 ? 1100 : s->values[1] + 1100;
        s->values[2] = s->values[2] == 0 ? 100 : s->values[2] + 100;
    }
}

/* Of the rows 1 .. 4 those that are there get 7 more, or go where id is 2; the others come with 5.
 */
static void
merge_rows(scenario *s) {
    if (!run(s,
             "MERGE INTO t USING (VALUES (1), (2), (3), (4)) n(id) ON t.id = n.id "
             "WHEN MATCHED AND n.id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET v = t.v + 7 "
             "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (n.id, 5) RETURNING merge_action, *")) {
        return;
    }
    for (int64_t i = 1; i <= 4; i++) {
        const bool there = s->values[i] != 0;
        s->values[i] = there && i == 2 ? 0 : there ? s->values[i] + 7 : 5;
    }
}

static void
in_transaction(scenario *s, bool commit) {
    int64_t before[ROWS];
    memcpy(before, s->values, sizeof(before));
    if (!run(s, "BEGIN")) {
        return;
    }
    update_rows(s);
    delete_rows(s);
    if (commit && run(s, "COMMIT")) {
        return;
    }
    if (!run(s, "ROLLBACK")) { /* its answer needs memory, and the transaction must end */
        atomic_store(&s->db->mem->fail_at, 0);
        db_run(s->db, "ROLLBACK");
    }
    memcpy(s->values, before, sizeof(before));
}

static void
alter_table(scenario *s) {
    if (run(s, "ALTER TABLE t ADD COLUMN note VARCHAR "
               "DEFAULT 'a text that is longer than a view' || random()")) {
        (void)run(s, "ALTER TABLE t RENAME COLUMN note TO remark");
    }
    (void)run(s, "ALTER TABLE t DROP COLUMN unused");
}

/* ---- what must hold */

static void
check_stream(const scenario *s, const char *name, const char *sql) {
    laminar_error        err;
    laminar_stream_stats stats = {.size = sizeof(stats)};
    char                 line[100];
    if (laminar_database_stream_stats(s->db, name, &stats, &err) < 0) {
        CHECK_EQ(err.code, 200); /* it could not be made */
        return;
    }
    if (stats.failed) {
        CHECK(strstr(stats.error, "memory") != NULL);
        snprintf(line, sizeof(line), "ALTER STREAM %s RETRY", name);
        db_run(s->db, line);
    }
    snprintf(line, sizeof(line), "SELECT * FROM %s", name);
    db_check_same(s->db, line, sql);
}

static void
check_table(const scenario *s) {
    int64_t rows = 0, sum = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        char line[100];
        rows += s->values[i] != 0;
        sum += s->values[i];
        snprintf(line, sizeof(line), "SELECT coalesce(sum(v), 0) FROM t WHERE id = %lld",
                 (long long)i);
        CHECK_EQ(db_integer(s->db, line), s->values[i]);
    }
    CHECK_EQ(db_integer(s->db, "SELECT count(*) FROM t"), rows);
    CHECK_EQ(db_integer(s->db, "SELECT CAST(coalesce(sum(v), 0) AS BIGINT) FROM t"), sum);
}

static void
use_database(scenario *s) {
    laminar_error err;
    s->made = run(
        s,
        "CREATE TABLE t (id BIGINT PRIMARY KEY, unused VARCHAR, v BIGINT NOT NULL CHECK (v > 0)); "
        "CREATE SOURCE e (k BIGINT, ts BIGINT, WATERMARK FOR ts)");
    if (!s->made) {
        return;
    }
    for (size_t i = 0; i < STREAMS - 1; i++) {
        char line[600];
        snprintf(line, sizeof(line), "CREATE STREAM %s AS %s", streams[i][0], streams[i][1]);
        (void)run(s, line);
    }
    const laminar_status started = laminar_database_start(s->db, &err);
    CHECK(started >= 0 || started == -990);
    s->refused += started < 0;
    insert_rows(s, 1, 20, 0);
    (void)run(s, "INSERT INTO e VALUES (1, 1), (2, 2), (3, 11)");
    update_rows(s);
    delete_rows(s);
    upsert_rows(s);
    merge_rows(s);
    (void)run(s, "INSERT INTO e VALUES (4, 22), (2, 25)");
    in_transaction(s, true);
    in_transaction(s, false);
    alter_table(s);
    insert_rows(s, 21, 10, 5);
    update_rows(s);
    char line[600];
    snprintf(line, sizeof(line), "CREATE STREAM %s AS %s", streams[STREAMS - 1][0],
             streams[STREAMS - 1][1]);
    (void)run(s, line);
    delete_rows(s);
    if (started < 0) {
        DB_OK(laminar_database_start(s->db, &err));
    }
}

static int64_t
play(int64_t fail_at, bool always) {
    scenario s = {.db = db_open()};
    mem     *m = s.db->mem;
    void    *held = mem_alloc(m, 1); /* so that the account can be looked at in the end */
    assert_non_null(held);
    const int64_t before = atomic_load(&m->allocations);
    m->fail_always = always;
    atomic_store(&m->fail_at, fail_at == 0 ? 0 : before + fail_at);
    use_database(&s);
    const int64_t asked = atomic_load(&m->allocations) - before;
    atomic_store(&m->fail_at, 0);
    CHECK(fail_at != 0 || s.refused == 0);
    if (s.made) {
        laminar_error err;
        (void)laminar_database_start(s.db, &err);
        check_table(&s);
        for (size_t i = 0; i < STREAMS; i++) {
            check_stream(&s, streams[i][0], streams[i][1]);
        }
        db_run(s.db, "DROP TABLE t CASCADE; DROP SOURCE e CASCADE");
    }
    laminar_database_close(s.db);
    CHECK_EQ(atomic_load(&m->bytes_used), 1);
    mem_free(m, held, 1);
    return asked;
}

static void
test_one_refusal(void **state) {
    (void)state;
    const int64_t total = play(0, false);
    const int64_t step = torture_is_whole() ? 1 : 3;
    int64_t       runs = 0;
    for (int64_t n = 1; n <= total; n += step, runs++) {
        (void)play(n, false);
    }
    print_message("%lld allocations, %lld runs\n", (long long)total, (long long)runs);
    torture_note("changes of tables", total, runs);
    CHECK(total > 500 && runs > 200);
}

static void
test_all_refused_from(void **state) {
    (void)state;
    const int64_t total = play(0, false);
    int64_t       runs = 0;
    for (int64_t n = 1; n <= total; n += 23, runs++) {
        (void)play(n, true);
    }
    torture_note("changes of tables, all refused", total, runs);
}

UNIT_MAIN(UNIT(test_one_refusal), UNIT(test_all_refused_from))
