/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - laminar_result: what a statement or a subscription gives back. Immutable once made. */
#include "arrow/arrow.h"
#include "batch/builder.h"
#include "db/internal.h"
#include "db/values.h"

static status
answer_new(laminar_result **out, mem *m, laminar_result_kind kind, error *err) {
    laminar_result *r = mem_alloc_zero(m, sizeof(*r));
    if (r == NULL) {
        return error_memory(err);
    }
    r->mem = m;
    r->kind = kind;
    *out = r;
    return OK;
}

status
answer_ddl(laminar_result **out, mem *m, const char *ddl_type, text name, error *err) {
    laminar_result *r = NULL;
    TRY(answer_new(&r, m, LAMINAR_RESULT_DDL, err));
    r->ddl_type = ddl_type;
    r->ddl_object_bytes = name.size + 1;
    r->ddl_object = mem_alloc(m, r->ddl_object_bytes);
    if (r->ddl_object == NULL) {
        laminar_result_free(r);
        return error_memory(err);
    }
    memcpy(r->ddl_object, name.data, name.size);
    r->ddl_object[name.size] = '\0';
    *out = r;
    return OK;
}

status
answer_count(laminar_result **out, mem *m, int64_t rows, error *err) {
    laminar_result *r = NULL;
    TRY(answer_new(&r, m, LAMINAR_RESULT_ROWS_AFFECTED, err));
    r->rows_affected = rows;
    *out = r;
    return OK;
}

status
answer_rows(laminar_result **out, mem *m, laminar_result_kind kind, result *rows, error *err) {
    laminar_result *r = NULL;
    const status    s = answer_new(&r, m, kind, err);
    if (s < 0) {
        result_release(rows);
        return s;
    }
    r->rows = rows;
    r->rows_affected = rows->row_count;
    *out = r;
    return OK;
}

static status
build_texts(result *rows, mem *m, int32_t column_count, const text *cells, int32_t row_count,
            arena *a, error *err) {
    data_type *types = arena_alloc(a, sizeof(data_type) * (size_t)column_count);
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < column_count; i++) {
        types[i] = type_of(TYPE_TEXT);
    }
    builder b;
    TRY(builder_init(&b, m, types, column_count, err));
    status s = OK;
    for (int32_t i = 0; s == OK && i < row_count * column_count; i++) {
        s = cells[i].data == NULL ? column_append_null(&b, i % column_count, err)
                                  : column_append_text(&b, i % column_count, cells[i], err);
    }
    batch *made = NULL;
    if (s == OK && row_count > 0) {
        s = builder_take(&b, &made, err);
    }
    if (s == OK && made != NULL) {
        s = result_add(rows, made, err);
    }
    builder_fini(&b);
    return s;
}

status
answer_builder(laminar_result **out, mem *m, builder *from, const list_column *columns,
               int32_t column_count, error *err) {
    field   fields[LIST_COLUMNS_MAX];
    result *rows = NULL;
    batch  *made = NULL;
    for (int32_t i = 0; i < column_count; i++) {
        fields[i] = (field){
            .name = text_of(columns[i].name), .type = type_of(columns[i].type), .nullable = true};
    }
    const schema shape = {.count = column_count, .fields = fields};
    TRY(result_new(&rows, m, &shape, false, err));
    status s = builder_rows(from) == 0 ? OK : builder_take(from, &made, err);
    if (s == OK && made != NULL) {
        s = result_add(rows, made, err);
    }
    if (s < 0) {
        result_release(rows);
        return s;
    }
    return answer_rows(out, m, LAMINAR_RESULT_METADATA, rows, err);
}

status
answer_texts(laminar_result **out, mem *m, laminar_result_kind kind, const char *const *names,
             int32_t column_count, const text *cells, int32_t row_count, error *err) {
    arena a;
    arena_init(&a, m);
    field  *fields = arena_alloc(&a, sizeof(field) * (size_t)column_count);
    result *rows = NULL;
    status  s = fields == NULL ? error_memory(err) : OK;
    for (int32_t i = 0; s == OK && i < column_count; i++) {
        fields[i] =
            (field){.name = text_of(names[i]), .type = type_of(TYPE_TEXT), .nullable = true};
    }
    if (s == OK) {
        const schema shape = {.count = column_count, .fields = fields};
        s = result_new(&rows, m, &shape, false, err);
    }
    if (s == OK) {
        s = build_texts(rows, m, column_count, cells, row_count, &a, err);
        if (s < 0) {
            result_release(rows);
        }
    }
    arena_fini(&a);
    return s < 0 ? s : answer_rows(out, m, kind, rows, err);
}

/* ---------------------------------------------------------------------------------- public */
void
laminar_result_free(laminar_result *r) {
    if (r == NULL) {
        return;
    }
    result_release(r->rows);
    mem_free(r->mem, r->ddl_object, r->ddl_object_bytes);
    mem_free(r->mem, r, sizeof(*r));
}

laminar_result_kind
laminar_result_get_kind(const laminar_result *r) {
    return r->kind;
}

const char *
laminar_result_ddl_type(const laminar_result *r) {
    return r->ddl_type;
}

const char *
laminar_result_ddl_object(const laminar_result *r) {
    return r->ddl_object;
}

int64_t
laminar_result_rows_affected(const laminar_result *r) {
    return r->rows_affected;
}

int64_t
laminar_result_row_count(const laminar_result *r) {
    return r->rows == NULL ? 0 : r->rows->row_count;
}

int32_t
laminar_result_batch_count(const laminar_result *r) {
    return r->rows == NULL ? 0 : r->rows->batch_count;
}

int32_t
laminar_result_column_count(const laminar_result *r) {
    return r->rows == NULL ? 0 : r->rows->schema.count;
}

const char *
laminar_result_column_name(const laminar_result *r, int32_t at) {
    if (r->rows == NULL || at < 0 || at >= r->rows->schema.count) {
        return NULL;
    }
    return r->rows->schema.fields[at].name.data;
}

laminar_type
laminar_result_column_type(const laminar_result *r, int32_t at) {
    if (r->rows == NULL || at < 0 || at >= r->rows->schema.count) {
        return LAMINAR_TYPE_NULL;
    }
    return (laminar_type)r->rows->schema.fields[at].type.id;
}

const char *
laminar_result_column_type_name(const laminar_result *r, int32_t at) {
    if (r->rows == NULL || at < 0 || at >= r->rows->schema.count) {
        return NULL;
    }
    return type_name(r->rows->schema.fields[at].type);
}

laminar_status
laminar_result_batch(const laminar_result *r, int32_t at, laminar_result **out,
                     laminar_error *err) {
    error   e = {0};
    result *one = NULL;
    status  s = r->rows == NULL || at < 0 || at >= r->rows->batch_count
                    ? error_set(&e, ERR_INVALID_ARGUMENT, "the result has no batch %d", at)
                    : result_new(&one, r->mem, &r->rows->schema, false, &e);
    if (s == OK) {
        one->with_weight = r->rows->with_weight;
        s = result_add(one, batch_retain(r->rows->batches[at]), &e);
        if (s == OK) {
            s = answer_rows(out, r->mem, r->kind, one, &e);
        } else {
            result_release(one);
        }
    }
    return report(err, &e, s, TEXT(""));
}

bool
laminar_result_position(const laminar_result *r, int64_t *epoch, int64_t *part) {
    if (r->rows == NULL || !r->rows->delivered) {
        return false;
    }
    *epoch = (int64_t)r->rows->epoch;
    *part = (int64_t)r->rows->part;
    return true;
}

laminar_status
laminar_result_deleted(const laminar_result *r, laminar_result **out, laminar_error *err) {
    error e = {0};
    *out = NULL;
    if (r->rows == NULL || r->rows->gone == NULL) {
        return LAMINAR_DONE;
    }
    result *gone = result_retain(r->rows->gone);
    return report(err, &e, answer_rows(out, r->mem, LAMINAR_RESULT_QUERY, gone, &e), TEXT(""));
}

laminar_change_op
laminar_result_op(const laminar_result *r, int64_t row) {
    if (r->rows == NULL || r->rows->row_ops == NULL || row < 0 || row >= r->rows->row_count) {
        return LAMINAR_CHANGE_INSERT;
    }
    return (laminar_change_op)r->rows->row_ops[row];
}

laminar_status
laminar_result_value(const laminar_result *r, int64_t row, int32_t at, laminar_value *out) {
    if (r->rows == NULL || row < 0 || row >= r->rows->row_count || at < 0 ||
        at >= r->rows->schema.count) {
        return ERR_INVALID_ARGUMENT;
    }
    const value v = result_value(r->rows, row, at);
    *out = value_to_public(&v);
    return LAMINAR_OK;
}

static laminar_status
no_rows(laminar_error *err) {
    error e = {0};
    return report(err, &e, error_set(&e, ERR_QUERY_FAILED, "the statement returned no rows"),
                  TEXT(""));
}

laminar_status
laminar_result_stream(const laminar_result *r, struct ArrowArrayStream *out, laminar_error *err) {
    if (r->rows == NULL) {
        return no_rows(err);
    }
    error         e = {0};
    const result *rows = r->rows;
    schema        shape = rows->schema;
    shape.count -= rows->with_weight ? 1 : 0;
    const status s = arrow_export_stream(out, &shape, rows->batches, rows->batch_count,
                                         rows->with_weight, r->mem, &e);
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_result_schema(const laminar_result *r, struct ArrowSchema *out, laminar_error *err) {
    if (r->rows == NULL) {
        return no_rows(err);
    }
    error  e = {0};
    schema shape = r->rows->schema;
    shape.count -= r->rows->with_weight ? 1 : 0;
    return report(err, &e, arrow_export_schema(out, &shape, r->rows->with_weight, r->mem, &e),
                  TEXT(""));
}
