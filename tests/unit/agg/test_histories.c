/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates against exact recomputation: all short histories of insertions and deletions, and long
 * random ones with ticks, filters, weights, reused slots and deletions that come before their
 * insertions. */
#include "agg_cases.h"

static const type_id input_types[] = {TYPE_I64,       TYPE_I32,         TYPE_I16,  TYPE_I8,
                                      TYPE_BOOL,      TYPE_F64,         TYPE_TEXT, TYPE_DATE,
                                      TYPE_TIMESTAMP, TYPE_TIMESTAMP_MS};

/* ---- all valid sequences of LENGTH changes over {NULL, -1, 0, 1}; checks after each change cover
 * the shorter ones */

#define LENGTH 6

typedef struct histories {
    int64_t count, capacity;
    uint8_t (*steps)[LENGTH]; /* value * 2 + (1: delete) */
} histories;

static void
enumerate(histories *h, uint8_t *steps, int depth, counts *c, bool deletes) {
    static const int alphabet[4] = {0, 1, 2, NUMBER_NULL};
    if (depth == LENGTH) {
        if (h->count == h->capacity) {
            h->capacity = h->capacity == 0 ? 1024 : 2 * h->capacity;
            h->steps = realloc(h->steps, (size_t)h->capacity * LENGTH);
        }
        memcpy(h->steps[h->count++], steps, LENGTH);
        return;
    }
    for (int k = 0; k < 4; k++) {
        const int v = alphabet[k];
        steps[depth] = (uint8_t)(v * 2);
        c->of[v]++;
        enumerate(h, steps, depth + 1, c, deletes);
        c->of[v]--;
        if (deletes && c->of[v] > 0) {
            steps[depth] = (uint8_t)(v * 2 + 1);
            c->of[v]--;
            enumerate(h, steps, depth + 1, c, deletes);
            c->of[v]++;
        }
    }
}

/* Group g lives history g; one change of all groups is a pass of batches. */
static void
run_histories(const agg_class *class, data_type type, const histories *h, bool append_only) {
    mem         account;
    error       err = {0};
    store      *s;
    arena       scratch;
    agg        *a;
    single_call call;
    static rows in;
    counts     *all = calloc((size_t)h->count, sizeof(*all));
    if (!call_resolve(&call, class, type)) {
        free(all);
        return;
    }
    mem_init(&account, INT64_MAX);
    arena_init(&scratch, &account);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(call_open(&a, class, &call, s, &account, append_only, &err));
    for (int step = 0; step < LENGTH; step++) {
        for (int64_t first = 0; first < h->count; first += BATCH_MAX) {
            in.count = (int32_t)(h->count - first < BATCH_MAX ? h->count - first : BATCH_MAX);
            for (int32_t i = 0; i < in.count; i++) {
                const uint8_t code = h->steps[first + i][step];
                in.slots[i] = (slot)(first + i);
                in.number[i] = code / 2;
                in.weights[i] = code % 2 ? -1 : 1;
                counts_add(&all[first + i], code / 2, in.weights[i]);
            }
            const column input = make_column(&in, type);
            column       out;
            if (step == 0) {
                CHECK_OK(class->init(a, in.slots, in.count, &err));
            }
            CHECK_OK(class->update(a, in.slots, &input, append_only ? NULL : in.weights, NULL,
                                   in.count, &scratch, &err));
            CHECK_OK(class->value(a, in.slots, in.count, &scratch, &out, &err));
            CHECK_EQ(out.type.id, call.signature.output.id);
            for (int32_t i = 0; i < in.count; i++) {
                check_value(class, type, &out, i, &all[first + i]);
            }
            arena_reset(&scratch);
        }
        validate(a);
    }
    class->close(a);
    arena_fini(&scratch);
    store_close(s);
    free(all);
    CHECK_EQ(mem_fini(&account), 0);
}

static void
test_all_short_histories(void **unused) {
    (void)unused;
    static const type_id chosen[] = {TYPE_I64, TYPE_F64, TYPE_TEXT};
    for (int append_only = 0; append_only < 2; append_only++) {
        histories h = {0};
        counts    c = {0};
        uint8_t   steps[LENGTH];
        enumerate(&h, steps, 0, &c, !append_only);
        CHECK(h.count > 4000);
        for (int32_t k = 0; k < agg_class_count(); k++) {
            for (int32_t t = 0; t < ARRAY_COUNT(chosen); t++) {
                run_histories(agg_class_at(k), type_of(chosen[t]), &h, append_only);
            }
        }
        free(h.steps);
    }
}

/* ---- random histories */

#define GROUPS 12

typedef struct world {
    const agg_class *class;
    agg      *a;
    data_type type;
    bool      append_only;
    counts    settled[GROUPS]; /* after the last tick */
    counts    now[GROUPS];
    bool      live[GROUPS];
    arena     scratch;
    rng       r;
    rows      pending; /* of this tick */
} world;

static void
add_pending(world *w, slot group, int number, int64_t weight) {
    rows *p = &w->pending;
    p->slots[p->count] = group;
    p->number[p->count] = (uint8_t)number;
    p->weights[p->count++] = weight;
    counts_add(&w->now[group], number, weight);
}

/* Changes that leave valid multisets at the end of the tick, in any order within it. */
static void
plan_tick(world *w) {
    const int32_t n = 1 + (int32_t)rng_below(&w->r, 60);
    static counts before[GROUPS];
    memcpy(before, w->now, sizeof(before));
    w->pending.count = 0;
    for (int32_t i = 0; i < n; i++) {
        const slot group = (slot)rng_below(&w->r, GROUPS);
        int        number = (int)rng_below(&w->r, VALUES + 1);
        if (w->type.id == TYPE_BOOL && number != NUMBER_NULL) {
            number = number > 0; /* more would be several names of one value */
        }
        int64_t weight = rng_below(&w->r, 4) == 0 ? 3 : 1;
        if (!w->append_only && rng_below(&w->r, 2) == 0) {
            weight = w->now[group].of[number] < weight ? 0 : -weight;
        }
        if (weight != 0 && w->live[group]) {
            add_pending(w, group, number, weight);
        }
    }
    rows *p = &w->pending;
    for (int32_t i = p->count - 1; i > 0 && !w->append_only; i--) { /* shuffle */
        const int32_t j = (int32_t)rng_below(&w->r, (uint64_t)i + 1);
        const slot    group = p->slots[i];
        const uint8_t number = p->number[i];
        const int64_t weight = p->weights[i];
        p->slots[i] = p->slots[j], p->number[i] = p->number[j], p->weights[i] = p->weights[j];
        p->slots[j] = group, p->number[j] = number, p->weights[j] = weight;
    }
    memcpy(w->now, before, sizeof(before)); /* once more, in the order in which they will come */
    for (int32_t i = 0; i < p->count; i++) {
        counts_add(&w->now[p->slots[i]], p->number[i], p->weights[i]);
    }
}

/* Rows that the filter leaves out must not be felt, whatever they are. */
static void
push_batch(world *w, const rows *p, int32_t first, int32_t count) {
    static rows in;
    error       err = {0};
    const bool  filtered = rng_below(&w->r, 2);
    bool        all_one = true;
    in.count = 0;
    for (int32_t i = first; i < first + count; i++) {
        if (filtered && rng_below(&w->r, 3) == 0) {
            in.slots[in.count] = p->slots[i];
            in.number[in.count] = (uint8_t)rng_below(&w->r, VALUES + 1);
            in.weights[in.count] = 1;
            in.filter[in.count++] = 0;
        }
        in.slots[in.count] = p->slots[i];
        in.number[in.count] = p->number[i];
        in.weights[in.count] = p->weights[i];
        in.filter[in.count++] = (uint8_t)(1 + rng_below(&w->r, 200));
        all_one &= p->weights[i] == 1;
    }
    const column input = make_column(&in, w->type);
    CHECK_OK(w->class->update(w->a, in.slots, &input, all_one ? NULL : in.weights,
                              filtered ? in.filter : NULL, in.count, &w->scratch, &err));
    arena_reset(&w->scratch);
}

static void
check_tick(world *w) {
    error   err = {0};
    slot    slots[GROUPS];
    column  out;
    int32_t n = 0;
    for (slot g = 0; g < GROUPS; g++) {
        if (w->live[g]) {
            slots[n++] = g;
        }
    }
    validate(w->a);
    if (n == 0) {
        return;
    }
    CHECK_OK(w->class->value(w->a, slots, n, &w->scratch, &out, &err));
    for (int32_t i = 0; i < n; i++) {
        check_value(w->class, w->type, &out, i, &w->now[slots[i]]);
    }
    arena_reset(&w->scratch);
    memcpy(w->settled, w->now, sizeof(w->settled));
}

static void
turn_over_groups(world *w) {
    error err = {0};
    for (slot g = 0; g < GROUPS; g++) {
        if (!w->live[g]) {
            w->live[g] = true;
            CHECK_OK(w->class->init(w->a, &g, 1, &err));
        } else if (rng_below(&w->r, 20) == 0) {
            CHECK_OK(w->class->clear(w->a, g, &err));
            w->live[g] = false;
            memset(&w->now[g], 0, sizeof(w->now[g]));
        }
    }
}

static void
run_random(const agg_class *class, data_type type, bool append_only, uint64_t seed) {
    mem             account;
    error           err = {0};
    store          *s;
    single_call     call;
    static world    w;
    store_snapshot *shot = NULL;
    if (!call_resolve(&call, class, type)) {
        return;
    }
    memset(&w, 0, sizeof(w));
    w.class = class;
    w.type = type;
    w.append_only = append_only;
    mem_init(&account, INT64_MAX);
    arena_init(&w.scratch, &account);
    rng_init(&w.r, seed);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(call_open(&w.a, class, &call, s, &account, append_only, &err));
    for (int tick = 0; tick < 120; tick++) {
        turn_over_groups(&w);
        plan_tick(&w);
        for (int32_t first = 0; first < w.pending.count;) {
            const int32_t left = w.pending.count - first;
            const int32_t n = 1 + (int32_t)rng_below(&w.r, (uint64_t)left);
            push_batch(&w, &w.pending, first, n);
            first += n;
        }
        check_tick(&w);
        if (tick % 10 == 0) {
            store_snapshot_close(shot);
            CHECK_OK(store_snapshot_open(&shot, s, &err));
        }
    }
    store_snapshot_close(shot);
    class->close(w.a);
    arena_fini(&w.scratch);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

static void
test_random_histories(void **unused) {
    (void)unused;
    uint64_t seed = 1;
    for (int32_t k = 0; k < agg_class_count(); k++) {
        for (int32_t t = 0; t < ARRAY_COUNT(input_types); t++) {
            run_random(agg_class_at(k), type_of(input_types[t]), false, seed++);
            run_random(agg_class_at(k), type_of(input_types[t]), true, seed++);
        }
    }
}

UNIT_MAIN(UNIT(test_all_short_histories), UNIT(test_random_histories))
