/* SPDX-License-Identifier: Apache-2.0 */
/* moments.c - see moments.h. */
#include "agg/moments.h"
#include "kernel/kernel.h"

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

ALWAYS_INLINE int32_t
width_of(moments_kind kind) {
    return kind == MOMENTS_SQUARE ? 2 : kind == MOMENTS_FOURTH ? 4 : 5;
}

status
moments_open(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, moments_kind kind, error *err) {
    TRY(agg_new(out, sizeof(moments), class, signature, site, err));
    moments *self = (moments *)*out;
    self->kind = kind;
    self->width = width_of(kind);
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

status
moments_rebuild(agg *base, const slot_set *groups, error *err) {
    return agg_check_slots(&((moments *)base)->groups, groups, err);
}

ALWAYS_INLINE moments_group *
group_at(const moments *self, slot s) {
    return (moments_group *)(void *)(self->groups.data + (size_t)s * self->groups.element_size);
}

/* ---- update */

static bool
is_odd(double x, double limit) {
    return !(fabs(x) <= limit); /* NaN too */
}

/* What one row adds, once. False: the row is odd. kind is a constant at each call. */
ALWAYS_INLINE bool
terms_of(moments_kind kind, double x, double y, dd *terms) {
    if (kind == MOMENTS_PAIR) { /* x is the first column, which regression calls y */
        terms[0] = dd_of(x);
        terms[1] = dd_of(y);
        terms[2] = dd_product(x, x);
        terms[3] = dd_product(y, y);
        terms[4] = dd_product(x, y);
        return !is_odd(x, 1e150) && !is_odd(y, 1e150);
    }
    terms[0] = dd_of(x);
    terms[1] = dd_product(x, x);
    if (kind == MOMENTS_SQUARE) {
        return !is_odd(x, 1e150);
    }
    terms[2] = dd_multiply(terms[1], terms[0]);
    terms[3] = dd_multiply(terms[1], terms[1]);
    return !is_odd(x, 1e70);
}

ALWAYS_INLINE void
add_row(moments_group *group, moments_kind kind, double x, double y, int64_t weight) {
    dd terms[MOMENTS_MAX];
    group->count += weight;
    if (UNLIKELY(!terms_of(kind, x, y, terms))) {
        group->odd += weight;
        return;
    }
    const double size = fabs((double)weight);
    group->scale[0] += x * x * size;
    group->scale[1] += y * y * size;
    const dd times = {(double)weight, (double)(weight - (int64_t)(double)weight)};
    for (int32_t k = 0; k < width_of(kind); k++) {
        const dd term = weight == 1 ? terms[k] : dd_multiply(terms[k], times);
        group->sums[k] = dd_accumulate(group->sums[k], term);
    }
}

typedef struct moment_rows {
    const slot    *slots;
    const double  *x, *y;
    const int64_t *weight; /* NULL: all 1 */
    const uint8_t *use;    /* NULL: all */
    int32_t        count;
} moment_rows;

ALWAYS_INLINE void
add_rows_of(const moments *self, moments_kind kind, const moment_rows *rows) {
    for (int32_t i = 0; i < rows->count; i++) {
        if (rows->use == NULL || rows->use[i] != 0) {
            add_row(group_at(self, rows->slots[i]), kind, rows->x[i], rows->y[i],
                    rows->weight == NULL ? 1 : rows->weight[i]);
        }
    }
}

ALWAYS_INLINE void
add_rows(const moments *self, const moment_rows *rows) {
    switch (self->kind) {
    case MOMENTS_SQUARE:
        add_rows_of(self, MOMENTS_SQUARE, rows);
        break;
    case MOMENTS_FOURTH:
        add_rows_of(self, MOMENTS_FOURTH, rows);
        break;
    case MOMENTS_PAIR:
        add_rows_of(self, MOMENTS_PAIR, rows);
        break;
    }
}

static NOINLINE void
add_rows_anywhere(const moments *self, const moment_rows *rows) {
    add_rows(self, rows);
}

/* The product's rounding error is one instruction here and a call of libm there; the same bits. */
static NOINLINE KERNEL_FMA void
add_rows_fma(const moments *self, const moment_rows *rows) {
    add_rows(self, rows);
}

status
moments_update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
               const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    moments    *self = (moments *)base;
    const bool  pair = self->kind == MOMENTS_PAIR;
    moment_rows rows = {.slots = slots,
                        .x = columns[0].values,
                        .y = columns[pair].values,
                        .weight = weight,
                        .count = count};
    for (int32_t i = 0; i <= pair; i++) {
        TRY(agg_contributing(&filter, &columns[i], filter, count, scratch, err));
    }
    rows.use = filter;
    TRY(array_touch_each(&self->groups, slots, count, err));
    if (kernel_has_fma()) {
        add_rows_fma(self, &rows);
    } else {
        add_rows_anywhere(self, &rows);
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
