/* SPDX-License-Identifier: Apache-2.0 */
/* functions.c - a function and an aggregate of the program's own, in a query and in a stream:
 * cc functions.c $(pkg-config --cflags --libs laminar) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "laminar.h"

/* ---- an Arrow array of doubles that we make and the library releases */
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

static double *
make_doubles(struct ArrowArray *out, struct ArrowSchema *type, int64_t count) {
    doubles *d = calloc(1, sizeof(doubles) + (size_t)count * sizeof(double));
    if (d == NULL) {
        return NULL;
    }
    d->buffers[1] = d->values;
    *out = (struct ArrowArray){.length = count,
                               .n_buffers = 2,
                               .buffers = d->buffers,
                               .release = release_array,
                               .private_data = d};
    *type = (struct ArrowSchema){.format = "g", .name = "", .release = release_type};
    return d->values;
}

static laminar_status
out_of_memory(laminar_error *err) {
    snprintf(err->message, sizeof(err->message), "out of memory");
    return -990;
}

/* Value of an argument; a constant has one for all rows. */
static double
at(const laminar_call *call, int i, int64_t row) {
    const struct ArrowArray *a = &call->arguments[i];
    return ((const double *)a->buffers[1])[a->offset + (call->constants[i] ? 0 : row)];
}

/* ---- fahrenheit(celsius) */
static laminar_status
fahrenheit(void *context, const laminar_call *call, struct ArrowArray *out,
           struct ArrowSchema *type, laminar_error *err) {
    (void)context;
    double *values = make_doubles(out, type, call->row_count);
    if (values == NULL) {
        return out_of_memory(err);
    }
    for (int64_t i = 0; i < call->row_count; i++) {
        values[i] = at(call, 0, i) * 9 / 5 + 32;
    }
    return LAMINAR_OK;
}

/* ---- power_mean(x): the cube root of the mean of cubes. Its groups are kept by us. */
typedef struct cubes {
    double sum, count;
} cubes;

static double
cube_root(double x) { /* Newton's method: no -lm */
    double r = x > 1 ? x : 1;
    for (int i = 0; i < 60; i++) {
        r -= (r * r * r - x) / (3 * r * r);
    }
    return r;
}

static laminar_status
open_group(void *context, const laminar_call *constants, void **group, laminar_error *err) {
    (void)context, (void)constants;
    *group = calloc(1, sizeof(cubes));
    return *group == NULL ? out_of_memory(err) : LAMINAR_OK;
}

static void
drop_group(void *context, void *group) {
    (void)context;
    free(group);
}

static laminar_status
add_rows(void *group, const laminar_call *rows, int sign) {
    cubes *g = group;
    for (int64_t i = 0; i < rows->row_count; i++) {
        const double x = at(rows, 0, i);
        g->sum += sign * x * x * x;
        g->count += sign;
    }
    return LAMINAR_OK;
}

static laminar_status
accumulate(void *context, void *group, const laminar_call *rows, laminar_error *err) {
    (void)context, (void)err;
    return add_rows(group, rows, 1);
}

static laminar_status
retract(void *context, void *group, const laminar_call *rows, laminar_error *err) {
    (void)context, (void)err;
    return add_rows(group, rows, -1);
}

static laminar_status
evaluate(void *context, const laminar_call *call, void *const *groups, int64_t count,
         struct ArrowArray *out, struct ArrowSchema *type, laminar_error *err) {
    (void)context;
    (void)call;
    double *values = make_doubles(out, type, count);
    if (values == NULL) {
        return out_of_memory(err);
    }
    for (int64_t i = 0; i < count; i++) {
        const cubes *g = groups[i];
        values[i] = g->count == 0 ? 0 : cube_root(g->sum / g->count);
    }
    return LAMINAR_OK;
}

/* ---- the program */
static int
stop(const laminar_error *err) {
    fprintf(stderr, "%s (%" PRId32 "): %s\n", err->class_name, err->code, err->message);
    return 1;
}

static int
show(laminar_database *db, const char *sql) {
    laminar_error   err;
    laminar_result *rows = NULL;
    if (laminar_database_execute(db, sql, &rows, &err) < 0) {
        return stop(&err);
    }
    for (int64_t row = 0; row < laminar_result_row_count(rows); row++) {
        laminar_value place, value;
        laminar_result_value(rows, row, 0, &place);
        laminar_result_value(rows, row, 1, &value);
        printf("%.*s %.2f\n", (int)place.text_size, place.text, value.d);
    }
    laminar_result_free(rows);
    return 0;
}

int
main(void) {
    static const char *const one_double[] = {"DOUBLE"};
    laminar_error            err;
    laminar_database        *db = NULL;
    laminar_scalar           scalar = LAMINAR_SCALAR_INIT;
    laminar_aggregate        aggregate = LAMINAR_AGGREGATE_INIT;
    scalar.argument_count = 1;
    scalar.arguments = one_double;
    scalar.result = "DOUBLE";
    scalar.flags = LAMINAR_FUNCTION_PARALLEL;
    scalar.call = fahrenheit;
    aggregate.argument_count = 1;
    aggregate.arguments = one_double;
    aggregate.result = "DOUBLE";
    aggregate.open = open_group;
    aggregate.drop = drop_group;
    aggregate.accumulate = accumulate;
    aggregate.retract = retract;
    aggregate.evaluate = evaluate;
    if (laminar_database_open(&db, ":memory:", NULL, &err) < 0 ||
        laminar_database_register_scalar(db, "fahrenheit", &scalar, &err) < 0 ||
        laminar_database_register_aggregate(db, "power_mean", &aggregate, &err) < 0) {
        return stop(&err);
    }
    static const char ddl[] = "CREATE SOURCE readings (place VARCHAR, celsius DOUBLE);"
                              "CREATE STREAM warm AS SELECT place, fahrenheit(celsius) AS f"
                              " FROM readings WHERE fahrenheit(celsius) > 68";
    if (laminar_database_execute(db, ddl, NULL, &err) < 0 || laminar_database_start(db, &err) < 0 ||
        laminar_database_execute(db,
                                 "INSERT INTO readings VALUES"
                                 " ('Rome', 31), ('Oslo', 12), ('Rome', 24), ('Oslo', 21.5)",
                                 NULL, &err) < 0) {
        return stop(&err);
    }
    const int failed = show(db, "SELECT place, f FROM warm ORDER BY f") ||
                       show(db, "SELECT place, power_mean(celsius) FROM readings GROUP BY place"
                                " ORDER BY place");
    laminar_database_close(db);
    return failed;
}
