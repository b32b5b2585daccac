/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - what kernels.c and shapes.c share: counting the instructions of one piece of work, and
 * its answer as a number. tools/instructions.py runs them under callgrind, which writes a file for
 * each piece, named as it is; the line on standard output has the answer.
 *
 * Whatever else runs (making data, looking at the answer) is not counted. */
#ifndef LAMINAR_BENCH_GATE_H
#define LAMINAR_BENCH_GATE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

static inline void
gate_begin(void) {
    CALLGRIND_TOGGLE_COLLECT;
}

static inline void
gate_pause(void) {
    CALLGRIND_TOGGLE_COLLECT;
}

static inline void
gate_end(const char *name, uint64_t answer) {
    CALLGRIND_DUMP_STATS_AT(name);
    printf("%s\t%016" PRIx64 "\n", name, answer);
}

/* FNV-1a: of the bench's own, so that a change of the engine's hash is no other answer. */
static inline uint64_t
gate_digest(uint64_t digest, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) {
        digest = (digest ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return digest;
}

#endif
