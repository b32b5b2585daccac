/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates of the program's against their built-in twins, held and listed, over random histories:
 * with and without rows that are taken back, cut into parts and merged, saved and loaded between
 * any two ticks; and a scalar that is called for each group. */
#include "../routine_twins.h"
#include "agg_history.h"

#include "agg/agg_routine.h"

#define HELD (ROUTINE_SAVES | ROUTINE_RETRACTS | ROUTINE_MERGES)

typedef struct pair { /* a routine and its twin over the same rows */
    history  h;
    routine *r;
    twin     t;
    const agg_class *class, *built_in;
    agg_signature own;
    agg          *a, *b;
    store        *built_in_store;
    int64_t       copies; /* of each row in h.live */
} pair;

static void
pair_open(pair *p, twin_kind kind, type_id type, uint32_t flags, bool held, bool append_only,
          uint64_t seed) {
    static const char *const names[] = {"sum", "avg", "string_agg"};
    error                    err = {0};
    history                 *h = &p->h;
    memset(p, 0, sizeof(*p));
    made_doubles = mild;
    mem_init(&h->account, INT64_MAX);
    twin_memory = &h->account;
    arena_init(&h->scratch, &h->account);
    rng_init(&h->r, seed);
    p->r = twin_make(&p->t, kind, type, flags);
    p->built_in = agg_find(text_of(names[kind]), 1);
    CHECK(make_call(h, p->built_in, type, false));
    h->order.column = 0;
    if (kind == TWIN_LIST && !append_only) { /* as plan_order_calls does */
        h->signature.order_count = 1;
    }
    p->own = h->signature;
    p->own.orders = &h->order;
    p->own.order_count = !held && !append_only;
    p->own.routine = p->r;
    p->class = agg_routine_class(p->r, held);
    CHECK_OK(p->class->resolve(p->class, &p->own, &err));
    CHECK_OK(store_open(&h->store, &h->account, &err));
    CHECK_OK(store_open(&p->built_in_store, &h->account, &err));
    const agg_site site = {
        .store = h->store, .mem = &h->account, .name = "a", .append_only = append_only};
    slot slots[GROUPS];
    for (slot g = 0; g < GROUPS; g++) {
        slots[g] = g;
    }
    CHECK_OK(p->class->open(&p->a, p->class, &p->own, &site, &err));
    CHECK_OK(p->class->init(p->a, slots, GROUPS, &err));
    agg_site other = site;
    other.store = p->built_in_store;
    CHECK_OK(p->built_in->open(&p->b, p->built_in, &h->signature, &other, &err));
    CHECK_OK(p->built_in->init(p->b, slots, GROUPS, &err));
}

static void
pair_close(pair *p) {
    history *h = &p->h;
    p->class->close(p->a);
    p->built_in->close(p->b);
    CHECK_EQ(p->t.live, 0);
    routine_release(p->r);
    CHECK_EQ(atomic_load(&p->t.code.references), 1);
    arena_fini(&h->scratch);
    store_close(h->store);
    store_close(p->built_in_store);
    CHECK_EQ(mem_fini(&h->account), 0);
}

static void
pair_check(pair *p) {
    error  err = {0};
    slot   slots[GROUPS];
    column got, want;
    for (slot g = 0; g < GROUPS; g++) {
        slots[g] = g;
    }
    validate(p->a);
    CHECK_OK(p->class->value(p->a, slots, GROUPS, &p->h.scratch, &got, &err));
    CHECK_OK(p->built_in->value(p->b, slots, GROUPS, &p->h.scratch, &want, &err));
    CHECK_EQ(got.type.id, p->own.output.id);
    for (int32_t i = 0; i < GROUPS; i++) { /* HUGEINT sums have another type */
        const value x = column_value(&got, i), y = column_value(&want, i);
        CHECK_EQ(x.is_null, y.is_null);
        if (!x.is_null && x.type.id == TYPE_I64) {
            CHECK_EQ(x.i, (int64_t)value_wide(&y));
        }
    }
    if (p->own.output.id != TYPE_I64) {
        check_same(p->class, &got, &want);
    }
}

static void
push_both(pair *p, const row *list, int count, int64_t weight) {
    error err = {0};
    CHECK_OK(push(&p->h, p->a, list, count, weight, &p->h.scratch, &err));
    CHECK_OK(push(&p->h, p->b, list, count, weight, &p->h.scratch, &err));
}

static void
random_changes(pair *p, bool takes_back) {
    history      *h = &p->h;
    row           list[60];
    const int     count = (int)rng_below(&h->r, 60);
    const int64_t copies = rng_below(&h->r, 5) == 0 ? 3 : 1;
    for (int i = 0; i < count; i++) {
        list[i] = random_row(h);
    }
    push_both(p, list, count, copies);
    if (takes_back) { /* of these, and of those of earlier ticks */
        const int some = (int)rng_below(&h->r, (uint64_t)count + 1);
        push_both(p, list, some, -copies);
        const int old = (int)rng_below(&h->r, (uint64_t)h->live_count + 1);
        push_both(p, h->live, old, -p->copies);
        push_both(p, h->live + old, h->live_count - old, -p->copies);
        memcpy(h->live, list + some, (size_t)(count - some) * sizeof(row));
        h->live_count = count - some;
        p->copies = copies;
    }
}

/* Everything anew from the bytes of the store. */
static void
reload(pair *p) {
    error    err = {0};
    history *h = &p->h;
    buf      image;
    buf_init(&image, &h->account, SIZE_MAX);
    CHECK_OK(p->class->settle == NULL ? OK : p->class->settle(p->a, &h->scratch, &err));
    CHECK_OK(store_image_put(h->store, NULL, &image, &err));
    const bool append_only = p->a->append_only;
    p->class->close(p->a);
    CHECK_EQ(p->t.live, 0);
    store_close(h->store);
    CHECK_OK(store_open(&h->store, &h->account, &err));
    const agg_site site = {
        .store = h->store, .mem = &h->account, .name = "a", .append_only = append_only};
    image_reader in = {.at = image.data, .left = image.size};
    CHECK_OK(p->class->open(&p->a, p->class, &p->own, &site, &err));
    CHECK_OK(store_image_take(h->store, NULL, &in, &err));
    CHECK_OK(p->class->rebuild(p->a, &(slot_set){.count = GROUPS}, &err));
    buf_fini(&image);
}

static void
run(twin_kind kind, type_id type, uint32_t flags, bool held, bool append_only, uint64_t seed) {
    static pair p;
    error       err = {0};
    pair_open(&p, kind, type, flags, held, append_only, seed);
    for (int tick = 0; tick < 40; tick++) {
        random_changes(&p, !append_only);
        pair_check(&p);
        if (rng_below(&p.h.r, 3) == 0) {
            reload(&p);
            pair_check(&p);
        }
        if (rng_below(&p.h.r, 4) == 0) {
            const slot g = (slot)rng_below(&p.h.r, GROUPS);
            CHECK_OK(p.class->clear(p.a, g, &err));
            CHECK_OK(p.class->init(p.a, &g, 1, &err));
            CHECK_OK(p.built_in->clear(p.b, g, &err));
            CHECK_OK(p.built_in->init(p.b, &g, 1, &err));
            for (int i = p.h.live_count - 1; i >= 0; i--) {
                if (p.h.live[i].group == g) {
                    p.h.live[i] = p.h.live[--p.h.live_count];
                }
            }
        }
        arena_reset(&p.h.scratch);
    }
    pair_close(&p);
}

static void
test_twins(void **unused) {
    (void)unused;
    static const type_id types[] = {TYPE_I64, TYPE_F64, TYPE_I16};
    uint64_t             seed = 1;
    for (int i = 0; i < 4; i++) {
        const bool held = i & 1, append_only = i & 2;
        for (int32_t t = 0; t < ARRAY_COUNT(types); t++) {
            run(TWIN_AVG, types[t], HELD, held, append_only, seed++);
        }
        run(TWIN_SUM, TYPE_I64, HELD, held, append_only, seed++);
        run(TWIN_LIST, TYPE_TEXT, ROUTINE_ORDERED, false, append_only, seed++);
    }
}

/* ---- which form */
static void
test_form(void **unused) {
    (void)unused;
    routine r = {.kind = ROUTINE_AGGREGATE, .flags = ROUTINE_SAVES};
    CHECK(agg_routine_can_hold(&r, true));
    CHECK(!agg_routine_can_hold(&r, false));
    r.flags |= ROUTINE_RETRACTS;
    CHECK(agg_routine_can_hold(&r, false));
    agg_signature s = {.routine = &r};
    CHECK(!agg_can_merge(&routine_held_class, &s));
    r.flags |= ROUTINE_MERGES;
    CHECK(agg_can_merge(&routine_held_class, &s));
    r.flags |= ROUTINE_ORDERED;
    CHECK(!agg_routine_can_hold(&r, true));
    r.flags = ROUTINE_RETRACTS;
    CHECK(!agg_routine_can_hold(&r, true));
}

/* ---- parts */

/* Rows and what takes them back in different parts; `from` may have other code. */
static void
run_parts(bool in_one, bool other_code, uint64_t seed) {
    static pair p, q;
    error       err = {0};
    slot        slots[GROUPS], from[GROUPS];
    pair_open(&p, TWIN_AVG, TYPE_I64, HELD, true, false, seed);
    mem *account = twin_memory;
    pair_open(&q, TWIN_AVG, TYPE_I64, HELD, true, false, seed + 1);
    twin_memory = account;
    agg *part = q.a;
    if (!other_code) {
        q.class->close(q.a);
        q.own.routine = p.r;
        const agg_site site = {.store = q.h.store, .mem = &q.h.account, .name = "a"};
        CHECK_OK(q.class->open(&q.a, q.class, &q.own, &site, &err));
        part = q.a;
        for (slot g = 0; g < GROUPS; g++) {
            slots[g] = g;
        }
        CHECK_OK(q.class->init(part, slots, GROUPS, &err));
    }
    for (slot g = 0; g < GROUPS; g++) {
        slots[g] = g;
        from[g] = in_one ? GROUPS + g : g;
    }
    CHECK_OK(in_one ? p.class->init(p.a, from, GROUPS, &err) : OK);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 50; i++) {
            row        r = random_row(&p.h);
            const row  own = r;
            const bool there = rng_below(&p.h.r, 2);
            agg       *to = there && !in_one ? part : p.a;
            CHECK_OK(push(&p.h, p.b, &own, 1, 1, &p.h.scratch, &err));
            r.group += there && in_one ? GROUPS : 0;
            CHECK_OK(push(&p.h, to, &r, 1, 1, &p.h.scratch, &err));
            if (rng_below(&p.h.r, 3) == 0) { /* taken back in the other one */
                r.group = own.group + (!there && in_one ? GROUPS : 0);
                CHECK_OK(push(&p.h, p.b, &own, 1, -1, &p.h.scratch, &err));
                CHECK_OK(
                    push(&p.h, to == part || in_one ? p.a : part, &r, 1, -1, &p.h.scratch, &err));
            }
        }
        CHECK_OK(p.class->merge(p.a, slots, in_one ? p.a : part, from, GROUPS, &p.h.scratch, &err));
        for (slot g = 0; g < GROUPS; g++) {
            CHECK_OK(p.class->clear(in_one ? p.a : part, from[g], &err));
        }
        pair_check(&p);
        arena_reset(&p.h.scratch);
    }
    q.class->close(q.a);
    q.built_in->close(q.b);
    routine_release(q.r);
    pair_close(&p);
    arena_fini(&q.h.scratch);
    store_close(q.h.store);
    store_close(q.built_in_store);
    CHECK_EQ(mem_fini(&q.h.account), 0);
}

static void
test_parts(void **unused) {
    (void)unused;
    for (uint64_t seed = 1; seed < 9; seed++) {
        run_parts(true, true, seed);
        run_parts(false, true, seed);
        run_parts(false, false, seed);
    }
}

/* ---- calls */

static void
test_how_often_code_is_called(void **unused) {
    (void)unused;
    static pair p;
    error       err = {0};
    row         list[100];
    pair_open(&p, TWIN_SUM, TYPE_I64, HELD, true, true, 1);
    for (int i = 0; i < 100; i++) {
        list[i] = (row){.group = (slot)i % 4, .number = {1, 1, 1}};
    }
    push_both(&p, list, 100, 1);
    CHECK_EQ(p.t.accumulated, 4);
    pair_check(&p);
    CHECK_EQ(p.t.evaluated, 1);
    CHECK_EQ(p.t.saved, 0);
    CHECK_OK(p.class->settle(p.a, &p.h.scratch, &err));
    CHECK_OK(p.class->settle(p.a, &p.h.scratch, &err));
    CHECK_EQ(p.t.saved, 1); /* nothing was dirty any more */
    pair_close(&p);
}

static void
test_scalar_of_a_group(void **unused) {
    (void)unused;
    error          err = {0};
    mem            account;
    arena          scratch;
    store         *s;
    twin           t;
    routine       *r = twin_make(&t, TWIN_WEIGHTED, TYPE_F64, 0);
    agg           *a;
    const slot     slots[] = {0, 1, 0, 1, 0}, groups[] = {0, 1, 2};
    const double   x[] = {1, 2, 3, 4, 5}, y[] = {10, 10, 10, 20, 100};
    const uint64_t all_but_last = 0xf;
    const column   columns[] = {{.type = type_of(TYPE_F64), .values = x, .validity = &all_but_last},
                                {.type = type_of(TYPE_F64), .values = y}};
    data_type      types[] = {type_of(TYPE_I64), type_of(TYPE_F64)};
    const value    constant = {.type = type_of(TYPE_F64), .d = 0.5};
    const bool     literal[] = {false, true, false};
    agg_signature  of = {.column_count = 2,
                         .argument_count = 2,
                         .types = types,
                         .constant_count = 1,
                         .constants = &constant,
                         .routine = r,
                         .literal = literal};
    column         out;
    mem_init(&account, INT64_MAX);
    arena_init(&scratch, &account);
    const agg_class *class = agg_routine_class(r, false);
    CHECK_OK(class->resolve(class, &of, &err));
    CHECK_EQ(types[0].id, TYPE_F64);
    CHECK_OK(store_open(&s, &account, &err));
    const agg_site site = {.store = s, .mem = &account, .name = "a", .append_only = true};
    CHECK_OK(class->open(&a, class, &of, &site, &err));
    CHECK_OK(class->init(a, groups, 3, &err));
    CHECK_OK(class->update(a, slots, columns, NULL, NULL, 5, &scratch, &err));
    CHECK_OK(class->value(a, groups, 3, &scratch, &out, &err));
    const value first = column_value(&out, 0), second = column_value(&out, 1);
    CHECK(first.d == (1 * 0.5 + 10) + (3 * 0.5 + 10)); /* the row with a NULL does not count */
    CHECK(second.d == (2 * 0.5 + 10) + (4 * 0.5 + 20));
    CHECK(column_is_null(&out, 2));
    class->close(a);
    routine_release(r);
    arena_fini(&scratch);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

/* ---- failing allocations */
static bool torture_held;

static status
scenario(mem *m, error *err) {
    static history h;
    static twin    t;
    store         *s;
    agg           *a;
    column         out;
    slot           slots[GROUPS];
    error          fault = {0};
    twin_memory = m;
    memset(&h, 0, sizeof(h));
    rng_init(&h.r, 3);
    routine *r = twin_make(&t, TWIN_AVG, TYPE_I64, HELD);
    CHECK(make_call(&h, agg_find(TEXT("avg"), 1), TYPE_I64, false));
    const agg_class *class = agg_routine_class(r, torture_held);
    h.signature.routine = r;
    CHECK_EQ(class->resolve(class, &h.signature, &fault), OK);
    if (store_open(&s, m, err) < 0) {
        routine_release(r);
        return ERR_OUT_OF_MEMORY;
    }
    arena_init(&h.scratch, m);
    const agg_site site = {.store = s, .mem = m, .name = "a", .append_only = true};
    status         result = class->open(&a, class, &h.signature, &site, err);
    for (slot g = 0; g < GROUPS; g++) {
        slots[g] = g;
    }
    if (result == OK) {
        result = class->init(a, slots, GROUPS, err);
        for (int i = 0; i < 3 && result == OK; i++) {
            row more[30];
            for (int k = 0; k < 30; k++) {
                more[k] = random_row(&h);
            }
            result = push(&h, a, more, 30, 1, &h.scratch, err);
            result = result < 0 ? result : class->value(a, slots, GROUPS, &h.scratch, &out, err);
            result =
                result < 0 || class->settle == NULL ? result : class->settle(a, &h.scratch, err);
            result = result < 0 ? result : class->rebuild(a, &(slot_set){.count = GROUPS}, err);
        }
        result = result < 0 ? result : class->clear(a, 3, err);
        class->close(a);
    }
    CHECK_EQ(t.live, 0);
    routine_release(r);
    arena_fini(&h.scratch);
    store_close(s);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    for (int held = 0; held < 2; held++) {
        torture_held = held;
        CHECK(torture(held ? "routine held" : "routine listed", scenario) > 4);
    }
}

UNIT_MAIN(UNIT(test_twins), UNIT(test_form), UNIT(test_parts), UNIT(test_how_often_code_is_called),
          UNIT(test_scalar_of_a_group), UNIT(test_torture))
