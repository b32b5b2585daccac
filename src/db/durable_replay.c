/* SPDX-License-Identifier: Apache-2.0 */
/* durable_replay.c - records of the log, and definitions of a checkpoint, run again: see durable.h.
 * The clock is stepped to where it stood, and what fell due by then has happened. */
#include <stdio.h>

#include "batch/batch_image.h"
#include "db/durable_internal.h"
#include "db/going.h"
#include "kernel/kernel.h"

typedef struct replay {
    laminar_database *db;
    image_reader      in;
    durable_ready    *ready;     /* rows that were made ahead; NULL: none */
    bool              is_record; /* of the log; else definitions */
    bool              changed;   /* rows or watermarks, behind which it has nothing else */
} replay;

status
durable_execute(laminar_database *db, text sql, error *err) {
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
    return durable_execute(r->db, text_of(sql), err);
}

/* The clock stands where it stood, and what fell due by then has happened. */
static status
take_instant(replay *r, error *err) {
    int64_t at_us;
    TRY(image_take_i64(&r->in, &at_us, err));
    /* A clock that was set back: it stays. */
    return at_us < clock_now_us(&r->db->clock.base) || !db_clock_is_stepped(r->db)
               ? OK
               : db_go_to(r->db, at_us, err);
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
    if (!table_has_live(source_table(o->impl), dead, dead_count)) {
        return image_corrupt("rows that go and are not there", err);
    }
    row_change c = {.rows = rows, .dying = dead, .dying_count = dead_count};
    return engine_change(e, o->impl, &c, err);
}

status
durable_check_rows(const batch *b, error *err) {
    for (int32_t i = 0; i < b->rows.column_count; i++) {
        const column *c = &b->rows.columns[i];
        const char   *what = column_fault(c, b->rows.row_count);
        if (what != NULL) {
            return image_corrupt(what, err);
        }
    }
    return OK;
}

static status
take_rows(replay *r, const schema *s, batch **out, error *err) {
    *out = durable_ready_take(r->ready, &r->in, s);
    if (*out != NULL) {
        return OK;
    }
    TRY(batch_image_take(&r->in, s, out, r->db->mem, err));
    return durable_check_rows(*out, err);
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
        s = take_rows(r, o->schema, &rows, err);
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
    const status ran = durable_execute(r->db, sql, err);
    TRY(may_fail ? OK : ran);
    object *o = name.size == 0 ? NULL : catalog_find(r->db->catalog, name, true);
    if (o != NULL) {
        o->declared = arena_text(&o->arena, declared);
    }
    return o == NULL || o->declared.data != NULL ? OK : error_memory(err);
}

/* The newest object is a view that is not bound: it stays as it was told. */
static void
note_view(laminar_database *db, text typed, text kept, text columns) {
    durable      *d = db->durable;
    const object *o = catalog_at(db->catalog, catalog_count(db->catalog) - 1);
    buf           item;
    buf_init(&item, db->mem, SIZE_MAX / 2);
    (void)buf_append_char(&item, ITEM_VIEW);
    image_put_i64(&item, clock_now_us(&db->clock.base));
    image_put_text(&item, typed);
    image_put_text(&item, kept);
    image_put_text(&item, columns);
    if (item.failed) {
        d->definitions.is_incomplete = true;
    } else {
        definitions_add_object(&d->definitions, o, buf_text(&item));
    }
    buf_fini(&item);
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
    if (durable_execute(r->db, typed, err) == OK) {
        return OK;
    }
    TRY(view_keep_unbound(r->db, typed, kept, columns, err));
    note_view(r->db, typed, kept, columns);
    return OK;
}

/* What follows is about the state of that checkpoint, or of a later one. */
static status
take_floor(replay *r, error *err) {
    int64_t id;
    TRY(image_take_i64(&r->in, &id, err));
    if (r->db->durable->checkpoints.loaded >= id) {
        return OK;
    }
    (void)error_set(err, ERR_CORRUPTION,
                    "it goes on from checkpoint %lld, which cannot be read or is not there",
                    (long long)id);
    return error_hint(err,
                      "laminardb.salvage(path, into) makes a new database of what came before");
}

static status
take_item(replay *r, error *err) {
    char item;
    TRY(image_take(&r->in, &item, 1, err));
    if (item == ITEM_CHANGE || item == ITEM_WATERMARK) {
        r->changed = true;
    } else if (r->changed && r->is_record) {
        return image_corrupt("an item behind changes", err);
    }
    switch (item) {
    case ITEM_GROUP:
        if (engine_in_transaction(r->db->engine)) {
            return image_corrupt("a transaction in a transaction", err);
        }
        engine_begin(r->db->engine);
        return OK;
    case ITEM_RANDOM:
        return take_random(r, err);
    case ITEM_FLOOR:
        return take_floor(r, err);
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
run_items(replay *r, error *err) {
    status s = OK;
    while (s == OK && r->in.left > 0) {
        s = take_item(r, err);
    }
    return end_record(r->db, s, err);
}

status
durable_run_items(laminar_database *db, text items, error *err) {
    replay r = {.db = db, .in = {.at = items.data, .left = items.size}};
    return run_items(&r, err);
}

status
durable_take_record(void *context, int64_t sequence, text record, error *err) {
    const wal_helper *h = context;
    error             why = {0};
    replay            r = {.db = h->context,
                           .in = {.at = record.data, .left = record.size},
                           .ready = h->made,
                           .is_record = true};
    const status      s = run_items(&r, &why);
    if (s == OK || s == ERR_OUT_OF_MEMORY) {
        *err = s < 0 ? why : *err;
        return s;
    }
    (void)error_set(err, ERR_CORRUPTION, "record %lld of the log cannot be run again: %.300s",
                    (long long)sequence, why.message);
    return why.hint[0] == '\0' ? ERR_CORRUPTION : error_hint(err, "%s", why.hint);
}

int64_t
durable_floor_of(text record) {
    error        ignored;
    char         item = 0;
    int64_t      id = 0;
    image_reader in = {.at = record.data, .left = record.size};
    return image_take(&in, &item, 1, &ignored) == OK && item == ITEM_FLOOR &&
                   image_take_i64(&in, &id, &ignored) == OK
               ? id
               : 0;
}
