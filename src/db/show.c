/* SPDX-License-Identifier: Apache-2.0 */
/* show.c - SHOW and DESCRIBE: what there is, as rows. */
#include <stdlib.h>

#include "batch/builder.h"
#include "batch/routine.h"
#include "db/checkpoint.h"
#include "db/pipeline.h"
#include "db/settings.h"
#include "db/sink.h"
#include "db/system.h"
#include "io/csv.h"
#include "io/json.h"
#include "sql/limits.h"

status
db_listing_open(db_listing *l, mem *m, const list_column *columns, int32_t count, error *err) {
    data_type types[LIST_COLUMNS_MAX];
    assert(count <= LIST_COLUMNS_MAX);
    *l = (db_listing){.mem = m, .columns = columns, .count = count};
    for (int32_t i = 0; i < count; i++) {
        types[i] = type_of(columns[i].type);
    }
    return builder_init(&l->rows, m, types, count, err);
}

status
db_listing_close(db_listing *l, status s, laminar_result **out, error *err) {
    if (s >= 0) {
        s = answer_builder(out, l->mem, &l->rows, l->columns, l->count, err);
    }
    builder_fini(&l->rows);
    return s;
}

status
db_listing_text(db_listing *l, int32_t at, text t, error *err) {
    return t.data == NULL ? column_append_null(&l->rows, at, err)
                          : column_append_text(&l->rows, at, t, err);
}

status
db_listing_count(db_listing *l, int32_t at, int64_t n, error *err) {
    return column_append_i64(&l->rows, at, n, err);
}

static text
column_name(const object *o, int32_t at) {
    return at < 0 ? (text){NULL, 0} : o->schema->fields[at].name;
}

/* ---------------------------------------------------------------------------------- objects */
static const list_column source_columns[] = {{"name", TYPE_TEXT},
                                             {"columns", TYPE_I64},
                                             {"event_time", TYPE_TEXT},
                                             {"rows", TYPE_I64},
                                             {"watermark", TYPE_I64}};

/* watermark: epoch milliseconds, NULL where no event time or no row has made one. */
static status
add_source(const laminar_database *db, db_listing *l, const object *o, error *err) {
    const int64_t us = source_watermark_us(o->impl);
    const bool    timed = source_is_timed(o->impl) && us != INT64_MIN;
    (void)db;
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_count(l, 1, o->schema->count, err));
    TRY(db_listing_text(l, 2, column_name(o, o->event_time_column), err));
    TRY(db_listing_count(l, 3, table_live_count(source_table(o->impl)), err));
    return timed ? db_listing_count(l, 4, floor_div_i64(us, 1000), err)
                 : column_append_null(&l->rows, 4, err);
}

static const list_column table_columns[] = {{"name", TYPE_TEXT},
                                            {"columns", TYPE_I64},
                                            {"rows", TYPE_I64}};

static status
add_table(const laminar_database *db, db_listing *l, const object *o, error *err) {
    (void)db;
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_count(l, 1, o->schema->count, err));
    return db_listing_count(l, 2, table_live_count(source_table(o->impl)), err);
}

static const list_column stream_columns[] = {{"name", TYPE_TEXT},
                                             {"state", TYPE_TEXT},
                                             {"error", TYPE_TEXT},
                                             {"sql", TYPE_TEXT}};

const char *
show_pipeline_state(const laminar_database *db) {
    switch (atomic_load(&db->state)) {
    case DB_CREATED:
        return "waiting";
    case DB_PAUSED:
        return "paused";
    case DB_STARTING:
    case DB_RUNNING:
        return "running";
    default:
        return "stopped";
    }
}

static status
add_stream(const laminar_database *db, db_listing *l, const object *o, error *err) {
    error      why = {0};
    const bool failed = stream_failure(o->impl, &why) || stream_waits_for_code(o->impl, &why);
    TRY(db_listing_text(l, 0, o->name, err));
    TRY(db_listing_text(l, 1, text_of(pipeline_stream_state(db, o->impl)), err));
    TRY(db_listing_text(l, 2, failed ? text_of(why.message) : (text){NULL, 0}, err));
    return db_listing_text(l, 3, o->sql, err);
}

static const list_column view_columns[] = {{"name", TYPE_TEXT}, {"sql", TYPE_TEXT}};

static status
add_definition(const laminar_database *db, db_listing *l, const object *o, error *err) {
    (void)db;
    TRY(db_listing_text(l, 0, o->name, err));
    return db_listing_text(l, 1, o->sql, err);
}

/* SHOW ALL TABLES and DESCRIBE: all that has rows. */
static status
show_everything(statement_context *c, laminar_result **out, error *err) {
    static const list_column head[] = {{"name", TYPE_TEXT},
                                       {"kind", TYPE_TEXT},
                                       {"column_names", TYPE_TEXT},
                                       {"column_types", TYPE_TEXT}};
    db_listing               l;
    buf                      names, types;
    TRY(db_listing_open(&l, c->db->mem, head, ARRAY_COUNT(head), err));
    buf_init(&names, c->db->mem, SIZE_MAX / 2);
    buf_init(&types, c->db->mem, SIZE_MAX / 2);
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        if (o->schema == NULL) {
            continue; /* a function */
        }
        names.size = types.size = 0;
        for (int32_t k = 0; k < o->schema->count; k++) {
            const field *f = &o->schema->fields[k];
            buf_printf(&names, "%s%.*s", k > 0 ? ", " : "", TEXT_ARG(f->name));
            buf_printf(&types, "%s%s", k > 0 ? ", " : "", type_name(f->type));
        }
        s = names.failed || types.failed ? error_memory(err) : db_listing_text(&l, 0, o->name, err);
        s = s < 0 ? s : db_listing_text(&l, 1, text_of(object_kind_name(o->kind)), err);
        s = s < 0 ? s : db_listing_text(&l, 2, buf_text(&names), err);
        s = s < 0 ? s : db_listing_text(&l, 3, buf_text(&types), err);
    }
    buf_fini(&names);
    buf_fini(&types);
    return db_listing_close(&l, s, out, err);
}

typedef struct object_list {
    object_kind        kind;
    const list_column *columns;
    int32_t            count;
    status (*add)(const laminar_database *db, db_listing *l, const object *o, error *err);
} object_list;

static const object_list object_lists[] = {
    [AST_SHOW_SOURCES] = {OBJECT_SOURCE, source_columns, ARRAY_COUNT(source_columns), add_source},
    [AST_SHOW_STREAMS] = {OBJECT_STREAM, stream_columns, ARRAY_COUNT(stream_columns), add_stream},
    [AST_SHOW_TABLES] = {OBJECT_TABLE, table_columns, ARRAY_COUNT(table_columns), add_table},
    [AST_SHOW_VIEWS] = {OBJECT_VIEW, view_columns, ARRAY_COUNT(view_columns), add_definition},
};

static status
show_objects(statement_context *c, const object_list *k, laminar_result **out, error *err) {
    db_listing l;
    TRY(db_listing_open(&l, c->db->mem, k->columns, k->count, err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        s = o->kind == k->kind ? k->add(c->db, &l, o, err) : OK;
    }
    return db_listing_close(&l, s, out, err);
}

static const list_column function_columns[] = {{"name", TYPE_TEXT},
                                               {"kind", TYPE_TEXT},
                                               {"sql", TYPE_TEXT}};

static const char *
function_kind(const object *f) {
    static const char *const kinds[] = {[ROUTINE_SCALAR] = "scalar",
                                        [ROUTINE_ROWS] = "table",
                                        [ROUTINE_AGGREGATE] = "aggregate",
                                        [ROUTINE_PROCESSOR] = "processor"};
    if (f->routine != NULL) {
        return kinds[f->routine->kind];
    }
    return f->gives_rows ? "table" : "scalar";
}

static status
show_functions(statement_context *c, laminar_result **out, error *err) {
    db_listing     l;
    const catalog *all = catalog_functions(c->db->catalog);
    TRY(db_listing_open(&l, c->db->mem, function_columns, ARRAY_COUNT(function_columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(all); i++) {
        const object *f = catalog_at(all, i);
        s = db_listing_text(&l, 0, f->name, err);
        s = s < 0 ? s : db_listing_text(&l, 1, text_of(function_kind(f)), err);
        s = s < 0 ? s : db_listing_text(&l, 2, f->sql, err);
    }
    return db_listing_close(&l, s, out, err);
}

static status
show_create(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    db_listing l;
    object    *o = catalog_find(catalog_functions(c->db->catalog), st->name.text, st->name.quoted);
    if (o == NULL || catalog_find(c->db->catalog, st->name.text, st->name.quoted) != NULL) {
        TRY(catalog_need(&o, c->db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                         "Object", st->name.position, err));
    }
    TRY(db_listing_open(&l, c->db->mem, view_columns, ARRAY_COUNT(view_columns), err));
    return db_listing_close(&l, add_definition(c->db, &l, o, err), out, err);
}

/* ---------------------------------------------------------------------------------- the rest */
/* Streams of the one that has no name of its own, or of a named one. */
static int64_t
count_streams(const laminar_database *db, const pipeline *of) {
    int64_t streams = 0;
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        const object *o = catalog_at(db->catalog, i);
        streams += o->kind == OBJECT_STREAM && stream_pipeline(o->impl) == of;
    }
    return streams;
}

static status
add_pipeline(db_listing *l, text name, const char *state, int64_t streams, int64_t version,
             error *err) {
    TRY(db_listing_text(l, 0, name, err));
    TRY(db_listing_text(l, 1, text_of(state), err));
    TRY(db_listing_count(l, 2, streams, err));
    return version == 0 ? column_append_null(&l->rows, 3, err)
                        : db_listing_count(l, 3, version, err);
}

status
show_pipelines(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"name", TYPE_TEXT}, {"state", TYPE_TEXT}, {"streams", TYPE_I64}, {"version", TYPE_I64}};
    laminar_database *db = c->db;
    db_listing        l;
    TRY(db_listing_open(&l, db->mem, columns, ARRAY_COUNT(columns), err));
    status s = add_pipeline(&l, TEXT("default"), laminar_database_state(db),
                            count_streams(db, NULL), 0, err);
    for (const db_pipeline *p = db->pipelines; s >= 0 && p != NULL; p = p->next) {
        s = add_pipeline(&l, p->name, pipeline_state_name(db, p), count_streams(db, p->impl),
                         p->version_count, err);
    }
    return db_listing_close(&l, s, out, err);
}

static status
show_limits(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"name", TYPE_TEXT}, {"value", TYPE_I64}, {"description", TYPE_TEXT}};
    db_listing l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < LIMIT_COUNT; i++) {
        s = db_listing_text(&l, 0, text_of(limit_name(i)), err);
        s = s < 0 ? s : db_listing_count(&l, 1, limit_value(c->db, i), err);
        s = s < 0 ? s : db_listing_text(&l, 2, text_of(limit_description(i)), err);
    }
    return db_listing_close(&l, s, out, err);
}

/* ---------------------------------------------------------------------------------- settings */
static status
list_value(db_listing *l, int32_t at, value v, error *err) {
    char       written[VALUE_TEXT_MAX];
    const text shown = v.is_null                ? (text){NULL, 0}
                       : v.type.id == TYPE_TEXT ? v.s
                                                : (text){written, value_write(&v, written)};
    return db_listing_text(l, at, shown, err);
}

static status
show_all(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"name", TYPE_TEXT},
                                          {"value", TYPE_TEXT},
                                          {"default", TYPE_TEXT},
                                          {"description", TYPE_TEXT},
                                          {"effect", TYPE_TEXT}};
    db_listing               l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < SETTING_COUNT; i++) {
        s = db_listing_text(&l, 0, text_of(setting_name(i)), err);
        s = s < 0 ? s : list_value(&l, 1, setting_value(c->db, i), err);
        s = s < 0 ? s : list_value(&l, 2, setting_default(c->db, i), err);
        s = s < 0 ? s : db_listing_text(&l, 3, text_of(setting_description(i)), err);
        s = s < 0 ? s : db_listing_text(&l, 4, text_of(setting_effect(i)), err);
    }
    return db_listing_close(&l, s, out, err);
}

static status describe_columns(statement_context *c, const schema *columns, const object *o,
                               laminar_result **out, error *err);

static status
show_limit(statement_context *c, int32_t at, laminar_result **out, error *err) {
    char              name[64];
    const list_column shown = {name, TYPE_I64};
    db_listing        l;
    (void)snprintf(name, sizeof(name), "max_%s", limit_name(at));
    TRY(db_listing_open(&l, c->db->mem, &shown, 1, err));
    return db_listing_close(&l, db_listing_count(&l, 0, limit_value(c->db, at), err), out, err);
}

/* What is no setting may have been meant as a list. */
static status
hint_list(text name, error *err) {
    static const char *const lists[] = {"SOURCES", "STREAMS",  "SINKS",     "TABLES",
                                        "VIEWS",   "QUERIES",  "PIPELINES", "FUNCTIONS",
                                        "INDEXES", "SETTINGS", "LIMITS",    "CHECKPOINTS"};
    text                     names[ARRAY_COUNT(lists)];
    for (int32_t i = 0; i < ARRAY_COUNT(lists); i++) {
        names[i] = text_of(lists[i]);
    }
    const int32_t near = text_nearest(name, names, ARRAY_COUNT(lists));
    if (near >= 0) {
        (void)error_hint(err, "did you mean SHOW %s?", lists[near]);
    }
    return ERR_INVALID_ARGUMENT;
}

/* One column, named and typed as the setting. SHOW t, of a table, is DESCRIBE t. */
static status
show_setting(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    int32_t       at;
    const object *o = catalog_find(c->db->catalog, st->name.text, st->name.quoted);
    if (o != NULL && o->schema != NULL && !setting_exists(st->name.text)) {
        return describe_columns(c, o->schema, o, out, err);
    }
    TRY(limit_find(&at, st->name.text, st->name.position, err));
    if (at >= 0) {
        return show_limit(c, at, out, err);
    }
    if (setting_find(&at, st->name.text, st->name.position, err) < 0) {
        return hint_list(st->name.text, err);
    }
    const value       v = setting_value(c->db, at);
    const list_column shown = {setting_name(at), (type_id)v.type.id};
    db_listing        l;
    TRY(db_listing_open(&l, c->db->mem, &shown, 1, err));
    return db_listing_close(&l,
                            v.is_null ? column_append_null(&l.rows, 0, err)
                                      : column_append_value(&l.rows, 0, &v, err),
                            out, err);
}

status
statement_stream(object **out, const statement_context *c, const ast_statement *st, error *err) {
    object *o;
    TRY(catalog_need(&o, c->db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     "Stream", st->name.position, err));
    if (o->kind != OBJECT_STREAM) {
        error_set_at(err, ERR_NOT_FOUND_IN_QUERY, st->name.position,
                     "Stream not found: %.*s is a %s", TEXT_ARG(o->name),
                     object_kind_name(o->kind));
        return error_hint(err, "SHOW STREAMS lists the streams");
    }
    *out = o;
    return OK;
}

/* EXPLAIN STREAM */
static status
show_plan(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    object *o;
    buf     b;
    TRY(statement_stream(&o, c, st, err));
    buf_init(&b, c->db->mem, 1 << 20);
    stream_explain(o->impl, &b);
    const status s = answer_lines(c, &b, out, err);
    buf_fini(&b);
    return s;
}

/* PRAGMA table_info */
static status
show_table_info(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    object *o;
    TRY(catalog_need(&o, c->db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     "Table", st->name.position, err));
    return information_table_info(c, o, out, err);
}

static status
run_show(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    switch (st->show) {
    case AST_SHOW_CHECKPOINTS:
        return checkpoint_list(c->db, out, err);
    case AST_SHOW_SOURCES:
    case AST_SHOW_STREAMS:
    case AST_SHOW_TABLES:
    case AST_SHOW_VIEWS:
        return show_objects(c, &object_lists[st->show], out, err);
    case AST_SHOW_OBJECTS:
        return show_everything(c, out, err);
    case AST_SHOW_INDEXES:
        return index_show(c, out, err);
    case AST_SHOW_FUNCTIONS:
        return show_functions(c, out, err);
    case AST_SHOW_SINKS:
        return sink_show(c, out, err);
    case AST_SHOW_QUERIES:
        return db_list_queries(c->db, out, err);
    case AST_SHOW_PIPELINES:
        return show_pipelines(c, out, err);
    case AST_SHOW_LIMITS:
        return show_limits(c, out, err);
    case AST_SHOW_ALL:
        return show_all(c, out, err);
    case AST_SHOW_SETTING:
        return show_setting(c, st, out, err);
    case AST_SHOW_CREATE:
        return show_create(c, st, out, err);
    case AST_SHOW_WATERMARK:
        return why_run(c, st, out, err);
    case AST_SHOW_PLAN:
        return show_plan(c, st, out, err);
    case AST_SHOW_TABLE_INFO:
        return show_table_info(c, st, out, err);
    }
    UNREACHABLE();
}

status
show_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    TRY(db_enter(c->db, err));
    const status s = run_show(c, st, out, err);
    db_leave(c->db);
    return s;
}

/* ---------------------------------------------------------------------------------- DESCRIBE */
static text
key_word(const object *o, int32_t at) {
    for (int32_t i = 0; o != NULL && i < o->key_count; i++) {
        if (o->key_columns[i] == at) {
            return TEXT("PRI");
        }
    }
    for (int32_t i = 0; o != NULL && i < o->key_def_count; i++) {
        const object_key *key = &o->key_defs[i];
        for (int32_t k = 0; k < key->column_count; k++) {
            if (key->columns[k] == at) {
                return key->primary ? TEXT("PRI") : TEXT("UNI");
            }
        }
    }
    return (text){NULL, 0};
}

static text
default_text(const object *o, int32_t at) {
    return o == NULL || o->defaults == NULL ? (text){NULL, 0} : o->defaults[at].shown;
}

/* o NULL: the columns of a query. */
static status
describe_columns(statement_context *c, const schema *columns, const object *o, laminar_result **out,
                 error *err) {
    static const list_column head[] = {{"column_name", TYPE_TEXT}, {"column_type", TYPE_TEXT},
                                       {"null", TYPE_TEXT},        {"key", TYPE_TEXT},
                                       {"default", TYPE_TEXT},     {"extra", TYPE_TEXT}};
    db_listing               l;
    TRY(db_listing_open(&l, c->db->mem, head, ARRAY_COUNT(head), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < columns->count; i++) {
        const field *f = &columns->fields[i];
        const bool   timed = o != NULL && o->event_time_column == i;
        s = db_listing_text(&l, 0, f->name, err);
        s = s < 0 ? s : db_listing_text(&l, 1, text_of(type_name(f->type)), err);
        s = s < 0 ? s : db_listing_text(&l, 2, f->nullable ? TEXT("YES") : TEXT("NO"), err);
        s = s < 0 ? s : db_listing_text(&l, 3, key_word(o, i), err);
        s = s < 0 ? s : db_listing_text(&l, 4, default_text(o, i), err);
        s = s < 0 ? s : db_listing_text(&l, 5, timed ? TEXT("event time") : (text){NULL, 0}, err);
    }
    return db_listing_close(&l, s, out, err);
}

static status
describe(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    if (st->select != NULL) {
        plan p;
        TRY(plan_select(&p, &c->arena, c->db->catalog, &c->externals, &c->env, st->select, c->sql,
                        false, NULL, err));
        return describe_columns(c, &p.root->schema, NULL, out, err);
    }
    object *o;
    TRY(catalog_need(&o, c->db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     "Table", st->name.position, err));
    return describe_columns(c, o->schema, o, out, err);
}

status
describe_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    status s;
    do {
        TRY(db_enter(c->db, err));
        s = describe(c, st, out, err);
        db_leave(c->db);
    } while (s < 0 && externals_open_missing(c, &s, err));
    return s;
}
