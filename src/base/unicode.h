/* SPDX-License-Identifier: Apache-2.0 */
/* unicode.h - code points: UTF-8 to and fro, simple case mappings, general categories. */
#ifndef LAMINAR_BASE_UNICODE_H
#define LAMINAR_BASE_UNICODE_H

#include "base/compiler.h"

#define UNICODE_MAX 0x10FFFF

/* Bytes of the character at `s`, which is valid UTF-8. */
ALWAYS_INLINE size_t
utf8_width(const char *s) {
    const uint8_t b = (uint8_t)*s;
    return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

ALWAYS_INLINE bool
utf8_is_start(char c) {
    return ((uint8_t)c & 0xC0) != 0x80;
}

/* The character at `s`, which is valid UTF-8. */
uint32_t utf8_decode(const char *s);
/* Writes 1 to 4 bytes and returns how many. */
size_t utf8_encode(char *out, uint32_t code);

/* Simple mappings: one character to one; a character without a mapping is its own. */
uint32_t unicode_lower(uint32_t code);
uint32_t unicode_upper(uint32_t code);
/* The letter without its accents: e for é, the character itself when it has none. */
uint32_t unicode_base_letter(uint32_t code);
bool     unicode_is_mark(uint32_t code); /* an accent that combines with the letter before it */
bool     unicode_is_alphanumeric(uint32_t code);

/* Bytes of the first character of a text as its reader sees it: a letter with its marks, a flag, a
 * family, a Hangul syllable (UAX #29). The text is not empty. */
size_t grapheme_width(const char *s, size_t size);
/* Cells of a terminal that such a character takes: 0 for a mark that stands alone, 2 for what East
 * Asian Width calls wide, for flags and pictures, else 1. A control character has none. */
int32_t grapheme_cells(const char *s, size_t size);
/* A terminal or a reader takes it for something else than a sign on the screen: controls, line and
 * paragraph separators, what turns the direction of text, invisible marks of format but joiners. */
bool unicode_is_unprintable(uint32_t code);
/* The composed form (NFC) of one such character, or of several; returns its bytes, at most three
 * times as many. `codes` has room for UNICODE_ROOM a byte. */
#define UNICODE_ROOM 8
size_t unicode_compose(char *out, const char *s, size_t size, uint32_t *codes);

/* Characters first .. last whose case changes by `delta`, every `step`-th of them. */
typedef struct case_run {
    uint32_t first, last;
    int32_t  step, delta;
} case_run;

/* Characters first .. last of one general category: 'L' << 8 | 'u' for Lu. */
typedef struct category_run {
    uint32_t first, last;
    int32_t  category;
} category_run;

/* The run that has `code`, in an ordered table of structs of `size` bytes that begin with two
 * uint32_t, first and last; -1: none has. */
ALWAYS_INLINE int32_t
unicode_find_run(const void *runs, size_t size, int32_t count, uint32_t code) {
    const char *const at = runs;
    int32_t           low = 0, high = count;
    while (low < high) {
        const int32_t middle = (low + high) / 2;
        if (((const uint32_t *)(const void *)(at + (size_t)middle * size))[1] < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const uint32_t *run = (const uint32_t *)(const void *)(at + (size_t)low * size);
    return low < count && run[0] <= code ? low : -1;
}

/* All runs, by first character; for sets of characters. */
const case_run     *unicode_lower_runs(int32_t *count);
const category_run *unicode_category_runs(int32_t *count);

#endif
