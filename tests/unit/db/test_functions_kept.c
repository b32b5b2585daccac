/* SPDX-License-Identifier: Apache-2.0 */
/* test_functions_kept.c - aggregates of the program's own in a kept database: their states are in
 * checkpoints, or the rows that they are made of, and streams of them go on over lives in which the
 * code is missing. */
#include <stdlib.h>

#include "database.h"

typedef struct doubles {
    const void *buffers[2];
    double      values[];
} doubles;

static void
release_array(struct ArrowArray *a) {
    free(a->private_data);
    a->release = NULL;
}

static void
release_type(struct ArrowSchema *s) {
    s->release = NULL;
}

static double
value_at(const laminar_call *rows, int64_t row) {
    const struct ArrowArray *a = &rows->arguments[0];
    return ((const double *)a->buffers[1])[a->offset + row];
}

/* ---- total(v), whose groups are sums */
static laminar_status
open_group(void *context, const laminar_call *constants, void **group, laminar_error *err) {
    (void)context, (void)constants, (void)err;
    *group = calloc(1, sizeof(double));
    return LAMINAR_OK;
}

static void
drop_group(void *context, void *group) {
    (void)context;
    free(group);
}

static laminar_status
add(void *context, void *group, const laminar_call *rows, laminar_error *err) {
    (void)context, (void)err;
    for (int64_t i = 0; i < rows->row_count; i++) {
        *(double *)group += value_at(rows, i);
    }
    return LAMINAR_OK;
}

static laminar_status
take_back(void *context, void *group, const laminar_call *rows, laminar_error *err) {
    (void)context, (void)err;
    for (int64_t i = 0; i < rows->row_count; i++) {
        *(double *)group -= value_at(rows, i);
    }
    return LAMINAR_OK;
}

static laminar_status
show_groups(void *context, const laminar_call *call, void *const *groups, int64_t count,
            struct ArrowArray *out, struct ArrowSchema *type, laminar_error *err) {
    (void)context, (void)call, (void)err;
    doubles *d = calloc(1, sizeof(*d) + (size_t)(count + 1) * sizeof(double));
    d->buffers[1] = d->values;
    for (int64_t i = 0; i < count; i++) {
        d->values[i] = *(const double *)groups[i];
    }
    *out = (struct ArrowArray){.length = count,
                               .n_buffers = 2,
                               .buffers = d->buffers,
                               .release = release_array,
                               .private_data = d};
    *type = (struct ArrowSchema){.format = "g", .name = "", .release = release_type};
    return LAMINAR_OK;
}

static laminar_status
load_groups(void *context, const laminar_call *constants, const laminar_call *states, void **groups,
            laminar_error *err) {
    for (int64_t i = 0; i < states->row_count; i++) {
        (void)open_group(context, constants, &groups[i], err);
        *(double *)groups[i] = value_at(states, i);
    }
    return LAMINAR_OK;
}

static void
put(laminar_database *db, bool saves, bool retracts) {
    static const char *const one_double[] = {"DOUBLE"};
    laminar_error            err;
    laminar_aggregate        f = LAMINAR_AGGREGATE_INIT;
    f.argument_count = 1;
    f.arguments = one_double;
    f.result = "DOUBLE";
    f.open = open_group;
    f.drop = drop_group;
    f.accumulate = add;
    f.retract = retracts ? take_back : NULL;
    f.evaluate = show_groups;
    f.state = saves ? "DOUBLE" : NULL;
    f.save = saves ? show_groups : NULL;
    f.load = saves ? load_groups : NULL;
    DB_OK(laminar_database_register_aggregate(db, "total", &f, &err));
}

static laminar_database *
open_at(const char *path) {
    laminar_error     err;
    laminar_options   options = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    options.checkpoint_interval_ms = 3600 * 1000;
    DB_OK(laminar_database_open(&db, path, &options, &err));
    return db;
}

static void
check_twins(laminar_database *db) {
    db_check_same(db, "SELECT * FROM a", "SELECT * FROM b");
}

/* A life without the code; that of `life` 1 makes a checkpoint of what waits. */
static void
live(const char *path, int32_t life) {
    laminar_error     err;
    laminar_database *db = open_at(path);
    db_run(db, "UPDATE t SET v = v + 1 WHERE k % 3 = 0");
    db_run(db, "DELETE FROM t WHERE k % 11 = 1");
    if (life == 1) {
        DB_OK(laminar_database_checkpoint(db, NULL, &err));
    }
    db_run(db, "UPDATE t SET g = g + 1 WHERE k % 5 = 2");
    laminar_database_close(db);
}

static void
play(bool saves, bool retracts, bool with_checkpoint) {
    laminar_error err;
    char          path[] = "/tmp/laminar-functions-XXXXXX";
    char          command[100];
    CHECK(mkdtemp(path) != NULL);
    laminar_database *db = open_at(path);
    put(db, saves, retracts);
    db_run(db, "CREATE TABLE t (k BIGINT PRIMARY KEY, g BIGINT, v DOUBLE);"
               "CREATE STREAM a AS SELECT g, total(v) AS w FROM t GROUP BY g;"
               "CREATE STREAM b AS SELECT g, sum(v) AS w FROM t GROUP BY g");
    DB_OK(laminar_database_start(db, &err));
    db_run(db, "INSERT INTO t SELECT x, x % 5, x * 0.5 FROM range(100) r(x)");
    check_twins(db);
    if (with_checkpoint) {
        DB_OK(laminar_database_checkpoint(db, NULL, &err));
    }
    laminar_database_close(db);
    for (int32_t life = 0; life < 3; life++) {
        live(path, life);
    }
    db = open_at(path);
    put(db, saves, retracts);
    check_twins(db);
    db_run(db, "DELETE FROM t WHERE k % 2 = 0");
    check_twins(db);
    laminar_database_close(db);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", path);
    CHECK_EQ(system(command), 0); /* NOLINT: a path of mkdtemp */
}

static void
test_lives(void **state) {
    (void)state;
    for (int32_t i = 0; i < 8; i++) {
        play((i & 1) != 0, (i & 2) != 0, (i & 4) != 0);
    }
}

UNIT_MAIN(UNIT(test_lives))
