/* SPDX-License-Identifier: Apache-2.0 */
/* keeping.c - looking after databases that are kept: verify (D20), backup while running (D21) and
 * salvage (D14). All three read the files as they are on disk and change none of them. */
#include "db/durable.h"
#include "kernel/kernel.h"
#include "store/wal.h"

/* The log of an open database, with all that was acknowledged on disk. */
static status
settled_log(laminar_database *db, wal **out, error *err) {
    TRY(db_flush(db, err));
    TRY(db_enter(db, err));
    wal *log = db->durable == NULL ? NULL : durable_log(db->durable);
    db_leave(db);
    if (log == NULL) {
        (void)error_set(err, ERR_CHECKPOINT_DISABLED, "the database is in memory: it has no files");
        return error_hint(err, "open it with a path");
    }
    *out = log;
    return wal_commit(log, wal_last(log), WAL_DURABLE, err);
}

static status
count_bytes(void *context, int64_t sequence, text record, error *err) {
    int64_t *bytes = context;
    (void)sequence;
    (void)err;
    *bytes += (int64_t)record.size;
    return OK;
}

static status
verify(laminar_database *db, laminar_verified *out, error *err) {
    wal *log = NULL;
    TRY(settled_log(db, &log, err));
    return wal_scan(db->mem, durable_files(db->durable), wal_directory(log), 0, wal_durable(log),
                    count_bytes, &out->bytes, &out->records, err);
}

laminar_status
laminar_database_verify(laminar_database *db, laminar_verified *out, laminar_error *err) {
    error            e = {0};
    laminar_verified found = {.size = sizeof(found)};
    const status     s = verify(db, &found, &e);
    if (out != NULL) {
        memcpy(out, &found, out->size < sizeof(found) ? out->size : sizeof(found));
    }
    return report(err, &e, s, TEXT(""));
}

/* A new directory, which is to hold a log alone. */
static status
begin_directory(vfs *fs, const char *directory, error *err) {
    TRY(fs->make_directory(fs, directory, err));
    return fs->sync_directory(fs, directory, err);
}

static status
as_opening(status s, error *err) {
    return s == ERR_CONNECTOR_FAILED ? (err->status = ERR_CONNECTION_FAILED) : s;
}

static status
backup(laminar_database *db, const char *directory, error *err) {
    wal    *log = NULL;
    int64_t last;
    TRY(settled_log(db, &log, err));
    vfs *fs = durable_files(db->durable);
    TRY(begin_directory(fs, directory, err));
    return wal_copy(db->mem, fs, wal_directory(log), directory, wal_durable(log), &last, NULL, err);
}

laminar_status
laminar_database_backup(laminar_database *db, const char *directory, laminar_error *err) {
    error e = {0};
    if (directory == NULL || directory[0] == '\0') {
        return report(err, &e, error_set(&e, ERR_INVALID_ARGUMENT, "directory: a path is needed"),
                      TEXT(""));
    }
    return report(err, &e, as_opening(backup(db, directory, &e), &e), TEXT(""));
}

static status
salvage(mem *m, const char *path, const char *into, laminar_salvaged *out, error *err) {
    vfs  *fs = vfs_real();
    error why = {0};
    TRY(begin_directory(fs, into, err));
    TRY(wal_copy(m, fs, path, into, INT64_MAX, &out->records, &why, err));
    out->is_whole = why.message[0] == '\0';
    text_cut(out->reason, sizeof(out->reason), text_of(why.message));
    return OK;
}

laminar_status
laminar_salvage(const char *path, const char *into, laminar_salvaged *out, laminar_error *err) {
    error            e = {0};
    laminar_salvaged found = {.size = sizeof(found)};
    if (path == NULL || into == NULL || path[0] == '\0' || into[0] == '\0') {
        return report(err, &e, error_set(&e, ERR_INVALID_ARGUMENT, "two paths are needed"),
                      TEXT(""));
    }
    kernel_init();
    mem *m = mem_open_shared(INT64_MAX);
    if (m == NULL) {
        return report(err, &e, error_memory(&e), TEXT(""));
    }
    const status s = as_opening(salvage(m, path, into, &found, &e), &e);
    mem_close_shared(m);
    if (out != NULL) {
        memcpy(out, &found, out->size < sizeof(found) ? out->size : sizeof(found));
    }
    return report(err, &e, s, TEXT(""));
}
