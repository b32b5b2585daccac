/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.c - streams that start, pause and stop together, under a name.
 *
 * A stream of a pipeline reads sources, tables and streams of the same pipeline, so nothing of it
 * moves while it is held. In a pause its streams stay attached, and what comes from outside (rows
 * of sources, ticks with their frontiers) is kept in one list, in the order in which it came;
 * resume takes the list through the circuits, so that nothing can tell afterwards. A stop gives the
 * circuits back; start reads what the sources retain again, in silence up to the stop.
 *
 * Everything with the token. */
#include "batch/batch_image.h"
#include "batch/routine.h"
#include "exec/engine_internal.h"

/* One thing that came in a pause: rows for a leaf, or (rows NULL) a tick of a stream. */
typedef struct held_event {
    stream       *stream; /* NULL: it was closed meanwhile */
    stream_input *in;
    batch        *rows;
    uint64_t      epoch;
    int64_t       frontier_us; /* of a tick */
    int64_t       arrived_us;  /* of rows */
    int64_t       insert;      /* likewise */
    aging_moment  moment;      /* likewise */
} held_event;

typedef struct held_source { /* where the streams stand in it */
    uint64_t object;         /* its number: a later source may lie where a dropped one lay */
    int64_t  row_count;
} held_source;

struct pipeline {
    engine        *engine;
    pipeline_state state;
    bool           applying; /* what was held is on its way */
    uint64_t       sequence; /* of the newest insert that its streams show, while it is held */
    held_event    *events;
    int64_t        event_count, event_capacity;
    held_source   *sources;
    int32_t        source_count;
};

status
pipeline_open(pipeline **out, engine *e, error *err) {
    pipeline *p = mem_alloc_zero(e->mem, sizeof(*p));
    if (p == NULL) {
        return error_memory(err);
    }
    p->engine = e;
    *out = p;
    return OK;
}

static void
drop_events(pipeline *p) {
    for (int64_t i = 0; i < p->event_count; i++) {
        batch_release(p->events[i].rows);
    }
    mem_free(p->engine->mem, p->events, sizeof(held_event) * (size_t)p->event_capacity);
    p->events = NULL;
    p->event_count = p->event_capacity = 0;
}

static void
forget_sources(pipeline *p) {
    mem_free(p->engine->mem, p->sources, sizeof(held_source) * (size_t)p->source_count);
    p->sources = NULL;
    p->source_count = 0;
}

void
pipeline_close(pipeline *p) {
    if (p != NULL) {
        drop_events(p);
        forget_sources(p);
        mem_free(p->engine->mem, p, sizeof(*p));
    }
}

pipeline_state
pipeline_look(const pipeline *p) {
    return p->state;
}

int32_t
pipeline_count_streams(const pipeline *p, int32_t *failed) {
    const engine *e = p->engine;
    int32_t       count = 0;
    *failed = 0;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        const bool    counts = s->pipeline == p && s->object != NULL;
        count += counts;
        *failed += counts && s->failed;
    }
    return count;
}

bool
pipeline_is_starting(const pipeline *p) {
    const engine *e = p->engine;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (p->state == PIPELINE_RUNNING && s->pipeline == p && !s->running && !s->failed) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------------------------- its streams
 */
/* A reader of a stream that waits for the start waits too. */
static bool
inputs_run(const stream *s) {
    for (int32_t i = 0; i < s->input_count; i++) {
        if (s->inputs[i].from_stream != NULL && !s->inputs[i].from_stream->running) {
            return false;
        }
    }
    return true;
}

/* In a paused pipeline only what is told by its streams alone, which stand where they were. */
bool
stream_may_join(const stream *s) {
    const bool held = stream_is_held(s);
    bool       by_streams = !s->timed && !s->by_arrival;
    for (int32_t i = 0; i < s->input_count; i++) {
        by_streams &= s->inputs[i].from_stream != NULL;
    }
    return inputs_run(s) && (held ? by_streams : stream_may_run(s));
}

status
pipeline_take(pipeline *p, stream *s, error *err) {
    s->pipeline = p;
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream *up = s->inputs[i].from_stream;
        if (up == NULL || up->pipeline == s->pipeline) {
            continue;
        }
        if (s->object != NULL || (s->pipeline != NULL && up->pipeline != NULL)) {
            error_set(err, ERR_QUERY_FAILED, "stream \"%.*s\" is of another pipeline",
                      TEXT_ARG(up->object->name));
            return error_hint(err, s->object != NULL
                                       ? "a stream reads sources, tables and streams of its own "
                                         "pipeline, which starts and pauses as a whole: make it IN "
                                         "PIPELINE of its input, or read the sources"
                                       : "a subscription reads streams of one pipeline");
        }
        if (up->pipeline != NULL) {
            s->pipeline = up->pipeline;
            i = -1; /* those before must be of it, too */
        }
    }
    return OK;
}

/* ---------------------------------------------------------------------------------- holding */
static bool
is_paused(const pipeline *p) {
    return p != NULL && p->state == PIPELINE_PAUSED && !p->applying;
}

/* Who keeps what comes for it; NULL: nobody. */
static pipeline *
holder(const stream *s) {
    return is_paused(s->pipeline) ? s->pipeline : s->waits ? s->engine->waiting : NULL;
}

bool
stream_is_held(const stream *s) {
    return holder(s) != NULL;
}

bool
stream_may_run(const stream *s) {
    return s->pipeline == NULL || s->pipeline->state == PIPELINE_RUNNING;
}

uint64_t
stream_sequence(const stream *s) {
    const pipeline *p = holder(s);
    return s->stopped ? s->stopped_after : p != NULL ? p->sequence : engine_sequence(s->engine);
}

void
stream_shows(const stream *s, const source *src, int64_t *end, uint64_t *sequence) {
    *end = source_flowed_rows(src);
    *sequence = engine_sequence(src->engine);
    const pipeline *p = s != NULL ? holder(s) : NULL;
    for (int32_t i = 0; p != NULL && i < p->source_count; i++) {
        if (p->sources[i].object == src->object->id) {
            *end = p->sources[i].row_count;
            *sequence = p->sequence;
        }
    }
}

int64_t
stream_held_rows(const stream *s) {
    int64_t rows = 0;
    for (int32_t i = 0; i < s->sources.count && stream_is_held(s); i++) {
        int64_t  end;
        uint64_t sequence;
        stream_shows(s, s->sources.items[i], &end, &sequence);
        rows += source_flowed_rows(s->sources.items[i]) - end;
    }
    return rows;
}

status
waiting_reserve(pipeline *p, int64_t events, error *err) {
    if (p->event_capacity - p->event_count < events) {
        const int64_t capacity = p->event_capacity + max_i64(events + 64, p->event_capacity / 4);
        held_event   *grown =
            mem_resize(p->engine->mem, p->events, sizeof(held_event) * (size_t)p->event_capacity,
                       sizeof(held_event) * (size_t)capacity);
        if (grown == NULL) {
            return error_memory(err);
        }
        p->events = grown;
        p->event_capacity = capacity;
    }
    return OK;
}

static status
add_event(pipeline *p, held_event event, error *err) {
    TRY(waiting_reserve(p, 1, err));
    p->events[p->event_count++] = event;
    return OK;
}

status
stream_hold_rows(stream_input *in, const delta *rows, error *err) {
    stream    *s = in->owner;
    held_event event = {.stream = s,
                        .in = in,
                        .arrived_us = s->engine->arrived_us,
                        .insert = engine_insert_under_way(s->engine),
                        .moment = aging_now(s, in->from_source)};
    TRY(batch_keep(&event.rows, s->engine->mem, rows, err));
    const status added = add_event(holder(s), event, err);
    if (added < 0) {
        batch_release(event.rows);
    }
    return added;
}

status
stream_hold_tick(stream *s, int64_t frontier_us, error *err) {
    return add_event(
        holder(s),
        (held_event){.stream = s, .epoch = engine_sequence(s->engine), .frontier_us = frontier_us},
        err);
}

static void
forget_stream(pipeline *p, const stream *s) {
    int64_t kept = 0;
    for (int64_t i = 0; p != NULL && i < p->event_count; i++) {
        if (p->events[i].stream == s) {
            batch_release(p->events[i].rows);
        } else {
            p->events[kept++] = p->events[i];
        }
    }
    if (p != NULL) {
        p->event_count = kept;
    }
}

void
pipeline_leave(const stream *s) {
    forget_stream(s->pipeline, s);
    forget_stream(s->engine->waiting, s);
}

static status
note_sources(pipeline *p, error *err) {
    const engine *e = p->engine;
    const size_t  bytes = sizeof(held_source) * (size_t)e->sources.count;
    p->sources = mem_alloc(e->mem, bytes);
    if (p->sources == NULL && bytes > 0) {
        return error_memory(err);
    }
    p->source_count = e->sources.count;
    for (int32_t i = 0; i < e->sources.count; i++) {
        const source *src = e->sources.items[i];
        p->sources[i] = (held_source){src->object->id, source_flowed_rows(src)};
    }
    p->sequence = engine_sequence(e);
    return OK;
}

/* Another thread fills one of its streams, and must find it as it left it. */
static status
check_joining(const pipeline *p, const char *what, error *err) {
    const engine *e = p->engine;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->pipeline == p && s->backfill != NULL) {
            error_set(err, ERR_QUERY_FAILED, "cannot %s the pipeline: %s%.*s%s is being filled",
                      what, s->object == NULL ? "a subscription" : "stream \"",
                      s->object == NULL ? 0 : (int)s->object->name.size,
                      s->object == NULL ? "" : s->object->name.data, s->object == NULL ? "" : "\"");
            return error_hint(err, "wait until it has read what is there, or cancel that (SHOW "
                                   "QUERIES)");
        }
    }
    return OK;
}

status
pipeline_pause(pipeline *p, error *err) {
    if (p->state == PIPELINE_PAUSED) {
        return OK;
    }
    TRY(check_joining(p, "pause", err));
    engine_settle(p->engine);
    TRY(note_sources(p, err));
    p->state = PIPELINE_PAUSED;
    return OK;
}

/* ---------------------------------------------------------------------------------- resuming */
static void
apply_event(held_event *event) {
    stream *s = event->stream;
    if (s == NULL || s->failed) {
        return;
    }
    if (UNLIKELY(s->waits)) { /* the pause is over, and it waits for code besides */
        error fault = {0};
        if (add_event(s->engine->waiting, *event, &fault) < 0) {
            stream_fail(s, &fault);
            return;
        }
        event->rows = NULL;
        return;
    }
    if (event->rows != NULL) {
        error fault = {0};
        s->circuit->env.arrived_us = event->arrived_us;
        s->circuit->env.insert = event->insert;
        if (stream_feed_at(event->in, &event->moment, &event->rows->rows, &fault) < 0) {
            stream_fail(s, &fault);
        }
        return;
    }
    stream_tick(s, event->frontier_us);
    if (s->pending.count + s->gone.count > 0) {
        stream_publish(s, event->epoch);
    }
    follow_tick(s, event->epoch);
}

status
pipeline_resume(pipeline *p, error *err) {
    engine *e = p->engine;
    if (p->state != PIPELINE_PAUSED) {
        return OK;
    }
    TRY(check_joining(p, "resume", err));
    engine_settle(e);
    p->applying = true;
    engine_apply_waiting(e); /* it came before the pause */
    for (int64_t i = 0; i < p->event_count; i++) {
        apply_event(&p->events[i]);
    }
    p->state = PIPELINE_RUNNING;
    p->applying = false;
    drop_events(p);
    forget_sources(p);
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (s->pipeline == p && s->running && !s->failed) {
            if (s->joined_held) { /* it may have been fed by ticks from before it was made */
                s->joined_held = false;
                held_event first = {
                    .stream = s, .epoch = engine_sequence(e), .frontier_us = s->frontier_us};
                apply_event(&first);
            }
            stream_await_clock(s);
            e->has_late |= s->late.count > 0;
        }
    }
    engine_send_late(e);
    engine_fire(e);
    engine_tidy(e);
    return OK;
}

/* ---------------------------------------------------------------------------------- waiting for
 * the code of functions: a pause of single streams, and of all that reads them */
/* What several read is looked at once in a visit. */
static const routine *
find_missing(stream *s, uint64_t visit) {
    const routine *missing = NULL;
    if (s->visit == visit) {
        return NULL;
    }
    s->visit = visit;
    for (const plan_routine *p = s->plan.routines; p != NULL && missing == NULL; p = p->next) {
        missing = routine_has_code(p->routine) ? NULL : p->routine;
    }
    for (int32_t i = 0; i < s->plan.object_count && missing == NULL; i++) {
        const object *o = s->plan.objects[i];
        stream       *up = o->kind == OBJECT_STREAM ? o->impl : NULL;
        missing = up == NULL || up->failed ? NULL : find_missing(up, visit);
    }
    for (int32_t i = 0; i < s->parts.count && missing == NULL; i++) {
        stream *part = s->parts.items[i];
        missing = part->failed ? NULL : find_missing(part, visit);
    }
    return missing;
}

const routine *
stream_missing_code(const stream *s) {
    return find_missing((stream *)(uintptr_t)s, ++s->engine->visit); /* its mark alone changes */
}

status
plan_check_code(const plan *p, error *err) {
    for (const plan_routine *each = p->routines; each != NULL; each = each->next) {
        TRY(routine_has_code(each->routine) ? OK : routine_no_code(each->routine, err));
    }
    return OK;
}

bool
stream_waits_for_code(const stream *s, error *reason) {
    const routine *r = stream_missing_code(s);
    if (r != NULL) {
        error_set(reason, ERR_QUERY_FAILED, "it waits for function \"%.*s\"", TEXT_ARG(r->name));
    }
    return r != NULL;
}

bool
stream_is_behind(const stream *s) {
    return s->put_off || s->waits;
}

void
stream_put_off(stream *s) {
    s->put_off = true;
    if (!s->stopped) {
        s->stopped = true;
        s->stopped_after = engine_sequence(s->engine);
    }
}

status
waiting_open(engine *e, error *err) {
    if (e->waiting == NULL) {
        TRY(pipeline_open(&e->waiting, e, err));
        e->waiting->state = PIPELINE_PAUSED;
    }
    return OK;
}

status
waiting_begin(engine *e, error *err) {
    bool any = false;
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        s->waits = s->running && !s->failed && stream_missing_code(s) != NULL;
        any |= s->waits;
    }
    if (any && e->waiting == NULL) {
        TRY(waiting_open(e, err));
        TRY(note_sources(e->waiting, err));
    }
    engine_apply_waiting(e);
    return OK;
}

void
engine_apply_waiting(engine *e) {
    pipeline *p = e->waiting;
    int64_t   kept = 0;
    for (int64_t i = 0; p != NULL && i < p->event_count; i++) {
        held_event event = p->events[i]; /* the list may grow */
        if (event.stream != NULL && holder(event.stream) != NULL) {
            p->events[kept++] = event;
            continue;
        }
        p->events[i].rows = NULL;
        apply_event(&event);
        batch_release(event.rows);
        if (i % 64 == 0 && e->look != NULL) {
            e->look(e->look_context); /* what it kept in memory may go to disk now */
        }
    }
    if (p != NULL) {
        p->event_count = kept;
    }
}

/* Those that run go on with what came meanwhile; the others wait for a start now. */
void
engine_code_came(engine *e) {
    bool           any = false;
    const uint64_t woken = ++e->round;
    engine_settle(e);
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (s->waits && s->failed) {
            s->waits = false;
        } else if (s->waits && stream_missing_code(s) == NULL) {
            s->waits = false;
            stream_pin_code(s);
            stream_await_clock(s);
            s->round = woken;
        }
        any |= s->waits;
    }
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->round == woken && !s->failed && !stream_is_held(s)) {
            follow_begin(s);
        }
    }
    engine_apply_waiting(e);
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->round == woken && !stream_is_held(s)) {
            follow_finish(s);
        }
    }
    for (int32_t i = 0; i < e->streams.count; i++) {
        e->has_late |= ((stream *)e->streams.items[i])->late.count > 0;
    }
    if (!any && e->waiting != NULL && e->waiting->event_count == 0) {
        pipeline_close(e->waiting);
        e->waiting = NULL;
    }
    engine_send_late(e);
    engine_tidy(e);
}

/* ---------------------------------------------------------------------------------- stopping */
static status
check_values(const pipeline *p, error *err) {
    const engine *e = p->engine;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->pipeline == p && s->object != NULL && stream_holds_values(s->plan.root)) {
            error_set(err, ERR_QUERY_FAILED,
                      "cannot stop the pipeline: stream \"%.*s\" has shown values of now(), "
                      "random() or the like, which cannot be made again",
                      TEXT_ARG(s->object->name));
            return error_hint(err, "PAUSE PIPELINE keeps its state");
        }
    }
    return OK;
}

status
pipeline_stop(pipeline *p, error *err) {
    engine *e = p->engine;
    if (p->state == PIPELINE_STOPPED) {
        return OK;
    }
    TRY(check_joining(p, "stop", err));
    TRY(check_values(p, err));
    TRY(pipeline_resume(p, err)); /* what came in a pause was accepted before the stop */
    engine_settle(e);
    for (int32_t i = e->streams.count - 1; i >= 0; i--) { /* readers before what they read */
        stream *s = e->streams.items[i];
        if (s->pipeline != p || !s->running || s->failed) {
            continue;
        }
        stream_release_held(s);
        s->running = false;
        s->stopped = true;
        s->stopped_after = engine_sequence(e);
        stream_silence(s);
        stream_drop_circuit(s);
    }
    p->state = PIPELINE_STOPPED;
    engine_check_fault(e);
    return OK;
}

void
pipeline_allow(pipeline *p) {
    p->state = p->state == PIPELINE_PAUSED ? PIPELINE_PAUSED : PIPELINE_RUNNING;
}

/* ---------------------------------------------------------------------------------- preserve.c */
static void
put_event(const held_event *event, buf *out) {
    image_put_small(out, event->rows != NULL);
    image_put_small(out, (uint64_t)event->stream->kept_as);
    image_put_i64(out, (int64_t)event->epoch);
    image_put_i64(out, event->frontier_us);
    image_put_i64(out, event->arrived_us);
    buf_append(out, &event->moment, sizeof(event->moment));
    if (event->rows != NULL) {
        const delta *rows = &event->rows->rows;
        image_put_small(out, (uint64_t)event->in->node);
        batch_image_put(out, rows);
        image_put_small(out, rows->weight != NULL);
        if (rows->weight != NULL) {
            buf_append(out, rows->weight, sizeof(int64_t) * (size_t)rows->row_count);
        }
    }
}

static const object *
object_of_id(const engine *e, uint64_t id) {
    for (int32_t i = 0; i < e->sources.count; i++) {
        const source *s = e->sources.items[i];
        if (s->object->id == id) {
            return s->object;
        }
    }
    return NULL;
}

static bool
is_saved(const held_event *event) {
    const stream *s = event->stream;
    return s != NULL && !s->failed && s->kept_as >= 0;
}

void
pipeline_save(const pipeline *p, buf *out) {
    int64_t count = 0;
    for (int64_t i = 0; i < p->event_count; i++) {
        count += is_saved(&p->events[i]);
    }
    image_put_small(out, (uint64_t)p->state);
    image_put_i64(out, (int64_t)p->sequence);
    image_put_small(out, (uint64_t)p->source_count);
    for (int32_t i = 0; i < p->source_count; i++) {
        const object *o = object_of_id(p->engine, p->sources[i].object);
        image_put_text(out, o == NULL ? (text){NULL, 0} : o->name);
        image_put_i64(out, p->sources[i].row_count);
    }
    image_put_small(out, (uint64_t)count);
    for (int64_t i = 0; i < p->event_count; i++) {
        if (is_saved(&p->events[i])) {
            put_event(&p->events[i], out);
        }
    }
}

static status
take_held_source(const pipeline *p, held_source *at, image_reader *in, error *err) {
    text name;
    TRY(image_take_text(in, &name, err));
    TRY(image_take_i64(in, &at->row_count, err));
    for (int32_t i = 0; i < p->engine->sources.count; i++) {
        const source *s = p->engine->sources.items[i];
        if (text_equal(s->object->name, name)) {
            at->object = s->object->id;
        }
    }
    return OK;
}

/* The rows, with the weights that follow them. */
static status
take_weights(batch **rows, mem *m, image_reader *in, error *err) {
    const size_t size = sizeof(int64_t) * (size_t)(*rows)->rows.row_count;
    uint64_t     is_weighted;
    TRY(image_take_small(in, &is_weighted, err));
    if (is_weighted == 0) {
        return OK;
    }
    int64_t *weight = size > in->left ? NULL : mem_alloc(m, size);
    if (weight == NULL) {
        return size > in->left ? image_corrupt("weights of rows", err) : error_memory(err);
    }
    batch *plain = *rows;
    delta  weighted = plain->rows;
    weighted.weight = weight;
    status s = image_take(in, weight, size, err);
    s = s < 0 ? s : batch_keep(rows, m, &weighted, err);
    mem_free(m, weight, size);
    if (s == OK) {
        batch_release(plain);
    }
    return s;
}

static status
take_rows(held_event *event, mem *m, image_reader *in, error *err) {
    uint64_t node;
    TRY(image_take_small(in, &node, err));
    for (int32_t i = 0; i < event->stream->input_count; i++) {
        stream_input *each = &event->stream->inputs[i];
        event->in = (uint64_t)each->node == node ? each : event->in;
    }
    if (event->in == NULL) {
        return image_corrupt("rows for no input of a stream", err);
    }
    const stream_input *input = event->in;
    const schema       *shape = input->from_stream == NULL ? input->from_source->object->schema
                                                           : stream_schema(input->from_stream);
    TRY(batch_image_take(in, shape, &event->rows, m, err));
    return take_weights(&event->rows, m, in, err);
}

static status
take_event(pipeline *p, stream *const *kept, int32_t kept_count, image_reader *in, error *err) {
    held_event event = {0};
    uint64_t   has_rows, number;
    int64_t    epoch;
    TRY(image_take_small(in, &has_rows, err));
    TRY(image_take_small(in, &number, err));
    TRY(image_take_i64(in, &epoch, err));
    TRY(image_take_i64(in, &event.frontier_us, err));
    TRY(image_take_i64(in, &event.arrived_us, err));
    TRY(image_take(in, &event.moment, sizeof(event.moment), err));
    if (number >= (uint64_t)kept_count || kept[number]->circuit == NULL) {
        return image_corrupt("what came in a pause for a stream that is not there", err);
    }
    event.stream = kept[number];
    event.epoch = (uint64_t)epoch;
    status added = has_rows == 0 ? OK : take_rows(&event, p->engine->mem, in, err);
    added = added < 0 ? added : add_event(p, event, err);
    if (added < 0) {
        batch_release(event.rows);
    }
    return added;
}

status
pipeline_load(pipeline *p, stream *const *kept, int32_t kept_count, image_reader *in, error *err) {
    uint64_t state, sources, events;
    int64_t  sequence;
    TRY(image_take_small(in, &state, err));
    TRY(image_take_i64(in, &sequence, err));
    TRY(image_take_small(in, &sources, err));
    if (state > PIPELINE_STOPPED || sources > in->left / 16) {
        return image_corrupt("a pipeline", err);
    }
    p->state = (pipeline_state)state;
    p->sequence = (uint64_t)sequence;
    p->sources =
        sources == 0 ? NULL : mem_alloc_zero(p->engine->mem, sizeof(held_source) * (size_t)sources);
    if (sources > 0 && p->sources == NULL) {
        return error_memory(err);
    }
    p->source_count = (int32_t)sources;
    for (int32_t i = 0; i < p->source_count; i++) {
        TRY(take_held_source(p, &p->sources[i], in, err));
    }
    TRY(image_take_small(in, &events, err));
    for (uint64_t i = 0; i < events; i++) {
        TRY(take_event(p, kept, kept_count, in, err));
    }
    return OK;
}
