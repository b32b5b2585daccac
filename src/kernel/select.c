/* SPDX-License-Identifier: Apache-2.0 */
/* select.c - from a condition to row numbers, without branches on the data. */
#include "kernel/kernel.h"

int32_t
select_true(int32_t *rows_out, const column *condition, int32_t row_count) {
    if (condition->type.id == TYPE_NULL) {
        return 0;
    }
    assert(condition->type.id == TYPE_BOOL);
    const uint8_t *restrict x = condition->values;
    const uint64_t *restrict validity = condition->validity;
    int32_t *restrict rows = rows_out;
    int32_t selected = 0;
    if (validity == NULL) {
        for (int32_t i = 0; i < row_count; i++) {
            rows[selected] = i; /* selected <= i: inside of rows_out */
            selected += x[i] != 0;
        }
        return selected;
    }
    for (int32_t first = 0; first < row_count; first += 64) {
        const uint64_t valid = validity[first >> 6];
        const int32_t  end = row_count - first < 64 ? row_count - first : 64;
        for (int32_t i = 0; i < end; i++) {
            rows[selected] = first + i;
            selected += (x[first + i] != 0) & (int32_t)((valid >> i) & 1);
        }
    }
    return selected;
}
