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

/* ---- what words depend on */

static void
scan_texts(key_scan *s, const column *c, int32_t first, int32_t end) {
    for (int32_t i = first; i < end; i++) {
        if (column_is_null(c, i)) {
            continue;
        }
        const text t = row_text(c, i);
        if (!s->any) {
            s->any = true;
            s->first = t;
            s->prefix = t.size;
        }
        s->prefix = common_prefix(s->first, t, s->prefix);
        s->longest = t.size > s->longest ? t.size : s->longest;
    }
}

static void
scan_wide(key_scan *s, const column *c, int32_t first, int32_t end) {
    const int128 *x = c->values;
    for (int32_t i = first; i < end; i++) {
        if (!column_is_null(c, i)) {
            s->any = true;
            s->least = x[i] < s->least ? x[i] : s->least;
            s->most = x[i] > s->most ? x[i] : s->most;
        }
    }
}

key_scan
key_scan_rows(const column *c, int32_t first, int32_t end) {
    key_scan s = {.least = INT128_MAX, .most = INT128_MIN};
    if (c->type.id == TYPE_NULL) {
        return s;
    }
    const physical p = type_physical(c->type);
    if (p == PHYSICAL_TEXT) {
        scan_texts(&s, c, first, end);
    } else if (p == PHYSICAL_I128) {
        scan_wide(&s, c, first, end);
    }
    return s;
}

void
key_scan_add(key_scan *to, const key_scan *more) {
    if (!to->any || !more->any) {
        *to = to->any ? *to : *more;
        return;
    }
    const size_t limit = to->prefix < more->prefix ? to->prefix : more->prefix;
    to->prefix = common_prefix(to->first, more->first, limit);
    to->longest = to->longest > more->longest ? to->longest : more->longest;
    to->least = to->least < more->least ? to->least : more->least;
    to->most = to->most > more->most ? to->most : more->most;
}

/* 128-bit values from the smallest on are in steps when they are further apart than a word tells.
 */
static int32_t
wide_shift(const key_scan *all) {
    const uint128 range = all->any ? (uint128)all->most - (uint128)all->least : 0;
    int32_t       shift = 0;
    while (range >> shift > UINT64_MAX) {
        shift++;
    }
    return shift;
}

bool
key_image_is_exact(const column *c, const key_scan *all) {
    if (c->type.id == TYPE_NULL) {
        return true;
    }
    switch (type_physical(c->type)) {
    case PHYSICAL_TEXT:
        return !all->any || all->longest - all->prefix <= TEXT_IMAGE_BYTES;
    case PHYSICAL_I128:
        return wide_shift(all) == 0;
    case PHYSICAL_NESTED: /* left to the comparison */
    case PHYSICAL_INTERVAL:
        return false;
    default:
        return true;
    }
}

/* ---- words */

static void
image_texts(uint64_t *out, const column *c, size_t prefix, int32_t first, int32_t end) {
    for (int32_t i = first; i < end; i++) {
        out[i] = column_is_null(c, i) ? 0 : text_image(row_text(c, i), prefix);
    }
}

static void
image_wide(uint64_t *out, const column *c, const key_scan *all, int32_t first, int32_t end) {
    const int128 *x = c->values;
    const int32_t shift = wide_shift(all);
    for (int32_t i = first; i < end; i++) {
        out[i] = (uint64_t)(((uint128)x[i] - (uint128)all->least) >> shift);
    }
}

void
key_image(uint64_t *out, const column *c, const key_scan *all, int32_t first, int32_t end) {
    if (c->type.id == TYPE_NULL) {
        return;
    }
    switch (type_physical(c->type)) {
    case PHYSICAL_BOOL:
    case PHYSICAL_U8:
        image_u8(out, c->values, first, end);
        return;
    case PHYSICAL_I8:
        image_i8(out, c->values, first, end);
        return;
    case PHYSICAL_I16:
        image_i16(out, c->values, first, end);
        return;
    case PHYSICAL_I32:
        image_i32(out, c->values, first, end);
        return;
    case PHYSICAL_I64:
        image_i64(out, c->values, first, end);
        return;
    case PHYSICAL_I128:
        image_wide(out, c, all, first, end);
        return;
    case PHYSICAL_U16:
        image_u16(out, c->values, first, end);
        return;
    case PHYSICAL_U32:
        image_u32(out, c->values, first, end);
        return;
    case PHYSICAL_U64:
        image_u64(out, c->values, first, end);
        return;
    case PHYSICAL_F32:
        image_f32(out, c->values, first, end);
        return;
    case PHYSICAL_F64:
        image_f64(out, c->values, first, end);
        return;
    case PHYSICAL_TEXT:
        image_texts(out, c, all->prefix, first, end);
        return;
    case PHYSICAL_NESTED:
        memset(out + first, 0, (size_t)(end - first) * sizeof(*out));
        return;
    case PHYSICAL_INTERVAL:
        image_interval(out, c->values, first, end);
        return;
    case PHYSICAL_COUNT:
        break;
    }
    UNREACHABLE();
}

bool
key_image_is_plain(data_type t) {
    const physical p = type_physical(t);
    return t.id != TYPE_NULL && p <= PHYSICAL_F64 && p != PHYSICAL_I128;
}
