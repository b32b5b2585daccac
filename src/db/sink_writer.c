/* SPDX-License-Identifier: Apache-2.0 */
/* sink_writer.c - what register_sink was given, by the names of sinks; counted, since a call may be
 * under way while another writer takes its place. */
#include "db/sink.h"
#include "os/callout.h"

struct sink_writer {
    sink_writer        *next; /* of the database's */
    _Atomic int32_t     references;
    mem                *mem;
    laminar_sink_writer calls;
    size_t              name_size;
    char                name[];
};

const laminar_sink_writer *
sink_writer_calls(const sink_writer *w) {
    return &w->calls;
}

void
sink_writer_release(sink_writer *w) {
    if (w == NULL || atomic_fetch_sub(&w->references, 1) != 1) {
        return;
    }
    if (w->calls.close != NULL && callout_begin()) {
        w->calls.close(w->calls.context);
        callout_end();
    }
    mem_free(w->mem, w, sizeof(*w) + w->name_size + 1);
}

static bool
is_called(const sink_writer *w, text name) {
    return text_equal_nocase((text){w->name, w->name_size}, name);
}

/* Retained; NULL: none is registered. */
sink_writer *
sink_writer_find(laminar_database *db, text name) {
    mutex_lock(&db->sinks_lock);
    sink_writer *w = db->writers;
    while (w != NULL && !is_called(w, name)) {
        w = w->next;
    }
    if (w != NULL) {
        atomic_fetch_add(&w->references, 1);
    }
    mutex_unlock(&db->sinks_lock);
    return w;
}

static void
exchange_writer(laminar_database *db, text name, sink_writer *made) {
    sink_writer *old = NULL;
    mutex_lock(&db->sinks_lock);
    for (sink_writer **at = &db->writers; *at != NULL; at = &(*at)->next) {
        if (is_called(*at, name)) {
            old = *at;
            *at = old->next;
            break;
        }
    }
    if (made != NULL) {
        made->next = db->writers;
        db->writers = made;
    }
    mutex_unlock(&db->sinks_lock);
    sink_writer_release(old);
}

void
sinks_forget_writers(laminar_database *db) {
    for (;;) {
        mutex_lock(&db->sinks_lock);
        sink_writer *w = db->writers;
        db->writers = w == NULL ? NULL : w->next;
        mutex_unlock(&db->sinks_lock);
        if (w == NULL) {
            return;
        }
        sink_writer_release(w);
    }
}

laminar_status
laminar_database_register_sink(laminar_database *db, const char *name,
                               const laminar_sink_writer *writer, laminar_error *err) {
    error        e = {.position = -1};
    const text   called = text_of(name);
    sink_writer *w = NULL;
    status       s = db_check_open(db, &e);
    if (s == OK && writer != NULL) {
        w = mem_alloc_zero(db->mem, sizeof(*w) + called.size + 1);
        s = w == NULL ? error_memory(&e) : OK;
    }
    if (s < 0) {
        return report(err, &e, s, TEXT(""));
    }
    if (w != NULL) {
        atomic_init(&w->references, 1);
        w->mem = db->mem;
        w->calls = *writer;
        w->name_size = called.size;
        memcpy(w->name, called.data, called.size);
    }
    exchange_writer(db, called, w);
    object *o = catalog_take(db->catalog, called);
    if (o != NULL && o->kind == OBJECT_SINK && db_enter_always(db)) {
        if (o->impl != NULL) {
            sink_has_writer(o->impl);
        }
        db_leave(db);
    }
    catalog_object_release(o);
    return LAMINAR_OK;
}
