/* SPDX-License-Identifier: Apache-2.0 */
/* durable.c - records of the log, written as things happen and run again at opening. See durable.h.
 *
 * A record is items one after another, each a byte that says what it is and its fields
 * (base/image.h). */
#include "db/durable.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "batch/batch_image.h"
#include "db/going.h"
#include "db/parameters.h"
#include "db/settings.h"
#include "db/sink.h"
#include "store/wal.h"

#define SEGMENT_BYTES (16 << 20)
#define ASYNC_US 100000

enum {
    ITEM_SETTINGS = 1, /* integer_division, default_null_order, max_future_skew, timezone, retain */
    ITEM_STATEMENT,    /* instant, text; of a table made of a query its name and what was typed */
    ITEM_VIEW,         /* instant, text as typed and as kept, its columns (columns_print) */
    ITEM_RETRY,        /* instant, text; there may be nothing to retry in another life */
    ITEM_EVENT,        /* instant, durable_event */
    ITEM_CHANGE,       /* object, instant, positions that died, whether rows follow, rows */
    ITEM_WATERMARK,    /* object, instant, microseconds */
    ITEM_RANDOM,       /* where random() and its like stood */
    ITEM_GROUP         /* the changes that follow are one transaction */
};

typedef struct binding { /* settings that a statement means something under */
    int64_t division, nulls, skew;
    text    zone, retain;
} binding;

struct durable {
    journal           base;
    laminar_database *db;
    vfs              *fs;
    vfs_file         *lock;
    wal              *log;
    buf               record;
    int64_t           last;   /* to be committed */
    bool              broken; /* memory has what the log could not be told: see fault */
    error             fault;
    bool              has_said; /* settings stand in the log */
    binding           said;
    char              said_zone[72], said_retain[104];
    /* durability = 'async': what was written is synced within ASYNC_US by a thread of its own. */
    thread           syncer;
    bool             has_syncer;
    _Atomic uint32_t written; /* futex: changes with each commit and at the end */
    _Atomic bool     ending;
};

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
    put_byte(d, ITEM_SETTINGS);
    image_put_i64(&d->record, now.division);
    image_put_i64(&d->record, now.nulls);
    image_put_i64(&d->record, now.skew);
    image_put_text(&d->record, now.zone);
    image_put_text(&d->record, now.retain);
    (void)snprintf(d->said_zone, sizeof(d->said_zone), "%.*s", TEXT_ARG(now.zone));
    (void)snprintf(d->said_retain, sizeof(d->said_retain), "%.*s", TEXT_ARG(now.retain));
    d->said = now;
    d->said.zone = text_of(d->said_zone);
    d->said.retain = text_of(d->said_retain);
    d->has_said = true;
}

/* ---- the journal */

static void
begin(journal *j, bool is_transaction) {
    durable *d = of(j);
    buf_clear(&d->record);
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
        batch_image_put(&d->record, c->rows);
    }
}

static status
append(durable *d, error *err) {
    enum { KEPT = 4 << 20 };
    mem *m = d->db->mem;
    if (d->broken) {
        if (err != NULL) {
            *err = d->fault;
        }
        return d->fault.status;
    }
    if (d->record.failed) {
        buf_fini(&d->record);
        buf_init(&d->record, m, SIZE_MAX / 2);
        d->has_said = false;
        return error_memory(err);
    }
    const status s = wal_append(d->log, buf_text(&d->record), (text){NULL, 0}, &d->last, err);
    d->has_said = d->has_said && s == OK;
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
    durable     *d = of(j);
    const bool   async = may_wait(d);
    const status s = wal_commit(d->log, d->last, async ? WAL_WRITTEN : WAL_DURABLE, err);
    TRY(failed_as(ERR_INGESTION_FAILED, s, err));
    if (async) {
        atomic_fetch_add(&d->written, 1);
        futex_wake_all(&d->written);
    }
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
    if (db->durable != NULL && !db->replaying) {
        engine_set_journal(db->engine, suspended ? NULL : &db->durable->base);
    }
}

static void
put_statement(durable *d, int32_t item, const statement_context *c, const ast_statement *st,
              const object *made) {
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
    put_byte(d, item);
    image_put_i64(&d->record, now_us(d));
    image_put_text(&d->record, buf_text(&written));
    d->record.failed = d->record.failed || written.failed;
    buf_clear(&written);
    if (made != NULL) {
        definition_print(st, c->sql, NULL, &written);
    }
    image_put_text(&d->record, made == NULL ? (text){NULL, 0} : made->name);
    image_put_text(&d->record, buf_text(&written));
    d->record.failed = d->record.failed || written.failed;
    buf_fini(&written);
}

static void
put_view(durable *d, const ast_statement *st) {
    const object *o = catalog_find(d->db->catalog, st->name.text, false);
    buf           written;
    buf_init(&written, d->db->mem, SIZE_MAX / 2);
    columns_print(o, &written);
    put_byte(d, ITEM_VIEW);
    image_put_i64(&d->record, now_us(d));
    image_put_text(&d->record, o->declared);
    image_put_text(&d->record, o->sql);
    image_put_text(&d->record, buf_text(&written));
    d->record.failed = d->record.failed || written.failed;
    buf_fini(&written);
}

status
durable_ran(laminar_database *db, const statement_context *c, const ast_statement *st,
            const object *made, error *err) {
    durable   *d = db->durable;
    const bool retries = st->kind == AST_ALTER && st->alter == AST_ALTER_RETRY;
    if (d == NULL || db->replaying || (retries && st->object == AST_OBJECT_SINK)) {
        return OK; /* a sink begins anew in each life */
    }
    engine_settle(db->engine); /* what its journal was told before stands before it */
    begin(&d->base, false);
    status s = OK;
    if (st->kind == AST_CREATE_VIEW) {
        put_view(d, st);
    } else {
        put_statement(d, retries ? ITEM_RETRY : ITEM_STATEMENT, c, st, made);
        s = made == NULL ? OK : source_log_all(made->impl, err);
    }
    s = s < 0 ? s : failed_as(ERR_QUERY_FAILED, append(d, err), err);
    return s < 0 ? give_up(d, s, err) : commit(&d->base, err);
}

status
durable_happened(laminar_database *db, durable_event what, error *err) {
    durable *d = db->durable;
    if (d == NULL || db->replaying) {
        return OK;
    }
    begin(&d->base, false);
    put_byte(d, ITEM_EVENT);
    image_put_i64(&d->record, now_us(d));
    put_byte(d, (int32_t)what);
    TRY(failed_as(ERR_QUERY_FAILED, append(d, err), err));
    return commit(&d->base, err);
}

/* ---- replay */

typedef struct replay {
    laminar_database *db;
    image_reader      in;
} replay;

static status
execute_text(laminar_database *db, text sql, error *err) {
    laminar_result *answer = NULL;
    laminar_error   e;
    char           *copy = mem_alloc(db->mem, sql.size + 1);
    if (copy == NULL) {
        return error_memory(err);
    }
    memcpy(copy, sql.data, sql.size);
    copy[sql.size] = '\0';
    const laminar_status s = laminar_database_execute(db, copy, &answer, &e);
    mem_free(db->mem, copy, sql.size + 1);
    laminar_result_free(answer);
    return s < 0 ? error_set(err, ERR_CORRUPTION, "%s", e.message) : OK;
}

static status
take_settings(replay *r, error *err) {
    int64_t                  division;
    int64_t                  nulls;
    int64_t                  skew;
    text                     zone;
    text                     retain;
    char                     sql[600];
    static const char *const orders[] = {"nulls_largest", "nulls_last", "nulls_first"};
    TRY(image_take_i64(&r->in, &division, err));
    TRY(image_take_i64(&r->in, &nulls, err));
    TRY(image_take_i64(&r->in, &skew, err));
    TRY(image_take_text(&r->in, &zone, err));
    TRY(image_take_text(&r->in, &retain, err));
    if (nulls < 0 || nulls >= ARRAY_COUNT(orders) || zone.size > 64 || retain.size > 100) {
        return image_corrupt("settings", err);
    }
    char amount[32] = "NULL";
    if (skew != INT64_MIN) {
        (void)snprintf(amount, sizeof(amount), "%lld", (long long)skew);
    }
    (void)snprintf(sql, sizeof(sql),
                   "SET integer_division = %s; SET default_null_order = '%s'; "
                   "SET max_future_skew = %s; SET timezone = '%.*s'; SET retain = '%.*s'",
                   division != 0 ? "true" : "false", orders[nulls], amount, TEXT_ARG(zone),
                   TEXT_ARG(retain));
    return execute_text(r->db, text_of(sql), err);
}

/* The clock stands where it stood, and what fell due by then has happened. */
static status
take_instant(replay *r, error *err) {
    int64_t at_us;
    TRY(image_take_i64(&r->in, &at_us, err));
    /* A clock that was set back: it stays. */
    return at_us < clock_now_us(&r->db->clock.base) ? OK : db_go_to(r->db, at_us, err);
}

static status
take_random(replay *r, error *err) {
    int64_t state;
    TRY(image_take_i64(&r->in, &state, err));
    atomic_store(&r->db->random.state, (uint64_t)state);
    return OK;
}

static status
take_event(replay *r, error *err) {
    char          what;
    laminar_error e;
    TRY(take_instant(r, err));
    TRY(image_take(&r->in, &what, 1, err));
    const laminar_status s = what == DURABLE_START ? laminar_database_start(r->db, &e)
                                                   : laminar_database_pause(r->db, &e);
    return s < 0 ? error_set(err, ERR_CORRUPTION, "%s", e.message) : OK;
}

static status
take_target(replay *r, object **out, error *err) {
    text name;
    TRY(image_take_text(&r->in, &name, err));
    object *o = catalog_find(r->db->catalog, name, true);
    if (o == NULL || (o->kind != OBJECT_SOURCE && o->kind != OBJECT_TABLE)) {
        return image_corrupt("rows of a source that is not there", err);
    }
    *out = o;
    return OK;
}

static status
apply_change(replay *r, object *o, batch *rows, const int64_t *dead, int64_t dead_count,
             error *err) {
    engine *e = r->db->engine;
    if (o->kind == OBJECT_SOURCE) {
        return rows == NULL ? OK : engine_append(e, o->impl, rows, err);
    }
    row_change c = {.rows = rows, .dying = dead, .dying_count = dead_count};
    return engine_change(e, o->impl, &c, err);
}

static status
take_change(replay *r, error *err) {
    object  *o = NULL;
    batch   *rows = NULL;
    int64_t  dead_count;
    char     has_rows;
    int64_t *dead = NULL;
    TRY(take_target(r, &o, err));
    TRY(take_instant(r, err));
    TRY(image_take_i64(&r->in, &dead_count, err));
    const size_t bytes = sizeof(int64_t) * (size_t)dead_count;
    if (dead_count < 0 || (size_t)dead_count > r->in.left / sizeof(int64_t)) {
        return image_corrupt("positions", err);
    }
    if (dead_count > 0) {
        dead = mem_alloc(r->db->mem, bytes);
        if (dead == NULL) {
            return error_memory(err);
        }
    }
    status s = dead == NULL ? OK : image_take(&r->in, dead, bytes, err);
    s = s < 0 ? s : image_take(&r->in, &has_rows, 1, err);
    if (s == OK && has_rows != 0) {
        s = batch_image_take(&r->in, o->schema, &rows, r->db->mem, err);
    }
    s = s < 0 ? s : apply_change(r, o, rows, dead, dead_count, err);
    batch_release(rows);
    mem_free(r->db->mem, dead, bytes);
    return s;
}

static status
take_watermark(replay *r, error *err) {
    object *o = NULL;
    int64_t us;
    TRY(take_target(r, &o, err));
    TRY(take_instant(r, err));
    TRY(image_take_i64(&r->in, &us, err));
    return engine_advance(r->db->engine, o->impl, us, err);
}

static status
take_statement(replay *r, bool may_fail, error *err) {
    text sql;
    text name;
    text declared;
    TRY(take_instant(r, err));
    TRY(image_take_text(&r->in, &sql, err));
    TRY(image_take_text(&r->in, &name, err));
    TRY(image_take_text(&r->in, &declared, err));
    const status ran = execute_text(r->db, sql, err);
    TRY(may_fail ? OK : ran);
    object *o = name.size == 0 ? NULL : catalog_find(r->db->catalog, name, true);
    if (o != NULL) {
        o->declared = arena_text(&o->arena, declared);
    }
    return o == NULL || o->declared.data != NULL ? OK : error_memory(err);
}

static status
take_view(replay *r, error *err) {
    text typed;
    text kept;
    text columns;
    TRY(take_instant(r, err));
    TRY(image_take_text(&r->in, &typed, err));
    TRY(image_take_text(&r->in, &kept, err));
    TRY(image_take_text(&r->in, &columns, err));
    return execute_text(r->db, typed, err) == OK
               ? OK
               : view_keep_unbound(r->db, typed, kept, columns, err);
}

static status
take_item(replay *r, error *err) {
    char item;
    TRY(image_take(&r->in, &item, 1, err));
    switch (item) {
    case ITEM_GROUP:
        if (engine_in_transaction(r->db->engine)) {
            return image_corrupt("a transaction in a transaction", err);
        }
        engine_begin(r->db->engine);
        return OK;
    case ITEM_RANDOM:
        return take_random(r, err);
    case ITEM_SETTINGS:
        return take_settings(r, err);
    case ITEM_STATEMENT:
    case ITEM_RETRY:
        return take_statement(r, item == ITEM_RETRY, err);
    case ITEM_VIEW:
        return take_view(r, err);
    case ITEM_EVENT:
        return take_event(r, err);
    case ITEM_CHANGE:
        return take_change(r, err);
    case ITEM_WATERMARK:
        return take_watermark(r, err);
    default:
        return image_corrupt("an item of a log record", err);
    }
}

static status
end_record(laminar_database *db, status s, error *err) {
    if (engine_in_transaction(db->engine)) {
        if (s == OK) {
            s = engine_commit(db->engine, err);
        }
        if (s < 0) {
            engine_rollback(db->engine);
        }
    }
    engine_settle(db->engine);
    return s;
}

static status
take_record(void *context, int64_t sequence, text record, error *err) {
    replay r = {.db = context, .in = {.at = record.data, .left = record.size}};
    error  why = {0};
    status s = OK;
    while (s == OK && r.in.left > 0) {
        s = take_item(&r, &why);
    }
    s = end_record(r.db, s, &why);
    if (s == OK || s == ERR_OUT_OF_MEMORY) {
        return s < 0 ? error_memory(err) : OK;
    }
    (void)error_set(err, ERR_CORRUPTION, "record %lld of the log cannot be run again: %.300s",
                    (long long)sequence, why.message);
    return why.hint[0] == '\0' ? ERR_CORRUPTION : error_hint(err, "%s", why.hint);
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
    char parent[PATH_MAX];
    TRY(d->fs->make_directory(d->fs, directory, err));
    const int size = snprintf(parent, sizeof(parent), "%s/..", directory);
    return size >= (int)sizeof(parent) ? OK : d->fs->sync_directory(d->fs, parent, err); /* D9 */
}

/* The clock is stepped by the records; afterwards it is what the caller wanted. */
static status
run_log(durable *d, const char *directory, error *err) {
    laminar_database *db = d->db;
    const user_clock  wanted = db->clock;
    const bool        deterministic = db->deterministic;
    db->replaying = true;
    db->deterministic = true;
    clock_init_stepped(&db->clock.base, deterministic ? clock_now_us(&db->clock.base) : 0);
    const status s =
        wal_open(&d->log, db->mem, d->fs, directory, SEGMENT_BYTES, 0, take_record, db, err);
    if (!deterministic) {
        db->clock = wanted;
    }
    db->deterministic = deterministic;
    if (s == OK) {
        TRY(execute_text(db,
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

status
durable_open(laminar_database *db, vfs *fs, const char *directory, error *err) {
    durable *d = mem_alloc_zero(db->mem, sizeof(*d));
    if (d == NULL) {
        return error_memory(err);
    }
    *d = (durable){.base = {.begin = begin, .change = change, .end = end, .commit = commit},
                   .db = db,
                   .fs = fs};
    buf_init(&d->record, db->mem, SIZE_MAX / 2);
    status s = make_directory(d, directory, err);
    s = s < 0 ? s : take_lock(d, directory, err);
    s = s < 0 ? s : run_log(d, directory, err);
    if (s < 0) {
        durable_close(d);
        return s == ERR_CONNECTOR_FAILED ? (err->status = ERR_CONNECTION_FAILED) : s;
    }
    db->durable = d;
    engine_set_journal(db->engine, &d->base);
    return OK;
}

void
durable_close(durable *d) {
    error ignored;
    if (d == NULL) {
        return;
    }
    if (d->has_syncer) {
        atomic_store(&d->ending, true);
        atomic_fetch_add(&d->written, 1);
        futex_wake_all(&d->written);
        thread_join(&d->syncer);
    }
    if (d->log != NULL) {
        (void)wal_close(d->log, &ignored);
    }
    if (d->lock != NULL) {
        (void)d->fs->close(d->lock, &ignored);
    }
    buf_fini(&d->record);
    mem_free(d->db->mem, d, sizeof(*d));
}
