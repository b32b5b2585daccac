/* SPDX-License-Identifier: Apache-2.0 */
/* agg_bits.c - bit_and, bit_or and bit_xor of integers, bool_and (every) and bool_or of conditions.
 * NULL values do not count; NULL over no rows.
 *
 * Each bit of a group has a count of the values that have it: exact under retraction, and the same
 * for all five. Append-only input keeps one word: `ones` is then the and, or or xor so far. */
#include "agg/agg_common.h"

typedef struct bit_group {
    int64_t count;
    int64_t ones[64]; /* as many as the type has bits; append-only: one, the word */
} bit_group;

typedef struct bits {
    agg         base;
    int32_t     width;
    state_array groups; /* bit_group cut off after `width` counts */
} bits;

static status
resolve_bits(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = s->types[0];
    return type_is_integer(s->types[0]) && type_width(s->types[0]) <= 8 ? OK : ERR_WRONG_TYPE;
}

static status
resolve_bool(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = s->types[0];
    return s->types[0].id == TYPE_BOOL ? OK : ERR_WRONG_TYPE;
}

static status
open_bits(agg **out, const agg_class *class, const agg_signature *signature, const agg_site *site,
          error *err) {
    TRY(agg_new(out, sizeof(bits), class, signature, site, err));
    bits      *self = (bits *)*out;
    const bool one = site->append_only || signature->types[0].id == TYPE_BOOL;
    self->width = one ? 1 : 8 * (int32_t)type_width(signature->types[0]);
    const size_t size = offsetof(bit_group, ones) + (size_t)self->width * sizeof(int64_t);
    const status opened = array_open(&self->groups, site->store, site->name, (uint32_t)size, err);
    if (opened < 0) {
        mem_free(site->mem, self, sizeof(*self));
        *out = NULL;
    }
    return opened;
}

static void
close_bits(agg *base) {
    bits *self = (bits *)base;
    array_close(&self->groups);
    mem_free(base->mem, self, sizeof(*self));
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    return agg_zero_slots(&((bits *)base)->groups, slots, count, err);
}

static status
clear(agg *base, slot s, error *err) {
    return init(base, &s, 1, err);
}

static bit_group *
group_at(const bits *self, slot s) {
    return (bit_group *)(void *)(self->groups.data + (size_t)s * self->groups.element_size);
}

typedef enum bit_function { BIT_AND, BIT_OR, BIT_XOR } bit_function;

static bit_function
function_of(const agg_class *class) {
    return class == &agg_bit_and_class || class == &agg_bool_and_class ? BIT_AND
           : class == &agg_bit_xor_class                               ? BIT_XOR
                                                                       : BIT_OR;
}

/* One more value in the word of append-only input. */
static void
fold(bit_group *g, bit_function f, int64_t x, int64_t weight) {
    if (f == BIT_XOR) {
        g->ones[0] ^= weight % 2 != 0 ? x : 0;
    } else if (g->count == 0) {
        g->ones[0] = x;
    } else {
        g->ones[0] = f == BIT_AND ? g->ones[0] & x : g->ones[0] | x;
    }
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    bits              *self = (bits *)base;
    const bit_function f = function_of(base->class);
    const int64_t     *values;
    TRY(agg_contributing(&filter, columns, filter, count, scratch, err));
    TRY(agg_integers(&values, columns, count, scratch, err));
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        const int64_t w = weight == NULL ? 1 : weight[i];
        if ((filter != NULL && filter[i] == 0) || w == 0) {
            continue;
        }
        bit_group *g = group_at(self, slots[i]);
        if (base->append_only) {
            fold(g, f, values[i], w);
        } else {
            uint64_t left = (uint64_t)values[i];
            left = self->width < 64 ? left & ((UINT64_C(1) << self->width) - 1) : left;
            for (; left != 0; left &= left - 1) {
                g->ones[__builtin_ctzll(left)] += w;
            }
        }
        g->count += w;
    }
    return OK;
}

static status
merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
      arena *scratch, error *err) {
    (void)scratch;
    bits *self = (bits *)base;
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        bit_group       *to = group_at(self, slots[i]);
        const bit_group *part = group_at((const bits *)other, from[i]);
        if (!base->append_only) {
            for (int32_t b = 0; b < self->width; b++) {
                to->ones[b] += part->ones[b];
            }
        } else if (part->count != 0) {
            fold(to, function_of(base->class), part->ones[0], 1);
        }
        to->count += part->count;
    }
    return OK;
}

static int64_t
result(const bits *self, const bit_group *g, bit_function f) {
    if (self->base.append_only) {
        return g->ones[0];
    }
    uint64_t word = 0;
    for (int32_t b = 0; b < self->width; b++) {
        const int64_t n = g->ones[b];
        const bool    set = f == BIT_AND ? n == g->count : f == BIT_OR ? n > 0 : n % 2 != 0;
        word |= (uint64_t)set << b;
    }
    return (int64_t)word;
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    const bits *self = (const bits *)base;
    int64_t    *values = arena_alloc(a, (size_t)count * sizeof(*values));
    bool       *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    if (values == NULL || nulls == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const bit_group *g = group_at(self, slots[i]);
        nulls[i] = g->count == 0;
        values[i] = nulls[i] ? 0 : result(self, g, function_of(base->class));
    }
    TRY(agg_integer_column(out, base->output, values, count, a, err));
    return agg_set_nulls(out, nulls, count, a, err);
}

const agg_class agg_bit_and_class = {
    .name = "bit_and",
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .resolve = resolve_bits,
    .open = open_bits,
    .close = close_bits,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
};

const agg_class agg_bit_or_class = {
    .name = "bit_or",
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .resolve = resolve_bits,
    .open = open_bits,
    .close = close_bits,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
};

const agg_class agg_bit_xor_class = {
    .name = "bit_xor",
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve_bits,
    .open = open_bits,
    .close = close_bits,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
};

const agg_class agg_bool_and_class = {
    .name = "bool_and",
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .resolve = resolve_bool,
    .open = open_bits,
    .close = close_bits,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
};

const agg_class agg_bool_or_class = {
    .name = "bool_or",
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .resolve = resolve_bool,
    .open = open_bits,
    .close = close_bits,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
};
