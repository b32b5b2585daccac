/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - sources and the tick.
 *
 * A tick is one or more inserts (or one advance of a watermark): push its rows to the leaves that
 * read the source, tick the streams that read it at any depth in order of creation, publish. Rows
 * are judged by the watermark before the insert: operators keep the frontier of their last tick,
 * and the source's watermark moves between push and tick. */
#include "exec/engine_internal.h"

#include "kernel/kernel.h"

#define SHARED_TICK_ROWS 65536 /* bounds the memory of one tick */

status
list_add(list *l, mem *m, void *item, error *err) {
    if (l->count == l->capacity) {
        const int32_t capacity = l->capacity == 0 ? 4 : l->capacity * 2;
        void        **items = mem_resize(m, l->items, sizeof(void *) * (size_t)l->capacity,
                                         sizeof(void *) * (size_t)capacity);
        if (items == NULL) {
            return error_memory(err);
        }
        l->items = items;
        l->capacity = capacity;
    }
    l->items[l->count++] = item;
    return OK;
}

void
list_remove(list *l, const void *item) {
    int32_t kept = 0;
    for (int32_t i = 0; i < l->count; i++) {
        if (l->items[i] != item) {
            l->items[kept++] = l->items[i];
        }
    }
    l->count = kept;
}

bool
list_has(const list *l, const void *item) {
    for (int32_t i = 0; i < l->count; i++) {
        if (l->items[i] == item) {
            return true;
        }
    }
    return false;
}

void
list_fini(list *l, mem *m) {
    mem_free(m, l->items, sizeof(void *) * (size_t)l->capacity);
    *l = (list){0};
}

status
engine_open(engine **out, mem *m, engine_clock *wall, error *err) {
    engine *e = mem_alloc_zero(m, sizeof(*e));
    if (e == NULL) {
        return error_memory(err);
    }
    e->mem = m;
    e->clock = wall;
    *out = e;
    return OK;
}

void
engine_close(engine *e) {
    if (e == NULL) {
        return;
    }
    assert(e->streams.count == 0);
    list_fini(&e->streams, e->mem);
    mem_free(e->mem, e, sizeof(*e));
}

uint64_t
engine_sequence(const engine *e) {
    return e->sequence;
}

/* ---------------------------------------------------------------------------------- sources */
status
source_open(source **out, engine *e, const object *o, error *err) {
    source *s = mem_alloc_zero(e->mem, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    s->engine = e;
    s->object = o;
    s->watermark_us = INT64_MIN;
    s->stored_columns = mem_alloc(e->mem, sizeof(column) * (size_t)(o->schema->count + 1));
    status made = s->stored_columns == NULL ? error_memory(err)
                                            : table_open(&s->table, e->mem, o->schema, err);
    if (made < 0) {
        source_close(s);
        return made;
    }
    *out = s;
    return OK;
}

void
source_close(source *s) {
    if (s == NULL) {
        return;
    }
    assert(s->inputs.count == 0);
    mem *m = s->engine->mem;
    if (s->table != NULL) {
        table_close(s->table);
    }
    list_fini(&s->inputs, m);
    list_fini(&s->readers, m);
    mem_free(m, s->stored_columns, sizeof(column) * (size_t)(s->object->schema->count + 1));
    mem_free(m, s, sizeof(*s));
}

table *
source_table(const source *s) {
    return s->table;
}

int64_t
source_watermark_us(const source *s) {
    return s->watermark_us;
}

int64_t
source_null_time_rows(const source *s) {
    return s->null_time_rows;
}

changelog *
source_full_log(const source *s) {
    for (int32_t i = 0; i < s->readers.count; i++) {
        const stream *reader = s->readers.items[i];
        if (changelog_is_full(reader->log)) {
            return reader->log;
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------------------------- the tick */
static void
tick_readers(source *s) {
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = s->readers.items[i];
        if (!reader->failed) {
            stream_tick(reader, stream_frontier_us(reader));
        }
    }
}

static void
publish_readers(source *s, uint64_t epoch) {
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = s->readers.items[i];
        if (reader->pending.count + reader->gone.count > 0) {
            stream_publish(reader, epoch);
        }
    }
}

/* The event time of a batch moves the source's watermark; rows without one are counted. */
static void
observe_event_time(source *s, const delta *rows) {
    const int32_t at = s->object->event_time_column;
    if (at < 0) {
        return;
    }
    const column *c = &rows->columns[at];
    if (c->validity != NULL) {
        s->null_time_rows += rows->row_count - count_valid(c, rows->row_count);
    }
    int64_t low, high;
    if (!s->object->manual_watermark && minmax_i64(c, rows->row_count, &low, &high)) {
        const int64_t us = sat_mul_i64(high, type_time_unit_us(c->type));
        const int64_t mark = sat_sub_i64(us, s->object->delay_us);
        s->watermark_us = max_i64(s->watermark_us, mark);
    }
}

/* A windowed reader judges rows by the frontier of its last tick: that must be the one they met. */
static bool
may_join_tick(const engine *e, const source *s) {
    if (e->unsettled != s || e->unsettled_rows >= SHARED_TICK_ROWS) {
        return false;
    }
    for (int32_t i = 0; i < s->readers.count; i++) {
        const stream *reader = s->readers.items[i];
        if (reader->timed && stream_frontier_us(reader) != reader->frontier_us) {
            return false;
        }
    }
    return true;
}

status
engine_append(engine *e, source *s, batch *rows, error *err) {
    if (e->unsettled != NULL && !may_join_tick(e, s)) {
        engine_settle(e);
    }
    if (rows->rows.row_count == 0) {
        return OK;
    }
    delta stored;
    TRY(table_append(s->table, rows, e->sequence + 1, clock_now_us(e->clock), s->watermark_us,
                     s->stored_columns, &stored, err));
    e->sequence++;
    for (int32_t i = 0; i < s->inputs.count; i++) {
        stream_feed(s->inputs.items[i], &stored);
    }
    observe_event_time(s, &stored);
    e->unsettled = s;
    e->unsettled_rows += stored.row_count;
    return OK;
}

void
engine_settle(engine *e) {
    source *s = e->unsettled;
    if (s != NULL) {
        e->unsettled = NULL;
        e->unsettled_rows = 0;
        tick_readers(s);
        publish_readers(s, e->sequence);
    }
}

status
engine_insert(engine *e, source *s, batch *rows, uint64_t *sequence, error *err) {
    const status done = engine_append(e, s, rows, err);
    engine_settle(e);
    if (done == OK && sequence != NULL) {
        *sequence = e->sequence;
    }
    return done;
}

status
engine_advance(engine *e, source *s, int64_t watermark_us, error *err) {
    if (s->object->event_time_column < 0) {
        return error_set(err, ERR_SCHEMA_MISMATCH,
                         "Source \"%.*s\" has no event time: declare WATERMARK FOR a column",
                         TEXT_ARG(s->object->name));
    }
    if (watermark_us > s->watermark_us) {
        /* An entry without rows: a replay must meet it in its place among the inserts. */
        delta stored;
        batch nothing = {
            .rows = {.column_count = s->object->schema->count, .columns = s->stored_columns}};
        TRY(table_append(s->table, &nothing, e->sequence + 1, clock_now_us(e->clock),
                         s->watermark_us, s->stored_columns, &stored, err));
        e->sequence++;
        s->watermark_us = watermark_us;
        tick_readers(s);
        publish_readers(s, e->sequence);
    }
    return OK;
}

/* Fills a stream that waited for the start. Whoever subscribed to it before gets what it holds now.
 */
static void
start_stream(stream *s) {
    error  fault = {0};
    status done = stream_fill(s, &fault);
    if (done == OK) {
        done = stream_attach(s, &fault);
    }
    s->running = true;
    if (done == OK && changelog_readers(s->log) > 0) {
        done = stream_announce(s, &fault);
    }
    if (done < 0) {
        stream_fail(s, &fault);
    }
}

status
engine_start(engine *e, error *err) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (s->running || s->failed) {
            continue;
        }
        start_stream(s);
        if (s->pending.count > 0) {
            stream_publish(s, e->sequence);
        }
    }
    (void)err;
    return OK;
}

void
engine_close_streams(engine *e) {
    while (e->streams.count > 0) {
        stream_close(e->streams.items[e->streams.count - 1]);
    }
}

void
engine_abandon(engine *e, changelog *log) {
    changelog_abandon(log);
    atomic_store_explicit(&e->has_abandoned, true, memory_order_release);
}

bool
engine_has_abandoned(const engine *e) {
    return atomic_load_explicit(&e->has_abandoned, memory_order_acquire);
}

void
engine_reap(engine *e) {
    if (!atomic_exchange_explicit(&e->has_abandoned, false, memory_order_acq_rel)) {
        return;
    }
    for (int32_t i = e->streams.count - 1; i >= 0; i--) {
        stream *s = e->streams.items[i];
        if (s->object == NULL && changelog_is_abandoned(s->log)) {
            stream_close(s);
        }
    }
}

void
engine_end_logs(engine *e) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        changelog_end(stream_log(e->streams.items[i]), LOG_FINISHED, NULL);
    }
}

bool
engine_has_readers(const engine *e, const object *o) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        for (int32_t k = 0; k < s->plan.object_count; k++) {
            if (s->object == NULL && s->plan.objects[k] == o) {
                return true;
            }
        }
    }
    return false;
}
