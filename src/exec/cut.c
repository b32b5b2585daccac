/* SPDX-License-Identifier: Apache-2.0 */
/* cut.c - a circuit without the operators above a node: what streams share begins as a part of the
 * circuit of the first of them.
 *
 * The state below the node stays where it is, whatever its size. What can fail comes first. */
#include "exec/circuit.h"

/* An operator that forgets the rows it refused, where nothing above remembers the others, cannot be
 * asked for its rows. */
static bool
can_read(const circuit *c, const plan_node *n, bool covered) {
    const bool refuses = (n->kind == PLAN_WINDOW && n->lateness_us != INT64_MAX) ||
                         (n->bound != NULL && n->bound->interval);
    if (refuses && !covered && !c->ops[n->id]->spec->records) {
        return false;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        if (!can_read(c, n->inputs[i], circuit_covers(n, covered))) {
            return false;
        }
    }
    return true;
}

bool
circuit_can_read(const circuit *c, const plan_node *n) {
    return can_read(c, n, false);
}

static circuit_end
take_end(circuit *c) {
    const circuit_end end = {c->gate, c->held, c->sink};
    c->gate = NULL;
    c->held = NULL;
    c->sink = NULL;
    return end;
}

static void
put_end(circuit *c, const circuit_end *end) {
    c->gate = end->gate;
    c->held = end->held;
    c->sink = end->sink;
}

static void
close_end(const circuit_end *end) {
    op_close(end->gate);
    op_close(end->held);
    op_close(end->sink);
}

status
circuit_open_end(circuit_end *out, circuit *c, const plan *part, const op_sink *sink, error *err) {
    const plan       *whole = c->plan;
    const circuit_end before = take_end(c);
    c->plan = part;
    const status s = circuit_open_exit(c, MODE_STREAM, sink, err);
    *out = take_end(c);
    c->plan = whole;
    put_end(c, &before);
    if (s < 0) {
        circuit_drop_end(c, part, out);
        *out = (circuit_end){.gate = NULL};
    }
    return s;
}

void
circuit_drop_end(circuit *c, const plan *part, const circuit_end *end) {
    if (end->gate != NULL) {
        op_disconnect(c->ops[part->root->id], end->gate);
    }
    close_end(end);
}

static bool
holds(const plan_node *n, int32_t id) {
    bool found = n->id == id;
    for (int32_t i = 0; !found && i < n->input_count; i++) {
        found = holds(n->inputs[i], id);
    }
    return found;
}

/* The arrays of operator `gone` are closed: those behind them move up. */
static void
move_arrays(circuit *c, int32_t gone) {
    const array_range r = c->arrays[gone];
    for (int32_t i = 0; i < c->plan->node_count; i++) {
        c->arrays[i].first -= c->arrays[i].first > r.first ? r.count : 0;
    }
    c->arrays[gone] = (array_range){0};
}

void
circuit_cut(circuit *c, const plan *part, const circuit_end *end) {
    op               *root = c->ops[part->root->id];
    const circuit_end before = take_end(c);
    for (int32_t i = root->output_count - 1; i >= 0; i--) {
        if (root->outputs[i].target != end->gate) {
            op_disconnect(root, root->outputs[i].target);
        }
    }
    close_end(&before);
    put_end(c, end);
    for (int32_t i = 0; i < c->plan->node_count; i++) {
        if (c->ops[i] != NULL && !holds(part->root, i)) {
            op_close(c->ops[i]);
            c->ops[i] = NULL;
            move_arrays(c, i);
        }
    }
    store_close_gaps(c->store);
    c->plan = part;
}
