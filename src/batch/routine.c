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

/* What r has, or else its home. */
static routine_code *
find_code(const routine *r) {
    mutex_lock(&r->home->lock);
    routine_code *c = routine_code_retain(r->code != NULL ? r->code : r->home->code);
    mutex_unlock(&r->home->lock);
    return c;
}

bool
routine_has_code(const routine *r) {
    routine_code *c = find_code(r);
    routine_code_release(c);
    return c != NULL;
}

status
routine_no_code(const routine *r, error *err) {
    error_set(err, ERR_QUERY_FAILED, "function \"%.*s\" is known, but its code is not registered",
              TEXT_ARG(r->name));
    return error_hint(err, "register it in this program, under the same name and types");
}

/* ---- code that is still to come: of one circuit, so one thread at a time calls it */
typedef struct awaited {
    routine_code   base;
    mem           *mem;
    const routine *routine;
    routine_code  *found;
} awaited;

static status
find_awaited(routine_code *c, routine_code **out, error *err) {
    awaited *a = (awaited *)c;
    if (a->found == NULL) {
        a->found = find_code(a->routine);
    }
    *out = a->found;
    return a->found == NULL ? routine_no_code(a->routine, err) : OK;
}

static status
awaited_call(routine_code *c, const routine_rows *in, arena *a, column *out, error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->call(c, in, a, out, err);
}

static status
awaited_open(routine_code *c, const routine_rows *constants, void **group, error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->open(c, constants, group, err);
}

static void
awaited_drop(routine_code *c, void *group) {
    c = ((awaited *)c)->found; /* it made the group */
    c->class->drop(c, group);
}

static status
awaited_accumulate(routine_code *c, void *group, const routine_rows *rows, error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->accumulate(c, group, rows, err);
}

static status
awaited_retract(routine_code *c, void *group, const routine_rows *rows, error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->retract(c, group, rows, err);
}

static status
awaited_merge(routine_code *c, void *group, const void *other, error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->merge(c, group, other, err);
}

static status
awaited_evaluate(routine_code *c, void *const *groups, int32_t count, arena *a, column *out,
                 error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->evaluate(c, groups, count, a, out, err);
}

static status
awaited_save(routine_code *c, void *const *groups, int32_t count, arena *a, column *out,
             error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->save(c, groups, count, a, out, err);
}

static status
awaited_load(routine_code *c, const routine_rows *constants, const routine_rows *states,
             void **groups, error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->load(c, constants, states, groups, err);
}

static status
awaited_process(routine_code *c, const struct routine_process *in, arena *a,
                struct routine_processed *out, error *err) {
    TRY(find_awaited(c, &c, err));
    return c->class->process(c, in, a, out, err);
}

static void
awaited_close(routine_code *c) {
    awaited *a = (awaited *)c;
    routine_code_release(a->found);
    mem_free(a->mem, a, sizeof(*a));
}

static const routine_class awaited_class = {.call = awaited_call,
                                            .open = awaited_open,
                                            .drop = awaited_drop,
                                            .accumulate = awaited_accumulate,
                                            .retract = awaited_retract,
                                            .merge = awaited_merge,
                                            .evaluate = awaited_evaluate,
                                            .save = awaited_save,
                                            .load = awaited_load,
                                            .process = awaited_process,
                                            .close = awaited_close};

status
routine_take(routine_code **out, const routine *r, error *err) {
    *out = find_code(r);
    if (*out != NULL) {
        return OK;
    }
    mem     *m = r->arena.mem;
    awaited *a = mem_alloc_zero(m, sizeof(*a));
    if (a == NULL) {
        return error_memory(err);
    }
    *a = (awaited){.base = {.class = &awaited_class}, .mem = m, .routine = r};
    atomic_init(&a->base.references, 1);
    *out = &a->base;
    return OK;
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

static status
make_in(routine **out, routine_home *h, const routine *like, text version, routine_code *code,
        error *err) {
    TRY(make(out, like->arena.mem, like, version, err));
    atomic_fetch_add(&h->references, 1);
    (*out)->home = h;
    (*out)->code = routine_code_retain(code);
    return OK;
}

status
routine_renew(routine **out, routine *r, text version, routine_code *code, error *err) {
    routine_home *h = r->home;
    TRY(make_in(out, h, r, version, code, err));
    mutex_lock(&h->lock);
    routine_code *before = h->code;
    h->code = routine_code_retain(code);
    mutex_unlock(&h->lock);
    routine_code_release(before);
    return OK;
}

status
routine_fork(routine **out, const routine *r, error *err) {
    return make_in(out, r->home, r, r->version, r->code, err);
}

void
routine_pin(routine *r) {
    routine_home *h = r->home;
    mutex_lock(&h->lock);
    routine_code *before = h->code == NULL ? NULL : r->code;
    r->code = h->code == NULL ? r->code : routine_code_retain(h->code);
    mutex_unlock(&h->lock);
    routine_code_release(before);
}

bool
routine_same(const routine *a, const routine *b) {
    return a == b || (a != NULL && b != NULL && a->home == b->home && a->code == b->code);
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
