/* SPDX-License-Identifier: Apache-2.0 */
/* The group table when all hashes are one of 256: walks are long, homes move when the index grows,
 * and nearly every comparison is a rejection. */
#define LAMINAR_HASH_MASK (UINT64_C(0xff) << 32)
#include "state/group_table.c"

#include "group_table_cases.h"

static void
test_colliding_shapes(void **unused) {
    (void)unused;
    for (int32_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        shape small = shapes[i];
        for (int32_t c = 0; c < small.column_count; c++) {
            const int32_t most = small.column_count == 1 ? 400 : 12;
            small.digits[c] = small.digits[c] > most ? most : small.digits[c];
        }
        for (uint64_t seed = 0; seed < 12;
             seed++) { /* short runs: the index grows in the first steps */
            run_shape(&small, 20, 1000 * seed + (uint64_t)i);
        }
    }
}

UNIT_MAIN(UNIT(test_colliding_shapes))
