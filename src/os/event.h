/* SPDX-License-Identifier: Apache-2.0 */
/* event.h - a flag that event loops can wait for: readable while it is set. */
#ifndef LAMINAR_OS_EVENT_H
#define LAMINAR_OS_EVENT_H

#include "base/error.h"

typedef struct event {
    int fd; /* for poll, epoll, asyncio: wait until it is readable, never read it */
} event;

status event_open(event *e, error *err) MUST_USE;
void   event_close(event *e);
void   event_set(const event *e); /* never blocks; also fine when it is set */
void   event_clear(const event *e);

#endif
