/* SPDX-License-Identifier: Apache-2.0 */
/* changelog.h - the changes of one stream, one entry per tick; subscriptions are cursors over it.
 *
 * Entries form a list by reference counts: each holds its successor, the log holds the newest, a
 * cursor holds the last one it has read. What every cursor has passed is freed by that alone,
 * except that a log may keep some of it for readers that come back (changelog_keep). One writer
 * (the holder of the engine token), any number of readers on any threads. Nobody polls: a reader
 * sleeps on the log's futex word, which changes with each append and at the end, or arms a
 * watch and is told by its notifier. */
#ifndef LAMINAR_EXEC_CHANGELOG_H
#define LAMINAR_EXEC_CHANGELOG_H

#include "base/slab.h"
#include "exec/notifier.h"
#include "exec/result.h"
#include "os/thread.h"

typedef struct changelog changelog;

/* Where a reader stands: epoch is the newest insert that it has seen, part counts what was
 * published or handed out at the same epoch (a clock ticks without an insert). */
typedef struct log_position {
    uint64_t epoch, part;
} log_position;

/* < 0: a comes before b; 0: the same. */
int log_position_compare(log_position a, log_position b);

typedef struct log_entry log_entry;
struct log_entry {
    _Atomic int32_t      references;
    mem                 *mem; /* NULL: it lies in a log's pool */
    _Atomic(log_entry *) next;
    log_position         position; /* epoch: sequence of the last insert of its tick */
    int32_t              shown_count, gone_count;
    batch              **shown; /* what a delivery holds; with weights in EMIT CHANGES streams */
    batch              **gone;  /* last rows of keys that left; behind `shown` in memory */
    uint8_t             *ops;   /* change_op per row of shown, or NULL: see stream_want_ops */
    size_t               bytes; /* of this struct and its lists */
    /* Of the log up to here: what a reader lags behind is a difference of two. */
    int64_t bytes_before_next, rows_before_next;
};

/* What one tick changed. Lists of batch pointers and bytes, copied by changelog_append. */
typedef struct log_changes {
    batch  **shown, **gone;
    int32_t  shown_count, gone_count;
    uint8_t *ops; /* one per row of shown; NULL: none */
    size_t   op_count;
} log_changes;

typedef enum log_end { LOG_OPEN, LOG_FINISHED, LOG_FAILED } log_end;

status     changelog_open(changelog **out, mem *m, error *err) MUST_USE;
changelog *changelog_retain(changelog *c);
void       changelog_release(changelog *c);
int32_t    changelog_readers(const changelog *c);
/* With the token: where entries and their batches lie, so that what readers let go of serves the
 * next. */
slab_pool *changelog_pool(changelog *c);
/* From its first reader on, the log keeps what was appended last, about `bytes` of it (less when
 * memory gets short), for log_cursor_resume; from_now: without a reader, too. To be said before
 * there is one. */
void changelog_keep(changelog *c, int64_t bytes, bool from_now);
bool changelog_keeps(const changelog *c);
/* False: nobody reads and nothing is kept, appending may be skipped. */
bool changelog_is_wanted(const changelog *c);
/* With the token: the position of what is shown now, `epoch` being the newest insert. Whatever is
 * appended later comes after it. */
log_position changelog_mark(changelog *c, uint64_t epoch);
log_position changelog_shown(const changelog *c); /* with the token: of the newest entry */
/* With the token, for a log without entries: all positions come after this one. */
void changelog_set_birth(changelog *c, log_position birth);
/* Takes over the batch references, also when it fails. Makes the entry visible; readers wake when
 * changelog_wake is called. */
status changelog_append(changelog *c, uint64_t epoch, const log_changes *changes,
                        error *err) MUST_USE;
void   changelog_wake(changelog *c);
void   changelog_stir(changelog *c); /* wakes sleepers alone: a cancel concerns no watch */
/* No further entries. reason (copied) is given to readers after they have read what is there. */
void changelog_end(changelog *c, log_end how, const error *reason);
/* With the token: a log that ended as LOG_FAILED goes on. */
void changelog_reopen(changelog *c);

/* From any thread: an anonymous stream has no reader any more, or nothing to read; engine_reap
 * closes it. */
void changelog_abandon(changelog *c);
bool changelog_is_abandoned(const changelog *c);

typedef enum lag_policy { LAG_ERROR, LAG_DROP_OLDEST, LAG_CONFLATE, LAG_BLOCK } lag_policy;

typedef struct lag_rule {
    int64_t    bytes_max; /* what a reader may have unread */
    lag_policy policy;
    /* For LAG_CONFLATE; alive as long as the cursor. */
    const schema  *shape;
    const int32_t *key_columns;
    int32_t        key_count;
} lag_rule;

typedef struct log_cursor log_cursor;
struct log_cursor { /* one reader; lies still while it is open */
    changelog  *log;
    log_cursor *next, *previous; /* of the log's */
    lag_rule    rule;
    /* With the log's lock: */
    log_entry   *last;    /* last entry read; retained. NULL: it has quit */
    log_position after;   /* what comes up to it is passed, unread */
    log_entry   *merged;  /* LAG_CONFLATE: what comes before the entries after `last`; owned */
    int64_t      missed;  /* rows lost and not yet reported */
    int64_t      dropped; /* rows lost ever */
    bool         full;    /* LAG_BLOCK: beyond its limit, producers wait */
};

/* Starts after the newest entry. */
status log_cursor_open(log_cursor *c, changelog *log, const lag_rule *rule, error *err) MUST_USE;
/* Starts after the newest entry, and passes what is appended up to `after`: the log of a stream
 * that is behind, which will come to inserts from before there was this reader. */
void log_cursor_open_ahead(log_cursor *c, changelog *log, const lag_rule *rule, log_position after);
/* Starts after `from`, a position that a reader was given, with the token and after changelog_mark.
 * Code 503 when the log does not reach back to it, 500 when it has not come yet. */
status log_cursor_resume(log_cursor *c, changelog *log, const lag_rule *rule, log_position from,
                         error *err) MUST_USE;
void   log_cursor_close(log_cursor *c);
/* Lets go of everything unread, for ever; from any thread. Producers that wait go on. */
void log_cursor_quit(log_cursor *c);
/* The next entry, to be given back with log_entry_release; NULL: nothing there now, or *missed rows
 * were lost before what comes next (told once; missed NULL: left to be told). */
log_entry *log_cursor_next(log_cursor *c, int64_t *missed);
void       log_entry_release(log_entry *e);
int64_t    log_cursor_lag(log_cursor *c, int64_t *dropped); /* bytes that are unread */
int64_t    log_cursor_lag_rows(log_cursor *c);
void       log_cursor_unblock(log_cursor *c); /* LAG_BLOCK becomes LAG_ERROR; from any thread */
void       log_cursor_block(log_cursor *c);   /* and LAG_BLOCK again */
bool       log_cursor_has_next(log_cursor *c);
bool       log_cursor_ended(const log_cursor *c); /* no further entries, but maybe unread ones */
/* Nothing is unread and nothing will come. */
bool log_cursor_at_end(log_cursor *c, log_end *how, error *reason);
/* Sleeps until something may have changed, *stop is set (its setter calls changelog_stir), or the
 * time is over (negative: no limit). True when a signal handler ran. Spurious returns happen: try
 * next again. */
bool log_cursor_wait(log_cursor *c, const _Atomic bool *stop, int64_t timeout_us);
/* Some reader with LAG_BLOCK is beyond its limit. */
bool changelog_is_full(const changelog *c);
/* Sleeps until that may have ended. */
wait_result changelog_wait_for_room(changelog *c, int64_t timeout_us);

/* ---- conflate.c: the last state of every key in `first` and the entries after it as one entry
 * outside of any log. */
status log_conflate(log_entry **out, mem *m, log_entry *merged, log_entry *first,
                    const lag_rule *rule, error *err) MUST_USE;

/* ---- log_entry.c */
/* In the pool, or (pool NULL) outside of any log. Takes over the batches, also when it fails. */
status     log_entry_make(log_entry **out, slab_pool *pool, mem *m, log_position at,
                          const log_changes *changes, error *err) MUST_USE;
log_entry *log_entry_retain(log_entry *e);

/* Makes the notifier post `w` (idle, w->to set) as soon as there is something to read, which may be
 * at once. `w` must be disarmed before it or the cursor goes. */
void log_cursor_arm(log_cursor *c, watch *w);
void log_cursor_disarm(log_cursor *c, watch *w);
/* Posts w now, if it is armed. */
void log_cursor_fire(log_cursor *c, watch *w);

#endif
