/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - one pass over the text, from keys and values straight into growing columns.
 *
 * Rows of one source mostly have the same keys in the same order: the column of the n-th key of the
 * last row is tried first, by comparing bytes. Lines are counted only for an error. */
#include "io/json.h"

#include <math.h>
#include <stdio.h>

#include "batch/builder.h"
#include "io/digits.h"

#define JSON_COLUMNS_MAX 4096
#define JSON_TEXT_MAX (16 << 20)

typedef struct json_reader {
    const char        *start, *at, *end;
    const json_target *target;
    builder            rows;
    int32_t            row_count;
    int32_t           *order; /* column of the n-th key of the last row that had one there */
    int32_t            order_count;
    buf                unescaped;
    arena              scratch; /* texts made by coercion, until the row is in */
} json_reader;

static int64_t
line_of(const json_reader *r, const char *at) {
    int64_t line = 1;
    for (const char *c = r->start; c < at; c++) {
        line += *c == '\n';
    }
    return line;
}

/* `what` says what is wrong at this place. */
static NOINLINE status
fault(const json_reader *r, const char *what, error *err) {
    const char *end = r->at;
    while (end < r->end && end - r->at < 20 && *end != '\n' && *end != '\r') {
        end++;
    }
    while (end > r->at && end < r->end && ((uint8_t)*end & 0xc0) == 0x80) {
        end--; /* not into a character */
    }
    return error_set(err, ERR_INGESTION_FAILED, "line %lld: %s, at %s%.*s%s",
                     (long long)line_of(r, r->at), what, r->at == r->end ? "the end" : "'",
                     (int)(end - r->at), r->at, r->at == r->end ? "" : "'");
}

ALWAYS_INLINE void
skip_blanks(json_reader *r) {
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) {
        r->at++;
    }
}

ALWAYS_INLINE bool
take(json_reader *r, char c) {
    if (r->at < r->end && *r->at == c) {
        r->at++;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------------------------- texts */
static bool
read_hex(json_reader *r, uint32_t *out) {
    if (r->end - r->at < 4) {
        return false;
    }
    uint32_t code = 0;
    for (int32_t i = 0; i < 4; i++) {
        const char     c = *r->at++;
        const uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                               : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                               : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                      : 16;
        if (digit > 15) {
            return false;
        }
        code = code * 16 + digit;
    }
    *out = code;
    return true;
}

static bool
append_utf8(buf *b, uint32_t code) {
    char bytes[4];
    if (code < 0x80) {
        return buf_append_char(b, (char)code);
    }
    if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 63));
        return buf_append(b, bytes, 2);
    }
    if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12);
        bytes[1] = (char)(0x80 | (code >> 6 & 63));
        bytes[2] = (char)(0x80 | (code & 63));
        return buf_append(b, bytes, 3);
    }
    bytes[0] = (char)(0xf0 | code >> 18);
    bytes[1] = (char)(0x80 | (code >> 12 & 63));
    bytes[2] = (char)(0x80 | (code >> 6 & 63));
    bytes[3] = (char)(0x80 | (code & 63));
    return buf_append(b, bytes, 4);
}

/* After \u: a character, or both halves of one beyond 16 bits. */
static status
read_unicode(json_reader *r, error *err) {
    uint32_t code, low;
    if (!read_hex(r, &code)) {
        return fault(r, "four hexadecimal digits must follow \\u", err);
    }
    if (code >= 0xd800 && code < 0xdc00) {
        if (!take(r, '\\') || !take(r, 'u') || !read_hex(r, &low) || low < 0xdc00 || low > 0xdfff) {
            return fault(r, "the second half of a surrogate pair is missing", err);
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return fault(r, "half of a surrogate pair stands alone", err);
    } else if (code == 0) {
        return fault(r, "a text holds a NUL character", err);
    }
    return append_utf8(&r->unescaped, code) ? OK : error_memory(err);
}

static status
read_escape(json_reader *r, error *err) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (take(r, 'u')) {
        return read_unicode(r, err);
    }
    const char *found =
        r->at == r->end || *r->at == '\0' ? NULL : memchr(from, *r->at, sizeof(from) - 1);
    if (found == NULL) {
        return fault(r, "an unknown escape", err);
    }
    r->at++;
    return buf_append_char(&r->unescaped, to[found - from]) ? OK : error_memory(err);
}

/* Behind the opening quote. Borrows from the text when there is no escape, else until the next. */
static status
read_text(json_reader *r, text *out, error *err) {
    const char *start = r->at;
    bool        copied = false;
    for (;;) {
        while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (uint8_t)*r->at >= 0x20) {
            r->at++;
        }
        if (r->at == r->end) {
            return fault(r, "a text is never closed", err);
        }
        if ((uint8_t)*r->at < 0x20) {
            return fault(r, "a control character in a text must be escaped", err);
        }
        if (*r->at == '"' && !copied) {
            *out = (text){start, (size_t)(r->at++ - start)};
            return OK;
        }
        if (!copied) {
            buf_clear(&r->unescaped);
            copied = true;
        }
        if (r->unescaped.size + (size_t)(r->at - start) > JSON_TEXT_MAX) {
            return fault(r, "a text with escapes is longer than 16 MiB", err);
        }
        if (!buf_append(&r->unescaped, start, (size_t)(r->at - start))) {
            return error_memory(err);
        }
        if (*r->at++ == '"') {
            *out = buf_text(&r->unescaped);
            return OK;
        }
        TRY(read_escape(r, err));
        start = r->at;
    }
}

/* ---------------------------------------------------------------------------------- numbers */
/* The grammar of JSON. *integral: no point and no exponent. */
static status
read_number(json_reader *r, text *out, bool *integral, error *err) {
    const char *start = r->at;
    *integral = true;
    (void)take(r, '-');
    const char *digits = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        r->at++;
    }
    if (r->at == digits || (*digits == '0' && r->at > digits + 1)) {
        r->at = start;
        return fault(r, "this is no JSON value", err);
    }
    if (take(r, '.')) {
        *integral = false;
        digits = r->at;
        while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
            r->at++;
        }
        if (r->at == digits) {
            return fault(r, "a digit must follow the point", err);
        }
    }
    if (r->at < r->end && (*r->at | 0x20) == 'e') {
        *integral = false;
        r->at++;
        if (!take(r, '+')) {
            (void)take(r, '-');
        }
        digits = r->at;
        while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
            r->at++;
        }
        if (r->at == digits) {
            return fault(r, "a digit must follow the exponent", err);
        }
    }
    *out = (text){start, (size_t)(r->at - start)};
    return OK;
}

/* ---------------------------------------------------------------------------------- values */
static NOINLINE status
append_coerced(json_reader *r, int32_t at, const value *in, error *err) {
    value        made;
    error        why = {0};
    const status s = r->target->coerce(&made, in, at, r->target->context, &r->scratch, &why);
    if (s < 0) {
        if (s == ERR_OUT_OF_MEMORY) {
            return error_memory(err);
        }
        return error_set(err, ERR_INGESTION_FAILED, "line %lld, row %d, column \"%.*s\": %.300s",
                         (long long)line_of(r, r->at), r->row_count + 1,
                         TEXT_ARG(r->target->shape->fields[at].name), why.message);
    }
    return column_append_value(&r->rows, at, &made, err);
}

/* Not a number column, or not the short form. */
static NOINLINE status
append_odd_number(json_reader *r, int32_t at, text t, bool integral, error *err) {
    const data_type type = r->target->shape->fields[at].type;
    value           v;
    error           why = {0};
    if (integral && value_parse(&v, type_of(TYPE_I64), t, &why) == OK) {
        return append_coerced(r, at, &v, err);
    }
    const bool as_double =
        type_is_float(type) || (!integral && (type.id == TYPE_TEXT || type_is_integer(type)));
    if (as_double && value_parse(&v, type_of(TYPE_F64), t, &why) == OK) {
        return append_coerced(r, at, &v, err);
    }
    v = (value){.type = type_of(TYPE_TEXT), .s = t}; /* all digits: exact types read them */
    return append_coerced(r, at, &v, err);
}

static status
append_number(json_reader *r, int32_t at, error *err) {
    const data_type type = r->target->shape->fields[at].type;
    text            t;
    bool            integral;
    int64_t         i;
    double          d;
    TRY(read_number(r, &t, &integral, err));
    if (type.id == TYPE_F64 && LIKELY(digits_double(t, &d))) {
        return column_append_f64(&r->rows, at, d, err);
    }
    if (integral && type_is_integer(type) && LIKELY(digits_integer(t, &i)) &&
        digits_in_range(i, type)) {
        return column_append_i64(&r->rows, at, i, err);
    }
    return append_odd_number(r, at, t, integral, err);
}

static status
append_text(json_reader *r, int32_t at, text t, error *err) {
    if (r->target->shape->fields[at].type.id == TYPE_TEXT) {
        return column_append_text(&r->rows, at, t, err);
    }
    const value v = {.type = type_of(TYPE_TEXT), .s = t};
    return append_coerced(r, at, &v, err);
}

static bool
take_word(json_reader *r, text word) {
    if ((size_t)(r->end - r->at) < word.size || memcmp(r->at, word.data, word.size) != 0) {
        return false;
    }
    r->at += word.size;
    return true;
}

static status skip_value(json_reader *r, int32_t depth, error *err);

static status
skip_members(json_reader *r, bool is_object, int32_t depth, error *err) {
    const char close = is_object ? '}' : ']';
    if (depth >= JSON_DEPTH_MAX) {
        return fault(r, "more than 64 levels", err);
    }
    skip_blanks(r);
    if (take(r, close)) {
        return OK;
    }
    do {
        skip_blanks(r);
        if (is_object) {
            text key;
            if (!take(r, '"')) {
                return fault(r, "a key in quotes must stand here", err);
            }
            TRY(read_text(r, &key, err));
            skip_blanks(r);
            if (!take(r, ':')) {
                return fault(r, "':' must follow a key", err);
            }
        }
        TRY(skip_value(r, depth + 1, err));
        skip_blanks(r);
    } while (take(r, ','));
    return take(r, close)
               ? OK
               : fault(r, is_object ? "',' or '}' must stand here" : "',' or ']' must stand here",
                       err);
}

/* Checks a value without keeping it. `depth` levels are open around it. */
static status
skip_value(json_reader *r, int32_t depth, error *err) {
    text t;
    bool integral;
    skip_blanks(r);
    if (take(r, '"')) {
        return read_text(r, &t, err);
    }
    if (take(r, '{')) {
        return skip_members(r, true, depth, err);
    }
    if (take(r, '[')) {
        return skip_members(r, false, depth, err);
    }
    if (take_word(r, TEXT("null")) || take_word(r, TEXT("true")) || take_word(r, TEXT("false"))) {
        return OK;
    }
    return read_number(r, &t, &integral, err);
}

static status
append_nested(json_reader *r, int32_t at, int32_t depth, error *err) {
    const char *start = r->at;
    TRY(skip_value(r, depth, err));
    const field *f = &r->target->shape->fields[at];
    if (f->type.id != TYPE_TEXT) {
        const json_reader here = {.start = r->start, .at = start};
        return error_set(err, ERR_INGESTION_FAILED,
                         "line %lld, row %d, column \"%.*s\": %s does not fit %s: take it apart, "
                         "or make the column VARCHAR",
                         (long long)line_of(&here, start), r->row_count + 1, TEXT_ARG(f->name),
                         *start == '{' ? "an object" : "an array", type_name(f->type));
    }
    return column_append_text(&r->rows, at, (text){start, (size_t)(r->at - start)}, err);
}

static status
append_member(json_reader *r, int32_t at, int32_t depth, error *err) {
    text t;
    if (r->at == r->end) {
        return fault(r, "a value is missing", err);
    }
    switch (*r->at) {
    case '"':
        r->at++;
        TRY(read_text(r, &t, err));
        return append_text(r, at, t, err);
    case '{':
    case '[':
        return append_nested(r, at, depth, err);
    case 'n':
        if (take_word(r, TEXT("null"))) {
            return column_append_null(&r->rows, at, err);
        }
        return fault(r, "this is no JSON value", err);
    case 't':
    case 'f': {
        const bool is_true = take_word(r, TEXT("true"));
        if (!is_true && !take_word(r, TEXT("false"))) {
            return fault(r, "this is no JSON value", err);
        }
        const value v = {.type = type_of(TYPE_BOOL), .b = is_true};
        return append_coerced(r, at, &v, err);
    }
    default:
        return append_number(r, at, err);
    }
}

/* ---------------------------------------------------------------------------------- rows */
static NOINLINE status
find_column(json_reader *r, const char *key_at, text key, int32_t *at, error *err) {
    const json_target *target = r->target;
    *at = schema_find(target->shape, key, false);
    if (*at >= 0) {
        return OK;
    }
    const size_t shown = key.size < 60 ? key.size : 60;
    error_set(err, ERR_INGESTION_FAILED, "line %lld: unknown column \"%.*s\" for source \"%.*s\"",
              (long long)line_of(r, key_at), (int)shown, key.data, TEXT_ARG(target->name));
    text    names[64];
    int32_t n = 0;
    for (; n < target->shape->count && n < 64; n++) {
        names[n] = target->shape->fields[n].name;
    }
    const int32_t near = text_nearest(key, names, n);
    if (near >= 0) {
        return error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
    }
    return ERR_INGESTION_FAILED;
}

/* The n-th key of a row, with its quotes: the column. */
ALWAYS_INLINE status
read_key(json_reader *r, int32_t n, int32_t *at, error *err) {
    const char *key_at = r->at;
    if (n < r->order_count) {
        const text  name = r->target->shape->fields[r->order[n]].name;
        const char *close = r->at + 1 + name.size;
        if (LIKELY(r->end - r->at > (ptrdiff_t)name.size + 1 && *r->at == '"' && *close == '"' &&
                   memcmp(r->at + 1, name.data, name.size) == 0)) {
            r->at = close + 1;
            *at = r->order[n];
            return OK;
        }
    }
    text key;
    if (!take(r, '"')) {
        return fault(r, "a key in quotes must stand here", err);
    }
    TRY(read_text(r, &key, err));
    TRY(find_column(r, key_at, key, at, err));
    if (n < r->target->shape->count) {
        r->order[n] = *at;
        r->order_count = n >= r->order_count ? n + 1 : r->order_count;
    }
    return OK;
}

static status
fill_defaults(json_reader *r, error *err) {
    for (int32_t i = 0; i < r->target->shape->count; i++) {
        if (r->rows.columns[i].count == r->row_count) {
            const value *v = r->target->defaults == NULL ? NULL : &r->target->defaults[i];
            TRY(v == NULL || v->is_null ? column_append_null(&r->rows, i, err)
                                        : column_append_value(&r->rows, i, v, err));
        }
    }
    return OK;
}

/* Behind the opening brace. */
static status
read_row(json_reader *r, int32_t depth, error *err) {
    int32_t n = 0;
    skip_blanks(r);
    if (!take(r, '}')) {
        do {
            int32_t at = 0;
            skip_blanks(r);
            const char *key_at = r->at;
            TRY(read_key(r, n++, &at, err));
            if (UNLIKELY(r->rows.columns[at].count > r->row_count)) {
                r->at = key_at;
                return fault(r, "a key is there twice in its object", err);
            }
            skip_blanks(r);
            if (!take(r, ':')) {
                return fault(r, "':' must follow a key", err);
            }
            skip_blanks(r);
            TRY(append_member(r, at, depth, err));
            skip_blanks(r);
        } while (take(r, ','));
        if (!take(r, '}')) {
            return fault(r, "',' or '}' must stand here", err);
        }
    }
    if (r->row_count == INT32_MAX - 1) {
        return error_set(err, ERR_INGESTION_FAILED, "more than 2^31 - 2 rows in one insert");
    }
    if (n < r->target->shape->count) {
        TRY(fill_defaults(r, err));
    }
    if (r->scratch.block != NULL) {
        arena_reset(&r->scratch);
    }
    r->row_count++;
    return OK;
}

static status
read_array(json_reader *r, error *err) {
    skip_blanks(r);
    if (!take(r, ']')) {
        do {
            skip_blanks(r);
            if (!take(r, '{')) {
                return fault(r, "an object with the columns of a row must stand here", err);
            }
            TRY(read_row(r, 2, err));
            skip_blanks(r);
        } while (take(r, ','));
        if (!take(r, ']')) {
            return fault(r, "',' or ']' must stand here", err);
        }
    }
    skip_blanks(r);
    return r->at == r->end ? OK : fault(r, "nothing may follow the array", err);
}

static status
read_rows(json_reader *r, error *err) {
    skip_blanks(r);
    if (take(r, '[')) {
        return read_array(r, err);
    }
    do {
        if (!take(r, '{')) {
            return fault(r, "an object with the columns of a row must stand here", err);
        }
        TRY(read_row(r, 1, err));
        skip_blanks(r);
    } while (r->at < r->end);
    return OK;
}

static status
reader_open(json_reader *r, mem *m, const json_target *target, text json, error *err) {
    const schema *shape = target->shape;
    *r = (json_reader){
        .start = json.data, .at = json.data, .end = json.data + json.size, .target = target};
    arena_init(&r->scratch, m);
    buf_init(&r->unescaped, m, JSON_TEXT_MAX + 64);
    if (shape->count > JSON_COLUMNS_MAX) {
        return error_set(err, ERR_INGESTION_FAILED, "more than 4,096 columns");
    }
    arena a;
    arena_init(&a, m);
    data_type *types = arena_alloc(&a, sizeof(data_type) * (size_t)(shape->count + 1));
    r->order = mem_alloc(m, sizeof(int32_t) * (size_t)(shape->count + 1));
    status s = types == NULL || r->order == NULL ? error_memory(err) : OK;
    for (int32_t i = 0; s == OK && i < shape->count; i++) {
        types[i] = shape->fields[i].type;
    }
    if (s == OK) {
        s = builder_init(&r->rows, m, types, shape->count, err);
    }
    arena_fini(&a);
    if (s < 0) {
        mem_free(m, r->order, sizeof(int32_t) * (size_t)(shape->count + 1));
    }
    return s;
}

status
json_read(batch **out, mem *m, const json_target *target, text json, error *err) {
    *out = NULL;
    if (json.size >= 3 && memcmp(json.data, "\xef\xbb\xbf", 3) == 0) { /* byte order mark */
        json = (text){json.data + 3, json.size - 3};
    }
    TRY(text_check(json, err));
    json_reader r;
    TRY(reader_open(&r, m, target, json, err));
    status s = read_rows(&r, err);
    if (s == OK && r.row_count > 0) {
        s = builder_take(&r.rows, out, err);
    }
    builder_fini(&r.rows);
    mem_free(m, r.order, sizeof(int32_t) * (size_t)(target->shape->count + 1));
    buf_fini(&r.unescaped);
    arena_fini(&r.scratch);
    return s;
}
