/* SPDX-License-Identifier: Apache-2.0 */
/* packed.c - how fast columns are packed and unpacked, and how small they become: raw bytes a
 * second, one core. bench/run.py builds and runs it. */
#include "micro.h"

#include "base/rng.h"
#include "kernel/kernel.h"
#include "store/packed.h"

enum { ROWS = 65536, ROUNDS = 20 };

/* Of the processor: others may be at work. */
static int64_t
cpu_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static rng         r = {1};
static strview     texts[ROWS];
static int64_t     numbers[ROWS];
static char        bytes[ROWS * 64];
static const char *channels[] = {"Google", "Facebook", "Baidu", "Apple"};

static void
report(const char *name, const char *what, double value, const char *unit) {
    char shown[96];
    (void)snprintf(shown, sizeof(shown), "packed, %s: %s", name, what);
    micro_print(shown, value, unit, ROWS);
}

static void
measure(const char *name, data_type t, const void *values, int64_t raw) {
    mem          m;
    error        err = {0};
    buf          out;
    const column c = {.type = t, .values = values};
    const delta  rows = {.row_count = ROWS, .column_count = 1, .columns = &c};
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, SIZE_MAX);
    int64_t begin = cpu_us();
    for (int i = 0; i < ROUNDS; i++) {
        buf_clear(&out);
        if (packed_put(&out, &rows, 1, &err) < 0) {
            abort();
        }
    }
    const double put = (double)(cpu_us() - begin);
    begin = cpu_us();
    for (int i = 0; i < ROUNDS; i++) {
        batch *b = NULL;
        if (packed_batch(&b, &m, buf_text(&out), (packed_place){.salt = 1}, &err) < 0) {
            abort();
        }
        batch_release(b);
    }
    const double take = (double)(cpu_us() - begin);
    const double mb = (double)(raw * ROUNDS);
    report(name, "put", mb / put, "MB/s");
    report(name, "take", mb / take, "MB/s");
    report(name, "of its size", (double)out.size / (double)raw, "times");
    buf_fini(&out);
    (void)mem_fini(&m);
}

static int64_t
make_texts(const char *format, uint64_t kinds) {
    char   *at = bytes;
    int64_t raw = 0;
    for (int i = 0; i < ROWS; i++) {
        const int size = snprintf(at, 64, format, (unsigned long long)rng_below(&r, kinds));
        texts[i] = strview_of(at, (uint32_t)size);
        at += size;
        raw += size + 4;
    }
    return raw;
}

int
main(void) {
    kernel_init();
    const int64_t raw = (int64_t)sizeof(numbers);
    for (int i = 0; i < ROWS; i++) {
        numbers[i] = (int64_t)rng_next(&r);
    }
    measure("BIGINT, any", type_of(TYPE_I64), numbers, raw);
    measure("BOOLEAN as TINYINT, any", type_of(TYPE_I8), numbers, ROWS);
    for (int i = 0; i < ROWS; i++) {
        numbers[i] = 1000 + (int64_t)rng_below(&r, 5000);
    }
    measure("BIGINT, 5,000 kinds", type_of(TYPE_I64), numbers, raw);
    for (int i = 0; i < ROWS; i++) {
        numbers[i] = INT64_C(1700000000000000) + i * 137 + (int64_t)rng_below(&r, 50);
    }
    measure("TIMESTAMP, rising", type_of(TYPE_TIMESTAMP), numbers, raw);
    for (int i = 0; i < ROWS; i++) {
        const double price = (double)rng_below(&r, 10000000) / 100;
        memcpy(&numbers[i], &price, 8);
    }
    measure("DOUBLE, prices", type_of(TYPE_F64), numbers, raw);
    for (int i = 0; i < ROWS; i++) {
        numbers[i] = i / 1000;
    }
    measure("BIGINT, runs of 1,000", type_of(TYPE_I64), numbers, raw);
    uint8_t *flags = (uint8_t *)numbers;
    for (int i = 0; i < ROWS; i++) {
        flags[i] = (uint8_t)rng_below(&r, 2);
    }
    measure("BOOLEAN", type_of(TYPE_BOOL), flags, ROWS);
    int64_t size = 0;
    for (int i = 0; i < ROWS; i++) {
        const char *t = channels[rng_below(&r, 4)];
        texts[i] = strview_of(t, (uint32_t)strlen(t));
        size += texts[i].size + 4;
    }
    measure("VARCHAR, 4 kinds", type_of(TYPE_TEXT), texts, size);
    measure("VARCHAR, short, any", type_of(TYPE_TEXT), texts, make_texts("%08llx", UINT32_MAX));
    measure("VARCHAR, URLs", type_of(TYPE_TEXT), texts,
            make_texts("https://www.nexmark.com/item.htm?query=%llu", 1000000));
    return 0;
}
