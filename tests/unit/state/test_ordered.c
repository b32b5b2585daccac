/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered index against a sorted array, under a live snapshot, and with failing allocations. */
#include "unit.h"

#include "state/ordered.h"

#define SLOTS 400

static int64_t values[SLOTS]; /* order: by value, then by slot */

static int
compare(const void *context, slot a, slot b) {
    const int64_t *v = context;
    return v[a] != v[b] ? (v[a] > v[b]) - (v[a] < v[b]) : (a > b) - (a < b);
}

static state_array weights; /* of the slots in test_random */

static void
check_weights(const ordered *o, const slot *sorted, uint64_t count) {
    int64_t before = 0;
    for (uint64_t i = 0; i < count; i++) {
        const int64_t w = *ARRAY_AT(&weights, int64_t, sorted[i]);
        CHECK_EQ(ordered_at_weight_in(o, 0, before), sorted[i]);
        CHECK_EQ(ordered_at_weight_in(o, 0, before + w - 1), sorted[i]);
        before += w;
    }
    CHECK_EQ(ordered_at_weight_in(o, 0, before), SLOT_NONE);
}

static void
check_against(const ordered *o, const slot *sorted, uint64_t count) {
    CHECK_EQ(ordered_count(o), count);
    CHECK_EQ(ordered_first(o), count == 0 ? SLOT_NONE : sorted[0]);
    CHECK_EQ(ordered_last(o), count == 0 ? SLOT_NONE : sorted[count - 1]);
    CHECK_EQ(ordered_at(o, count), SLOT_NONE);
    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ(ordered_at(o, i), sorted[i]);
        CHECK_EQ(ordered_rank(o, sorted[i]), i);
        CHECK_EQ(ordered_next(o, sorted[i]), i + 1 < count ? sorted[i + 1] : SLOT_NONE);
        CHECK_EQ(ordered_previous(o, sorted[i]), i > 0 ? sorted[i - 1] : SLOT_NONE);
    }
}

static void
test_random(void **unused) {
    (void)unused;
    mem             account;
    error           err = {0};
    store          *s;
    ordered         o;
    rng             r;
    slot            sorted[SLOTS] = {0};
    uint64_t        count = 0;
    store_snapshot *shot = NULL;
    mem_init(&account, INT64_MAX);
    rng_init(&r, 7);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(ordered_open(&o, s, "o", compare, values, &err));
    CHECK_OK(array_open(&weights, s, "weights", sizeof(int64_t), &err));
    CHECK_OK(array_reserve_to(&weights, SLOTS, &err));
    CHECK_OK(ordered_weigh(&o, s, "o", &weights, &err));
    check_against(&o, sorted, 0);
    for (int step = 0; step < 6000; step++) {
        const slot at = (slot)rng_below(&r, SLOTS);
        uint64_t   place = 0;
        const bool in = ordered_has(&o, at);
        CHECK_OK(array_touch(&weights, at, 1, &err));
        *ARRAY_AT(&weights, int64_t, at) = 1 + (int64_t)rng_below(&r, 9);
        if (in && rng_below(&r, 2) == 0) {
            CHECK_OK(ordered_reweigh(&o, at, &err));
            continue;
        }
        if (!in) {
            values[at] = (int64_t)rng_below(&r, 50);
        }
        while (place < count && compare(values, sorted[place], at) < 0) {
            place++;
        }
        if (in) {
            CHECK_EQ(sorted[place], at);
            CHECK_OK(ordered_remove(&o, at, &err));
            memmove(sorted + place, sorted + place + 1, (count - place - 1) * sizeof(slot));
            count--;
        } else {
            CHECK_OK(ordered_insert(&o, at, &err));
            memmove(sorted + place + 1, sorted + place, (count - place) * sizeof(slot));
            sorted[place] = at;
            count++;
        }
        if (step % 50 == 0) {
            store_snapshot_close(shot);
            CHECK_OK(store_snapshot_open(&shot, s, &err));
            CHECK_OK(ordered_validate(&o, &err));
            check_against(&o, sorted, count);
            check_weights(&o, sorted, count);
        }
    }
    while (count > 0) {
        CHECK_OK(ordered_remove(&o, sorted[--count], &err));
    }
    CHECK_OK(ordered_validate(&o, &err));
    check_against(&o, sorted, 0);
    store_snapshot_close(shot);
    ordered_close(&o);
    array_close(&weights);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

/* Sorted input must not make a list of the tree. */
static void
test_depth(void **unused) {
    (void)unused;
    mem            account;
    error          err = {0};
    store         *s;
    ordered        o;
    static int64_t ascending[20000];
    mem_init(&account, INT64_MAX);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(ordered_open(&o, s, "o", compare, ascending, &err));
    for (slot i = 0; i < 20000; i++) {
        ascending[i] = (int64_t)i;
        CHECK_OK(ordered_insert(&o, i, &err));
    }
    CHECK_OK(ordered_validate(&o, &err));
    int deepest = 0;
    for (slot i = 0; i < 20000; i += 17) {
        int depth = 0;
        for (slot up = i; up != SLOT_NONE; depth++) {
            up = ARRAY_AT(&o.nodes, slot, 4 * (size_t)up)[2]; /* left, right, parent, count */
        }
        deepest = depth > deepest ? depth : deepest;
    }
    CHECK(deepest < 60);
    ordered_close(&o);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

/* Every operation happens wholly or not at all, whatever allocation fails. */
static status
change_under_snapshot(ordered *o, store *s, store_snapshot **shot, error *err) {
    for (slot i = 0; i < 100; i++) {
        values[i] = (int64_t)((i * 37) % 101);
        TRY(ordered_insert(o, i, err));
    }
    for (slot i = 0; i < 100; i += 3) {
        store_snapshot_close(*shot);
        *shot = NULL;
        TRY(store_snapshot_open(shot, s, err));
        TRY(ordered_remove(o, i, err));
    }
    return OK;
}

static status
scenario(mem *m, error *err) {
    store *s;
    TRY(store_open(&s, m, err));
    ordered         o;
    store_snapshot *shot = NULL;
    status          result = ordered_open(&o, s, "o", compare, values, err);
    if (result == OK) {
        result = change_under_snapshot(&o, s, &shot, err);
        error ignored;
        CHECK_EQ(ordered_validate(&o, &ignored), OK);
        ordered_close(&o);
    }
    store_snapshot_close(shot);
    store_close(s);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    CHECK(torture("ordered", scenario) > 8);
}

UNIT_MAIN(UNIT(test_random), UNIT(test_depth), UNIT(test_torture))
