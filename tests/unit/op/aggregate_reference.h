/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_reference.h - GROUP BY the slow way: loops over all rows for each group. */
#ifndef LAMINAR_TESTS_OP_AGGREGATE_REFERENCE_H
#define LAMINAR_TESTS_OP_AGGREGATE_REFERENCE_H

#include "circuit.h"

typedef struct call {
    const char *name;
    int32_t     argument, filter;
    bool        distinct;
} call;

static inline bool
same_key(const test_row *a, const test_row *b, int32_t key_count) {
    return memcmp(a->v, b->v, (size_t)key_count * sizeof(int64_t)) == 0;
}

static inline int
compare_cells_as(type_id type, int64_t a, int64_t b) {
    char x[ZSET_KEY];
    char y[ZSET_KEY];
    if (type != TYPE_TEXT) {
        return (a > b) - (a < b);
    }
    print_cell(x, sizeof(x), type, a);
    print_cell(y, sizeof(y), type, b);
    return strcmp(x, y);
}

/* The call's value over the rows of the group of `key`, printed. */
static inline void
print_call(char *out, size_t size, const call *f, const schema *in, const test_rows *rows,
           const test_row *key, int32_t key_count) {
    int64_t       seen[4096];
    int32_t       seen_count = 0;
    int64_t       count = 0;
    double        sum = 0;
    int64_t       best = NONE;
    const type_id type = f->argument < 0 ? TYPE_I64 : (type_id)in->fields[f->argument].type.id;
    const double  scale = type == TYPE_F64 ? 0.5 : 1;
    for (int32_t i = 0; i < rows->count; i++) {
        const test_row *row = &rows->rows[i];
        int64_t         weight = rows->weight[i];
        if (!same_key(row, key, key_count) ||
            (f->filter >= 0 && (row->v[f->filter] == NONE || row->v[f->filter] % 2 == 0))) {
            continue;
        }
        const int64_t v = f->argument < 0 ? 0 : row->v[f->argument];
        if (v == NONE) {
            continue;
        }
        bool again = false;
        for (int32_t k = 0; k < seen_count; k++) {
            again |= seen[k] == v;
        }
        seen[seen_count++] = v;
        if (f->distinct) {
            weight = again ? 0 : 1;
        }
        count += weight;
        sum += (double)v * scale * (double)weight;
        const int order = best == NONE ? 0 : compare_cells_as(type, v, best);
        if (best == NONE || (strcmp(f->name, "min") == 0 ? order < 0 : order > 0)) {
            best = v;
        }
    }
    value result = {.type = type_of(TYPE_I64), .is_null = count == 0};
    if (strcmp(f->name, "count") == 0) {
        result = value_i64(count);
    } else if (strcmp(f->name, "min") == 0 || strcmp(f->name, "max") == 0) {
        print_cell(out, size, type, best);
        return;
    } else if (strcmp(f->name, "avg") == 0) {
        result.type = type_of(TYPE_F64);
        result.d = sum / (double)(count == 0 ? 1 : count);
    } else if (type == TYPE_F64) {
        result.type = type_of(TYPE_F64);
        result.d = sum;
    } else {
        result.i = (int64_t)sum;
    }
    print_value(out, size, &result);
}

static inline void
group_by(zset *out, const schema *in, const test_rows *rows, int32_t key_count, const call *calls,
         int32_t call_count) {
    zset_clear(out);
    const schema key_schema = {.count = key_count, .fields = in->fields};
    for (int32_t i = 0; i < rows->count || (i == 0 && key_count == 0); i++) {
        const test_row *key = &rows->rows[i];
        bool            known = false;
        for (int32_t k = 0; k < i; k++) {
            known |= same_key(key, &rows->rows[k], key_count);
        }
        if (known) {
            continue;
        }
        char printed[ZSET_KEY];
        print_row(printed, &key_schema, key);
        for (int32_t c = 0; c < call_count; c++) {
            const size_t used = strlen(printed);
            print_call(printed + used, ZSET_KEY - used, &calls[c], in, rows, key, key_count);
        }
        zset_add(out, printed, 1);
    }
}

/* Fills the aggregate part of a spec. */
static inline status
aggregate_spec(circuit *c, op_spec *spec, op_agg *aggs, const schema *in, int32_t key_count,
               const call *calls, int32_t call_count, error *err) {
    type_id types[16];
    for (int32_t i = 0; i < key_count; i++) {
        types[i] = (type_id)in->fields[i].type.id;
    }
    for (int32_t i = 0; i < call_count; i++) {
        const call    *f = &calls[i];
        const int32_t  width = f->argument < 0 ? 0 : 1;
        agg_signature *s = &aggs[i].signature;
        aggs[i] = (op_agg){.class = agg_find(text_of(f->name), width),
                           .signature = {.column_count = width, .argument_count = width},
                           .columns = &f->argument,
                           .filter = f->filter,
                           .distinct = f->distinct};
        CHECK(aggs[i].class != NULL);
        s->types = arena_alloc(&c->arena, sizeof(*s->types));
        if (s->types == NULL) {
            return error_memory(err);
        }
        *s->types = f->argument < 0 ? type_of(TYPE_NULL) : in->fields[f->argument].type;
        TRY(aggs[i].class->resolve(aggs[i].class, s, err));
        types[key_count + i] = (type_id)s->output.id;
    }
    spec->input[0] = in;
    spec->output = circuit_schema(c, key_count + call_count, types);
    spec->key_count = key_count;
    spec->agg_count = call_count;
    spec->aggs = aggs;
    return spec->output == NULL ? error_memory(err) : OK;
}

#endif
