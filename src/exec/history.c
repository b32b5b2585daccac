/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - see history.h. The ring grows by doubling until it has HISTORY_KEPT places; only then
 * does `first` move. */
#include "exec/history.h"

#define CAPACITY_MIN 64
#define INTERVAL_US 1000000

void
history_fini(history *h, mem *m) {
    mem_free(m, h->samples, sizeof(*h->samples) * (size_t)h->capacity);
    *h = (history){0};
}

static bool
has_place(history *h, mem *m) {
    if (h->count < h->capacity || h->capacity == HISTORY_KEPT) {
        return true;
    }
    const int32_t   capacity = h->capacity == 0                 ? CAPACITY_MIN
                               : h->capacity > HISTORY_KEPT / 2 ? HISTORY_KEPT
                                                                : h->capacity * 2;
    history_sample *grown = mem_resize(m, h->samples, sizeof(*grown) * (size_t)h->capacity,
                                       sizeof(*grown) * (size_t)capacity);
    if (grown == NULL) {
        return false;
    }
    h->samples = grown;
    h->capacity = capacity;
    return true;
}

void
history_add(history *h, mem *m, const history_sample *s) {
    h->due_us = sat_add_i64(s->time_us, INTERVAL_US);
    if (!has_place(h, m)) {
        return;
    }
    if (h->count < h->capacity) {
        h->samples[h->count++] = *s;
        return;
    }
    h->samples[h->first] = *s;
    h->first = (h->first + 1) % h->capacity;
}

const history_sample *
history_at(const history *h, int32_t index) {
    return &h->samples[(h->first + index) % h->capacity];
}
