/* SPDX-License-Identifier: Apache-2.0 */
/* builder.c - growing columns.
 *
 * Each column has arrays of its own that double. Taking a small batch copies it into one compact
 * allocation and leaves arrays and text memory for the next rows: row-by-row inserts allocate once
 * per row. Taking a large one moves the arrays into the batch. Invariants: capacity is 0 or a
 * multiple of 16 with all arrays that long; views under NULL are empty; validity bits beyond count
 * are undefined; views of long texts point into text_chunk. */
#include "batch/builder.h"

#include "base/interrupt.h"
#include "batch/chunk.h"

#define BUILDER_ROWS_MIN 16
#define BUILDER_COPY_BYTES 16384 /* a batch of up to this size is copied out */
#define BUILDER_HINT_MAX 65536
#define BUILDER_TEXT_MIN 1024
#define BUILDER_TEXT_MAX ((size_t)1 << 18)
/* Arrays between these sizes are copied as they grow, larger ones are moved by their pages. */
#define BUILDER_PIECE_BYTES ((size_t)1 << 20)
#define BUILDER_PAGED_BYTES ((size_t)32 << 20)

static size_t
validity_bytes(int32_t capacity) {
    return (size_t)bits_words(capacity) * sizeof(uint64_t);
}

status
builder_init(builder *b, mem *m, const data_type *types, int32_t column_count, error *err) {
    assert(column_count >= 0);
    *b = (builder){.mem = m, .column_count = column_count};
    if (column_count == 0) {
        return OK;
    }
    b->columns = mem_alloc_zero(m, (size_t)column_count * sizeof(column_builder));
    if (b->columns == NULL) {
        b->column_count = 0;
        return error_memory(err);
    }
    for (int32_t i = 0; i < column_count; i++) {
        b->columns[i].type = types[i];
    }
    return OK;
}

static void
drop_text(builder *b) {
    chunk_release(b->text_chunk);
    b->text_chunk = NULL;
    b->text_first = NULL;
    b->text_next = NULL;
    b->text_first_size = 0;
    b->text_free = 0;
    b->text_blocks = 0;
}

void
builder_fini(builder *b) {
    for (int32_t i = 0; i < b->column_count; i++) {
        column_builder *c = &b->columns[i];
        mem_free(b->mem, c->values, (size_t)c->capacity * type_width(c->type));
        mem_free(b->mem, c->validity, validity_bytes(c->capacity));
    }
    mem_free(b->mem, b->columns, (size_t)b->column_count * sizeof(column_builder));
    drop_text(b);
    *b = (builder){.mem = b->mem};
}

/* ---- growth */

/* A copy of `used` bytes in an array of `bytes`, made in pieces, between which a query may be told
 * to stop; NULL in *out: no memory for both. */
static status
copy_larger(builder *b, const void *values, size_t used, size_t bytes, void **out, error *err) {
    char *copy = mem_alloc(b->mem, bytes);
    *out = copy;
    for (size_t at = 0; copy != NULL && at < used; at += BUILDER_PIECE_BYTES) {
        const size_t left = used - at;
        memcpy(copy + at, (const char *)values + at,
               left < BUILDER_PIECE_BYTES ? left : BUILDER_PIECE_BYTES);
        const status s = interrupt_look(err);
        if (s < 0) {
            mem_free(b->mem, copy, bytes);
            return s;
        }
    }
    return OK;
}

static status
resize_values(builder *b, column_builder *c, size_t bytes, void **out, error *err) {
    const size_t width = type_width(c->type);
    const size_t before = (size_t)c->capacity * width;
    if (before > BUILDER_PIECE_BYTES && before <= BUILDER_PAGED_BYTES) {
        TRY(copy_larger(b, c->values, (size_t)c->count * width, bytes, out, err));
        if (*out != NULL) {
            mem_free(b->mem, c->values, before);
            return OK;
        }
    }
    *out = mem_resize(b->mem, c->values, before, bytes);
    return *out == NULL ? error_memory(err) : OK;
}

static status
too_many_rows(int32_t max, error *err) {
    error_set(err, ERR_INGESTION_FAILED, "an insert of more than %d rows is too long", max);
    return error_hint(err, "insert them in parts; SHOW LIMITS tells how many rows");
}

static NOINLINE status
grow(builder *b, column_builder *c, int64_t rows_wanted, error *err) {
    const int32_t max = b->rows_max > 0 ? b->rows_max : INT32_MAX - 64;
    if (rows_wanted > max) {
        return too_many_rows(max, err);
    }
    int64_t capacity = c->capacity == 0 ? max_i64(BUILDER_ROWS_MIN, (b->rows_hint + 15) & ~15)
                                        : 2 * (int64_t)c->capacity;
    capacity = max_i64(capacity, (rows_wanted + 15) & ~(int64_t)15);
    capacity = min_i64(capacity, max_i64(max, BUILDER_ROWS_MIN));
    const size_t width = type_width(c->type);
    const size_t words = validity_bytes((int32_t)capacity);
    /* The new validity comes first: when the values cannot grow it goes back, and the column is as
     * before. */
    uint64_t *validity = c->validity;
    if (words != validity_bytes(c->capacity)) {
        validity = mem_alloc(b->mem, words);
        if (validity == NULL) {
            return error_memory(err);
        }
    }
    void        *values;
    const status resized = resize_values(b, c, (size_t)capacity * width, &values, err);
    if (resized < 0) {
        if (validity != c->validity) {
            mem_free(b->mem, validity, words);
        }
        return resized;
    }
    c->values = values;
    if (validity != c->validity) {
        const size_t used = (size_t)bits_words(c->count) * sizeof(uint64_t);
        if (used > 0) {
            memcpy(validity, c->validity, used);
        }
        mem_free(b->mem, c->validity, validity_bytes(c->capacity));
        c->validity = validity;
    }
    c->capacity = (int32_t)capacity;
    return OK;
}

ALWAYS_INLINE status
ensure(builder *b, column_builder *c, int64_t more, error *err) {
    if (LIKELY(c->count + more <= c->capacity)) {
        return OK;
    }
    return grow(b, c, c->count + more, err);
}

status
builder_reserve(builder *b, int32_t rows, error *err) {
    for (int32_t i = 0; i < b->column_count; i++) {
        TRY(ensure(b, &b->columns[i], rows, err));
    }
    return OK;
}

/* ---- text memory */

static NOINLINE char *
add_text_block(builder *b, size_t size) {
    if (b->text_chunk == NULL) {
        b->text_chunk = chunk_new(b->mem);
        if (b->text_chunk == NULL) {
            return NULL;
        }
    }
    size_t block = BUILDER_TEXT_MIN << (b->text_blocks < 8 ? b->text_blocks : 8);
    block = block > BUILDER_TEXT_MAX ? BUILDER_TEXT_MAX : block;
    block = b->text_first == NULL && b->text_first_size > block ? b->text_first_size : block;
    if (size > block / 4) { /* a block of its own; the one that is being filled stays */
        char *own = chunk_alloc(b->text_chunk, size);
        b->text_blocks += own != NULL;
        return own;
    }
    char *p = chunk_alloc(b->text_chunk, block);
    if (p == NULL) {
        return NULL;
    }
    if (b->text_blocks == 0) {
        b->text_first = p;
        b->text_first_size = block;
    }
    b->text_blocks++;
    b->text_next = p + size;
    b->text_free = block - size;
    return p;
}

ALWAYS_INLINE char *
take_text(builder *b, size_t size) {
    if (UNLIKELY(b->text_free < size)) {
        return add_text_block(b, size);
    }
    char *p = b->text_next;
    b->text_next += size;
    b->text_free -= size;
    return p;
}

/* No view points to text any more: one block is kept. Where several were needed, the first of the
 * next rows has room for as much, up to what small batches have. */
static void
reset_text(builder *b) {
    if (b->text_blocks > 1 || b->text_first == NULL) {
        const size_t needed = b->text_chunk == NULL ? 0 : chunk_bytes(b->text_chunk);
        drop_text(b);
        b->text_first_size = needed > BUILDER_COPY_BYTES ? BUILDER_COPY_BYTES : needed;
        return;
    }
    b->text_next = b->text_first;
    b->text_free = b->text_first_size;
}

/* ---- appending to one column */

status
column_append_null(builder *b, int32_t at, error *err) {
    return column_append_null_run(b, at, 1, err);
}

status
column_append_null_run(builder *b, int32_t at, int32_t count, error *err) {
    column_builder *c = &b->columns[at];
    TRY(ensure(b, c, count, err));
    const size_t width = type_width(c->type);
    memset((uint8_t *)c->values + (size_t)c->count * width, 0, width * (size_t)count);
    bits_fill(c->validity, c->count, count, false);
    c->count += count;
    c->null_count += count;
    return OK;
}

status
column_append_i64(builder *b, int32_t at, int64_t v, error *err) {
    column_builder *c = &b->columns[at];
    TRY(ensure(b, c, 1, err));
    switch (type_physical(c->type)) {
    case PHYSICAL_BOOL:
        assert(v == 0 || v == 1);
        ((uint8_t *)c->values)[c->count] = v != 0;
        break;
    case PHYSICAL_I8:
        assert(v == (int8_t)v);
        ((int8_t *)c->values)[c->count] = (int8_t)v;
        break;
    case PHYSICAL_I16:
        assert(v == (int16_t)v);
        ((int16_t *)c->values)[c->count] = (int16_t)v;
        break;
    case PHYSICAL_I32:
        assert(v == (int32_t)v);
        ((int32_t *)c->values)[c->count] = (int32_t)v;
        break;
    case PHYSICAL_U8:
        assert(v == (uint8_t)v);
        ((uint8_t *)c->values)[c->count] = (uint8_t)v;
        break;
    case PHYSICAL_U16:
        assert(v == (uint16_t)v);
        ((uint16_t *)c->values)[c->count] = (uint16_t)v;
        break;
    case PHYSICAL_U32:
        assert(v == (uint32_t)v);
        ((uint32_t *)c->values)[c->count] = (uint32_t)v;
        break;
    default:
        assert(type_physical(c->type) == PHYSICAL_I64 || type_physical(c->type) == PHYSICAL_U64);
        ((int64_t *)c->values)[c->count] = v;
        break;
    }
    bits_set(c->validity, c->count);
    c->count++;
    return OK;
}

status
column_append_f64(builder *b, int32_t at, double v, error *err) {
    column_builder *c = &b->columns[at];
    assert(type_physical(c->type) == PHYSICAL_F64);
    TRY(ensure(b, c, 1, err));
    ((double *)c->values)[c->count] = v;
    bits_set(c->validity, c->count);
    c->count++;
    return OK;
}

static status
append_run(builder *b, int32_t at, const void *values, int32_t count, error *err) {
    column_builder *c = &b->columns[at];
    TRY(ensure(b, c, count, err));
    memcpy((char *)c->values + (size_t)c->count * 8, values, (size_t)count * 8);
    bits_fill(c->validity, c->count, count, true);
    c->count += count;
    return OK;
}

status
column_append_i64_run(builder *b, int32_t at, const int64_t *v, int32_t count, error *err) {
    assert(type_physical(b->columns[at].type) == PHYSICAL_I64);
    return append_run(b, at, v, count, err);
}

status
column_append_f64_run(builder *b, int32_t at, const double *v, int32_t count, error *err) {
    assert(type_physical(b->columns[at].type) == PHYSICAL_F64);
    return append_run(b, at, v, count, err);
}

/* Where a text lies that a view may point to; NULL: no memory. Short ones lie in the view. */
ALWAYS_INLINE const char *
keep_text(builder *b, text t) {
    if (t.size <= STRVIEW_INLINE_MAX) {
        return t.data;
    }
    char *copy = take_text(b, t.size);
    if (copy != NULL) {
        memcpy(copy, t.data, t.size);
    }
    return copy;
}

static NOINLINE status
too_long(size_t size, error *err) {
    return error_set(err, ERR_INGESTION_FAILED,
                     "a text of %zu bytes is too long; at most %d bytes fit one value", size,
                     VALUE_BYTES_MAX);
}

status
column_append_text(builder *b, int32_t at, text t, error *err) {
    return column_append_text_run(b, at, &t, 1, err);
}

status
column_append_text_run(builder *b, int32_t at, const text *v, int32_t count, error *err) {
    column_builder *c = &b->columns[at];
    assert(physical_is_view(type_physical(c->type)));
    TRY(ensure(b, c, count, err));
    strview *to = (strview *)c->values + c->count;
    for (int32_t i = 0; i < count; i++) {
        if (UNLIKELY(v[i].size > VALUE_BYTES_MAX)) {
            return too_long(v[i].size, err);
        }
        const char *data = keep_text(b, v[i]);
        if (UNLIKELY(data == NULL && v[i].size > 0)) {
            return error_memory(err);
        }
        to[i] = strview_of(data, (uint32_t)v[i].size);
    }
    bits_fill(c->validity, c->count, count, true);
    c->count += count;
    return OK;
}

status
column_append_value(builder *b, int32_t at, const value *v, error *err) {
    column_builder *c = &b->columns[at];
    if (v->is_null || c->type.id == TYPE_NULL) {
        return column_append_null(b, at, err);
    }
    assert(type_physical(v->type) == type_physical(c->type));
    if (physical_is_view(type_physical(c->type))) {
        return column_append_text(b, at, v->s, err);
    }
    TRY(ensure(b, c, 1, err));
    column_store(c->values, c->count, v);
    bits_set(c->validity, c->count);
    c->count++;
    return OK;
}

/* ---- appending many rows */

static status
append_texts(builder *b, column_builder *c, const column *in, int32_t row_count, error *err) {
    strview       *to = (strview *)c->values + c->count;
    const strview *views = in->layout == COLUMN_FLAT ? in->values : NULL;
    for (int32_t i = 0; i < row_count; i++) {
        to[i] = (strview){.word = {0, 0}};
        if (column_is_null(in, i)) {
            continue;
        }
        if (views != NULL && views[i].size <= STRVIEW_INLINE_MAX) {
            to[i] = views[i];
            continue;
        }
        const text t = views != NULL ? strview_text(&views[i]) : column_value(in, i).s;
        if (t.size <= STRVIEW_INLINE_MAX) {
            to[i] = strview_of(t.data, (uint32_t)t.size);
            continue;
        }
        char *copy = take_text(b, t.size);
        if (copy == NULL) {
            return error_memory(err);
        }
        memcpy(copy, t.data, t.size);
        to[i] = strview_of(copy, (uint32_t)t.size);
    }
    return OK;
}

static status
append_column(builder *b, column_builder *c, const column *in, int32_t row_count, error *err) {
    assert(type_equal(c->type, in->type));
    TRY(ensure(b, c, row_count, err));
    if (physical_is_view(type_physical(c->type))) {
        TRY(append_texts(b, c, in, row_count, err));
    } else {
        const size_t width = type_width(c->type);
        memcpy((uint8_t *)c->values + (size_t)c->count * width, in->values,
               (size_t)row_count * width);
    }
    if (in->validity == NULL) {
        bits_fill(c->validity, c->count, row_count, true);
    } else {
        bits_copy(c->validity, c->count, (const uint8_t *)in->validity, 0, row_count);
        c->null_count += row_count - (int32_t)bits_count(in->validity, row_count);
    }
    c->count += row_count;
    return OK;
}

status
column_append_fill(builder *b, int32_t at, int32_t count, filler *f, arena *scratch, error *err) {
    if (count == 0 || f == NULL || f->is_null(f, at)) {
        return count == 0 ? OK : column_append_null_run(b, at, count, err);
    }
    const arena_mark mark = arena_save(scratch);
    column           made;
    status           s = f->column(f, at, count, &made, scratch, err);
    if (s == OK) {
        s = append_column(b, &b->columns[at], &made, count, err);
    }
    arena_rewind(scratch, mark);
    return s;
}

status
builder_append_delta(builder *b, const delta *rows, error *err) {
    assert(rows->column_count == b->column_count);
    if (rows->row_count == 0) {
        return OK;
    }
    TRY(builder_reserve(b, rows->row_count, err));
    for (int32_t i = 0; i < b->column_count; i++) {
        const status s = append_column(b, &b->columns[i], &rows->columns[i], rows->row_count, err);
        if (s < 0) {
            builder_truncate(b, b->columns[i].count);
            return s;
        }
    }
    return OK;
}

/* ---- what is in it */

void
builder_truncate(builder *b, int32_t rows) {
    for (int32_t i = 0; i < b->column_count; i++) {
        column_builder *c = &b->columns[i];
        if (c->count > rows) {
            c->count = rows;
            if (c->null_count > 0) {
                c->null_count = rows - (int32_t)bits_count(c->validity, rows);
            }
        }
    }
    if (rows == 0) {
        reset_text(b);
    }
}

int32_t
builder_rows(const builder *b) {
    return b->column_count == 0 ? 0 : b->columns[0].count;
}

void
builder_view(const builder *b, column *columns, delta *out) {
    for (int32_t i = 0; i < b->column_count; i++) {
        const column_builder *c = &b->columns[i];
        assert(c->count == b->columns[0].count);
        columns[i] = (column){.type = c->type, .layout = COLUMN_FLAT, .values = c->values};
        columns[i].validity = c->null_count > 0 ? c->validity : NULL;
    }
    *out = (delta){.row_count = builder_rows(b), .column_count = b->column_count};
    out->columns = columns;
}

/* ---- taking */

static size_t
byte_count(const builder *b) {
    size_t width = 0;
    for (int32_t i = 0; i < b->column_count; i++) {
        width += type_width(b->columns[i].type);
    }
    return width * (size_t)builder_rows(b);
}

/* Hands the arrays of one column to the chunk of a batch; `nodes` has room for two. Cannot fail. */
static void
move_column(builder *b, column_builder *c, chunk *owner, chunk_block *nodes, column *out) {
    const size_t width = type_width(c->type);
    size_t       bytes = (size_t)c->capacity * width;
    const size_t used = (size_t)c->count * width;
    if (used > 0 && used < bytes - bytes / 8) {
        void *smaller = mem_resize(b->mem, c->values, bytes, used);
        if (smaller != NULL) { /* a refusal only costs memory */
            c->values = smaller;
            bytes = used;
        }
    }
    *out = (column){.type = c->type, .layout = COLUMN_FLAT, .values = c->values, .owner = owner};
    chunk_adopt(owner, &nodes[0], c->values, bytes);
    if (c->null_count > 0) {
        out->validity = c->validity;
        chunk_adopt(owner, &nodes[1], c->validity, validity_bytes(c->capacity));
    } else {
        mem_free(b->mem, c->validity, validity_bytes(c->capacity));
    }
    *c = (column_builder){.type = c->type};
}

static status
take_moving(builder *b, batch **out, error *err) {
    const size_t count = (size_t)b->column_count;
    const size_t bytes = chunk_round(sizeof(batch), 16) + chunk_round(count * sizeof(column), 16) +
                         chunk_round(2 * count * sizeof(chunk_block), 16) + 64;
    chunk *owner = chunk_new_sized(b->mem, bytes);
    if (owner == NULL) {
        return error_memory(err);
    }
    batch       *taken = chunk_take(owner, sizeof(batch), 16);
    column      *columns = chunk_take(owner, count * sizeof(column), 16);
    chunk_block *nodes = chunk_take(owner, 2 * count * sizeof(chunk_block), 16);
    if (taken == NULL || columns == NULL || nodes == NULL || !chunk_depend(owner, b->text_chunk)) {
        chunk_release(owner);
        return error_memory(err);
    }
    const int32_t rows = builder_rows(b);
    b->rows_hint = rows < BUILDER_HINT_MAX ? rows : BUILDER_HINT_MAX;
    for (int32_t i = 0; i < b->column_count; i++) {
        assert(b->columns[i].count == rows);
        move_column(b, &b->columns[i], owner, &nodes[2 * i], &columns[i]);
    }
    drop_text(b);
    *taken = (batch){.chunk = owner, .rows = {.row_count = rows, .column_count = b->column_count}};
    taken->rows.columns = columns;
    *out = taken;
    return OK;
}

#define VIEW_COLUMNS 32

/* Copies everything into one allocation; the builder keeps its arrays. */
static status
take_copying(builder *b, batch **out, error *err) {
    column  few[VIEW_COLUMNS];
    column *columns = few;
    size_t  bytes = 0;
    if (b->column_count > VIEW_COLUMNS) {
        bytes = (size_t)b->column_count * sizeof(column);
        columns = mem_alloc(b->mem, bytes);
        if (columns == NULL) {
            return error_memory(err);
        }
    }
    delta rows;
    builder_view(b, columns, &rows);
    const status s = batch_keep(out, b->mem, &rows, err);
    if (bytes > 0) {
        mem_free(b->mem, columns, bytes);
    }
    if (s >= 0) {
        builder_truncate(b, 0);
    }
    return s;
}

static bool
has_too_many(const builder *b) { /* room comes in steps */
    return b->rows_max > 0 && builder_rows(b) > b->rows_max;
}

bool
builder_is_small(const builder *b) {
    const size_t text_bytes = b->text_chunk == NULL ? 0 : chunk_bytes(b->text_chunk);
    return !has_too_many(b) && byte_count(b) <= BUILDER_COPY_BYTES &&
           text_bytes <= 2 * BUILDER_COPY_BYTES;
}

status
builder_take(builder *b, batch **out, error *err) {
    *out = NULL;
    if (has_too_many(b)) {
        return too_many_rows(b->rows_max, err);
    }
    return builder_is_small(b) ? take_copying(b, out, err) : take_moving(b, out, err);
}
