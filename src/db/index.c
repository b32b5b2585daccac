/* SPDX-License-Identifier: Apache-2.0 */
/* index.c - CREATE INDEX, DROP INDEX and SHOW INDEXES, with the token.
 *
 * An index is a hint that nothing depends on: its name, table and columns are checked and kept with
 * the table, in memory that later versions of the table (ALTER) keep too. It goes with a column. */
#include "db/statement.h"

static object *
find_index(const catalog *c, const ast_name *name, object_index **out) {
    for (int32_t i = 0; i < catalog_count(c); i++) {
        object *o = catalog_at(c, i);
        for (object_index *x = o->indexes; x != NULL; x = x->next) {
            if (name->quoted ? text_equal(x->name, name->text)
                             : text_equal_nocase(x->name, name->text)) {
                *out = x;
                return o;
            }
        }
    }
    return NULL;
}

static void
remove_index(object *o, const object_index *gone) {
    object_index **at = &o->indexes;
    while (*at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
}

/* The columns, all of which the table has. */
static status
column_list(statement_context *c, const ast_statement *st, const object *o, int32_t *out,
            error *err) {
    for (int32_t i = 0; i < st->target_count; i++) {
        const ast_name *name = &st->targets[i];
        const int32_t   at = schema_find(o->schema, name->text, name->quoted);
        if (at < 0) {
            text *names = arena_alloc(&c->arena, sizeof(*names) * (size_t)(o->schema->count + 1));
            if (names == NULL) {
                return error_memory(err);
            }
            for (int32_t k = 0; k < o->schema->count; k++) {
                names[k] = o->schema->fields[k].name;
            }
            error_set_at(err, ERR_QUERY_FAILED, name->position,
                         "column \"%.*s\" does not exist in \"%.*s\"", TEXT_ARG(name->text),
                         TEXT_ARG(o->name));
            const int32_t near = text_nearest(name->text, names, o->schema->count);
            return near < 0 ? ERR_QUERY_FAILED
                            : error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
        }
        out[i] = at;
    }
    return OK;
}

static status
add_index(statement_context *c, const ast_statement *st, object *o, error *err) {
    object_index *made = arena_alloc_zero(&o->arena, sizeof(*made));
    if (made == NULL) {
        return error_memory(err);
    }
    made->column_count = st->target_count;
    made->columns = arena_alloc(&o->arena, sizeof(int32_t) * (size_t)(st->target_count + 1));
    made->name = arena_text(&o->arena, st->name.text);
    if (made->columns == NULL || made->name.data == NULL) {
        return error_memory(err);
    }
    TRY(column_list(c, st, o, made->columns, err));
    object_index **end = &o->indexes;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = made;
    return OK;
}

status
index_create(statement_context *c, const ast_statement *st, error *err) {
    object       *o;
    object_index *old = NULL;
    object       *holder = find_index(c->db->catalog, &st->name, &old);
    if (holder != NULL && st->if_not_exists) {
        return OK;
    }
    if (holder != NULL && !st->or_replace) {
        return error_set_at(err, ERR_TABLE_EXISTS, st->name.position,
                            "index \"%.*s\" already exists: use CREATE OR REPLACE or IF NOT EXISTS",
                            TEXT_ARG(st->name.text));
    }
    TRY(catalog_need(&o, c->db->catalog, st->column.text, st->column.quoted, ERR_NOT_FOUND_IN_QUERY,
                     "Table", st->column.position, err));
    if (o->kind == OBJECT_VIEW) {
        return error_set_at(err, ERR_QUERY_FAILED, st->column.position,
                            "\"%.*s\" is a view, which has no rows of its own to index",
                            TEXT_ARG(o->name));
    }
    TRY(add_index(c, st, o, err));
    if (old != NULL) {
        remove_index(holder, old);
    }
    return OK;
}

status
index_drop(statement_context *c, const ast_statement *st, error *err) {
    object_index *x = NULL;
    object       *o = find_index(c->db->catalog, &st->name, &x);
    if (o != NULL) {
        remove_index(o, x);
        return OK;
    }
    return st->if_exists ? OK
                         : error_set_at(err, ERR_NOT_FOUND_IN_QUERY, st->name.position,
                                        "Index not found: %.*s", TEXT_ARG(st->name.text));
}

void
index_drop_column(object *o, int32_t gone) {
    object_index **at = &o->indexes;
    while (*at != NULL) {
        bool uses = false;
        for (int32_t i = 0; i < (*at)->column_count; i++) {
            uses = uses || (*at)->columns[i] == gone;
            (*at)->columns[i] -= (*at)->columns[i] > gone;
        }
        if (uses) {
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
        }
    }
}

static status
list_columns(db_listing *l, const object *o, const object_index *x, mem *m, error *err) {
    buf shown;
    buf_init(&shown, m, SIZE_MAX / 2);
    for (int32_t i = 0; i < x->column_count; i++) {
        buf_printf(&shown, "%s%.*s", i > 0 ? ", " : "",
                   TEXT_ARG(o->schema->fields[x->columns[i]].name));
    }
    const status s =
        shown.failed ? error_memory(err) : db_listing_text(l, 2, buf_text(&shown), err);
    buf_fini(&shown);
    return s;
}

status
index_show(statement_context *c, laminar_result **out, error *err) {
    static const list_column head[] = {
        {"name", TYPE_TEXT}, {"table", TYPE_TEXT}, {"columns", TYPE_TEXT}};
    db_listing l;
    TRY(db_listing_open(&l, c->db->mem, head, ARRAY_COUNT(head), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        for (const object_index *x = o->indexes; s >= 0 && x != NULL; x = x->next) {
            s = db_listing_text(&l, 0, x->name, err);
            s = s < 0 ? s : db_listing_text(&l, 1, o->name, err);
            s = s < 0 ? s : list_columns(&l, o, x, c->db->mem, err);
        }
    }
    return db_listing_close(&l, s, out, err);
}
