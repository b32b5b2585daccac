/* SPDX-License-Identifier: Apache-2.0 */
/* routine_twins.h - code of a program's that does what built-in functions do, for the tests of
 * those who call it: my_sum, my_avg and my_list are sum, avg and string_agg. */
#ifndef LAMINAR_TESTS_ROUTINE_TWINS_H
#define LAMINAR_TESTS_ROUTINE_TWINS_H

#include "unit.h"

#include "batch/nested_column.h"
#include "batch/routine.h"
#include "type/nested.h"

/* A routine like this one, whose code it is given; the caller releases it. */
static inline routine *
routine_with(const routine *like, routine_code *code) {
    static mem memory;
    error      err = {0};
    routine   *bare, *out;
    if (atomic_load(&memory.bytes_limit) == 0) {
        mem_init(&memory, INT64_MAX);
    }
    CHECK_OK(routine_new(&bare, &memory, like, &err));
    CHECK_OK(routine_renew(&out, bare, TEXT(""), code, &err));
    routine_release(bare);
    return out;
}

typedef enum twin_kind { TWIN_SUM, TWIN_AVG, TWIN_LIST, TWIN_WEIGHTED } twin_kind;

typedef struct twin {
    routine_code code;
    twin_kind    kind;
    int64_t      live;                          /* groups that are there */
    int64_t      accumulated, saved, evaluated; /* calls */
} twin;

typedef struct twin_group {
    int64_t count, whole;
    double  sum;
    buf     list;
} twin_group;

static mem *twin_memory; /* of groups */

static inline status
twin_open(routine_code *c, const routine_rows *constants, void **group, error *err) {
    twin_group *g = mem_alloc_zero(twin_memory, sizeof(*g));
    (void)constants;
    if (g == NULL) {
        return error_memory(err);
    }
    buf_init(&g->list, twin_memory, SIZE_MAX);
    ((twin *)c)->live++;
    *group = g;
    return OK;
}

static inline void
twin_drop(routine_code *c, void *group) {
    twin_group *g = group;
    buf_fini(&g->list);
    mem_free(twin_memory, g, sizeof(*g));
    ((twin *)c)->live--;
}

static inline double
twin_number(const value *v) {
    return v->type.id == TYPE_F64 ? v->d : (double)v->i;
}

static inline status
twin_add(routine_code *c, void *group, const routine_rows *rows, int sign, error *err) {
    twin_group *g = group;
    (void)c;
    for (int32_t i = 0; i < rows->row_count; i++) {
        const value v = column_value(&rows->columns[0], i);
        CHECK(!v.is_null);
        g->count += sign;
        if (v.type.id == TYPE_TEXT) {
            CHECK_EQ(sign, 1);
            if (g->count > 1) {
                buf_append_char(&g->list, ',');
            }
            buf_append_text(&g->list, v.s);
            continue;
        }
        g->whole += v.type.id == TYPE_F64 ? 0 : sign * v.i;
        g->sum += sign * twin_number(&v);
    }
    return g->list.failed ? error_memory(err) : OK;
}

static inline status
twin_accumulate(routine_code *c, void *group, const routine_rows *rows, error *err) {
    ((twin *)c)->accumulated++;
    CHECK(rows->row_count > 0);
    return twin_add(c, group, rows, 1, err);
}

static inline status
twin_retract(routine_code *c, void *group, const routine_rows *rows, error *err) {
    return twin_add(c, group, rows, -1, err);
}

static inline status
twin_merge(routine_code *c, void *group, const void *other, error *err) {
    twin_group       *g = group;
    const twin_group *o = other;
    (void)c;
    (void)err;
    g->count += o->count;
    g->whole += o->whole;
    g->sum += o->sum;
    return OK;
}

static inline status
twin_evaluate(routine_code *c, void *const *groups, int32_t count, arena *a, column *out,
              error *err) {
    const twin     *t = (const twin *)c;
    const data_type types[] = {type_of(TYPE_I64), type_of(TYPE_F64), type_of(TYPE_TEXT)};
    strview        *values = arena_alloc_zero(a, (size_t)count * sizeof(*values));
    uint64_t       *validity = arena_alloc_zero(a, (size_t)bits_words(count) * sizeof(*validity));
    ((twin *)c)->evaluated++;
    if (values == NULL || validity == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const twin_group *g = groups[i];
        bits_put(validity, i, g->count > 0);
        if (t->kind == TWIN_SUM) {
            ((int64_t *)(void *)values)[i] = g->whole;
        } else if (t->kind == TWIN_AVG) {
            ((double *)(void *)values)[i] = g->count == 0 ? 0 : g->sum / (double)g->count;
        } else {
            const text s = arena_text(a, buf_text(&g->list));
            TRY(s.data == NULL ? error_memory(err) : OK);
            values[i] = strview_of(s.data, (uint32_t)s.size);
        }
    }
    *out = (column){.type = types[t->kind], .values = values, .validity = validity};
    return OK;
}

static inline data_type
twin_state_type(twin_kind kind) {
    error              err = {0};
    data_type          out = type_of(TYPE_NULL);
    const nested_field fields[] = {{TEXT("sum"), type_of(TYPE_F64)},
                                   {TEXT("count"), type_of(TYPE_I64)}};
    if (kind == TWIN_AVG || kind == TWIN_SUM) {
        CHECK_OK(type_struct(&out, fields, 2, &err));
    }
    return out;
}

static inline status
twin_save(routine_code *c, void *const *groups, int32_t count, arena *a, column *out, error *err) {
    const data_type type = twin_state_type(((twin *)c)->kind);
    double         *sums = arena_alloc(a, (size_t)count * sizeof(*sums));
    int64_t        *counts = arena_alloc(a, (size_t)count * sizeof(*counts));
    if (sums == NULL || counts == NULL) {
        return error_memory(err);
    }
    ((twin *)c)->saved++;
    for (int32_t i = 0; i < count; i++) {
        const twin_group *g = groups[i];
        sums[i] = ((twin *)c)->kind == TWIN_SUM ? (double)g->whole : g->sum;
        counts[i] = g->count;
    }
    const column fields[] = {{.type = type_of(TYPE_F64), .values = sums},
                             {.type = type_of(TYPE_I64), .values = counts}};
    return struct_pack(out, type, fields, NULL, count, a, err);
}

static inline status
twin_load(routine_code *c, const routine_rows *constants, const routine_rows *states, void **groups,
          error *err) {
    CHECK_EQ(states->count, 1);
    for (int32_t i = 0; i < states->row_count; i++) {
        const value       v = column_value(&states->columns[0], i);
        const nested_view n = nested_open(states->types[0], v.s);
        TRY(twin_open(c, constants, &groups[i], err));
        twin_group *g = groups[i];
        g->sum = nested_at(&n, 0).d;
        g->whole = (int64_t)g->sum;
        g->count = nested_at(&n, 1).i;
    }
    return OK;
}

/* weighted(x, y, c): the sum of x * y + c over the rows, for a whole group; else by row. */
static inline status
twin_call(routine_code *c, const routine_rows *in, arena *a, column *out, error *err) {
    const int32_t count = in->is_group ? 1 : in->row_count;
    double       *values = arena_alloc_zero(a, (size_t)count * sizeof(*values));
    (void)c;
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        double part[3] = {0};
        for (int32_t k = 0; k < in->count; k++) {
            const bool  constant = in->constants != NULL && in->constants[k];
            const value v = column_value(&in->columns[k], constant ? 0 : i);
            part[k] = twin_number(&v);
        }
        values[in->is_group ? 0 : i] += part[0] * part[1] + part[2];
    }
    *out = (column){.type = type_of(TYPE_F64), .values = values};
    return OK;
}

static inline void
twin_close(routine_code *c) {
    CHECK_EQ(((twin *)c)->live, 0);
}

static const routine_class twin_class = {.call = twin_call,
                                         .open = twin_open,
                                         .drop = twin_drop,
                                         .accumulate = twin_accumulate,
                                         .retract = twin_retract,
                                         .merge = twin_merge,
                                         .evaluate = twin_evaluate,
                                         .save = twin_save,
                                         .load = twin_load,
                                         .close = twin_close};

/* The caller releases it, before the code. */
static inline routine *
twin_make(twin *t, twin_kind kind, type_id argument, uint32_t flags) {
    data_type              arguments[3];
    static const data_type results[] = {
        {.id = TYPE_I64}, {.id = TYPE_F64}, {.id = TYPE_TEXT}, {.id = TYPE_F64}};
    *t = (twin){.code = {.class = &twin_class}, .kind = kind};
    atomic_init(&t->code.references, 1);
    for (int i = 0; i < 3; i++) {
        arguments[i] = type_of(argument);
    }
    const routine like = {.name = kind == TWIN_SUM    ? TEXT("my_sum")
                                  : kind == TWIN_AVG  ? TEXT("my_avg")
                                  : kind == TWIN_LIST ? TEXT("my_list")
                                                      : TEXT("weighted"),
                          .kind = kind == TWIN_WEIGHTED ? ROUTINE_SCALAR : ROUTINE_AGGREGATE,
                          .flags = flags,
                          .argument_count = kind == TWIN_WEIGHTED ? 3 : 1,
                          .arguments = arguments,
                          .result = results[kind],
                          .state = twin_state_type(kind)};
    return routine_with(&like, &t->code);
}

#endif
