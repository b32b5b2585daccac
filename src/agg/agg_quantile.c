/* SPDX-License-Identifier: Apache-2.0 */
/* agg_quantile.c - median, quantile_cont, quantile_disc, approx_quantile and mad, from a multiset
 * that knows how many copies stand before each value.
 *
 * quantile_cont(x, p) interpolates between the two values around place p * (n - 1);
 * quantile_disc(x, p) is the first value whose share of the values up to it reaches p.
 * approx_quantile counts DOUBLEs rounded to 11 bits, so that a group has at most 1,024 values an
 * octave; its error is below 0.05 %. NULL values do not count; NULL over no rows. WITHIN GROUP
 * (ORDER BY x DESC) counts from the other end. */
#include <math.h>

#include "agg/multiset.h"

typedef struct quantile {
    agg      base;
    double   part; /* p */
    sort_key key;
    multiset values;
} quantile;

static status
read_part(const agg_signature *s, double *out, error *err) {
    const value *p = s->constant_count == 0 ? NULL : &s->constants[0];
    if (p == NULL) {
        *out = 0.5;
        return OK;
    }
    const bool number = type_is_numeric(p->type) && !p->is_null;
    *out = number ? value_to_double(p) : -1;
    if (!(*out >= 0 && *out <= 1)) {
        char room[VALUE_TEXT_MAX + 1] = "";
        if (number) {
            room[value_write(p, room)] = '\0';
        }
        return error_set(err, ERR_QUERY_FAILED, "a quantile is a number from 0 to 1, not %s",
                         p->is_null                ? "NULL"
                         : p->type.id == TYPE_TEXT ? "a text"
                         : number                  ? room
                                                   : type_name(p->type));
    }
    return OK;
}

static status
resolve_cont(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    double ignored;
    if (type_is_numeric(s->types[0])) {
        s->types[0] = type_of(TYPE_F64);
    } else if (s->types[0].id == TYPE_DATE) {
        s->types[0] = type_of(TYPE_TIMESTAMP);
    } else if (!type_is_time(s->types[0])) {
        return ERR_WRONG_TYPE;
    }
    s->output = s->types[0];
    return read_part(s, &ignored, err);
}

static status
resolve_double(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    double ignored;
    if (!type_is_numeric(s->types[0])) {
        return ERR_WRONG_TYPE;
    }
    s->types[0] = type_of(TYPE_F64);
    s->output = s->types[0];
    return read_part(s, &ignored, err);
}

static status
resolve_disc(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    double          ignored;
    const data_type t = s->types[0];
    s->output = t;
    return t.id != TYPE_NULL && type_is_orderable(t) ? read_part(s, &ignored, err) : ERR_WRONG_TYPE;
}

static void
close_quantile(agg *base) {
    quantile *self = (quantile *)base;
    multiset_close(&self->values);
    mem_free(base->mem, self, sizeof(*self));
}

static status
open_quantile(agg **out, const agg_class *class, const agg_signature *signature,
              const agg_site *site, error *err) {
    agg *made;
    TRY(agg_new(&made, sizeof(quantile), class, signature, site, err));
    quantile *self = (quantile *)made;
    status    opened = read_part(signature, &self->part, err);
    self->key = (sort_key){
        .column = 0, .descending = signature->order_count > 0 && signature->orders[0].descending};
    const multiset_options options = {.column_count = 1,
                                      .types = signature->types,
                                      .key_count = 1,
                                      .keys = &self->key,
                                      .counted = true,
                                      .repeats = true,
                                      .one_place = class != &agg_mad_class,
                                      .part = self->part};
    opened = opened < 0 ? opened : multiset_open(&self->values, site, &options, err);
    if (opened < 0) {
        close_quantile(made);
        return opened;
    }
    *out = made;
    return OK;
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    return multiset_init(&((quantile *)base)->values, slots, count, err);
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    TRY(agg_contributing(&filter, columns, filter, count, scratch, err));
    return multiset_update(&((quantile *)base)->values, slots, columns, weight, filter, count,
                           scratch, err);
}

/* The nearest number with 11 bits. */
static double
rounded(double x) {
    if (!isfinite(x)) {
        return x;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    bits = (bits + (UINT64_C(1) << 41)) & ~((UINT64_C(1) << 42) - 1);
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static status
update_rounded(agg *base, const slot *slots, const column *columns, const int64_t *weight,
               const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    const double *from = columns->values;
    double       *to = arena_alloc(scratch, (size_t)count * sizeof(*to));
    if (to == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        to[i] = rounded(from[i]);
    }
    column near = *columns;
    near.values = to;
    near.owner = NULL;
    return update(base, slots, &near, weight, filter, count, scratch, err);
}

static status
merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
      arena *scratch, error *err) {
    return multiset_merge(&((quantile *)base)->values, slots, &((const quantile *)other)->values,
                          from, count, scratch, err);
}

static status
clear(agg *base, slot s, error *err) {
    return multiset_clear(&((quantile *)base)->values, s, err);
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    return multiset_rebuild(&((quantile *)base)->values, groups, err);
}

static status
validate(const agg *base, error *err) {
    return multiset_validate(&((const quantile *)base)->values, err);
}

/* ---- values */

static status
value_disc(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    quantile *self = (quantile *)base;
    slot     *entries = arena_alloc(a, (size_t)count * sizeof(*entries));
    if (entries == NULL) {
        return error_memory(err);
    }
    TRY(multiset_settle(&self->values, err));
    for (int32_t i = 0; i < count; i++) {
        const int64_t n = multiset_copies(&self->values, slots[i]);
        const double  rows = (double)n;
        const int64_t place = (int64_t)(rows - floor(rows - rows * self->part)) - 1;
        entries[i] = n == 0 ? SLOT_NONE
                            : multiset_at(&self->values, slots[i],
                                          place < 0    ? 0
                                          : place >= n ? n - 1
                                                       : place);
    }
    return multiset_read(&self->values, 0, entries, count, a, out, err);
}

/* Between low and high; they may be infinite. */
static double
between(double low, double high, double part) {
    return low == high || part == 0 ? low : low + (high - low) * part;
}

static int64_t
between_integers(int64_t low, int64_t high, double part) {
    const int128 step = (int128)high - low;
    return (int64_t)(low + (int128)llround((double)step * part));
}

static status
value_cont(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    quantile *self = (quantile *)base;
    slot     *entries = arena_alloc(a, 2 * (size_t)count * sizeof(*entries));
    double   *parts = arena_alloc(a, (size_t)count * sizeof(*parts));
    uint64_t *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (entries == NULL || parts == NULL || values == NULL) {
        return error_memory(err);
    }
    slot *above = entries + count;
    TRY(multiset_settle(&self->values, err));
    for (int32_t i = 0; i < count; i++) {
        const int64_t n = multiset_copies(&self->values, slots[i]);
        const double  place = (double)(n - 1) * self->part;
        const int64_t low = (int64_t)floor(place);
        parts[i] = n == 0 ? 0 : place - (double)low;
        entries[i] = n == 0 ? SLOT_NONE : multiset_at(&self->values, slots[i], low);
        above[i] = parts[i] == 0 ? entries[i] : multiset_at(&self->values, slots[i], low + 1);
    }
    column x, y;
    TRY(multiset_read(&self->values, 0, entries, count, a, &x, err));
    TRY(multiset_read(&self->values, 0, above, count, a, &y, err));
    for (int32_t i = 0; i < count; i++) {
        if (base->input.id == TYPE_F64) {
            const double v =
                between(((const double *)x.values)[i], ((const double *)y.values)[i], parts[i]);
            memcpy(&values[i], &v, sizeof(v));
        } else {
            values[i] = (uint64_t)between_integers(((const int64_t *)x.values)[i],
                                                   ((const int64_t *)y.values)[i], parts[i]);
        }
    }
    *out = (column){
        .type = base->output, .layout = COLUMN_FLAT, .validity = x.validity, .values = values};
    return OK;
}

/* ---- mad: the median of the distances from the median */

typedef struct distances {
    const multiset *values;
    slot            group;
    double          median;
    int64_t         left, total; /* copies below the median; all */
} distances;

static double
value_at(const multiset *m, slot group, int64_t rank) {
    return *ARRAY_AT(&multiset_rows(m)->values[1], double, multiset_at(m, group, rank));
}

/* Of the i-th copy to the left or right of the median, going outwards. */
static double
left_distance(const distances *d, int64_t i) {
    return d->median - value_at(d->values, d->group, d->left - 1 - i);
}

static double
right_distance(const distances *d, int64_t i) {
    return value_at(d->values, d->group, d->left + i) - d->median;
}

/* The k-th smallest of two sorted lists: how many of the first k come from the left. */
static double
distance_at(const distances *d, int64_t k) {
    const int64_t right = d->total - d->left;
    int64_t       low = k > right ? k - right : 0;
    int64_t       high = k < d->left ? k : d->left;
    while (low < high) {
        const int64_t i = low + (high - low) / 2;
        if (left_distance(d, i) < right_distance(d, k - i - 1)) {
            low = i + 1;
        } else {
            high = i;
        }
    }
    const bool has_left = low < d->left;
    if (!has_left || k - low >= right) {
        return has_left ? left_distance(d, low) : right_distance(d, k - low);
    }
    return fmin(left_distance(d, low), right_distance(d, k - low));
}

static double
median_of(const multiset *m, slot group, int64_t n) {
    const double low = value_at(m, group, (n - 1) / 2);
    return n % 2 == 1 ? low : between(low, value_at(m, group, n / 2), 0.5);
}

static double
deviation(const multiset *m, slot group, int64_t n) {
    distances d = {.values = m, .group = group, .total = n, .median = median_of(m, group, n)};
    d.left = (n + 1) / 2;
    const double low = distance_at(&d, (n - 1) / 2);
    return n % 2 == 1 ? low : between(low, distance_at(&d, n / 2), 0.5);
}

static status
value_mad(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    quantile *self = (quantile *)base;
    double   *values = arena_alloc(a, (size_t)count * sizeof(*values));
    bool     *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    if (values == NULL || nulls == NULL) {
        return error_memory(err);
    }
    TRY(multiset_settle(&self->values, err));
    for (int32_t i = 0; i < count; i++) {
        const int64_t n = multiset_copies(&self->values, slots[i]);
        nulls[i] = n == 0;
        values[i] = n == 0 ? 0 : deviation(&self->values, slots[i], n);
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = values};
    return agg_set_nulls(out, nulls, count, a, err);
}

const agg_class agg_median_class = {
    .name = "median",
    .column_min = 1,
    .column_max = 1,
    .keeps_rows = true,
    .resolve = resolve_cont,
    .open = open_quantile,
    .close = close_quantile,
    .init = init,
    .update = update,
    .value = value_cont,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_quantile_cont_class = {
    .name = "quantile_cont",
    .column_min = 1,
    .column_max = 1,
    .constant_min = 1,
    .constant_max = 1,
    .keeps_rows = true,
    .resolve = resolve_cont,
    .open = open_quantile,
    .close = close_quantile,
    .init = init,
    .update = update,
    .value = value_cont,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_quantile_disc_class = {
    .name = "quantile_disc",
    .column_min = 1,
    .column_max = 1,
    .constant_min = 1,
    .constant_max = 1,
    .keeps_rows = true,
    .resolve = resolve_disc,
    .open = open_quantile,
    .close = close_quantile,
    .init = init,
    .update = update,
    .value = value_disc,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_approx_quantile_class = {
    .name = "approx_quantile",
    .column_min = 1,
    .column_max = 1,
    .constant_min = 1,
    .constant_max = 1,
    .keeps_rows = true,
    .resolve = resolve_double,
    .open = open_quantile,
    .close = close_quantile,
    .init = init,
    .update = update_rounded,
    .value = value_cont,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_mad_class = {
    .name = "mad",
    .column_min = 1,
    .column_max = 1,
    .keeps_rows = true,
    .resolve = resolve_double,
    .open = open_quantile,
    .close = close_quantile,
    .init = init,
    .update = update,
    .value = value_mad,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};
