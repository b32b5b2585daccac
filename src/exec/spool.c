/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - one-off circuits: the rows of a part of the plan that several nodes read. They are kept
 * until the circuit is closed, because readers take them at different times: a join reads one side
 * before the other. In a stream the readers are simply several outputs of one operator. */
#include "exec/circuit.h"

struct spool {
    mem    *mem;
    op     *sink;
    bool    started;
    int32_t count, capacity;
    batch **batches;
};

static status
spool_take(void *context, const delta *rows, error *err) {
    spool *s = context;
    if (s->count == s->capacity) {
        const int32_t capacity = s->capacity == 0 ? 16 : s->capacity * 2;
        batch       **grown = mem_alloc(s->mem, sizeof(batch *) * (size_t)capacity);
        if (grown == NULL) {
            return error_memory(err);
        }
        if (s->count > 0) {
            memcpy(grown, s->batches, sizeof(batch *) * (size_t)s->count);
        }
        mem_free(s->mem, s->batches, sizeof(batch *) * (size_t)s->capacity);
        s->batches = grown;
        s->capacity = capacity;
    }
    TRY(batch_keep(&s->batches[s->count], s->mem, rows, err));
    s->count++;
    return OK;
}

status
spool_open(circuit *c, const plan_node *reader, error *err) {
    const plan_node *root = reader->inputs[0];
    if (c->spools == NULL) {
        c->spools = arena_alloc_zero(&c->arena, sizeof(spool *) * (size_t)c->plan->node_count);
        if (c->spools == NULL) {
            return error_memory(err);
        }
    }
    if (c->spools[root->id] != NULL) {
        return OK;
    }
    spool   *s = arena_alloc_zero(&c->arena, sizeof(*s));
    op_spec *spec = arena_alloc_zero(&c->arena, sizeof(*spec));
    if (s == NULL || spec == NULL) {
        return error_memory(err);
    }
    s->mem = c->mem;
    *spec = (op_spec){.mode = MODE_ONCE, .input = {&root->schema}, .output = &root->schema};
    spec->window_key = -1;
    spec->sink = (op_sink){.context = s, .take = spool_take};
    TRY(op_open(&s->sink, &op_collect_class, &c->env, spec, err));
    c->spools[root->id] = s;
    return op_connect(c->ops[root->id], s->sink, 0, err);
}

void
spools_close(circuit *c) {
    for (int32_t i = 0; c->spools != NULL && i < c->plan->node_count; i++) {
        spool *s = c->spools[i];
        if (s == NULL) {
            continue;
        }
        op_close(s->sink);
        for (int32_t k = 0; k < s->count; k++) {
            batch_release(s->batches[k]);
        }
        mem_free(s->mem, s->batches, sizeof(batch *) * (size_t)s->capacity);
    }
}

bool
spool_starts(circuit *c, const plan_node *reader) {
    spool     *s = c->spools[reader->inputs[0]->id];
    const bool starts = !s->started;
    s->started = true;
    return starts;
}

status
spool_feed(circuit *c, const plan_node *reader, error *err) {
    const spool *s = c->spools[reader->inputs[0]->id];
    for (int32_t i = 0; i < s->count; i++) {
        const status done = circuit_feed(c, c->ops[reader->id], &s->batches[i]->rows, err);
        if (done != OK) {
            return done < 0 ? done : OK; /* DONE: the rest cannot matter */
        }
    }
    return OK;
}
