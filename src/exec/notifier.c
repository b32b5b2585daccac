/* SPDX-License-Identifier: Apache-2.0 */
/* notifier.c - ready lists behind event descriptors.
 *
 * Invariant: the descriptor is set exactly while the ready list is not empty, so a burst costs one
 * system call and a loop that has taken everything sleeps. */
#include "exec/notifier.h"

#include <unistd.h>

#include "os/event.h"
#include "os/thread.h"

struct notifier {
    pid_t           process; /* a forked child leaves it alone: its lock may be held for ever */
    _Atomic int32_t references;
    mem            *mem;
    event           event;
    mutex           lock;
    watch_list      ready;
};

void
watch_list_add(watch_list *l, watch *w) {
    w->next = NULL;
    w->previous = l->last;
    if (l->last == NULL) {
        l->first = w;
    } else {
        l->last->next = w;
    }
    l->last = w;
}

void
watch_list_remove(watch_list *l, watch *w) {
    if (w->previous == NULL) {
        l->first = w->next;
    } else {
        w->previous->next = w->next;
    }
    if (w->next == NULL) {
        l->last = w->previous;
    } else {
        w->next->previous = w->previous;
    }
    w->next = NULL;
    w->previous = NULL;
}

status
notifier_open(notifier **out, mem *m, error *err) {
    notifier *n = mem_alloc_zero(m, sizeof(*n));
    if (n == NULL) {
        return error_memory(err);
    }
    n->mem = m;
    n->process = getpid();
    atomic_init(&n->references, 1);
    status s = event_open(&n->event, err);
    if (s == OK) {
        s = mutex_init(&n->lock, err);
        if (s < 0) {
            event_close(&n->event);
        }
    }
    if (s < 0) {
        mem_free(m, n, sizeof(*n));
        return s;
    }
    *out = n;
    return OK;
}

notifier *
notifier_retain(notifier *n) {
    atomic_fetch_add_explicit(&n->references, 1, memory_order_relaxed);
    return n;
}

void
notifier_release(notifier *n) {
    if (n == NULL || atomic_fetch_sub_explicit(&n->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    mem *m = n->mem;
    if (n->process != getpid()) {
        return;
    }
    assert(n->ready.first == NULL);
    event_close(&n->event);
    mutex_fini(&n->lock);
    mem_free(m, n, sizeof(*n));
    mem_close_shared(m);
}

int
notifier_fd(const notifier *n) {
    return n->event.fd;
}

void
notifier_post(watch *w) {
    notifier *n = w->to;
    mutex_lock(&n->lock);
    w->place = WATCH_READY;
    const bool first = n->ready.first == NULL;
    watch_list_add(&n->ready, w);
    if (first) {
        event_set(&n->event);
    }
    mutex_unlock(&n->lock);
}

void
notifier_withdraw(watch *w) {
    notifier *n = w->to;
    mutex_lock(&n->lock);
    if (w->place == WATCH_READY) {
        watch_list_remove(&n->ready, w);
        w->place = WATCH_IDLE;
        if (n->ready.first == NULL) {
            event_clear(&n->event);
        }
    }
    mutex_unlock(&n->lock);
}

int32_t
notifier_take(notifier *n, uint64_t *tags, int32_t capacity) {
    int32_t count = 0;
    if (n->process != getpid()) {
        return 0;
    }
    mutex_lock(&n->lock);
    while (count < capacity && n->ready.first != NULL) {
        watch *w = n->ready.first;
        watch_list_remove(&n->ready, w);
        w->place = WATCH_IDLE;
        tags[count++] = w->tag;
    }
    if (count > 0 && n->ready.first == NULL) {
        event_clear(&n->event);
    }
    mutex_unlock(&n->lock);
    return count;
}
