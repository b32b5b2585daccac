/* SPDX-License-Identifier: Apache-2.0 */
/* test_crc.c - CRC-32C: the published values, and the instruction beside the table for all sizes,
 * places and cuts. */
#include "unit.h"

#include "base/rng.h"
#include "kernel/dispatch.h"
#include "kernel/kernel.h"

/* RFC 3720, B.4, and the check value of the catalogue of CRCs. */
static void
test_published(void **state) {
    (void)state;
    char bytes[32];
    CHECK_EQ(crc32c(0, "123456789", 9), 0xe3069283U);
    memset(bytes, 0, 32);
    CHECK_EQ(crc32c(0, bytes, 32), 0x8a9136aaU);
    memset(bytes, 0xff, 32);
    CHECK_EQ(crc32c(0, bytes, 32), 0x62a8ab43U);
    for (int32_t i = 0; i < 32; i++) {
        bytes[i] = (char)i;
    }
    CHECK_EQ(crc32c(0, bytes, 32), 0x46dd794eU);
    CHECK_EQ(crc32c(17, bytes, 0), 17);
}

static void
test_levels(void **state) {
    (void)state;
    static char bytes[60000]; /* long lanes, more than once */
    rng         r;
    rng_init(&r, 11);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)rng_next(&r);
    }
    kernel_init();
    for (int32_t i = 0; i < 3000; i++) {
        const size_t   from = rng_below(&r, 64);
        const size_t   size = rng_below(&r, i % 2 == 0    ? 100
                                            : i % 16 == 1 ? sizeof(bytes) - 64
                                                          : 8192);
        const size_t   cut = rng_below(&r, size + 1);
        const uint32_t wanted = crc32c_baseline(0, bytes + from, size);
        CHECK_EQ(crc32c(0, bytes + from, size), wanted);
        CHECK_EQ(crc32c(crc32c(0, bytes + from, cut), bytes + from + cut, size - cut), wanted);
    }
}

UNIT_MAIN(UNIT(test_published), UNIT(test_levels))
