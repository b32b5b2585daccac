/* SPDX-License-Identifier: Apache-2.0 */
/* changelog.h - the changes of one stream, one entry per tick; subscriptions are cursors over it.
 *
 * Entries form a list by reference counts: each holds its successor, the log holds the newest, a
 * cursor holds the last one it has read. What every cursor has passed is freed by that alone. One
 * writer (the holder of the engine token), any number of readers on any threads. Nobody polls: a
 * reader sleeps on the log's futex word, which changes with each append and at the end, or arms a
 * watch and is told by its notifier. */
#ifndef LAMINAR_EXEC_CHANGELOG_H
#define LAMINAR_EXEC_CHANGELOG_H

#include "exec/notifier.h"
#include "exec/result.h"

typedef struct changelog changelog;

typedef struct log_entry log_entry;
struct log_entry {
    _Atomic int32_t      references;
    mem                 *mem;
    _Atomic(log_entry *) next;
    uint64_t             epoch; /* sequence of the last insert of its tick */
    int32_t              shown_count, gone_count;
    batch              **shown; /* what a delivery holds; with weights in EMIT CHANGES streams */
    batch              **gone;  /* last rows of keys that left; behind `shown` in memory */
    uint8_t             *ops;   /* change_op per row of shown, or NULL: see stream_want_ops */
    size_t               bytes; /* of this struct and its lists */
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
int32_t    changelog_readers(const changelog *c); /* with none, appending may be skipped */
/* Takes over the batch references, also when it fails. Makes the entry visible; readers wake when
 * changelog_wake is called. */
status changelog_append(changelog *c, uint64_t epoch, const log_changes *changes,
                        error *err) MUST_USE;
void   changelog_wake(changelog *c);
void   changelog_stir(changelog *c); /* wakes sleepers alone: a cancel concerns no watch */
/* No further entries. reason (copied) is given to readers after they have read what is there. */
void changelog_end(changelog *c, log_end how, const error *reason);

typedef struct log_cursor { /* one reader */
    changelog *log;
    log_entry *last; /* last entry read; retained */
} log_cursor;

status     log_cursor_open(log_cursor *out, changelog *c,
                           error *err) MUST_USE; /* starts after the newest entry */
void       log_cursor_close(log_cursor *c);
log_entry *log_cursor_next(
    log_cursor *c); /* borrowed until the next call; NULL: nothing there now */
bool log_cursor_ended(const log_cursor *c); /* no further entries, but maybe unread ones */
bool log_cursor_at_end(const log_cursor *c, log_end *how, error *reason);
/* Sleeps until something may have changed, *stop is set (its setter calls changelog_wake), or the
 * time is over (negative: no limit). True when a signal handler ran. Spurious returns happen: try
 * next again. */
/* Makes the notifier post `w` (idle, w->to set) as soon as there is something to read, which may be
 * at once. `w` must be disarmed before it or the cursor goes. */
void log_cursor_arm(log_cursor *c, watch *w);
void log_cursor_disarm(log_cursor *c, watch *w);
/* Posts w now, if it is armed. */
void log_cursor_fire(log_cursor *c, watch *w);
bool log_cursor_wait(log_cursor *c, const _Atomic bool *stop, int64_t timeout_us);

#endif
