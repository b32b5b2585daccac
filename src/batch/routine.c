/* SPDX-License-Identifier: Apache-2.0 */
/* routine.c - see routine.h.
 *
 * A home is what all routines of one object share: the code that was registered last. Its lock is
 * held for a few instructions, and never while code is called or closed. */
#include "batch/routine.h"

#include "os/thread.h"

struct routine_home {
    mem            *mem;
    mutex           lock;
    routine_code   *code; /* NULL: none */
    _Atomic int32_t references;
};

/* ---- code */
routine_code *
routine_code_retain(routine_code *c) {
    if (c != NULL) {
        atomic_fetch_add(&c->references, 1);
    }
    return c;
}

void
routine_code_release(void *code) {
    routine_code *c = code;
    if (c != NULL && atomic_fetch_sub(&c->references, 1) == 1) {
        c->class->close(c);
    }
}

static routine_code *
home_code(routine_home *h) {
    mutex_lock(&h->lock);
    routine_code *c = routine_code_retain(h->code);
    mutex_unlock(&h->lock);
    return c;
}

bool
routine_has_code(const routine *r) {
    routine_code *c = r->code != NULL ? NULL : home_code(r->home);
    const bool    any = r->code != NULL || c != NULL;
    routine_code_release(c);
    return any;
}

status
routine_take(routine_code **out, const routine *r, error *err) {
    *out = r->code != NULL ? routine_code_retain(r->code) : home_code(r->home);
    if (*out != NULL) {
        return OK;
    }
    error_set(err, ERR_QUERY_FAILED, "function \"%.*s\" is known, but its code is not registered",
              TEXT_ARG(r->name));
    return error_hint(err, "register it in this program, under the same name and types");
}

/* ---- homes */
static routine_home *
home_new(mem *m, error *err) {
    routine_home *h = mem_alloc_zero(m, sizeof(*h));
    if (h == NULL) {
        (void)error_memory(err);
        return NULL;
    }
    h->mem = m;
    atomic_init(&h->references, 1);
    if (mutex_init(&h->lock, err) < 0) {
        mem_free(m, h, sizeof(*h));
        return NULL;
    }
    mutex_set_level(&h->lock, LEVEL_LEAF);
    return h;
}

static void
home_release(routine_home *h) {
    if (h != NULL && atomic_fetch_sub(&h->references, 1) == 1) {
        routine_code_release(h->code);
        mutex_fini(&h->lock);
        mem_free(h->mem, h, sizeof(*h));
    }
}

/* ---- routines */
void
routine_release(void *made) {
    routine *r = made;
    if (r != NULL && atomic_fetch_sub(&r->references, 1) == 1) {
        mem *m = r->arena.mem;
        routine_code_release(r->code);
        home_release(r->home);
        arena_fini(&r->arena);
        mem_free(m, r, sizeof(*r));
    }
}

routine *
routine_retain(const routine *r) {
    routine *held = (routine *)(uintptr_t)r;
    atomic_fetch_add(&held->references, 1);
    return held;
}

static status
make(routine **out, mem *m, const routine *like, text version, error *err) {
    const size_t types =
        sizeof(data_type) * (size_t)(like->argument_count < 0 ? 0 : like->argument_count);
    routine *r = mem_alloc_zero(m, sizeof(*r));
    if (r == NULL) {
        return error_memory(err);
    }
    *r = *like;
    arena_init(&r->arena, m);
    atomic_init(&r->references, 1);
    r->code = NULL;
    r->home = NULL;
    r->name = arena_text(&r->arena, like->name);
    r->version = version.data == NULL ? version : arena_text(&r->arena, version);
    data_type *arguments = arena_alloc(&r->arena, types);
    if (r->name.data == NULL || arguments == NULL ||
        (version.data != NULL && r->version.data == NULL)) {
        routine_release(r);
        return error_memory(err);
    }
    if (types > 0) {
        memcpy(arguments, like->arguments, types);
    }
    r->arguments = arguments;
    *out = r;
    return OK;
}

status
routine_new(routine **out, mem *m, const routine *like, error *err) {
    TRY(make(out, m, like, like->version, err));
    (*out)->home = home_new(m, err);
    if ((*out)->home == NULL) {
        routine_release(*out);
        *out = NULL;
        return ERR_OUT_OF_MEMORY;
    }
    return OK;
}

status
routine_renew(routine **out, routine *r, text version, routine_code *code, error *err) {
    routine_home *h = r->home;
    TRY(make(out, r->arena.mem, r, version, err));
    atomic_fetch_add(&h->references, 1);
    (*out)->home = h;
    (*out)->code = routine_code_retain(code);
    mutex_lock(&h->lock);
    routine_code *before = h->code;
    h->code = routine_code_retain(code);
    mutex_unlock(&h->lock);
    routine_code_release(before);
    return OK;
}

bool
routine_same_signature(const routine *a, const routine *b) {
    if (!text_equal_nocase(a->name, b->name) || a->kind != b->kind || a->flags != b->flags ||
        a->argument_count != b->argument_count || !type_equal(a->result, b->result) ||
        !type_equal(a->state, b->state)) {
        return false;
    }
    for (int32_t i = 0; i < a->argument_count; i++) {
        if (!type_equal(a->arguments[i], b->arguments[i])) {
            return false;
        }
    }
    return true;
}
