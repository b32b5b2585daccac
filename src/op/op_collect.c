/* SPDX-License-Identifier: Apache-2.0 */
/* op_collect.c - where rows leave the circuit: hands each delta to the sink of its spec.
 *
 * push:  sink.take
 * tick:  sink.tick, when the sink wants to know */
#include "op/op.h"

static status
collect_push(op *self, int32_t port, const delta *in, error *err) {
    (void)port;
    return self->spec->sink.take(self->spec->sink.context, in, err);
}

static status
collect_tick(op *self, int64_t frontier_us, error *err) {
    if (self->spec->sink.tick == NULL) {
        return OK;
    }
    return self->spec->sink.tick(self->spec->sink.context, frontier_us, err);
}

const op_class op_collect_class = {
    .name = "collect",
    .size = sizeof(op),
    .push = collect_push,
    .tick = collect_tick,
};
