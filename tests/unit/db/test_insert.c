/* SPDX-License-Identifier: Apache-2.0 */
/* test_insert.c - rows in: what an appender takes and refuses for each type, defaults, Arrow by
 * hand, CSV; nothing of what was refused stays. */
#include <math.h>

#include "database.h"
#include "os/thread.h"

static const char all_types[] =
    "CREATE SOURCE t (b BOOLEAN, i8 TINYINT, i16 SMALLINT, i32 INTEGER, i64 BIGINT, d DOUBLE, "
    "s VARCHAR, day DATE, ms TIMESTAMP(3), us TIMESTAMP)";

enum { B, I8, I16, I32, I64, D, S, DAY, MS, US, COLUMNS };

typedef enum given { NOTHING, BOOLEAN, BIGINT, DOUBLE, TEXT_, TIME, DATE_ } given;

typedef struct cell {
    int32_t     column;
    given       kind;
    int64_t     i;
    double      d;
    const char *text;
    const char *wanted; /* the value as text; NULL: refused */
} cell;

#define US_2024 INT64_C(1704067200000000) /* 2024-01-01 */

static const cell cells[] = {
    {B, BOOLEAN, 1, 0, "", "1"},
    {B, BIGINT, 0, 0, "", "0"},
    {B, BIGINT, 2, 0, "", NULL},
    {B, TEXT_, 0, 0, "true", "1"},
    {B, TEXT_, 0, 0, "maybe", NULL},
    {B, DOUBLE, 0, 1.0, "", NULL},
    {I8, BIGINT, -128, 0, "", "-128"},
    {I8, BIGINT, 128, 0, "", NULL},
    {I8, BOOLEAN, 1, 0, "", "1"},
    {I8, DOUBLE, 0, 127.0, "", "127"},
    {I8, DOUBLE, 0, 127.5, "", NULL},
    {I16, BIGINT, 32768, 0, "", NULL},
    {I16, TEXT_, 0, 0, "-32768", "-32768"},
    {I32, BIGINT, INT32_MAX, 0, "", "2147483647"},
    {I32, BIGINT, INT64_C(2147483648), 0, "", NULL},
    {I32, TEXT_, 0, 0, "12x", NULL},
    {I32, TIME, US_2024, 0, "", NULL},
    {I64, BIGINT, INT64_MIN, 0, "", "-9223372036854775808"},
    {I64, DOUBLE, 0, 0x1p62, "", "4611686018427387904"},
    {I64, DOUBLE, 0, 0x1p63, "", NULL},
    {I64, DOUBLE, 0, -0x1p63, "", "-9223372036854775808"},
    {I64, DOUBLE, 0, (double)NAN, "", NULL},
    {I64, DATE_, 19723, 0, "", NULL},
    {D, BIGINT, 7, 0, "", "7"},
    {D, BOOLEAN, 1, 0, "", "1"},
    {D, TEXT_, 0, 0, "1e3", "1000"},
    {D, TEXT_, 0, 0, "", NULL},
    {D, DOUBLE, 0, -0.5, "", "-0.5"},
    {D, TIME, 5, 0, "", NULL},
    {S, TEXT_, 0, 0, "", ""},
    {S, TEXT_, 0, 0, "a text that is longer than a view", "a text that is longer than a view"},
    {S, TEXT_, 0, 0, "\xc3\xbc", "\xc3\xbc"},
    {S, TEXT_, 0, 0, "\xc3(", NULL},
    {S, BIGINT, -5, 0, "", "-5"},
    {S, BOOLEAN, 1, 0, "", "true"},
    {S, DOUBLE, 0, 0.5, "", "0.5"},
    {S, TIME, US_2024 + 500000, 0, "", "2024-01-01 00:00:00.5"},
    {S, DATE_, 19723, 0, "", "2024-01-01"},
    {DAY, DATE_, 19723, 0, "", "19723"},
    {DAY, TEXT_, 0, 0, "2024-01-01", "19723"},
    {DAY, TEXT_, 0, 0, "2024-02-30", NULL},
    {DAY, BIGINT, 19723, 0, "", NULL},
    {MS, TIME, US_2024 + 5000, 0, "", "1704067200005"},
    {MS, TEXT_, 0, 0, "2024-01-01 00:00:01", "1704067201000"},
    {MS, BIGINT, 5, 0, "", NULL},
    {US, TIME, US_2024 + 5, 0, "", "1704067200000005"},
    {US, DATE_, 19723, 0, "", "1704067200000000"},
    {US, TEXT_, 0, 0, "2024-01-01T00:00:00.000005Z", "1704067200000005"},
    {US, TEXT_, 0, 0, "yesterday", NULL},
    {US, NOTHING, 0, 0, "", "NULL"},
};

static laminar_status
append(laminar_appender *a, const cell *c, laminar_error *err) {
    switch (c->kind) {
    case BOOLEAN:
        return laminar_append_boolean(a, c->column, c->i != 0, err);
    case BIGINT:
        return laminar_append_bigint(a, c->column, c->i, err);
    case DOUBLE:
        return laminar_append_double(a, c->column, c->d, err);
    case TEXT_:
        return laminar_append_text(a, c->column, c->text, strlen(c->text), err);
    case TIME:
        return laminar_append_timestamp(a, c->column, c->i, err);
    case DATE_:
        return laminar_append_date(a, c->column, (int32_t)c->i, err);
    default:
        return laminar_append_null(a, c->column, err);
    }
}

static void
test_coercion(void **state) {
    (void)state;
    laminar_error     err;
    laminar_appender *a = NULL;
    laminar_database *db = db_open();
    db_run(db, all_types);
    DB_OK(laminar_appender_open(&a, db, "T", &err));
    CHECK_EQ(laminar_appender_column_count(a), COLUMNS);
    CHECK_STR(laminar_appender_column_name(a, I16), "i16");
    CHECK(laminar_appender_column_name(a, COLUMNS) == NULL);
    CHECK_EQ(laminar_appender_column_type(a, MS), LAMINAR_TYPE_TIMESTAMP_MS);
    int64_t rows = 0, total = 0;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        const cell          *c = &cells[i];
        const laminar_status got = append(a, c, &err);
        if (c->wanted == NULL) {
            db_check_fails(got, &err, 300, c->text, __FILE__, (int)i);
            CHECK(strstr(err.message, laminar_appender_column_name(a, c->column)) != NULL);
            DB_OK(laminar_appender_flush(a, &rows, &err));
            CHECK_EQ(rows, 0);
            continue;
        }
        db_check_ok(got, &err, c->wanted, __FILE__, (int)i);
        DB_OK(laminar_appender_end_row(a, &err));
        DB_OK(laminar_appender_flush(a, &rows, &err));
        CHECK_EQ(rows, 1);
        total++;
        char line[128];
        snprintf(line, sizeof(line), "SELECT %s FROM t",
                 laminar_appender_column_name(a, c->column));
        laminar_result *r = NULL;
        DB_OK(laminar_database_execute(db, line, &r, &err));
        CHECK_EQ(laminar_result_row_count(r), total);
        shown        *s = shown_new();
        laminar_value v;
        CHECK_EQ(laminar_result_value(r, total - 1, 0, &v), LAMINAR_OK);
        show_value(s, &v);
        if (strcmp(s->text, c->wanted) != 0) {
            print_error("cell %zu gave %s, wanted %s\n", i, s->text, c->wanted);
            fail();
        }
        free(s);
        laminar_result_free(r);
    }
    laminar_appender_close(a);
    laminar_appender_close(NULL);
    laminar_database_close(db);
}

/* The event-time column of type BIGINT takes times as epoch milliseconds. */
static void
test_event_time(void **state) {
    (void)state;
    laminar_error     err;
    laminar_appender *a = NULL;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts - INTERVAL '0' "
               "SECOND)");
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    DB_OK(laminar_append_timestamp(a, 0, US_2024, &err));
    DB_OK(laminar_append_text(a, 0, "2024-01-01 00:00:01", 19, &err));
    DB_OK(laminar_append_text(a, 0, "77", 2, &err));
    DB_OK(laminar_append_date(a, 0, 1, &err));
    DB_OK(laminar_appender_flush(a, NULL, &err));
    DB_FAILS(laminar_append_timestamp(a, 1, US_2024, &err), 300);
    laminar_appender_close(a);
    db_check_rows(db, "SELECT ts FROM t ORDER BY ts", "77|86400000|1704067200000|1704067201000");
    laminar_database_close(db);
}

static void
test_rows_and_columns(void **state) {
    (void)state;
    laminar_error     err;
    laminar_appender *a = NULL, *b = NULL;
    int64_t           rows = -1;
    int32_t           at = -1;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (a BIGINT NOT NULL, b VARCHAR DEFAULT 'none given, so this', "
               "c DOUBLE DEFAULT 1.5); CREATE STREAM s AS SELECT a FROM t");
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    DB_FAILS(laminar_appender_open(&b, db, "nothing", &err), 200);
    DB_FAILS(laminar_appender_open(&b, db, "s", &err), 202);
    CHECK(b == NULL);
    DB_OK(laminar_appender_find(a, "B", 1, &at, &err));
    CHECK_EQ(at, 1);
    /* Column by column, row by row, and both. */
    DB_OK(laminar_append_bigint(a, 0, 1, &err));
    DB_OK(laminar_append_bigint(a, 0, 2, &err));
    DB_OK(laminar_append_text(a, 1, "x", 1, &err));
    DB_OK(laminar_append_null(a, 1, &err));
    DB_OK(laminar_appender_flush(a, &rows, &err));
    CHECK_EQ(rows, 2);
    for (int64_t i = 3; i < 6; i++) {
        DB_OK(laminar_append_bigint(a, 0, i, &err));
        if (i == 4) {
            DB_OK(laminar_append_default(a, 1, &err));
            DB_OK(laminar_append_bigint(a, 2, 9, &err));
        }
        DB_OK(laminar_appender_end_row(a, &err));
    }
    DB_OK(laminar_appender_end_row(a, &err)); /* no further row was begun */
    DB_OK(laminar_appender_flush(a, &rows, &err));
    CHECK_EQ(rows, 3);
    static const char wanted[] = "1,x,1.5|2,NULL,1.5|3,none given, so this,1.5|4,none given, so "
                                 "this,9|5,none given, so this,1.5";
    db_check_rows(db, "SELECT * FROM t ORDER BY a", wanted);
    /* Each fault empties the appender and leaves the source alone. */
    DB_OK(laminar_append_bigint(a, 0, 6, &err));
    DB_OK(laminar_append_bigint(a, 0, 7, &err));
    DB_OK(laminar_append_text(a, 1, "y", 1, &err));
    DB_FAILS(laminar_appender_flush(a, &rows, &err), 300); /* lengths 2 and 1 */
    DB_OK(laminar_append_bigint(a, 0, 6, &err));
    DB_FAILS(laminar_append_text(a, 2, "no number", 9, &err), 300);
    CHECK(strstr(err.message, "row 1") != NULL && strstr(err.message, "'no number'") != NULL);
    CHECK(strstr(err.message, "VARCHAR") != NULL && strstr(err.message, "DOUBLE") != NULL);
    DB_OK(laminar_append_text(a, 1, "kept?", 5, &err));
    DB_FAILS(laminar_appender_find(a, "cc", 2, &at, &err), 300);
    CHECK(strstr(err.hint, "\"c\"") != NULL);
    DB_OK(laminar_append_null(a, 0, &err));
    DB_FAILS(laminar_appender_flush(a, &rows, &err), 300);
    CHECK(strstr(err.message, "NOT NULL") != NULL);
    DB_OK(laminar_append_bigint(a, 0, 8, &err));
    DB_FAILS(laminar_append_bigint(a, 3, 8, &err), 991);
    DB_FAILS(laminar_append_null(a, -1, &err), 991);
    DB_OK(laminar_append_bigint(a, 0, 8, &err));
    laminar_appender_clear(a);
    DB_OK(laminar_appender_flush(a, &rows, &err));
    CHECK_EQ(rows, 0);
    db_check_rows(db, "SELECT * FROM t ORDER BY a", wanted);
    db_run(db, "DROP SOURCE t CASCADE");
    DB_OK(laminar_append_bigint(a, 0, 8, &err));
    DB_FAILS(laminar_appender_flush(a, &rows, &err), 200);
    laminar_appender_close(a);
    laminar_database_close(db);
}

/* ---- Arrow */
typedef struct producer { /* batches of (v int64, name utf8), built by hand */
    struct ArrowArrayStream stream;
    int32_t                 batches, given, fail_at;
    int64_t                 rows;
    int                     released;
} producer;

static void
release_schema(struct ArrowSchema *s) {
    s->release = NULL;
}

static int
give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    (void)stream;
    static struct ArrowSchema  v = {.format = "l", .name = "v", .flags = ARROW_FLAG_NULLABLE};
    static struct ArrowSchema  name = {.format = "u", .name = "NAME"};
    static struct ArrowSchema *children[] = {&name, &v};
    v.release = name.release = release_schema;
    *out = (struct ArrowSchema){
        .format = "+s", .n_children = 2, .children = children, .release = release_schema};
    return 0;
}

typedef struct made { /* one batch with its memory */
    struct ArrowArray  columns[2];
    struct ArrowArray *children[2];
    const void        *record_buffers[1], *v_buffers[2], *name_buffers[3];
    int64_t           *v;
    int32_t           *offsets;
    char              *bytes;
} made;

static void
release_array(struct ArrowArray *a) {
    made *m = a->private_data;
    free(m->v);
    free(m->offsets);
    free(m->bytes);
    free(m);
    a->release = NULL;
}

static int
give_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    producer *p = stream->private_data;
    if (p->given == p->fail_at) {
        return 5;
    }
    *out = (struct ArrowArray){0};
    if (p->given == p->batches) {
        return 0;
    }
    made *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    m->v = malloc(sizeof(int64_t) * (size_t)p->rows);
    m->offsets = malloc(sizeof(int32_t) * (size_t)(p->rows + 1));
    m->bytes = malloc((size_t)p->rows * 4 + 1);
    assert_non_null(m->v);
    assert_non_null(m->offsets);
    assert_non_null(m->bytes);
    m->offsets[0] = 0;
    for (int64_t i = 0; i < p->rows; i++) {
        char name[8];
        m->v[i] = p->given * p->rows + i;
        const int size = snprintf(name, sizeof(name), "n%lld", (long long)(m->v[i] % 100));
        memcpy(m->bytes + m->offsets[i], name, (size_t)size);
        m->offsets[i + 1] = m->offsets[i] + size;
    }
    m->v_buffers[1] = m->v;
    m->name_buffers[1] = m->offsets;
    m->name_buffers[2] = m->bytes;
    m->columns[0] = (struct ArrowArray){
        .length = p->rows, .n_buffers = 3, .buffers = m->name_buffers, .release = release_array};
    m->columns[1] = (struct ArrowArray){
        .length = p->rows, .n_buffers = 2, .buffers = m->v_buffers, .release = release_array};
    m->children[0] = &m->columns[0];
    m->children[1] = &m->columns[1];
    *out = (struct ArrowArray){.length = p->rows,
                               .n_buffers = 1,
                               .n_children = 2,
                               .buffers = m->record_buffers,
                               .children = m->children,
                               .release = release_array,
                               .private_data = m};
    p->given++;
    return 0;
}

static const char *
say_why(struct ArrowArrayStream *stream) {
    (void)stream;
    return "the disk is on fire";
}

static void
release_stream(struct ArrowArrayStream *stream) {
    ((producer *)stream->private_data)->released++;
    stream->release = NULL;
}

static void
producer_init(producer *p, int32_t batches, int64_t rows) {
    *p = (producer){.batches = batches,
                    .rows = rows,
                    .fail_at = -1,
                    .stream = {.get_schema = give_schema,
                               .get_next = give_next,
                               .get_last_error = say_why,
                               .release = release_stream,
                               .private_data = p}};
}

/* Runs equal single appends, for columns of the type and for others, behind whatever is there. */
static void
test_runs(void **state) {
    (void)state;
    laminar_database *db = db_open();
    laminar_appender *a = NULL;
    laminar_error     err;
    int64_t           ints[700];
    double            doubles[700];
    for (int32_t i = 0; i < 700; i++) {
        ints[i] = i - 350;
        doubles[i] = i / 2;
    }
    db_run(db, "CREATE SOURCE runs (k BIGINT, v DOUBLE, i INTEGER, s VARCHAR)");
    DB_OK(laminar_appender_open(&a, db, "runs", &err));
    for (int32_t at = 0; at < 4; at++) {
        DB_OK(laminar_append_null(a, at, &err));
        DB_OK(laminar_append_bigints(a, at, ints, 700, &err));
        DB_OK(laminar_append_doubles(a, at, doubles, 700, &err));
    }
    int64_t rows = 0;
    DB_OK(laminar_appender_flush(a, &rows, &err));
    CHECK_EQ(rows, 1401);
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM runs WHERE k = v AND v = i AND s IS NOT NULL"),
             1400);
    CHECK_EQ(db_integer(db, "SELECT sum(k) FROM runs"), -350 + 2 * (349 * 350 / 2));

    ints[699] = INT64_MAX; /* refuses the whole */
    CHECK_EQ(laminar_append_bigints(a, 2, ints, 700, &err), -300);
    CHECK(strstr(err.message, "row 700, column \"i\"") != NULL);
    CHECK(laminar_append_bigints(a, 9, ints, 1, &err) < 0);
    CHECK_EQ(laminar_append_doubles(a, -1, doubles, 0, &err), LAMINAR_OK);
    laminar_appender_close(a);
    laminar_database_close(db);
}

static void
test_arrow(void **state) {
    (void)state;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_database     *db = db_open();
    db_run(db, "CREATE SOURCE t (v DOUBLE, name VARCHAR, extra VARCHAR DEFAULT 'filled'); "
               "CREATE SOURCE narrow (v TINYINT, name VARCHAR); CREATE SOURCE other (w BIGINT)");
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_subscribe(&sub, db, "SELECT count(*), sum(v) FROM t", &err));
    db_check_next(sub, "0,NULL");
    static const struct {
        int32_t batches;
        int64_t rows;
    } shapes[] = {{1, 3}, {0, 0}, {3, 700}, {1, 5000}, {4, 5000}, {2, 1}};
    int64_t total = 0, sum = 0;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        producer p;
        int64_t  rows = -1;
        producer_init(&p, shapes[i].batches, shapes[i].rows);
        DB_OK(laminar_database_insert(db, "t", &p.stream, &rows, &err));
        CHECK_EQ(p.released, 1);
        const int64_t n = shapes[i].batches * shapes[i].rows;
        CHECK_EQ(rows, n);
        total += n;
        sum += n * (n - 1) / 2;
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "%lld,%lld", (long long)total, (long long)sum);
        db_check_next(sub, n == 0 ? NULL : wanted);
    }
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM t WHERE extra = 'filled' AND name = 'n' || "
                            "CAST(CAST(v AS BIGINT) % 100 AS VARCHAR)"),
             total);
    producer p;
    int64_t  rows = -1;
    producer_init(&p, 2, 100); /* the second batch has 128 and more */
    DB_FAILS(laminar_database_insert(db, "narrow", &p.stream, &rows, &err), 300);
    CHECK(p.released == 1 && strstr(err.message, "row 129") != NULL);
    producer_init(&p, 3, 10);
    p.fail_at = 2;
    DB_FAILS(laminar_database_insert(db, "narrow", &p.stream, &rows, &err), 300);
    CHECK(p.released == 1 && strstr(err.message, "on fire") != NULL);
    producer_init(&p, 1, 10);
    DB_FAILS(laminar_database_insert(db, "other", &p.stream, &rows, &err), 300);
    CHECK_EQ(p.released, 1);
    producer_init(&p, 1, 10);
    DB_FAILS(laminar_database_insert(db, "nowhere", &p.stream, &rows, &err), 200);
    CHECK_EQ(p.released, 1);
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM narrow"), 0);
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

/* A result as Arrow outlives everything, in any order of release. */
static void
test_arrow_out(void **state) {
    (void)state;
    for (uint32_t order = 0; order < 4; order++) {
        laminar_error           err;
        laminar_result         *r = NULL;
        struct ArrowArrayStream rows;
        struct ArrowArray       batch;
        struct ArrowSchema      shape;
        laminar_database       *db = db_open();
        db_run(db, "CREATE SOURCE t (v BIGINT, s VARCHAR); INSERT INTO t VALUES (1, 'one'), "
                   "(2, 'a text that is longer than a view')");
        DB_OK(laminar_database_execute(db, "SELECT s, v FROM t ORDER BY v", &r, &err));
        DB_OK(laminar_result_schema(r, &shape, &err));
        DB_OK(laminar_result_stream(r, &rows, &err));
        if ((order & 1) != 0) {
            laminar_database_close(db);
            laminar_result_free(r);
        }
        CHECK_EQ(rows.get_next(&rows, &batch), 0);
        if ((order & 2) != 0) {
            rows.release(&rows);
        }
        if ((order & 1) == 0) {
            laminar_result_free(r);
            laminar_database_close(db);
        }
        CHECK_EQ(batch.length, 2);
        CHECK_EQ(((const int64_t *)batch.children[1]->buffers[1])[batch.children[1]->offset], 1);
        CHECK_STR(shape.children[0]->name, "s");
        shape.release(&shape);
        batch.release(&batch);
        if ((order & 2) == 0) {
            rows.release(&rows);
        }
    }
}

static void
test_csv(void **state) {
    (void)state;
    laminar_error     err;
    int64_t           rows = -1;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (a BIGINT NOT NULL, b VARCHAR DEFAULT 'd')");
    static const char good[] = "B;A\r\n\"x;\"\"y\"\"\n\";1\r\n-;2\r\n;3\r\n";
    DB_OK(laminar_database_insert_csv(db, "t", good, sizeof(good) - 1, ';', "-", &rows, &err));
    CHECK_EQ(rows, 3);
    DB_OK(laminar_database_insert_csv(db, "t", "a\n4", 3, '\0', NULL, &rows, &err));
    CHECK_EQ(rows, 1);
    DB_OK(laminar_database_insert_csv(db, "t", "a\n", 2, ',', NULL, &rows, &err));
    CHECK_EQ(rows, 0);
    static const char wanted[] = "1,x;\"y\"\n|2,NULL|3,NULL|4,d";
    db_check_rows(db, "SELECT a, b FROM t ORDER BY a", wanted);
    static const char *const bad[][2] = {{"a\n5\nx\n", "line 3"},      {"a,b\n6\n", "line 2"},
                                         {"a\n7\n\"8\n", "line 3"},    {"b\nx\n", "NOT NULL"},
                                         {"c\n1\n", "unknown column"}, {"", "header"},
                                         {"a\n9\n\xff\n", "line 3"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        DB_FAILS(laminar_database_insert_csv(db, "t", bad[i][0], strlen(bad[i][0]), ',', NULL,
                                             &rows, &err),
                 300);
        if (strstr(err.message, bad[i][1]) == NULL) {
            print_error("\"%s\" does not say \"%s\"\n", err.message, bad[i][1]);
            fail();
        }
    }
    DB_FAILS(laminar_database_insert_csv(db, "no", "a\n1", 3, ',', NULL, NULL, &err), 200);
    db_check_rows(db, "SELECT a, b FROM t ORDER BY a", wanted);
    laminar_database_close(db);
}

/* ---------------------------------------------------------------------------------- at once */
static void *
begin(void *arg) {
    db_run(arg, "BEGIN");
    return NULL;
}

static void
append_bigints(laminar_appender *a, int32_t count) {
    laminar_error err;
    for (int32_t i = 0; i < count; i++) {
        DB_OK(laminar_append_bigint(a, 0, i, &err));
    }
}

/* Rows that are read once may be inserted again and again, at once too while nobody is in the way.
 */
static void
test_rows_in_two_steps(laminar_database *db) {
    laminar_error           err;
    struct ArrowArrayStream stream;
    laminar_rows           *rows = NULL;
    int64_t                 count = 0;
    db_run(db, "CREATE SOURCE two (v BIGINT)");
    laminar_result *r = NULL;
    DB_OK(laminar_database_execute(db, "SELECT 7 AS v UNION ALL SELECT 8", &r, &err));
    DB_OK(laminar_result_stream(r, &stream, &err));
    DB_OK(laminar_rows_read(&rows, db, "two", &stream, &err));
    laminar_result_free(r);
    DB_OK(laminar_rows_insert_now(rows, &count, &err));
    CHECK_EQ(count, 2);
    DB_OK(laminar_rows_insert(rows, &count, &err));
    DB_OK(laminar_rows_submit(rows, &count, &err));
    db_check_rows(db, "SELECT count(*), sum(v) FROM two", "6,45");
    db_run(db, "DROP SOURCE two");
    DB_FAILS(laminar_rows_insert_now(rows, &count, &err), 200);
    DB_FAILS(laminar_rows_insert(rows, &count, &err), 200);
    laminar_rows_free(rows);
    laminar_rows_free(NULL);
}

/* flush_now takes few rows when nobody is in the way; else all of them stay for flush. */
static void
test_flush_now(void **state) {
    (void)state;
    laminar_error     err;
    error             e;
    int64_t           count = 0;
    thread            other;
    laminar_appender *a = NULL, *dropped = NULL;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (v BIGINT, w BIGINT)");
    db_run(db, "CREATE SOURCE gone (v BIGINT)");
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    DB_OK(laminar_appender_open(&dropped, db, "GONE", &err));
    DB_OK(laminar_appender_flush_now(a, &count, &err));
    CHECK_EQ(count, 0);
    append_bigints(a, 64);
    DB_OK(laminar_appender_flush_now(a, &count, &err));
    CHECK_EQ(count, 64);
    append_bigints(a, 5000);
    CHECK_EQ(laminar_appender_flush_now(a, &count, &err), LAMINAR_DONE);
    DB_OK(laminar_appender_flush(a, &count, &err));
    CHECK_EQ(count, 5000);
    append_bigints(a, 2);
    DB_OK(laminar_append_bigint(a, 1, 1, &err));
    DB_FAILS(laminar_appender_flush_now(a, &count, &err), 300);
    db_run(db, "DROP SOURCE gone");
    append_bigints(dropped, 1);
    DB_FAILS(laminar_appender_flush_now(dropped, &count, &err), 200);
    laminar_appender_close(dropped);
    test_rows_in_two_steps(db);
    append_bigints(a, 3);
    CHECK_EQ(thread_start(&other, "other", begin, db, &e), OK);
    thread_join(&other);
    CHECK_EQ(laminar_appender_flush_now(a, &count, &err), LAMINAR_DONE);
    laminar_database_close(db);
    DB_FAILS(laminar_appender_flush_now(a, &count, &err), 101);
    laminar_appender_close(a);
}

UNIT_MAIN(UNIT(test_flush_now), UNIT(test_coercion), UNIT(test_event_time),
          UNIT(test_rows_and_columns), UNIT(test_runs), UNIT(test_arrow), UNIT(test_arrow_out),
          UNIT(test_csv))
