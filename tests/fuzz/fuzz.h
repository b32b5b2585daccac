/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what the fuzz targets share. A target is one function of bytes, which dies by
 * FUZZ_CHECK, a sanitizer or an assertion, and in timed.c when it takes too long. libFuzzer drives
 * it (make fuzz); replay.c runs it over corpus/ as a unit test with any compiler. */
#ifndef LAMINAR_TESTS_FUZZ_H
#define LAMINAR_TESTS_FUZZ_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fuzz_target(const uint8_t *data, size_t size); /* of each fuzz_*.c; may be called again */
extern const int fuzz_passes; /* how often a target goes through the input, by other ways */
int              LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* timed.c */

/* FUZZ_CHECK(condition) or FUZZ_CHECK(condition, format, ...) */
#define FUZZ_CHECK(c, ...) ((c) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #c, " " __VA_ARGS__))

__attribute__((format(printf, 4, 5), noreturn)) static inline void
fuzz_fail(const char *file, int line, const char *condition, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}

/* Exactly `size` bytes in a block of their own, so that ASan sees a read beyond them. */
static inline void *
fuzz_block(size_t size) {
    void *p = malloc(size == 0 ? 1 : size);
    FUZZ_CHECK(p != NULL);
    memset(p, 0xa5, size == 0 ? 1 : size);
    return p;
}

static inline char *
fuzz_copy(const uint8_t *data, size_t size) {
    char *p = fuzz_block(size);
    if (size > 0) {
        memcpy(p, data, size);
    }
    return p;
}

#endif
