/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - what is told to the journal, and when. See journal.h. */
#include "exec/engine_internal.h"

void
engine_set_journal(engine *e, journal *j) {
    e->journal = j;
}

static bool
is_told(const engine *e) {
    return UNLIKELY(e->journal != NULL) && !e->in_transaction;
}

static status
tell_one(engine *e, const journal_change *c, error *err) {
    journal *j = e->journal;
    j->begin(j, false);
    j->change(j, c);
    TRY(j->end(j, err));
    e->has_unkept = true;
    return OK;
}

status
source_log(const source *s, const delta *rows, const int64_t *dead, int64_t dead_count,
           int64_t now_us, error *err) {
    const journal_change c = {.object = s->object,
                              .ingested_us = now_us,
                              .rows = rows->row_count == 0 ? NULL : rows,
                              .dead = dead,
                              .dead_count = dead_count};
    return is_told(s->engine) ? tell_one(s->engine, &c, err) : OK;
}

status
source_log_watermark(const source *s, int64_t watermark_us, int64_t now_us, error *err) {
    const journal_change c = {.object = s->object,
                              .ingested_us = now_us,
                              .moves_watermark = true,
                              .watermark_us = watermark_us};
    if (!is_told(s->engine)) {
        return OK;
    }
    TRY(tell_one(s->engine, &c, err));
    return engine_keep(s->engine, err);
}

status
engine_keep(engine *e, error *err) {
    if (LIKELY(!e->has_unkept)) {
        return OK;
    }
    e->has_unkept = false;
    const status s = e->journal->commit(e->journal, &e->journal_fault);
    if (s < 0) {
        e->journal_failed = true;
    }
    return engine_kept(e, err);
}

status
engine_kept(const engine *e, error *err) {
    if (LIKELY(!e->journal_failed)) {
        return OK;
    }
    if (err != NULL) {
        *err = e->journal_fault;
    }
    return e->journal_fault.status;
}

/* ---- a transaction: its entries stand in the insert indexes */

static status
tell_entry(const source *s, const insert_entry *entry, error *err) {
    journal        *j = s->engine->journal;
    journal_change  c = {.object = s->object,
                         .ingested_us = entry->ingested_us,
                         .dead = table_dead(s->table, entry),
                         .dead_count = entry->dead_count};
    table_snapshot *rows = NULL;
    if (entry->row_count == 0) {
        if (entry->dead_count > 0) {
            j->change(j, &c);
        }
        return OK;
    }
    table_cursor cursor;
    delta        part;
    TRY(table_snapshot_open(&rows, s->table, TABLE_END, entry->sequence, err));
    table_cursor_init(&cursor, rows, entry->position, entry->position + entry->row_count);
    status told;
    while ((told = table_cursor_next(&cursor, NULL, s->object->schema->count, s->stored_columns,
                                     &part, err)) == OK) {
        c.rows = &part;
        j->change(j, &c);
        c.dead_count = 0; /* they went with the first */
    }
    table_cursor_fini(&cursor);
    table_snapshot_close(rows);
    return told < 0 ? told : OK;
}

/* The source with the earliest entry that was not told yet; told: per source, entries told. */
static source *
next_told(const engine *e, const int64_t *told, int32_t *at) {
    source *best = NULL;
    int64_t best_us = INT64_MAX;
    for (int32_t i = 0; i < e->sources.count; i++) {
        source *s = e->sources.items[i];
        if (s->begin.entry + told[i] < table_entry_count(s->table)) {
            const int64_t us = table_entry(s->table, s->begin.entry + told[i])->ingested_us;
            if (best == NULL || us < best_us) {
                best = s;
                best_us = us;
                *at = i;
            }
        }
    }
    return best;
}

static status
tell_transaction(const engine *e, int64_t *told, error *err) {
    int32_t at = 0;
    for (source *s = next_told(e, told, &at); s != NULL; s = next_told(e, told, &at)) {
        TRY(tell_entry(s, table_entry(s->table, s->begin.entry + told[at]), err));
        told[at]++;
    }
    for (int32_t i = 0; i < e->sources.count; i++) {
        const source *s = e->sources.items[i];
        if (s->by_hand && s->accepted_watermark_us > s->begin.watermark_us) {
            const journal_change c = {.object = s->object,
                                      .ingested_us = e->now_us,
                                      .moves_watermark = true,
                                      .watermark_us = s->accepted_watermark_us};
            e->journal->change(e->journal, &c);
        }
    }
    return OK;
}

status
engine_log_transaction(engine *e, error *err) {
    journal *j = e->journal;
    if (j == NULL) {
        return OK;
    }
    arena   *a = &e->change_arena;
    int64_t *told = arena_alloc_zero(a, sizeof(int64_t) * (size_t)(e->sources.count + 1));
    if (told == NULL) {
        return error_memory(err);
    }
    j->begin(j, true);
    const status said = tell_transaction(e, told, err);
    arena_reset(a);
    const status s = j->end(j, said < 0 ? NULL : err);
    TRY(said);
    TRY(s);
    e->has_unkept = true;
    return engine_keep(e, err);
}

status
source_log_all(const source *s, error *err) {
    for (int64_t i = 0; i < table_entry_count(s->table); i++) {
        TRY(tell_entry(s, table_entry(s->table, i), err));
    }
    return OK;
}
