/* SPDX-License-Identifier: Apache-2.0 */
/* recursion.c - the new rows of a recursive query: an operator behind that of the RECURSIVE node
 * keeps what it gives, until the next step has read it. */
#include "exec/circuit.h"

struct recursion {
    mem    *mem;
    op     *sink;
    int32_t count, capacity;
    batch **rows;
};

/* DONE, so that the whole is done when all the others are. */
static status
keep_rows(void *context, const delta *rows, error *err) {
    recursion *r = context;
    if (r->count == r->capacity) {
        const int32_t capacity = r->capacity == 0 ? 4 : r->capacity * 2;
        batch       **grown = mem_alloc(r->mem, sizeof(batch *) * (size_t)capacity);
        if (grown == NULL) {
            return error_memory(err);
        }
        if (r->count > 0) {
            memcpy(grown, r->rows, sizeof(batch *) * (size_t)r->count);
        }
        mem_free(r->mem, r->rows, sizeof(batch *) * (size_t)r->capacity);
        r->rows = grown;
        r->capacity = capacity;
    }
    TRY(batch_keep(&r->rows[r->count], r->mem, rows, err));
    r->count++;
    return DONE;
}

status
recursion_open(circuit *c, const plan_node *n, error *err) {
    const size_t count = (size_t)c->plan->node_count;
    if (c->recursions == NULL) {
        c->recursions = arena_alloc_zero(&c->arena, sizeof(recursion *) * count);
    }
    recursion *r = arena_alloc_zero(&c->arena, sizeof(*r));
    op_spec   *spec = arena_alloc_zero(&c->arena, sizeof(*spec));
    if (c->recursions == NULL || r == NULL || spec == NULL) {
        return error_memory(err);
    }
    r->mem = c->mem;
    *spec = (op_spec){.mode = MODE_ONCE, .input = {&n->schema}, .output = &n->schema};
    spec->window_key = -1;
    spec->sink = (op_sink){.context = r, .take = keep_rows};
    TRY(op_open(&r->sink, &op_collect_class, &c->env, spec, err));
    c->recursions[n->id] = r;
    return op_connect(c->ops[n->id], r->sink, 0, err);
}

void
recursion_free(mem *m, batch **rows, int32_t count, int32_t capacity) {
    for (int32_t i = 0; i < count; i++) {
        batch_release(rows[i]);
    }
    mem_free(m, rows, sizeof(batch *) * (size_t)capacity);
}

void
recursions_close(circuit *c) {
    for (int32_t i = 0; c->recursions != NULL && i < c->plan->node_count; i++) {
        recursion *r = c->recursions[i];
        if (r != NULL) {
            op_close(r->sink);
            recursion_free(r->mem, r->rows, r->count, r->capacity);
        }
    }
}

void
recursion_take(const circuit *c, const plan_node *n, batch ***rows, int32_t *count,
               int32_t *capacity) {
    recursion *r = c->recursions[n->id];
    *rows = r->rows;
    *count = r->count;
    *capacity = r->capacity;
    r->rows = NULL;
    r->count = r->capacity = 0;
}
