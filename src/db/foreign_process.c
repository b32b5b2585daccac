/* SPDX-License-Identifier: Apache-2.0 */
/* foreign_process.c - calls of processors whose code is the program's. */
#include "db/foreign.h"

/* One call, and the timers that it has added so far. */
typedef struct process_frame {
    foreign_frame      frame;
    laminar_process    call;
    laminar_call       keys, states;
    struct ArrowArray  kept; /* the states that come back */
    struct ArrowSchema kept_type;
    int64_t           *out_counts;
    arena             *arena;
    routine_timer     *timers;
    int32_t            timer_count, timer_capacity;
    bool               no_memory;
} process_frame;

enum { TIMERS_MAX = 1 << 20 /* of one call */ };

static bool
add_timer(process_frame *p, routine_timer t) {
    if (p->timer_count == p->timer_capacity) {
        const int32_t  capacity = p->timer_capacity == 0 ? 64 : 2 * p->timer_capacity;
        routine_timer *grown = arena_alloc(p->arena, sizeof(*grown) * (size_t)capacity);
        if (grown == NULL) {
            p->no_memory = true;
            return false;
        }
        if (p->timer_count > 0) {
            memcpy(grown, p->timers, sizeof(*grown) * (size_t)p->timer_count);
        }
        p->timers = grown;
        p->timer_capacity = capacity;
    }
    p->timers[p->timer_count++] = t;
    return true;
}

laminar_status
laminar_process_timer(const laminar_process *call, int64_t key, int64_t at_us, bool remove,
                      laminar_error *err) {
    process_frame *p = (process_frame *)(uintptr_t)call->engine;
    error          e = {.position = -1};
    status         s = OK;
    if (key < 0 || key >= call->key_count) {
        s = error_set(&e, ERR_INVALID_ARGUMENT, "key %lld is none of the %lld of the call",
                      (long long)key, (long long)call->key_count);
    } else if (p->timer_count == TIMERS_MAX) {
        s = error_set(&e, ERR_INVALID_ARGUMENT, "more than %d timers in one call", TIMERS_MAX);
    } else if (!add_timer(p, (routine_timer){(int32_t)key, remove, at_us})) {
        s = error_memory(&e);
    }
    return report(err, &e, s, TEXT(""));
}

/* ---- the call */
static int64_t *
widen(const int32_t *in, int32_t count, arena *a) {
    int64_t *out = arena_alloc_zero(a, sizeof(*out) * (size_t)(count + 1));
    for (int32_t i = 0; out != NULL && in != NULL && i < count; i++) {
        out[i] = in[i];
    }
    return out;
}

static const char **
names_of(const text *names, int32_t count, arena *a) {
    const char **out = arena_alloc(a, sizeof(*out) * (size_t)(count + 1));
    for (int32_t i = 0; out != NULL && i < count; i++) {
        out[i] = arena_text(a, names[i]).data;
        if (out[i] == NULL) {
            return NULL;
        }
    }
    return out;
}

static status
fill_call(process_frame *p, const routine_process *in, error *err) {
    arena        *a = p->arena;
    const int32_t keys = in->key_count;
    p->out_counts = widen(NULL, keys, a);
    p->call = (laminar_process){.size = sizeof(laminar_process),
                                .rows = &p->frame.call,
                                .names = names_of(in->names, in->rows.count, a),
                                .key_count = keys,
                                .row_counts = widen(in->row_counts, keys, a),
                                .keys = &p->keys,
                                .states = &p->states,
                                .fired_counts = widen(in->fired_counts, keys, a),
                                .fired_us = in->fired_us,
                                .watermark_us = in->watermark_us,
                                .engine = p};
    if (p->out_counts == NULL || p->call.names == NULL || p->call.row_counts == NULL ||
        p->call.fired_counts == NULL) {
        return error_memory(err);
    }
    const routine_rows states = {
        .row_count = keys, .count = 1, .columns = &in->states, .types = &p->frame.code->state_type};
    TRY(foreign_add(&p->frame, &p->keys, &in->keys, a, err));
    return foreign_add(&p->frame, &p->states, &states, a, err);
}

static status
run(process_frame *p, const routine_process *in, error *err) {
    foreign_frame      *f = &p->frame;
    const foreign_code *c = f->code;
    error               why = {.status = OK};
    laminar_status      s = (laminar_status)fill_call(p, in, &why);
    if (s >= 0) {
        s = c->processor.process(c->processor.context, &p->call, &f->out, &f->out_type,
                                 p->out_counts, &p->kept, &p->kept_type, &f->failure);
    }
    foreign_release(&p->keys);
    foreign_release(&p->states);
    const status ended = foreign_end(f, s, err);
    if (why.status < 0 && err != NULL) {
        *err = why;
    }
    return ended;
}

/* ---- what came back */
static status
take_counts(const process_frame *p, routine_processed *out, error *err) {
    const foreign_frame *f = &p->frame;
    const int64_t        keys = p->call.key_count;
    int64_t              total = 0;
    int32_t             *counts = arena_alloc(p->arena, sizeof(*counts) * (size_t)(keys + 1));
    if (counts == NULL) {
        return error_memory(err);
    }
    for (int64_t i = 0; i < keys; i++) {
        const int64_t n = p->out_counts[i];
        if (n < 0 || n > INT32_MAX || total + n > INT32_MAX) {
            return error_set(err, ERR_QUERY_FAILED, "function \"%.*s\" gave %lld rows for one key",
                             TEXT_ARG(f->code->name), (long long)n);
        }
        counts[i] = (int32_t)n;
        total += n;
    }
    if (f->out.release != NULL && total != f->out.length) {
        return error_set(err, ERR_QUERY_FAILED,
                         "function \"%.*s\" gave %lld rows, and counts %lld of its keys",
                         TEXT_ARG(f->code->name), (long long)f->out.length, (long long)total);
    }
    out->row_count = (int32_t)total;
    out->row_counts = counts;
    return OK;
}

static status
take(process_frame *p, routine_processed *out, error *err) {
    const foreign_code *c = p->frame.code;
    foreign_frame       kept = {.code = p->frame.code};
    kept.out = p->kept;
    kept.out_type = p->kept_type;
    status s = p->no_memory ? error_memory(err) : take_counts(p, out, err);
    if (s < 0) {
        foreign_discard(&p->frame);
        foreign_discard(&kept);
        return s;
    }
    if (out->row_count > 0) {
        s = foreign_take(&p->frame, &out->rows, c->result_type, out->row_count, false, "result",
                         p->arena, err);
    } else {
        foreign_discard(&p->frame);
    }
    if (s < 0) {
        foreign_discard(&kept);
        return s;
    }
    out->timers = p->timers;
    out->timer_count = p->timer_count;
    return foreign_take(&kept, &out->states, c->state_type, (int32_t)p->call.key_count, false,
                        "state", p->arena, err);
}

status
foreign_process(routine_code *base, const struct routine_process *in, arena *a,
                struct routine_processed *out, error *err) {
    process_frame p = {.arena = a};
    *out = (routine_processed){.row_count = 0};
    TRY(foreign_begin(&p.frame, (foreign_code *)base, &in->rows, a, err));
    const status s = run(&p, in, err);
    if (s < 0) {
        foreign_frame kept = {.code = p.frame.code};
        kept.out = p.kept;
        kept.out_type = p.kept_type;
        foreign_discard(&kept);
        return s;
    }
    return take(&p, out, err);
}
