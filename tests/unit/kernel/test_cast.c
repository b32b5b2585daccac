/* SPDX-License-Identifier: Apache-2.0 */
/* cast_column against value_cast, all pairs of types, CAST and TRY_CAST. */
#include "random_column.h"

#include "kernel/kernel.h"

static void
check_value(const column *out, int32_t row, const value *expected) {
    const value v = column_value(out, row);
    CHECK_EQ(v.is_null, expected->is_null);
    if (!v.is_null) {
        CHECK_EQ(value_compare(&v, expected), 0);
        CHECK(!type_is_float(v.type) || signbit(v.d) == signbit(expected->d) || v.d != v.d);
    }
}

/* First row that value_cast refuses, or -1. */
static int32_t
first_refused(const column *in, int32_t n, data_type to, arena *a, error *err) {
    for (int32_t i = 0; i < n; i++) {
        const value v = column_value(in, i);
        value       out;
        if (value_cast(&out, &v, to, a, err) < 0) {
            return i;
        }
    }
    return -1;
}

static void
check_pair(const column *in, int32_t n, data_type to, arena *a) {
    error         err = {0};
    error         expected = {0};
    column        out;
    int32_t       bad_row = -1;
    const int32_t refused = first_refused(in, n, to, a, &expected);
    const status  s = cast_column(&out, in, n, to, false, a, &bad_row, &err);
    if (!type_casts(in->type, to)) {
        CHECK_EQ(s, ERR_QUERY_FAILED);
        CHECK_EQ(cast_column(&out, in, n, to, true, a, NULL, &err), ERR_QUERY_FAILED);
        return;
    }
    CHECK_EQ(s, refused < 0 ? OK : ERR_QUERY_FAILED);
    CHECK_EQ(bad_row, refused);
    if (refused >= 0) {
        CHECK_STR(err.message, expected.message);
    }
    for (int attempt = refused >= 0; attempt < 2; attempt++) {
        if (attempt == 1) {
            CHECK_OK(cast_column(&out, in, n, to, true, a, NULL, &err));
        }
        CHECK(type_equal(out.type, to) && out.layout == COLUMN_FLAT);
        for (int32_t i = 0; i < n; i++) {
            const value v = column_value(in, i);
            value       wanted;
            if (value_cast(&wanted, &v, to, a, NULL) < 0) {
                wanted = (value){.type = to, .is_null = true};
            }
            check_value(&out, i, &wanted);
        }
    }
}

static void
test_all_pairs(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 1);
    for (int round = 0; round < 14; round++) {
        for (int from = 0; from < COLUMN_TYPES; from++) {
            for (int to = 0; to < COLUMN_TYPES; to++, arena_reset(&a)) {
                const int32_t n = row_counts[rng_below(&r, 6)];
                const column  in = random_column(&r, column_types[from], n, &a);
                check_pair(&in, n, column_types[to], &a);
            }
        }
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Values that all fit take the fast way out; those under NULL do not matter. */
static void
test_fitting(void **state) {
    (void)state;
    mem   m;
    arena a;
    error err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    const int64_t  x[4] = {1, -128, 1000, 127};
    const uint64_t validity = 0xb; /* row 2 is NULL */
    const column   in = {.type = type_of(TYPE_I64), .values = x, .validity = &validity};
    column         out;
    CHECK_OK(cast_column(&out, &in, 4, type_of(TYPE_I8), false, &a, NULL, &err));
    CHECK(out.validity == &validity);
    CHECK_EQ(((const int8_t *)out.values)[1], -128);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* One value a column: nothing else in the batch can take it to the slow path. */
static const double  edge_doubles[] = {127.5,
                                       127.49,
                                       128,
                                       -128.5,
                                       -128.51,
                                       -129,
                                       32767.5,
                                       32767.49,
                                       -32768.5,
                                       -32768.51,
                                       2147483647.5,
                                       2147483647.49,
                                       -2147483648.5,
                                       -2147483648.51,
                                       255.5,
                                       255.49,
                                       65535.5,
                                       4294967295.5,
                                       4294967295.49,
                                       0x1p64,
                                       0x1.fffffffffffffp63,
                                       0x1p127,
                                       -0x1p127,
                                       0.15,
                                       1.005,
                                       9.95,
                                       999.95,
                                       3.5e38,
                                       0x1p63,
                                       -0x1p63,
                                       0x1.fffffffffffffp62,
                                       -0x1.0000000000001p63,
                                       0.5,
                                       1.5,
                                       -0.5,
                                       -1.5,
                                       0.49999999999999994,
                                       4503599627370497.5,
                                       (double)NAN,
                                       (double)INFINITY,
                                       (double)-INFINITY,
                                       -0.0};
static const int64_t edge_integers[] = {INT64_MIN,
                                        INT64_MAX,
                                        INT32_MIN,
                                        INT32_MAX,
                                        INT16_MIN,
                                        INT16_MAX,
                                        INT8_MIN,
                                        INT8_MAX,
                                        0,
                                        1,
                                        -1,
                                        INT32_MIN - INT64_C(1),
                                        INT32_MAX + INT64_C(1),
                                        INT16_MIN - 1,
                                        INT16_MAX + 1,
                                        -129,
                                        128,
                                        INT64_MAX / 1000,
                                        INT64_MAX / 1000 + 1,
                                        INT64_MIN / 1000,
                                        INT64_MIN / 1000 - 1,
                                        INT32_MAX *INT64_C(86400000),
                                        (INT32_MAX + INT64_C(1)) * 86400000,
                                        INT32_MIN *INT64_C(86400000) - 1};
static const int32_t edge_days[] = {0,         -1,        INT32_MIN,  INT32_MAX,
                                    106751991, 106751992, -106751991, -106751992};

/* Plain digits and what lies beside them: the short way must take what the long one does. */
static const char *const edge_texts[] = {"0",
                                         "-0",
                                         "007",
                                         "-",
                                         "",
                                         ".",
                                         "-.",
                                         "5.",
                                         ".5",
                                         "-.5",
                                         "-5.",
                                         "+5",
                                         "--5",
                                         " 5 ",
                                         "5x",
                                         "1.2.3",
                                         "1e5",
                                         "127",
                                         "128",
                                         "-128",
                                         "-129",
                                         "32768",
                                         "2147483648",
                                         "-2147483648",
                                         "999999999999999999",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "-9223372036854775808",
                                         "0.1",
                                         "1.5",
                                         "123456789012.345678",
                                         "9007199254740993",
                                         "0.30000000000000004",
                                         "nan",
                                         "inf",
                                         "0x10",
                                         "1_000",
                                         "2024-02-29 09:05:59",
                                         "2024-02-30 09:05:59",
                                         "0001-01-01T00:00:00.000001999",
                                         "9999-12-31 23:59:59.9999999999999",
                                         "1969-12-31 23:59:59.999999",
                                         "2024-02-29 09:05:59.",
                                         "2024-02-29 24:00:00",
                                         "2024-02-29 09:05:59Z",
                                         "2024-02-29 09:05:59+01:00",
                                         "\xd9\xa3"};

static void
check_texts(arena *a) {
    for (int32_t i = 0; i < ARRAY_COUNT(edge_texts); i++) {
        const strview one = strview_of(edge_texts[i], (uint32_t)strlen(edge_texts[i]));
        const int32_t offsets[] = {0, (int32_t)strlen(edge_texts[i])};
        const column  as_view = {.type = type_of(TYPE_TEXT), .values = &one};
        const column  as_offsets = {.type = type_of(TYPE_TEXT),
                                    .layout = COLUMN_OFFSETS,
                                    .values = offsets,
                                    .bytes = edge_texts[i]};
        for (int to = 1; to < COLUMN_TYPES; to++) {
            check_pair(&as_view, 1, column_types[to], a);
            check_pair(&as_offsets, 1, column_types[to], a);
        }
    }
}

static void
check_single(type_id from, const void *value_of, arena *a) {
    const column in = {.type = type_of(from), .values = value_of};
    for (int to = 1; to < COLUMN_TYPES; to++) {
        check_pair(&in, 1, column_types[to], a);
    }
}

static void
test_edges(void **state) {
    (void)state;
    mem   m;
    arena a;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(edge_doubles); i++) {
        check_single(TYPE_F64, &edge_doubles[i], &a);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(edge_integers); i++) {
        check_single(TYPE_I64, &edge_integers[i], &a);
        check_single(TYPE_TIMESTAMP, &edge_integers[i], &a);
        check_single(TYPE_TIMESTAMP_S, &edge_integers[i], &a);
        check_single(TYPE_TIMESTAMP_MS, &edge_integers[i], &a);
        check_single(TYPE_TIMESTAMP_NS, &edge_integers[i], &a);
        check_single(TYPE_U64, &edge_integers[i], &a);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(edge_days); i++) {
        check_single(TYPE_DATE, &edge_days[i], &a);
        check_single(TYPE_I32, &edge_days[i], &a);
    }
    check_texts(&a);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
cast_scenario(mem *m, error *err) {
    arena a;
    rng   r;
    mem   columns_mem;
    arena columns_arena;
    mem_init(&columns_mem, INT64_MAX);
    arena_init(&columns_arena, &columns_mem);
    arena_init(&a, m);
    rng_init(&r, 2);
    status s = OK;
    for (int from = 0; from < COLUMN_TYPES && s == OK; from++) {
        const column in = random_column(&r, column_types[from], 100, &columns_arena);
        for (int to = 0; to < COLUMN_TYPES && s == OK; to++) {
            column out;
            if (type_casts(in.type, column_types[to])) {
                s = cast_column(&out, &in, 100, column_types[to], true, &a, NULL, err);
            }
        }
    }
    arena_fini(&a);
    arena_fini(&columns_arena);
    (void)mem_fini(&columns_mem);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("cast", cast_scenario) > 0);
}

UNIT_MAIN(UNIT(test_all_pairs), UNIT(test_fitting), UNIT(test_edges), UNIT(test_torture))
