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

struct changelog {
    _Atomic int32_t  references;
    _Atomic int32_t  readers;
    _Atomic uint32_t word;     /* changes with each wake: what waiters sleep on */
    _Atomic int32_t  ended;    /* log_end; set once, after `reason` */
    _Atomic int32_t  sleepers; /* unused wakes cost a system call: see changelog_wake */
    _Atomic bool     abandoned;
    mem             *mem;
    mutex            lock; /* guards newest, watches and where each cursor stands */
    log_cursor      *cursors;
    int64_t          check_at;     /* no reader is beyond its limit while the log is shorter */
    _Atomic int32_t  full_readers; /* with LAG_BLOCK, beyond their limit */
    _Atomic uint32_t room;         /* changes when there is room again: producers sleep on it */
    _Atomic int32_t  producers;    /* that sleep */
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

void
log_entry_release(log_entry *e) {
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

/* Bytes that a batch keeps alive: its own, and a share of what it borrows from the table. */
static int64_t
batch_bytes(const batch *b) {
    int64_t bytes = (int64_t)chunk_bytes(b->chunk);
    for (int32_t i = 0; i < b->rows.column_count; i++) {
        const column *c = &b->rows.columns[i];
        if (c->owner != b->chunk) {
            bytes += (int64_t)type_width(c->type) * b->rows.row_count;
        }
    }
    return bytes;
}

/* Sets the totals of e, which comes after totals of `bytes` and `rows`. */
static void
add_totals(log_entry *e, int64_t bytes, int64_t rows) {
    bytes += (int64_t)e->bytes;
    for (int32_t i = 0; i < e->shown_count + e->gone_count; i++) {
        bytes += batch_bytes(e->shown[i]);
        rows += e->shown[i]->rows.row_count;
    }
    e->bytes_before_next = bytes;
    e->rows_before_next = rows;
}

status
log_entry_make(log_entry **out, mem *m, uint64_t epoch, const log_changes *changes, error *err) {
    *out = entry_new(m, epoch, changes);
    if (*out != NULL) {
        add_totals(*out, 0, 0);
        return OK;
    }
    for (int32_t i = 0; i < changes->shown_count; i++) {
        batch_release(changes->shown[i]);
    }
    for (int32_t i = 0; i < changes->gone_count; i++) {
        batch_release(changes->gone[i]);
    }
    return error_memory(err);
}

status
changelog_open(changelog **out, mem *m, error *err) {
    changelog *c = mem_alloc_zero(m, sizeof(*c));
    if (c == NULL) {
        return error_memory(err);
    }
    c->mem = m;
    c->check_at = INT64_MAX;
    atomic_init(&c->references, 1);
    c->newest = entry_new(m, 0, &(log_changes){0});
    status s = c->newest == NULL ? error_memory(err) : mutex_init(&c->lock, err);
    if (s < 0) {
        log_entry_release(c->newest);
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
    log_entry_release(c->newest);
    mutex_fini(&c->lock);
    mem_free(c->mem, c, sizeof(*c));
}

int32_t
changelog_readers(const changelog *c) {
    return atomic_load_explicit(&c->readers, memory_order_acquire);
}

/* ---------------------------------------------------------------------------------- slow readers
 */
static int64_t
unread_bytes(const log_cursor *c) {
    return c->log->newest->bytes_before_next - c->last->bytes_before_next;
}

/* Moves a reader to `to`; what it passes is lost. */
static void
skip_to(log_cursor *c, log_entry *to) {
    log_entry *old = c->last;
    c->dropped += to->rows_before_next - old->rows_before_next;
    c->last = entry_retain(to);
    log_entry_release(old);
}

static void
lose_all(log_cursor *c) {
    const int64_t before = c->dropped;
    if (c->merged != NULL) {
        c->dropped += c->merged->rows_before_next;
        log_entry_release(c->merged);
        c->merged = NULL;
    }
    skip_to(c, c->log->newest);
    c->missed += c->dropped - before;
}

static void
conflate(log_cursor *c) {
    log_entry *first = atomic_load_explicit(&c->last->next, memory_order_acquire);
    log_entry *made = NULL;
    if (log_conflate(&made, c->log->mem, c->merged, first, &c->rule, NULL) < 0) {
        lose_all(c); /* no memory: said aloud by the next read */
        return;
    }
    log_entry_release(c->merged);
    c->merged = made;
    const int64_t dropped = c->dropped;
    skip_to(c, c->log->newest);
    c->dropped = dropped;
}

/* A reader has more unread than it may. */
static void
apply_rule(log_cursor *c) {
    switch (c->rule.policy) {
    case LAG_ERROR:
        lose_all(c);
        return;
    case LAG_DROP_OLDEST:
        while (unread_bytes(c) > c->rule.bytes_max) {
            skip_to(c, atomic_load_explicit(&c->last->next, memory_order_acquire));
        }
        return;
    case LAG_CONFLATE:
        conflate(c);
        return;
    case LAG_BLOCK:
        if (!c->full) {
            c->full = true;
            atomic_fetch_add_explicit(&c->log->full_readers, 1, memory_order_seq_cst);
        }
        return;
    }
    UNREACHABLE();
}

/* With the lock. Also finds out how long the log may get before this is due again. */
static void
check_readers(changelog *c) {
    c->check_at = INT64_MAX;
    for (log_cursor *r = c->cursors; r != NULL; r = r->next) {
        if (unread_bytes(r) > r->rule.bytes_max) {
            apply_rule(r);
        }
        if (!r->full) {
            const int64_t limit = sat_add_i64(r->last->bytes_before_next, r->rule.bytes_max);
            c->check_at = min_i64(c->check_at, limit);
        }
    }
}

static void
wake_producers(changelog *c) {
    atomic_fetch_add_explicit(&c->room, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&c->producers, memory_order_seq_cst) > 0) {
        futex_wake_all(&c->room);
    }
}

/* With the lock: a reader has moved on or leaves. */
static void
make_room(log_cursor *c) {
    changelog *log = c->log;
    c->full = false;
    atomic_fetch_sub_explicit(&log->full_readers, 1, memory_order_seq_cst);
    wake_producers(log);
    if (c->last != NULL) {
        const int64_t limit = sat_add_i64(c->last->bytes_before_next, c->rule.bytes_max);
        log->check_at = min_i64(log->check_at, limit);
    }
}

bool
changelog_is_full(const changelog *c) {
    return atomic_load_explicit(&c->full_readers, memory_order_seq_cst) > 0 &&
           atomic_load_explicit(&c->ended, memory_order_seq_cst) == LOG_OPEN;
}

wait_result
changelog_wait_for_room(changelog *c, int64_t timeout_us) {
    wait_result how = WAIT_WOKEN;
    atomic_fetch_add_explicit(&c->producers, 1, memory_order_seq_cst);
    const uint32_t seen = atomic_load_explicit(&c->room, memory_order_seq_cst);
    if (changelog_is_full(c)) {
        how = futex_wait(&c->room, seen, timeout_us);
    }
    atomic_fetch_sub_explicit(&c->producers, 1, memory_order_seq_cst);
    return how;
}

/* ---------------------------------------------------------------------------------- writing */
status
changelog_append(changelog *c, uint64_t epoch, const log_changes *changes, error *err) {
    log_entry *e = NULL;
    TRY(log_entry_make(&e, c->mem, epoch, changes, err));
    mutex_lock(&c->lock);
    log_entry *old = c->newest;
    e->bytes_before_next += old->bytes_before_next;
    e->rows_before_next += old->rows_before_next;
    atomic_store_explicit(&old->next, entry_retain(e), memory_order_release);
    c->newest = e;
    if (e->bytes_before_next > c->check_at) {
        check_readers(c);
    }
    mutex_unlock(&c->lock);
    log_entry_release(old);
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
    wake_producers(c);
}

void
changelog_abandon(changelog *c) {
    atomic_store_explicit(&c->abandoned, true, memory_order_release);
}

bool
changelog_is_abandoned(const changelog *c) {
    return atomic_load_explicit(&c->abandoned, memory_order_acquire);
}

/* ---------------------------------------------------------------------------------- reading */
status
log_cursor_open(log_cursor *c, changelog *log, const lag_rule *rule, error *err) {
    (void)err;
    *c = (log_cursor){.log = changelog_retain(log), .rule = *rule};
    mutex_lock(&log->lock);
    c->last = entry_retain(log->newest);
    c->next = log->cursors;
    if (c->next != NULL) {
        c->next->previous = c;
    }
    log->cursors = c;
    log->check_at =
        min_i64(log->check_at, sat_add_i64(log->newest->bytes_before_next, rule->bytes_max));
    atomic_fetch_add_explicit(&log->readers, 1, memory_order_acq_rel);
    mutex_unlock(&log->lock);
    return OK;
}

void
log_cursor_quit(log_cursor *c) {
    changelog *log = c->log;
    mutex_lock(&log->lock);
    log_entry *last = c->last;
    log_entry *merged = c->merged;
    if (last != NULL) {
        c->last = NULL;
        c->merged = NULL;
        c->missed = 0;
        if (c->previous == NULL) {
            log->cursors = c->next;
        } else {
            c->previous->next = c->next;
        }
        if (c->next != NULL) {
            c->next->previous = c->previous;
        }
        atomic_fetch_sub_explicit(&log->readers, 1, memory_order_acq_rel);
        if (c->full) {
            make_room(c);
        }
    }
    mutex_unlock(&log->lock);
    log_entry_release(last);
    log_entry_release(merged);
}

void
log_cursor_close(log_cursor *c) {
    if (c->log == NULL) {
        return;
    }
    log_cursor_quit(c);
    changelog_release(c->log);
    *c = (log_cursor){0};
}

/* With the lock: the next entry, retained; *passed gets what the cursor lets go of. */
static log_entry *
step(log_cursor *c, log_entry **passed) {
    if (c->merged != NULL) {
        log_entry *merged = c->merged;
        c->merged = NULL;
        return merged;
    }
    log_entry *next = atomic_load_explicit(&c->last->next, memory_order_acquire);
    if (next == NULL) {
        return NULL;
    }
    *passed = c->last;
    c->last = entry_retain(next);
    if (c->full && unread_bytes(c) <= c->rule.bytes_max) {
        make_room(c);
    }
    return entry_retain(next);
}

log_entry *
log_cursor_next(log_cursor *c, int64_t *missed) {
    changelog *log = c->log;
    log_entry *passed = NULL;
    log_entry *next = NULL;
    mutex_lock(&log->lock);
    if (c->missed == 0 && c->last != NULL) {
        next = step(c, &passed);
    }
    if (missed != NULL) {
        *missed = c->missed;
        c->missed = 0;
    }
    mutex_unlock(&log->lock);
    log_entry_release(passed);
    return next;
}

int64_t
log_cursor_lag(log_cursor *c, int64_t *dropped) {
    changelog *log = c->log;
    mutex_lock(&log->lock);
    *dropped = c->dropped;
    int64_t lag = c->last == NULL ? 0 : unread_bytes(c);
    lag += c->merged == NULL ? 0 : c->merged->bytes_before_next;
    mutex_unlock(&log->lock);
    return lag;
}

/* Is there something to read? With the lock. */
static bool
has_unread(const log_cursor *c) {
    return c->missed > 0 || c->merged != NULL ||
           (c->last != NULL && atomic_load_explicit(&c->last->next, memory_order_acquire) != NULL);
}

/* Would reading give something, or the end? With the lock. */
static bool
has_news(const log_cursor *c) {
    return c->last == NULL || has_unread(c) || log_cursor_ended(c);
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
log_cursor_has_next(log_cursor *c) {
    mutex_lock(&c->log->lock);
    const bool next = c->last != NULL && has_unread(c);
    mutex_unlock(&c->log->lock);
    return next;
}

bool
log_cursor_ended(const log_cursor *c) {
    return atomic_load_explicit(&c->log->ended, memory_order_acquire) != LOG_OPEN;
}

bool
log_cursor_at_end(log_cursor *c, log_end *how, error *reason) {
    const int32_t ended = atomic_load_explicit(&c->log->ended, memory_order_acquire);
    *how = (log_end)ended;
    if (ended == LOG_OPEN) {
        return false;
    }
    mutex_lock(&c->log->lock);
    const bool unread = has_unread(c);
    mutex_unlock(&c->log->lock);
    if (unread) {
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
    /* Announce first, read the word, then look again: an append between look and sleep changes the
     * word. */
    atomic_fetch_add_explicit(&log->sleepers, 1, memory_order_seq_cst);
    const uint32_t seen = atomic_load_explicit(&log->word, memory_order_seq_cst);
    mutex_lock(&log->lock);
    const bool ready = has_news(c);
    mutex_unlock(&log->lock);
    if (!ready && !atomic_load(stop)) {
        interrupted = futex_wait(&log->word, seen, timeout_us) == WAIT_INTERRUPTED;
    }
    atomic_fetch_sub_explicit(&log->sleepers, 1, memory_order_seq_cst);
    return interrupted;
}
