/* SPDX-License-Identifier: Apache-2.0 */
/* group_dense.c - see group_dense.h.
 *
 * The array reaches over the keys so far and some room where they grow to; when it grows it has at
 * most DENSE_PER_GROUP entries for each group. Hashes are made on the day that it is left. */
#include "state/group_dense.h"

#include "kernel/kernel.h"

#define DENSE_SPAN_MIN (UINT64_C(1) << 14) /* so many never are too many */
#define DENSE_PER_GROUP 8

static size_t
dense_bytes(uint64_t span) {
    return sizeof(slot) * (size_t)span;
}

void
group_dense_close(group_table *t) {
    mem_free(t->mem, t->dense, dense_bytes(t->dense_span));
    t->dense = NULL;
    t->dense_span = 0;
}

status
group_dense_leave(group_table *t, error *err) {
    if (t->live.count > 0) {
        TRY(group_make_hashes(t, err));
        const status made = group_make_index(t, err);
        if (made < 0) {
            array_truncate(&t->hashes, 0);
            return made;
        }
    }
    group_dense_close(t);
    t->may_be_dense = false;
    return OK;
}

static uint64_t
number_at(const group_table *t, slot s) {
    const int64_t number = t->keys.values[0].element_size == 8
                               ? *ARRAY_AT(&t->keys.values[0], int64_t, s)
                               : *ARRAY_AT(&t->keys.values[0], int32_t, s);
    return (uint64_t)number - (uint64_t)t->dense_first;
}

void
group_dense_remove(group_table *t, slot s) {
    assert(t->dense[number_at(t, s)] == s + 1);
    t->dense[number_at(t, s)] = 0;
}

/* One integer without NULLs, no NULL before. keys NULL: only what the table has. */
static bool
is_number(const group_table *t, const column *keys, int32_t row_count) {
    if (t->keys.column_count != 1 || t->keys.nulls[0].count > 0) {
        return false;
    }
    const physical p = type_physical(t->keys.types[0]);
    return (p == PHYSICAL_I64 || p == PHYSICAL_I32) &&
           (keys == NULL || keys->validity == NULL || bits_all(keys->validity, row_count));
}

/* The array with room for all from min to max; *fits: false when they lie too far apart. */
static status
cover(group_table *t, int64_t min, int64_t max, int32_t row_count, bool *fits, error *err) {
    const uint64_t groups = t->live_count + (uint64_t)row_count;
    const uint64_t most = groups * DENSE_PER_GROUP;
    const uint64_t limit = most < DENSE_SPAN_MIN ? DENSE_SPAN_MIN : most;
    const bool     any = t->dense != NULL;
    const int64_t  last = any ? (int64_t)((uint64_t)t->dense_first + t->dense_span - 1) : max;
    int64_t        low = any ? min_i64(min, t->dense_first) : min;
    const uint64_t wanted = (uint64_t)max_i64(max, last) - (uint64_t)low; /* one less */
    *fits = wanted < limit;
    if (!*fits || (any && low == t->dense_first && max <= last)) {
        return OK;
    }
    const uint64_t room = (wanted + 1) / 2;
    const bool     down = any && min < t->dense_first && low > INT64_MIN + (int64_t)room;
    const bool     up = any && max > last && max < INT64_MAX - (int64_t)room;
    const uint64_t span = wanted + 1 + (down ? room : 0) + (up ? room : 0);
    low -= down ? (int64_t)room : 0;
    slot *grown = mem_alloc_index(t->mem, dense_bytes(span));
    if (grown == NULL) {
        return error_memory(err);
    }
    if (any) {
        memcpy(grown + ((uint64_t)t->dense_first - (uint64_t)low), t->dense,
               dense_bytes(t->dense_span));
    }
    group_dense_close(t);
    t->dense = grown;
    t->dense_first = low;
    t->dense_span = span;
    return OK;
}

static NOINLINE status
make_group(group_table *t, slot *out, error *err) {
    if (UNLIKELY(t->free_count == 0)) {
        TRY(group_add_slots(t, err));
    }
    const slot s = t->free_slots[t->free_count - 1];
    TRY(array_touch(&t->live, s, 1, err));
    TRY(array_touch(&t->keys.values[0], s, 1, err));
    t->free_count--;
    t->live_count++;
    t->live.data[s] = 1;
    *out = s;
    return OK;
}

typedef struct dense_walk {
    group_table *table;
    const void  *numbers;
    int32_t      row_count;
    slot        *slots;
    uint8_t     *is_new;
    int32_t     *new_rows;
    int32_t      new_count;
} dense_walk;

ALWAYS_INLINE uint64_t
number_of(const dense_walk *w, int32_t row, bool wide) {
    const int64_t number =
        wide ? ((const int64_t *)w->numbers)[row] : ((const int32_t *)w->numbers)[row];
    return (uint64_t)number - (uint64_t)w->table->dense_first;
}

ALWAYS_INLINE status
walk_body(dense_walk *w, bool wide, error *err) {
    group_table *t = w->table;
    slot        *dense = t->dense;
    for (int32_t i = 0; i < w->row_count; i++) {
        const uint64_t number = number_of(w, i, wide);
        slot           s = dense[number] - 1;
        if (UNLIKELY(s == SLOT_NONE)) {
            TRY(make_group(t, &s, err));
            dense[number] = s + 1;
            w->new_rows[w->new_count++] = i;
            if (w->is_new != NULL) {
                w->is_new[i] = 1;
            }
        }
        w->slots[i] = s;
    }
    return OK;
}

static NOINLINE status
walk_wide(dense_walk *w, error *err) {
    return walk_body(w, true, err);
}

static NOINLINE status
walk_narrow(dense_walk *w, error *err) {
    return walk_body(w, false, err);
}

static void
take_back(dense_walk *w, bool wide) {
    group_table *t = w->table;
    for (int32_t k = w->new_count - 1; k >= 0; k--) {
        const uint64_t number = number_of(w, w->new_rows[k], wide);
        const slot     s = t->dense[number] - 1;
        t->dense[number] = 0;
        t->live.data[s] = 0;
        t->live_count--;
        t->free_slots[t->free_count++] = s;
    }
}

static void
write_new(const dense_walk *w, const column *keys) {
    group_table *t = w->table;
    const size_t width = t->keys.values[0].element_size;
    for (int32_t k = 0; k < w->new_count; k++) {
        const int32_t row = w->new_rows[k];
        memcpy(t->keys.values[0].data + (size_t)w->slots[row] * width,
               (const uint8_t *)keys->values + (size_t)row * width, width);
    }
}

/* One row of a group that is there, as most are where rows come one by one. */
static bool
map_known(const group_table *t, const column *keys, slot *slots, uint8_t *is_new) {
    if (t->dense == NULL) {
        return false;
    }
    group_dense_find(t, keys, 1, slots);
    if (slots[0] == SLOT_NONE) {
        return false;
    }
    if (is_new != NULL) {
        is_new[0] = 0;
    }
    return true;
}

status
group_dense_map(group_table *t, const column *keys, int32_t row_count, slot *slots, uint8_t *is_new,
                arena *a, bool *taken, error *err) {
    int64_t min, max;
    *taken = row_count == 1 && map_known(t, keys, slots, is_new);
    if (*taken || row_count == 0 || !is_number(t, keys, row_count)) {
        return OK;
    }
    const column numbers = {.type = keys->type, .values = keys->values};
    const bool   wide = type_physical(t->keys.types[0]) == PHYSICAL_I64;
    (void)minmax_i64(&numbers, row_count, &min, &max);
    TRY(cover(t, min, max, row_count, taken, err));
    if (!*taken) {
        return OK;
    }
    const arena_mark mark = arena_save(a);
    dense_walk       w = {.table = t,
                          .numbers = keys->values,
                          .row_count = row_count,
                          .slots = slots,
                          .is_new = is_new};
    w.new_rows = arena_alloc(a, sizeof(*w.new_rows) * (size_t)row_count);
    if (w.new_rows == NULL) {
        return error_memory(err);
    }
    if (is_new != NULL) {
        memset(is_new, 0, (size_t)row_count);
    }
    const status s = wide ? walk_wide(&w, err) : walk_narrow(&w, err);
    if (s < 0) {
        take_back(&w, wide);
    } else {
        write_new(&w, &numbers);
    }
    arena_rewind(a, mark);
    return s;
}

status
group_dense_rebuild(group_table *t, bool *taken, error *err) {
    const uint64_t count = t->live.count;
    int64_t        min = INT64_MAX;
    int64_t        max = INT64_MIN;
    *taken = false;
    if (!t->may_be_dense || !is_number(t, NULL, 0)) {
        return OK;
    }
    const bool wide = type_physical(t->keys.types[0]) == PHYSICAL_I64;
    for (uint64_t s = 0; s < count; s++) {
        const int64_t number = wide ? *ARRAY_AT(&t->keys.values[0], int64_t, s)
                                    : *ARRAY_AT(&t->keys.values[0], int32_t, s);
        min = t->live.data[s] != 0 ? min_i64(min, number) : min;
        max = t->live.data[s] != 0 ? max_i64(max, number) : max;
    }
    *taken = min > max; /* no group: an array will do for those that come */
    TRY(*taken ? OK : cover(t, min, max, 0, taken, err));
    for (uint64_t s = 0; *taken && s < count; s++) {
        slot *at = t->live.data[s] == 0 ? NULL : &t->dense[number_at(t, (slot)s)];
        if (at != NULL && *at != 0) {
            return image_corrupt("a key that is there twice", err);
        }
        if (at != NULL) {
            *at = (slot)s + 1;
        }
    }
    if (*taken) {
        array_truncate(&t->hashes, 0);
    }
    return OK;
}

void
group_dense_find(const group_table *t, const column *keys, int32_t row_count, slot *slots) {
    const bool wide = type_physical(t->keys.types[0]) == PHYSICAL_I64;
    for (int32_t i = 0; i < row_count; i++) {
        const int64_t number =
            wide ? ((const int64_t *)keys->values)[i] : ((const int32_t *)keys->values)[i];
        const uint64_t at = (uint64_t)number - (uint64_t)t->dense_first;
        const bool     valid = keys->validity == NULL || bits_get(keys->validity, i);
        slots[i] = valid && at < t->dense_span ? t->dense[at] - 1 : SLOT_NONE;
    }
}
