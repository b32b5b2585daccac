/* SPDX-License-Identifier: Apache-2.0 */
/* hand.h - Arrow records built by hand, as a foreign producer would: buffers of exact size (a read
 * beyond is seen by ASan), freed by the release callback (a read after it too), releases counted;
 * and the values that each row must have. */
#ifndef LAMINAR_TESTS_HAND_H
#define LAMINAR_TESTS_HAND_H

#include "../batch/random_rows.h"
#include "arrow/arrow.h"
#include "type/uuid.h"

#define HAND_COLUMNS 64
#define HAND_ROWS 200

typedef struct hand {
    struct ArrowSchema  schema;
    struct ArrowSchema *schema_children[HAND_COLUMNS];
    struct ArrowSchema  schema_of[HAND_COLUMNS];
    struct ArrowSchema  dictionary_schema_of[HAND_COLUMNS];
    struct ArrowArray   array;
    struct ArrowArray  *children[HAND_COLUMNS];
    struct ArrowArray   array_of[HAND_COLUMNS];
    struct ArrowArray   dictionary_of[HAND_COLUMNS];
    const void         *buffers[HAND_COLUMNS][2][4];
    const void         *record_buffers[1];
    char                names[HAND_COLUMNS][8];
    value              *expected[HAND_COLUMNS]; /* from the first row of the record on */
    data_type           types[HAND_COLUMNS];
    int32_t             count;
    int32_t             rows;
    int64_t             record_offset;
    int                 releases;
    void               *memory[HAND_COLUMNS * 12];
    int                 memory_count;
    void               *kept[HAND_COLUMNS * HAND_ROWS * 2]; /* expected values: freed by the test */
    int                 kept_count;
} hand;

static inline void
hand_release_array(struct ArrowArray *a) {
    hand *h = a->private_data;
    h->releases++;
    for (int i = 0; i < h->memory_count; i++) {
        free(h->memory[i]);
    }
    h->memory_count = 0;
    a->release = NULL;
}

static inline void
hand_release_child(struct ArrowArray *a) {
    (void)a;
    fail_msg("a child must not be released by the consumer of the record");
}

static inline void
hand_release_schema(struct ArrowSchema *s) {
    s->release = NULL;
}

/* Exactly `bytes` bytes, with junk in them. */
static inline void *
hand_memory(hand *h, size_t bytes) {
    void *p = malloc(bytes == 0 ? 1 : bytes);
    assert_non_null(p);
    memset(p, 0xa5, bytes == 0 ? 1 : bytes);
    h->memory[h->memory_count++] = p;
    return p;
}

static inline void *
hand_keep(hand *h, size_t bytes) {
    void *p = calloc(1, bytes == 0 ? 1 : bytes);
    assert_non_null(p);
    h->kept[h->kept_count++] = p;
    return p;
}

static inline void
hand_begin(hand *h, int32_t rows, int64_t record_offset) {
    memset(h, 0, sizeof(*h));
    h->rows = rows;
    h->record_offset = record_offset;
    h->schema = (struct ArrowSchema){
        .format = "+s", .children = h->schema_children, .release = hand_release_schema};
    h->array = (struct ArrowArray){.length = rows,
                                   .offset = record_offset,
                                   .n_buffers = 1,
                                   .buffers = h->record_buffers,
                                   .children = h->children,
                                   .release = hand_release_array,
                                   .private_data = h};
}

static inline void
hand_end(hand *h) {
    if (h->array.release != NULL) {
        h->array.release(&h->array);
    }
    for (int i = 0; i < h->kept_count; i++) {
        free(h->kept[i]);
    }
}

typedef struct hand_array {
    hand        *hand;
    const void **buffers;
    const char  *format;
    int64_t      total;      /* rows of the buffers */
    int64_t      null_count; /* among offset .. total */
    int64_t      offset;
    value       *values; /* of all rows of the buffers */
    data_type    type;
} hand_array;

static inline int64_t
hand_random_i64(rng *r) {
    return (int64_t)(rng_next(r) >> rng_below(r, 63));
}

static inline void
hand_validity(hand_array *a, rng *r, bool nulls) {
    a->buffers[0] = NULL;
    for (int64_t i = 0; i < a->total; i++) {
        a->values[i].type = a->type;
    }
    if (!nulls) {
        return;
    }
    uint8_t *bits = hand_memory(a->hand, (size_t)(a->total + 7) / 8);
    for (int64_t i = 0; i < a->total; i++) {
        const bool valid = rng_below(r, 4) != 0;
        bits[i >> 3] = (uint8_t)((bits[i >> 3] & ~(1 << (i & 7))) | (valid << (i & 7)));
        a->values[i].is_null = !valid;
        a->null_count += !valid && i >= a->offset;
    }
    a->buffers[0] = bits;
}

static inline text
hand_text(hand_array *a, rng *r) {
    static const char *const parts[] = {"a",  "bc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                        "xyz"};
    const int32_t            n = (int32_t)rng_below(r, rng_below(r, 6) == 0 ? 20 : 6);
    char                    *data = hand_keep(a->hand, (size_t)n * 4 + 1);
    size_t                   size = 0;
    for (int32_t i = 0; i < n; i++) {
        const char *part = parts[rng_below(r, 6)];
        memcpy(data + size, part, strlen(part));
        size += strlen(part);
    }
    return (text){data, size};
}

static inline void
hand_offsets(hand_array *a, rng *r, bool large) {
    const size_t n = (size_t)a->total;
    int32_t     *small = large ? NULL : hand_memory(a->hand, (n + 1) * 4);
    int64_t     *big = large ? hand_memory(a->hand, (n + 1) * 8) : NULL;
    int64_t      end = (int64_t)rng_below(r, 4);
    size_t       size = (size_t)end;
    for (size_t i = 0; i < n; i++) {
        a->values[i].s = hand_text(a, r);
        size += a->values[i].s.size;
    }
    char *bytes = hand_memory(a->hand, size);
    for (size_t i = 0; i <= n; i++) {
        if (large) {
            big[i] = end;
        } else {
            small[i] = (int32_t)end;
        }
        if (i < n) {
            memcpy(bytes + end, a->values[i].s.data, a->values[i].s.size);
            end += (int64_t)a->values[i].s.size;
        }
    }
    a->buffers[1] = large ? (void *)big : (void *)small;
    a->buffers[2] = bytes;
}

static inline void
hand_views(hand_array *a, rng *r) {
    const size_t n = (size_t)a->total;
    uint8_t     *views = hand_memory(a->hand, n * 16);
    size_t       size = 0;
    for (size_t i = 0; i < n; i++) {
        a->values[i].s = hand_text(a, r);
        size += a->values[i].s.size;
    }
    char   *bytes = hand_memory(a->hand, size);
    int32_t end = 0;
    for (size_t i = 0; i < n; i++) {
        const text    t = a->values[i].s;
        const int32_t fields[3] = {(int32_t)t.size, 0, end};
        memset(views + 16 * i, 0, 16);
        memcpy(views + 16 * i, &fields[0], 4);
        if (t.size <= 12) {
            memcpy(views + 16 * i + 4, t.data, t.size);
        } else {
            memcpy(views + 16 * i + 4, t.data, 4);
            memcpy(views + 16 * i + 8, &fields[1], 8);
            memcpy(bytes + end, t.data, t.size);
            end += (int32_t)t.size;
        }
        if (a->values[i].is_null) {
            memset(views + 16 * i, 0xff, 16);
        }
    }
    int64_t *sizes = hand_memory(a->hand, 8);
    sizes[0] = (int64_t)size;
    a->buffers[1] = views;
    a->buffers[2] = bytes;
    a->buffers[3] = sizes;
}

static inline void
hand_bits(hand_array *a, rng *r) {
    uint8_t *bits = hand_memory(a->hand, (size_t)(a->total + 7) / 8);
    for (int64_t i = 0; i < a->total; i++) {
        a->values[i].b = rng_below(r, 2) != 0;
        bits[i >> 3] = (uint8_t)((bits[i >> 3] & ~(1 << (i & 7))) | (a->values[i].b << (i & 7)));
    }
    a->buffers[1] = bits;
}

static inline size_t
hand_width(const char *format) {
    if (format[0] == 'd') {
        return strstr(format, ",32") != NULL    ? 4
               : strstr(format, ",64") != NULL  ? 8
               : strstr(format, ",256") != NULL ? 32
                                                : 16;
    }
    return format[0] == 'w'           ? (strcmp(format, "w:16") == 0 ? 16 : 5)
           : strchr("cC", format[0])  ? 1
           : strchr("sSe", format[0]) ? 2
           : strchr("iIf", format[0]) || strcmp(format, "tdD") == 0   ? 4
           : strcmp(format, "tts") == 0 || strcmp(format, "ttm") == 0 ? 4
           : strcmp(format, "tin") == 0                               ? 16
                                                                      : 8;
}

/* n / 512 as a half float, |n| < 1024. */
static inline uint16_t
hand_half(int32_t n) {
    const uint32_t size = (uint32_t)(n < 0 ? -n : n);
    uint32_t       exponent = 15;
    uint32_t       mantissa = size * 2; /* 1024 + bits: [1, 2) has exponent 15 */
    if (size == 0) {
        return 0;
    }
    for (; mantissa < 1024; mantissa *= 2) {
        exponent--;
    }
    return (uint16_t)((n < 0 ? 0x8000u : 0u) | exponent << 10 | (mantissa - 1024));
}

static inline void
hand_decimal(const char *format, int64_t x, void *p, value *v) {
    const bool narrow = strcmp(format, "d:9,2") == 0 || strcmp(format, "d:7,1,32") == 0;
    x = narrow ? x % 9999999 : x % 999999999999999;
    const int128 wide[2] = {x, x < 0 ? -1 : 0};
    memcpy(p, wide, hand_width(format));
    value_set_wide(v, strcmp(format, "d:15,-2") == 0 ? (int128)x * 100 : x);
    if (v->is_null) { /* what lies under NULL may be anything */
        memset(p, 0x7f, hand_width(format));
    }
}

static inline void
hand_clock(char unit, int64_t x, void *p, value *v) {
    const int64_t per_second = unit == 's'   ? 1
                               : unit == 'm' ? 1000
                               : unit == 'u' ? 1000000
                                             : 1000000000;
    x = (x < 0 ? -(x + 1) : x) % (86400 * per_second);
    v->i = unit == 'n' ? x / 1000 : x * (1000000 / per_second);
    x = v->is_null ? -1 : x;
    memcpy(p, &x, unit == 's' || unit == 'm' ? 4 : 8);
}

/* One number in Arrow's layout at `p`, and the engine's value of it. */
static inline void
hand_number(hand_array *a, rng *r, void *p, value *v) {
    const char *format = a->format;
    int64_t     x = hand_random_i64(r) * (rng_below(r, 2) == 0 ? 1 : -1);
    if (strcmp(format, "c") == 0) {
        *(int8_t *)p = (int8_t)x;
        v->i = (int8_t)x;
    } else if (strcmp(format, "C") == 0) {
        *(uint8_t *)p = (uint8_t)x;
        v->i = (uint8_t)x;
    } else if (strcmp(format, "s") == 0) {
        *(int16_t *)p = (int16_t)x;
        v->i = (int16_t)x;
    } else if (strcmp(format, "S") == 0) {
        *(uint16_t *)p = (uint16_t)x;
        v->i = (uint16_t)x;
    } else if (strcmp(format, "i") == 0 || strcmp(format, "tdD") == 0) {
        *(int32_t *)p = (int32_t)x;
        v->i = (int32_t)x;
    } else if (strcmp(format, "I") == 0) {
        *(uint32_t *)p = (uint32_t)x;
        v->i = (uint32_t)x;
    } else if (strcmp(format, "e") == 0) { /* -2 .. 2 in steps of 2^-9, by hand */
        const int32_t n = (int32_t)(x % 1024);
        *(uint16_t *)p = hand_half(n);
        v->d = (double)n / 512;
    } else if (format[0] == 'd') {
        hand_decimal(format, x, p, v);
    } else if (strncmp(format, "tt", 2) == 0) {
        hand_clock(format[2], x, p, v);
    } else if (strcmp(format, "w:5") == 0) {
        char *bytes = hand_keep(a->hand, 5);
        memcpy(bytes, &x, 5);
        memcpy(p, &x, 5);
        v->s = (text){bytes, 5};
    } else if (strcmp(format, "w:16") == 0) {
        memcpy(p, &x, 8);
        memcpy((char *)p + 8, &x, 8);
        v->h = uuid_from_bytes(p);
    } else if (strcmp(format, "f") == 0) {
        *(float *)p = (float)x / 8;
        v->d = (double)((float)x / 8);
    } else if (strcmp(format, "g") == 0) {
        *(double *)p = (double)x / 8;
        v->d = (double)x / 8;
    } else if (strcmp(format, "tdm") == 0) {
        x %= 100000000000000;
        *(int64_t *)p = v->is_null ? INT64_MAX : x;
        v->i = x / 86400000 - (x % 86400000 < 0);
    } else if (strcmp(format, "tsm:Europe/Berlin") == 0) {
        x /= 1000;
        *(int64_t *)p = v->is_null ? INT64_MIN : x;
        v->i = x * 1000;
    } else if (strcmp(format, "tsn:UTC") == 0) {
        *(int64_t *)p = x;
        v->i = x / 1000 - (x % 1000 < 0);
    } else if (strcmp(format, "tin") == 0) {
        *(interval *)p = (interval){(int32_t)x, -(int32_t)(x & 0xffff), x};
        v->iv = (interval){(int32_t)x, -(int32_t)(x & 0xffff), x / 1000 - (x % 1000 < 0)};
    } else { /* l, L, timestamps without a zone, tsu */
        *(int64_t *)p = x;
        v->i = x;
    }
}

static inline data_type
hand_type(const char *format) {
    static const struct {
        const char *format;
        type_id     type;
    } types[] = {{"n", TYPE_NULL},
                 {"b", TYPE_BOOL},
                 {"c", TYPE_I8},
                 {"C", TYPE_U8},
                 {"s", TYPE_I16},
                 {"S", TYPE_U16},
                 {"i", TYPE_I32},
                 {"I", TYPE_U32},
                 {"l", TYPE_I64},
                 {"L", TYPE_U64},
                 {"e", TYPE_F32},
                 {"f", TYPE_F32},
                 {"g", TYPE_F64},
                 {"u", TYPE_TEXT},
                 {"U", TYPE_TEXT},
                 {"vu", TYPE_TEXT},
                 {"z", TYPE_BLOB},
                 {"Z", TYPE_BLOB},
                 {"vz", TYPE_BLOB},
                 {"w:5", TYPE_BLOB},
                 {"w:16", TYPE_UUID},
                 {"tdD", TYPE_DATE},
                 {"tdm", TYPE_DATE},
                 {"tin", TYPE_INTERVAL},
                 {"tss:", TYPE_TIMESTAMP_S},
                 {"tsm:", TYPE_TIMESTAMP_MS},
                 {"tsu:", TYPE_TIMESTAMP},
                 {"tsn:", TYPE_TIMESTAMP_NS}};
    static const struct {
        const char *format;
        data_type   type;
    } decimals[] = {{"d:9,2", {.id = TYPE_DECIMAL, .precision = 9, .scale = 2}},
                    {"d:38,10", {.id = TYPE_DECIMAL, .precision = 38, .scale = 10}},
                    {"d:15,-2", {.id = TYPE_DECIMAL, .precision = 17, .scale = 0}},
                    {"d:7,1,32", {.id = TYPE_DECIMAL, .precision = 7, .scale = 1}},
                    {"d:15,2,64", {.id = TYPE_DECIMAL, .precision = 15, .scale = 2}},
                    {"d:50,3,256", {.id = TYPE_DECIMAL, .precision = 38, .scale = 3}}};
    for (int32_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (strcmp(types[i].format, format) == 0) {
            return type_of(types[i].type);
        }
    }
    for (int32_t i = 0; i < ARRAY_COUNT(decimals); i++) {
        if (strcmp(decimals[i].format, format) == 0) {
            return decimals[i].type;
        }
    }
    return type_of(format[1] == 't' ? TYPE_TIME : TYPE_TIMESTAMPTZ);
}

static inline bool
hand_is_text(const char *format) {
    return strchr("uUzZ", format[0]) != NULL;
}

static inline void
hand_fill(hand_array *a, rng *r, bool nulls) {
    a->type = hand_type(a->format);
    a->values = hand_keep(a->hand, (size_t)a->total * sizeof(value));
    hand_validity(a, r, nulls && a->format[0] != 'n');
    if (a->format[0] == 'n') {
        a->null_count = a->total - a->offset;
        for (int64_t i = 0; i < a->total; i++) {
            a->values[i].is_null = true;
        }
    } else if (a->format[0] == 'b') {
        hand_bits(a, r);
    } else if (hand_is_text(a->format)) {
        hand_offsets(a, r, a->format[0] == 'U' || a->format[0] == 'Z');
    } else if (a->format[0] == 'v') {
        hand_views(a, r);
    } else {
        const size_t width = hand_width(a->format);
        uint8_t     *p = hand_memory(a->hand, (size_t)a->total * width);
        for (int64_t i = 0; i < a->total; i++) {
            hand_number(a, r, p + (size_t)i * width, &a->values[i]);
        }
        a->buffers[1] = p;
    }
}

static inline int64_t
hand_buffers(const char *format) {
    return format[0] == 'n' ? 0 : format[0] == 'v' ? 4 : hand_is_text(format) ? 3 : 2;
}

static inline struct ArrowArray
hand_array_struct(const hand_array *a) {
    return (struct ArrowArray){.length = a->total - a->offset,
                               .null_count = a->null_count,
                               .offset = a->offset,
                               .n_buffers = hand_buffers(a->format),
                               .buffers = a->buffers,
                               .release = hand_release_child,
                               .private_data = a->hand};
}

/* Two pairs, of which the second names the extension type. */
static const char hand_uuid[] = "\2\0\0\0\1\0\0\0a\0\0\0\0\x14\0\0\0ARROW:extension:name\x0a\0\0\0"
                                "arrow.uuid";

/* Adds a column with `offset` rows before it and some behind it; with value_format it is a
 * dictionary with indices of `format`. */
static inline void
hand_column(hand *h, rng *r, const char *format, const char *value_format, int64_t offset,
            bool nulls) {
    const int32_t at = h->count++;
    hand_array    a = {.hand = h, .buffers = h->buffers[at][0], .format = format, .offset = offset};
    a.total = offset + h->record_offset + h->rows + (int64_t)rng_below(r, 3);
    hand_fill(&a, r, nulls);
    snprintf(h->names[at], sizeof(h->names[at]), "c%d", at);
    h->schema_of[at] =
        (struct ArrowSchema){.format = format,
                             .name = h->names[at],
                             .metadata = strcmp(format, "w:16") == 0 ? hand_uuid : NULL,
                             .flags = 2,
                             .release = hand_release_schema};
    if (value_format != NULL) {
        hand_array d = {.hand = h,
                        .buffers = h->buffers[at][1],
                        .format = value_format,
                        .offset = (int64_t)rng_below(r, 4)};
        d.total = d.offset + 9;
        hand_fill(&d, r, nulls);
        const size_t width = hand_width(format);
        uint8_t     *indices = (uint8_t *)(uintptr_t)a.buffers[1];
        for (int64_t i = 0; i < a.total; i++) {
            const uint64_t index = a.values[i].is_null ? 0xeeeeeeeeeeeeeeeeULL : rng_below(r, 9);
            memcpy(indices + (size_t)i * width, &index, width);
            const bool is_null = a.values[i].is_null;
            a.values[i] = is_null ? (value){.type = d.type, .is_null = true}
                                  : d.values[d.offset + (int64_t)index];
        }
        a.type = d.type;
        h->dictionary_schema_of[at] =
            (struct ArrowSchema){.format = value_format, .release = hand_release_schema};
        h->dictionary_of[at] = hand_array_struct(&d);
        h->schema_of[at].dictionary = &h->dictionary_schema_of[at];
    }
    h->array_of[at] = hand_array_struct(&a);
    h->array_of[at].dictionary = value_format == NULL ? NULL : &h->dictionary_of[at];
    if (rng_below(r, 3) == 0) {
        h->array_of[at].null_count = -1;
    }
    h->schema_children[at] = &h->schema_of[at];
    h->children[at] = &h->array_of[at];
    h->expected[at] = a.values + offset + h->record_offset;
    h->types[at] = a.type;
    h->schema.n_children = h->count;
    h->array.n_children = h->count;
}

/* All types and dictionaries. */
static inline void
hand_everything(hand *h, rng *r, bool nulls) {
    static const char *const formats[] = {"n",
                                          "b",
                                          "c",
                                          "C",
                                          "s",
                                          "S",
                                          "i",
                                          "I",
                                          "l",
                                          "L",
                                          "f",
                                          "g",
                                          "u",
                                          "U",
                                          "vu",
                                          "e",
                                          "z",
                                          "Z",
                                          "vz",
                                          "w:5",
                                          "w:16",
                                          "d:9,2",
                                          "d:38,10",
                                          "d:15,-2",
                                          "d:7,1,32",
                                          "d:15,2,64",
                                          "d:50,3,256",
                                          "tts",
                                          "ttm",
                                          "ttu",
                                          "ttn",
                                          "tsn:UTC",
                                          "tsm:",
                                          "tdD",
                                          "tdm",
                                          "tss:",
                                          "tsm:Europe/Berlin",
                                          "tsu:",
                                          "tsu:UTC",
                                          "tsn:",
                                          "tin"};
    static const char *const indices[] = {"c", "C", "s", "S", "i", "I", "l", "L"};
    static const char *const values[] = {"u", "vz", "d:9,2", "U", "b", "w:5", "tsn:", "n"};
    for (int32_t i = 0; i < ARRAY_COUNT(formats); i++) {
        hand_column(h, r, formats[i], NULL, (int64_t)rng_below(r, 10), nulls);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(indices); i++) {
        hand_column(h, r, indices[i], values[i], (int64_t)rng_below(r, 10), nulls);
    }
}

static inline void
hand_check(const hand *h, const delta *d) {
    assert_int_equal(d->column_count, h->count);
    assert_int_equal(d->row_count, h->rows);
    for (int32_t c = 0; c < h->count; c++) {
        for (int32_t i = 0; i < h->rows; i++) {
            const value got = column_value(&d->columns[c], i);
            if (!same_value(&got, &h->expected[c][i])) {
                print_error("column %d (%s), row %d\n", c, h->schema_of[c].format, i);
                fail();
            }
        }
    }
}

#endif
