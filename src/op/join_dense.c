/* SPDX-License-Identifier: Apache-2.0 */
/* join_dense.c - see join_dense.h.
 *
 * The array has an entry per number from the smallest key to the largest, and one more that stays
 * empty, for all numbers beyond. Threads share it by ranges of numbers, each looks at all keys. As
 * in the hash table, rows go in from the last to the first, each before those of its key. */
#include "op/join_dense.h"

#include "kernel/kernel.h"

#define DENSE_PER_ROW 8            /* numbers, at most */
#define DENSE_SPAN_MIN 4096        /* so many never are too many */
#define PRESENT_PER_ROW 4096       /* bits, at most */
#define PRESENT_SPAN_MAX (1 << 25) /* 4 MiB of bits */
#define RANGES_MAX 8
#define RANGE_ROWS_MIN 65536 /* less does not pay for a thread */

bool
join_is_word(const column *c) {
    return c->validity == NULL && c->layout == COLUMN_FLAT &&
           type_physical(c->type) == PHYSICAL_I64;
}

static size_t
dense_bytes(const join_table *t) {
    return sizeof(*t->dense) * (size_t)(t->dense_span + 1);
}

static size_t
present_bytes(const join_table *t) {
    return sizeof(*t->present) * (size_t)(t->dense_span / 64 + 1);
}

void
join_dense_close(join_table *t) {
    mem *m = t->owner->env->mem;
    mem_free(m, t->dense, t->dense == NULL ? 0 : dense_bytes(t));
    mem_free(m, t->present, t->present == NULL ? 0 : present_bytes(t));
}

typedef struct filling {
    join_table *table;
    uint64_t    step; /* numbers of a range */
    bool        repeats[RANGES_MAX];
} filling;

/* Rows whose keys fall to range `at`. */
static status
fill_range(void *context, int32_t at, error *err) {
    filling       *f = context;
    join_table    *t = f->table;
    const int64_t *words = t->keys[0].values;
    const uint64_t low = (uint64_t)at * f->step;
    const uint64_t width = low < t->dense_span ? f->step : 0;
    for (int32_t row = t->row_count - 1; row >= 0; row--) {
        const uint64_t number = (uint64_t)words[row] - (uint64_t)t->dense_min;
        if (number - low < width) {
            const int32_t first = t->dense[number];
            f->repeats[at] = f->repeats[at] || first != 0;
            t->next[row] = first - 1;
            t->dense[number] = row + 1;
        }
        TRY(row % INTERRUPT_STRIDE == 0 ? interrupt_look(err) : OK);
    }
    for (int32_t row = 0; t->by_key && row < t->row_count; row++) {
        const uint64_t number = (uint64_t)words[row] - (uint64_t)t->dense_min;
        if (number - low < width) {
            t->key_of[row] = t->dense[number] - 1;
        }
        TRY(row % INTERRUPT_STRIDE == 0 ? interrupt_look(err) : OK);
    }
    return OK;
}

static status
fill_dense(join_table *t, const team *help, bool *repeats, error *err) {
    const int32_t most = t->row_count < RANGE_ROWS_MIN || help->pool == NULL ? 1 : help->threads;
    const int32_t ranges = (int32_t)max_i64(1, min_i64(most, RANGES_MAX));
    filling       f = {.table = t, .step = t->dense_span / (uint64_t)ranges + 1};
    t->dense = mem_alloc_zero(t->owner->env->mem, dense_bytes(t));
    if (t->dense == NULL) {
        return error_memory(err);
    }
    TRY(team_run(help, ranges, fill_range, &f, err));
    for (int32_t i = 0; i < ranges; i++) {
        *repeats = *repeats || f.repeats[i];
    }
    return OK;
}

static status
fill_present(join_table *t, error *err) {
    const int64_t *words = t->keys[0].values;
    t->present = mem_alloc_zero(t->owner->env->mem, present_bytes(t));
    if (t->present == NULL) {
        return error_memory(err);
    }
    for (int32_t row = 0; row < t->row_count; row++) {
        const uint64_t number = (uint64_t)words[row] - (uint64_t)t->dense_min;
        t->present[number >> 6] |= UINT64_C(1) << (number & 63);
        TRY(row % INTERRUPT_STRIDE == 0 ? interrupt_look(err) : OK);
    }
    return OK;
}

status
join_dense_make(join_table *t, const team *help, bool *repeats, error *err) {
    int64_t min, max;
    if (t->key_count != 1 || !join_is_word(&t->keys[0]) ||
        !minmax_i64(&t->keys[0], t->row_count, &min, &max)) {
        return OK;
    }
    const uint64_t rows = (uint64_t)t->row_count;
    const uint64_t last = (uint64_t)max - (uint64_t)min;
    t->dense_min = min;
    if (last < DENSE_SPAN_MIN || last < rows * DENSE_PER_ROW) {
        t->dense_span = last + 1;
        return fill_dense(t, help, repeats, err);
    }
    if (last < PRESENT_SPAN_MAX && last < rows * PRESENT_PER_ROW) {
        t->dense_span = last + 1;
        return fill_present(t, err);
    }
    return OK;
}

void
join_dense_find(const join_table *t, const column *keys, int32_t count, slot *out) {
    const int64_t *words = keys->values;
    const uint64_t min = (uint64_t)t->dense_min, span = t->dense_span;
    const int32_t *dense = t->dense;
    for (int32_t i = 0; i < count; i++) {
        const uint64_t number = (uint64_t)words[i] - min;
        out[i] = (slot)dense[number < span ? number : span] - 1;
    }
    for (int32_t i = 0; keys->validity != NULL && i < count; i++) {
        out[i] = bits_get(keys->validity, i) ? out[i] : SLOT_NONE;
    }
}

int32_t
join_dense_pass(const join_table *t, const int64_t *words, int32_t count, int32_t *rows) {
    const uint64_t  min = (uint64_t)t->dense_min, span = t->dense_span;
    const uint64_t *present = t->present;
    int32_t         passed = 0;
    for (int32_t i = 0; i < count; i++) {
        const uint64_t number = (uint64_t)words[i] - min;
        const uint64_t at = number < span ? number : 0;
        rows[passed] = i;
        passed += (int32_t)((present[at >> 6] >> (at & 63) & 1) & (number < span));
    }
    return passed;
}
