/* SPDX-License-Identifier: Apache-2.0 */
/* objects.c - what there is: lists, schemas and counters of sources and streams. */
#include <stdio.h>

#include "arrow/arrow.h"
#include "db/pipeline.h"
#include "db/sink.h"

static object_kind
kind_of(laminar_object_kind kind) {
    switch (kind) {
    case LAMINAR_OBJECT_SOURCE:
        return OBJECT_SOURCE;
    case LAMINAR_OBJECT_TABLE:
        return OBJECT_TABLE;
    case LAMINAR_OBJECT_SINK:
        return OBJECT_SINK;
    default:
        return OBJECT_STREAM;
    }
}

static status
list_objects(laminar_database *db, object_kind kind, laminar_result **out, error *err) {
    arena a;
    arena_init(&a, db->mem);
    const int32_t total = catalog_count(db->catalog);
    text         *cells = arena_alloc(&a, sizeof(text) * 2 * (size_t)(total + 1));
    int32_t       n = 0;
    for (int32_t i = 0; cells != NULL && i < total; i++) {
        const object *o = catalog_at(db->catalog, i);
        if (o->kind == kind) {
            cells[2 * n] = o->name;
            cells[2 * n + 1] = o->sql;
            n++;
        }
    }
    static const char *const names[] = {"name", "sql"};
    status                   s = error_memory(err);
    if (cells != NULL) {
        s = answer_texts(out, db->mem, LAMINAR_RESULT_METADATA, names, 2, cells, n, err);
    }
    arena_fini(&a);
    return s;
}

laminar_status
laminar_database_list(laminar_database *db, laminar_object_kind kind, laminar_result **out,
                      laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        s = list_objects(db, kind_of(kind), out, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

/* A view is text: what reads it reads what it stands for. */
static bool
is_edge(const object *input) {
    return input->kind != OBJECT_VIEW && input->kind != OBJECT_FUNCTION;
}

static int32_t
edge_count(const object *o) {
    int32_t n = 0;
    for (int32_t i = 0; i < o->input_count; i++) {
        n += is_edge(o->inputs[i]);
    }
    return n;
}

/* Of a pipeline (NULL: all): its streams, what they read, and the sinks that read them. */
static bool
is_part_of(const laminar_database *db, const object *o, const pipeline *p) {
    if (p == NULL || (o->kind == OBJECT_STREAM && stream_pipeline(o->impl) == p)) {
        return true;
    }
    for (int32_t i = 0; i < o->dependent_count; i++) {
        const object *reader = o->dependents[i];
        if ((reader->kind == OBJECT_STREAM || reader->kind == OBJECT_VIEW) &&
            is_part_of(db, reader, p)) {
            return true;
        }
    }
    for (int32_t i = 0; o->kind == OBJECT_SINK && i < o->input_count; i++) {
        if (o->inputs[i]->kind == OBJECT_STREAM && stream_pipeline(o->inputs[i]->impl) == p) {
            return true;
        }
    }
    return false;
}

static status
list_edges(laminar_database *db, const pipeline *p, laminar_result **out, error *err) {
    const int32_t total = catalog_count(db->catalog);
    int32_t       rows = 0, n = 0;
    arena         a;
    arena_init(&a, db->mem);
    for (int32_t i = 0; i < total; i++) {
        const object *o = catalog_at(db->catalog, i);
        const int32_t inputs = edge_count(o);
        rows += (inputs == 0 ? 1 : inputs) + (o->late_to != NULL);
    }
    text *cells = arena_alloc(&a, sizeof(text) * 4 * (size_t)(rows + 1));
    for (int32_t i = 0; cells != NULL && i < total; i++) {
        const object *o = catalog_at(db->catalog, i);
        const bool    alone = edge_count(o) == 0;
        if (!is_part_of(db, o, p)) {
            continue;
        }
        for (int32_t k = 0; o->kind != OBJECT_VIEW && k < (alone ? 1 : o->input_count); k++) {
            if (!alone && !is_edge(o->inputs[k])) {
                continue;
            }
            text *row = cells + 4 * (size_t)n++;
            row[0] = o->name;
            row[1] = text_of(object_kind_name(o->kind));
            row[2] = o->sql;
            row[3] = alone ? (text){0} : o->inputs[k]->name;
        }
        if (o->late_to != NULL) { /* late rows come to a source from the stream */
            text *row = cells + 4 * (size_t)n++;
            row[0] = o->late_to->name;
            row[1] = text_of(object_kind_name(o->late_to->kind));
            row[2] = o->late_to->sql;
            row[3] = o->name;
        }
    }
    static const char *const names[] = {"name", "kind", "sql", "input"};
    status                   s = error_memory(err);
    if (cells != NULL) {
        s = answer_texts(out, db->mem, LAMINAR_RESULT_METADATA, names, 4, cells, n, err);
    }
    arena_fini(&a);
    return s;
}

laminar_status
laminar_database_topology(laminar_database *db, laminar_result **out, laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        s = list_edges(db, NULL, out, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_pipeline_topology(laminar_database *db, const char *name, laminar_result **out,
                          laminar_error *err) {
    error        e = {.position = -1};
    db_pipeline *p;
    status       s = db_enter(db, &e);
    if (s == OK) {
        s = pipeline_need(&p, db, text_of(name), -1, &e);
        s = s == ERR_NOT_FOUND_IN_QUERY ? ERR_TABLE_NOT_FOUND
            : s < 0                     ? s
                                        : list_edges(db, p->impl, out, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_schema(laminar_database *db, const char *name, struct ArrowSchema *out,
                        laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        object *o = NULL;
        s = catalog_need(&o, db->catalog, text_of(name), false, ERR_TABLE_NOT_FOUND,
                         "Source or stream", -1, &e);
        if (s == OK) {
            s = arrow_export_schema(out, o->schema, false, db->mem, &e);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

/* Watermarks leave the engine as epoch milliseconds; "none yet" stays the smallest integer. */
static int64_t
watermark_ms(int64_t us) {
    return us == INT64_MIN ? INT64_MIN : floor_div_i64(us, 1000);
}

/* An older caller's struct may be shorter than ours. */
static void
copy_sized(void *out, const void *made, uint32_t size, size_t known) {
    const size_t n = size < known ? size : known;
    memcpy(out, made, n);
    memcpy(out, &size, sizeof(size));
}

static bool
is_target(const object *target, const void *of) {
    return target == of;
}

/* With the token. */
static bool
feeds(const object *target, const void *of) {
    return target->impl != NULL && stream_reads(of, target->impl);
}

/* Looked at before the call waits for the engine itself: afterwards nothing would be queued. */
static queue_load
look_ahead(laminar_database *db, const char *source_name, int64_t *queued) {
    error ignored = {0};
    if (db_check_open(db, &ignored) < 0) {
        return (queue_load){.capacity = 1};
    }
    object *o = source_name == NULL ? NULL : catalog_take(db->catalog, text_of(source_name));
    const queue_load load = queue_look(db, o);
    *queued = o == NULL ? 0 : queue_count(db, is_target, o);
    catalog_object_release(o);
    return load;
}

/* With the token: `load` is that of the common buffer, from before. */
static queue_load
look_at_inputs(laminar_database *db, const stream *st, queue_load load) {
    bool       in_common = false, in_own = false;
    queue_load own = {.capacity = 1};
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        const object *o = catalog_at(db->catalog, i);
        const bool    reads = (o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE) && feeds(o, st);
        if (reads && o->buffer_size > 0) {
            own = in_own ? queue_fuller(own, queue_look(db, o)) : queue_look(db, o);
            in_own = true;
        }
        in_common = in_common || (reads && o->buffer_size == 0);
    }
    if (!in_own) {
        return load;
    }
    return in_common ? queue_fuller(load, own) : own;
}

laminar_status
laminar_database_source_stats(laminar_database *db, const char *name, laminar_source_stats *out,
                              laminar_error *err) {
    error            e = {0};
    int64_t          queued = 0;
    const queue_load load = look_ahead(db, name, &queued);
    status           s = db_enter(db, &e);
    if (s == OK) {
        object *o = NULL;
        s = db_find_source(db, text_of(name), &o, &e);
        if (s == OK) {
            const source              *src = o->impl;
            const table               *t = source_table(src);
            const laminar_source_stats made = {
                .total_rows = table_row_count(t),
                .retained_rows = table_live_count(t),
                .retained_bytes = table_byte_count(t),
                .spilled_bytes = table_evicted_bytes(t),
                .watermark_ms = watermark_ms(source_watermark_us(src)),
                .null_time_rows = source_null_time_rows(src),
                .pending_rows = source_pending_rows(src) + queued,
                .capacity_rows = load.capacity,
                .queued_rows = load.rows,
                .is_backpressured = load.is_full || source_full_log(src) != NULL};
            copy_sized(out, &made, out->size, sizeof(made));
            catalog_object_release(o);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_latency
latency_of(const histogram *h) {
    return (laminar_latency){.count = h->count,
                             .min_ns = h->min,
                             .mean_ns = h->count == 0 ? 0 : h->sum / h->count,
                             .p50_ns = histogram_percentile(h, 0.5),
                             .p90_ns = histogram_percentile(h, 0.9),
                             .p99_ns = histogram_percentile(h, 0.99),
                             .p999_ns = histogram_percentile(h, 0.999),
                             .max_ns = h->max};
}

static void
fill_stream_stats(laminar_database *db, const stream *st, queue_load load,
                  laminar_stream_stats *out) {
    stream_counters c;
    error           why = {0};
    load = look_at_inputs(db, st, load);
    stream_count(st, &c);
    laminar_stream_stats made = {.rows_in = c.rows_in,
                                 .rows_out = c.rows_out,
                                 .late_rows = c.late_rows,
                                 .null_time_rows = c.null_time_rows,
                                 .ticks = c.ticks,
                                 .watermark_ms = watermark_ms(c.watermark_us),
                                 .state_bytes = c.state_bytes,
                                 .failed = stream_failure(st, &why),
                                 .state_rows = c.state_rows,
                                 .pending_rows = c.pending_rows + queue_count(db, feeds, st),
                                 .capacity_rows = load.capacity,
                                 .queued_rows = load.rows,
                                 .is_backpressured = load.is_full || c.backpressured,
                                 .latency = latency_of(stream_latency(st)),
                                 .lost_rows = c.lost_rows,
                                 .shared_state_bytes = c.shared_state_bytes,
                                 .shared_state_rows = c.shared_state_rows};
    (void)(made.failed || stream_waits_for_code(st, &why));
    (void)snprintf(made.error, sizeof(made.error), "%s", why.message);
    copy_sized(out, &made, out->size, sizeof(made));
}

laminar_status
laminar_database_stream_stats(laminar_database *db, const char *name, laminar_stream_stats *out,
                              laminar_error *err) {
    error            e = {0};
    int64_t          none;
    const queue_load load = look_ahead(db, NULL, &none);
    status           s = db_enter(db, &e);
    if (s == OK) {
        object *o = NULL;
        s = catalog_need(&o, db->catalog, text_of(name), false, ERR_TABLE_NOT_FOUND, "Stream", -1,
                         &e);
        if (s == OK && o->kind != OBJECT_STREAM) {
            s = error_set(&e, ERR_TABLE_NOT_FOUND, "Stream not found: %.*s", TEXT_ARG(o->name));
        }
        if (s == OK) {
            fill_stream_stats(db, o->impl, load, out);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_metrics(laminar_database *db, laminar_metrics *out, laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        engine_counters c;
        engine_count(db->engine, &c);
        const int64_t         up_ns = clock_ticks_ns(&db->clock.base) - db->opened_ns;
        const laminar_metrics made = {.source_count = c.source_count,
                                      .stream_count = c.stream_count,
                                      .sink_count = sink_total(db),
                                      .query_count = db_active_queries(db),
                                      .rows_in = c.rows_in,
                                      .rows_out = c.rows_out,
                                      .rows_dropped = c.rows_late,
                                      .inserts = c.inserts,
                                      .ticks = c.ticks,
                                      .uptime_us = up_ns / 1000,
                                      .watermark_ms = watermark_ms(c.watermark_us)};
        copy_sized(out, &made, out->size, sizeof(made));
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}
