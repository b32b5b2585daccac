/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates cut into parts: rows and what takes them back go to parts at random; the parts merged
 * are the whole, which then goes on as if it had never been cut. */
#include "agg_history.h"

#define PARTS 3
#define HISTORY_ROUNDS 12

typedef enum mode { TAKES_BACK, APPENDS, ONCE, MODES } mode;

static status
open_part(agg **out, const history *h, const agg_class *class, store *s, mode how, slot groups,
          error *err) {
    const agg_site site = {.store = s,
                           .mem = &((history *)h)->account,
                           .name = "a",
                           .append_only = how != TAKES_BACK,
                           .once = how == ONCE};
    slot           slots[PARTS * GROUPS];
    TRY(class->open(out, class, &h->signature, &site, err));
    for (slot g = 0; g < groups; g++) {
        slots[g] = g;
    }
    return class->init(*out, slots, (int32_t)groups, err);
}

/* Rows come, some go again; each change goes to a part of its own. In one instance part k is
 * groups k * GROUPS and on. */
static void
change_parts(history *h, agg *const *parts, bool in_one, mode how) {
    error err = {0};
    for (int i = 0; i < 60 && h->live_count < LIVE_MAX; i++) {
        const bool takes = how == TAKES_BACK && h->live_count > 0 && rng_below(&h->r, 5) < 2;
        const slot part = (slot)rng_below(&h->r, PARTS);
        row        change;
        if (takes) {
            const int at = (int)rng_below(&h->r, (uint64_t)h->live_count);
            change = h->live[at];
            h->live[at] = h->live[--h->live_count];
        } else {
            change = random_row(h);
            h->live[h->live_count++] = change;
        }
        change.group += in_one ? part * GROUPS : 0;
        CHECK_OK(push(h, parts[in_one ? 0 : part], &change, 1, takes ? -1 : 1, &h->scratch, &err));
    }
}

/* All parts into the first, whose values are then those of the rows. */
static void
merge_parts(history *h, const agg_class *class, agg *const *parts, bool in_one) {
    error err = {0};
    for (slot part = 1; part < PARTS; part++) {
        slot slots[GROUPS], from[GROUPS];
        for (slot g = 0; g < GROUPS; g++) {
            slots[g] = g;
            from[g] = in_one ? part * GROUPS + g : g;
        }
        agg *other = parts[in_one ? 0 : part];
        CHECK_OK(class->merge(parts[0], slots, other, from, GROUPS, &h->scratch, &err));
        for (slot g = 0; g < GROUPS; g++) { /* a part is used up */
            CHECK_OK(class->clear(other, from[g], &err));
        }
        validate(parts[0]);
        validate(other);
    }
}

static bool
run(const agg_class *class, type_id type, bool ordered, mode how, bool in_one, uint64_t seed) {
    static history h;
    error          err = {0};
    agg           *parts[PARTS];
    store         *stores[PARTS];
    memset(&h, 0, sizeof(h));
    if (class->merge == NULL || !make_call(&h, class, type, ordered) ||
        !agg_can_merge(class, &h.signature)) {
        return false;
    }
    mem_init(&h.account, INT64_MAX);
    arena_init(&h.scratch, &h.account);
    rng_init(&h.r, seed);
    const int count = in_one ? 1 : PARTS;
    for (int k = 0; k < count; k++) {
        CHECK_OK(store_open(&stores[k], &h.account, &err));
        CHECK_OK(open_part(&parts[k], &h, class, stores[k], how, in_one ? PARTS * GROUPS : GROUPS,
                           &err));
    }
    for (int round = 0; round < HISTORY_ROUNDS; round++) {
        change_parts(&h, parts, in_one, how);
        merge_parts(&h, class, parts, in_one);
        check_against_once(&h, class, parts[0]);
        arena_reset(&h.scratch);
    }
    for (int k = 0; k < count; k++) {
        class->close(parts[k]);
        store_close(stores[k]);
    }
    arena_fini(&h.scratch);
    CHECK_EQ(mem_fini(&h.account), 0);
    return true;
}

static void
test_parts_merged_are_the_whole(void **unused) {
    (void)unused;
    made_doubles = mild;
    uint64_t seed = 1;
    int      merged = 0;
    for (int32_t k = 0; k < agg_class_count(); k++) {
        for (int32_t t = 0; t < ARRAY_COUNT(chosen); t++) {
            for (int i = 0; i < 4 * MODES; i++) {
                merged += run(agg_class_at(k), chosen[t], i & 1, i / 4, i & 2, seed++);
            }
        }
    }
    CHECK(merged > 1000);
}

/* What cannot be cut: only the order of arrival. */
static void
test_every_class_merges(void **unused) {
    (void)unused;
    for (int32_t k = 0; k < agg_class_count(); k++) {
        const agg_class *class = agg_class_at(k);
        const agg_signature arrival = {0};
        const agg_signature ordered = {.order_count = 1};
        CHECK(class->merge != NULL);
        CHECK(agg_can_merge(class, &ordered));
        CHECK_EQ(agg_can_merge(class, &arrival), !class->order_matters);
    }
}

/* ---- sums at the ends of their ranges */

typedef struct sums {
    mem           account;
    store        *store;
    arena         scratch;
    data_type     type;
    agg_signature signature;
    agg          *parts[2];
} sums;

static void
sums_open(sums *s, const agg_class *class, data_type type) {
    error err = {0};
    *s = (sums){.type = type};
    s->signature = (agg_signature){.column_count = 1, .argument_count = 1, .types = &s->type};
    mem_init(&s->account, INT64_MAX);
    arena_init(&s->scratch, &s->account);
    CHECK_OK(class->resolve(class, &s->signature, &err));
    CHECK_OK(store_open(&s->store, &s->account, &err));
    const agg_site site = {.store = s->store, .mem = &s->account, .name = "a"};
    for (int k = 0; k < 2; k++) {
        CHECK_OK(class->open(&s->parts[k], class, &s->signature, &site, &err));
        CHECK_OK(class->init(s->parts[k], &(slot){0}, 1, &err));
    }
}

static void
sums_add(sums *s, int part, const void *x, int64_t weight) {
    error        err = {0};
    const column in = {.type = s->type, .layout = COLUMN_FLAT, .values = x};
    agg         *a = s->parts[part];
    CHECK_OK(a->class->update(a, &(slot){0}, &in, &weight, NULL, 1, &s->scratch, &err));
}

static value
sums_merged(sums *s) {
    error  err = {0};
    column out;
    agg   *a = s->parts[0];
    CHECK_OK(a->class->merge(a, &(slot){0}, s->parts[1], &(slot){0}, 1, &s->scratch, &err));
    CHECK_OK(a->class->clear(s->parts[1], 0, &err));
    CHECK_OK(a->class->value(a, &(slot){0}, 1, &s->scratch, &out, &err));
    return column_value(&out, 0);
}

static void
sums_close(sums *s) {
    for (int k = 0; k < 2; k++) {
        s->parts[k]->class->close(s->parts[k]);
    }
    store_close(s->store);
    arena_fini(&s->scratch);
    CHECK_EQ(mem_fini(&s->account), 0);
}

static void
test_sums_of_doubles_beyond_the_range(void **unused) {
    (void)unused;
    const double big = 1.7e308, inf = INFINITY, nan = NAN, one = 1;
    sums         s;
    sums_open(&s, agg_find(TEXT("sum"), 1), type_of(TYPE_F64));
    sums_add(&s, 0, &big, 1);
    sums_add(&s, 1, &big, 1);
    CHECK(isinf(sums_merged(&s).d)); /* beyond the range, not lost */
    sums_add(&s, 1, &big, -3);
    CHECK(sums_merged(&s).d == -big);
    sums_add(&s, 1, &big, 3);
    sums_add(&s, 0, &inf, 1);
    sums_add(&s, 1, &nan, 2);
    CHECK(isnan(sums_merged(&s).d));
    sums_add(&s, 1, &nan, -2);
    CHECK(isinf(sums_merged(&s).d));
    sums_add(&s, 1, &inf, -1);
    sums_add(&s, 1, &big, -2);
    sums_add(&s, 0, &one, 1);
    CHECK(sums_merged(&s).d == 1);
    sums_add(&s, 1, &one, -1);
    CHECK(sums_merged(&s).is_null);
    sums_close(&s);
}

static void
test_sums_that_are_exact(void **unused) {
    (void)unused;
    static const type_id kinds[] = {TYPE_I64, TYPE_U64, TYPE_I128};
    for (int k = 0; k < ARRAY_COUNT(kinds); k++) {
        const bool   wide = kinds[k] == TYPE_I128;
        const int128 top = wide ? ((int128)1 << 120) : INT64_MAX;
        const int128 seven = 7;
        sums         s;
        sums_open(&s, agg_find(TEXT("sum"), 1), type_of(kinds[k]));
        for (int i = 0; i < 2; i++) { /* far above the type of the result, and back */
            sums_add(&s, i, &top, 1000);
        }
        sums_add(&s, 0, &seven, 1);
        sums_add(&s, 0, &top, -500);
        sums_add(&s, 1, &top, -1500);
        sums_add(&s, 1, &seven, 2);
        const value sum = sums_merged(&s);
        CHECK(kinds[k] == TYPE_I64 ? sum.i == 21 : sum.h == 21);
        sums_close(&s);
    }
}

/* ---- failing allocations */

static history          torture_history;
static const agg_class *torture_class;
static mode             torture_mode;

static status
scenario(mem *m, error *err) {
    history *h = &torture_history;
    store   *s;
    agg     *a;
    row      more[2 * 30];
    rng_init(&h->r, 5);
    TRY(store_open(&s, m, err));
    arena_init(&h->scratch, m);
    const agg_site site = {.store = s,
                           .mem = m,
                           .name = "a",
                           .append_only = torture_mode != TAKES_BACK,
                           .once = torture_mode == ONCE};
    slot           slots[2 * GROUPS];
    for (slot g = 0; g < 2 * GROUPS; g++) {
        slots[g] = g;
    }
    for (int i = 0; i < ARRAY_COUNT(more); i++) {
        more[i] = random_row(h);
        more[i].group += i % 2 == 0 ? 0 : GROUPS;
    }
    status result = torture_class->open(&a, torture_class, &h->signature, &site, err);
    if (result == OK) {
        store_snapshot *shot = NULL;
        result = torture_class->init(a, slots, 2 * GROUPS, err);
        result = result < 0 ? result : push(h, a, more, ARRAY_COUNT(more), 1, &h->scratch, err);
        if (result == OK && torture_mode == TAKES_BACK) { /* the rows are in the other part */
            for (int i = 0; i < 20; i++) {
                more[i].group = (more[i].group + GROUPS) % (2 * GROUPS);
            }
            result = push(h, a, more, 20, -1, &h->scratch, err);
        }
        result = result < 0 ? result : store_snapshot_open(&shot, s, err);
        result = result < 0
                     ? result
                     : torture_class->merge(a, slots, a, slots + GROUPS, GROUPS, &h->scratch, err);
        result = result < 0 ? result : torture_class->clear(a, GROUPS, err);
        store_snapshot_close(shot);
        torture_class->close(a);
    }
    arena_fini(&h->scratch);
    store_close(s);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    for (int32_t k = 0; k < agg_class_count(); k++) {
        for (int32_t t = 0; t < MODES * ARRAY_COUNT(chosen); t++) {
            torture_class = agg_class_at(k);
            torture_mode = t % MODES;
            if (make_call(&torture_history, torture_class, chosen[t / MODES],
                          torture_class->order_matters) &&
                agg_can_merge(torture_class, &torture_history.signature)) {
                CHECK(torture(torture_class->name, scenario) > 4);
            }
        }
    }
}

UNIT_MAIN(UNIT(test_parts_merged_are_the_whole), UNIT(test_every_class_merges),
          UNIT(test_sums_of_doubles_beyond_the_range), UNIT(test_sums_that_are_exact),
          UNIT(test_torture))
