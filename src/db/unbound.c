/* SPDX-License-Identifier: Apache-2.0 */
/* unbound.c - a view of a kept database that reads a file which is not there when it is opened.
 * What was kept must not be lost with a file that was not, so the view comes back as its text and
 * the columns that it had. */
#include "db/going.h"

void
columns_print(const object *o, buf *out) {
    (void)buf_append_text(out, TEXT("CREATE TABLE "));
    (void)buf_append_quoted(out, o->name, '"');
    for (int32_t i = 0; i < o->schema->count; i++) {
        const field *f = &o->schema->fields[i];
        (void)buf_append_text(out, i == 0 ? TEXT(" (") : TEXT(", "));
        (void)buf_append_quoted(out, f->name, '"');
        (void)buf_printf(out, " %s", type_name(f->type));
    }
    (void)buf_append_char(out, ')');
}

/* The one statement that a text of the log is. */
static status
parse_kept(const ast_statement **out, arena *a, text sql, ast_statement_kind kind, error *err) {
    ast_script script;
    TRY(sql_parse(&script, a, sql, err));
    if (script.count != 1 || script.statements[0]->kind != kind) {
        return image_corrupt("the text of a view", err);
    }
    *out = script.statements[0];
    return OK;
}

static status
make_view(laminar_database *db, object *o, arena *a, text typed, text kept, text columns,
          error *err) {
    const ast_statement *st = NULL;
    const plan_env       env = db_plan_env(db);
    TRY(parse_kept(&st, a, columns, AST_CREATE_TABLE, err));
    TRY(plan_object(o, db->catalog, &env, st, err));
    o->sql = arena_text(&o->arena, kept);
    o->declared = arena_text(&o->arena, typed);
    o->is_recovered = true;
    if (o->sql.data == NULL || o->declared.data == NULL) {
        return error_memory(err);
    }
    object *old = catalog_find(db->catalog, o->name, true); /* OR REPLACE: nobody reads it */
    if (old != NULL) {
        catalog_remove(db->catalog, old);
    }
    return catalog_add(db->catalog, o, err);
}

status
view_keep_unbound(laminar_database *db, text typed, text kept, text columns, error *err) {
    arena                a;
    const ast_statement *st = NULL;
    object              *o = NULL;
    arena_init(&a, db->mem);
    status s = parse_kept(&st, &a, typed, AST_CREATE_VIEW, err);
    if (s == OK) {
        s = catalog_object_new(&o, db->mem, OBJECT_VIEW, st->name.text, err);
    }
    if (s == OK) {
        s = make_view(db, o, &a, typed, kept, columns, err);
        catalog_object_release(o);
    }
    arena_fini(&a);
    return s;
}
