/* SPDX-License-Identifier: Apache-2.0 */
/* notifier.h - tells an event loop which of many readers have something to read, by one file
 * descriptor.
 *
 * A reader arms its `watch` once per wait. It then hangs in its log; what wakes the log moves it to
 * the notifier's ready list and makes the descriptor readable, once for all that become ready
 * before the loop looks. Locks: a log's lock, then a notifier's. A watch changes its list with the
 * locks of both. */
#ifndef LAMINAR_EXEC_NOTIFIER_H
#define LAMINAR_EXEC_NOTIFIER_H

#include "base/error.h"
#include "base/mem.h"

typedef struct notifier notifier;

typedef enum watch_place { WATCH_IDLE, WATCH_ARMED, WATCH_READY } watch_place;

typedef struct watch watch;
struct watch { /* zeroed: idle */
    watch          *next, *previous;
    notifier       *to; /* retained; NULL before the first arming */
    uint64_t        tag;
    _Atomic int32_t place; /* watch_place */
};

typedef struct watch_list {
    watch *first, *last;
} watch_list;

void watch_list_add(watch_list *l, watch *w);
void watch_list_remove(watch_list *l, watch *w);

status    notifier_open(notifier **out, mem *m, error *err) MUST_USE;
notifier *notifier_retain(notifier *n);
void      notifier_release(notifier *n);
int       notifier_fd(const notifier *n);
/* Puts an idle watch on the ready list of w->to. */
void notifier_post(watch *w);
/* Takes w off the ready list, if it is on it. */
void notifier_withdraw(watch *w);
/* At most `capacity` tags, oldest first. The descriptor stays readable while some are left. */
int32_t notifier_take(notifier *n, uint64_t *tags, int32_t capacity);

#endif
