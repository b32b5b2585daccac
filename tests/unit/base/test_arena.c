/* SPDX-License-Identifier: Apache-2.0 */
/* test_arena.c - alignment, reuse, rewinding and cleanup order of arenas. */
#include "base/arena.h"
#include "unit.h"

typedef struct trail {
    int32_t count;
    int32_t order[8];
} trail;

typedef struct step {
    trail  *trail;
    int32_t number;
} step;

static void
leave_number(void *arg) {
    const step *s = arg;
    s->trail->order[s->trail->count++] = s->number;
}

/* Random sizes, each block filled with its own byte: nothing overlaps, everything is aligned. */
static void
test_blocks_do_not_overlap(void **state) {
    (void)state;
    enum { COUNT = 2000 };
    mem m;
    mem_init(&m, INT64_MAX);
    arena a;
    arena_init(&a, &m);
    CHECK_EQ(arena_bytes(&a), 0);
    rng r;
    rng_init(&r, 1);
    for (int32_t round = 0; round < 3; round++) {
        static uint8_t *block[COUNT];
        static size_t   size[COUNT];
        for (int32_t i = 0; i < COUNT; i++) {
            size[i] = (size_t)rng_below(&r, i % 100 == 0 ? 20000 : 60);
            block[i] = arena_alloc(&a, size[i]);
            CHECK(block[i] != NULL);
            CHECK_EQ((uintptr_t)block[i] % 16, 0);
            memset(block[i], i & 0xff, size[i]);
        }
        for (int32_t i = 0; i < COUNT; i++) {
            for (size_t k = 0; k < size[i]; k++) {
                CHECK_EQ(block[i][k], i & 0xff);
            }
        }
        CHECK_EQ(arena_bytes(&a), atomic_load(&m.bytes_used));
        arena_reset(&a);
        CHECK(arena_bytes(&a) > 0);
    }
    const int64_t calls = atomic_load(&m.allocations);
    for (int32_t i = 0; i < 100; i++) { /* the block kept by reset is used again */
        uint8_t *z = arena_alloc_zero(&a, 1000);
        CHECK(z != NULL && z[0] == 0 && z[999] == 0);
        memset(z, 0xff, 1000);
        arena_reset(&a);
    }
    CHECK_EQ(atomic_load(&m.allocations), calls);
    CHECK(arena_alloc(&a, 20 << 20) != NULL);
    arena_reset(&a); /* but not a huge one */
    CHECK(arena_bytes(&a) < (8 << 20));
    CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
    CHECK(arena_alloc(&a, SIZE_MAX - 20) == NULL);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_empty_and_text(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    arena a;
    arena_init(&a, &m);
    CHECK(arena_alloc(&a, 0) != NULL);
    const text copy = arena_text(&a, TEXT("hello"));
    CHECK_TEXT(copy, "hello");
    CHECK_EQ(copy.data[5], 0);
    const text empty = arena_text(&a, (text){NULL, 0});
    CHECK(empty.data != NULL && empty.size == 0 && empty.data[0] == '\0');
    arena_fini(&a);
    arena_fini(&a); /* harmless twice */
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_rewind(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    arena a;
    arena_init(&a, &m);
    const arena_mark nothing = arena_save(&a);
    CHECK(arena_alloc(&a, 10000) != NULL);
    arena_rewind(&a, nothing);
    char *kept = arena_alloc(&a, 3000);
    CHECK(kept != NULL);
    memset(kept, 'k', 3000);
    const arena_mark mark = arena_save(&a);
    void            *first = arena_alloc(&a, 64);
    for (int32_t i = 0; i < 200; i++) {
        CHECK(arena_alloc(&a, 1000) != NULL);
    }
    arena_rewind(&a, mark);
    CHECK_EQ(arena_bytes(&a), atomic_load(&m.bytes_used));
    CHECK(arena_alloc(&a, 64) == first);
    for (int32_t i = 0; i < 3000; i++) {
        CHECK_EQ(kept[i], 'k');
    }
    arena_rewind(&a, nothing);
    CHECK(arena_alloc(&a, 64) != NULL);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_cleanups_run_newest_first(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    arena a;
    arena_init(&a, &m);
    trail t = {0};
    step  steps[] = {{&t, 1}, {&t, 2}, {&t, 3}};
    for (int32_t i = 0; i < 3; i++) {
        CHECK(arena_cleanup_add(&a, leave_number, &steps[i]));
    }
    arena_reset(&a);
    CHECK_EQ(t.count, 3);
    CHECK_EQ(t.order[0], 3);
    CHECK_EQ(t.order[2], 1);
    CHECK(arena_cleanup_add(&a, leave_number, &steps[1]));
    arena_fini(&a);
    CHECK_EQ(t.count, 4);
    CHECK_EQ(t.order[3], 2);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
busy_arena(mem *m, error *err) {
    arena a;
    arena_init(&a, m);
    trail  t = {0};
    step   s = {&t, 1};
    status result = OK;
    for (int32_t i = 0; i < 400 && result == OK; i++) {
        const arena_mark mark = arena_save(&a);
        if (arena_alloc_zero(&a, 3000) == NULL || arena_text(&a, TEXT("some text")).data == NULL) {
            result = error_memory(err);
        }
        if (i % 3 == 0) {
            arena_rewind(&a, mark);
        }
    }
    const bool added = arena_cleanup_add(&a, leave_number, &s);
    arena_fini(&a);
    CHECK_EQ(t.count, added);
    return added ? result : error_memory(err);
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("arena", busy_arena) > 5);
}

UNIT_MAIN(UNIT(test_blocks_do_not_overlap), UNIT(test_empty_and_text), UNIT(test_rewind),
          UNIT(test_cleanups_run_newest_first), UNIT(test_torture))
