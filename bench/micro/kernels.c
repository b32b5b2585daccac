/* SPDX-License-Identifier: Apache-2.0 */
/* kernels.c - rows or bytes per second of each kernel over one set of columns, in batches as
 * operators give them, with an answer check each. bench/run.py builds and runs it. */
#include "micro.h"

#include "base/rng.h"
#include "base/text.h"
#include "kernel/kernel.h"

#define BATCHES 128
#define ROWS (BATCHES * BATCH_ROWS)
#define TEXT_MAX 32

typedef struct data {
    mem       m;
    arena     a;
    int64_t  *numbers, *again; /* random; a copy */
    double   *reals;
    uint8_t  *flags;
    strview  *shorts, *longs, *digits;
    char     *bytes; /* of the texts */
    uint64_t *hashes;
    uint8_t  *same;
    int32_t  *rows;
    int64_t   count, total; /* answers */
    char     *memory;
    int64_t   memory_size;
    /* what is under way */
    column    columns[2];
    int32_t   column_count;
    data_type to;
    sort_key  key;
} data;

static column
batch_of(const column *c, int32_t batch) {
    column at = *c;
    at.values = (const char *)c->values + (size_t)batch * BATCH_ROWS * type_width(c->type);
    return at;
}

/* ---- the work */

static status
do_hash(void *context, error *err) {
    data *d = context;
    (void)err;
    for (int32_t b = 0; b < BATCHES; b++) {
        const column at[2] = {batch_of(&d->columns[0], b), batch_of(&d->columns[1], b)};
        hash_columns(d->hashes + (size_t)b * BATCH_ROWS, at, d->column_count, BATCH_ROWS);
    }
    return OK;
}

/* Equal rows have equal hashes, and hardly any others. */
static bool
hash_is_right(void *context) {
    data   *d = context;
    int64_t clashes = 0;
    for (int64_t i = 1; i < ROWS; i++) {
        bool same = true;
        for (int32_t c = 0; c < d->column_count; c++) {
            const column *of = &d->columns[c];
            same &= compare_rows(of, i - 1, of, i) == 0;
        }
        if (same && d->hashes[i - 1] != d->hashes[i]) {
            return false;
        }
        clashes += !same && d->hashes[i - 1] == d->hashes[i];
    }
    return clashes == 0;
}

static status
do_equal(void *context, error *err) {
    data *d = context;
    (void)err;
    memset(d->same, 1, ROWS);
    for (int32_t b = 0; b < BATCHES; b++) {
        const column lhs = batch_of(&d->columns[0], b), rhs = batch_of(&d->columns[1], b);
        equal_rows(d->same + (size_t)b * BATCH_ROWS, &lhs, NULL, &rhs, NULL, BATCH_ROWS);
    }
    return OK;
}

static bool
equal_is_right(void *context) {
    data *d = context;
    for (int64_t i = 0; i < ROWS; i++) {
        if ((compare_rows(&d->columns[0], i, &d->columns[1], i) == 0) != d->same[i]) {
            return false;
        }
    }
    return true;
}

static status
do_sort(void *context, error *err) {
    data *d = context;
    arena_reset(&d->a);
    return sort_rows(d->rows, d->columns, ROWS, &d->key, 1, &d->a, err);
}

static bool
sort_is_right(void *context) {
    data *d = context;
    for (int64_t i = 1; i < ROWS; i++) {
        const int order = compare_rows(d->columns, d->rows[i - 1], d->columns, d->rows[i]);
        if (order > 0 || (order == 0 && d->rows[i - 1] > d->rows[i])) {
            return false;
        }
    }
    return true;
}

static status
do_compare(void *context, error *err) {
    data *d = context;
    (void)err;
    d->count = 0;
    for (int64_t i = 1; i < ROWS; i++) {
        d->count += compare_rows(d->columns, i - 1, d->columns, i) < 0;
    }
    return OK;
}

static bool
compare_is_right(void *context) {
    data   *d = context;
    int64_t count = 0;
    for (int64_t i = 1; i < ROWS; i++) {
        count += d->numbers[i - 1] < d->numbers[i];
    }
    return count == d->count;
}

static status
do_select(void *context, error *err) {
    data *d = context;
    (void)err;
    d->count = 0;
    for (int32_t b = 0; b < BATCHES; b++) {
        const column at = batch_of(d->columns, b);
        d->count += select_true(d->rows, &at, BATCH_ROWS);
    }
    return OK;
}

static bool
select_is_right(void *context) {
    data   *d = context;
    int64_t count = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        count += d->flags[i];
    }
    return count == d->count;
}

static status
do_minmax(void *context, error *err) {
    data *d = context;
    (void)err;
    d->total = 0;
    for (int32_t b = 0; b < BATCHES; b++) {
        const column at = batch_of(d->columns, b);
        int64_t      low = 0, high = 0;
        double       least = 0, most = 0;
        if (at.type.id == TYPE_F64) {
            d->total += minmax_f64(&at, BATCH_ROWS, &least, &most) ? (int64_t)(most - least) : 0;
        } else {
            d->total += minmax_i64(&at, BATCH_ROWS, &low, &high) ? high - low : 0;
        }
    }
    return OK;
}

static bool
minmax_is_right(void *context) {
    data   *d = context;
    int64_t total = 0;
    for (int32_t b = 0; b < BATCHES; b++) {
        const column at = batch_of(d->columns, b);
        int32_t      low = 0, high = 0;
        for (int32_t i = 1; i < BATCH_ROWS; i++) {
            low = compare_rows(&at, i, &at, low) < 0 ? i : low;
            high = compare_rows(&at, i, &at, high) > 0 ? i : high;
        }
        const double  *f = at.values;
        const int64_t *n = at.values;
        total += at.type.id == TYPE_F64 ? (int64_t)(f[high] - f[low]) : n[high] - n[low];
    }
    return total == d->total;
}

static status
do_cast(void *context, error *err) {
    data *d = context;
    d->total = 0;
    for (int32_t b = 0; b < BATCHES; b++) {
        const column at = batch_of(d->columns, b);
        column       out;
        arena_reset(&d->a);
        TRY(cast_column(&out, &at, BATCH_ROWS, d->to, false, &d->a, NULL, err));
        const strview *texts = out.values;
        const int64_t *numbers = out.values;
        const double  *reals = out.values;
        for (int32_t i = 0; i < BATCH_ROWS; i += BATCH_ROWS / 4) { /* some are enough to check */
            d->total += d->to.id == TYPE_TEXT  ? (int64_t)texts[i].size
                        : d->to.id == TYPE_F64 ? (int64_t)reals[i]
                                               : numbers[i];
        }
    }
    return OK;
}

/* numbers below 1e6, of which all of the columns are made */
static bool
cast_is_right(void *context) {
    data   *d = context;
    int64_t total = 0;
    char    shown[TEXT_MAX];
    for (int64_t i = 0; i < ROWS; i += BATCH_ROWS / 4) {
        const long long n = (long long)d->numbers[i];
        total += d->to.id == TYPE_TEXT ? snprintf(shown, sizeof(shown), "%lld", n) : n;
    }
    return total == d->total;
}

static status
do_crc(void *context, error *err) {
    data *d = context;
    (void)err;
    d->total = crc32c(0, d->memory, (size_t)d->memory_size);
    return OK;
}

/* The same in two steps. */
static bool
crc_is_right(void *context) {
    data        *d = context;
    const size_t some = 12345, all = (size_t)d->memory_size;
    return d->total == crc32c(crc32c(0, d->memory, some), d->memory + some, all - some) &&
           crc32c(0, "123456789", 9) == 0xE3069283;
}

static status
do_utf8(void *context, error *err) {
    data *d = context;
    (void)err;
    d->total = utf8_fault(d->memory, d->memory_size);
    return OK;
}

static bool
utf8_is_right(void *context) {
    data      *d = context;
    const char last = d->memory[d->memory_size - 1];
    d->memory[d->memory_size - 1] = (char)0xFF;
    const int64_t fault = utf8_fault(d->memory, d->memory_size);
    d->memory[d->memory_size - 1] = last;
    return d->total < 0 && fault >= d->memory_size - 4;
}

/* What reading alone takes: the bound that others are measured by. */
static status
do_read(void *context, error *err) {
    data *d = context;
    (void)err;
    const int64_t *at = (const int64_t *)(void *)d->memory;
    int64_t        sums[8] = {0};
    for (int64_t i = 0; i + 8 <= d->memory_size / 8; i += 8) {
        for (int k = 0; k < 8; k++) {
            sums[k] += at[i + k];
        }
    }
    d->total = 0;
    for (int k = 0; k < 8; k++) {
        d->total += sums[k];
    }
    return OK;
}

static bool
read_is_right(void *context) {
    data          *d = context;
    const int64_t *at = (const int64_t *)(void *)d->memory;
    int64_t        total = 0;
    for (int64_t i = 0; i < d->memory_size / 8; i++) {
        total += at[i];
    }
    return total == d->total;
}

/* ---- the data */

static bool
open_data(data *d) {
    rng r;
    rng_init(&r, 1);
    mem_init(&d->m, INT64_MAX);
    arena_init(&d->a, &d->m);
    d->memory_size = INT64_C(256) << 20;
    void **room[] = {(void **)&d->numbers, (void **)&d->again,  (void **)&d->reals,
                     (void **)&d->shorts,  (void **)&d->longs,  (void **)&d->digits,
                     (void **)&d->hashes,  (void **)&d->flags,  (void **)&d->same,
                     (void **)&d->rows,    (void **)&d->memory, (void **)&d->bytes};
    for (int32_t i = 0; i < ARRAY_COUNT(room); i++) {
        const size_t size = room[i] == (void **)&d->memory  ? (size_t)d->memory_size + 64
                            : room[i] == (void **)&d->bytes ? (size_t)ROWS * TEXT_MAX
                                                            : (size_t)ROWS * sizeof(strview);
        *room[i] = calloc(1, size);
        if (*room[i] == NULL) {
            return false;
        }
    }
    for (int64_t i = 0; i < ROWS; i++) {
        char name[TEXT_MAX];
        d->numbers[i] = d->again[i] = (int64_t)rng_below(&r, 1000000);
        d->reals[i] = (double)d->numbers[i];
        d->flags[i] = d->numbers[i] % 2 == 0;
        const long long n = (long long)d->numbers[i];
        d->shorts[i] = strview_of(name, (uint32_t)snprintf(name, sizeof(name), "key%lld", n));
        d->digits[i] = strview_of(name, (uint32_t)snprintf(name, sizeof(name), "%lld", n));
        char *at = d->bytes + i * TEXT_MAX;
        d->longs[i] = strview_of(at, (uint32_t)snprintf(at, TEXT_MAX, "a key 20 long %06lld", n));
    }
    for (int64_t i = 0; i < ROWS; i += 3) { /* a third differs */
        d->again[i]++;
    }
    return true;
}

static void
close_data(data *d) {
    void *room[] = {d->numbers, d->again, d->reals, d->shorts, d->longs,  d->digits,
                    d->hashes,  d->flags, d->same,  d->rows,   d->memory, d->bytes};
    for (int32_t i = 0; i < ARRAY_COUNT(room); i++) {
        free(room[i]);
    }
    arena_fini(&d->a);
    (void)mem_fini(&d->m);
}

static column
of(type_id id, const void *values) {
    return (column){.type = type_of(id), .values = values};
}

static status
rows_case(data *d, const char *name, micro_work work, bool (*right)(void *), error *err) {
    const micro_case c = {name, "M rows/s", ROWS, 1e6, NULL, work, NULL, right};
    return micro_run(&c, d, err);
}

static status
measure_rows(data *d, error *err) {
    const column numbers = of(TYPE_I64, d->numbers), again = of(TYPE_I64, d->again),
                 reals = of(TYPE_F64, d->reals), flags = of(TYPE_BOOL, d->flags),
                 shorts = of(TYPE_TEXT, d->shorts), longs = of(TYPE_TEXT, d->longs),
                 digits = of(TYPE_TEXT, d->digits);
    const struct {
        const char *name;
        micro_work  work;
        bool (*right)(void *);
        column    columns[2];
        int32_t   count;
        data_type to;
    } cases[] = {
        {"hash_columns, BIGINT", do_hash, hash_is_right, {numbers}, 1, {0}},
        {"hash_columns, text of 9 bytes", do_hash, hash_is_right, {shorts}, 1, {0}},
        {"hash_columns, text of 20 bytes", do_hash, hash_is_right, {longs}, 1, {0}},
        {"hash_columns, BIGINT and text", do_hash, hash_is_right, {numbers, shorts}, 2, {0}},
        {"equal_rows, BIGINT", do_equal, equal_is_right, {numbers, again}, 2, {0}},
        {"equal_rows, text of 9 bytes", do_equal, equal_is_right, {shorts, shorts}, 2, {0}},
        {"equal_rows, text of 20 bytes", do_equal, equal_is_right, {longs, longs}, 2, {0}},
        {"compare_rows, BIGINT", do_compare, compare_is_right, {numbers}, 1, {0}},
        {"sort_rows, BIGINT", do_sort, sort_is_right, {numbers}, 1, {0}},
        {"sort_rows, DOUBLE", do_sort, sort_is_right, {reals}, 1, {0}},
        {"sort_rows, text of 9 bytes", do_sort, sort_is_right, {shorts}, 1, {0}},
        {"sort_rows, text of 20 bytes", do_sort, sort_is_right, {longs}, 1, {0}},
        {"select_true, half of the rows", do_select, select_is_right, {flags}, 1, {0}},
        {"minmax_i64", do_minmax, minmax_is_right, {numbers}, 1, {0}},
        {"minmax_f64", do_minmax, minmax_is_right, {reals}, 1, {0}},
        {"cast, BIGINT to DOUBLE", do_cast, cast_is_right, {numbers}, 1, type_of(TYPE_F64)},
        {"cast, DOUBLE to BIGINT", do_cast, cast_is_right, {reals}, 1, type_of(TYPE_I64)},
        {"cast, BIGINT to VARCHAR", do_cast, cast_is_right, {numbers}, 1, type_of(TYPE_TEXT)},
        {"cast, VARCHAR to BIGINT", do_cast, cast_is_right, {digits}, 1, type_of(TYPE_I64)},
        {"cast, VARCHAR to DOUBLE", do_cast, cast_is_right, {digits}, 1, type_of(TYPE_F64)},
    };
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        memcpy(d->columns, cases[i].columns, sizeof(d->columns));
        d->column_count = cases[i].count;
        d->to = cases[i].to;
        TRY(rows_case(d, cases[i].name, cases[i].work, cases[i].right, err));
    }
    return OK;
}

static status
bytes_case(data *d, const char *name, micro_work work, bool (*right)(void *), error *err) {
    const micro_case c = {name, "GB/s", (double)d->memory_size, 1e9, NULL, work, NULL, right};
    return micro_run(&c, d, err);
}

static status
measure_bytes(data *d, error *err) {
    static const struct {
        const char *name;
        const char *words;
    } scripts[] = {
        {"utf8_fault, ASCII", "the quick brown fox jumps over the lazy dog "},
        {"utf8_fault, French", "le c\xC3\xA9leri \xC3\xA0 la cr\xC3\xA8me "},
        {"utf8_fault, Greek", "\xCE\xBA\xCF\x8C\xCF\x83\xCE\xBC\xCE\xB5 "},
        {"utf8_fault, Japanese", "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE3\x81\xAE"},
    };
    const int64_t room = d->memory_size;
    TRY(bytes_case(d, "memory, read", do_read, read_is_right, err));
    d->memory_size = 16 << 20;
    TRY(bytes_case(d, "crc32c", do_crc, crc_is_right, err));
    for (int32_t i = 0; i < ARRAY_COUNT(scripts); i++) {
        const size_t width = strlen(scripts[i].words);
        int64_t      size = 0;
        for (; size + (int64_t)width <= 16 << 20; size += (int64_t)width) {
            memcpy(d->memory + size, scripts[i].words, width);
        }
        d->memory_size = size;
        TRY(bytes_case(d, scripts[i].name, do_utf8, utf8_is_right, err));
    }
    d->memory_size = room;
    return OK;
}

int
main(void) {
    data  d = {0};
    error err = {0};
    kernel_init();
    if (!open_data(&d)) {
        return 1;
    }
    for (int64_t i = 0; i < d.memory_size; i += 8) { /* touched, and not all alike */
        d.memory[i] = (char)(i >> 12);
    }
    status result = measure_bytes(&d, &err);
    result = result < 0 ? result : measure_rows(&d, &err);
    if (result < 0) {
        fprintf(stderr, "kernels: %s\n", err.message);
    }
    close_data(&d);
    return result < 0;
}
