/* SPDX-License-Identifier: Apache-2.0 */
/* top_n_bars.c - one-off: the first n rows, of all or of each key. Once the buffer was cut to them,
 * the n-th row (of a key) is the bar, and rows that do not sort before it are not even copied; a
 * word of their first sort key decides most of them. Where cutting leaves most of the rows there
 * are nearly as many keys, and no bar is worth the look. */
#include "kernel/key_image.h"
#include "op/top_n.h"

void
top_n_bars_close(top_n *t) {
    if (t->base.spec->mode == MODE_ONCE) {
        group_table_close(&t->parts);
    }
    mem_free(t->base.env->mem, t->bars, sizeof(*t->bars) * (size_t)t->bar_room);
    mem_free(t->base.env->mem, t->bar_words, sizeof(*t->bar_words) * (size_t)t->bar_room);
    t->bars = NULL;
    t->bar_words = NULL;
    t->bar_room = 0;
}

static status
open_bars(top_n *t, int32_t row_count, error *err) {
    const op_spec *spec = t->base.spec;
    op_env        *env = t->base.env;
    data_type     *types = arena_alloc(env->scratch, (size_t)t->part_count * sizeof(*types));
    top_n_bars_close(t);
    t->bar_room = row_count;
    t->bars = mem_alloc(env->mem, sizeof(*t->bars) * (size_t)row_count);
    t->bar_words = mem_alloc(env->mem, sizeof(*t->bar_words) * (size_t)row_count);
    if (types == NULL || t->bars == NULL || t->bar_words == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < t->part_count; i++) {
        types[i] = spec->input[0]->fields[t->all_keys[i].column].type;
    }
    TRY(group_table_open(&t->parts, env->store, "top_n.bars", types, t->part_count, err));
    group_table_allow_dense(&t->parts);
    return OK;
}

/* The key columns of rows from `first` on. */
static const column *
keys_of(const top_n *t, const delta *rows, int32_t first, column *keys) {
    for (int32_t i = 0; i < t->part_count; i++) {
        keys[i] = column_slice(&rows->columns[t->all_keys[i].column], first);
    }
    return keys;
}

/* The first sort key of `count` rows from `first` on as words; false: it has none, or NULLs. */
static bool
key_words(const top_n *t, const delta *rows, int32_t first, int32_t count, uint64_t *out) {
    const column *key = &rows->columns[t->keys[0].column];
    if (key->validity != NULL || !key_image_is_plain(key->type)) {
        return false;
    }
    const column c = column_slice(key, first);
    key_image(out, &c, &(key_scan){.any = true}, 0, count);
    for (int32_t i = 0; t->keys[0].descending && i < count; i++) {
        out[i] = ~out[i];
    }
    return true;
}

status
top_n_bar_pass(const top_n *t, const delta *in, const delta *kept, int32_t bar, int32_t *rows,
               int32_t *count, error *err) {
    const int32_t n = in->row_count;
    uint64_t      bar_word = 0;
    uint64_t     *words = arena_alloc(t->base.env->scratch, (size_t)n * sizeof(*words));
    if (words == NULL) {
        return error_memory(err);
    }
    if (!key_words(t, kept, bar, 1, &bar_word) || !key_words(t, in, 0, n, words)) {
        bar_word = 0; /* all are near it */
        memset(words, 0, (size_t)n * sizeof(*words));
    }
    int32_t near = 0;
    for (int32_t i = 0; i < n; i++) {
        rows[near] = i;
        near += words[i] <= bar_word;
    }
    *count = 0;
    for (int32_t i = 0; i < near; i++) {
        const int32_t row = rows[i];
        rows[*count] = row;
        *count += words[row] < bar_word || compare_sort_keys(in->columns, row, kept->columns, bar,
                                                             t->keys, t->key_count) < 0;
    }
    return OK;
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
    uint64_t *words = arena_alloc(scratch, sizeof(*words) * (size_t)kept->row_count);
    if (words == NULL) {
        return error_memory(err);
    }
    t->bars_have_words = key_words(t, kept, 0, kept->row_count, words);
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
            t->bar_words[last] = t->bars_have_words ? words[first + i] : 0;
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
    uint64_t *words = arena_alloc(scratch, (size_t)in->row_count * sizeof(*words));
    if (words == NULL) {
        return error_memory(err);
    }
    const bool worded = t->bars_have_words && key_words(t, in, 0, in->row_count, words);
    *count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        const int32_t bar = slots[i] == SLOT_NONE ? -1 : t->bars[slots[i]];
        rows[*count] = i;
        if (bar < 0) {
            ++*count;
        } else if (worded && words[i] != t->bar_words[slots[i]]) {
            *count += words[i] < t->bar_words[slots[i]];
        } else {
            *count +=
                compare_sort_keys(in->columns, i, kept->columns, bar, t->keys, t->key_count) < 0;
        }
    }
    return OK;
}
