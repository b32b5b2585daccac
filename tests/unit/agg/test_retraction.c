/* SPDX-License-Identifier: Apache-2.0 */
/* Every aggregate over random histories that take rows back: after each tick its values are those
 * of a fresh instance, which gets the rows that are left once; also with failing allocations and
 * after a full retraction, which must leave nothing. */
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
static bool
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

static status
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
static status
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

static void
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
static void
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

static row
random_row(history *h) {
    row r = {.group = (slot)rng_below(&h->r, GROUPS)};
    for (int k = 0; k < 3; k++) {
        r.number[k] = (int)rng_below(&h->r, VALUES + 1);
    }
    return r;
}

static status
random_tick(history *h, agg *a, int grow, error *err) {
    row rows_now[40];
    int count = 0;
    for (; count < grow && h->live_count < LIVE_MAX; count++) {
        rows_now[count] = random_row(h);
        h->live[h->live_count++] = rows_now[count];
    }
    TRY(push(h, a, rows_now, count, 1, &h->scratch, err));
    count = 0;
    for (int lose = (int)rng_below(&h->r, 40); count < lose && h->live_count > 0; count++) {
        const int at = (int)rng_below(&h->r, (uint64_t)h->live_count);
        rows_now[count] = h->live[at];
        h->live[at] = h->live[--h->live_count];
    }
    return push(h, a, rows_now, count, -1, &h->scratch, err);
}

static void
run(const agg_class *class, type_id type, bool ordered, uint64_t seed) {
    static history  h;
    error           err = {0};
    agg            *a;
    store_snapshot *shot = NULL;
    memset(&h, 0, sizeof(h));
    if (!make_call(&h, class, type, ordered)) {
        return;
    }
    /* Arrival is told apart in test_histories.c; here all order is that of the rows. */
    if (class->lists_rows && !ordered) {
        h.order.column = 0;
        h.signature.order_count = 1;
    } else if (class->order_matters && !ordered) {
        return;
    }
    mem_init(&h.account, INT64_MAX);
    arena_init(&h.scratch, &h.account);
    rng_init(&h.r, seed);
    CHECK_OK(store_open(&h.store, &h.account, &err));
    CHECK_OK(open_call(&a, &h, class, h.store, &h.account, false, &err));
    for (int tick = 0; tick < 60; tick++) {
        CHECK_OK(random_tick(&h, a, tick < 50 ? (int)rng_below(&h.r, 40) : 0, &err));
        validate(a);
        check_against_once(&h, class, a);
        store_snapshot_close(shot);
        CHECK_OK(store_snapshot_open(&shot, h.store, &err));
        arena_reset(&h.scratch);
    }
    store_snapshot_close(shot);
    for (slot g = 0; g < GROUPS; g++) {
        CHECK_OK(class->clear(a, g, &err));
    }
    h.live_count = 0;
    validate(a);
    check_against_once(&h, class, a);
    class->close(a);
    arena_fini(&h.scratch);
    store_close(h.store);
    CHECK_EQ(mem_fini(&h.account), 0);
}

/* Powers of these stay within what 106 bits hold, so a small spread survives a large one. */
static const double mild[VALUES] = {-1.5, 0, 0.25, 100.1, 300};

static void
test_values_are_those_of_what_is_left(void **unused) {
    (void)unused;
    made_doubles = mild;
    uint64_t seed = 1;
    for (int32_t k = 0; k < agg_class_count(); k++) {
        for (int32_t t = 0; t < ARRAY_COUNT(chosen); t++) {
            run(agg_class_at(k), chosen[t], false, seed++);
            run(agg_class_at(k), chosen[t], true, seed++);
        }
    }
}

/* ---- failing allocations */

static history          torture_history;
static const agg_class *torture_class;
static bool             torture_once;

static status
scenario(mem *m, error *err) {
    history        *h = &torture_history;
    store          *s;
    agg            *a;
    column          out;
    store_snapshot *shot = NULL;
    slot            slots[GROUPS];
    for (slot g = 0; g < GROUPS; g++) {
        slots[g] = g;
    }
    rng_init(&h->r, 5);
    h->live_count = 0;
    TRY(store_open(&s, m, err));
    arena_init(&h->scratch, m);
    const agg_site site = {
        .store = s, .mem = m, .name = "a", .append_only = torture_once, .once = torture_once};
    status result = torture_class->open(&a, torture_class, &h->signature, &site, err);
    if (result == OK) {
        result = torture_class->init(a, slots, GROUPS, err);
        for (int tick = 0; tick < 3 && result == OK; tick++) {
            row more[30];
            for (int i = 0; i < 30; i++) {
                more[i] = random_row(h);
            }
            result = torture_once ? push(h, a, more, 30, 1, &h->scratch, err)
                                  : random_tick(h, a, 30, err);
            store_snapshot_close(shot);
            shot = NULL;
            result = result < 0 ? result : store_snapshot_open(&shot, s, err);
            result = result < 0 ? result
                                : torture_class->value(a, slots, GROUPS, &h->scratch, &out, err);
        }
        result = result < 0 ? result : torture_class->clear(a, 3, err);
        torture_class->close(a);
    }
    store_snapshot_close(shot);
    arena_fini(&h->scratch);
    store_close(s);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    for (int32_t k = 0; k < agg_class_count(); k++) {
        for (int32_t t = 0; t < 2 * ARRAY_COUNT(chosen); t++) {
            torture_class = agg_class_at(k);
            torture_once = t % 2;
            if (make_call(&torture_history, torture_class, chosen[t / 2],
                          torture_class->order_matters)) {
                CHECK(torture(torture_class->name, scenario) > 4);
            }
        }
    }
}

UNIT_MAIN(UNIT(test_values_are_those_of_what_is_left), UNIT(test_torture))
