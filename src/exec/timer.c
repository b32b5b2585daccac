/* SPDX-License-Identifier: Apache-2.0 */
/* timer.c - a binary heap of timers that know their place; see timer.h. */
#include "exec/timer.h"

void
timer_heap_init(timer_heap *h, mem *m) {
    *h = (timer_heap){.mem = m};
}

void
timer_heap_fini(timer_heap *h) {
    assert(h->made == 0 && h->count == 0);
    mem_free(h->mem, h->items, sizeof(timer *) * (size_t)h->capacity);
}

status
timer_init(timer_heap *h, timer *t, void (*fire)(timer *t, int64_t due_us), error *err) {
    if (h->made == h->capacity) {
        const int32_t capacity = h->capacity == 0 ? 8 : 2 * h->capacity;
        timer       **items = mem_resize(h->mem, h->items, sizeof(timer *) * (size_t)h->capacity,
                                         sizeof(timer *) * (size_t)capacity);
        if (items == NULL) {
            return error_memory(err);
        }
        h->items = items;
        h->capacity = capacity;
    }
    h->made++;
    *t = (timer){.due_us = TIMER_NEVER, .order = ++h->order, .place = -1, .fire = fire};
    return OK;
}

static bool
is_before(const timer *a, const timer *b) {
    return a->due_us < b->due_us || (a->due_us == b->due_us && a->order < b->order);
}

static void
put(timer_heap *h, int32_t place, timer *t) {
    h->items[place] = t;
    t->place = place;
}

static void
rise(timer_heap *h, timer *t) {
    int32_t at = t->place;
    while (at > 0 && is_before(t, h->items[(at - 1) / 2])) {
        put(h, at, h->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(h, at, t);
}

static void
sink(timer_heap *h, timer *t) {
    int32_t at = t->place;
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child + 1 < h->count && is_before(h->items[child + 1], h->items[child])) {
            child++;
        }
        if (child >= h->count || !is_before(h->items[child], t)) {
            break;
        }
        put(h, at, h->items[child]);
        at = child;
    }
    put(h, at, t);
}

static void
take_out(timer_heap *h, timer *t) {
    timer        *last = h->items[--h->count];
    const int32_t place = t->place;
    t->place = -1;
    if (last != t) {
        put(h, place, last);
        rise(h, last);
        sink(h, last);
    }
}

void
timer_set(timer_heap *h, timer *t, int64_t due_us) {
    if (t->place >= 0) {
        take_out(h, t);
    }
    t->due_us = due_us;
    if (due_us != TIMER_NEVER) {
        put(h, h->count++, t);
        rise(h, t);
    }
}

void
timer_fini(timer_heap *h, timer *t) {
    if (t->fire == NULL) {
        return;
    }
    timer_set(h, t, TIMER_NEVER);
    h->made--;
    *t = (timer){.place = -1};
}

bool
timer_is_set(const timer *t) {
    return t->place >= 0;
}

int64_t
timer_heap_due_us(const timer_heap *h) {
    return h->count == 0 ? TIMER_NEVER : h->items[0]->due_us;
}

timer *
timer_heap_take(timer_heap *h, int64_t now_us) {
    if (h->count == 0 || h->items[0]->due_us > now_us) {
        return NULL;
    }
    timer *t = h->items[0];
    take_out(h, t); /* due_us stays for whoever took it: place tells that it is not set */
    return t;
}
