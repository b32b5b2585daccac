/* SPDX-License-Identifier: Apache-2.0 */
/* agg_bits.c - bit_and, bit_or and bit_xor of integers, bool_and (every) and bool_or of conditions.
 * NULL values do not count; NULL over no rows.
 *
 * Each bit of a group has a count of the values that have it: exact under retraction, and the same
 * for all five. Append-only input keeps the value: `ones` is then the and, or or xor so far. A
 * value is one word of 64 bits, a HUGEINT two, the low one first. */
#include "agg/agg_common.h"

#define WORDS_MAX 2

typedef struct bit_group {
    int64_t count;
    int64_t ones[64 * WORDS_MAX]; /* as many as the type has bits; append-only: the words */
} bit_group;

typedef struct bits {
    agg         base;
    int32_t     words;
    int32_t     width;  /* of ones */
    state_array groups; /* bit_group cut off after `width` counts */
} bits;

static status
resolve_bits(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = s->types[0];
    return type_is_integer(s->types[0]) ? OK : ERR_WRONG_TYPE;
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
    self->words = type_width(signature->types[0]) > sizeof(int64_t) ? WORDS_MAX : 1;
    self->width = one ? self->words : 8 * (int32_t)type_width(signature->types[0]);
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

/* One more value in the words of append-only input. */
static void
fold(bit_group *g, bit_function f, const uint64_t *x, int32_t words, int64_t weight) {
    for (int32_t i = 0; i < words; i++) {
        const uint64_t old = (uint64_t)g->ones[i];
        const uint64_t now = f == BIT_XOR    ? old ^ (weight % 2 != 0 ? x[i] : 0)
                             : g->count == 0 ? x[i]
                             : f == BIT_AND  ? old & x[i]
                                             : old | x[i];
        g->ones[i] = (int64_t)now;
    }
}

/* Each of the value's bits that are set. */
static void
count_bits(bit_group *g, const uint64_t *x, int32_t width, int64_t weight) {
    for (int32_t i = 0; 64 * i < width; i++) {
        uint64_t left = x[i];
        left = width < 64 ? left & ((UINT64_C(1) << width) - 1) : left;
        for (; left != 0; left &= left - 1) {
            g->ones[64 * i + __builtin_ctzll(left)] += weight;
        }
    }
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    bits              *self = (bits *)base;
    const bit_function f = function_of(base->class);
    const char        *wide = columns->values;
    const int64_t     *values = NULL;
    TRY(agg_contributing(&filter, columns, filter, count, scratch, err));
    TRY(self->words > 1 ? OK : agg_integers(&values, columns, count, scratch, err));
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        const int64_t w = weight == NULL ? 1 : weight[i];
        if ((filter != NULL && filter[i] == 0) || w == 0) {
            continue;
        }
        uint64_t x[WORDS_MAX];
        if (self->words > 1) {
            memcpy(x, wide + (size_t)i * sizeof(x), sizeof(x));
        } else {
            x[0] = (uint64_t)values[i];
        }
        bit_group *g = group_at(self, slots[i]);
        if (base->append_only) {
            fold(g, f, x, self->words, w);
        } else {
            count_bits(g, x, self->width, w);
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
            uint64_t x[WORDS_MAX] = {0};
            memcpy(x, part->ones, (size_t)self->words * sizeof(*x));
            fold(to, function_of(base->class), x, self->words, 1);
        }
        to->count += part->count;
    }
    return OK;
}

static uint64_t
word_of(const bits *self, const bit_group *g, bit_function f, int32_t word) {
    if (self->base.append_only) {
        return (uint64_t)g->ones[word];
    }
    uint64_t      out = 0;
    const int32_t bit_count = self->width < 64 ? self->width : 64;
    for (int32_t b = 0; b < bit_count; b++) {
        const int64_t n = g->ones[64 * word + b];
        const bool    set = f == BIT_AND ? n == g->count : f == BIT_OR ? n > 0 : n % 2 != 0;
        out |= (uint64_t)set << b;
    }
    return out;
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    const bits        *self = (const bits *)base;
    const bit_function f = function_of(base->class);
    uint64_t *values = arena_alloc(a, (size_t)count * (size_t)self->words * sizeof(*values));
    bool     *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    if (values == NULL || nulls == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const bit_group *g = group_at(self, slots[i]);
        nulls[i] = g->count == 0;
        for (int32_t k = 0; k < self->words; k++) {
            values[i * self->words + k] = nulls[i] ? 0 : word_of(self, g, f, k);
        }
    }
    if (self->words > 1) {
        *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = values};
    } else {
        TRY(agg_integer_column(out, base->output, (const int64_t *)values, count, a, err));
    }
    return agg_set_nulls(out, nulls, count, a, err);
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    return agg_check_slots(&((bits *)base)->groups, groups, err);
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
    .rebuild = rebuild,
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
    .rebuild = rebuild,
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
    .rebuild = rebuild,
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
    .rebuild = rebuild,
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
    .rebuild = rebuild,
};
