/* SPDX-License-Identifier: Apache-2.0 */
/* over_view.c - see over.h. */
#include "kernel/kernel.h"
#include "op/over.h"

status
over_same_as_previous(uint8_t *same, const column *columns, const sort_key *keys, int32_t key_count,
                      const int32_t *rows, int32_t count, arena *a, error *err) {
    if (count == 0) {
        return OK;
    }
    memset(same, 1, (size_t)count);
    same[0] = 0;
    if (count == 1 || key_count == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(a);
    if (rows == NULL) {
        int32_t *all = arena_alloc(a, (size_t)count * sizeof(*all));
        if (all == NULL) {
            return error_memory(err);
        }
        for (int32_t i = 0; i < count; i++) {
            all[i] = i;
        }
        rows = all;
    }
    for (int32_t k = 0; k < key_count; k++) {
        const column *c = &columns[keys[k].column];
        for (int32_t at = 0; at < count - 1; at += INTERRUPT_STRIDE) {
            const int32_t some =
                count - 1 - at < INTERRUPT_STRIDE ? count - 1 - at : INTERRUPT_STRIDE;
            equal_rows(same + 1 + at, c, rows + 1 + at, c, rows + at, some);
            TRY(interrupt_look(err));
        }
    }
    arena_rewind(a, mark);
    return OK;
}

status
over_number_groups(over_view *v, const uint8_t *peer, arena *a, error *err) {
    v->group = arena_alloc(a, (size_t)v->row_count * sizeof(*v->group));
    v->group_start = arena_alloc(a, ((size_t)v->row_count + 1) * sizeof(*v->group_start));
    if (v->group == NULL || v->group_start == NULL) {
        return error_memory(err);
    }
    int64_t spent = 0;
    int32_t count = 0;
    int32_t row = 0;
    for (int32_t p = 0; p < v->part_count; p++) {
        const over_part *part = &v->parts[p];
        for (; row < part->at; row++) { /* copies of first rows: looked at by number alone */
            v->group_start[count] = row;
            v->group[row] = count++;
        }
        for (; row < part->end; row++) {
            if (row == part->at || !peer[row]) {
                v->group_start[count++] = row;
            }
            v->group[row] = count - 1;
            TRY(interrupt_spend(&spent, 16, err));
        }
        TRY(interrupt_spend(&spent, 64, err));
    }
    v->group_start[count] = row;
    return OK;
}
