/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - comparing and checking borrowed text, and the edit distance behind "did you mean".
 *
 * Nothing here allocates; data may be NULL when size is 0. */
#include "base/text.h"

enum { DISTANCE_SIZE_MAX = 127 }; /* longer names are never near each other */

text
text_of(const char *terminated) {
    return terminated == NULL ? (text){"", 0} : (text){terminated, strlen(terminated)};
}

static uint8_t
fold_case(char c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : (uint8_t)c;
}

bool
text_equal(text a, text b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool
text_equal_nocase(text a, text b) {
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (fold_case(a.data[i]) != fold_case(b.data[i])) {
            return false;
        }
    }
    return true;
}

int
text_compare(text a, text b) {
    const size_t shared = a.size < b.size ? a.size : b.size;
    const int    order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

/* Bytes of the well-formed character at `s` (Unicode 15, table 3-7), 0 when there is none. */
static size_t
utf8_length(const uint8_t *s, size_t left) {
    const uint8_t lead = s[0];
    if (lead < 0x80) {
        return 1;
    }
    const size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || length > left) {
        return 0;
    }
    /* The second byte alone decides on overlong forms, surrogates and code points above
     * U+10FFFF. */
    const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

/* Start of the first ill-formed sequence; t.size when there is none. */
static size_t
utf8_valid_size(text t) {
    const uint8_t *s = (const uint8_t *)t.data;
    size_t         i = 0;
    while (i < t.size) {
        uint64_t word;
        while (t.size - i >= sizeof(word)) { /* ASCII, eight bytes at a time */
            memcpy(&word, s + i, sizeof(word));
            if ((word & 0x8080808080808080ULL) != 0) {
                break;
            }
            i += sizeof(word);
        }
        /* Up to eight characters before the next look for ASCII: mixed text must not pay twice. */
        for (int32_t n = 0; n < 8 && i < t.size; n++) {
            const size_t length = utf8_length(s + i, t.size - i);
            if (length == 0) {
                return i;
            }
            i += length;
        }
    }
    return t.size;
}

bool
text_is_utf8(text t) {
    return utf8_valid_size(t) == t.size;
}

int32_t
text_utf8_fault(text t) {
    const size_t valid = utf8_valid_size(t);
    if (valid == t.size) {
        return -1;
    }
    return valid > (size_t)INT32_MAX ? INT32_MAX : (int32_t)valid;
}

/* All bytes of a word are 1 .. 127. Without a byte that is zero or has its high bit set, taking 1
 * of each borrows from none. */
ALWAYS_INLINE bool
is_plain_word(uint64_t w) {
    return (((w - UINT64_C(0x0101010101010101)) | w) & UINT64_C(0x8080808080808080)) == 0;
}

/* ASCII without NUL, eight bytes at a time; the last word overlaps the one before. */
static bool
is_plain(text t) {
    uint64_t w;
    if (t.size < 4) { /* 1 .. 3 */
        return is_plain_word(UINT64_C(0x0101010101000000) | (uint8_t)t.data[0] |
                             (uint64_t)(uint8_t)t.data[t.size / 2] << 8 |
                             (uint64_t)(uint8_t)t.data[t.size - 1] << 16);
    }
    if (t.size < 8) {
        uint32_t low, high;
        memcpy(&low, t.data, 4);
        memcpy(&high, t.data + t.size - 4, 4);
        return is_plain_word(low | (uint64_t)high << 32);
    }
    for (size_t i = 0; i + 8 < t.size; i += 8) {
        memcpy(&w, t.data + i, 8);
        if (!is_plain_word(w)) {
            return false;
        }
    }
    memcpy(&w, t.data + t.size - 8, 8);
    return is_plain_word(w);
}

bool
text_is_storable(text t) {
    return t.size == 0 || is_plain(t) ||
           (text_utf8_fault(t) < 0 && memchr(t.data, '\0', t.size) == NULL);
}

static int32_t
min3(int32_t a, int32_t b, int32_t c) {
    const int32_t least = a < b ? a : b;
    return least < c ? least : c;
}

void
text_cut(char *out, size_t size, text t) {
    const size_t n = t.size < size ? t.size : size - 1;
    if (n > 0) {
        memcpy(out, t.data, n);
    }
    const int32_t fault = text_utf8_fault((text){out, n});
    out[fault < 0 ? n : (size_t)fault] = '\0';
}

int32_t
text_distance(text a, text b, int32_t limit) {
    const size_t gap = a.size > b.size ? a.size - b.size : b.size - a.size;
    if (text_equal_nocase(a, b)) {
        return 0;
    }
    if (limit <= 0 || gap > (size_t)limit || a.size > DISTANCE_SIZE_MAX ||
        b.size > DISTANCE_SIZE_MAX) {
        return limit < 0 ? 0 : limit + 1;
    }
    /* rows[i % 3][j]: distance of the first i bytes of a to the first j of b. */
    int32_t rows[3][DISTANCE_SIZE_MAX + 1];
    for (size_t j = 0; j <= b.size; j++) {
        rows[0][j] = (int32_t)j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        int32_t       *row = rows[i % 3];
        const int32_t *last = rows[(i + 2) % 3];
        const int32_t *before = rows[(i + 1) % 3];
        const uint8_t  x = fold_case(a.data[i - 1]);
        row[0] = (int32_t)i;
        for (size_t j = 1; j <= b.size; j++) {
            const uint8_t y = fold_case(b.data[j - 1]);
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold_case(b.data[j - 2]) && fold_case(a.data[i - 2]) == y &&
                before[j - 2] + 1 < row[j]) {
                row[j] = before[j - 2] + 1;
            }
        }
    }
    const int32_t distance = rows[a.size % 3][b.size];
    return distance > limit ? limit + 1 : distance;
}

int32_t
text_nearest(text wrong, const text *candidates, int32_t count) {
    /* One mistake in three characters, at most three: beyond that the guess is noise. */
    int32_t best_distance = wrong.size >= 8 ? 4 : (int32_t)((wrong.size + 1) / 3) + 1;
    int32_t best = -1;
    if (wrong.size == 0) {
        return -1;
    }
    for (int32_t i = 0; i < count; i++) {
        const int32_t distance = text_distance(wrong, candidates[i], best_distance - 1);
        if (distance < best_distance) {
            best_distance = distance;
            best = i;
        }
        if (best_distance == 0) {
            break;
        }
    }
    return best;
}
