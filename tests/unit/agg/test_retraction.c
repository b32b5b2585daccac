/* SPDX-License-Identifier: Apache-2.0 */
/* Every aggregate over random histories that take rows back: after each tick its values are those
 * of a fresh instance, which gets the rows that are left once; also with failing allocations and
 * after a full retraction, which must leave nothing. */
#include "agg_history.h"

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

/* ---- all sequences of four rows, NULL among them, that come and go, as deep as LAMINAR_SCOPE less
 * one (5: four; `make full`, 6: five); each way back is walked too */

#define SYMBOLS 4

typedef struct sequence {
    history h;
    agg    *a;
    const agg_class *class;
    int     here[SYMBOLS];
    int64_t steps;
} sequence;

static void
sequence_step(sequence *s, int symbol, int by) {
    error     err = {0};
    const int number = symbol == 0 ? NUMBER_NULL : symbol;
    const row changed = {.group = 1, .number = {number, (symbol + 1) % SYMBOLS, number}};
    history  *h = &s->h;
    CHECK_OK(push(h, s->a, &changed, 1, by, &h->scratch, &err));
    s->here[symbol] += by;
    if (by > 0) {
        h->live[h->live_count++] = changed;
    } else {
        int at = 0;
        while (memcmp(&h->live[at], &changed, sizeof(row)) != 0) {
            at++;
        }
        h->live[at] = h->live[--h->live_count];
    }
    check_against_once(h, s->class, s->a);
    arena_reset(&h->scratch);
    s->steps++;
}

static void
sequence_walk(sequence *s, int32_t depth) {
    for (int i = 0; i < SYMBOLS && depth > 0; i++) {
        for (int by = 1; by >= (s->here[i] > 0 ? -1 : 1); by -= 2) {
            sequence_step(s, i, by);
            sequence_walk(s, depth - 1);
            sequence_step(s, i, -by);
        }
    }
}

/* Its steps. */
static int64_t
run_sequences(const agg_class *class, type_id type, int32_t depth) {
    static sequence s;
    error           err = {0};
    memset(&s, 0, sizeof(s));
    s.class = class;
    if (!make_call(&s.h, class, type, false)) {
        return 0;
    }
    if (class->lists_rows) {
        s.h.order.column = 0;
        s.h.signature.order_count = 1;
    } else if (class->order_matters) {
        return 0;
    }
    mem_init(&s.h.account, INT64_MAX);
    arena_init(&s.h.scratch, &s.h.account);
    CHECK_OK(store_open(&s.h.store, &s.h.account, &err));
    CHECK_OK(open_call(&s.a, &s.h, class, s.h.store, &s.h.account, false, &err));
    sequence_walk(&s, depth);
    validate(s.a);
    class->close(s.a);
    arena_fini(&s.h.scratch);
    store_close(s.h.store);
    CHECK_EQ(mem_fini(&s.h.account), 0);
    return s.steps;
}

static void
test_every_sequence(void **unused) {
    (void)unused;
    const char   *set = getenv("LAMINAR_SCOPE");
    const int32_t depth = (set == NULL ? 5 : (int32_t)strtol(set, NULL, 10)) - 1;
    int64_t       steps = 0;
    made_doubles = mild;
    for (int32_t k = 0; k < agg_class_count(); k++) {
        for (int32_t t = 0; t < ARRAY_COUNT(chosen); t++) {
            steps += run_sequences(agg_class_at(k), chosen[t], depth);
        }
    }
    print_message("%lld steps\n", (long long)steps);
    CHECK(steps > (depth < 4 ? 30000 : 200000));
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

UNIT_MAIN(UNIT(test_values_are_those_of_what_is_left), UNIT(test_every_sequence),
          UNIT(test_torture))
