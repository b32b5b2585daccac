/* SPDX-License-Identifier: Apache-2.0 */
/* event.c - eventfd(2) behind event.h. */
#include "os/event.h"

#include <sys/eventfd.h>
#include <unistd.h>

status
event_open(event *e, error *err) {
    e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->fd < 0) {
        return error_set(err, ERR_SUBSCRIPTION_FAILED,
                         "cannot make an event descriptor: %m; more files may be open than the "
                         "process is allowed (ulimit -n)");
    }
    return OK;
}

void
event_close(event *e) {
    (void)close(e->fd);
    e->fd = -1;
}

void
event_set(const event *e) {
    (void)eventfd_write(e->fd, 1);
}

void
event_clear(const event *e) {
    eventfd_t count;
    (void)eventfd_read(e->fd, &count);
}
