/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - see exchange.h. */
#include "exec/exchange.h"

#include "batch/builder.h"
#include "exec/engine_internal.h"
#include "op/rows.h"

struct engine_aside {
    mem          *mem;
    list          sources, streams;
    timer_heap    timers;
    uint64_t      sequence, held_sequence, round;
    int64_t       now_us, flow_us, arrived_us, watermark_floor_us, rows_delivered;
    source       *untidy;
    engine_totals totals;
    int64_t       future_skew_us;
    journal      *journal;
    bool          paused, has_late, keeps_logs;
};

status
engine_aside_open(engine_aside **out, engine *e, error *err) {
    engine_aside *a = mem_alloc_zero(e->mem, sizeof(*a));
    if (a == NULL) {
        return error_memory(err);
    }
    a->mem = e->mem;
    a->watermark_floor_us = a->now_us = a->flow_us = INT64_MIN;
    a->future_skew_us = e->future_skew_us;
    timer_heap_init(&a->timers, e->mem);
    *out = a;
    return OK;
}

void
engine_aside_close(engine_aside *a) {
    if (a == NULL) {
        return;
    }
    assert(a->streams.count == 0 && a->sources.count == 0);
    list_fini(&a->sources, a->mem);
    list_fini(&a->streams, a->mem);
    timer_heap_fini(&a->timers);
    mem_free(a->mem, a, sizeof(*a));
}

/* What the engine has, but for threads and what it tells of. */
static void
take_place(engine_aside *a, const engine *e) {
    a->sources = e->sources;
    a->streams = e->streams;
    a->timers = e->timers;
    a->sequence = e->sequence;
    a->held_sequence = e->held_sequence;
    a->round = e->round;
    a->now_us = e->now_us;
    a->flow_us = e->flow_us;
    a->arrived_us = e->arrived_us;
    a->watermark_floor_us = e->watermark_floor_us;
    a->untidy = e->untidy;
    a->totals = e->totals;
    a->future_skew_us = e->future_skew_us;
    a->journal = e->journal;
    a->paused = e->paused;
    a->has_late = e->has_late;
    a->keeps_logs = e->keeps_logs;
    a->rows_delivered = atomic_load(&e->rows_delivered); /* loading writes over them */
}

static void
put_place(engine *e, const engine_aside *a) {
    e->sources = a->sources;
    e->streams = a->streams;
    e->timers = a->timers;
    e->sequence = a->sequence;
    e->held_sequence = a->held_sequence;
    e->round = a->round;
    e->now_us = a->now_us;
    e->flow_us = a->flow_us;
    e->arrived_us = a->arrived_us;
    e->watermark_floor_us = a->watermark_floor_us;
    e->untidy = a->untidy;
    e->totals = a->totals;
    e->future_skew_us = a->future_skew_us;
    e->journal = a->journal;
    e->paused = a->paused;
    e->has_late = a->has_late;
    e->keeps_logs = a->keeps_logs;
}

void
engine_exchange(engine *e, engine_aside *a) {
    assert(e->unsettled == NULL && !e->in_transaction && !e->has_unkept);
    const engine_aside had = *a;
    take_place(a, e);
    put_place(e, &had);
    engine_check_fault(e);
    /* Whoever was abandoned meanwhile is looked for once more. */
    atomic_store_explicit(&e->has_abandoned, true, memory_order_release);
}

uint64_t
engine_continue(engine *e, const engine_aside *a) {
    e->sequence = (e->sequence > a->sequence ? e->sequence : a->sequence) + 1;
    e->round = e->round > a->round ? e->round : a->round;
    e->totals = a->totals;
    e->future_skew_us = a->future_skew_us;
    e->journal = a->journal;
    e->keeps_logs = a->keeps_logs;
    atomic_store(&e->rows_delivered, a->rows_delivered);
    return e->sequence;
}

void
engine_keep_late_total(engine *e, int64_t rows) {
    engine_counters now;
    engine_count(e, &now);
    e->totals.rows_late += max_i64(0, rows - now.rows_late);
}

bool
engine_has_joining(const engine *e) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        if (((const stream *)e->streams.items[i])->backfill != NULL) {
            return true;
        }
    }
    return false;
}

int32_t
engine_stream_total(const engine *e) {
    return e->streams.count;
}

stream *
engine_stream_at(const engine *e, int32_t at) {
    return e->streams.items[at];
}

const object *
stream_object(const stream *s) {
    return s->object;
}

/* ---- what is different */

bool
stream_can_be_followed(const stream *s) {
    return !s->failed && !s->stopped && s->circuit != NULL && s->backfill == NULL;
}

status
stream_shown(stream *s, result **out, error *err) {
    if (s->running) {
        stream_release_held(s);
        return stream_snapshot(s, out, err);
    }
    return result_new(out, s->engine->mem, stream_schema(s), s->plan.emit == EMIT_CHANGES, err);
}

typedef struct difference {
    builder  rows;
    int64_t *weights;
    int64_t  count;
} difference;

static status
add_rows(difference *d, const result *from, int64_t sign, error *err) {
    for (int32_t i = 0; i < from->batch_count; i++) {
        delta rows = from->batches[i]->rows;
        for (int32_t k = 0; k < rows.row_count; k++) {
            d->weights[d->count++] = sign * (rows.weight == NULL ? 1 : rows.weight[k]);
        }
        rows.weight = NULL;
        TRY(builder_append_delta(&d->rows, &rows, err));
    }
    return OK;
}

static status
take_rows(stream *s, difference *d, error *err) {
    arena *scratch = &s->circuit->scratch;
    batch *both = NULL;
    delta  changes;
    TRY(builder_take(&d->rows, &both, err));
    both->rows.weight = d->weights;
    const arena_mark mark = arena_save(scratch);
    status           done = rows_consolidate(&changes, &both->rows, scratch, err);
    done = done < 0 || changes.row_count == 0 ? done : stream_take_rows(s, &changes, err);
    arena_rewind(scratch, mark);
    both->rows.weight = NULL;
    batch_release(both);
    return done;
}

static status
subtract(stream *s, const result *before, const result *now, error *err) {
    const schema *shape = stream_schema(s);
    const int64_t most = before->row_count + now->row_count;
    const size_t  size = sizeof(int64_t) * (size_t)(most + 1);
    mem          *m = s->engine->mem;
    difference    d = {.count = 0};
    if (most == 0) {
        return OK;
    }
    if (most > INT32_MAX) {
        return error_set(err, ERR_OUT_OF_MEMORY,
                         "a stream has too many rows to say how they differ");
    }
    data_type *types = mem_alloc(m, sizeof(data_type) * (size_t)(shape->count + 1));
    d.weights = mem_alloc(m, size);
    if (types == NULL || d.weights == NULL) {
        mem_free(m, types, sizeof(data_type) * (size_t)(shape->count + 1));
        mem_free(m, d.weights, size);
        return error_memory(err);
    }
    for (int32_t i = 0; i < shape->count; i++) {
        types[i] = shape->fields[i].type;
    }
    status done = builder_init(&d.rows, m, types, shape->count, err);
    if (done == OK) {
        done = add_rows(&d, before, -1, err);
        done = done < 0 ? done : add_rows(&d, now, 1, err);
        done = done < 0 ? done : take_rows(s, &d, err);
        builder_fini(&d.rows);
    }
    mem_free(m, d.weights, size);
    mem_free(m, types, sizeof(data_type) * (size_t)(shape->count + 1));
    return done;
}

status
stream_take_difference(stream *s, const result *before, error *err) {
    result *now = NULL;
    TRY(stream_shown(s, &now, err));
    const status done = subtract(s, before, now, err);
    result_release(now);
    return done;
}

/* ---- logs */

void
stream_swap_logs(stream *a, stream *b) {
    changelog *log = a->log;
    a->log = b->log;
    b->log = log;
}

void
stream_begin_at(stream *s, uint64_t sequence) {
    changelog_set_birth(s->log, (log_position){sequence, 0});
}

void
stream_move_op_readers(stream *to, stream *from) {
    stream_want_ops(to, from->op_readers);
    from->op_readers = 0;
}

void
stream_publish_difference(stream *s, uint64_t sequence) {
    if (s->pending.count + s->gone.count > 0) {
        stream_publish(s, sequence);
    }
}

void
stream_drop_difference(stream *s) {
    stream_drop_pending(s);
}

void
stream_end_readers(stream *s, const error *reason) {
    error told = *reason;
    told.status = ERR_STREAM_FAILED;
    changelog_end(s->log, LOG_FAILED, &told);
}
