/* SPDX-License-Identifier: Apache-2.0 */
/* unicode_text.c - characters as a reader counts them (grapheme clusters, UAX #29), the cells that
 * they take in a terminal (UAX #11), and texts in their composed form (NFC, UAX #15). Hangul
 * syllables are computed, all else is in tables that are sorted and searched by halves. */
#include "base/unicode.h"

typedef enum grapheme_kind {
    GRAPHEME_OTHER,
    GRAPHEME_CONTROL,
    GRAPHEME_CR,
    GRAPHEME_LF,
    GRAPHEME_EXTEND,
    GRAPHEME_ZWJ,
    GRAPHEME_RI, /* half of a flag */
    GRAPHEME_PREPEND,
    GRAPHEME_SPACINGMARK,
    GRAPHEME_L, /* parts of Hangul syllables */
    GRAPHEME_V,
    GRAPHEME_T,
    GRAPHEME_LV,
    GRAPHEME_LVT,
    GRAPHEME_PICTOGRAPHIC
} grapheme_kind;

typedef struct grapheme_run {
    uint32_t      first, last;
    grapheme_kind kind;
} grapheme_run;

typedef struct decomposition {
    uint32_t code, first, second; /* second 0: one alone */
} decomposition;

typedef struct composition {
    uint32_t first, second, code;
} composition;

typedef struct mark_run {
    uint32_t first, last;
    int32_t  order; /* canonical combining class */
} mark_run;

typedef struct wide_run {
    uint32_t first, last;
} wide_run;

#include "base/unicode_compose.inc.h"
#include "base/unicode_grapheme.inc.h"
#include "base/unicode_wide.inc.h"

#define PARTS_MAX 4    /* of the decomposition of a character */
#define HANGUL 0xAC00U /* the first syllable: leading, vowel, trailing part */
#define HANGUL_COUNT 11172U
#define HANGUL_L 0x1100U
#define HANGUL_V 0x1161U
#define HANGUL_T 0x11A7U /* none */
#define HANGUL_V_COUNT 21U
#define HANGUL_T_COUNT 28U
#define FIRST_MARK 0x300U /* below, all that stands alone is composed */

/* ---- graphemes */
static grapheme_kind
kind_of(uint32_t code) {
    if (code - HANGUL < HANGUL_COUNT) {
        return (code - HANGUL) % HANGUL_T_COUNT == 0 ? GRAPHEME_LV : GRAPHEME_LVT;
    }
    const int32_t at =
        unicode_find_run(grapheme_runs, sizeof(grapheme_runs[0]), ARRAY_COUNT(grapheme_runs), code);
    return at < 0 ? GRAPHEME_OTHER : grapheme_runs[at].kind;
}

static bool
is_alone(grapheme_kind k) {
    return k == GRAPHEME_CONTROL || k == GRAPHEME_CR || k == GRAPHEME_LF;
}

static bool
joins_syllable(grapheme_kind a, grapheme_kind b) {
    const bool vowel = b == GRAPHEME_V || b == GRAPHEME_T;
    return (a == GRAPHEME_L &&
            (b == GRAPHEME_L || b == GRAPHEME_V || b == GRAPHEME_LV || b == GRAPHEME_LVT)) ||
           ((a == GRAPHEME_LV || a == GRAPHEME_V) && vowel) ||
           ((a == GRAPHEME_LVT || a == GRAPHEME_T) && b == GRAPHEME_T);
}

size_t
grapheme_width(const char *s, size_t size) {
    size_t at = utf8_width(s);
    if (at >= size || ((uint8_t)*s < 0x80 && (uint8_t)s[at] < 0x80 && *s != '\r')) {
        return at; /* two of ASCII never join but CR LF */
    }
    grapheme_kind before = kind_of(utf8_decode(s));
    bool          picture = before == GRAPHEME_PICTOGRAPHIC; /* and marks behind it */
    bool          odd = before == GRAPHEME_RI;               /* the flag has a half */
    while (at < size) {
        const grapheme_kind k = kind_of(utf8_decode(s + at));
        bool                joined;
        if (is_alone(before) || is_alone(k)) {
            joined = before == GRAPHEME_CR && k == GRAPHEME_LF;
        } else {
            joined = k == GRAPHEME_EXTEND || k == GRAPHEME_ZWJ || k == GRAPHEME_SPACINGMARK ||
                     before == GRAPHEME_PREPEND || joins_syllable(before, k) ||
                     (picture && before == GRAPHEME_ZWJ && k == GRAPHEME_PICTOGRAPHIC) ||
                     (odd && before == GRAPHEME_RI && k == GRAPHEME_RI);
        }
        if (!joined) {
            break;
        }
        odd = k == GRAPHEME_RI && !(odd && before == GRAPHEME_RI);
        picture =
            k == GRAPHEME_PICTOGRAPHIC || (picture && (k == GRAPHEME_EXTEND || k == GRAPHEME_ZWJ));
        before = k;
        at += utf8_width(s + at);
    }
    return at;
}

/* ---- cells */
static bool
is_wide(uint32_t code) {
    return unicode_find_run(wide_runs, sizeof(wide_runs[0]), ARRAY_COUNT(wide_runs), code) >= 0;
}

#define EMOJI_STYLE 0xFE0FU /* behind a sign of text: draw it as a picture */

int32_t
grapheme_cells(const char *s, size_t size) {
    const uint32_t first = utf8_decode(s);
    if (first < 0x300) {
        const size_t next = utf8_width(s); /* a keycap, a copyright sign */
        const bool   styled = next < size && utf8_decode(s + next) == EMOJI_STYLE;
        return first < 0x20 || (first >= 0x7F && first < 0xA0) ? 0 : styled ? 2 : 1;
    }
    const grapheme_kind kind = kind_of(first);
    if (kind == GRAPHEME_EXTEND || kind == GRAPHEME_ZWJ || kind == GRAPHEME_CONTROL ||
        kind == GRAPHEME_V || kind == GRAPHEME_T) {
        return 0;
    }
    if (is_wide(first) || (kind == GRAPHEME_RI && size > utf8_width(s))) {
        return 2;
    }
    for (size_t i = utf8_width(s); i < size; i += utf8_width(s + i)) {
        if (utf8_decode(s + i) == EMOJI_STYLE && kind == GRAPHEME_PICTOGRAPHIC) {
            return 2;
        }
    }
    return 1;
}

bool
unicode_is_unprintable(uint32_t code) {
    if (code < 0x300) {
        return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD;
    }
    if (code == 0x200C || code == 0x200D) {
        return false; /* joiners: scripts and pictures need them */
    }
    /* Format characters and separators are controls of graphemes, but for signs that are written
     * before a number. */
    return kind_of(code) == GRAPHEME_CONTROL || code == 0x61C || code == 0xFEFF ||
           (code >= 0xE0000 && code <= 0xE007F) || (code >= 0xFFF9 && code <= 0xFFFB);
}

/* ---- composed form */
static int32_t
mark_order(uint32_t code) {
    const int32_t at =
        unicode_find_run(mark_runs, sizeof(mark_runs[0]), ARRAY_COUNT(mark_runs), code);
    return at < 0 ? 0 : mark_runs[at].order;
}

static const decomposition *
parts_of(uint32_t code) {
    int32_t low = 0;
    int32_t high = ARRAY_COUNT(decompositions);
    while (low < high) {
        const int32_t middle = (low + high) / 2;
        if (decompositions[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool found = low < ARRAY_COUNT(decompositions) && decompositions[low].code == code;
    return found ? &decompositions[low] : NULL;
}

/* At most PARTS_MAX characters. */
static int32_t
decompose(uint32_t *out, uint32_t code) {
    if (code - HANGUL < HANGUL_COUNT) {
        const uint32_t n = code - HANGUL;
        out[0] = HANGUL_L + n / (HANGUL_V_COUNT * HANGUL_T_COUNT);
        out[1] = HANGUL_V + n / HANGUL_T_COUNT % HANGUL_V_COUNT;
        out[2] = HANGUL_T + n % HANGUL_T_COUNT;
        return out[2] == HANGUL_T ? 2 : 3;
    }
    /* only the first part has parts of its own */
    uint32_t behind[PARTS_MAX];
    int32_t  count = 0;
    int32_t  used = 0;
    for (const decomposition *d; (d = parts_of(code)) != NULL; code = d->first) {
        if (d->second != 0) {
            behind[count++] = d->second;
        }
    }
    out[used++] = code;
    while (count > 0) {
        out[used++] = behind[--count];
    }
    return used;
}

static uint32_t
compose(uint32_t a, uint32_t b) {
    if (a - HANGUL_L < HANGUL_COUNT / (HANGUL_V_COUNT * HANGUL_T_COUNT) &&
        b - HANGUL_V < HANGUL_V_COUNT) {
        return HANGUL + ((a - HANGUL_L) * HANGUL_V_COUNT + b - HANGUL_V) * HANGUL_T_COUNT;
    }
    if (a - HANGUL < HANGUL_COUNT && (a - HANGUL) % HANGUL_T_COUNT == 0 && b > HANGUL_T &&
        b < HANGUL_T + HANGUL_T_COUNT) {
        return a + b - HANGUL_T;
    }
    int32_t low = 0;
    int32_t high = ARRAY_COUNT(compositions);
    while (low < high) {
        const int32_t      middle = (low + high) / 2;
        const composition *c = &compositions[middle];
        if (c->first < a || (c->first == a && c->second < b)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool found = low < ARRAY_COUNT(compositions) && compositions[low].first == a &&
                       compositions[low].second == b;
    return found ? compositions[low].code : 0;
}

/* Marks between two letters by their order, those of one order as they stand: `count` marks in a
 * row, with room for as many behind them. */
#define ORDERS 256
static void
order_marks(uint32_t *marks, size_t count) {
    size_t    starts[ORDERS + 1] = {0};
    uint32_t *sorted = marks + count;
    for (size_t i = 0; i < count; i++) {
        starts[mark_order(marks[i]) + 1]++;
    }
    for (int32_t i = 0; i < ORDERS; i++) {
        starts[i + 1] += starts[i];
    }
    for (size_t i = 0; i < count; i++) {
        sorted[starts[mark_order(marks[i])]++] = marks[i];
    }
    memcpy(marks, sorted, count * sizeof(*marks));
}

static void
order_all(uint32_t *codes, size_t count, uint32_t *room) {
    size_t begin = 0;
    bool   sorted = true;
    for (size_t i = 0; i <= count; i++) {
        const int32_t order = i < count ? mark_order(codes[i]) : 0;
        if (order != 0) {
            sorted = sorted && (i == begin || mark_order(codes[i - 1]) <= order);
            continue;
        }
        if (!sorted) {
            memcpy(room, codes + begin, (i - begin) * sizeof(*codes));
            order_marks(room, i - begin);
            memcpy(codes + begin, room, (i - begin) * sizeof(*codes));
        }
        begin = i + 1;
        sorted = true;
    }
}

static size_t
join_marks(uint32_t *codes, size_t count) {
    size_t  used = 0;
    size_t  letter = SIZE_MAX;
    int32_t before = 0; /* the order of the mark that stands between it and the next */
    for (size_t i = 0; i < count; i++) {
        const int32_t  order = mark_order(codes[i]);
        const bool     near = letter != SIZE_MAX && (used == letter + 1 || before < order);
        const uint32_t made = near ? compose(codes[letter], codes[i]) : 0;
        if (made != 0) {
            codes[letter] = made;
            continue;
        }
        if (order == 0) {
            letter = used;
        }
        before = order;
        codes[used++] = codes[i];
    }
    return used;
}

size_t
unicode_compose(char *out, const char *s, size_t size, uint32_t *codes) {
    size_t count = 0;
    if (size == utf8_width(s) && utf8_decode(s) < FIRST_MARK) {
        memcpy(out, s, size);
        return size;
    }
    for (size_t i = 0; i < size; i += utf8_width(s + i)) {
        count += (size_t)decompose(codes + count, utf8_decode(s + i));
    }
    order_all(codes, count, codes + count);
    count = join_marks(codes, count);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        used += utf8_encode(out + used, codes[i]);
    }
    return used;
}
