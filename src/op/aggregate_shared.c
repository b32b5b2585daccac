/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_shared.c - calls with DISTINCT over the same columns, of an input that takes nothing
 * back: COUNT(DISTINCT x), COUNT(DISTINCT x) FILTER (...). Every pair of theirs is a pair of the
 * first one without a FILTER, their base, which has looked it up already; a bit of a mark beside
 * the base's pair says whether the call has it too.
 *
 * What is stored is as without a base: each call has a table of its pairs, which are appended to
 * it, so it needs no index. Marks are made from the tables when an image is loaded. */
#include "op/aggregate.h"

enum { CALLS_OF_BASE_MAX = 8 }; /* bits of a mark */

static bool
same_arguments(const op_agg *x, const op_agg *y) {
    const int32_t width = x->signature.column_count;
    return width == y->signature.column_count &&
           x->signature.argument_count == y->signature.argument_count &&
           x->class->keeps_nulls == y->class->keeps_nulls &&
           memcmp(x->columns, y->columns, (size_t)width * sizeof(*x->columns)) == 0;
}

void
distinct_shared_open(aggregate *a, int32_t call) {
    const op_agg       *calls = a->base.spec->aggs;
    aggregate_distinct *d = &a->distinct[call];
    d->base = -1;
    for (int32_t i = 0; i < call && !d->tracked; i++) {
        aggregate_distinct *base = &a->distinct[i];
        if (calls[i].distinct && calls[i].filter < 0 && base->base < 0 &&
            base->bits_used < CALLS_OF_BASE_MAX && same_arguments(&calls[i], &calls[call])) {
            d->base = i;
            d->bit = (uint8_t)(1 << base->bits_used++);
            return;
        }
    }
}

void
distinct_shared_close(aggregate *a, int32_t call) {
    aggregate_distinct *d = &a->distinct[call];
    mem_free(a->base.env->mem, d->marks, d->marks_room);
    d->marks = NULL;
    d->marks_room = 0;
    d->bits_used = 0;
    d->row_pairs = NULL;
}

void
distinct_calls_end(aggregate *a) {
    for (int32_t i = 0; i < a->base.spec->agg_count; i++) {
        a->distinct[i].row_pairs = NULL;
    }
}

status
distinct_shared_note(aggregate *a, int32_t call, const int32_t *rows, const slot *pairs,
                     int32_t count, int32_t row_count, error *err) {
    aggregate_distinct *d = &a->distinct[call];
    if (d->bits_used == 0) {
        return OK;
    }
    d->row_pairs = arena_alloc(a->base.env->scratch, (size_t)row_count * sizeof(*d->row_pairs));
    if (d->row_pairs == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        d->row_pairs[rows[i]] = pairs[i];
    }
    return OK;
}

/* A mark for each pair of the base. */
static status
cover_pairs(aggregate *a, aggregate_distinct *base, error *err) {
    const uint64_t wanted = group_table_slot_count(&base->pairs);
    if (wanted <= base->marks_room) {
        return OK;
    }
    const uint64_t room = wanted + wanted / 2;
    uint8_t       *marks = mem_resize(a->base.env->mem, base->marks, base->marks_room, room);
    if (marks == NULL) {
        return error_memory(err);
    }
    memset(marks + base->marks_room, 0, room - base->marks_room);
    base->marks = marks;
    base->marks_room = room;
    return OK;
}

/* Group slots and values of some rows of the arguments. */
static status
pair_columns(const aggregate *a, int32_t call, const slot *slots, const int32_t *rows,
             int32_t count, column **out, error *err) {
    arena        *scratch = a->base.env->scratch;
    const int32_t width = a->base.spec->aggs[call].signature.column_count;
    column       *pair = arena_alloc(scratch, (size_t)(width + 1) * sizeof(*pair));
    int64_t      *groups = arena_alloc(scratch, (size_t)count * sizeof(*groups));
    if (pair == NULL || groups == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        groups[i] = slots[rows[i]];
    }
    pair[0] = (column){.type = type_of(TYPE_I64), .layout = COLUMN_FLAT, .values = groups};
    for (int32_t k = 0; k < width; k++) {
        TRY(column_gather(&pair[k + 1], &a->arguments[k], rows, count, scratch, err));
    }
    *out = pair;
    return OK;
}

/* Where the rows did not come through the base: its pairs of them, by row. */
static status
find_pairs(const aggregate *a, int32_t call, const slot *slots, const int32_t *rows, int32_t count,
           int32_t row_count, slot **out, error *err) {
    arena  *scratch = a->base.env->scratch;
    slot   *found = arena_alloc(scratch, (size_t)count * sizeof(*found));
    slot   *by_row = arena_alloc(scratch, (size_t)row_count * sizeof(*by_row));
    column *pair;
    if (found == NULL || by_row == NULL) {
        return error_memory(err);
    }
    TRY(pair_columns(a, call, slots, rows, count, &pair, err));
    TRY(group_table_find(&a->distinct[a->distinct[call].base].pairs, pair, count, found, scratch,
                         err));
    for (int32_t i = 0; i < count; i++) {
        if (found[i] == SLOT_NONE) {
            return error_set(err, ERR_INTERNAL_ERROR,
                             "aggregate: a value of DISTINCT call %d is not in call %d", call,
                             a->distinct[call].base);
        }
        by_row[rows[i]] = found[i];
    }
    *out = by_row;
    return OK;
}

/* Values that are new in the call, one row each: to its table, and to the aggregate. */
static status
add_values(aggregate *a, int32_t call, const slot *slots, const slot *pairs, const int32_t *rows,
           int32_t count, error *err) {
    arena              *scratch = a->base.env->scratch;
    aggregate_distinct *d = &a->distinct[call];
    const group_table  *known = &a->distinct[d->base].pairs;
    uint64_t           *hashes = arena_alloc(scratch, (size_t)count * sizeof(*hashes));
    slot               *groups = arena_alloc(scratch, (size_t)count * sizeof(*groups));
    column             *pair;
    if (hashes == NULL || groups == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        hashes[i] = *ARRAY_AT(&known->hashes, uint64_t, pairs[rows[i]]);
        groups[i] = slots[rows[i]];
    }
    TRY(pair_columns(a, call, slots, rows, count, &pair, err));
    TRY(group_table_append(&d->pairs, pair, hashes, count, scratch, err));
    agg *self = a->aggs[call];
    return self->class->update(self, groups, pair + 1, NULL, NULL, count, scratch, err);
}

status
distinct_shared_update(aggregate *a, int32_t call, const slot *slots, const uint8_t *filter,
                       int32_t count, error *err) {
    arena              *scratch = a->base.env->scratch;
    aggregate_distinct *base = &a->distinct[a->distinct[call].base];
    const uint8_t       bit = a->distinct[call].bit;
    uint8_t            *counts = arena_alloc(scratch, (size_t)count);
    int32_t            *rows = arena_alloc(scratch, (size_t)count * sizeof(*rows));
    slot               *pairs = base->row_pairs;
    int32_t             n = 0;
    int32_t             fresh = 0;
    if (counts == NULL || rows == NULL) {
        return error_memory(err);
    }
    distinct_choose_rows(a, call, filter, counts, count);
    for (int32_t i = 0; i < count; i++) {
        rows[n] = i;
        n += counts[i];
    }
    if (n > 0 && pairs == NULL) {
        TRY(find_pairs(a, call, slots, rows, n, count, &pairs, err));
    }
    TRY(cover_pairs(a, base, err));
    for (int32_t i = 0; i < n; i++) {
        uint8_t *mark = &base->marks[pairs[rows[i]]];
        rows[fresh] = rows[i];
        fresh += (*mark & bit) == 0;
        *mark |= bit;
    }
    return fresh == 0 ? OK : add_values(a, call, slots, pairs, rows, fresh, err);
}

/* The base's pairs of live slots first .. of the call's table, up to BATCH_ROWS of them. */
static status
pairs_in_base(const aggregate *a, int32_t call, uint64_t *next, slot *found, int32_t *count,
              arena *memory, error *err) {
    const aggregate_distinct *d = &a->distinct[call];
    const int32_t             width = d->pairs.keys.column_count;
    slot                     *own = arena_alloc(memory, BATCH_ROWS * sizeof(*own));
    column                   *keys = arena_alloc(memory, (size_t)width * sizeof(*keys));
    if (own == NULL || keys == NULL) {
        return error_memory(err);
    }
    *count = 0;
    for (; *next < group_table_slot_count(&d->pairs) && *count < BATCH_ROWS; ++*next) {
        own[*count] = (slot)*next;
        *count += group_table_is_live(&d->pairs, (slot)*next);
    }
    for (int32_t k = 0; k < width; k++) {
        TRY(state_columns_read(&d->pairs.keys, k, own, *count, memory, &keys[k], err));
    }
    return group_table_find(&a->distinct[d->base].pairs, keys, *count, found, memory, err);
}

status
distinct_shared_rebuild(aggregate *a, int32_t call, error *err) {
    arena              *scratch = a->base.env->scratch;
    aggregate_distinct *d = &a->distinct[call];
    aggregate_distinct *base = &a->distinct[d->base];
    const arena_mark    mark = arena_save(scratch);
    slot               *found = arena_alloc(scratch, BATCH_ROWS * sizeof(*found));
    if (found == NULL) {
        return error_memory(err);
    }
    TRY(cover_pairs(a, base, err));
    for (uint64_t next = 0; next < group_table_slot_count(&d->pairs);) {
        const arena_mark step = arena_save(scratch);
        int32_t          count;
        TRY(pairs_in_base(a, call, &next, found, &count, scratch, err));
        for (int32_t i = 0; i < count; i++) {
            if (found[i] == SLOT_NONE || (base->marks[found[i]] & d->bit) != 0) {
                return image_corrupt("a value of a DISTINCT call", err);
            }
            base->marks[found[i]] |= d->bit;
        }
        arena_rewind(scratch, step);
    }
    arena_rewind(scratch, mark);
    return OK;
}

static status
check_marks(const aggregate *a, int32_t call, arena *memory, error *err) {
    const aggregate_distinct *d = &a->distinct[call];
    const aggregate_distinct *base = &a->distinct[d->base];
    uint64_t                  left = d->pairs.live_count;
    slot                     *found = arena_alloc(memory, BATCH_ROWS * sizeof(*found));
    if (found == NULL) {
        return error_memory(err);
    }
    for (uint64_t i = 0; i < base->marks_room; i++) {
        left -= (base->marks[i] & d->bit) != 0;
    }
    bool all = left == 0; /* so no pair is in the table twice */
    for (uint64_t next = 0; all && next < group_table_slot_count(&d->pairs);) {
        const arena_mark step = arena_save(memory);
        int32_t          count;
        TRY(pairs_in_base(a, call, &next, found, &count, memory, err));
        for (int32_t i = 0; i < count; i++) {
            all &= found[i] != SLOT_NONE && found[i] < base->marks_room &&
                   (base->marks[found[i]] & d->bit) != 0;
        }
        arena_rewind(memory, step);
    }
    return all ? OK
               : error_set(err, ERR_INTERNAL_ERROR,
                           "aggregate: pairs of DISTINCT call %d and the marks of call %d differ",
                           call, d->base);
}

status
distinct_shared_validate(const aggregate *a, int32_t call, error *err) {
    arena memory;
    arena_init(&memory, a->base.env->mem);
    const status s = check_marks(a, call, &memory, err);
    arena_fini(&memory);
    return s;
}
