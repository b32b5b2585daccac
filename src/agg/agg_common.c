/* SPDX-License-Identifier: Apache-2.0 */
/* agg_common.c - see agg_common.h. */
#include "agg/agg_common.h"

status
agg_new(agg **out, size_t size, const agg_class *class, const agg_signature *signature,
        const agg_site *site, error *err) {
    agg *self = mem_alloc_zero(site->mem, size);
    if (self == NULL) {
        return error_memory(err);
    }
    *self = (agg){
        .class = class,
        .signature = signature,
        .mem = site->mem,
        .input = signature->column_count == 0 ? type_of(TYPE_NULL) : signature->types[0],
        .output = signature->output,
        .append_only = site->append_only,
        .once = site->once,
    };
    *out = self;
    return OK;
}

static uint8_t *
flag_rows(arena *scratch, int32_t count, error *err) {
    uint8_t *flags = arena_alloc(scratch, (size_t)count);
    if (flags == NULL) {
        (void)error_memory(err);
    }
    return flags;
}

status
agg_contributing(const uint8_t **out, const column *input, const uint8_t *filter, int32_t count,
                 arena *scratch, error *err) {
    *out = filter;
    const uint64_t *validity = input->validity;
    if (validity == NULL || bits_all(validity, count)) {
        return OK;
    }
    uint8_t *flags = flag_rows(scratch, count, err);
    if (flags == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    for (int32_t i = 0; i < count; i++) {
        flags[i] = (validity[i >> 6] >> (i & 63)) & 1;
    }
    if (filter != NULL) {
        for (int32_t i = 0; i < count; i++) {
            flags[i] = (uint8_t)(flags[i] & (filter[i] != 0));
        }
    }
    *out = flags;
    return OK;
}

static void
widen_u8(int64_t *restrict to, const uint8_t *restrict from, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
}

static void
widen_u16(int64_t *restrict to, const uint16_t *restrict from, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
}

static void
widen_u32(int64_t *restrict to, const uint32_t *restrict from, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
}

static void
widen_i8(int64_t *restrict to, const int8_t *restrict from, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
}

static void
widen_i16(int64_t *restrict to, const int16_t *restrict from, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
}

static void
widen_i32(int64_t *restrict to, const int32_t *restrict from, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
}

status
agg_integers(const int64_t **out, const column *input, int32_t count, arena *scratch, error *err) {
    const physical p = type_physical(input->type);
    if (p == PHYSICAL_I64 || p == PHYSICAL_U64) {
        *out = input->values;
        return OK;
    }
    int64_t *wide = arena_alloc(scratch, (size_t)count * sizeof(*wide));
    if (wide == NULL) {
        return error_memory(err);
    }
    *out = wide;
    switch (p) {
    case PHYSICAL_BOOL:
    case PHYSICAL_U8:
        widen_u8(wide, input->values, count);
        return OK;
    case PHYSICAL_U16:
        widen_u16(wide, input->values, count);
        return OK;
    case PHYSICAL_U32:
        widen_u32(wide, input->values, count);
        return OK;
    case PHYSICAL_I8:
        widen_i8(wide, input->values, count);
        return OK;
    case PHYSICAL_I16:
        widen_i16(wide, input->values, count);
        return OK;
    default:
        assert(p == PHYSICAL_I32);
        widen_i32(wide, input->values, count);
        return OK;
    }
}

status
agg_integer_column(column *out, data_type type, const int64_t *values, int32_t count, arena *a,
                   error *err) {
    const size_t width = type_width(type);
    uint8_t     *narrow = arena_alloc(a, (size_t)count * width);
    if (narrow == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) { /* little-endian: the low bytes are the narrow value */
        memcpy(narrow + (size_t)i * width, &values[i], width);
    }
    *out = (column){.type = type, .layout = COLUMN_FLAT, .values = narrow};
    return OK;
}

status
agg_set_nulls(column *out, const bool *nulls, int32_t count, arena *a, error *err) {
    bool any = false;
    for (int32_t i = 0; i < count; i++) {
        any = any || nulls[i];
    }
    if (!any) {
        return OK;
    }
    uint64_t *bits = arena_alloc_zero(a, (size_t)bits_words(count) * sizeof(*bits));
    if (bits == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        bits[i >> 6] |= (uint64_t)!nulls[i] << (i & 63);
    }
    out->validity = bits;
    return OK;
}

status
agg_zero_slots(state_array *a, const slot *slots, int32_t count, error *err) {
    uint64_t limit = 0;
    for (int32_t i = 0; i < count; i++) {
        limit = slots[i] >= limit ? (uint64_t)slots[i] + 1 : limit;
    }
    if (limit > a->count) { /* in steps: groups come one after the other */
        const uint64_t step = a->count / 8;
        TRY(array_reserve_to(a, limit + (step > 1024 ? 1024 : step), err));
    }
    TRY(array_touch_each(a, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        memset(a->data + (size_t)slots[i] * a->element_size, 0, a->element_size);
    }
    return OK;
}

bool
agg_one_slot(const slot *slots, int32_t count) {
    slot other = 0;
    for (int32_t i = 0; i < count; i++) {
        other |= slots[i] ^ slots[0];
    }
    return other == 0;
}

status
agg_check_slots(const state_array *a, const slot_set *groups, error *err) {
    return a->count < groups->count ? image_corrupt("the values of a group", err) : OK;
}
