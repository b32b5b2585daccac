/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - one maintained query: its circuit, its place among the others, its change log.
 *
 * A fault inside a stream never reaches the caller of the insert: it marks the stream and
 * everything that reads it as failed. */
#include <stddef.h>

#include "batch/routine.h"
#include "exec/engine_internal.h"
#include "kernel/kernel.h"
#include "op/gate.h"

#define LOG_KEEP_BYTES (64LL << 20) /* of changes that all have read */

/* All that the stream holds, as changes that wait for publication. */
status
stream_announce(stream *s, error *err) {
    const op_sink    sink = {.context = s, .take = stream_take_rows};
    arena           *scratch = &s->circuit->scratch;
    const arena_mark mark = arena_save(scratch);
    const status     done = stream_read_state(s, &sink, NULL, err);
    arena_rewind(scratch, mark);
    return done;
}

/* ---------------------------------------------------------------------------------- EMIT EVERY
 */
void
stream_release_held(stream *s) {
    error fault = {0};
    if (s->failed || s->backfill != NULL || s->circuit == NULL || s->circuit->held == NULL) {
        return;
    }
    timer_set(&s->engine->timers, &s->emission, TIMER_NEVER);
    if (circuit_release(s->circuit, &fault) < 0) {
        stream_fail(s, &fault);
    } else if (s->pending.count + s->gone.count > 0) {
        stream_publish(s, stream_sequence(s));
    }
}

static void
emission_due(timer *t, int64_t due_us) {
    stream *s = (stream *)(void *)((char *)t - offsetof(stream, emission));
    (void)due_us;
    if (!stream_is_held(s)) { /* else its resume sets the timer again */
        stream_release_held(s);
    }
}

/* Changes come out at the next multiple of the interval. */
static void
await_emission(stream *s) {
    engine *e = s->engine;
    if (s->circuit->held == NULL || timer_is_set(&s->emission) ||
        gate_rows(s->circuit->held) == 0) {
        return;
    }
    const int64_t every_us = s->plan.emit_every_us;
    const int64_t before = floor_div_i64(e->now_us, every_us);
    timer_set(&e->timers, &s->emission, sat_mul_i64(sat_add_i64(before, 1), every_us));
}

/* ---------------------------------------------------------------------------------- windows that
 * the clock closes */

/* The stream and what reads it, in order. */
static void
tick_by_clock(stream *s) {
    engine *e = s->engine;
    s->round = ++e->round;
    e->totals.ticks++;
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *each = e->streams.items[i];
        for (int32_t k = 0; k < each->input_count && each->running; k++) {
            const stream *from = each->inputs[k].from_stream;
            each->round = from != NULL && from->round == e->round ? e->round : each->round;
        }
        if (each->round == e->round && !each->failed) {
            stream_tick(each, stream_frontier_us(each));
        }
    }
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *each = e->streams.items[i];
        if (each->pending.count + each->gone.count > 0) {
            stream_publish(each, engine_sequence(e));
        }
    }
    engine_send_late(e);
}

static void
closing_due(timer *t, int64_t due_us) {
    (void)due_us;
    tick_by_clock((stream *)(void *)((char *)t - offsetof(stream, closing)));
}

static void
await_closing(stream *s) {
    int64_t due_us = TIMER_NEVER;
    if (s->closing.fire == NULL || s->circuit == NULL) {
        return;
    }
    for (int32_t i = 0; i < s->plan.node_count; i++) {
        const op *o = s->circuit->ops[i];
        if (o != NULL && o->class->due_us != NULL) {
            due_us = min_i64(due_us, o->class->due_us(o));
        }
    }
    due_us = s->plan.ttl_us > 0 ? min_i64(due_us, circuit_forgets_at_us(s->circuit)) : due_us;
    timer_set(&s->engine->timers, &s->closing, due_us);
}

void
stream_await_clock(stream *s) {
    await_emission(s);
    await_closing(s);
}

void
stream_silence(stream *s) {
    if (s->emission.fire != NULL) {
        timer_set(&s->engine->timers, &s->emission, TIMER_NEVER);
    }
    if (s->closing.fire != NULL) {
        timer_set(&s->engine->timers, &s->closing, TIMER_NEVER);
    }
}

void
stream_go_live(stream *s) {
    s->running = true;
    await_closing(s);
    s->engine->has_late |= s->late.count > 0;
    if (s->circuit->held != NULL) {
        gate_hold(s->circuit->held);
    }
}

/* ---------------------------------------------------------------------------------- making and
 * freeing */
static void
list_inputs(stream *s, const circuit *c, const plan_node *n, stream_input *inputs, int32_t *count) {
    if (n->kind == PLAN_SCAN) {
        if (inputs != NULL) {
            stream_input *in = &inputs[*count];
            in->owner = s;
            in->leaf = c->ops[n->id];
            in->node = n->id;
            if (n->object->kind == OBJECT_STREAM) {
                in->from_stream = n->object->impl;
            } else {
                in->from_source = n->object->impl;
            }
        }
        (*count)++;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        list_inputs(s, c, n->inputs[i], inputs, count);
    }
}

status
stream_list_inputs(stream *s, circuit *c, stream_input **out, int32_t *count, error *err) {
    int32_t n = 0;
    list_inputs(s, c, s->plan.root, NULL, &n);
    stream_input *inputs = arena_alloc_zero(&c->arena, sizeof(*inputs) * (size_t)(n + 1));
    if (inputs == NULL) {
        return error_memory(err);
    }
    n = 0;
    list_inputs(s, c, s->plan.root, inputs, &n);
    *out = inputs;
    *count = n;
    return OK;
}

status
stream_add_sources(stream *s, error *err) {
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream_input *in = &s->inputs[i];
        const int32_t       n = in->from_source != NULL ? 1 : in->from_stream->sources.count;
        for (int32_t k = 0; k < n; k++) {
            source *src =
                in->from_source != NULL ? in->from_source : in->from_stream->sources.items[k];
            if (!list_has(&s->sources, src)) {
                TRY(list_add(&s->sources, s->engine->mem, src, err));
            }
        }
    }
    return OK;
}

static bool
needs_old_rows(const stream *s) {
    if (s->part == NULL) {
        return s->dependents.count > 0 || s->op_readers > 0 || !circuit_is_upsert(&s->plan);
    }
    for (int32_t i = 0; i < s->dependents.count; i++) {
        const stream_input *in = s->dependents.items[i];
        if (in->owner->backfill != NULL || in->leaf->old_rows_wanted) {
            return true;
        }
    }
    return false;
}

/* Old rows cost time: they are computed where somebody needs them. */
static void
want_old_rows(stream *s) {
    if (s->backfill != NULL || s->circuit == NULL) {
        return; /* when it is live; never */
    }
    circuit_want_old_rows(s->circuit, needs_old_rows(s));
    for (int32_t i = 0; i < s->parts.count; i++) {
        want_old_rows(s->parts.items[i]);
    }
}

void
stream_want_ops(stream *s, int32_t change) {
    s->op_readers += change;
    want_old_rows(s);
}

/* Changes go from stream to stream on the stack. */
static status
check_depth(stream *s, error *err) {
    s->depth = 1;
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream *up = s->inputs[i].from_stream;
        if (up != NULL && up->depth >= s->depth) {
            s->depth = up->depth + 1;
        }
    }
    if (s->depth <= STREAM_DEPTH_MAX) {
        return OK;
    }
    error_set(err, ERR_QUERY_FAILED, "streams read one another more than %d deep",
              STREAM_DEPTH_MAX);
    error_hint(err, "let this one read a stream or source further up");
    return ERR_QUERY_FAILED;
}

status
stream_make_circuit(stream *s, error *err) {
    const op_sink sink = {.context = s, .take = stream_take_rows};
    TRY(circuit_open(&s->circuit, s->engine->mem, &s->plan, MODE_STREAM, NULL, &sink, NULL, err));
    s->late_sink = (op_sink){.context = s, .take = stream_take_late};
    s->circuit->env.late = s->plan.late_to == NULL ? NULL : &s->late_sink;
    want_old_rows(s);
    TRY(stream_list_inputs(s, s->circuit, &s->inputs, &s->input_count, err));
    TRY(check_depth(s, err));
    return stream_add_sources(s, err);
}

static bool
judges_times(const plan_node *n) {
    const bool join = n->bound != NULL && n->bound->interval;
    const bool window = n->kind == PLAN_WINDOW && n->lateness_us != INT64_MAX;
    if (join || window || n->kind == PLAN_PROCESS ||
        (n->kind == PLAN_AGGREGATE && n->window_key >= 0)) {
        return true;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        if (judges_times(n->inputs[i])) {
            return true;
        }
    }
    return false;
}

static bool
has_event_time(const stream *s) {
    for (int32_t i = 0; i < s->sources.count; i++) {
        if (source_is_timed(s->sources.items[i])) {
            return true;
        }
    }
    return false;
}

void
stream_look_at_plan(stream *s) {
    s->timed = s->plan.ttl_us > 0 || judges_times(s->plan.root);
    s->by_arrival = arrival_is_read(s->plan.root);
    stream_weigh(s);
}

/* Named streams can be read again from a position. One that replaces another of its name must not
 * take the other's positions for its own: making it counts as an event, except in a pause, when
 * nothing new is shown. */
static void
set_birth(stream *s) {
    engine *e = s->engine;
    if (s->object == NULL) {
        return;
    }
    e->sequence += !e->paused;
    changelog_set_birth(s->log, (log_position){engine_sequence(e), e->paused ? s->id : 0});
    changelog_keep(s->log, LOG_KEEP_BYTES, e->keeps_logs);
}

status
stream_make(stream **out, engine *e, const plan *p, arena *plan_arena, const object *o,
            error *err) {
    stream *s = mem_alloc_zero(e->mem, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    s->engine = e;
    s->references = 1;
    buf_init(&s->ops, e->mem, INT32_MAX);
    s->plan = *p;
    s->object = o;
    stream_look_at_plan(s);
    s->frontier_us = INT64_MIN;
    status made = changelog_open(&s->log, e->mem, err);
    if (made == OK && p->emit_every_us > 0) {
        made = timer_init(&e->timers, &s->emission, emission_due, err);
    }
    if (made == OK) {
        made = stream_make_circuit(s, err);
    }
    s->plan.by_clock |= made == OK && p->ttl_us > 0 && !has_event_time(s);
    if (made == OK && s->plan.by_clock && plan_arena != NULL) {
        made = timer_init(&e->timers, &s->closing, closing_due, err);
    }
    if (made < 0) {
        stream_release(s);
        return made;
    }
    s->id = ++e->stream_count;
    s->freed_rows = stream_freed_rows(s);
    if (plan_arena != NULL) { /* shadows borrow the plan */
        s->arena = *plan_arena;
        *plan_arena = (arena){.mem = s->arena.mem};
        set_birth(s);
    }
    *out = s;
    return OK;
}

void
stream_pin_code(stream *s) {
    for (const plan_routine *p = s->plan.routines; p != NULL; p = p->next) {
        routine_pin(p->routine);
    }
}

status
stream_reset(stream *s, error *err) {
    stream_pin_code(s);
    ranges_drop(s);
    circuit_close(s->circuit);
    s->circuit = NULL;
    s->inputs = NULL;
    s->input_count = 0;
    s->rows_out = 0;
    stream_drop_late(s);
    return stream_make_circuit(s, err);
}

stream *
stream_retain(stream *s) {
    s->references++;
    return s;
}

void
stream_release(stream *s) {
    if (--s->references > 0) {
        return;
    }
    mem *m = s->engine->mem;
    timer_fini(&s->engine->timers, &s->emission);
    timer_fini(&s->engine->timers, &s->closing);
    stream_drop_pending(s);
    stream_drop_late(s);
    list_fini(&s->late, m);
    list_fini(&s->pending, m);
    list_fini(&s->gone, m);
    buf_fini(&s->ops);
    list_fini(&s->sources, m);
    list_fini(&s->dependents, m);
    ranges_drop(s);
    circuit_close(s->circuit);
    changelog_release(s->log);
    if (s->arena.mem != NULL) {
        arena_fini(&s->arena);
    }
    if (s->plan_of != NULL) {
        stream_release(s->plan_of);
    }
    for (int32_t i = 0; i < s->parts.count; i++) {
        stream_release(s->parts.items[i]);
    }
    list_fini(&s->parts, m);
    if (s->nodes_of != NULL) {
        stream_release(s->nodes_of);
    }
    catalog_object_release(s->part);
    mem_free(m, s, sizeof(*s));
}

void
stream_drop_circuit(stream *s) {
    stream_count(s, &s->final);
    s->final.state_bytes = 0;
    s->final.state_rows = 0;
    stream_detach(s);
    ranges_drop(s);
    circuit_close(s->circuit);
    s->circuit = NULL;
    s->inputs = NULL; /* they lay in it */
    s->input_count = 0;
}

/* ---------------------------------------------------------------------------------- joining the
 * tick */
static status
bridge_take(void *context, const delta *rows, error *err) {
    stream_input *in = context;
    if (crew_hands_over(in)) {
        return crew_hand_over(in->from_stream->crew, in, rows, err);
    }
    stream_feed(in, rows); /* a fault stays with the reader */
    return OK;
}

status
bridge_make(stream_input *in, circuit *c, error *err) {
    const schema *columns = &in->from_stream->plan.root->schema;
    in->bridge_spec = (op_spec){.mode = MODE_STREAM,
                                .input = {columns},
                                .output = columns,
                                .window_key = -1,
                                .sink = {.context = in, .take = bridge_take}};
    return op_open(&in->bridge, &op_collect_class, &c->env, &in->bridge_spec, err);
}

status
bridge_open(stream_input *in, stream *upstream, error *err) {
    if (in->bridge == NULL) {
        TRY(bridge_make(in, in->owner->circuit, err));
    }
    return op_connect(circuit_exit(upstream->circuit), in->bridge, 0, err);
}

static status
add_reader(source *src, stream *s, error *err) {
    TRY(list_add(&src->readers, src->engine->mem, s, err));
    return OK;
}

status
stream_attach(stream *s, error *err) {
    mem *m = s->engine->mem;
    for (int32_t i = 0; i < s->input_count; i++) {
        stream_input *in = &s->inputs[i];
        if (in->from_source != NULL) {
            TRY(list_add(&in->from_source->inputs, m, in, err));
        } else {
            TRY(list_add(&in->from_stream->dependents, m, in, err));
            TRY(bridge_open(in, in->from_stream, err));
            want_old_rows(in->from_stream);
        }
    }
    for (int32_t i = 0; i < s->sources.count; i++) {
        TRY(add_reader(s->sources.items[i], s, err));
    }
    return OK;
}

void
stream_detach(stream *s) {
    for (int32_t i = 0; i < s->input_count; i++) {
        stream_input *in = &s->inputs[i];
        if (in->from_source != NULL) {
            list_remove(&in->from_source->inputs, in);
            continue;
        }
        stream *up = in->from_stream;
        list_remove(&up->dependents, in);
        if (in->bridge != NULL && up->circuit != NULL) {
            op_disconnect(circuit_exit(up->circuit), in->bridge);
        }
        if (up->circuit != NULL) {
            want_old_rows(up);
        }
    }
    for (int32_t i = 0; i < s->sources.count; i++) {
        list_remove(&((source *)s->sources.items[i])->readers, s);
    }
}

/* ---------------------------------------------------------------------------------- running */
bool
stream_feeds_by(const stream_input *in) {
    const stream *s = in->owner;
    for (const stream_input *other = s->inputs; s->plan.ttl_us > 0 && other != in; other++) {
        if (other->from_source == in->from_source) {
            return false;
        }
    }
    return true;
}

status
stream_feed_at(stream_input *in, const aging_moment *at, const delta *rows, error *err) {
    stream *s = in->owner;
    if (s->plan.ttl_us > 0 && in->from_source != NULL) {
        return aging_feed(s, in->from_source, at, rows, err);
    }
    if (s->plan.ttl_us > 0 && s->plan.by_clock) {
        TRY(circuit_pass_time(s->circuit, at->clock_us, err));
    }
    return circuit_feed(s->circuit, in->leaf, rows, err);
}

void
stream_feed(stream_input *in, const delta *rows) {
    stream *s = in->owner;
    if (s->failed) {
        return;
    }
    error  fault;
    status fed;
    error_clear(&fault); /* a whole one of zeros costs more than the rest */
    if (s->backfill != NULL) {
        fed = backfill_add_rows(s->backfill, in, rows, &fault);
    } else if (UNLIKELY(stream_is_held(s))) {
        fed = stream_hold_rows(in, rows, &fault);
    } else {
        s->circuit->env.arrived_us = s->engine->arrived_us;
        s->circuit->env.insert = engine_insert_under_way(s->engine);
        if (LIKELY(s->plan.ttl_us == 0)) {
            fed = circuit_feed(s->circuit, in->leaf, rows, &fault);
        } else {
            const aging_moment at = aging_now(s, in->from_source);
            fed = stream_feed_at(in, &at, rows, &fault);
        }
    }
    if (fed < 0) {
        stream_fail(s, &fault);
    }
}

void
stream_tick(stream *s, int64_t frontier_us) {
    error fault;
    error_clear(&fault);
    if (UNLIKELY(stream_is_held(s)) && s->backfill == NULL) {
        if (stream_hold_tick(s, frontier_us, &fault) < 0) {
            stream_fail(s, &fault);
        }
        return;
    }
    s->ticks++;
    s->frontier_us = frontier_us;
    const status ticked = s->backfill != NULL ? backfill_add_tick(s->backfill, frontier_us, &fault)
                                              : circuit_tick(s->circuit, frontier_us, &fault);
    if (ticked < 0) {
        stream_fail(s, &fault);
    } else if (s->backfill == NULL && LIKELY(s->crew == NULL)) {
        stream_await_clock(s);
    }
}

int64_t
stream_frontier_us(const stream *s) {
    if (s->plan.by_clock) {
        return max_i64(s->engine->flow_us, s->frontier_us);
    }
    int64_t frontier = INT64_MAX;
    bool    holds = false;
    for (int32_t i = 0; i < s->sources.count; i++) {
        const source *src = s->sources.items[i];
        if (source_is_timed(src) && !src->idle) {
            frontier = min_i64(frontier, src->watermark_us);
            holds = true;
        }
    }
    return holds ? max_i64(frontier, s->frontier_us) : s->frontier_us;
}

int64_t
stream_freed_rows(const stream *s) {
    int64_t rows = 0;
    for (int32_t i = 0; i < s->sources.count; i++) {
        rows += table_freed_count(((const source *)s->sources.items[i])->table);
    }
    return rows;
}

bool
stream_reads(const stream *s, const source *src) {
    return list_has(&s->sources, src);
}

/* ---------------------------------------------------------------------------------- what db calls
 */
status
stream_open(stream **out, engine *e, const plan *p, arena *plan_arena,
            const stream_options *options, error *err) {
    stream *s = NULL;
    TRY(stream_make(&s, e, p, plan_arena, options->object, err));
    status made = pipeline_take(options->pipeline, s, err);
    made = made == OK ? list_add(&e->streams, e->mem, s, err) : made;
    s->sink = options->sink;
    s->memo = options->memo;
    if (made == OK && options->object == NULL && options->sink == NULL) {
        made = plan_check_code(&s->plan, err); /* a subscription is told, and does not wait */
    }
    if (made == OK && options->running && stream_missing_code(s) != NULL) {
        stream_put_off(s);
    } else if (made == OK && (options->running || s->pipeline != NULL) && stream_may_join(s)) {
        s->joined_held = stream_is_held(s);
        made = stream_join(s, true, err);
    }
    if (made < 0) {
        stream_detach(s);
        list_remove(&e->streams, s);
        stream_leave_parts(s);
        stream_release(s);
        engine_check_fault(e);
        return made;
    }
    engine_check_fault(e);
    engine_deal_out(e);
    *out = s;
    return OK;
}

void
stream_close(stream *s) {
    assert(s->dependents.count == 0);
    list_remove(&s->engine->streams, s);
    pipeline_leave(s);
    engine_check_fault(s->engine);
    if (s->object != NULL) {
        s->engine->totals.rows_late += stream_late_rows(s);
    }
    stream_detach(s);
    stream_release_held(s);
    changelog_end(s->log, LOG_FINISHED, NULL);
    stream_leave_parts(s);
    if (s->part != NULL) { /* others may still hold its nodes, nobody its state */
        circuit_close(s->circuit);
        s->circuit = NULL;
    }
    if (s->backfill != NULL) {
        backfill_orphan(s);
    } else {
        stream_release(s);
    }
}

const void *
stream_memo(const stream *s) {
    return s->memo;
}

changelog *
stream_log(stream *s) {
    return s->log;
}

const pipeline *
stream_pipeline(const stream *s) {
    return s->pipeline;
}

const plan *
stream_plan(const stream *s) {
    return &s->plan;
}

const schema *
stream_schema(const stream *s) {
    return &s->plan.root->schema;
}

bool
stream_failure(const stream *s, error *reason) {
    if (s->failed && reason != NULL) {
        *reason = s->reason;
    }
    return s->failed;
}

int64_t
stream_late_rows(const stream *s) {
    int64_t rows = s->final.late_rows;
    for (int32_t i = 0; s->backfill == NULL && s->circuit != NULL && i < s->plan.node_count; i++) {
        rows += s->circuit->ops[i] == NULL ? 0 : s->circuit->ops[i]->late_rows;
    }
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream *up = s->inputs[i].from_stream;
        rows += up != NULL && up->part != NULL ? stream_late_rows(up) : 0;
    }
    return rows;
}

/* The frontier; for streams over plain sources alone, when the newest row came to the one that has
 * waited longest. */
static int64_t
reported_watermark_us(const stream *s) {
    int64_t plain_us = INT64_MAX;
    if (!s->running && !s->failed) {
        return INT64_MIN; /* it has not begun to read */
    }
    if (s->plan.by_clock) {
        return s->frontier_us;
    }
    for (int32_t i = 0; i < s->sources.count; i++) {
        const source *src = s->sources.items[i];
        if (source_is_timed(src)) {
            return s->engine->paused || stream_is_held(s) ? s->frontier_us : stream_frontier_us(s);
        }
        const int64_t at_us = source_watermark_us(src);
        plain_us = at_us == INT64_MIN ? plain_us : min_i64(plain_us, at_us);
    }
    return plain_us == INT64_MAX ? INT64_MIN : plain_us;
}

/* What a part has done, its reader has done. Its state is counted with its reader while that is the
 * only one, else apart. */
static void
count_part(const stream *part, stream_counters *out) {
    stream_counters c;
    stream_count(part, &c);
    out->rows_in += c.rows_in;
    out->null_time_rows += c.null_time_rows;
    const bool alone = part->sharers == 1;
    out->state_bytes += alone ? c.state_bytes : 0;
    out->state_rows += alone ? c.state_rows : 0;
    out->shared_state_bytes += c.shared_state_bytes + (alone ? 0 : c.state_bytes);
    out->shared_state_rows += c.shared_state_rows + (alone ? 0 : c.state_rows);
}

void
stream_count(const stream *s, stream_counters *out) {
    *out = s->final;
    out->ticks = s->ticks;
    out->pending_rows = stream_held_rows(s);
    out->backpressured = false;
    out->watermark_us = reported_watermark_us(s);
    for (int32_t i = 0; i < s->sources.count; i++) {
        out->pending_rows += source_pending_rows(s->sources.items[i]);
        out->backpressured |= source_full_log(s->sources.items[i]) != NULL;
    }
    if (s->backfill != NULL || s->circuit == NULL) {
        return; /* the rest is not ours to read, or over */
    }
    out->rows_out = s->rows_out;
    out->state_bytes = (int64_t)store_bytes(s->circuit->store);
    out->late_rows = stream_late_rows(s);
    for (int32_t i = 0; i < s->plan.node_count; i++) {
        const op *o = s->circuit->ops[i];
        if (o != NULL) {
            out->null_time_rows += o->null_time_rows;
            out->lost_rows += o->lost_rows;
            out->state_rows += o->class->state_rows == NULL ? 0 : o->class->state_rows(o);
        }
    }
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream_input *in = &s->inputs[i];
        if (in->from_stream == NULL || in->from_stream->part == NULL) {
            out->rows_in += in->leaf->rows_in;
        }
    }
    for (int32_t i = 0; i < s->parts.count; i++) {
        count_part(s->parts.items[i], out);
    }
}

const histogram *
stream_latency(const stream *s) {
    return &s->latency;
}
