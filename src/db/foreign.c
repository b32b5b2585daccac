/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.c - registering functions of the program's, and taking their code away.
 *
 * The definition is made by CREATE FUNCTION like any other, where it is not there already; then the
 * code is attached, with the token. Whoever changes the definition in between is found out. */
#include "db/foreign.h"

#include "arrow/arrow.h"
#include "db/parameters.h"
#include "db/statement.h"

/* One function that has code. */
struct foreign {
    foreign *next;
    routine *routine;
};

/* What the three kinds have in common, as the caller gave it. */
typedef struct given {
    const char        *name, *result, *state, *version;
    const char *const *arguments;
    int32_t            argument_count;
} given;

/* ---- the code */
static status
copy_text(text *out, arena *a, const char *text_, error *err) {
    *out = text_ == NULL ? (text){NULL, 0} : arena_text(a, text_of(text_));
    return text_ != NULL && out->data == NULL ? error_memory(err) : OK;
}

static status
copy_given(foreign_code *c, const given *g, error *err) {
    const size_t n = (size_t)(g->argument_count < 0 ? 0 : g->argument_count);
    c->arguments = arena_alloc_zero(&c->arena, n * sizeof(text));
    c->types = arena_alloc_zero(&c->arena, n * sizeof(struct ArrowSchema));
    c->argument_types = arena_alloc_zero(&c->arena, n * sizeof(data_type));
    if (c->arguments == NULL || c->types == NULL || c->argument_types == NULL) {
        return error_memory(err);
    }
    c->argument_count = (int32_t)n;
    for (size_t i = 0; i < n; i++) {
        const bool any = text_equal_nocase(text_of(g->arguments[i]), TEXT("ANY"));
        TRY(copy_text(&c->arguments[i], &c->arena, any ? NULL : g->arguments[i], err));
    }
    TRY(copy_text(&c->name, &c->arena, g->name, err));
    TRY(copy_text(&c->result, &c->arena, g->result, err));
    TRY(copy_text(&c->state, &c->arena, g->state, err));
    return copy_text(&c->version, &c->arena, g->version, err);
}

/* `like` has the kind, the flags and the caller's struct. */
static status
code_new(foreign_code **out, laminar_database *db, const foreign_code *like, const given *g,
         error *err) {
    if (g->name == NULL || g->result == NULL || g->argument_count < -1 ||
        g->argument_count > SQL_ARGUMENTS_MAX || (g->argument_count > 0 && g->arguments == NULL)) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "a function has a name, the type of its result, and at most %d arguments",
                         SQL_ARGUMENTS_MAX);
    }
    foreign_code *c = mem_alloc(db->mem, sizeof(*c));
    if (c == NULL) {
        return error_memory(err);
    }
    *c = *like;
    c->base = (routine_code){.class = &foreign_class};
    atomic_init(&c->base.references, 1);
    c->db = db;
    c->mem = db->mem;
    arena_init(&c->arena, db->mem);
    *out = c;
    return copy_given(c, g, err);
}

/* ---- its definition */
static void
print_definition(const foreign_code *c, bool variadic, buf *out) {
    buf_append_text(out, TEXT("CREATE OR REPLACE FUNCTION "));
    buf_append_quoted(out, c->name, '"');
    buf_append_text(out, TEXT("("));
    for (int32_t i = 0; i < c->argument_count; i++) {
        buf_printf(out, "%sa%d", i == 0 ? "" : ", ", i + 1);
        if (c->arguments[i].data != NULL) {
            buf_printf(out, " %.*s", TEXT_ARG(c->arguments[i]));
        }
    }
    buf_printf(out, ") RETURNS %.*s", TEXT_ARG(c->result));
    ast_external_print(plan_external_words(c->kind, c->flags, variadic), out);
    if (c->state.data != NULL) {
        buf_printf(out, " STATE %.*s", TEXT_ARG(c->state));
    }
    if (c->version.data != NULL) {
        buf_append_text(out, TEXT(" VERSION "));
        buf_append_quoted(out, c->version, '\'');
    }
}

/* The routine that the text declares, as an object that is in no catalogue. */
static status
declare(object **out, laminar_database *db, arena *a, text sql, error *err) {
    ast_script script;
    TRY(db_parse(&script, db, a, sql, err));
    const ast_statement *st = script.count == 1 ? script.statements[0] : NULL;
    if (st == NULL || st->kind != AST_CREATE_FUNCTION || st->external == NULL) {
        return error_set(err, ERR_INVALID_ARGUMENT, "the types are not types: %.*s", TEXT_ARG(sql));
    }
    TRY(catalog_object_new(out, db->mem, OBJECT_FUNCTION, st->name.text, err));
    return plan_function(*out, db->catalog, st, err);
}

static object *
find_same(laminar_database *db, const routine *declared) {
    object *o = catalog_find(catalog_functions(db->catalog), declared->name, false);
    return o != NULL && o->routine != NULL && routine_same_signature(o->routine, declared) &&
                   text_equal(o->routine->version, declared->version)
               ? o
               : NULL;
}

/* ---- attaching */
static status
export_types(foreign_code *c, const routine *r, error *err) {
    c->result_type = r->result;
    c->state_type = r->state;
    for (int32_t i = 0; i < c->argument_count; i++) {
        c->argument_types[i] = r->arguments[i];
        if (c->types[i].release == NULL && r->arguments[i].id != TYPE_NULL) {
            TRY(arrow_export_type(&c->types[i], TEXT(""), r->arguments[i], c->mem, err));
        }
    }
    return OK;
}

void
foreign_forget(laminar_database *db, text name) {
    for (foreign **at = &db->foreign; *at != NULL; at = &(*at)->next) {
        foreign *f = *at;
        if (text_equal_nocase(f->routine->name, name)) {
            *at = f->next;
            routine_release(f->routine);
            mem_free(db->mem, f, sizeof(*f));
            return;
        }
    }
}

void
foreign_fini(laminar_database *db) {
    while (db->foreign != NULL) {
        foreign_forget(db, db->foreign->routine->name);
    }
}

/* code NULL: none from now on. */
static status
attach(laminar_database *db, object *o, routine_code *code, error *err) {
    routine *made = NULL;
    foreign *entry = code == NULL ? NULL : mem_alloc(db->mem, sizeof(*entry));
    if (code != NULL && entry == NULL) {
        return error_memory(err);
    }
    const status s = routine_renew(&made, o->routine, o->routine->version, code, err);
    if (s < 0) {
        if (entry != NULL) {
            mem_free(db->mem, entry, sizeof(*entry));
        }
        return s;
    }
    if (entry != NULL) {
        *entry = (foreign){.routine = routine_retain(made)};
    }
    foreign_forget(db, o->name);
    if (entry != NULL) {
        entry->next = db->foreign;
        db->foreign = entry;
    }
    routine_release(o->routine);
    o->routine = made;
    return OK;
}

/* Streams that waited for it go on, with the token. Those that fail with it are marked. */
static status
wake_streams(laminar_database *db, error *err) {
    const int32_t state = atomic_load(&db->state);
    if (db->replaying || (state != DB_RUNNING && state != DB_PAUSED)) {
        return OK;
    }
    engine_code_came(db->engine);
    return db_settle(db, db_start_pipeline(db, NULL, err), err);
}

status
foreign_reattach(laminar_database *db, object *o, error *err) {
    for (const foreign *f = db->foreign; f != NULL; f = f->next) {
        if (routine_same_signature(f->routine, o->routine)) {
            return attach(db, o, f->routine->code, err);
        }
    }
    return OK;
}

static status
refuse_sql_function(const laminar_database *db, const object *declared, error *err) {
    const object *o = catalog_find(catalog_functions(db->catalog), declared->name, false);
    if (o == NULL || o->routine != NULL) {
        return OK;
    }
    error_set(err, ERR_TABLE_EXISTS, "\"%.*s\" is an SQL function", TEXT_ARG(o->name));
    return error_hint(err, "DROP FUNCTION first, or give the code another name");
}

static status
attach_if_same(laminar_database *db, foreign_code *c, const object *declared, bool *done,
               error *err) {
    TRY(db_enter_to_write(db, err));
    object *o = find_same(db, declared->routine);
    status  s = db_refuse_in_transaction(db, "registering a function", err);
    s = s < 0 ? s : refuse_sql_function(db, declared, err);
    *done = o != NULL;
    if (s == OK && o != NULL) {
        s = export_types(c, o->routine, err);
        s = s < 0 ? s : attach(db, o, &c->base, err);
        c->attached = s == OK;
        s = s < 0 ? s : wake_streams(db, err);
    }
    db_leave(db);
    return s;
}

static status
run_definition(laminar_database *db, text sql, error *err) {
    laminar_error        e = {.code = 0};
    const laminar_status s = laminar_database_execute_text(db, sql.data, sql.size, NULL, &e);
    if (s >= 0) {
        return OK;
    }
    const char *place = strstr(e.message, "\nLINE "); /* of a text that nobody has typed */
    const int   size = place == NULL ? 500 : (int)(place - e.message);
    error_set(err, (status)s, "%.*s", size < 500 ? size : 500, e.message);
    return e.hint[0] == '\0' ? (status)s : error_hint(err, "%s", e.hint);
}

static status
register_declared(laminar_database *db, foreign_code *c, const object *declared, text sql,
                  error *err) {
    bool done;
    TRY(attach_if_same(db, c, declared, &done, err));
    if (done) {
        return OK;
    }
    TRY(run_definition(db, sql, err));
    TRY(attach_if_same(db, c, declared, &done, err));
    if (!done) {
        return error_set(err, ERR_TABLE_EXISTS,
                         "another thread has changed function \"%.*s\" meanwhile",
                         TEXT_ARG(c->name));
    }
    return OK;
}

static status
register_code(laminar_database *db, foreign_code *c, bool variadic, error *err) {
    arena   a;
    buf     sql;
    object *declared = NULL;
    TRY(db_enter(db, err)); /* plan_function looks at the catalogue */
    arena_init(&a, db->mem);
    buf_init(&sql, db->mem, SIZE_MAX / 2);
    print_definition(c, variadic, &sql);
    status s = sql.failed ? error_memory(err) : declare(&declared, db, &a, buf_text(&sql), err);
    db_leave(db);
    s = s < 0 ? s : register_declared(db, c, declared, buf_text(&sql), err);
    catalog_object_release(declared);
    buf_fini(&sql);
    arena_fini(&a);
    return s;
}

/* ---- public */
enum {
    FLAGS_KNOWN = LAMINAR_FUNCTION_VOLATILE | LAMINAR_FUNCTION_NULLS | LAMINAR_FUNCTION_PARALLEL |
                  LAMINAR_FUNCTION_ORDERED | LAMINAR_FUNCTION_ON_CALLER
};

static laminar_status
register_given(laminar_database *db, const foreign_code *like, const given *g, laminar_error *err) {
    error         e = {.position = -1};
    foreign_code *c = NULL;
    status        s = code_new(&c, db, like, g, &e);
    s = s < 0 ? s : register_code(db, c, g->argument_count < 0, &e);
    routine_code_release(c);
    return report(err, &e, s, TEXT(""));
}

static laminar_status
refuse_incomplete(const char *lacks, laminar_error *err) {
    error e = {.position = -1};
    return report(err, &e, error_set(&e, ERR_INVALID_ARGUMENT, "the function lacks %s", lacks),
                  TEXT(""));
}

laminar_status
laminar_database_register_scalar(laminar_database *db, const char *name, const laminar_scalar *f,
                                 laminar_error *err) {
    laminar_scalar known = LAMINAR_SCALAR_INIT;
    memcpy(&known, f, f->size < sizeof(known) ? f->size : sizeof(known));
    const foreign_code like = {.kind = known.is_rows ? ROUTINE_ROWS : ROUTINE_SCALAR,
                               .flags = known.flags & FLAGS_KNOWN,
                               .scalar = known};
    const given        g = {.name = name,
                            .result = known.result,
                            .version = known.version,
                            .arguments = known.arguments,
                            .argument_count = known.argument_count};
    return known.call == NULL ? refuse_incomplete("call", err) : register_given(db, &like, &g, err);
}

laminar_status
laminar_database_register_aggregate(laminar_database *db, const char *name,
                                    const laminar_aggregate *f, laminar_error *err) {
    laminar_aggregate known = LAMINAR_AGGREGATE_INIT;
    memcpy(&known, f, f->size < sizeof(known) ? f->size : sizeof(known));
    const bool saves = known.state != NULL && known.save != NULL && known.load != NULL;
    if (known.open == NULL || known.drop == NULL || known.accumulate == NULL ||
        known.evaluate == NULL) {
        return refuse_incomplete("open, drop, accumulate or evaluate", err);
    }
    if (known.state != NULL && !saves) {
        return refuse_incomplete("save or load for its state", err);
    }
    const foreign_code like = {
        .kind = ROUTINE_AGGREGATE,
        .flags = (known.flags & FLAGS_KNOWN) | (known.retract != NULL ? ROUTINE_RETRACTS : 0) |
                 (known.merge != NULL ? ROUTINE_MERGES : 0) | (saves ? ROUTINE_SAVES : 0),
        .aggregate = known};
    const given g = {.name = name,
                     .result = known.result,
                     .state = known.state,
                     .version = known.version,
                     .arguments = known.arguments,
                     .argument_count = known.argument_count};
    return register_given(db, &like, &g, err);
}

laminar_status
laminar_database_register_processor(laminar_database *db, const char *name,
                                    const laminar_processor *f, laminar_error *err) {
    laminar_processor known = LAMINAR_PROCESSOR_INIT;
    memcpy(&known, f, f->size < sizeof(known) ? f->size : sizeof(known));
    if (known.process == NULL || known.state == NULL) {
        return refuse_incomplete("process, or the type of its state", err);
    }
    const foreign_code like = {
        .kind = ROUTINE_PROCESSOR, .flags = known.flags & FLAGS_KNOWN, .processor = known};
    const given g = {.name = name,
                     .result = known.result,
                     .state = known.state,
                     .version = known.version,
                     .argument_count = 0};
    return register_given(db, &like, &g, err);
}

laminar_status
laminar_database_unregister(laminar_database *db, const char *name, laminar_error *err) {
    error   e = {.position = -1};
    object *o = NULL;
    status  s = db_enter(db, &e);
    if (s == OK) {
        s = catalog_need(&o, catalog_functions(db->catalog), text_of(name), false,
                         ERR_TABLE_NOT_FOUND, "Function", -1, &e);
        if (s == OK && o->routine == NULL) {
            s = error_set(&e, ERR_TABLE_NOT_FOUND, "function \"%s\" is SQL: it has no code", name);
        }
        s = s < 0 ? s : attach(db, o, NULL, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}
