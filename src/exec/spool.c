/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - one-off circuits: the rows of a part of the plan that several nodes read. They are kept
 * until the circuit is closed, because readers take them at different times: a join reads one side
 * before the other. What memory has no room for is on disk. In a stream the readers are simply
 * several outputs of one operator. */
#include "exec/circuit.h"
#include "op/spill.h"

struct spool {
    mem          *mem;
    op           *sink;
    const schema *schema;
    bool          started;
    bool          based; /* bytes_before is set */
    bool          ended; /* no row comes any more */
    int64_t       bytes_before;
    int32_t       count, capacity;
    batch       **batches;
    spill_file    file;
    spill_rows    spilled; /* all rows, once some are on disk */
};

static status
keep(spool *s, const delta *rows, error *err) {
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

static void
drop_batches(spool *s) {
    for (int32_t i = 0; i < s->count; i++) {
        batch_release(s->batches[i]);
    }
    mem_free(s->mem, s->batches, sizeof(batch *) * (size_t)s->capacity);
    s->batches = NULL;
    s->count = 0;
    s->capacity = 0;
}

static status
to_disk(spool *s, error *err) {
    spill_rows_init(&s->spilled, &s->file);
    for (int32_t i = 0; i < s->count; i++) {
        TRY(spill_rows_add(&s->spilled, &s->batches[i]->rows, err));
    }
    drop_batches(s);
    return OK;
}

static status
spool_take(void *context, const delta *rows, error *err) {
    spool        *s = context;
    const op_env *env = s->sink->env;
    if (s->spilled.rows > 0) {
        return spill_rows_add(&s->spilled, rows, err);
    }
    if (!s->based) {
        s->bytes_before = spill_bytes_used(env);
        s->based = true;
    }
    TRY(keep(s, rows, err));
    return spill_wanted(env, s->bytes_before, 0) ? to_disk(s, err) : OK;
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
    s->schema = &root->schema;
    s->file.owner = c->ops[root->id];
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
        drop_batches(s);
        spill_rows_fini(&s->spilled);
        spill_file_close(&s->file);
    }
}

bool
spool_starts(circuit *c, const plan_node *reader) {
    spool     *s = c->spools[reader->inputs[0]->id];
    const bool starts = !s->started;
    s->started = true;
    return starts;
}

op *
spool_sink(const circuit *c, const plan_node *reader) {
    return c->spools[reader->inputs[0]->id]->sink;
}

typedef struct spool_reader {
    circuit *circuit;
    op      *op;
} spool_reader;

static status
feed_reader(void *context, delta *rows, error *err) {
    const spool_reader *r = context;
    return circuit_feed(r->circuit, r->op, rows, err);
}

status
spool_feed(circuit *c, const plan_node *reader, error *err) {
    spool       *s = c->spools[reader->inputs[0]->id];
    spool_reader to = {.circuit = c, .op = c->ops[reader->id]};
    status       done = OK;
    if (s->spilled.rows > 0) {
        TRY(s->ended ? OK : spill_rows_end(&s->spilled, err));
        s->ended = true;
        done = spill_rows_read(&s->spilled, s->schema, feed_reader, &to, err);
        return done < 0 ? done : OK; /* DONE: the rest cannot matter */
    }
    for (int32_t i = 0; i < s->count && done == OK; i++) {
        done = circuit_feed(c, to.op, &s->batches[i]->rows, err);
    }
    return done < 0 ? done : OK;
}
