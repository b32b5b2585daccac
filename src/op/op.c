/* SPDX-License-Identifier: Apache-2.0 */
/* op.c - the base of all operators: opening, edges, and the counted calls between operators.
 *
 * Edges lie in the circuit arena; an array that grew leaves its old copy there, which is small and
 * goes with the circuit. */
#include "op/op.h"

#include "op/rows.h"

status
op_open(op **out, const op_class *class, op_env *env, const op_spec *spec, error *err) {
    assert(class->size >= sizeof(op));
    op *o = arena_alloc_zero(env->arena, class->size);
    if (o == NULL) {
        return error_memory(err);
    }
    o->class = class;
    o->env = env;
    o->spec = spec;
    o->frontier_us = INT64_MIN;
    if (class->open != NULL) {
        const status s = class->open(o, err);
        if (s < 0) {
            op_close(o);
            return s;
        }
    }
    *out = o;
    return OK;
}

void
op_close(op *o) {
    if (o != NULL && o->class->close != NULL) {
        o->class->close(o);
    }
}

status
op_connect(op *from, op *to, int32_t port, error *err) {
    if (from->output_count == from->output_capacity) {
        const int32_t capacity = from->output_capacity == 0 ? 2 : 2 * from->output_capacity;
        op_edge      *edges = arena_alloc(from->env->arena, (size_t)capacity * sizeof(*edges));
        if (edges == NULL) {
            return error_memory(err);
        }
        if (from->output_count > 0) {
            memcpy(edges, from->outputs, (size_t)from->output_count * sizeof(*edges));
        }
        from->outputs = edges;
        from->output_capacity = capacity;
    }
    from->outputs[from->output_count++] = (op_edge){to, port};
    return OK;
}

void
op_disconnect(op *from, const op *to) {
    int32_t kept = 0;
    for (int32_t i = 0; i < from->output_count; i++) {
        if (from->outputs[i].target != to) {
            from->outputs[kept++] = from->outputs[i];
        }
    }
    from->output_count = kept;
}

status
op_emit(op *self, const delta *out, error *err) {
    if (out->row_count == 0 || self->output_count == 0) {
        return OK;
    }
    self->rows_out += out->row_count;
    bool all_done = true;
    for (int32_t i = 0; i < self->output_count; i++) {
        const status s = op_push(self->outputs[i].target, self->outputs[i].port, out, err);
        TRY(s);
        all_done &= s == DONE;
    }
    return all_done ? DONE : OK;
}

/* What was spent since the last switch is the running operator's; from now on `to` runs. */
static op *
profile_switch(op_profile *p, op *to) {
    const int64_t now_ns = clock_ticks_ns(p->clock);
    const int64_t bytes = atomic_load_explicit(&p->account->bytes_used, memory_order_relaxed);
    op           *before = p->running;
    if (before != NULL) {
        before->spent_ns += now_ns - p->since_ns;
        before->bytes += bytes - p->since_bytes;
        before->bytes_max = max_i64(before->bytes_max, before->bytes);
    }
    p->running = to;
    p->since_ns = now_ns;
    p->since_bytes = bytes;
    return before;
}

status
op_push(op *o, int32_t port, const delta *in, error *err) {
    o->rows_in += in->row_count;
    TRY(op_poll(o, err)); /* so that no operator needs a look for what it is handed */
    interrupt_did(in->row_count, 0, 0);
    op_profile *profile = o->env->profile;
    if (LIKELY(profile == NULL)) {
        return o->class->push(o, port, in, err);
    }
    op          *before = profile_switch(profile, o);
    const status s = o->class->push(o, port, in, err);
    (void)profile_switch(profile, before);
    return s;
}

static status
run_tick(op *o, int64_t frontier_us, error *err) {
    op_profile *profile = o->env->profile;
    if (LIKELY(profile == NULL)) {
        return o->class->tick(o, frontier_us, err);
    }
    op          *before = profile_switch(profile, o);
    const status s = o->class->tick(o, frontier_us, err);
    (void)profile_switch(profile, before);
    return s;
}

status
op_tick(op *o, int64_t frontier_us, error *err) {
    frontier_us = max_i64(frontier_us, o->frontier_us);
    status s = OK;
    if (o->class->tick != NULL) {
        s = run_tick(o, frontier_us, err);
        TRY(s);
    }
    o->frontier_us = frontier_us;
    return s;
}

status
op_merge(op *self, op *other, error *err) {
    assert(self->class == other->class && self->class->merge != NULL);
    if (self->spec->mode == MODE_ONCE) {
        return self->class->merge(self, other, err);
    }
    if (self->frontier_us != other->frontier_us) {
        return error_set(err, ERR_INTERNAL_ERROR, "%s: parts of different ticks do not merge",
                         self->class->name);
    }
    self->old_rows_wanted = true;
    TRY(self->class->merge(self, other, err));
    self->rows_in += other->rows_in;
    self->rows_out += other->rows_out;
    self->late_rows += other->late_rows;
    self->null_time_rows += other->null_time_rows;
    self->lost_rows += other->lost_rows;
    return OK;
}

status
op_settle(op *o, error *err) {
    return o->class->settle == NULL ? OK : o->class->settle(o, err);
}

status
op_save(op *o, buf *out, error *err) {
    image_put_text(out, text_of(o->class->name));
    image_put_i64(out, o->frontier_us);
    image_put_i64(out, o->rows_in);
    image_put_i64(out, o->rows_out);
    image_put_i64(out, o->late_rows);
    image_put_i64(out, o->null_time_rows);
    image_put_i64(out, o->lost_rows);
    return o->class->save == NULL ? OK : o->class->save(o, out, err);
}

status
op_load(op *o, image_reader *in, error *err) {
    text name;
    TRY(image_take_text(in, &name, err));
    if (!text_equal(name, text_of(o->class->name))) {
        return image_corrupt("it has other operators than its plan", err);
    }
    TRY(image_take_i64(in, &o->frontier_us, err));
    TRY(image_take_i64(in, &o->rows_in, err));
    TRY(image_take_i64(in, &o->rows_out, err));
    TRY(image_take_i64(in, &o->late_rows, err));
    TRY(image_take_i64(in, &o->null_time_rows, err));
    TRY(image_take_i64(in, &o->lost_rows, err));
    return o->class->load == NULL ? OK : o->class->load(o, in, err);
}
