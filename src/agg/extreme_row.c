/* SPDX-License-Identifier: Apache-2.0 */
/* extreme_row.c - the first row of a group of append-only input, of any columns: one row a group.
 *
 * A batch first finds the best of its own rows for each group (`marks`, by group, zero between
 * batches), which then meets the row kept so far. */
#include <stdio.h>

#include "agg/extreme.h"

typedef struct keeper {
    extreme       base;
    state_columns kept;  /* the signature's columns by slot */
    state_array   has;   /* uint8_t by slot */
    state_array   marks; /* int32_t by slot: 1 + the batch's best row of the group */
} keeper;

static status
keeper_open(extreme *base, const agg_site *site, error *err) {
    keeper              *self = (keeper *)base;
    const agg_signature *s = base->base.signature;
    char                 label[160];
    TRY(state_columns_open(&self->kept, site->store, site->name, s->types, s->column_count, err));
    snprintf(label, sizeof(label), "%.120s.has", site->name);
    TRY(array_open(&self->has, site->store, label, 1, err));
    snprintf(label, sizeof(label), "%.120s.marks", site->name);
    return array_open(&self->marks, site->store, label, sizeof(int32_t), err);
}

static void
keeper_close(extreme *base) {
    keeper *self = (keeper *)base;
    array_close(&self->marks);
    array_close(&self->has);
    state_columns_close(&self->kept);
}

static status
keeper_init(extreme *base, const slot *slots, int32_t count, error *err) {
    keeper *self = (keeper *)base;
    TRY(agg_zero_slots(&self->has, slots, count, err));
    TRY(agg_zero_slots(&self->marks, slots, count, err));
    const uint64_t have = state_columns_count(&self->kept);
    if (self->has.count > have) {
        TRY(state_columns_extend(&self->kept, self->has.count - have, NULL, err));
    }
    return OK;
}

static status
keeper_clear(extreme *base, slot s, error *err) {
    keeper *self = (keeper *)base;
    if (self->has.data[s]) {
        state_columns_clear(&self->kept, s);
    }
    return agg_zero_slots(&self->has, &s, 1, err);
}

/* Row a stands before row b, which came before. */
static bool
is_better(const extreme *e, const column *x, int32_t a, const column *y, int32_t b) {
    if (e->by_arrival) {
        return e->largest;
    }
    return compare_sort_keys(x, a, y, b, e->keys, e->all_key_count) < 0;
}

/* The best rows of the batch: their groups and numbers. */
static int32_t
best_rows(keeper *self, const slot *slots, const column *columns, const int64_t *weight,
          const uint8_t *use, int32_t count, slot *groups, int32_t *rows) {
    int32_t *marks = ARRAY_AT(&self->marks, int32_t, 0);
    int32_t  n = 0;
    for (int32_t i = 0; i < count; i++) {
        if ((use != NULL && use[i] == 0) || (weight != NULL && weight[i] == 0)) {
            continue;
        }
        int32_t *mark = &marks[slots[i]];
        if (*mark == 0) {
            groups[n++] = slots[i];
            *mark = i + 1;
        } else if (is_better(&self->base, columns, i, columns, *mark - 1)) {
            *mark = i + 1;
        }
    }
    for (int32_t k = 0; k < n; k++) {
        rows[k] = marks[groups[k]] - 1;
        marks[groups[k]] = 0;
    }
    return n;
}

/* Row rows[i] meets the one that is kept for groups[i]; no group is listed twice. Both lists are
 * used up. */
static status
offer(keeper *self, slot *groups, const column *columns, int32_t *rows, int32_t n, arena *scratch,
      error *err) {
    extreme      *base = &self->base;
    const int32_t width = base->base.signature->column_count;
    column       *kept = arena_alloc(scratch, (size_t)width * sizeof(*kept));
    slot         *having = arena_alloc(scratch, (size_t)n * sizeof(*having));
    if (kept == NULL || having == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < n; i++) {
        having[i] = self->has.data[groups[i]] != 0 ? groups[i] : SLOT_NONE;
    }
    for (int32_t k = 0; k < width && n > 0; k++) {
        TRY(state_columns_read(&self->kept, k, having, n, scratch, &kept[k], err));
    }
    TRY(array_touch_each(&self->has, groups, n, err));
    int32_t taken = 0;
    for (int32_t i = 0; i < n; i++) {
        const bool has = self->has.data[groups[i]] != 0;
        if (has && !is_better(base, columns, rows[i], kept, i)) {
            continue;
        }
        if (has) {
            state_columns_clear(&self->kept, groups[i]);
        }
        self->has.data[groups[i]] = 1;
        groups[taken] = groups[i];
        rows[taken++] = rows[i];
    }
    return taken == 0 ? OK : state_columns_write(&self->kept, groups, columns, rows, taken, err);
}

static status
keeper_update(extreme *base, const slot *slots, const column *columns, const int64_t *weight,
              const uint8_t *use, int32_t count, arena *scratch, error *err) {
    keeper  *self = (keeper *)base;
    slot    *groups = arena_alloc(scratch, (size_t)count * sizeof(*groups));
    int32_t *rows = arena_alloc(scratch, (size_t)count * sizeof(*rows));
    if (groups == NULL || rows == NULL) {
        return error_memory(err);
    }
    TRY(array_touch_each(&self->marks, slots, count, err));
    const int32_t n = best_rows(self, slots, columns, weight, use, count, groups, rows);
    return offer(self, groups, columns, rows, n, scratch, err);
}

static status
keeper_merge(extreme *base, const slot *slots, const extreme *other, const slot *from,
             int32_t count, arena *scratch, error *err) {
    const keeper *parts = (const keeper *)other;
    const int32_t width = base->base.signature->column_count;
    slot         *groups = arena_alloc(scratch, (size_t)count * sizeof(*groups));
    slot         *with_row = arena_alloc(scratch, (size_t)count * sizeof(*with_row));
    int32_t      *rows = arena_alloc(scratch, (size_t)count * sizeof(*rows));
    column       *columns = arena_alloc(scratch, (size_t)width * sizeof(*columns));
    if (groups == NULL || with_row == NULL || rows == NULL || columns == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < count; i++) {
        if (parts->has.data[from[i]]) {
            groups[n] = slots[i];
            with_row[n] = from[i];
            rows[n] = n;
            n++;
        }
    }
    for (int32_t k = 0; k < width && n > 0; k++) {
        TRY(state_columns_read(&parts->kept, k, with_row, n, scratch, &columns[k], err));
    }
    return offer((keeper *)base, groups, columns, rows, n, scratch, err);
}

static status
keeper_value(extreme *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    keeper *self = (keeper *)base;
    slot   *rows = arena_alloc(a, (size_t)count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        rows[i] = self->has.data[slots[i]] ? slots[i] : SLOT_NONE;
    }
    return state_columns_read(&self->kept, 0, rows, count, a, out, err);
}

static bool
keeps_row(const void *of, slot s) {
    return ((const keeper *)of)->has.data[s] != 0;
}

static status
keeper_rebuild(extreme *base, const slot_set *groups, error *err) {
    keeper        *self = (keeper *)base;
    const slot_set rows = {.count = self->has.count, .has = keeps_row, .of = self};
    TRY(agg_check_slots(&self->has, groups, err));
    TRY(agg_check_slots(&self->marks, groups, err));
    for (uint64_t i = 0; i < self->marks.count; i++) {
        if (*ARRAY_AT(&self->marks, int32_t, i) != 0) {
            return image_corrupt("a mark between batches", err);
        }
    }
    return state_columns_check(&self->kept, &rows, err);
}

const extreme_class extreme_row_class = {
    .size = sizeof(keeper),
    .open = keeper_open,
    .close = keeper_close,
    .init = keeper_init,
    .update = keeper_update,
    .value = keeper_value,
    .clear = keeper_clear,
    .merge = keeper_merge,
    .rebuild = keeper_rebuild,
};
