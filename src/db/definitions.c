/* SPDX-License-Identifier: Apache-2.0 */
/* definitions.c - see definitions.h. An object that was altered keeps its number. */
#include "db/definitions.h"

#include <stdlib.h>

#define PRUNE_AT 64 /* more entries than were left, and as many again */

void
definitions_init(definitions *d, mem *m) {
    *d = (definitions){.mem = m};
}

static void
drop(definitions *d, const definition *each) {
    mem_free(d->mem, (void *)(uintptr_t)each->name.data, each->name.size);
    mem_free(d->mem, (void *)(uintptr_t)each->item.data, each->item.size);
}

void
definitions_fini(definitions *d) {
    for (int32_t i = 0; i < d->count; i++) {
        drop(d, &d->items[i]);
    }
    mem_free(d->mem, d->items, sizeof(definition) * (size_t)d->capacity);
    d->items = NULL;
    d->count = d->capacity = 0;
}

static bool
copy_text(mem *m, text from, text *to) {
    char *made = from.size == 0 ? NULL : mem_alloc(m, from.size);
    if (made != NULL) {
        memcpy(made, from.data, from.size);
    }
    *to = (text){made, made == NULL ? 0 : from.size};
    return from.size == 0 || made != NULL;
}

static void
append(definitions *d, definition_space space, uint64_t id, text name, text item) {
    definition made = {.space = space, .id = id};
    if (d->count == d->capacity) {
        const int32_t capacity = d->capacity == 0 ? 32 : 2 * d->capacity;
        definition   *grown = mem_resize(d->mem, d->items, sizeof(definition) * (size_t)d->capacity,
                                         sizeof(definition) * (size_t)capacity);
        if (grown == NULL) {
            d->is_incomplete = true;
            return;
        }
        d->items = grown;
        d->capacity = capacity;
    }
    const bool named = copy_text(d->mem, name, &made.name);
    if (!named || !copy_text(d->mem, item, &made.item)) {
        drop(d, &made);
        d->is_incomplete = true;
        return;
    }
    d->items[d->count++] = made;
}

/* ---- what a statement is about */

static uint64_t
number_of(const laminar_database *db, const ast_name *name) {
    const object *o = catalog_find(db->catalog, name->text, name->quoted);
    return o == NULL ? 0 : o->id;
}

void
definitions_begin(definitions *d, const laminar_database *db, const ast_statement *st) {
    d->target = st->kind == AST_ALTER ? number_of(db, &st->name) : 0;
}

static void
forget_named(definitions *d, definition_space space, text name) {
    int32_t kept = 0;
    for (int32_t i = 0; i < d->count; i++) {
        const definition *each = &d->items[i];
        if (each->space == space && text_equal_nocase(each->name, name)) {
            drop(d, each);
        } else {
            d->items[kept++] = *each;
        }
    }
    d->count = kept;
}

static bool
is_there(const definitions *d, definition_space space, text name) {
    for (int32_t i = 0; i < d->count; i++) {
        if (d->items[i].space == space && text_equal_nocase(d->items[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void
add_creation(definitions *d, const laminar_database *db, const ast_statement *st, text item) {
    const text name = st->name.text;
    switch (st->kind) {
    case AST_CREATE_INDEX:
        append(d, DEFINES_INDEX, number_of(db, &st->column), name, item);
        return;
    case AST_CREATE_FUNCTION:
        append(d, DEFINES_FUNCTION, 0, name, item);
        return;
    case AST_CREATE_PIPELINE:
        if (!is_there(d, DEFINES_PIPELINE, name)) { /* else it was emptied */
            append(d, DEFINES_PIPELINE, 0, name, item);
        }
        return;
    case AST_CREATE_SOURCE:
    case AST_CREATE_TABLE:
    case AST_CREATE_STREAM:
    case AST_CREATE_VIEW:
    case AST_CREATE_SINK:
        append(d, DEFINES_OBJECT, number_of(db, &st->name), (text){NULL, 0}, item);
        return;
    default:
        append(d, DEFINES_OTHER, 0, (text){NULL, 0}, item);
        return;
    }
}

static void
add_drop(definitions *d, const ast_statement *st, text item) {
    switch (st->object) {
    case AST_OBJECT_INDEX:
        forget_named(d, DEFINES_INDEX, st->name.text);
        return;
    case AST_OBJECT_PIPELINE:
        forget_named(d, DEFINES_PIPELINE, st->name.text);
        return;
    case AST_OBJECT_FUNCTION: /* what was made of it stays */
        append(d, DEFINES_FUNCTION, 0, st->name.text, item);
        if (!d->is_incomplete) {
            d->items[d->count - 1].ends = true;
        }
        return;
    case AST_OBJECT_SOURCE:
    case AST_OBJECT_STREAM:
    case AST_OBJECT_TABLE:
    case AST_OBJECT_VIEW:
    case AST_OBJECT_SINK:
        return; /* the next pruning sees it */
    default:
        append(d, DEFINES_OTHER, 0, (text){NULL, 0}, item);
        return;
    }
}

void
definitions_add(definitions *d, const laminar_database *db, const ast_statement *st, text item) {
    if (st->kind == AST_ALTER) {
        if (d->target != 0) { /* else IF EXISTS, and it does not */
            append(d, DEFINES_OBJECT, d->target, (text){NULL, 0}, item);
        }
    } else if (st->kind == AST_DROP) {
        add_drop(d, st, item);
    } else if (st->kind != AST_PIPELINE) { /* START and its kin: that is a state */
        add_creation(d, db, st, item);
    }
    if (d->count > 2 * d->pruned_to + PRUNE_AT) {
        definitions_prune(d, db);
    }
}

void
definitions_add_object(definitions *d, const object *o, text item) {
    append(d, DEFINES_OBJECT, o->id, (text){NULL, 0}, item);
}

/* ---- pruning */

static int
compare_ids(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Nothing was made of it before it was dropped, or made anew. */
static bool
is_superseded(const definitions *d, int32_t at) {
    const definition *f = &d->items[at];
    return f->space == DEFINES_FUNCTION && !f->ends && at + 1 < d->count &&
           f[1].space == DEFINES_FUNCTION && text_equal_nocase(f[1].name, f->name);
}

static void
keep_if(definitions *d, const uint64_t *ids, size_t id_count) {
    int32_t kept = 0;
    for (int32_t i = 0; i < d->count; i++) {
        const definition each = d->items[i];
        const bool       by_id = each.space == DEFINES_OBJECT || each.space == DEFINES_INDEX;
        if (by_id && bsearch(&each.id, ids, id_count, sizeof(*ids), compare_ids) == NULL) {
            drop(d, &each);
        } else {
            d->items[kept++] = each;
        }
    }
    d->count = kept;
}

static void
drop_superseded(definitions *d) {
    int32_t kept = 0;
    bool    gone = false;
    for (int32_t i = 0; i < d->count; i++) {
        const definition each = d->items[i];
        const bool       goes = is_superseded(d, i) || (each.ends && gone);
        gone = goes && !each.ends; /* and its DROP, which comes next, has nothing to do */
        if (goes) {
            drop(d, &each);
        } else {
            d->items[kept++] = each;
        }
    }
    d->count = kept;
}

void
definitions_prune(definitions *d, const laminar_database *db) {
    const size_t count = (size_t)catalog_count(db->catalog);
    uint64_t    *ids = mem_alloc(d->mem, sizeof(*ids) * (count + 1));
    if (ids == NULL) {
        return; /* the list stays longer than it need be */
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = catalog_at(db->catalog, (int32_t)i)->id;
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    keep_if(d, ids, count);
    drop_superseded(d);
    mem_free(d->mem, ids, sizeof(*ids) * (count + 1));
    d->pruned_to = d->count;
}
