/* SPDX-License-Identifier: Apache-2.0 */
/* variable.c - SET VARIABLE: values by name, which getvariable('name') reads.
 *
 * They belong to the open database and end with it, so nothing that is kept may read one. */
#include "db/statement.h"

typedef struct kept_variable {
    plan_variable base; /* name and text or image of the value behind the struct */
    size_t        size;
} kept_variable;

void
variables_fini(laminar_database *db) {
    while (db->variables != NULL) {
        kept_variable *v = (kept_variable *)db->variables;
        db->variables = v->base.next;
        mem_free(db->mem, v, v->size);
    }
}

static bool
has_bytes(const value *v) {
    return !v->is_null &&
           (type_physical(v->type) == PHYSICAL_TEXT || type_physical(v->type) == PHYSICAL_NESTED);
}

static kept_variable *
variable_new(laminar_database *db, text name, const value *v) {
    const size_t   bytes = has_bytes(v) ? v->s.size : 0;
    const size_t   room = (name.size + 7) / 8 * 8; /* images are aligned */
    const size_t   size = sizeof(kept_variable) + room + bytes;
    kept_variable *made = mem_alloc_zero(db->mem, size);
    if (made == NULL) {
        return NULL;
    }
    char *at = (char *)(made + 1);
    memcpy(at, name.data, name.size);
    made->size = size;
    made->base = (plan_variable){.name = {at, name.size}, .value = *v};
    if (bytes > 0) {
        memcpy(at + room, v->s.data, bytes);
    }
    if (has_bytes(v)) {
        made->base.value.s = (text){at + room, bytes};
    }
    return made;
}

/* In the place of one of the name; v NULL: no longer. */
static status
put(laminar_database *db, text name, const value *v, error *err) {
    kept_variable  *made = v == NULL ? NULL : variable_new(db, name, v);
    plan_variable **at = &db->variables;
    if (v != NULL && made == NULL) {
        return error_memory(err);
    }
    while (*at != NULL && !text_equal_nocase((*at)->name, name)) {
        at = &(*at)->next;
    }
    kept_variable *old = (kept_variable *)*at;
    if (old != NULL) {
        *at = old->base.next;
        mem_free(db->mem, old, old->size);
    }
    if (made != NULL) {
        made->base.next = db->variables;
        db->variables = &made->base;
    }
    return OK;
}

static status
put_entered(statement_context *c, const ast_statement *st, const value *v, error *err) {
    TRY(db_enter(c->db, err));
    const status s = put(c->db, st->name.text, v, err);
    db_leave(c->db);
    return s;
}

/* The expression may ask rows: it is a query of one value. */
static status
set_variable(statement_context *c, const ast_statement *st, error *err) {
    result    *rows = NULL;
    ast_item   item = {.expr = st->value};
    ast_select select = {.position = st->position, .item_count = 1, .items = &item};
    TRY(statement_query(c, statement_text(c, st), &select, NULL, &rows, err));
    const value null = {.type = rows->schema.fields[0].type, .is_null = true};
    const value v =
        rows->row_count == 0 ? null : column_value(&rows->batches[0]->rows.columns[0], 0);
    const status s = put_entered(c, st, &v, err);
    result_release(rows);
    return s;
}

status
variable_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    const bool sets = st->kind == AST_SET;
    TRY(sets ? set_variable(c, st, err) : put_entered(c, st, NULL, err));
    return answer_ddl(out, c->db->mem, sets ? "SET" : "RESET", st->name.text, err);
}
