/* SPDX-License-Identifier: Apache-2.0 */
/* agg_history.h - calls of any class over random rows, which are compared with a fresh instance. */
#ifndef LAMINAR_TESTS_AGG_HISTORY_H
#define LAMINAR_TESTS_AGG_HISTORY_H

#include "agg_cases.h"

#define GROUPS 12
#define LIVE_MAX 400

typedef struct row {
    slot group;
    int  number[3]; /* of each column; NUMBER_NULL */
} row;

typedef struct history {
    mem           account;
    store        *store;
    arena         scratch;
    rng           r;
    agg_signature signature;
    data_type     types[3];
    sort_key      order;
    value         constant;
    row           live[LIVE_MAX];
    int           live_count;
} history;

static const type_id chosen[] = {TYPE_I64, TYPE_F64, TYPE_TEXT, TYPE_BOOL, TYPE_I16, TYPE_DATE};

/* A call of the class over the type, with what it needs; false: there is none. */
static inline bool
make_call(history *h, const agg_class *class, type_id type, bool ordered) {
    error         err = {0};
    const int32_t width = class->column_min == 0 ? 0 : class->column_min;
    for (int i = 0; i < 3; i++) {
        h->types[i] = type_of(i == 0 || width > 1 ? type : TYPE_I64);
    }
    h->constant = (value){.type = type_of(TYPE_F64), .d = 0.3};
    h->order = (sort_key){.column = width, .descending = true};
    h->signature = (agg_signature){.column_count = width + ordered,
                                   .argument_count = width,
                                   .types = h->types,
                                   .order_count = ordered,
                                   .orders = &h->order,
                                   .constant_count = class->constant_min,
                                   .constants = &h->constant};
    return (!ordered || class->order_matters) && width > 0 &&
           class->resolve(class, &h->signature, &err) == OK;
}

static inline status
open_call(agg **out, const history *h, const agg_class *class, store *s, mem *m, bool once,
          error *err) {
    const agg_site site = {.store = s, .mem = m, .name = "a", .append_only = once, .once = once};
    TRY(class->open(out, class, &h->signature, &site, err));
    slot slots[GROUPS];
    for (slot g = 0; g < GROUPS; g++) {
        slots[g] = g;
    }
    return class->init(*out, slots, GROUPS, err);
}

/* Adds or takes back rows. */
static inline status
push(const history *h, agg *a, const row *from, int count, int64_t weight, arena *scratch,
     error *err) {
    static rows room[3];
    static slot slots[BATCH_MAX];
    int64_t     weights[BATCH_MAX];
    column      columns[3];
    for (int k = 0; k < 3; k++) {
        room[k].count = count;
        for (int i = 0; i < count; i++) {
            room[k].number[i] = (uint8_t)from[i].number[k];
            slots[i] = from[i].group;
            weights[i] = weight;
        }
        columns[k] = make_column(&room[k], h->types[k]);
    }
    return count == 0 ? OK
                      : a->class->update(a, slots, columns, weight == 1 ? NULL : weights, NULL,
                                         count, scratch, err);
}

static inline void
check_same(const agg_class *class, const column *x, const column *y) {
    for (int32_t i = 0; i < GROUPS; i++) {
        const value a = column_value(x, i);
        const value b = column_value(y, i);
        bool        same = a.is_null == b.is_null && (a.is_null || value_compare(&a, &b) == 0);
        if (!same && !a.is_null && !b.is_null && a.type.id == TYPE_F64) {
            same = fabs(a.d - b.d) <= 1e-9 * fabs(b.d) + 1e-9;
        }
        if (!same) {
            print_error("%s, group %d: %d %.17g, not %d %.17g\n", class->name, i, a.is_null, a.d,
                        b.is_null, b.d);
            fail();
        }
    }
}

/* The values are those of a fresh instance over what is left. */
static inline void
check_against_once(history *h, const agg_class *class, agg *a) {
    error  err = {0};
    agg   *fresh;
    store *s;
    slot   slots[GROUPS];
    column got, want;
    for (slot g = 0; g < GROUPS; g++) {
        slots[g] = g;
    }
    CHECK_OK(store_open(&s, &h->account, &err));
    CHECK_OK(open_call(&fresh, h, class, s, &h->account, true, &err));
    CHECK_OK(push(h, fresh, h->live, h->live_count, 1, &h->scratch, &err));
    CHECK_OK(class->value(a, slots, GROUPS, &h->scratch, &got, &err));
    CHECK_OK(class->value(fresh, slots, GROUPS, &h->scratch, &want, &err));
    check_same(class, &got, &want);
    class->close(fresh);
    store_close(s);
}

static inline row
random_row(history *h) {
    row r = {.group = (slot)rng_below(&h->r, GROUPS)};
    for (int k = 0; k < 3; k++) {
        r.number[k] = (int)rng_below(&h->r, VALUES + 1);
    }
    return r;
}

/* Powers of these stay within what 106 bits hold, so a small spread survives a large one. */
static const double mild[VALUES] = {-1.5, 0, 0.25, 100.1, 300};

#endif
