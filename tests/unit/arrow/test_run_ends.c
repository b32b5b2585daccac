/* SPDX-License-Identifier: Apache-2.0 */
/* Run-end encoded arrays whose runs are not what they must be: refused before a value is read, the
 * record released once. What is read right is tested against pyarrow (tests/python). */
#include "unit.h"

#include "arrow/arrow.h"
#include "batch/chunk.h"

typedef struct made {
    struct ArrowSchema  record_schema, column_schema, end_schema, value_schema;
    struct ArrowSchema *of_record[1], *of_column[2];
    struct ArrowArray   record, column, ends, values;
    struct ArrowArray  *in_record[1], *in_column[2];
    const void         *no_buffers[1], *end_buffers[2], *value_buffers[2];
    uint8_t             end_bits[1], value_bits[1];
    int32_t            *numbers; /* of exact size: ASan sees a read beyond */
    int64_t            *given;
    int                 releases;
} made;

static void
release_array(struct ArrowArray *a) {
    ((made *)a->private_data)->releases++;
    a->release = NULL;
}

static void
release_schema(struct ArrowSchema *s) {
    s->release = NULL;
}

/* Four runs: 2, 3, 3 and 2 rows, values 10, NULL, 30, 40. */
static void
make(made *m) {
    static const int32_t ends[] = {2, 5, 8, 10};
    static const int64_t values[] = {10, 20, 30, 40};
    memset(m, 0, sizeof(*m));
    m->numbers = malloc(sizeof(ends));
    m->given = malloc(sizeof(values));
    memcpy(m->numbers, ends, sizeof(ends));
    memcpy(m->given, values, sizeof(values));
    m->end_bits[0] = 0xff;
    m->value_bits[0] = 0x0d;
    m->of_record[0] = &m->column_schema;
    m->of_column[0] = &m->end_schema;
    m->of_column[1] = &m->value_schema;
    m->in_record[0] = &m->column;
    m->in_column[0] = &m->ends;
    m->in_column[1] = &m->values;
    m->end_buffers[0] = m->end_bits;
    m->end_buffers[1] = m->numbers;
    m->value_buffers[0] = m->value_bits;
    m->value_buffers[1] = m->given;
    m->record_schema = (struct ArrowSchema){
        .format = "+s", .n_children = 1, .children = m->of_record, .release = release_schema};
    m->column_schema = (struct ArrowSchema){.format = "+r",
                                            .name = "x",
                                            .n_children = 2,
                                            .children = m->of_column,
                                            .release = release_schema};
    m->end_schema = (struct ArrowSchema){.format = "i", .release = release_schema};
    m->value_schema = (struct ArrowSchema){.format = "l", .flags = 2, .release = release_schema};
    m->record = (struct ArrowArray){.length = 10,
                                    .n_buffers = 1,
                                    .buffers = m->no_buffers,
                                    .n_children = 1,
                                    .children = m->in_record,
                                    .release = release_array,
                                    .private_data = m};
    m->column = (struct ArrowArray){
        .length = 10, .n_children = 2, .children = m->in_column, .release = release_array};
    m->ends = (struct ArrowArray){
        .length = 4, .n_buffers = 2, .buffers = m->end_buffers, .release = release_array};
    m->values = (struct ArrowArray){.length = 4,
                                    .null_count = 1,
                                    .n_buffers = 2,
                                    .buffers = m->value_buffers,
                                    .release = release_array};
}

static status
import(made *m, batch **out, mem *account, error *err) {
    const status s = arrow_import_batch(out, account, &m->record_schema, &m->record, true, err);
    return s;
}

static void
check_refused(made *m, const char *part) {
    mem    account;
    batch *out;
    error  err = {0};
    mem_init(&account, INT64_MAX);
    if (import(m, &out, &account, &err) >= 0) {
        print_error("accepted: %s\n", part);
        fail();
    }
    if (strstr(err.message, part) == NULL) {
        print_error("\"%s\" does not say \"%s\"\n", err.message, part);
        fail();
    }
    CHECK_EQ(m->releases, 1);
    CHECK_EQ(mem_fini(&account), 0);
    free(m->numbers);
    free(m->given);
}

static void
test_rows(void **unused) {
    (void)unused;
    static const int64_t want[] = {10, 10, 0, 0, 0, 30, 30, 30, 40, 40};
    for (int first = 0; first <= 10; first++) {
        for (int count = 0; first + count <= 10; count++) {
            made   m;
            mem    account;
            batch *out;
            error  err = {0};
            make(&m);
            mem_init(&account, INT64_MAX);
            m.column.offset = first;
            m.column.length = count;
            m.record.length = count;
            CHECK_OK(import(&m, &out, &account, &err));
            CHECK_EQ(out->rows.row_count, count);
            for (int i = 0; i < count; i++) {
                const value v = column_value(&out->rows.columns[0], i);
                CHECK_EQ(v.is_null, want[first + i] == 0);
                CHECK(v.is_null || v.i == want[first + i]);
            }
            batch_release(out);
            CHECK_EQ(m.releases, 1);
            CHECK_EQ(mem_fini(&account), 0);
            free(m.numbers);
            free(m.given);
        }
    }
}

static void
test_broken_runs(void **unused) {
    (void)unused;
    made m;
    make(&m);
    m.numbers[3] = 9;
    check_refused(&m, "has 4 runs, the last of which ends before row 10");
    make(&m);
    m.numbers[1] = 2;
    check_refused(&m, "run 2 ends at 2, not behind the one before it");
    make(&m);
    m.numbers[2] = INT32_MIN;
    check_refused(&m, "run 3 ends at -2147483648");
    make(&m);
    m.end_bits[0] = 0xfd;
    m.ends.null_count = -1;
    check_refused(&m, "has a run end that is NULL");
    make(&m);
    m.ends.length = 0;
    check_refused(&m, "has 0 runs");
    make(&m);
    m.values.length = 3;
    check_refused(&m, "has 3 rows, the record needs 4");
    make(&m);
    m.column.null_count = 2;
    check_refused(&m, "counts 2 NULLs; with run ends its values do");
    make(&m);
    m.column.n_children = 1;
    check_refused(&m, "has 1 children; it must have 2");
    make(&m);
    m.column.offset = INT64_MAX / 2;
    check_refused(&m, "impossible length or offset");
    make(&m);
    m.end_buffers[1] = NULL;
    check_refused(&m, "lacks a data buffer");
}

static void
test_broken_schemas(void **unused) {
    (void)unused;
    made m;
    make(&m);
    m.end_schema.format = "I";
    check_refused(&m, "run ends of Arrow type \"I\"; they must be int16, int32 or int64");
    make(&m);
    m.column_schema.n_children = 1;
    check_refused(&m, "has 1 children; it must have 2");
    make(&m);
    m.value_schema.format = "?";
    check_refused(&m, "which no SQL type holds");
    make(&m);
    m.of_column[1] = &m.column_schema; /* without end */
    check_refused(&m, "levels deep");
}

static status
scenario(mem *account, error *err) {
    made   m;
    batch *out;
    make(&m);
    const status s = import(&m, &out, account, err);
    if (s == OK) {
        batch_release(out);
    }
    assert_int_equal(m.releases, 1);
    free(m.numbers);
    free(m.given);
    return s;
}

static void
test_torture(void **unused) {
    (void)unused;
    CHECK(torture("run ends", scenario) > 1);
}

UNIT_MAIN(UNIT(test_rows), UNIT(test_broken_runs), UNIT(test_broken_schemas), UNIT(test_torture))
