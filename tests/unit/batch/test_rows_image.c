/* SPDX-License-Identifier: Apache-2.0 */
/* test_rows_image.c - rows of all types are the same behind their image; an image that ends early
 * or says too much is refused. */
#include "batch/rows_image.h"

#include "random_rows.h"

static void
test_round_trip(void **state) {
    (void)state;
    error err;
    mem   m;
    arena a;
    rng   r = {5};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int round = 0; round < 60; round++) {
        const delta in =
            random_delta(&r, &a, random_types, RANDOM_TYPES, 1 + round * 3, (int)rng_below(&r, 8));
        buf      image;
        builder  b;
        column   columns[RANDOM_TYPES];
        delta    view;
        int64_t *weights;
        buf_init(&image, &m, SIZE_MAX);
        rows_image_put(&image, &in);
        CHECK(!image.failed);
        CHECK_OK(builder_init(&b, &m, random_types, RANDOM_TYPES, &err));
        image_reader reader = {.at = image.data, .left = image.size};
        CHECK_OK(rows_image_take(&reader, &b, &weights, &a, &err));
        CHECK_EQ(reader.left, 0);
        builder_view(&b, columns, &view);
        CHECK_EQ(view.row_count, in.row_count);
        for (int32_t i = 0; i < in.row_count; i++) {
            check_rows(&view, i, &in, i, 1);
            CHECK_EQ(weights == NULL ? 1 : weights[i], in.weight == NULL ? 1 : in.weight[i]);
        }
        for (size_t size = 0; size < image.size; size += 1 + rng_below(&r, 40)) {
            builder_truncate(&b, 0);
            reader = (image_reader){.at = image.data, .left = size};
            CHECK_EQ(rows_image_take(&reader, &b, &weights, &a, &err), ERR_CORRUPTION);
        }
        builder_fini(&b);
        buf_fini(&image);
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_round_trip))
