/* SPDX-License-Identifier: Apache-2.0 */
/* test_import.c - records of all types with NULLs and offsets are read as they are; records with
 * anything wrong are refused, released once. */
#include "hand.h"

static hand h; /* large */

/* Rows of every type, for offsets 0 .. 9 of the record and random ones of the columns, borrowed and
 * copied. */
static void
test_values(void **state) {
    (void)state;
    rng   r = {21};
    error err;
    for (int round = 0; round < 160; round++) {
        mem m;
        mem_init(&m, INT64_MAX);
        const bool    keep = round & 1;
        const int32_t rows = round % 16 == 0 ? 0 : (int32_t)rng_below(&r, HAND_ROWS - 30);
        hand_begin(&h, rows, round % 10);
        hand_everything(&h, &r, (round / 2) % 4 != 0);
        arena a;
        arena_init(&a, &m);
        schema s;
        CHECK_OK(arrow_import_schema(&s, &h.schema, &a, &err));
        CHECK_EQ(s.count, h.count);
        batch *b;
        CHECK_OK(arrow_import_batch(&b, &m, &h.schema, &h.array, keep, &err));
        CHECK(h.array.release == NULL);
        CHECK_EQ(h.releases, keep ? 0 : 1);
        for (int32_t c = 0; c < h.count; c++) {
            CHECK(type_equal(s.fields[c].type, h.types[c]) &&
                  type_equal(b->rows.columns[c].type, h.types[c]));
            CHECK_TEXT(s.fields[c].name, h.names[c]);
            assert_non_null(b->rows.columns[c].owner);
            CHECK(!keep || rows == 0 || strcmp(h.schema_of[c].format, "u") != 0 ||
                  b->rows.columns[c].layout == COLUMN_OFFSETS);
            CHECK(!keep || rows == 0 || strcmp(h.schema_of[c].format, "tsu:") != 0 ||
                  (const uint8_t *)b->rows.columns[c].values ==
                      (const uint8_t *)h.array_of[c].buffers[1] +
                          8 * (h.array_of[c].offset + h.record_offset));
        }
        hand_check(&h, &b->rows);
        batch *part; /* rows that are kept hold the producer's array */
        CHECK_OK(batch_keep(&part, &m, &b->rows, &err));
        batch_release(b);
        CHECK_EQ(h.releases, keep ? 0 : 1);
        hand_check(&h, &part->rows);
        batch_release(part);
        CHECK_EQ(h.releases, 1);
        arena_fini(&a);
        hand_end(&h);
        CHECK_EQ(mem_fini(&m), 0);
    }
}

/* A buffer that is not aligned for its type is copied. */
static void
test_unaligned(void **state) {
    (void)state;
    rng   r = {22};
    error err;
    mem   m;
    mem_init(&m, INT64_MAX);
    hand_begin(&h, 50, 3);
    hand_everything(&h, &r, true);
    for (int32_t i = 0; i < h.count; i++) {
        const char *f = h.schema_of[i].format;
        if (hand_buffers(f) != 2 || f[0] == 'b') {
            continue;
        }
        const size_t bytes = (size_t)(h.array_of[i].length + h.array_of[i].offset) * hand_width(f);
        uint8_t     *moved = hand_memory(&h, bytes + 1);
        memcpy(moved + 1, h.buffers[i][0][1], bytes);
        h.buffers[i][0][1] = moved + 1;
    }
    batch *b;
    CHECK_OK(arrow_import_batch(&b, &m, &h.schema, &h.array, true, &err));
    hand_check(&h, &b->rows);
    batch_release(b);
    CHECK_EQ(h.releases, 1);
    hand_end(&h);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- what is refused */

enum { INTS, DECIMALS, BOOLS, TEXTS, LARGE, VIEWS, DICT, DATES, TIMES, NULLS, BROKEN_COLUMNS };

static void
make_plain(rng *r) {
    static const char *const formats[] = {"l",  "d:9,2", "b",   "u",   "U",
                                          "vu", "c",     "tdm", "ttu", "n"};
    hand_begin(&h, 40, 2);
    for (int32_t i = 0; i < BROKEN_COLUMNS; i++) {
        hand_column(&h, r, formats[i], i == DICT ? "u" : NULL, 3, true);
    }
    for (int32_t i = 0; i < BROKEN_COLUMNS; i++) { /* exact counts, so that wrong ones are seen */
        if (h.array_of[i].null_count == -1 && i != NULLS) {
            h.array_of[i].null_count = 0;
            for (int64_t k = 3; k < 3 + h.array_of[i].length; k++) {
                const uint8_t *bits = h.buffers[i][0][0];
                h.array_of[i].null_count += !((bits[k >> 3] >> (k & 7)) & 1);
            }
        }
    }
}

static int refused;

/* Must fail, leave nothing behind and release once. */
static void
check_refused(const char *what, int at) {
    error err = {0};
    mem   m;
    mem_init(&m, INT64_MAX);
    batch       *b = NULL;
    const status s = arrow_import_batch(&b, &m, &h.schema, &h.array, refused & 1, &err);
    if (s != ERR_INGESTION_FAILED && s != ERR_INVALID_SCHEMA) {
        print_error("%s of %d gave status %d: %s\n", what, at, s, err.message);
        fail();
    }
    CHECK(b == NULL && h.array.release == NULL && err.message[0] != '\0');
    CHECK_EQ(h.releases, 1);
    CHECK_EQ(mem_fini(&m), 0);
    hand_end(&h);
    refused++;
}

static bool
break_array(struct ArrowArray *a, int how, bool record, bool is_null_type) {
    switch (how) {
    case 0:
        a->length = -1;
        return true;
    case 1:
        a->length = INT64_MAX;
        return true;
    case 2:
        a->offset = -1;
        return true;
    case 3:
        a->offset = INT64_MAX;
        return true;
    case 4:
        a->null_count = -2;
        return true;
    case 5:
        a->null_count = a->length + 1;
        return true;
    case 6:
        a->n_buffers = -1;
        return true;
    case 7:
        a->n_buffers = 7;
        return true;
    case 8:
        a->n_buffers = is_null_type ? 2 : 0;
        return true;
    case 9:
        a->n_children = record ? a->n_children - 1 : 1;
        return true;
    case 10:
        a->n_children = -1;
        return true;
    case 11:
        a->buffers = NULL;
        return !is_null_type;
    case 12:
        a->release = record ? a->release : NULL;
        a->children = NULL;
        return true;
    case 13:
        a->length = 3;
        return !record;
    case 14:
        a->dictionary = a->dictionary == NULL ? &h.dictionary_of[DICT] : NULL;
        return true;
    case 15:
        a->null_count = record ? a->null_count : 0;
        return !record && !is_null_type;
    case 16:
        a->null_count = a->length;
        return !is_null_type;
    default:
        return false;
    }
}

static void
test_broken_arrays(void **state) {
    (void)state;
    rng r = {23};
    for (int at = -2; at < BROKEN_COLUMNS; at++) {
        for (int how = 0; how <= 16; how++) {
            make_plain(&r);
            struct ArrowArray *a = at == -2   ? &h.array
                                   : at == -1 ? &h.dictionary_of[DICT]
                                              : &h.array_of[at];
            if (at == -1 && (how == 7 || how == 13 || how == 16 || how == 15)) {
                hand_end(&h);
                continue; /* a shorter dictionary and its counts are among the data faults */
            }
            if (at == VIEWS && how == 7) {
                hand_end(&h);
                continue; /* more data buffers than are used are legal */
            }
            if (break_array(a, how, at == -2, at == NULLS)) {
                check_refused("array fault", at * 100 + how);
            } else {
                hand_end(&h);
            }
        }
    }
    for (int at = 0; at < BROKEN_COLUMNS; at++) { /* missing columns and buffers */
        make_plain(&r);
        h.children[at] = NULL;
        check_refused("missing child", at);
        make_plain(&r);
        h.buffers[at][0][1] = NULL;
        if (at == NULLS) {
            hand_end(&h);
        } else {
            check_refused("missing values", at);
        }
        make_plain(&r);
        h.buffers[at][0][0] = NULL;
        if (at == NULLS) {
            hand_end(&h);
        } else {
            check_refused("missing validity", at);
        }
    }
}

static bool
break_schema(struct ArrowSchema *s, int how, bool record) {
    static const char *const wrong[] = {"",
                                        "+s",
                                        "E",
                                        "w:-1",
                                        "d:10",
                                        "ttx",
                                        "d:39,0,48",
                                        "ts",
                                        "+l",
                                        "d:77,1,256",
                                        "long and unknown format string",
                                        "\xff\xfe"};
    switch (how) {
    case 0:
        s->release = NULL;
        return true;
    case 1:
        s->format = NULL;
        return true;
    case 2:
        s->n_children = -1;
        return true;
    case 3:
        s->n_children = record ? s->n_children + 1 : 1;
        return true;
    case 4:
        s->n_children = record ? s->n_children - 1 : INT64_MAX;
        return true;
    case 5:
        s->children = NULL;
        return record;
    case 6:
        s->dictionary = s->dictionary == NULL ? &h.dictionary_schema_of[DICT] : NULL;
        return true;
    case 7:
        h.dictionary_schema_of[DICT].dictionary = &h.dictionary_schema_of[DICT];
        return true;
    default:
        s->format = how - 8 < ARRAY_COUNT(wrong) ? wrong[how - 8] : "u";
        return how - 8 < ARRAY_COUNT(wrong) && !(record && how == 9);
    }
}

static void
test_broken_schemas(void **state) {
    (void)state;
    rng r = {24};
    for (int at = -1; at < BROKEN_COLUMNS; at++) {
        for (int how = 0; how < 22; how++) {
            make_plain(&r);
            if (break_schema(at < 0 ? &h.schema : &h.schema_of[at], how, at < 0)) {
                mem    m;
                arena  a;
                schema s;
                mem_init(&m, INT64_MAX);
                arena_init(&a, &m);
                (void)!arrow_import_schema(&s, &h.schema, &a, NULL);
                arena_fini(&a);
                CHECK_EQ(mem_fini(&m), 0);
                check_refused("schema fault", at * 100 + how);
            } else {
                hand_end(&h);
            }
        }
    }
}

static void *
data_of(int at, int buffer) {
    return (void *)(uintptr_t)h.buffers[at][0][buffer];
}

/* The first row of the record at or after `from` that is not NULL and, for texts, longer than
 * `longer`. */
static int64_t
valid_row(int at, int64_t from, size_t longer) {
    for (int64_t i = from; i < h.rows; i++) {
        const value *v = &h.expected[at][i];
        if (!v->is_null && (type_physical(v->type) != PHYSICAL_TEXT || v->s.size > longer)) {
            return i + h.record_offset + 3;
        }
    }
    fail();
    return 0;
}

static void
test_broken_data(void **state) {
    (void)state;
    rng r = {25};
    for (int round = 0; round < 12; round++) {
        const int64_t from = round;
        make_plain(&r);
        ((int128 *)data_of(DECIMALS, 1))[valid_row(DECIMALS, from, 0)] =
            (int128)(round & 1 ? 1000000000 : -1000000000) * ((int128)1 << (round < 6 ? 0 : 70));
        check_refused("large decimal", round);
        make_plain(&r);
        ((int64_t *)data_of(DATES, 1))[valid_row(DATES, from, 0)] =
            round & 1 ? INT64_MIN : INT64_MAX;
        check_refused("large date64", round);
        make_plain(&r);
        ((int64_t *)data_of(TIMES, 1))[valid_row(TIMES, from, 0)] = round & 1 ? 86400000000 : -1;
        check_refused("no time of day", round);
        make_plain(&r);
        ((int8_t *)data_of(DICT, 1))[valid_row(DICT, from, 0)] = round & 1 ? 9 : -1;
        check_refused("dictionary index", round);
        make_plain(&r);
        ((int32_t *)data_of(TEXTS, 1))[5 + round] = -1;
        check_refused("negative offset", round);
        make_plain(&r);
        ((int32_t *)data_of(TEXTS, 1))[6 + round] = INT32_MAX;
        check_refused("decreasing offset", round);
        make_plain(&r);
        ((int64_t *)data_of(LARGE, 1))[5 + round] = round & 1 ? -1 : INT64_MIN;
        check_refused("negative large offset", round);
        make_plain(&r);
        ((int64_t *)data_of(LARGE, 1))[6 + round] = (int64_t)1 << 40;
        check_refused("decreasing large offset", round);
        make_plain(&r);
        const int64_t row = valid_row(TEXTS, from, 0);
        ((char *)data_of(TEXTS, 2))[((int32_t *)data_of(TEXTS, 1))[row]] = (char)0xff;
        check_refused("no UTF-8", round);
        make_plain(&r);
        ((char *)data_of(LARGE, 2))[((int64_t *)data_of(LARGE, 1))[valid_row(LARGE, from, 0)]] =
            (char)0x80;
        check_refused("no UTF-8 in large_utf8", round);
        make_plain(&r);
        ((int32_t *)data_of(VIEWS, 1))[4 * valid_row(VIEWS, from, 0)] = -5;
        check_refused("negative size of a view", round);
        make_plain(&r);
        ((char *)data_of(VIEWS, 1))[16 * valid_row(VIEWS, from, 0) + 4] = (char)0xff;
        check_refused("no UTF-8 or other prefix in a view", round);
        make_plain(&r);
        int32_t *view = (int32_t *)data_of(VIEWS, 1) + 4 * valid_row(VIEWS, 0, 12);
        view[2 + (round & 1)] = round < 4 ? -1 : round < 8 ? 1 << 20 : INT32_MAX;
        check_refused("buffer or offset of a view", round);
    }
}

static void
test_broken_records(void **state) {
    (void)state;
    rng r = {27};
    for (int at = 0; at < 3; at++) { /* rows that cut a character in two */
        make_plain(&r);
        char    *bytes = data_of(TEXTS, 2);
        int32_t *offsets = data_of(TEXTS, 1);
        int64_t  row = valid_row(TEXTS, at * 3, 5);
        memcpy(bytes + offsets[row], "ab\xc3\xa9", 4);
        memset(bytes + offsets[row] + 4, 'x', (size_t)(offsets[row + 1] - offsets[row] - 4));
        offsets[row] = offsets[row] + 3;
        check_refused("a row that begins inside a character", at);
    }
    make_plain(&r);
    uint8_t record_bits[8];
    memset(record_bits, 0xff, sizeof(record_bits));
    record_bits[2] = 0xfe;
    h.record_buffers[0] = record_bits;
    h.array.null_count = 1;
    check_refused("a NULL record", 0);
    make_plain(&r);
    h.array.null_count = 1;
    check_refused("a NULL record without a bitmap", 0);
    CHECK(refused >= 400);
}

/* ---- torture */

static status
torture_import(mem *m, error *err) {
    status s = OK;
    for (int keep = 0; keep < 2 && s >= 0; keep++) {
        rng r = {26};
        hand_begin(&h, 60, 2);
        hand_everything(&h, &r, true);
        batch *b = NULL;
        s = arrow_import_batch(&b, m, &h.schema, &h.array, keep, err);
        CHECK(h.array.release == NULL);
        if (s >= 0) {
            hand_check(&h, &b->rows);
            arena a;
            arena_init(&a, m);
            schema names;
            s = arrow_import_schema(&names, &h.schema, &a, err);
            arena_fini(&a);
        }
        batch_release(b);
        CHECK_EQ(h.releases, 1);
        hand_end(&h);
    }
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("import", torture_import) > 5);
}

/* ---- long texts: threads find what one finds */
enum { LONG_ROWS = 6000, LONG_BYTES = 700 };

static struct {
    struct ArrowSchema record, column, *columns[1];
    struct ArrowArray  array, text, *arrays[1];
    const void        *record_buffers[1], *buffers[3];
    int32_t            offsets[LONG_ROWS + 1];
    char               bytes[LONG_ROWS * LONG_BYTES];
} lengthy;

static void
lengthy_release_array(struct ArrowArray *a) {
    a->release = NULL;
}

static void
lengthy_release_schema(struct ArrowSchema *s) {
    s->release = NULL;
}

static status
import_lengthy(const team *help, mem *m, error *err) {
    batch *b = NULL;
    lengthy.column = (struct ArrowSchema){
        .format = "u", .name = "s", .flags = 2, .release = lengthy_release_schema};
    lengthy.columns[0] = &lengthy.column;
    lengthy.record = (struct ArrowSchema){.format = "+s",
                                          .n_children = 1,
                                          .children = lengthy.columns,
                                          .release = lengthy_release_schema};
    lengthy.buffers[1] = lengthy.offsets;
    lengthy.buffers[2] = lengthy.bytes;
    lengthy.text = (struct ArrowArray){.length = LONG_ROWS,
                                       .n_buffers = 3,
                                       .buffers = lengthy.buffers,
                                       .release = lengthy_release_array};
    lengthy.arrays[0] = &lengthy.text;
    lengthy.array = (struct ArrowArray){.length = LONG_ROWS,
                                        .n_buffers = 1,
                                        .buffers = lengthy.record_buffers,
                                        .n_children = 1,
                                        .children = lengthy.arrays,
                                        .release = lengthy_release_array};
    const status s = arrow_import_batch_by(&b, m, &lengthy.record, &lengthy.array, true, help, err);
    batch_release(b);
    CHECK(lengthy.array.release == NULL);
    return s;
}

static void
test_long_texts(void **state) {
    (void)state;
    mem   m;
    error err, other;
    pool *threads;
    rng   r = {41};
    mem_init(&m, INT64_MAX);
    CHECK_OK(pool_open(&threads, &m, &err));
    const team help = {.pool = threads, .threads = 3};
    for (int32_t i = 0; i <= LONG_ROWS; i++) {
        lengthy.offsets[i] = i * LONG_BYTES;
    }
    int32_t refused_ones = 0;
    for (int32_t round = 0; round < 60; round++) {
        static const char *const odd[] = {"", "\xff", "\xc3\xa9", "\xc3", "\xe2\x82\xac"};
        memset(lengthy.bytes, 'x', sizeof(lengthy.bytes));
        for (int64_t n = (int64_t)rng_below(&r, 3); n > 0; n--) {
            const char *put = odd[rng_below(&r, ARRAY_COUNT(odd))];
            int64_t     at = (int64_t)rng_below(&r, sizeof(lengthy.bytes) - 3);
            at = rng_below(&r, 2) == 0 ? at : at / (512 << 10) * (512 << 10) + 1; /* at a cut */
            at -= at > 2 ? 2 : 0;
            memcpy(lengthy.bytes + at, put, put[0] == '\0' ? 1 : strlen(put));
        }
        const status one = import_lengthy(NULL, &m, &err);
        const status several = import_lengthy(&help, &m, &other);
        CHECK_EQ(one, several);
        CHECK(one == OK || strcmp(err.message, other.message) == 0);
        refused_ones += one < 0;
    }
    CHECK(refused_ones > 5 && refused_ones < 55);
    pool_close(threads);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_values), UNIT(test_unaligned), UNIT(test_broken_arrays),
          UNIT(test_broken_schemas), UNIT(test_broken_data), UNIT(test_broken_records),
          UNIT(test_long_texts), UNIT(test_torture))
