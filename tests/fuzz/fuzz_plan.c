/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_plan.c - SQL text run against a small database with a memory limit: as statements, as a
 * subscription, and then rows come in and time moves. Nothing may fail for an inner reason, and the
 * database answers afterwards.
 *
 * Scripts that read more than JOINED_MAX tables are left out: a cross join of many is legal and
 * takes for ever. */
#include "fuzz.h"

#include "laminar.h"
#include "sql/parser.h"

enum { JOINED_MAX = 6, SCRIPT_BYTES_MAX = 4096, MEMORY_LIMIT = 32 << 20 };

static int32_t joined(const ast_select *s);

static int32_t
joined_from(const ast_from *f) {
    if (f == NULL) {
        return 0;
    }
    return f->kind == AST_FROM_TABLE      ? 1
           : f->kind == AST_FROM_SUBQUERY ? joined(f->query)
                                          : joined_from(f->left) + joined_from(f->right);
}

static int32_t
joined(const ast_select *s) {
    return s == NULL ? 0 : joined_from(s->from);
}

static bool
is_small(text sql) {
    mem        m;
    arena      a;
    ast_script script;
    int32_t    tables = 0;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    if (sql_parse(&script, &a, sql, NULL) == OK) {
        for (int32_t i = 0; i < script.count; i++) {
            tables += joined(script.statements[i]->select);
        }
    }
    arena_fini(&a);
    FUZZ_CHECK(mem_fini(&m) == 0);
    return tables <= JOINED_MAX;
}

static void
check(laminar_status s, const laminar_error *err) {
    if (s < 0) {
        FUZZ_CHECK(err->code > 0 && err->message[0] != '\0' && err->class_name[0] != '\0');
        FUZZ_CHECK(err->code != 900, "%s", err->message);
        FUZZ_CHECK(text_is_utf8(text_of(err->message)), "%s", err->message);
    }
}

static void
must(laminar_database *db, const char *sql) {
    laminar_error err;
    FUZZ_CHECK(laminar_database_execute(db, sql, NULL, &err) == LAMINAR_OK, "%s: %s", sql,
               err.message);
}

static void
look(laminar_result *r) {
    for (int64_t row = 0; row < laminar_result_row_count(r); row++) {
        for (int32_t c = 0; c < laminar_result_column_count(r); c++) {
            laminar_value v;
            FUZZ_CHECK(laminar_result_value(r, row, c, &v) == LAMINAR_OK);
            FUZZ_CHECK(v.is_null || v.type != LAMINAR_TYPE_VARCHAR ||
                       text_is_utf8((text){v.text, v.text_size}));
        }
    }
    laminar_result_free(r);
}

static laminar_database *
open_fixture(void) {
    laminar_error         err;
    laminar_database     *db = NULL;
    const laminar_options options = {
        .size = sizeof(options), .threads = 1, .memory_limit = MEMORY_LIMIT};
    FUZZ_CHECK(laminar_database_open(&db, "", &options, &err) == LAMINAR_OK);
    must(db, "CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR, b BOOLEAN, d DATE, ts TIMESTAMP, "
             "WATERMARK FOR ts AS ts - INTERVAL '1' SECOND);"
             "CREATE TABLE r (k BIGINT, name VARCHAR);"
             "CREATE STREAM n AS SELECT k, count(*) AS n, max(s) AS s FROM t GROUP BY k");
    FUZZ_CHECK(laminar_database_start(db, &err) == LAMINAR_OK);
    must(db, "INSERT INTO r VALUES (1, 'one'), (NULL, 'none');"
             "INSERT INTO t VALUES (1, 1.5, 'a', TRUE, DATE '2024-01-01', TIMESTAMP '2024-01-01 "
             "00:00:01'), (NULL, NULL, NULL, NULL, NULL, NULL), (-9223372036854775807, 'nan', "
             "'a text over twelve bytes', FALSE, DATE '1969-12-31', TIMESTAMP '2024-01-01 "
             "00:01:02')");
    return db;
}

static void
run_inserts(laminar_database *db) {
    laminar_error err;
    const char   *row = "INSERT INTO t VALUES (1, -0.0, 'b', NULL, DATE '2024-02-29', TIMESTAMP "
                        "'2024-01-01 00:00:59'), (2, 2.5, '', TRUE, NULL, TIMESTAMP '2024-01-01 "
                        "01:00:00')";
    check(laminar_database_execute(db, row, NULL, &err), &err); /* t may be gone, or another one */
    check(laminar_database_advance(db, "t", 1704153600000, &err), &err);
}

const int fuzz_passes = 1;

int
fuzz_target(const uint8_t *data, size_t size) {
    char *sql = fuzz_copy(data, size);
    if (size > SCRIPT_BYTES_MAX || !is_small((text){sql, size})) {
        free(sql);
        return 0;
    }
    laminar_error         err;
    laminar_database     *db = open_fixture();
    laminar_result       *r = NULL;
    laminar_subscription *sub = NULL;
    char                 *terminated = fuzz_block(size + 1);
    memcpy(terminated, sql, size);
    terminated[size] = '\0';
    check(laminar_database_subscribe(&sub, db, terminated, &err), &err);
    run_inserts(db);
    const laminar_status s = laminar_database_execute_text(db, sql, size, &r, &err);
    check(s, &err);
    if (s >= 0) {
        look(r);
    }
    r = NULL;
    run_inserts(db);
    laminar_status next = LAMINAR_OK;
    while (sub != NULL && next == LAMINAR_OK) {
        next = laminar_subscription_next(sub, 0, &r, NULL, &err);
        check(next, &err);
        if (next == LAMINAR_OK) {
            look(r);
        }
    }
    laminar_subscription_close(sub);
    r = NULL;
    check(laminar_database_query_stream(db, "n", terminated, &r, &err), &err);
    laminar_result_free(r);
    must(db, "SELECT 1");
    laminar_database_close(db);
    free(terminated);
    free(sql);
    return 0;
}
