/* SPDX-License-Identifier: Apache-2.0 */
/* When slots were touched, against an array of times; and with failing allocations. */
#include "unit.h"

#include "state/ages.h"

#define SLOTS 200
#define TTL 100

static int64_t touched[SLOTS]; /* steps; -1: not in */

static void
check_taken(idle_book *a, int64_t clock_us, arena *scratch) {
    error   err = {0};
    slot    taken[7];
    int32_t count = 7;
    while (count == 7) {
        CHECK_OK(ages_take(a, clock_us, taken, 7, &count, scratch, &err));
        for (int32_t i = 0; i < count; i++) {
            CHECK(touched[taken[i]] >= 0);
            CHECK(touched[taken[i]] + a->kept < clock_us / a->step_us);
            touched[taken[i]] = -1;
        }
    }
    for (slot s = 0; s < SLOTS; s++) {
        CHECK(touched[s] < 0 || touched[s] + a->kept >= clock_us / a->step_us);
        CHECK(touched[s] < 0 || ages_page(a, s) == touched[s]);
    }
}

static void
test_random(void **unused) {
    (void)unused;
    mem       account;
    error     err = {0};
    store    *s;
    arena     scratch;
    idle_book a;
    rng       r;
    mem_init(&account, INT64_MAX);
    arena_init(&scratch, &account);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(ages_open(&a, s, "a", TTL, &err));
    CHECK_EQ(ages_due_us(&a), INT64_MAX);
    rng_init(&r, 1);
    memset(touched, 0xff, sizeof(touched));
    int64_t now = 0;
    for (int32_t round = 0; round < 3000; round++) {
        slot slots[20];
        now += (int64_t)rng_below(&r, 30);
        check_taken(&a, now, &scratch);
        for (int32_t i = 0; i < 20; i++) {
            slots[i] = rng_below(&r, 20) == 0 ? SLOT_NONE : (slot)rng_below(&r, SLOTS);
        }
        CHECK_OK(ages_touch(&a, now, slots, 20, SLOTS, &scratch, &err));
        for (int32_t i = 0; i < 20; i++) {
            if (slots[i] != SLOT_NONE) {
                touched[slots[i]] = now / a.step_us;
            }
        }
        const slot gone = (slot)rng_below(&r, SLOTS);
        CHECK_OK(ages_remove(&a, gone, &err));
        touched[gone] = -1;
        CHECK_OK(ages_rebuild(&a, &(slot_set){.count = SLOTS}, &err));
        arena_reset(&scratch);
    }
    CHECK(ages_due_us(&a) > now);
    check_taken(&a, now + 3 * TTL, &scratch);
    CHECK_EQ(ages_due_us(&a), INT64_MAX);
    ages_close(&a);
    store_close(s);
    arena_fini(&scratch);
    CHECK_EQ(mem_fini(&account), 0);
}

/* What comes before time is known counts from the first moment that it is. */
static void
test_unknown(void **unused) {
    (void)unused;
    mem       account;
    error     err = {0};
    store    *s;
    arena     scratch;
    idle_book a;
    slot      slots[5000], taken[5000];
    int32_t   count;
    mem_init(&account, INT64_MAX);
    arena_init(&scratch, &account);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(ages_open(&a, s, "a", 16, &err));
    for (slot i = 0; i < 5000; i++) {
        slots[i] = i;
    }
    CHECK_OK(ages_touch(&a, INT64_MIN, slots, 5000, 5000, &scratch, &err));
    CHECK_OK(ages_take(&a, INT64_MIN, taken, 5000, &count, &scratch, &err));
    CHECK_EQ(count, 0);
    CHECK_OK(ages_take(&a, 1000, taken, 5000, &count, &scratch, &err));
    CHECK_EQ(count, 0);
    CHECK_EQ(ages_page(&a, 4999), 1000);
    CHECK_EQ(ages_due_us(&a), 1017);
    CHECK_OK(ages_take(&a, 1016, taken, 5000, &count, &scratch, &err));
    CHECK_EQ(count, 0);
    CHECK_OK(ages_take(&a, 1017, taken, 5000, &count, &scratch, &err));
    CHECK_EQ(count, 5000);
    ages_close(&a);
    store_close(s);
    arena_fini(&scratch);
    CHECK_EQ(mem_fini(&account), 0);
}

static status
touch_and_take(idle_book *a, arena *scratch, error *err) {
    slot    slots[50];
    int32_t count;
    for (int32_t round = 0; round < 8; round++) {
        const int64_t now = round == 0 ? INT64_MIN : round * 50;
        for (slot i = 0; i < 50; i++) {
            slots[i] = i * (slot)(round + 1) % 60;
        }
        TRY(ages_touch(a, now, slots, 50, 60, scratch, err));
        TRY(ages_take(a, now, slots, 50, &count, scratch, err));
    }
    return OK;
}

static status
scenario(mem *m, error *err) {
    store    *s;
    arena     scratch;
    idle_book a = {0};
    TRY(store_open(&s, m, err));
    arena_init(&scratch, m);
    status result = ages_open(&a, s, "a", TTL, err);
    result = result == OK ? touch_and_take(&a, &scratch, err) : result;
    ages_close(&a);
    arena_fini(&scratch);
    store_close(s);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    CHECK(torture("ages", scenario) > 8);
}

UNIT_MAIN(UNIT(test_random), UNIT(test_unknown), UNIT(test_torture))
