/* SPDX-License-Identifier: Apache-2.0 */
/* Names and overloads, doubles at their edges (residue, NaN, infinities, overflow that comes back),
 * integer overflow, failing allocations. */
#include "agg_cases.h"

#include <float.h>

static void
test_names(void **unused) {
    (void)unused;
    CHECK_STR(agg_find(TEXT("COUNT"), 0)->name, "count_star");
    CHECK_STR(agg_find(TEXT("Count"), 1)->name, "count");
    CHECK_STR(agg_find(TEXT("mean"), 1)->name, "avg");
    CHECK_STR(agg_find(TEXT("AVG"), 1)->name, "avg");
    CHECK_STR(agg_find(TEXT("max"), 1)->name, "max");
    CHECK(agg_find(TEXT("count_star"), 1) == NULL);
    CHECK(agg_find(TEXT("sum"), 0) == NULL);
    CHECK(agg_find(TEXT("sum"), 2) == NULL);
    CHECK(agg_exists(TEXT("any_value")) && agg_exists(TEXT("arbitrary")) &&
          agg_exists(TEXT("Count")));
    CHECK(!agg_exists(TEXT("arbitrar")) && !agg_exists(TEXT("count_star")));
    CHECK(agg_exists(TEXT("fsum")) && !agg_exists(TEXT("")));
    CHECK_STR(agg_usage(TEXT("sum")), "sum(x)");
    CHECK(agg_find(TEXT("upper"), 1) == NULL);
    for (int32_t i = 0; i < agg_class_count(); i++) {
        CHECK(agg_class_at(i)->name != NULL);
    }
}

static void
check_overload(const char *name, type_id input, type_id output) { /* output TYPE_NULL: none */
    const agg_class *class = agg_find(text_of(name), 1);
    single_call call;
    const bool  found = call_resolve(&call, class, type_of(input));
    CHECK_EQ(found, output != TYPE_NULL);
    CHECK(!found || call.signature.output.id == output);
}

static void
test_overloads(void **unused) {
    (void)unused;
    check_overload("count", TYPE_INTERVAL, TYPE_I64);
    check_overload("sum", TYPE_I8, TYPE_I64);
    check_overload("sum", TYPE_I128, TYPE_I128);
    check_overload("sum", TYPE_U32, TYPE_I64);
    check_overload("sum", TYPE_U64, TYPE_I128);
    check_overload("avg", TYPE_I128, TYPE_F64);
    check_overload("sum", TYPE_F64, TYPE_F64);
    check_overload("sum", TYPE_TEXT, TYPE_NULL);
    check_overload("sum", TYPE_BOOL, TYPE_NULL);
    check_overload("avg", TYPE_I64, TYPE_F64);
    check_overload("avg", TYPE_TIMESTAMP, TYPE_NULL);
    check_overload("min", TYPE_TEXT, TYPE_TEXT);
    check_overload("min", TYPE_DATE, TYPE_DATE);
    check_overload("max", TYPE_BOOL, TYPE_BOOL);
    check_overload("max", TYPE_INTERVAL, TYPE_INTERVAL);
}

/* ---- one group of one aggregate */

typedef struct single {
    mem    account;
    store *store;
    arena  scratch;
    agg   *a;
    const agg_class *class;
    single_call call;
} single;

static void
single_open(single *s, const char *name, type_id type, bool append_only) {
    error      err = {0};
    const slot zero = 0;
    mem_init(&s->account, INT64_MAX);
    arena_init(&s->scratch, &s->account);
    s->class = agg_find(text_of(name), 1);
    CHECK_OK(store_open(&s->store, &s->account, &err));
    CHECK(call_resolve(&s->call, s->class, type_of(type)));
    CHECK_OK(call_open(&s->a, s->class, &s->call, s->store, &s->account, append_only, &err));
    CHECK_OK(s->class->init(s->a, &zero, 1, &err));
}

static void
single_close(single *s) {
    s->class->close(s->a);
    arena_fini(&s->scratch);
    store_close(s->store);
    CHECK_EQ(mem_fini(&s->account), 0);
}

static void
add(single *s, const void *at, int64_t weight) {
    error        err = {0};
    const slot   zero = 0;
    const column in = {.type = s->a->input, .values = at};
    CHECK_OK(s->class->update(s->a, &zero, &in, weight == 1 ? NULL : &weight, NULL, 1, &s->scratch,
                              &err));
    validate(s->a);
}

static void
add_double(single *s, double x, int64_t weight) {
    add(s, &x, weight);
}

static status
value_now(single *s, value *out, error *err) {
    const slot zero = 0;
    column     c;
    TRY(s->class->value(s->a, &zero, 1, &s->scratch, &c, err));
    *out = column_value(&c, 0);
    return OK;
}

static void
check_double(single *s, double want) {
    error err = {0};
    value got;
    CHECK_OK(value_now(s, &got, &err));
    CHECK(!got.is_null);
    if (got.d != want && !(isnan(got.d) && isnan(want))) {
        print_error("%.17g, not %.17g\n", got.d, want);
        fail();
    }
}

static void
check_null(single *s) {
    error err = {0};
    value got;
    CHECK_OK(value_now(s, &got, &err));
    CHECK(got.is_null);
}

/* All orders of adding and of retracting; every partial sum is exact, and nothing is left. */
static void
test_no_residue(void **unused) {
    (void)unused;
    static const int    orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const double x[3] = {1e16, 1, -1e16};
    single              s;
    single_open(&s, "sum", TYPE_F64, false);
    for (int in = 0; in < 6; in++) {
        for (int out = 0; out < 6; out++) {
            int64_t exact = 0;
            for (int k = 0; k < 6; k++) {
                const double v = k < 3 ? x[orders[in][k]] : x[orders[out][k - 3]];
                exact += (k < 3 ? 1 : -1) * (int64_t)v;
                add_double(&s, v, k < 3 ? 1 : -1);
                if (k < 5) {
                    check_double(&s, (double)exact);
                }
            }
            check_null(&s);
            add_double(&s, 0.1, 1);
            check_double(&s, 0.1);
            add_double(&s, 0.1, -1);
        }
    }
    single_close(&s);
}

/* Values that no compensation keeps apart: once the group was seen empty, it starts anew. */
static void
test_empty_group_is_reset(void **unused) {
    (void)unused;
    single s;
    rng    r;
    rng_init(&r, 1);
    single_open(&s, "sum", TYPE_F64, false);
    for (int round = 0; round < 20; round++) {
        double x[100];
        for (int i = 0; i < 100; i++) {
            x[i] = ldexp((double)rng_next(&r) - 9e18, (int)rng_below(&r, 600) - 300);
            add_double(&s, x[i], 3);
        }
        for (int i = 0; i < 100; i++) {
            add_double(&s, x[(i * 37) % 100], -3);
        }
        check_null(&s);
        add_double(&s, 1e-300, 1);
        check_double(&s, 1e-300);
        add_double(&s, 1e-300, -1);
    }
    single_close(&s);
}

static void
test_special_doubles(void **unused) {
    (void)unused;
    single s;
    single_open(&s, "sum", TYPE_F64, false);
    add_double(&s, 2.5, 1);
    add_double(&s, INFINITY, 1);
    check_double(&s, INFINITY);
    add_double(&s, -INFINITY, 2);
    check_double(&s, NAN);
    add_double(&s, INFINITY, -1);
    check_double(&s, -INFINITY);
    add_double(&s, NAN, 1);
    check_double(&s, NAN);
    add_double(&s, -INFINITY, -2);
    add_double(&s, NAN, -1);
    check_double(&s, 2.5);
    add_double(&s, 2.5, -1);
    for (double sign = -1; sign <= 1; sign += 2) { /* an overflow is forgotten when its rows go */
        add_double(&s, sign * DBL_MAX, 1);
        add_double(&s, sign * DBL_MAX, 1);
        check_double(&s, sign * (double)INFINITY);
        add_double(&s, sign * DBL_MAX, 5);
        add_double(&s, sign * 1e300, 7);
        check_double(&s, sign * (double)INFINITY);
        add_double(&s, sign * DBL_MAX, -6);
        add_double(&s, sign * 1e300, -7);
        check_double(&s, sign * DBL_MAX);
        add_double(&s, sign * DBL_MAX, -1);
        check_null(&s);
    }
    single_close(&s);
    single_open(&s, "avg", TYPE_F64, false);
    add_double(&s, DBL_MAX, 1);
    add_double(&s, DBL_MAX, 1);
    check_double(&s, DBL_MAX);
    single_close(&s);
}

static void
test_extreme_doubles(void **unused) {
    (void)unused;
    for (int append_only = 0; append_only < 2; append_only++) {
        single s;
        single_open(&s, "min", TYPE_F64, append_only);
        add_double(&s, NAN, 1);
        check_double(&s, NAN);
        add_double(&s, INFINITY, 1);
        check_double(&s, INFINITY);
        add_double(&s, -0.0, 1);
        check_double(&s, 0.0);
        add_double(&s, -INFINITY, 1);
        check_double(&s, -INFINITY);
        if (!append_only) {
            add_double(&s, -INFINITY, -1);
            add_double(&s, 0.0, -1); /* -0.0 = 0.0 */
            check_double(&s, INFINITY);
        }
        single_close(&s);
        single_open(&s, "max", TYPE_F64, append_only);
        add_double(&s, -1e-320, 1);
        check_double(&s, -1e-320);
        add_double(&s, INFINITY, 1);
        check_double(&s, INFINITY);
        add_double(&s, -NAN, 1);
        check_double(&s, NAN);
        if (!append_only) {
            add_double(&s, NAN, -1);
            check_double(&s, INFINITY);
        }
        single_close(&s);
    }
}

static void
test_integer_edges(void **unused) {
    (void)unused;
    const int64_t most = INT64_MAX, least = INT64_MIN;
    error         err = {0};
    value         got;
    single        s;
    single_open(&s, "sum", TYPE_I64, false);
    add(&s, &most, 1);
    add(&s, &most, 1);
    CHECK_EQ(value_now(&s, &got, &err), ERR_QUERY_FAILED);
    CHECK(strstr(err.message, "overflow in sum") != NULL);
    add(&s, &least, 1); /* in range again */
    CHECK_OK(value_now(&s, &got, &err));
    CHECK_EQ(got.i, INT64_MAX - 1);
    single_close(&s);
    single_open(&s, "avg", TYPE_I64, false);
    add(&s, &most, 1000);
    check_double(&s, 9223372036854775807.0);
    add(&s, &most, -1000);
    const int64_t ten = 10, zero = 0;
    add(&s, &ten, 1);
    add(&s, &zero, 2);
    check_double(&s, 10.0 / 3.0);
    single_close(&s);
    for (int append_only = 0; append_only < 2; append_only++) {
        single_open(&s, "max", TYPE_I64, append_only);
        add(&s, &least, 1);
        CHECK_OK(value_now(&s, &got, &err));
        CHECK(!got.is_null && got.i == INT64_MIN);
        add(&s, &most, 1);
        CHECK_OK(value_now(&s, &got, &err));
        CHECK_EQ(got.i, INT64_MAX);
        single_close(&s);
    }
}

/* Totals far outside of HUGEINT come back; only what is asked for counts. */
static void
test_wide_edges(void **unused) {
    (void)unused;
    const int128 most = INT128_MAX, least = INT128_MIN;
    error        err = {0};
    value        got;
    single       s;
    single_open(&s, "sum", TYPE_I128, false);
    add(&s, &most, INT64_MAX / 2);
    CHECK_EQ(value_now(&s, &got, &err), ERR_QUERY_FAILED);
    CHECK(strstr(err.message, "about 7.84637716") != NULL && strstr(err.message, "HUGEINT -1"));
    add(&s, &least, INT64_MAX / 2);
    CHECK_OK(value_now(&s, &got, &err));
    CHECK(got.h == -(int128)(INT64_MAX / 2));
    add(&s, &least, -(INT64_MAX / 2));
    add(&s, &most, 1 - INT64_MAX / 2);
    CHECK_OK(value_now(&s, &got, &err));
    CHECK(got.h == most);
    add(&s, &least, 1);
    CHECK_OK(value_now(&s, &got, &err));
    CHECK(got.h == -1);
    single_close(&s);
    single_open(&s, "avg", TYPE_I128, false);
    add(&s, &most, 1000);
    check_double(&s, 0x1p127);
    add(&s, &least, 1000);
    check_double(&s, -0.5);
    single_close(&s);
    const uint64_t all = UINT64_MAX;
    single_open(&s, "sum", TYPE_U64, false);
    add(&s, &all, INT64_MAX);
    CHECK_OK(value_now(&s, &got, &err));
    CHECK(got.h == (int128)((uint128)UINT64_MAX * INT64_MAX));
    add(&s, &all, 1 - INT64_MAX);
    CHECK_OK(value_now(&s, &got, &err));
    CHECK(got.h == (int128)UINT64_MAX);
    single_close(&s);
}

/* ---- a restored multiset goes on where it was */

static void
test_restore(void **unused) {
    (void)unused;
    static const int64_t x[] = {5, 3, 9, 3, 7};
    error                err = {0};
    single               s, copy;
    value                got;
    single_open(&s, "min", TYPE_I64, false);
    for (int i = 0; i < 5; i++) {
        add(&s, &x[i], 1);
    }
    mem_init(&copy.account, INT64_MAX);
    arena_init(&copy.scratch, &copy.account);
    copy.class = s.class;
    CHECK_OK(store_open(&copy.store, &copy.account, &err));
    CHECK_OK(call_open(&copy.a, copy.class, &s.call, copy.store, &copy.account, false, &err));
    buf image;
    buf_init(&image, &copy.account, SIZE_MAX);
    CHECK_OK(store_image_put(s.store, NULL, &image, &err));
    image_reader in = {.at = image.data, .left = image.size};
    CHECK_OK(store_image_take(copy.store, NULL, &in, &err));
    buf_fini(&image);
    CHECK_OK(copy.class->rebuild(copy.a, &(slot_set){.count = 1}, &err));
    validate(copy.a);
    add(&copy, &x[1], -2);
    CHECK_OK(value_now(&copy, &got, &err));
    CHECK_EQ(got.i, 5);
    single_close(&copy);
    single_close(&s);
}

/* ---- failing allocations */

static const agg_class *torture_class;
static data_type        torture_type;
static single_call      torture_call;
static bool             torture_append_only;

static status
churn(agg *a, store *s, store_snapshot **shot, arena *scratch, error *err) {
    static rows in;
    rng         r;
    column      out;
    rng_init(&r, 77);
    for (slot g = 0; g < 40; g++) {
        in.slots[g] = g;
    }
    TRY(a->class->init(a, in.slots, 40, err));
    for (int round = 0; round < 6; round++) {
        in.count = 60;
        for (int32_t i = 0; i < in.count; i++) {
            in.slots[i] = (slot)rng_below(&r, 40);
            in.number[i] = (uint8_t)rng_below(&r, VALUES + 1);
            in.weights[i] = torture_append_only || rng_below(&r, 2) ? 1 : -1;
            in.filter[i] = 1;
        }
        const column input = make_column(&in, torture_type);
        TRY(a->class->update(a, in.slots, &input, in.weights, round % 2 ? in.filter : NULL,
                             in.count, scratch, err));
        TRY(a->class->value(a, in.slots, in.count, scratch, &out, err));
        store_snapshot_close(*shot);
        *shot = NULL;
        TRY(store_snapshot_open(shot, s, err));
        TRY(a->class->clear(a, in.slots[0], err));
    }
    return OK;
}

static status
scenario(mem *m, error *err) {
    store *s;
    TRY(store_open(&s, m, err));
    arena           scratch;
    agg            *a;
    store_snapshot *shot = NULL;
    arena_init(&scratch, m);
    status result = call_open(&a, torture_class, &torture_call, s, m, torture_append_only, err);
    if (result == OK) {
        result = churn(a, s, &shot, &scratch, err);
        torture_class->close(a);
    }
    store_snapshot_close(shot);
    arena_fini(&scratch);
    store_close(s);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    static const type_id chosen[] = {TYPE_I32, TYPE_F64, TYPE_TEXT};
    for (int32_t k = 0; k < agg_class_count(); k++) {
        for (int32_t t = 0; t < 2 * ARRAY_COUNT(chosen); t++) {
            torture_class = agg_class_at(k);
            torture_type = type_of(chosen[t / 2]);
            torture_append_only = t % 2;
            if (call_resolve(&torture_call, torture_class, torture_type)) {
                CHECK(torture(torture_class->name, scenario) > 4);
            }
        }
    }
}

UNIT_MAIN(UNIT(test_names), UNIT(test_overloads), UNIT(test_no_residue),
          UNIT(test_empty_group_is_reset), UNIT(test_special_doubles), UNIT(test_extreme_doubles),
          UNIT(test_integer_edges), UNIT(test_wide_edges), UNIT(test_restore), UNIT(test_torture))
