/* SPDX-License-Identifier: Apache-2.0 */
/* system.c - laminar.metrics and its like: what there is and what it did, as relations of a query.
 * A table is filled with the token, for each statement anew. */
#include "db/system.h"

#include "db/checkpoint.h"
#include "db/pipeline.h"
#include "db/sink.h"

typedef struct system_relation {
    relation        base;
    mem            *mem;
    laminar_result *rows;
    int32_t         at;
    char            label[64];
} system_relation;

/* ---------------------------------------------------------------------------------- tables */
static status
add_ms(db_listing *l, int32_t at, int64_t us, error *err) {
    return us == INT64_MIN || us == INT64_MAX
               ? column_append_null(&l->rows, at, err)
               : db_listing_count(l, at, floor_div_i64(us, 1000), err);
}

static status
list_metrics(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"name", TYPE_TEXT}, {"value", TYPE_I64}, {"unit", TYPE_TEXT}};
    laminar_database *db = c->db;
    engine_counters   n;
    db_listing        l;
    engine_count(db->engine, &n);
    const int64_t up_ns = clock_ticks_ns(&db->clock.base) - db->opened_ns;
    const struct {
        const char *name;
        int64_t     value;
        const char *unit;
    } all[] = {{"ingested", n.rows_in, "rows"},
               {"emitted", n.rows_out, "rows"},
               {"dropped", n.rows_late, "rows"},
               {"delivered", n.rows_delivered, "rows"},
               {"inserts", n.inserts, "inserts"},
               {"ticks", n.ticks, "ticks"},
               {"sources", n.source_count, "objects"},
               {"streams", n.stream_count, "objects"},
               {"sinks", sink_total(db), "objects"},
               {"active_queries", db_active_queries(db), "queries"},
               {"memory", atomic_load(&db->mem->bytes_used), "bytes"},
               {"uptime", up_ns / 1000000, "ms"}};
    TRY(db_listing_open(&l, db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < ARRAY_COUNT(all); i++) {
        s = db_listing_text(&l, 0, text_of(all[i].name), err);
        s = s < 0 ? s : db_listing_count(&l, 1, all[i].value, err);
        s = s < 0 ? s : db_listing_text(&l, 2, text_of(all[i].unit), err);
    }
    s = s < 0 ? s : db_listing_text(&l, 0, TEXT("watermark"), err);
    s = s < 0 ? s : add_ms(&l, 1, n.watermark_us, err);
    s = s < 0 ? s : db_listing_text(&l, 2, TEXT("ms"), err);
    return db_listing_close(&l, s, out, err);
}

static status
add_operator(db_listing *l, const object *o, const stream_operator *f, error *err) {
    const int64_t counts[] = {f->number,         f->rows_in,    f->rows_out,    f->late_rows,
                              f->null_time_rows, f->state_rows, f->state_bytes, f->result_rows};
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_text(l, 1, text_of(f->name), err));
    for (int32_t i = 0; i < ARRAY_COUNT(counts); i++) {
        TRY(db_listing_count(l, i + 2, counts[i], err));
    }
    return OK;
}

static status
list_operators(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"stream", TYPE_TEXT},        {"operator", TYPE_TEXT},
                                          {"number", TYPE_I64},         {"rows_in", TYPE_I64},
                                          {"rows_out", TYPE_I64},       {"late_rows", TYPE_I64},
                                          {"null_time_rows", TYPE_I64}, {"state_rows", TYPE_I64},
                                          {"state_bytes", TYPE_I64},    {"result_rows", TYPE_I64}};
    const catalog           *all = c->db->catalog;
    db_listing               l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(all); i++) {
        const object   *o = catalog_at(all, i);
        stream_operator f;
        for (int32_t k = 0;
             s >= 0 && o->kind == OBJECT_STREAM && stream_operator_at(o->impl, &k, &f); k++) {
            s = add_operator(&l, o, &f, err);
        }
    }
    return db_listing_close(&l, s, out, err);
}

static status
add_mark(db_listing *l, const object *o, error *err) {
    const bool is_stream = o->kind == OBJECT_STREAM;
    int64_t    us;
    bool       timed, idle = false;
    if (is_stream) {
        stream_diagnosis d;
        stream_diagnose(o->impl, &d);
        us = d.counters.watermark_us;
        timed = d.timed_count > 0;
        idle = timed && d.idle_count == d.timed_count;
    } else {
        us = source_watermark_us(o->impl);
        timed = source_is_timed(o->impl);
        idle = source_is_idle(o->impl);
    }
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_text(l, 1, text_of(object_kind_name(o->kind)), err));
    TRY(add_ms(l, 2, us, err));
    TRY(column_append_i64(&l->rows, 3, timed, err));
    return column_append_i64(&l->rows, 4, idle, err);
}

static status
list_watermarks(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"name", TYPE_TEXT},
                                          {"kind", TYPE_TEXT},
                                          {"watermark", TYPE_I64},
                                          {"has_event_time", TYPE_BOOL},
                                          {"is_idle", TYPE_BOOL}};
    db_listing               l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        const bool    has =
            o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE || o->kind == OBJECT_STREAM;
        s = has ? add_mark(&l, o, err) : OK;
    }
    return db_listing_close(&l, s, out, err);
}

static status
list_checkpoints(statement_context *c, laminar_result **out, error *err) {
    return checkpoint_list(c->db, out, err);
}

static status
list_errors(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"time", TYPE_TIMESTAMPTZ},
                                          {"code", TYPE_I64},
                                          {"kind", TYPE_TEXT},
                                          {"object", TYPE_TEXT},
                                          {"message", TYPE_TEXT}};
    logged_error            *all = arena_alloc(&c->arena, sizeof(*all) * ERRORS_KEPT);
    db_listing               l;
    if (all == NULL) {
        return error_memory(err);
    }
    const int32_t count = error_log_read(engine_errors(c->db->engine), all);
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < count; i++) {
        const logged_error *e = &all[i];
        s = db_listing_count(&l, 0, e->time_us, err);
        s = s < 0 ? s : db_listing_count(&l, 1, e->code, err);
        s = s < 0 ? s : db_listing_text(&l, 2, text_of(e->kind), err);
        s = s < 0 ? s
                  : db_listing_text(
                        &l, 3, e->object[0] == '\0' ? (text){NULL, 0} : text_of(e->object), err);
        s = s < 0 ? s : db_listing_text(&l, 4, text_of(e->message), err);
    }
    return db_listing_close(&l, s, out, err);
}

static status
list_queries(statement_context *c, laminar_result **out, error *err) {
    return db_list_queries(c->db, out, err);
}

static status
add_source(db_listing *l, const object *o, error *err) {
    const source *s = o->impl;
    const table  *t = source_table(s);
    const int64_t counts[] = {table_row_count(t),     table_live_count(t),
                              table_byte_count(t),    table_evicted_bytes(t),
                              source_pending_rows(s), source_null_time_rows(s)};
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_text(l, 1, text_of(object_kind_name(o->kind)), err));
    for (int32_t i = 0; i < ARRAY_COUNT(counts); i++) {
        TRY(db_listing_count(l, i + 2, counts[i], err));
    }
    TRY(add_ms(l, 8, source_watermark_us(s), err));
    return db_listing_text(l, 9, o->sql, err);
}

static status
list_sources(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"name", TYPE_TEXT},         {"kind", TYPE_TEXT},          {"rows", TYPE_I64},
        {"retained_rows", TYPE_I64}, {"retained_bytes", TYPE_I64}, {"spilled_bytes", TYPE_I64},
        {"pending_rows", TYPE_I64},  {"null_time_rows", TYPE_I64}, {"watermark", TYPE_I64},
        {"sql", TYPE_TEXT}};
    db_listing l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        s = o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE ? add_source(&l, o, err) : OK;
    }
    return db_listing_close(&l, s, out, err);
}

static status
add_stream(const laminar_database *db, db_listing *l, const object *o, error *err) {
    const stream      *s = o->impl;
    const db_pipeline *p = pipeline_of(db, stream_pipeline(s));
    const histogram   *h = stream_latency(s);
    stream_counters    n;
    error              why = {0};
    const bool         failed = stream_failure(s, &why) || stream_waits_for_code(s, &why);
    stream_count(s, &n);
    const int64_t counts[] = {n.rows_in,      n.rows_out,   n.late_rows,  n.null_time_rows,
                              n.pending_rows, n.state_rows, n.state_bytes};
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_text(l, 1, p == NULL ? (text){NULL, 0} : p->name, err));
    TRY(db_listing_text(l, 2, text_of(pipeline_stream_state(db, s)), err));
    TRY(db_listing_text(l, 3, failed ? text_of(why.message) : (text){NULL, 0}, err));
    for (int32_t i = 0; i < ARRAY_COUNT(counts); i++) {
        TRY(db_listing_count(l, i + 4, counts[i], err));
    }
    TRY(add_ms(l, 11, n.watermark_us, err));
    TRY(column_append_f64(&l->rows, 12, (double)histogram_percentile(h, 0.5) / 1000, err));
    TRY(column_append_f64(&l->rows, 13, (double)histogram_percentile(h, 0.99) / 1000, err));
    return db_listing_text(l, 14, o->sql, err);
}

static status
list_streams(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"name", TYPE_TEXT},      {"pipeline", TYPE_TEXT},      {"state", TYPE_TEXT},
        {"error", TYPE_TEXT},     {"rows_in", TYPE_I64},        {"rows_out", TYPE_I64},
        {"late_rows", TYPE_I64},  {"null_time_rows", TYPE_I64}, {"pending_rows", TYPE_I64},
        {"state_rows", TYPE_I64}, {"state_bytes", TYPE_I64},    {"watermark", TYPE_I64},
        {"p50_us", TYPE_F64},     {"p99_us", TYPE_F64},         {"sql", TYPE_TEXT}};
    db_listing l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        s = o->kind == OBJECT_STREAM ? add_stream(c->db, &l, o, err) : OK;
    }
    return db_listing_close(&l, s, out, err);
}

static const system_table system_tables[] = {{"checkpoints", list_checkpoints},
                                             {"errors", list_errors},
                                             {"metrics", list_metrics},
                                             {"operators", list_operators},
                                             {"pipelines", show_pipelines},
                                             {"queries", list_queries},
                                             {"sinks", sink_show},
                                             {"sources", list_sources},
                                             {"streams", list_streams},
                                             {"watermarks", list_watermarks},
                                             {NULL, NULL}};

/* ---------------------------------------------------------------------------------- the relation
 */
static status
system_start(relation *base, const int32_t *wanted, int32_t count, error *err) {
    (void)wanted;
    (void)count;
    (void)err;
    ((system_relation *)base)->at = 0;
    return OK;
}

static status
system_next(relation *base, delta *out, error *err) {
    system_relation *r = (system_relation *)base;
    (void)err;
    if (r->at >= r->rows->rows->batch_count) {
        return DONE;
    }
    *out = r->rows->rows->batches[r->at++]->rows;
    return OK;
}

static void
system_close(relation *base) {
    system_relation *r = (system_relation *)base;
    laminar_result_free(r->rows);
    mem_free(r->mem, r, sizeof(*r));
}

static const relation_class system_class = {.start = system_start,
                                            .next = system_next,
                                            .close = system_close};

status
rows_relation(relation **out, mem *m, laminar_result *rows, text label, error *err) {
    system_relation *r = mem_alloc_zero(m, sizeof(*r));
    if (r == NULL) {
        laminar_result_free(rows);
        return error_memory(err);
    }
    *r = (system_relation){.mem = m, .rows = rows};
    (void)snprintf(r->label, sizeof(r->label), "%.*s", TEXT_ARG(label));
    r->base = (relation){.class = &system_class,
                         .schema = rows->rows->schema,
                         .label = text_of(r->label),
                         .row_estimate = rows->rows->row_count};
    *out = &r->base;
    return OK;
}

static status
unknown(text place, const system_table *all, const ast_name *name, error *err) {
    text    names[16];
    int32_t count = 0;
    while (all[count].name != NULL) {
        names[count] = text_of(all[count].name);
        count++;
    }
    const int32_t near = text_nearest(name->text, names, count);
    error_set_at(err, ERR_NOT_FOUND_IN_QUERY, name->position, "Table not found: %.*s.%.*s",
                 TEXT_ARG(place), TEXT_ARG(name->text));
    if (near >= 0) {
        return error_hint(err, "did you mean %.*s.%s?", TEXT_ARG(place), all[near].name);
    }
    return error_hint(err, "%s",
                      all == information_tables
                          ? "information_schema. has check_constraints, columns, key_column_usage, "
                            "referential_constraints, schemata, table_constraints, tables and views"
                          : "laminar. has checkpoints, errors, metrics, operators, pipelines, "
                            "queries, sinks, sources, streams and watermarks");
}

const char *
system_name_at(text place, int32_t i) {
    const bool of_laminar = text_equal_nocase(place, TEXT("laminar"));
    if (!of_laminar && !text_equal_nocase(place, TEXT("information_schema"))) {
        return NULL;
    }
    return (of_laminar ? system_tables : information_tables)[i].name;
}

status
system_open(relation **out, statement_context *c, text place, const ast_name *name, error *err) {
    laminar_database   *db = c->db;
    laminar_result     *rows = NULL;
    char                label[64];
    const bool          of_laminar = text_equal(place, TEXT("laminar"));
    const system_table *all = of_laminar ? system_tables : information_tables;
    const system_table *t = all;
    while (t->name != NULL && !text_equal_nocase(name->text, text_of(t->name))) {
        t++;
    }
    if (t->name == NULL) {
        return unknown(place, all, name, err);
    }
    TRY(db_enter(db, err));
    const status s = t->list(c, &rows, err);
    db_leave(db);
    TRY(s);
    (void)snprintf(label, sizeof(label), "%.*s.%s", TEXT_ARG(place), t->name);
    return rows_relation(out, db->mem, rows, text_of(label), err);
}
