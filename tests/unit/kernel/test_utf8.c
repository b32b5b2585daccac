/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 validation against the plain decoder of base: every short sequence, random mutations at
 * every alignment, all levels. */
#include "unit.h"

#include "base/text.h"
#include "kernel/dispatch.h"
#include "kernel/kernel.h"

static void
check(const uint8_t *bytes, size_t size) {
    const text    t = {(const char *)bytes, size};
    const int64_t fault = utf8_fault(t.data, (int64_t)size);
    if (fault != text_utf8_fault(t) || (fault < 0) != text_is_utf8(t)) {
        print_error("size %zu: %lld instead of %d\n", size, (long long)fault, text_utf8_fault(t));
        fail();
    }
}

static void
test_short(void **state) {
    (void)state;
    check(NULL, 0);
    for (uint32_t x = 0; x < 1u << 16; x++) {
        const uint8_t two[2] = {(uint8_t)x, (uint8_t)(x >> 8)};
        check(two, 1);
        check(two, 2);
    }
    static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                    0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    const size_t         n = sizeof(edges);
    for (size_t x = 0; x < n * n * n * n; x++) {
        const uint8_t four[4] = {edges[x % n], edges[x / n % n], edges[x / n / n % n],
                                 edges[x / n / n / n]};
        check(four, 3);
        check(four, 4);
    }
}

/* A sequence across the end of a block: utf8_fault finds the same place, and what utf8_blocks says
 * is so, and no less than it can say. */
static void
check_in_blocks(const uint8_t *bytes, size_t count, uint32_t shift) {
    char       built[192];
    const text t = {built, sizeof(built)};
    memset(built, 'x', sizeof(built));
    memcpy(built + 60 + shift % 8, bytes, count);
    const int64_t want = text_utf8_fault(t);
    const int64_t fault = utf8_fault(built, (int64_t)t.size);
    const int64_t known = kernel_active()->utf8_blocks(built, (int64_t)t.size);
    if (fault != want || (want >= 0 ? known > want || known + 67 < want : known != 192)) {
        print_error("%02x %02x %02x %02x: %lld, %lld known, should be %lld\n", bytes[0], bytes[1],
                    bytes[2], bytes[3], (long long)fault, (long long)known, (long long)want);
        fail();
    }
}

static void
test_blocks(void **state) {
    (void)state;
    kernel_init();
    if (strcmp(kernel_level(), "baseline") == 0) {
        return;
    }
    uint32_t shift = 0;
    for (uint32_t x = 0; x < 1u << 16; x++) {
        const uint8_t two[4] = {(uint8_t)x, (uint8_t)(x >> 8)};
        check_in_blocks(two, 2, shift++);
    }
    for (uint32_t x = 0; x < 1u << 20; x++) { /* all of three bytes whose first is E0 .. EF */
        const uint8_t three[4] = {(uint8_t)(0xE0 | (x & 15)), (uint8_t)(x >> 4),
                                  (uint8_t)(x >> 12)};
        check_in_blocks(three, 3, shift++);
    }
    for (uint32_t x = 0; x < 1u << 20; x++) { /* F0 .. FF, each second byte; the others by nibble */
        const uint8_t four[4] = {(uint8_t)(0xF0 | (x & 15)), (uint8_t)(x >> 4),
                                 (uint8_t)((x >> 12 & 15) << 4), (uint8_t)((x >> 16) << 4)};
        check_in_blocks(four, 4, shift++);
    }
}

static size_t
append_character(rng *r, uint8_t *p, bool ascii) {
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                             "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    if (ascii) {
        p[0] = (uint8_t)(' ' + rng_below(r, 95));
        return 1;
    }
    const char  *c = characters[rng_below(r, 5)];
    const size_t size = strlen(c);
    memcpy(p, c, size);
    return size;
}

static void
mutate(rng *r, int rounds) {
    for (int round = 0; round < rounds; round++) {
        const size_t   limit = (size_t)rng_below(r, 900);
        const uint64_t other = rng_below(r, 3) == 0 ? 2 : 200; /* one in how many is not ASCII */
        uint8_t        built[1000];
        size_t         size = 0;
        while (size < limit) {
            size += append_character(r, built + size, rng_below(r, other) > 0);
        }
        for (uint64_t k = rng_below(r, 3); k > 0 && size > 0; k--) {
            built[rng_below(r, size)] = (uint8_t)rng_next(r);
        }
        size -= size > 0 && rng_below(r, 4) == 0;
        uint8_t *exact = test_malloc(size + 1); /* reading beyond the end is seen */
        memcpy(exact + 1, built, size);
        check(exact + 1, size);
        test_free(exact);
    }
}

static void
test_mutations(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 1);
    CHECK_STR(kernel_level(), "baseline");
    mutate(&r, 5000);
    kernel_init();
    kernel_init();
    print_message("level: %s\n", kernel_level());
    mutate(&r, 5000);
}

/* All levels that this machine has, one bad byte at every place. */
static void
test_plain_blocks(void **state) {
    (void)state;
    int64_t (*levels[3])(const char *, int64_t) = {plain_blocks_baseline, NULL, NULL};
#ifdef KERNEL_X86
    kernel_init();
    levels[1] = strcmp(kernel_level(), "baseline") != 0 ? plain_blocks_avx2 : NULL;
    levels[2] = strcmp(kernel_level(), "avx512") == 0 ? plain_blocks_avx512 : NULL;
#endif
    char bytes[700];
    for (int level = 0; level < 3; level++) {
        for (int64_t at = 0; levels[level] != NULL && at <= 700; at++) {
            memset(bytes, 'x', sizeof(bytes));
            if (at < 700) {
                bytes[at] = at % 2 == 0 ? (char)0x80 : '\0';
            }
            CHECK_EQ(utf8_is_plain(bytes, 700), at == 700);
            const int64_t known = levels[level](bytes, 700);
            CHECK(known <= at && known > at - 256 - 64);
            CHECK(at < 700 || known > 700 - 64);
        }
    }
}

UNIT_MAIN(UNIT(test_short), UNIT(test_mutations), UNIT(test_blocks), UNIT(test_plain_blocks))
