/* SPDX-License-Identifier: Apache-2.0 */
/* state_columns.c - see state_columns.h. Loops are specialised by element width and by "has NULLs";
 * a column that never saw a NULL keeps no null bytes and pays nothing for them. */
#include "state/state_columns.h"

#include <stdio.h>

#include "type/nested.h"

static void
close_columns(state_columns *c, int32_t opened) {
    for (int32_t k = 0; k < opened; k++) {
        array_close(&c->values[k]);
        array_close(&c->nulls[k]);
    }
    text_heap_close(&c->heap);
    const size_t n = (size_t)c->column_count;
    mem_free(c->mem, c->types, n * sizeof(*c->types));
    mem_free(c->mem, c->values, n * sizeof(*c->values));
    mem_free(c->mem, c->nulls, n * sizeof(*c->nulls));
    *c = (state_columns){0};
}

static status
open_arrays(state_columns *c, store *s, const char *name, error *err) {
    char label[160];
    snprintf(label, sizeof(label), "%.120s.text", name);
    TRY(text_heap_open(&c->heap, s, label, err));
    for (int32_t k = 0; k < c->column_count; k++) {
        snprintf(label, sizeof(label), "%.120s.%d", name, (int)k);
        TRY(array_open(&c->values[k], s, label, (uint32_t)type_width(c->types[k]), err));
        snprintf(label, sizeof(label), "%.120s.%d.null", name, (int)k);
        TRY(array_open(&c->nulls[k], s, label, 1, err));
    }
    return OK;
}

status
state_columns_open(state_columns *c, store *s, const char *name, const data_type *types,
                   int32_t count, error *err) {
    mem *m = store_mem(s);
    *c = (state_columns){.column_count = count, .mem = m};
    if (count > 0) {
        const size_t n = (size_t)count;
        c->types = mem_alloc(m, n * sizeof(*c->types));
        c->values = mem_alloc_zero(m, n * sizeof(*c->values));
        c->nulls = mem_alloc_zero(m, n * sizeof(*c->nulls));
        if (c->types == NULL || c->values == NULL || c->nulls == NULL) {
            close_columns(c, 0);
            return error_memory(err);
        }
        memcpy(c->types, types, n * sizeof(*types));
    }
    for (int32_t k = 0; k < count; k++) {
        c->has_views |= physical_is_view(type_physical(types[k]));
    }
    const status opened = open_arrays(c, s, name, err);
    if (opened < 0) {
        close_columns(c, count);
    }
    return opened;
}

void
state_columns_close(state_columns *c) {
    if (c->mem != NULL) {
        close_columns(c, c->column_count);
    }
}

uint64_t
state_columns_count(const state_columns *c) {
    return c->column_count == 0 ? 0 : c->values[0].count;
}

status
state_columns_extend(state_columns *c, uint64_t n, uint64_t *first, error *err) {
    const uint64_t count = state_columns_count(c);
    if (first != NULL) {
        *first = count;
    }
    for (int32_t k = 0; k < c->column_count; k++) {
        status extended = array_extend(&c->values[k], n, NULL, err);
        if (extended == OK && c->nulls[k].count > 0) {
            extended = array_extend(&c->nulls[k], n, NULL, err);
        }
        if (extended < 0) { /* all columns stay of one length */
            for (int32_t j = 0; j <= k; j++) {
                array_truncate(&c->values[j], count);
                array_truncate(&c->nulls[j], c->nulls[j].count == 0 ? 0 : count);
            }
            return extended;
        }
    }
    return OK;
}

/* ---- writing */

ALWAYS_INLINE void
scatter_body(uint8_t *to, const slot *slots, const uint8_t *from, const int32_t *rows, int32_t n,
             size_t width) {
    for (int32_t i = 0; i < n; i++) {
        const size_t row = (size_t)(rows == NULL ? i : rows[i]);
        memcpy(to + (size_t)slots[i] * width, from + row * width, width);
    }
}

static void
scatter(uint8_t *to, const slot *slots, const void *from, const int32_t *rows, int32_t n,
        size_t width) {
    switch (width) {
    case 1:
        scatter_body(to, slots, from, rows, n, 1);
        return;
    case 2:
        scatter_body(to, slots, from, rows, n, 2);
        return;
    case 4:
        scatter_body(to, slots, from, rows, n, 4);
        return;
    case 8:
        scatter_body(to, slots, from, rows, n, 8);
        return;
    default:
        assert(width == 16);
        scatter_body(to, slots, from, rows, n, 16);
        return;
    }
}

/* Everything that can fail for want of memory, long texts aside. */
static status
prepare_write(state_columns *c, const slot *slots, const column *in, int32_t count, error *err) {
    for (int32_t k = 0; k < c->column_count; k++) {
        if (in[k].validity != NULL && c->nulls[k].count == 0) {
            TRY(array_extend(&c->nulls[k], c->values[k].count, NULL, err));
        }
        TRY(array_touch_each(&c->values[k], slots, count, err));
        if (c->nulls[k].count > 0) {
            TRY(array_touch_each(&c->nulls[k], slots, count, err));
        }
    }
    return OK;
}

static void
write_nulls(state_array *nulls, const slot *slots, const column *in, const int32_t *rows,
            int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        nulls->data[slots[i]] = column_is_null(in, rows == NULL ? i : rows[i]);
    }
}

static void
free_texts(state_columns *c, int32_t k, const slot *slots, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        text_heap_free(&c->heap, ARRAY_AT(&c->values[k], strview, slots[i]));
    }
}

static status
write_texts(state_columns *c, int32_t k, const slot *slots, const column *in, const int32_t *rows,
            int32_t count, error *err) {
    strview       *to = ARRAY_AT(&c->values[k], strview, 0);
    const strview *from = in->values;
    for (int32_t i = 0; i < count; i++) {
        const int32_t row = rows == NULL ? i : rows[i];
        strview       stored = {.word = {0, 0}};
        if (!column_is_null(in, row)) {
            const status put = text_heap_put(&c->heap, &stored, &from[row], err);
            if (put < 0) {
                free_texts(c, k, slots, i);
                return put;
            }
        }
        to[slots[i]] = stored;
    }
    return OK;
}

status
state_columns_write(state_columns *c, const slot *slots, const column *in, const int32_t *rows,
                    int32_t count, error *err) {
    TRY(prepare_write(c, slots, in, count, err));
    for (int32_t k = 0; k < c->column_count; k++) {
        if (physical_is_view(type_physical(c->types[k]))) {
            const status written = write_texts(c, k, slots, &in[k], rows, count, err);
            if (written < 0) {
                for (int32_t j = 0; j < k; j++) {
                    if (physical_is_view(type_physical(c->types[j]))) {
                        free_texts(c, j, slots, count);
                    }
                }
                return written;
            }
        } else {
            scatter(c->values[k].data, slots, in[k].values, rows, count, c->values[k].element_size);
        }
        if (c->nulls[k].count > 0) {
            write_nulls(&c->nulls[k], slots, &in[k], rows, count);
        }
    }
    return OK;
}

static status
append_one(state_columns *c, int32_t k, const column *in, int32_t count, error *err) {
    state_array   *values = &c->values[k];
    state_array   *nulls = &c->nulls[k];
    const uint64_t first = values->count;
    if (in->validity != NULL && nulls->count == 0) {
        TRY(array_extend(nulls, first, NULL, err));
    }
    if (nulls->count > 0 || in->validity != NULL) {
        TRY(array_append(nulls, (uint64_t)count, NULL, err));
        for (int32_t i = 0; i < count; i++) {
            nulls->data[first + (uint64_t)i] = column_is_null(in, i);
        }
    }
    TRY(array_append(values, (uint64_t)count, NULL, err));
    if (physical_is_view(type_physical(c->types[k]))) {
        return text_heap_put_all(&c->heap, ARRAY_AT(values, strview, first), in, count, err);
    }
    memcpy(values->data + first * values->element_size, in->values,
           (size_t)count * values->element_size);
    return OK;
}

status
state_columns_append(state_columns *c, const column *in, int32_t count, error *err) {
    const uint64_t first = state_columns_count(c);
    for (int32_t k = 0; k < c->column_count; k++) {
        const status appended = append_one(c, k, &in[k], count, err);
        if (appended < 0) { /* all columns stay of one length */
            for (int32_t j = 0; j <= k; j++) {
                if (j < k && physical_is_view(type_physical(c->types[j]))) {
                    for (int32_t i = 0; i < count; i++) {
                        text_heap_free(&c->heap,
                                       ARRAY_AT(&c->values[j], strview, first + (uint64_t)i));
                    }
                }
                array_truncate(&c->values[j], first);
                array_truncate(&c->nulls[j], c->nulls[j].count == 0 ? 0 : first);
            }
            return appended;
        }
    }
    return OK;
}

void
state_columns_clear(state_columns *c, slot s) {
    for (int32_t k = 0; c->has_views && k < c->column_count; k++) {
        if (physical_is_view(type_physical(c->types[k]))) {
            text_heap_free(&c->heap, ARRAY_AT(&c->values[k], strview, s));
        }
    }
}

/* ---- reading */

ALWAYS_INLINE void
gather_body(uint8_t *to, const uint8_t *from, const slot *slots, int32_t n, size_t width,
            bool some_none) {
    for (int32_t i = 0; i < n; i++) {
        if (!some_none || LIKELY(slots[i] != SLOT_NONE)) {
            memcpy(to + (size_t)i * width, from + (size_t)slots[i] * width, width);
        } else {
            memset(to + (size_t)i * width, 0, width);
        }
    }
}

ALWAYS_INLINE void
gather_width(void *to, const uint8_t *from, const slot *slots, int32_t n, size_t width,
             bool some_none) {
    switch (width) {
    case 1:
        gather_body(to, from, slots, n, 1, some_none);
        return;
    case 2:
        gather_body(to, from, slots, n, 2, some_none);
        return;
    case 4:
        gather_body(to, from, slots, n, 4, some_none);
        return;
    case 8:
        gather_body(to, from, slots, n, 8, some_none);
        return;
    default:
        assert(width == 16);
        gather_body(to, from, slots, n, 16, some_none);
        return;
    }
}

static void
gather(void *to, const uint8_t *from, const slot *slots, int32_t n, size_t width, bool some_none) {
    if (some_none) {
        gather_width(to, from, slots, n, width, true);
    } else {
        gather_width(to, from, slots, n, width, false);
    }
}

static bool
has_none(const slot *slots, int32_t count) {
    bool found = false;
    for (int32_t i = 0; i < count; i++) {
        found |= slots[i] == SLOT_NONE;
    }
    return found;
}

static bool
slot_is_null(const state_array *nulls, slot s) {
    return s == SLOT_NONE || (nulls->count > 0 && nulls->data[s] != 0);
}

/* The validity of the rows, or NULL in *out when there is no NULL. */
static status
read_validity(const state_array *nulls, const slot *slots, int32_t count, arena *a,
              const uint64_t **out, error *err) {
    int32_t null_count = 0;
    for (int32_t i = 0; i < count; i++) {
        null_count += slot_is_null(nulls, slots[i]);
    }
    *out = NULL;
    if (null_count == 0) {
        return OK;
    }
    uint64_t *bits = arena_alloc_zero(a, (size_t)bits_words(count) * sizeof(*bits));
    if (bits == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        bits[i >> 6] |= (uint64_t)!slot_is_null(nulls, slots[i]) << (i & 63);
    }
    *out = bits;
    return OK;
}

/* Turns stored views into views of copies in `a`. */
static status
copy_texts(const text_heap *h, strview *views, int32_t count, arena *a, error *err) {
    size_t size = 0;
    for (int32_t i = 0; i < count; i++) {
        size += views[i].size > STRVIEW_INLINE_MAX ? views[i].size : 0;
    }
    if (size == 0) {
        return OK;
    }
    char *to = arena_alloc(a, size);
    if (to == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (views[i].size > STRVIEW_INLINE_MAX) {
            const strview v = text_heap_load(h, &views[i]);
            memcpy(to, v.data, v.size);
            views[i].data = to;
            to += v.size;
        }
    }
    return OK;
}

/* Values as they are stored, in *to; a text still says where it lies in the heap. */
static status
read_stored(const state_columns *c, int32_t column_index, const slot *slots, int32_t count,
            arena *a, column *out, void **to, error *err) {
    const state_array *values = &c->values[column_index];
    const size_t       width = values->element_size;
    *to = arena_alloc(a, (size_t)count * width);
    if (*to == NULL) {
        return error_memory(err);
    }
    const state_array *nulls = &c->nulls[column_index];
    const bool         some_none = has_none(slots, count);
    *out = (column){.type = c->types[column_index], .layout = COLUMN_FLAT, .values = *to};
    if (some_none || nulls->count > 0) {
        TRY(read_validity(nulls, slots, count, a, &out->validity, err));
    }
    gather(*to, values->data, slots, count, width, some_none);
    return OK;
}

status
state_columns_read(const state_columns *c, int32_t column_index, const slot *slots, int32_t count,
                   arena *a, column *out, error *err) {
    void *to;
    TRY(read_stored(c, column_index, slots, count, a, out, &to, err));
    return physical_is_view(type_physical(out->type)) ? copy_texts(&c->heap, to, count, a, err)
                                                      : OK;
}

status
state_columns_show(const state_columns *c, int32_t column_index, const slot *slots, int32_t count,
                   arena *a, column *out, error *err) {
    void *to;
    TRY(read_stored(c, column_index, slots, count, a, out, &to, err));
    if (physical_is_view(type_physical(out->type))) {
        text_heap_show(&c->heap, to, count);
    }
    return OK;
}

/* ---- after a restore */

static status
check_texts(const state_columns *c, int32_t k, text_map *map, const slot_set *in, error *err) {
    const bool nested = type_is_nested(c->types[k]);
    for (uint64_t s = 0; s < in->count; s++) {
        if (!slot_set_has(in, s)) {
            continue;
        }
        const strview *stored = ARRAY_AT(&c->values[k], strview, s);
        TRY(text_map_take(map, stored, err));
        if (nested && !slot_is_null(&c->nulls[k], (slot)s)) {
            const strview v = text_heap_load(&c->heap, stored);
            if (!nested_is_whole(c->types[k], strview_text(&v))) {
                return image_corrupt("a nested value", err);
            }
        }
    }
    return OK;
}

status
state_columns_check(const state_columns *c, const slot_set *in, error *err) {
    const uint64_t count = state_columns_count(c);
    text_map       map;
    if (c->column_count > 0 && (count < in->count || count >= SLOT_NONE)) {
        return image_corrupt("the length of a column", err);
    }
    for (int32_t k = 0; k < c->column_count; k++) {
        if (c->values[k].count != count || (c->nulls[k].count != count && c->nulls[k].count > 0)) {
            return image_corrupt("columns of different lengths", err);
        }
    }
    status s = text_map_open(&map, &c->heap, err);
    for (int32_t k = 0; s == OK && k < c->column_count; k++) {
        s = physical_is_view(type_physical(c->types[k])) ? check_texts(c, k, &map, in, err) : OK;
    }
    text_map_close(&map);
    return s;
}
