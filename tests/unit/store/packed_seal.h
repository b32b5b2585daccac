/* SPDX-License-Identifier: Apache-2.0 */
/* packed_seal.h - the right checksums for packed rows that somebody has changed: what gets a test
 * through to what is behind them. docs/format.md says where they lie. */
#ifndef LAMINAR_TESTS_PACKED_SEAL_H
#define LAMINAR_TESTS_PACKED_SEAL_H

#include <string.h>

#include "kernel/kernel.h"
#include "store/packed.h"

static inline uint32_t
seal_crc(uint64_t salt, int32_t stream, uint32_t block, const char *bytes, size_t size) {
    char place[16];
    memcpy(place, &salt, 8);
    memcpy(place + 8, &stream, 4);
    memcpy(place + 12, &block, 4);
    return crc32c(crc32c(0, place, sizeof(place)), bytes, size);
}

static inline void
seal_stream(char *bytes, size_t size, uint64_t salt, int32_t stream) {
    const size_t unit = 65536;
    const size_t blocks = (size + unit + 3) / (unit + 4);
    if (size < 4 * blocks) {
        return;
    }
    const size_t plain = size - 4 * blocks;
    for (size_t i = 0; i < blocks && i * unit < plain; i++) {
        const size_t   piece = plain - i * unit < unit ? plain - i * unit : unit;
        const uint32_t crc = seal_crc(salt, stream, (uint32_t)i, bytes + i * unit, piece);
        memcpy(bytes + plain + 4 * i, &crc, 4);
    }
}

/* Of the head, which may say anything, and of the directory, if it lies within. */
static inline void
packed_seal(char *bytes, size_t size, uint64_t salt) {
    int64_t directory;
    if (size < PACKED_HEAD) {
        return;
    }
    memcpy(&directory, bytes + 32, 8);
    if (directory >= 0 && (uint64_t)directory <= size - PACKED_HEAD) {
        seal_stream(bytes + PACKED_HEAD, (size_t)directory, salt, -1);
    }
    memset(bytes + 12, 0, 4);
    const uint32_t crc = seal_crc(salt, -1, UINT32_MAX, bytes, PACKED_HEAD);
    memcpy(bytes + 12, &crc, 4);
}

#endif
