/* SPDX-License-Identifier: Apache-2.0 */
/* alter.c - ALTER TABLE, SOURCE, STREAM and VIEW.
 *
 * Objects do not change while others look at them without the token: an altered one is another
 * object in the same place. Its definition is the statement that made the old one, changed as a
 * tree and bound again, so everything that CREATE refuses is refused here too. Whatever can fail
 * comes before the first thing is touched. */
#include "db/durable.h"
#include "db/going.h"
#include "db/sink.h"
#include "expr/defaults.h"

typedef struct alteration {
    statement_context   *c;
    const ast_statement *st;
    object              *old, *made;
    ast_statement       *definition; /* of the new object */
    int32_t              column;     /* that goes or gets a name; -1: none */
    int32_t              user_count;
    object             **users; /* CASCADE: what reads the column */
} alteration;

static const char *
alter_name(const ast_statement *st) {
    static const char *const names[] = {[AST_OBJECT_SOURCE] = "ALTER SOURCE",
                                        [AST_OBJECT_STREAM] = "ALTER STREAM",
                                        [AST_OBJECT_TABLE] = "ALTER TABLE",
                                        [AST_OBJECT_VIEW] = "ALTER VIEW",
                                        [AST_OBJECT_SINK] = "ALTER SINK"};
    return names[st->object];
}

/* ---- the new definition */

static bool
is_named(const ast_name *name, text known) {
    return name->quoted ? text_equal(name->text, known) : text_equal_nocase(name->text, known);
}

static void rename_in(ast_expr *e, text known, const ast_name *to);

static void
rename_in_all(ast_expr **all, int32_t count, text known, const ast_name *to) {
    for (int32_t i = 0; i < count; i++) {
        rename_in(all[i], known, to);
    }
}

/* In a CHECK or a watermark, where a name is a column of the table or an argument of a lambda. */
static void
rename_in(ast_expr *e, text known, const ast_name *to) {
    if (e == NULL) {
        return;
    }
    for (int32_t i = 0; e->kind == AST_LAMBDA && i < e->number; i++) {
        if (is_named(&e->arg_names[i], known)) {
            return;
        }
    }
    if (e->kind == AST_COLUMN && is_named(&e->name, known)) {
        e->name = *to;
    }
    rename_in_all(e->args, e->arg_count, known, to);
    rename_in(e->operand, known, to);
    rename_in(e->otherwise, known, to);
    rename_in(e->filter, known, to);
}

static bool
uses_column(const ast_expr *e, text known) {
    if (e == NULL) {
        return false;
    }
    bool uses = e->kind == AST_COLUMN && is_named(&e->name, known);
    for (int32_t i = 0; i < e->arg_count && !uses; i++) {
        uses = uses_column(e->args[i], known);
    }
    return uses || uses_column(e->operand, known) || uses_column(e->otherwise, known) ||
           uses_column(e->filter, known);
}

static status
find_column(alteration *a, const ast_name *name, error *err) {
    const schema *s = a->old->schema;
    a->column = schema_find(s, name->text, name->quoted);
    if (a->column >= 0) {
        return OK;
    }
    text *names = arena_alloc(&a->c->arena, sizeof(text) * (size_t)s->count);
    if (names == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->count; i++) {
        names[i] = s->fields[i].name;
    }
    error_set_at(err, ERR_SCHEMA_MISMATCH, name->position, "\"%.*s\" has no column \"%.*s\"",
                 TEXT_ARG(a->old->name), TEXT_ARG(name->text));
    const int32_t near = text_nearest(name->text, names, s->count);
    return near < 0 ? ERR_SCHEMA_MISMATCH
                    : error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
}

static status
add_column(alteration *a, error *err) {
    ast_statement  *d = a->definition;
    ast_column_def *columns =
        arena_alloc(&a->c->arena, sizeof(*columns) * ((size_t)d->column_count + 1));
    if (columns == NULL) {
        return error_memory(err);
    }
    const ast_column_def *added = &a->st->columns[0];
    const ast_name       *name = &added->name;
    if (schema_find(a->old->schema, name->text, false) >= 0) {
        return error_set_at(err, ERR_SCHEMA_MISMATCH, name->position,
                            "\"%.*s\" has a column \"%.*s\" already", TEXT_ARG(a->old->name),
                            TEXT_ARG(name->text));
    }
    memcpy(columns, d->columns, sizeof(*columns) * (size_t)d->column_count);
    columns[d->column_count++] = *added;
    d->columns = columns;
    return OK;
}

static status
refuse_own_use(const alteration *a, const char *what, text shown, error *err) {
    return error_set_at(err, ERR_SCHEMA_MISMATCH, a->st->column.position,
                        "cannot drop column \"%.*s\" of \"%.*s\": %s%.*s uses it",
                        TEXT_ARG(a->st->column.text), TEXT_ARG(a->old->name), what,
                        TEXT_ARG(shown));
}

/* Keys and the event time hold a column; CHECKs go with it when CASCADE says so. */
static status
drop_own_uses(alteration *a, error *err) {
    const object *o = a->old;
    const text    known = o->schema->fields[a->column].name;
    int32_t       kept = 0;
    for (int32_t k = 0; k < o->key_def_count; k++) {
        for (int32_t i = 0; i < o->key_defs[k].column_count; i++) {
            if (o->key_defs[k].columns[i] == a->column) {
                return refuse_own_use(a, o->key_defs[k].primary ? "its PRIMARY KEY" : "a UNIQUE",
                                      TEXT(""), err);
            }
        }
    }
    if (o->event_time_column == a->column) {
        return refuse_own_use(a, "its watermark", TEXT(""), err);
    }
    for (int32_t i = 0; i < o->check_count; i++) {
        ast_check *check = &a->definition->checks[i];
        if (!uses_column(check->expr, known)) {
            a->definition->checks[kept++] = *check;
        } else if (!a->st->cascade) {
            refuse_own_use(a, "CHECK ", o->checks[i].shown, err);
            return error_hint(err, "CASCADE drops it, too");
        }
    }
    a->definition->check_count = kept;
    return OK;
}

static status
drop_column(alteration *a, error *err) {
    ast_statement *d = a->definition;
    TRY(drop_own_uses(a, err));
    if (d->column_count == 1) {
        return error_set_at(err, ERR_SCHEMA_MISMATCH, a->st->column.position,
                            "\"%.*s\" is the only column of \"%.*s\"", TEXT_ARG(a->st->column.text),
                            TEXT_ARG(a->old->name));
    }
    memmove(d->columns + a->column, d->columns + a->column + 1,
            sizeof(*d->columns) * (size_t)(d->column_count - a->column - 1));
    d->column_count--;
    return OK;
}

static status
rename_column(alteration *a, error *err) {
    ast_statement  *d = a->definition;
    const ast_name *to = &a->st->new_name;
    const text      known = a->old->schema->fields[a->column].name;
    const int32_t   taken = schema_find(a->old->schema, to->text, false);
    if (taken >= 0 && taken != a->column) {
        return error_set_at(err, ERR_SCHEMA_MISMATCH, to->position,
                            "\"%.*s\" has a column \"%.*s\" already", TEXT_ARG(a->old->name),
                            TEXT_ARG(to->text));
    }
    d->columns[a->column].name = *to;
    for (int32_t k = 0; k < d->key_count; k++) {
        for (int32_t i = 0; i < d->keys[k].column_count; i++) {
            ast_name *part = &d->keys[k].columns[i];
            *part = is_named(part, known) ? *to : *part;
        }
    }
    for (int32_t i = 0; i < d->check_count; i++) {
        rename_in(d->checks[i].expr, known, to);
    }
    if (d->watermark_column.text.data != NULL && is_named(&d->watermark_column, known)) {
        d->watermark_column = *to;
    }
    rename_in(d->watermark, known, to);
    return OK;
}

static status
set_options(alteration *a, error *err) {
    ast_statement *d = a->definition;
    ast_option    *options = arena_alloc(
        &a->c->arena, sizeof(*options) * (size_t)(d->option_count + a->st->option_count + 1));
    if (options == NULL) {
        return error_memory(err);
    }
    int32_t count = d->option_count;
    if (count > 0) {
        memcpy(options, d->options, sizeof(*options) * (size_t)count);
    }
    for (int32_t i = 0; i < a->st->option_count; i++) {
        int32_t at = 0;
        while (at < count &&
               !text_equal_nocase(options[at].name.text, a->st->options[i].name.text)) {
            at++;
        }
        options[at] = a->st->options[i];
        count = at == count ? count + 1 : count;
    }
    d->options = options;
    d->option_count = count;
    return OK;
}

/* The rows that are there have no NULL in the column. */
static status
check_no_nulls(const alteration *a, error *err) {
    source         *s = a->old->impl;
    table_snapshot *rows;
    table_cursor    cursor;
    column          values;
    delta           part;
    int64_t         nulls = 0;
    arena           live;
    status          checked = OK;
    TRY(table_snapshot_open(&rows, source_table(s), TABLE_END, engine_sequence(a->c->db->engine),
                            err));
    arena_init(&live, a->c->db->mem);
    table_cursor_init(&cursor, rows, 0, TABLE_END);
    while (checked == OK &&
           (checked = table_cursor_next(&cursor, &a->column, 1, &values, &part, err)) == OK) {
        checked = table_cursor_live(&cursor, &part, &values, &live, err);
        for (int32_t i = 0; checked == OK && i < part.row_count; i++) {
            nulls += column_is_null(&values, i);
        }
        arena_reset(&live);
    }
    checked = checked < 0 ? checked : OK;
    arena_fini(&live);
    table_cursor_fini(&cursor);
    table_snapshot_close(rows);
    if (checked == OK && nulls > 0) {
        error_set_at(err, ERR_SCHEMA_MISMATCH, a->st->column.position,
                     "column \"%.*s\" of \"%.*s\" is NULL in %lld row%s",
                     TEXT_ARG(a->st->column.text), TEXT_ARG(a->old->name), (long long)nulls,
                     nulls == 1 ? "" : "s");
        return error_hint(err, "give them a value first: UPDATE ... SET ... WHERE ... IS NULL");
    }
    return checked;
}

static bool
is_in_primary_key(const alteration *a) {
    for (int32_t k = 0; k < a->old->key_def_count; k++) {
        const object_key *key = &a->old->key_defs[k];
        for (int32_t i = 0; key->primary && i < key->column_count; i++) {
            if (key->columns[i] == a->column) {
                return true;
            }
        }
    }
    return false;
}

static status
change_column(alteration *a, error *err) {
    TRY(find_column(a, &a->st->column, err));
    ast_column_def *changed = &a->definition->columns[a->column];
    if (a->st->alter == AST_ALTER_DEFAULT) {
        changed->default_value = a->st->value;
        return OK;
    }
    changed->not_null = a->st->alter == AST_ALTER_NOT_NULL;
    if (changed->not_null) {
        return check_no_nulls(a, err);
    }
    return is_in_primary_key(a)
               ? error_set_at(
                     err, ERR_SCHEMA_MISMATCH, a->st->column.position,
                     "column \"%.*s\" is in the primary key of \"%.*s\", which has no NULLs",
                     TEXT_ARG(a->st->column.text), TEXT_ARG(a->old->name))
               : OK;
}

static status
change_definition(alteration *a, error *err) {
    ast_script script;
    TRY(sql_parse(&script, &a->c->arena, a->old->sql, err));
    a->definition = script.statements[0];
    a->definition->or_replace = false;
    a->definition->if_not_exists = false;
    a->definition->name.position = a->st->name.position; /* for messages */
    switch (a->st->alter) {
    case AST_ALTER_ADD:
        return add_column(a, err);
    case AST_ALTER_DROP:
        TRY(find_column(a, &a->st->column, err));
        return drop_column(a, err);
    case AST_ALTER_RENAME_COLUMN:
        TRY(find_column(a, &a->st->column, err));
        return rename_column(a, err);
    case AST_ALTER_RENAME:
        a->definition->name = a->st->new_name;
        return OK;
    case AST_ALTER_DEFAULT:
    case AST_ALTER_NOT_NULL:
    case AST_ALTER_NULL:
        return change_column(a, err);
    default:
        return set_options(a, err);
    }
}

/* ---- who uses a column, or the name */

static status
view_reads_column(const alteration *a, const object *view, bool *reads, error *err) {
    ast_script script;
    plan       p;
    schema    *columns;
    TRY(sql_parse(&script, &a->c->arena, view->sql, err));
    TRY(plan_view(&p, &columns, &a->c->arena, a->c->db->catalog, &a->c->externals, &a->c->env,
                  script.statements[0], view->sql, err));
    *reads = plan_reads_column(p.root, a->old, a->column);
    return OK;
}

static status
text_holds(const alteration *a, const object *o, bool *holds, error *err) {
    return definition_holds(a->c, o, a->old, a->made, a->st->alter == AST_ALTER_ADD, holds, err);
}

static status
is_user(const alteration *a, const object *o, bool *uses, error *err) {
    *uses = o->late_to == a->old;
    if (*uses || !object_reads(o, a->old)) {
        return OK;
    }
    if (a->st->alter == AST_ALTER_RENAME) {
        *uses = true;
        return OK;
    }
    if (o->kind == OBJECT_SINK) { /* its columns are in what it has written */
        *uses = true;
    } else if (o->kind == OBJECT_VIEW) {
        TRY(view_reads_column(a, o, uses, err));
    } else {
        *uses = plan_reads_column(stream_plan(o->impl)->root, a->old, a->column);
    }
    if (!*uses && a->st->alter != AST_ALTER_NULL) {
        TRY(text_holds(a, o, uses, err));
        *uses = !*uses;
    }
    return OK;
}

static status
refuse_new_column(const alteration *a, const object *reader, error *err) {
    const ast_name *name = &a->st->columns[0].name;
    error_set_at(err, ERR_SCHEMA_MISMATCH, name->position,
                 "cannot add column \"%.*s\" to \"%.*s\": the text of \"%.*s\" would not mean the "
                 "same any more",
                 TEXT_ARG(name->text), TEXT_ARG(a->old->name), TEXT_ARG(reader->name));
    return error_hint(err, "make that anew with columns that are named with their tables: t.%.*s",
                      TEXT_ARG(a->old->schema->fields[0].name));
}

/* A new column must not be read by what was made before it. */
static status
check_readers(const alteration *a, error *err) {
    const catalog *all = a->c->db->catalog;
    for (int32_t i = 0; i < catalog_count(all); i++) {
        const object *o = catalog_at(all, i);
        bool          holds = true;
        TRY(object_reads(o, a->old) ? text_holds(a, o, &holds, err) : OK);
        TRY(holds ? OK : refuse_new_column(a, o, err));
    }
    return OK;
}

static status
refuse_users(const alteration *a, error *err) {
    buf        names;
    const bool of_column = a->column >= 0;
    const bool drops = a->st->alter == AST_ALTER_DROP;
    const bool nulls = a->st->alter == AST_ALTER_NULL;
    buf_init(&names, a->c->db->mem, 300);
    for (int32_t i = 0; i < a->user_count; i++) {
        if (!buf_printf(&names, "%s\"%.*s\"", i == 0 ? "" : ", ", TEXT_ARG(a->users[i]->name))) {
            break; /* more than a message holds: the first ones tell enough */
        }
    }
    const ast_name *place = of_column ? &a->st->column : &a->st->name;
    error_set_at(err, ERR_SCHEMA_MISMATCH, place->position, "cannot %s %s\"%.*s\": %.*s use%s it",
                 drops   ? "drop"
                 : nulls ? "let NULLs into"
                         : "rename",
                 of_column ? "column " : "", TEXT_ARG(place->text), TEXT_ARG(buf_text(&names)),
                 a->user_count == 1 ? "s" : "");
    buf_fini(&names);
    return error_hint(err, drops ? "drop what uses it first, or say CASCADE"
                                 : "drop what uses it first, and make it again after");
}

static status
find_users(alteration *a, error *err) {
    const catalog *all = a->c->db->catalog;
    const int32_t  total = catalog_count(all);
    a->users = arena_alloc(&a->c->arena, sizeof(object *) * (size_t)total);
    if (a->users == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < total; i++) {
        bool uses;
        TRY(is_user(a, catalog_at(all, i), &uses, err));
        if (uses) {
            a->users[a->user_count++] = catalog_at(all, i);
        }
    }
    if (a->user_count > 0 && !a->st->cascade) {
        return refuse_users(a, err);
    }
    engine_reap(a->c->db->engine);
    if (a->column >= 0 && engine_is_watched(a->c->db->engine, a->old, a->column)) {
        return error_set_at(err, ERR_SCHEMA_MISMATCH, a->st->column.position,
                            "an open subscription reads column \"%.*s\"; cancel that first",
                            TEXT_ARG(a->st->column.text));
    }
    return OK;
}

/* What CASCADE drops, checked before and dropped after the rest is ready. */
static status
find_cascade(alteration *a, going **all, error *err) {
    *all = arena_alloc_zero(&a->c->arena, sizeof(going) * (size_t)(a->user_count + 1));
    if (*all == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < a->user_count; i++) {
        TRY(going_find(&(*all)[i], a->c, a->users[i], GO_CASCADE, err));
    }
    return OK;
}

static bool
is_there(const catalog *c, const object *o) {
    for (int32_t i = 0; i < catalog_count(c); i++) {
        if (catalog_at(c, i) == o) {
            return true;
        }
    }
    return false;
}

static void
drop_users(const alteration *a, const going *all) {
    laminar_database *db = a->c->db;
    for (int32_t i = 0; i < a->user_count; i++) {
        going left = {.objects = all[i].objects};
        for (int32_t k = 0; k < all[i].count; k++) { /* what went with another one is gone */
            if (is_there(db->catalog, all[i].objects[k])) {
                left.objects[left.count++] = all[i].objects[k];
            }
        }
        going_drop(db, &left);
    }
}

/* ---- the new object */

static status
write_definition(const alteration *a, error *err) {
    buf written;
    buf_init(&written, a->c->db->mem, SIZE_MAX / 2);
    sql_print_statement(a->definition, &written);
    object *o = a->made;
    o->sql = written.failed ? (text){NULL, 0} : arena_text(&o->arena, buf_text(&written));
    o->declared = o->sql;
    o->is_recovered = a->c->db->replaying;
    buf_fini(&written);
    return o->sql.data == NULL ? error_memory(err) : OK;
}

/* What the old object reads, and what the new one reads beside: functions of a new DEFAULT. */
static status
take_inputs(alteration *a, error *err) {
    const object *old = a->old;
    object       *o = a->made;
    object      **mine = o->inputs;
    const int32_t count = o->input_count;
    o->inputs = arena_alloc(&o->arena, (size_t)(old->input_count + count + 1) * sizeof(object *));
    o->input_count = 0;
    if (o->inputs == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < old->input_count; i++) {
        o->inputs[o->input_count++] = old->inputs[i];
    }
    for (int32_t i = 0; i < count; i++) {
        int32_t at = 0;
        while (at < old->input_count && old->inputs[at] != mine[i]) {
            at++;
        }
        if (at == old->input_count) {
            TRY(catalog_depend(mine[i], o, err));
            o->inputs[o->input_count++] = mine[i];
        }
    }
    return OK;
}

/* It was not put in the place of the old one: nothing depends on it, nor it on anything. */
static void
leave_inputs(const alteration *a) {
    for (int32_t i = a->old->input_count; a->made != NULL && i < a->made->input_count; i++) {
        catalog_undepend(a->made->inputs[i], a->made);
    }
}

/* Dependents and inputs, which catalog_replace turns to the new object. */
static status
take_relations(alteration *a, error *err) {
    const object *old = a->old;
    object       *o = a->made;
    for (int32_t i = 0; i < old->dependent_count; i++) {
        TRY(catalog_depend(o, old->dependents[i], err));
    }
    o->before = catalog_object_retain(a->old);
    o->indexes = a->old->indexes;
    return take_inputs(a, err);
}

/* All but the name stays as it is. */
static void
copy_meaning(object *o, const object *old) {
    const object named = *o;
    *o = *old;
    o->name = named.name;
    o->arena = named.arena;
    o->id = named.id;
    o->before = NULL;
    o->impl = NULL;
    o->impl_free = NULL;
    o->dependents = NULL;
    o->dependent_count = 0;
    atomic_init(&o->references, 1);
}

static status
make_object(alteration *a, error *err) {
    laminar_database *db = a->c->db;
    const object     *old = a->old;
    const text        name = a->st->alter == AST_ALTER_RENAME ? a->st->new_name.text : old->name;
    TRY(catalog_object_new(&a->made, db->mem, old->kind, name, err));
    if (a->st->alter == AST_ALTER_RENAME) {
        copy_meaning(a->made, old);
    } else {
        TRY(plan_object(a->made, db->catalog, &a->c->env, a->definition, err));
    }
    TRY(write_definition(a, err));
    return take_relations(a, err);
}

/* From here on nothing can fail. */
static void
replace_object(const alteration *a) {
    object *old = a->old, *o = a->made;
    o->impl = old->impl;
    o->impl_free = old->impl_free;
    o->row_count = old->row_count;
    o->column_range = old->column_range;
    old->impl = NULL;
    old->impl_free = NULL;
    catalog_replace(a->c->db->catalog, old, o);
}

/* ---- ALTER */

/* Options of a stream: its query stays as it is. */
static status
set_stream(alteration *a, error *err) {
    TRY(change_definition(a, err));
    TRY(catalog_object_new(&a->made, a->c->db->mem, OBJECT_STREAM, a->old->name, err));
    copy_meaning(a->made, a->old);
    a->made->state_ttl_us = a->made->shards = 0;
    status      s = plan_stream_options(a->made, &a->c->env, a->definition, err);
    const char *fixed = a->made->state_ttl_us != a->old->state_ttl_us ? "state_ttl"
                        : a->made->shards != a->old->shards           ? "shards"
                                                                      : NULL;
    if (s == OK && fixed != NULL) {
        s = error_set(err, ERR_INVALID_SCHEMA, "%s is decided when a stream is made", fixed);
        error_hint(err, "make it again: CREATE OR REPLACE STREAM %.*s WITH (%s = ...) AS ...",
                   TEXT_ARG(a->old->name), fixed);
    }
    if (s == OK) {
        s = write_definition(a, err);
    }
    if (s == OK) {
        s = take_relations(a, err);
    }
    if (s == OK) {
        engine_rename(a->c->db->engine, a->old, a->made);
        replace_object(a);
    }
    catalog_object_release(a->made);
    return s;
}

static status
check_name(const alteration *a, error *err) {
    const ast_name *to = &a->st->new_name;
    const object   *taken = catalog_find(a->c->db->catalog, to->text, false);
    if (taken == NULL || taken == a->old) {
        return OK;
    }
    return error_set_at(err, ERR_TABLE_EXISTS, to->position, "a %s named \"%.*s\" already exists",
                        object_kind_name(taken->kind), TEXT_ARG(taken->name));
}

static status
rename_object(alteration *a, error *err) {
    TRY(check_name(a, err));
    TRY(find_users(a, err));
    TRY(make_object(a, err));
    source  *s = a->old->impl;
    int32_t *from =
        arena_alloc(&a->c->arena, sizeof(int32_t) * (size_t)(a->old->schema->count + 1));
    if (from == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < a->old->schema->count; i++) {
        from[i] = i;
    }
    if (a->old->kind == OBJECT_SOURCE || a->old->kind == OBJECT_TABLE) {
        source_alteration *rows = NULL;
        TRY(source_alter_open(&rows, s, a->made, from, NULL, err));
        source_alter_apply(rows);
    } else {
        engine_rename(a->c->db->engine, a->old, a->made);
    }
    replace_object(a);
    return OK;
}

/* Rows that are there get the DEFAULT of a new column, computed for each of them. */
static status
open_rows(alteration *a, const int32_t *from, source_alteration **rows, error *err) {
    const object *o = a->made;
    const int32_t last = o->schema->count - 1;
    if (a->st->alter == AST_ALTER_ADD && !o->schema->fields[last].nullable &&
        o->defaults[last].value == NULL && table_live_count(source_table(a->old->impl)) > 0) {
        const ast_name *name = &a->st->columns[0].name;
        error_set_at(
            err, ERR_SCHEMA_MISMATCH, name->position,
            "column \"%.*s\" is NOT NULL, and the rows that are there have no value for it",
            TEXT_ARG(name->text));
        return error_hint(err, "give it a DEFAULT: ADD COLUMN %.*s ... NOT NULL DEFAULT value",
                          TEXT_ARG(name->text));
    }
    defaults d;
    defaults_init(&d, o, a->c->db->mem, &a->c->env.eval, a->c->env.statement_us);
    const status s = source_alter_open(rows, a->old->impl, a->made, from, &d.base, err);
    defaults_fini(&d);
    return s;
}

static status
alter_columns(alteration *a, error *err) {
    const int32_t      count = a->definition->column_count;
    int32_t           *from = arena_alloc(&a->c->arena, sizeof(int32_t) * (size_t)(count + 1));
    going             *gone = NULL;
    source_alteration *rows = NULL;
    if (from == NULL) {
        return error_memory(err);
    }
    const bool drops = a->st->alter == AST_ALTER_DROP;
    for (int32_t i = 0; i < count; i++) {
        from[i] = drops && i >= a->column ? i + 1 : i < a->old->schema->count ? i : -1;
    }
    TRY(make_object(a, err));
    TRY(a->st->alter == AST_ALTER_ADD ? check_readers(a, err) : OK);
    /* Plans may rely on there being no NULL. */
    if (drops || a->st->alter == AST_ALTER_RENAME_COLUMN || a->st->alter == AST_ALTER_NULL) {
        TRY(find_users(a, err));
        TRY(find_cascade(a, &gone, err));
    }
    TRY(open_rows(a, from, &rows, err));
    drop_users(a, gone);
    a->made->dependent_count = 0; /* of those that are left */
    for (int32_t i = 0; i < a->old->dependent_count; i++) {
        a->made->dependents[a->made->dependent_count++] = a->old->dependents[i];
    }
    source_alter_apply(rows);
    if (drops) {
        index_drop_column(a->made, a->column);
    }
    replace_object(a);
    engine_tidy(a->c->db->engine);
    return OK;
}

static status
bind_altered(alteration *a, error *err) {
    const status s =
        a->st->alter == AST_ALTER_RENAME ? rename_object(a, err) : alter_columns(a, err);
    if (s < 0) {
        leave_inputs(a);
    }
    catalog_object_release(a->made);
    return s;
}

static status
find_object(statement_context *c, const ast_statement *st, object **out, error *err) {
    static const object_kind kinds[] = {[AST_OBJECT_SOURCE] = OBJECT_SOURCE,
                                        [AST_OBJECT_STREAM] = OBJECT_STREAM,
                                        [AST_OBJECT_TABLE] = OBJECT_TABLE,
                                        [AST_OBJECT_VIEW] = OBJECT_VIEW};
    static const char *const whats[] = {"Source", "Stream", "Table", "View"};
    TRY(catalog_need(out, c->db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     whats[st->object], st->name.position, err));
    const object *o = *out;
    if (o->kind != kinds[st->object]) {
        return error_set_at(err, ERR_NOT_FOUND_IN_QUERY, st->name.position,
                            "\"%.*s\" is a %s: say ALTER %s", TEXT_ARG(o->name),
                            object_kind_word(o->kind), object_kind_word(o->kind));
    }
    return going_check_joining(c, o, GO_ALTER, err);
}

static status
alter(statement_context *c, const ast_statement *st, error *err) {
    alteration a = {.c = c, .st = st, .column = -1};
    TRY(db_writable(c->db, err));
    TRY(db_refuse_in_transaction(c->db, alter_name(st), err));
    if (st->if_exists && catalog_find(c->db->catalog, st->name.text, st->name.quoted) == NULL) {
        return OK;
    }
    if (st->object == AST_OBJECT_SINK) {
        return sink_alter(c, st, err);
    }
    TRY(find_object(c, st, &a.old, err));
    if (st->if_not_exists && schema_find(a.old->schema, st->columns[0].name.text, false) >= 0) {
        return OK;
    }
    if (st->if_column && schema_find(a.old->schema, st->column.text, st->column.quoted) < 0) {
        return OK;
    }
    if (st->alter == AST_ALTER_RETRY) {
        queue_drain(c->db, false);
        return stream_retry(a.old->impl, err);
    }
    if (st->object == AST_OBJECT_STREAM && st->alter == AST_ALTER_SET) {
        return set_stream(&a, err);
    }
    queue_drain(c->db, false); /* rows that are on their way were made for the old columns */
    engine_settle(c->db->engine);
    TRY(change_definition(&a, err));
    return bind_altered(&a, err);
}

status
alter_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    laminar_result *answer = NULL;
    status          s;
    TRY(answer_ddl(&answer, c->db->mem, alter_name(st), st->name.text, err));
    do {
        s = db_enter_to_write(c->db, err);
        if (s == OK) {
            s = durable_reserve(c->db, c, st, err);
            s = s < 0 ? s : alter(c, st, err);
            s = s < 0 ? s : durable_ran(c->db, c, st, NULL, err);
            db_leave(c->db);
        }
    } while (s < 0 && externals_open_missing(c, &s, err));
    if (s < 0) {
        laminar_result_free(answer);
        return s;
    }
    *out = answer;
    return OK;
}
