/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - filling a new stream from what its inputs retain, and what a pause held back.
 *
 * Without event-time windows the order of rows inside the first tick cannot show, so every leaf is
 * fed whole and ticked once. With them, rows must meet the watermarks that they met when they were
 * inserted: the inserts of all sources are replayed in their common order (insert entries carry a
 * sequence and the watermark before), through fresh copies ("shadows") of the streams in between.
 * So a stream made late equals one made early. Inserts between which no watermark moves share a
 * tick. */
#include "exec/engine_internal.h"

#define REPLAY_TICK_ROWS 65536

/* Rows that come from no input are there from the start. */
static status
feed_constants(stream *s, const plan_node *n, error *err) {
    if (n->kind == PLAN_SINGLE || n->kind == PLAN_VALUES) {
        return circuit_feed_constant(s->circuit, n, err);
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        TRY(feed_constants(s, n->inputs[i], err));
    }
    return OK;
}

/* ---------------------------------------------------------------------------------- whole inputs,
 * one tick */
static status
feed_input(void *context, const delta *rows, error *err) {
    const stream_input *in = context;
    return circuit_feed(in->owner->circuit, in->leaf, rows, err);
}

/* Rows first .. end of a source's table into the leaves of s that read it. */
static status
feed_rows(stream_input *in, const table_snapshot *snapshot, int64_t first, int64_t end,
          error *err) {
    table_cursor cursor;
    table_cursor_init(&cursor, snapshot, first, end);
    delta         rows;
    const int32_t width = in->from_source->object->schema->count;
    column       *columns = in->from_source->stored_columns;
    while (table_cursor_next(&cursor, NULL, width, columns, &rows)) {
        TRY(circuit_feed(in->owner->circuit, in->leaf, &rows, err));
    }
    return OK;
}

static status
fill_whole(stream *s, error *err) {
    TRY(feed_constants(s, s->plan.root, err));
    for (int32_t i = 0; i < s->input_count; i++) {
        stream_input *in = &s->inputs[i];
        if (in->from_stream != NULL) {
            const op_sink sink = {.context = in, .take = feed_input};
            TRY(stream_read_state(in->from_stream, &sink, NULL, err));
            continue;
        }
        table_snapshot *snapshot = NULL;
        TRY(table_snapshot_open(&snapshot, in->from_source->table, err));
        const status fed = feed_rows(in, snapshot, 0, source_flowed_rows(in->from_source), err);
        table_snapshot_close(snapshot);
        TRY(fed);
    }
    return circuit_tick(s->circuit, stream_frontier_us(s), err);
}

/* ---------------------------------------------------------------------------------- insert by
 * insert */
typedef struct replay_source {
    source         *source;
    table_snapshot *snapshot;
    int64_t         next; /* entry */
    int64_t         watermark_us;
} replay_source;

typedef struct replay {
    mem           *mem;
    list           streams; /* stream*: shadows in order of creation, the new stream last */
    list           live;    /* stream* that streams[i] stands for */
    replay_source *sources;
    int32_t        source_count;
    int64_t        untouched_rows; /* fed since the last tick */
} replay;

static stream *
shadow_of(const replay *r, const stream *live) {
    for (int32_t i = 0; i < r->live.count; i++) {
        if (r->live.items[i] == live) {
            return r->streams.items[i];
        }
    }
    return NULL;
}

/* Bridges of `s` go to shadows while the replay lasts. */
static status
connect_to_shadows(replay *r, stream *s, error *err) {
    for (int32_t i = 0; i < s->input_count; i++) {
        if (s->inputs[i].from_stream != NULL) {
            TRY(bridge_open(&s->inputs[i], shadow_of(r, s->inputs[i].from_stream), err));
        }
    }
    return OK;
}

static status
add_shadows(replay *r, const stream *s, error *err) {
    for (int32_t i = 0; i < s->input_count; i++) {
        stream *up = s->inputs[i].from_stream;
        if (up == NULL || shadow_of(r, up) != NULL) {
            continue;
        }
        TRY(add_shadows(r, up, err));
        stream *shadow = NULL;
        TRY(stream_make(&shadow, up->engine, &up->plan, NULL, up->object, err));
        shadow->replaying = true;
        circuit_want_old_rows(shadow->circuit, true);
        status s_added = list_add(&r->streams, r->mem, shadow, err);
        if (s_added < 0) {
            stream_free(shadow);
            return s_added;
        }
        TRY(list_add(&r->live, r->mem, up, err));
        TRY(connect_to_shadows(r, shadow, err));
    }
    return OK;
}

/* Of one stream, as far as the replay has come: each has the watermark of its own sources. */
static int64_t
replay_frontier_us(const replay *r, const stream *s) {
    int64_t frontier = INT64_MAX;
    bool    timed = false;
    for (int32_t i = 0; i < r->source_count; i++) {
        const replay_source *rs = &r->sources[i];
        if (source_is_timed(rs->source) && list_has(&s->sources, rs->source)) {
            frontier = min_i64(frontier, rs->watermark_us);
            timed = true;
        }
    }
    return timed ? frontier : INT64_MIN;
}

static bool
watermark_moved(const replay *r) {
    for (int32_t i = 0; i < r->streams.count; i++) {
        const stream *s = r->streams.items[i];
        if (replay_frontier_us(r, s) > circuit_exit(s->circuit)->frontier_us) {
            return true;
        }
    }
    return false;
}

/* What a stream above fed it may have failed: then it takes nothing more. */
static status
check_fed(const stream *s, error *err) {
    if (s->failed && err != NULL) {
        *err = s->reason;
    }
    return s->failed ? s->reason.status : OK;
}

static status
replay_tick(replay *r, error *err) {
    r->untouched_rows = 0;
    for (int32_t i = 0; i < r->streams.count; i++) {
        stream *s = r->streams.items[i];
        TRY(check_fed(s, err));
        TRY(circuit_tick(s->circuit, replay_frontier_us(r, s), err));
    }
    return OK;
}

static replay_source *
next_source(replay *r) {
    replay_source *best = NULL;
    uint64_t       best_sequence = UINT64_MAX;
    for (int32_t i = 0; i < r->source_count; i++) {
        replay_source *rs = &r->sources[i];
        if (rs->next < source_flowed_entries(rs->source)) {
            const uint64_t sequence = table_entry(rs->source->table, rs->next)->sequence;
            if (sequence < best_sequence) {
                best_sequence = sequence;
                best = rs;
            }
        }
    }
    return best;
}

static status
replay_insert(replay *r, replay_source *rs, error *err) {
    const insert_entry entry = *table_entry(rs->source->table, rs->next++);
    rs->watermark_us = max_i64(rs->watermark_us, entry.watermark_us);
    for (int32_t i = 0; i < r->streams.count; i++) {
        stream *s = r->streams.items[i];
        TRY(check_fed(s, err));
        for (int32_t k = 0; k < s->input_count; k++) {
            if (s->inputs[k].from_source == rs->source) {
                TRY(feed_rows(&s->inputs[k], rs->snapshot, entry.position,
                              entry.position + entry.row_count, err));
            }
        }
    }
    r->untouched_rows += entry.row_count;
    const bool last = rs->next == source_flowed_entries(rs->source);
    rs->watermark_us =
        last ? rs->source->watermark_us : table_entry(rs->source->table, rs->next)->watermark_us;
    if (r->untouched_rows >= REPLAY_TICK_ROWS || watermark_moved(r)) {
        return replay_tick(r, err);
    }
    return OK;
}

static status
replay_open(replay *r, stream *s, error *err) {
    TRY(add_shadows(r, s, err));
    TRY(list_add(&r->streams, r->mem, s, err));
    TRY(list_add(&r->live, r->mem, s, err));
    TRY(connect_to_shadows(r, s, err));
    r->source_count = s->sources.count;
    r->sources = mem_alloc_zero(r->mem, sizeof(replay_source) * (size_t)(r->source_count + 1));
    if (r->sources == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < r->source_count; i++) {
        r->sources[i] = (replay_source){.source = s->sources.items[i], .watermark_us = INT64_MIN};
        TRY(table_snapshot_open(&r->sources[i].snapshot, r->sources[i].source->table, err));
    }
    for (int32_t i = 0; i < r->streams.count; i++) {
        stream *each = r->streams.items[i];
        TRY(feed_constants(each, each->plan.root, err));
    }
    return OK;
}

static void
replay_close(replay *r, const stream *s) {
    for (int32_t i = r->streams.count - 1; i >= 0; i--) {
        if (r->streams.items[i] != s) {
            stream_free(r->streams.items[i]);
        }
    }
    for (int32_t i = 0; r->sources != NULL && i < r->source_count; i++) {
        if (r->sources[i].snapshot != NULL) {
            table_snapshot_close(r->sources[i].snapshot);
        }
    }
    mem_free(r->mem, r->sources, sizeof(replay_source) * (size_t)(r->source_count + 1));
    list_fini(&r->streams, r->mem);
    list_fini(&r->live, r->mem);
}

static status
fill_by_time(stream *s, error *err) {
    replay         r = {.mem = s->engine->mem};
    status         done = replay_open(&r, s, err);
    replay_source *next = NULL;
    while (done == OK && (next = next_source(&r)) != NULL) {
        done = replay_insert(&r, next, err);
    }
    if (done == OK) {
        for (int32_t i = 0; i < r.source_count; i++) {
            r.sources[i].watermark_us = r.sources[i].source->watermark_us;
        }
        done = replay_tick(&r, err);
    }
    replay_close(&r, s);
    return done;
}

status
stream_fill(stream *s, error *err) {
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream *up = s->inputs[i].from_stream;
        if (up != NULL && up->failed) {
            return error_set(err, ERR_STREAM_FAILED, "input stream \"%.*s\" failed: %.300s",
                             TEXT_ARG(up->object->name), up->reason.message);
        }
    }
    s->replaying = true;
    const status done = s->timed ? fill_by_time(s, err) : fill_whole(s, err);
    s->replaying = false;
    s->frontier_us = stream_frontier_us(s); /* both ways tick up to now */
    if (done == OK && s->object != NULL) {
        s->engine->totals.rows_out += s->rows_out; /* its first rows, as far as counting goes */
    }
    return done;
}

/* ---------------------------------------------------------------------------------- after a pause
 */

/* One stored insert through the live streams, as if it came now. */
static void
flow_entry(source *s, const table_snapshot *rows) {
    const insert_entry entry = *table_entry(s->table, s->held_entry);
    const bool         last = s->held_entry + 1 == table_entry_count(s->table);
    table_cursor       cursor;
    delta              part;
    source_mark_rows(s);
    table_cursor_init(&cursor, rows, entry.position, entry.position + entry.row_count);
    while (table_cursor_next(&cursor, NULL, s->object->schema->count, s->stored_columns, &part)) {
        for (int32_t i = 0; i < s->inputs.count; i++) {
            stream_feed(s->inputs.items[i], &part);
        }
    }
    s->held_entry++;
    s->held_position += entry.row_count;
    s->watermark_us =
        last ? s->accepted_watermark_us : table_entry(s->table, s->held_entry)->watermark_us;
    s->engine->held_sequence = entry.sequence;
    source_tick(s, entry.sequence);
    const int64_t waited_us = clock_now_us(s->engine->clock) - entry.ingested_us;
    source_record_latency(s, sat_mul_i64(waited_us, 1000));
}

/* The source whose next stored insert is the oldest. */
static source *
next_held(const engine *e) {
    source  *best = NULL;
    uint64_t best_sequence = UINT64_MAX;
    for (int32_t i = 0; i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        if (s->held_entry < table_entry_count(s->table)) {
            const uint64_t sequence = table_entry(s->table, s->held_entry)->sequence;
            if (sequence < best_sequence) {
                best_sequence = sequence;
                best = s;
            }
        }
    }
    return best;
}

status
engine_resume(engine *e, error *err) {
    source         *s;
    source         *open = NULL;
    table_snapshot *rows = NULL;
    status          done = OK;
    while (e->paused && done == OK && (s = next_held(e)) != NULL) {
        if (s != open) {
            if (rows != NULL) {
                table_snapshot_close(rows);
            }
            rows = NULL;
            open = NULL;
            done = table_snapshot_open(&rows, s->table, err);
        }
        if (done == OK) {
            open = s;
            flow_entry(s, rows);
        }
    }
    if (rows != NULL) {
        table_snapshot_close(rows);
    }
    if (done == OK) {
        e->paused = false;
    }
    return done;
}
