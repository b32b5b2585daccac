/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - hashes of key rows, column by column.
 *
 * A value becomes a 64-bit word, the first column's word is hashed, each further one is folded in.
 * Integers of all widths have the word of their int64, if they fit one. A text of up to 12 bytes is
 * the two words of its view, in whatever layout it lies. */
#include "base/hash.h"
#include "kernel/access.h"
#include "kernel/kernel.h"
#include "type/nested.h"

#define NULL_WORD UINT64_C(0x6e756c6c20726f77)

#define KERNEL hash_bool
#define IN uint8_t
#define WORD ((uint64_t)a)
#include "kernel/hash_column.inc.h"

#define KERNEL hash_i8
#define IN int8_t
#define WORD ((uint64_t)(int64_t)a)
#include "kernel/hash_column.inc.h"

#define KERNEL hash_i16
#define IN int16_t
#define WORD ((uint64_t)(int64_t)a)
#include "kernel/hash_column.inc.h"

#define KERNEL hash_i32
#define IN int32_t
#define WORD ((uint64_t)(int64_t)a)
#include "kernel/hash_column.inc.h"

#define KERNEL hash_i64
#define IN int64_t
#define WORD ((uint64_t)a)
#include "kernel/hash_column.inc.h"

/* A wide integer beyond an int64 has a word of its own. */
ALWAYS_INLINE uint64_t
wide_word(int128 x) {
    const uint64_t low = (uint64_t)x;
    return x == (int64_t)x ? low : hash_combine(low, (uint64_t)((uint128)x >> 64));
}

#define KERNEL hash_i128
#define IN int128
#define WORD (wide_word(a))
#include "kernel/hash_column.inc.h"

#define KERNEL hash_u8
#define IN uint8_t
#define WORD ((uint64_t)a)
#include "kernel/hash_column.inc.h"

#define KERNEL hash_u16
#define IN uint16_t
#define WORD ((uint64_t)a)
#include "kernel/hash_column.inc.h"

#define KERNEL hash_u32
#define IN uint32_t
#define WORD ((uint64_t)a)
#include "kernel/hash_column.inc.h"

#define KERNEL hash_u64s
#define IN uint64_t
#define WORD (wide_word((int128)a))
#include "kernel/hash_column.inc.h"

#define KERNEL hash_f32
#define IN float
#define WORD (f64_key((double)a))
#include "kernel/hash_column.inc.h"

#define KERNEL hash_f64
#define IN double
#define WORD (f64_key(a))
#include "kernel/hash_column.inc.h"

static uint64_t
interval_word(const interval *iv) {
    const uint128 total = (uint128)interval_total_us(iv);
    return hash_combine((uint64_t)total, (uint64_t)(total >> 64));
}

#define KERNEL hash_interval
#define IN interval
#define WORD (interval_word(&a))
#include "kernel/hash_column.inc.h"

/* ---- text: a value under NULL is not followed, so validity is asked first */

ALWAYS_INLINE uint64_t
short_word(uint64_t word0, uint64_t word1) {
    return hash_fold(word0 ^ UINT64_C(0x2d358dccaa6c78a5), word1 ^ UINT64_C(0x8bb84b93962eacc9));
}

ALWAYS_INLINE uint64_t
view_word(const strview *v) {
    if (LIKELY(v->size <= STRVIEW_INLINE_MAX)) {
        return short_word(v->word[0], v->word[1]);
    }
    return hash_bytes(v->data, v->size);
}

ALWAYS_INLINE uint64_t
load(const char *p, size_t size) { /* size is a constant */
    uint64_t x = 0;
    memcpy(&x, p, size);
    return x;
}

/* The words that the view of up to 12 bytes has, by loads that overlap instead of a copy of
 * variable size. */
ALWAYS_INLINE uint64_t
bytes_word(const char *p, uint32_t size) {
    uint64_t low = 0;  /* bytes 0 .. 7 */
    uint64_t high = 0; /* bytes 8 .. 11 */
    if (UNLIKELY(size > STRVIEW_INLINE_MAX)) {
        return hash_bytes(p, size);
    }
    if (size >= 8) {
        low = load(p, 8);
        high =
            load(p + size - 4, 4) >> (8 * (12 - size)); /* nothing is left of it when size is 8 */
    } else if (size >= 4) {
        low = load(p, 4) | load(p + size - 4, 4) << (8 * (size - 4));
    } else if (size > 0) { /* first, middle and last byte are all there is */
        const uint32_t middle = size >> 1;
        low = load(p, 1) | load(p + middle, 1) << (8 * middle) |
              load(p + size - 1, 1) << (8 * (size - 1));
    }
    return short_word(size | low << 32, low >> 32 | high << 32);
}

static void
hash_views(uint64_t *restrict out, const column *c, int32_t n, bool first) {
    const strview *restrict x = c->values;
    if (c->validity == NULL && first) {
        for (int32_t i = 0; i < n; i++) {
            out[i] = hash_u64(view_word(&x[i]));
        }
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        const uint64_t word = column_is_null(c, i) ? NULL_WORD : view_word(&x[i]);
        out[i] = first ? hash_u64(word) : hash_combine(out[i], word);
    }
}

static void
hash_offsets(uint64_t *restrict out, const column *c, int32_t n, bool first) {
    const int32_t *restrict offsets = c->values;
    for (int32_t i = 0; i < n; i++) {
        const uint64_t word =
            column_is_null(c, i)
                ? NULL_WORD
                : bytes_word(c->bytes + offsets[i], (uint32_t)(offsets[i + 1] - offsets[i]));
        out[i] = first ? hash_u64(word) : hash_combine(out[i], word);
    }
}

static void
hash_nested(uint64_t *restrict out, const column *c, int32_t n, bool first) {
    for (int32_t i = 0; i < n; i++) {
        const uint64_t word =
            column_is_null(c, i) ? NULL_WORD : nested_hash(c->type, row_text(c, i));
        out[i] = first ? hash_u64(word) : hash_combine(out[i], word);
    }
}

static void
hash_null(uint64_t *restrict out, int32_t n, bool first) {
    for (int32_t i = 0; i < n; i++) {
        out[i] = first ? hash_u64(NULL_WORD) : hash_combine(out[i], NULL_WORD);
    }
}

static void
hash_column(uint64_t *out, const column *c, int32_t n, bool first) {
    if (c->type.id == TYPE_NULL) {
        hash_null(out, n, first);
        return;
    }
    switch (type_physical(c->type)) {
    case PHYSICAL_BOOL:
        hash_bool(out, c, n, first);
        return;
    case PHYSICAL_I8:
        hash_i8(out, c, n, first);
        return;
    case PHYSICAL_I16:
        hash_i16(out, c, n, first);
        return;
    case PHYSICAL_I32:
        hash_i32(out, c, n, first);
        return;
    case PHYSICAL_I64:
        hash_i64(out, c, n, first);
        return;
    case PHYSICAL_I128:
        hash_i128(out, c, n, first);
        return;
    case PHYSICAL_U8:
        hash_u8(out, c, n, first);
        return;
    case PHYSICAL_U16:
        hash_u16(out, c, n, first);
        return;
    case PHYSICAL_U32:
        hash_u32(out, c, n, first);
        return;
    case PHYSICAL_U64:
        hash_u64s(out, c, n, first);
        return;
    case PHYSICAL_F32:
        hash_f32(out, c, n, first);
        return;
    case PHYSICAL_F64:
        hash_f64(out, c, n, first);
        return;
    case PHYSICAL_TEXT:
        if (c->layout == COLUMN_OFFSETS) {
            hash_offsets(out, c, n, first);
        } else {
            hash_views(out, c, n, first);
        }
        return;
    case PHYSICAL_NESTED:
        if (type_equal_by_bytes(c->type)) {
            hash_views(out, c, n, first);
        } else {
            hash_nested(out, c, n, first);
        }
        return;
    case PHYSICAL_INTERVAL:
        hash_interval(out, c, n, first);
        return;
    case PHYSICAL_COUNT:
        break;
    }
    UNREACHABLE();
}

void
hash_columns(uint64_t *out, const column *columns, int32_t column_count, int32_t row_count) {
    if (column_count == 0) {
        hash_null(out, row_count, true); /* no key: one group */
    }
    for (int32_t k = 0; k < column_count; k++) {
        hash_column(out, &columns[k], row_count, k == 0);
    }
}
