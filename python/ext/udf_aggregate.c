/* SPDX-License-Identifier: Apache-2.0 */
/* udf_aggregate.c - aggregates of the program: groups are Python objects, which the engine holds
 * and the glue (laminardb.udfs) makes, feeds and reads. */
#include "udf.h"

#include <string.h>

typedef enum step { OPEN, ACCUMULATE, RETRACT, MERGE, EVALUATE, SAVE, LOAD } step;

typedef struct aggregate_job {
    ext_job             job;
    const ext_udf      *f;
    step                step;
    const laminar_call *constants, *rows; /* rows: or states */
    const laminar_call *call;             /* of what has neither */
    void               *group;            /* a PyObject; LOAD: none */
    const void         *other;
    void *const        *groups;
    void              **made; /* OPEN: one; LOAD: as many as states */
    int64_t             count;
    struct ArrowArray  *out;
    struct ArrowSchema *type;
} aggregate_job;

static PyObject *
object_of(const void *pointer) {
    PyObject *o;
    memcpy(&o, &pointer, sizeof(o));
    return o;
}

static PyObject *
list_of(void *const *groups, int64_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (int64_t i = 0; list != NULL && i < count; i++) {
        (void)PyList_SetItem(list, (Py_ssize_t)i, Py_NewRef(object_of(groups[i])));
    }
    return list;
}

static PyObject *
columns_or_none(module_state *state, const laminar_call *call) {
    return call == NULL ? PyTuple_New(0) : ext_columns_of(state, call);
}

static int
keep_all(const aggregate_job *a, PyObject *list) {
    if (!PyList_Check(list) || PyList_Size(list) != (Py_ssize_t)a->count) {
        PyErr_SetString(PyExc_TypeError, "not one group a state");
        return -1;
    }
    for (int64_t i = 0; i < a->count; i++) {
        a->made[i] = Py_NewRef(PyList_GetItem(list, (Py_ssize_t)i));
    }
    return 0;
}

/* The glue's methods: open(constants), accumulate(group, count, columns), retract, merge(group,
 * other), evaluate(groups), save(groups), load(constants, states). */
static PyObject *
call_glue(const aggregate_job *a, PyObject *columns, PyObject *constants) {
    PyObject *glue = a->f->glue;
    PyObject *groups, *given;
    switch (a->step) {
    case OPEN:
        return PyObject_CallMethod(glue, "open", "(O)", constants);
    case ACCUMULATE:
    case RETRACT:
        return PyObject_CallMethod(glue, a->step == ACCUMULATE ? "accumulate" : "retract", "OLO",
                                   a->group, (long long)a->rows->row_count, columns);
    case MERGE:
        return PyObject_CallMethod(glue, "merge", "OO", a->group, object_of(a->other));
    case LOAD:
        return PyObject_CallMethod(glue, "load", "OO", constants, columns);
    case EVALUATE:
    case SAVE:
    default:
        groups = list_of(a->groups, a->count);
        given =
            groups == NULL
                ? NULL
                : PyObject_CallMethod(glue, a->step == EVALUATE ? "evaluate" : "save", "O", groups);
        Py_XDECREF(groups);
        return given;
    }
}

static int
take_answer(const aggregate_job *a, PyObject *given) {
    switch (a->step) {
    case OPEN:
        a->made[0] = Py_NewRef(given);
        return 0;
    case LOAD:
        return keep_all(a, given);
    case EVALUATE:
    case SAVE:
        return ext_result_take(a->f, a->step == EVALUATE ? a->f->result : a->f->saved, given,
                               a->out, a->type);
    default:
        return 0;
    }
}

static void
run_step(ext_job *job) {
    const aggregate_job *a = (const aggregate_job *)job;
    PyObject            *columns = columns_or_none(job->state, a->rows);
    PyObject *constants = columns == NULL ? NULL : columns_or_none(job->state, a->constants);
    PyObject *given = constants == NULL ? NULL : call_glue(a, columns, constants);
    ext_columns_end(columns);
    ext_columns_end(constants);
    if (given == NULL || take_answer(a, given) < 0) {
        ext_job_failed(job);
    }
    Py_XDECREF(given);
    Py_XDECREF(constants);
    Py_XDECREF(columns);
}

static laminar_status
run(aggregate_job *a, const ext_udf *f, laminar_error *err) {
    a->f = f;
    a->job = (ext_job){.run = run_step,
                       .state = f->state,
                       .call = a->call != NULL   ? a->call
                               : a->rows != NULL ? a->rows
                                                 : a->constants,
                       .name = f->name,
                       .glue = f->glue,
                       .timeout_ms = f->timeout_ms,
                       .err = err};
    if (a->out != NULL) {
        memset(a->out, 0, sizeof(*a->out));
        memset(a->type, 0, sizeof(*a->type));
    }
    const laminar_status status = ext_job_run(&a->job);
    if (status < 0 && a->out != NULL && a->out->release != NULL) {
        a->out->release(a->out);
    }
    return status;
}

static laminar_status
group_open(void *context, const laminar_call *constants, void **group, laminar_error *err) {
    aggregate_job a = {.step = OPEN, .constants = constants, .made = group};
    *group = NULL;
    return run(&a, context, err);
}

static void
group_drop(void *context, void *group) {
    (void)context;
    ext_garbage(group);
}

static laminar_status
group_accumulate(void *context, void *group, const laminar_call *rows, laminar_error *err) {
    aggregate_job a = {.step = ACCUMULATE, .group = group, .rows = rows};
    return run(&a, context, err);
}

static laminar_status
group_retract(void *context, void *group, const laminar_call *rows, laminar_error *err) {
    aggregate_job a = {.step = RETRACT, .group = group, .rows = rows};
    return run(&a, context, err);
}

static laminar_status
group_merge(void *context, const laminar_call *call, void *group, const void *other,
            laminar_error *err) {
    aggregate_job a = {.step = MERGE, .call = call, .group = group, .other = other};
    return run(&a, context, err);
}

static laminar_status
group_evaluate(void *context, const laminar_call *call, void *const *groups, int64_t count,
               struct ArrowArray *out, struct ArrowSchema *type, laminar_error *err) {
    aggregate_job a = {
        .step = EVALUATE, .call = call, .groups = groups, .count = count, .out = out, .type = type};
    return run(&a, context, err);
}

static laminar_status
group_save(void *context, const laminar_call *call, void *const *groups, int64_t count,
           struct ArrowArray *out, struct ArrowSchema *type, laminar_error *err) {
    aggregate_job a = {
        .step = SAVE, .call = call, .groups = groups, .count = count, .out = out, .type = type};
    return run(&a, context, err);
}

static laminar_status
group_load(void *context, const laminar_call *constants, const laminar_call *states, void **groups,
           laminar_error *err) {
    aggregate_job a = {.step = LOAD,
                       .constants = constants,
                       .rows = states,
                       .made = groups,
                       .count = states->row_count};
    memset(groups, 0, (size_t)a.count * sizeof(*groups));
    return run(&a, context, err);
}

void
ext_aggregate_fill(laminar_aggregate *a) {
    a->open = group_open;
    a->drop = group_drop;
    a->accumulate = group_accumulate;
    a->retract = group_retract;
    a->merge = group_merge;
    a->evaluate = group_evaluate;
    a->save = group_save;
    a->load = group_load;
}
