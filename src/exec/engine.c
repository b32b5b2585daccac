/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - sources and the tick.
 *
 * A tick is one or more inserts (or one advance of a watermark): push its rows to the leaves that
 * read the source, tick the streams that read it at any depth in order of creation, publish. Rows
 * are judged by the watermark before the insert: operators keep the frontier of their last tick,
 * and the source's watermark moves between push and tick.
 *
 * In a pause rows are stored only; engine_resume (flow.c) takes them through the streams insert
 * by insert, so that nothing can tell afterwards. */
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
    e->watermark_floor_us = INT64_MIN;
    e->history.due_us = INT64_MIN;
    e->now_us = INT64_MIN;
    e->flow_us = INT64_MIN;
    e->shares = true;
    timer_heap_init(&e->timers, m);
    arena_init(&e->change_arena, m);
    arena_init(&e->crew_arena, m);
    spill_place_init(&e->spill, vfs_real(), m);
    status s = error_log_init(&e->errors, m, err);
    if (s < 0) {
        mem_free(m, e, sizeof(*e));
        return s;
    }
    s = pool_open(&e->pool, m, err);
    s = s == OK ? pool_open(&e->tick_pool, m, err) : s;
    if (s < 0) {
        pool_close(e->pool);
        error_log_fini(&e->errors);
        mem_free(m, e, sizeof(*e));
        return s;
    }
    *out = e;
    return OK;
}

void
engine_set_pager(engine *e, struct pager *p, void (*look)(void *context), void *context) {
    e->pager = p;
    e->look = look;
    e->look_context = context;
}

/* Rows that may be taken back stay where they are. */
static void
look_at_memory(engine *e) {
    if (e->look != NULL && !e->in_transaction) {
        e->look(e->look_context);
    }
}

spill_place *
engine_spill(engine *e) {
    return &e->spill;
}

void
engine_close(engine *e) {
    if (e == NULL) {
        return;
    }
    assert(e->streams.count == 0 && e->sources.count == 0);
    pipeline_close(e->waiting);
    list_fini(&e->streams, e->mem);
    list_fini(&e->sources, e->mem);
    history_fini(&e->history, e->mem);
    error_log_fini(&e->errors);
    timer_heap_fini(&e->timers);
    arena_fini(&e->change_arena);
    arena_fini(&e->crew_arena);
    pool_close(e->tick_pool);
    pool_close(e->pool);
    mem_free(e->mem, e, sizeof(*e));
}

/* ---------------------------------------------------------------------------------- time */
int64_t
engine_due_us(const engine *e) {
    return e->paused ? TIMER_NEVER : timer_heap_due_us(&e->timers);
}

void
engine_go_to(engine *e, int64_t now_us) {
    timer *t;
    assert(e->unsettled == NULL);
    while ((t = timer_heap_take(&e->timers, now_us)) != NULL) {
        const int64_t due_us = t->due_us;
        e->now_us = max_i64(e->now_us, due_us);
        e->flow_us = max_i64(e->flow_us, due_us);
        t->fire(t, due_us);
    }
    e->now_us = max_i64(e->now_us, now_us);
    e->flow_us = max_i64(e->flow_us, now_us);
}

void
engine_fire(engine *e) {
    const int64_t now_us = clock_now_us(e->clock);
    if (now_us >= engine_due_us(e)) {
        engine_go_to(e, now_us);
    }
}

int64_t
engine_arrival_us(engine *e) {
    const int64_t now_us = max_i64(clock_now_us(e->clock), e->now_us);
    if (UNLIKELY(now_us >= engine_due_us(e))) {
        engine_settle(e);
        engine_go_to(e, now_us);
    }
    e->now_us = now_us;
    e->flow_us = e->paused ? e->flow_us : now_us;
    return now_us;
}

uint64_t
engine_sequence(const engine *e) {
    return e->paused ? e->held_sequence : e->sequence;
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
    s->accepted_watermark_us = INT64_MIN;
    s->stored_columns = mem_alloc(e->mem, sizeof(column) * (size_t)(o->schema->count + 1));
    arena_init(&s->check_arena, e->mem);
    status made = s->stored_columns == NULL ? error_memory(err)
                                            : table_open(&s->table, e->mem, o->schema, o->key_defs,
                                                         o->key_def_count, err);
    if (made == OK) {
        table_set_pager(s->table, e->pager);
        made = source_open_checks(s, err);
    }
    if (made == OK) {
        made = source_open_idle(s, err);
    }
    if (made == OK) {
        made = list_add(&e->sources, e->mem, s, err);
    }
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
    timer_fini(&s->engine->timers, &s->silence);
    list_remove(&s->engine->sources, s);
    s->engine->untidy = s->engine->untidy == s ? NULL : s->engine->untidy;
    if (s->table != NULL) {
        table_close(s->table);
    }
    list_fini(&s->inputs, m);
    list_fini(&s->readers, m);
    arena_fini(&s->check_arena);
    mem_free(m, s->stored_columns, sizeof(column) * (size_t)(s->object->schema->count + 1));
    mem_free(m, s, sizeof(*s));
}

table *
source_table(const source *s) {
    return s->table;
}

bool
source_is_timed(const source *s) {
    return s->object->event_time_column >= 0 || s->by_hand;
}

int64_t
source_watermark_us(const source *s) {
    return source_is_timed(s) ? s->accepted_watermark_us : source_newest_us(s);
}

int64_t
source_flowed_entries(const source *s) {
    return s->engine->paused ? s->held_entry : table_entry_count(s->table);
}

int64_t
source_flowed_rows(const source *s) {
    return s->engine->paused ? s->held_position : table_row_count(s->table);
}

int64_t
source_pending_rows(const source *s) {
    return table_row_count(s->table) - source_flowed_rows(s);
}

int64_t
source_null_time_rows(const source *s) {
    return s->null_time_rows;
}

changelog *
source_full_log(const source *s) {
    changelog *full = NULL;
    for (int32_t i = 0; i < s->readers.count && full == NULL; i++) {
        const stream *reader = s->readers.items[i];
        const object *late_to = reader->plan.late_to;
        full = changelog_is_full(reader->log)             ? reader->log
               : late_to != NULL && late_to->impl != NULL ? source_full_log(late_to->impl)
                                                          : NULL;
    }
    return full;
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

/* After so many rows. */
static void
tick_after(source *s, int64_t rows, uint64_t epoch) {
    s->engine->totals.ticks++;
    if (LIKELY(rows < ABREAST_ROWS_MIN) || !abreast_tick(s, rows)) {
        tick_readers(s);
    }
    publish_readers(s, epoch);
}

void
source_tick(source *s, uint64_t epoch) {
    tick_after(s, 0, epoch);
}

/* Reading a clock twice for each insert would cost one row a few per cent: after the first few, one
 * insert in sixteen is measured. */
static bool
is_measured(const engine *e) {
    return e->totals.inserts < 64 || e->totals.inserts % 16 == 0;
}

void
source_mark_rows(const source *s) {
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = s->readers.items[i];
        if (reader->backfill == NULL) {
            reader->rows_marked = reader->rows_out;
        }
    }
}

void
source_record_latency(const source *s, int64_t elapsed_ns) {
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = s->readers.items[i];
        if (reader->backfill == NULL && reader->rows_out > reader->rows_marked) {
            histogram_add(&reader->latency, elapsed_ns);
        }
    }
}

#define BRISK_NS_MAX 50000
#define BRISK_ROWS 64 /* so few cost what a tick costs */
#define BRISK_ROWS_MAX 4096

void
engine_set_future_skew(engine *e, int64_t us) {
    e->future_skew_us = us;
}

bool
engine_has_warning(const engine *e) {
    return atomic_load_explicit(&e->has_warning, memory_order_relaxed);
}

bool
engine_take_warning(engine *e, char *out, size_t size) {
    if (!engine_has_warning(e)) {
        return false;
    }
    (void)snprintf(out, size, "%s", e->warning);
    atomic_store(&e->has_warning, false);
    return true;
}

/* A BIGINT whose first time would be between 1985 and 2128 in another unit was meant in that one:
 * in its own it is at least 28 years off that span. */
static void
check_unit(source *s, int64_t time) {
    static const struct {
        const char *name;
        time_unit   unit;
        int64_t     second;
    } units[] = {{"s", TIME_UNIT_S, 1},
                 {"ms", TIME_UNIT_MS, 1000},
                 {"us", TIME_UNIT_US, 1000000},
                 {"ns", TIME_UNIT_NS, 1000000000}};
    const data_type t = s->object->schema->fields[s->object->event_time_column].type;
    const char     *own = "ms", *other = NULL;
    for (int32_t i = 0; i < ARRAY_COUNT(units); i++) {
        own = t.precision == units[i].unit ? units[i].name : own;
        if (time / units[i].second >= 473385600 && time / units[i].second < 4985884800) {
            other = t.precision == units[i].unit ? NULL : units[i].name;
        }
    }
    s->unit_checked = true;
    if (other != NULL) {
        (void)snprintf(s->engine->warning, sizeof(s->engine->warning),
                       "the event time %lld of \"%.*s\" is read in %s since 1970, and looks like "
                       "%s; declare the source WITH (time_unit = '%s')",
                       (long long)time, (int)min_i64((int64_t)s->object->name.size, 100),
                       s->object->name.data, own, other, other);
        atomic_store(&s->engine->has_warning, true);
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
    if (s->object->manual_watermark && (s->unit_checked || c->type.id != TYPE_I64)) {
        return;
    }
    if (!minmax_i64(c, rows->row_count, &low, &high)) {
        return;
    }
    if (!s->unit_checked && c->type.id == TYPE_I64) {
        check_unit(s, high);
    }
    if (!s->object->manual_watermark) {
        int64_t       us = type_time_to_us(c->type, high);
        const int64_t own_us = s->object->future_skew_us;
        const int64_t skew_us = own_us > 0 ? own_us : s->engine->future_skew_us;
        if (skew_us > 0) { /* the row is kept; its window waits for the others */
            us = min_i64(us, sat_add_i64(source_newest_us(s), skew_us));
        }
        const int64_t mark = sat_sub_i64(us, s->object->delay_us);
        s->accepted_watermark_us = max_i64(s->accepted_watermark_us, mark);
    }
}

/* The first part of a tick: rows to the leaves, then the watermark. engine_settle is the second. */
static void
flow_rows(source *s, const old_rows *old, const delta *stored) {
    engine *e = s->engine;
    if (e->unsettled == NULL && is_measured(e)) {
        e->began_ns = clock_ticks_ns(e->clock);
        source_mark_rows(s);
    }
    source_heard(s);
    e->arrived_us = source_newest_us(s);
    if (LIKELY(stored->row_count < ABREAST_ROWS_MIN) || !abreast_feed(s, old, stored)) {
        source_feed(s, old, stored);
    }
    s->watermark_us = s->accepted_watermark_us;
    e->unsettled = s;
    e->unsettled_rows += stored->row_count;
}

/* A windowed reader judges rows by the frontier of its last tick: that must be the one they met. */
static bool
may_join_tick(const engine *e, const source *s) {
    if (e->unsettled != s || e->unsettled_rows >= SHARED_TICK_ROWS || e->has_late) {
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

void
source_prepare(source *s) {
    engine *e = s->engine;
    if (e->unsettled != NULL && !may_join_tick(e, s)) {
        engine_settle(e);
    }
    if (table_row_count(s->table) == 0) {
        engine_keep_floor(e);
    }
    look_at_memory(e); /* many inserts may share a tick */
}

int64_t
source_entry_watermark_us(const source *s) {
    return s->engine->in_transaction ? s->begin.watermark_us : s->accepted_watermark_us;
}

/* Of one source at a time, between two inserts or at the end of a tick. */
static void
tidy(engine *e) {
    source *s = e->untidy;
    e->untidy = NULL;
    if (s != NULL && !e->paused && e->unsettled == NULL) {
        source_tidy(s);
    }
}

void
source_accept(source *s, const old_rows *old, const delta *stored) {
    engine *e = s->engine;
    if (e->now_us >= e->history.due_us) {
        const history_sample before = engine_sample(e, e->now_us);
        history_add(&e->history, e->mem, &before);
    }
    if (e->untidy != NULL && e->untidy != s) {
        tidy(e);
    }
    e->untidy = s;
    e->sequence += !e->in_transaction;
    e->totals.inserts++;
    e->totals.rows_in += stored->row_count;
    observe_event_time(s, stored);
    if (!e->paused) {
        flow_rows(s, old, stored);
    }
}

status
engine_append(engine *e, source *s, batch *rows, error *err) {
    if (s->object->kind == OBJECT_TABLE) {
        row_change change = {.rows = rows};
        return engine_change(e, s, &change, err);
    }
    if (rows->rows.row_count == 0) {
        return OK;
    }
    TRY(source_check_room(s, &rows->rows, 0, err));
    return engine_append_at(e, s, rows, engine_arrival_us(e), err);
}

status
engine_append_at(engine *e, source *s, batch *rows, int64_t now_us, error *err) {
    delta stored;
    source_prepare(s);
    TRY(table_append(s->table, rows, e->sequence + 1, now_us, source_entry_watermark_us(s),
                     s->stored_columns, &stored, err));
    if (!e->sends_late) { /* what a stream sends on follows from what came */
        const status logged = source_log(s, &stored, NULL, 0, now_us, err);
        if (logged < 0) {
            table_undo(s->table);
            return logged;
        }
    }
    source_accept(s, NULL, &stored);
    return OK;
}

void
engine_settle(engine *e) {
    source *s = e->unsettled;
    if (UNLIKELY(e->has_unkept)) {
        (void)engine_keep(e, NULL); /* engine_kept tells */
    }
    if (s != NULL) {
        const int64_t rows = e->unsettled_rows;
        e->unsettled = NULL;
        e->unsettled_rows = 0;
        tick_after(s, rows, e->sequence);
        if (e->began_ns != 0) {
            e->took_rows = max_i64(rows, BRISK_ROWS);
            e->took_ns = clock_ticks_ns(e->clock) - e->began_ns;
            source_record_latency(s, e->took_ns);
            e->began_ns = 0;
        }
        engine_send_late(e);
    }
    tidy(e);
    look_at_memory(e);
}

bool
engine_is_brisk(const engine *e, int32_t rows) {
    const int64_t due_us = engine_due_us(e);
    if (rows + e->unsettled_rows > BRISK_ROWS_MAX) {
        return false;
    }
    const int64_t few = max_i64(e->took_rows, BRISK_ROWS);
    const int64_t takes_ns = rows <= few ? e->took_ns : sat_mul_i64(e->took_ns, rows) / few;
    return takes_ns < BRISK_NS_MAX && (due_us == INT64_MAX || clock_now_us(e->clock) < due_us);
}

status
engine_insert(engine *e, source *s, batch *rows, uint64_t *sequence, error *err) {
    const status done = engine_append(e, s, rows, err);
    engine_settle(e);
    if (done == OK && sequence != NULL) {
        *sequence = e->sequence;
    }
    return done == OK ? engine_kept(e, err) : done;
}

status
engine_advance(engine *e, source *s, int64_t watermark_us, error *err) {
    if (source_is_timed(s) && watermark_us <= s->accepted_watermark_us) {
        return OK;
    }
    /* An entry without rows: a replay must meet it in its place among the inserts. */
    delta stored;
    batch nothing = {
        .rows = {.column_count = s->object->schema->count, .columns = s->stored_columns}};
    const int64_t now_us = engine_arrival_us(e);
    if (!source_is_timed(s) || table_entry_count(s->table) == 0) {
        engine_keep_floor(e);
    }
    TRY(table_append(s->table, &nothing, e->sequence + 1, now_us, source_entry_watermark_us(s),
                     s->stored_columns, &stored, err));
    const status logged = source_log_watermark(s, watermark_us, now_us, err);
    if (logged < 0) {
        table_undo(s->table);
        return logged;
    }
    e->sequence += !e->in_transaction;
    s->by_hand = true;
    s->accepted_watermark_us = watermark_us;
    if (!e->paused) {
        source_heard(s);
        s->watermark_us = watermark_us;
        source_tick(s, e->sequence);
        engine_send_late(e);
    }
    return OK;
}

/* ---------------------------------------------------------------------------------- the whole */
void
engine_pause(engine *e) {
    for (int32_t i = 0; !e->paused && i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        s->held_entry = table_entry_count(s->table);
        s->held_position = table_row_count(s->table);
    }
    if (!e->paused) {
        e->held_sequence = e->sequence;
    }
    e->paused = true;
}

/* Some stream waits, so its readers may have to. */
static bool
has_stopped(const engine *e) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->stopped || s->waits) {
            return true;
        }
    }
    return false;
}

status
engine_start_next(engine *e, const pipeline *only, stream **joining, bool *done, error *err) {
    *joining = NULL;
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (s->running || s->failed || s->backfill != NULL || !stream_may_run(s) ||
            (only != NULL && s->pipeline != only)) {
            continue;
        }
        if (UNLIKELY(s->plan.routines != NULL || has_stopped(e)) &&
            stream_missing_code(s) != NULL) {
            /* Whoever subscribed before the start gets what there is then. */
            s->announces |= !s->stopped && changelog_is_wanted(s->log);
            stream_put_off(s);
            continue;
        }
        *done = false;
        if (s->stopped) {
            stream_restart(s);
            return OK;
        }
        const status started = stream_join(s, false, err);
        *joining = s->backfill != NULL ? s : NULL;
        return started;
    }
    *done = true;
    engine_check_fault(e);
    engine_deal_out(e);
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
        if (i >= e->streams.count) {
            continue; /* a part went with its last reader */
        }
        stream *s = e->streams.items[i];
        if (s->object == NULL && s->backfill == NULL && changelog_is_abandoned(s->log)) {
            stream_close(s);
        } else if (s->failed && s->backfill == NULL && s->circuit != NULL) {
            stream_drop_circuit(s);
        }
    }
}

void
engine_end_logs(engine *e) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream_release_held(e->streams.items[i]);
        changelog_end(stream_log(e->streams.items[i]), LOG_FINISHED, NULL);
    }
}

stream *
engine_stream_of(const engine *e, const changelog *log) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (s->log == log) {
            return s;
        }
    }
    return NULL;
}

bool
engine_has_readers(const engine *e, const object *o) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        for (int32_t k = 0; k < s->plan.object_count; k++) {
            if (s->object == NULL && s->sink == NULL && s->plan.objects[k] == o) {
                return true;
            }
        }
    }
    return false;
}

bool
engine_is_joining(const engine *e, const object *o, bool alters, text *name) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        bool          involved = s->object == o || s->plan.late_to == o;
        const bool    busy = s->backfill != NULL || (alters && stream_is_held(s));
        for (int32_t k = 0; k < s->plan.object_count; k++) {
            involved |= s->plan.objects[k] == o;
        }
        if (busy && involved) {
            *name = s->object == NULL ? TEXT("") : s->object->name;
            return true;
        }
    }
    return false;
}

int64_t
source_row_count(const void *impl) {
    return table_live_count(((const source *)impl)->table);
}

bool
source_column_range(const void *impl, int32_t column_index, int64_t *min, int64_t *max) {
    return table_column_range(((const source *)impl)->table, column_index, min, max);
}
