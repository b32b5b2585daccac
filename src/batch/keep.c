/* SPDX-License-Identifier: Apache-2.0 */
/* keep.c - rows that outlive the call: batch_keep, batch_retain, batch_release.
 *
 * All memory of a kept batch is one allocation: its size is summed up first, then everything is
 * placed. Streams keep a batch of one or two rows per tick, so small batches are packed to 16
 * bytes; larger ones get cache-line alignment. */
#include "batch/batch_bytes.h"
#include "batch/chunk.h"

#define SMALL_ROWS 16

typedef struct placement {
    chunk  *chunk;
    size_t  alignment;
    int32_t row_count;
} placement;

static bool
is_first_with_owner(const column *columns, int32_t at) {
    chunk *const owner = columns[at].owner;
    for (int32_t i = at; i-- > 0;) {
        if (columns[i].owner == owner) {
            return false;
        }
    }
    return true;
}

/* Bytes that copy_column takes. */
static size_t
column_copy_bytes(const column *c, int32_t row_count, size_t alignment) {
    const size_t rows = (size_t)row_count;
    size_t       bytes = 0;
    if (c->validity != NULL) {
        bytes += chunk_round((size_t)bits_words(row_count) * 8, alignment);
    }
    if (c->layout == COLUMN_OFFSETS) {
        bytes += chunk_round((rows + 1) * sizeof(int32_t), alignment);
    } else {
        bytes += chunk_round(rows * type_width(c->type), alignment);
    }
    if (physical_is_view(type_physical(c->type))) {
        bytes += chunk_round((size_t)column_text_bytes(c, row_count) + 1, alignment);
    }
    return bytes;
}

static size_t
batch_copy_bytes(const delta *rows, size_t alignment) {
    size_t bytes = chunk_round(sizeof(batch), alignment);
    bytes += chunk_round((size_t)rows->column_count * sizeof(column), alignment);
    if (rows->weight != NULL) {
        bytes += chunk_round((size_t)rows->row_count * sizeof(int64_t), alignment);
    }
    for (int32_t i = 0; i < rows->column_count; i++) {
        const column *c = &rows->columns[i];
        if (c->owner == NULL) {
            bytes += column_copy_bytes(c, rows->row_count, alignment);
        } else if (is_first_with_owner(rows->columns, i)) {
            bytes += 64; /* the note that keeps the owner alive */
        }
    }
    return bytes + alignment;
}

size_t
batch_bytes(const delta *rows) {
    size_t bytes = sizeof(batch) + (size_t)rows->column_count * sizeof(column) + 64;
    for (int32_t i = 0; i < rows->column_count; i++) {
        bytes += column_copy_bytes(&rows->columns[i], rows->row_count, 64);
    }
    return bytes;
}

static void *
place_copy(const placement *p, const void *data, size_t bytes) {
    void *copy = chunk_take(p->chunk, bytes, p->alignment);
    if (copy != NULL && bytes > 0) {
        memcpy(copy, data, bytes);
    }
    return copy;
}

/* Rewrites copied views so that long texts lie in the chunk; a text that repeats from row to row is
 * stored once. */
static bool
copy_view_texts(const placement *p, const column *in, strview *views) {
    const size_t bytes = (size_t)column_text_bytes(in, p->row_count);
    char        *next = bytes == 0 ? NULL : chunk_take(p->chunk, bytes, p->alignment);
    if (bytes > 0 && next == NULL) {
        return false;
    }
    const char *last_data = NULL;
    const char *last_copy = NULL;
    uint32_t    last_size = 0;
    for (int32_t i = 0; i < p->row_count; i++) {
        strview *v = &views[i];
        if (in->validity != NULL && !bits_get(in->validity, i)) {
            *v = (strview){.word = {0, 0}};
        } else if (v->size > STRVIEW_INLINE_MAX) {
            if (v->data != last_data || v->size != last_size) {
                memcpy(next, v->data, v->size);
                last_data = v->data;
                last_size = v->size;
                last_copy = next;
                next += v->size;
            }
            v->data = last_copy;
        }
    }
    return true;
}

static bool
copy_offsets(const placement *p, column *out, const column *in) {
    const int32_t *from = in->values;
    const int32_t  first = from[0];
    const size_t   bytes = (size_t)(from[p->row_count] - first);
    int32_t       *offsets =
        chunk_take(p->chunk, ((size_t)p->row_count + 1) * sizeof(int32_t), p->alignment);
    char *copy = chunk_take(p->chunk, bytes, p->alignment);
    if (offsets == NULL || copy == NULL) {
        return false;
    }
    for (int32_t i = 0; i <= p->row_count; i++) {
        offsets[i] = from[i] - first;
    }
    if (bytes > 0) {
        memcpy(copy, in->bytes + first, bytes);
    }
    out->values = offsets;
    out->bytes = copy;
    return true;
}

static bool
copy_column(const placement *p, column *out, const column *in) {
    *out = *in;
    out->owner = p->chunk;
    if (in->validity != NULL) {
        out->validity = place_copy(p, in->validity, (size_t)bits_words(p->row_count) * 8);
        if (out->validity == NULL) {
            return false;
        }
    }
    if (in->layout == COLUMN_OFFSETS) {
        return copy_offsets(p, out, in);
    }
    void *values = place_copy(p, in->values, (size_t)p->row_count * type_width(in->type));
    out->values = values;
    if (values == NULL) {
        return false;
    }
    return !physical_is_view(type_physical(in->type)) || copy_view_texts(p, in, values);
}

static batch *
place_batch(const placement *p, const delta *rows) {
    batch  *b = chunk_take(p->chunk, sizeof(*b), p->alignment);
    column *columns =
        chunk_take(p->chunk, (size_t)rows->column_count * sizeof(column), p->alignment);
    if (b == NULL || columns == NULL) {
        return NULL;
    }
    *b = (batch){.chunk = p->chunk, .rows = *rows};
    b->rows.columns = columns;
    if (rows->weight != NULL) {
        b->rows.weight = place_copy(p, rows->weight, (size_t)rows->row_count * sizeof(int64_t));
        if (b->rows.weight == NULL) {
            return NULL;
        }
    }
    for (int32_t i = 0; i < rows->column_count; i++) {
        const column *in = &rows->columns[i];
        if (in->owner == NULL) {
            if (!copy_column(p, &columns[i], in)) {
                return NULL;
            }
            continue;
        }
        columns[i] = *in;
        if (is_first_with_owner(rows->columns, i) && !chunk_depend(p->chunk, in->owner)) {
            return NULL;
        }
    }
    return b;
}

static status
keep(batch **out, slab_pool *pool, mem *m, const delta *rows, error *err) {
    *out = NULL;
    placement    p = {.alignment = rows->row_count < SMALL_ROWS ? 16 : 64,
                      .row_count = rows->row_count};
    const size_t bytes = batch_copy_bytes(rows, p.alignment);
    p.chunk = pool == NULL ? chunk_new_sized(m, bytes) : chunk_new_pooled(pool, m, bytes);
    if (p.chunk == NULL) {
        return error_memory(err);
    }
    *out = place_batch(&p, rows);
    if (*out == NULL) {
        chunk_release(p.chunk);
        return error_memory(err);
    }
    return OK;
}

status
batch_keep(batch **out, mem *m, const delta *rows, error *err) {
    return keep(out, NULL, m, rows, err);
}

status
batch_keep_pooled(batch **out, slab_pool *pool, mem *m, const delta *rows, error *err) {
    return keep(out, pool, m, rows, err);
}

void
batch_release(batch *b) {
    if (b != NULL) {
        chunk_release(b->chunk);
    }
}

batch *
batch_retain(batch *b) {
    if (b != NULL) {
        chunk_retain(b->chunk);
    }
    return b;
}
