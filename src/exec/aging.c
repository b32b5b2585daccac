/* SPDX-License-Identifier: Apache-2.0 */
/* aging.c - how time passes for streams with state_ttl.
 *
 * Where an input has an event time, the time of a row is the watermark as it and the rows before it
 * make it, not as its insert met it: an insert is cut where time comes to a new step, so that how
 * rows were cut into inserts does not show. All leaves that read the source get a part before any
 * gets the next. Elsewhere time is the engine's, and a timer stands for what no row brings about.
 */
#include "exec/engine_internal.h"

typedef struct parts { /* of one insert, for one stream */
    stream       *stream;
    const source *source;
    const delta  *rows;
} parts;

static status
feed_all(const parts *p, const delta *rows, error *err) {
    const stream *s = p->stream;
    for (int32_t i = 0; i < s->input_count; i++) {
        if (s->inputs[i].from_source == p->source) {
            TRY(circuit_feed(s->circuit, s->inputs[i].leaf, rows, err));
        }
    }
    return OK;
}

static status
feed_picked(const parts *p, int32_t first, int32_t count, error *err) {
    arena   *scratch = &p->stream->circuit->scratch;
    int32_t *rows = arena_alloc(scratch, sizeof(*rows) * (size_t)count);
    delta    picked;
    if (rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        rows[i] = first + i;
    }
    TRY(delta_gather(&picked, p->rows, rows, count, scratch, err));
    return feed_all(p, &picked, err);
}

static status
feed_part(const parts *p, int32_t first, int32_t end, error *err) {
    arena *scratch = &p->stream->circuit->scratch;
    if (first == 0 && end == p->rows->row_count) {
        return feed_all(p, p->rows, err);
    }
    while (first < end) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    count = end - first < BATCH_ROWS ? end - first : BATCH_ROWS;
        TRY(feed_picked(p, first, count, err));
        arena_rewind(scratch, mark);
        first += count;
    }
    return OK;
}

/* Do its rows move its watermark, and by themselves alone? */
static bool
is_moved_by_rows(const object *o) {
    return o->append_only && o->event_time_column >= 0 && o->delay_us != INT64_MAX &&
           o->future_skew_us == 0;
}

status
aging_feed(stream *s, const source *from, const aging_moment *at, const delta *rows, error *err) {
    const parts   p = {.stream = s, .source = from, .rows = rows};
    circuit      *c = s->circuit;
    const object *o = from->object;
    if (s->plan.by_clock) {
        TRY(circuit_pass_time(c, at->clock_us, err));
    }
    if (s->plan.by_clock || !is_moved_by_rows(o)) {
        return feed_part(&p, 0, rows->row_count, err);
    }
    const column   *times = &rows->columns[o->event_time_column];
    const data_type type = o->schema->fields[o->event_time_column].type;
    int64_t         mark_us = c->within == from ? c->within_us : at->watermark_us;
    int32_t         first = 0;
    for (int32_t i = 0; i < rows->row_count; i++) {
        if (column_is_null(times, i)) {
            continue;
        }
        const int64_t t = ((const int64_t *)times->values)[i];
        mark_us = max_i64(mark_us, sat_sub_i64(type_time_to_us(type, t), o->delay_us));
        if (circuit_is_step(c, min_i64(mark_us, at->others_us))) {
            TRY(feed_part(&p, first, i, err));
            TRY(circuit_pass_time(c, min_i64(mark_us, at->others_us), err));
            first = i;
        }
    }
    c->within = from;
    c->within_us = mark_us;
    return feed_part(&p, first, rows->row_count, err);
}

aging_moment
aging_now(const stream *s, const source *from) {
    aging_moment at = {.watermark_us = from == NULL ? INT64_MIN : from->watermark_us,
                       .others_us = INT64_MAX,
                       .clock_us = s->engine->flow_us};
    if (s->plan.ttl_us == 0) {
        return at;
    }
    for (int32_t i = 0; i < s->sources.count; i++) {
        const source *other = s->sources.items[i];
        if (other != from && source_is_timed(other) && !other->idle) {
            at.others_us = min_i64(at.others_us, other->watermark_us);
        }
    }
    return at;
}
