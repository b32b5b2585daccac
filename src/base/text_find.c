/* SPDX-License-Identifier: Apache-2.0 */
/* text_find.c - a byte and a short text within a text, eight places at a time in a word.
 *
 * Texts of a row are short, so what a search needs before its first comparison counts more than
 * what it takes for a byte. Long needles are left to the C library, which never looks at a place
 * twice. */
#include "base/text.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

enum { NEEDLE_MAX = 64 };

ALWAYS_INLINE uint64_t
load_word(const char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    return w;
}

/* The high bit of each byte of w that is 0, and of no other. */
ALWAYS_INLINE uint64_t
zero_bytes(uint64_t w) {
    return ~(((w & ~HIGHS) + ~HIGHS) | w) & HIGHS;
}

/* The first of the places that `hits` marks behind `at` where all of `what` stands. */
static const char *
confirm(const char *at, uint64_t hits, text what) {
    for (; hits != 0; hits &= hits - 1) {
        const char *p = at + (__builtin_ctzll(hits) >> 3);
        if (memcmp(p, what.data, what.size) == 0) {
            return p;
        }
    }
    return NULL;
}

/* 2 .. NEEDLE_MAX bytes: places where the first and the last byte fit are looked at. */
static const char *
find_short(text s, text what) {
    const size_t   places = s.size - what.size + 1;
    const char    *last_of = s.data + what.size - 1;
    const uint64_t first = ONES * (uint8_t)what.data[0];
    const uint64_t last = ONES * (uint8_t)what.data[what.size - 1];
    size_t         at = 0;
    for (; at + 8 <= places; at += 8) {
        const uint64_t hits =
            zero_bytes((load_word(s.data + at) ^ first) | (load_word(last_of + at) ^ last));
        const char *found = hits == 0 ? NULL : confirm(s.data + at, hits, what);
        if (found != NULL) {
            return found;
        }
    }
    for (; at < places; at++) {
        if (s.data[at] == what.data[0] && last_of[at] == what.data[what.size - 1] &&
            memcmp(s.data + at, what.data, what.size) == 0) {
            return s.data + at;
        }
    }
    return NULL;
}

const char *
text_find(text s, text what) {
    if (what.size > s.size) {
        return NULL;
    }
    if (what.size == 0) {
        return s.data;
    }
    if (what.size == 1) {
        return memchr(s.data, what.data[0], s.size);
    }
    return what.size <= NEEDLE_MAX ? find_short(s, what)
                                   : memmem(s.data, s.size, what.data, what.size);
}

const char *
text_find_byte(text s, char b, int64_t *left) {
    const uint64_t wanted = ONES * (uint8_t)b;
    size_t         at = 0;
    for (; at + 8 <= s.size; at += 8) {
        uint64_t      hits = zero_bytes(load_word(s.data + at) ^ wanted);
        const int64_t count = (int64_t)(((hits >> 7) * ONES) >> 56);
        if (count >= *left) {
            for (; *left > 1; --*left) {
                hits &= hits - 1;
            }
            *left = 0;
            return s.data + at + (__builtin_ctzll(hits) >> 3);
        }
        *left -= count;
    }
    for (; at < s.size; at++) {
        if (s.data[at] == b && --*left == 0) {
            return s.data + at;
        }
    }
    return NULL;
}
