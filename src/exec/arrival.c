/* SPDX-License-Identifier: Apache-2.0 */
/* arrival.c - when rows came, for PROCTIME(): from the entries of the insert index.
 *
 * A stream gets rows entry by entry and is told the instant of each (op_env.arrived_us). Where rows
 * are read in bulk, each has its own (op_env.arrived). */
#include "exec/engine_internal.h"

bool
arrival_is_read(const plan_node *n) {
    for (int32_t i = 0; n->kind == PLAN_SCAN && i < n->schema.count; i++) {
        if (n->column_map[i] == SCAN_ARRIVAL) {
            return true;
        }
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        if (arrival_is_read(n->inputs[i])) {
            return true;
        }
    }
    return false;
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
