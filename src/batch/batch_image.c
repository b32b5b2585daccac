/* SPDX-License-Identifier: Apache-2.0 */
/* batch_image.c - see batch_image.h. */
#include "batch/batch_image.h"

#include "batch/chunk.h"

static bool
is_text(const column *c) {
    return physical_is_view(type_physical(c->type));
}

static text
text_at(const column *c, int32_t row) {
    if (column_is_null(c, row)) {
        return (text){NULL, 0};
    }
    if (c->layout == COLUMN_OFFSETS) {
        const int32_t *offsets = c->values;
        return (text){c->bytes + offsets[row], (size_t)(offsets[row + 1] - offsets[row])};
    }
    return strview_text((const strview *)c->values + row);
}

/* Sizes, then bytes, by hand: an append for each text costs more than the copies. */
static void
put_texts(buf *out, const column *c, int32_t rows) {
    const size_t head = (size_t)rows * sizeof(uint32_t);
    if (!buf_reserve(out, head)) {
        return;
    }
    char  *sizes = out->data + out->size;
    size_t total = 0;
    for (int32_t i = 0; i < rows; i++) {
        const uint32_t size = (uint32_t)text_at(c, i).size;
        memcpy(sizes + (size_t)i * sizeof(size), &size, sizeof(size));
        total += size;
    }
    out->size += head;
    if (!buf_reserve(out, total + STRVIEW_INLINE_MAX)) {
        return;
    }
    char *to = out->data + out->size;
    for (int32_t i = 0; i < rows; i++) {
        const text t = text_at(c, i);
        if (t.size > STRVIEW_INLINE_MAX || c->layout == COLUMN_OFFSETS) {
            memcpy(to, t.size == 0 ? "" : t.data, t.size);
        } else if (t.size > 0) { /* in the view itself; the next text covers what is over */
            memcpy(to, ((const strview *)c->values + i)->inlined, STRVIEW_INLINE_MAX);
        }
        to += t.size;
    }
    out->size += total;
    out->data[out->size] = '\0';
}

static void
put_column(buf *out, const column *c, int32_t rows) {
    (void)buf_append_char(out, c->validity == NULL ? 0 : 1);
    if (c->validity != NULL) {
        (void)buf_append(out, c->validity, (size_t)bits_words(rows) * 8);
    }
    if (is_text(c)) {
        put_texts(out, c, rows);
    } else {
        (void)buf_append(out, c->values, (size_t)rows * type_width(c->type));
    }
}

/* What does not lie in texts: most of the room in one step. */
static size_t
fixed_bytes(const delta *rows) {
    size_t bytes = 16;
    for (int32_t i = 0; i < rows->column_count; i++) {
        bytes += (size_t)rows->row_count * type_width(rows->columns[i].type) +
                 (size_t)bits_words(rows->row_count) * 8 + 1;
    }
    return bytes;
}

void
batch_image_put(buf *out, const delta *rows) {
    (void)buf_reserve(out, fixed_bytes(rows));
    image_put_u32(out, (uint32_t)rows->row_count);
    image_put_u32(out, (uint32_t)rows->column_count);
    for (int32_t i = 0; i < rows->column_count; i++) {
        put_column(out, &rows->columns[i], rows->row_count);
    }
}

/* `bytes` of the image in memory of the chunk. */
static status
take_array(image_reader *in, chunk *c, size_t bytes, const void **out, error *err) {
    if (bytes > in->left) {
        return image_corrupt("a column", err);
    }
    void *copy = chunk_alloc(c, bytes + 1);
    if (copy == NULL) {
        return error_memory(err);
    }
    *out = copy;
    return image_take(in, copy, bytes, err);
}

static status
take_texts(image_reader *in, chunk *c, column *out, int32_t rows, error *err) {
    const size_t head = (size_t)rows * sizeof(uint32_t);
    const char  *sizes = in->at;
    size_t       total = 0;
    if (head > in->left) {
        return image_corrupt("sizes of texts", err);
    }
    in->at += head;
    in->left -= head;
    for (int32_t i = 0; i < rows; i++) {
        uint32_t size;
        memcpy(&size, sizes + (size_t)i * sizeof(size), sizeof(size));
        total += size;
    }
    const void *bytes = NULL;
    strview    *views = chunk_alloc(c, (size_t)rows * sizeof(strview) + 1);
    if (views == NULL) {
        return error_memory(err);
    }
    TRY(take_array(in, c, total, &bytes, err));
    const char *next = bytes;
    for (int32_t i = 0; i < rows; i++) {
        uint32_t size;
        memcpy(&size, sizes + (size_t)i * sizeof(size), sizeof(size));
        views[i] = strview_of(next, size);
        next += size;
    }
    out->values = views;
    return OK;
}

static status
take_column(image_reader *in, chunk *c, column *out, int32_t rows, error *err) {
    char        has_nulls;
    const void *validity = NULL;
    TRY(image_take(in, &has_nulls, 1, err));
    if (has_nulls != 0) {
        TRY(take_array(in, c, (size_t)bits_words(rows) * 8, &validity, err));
    }
    out->validity = validity;
    return is_text(out)
               ? take_texts(in, c, out, rows, err)
               : take_array(in, c, (size_t)rows * type_width(out->type), &out->values, err);
}

static status
take_batch(image_reader *in, const schema *s, chunk *c, batch **out, error *err) {
    uint32_t rows;
    uint32_t width;
    TRY(image_take_u32(in, &rows, err));
    TRY(image_take_u32(in, &width, err));
    if (rows > INT32_MAX || width != (uint32_t)s->count) {
        return image_corrupt("rows of another shape", err);
    }
    batch  *b = chunk_alloc(c, sizeof(*b));
    column *columns = chunk_alloc(c, sizeof(column) * (size_t)(s->count + 1));
    if (b == NULL || columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->count; i++) {
        columns[i] = (column){.type = s->fields[i].type, .layout = COLUMN_FLAT, .owner = c};
        TRY(take_column(in, c, &columns[i], (int32_t)rows, err));
    }
    *b =
        (batch){.chunk = c,
                .rows = {.row_count = (int32_t)rows, .column_count = s->count, .columns = columns}};
    *out = b;
    return OK;
}

status
batch_image_take(image_reader *in, const schema *s, batch **out, mem *m, error *err) {
    chunk *c = chunk_new(m);
    if (c == NULL) {
        return error_memory(err);
    }
    const status done = take_batch(in, s, c, out, err);
    if (done < 0) {
        chunk_release(c);
    }
    return done;
}
