/* SPDX-License-Identifier: Apache-2.0 */
/* nested.c - images of nested values: opened, taken apart, made. nested.h has the format. */
#include "base/interrupt.h"
#include "type/nested_type.h"

#define ITEM_WORK 32 /* of one item, for interrupt_spend */

/* ---- single values, which lie anywhere */

ALWAYS_INLINE uint32_t
load_u32(const char *from) {
    uint32_t x;
    memcpy(&x, from, sizeof(x));
    return x;
}

/* `width` and `is_signed` are constants at each call. Little-endian. */
ALWAYS_INLINE int64_t
load_integer(const char *from, uint32_t width, bool is_signed) {
    const uint32_t unused = 64 - 8 * width;
    uint64_t       x = 0;
    memcpy(&x, from, width);
    return is_signed ? (int64_t)(x << unused) >> unused : (int64_t)x;
}

/* A value of fixed width. */
static value
load_value(data_type t, const char *from, uint32_t width) {
    value v = {.type = t};
    float single;
    switch (type_physical(t)) {
    case PHYSICAL_BOOL:
        v.b = *from != 0;
        break;
    case PHYSICAL_I8:
        v.i = load_integer(from, 1, true);
        break;
    case PHYSICAL_I16:
        v.i = load_integer(from, 2, true);
        break;
    case PHYSICAL_I32:
        v.i = load_integer(from, 4, true);
        break;
    case PHYSICAL_I64:
    case PHYSICAL_U64:
        v.i = load_integer(from, 8, true);
        break;
    case PHYSICAL_I128:
        memcpy(&v.h, from, sizeof(v.h));
        break;
    case PHYSICAL_U8:
        v.i = load_integer(from, 1, false);
        break;
    case PHYSICAL_U16:
        v.i = load_integer(from, 2, false);
        break;
    case PHYSICAL_U32:
        v.i = load_integer(from, 4, false);
        break;
    case PHYSICAL_F32:
        memcpy(&single, from, sizeof(single));
        v.d = (double)single;
        break;
    case PHYSICAL_F64:
        memcpy(&v.d, from, sizeof(v.d));
        break;
    case PHYSICAL_INTERVAL:
        memcpy(&v.iv, from, sizeof(v.iv));
        break;
    case PHYSICAL_NESTED:
        v.s = (text){from, width};
        break;
    case PHYSICAL_TEXT:
    case PHYSICAL_COUNT:
        UNREACHABLE();
    }
    return v;
}

static void
store_value(char *to, const value *v) {
    const float single = type_physical(v->type) == PHYSICAL_F32 ? (float)v->d : 0.0f;
    switch (type_physical(v->type)) {
    case PHYSICAL_BOOL:
        *to = (char)v->b;
        break;
    case PHYSICAL_I8:
    case PHYSICAL_U8:
        memcpy(to, &v->i, 1);
        break;
    case PHYSICAL_I16:
    case PHYSICAL_U16:
        memcpy(to, &v->i, 2);
        break;
    case PHYSICAL_I32:
    case PHYSICAL_U32:
        memcpy(to, &v->i, 4);
        break;
    case PHYSICAL_I64:
    case PHYSICAL_U64:
        memcpy(to, &v->i, 8);
        break;
    case PHYSICAL_I128:
        memcpy(to, &v->h, sizeof(v->h));
        break;
    case PHYSICAL_F32:
        memcpy(to, &single, sizeof(single));
        break;
    case PHYSICAL_F64:
        memcpy(to, &v->d, sizeof(v->d));
        break;
    case PHYSICAL_INTERVAL:
        memcpy(to, &v->iv, sizeof(v->iv));
        break;
    case PHYSICAL_NESTED:
    case PHYSICAL_TEXT:
        if (v->s.size > 0) {
            memcpy(to, v->s.data, v->s.size);
        }
        break;
    case PHYSICAL_COUNT:
        UNREACHABLE();
    }
}

/* ---- opening */

nested_view
nested_open(data_type t, text image) {
    nested_view v = {.type = t, .is_struct = t.id == TYPE_STRUCT};
    const char *p = image.data;
    if (v.is_struct) {
        const nested_type *n = nested_type_of(t);
        v.count = n->count;
        v.validity = p;
        v.slots = p;
        v.heap = p + n->heap_at;
        return v;
    }
    const uint32_t head = load_u32(p);
    p += sizeof(head);
    v.count = (int32_t)(head & ~NESTED_NULLS);
    if ((head & NESTED_NULLS) != 0) {
        v.validity = p;
        p += (v.count + 7) / 8;
    }
    v.item = type_item(t);
    const uint32_t width = nested_width(v.item);
    v.is_fixed = width > 0;
    v.width = v.is_fixed ? width : 4;
    v.slots = p;
    v.heap = p + (size_t)v.count * v.width;
    return v;
}

ALWAYS_INLINE bool
is_set(const char *bits, int32_t at) {
    return (bits[at >> 3] >> (at & 7) & 1) != 0;
}

static value
at_of_struct(const nested_view *v, int32_t at) {
    const nested_type *n = nested_type_of(v->type);
    const nested_slot *s = &n->slots[at];
    const data_type    t = n->fields[at].type;
    if (!is_set(v->validity, at)) {
        return (value){.type = t, .is_null = true};
    }
    if (s->is_fixed) {
        return load_value(t, v->slots + s->at, s->width);
    }
    const uint32_t begin = s->previous < 0 ? 0 : load_u32(v->slots + s->previous);
    const uint32_t end = load_u32(v->slots + s->at);
    return (value){.type = t, .s = {v->heap + begin, end - begin}};
}

value
nested_at(const nested_view *v, int32_t at) {
    assert(at >= 0 && at < v->count);
    if (v->is_struct) {
        return at_of_struct(v, at);
    }
    if (v->validity != NULL && !is_set(v->validity, at)) {
        return (value){.type = v->item, .is_null = true};
    }
    const char *slot = v->slots + (size_t)at * v->width;
    if (v->is_fixed) {
        return load_value(v->item, slot, v->width);
    }
    const uint32_t begin = at == 0 ? 0 : load_u32(slot - 4);
    const uint32_t end = load_u32(slot);
    return (value){.type = v->item, .s = {v->heap + begin, end - begin}};
}

int32_t
nested_count(const value *v) {
    return v->type.id == TYPE_STRUCT ? type_field_count(v->type)
                                     : (int32_t)(load_u32(v->s.data) & ~NESTED_NULLS);
}

/* ---- making */

static bool
is_null(const value *v) {
    return v->is_null || v->type.id == TYPE_NULL;
}

static size_t
heap_bytes(const value *v) {
    return is_null(v) ? 0 : v->s.size;
}

static size_t
bounded_size(uint64_t size) {
    return size > NESTED_SIZE_MAX ? SIZE_MAX : (size_t)size;
}

status
nested_size(size_t *out, data_type t, const value *items, int32_t count, error *err) {
    uint64_t size = 0;
    int64_t  spent = 0;
    if (t.id == TYPE_STRUCT) {
        const nested_type *n = nested_type_of(t);
        size = n->heap_at;
        for (int32_t i = 0; i < count; i++) {
            size += n->slots[i].is_fixed ? 0 : heap_bytes(&items[i]);
        }
        *out = bounded_size(size);
        return OK;
    }
    const uint32_t width = nested_width(type_item(t));
    bool           nulls = false;
    size = sizeof(uint32_t) + (uint64_t)count * (width > 0 ? width : 4);
    for (int32_t i = 0; i < count; i++) {
        nulls |= is_null(&items[i]);
        size += width > 0 ? 0 : heap_bytes(&items[i]);
        TRY(interrupt_spend(&spent, ITEM_WORK, err));
    }
    size += nulls ? (uint64_t)(count + 7) / 8 : 0;
    *out = bounded_size(size);
    return OK;
}

/* Bytes that an item of no fixed width has copied, for interrupt_spend. */
static int64_t
heap_work(uint32_t width, const value *v) {
    return width > 0 ? 0 : (int64_t)heap_bytes(v) / 4;
}

typedef struct filler {
    char    *validity; /* NULL: none */
    char    *heap;
    uint32_t used;
} filler;

static void
fill_slot(filler *f, char *slot, uint32_t width, bool fixed, const value *v, int32_t at) {
    const bool null = is_null(v);
    if (f->validity != NULL && !null) {
        f->validity[at >> 3] = (char)(f->validity[at >> 3] | 1 << (at & 7));
    }
    if (fixed && null) {
        memset(slot, 0, width);
    } else if (fixed) {
        store_value(slot, v);
    } else {
        if (!null) {
            store_value(f->heap + f->used, v);
            f->used += (uint32_t)v->s.size;
        }
        memcpy(slot, &f->used, sizeof(f->used));
    }
}

static void
write_struct(char *out, const nested_type *n, const value *items) {
    filler f = {.validity = out, .heap = out + n->heap_at};
    memset(out, 0, (size_t)(n->count + 7) / 8);
    for (int32_t i = 0; i < n->count; i++) {
        const nested_slot *s = &n->slots[i];
        fill_slot(&f, out + s->at, s->width, s->is_fixed, &items[i], i);
    }
}

status
nested_write(char *out, data_type t, const value *items, int32_t count, error *err) {
    int64_t spent = 0;
    if (t.id == TYPE_STRUCT) {
        write_struct(out, nested_type_of(t), items);
        return OK;
    }
    const uint32_t width = nested_width(type_item(t));
    const uint32_t slot = width > 0 ? width : 4;
    bool           nulls = false;
    for (int32_t i = 0; i < count && !nulls; i++) {
        nulls = is_null(&items[i]);
        TRY(interrupt_spend(&spent, ITEM_WORK, err));
    }
    const uint32_t head = (uint32_t)count | (nulls ? NESTED_NULLS : 0);
    filler         f = {.validity = NULL};
    memcpy(out, &head, sizeof(head));
    out += sizeof(head);
    if (nulls) {
        const size_t bytes = (size_t)(count + 7) / 8;
        f.validity = out;
        memset(out, 0, bytes);
        out += bytes;
    }
    f.heap = out + (size_t)count * slot;
    for (int32_t i = 0; i < count; i++) {
        fill_slot(&f, out + (size_t)i * slot, slot, width > 0, &items[i], i);
        TRY(interrupt_spend(&spent, ITEM_WORK + heap_work(width, &items[i]), err));
    }
    return OK;
}

status
nested_make(value *out, data_type t, const value *items, int32_t count, arena *a, error *err) {
    size_t size;
    TRY(nested_size(&size, t, items, count, err));
    if (size == SIZE_MAX) {
        return error_set(err, ERR_QUERY_FAILED, "a value of type %s would have more than 1 GiB",
                         type_name(t));
    }
    char *image = arena_alloc(a, size);
    if (image == NULL) {
        return error_memory(err);
    }
    TRY(nested_write(image, t, items, count, err));
    *out = (value){.type = t, .s = {image, size}};
    return OK;
}

/* ---- keys of a MAP */

static status
bad_key(data_type t, const value *key, const char *what, arena *a, error *err) {
    if (err == NULL) {
        return ERR_QUERY_FAILED;
    }
    buf b;
    buf_init(&b, a->mem, 128);
    if (!is_null(key)) {
        (void)value_format(key, &b);
    }
    const text   shown = buf_text(&b);
    const status s =
        error_set(err, ERR_QUERY_FAILED, "a %s has %s%.*s", type_name(t), what, TEXT_ARG(shown));
    buf_fini(&b);
    return s;
}

/* Bottom-up merge sort; returns the one of the two arrays that holds the result. */
static value *
sort_values(value *from, value *to, int32_t count) {
    for (int64_t run = 1; run < count; run *= 2) {
        for (int64_t first = 0; first < count; first += 2 * run) {
            const int64_t middle = min_i64(first + run, count);
            const int64_t end = min_i64(first + 2 * run, count);
            int64_t       x = first;
            int64_t       y = middle;
            for (int64_t i = first; i < end; i++) {
                const bool take_x =
                    x < middle && (y >= end || value_compare(&from[x], &from[y]) <= 0);
                to[i] = take_x ? from[x++] : from[y++];
            }
        }
        value *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

status
nested_check_keys(data_type t, const value *entries, int32_t count, arena *a, error *err) {
    value *keys = arena_alloc(a, (size_t)count * sizeof(*keys));
    value *other = arena_alloc(a, (size_t)count * sizeof(*other));
    if (keys == NULL || other == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (is_null(&entries[i])) {
            return bad_key(t, &entries[i], "an entry that is NULL", a, err);
        }
        const nested_view e = nested_open(entries[i].type, entries[i].s);
        keys[i] = nested_at(&e, 0);
        if (is_null(&keys[i])) {
            return bad_key(t, &keys[i], "a key that is NULL", a, err);
        }
    }
    keys = sort_values(keys, other, count);
    for (int32_t i = 1; i < count; i++) {
        if (value_compare(&keys[i - 1], &keys[i]) == 0) {
            return bad_key(t, &keys[i], "twice the key ", a, err);
        }
    }
    return OK;
}
