/* SPDX-License-Identifier: Apache-2.0 */
/* column.c - views over columns: slice, text views, gather, scalars, constants. Nothing here
 * allocates but from the arena that it is given, and results share the text of their inputs. */
#include "batch/column.h"

#include "base/interrupt.h"

int
strview_compare(const strview *a, const strview *b) {
    return text_compare(strview_text(a), strview_text(b));
}

column
column_slice(const column *in, int64_t first) {
    column out = *in;
    assert(first >= 0 && (in->validity == NULL || (first & 63) == 0));
    const size_t width = in->layout == COLUMN_OFFSETS ? sizeof(int32_t) : type_width(in->type);
    out.values = (const uint8_t *)in->values + (size_t)first * width;
    if (in->validity != NULL) {
        out.validity = in->validity + (first >> 6);
    }
    return out;
}

int64_t
column_text_bytes(const column *c, int32_t row_count) {
    if (!physical_is_view(type_physical(c->type))) {
        return 0;
    }
    if (c->layout == COLUMN_OFFSETS) {
        const int32_t *offsets = c->values;
        return (int64_t)offsets[row_count] - offsets[0];
    }
    const strview *v = c->values;
    const char    *last_data = NULL;
    uint32_t       last_size = 0;
    int64_t        bytes = 0;
    for (int32_t i = 0; i < row_count; i++) {
        if (v[i].size <= STRVIEW_INLINE_MAX || column_is_null(c, i)) {
            continue;
        }
        if (v[i].data != last_data || v[i].size != last_size) {
            last_data = v[i].data;
            last_size = v[i].size;
            bytes += last_size;
        }
    }
    return bytes;
}

/* ---- text views */

/* The view of a text after which at least 12 bytes may be read: two loads and a mask instead of a
 * copy of variable size. */
ALWAYS_INLINE strview
view_of_padded(const char *data, uint32_t size) {
    uint64_t head;
    uint64_t rest;
    memcpy(&head, data, 8);
    memcpy(&rest, data + 4, 8);
    const uint32_t short_head = size < 4 ? size : 4;
    const uint32_t short_rest = size < 4 ? 0 : size - 4;
    const uint64_t head_mask = short_head == 4 ? UINT32_MAX : ((uint64_t)1 << (8 * short_head)) - 1;
    const uint64_t rest_mask = short_rest >= 8 ? UINT64_MAX : ((uint64_t)1 << (8 * short_rest)) - 1;
    strview        v;
    v.word[0] = size | (head & head_mask) << 32;
    v.word[1] = size <= STRVIEW_INLINE_MAX ? rest & rest_mask : (uint64_t)(uintptr_t)data;
    return v;
}

static void
fill_views(strview *restrict views, const int32_t *restrict offsets, const char *bytes,
           int32_t row_count) {
    const int32_t end = offsets[row_count];
    int32_t       i = 0;
    for (; i < row_count && end - offsets[i] >= STRVIEW_INLINE_MAX; i++) {
        views[i] = view_of_padded(bytes + offsets[i], (uint32_t)(offsets[i + 1] - offsets[i]));
    }
    for (; i < row_count; i++) {
        const uint32_t size = (uint32_t)(offsets[i + 1] - offsets[i]);
        views[i] = strview_of(size == 0 ? NULL : bytes + offsets[i], size);
    }
}

status
column_views(column *out, const column *in, int32_t row_count, arena *a, error *err) {
    if (in->layout != COLUMN_OFFSETS) {
        *out = *in;
        return OK;
    }
    strview *views = arena_alloc(a, (size_t)row_count * sizeof(strview));
    if (views == NULL) {
        return error_memory(err);
    }
    fill_views(views, in->values, in->bytes, row_count);
    *out = (column){.type = in->type, .layout = COLUMN_FLAT, .validity = in->validity};
    out->values = views;
    return OK;
}

/* ---- gather */

static bool
any_negative(const int32_t *rows, int32_t count) {
    int32_t all = 0;
    for (int32_t i = 0; i < count; i++) {
        all |= rows[i];
    }
    return all < 0;
}

typedef struct word16 {
    uint64_t word[2];
} word16;

/* Eight rows of which the last is the first and seven: are those between in their order too? */
ALWAYS_INLINE bool
is_run(const int32_t *rows) {
    int32_t unlike = 0;
    for (int32_t k = 1; k < 7; k++) {
        unlike |= rows[k] - rows[0] - k;
    }
    return unlike == 0;
}

/* `nulls` is a constant at each call: the compiler makes two loops. */
ALWAYS_INLINE void
gather_8(uint8_t *restrict out, const uint8_t *restrict in, const int32_t *restrict rows,
         int32_t count, bool nulls) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = nulls && rows[i] < 0 ? 0 : in[rows[i]];
    }
}

ALWAYS_INLINE void
gather_16(uint16_t *restrict out, const uint16_t *restrict in, const int32_t *restrict rows,
          int32_t count, bool nulls) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = nulls && rows[i] < 0 ? 0 : in[rows[i]];
    }
}

ALWAYS_INLINE void
gather_32(uint32_t *restrict out, const uint32_t *restrict in, const int32_t *restrict rows,
          int32_t count, bool nulls) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = nulls && rows[i] < 0 ? 0 : in[rows[i]];
    }
}

/* Most of what filters keep stands in a row: eight neighbours are copied as one. */
ALWAYS_INLINE void
gather_64(uint64_t *restrict out, const uint64_t *restrict in, const int32_t *restrict rows,
          int32_t count, bool nulls) {
    int32_t i = 0;
    for (; !nulls && i + 8 <= count; i += 8) {
        if (rows[i + 7] - rows[i] == 7 && is_run(rows + i)) {
            memcpy(out + i, in + rows[i], 8 * sizeof(*out));
            continue;
        }
        for (int32_t k = i; k < i + 8; k++) {
            out[k] = in[rows[k]];
        }
    }
    for (; i < count; i++) {
        out[i] = nulls && rows[i] < 0 ? 0 : in[rows[i]];
    }
}

ALWAYS_INLINE void
gather_128(word16 *restrict out, const word16 *restrict in, const int32_t *restrict rows,
           int32_t count, bool nulls) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = nulls && rows[i] < 0 ? (word16){{0, 0}} : in[rows[i]];
    }
}

ALWAYS_INLINE void
gather_width(void *out, const void *in, const int32_t *rows, int32_t count, size_t width,
             bool nulls) {
    switch (width) {
    case 1:
        gather_8(out, in, rows, count, nulls);
        break;
    case 2:
        gather_16(out, in, rows, count, nulls);
        break;
    case 4:
        gather_32(out, in, rows, count, nulls);
        break;
    case 8:
        gather_64(out, in, rows, count, nulls);
        break;
    default:
        assert(width == 16);
        gather_128(out, in, rows, count, nulls);
        break;
    }
}

static void
gather_offsets(strview *restrict out, const column *in, const int32_t *restrict rows,
               int32_t count) {
    const int32_t *offsets = in->values;
    for (int32_t i = 0; i < count; i++) {
        const int32_t row = rows[i];
        if (row < 0) {
            out[i] = (strview){.word = {0, 0}};
            continue;
        }
        const uint32_t size = (uint32_t)(offsets[row + 1] - offsets[row]);
        out[i] = strview_of(size == 0 ? NULL : in->bytes + offsets[row], size);
    }
}

/* A row of -1 is NULL, and so is a row that is NULL in `in` (NULL: has none). */
static void
gather_validity(uint64_t *restrict out, const uint64_t *restrict in, const int32_t *restrict rows,
                int32_t count) {
    for (int32_t first = 0; first < count; first += 64) {
        const int32_t n = count - first < 64 ? count - first : 64;
        uint64_t      word = 0;
        for (int32_t i = 0; i < n; i++) {
            const int32_t row = rows[first + i];
            const bool    valid = row >= 0 && (in == NULL || bits_get(in, row));
            word |= (uint64_t)valid << i;
        }
        out[first >> 6] = word;
    }
}

#define GATHER_ROWS (1 << 16) /* between two looks at whether it is still wanted; of 64 */

static void
gather_slice(void *out, const column *in, const int32_t *rows, int32_t count, bool nulls) {
    const size_t width = type_width(in->type);
    if (in->layout == COLUMN_OFFSETS) {
        gather_offsets(out, in, rows, count);
    } else if (nulls) {
        gather_width(out, in->values, rows, count, width, true);
    } else {
        gather_width(out, in->values, rows, count, width, false);
    }
}

static status
gather(column *out, const column *in, const int32_t *rows, int32_t count, bool nulls, arena *a,
       error *err) {
    column       c = {.type = in->type, .layout = COLUMN_FLAT};
    const size_t width = type_width(in->type);
    void        *values = arena_alloc(a, (size_t)count * width);
    if (values == NULL) {
        return error_memory(err);
    }
    c.values = values;
    uint64_t *validity = NULL;
    if (nulls || in->validity != NULL) {
        validity = arena_alloc(a, (size_t)bits_words(count) * sizeof(uint64_t));
        if (validity == NULL) {
            return error_memory(err);
        }
        c.validity = validity;
    }
    for (int32_t first = 0; first < count; first += GATHER_ROWS) {
        const int32_t n = count - first < GATHER_ROWS ? count - first : GATHER_ROWS;
        if (first > 0) {
            TRY(interrupt_look(err));
        }
        gather_slice((uint8_t *)values + (size_t)first * width, in, rows + first, n, nulls);
        if (validity != NULL) {
            gather_validity(validity + (first >> 6), in->validity, rows + first, n);
        }
    }
    *out = c;
    return OK;
}

status
column_gather(column *out, const column *in, const int32_t *rows, int32_t count, arena *a,
              error *err) {
    return gather(out, in, rows, count, any_negative(rows, count), a, err);
}

status
delta_gather(delta *out, const delta *in, const int32_t *rows, int32_t count, arena *a,
             error *err) {
    const bool nulls = any_negative(rows, count);
    column    *columns = arena_alloc(a, (size_t)in->column_count * sizeof(column));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->column_count; i++) {
        TRY(gather(&columns[i], &in->columns[i], rows, count, nulls, a, err));
    }
    int64_t *weight = NULL;
    if (in->weight != NULL) {
        weight = arena_alloc(a, (size_t)count * sizeof(int64_t));
        if (weight == NULL) {
            return error_memory(err);
        }
        for (int32_t i = 0; i < count; i++) {
            weight[i] = rows[i] < 0 ? 1 : in->weight[rows[i]];
        }
    }
    *out = (delta){.row_count = count, .column_count = in->column_count};
    out->columns = columns;
    out->weight = weight;
    return OK;
}

/* ---- scalars */

static text
text_at(const column *c, int64_t row) {
    if (c->layout == COLUMN_OFFSETS) {
        const int32_t *offsets = c->values;
        const size_t   size = (size_t)(offsets[row + 1] - offsets[row]);
        return size == 0 ? (text){"", 0} : (text){c->bytes + offsets[row], size};
    }
    return strview_text((const strview *)c->values + row);
}

int64_t
column_longest(const column *c, int32_t rows) {
    int64_t longest = 0;
    if (!physical_is_view(type_physical(c->type))) {
        return 0;
    }
    for (int32_t i = 0; i < rows; i++) {
        if (c->layout == COLUMN_OFFSETS) {
            const int32_t *at = (const int32_t *)c->values + i;
            longest = column_is_null(c, i) ? longest : max_i64(longest, at[1] - at[0]);
        } else {
            const strview *v = (const strview *)c->values + i;
            longest = column_is_null(c, i) ? longest : max_i64(longest, v->size);
        }
    }
    return longest;
}

value
column_value(const column *c, int64_t row) {
    value v = {.type = c->type, .is_null = column_is_null(c, row) || c->type.id == TYPE_NULL};
    if (v.is_null) {
        return v;
    }
    switch (type_physical(c->type)) {
    case PHYSICAL_BOOL:
        v.b = ((const uint8_t *)c->values)[row] != 0;
        break;
    case PHYSICAL_I8:
        v.i = ((const int8_t *)c->values)[row];
        break;
    case PHYSICAL_I16:
        v.i = ((const int16_t *)c->values)[row];
        break;
    case PHYSICAL_I32:
        v.i = ((const int32_t *)c->values)[row];
        break;
    case PHYSICAL_I64:
    case PHYSICAL_U64:
        v.i = ((const int64_t *)c->values)[row];
        break;
    case PHYSICAL_I128:
        v.h = ((const int128 *)c->values)[row];
        break;
    case PHYSICAL_U8:
        v.i = ((const uint8_t *)c->values)[row];
        break;
    case PHYSICAL_U16:
        v.i = ((const uint16_t *)c->values)[row];
        break;
    case PHYSICAL_U32:
        v.i = ((const uint32_t *)c->values)[row];
        break;
    case PHYSICAL_F32:
        v.d = (double)((const float *)c->values)[row];
        break;
    case PHYSICAL_F64:
        v.d = ((const double *)c->values)[row];
        break;
    case PHYSICAL_TEXT:
    case PHYSICAL_NESTED:
        v.s = text_at(c, row);
        break;
    case PHYSICAL_INTERVAL:
        v.iv = ((const interval *)c->values)[row];
        break;
    case PHYSICAL_COUNT:
        UNREACHABLE();
    }
    return v;
}

void
column_store(void *values, int64_t row, const value *v) {
    switch (type_physical(v->type)) {
    case PHYSICAL_BOOL:
        ((uint8_t *)values)[row] = v->b;
        return;
    case PHYSICAL_I8:
    case PHYSICAL_U8:
        ((uint8_t *)values)[row] = (uint8_t)v->i;
        return;
    case PHYSICAL_I16:
    case PHYSICAL_U16:
        ((uint16_t *)values)[row] = (uint16_t)v->i;
        return;
    case PHYSICAL_I32:
    case PHYSICAL_U32:
        ((uint32_t *)values)[row] = (uint32_t)v->i;
        return;
    case PHYSICAL_I64:
    case PHYSICAL_U64:
        ((int64_t *)values)[row] = v->i;
        return;
    case PHYSICAL_I128:
        ((int128 *)values)[row] = v->h;
        return;
    case PHYSICAL_F32:
        ((float *)values)[row] = (float)v->d;
        return;
    case PHYSICAL_F64:
        ((double *)values)[row] = v->d;
        return;
    case PHYSICAL_TEXT:
    case PHYSICAL_NESTED:
        ((strview *)values)[row] = strview_of(v->s.data, (uint32_t)v->s.size);
        return;
    case PHYSICAL_INTERVAL:
        ((interval *)values)[row] = v->iv;
        return;
    case PHYSICAL_COUNT:
        break;
    }
    UNREACHABLE();
}

/* Every row as the first one is. */
static void
spread_first(void *values, int32_t count, size_t width) {
    static const int32_t zeros[256];
    for (int32_t first = 1; first < count; first += 256) {
        const int32_t n = count - first < 256 ? count - first : 256;
        gather_width((uint8_t *)values + (size_t)first * width, values, zeros, n, width, false);
    }
}

status
column_constant(column *out, const value *v, int32_t count, arena *a, error *err) {
    const size_t bytes = (size_t)count * type_width(v->type);
    const bool   is_null = v->is_null || v->type.id == TYPE_NULL;
    void        *values = arena_alloc(a, bytes);
    if (values == NULL) {
        return error_memory(err);
    }
    *out = (column){.type = v->type, .layout = COLUMN_FLAT, .values = values};
    if (is_null) {
        const size_t validity_bytes = (size_t)bits_words(count) * sizeof(uint64_t);
        uint64_t    *validity = arena_alloc_zero(a, validity_bytes);
        if (validity == NULL) {
            return error_memory(err);
        }
        out->validity = validity;
        memset(values, 0, bytes);
        return OK;
    }
    value first = *v;
    if (physical_is_view(type_physical(v->type))) {
        if (v->s.size > UINT32_MAX) {
            return error_set(err, ERR_QUERY_FAILED, "a text of %zu bytes is longer than 4 GiB",
                             v->s.size);
        }
        if (v->s.size > STRVIEW_INLINE_MAX) {
            first.s = arena_text(a, v->s);
            if (first.s.data == NULL) {
                return error_memory(err);
            }
        }
    }
    column_store(values, 0, &first);
    spread_first(values, count, type_width(v->type));
    return OK;
}
