/* SPDX-License-Identifier: Apache-2.0 */
/* changelog.c - a list of entries kept alive by its readers.
 *
 * Invariants: `newest` is never NULL (an empty entry opens the log); an entry's `next` is written
 * once, before which the new entry is complete (release store, acquire load); the log holds one
 * reference on `newest`, each entry one on its `next`, each cursor one on its `last`. The log's own
 * fields beside the word and the counts are guarded by a mutex that is held for a few instructions
 * only. */
#include "exec/changelog.h"

#include "os/thread.h"

struct changelog {
    _Atomic int32_t  references;
    _Atomic int32_t  readers;
    _Atomic uint32_t word;     /* changes with each wake: what waiters sleep on */
    _Atomic int32_t  ended;    /* log_end; set once, after `reason` */
    _Atomic int32_t  sleepers; /* unused wakes cost a system call: see changelog_wake */
    _Atomic bool     abandoned;
    mem             *mem;
    _Atomic uint64_t entries; /* ever appended: the number of the newest */
    mutex            lock;    /* guards newest between the writer and cursors that are opened */
    log_entry       *newest;
    error            reason;
};

static log_entry *
entry_new(mem *m, uint64_t epoch, batch **batches, int32_t count) {
    log_entry *e = mem_alloc_zero(m, sizeof(*e) + sizeof(batch *) * (size_t)count);
    if (e == NULL) {
        return NULL;
    }
    atomic_init(&e->references, 1);
    atomic_init(&e->next, NULL);
    e->mem = m;
    e->epoch = epoch;
    e->batch_count = count;
    e->batches = (batch **)(void *)(e + 1);
    for (int32_t i = 0; i < count; i++) {
        e->batches[i] = batches[i];
    }
    return e;
}

static void
entry_release(log_entry *e) {
    /* A loop, not recursion: a slow reader may let go of a long chain at once. */
    while (e != NULL && atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) == 1) {
        log_entry *next = atomic_load_explicit(&e->next, memory_order_acquire);
        for (int32_t i = 0; i < e->batch_count; i++) {
            batch_release(e->batches[i]);
        }
        mem_free(e->mem, e, sizeof(*e) + sizeof(batch *) * (size_t)e->batch_count);
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
    c->newest = entry_new(m, 0, NULL, 0);
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
changelog_append(changelog *c, uint64_t epoch, batch **batches, int32_t count, error *err) {
    log_entry *e = entry_new(c->mem, epoch, batches, count);
    if (e == NULL) {
        for (int32_t i = 0; i < count; i++) {
            batch_release(batches[i]);
        }
        return error_memory(err);
    }
    mutex_lock(&c->lock);
    log_entry *old = c->newest;
    e->number = old->number + 1;
    atomic_store_explicit(&c->entries, e->number, memory_order_release);
    atomic_store_explicit(&old->next, entry_retain(e), memory_order_release);
    c->newest = e;
    mutex_unlock(&c->lock);
    entry_release(old);
    return OK;
}

void
changelog_wake(changelog *c) {
    atomic_fetch_add_explicit(&c->word, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&c->sleepers, memory_order_seq_cst) > 0) {
        futex_wake_all(&c->word);
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

bool
changelog_is_over(const changelog *c, uint64_t number) {
    return atomic_load_explicit(&c->ended, memory_order_acquire) != LOG_OPEN &&
           atomic_load_explicit(&c->entries, memory_order_acquire) == number;
}

void
changelog_abandon(changelog *c) {
    atomic_store_explicit(&c->abandoned, true, memory_order_release);
}

bool
changelog_is_abandoned(const changelog *c) {
    return atomic_load_explicit(&c->abandoned, memory_order_acquire);
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
    log_entry *next = atomic_load_explicit(&c->last->next, memory_order_acquire);
    if (next == NULL) {
        return NULL;
    }
    entry_retain(next);
    entry_release(c->last);
    c->last = next;
    return next;
}

bool
log_cursor_has_next(const log_cursor *c) {
    return atomic_load_explicit(&c->last->next, memory_order_acquire) != NULL;
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
