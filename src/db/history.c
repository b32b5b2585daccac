/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - the counters of the last minutes as rows: see laminar_database_history. */
#include "exec/history.h"
#include "db/statement.h"

#define MINUTES_MAX (INT64_MAX / 60000000)

static const list_column columns[] = {
    {"time", TYPE_TIMESTAMPTZ}, {"ingested", TYPE_I64},     {"emitted", TYPE_I64},
    {"dropped", TYPE_I64},      {"inserts", TYPE_I64},      {"ticks", TYPE_I64},
    {"watermark", TYPE_I64},    {"memory_bytes", TYPE_I64}, {"delivered", TYPE_I64}};

enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]), WATERMARK = 6 };

static status
add_row(db_listing *l, const history_sample *s, error *err) {
    const int64_t cells[COLUMN_COUNT] = {s->time_us,
                                         s->rows_in,
                                         s->rows_out,
                                         s->rows_late,
                                         s->inserts,
                                         s->ticks,
                                         floor_div_i64(s->watermark_us, 1000),
                                         s->memory_bytes,
                                         s->rows_delivered};
    for (int32_t i = 0; i < COLUMN_COUNT; i++) {
        if (i == WATERMARK && s->watermark_us == INT64_MIN) {
            TRY(column_append_null(&l->rows, i, err));
        } else {
            TRY(column_append_i64(&l->rows, i, cells[i], err));
        }
    }
    return OK;
}

static status
add_rows(db_listing *l, laminar_database *db, int64_t minutes, error *err) {
    const history       *h = engine_history(db->engine);
    const history_sample now = engine_sample(db->engine, clock_now_us(&db->clock.base));
    const int64_t        from_us = sat_sub_i64(now.time_us, minutes * 60000000);
    for (int32_t i = 0; i < h->count; i++) {
        const history_sample *s = history_at(h, i);
        if (s->time_us >= from_us) {
            TRY(add_row(l, s, err));
        }
    }
    return add_row(l, &now, err);
}

laminar_status
laminar_database_history(laminar_database *db, int64_t minutes, laminar_result **out,
                         laminar_error *err) {
    error e = {0};
    if (minutes < 1) {
        return report(err, &e,
                      error_set(&e, ERR_INVALID_ARGUMENT, "minutes must be 1 or more, not %lld",
                                (long long)minutes),
                      TEXT(""));
    }
    status s = db_enter(db, &e);
    if (s == OK) {
        db_listing l;
        s = db_listing_open(&l, db->mem, columns, COLUMN_COUNT, &e);
        if (s == OK) {
            s = add_rows(&l, db, minutes < MINUTES_MAX ? minutes : MINUTES_MAX, &e);
            s = db_listing_close(&l, s, out, &e);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}
