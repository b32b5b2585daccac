/* SPDX-License-Identifier: Apache-2.0 */
/* revive.c - an engine that goes on from the bytes of another: see preserve.h and preserve.c.
 *
 * Sources first, then what streams share, so that each plan is what it was, then states, inputs
 * before their readers. What does not fit is refused before anything of it is used. */
#include "exec/preserve.h"
#include "exec/preserve_internal.h"
#include "op/gate.h"

typedef struct part_place { /* where in a plan a part stands */
    const char *trail;      /* its steps, not read yet */
    size_t      trail_size;
    uint64_t    steps, part;
} part_place;

typedef struct kept_stream { /* a record; texts are the image's */
    text         name;       /* empty: a part */
    stream      *stream;
    stream_state state;
    part_place  *parts;
    uint64_t     part_count;
    text         circuit;
    bool         begun; /* a part that is being made */
} kept_stream;

typedef struct revival {
    engine               *engine;
    const engine_keeping *keeping;
    image_reader         *in;
    arena                 scratch;
    kept_stream          *streams;
    int32_t               stream_count;
} revival;

/* ---- sources */

static source *
find_source(const engine *e, text name) {
    for (int32_t i = 0; i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        if (text_equal(s->object->name, name)) {
            return s;
        }
    }
    return NULL;
}

static status
take_source(const revival *r, error *err) {
    text         name;
    source_state state;
    TRY(image_take_text(r->in, &name, err));
    TRY(image_take(r->in, &state, sizeof(state), err));
    source *s = find_source(r->engine, name);
    if (s == NULL || table_row_count(s->table) > 0 || table_entry_count(s->table) > 0) {
        return image_corrupt("rows of a source that is not there", err);
    }
    TRY(table_load(s->table, r->keeping->shelf, r->engine->sequence, r->in, err));
    if (state.held_entry < 0 || state.held_entry > table_entry_count(s->table) ||
        state.held_position < 0 || state.held_position > table_row_count(s->table)) {
        return image_corrupt("where a source stood in a pause", err);
    }
    s->watermark_us = state.watermark_us;
    s->accepted_watermark_us = state.accepted_watermark_us;
    s->held_entry = state.held_entry;
    s->held_position = state.held_position;
    s->null_time_rows = state.null_time_rows;
    s->opened_us = state.opened_us;
    s->by_hand = (state.flags & SOURCE_BY_HAND) != 0;
    s->unit_checked = (state.flags & SOURCE_UNIT_CHECKED) != 0;
    s->idle = (state.flags & SOURCE_IDLE) != 0;
    if (s->silence.fire != NULL) {
        timer_set(&r->engine->timers, &s->silence, state.silence_us);
    }
    return OK;
}

static status
take_engine(const revival *r, error *err) {
    engine      *e = r->engine;
    engine_state state;
    uint32_t     count;
    TRY(image_take(r->in, &state, sizeof(state), err));
    e->sequence = state.sequence;
    e->held_sequence = state.held_sequence;
    e->round = state.round;
    e->now_us = state.now_us;
    e->flow_us = state.flow_us;
    e->watermark_floor_us = state.watermark_floor_us;
    atomic_store(&e->rows_delivered, state.rows_delivered);
    e->totals = state.totals;
    e->paused = state.paused != 0;
    TRY(image_take_u32(r->in, &count, err));
    if (count != (uint32_t)e->sources.count) {
        return image_corrupt("there are more or fewer sources than it knows", err);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(take_source(r, err));
    }
    return OK;
}

/* ---- records of streams */

static stream *
find_stream(const engine *e, text name) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream       *s = e->streams.items[i];
        const object *of = s->object != NULL ? s->object : s->sink; /* one namespace */
        if (of != NULL && text_equal(of->name, name)) {
            return s;
        }
    }
    return NULL;
}

static status
take_parts(revival *r, kept_stream *k, error *err) {
    TRY(image_take_small(r->in, &k->part_count, err));
    if (k->part_count > r->in->left) {
        return image_corrupt("parts of a stream", err);
    }
    k->parts = arena_alloc_zero(&r->scratch, sizeof(*k->parts) * (size_t)(k->part_count + 1));
    if (k->parts == NULL) {
        return error_memory(err);
    }
    for (uint64_t i = 0; i < k->part_count; i++) {
        part_place *p = &k->parts[i];
        TRY(image_take_small(r->in, &p->steps, err));
        p->trail = r->in->at;
        for (uint64_t step = 0; step < p->steps; step++) {
            uint64_t ignored;
            TRY(image_take_small(r->in, &ignored, err));
        }
        p->trail_size = (size_t)(r->in->at - p->trail);
        TRY(image_take_small(r->in, &p->part, err));
        if (p->part >= (uint64_t)(k - r->streams)) {
            return image_corrupt("a part that comes after its reader", err);
        }
    }
    return OK;
}

static status
take_reason(const revival *r, kept_stream *k, error *err) {
    int64_t code;
    text    message, hint;
    TRY(image_take_i64(r->in, &code, err));
    TRY(image_take_text(r->in, &message, err));
    TRY(image_take_text(r->in, &hint, err));
    if (k->stream != NULL && (k->state.flags & STREAM_FAILED) != 0) {
        error *reason = &k->stream->reason;
        *reason = (error){.position = -1};
        (void)error_set(reason, (status)code, "%.*s", TEXT_ARG(message));
        if (hint.size > 0) {
            (void)error_hint(reason, "%.*s", TEXT_ARG(hint));
        }
    }
    return OK;
}

static status
take_stream(revival *r, kept_stream *k, error *err) {
    stream_counters final = {0};
    TRY(image_take_text(r->in, &k->name, err));
    TRY(image_take(r->in, &k->state, sizeof(k->state), err));
    TRY(image_take(r->in, &final, FINAL_BYTES, err));
    TRY(take_parts(r, k, err));
    k->stream = k->name.size == 0 ? NULL : find_stream(r->engine, k->name);
    if (k->name.size > 0 && (k->stream == NULL || k->stream->running || k->stream->failed)) {
        return image_corrupt("the state of a stream that is not there", err);
    }
    TRY(take_reason(r, k, err));
    if (k->stream != NULL) {
        k->stream->final = final;
    }
    return (k->state.flags & STREAM_GOES_ON) == 0 ? OK : image_take_text(r->in, &k->circuit, err);
}

static status
take_streams(revival *r, error *err) {
    uint32_t count;
    int32_t  named = 0;
    TRY(image_take_u32(r->in, &count, err));
    if (count > r->in->left / sizeof(stream_state)) {
        return image_corrupt("the number of streams", err);
    }
    r->streams = arena_alloc_zero(&r->scratch, sizeof(kept_stream) * (size_t)(count + 1));
    if (r->streams == NULL) {
        return error_memory(err);
    }
    r->stream_count = (int32_t)count;
    for (int32_t i = 0; i < r->stream_count; i++) {
        TRY(take_stream(r, &r->streams[i], err));
        named += r->streams[i].name.size > 0;
    }
    for (int32_t i = 0; i < r->engine->streams.count; i++) {
        const stream *s = r->engine->streams.items[i];
        named -= s->object != NULL || s->sink != NULL;
    }
    return named == 0 ? OK : image_corrupt("there are more streams than it knows", err);
}

/* ---- what they share */

static status
follow(const part_place *p, plan_node *root, plan_node **out, error *err) {
    image_reader trail = {.at = p->trail, .left = p->trail_size};
    plan_node   *n = root;
    for (uint64_t i = 0; i < p->steps; i++) {
        uint64_t step;
        TRY(image_take_small(&trail, &step, err));
        if (step >= (uint64_t)plan_own_inputs(n)) {
            return image_corrupt("a part is not in the plan of its reader", err);
        }
        n = n->inputs[step];
    }
    *out = n;
    return OK;
}

/* Deepest first: what a part reads of others is put into its plan as soon as it is one. */
static status
put_parts_in(const revival *r, kept_stream *k, error *err) {
    for (uint64_t i = 0; i < k->part_count; i++) {
        kept_stream *part = &r->streams[k->parts[i].part];
        plan_node   *n = NULL;
        if (part->name.size > 0) {
            return image_corrupt("a stream with a name where a part should be", err);
        }
        TRY(follow(&k->parts[i], k->stream->plan.root, &n, err));
        TRY(stream_split(k->stream, n, &part->stream, err));
        if (!part->begun) {
            part->begun = true;
            TRY(put_parts_in(r, part, err));
            TRY(stream_make_circuit(part->stream, err));
            part->stream->circuit->env.late = NULL;
        }
    }
    return OK;
}

static status
order_streams(const revival *r, error *err) {
    engine *e = r->engine;
    list    sorted = {0};
    for (int32_t i = 0; i < e->streams.count; i++) {
        ((stream *)e->streams.items[i])->kept_as = -1;
    }
    status s = OK;
    for (int32_t i = 0; s == OK && i < r->stream_count; i++) {
        r->streams[i].stream->kept_as = i;
        s = list_add(&sorted, e->mem, r->streams[i].stream, err);
    }
    for (int32_t i = 0; s == OK && i < e->streams.count; i++) {
        stream *each = e->streams.items[i];
        s = each->kept_as >= 0 ? OK : list_add(&sorted, e->mem, each, err);
    }
    if (s < 0) {
        list_fini(&sorted, e->mem);
        return s;
    }
    list_fini(&e->streams, e->mem);
    e->streams = sorted;
    return OK;
}

static status
share(const revival *r, error *err) {
    for (int32_t i = 0; i < r->stream_count; i++) {
        kept_stream *k = &r->streams[i];
        if (k->name.size == 0) {
            continue;
        }
        TRY(put_parts_in(r, k, err));
        if (k->part_count > 0) {
            stream_look_at_plan(k->stream);
            TRY(stream_reset(k->stream, err));
        }
    }
    for (int32_t i = 0; i < r->stream_count; i++) {
        if (r->streams[i].stream == NULL) {
            return image_corrupt("a part that nobody reads", err);
        }
    }
    TRY(order_streams(r, err));
    engine_deepen(r->engine);
    return OK;
}

/* ---- states */

static void
set_timers(stream *s, const stream_state *state) {
    if (s->closing.fire != NULL) {
        timer_set(&s->engine->timers, &s->closing, state->closing_us);
    }
    if (s->emission.fire != NULL) {
        timer_set(&s->engine->timers, &s->emission, state->emission_us);
    }
}

static status
go_on(const revival *r, kept_stream *k, error *err) {
    stream      *s = k->stream;
    image_reader in = {.at = k->circuit.data, .left = k->circuit.size};
    error        why = {.position = -1};
    if (plan_shape(s) != k->state.shape) {
        (void)error_set(err, ERR_CORRUPTION,
                        "the state of stream \"%.*s\" is of another plan than its query has now",
                        TEXT_ARG(k->name));
        return error_hint(err, "it was written by another version: open it with that one");
    }
    const status loaded = circuit_load(s->circuit, r->keeping->blocks, &in, &why);
    if (loaded < 0) {
        stream_drop_circuit(s); /* nothing runs on half a state, not even its end */
        *err = why;
        return loaded;
    }
    TRY(stream_attach(s, err));
    stream_go_live(s);
    set_timers(s, &k->state);
    return OK;
}

static status
take_state(const revival *r, kept_stream *k, error *err) {
    stream             *s = k->stream;
    const stream_state *state = &k->state;
    s->frontier_us = state->frontier_us;
    s->rows_out = state->rows_out;
    s->ticks = state->ticks;
    s->freed_rows = state->freed_rows;
    s->stopped_after = state->stopped_after;
    s->stopped = (state->flags & STREAM_STOPPED) != 0;
    s->joined_held = (state->flags & STREAM_JOINED_HELD) != 0;
    changelog_set_birth(s->log, state->shown);
    if ((state->flags & STREAM_GOES_ON) != 0) {
        return go_on(r, k, err);
    }
    if ((state->flags & (STREAM_FAILED | STREAM_STOPPED)) != 0) {
        const stream_counters final = s->final;
        stream_drop_circuit(s);
        s->final = final;
    }
    if ((state->flags & STREAM_FAILED) != 0) {
        error told = s->reason;
        told.status = ERR_STREAM_FAILED;
        s->failed = true;
        s->running = true;
        changelog_end(s->log, LOG_FAILED, &told);
    }
    return OK;
}

static status
take_pipelines(const revival *r, error *err) {
    const engine_keeping *k = r->keeping;
    uint32_t              count;
    stream              **kept = arena_alloc(&((revival *)(uintptr_t)r)->scratch,
                                             sizeof(stream *) * (size_t)(r->stream_count + 1));
    if (kept == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < r->stream_count; i++) {
        kept[i] = r->streams[i].stream;
    }
    TRY(image_take_u32(r->in, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        pipeline *p = NULL;
        text      name;
        TRY(image_take_text(r->in, &name, err));
        for (int32_t n = 0; n < k->pipeline_count; n++) {
            p = text_equal(k->pipelines[n].name, name) ? k->pipelines[n].pipeline : p;
        }
        if (p == NULL && name.size == 0) {
            TRY(waiting_open(r->engine, err));
            p = r->engine->waiting;
        }
        if (p == NULL) {
            return image_corrupt("a pipeline that is not there", err);
        }
        TRY(pipeline_load(p, kept, r->stream_count, r->in, err));
    }
    return OK;
}

static status
load(revival *r, error *err) {
    TRY(take_engine(r, err));
    TRY(take_streams(r, err));
    TRY(share(r, err));
    for (int32_t i = 0; i < r->stream_count; i++) {
        TRY(take_state(r, &r->streams[i], err));
    }
    TRY(take_pipelines(r, err));
    TRY(waiting_begin(r->engine, err));
    for (int32_t i = 0; i < r->stream_count; i++) {
        stream_want_ops(r->streams[i].stream, 0);
    }
    engine_check_fault(r->engine);
    engine_deal_out(r->engine);
    return OK;
}

status
engine_load(engine *e, const engine_keeping *k, image_reader *in, error *err) {
    revival r = {.engine = e, .keeping = k, .in = in};
    arena_init(&r.scratch, e->mem);
    const status s = load(&r, err);
    arena_fini(&r.scratch);
    return s;
}
