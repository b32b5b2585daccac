/* SPDX-License-Identifier: Apache-2.0 */
/* The group table when all hashes are one of sixteen: every walk is long, every tag is equal,
 * nearly every comparison is a rejection. */
#define LAMINAR_HASH_MASK 0xf
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

/* The next integer above *from that, taken twice, has the home `home`. */
static int64_t
key_with_home(int64_t *from, uint64_t home) {
    for (;;) {
        ++*from;
        const column in[2] = {{.type = type_of(TYPE_I64), .values = from},
                              {.type = type_of(TYPE_I64), .values = from}};
        uint64_t     hash;
        hash_keys(&hash, in, 2, 1);
        if (hash == home) {
            return *from;
        }
    }
}

static status
map_pairs(group_table *t, const int64_t *keys, int32_t count, slot *slots, arena *a, error *err) {
    const column in[2] = {{.type = type_of(TYPE_I64), .values = keys},
                          {.type = type_of(TYPE_I64), .values = keys}};
    return group_table_map(t, in, count, slots, NULL, a, err);
}

/* The index grows while rows of the batch are half-way along their walks, and re-placing entries in
 * slot order moves what they look for behind them: late keys of the run sit in early slots that
 * were used again. */
static void
test_growth_during_walks(void **unused) {
    (void)unused;
    mem         account;
    error       err = {0};
    store      *s;
    arena       a;
    group_table t;
    int64_t     keys[64], batch_keys[64], next = 0;
    slot        slots[64], again[64];
    mem_init(&account, INT64_MAX);
    arena_init(&a, &account);
    CHECK_OK(store_open(&s, &account, &err));
    const data_type types[2] = {type_of(TYPE_I64), type_of(TYPE_I64)};
    CHECK_OK(group_table_open(&t, s, "t", types, 2, &err));
    for (int i = 0; i < 36; i++) {
        keys[i] = key_with_home(&next, 0);
    }
    CHECK_OK(map_pairs(&t, keys, 36, slots, &a, &err));
    for (int i = 0; i < 16; i++) { /* the first slots go to keys at the end of the run */
        CHECK_OK(group_table_remove(&t, slots[i], &err));
        keys[i] = key_with_home(&next, 0);
    }
    CHECK_OK(map_pairs(&t, keys, 36, slots, &a, &err));
    const uint64_t size_old = t.index_size;
    for (int i = 0; i < 8; i++) { /* new keys reach the end of the run first */
        batch_keys[i] = key_with_home(&next, 15);
    }
    memcpy(batch_keys + 8, keys, 36 * sizeof(*keys));
    CHECK_OK(map_pairs(&t, batch_keys, 44, again, &a, &err));
    CHECK(t.index_size > size_old);
    for (int i = 0; i < 36; i++) {
        CHECK_EQ(again[8 + i], slots[i]);
    }
    CHECK_EQ(t.live_count, 44);
    CHECK_OK(group_table_validate(&t, &err));
    group_table_close(&t);
    arena_fini(&a);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

UNIT_MAIN(UNIT(test_colliding_shapes), UNIT(test_growth_during_walks))
