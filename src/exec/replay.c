/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - filling a new stream from what its inputs retain.
 *
 * Without event-time windows the order of rows inside the first tick cannot show, so every leaf is
 * fed whole and ticked once. With them, rows must meet the watermarks that they met when they were
 * inserted: the inserts of all sources are replayed in their common order (insert entries carry a
 * sequence and the watermark before), through fresh copies ("shadows") of the streams in between.
 * So a stream made late equals one made early. Inserts between which no watermark moves share a
 * tick.
 *
 * A replay is opened and closed with the token. In between it reads its own snapshots, copies and
 * circuits only, and the plans of streams that it holds: replay_run needs no token (backfill.c). */
#include "batch/routine.h"
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

/* ---------------------------------------------------------------------------------- small inputs,
 * with the token */
static status
feed_input(void *context, const delta *rows, error *err) {
    const stream_input *in = context;
    return circuit_feed(in->owner->circuit, in->leaf, rows, err);
}

static status
feed_source(const stream_input *in, error *err) {
    source         *src = in->from_source;
    const int64_t   end = source_flowed_rows(src);
    table_snapshot *snapshot = NULL;
    TRY(table_snapshot_open(&snapshot, src->table, end, engine_sequence(src->engine), err));
    arena        live;
    table_cursor cursor;
    delta        rows;
    status       fed = OK;
    arena_init(&live, src->engine->mem);
    table_cursor_init(&cursor, snapshot, 0, end);
    while (fed >= 0) {
        const status next = table_cursor_next(&cursor, NULL, src->object->schema->count,
                                              src->stored_columns, &rows, err);
        if (next != OK) {
            fed = next;
            break;
        }
        arena_reset(&live);
        fed = table_cursor_live(&cursor, &rows, src->stored_columns, &live, err);
        if (fed == OK && rows.row_count > 0) {
            fed = circuit_feed(in->owner->circuit, in->leaf, &rows, err);
        }
    }
    arena_fini(&live);
    table_cursor_fini(&cursor);
    table_snapshot_close(snapshot);
    return fed < 0 ? fed : OK;
}

bool
stream_repeats_part(const stream *s) {
    const plan_node *root = s->plan.root;
    return root->kind == PLAN_SCAN && root->object->part != NULL &&
           (root->properties & PLAN_APPEND_ONLY) != 0;
}

/* What the windows of its parts have met, INT64_MIN: they have none. */
static int64_t
met_frontier_us(const stream *s) {
    int64_t frontier_us = INT64_MIN;
    for (int32_t i = 0; i < s->parts.count; i++) {
        const stream *part = s->parts.items[i];
        frontier_us = max_i64(frontier_us, part->timed ? part->frontier_us : met_frontier_us(part));
    }
    return frontier_us;
}

/* As if it had been there from the start: the frontier did not go back when a source that was idle
 * spoke again. */
static int64_t
filled_frontier_us(const stream *s) {
    return max_i64(stream_frontier_us(s), met_frontier_us(s));
}

/* What a stream above has is read from its state instead of being made again. */
static status
fill_whole(stream *s, error *err) {
    if (stream_repeats_part(s)) {
        const stream *part = s->plan.root->object->impl;
        s->rows_out = part->circuit->ops[part->plan.root->id]->rows_out;
        return circuit_tick(s->circuit, filled_frontier_us(s), err);
    }
    TRY(feed_constants(s, s->plan.root, err));
    for (int32_t i = 0; i < s->input_count; i++) {
        stream_input *in = &s->inputs[i];
        if (in->from_stream != NULL) {
            const op_sink sink = {.context = in, .take = feed_input};
            TRY(stream_read_state(in->from_stream, &sink, NULL, err));
        } else {
            TRY(feed_source(in, err));
        }
    }
    return circuit_tick(s->circuit, filled_frontier_us(s), err);
}

/* ---------------------------------------------------------------------------------- replay */
typedef struct replay_source {
    const source   *source; /* its identity alone, once the replay runs */
    table_snapshot *snapshot;
    column         *columns; /* room for rows under way */
    int32_t         column_count;
    uint64_t        order; /* of creation */
    bool            timed;
    int64_t         row_count, entry_count; /* that the streams have seen */
    insert_entry   *entries;                /* a copy; NULL where the order does not matter */
    int64_t        *dead;                   /* likewise: rows that died with them */
    int64_t         dead_count;
    bool            touched;
    int64_t         idle_timeout_us; /* 0: none */
    int64_t         silent_since_us; /* as far as the replay has come */
    bool            idle, last_idle;
    int64_t         arrived_us; /* of the entry under way */
    int64_t         next;       /* entry */
    int64_t         watermark_us, last_watermark_us;
} replay_source;

/* From the exit of one replayed stream to a leaf of another. Not the one that the stream keeps:
 * that may lead to a live stream meanwhile. */
typedef struct replay_bridge {
    op     *op;
    op_spec spec;
} replay_bridge;

struct replay {
    mem           *mem;
    arena          arena;
    list           streams; /* stream*: shadows in order of creation, the new stream last */
    list           live;    /* stream* that streams[i] stands for; shadows hold a reference */
    replay_source *sources;
    int32_t        source_count;
    int64_t        now_us;      /* the engine's time, as far as the replay has come, */
    int64_t        last_now_us; /* and at its end */
    bool           by_time;     /* some stream has a window that event time closes */
    stream        *resumed;     /* whose changes behind resume_after are new; NULL: none */
    uint64_t       resume_after;
    bool           steps;          /* behind it each insert's changes are an entry of the log */
    int64_t        at_us;          /* up to which instant; INT64_MAX: all there is */
    int64_t        untouched_rows; /* fed since the last tick */
    interrupt     *guard;
    arena          picked; /* rows under way that are left of others */
    int64_t       *minus;  /* BATCH_ROWS weights of -1 */
};

static stream *
shadow_of(const replay *r, const stream *live) {
    for (int32_t i = 0; i < r->live.count; i++) {
        if (r->live.items[i] == live) {
            return r->streams.items[i];
        }
    }
    return NULL;
}

static status
bridge_to_shadow(replay *r, stream_input *in, error *err) {
    stream        *shadow = shadow_of(r, in->from_stream);
    replay_bridge *b = arena_alloc_zero(&r->arena, sizeof(*b));
    if (b == NULL) {
        return error_memory(err);
    }
    b->spec = (op_spec){.mode = MODE_STREAM,
                        .input = {&shadow->plan.root->schema},
                        .output = &shadow->plan.root->schema,
                        .window_key = -1,
                        .sink = {.context = in, .take = feed_input}};
    TRY(op_open(&b->op, &op_collect_class, &shadow->circuit->env, &b->spec, err));
    return op_connect(circuit_exit(shadow->circuit), b->op, 0, err);
}

static status
add_replayed(replay *r, stream *s, stream *live, error *err) {
    TRY(list_add(&r->streams, r->mem, s, err));
    const status listed = list_add(&r->live, r->mem, live, err);
    if (listed < 0) {
        list_remove(&r->streams, s);
        return listed;
    }
    r->by_time |= s->timed || s->by_arrival;
    s->circuit->env.insert = engine_insert_under_way(s->engine); /* none is newer */
    for (int32_t i = 0; i < s->input_count; i++) {
        if (s->inputs[i].from_stream != NULL) {
            TRY(bridge_to_shadow(r, &s->inputs[i], err));
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
        shadow->plan_of = stream_retain(up);
        circuit_want_old_rows(shadow->circuit, true);
        const status added = add_replayed(r, shadow, up, err);
        if (added < 0 && shadow_of(r, up) == NULL) {
            stream_release(shadow);
        }
        TRY(added);
    }
    return OK;
}

/* Of one stream, as far as the replay has come: each has the watermark of its own sources. */
static int64_t
replay_frontier_us(const replay *r, const stream *s) {
    const int64_t reached = circuit_exit(s->circuit)->frontier_us;
    int64_t       frontier = INT64_MAX;
    bool          holds = false;
    if (s->plan.by_clock) {
        return max_i64(r->now_us, reached);
    }
    for (int32_t i = 0; i < r->source_count; i++) {
        const replay_source *rs = &r->sources[i];
        if (rs->timed && !rs->idle && list_has(&s->sources, rs->source)) {
            frontier = min_i64(frontier, rs->watermark_us);
            holds = true;
        }
    }
    return holds ? max_i64(frontier, reached) : reached;
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

static status
replay_tick(replay *r, error *err) {
    r->untouched_rows = 0;
    for (int32_t i = 0; i < r->streams.count; i++) {
        stream *s = r->streams.items[i];
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
        if (rs->next < rs->entry_count && rs->entries[rs->next].sequence < best_sequence) {
            best_sequence = rs->entries[rs->next].sequence;
            best = rs;
        }
    }
    return best;
}

/* See aging_now. */
static aging_moment
moment_of(const replay *r, const stream *s, const replay_source *from) {
    aging_moment at = {
        .watermark_us = from->watermark_us, .others_us = INT64_MAX, .clock_us = r->now_us};
    for (int32_t i = 0; i < r->source_count; i++) {
        const replay_source *other = &r->sources[i];
        if (other != from && other->timed && !other->idle && list_has(&s->sources, other->source)) {
            at.others_us = min_i64(at.others_us, other->watermark_us);
        }
    }
    return at;
}

static status
feed_leaves(replay *r, const replay_source *rs, const delta *rows, error *err) {
    for (int32_t i = 0; i < r->streams.count; i++) {
        stream *s = r->streams.items[i];
        for (int32_t k = 0; k < s->input_count; k++) {
            if (s->inputs[k].from_source == rs->source && stream_feeds_by(&s->inputs[k])) {
                const aging_moment at = moment_of(r, s, rs);
                s->circuit->env.arrived_us = rs->arrived_us;
                TRY(stream_feed_at(&s->inputs[k], &at, rows, err));
            }
        }
    }
    return OK;
}

typedef enum fed_rows { FED_ALL, FED_LIVE, FED_DEAD } fed_rows;

/* Rows first .. end of a source into all leaves that read it: all, those that are alive at the end,
 * or as rows that are taken back. */
static status
replay_cursor(replay *r, replay_source *rs, table_cursor *cursor, fed_rows which, error *err) {
    delta  rows;
    status next;
    while ((next = table_cursor_next(cursor, NULL, rs->column_count, rs->columns, &rows, err)) ==
           OK) {
        if (interrupt_poll(r->guard)) {
            return interrupt_reason(r->guard, err);
        }
        if (which == FED_LIVE) {
            arena_reset(&r->picked);
            TRY(table_cursor_live(cursor, &rows, rs->columns, &r->picked, err));
        }
        rows.weight = which == FED_DEAD ? r->minus : NULL;
        if (rows.row_count > 0) {
            TRY(feed_leaves(r, rs, &rows, err));
        }
    }
    return next < 0 ? next : OK;
}

static status
replay_rows(replay *r, replay_source *rs, int64_t first, int64_t end, fed_rows which, error *err) {
    table_cursor cursor;
    table_cursor_init(&cursor, rs->snapshot, first, end);
    const status done = replay_cursor(r, rs, &cursor, which, err);
    table_cursor_fini(&cursor);
    return done;
}

/* Rows that died with the entry, run by run. */
static status
replay_dead(replay *r, replay_source *rs, const insert_entry *entry, error *err) {
    for (int64_t i = 0; i < entry->dead_count;) {
        const int64_t *dead = rs->dead + entry->dead_first;
        const int64_t  first = i++;
        while (i < entry->dead_count && dead[i] == dead[i - 1] + 1) {
            i++;
        }
        TRY(replay_rows(r, rs, dead[first], dead[i - 1] + 1, FED_DEAD, err));
    }
    return OK;
}

/* ---- sources that fell silent */

static int64_t
idle_at_us(const replay_source *rs) {
    return sat_add_i64(rs->silent_since_us, rs->idle_timeout_us);
}

/* Whose silence ends its time first, like timers: by deadline, then in order of creation. last:
 * among those that are idle at the end. */
static replay_source *
next_idle(replay *r, bool last) {
    replay_source *best = NULL;
    for (int32_t i = 0; i < r->source_count; i++) {
        replay_source *rs = &r->sources[i];
        if (rs->idle_timeout_us == 0 || rs->idle || (last && !rs->last_idle)) {
            continue;
        }
        const int64_t before = best == NULL ? INT64_MAX : idle_at_us(best);
        if (best == NULL || idle_at_us(rs) < before ||
            (idle_at_us(rs) == before && rs->order < best->order)) {
            best = rs;
        }
    }
    return best;
}

static status
replay_idle(replay *r, replay_source *rs, error *err) {
    rs->idle = true;
    return watermark_moved(r) ? replay_tick(r, err) : OK;
}

/* When the last of the group that begins at `first` came. */
static int64_t
group_arrived_us(const replay *r, const replay_source *first) {
    const uint64_t sequence = first->entries[first->next].sequence;
    int64_t        arrived_us = INT64_MIN;
    for (int32_t i = 0; i < r->source_count; i++) {
        const replay_source *rs = &r->sources[i];
        for (int64_t k = rs->next; k < rs->entry_count && rs->entries[k].sequence == sequence;
             k++) {
            arrived_us = max_i64(arrived_us, rs->entries[k].ingested_us);
        }
    }
    return arrived_us;
}

/* state_ttl by the engine's clock: it comes to the group before its rows do. */
static status
pass_clock(replay *r, error *err) {
    for (int32_t i = 0; i < r->streams.count; i++) {
        const stream *s = r->streams.items[i];
        TRY(s->plan.ttl_us > 0 && s->plan.by_clock ? circuit_pass_time(s->circuit, r->now_us, err)
                                                   : OK);
    }
    return OK;
}

/* What fell silent before the group that begins at `first` came. */
static status
replay_silence(replay *r, const replay_source *first, error *err) {
    const int64_t  arrived_us = group_arrived_us(r, first);
    replay_source *idle;
    while ((idle = next_idle(r, false)) != NULL && idle_at_us(idle) <= arrived_us) {
        TRY(replay_idle(r, idle, err));
    }
    return OK;
}

/* What came out since the last step becomes an entry of the log, at the insert at which it would
 * have come. */
static status
show_step(const replay *r, uint64_t epoch, error *err) {
    stream *s = r->streams.items[r->streams.count - 1];
    if (!r->steps || r->resumed != NULL) {
        return OK;
    }
    if (s->pending.count + s->gone.count > 0) {
        stream_publish(s, epoch);
    }
    follow_tick(s, epoch);
    if (s->failed) {
        *err = s->reason;
    }
    return s->failed ? s->reason.status : OK;
}

/* All that has one sequence: an insert, or a transaction, whose rows do not make each other late.
 */
static status
replay_group(replay *r, replay_source *rs, error *err) {
    const uint64_t sequence = rs->entries[rs->next].sequence;
    const bool     is_step = r->steps && r->resumed == NULL;
    TRY(replay_silence(r, rs, err));
    TRY(show_step(r, sequence - 1, err));
    r->now_us = max_i64(r->now_us, group_arrived_us(r, rs));
    TRY(pass_clock(r, err));
    for (; rs != NULL && rs->entries[rs->next].sequence == sequence; rs = next_source(r)) {
        const insert_entry entry = rs->entries[rs->next++];
        rs->touched = true;
        rs->idle = false;
        rs->silent_since_us = entry.ingested_us;
        rs->watermark_us = max_i64(rs->watermark_us, entry.watermark_us);
        rs->arrived_us = entry.ingested_us;
        TRY(replay_dead(r, rs, &entry, err));
        TRY(replay_rows(r, rs, entry.position, entry.position + entry.row_count, FED_ALL, err));
        r->untouched_rows += entry.row_count + entry.dead_count;
    }
    for (int32_t i = 0; i < r->source_count; i++) {
        replay_source *each = &r->sources[i];
        if (each->touched) {
            each->touched = false;
            each->watermark_us = each->next == each->entry_count
                                     ? each->last_watermark_us
                                     : each->entries[each->next].watermark_us;
        }
    }
    if (is_step || r->untouched_rows >= REPLAY_TICK_ROWS || watermark_moved(r)) {
        if (interrupt_poll(r->guard)) {
            return interrupt_reason(r->guard, err);
        }
        TRY(replay_tick(r, err));
    }
    return show_step(r, sequence, err);
}

/* What the stream has shown is done again; the rest is shown. */
static status
resume(replay *r, error *err) {
    TRY(replay_tick(r, err));
    stream_drop_late(r->resumed);
    r->resumed->replaying = false;
    r->resumed = NULL;
    return show_step(r, r->resume_after, err);
}

/* Of a source: the first entry that the stream has not shown. */
static int64_t
first_unshown(const replay *r, const replay_source *rs) {
    int64_t i = 0;
    while (i < rs->entry_count && rs->entries[i].sequence <= r->resume_after) {
        i++;
    }
    return i;
}

/* Rows that were there then, and have died since: with a weight of -1. */
static status
take_back_dead(replay *r, replay_source *rs, int64_t first, int64_t end, error *err) {
    for (int64_t i = first; i < rs->entry_count; i++) {
        insert_entry entry = rs->entries[i];
        while (entry.dead_count > 0 && rs->dead[entry.dead_first + entry.dead_count - 1] >= end) {
            entry.dead_count--; /* ascending; it came and went since */
        }
        TRY(replay_dead(r, rs, &entry, err));
    }
    return OK;
}

/* Where the order of rows cannot show: the rows that were there when the stream showed its last
 * changes, in silence. */
static status
feed_shown(replay *r, error *err) {
    for (int32_t i = 0; i < r->source_count; i++) {
        replay_source  *rs = &r->sources[i];
        table_snapshot *now = rs->snapshot;
        const int64_t   at = first_unshown(r, rs);
        const int64_t   end = at < rs->entry_count ? rs->entries[at].position : rs->row_count;
        rs->next = at;
        rs->watermark_us =
            at < rs->entry_count ? rs->entries[at].watermark_us : rs->last_watermark_us;
        rs->silent_since_us = at > 0 ? rs->entries[at - 1].ingested_us : rs->silent_since_us;
        TRY(table_snapshot_open(&rs->snapshot, rs->source->table, end, r->resume_after, err));
        const status fed = replay_rows(r, rs, 0, end, FED_LIVE, err);
        table_snapshot_close(rs->snapshot);
        rs->snapshot = now;
        TRY(fed);
    }
    return resume(r, err);
}

/* And then the difference to what is there now. */
static status
resume_whole(replay *r, error *err) {
    TRY(feed_shown(r, err));
    for (int32_t i = 0; i < r->source_count; i++) {
        replay_source *rs = &r->sources[i];
        const int64_t  at = first_unshown(r, rs);
        const int64_t  end = at < rs->entry_count ? rs->entries[at].position : rs->row_count;
        TRY(take_back_dead(r, rs, at, end, err));
        TRY(replay_rows(r, rs, end, rs->row_count, FED_LIVE, err));
    }
    return replay_tick(r, err);
}

status
replay_run(replay *r, interrupt *guard, error *err) {
    replay_source *next = NULL;
    r->guard = guard;
    for (int32_t i = 0; i < r->streams.count; i++) {
        stream *each = r->streams.items[i];
        TRY(feed_constants(each, each->plan.root, err));
    }
    if (r->resumed != NULL && !r->by_time && !r->steps) {
        return resume_whole(r, err);
    }
    if (r->resumed != NULL && !r->by_time) {
        TRY(feed_shown(r, err));
    }
    while ((r->by_time || r->steps) && (next = next_source(r)) != NULL) {
        if (r->resumed != NULL && next->entries[next->next].sequence > r->resume_after) {
            TRY(replay_silence(r, next, err));
            TRY(resume(r, err));
        }
        TRY(replay_group(r, next, err));
    }
    if (r->resumed != NULL) {
        TRY(resume(r, err));
    }
    r->now_us = r->last_now_us;
    while (r->by_time && (next = next_idle(r, true)) != NULL) {
        TRY(replay_idle(r, next, err));
    }
    for (int32_t i = 0; i < r->source_count; i++) {
        replay_source *rs = &r->sources[i];
        rs->watermark_us = rs->last_watermark_us;
        rs->idle = rs->last_idle;
        if (!r->by_time && !r->steps) {
            TRY(replay_rows(r, rs, 0, rs->row_count, FED_LIVE, err));
        }
    }
    return replay_tick(r, err);
}

static status
copy_dead(replay *r, replay_source *rs, const table *t, error *err) {
    const insert_entry *last = &rs->entries[rs->entry_count - 1];
    const int64_t       count = last->dead_first + last->dead_count;
    if (count == 0) {
        return OK;
    }
    rs->dead = mem_alloc(r->mem, sizeof(int64_t) * (size_t)count);
    if (rs->dead == NULL) {
        return error_memory(err);
    }
    rs->dead_count = count;
    memcpy(rs->dead, table_dead(t, last) - last->dead_first, sizeof(int64_t) * (size_t)count);
    return OK;
}

/* Of a source at an instant: what the watermark before the next entry was, and who was silent. */
static void
go_back(replay *r, replay_source *rs, const source *src, source_moment *to) {
    *to = source_moment_at(src, rs->entry_count, r->at_us);
    if (to->entries < rs->entry_count) {
        rs->last_watermark_us = table_entry(src->table, to->entries)->watermark_us;
    }
    const int64_t heard_us =
        to->entries == 0 ? src->opened_us : table_entry(src->table, to->entries - 1)->ingested_us;
    rs->last_idle =
        rs->idle_timeout_us > 0 && sat_add_i64(heard_us, rs->idle_timeout_us) <= r->last_now_us;
    rs->entry_count = to->entries;
    rs->row_count = to->rows;
}

static status
open_source(replay *r, replay_source *rs, const source *src, error *err) {
    source_moment to = {.sequence = engine_sequence(src->engine)};
    *rs = (replay_source){.source = src,
                          .column_count = src->object->schema->count,
                          .timed = source_is_timed(src),
                          .row_count = source_flowed_rows(src),
                          .entry_count = source_flowed_entries(src),
                          .order = src->object->id,
                          .idle_timeout_us = src->object->idle_timeout_us,
                          .silent_since_us = src->opened_us,
                          .last_idle = src->idle,
                          .watermark_us = INT64_MIN,
                          .last_watermark_us = src->watermark_us};
    rs->columns = arena_alloc(&r->arena, sizeof(column) * (size_t)(rs->column_count + 1));
    if (rs->columns == NULL) {
        return error_memory(err);
    }
    if (r->at_us < INT64_MAX) {
        go_back(r, rs, src, &to);
    }
    if ((r->by_time || r->resumed != NULL) && rs->entry_count > 0) {
        const size_t bytes = sizeof(insert_entry) * (size_t)rs->entry_count;
        rs->entries = mem_alloc(r->mem, bytes);
        if (rs->entries == NULL) {
            return error_memory(err);
        }
        memcpy(rs->entries, table_entry(src->table, 0), bytes);
        TRY(copy_dead(r, rs, src->table, err));
    }
    return table_snapshot_open(&rs->snapshot, src->table, rs->row_count, to.sequence, err);
}

static status
open_parts(replay *r, stream *s, error *err) {
    r->minus = arena_alloc(&r->arena, sizeof(int64_t) * BATCH_ROWS);
    if (r->minus == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < BATCH_ROWS; i++) {
        r->minus[i] = -1;
    }
    TRY(add_shadows(r, s, err));
    TRY(add_replayed(r, s, s, err));
    r->now_us = INT64_MIN;
    r->last_now_us = min_i64(r->at_us, s->engine->flow_us);
    r->sources = arena_alloc_zero(&r->arena, sizeof(*r->sources) * (size_t)(s->sources.count + 1));
    if (r->sources == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->sources.count; i++) {
        r->source_count++;
        TRY(open_source(r, &r->sources[i], s->sources.items[i], err));
    }
    return OK;
}

static status
open_replay(replay **out, stream *s, const uint64_t *resume_after, int64_t at_us, error *err) {
    mem    *m = s->engine->mem;
    replay *r = mem_alloc_zero(m, sizeof(*r));
    if (r == NULL) {
        return error_memory(err);
    }
    r->mem = m;
    r->at_us = at_us;
    if (resume_after != NULL) {
        r->resumed = s;
        r->resume_after = *resume_after;
    }
    arena_init(&r->arena, m);
    arena_init(&r->picked, m);
    const status made = open_parts(r, s, err);
    if (made < 0) {
        replay_close(r);
        return made;
    }
    *out = r;
    return OK;
}

status
replay_open(replay **out, stream *s, const uint64_t *resume_after, error *err) {
    return open_replay(out, s, resume_after, INT64_MAX, err);
}

void
replay_by_steps(replay *r) {
    r->steps = true;
}

status
replay_open_at(replay **out, stream *s, int64_t at_us, error *err) {
    return open_replay(out, s, NULL, at_us, err);
}

void
replay_close(replay *r) {
    if (r == NULL) {
        return;
    }
    for (int32_t i = r->streams.count - 1; i >= 0; i--) {
        if (r->streams.items[i] != r->live.items[i]) {
            stream_release(r->streams.items[i]);
        }
    }
    for (int32_t i = 0; i < r->source_count; i++) {
        replay_source *rs = &r->sources[i];
        table_snapshot_close(rs->snapshot);
        mem_free(r->mem, rs->entries, sizeof(insert_entry) * (size_t)rs->entry_count);
        mem_free(r->mem, rs->dead, sizeof(int64_t) * (size_t)rs->dead_count);
    }
    list_fini(&r->streams, r->mem);
    list_fini(&r->live, r->mem);
    arena_fini(&r->picked);
    arena_fini(&r->arena);
    mem_free(r->mem, r, sizeof(*r));
}

/* ---------------------------------------------------------------------------------- filling */
static status
fill_by_time(stream *s, error *err) {
    replay *r = NULL;
    TRY(replay_open(&r, s, NULL, err));
    const status done = replay_run(r, NULL, err);
    replay_close(r);
    return done;
}

void
stream_count_filled(stream *s) {
    if (s->object != NULL) {
        s->engine->totals.rows_out += s->rows_out; /* its first rows, as far as counting goes */
    }
}

status
stream_fill(stream *s, error *err) {
    TRY(stream_check_inputs(s, err));
    s->replaying = true;
    const status done = s->timed || s->by_arrival ? fill_by_time(s, err) : fill_whole(s, err);
    s->replaying = false;
    s->frontier_us = circuit_exit(s->circuit)->frontier_us; /* both ways tick up to now */
    if (done == OK) {
        stream_count_filled(s);
    }
    return done;
}
