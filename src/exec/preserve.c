/* SPDX-License-Identifier: Apache-2.0 */
/* preserve.c - an engine as bytes: see preserve.h; revive.c reads them.
 *
 * Streams stand in order of creation, so that parts come before their readers. A reader tells where
 * in the plan of its query a part stands, by the numbers of the inputs from the root down. */
#include "exec/preserve.h"

#include "base/hash.h"
#include "exec/preserve_internal.h"

/* ---- sources */

static int64_t
due_of(const timer *t) {
    return t->fire != NULL && timer_is_set(t) ? t->due_us : TIMER_NEVER;
}

static status
put_source(const source *s, const engine_keeping *k, buf *out, error *err) {
    const source_state state = {.watermark_us = s->watermark_us,
                                .accepted_watermark_us = s->accepted_watermark_us,
                                .held_entry = s->held_entry,
                                .held_position = s->held_position,
                                .null_time_rows = s->null_time_rows,
                                .opened_us = s->opened_us,
                                .silence_us = due_of(&s->silence),
                                .flags = (s->by_hand ? SOURCE_BY_HAND : 0) |
                                         (s->unit_checked ? SOURCE_UNIT_CHECKED : 0) |
                                         (s->idle ? SOURCE_IDLE : 0)};
    image_put_text(out, s->object->name);
    buf_append(out, &state, sizeof(state));
    return table_save(s->table, k->shelf, out, err);
}

/* ---- streams */

static bool
goes_on(const stream *s) {
    return s->running && !s->failed && s->backfill == NULL;
}

/* Numbers for those that are kept; how many. */
static int32_t
number_streams(const engine *e) {
    int32_t count = 0;
    for (int32_t i = e->streams.count - 1; i >= 0; i--) { /* readers first */
        stream    *s = e->streams.items[i];
        const bool named = (s->object != NULL || s->sink != NULL) && !stream_is_new(s);
        s->kept_as = named ? 0 : -1;
    }
    for (int32_t i = e->streams.count - 1; i >= 0; i--) {
        const stream *s = e->streams.items[i];
        for (int32_t p = 0; s->kept_as == 0 && goes_on(s) && p < s->parts.count; p++) {
            ((stream *)s->parts.items[p])->kept_as = 0;
        }
    }
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        s->kept_as = s->kept_as == 0 ? count++ : -1;
    }
    return count;
}

/* Names and constants do not count: they are those of the definition. */
static uint64_t
shape_of(const plan_node *n) {
    const uint64_t numbers[] = {n->kind,      n->properties, (uint64_t)n->schema.count,
                                n->key_count, n->over_count, n->agg_count,
                                n->join,      n->window,     (uint64_t)plan_own_inputs(n)};
    uint64_t       hash = 1;
    for (int32_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        hash = hash_combine(hash, numbers[i]);
    }
    for (int32_t i = 0; i < n->schema.count; i++) {
        hash = hash_combine(hash, n->schema.fields[i].type.id);
        hash = n->kind == PLAN_SCAN && n->column_map != NULL
                   ? hash_combine(hash, (uint64_t)n->column_map[i])
                   : hash;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        hash = hash_combine(hash, shape_of(n->inputs[i]));
    }
    return hash;
}

uint64_t
plan_shape(const stream *s) {
    return shape_of(s->plan.root);
}

typedef struct trail { /* from the root to a node */
    int32_t steps[PLAN_DEPTH_MAX];
    int32_t count;
} trail;

/* Each scan of a part: its trail, and the number of the part. count NULL: they are written. */
static void
put_parts(const plan_node *n, trail *t, int32_t *count, buf *out) {
    if (n->kind == PLAN_SCAN && n->object->part != NULL) {
        if (count != NULL) {
            (*count)++;
            return;
        }
        image_put_small(out, (uint64_t)t->count);
        for (int32_t i = 0; i < t->count; i++) {
            image_put_small(out, (uint64_t)t->steps[i]);
        }
        image_put_small(out, (uint64_t)((const stream *)n->object->impl)->kept_as);
        return;
    }
    for (int32_t i = 0; i < plan_own_inputs(n) && t->count < PLAN_DEPTH_MAX; i++) {
        t->steps[t->count++] = i;
        put_parts(n->inputs[i], t, count, out);
        t->count--;
    }
}

static void
put_reason(const stream *s, buf *out) {
    image_put_i64(out, s->reason.status);
    image_put_text(out, text_of(s->reason.message));
    image_put_text(out, text_of(s->reason.hint));
}

/* Behind its size, which is written afterwards. */
static status
put_circuit(const stream *s, const engine_keeping *k, buf *out, error *err) {
    const size_t at = out->size;
    image_put_i64(out, 0);
    TRY(circuit_save(s->circuit, k->blocks, out, err));
    const int64_t size = (int64_t)(out->size - at - sizeof(size));
    memcpy(out->data + at, &size, sizeof(size));
    return OK;
}

/* Of the stream, or of the sink that it is for; a part has none. */
static void
put_name(const stream *s, buf *out) {
    const object *of = s->object != NULL ? s->object : s->sink;
    image_put_text(out, of == NULL ? (text){NULL, 0} : of->name);
}

static status
put_stream(const stream *s, const engine_keeping *k, buf *out, error *err) {
    const bool         on = goes_on(s);
    const log_position shown = changelog_shown(s->log);
    const int64_t      place = (on ? STREAM_GOES_ON : 0) | (s->failed ? STREAM_FAILED : 0) |
                          (s->stopped ? STREAM_STOPPED : 0) |
                          (s->joined_held ? STREAM_JOINED_HELD : 0);
    const stream_state state = {.frontier_us = s->frontier_us,
                                .rows_out = s->rows_out,
                                .ticks = s->ticks,
                                .freed_rows = s->freed_rows,
                                .stopped_after = s->stopped_after,
                                .closing_us = due_of(&s->closing),
                                .emission_us = due_of(&s->emission),
                                .shown = shown,
                                .shape = plan_shape(s),
                                .flags = place};
    trail              t = {.count = 0};
    int32_t            parts = 0;
    if (on) {
        put_parts(s->plan.root, &t, &parts, out);
    }
    put_name(s, out);
    buf_append(out, &state, sizeof(state));
    buf_append(out, &s->final, FINAL_BYTES);
    image_put_small(out, (uint64_t)parts);
    if (parts > 0) {
        put_parts(s->plan.root, &t, NULL, out);
    }
    put_reason(s, out);
    return on ? put_circuit(s, k, out, err) : OK;
}

void
engine_keep_logs(engine *e, bool keeps) {
    e->keeps_logs = keeps;
}

bool
engine_has_kept_logs(const engine *e) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->object != NULL && changelog_keeps(s->log)) {
            return true;
        }
    }
    return false;
}

/* ---- the whole */

/* Code of the program's saves its states; a stream of which it fails to fails alone. */
static status
settle_streams(engine *e, error *err) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream      *s = e->streams.items[i];
        error        fault = {.position = -1};
        const status settled = goes_on(s) ? circuit_settle(s->circuit, &fault) : OK;
        if (settled == ERR_OUT_OF_MEMORY) {
            *err = fault;
            return settled;
        }
        if (settled < 0) {
            stream_fail(s, &fault);
        }
    }
    return OK;
}

status
engine_save(engine *e, const engine_keeping *k, buf *out, error *err) {
    assert(e->unsettled == NULL && !e->in_transaction);
    TRY(settle_streams(e, err));
    engine_reap(e);
    engine_tidy(e);
    const engine_state state = {.sequence = e->sequence,
                                .held_sequence = e->held_sequence,
                                .round = e->round,
                                .now_us = e->now_us,
                                .flow_us = e->flow_us,
                                .watermark_floor_us = e->watermark_floor_us,
                                .rows_delivered = atomic_load(&e->rows_delivered),
                                .totals = e->totals,
                                .paused = e->paused};
    buf_append(out, &state, sizeof(state));
    image_put_u32(out, (uint32_t)e->sources.count);
    for (int32_t i = 0; i < e->sources.count; i++) {
        TRY(put_source(e->sources.items[i], k, out, err));
    }
    image_put_u32(out, (uint32_t)number_streams(e));
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        TRY(s->kept_as < 0 ? OK : put_stream(s, k, out, err));
    }
    image_put_u32(out, (uint32_t)(k->pipeline_count + (e->waiting != NULL)));
    for (int32_t i = 0; i < k->pipeline_count; i++) {
        image_put_text(out, k->pipelines[i].name);
        pipeline_save(k->pipelines[i].pipeline, out);
    }
    if (e->waiting != NULL) {
        image_put_text(out, TEXT(""));
        pipeline_save(e->waiting, out);
    }
    return out->failed ? error_memory(err) : OK;
}
