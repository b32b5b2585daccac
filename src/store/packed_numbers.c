/* SPDX-License-Identifier: Apache-2.0 */
/* packed_numbers.c - numbers into the smallest node: sizes of plain, frames and differences are
 * computed in one pass, dictionaries and runs are written where they promise something and stay
 * when they are smaller. All arithmetic is modulo 2^64, so any order of values is fine. */
#include "base/hash.h"
#include "store/packed_internal.h"

void *
packed_scratch(packer *p, size_t bytes) {
    void *memory = arena_alloc(p->scratch, bytes);
    if (memory == NULL && !p->failed) {
        p->failed = true;
        p->fault = error_memory(p->err);
    }
    return memory;
}

static void
put_byte(packer *p, uint32_t v) {
    (void)buf_append_char(&p->out, (char)v);
}

/* values[0 .. count] of any of these types, widened. */
static void
load_uint8(int64_t *out, const char *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        uint8_t x;
        memcpy(&x, values + (size_t)i * sizeof(x), sizeof(x));
        out[i] = x;
    }
}

static void
load_int8(int64_t *out, const char *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int8_t x;
        memcpy(&x, values + (size_t)i * sizeof(x), sizeof(x));
        out[i] = x;
    }
}

static void
load_uint16(int64_t *out, const char *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        uint16_t x;
        memcpy(&x, values + (size_t)i * sizeof(x), sizeof(x));
        out[i] = x;
    }
}

static void
load_int16(int64_t *out, const char *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int16_t x;
        memcpy(&x, values + (size_t)i * sizeof(x), sizeof(x));
        out[i] = x;
    }
}

static void
load_uint32(int64_t *out, const char *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        uint32_t x;
        memcpy(&x, values + (size_t)i * sizeof(x), sizeof(x));
        out[i] = x;
    }
}

static void
load_int32(int64_t *out, const char *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int32_t x;
        memcpy(&x, values + (size_t)i * sizeof(x), sizeof(x));
        out[i] = x;
    }
}

static void
load_whole(int64_t *out, const char *values, int32_t count) {
    memcpy(out, values, (size_t)count * sizeof(*out));
}

static void
load(int64_t *out, const char *values, packed_shape s, int32_t at, int32_t count) {
    values += (size_t)at * s.width;
    switch (s.width) {
    case 1:
        (s.is_unsigned ? load_uint8 : load_int8)(out, values, count);
        break;
    case 2:
        (s.is_unsigned ? load_uint16 : load_int16)(out, values, count);
        break;
    case 4:
        (s.is_unsigned ? load_uint32 : load_int32)(out, values, count);
        break;
    default:
        load_whole(out, values, count);
    }
}

/* ---- Measuring */

typedef struct measure {
    size_t  plain, frames, deltas;
    int32_t runs;
} measure;

typedef struct span { /* of the values of a frame and of their differences */
    int64_t min, max;
    int64_t least, most;
} span;

uint32_t
packed_bits_for(uint64_t range) {
    const uint32_t bits = range == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(range);
    return bits > PACKED_BITS_MAX ? 64 : bits;
}

size_t
packed_bits_bytes(uint32_t bits, int32_t count) {
    return ((size_t)bits * (size_t)count + 7) / 8;
}

static int64_t
difference(const int64_t *v, int32_t i) {
    return (int64_t)((uint64_t)v[i] - (uint64_t)v[i - 1]);
}

static span
span_of(const int64_t *v, int32_t count) {
    span s = {.min = v[0], .max = v[0], .least = INT64_MAX, .most = INT64_MIN};
    for (int32_t i = 1; i < count; i++) {
        const int64_t d = difference(v, i);
        s.min = min_i64(s.min, v[i]);
        s.max = max_i64(s.max, v[i]);
        s.least = min_i64(s.least, d);
        s.most = max_i64(s.most, d);
    }
    if (count == 1) {
        s.least = s.most = 0;
    }
    return s;
}

static uint32_t
value_bits(const span *s) {
    return packed_bits_for((uint64_t)s->max - (uint64_t)s->min);
}

static uint32_t
delta_bits(const span *s) {
    return packed_bits_for((uint64_t)s->most - (uint64_t)s->least);
}

static int32_t
count_runs(const int64_t *v, int32_t count) {
    int32_t runs = 0;
    for (int32_t i = 1; i < count; i++) {
        runs += v[i] != v[i - 1];
    }
    return runs;
}

static measure
measure_of(const char *values, packed_shape s, int32_t count) {
    measure m = {.plain = (size_t)count * s.width,
                 .frames = PACKED_SLACK,
                 .deltas = PACKED_SLACK,
                 .runs = 1};
    int64_t v[PACKED_FRAME];
    int64_t before = 0;
    for (int32_t at = 0; at < count; at += PACKED_FRAME) {
        const int32_t n = (int32_t)min_i64(PACKED_FRAME, count - at);
        load(v, values, s, at, n);
        const span x = span_of(v, n);
        m.frames += 1 + (size_t)s.width + packed_bits_bytes(value_bits(&x), n);
        m.deltas += 1 + (size_t)s.width + 8 + packed_bits_bytes(delta_bits(&x), n - 1);
        m.runs += count_runs(v, n) + (at > 0 && v[0] != before);
        before = v[n - 1];
    }
    return m;
}

/* ---- Frames */

/* Little-endian, the first value in the lowest bits; returns the bytes written. */
static size_t
pack(char *out, const uint64_t *v, int32_t count, uint32_t bits) {
    uint64_t word = 0;
    uint32_t filled = 0;
    char    *at = out;
    if (bits == 64) {
        memcpy(out, v, (size_t)count * 8);
        return (size_t)count * 8;
    }
    for (int32_t i = 0; i < count; i++) {
        word |= v[i] << filled;
        filled += bits;
        if (filled >= 64) {
            memcpy(at, &word, 8);
            at += 8;
            filled -= 64;
            word = filled == 0 ? 0 : v[i] >> (bits - filled);
        }
    }
    memcpy(at, &word, 8); /* into the slack */
    return packed_bits_bytes(bits, count);
}

static void
put_frame(packer *p, int64_t *v, packed_shape s, int32_t n) {
    char           frame[PACKED_FRAME * 8 + 32];
    const span     x = span_of(v, n);
    const uint32_t bits = value_bits(&x);
    frame[0] = (char)bits;
    memcpy(frame + 1, &x.min, s.width);
    for (int32_t i = 0; i < n; i++) {
        v[i] = (int64_t)((uint64_t)v[i] - (uint64_t)x.min);
    }
    const size_t size = pack(frame + 1 + s.width, (const uint64_t *)v, n, bits);
    (void)buf_append(&p->out, frame, 1 + s.width + size);
}

static void
put_delta_frame(packer *p, const int64_t *v, packed_shape s, int32_t n) {
    char           frame[PACKED_FRAME * 8 + 32];
    uint64_t       d[PACKED_FRAME];
    const span     x = span_of(v, n);
    const uint32_t bits = delta_bits(&x);
    frame[0] = (char)bits;
    memcpy(frame + 1, &v[0], s.width);
    memcpy(frame + 1 + s.width, &x.least, 8);
    for (int32_t i = 1; i < n; i++) {
        d[i - 1] = (uint64_t)difference(v, i) - (uint64_t)x.least;
    }
    const size_t size = pack(frame + 9 + s.width, d, n - 1, bits);
    (void)buf_append(&p->out, frame, 9 + s.width + size);
}

static void
put_frames(packer *p, const char *values, packed_shape s, int32_t count, packed_code code) {
    static const char slack[PACKED_SLACK];
    int64_t           v[PACKED_FRAME];
    put_byte(p, code);
    for (int32_t at = 0; at < count; at += PACKED_FRAME) {
        const int32_t n = (int32_t)min_i64(PACKED_FRAME, count - at);
        load(v, values, s, at, n);
        if (code == PACKED_FRAMES) {
            put_frame(p, v, s, n);
        } else {
            put_delta_frame(p, v, s, n);
        }
    }
    (void)buf_append(&p->out, slack, PACKED_SLACK);
}

/* ---- Runs and dictionaries */

/* The low bytes of each. */
static char *
narrowed(packer *p, const int64_t *v, packed_shape s, int32_t count) {
    char *out = packed_scratch(p, (size_t)count * s.width);
    for (int32_t i = 0; i < count && out != NULL; i++) {
        memcpy(out + (size_t)i * s.width, &v[i], s.width);
    }
    return out;
}

static void
put_runs(packer *p, const int64_t *v, packed_shape s, int32_t count, int32_t runs) {
    int64_t  *first = packed_scratch(p, (size_t)runs * sizeof(*first));
    uint32_t *lengths = packed_scratch(p, (size_t)runs * sizeof(*lengths));
    int32_t   run = -1;
    if (p->failed) {
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        if (i == 0 || v[i] != v[i - 1]) {
            run++;
            first[run] = v[i];
            lengths[run] = 0;
        }
        lengths[run]++;
    }
    const uint32_t choices = PACKED_CHOICES(PACKED_FRAMES) | PACKED_CHOICES(PACKED_DELTAS);
    const char    *values = narrowed(p, first, s, runs);
    put_byte(p, PACKED_RUNS);
    image_put_u32(&p->out, (uint32_t)runs);
    if (values != NULL) {
        packed_put_numbers(p, values, s, runs, choices);
        packed_put_numbers(p, lengths, packed_index, runs, choices);
    }
}

typedef struct words {
    int64_t  *values; /* distinct ones, in the order of their coming */
    uint32_t *indexes;
    uint32_t *table; /* index + 1 */
    uint32_t  mask;
    uint32_t  count;
} words;

/* False: more than `most` distinct values. */
static bool
find_words(words *w, const int64_t *v, int32_t count, uint32_t most) {
    for (int32_t i = 0; i < count; i++) {
        uint32_t slot = (uint32_t)hash_u64((uint64_t)v[i]) & w->mask;
        while (w->table[slot] != 0 && w->values[w->table[slot] - 1] != v[i]) {
            slot = (slot + 1) & w->mask;
        }
        if (w->table[slot] == 0) {
            if (w->count == most) {
                return false;
            }
            w->values[w->count] = v[i];
            w->table[slot] = ++w->count;
        }
        w->indexes[i] = w->table[slot] - 1;
    }
    return true;
}

/* Whether the first of them hold few enough distinct ones for it to be worth looking at all. */
static bool
looks_worth(words *w, const int64_t *v, int32_t count, uint32_t most) {
    enum { SAMPLE = 4096 };
    if (count <= 4 * SAMPLE) {
        return true;
    }
    const bool few = find_words(w, v, SAMPLE, SAMPLE * 3 / 4 < most ? SAMPLE * 3 / 4 : most);
    for (uint32_t i = 0; i <= w->mask; i++) {
        w->table[i] = 0;
    }
    w->count = 0;
    return few;
}

static void
put_words(packer *p, const int64_t *v, packed_shape s, int32_t count, size_t best) {
    /* What as many words and their indexes take at least must be less than the best so far. */
    const size_t   room = best / s.width;
    const uint32_t most = (uint32_t)min_i64(min_i64((int64_t)room, count / 2), PACKED_WORDS_MAX);
    words          w = {.mask = 15};
    while (w.mask < 2 * most) {
        w.mask = 2 * w.mask + 1;
    }
    w.values = packed_scratch(p, (size_t)most * sizeof(int64_t));
    w.indexes = packed_scratch(p, (size_t)count * sizeof(uint32_t));
    w.table = packed_scratch(p, ((size_t)w.mask + 1) * sizeof(uint32_t));
    if (p->failed) {
        return;
    }
    memset(w.table, 0, ((size_t)w.mask + 1) * sizeof(uint32_t));
    if (!looks_worth(&w, v, count, most) || !find_words(&w, v, count, most)) {
        return;
    }
    const char *values = narrowed(p, w.values, s, (int32_t)w.count);
    put_byte(p, PACKED_WORDS);
    image_put_u32(&p->out, w.count);
    if (values != NULL) {
        packed_put_numbers(p, values, s, (int32_t)w.count,
                           PACKED_CHOICES(PACKED_FRAMES) | PACKED_CHOICES(PACKED_DELTAS));
        packed_put_numbers(p, w.indexes, packed_index, count,
                           PACKED_CHOICES(PACKED_FRAMES) | PACKED_CHOICES(PACKED_RUNS));
    }
}

/* What was written from `from` on stays if it is smaller than `best`, which is then its size. */
static bool
is_better(packer *p, size_t from, size_t *best) {
    const bool better = !p->failed && p->out.size > from && p->out.size - from < *best;
    if (better) {
        *best = p->out.size - from;
    }
    return better;
}

/* Of two candidates, the older one from `from` on and the newer one behind it, the newer stays. */
static void
drop_older(packer *p, size_t from, size_t middle) {
    if (middle > from && !p->out.failed) {
        memmove(p->out.data + from, p->out.data + middle, p->out.size - middle);
        p->out.size -= middle - from;
    }
}

static void
drop_newer(packer *p, size_t middle) {
    if (!p->out.failed) {
        p->out.size = middle;
    }
}

/* Dictionary and runs, where they may be smaller than `best`; true: one of them is written. */
static bool
put_repeats(packer *p, const char *values, packed_shape s, int32_t count, const measure *m,
            size_t best, uint32_t choices) {
    const size_t     from = p->out.size;
    const arena_mark mark = arena_save(p->scratch);
    bool             written = false;
    const bool       runs = (choices & PACKED_CHOICES(PACKED_RUNS)) != 0 && m->runs <= count / 4;
    const bool       distinct =
        (choices & PACKED_CHOICES(PACKED_WORDS)) != 0 && s.width > 1 && count >= 16;
    int64_t *v = runs || distinct ? packed_scratch(p, (size_t)count * sizeof(*v)) : NULL;
    if (v == NULL) {
        return false;
    }
    load(v, values, s, 0, count);
    if (runs) {
        put_runs(p, v, s, count, m->runs);
        written = is_better(p, from, &best);
        if (!written) {
            drop_newer(p, from);
        }
    }
    const size_t middle = p->out.size;
    if (distinct) {
        put_words(p, v, s, count, best);
        if (is_better(p, middle, &best)) {
            drop_older(p, from, middle);
            written = true;
        } else {
            drop_newer(p, middle);
        }
    }
    arena_rewind(p->scratch, mark);
    return written;
}

static void
put_halves(packer *p, const char *values, int32_t count, uint32_t choices) {
    const arena_mark mark = arena_save(p->scratch);
    uint64_t        *low = packed_scratch(p, (size_t)count * 8);
    uint64_t        *high = packed_scratch(p, (size_t)count * 8);
    if (p->failed) {
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        memcpy(&low[i], values + (size_t)i * 16, 8);
        memcpy(&high[i], values + (size_t)i * 16 + 8, 8);
    }
    put_byte(p, PACKED_HALVES);
    packed_put_numbers(p, low, (packed_shape){8, false}, count, choices);
    packed_put_numbers(p, high, (packed_shape){8, false}, count, choices);
    arena_rewind(p->scratch, mark);
}

void
packed_put_numbers(packer *p, const void *values, packed_shape s, int32_t count, uint32_t choices) {
    if (count == 0 || p->failed) {
        put_byte(p, PACKED_PLAIN);
        return;
    }
    if (s.width == 16) {
        put_halves(p, values, count, choices);
        return;
    }
    const measure m = measure_of(values, s, count);
    if (m.runs == 1) {
        put_byte(p, PACKED_ONE);
        (void)buf_append(&p->out, values, s.width);
        return;
    }
    const bool   frames = m.frames <= m.deltas;
    const size_t best = frames ? m.frames : m.deltas;
    const size_t least = best < m.plain ? best : m.plain;
    if (put_repeats(p, values, s, count, &m, least, choices)) {
        return;
    }
    if (m.plain <= best) {
        put_byte(p, PACKED_PLAIN);
        (void)buf_append(&p->out, values, m.plain);
    } else {
        put_frames(p, values, s, count, frames ? PACKED_FRAMES : PACKED_DELTAS);
    }
}
