/* SPDX-License-Identifier: Apache-2.0 */
/* function.c - CREATE FUNCTION, DROP FUNCTION and SHOW FUNCTIONS, with the token.
 *
 * A function is text, put in the place of its calls. Who was made with one depends on it: streams
 * keep what they were bound with, views would change their meaning, so neither is replaced or
 * dropped under them. */
#include "db/foreign.h"
#include "db/going.h"
#include "db/parameters.h"

static status
refuse_used(statement_context *c, const object *f, const ast_statement *st, error *err) {
    const bool drops = st->kind == AST_DROP;
    buf        names;
    buf_init(&names, c->db->mem, 300);
    for (int32_t i = 0; i < f->dependent_count; i++) {
        if (!buf_printf(&names, "%s\"%.*s\"", i == 0 ? "" : ", ",
                        TEXT_ARG(f->dependents[i]->name))) {
            break; /* more than a message holds: the first ones tell enough */
        }
    }
    error_set_at(err, ERR_SCHEMA_MISMATCH, st->name.position,
                 "cannot %s function \"%.*s\": %.*s use%s it", drops ? "drop" : "replace",
                 TEXT_ARG(f->name), TEXT_ARG(buf_text(&names)), f->dependent_count == 1 ? "s" : "");
    buf_fini(&names);
    return error_hint(err, drops ? "drop what uses it first, or say CASCADE"
                                 : "drop what uses it first, and make it again after");
}

static status
check_subscriptions(statement_context *c, const object *f, const ast_statement *st, error *err) {
    engine_reap(c->db->engine);
    if (!engine_has_readers(c->db->engine, f)) {
        return OK;
    }
    return error_set_at(err, ERR_SCHEMA_MISMATCH, st->name.position,
                        "an open subscription uses function \"%.*s\"; cancel that first",
                        TEXT_ARG(f->name));
}

/* The same function of the program's with another version: who uses it goes on. */
static status
renew_version(statement_context *c, object *old, const object *made, bool *done, error *err) {
    routine *renewed = NULL;
    *done = old->routine != NULL && made->routine != NULL &&
            routine_same_signature(old->routine, made->routine);
    if (!*done) {
        return OK;
    }
    const text sql = arena_text(&old->arena, made->sql);
    if (sql.data == NULL) {
        return error_memory(err);
    }
    TRY(routine_renew(&renewed, old->routine, made->routine->version, old->routine->code, err));
    routine_release(old->routine);
    old->routine = renewed;
    old->sql = sql;
    old->declared = sql;
    old->is_recovered = c->db->replaying;
    return OK;
}

static void
remove_function(laminar_database *db, object *f) {
    foreign_forget(db, f->name);
    for (int32_t i = 0; i < f->input_count; i++) {
        catalog_undepend(f->inputs[i], f);
    }
    catalog_remove(catalog_functions(db->catalog), f);
}

static status
make_function(statement_context *c, const ast_statement *st, object **out, error *err) {
    object *f = NULL;
    buf     written;
    TRY(catalog_object_new(&f, c->db->mem, OBJECT_FUNCTION, st->name.text, err));
    *out = f;
    TRY(plan_function(f, c->db->catalog, st, err));
    buf_init(&written, c->db->mem, SIZE_MAX / 2);
    definition_print(st, c->sql, NULL, &written);
    f->sql = written.failed ? (text){NULL, 0} : arena_text(&f->arena, buf_text(&written));
    f->declared = f->sql;
    f->is_recovered = c->db->replaying;
    buf_fini(&written);
    return f->sql.data == NULL ? error_memory(err) : OK;
}

static status
add_function(statement_context *c, object *f, object *old, error *err) {
    int32_t depends = 0;
    status  s = OK;
    while (s == OK && depends < f->input_count) {
        s = catalog_depend(f->inputs[depends], f, err);
        depends += s == OK;
    }
    if (s == OK && old != NULL) {
        remove_function(c->db, old);
    }
    if (s == OK) {
        s = catalog_add(catalog_functions(c->db->catalog), f, err);
    }
    for (int32_t i = 0; s < 0 && i < depends; i++) {
        catalog_undepend(f->inputs[i], f);
    }
    return s;
}

status
function_create(statement_context *c, const ast_statement *st, error *err) {
    const catalog *all = catalog_functions(c->db->catalog);
    object        *old = catalog_find(all, st->name.text, false), *made = NULL;
    if (old != NULL && (st->if_not_exists || (old->is_recovered && !st->or_replace))) {
        c->unchanged = true;
        return st->if_not_exists ? OK : declared_again(c, st, old, err);
    }
    if (old != NULL && !st->or_replace) {
        return error_set_at(
            err, ERR_TABLE_EXISTS, st->name.position,
            "function \"%.*s\" already exists: use CREATE OR REPLACE or IF NOT EXISTS",
            TEXT_ARG(st->name.text));
    }
    bool   done = false;
    status s = make_function(c, st, &made, err);
    if (s == OK && old != NULL) {
        s = renew_version(c, old, made, &done, err);
    }
    if (s == OK && old != NULL && !done) {
        s = old->dependent_count > 0 ? refuse_used(c, old, st, err)
                                     : check_subscriptions(c, old, st, err);
    }
    if (s == OK && !done) {
        s = add_function(c, made, old, err);
    }
    if (s == OK && !done && made->routine != NULL) {
        s = foreign_reattach(c->db, made, err);
    }
    catalog_object_release(made);
    return s;
}

/* What uses it goes first, functions with all that uses them. */
static status
drop_dependents(statement_context *c, object *f, const ast_statement *st, error *err) {
    while (f->dependent_count > 0) {
        object *d = f->dependents[f->dependent_count - 1];
        going   g;
        if (d->kind == OBJECT_FUNCTION) {
            TRY(drop_dependents(c, d, st, err));
            remove_function(c->db, d);
        } else {
            TRY(going_find(&g, c, d, GO_CASCADE, err));
            going_drop(c->db, &g);
        }
    }
    return check_subscriptions(c, f, st, err);
}

status
function_drop(statement_context *c, const ast_statement *st, error *err) {
    object        *f = NULL;
    const catalog *all = catalog_functions(c->db->catalog);
    if (st->if_exists && catalog_find(all, st->name.text, st->name.quoted) == NULL) {
        return OK;
    }
    TRY(catalog_need(&f, all, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY, "Function",
                     st->name.position, err));
    if (f->dependent_count > 0 && !st->cascade) {
        return refuse_used(c, f, st, err);
    }
    TRY(drop_dependents(c, f, st, err));
    remove_function(c->db, f);
    return OK;
}
