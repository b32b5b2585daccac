/* SPDX-License-Identifier: Apache-2.0 */
/* event_loop.c - the notifier as the caller knows it: one descriptor for any number of
 * subscriptions. */
#include "db/internal.h"

laminar_status
laminar_notifier_open(laminar_notifier **out, laminar_error *err) {
    error  e = {0};
    mem   *m = mem_open_shared(INT64_MAX);
    status s = m == NULL ? error_memory(&e) : notifier_open((notifier **)out, m, &e);
    if (s < 0 && m != NULL) {
        mem_close_shared(m);
    }
    return report(err, &e, s, TEXT(""));
}

int
laminar_notifier_fd(const laminar_notifier *n) {
    return notifier_fd((const notifier *)n);
}

int32_t
laminar_notifier_take(laminar_notifier *n, uint64_t *tags, int32_t capacity) {
    return notifier_take((notifier *)n, tags, capacity);
}

void
laminar_notifier_close(laminar_notifier *n) {
    notifier_release((notifier *)n);
}
