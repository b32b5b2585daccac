/* SPDX-License-Identifier: Apache-2.0 */
/* changelog.c - a list of entries kept alive by its readers.
 *
 * Invariants: `newest` is never NULL (an empty entry opens the log); an entry's `next` is written
 * once, before which the new entry is complete (release store, acquire load); the log holds one
 * reference on `newest`, each entry one on its `next`, each cursor one on its `last`. The log's own
 * fields beside the word and the counts are guarded by a mutex that is held for a few instructions
 * only. */
#include "exec/changelog.h"

#include <string.h>

#include "os/thread.h"

struct changelog {
    _Atomic int32_t  references;
    _Atomic int32_t  readers;
    _Atomic uint32_t word;     /* changes with each wake: what waiters sleep on */
    _Atomic int32_t  ended;    /* log_end; set once, after `reason` */
    _Atomic int32_t  sleepers; /* unused wakes cost a system call: see changelog_wake */
    mem             *mem;
    mutex            lock; /* guards newest, watches and where each cursor stands */
    watch_list       watches;
    _Atomic int32_t  watch_count; /* of the list */
    log_entry       *newest;
    error            reason;
};

static log_entry *
entry_new(mem *m, uint64_t epoch, const log_changes *changes) {
    const int32_t count = changes->shown_count + changes->gone_count;
    const size_t  bytes = sizeof(log_entry) + sizeof(batch *) * (size_t)count + changes->op_count;
    log_entry    *e = mem_alloc_zero(m, bytes);
    if (e == NULL) {
        return NULL;
    }
    atomic_init(&e->references, 1);
    atomic_init(&e->next, NULL);
    e->mem = m;
    e->bytes = bytes;
    e->epoch = epoch;
    e->shown_count = changes->shown_count;
    e->gone_count = changes->gone_count;
    e->shown = (batch **)(void *)(e + 1);
    e->gone = e->shown + e->shown_count;
    for (int32_t i = 0; i < e->shown_count; i++) {
        e->shown[i] = changes->shown[i];
    }
    for (int32_t i = 0; i < e->gone_count; i++) {
        e->gone[i] = changes->gone[i];
    }
    if (changes->op_count > 0) {
        e->ops = (uint8_t *)(e->gone + e->gone_count);
        memcpy(e->ops, changes->ops, changes->op_count);
    }
    return e;
}

static void
entry_release(log_entry *e) {
    /* A loop, not recursion: a slow reader may let go of a long chain at once. */
    while (e != NULL && atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) == 1) {
        log_entry *next = atomic_load_explicit(&e->next, memory_order_acquire);
        for (int32_t i = 0; i < e->shown_count + e->gone_count; i++) {
            batch_release(e->shown[i]);
        }
        mem_free(e->mem, e, e->bytes);
        e = next;
    }
}

static log_entry *
entry_retain(log_entry *e) {
    atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
    return e;
}

status
changelog_open(changelog **out, mem *m, error *err) {
    changelog *c = mem_alloc_zero(m, sizeof(*c));
    if (c == NULL) {
        return error_memory(err);
    }
    c->mem = m;
    atomic_init(&c->references, 1);
    c->newest = entry_new(m, 0, &(log_changes){0});
    status s = c->newest == NULL ? error_memory(err) : mutex_init(&c->lock, err);
    if (s < 0) {
        entry_release(c->newest);
        mem_free(m, c, sizeof(*c));
        return s;
    }
    *out = c;
    return OK;
}

changelog *
changelog_retain(changelog *c) {
    atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
    return c;
}

void
changelog_release(changelog *c) {
    if (c == NULL || atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    entry_release(c->newest);
    mutex_fini(&c->lock);
    mem_free(c->mem, c, sizeof(*c));
}

int32_t
changelog_readers(const changelog *c) {
    return atomic_load_explicit(&c->readers, memory_order_acquire);
}

status
changelog_append(changelog *c, uint64_t epoch, const log_changes *changes, error *err) {
    log_entry *e = entry_new(c->mem, epoch, changes);
    if (e == NULL) {
        for (int32_t i = 0; i < changes->shown_count; i++) {
            batch_release(changes->shown[i]);
        }
        for (int32_t i = 0; i < changes->gone_count; i++) {
            batch_release(changes->gone[i]);
        }
        return error_memory(err);
    }
    mutex_lock(&c->lock);
    log_entry *old = c->newest;
    atomic_store_explicit(&old->next, entry_retain(e), memory_order_release);
    c->newest = e;
    mutex_unlock(&c->lock);
    entry_release(old);
    return OK;
}

/* With the lock. */
static void
post(changelog *c, watch *w) {
    watch_list_remove(&c->watches, w);
    atomic_fetch_sub_explicit(&c->watch_count, 1, memory_order_relaxed);
    notifier_post(w);
}

void
changelog_stir(changelog *c) {
    atomic_fetch_add_explicit(&c->word, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&c->sleepers, memory_order_seq_cst) > 0) {
        futex_wake_all(&c->word);
    }
}

void
changelog_wake(changelog *c) {
    changelog_stir(c);
    if (atomic_load_explicit(&c->watch_count, memory_order_seq_cst) > 0) {
        mutex_lock(&c->lock);
        while (c->watches.first != NULL) {
            post(c, c->watches.first);
        }
        mutex_unlock(&c->lock);
    }
}

void
changelog_end(changelog *c, log_end how, const error *reason) {
    mutex_lock(&c->lock);
    if (atomic_load(&c->ended) == LOG_OPEN) {
        if (reason != NULL) {
            c->reason = *reason;
        }
        atomic_store_explicit(&c->ended, (int32_t)how, memory_order_release);
    }
    mutex_unlock(&c->lock);
    changelog_wake(c);
}

status
log_cursor_open(log_cursor *out, changelog *c, error *err) {
    (void)err;
    atomic_fetch_add_explicit(&c->readers, 1, memory_order_acq_rel);
    mutex_lock(&c->lock);
    out->last = entry_retain(c->newest);
    mutex_unlock(&c->lock);
    out->log = changelog_retain(c);
    return OK;
}

void
log_cursor_close(log_cursor *c) {
    if (c->log == NULL) {
        return;
    }
    atomic_fetch_sub_explicit(&c->log->readers, 1, memory_order_acq_rel);
    entry_release(c->last);
    changelog_release(c->log);
    *c = (log_cursor){0};
}

log_entry *
log_cursor_next(log_cursor *c) {
    changelog *log = c->log;
    mutex_lock(&log->lock);
    log_entry *old = c->last;
    log_entry *next = atomic_load_explicit(&old->next, memory_order_acquire);
    if (next != NULL) {
        c->last = entry_retain(next);
    }
    mutex_unlock(&log->lock);
    if (next != NULL) {
        entry_release(old);
    }
    return next;
}

/* Is there an entry, or the end? With the lock. */
static bool
has_news(const log_cursor *c) {
    return atomic_load_explicit(&c->last->next, memory_order_acquire) != NULL ||
           atomic_load_explicit(&c->log->ended, memory_order_acquire) != LOG_OPEN;
}

void
log_cursor_arm(log_cursor *c, watch *w) {
    changelog *log = c->log;
    mutex_lock(&log->lock);
    assert(w->place == WATCH_IDLE);
    /* Counted first: who appends or ends the log after our look sees the count. */
    atomic_fetch_add_explicit(&log->watch_count, 1, memory_order_seq_cst);
    w->place = WATCH_ARMED;
    watch_list_add(&log->watches, w);
    if (has_news(c)) {
        post(log, w);
    }
    mutex_unlock(&log->lock);
}

void
log_cursor_disarm(log_cursor *c, watch *w) {
    changelog *log = c->log;
    mutex_lock(&log->lock);
    if (w->place == WATCH_ARMED) {
        watch_list_remove(&log->watches, w);
        atomic_fetch_sub_explicit(&log->watch_count, 1, memory_order_relaxed);
        w->place = WATCH_IDLE;
    } else {
        notifier_withdraw(w);
    }
    mutex_unlock(&log->lock);
}

void
log_cursor_fire(log_cursor *c, watch *w) {
    mutex_lock(&c->log->lock);
    if (w->place == WATCH_ARMED) {
        post(c->log, w);
    }
    mutex_unlock(&c->log->lock);
}

bool
log_cursor_ended(const log_cursor *c) {
    return atomic_load_explicit(&c->log->ended, memory_order_acquire) != LOG_OPEN;
}

bool
log_cursor_at_end(const log_cursor *c, log_end *how, error *reason) {
    const int32_t ended = atomic_load_explicit(&c->log->ended, memory_order_acquire);
    *how = (log_end)ended;
    if (ended == LOG_OPEN || atomic_load_explicit(&c->last->next, memory_order_acquire) != NULL) {
        return false;
    }
    if (reason != NULL) {
        *reason = c->log->reason;
    }
    return true;
}

bool
log_cursor_wait(log_cursor *c, const _Atomic bool *stop, int64_t timeout_us) {
    changelog *log = c->log;
    bool       interrupted = false;
    log_end    how;
    /* Announce first, read the word, then look again: an append between look and sleep changes the
     * word. */
    atomic_fetch_add_explicit(&log->sleepers, 1, memory_order_seq_cst);
    const uint32_t seen = atomic_load_explicit(&log->word, memory_order_seq_cst);
    if (atomic_load_explicit(&c->last->next, memory_order_acquire) == NULL &&
        !log_cursor_at_end(c, &how, NULL) && !atomic_load(stop)) {
        interrupted = futex_wait(&log->word, seen, timeout_us) == WAIT_INTERRUPTED;
    }
    atomic_fetch_sub_explicit(&log->sleepers, 1, memory_order_seq_cst);
    return interrupted;
}
