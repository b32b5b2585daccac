/* SPDX-License-Identifier: Apache-2.0 */
/* top_n_bars.c - one-off: the first n rows of each key. Once the buffer was cut to them, the n-th
 * row of a key is its bar, and rows that do not sort before it are not even copied. Where cutting
 * leaves most of the rows there are nearly as many keys, and no bar is worth the look. */
#include "op/top_n.h"

void
top_n_bars_close(top_n *t) {
    if (t->base.spec->mode == MODE_ONCE) {
        group_table_close(&t->parts);
    }
    mem_free(t->base.env->mem, t->bars, sizeof(*t->bars) * (size_t)t->bar_room);
    t->bars = NULL;
    t->bar_room = 0;
}

static status
open_bars(top_n *t, int32_t row_count, error *err) {
    const op_spec *spec = t->base.spec;
    op_env        *env = t->base.env;
    data_type     *types = arena_alloc(env->scratch, (size_t)t->part_count * sizeof(*types));
    top_n_bars_close(t);
    t->bars = mem_alloc(env->mem, sizeof(*t->bars) * (size_t)row_count);
    if (types == NULL || t->bars == NULL) {
        return error_memory(err);
    }
    t->bar_room = row_count;
    for (int32_t i = 0; i < t->part_count; i++) {
        types[i] = spec->input[0]->fields[t->all_keys[i].column].type;
    }
    return group_table_open(&t->parts, env->store, "top_n.bars", types, t->part_count, err);
}

/* The key columns of rows from `first` on. */
static const column *
keys_of(const top_n *t, const delta *rows, int32_t first, column *keys) {
    for (int32_t i = 0; i < t->part_count; i++) {
        keys[i] = column_slice(&rows->columns[t->all_keys[i].column], first);
    }
    return keys;
}

status
top_n_bars_set(top_n *t, const delta *kept, int32_t of, error *err) {
    arena  *scratch = t->base.env->scratch;
    slot   *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    column *keys = arena_alloc(scratch, (size_t)t->part_count * sizeof(*keys));
    if (slots == NULL || keys == NULL) {
        return error_memory(err);
    }
    if (kept->row_count > of / 2) {
        top_n_bars_close(t);
        return OK;
    }
    TRY(open_bars(t, kept->row_count, err));
    int64_t place = 0;
    slot    last = SLOT_NONE;
    for (int32_t first = 0; first < kept->row_count; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    count = (int32_t)min_i64(BATCH_ROWS, kept->row_count - first);
        TRY(group_table_map(&t->parts, keys_of(t, kept, first, keys), count, slots, NULL, scratch,
                            err));
        for (int32_t i = 0; i < count; i++) { /* rows of a key stand together */
            place = slots[i] == last ? place + 1 : 1;
            last = slots[i];
            t->bars[last] = place == t->end ? first + i : -1;
        }
        arena_rewind(scratch, mark);
    }
    return OK;
}

status
top_n_bars_pass(top_n *t, const delta *in, const delta *kept, int32_t *rows, int32_t *count,
                error *err) {
    arena  *scratch = t->base.env->scratch;
    slot   *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
    column *keys = arena_alloc(scratch, (size_t)t->part_count * sizeof(*keys));
    if (slots == NULL || keys == NULL) {
        return error_memory(err);
    }
    TRY(group_table_find(&t->parts, keys_of(t, in, 0, keys), in->row_count, slots, scratch, err));
    *count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        const int32_t bar = slots[i] == SLOT_NONE ? -1 : t->bars[slots[i]];
        rows[*count] = i;
        *count += bar < 0 ||
                  compare_sort_keys(in->columns, i, kept->columns, bar, t->keys, t->key_count) < 0;
    }
    return OK;
}
