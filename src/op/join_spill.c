/* SPDX-License-Identifier: Apache-2.0 */
/* join_spill.c - a one-off join whose stored side has no room in memory: both sides go to disk,
 * dealt out by the hashes of their keys, and at the tick each part is a join of its own, which may
 * go to disk again. All rows of a key are in one part, so this holds for every kind of join. Joins
 * without keys stay in memory. */
#include "op/join.h"

status
join_to_disk(join *j, int32_t port, const delta *rows, error *err) {
    const int32_t count = j->base.spec->key_count;
    for (int32_t i = 0; i < count; i++) {
        j->keys[i] = rows->columns[j->key_columns[port][i]];
    }
    return spill_set_add(&j->spilled, port, rows, j->keys, count, err);
}

/* Nothing is stored. */
static status
renew(join *j, error *err) {
    const int32_t side = j->base.spec->build_side;
    join_match_close(j);
    arrangement_close(&j->sides[side]);
    TRY(join_open_side(j, side, err));
    return join_match_open(j, err);
}

static status
move_rows(join *j, int32_t side, const slot *slots, const int64_t *weights, int32_t count,
          error *err) {
    arena  *scratch = j->base.env->scratch;
    column *columns = arena_alloc(scratch, sizeof(*columns) * (size_t)j->width[side]);
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < j->width[side]; i++) {
        TRY(state_columns_read(arrangement_columns(&j->sides[side]), i, slots, count, scratch,
                               &columns[i], err));
    }
    const delta rows = {
        .row_count = count, .column_count = j->width[side], .columns = columns, .weight = weights};
    return join_to_disk(j, side, &rows, err);
}

status
join_spill(join *j, error *err) {
    arena             *scratch = j->base.env->scratch;
    const int32_t      side = j->base.spec->build_side;
    const arrangement *a = &j->sides[side];
    const arena_mark   mark = arena_save(scratch);
    uint64_t           next = 0;
    slot              *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    int64_t           *weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*weights));
    int32_t            count;
    if (slots == NULL || weights == NULL) {
        return error_memory(err);
    }
    TRY(spill_set_begin(&j->spilled, err));
    while ((count = arrangement_scan(a, &next, slots, weights, BATCH_ROWS)) > 0) {
        const arena_mark inner = arena_save(scratch);
        TRY(move_rows(j, side, slots, weights, count, err));
        arena_rewind(scratch, inner);
    }
    arena_rewind(scratch, mark);
    return renew(j, err);
}

typedef struct join_side {
    join   *join;
    int32_t port;
} join_side;

static status
take_side(void *context, delta *rows, error *err) {
    const join_side *to = context;
    join            *j = to->join;
    memcpy(j->views[to->port], rows->columns, sizeof(column) * (size_t)rows->column_count);
    rows->columns = j->views[to->port];
    return join_take(j, to->port, rows, err);
}

static status
read_side(join *j, const spill_part *part, int32_t port, error *err) {
    join_side to = {.join = j, .port = port};
    return spill_part_read(&j->spilled, part, port, take_side, &to, err);
}

static status
join_part(join *j, const spill_part *part, error *err) {
    const int32_t side = j->base.spec->build_side;
    TRY(renew(j, err));
    spill_set_count(&j->spilled);
    TRY(read_side(j, part, side, err));
    const status s = read_side(j, part, !side, err);
    if (s != OK || j->spilled.open || !j->tracked[side]) {
        return s;
    }
    return join_match_finish(j, side, err);
}

status
join_spilled(join *j, error *err) {
    status s = OK;
    while (s == OK) {
        spill_part *part;
        TRY(spill_set_next(&j->spilled, &part, err));
        if (part == NULL) {
            return OK;
        }
        s = join_part(j, part, err);
        spill_part_free(&j->spilled, part);
    }
    return s < 0 ? s : OK;
}
