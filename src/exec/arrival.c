/* SPDX-License-Identifier: Apache-2.0 */
/* arrival.c - when rows came, for PROCTIME(), and when they went, for FOR SYSTEM_TIME AS OF: from
 * the entries of the insert index.
 *
 * A stream gets rows entry by entry and is told the instant of each (op_env.arrived_us). Where rows
 * are read in bulk, each has its own (op_env.arrived). */
#include "exec/runner.h"

#include <stdlib.h>

bool
arrival_is_read(const plan_node *n) {
    if (n->kind == PLAN_SCAN && scan_shows_arrival(n)) {
        return true;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        if (arrival_is_read(n->inputs[i])) {
            return true;
        }
    }
    return false;
}

/* How far the time of what the node reads has come; INT64_MAX: it has none. */
static int64_t
time_reached(const plan_node *n) {
    int64_t reached = INT64_MAX;
    if (n->kind == PLAN_SCAN && n->object->kind == OBJECT_STREAM) {
        return ((const stream *)n->object->impl)->frontier_us;
    }
    if (n->kind == PLAN_SCAN && source_is_timed(n->object->impl)) {
        return source_watermark_us(n->object->impl);
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        reached = min_i64(reached, time_reached(n->inputs[i]));
    }
    return reached;
}

int64_t
plan_time_reached(const engine *e, const plan *p, int64_t at_us) {
    const int64_t reached = p->by_clock ? INT64_MAX : time_reached(p->root);
    return min_i64(at_us, reached == INT64_MAX ? clock_now_us(e->clock) : reached);
}

static int64_t
entry_of(const insert_entry *entries, int64_t count, int64_t position) {
    int64_t low = 0, high = count - 1; /* the last that begins at or before the position */
    while (low < high) {
        const int64_t middle = low + (high - low + 1) / 2;
        if (entries[middle].position <= position) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

status
arrivals_read(int64_t **out, const insert_entry *entries, int64_t entry_count, int64_t first,
              int32_t count, arena *a, error *err) {
    int64_t *at_us = arena_alloc(a, sizeof(*at_us) * (size_t)(count + 1));
    if (at_us == NULL) {
        return error_memory(err);
    }
    int64_t entry = count == 0 ? 0 : entry_of(entries, entry_count, first);
    for (int32_t i = 0; i < count; i++) {
        while (entries[entry].position + entries[entry].row_count <= first + i) {
            entry++;
        }
        at_us[i] = entries[entry].ingested_us;
    }
    *out = at_us;
    return OK;
}

bool
versions_are_read(const plan_node *n, const object *o) {
    if (n->kind == PLAN_SCAN && n->versions && n->object == o) {
        return true;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        if (versions_are_read(n->inputs[i], o)) {
            return true;
        }
    }
    return false;
}

static int
by_position(const void *x, const void *y) {
    const departure *a = x, *b = y;
    return a->position < b->position ? -1 : a->position > b->position;
}

status
scan_times_copy(scan_times *out, const table *t, bool departures, uint64_t sequence, arena *a,
                error *err) {
    const int64_t count = table_entry_count(t);
    int64_t       gone = 0;
    insert_entry *copy = arena_alloc(a, sizeof(*copy) * (size_t)(count + 1));
    *out = (scan_times){.entries = copy, .entry_count = count};
    if (copy == NULL) {
        return error_memory(err);
    }
    if (count > 0) {
        memcpy(copy, table_entry(t, 0), sizeof(*copy) * (size_t)count);
    }
    for (int64_t i = 0; departures && i < count; i++) {
        gone += copy[i].sequence <= sequence ? copy[i].dead_count : 0;
    }
    out->departures = arena_alloc(a, sizeof(departure) * (size_t)(gone + 1));
    if (out->departures == NULL) {
        return error_memory(err);
    }
    for (int64_t i = 0; departures && i < count; i++) {
        const int64_t *dead = table_dead(t, &copy[i]);
        for (int64_t k = 0; copy[i].sequence <= sequence && k < copy[i].dead_count; k++) {
            out->departures[out->departure_count++] =
                (departure){.position = dead[k], .at_us = copy[i].ingested_us};
        }
    }
    qsort(out->departures, (size_t)out->departure_count, sizeof(departure), by_position);
    return OK;
}

status
versions_read(op_env *env, const scan_times *times, const table_cursor *cursor, delta *rows,
              column *columns, error *err) {
    const int32_t count = rows->row_count;
    int32_t       n = 0;
    int32_t      *was = arena_alloc(env->scratch, sizeof(*was) * (size_t)(count + 1));
    int64_t      *came = arena_alloc(env->scratch, sizeof(*came) * (size_t)(count + 1));
    int64_t      *went = arena_alloc(env->scratch, sizeof(*went) * (size_t)(count + 1));
    if (came == NULL || went == NULL || was == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const departure  key = {.position = table_cursor_position(cursor, i)};
        const int64_t    entry = entry_of(times->entries, times->entry_count, key.position);
        const departure *gone = bsearch(&key, times->departures, (size_t)times->departure_count,
                                        sizeof(key), by_position);
        came[n] = times->entries[entry].ingested_us;
        went[n] = gone == NULL ? INT64_MAX : gone->at_us;
        was[n] = i;
        n += came[n] < went[n]; /* what came and went at one time was there at none */
    }
    for (int32_t i = 0; i < rows->column_count && n < count; i++) {
        const column all = columns[i];
        TRY(column_gather(&columns[i], &all, was, n, env->scratch, err));
    }
    rows->row_count = n;
    env->arrived = came;
    env->departed = went;
    return OK;
}
