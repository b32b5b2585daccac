/* SPDX-License-Identifier: Apache-2.0 */
/* packed_unpack.c - numbers from their nodes. One function a width, so that the inner loops are
 * plain; every count is compared with what the column holds before anything is made for it. */
#include "store/packed_internal.h"

enum { DEPTH_MAX = 4 }; /* halves, dictionary, runs, frames */

/* Bits, base and so many bytes of values stand there, and the slack behind them. */
static status
take_frame(unpacker *u, size_t head, int32_t count, uint32_t *bits, const char **base,
           const char **values) {
    TRY(packed_take(u, 1 + head, base));
    *bits = (uint8_t)**base;
    *base += 1;
    if (*bits > PACKED_BITS_MAX && *bits != 64) {
        return packed_corrupt(u, "bits of a frame");
    }
    const size_t size = ((size_t)*bits * (size_t)count + 7) / 8;
    if (size + PACKED_SLACK > (size_t)(u->end - u->at)) {
        return packed_corrupt(u, "a frame that ends early");
    }
    *values = u->at;
    u->at += size;
    return OK;
}

ALWAYS_INLINE uint64_t
bits_at(const char *values, uint32_t bits, uint64_t mask, int32_t i) {
    const size_t bit = (size_t)bits * (size_t)i;
    uint64_t     word;
    memcpy(&word, values + (bit >> 3), sizeof(word));
    return (word >> (bit & 7)) & mask;
}

ALWAYS_INLINE uint64_t
whole_at(const char *values, int32_t i) {
    uint64_t word;
    memcpy(&word, values + (size_t)i * 8, sizeof(word));
    return word;
}

typedef struct unpack_width { /* the loops for values of one width */
    status (*frames)(unpacker *u, void *out, int32_t count);
    status (*deltas)(unpacker *u, void *out, int32_t count);
    void (*spread)(void *out, const void *words, const uint32_t *indexes, int32_t count);
    void (*fill)(void *out, const char *one, int32_t count);
} unpack_width;

#define TYPE uint8_t
#define WITH_TYPE(name) name##_uint8_t
#include "store/packed_unpack.inc.h"

#define TYPE uint16_t
#define WITH_TYPE(name) name##_uint16_t
#include "store/packed_unpack.inc.h"

#define TYPE uint32_t
#define WITH_TYPE(name) name##_uint32_t
#include "store/packed_unpack.inc.h"

#define TYPE uint64_t
#define WITH_TYPE(name) name##_uint64_t
#include "store/packed_unpack.inc.h"

static const unpack_width *
loops_of(packed_shape s) {
    switch (s.width) {
    case 1:
        return &loops_uint8_t;
    case 2:
        return &loops_uint16_t;
    case 4:
        return &loops_uint32_t;
    default:
        return &loops_uint64_t;
    }
}

static status
scratch(unpacker *u, size_t bytes, void *out) {
    void *memory = arena_alloc(u->scratch, bytes);
    memcpy(out, &memory, sizeof(memory));
    return memory == NULL ? error_memory(u->err) : OK;
}

status
packed_take_indexes(unpacker *u, uint32_t **out, int32_t count, uint32_t limit, int32_t depth) {
    uint32_t *indexes = NULL;
    uint32_t  most = 0;
    TRY(scratch(u, (size_t)count * sizeof(*indexes), &indexes));
    TRY(packed_take_numbers(u, indexes, packed_index, count, depth));
    for (int32_t i = 0; i < count; i++) {
        most = indexes[i] > most ? indexes[i] : most;
    }
    if (count > 0 && most >= limit) {
        return packed_corrupt(u, "an index beyond its dictionary");
    }
    *out = indexes;
    return OK;
}

static status
take_words(unpacker *u, void *out, packed_shape s, int32_t count, int32_t depth) {
    const arena_mark mark = arena_save(u->scratch);
    uint32_t         size;
    void            *words = NULL;
    uint32_t        *indexes = NULL;
    TRY(packed_take_u32(u, &size));
    if (size > (uint32_t)count) {
        return packed_corrupt(u, "size of a dictionary");
    }
    TRY(scratch(u, (size_t)size * s.width, &words));
    TRY(packed_take_numbers(u, words, s, (int32_t)size, depth + 1));
    TRY(packed_take_indexes(u, &indexes, count, size, depth + 1));
    loops_of(s)->spread(out, words, indexes, count);
    arena_rewind(u->scratch, mark);
    return OK;
}

static status
take_runs(unpacker *u, char *out, packed_shape s, int32_t count, int32_t depth) {
    const arena_mark mark = arena_save(u->scratch);
    uint32_t         runs;
    char            *values = NULL;
    uint32_t        *lengths = NULL;
    int64_t          at = 0;
    TRY(packed_take_u32(u, &runs));
    if (runs > (uint32_t)count) {
        return packed_corrupt(u, "number of runs");
    }
    TRY(scratch(u, (size_t)runs * s.width, &values));
    TRY(scratch(u, (size_t)runs * sizeof(*lengths), &lengths));
    TRY(packed_take_numbers(u, values, s, (int32_t)runs, depth + 1));
    TRY(packed_take_numbers(u, lengths, packed_index, (int32_t)runs, depth + 1));
    for (uint32_t i = 0; i < runs; i++) {
        if (lengths[i] > (uint64_t)(count - at)) {
            return packed_corrupt(u, "length of a run");
        }
        loops_of(s)->fill(out + (size_t)at * s.width, values + (size_t)i * s.width,
                          (int32_t)lengths[i]);
        at += lengths[i];
    }
    arena_rewind(u->scratch, mark);
    return at == count ? OK : packed_corrupt(u, "runs that end early");
}

static status
take_halves(unpacker *u, char *out, int32_t count, int32_t depth) {
    const arena_mark mark = arena_save(u->scratch);
    uint64_t        *low = NULL;
    uint64_t        *high = NULL;
    TRY(scratch(u, (size_t)count * 8, &low));
    TRY(scratch(u, (size_t)count * 8, &high));
    TRY(packed_take_numbers(u, low, (packed_shape){8, false}, count, depth + 1));
    TRY(packed_take_numbers(u, high, (packed_shape){8, false}, count, depth + 1));
    for (int32_t i = 0; i < count; i++) {
        memcpy(out + (size_t)i * 16, &low[i], 8);
        memcpy(out + (size_t)i * 16 + 8, &high[i], 8);
    }
    arena_rewind(u->scratch, mark);
    return OK;
}

status
packed_take_numbers(unpacker *u, void *out, packed_shape s, int32_t count, int32_t depth) {
    const char *code = NULL;
    const char *bytes = NULL;
    TRY(packed_take(u, 1, &code));
    const bool narrow = s.width <= 8;
    switch ((uint8_t)*code) {
    case PACKED_PLAIN:
        TRY(packed_take(u, (size_t)count * s.width, &bytes));
        if (count > 0) {
            memcpy(out, bytes, (size_t)count * s.width);
        }
        return OK;
    case PACKED_HALVES:
        if (!narrow && depth < DEPTH_MAX) {
            return take_halves(u, out, count, depth);
        }
        break;
    case PACKED_ONE:
        if (narrow) {
            TRY(packed_take(u, s.width, &bytes));
            loops_of(s)->fill(out, bytes, count);
            return OK;
        }
        break;
    case PACKED_FRAMES:
        if (narrow) {
            return loops_of(s)->frames(u, out, count);
        }
        break;
    case PACKED_DELTAS:
        if (narrow) {
            return loops_of(s)->deltas(u, out, count);
        }
        break;
    case PACKED_WORDS:
        if (narrow && depth < DEPTH_MAX) {
            return take_words(u, out, s, count, depth);
        }
        break;
    case PACKED_RUNS:
        if (narrow && depth < DEPTH_MAX) {
            return take_runs(u, out, s, count, depth);
        }
        break;
    default:
        break;
    }
    return packed_corrupt(u, "an unknown encoding");
}
