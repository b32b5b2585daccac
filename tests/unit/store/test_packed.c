/* SPDX-License-Identifier: Apache-2.0 */
/* test_packed.c - packed rows: what comes out is what went in, bit by bit, for every type, with and
 * without NULLs, for values that suit each encoding, at sizes around a word and a frame; one column
 * without the others; bounds; every bit of the bytes turned over is told. */
#include <math.h>

#include "../batch/random_rows.h"
#include "batch/chunk.h"
#include "packed_seal.h"
#include "store/packed.h"
#include "type/nested.h"

enum { TYPES_MAX = 64, DEPTH = 3 };

static data_type types[TYPES_MAX];
static int32_t   type_count;

static void
make_types(void) {
    error     err = {0};
    data_type list;
    data_type deep;
    if (type_count > 0) {
        return;
    }
    for (int32_t i = 0; i < RANDOM_TYPES; i++) {
        types[type_count++] = random_types[i];
    }
    types[type_count++] = type_of(TYPE_TIMESTAMP_S);
    types[type_count++] = type_of(TYPE_TIMESTAMP_NS);
    types[type_count++] = type_json();
    types[type_count++] = type_bigint_time(TIME_UNIT_NS);
    const type_id items[] = {TYPE_F32, TYPE_TEXT, TYPE_I64, TYPE_NULL, TYPE_INTERVAL, TYPE_BOOL};
    for (int32_t i = 0; i < ARRAY_COUNT(items); i++) {
        CHECK_OK(type_list(&types[type_count++], type_of(items[i]), &err));
    }
    CHECK_OK(type_array(&types[type_count++], type_of(TYPE_F32), 3, &err));
    CHECK_OK(type_map(&types[type_count++], type_of(TYPE_TEXT), type_of(TYPE_F64), &err));
    CHECK_OK(type_list(&list, type_of(TYPE_F32), &err));
    CHECK_OK(type_list(&types[type_count++], list, &err));
    const nested_field fixed[] = {{TEXT("x"), type_of(TYPE_I32)}, {TEXT("y"), type_of(TYPE_F32)}};
    CHECK_OK(type_struct(&types[type_count++], fixed, 2, &err));
    CHECK_OK(type_list(&deep, types[type_count - 1], &err));
    const nested_field mixed[] = {{TEXT("a"), type_of(TYPE_TEXT)},
                                  {TEXT("b"), list},
                                  {TEXT("c"), deep},
                                  {TEXT("d"), type_of(TYPE_UUID)},
                                  {TEXT("e"), type_of(TYPE_NULL)}};
    CHECK_OK(type_struct(&types[type_count++], mixed, 5, &err));
    const data_type last = types[type_count - 1];
    CHECK_OK(type_map(&types[type_count++], type_of(TYPE_I64), last, &err));
}

/* ---- Random values; `style` says what they are like, so that each encoding is the best one. */

typedef enum style { WILD, FEW, RISING, NARROW, RUNS, ONE, STYLES } style;

static uint64_t
number_of(rng *r, style s, int32_t i, uint64_t start) {
    switch (s) {
    case FEW:
        return (start >> rng_below(r, 5)) * UINT64_C(0x9e3779b97f4a7c15);
    case RISING:
        return start + (uint64_t)i * 1000 + rng_below(r, 7);
    case NARROW:
        return start + rng_below(r, 100);
    case RUNS:
        return start + (uint64_t)i / 97;
    case ONE:
        return start;
    default:
        return rng_next(r);
    }
}

static text
text_for(rng *r, arena *a, style s, int32_t i, uint64_t start) {
    if (s == WILD) {
        return random_text(r, a);
    }
    char          *out = arena_alloc(a, 40);
    const uint64_t n = number_of(r, s, i, start % 1000);
    assert_non_null(out);
    const int size =
        snprintf(out, 40, n % 3 == 0 ? "%llu" : "a longer text with %llu", (unsigned long long)n);
    return (text){out, (size_t)size};
}

static value random_value(rng *r, arena *a, data_type t, style s, int32_t i, uint64_t start);

static value
nested_value(rng *r, arena *a, data_type t, style s, int32_t at, uint64_t start) {
    error         err = {0};
    value         items[8];
    value         out;
    const int32_t fixed = type_array_size(t);
    const int32_t any = s == ONE ? 2 : (int32_t)rng_below(r, 5);
    const int32_t listed = fixed >= 0 ? fixed : any;
    const int32_t count = t.id == TYPE_STRUCT ? type_field_count(t) : listed;
    for (int32_t i = 0; i < count; i++) {
        const data_type item = t.id == TYPE_STRUCT ? type_field(t, i).type : type_item(t);
        items[i] = random_value(r, a, item, s, at + i, start);
        if (t.id == TYPE_MAP) {
            value entry[2] = {random_value(r, a, type_map_key(t), RISING, at * 8 + i, start),
                              random_value(r, a, type_map_value(t), s, at, start)};
            CHECK_OK(nested_make(&items[i], item, entry, 2, a, &err));
        } else if (item.id == TYPE_NULL || (s != ONE && rng_below(r, 6) == 0)) {
            items[i] = (value){.type = item, .is_null = true};
        }
    }
    CHECK_OK(nested_make(&out, t, items, count, a, &err));
    return out;
}

static value
random_value(rng *r, arena *a, data_type t, style s, int32_t i, uint64_t start) {
    const uint64_t n = number_of(r, s, i, start);
    value          v = {.type = t};
    char           room[16] = {0};
    column         c = {.type = t, .values = room};
    int128         low;
    int128         high;
    if (type_is_nested(t)) {
        return nested_value(r, a, t, s, i, start);
    }
    if (type_is_json(t)) {
        v.s = TEXT("{\"a\": [1, 2]}");
        return v;
    }
    if (physical_is_view(type_physical(t))) {
        v.s = text_for(r, a, s, i, start);
        return v;
    }
    if (type_physical(t) == PHYSICAL_BOOL) {
        v.b = n & 1;
        return v;
    }
    memcpy(room, &n, 8); /* any bits: every NaN, -0.0 */
    memcpy(room + 8, &n, 8);
    memset(room + 8, s == WILD ? room[8] : 0, 8);
    v = column_value(&c, 0);
    if (t.id == TYPE_DECIMAL && type_wide_range(t, &low, &high)) {
        value_set_wide(&v, value_wide(&v) % high);
    } else if (t.id == TYPE_TIME) {
        v.i = (int64_t)(n % 86400000000);
    }
    return v;
}

static column
column_for(rng *r, arena *a, data_type t, style s, int32_t rows, int32_t nulls) {
    const uint64_t start = rng_next(r);
    char          *values = arena_alloc_zero(a, (size_t)(rows + 1) * type_width(t));
    uint64_t      *bits = arena_alloc(a, (size_t)(bits_words(rows) + 1) * 8);
    assert_true(values != NULL && bits != NULL);
    memset(bits, 0xff, (size_t)(bits_words(rows) + 1) * 8);
    for (int32_t i = 0; i < rows; i++) {
        const value v = random_value(r, a, t, s, i, start);
        column_store(values, i, &v);
        if (type_physical(t) == PHYSICAL_F32) { /* column_store would quieten a NaN */
            const uint32_t word = (uint32_t)number_of(r, s, i, start);
            memcpy(values + (size_t)i * 4, &word, 4);
        }
        bits_put(bits, i, (int32_t)rng_below(r, 100) >= nulls);
    }
    return (column){
        .type = t, .values = values, .validity = nulls > 0 || t.id == TYPE_NULL ? bits : NULL};
}

/* ---- Round trips */

static void
check_same(const column *x, const column *y, int32_t rows) {
    assert_true(type_equal(x->type, y->type));
    const size_t width = type_width(x->type);
    for (int32_t i = 0; i < rows; i++) {
        assert_int_equal(column_is_null(x, i), column_is_null(y, i));
        if (column_is_null(x, i)) {
            continue;
        }
        if (physical_is_view(type_physical(x->type))) {
            const value a = column_value(x, i);
            const value b = column_value(y, i);
            assert_true(text_equal(a.s, b.s));
        } else {
            assert_memory_equal((const char *)x->values + (size_t)i * width,
                                (const char *)y->values + (size_t)i * width, width);
        }
    }
}

static void
check_bounds(const packed_part *part, const column *c, int32_t rows) {
    bool low = false;
    bool high = false;
    for (int32_t i = 0; i < rows && part->has_range; i++) {
        if (!column_is_null(c, i)) {
            const value v = column_value(c, i);
            CHECK(value_compare(&part->min, &v) <= 0);
            CHECK(part->max.is_null || value_compare(&part->max, &v) >= 0);
            low |= value_compare(&part->min, &v) == 0;
            high |= !part->max.is_null && value_compare(&part->max, &v) == 0;
        }
    }
    CHECK(!part->has_range || !part->is_exact || (low && high));
    CHECK(part->has_range || type_is_nested(c->type) || part->null_count == rows);
}

static void
round_trip(mem *m, const delta *rows, uint64_t salt) {
    error              err = {0};
    buf                out;
    batch             *back = NULL;
    packed             p;
    arena              a;
    const packed_place place = {.salt = salt, .offset = 4096};
    buf_init(&out, m, SIZE_MAX);
    arena_init(&a, m);
    CHECK(buf_append(&out, "before", 6));
    CHECK_OK(packed_put(&out, rows, salt, &err));
    const text bytes = {out.data + 6, out.size - 6};
    CHECK_OK(packed_batch(&back, m, bytes, place, &err));
    CHECK_EQ(back->rows.row_count, rows->row_count);
    CHECK_EQ(back->rows.column_count, rows->column_count);
    CHECK_OK(packed_open(&p, bytes, place, &a, &err));
    for (int32_t i = 0; i < rows->column_count; i++) {
        check_same(&back->rows.columns[i], &rows->columns[i], rows->row_count);
        check_bounds(&p.parts[i], &rows->columns[i], rows->row_count);
    }
    CHECK((rows->weight == NULL) == (back->rows.weight == NULL));
    for (int32_t i = 0; i < rows->row_count && rows->weight != NULL; i++) {
        CHECK_EQ(back->rows.weight[i], rows->weight[i]);
    }
    batch_release(back);
    arena_fini(&a);
    buf_fini(&out);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const int32_t sizes[] = {0, 1, 2, 63, 64, 65, 1025};
static const int32_t large = 4000;
#else
static const int32_t sizes[] = {0, 1, 2, 63, 64, 65, 1023, 1024, 1025, 3000};
static const int32_t large = 65536;
#endif

static void
test_every_type(void **state) {
    (void)state;
    mem     m;
    arena   a;
    rng     r = {7};
    int64_t cases = 0;
    make_types();
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t t = 0; t < type_count; t++) {
        for (style s = 0; s < STYLES; s++) {
            for (int32_t k = 0; k < ARRAY_COUNT(sizes); k++) {
                column columns[3];
                for (int32_t n = 0; n < 3; n++) {
                    columns[n] = column_for(&r, &a, types[t], s, sizes[k], n == 2 ? 100 : 30 * n);
                }
                const delta rows = {.row_count = sizes[k], .column_count = 3, .columns = columns};
                round_trip(&m, &rows, rng_next(&r));
                arena_reset(&a);
                cases += 3;
            }
        }
        const style   s = (style)(t % STYLES);
        const int32_t many = type_is_nested(types[t]) ? 4000 : large;
        const column  c = column_for(&r, &a, types[t], s, many, t % 2 == 0 ? 0 : 10);
        const delta   rows = {.row_count = many, .column_count = 1, .columns = &c};
        round_trip(&m, &rows, 1);
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
    CHECK(cases >= 3 * STYLES * 7 * 38);
}

/* Slices, offsets, weights: what the engine's own deltas are like. */
static void
test_deltas(void **state) {
    (void)state;
    mem       m;
    arena     a;
    rng       r = {9};
    data_type plain[RANDOM_TYPES]; /* whose cells may have any bits */
    int32_t   count = 0;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < RANDOM_TYPES; i++) {
        if (random_types[i].id != TYPE_DECIMAL && random_types[i].id != TYPE_TIME) {
            plain[count++] = random_types[i];
        }
    }
    for (int32_t round = 0; round < 60; round++) {
        const int32_t rows = (int32_t)rng_below(&r, 400);
        delta         in = random_delta(&r, &a, plain, count, rows, round & 7);
        round_trip(&m, &in, (uint64_t)round);
        if (rows > 128) { /* a slice: bits of validity from a later word on */
            column sliced[RANDOM_TYPES];
            for (int32_t i = 0; i < count; i++) {
                sliced[i] = column_slice(&in.columns[i], 64);
            }
            in.columns = sliced;
            in.row_count = (int32_t)rng_below(&r, (uint64_t)(rows - 64));
            in.weight = in.weight == NULL ? NULL : in.weight + 64;
            round_trip(&m, &in, 0);
        }
        arena_reset(&a);
    }
    const delta none = {.row_count = 5, .column_count = 0};
    round_trip(&m, &none, 3);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_floats(void **state) {
    (void)state;
    mem                   m;
    static const uint64_t words[] = {0x7ff0000000000001, 0xfff8000000000123, 0x8000000000000000, 0,
                                     0x7ff0000000000000, 0xfff0000000000000, 0x7fffffffffffffff, 1};
    mem_init(&m, INT64_MAX);
    const column c = {.type = {.id = TYPE_F64}, .values = words};
    const delta  rows = {.row_count = ARRAY_COUNT(words), .column_count = 1, .columns = &c};
    round_trip(&m, &rows, 5);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Values that suit an encoding are small. */
static void
test_sizes(void **state) {
    (void)state;
    static const int64_t most[STYLES] = {530000, 40000, 100000, 65000, 4000, 200};
    mem                  m;
    arena                a;
    error                err = {0};
    rng                  r = {3};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (style s = 0; s < STYLES; s++) {
        buf          out;
        const column c = column_for(&r, &a, type_of(TYPE_I64), s, 65536, 0);
        const delta  rows = {.row_count = 65536, .column_count = 1, .columns = &c};
        buf_init(&out, &m, SIZE_MAX);
        CHECK_OK(packed_put(&out, &rows, 0, &err));
        if ((int64_t)out.size > most[s]) {
            print_error("style %d: %zu bytes\n", (int)s, out.size);
        }
        CHECK((int64_t)out.size <= most[s]);
        buf_fini(&out);
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- One column from its bytes alone */

static void
test_one_column(void **state) {
    (void)state;
    mem                m;
    arena              a;
    error              err = {0};
    rng                r = {11};
    buf                out;
    packed             p;
    int64_t            lead = 0;
    int64_t            size = 0;
    const packed_place place = {.salt = 77};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    buf_init(&out, &m, SIZE_MAX);
    make_types();
    column columns[TYPES_MAX];
    for (int32_t i = 0; i < type_count; i++) {
        columns[i] = column_for(&r, &a, types[i], (style)(i % STYLES), 3000, i % 3 * 20);
    }
    const delta rows = {.row_count = 3000, .column_count = type_count, .columns = columns};
    CHECK_OK(packed_put(&out, &rows, place.salt, &err));
    CHECK_OK(packed_look((text){out.data, PACKED_HEAD}, place, &lead, &size, &err));
    CHECK_EQ(size, out.size);
    char *copy = malloc((size_t)lead);
    assert_non_null(copy);
    memcpy(copy, out.data, (size_t)lead);
    CHECK_OK(packed_open(&p, (text){copy, (size_t)lead}, place, &a, &err));
    free(copy); /* nothing points there */
    for (int32_t i = 0; i < type_count; i++) {
        const size_t part_size = (size_t)p.parts[i].size;
        char        *bytes = malloc(part_size);
        chunk       *c = chunk_new(&m);
        column       back;
        assert_true(bytes != NULL && c != NULL);
        memcpy(bytes, out.data + p.parts[i].at, part_size);
        CHECK_OK(packed_column(&back, &p, i, (text){bytes, part_size}, c, &err));
        free(bytes);
        check_same(&back, &columns[i], 3000);
        CHECK(p.parts[i].raw_bytes >= 3000 * (int64_t)type_width(types[i]));
        chunk_release(c);
    }
    buf_fini(&out);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- Damage */

static void
refused(mem *m, text bytes, packed_place place, const char *what) {
    error  err = {0};
    batch *b = NULL;
    CHECK_EQ(packed_batch(&b, m, bytes, place, &err), ERR_CORRUPTION);
    if (strstr(err.message, what) == NULL || err.hint[0] == '\0') {
        print_error("\"%s\" does not say \"%s\"\n", err.message, what);
        fail();
    }
}

/* What is read for the part that has the byte: packed_batch reads all parts in the same way. */
static bool
is_told(mem *m, const packed *p, text bytes, int64_t byte, packed_place place) {
    error  err = {0};
    packed again;
    arena  a;
    for (int32_t i = 0; i < p->column_count; i++) {
        const packed_part *part = &p->parts[i];
        if (byte >= part->at && byte < part->at + part->size) {
            column       out;
            chunk       *c = chunk_new(m);
            const text   of = {bytes.data + part->at, (size_t)part->size};
            const status s = packed_column(&out, p, i, of, c, &err);
            chunk_release(c);
            return s == ERR_CORRUPTION;
        }
    }
    arena_init(&a, m);
    const status s = packed_open(&again, bytes, place, &a, &err);
    arena_fini(&a);
    return s == ERR_CORRUPTION;
}

/* 64 KiB of packed rows of all types: each of their bits, or one in eight under a sanitizer. */
static void
test_every_bit(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const size_t step = 61;
#else
    const size_t step = 1;
#endif
    mem                m;
    arena              a;
    error              err = {0};
    rng                r = {13};
    buf                out;
    int64_t            flips = 0;
    packed             p;
    const packed_place place = {.salt = 1234567};
    column             columns[4];
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    buf_init(&out, &m, SIZE_MAX);
    const type_id ids[] = {TYPE_I64, TYPE_TEXT, TYPE_F64, TYPE_I32};
    kernel_init(); /* for the checksums */
    for (int32_t i = 0; i < 4; i++) {
        columns[i] = column_for(&r, &a, type_of(ids[i]), i == 3 ? RUNS : WILD, 2400, 20 * i);
    }
    const delta rows = {.row_count = 2400, .column_count = 4, .columns = columns};
    CHECK_OK(packed_put(&out, &rows, place.salt, &err));
    CHECK_OK(packed_open(&p, buf_text(&out), place, &a, &err));
    CHECK(out.size >= 48 << 10 && out.size <= 80 << 10);
    for (size_t bit = 0; bit < 8 * out.size; bit += step, flips++) {
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ 1 << (bit % 8));
        if (!is_told(&m, &p, buf_text(&out), (int64_t)bit / 8, place)) {
            print_error("bit %zu of %zu is not missed\n", bit, 8 * out.size);
            fail();
        }
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ 1 << (bit % 8));
    }
    print_message("packed: %lld bits of %zu bytes turned over, all told\n", (long long)flips,
                  out.size);
    for (size_t size = 0; size < out.size; size += 1 + size / 64) {
        refused(&m, (text){out.data, size}, place, "offset");
    }
    refused(&m, buf_text(&out), (packed_place){.salt = 1}, "offset 0 (the directory)");
    refused(&m, buf_text(&out), (packed_place){.salt = 1, .offset = 4096}, "offset 4096");
    buf_fini(&out);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* A block at the place of another is none (D19). */
static void
test_swapped(void **state) {
    (void)state;
    mem                m;
    arena              a;
    error              err = {0};
    packed             p;
    buf                out;
    rng                r = {17};
    column             columns[2];
    const packed_place place = {.salt = 5};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    buf_init(&out, &m, SIZE_MAX);
    for (int32_t i = 0; i < 2; i++) {
        columns[i] = column_for(&r, &a, type_of(TYPE_UUID), WILD, 20000, 0);
    }
    const delta rows = {.row_count = 20000, .column_count = 2, .columns = columns};
    CHECK_OK(packed_put(&out, &rows, place.salt, &err));
    CHECK_OK(packed_open(&p, buf_text(&out), place, &a, &err));
    const size_t size = (size_t)p.parts[0].size;
    CHECK_EQ(size, p.parts[1].size);
    char *kept = malloc(size);
    assert_non_null(kept);
    memcpy(kept, out.data + p.parts[0].at, size);
    memcpy(out.data + p.parts[0].at, out.data + p.parts[1].at, size);
    memcpy(out.data + p.parts[1].at, kept, size);
    refused(&m, buf_text(&out), place, "column 0");
    free(kept);
    buf_fini(&out);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_later_version(void **state) {
    (void)state;
    mem         m;
    error       err = {0};
    batch      *b = NULL;
    buf         out;
    const delta rows = {.row_count = 1, .column_count = 0};
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, SIZE_MAX);
    CHECK_OK(packed_put(&out, &rows, 0, &err));
    const uint32_t later = PACKED_VERSION + 1;
    memcpy(out.data + 8, &later, 4);
    packed_seal(out.data, out.size, 0);
    CHECK_EQ(packed_batch(&b, &m, buf_text(&out), (packed_place){0}, &err), ERR_CORRUPTION);
    CHECK(strstr(err.message, "later version") != NULL);
    buf_fini(&out);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- Out of memory */

static status
put_and_take(mem *m, error *err) {
    mem    own;
    arena  a;
    buf    out;
    batch *b = NULL;
    rng    r = {19};
    mem_init(&own, INT64_MAX);
    arena_init(&a, &own);
    column columns[TYPES_MAX];
    for (int32_t i = 0; i < type_count; i++) {
        columns[i] = column_for(&r, &a, types[i], (style)(i % STYLES), 70, i % 3 * 20);
    }
    const delta rows = {.row_count = 70, .column_count = type_count, .columns = columns};
    buf_init(&out, m, SIZE_MAX);
    status s = packed_put(&out, &rows, 0, err);
    if (s == OK) {
        s = packed_batch(&b, m, buf_text(&out), (packed_place){0}, err);
    } else {
        CHECK_EQ(out.size, 0);
    }
    batch_release(b);
    buf_fini(&out);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&own), 0);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    make_types();
    CHECK(torture("packed rows", put_and_take) > 50);
}

UNIT_MAIN(UNIT(test_every_type), UNIT(test_deltas), UNIT(test_floats), UNIT(test_sizes),
          UNIT(test_one_column), UNIT(test_every_bit), UNIT(test_swapped), UNIT(test_later_version),
          UNIT(test_torture))
