/* SPDX-License-Identifier: Apache-2.0 */
/* segment.c - immutable runs of rows, the range of their integer-like columns on demand, and the
 * shared list of them. */
#include "table/segment.h"

#include "kernel/kernel.h"

static size_t
segment_size(int32_t column_count) {
    return sizeof(segment) + (size_t)column_count * (sizeof(column) + sizeof(range));
}

static bool
has_range(data_type t) {
    switch (type_physical(t)) {
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64:
    case PHYSICAL_U8:
    case PHYSICAL_U16:
    case PHYSICAL_U32:
        return true;
    default:
        return false;
    }
}

static int64_t
column_bytes(const column *c, int32_t row_count) {
    const size_t  width = c->layout == COLUMN_OFFSETS ? sizeof(int32_t) : type_width(c->type);
    const int64_t validity = c->validity == NULL ? 0 : bits_words(row_count) * 8;
    return (int64_t)width * row_count + validity + column_text_bytes(c, row_count);
}

segment *
segment_new(mem *m, chunk *keep, const delta *rows, int32_t first, int32_t row_count) {
    segment *s = mem_alloc(m, segment_size(rows->column_count));
    if (s == NULL) {
        return NULL;
    }
    *s = (segment){.mem = m, .column_count = rows->column_count};
    atomic_init(&s->references, 1);
    atomic_init(&s->row_count, row_count);
    atomic_init(&s->deaths, NULL);
    s->keep = chunk_retain(keep);
    s->columns = (column *)(s + 1);
    s->ranges = (range *)(s->columns + rows->column_count);
    for (int32_t i = 0; i < rows->column_count; i++) {
        column *c = &s->columns[i];
        range  *r = &s->ranges[i];
        *c = column_slice(&rows->columns[i], first);
        if (c->owner == NULL) {
            c->owner = keep;
        }
        atomic_init(&r->min, 0);
        atomic_init(&r->max, 0);
        atomic_init(&r->state, has_range(c->type) ? RANGE_UNASKED : RANGE_NONE);
        s->bytes += column_bytes(c, row_count);
    }
    return s;
}

bool
segment_range(const segment *s, int32_t at, int64_t *min, int64_t *max) {
    range        *r = &s->ranges[at];
    const int32_t known = atomic_load_explicit(&r->state, memory_order_acquire);
    if (known == RANGE_UNASKED) {
        const bool any = minmax_i64(&s->columns[at], segment_rows(s), min, max);
        if (any) {
            atomic_store_explicit(&r->min, *min, memory_order_relaxed);
            atomic_store_explicit(&r->max, *max, memory_order_relaxed);
        }
        atomic_store_explicit(&r->state, any ? RANGE_KNOWN : RANGE_NONE, memory_order_release);
        return any;
    }
    *min = atomic_load_explicit(&r->min, memory_order_relaxed);
    *max = atomic_load_explicit(&r->max, memory_order_relaxed);
    return known == RANGE_KNOWN;
}

segment *
segment_retain(segment *s) {
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void
segment_release(segment *s) {
    if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1) {
        chunk_release(s->keep);
        deaths_release(atomic_load_explicit(&s->deaths, memory_order_relaxed));
        deaths_release(s->older_deaths);
        mem_free(s->mem, s->positions, sizeof(int64_t) * (size_t)s->position_count);
        mem_free(s->mem, s, segment_size(s->column_count));
    }
}

static size_t
list_size(int32_t capacity) {
    return sizeof(segment_list) + (size_t)capacity * sizeof(segment *);
}

segment_list *
segment_list_new(mem *m, int32_t capacity) {
    segment_list *l = mem_alloc(m, list_size(capacity));
    if (l == NULL) {
        return NULL;
    }
    atomic_init(&l->references, 1);
    l->mem = m;
    l->count = 0;
    l->capacity = capacity;
    return l;
}

segment_list *
segment_list_retain(segment_list *l) {
    atomic_fetch_add_explicit(&l->references, 1, memory_order_relaxed);
    return l;
}

void
segment_list_release(segment_list *l) {
    if (l == NULL || atomic_fetch_sub_explicit(&l->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < l->count; i++) {
        segment_release(l->items[i]);
    }
    mem_free(l->mem, l, list_size(l->capacity));
}

status
segment_list_reserve(segment_list **list, int64_t more, error *err) {
    segment_list *old = *list;
    if (old->count + more <= old->capacity) {
        return OK;
    }
    const int64_t capacity = max_i64(2 * (int64_t)old->capacity, old->count + more);
    if (capacity > INT32_MAX) {
        return error_set(err, ERR_INGESTION_FAILED, "the table has too many segments (%d)",
                         old->count);
    }
    segment_list *l = segment_list_new(old->mem, (int32_t)capacity);
    if (l == NULL) {
        return error_memory(err);
    }
    l->count = old->count;
    for (int32_t i = 0; i < old->count; i++) {
        l->items[i] = segment_retain(old->items[i]);
    }
    segment_list_release(old);
    *list = l;
    return OK;
}
