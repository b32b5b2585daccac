/* SPDX-License-Identifier: Apache-2.0 */
/* unicode.c - the tables are sorted by character and searched by halves; ASCII never gets here in a
 * loop that matters. */
#include "base/unicode.h"

typedef struct base_letter {
    uint32_t code, base;
} base_letter;

enum {
    Lu = 'L' << 8 | 'u',
    Ll = 'L' << 8 | 'l',
    Lt = 'L' << 8 | 't',
    Lm = 'L' << 8 | 'm',
    Lo = 'L' << 8 | 'o',
    Mn = 'M' << 8 | 'n',
    Mc = 'M' << 8 | 'c',
    Me = 'M' << 8 | 'e',
    Nd = 'N' << 8 | 'd',
    Nl = 'N' << 8 | 'l',
    No = 'N' << 8 | 'o',
    Pc = 'P' << 8 | 'c',
    Pd = 'P' << 8 | 'd',
    Ps = 'P' << 8 | 's',
    Pe = 'P' << 8 | 'e',
    Pi = 'P' << 8 | 'i',
    Pf = 'P' << 8 | 'f',
    Po = 'P' << 8 | 'o',
    Sm = 'S' << 8 | 'm',
    Sc = 'S' << 8 | 'c',
    Sk = 'S' << 8 | 'k',
    So = 'S' << 8 | 'o',
    Zs = 'Z' << 8 | 's',
    Zl = 'Z' << 8 | 'l',
    Zp = 'Z' << 8 | 'p',
    Cc = 'C' << 8 | 'c',
    Cf = 'C' << 8 | 'f',
    Co = 'C' << 8 | 'o'
};

#include "base/unicode_case.inc.h"
#include "base/unicode_category.inc.h"

uint32_t
utf8_decode(const char *s) {
    const uint8_t *b = (const uint8_t *)s;
    if (b[0] < 0x80) {
        return b[0];
    }
    const size_t width = utf8_width(s);
    uint32_t     code = b[0] & (0x7FU >> width);
    for (size_t i = 1; i < width; i++) {
        code = code << 6 | (b[i] & 0x3FU);
    }
    return code;
}

size_t
utf8_encode(char *out, uint32_t code) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const size_t width = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = width - 1; i > 0; i--) {
        out[i] = (char)(uint8_t)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(uint8_t)((0xF00U >> width & 0xFF) | code);
    return width;
}

static uint32_t
map_case(const case_run *runs, int32_t count, uint32_t code) {
    const int32_t at = unicode_find_run(runs, sizeof(*runs), count, code);
    return at < 0 || (code - runs[at].first) % (uint32_t)runs[at].step != 0
               ? code
               : (uint32_t)((int32_t)code + runs[at].delta);
}

uint32_t
unicode_lower(uint32_t code) {
    return map_case(to_lower, ARRAY_COUNT(to_lower), code);
}

uint32_t
unicode_upper(uint32_t code) {
    return map_case(to_upper, ARRAY_COUNT(to_upper), code);
}

uint32_t
unicode_base_letter(uint32_t code) {
    int32_t low = 0;
    int32_t high = ARRAY_COUNT(base_letters);
    while (low < high) {
        const int32_t middle = (low + high) / 2;
        if (base_letters[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool found = low < ARRAY_COUNT(base_letters) && base_letters[low].code == code;
    return found ? base_letters[low].base : code;
}

static int32_t
category_of(uint32_t code) {
    const int32_t at =
        unicode_find_run(category_runs, sizeof(category_runs[0]), ARRAY_COUNT(category_runs), code);
    return at < 0 ? 0 : category_runs[at].category;
}

bool
unicode_is_mark(uint32_t code) {
    return code >= 0x300 && category_of(code) == Mn;
}

bool
unicode_is_alphanumeric(uint32_t code) {
    if (code < 0x80) {
        return (code | 0x20) - 'a' < 26 || code - '0' < 10;
    }
    const int32_t group = category_of(code) >> 8;
    return group == 'L' || group == 'N';
}

const case_run *
unicode_lower_runs(int32_t *count) {
    *count = ARRAY_COUNT(to_lower);
    return to_lower;
}

const category_run *
unicode_category_runs(int32_t *count) {
    *count = ARRAY_COUNT(category_runs);
    return category_runs;
}
