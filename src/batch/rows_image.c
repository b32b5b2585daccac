/* SPDX-License-Identifier: Apache-2.0 */
/* rows_image.c - see rows_image.h. */
#include "batch/rows_image.h"

static void
put_value(buf *out, const column *c, int32_t row) {
    const value v = column_value(c, row);
    uint64_t    words[2] = {0, 0};
    buf_append_char(out, v.is_null ? 0 : 1);
    if (v.is_null) {
        return;
    }
    if (physical_is_view(type_physical(c->type))) {
        image_put_text(out, v.s);
        return;
    }
    column_store(words, 0, &v);
    buf_append(out, words, type_width(c->type));
}

void
rows_image_put(buf *out, const delta *rows) {
    image_put_u32(out, (uint32_t)rows->row_count);
    buf_append_char(out, rows->weight == NULL ? 0 : 1);
    if (rows->weight != NULL) {
        buf_append(out, rows->weight, sizeof(int64_t) * (size_t)rows->row_count);
    }
    for (int32_t c = 0; c < rows->column_count; c++) {
        for (int32_t i = 0; i < rows->row_count; i++) {
            put_value(out, &rows->columns[c], i);
        }
    }
}

static status
take_value(image_reader *in, builder *to, int32_t at, error *err) {
    const data_type type = to->columns[at].type;
    uint64_t        words[2];
    char            there;
    TRY(image_take(in, &there, 1, err));
    if (there == 0) {
        return column_append_null(to, at, err);
    }
    if (physical_is_view(type_physical(type))) {
        text t;
        TRY(image_take_text(in, &t, err));
        return column_append_text(to, at, t, err);
    }
    TRY(image_take(in, words, type_width(type), err));
    const column one = {.type = type, .values = words};
    const value  v = column_value(&one, 0);
    return column_append_value(to, at, &v, err);
}

status
rows_image_take(image_reader *in, builder *to, int64_t **weights, arena *a, error *err) {
    uint32_t rows;
    char     weighted;
    TRY(image_take_u32(in, &rows, err));
    TRY(image_take(in, &weighted, 1, err));
    *weights = NULL;
    if (rows > in->left) { /* a row has a byte at least */
        return image_corrupt("more rows than bytes", err);
    }
    if (weighted != 0) {
        *weights = arena_alloc(a, sizeof(int64_t) * (rows + (size_t)1));
        if (*weights == NULL) {
            return error_memory(err);
        }
        TRY(image_take(in, *weights, sizeof(int64_t) * rows, err));
    }
    const int32_t before = builder_rows(to);
    status        s = OK;
    for (int32_t c = 0; c < to->column_count; c++) {
        for (uint32_t i = 0; s == OK && i < rows; i++) {
            s = take_value(in, to, c, err);
        }
    }
    if (s < 0) {
        builder_truncate(to, before); /* all columns of one length */
    }
    return s;
}
