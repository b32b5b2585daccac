/* SPDX-License-Identifier: Apache-2.0 */
/* catalog.c - an array of objects in order of creation, searched from front to back.
 *
 * Invariants: no two names are equal without regard to case, so an unquoted name finds at most one
 * object; ids grow along the array; the catalog holds one reference to each of its objects. The
 * dependents of an object lie in its arena, in an array whose capacity is the next power of two of
 * its count. */
#include "catalog/catalog.h"

#include <stdio.h>

#include "batch/routine.h"
#include "os/thread.h"

struct catalog {
    mem    *mem;
    mutex   lock; /* of the array, while it changes, and for who looks without the statement lock */
    int32_t count, capacity;
    object **objects;
    uint64_t next_id;
    catalog *functions; /* NULL: this is it */
};

static status
open_one(catalog **out, mem *m, error *err) {
    catalog *c = mem_alloc_zero(m, sizeof(*c));
    if (c == NULL) {
        return error_memory(err);
    }
    c->mem = m;
    c->next_id = 1;
    const status s = mutex_init(&c->lock, err);
    if (s < 0) {
        mem_free(m, c, sizeof(*c));
        return s;
    }
    mutex_set_level(&c->lock, LEVEL_LEAF);
    *out = c;
    return OK;
}

status
catalog_open(catalog **out, mem *m, error *err) {
    *out = NULL;
    catalog *c = NULL;
    TRY(open_one(&c, m, err));
    const status s = open_one(&c->functions, m, err);
    if (s < 0) {
        catalog_close(c);
        return s;
    }
    *out = c;
    return OK;
}

catalog *
catalog_functions(const catalog *c) {
    return c->functions;
}

void
catalog_close(catalog *c) {
    if (c == NULL) {
        return;
    }
    for (int32_t i = c->count - 1; i >= 0;
         i--) { /* newest first: streams go before what they read */
        catalog_object_release(c->objects[i]);
    }
    catalog_close(c->functions); /* after all that call them */
    mutex_fini(&c->lock);
    mem_free(c->mem, c->objects, (size_t)c->capacity * sizeof(*c->objects));
    mem_free(c->mem, c, sizeof(*c));
}

/* C0, DEL and C1, which is two bytes: c2 80 to c2 9f. */
static bool
has_control(text name) {
    for (size_t i = 0; i < name.size; i++) {
        const unsigned char c = (unsigned char)name.data[i];
        const unsigned char next = i + 1 < name.size ? (unsigned char)name.data[i + 1] : 0;
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0)) {
            return true;
        }
    }
    return false;
}

status
catalog_check_name(text name, int32_t position, error *err) {
    if (!has_control(name)) {
        return OK;
    }
    error_set_at(
        err, ERR_INVALID_SCHEMA, position,
        "a name of a table or column has no control characters, such as newlines and tabs");
    return error_hint(err, "give it another name, or say AS other behind the column");
}

status
catalog_object_new(object **out, mem *m, object_kind kind, text name, error *err) {
    TRY(catalog_check_name(name, -1, err));
    object *o = mem_alloc_zero(m, sizeof(*o));
    if (o == NULL) {
        return error_memory(err);
    }
    arena_init(&o->arena, m);
    o->kind = kind;
    o->event_time_column = -1;
    o->clock_time_column = -1;
    atomic_store(&o->references, 1);
    o->name = arena_text(&o->arena, name);
    if (o->name.data == NULL) {
        catalog_object_release(o);
        return error_memory(err);
    }
    *out = o;
    return OK;
}

object *
catalog_object_retain(object *o) {
    atomic_fetch_add(&o->references, 1);
    return o;
}

void
catalog_object_release(object *o) {
    if (o == NULL || atomic_fetch_sub(&o->references, 1) > 1) {
        return;
    }
    if (o->impl_free != NULL && o->impl != NULL) {
        o->impl_free(o->impl);
    }
    catalog_object_release(o->before);
    routine_release(o->routine);
    mem *m = o->arena.mem;
    arena_fini(&o->arena);
    mem_free(m, o, sizeof(*o));
}

const char *
object_kind_name(object_kind kind) {
    static const char *const names[] = {
        [OBJECT_SOURCE] = "source", [OBJECT_TABLE] = "table",       [OBJECT_STREAM] = "stream",
        [OBJECT_VIEW] = "view",     [OBJECT_FUNCTION] = "function", [OBJECT_SINK] = "sink"};
    return names[kind];
}

const char *
object_kind_word(object_kind kind) {
    static const char *const words[] = {
        [OBJECT_SOURCE] = "SOURCE", [OBJECT_TABLE] = "TABLE",       [OBJECT_STREAM] = "STREAM",
        [OBJECT_VIEW] = "VIEW",     [OBJECT_FUNCTION] = "FUNCTION", [OBJECT_SINK] = "SINK"};
    return words[kind];
}

static status
grow(catalog *c, error *err) {
    const int32_t capacity = c->capacity == 0 ? 16 : c->capacity * 2;
    object      **grown = mem_resize(c->mem, c->objects, (size_t)c->capacity * sizeof(*grown),
                                     (size_t)capacity * sizeof(*grown));
    if (grown == NULL) {
        return error_memory(err);
    }
    c->objects = grown;
    c->capacity = capacity;
    return OK;
}

status
catalog_add(catalog *c, object *o, error *err) {
    const object *taken = catalog_find(c, o->name, false);
    if (taken != NULL) {
        error_set(err, ERR_TABLE_EXISTS, "a %s named \"%.*s\" already exists",
                  object_kind_name(taken->kind), TEXT_ARG(taken->name));
        error_hint(err, "use another name, DROP it first, or write CREATE ... IF NOT EXISTS");
        return ERR_TABLE_EXISTS;
    }
    mutex_lock(&c->lock);
    const status s = c->count == c->capacity ? grow(c, err) : OK;
    if (s == OK) {
        o->id = c->next_id++;
        c->objects[c->count++] = catalog_object_retain(o);
    }
    mutex_unlock(&c->lock);
    return s;
}

void
catalog_remove(catalog *c, object *o) {
    mutex_lock(&c->lock);
    int32_t i = 0;
    while (i < c->count && c->objects[i] != o) {
        i++;
    }
    const bool found = i < c->count;
    if (found) {
        memmove(c->objects + i, c->objects + i + 1,
                (size_t)(c->count - i - 1) * sizeof(*c->objects));
        c->count--;
    }
    mutex_unlock(&c->lock);
    if (found) {
        catalog_object_release(o);
    }
}

static void
put_instead(object **objects, int32_t count, const object *old, object *o) {
    for (int32_t i = 0; i < count; i++) {
        objects[i] = objects[i] == old ? o : objects[i];
    }
}

void
catalog_replace(catalog *c, object *old, object *o) {
    for (int32_t i = 0; i < old->input_count; i++) {
        put_instead(old->inputs[i]->dependents, old->inputs[i]->dependent_count, old, o);
    }
    for (int32_t i = 0; i < old->dependent_count; i++) {
        object *d = old->dependents[i];
        put_instead(d->inputs, d->input_count, old, o);
        d->late_to = d->late_to == old ? o : d->late_to;
    }
    if (old->late_to != NULL) {
        put_instead(old->late_to->dependents, old->late_to->dependent_count, old, o);
    }
    o->id = old->id;
    old->altered = true;
    catalog_object_retain(o);
    mutex_lock(&c->lock);
    put_instead(c->objects, c->count, old, o);
    mutex_unlock(&c->lock);
    catalog_object_release(old);
}

object *
catalog_find(const catalog *c, text name, bool exact) {
    for (int32_t i = 0; i < c->count; i++) {
        const text other = c->objects[i]->name;
        if (other.size == name.size &&
            (exact ? text_equal(other, name) : text_equal_nocase(other, name))) {
            return c->objects[i];
        }
    }
    return NULL;
}

object *
catalog_take(catalog *c, text name) {
    mutex_lock(&c->lock);
    object *o = catalog_find(c, name, false);
    if (o != NULL) {
        catalog_object_retain(o);
    }
    mutex_unlock(&c->lock);
    return o;
}

void
catalog_exchange(catalog *a, catalog *b) {
    mutex_lock(&a->lock); /* b is the caller's alone */
    const catalog had = *a;
    a->count = b->count;
    a->capacity = b->capacity;
    a->objects = b->objects;
    b->count = had.count;
    b->capacity = had.capacity;
    b->objects = had.objects;
    a->next_id = b->next_id = a->next_id > b->next_id ? a->next_id : b->next_id;
    mutex_unlock(&a->lock);
    if (a->functions != NULL) {
        catalog_exchange(a->functions, b->functions);
    }
}

/* The hint is a help alone: without memory for it the error stands without one. */
static void
hint_nearest(const catalog *c, text name, error *err) {
    if (c->count == 0) {
        error_hint(err, "nothing has been created yet: start with CREATE SOURCE");
        return;
    }
    const size_t bytes = (size_t)c->count * sizeof(text);
    text        *names = mem_alloc(c->mem, bytes);
    if (names == NULL) {
        return;
    }
    for (int32_t i = 0; i < c->count; i++) {
        names[i] = c->objects[i]->name;
    }
    const int32_t nearest = text_nearest(name, names, c->count);
    if (nearest >= 0) {
        error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[nearest]));
    } else {
        char   line[200];
        size_t used = 0;
        for (int32_t i = 0; i < c->count; i++) {
            if (used + names[i].size + 6 > sizeof(line)) {
                used += (size_t)snprintf(line + used, sizeof(line) - used, ", ...");
                break;
            }
            used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%.*s", i > 0 ? ", " : "",
                                     TEXT_ARG(names[i]));
        }
        line[used < sizeof(line) ? used : sizeof(line) - 1] = '\0';
        error_hint(err, "there is: %s", line);
    }
    mem_free(c->mem, names, bytes);
}

status
catalog_need(object **out, const catalog *c, text name, bool exact, status s, const char *what,
             int32_t position, error *err) {
    *out = catalog_find(c, name, exact);
    if (*out != NULL) {
        return OK;
    }
    error_set_at(err, s, position, "%s not found: %.*s", what, TEXT_ARG(name));
    hint_nearest(c, name, err);
    return s;
}

int32_t
catalog_count(const catalog *c) {
    return c->count;
}

object *
catalog_at(const catalog *c, int32_t i) {
    assert(i >= 0 && i < c->count);
    return c->objects[i];
}

status
catalog_depend(object *on, object *dependent, error *err) {
    const int32_t count = on->dependent_count;
    for (int32_t i = 0; i < count; i++) {
        if (on->dependents[i] == dependent) {
            return OK;
        }
    }
    if ((count & (count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        const size_t capacity = count == 0 ? 1 : (size_t)count * 2;
        object     **grown = arena_alloc(&on->arena, capacity * sizeof(*grown));
        if (grown == NULL) {
            return error_memory(err);
        }
        if (count > 0) {
            memcpy(grown, on->dependents, (size_t)count * sizeof(*grown));
        }
        on->dependents = grown;
    }
    on->dependents[on->dependent_count++] = dependent;
    return OK;
}

void
catalog_undepend(object *on, object *dependent) {
    for (int32_t i = 0; i < on->dependent_count; i++) {
        if (on->dependents[i] != dependent) {
            continue;
        }
        memmove(on->dependents + i, on->dependents + i + 1,
                (size_t)(on->dependent_count - i - 1) * sizeof(*on->dependents));
        on->dependent_count--;
        return;
    }
}
