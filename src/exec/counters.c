/* SPDX-License-Identifier: Apache-2.0 */
/* counters.c - what is asked of an engine as a whole: the watermark of all sources, rows in and
 * out, samples of its history. */
#include "exec/engine_internal.h"

int64_t
source_newest_us(const source *s) {
    const int64_t n = table_entry_count(s->table);
    return n == 0 ? INT64_MIN : table_entry(s->table, n - 1)->ingested_us;
}

/* The minimum over event-timed sources that have had a row and are not idle; *any: there are
 * event-timed ones. */
static int64_t
timed_watermark_us(const engine *e, bool *any) {
    int64_t low_us = INT64_MAX;
    *any = false;
    for (int32_t i = 0; i < e->sources.count; i++) {
        const source *s = e->sources.items[i];
        *any |= source_is_timed(s);
        if (source_is_timed(s) && source_flowed_entries(s) > 0 && !s->idle) {
            low_us = min_i64(low_us, s->watermark_us);
        }
    }
    return max_i64(e->watermark_floor_us, low_us == INT64_MAX ? INT64_MIN : low_us);
}

void
engine_keep_floor(engine *e) {
    bool any;
    e->watermark_floor_us = timed_watermark_us(e, &any);
}

int64_t
engine_watermark_us(const engine *e) {
    bool          any;
    const int64_t timed_us = timed_watermark_us(e, &any);
    int64_t       plain_us = INT64_MAX;
    for (int32_t i = 0; !any && i < e->sources.count; i++) {
        const int64_t at_us = source_newest_us(e->sources.items[i]);
        plain_us = at_us == INT64_MIN ? plain_us : min_i64(plain_us, at_us);
    }
    return any ? timed_us : plain_us == INT64_MAX ? INT64_MIN : plain_us;
}

void
engine_count(const engine *e, engine_counters *out) {
    *out = (engine_counters){.rows_in = e->totals.rows_in,
                             .rows_out = e->totals.rows_out,
                             .rows_late = e->totals.rows_late,
                             .inserts = e->totals.inserts,
                             .ticks = e->totals.ticks,
                             .rows_delivered = atomic_load(&e->rows_delivered),
                             .watermark_us = engine_watermark_us(e),
                             .source_count = e->sources.count};
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->object != NULL && !stream_is_new(s)) {
            out->stream_count++;
            out->rows_late += stream_late_rows(s);
        }
    }
}

history_sample
engine_sample(const engine *e, int64_t time_us) {
    engine_counters c;
    engine_count(e, &c);
    return (history_sample){.time_us = time_us,
                            .rows_in = c.rows_in,
                            .rows_out = c.rows_out,
                            .rows_late = c.rows_late,
                            .inserts = c.inserts,
                            .ticks = c.ticks,
                            .rows_delivered = c.rows_delivered,
                            .watermark_us = c.watermark_us,
                            .memory_bytes = atomic_load(&e->mem->bytes_used)};
}

void
engine_count_delivered(engine *e, int64_t rows) {
    atomic_fetch_add_explicit(&e->rows_delivered, rows, memory_order_relaxed);
}

error_log *
engine_errors(engine *e) {
    return &e->errors;
}

const history *
engine_history(const engine *e) {
    return &e->history;
}
