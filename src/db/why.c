/* SPDX-License-Identifier: Apache-2.0 */
/* why.c - EXPLAIN WATERMARK: why a stream shows, or a sink writes, what it does, and the one thing
 * to do next.
 *
 * The first row is the stream or sink, the others are its sources at any depth. Watermarks are
 * epoch milliseconds, NULL before any row. */
#include <inttypes.h>

#include "db/pipeline.h"
#include "db/sink.h"
#include "type/calendar.h"

static const list_column columns[] = {
    {"name", TYPE_TEXT},         {"kind", TYPE_TEXT},       {"state", TYPE_TEXT},
    {"watermark", TYPE_I64},     {"behind_ms", TYPE_I64},   {"rows", TYPE_I64},
    {"rows_filtered", TYPE_I64}, {"rows_late", TYPE_I64},   {"rows_null_time", TYPE_I64},
    {"rows_waiting", TYPE_I64},  {"next_final", TYPE_I64},  {"held_by", TYPE_TEXT},
    {"rows_out", TYPE_I64},      {"suggestion", TYPE_TEXT},
};

/* What is asked about; a sink is told by the stream that feeds it. */
typedef struct subject {
    text             name;
    const stream    *s; /* NULL: a sink that has ended */
    sink            *k; /* NULL: a stream */
    stream_diagnosis d;
    sink_counters    now;
} subject;

/* ---------------------------------------------------------------------------------- suggestion */
static bool
suggest_pipeline(const db_pipeline *p, const stream_diagnosis *d, buf *out) {
    const pipeline_state state = pipeline_look(p->impl);
    if (state == PIPELINE_PAUSED) {
        buf_printf(out,
                   "its pipeline is paused with %" PRId64 " rows waiting: RESUME PIPELINE \"%.*s\"",
                   d->counters.pending_rows, TEXT_ARG(p->name));
    } else if (state != PIPELINE_RUNNING) {
        buf_printf(out, "its pipeline does not run: START PIPELINE \"%.*s\"", TEXT_ARG(p->name));
    }
    return state != PIPELINE_RUNNING;
}

/* What keeps the stream as a whole from moving. */
static bool
suggest_state(const laminar_database *db, const subject *x, buf *out) {
    const stream           *s = x->s;
    const stream_diagnosis *d = &x->d;
    error                   why = {0};
    if (stream_failure(s, &why)) {
        buf_printf(out, "it failed: %s; mend the cause, then ALTER STREAM \"%.*s\" RETRY",
                   why.message, TEXT_ARG(x->name));
        return true;
    }
    if (stream_waits_for_code(s, &why)) {
        buf_printf(out, "%s: register the function, then it takes what came meanwhile",
                   why.message);
        return true;
    }
    const db_pipeline *p = pipeline_of(db, stream_pipeline(s));
    if (p != NULL && atomic_load(&db->state) < DB_SHUTTING_DOWN &&
        (pipeline_look(p->impl) != PIPELINE_RUNNING || atomic_load(&db->state) == DB_CREATED)) {
        return suggest_pipeline(p, d, out);
    }
    switch (atomic_load(&db->state)) {
    case DB_CREATED:
        buf_printf(out, "streams have not been started: call start()");
        return true;
    case DB_PAUSED:
        buf_printf(out, "the pipeline is paused with %" PRId64 " rows waiting: call resume()",
                   d->counters.pending_rows);
        return true;
    case DB_STARTING:
    case DB_RUNNING:
        return false;
    default:
        buf_printf(out, "the pipeline was shut down: open the database again");
        return true;
    }
}

/* An instant as a person reads it, and as writer.watermark takes it. */
static void
print_instant(int64_t us, int64_t ms, buf *out) {
    if (timestamp_format(us, TEXT("%F %T.%L"), out)) {
        buf_printf(out, " (%" PRId64 ")", ms);
    } else {
        buf_printf(out, "%" PRId64 " ms", ms);
    }
}

/* What keeps windows from being final. */
static bool
suggest_watermark(const stream_diagnosis *d, buf *out) {
    const bool unheard = d->held_by != NULL && source_watermark_us(d->held_by) == INT64_MIN &&
                         source_null_time_rows(d->held_by) == 0;
    if (!d->timed || (!d->emits_final && d->counters.rows_out > 0) ||
        (d->due_us == INT64_MAX && (!unheard || d->counters.rows_in == 0))) {
        return false;
    }
    if (d->by_clock && d->due_us != INT64_MAX) {
        buf_printf(out, "the first open window ends by the clock, at ");
        print_instant(d->due_us, -floor_div_i64(-d->due_us, 1000), out);
        return true;
    }
    if (d->timed_count > 0 && d->idle_count == d->timed_count) {
        buf_printf(out,
                   "its sources are idle, so no watermark moves: windows end when a row comes, "
                   "or call writer(...).watermark(ms)");
        return true;
    }
    if (d->due_us == INT64_MAX) {
        buf_printf(out, "source \"%.*s\" has had no row, so no window can end: insert some there",
                   TEXT_ARG(source_object(d->held_by)->name));
        return true;
    }
    if (d->held_by == NULL) {
        buf_printf(out, "its sources have no event time, so no window ends: add WATERMARK FOR to "
                        "CREATE SOURCE, or call writer(...).watermark(ms)");
        return true;
    }
    const text    name = source_object(d->held_by)->name;
    const int64_t due_ms = -floor_div_i64(-d->due_us, 1000);
    buf_printf(out,
               unheard ? "source \"%.*s\" has had no row, and its watermark must reach "
                       : "the first open window waits for the watermark of \"%.*s\" to reach ",
               TEXT_ARG(name));
    print_instant(d->due_us, due_ms, out);
    buf_printf(out, ": insert later rows there, or call writer('%.*s').watermark(%" PRId64 ")",
               TEXT_ARG(name), due_ms);
    return true;
}

/* Where the rows went. */
static bool
suggest_rows(const stream *s, const stream_diagnosis *d, buf *out) {
    const stream_counters *c = &d->counters;
    if (c->rows_in == 0) {
        const source *src = stream_source(s, 0);
        const text    name = src == NULL ? TEXT("its inputs") : source_object(src)->name;
        buf_printf(out, "no row has reached it: insert into \"%.*s\"", TEXT_ARG(name));
    } else if (c->late_rows > 0) {
        buf_printf(out,
                   "%" PRId64
                   " rows came after their windows were final: declare a larger delay in "
                   "WATERMARK FOR, or ALLOW LATENESS in the stream",
                   c->late_rows);
    } else if (c->null_time_rows > 0) {
        buf_printf(out,
                   "%" PRId64
                   " rows have no event time and belong to no window: declare the column NOT "
                   "NULL to refuse them at the insert",
                   c->null_time_rows);
    } else if (c->rows_out == 0 && d->rows_filtered > 0) {
        buf_printf(out, "its conditions kept none of %" PRId64 " rows: look at WHERE and HAVING",
                   d->rows_filtered);
    } else {
        return false;
    }
    return true;
}

static void
suggest(const laminar_database *db, const subject *x, buf *out) {
    const stream           *s = x->s;
    const stream_diagnosis *d = &x->d;
    const bool              is_lost =
        d->counters.rows_out == 0 &&
        (d->counters.late_rows > 0 || (d->counters.null_time_rows > 0 && d->due_us == INT64_MAX));
    if (suggest_state(db, x, out) || (is_lost && suggest_rows(s, d, out)) ||
        suggest_watermark(d, out) || suggest_rows(s, d, out)) {
        return;
    }
    buf_printf(out, "nothing: it is up to date");
}

static void
suggest_failed_sink(const subject *x, buf *out) {
    const object *input = sink_failed_input(x->k);
    error         why = {0};
    if (input != NULL) {
        (void)stream_failure(input->impl, &why);
        buf_printf(
            out,
            "stream \"%.*s\" failed: %s; mend the cause, then ALTER STREAM \"%.*s\" RETRY and "
            "ALTER SINK \"%.*s\" RETRY",
            TEXT_ARG(input->name), why.message, TEXT_ARG(input->name), TEXT_ARG(x->name));
        return;
    }
    buf_printf(out, "it failed: %s; mend the cause, then ALTER SINK \"%.*s\" RETRY", x->now.error,
               TEXT_ARG(x->name));
}

static void
suggest_sink(const laminar_database *db, const subject *x, buf *out) {
    switch (x->now.state) {
    case SINK_FAILED:
        suggest_failed_sink(x, out);
        return;
    case SINK_WAITING:
        buf_printf(out, "its program is not there: call register_sink(\"%.*s\", ...)",
                   TEXT_ARG(x->name));
        return;
    case SINK_RETRYING:
        buf_printf(out, "nothing: its connector failed and is tried again: %s", x->now.error);
        return;
    case SINK_FINISHED:
        buf_printf(out, "the pipeline was shut down: open the database again");
        return;
    case SINK_RUNNING:
        break;
    }
    if (x->now.pending_rows > 0 && atomic_load(&db->state) == DB_RUNNING) {
        buf_printf(out, "nothing: %" PRId64 " rows wait for its connector", x->now.pending_rows);
    } else if (x->s != NULL) {
        suggest(db, x, out);
    }
}

/* ---------------------------------------------------------------------------------- rows */
static status
add_ms(db_listing *l, int32_t at, int64_t us, error *err) {
    return us == INT64_MIN || us == INT64_MAX
               ? column_append_null(&l->rows, at, err)
               : db_listing_count(l, at, floor_div_i64(us, 1000), err);
}

static status
add_nulls(db_listing *l, int32_t from, int32_t to, error *err) {
    for (int32_t i = from; i <= to; i++) {
        TRY(column_append_null(&l->rows, i, err));
    }
    return OK;
}

static status
add_behind(db_listing *l, const stream_diagnosis *d, int64_t watermark_us, error *err) {
    return d->timed_count == 0 || watermark_us == INT64_MIN
               ? column_append_null(&l->rows, 4, err)
               : db_listing_count(l, 4, (d->ahead_us - watermark_us) / 1000, err);
}

static const char *
state_of(const laminar_database *db, const subject *x) {
    const bool idle = x->s == NULL || x->now.state != SINK_RUNNING;
    if (x->k != NULL && idle) {
        return sink_state_name(x->now.state);
    }
    return pipeline_stream_state(db, x->s);
}

static status
add_subject(const laminar_database *db, db_listing *l, const subject *x, text suggestion,
            error *err) {
    const stream_diagnosis *d = &x->d;
    const stream_counters  *c = &d->counters;
    const int64_t counts[] = {c->rows_in, d->rows_filtered, c->late_rows, c->null_time_rows,
                              c->pending_rows + x->now.pending_rows};
    TRY(db_listing_text(l, 0, x->name, err));
    TRY(db_listing_text(l, 1, x->k == NULL ? TEXT("stream") : TEXT("sink"), err));
    TRY(db_listing_text(l, 2, text_of(state_of(db, x)), err));
    TRY(add_ms(l, 3, c->watermark_us, err));
    TRY(add_behind(l, d, c->watermark_us, err));
    for (int32_t i = 0; i < ARRAY_COUNT(counts); i++) {
        TRY(db_listing_count(l, 5 + i, counts[i], err));
    }
    TRY(add_ms(l, 10, d->due_us, err));
    TRY(db_listing_text(
        l, 11, d->held_by == NULL ? (text){NULL, 0} : source_object(d->held_by)->name, err));
    TRY(db_listing_count(l, 12, x->k == NULL ? c->rows_out : x->now.rows, err));
    return db_listing_text(l, 13, suggestion, err);
}

static status
add_source(db_listing *l, const source *s, const stream_diagnosis *d, error *err) {
    const object *o = source_object(s);
    const int64_t watermark_us = source_watermark_us(s);
    const bool    timed = source_is_timed(s);
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_text(l, 1, o->kind == OBJECT_TABLE ? TEXT("table") : TEXT("source"), err));
    TRY(db_listing_text(l, 2,
                        !timed              ? TEXT("no event time")
                        : source_is_idle(s) ? TEXT("idle")
                                            : TEXT("event time"),
                        err));
    TRY(add_ms(l, 3, timed ? watermark_us : INT64_MIN, err));
    TRY(timed ? add_behind(l, d, watermark_us, err) : column_append_null(&l->rows, 4, err));
    TRY(db_listing_count(l, 5, table_live_count(source_table(s)), err));
    TRY(add_nulls(l, 6, 7, err));
    TRY(db_listing_count(l, 8, source_null_time_rows(s), err));
    TRY(db_listing_count(l, 9, source_pending_rows(s), err));
    return add_nulls(l, 10, 13, err);
}

static status
list_all(const laminar_database *db, db_listing *l, const subject *x, text suggestion, error *err) {
    TRY(add_subject(db, l, x, suggestion, err));
    const source *s;
    for (int32_t i = 0; x->s != NULL && (s = stream_source(x->s, i)) != NULL; i++) {
        TRY(add_source(l, s, &x->d, err));
    }
    return OK;
}

static status
find_subject(subject *x, const statement_context *c, const ast_statement *st, error *err) {
    object *o = catalog_find(c->db->catalog, st->name.text, st->name.quoted);
    *x = (subject){.now = {.state = SINK_RUNNING}, .d = {.due_us = INT64_MAX}};
    x->d.counters.watermark_us = INT64_MIN;
    if (o != NULL && o->kind == OBJECT_SINK) {
        x->k = o->impl;
        x->s = sink_stream(x->k);
        sink_count(x->k, &x->now);
    } else {
        TRY(statement_stream(&o, c, st, err));
        x->s = o->impl;
    }
    x->name = o->name;
    if (x->s != NULL) {
        stream_diagnose(x->s, &x->d);
    }
    return OK;
}

status
why_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    subject    x;
    db_listing l;
    buf        suggestion;
    TRY(find_subject(&x, c, st, err));
    buf_init(&suggestion, c->db->mem, 4096);
    if (x.k != NULL) {
        suggest_sink(c->db, &x, &suggestion);
    } else {
        suggest(c->db, &x, &suggestion);
    }
    status s = suggestion.failed
                   ? error_memory(err)
                   : db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err);
    if (s == OK) {
        s = list_all(c->db, &l, &x, buf_text(&suggestion), err);
        s = db_listing_close(&l, s, out, err);
    }
    buf_fini(&suggestion);
    return s;
}
