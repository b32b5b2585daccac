/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison and sorting against value_compare and insertion by hand; selection, minimum and
 * maximum against plain loops. */
#include "random_column.h"

#include "kernel/kernel.h"

static int
sign(int x) {
    return (x > 0) - (x < 0);
}

static void
test_compare_rows(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 1);
    for (int round = 0; round < 300; round++, arena_reset(&a)) {
        const data_type id = random_type(&r);
        const int32_t   n = 1 + row_counts[rng_below(&r, 6)];
        const column    x = random_column(&r, id, n, &a);
        const column    y = random_column(&r, id, n, &a);
        for (int32_t k = 0; k < n; k++) {
            const int32_t i = (int32_t)rng_below(&r, (uint64_t)n);
            const value   p = column_value(&x, i);
            const value   q = column_value(&y, k);
            CHECK_EQ(sign(compare_rows(&x, i, &y, k)), sign(value_compare(&p, &q)));
        }
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* SQL's order, from values alone. */
static int
reference_order(const column *c, int32_t i, int32_t j, const sort_key *keys, int32_t key_count) {
    for (int32_t k = 0; k < key_count; k++) {
        const value a = column_value(&c[keys[k].column], i);
        const value b = column_value(&c[keys[k].column], j);
        int         order;
        if (a.is_null || b.is_null) {
            order = a.is_null == b.is_null ? 0 : a.is_null == keys[k].nulls_first ? -1 : 1;
        } else {
            order = value_compare(&a, &b);
            order = keys[k].descending ? -order : order;
        }
        if (order != 0) {
            return sign(order);
        }
    }
    return 0;
}

static void
check_sorted(const column *c, const sort_key *keys, int32_t key_count, int32_t n, arena *a,
             const char *what) {
    error    err = {0};
    int32_t *rows = arena_alloc(a, (size_t)n * 4);
    uint8_t *seen = arena_alloc_zero(a, (size_t)n);
    CHECK_OK(sort_rows(rows, c, n, keys, key_count, a, &err));
    for (int32_t i = 0; i < n; i++) {
        CHECK(rows[i] >= 0 && rows[i] < n && !seen[rows[i]]);
        seen[rows[i]] = 1;
        if (i == 0) {
            continue;
        }
        const int order = reference_order(c, rows[i - 1], rows[i], keys, key_count);
        if (order > 0 || (order == 0 && rows[i - 1] > rows[i])) {
            print_error("%s: rows %d and %d of %d: order %d\n", what, rows[i - 1], rows[i], n,
                        order);
            fail();
        }
        CHECK_EQ(sign(compare_sort_keys(c, rows[i - 1], c, rows[i], keys, key_count)), order);
    }
}

static void
test_sort(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 2);
    for (int round = 0; round < 1200; round++, arena_reset(&a)) {
        const int32_t n = row_counts[rng_below(&r, 7)];
        const int32_t key_count = (int32_t)rng_below(&r, 5);
        column        c[4];
        sort_key      keys[4];
        for (int32_t k = 0; k < 4; k++) {
            c[k] = random_view_column(
                &r,
                round % 3 == 0 ? column_types[1 + round / 3 % (COLUMN_TYPES - 1)] : random_type(&r),
                n, &a);
            keys[k] = (sort_key){.column = k,
                                 .descending = rng_below(&r, 2) == 0,
                                 .nulls_first = rng_below(&r, 2) == 0};
        }
        check_sorted(c, keys, key_count, n, &a, type_name(c[0].type));
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Several threads give the order of one: keys that fit, keys that are cut, ties that go over the
 * borders of blocks and ranges, and rows that are in order already. */
static void
test_sort_team(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    error err = {0};
    team  help = {.threads = 3};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 5);
    CHECK_OK(pool_open(&help.pool, &m, &err));
    for (int round = 0; round < 12; round++, arena_reset(&a)) {
        const int32_t n = 100000 + (int32_t)rng_below(&r, 200000);
        int64_t      *x = arena_alloc(&a, (size_t)n * 8);
        strview      *t = arena_alloc(&a, (size_t)n * sizeof(*t));
        int32_t      *rows = arena_alloc(&a, (size_t)n * 4);
        int32_t      *alone = arena_alloc(&a, (size_t)n * 4);
        const int64_t different[] = {INT64_MAX, 40, 2, 1000000};
        char         *text_room = arena_alloc(&a, (size_t)n * 16);
        for (int32_t i = 0; i < n; i++) {
            x[i] =
                round == 11 ? i / 100000 : (int64_t)rng_below(&r, (uint64_t)different[round % 4]);
            char *own = text_room + 16 * (size_t)i;
            snprintf(own, 16, "%014d", (int)rng_below(&r, 1 + (uint64_t)round * 1000));
            t[i] = strview_of(own, 14);
        }
        const column   c[2] = {{.type = type_of(TYPE_I64), .values = x},
                               {.type = type_of(TYPE_TEXT), .layout = COLUMN_FLAT, .values = t}};
        const sort_key keys[2] = {{.column = round % 2, .descending = round % 3 == 0},
                                  {.column = 1 - round % 2}};
        const int32_t  count = 1 + (int32_t)rng_below(&r, 2);
        CHECK_OK(sort_rows_with(&help, rows, c, n, keys, count, &a, &err));
        CHECK_OK(sort_rows(alone, c, n, keys, count, &a, &err));
        CHECK(memcmp(rows, alone, (size_t)n * sizeof(*rows)) == 0);
    }
    pool_close(help.pool);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Few wide values next to each other: every way of packing keys, and already sorted input. */
static void
test_sort_integers(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 3);
    for (int round = 0; round < 400; round++, arena_reset(&a)) {
        const int32_t n = 1 + (int32_t)rng_below(&r, 5000);
        int64_t      *x = arena_alloc(&a, (size_t)n * 8);
        int64_t      *y = arena_alloc(&a, (size_t)n * 8);
        const int     x_shift = (int)rng_below(&r, 64);
        const int     y_shift = (int)rng_below(&r, 64);
        const bool    ascending = rng_below(&r, 4) == 0;
        for (int32_t i = 0; i < n; i++) {
            x[i] = ascending ? i / 3 : (int64_t)rng_next(&r) >> x_shift;
            y[i] = (int64_t)rng_next(&r) >> y_shift;
        }
        const column   c[2] = {{.type = type_of(TYPE_I64), .values = x},
                               {.type = type_of(TYPE_TIMESTAMP), .values = y}};
        const sort_key keys[2] = {{.column = 0, .descending = rng_below(&r, 2) == 0},
                                  {.column = 1, .descending = rng_below(&r, 2) == 0}};
        check_sorted(c, keys, 1 + (int32_t)rng_below(&r, 2), n, &a, "integers");
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Texts around the sizes where a code is exact, with and without a prefix that all share. */
static void
test_sort_texts(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 7);
    for (int round = 0; round < 300; round++, arena_reset(&a)) {
        const int32_t n = 1 + (int32_t)rng_below(&r, 500);
        const size_t  prefix = (size_t)rng_below(&r, 3) * 7;
        const size_t  longest = 6 + (size_t)rng_below(&r, 4);
        strview      *views = arena_alloc(&a, (size_t)n * sizeof(strview));
        uint8_t      *second = arena_alloc(&a, (size_t)n);
        for (int32_t i = 0; i < n; i++) {
            const size_t size = prefix + longest - (size_t)rng_below(&r, 3);
            char        *p = arena_alloc(&a, size);
            memset(p, 'p', size);
            p[prefix] = rng_below(&r, 2) == 0 ? 'p' : 'q';
            for (size_t k = size - 2; k < size; k++) {
                p[k] = "\0a\xff"[rng_below(&r, 3)];
            }
            views[i] = strview_of(p, (uint32_t)size);
            second[i] = (uint8_t)rng_below(&r, 2);
        }
        const column   c[2] = {{.type = type_of(TYPE_TEXT), .values = views},
                               {.type = type_of(TYPE_BOOL), .values = second}};
        const sort_key keys[2] = {{.column = 0, .descending = rng_below(&r, 2) == 0},
                                  {.column = 1}};
        check_sorted(c, keys, 2, n, &a, "texts");
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_select(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 4);
    for (int round = 0; round < 200; round++, arena_reset(&a)) {
        const int32_t n = row_counts[rng_below(&r, 7)];
        const column  c =
            random_column(&r, type_of(rng_below(&r, 10) == 0 ? TYPE_NULL : TYPE_BOOL), n, &a);
        int32_t      *rows = arena_alloc(&a, (size_t)n * 4);
        const int32_t count = select_true(rows, &c, n);
        int32_t       at = 0;
        for (int32_t i = 0; i < n; i++) {
            const value v = column_value(&c, i);
            if (!v.is_null && v.b) {
                CHECK(at < count);
                CHECK_EQ(rows[at++], i);
            }
        }
        CHECK_EQ(at, count);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
check_minmax_i64(const column *c, int32_t n) {
    int64_t min = 0;
    int64_t max = 0;
    int64_t least = INT64_MAX;
    int64_t most = INT64_MIN;
    int64_t count = 0;
    for (int32_t i = 0; i < n; i++) {
        const value v = column_value(c, i);
        if (!v.is_null) {
            const int64_t x = v.type.id == TYPE_BOOL ? v.b : v.i;
            least = x < least ? x : least;
            most = x > most ? x : most;
            count++;
        }
    }
    CHECK_EQ(count_valid(c, n), count);
    CHECK_EQ(minmax_i64(c, n, &min, &max), count > 0);
    CHECK(count == 0 || (min == least && max == most));
}

static void
check_minmax_f64(const column *c, int32_t n) {
    double min = 0;
    double max = 0;
    bool   any = false;
    double least = 0;
    double most = 0;
    for (int32_t i = 0; i < n; i++) {
        const value v = column_value(c, i);
        if (!v.is_null && !isnan(v.d)) {
            least = !any || v.d < least ? v.d : least;
            most = !any || v.d > most ? v.d : most;
            any = true;
        }
    }
    CHECK_EQ(minmax_f64(c, n, &min, &max), any);
    CHECK(!any || (min == least && max == most));
}

static void
test_minmax(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 5);
    for (int round = 0; round < 800; round++, arena_reset(&a)) {
        if (round == 400) {
            kernel_init(); /* first half: baseline */
        }
        const data_type id = random_type(&r);
        const int32_t   n = row_counts[rng_below(&r, 7)];
        const column    c = random_column(&r, id, n, &a);
        switch (type_physical(id)) {
        case PHYSICAL_F64:
            check_minmax_f64(&c, n);
            break;
        case PHYSICAL_TEXT:
        case PHYSICAL_INTERVAL:
        case PHYSICAL_I128:
        case PHYSICAL_U64:
        case PHYSICAL_F32:
            break;
        default:
            check_minmax_i64(&c, n);
            break;
        }
    }
    print_message("level: %s\n", kernel_level());
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
sort_scenario(mem *m, error *err) {
    arena a;
    rng   r;
    arena_init(&a, m);
    rng_init(&r, 6);
    static int64_t x[3000];
    static double  y[3000];
    static int32_t rows[3000];
    for (int32_t i = 0; i < 3000; i++) {
        x[i] = (int64_t)rng_next(&r);
        y[i] = random_f64(&r);
    }
    const column   c[2] = {{.type = type_of(TYPE_I64), .values = x},
                           {.type = type_of(TYPE_F64), .values = y}};
    const sort_key keys[2] = {{.column = 1}, {.column = 0, .descending = true}};
    const status   s = sort_rows(rows, c, 3000, keys, 2, &a, err);
    arena_fini(&a);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("sort", sort_scenario) >= 2);
}

UNIT_MAIN(UNIT(test_compare_rows), UNIT(test_sort), UNIT(test_sort_integers), UNIT(test_sort_texts),
          UNIT(test_sort_team), UNIT(test_select), UNIT(test_minmax), UNIT(test_torture))
