/* SPDX-License-Identifier: Apache-2.0 */
/* agg_product.c - product(x) and geometric_mean(x), as DOUBLE. NULL values do not count; NULL over
 * no rows.
 *
 * The product of the values' sizes is a mantissa of 106 bits and an exponent, so it neither
 * overflows on its way nor keeps more than 2^-100 of it when it is divided again. Zeros, signs,
 * infinities and NaN are counted apart. */
#include "agg/agg_common.h"
#include "agg/double_double.h"

typedef struct product_group {
    int64_t count, zeros, negatives, infinities, nans;
    int64_t exponent;
    dd      mantissa; /* from 0.5 to 1; 0 stands for 1 (a zeroed group) */
} product_group;

typedef struct product {
    agg         base;
    state_array groups;
} product;

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    if (!type_is_numeric(s->types[0])) {
        return ERR_WRONG_TYPE;
    }
    s->types[0] = type_of(TYPE_F64);
    s->output = s->types[0];
    return OK;
}

static status
open_product(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, error *err) {
    TRY(agg_new(out, sizeof(product), class, signature, site, err));
    product     *self = (product *)*out;
    const status opened =
        array_open(&self->groups, site->store, site->name, sizeof(product_group), err);
    if (opened < 0) {
        mem_free(site->mem, self, sizeof(*self));
        *out = NULL;
    }
    return opened;
}

static void
close_product(agg *base) {
    product *self = (product *)base;
    array_close(&self->groups);
    mem_free(base->mem, self, sizeof(*self));
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    return agg_zero_slots(&((product *)base)->groups, slots, count, err);
}

static status
clear(agg *base, slot s, error *err) {
    return init(base, &s, 1, err);
}

/* ---- numbers with an exponent of their own */

typedef struct scaled {
    dd      mantissa;
    int64_t exponent;
} scaled;

static scaled
normal(scaled x) {
    int          exponent;
    const double high = frexp(x.mantissa.high, &exponent);
    return (scaled){{high, ldexp(x.mantissa.low, -exponent)}, x.exponent + exponent};
}

static scaled
times(scaled x, scaled y) {
    return normal((scaled){dd_multiply(x.mantissa, y.mantissa), x.exponent + y.exponent});
}

static scaled
power(scaled x, uint64_t n) {
    scaled result = {{0.5, 0}, 1};
    for (; n != 0; n >>= 1) {
        result = (n & 1) != 0 ? times(result, x) : result;
        x = n > 1 ? times(x, x) : x;
    }
    return result;
}

static void
add_value(product_group *g, double x, int64_t weight) {
    g->count += weight;
    if (x != x) {
        g->nans += weight;
        return;
    }
    g->negatives += signbit(x) && x != 0 ? weight : 0;
    if (x == 0 || isinf(x)) {
        *(x == 0 ? &g->zeros : &g->infinities) += weight;
        return;
    }
    const bool     takes = weight < 0;
    const uint64_t n = takes ? 0 - (uint64_t)weight : (uint64_t)weight;
    const scaled   all = power(normal((scaled){{fabs(x), 0}, 0}), n);
    scaled         now = {g->mantissa, g->exponent};
    now = now.mantissa.high == 0 ? (scaled){{0.5, 0}, 1} : now;
    now = takes
              ? normal((scaled){dd_divide(now.mantissa, all.mantissa), now.exponent - all.exponent})
              : times(now, all);
    g->mantissa = now.mantissa;
    g->exponent = now.exponent;
}

static status
merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
      arena *scratch, error *err) {
    (void)scratch;
    product           *self = (product *)base;
    const state_array *parts = &((const product *)other)->groups;
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        product_group       *to = ARRAY_AT(&self->groups, product_group, slots[i]);
        const product_group *part = ARRAY_AT(parts, product_group, from[i]);
        to->count += part->count;
        to->zeros += part->zeros;
        to->negatives += part->negatives;
        to->infinities += part->infinities;
        to->nans += part->nans;
        if (part->mantissa.high != 0) {
            scaled now = {part->mantissa, part->exponent};
            now = to->mantissa.high == 0 ? now : times((scaled){to->mantissa, to->exponent}, now);
            to->mantissa = now.mantissa;
            to->exponent = now.exponent;
        }
    }
    return OK;
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    product      *self = (product *)base;
    const double *values = columns->values;
    TRY(agg_contributing(&filter, columns, filter, count, scratch, err));
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        const int64_t w = weight == NULL ? 1 : weight[i];
        if ((filter == NULL || filter[i] != 0) && w != 0) {
            add_value(ARRAY_AT(&self->groups, product_group, slots[i]), values[i], w);
        }
    }
    return OK;
}

/* ---- values */

static double
clamped(int64_t exponent) {
    return exponent > 5000 ? 5000 : exponent < -5000 ? -5000 : (double)exponent;
}

static double
product_of(const product_group *g) {
    const double sign = g->negatives % 2 != 0 ? -1 : 1;
    if (g->nans > 0 || (g->infinities > 0 && g->zeros > 0)) {
        return NAN;
    }
    if (g->infinities > 0 || g->zeros > 0) {
        return g->infinities > 0 ? sign * INFINITY : 0;
    }
    return g->mantissa.high == 0 ? 1
                                 : sign * ldexp(dd_value(g->mantissa), (int)clamped(g->exponent));
}

static double
mean_of(const product_group *g) {
    if (g->nans > 0 || g->negatives > 0 || (g->infinities > 0 && g->zeros > 0)) {
        return NAN;
    }
    if (g->infinities > 0 || g->zeros > 0) {
        return g->infinities > 0 ? INFINITY : 0;
    }
    const double n = (double)g->count;
    const double whole = trunc((double)g->exponent / n); /* 2^whole is exact */
    const double rest = (double)g->exponent - whole * n;
    return ldexp(exp2((log2(dd_value(g->mantissa)) + rest) / n), (int)clamped((int64_t)whole));
}

static status
values(agg *base, const slot *slots, int32_t count, arena *a, column *out,
       double (*of)(const product_group *), error *err) {
    product *self = (product *)base;
    double  *results = arena_alloc(a, (size_t)count * sizeof(*results));
    bool    *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    if (results == NULL || nulls == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const product_group *g = ARRAY_AT(&self->groups, product_group, slots[i]);
        nulls[i] = g->count == 0;
        if (nulls[i] && g->mantissa.high != 0) { /* what rounding left */
            TRY(clear(base, slots[i], err));
        }
        results[i] = nulls[i] ? 0 : of(g);
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = results};
    return agg_set_nulls(out, nulls, count, a, err);
}

static status
value_product(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return values(base, slots, count, a, out, product_of, err);
}

static status
value_mean(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return values(base, slots, count, a, out, mean_of, err);
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    return agg_check_slots(&((product *)base)->groups, groups, err);
}

const agg_class agg_product_class = {
    .name = "product",
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve,
    .open = open_product,
    .close = close_product,
    .init = init,
    .update = update,
    .value = value_product,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
};

const agg_class agg_geometric_mean_class = {
    .name = "geometric_mean",
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve,
    .open = open_product,
    .close = close_product,
    .init = init,
    .update = update,
    .value = value_mean,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
};
