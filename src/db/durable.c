/* SPDX-License-Identifier: Apache-2.0 */
/* durable.c - records of the log, written as things happen; durable_replay.c runs them again. See
 * durable.h.
 *
 * A record is items one after another, each a byte that says what it is and its fields
 * (base/image.h). */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/work.h"
#include "batch/batch_image.h"
#include "db/durable_internal.h"
#include "db/going.h"
#include "db/parameters.h"
#include "db/settings.h"
#include "db/sink.h"

#define ASYNC_US 100000

static durable *
of(journal *j) {
    return (durable *)j;
}

static void
put_byte(durable *d, int32_t byte) {
    (void)buf_append_char(&d->record, (char)byte);
}

static int64_t
now_us(durable *d) {
    return clock_now_us(&d->db->clock.base);
}

/* ---- settings */

static binding
binding_of(const laminar_database *db) {
    return (binding){.division = db_setting(db, SETTING_INTEGER_DIVISION),
                     .nulls = db_setting(db, SETTING_DEFAULT_NULL_ORDER),
                     .skew = db_setting(db, SETTING_MAX_FUTURE_SKEW),
                     .zone = setting_value(db, SETTING_TIMEZONE).s,
                     .retain = setting_value(db, SETTING_RETAIN).s};
}

static void
put_binding(buf *out, const binding *b) {
    (void)buf_append_char(out, ITEM_SETTINGS);
    image_put_i64(out, b->division);
    image_put_i64(out, b->nulls);
    image_put_i64(out, b->skew);
    image_put_text(out, b->zone);
    image_put_text(out, b->retain);
}

/* An item when they are not those of the last one. */
static void
put_settings(durable *d) {
    const binding now = binding_of(d->db);
    const binding said = d->said;
    if (d->has_said && now.division == said.division && now.nulls == said.nulls &&
        now.skew == said.skew && text_equal(now.zone, said.zone) &&
        text_equal(now.retain, said.retain)) {
        return;
    }
    put_binding(&d->record, &now);
    (void)snprintf(d->said_zone, sizeof(d->said_zone), "%.*s", TEXT_ARG(now.zone));
    (void)snprintf(d->said_retain, sizeof(d->said_retain), "%.*s", TEXT_ARG(now.retain));
    d->said = now;
    d->said.zone = text_of(d->said_zone);
    d->said.retain = text_of(d->said_retain);
    d->has_said = true;
}

/* ---- the journal */

bool
durable_is_off(const durable *d) {
    return d->unlogged || db_setting(d->db, SETTING_DURABILITY) == LAMINAR_DURABILITY_OFF;
}

static void
begin(journal *j, bool is_transaction) {
    static const char room[WAL_ROOM];
    durable          *d = of(j);
    buf_clear(&d->record);
    d->unlogged = durable_is_off(d);
    if (d->unlogged) {
        return;
    }
    (void)buf_append(&d->record, room, WAL_ROOM);
    if (d->said_floor != d->checkpoints.floor) { /* first, for durable_floor_of */
        put_byte(d, ITEM_FLOOR);
        image_put_i64(&d->record, d->checkpoints.floor);
        d->said_floor = d->checkpoints.floor;
    }
    put_settings(d);
    put_byte(d, ITEM_RANDOM);
    image_put_i64(&d->record, (int64_t)atomic_load(&d->db->random.state));
    if (is_transaction) {
        put_byte(d, ITEM_GROUP);
    }
}

static void
change(journal *j, const journal_change *c) {
    durable *d = of(j);
    if (d->unlogged) {
        return;
    }
    put_byte(d, c->moves_watermark ? ITEM_WATERMARK : ITEM_CHANGE);
    image_put_text(&d->record, c->object->name);
    image_put_i64(&d->record, c->ingested_us);
    if (c->moves_watermark) {
        image_put_i64(&d->record, c->watermark_us);
        return;
    }
    image_put_i64(&d->record, c->dead_count);
    if (c->dead_count > 0) {
        (void)buf_append(&d->record, c->dead, sizeof(int64_t) * (size_t)c->dead_count);
    }
    put_byte(d, c->rows != NULL);
    if (c->rows != NULL) {
        batch_image_put_narrow(&d->record, c->rows);
    }
}

static status
append(durable *d, error *err) {
    enum { KEPT = 8 << 20 };
    mem *m = d->db->mem;
    if (d->broken) {
        if (err != NULL) {
            *err = d->fault;
        }
        return d->fault.status;
    }
    if (d->unlogged) {
        return OK;
    }
    if (d->record.failed) {
        buf_fini(&d->record);
        buf_init(&d->record, m, SIZE_MAX / 2);
        d->has_said = false;
        d->said_floor = 0;
        return error_memory(err);
    }
    const status s = wal_append_whole(d->log, &d->record, &d->last, err);
    d->has_said = d->has_said && s == OK;
    d->said_floor = s == OK ? d->said_floor : 0;
    if (d->record.capacity > KEPT) {
        buf_fini(&d->record);
        buf_init(&d->record, m, SIZE_MAX / 2);
    }
    return s;
}

/* What the disk said, as the failure of what it was wanted for. */
static status
failed_as(status wanted, status s, error *err) {
    if (s != ERR_CONNECTOR_FAILED) {
        return s;
    }
    if (err != NULL) {
        err->status = wanted;
        if (err->hint[0] == '\0') {
            (void)error_hint(err, "nothing of it was kept: make room on the disk and try again");
        }
    }
    return wanted;
}

static void *
run_syncer(void *context) {
    durable *d = context;
    while (!atomic_load(&d->ending)) {
        const uint32_t seen = atomic_load(&d->written);
        const int64_t  last = wal_last(d->log);
        if (wal_durable(d->log) >= last) {
            (void)futex_wait(&d->written, seen, -1);
            continue;
        }
        error         ignored; /* the log keeps it for the next change */
        const int64_t until_ns = clock_ticks_ns(&d->db->clock.base) + ASYNC_US * 1000;
        for (int64_t left = ASYNC_US; left > 0 && !atomic_load(&d->ending);) {
            (void)futex_wait(&d->written, atomic_load(&d->written), left);
            left = (until_ns - clock_ticks_ns(&d->db->clock.base)) / 1000;
        }
        if (wal_commit(d->log, last, WAL_DURABLE, &ignored) < 0) {
            return NULL;
        }
    }
    return NULL;
}

/* Without a thread to be had each commit syncs. */
static bool
may_wait(durable *d) {
    if (db_setting(d->db, SETTING_DURABILITY) != LAMINAR_DURABILITY_ASYNC) {
        return false;
    }
    if (!d->has_syncer) {
        error ignored;
        d->has_syncer = thread_start(&d->syncer, "laminardb-log", run_syncer, d, &ignored) == OK;
    }
    return d->has_syncer;
}

static status
commit(journal *j, error *err) {
    durable *d = of(j);
    if (d->unlogged) {
        return OK;
    }
    const bool   async = may_wait(d);
    const status s = wal_commit(d->log, d->last, async ? WAL_WRITTEN : WAL_DURABLE, err);
    TRY(failed_as(ERR_INGESTION_FAILED, s, err));
    if (async) {
        atomic_fetch_add(&d->written, 1);
        futex_wake_all(&d->written);
    }
    checkpoints_look(d);
    return OK;
}

static status
end(journal *j, error *err) {
    durable *d = of(j);
    TRY(failed_as(ERR_INGESTION_FAILED, append(d, err), err));
    return db_setting(d->db, SETTING_DURABILITY) == LAMINAR_DURABILITY_FULL ? commit(j, err) : OK;
}

/* What has happened in memory could not be told: nothing that follows may be, or the log would
 * speak of what it does not know. */
static status
give_up(durable *d, status s, error *err) {
    if (!d->broken) {
        d->broken = true;
        (void)error_set(&d->fault, s, "the log misses a definition: %.300s",
                        err == NULL ? status_title(s) : err->message);
        (void)error_hint(&d->fault, "open the database again: it is as it was before that");
    }
    if (err != NULL) {
        *err = d->fault;
    }
    return d->fault.status;
}

/* ---- statements */

status
durable_reserve(laminar_database *db, const statement_context *c, const ast_statement *st,
                error *err) {
    enum { REST = 4096 };
    if (db->durable == NULL) {
        return OK;
    }
    definitions_begin(&db->durable->definitions, db, st);
    if (db->replaying || db->durable->log == NULL || durable_is_off(db->durable)) {
        return OK;
    }
    buf written;
    buf_init(&written, db->mem, SIZE_MAX / 2);
    definition_print(st, c->sql, NULL, &written);
    const size_t size = written.size;
    const bool   failed = written.failed;
    buf_fini(&written);
    return failed ? error_memory(err)
                  : failed_as(ERR_QUERY_FAILED, wal_reserve(db->durable->log, 2 * size + REST, err),
                              err);
}

void
durable_suspend(laminar_database *db, bool suspended) {
    if (db->durable != NULL && db->durable->log != NULL && !db->replaying) {
        engine_set_journal(db->engine, suspended ? NULL : &db->durable->base);
    }
}

static void
write_statement(durable *d, buf *out, int32_t item, const statement_context *c,
                const ast_statement *st, const object *made) {
    buf written;
    buf_init(&written, d->db->mem, SIZE_MAX / 2);
    if (made != NULL && st->or_replace) { /* its definition says CREATE alone */
        (void)buf_append_text(&written, TEXT("DROP TABLE IF EXISTS "));
        (void)buf_append_quoted(&written, made->name, '"');
        (void)buf_append_text(&written, TEXT(" CASCADE; "));
    }
    if (made != NULL) {
        (void)buf_append_text(&written, made->sql);
    } else {
        definition_print(st, c->sql, NULL, &written);
    }
    (void)buf_append_char(out, (char)item);
    image_put_i64(out, now_us(d));
    image_put_text(out, buf_text(&written));
    out->failed = out->failed || written.failed;
    buf_clear(&written);
    if (made != NULL) {
        definition_print(st, c->sql, NULL, &written);
    }
    image_put_text(out, made == NULL ? (text){NULL, 0} : made->name);
    image_put_text(out, buf_text(&written));
    out->failed = out->failed || written.failed;
    buf_fini(&written);
}

static void
write_view(durable *d, buf *out, const object *o) {
    buf written;
    buf_init(&written, d->db->mem, SIZE_MAX / 2);
    columns_print(o, &written);
    (void)buf_append_char(out, ITEM_VIEW);
    image_put_i64(out, now_us(d));
    image_put_text(out, o->declared);
    image_put_text(out, o->sql);
    image_put_text(out, buf_text(&written));
    out->failed = out->failed || written.failed;
    buf_fini(&written);
}

/* A stream or view by its own text. */
static void
write_object(durable *d, buf *out, const object *o) {
    if (o->kind == OBJECT_VIEW) {
        write_view(d, out, o);
        return;
    }
    (void)buf_append_char(out, ITEM_STATEMENT);
    image_put_i64(out, now_us(d));
    image_put_text(out, o->declared);
    image_put_text(out, (text){NULL, 0});
    image_put_text(out, (text){NULL, 0});
}

/* The statement as an item of its own: for the log, or for the definitions. */
static void
write_definition(durable *d, buf *out, const statement_context *c, const ast_statement *st,
                 const object *made) {
    const object *view =
        st->kind != AST_CREATE_VIEW ? NULL : catalog_find(d->db->catalog, st->name.text, false);
    if (view != NULL) {
        write_view(d, out, view);
    } else {
        write_statement(d, out, ITEM_STATEMENT, c, st, made);
    }
}

static void
note_item(durable *d, buf *item, const object *o, const ast_statement *st) {
    if (item->failed) {
        d->definitions.is_incomplete = true;
    } else if (o == NULL) {
        definitions_add(&d->definitions, d->db, st, buf_text(item));
    } else {
        definitions_add_object(&d->definitions, o, buf_text(item));
    }
}

/* What read a replaced stream or view was made again behind it, just now. */
static void
note_made_again(durable *d, const ast_statement *st) {
    const catalog *known = d->db->catalog;
    const binding  now = binding_of(d->db);
    bool           behind = false;
    for (int32_t i = 0; i < catalog_count(known); i++) {
        const object *o = catalog_at(known, i);
        if (behind) {
            buf item;
            buf_init(&item, d->db->mem, SIZE_MAX / 2);
            put_binding(&item, &now);
            write_object(d, &item, o);
            note_item(d, &item, o, NULL);
            buf_fini(&item);
        }
        behind |= text_equal_nocase(o->name, st->name.text);
    }
}

static void
note_definition(durable *d, const statement_context *c, const ast_statement *st,
                const object *made) {
    const binding now = binding_of(d->db);
    buf           item;
    buf_init(&item, d->db->mem, SIZE_MAX / 2);
    put_binding(&item, &now);
    write_definition(d, &item, c, st, made);
    note_item(d, &item, NULL, st);
    buf_fini(&item);
    if (st->or_replace && (st->kind == AST_CREATE_STREAM || st->kind == AST_CREATE_VIEW)) {
        note_made_again(d, st);
    }
}

static status
log_statement(durable *d, const statement_context *c, const ast_statement *st, const object *made,
              error *err) {
    const bool retries = st->kind == AST_ALTER && st->alter == AST_ALTER_RETRY;
    engine_settle(d->db->engine); /* what its journal was told before stands before it */
    begin(&d->base, false);
    if (d->unlogged) {
        return OK;
    }
    status s = OK;
    if (retries) {
        write_statement(d, &d->record, ITEM_RETRY, c, st, NULL);
    } else {
        write_definition(d, &d->record, c, st, made);
        s = made == NULL ? OK : source_log_all(made->impl, err);
    }
    s = s < 0 ? s : failed_as(ERR_QUERY_FAILED, append(d, err), err);
    return s < 0 ? give_up(d, s, err) : commit(&d->base, err);
}

status
durable_ran(laminar_database *db, const statement_context *c, const ast_statement *st,
            const object *made, error *err) {
    durable   *d = db->durable;
    const bool retries = st->kind == AST_ALTER && st->alter == AST_ALTER_RETRY;
    if (d == NULL) {
        return OK;
    }
    if (!retries) {
        note_definition(d, c, st, made);
    }
    return db->replaying || d->log == NULL ? OK : log_statement(d, c, st, made, err);
}

status
durable_happened(laminar_database *db, durable_event what, error *err) {
    durable *d = db->durable;
    if (d == NULL || db->replaying || d->log == NULL) {
        return OK;
    }
    begin(&d->base, false);
    if (d->unlogged) {
        return OK;
    }
    put_byte(d, ITEM_EVENT);
    image_put_i64(&d->record, now_us(d));
    put_byte(d, (int32_t)what);
    TRY(failed_as(ERR_QUERY_FAILED, append(d, err), err));
    return commit(&d->base, err);
}

/* ---- opening */

static status
in_use(const durable *d, const char *path, error *err) {
    char      pid[24] = "";
    size_t    got = 0;
    vfs_file *f = NULL;
    error     ignored;
    if (d->fs->open(d->fs, &f, path, VFS_READ | VFS_REGULAR, &ignored) == OK) {
        (void)d->fs->read(f, 0, pid, sizeof(pid) - 1, &got, &ignored);
        (void)d->fs->close(f, &ignored);
    }
    pid[strcspn(pid, "\n")] = '\0';
    (void)error_set(err, ERR_CONNECTION_IN_USE, "\"%s\" is open in process %s", path,
                    pid[0] == '\0' ? "(unknown)" : pid);
    return error_hint(err, "one process holds a database at a time: close it there");
}

/* One process at a time, however the last one ended; the file is never removed (D16). */
static status
take_lock(durable *d, const char *directory, error *err) {
    char path[PATH_MAX];
    char pid[24];
    if (snprintf(path, sizeof(path), "%s/LOCK", directory) >= (int)sizeof(path)) {
        return error_set(err, ERR_CONNECTION_FAILED, "the path \"%.60s...\" is too long",
                         directory);
    }
    TRY(d->fs->lock(d->fs, &d->lock, path, err));
    if (d->lock == NULL) {
        return in_use(d, path, err);
    }
    const int size = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    TRY(d->fs->truncate(d->lock, 0, err));
    return d->fs->write(d->lock, 0, pid, (size_t)size, err);
}

static status
make_directory(durable *d, const char *directory, error *err) {
    enum { NAME = 32 }; /* of a file in it */
    char parent[PATH_MAX];
    if (strlen(directory) + NAME >= sizeof(parent)) {
        return error_set(err, ERR_CONNECTION_FAILED, "the path \"%.60s...\" is too long",
                         directory);
    }
    TRY(d->fs->make_directory(d->fs, directory, err));
    const int size = snprintf(parent, sizeof(parent), "%s/..", directory);
    return size >= (int)sizeof(parent) ? OK : d->fs->sync_directory(d->fs, parent, err); /* D9 */
}

/* Less is read before a second thread would have begun; more ahead would only wait. */
enum { ALONE_BYTES = 1 << 20, AHEAD_BYTES = 8 << 20 };

static status
open_log(durable *d, int32_t threads, int64_t after, error *err) {
    laminar_database *db = d->db;
    wal_helper        h = {.after_bytes = ALONE_BYTES,
                           .ahead_bytes = AHEAD_BYTES,
                           .prepare = durable_prepare,
                           .discard = durable_ready_free,
                           .context = db};
    (void)cpu_list_read(&h.cpus, setting_value(db, SETTING_CPU_AFFINITY).s);
    if (min_i64(threads, db->cpu_count) < 2) {
        h.after_bytes = INT64_MAX;
    }
    return wal_open_ahead(&d->log, db->mem, d->fs, d->directory,
                          db_setting(db, SETTING_WAL_SEGMENT_BYTES), after, durable_take_record, &h,
                          &h, err);
}

/* The clock is stepped by the records; afterwards it is what the caller wanted. */
static status
run_log(durable *d, error *err) {
    laminar_database *db = d->db;
    const user_clock  wanted = db->clock;
    const bool        deterministic = db->deterministic;
    const int32_t     threads = db_threads(db);
    int64_t           after = 0;
    db->replaying = true;
    db->deterministic = true;
    clock_init_stepped(&db->clock.base, deterministic ? clock_now_us(&db->clock.base) : 0);
    status s = checkpoints_load(d, &after, err);
    if (s == OK) {
        work_expect(-d->checkpoints.log_bytes);
        s = open_log(d, threads, after, err);
        if (s == ERR_CORRUPTION && d->checkpoints.fault.status < 0) {
            *err = d->checkpoints.fault; /* the log does not reach back to the beginning */
            s = err->status =
                err->status == ERR_CONNECTOR_FAILED ? ERR_CONNECTOR_FAILED : ERR_CORRUPTION;
        }
    }
    engine_keep_logs(db->engine, false);
    if (!deterministic) {
        db->clock = wanted;
    }
    db->deterministic = deterministic;
    if (s == OK) {
        TRY(durable_execute(db,
                            TEXT("RESET integer_division; RESET default_null_order; "
                                 "RESET max_future_skew; RESET timezone; RESET retain"),
                            err));
    }
    if (!deterministic) {
        shared_rng_init(&db->random, rng_seed_from_system());
    }
    db->replaying = false;
    return s < 0 ? s : sinks_wake(db, err);
}

static status
durable_new(laminar_database *db, vfs *fs, const char *directory, error *err) {
    const size_t size = strlen(directory) + 1;
    durable     *d = mem_alloc_zero(db->mem, sizeof(*d));
    char        *copy = d == NULL ? NULL : mem_alloc(db->mem, size);
    if (copy == NULL) {
        mem_free(db->mem, d, sizeof(*d));
        return error_memory(err);
    }
    memcpy(copy, directory, size);
    *d = (durable){.base = {.begin = begin, .change = change, .end = end, .commit = commit},
                   .db = db,
                   .fs = fs,
                   .directory = copy};
    buf_init(&d->record, db->mem, SIZE_MAX / 2);
    definitions_init(&d->definitions, db->mem);
    const status s = checkpoints_open(d, err);
    if (s < 0) {
        durable_free(d);
        return s;
    }
    db->durable = d;
    return OK;
}

status
durable_open(laminar_database *db, vfs *fs, const char *directory, error *err) {
    TRY(durable_new(db, fs, directory, err));
    durable *d = db->durable;
    status   s = make_directory(d, directory, err);
    s = s < 0 ? s : take_lock(d, directory, err);
    s = s < 0 ? s : run_log(d, err);
    if (s < 0) {
        return s == ERR_CONNECTOR_FAILED ? (err->status = ERR_CONNECTION_FAILED) : s;
    }
    db->kept = true;
    engine_set_journal(db->engine, &d->base);
    checkpoints_started(d);
    return OK;
}

status
durable_open_memory(laminar_database *db, error *err) {
    vfs *fs = NULL;
    TRY(vfs_memory_open(&fs, db->mem, err));
    const status s = durable_new(db, fs, "memory", err);
    if (s < 0) {
        vfs_memory_close(fs);
        return s;
    }
    db->durable->owned = fs;
    checkpoints_started(db->durable);
    return OK;
}

status
durable_settings_changed(laminar_database *db, error *err) {
    durable *d = db->durable;
    if (d == NULL) {
        return OK;
    }
    checkpoints_started(d);
    const bool logs = db_setting(db, SETTING_DURABILITY) != LAMINAR_DURABILITY_OFF;
    return d->unlogged && logs ? checkpoint_make(db, CHECKPOINT_LOGGING, NULL, err) : OK;
}

void
durable_closing(laminar_database *db) {
    durable *d = db->durable;
    error    err = {.position = -1};
    if (d == NULL) {
        return;
    }
    checkpoints_stop(d);
    if (d->unlogged && d->log != NULL && checkpoint_make(db, CHECKPOINT_CLOSING, NULL, &err) < 0) {
        db_note_error(db, "checkpoint", (text){NULL, 0}, 700, err.message);
    }
}

void
durable_shut(durable *d) {
    error ignored;
    if (d == NULL) {
        return;
    }
    if (d->has_syncer) {
        atomic_store(&d->ending, true);
        atomic_fetch_add(&d->written, 1);
        futex_wake_all(&d->written);
        thread_join(&d->syncer);
        d->has_syncer = false;
    }
    checkpoints_stop(d);
    mutex_lock(&d->checkpoints.making); /* one that another thread is making ends first */
    if (d->log != NULL) {
        (void)wal_close(d->log, &ignored);
        d->log = NULL;
    }
    if (d->lock != NULL) {
        (void)d->fs->close(d->lock, &ignored);
        d->lock = NULL;
    }
    mutex_unlock(&d->checkpoints.making);
}

void
durable_free(durable *d) {
    if (d == NULL) {
        return;
    }
    checkpoints_close(d);
    definitions_fini(&d->definitions);
    buf_fini(&d->record);
    vfs_memory_close(d->owned);
    mem_free(d->db->mem, d->directory, strlen(d->directory) + 1);
    mem_free(d->db->mem, d, sizeof(*d));
}
