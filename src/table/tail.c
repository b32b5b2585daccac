/* SPDX-License-Identifier: Apache-2.0 */
/* tail.c - the growing end of a table, where small inserts are put together.
 *
 * All arrays of a generation are one allocation. A fuller generation is replaced by one of twice
 * the size; the old one goes when the last snapshot or kept row that looks at it goes. Long texts
 * lie in a chunk that all generations share and are copied once. Validity is written for a column
 * from its first NULL on. */
#include "table/segment.h"

#define TAIL_ROWS_MIN 64
#define TAIL_TEXT_MIN ((size_t)4096)
#define TAIL_TEXT_MAX ((size_t)1 << 18)

status
tail_init(tail *t, mem *m, const schema *s, error *err) {
    *t = (tail){.mem = m};
    if (s->count == 0) {
        return OK;
    }
    t->columns = mem_alloc_zero(m, (size_t)s->count * sizeof(tail_column));
    if (t->columns == NULL) {
        return error_memory(err);
    }
    t->column_count = s->count;
    for (int32_t i = 0; i < s->count; i++) {
        t->columns[i].type = s->fields[i].type;
        t->columns[i].physical = (uint8_t)type_physical(s->fields[i].type);
        t->columns[i].width = (uint8_t)type_width(s->fields[i].type);
    }
    return OK;
}

static void
drop_memory(tail *t) {
    chunk_release(t->generation);
    chunk_release(t->text);
    t->generation = NULL;
    t->text = NULL;
    t->text_next = NULL;
    t->text_free = 0;
    t->count = 0;
    t->capacity = 0;
    for (int32_t i = 0; i < t->column_count; i++) {
        t->columns[i].values = NULL;
        t->columns[i].validity = NULL;
        t->columns[i].has_nulls = false;
    }
}

void
tail_fini(tail *t) {
    drop_memory(t);
    mem_free(t->mem, t->columns, (size_t)t->column_count * sizeof(tail_column));
    t->columns = NULL;
    t->column_count = 0;
}

int64_t
tail_bytes(const tail *t) {
    return (int64_t)((t->generation == NULL ? 0 : chunk_bytes(t->generation)) +
                     (t->text == NULL ? 0 : chunk_bytes(t->text)));
}

/* ---- generations */

static size_t
validity_bytes(int32_t capacity) {
    return (size_t)bits_words(capacity) * sizeof(uint64_t);
}

/* Moves the rows to a generation of `capacity` rows, capacity >= count. */
static status
set_capacity(tail *t, int32_t capacity, error *err) {
    size_t bytes = 64;
    for (int32_t i = 0; i < t->column_count; i++) {
        bytes += chunk_round((size_t)capacity * t->columns[i].width, 64);
        bytes += chunk_round(validity_bytes(capacity), 64);
    }
    chunk *generation = chunk_new_sized(t->mem, bytes);
    if (generation == NULL) {
        return error_memory(err);
    }
    if (!chunk_depend(generation, t->text)) {
        chunk_release(generation);
        return error_memory(err);
    }
    for (int32_t i = 0; i < t->column_count; i++) {
        tail_column *c = &t->columns[i];
        uint8_t     *values = chunk_alloc(generation, (size_t)capacity * c->width);
        uint64_t    *validity = chunk_alloc(generation, validity_bytes(capacity));
        assert(values != NULL && validity != NULL); /* the room was made above */
        if (t->count > 0) {
            memcpy(values, c->values, (size_t)t->count * c->width);
        }
        if (c->has_nulls) {
            memcpy(validity, c->validity, validity_bytes(t->count));
        }
        c->values = values;
        c->validity = validity;
    }
    chunk_release(t->generation);
    t->generation = generation;
    t->capacity = capacity;
    return OK;
}

static NOINLINE status
grow(tail *t, int32_t rows_wanted, error *err) {
    int32_t capacity = TAIL_ROWS_MIN;
    while (capacity < rows_wanted) {
        capacity *= 2;
    }
    return set_capacity(t, capacity, err);
}

/* ---- text */

static NOINLINE char *
take_text_slowly(tail *t, size_t size) {
    if (t->text == NULL) {
        chunk *c = chunk_new(t->mem);
        if (c == NULL) {
            return NULL;
        }
        if (!chunk_depend(t->generation, c)) {
            chunk_release(c);
            return NULL;
        }
        t->text = c;
    }
    size_t block = chunk_bytes(t->text) / 2;
    block = block < TAIL_TEXT_MIN ? TAIL_TEXT_MIN : block;
    block = block > TAIL_TEXT_MAX ? TAIL_TEXT_MAX : block;
    if (size > block / 4) {
        return chunk_alloc(t->text, size);
    }
    char *p = chunk_alloc(t->text, block);
    if (p != NULL) {
        t->text_next = p + size;
        t->text_free = block - size;
    }
    return p;
}

ALWAYS_INLINE char *
take_text(tail *t, size_t size) {
    if (UNLIKELY(t->text_free < size)) {
        return take_text_slowly(t, size);
    }
    char *at = t->text_next;
    t->text_next += size;
    t->text_free -= size;
    return at;
}

static status
append_text(tail *t, strview *out, const char *data, uint32_t size, error *err) {
    if (size > STRVIEW_INLINE_MAX) {
        char *copy = take_text(t, size);
        if (UNLIKELY(copy == NULL)) {
            return error_memory(err);
        }
        memcpy(copy, data, size);
        data = copy;
    }
    *out = strview_of(data, size);
    return OK;
}

#define RUN_TEXT_MIN 24 /* bytes of a text, in the mean, from which on one copy serves all rows */

/* All texts of a column of offsets in one run; short ones lie in their views as well. */
static status
append_run(tail *t, strview *out, const column *in, int32_t row_count, error *err) {
    const int32_t *offsets = in->values;
    const size_t   size = (size_t)(offsets[row_count] - offsets[0]);
    char          *copy = take_text(t, size);
    if (copy == NULL) {
        return error_memory(err);
    }
    memcpy(copy, in->bytes + offsets[0], size);
    for (int32_t i = 0; i < row_count; i++) {
        out[i] =
            strview_of(copy + (offsets[i] - offsets[0]), (uint32_t)(offsets[i + 1] - offsets[i]));
    }
    return OK;
}

static status
append_texts(tail *t, strview *out, const column *in, int32_t row_count, error *err) {
    const int32_t *offsets = in->layout == COLUMN_OFFSETS ? in->values : NULL;
    const strview *views = in->values;
    if (offsets != NULL && in->validity == NULL &&
        offsets[row_count] - offsets[0] >= (int64_t)row_count * RUN_TEXT_MIN) {
        return append_run(t, out, in, row_count, err);
    }
    for (int32_t i = 0; i < row_count; i++) {
        if (column_is_null(in, i)) {
            out[i] = (strview){.word = {0, 0}};
        } else if (offsets != NULL) {
            const uint32_t size = (uint32_t)(offsets[i + 1] - offsets[i]);
            const char    *data = size == 0 ? NULL : in->bytes + offsets[i];
            TRY(append_text(t, &out[i], data, size, err));
        } else if (views[i].size <= STRVIEW_INLINE_MAX) {
            out[i] = views[i];
        } else {
            TRY(append_text(t, &out[i], views[i].data, views[i].size, err));
        }
    }
    return OK;
}

/* ---- appending */

static void
append_validity(const tail *t, tail_column *c, const column *in, int32_t row_count) {
    if (in->validity == NULL) {
        if (c->has_nulls) {
            bits_fill(c->validity, t->count, row_count, true);
        }
        return;
    }
    if (!c->has_nulls) {
        if (bits_all(in->validity, row_count)) {
            return;
        }
        bits_fill(c->validity, 0, t->count, true);
        c->has_nulls = true;
    }
    bits_copy(c->validity, t->count, (const uint8_t *)in->validity, 0, row_count);
}

static void
append_values(const tail *t, tail_column *c, const column *in, int32_t row_count) {
    uint8_t *to = c->values + (size_t)t->count * c->width;
    if (row_count == 1 && c->width == 8) { /* the usual row of a stream, without a call */
        memcpy(to, in->values, 8);
        return;
    }
    memcpy(to, in->values, (size_t)row_count * c->width);
}

status
tail_append(tail *t, const delta *rows, error *err) {
    const int32_t n = rows->row_count;
    assert(t->count + n <= TABLE_SEGMENT_ROWS);
    if (UNLIKELY(t->count + n > t->capacity)) {
        TRY(grow(t, t->count + n, err));
    }
    for (int32_t i = 0; i < t->column_count; i++) {
        tail_column  *c = &t->columns[i];
        const column *in = &rows->columns[i];
        assert(type_equal(c->type, in->type));
        if (physical_is_view(c->physical)) {
            TRY(append_texts(t, (strview *)(void *)c->values + t->count, in, n, err));
        } else {
            append_values(t, c, in, n);
        }
        append_validity(t, c, in, n);
    }
    t->count += n;
    return OK;
}

column
tail_column_view(const tail *t, int32_t at, int32_t first) {
    const tail_column *c = &t->columns[at];
    column             out = {.type = c->type, .layout = COLUMN_FLAT, .owner = t->generation};
    out.values = c->values == NULL ? NULL : c->values + (size_t)first * c->width;
    return out;
}

/* ---- sealing */

status
tail_seal(tail *t, segment **out, error *err) {
    *out = NULL;
    assert(t->count > 0);
    const int32_t snug = (t->count + 63) & ~63;
    if (t->capacity - snug > t->capacity / 4) {
        (void)!set_capacity(t, snug, NULL); /* without memory for it, the spare rows stay */
    }
    const size_t bytes = (size_t)t->column_count * sizeof(column);
    column      *columns = mem_alloc(t->mem, bytes);
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < t->column_count; i++) {
        columns[i] = tail_column_view(t, i, 0);
        columns[i].validity = t->columns[i].has_nulls ? t->columns[i].validity : NULL;
    }
    const delta rows = {.row_count = t->count, .column_count = t->column_count, .columns = columns};
    segment    *s = segment_new(t->mem, t->generation, &rows, 0, t->count);
    mem_free(t->mem, columns, bytes);
    if (s == NULL) {
        return error_memory(err);
    }
    s->first = t->first;
    t->first += t->count;
    drop_memory(t);
    *out = s;
    return OK;
}

void
tail_truncate(tail *t, int32_t count) {
    assert(count <= t->count);
    t->count = count;
    t->capacity = count; /* the next append moves to new memory */
}
