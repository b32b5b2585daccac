/* SPDX-License-Identifier: Apache-2.0 */
/* group_table.c - million rows/s of group_table_map, over key shapes and numbers of groups, with an
 * answer check; ns for one row. bench/run.py builds and runs it. */
#include "micro.h"

#include "base/clock.h"
#include "base/rng.h"
#include "kernel/kernel.h"
#include "state/group_table.h"

#define ROWS (1 << 22)
#define REPEATS 3

typedef struct data {
    int64_t *numbers;
    strview *texts;
    int64_t *groups; /* the group of each row, for the check */
} data;

static void
make_data(data *d, int64_t group_count) {
    rng r;
    rng_init(&r, 1);
    for (int64_t i = 0; i < ROWS; i++) {
        const int64_t g = (int64_t)rng_below(&r, (uint64_t)group_count);
        char          name[16];
        const int     size = snprintf(name, sizeof(name), "name%lld", (long long)(g % 1000));
        d->groups[i] = g;
        d->numbers[i] = g * 7919;
        d->texts[i] = strview_of(name, (uint32_t)size);
    }
}

/* All rows in batches; counts[slot] is the check. */
static status
run(group_table *t, const data *d, int32_t batch_rows, int64_t row_count, arena *a, int64_t *counts,
    error *err) {
    slot slots[BATCH_ROWS];
    for (int64_t first = 0; first < row_count; first += batch_rows) {
        const column columns[2] = {{.type = type_of(TYPE_I64), .values = d->numbers + first},
                                   {.type = type_of(TYPE_TEXT), .values = d->texts + first}};
        TRY(group_table_map(t, columns, batch_rows, slots, NULL, a, err));
        if (counts != NULL) {
            for (int32_t i = 0; i < batch_rows; i++) {
                counts[slots[i]] += d->groups[first + i] + 1;
            }
        }
    }
    return OK;
}

/* The sum over slots of (group + 1) x rows must be that over rows, and each slot must hold one
 * group alone. */
static bool
answer_is_right(const group_table *t, const data *d, const int64_t *counts, int64_t group_count) {
    int64_t *rows = calloc((size_t)group_count, sizeof(*rows));
    bool     right = rows != NULL;
    for (int64_t i = 0; right && i < ROWS; i++) {
        rows[d->groups[i]]++;
    }
    for (uint64_t s = 0; right && s < group_table_slot_count(t); s++) {
        if (group_table_is_live(t, (slot)s)) {
            const int64_t g = *ARRAY_AT(&t->keys.values[0], int64_t, s) / 7919;
            right = counts[s] == rows[g] * (g + 1);
        }
    }
    free(rows);
    return right;
}

static void
report(const char *what, int32_t keys, int64_t groups, double value, const char *unit) {
    char name[96];
    (void)snprintf(name, sizeof(name), "group table, %s, %lld groups: %s",
                   keys == 1 ? "BIGINT" : "BIGINT and text", (long long)groups, what);
    micro_print(name, value, unit, ROWS);
}

static status
measure(const data *d, int32_t key_count, int64_t group_count, engine_clock *clock, error *err) {
    mem         m;
    arena       a;
    store      *s;
    group_table t;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    const data_type types[2] = {type_of(TYPE_I64), type_of(TYPE_TEXT)};
    TRY(store_open(&s, &m, err));
    TRY(group_table_open(&t, s, "bench", types, key_count, err));
    int64_t *counts = calloc((size_t)group_count * 2 + 4096, sizeof(*counts));
    if (counts == NULL) {
        return error_memory(err);
    }
    const int64_t cold_first = clock_ticks_ns(clock);
    TRY(run(&t, d, BATCH_ROWS, ROWS, &a, NULL, err));
    const double cold = (double)(clock_ticks_ns(clock) - cold_first);
    double       best = 1e300;
    for (int k = 0; k < REPEATS; k++) {
        const int64_t first = clock_ticks_ns(clock);
        TRY(run(&t, d, BATCH_ROWS, ROWS, &a, NULL, err));
        const double ns = (double)(clock_ticks_ns(clock) - first);
        best = ns < best ? ns : best;
    }
    const int64_t one_rows = 200000;
    const int64_t first = clock_ticks_ns(clock);
    TRY(run(&t, d, 1, one_rows, &a, NULL, err));
    const double one = (double)(clock_ticks_ns(clock) - first) / (double)one_rows;
    TRY(run(&t, d, BATCH_ROWS, ROWS, &a, counts, err));
    const bool right = answer_is_right(&t, d, counts, group_count);
    report("known", key_count, group_count, ROWS / best * 1e3, "M rows/s");
    report("first pass", key_count, group_count, ROWS / cold * 1e3, "M rows/s");
    report("rows one by one", key_count, group_count, one, "ns");
    report("memory of a group", key_count, group_count, (double)m.bytes_used / (double)group_count,
           "bytes");
    free(counts);
    group_table_close(&t);
    store_close(s);
    arena_fini(&a);
    return right ? OK : error_set(err, ERR_INTERNAL_ERROR, "wrong answer");
}

int
main(void) {
    static const int64_t group_counts[] = {100, 1000, 10000, 100000, 1000000};
    engine_clock         clock;
    error                err = {0};
    data                 d = {.numbers = malloc(ROWS * sizeof(*d.numbers)),
                              .texts = malloc(ROWS * sizeof(*d.texts)),
                              .groups = malloc(ROWS * sizeof(*d.groups))};
    if (d.numbers == NULL || d.texts == NULL || d.groups == NULL) {
        return 1;
    }
    clock_init_real(&clock);
    kernel_init();
    status result = OK;
    for (int32_t i = 0; i < ARRAY_COUNT(group_counts) && result >= 0; i++) {
        make_data(&d, group_counts[i]);
        for (int32_t keys = 1; keys <= 2 && result >= 0; keys++) {
            result = measure(&d, keys, group_counts[i], &clock, &err);
        }
    }
    if (result < 0) {
        fprintf(stderr, "group_table: %s\n", err.message);
    }
    free(d.numbers);
    free(d.texts);
    free(d.groups);
    return result < 0;
}
