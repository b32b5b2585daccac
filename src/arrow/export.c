/* SPDX-License-Identifier: Apache-2.0 */
/* export.c - batches as Arrow arrays.
 *
 * Every array that is made, the record and each of its columns, has its own reference to the
 * batch's chunk and its own allocation: consumers may move columns out of the record and release
 * them in any order on any threads. Values, validity and offsets are shared; booleans, text views,
 * intervals, UUIDs, DECIMALs of 64 bits and missing weights are converted into the column's
 * allocation. */
#include "arrow/arrow.h"
#include "batch/nested_column.h"
#include "type/uuid.h"

/* What a column array owns; converted data follow in the same allocation, and behind `children` the
 * structs of a nested column's parts. */
typedef struct exported {
    mem                *mem;
    size_t              bytes;
    chunk              *owner;
    const void         *buffers[3];
    struct ArrowArray **children;
} exported;

typedef struct exported_record {
    mem                *mem;
    size_t              bytes;
    chunk              *owner;
    const void         *buffers[1];
    struct ArrowArray **children; /* they follow, and their structs after them */
} exported_record;

static void
release_column(struct ArrowArray *a) {
    exported *e = a->private_data;
    for (int64_t i = 0; i < a->n_children; i++) {
        if (e->children[i]->release != NULL) {
            e->children[i]->release(e->children[i]);
        }
    }
    chunk_release(e->owner);
    mem_free(e->mem, e, e->bytes);
    a->release = NULL;
}

static void
release_record(struct ArrowArray *a) {
    exported_record *e = a->private_data;
    for (int64_t i = 0; i < a->n_children; i++) {
        struct ArrowArray *child = e->children[i];
        if (child->release != NULL) {
            child->release(child);
        }
    }
    chunk_release(e->owner);
    mem_free(e->mem, e, e->bytes);
    a->release = NULL;
}

/* ---- conversions */

static void
pack_bits(uint8_t *out, const uint8_t *in, int32_t count) {
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t bytes;
        memcpy(&bytes, in + i, 8);
        out[i >> 3] = (uint8_t)((bytes * 0x0102040810204080ULL) >> 56);
    }
    if (i < count) {
        unsigned last = 0;
        for (int32_t k = i; k < count; k++) {
            last |= (unsigned)(in[k] & 1) << (k - i);
        }
        out[i >> 3] = (uint8_t)last;
    }
}

static int64_t
view_bytes(const column *c, int32_t count) {
    const strview *v = c->values;
    int64_t        bytes = 0;
    for (int32_t i = 0; i < count; i++) {
        bytes += column_is_null(c, i) ? 0 : (int64_t)v[i].size;
    }
    return bytes;
}

static void
fill_text(int32_t *offsets, char *bytes, const column *c, int32_t count) {
    const strview *v = c->values;
    int32_t        end = 0;
    for (int32_t i = 0; i < count; i++) {
        offsets[i] = end;
        if (!column_is_null(c, i) && v[i].size > 0) {
            memcpy(bytes + end, strview_data(&v[i]), v[i].size);
            end += (int32_t)v[i].size;
        }
    }
    offsets[count] = end;
}

static status
fill_intervals(interval *out, const column *c, int32_t count, error *err) {
    const interval *in = c->values;
    for (int32_t i = 0; i < count; i++) {
        out[i] = in[i];
        if (__builtin_mul_overflow(in[i].us, 1000, &out[i].us) && !column_is_null(c, i)) {
            return error_set(err, ERR_QUERY_FAILED,
                             "row %d: an interval of %lld microseconds does not fit Arrow's "
                             "nanoseconds; at most 292 years do",
                             i + 1, (long long)in[i].us);
        }
    }
    return OK;
}

static void
fill_uuids(uint8_t *out, const int128 *in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        uuid_to_bytes(in[i], out + 16 * (size_t)i);
    }
}

static void
widen_decimals(int128 *out, const int64_t *in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = in[i];
    }
}

/* ---- columns */

/* Bytes of converted data; -1: none, the buffers are shared. */
static int64_t
converted_bytes(const column *c, int32_t count) {
    if (c->type.id == TYPE_UUID ||
        (c->type.id == TYPE_DECIMAL && type_physical(c->type) == PHYSICAL_I64)) {
        return (int64_t)count * 16;
    }
    switch (type_physical(c->type)) {
    case PHYSICAL_BOOL:
        return bits_words(count) * 8;
    case PHYSICAL_TEXT:
        return c->layout == COLUMN_OFFSETS
                   ? -1
                   : ((int64_t)count + 1) * (int64_t)sizeof(int32_t) + view_bytes(c, count);
    case PHYSICAL_INTERVAL:
        return (int64_t)count * (int64_t)sizeof(interval);
    default:
        return -1;
    }
}

static status
fill_converted(exported *e, uint8_t *data, const column *c, int32_t count, error *err) {
    e->buffers[1] = data;
    if (c->type.id == TYPE_UUID) {
        fill_uuids(data, c->values, count);
        return OK;
    }
    if (c->type.id == TYPE_DECIMAL) {
        widen_decimals((int128 *)(void *)data, c->values, count);
        return OK;
    }
    switch (type_physical(c->type)) {
    case PHYSICAL_BOOL:
        pack_bits(data, c->values, count);
        return OK;
    case PHYSICAL_TEXT: {
        char *bytes = (char *)data + ((size_t)count + 1) * sizeof(int32_t);
        fill_text((int32_t *)(void *)data, bytes, c, count);
        e->buffers[2] = bytes;
        return OK;
    }
    default:
        return fill_intervals((interval *)(void *)data, c, count, err);
    }
}

/* An allocation for a column with `data_bytes` of its own, 64-byte aligned and with room to read a
 * whole word at the end. */
static exported *
exported_new(mem *m, chunk *owner, int64_t data_bytes, uint8_t **data) {
    const size_t bytes = sizeof(exported) + 64 + (size_t)data_bytes + 8;
    exported    *e = mem_alloc(m, bytes);
    if (e == NULL) {
        return NULL;
    }
    *e = (exported){.mem = m, .bytes = bytes, .owner = chunk_retain(owner)};
    *data = (uint8_t *)(((uintptr_t)(e + 1) + 63) & ~(uintptr_t)63);
    return e;
}

static int64_t
null_count(const column *c, int32_t count) {
    if (c->type.id == TYPE_NULL) {
        return count;
    }
    return c->validity == NULL ? 0 : count - bits_count(c->validity, count);
}

static status export_nested(struct ArrowArray *out, const column *c, int32_t count, chunk *owner,
                            mem *m, error *err);

static status
export_column(struct ArrowArray *out, const column *c, int32_t count, chunk *owner, mem *m,
              error *err) {
    if (type_is_nested(c->type)) {
        return export_nested(out, c, count, owner, m, err);
    }
    const int64_t bytes = converted_bytes(c, count);
    const bool    is_text = type_physical(c->type) == PHYSICAL_TEXT;
    if (is_text && bytes - 4 * ((int64_t)count + 1) > INT32_MAX) {
        return error_set(err, ERR_QUERY_FAILED,
                         "a VARCHAR or BLOB column of one batch holds more than 2 GiB; read fewer "
                         "rows at a time");
    }
    uint8_t  *data;
    exported *e = exported_new(m, owner, bytes < 0 ? 0 : bytes, &data);
    if (e == NULL) {
        return error_memory(err);
    }
    *out = (struct ArrowArray){.length = count,
                               .null_count = null_count(c, count),
                               .n_buffers = c->type.id == TYPE_NULL ? 0 : 2 + is_text,
                               .buffers = e->buffers,
                               .release = release_column,
                               .private_data = e};
    e->buffers[0] = out->null_count > 0 ? c->validity : NULL;
    e->buffers[1] = c->values;
    e->buffers[2] = c->bytes;
    const status s = bytes < 0 ? OK : fill_converted(e, data, c, count, err);
    if (s < 0) {
        release_column(out);
    }
    return s;
}

/* ---- nested columns: taken apart in an arena that lives in a chunk of the parts */

static void
release_parts(void *memory) {
    arena_fini(memory);
}

static chunk *
parts_new(arena **out, mem *m) {
    chunk *c = chunk_new(m);
    arena *a = c == NULL ? NULL : chunk_alloc(c, sizeof(*a));
    if (a != NULL) {
        arena_init(a, m);
        if (chunk_on_free(c, release_parts, a)) {
            *out = a;
            return c;
        }
    }
    chunk_release(c);
    return NULL;
}

/* The parts of a column and how many rows they have; of a list also its offsets. */
typedef struct parts {
    chunk   *owner;
    int32_t  count;
    int32_t  rows;
    column  *columns;
    int32_t *offsets;
} parts;

static status
take_apart(parts *p, const column *c, int32_t count, arena *a, error *err) {
    const bool is_struct = c->type.id == TYPE_STRUCT;
    p->count = is_struct ? type_field_count(c->type) : 1;
    p->rows = count;
    p->columns = arena_alloc(a, (size_t)p->count * sizeof(*p->columns));
    p->offsets = arena_alloc_zero(a, ((size_t)count + 1) * sizeof(*p->offsets));
    if (p->columns == NULL || p->offsets == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < p->count && is_struct; i++) {
        TRY(struct_field(&p->columns[i], c, i, count, a, err));
    }
    if (!is_struct && type_array_size(c->type) >= 0) {
        TRY(array_explode(&p->columns[0], c, count, a, err));
        p->rows = count * type_array_size(c->type);
    } else if (!is_struct) {
        TRY(list_explode(&p->columns[0], p->offsets, c, count, a, err));
        p->rows = p->offsets[count];
    }
    return OK;
}

static status
export_parts(struct ArrowArray *out, const parts *p, exported *e, mem *m, error *err) {
    struct ArrowArray *arrays = (struct ArrowArray *)(void *)(e->children + p->count);
    for (int32_t i = 0; i < p->count; i++) {
        e->children[i] = &arrays[i];
        arrays[i].release = NULL;
    }
    out->n_children = p->count;
    out->children = e->children;
    for (int32_t i = 0; i < p->count; i++) {
        const status s = export_column(&arrays[i], &p->columns[i], p->rows, p->owner, m, err);
        if (s < 0) {
            arrays[i].release = NULL;
            return s;
        }
    }
    return OK;
}

static status
export_nested(struct ArrowArray *out, const column *c, int32_t count, chunk *owner, mem *m,
              error *err) {
    arena *a = NULL;
    parts  p = {.owner = parts_new(&a, m)};
    if (p.owner == NULL) {
        return error_memory(err);
    }
    status       s = take_apart(&p, c, count, a, err);
    const size_t room = (size_t)p.count * (sizeof(struct ArrowArray *) + sizeof(struct ArrowArray));
    uint8_t     *data = NULL;
    exported    *e = s < 0 ? NULL : exported_new(m, p.owner, (int64_t)room, &data);
    if (s >= 0 && (e == NULL || !chunk_depend(p.owner, owner))) {
        s = error_memory(err);
    }
    if (s < 0 && e != NULL) {
        chunk_release(e->owner);
        mem_free(m, e, e->bytes);
    }
    if (s >= 0) {
        e->children = (struct ArrowArray **)(void *)data;
        *out = (struct ArrowArray){
            .length = count,
            .null_count = null_count(c, count),
            .n_buffers = c->type.id == TYPE_STRUCT || type_array_size(c->type) >= 0 ? 1 : 2,
            .buffers = e->buffers,
            .release = release_column,
            .private_data = e};
        e->buffers[0] = out->null_count > 0 ? c->validity : NULL;
        e->buffers[1] = p.offsets;
        s = export_parts(out, &p, e, m, err);
        if (s < 0) {
            release_column(out);
        }
    }
    chunk_release(p.owner);
    return s;
}

static status
export_weight(struct ArrowArray *out, const batch *b, mem *m, error *err) {
    const int32_t count = b->rows.row_count;
    const bool    all_one = b->rows.weight == NULL;
    uint8_t      *data;
    exported     *e =
        exported_new(m, b->chunk, all_one ? (int64_t)count * (int64_t)sizeof(int64_t) : 0, &data);
    if (e == NULL) {
        return error_memory(err);
    }
    int64_t *ones = (int64_t *)(void *)data;
    for (int32_t i = 0; all_one && i < count; i++) {
        ones[i] = 1;
    }
    e->buffers[1] = all_one ? ones : b->rows.weight;
    *out = (struct ArrowArray){.length = count,
                               .n_buffers = 2,
                               .buffers = e->buffers,
                               .release = release_column,
                               .private_data = e};
    return OK;
}

status
arrow_export_batch(struct ArrowArray *out, batch *b, bool with_weight, mem *m, error *err) {
    const size_t count = (size_t)b->rows.column_count + with_weight;
    const size_t bytes =
        sizeof(exported_record) + count * (sizeof(struct ArrowArray *) + sizeof(struct ArrowArray));
    exported_record *e = mem_alloc_zero(m, bytes);
    *out = (struct ArrowArray){.release = NULL};
    if (e == NULL) {
        return error_memory(err);
    }
    e->mem = m;
    e->bytes = bytes;
    e->owner = chunk_retain(b->chunk);
    e->children = (struct ArrowArray **)(e + 1);
    struct ArrowArray *arrays = (struct ArrowArray *)(e->children + count);
    *out = (struct ArrowArray){.length = b->rows.row_count,
                               .n_buffers = 1,
                               .buffers = e->buffers,
                               .n_children = (int64_t)count,
                               .children = e->children,
                               .release = release_record,
                               .private_data = e};
    status s = OK;
    for (size_t i = 0; i < count; i++) {
        e->children[i] = &arrays[i];
        if (s >= 0) {
            s = i < (size_t)b->rows.column_count
                    ? export_column(&arrays[i], &b->rows.columns[i], b->rows.row_count, b->chunk, m,
                                    err)
                    : export_weight(&arrays[i], b, m, err);
        }
        if (s < 0) {
            arrays[i].release = NULL;
        }
    }
    if (s < 0) {
        release_record(out);
    }
    return s;
}

status
arrow_export_column(struct ArrowArray *out, const column *c, int32_t count, mem *m, error *err) {
    const delta one = {.row_count = count, .column_count = 1, .columns = c};
    batch      *kept;
    *out = (struct ArrowArray){.release = NULL};
    TRY(batch_keep(&kept, m, &one, err));
    const status s = export_column(out, &kept->rows.columns[0], count, kept->chunk, m, err);
    batch_release(kept);
    if (s < 0) {
        out->release = NULL;
    }
    return s;
}
