/* SPDX-License-Identifier: Apache-2.0 */
/* nested_order.c - nested values in order, and as hashes of keys: item by item, a list that is the
 * beginning of another comes first, NULL is equal to NULL and above all else. */
#include "base/hash.h"
#include "type/nested.h"

int
nested_compare(data_type t, text a, text b) {
    if (a.size == b.size && memcmp(a.data, b.data, a.size) == 0) {
        return 0;
    }
    const nested_view x = nested_open(t, a);
    const nested_view y = nested_open(t, b);
    const int32_t     count = x.count < y.count ? x.count : y.count;
    for (int32_t i = 0; i < count; i++) {
        const value p = nested_at(&x, i);
        const value q = nested_at(&y, i);
        const int   order = value_compare(&p, &q);
        if (order != 0) {
            return order;
        }
    }
    return (x.count > y.count) - (x.count < y.count);
}

static uint64_t
hash_f64(double d) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof(bits));
    return d == 0.0 ? 0 : d != d ? UINT64_C(0x7ff8000000000000) : bits;
}

static uint64_t
hash_value(const value *v) {
    if (v->is_null || v->type.id == TYPE_NULL) {
        return UINT64_C(0x6e756c6c20726f77);
    }
    switch (type_physical(v->type)) {
    case PHYSICAL_F32:
    case PHYSICAL_F64:
        return hash_f64(v->d);
    case PHYSICAL_NESTED:
        return nested_hash(v->type, v->s);
    case PHYSICAL_TEXT:
        return hash_bytes(v->s.data, v->s.size);
    case PHYSICAL_INTERVAL: {
        const uint128 total = (uint128)interval_total_us(&v->iv);
        return hash_combine((uint64_t)total, (uint64_t)(total >> 64));
    }
    case PHYSICAL_BOOL:
        return v->b;
    default: {
        const uint128 x = (uint128)value_wide(v);
        return hash_combine((uint64_t)x, (uint64_t)(x >> 64));
    }
    }
}

uint64_t
nested_hash(data_type t, text image) {
    if (type_equal_by_bytes(t)) {
        return hash_bytes(image.data, image.size);
    }
    const nested_view v = nested_open(t, image);
    uint64_t          h = hash_u64((uint64_t)v.count);
    for (int32_t i = 0; i < v.count; i++) {
        const value x = nested_at(&v, i);
        h = hash_combine(h, hash_value(&x));
    }
    return h;
}
