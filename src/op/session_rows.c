/* SPDX-License-Identifier: Apache-2.0 */
/* session_rows.c - the rows of open sessions, for what cannot be computed from the states of their
 * parts: aggregates that do not merge, and sessions that lose rows.
 *
 * One arrangement by key slot; its columns are that slot, then those of the input. */
#include "op/session.h"

status
session_rows_open(aggregate *a, error *err) {
    const op_spec *spec = a->base.spec;
    op_env        *env = a->base.env;
    const int32_t  width = spec->input[0]->count;
    const int32_t  key = 0;
    data_type     *types = arena_alloc(env->scratch, (size_t)(width + 1) * sizeof(*types));
    if (types == NULL) {
        return error_memory(err);
    }
    types[0] = type_of(TYPE_I64);
    for (int32_t i = 0; i < width; i++) {
        types[i + 1] = spec->input[0]->fields[i].type;
    }
    return arrangement_open(&a->sessions.rows, env->store, "aggregate.session_rows", types,
                            width + 1, &key, 1, false, err);
}

/* `count` rows in a->views under their keys, with these weights. */
static status
update_rows(aggregate *a, const int64_t *keys, const int64_t *weight, int32_t count, error *err) {
    arena        *scratch = a->base.env->scratch;
    const int32_t width = a->base.spec->input[0]->count;
    column       *columns = arena_alloc(scratch, (size_t)(width + 1) * sizeof(*columns));
    if (columns == NULL) {
        return error_memory(err);
    }
    columns[0] = (column){.type = type_of(TYPE_I64), .layout = COLUMN_FLAT, .values = keys};
    memcpy(columns + 1, a->views, (size_t)width * sizeof(*columns));
    const delta rows = {
        .row_count = count, .column_count = width + 1, .columns = columns, .weight = weight};
    return arrangement_update(&a->sessions.rows, &rows, NULL, scratch, err);
}

status
session_rows_add(aggregate *a, const slot *keys, const delta *in, error *err) {
    int64_t *wide = arena_alloc(a->base.env->scratch, (size_t)in->row_count * sizeof(*wide));
    if (wide == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        wide[i] = keys[i];
    }
    return update_rows(a, wide, in->weight, in->row_count, err);
}

/* Doubles the room of a list in scratch. */
static status
grow(slot **rows, int32_t count, int32_t *capacity, arena *scratch, error *err) {
    if (*capacity > INT32_MAX / 2) {
        return error_set(err, ERR_QUERY_FAILED, "one session key has more than 2^30 rows");
    }
    slot *grown = arena_alloc(scratch, (size_t)*capacity * 2 * sizeof(*grown));
    if (grown == NULL) {
        return error_memory(err);
    }
    memcpy(grown, *rows, (size_t)count * sizeof(*grown));
    *rows = grown;
    *capacity *= 2;
    return OK;
}

status
session_rows_find(const aggregate *a, slot key, int64_t low, int64_t high, slot **rows,
                  int32_t *count, error *err) {
    const arrangement *kept = &a->sessions.rows;
    arena             *scratch = a->base.env->scratch;
    const int64_t      wide = key;
    const column       keys = {.type = type_of(TYPE_I64), .layout = COLUMN_FLAT, .values = &wide};
    int32_t            capacity = 64;
    slot               at;
    *count = 0;
    *rows = arena_alloc(scratch, (size_t)capacity * sizeof(**rows));
    if (*rows == NULL) {
        return error_memory(err);
    }
    TRY(arrangement_find(kept, &keys, 1, &at, scratch, err));
    for (slot row = at == SLOT_NONE ? SLOT_NONE : arrangement_first(kept, at); row != SLOT_NONE;
         row = arrangement_next(kept, row)) {
        const int64_t time = session_row_time(a, row);
        if (time < low || time > high) {
            continue;
        }
        if (*count == capacity) {
            TRY(grow(rows, *count, &capacity, scratch, err));
        }
        (*rows)[(*count)++] = row;
    }
    return OK;
}

status
session_rows_read(aggregate *a, const slot *rows, int32_t count, delta *out, error *err) {
    arena               *scratch = a->base.env->scratch;
    const int32_t        width = a->base.spec->input[0]->count;
    const state_columns *stored = arrangement_columns(&a->sessions.rows);
    int64_t             *weight = arena_alloc(scratch, (size_t)count * sizeof(*weight));
    if (weight == NULL) {
        return error_memory(err);
    }
    bool plain = true;
    for (int32_t i = 0; i < count; i++) {
        weight[i] = arrangement_weight(&a->sessions.rows, rows[i]);
        plain = plain && weight[i] == 1;
    }
    for (int32_t i = 0; i < width; i++) {
        TRY(state_columns_read(stored, i + 1, rows, count, scratch, &a->views[i], err));
    }
    *out = (delta){.row_count = count,
                   .column_count = width,
                   .columns = a->views,
                   .weight = plain ? NULL : weight};
    return OK;
}

status
session_rows_drop(aggregate *a, slot key, int64_t low, int64_t high, error *err) {
    arena           *scratch = a->base.env->scratch;
    const arena_mark outer = arena_save(scratch);
    slot            *rows;
    int32_t          count;
    TRY(session_rows_find(a, key, low, high, &rows, &count, err));
    for (int32_t i = 0; i < count; i += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    n = count - i < BATCH_ROWS ? count - i : BATCH_ROWS;
        delta            part;
        TRY(session_rows_read(a, rows + i, n, &part, err));
        int64_t *keys = arena_alloc(scratch, (size_t)n * sizeof(*keys));
        int64_t *weight = arena_alloc(scratch, (size_t)n * sizeof(*weight));
        if (keys == NULL || weight == NULL) {
            return error_memory(err);
        }
        for (int32_t k = 0; k < n; k++) {
            keys[k] = key;
            weight[k] = -delta_weight(&part, k);
        }
        TRY(update_rows(a, keys, weight, n, err));
        arena_rewind(scratch, mark);
    }
    arena_rewind(scratch, outer);
    return OK;
}
