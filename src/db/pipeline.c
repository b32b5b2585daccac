/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.c - CREATE, DROP, START, STOP, PAUSE and RESUME PIPELINE, and what they were. Names of
 * pipelines are of a namespace of their own, without regard to case. */
#include "db/pipeline.h"
#include "db/durable.h"

#include "db/going.h"

#define NAMES_LOOKED_AT 64 /* for the nearest one */

db_pipeline *
pipeline_of(const laminar_database *db, const pipeline *impl) {
    db_pipeline *p = impl == NULL ? NULL : db->pipelines;
    while (p != NULL && p->impl != impl) {
        p = p->next;
    }
    return p;
}

static db_pipeline *
find(const laminar_database *db, text name) {
    db_pipeline *p = db->pipelines;
    while (p != NULL && !text_equal_nocase(p->name, name)) {
        p = p->next;
    }
    return p;
}

status
pipeline_need(db_pipeline **out, const laminar_database *db, text name, int32_t position,
              error *err) {
    *out = find(db, name);
    if (*out != NULL) {
        return OK;
    }
    text    names[NAMES_LOOKED_AT];
    int32_t count = 0;
    for (const db_pipeline *p = db->pipelines; p != NULL && count < NAMES_LOOKED_AT; p = p->next) {
        names[count++] = p->name;
    }
    const int32_t nearest = text_nearest(name, names, count);
    error_set_at(err, ERR_NOT_FOUND_IN_QUERY, position, "Pipeline not found: %.*s", TEXT_ARG(name));
    if (nearest >= 0) {
        return error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[nearest]));
    }
    return error_hint(err, text_equal_nocase(name, TEXT("default"))
                               ? "streams without IN PIPELINE start and pause with the database"
                               : "CREATE PIPELINE makes one, SHOW PIPELINES lists them");
}

const char *
pipeline_state_name(laminar_database *db, const db_pipeline *p) {
    const int32_t state = atomic_load(&db->state);
    int32_t       failed;
    const int32_t count = pipeline_count_streams(p->impl, &failed);
    if (state >= DB_SHUTTING_DOWN) {
        return laminar_database_state(db);
    }
    switch (pipeline_look(p->impl)) {
    case PIPELINE_CREATED:
        return "Created";
    case PIPELINE_PAUSED:
        return "Paused";
    case PIPELINE_STOPPED:
        return "Stopped";
    case PIPELINE_RUNNING:
        return count > 0 && failed == count    ? "Faulted"
               : pipeline_is_starting(p->impl) ? "Starting"
               : state == DB_PAUSED            ? "Paused"
                                               : "Running";
    }
    UNREACHABLE();
}

const char *
pipeline_stream_state(const laminar_database *db, const stream *s) {
    const pipeline *p = stream_pipeline(s);
    const bool      ends = atomic_load(&db->state) >= DB_SHUTTING_DOWN;
    if (stream_failure(s, NULL)) {
        return "failed";
    }
    if (!ends && stream_missing_code(s) != NULL) {
        return "waiting_for_udf";
    }
    if (p == NULL || ends) {
        return show_pipeline_state(db);
    }
    switch (pipeline_look(p)) {
    case PIPELINE_CREATED:
        return "waiting";
    case PIPELINE_PAUSED:
        return "paused";
    case PIPELINE_STOPPED:
        return "stopped";
    default:
        return atomic_load(&db->state) == DB_PAUSED ? "paused" : "running";
    }
}

/* ---------------------------------------------------------------------------------- versions */
static bool
is_of(const object *o, const pipeline *impl) {
    return o->kind == OBJECT_STREAM && o->impl != NULL && stream_pipeline(o->impl) == impl;
}

static void
print_script(const laminar_database *db, const db_pipeline *p, buf *out) {
    buf_append_text(out, TEXT("CREATE PIPELINE "));
    buf_append_quoted(out, p->name, '"');
    buf_append_text(out, TEXT(";\n"));
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        const object *o = catalog_at(db->catalog, i);
        if (is_of(o, p->impl)) {
            buf_append_text(out, o->sql);
            buf_append_text(out, TEXT(";\n"));
        }
    }
}

static pipeline_version *
version_at(db_pipeline *p, int64_t number) {
    return &p->versions[number % PIPELINE_VERSIONS_KEPT];
}

/* Without memory the next statement notes it. */
static void
note(laminar_database *db, db_pipeline *p) {
    buf script;
    buf_init(&script, db->mem, SIZE_MAX / 2);
    print_script(db, p, &script);
    const pipeline_version *last = version_at(p, p->version_count);
    const bool              same = p->version_count > 0 && last->sql_size == script.size &&
                      memcmp(last->sql, script.data, script.size) == 0;
    char *sql = same || script.failed ? NULL : mem_alloc(db->mem, script.size);
    if (sql != NULL) {
        memcpy(sql, script.data, script.size);
        pipeline_version *v = version_at(p, ++p->version_count);
        mem_free(db->mem, v->sql, v->sql_size);
        *v = (pipeline_version){.number = p->version_count,
                                .created_us = clock_now_us(&db->clock.base),
                                .sql = sql,
                                .sql_size = script.size};
    }
    buf_fini(&script);
}

void
pipelines_note(laminar_database *db) {
    for (db_pipeline *p = db->pipelines; p != NULL; p = p->next) {
        note(db, p);
    }
}

void
pipelines_put_versions(const laminar_database *db, buf *out) {
    for (db_pipeline *p = db->pipelines; p != NULL; p = p->next) {
        image_put_text(out, p->name);
        image_put_i64(out, p->version_count);
        const int64_t first = max_i64(1, p->version_count - PIPELINE_VERSIONS_KEPT + 1);
        for (int64_t n = first; n <= p->version_count; n++) {
            const pipeline_version *v = version_at(p, n);
            image_put_i64(out, v->created_us);
            image_put_text(out, (text){v->sql, v->sql_size});
        }
    }
    image_put_text(out, (text){NULL, 0});
}

static status
take_version(laminar_database *db, pipeline_version *v, int64_t number, image_reader *in,
             error *err) {
    int64_t created_us;
    text    sql;
    TRY(image_take_i64(in, &created_us, err));
    TRY(image_take_text(in, &sql, err));
    char *copy = mem_alloc(db->mem, sql.size);
    if (copy == NULL) {
        return error_memory(err);
    }
    memcpy(copy, sql.data, sql.size);
    mem_free(db->mem, v->sql, v->sql_size);
    *v = (pipeline_version){
        .number = number, .created_us = created_us, .sql = copy, .sql_size = sql.size};
    return OK;
}

status
pipelines_take_versions(laminar_database *db, image_reader *in, error *err) {
    for (;;) {
        text    name;
        int64_t count;
        TRY(image_take_text(in, &name, err));
        if (name.size == 0) {
            return OK;
        }
        db_pipeline *p = find(db, name);
        TRY(image_take_i64(in, &count, err));
        if (p == NULL || count < 0) {
            return image_corrupt("versions of a pipeline that is not there", err);
        }
        p->version_count = count;
        for (int64_t n = max_i64(1, count - PIPELINE_VERSIONS_KEPT + 1); n <= count; n++) {
            TRY(take_version(db, version_at(p, n), n, in, err));
        }
    }
}

/* ---------------------------------------------------------------------------------- making */
static void
pipeline_free(laminar_database *db, db_pipeline *p) {
    for (int32_t i = 0; i < PIPELINE_VERSIONS_KEPT; i++) {
        mem_free(db->mem, p->versions[i].sql, p->versions[i].sql_size);
    }
    pipeline_close(p->impl);
    mem_free(db->mem, p, sizeof(*p) + p->name.size);
}

void
pipelines_fini(laminar_database *db) {
    while (db->pipelines != NULL) {
        db_pipeline *p = db->pipelines;
        db->pipelines = p->next;
        pipeline_free(db, p);
    }
}

static status
pipeline_new(laminar_database *db, text name, error *err) {
    const size_t size = sizeof(db_pipeline) + name.size;
    db_pipeline *p = mem_alloc_zero(db->mem, size);
    if (p == NULL) {
        return error_memory(err);
    }
    const status opened = pipeline_open(&p->impl, db->engine, err);
    if (opened < 0) {
        mem_free(db->mem, p, size);
        return opened;
    }
    memcpy(p + 1, name.data, name.size);
    p->name = (text){(char *)(p + 1), name.size};
    if (atomic_load(&db->state) != DB_CREATED) {
        pipeline_allow(p->impl);
    }
    db_pipeline **at = &db->pipelines;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = p;
    return OK;
}

/* Names its streams, when there are any and they do not go with it. */
static status
refuse_streams(statement_context *c, const db_pipeline *p, int32_t position, error *err) {
    buf names;
    buf_init(&names, c->db->mem, 300);
    int32_t count = 0;
    for (int32_t i = 0; i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        if (is_of(o, p->impl) &&
            !buf_printf(&names, "%s\"%.*s\"", count++ == 0 ? "" : ", ", TEXT_ARG(o->name))) {
            break; /* the first ones tell enough */
        }
    }
    if (count > 0) {
        error_set_at(err, ERR_SCHEMA_MISMATCH, position,
                     "cannot drop pipeline \"%.*s\": it has the streams %.*s", TEXT_ARG(p->name),
                     TEXT_ARG(buf_text(&names)));
    }
    buf_fini(&names);
    return count == 0 ? OK : error_hint(err, "drop them first, or say CASCADE");
}

static object *
first_stream(const laminar_database *db, const db_pipeline *p) {
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        object *o = catalog_at(db->catalog, i);
        if (is_of(o, p->impl)) {
            return o;
        }
    }
    return NULL;
}

/* Its streams and what reads them: all or none. */
static status
drop_streams(statement_context *c, const db_pipeline *p, error *err) {
    laminar_database *db = c->db;
    going             g;
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        object *o = catalog_at(db->catalog, i);
        if (is_of(o, p->impl)) {
            TRY(going_find(&g, c, o, GO_CASCADE, err));
        }
    }
    for (object *o; (o = first_stream(db, p)) != NULL;) {
        TRY(going_find(&g, c, o, GO_CASCADE, err));
        going_drop(db, &g);
    }
    return OK;
}

status
pipeline_create(statement_context *c, const ast_statement *st, error *err) {
    db_pipeline *old = find(c->db, st->name.text);
    if (old == NULL) {
        return pipeline_new(c->db, st->name.text, err);
    }
    if (st->if_not_exists) {
        return OK;
    }
    if (!st->or_replace) {
        return error_set_at(err, ERR_TABLE_EXISTS, st->name.position,
                            "pipeline \"%.*s\" already exists: use CREATE OR REPLACE or IF NOT "
                            "EXISTS",
                            TEXT_ARG(old->name));
    }
    return drop_streams(c, old, err); /* it goes on, empty, with its versions */
}

status
pipeline_drop(statement_context *c, const ast_statement *st, error *err) {
    laminar_database *db = c->db;
    db_pipeline      *p = find(db, st->name.text);
    if (p == NULL && st->if_exists) {
        return OK;
    }
    TRY(pipeline_need(&p, db, st->name.text, st->name.position, err));
    TRY(st->cascade ? drop_streams(c, p, err) : refuse_streams(c, p, st->name.position, err));
    for (db_pipeline **at = &db->pipelines; *at != NULL; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            break;
        }
    }
    pipeline_free(db, p);
    return OK;
}

/* ---------------------------------------------------------------------------------- running */
void
pipelines_allow(laminar_database *db) {
    for (db_pipeline *p = db->pipelines; p != NULL; p = p->next) {
        if (pipeline_look(p->impl) == PIPELINE_CREATED) {
            pipeline_allow(p->impl);
        }
    }
}

status
pipelines_resume(laminar_database *db, error *err) {
    for (db_pipeline *p = db->pipelines; p != NULL; p = p->next) {
        TRY(pipeline_resume(p->impl, err));
    }
    return OK;
}

static status
refuse_not_started(const db_pipeline *p, const char *what, error *err) {
    error_set(err, ERR_QUERY_FAILED, "cannot %s pipeline \"%.*s\", which does not run", what,
              TEXT_ARG(p->name));
    return error_hint(err, "START PIPELINE first");
}

static status
act(laminar_database *db, db_pipeline *p, ast_action action, error *err) {
    const pipeline_state state = pipeline_look(p->impl);
    const bool           runs = state == PIPELINE_RUNNING || state == PIPELINE_PAUSED;
    switch (action) {
    case AST_START:
        TRY(pipeline_resume(p->impl, err));
        pipeline_allow(p->impl);
        return db_start_pipeline(db, p->impl, err);
    case AST_STOP:
        return pipeline_stop(p->impl, err);
    case AST_PAUSE:
        return runs ? pipeline_pause(p->impl, err) : refuse_not_started(p, "pause", err);
    case AST_RESUME:
        TRY(runs ? pipeline_resume(p->impl, err) : refuse_not_started(p, "resume", err));
        return db_start_pipeline(db, p->impl, err); /* what was made in the pause */
    }
    UNREACHABLE();
}

static const char *const action_names[] = {[AST_START] = "START PIPELINE",
                                           [AST_STOP] = "STOP PIPELINE",
                                           [AST_PAUSE] = "PAUSE PIPELINE",
                                           [AST_RESUME] = "RESUME PIPELINE"};

static status
run_entered(statement_context *c, const ast_statement *st, error *err) {
    laminar_database *db = c->db;
    db_pipeline      *p;
    TRY(db_writable(db, err));
    TRY(db_refuse_in_transaction(db, action_names[st->action], err));
    TRY(pipeline_need(&p, db, st->name.text, st->name.position, err));
    queue_drain(db, false); /* first come, first served */
    return act(db, p, st->action, err);
}

status
pipeline_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    laminar_result *answer = NULL;
    TRY(answer_ddl(&answer, c->db->mem, action_names[st->action], st->name.text, err));
    status s = db_enter_to_write(c->db, err);
    if (s == OK) {
        s = durable_reserve(c->db, c, st, err);
        s = s < 0 ? s : run_entered(c, st, err);
        s = s < 0 ? s : durable_ran(c->db, c, st, NULL, err);
        db_leave(c->db);
    }
    if (s < 0) {
        laminar_result_free(answer);
        return s;
    }
    *out = answer;
    return OK;
}

/* ---------------------------------------------------------------------------------- public */
static status
list_versions(laminar_database *db, db_pipeline *p, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"version", TYPE_I64}, {"created_at", TYPE_TIMESTAMPTZ}, {"sql", TYPE_TEXT}};
    db_listing l;
    TRY(db_listing_open(&l, db->mem, columns, ARRAY_COUNT(columns), err));
    status        s = OK;
    const int64_t first = max_i64(1, p->version_count - PIPELINE_VERSIONS_KEPT + 1);
    for (int64_t n = first; s >= 0 && n <= p->version_count; n++) {
        const pipeline_version *v = version_at(p, n);
        s = db_listing_count(&l, 0, v->number, err);
        s = s < 0 ? s : db_listing_count(&l, 1, v->created_us, err);
        s = s < 0 ? s : db_listing_text(&l, 2, (text){v->sql, v->sql_size}, err);
    }
    return db_listing_close(&l, s, out, err);
}

laminar_status
laminar_pipeline_versions(laminar_database *db, const char *name, laminar_result **out,
                          laminar_error *err) {
    error        e = {.position = -1};
    db_pipeline *p;
    status       s = db_enter(db, &e);
    if (s == OK) {
        s = pipeline_need(&p, db, text_of(name), -1, &e);
        s = s < 0 ? (s == ERR_NOT_FOUND_IN_QUERY ? ERR_TABLE_NOT_FOUND : s)
                  : list_versions(db, p, out, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_pipeline_state(laminar_database *db, const char *name, const char **out,
                       laminar_error *err) {
    error        e = {.position = -1};
    db_pipeline *p;
    status       s = db_enter(db, &e);
    if (s == OK) {
        s = pipeline_need(&p, db, text_of(name), -1, &e);
        if (s < 0) {
            s = s == ERR_NOT_FOUND_IN_QUERY ? ERR_TABLE_NOT_FOUND : s;
        } else {
            *out = pipeline_state_name(db, p);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}
