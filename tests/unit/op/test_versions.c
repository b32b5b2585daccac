/* SPDX-License-Identifier: Apache-2.0 */
/* test_versions.c - all versions of a table's rows against a count by hand: random histories of
 * rows that come and go, equal ones and NULLs among them, several at one time. At each time there
 * are as many versions of a row as there were rows; of which of two equal rows a version is does
 * not show. */
#include "circuit.h"

#define KINDS 6 /* of rows */
#define TIMES 40
#define FROM 100 /* numbers of the columns that no input has */
#define UNTIL 101

static const type_id in_types[] = {TYPE_I64, TYPE_I64, TYPE_TEXT};
static const type_id out_types[] = {TYPE_TEXT, TYPE_I64, TYPE_TIMESTAMP, TYPE_TIMESTAMP};
static int32_t       picked[] = {2, 0, FROM, UNTIL}; /* the input's second column is not read */

typedef struct seen { /* versions that hold a time, per row */
    int64_t of[KINDS][TIMES];
} seen;

static seen    found, expected;
static int64_t negative;

/* 0, 1, 2: a NULL, short, long text; and a number or NULL. */
static test_row
row_of(int32_t kind) {
    return (test_row){{kind < 3 ? 7 : NONE, kind, kind % 3 == 0 ? NONE : kind % 3}};
}

static int32_t
kind_of(const column *columns, int32_t row) {
    const value   label = column_value(&columns[0], row);
    const value   number = column_value(&columns[1], row);
    const int32_t of_text = label.is_null ? 0 : label.s.size > 4 ? 1 : 2;
    return of_text + (number.is_null ? 3 : 0);
}

static status
take_versions(void *context, const delta *rows, error *err) {
    seen *s = context;
    (void)err;
    for (int32_t i = 0; i < rows->row_count; i++) {
        const int64_t weight = rows->weight == NULL ? 1 : rows->weight[i];
        const int64_t from = column_value(&rows->columns[2], i).i;
        const int64_t until = column_value(&rows->columns[3], i).i;
        CHECK(weight == 0 || from < until);
        for (int64_t t = max_i64(from, 0); t < TIMES && t < until; t++) {
            s->of[kind_of(rows->columns, i)][t] += weight;
        }
        negative += weight < 0;
    }
    return OK;
}

typedef struct pipeline {
    circuit       c;
    op           *o;
    op_spec       spec;
    const schema *in;
} pipeline;

static status
pipeline_open(pipeline *p, mem *m, error *err) {
    TRY(circuit_open(&p->c, m, NULL, NULL, err));
    p->c.sink_spec.sink = (op_sink){.context = &found, .take = take_versions};
    p->in = circuit_schema(&p->c, 3, in_types);
    p->spec = (op_spec){.mode = MODE_STREAM,
                        .input = {p->in, NULL},
                        .output = circuit_schema(&p->c, 4, out_types),
                        .columns = picked,
                        .arrival = FROM,
                        .departure = UNTIL,
                        .window_key = -1};
    if (p->in == NULL || p->spec.output == NULL) {
        return error_memory(err);
    }
    TRY(circuit_add(&p->c, &p->o, &op_versions_class, &p->spec, err));
    return circuit_finish(&p->c, p->o, err);
}

/* Rows that go, then rows that come, at one time. */
static status
change(pipeline *p, rng *r, int64_t *here, int64_t at, error *err) {
    test_row rows[8];
    int64_t  weight[8];
    int32_t  count = 0;
    p->c.env.arrived_us = at;
    for (int32_t i = 0; i < 8; i++) {
        const int32_t kind = (int32_t)rng_below(r, KINDS);
        if (here[kind] > 0) {
            here[kind]--;
            rows[count] = row_of(kind);
            weight[count++] = -1;
        }
    }
    TRY(circuit_push(&p->c, p->o, 0, p->in, rows, weight, count, err));
    count = (int32_t)rng_below(r, 8);
    for (int32_t i = 0; i < count; i++) {
        const int32_t kind = (int32_t)rng_below(r, KINDS);
        here[kind]++;
        rows[i] = row_of(kind);
    }
    return circuit_push(&p->c, p->o, 0, p->in, rows, NULL, count, err);
}

static void
run_history(uint64_t seed) {
    static pipeline p;
    error           err = {0};
    rng             r;
    int64_t         here[KINDS] = {0}, rows = 0;
    rng_init(&r, seed);
    memset(&found, 0, sizeof(found));
    memset(&expected, 0, sizeof(expected));
    CHECK_OK(pipeline_open(&p, NULL, &err));
    for (int64_t at = 0; at < TIMES; at += (int64_t)rng_below(&r, 3)) {
        CHECK_OK(change(&p, &r, here, at, &err));
        CHECK_OK(circuit_tick(&p.c, 0, &err));
        for (int32_t kind = 0; kind < KINDS; kind++) {
            for (int64_t t = at; t < TIMES; t++) { /* what holds now holds until it changes */
                expected.of[kind][t] = here[kind];
            }
        }
        CHECK_EQ(memcmp(&found, &expected, sizeof(found)), 0);
    }
    for (int32_t kind = 0; kind < KINDS; kind++) {
        rows += here[kind];
    }
    CHECK(p.o->class->state_rows(p.o) <= rows); /* equal ones of one time are one */
    circuit_close(&p.c);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        run_history(seed);
    }
    CHECK(negative > 1000);
}

/* What was never there is no version's. */
static void
test_unknown_row(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    const test_row  row = row_of(1);
    const int64_t   minus = -1;
    memset(&found, 0, sizeof(found));
    CHECK_OK(pipeline_open(&p, NULL, &err));
    CHECK_FAILS(circuit_push(&p.c, p.o, 0, p.in, &row, &minus, 1, &err), ERR_INTERNAL_ERROR);
    circuit_close(&p.c);
}

static status
torture_versions(mem *m, error *err) {
    static pipeline p;
    rng             r;
    int64_t         here[KINDS] = {0};
    rng_init(&r, 5);
    memset(&found, 0, sizeof(found));
    status s = pipeline_open(&p, m, err);
    for (int64_t at = 0; s >= 0 && at < 6; at++) {
        s = change(&p, &r, here, at, err);
        s = s < 0 ? s : circuit_tick(&p.c, 0, err);
    }
    circuit_close(&p.c);
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("versions", torture_versions) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_unknown_row), UNIT(test_torture))
