/* SPDX-License-Identifier: Apache-2.0 */
/* error_log.c - see error_log.h. */
#include "exec/error_log.h"

status
error_log_init(error_log *l, mem *m, error *err) {
    *l = (error_log){.mem = m};
    TRY(mutex_init(&l->lock, err));
    mutex_set_level(&l->lock, LEVEL_LEAF);
    return OK;
}

void
error_log_fini(error_log *l) {
    mem_free(l->mem, l->ring, sizeof(logged_error) * (l->ring == NULL ? 0 : ERRORS_KEPT));
    mutex_fini(&l->lock);
}

void
error_log_add(error_log *l, int64_t now_us, const char *kind, text name, int32_t code,
              const char *message) {
    mutex_lock(&l->lock);
    if (l->ring == NULL) {
        l->ring = mem_alloc_zero(l->mem, sizeof(logged_error) * ERRORS_KEPT);
    }
    if (l->ring != NULL) {
        logged_error *e = &l->ring[l->count++ % ERRORS_KEPT];
        *e = (logged_error){.time_us = now_us, .code = code};
        text_cut(e->kind, sizeof(e->kind), text_of(kind));
        text_cut(e->object, sizeof(e->object), name);
        text_cut(e->message, sizeof(e->message), text_of(message));
    }
    mutex_unlock(&l->lock);
}

int32_t
error_log_read(error_log *l, logged_error *out) {
    mutex_lock(&l->lock);
    const int32_t count = (int32_t)min_i64(l->count, ERRORS_KEPT);
    for (int32_t i = 0; i < count; i++) {
        out[i] = l->ring[(l->count - count + i) % ERRORS_KEPT];
    }
    mutex_unlock(&l->lock);
    return count;
}
