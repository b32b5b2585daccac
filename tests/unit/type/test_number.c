/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from and to text: strictness, limits, round trips against the C library, independence of
 * the locale. */
#include "unit.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>

#include "type/number.h"

static void
test_integers(void **state) {
    (void)state;
    int64_t                  v = 0;
    static const char *const bad[] = {"",    "+",    "-",   " 1",    "1 ", "1.0",
                                      "1e3", "0x10", "--1", "1_000", "a"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(number_parse_i64(text_of(bad[i]), &v), NUMBER_MALFORMED);
    }
    CHECK_EQ(number_parse_i64(TEXT("-9223372036854775808"), &v), NUMBER_OK);
    CHECK(v == INT64_MIN);
    CHECK_EQ(number_parse_i64(TEXT("+9223372036854775807"), &v), NUMBER_OK);
    CHECK(v == INT64_MAX);
    CHECK_EQ(number_parse_i64(TEXT("9223372036854775808"), &v), NUMBER_TOO_LARGE);
    CHECK_EQ(number_parse_i64(TEXT("-9223372036854775809"), &v), NUMBER_TOO_LARGE);
    CHECK_EQ(number_parse_i64(TEXT("99999999999999999999999x"), &v), NUMBER_MALFORMED);
    CHECK_EQ(number_parse_i64(TEXT("0000000000000000000000000000007"), &v), NUMBER_OK);
    CHECK_EQ(v, 7);
    rng r;
    rng_init(&r, 1);
    for (int i = 0; i < 20000; i++) {
        const int64_t x = (int64_t)rng_next(&r) >> rng_below(&r, 64);
        char          ours[NUMBER_TEXT_MAX];
        char          libc[64];
        const size_t  size = number_write_i64(ours, x);
        CHECK_EQ((size_t)snprintf(libc, sizeof(libc), "%" PRId64, x), size);
        CHECK(memcmp(ours, libc, size) == 0);
        CHECK_EQ(number_parse_i64((text){ours, size}, &v), NUMBER_OK);
        CHECK(v == x);
    }
}

static void
check_f64(double d, const char *expected) {
    char         out[NUMBER_TEXT_MAX];
    const size_t size = number_write_f64(out, d);
    CHECK_TEXT(((text){out, size}), expected);
}

/* Expected texts are Python's repr(). */
static void
test_double_texts(void **state) {
    (void)state;
    check_f64(1.0, "1.0");
    check_f64(0.0, "0.0");
    check_f64(-0.0, "-0.0");
    check_f64(0.1, "0.1");
    check_f64(-2.5, "-2.5");
    check_f64(0.1 + 0.2, "0.30000000000000004");
    check_f64(100.0, "100.0");
    check_f64(123456789.125, "123456789.125");
    check_f64(1e15, "1000000000000000.0");
    check_f64(9007199254740993.0, "9007199254740992.0");
    check_f64(1e16, "1e+16");
    check_f64(1.5e16, "1.5e+16");
    check_f64(12345678901234567890.0, "1.2345678901234567e+19");
    check_f64(1e22, "1e+22");
    check_f64(1e300, "1e+300");
    check_f64(1e-4, "0.0001");
    check_f64(1e-5, "1e-05");
    check_f64(1.25e-7, "1.25e-07");
    check_f64(5e-324, "5e-324");
    check_f64(2.2250738585072014e-308, "2.2250738585072014e-308");
    check_f64(1.7976931348623157e308, "1.7976931348623157e+308");
    check_f64(1.0 / 3, "0.3333333333333333");
    check_f64((double)INFINITY, "inf");
    check_f64((double)-INFINITY, "-inf");
    check_f64((double)NAN, "nan");
}

static uint64_t
bits_of(double d) {
    uint64_t b;
    memcpy(&b, &d, sizeof(b));
    return b;
}

static void
test_double_parse(void **state) {
    (void)state;
    double                   d = 0;
    static const char *const bad[] = {"",        ".",     "+",   "-.",    "1e",     "1e+",  "e5",
                                      "1.2.3",   "0x1p3", "1 ",  " 1",    "1,5",    "nanx", "in",
                                      "infinit", "1f",    "--1", "1e5.0", "NaN(1)", "1_0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(number_parse_f64(text_of(bad[i]), &d), NUMBER_MALFORMED);
    }
    static const char *const good[] = {"1",
                                       "1.",
                                       ".5",
                                       "+1e3",
                                       "1E-3",
                                       "-0",
                                       "0.000",
                                       "1e-999",
                                       "123456789012345678901234567890",
                                       "2.2250738585072011e-308",
                                       "9007199254740993",
                                       "9007199254740992.99999",
                                       "1e23",
                                       "0.1e1",
                                       "179769313486231580793e288",
                                       "00000000000000000000000000000000001e5",
                                       "4.9406564584124654e-324",
                                       "2.4703282292062327e-324",
                                       "0e99999999999999999999"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK_EQ(number_parse_f64(text_of(good[i]), &d), NUMBER_OK);
        CHECK(bits_of(d) == bits_of(strtod(good[i], NULL)));
    }
    CHECK_EQ(number_parse_f64(TEXT("1e309"), &d), NUMBER_TOO_LARGE);
    CHECK_EQ(number_parse_f64(TEXT("-1e99999999999999999999999"), &d), NUMBER_TOO_LARGE);
    CHECK_EQ(number_parse_f64(TEXT("-Infinity"), &d), NUMBER_OK);
    CHECK(d < 0 && isinf(d));
    CHECK_EQ(number_parse_f64(TEXT("NaN"), &d), NUMBER_OK);
    CHECK(isnan(d));
}

/* 1 + 2^-53 lies halfway: one digit far behind decides. Longer than any buffer inside. */
static void
test_many_digits(void **state) {
    (void)state;
    static char       s[3000];
    static const char half[] = "1.00000000000000011102230246251565404236316680908203125";
    memset(s, '0', sizeof(s));
    memcpy(s, half, sizeof(half) - 1);
    double d = 0;
    CHECK_EQ(number_parse_f64((text){s, sizeof(s)}, &d), NUMBER_OK);
    CHECK(d == 1.0);
    s[sizeof(s) - 1] = '1';
    CHECK_EQ(number_parse_f64((text){s, sizeof(s)}, &d), NUMBER_OK);
    CHECK(d == 1.0 + 0x1p-52);
    memset(s, '9', sizeof(s));
    CHECK_EQ(number_parse_f64((text){s, sizeof(s)}, &d), NUMBER_TOO_LARGE);
    memset(s, '0', sizeof(s));
    s[1] = '.';
    memcpy(s + sizeof(s) - 7, "25e2995", 7);
    CHECK_EQ(number_parse_f64((text){s, sizeof(s)}, &d), NUMBER_OK);
    CHECK(d == 2500.0 || d == 250.0 || d == 25000.0);
    char again[sizeof(s) + 1];
    memcpy(again, s, sizeof(s));
    again[sizeof(s)] = '\0';
    CHECK(d == strtod(again, NULL));
}

static void
check_round_trip(double x) {
    char         out[NUMBER_TEXT_MAX];
    const size_t size = number_write_f64(out, x);
    double       back = 0;
    CHECK(size < NUMBER_TEXT_MAX);
    CHECK_EQ(number_parse_f64((text){out, size}, &back), NUMBER_OK);
    CHECK(bits_of(back) == bits_of(x));
    out[size] = '\0';
    char shorter[64];
    for (int p = 1; p < 17; p++) { /* no shorter text may do */
        (void)snprintf(shorter, sizeof(shorter), "%.*e", p - 1, x);
        if (strtod(shorter, NULL) == x) {
            int32_t digits = 0;
            int32_t zeros = 0;
            for (const char *c = out; *c != '\0' && *c != 'e'; c++) {
                if (*c >= '0' && *c <= '9' && (digits > 0 || *c != '0')) {
                    zeros = *c == '0' ? zeros + 1 : 0;
                    digits++;
                }
            }
            CHECK(digits - zeros <= p);
            break;
        }
    }
}

static void
test_round_trip(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 7);
    for (int i = 0; i < 20000; i++) {
        const uint64_t b = rng_next(&r);
        double         d;
        memcpy(&d, &b, sizeof(d));
        if (isfinite(d)) {
            check_round_trip(d);
        }
        static const double scales[] = {1, 10, 100, 1000, 1e6, 1e9};
        check_round_trip((double)(int64_t)(rng_next(&r) >> rng_below(&r, 64)) /
                         scales[rng_below(&r, 6)]);
        check_round_trip((double)rng_below(&r, 1000000) * 5e-324);
    }
}

static void
test_locale(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (setlocale(LC_ALL, names[i]) != NULL) {
            check_f64(0.1 + 0.2, "0.30000000000000004");
            double d = 0;
            CHECK_EQ(number_parse_f64(TEXT("0.30000000000000004"), &d), NUMBER_OK);
            CHECK(d == 0.1 + 0.2);
        }
    }
    (void)setlocale(LC_ALL, "C");
}

UNIT_MAIN(UNIT(test_integers), UNIT(test_double_texts), UNIT(test_double_parse),
          UNIT(test_many_digits), UNIT(test_round_trip), UNIT(test_locale))
