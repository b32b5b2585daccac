/* SPDX-License-Identifier: Apache-2.0 */
/* test_hash.c - each byte and the size matter, placement does not, results never change. */
#include "base/hash.h"

#include "unit.h"

static void
test_every_bit_counts(void **state) {
    (void)state;
    enum { SIZE_MAX_TESTED = 200 };
    rng r;
    rng_init(&r, 11);
    for (size_t size = 1; size <= SIZE_MAX_TESTED; size++) {
        /* Exactly sized and shifted: the sanitizer sees a read outside. */
        uint8_t *exact = malloc(size);
        uint8_t *shifted = malloc(size + 3);
        CHECK(exact != NULL && shifted != NULL);
        for (size_t i = 0; i < size; i++) {
            exact[i] = (uint8_t)rng_next(&r);
        }
        memcpy(shifted + 3, exact, size);
        const uint64_t h = hash_bytes(exact, size);
        CHECK(hash_bytes(shifted + 3, size) == h);
        int64_t flipped = 0;
        for (size_t bit = 0; bit < size * 8; bit++) {
            exact[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            const uint64_t other = hash_bytes(exact, size);
            CHECK(other != h);
            flipped += __builtin_popcountll(other ^ h);
            exact[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        const double mean = (double)flipped / (double)(size * 8);
        CHECK(mean > 24 && mean < 40); /* half of 64, roughly */
        free(exact);
        free(shifted);
    }
}

/* Zeros of different sizes are the classic weak spot; so are counters in the low bits. */
static void
test_no_collisions(void **state) {
    (void)state;
    enum { COUNT = 1 << 16, SLOTS = 1 << 20 };
    static uint64_t slots[SLOTS];
    static uint8_t  zeros[COUNT];
    memset(slots, 0, sizeof(slots));
    for (int64_t i = 0; i < 4 * COUNT; i++) {
        uint64_t h;
        switch (i % 4) {
        case 0:
            h = hash_bytes(zeros, (size_t)(i / 4));
            break;
        case 1:
            h = hash_bytes(&i, sizeof(i));
            break;
        case 2:
            h = hash_u64((uint64_t)i);
            break;
        default:
            h = hash_combine((uint64_t)i, (uint64_t)(i + 1));
        }
        uint64_t at = h % SLOTS;
        while (slots[at] != 0) {
            CHECK(slots[at] != h);
            at = (at + 1) % SLOTS;
        }
        slots[at] = h;
    }
    CHECK(hash_combine(hash_u64(1), 2) != hash_combine(hash_u64(2), 1));
}

/* Hashes may be stored: a change here is a change of format. */
static void
test_fixed_results(void **state) {
    (void)state;
    uint8_t data[100];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)i;
    }
    static const size_t sizes[] = {0, 1, 3, 4, 8, 16, 17, 48, 49, 96, 97, 100};
    uint64_t            all = 0;
    for (int32_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        all = hash_combine(all, hash_bytes(data, sizes[i]));
    }
    CHECK(hash_bytes(NULL, 0) == hash_bytes(data, 0));
    CHECK(all == 0x0d8465973d44d93fULL);
}

UNIT_MAIN(UNIT(test_every_bit_counts), UNIT(test_no_collisions), UNIT(test_fixed_results))
