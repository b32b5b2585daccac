/* SPDX-License-Identifier: Apache-2.0 */
/* diagnose.c - why a stream shows what it shows: which input holds its watermark back, what became
 * of the rows it read, when it will next finish something. It only looks. */
#include "exec/engine_internal.h"

static void
look_at_operators(const stream *s, const plan_node *n, stream_diagnosis *d) {
    const op *o = s->circuit->ops[n->id];
    if (n->kind == PLAN_SCAN && n->object->part != NULL) {
        const stream *part = n->object->impl;
        d->timed |= part->timed;
        if (part->circuit != NULL) {
            look_at_operators(part, part->plan.root, d);
        }
        return;
    }
    if (n->kind == PLAN_FILTER) {
        d->rows_filtered += o->rows_in - o->rows_out;
    }
    d->emits_final |= n->kind == PLAN_AGGREGATE && n->emit_at_close;
    if (o->class->due_us != NULL) {
        d->due_us = min_i64(d->due_us, o->class->due_us(o));
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        look_at_operators(s, n->inputs[i], d);
    }
}

void
stream_diagnose(const stream *s, stream_diagnosis *out) {
    *out = (stream_diagnosis){.timed = s->timed,
                              .by_clock = s->plan.by_clock,
                              .running = s->running,
                              .due_us = INT64_MAX};
    stream_count(s, &out->counters);
    if (!stream_is_joining(s) && s->circuit != NULL) {
        look_at_operators(s, s->plan.root, out);
    }
    for (int32_t i = 0; i < s->sources.count; i++) {
        const source *src = s->sources.items[i];
        if (!source_is_timed(src)) {
            continue;
        }
        out->ahead_us =
            out->timed_count == 0 ? src->watermark_us : max_i64(out->ahead_us, src->watermark_us);
        out->timed_count++;
        out->idle_count += src->idle;
        if (src->idle) {
            continue;
        }
        if (out->held_by == NULL || src->watermark_us < out->held_by->watermark_us) {
            out->held_by = src;
        }
    }
}

bool
stream_operator_at(const stream *s, int32_t *at, stream_operator *out) {
    if (stream_is_joining(s) || s->circuit == NULL) {
        return false;
    }
    for (; *at < s->plan.node_count; (*at)++) {
        const op *o = s->circuit->ops[*at];
        if (o != NULL) {
            *out = (stream_operator){
                .name = o->class->name,
                .number = *at,
                .rows_in = o->rows_in,
                .rows_out = o->rows_out,
                .late_rows = o->late_rows,
                .null_time_rows = o->null_time_rows,
                .state_rows = o->class->state_rows == NULL ? 0 : o->class->state_rows(o),
                .state_bytes = circuit_state_bytes(s->circuit, *at),
                .result_rows = o->class->result_rows == NULL ? 0 : o->class->result_rows(o)};
            return true;
        }
    }
    return false;
}

const source *
stream_source(const stream *s, int32_t at) {
    return at < s->sources.count ? s->sources.items[at] : NULL;
}

const object *
source_object(const source *s) {
    return s->object;
}
