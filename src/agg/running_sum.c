/* SPDX-License-Identifier: Apache-2.0 */
/* running_sum.c - see running_sum.h. */
#include "agg/running_sum.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static_assert(sizeof(exact_sum) == 24 && sizeof(float_sum) == 24 && sizeof(wide_sum) == 32 &&
                  offsetof(wide_sum, count) == 24 && offsetof(exact_sum, count) == 16 &&
                  offsetof(float_sum, count) == 16,
              "the count comes last");

static bool
is_double(const running_sum *self) {
    return self->base.input.id == TYPE_F64;
}

bool
running_sum_takes(data_type input) {
    return input.id == TYPE_F64 || input.id == TYPE_DECIMAL || type_is_integer(input);
}

status
running_sum_open(agg **out, const agg_class *class, const agg_signature *signature,
                 const agg_site *site, error *err) {
    TRY(agg_new(out, sizeof(running_sum), class, signature, site, err));
    running_sum *self = (running_sum *)*out;
    char         label[160];
    snprintf(label, sizeof(label), "%.120s.special", site->name);
    const bool wide = type_physical(self->base.input) == PHYSICAL_I128;
    status     opened = array_open(&self->sums, site->store, site->name,
                               wide ? sizeof(wide_sum) : sizeof(exact_sum), err);
    if (opened == OK) {
        opened = array_open(&self->specials, site->store, label, sizeof(float_special), err);
    }
    if (opened < 0) {
        running_sum_close(&self->base);
        *out = NULL;
    }
    return opened;
}

void
running_sum_close(agg *base) {
    running_sum *self = (running_sum *)base;
    array_close(&self->sums);
    array_close(&self->specials);
    mem_free(base->mem, self, sizeof(*self));
}

status
running_sum_init(agg *base, const slot *slots, int32_t count, error *err) {
    running_sum *self = (running_sum *)base;
    TRY(agg_zero_slots(&self->sums, slots, count, err));
    return self->specials.count == 0 ? OK : agg_zero_slots(&self->specials, slots, count, err);
}

status
running_sum_clear(agg *base, slot s, error *err) {
    return running_sum_init(base, &s, 1, err);
}

status
running_sum_rebuild(agg *base, const slot_set *groups, error *err) {
    return agg_check_slots(&((running_sum *)base)->sums, groups, err);
}

/* ---- integers */

/* unsigned_values is a constant at each call. */
ALWAYS_INLINE void
add_exact(exact_sum *sums, const slot *slots, const int64_t *values, bool unsigned_values,
          const int64_t *weight, const uint8_t *filter, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (filter != NULL && filter[i] == 0) {
            continue;
        }
        exact_sum    *s = &sums[slots[i]];
        const int64_t w = weight == NULL ? 1 : weight[i];
        const int128  given = unsigned_values ? (int128)(uint64_t)values[i] : values[i];
        const int128  x = weight == NULL ? given : given * w;
        const uint128 total = ((uint128)s->high << 64 | s->low) + (uint128)x;
        s->low = (uint64_t)total;
        s->high = (uint64_t)(total >> 64);
        s->count += w;
    }
}

static bool
is_one_slot(const slot *slots, int32_t count) {
    slot differs = slots[0] ^ slots[count - 1];
    if (differs != 0) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        differs |= slots[0] ^ slots[i];
    }
    return differs == 0;
}

/* All of one group, so the sum need not go through memory: lower and upper halves apart, without
 * their sign, so that each stays within 64 bits and no row waits for the one before. */
static NOINLINE void
exact_one(exact_sum *s, const int64_t *values, int32_t count) {
    uint64_t low = 0;
    uint64_t high = 0;
    for (int32_t i = 0; i < count; i++) {
        const uint64_t unsigned_value = (uint64_t)values[i] ^ (uint64_t)1 << 63;
        low += unsigned_value & UINT32_MAX;
        high += unsigned_value >> 32;
    }
    const uint128 added = ((uint128)high << 32) + low - ((uint128)(uint32_t)count << 63);
    const uint128 total = ((uint128)s->high << 64 | s->low) + added;
    s->low = (uint64_t)total;
    s->high = (uint64_t)(total >> 64);
    s->count += count;
}

static NOINLINE void
exact_plain(exact_sum *sums, const slot *slots, const int64_t *values, int32_t count) {
    if (count > 0 && is_one_slot(slots, count)) {
        exact_one(&sums[slots[0]], values, count);
    } else {
        add_exact(sums, slots, values, false, NULL, NULL, count);
    }
}

static NOINLINE void
exact_weighted(exact_sum *sums, const slot *slots, const int64_t *values, const int64_t *weight,
               int32_t count) {
    add_exact(sums, slots, values, false, weight, NULL, count);
}

static NOINLINE void
exact_filtered(exact_sum *sums, const slot *slots, const int64_t *values, const uint8_t *filter,
               int32_t count) {
    add_exact(sums, slots, values, false, NULL, filter, count);
}

static NOINLINE void
exact_weighted_filtered(exact_sum *sums, const slot *slots, const int64_t *values,
                        const int64_t *weight, const uint8_t *filter, int32_t count) {
    add_exact(sums, slots, values, false, weight, filter, count);
}

static NOINLINE void
exact_unsigned(exact_sum *sums, const slot *slots, const int64_t *values, const int64_t *weight,
               const uint8_t *filter, int32_t count) {
    add_exact(sums, slots, values, true, weight, filter, count);
}

ALWAYS_INLINE void
add_wide(wide_sum *sums, const slot *slots, const int128 *values, const int64_t *weight,
         const uint8_t *filter, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (filter == NULL || filter[i] != 0) {
            const int64_t w = weight == NULL ? 1 : weight[i];
            const int192  x = int192_of(values[i]);
            int192_add(&sums[slots[i]].total, weight == NULL ? x : int192_multiply(x, w));
            sums[slots[i]].count += w;
        }
    }
}

static NOINLINE void
wide_plain(wide_sum *sums, const slot *slots, const int128 *values, int32_t count) {
    add_wide(sums, slots, values, NULL, NULL, count);
}

static NOINLINE void
wide_any(wide_sum *sums, const slot *slots, const int128 *values, const int64_t *weight,
         const uint8_t *filter, int32_t count) {
    add_wide(sums, slots, values, weight, filter, count);
}

/* ---- doubles */

/* False: the sum would leave the finite range, nothing was changed. */
ALWAYS_INLINE bool
two_sum(float_sum *s, double x) {
    const double t = s->sum + x;
    if (UNLIKELY(!(fabs(t) <= DBL_MAX))) {
        return false;
    }
    const double part = t - s->sum;
    s->compensation += (s->sum - (t - part)) + (x - part);
    s->sum = t;
    return true;
}

/* Adds a finite value when the sum may overflow. The subtractions are exact (Sterbenz), as |sum| or
 * |x| is at least half a unit. */
static void
add_with_units(float_sum *s, float_special *special, double x) {
    while (!two_sum(s, x)) {
        const double unit = x > 0 ? FLOAT_SUM_UNIT : -FLOAT_SUM_UNIT;
        special->units += x > 0 ? 1 : -1;
        if (fabs(s->sum) >= FLOAT_SUM_UNIT / 2) {
            s->sum -= unit;
        } else {
            x -= unit;
        }
    }
}

/* x * w with its rounding error; the product is finite. */
static void
add_product(float_sum *s, float_special *special, double x, double w) {
    const double product = x * w;
    const double rest = fma(x, w, -product);
    add_with_units(s, special, product);
    if (isfinite(rest)) {
        add_with_units(s, special, rest);
    }
}

/* A row the fast way refused: NaN, an infinity, or a sum or product beyond the finite range. */
static NOINLINE status
add_unusual(running_sum *self, slot at, double x, int64_t w, error *err) {
    TRY(array_reserve_to(&self->specials, self->sums.count, err));
    TRY(array_touch(&self->specials, at, 1, err));
    float_special *special = ARRAY_AT(&self->specials, float_special, at);
    if (isnan(x)) {
        special->nan_count += w;
    } else if (isinf(x)) {
        *(x > 0 ? &special->positive_count : &special->negative_count) += w;
    } else {
        float_sum    *s = ARRAY_AT(&self->sums, float_sum, at);
        const double  fits = floor(DBL_MAX / fabs(x));
        const int64_t part = fits >= 0x1p52 ? 1LL << 52 : (int64_t)fits;
        for (int64_t left = w; left != 0;) {
            const int64_t now = left > part ? part : left < -part ? -part : left;
            add_product(s, special, x, (double)now);
            left -= now;
        }
    }
    return OK;
}

ALWAYS_INLINE status
add_doubles(running_sum *self, const slot *slots, const double *values, const int64_t *weight,
            const uint8_t *filter, int32_t count, error *err) {
    float_sum *sums = ARRAY_AT(&self->sums, float_sum, 0);
    for (int32_t i = 0; i < count; i++) {
        if (filter != NULL && filter[i] == 0) {
            continue;
        }
        float_sum    *s = &sums[slots[i]];
        const int64_t w = weight == NULL ? 1 : weight[i];
        const bool    single = weight == NULL || w == 1 || w == -1;
        const double  x = weight == NULL || w != -1 ? values[i] : -values[i];
        if (UNLIKELY(!single || !two_sum(s, x))) {
            TRY(add_unusual(self, slots[i], values[i], w, err));
        }
        s->count += w;
    }
    return OK;
}

#define LANES 8

/* Adds values to one group in several sums side by side, each with what rounding took. False: one
 * of them left the finite range; *s is as it was. */
static NOINLINE bool
sum_lanes(float_sum *s, const double *values, int32_t count) {
    double    sum[LANES] = {0}, rest[LANES] = {0};
    float_sum all = *s;
    int32_t   i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int32_t k = 0; k < LANES; k++) {
            const double x = values[i + k];
            const double t = sum[k] + x;
            const double part = t - sum[k];
            rest[k] += (sum[k] - (t - part)) + (x - part);
            sum[k] = t;
        }
    }
    bool finite = true;
    for (int32_t k = 0; k < LANES; k++) {
        finite = finite && two_sum(&all, sum[k]);
        all.compensation += rest[k];
    }
    for (; i < count; i++) {
        finite = finite && two_sum(&all, values[i]);
    }
    if (!finite || !isfinite(all.compensation)) {
        return false;
    }
    all.count += count;
    *s = all;
    return true;
}

static NOINLINE status
doubles_plain(running_sum *self, const slot *slots, const double *values, int32_t count,
              error *err) {
    if (count >= 2 * LANES && agg_one_slot(slots, count) &&
        sum_lanes(ARRAY_AT(&self->sums, float_sum, slots[0]), values, count)) {
        return OK;
    }
    return add_doubles(self, slots, values, NULL, NULL, count, err);
}

static NOINLINE status
doubles_weighted(running_sum *self, const slot *slots, const double *values, const int64_t *weight,
                 int32_t count, error *err) {
    return add_doubles(self, slots, values, weight, NULL, count, err);
}

static NOINLINE status
doubles_filtered(running_sum *self, const slot *slots, const double *values, const uint8_t *filter,
                 int32_t count, error *err) {
    return add_doubles(self, slots, values, NULL, filter, count, err);
}

static NOINLINE status
doubles_weighted_filtered(running_sum *self, const slot *slots, const double *values,
                          const int64_t *weight, const uint8_t *filter, int32_t count, error *err) {
    return add_doubles(self, slots, values, weight, filter, count, err);
}

/* ---- the class functions */

status
running_sum_update(agg *base, const slot *slots, const column *input, const int64_t *weight,
                   const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    running_sum   *self = (running_sum *)base;
    const uint8_t *use;
    TRY(agg_contributing(&use, input, filter, count, scratch, err));
    TRY(array_touch_each(&self->sums, slots, count, err));
    if (is_double(self)) {
        const double *values = input->values;
        if (weight == NULL) {
            return use == NULL ? doubles_plain(self, slots, values, count, err)
                               : doubles_filtered(self, slots, values, use, count, err);
        }
        return use == NULL
                   ? doubles_weighted(self, slots, values, weight, count, err)
                   : doubles_weighted_filtered(self, slots, values, weight, use, count, err);
    }
    if (type_physical(input->type) == PHYSICAL_I128) {
        wide_sum *wide = ARRAY_AT(&self->sums, wide_sum, 0);
        if (weight == NULL && use == NULL) {
            wide_plain(wide, slots, input->values, count);
        } else {
            wide_any(wide, slots, input->values, weight, use, count);
        }
        return OK;
    }
    const int64_t *values;
    TRY(agg_integers(&values, input, count, scratch, err));
    exact_sum *sums = ARRAY_AT(&self->sums, exact_sum, 0);
    if (input->type.id == TYPE_U64) {
        exact_unsigned(sums, slots, values, weight, use, count);
    } else if (weight == NULL && use == NULL) {
        exact_plain(sums, slots, values, count);
    } else if (use == NULL) {
        exact_weighted(sums, slots, values, weight, count);
    } else if (weight == NULL) {
        exact_filtered(sums, slots, values, use, count);
    } else {
        exact_weighted_filtered(sums, slots, values, weight, use, count);
    }
    return OK;
}

/* Adds a group of doubles. The other part may be of the same instance. */
static status
merge_doubles(running_sum *self, slot to, const running_sum *other, slot from, error *err) {
    const float_sum     part = *ARRAY_AT(&other->sums, float_sum, from);
    const bool          has_special = from < other->specials.count;
    const float_special more =
        has_special ? *ARRAY_AT(&other->specials, float_special, from) : (float_special){0};
    float_sum *s = ARRAY_AT(&self->sums, float_sum, to);
    s->count += part.count;
    s->compensation += part.compensation;
    const bool plain = two_sum(s, part.sum);
    if (LIKELY(plain && more.nan_count == 0 && more.positive_count == 0 &&
               more.negative_count == 0 && more.units == 0)) {
        return OK;
    }
    TRY(array_reserve_to(&self->specials, self->sums.count, err));
    TRY(array_touch(&self->specials, to, 1, err));
    float_special *special = ARRAY_AT(&self->specials, float_special, to);
    special->nan_count += more.nan_count;
    special->positive_count += more.positive_count;
    special->negative_count += more.negative_count;
    special->units += more.units;
    if (!plain) {
        add_with_units(s, special, part.sum);
    }
    return OK;
}

status
running_sum_merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
                  arena *scratch, error *err) {
    (void)scratch;
    running_sum       *self = (running_sum *)base;
    const running_sum *parts = (const running_sum *)other;
    TRY(array_touch_each(&self->sums, slots, count, err));
    if (is_double(self)) {
        for (int32_t i = 0; i < count; i++) {
            TRY(merge_doubles(self, slots[i], parts, from[i], err));
        }
        return OK;
    }
    const bool wide = self->sums.element_size == sizeof(wide_sum);
    for (int32_t i = 0; i < count; i++) {
        if (wide) {
            wide_sum       *s = ARRAY_AT(&self->sums, wide_sum, slots[i]);
            const wide_sum *part = ARRAY_AT(&parts->sums, wide_sum, from[i]);
            int192_add(&s->total, part->total);
            s->count += part->count;
        } else {
            exact_sum       *s = ARRAY_AT(&self->sums, exact_sum, slots[i]);
            const exact_sum *part = ARRAY_AT(&parts->sums, exact_sum, from[i]);
            const uint128    total =
                ((uint128)s->high << 64 | s->low) + ((uint128)part->high << 64 | part->low);
            s->low = (uint64_t)total;
            s->high = (uint64_t)(total >> 64);
            s->count += part->count;
        }
    }
    return OK;
}

status
running_sum_settle(running_sum *self, const slot *slots, int32_t count, error *err) {
    if (!is_double(self)) {
        return OK;
    }
    for (int32_t i = 0; i < count; i++) {
        const float_sum *s = ARRAY_AT(&self->sums, float_sum, slots[i]);
        if (s->count == 0 && (s->sum != 0 || s->compensation != 0)) {
            TRY(running_sum_clear(&self->base, slots[i], err));
        }
    }
    return OK;
}

double
running_sum_double(const running_sum *self, slot s, double divisor) {
    const float_sum *f = ARRAY_AT(&self->sums, float_sum, s);
    float_special    special = {0};
    if (s < self->specials.count) {
        special = *ARRAY_AT(&self->specials, float_special, s);
    }
    if (special.nan_count > 0 || (special.positive_count > 0 && special.negative_count > 0)) {
        return NAN;
    }
    if (special.positive_count > 0 || special.negative_count > 0) {
        return special.positive_count > 0 ? INFINITY : -INFINITY;
    }
    if (special.units == 0) {
        return (f->sum + f->compensation) / divisor;
    }
    /* |sum| is below two units: with more than four, only a division can make the total finite. */
    const double unit = special.units > 0 ? FLOAT_SUM_UNIT : -FLOAT_SUM_UNIT;
    const double units = (double)special.units * (special.units > 0 ? 1 : -1);
    if (divisor > 1) {
        return f->sum / divisor + unit / divisor * units + f->compensation / divisor;
    }
    double total = f->sum;
    for (int32_t k = 0; k < 4 && k < units; k++) {
        total += unit;
    }
    return total + f->compensation;
}

status
running_sum_column(const running_sum *self, const slot *slots, const void *values, int32_t count,
                   arena *a, column *out, error *err) {
    *out = (column){.type = self->base.output, .layout = COLUMN_FLAT, .values = values};
    int32_t null_count = 0;
    for (int32_t i = 0; i < count; i++) {
        null_count += running_sum_count(self, slots[i]) == 0;
    }
    if (null_count == 0) {
        return OK;
    }
    uint64_t *bits = arena_alloc_zero(a, (size_t)bits_words(count) * sizeof(*bits));
    if (bits == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const bool has = running_sum_count(self, slots[i]) != 0;
        bits[i >> 6] |= (uint64_t)has << (i & 63);
    }
    out->validity = bits;
    return OK;
}
