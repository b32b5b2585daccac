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

/* What stands in the first byte of a column: whether there are NULLs, and in how many bytes a
 * number (behind the least of them) or the size of a text is; 0: as it is in memory, in 4. */
#define OFFSETS_ROWS_MIN 16 /* fewer are read as views */

enum { HAS_NULLS = 1, WIDTH_SHIFT = 1, WIDTH_MASK = 7, NARROW_ROWS = 256 };

/* ---- Numbers of 8 bytes in 1, 2 or 4 */

ALWAYS_INLINE void
store_narrow(char *to, int32_t i, int32_t width, uint32_t v) {
    if (width == 1) {
        to[i] = (char)v;
    } else if (width == 2) {
        memcpy(to + (size_t)i * 2, &v, 2); /* little-endian, as all that is kept */
    } else {
        memcpy(to + (size_t)i * 4, &v, 4);
    }
}

ALWAYS_INLINE uint32_t
load_narrow(const char *from, int32_t i, int32_t width) {
    uint32_t v = 0;
    if (width == 1) {
        v = (uint8_t)from[i];
    } else if (width == 2) {
        memcpy(&v, from + (size_t)i * 2, 2);
    } else {
        memcpy(&v, from + (size_t)i * 4, 4);
    }
    return v;
}

static int32_t
width_for(uint64_t most) {
    return most <= UINT8_MAX ? 1 : most <= UINT16_MAX ? 2 : most <= UINT32_MAX ? 4 : 8;
}

static void
range_of(const int64_t *v, int32_t count, int64_t *least, int64_t *greatest) {
    int64_t low = v[0], high = v[0];
    for (int32_t i = 1; i < count; i++) {
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
    }
    *least = low;
    *greatest = high;
}

/* Few rows tell most columns that are not narrow, at no cost. */
static int32_t
number_width(const column *c, int32_t rows, int64_t *least) {
    int64_t greatest = 0;
    if (rows < NARROW_ROWS || c->validity != NULL || type_physical(c->type) != PHYSICAL_I64) {
        return 8;
    }
    range_of(c->values, NARROW_ROWS, least, &greatest);
    if (width_for((uint64_t)greatest - (uint64_t)*least) == 8) {
        return 8;
    }
    range_of(c->values, rows, least, &greatest);
    return width_for((uint64_t)greatest - (uint64_t)*least);
}

static void
put_numbers(buf *out, const int64_t *v, int32_t rows, int32_t width, int64_t least) {
    image_put_i64(out, least);
    if (!buf_reserve(out, (size_t)rows * (size_t)width)) {
        return;
    }
    char *to = out->data + out->size;
    for (int32_t i = 0; i < rows; i++) {
        store_narrow(to, i, width, (uint32_t)((uint64_t)v[i] - (uint64_t)least));
    }
    out->size += (size_t)rows * (size_t)width;
    out->data[out->size] = '\0';
}

/* ---- Texts: sizes, then bytes, by hand: an append for each text costs more than the copies */

/* The greatest size, or more. */
static uint32_t
text_most(const column *c, int32_t rows) {
    uint32_t most = 0;
    if (c->layout == COLUMN_OFFSETS) {
        const int32_t *offsets = c->values;
        for (int32_t i = 0; i < rows; i++) {
            most |= (uint32_t)(offsets[i + 1] - offsets[i]);
        }
        return most;
    }
    const strview *views = c->values;
    for (int32_t i = 0; i < rows; i++) {
        most |= views[i].size;
    }
    return most;
}

static size_t
put_sizes(char *to, const column *c, int32_t rows, int32_t width) {
    size_t total = 0;
    for (int32_t i = 0; i < rows; i++) {
        const uint32_t size = (uint32_t)text_at(c, i).size;
        store_narrow(to, i, width, size);
        total += size;
    }
    return total;
}

/* Texts of Arrow without a NULL lie one after another already. */
static void
put_joined(buf *out, const column *c, int32_t rows, int32_t width) {
    const int32_t *offsets = c->values;
    char          *to = out->data + out->size;
    for (int32_t i = 0; i < rows; i++) {
        store_narrow(to, i, width, (uint32_t)(offsets[i + 1] - offsets[i]));
    }
    out->size += (size_t)rows * (size_t)width;
    out->data[out->size] = '\0';
    (void)buf_append(out, c->bytes == NULL ? "" : c->bytes + offsets[0],
                     (size_t)(offsets[rows] - offsets[0]));
}

static void
put_texts(buf *out, const column *c, int32_t rows, int32_t width) {
    const size_t head = (size_t)rows * (size_t)width;
    if (!buf_reserve(out, head)) {
        return;
    }
    if (c->layout == COLUMN_OFFSETS && c->validity == NULL) {
        put_joined(out, c, rows, width);
        return;
    }
    const size_t total = put_sizes(out->data + out->size, c, rows, width);
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
put_column(buf *out, const column *c, int32_t rows, bool narrow) {
    const bool texts = is_text(c);
    int64_t    least = 0;
    int32_t    width = 0; /* 0: as always */
    if (narrow && rows >= NARROW_ROWS) {
        const int32_t most = texts ? width_for(text_most(c, rows)) : number_width(c, rows, &least);
        width = most < (texts ? 4 : 8) ? most : 0;
    }
    const int32_t nulls = c->validity == NULL ? 0 : HAS_NULLS;
    (void)buf_append_char(out, (char)(nulls | width << WIDTH_SHIFT));
    if (c->validity != NULL) {
        (void)buf_append(out, c->validity, (size_t)bits_words(rows) * 8);
    }
    if (texts) {
        put_texts(out, c, rows, width == 0 ? 4 : width);
    } else if (width > 0) {
        put_numbers(out, c->values, rows, width, least);
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

static void
put_rows(buf *out, const delta *rows, bool narrow) {
    (void)buf_reserve(out, fixed_bytes(rows));
    image_put_u32(out, (uint32_t)rows->row_count);
    image_put_u32(out, (uint32_t)rows->column_count);
    for (int32_t i = 0; i < rows->column_count; i++) {
        put_column(out, &rows->columns[i], rows->row_count, narrow);
    }
}

void
batch_image_put(buf *out, const delta *rows) {
    put_rows(out, rows, false);
}

void
batch_image_put_narrow(buf *out, const delta *rows) {
    put_rows(out, rows, true);
}

/* ---- Reading */

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

/* `width` is a constant at each call of the three below. */
ALWAYS_INLINE uint64_t
sum_sizes(const char *sizes, int32_t rows, int32_t width) {
    uint64_t total = 0;
    for (int32_t i = 0; i < rows; i++) {
        total += load_narrow(sizes, i, width);
    }
    return total;
}

ALWAYS_INLINE void
add_up_sizes(int32_t *offsets, const char *sizes, int32_t rows, int32_t width) {
    uint32_t at = 0;
    for (int32_t i = 0; i < rows; i++) {
        offsets[i] = (int32_t)at;
        at += load_narrow(sizes, i, width);
    }
    offsets[rows] = (int32_t)at;
}

ALWAYS_INLINE void
add_to_least(int64_t *values, const char *from, int32_t rows, int32_t width, int64_t least) {
    for (int32_t i = 0; i < rows; i++) {
        values[i] = (int64_t)((uint64_t)least + load_narrow(from, i, width));
    }
}

static uint64_t
all_sizes(const char *sizes, int32_t rows, int32_t width) {
    return width == 1   ? sum_sizes(sizes, rows, 1)
           : width == 2 ? sum_sizes(sizes, rows, 2)
                        : sum_sizes(sizes, rows, 4);
}

/* As Arrow has them: a quarter of the memory of views, and readers can look at all bytes at once.
 */
static status
take_offsets(chunk *c, column *out, const char *sizes, int32_t rows, int32_t width, error *err) {
    int32_t *offsets = chunk_alloc(c, ((size_t)rows + 1) * sizeof(*offsets));
    if (offsets == NULL) {
        return error_memory(err);
    }
    if (width == 1) {
        add_up_sizes(offsets, sizes, rows, 1);
    } else if (width == 2) {
        add_up_sizes(offsets, sizes, rows, 2);
    } else {
        add_up_sizes(offsets, sizes, rows, 4);
    }
    out->layout = COLUMN_OFFSETS;
    out->bytes = out->values;
    out->values = offsets;
    return OK;
}

static status
take_texts(image_reader *in, chunk *c, column *out, int32_t rows, int32_t width, error *err) {
    const size_t head = (size_t)rows * (size_t)width;
    const char  *sizes = in->at;
    if (head > in->left) {
        return image_corrupt("sizes of texts", err);
    }
    in->at += head;
    in->left -= head;
    const uint64_t total = all_sizes(sizes, rows, width);
    TRY(take_array(in, c, total, &out->values, err));
    if (rows >= OFFSETS_ROWS_MIN && total <= INT32_MAX && !type_is_json(out->type) &&
        (out->type.id == TYPE_TEXT || out->type.id == TYPE_BLOB)) {
        return take_offsets(c, out, sizes, rows, width, err);
    }
    strview *views = chunk_alloc(c, (size_t)rows * sizeof(strview) + 1);
    if (views == NULL) {
        return error_memory(err);
    }
    const char *next = out->values;
    for (int32_t i = 0; i < rows; i++) {
        const uint32_t size = load_narrow(sizes, i, width);
        views[i] = strview_of(next, size);
        next += size;
    }
    out->values = views;
    return OK;
}

static status
take_numbers(image_reader *in, chunk *c, column *out, int32_t rows, int32_t width, error *err) {
    int64_t least;
    TRY(image_take_i64(in, &least, err));
    const size_t bytes = (size_t)rows * (size_t)width;
    if (bytes > in->left) {
        return image_corrupt("numbers", err);
    }
    int64_t *values = chunk_alloc(c, (size_t)rows * sizeof(*values) + 1);
    if (values == NULL) {
        return error_memory(err);
    }
    if (width == 1) {
        add_to_least(values, in->at, rows, 1, least);
    } else if (width == 2) {
        add_to_least(values, in->at, rows, 2, least);
    } else {
        add_to_least(values, in->at, rows, 4, least);
    }
    in->at += bytes;
    in->left -= bytes;
    out->values = values;
    return OK;
}

static status
take_column(image_reader *in, chunk *c, column *out, int32_t rows, error *err) {
    char        form;
    const void *validity = NULL;
    TRY(image_take(in, &form, 1, err));
    const bool    texts = is_text(out);
    const int32_t width = ((uint8_t)form >> WIDTH_SHIFT) & WIDTH_MASK;
    const bool    known = width == 0 || width == 1 || width == 2 || (width == 4 && !texts);
    const bool    fits = width == 0 || texts || type_physical(out->type) == PHYSICAL_I64;
    if (!known || !fits || (uint8_t)form >> (WIDTH_SHIFT + 3) != 0) {
        return image_corrupt("the form of a column", err);
    }
    if ((form & HAS_NULLS) != 0) {
        TRY(take_array(in, c, (size_t)bits_words(rows) * 8, &validity, err));
    }
    out->validity = validity;
    if (texts) {
        return take_texts(in, c, out, rows, width == 0 ? 4 : width, err);
    }
    return width > 0 ? take_numbers(in, c, out, rows, width, err)
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
