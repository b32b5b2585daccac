/* SPDX-License-Identifier: Apache-2.0 */
/* sink_ddl.c - CREATE SINK's options, ALTER SINK, SHOW SINKS and what a program asks of sinks. */
#include <stdio.h>

#include "db/pipeline.h"
#include "db/sink.h"
#include "db/subscription.h"
#include "type/time_text.h"

#define RETRIES 8
#define RETRY_US 100000

/* ---------------------------------------------------------------------------------- options */
typedef struct sink_setting {
    const char *name, *takes;
    bool        is_text;
} sink_setting;

enum { SET_CONNECTOR, SET_PATH, SET_RETRIES, SET_RETRY_INTERVAL, SET_LAG_BYTES, SET_ON_LAG };
static const sink_setting settings[] = {
    [SET_CONNECTOR] = {"connector", "'file' or 'python'", true},
    [SET_PATH] = {"path", "the path of a file", true},
    [SET_RETRIES] = {"retries", "a number from 0 to 1000", false},
    [SET_RETRY_INTERVAL] = {"retry_interval", "an interval, as '100 ms'", true},
    [SET_LAG_BYTES] = {"max_lag_bytes", "a number of bytes, at least 1", false},
    [SET_ON_LAG] = {"on_lag", "'block', 'error' or 'drop_oldest'", true},
};

static status
refuse(const ast_option *o, const char *takes, error *err) {
    return error_set_at(err, ERR_QUERY_FAILED, o->value->position, "option %.*s of a sink takes %s",
                        TEXT_ARG(o->name.text), takes);
}

static status
set_connector(sink_options *out, const ast_option *o, text v, bool *given, error *err) {
    out->is_file = text_equal_nocase(v, TEXT("file"));
    *given = true;
    return out->is_file || text_equal_nocase(v, TEXT("python")) ||
                   text_equal_nocase(v, TEXT("program"))
               ? OK
               : refuse(o, settings[SET_CONNECTOR].takes, err);
}

static status
set_on_lag(sink_options *out, const ast_option *o, text v, error *err) {
    static const struct {
        const char *name;
        int32_t     policy;
    } policies[] = {{"block", LAMINAR_LAG_BLOCK},
                    {"error", LAMINAR_LAG_ERROR},
                    {"drop_oldest", LAMINAR_LAG_DROP_OLDEST}};
    for (int32_t i = 0; i < ARRAY_COUNT(policies); i++) {
        if (text_equal_nocase(v, text_of(policies[i].name))) {
            out->on_lag = policies[i].policy;
            return OK;
        }
    }
    return refuse(o, settings[SET_ON_LAG].takes, err);
}

static status
set_interval(sink_options *out, const ast_option *o, text v, error *err) {
    interval i;
    if (!interval_parse(v, &i) || i.months != 0 || i.days != 0 || i.us < 1) {
        return refuse(o, settings[SET_RETRY_INTERVAL].takes, err);
    }
    out->retry_us = i.us;
    return OK;
}

static status
set_path(sink_options *out, const ast_option *o, arena *a, text v, error *err) {
    if (v.size == 0 || memchr(v.data, 0, v.size) != NULL) {
        return refuse(o, settings[SET_PATH].takes, err);
    }
    out->path = arena_alloc(a, v.size + 1);
    if (out->path == NULL) {
        return error_memory(err);
    }
    memcpy(out->path, v.data, v.size);
    out->path[v.size] = '\0';
    return OK;
}

/* One of ours; *known: it was. */
static status
set_option(sink_options *out, const ast_option *o, arena *a, const value *v, bool *has_connector,
           bool *known, error *err) {
    int32_t at = 0;
    while (at < ARRAY_COUNT(settings) &&
           !text_equal_nocase(o->name.text, text_of(settings[at].name))) {
        at++;
    }
    *known = at < ARRAY_COUNT(settings);
    if (!*known) {
        return OK;
    }
    const bool is_text = !v->is_null && v->type.id == TYPE_TEXT;
    const bool is_whole = !v->is_null && type_is_integer(v->type) && v->type.id != TYPE_I128;
    if (settings[at].is_text ? !is_text : !is_whole || v->i < (at == SET_LAG_BYTES)) {
        return refuse(o, settings[at].takes, err);
    }
    switch (at) {
    case SET_CONNECTOR:
        return set_connector(out, o, v->s, has_connector, err);
    case SET_PATH:
        return set_path(out, o, a, v->s, err);
    case SET_RETRIES:
        out->retries = v->i;
        return v->i <= 1000 ? OK : refuse(o, settings[SET_RETRIES].takes, err);
    case SET_RETRY_INTERVAL:
        return set_interval(out, o, v->s, err);
    case SET_LAG_BYTES:
        out->max_lag_bytes = v->i;
        return OK;
    default:
        return set_on_lag(out, o, v->s, err);
    }
}

static status
unknown_option(const ast_option *o, error *err) {
    text names[ARRAY_COUNT(settings)];
    for (int32_t i = 0; i < ARRAY_COUNT(settings); i++) {
        names[i] = text_of(settings[i].name);
    }
    const int32_t near = text_nearest(o->name.text, names, ARRAY_COUNT(names));
    error_set_at(err, ERR_QUERY_FAILED, o->name.position, "a sink has no option \"%.*s\"",
                 TEXT_ARG(o->name.text));
    return near >= 0 ? error_hint(err, "did you mean %s?", settings[near].name)
                     : error_hint(err, "options: connector, path, format, header, delim, quote, "
                                       "escape, nullstr, retries, retry_interval, on_lag, "
                                       "max_lag_bytes");
}

/* Of a file: those of COPY TO. */
static bool
is_file_option(text name) {
    static const char *const names[] = {"format", "header", "delim",   "delimiter", "sep",
                                        "quote",  "escape", "nullstr", "null"};
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (text_equal_nocase(name, text_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static status
read_options(statement_context *c, const ast_statement *st, arena *a, sink_options *out,
             error *err) {
    bool has_connector = false;
    text format;
    *out = (sink_options){.retries = RETRIES, .retry_us = RETRY_US, .on_lag = LAMINAR_LAG_BLOCK};
    csv_options_init(&out->file.csv);
    for (int32_t i = 0; i < st->option_count; i++) {
        const ast_option *o = &st->options[i];
        value             v;
        bool              known;
        TRY(plan_constant(&v, a, &c->env, o->value, "an option of a sink", err));
        TRY(set_option(out, o, a, &v, &has_connector, &known, err));
        if (!known && !is_file_option(o->name.text)) {
            return unknown_option(o, err);
        }
        TRY(known ? OK : file_option_set(&out->file, a, &o->name, &v, o->value->position, err));
    }
    if (!has_connector) {
        error_set_at(err, ERR_QUERY_FAILED, st->name.position, "where is sink \"%.*s\" to write?",
                     TEXT_ARG(st->name.text));
        return error_hint(err, "WITH (connector = 'file', path = '...') or (connector = 'python')");
    }
    if (!out->is_file) {
        return OK;
    }
    if (out->path == NULL) {
        return error_set_at(err, ERR_QUERY_FAILED, st->name.position,
                            "a sink of files needs WITH (path = '...')");
    }
    if (text_equal_nocase(out->file.format, TEXT("jsonl"))) {
        out->file.format = TEXT("json");
    }
    TRY(file_format(&format, &out->file, text_of(out->path), st->name.position, err));
    out->is_csv = text_equal(format, TEXT("csv"));
    if (!out->is_csv && !text_equal(format, TEXT("json"))) {
        return error_set_at(err, ERR_QUERY_FAILED, st->name.position,
                            "a sink writes format 'csv' or 'jsonl', not '%.*s'", TEXT_ARG(format));
    }
    return OK;
}

/* ---------------------------------------------------------------------------------- statements */
/* Two would write over one another. */
static status
check_path(const laminar_database *db, const sink_options *options, int32_t position, error *err) {
    for (int32_t i = 0; options->is_file && i < catalog_count(db->catalog); i++) {
        const object *o = catalog_at(db->catalog, i);
        const char   *path = o->kind == OBJECT_SINK ? sink_path(o->impl) : NULL;
        if (path != NULL && strcmp(path, options->path) == 0) {
            error_set_at(err, ERR_QUERY_FAILED, position, "sink \"%.*s\" writes to \"%.300s\"",
                         TEXT_ARG(o->name), path);
            return error_hint(err, "DROP it first, or name another file");
        }
    }
    return OK;
}

status
sink_make(statement_context *c, const ast_statement *st, object *o, plan *p, arena *plan_arena,
          error *err) {
    laminar_database            *db = c->db;
    sink_options                 options;
    laminar_subscription        *from = NULL;
    sink                        *k = NULL;
    const int32_t                state = atomic_load(&db->state);
    laminar_subscription_options how = LAMINAR_SUBSCRIPTION_OPTIONS_INIT;
    TRY(read_options(c, st, &o->arena, &options, err));
    TRY(check_path(db, &options, st->name.position, err));
    if (options.is_file) {
        TRY(db_check_external(db, st->name.position, err));
    }
    how.max_lag_bytes = options.max_lag_bytes;
    how.on_lag = options.on_lag;
    TRY(subscription_open_plan(&from, db, p, plan_arena, o, statement_text(c, st),
                               state == DB_RUNNING || state == DB_PAUSED, &how, err));
    TRY(sink_open(&k, o, db, &options, from, err));
    const status started = db->replaying ? OK : sink_start(k, err); /* see sinks_wake */
    if (started < 0) {
        sink_release(k);
        return started;
    }
    o->impl = k;
    return OK;
}

status
sink_alter(statement_context *c, const ast_statement *st, error *err) {
    object *o = catalog_find(c->db->catalog, st->name.text, st->name.quoted);
    if (o == NULL && st->if_exists) {
        return OK;
    }
    TRY(catalog_need(&o, c->db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     "Sink", st->name.position, err));
    if (o->kind != OBJECT_SINK) {
        return error_set_at(err, ERR_NOT_FOUND_IN_QUERY, st->name.position, "\"%.*s\" is a %s",
                            TEXT_ARG(o->name), object_kind_name(o->kind));
    }
    return sink_retry(o->impl, err);
}

int32_t
sink_total(const laminar_database *db) {
    int32_t total = 0;
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        total += catalog_at(db->catalog, i)->kind == OBJECT_SINK;
    }
    return total;
}

static status
add_sink(db_listing *l, const object *o, buf *inputs, error *err) {
    sink_counters now;
    sink_count(o->impl, &now);
    buf_clear(inputs);
    for (int32_t i = 0; i < o->input_count; i++) {
        buf_printf(inputs, "%s%.*s", i == 0 ? "" : ", ", TEXT_ARG(o->inputs[i]->name));
    }
    TRY(inputs->failed ? error_memory(err) : OK);
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_text(l, 1, buf_text(inputs), err));
    TRY(db_listing_text(l, 2, sink_path(o->impl) != NULL ? TEXT("file") : TEXT("python"), err));
    TRY(db_listing_text(l, 3, text_of(sink_state_name(now.state)), err));
    TRY(db_listing_count(l, 4, now.rows, err));
    TRY(db_listing_count(l, 5, now.pending_rows, err));
    TRY(db_listing_count(l, 6, now.errors, err));
    return db_listing_text(l, 7, now.error[0] == '\0' ? (text){NULL, 0} : text_of(now.error), err);
}

status
sink_show(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"name", TYPE_TEXT},      {"input", TYPE_TEXT},
                                          {"connector", TYPE_TEXT}, {"state", TYPE_TEXT},
                                          {"rows", TYPE_I64},       {"pending", TYPE_I64},
                                          {"errors", TYPE_I64},     {"last_error", TYPE_TEXT}};
    db_listing               l;
    buf                      inputs;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    buf_init(&inputs, c->db->mem, SIZE_MAX / 2);
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        s = o->kind == OBJECT_SINK ? add_sink(&l, o, &inputs, err) : OK;
    }
    buf_fini(&inputs);
    return db_listing_close(&l, s, out, err);
}

/* ---------------------------------------------------------------------------------- public */
static void
fill_stats(sink *k, laminar_sink_stats *out) {
    sink_counters now;
    sink_count(k, &now);
    laminar_sink_stats made = {.size = out->size,
                               .total_rows = now.rows,
                               .pending_rows = now.pending_rows,
                               .pending_bytes = now.pending_bytes,
                               .dropped_rows = now.dropped_rows,
                               .errors = now.errors,
                               .epoch = (int64_t)now.epoch,
                               .part = (int64_t)now.part,
                               .latency = latency_of(&now.latency)};
    (void)snprintf(made.state, sizeof(made.state), "%s", sink_state_name(now.state));
    (void)snprintf(made.last_error, sizeof(made.last_error), "%s", now.error);
    memcpy(out, &made, out->size < sizeof(made) ? out->size : sizeof(made));
}

laminar_status
laminar_database_sink_stats(laminar_database *db, const char *name, laminar_sink_stats *out,
                            laminar_error *err) {
    error   e = {.position = -1};
    object *o = NULL;
    status  s = db_enter(db, &e);
    if (s == OK) {
        s = catalog_need(&o, db->catalog, text_of(name), false, ERR_TABLE_NOT_FOUND, "Sink", -1,
                         &e);
        if (s == OK && o->kind != OBJECT_SINK) {
            s = error_set(&e, ERR_TABLE_NOT_FOUND, "Sink not found: %.*s", TEXT_ARG(o->name));
        }
        if (s == OK) {
            fill_stats(o->impl, out);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}
