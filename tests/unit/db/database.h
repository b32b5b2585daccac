/* SPDX-License-Identifier: Apache-2.0 */
/* database.h - laminar.h in short words for tests: statements that must work or must be refused,
 * and results as text ("1,ab,NULL" a row, rows joined by "|"), in order or sorted. */
#ifndef LAMINAR_TESTS_DB_DATABASE_H
#define LAMINAR_TESTS_DB_DATABASE_H

#include "laminar.h"
#include "unit.h"

#define SHOWN_MAX (1 << 19)

typedef struct shown { /* a result as text */
    size_t size;
    char   text[SHOWN_MAX];
} shown;

#define DB_OK(call) db_check_ok((call), &err, #call, __FILE__, __LINE__)
#define DB_FAILS(call, wanted) db_check_fails((call), &err, wanted, #call, __FILE__, __LINE__)

static inline void
db_check_ok(laminar_status s, const laminar_error *err, const char *call, const char *file,
            int line) {
    if (s != LAMINAR_OK) {
        print_error("%s:%d: %s gave %d: %s\n", file, line, call, (int)s, s < 0 ? err->message : "");
        fail();
    }
}

/* The status is the negated code, but for a name that a query does not find (code 200). */
static inline void
db_check_fails(laminar_status s, const laminar_error *err, int32_t code, const char *call,
               const char *file, int line) {
    if (s >= 0 || err->code != code || err->message[0] == '\0' || err->class_name[0] == '\0') {
        print_error("%s:%d: %s gave %d, code %d, \"%s\"; wanted code %d\n", file, line, call,
                    (int)s, s < 0 ? (int)err->code : 0, s < 0 ? err->message : "", (int)code);
        fail();
    }
}

static inline laminar_database *
db_open(void) {
    laminar_error     err;
    laminar_database *db = NULL;
    DB_OK(laminar_database_open(&db, ":memory:", NULL, &err));
    return db;
}

static inline void
db_run(laminar_database *db, const char *sql) {
    laminar_error err;
    db_check_ok(laminar_database_execute(db, sql, NULL, &err), &err, sql, __FILE__, __LINE__);
}

/* Reads to the end of a subscription: counts its rows and adds up their first column. */
static inline laminar_status
db_follow(laminar_subscription *sub, int64_t *rows, int64_t *sum) {
    for (;;) {
        laminar_result      *r = NULL;
        const laminar_status s = laminar_subscription_next(sub, -1, &r, NULL, NULL);
        if (s != LAMINAR_OK) {
            return s;
        }
        for (int64_t i = 0; i < laminar_result_row_count(r); i++) {
            laminar_value v;
            if (laminar_result_value(r, i, 0, &v) == LAMINAR_OK) {
                *sum += v.i;
            }
        }
        *rows += laminar_result_row_count(r);
        laminar_result_free(r);
    }
}

static inline void
db_refuse(laminar_database *db, const char *sql, int32_t code, const char *part) {
    laminar_error   err;
    laminar_result *none = NULL;
    db_check_fails(laminar_database_execute(db, sql, &none, &err), &err, code, sql, __FILE__,
                   __LINE__);
    CHECK(none == NULL);
    if (strstr(err.message, part) == NULL) {
        print_error("%s: \"%s\" does not say \"%s\"\n", sql, err.message, part);
        fail();
    }
}

static inline void
show_value(shown *out, const laminar_value *v) {
    char  *at = out->text + out->size;
    size_t room = SHOWN_MAX - out->size;
    int    n;
    if (v->is_null) {
        n = snprintf(at, room, "NULL");
    } else if (v->type == LAMINAR_TYPE_DOUBLE) {
        n = snprintf(at, room, "%.10g", v->d);
    } else if (v->type == LAMINAR_TYPE_VARCHAR) {
        n = snprintf(at, room, "%.*s", (int)v->text_size, v->text);
    } else {
        n = snprintf(at, room, "%lld", (long long)v->i);
    }
    CHECK(n >= 0 && (size_t)n < room);
    out->size += (size_t)n;
}

static inline void
show_byte(shown *out, char c) {
    CHECK(out->size + 1 < SHOWN_MAX);
    out->text[out->size++] = c;
    out->text[out->size] = '\0';
}

static inline void
show_result(shown *out, const laminar_result *r) {
    for (int64_t row = 0; row < laminar_result_row_count(r); row++) {
        if (out->size > 0) {
            show_byte(out, '|');
        }
        for (int32_t c = 0; c < laminar_result_column_count(r); c++) {
            laminar_value v;
            CHECK_EQ(laminar_result_value(r, row, c, &v), LAMINAR_OK);
            if (c > 0) {
                show_byte(out, ',');
            }
            show_value(out, &v);
        }
    }
}

static inline shown *
shown_new(void) {
    shown *s = malloc(sizeof(*s));
    assert_non_null(s);
    s->size = 0;
    s->text[0] = '\0';
    return s;
}

static int
shown_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows in the order of their bytes. */
static inline void
shown_sort(shown *s) {
    size_t rows = 1;
    for (size_t i = 0; i < s->size; i++) {
        rows += s->text[i] == '|';
    }
    char  *copy = malloc(s->size + 1);
    char **lines = malloc(rows * sizeof(*lines));
    assert_non_null(copy);
    assert_non_null(lines);
    memcpy(copy, s->text, s->size + 1);
    char *at = copy;
    for (size_t i = 0; i < rows; i++) {
        lines[i] = at;
        char *end = strchr(at, '|');
        if (end != NULL) {
            *end = '\0';
            at = end + 1;
        }
    }
    qsort(lines, rows, sizeof(*lines), shown_compare);
    s->size = 0;
    for (size_t i = 0; i < rows; i++) {
        const size_t size = strlen(lines[i]);
        if (i > 0) {
            s->text[s->size++] = '|';
        }
        memcpy(s->text + s->size, lines[i], size);
        s->size += size;
    }
    s->text[s->size] = '\0';
    free(lines);
    free(copy);
}

/* The rows of a query, sorted. Freed by the caller. */
static inline shown *
db_sorted(laminar_database *db, const char *sql) {
    laminar_error   err;
    laminar_result *r = NULL;
    db_check_ok(laminar_database_execute(db, sql, &r, &err), &err, sql, __FILE__, __LINE__);
    shown *s = shown_new();
    show_result(s, r);
    laminar_result_free(r);
    shown_sort(s);
    return s;
}

/* Two queries must give the same rows in any order. */
static inline void
db_check_same(laminar_database *db, const char *sql, const char *other) {
    shown *a = db_sorted(db, sql);
    shown *b = db_sorted(db, other);
    if (strcmp(a->text, b->text) != 0) {
        print_error("%s\n  gave %.2000s\n%s\n  gave %.2000s\n", sql, a->text, other, b->text);
        fail();
    }
    free(a);
    free(b);
}

/* The rows of a query must be these, in this order. */
static inline void
db_check_rows(laminar_database *db, const char *sql, const char *wanted) {
    laminar_error   err;
    laminar_result *r = NULL;
    db_check_ok(laminar_database_execute(db, sql, &r, &err), &err, sql, __FILE__, __LINE__);
    shown *s = shown_new();
    show_result(s, r);
    laminar_result_free(r);
    if (strcmp(s->text, wanted) != 0) {
        print_error("%s\n  gave   %s\n  wanted %s\n", sql, s->text, wanted);
        fail();
    }
    free(s);
}

/* The next delivery of a subscription, without waiting; wanted NULL: nothing is there. */
static inline void
db_check_next(laminar_subscription *sub, const char *wanted) {
    laminar_error        err;
    laminar_result      *r = NULL;
    const laminar_status got = laminar_subscription_next(sub, 0, &r, NULL, &err);
    if (got == LAMINAR_DONE) {
        CHECK(r == NULL);
        if (wanted != NULL) {
            print_error("nothing came, wanted %s\n", wanted);
            fail();
        }
        return;
    }
    DB_OK(got);
    shown *s = shown_new();
    show_result(s, r);
    laminar_result_free(r);
    if (wanted == NULL || strcmp(s->text, wanted) != 0) {
        print_error("the subscription gave %s, wanted %s\n", s->text,
                    wanted == NULL ? "nothing" : wanted);
        fail();
    }
    free(s);
}

static inline int64_t
db_integer(laminar_database *db, const char *sql) {
    laminar_error   err;
    laminar_result *r = NULL;
    laminar_value   v;
    db_check_ok(laminar_database_execute(db, sql, &r, &err), &err, sql, __FILE__, __LINE__);
    CHECK_EQ(laminar_result_row_count(r), 1);
    CHECK_EQ(laminar_result_value(r, 0, 0, &v), LAMINAR_OK);
    laminar_result_free(r);
    return v.i;
}

#endif
