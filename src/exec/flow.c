/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c - stored changes on their way to the streams: those of a transaction at its end, those of
 * a pause when it ends.
 *
 * A group is what has one sequence: one insert or change, or all of one transaction. Everything
 * that can fail is done before its first row flows (old rows are copied, snapshots opened); then
 * its rows flow and the streams that read any of its sources are ticked once, in order of creation.
 */
#include "exec/engine_internal.h"

/* Shared by all databases of the process, so it is never written. */
static const int64_t minus_ones[BATCH_ROWS] = {[0 ... BATCH_ROWS - 1] = -1};

status
old_rows_gather(old_rows *o, const source *s, const insert_entry *entry, arena *a, error *err) {
    return old_rows_take(o, s, table_dead(s->table, entry), entry->dead_count, a, err);
}

status
old_rows_take(old_rows *o, const source *s, const int64_t *positions, int64_t count, arena *a,
              error *err) {
    const int32_t width = s->object->schema->count;
    old_part    **at = &o->parts;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    for (int64_t done = 0; done < count;) {
        old_part *part = arena_alloc_zero(a, sizeof(*part));
        column   *columns = arena_alloc(a, sizeof(column) * (size_t)(width + 1));
        int32_t   taken;
        if (part == NULL || columns == NULL) {
            return error_memory(err);
        }
        TRY(table_gather(s->table, positions + done, count - done, &taken, columns, &part->rows, a,
                         err));
        part->rows.weight = minus_ones;
        *at = part;
        at = &part->next;
        done += taken;
    }
    return OK;
}

/* ---- a group */

typedef struct flow_source {
    source         *source;
    int64_t         first, end; /* entries */
    table_snapshot *rows;
    old_rows       *old; /* one per entry */
} flow_source;

typedef struct flow_group {
    engine      *engine;
    arena        arena;
    uint64_t     sequence;
    int32_t      count;
    flow_source *sources;
} flow_group;

static status
prepare_source(flow_group *g, flow_source *f, error *err) {
    source       *s = f->source;
    const int64_t total = table_entry_count(s->table);
    f->first = s->held_entry;
    f->end = f->first;
    while (f->end < total && table_entry(s->table, f->end)->sequence == g->sequence) {
        f->end++;
    }
    f->old = arena_alloc_zero(&g->arena, sizeof(old_rows) * (size_t)(f->end - f->first));
    if (f->old == NULL) {
        return error_memory(err);
    }
    if (s->inputs.count == 0) {
        return OK;
    }
    for (int64_t i = f->first; i < f->end; i++) {
        TRY(old_rows_gather(&f->old[i - f->first], s, table_entry(s->table, i), &g->arena, err));
    }
    TRY(table_snapshot_open(&f->rows, s->table, TABLE_END, g->sequence, err));
    const int64_t       first = s->held_position;
    const insert_entry *last = f->end > f->first ? table_entry(s->table, f->end - 1) : NULL;
    return last == NULL
               ? OK
               : table_snapshot_hold(f->rows, first, last->position + last->row_count, err);
}

static bool
next_sequence(const engine *e, uint64_t *sequence) {
    *sequence = UINT64_MAX;
    for (int32_t i = 0; i < e->sources.count; i++) {
        const source *s = e->sources.items[i];
        if (s->held_entry < table_entry_count(s->table)) {
            const uint64_t at = table_entry(s->table, s->held_entry)->sequence;
            *sequence = at < *sequence ? at : *sequence;
        }
    }
    return *sequence != UINT64_MAX;
}

static void
group_close(flow_group *g) {
    for (int32_t i = 0; i < g->count; i++) {
        if (g->sources[i].rows != NULL) {
            table_snapshot_close(g->sources[i].rows);
        }
    }
    arena_fini(&g->arena);
}

static status
group_prepare(flow_group *g, engine *e, uint64_t sequence, error *err) {
    *g = (flow_group){.engine = e, .sequence = sequence};
    arena_init(&g->arena, e->mem);
    g->sources = arena_alloc_zero(&g->arena, sizeof(flow_source) * (size_t)(e->sources.count + 1));
    if (g->sources == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        if (s->held_entry < table_entry_count(s->table) &&
            table_entry(s->table, s->held_entry)->sequence == sequence) {
            flow_source *f = &g->sources[g->count++];
            f->source = s;
            TRY(prepare_source(g, f, err));
        }
    }
    return OK;
}

void
input_feed(stream_input *in, const old_rows *old, const delta *rows) {
    if (!stream_feeds_by(in)) {
        return;
    }
    for (const old_part *p = old == NULL ? NULL : old->parts; p != NULL; p = p->next) {
        stream_feed(in, &p->rows);
    }
    if (rows == NULL || rows->row_count == 0) {
        return;
    }
    if (LIKELY(in->dealt == NULL)) {
        stream_feed(in, rows);
        return;
    }
    circuit *c =
        in->owner->circuit; /* not held, and not being filled: those stay with the caller */
    c->env.dealt = in->dealt;
    stream_feed(in, rows);
    c->env.dealt = NULL;
}

void
source_feed(const source *s, const old_rows *old, const delta *rows) {
    for (int32_t i = 0; i < s->inputs.count; i++) {
        input_feed(s->inputs.items[i], old, rows);
    }
}

static void
flow_entry(const flow_source *f, int64_t at) {
    source            *s = f->source;
    const insert_entry entry = *table_entry(s->table, at);
    table_cursor       cursor;
    delta              part;
    error              none; /* its rows are held */
    s->engine->arrived_us = entry.ingested_us;
    if (f->rows != NULL) {
        source_feed(s, &f->old[at - f->first], NULL);
        table_cursor_init(&cursor, f->rows, entry.position, entry.position + entry.row_count);
        while (table_cursor_next(&cursor, NULL, s->object->schema->count, s->stored_columns, &part,
                                 &none) == OK) {
            source_feed(s, NULL, &part);
        }
        table_cursor_fini(&cursor);
    }
    s->held_entry++;
    s->held_position += entry.row_count;
    source_heard(s);
}

static bool
reads_group(const stream *s, const flow_group *g) {
    for (int32_t i = 0; i < g->count; i++) {
        if (list_has(&g->sources[i].source->readers, s)) {
            return true;
        }
    }
    return false;
}

static void
group_tick(const flow_group *g) {
    engine *e = g->engine;
    e->totals.ticks++;
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (!s->failed && reads_group(s, g)) {
            stream_tick(s, stream_frontier_us(s));
        }
    }
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (s->pending.count + s->gone.count > 0) {
            stream_publish(s, g->sequence);
        }
    }
}

/* When the last of it came. */
static int64_t
arrived_us(const flow_group *g) {
    int64_t at_us = INT64_MIN;
    for (int32_t i = 0; i < g->count; i++) {
        const flow_source *f = &g->sources[i];
        at_us = max_i64(at_us, table_entry(f->source->table, f->end - 1)->ingested_us);
    }
    return at_us;
}

static void
group_flow(flow_group *g) {
    engine *e = g->engine;
    int64_t ingested_us = INT64_MAX;
    engine_go_to(e, arrived_us(g));
    for (int32_t i = 0; i < g->count; i++) {
        const flow_source *f = &g->sources[i];
        source            *s = f->source;
        source_mark_rows(s);
        for (int64_t k = f->first; k < f->end; k++) {
            ingested_us = min_i64(ingested_us, table_entry(s->table, k)->ingested_us);
            flow_entry(f, k);
        }
    }
    for (int32_t i = 0; i < g->count; i++) {
        source    *s = g->sources[i].source;
        const bool last = s->held_entry == table_entry_count(s->table);
        s->watermark_us =
            last ? s->accepted_watermark_us : table_entry(s->table, s->held_entry)->watermark_us;
    }
    e->held_sequence = g->sequence;
    group_tick(g);
    const int64_t waited_us = clock_now_us(e->clock) - ingested_us;
    for (int32_t i = 0; i < g->count; i++) {
        source_record_latency(g->sources[i].source, sat_mul_i64(waited_us, 1000));
    }
}

status
engine_resume(engine *e, error *err) {
    uint64_t sequence;
    while (e->paused && next_sequence(e, &sequence)) {
        flow_group   g;
        const status done = group_prepare(&g, e, sequence, err);
        if (done == OK) {
            group_flow(&g);
        }
        group_close(&g);
        TRY(done);
        engine_send_late(e); /* stored behind all that came in the pause */
    }
    e->paused = false;
    engine_fire(e);
    engine_tidy(e);
    return OK;
}

/* ---- transactions */

static source_mark
mark_of(const source *s) {
    return (source_mark){.entry = table_entry_count(s->table),
                         .position = table_row_count(s->table),
                         .watermark_us = s->accepted_watermark_us,
                         .null_time_rows = s->null_time_rows,
                         .by_hand = s->by_hand};
}

static void
go_back(source *s, const source_mark *to) {
    while (table_entry_count(s->table) > to->entry) {
        table_undo(s->table);
    }
    s->accepted_watermark_us = to->watermark_us;
    s->null_time_rows = to->null_time_rows;
    s->by_hand = to->by_hand;
}

void
engine_begin(engine *e) {
    assert(!e->in_transaction);
    engine_settle(e);
    for (int32_t i = 0; i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        s->begin = mark_of(s);
    }
    e->begin_totals = e->totals;
    e->paused_before = e->paused;
    engine_pause(e);
    e->in_transaction = true;
}

bool
engine_in_transaction(const engine *e) {
    return e->in_transaction;
}

static bool
has_changes(const engine *e) {
    for (int32_t i = 0; i < e->sources.count; i++) {
        const source *s = e->sources.items[i];
        if (table_entry_count(s->table) > s->begin.entry) {
            return true;
        }
    }
    return false;
}

void
engine_rollback(engine *e) {
    assert(e->in_transaction);
    for (int32_t i = 0; i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        go_back(s, &s->begin);
    }
    e->totals = e->begin_totals;
    e->in_transaction = false;
    e->paused = e->paused_before;
    engine_fire(e);
}

/* Nobody else saw its changes before: they come when it is committed. */
static void
restamp(engine *e) {
    const int64_t now_us = engine_arrival_us(e);
    for (int32_t i = 0; i < e->sources.count; i++) {
        const source *s = e->sources.items[i];
        table_restamp(s->table, s->begin.entry, now_us);
    }
}

status
engine_commit(engine *e, error *err) {
    assert(e->in_transaction);
    flow_group g;
    restamp(e);
    const bool flows = has_changes(e) && !e->paused_before;
    if (flows) {
        const status prepared = group_prepare(&g, e, e->sequence + 1, err);
        if (prepared < 0) {
            group_close(&g);
            return prepared;
        }
    }
    if (has_changes(e)) {
        const status logged = engine_log_transaction(e, err);
        if (logged < 0) {
            if (flows) {
                group_close(&g);
            }
            return logged;
        }
    }
    e->sequence += has_changes(e);
    e->in_transaction = false;
    e->paused = e->paused_before;
    if (flows) {
        group_flow(&g);
        group_close(&g);
        engine_send_late(e);
    }
    engine_fire(e);
    engine_tidy(e);
    return OK;
}

void
engine_savepoint(engine *e) {
    e->implicit = !e->in_transaction;
    if (e->implicit) {
        engine_begin(e);
        return;
    }
    for (int32_t i = 0; i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        s->save = mark_of(s);
    }
    e->save_totals = e->totals;
}

status
engine_release(engine *e, status outcome, error *err) {
    if (e->implicit) {
        e->implicit = false;
        if (outcome == OK) {
            outcome = engine_commit(e, err);
        }
        if (outcome < 0) {
            engine_rollback(e);
        }
        return outcome;
    }
    for (int32_t i = 0; outcome < 0 && i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        go_back(s, &s->save);
    }
    e->totals = outcome < 0 ? e->save_totals : e->totals;
    return outcome;
}

void
source_shown(const source *s, bool committed, int64_t *end, uint64_t *sequence) {
    const engine *e = s->engine;
    *end = e->in_transaction && committed ? s->begin.position : TABLE_END;
    *sequence = e->sequence + (e->in_transaction && !committed);
}
