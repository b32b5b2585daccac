/* SPDX-License-Identifier: Apache-2.0 */
/* wal_copy.c - a log's records as another log: for backups of one that is in use, and for what can
 * still be read of one that is damaged. */
#include "store/wal_internal.h"

enum { PIECE = 4 << 20, SEGMENT = 16 << 20 };

typedef struct copying {
    wal    *to;
    int64_t bytes;  /* appended, not written */
    status  failed; /* of the new log, not the old one */
} copying;

static status
take_record(void *context, int64_t sequence, text record, error *err) {
    copying *c = context;
    int64_t  made;
    (void)sequence;
    c->failed = wal_append(c->to, record, (text){NULL, 0}, &made, err);
    c->bytes += (int64_t)record.size;
    if (c->failed == OK && c->bytes >= PIECE) {
        c->failed = wal_commit(c->to, made, WAL_WRITTEN, err);
        c->bytes = 0;
    }
    return c->failed;
}

static status
take_none(void *context, int64_t sequence, text record, error *err) {
    (void)context;
    (void)record;
    return error_set(err, ERR_CONNECTION_FAILED,
                     "the directory has a database already, with record %lld: give another one",
                     (long long)sequence);
}

status
wal_copy(mem *m, vfs *fs, const char *directory, const char *into, int64_t after, int64_t upto,
         int64_t *last, error *why, error *err) {
    copying c = {0};
    error   e = {0};
    TRY(wal_open(&c.to, m, fs, into, SEGMENT, 0, take_none, NULL, err));
    status s = wal_scan(m, fs, directory, after, upto, take_record, &c, last, &e);
    if (s == ERR_CORRUPTION && c.failed == OK && why != NULL) {
        *why = e;
        s = OK;
    } else if (s < 0 && err != NULL) {
        *err = e;
    }
    const status closed = wal_close(c.to, s < 0 ? NULL : err);
    return s < 0 ? s : closed;
}
