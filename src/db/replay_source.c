/* SPDX-License-Identifier: Apache-2.0 */
/* replay_source.c - laminar_replay: a source's rows again, as fast as they can be read or paced by
 * the database's clock. */
#include "db/internal.h"
#include "exec/playback.h"

struct laminar_replay {
    laminar_database *db; /* counted */
    playback         *rows;
    interrupt         guard;
    double            speed; /* 0: no pace */
    bool              begun;
    int64_t           began_us, first_us; /* the clock and the row's time at the first row */
};

static status
open_rows(laminar_replay *r, laminar_database *db, const char *name, int64_t start_us,
          int64_t end_us, error *err) {
    object *o = NULL;
    TRY(db_find_source(db, text_of(name), &o, err));
    status s = OK;
    if (o->kind != OBJECT_SOURCE) {
        s = error_set(err, ERR_QUERY_FAILED,
                      "\"%s\" is a table, whose rows change: a replay is of a source", name);
        s = error_hint(err, "query_at gives a table as it was");
    }
    if (s == OK) {
        s = playback_open(&r->rows, o->impl, db_in_foreign_transaction(db), start_us, end_us, err);
    }
    catalog_object_release(o);
    return s;
}

laminar_status
laminar_replay_open(laminar_replay **out, laminar_database *db, const char *source_name,
                    int64_t start_us, int64_t end_us, double speed, laminar_error *err) {
    error           e = {0};
    laminar_replay *r = NULL;
    status          s = OK;
    if (!(speed >= 0) || speed > 1e12) {
        s = error_set(&e, ERR_INVALID_ARGUMENT,
                      "speed must be more than 0 (1.0 is real time), not %g", speed);
    }
    s = s < 0 ? s : db_enter(db, &e);
    if (s == OK) {
        r = mem_alloc_zero(db->mem, sizeof(*r));
        s = r == NULL ? error_memory(&e) : open_rows(r, db, source_name, start_us, end_us, &e);
        db_leave(db);
    }
    if (s < 0) {
        if (r != NULL) {
            mem_free(db->mem, r, sizeof(*r));
        }
        return report(err, &e, s, TEXT(""));
    }
    r->db = db_retain(db);
    r->speed = speed;
    r->guard = (interrupt){.check = db->interrupt_check,
                           .context = db->interrupt_context,
                           .clock = &db->clock.base,
                           .next_ns = clock_ticks_ns(&db->clock.base)};
    *out = r;
    return OK;
}

/* When a row of that time is due by the clock. */
static int64_t
due_us(const laminar_replay *r, int64_t time_us) {
    const double after_us = ((double)time_us - (double)r->first_us) / r->speed;
    return after_us >= 9e18 ? INT64_MAX : sat_add_i64(r->began_us, (int64_t)after_us);
}

/* The time of rows that are due at that instant of the clock. */
static int64_t
time_at(const laminar_replay *r, int64_t now_us) {
    const double after_us = ((double)now_us - (double)r->began_us) * r->speed;
    return after_us >= 9e18 ? INT64_MAX : sat_add_i64(r->first_us, (int64_t)after_us);
}

static status
wait_until(laminar_replay *r, int64_t us, int64_t *now_us, error *err) {
    laminar_database *db = r->db;
    for (;;) {
        const uint32_t seen = atomic_load(&db->clock_word);
        TRY(db_check_open(db, err));
        *now_us = clock_now_us(&db->clock.base);
        if (*now_us >= us) {
            return OK;
        }
        const int64_t left_us = db->deterministic ? WAIT_LOOK_US : us - *now_us;
        (void)futex_wait(&db->clock_word, seen, min_i64(left_us, WAIT_LOOK_US));
        if (db_is_interrupted(db)) {
            return error_set(err, ERR_QUERY_CANCELLED, "replay was interrupted");
        }
    }
}

static status
next_rows(laminar_replay *r, laminar_result **out, error *err) {
    int64_t next_us, now_us, until_us = INT64_MAX;
    result *rows = NULL;
    TRY(db_check_open(r->db, err));
    status s = playback_due_us(r->rows, &next_us, &r->guard, err);
    if (s != OK) {
        return s;
    }
    if (r->speed > 0) {
        if (!r->begun) {
            r->begun = true;
            r->began_us = clock_now_us(&r->db->clock.base);
            r->first_us = next_us;
        }
        TRY(wait_until(r, due_us(r, next_us), &now_us, err));
        until_us = max_i64(next_us, time_at(r, now_us));
    }
    TRY(playback_next(r->rows, until_us, &rows, err));
    return answer_rows(out, r->db->mem, LAMINAR_RESULT_QUERY, rows, err);
}

laminar_status
laminar_replay_next(laminar_replay *r, laminar_result **out, laminar_error *err) {
    error        e = {0};
    const status s = next_rows(r, out, &e);
    return s == DONE ? LAMINAR_DONE : report(err, &e, s, TEXT(""));
}

void
laminar_replay_close(laminar_replay *r) {
    if (r != NULL) {
        laminar_database *db = r->db;
        playback_close(r->rows);
        mem_free(db->mem, r, sizeof(*r));
        db_release(db);
    }
}
