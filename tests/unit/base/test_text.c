/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - comparing, UTF-8 against a decoder written the slow way, edit distance. */
#include "unit.h"

static void
test_compare(void **state) {
    (void)state;
    const text none = {NULL, 0};
    CHECK(text_equal(none, TEXT("")));
    CHECK(text_equal(TEXT("a\0b"), TEXT("a\0b")));
    CHECK(!text_equal(TEXT("a\0b"), TEXT("a\0c")));
    CHECK(text_equal_nocase(TEXT("SeLeCt"), TEXT("sElEcT")));
    CHECK(!text_equal_nocase(TEXT("[x"), TEXT("{x"))); /* differ by 0x20 and are no letters */
    CHECK(!text_equal_nocase(TEXT("\xc3\x84"), TEXT("\xc3\xa4")));
    CHECK_EQ(text_compare(none, none), 0);
    CHECK(text_compare(none, TEXT("a")) < 0);
    CHECK(text_compare(TEXT("b"), TEXT("ab")) > 0);
    CHECK(text_compare(TEXT("ab"), TEXT("abc")) < 0);
    CHECK(text_compare(TEXT("a\x80"), TEXT("a\x7f")) > 0);
    CHECK_TEXT(text_of(NULL), "");
    CHECK_TEXT(text_of("xyz"), "xyz");
}

/* Decodes, then applies the definition: shortest form, no surrogate, at most U+10FFFF. */
static int32_t
slow_fault(const uint8_t *s, int32_t size) {
    for (int32_t i = 0; i < size;) {
        const int32_t length = s[i] < 0x80 ? 1 : s[i] >> 5 == 6 ? 2 : s[i] >> 4 == 14 ? 3 : 4;
        if ((length == 4 && s[i] >> 3 != 30) || i + length > size) {
            return i;
        }
        uint32_t point = length == 1 ? s[i] : s[i] & (0xffU >> (length + 1));
        for (int32_t k = 1; k < length; k++) {
            if (s[i + k] >> 6 != 2) {
                return i;
            }
            point = (point << 6) | (s[i + k] & 0x3f);
        }
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
            return i;
        }
        i += length;
    }
    return -1;
}

static void
check_utf8(const uint8_t *s, int32_t size) {
    const text    t = {(const char *)s, (size_t)size};
    const int32_t wanted = slow_fault(s, size);
    if (text_utf8_fault(t) != wanted || text_is_utf8(t) != (wanted < 0)) {
        print_error("%02x %02x %02x %02x, %d bytes\n", s[0], s[1], s[2], s[3], (int)size);
        CHECK_EQ(text_utf8_fault(t), wanted);
    }
}

/* All byte strings of up to three bytes; of four with every lead, and the edges of the others. */
static void
test_utf8_exhaustive(void **state) {
    (void)state;
    uint8_t s[4] = {0};
    for (uint32_t x = 0; x < 1U << 24; x++) {
        s[0] = (uint8_t)x;
        s[1] = (uint8_t)(x >> 8);
        s[2] = (uint8_t)(x >> 16);
        check_utf8(s, 3);
        if (x < 1U << 16) {
            check_utf8(s, 2);
        }
        if (x < 1U << 8) {
            check_utf8(s, 1);
        }
    }
    static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (uint32_t x = 0; x < 1U << 16; x++) {
        s[0] = (uint8_t)x;
        s[1] = (uint8_t)(x >> 8);
        for (int32_t i = 0; i < 100; i++) {
            s[2] = edges[i % 10];
            s[3] = edges[i / 10];
            check_utf8(s, 4);
        }
    }
    CHECK(text_is_utf8((text){NULL, 0}));
}

/* Longer text, mostly valid, so that the eight-byte steps meet faults at every offset. */
static void
test_utf8_long(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "a", "word", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "12345678"};
    rng r;
    rng_init(&r, 9);
    for (int32_t run = 0; run < 30000; run++) {
        uint8_t s[96];
        int32_t size = 0;
        while (size < 80) {
            const char *piece = pieces[rng_below(&r, 6)];
            memcpy(s + size, piece, strlen(piece));
            size += (int32_t)strlen(piece);
        }
        if (run % 2 == 0) {
            s[rng_below(&r, (uint64_t)size)] = (uint8_t)rng_next(&r);
        }
        check_utf8(s, size - (int32_t)rng_below(&r, 9));
    }
}

/* The definition of optimal string alignment, by recursion on short texts. */
static int32_t
slow_distance(const char *a, int32_t n, const char *b, int32_t k) {
    if (n == 0 || k == 0) {
        return n + k;
    }
    int32_t       best = slow_distance(a, n - 1, b, k - 1) + (a[n - 1] != b[k - 1]);
    const int32_t deleted = slow_distance(a, n - 1, b, k) + 1;
    const int32_t inserted = slow_distance(a, n, b, k - 1) + 1;
    best = deleted < best ? deleted : best;
    best = inserted < best ? inserted : best;
    if (n > 1 && k > 1 && a[n - 1] == b[k - 2] && a[n - 2] == b[k - 1]) {
        const int32_t swapped = slow_distance(a, n - 2, b, k - 2) + 1;
        best = swapped < best ? swapped : best;
    }
    return best;
}

static void
test_distance(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 5);
    for (int32_t run = 0; run < 3000; run++) {
        char          a[5];
        char          b[5];
        const int32_t n = (int32_t)rng_below(&r, 6);
        const int32_t k = (int32_t)rng_below(&r, 6);
        for (int32_t i = 0; i < 5; i++) {
            a[i] = (char)('a' + rng_below(&r, 3));
            b[i] = (char)('a' + rng_below(&r, 3));
        }
        const int32_t wanted = slow_distance(a, n, b, k);
        for (int32_t limit = 0; limit < 6; limit++) {
            CHECK_EQ(text_distance((text){a, (size_t)n}, (text){b, (size_t)k}, limit),
                     wanted > limit ? limit + 1 : wanted);
        }
    }
    CHECK_EQ(text_distance(TEXT("PRICE"), TEXT("price"), 0), 0);
    char long_name[300];
    memset(long_name, 'x', sizeof(long_name));
    CHECK_EQ(text_distance((text){long_name, 300}, (text){long_name, 299}, 3), 4);
    CHECK_EQ(text_distance((text){long_name, 300}, (text){long_name, 300}, 3), 0);
    CHECK_EQ(text_distance((text){long_name, 127}, (text){long_name, 126}, 3), 1);
}

static void
test_nearest(void **state) {
    (void)state;
    const text names[] = {TEXT("symbol"), TEXT("price"), TEXT("volume"), TEXT("ts"),
                          TEXT("Prices")};
    CHECK_EQ(text_nearest(TEXT("pirce"), names, 5), 1);
    CHECK_EQ(text_nearest(TEXT("PRICE"), names, 5), 1);
    CHECK_EQ(text_nearest(TEXT("prices"), names, 5), 4);
    CHECK_EQ(text_nearest(TEXT("symbl"), names, 5), 0);
    CHECK_EQ(text_nearest(TEXT("st"), names, 5), 3);
    CHECK_EQ(text_nearest(TEXT("quantity"), names, 5), -1);
    CHECK_EQ(text_nearest(TEXT("xy"), names, 5), -1);
    CHECK_EQ(text_nearest(TEXT(""), names, 5), -1);
    CHECK_EQ(text_nearest(TEXT("price"), NULL, 0), -1);
}

/* Every size to 40 with every byte at every place: what a VARCHAR takes is UTF-8 without NUL. */
static void
test_storable(void **state) {
    (void)state;
    char bytes[40];
    memset(bytes, 'x', sizeof(bytes));
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        const text t = {bytes, size};
        CHECK(text_is_storable(t));
        for (size_t at = 0; at < size; at++) {
            for (int32_t c = 0; c < 256; c++) {
                bytes[at] = (char)c;
                CHECK_EQ(text_is_storable(t), c > 0 && c < 128);
            }
            bytes[at] = 'x';
        }
    }
    memcpy(bytes + 7, "\xc3\xbc", 2);
    CHECK(text_is_storable((text){bytes, 20}));
    CHECK(!text_is_storable((text){bytes, 8}));
    bytes[9] = '\0';
    CHECK(!text_is_storable((text){bytes, 20}));
}

/* Against one place after another. */
static void
test_find(void **state UNUSED) {
    static const char letters[] = {'a', 'b', '\x00', '\x01', '\x80', '\xff'};
    rng               r;
    int64_t           found = 0;
    rng_init(&r, 21);
    for (int32_t i = 0; i < 40000; i++) {
        char           s[100], what[80];
        const uint64_t kinds = 1 + rng_below(&r, ARRAY_COUNT(letters));
        const size_t   size = rng_below(&r, sizeof(s) + 1);
        const size_t   n = rng_below(&r, i % 10 == 0 ? sizeof(what) + 1 : 6);
        for (size_t k = 0; k < sizeof(s); k++) {
            s[k] = letters[rng_below(&r, kinds)];
        }
        for (size_t k = 0; k < sizeof(what); k++) {
            what[k] = letters[rng_below(&r, kinds)];
        }
        if (i % 3 == 0 && n <= size) {
            memcpy(what, s + rng_below(&r, size - n + 1), n);
        }
        const char *expected = NULL;
        for (size_t at = 0; expected == NULL && at + n <= size; at++) {
            expected = memcmp(s + at, what, n) == 0 ? s + at : NULL;
        }
        CHECK(text_find((text){s, size}, (text){what, n}) == expected);
        found += expected != NULL;

        const char *third = NULL;
        int64_t     left = 3, all = INT64_MAX, count = 0;
        for (size_t at = 0; at < size; at++) {
            count += s[at] == what[0];
            third = third == NULL && count == 3 ? s + at : third;
        }
        CHECK(text_find_byte((text){s, size}, what[0], &left) == third);
        CHECK_EQ(left, count < 3 ? 3 - count : 0);
        CHECK(text_find_byte((text){s, size}, what[0], &all) == NULL);
        CHECK_EQ(all, INT64_MAX - count);
    }
    CHECK(found > 10000 && found < 35000);
}

UNIT_MAIN(UNIT(test_find), UNIT(test_storable), UNIT(test_compare), UNIT(test_utf8_exhaustive),
          UNIT(test_utf8_long), UNIT(test_distance), UNIT(test_nearest))
