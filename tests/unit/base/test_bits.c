/* SPDX-License-Identifier: Apache-2.0 */
/* test_bits.c - each range operation against one bit at a time, for all offsets within a word. */
#include "base/bits.h"

#include "unit.h"

enum { WORDS = 5, BITS = WORDS * 64 };

static void
fill_random(rng *r, uint64_t *w) {
    for (int32_t i = 0; i < WORDS; i++) {
        w[i] = rng_next(r);
    }
}

static void
test_single(void **state) {
    (void)state;
    uint64_t w[WORDS] = {0};
    for (int64_t i = 0; i < BITS; i++) {
        CHECK(!bits_get(w, i));
        bits_set(w, i);
        CHECK(bits_get(w, i));
        CHECK_EQ(bits_count(w, BITS), i + 1);
    }
    bits_put(w, 70, false);
    CHECK_EQ(w[1], ~(1ULL << 6));
    bits_put(w, 70, true);
    bits_clear(w, 0);
    CHECK_EQ(w[0], ~1ULL);
    CHECK_EQ(bits_words(0), 0);
    CHECK_EQ(bits_words(64), 1);
    CHECK_EQ(bits_words(65), 2);
}

static void
test_fill_count_all(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 21);
    for (int64_t first = 0; first < 130; first++) {
        for (int64_t count = 0; first + count <= BITS; count += 1 + count / 40) {
            const bool on = (first + count) % 2 == 0;
            uint64_t   w[WORDS];
            uint64_t   wanted[WORDS];
            fill_random(&r, w);
            memcpy(wanted, w, sizeof(w));
            for (int64_t i = 0; i < count; i++) {
                bits_put(wanted, first + i, on);
            }
            bits_fill(w, first, count, on);
            CHECK(memcmp(w, wanted, sizeof(w)) == 0);
            int64_t set = 0;
            for (int64_t i = 0; i < count; i++) {
                set += bits_get(w, i);
            }
            CHECK_EQ(bits_count(w, count), set);
            CHECK_EQ(bits_all(w, count), set == count);
        }
    }
    uint64_t w[WORDS] = {0};
    for (int64_t count = 0; count < BITS; count++) {
        CHECK(bits_all(w, count));
        bits_set(w, count);
    }
    bits_clear(w, 100);
    CHECK(bits_all(w, 100) && !bits_all(w, 101) && !bits_all(w, BITS));
    CHECK(bits_all(NULL, 0));
    CHECK_EQ(bits_count(NULL, 0), 0);
}

/* The source is sized to the byte, so that the sanitizer sees a read past the last byte needed. */
static void
check_copy(rng *r, int64_t dst_first, int64_t src_first, int64_t count) {
    uint64_t      noise[WORDS];
    uint64_t      dst[WORDS];
    uint64_t      wanted[WORDS];
    const int64_t first_byte = src_first / 8;
    const int64_t bytes = (src_first + count + 7) / 8 - first_byte;
    uint8_t      *exact = malloc(bytes > 0 ? (size_t)bytes : 1);
    CHECK(exact != NULL);
    fill_random(r, noise);
    memcpy(exact, noise, (size_t)bytes);
    fill_random(r, dst);
    memcpy(wanted, dst, sizeof(dst));
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = src_first - first_byte * 8 + i;
        bits_put(wanted, dst_first + i, (exact[at >> 3] >> (at & 7)) & 1);
    }
    /* The bytes before the first one needed do not exist either. */
    bits_copy(dst, dst_first, exact, src_first - first_byte * 8, count);
    if (memcmp(dst, wanted, sizeof(dst)) != 0) {
        print_error("dst %d, src %d, count %d\n", (int)dst_first, (int)src_first, (int)count);
        fail();
    }
    free(exact);
}

static void
test_copy(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 22);
    static const int64_t counts[] = {0,  1,  2,  7,  8,  9,  31, 55,  56,  57,  58,
                                     62, 63, 64, 65, 66, 72, 73, 120, 127, 128, 191};
    for (int64_t dst_first = 0; dst_first < 66; dst_first++) {
        for (int64_t src_first = 0; src_first < 66; src_first++) {
            for (int32_t i = 0; i < ARRAY_COUNT(counts); i++) {
                check_copy(&r, dst_first, src_first, counts[i]);
            }
        }
    }
    for (int32_t run = 0; run < 20000; run++) {
        const int64_t dst_first = (int64_t)rng_below(&r, 160);
        check_copy(&r, dst_first, (int64_t)rng_below(&r, 16), (int64_t)rng_below(&r, 160));
    }
    uint64_t dst[2] = {1, 2};
    bits_copy(dst, 3, NULL, 5, 0);
    CHECK_EQ(dst[0], 1);
}

UNIT_MAIN(UNIT(test_single), UNIT(test_fill_count_all), UNIT(test_copy))
