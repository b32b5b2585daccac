/* SPDX-License-Identifier: Apache-2.0 */
/* Values: texts that read and texts that do not, round trips, order, CAST with its messages. */
#include "unit.h"

#include <math.h>

#include "type/calendar.h"

static const type_id all_types[] = {TYPE_BOOL,         TYPE_I8,        TYPE_I16,     TYPE_I32,
                                    TYPE_I64,          TYPE_F64,       TYPE_TEXT,    TYPE_DATE,
                                    TYPE_TIMESTAMP_MS, TYPE_TIMESTAMP, TYPE_INTERVAL};

static value
random_value(rng *r, type_id id) {
    value         v = {.type = type_of(id), .is_null = rng_below(r, 10) == 0};
    const int64_t x = (int64_t)rng_next(r) >> rng_below(r, 64);
    int64_t       min = 0;
    int64_t       max = 0;
    if (type_integer_range(v.type, &min, &max)) {
        v.i = x < min || x > max ? x % (max - 1) : x;
        v.i = rng_below(r, 50) == 0 ? (rng_below(r, 2) ? min : max) : v.i;
    } else if (id == TYPE_BOOL) {
        v.b = x & 1;
    } else if (id == TYPE_F64) {
        static const double special[] = {0.0,   -0.0,   0.5,    1.5,     2.5,  -0.5,
                                         127.5, -128.5, 9.3e18, -0x1p63, 1e300};
        v.d = rng_below(r, 3) > 0 ? (double)x / 8 : special[rng_below(r, 11)];
    } else if (id == TYPE_TEXT) {
        static const char *const texts[] = {
            "", "1", "true", "-12", "3.5", "2024-01-31", "2024-01-31 09:30:00.5", "x"};
        v.s = text_of(texts[rng_below(r, 8)]);
    } else {
        v.iv = (interval){.months = (int32_t)rng_next(r) >> rng_below(r, 31),
                          .days = (int32_t)(x >> 32),
                          .us = x};
    }
    return v;
}

typedef struct parse_case {
    type_id     id;
    const char *written;
    const char *shown; /* NULL: refused */
} parse_case;

static const parse_case parse_cases[] = {
    {TYPE_BOOL, " TRUE ", "true"},
    {TYPE_BOOL, "f", "false"},
    {TYPE_BOOL, "2", NULL},
    {TYPE_I8, "-128", "-128"},
    {TYPE_I8, "128", NULL},
    {TYPE_I64, "1e3", NULL},
    {TYPE_I64, "", NULL},
    {TYPE_F64, "1e3", "1000.0"},
    {TYPE_F64, "1,5", NULL},
    {TYPE_DATE, "2024-02-29", "2024-02-29"},
    {TYPE_DATE, "2023-02-29", NULL},
    {TYPE_DATE, "2024-2-9", "2024-02-09"},
    {TYPE_DATE, "2024-13-01", NULL},
    {TYPE_DATE, "24-01-01", NULL},
    {TYPE_DATE, "2024-01-01x", NULL},
    {TYPE_DATE, "-0044-03-15", "-0044-03-15"},
    {TYPE_DATE, "2024-01-01 00:00:00", "2024-01-01"},
    {TYPE_DATE, "2024-01-01 00:00:01", "2024-01-01"},
    {TYPE_DATE, "1969-12-31 23:59:59.999", "1969-12-31"},
    {TYPE_DATE, "2024-01-01 24:00:01", NULL},
    {TYPE_TIMESTAMP, "2024-01-31", "2024-01-31 00:00:00"},
    {TYPE_TIMESTAMP, "2024-01-31 09:30:00.5", "2024-01-31 09:30:00.5"},
    {TYPE_TIMESTAMP, "2024-01-31T09:30:00Z", "2024-01-31 09:30:00"},
    {TYPE_TIMESTAMP, "2024-01-31T09:30:00.123456789Z", "2024-01-31 09:30:00.123456"},
    {TYPE_TIMESTAMP, "2024-01-31 00:30+01:00", "2024-01-30 23:30:00"},
    {TYPE_TIMESTAMP, "2024-01-31 23:30:00 -0130", "2024-02-01 01:00:00"},
    {TYPE_TIMESTAMP, "1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"},
    {TYPE_TIMESTAMP, "2024-01-31 24:00:00", NULL},
    {TYPE_TIMESTAMP, "2024-01-31 09:60:00", NULL},
    {TYPE_TIMESTAMP, "2024-01-31 09:30:00.", NULL},
    {TYPE_TIMESTAMP, "2024-01-31 09", NULL},
    {TYPE_TIMESTAMP, "2024-01-31T", NULL},
    {TYPE_TIMESTAMP, "2024-01-31 09:30:00 x", NULL},
    {TYPE_TIMESTAMP, "300000-01-01", NULL},
    {TYPE_TIMESTAMP_MS, "300000-01-01", "300000-01-01 00:00:00"},
    {TYPE_TIMESTAMP_MS, "1969-12-31 23:59:59.9999", "1969-12-31 23:59:59.999"},
    {TYPE_TIMESTAMP_MS, "1970-01-01 00:30:00.0005+01:00", "1969-12-31 23:30:00"},
    {TYPE_TIMESTAMP, "2024-01-31 00:00:00.99999999999999", "2024-01-31 00:00:00.999999"},
    {TYPE_INTERVAL, "5 minutes", "00:05:00"},
    {TYPE_INTERVAL, "1h30m", "01:30:00"},
    {TYPE_INTERVAL, "1 year 2 months 3 days 04:05:06.5", "1 year 2 months 3 days 04:05:06.5"},
    {TYPE_INTERVAL, "-14 months", "-1 year -2 months"},
    {TYPE_INTERVAL, "1.5 days", "1 day 12:00:00"},
    {TYPE_INTERVAL, "1.5 months", "1 month 15 days"},
    {TYPE_INTERVAL, ".25 s", "00:00:00.25"},
    {TYPE_INTERVAL, "3 days 2 hours ago", "-3 days -02:00:00"},
    {TYPE_INTERVAL, "0 s", "00:00:00"},
    {TYPE_INTERVAL, "5", NULL},
    {TYPE_INTERVAL, "5 parsecs", NULL},
    {TYPE_INTERVAL, "", NULL},
    {TYPE_INTERVAL, "ago", NULL},
    {TYPE_INTERVAL, "999999999999999999 years", NULL},
    {TYPE_INTERVAL, "9999999999999999999 us", NULL},
    {TYPE_INTERVAL, "1:2", NULL},
};

static void
test_parse(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(parse_cases) / sizeof(parse_cases[0]); i++) {
        const parse_case *c = &parse_cases[i];
        error             err = {0};
        value             v;
        const status      s = value_parse(&v, type_of(c->id), text_of(c->written), &err);
        if (c->shown == NULL) {
            if (s != ERR_QUERY_FAILED || strstr(err.message, type_name(type_of(c->id))) == NULL) {
                print_error("'%s' must be refused: %s\n", c->written, err.message);
                fail();
            }
            CHECK_EQ(value_parse(&v, type_of(c->id), text_of(c->written), NULL), ERR_QUERY_FAILED);
            continue;
        }
        CHECK_OK(s);
        char out[VALUE_TEXT_MAX];
        CHECK_TEXT(((text){out, value_write(&v, out)}), c->shown);
    }
}

/* Every value's text reads back as the value. */
static void
test_round_trip(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 11);
    for (int i = 0; i < 60000; i++) {
        const type_id id = all_types[rng_below(&r, 11)];
        value         v = random_value(&r, id);
        error         err = {0};
        value         back;
        char          out[VALUE_TEXT_MAX];
        if (v.is_null || id == TYPE_TEXT) {
            continue;
        }
        const size_t size = value_write(&v, out);
        CHECK(size < VALUE_TEXT_MAX);
        CHECK_OK(value_parse(&back, v.type, (text){out, size}, &err));
        CHECK_EQ(value_compare(&v, &back), 0);
        CHECK(id != TYPE_INTERVAL || memcmp(&v.iv, &back.iv, sizeof(v.iv)) == 0);
    }
}

/* Texts are at random distances from right ones: nothing crashes, what is taken reads back. */
static void
test_parse_mutations(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 12);
    for (int i = 0; i < 60000; i++) {
        static const char letters[] = "0123456789-+:. TZeE.agodyshmin\xff";
        const type_id     id = all_types[rng_below(&r, 11)];
        value             v = random_value(&r, id);
        if (id == TYPE_TEXT) {
            continue;
        }
        char   out[VALUE_TEXT_MAX];
        size_t size = value_write(&v, out);
        for (uint64_t n = rng_below(&r, 3); n > 0; n--) {
            const size_t at = (size_t)rng_below(&r, size);
            if (rng_below(&r, 2) == 0) {
                out[at] = letters[rng_below(&r, sizeof(letters) - 1)];
            } else if (size > 1) {
                memmove(out + at, out + at + 1, size - at - 1);
                size--;
            }
        }
        char *exact =
            test_malloc(size); /* a heap block of the very size: reading beyond it is seen */
        value parsed;
        value again;
        memcpy(exact, out, size);
        if (value_parse(&parsed, v.type, (text){exact, size}, NULL) == OK) {
            const size_t n = value_write(&parsed, out);
            CHECK_EQ(value_parse(&again, v.type, (text){out, n}, NULL), OK);
            CHECK_EQ(value_compare(&parsed, &again), 0);
        }
        test_free(exact);
    }
}

static void
test_compare(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 13);
    for (int i = 0; i < 30000; i++) { /* a total order */
        const type_id id = all_types[rng_below(&r, 11)];
        const value   a = random_value(&r, id);
        const value   b = random_value(&r, id);
        const value   c = random_value(&r, id);
        CHECK_EQ(value_compare(&a, &a), 0);
        CHECK_EQ(value_compare(&a, &b), -value_compare(&b, &a));
        CHECK(value_compare(&a, &b) > 0 || value_compare(&b, &c) > 0 || value_compare(&a, &c) <= 0);
    }
    const value nan = {.type = type_of(TYPE_F64), .d = (double)NAN};
    const value inf = {.type = type_of(TYPE_F64), .d = (double)INFINITY};
    const value null = value_null(TYPE_F64);
    const value plus = {.type = type_of(TYPE_F64), .d = 0.0};
    const value minus = {.type = type_of(TYPE_F64), .d = -0.0};
    CHECK(value_compare(&inf, &nan) < 0 && value_compare(&nan, &null) < 0);
    CHECK_EQ(value_compare(&nan, &nan), 0);
    CHECK_EQ(value_compare(&plus, &minus), 0);
    const value month = {.type = type_of(TYPE_INTERVAL), .iv = {.months = 1}};
    const value days = {.type = type_of(TYPE_INTERVAL), .iv = {.days = 30}};
    CHECK_EQ(value_compare(&month, &days), 0);
}

typedef struct cast_case {
    type_id     from;
    const char *written;
    type_id     to;
    const char *shown; /* NULL: refused */
} cast_case;

static const cast_case cast_cases[] = {
    {TYPE_F64, "0.5", TYPE_I32, "0"},
    {TYPE_F64, "1.5", TYPE_I32, "2"},
    {TYPE_F64, "2.5", TYPE_I32, "2"},
    {TYPE_F64, "-1.5", TYPE_I64, "-2"},
    {TYPE_F64, "127.5", TYPE_I8, NULL},
    {TYPE_F64, "127.4999", TYPE_I8, "127"},
    {TYPE_F64, "-128.5", TYPE_I8, "-128"},
    {TYPE_F64, "9223372036854775808", TYPE_I64, NULL},
    {TYPE_F64, "-9223372036854775808", TYPE_I64, "-9223372036854775808"},
    {TYPE_F64, "nan", TYPE_I64, NULL},
    {TYPE_F64, "inf", TYPE_I16, NULL},
    {TYPE_F64, "-0.0", TYPE_BOOL, "false"},
    {TYPE_F64, "0.1", TYPE_BOOL, "true"},
    {TYPE_I64, "300", TYPE_I8, NULL},
    {TYPE_I64, "-7", TYPE_BOOL, "true"},
    {TYPE_BOOL, "true", TYPE_I16, "1"},
    {TYPE_BOOL, "true", TYPE_F64, "1.0"},
    {TYPE_BOOL, "true", TYPE_TEXT, "true"},
    {TYPE_I64, "9007199254740993", TYPE_F64, "9007199254740992.0"},
    {TYPE_TIMESTAMP, "1969-12-31 23:59:59.999999", TYPE_DATE, "1969-12-31"},
    {TYPE_TIMESTAMP, "1969-12-31 23:59:59.999999", TYPE_TIMESTAMP_MS, "1969-12-31 23:59:59.999"},
    {TYPE_TIMESTAMP_MS, "1969-12-31 23:59:59.999", TYPE_TIMESTAMP, "1969-12-31 23:59:59.999"},
    {TYPE_TIMESTAMP_MS, "300000-01-01", TYPE_TIMESTAMP, NULL},
    {TYPE_TIMESTAMP_MS, "9999999-01-01", TYPE_DATE, NULL},
    {TYPE_DATE, "2024-01-31", TYPE_TIMESTAMP, "2024-01-31 00:00:00"},
    {TYPE_DATE, "2024-01-31", TYPE_TEXT, "2024-01-31"},
    {TYPE_TEXT, "2024-01-31", TYPE_DATE, "2024-01-31"},
    {TYPE_TEXT, "1.5", TYPE_I32, NULL},
    {TYPE_TEXT, "5 minutes", TYPE_INTERVAL, "00:05:00"},
    {TYPE_INTERVAL, "90 s", TYPE_TEXT, "00:01:30"},
    {TYPE_INTERVAL, "90 s", TYPE_I64, NULL},
    {TYPE_I64, "5", TYPE_TIMESTAMP, NULL},
    {TYPE_TIMESTAMP, "2024-01-31", TYPE_I64, NULL},
};

static void
test_cast(void **state) {
    (void)state;
    mem   m;
    arena a;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (size_t i = 0; i < sizeof(cast_cases) / sizeof(cast_cases[0]); i++) {
        const cast_case *c = &cast_cases[i];
        error            err = {0};
        value            in;
        value            out;
        CHECK_OK(value_parse(&in, type_of(c->from), text_of(c->written), &err));
        const status s = value_cast(&out, &in, type_of(c->to), &a, &err);
        if (c->shown == NULL) {
            if (s != ERR_QUERY_FAILED || strstr(err.message, type_name(type_of(c->to))) == NULL ||
                strstr(err.message, type_name(type_of(c->from))) == NULL) {
                print_error("%s to %s must be refused\n", c->written, type_name(type_of(c->to)));
                fail();
            }
            continue;
        }
        CHECK_OK(s);
        char       written[VALUE_TEXT_MAX];
        const text shown = c->to == TYPE_TEXT ? out.s : (text){written, value_write(&out, written)};
        CHECK_TEXT(shown, c->shown);
        in.is_null = true;
        CHECK_OK(value_cast(&out, &in, type_of(c->to), &a, &err));
        CHECK(out.is_null && out.type.id == c->to);
    }
    error err = {0};
    value out;
    CHECK_EQ(
        value_cast(&out, &(value){.type = type_of(TYPE_I64), .i = 300}, type_of(TYPE_I8), &a, &err),
        ERR_QUERY_FAILED);
    CHECK_STR(err.message, "cannot convert BIGINT 300 to TINYINT: it is outside -128 .. 127");
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
format_scenario(mem *m, error *err) {
    buf         b;
    arena       a;
    status      s = OK;
    const value v = {.type = type_of(TYPE_F64), .d = 0.1};
    value       out;
    buf_init(&b, m, 1000);
    arena_init(&a, m);
    if (!value_format(&v, &b) ||
        !value_format(&(value){.type = type_of(TYPE_TEXT), .s = TEXT("abc")}, &b)) {
        s = ERR_OUT_OF_MEMORY;
    } else {
        CHECK_TEXT(buf_text(&b), "0.1abc");
        s = value_cast(&out, &v, type_of(TYPE_TEXT), &a, err);
    }
    arena_fini(&a);
    buf_fini(&b);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("format", format_scenario) > 0);
}

UNIT_MAIN(UNIT(test_parse), UNIT(test_round_trip), UNIT(test_parse_mutations), UNIT(test_compare),
          UNIT(test_cast), UNIT(test_torture))
