/* SPDX-License-Identifier: Apache-2.0 */
/* moments.c - see moments.h. */
#include "agg/moments.h"

status
moments_resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    for (int32_t i = 0; i < s->argument_count; i++) {
        if (!type_is_numeric(s->types[i])) {
            return ERR_WRONG_TYPE;
        }
        s->types[i] = type_of(TYPE_F64);
    }
    s->output = type_of(TYPE_F64);
    return OK;
}

status
moments_open(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, moments_kind kind, error *err) {
    TRY(agg_new(out, sizeof(moments), class, signature, site, err));
    moments *self = (moments *)*out;
    self->kind = kind;
    self->width = kind == MOMENTS_SQUARE ? 2 : kind == MOMENTS_FOURTH ? 4 : 5;
    const size_t size = offsetof(moments_group, sums) + (size_t)self->width * sizeof(dd);
    const status opened = array_open(&self->groups, site->store, site->name, (uint32_t)size, err);
    if (opened < 0) {
        mem_free(site->mem, self, sizeof(*self));
        *out = NULL;
    }
    return opened;
}

void
moments_close(agg *base) {
    moments *self = (moments *)base;
    array_close(&self->groups);
    mem_free(base->mem, self, sizeof(*self));
}

status
moments_init(agg *base, const slot *slots, int32_t count, error *err) {
    return agg_zero_slots(&((moments *)base)->groups, slots, count, err);
}

status
moments_clear(agg *base, slot s, error *err) {
    return moments_init(base, &s, 1, err);
}

static moments_group *
group_at(const moments *self, slot s) {
    return (moments_group *)(void *)(self->groups.data + (size_t)s * self->groups.element_size);
}

/* ---- update */

static bool
is_odd(double x, double limit) {
    return !(fabs(x) <= limit); /* NaN too */
}

/* What one row adds, once. False: the row is odd. */
static bool
terms_of(const moments *self, double x, double y, dd *terms) {
    if (self->kind == MOMENTS_PAIR) { /* x is the first column, which regression calls y */
        terms[0] = dd_of(x);
        terms[1] = dd_of(y);
        terms[2] = dd_product(x, x);
        terms[3] = dd_product(y, y);
        terms[4] = dd_product(x, y);
        return !is_odd(x, 1e150) && !is_odd(y, 1e150);
    }
    terms[0] = dd_of(x);
    terms[1] = dd_product(x, x);
    if (self->kind == MOMENTS_SQUARE) {
        return !is_odd(x, 1e150);
    }
    terms[2] = dd_multiply(terms[1], terms[0]);
    terms[3] = dd_multiply(terms[1], terms[1]);
    return !is_odd(x, 1e70);
}

static void
add_row(const moments *self, slot s, double x, double y, int64_t weight) {
    moments_group *group = group_at(self, s);
    dd             terms[MOMENTS_MAX];
    group->count += weight;
    if (!terms_of(self, x, y, terms)) {
        group->odd += weight;
        return;
    }
    const double size = fabs((double)weight);
    group->scale[0] += x * x * size;
    group->scale[1] += y * y * size;
    const dd times = {(double)weight, (double)(weight - (int64_t)(double)weight)};
    for (int32_t k = 0; k < self->width; k++) {
        const dd term = weight == 1 ? terms[k] : dd_multiply(terms[k], times);
        group->sums[k] = dd_add(group->sums[k], term);
    }
}

status
moments_update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
               const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    moments      *self = (moments *)base;
    const bool    pair = self->kind == MOMENTS_PAIR;
    const double *x = columns[0].values;
    const double *y = columns[pair].values;
    for (int32_t i = 0; i <= pair; i++) {
        TRY(agg_contributing(&filter, &columns[i], filter, count, scratch, err));
    }
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        if (filter == NULL || filter[i] != 0) {
            add_row(self, slots[i], x[i], y[i], weight == NULL ? 1 : weight[i]);
        }
    }
    return OK;
}

status
moments_merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
              arena *scratch, error *err) {
    (void)scratch;
    moments *self = (moments *)base;
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        moments_group       *to = group_at(self, slots[i]);
        const moments_group *part = group_at((const moments *)other, from[i]);
        to->count += part->count;
        to->odd += part->odd;
        to->scale[0] += part->scale[0];
        to->scale[1] += part->scale[1];
        for (int32_t k = 0; k < self->width; k++) {
            to->sums[k] = dd_add(to->sums[k], part->sums[k]);
        }
    }
    return OK;
}

/* ---- reading */

status
moments_read(moments *self, slot s, moments_group *out, error *err) {
    const moments_group *group = group_at(self, s);
    if (group->count == 0 && group->odd == 0) {
        if (group->scale[0] != 0 || group->scale[1] != 0) {
            TRY(moments_clear(&self->base, s, err));
        }
    }
    memset(out, 0, sizeof(*out));
    memcpy(out, group, self->groups.element_size);
    return OK;
}

/* The scale of a sum: first column x of MOMENTS_PAIR has number 0, the second 1. */
dd
moments_cross(const moments_group *g, int32_t ab, int32_t a, int32_t b) {
    const double n = (double)g->count;
    const dd     whole = dd_multiply(g->sums[ab], dd_of(n));
    const dd     part = dd_multiply(g->sums[a], g->sums[b]);
    const dd     rest = dd_add(whole, dd_negative(part));
    const double scale = sqrt(g->scale[a]) * sqrt(g->scale[b]);
    return fabs(rest.high) <= (n + 4) * 0x1p-103 * n * scale ? dd_of(0) : rest;
}

status
moments_values(agg *base, const slot *slots, int32_t count, arena *a, column *out, moments_value of,
               error *err) {
    double *results = arena_alloc(a, (size_t)count * sizeof(*results));
    bool   *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    if (results == NULL || nulls == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        moments_group g;
        TRY(moments_read((moments *)base, slots[i], &g, err));
        results[i] = g.odd > 0 ? NAN : 0;
        nulls[i] = g.count <= 0 || (g.odd == 0 && !of(&g, &results[i]));
    }
    *out = (column){.type = type_of(TYPE_F64), .layout = COLUMN_FLAT, .values = results};
    return agg_set_nulls(out, nulls, count, a, err);
}
