/* SPDX-License-Identifier: Apache-2.0 */
/* test_parts.c - long texts of rows: what several threads read is what one thread reads, row by
 * row, and so is what is said of a fault. Fields in quotes that hold line ends, some of them longer
 * than a part, make threads begin where no row begins. */
#include "base/rng.h"
#include "database.h"
#include "db/internal.h"

enum { CASES = 60, BYTES = 700000 };

typedef struct page {
    size_t size;
    rng    random;
    char   text[4 << 20];
} page;

static page written; /* one test at a time */

static int
below(page *p, int bound) {
    return (int)rng_below(&p->random, (uint64_t)bound);
}

static void
put(page *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const size_t room = sizeof(p->text) - p->size;
    const int    n = vsnprintf(p->text + p->size, room, format, args);
    va_end(args);
    CHECK(n >= 0 && (size_t)n < room);
    p->size += (size_t)n;
}

static page *
begin(uint64_t seed) {
    written.size = 0;
    rng_init(&written.random, seed);
    return &written;
}

typedef laminar_status inserter(laminar_database *db, const page *p, laminar_error *err);

static laminar_status
insert_csv(laminar_database *db, const page *p, laminar_error *err) {
    int64_t rows;
    return laminar_database_insert_csv(db, "t", p->text, p->size, ',', NULL, &rows, err);
}

static laminar_status
insert_json(laminar_database *db, const page *p, laminar_error *err) {
    int64_t rows;
    return laminar_database_insert_json(db, "t", p->text, p->size, &rows, err);
}

/* ---- two databases */
static laminar_database *
open_with(int32_t threads) {
    char              line[40];
    laminar_database *db = db_open();
    snprintf(line, sizeof(line), "SET threads = %d", threads);
    db_run(db, line);
    db_run(db, "CREATE TABLE t (k BIGINT, v DOUBLE, s VARCHAR, at TIMESTAMP, d BIGINT DEFAULT 7)");
    return db;
}

static laminar_result *
rows_of(laminar_database *db) {
    laminar_error   err;
    laminar_result *r = NULL;
    DB_OK(laminar_database_execute(db, "SELECT * FROM t", &r, &err));
    return r;
}

static int64_t
check_same(laminar_database *one, laminar_database *many) {
    laminar_result *a = rows_of(one);
    laminar_result *b = rows_of(many);
    const int64_t   count = laminar_result_row_count(a);
    CHECK_EQ(laminar_result_row_count(b), count);
    for (int64_t i = 0; i < count; i++) {
        for (int32_t c = 0; c < 5; c++) {
            laminar_value x, y;
            CHECK_EQ(laminar_result_value(a, i, c, &x), LAMINAR_OK);
            CHECK_EQ(laminar_result_value(b, i, c, &y), LAMINAR_OK);
            CHECK_EQ(x.is_null, y.is_null);
            if (x.is_null) {
                continue;
            }
            if (x.type == LAMINAR_TYPE_VARCHAR) {
                CHECK(x.text_size == y.text_size && memcmp(x.text, y.text, x.text_size) == 0);
            } else {
                CHECK(x.type == LAMINAR_TYPE_DOUBLE ? memcmp(&x.d, &y.d, 8) == 0 : x.i == y.i);
            }
        }
    }
    laminar_result_free(a);
    laminar_result_free(b);
    return count;
}

/* True: it was taken. */
static bool
try_both(const page *p, inserter *insert) {
    laminar_error        e1, e2;
    laminar_database    *one = open_with(1);
    laminar_database    *many = open_with(4);
    const laminar_status s1 = insert(one, p, &e1);
    const laminar_status s2 = insert(many, p, &e2);
    CHECK_EQ(s1, s2);
    if (s1 < 0) {
        CHECK_STR(e1.message, e2.message);
    }
    const int64_t rows = check_same(one, many);
    CHECK(s1 < 0 ? rows == 0 : rows > 100);
    laminar_database_close(one);
    laminar_database_close(many);
    return s1 >= 0;
}

/* ---- CSV */
static void
put_quoted(page *p, int words) {
    put(p, "\"");
    for (int i = 0; i < words; i++) {
        static const char *const pieces[] = {"word ", "\n", "\"\"", ",", "\r\n", "7,8,9,x\n", "é"};
        put(p, "%s", pieces[below(p, ARRAY_COUNT(pieces))]);
    }
    put(p, "\"");
}

/* A field that holds lines which read as rows, also where its quote ends. */
static void
put_rows_in_quotes(page *p, bool filled) {
    put(p, "\"");
    for (int i = below(p, 20000); i > 0; i--) {
        put(p, filled ? "7,8.5,abc,,3\n" : "7,8.5,abc,\n");
    }
    put(p, "7,8.5,abc\"");
}

static void
put_csv_row(page *p, bool quotes, bool filled) {
    if (below(p, 400) == 0) {
        put(p, "\n");
    }
    put(p, "%d,%.3f,", below(p, 100000), below(p, 1000) / 8.0);
    if (quotes && below(p, 800) == 0) {
        put_rows_in_quotes(p, filled);
    } else if (quotes && below(p, 5) == 0) {
        put_quoted(p, below(p, 300) == 0 ? 90000 : below(p, 12));
    } else {
        put(p, "a longer text %d", below(p, 50));
    }
    put(p, below(p, 9) == 0 ? "," : ",2024-01-%02d 10:00:00", 1 + below(p, 28));
    put(p, filled ? ",5" : "");
    put(p, below(p, 8) == 0 ? "\r\n" : "\n");
}

static void
put_csv_fault(page *p) {
    switch (below(p, 5)) {
    case 0:
        put(p, "x,1,a,\n");
        return;
    case 1:
        put(p, "1,2\n");
        return;
    case 2:
        put(p, "1,2,\"a\"b,\n");
        return;
    case 3:
        put(p, "1,2,\xff,\n");
        return;
    default:
        put(p, "1,2,\"never closed,\n");
    }
}

static void
test_csv(void **state) {
    static const char *const heads[] = {"k,v,s,at,d\n", "k,v,s,at\r\n", "\xef\xbb\xbfk,v,s,at,d\n"};
    (void)state;
    int taken = 0;
    for (int i = 0; i < CASES; i++) {
        page        *p = begin((uint64_t)i);
        const int    head = below(p, 3);
        const size_t fault_at = i % 5 == 4 ? (size_t)below(p, BYTES) : SIZE_MAX;
        bool         is_bad = false;
        put(p, "%s", heads[head]);
        while (p->size < BYTES) {
            put_csv_row(p, i % 3 > 0, head != 1);
            if (!is_bad && p->size > fault_at) {
                put_csv_fault(p);
                is_bad = true;
            }
        }
        p->size -= (size_t)below(p, 2); /* the last line end may be missing */
        taken += try_both(p, insert_csv);
    }
    CHECK(taken >= CASES / 2 && taken < CASES);
}

/* ---- JSON */
static void
put_json_row(page *p, bool filled, bool in_array) {
    const char *gap = below(p, 10) == 0 ? "\n  " : " ";
    put(p, "{\"k\":%s%d,%s\"v\": %.3f", gap, below(p, 100000), gap, below(p, 1000) / 8.0);
    if (below(p, 6) > 0) {
        put(p, ",%s\"s\": \"a text {\\\"k\\\": %d}\\n{\"", gap, below(p, 70));
    }
    put(p, below(p, 9) == 0 ? ", \"at\": null" : ", \"at\": \"2024-01-%02d 10:00:00\"",
        1 + below(p, 28));
    put(p, filled ? ", \"d\": 4}" : "}");
    put(p, in_array            ? below(p, 9) == 0 ? " ,\n " : ", "
           : below(p, 30) == 0 ? " \n\n"
           : below(p, 8) == 0  ? "\r\n"
                               : "\n");
}

static void
put_json_fault(page *p) {
    static const char *const faults[] = {"{\"k\": x}\n",        "{\"k\": 1, \"k\": 2}\n",
                                         "{\"q\": 1}\n",        "[1]\n",
                                         "{\"s\": \"\xff\"}\n", "{\"k\": \"one\"}\n"};
    put(p, "%s", faults[below(p, ARRAY_COUNT(faults))]);
}

static void
test_json(void **state) {
    (void)state;
    int taken = 0;
    for (int i = 0; i < CASES; i++) {
        page      *p = begin(1000 + (uint64_t)i);
        const bool in_array = i % 2 == 1;
        put(p, i % 7 == 0 ? " \n" : "");
        put(p, in_array ? "[ " : "");
        const size_t fault_at = i % 5 == 4 ? (size_t)below(p, BYTES) : SIZE_MAX;
        bool         is_bad = false;
        while (p->size < BYTES) {
            put_json_row(p, i % 3 > 0 || below(p, 2) == 0, in_array);
            if (!is_bad && p->size > fault_at) {
                put_json_fault(p);
                is_bad = true;
            }
        }
        if (in_array) {
            static const char *const ends[] = {"] \n", "", ", ", "]", "]]"};
            put(p, "{\"k\":1, \"v\":2, \"s\":\"x\", \"at\":null, \"d\":4}%s", ends[i % 5]);
        }
        taken += try_both(p, insert_json);
    }
    CHECK(taken >= CASES / 2 && taken < CASES);
}

/* ---- want of memory, and a pool that another job has */

/* Refused in turn: all of an insert or nothing of it, and no other error. */
static void
test_memory(void **state) {
    (void)state;
    page *p = begin(5);
    put(p, "k,v,s,at,d\n");
    while (p->size < BYTES) {
        put_csv_row(p, false, true);
    }
    laminar_database *db = open_with(3);
    int64_t           refused = 0, taken = 0;
    for (int64_t at = 1; at < 1500; at += 1 + at / 12) {
        laminar_error err;
        db_run(db, "DELETE FROM t");
        db->mem->fail_always = at % 2 == 0; /* one alone: one thread reads all again */
        atomic_store(&db->mem->fail_at, atomic_load(&db->mem->allocations) + at);
        const laminar_status s = insert_csv(db, p, &err);
        atomic_store(&db->mem->fail_at, 0);
        CHECK(s >= 0 || err.code == 990);
        refused += s < 0;
        taken += s >= 0;
        const int64_t rows = db_integer(db, "SELECT count(*) FROM t");
        CHECK(s < 0 ? rows == 0 : rows > 100);
    }
    CHECK(refused > 0 && taken > 0);
    laminar_database_close(db);
}

typedef struct many {
    laminar_database *db;
    const page       *page;
} many;

static void *
insert_often(void *arg) {
    const many *m = arg;
    for (int i = 0; i < 6; i++) {
        laminar_error err;
        DB_OK(insert_csv(m->db, m->page, &err));
    }
    return NULL;
}

static void
test_threads(void **state) {
    (void)state;
    page *p = begin(6);
    put(p, "k,v,s,at\n");
    while (p->size < BYTES) {
        put_csv_row(p, false, false);
    }
    laminar_database *db = open_with(3);
    db_run(db, "DROP TABLE t");
    db_run(db, "CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR, at TIMESTAMP)");
    many   m = {db, p};
    thread threads[3];
    error  err;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(thread_start(&threads[i], "insert", insert_often, &m, &err));
    }
    for (int i = 0; i < 3; i++) {
        thread_join(&threads[i]);
    }
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM (SELECT count(*) AS n FROM t GROUP BY ALL) "
                            "WHERE n % 18 > 0"),
             0);
    CHECK(db_integer(db, "SELECT count(*) FROM t") > 18 * 1000);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_csv), UNIT(test_json), UNIT(test_memory), UNIT(test_threads))
