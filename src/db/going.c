/* SPDX-License-Identifier: Apache-2.0 */
/* going.c - objects that are dropped or replaced, and what goes with them. */
#include "db/going.h"

/* Takes an object out of the catalog and frees what it stands for; other references keep only its
 * description. */
static void
drop_object(laminar_database *db, object *o) {
    void (*impl_free)(void *) = o->impl_free;
    void *impl = o->impl;
    o->impl = NULL;
    o->impl_free = NULL;
    if (impl != NULL) {
        impl_free(impl);
    }
    catalog_remove(db->catalog, o);
}

bool
object_reads(const object *o, const object *input) {
    for (int32_t i = 0; i < o->input_count; i++) {
        if (o->inputs[i] == input) {
            return true;
        }
    }
    return false;
}

/* Reads one of them, or sends its late rows there. */
static bool
reads_any(const object *o, object *const *objects, int32_t count) {
    for (int32_t k = 0; k < count; k++) {
        if (o->late_to == objects[k] || object_reads(o, objects[k])) {
            return true;
        }
    }
    return false;
}

/* Names what would be left without its input. */
static status
refuse_readers(statement_context *c, const going *g, going_kind how, error *err) {
    buf  names;
    bool sends = false; /* late rows, instead of reading */
    buf_init(&names, c->db->mem, 300);
    for (int32_t i = 1; i < g->count; i++) {
        sends |= g->objects[i]->late_to == g->objects[0];
        if (!buf_printf(&names, "%s\"%.*s\"", i == 1 ? "" : ", ", TEXT_ARG(g->objects[i]->name))) {
            break; /* more than a message holds: the first ones tell enough */
        }
    }
    error_set(err, ERR_SCHEMA_MISMATCH, "cannot %s \"%.*s\": %.*s %s%s it",
              how == GO_DROP ? "drop" : "replace", TEXT_ARG(g->objects[0]->name),
              TEXT_ARG(buf_text(&names)), sends ? "use" : "read", g->count == 2 ? "s" : "");
    buf_fini(&names);
    return error_hint(err, how == GO_DROP ? "drop what reads it first, or say CASCADE"
                                          : "drop what reads it first, and make it again after");
}

/* Streams and views that read a replaced one are made again from their text. A sink has written
 * what was, and rows of a source or table cannot be had again. */
static bool
can_follow(const going *g) {
    for (int32_t i = 0; i < g->count; i++) {
        const object_kind kind = g->objects[i]->kind;
        if (kind != OBJECT_STREAM && kind != OBJECT_VIEW) {
            return false;
        }
    }
    return true;
}

status
going_check_joining(const statement_context *c, const object *o, going_kind how, error *err) {
    text name;
    if (!engine_is_joining(c->db->engine, o, how == GO_ALTER, &name)) {
        return OK;
    }
    error_set(err, ERR_SCHEMA_MISMATCH,
              how == GO_ALTER ? "cannot %s \"%.*s\": %s%.*s%s that is being filled or paused %s it"
                              : "cannot %s \"%.*s\": %s%.*s%s that is being filled %s it",
              how == GO_REPLACE ? "replace"
              : how == GO_ALTER ? "alter"
                                : "drop",
              TEXT_ARG(o->name), name.size == 0 ? "a subscription" : "stream \"", TEXT_ARG(name),
              name.size == 0 ? "" : "\"", text_equal(name, o->name) ? "is" : "reads");
    return error_hint(err,
                      how == GO_ALTER
                          ? "resume its pipeline; or wait until it has read what is there, or "
                            "cancel that (SHOW QUERIES)"
                          : "wait until it has read what is there, or cancel that (SHOW QUERIES)");
}

status
going_find(going *g, statement_context *c, object *o, going_kind how, error *err) {
    laminar_database *db = c->db;
    const int32_t     total = catalog_count(db->catalog);
    *g = (going){.objects = arena_alloc(&c->arena, sizeof(object *) * (size_t)total)};
    if (g->objects == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < total; i++) {
        object *each = catalog_at(db->catalog, i);
        if (each == o || reads_any(each, g->objects, g->count)) {
            g->objects[g->count++] = each;
        }
    }
    if (g->count > 1 && how != GO_CASCADE && !(how == GO_REPLACE && can_follow(g))) {
        return refuse_readers(c, g, how, err);
    }
    engine_reap(db->engine);
    for (int32_t i = 0; i < g->count; i++) {
        TRY(going_check_joining(c, g->objects[i], how, err));
        if (engine_has_readers(db->engine, g->objects[i])) {
            return error_set(err, ERR_SCHEMA_MISMATCH,
                             "cannot %s \"%.*s\": an open subscription reads it; cancel that first",
                             how == GO_REPLACE ? "replace" : "drop", TEXT_ARG(g->objects[i]->name));
        }
    }
    return OK;
}

void
going_drop(laminar_database *db, const going *g) {
    for (int32_t i = g->count - 1; i >= 0; i--) {
        object *o = g->objects[i];
        for (int32_t k = 0; k < o->input_count; k++) {
            catalog_undepend(o->inputs[k], o);
        }
        if (o->late_to != NULL) {
            catalog_undepend(o->late_to, o);
        }
        drop_object(db, o);
    }
}
