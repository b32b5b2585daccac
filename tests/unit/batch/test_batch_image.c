/* SPDX-License-Identifier: Apache-2.0 */
/* test_batch_image.c - whole columns are the same behind their image, in the plain form and in the
 * narrow one, texts as views and as Arrow has them; what ends early or has an unknown form is
 * refused. */
#include "batch/batch_image.h"

#include "random_rows.h"

/* Columns that are narrow, nearly so, and not at all; texts of Arrow. */
enum { EXTRA = 6, ROWS_MAX = 700 };

static int64_t numbers[4][ROWS_MAX];
static int32_t offsets[2][ROWS_MAX + 1];
static char    bytes[ROWS_MAX * 400];

static void
add_columns(column *to, rng *r, int32_t rows) {
    static const uint64_t ranges[] = {1, 256, 65537, UINT64_C(1) << 32};
    for (int32_t k = 0; k < 4; k++) {
        const int64_t least = k == 1 ? INT64_MIN : -5;
        for (int32_t i = 0; i < rows; i++) {
            const uint64_t over = i == 300 ? ranges[k] - 1 : rng_below(r, ranges[k]);
            numbers[k][i] = (int64_t)((uint64_t)least + over);
        }
        to[k] = (column){.type = type_of(k == 2 ? TYPE_TIMESTAMP : TYPE_I64), .values = numbers[k]};
    }
    for (int32_t k = 0; k < 2; k++) {
        offsets[k][0] = 7;
        for (int32_t i = 0; i < rows; i++) {
            offsets[k][i + 1] = offsets[k][i] + (int32_t)rng_below(r, k == 0 ? 20 : 380);
        }
        to[4 + k] = (column){.type = type_of(TYPE_TEXT),
                             .layout = COLUMN_OFFSETS,
                             .values = offsets[k],
                             .bytes = bytes};
    }
}

static void
check_texts(const column *out, const column *in, int32_t rows) {
    const int32_t *at = in->values;
    for (int32_t i = 0; i < rows; i++) {
        const text got = strview_text((const strview *)out->values + i);
        CHECK_EQ(got.size, at[i + 1] - at[i]);
        CHECK(memcmp(got.data, in->bytes + at[i], got.size) == 0);
    }
}

static void
check_image(const delta *in, const schema *s, bool narrow, mem *m, rng *r, size_t *size) {
    error  err;
    buf    image;
    batch *out = NULL;
    buf_init(&image, m, SIZE_MAX);
    if (narrow) {
        batch_image_put_narrow(&image, in);
    } else {
        batch_image_put(&image, in);
    }
    CHECK(!image.failed);
    *size = image.size;
    image_reader reader = {.at = image.data, .left = image.size};
    CHECK_OK(batch_image_take(&reader, s, &out, m, &err));
    CHECK_EQ(reader.left, 0);
    CHECK_EQ(out->rows.row_count, in->row_count);
    arena  a; /* many texts come as offsets */
    column views[RANDOM_TYPES + EXTRA];
    arena_init(&a, m);
    for (int32_t k = 0; k < in->column_count; k++) {
        CHECK_OK(column_views(&views[k], &out->rows.columns[k], in->row_count, &a, &err));
    }
    const delta got = {
        .row_count = in->row_count, .column_count = RANDOM_TYPES + 4, .columns = views};
    delta wanted = *in;
    wanted.column_count = RANDOM_TYPES + 4;
    wanted.weight = NULL;
    for (int32_t i = 0; i < in->row_count; i++) {
        check_rows(&got, i, &wanted, i, 1);
    }
    for (int32_t k = RANDOM_TYPES + 4; k < in->column_count; k++) {
        check_texts(&views[k], &in->columns[k], in->row_count);
    }
    arena_fini(&a);
    batch_release(out);
    for (size_t end = 0; end < image.size; end += 1 + rng_below(r, 1 + image.size / 40)) {
        reader = (image_reader){.at = image.data, .left = end};
        CHECK_EQ(batch_image_take(&reader, s, &out, m, &err), ERR_CORRUPTION);
    }
    image.data[8] |= 0x16; /* three bytes wide, or more */
    reader = (image_reader){.at = image.data, .left = image.size};
    CHECK_EQ(batch_image_take(&reader, s, &out, m, &err), ERR_CORRUPTION);
    buf_fini(&image);
}

static void
test_round_trip(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r = {7};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)('a' + i % 26);
    }
    for (int round = 0; round < 24; round++) {
        const int32_t rows = round % 3 == 0 ? 1 + round : 256 + (int32_t)rng_below(&r, 444);
        const delta   made =
            random_delta(&r, &a, random_types, RANDOM_TYPES, rows, (int)rng_below(&r, 8));
        column columns[RANDOM_TYPES + EXTRA];
        field  fields[RANDOM_TYPES + EXTRA];
        memcpy(columns, made.columns, sizeof(column) * RANDOM_TYPES);
        add_columns(columns + RANDOM_TYPES, &r, rows);
        for (int32_t i = 0; i < RANDOM_TYPES + EXTRA; i++) {
            fields[i] = (field){.name = TEXT("c"), .type = columns[i].type, .nullable = true};
        }
        const schema s = {RANDOM_TYPES + EXTRA, fields};
        const delta  in = {
             .row_count = rows, .column_count = RANDOM_TYPES + EXTRA, .columns = columns};
        size_t plain, narrow;
        check_image(&in, &s, false, &m, &r, &plain);
        check_image(&in, &s, true, &m, &r, &narrow);
        /* 7 bytes a row of the first, 7 and 4 of the next two, 3 and 2 of the texts */
        CHECK(rows < 256 ? narrow == plain : narrow + (size_t)rows * 23 - 24 <= plain);
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_round_trip))
