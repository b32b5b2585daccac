/* SPDX-License-Identifier: Apache-2.0 */
/* test_result.c - finished row sets: cells over many batches, weights, shared ownership. */
#include "exec/result.h"

#include "batch/builder.h"
#include "unit.h"

static field        fields[] = {{.name = TEXT("k"), .type = {.id = TYPE_I64}, .nullable = true},
                                {.name = TEXT("s"), .type = {.id = TYPE_TEXT}, .nullable = true}};
static const schema shape = {2, fields};

/* Rows first .. first + count: k = row (NULL where row % 5 is 4), s = "text of row". */
static status
make_batch(batch **out, mem *m, int64_t first, int32_t count, bool weights, error *err) {
    const data_type types[] = {fields[0].type, fields[1].type};
    builder         b;
    batch          *rows = NULL;
    TRY(builder_init(&b, m, types, 2, err));
    status s = OK;
    for (int64_t row = first; s == OK && row < first + count; row++) {
        char line[64];
        snprintf(line, sizeof(line), row % 2 == 0 ? "%lld" : "the text of row number %lld",
                 (long long)row);
        s = row % 5 == 4 ? column_append_null(&b, 0, err) : column_append_i64(&b, 0, row, err);
        if (s == OK) {
            s = column_append_text(&b, 1, text_of(line), err);
        }
    }
    if (s == OK) {
        s = builder_take(&b, &rows, err);
    }
    builder_fini(&b);
    if (s == OK && weights) {
        int64_t weight[64];
        delta   weighted = rows->rows;
        for (int32_t i = 0; i < count; i++) {
            weight[i] = (first + i) % 3 - 1;
        }
        weighted.weight = weight;
        s = batch_keep(out, m, &weighted, err);
        batch_release(rows);
        return s;
    }
    *out = rows;
    return s;
}

static status
make_result(result **out, mem *m, int32_t batches, bool with_weight, error *err) {
    result *r = NULL;
    int64_t first = 0;
    TRY(result_new(&r, m, &shape, with_weight, err));
    for (int32_t i = 0; i < batches; i++) {
        batch        *rows = NULL;
        const int32_t count = 1 + i * 7 % 50;
        status        s = make_batch(&rows, m, first, count, with_weight && i % 3 != 0, err);
        if (s == OK) {
            s = result_add(r, rows, err);
        }
        if (s < 0) {
            result_release(r);
            return s;
        }
        first += count;
    }
    *out = r;
    return OK;
}

static void
check_rows(const result *r) {
    int64_t row = 0;
    for (int32_t i = 0; i < r->batch_count; i++) {
        const int32_t count = 1 + i * 7 % 50;
        for (int32_t k = 0; k < count; k++, row++) {
            char line[64];
            snprintf(line, sizeof(line), row % 2 == 0 ? "%lld" : "the text of row number %lld",
                     (long long)row);
            const value number = result_value(r, row, 0);
            CHECK(number.is_null == (row % 5 == 4));
            CHECK(number.is_null || number.i == row);
            CHECK_TEXT(result_value(r, row, 1).s, line);
            if (r->with_weight) {
                CHECK_EQ(result_value(r, row, 2).i, i % 3 != 0 ? row % 3 - 1 : 1);
            }
        }
    }
    CHECK_EQ(r->row_count, row);
}

static void
test_cells(void **state) {
    (void)state;
    for (int32_t batches = 0; batches < 40; batches += 3) {
        for (int32_t weights = 0; weights < 2; weights++) {
            mem     m;
            error   err = {0};
            result *r = NULL;
            mem_init(&m, INT64_MAX);
            CHECK_OK(make_result(&r, &m, batches, weights == 1, &err));
            CHECK_EQ(r->schema.count, 2 + weights);
            if (weights == 1) {
                CHECK_TEXT(r->schema.fields[2].name, "__weight");
            }
            check_rows(r);
            result *again = result_retain(r);
            result_release(r);
            check_rows(again); /* one reference keeps it whole */
            result_release(again);
            result_release(NULL);
            CHECK_EQ(mem_fini(&m), 0);
        }
    }
}

static status
scenario(mem *m, error *err) {
    result      *r = NULL;
    const status s = make_result(&r, m, 12, true, err);
    result_release(r);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("result", scenario) > 20);
}

UNIT_MAIN(UNIT(test_cells), UNIT(test_torture))
