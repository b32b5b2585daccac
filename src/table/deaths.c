/* SPDX-License-Identifier: Apache-2.0 */
/* deaths.c - marks of rows that died. */
#include "table/segment.h"

static size_t
deaths_size(int32_t capacity) {
    return sizeof(deaths) + (size_t)capacity * sizeof(uint64_t);
}

deaths *
deaths_new(mem *m, int32_t capacity, const deaths *old) {
    deaths *d = mem_alloc(m, deaths_size(capacity));
    if (d == NULL) {
        return NULL;
    }
    const int32_t kept = old == NULL ? 0 : old->capacity;
    atomic_init(&d->references, 1);
    d->mem = m;
    d->capacity = capacity;
    d->count = old == NULL ? 0 : old->count;
    atomic_init(&d->emptied, ROW_ALIVE);
    for (int32_t i = 0; i < capacity; i++) {
        atomic_init(&d->at[i],
                    i < kept ? atomic_load_explicit(&old->at[i], memory_order_relaxed) : ROW_ALIVE);
    }
    return d;
}

deaths *
deaths_retain(deaths *d) {
    if (d != NULL) {
        atomic_fetch_add_explicit(&d->references, 1, memory_order_relaxed);
    }
    return d;
}

void
deaths_release(deaths *d) {
    if (d != NULL && atomic_fetch_sub_explicit(&d->references, 1, memory_order_acq_rel) == 1) {
        mem_free(d->mem, d, deaths_size(d->capacity));
    }
}

bool
table_has_live(const table *t, const int64_t *positions, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        int32_t row;
        if (positions[i] < 0 || positions[i] >= table_row_count(t) ||
            (i > 0 && positions[i] <= positions[i - 1])) {
            return false;
        }
        const segment *s = table_segment_of(t, positions[i], &row);
        const deaths  *d =
            s == NULL ? t->tail_deaths : atomic_load_explicit(&s->deaths, memory_order_relaxed);
        if (row < 0 || (d != NULL && !deaths_shows(d, row, ROW_ALIVE - 1))) {
            return false;
        }
    }
    return true;
}
