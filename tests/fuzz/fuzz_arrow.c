/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_arrow.c - bytes as the plan of a foreign producer: schema, arrays and buffers, whole or
 * broken. Each buffer is a block of its own with the size that its producer promises by length,
 * offset and format, so ASan sees each read beyond. What an importer cannot know is honest: a block
 * is as long as the lengths and the last text offset say, and the sizes of view buffers are true.
 *
 * What is imported keeping the producer's buffers equals what is imported as a copy, and comes back
 * equal from its own export. The array is released once, on every path. */
#include "fuzz.h"

#include "arrow/arrow.h"

enum { COLUMNS = 4, ROWS_MAX = 70, TEXT_MAX = 200, BLOCKS_MAX = 256, ARRAYS = 2 * COLUMNS + 1 };

typedef struct producer {
    const uint8_t     *at, *end; /* of the plan; zeros behind it */
    struct ArrowSchema schemas[ARRAYS];
    struct ArrowArray  arrays[ARRAYS];
    int32_t            used; /* of schemas and arrays; the record is the first */
    void              *blocks[BLOCKS_MAX];
    int32_t            block_count;
    void              *texts[BLOCKS_MAX]; /* of schemas, which outlive the array */
    int32_t            text_count;
    int32_t            releases;
} producer;

static uint8_t
take(producer *p) {
    return p->at < p->end ? *p->at++ : 0;
}

/* One time in `n`, when the plan goes on: something is broken. */
static bool
rarely(producer *p, int32_t n) {
    return take(p) % n == n - 1;
}

static void *
block(producer *p, size_t size) {
    FUZZ_CHECK(p->block_count < BLOCKS_MAX);
    uint8_t *b = fuzz_block(size);
    p->blocks[p->block_count++] = b;
    return b;
}

static void *
filled(producer *p, size_t size) {
    uint8_t *b = block(p, size);
    for (size_t i = 0; i < size; i++) {
        b[i] = take(p);
    }
    return b;
}

static int64_t
odd_number(producer *p) {
    static const int64_t odd[] = {-1, -2, INT64_MIN, INT64_MAX, INT64_MAX - 1, INT64_MAX / 2, 0, 1};
    return odd[take(p) & 7];
}

static void
release_array(struct ArrowArray *a) {
    producer *p = a->private_data;
    p->releases++;
    for (int32_t i = 0; i < p->block_count; i++) {
        free(p->blocks[i]);
    }
    p->block_count = 0;
    a->release = NULL;
}

static void
release_child(struct ArrowArray *a) {
    FUZZ_CHECK(a == NULL, "a child was released by the consumer of its record");
}

static void
release_schema(struct ArrowSchema *s) {
    s->release = NULL;
}

/* ---- formats */
static const char *const formats[] = {
    "n",        "b",         "c",          "C",       "s",       "S",     "i",       "I",
    "l",        "L",         "f",          "g",       "u",       "U",     "vu",      "tdD",
    "tdm",      "tss:",      "tsm:",       "tsu:UTC", "tsn:",    "tin",   "z",       "+s",
    "d:5,2",    "e",         "",           "tsx:",    "ttu",     "w:5",   "+l",      "vz",
    "Z",        "tts",       "ttm",        "ttn",     "tsn:UTC", "tss:x", "d:38,10", "d:7,-2",
    "d:9,1,32", "d:18,3,64", "d:50,2,256", "w:0",     "w:16",    "d:1",   "w:-1"};

static const char *
format_of(producer *p) {
    const uint8_t b = take(p);
    return b == 255 ? NULL : formats[b % 24 >= 22 ? take(p) % ARRAY_COUNT(formats) : b % 22];
}

static int64_t
width_of(const char *format) {
    switch (format[0]) {
    case 'c':
    case 'C':
        return 1;
    case 's':
    case 'S':
    case 'e':
        return 2;
    case 'd':
        return strstr(format, ",32") != NULL    ? 4
               : strstr(format, ",64") != NULL  ? 8
               : strstr(format, ",256") != NULL ? 32
                                                : 16;
    case 'w':
        return strcmp(format, "w:0") == 0 ? 0 : strcmp(format, "w:5") == 0 ? 5 : 16;
    case 'i':
    case 'I':
    case 'f':
        return 4;
    case 't':
        return strcmp(format, "tdD") == 0 || strcmp(format, "tts") == 0 ||
                       strcmp(format, "ttm") == 0
                   ? 4
               : strcmp(format, "tin") == 0 ? 16
                                            : 8;
    case 'v':
        return 16;
    default:
        return 8;
    }
}

static struct ArrowSchema *
make_schema(producer *p, int32_t at, const char *format) {
    struct ArrowSchema *s = &p->schemas[at];
    const size_t        size = take(p) % 6;
    char               *name = fuzz_block(size + 1);
    for (size_t i = 0; i < size; i++) {
        const uint8_t c = take(p);
        name[i] = (char)(c == 0 ? 'x' : c);
    }
    name[size] = '\0';
    p->texts[p->text_count++] = name;
    char *exact = format == NULL ? NULL : fuzz_copy((const uint8_t *)format, strlen(format) + 1);
    p->texts[p->text_count++] = exact;
    *s = (struct ArrowSchema){.format = exact,
                              .name = rarely(p, 16) ? NULL : name,
                              .flags = take(p),
                              .release = rarely(p, 64) ? NULL : release_schema};
    s->n_children = rarely(p, 64) ? odd_number(p) : 0;
    return s;
}

/* ---- buffers: for `rows` rows from the beginning of the buffer on */

/* Offsets that may be negative or fall, and a block as long as the greatest. */
static void
make_offsets(producer *p, const void **buffers, int64_t rows, bool large) {
    const bool broken = rarely(p, 12);
    int64_t    end = take(p) & 3;
    int64_t    most = end;
    uint8_t   *offsets = block(p, (size_t)(rows + 1) * (large ? 8 : 4));
    for (int64_t i = 0; i <= rows; i++) {
        int64_t offset = broken && rarely(p, 8) ? -(int64_t)take(p) : end;
        offset = broken && rarely(p, 8) ? (int64_t)(take(p) % TEXT_MAX) : offset;
        most = offset > most ? offset : most;
        const int32_t narrow = (int32_t)offset;
        memcpy(offsets + i * (large ? 8 : 4), large ? (void *)&offset : (void *)&narrow,
               large ? 8 : 4);
        end += end < TEXT_MAX ? take(p) & 15 : 0;
    }
    buffers[1] = offsets;
    char      *bytes = block(p, (size_t)most);
    const bool plain = !rarely(p, 3);
    for (int64_t i = 0; i < most; i++) {
        const uint8_t c = take(p);
        bytes[i] = (char)(plain ? 'a' + c % 26 : c);
    }
    buffers[2] = most == 0 && rarely(p, 4) ? NULL : bytes;
}

static void
make_views(producer *p, const void **buffers, int64_t rows, int64_t variadic) {
    int64_t *sizes = block(p, (size_t)variadic * 8);
    for (int64_t i = 0; i < variadic; i++) {
        const size_t size = take(p) % 64;
        buffers[2 + i] = rarely(p, 16) ? NULL : filled(p, size);
        sizes[i] = rarely(p, 32) ? -1 : (int64_t)size;
    }
    uint8_t *views = block(p, (size_t)rows * 16);
    for (int64_t i = 0; i < rows; i++) {
        int32_t       view[4] = {take(p) % 24, 0, 0, 0};
        const int32_t from = variadic == 0 ? 0 : (int32_t)(take(p) % variadic);
        view[0] = rarely(p, 32) ? (int32_t)odd_number(p) : view[0];
        view[2] = rarely(p, 32) ? (int32_t)odd_number(p) : from;
        view[3] = rarely(p, 32) ? (int32_t)odd_number(p) : take(p) % 32;
        const bool is_real = view[0] > 12 && variadic > 0 && buffers[2 + from] != NULL &&
                             sizes[from] >= 4 && view[3] >= 0 && view[3] <= sizes[from] - 4;
        if (is_real && !rarely(p, 8)) {
            memcpy(&view[1], (const char *)buffers[2 + from] + view[3], 4);
        } else if (view[0] >= 0 && view[0] <= 12) {
            char *inlined = (char *)&view[1];
            for (int32_t c = 0; c < 12; c++) {
                inlined[c] = (char)(c < view[0] ? 'a' + take(p) % 26 : 0);
            }
        }
        memcpy(views + 16 * i, view, 16);
    }
    buffers[1] = views;
    buffers[2 + variadic] = sizes;
}

/* Indices of a dictionary are small, mostly. */
static void
make_values(producer *p, const void **buffers, int64_t rows, int64_t width, bool small) {
    uint8_t *values = block(p, (size_t)(rows * width));
    for (int64_t i = 0; i < rows; i++) {
        const bool wide = small && rarely(p, 64);
        for (int64_t b = 0; b < width; b++) {
            values[i * width + b] = small && !wide ? (uint8_t)(b == 0 ? take(p) & 7 : 0) : take(p);
        }
    }
    buffers[1] = values;
}

static void
make_buffers(producer *p, struct ArrowArray *a, const char *format, int64_t rows, bool indices) {
    const bool    views = format[0] == 'v';
    const int64_t variadic = views ? take(p) % 4 : 0;
    const bool    utf8 = format[0] != '\0' && strchr("uUzZ", format[0]) != NULL;
    const void  **buffers = block(p, (size_t)(3 + variadic) * sizeof(void *));
    memset(buffers, 0, (size_t)(3 + variadic) * sizeof(void *));
    a->buffers = buffers;
    a->n_buffers = format[0] == 'n' ? 0 : views ? 3 + variadic : utf8 ? 3 : 2;
    buffers[0] = rarely(p, 3) ? filled(p, (size_t)(rows + 7) / 8) : NULL;
    if (views) {
        make_views(p, buffers, rows, variadic);
    } else if (utf8) {
        make_offsets(p, buffers, rows, format[0] == 'U' || format[0] == 'Z');
    } else if (format[0] == 'b') {
        buffers[1] = filled(p, (size_t)(rows + 7) / 8);
    } else {
        make_values(p, buffers, rows, width_of(format), indices);
    }
    if (rarely(p, 48)) {
        buffers[1] = NULL;
    }
    /* A count of views says where their sizes lie, so it cannot be a lie. */
    if (!views && rarely(p, 48)) {
        a->n_buffers = odd_number(p);
    }
}

/* ---- arrays */

static int64_t
count_nulls(const struct ArrowArray *a) {
    const uint8_t *bits = a->buffers == NULL ? NULL : a->buffers[0];
    int64_t        nulls = 0;
    for (int64_t i = a->offset; bits != NULL && i < a->offset + a->length; i++) {
        nulls += ((bits[i >> 3] >> (i & 7)) & 1) == 0;
    }
    return nulls;
}

static struct ArrowArray *
make_array(producer *p, int32_t at, const char *format, int64_t rows, bool indices) {
    struct ArrowArray *a = &p->arrays[at];
    *a = (struct ArrowArray){.release = release_child, .private_data = p};
    a->length = rarely(p, 24) ? take(p) % ROWS_MAX : rows;
    a->offset = rarely(p, 3) ? take(p) % 20 : 0;
    make_buffers(p, a, format == NULL ? "l" : format, a->length + a->offset, indices);
    a->null_count = rarely(p, 3) ? -1 : count_nulls(a);
    if (rarely(p, 32)) { /* counts that are no promise of bytes: they are impossible */
        int64_t *const counts[] = {&a->length, &a->offset, &a->null_count, &a->n_children};
        *counts[take(p) & 3] = (take(p) & 1) != 0 ? INT64_MAX - take(p) : -2 - (int64_t)take(p);
    }
    a->release = rarely(p, 64) ? NULL : a->release;
    return a;
}

static bool
may_be_index(const char *format) {
    return format != NULL && strlen(format) == 1 && strchr("cCsSiIlL", format[0]) != NULL;
}

static void
make_column(producer *p, int64_t rows) {
    const int32_t at = p->used++;
    const char   *format = format_of(p);
    const bool    dictionary = may_be_index(format) && rarely(p, 3);
    make_schema(p, at, format);
    make_array(p, at, format, rows, dictionary);
    if (!dictionary) {
        return;
    }
    const int32_t values = p->used++;
    const char   *value_format = format_of(p);
    make_schema(p, values, value_format);
    make_array(p, values, value_format, 1 + take(p) % 9, false);
    p->schemas[at].dictionary = rarely(p, 48) ? NULL : &p->schemas[values];
    p->arrays[at].dictionary = rarely(p, 48) ? NULL : &p->arrays[values];
}

static void
make_record(producer *p, const uint8_t *data, size_t size) {
    memset(p, 0, sizeof(*p));
    p->at = data;
    p->end = data + size;
    p->used = 1;
    const int32_t        columns = take(p) % (COLUMNS + 1);
    const int64_t        rows = take(p) % ROWS_MAX;
    const int64_t        offset = rarely(p, 4) ? take(p) % 20 : 0;
    struct ArrowSchema **schemas = fuzz_block(COLUMNS * sizeof(*schemas));
    p->texts[p->text_count++] = schemas;
    struct ArrowArray **arrays = block(p, (size_t)columns * sizeof(*arrays));
    make_schema(p, 0, rarely(p, 64) ? format_of(p) : "+s");
    struct ArrowArray *record = &p->arrays[0];
    *record = (struct ArrowArray){
        .length = rows, .offset = offset, .n_buffers = 1, .release = release_array};
    record->private_data = p;
    for (int32_t i = 0; i < columns; i++) {
        const int32_t at = p->used;
        make_column(p, rows + offset);
        schemas[i] = rarely(p, 96) ? NULL : &p->schemas[at];
        arrays[i] = rarely(p, 96) ? NULL : &p->arrays[at];
    }
    const void **buffers = block(p, sizeof(void *));
    buffers[0] = rarely(p, 8) ? filled(p, (size_t)(rows + offset + 7) / 8) : NULL;
    record->buffers = rarely(p, 64) ? NULL : buffers;
    record->null_count = rarely(p, 32) ? take(p) : 0;
    record->n_children = rarely(p, 64) ? odd_number(p) : columns;
    record->children = arrays;
    p->schemas[0].children = schemas;
    p->schemas[0].n_children = rarely(p, 64) ? take(p) % (columns + 1) : columns;
}

static void
end_record(producer *p) {
    FUZZ_CHECK(p->releases == 1 && p->arrays[0].release == NULL, "released %d times",
               (int)p->releases);
    for (int32_t i = 0; i < p->text_count; i++) {
        free(p->texts[i]);
    }
}

/* ---- the property */

static bool
same_value(const value *x, const value *y) {
    if (!type_equal(x->type, y->type) || x->is_null != y->is_null) {
        return false;
    }
    if (x->is_null) {
        return true;
    }
    switch (type_physical(x->type)) {
    case PHYSICAL_BOOL:
        return x->b == y->b;
    case PHYSICAL_I128:
        return x->h == y->h;
    case PHYSICAL_F32:
    case PHYSICAL_F64:
        return memcmp(&x->d, &y->d, sizeof(double)) == 0;
    case PHYSICAL_TEXT:
        return text_equal(x->s, y->s) && (x->type.id == TYPE_BLOB || text_is_utf8(x->s));
    case PHYSICAL_INTERVAL:
        return memcmp(&x->iv, &y->iv, sizeof(interval)) == 0;
    default:
        return x->i == y->i;
    }
}

static void
check_same(const batch *a, const batch *b) {
    FUZZ_CHECK(a->rows.row_count == b->rows.row_count &&
               a->rows.column_count == b->rows.column_count);
    for (int32_t c = 0; c < a->rows.column_count; c++) {
        for (int32_t i = 0; i < a->rows.row_count; i++) {
            const value x = column_value(&a->rows.columns[c], i);
            const value y = column_value(&b->rows.columns[c], i);
            FUZZ_CHECK(same_value(&x, &y), "column %d, row %d", (int)c, (int)i);
        }
    }
}

static void
check_round_trip(batch *b, const schema *s, mem *m) {
    error              err = {0};
    batch             *back = NULL;
    struct ArrowSchema out_schema;
    struct ArrowArray  out;
    const status       exported = arrow_export_schema(&out_schema, s, false, m, &err);
    FUZZ_CHECK(exported == OK, "%s", err.message);
    if (arrow_export_batch(&out, b, false, m, &err) < 0) { /* rounded down, it left Arrow's range */
        FUZZ_CHECK(strstr(err.message, "does not fit Arrow's nanoseconds") != NULL, "%s",
                   err.message);
        FUZZ_CHECK(out.release == NULL);
        out_schema.release(&out_schema);
        return;
    }
    FUZZ_CHECK(arrow_import_batch(&back, m, &out_schema, &out, true, &err) == OK, "%s",
               err.message);
    check_same(b, back);
    batch_release(back);
    out_schema.release(&out_schema);
}

static void
check_imports(producer *kept, producer *copied, arena *a, mem *m) {
    error        err = {0};
    schema       s = {0};
    batch       *x = NULL;
    batch       *y = NULL;
    const status described = arrow_import_schema(&s, &kept->schemas[0], a, &err);
    const status first = arrow_import_batch(&x, m, &kept->schemas[0], &kept->arrays[0], true, &err);
    FUZZ_CHECK(first == OK || (x == NULL && err.message[0] != '\0' && first != ERR_INTERNAL_ERROR));
    FUZZ_CHECK(text_is_utf8(text_of(err.message)), "%s", err.message);
    const status second =
        arrow_import_batch(&y, m, &copied->schemas[0], &copied->arrays[0], false, &err);
    FUZZ_CHECK(first == second && copied->releases == 1, "%d, %d", (int)first, (int)second);
    if (first == OK) {
        check_same(x, y);
        if (described == OK) { /* a name that is not UTF-8 is seen there alone */
            check_round_trip(y, &s, m);
        }
    }
    batch_release(x);
    batch_release(y);
}

const int fuzz_passes = 2; /* kept and copied */

int
fuzz_target(const uint8_t *data, size_t size) {
    static producer kept;
    static producer copied;
    mem             m;
    arena           a;
    make_record(&kept, data, size);
    make_record(&copied, data, size);
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    check_imports(&kept, &copied, &a, &m);
    arena_fini(&a);
    FUZZ_CHECK(mem_fini(&m) == 0);
    end_record(&kept);
    end_record(&copied);
    return 0;
}
