/* SPDX-License-Identifier: Apache-2.0 */
/* segment.c - immutable runs of rows, the range of their integer-like columns on demand, and the
 * shared list of them. */
#include "table/segment.h"

#include "kernel/kernel.h"

static size_t
segment_size(int32_t column_count) {
    return sizeof(segment) + (size_t)column_count * sizeof(range);
}

static size_t
loaded_size(int32_t column_count) {
    return sizeof(loaded_rows) + (size_t)column_count * (sizeof(column) + sizeof(chunk *));
}

loaded_rows *
loaded_rows_new(mem *m, int32_t column_count) {
    loaded_rows *l = mem_alloc_zero(m, loaded_size(column_count));
    if (l != NULL) {
        l->mem = m;
        l->column_count = column_count;
        l->columns = (column *)(l + 1);
        l->holds = (chunk **)(void *)(l->columns + column_count);
    }
    return l;
}

void
loaded_rows_free(loaded_rows *l) {
    if (l != NULL) {
        for (int32_t i = 0; i < l->column_count; i++) {
            chunk_release(l->holds[i]);
        }
        mem_free(l->mem, l, loaded_size(l->column_count));
    }
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

int64_t
segment_column_bytes(const column *c, int32_t row_count) {
    const size_t  width = c->layout == COLUMN_OFFSETS ? sizeof(int32_t) : type_width(c->type);
    const int64_t validity = c->validity == NULL ? 0 : bits_words(row_count) * 8;
    return (int64_t)width * row_count + validity + column_text_bytes(c, row_count);
}

/* Without rows. */
static segment *
new_empty(mem *m, int32_t column_count, int32_t row_count) {
    segment *s = mem_alloc(m, segment_size(column_count));
    if (s == NULL) {
        return NULL;
    }
    *s = (segment){.mem = m, .column_count = column_count};
    atomic_init(&s->references, 1);
    atomic_init(&s->row_count, row_count);
    atomic_init(&s->deaths, NULL);
    s->ranges = (range *)(s + 1);
    return s;
}

static void
init_range(range *r, data_type t) {
    atomic_init(&r->min, 0);
    atomic_init(&r->max, 0);
    atomic_init(&r->state, has_range(t) ? RANGE_UNASKED : RANGE_NONE);
}

segment *
segment_new(mem *m, chunk *keep, const delta *rows, int32_t first, int32_t row_count) {
    segment     *s = new_empty(m, rows->column_count, row_count);
    loaded_rows *l = s == NULL ? NULL : loaded_rows_new(m, rows->column_count);
    if (l == NULL) {
        mem_free(m, s, segment_size(rows->column_count));
        return NULL;
    }
    s->rows = l;
    l->count = rows->column_count;
    for (int32_t i = 0; i < rows->column_count; i++) {
        column *c = &l->columns[i];
        *c = column_slice(&rows->columns[i], first);
        if (c->owner == NULL) {
            c->owner = keep;
        }
        l->holds[i] = chunk_retain(keep);
        init_range(&s->ranges[i], c->type);
        s->bytes += segment_column_bytes(c, row_count);
    }
    return s;
}

segment *
segment_new_unread(mem *m, int64_t bytes, const schema *of, int32_t row_count) {
    segment *s = new_empty(m, of->count, row_count);
    for (int32_t i = 0; s != NULL && i < of->count; i++) {
        init_range(&s->ranges[i], of->fields[i].type);
        s->bytes = bytes;
    }
    return s;
}

segment *
segment_new_paged(mem *m, pager *p, pages *from, const schema *of, int32_t row_count) {
    segment *s = segment_new_unread(m, from->bytes, of, row_count);
    if (s != NULL) {
        s->pager = pager_retain(p);
        s->pages = from;
        pager_count(s);
    }
    return s;
}

void
segment_set_pager(segment *s, pager *p) {
    assert(s->pager == NULL);
    s->pager = pager_retain(p);
    if (p != NULL) {
        pager_count(s);
    }
}

/* Of their pages, which know, or of the rows in memory. */
static bool
compute_range(segment *s, int32_t at, int64_t *min, int64_t *max, bool *known) {
    bool any = pager_range(s, at, min, max, known);
    if (!*known) { /* then it is in memory */
        column c;
        chunk *hold;
        error  ignored;
        *known = segment_read(s, at, &c, &hold, &ignored) == OK;
        any = *known && minmax_i64(&c, segment_rows(s), min, max);
        chunk_release(*known ? hold : NULL);
    }
    return any;
}

bool
segment_range(segment *s, int32_t at, int64_t *min, int64_t *max) {
    range        *r = &s->ranges[at];
    const int32_t found = atomic_load_explicit(&r->state, memory_order_acquire);
    if (found == RANGE_UNASKED) {
        bool       known;
        const bool any = compute_range(s, at, min, max, &known);
        if (any) {
            atomic_store_explicit(&r->min, *min, memory_order_relaxed);
            atomic_store_explicit(&r->max, *max, memory_order_relaxed);
        }
        if (known) {
            atomic_store_explicit(&r->state, any ? RANGE_KNOWN : RANGE_NONE, memory_order_release);
        }
        return any;
    }
    *min = atomic_load_explicit(&r->min, memory_order_relaxed);
    *max = atomic_load_explicit(&r->max, memory_order_relaxed);
    return found == RANGE_KNOWN;
}

segment *
segment_retain(segment *s) {
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void
segment_release(segment *s) {
    if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1) {
        if (s->pager != NULL) {
            pager_forget(s);
        }
        loaded_rows_free(s->rows);
        pages_release(s->pages);
        pager_release(s->pager);
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

bool
segment_list_is_own(const segment_list *l) {
    return atomic_load_explicit(&l->references, memory_order_acquire) == 1;
}

void
segment_list_shift(segment_list *l, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        segment_release(l->items[i]);
    }
    l->count -= count;
    memmove(l->items, l->items + count, (size_t)l->count * sizeof(l->items[0]));
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
