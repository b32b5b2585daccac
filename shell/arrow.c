/* SPDX-License-Identifier: Apache-2.0 */
/* arrow.c - an Arrow IPC stream of a result: a schema message, a record batch message for each
 * part, an end mark. The messages are flatbuffers, written by hand: a buffer is filled from its end
 * to its start, so that what is pointed at is there before what points at it.
 *
 * Message.fbs and Schema.fbs of Apache Arrow say what the numbers mean: they are the indices of
 * fields and the values of enumerations there. */
#include <stdlib.h>
#include <string.h>

#include "shell.h"

/* ---------------------------------------------------------------------------------- flatbuffers */
#define FIELDS_MAX 8

typedef struct flat { /* `used` bytes at the end of data; places are counted from the end */
    uint8_t *data;
    size_t   room, used;
    bool     failed;
    size_t   fields[FIELDS_MAX]; /* of the table under construction: places; 0: left out */
    size_t   table_start;
} flat;

static uint8_t *
flat_take(flat *f, size_t size) {
    while (!f->failed && f->used + size > f->room) {
        const size_t room = 2 * f->room + size + 256;
        uint8_t     *grown = malloc(room);
        if (grown == NULL) {
            f->failed = true;
            break;
        }
        if (f->used > 0) {
            memcpy(grown + room - f->used, f->data + f->room - f->used, f->used);
        }
        free(f->data);
        f->data = grown;
        f->room = room;
    }
    if (f->failed) {
        return NULL;
    }
    f->used += size;
    return f->data + f->room - f->used;
}

static void
flat_put(flat *f, const void *bytes_in, size_t size) {
    uint8_t *to = flat_take(f, size);
    if (to != NULL && size > 0) {
        memcpy(to, bytes_in, size);
    }
}

/* Zeros, until what comes next, of `more` bytes, starts at a multiple of `align`. */
static void
flat_align(flat *f, size_t more, size_t align) {
    while (!f->failed && (f->used + more) % align != 0) {
        flat_put(f, "", 1);
    }
}

static void
flat_scalar(flat *f, const void *v, size_t size) {
    flat_align(f, size, size);
    flat_put(f, v, size);
}

static void
flat_offset(flat *f, size_t place) {
    flat_align(f, 4, 4);
    const uint32_t distance = (uint32_t)(f->used + 4 - place);
    flat_put(f, &distance, 4);
}

static size_t
flat_string(flat *f, const char *s) {
    const uint32_t size = (uint32_t)strlen(s);
    flat_align(f, size + 1, 4);
    flat_put(f, "", 1);
    flat_put(f, s, size);
    flat_put(f, &size, 4);
    return f->used;
}

/* A vector of offsets. */
static size_t
flat_offsets(flat *f, const size_t *places, uint32_t count) {
    flat_align(f, 4, 4);
    for (uint32_t i = count; i > 0; i--) {
        flat_offset(f, places[i - 1]);
    }
    flat_put(f, &count, 4);
    return f->used;
}

/* A vector of structs of two int64. */
static size_t
flat_pairs(flat *f, const int64_t *pairs, uint32_t count) {
    flat_align(f, 16 * (size_t)count, 8);
    flat_put(f, pairs, 16 * (size_t)count);
    flat_put(f, &count, 4);
    return f->used;
}

static void
flat_begin(flat *f) {
    memset(f->fields, 0, sizeof(f->fields));
    f->table_start = f->used;
}

static void
field_scalar(flat *f, int32_t at, const void *v, size_t size) {
    flat_scalar(f, v, size);
    f->fields[at] = f->used;
}

static void
field_i16(flat *f, int32_t at, int16_t v) {
    field_scalar(f, at, &v, 2);
}

static void
field_i32(flat *f, int32_t at, int32_t v) {
    field_scalar(f, at, &v, 4);
}

static void
field_i64(flat *f, int32_t at, int64_t v) {
    field_scalar(f, at, &v, 8);
}

static void
field_u8(flat *f, int32_t at, uint8_t v) {
    field_scalar(f, at, &v, 1);
}

static void
field_offset(flat *f, int32_t at, size_t place) {
    flat_offset(f, place);
    f->fields[at] = f->used;
}

static size_t
flat_end(flat *f) {
    const int32_t zero = 0;
    flat_scalar(f, &zero, 4); /* where its vtable is */
    const size_t table = f->used;
    uint16_t     entries[FIELDS_MAX + 2];
    int32_t      count = FIELDS_MAX;
    while (count > 0 && f->fields[count - 1] == 0) {
        count--;
    }
    entries[0] = (uint16_t)(2 * (count + 2));
    entries[1] = (uint16_t)(table - f->table_start);
    for (int32_t i = 0; i < count; i++) {
        entries[i + 2] = (uint16_t)(f->fields[i] == 0 ? 0 : table - f->fields[i]);
    }
    flat_align(f, entries[0], 2);
    flat_put(f, entries, entries[0]);
    if (!f->failed) {
        const int32_t distance = (int32_t)(f->used - table);
        memcpy(f->data + f->room - table, &distance, 4);
    }
    return table;
}

/* ---------------------------------------------------------------------------------- schema */
enum { /* Type of Schema.fbs */
       TYPE_NULL = 1,
       TYPE_INT = 2,
       TYPE_FLOAT = 3,
       TYPE_BINARY = 4,
       TYPE_UTF8 = 5,
       TYPE_BOOL = 6,
       TYPE_DECIMAL = 7,
       TYPE_DATE = 8,
       TYPE_TIME = 9,
       TYPE_TIMESTAMP = 10,
       TYPE_INTERVAL = 11,
       TYPE_LIST = 12,
       TYPE_STRUCT = 13,
       TYPE_FIXED = 15,
       TYPE_MAP = 17,
       TYPE_DURATION = 18
};

static int16_t
unit_of(char c) {
    return c == 's' ? 0 : c == 'm' ? 1 : c == 'u' ? 2 : 3;
}

static size_t
int_type(flat *f, char c) {
    static const char letters[] = "cCsSiIlL";
    const char       *at = strchr(letters, c);
    const int32_t     index = (int32_t)(at - letters);
    flat_begin(f);
    field_i32(f, 0, 8 << (index / 2));
    field_u8(f, 1, index % 2 == 0);
    return flat_end(f);
}

static size_t
decimal_type(flat *f, const char *format) {
    char         *end;
    const int32_t precision = (int32_t)strtol(format + 2, &end, 10);
    const int32_t scale = *end == ',' ? (int32_t)strtol(end + 1, &end, 10) : 0;
    flat_begin(f);
    field_i32(f, 0, precision);
    field_i32(f, 1, scale);
    field_i32(f, 2, *end == ',' ? (int32_t)strtol(end + 1, NULL, 10) : 128);
    return flat_end(f);
}

/* Dates, times, timestamps, intervals, durations: "t..". */
static size_t
time_type(flat *f, const char *format, uint8_t *kind) {
    const char what = format[1];
    size_t     zone = 0;
    if (what == 's' && format[4] != '\0') {
        zone = flat_string(f, format + 4);
    }
    flat_begin(f);
    if (what == 'd') {
        *kind = TYPE_DATE;
        field_i16(f, 0, format[2] == 'D' ? 0 : 1);
    } else if (what == 't') {
        *kind = TYPE_TIME;
        const int16_t unit = unit_of(format[2]);
        field_i16(f, 0, unit);
        field_i32(f, 1, unit < 2 ? 32 : 64);
    } else if (what == 's') {
        *kind = TYPE_TIMESTAMP;
        field_i16(f, 0, unit_of(format[2]));
        if (zone > 0) {
            field_offset(f, 1, zone);
        }
    } else if (what == 'D') {
        *kind = TYPE_DURATION;
        field_i16(f, 0, unit_of(format[2]));
    } else {
        *kind = TYPE_INTERVAL;
        field_i16(f, 0, format[2] == 'M' ? 0 : format[2] == 'D' ? 1 : 2);
    }
    return flat_end(f);
}

/* The type of a format string of the C data interface; 0: none that is known. */
static size_t
type_table(flat *f, const char *format, int64_t flags, uint8_t *kind) {
    const char c = format[0];
    if (c == 't') {
        return time_type(f, format, kind);
    }
    if (c != '\0' && strchr("cCsSiIlL", c) != NULL) {
        *kind = TYPE_INT;
        return int_type(f, c);
    }
    if (c == 'd') {
        *kind = TYPE_DECIMAL;
        return decimal_type(f, format);
    }
    *kind = c == 'n'                    ? TYPE_NULL
            : c == 'b'                  ? TYPE_BOOL
            : c == 'u'                  ? TYPE_UTF8
            : c == 'z'                  ? TYPE_BINARY
            : c == 'f' || c == 'g'      ? TYPE_FLOAT
            : c == 'w'                  ? TYPE_FIXED
            : strcmp(format, "+l") == 0 ? TYPE_LIST
            : strcmp(format, "+s") == 0 ? TYPE_STRUCT
            : strcmp(format, "+m") == 0 ? TYPE_MAP
                                        : 0;
    if (*kind == 0) {
        return 0;
    }
    flat_begin(f);
    if (*kind == TYPE_FLOAT) {
        field_i16(f, 0, c == 'f' ? 1 : 2);
    } else if (*kind == TYPE_FIXED) {
        field_i32(f, 0, (int32_t)strtol(format + 2, NULL, 10));
    } else if (*kind == TYPE_MAP) {
        field_u8(f, 0, (flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0);
    }
    return flat_end(f);
}

/* Key and value pairs: a count, and for each two sizes with bytes. 0: none. */
static size_t
metadata_vector(flat *f, const char *at) {
    int32_t count = 0;
    size_t  places[32];
    if (at != NULL) {
        memcpy(&count, at, 4);
        at += 4;
    }
    count = count > 32 ? 32 : count;
    for (int32_t i = 0; i < count; i++) {
        size_t parts[2];
        for (int32_t k = 0; k < 2; k++) {
            int32_t size;
            memcpy(&size, at, 4);
            char *copy = strndup(at + 4, (size_t)size);
            parts[k] = flat_string(f, copy == NULL ? "" : copy);
            free(copy);
            at += 4 + size;
        }
        flat_begin(f);
        field_offset(f, 0, parts[0]);
        field_offset(f, 1, parts[1]);
        places[i] = flat_end(f);
    }
    return count > 0 ? flat_offsets(f, places, (uint32_t)count) : 0;
}

static size_t field_table(flat *f, const struct ArrowSchema *s);

static size_t
children_vector(flat *f, const struct ArrowSchema *s) {
    size_t *places = calloc((size_t)s->n_children + 1, sizeof(*places));
    size_t  made = 0;
    for (int64_t i = 0; places != NULL && i < s->n_children; i++) {
        places[i] = field_table(f, s->children[i]);
        f->failed = f->failed || places[i] == 0;
    }
    if (places == NULL) {
        f->failed = true;
    } else {
        made = flat_offsets(f, places, (uint32_t)s->n_children);
    }
    free(places);
    return made;
}

static size_t
field_table(flat *f, const struct ArrowSchema *s) {
    uint8_t      kind = 0;
    const size_t name = flat_string(f, s->name == NULL ? "" : s->name);
    const size_t children = children_vector(f, s);
    const size_t metadata = metadata_vector(f, s->metadata);
    const size_t type = type_table(f, s->format, s->flags, &kind);
    if (type == 0) {
        return 0;
    }
    flat_begin(f);
    field_offset(f, 0, name);
    field_offset(f, 3, type);
    field_offset(f, 5, children);
    if (metadata > 0) {
        field_offset(f, 6, metadata);
    }
    field_u8(f, 1, (s->flags & ARROW_FLAG_NULLABLE) != 0);
    field_u8(f, 2, kind);
    return flat_end(f);
}

/* ---------------------------------------------------------------------------------- messages */
enum { HEADER_SCHEMA = 1, HEADER_BATCH = 3 };

static const char zeros[64] = {0};

/* Message and its body: marks, size, flatbuffer to a multiple of 8, body. */
static void
write_message(FILE *out, flat *f, uint8_t kind, size_t header, const bytes *body) {
    flat_begin(f);
    field_i64(f, 3, body == NULL ? 0 : (int64_t)body->size);
    field_offset(f, 2, header);
    field_i16(f, 0, 4); /* V5 */
    field_u8(f, 1, kind);
    const size_t message = flat_end(f);
    flat_align(f, 4, 8);
    flat_offset(f, message);
    if (f->failed) {
        return;
    }
    const uint32_t mark = 0xFFFFFFFFU, size = (uint32_t)f->used;
    (void)fwrite(&mark, 4, 1, out);
    (void)fwrite(&size, 4, 1, out);
    (void)fwrite(f->data + f->room - f->used, 1, f->used, out);
    if (body != NULL && body->size > 0) {
        (void)fwrite(body->data, 1, body->size, out);
    }
}

static bool
write_schema(FILE *out, const struct ArrowSchema *s) {
    flat         f = {.used = 0};
    const size_t fields = children_vector(&f, s);
    flat_begin(&f);
    field_offset(&f, 1, fields);
    const size_t header = flat_end(&f);
    write_message(out, &f, HEADER_SCHEMA, header, NULL);
    free(f.data);
    return !f.failed;
}

/* ---------------------------------------------------------------------------------- batches */
typedef struct batch_parts {
    bytes body, nodes, buffers; /* nodes and buffers: pairs of int64 */
    bool  failed;
} batch_parts;

static void
add_pair(bytes *b, int64_t first, int64_t second) {
    bytes_add(b, (const char *)&first, 8);
    bytes_add(b, (const char *)&second, 8);
}

static void
add_buffer(batch_parts *p, const void *data, int64_t size) {
    add_pair(&p->buffers, (int64_t)p->body.size, size);
    bytes_add(&p->body, data, (size_t)size);
    bytes_add(&p->body, zeros, (64 - p->body.size % 64) % 64);
}

/* Bits from `offset` on, moved to the start. */
static void
add_bits(batch_parts *p, const uint8_t *bits, int64_t offset, int64_t count) {
    const int64_t size = (count + 7) / 8;
    if (bits == NULL || offset % 8 == 0) {
        add_buffer(p, bits == NULL ? NULL : bits + offset / 8, bits == NULL ? 0 : size);
        return;
    }
    uint8_t *moved = calloc((size_t)size + 1, 1);
    p->failed = p->failed || moved == NULL;
    for (int64_t i = 0; moved != NULL && i < count; i++) {
        const int64_t at = offset + i;
        moved[i / 8] |= (uint8_t)(((bits[at / 8] >> (at % 8)) & 1) << (i % 8));
    }
    add_buffer(p, moved, moved == NULL ? 0 : size);
    free(moved);
}

/* Offsets from `offset` on; gives the bytes or items that they span. */
static void
add_offsets(batch_parts *p, const int32_t *offsets, int64_t offset, int64_t count, int64_t *from,
            int64_t *to) {
    int32_t *moved = calloc((size_t)count + 1, sizeof(*moved));
    *from = offsets == NULL ? 0 : offsets[offset];
    *to = offsets == NULL ? 0 : offsets[offset + count];
    p->failed = p->failed || moved == NULL;
    for (int64_t i = 0; moved != NULL && offsets != NULL && i <= count; i++) {
        moved[i] = (int32_t)(offsets[offset + i] - *from);
    }
    add_buffer(p, moved, moved == NULL ? 0 : 4 * (count + 1));
    free(moved);
}

static int64_t
width_of(const char *format) {
    switch (format[0]) {
    case 'c':
    case 'C':
        return 1;
    case 's':
    case 'S':
        return 2;
    case 'i':
    case 'I':
    case 'f':
        return 4;
    case 'd': {
        const char *bits = strrchr(format, ',');
        const bool  sized = bits != NULL && strchr(format, ',') != bits;
        return sized ? strtol(bits + 1, NULL, 10) / 8 : 16;
    }
    case 'w':
        return strtol(format + 2, NULL, 10);
    case 't':
        if (format[1] == 'i') {
            return format[2] == 'M' ? 4 : format[2] == 'D' ? 8 : 16;
        }
        return (format[1] == 'd' && format[2] == 'D') ||
                       (format[1] == 't' && (format[2] == 's' || format[2] == 'm'))
                   ? 4
                   : 8;
    default:
        return 8;
    }
}

static void
add_array(batch_parts *p, const struct ArrowSchema *s, const struct ArrowArray *a, int64_t offset,
          int64_t count) {
    const uint8_t *validity = a->n_buffers > 0 ? a->buffers[0] : NULL;
    const char     c = s->format[0];
    int64_t        nulls = 0, from = 0, to = 0;
    offset += a->offset;
    for (int64_t i = 0; validity != NULL && i < count; i++) {
        nulls += !((validity[(offset + i) / 8] >> ((offset + i) % 8)) & 1);
    }
    add_pair(&p->nodes, count, c == 'n' ? count : nulls);
    if (c == 'n') {
        return;
    }
    add_bits(p, nulls > 0 ? validity : NULL, offset, count);
    if (c == 'b') {
        add_bits(p, a->buffers[1], offset, count);
    } else if (c == 'u' || c == 'z') {
        add_offsets(p, a->buffers[1], offset, count, &from, &to);
        add_buffer(p, a->buffers[2] == NULL ? NULL : (const char *)a->buffers[2] + from, to - from);
    } else if (strcmp(s->format, "+s") == 0) {
        for (int64_t i = 0; i < s->n_children; i++) {
            add_array(p, s->children[i], a->children[i], offset, count);
        }
    } else if (c == '+') {
        add_offsets(p, a->buffers[1], offset, count, &from, &to);
        add_array(p, s->children[0], a->children[0], from, to - from);
    } else {
        const int64_t width = width_of(s->format);
        add_buffer(p, (const char *)a->buffers[1] + offset * width, count * width);
    }
}

static bool
write_batch(FILE *out, const struct ArrowSchema *s, const struct ArrowArray *a) {
    batch_parts p = {.failed = false};
    flat        f = {.used = 0};
    for (int64_t i = 0; i < s->n_children; i++) {
        add_array(&p, s->children[i], a->children[i], a->offset, a->length);
    }
    const size_t buffers = flat_pairs(&f, (const int64_t *)(const void *)p.buffers.data,
                                      (uint32_t)(p.buffers.size / 16));
    const size_t nodes =
        flat_pairs(&f, (const int64_t *)(const void *)p.nodes.data, (uint32_t)(p.nodes.size / 16));
    flat_begin(&f);
    field_i64(&f, 0, a->length);
    field_offset(&f, 1, nodes);
    field_offset(&f, 2, buffers);
    const size_t header = flat_end(&f);
    write_message(out, &f, HEADER_BATCH, header, &p.body);
    const bool failed = p.failed || f.failed || p.body.failed || p.nodes.failed || p.buffers.failed;
    free(f.data);
    bytes_free(&p.body);
    bytes_free(&p.nodes);
    bytes_free(&p.buffers);
    return !failed;
}

/* ---------------------------------------------------------------------------------- a result */
static bool
write_batches(printer *p, struct ArrowArrayStream *stream, const struct ArrowSchema *s) {
    for (;;) {
        struct ArrowArray a = {.release = NULL};
        if (stream->get_next(stream, &a) != 0) {
            return false;
        }
        if (a.release == NULL) {
            return true;
        }
        const bool wrote = write_batch(p->sh->out, s, &a);
        a.release(&a);
        if (!wrote) {
            return false;
        }
    }
}

laminar_status
arrow_rows(printer *p, const laminar_result *rows, laminar_error *err) {
    struct ArrowArrayStream stream = {.release = NULL};
    struct ArrowSchema      s = {.release = NULL};
    const laminar_status    given = laminar_result_stream(rows, &stream, err);
    if (given < 0) {
        return given;
    }
    bool went_well = stream.get_schema(&stream, &s) == 0;
    if (went_well && p->arrow == NULL) {
        p->arrow = p;
        went_well = write_schema(p->sh->out, &s);
    }
    went_well = went_well && write_batches(p, &stream, &s);
    if (s.release != NULL) {
        s.release(&s);
    }
    stream.release(&stream);
    if (!went_well) {
        *err = (laminar_error){.code = 400, .class_name = "QueryError", .position = -1};
        (void)snprintf(err->message, sizeof(err->message), "the rows cannot be written as Arrow");
        return -400;
    }
    return LAMINAR_OK;
}

void
arrow_end(printer *p) {
    static const uint32_t mark[2] = {0xFFFFFFFFU, 0};
    if (p->arrow != NULL) {
        (void)fwrite(mark, sizeof(mark), 1, p->sh->out);
    }
}
