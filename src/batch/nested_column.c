/* SPDX-License-Identifier: Apache-2.0 */
/* nested_column.c - see nested_column.h. Lists of numbers without a NULL are copied as they lie. */
#include "batch/nested_column.h"

#define COLUMN_BYTES_MAX (INT64_C(4) << 30) /* of the images of one column of a batch */

static value
null_of(data_type t) {
    return (value){.type = t, .is_null = true};
}

/* ---- taking apart */

typedef struct sink { /* a column under construction */
    uint8_t  *values;
    uint64_t *validity; /* NULL: no NULL so far */
    size_t    width;
    int32_t   room;
} sink;

static bool
sink_null(sink *s, int32_t row, arena *a) {
    if (s->validity == NULL) {
        s->validity = arena_alloc(a, (size_t)bits_words(s->room) * sizeof(uint64_t));
        if (s->validity == NULL) {
            return false;
        }
        memset(s->validity, 0xFF, (size_t)bits_words(s->room) * sizeof(uint64_t));
    }
    bits_clear(s->validity, row);
    memset(s->values + (size_t)row * s->width, 0, s->width);
    return true;
}

static bool
sink_put(sink *s, int32_t row, const value *v, arena *a) {
    if (v->is_null || v->type.id == TYPE_NULL) {
        return sink_null(s, row, a);
    }
    column_store(s->values, row, v);
    return true;
}

static status
sink_open(sink *s, data_type t, int32_t rows, arena *a, error *err) {
    *s = (sink){.width = type_width(t), .room = rows};
    s->values = arena_alloc(a, (size_t)rows * s->width);
    return s->values == NULL ? error_memory(err) : OK;
}

static column
sink_column(const sink *s, data_type t) {
    return (column){.type = t, .layout = COLUMN_FLAT, .validity = s->validity, .values = s->values};
}

static text
image_at(const column *c, int32_t row) {
    return strview_text((const strview *)c->values + row);
}

static status
count_items(int32_t *offsets, const column *lists, int32_t row_count, error *err) {
    int64_t total = 0;
    for (int32_t i = 0; i < row_count; i++) {
        offsets[i] = (int32_t)total;
        if (!column_is_null(lists, i)) {
            total += nested_open(lists->type, image_at(lists, i)).count;
        }
        if (total > INT32_MAX - 64) {
            return error_set(err, ERR_QUERY_FAILED,
                             "the lists of one batch have more than %d items together",
                             INT32_MAX - 64);
        }
    }
    offsets[row_count] = (int32_t)total;
    return OK;
}

status
list_explode(column *items, int32_t *offsets, const column *lists, int32_t row_count, arena *a,
             error *err) {
    const data_type item = type_item(lists->type);
    sink            s;
    TRY(count_items(offsets, lists, row_count, err));
    TRY(sink_open(&s, item, offsets[row_count], a, err));
    for (int32_t i = 0; i < row_count; i++) {
        if (offsets[i + 1] == offsets[i]) {
            continue;
        }
        const nested_view v = nested_open(lists->type, image_at(lists, i));
        if (v.validity == NULL && v.is_fixed && !type_is_nested(item)) {
            memcpy(s.values + (size_t)offsets[i] * s.width, v.slots, (size_t)v.count * s.width);
            continue;
        }
        for (int32_t k = 0; k < v.count; k++) {
            const value x = nested_at(&v, k);
            if (!sink_put(&s, offsets[i] + k, &x, a)) {
                return error_memory(err);
            }
        }
    }
    *items = sink_column(&s, item);
    return OK;
}

status
array_explode(column *items, const column *lists, int32_t row_count, arena *a, error *err) {
    const data_type item = type_item(lists->type);
    const int32_t   size = type_array_size(lists->type);
    const int64_t   total = (int64_t)row_count * size;
    sink            s;
    if (total > INT32_MAX - 64) {
        return error_set(err, ERR_QUERY_FAILED,
                         "the lists of one batch have more than %d items together", INT32_MAX - 64);
    }
    TRY(sink_open(&s, item, (int32_t)total, a, err));
    for (int32_t i = 0; i < row_count; i++) {
        nested_view v = {.count = 0};
        if (!column_is_null(lists, i)) {
            v = nested_open(lists->type, image_at(lists, i));
        }
        for (int32_t k = 0; k < size; k++) {
            const value x = k < v.count ? nested_at(&v, k) : null_of(item);
            if (!sink_put(&s, i * size + k, &x, a)) {
                return error_memory(err);
            }
        }
    }
    *items = sink_column(&s, item);
    return OK;
}

status
struct_field(column *out, const column *structs, int32_t at, int32_t row_count, arena *a,
             error *err) {
    const data_type t = type_field(structs->type, at).type;
    sink            s;
    TRY(sink_open(&s, t, row_count, a, err));
    for (int32_t i = 0; i < row_count; i++) {
        value x = null_of(t);
        if (!column_is_null(structs, i)) {
            const nested_view v = nested_open(structs->type, image_at(structs, i));
            x = nested_at(&v, at);
        }
        if (!sink_put(&s, i, &x, a)) {
            return error_memory(err);
        }
    }
    *out = sink_column(&s, t);
    return OK;
}

/* ---- putting together */

typedef struct maker {
    data_type type;
    strview  *views;
    arena    *arena;
    error    *err;
    int64_t   bytes;
} maker;

static status
maker_open(maker *m, data_type t, int32_t row_count, arena *a, error *err) {
    *m = (maker){.type = t, .arena = a, .err = err};
    m->views = arena_alloc_zero(a, (size_t)row_count * sizeof(strview));
    return m->views == NULL ? error_memory(err) : OK;
}

/* Room for the image of a row; short ones lie in the view. */
static char *
maker_room(maker *m, int32_t row, size_t size) {
    strview *v = &m->views[row];
    m->bytes += size == SIZE_MAX ? COLUMN_BYTES_MAX : (int64_t)size;
    if (m->bytes >= COLUMN_BYTES_MAX) {
        (void)error_set(m->err, ERR_QUERY_FAILED,
                        "the values of type %s in one batch take more than 4 GiB; use fewer rows",
                        type_name(m->type));
        return NULL;
    }
    v->size = (uint32_t)size;
    if (size <= STRVIEW_INLINE_MAX) {
        return v->inlined;
    }
    char *image = arena_alloc(m->arena, size);
    if (image == NULL) {
        (void)error_memory(m->err);
    }
    v->data = image;
    return image;
}

static void
finish_view(strview *v) {
    if (v->size > STRVIEW_INLINE_MAX) {
        *v = strview_of(v->data, v->size);
    }
}

static status
failed(const maker *m) {
    return m->err == NULL ? ERR_OUT_OF_MEMORY : m->err->status;
}

static status
make_row(maker *m, int32_t row, const value *parts, int32_t count) {
    size_t size;
    TRY(nested_size(&size, m->type, parts, count, m->err));
    char *image = maker_room(m, row, size);
    if (image == NULL) {
        return failed(m);
    }
    TRY(nested_write(image, m->type, parts, count, m->err));
    finish_view(&m->views[row]);
    return OK;
}

/* Numbers as they lie. */
static status
make_plain(maker *m, int32_t row, const uint8_t *values, size_t width, int32_t count) {
    const uint32_t head = (uint32_t)count;
    char          *image = maker_room(m, row, sizeof(head) + (size_t)count * width);
    if (image == NULL) {
        return failed(m);
    }
    memcpy(image, &head, sizeof(head));
    if (count > 0) {
        memcpy(image + sizeof(head), values, (size_t)count * width);
    }
    finish_view(&m->views[row]);
    return OK;
}

typedef struct ranges {
    const int32_t *begins;
    const int32_t *sizes;
} ranges;

static int32_t
size_of(const ranges *r, int32_t row) {
    return r->sizes != NULL ? r->sizes[row] : r->begins[row + 1] - r->begins[row];
}

static int32_t
longest(const ranges *r, int32_t row_count) {
    int32_t most = 0;
    for (int32_t i = 0; i < row_count; i++) {
        const int32_t n = size_of(r, i);
        most = n > most ? n : most;
    }
    return most;
}

status
list_implode(column *out, data_type t, const column *items, const int32_t *begins,
             const int32_t *sizes, const uint64_t *validity, int32_t row_count, arena *a,
             error *err) {
    const ranges r = {.begins = begins, .sizes = sizes};
    const bool   plain = items->validity == NULL && items->layout == COLUMN_FLAT &&
                       items->type.id != TYPE_NULL && !physical_is_view(type_physical(items->type));
    const size_t width = type_width(items->type);
    value *parts = plain ? NULL : arena_alloc(a, (size_t)longest(&r, row_count) * sizeof(*parts));
    maker  m;
    TRY(maker_open(&m, t, row_count, a, err));
    if (!plain && parts == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < row_count; i++) {
        const int32_t n = size_of(&r, i);
        if (validity != NULL && !bits_get(validity, i)) {
            continue;
        }
        if (plain) {
            TRY(make_plain(&m, i, (const uint8_t *)items->values + (size_t)begins[i] * width, width,
                           n));
            continue;
        }
        for (int32_t k = 0; k < n; k++) {
            parts[k] = column_value(items, (int64_t)begins[i] + k);
        }
        TRY(make_row(&m, i, parts, n));
    }
    *out = (column){.type = t, .layout = COLUMN_FLAT, .validity = validity, .values = m.views};
    return OK;
}

status
struct_pack(column *out, data_type t, const column *fields, const uint64_t *validity,
            int32_t row_count, arena *a, error *err) {
    const int32_t count = type_field_count(t);
    value        *parts = arena_alloc(a, (size_t)count * sizeof(*parts));
    maker         m;
    TRY(maker_open(&m, t, row_count, a, err));
    if (parts == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < row_count; i++) {
        if (validity != NULL && !bits_get(validity, i)) {
            continue;
        }
        for (int32_t k = 0; k < count; k++) {
            parts[k] = column_value(&fields[k], i);
        }
        TRY(make_row(&m, i, parts, count));
    }
    *out = (column){.type = t, .layout = COLUMN_FLAT, .validity = validity, .values = m.views};
    return OK;
}
