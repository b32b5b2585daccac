/* SPDX-License-Identifier: Apache-2.0 */
/* changelog.c - a list of entries kept alive by its readers.
 *
 * Invariants: `newest` is never NULL (an empty entry opens the log); an entry's `next` is written
 * once, before which the new entry is complete (release store, acquire load); the log holds one
 * reference on `newest` (and on `oldest`, when it keeps entries), each entry one on its `next`,
 * each cursor one on its `last`. The log's own fields beside the word and the counts are guarded by
 * a mutex that is held for a few instructions only: entries are let go of after it, because giving
 * back borrowed columns may run the code of whoever lent them. */
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
    slab_pool       *pool;
    log_entry       *newest;
    log_entry       *oldest;        /* of what is kept; NULL before the first reader */
    int64_t          keep_bytes;    /* 0: nothing is kept for readers to come back to */
    _Atomic bool     keeps;         /* oldest != NULL */
    log_position     early;         /* no reader's `after` is further on; with the token */
    log_position     shown;         /* the last one that was appended or marked; with the token */
    log_entry       *passed;        /* let go of after the lock: the oldest entry of the log, */
    log_entry       *passed_merged; /* and entries outside of it, linked by `next` */
    error            reason;
};

status
changelog_open(changelog **out, mem *m, error *err) {
    changelog *c = mem_alloc_zero(m, sizeof(*c));
    if (c == NULL) {
        return error_memory(err);
    }
    c->mem = m;
    c->check_at = INT64_MAX;
    atomic_init(&c->references, 1);
    c->pool = slab_pool_open(m);
    status s = c->pool == NULL
                   ? error_memory(err)
                   : log_entry_make(&c->newest, NULL, m, (log_position){0}, &(log_changes){0}, err);
    s = s < 0 ? s : mutex_init(&c->lock, err);
    if (s < 0) {
        log_entry_release(c->newest);
        slab_pool_close(c->pool);
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
    log_entry_release(c->oldest);
    log_entry_release(c->newest);
    slab_pool_close(c->pool);
    mutex_fini(&c->lock);
    mem_free(c->mem, c, sizeof(*c));
}

slab_pool *
changelog_pool(changelog *c) {
    return c->pool;
}

int32_t
changelog_readers(const changelog *c) {
    return atomic_load_explicit(&c->readers, memory_order_acquire);
}

/* ---- what is kept */

/* With the lock: gives up a reference on an entry of the log. Entries are one chain, so of several
 * the oldest keeps the others alive until leave() lets go of it. */
static void
pass_entry(changelog *c, log_entry *e) {
    if (c->passed != NULL && c->passed->bytes_before_next > e->bytes_before_next) {
        log_entry *younger = c->passed;
        c->passed = e;
        e = younger;
    }
    if (c->passed == NULL) {
        c->passed = e;
    } else {
        log_entry_release(e);
    }
}

/* The same for an entry outside of the log, which has no successor. NULL is fine. */
static void
pass_merged(changelog *c, log_entry *e) {
    if (e != NULL) {
        atomic_store_explicit(&e->next, c->passed_merged, memory_order_relaxed);
        c->passed_merged = e;
    }
}

/* Unlocks, then lets go of what was passed. */
static void
leave(changelog *c) {
    log_entry *passed = c->passed;
    log_entry *merged = c->passed_merged;
    c->passed = NULL;
    c->passed_merged = NULL;
    mutex_unlock(&c->lock);
    log_entry_release(passed);
    log_entry_release(merged);
}

bool
changelog_keeps(const changelog *c) {
    return atomic_load_explicit(&c->keeps, memory_order_relaxed);
}

bool
changelog_is_wanted(const changelog *c) {
    return changelog_readers(c) > 0 || changelog_keeps(c);
}

/* With the lock. */
static void
forget_oldest(changelog *c) {
    const mem    *m = c->mem;
    const bool    scarce = atomic_load(&m->bytes_used) > m->bytes_limit / 2;
    const int64_t keep = scarce ? 0 : c->keep_bytes;
    while (c->newest->bytes_before_next - c->oldest->bytes_before_next > keep) {
        log_entry *old = c->oldest;
        c->oldest = log_entry_retain(atomic_load_explicit(&old->next, memory_order_acquire));
        pass_entry(c, old);
    }
}

/* With the lock, when a reader comes. */
static void
start_keeping(changelog *c) {
    if (c->oldest == NULL && c->keep_bytes > 0) {
        if (log_position_compare(c->newest->position, c->shown) < 0) {
            c->newest->position = c->shown; /* nothing happened in between: nobody read */
        }
        c->oldest = log_entry_retain(c->newest);
        atomic_store_explicit(&c->keeps, true, memory_order_relaxed);
    }
}

void
changelog_keep(changelog *c, int64_t bytes, bool from_now) {
    c->keep_bytes = bytes;
    if (from_now) {
        start_keeping(c); /* nobody else has the log yet */
    }
}

log_position
changelog_mark(changelog *c, uint64_t epoch) {
    if (epoch > c->shown.epoch) {
        c->shown = (log_position){epoch, 0};
    }
    return c->shown;
}

log_position
changelog_shown(const changelog *c) {
    return c->shown;
}

void
changelog_set_birth(changelog *c, log_position birth) {
    c->shown = birth;
    c->newest->position = birth;
}

/* ---- slow readers */
static int64_t
unread_bytes(const log_cursor *c) {
    return c->log->newest->bytes_before_next - c->last->bytes_before_next;
}

/* Moves a reader to `to`; what it passes is lost. */
static void
skip_to(log_cursor *c, log_entry *to) {
    log_entry *old = c->last;
    c->dropped += to->rows_before_next - old->rows_before_next;
    c->last = log_entry_retain(to);
    pass_entry(c->log, old);
}

static void
lose_all(log_cursor *c) {
    const int64_t before = c->dropped;
    if (c->merged != NULL) {
        c->dropped += c->merged->rows_before_next;
        pass_merged(c->log, c->merged);
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
    pass_merged(c->log, c->merged);
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

/* With the lock: those that want nothing up to here. */
static void
pass_early(changelog *c, const log_entry *before, log_entry *e) {
    for (log_cursor *r = c->cursors; r != NULL; r = r->next) {
        if (r->last == before && log_position_compare(e->position, r->after) <= 0) {
            r->last = log_entry_retain(e);
            pass_entry(c, (log_entry *)(uintptr_t)before);
        }
    }
}

/* ---- writing */
status
changelog_append(changelog *c, uint64_t epoch, const log_changes *changes, error *err) {
    log_entry         *e = NULL;
    const uint64_t     part = epoch > c->shown.epoch ? 0 : c->shown.part + 1;
    const log_position at = {epoch > c->shown.epoch ? epoch : c->shown.epoch, part};
    TRY(log_entry_make(&e, c->pool, c->mem, at, changes, err));
    mutex_lock(&c->lock);
    c->shown = at;
    log_entry *old = c->newest;
    e->bytes_before_next += old->bytes_before_next;
    e->rows_before_next += old->rows_before_next;
    atomic_store_explicit(&old->next, log_entry_retain(e), memory_order_release);
    c->newest = e;
    if (UNLIKELY(log_position_compare(at, c->early) <= 0)) {
        pass_early(c, old, e);
    }
    if (e->bytes_before_next > c->check_at) {
        check_readers(c);
    }
    if (c->oldest != NULL) {
        forget_oldest(c);
    }
    pass_entry(c, old);
    leave(c);
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
    if (c->oldest != NULL && how != LOG_FAILED) { /* nothing comes that it could lead to */
        pass_entry(c, c->oldest);
        c->oldest = NULL;
        c->keep_bytes = 0;
        atomic_store_explicit(&c->keeps, false, memory_order_relaxed);
    }
    leave(c);
    changelog_wake(c);
    wake_producers(c);
}

void
changelog_reopen(changelog *c) {
    mutex_lock(&c->lock);
    assert(atomic_load(&c->ended) == LOG_FAILED);
    atomic_store_explicit(&c->ended, LOG_OPEN, memory_order_release);
    leave(c);
}

void
changelog_abandon(changelog *c) {
    atomic_store_explicit(&c->abandoned, true, memory_order_release);
}

bool
changelog_is_abandoned(const changelog *c) {
    return atomic_load_explicit(&c->abandoned, memory_order_acquire);
}

/* ---- reading */
/* With the lock: takes its place after `last`, which is retained. */
static void
join_readers(log_cursor *c, changelog *log, log_entry *last) {
    c->last = last;
    c->next = log->cursors;
    if (c->next != NULL) {
        c->next->previous = c;
    }
    log->cursors = c;
    log->check_at = min_i64(log->check_at, sat_add_i64(last->bytes_before_next, c->rule.bytes_max));
    atomic_fetch_add_explicit(&log->readers, 1, memory_order_acq_rel);
}

status
log_cursor_open(log_cursor *c, changelog *log, const lag_rule *rule, error *err) {
    (void)err;
    *c = (log_cursor){.log = changelog_retain(log), .rule = *rule};
    mutex_lock(&log->lock);
    start_keeping(log);
    join_readers(c, log, log_entry_retain(log->newest));
    mutex_unlock(&log->lock);
    return OK;
}

void
log_cursor_open_ahead(log_cursor *c, changelog *log, const lag_rule *rule, log_position after) {
    *c = (log_cursor){.log = changelog_retain(log), .rule = *rule, .after = after};
    log->early = log_position_compare(after, log->early) > 0 ? after : log->early;
    mutex_lock(&log->lock);
    start_keeping(log);
    join_readers(c, log, log_entry_retain(log->newest));
    mutex_unlock(&log->lock);
}

/* The oldest entry that anybody holds, retained. */
static log_entry *
oldest_held(changelog *log) {
    mutex_lock(&log->lock);
    start_keeping(log);
    log_entry *oldest = log->oldest == NULL ? log->newest : log->oldest;
    for (const log_cursor *r = log->cursors; r != NULL; r = r->next) {
        if (r->last->bytes_before_next < oldest->bytes_before_next) {
            oldest = r->last;
        }
    }
    log_entry_retain(oldest);
    mutex_unlock(&log->lock);
    return oldest;
}

static status
refuse_position(const changelog *log, log_position from, const log_entry *oldest, error *err) {
    if (log_position_compare(from, log->shown) > 0) {
        error_set(err, ERR_SUBSCRIPTION_FAILED,
                  "position (%llu, %llu) lies ahead: the stream is at (%llu, %llu)",
                  (unsigned long long)from.epoch, (unsigned long long)from.part,
                  (unsigned long long)log->shown.epoch, (unsigned long long)log->shown.part);
        error_hint(err, "positions are of one database, from its opening to its close");
        return ERR_SUBSCRIPTION_FAILED;
    }
    error_set(err, ERR_SUBSCRIPTION_LAGGED,
              "position (%llu, %llu) is older than what the change log keeps: its oldest is "
              "(%llu, %llu)",
              (unsigned long long)from.epoch, (unsigned long long)from.part,
              (unsigned long long)oldest->position.epoch,
              (unsigned long long)oldest->position.part);
    error_hint(err, "start anew with snapshot=True");
    return ERR_SUBSCRIPTION_LAGGED;
}

status
log_cursor_resume(log_cursor *c, changelog *log, const lag_rule *rule, log_position from,
                  error *err) {
    log_entry *at = oldest_held(log);
    if (log_position_compare(from, log->shown) > 0 ||
        log_position_compare(from, at->position) < 0) {
        const status refused = refuse_position(log, from, at, err);
        log_entry_release(at);
        return refused;
    }
    for (;;) { /* without the lock: nothing is appended while we have the token */
        log_entry *next = atomic_load_explicit(&at->next, memory_order_acquire);
        if (next == NULL || log_position_compare(next->position, from) > 0) {
            break;
        }
        log_entry_retain(next);
        log_entry_release(at);
        at = next;
    }
    *c = (log_cursor){.log = changelog_retain(log), .rule = *rule};
    mutex_lock(&log->lock);
    join_readers(c, log, at);
    if (unread_bytes(c) > rule->bytes_max) { /* what lies behind `from` is more than it may have */
        check_readers(log);
    }
    leave(log);
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
    c->last = log_entry_retain(next);
    if (c->full && unread_bytes(c) <= c->rule.bytes_max) {
        make_room(c);
    }
    return log_entry_retain(next);
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

int64_t
log_cursor_lag_rows(log_cursor *c) {
    mutex_lock(&c->log->lock);
    const int64_t rows =
        c->last == NULL ? 0 : c->log->newest->rows_before_next - c->last->rows_before_next;
    mutex_unlock(&c->log->lock);
    return rows;
}

void
log_cursor_unblock(log_cursor *c) {
    mutex_lock(&c->log->lock);
    if (c->rule.policy == LAG_BLOCK) {
        c->rule.policy = LAG_ERROR;
        c->log->check_at = 0; /* what is unread may be too much for it */
        if (c->full) {
            make_room(c);
        }
    }
    mutex_unlock(&c->log->lock);
}

void
log_cursor_block(log_cursor *c) {
    mutex_lock(&c->log->lock);
    c->rule.policy = LAG_BLOCK;
    c->log->check_at = 0;
    mutex_unlock(&c->log->lock);
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
