/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - the state of circuits as bytes and back, and streams that go on from such bytes.
 *
 * An image is of a plan: only a circuit of the same plan takes it, and what it holds is checked
 * while it is read. Between ticks, with the token. */
#include "base/work.h"
#include "exec/engine_internal.h"
#include "op/gate.h"

typedef status (*op_visit)(op *o, void *context, error *err);

static status
visit(circuit *c, op_visit each, void *context, error *err) {
    for (int32_t i = 0; i < c->plan->node_count; i++) {
        TRY(c->ops[i] == NULL ? OK : each(c->ops[i], context, err));
    }
    TRY(c->gate == NULL ? OK : each(c->gate, context, err));
    TRY(c->held == NULL ? OK : each(c->held, context, err));
    return each(c->sink, context, err);
}

static status
save_op(op *o, void *context, error *err) {
    return op_save(o, context, err);
}

static status
settle_op(op *o, void *context, error *err) {
    (void)context;
    return op_settle(o, err);
}

status
circuit_settle(circuit *c, error *err) {
    const arena_mark mark = arena_save(&c->scratch);
    const status     s = visit(c, settle_op, NULL, err);
    arena_rewind(&c->scratch, mark);
    return s;
}

static status
load_op(op *o, void *context, error *err) {
    return op_load(o, context, err);
}

status
circuit_save(circuit *c, const block_shelf *shelf, buf *out, error *err) {
    TRY(circuit_settle(c, err));
    TRY(store_image_put(c->store, shelf, out, err));
    TRY(c->env.results == NULL ? OK : store_image_put(c->env.results, shelf, out, err));
    buf_append_char(out, c->ticked ? 1 : 0);
    image_put_i64(out, c->env.clock_us);
    const arena_mark mark = arena_save(&c->scratch);
    const status     s = visit(c, save_op, out, err);
    arena_rewind(&c->scratch, mark);
    return s == OK && out->failed ? error_memory(err) : s;
}

status
circuit_load(circuit *c, const block_shelf *shelf, image_reader *in, error *err) {
    char          ticked;
    const int64_t before = work_done();
    TRY(store_image_take(c->store, shelf, in, err));
    TRY(c->env.results == NULL ? OK : store_image_take(c->env.results, shelf, in, err));
    TRY(image_take(in, &ticked, 1, err));
    TRY(image_take_i64(in, &c->env.clock_us, err));
    c->ticked = ticked != 0;
    const arena_mark mark = arena_save(&c->scratch);
    work_span((work_done() - before) * 3 / 2); /* looking at it takes longer than reading it */
    const status s = visit(c, load_op, in, err);
    work_span_end();
    arena_rewind(&c->scratch, mark);
    return s == OK && in->left > 0 ? image_corrupt("it is longer than its plan", err) : s;
}

static status
copy_arrays(circuit *to, const circuit *from, int32_t id, error *err) {
    const array_range there = to->arrays[id], here = from->arrays[id];
    bool              alike = there.count == here.count;
    for (uint32_t i = 0; alike && i < here.count; i++) {
        state_array *a = store_array_at(to->store, there.first + i);
        alike = store_array_alike(a, from->store, here.first + i);
        TRY(alike ? store_array_copy(a, from->store, here.first + i, err) : OK);
    }
    return alike ? OK : image_corrupt("a circuit has other arrays than its plan", err);
}

status
circuit_copy_above(circuit *to, circuit *from, int32_t leaf, error *err) {
    buf image;
    buf_init(&image, to->mem, SIZE_MAX);
    const arena_mark mark = arena_save(&to->scratch), mark_from = arena_save(&from->scratch);
    status           s = circuit_settle(from, err);
    for (int32_t i = 0; s == OK && i < to->plan->node_count; i++) {
        if (to->ops[i] != NULL && i != leaf) {
            s = copy_arrays(to, from, i, err);
            s = s == OK ? op_save(from->ops[i], &image, err) : s;
        }
    }
    s = s == OK ? op_save(from->gate, &image, err) : s;
    s = s == OK && from->held != NULL ? op_save(from->held, &image, err) : s;
    s = s == OK ? op_save(from->sink, &image, err) : s;
    s = s == OK && image.failed ? error_memory(err) : s;
    image_reader in = {.at = image.data, .left = image.size};
    for (int32_t i = 0; s == OK && i < to->plan->node_count; i++) {
        s = to->ops[i] != NULL && i != leaf ? op_load(to->ops[i], &in, err) : OK;
    }
    s = s == OK ? op_load(to->gate, &in, err) : s;
    s = s == OK && to->held != NULL ? op_load(to->held, &in, err) : s;
    s = s == OK ? op_load(to->sink, &in, err) : s;
    to->ticked = from->ticked;
    arena_rewind(&to->scratch, mark);
    arena_rewind(&from->scratch, mark_from);
    buf_fini(&image);
    return s;
}

/* On failure the stream keeps the circuit that it had. It is attached to nothing. */
static status
reload(stream *s, error *err) {
    circuit      *circuit_before = s->circuit;
    stream_input *inputs_before = s->inputs;
    buf           image;
    buf_init(&image, s->engine->mem, SIZE_MAX);
    status done = circuit_save(circuit_before, NULL, &image, err);
    if (done == OK) {
        s->circuit = NULL;
        s->inputs = NULL;
        done = stream_make_circuit(s, err);
        image_reader in = {.at = image.data, .left = image.size};
        done = done == OK ? circuit_load(s->circuit, NULL, &in, err) : done;
        if (done == OK && s->circuit->held != NULL) {
            gate_hold(s->circuit->held);
        }
        circuit_close(done == OK ? circuit_before : s->circuit);
        s->circuit = done == OK ? s->circuit : circuit_before;
        s->inputs = done == OK ? s->inputs : inputs_before;
    }
    buf_fini(&image);
    return done;
}

static bool
is_steady(const engine *e) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->backfill != NULL || stream_is_held(s) ||
            (s->running && s->failed && s->circuit != NULL)) {
            return false;
        }
    }
    return !e->in_transaction;
}

static bool
is_reloaded(const stream *s) {
    return s->running && !s->failed;
}

status
engine_reload(engine *e, bool *done, error *err) {
    engine_settle(e);
    *done = is_steady(e);
    if (!*done) {
        return OK;
    }
    for (int32_t i = e->streams.count - 1; i >= 0; i--) { /* readers before what they read */
        stream *s = e->streams.items[i];
        if (is_reloaded(s)) {
            stream_detach(s);
        }
    }
    status first = OK;
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (!is_reloaded(s)) {
            continue;
        }
        error        fault = {.position = -1};
        const status loaded = reload(s, &fault);
        if (loaded < 0 && first == OK) {
            first = loaded;
            *err = fault;
        }
        if (stream_attach(s, &fault) < 0) {
            stream_fail(s, &fault);
        }
    }
    return first;
}
