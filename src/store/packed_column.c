/* SPDX-License-Identifier: Apache-2.0 */
/* packed_column.c - a column as a node: which rows are NULL, then the values of the others. Lists
 * and structs are columns of their parts, at any depth, and are put together again; FLOAT within
 * them goes as the INTEGER of its bits, so that every NaN stays what it is. */
#include "batch/nested_column.h"
#include "kernel/kernel.h"
#include "store/packed_internal.h"

typedef enum nulls_code { NULLS_NONE, NULLS_BITS, NULLS_ALL } nulls_code;

static packed_shape
shape_of(data_type t) {
    const physical kind = type_physical(t);
    return (packed_shape){.width = (uint8_t)type_width(t),
                          .is_unsigned = kind == PHYSICAL_U8 || kind == PHYSICAL_U16 ||
                                         kind == PHYSICAL_U32 || kind == PHYSICAL_BOOL};
}

static bool
has_float(data_type t) {
    if (t.id == TYPE_LIST || t.id == TYPE_MAP) {
        return has_float(type_item(t));
    }
    for (int32_t i = 0; t.id == TYPE_STRUCT && i < type_field_count(t); i++) {
        if (has_float(type_field(t, i).type)) {
            return true;
        }
    }
    return t.id == TYPE_F32;
}

/* The type whose images are the same bytes, without FLOAT in it. */
static status
plain_type(data_type *out, data_type t, arena *a, error *err) {
    *out = t;
    if (!has_float(t)) {
        return OK;
    }
    if (t.id == TYPE_F32) {
        *out = type_of(TYPE_I32);
        return OK;
    }
    if (t.id == TYPE_STRUCT) {
        const int32_t count = type_field_count(t);
        nested_field *fields = arena_alloc(a, (size_t)count * sizeof(*fields));
        for (int32_t i = 0; i < count && fields != NULL; i++) {
            fields[i] = type_field(t, i);
            TRY(plain_type(&fields[i].type, fields[i].type, a, err));
        }
        return fields == NULL ? error_memory(err) : type_struct(out, fields, count, err);
    }
    data_type key;
    data_type item;
    if (t.id == TYPE_MAP) {
        TRY(plain_type(&key, type_map_key(t), a, err));
        TRY(plain_type(&item, type_map_value(t), a, err));
        return type_map(out, key, item, err);
    }
    TRY(plain_type(&item, type_item(t), a, err));
    return type_array_size(t) < 0 ? type_list(out, item, err)
                                  : type_array(out, item, type_array_size(t), err);
}

/* ---- Writing */

static int64_t put_column(packer *p, const column *c, int32_t rows);

static bool
is_fine(packer *p, status s) {
    if (s < 0 && !p->failed) {
        p->failed = true;
        p->fault = s;
    }
    return !p->failed;
}

static int64_t
text_total(const strview *texts, int32_t count) {
    int64_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        total += texts[i].size;
    }
    return total;
}

static int64_t
put_lists(packer *p, const column *c, int32_t rows) {
    column    items;
    int32_t  *begins = packed_scratch(p, ((size_t)rows + 1) * sizeof(*begins));
    uint32_t *sizes = packed_scratch(p, (size_t)rows * sizeof(*sizes));
    if (p->failed || !is_fine(p, list_explode(&items, begins, c, rows, p->scratch, p->err))) {
        return 0;
    }
    for (int32_t i = 0; i < rows; i++) {
        sizes[i] = (uint32_t)(begins[i + 1] - begins[i]);
    }
    packed_put_numbers(p, sizes, packed_index, rows, PACKED_ALL);
    return put_column(p, &items, begins[rows]);
}

static int64_t
put_structs(packer *p, const column *c, int32_t rows) {
    int64_t raw = 0;
    for (int32_t i = 0; i < type_field_count(c->type) && !p->failed; i++) {
        const arena_mark mark = arena_save(p->scratch);
        column           part;
        if (is_fine(p, struct_field(&part, c, i, rows, p->scratch, p->err))) {
            raw += put_column(p, &part, rows);
        }
        arena_rewind(p->scratch, mark);
    }
    return raw;
}

/* Values without a NULL among them. Returns what they take beside their width. */
static int64_t
put_values(packer *p, const column *c, int32_t rows) {
    if (!physical_is_view(type_physical(c->type))) {
        packed_put_numbers(p, c->values, shape_of(c->type), rows, PACKED_ALL);
        return 0;
    }
    const int64_t bytes = text_total(c->values, rows);
    if (!type_is_nested(c->type)) {
        packed_put_texts(p, c->values, rows);
        return bytes;
    }
    column plain = *c;
    if (!is_fine(p, plain_type(&plain.type, c->type, p->scratch, p->err))) {
        return 0;
    }
    return bytes + (plain.type.id == TYPE_STRUCT ? put_structs(p, &plain, rows)
                                                 : put_lists(p, &plain, rows));
}

/* The values that are not NULL, one after another. */
static void *
dense_values(packer *p, const column *c, int32_t rows, int32_t valid) {
    const size_t width = type_width(c->type);
    char        *out = packed_scratch(p, (size_t)(valid + 1) * width);
    char        *to = out;
    for (int32_t i = 0; i < rows && out != NULL; i++) { /* writes one too many, and stays there */
        memcpy(to, (const char *)c->values + (size_t)i * width, width);
        to += bits_get(c->validity, i) ? width : 0;
    }
    return out;
}

static void
put_bits(packer *p, const uint64_t *validity, int32_t rows) {
    const size_t   bytes = ((size_t)rows + 7) / 8;
    const uint8_t *in = (const uint8_t *)validity;
    (void)buf_append_char(&p->out, NULLS_BITS);
    (void)buf_append(&p->out, in, bytes - 1);
    const int32_t  over = rows & 7; /* what is beyond the last row is undefined */
    const uint32_t mask = over == 0 ? UINT8_MAX : (1U << over) - 1;
    (void)buf_append_char(&p->out, (char)(in[bytes - 1] & mask));
}

static int64_t
put_column(packer *p, const column *c, int32_t rows) {
    const arena_mark mark = arena_save(p->scratch);
    column           dense = *c;
    int64_t          valid = c->validity == NULL ? rows : bits_count(c->validity, rows);
    int64_t          raw = (int64_t)rows * (int64_t)type_width(c->type);
    if (c->layout == COLUMN_OFFSETS &&
        !is_fine(p, column_views(&dense, c, rows, p->scratch, p->err))) {
        return 0;
    }
    if (valid == 0 && rows > 0) {
        (void)buf_append_char(&p->out, NULLS_ALL);
        return raw;
    }
    if (valid == rows) {
        (void)buf_append_char(&p->out, NULLS_NONE);
    } else {
        put_bits(p, c->validity, rows);
        dense.values = dense_values(p, &dense, rows, (int32_t)valid);
    }
    dense.validity = NULL;
    if (!p->failed) {
        raw += put_values(p, &dense, (int32_t)valid);
    }
    arena_rewind(p->scratch, mark);
    return raw;
}

int64_t
packed_put_column(packer *p, const column *c, int32_t rows) {
    return put_column(p, c, rows);
}

/* ---- Reading. At depth 0 memory comes from the chunk, in the parts of nested values from scratch.
 */

static status
make(unpacker *u, int32_t depth, size_t bytes, void *out) {
    void *memory = depth == 0 ? chunk_alloc(u->chunk, bytes) : arena_alloc(u->scratch, bytes);
    memcpy(out, &memory, sizeof(memory));
    return memory == NULL ? error_memory(u->err) : OK;
}

static status
check_sizes(unpacker *u, data_type t, const uint32_t *sizes, int32_t *begins, int32_t rows) {
    const int32_t size = type_array_size(t);
    int64_t       total = 0;
    for (int32_t i = 0; i < rows; i++) {
        begins[i] = (int32_t)total;
        total += sizes[i];
        if (total > INT32_MAX - 64 || (size >= 0 && sizes[i] != (uint32_t)size)) {
            return packed_corrupt(u, "the size of a list");
        }
    }
    begins[rows] = (int32_t)total;
    return OK;
}

static bool
has_null_keys(const column *entries, int32_t rows, arena *a, bool *out, error *err) {
    column key;
    if (struct_field(&key, entries, 0, rows, a, err) < 0) {
        return false;
    }
    *out = entries->validity != NULL || key.validity != NULL;
    return true;
}

static status
take_lists(unpacker *u, column *out, data_type t, int32_t rows, int32_t depth) {
    uint32_t *sizes = arena_alloc(u->scratch, (size_t)rows * sizeof(*sizes));
    int32_t  *begins = arena_alloc(u->scratch, ((size_t)rows + 1) * sizeof(*begins));
    column    items;
    bool      bad = false;
    if (sizes == NULL || begins == NULL) {
        return error_memory(u->err);
    }
    TRY(packed_take_numbers(u, sizes, packed_index, rows, 1));
    TRY(check_sizes(u, t, sizes, begins, rows));
    TRY(packed_take_column(u, &items, type_item(t), begins[rows], depth + 1));
    if (t.id == TYPE_MAP && !has_null_keys(&items, begins[rows], u->scratch, &bad, u->err)) {
        return error_memory(u->err);
    }
    return bad ? packed_corrupt(u, "a key that is NULL")
               : list_implode(out, t, &items, begins, NULL, NULL, rows, u->scratch, u->err);
}

static status
take_structs(unpacker *u, column *out, data_type t, int32_t rows, int32_t depth) {
    const int32_t count = type_field_count(t);
    column       *fields = arena_alloc(u->scratch, (size_t)count * sizeof(*fields));
    if (fields == NULL) {
        return error_memory(u->err);
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(packed_take_column(u, &fields[i], type_field(t, i).type, rows, depth + 1));
    }
    return struct_pack(out, t, fields, NULL, rows, u->scratch, u->err);
}

static status
take_nested(unpacker *u, strview *out, data_type t, int32_t rows, int32_t depth) {
    data_type plain;
    column    made;
    char     *bytes = NULL;
    TRY(plain_type(&plain, t, u->scratch, u->err));
    TRY(plain.id == TYPE_STRUCT ? take_structs(u, &made, plain, rows, depth)
                                : take_lists(u, &made, plain, rows, depth));
    if (rows > 0) {
        memcpy(out, made.values, (size_t)rows * sizeof(*out));
    }
    if (depth > 0) { /* images stay in scratch memory */
        return OK;
    }
    TRY(make(u, depth, (size_t)text_total(out, rows) + 1, &bytes));
    for (int32_t i = 0; i < rows; i++) {
        if (out[i].size > STRVIEW_INLINE_MAX) {
            memcpy(bytes, out[i].data, out[i].size);
            out[i].data = bytes;
            bytes += out[i].size;
        }
    }
    return OK;
}

/* The first `valid` values to the rows that are not NULL; zeros elsewhere. From the end on, so that
 * none is written over before it moved. */
static void
spread(char *values, size_t width, const uint64_t *validity, int32_t rows, int32_t valid) {
    for (int32_t i = rows; i-- > 0;) {
        char *to = values + (size_t)i * width;
        if (bits_get(validity, i)) {
            valid--;
            memmove(to, values + (size_t)valid * width, width);
        } else {
            memset(to, 0, width);
        }
    }
}

static status
take_nulls(unpacker *u, uint64_t **out, int32_t rows, int32_t depth, int32_t *valid) {
    const char  *code = NULL;
    const char  *bits = NULL;
    const size_t bytes = ((size_t)rows + 7) / 8;
    uint64_t    *validity = NULL;
    *valid = rows;
    *out = NULL;
    TRY(packed_take(u, 1, &code));
    if ((uint8_t)*code > NULLS_ALL) {
        return packed_corrupt(u, "an unknown form of NULLs");
    }
    if (*code == NULLS_NONE) {
        return OK;
    }
    TRY(make(u, depth, (size_t)bits_words(rows) * 8 + 8, &validity));
    memset(validity, 0, (size_t)bits_words(rows) * 8 + 8);
    if (*code == NULLS_BITS) {
        TRY(packed_take(u, bytes, &bits));
        memcpy(validity, bits, bytes);
    }
    *valid = (int32_t)bits_count(validity, rows);
    *out = validity;
    return OK;
}

status
packed_take_column(unpacker *u, column *out, data_type t, int32_t rows, int32_t depth) {
    const size_t width = type_width(t);
    uint64_t    *validity = NULL;
    char        *values = NULL;
    int32_t      valid;
    TRY(packed_raw(u, (int64_t)rows * (int64_t)width));
    TRY(take_nulls(u, &validity, rows, depth, &valid));
    TRY(make(u, depth, (size_t)(rows + 1) * width, &values));
    const bool all_null = valid == 0 && validity != NULL;
    if (all_null) { /* nothing was written for them */
        memset(values, 0, (size_t)rows * width);
    } else if (type_is_nested(t)) {
        TRY(take_nested(u, (strview *)values, t, valid, depth));
    } else if (physical_is_view(type_physical(t))) {
        TRY(packed_take_texts(u, (strview *)values, valid, depth == 0));
    } else {
        TRY(packed_take_numbers(u, values, shape_of(t), valid, 0));
    }
    if (validity != NULL && !all_null) {
        spread(values, width, validity, rows, valid);
    }
    *out = (column){.type = t,
                    .layout = COLUMN_FLAT,
                    .validity = validity,
                    .values = values,
                    .owner = depth == 0 ? u->chunk : NULL};
    const bool  plain = t.id == TYPE_TEXT && !type_is_json(t) && u->is_plain && !all_null;
    const char *what = type_is_nested(t) || plain ? NULL : column_fault(out, rows);
    return what == NULL ? OK : packed_corrupt(u, what);
}
