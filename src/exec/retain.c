/* SPDX-License-Identifier: Apache-2.0 */
/* retain.c - what a source or table may forget, between ticks.
 *
 * Forgetting is never a change: streams keep what they counted, and whoever reads a snapshot keeps
 * it. So nothing goes that a stream has still to read: not in a pause or a transaction, not before
 * a stream that waits for the start has read it. What died in a table stays as long as a failed
 * stream may go on from a time when it was there. */
#include "exec/engine_internal.h"

/* The first insert whose rows are kept, or the number of all. */
static int64_t
first_entry(const table *t) {
    int64_t low = 0, high = table_entry_count(t);
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (table_entry(t, middle)->position < table_first(t)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Rows of an insert are older than the watermark before the next one and the delay. */
static int64_t
position_by_time(const source *s) {
    const table  *t = s->table;
    const int64_t count = table_entry_count(t);
    const bool    timed = source_is_timed(s);
    const int64_t end_us = sat_sub_i64(source_watermark_us(s), s->object->retain_amount);
    int64_t       at = first_entry(t);
    while (at + 1 < count) {
        const int64_t us =
            timed ? table_entry(t, at + 1)->watermark_us : table_entry(t, at)->ingested_us;
        if (us >= end_us) {
            break;
        }
        at++;
    }
    return at < count ? table_entry(t, at)->position : table_row_count(t);
}

/* Of all that reads it: the newest insert that everyone has shown. */
static uint64_t
shown_sequence(const source *s, bool *is_awaited) {
    const engine *e = s->engine;
    uint64_t      sequence = e->sequence;
    *is_awaited = false;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *reader = e->streams.items[i];
        if (!stream_reads(reader, s)) {
            continue;
        }
        *is_awaited |= (!reader->running && !reader->failed) || stream_is_held(reader);
        if (reader->failed && reader->object != NULL) {
            const uint64_t shown = changelog_shown(reader->log).epoch;
            sequence = shown < sequence ? shown : sequence;
        }
    }
    return sequence;
}

/* A stream joins versions of its rows, which SELECT from that stream finds in the table. */
static bool
has_versions(const source *s) {
    const engine *e = s->engine;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *reader = e->streams.items[i];
        if (versions_are_read(reader->plan.root, s->object)) {
            return true;
        }
    }
    return false;
}

/* Of a table with a bounded history: the newest change that is older than that. */
static uint64_t
history_sequence(const source *s) {
    const int64_t end_us = sat_sub_i64(s->engine->now_us, s->object->history_us);
    return source_moment_at(s, table_entry_count(s->table), end_us).sequence;
}

/* Nothing of what is shown is state, which keeps rows that the sources do not. */
static bool
is_made_of_rows(const stream *s) {
    const circuit *c = s->circuit;
    bool           made = c != NULL;
    for (int32_t i = 0; made && i < s->plan.node_count; i++) {
        made = c->ops[i] == NULL || c->ops[i]->class->snapshot == NULL;
    }
    for (int32_t i = 0; made && i < s->input_count; i++) {
        const stream *up = s->inputs[i].from_stream;
        made = up == NULL || is_made_of_rows(up);
    }
    return made;
}

/* Streams that remember which rows they refused learn which of them no reading meets again. */
static void
tell_readers(source *s) {
    const int64_t at = first_entry(s->table);
    s->kept_from = at < table_entry_count(s->table) ? (int64_t)table_entry(s->table, at)->sequence
                                                    : (int64_t)s->engine->sequence + 1;
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = s->readers.items[i];
        int64_t kept = INT64_MAX;
        for (int32_t k = 0; k < reader->sources.count; k++) {
            kept = min_i64(kept, ((const source *)reader->sources.items[k])->kept_from);
        }
        if (reader->timed && reader->backfill == NULL && is_made_of_rows(reader)) {
            reader->circuit->env.kept_from = kept;
        }
    }
}

void
source_tidy(source *s) {
    const object *o = s->object;
    table        *t = s->table;
    bool          is_awaited;
    if (o->kind == OBJECT_SOURCE && o->retain == RETAIN_ALL) {
        return;
    }
    if (o->kind == OBJECT_TABLE && !(o->bounded_history && table_has_dead(t))) {
        return;
    }
    uint64_t sequence = shown_sequence(s, &is_awaited);
    if (is_awaited || (o->kind == OBJECT_TABLE && has_versions(s))) {
        return;
    }
    if (o->kind == OBJECT_TABLE) {
        const uint64_t oldest = history_sequence(s);
        sequence = oldest < sequence ? oldest : sequence;
        table_compact(t, sequence);
    } else {
        table_retain_from(t, o->retain == RETAIN_TIME ? position_by_time(s)
                                                      : table_row_count(t) - o->retain_amount);
        tell_readers(s);
    }
    table_trim_entries(t, sequence, source_is_timed(s));
}

void
engine_tidy(engine *e) {
    if (e->paused || e->unsettled != NULL) {
        return;
    }
    for (int32_t i = 0; i < e->sources.count; i++) {
        source_tidy(e->sources.items[i]);
    }
}
