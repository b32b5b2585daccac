/* SPDX-License-Identifier: Apache-2.0 */
/* The group table against a brute-force map, restored from blocks, and with failing allocations. */
#include "group_table_cases.h"

static void
test_shapes(void **unused) {
    (void)unused;
    for (int32_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        run_shape(&shapes[i], 300, (uint64_t)i + 1);
    }
}

/* Large enough for the prefetching walks and several index growths within batches. */
static void
test_many_groups(void **unused) {
    (void)unused;
    mem            account;
    error          err = {0};
    store         *s;
    group_table    t, pair;
    arena          a;
    const int32_t  n = 2048;
    const int64_t  groups = 60000;
    static int64_t keys[2048];
    static slot    slots[2048], other[2048];
    const column   columns[2] = {{.type = type_of(TYPE_I64), .values = keys},
                                 {.type = type_of(TYPE_I64), .values = keys}};
    data_type      types[2] = {type_of(TYPE_I64), type_of(TYPE_I64)};
    slot          *known = malloc((size_t)groups * sizeof(*known));
    mem_init(&account, INT64_MAX);
    arena_init(&a, &account);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(group_table_open(&t, s, "one", types, 1, &err));
    CHECK_OK(group_table_open(&pair, s, "two", types, 2, &err));
    memset(known, 0xff, (size_t)groups * sizeof(*known));
    rng r;
    rng_init(&r, 5);
    for (int round = 0; round < 200; round++) {
        for (int32_t i = 0; i < n; i++) {
            keys[i] = (int64_t)rng_below(&r, (uint64_t)groups);
        }
        CHECK_OK(group_table_map(&t, columns, n, slots, NULL, &a, &err));
        CHECK_OK(group_table_map(&pair, columns, n, other, NULL, &a, &err));
        for (int32_t i = 0; i < n; i++) {
            if (known[keys[i]] == SLOT_NONE) {
                known[keys[i]] = slots[i];
            }
            CHECK_EQ(slots[i], known[keys[i]]);
            CHECK_EQ(*ARRAY_AT(&t.keys.values[0], int64_t, slots[i]), keys[i]);
            CHECK_EQ(*ARRAY_AT(&pair.keys.values[1], int64_t, other[i]), keys[i]);
        }
    }
    CHECK_EQ(t.live_count, pair.live_count);
    CHECK_OK(group_table_validate(&t, &err));
    CHECK_OK(group_table_validate(&pair, &err));
    group_table_close(&t);
    group_table_close(&pair);
    store_close(s);
    arena_fini(&a);
    free(known);
    CHECK_EQ(mem_fini(&account), 0);
}

/* ---- numbers close together, without a hash index until they no longer are */

typedef struct number_case {
    type_id type;
    int64_t step; /* a round begins so far from the one before */
    bool    far, null, removes;
} number_case;

static const number_case number_cases[] = {
    {.type = TYPE_I64, .step = 500},
    {.type = TYPE_I64, .step = -500, .null = true},
    {.type = TYPE_I32, .step = 300, .far = true},
    {.type = TYPE_I32, .step = -300, .removes = true},
    {.type = TYPE_TIMESTAMP, .step = INT64_MAX / 32},
};

typedef struct number_rows {
    int64_t  wide[ROWS_MAX];
    int32_t  narrow[ROWS_MAX];
    uint64_t validity[ROWS_MAX / 64 + 1];
} number_rows;

static column
fill_numbers(const number_case *nc, number_rows *in, int32_t round, rng *r) {
    const bool last = round == 19;
    for (int32_t i = 0; i < ROWS_MAX; i++) {
        const bool odd = last && i % 50 == 7;
        in->wide[i] = nc->step * (round - 3) + (int64_t)rng_below(r, 900) - 450;
        in->wide[i] = odd && nc->far ? INT32_MIN : in->wide[i];
        in->narrow[i] = (int32_t)in->wide[i];
        bits_put(in->validity, i, !(odd && nc->null));
    }
    return (column){.type = type_of(nc->type),
                    .values = nc->type == TYPE_I32 ? (void *)in->narrow : in->wide,
                    .validity = nc->null ? in->validity : NULL};
}

/* Slots are those of a table that goes by hashes; fail_at > 0: allocations fail from this one on.
 */
static status
run_numbers(const number_case *nc, int64_t fail_at) {
    error              err = {0};
    mem                account;
    store             *s;
    group_table        t, plain;
    arena              a;
    rng                r;
    static number_rows in;
    static slot        slots[ROWS_MAX], other[ROWS_MAX];
    static uint8_t     fresh[ROWS_MAX], also[ROWS_MAX];
    const data_type    type = type_of(nc->type);
    status             done = OK;
    mem_init(&account, INT64_MAX);
    arena_init(&a, &account);
    rng_init(&r, 7);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(group_table_open(&t, s, "numbers", &type, 1, &err));
    CHECK_OK(group_table_open(&plain, s, "plain", &type, 1, &err));
    group_table_allow_dense(&t);
    CHECK_OK(group_table_rebuild(&t, &err)); /* what was kept while it was empty */
    for (int32_t round = 0; round < 20 && done == OK; round++) {
        const column  keys = fill_numbers(nc, &in, round, &r);
        const int64_t before = (int64_t)t.live_count;
        CHECK_OK(group_table_map(&plain, &keys, ROWS_MAX, other, also, &a, &err));
        account.fail_always = true;
        atomic_store(&account.fail_at,
                     fail_at == 0 ? 0 : atomic_load(&account.allocations) + fail_at);
        done = group_table_map(&t, &keys, ROWS_MAX, slots, fresh, &a, &err);
        const bool remove = done == OK && nc->removes && round == 15;
        done = remove ? group_table_remove(&t, slots[3], &err) : done;
        atomic_store(&account.fail_at, 0);
        if (done < 0) {
            CHECK(remove || (int64_t)t.live_count == before);
            break;
        }
        CHECK(memcmp(slots, other, sizeof(slots)) == 0 && memcmp(fresh, also, sizeof(also)) == 0);
        const bool left = (nc->step > 10000 && round > 0) || (round == 19 && (nc->far || nc->null));
        CHECK((t.dense == NULL) == left);
        if (remove) {
            CHECK_OK(group_table_remove(&plain, other[3], &err));
        }
        CHECK_OK(group_table_find(&t, &keys, ROWS_MAX, slots, &a, &err));
        CHECK_OK(group_table_find(&plain, &keys, ROWS_MAX, other, &a, &err));
        CHECK(memcmp(slots, other, sizeof(slots)) == 0);
        CHECK_OK(group_table_validate(&t, &err));
    }
    group_table_close(&t);
    group_table_close(&plain);
    store_close(s);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&account), 0);
    return done;
}

static void
test_numbers(void **unused) {
    (void)unused;
    for (int32_t i = 0; i < ARRAY_COUNT(number_cases); i++) {
        CHECK(run_numbers(&number_cases[i], 0) == OK);
        int64_t at = 1;
        while (run_numbers(&number_cases[i], at) == ERR_OUT_OF_MEMORY) {
            at++;
        }
        CHECK(at > 3);
    }
}

/* ---- groups that are known to be new: appended, they are those of a table that looked them up,
 * and an append that is refused leaves none */

static status
append_rows(int64_t fail_at) {
    mem             m;
    static rows     in;
    static slot     slots[ROWS_MAX], same[ROWS_MAX];
    static uint8_t  fresh[ROWS_MAX];
    store          *s;
    group_table     t, plain;
    arena           a;
    rng             r;
    const data_type types[2] = {type_of(TYPE_I64), type_of(TYPE_TEXT)};
    const shape    *sh = &shapes[5];
    error           err = {0};
    status          done = OK;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 13);
    CHECK_OK(store_open(&s, &m, &err));
    CHECK_OK(group_table_open(&t, s, "t", types, 2, &err));
    CHECK_OK(group_table_open(&plain, s, "plain", types, 2, &err));
    for (int32_t k = 0; k < 6 && done == OK; k++) {
        int32_t  order[ROWS_MAX];
        uint64_t hashes[ROWS_MAX];
        column   keys[2];
        int32_t  n = 0;
        random_rows(&in, sh, shape_keys(sh), &r);
        CHECK_OK(group_table_map(&plain, in.columns, in.count, slots, fresh, &a, &err));
        for (int32_t i = 0; i < in.count; i++) {
            if (fresh[i]) {
                hashes[n] = *ARRAY_AT(&plain.hashes, uint64_t, slots[i]);
                order[n++] = i;
            }
        }
        for (int32_t c = 0; c < 2; c++) {
            CHECK_OK(column_gather(&keys[c], &in.columns[c], order, n, &a, &err));
        }
        const uint64_t before = t.live_count;
        m.fail_always = true;
        atomic_store(&m.fail_at, fail_at == 0 ? 0 : atomic_load(&m.allocations) + fail_at);
        done = n == 0 ? OK : group_table_append(&t, keys, hashes, n, &a, &err);
        atomic_store(&m.fail_at, 0);
        CHECK_OK(group_table_validate(&t, &err));
        CHECK_EQ(t.live_count, done == OK ? plain.live_count : before);
        if (done == OK && k % 3 == 2) { /* asked at last, and then again not */
            CHECK_OK(group_table_map(&t, in.columns, in.count, same, fresh, &a, &err));
            CHECK(memchr(fresh, 1, (size_t)in.count) == NULL);
            CHECK_OK(group_table_find(&t, in.columns, in.count, slots, &a, &err));
            CHECK(memcmp(slots, same, (size_t)in.count * sizeof(slot)) == 0);
            CHECK_OK(group_table_validate(&t, &err));
        }
    }
    if (done == OK) {
        CHECK_OK(group_table_remove(&t, same[0], &err));
        CHECK_OK(group_table_rebuild(&t, &err));
        CHECK_OK(group_table_validate(&t, &err));
        CHECK_EQ(t.live_count + 1, plain.live_count);
    }
    group_table_close(&t);
    group_table_close(&plain);
    store_close(s);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
    return done;
}

static void
test_append(void **unused) {
    (void)unused;
    int64_t at = 1;
    CHECK(append_rows(0) == OK);
    while (append_rows(at) == ERR_OUT_OF_MEMORY) {
        at++;
    }
    CHECK(at > 3);
}

/* ---- restore: its image into a new store, then rebuild */

static void
test_restore(void **unused) {
    (void)unused;
    mem          account;
    error        err = {0};
    store       *s, *fresh;
    group_table  t, copy;
    arena        a;
    rng          r;
    const shape *sh = &shapes[5];
    data_type    types[2] = {type_of(TYPE_I64), type_of(TYPE_TEXT)};
    rows        *in = calloc(1, sizeof(*in));
    static slot  slots[ROWS_MAX], again[ROWS_MAX];
    mem_init(&account, INT64_MAX);
    arena_init(&a, &account);
    rng_init(&r, 3);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(store_open(&fresh, &account, &err));
    CHECK_OK(group_table_open(&t, s, "t", types, 2, &err));
    CHECK_OK(group_table_open(&copy, fresh, "t", types, 2, &err));
    for (int k = 0; k < 8; k++) {
        random_rows(in, sh, shape_keys(sh), &r);
        CHECK_OK(group_table_map(&t, in->columns, in->count, slots, NULL, &a, &err));
    }
    for (slot k = 0; k < 300; k += 7) {
        if (group_table_is_live(&t, k)) {
            CHECK_OK(group_table_remove(&t, k, &err));
        }
    }
    buf image;
    buf_init(&image, &account, SIZE_MAX);
    CHECK_OK(store_image_put(s, NULL, &image, &err));
    image_reader bytes = {.at = image.data, .left = image.size};
    CHECK_OK(store_image_take(fresh, NULL, &bytes, &err));
    buf_fini(&image);
    CHECK_OK(group_table_rebuild(&copy, &err));
    CHECK_OK(group_table_validate(&copy, &err));
    CHECK_EQ(copy.live_count, t.live_count);
    for (int k = 0; k < 4; k++) {
        random_rows(in, sh, shape_keys(sh), &r);
        CHECK_OK(group_table_find(&t, in->columns, in->count, slots, &a, &err));
        CHECK_OK(group_table_find(&copy, in->columns, in->count, again, &a, &err));
        assert_memory_equal(slots, again, (size_t)in->count * sizeof(slot));
    }
    group_table_close(&t);
    group_table_close(&copy);
    store_close(s);
    store_close(fresh);
    arena_fini(&a);
    free(in);
    CHECK_EQ(mem_fini(&account), 0);
}

/* ---- failing allocations: a refused map leaves no group behind */

static status
fill_table(group_table *t, store *s, store_snapshot **shot, arena *a, error *err) {
    static rows in;
    static slot slots[ROWS_MAX];
    rng         r;
    rng_init(&r, 11);
    for (int k = 0; k < 12; k++) {
        random_rows(&in, &shapes[5], shape_keys(&shapes[5]), &r);
        const uint64_t before = t->live_count;
        const status   mapped = group_table_map(t, in.columns, in.count, slots, NULL, a, err);
        if (mapped < 0) {
            CHECK_EQ(t->live_count, before);
            return mapped;
        }
        store_snapshot_close(*shot);
        *shot = NULL;
        TRY(store_snapshot_open(shot, s, err));
        TRY(group_table_remove(t, slots[0], err));
    }
    return OK;
}

static status
scenario(mem *m, error *err) {
    store *s;
    TRY(store_open(&s, m, err));
    arena           a;
    group_table     t;
    store_snapshot *shot = NULL;
    const data_type types[2] = {type_of(TYPE_I64), type_of(TYPE_TEXT)};
    arena_init(&a, m);
    status result = group_table_open(&t, s, "t", types, 2, err);
    if (result == OK) {
        result = fill_table(&t, s, &shot, &a, err);
        const int64_t fail_at = atomic_exchange(&m->fail_at, 0); /* validate allocates */
        error         fault = {0};
        if (group_table_validate(&t, &fault) < 0) {
            print_error("%s\n", fault.message);
            fail();
        }
        atomic_store(&m->fail_at, fail_at);
        group_table_close(&t);
    }
    store_snapshot_close(shot);
    arena_fini(&a);
    store_close(s);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    CHECK(torture("group table", scenario) > 20);
}

UNIT_MAIN(UNIT(test_shapes), UNIT(test_many_groups), UNIT(test_numbers), UNIT(test_append),
          UNIT(test_restore), UNIT(test_torture))
