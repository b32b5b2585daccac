/* SPDX-License-Identifier: Apache-2.0 */
/* keeping.c - looking after databases that are kept: verify (D20), backup while running (D21) and
 * salvage (D14). All three read the files as they are on disk and change none of them. */
#include "base/work.h"
#include "db/durable_internal.h"
#include "kernel/kernel.h"

/* With all that was acknowledged on disk, and no checkpoint under way until the caller unlocks
 * `making`. */
static status
begin_reading(laminar_database *db, error *err) {
    durable *d = db->durable;
    TRY(db_flush(db, err));
    if (d == NULL || !db->kept) {
        (void)error_set(err, ERR_CHECKPOINT_DISABLED, "the database is in memory: it has no files");
        return error_hint(err, "open it with a path");
    }
    TRY(durable_is_off(d) ? checkpoint_make(db, CHECKPOINT_ASKED, NULL, err) : OK);
    mutex_lock(&d->checkpoints.making); /* until it is given back, the log stays open */
    status s = db_enter(db, err);
    if (s == OK) {
        db_leave(db);
        s = wal_commit(d->log, wal_last(d->log), WAL_DURABLE, err);
    }
    if (s < 0) {
        mutex_unlock(&d->checkpoints.making);
    }
    return s;
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
    TRY(begin_reading(db, err));
    durable           *d = db->durable;
    const checkpoints *all = &d->checkpoints;
    status             s = OK;
    for (int32_t i = 0; i < all->count; i++) {
        work_expect(manifest_bytes(&all->list[i]));
    }
    for (int32_t i = 0; s == OK && i < all->count; i++) {
        s = manifest_check(&all->list[i], db->mem, d->fs, d->directory, err);
        out->checkpoints += s == OK;
    }
    const int64_t after = all->count == 0 ? 0 : all->list[0].after;
    int64_t       last = 0;
    s = s < 0 ? s
              : wal_scan(db->mem, d->fs, d->directory, after, wal_durable(d->log), count_bytes,
                         &out->bytes, &last, err);
    out->records = s < 0 ? 0 : max_i64(0, last - after);
    mutex_unlock(&d->checkpoints.making);
    return s;
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
copy_all(durable *d, const char *directory, error *err) {
    const checkpoints *all = &d->checkpoints;
    const manifest    *newest = all->count == 0 ? NULL : &all->list[all->count - 1];
    mem               *m = d->db->mem;
    int64_t            last;
    TRY(begin_directory(d->fs, directory, err));
    TRY(wal_copy(m, d->fs, d->directory, directory, newest == NULL ? 0 : newest->after,
                 wal_durable(d->log), &last, NULL, err));
    return newest == NULL ? OK : manifest_export(newest, m, d->fs, d->directory, directory, err);
}

static status
backup(laminar_database *db, const char *directory, error *err) {
    TRY(begin_reading(db, err));
    const status s = copy_all(db->durable, directory, err);
    mutex_unlock(&db->durable->checkpoints.making);
    return s;
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

/* ---- how far */
_Static_assert(sizeof(laminar_work) == sizeof(work_count), "the one holds the other");
_Static_assert(_Alignof(laminar_work) == _Alignof(work_count), "the one holds the other");

void
laminar_work_begin(laminar_work *work) {
    work_begin((work_count *)(void *)work);
}

void
laminar_work_end(void) {
    work_end();
}

void
laminar_work_look(const laminar_work *work, int64_t *done, int64_t *total) {
    const progress *p = &((const work_count *)(const void *)work)->seen;
    *total = atomic_load_explicit(&p->total, memory_order_relaxed);
    *done = min_i64(atomic_load_explicit(&p->done, memory_order_relaxed), *total);
}

/* The newest checkpoint that is sound; -1: none is. */
static int32_t
find_sound(const manifest *list, int32_t count, mem *m, const char *path) {
    error ignored;
    for (int32_t i = count - 1; i >= 0; i--) {
        if (manifest_check(&list[i], m, vfs_real(), path, &ignored) == OK) {
            return i;
        }
    }
    return -1;
}

typedef struct floor_search {
    int64_t id;  /* of the checkpoint that the log is to be run behind */
    int64_t end; /* the last record that can be */
    int64_t needed;
} floor_search;

static status
find_floor(void *context, int64_t sequence, text record, error *err) {
    floor_search *f = context;
    const int64_t floor = durable_floor_of(record);
    (void)err;
    if (floor > f->id && f->needed == 0) {
        f->needed = floor;
        f->end = sequence - 1;
    }
    return OK;
}

/* What comes behind a state that cannot be read is no continuation of an older one. */
static int64_t
usable_end(mem *m, vfs *fs, const char *path, int64_t after, int64_t id, error *why) {
    error        ignored;
    int64_t      last = 0;
    floor_search f = {.id = id, .end = INT64_MAX};
    const status s = wal_scan(m, fs, path, after, INT64_MAX, find_floor, &f, &last, &ignored);
    if (s < 0 && f.needed == 0) {
        return INT64_MAX; /* copying tells why */
    }
    if (f.needed > 0) {
        (void)error_set(why, ERR_CORRUPTION,
                        "the log goes on from checkpoint %lld, which cannot be read",
                        (long long)f.needed);
    }
    return f.end;
}

static status
salvage(mem *m, const char *path, const char *into, laminar_salvaged *out, error *err) {
    vfs      *fs = vfs_real();
    error     why = {0};
    manifest *list = NULL;
    int32_t   count = 0;
    int64_t   last = 0;
    TRY(manifests_read(&list, &count, NULL, m, fs, path, err));
    const int32_t sound = find_sound(list, count, m, path);
    const int64_t after = sound < 0 ? 0 : list[sound].after;
    error         floor = {0};
    const int64_t end = usable_end(m, fs, path, after, sound < 0 ? 0 : list[sound].id, &floor);
    status        s = begin_directory(fs, into, err);
    s = s < 0 ? s : wal_copy(m, fs, path, into, after, end, &last, &why, err);
    why = why.message[0] == '\0' ? floor : why;
    s = s < 0 || sound < 0 ? s : manifest_export(&list[sound], m, fs, path, into, err);
    out->records = max_i64(0, last - after);
    out->checkpoint_id = sound < 0 ? 0 : list[sound].id;
    out->is_whole = why.message[0] == '\0';
    text_cut(out->reason, sizeof(out->reason), text_of(why.message));
    manifests_free(list, count, m);
    return s;
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
