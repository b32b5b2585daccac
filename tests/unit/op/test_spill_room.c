/* SPDX-License-Identifier: Apache-2.0 */
/* test_spill_room.c - a query begins to write to disk before it meets the end of what it may take,
 * which is not the whole limit. */
#include "op/spill.h"

#include "unit.h"

#define LIMIT ((int64_t)256 << 20)
#define STEP ((int64_t)32 << 10)

/* Bytes that a query takes until it is to write; what it may take begins `room` below its end. */
static int64_t
taken_until_pressed(int64_t room) {
    static const text directory = {"/nowhere", 8};
    mem               m;
    spill_place       place;
    mem_init(&m, LIMIT);
    spill_place_init(&place, NULL, &m);
    atomic_store(&place.directory, &directory);
    mem          *child = mem_open_child(&m);
    const int64_t others = mem_limit_of_children(&m) - room - 1;
    void         *held = mem_alloc(&m, (size_t)others);
    CHECK(child != NULL && held != NULL);
    op_env        env = {.mem = child, .spill = &place};
    const int64_t base = env.spill_base = spill_bytes_used(&env);
    CHECK_EQ(spill_unit(&env), max_i64(room / 16, 65536));
    void   *taken[1024] = {NULL};
    int64_t bytes = 0;
    int32_t count = 0;
    while (!spill_wanted(&env, base, 0)) {
        CHECK(count < ARRAY_COUNT(taken));
        taken[count] = mem_alloc(child, (size_t)STEP);
        CHECK(taken[count] != NULL); /* it was not told in time */
        bytes += STEP;
        count++;
    }
    for (int32_t i = 0; i < count; i++) {
        mem_free(child, taken[i], (size_t)STEP);
    }
    mem_free(&m, held, (size_t)others);
    mem_close_shared(child);
    CHECK_EQ(mem_fini(&m), 0);
    return bytes;
}

static void
test_room(void **state) {
    (void)state;
    const int64_t rooms[] = {8 << 20, 16 << 20, 64 << 20};
    for (int32_t i = 0; i < ARRAY_COUNT(rooms); i++) {
        const int64_t taken = taken_until_pressed(rooms[i]);
        CHECK(taken > rooms[i] / 4 && taken <= rooms[i] / 4 + STEP);
    }
}

UNIT_MAIN(UNIT(test_room))
