/* SPDX-License-Identifier: Apache-2.0 */
/* restore.c - see restore.h. All of it with the token and the lock of the checkpoints.
 *
 * Statements of the checkpoint's definitions run as the user's do, so this thread is let through
 * where the token is asked for (db->restorer). Counters of the engine, sequences, settings and the
 * clock are not put back: they go on. */
#include "db/restore.h"

#include "base/rng.h"
#include "db/durable_internal.h"
#include "db/pipeline.h"
#include "db/sink.h"
#include "exec/exchange.h"

#include <stdio.h>

typedef struct restoring {
    laminar_database   *db;
    int64_t             id;
    restore_readers    *readers;
    engine_aside       *engine;
    catalog            *catalog;
    definitions         definitions;
    struct db_pipeline *pipelines;
    int32_t             state;
    bool                has_readers; /* of change logs */
    uint64_t            random;
    int64_t             settings[SETTING_COUNT];
} restoring;

/* ---- one in the place of the other */

static void
exchange(restoring *r) {
    laminar_database   *db = r->db;
    const definitions   kept = db->durable->definitions;
    struct db_pipeline *pipelines = db->pipelines;
    db->durable->definitions = r->definitions;
    r->definitions = kept;
    db->pipelines = r->pipelines;
    r->pipelines = pipelines;
    r->state = atomic_exchange(&db->state, r->state);
    catalog_exchange(db->catalog, r->catalog);
    engine_exchange(db->engine, r->engine);
}

/* What is in place: streams first, readers before what they read. */
static void
drop_all(laminar_database *db) {
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        object *o = catalog_at(db->catalog, i);
        if (o->kind == OBJECT_STREAM) {
            o->impl = NULL;
            o->impl_free = NULL;
        }
    }
    engine_close_streams(db->engine);
    for (int32_t i = catalog_count(db->catalog) - 1; i >= 0; i--) {
        object *o = catalog_at(db->catalog, i);
        void   *impl = o->impl;
        o->impl = NULL;
        o->altered = true; /* what waits to be inserted into it: see insert.c */
        if (impl != NULL && o->impl_free != NULL) {
            o->impl_free(impl);
        }
        catalog_remove(db->catalog, o);
    }
    pipelines_fini(db);
    definitions_fini(&db->durable->definitions);
}

static void
keep_settings(restoring *r) {
    for (int32_t i = 0; i < SETTING_COUNT; i++) {
        r->settings[i] = atomic_load(&r->db->settings[i]);
    }
    r->random = atomic_load(&r->db->random.state);
    r->has_readers = engine_has_kept_logs(r->db->engine);
}

static void
put_settings_back(const restoring *r) {
    for (int32_t i = 0; i < SETTING_COUNT; i++) {
        atomic_store(&r->db->settings[i], r->settings[i]);
    }
}

/* ---- loading */

static status
load(restoring *r, const manifest *from, error *err) {
    laminar_database *db = r->db;
    db->replaying = true;
    status s = checkpoint_load_one(db->durable, from, err);
    put_settings_back(r); /* the definitions had theirs */
    const uint64_t sequence = engine_continue(db->engine, r->engine);
    s = s < 0 ? s : restore_readers_follow(r->readers, sequence, err);
    db->replaying = false;
    return s;
}

/* A file that may be there after all when the directory is read again: nothing that happens from
 * now on may be said to have happened behind the one state or the other. */
static status
doubt(durable *d, error *err) {
    d->broken = true;
    (void)error_set(&d->fault, ERR_CHECKPOINT_FAILED,
                    "the database was to be put back to a checkpoint, and whether that is on disk "
                    "cannot be told: %.300s",
                    err->message);
    (void)error_hint(&d->fault, "open the database again: it is as it was before, or put back");
    *err = d->fault;
    return d->fault.status;
}

/* It lasts: from here on this is what happened. */
static status
make_lasting(restoring *r, error *err) {
    durable *d = r->db->durable;
    if (d->log == NULL) {
        return OK;
    }
    const status s = checkpoint_write_now(r->db, CHECKPOINT_RESTORED, r->has_readers, err);
    return s < 0 && d->checkpoints.failed ? doubt(d, err) : s;
}

static void
undo(restoring *r) {
    laminar_database *db = r->db;
    db->replaying = true; /* nothing of this is told */
    engine_set_journal(db->engine, NULL);
    drop_all(db);
    exchange(r);
    db->replaying = false;
    atomic_store(&db->random.state, r->random);
}

static void
finish(restoring *r) {
    laminar_database *db = r->db;
    engine_counters   before, now;
    restore_readers_publish(r->readers);
    engine_count(db->engine, &now);
    exchange(r);
    engine_count(db->engine, &before);
    drop_all(db);
    exchange(r);
    engine_keep_late_total(db->engine, before.rows_late);
    if (!db->deterministic) {
        shared_rng_init(&db->random, rng_seed_from_system());
    }
}

static status
replace(restoring *r, const manifest *from, error *err) {
    laminar_database *db = r->db;
    atomic_store(&db->restorer, thread_id());
    keep_settings(r);
    exchange(r);
    status s = load(r, from, err);
    s = s < 0 ? s : make_lasting(r, err);
    if (s < 0) {
        undo(r);
    } else {
        finish(r);
        s = sinks_wake(db, err);
    }
    atomic_store(&db->restorer, 0);
    return s;
}

/* ---- which one */

static status
refuse_number(const checkpoints *all, int64_t id, error *err) {
    char   list[120] = "";
    size_t size = 0;
    for (int32_t i = 0; i < all->count && size + 24 < sizeof(list); i++) {
        size += (size_t)snprintf(list + size, sizeof(list) - size, "%s%lld",
                                 i == 0                ? ""
                                 : i + 1 == all->count ? " and "
                                                       : ", ",
                                 (long long)all->list[i].id);
    }
    if (all->count == 0) {
        (void)error_set(err, ERR_CHECKPOINT_FAILED,
                        "there is no checkpoint %lld: none was made yet", (long long)id);
        return error_hint(err, "db.checkpoint() makes one");
    }
    (void)error_set(err, ERR_CHECKPOINT_FAILED, "there is no checkpoint %lld: there %s %s",
                    (long long)id, all->count == 1 ? "is" : "are", list);
    return error_hint(err, "SHOW CHECKPOINTS lists them; older ones were let go of");
}

static status
find(const manifest **out, const checkpoints *all, int64_t id, error *err) {
    for (int32_t i = 0; i < all->count; i++) {
        if (all->list[i].id == id) {
            *out = &all->list[i];
            return OK;
        }
    }
    return refuse_number(all, id, err);
}

static status
open_aside(restoring *r, error *err) {
    laminar_database *db = r->db;
    r->state = DB_CREATED;
    definitions_init(&r->definitions, db->mem);
    TRY(engine_aside_open(&r->engine, db->engine, err));
    TRY(catalog_open(&r->catalog, db->mem, err));
    return restore_readers_note(&r->readers, db, r->id, err);
}

static void
close_aside(restoring *r) {
    restore_readers_free(r->readers);
    catalog_close(r->catalog);
    engine_aside_close(r->engine);
    definitions_fini(&r->definitions);
}

static status
check_now(laminar_database *db, error *err) {
    TRY(db_await_start(db, err));
    TRY(db_writable(db, err));
    TRY(db_refuse_in_transaction(db, "a restore", err));
    queue_drain(db, false); /* what was given before and waits */
    engine_settle(db->engine);
    TRY(checkpoint_check_steady(db, err));
    if (engine_has_joining(db->engine)) {
        (void)error_set(err, ERR_CHECKPOINT_FAILED,
                        "a stream or subscription is being filled: nothing was put back");
        return error_hint(err, "try again when SHOW QUERIES does not list it any more");
    }
    return OK;
}

static status
restore(laminar_database *db, int64_t id, error *err) {
    const manifest *from = NULL;
    restoring       r = {.db = db, .id = id};
    TRY(find(&from, &db->durable->checkpoints, id, err));
    TRY(check_now(db, err));
    status s = open_aside(&r, err);
    /* The list of checkpoints grows meanwhile, so the entry moves. */
    manifest own = {.id = 0};
    s = s < 0 ? s : manifest_copy(&own, from, db->mem, err);
    if (s == OK) {
        s = replace(&r, &own, err);
        manifest_fini(&own, db->mem);
    }
    close_aside(&r);
    return s;
}

static status
failed(status s, int64_t id, error *err) {
    if (s != ERR_CONNECTOR_FAILED && s != ERR_OUT_OF_MEMORY) {
        return s;
    }
    const error why = *err;
    (void)error_set(err, ERR_CHECKPOINT_FAILED,
                    "the database was not put back to checkpoint %lld: %.400s", (long long)id,
                    why.message);
    return error_hint(err, "it is as it was before");
}

status
restore_checkpoint(laminar_database *db, int64_t id, error *err) {
    durable *d = db->durable;
    TRY(db_check_inside(db, err));
    if (d == NULL) {
        (void)error_set(err, ERR_CHECKPOINT_DISABLED, "checkpoints are not enabled");
        return error_hint(err, "open the database with a checkpoint_interval_ms");
    }
    TRY(db_refuse_in_transaction(db, "a restore", err));
    mutex_lock(&d->checkpoints.making);
    status s = db_enter_to_write(db, err);
    if (s == OK) {
        s = restore(db, id, err);
        db_leave(db);
    }
    mutex_unlock(&d->checkpoints.making);
    sinks_reap(db);
    return s < 0 ? failed(s, id, err) : OK;
}

status
restore_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    TRY(restore_checkpoint(c->db, st->checkpoint, err));
    return answer_ddl(out, c->db->mem, "RESTORE", TEXT(""), err);
}

/* ---- public */

laminar_status
laminar_database_restore(laminar_database *db, int64_t id, laminar_error *err) {
    error  e = {.position = -1};
    status s = db_check_open(db, &e);
    s = s < 0 ? s : restore_checkpoint(db, id, &e);
    return report(err, &e, s, TEXT(""));
}
