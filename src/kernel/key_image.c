/* SPDX-License-Identifier: Apache-2.0 */
/* key_image.c - values as unsigned words in the same order: integers with the sign bit turned over,
 * doubles as ordered bits, texts by the seven bytes behind the prefix that all of them share. */
#include "kernel/key_image.h"

#include "kernel/access.h"

#define SIGN UINT64_C(0x8000000000000000)
#define TEXT_IMAGE_BYTES 7

ALWAYS_INLINE uint64_t
f64_image(double d) {
    const uint64_t bits = f64_key(d);
    return (bits & SIGN) != 0 ? ~bits : bits | SIGN;
}

#define KERNEL image_u8
#define IN uint8_t
#define IMAGE ((uint64_t)a)
#include "kernel/key_image.inc.h"

#define KERNEL image_i8
#define IN int8_t
#define IMAGE ((uint64_t)(int64_t)a ^ SIGN)
#include "kernel/key_image.inc.h"

#define KERNEL image_i16
#define IN int16_t
#define IMAGE ((uint64_t)(int64_t)a ^ SIGN)
#include "kernel/key_image.inc.h"

#define KERNEL image_i32
#define IN int32_t
#define IMAGE ((uint64_t)(int64_t)a ^ SIGN)
#include "kernel/key_image.inc.h"

#define KERNEL image_i64
#define IN int64_t
#define IMAGE ((uint64_t)a ^ SIGN)
#include "kernel/key_image.inc.h"

#define KERNEL image_u16
#define IN uint16_t
#define IMAGE ((uint64_t)a)
#include "kernel/key_image.inc.h"

#define KERNEL image_u32
#define IN uint32_t
#define IMAGE ((uint64_t)a)
#include "kernel/key_image.inc.h"

#define KERNEL image_u64
#define IN uint64_t
#define IMAGE a
#include "kernel/key_image.inc.h"

#define KERNEL image_f32
#define IN float
#define IMAGE (f64_image((double)a))
#include "kernel/key_image.inc.h"

#define KERNEL image_f64
#define IN double
#define IMAGE (f64_image(a))
#include "kernel/key_image.inc.h"

/* The total needs 74 bits; the ten lowest are left to the comparison. */
#define KERNEL image_interval
#define IN interval
#define IMAGE ((uint64_t)(int64_t)(interval_total_us(&a) >> 10) ^ SIGN)
#include "kernel/key_image.inc.h"

/* From the smallest value on; in steps when they are further apart than a word tells. */
static bool
image_wide(uint64_t *out, const column *c, int32_t n) {
    const int128 *x = c->values;
    int128        least = INT128_MAX;
    int128        most = INT128_MIN;
    for (int32_t i = 0; i < n; i++) {
        if (!column_is_null(c, i)) {
            least = x[i] < least ? x[i] : least;
            most = x[i] > most ? x[i] : most;
        }
    }
    const uint128 range = least > most ? 0 : (uint128)most - (uint128)least;
    int32_t       shift = 0;
    while (range >> shift > UINT64_MAX) {
        shift++;
    }
    for (int32_t i = 0; i < n; i++) {
        out[i] = (uint64_t)(((uint128)x[i] - (uint128)least) >> shift);
    }
    return shift == 0;
}

/* Up to seven bytes, zero-padded, then how many bytes there are (8: more), so that "a" comes before
 * "a\0". */
static uint64_t
text_image(text t, size_t skip) {
    const size_t size = t.size - skip;
    uint64_t     image = 0;
    for (size_t i = 0; i < TEXT_IMAGE_BYTES && i < size; i++) {
        image |= (uint64_t)(uint8_t)t.data[skip + i] << (56 - 8 * i);
    }
    return image | (size <= TEXT_IMAGE_BYTES ? size : TEXT_IMAGE_BYTES + 1);
}

static size_t
common_prefix(text a, text b, size_t limit) {
    limit = limit < a.size ? limit : a.size;
    limit = limit < b.size ? limit : b.size;
    size_t i = 0;
    while (i < limit && a.data[i] == b.data[i]) {
        i++;
    }
    return i;
}

static bool
image_text(uint64_t *out, const column *c, int32_t n) {
    text   first = {NULL, 0};
    size_t prefix = SIZE_MAX; /* that all texts share */
    size_t longest = 0;
    for (int32_t i = 0; i < n; i++) {
        if (column_is_null(c, i)) {
            continue;
        }
        const text t = row_text(c, i);
        if (prefix == SIZE_MAX) {
            first = t;
        }
        prefix = common_prefix(first, t, prefix);
        longest = t.size > longest ? t.size : longest;
    }
    for (int32_t i = 0; i < n; i++) {
        out[i] = column_is_null(c, i) ? 0 : text_image(row_text(c, i), prefix);
    }
    return prefix == SIZE_MAX || longest - prefix <= TEXT_IMAGE_BYTES;
}

bool
key_image(uint64_t *out, const column *c, int32_t row_count) {
    if (c->type.id == TYPE_NULL) {
        return true;
    }
    switch (type_physical(c->type)) {
    case PHYSICAL_BOOL:
    case PHYSICAL_U8:
        image_u8(out, c->values, row_count);
        return true;
    case PHYSICAL_I8:
        image_i8(out, c->values, row_count);
        return true;
    case PHYSICAL_I16:
        image_i16(out, c->values, row_count);
        return true;
    case PHYSICAL_I32:
        image_i32(out, c->values, row_count);
        return true;
    case PHYSICAL_I64:
        image_i64(out, c->values, row_count);
        return true;
    case PHYSICAL_I128:
        return image_wide(out, c, row_count);
    case PHYSICAL_U16:
        image_u16(out, c->values, row_count);
        return true;
    case PHYSICAL_U32:
        image_u32(out, c->values, row_count);
        return true;
    case PHYSICAL_U64:
        image_u64(out, c->values, row_count);
        return true;
    case PHYSICAL_F32:
        image_f32(out, c->values, row_count);
        return true;
    case PHYSICAL_F64:
        image_f64(out, c->values, row_count);
        return true;
    case PHYSICAL_TEXT:
        return image_text(out, c, row_count);
    case PHYSICAL_NESTED: /* left to the comparison */
        memset(out, 0, (size_t)row_count * sizeof(*out));
        return false;
    case PHYSICAL_INTERVAL:
        image_interval(out, c->values, row_count);
        return false;
    case PHYSICAL_COUNT:
        break;
    }
    UNREACHABLE();
}
