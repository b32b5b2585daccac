/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c - counting, stepping and case mapping over text that is known to be valid UTF-8. */
#include "expr/call.h"

/* A one in each byte that goes on a character (10xxxxxx). */
static uint64_t
bytes_that_go_on(uint64_t word) {
    return (word >> 7) & ~(word >> 6) & 0x0101010101010101ULL;
}

#define WORDS_SUMMED 255 /* at most, before a byte of their sum is full */

int64_t
utf8_count(text t) {
    int64_t n = (int64_t)t.size;
    size_t  at = 0;
    while (at + 8 <= t.size) {
        uint64_t sum = 0;
        size_t   end = at + (size_t)8 * WORDS_SUMMED;
        for (end = end < t.size ? end : t.size; at + 8 <= end; at += 8) {
            uint64_t word;
            memcpy(&word, t.data + at, 8);
            sum += bytes_that_go_on(word);
        }
        const uint64_t pairs = (sum & 0x00FF00FF00FF00FFULL) + ((sum >> 8) & 0x00FF00FF00FF00FFULL);
        n -= (int64_t)((pairs * 0x0001000100010001ULL) >> 48);
    }
    for (; at < t.size; at++) {
        n -= !utf8_is_start(t.data[at]);
    }
    return n;
}

size_t
utf8_skip(text t, int64_t count) {
    size_t at = 0;
    while (count > 0 && at < t.size) {
        at += utf8_width(t.data + at);
        count--;
    }
    return at < t.size ? at : t.size;
}

size_t
utf8_skip_back(text t, int64_t count) {
    size_t at = t.size;
    while (count > 0 && at > 0) {
        at--;
        count -= utf8_is_start(t.data[at]);
    }
    return at;
}

/* Takes and gives code points U+0080 .. U+07FF: two bytes each. Letters whose other case
 * needs another size stay. */
static uint32_t
lower_wide(uint32_t c) {
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3AB && c != 0x3A2) ||
        (c >= 0x410 && c <= 0x42F)) {
        return c + 32;
    }
    if (c >= 0x400 && c <= 0x40F) {
        return c + 80;
    }
    if ((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177) ||
        (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x52F)) {
        return c | 1;
    }
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) {
        return c + (c & 1);
    }
    switch (c) {
    case 0x178:
        return 0xFF;
    case 0x386:
        return 0x3AC;
    case 0x388:
    case 0x389:
    case 0x38A:
        return c + 37;
    case 0x38C:
        return 0x3CC;
    case 0x38E:
    case 0x38F:
        return c + 63;
    default:
        return c;
    }
}

void
utf8_lower(char *out, text t) {
    for (size_t i = 0; i < t.size; i++) {
        const char b = t.data[i];
        if (LIKELY((uint8_t)b < 0x80)) {
            out[i] = (uint8_t)(b - 'A') < 26 ? (char)(b ^ 0x20) : b;
        } else if (((uint8_t)b & 0xE0) == 0xC0 && i + 1 < t.size) {
            const uint32_t c = (((uint32_t)b & 0x1F) << 6) | ((uint32_t)t.data[i + 1] & 0x3F);
            const uint32_t m = lower_wide(c);
            out[i] = (char)(uint8_t)(0xC0 | (m >> 6));
            out[i + 1] = (char)(uint8_t)(0x80 | (m & 0x3F));
            i++;
        } else {
            out[i] = b;
        }
    }
}
