/* SPDX-License-Identifier: Apache-2.0 */
/* extreme_append.c - minimum or maximum of a fixed-width column of an append-only input: one value
 * a group.
 *
 * Fixed-width values are mapped to 64-bit integers of the same order (doubles by their bits), and
 * for max complemented, so that one loop keeps the smallest for all types and both functions. */
#include <math.h>

#include "agg/extreme.h"
#include "kernel/kernel.h"

#define KEEP_AT_ONCE 16

typedef struct kept {
    int64_t key;
    int64_t has; /* 0 or 1 */
} kept;

typedef struct append {
    extreme     base;
    state_array kept; /* by slot */
} append;

static int64_t
key_of_double(double x) {
    if (x != x) {
        return INT64_MAX;
    }
    x += 0.0; /* -0.0 becomes 0.0 */
    int64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits ^ ((bits >> 63) & INT64_MAX);
}

static double
double_of_key(int64_t key) {
    if (key == INT64_MAX) {
        return NAN;
    }
    const int64_t bits = key ^ ((key >> 63) & INT64_MAX);
    double        x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static status
append_open(extreme *base, const agg_site *site, error *err) {
    return array_open(&((append *)base)->kept, site->store, site->name, sizeof(kept), err);
}

static void
append_close(extreme *base) {
    array_close(&((append *)base)->kept);
}

static status
append_init(extreme *base, const slot *slots, int32_t count, error *err) {
    return agg_zero_slots(&((append *)base)->kept, slots, count, err);
}

static status
append_clear(extreme *base, slot s, error *err) {
    return append_init(base, &s, 1, err);
}

static status
double_keys(const int64_t **out, const double *values, int32_t count, arena *scratch, error *err) {
    int64_t *keys = arena_alloc(scratch, (size_t)count * sizeof(*keys));
    if (keys == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        keys[i] = key_of_double(values[i]);
    }
    *out = keys;
    return OK;
}

ALWAYS_INLINE void
keep_body(kept *all, const slot *slots, const int64_t *keys, int64_t flip, const int64_t *weight,
          const uint8_t *use, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if ((use != NULL && use[i] == 0) || (weight != NULL && weight[i] == 0)) {
            continue;
        }
        kept         *k = &all[slots[i]];
        const int64_t key = keys[i] ^ flip;
        k->key = k->has == 0 || key < k->key ? key : k->key;
        k->has = 1;
    }
}

/* The first value, or the last when `newest`. */
static NOINLINE void
keep_arrivals(kept *all, const slot *slots, const int64_t *keys, bool newest, const int64_t *weight,
              const uint8_t *use, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if ((use != NULL && use[i] == 0) || (weight != NULL && weight[i] == 0)) {
            continue;
        }
        kept *k = &all[slots[i]];
        k->key = newest || k->has == 0 ? keys[i] : k->key;
        k->has = 1;
    }
}

static NOINLINE void
keep_plain(kept *all, const slot *slots, const int64_t *keys, int64_t flip, int32_t count) {
    if (count >= KEEP_AT_ONCE && agg_one_slot(slots, count)) {
        const column c = {.type = type_of(TYPE_I64), .values = keys};
        int64_t      min, max;
        (void)minmax_i64(&c, count, &min, &max);
        const int64_t best = flip == 0 ? min : max ^ flip;
        kept         *k = &all[slots[0]];
        k->key = k->has == 0 || best < k->key ? best : k->key;
        k->has = 1;
        return;
    }
    keep_body(all, slots, keys, flip, NULL, NULL, count);
}

static NOINLINE void
keep_weighted(kept *all, const slot *slots, const int64_t *keys, int64_t flip,
              const int64_t *weight, int32_t count) {
    keep_body(all, slots, keys, flip, weight, NULL, count);
}

static NOINLINE void
keep_filtered(kept *all, const slot *slots, const int64_t *keys, int64_t flip, const uint8_t *use,
              int32_t count) {
    keep_body(all, slots, keys, flip, NULL, use, count);
}

static NOINLINE void
keep_weighted_filtered(kept *all, const slot *slots, const int64_t *keys, int64_t flip,
                       const int64_t *weight, const uint8_t *use, int32_t count) {
    keep_body(all, slots, keys, flip, weight, use, count);
}

static status
append_update(extreme *base, const slot *slots, const column *columns, const int64_t *weight,
              const uint8_t *use, int32_t count, arena *scratch, error *err) {
    append        *self = (append *)base;
    const int64_t *keys;
    const int64_t  flip = base->largest ? -1 : 0;
    if (base->base.input.id == TYPE_F64) {
        TRY(double_keys(&keys, columns->values, count, scratch, err));
    } else {
        TRY(agg_integers(&keys, columns, count, scratch, err));
    }
    TRY(array_touch_each(&self->kept, slots, count, err));
    kept *all = ARRAY_AT(&self->kept, kept, 0);
    if (base->by_arrival) {
        keep_arrivals(all, slots, keys, base->largest, weight, use, count);
    } else if (weight == NULL && use == NULL) {
        keep_plain(all, slots, keys, flip, count);
    } else if (use == NULL) {
        keep_weighted(all, slots, keys, flip, weight, count);
    } else if (weight == NULL) {
        keep_filtered(all, slots, keys, flip, use, count);
    } else {
        keep_weighted_filtered(all, slots, keys, flip, weight, use, count);
    }
    return OK;
}

/* Marks row i of *out as NULL; makes the bitmap at the first one. */
static status
set_null(column *out, uint64_t **bits, int32_t i, int32_t count, arena *a, error *err) {
    if (*bits == NULL) {
        *bits = arena_alloc(a, (size_t)bits_words(count) * sizeof(**bits));
        if (*bits == NULL) {
            return error_memory(err);
        }
        memset(*bits, 0xff, (size_t)bits_words(count) * sizeof(**bits));
        out->validity = *bits;
    }
    bits_clear(*bits, i);
    return OK;
}

static status
append_value(extreme *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    const append *self = (append *)base;
    const bool    is_double = base->base.input.id == TYPE_F64;
    const int64_t flip = base->largest && !base->by_arrival ? -1 : 0;
    int64_t      *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const kept *k = ARRAY_AT(&self->kept, kept, slots[i]);
        values[i] = k->has ? k->key ^ flip : 0;
        if (is_double) {
            const double x = double_of_key(values[i]);
            memcpy(&values[i], &x, sizeof(x));
        }
    }
    TRY(agg_integer_column(out, base->base.output, values, count, a, err));
    uint64_t *bits = NULL;
    for (int32_t i = 0; i < count; i++) {
        if (!ARRAY_AT(&self->kept, kept, slots[i])->has) {
            TRY(set_null(out, &bits, i, count, a, err));
        }
    }
    return OK;
}

static status
append_merge(extreme *base, const slot *slots, const extreme *other, const slot *from,
             int32_t count, arena *scratch, error *err) {
    (void)scratch;
    append            *self = (append *)base;
    const state_array *parts = &((const append *)other)->kept;
    TRY(array_touch_each(&self->kept, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        kept       *k = ARRAY_AT(&self->kept, kept, slots[i]);
        const kept *part = ARRAY_AT(parts, kept, from[i]);
        if (part->has && (!k->has || part->key < k->key)) {
            *k = *part;
        }
    }
    return OK;
}

static status
append_rebuild(extreme *base, const slot_set *groups, error *err) {
    return agg_check_slots(&((append *)base)->kept, groups, err);
}

const extreme_class extreme_append_class = {
    .size = sizeof(append),
    .open = append_open,
    .close = append_close,
    .init = append_init,
    .update = append_update,
    .value = append_value,
    .clear = append_clear,
    .merge = append_merge,
    .rebuild = append_rebuild,
};
