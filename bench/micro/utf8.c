/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c - GB/s of utf8_fault over texts of different scripts, on the baseline level and on the
 * best one that the machine has, with an answer check. bench/run.py builds and runs it. */
#include "micro.h"

#include "base/clock.h"
#include "base/text.h"
#include "kernel/kernel.h"

#define SIZE (16 << 20)
#define REPEATS 5

static const struct {
    const char *name;
    const char *words;
} scripts[] = {
    {"ASCII", "the quick brown fox jumps over the lazy dog "},
    {"one in eight", "le c\xC3\xA9leri \xC3\xA0 la cr\xC3\xA8me "},
    {"Greek", "\xCE\xBA\xCF\x8C\xCF\x83\xCE\xBC\xCE\xB5 "},
    {"Japanese", "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE3\x81\xAE"},
    {"emoji", "\xF0\x9F\x98\x80\xF0\x9F\x9A\x80 "},
};

static double
gigabytes_per_second(engine_clock *clock, const char *bytes, int64_t size) {
    int64_t best = INT64_MAX;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const int64_t start = clock_ticks_ns(clock);
        if (utf8_fault(bytes, size) >= 0) {
            return -1;
        }
        const int64_t ns = clock_ticks_ns(clock) - start;
        best = ns < best ? ns : best;
    }
    return (double)size / (double)best;
}

int
main(void) {
    static double before[ARRAY_COUNT(scripts)];
    char         *bytes = malloc(SIZE + 64);
    engine_clock  clock;
    clock_init_real(&clock);
    if (bytes == NULL) {
        return 1;
    }
    for (int level = 0; level < 2; level++) {
        for (int32_t i = 0; i < ARRAY_COUNT(scripts); i++) {
            const size_t width = strlen(scripts[i].words);
            int64_t      size = 0;
            for (; size + (int64_t)width <= SIZE; size += (int64_t)width) {
                memcpy(bytes + size, scripts[i].words, width);
            }
            const double speed = gigabytes_per_second(&clock, bytes, size);
            bytes[size - 1] = (char)0xFF;
            if (speed < 0 || utf8_fault(bytes, size) < size - 4) {
                printf("%s: wrong answer\n", scripts[i].name);
                return 1;
            }
            if (level == 0) {
                before[i] = speed;
            } else {
                char name[64];
                (void)snprintf(name, sizeof(name), "utf8, %s: baseline", scripts[i].name);
                micro_print(name, before[i], "GB/s", size);
                (void)snprintf(name, sizeof(name), "utf8, %s: %s", scripts[i].name, kernel_level());
                micro_print(name, speed, "GB/s", size);
            }
        }
        kernel_init();
    }
    free(bytes);
    return 0;
}
