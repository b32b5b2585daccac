/* SPDX-License-Identifier: Apache-2.0 */
/* Time zone data is not trusted: every cut and every changed byte is refused or gives a zone that
 * answers. */
#include "unit.h"

#include "base/mem.h"
#include "type/zone.h"

static const char rule_line[] = "\nCET-1CEST,M3.5.0,M10.5.0/3\n";

static size_t
put_header(uint8_t *out, uint8_t times, uint8_t types, uint8_t letters) {
    memset(out, 0, 44);
    memcpy(out, "TZif2", 5);
    out[35] = times;
    out[39] = types;
    out[43] = letters;
    return 44;
}

/* Version 2: an empty block of 32-bit times, then two transitions in 64 bits and a rule. */
static size_t
make_file(uint8_t *out) {
    static const uint8_t at[16] = {0, 0, 0, 0, 0x13, 0x4D, 0x43, 0x90,
                                   0, 0, 0, 0, 0x14, 0x33, 0xFF, 0x90};
    static const uint8_t types[12] = {0, 0, 0x0E, 0x10, 0, 0, 0, 0, 0x1C, 0x20, 1, 0};
    size_t               n = put_header(out, 0, 1, 1);
    memset(out + n, 0, 7);
    n += 7;
    n += put_header(out + n, 2, 2, 4);
    memcpy(out + n, at, sizeof(at));
    n += sizeof(at);
    out[n++] = 1;
    out[n++] = 0;
    memcpy(out + n, types, sizeof(types));
    n += sizeof(types);
    memcpy(out + n, "CET", 4);
    n += 4;
    memcpy(out + n, rule_line, sizeof(rule_line) - 1);
    return n + sizeof(rule_line) - 1;
}

static void
ask(const zone *z) {
    static const int64_t moments[] = {INT64_MIN,       -5000000000000000, 0,
                                      323830800000000, 1719828000000000,  INT64_MAX};
    for (int32_t i = 0; i < ARRAY_COUNT(moments); i++) {
        (void)zone_to_local_us(z, moments[i]);
        (void)zone_from_local_us(z, moments[i]);
    }
}

static void
test_damage(void **state UNUSED) {
    uint8_t good[400], bad[400];
    mem     m;
    arena   a;
    zone    z;
    bool    memory;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    const size_t size = make_file(good);
    CHECK(zone_parse(&z, (text){(const char *)good, size}, &a, &memory));
    CHECK_EQ(z.count, 2);
    CHECK_EQ(zone_offset(&z, 0), 3600);
    CHECK_EQ(zone_offset(&z, 323830800), 7200);
    CHECK_EQ(zone_offset(&z, 1719828000), 7200); /* by the rule: 2024-07-01 */
    CHECK_EQ(zone_offset(&z, 1704067200), 3600);
    for (size_t n = 0; n < size; n++) {
        if (zone_parse(&z, (text){(const char *)good, n}, &a, &memory)) {
            ask(&z);
        }
        arena_reset(&a);
    }
    for (size_t i = 0; i < size; i++) {
        for (int32_t flip = 1; flip < 256; flip *= 2) {
            memcpy(bad, good, size);
            bad[i] ^= (uint8_t)flip;
            if (zone_parse(&z, (text){(const char *)bad, size}, &a, &memory)) {
                ask(&z);
            }
            CHECK(!memory);
            arena_reset(&a);
        }
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_fixed(void **state UNUSED) {
    static const char *const none[] = {"",      "+",       "-",      "+x",     "+16:00",
                                       "+1:60", "+123456", "Berlin", "+02:00x"};
    zone                     z;
    CHECK(zone_fixed(&z, TEXT("+05:30")) && zone_offset(&z, 0) == 19800);
    CHECK(zone_fixed(&z, TEXT("-0230")) && zone_offset(&z, 0) == -9000);
    CHECK(zone_fixed(&z, TEXT("utc")) && zone_offset(&z, 0) == 0);
    for (int32_t i = 0; i < ARRAY_COUNT(none); i++) {
        CHECK(!zone_fixed(&z, text_of(none[i])));
    }
}

/* Clocks go back from +02 to +01: an hour of local time is there twice. */
static void
test_near(void **state UNUSED) {
    static const int64_t at[] = {1000000};
    static const uint8_t kinds[] = {1};
    static const int32_t offsets[] = {7200, 3600};
    const zone    z = {.count = 1, .at = at, .kinds = kinds, .offset_count = 2, .offsets = offsets};
    const int64_t local = INT64_C(1005400) * 1000000;
    CHECK_EQ(zone_from_local_near_us(&z, local, 999940000000), 998200000000);
    CHECK_EQ(zone_from_local_near_us(&z, local, 1000060000000), 1001800000000);
    CHECK_EQ(zone_from_local_near_us(&z, 0, 1000060000000), zone_from_local_us(&z, 0));
    (void)zone_from_local_near_us(&z, INT64_MIN, INT64_MAX);
}

static void
test_offset_text(void **state UNUSED) {
    static const struct {
        int32_t     seconds;
        const char *text;
    } cases[] = {{0, "+00"},          {7200, "+02"},         {-18000, "-05"}, {20700, "+05:45"},
                 {3208, "+00:53:28"}, {-17762, "-04:56:02"}, {93600, "+26"}};
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char         out[ZONE_OFFSET_TEXT_MAX];
        const size_t size = zone_offset_write(out, cases[i].seconds);
        CHECK(text_equal((text){out, size}, text_of(cases[i].text)));
    }
}

UNIT_MAIN(UNIT(test_damage), UNIT(test_fixed), UNIT(test_near), UNIT(test_offset_text))
