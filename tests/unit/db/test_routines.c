/* SPDX-License-Identifier: Apache-2.0 */
/* test_routines.c - aggregates, table functions and processors of the program's through laminar.h:
 * beside their built-in twins in queries and in streams, with rows that are taken back, windows,
 * sessions, DISTINCT, FILTER and OVER, and with everything saved and made again meanwhile. */
#include <stdlib.h>

#include "database.h"

/* ---- Arrow by hand: columns of 64-bit values, structs and lists of them */
typedef struct made {
    const void         *buffers[2];
    void               *values;
    uint8_t            *bits;
    struct ArrowArray  *children[4];
    struct ArrowSchema *types[4];
} made;

static void
release_array(struct ArrowArray *a) {
    made *m = a->private_data;
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release != NULL) {
            a->children[i]->release(a->children[i]);
        }
        free(a->children[i]);
    }
    free(m->values);
    free(m->bits);
    free(m);
    a->release = NULL;
}

static void
release_type(struct ArrowSchema *s) {
    made *m = s->private_data;
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release != NULL) {
            s->children[i]->release(s->children[i]);
        }
        free(s->children[i]);
    }
    free(m);
    s->release = NULL;
}

/* buffers: 1 for a struct, 2 for the others. `children` are taken over. */
static void
make(struct ArrowArray *out, struct ArrowSchema *type, const char *format, const char *name,
     int64_t count, int buffers, void *values, int children, struct ArrowArray **arrays,
     struct ArrowSchema **types) {
    made *m = calloc(1, sizeof(*m)), *t = calloc(1, sizeof(*t));
    m->values = values;
    m->buffers[1] = values;
    for (int i = 0; i < children; i++) {
        m->children[i] = arrays[i];
        t->types[i] = types[i];
    }
    *out = (struct ArrowArray){.length = count,
                               .n_buffers = buffers,
                               .buffers = m->buffers,
                               .n_children = children,
                               .children = m->children,
                               .release = release_array,
                               .private_data = m};
    *type = (struct ArrowSchema){.format = format,
                                 .name = name,
                                 .flags = 2,
                                 .n_children = children,
                                 .children = t->types,
                                 .release = release_type,
                                 .private_data = t};
}

static void *
make_child(struct ArrowArray **array, struct ArrowSchema **type, const char *format,
           const char *name, int64_t count) {
    void *values = calloc((size_t)count + 1, 8);
    *array = calloc(1, sizeof(**array));
    *type = calloc(1, sizeof(**type));
    make(*array, *type, format, name, count, 2, values, 0, NULL, NULL);
    return values;
}

static void
set_null(struct ArrowArray *a, int64_t row) {
    made *m = a->private_data;
    if (m->bits == NULL) {
        m->bits = malloc((size_t)a->length / 8 + 1);
        memset(m->bits, 0xff, (size_t)a->length / 8 + 1);
        m->buffers[0] = m->bits;
    }
    m->bits[row / 8] &= (uint8_t)~(1u << (row % 8));
    a->null_count++;
}

static bool
is_null(const struct ArrowArray *a, int64_t row) {
    const uint8_t *bits = a->buffers[0];
    row += a->offset;
    return bits != NULL && (bits[row / 8] >> (row % 8) & 1) == 0;
}

static int64_t
number_at(const struct ArrowArray *a, int64_t row) {
    return ((const int64_t *)a->buffers[1])[a->offset + row];
}

static double
double_at(const struct ArrowArray *a, int64_t row) {
    return ((const double *)a->buffers[1])[a->offset + row];
}

/* ---- my_sum(BIGINT), my_avg(BIGINT) */
typedef struct group {
    int64_t sum, count;
} group;

static _Atomic int64_t live, saves, opens;

static laminar_status
open_group(void *context, const laminar_call *constants, void **out, laminar_error *err) {
    (void)context;
    (void)err;
    group *g = calloc(1, sizeof(*g));
    if (constants->argument_count > 0) { /* my_sum(v, start) */
        g->sum = number_at(&constants->arguments[0], 0);
    }
    atomic_fetch_add(&live, 1);
    atomic_fetch_add(&opens, 1);
    *out = g;
    return LAMINAR_OK;
}

static void
drop_group(void *context, void *g) {
    (void)context;
    free(g);
    atomic_fetch_sub(&live, 1);
}

static laminar_status
add(void *g, const laminar_call *rows, int sign) {
    group *to = g;
    for (int64_t i = 0; i < rows->row_count; i++) {
        CHECK(!is_null(&rows->arguments[0], i));
        to->sum += sign * number_at(&rows->arguments[0], i);
        to->count += sign;
    }
    return LAMINAR_OK;
}

static laminar_status
accumulate(void *context, void *g, const laminar_call *rows, laminar_error *err) {
    const bool *fails = context;
    if (fails != NULL && *fails) {
        (void)snprintf(err->message, sizeof(err->message), "no way: user.py:12");
        return -400;
    }
    return add(g, rows, 1);
}

static laminar_status
retract(void *context, void *g, const laminar_call *rows, laminar_error *err) {
    (void)context;
    (void)err;
    return add(g, rows, -1);
}

static laminar_status
merge(void *context, const laminar_call *call, void *g, const void *other, laminar_error *err) {
    (void)context;
    (void)call;
    (void)err;
    ((group *)g)->sum += ((const group *)other)->sum;
    ((group *)g)->count += ((const group *)other)->count;
    return LAMINAR_OK;
}

static laminar_status
evaluate_sum(void *context, const laminar_call *call, void *const *groups, int64_t count,
             struct ArrowArray *out, struct ArrowSchema *type, laminar_error *err) {
    int64_t *values = calloc((size_t)count, 8);
    (void)context;
    (void)call;
    (void)err;
    make(out, type, "l", "", count, 2, values, 0, NULL, NULL);
    for (int64_t i = 0; i < count; i++) {
        const group *g = groups[i];
        values[i] = g->sum;
        if (g->count == 0) {
            set_null(out, i);
        }
    }
    return LAMINAR_OK;
}

static laminar_status
evaluate_avg(void *context, const laminar_call *call, void *const *groups, int64_t count,
             struct ArrowArray *out, struct ArrowSchema *type, laminar_error *err) {
    double *values = calloc((size_t)count, 8);
    (void)context;
    (void)call;
    (void)err;
    make(out, type, "g", "", count, 2, values, 0, NULL, NULL);
    for (int64_t i = 0; i < count; i++) {
        const group *g = groups[i];
        values[i] = g->count == 0 ? 0 : (double)g->sum / (double)g->count;
        if (g->count == 0) {
            set_null(out, i);
        }
    }
    return LAMINAR_OK;
}

static laminar_status
save(void *context, const laminar_call *call, void *const *groups, int64_t count,
     struct ArrowArray *out, struct ArrowSchema *type, laminar_error *err) {
    (void)call;
    struct ArrowArray  *arrays[2];
    struct ArrowSchema *types[2];
    int64_t            *sums = make_child(&arrays[0], &types[0], "l", "sum", count);
    int64_t            *counts = make_child(&arrays[1], &types[1], "l", "count", count);
    (void)context;
    (void)err;
    for (int64_t i = 0; i < count; i++) {
        sums[i] = ((const group *)groups[i])->sum;
        counts[i] = ((const group *)groups[i])->count;
    }
    make(out, type, "+s", "", count, 1, NULL, 2, arrays, types);
    atomic_fetch_add(&saves, 1);
    return LAMINAR_OK;
}

static laminar_status
load(void *context, const laminar_call *constants, const laminar_call *states, void **groups,
     laminar_error *err) {
    const struct ArrowArray *a = &states->arguments[0];
    for (int64_t i = 0; i < states->row_count; i++) {
        (void)open_group(context, constants, &groups[i], err);
        group *g = groups[i];
        g->sum = number_at(a->children[0], a->offset + i);
        g->count = number_at(a->children[1], a->offset + i);
    }
    return LAMINAR_OK;
}

static const char *const one_number[] = {"BIGINT"};

static laminar_aggregate
twin(void) {
    laminar_aggregate f = LAMINAR_AGGREGATE_INIT;
    f.argument_count = 1;
    f.arguments = one_number;
    f.result = "BIGINT";
    f.state = "STRUCT(sum BIGINT, count BIGINT)";
    f.open = open_group;
    f.drop = drop_group;
    f.accumulate = accumulate;
    f.retract = retract;
    f.merge = merge;
    f.evaluate = evaluate_sum;
    f.save = save;
    f.load = load;
    return f;
}

static void
register_twins(laminar_database *db, bool takes_back, bool saves_state, bool merges, bool *fails) {
    laminar_error     err;
    laminar_aggregate f = twin();
    f.state = saves_state ? f.state : NULL;
    f.retract = takes_back ? retract : NULL;
    f.merge = merges ? merge : NULL;
    f.context = fails;
    DB_OK(laminar_database_register_aggregate(db, "my_sum", &f, &err));
    f.result = "DOUBLE";
    f.evaluate = evaluate_avg;
    DB_OK(laminar_database_register_aggregate(db, "my_avg", &f, &err));
}

/* ---- weighted(DOUBLE, DOUBLE, DOUBLE): the sum of x * y + c over a group, or of each row */
static laminar_status
weighted(void *context, const laminar_call *call, struct ArrowArray *out, struct ArrowSchema *type,
         laminar_error *err) {
    const bool   *grouped = context;
    const int64_t count = *grouped ? 1 : call->row_count;
    double       *values = calloc((size_t)count + 1, 8);
    (void)err;
    for (int64_t i = 0; i < call->row_count; i++) {
        double part[3];
        for (int k = 0; k < 3; k++) {
            part[k] = double_at(&call->arguments[k], call->constants[k] ? 0 : i);
        }
        values[*grouped ? 0 : i] += part[0] * part[1] + part[2];
    }
    make(out, type, "g", "", count, 2, values, 0, NULL, NULL);
    return LAMINAR_OK;
}

/* ---- series(BIGINT): STRUCT(i BIGINT, square BIGINT)[] */
static laminar_status
series(void *context, const laminar_call *call, struct ArrowArray *out, struct ArrowSchema *type,
       laminar_error *err) {
    struct ArrowArray  *fields[2], *item = calloc(1, sizeof(*item));
    struct ArrowSchema *types[2], *item_type = calloc(1, sizeof(*item_type));
    int32_t            *offsets = calloc((size_t)call->row_count + 1, sizeof(*offsets));
    (void)context;
    (void)err;
    for (int64_t i = 0; i < call->row_count; i++) {
        const int64_t n = number_at(&call->arguments[0], call->constants[0] ? 0 : i);
        offsets[i + 1] = offsets[i] + (int32_t)(n < 0 ? 0 : n);
    }
    const int64_t total = offsets[call->row_count];
    int64_t      *numbers = make_child(&fields[0], &types[0], "l", "i", total);
    int64_t      *squares = make_child(&fields[1], &types[1], "l", "square", total);
    for (int64_t i = 0, at = 0; i < call->row_count; i++) {
        for (int64_t k = 0; at < offsets[i + 1]; k++, at++) {
            numbers[at] = k;
            squares[at] = k * k;
        }
    }
    make(item, item_type, "+s", "item", total, 1, NULL, 2, fields, types);
    make(out, type, "+l", "", call->row_count, 2, offsets, 1, &item, &item_type);
    return LAMINAR_OK;
}

/* ---- visits(TABLE clicks PARTITION BY user): each click with its number, and 10 seconds behind
 * the last one how many there were */
static laminar_status
visits(void *context, const laminar_process *call, struct ArrowArray *out,
       struct ArrowSchema *out_type, int64_t *out_counts, struct ArrowArray *states,
       struct ArrowSchema *states_type, laminar_error *err) {
    const int64_t       most = call->rows->row_count + call->key_count;
    struct ArrowArray  *arrays[3];
    struct ArrowSchema *types[3];
    int64_t            *users = make_child(&arrays[0], &types[0], "l", "who", most);
    int64_t            *numbers = make_child(&arrays[1], &types[1], "l", "n", most);
    int64_t            *overs = make_child(&arrays[2], &types[2], "l", "total", most);
    int64_t            *counts = calloc((size_t)call->key_count + 1, 8);
    int64_t             at = 0, row = 0, fired = 0;
    const int64_t       gap_us = *(const int64_t *)context;
    CHECK_STR(call->names[0], "who");
    for (int64_t k = 0; k < call->key_count; k++) {
        const int64_t first = at;
        const int64_t user = number_at(&call->keys->arguments[0], k);
        counts[k] =
            is_null(&call->states->arguments[0], k) ? 0 : number_at(&call->states->arguments[0], k);
        if (call->fired_counts[k] > 0) { /* the last one tells */
            fired += call->fired_counts[k];
            CHECK(call->fired_us[fired - 1] <= call->watermark_us);
            users[at] = user;
            set_null(arrays[1], at);
            overs[at++] = counts[k];
        }
        for (int64_t i = 0; i < call->row_counts[k]; i++, row++) {
            users[at] = user;
            numbers[at] = ++counts[k];
            set_null(arrays[2], at++);
            const int64_t time_us = number_at(&call->rows->arguments[1], row);
            CHECK_EQ(number_at(&call->rows->arguments[0], row), user);
            CHECK_EQ(laminar_process_timer(call, k, time_us + gap_us, false, err), LAMINAR_OK);
        }
        out_counts[k] = at - first;
    }
    for (int i = 0; i < 3; i++) {
        arrays[i]->length = at;
    }
    make(out, out_type, "+s", "", at, 1, NULL, 3, arrays, types);
    make(states, states_type, "l", "", call->key_count, 2, counts, 0, NULL, NULL);
    return LAMINAR_OK;
}

static void
register_visits(laminar_database *db, const int64_t *gap_us) {
    laminar_error     err;
    laminar_processor f = LAMINAR_PROCESSOR_INIT;
    f.result = "STRUCT(who BIGINT, n BIGINT, total BIGINT)";
    f.state = "BIGINT";
    f.process = visits;
    f.context = (void *)(uintptr_t)gap_us;
    DB_OK(laminar_database_register_processor(db, "visits", &f, &err));
}

/* ---- queries */
static laminar_database *
started(void) {
    laminar_error     err;
    laminar_database *db = db_open();
    DB_OK(laminar_database_start(db, &err));
    return db;
}

static shown *
rows_of(laminar_database *db, const char *sql) {
    laminar_error   err;
    laminar_result *r = NULL;
    shown          *s = shown_new();
    db_check_ok(laminar_database_execute(db, sql, &r, &err), &err, sql, __FILE__, __LINE__);
    show_result(s, r);
    laminar_result_free(r);
    return s;
}

static void
expect(laminar_database *db, const char *sql, const char *rows) {
    shown *s = rows_of(db, sql);
    if (strcmp(s->text, rows) != 0) {
        print_error("%s\n  gave %.2000s\n  not %s\n", sql, s->text, rows);
        fail();
    }
    free(s);
}

static void
expect_in_plan(laminar_database *db, const char *sql, const char *part, bool there) {
    shown *s = rows_of(db, sql);
    if ((strstr(s->text, part) != NULL) != there) {
        print_error("%s\n  gave %.3000s\n", sql, s->text);
        fail();
    }
    free(s);
}

static void
test_queries(void **state) {
    (void)state;
    laminar_database *db = started();
    register_twins(db, true, true, true, NULL);
    db_run(db, "CREATE TABLE t (k BIGINT, v BIGINT)");
    expect(db, "SELECT my_sum(v), my_avg(v) FROM t", "NULL,NULL");
    db_run(db, "INSERT INTO t SELECT i % 7, CASE WHEN i % 5 = 0 THEN NULL ELSE i * i % 1000 END "
               "FROM range(20000) AS r(i)");
    expect(db,
           "SELECT count(*), bool_and(a IS NOT DISTINCT FROM b), bool_and(c = d), bool_and(e IS "
           "NOT DISTINCT FROM f), bool_and(g = h) FROM (SELECT k, my_sum(v) AS a, sum(v) AS b, "
           "my_avg(v) AS c, avg(v) AS d, my_sum(v) FILTER (WHERE v % 3 = 1) AS e, sum(v) FILTER "
           "(WHERE v % 3 = 1) AS f, my_sum(DISTINCT v) AS g, sum(DISTINCT v) AS h FROM t GROUP BY "
           "k)",
           "7,1,1,1,1");
    expect(db, "SELECT my_sum(v, 100) - sum(v) FROM t", "100");
    expect(db,
           "SELECT bool_and(a IS NOT DISTINCT FROM b), bool_and(c = d), bool_and(e IS NOT DISTINCT "
           "FROM f) FROM (SELECT my_sum(v) OVER w AS a, sum(v) OVER w AS b, my_sum(v) OVER "
           "(PARTITION BY k) AS c, sum(v) OVER (PARTITION BY k) AS d, my_avg(v) OVER (w ROWS "
           "BETWEEN 3 PRECEDING AND 1 FOLLOWING) AS e, avg(v) OVER (w ROWS BETWEEN 3 PRECEDING AND "
           "1 FOLLOWING) AS f FROM (SELECT * FROM t LIMIT 3000) WINDOW w AS (PARTITION BY k ORDER "
           "BY v))",
           "1,1,1");
    db_refuse(db, "SELECT my_sum() FROM t", 400, "one column or more");
    db_refuse(db, "SELECT my_sum(*) FROM t", 400, "one column or more");
    db_refuse(db, "SELECT my_sum('a'::VARCHAR || k) FROM t", 400, "");
    db_refuse(db, "SELECT v FROM t WHERE my_sum(v) > 1", 400, "WHERE");
    expect_in_plan(db, "EXPLAIN SELECT my_sum(v) FROM t", "over kept rows", false);
    expect_in_plan(db, "EXPLAIN SELECT my_sum(DISTINCT v) FROM t", "over kept rows", true);
    laminar_database_close(db);
    CHECK_EQ(live, 0);
}

/* ---- streams */

static const char compared[] = "bool_and(a IS NOT DISTINCT FROM b), bool_and(c IS NOT DISTINCT "
                               "FROM d), bool_and(e IS NOT DISTINCT FROM f)";

static const char *const streams[] = {
    /* rows that are taken back, in groups and below others */
    "CREATE STREAM s1 AS SELECT k, my_sum(v) AS a, sum(v) AS b, my_avg(v) AS c, avg(v) AS d, "
    "my_sum(DISTINCT v) AS e, sum(DISTINCT v) AS f FROM t GROUP BY k",
    "CREATE STREAM s2 AS SELECT b % 2 AS k, my_sum(a) AS a, sum(b::BIGINT)::BIGINT AS b, my_avg(a) "
    "AS c, avg(b::BIGINT) AS d, my_sum(a) FILTER (WHERE a > 5) AS e, sum(b::BIGINT) FILTER (WHERE "
    "b "
    "> 5) AS f FROM s1 GROUP BY 1",
    /* rows of a source, windows that hop, sessions */
    "CREATE STREAM s3 AS SELECT k, my_sum(v) AS a, sum(v) AS b, my_avg(v) AS c, avg(v) AS d, 1 AS "
    "e, 1 AS f FROM e GROUP BY k",
    "CREATE STREAM s4 AS SELECT k, window_start, my_sum(v) AS a, sum(v) AS b, my_avg(v) AS c, "
    "avg(v) "
    "AS d, my_sum(v + 1) AS e, sum(v + 1) AS f FROM e GROUP BY k, HOP(ts, INTERVAL '5' SECOND, "
    "INTERVAL '20' SECOND)",
    "CREATE STREAM s5 AS SELECT k, window_start, my_sum(v) AS a, sum(v) AS b, my_avg(v) AS c, "
    "avg(v) "
    "AS d, my_sum(v + 1) AS e, sum(v + 1) AS f FROM e GROUP BY k, SESSION(ts, INTERVAL '3' SECOND)",
    "CREATE STREAM s6 AS SELECT k, my_sum(v) OVER w AS a, sum(v) OVER w AS b, my_avg(v) OVER (w "
    "ROWS "
    "BETWEEN 2 PRECEDING AND CURRENT ROW) AS c, avg(v) OVER (w ROWS BETWEEN 2 PRECEDING AND "
    "CURRENT "
    "ROW) AS d, 1 AS e, 1 AS f FROM t WINDOW w AS (PARTITION BY k ORDER BY v)",
};

static void
compare_all(laminar_database *db) {
    for (int i = 0; i < (int)(sizeof(streams) / sizeof(streams[0])); i++) {
        char sql[400];
        (void)snprintf(sql, sizeof(sql), "SELECT %s, count(*) > 0 FROM s%d", compared, i + 1);
        expect(db, sql, "1,1,1,1");
    }
}

static void
random_step(laminar_database *db, rng *r, int64_t *second) {
    char sql[400];
    switch (rng_below(r, 4)) {
    case 0:
        (void)snprintf(sql, sizeof(sql), "DELETE FROM t WHERE v %% 7 = %d", (int)rng_below(r, 7));
        break;
    case 1:
        (void)snprintf(sql, sizeof(sql), "UPDATE t SET v = v + %d WHERE k = %d",
                       (int)rng_below(r, 5), (int)rng_below(r, 4));
        break;
    case 2:
        (void)snprintf(sql, sizeof(sql),
                       "INSERT INTO t SELECT (i * %d) %% 4, CASE WHEN i %% 9 = 0 THEN NULL ELSE i "
                       "%% 13 END FROM range(%d) AS r(i)",
                       1 + (int)rng_below(r, 9), 1 + (int)rng_below(r, 60));
        break;
    default:
        (void)snprintf(sql, sizeof(sql),
                       "INSERT INTO e SELECT i %% 3, i * %d %% 17, TIMESTAMP '2024-01-01' + "
                       "INTERVAL 1 SECOND * (%d + i %% 4) FROM range(%d) AS r(i)",
                       1 + (int)rng_below(r, 9), (int)*second, 1 + (int)rng_below(r, 40));
        *second += (int64_t)rng_below(r, 8);
    }
    db_run(db, sql);
}

static void
run_streams(bool takes_back, bool saves_state, bool merges, uint64_t seed) {
    rng     r;
    int64_t second = 10;
    rng_init(&r, seed);
    laminar_error     err;
    laminar_database *db = started();
    register_twins(db, takes_back, saves_state, merges, NULL);
    db_run(db, "CREATE TABLE t (k BIGINT, v BIGINT)");
    db_run(db, "CREATE SOURCE e (k BIGINT, v BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts - "
               "INTERVAL '2' SECOND)");
    for (int i = 0; i < (int)(sizeof(streams) / sizeof(streams[0])); i++) {
        db_run(db, streams[i]);
    }
    db_run(db, "INSERT INTO t VALUES (1, 6), (1, 2)");
    db_run(db, "INSERT INTO e VALUES (1, 6, TIMESTAMP '2024-01-01 00:00:08')");
    for (int step = 0; step < 40; step++) {
        random_step(db, &r, &second);
        if (step % 4 == 0) {
            db_run(db, "INSERT INTO t VALUES (1, 6), (2, 2)");
            compare_all(db);
        }
        if (step % 3 == 1) {
            CHECK(laminar_database_reload(db, &err) >= 0); /* 1: not now */
            compare_all(db);
        }
    }
    laminar_database_close(db);
    CHECK_EQ(live, 0);
}

static void
test_streams(void **state) {
    (void)state;
    saves = 0;
    for (int i = 0; i < 8; i++) {
        run_streams(i & 1, i & 2, i & 4, (uint64_t)i + 1);
    }
    CHECK(saves > 10); /* states went through the store */
}

static void
test_plans(void **state) {
    (void)state;
    laminar_database *db = started();
    register_twins(db, false, true, true, NULL);
    db_run(db, "CREATE TABLE t (k BIGINT, v BIGINT)");
    db_run(db, "CREATE SOURCE e (k BIGINT, v BIGINT)");
    expect_in_plan(db, "EXPLAIN CREATE STREAM s AS SELECT my_sum(v) FROM e GROUP BY k",
                   "over kept rows", false);
    expect_in_plan(db, "EXPLAIN CREATE STREAM s AS SELECT my_sum(v) FROM t GROUP BY k",
                   "over kept rows", true); /* it cannot take rows back */
    laminar_database_close(db);
}

static void
test_failure(void **state) {
    (void)state;
    bool              fails = false;
    laminar_database *db = started();
    register_twins(db, true, true, true, &fails);
    db_run(db, "CREATE SOURCE e (k BIGINT, v BIGINT)");
    db_run(db, "CREATE STREAM s AS SELECT k, my_sum(v) AS a FROM e GROUP BY k");
    db_run(db, "INSERT INTO e VALUES (1, 2)");
    fails = true;
    db_refuse(db, "SELECT my_sum(v) FROM e", 400, "user.py:12");
    db_run(db, "INSERT INTO e VALUES (1, 3)"); /* the stream fails, not the insert */
    db_refuse(db, "SELECT * FROM s", 600, "user.py:12");
    expect(db, "SELECT count(*) FROM e", "2");
    fails = false;
    db_run(db, "ALTER STREAM s RETRY");
    expect(db, "SELECT * FROM s", "1,5");
    laminar_database_close(db);
    CHECK_EQ(live, 0);
}

static void
test_many_threads(void **state) {
    (void)state;
    laminar_database *db = started();
    laminar_error     err;
    laminar_aggregate f = twin();
    f.flags = LAMINAR_FUNCTION_PARALLEL;
    DB_OK(laminar_database_register_aggregate(db, "my_sum", &f, &err));
    db_run(db, "CREATE TABLE t AS SELECT i % 11 AS k, i % 1000 AS v FROM range(400000) AS r(i)");
    expect(db,
           "SELECT count(*), bool_and(a = b) FROM (SELECT k, my_sum(v) AS a, sum(v) AS b FROM t "
           "GROUP BY k)",
           "11,1");
    expect(db, "SELECT my_sum(v) - sum(v) FROM t", "0");
    laminar_database_close(db);
    CHECK_EQ(live, 0);
}

/* ---- scalars of groups, table functions */
static void
test_scalar_of_groups(void **state) {
    (void)state;
    bool              grouped = true;
    laminar_error     err;
    laminar_scalar    f = LAMINAR_SCALAR_INIT;
    const char *const types[] = {"DOUBLE", "DOUBLE", "DOUBLE"};
    laminar_database *db = started();
    f.argument_count = 3;
    f.arguments = types;
    f.result = "DOUBLE";
    f.call = weighted;
    f.context = &grouped;
    DB_OK(laminar_database_register_scalar(db, "weighted", &f, &err));
    db_run(db, "CREATE TABLE t (k BIGINT, x DOUBLE, y DOUBLE)");
    db_run(db, "INSERT INTO t VALUES (1, 2, 3), (1, 4, 5), (2, 1, 1), (2, NULL, 7)");
    expect(db, "SELECT k, weighted(x, y, 0.5) FROM t GROUP BY k ORDER BY k", "1,27|2,1.5");
    expect(db, "SELECT k FROM t GROUP BY k HAVING weighted(x, 1, y) > 3 ORDER BY 1", "1");
    expect(db, "SELECT weighted(x, y, 0), count(*) FROM t", "27,4");
    db_refuse(db, "SELECT weighted(x, y, count(*)) FROM t", 400, "of the group itself");
    db_run(db, "CREATE STREAM s AS SELECT k, weighted(x, y, 0.5) AS w FROM t GROUP BY k");
    db_run(db, "DELETE FROM t WHERE x = 4");
    expect(db, "SELECT * FROM s ORDER BY k", "1,6.5|2,1.5");
    grouped = false;
    expect(db, "SELECT weighted(sum(x), sum(y), 1) FROM t GROUP BY k ORDER BY k", "7|9");
    expect(db, "SELECT weighted(x, y, k) FROM t ORDER BY k, x", "7|3|NULL");
    laminar_database_close(db);
}

static void
test_table_functions(void **state) {
    (void)state;
    laminar_error     err;
    laminar_scalar    f = LAMINAR_SCALAR_INIT;
    laminar_database *db = started();
    f.argument_count = 1;
    f.arguments = one_number;
    f.result = "STRUCT(i BIGINT, square BIGINT)[]";
    f.is_rows = true;
    f.call = series;
    DB_OK(laminar_database_register_scalar(db, "squares", &f, &err));
    expect(db, "SELECT * FROM squares(4)", "0,0|1,1|2,4|3,9");
    expect(db, "SELECT s.i + square FROM squares(3) AS s WHERE i > 0", "2|6");
    expect(db, "SELECT b FROM squares(3) AS s(a, b) ORDER BY a DESC", "4|1|0");
    db_run(db, "CREATE TABLE t (x BIGINT)");
    db_run(db, "INSERT INTO t VALUES (0), (2), (3)");
    expect(db, "SELECT x, i FROM t, squares(t.x) ORDER BY x, i", "2,0|2,1|3,0|3,1|3,2");
    expect(db, "SELECT x, g.a FROM t CROSS JOIN LATERAL squares(t.x) AS g(a, b) WHERE b = 1",
           "2,1|3,1");
    expect(db, "SELECT x, i FROM t LEFT JOIN LATERAL squares(t.x) ON true ORDER BY x, i",
           "0,NULL|2,0|2,1|3,0|3,1|3,2");
    db_run(db, "CREATE STREAM s AS SELECT x, sum(square) AS q FROM t, squares(t.x) GROUP BY x");
    db_run(db, "DELETE FROM t WHERE x = 3");
    db_run(db, "INSERT INTO t VALUES (4)");
    expect(db, "SELECT * FROM s ORDER BY x", "2,1|4,14");
    db_refuse(db, "SELECT * FROM visits(TABLE t)", 400, "no processor");
    db_refuse(db, "SELECT * FROM squares(TABLE t)", 400, "no processor");
    laminar_database_close(db);
}

/* ---- processors */
static const char *const all_visits = "SELECT who, n, total FROM v ORDER BY who, n NULLS LAST";

static void
test_processor(void **state) {
    (void)state;
    const int64_t     gap_us = 10000000;
    laminar_database *db = started();
    register_visits(db, &gap_us);
    db_run(db, "CREATE SOURCE clicks (who BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts)");
    db_run(db, "CREATE STREAM v AS SELECT * FROM visits(TABLE clicks PARTITION BY who)");
    db_run(db, "INSERT INTO clicks VALUES (1, TIMESTAMP '2024-01-01 00:00:00'), (2, TIMESTAMP "
               "'2024-01-01 00:00:01'), (1, TIMESTAMP '2024-01-01 00:00:02')");
    expect(db, all_visits, "1,1,NULL|1,2,NULL|2,1,NULL");
    db_run(db, "INSERT INTO clicks VALUES (2, TIMESTAMP '2024-01-01 00:00:13')");
    expect(db, all_visits, "1,1,NULL|1,2,NULL|1,NULL,2|2,1,NULL|2,2,NULL|2,NULL,1");
    db_run(db, "CREATE STREAM totals AS SELECT who, max(total) AS m FROM v GROUP BY who");
    expect(db, "SELECT * FROM totals ORDER BY who", "1,2|2,1");
    expect_in_plan(db,
                   "EXPLAIN CREATE STREAM w AS SELECT * FROM visits(TABLE clicks PARTITION BY "
                   "who)",
                   "Process visits  keys: who", true);
    /* made later, of the same rows */
    db_run(db, "CREATE STREAM again AS SELECT * FROM visits(TABLE clicks PARTITION BY who)");
    expect(db, "SELECT count(*) FROM (SELECT * FROM again EXCEPT ALL SELECT * FROM v)", "0");
    expect(db, "SELECT count(*) FROM again", "6");
    /* one-off: all rows, then what is due */
    expect(db,
           "SELECT who, n, total FROM visits(TABLE (SELECT who, ts FROM clicks) PARTITION BY who) "
           "AS p ORDER BY who, n NULLS LAST",
           "1,1,NULL|1,2,NULL|1,NULL,2|2,1,NULL|2,2,NULL|2,NULL,2");
    db_run(db, "CREATE VIEW seen AS SELECT who FROM visits(TABLE clicks PARTITION BY who) AS p (a, "
               "who, c)");
    expect(db, "SELECT count(who) FROM seen", "4");
    db_run(db, "CREATE TABLE t (who BIGINT, ts TIMESTAMP)");
    db_refuse(db, "CREATE STREAM w AS SELECT * FROM visits(TABLE t PARTITION BY who)", 400,
              "taken back");
    db_refuse(db, "CREATE STREAM w AS SELECT * FROM visits(TABLE clicks PARTITION BY nobody)", 400,
              "nobody");
    db_refuse(db, "SELECT * FROM visits(1)", 400, "processor");
    laminar_database_close(db);
}

/* Rows without event time: timers are by the engine's clock. */
static void
test_processor_by_clock(void **state) {
    (void)state;
    const int64_t     gap_us = 1000000;
    laminar_error     err;
    laminar_options   o = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    o.deterministic = true;
    DB_OK(laminar_database_open(&db, ":memory:", &o, &err));
    DB_OK(laminar_database_start(db, &err));
    register_visits(db, &gap_us);
    db_run(db, "CREATE SOURCE clicks (who BIGINT, at BIGINT)");
    db_run(db, "CREATE STREAM v AS SELECT * FROM visits(TABLE clicks PARTITION BY who)");
    DB_OK(laminar_database_tick(db, 5000000, &err));
    db_run(db, "INSERT INTO clicks VALUES (1, 5000000), (2, 7000000)");
    DB_OK(laminar_database_tick(db, 5900000, &err));
    expect(db, all_visits, "1,1,NULL|2,1,NULL");
    DB_OK(laminar_database_tick(db, 6000000, &err));
    expect(db, all_visits, "1,1,NULL|1,NULL,1|2,1,NULL");
    CHECK(laminar_database_reload(db, &err) == LAMINAR_OK);
    DB_OK(laminar_database_tick(db, 9000000, &err));
    expect(db, all_visits, "1,1,NULL|1,NULL,1|2,1,NULL|2,NULL,1");
    laminar_database_close(db);
}

/* A key that nothing touches is forgotten, but not while it has a timer. */
static void
test_processor_forgets(void **state) {
    (void)state;
    const int64_t     gap_us = 30000000;
    laminar_error     err;
    laminar_options   o = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    o.deterministic = true;
    DB_OK(laminar_database_open(&db, ":memory:", &o, &err));
    DB_OK(laminar_database_start(db, &err));
    register_visits(db, &gap_us);
    db_run(db, "CREATE SOURCE clicks (who BIGINT, at BIGINT)");
    db_run(db, "CREATE STREAM v WITH (state_ttl = '10 seconds') AS SELECT * FROM visits(TABLE "
               "clicks PARTITION BY who)");
    DB_OK(laminar_database_tick(db, 1000000, &err));
    db_run(db, "INSERT INTO clicks VALUES (1, 1000000)");
    DB_OK(laminar_database_tick(db, 25000000, &err)); /* its timer is at 31 */
    db_run(db, "INSERT INTO clicks VALUES (1, 1000000)");
    DB_OK(laminar_database_tick(db, 32000000, &err));
    expect(db, all_visits, "1,1,NULL|1,2,NULL|1,NULL,2");
    DB_OK(laminar_database_tick(db, 60000000, &err));
    db_run(db, "INSERT INTO clicks VALUES (1, 60000000)"); /* it begins anew */
    expect(db, all_visits, "1,1,NULL|1,1,NULL|1,2,NULL|1,NULL,2");
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_queries), UNIT(test_streams), UNIT(test_plans), UNIT(test_failure),
          UNIT(test_many_threads), UNIT(test_scalar_of_groups), UNIT(test_table_functions),
          UNIT(test_processor), UNIT(test_processor_by_clock), UNIT(test_processor_forgets))
