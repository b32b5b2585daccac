/* SPDX-License-Identifier: Apache-2.0 */
/* nested_fault.c - whether bytes that were read from a file are an image of their type at all, so
 * that nested_open and nested_at stay within them. */
#include <string.h>

#include "type/nested.h"
#include "type/nested_type.h"

static uint32_t
get_u32(const char *from) {
    uint32_t v;
    memcpy(&v, from, sizeof(v));
    return v;
}

static bool
is_child_whole(data_type t, text bytes, bool is_null) {
    return is_null ? bytes.size == 0 : !type_is_nested(t) || nested_is_whole(t, bytes);
}

static bool
is_struct_whole(const nested_type *n, text image) {
    if (image.size < n->heap_at) {
        return false;
    }
    const char    *heap = image.data + n->heap_at;
    const uint64_t room = image.size - n->heap_at;
    uint32_t       begin = 0;
    for (int32_t i = 0; i < n->count; i++) {
        const nested_slot *s = &n->slots[i];
        const data_type    t = n->fields[i].type;
        const bool         is_null = (image.data[i >> 3] >> (i & 7) & 1) == 0;
        if (s->is_fixed) {
            const text bytes = {image.data + s->at, s->width};
            if (!is_null && !is_child_whole(t, bytes, false)) {
                return false;
            }
            continue;
        }
        const uint32_t end = get_u32(image.data + s->at);
        if (end < begin || end > room ||
            !is_child_whole(t, (text){heap + begin, end - begin}, is_null)) {
            return false;
        }
        begin = end;
    }
    return begin == room;
}

/* Slots of a LIST that are ends in its heap. */
static bool
are_items_whole(data_type t, const nested_view *v, uint64_t room) {
    uint32_t begin = 0;
    for (int32_t i = 0; i < v->count; i++) {
        const bool is_null = v->validity != NULL && (v->validity[i >> 3] >> (i & 7) & 1) == 0;
        if (v->is_fixed) {
            const text bytes = {v->slots + (size_t)i * v->width, v->width};
            if (!is_null && !is_child_whole(t, bytes, false)) {
                return false;
            }
            continue;
        }
        const uint32_t end = get_u32(v->slots + (size_t)i * v->width);
        if (end < begin || end > room ||
            !is_child_whole(t, (text){v->heap + begin, end - begin}, is_null)) {
            return false;
        }
        begin = end;
    }
    return begin == room;
}

bool
nested_is_whole(data_type t, text image) {
    if (t.id == TYPE_STRUCT) {
        return is_struct_whole(nested_type_of(t), image);
    }
    if (image.size < sizeof(uint32_t)) {
        return false;
    }
    const nested_view v = nested_open(t, image);
    const size_t      slots = (size_t)v.count * v.width;
    const size_t      bits = v.validity == NULL ? 0 : ((size_t)v.count + 7) / 8;
    const int32_t     wanted = type_array_size(t);
    if (image.size - sizeof(uint32_t) < slots + bits || (wanted >= 0 && wanted != v.count)) {
        return false;
    }
    return are_items_whole(v.item, &v, image.size - sizeof(uint32_t) - slots - bits);
}
