/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_api.c - CHECKPOINT and SHOW CHECKPOINTS, and what laminar_durable.h declares
 * of them. */
#include "db/durable_internal.h"

static const char *const triggers[] = {
    [CHECKPOINT_ASKED] = "asked",   [CHECKPOINT_INTERVAL] = "interval",
    [CHECKPOINT_LOG] = "log",       [CHECKPOINT_LOGGING] = "durability",
    [CHECKPOINT_CLOSING] = "close", [CHECKPOINT_RESTORED] = "restore"};

static status
check_enabled(const laminar_database *db, error *err) {
    if (checkpoint_is_enabled(db)) {
        return OK;
    }
    (void)error_set(err, ERR_CHECKPOINT_DISABLED, "checkpoints are not enabled");
    return error_hint(err, "open the database with a checkpoint_interval_ms");
}

static status
make(laminar_database *db, int64_t *id, error *err) {
    TRY(check_enabled(db, err));
    return checkpoint_make(db, CHECKPOINT_ASKED, id, err);
}

status
checkpoint_run(statement_context *c, laminar_result **out, error *err) {
    int64_t id = 0;
    TRY(make(c->db, &id, err));
    return answer_count(out, c->db->mem, id, err);
}

/* ---- the list */

static status
add(db_listing *l, const manifest *m, error *err) {
    const bool known = m->trigger >= 0 && m->trigger < ARRAY_COUNT(triggers);
    TRY(db_listing_count(l, 0, m->id, err));
    TRY(db_listing_count(l, 1, m->created_us, err));
    TRY(db_listing_count(l, 2, m->epoch, err));
    TRY(db_listing_count(l, 3, m->rows, err));
    TRY(db_listing_count(l, 4, m->bytes, err));
    TRY(column_append_f64(&l->rows, 5, (double)m->duration_us / 1000, err));
    TRY(column_append_f64(&l->rows, 6, (double)m->stall_us / 1000, err));
    return db_listing_text(l, 7, known ? text_of(triggers[m->trigger]) : (text){NULL, 0}, err);
}

status
checkpoint_list(laminar_database *db, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"checkpoint_id", TYPE_I64}, {"created_at", TYPE_TIMESTAMPTZ},
        {"epoch", TYPE_I64},         {"rows", TYPE_I64},
        {"size_bytes", TYPE_I64},    {"duration_ms", TYPE_F64},
        {"stall_ms", TYPE_F64},      {"trigger", TYPE_TEXT}};
    db_listing l;
    TRY(db_listing_open(&l, db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    if (db->durable != NULL) {
        checkpoints *all = &db->durable->checkpoints;
        mutex_lock(&all->lock);
        for (int32_t i = 0; s >= 0 && i < all->count; i++) {
            s = all->list[i].damaged ? OK : add(&l, &all->list[i], err);
        }
        mutex_unlock(&all->lock);
    }
    return db_listing_close(&l, s, out, err);
}

/* ---- public */

laminar_status
laminar_database_checkpoint(laminar_database *db, int64_t *id, laminar_error *err) {
    error  e = {.position = -1};
    status s = db_check_open(db, &e);
    s = s < 0 ? s : db_check_inside(db, &e);
    s = s < 0 ? s : make(db, id, &e);
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_checkpoints(laminar_database *db, laminar_result **out, laminar_error *err) {
    error  e = {.position = -1};
    status s = db_enter(db, &e);
    if (s == OK) {
        s = checkpoint_list(db, out, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

static void
fill(const laminar_database *db, laminar_checkpoint_status *out) {
    durable                  *d = db->durable;
    const int64_t             interval_ms = db_setting(db, SETTING_CHECKPOINT_INTERVAL_MS);
    laminar_checkpoint_status made = {.size = out->size,
                                      .enabled = checkpoint_is_enabled(db),
                                      .interval_ms = interval_ms == INT64_MIN ? 0 : interval_ms,
                                      .wal_bytes = -1};
    if (d != NULL) {
        made.wal_bytes = d->log == NULL ? -1 : wal_bytes(d->log);
        mutex_lock(&d->checkpoints.lock);
        if (d->checkpoints.count > 0) {
            const manifest *m = &d->checkpoints.list[d->checkpoints.count - 1];
            made.last_id = m->id;
            made.last_created_us = m->created_us;
            made.last_duration_us = m->duration_us;
            made.last_stall_us = m->stall_us;
        }
        mutex_unlock(&d->checkpoints.lock);
    }
    memcpy(out, &made, out->size < sizeof(made) ? out->size : sizeof(made));
}

laminar_status
laminar_database_checkpoint_status(laminar_database *db, laminar_checkpoint_status *out,
                                   laminar_error *err) {
    error  e = {.position = -1};
    status s = db_enter(db, &e);
    if (s == OK) {
        fill(db, out);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}
