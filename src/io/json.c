/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - one pass over the text, from keys and values straight into growing columns.
 *
 * Rows of one source mostly have the same keys in the same order: the column of the n-th key of the
 * last row is tried first, by comparing bytes. Lines are counted only for an error. Long texts of
 * lines are read in parts by several threads. */
#include "io/json.h"
#include "io/parts.h"
#include "io/text_check.h"

#include <math.h>
#include <stdio.h>

#include "io/json_lex.h"
#include "type/digits.h"
#include "type/nested.h"

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
        char row[32] = "";
        if (!r->target->of_file) {
            (void)snprintf(row, sizeof(row), " row %d,", r->row_count + 1);
        }
        return error_set(err, ERR_INGESTION_FAILED, "line %lld,%s column \"%.*s\": %.300s",
                         (long long)json_line(r, r->at), row,
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
    TRY(json_number(r, &t, &integral, err));
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

static status
append_nested(json_reader *r, int32_t at, int32_t depth, error *err) {
    const char  *start = r->at;
    const field *f = &r->target->shape->fields[at];
    if (type_is_nested(f->type)) {
        value v;
        TRY(json_nested(r, f->type, &v, err));
        return column_append_value(&r->rows, at, &v, err);
    }
    TRY(json_skip(r, depth, err));
    if (f->type.id != TYPE_TEXT) {
        const json_reader here = {.start = r->start, .at = start, .first_line = r->first_line};
        return error_set(err, ERR_INGESTION_FAILED,
                         "line %lld, row %d, column \"%.*s\": %s does not fit %s: take it apart, "
                         "or make the column VARCHAR",
                         (long long)json_line(&here, start), r->row_count + 1, TEXT_ARG(f->name),
                         *start == '{' ? "an object" : "an array", type_name(f->type));
    }
    return column_append_text(&r->rows, at, (text){start, (size_t)(r->at - start)}, err);
}

/* A column of JSON takes any value as it is spelt. */
static status
append_json(json_reader *r, int32_t at, int32_t depth, error *err) {
    const char *start = r->at;
    TRY(json_skip(r, depth, err));
    const value v = {.type = type_of(TYPE_TEXT), .s = {start, (size_t)(r->at - start)}};
    return append_coerced(r, at, &v, err);
}

static status
append_member(json_reader *r, int32_t at, int32_t depth, error *err) {
    text t;
    if (r->at == r->end) {
        return json_fault(r, "a value is missing", err);
    }
    if (r->target->wanted != NULL && !r->target->wanted[at]) {
        TRY(json_skip(r, depth, err));
        return column_append_null(&r->rows, at, err);
    }
    if (type_is_json(r->target->shape->fields[at].type) && *r->at != 'n') {
        return append_json(r, at, depth, err);
    }
    switch (*r->at) {
    case '"':
        r->at++;
        TRY(json_text(r, &t, err));
        return append_text(r, at, t, err);
    case '{':
    case '[':
        return append_nested(r, at, depth, err);
    case 'n':
        if (json_take_word(r, TEXT("null"))) {
            return column_append_null(&r->rows, at, err);
        }
        return json_fault(r, "this is no JSON value", err);
    case 't':
    case 'f': {
        const bool is_true = json_take_word(r, TEXT("true"));
        if (!is_true && !json_take_word(r, TEXT("false"))) {
            return json_fault(r, "this is no JSON value", err);
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
    if (target->of_file) {
        error_set(
            err, ERR_INGESTION_FAILED,
            "line %lld: the key \"%.*s\" did not stand in the rows that were looked at for the "
            "columns",
            (long long)json_line(r, key_at), (int)shown, key.data);
        return error_hint(err,
                          "look at all with sample_size => -1, or name the columns: columns => "
                          "'a BIGINT, b VARCHAR'");
    }
    error_set(err, ERR_INGESTION_FAILED, "line %lld: unknown column \"%.*s\" for source \"%.*s\"",
              (long long)json_line(r, key_at), (int)shown, key.data, TEXT_ARG(target->name));
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
    if (!json_take(r, '"')) {
        return json_fault(r, "a key in quotes must stand here", err);
    }
    TRY(json_text(r, &key, err));
    TRY(find_column(r, key_at, key, at, err));
    if (n < r->target->shape->count) {
        r->order[n] = *at;
        r->order_count = n >= r->order_count ? n + 1 : r->order_count;
    }
    return OK;
}

/* DONE: only one thread may. A default may be of any kind, such as the next number. */
static status
fill_missing(json_reader *r, error *err) {
    filler *fill = r->target->fill;
    for (int32_t i = 0; i < r->target->shape->count; i++) {
        if (r->rows.columns[i].count == r->row_count) {
            if (!r->is_alone && fill != NULL && !fill->is_null(fill, i)) {
                return DONE;
            }
            TRY(column_append_fill(&r->rows, i, 1, fill, &r->scratch, err));
        }
    }
    return OK;
}

/* Behind the opening brace. */
static status
read_row(json_reader *r, int32_t depth, error *err) {
    int32_t n = 0;
    if (r->row_count % INTERRUPT_ROWS == 0 && interrupt_poll(r->guard)) {
        return interrupt_reason(r->guard, err);
    }
    json_blanks(r);
    if (!json_take(r, '}')) {
        do {
            int32_t at = 0;
            json_blanks(r);
            const char *key_at = r->at;
            TRY(read_key(r, n++, &at, err));
            if (UNLIKELY(r->rows.columns[at].count > r->row_count)) {
                r->at = key_at;
                return json_fault(r, "a key is there twice in its object", err);
            }
            json_blanks(r);
            if (!json_take(r, ':')) {
                return json_fault(r, "':' must follow a key", err);
            }
            json_blanks(r);
            TRY(append_member(r, at, depth, err));
            json_blanks(r);
        } while (json_take(r, ','));
        if (!json_take(r, '}')) {
            return json_fault(r, "',' or '}' must stand here", err);
        }
    }
    if (n < r->target->shape->count) {
        const status s = fill_missing(r, err);
        if (s != OK) {
            return s;
        }
    }
    if (r->scratch.block != NULL) {
        arena_reset(&r->scratch);
    }
    r->row_count++;
    return OK;
}

static status
read_array(json_reader *r, error *err) {
    json_blanks(r);
    if (!json_take(r, ']')) {
        do {
            json_blanks(r);
            if (!json_take(r, '{')) {
                return json_fault(r, "an object with the columns of a row must stand here", err);
            }
            TRY(read_row(r, 2, err));
            json_blanks(r);
        } while (json_take(r, ','));
        if (!json_take(r, ']')) {
            return json_fault(r, "',' or ']' must stand here", err);
        }
    }
    json_blanks(r);
    return r->at == r->end ? OK : json_fault(r, "nothing may follow the array", err);
}

static status
read_rows(json_reader *r, error *err) {
    json_blanks(r);
    if (json_take(r, '[')) {
        return read_array(r, err);
    }
    do {
        if (!json_take(r, '{')) {
            return json_fault(r, "an object with the columns of a row must stand here", err);
        }
        TRY(read_row(r, 1, err));
        json_blanks(r);
        while (r->target->of_file && r->at < r->end && json_is_between(*r->at)) {
            r->at++;
        }
    } while (r->at < r->end);
    return OK;
}

/* Of objects in an array or one after the other those that begin before `stop`. */
static status
read_some(json_reader *r, const char *stop, bool in_array, error *err) {
    json_blanks(r);
    while (r->at < stop) {
        if (!json_take(r, '{')) {
            return json_fault(r, "an object with the columns of a row must stand here", err);
        }
        const status s = read_row(r, in_array ? 2 : 1, err);
        if (s != OK) {
            return s;
        }
        json_blanks(r);
        if (in_array && !json_take(r, ',')) {
            if (!json_take(r, ']')) {
                return json_fault(r, "',' or ']' must stand here", err);
            }
            json_blanks(r);
            return r->at == r->end ? OK : json_fault(r, "nothing may follow the array", err);
        }
        json_blanks(r);
    }
    return in_array && r->at == r->end ? json_fault(r, "the array does not end", err) : OK;
}

/* ---------------------------------------------------------------------------------- a text */
static size_t
order_bytes(const json_target *target) {
    return sizeof(int32_t) * (size_t)(target->shape->count + 1);
}

static status
reader_open(json_reader *r, mem *m, const json_target *target, text json, interrupt *guard,
            error *err) {
    *r = (json_reader){.start = json.data,
                       .at = json.data,
                       .end = json.data + json.size,
                       .target = target,
                       .guard = guard,
                       .first_line = target->first_line};
    arena_init(&r->scratch, m);
    buf_init(&r->unescaped, m, JSON_TEXT_MAX + 64);
    r->order = mem_alloc(m, order_bytes(target));
    return r->order == NULL ? error_memory(err) : OK;
}

static void
reader_close(json_reader *r, mem *m) {
    mem_free(m, r->order, order_bytes(r->target));
    buf_fini(&r->unescaped);
    arena_fini(&r->scratch);
}

typedef struct json_job {
    mem               *mem;
    const json_target *target;
    bool               in_array;
} json_job;

static status
read_part(void *context, text_part *p, error *err) {
    const json_job *j = context;
    json_reader     r;
    TRY(text_check((text){p->from, (size_t)(p->stop - p->from)}, err));
    TRY(reader_open(&r, j->mem, j->target, (text){p->from, (size_t)(p->end - p->from)},
                    interrupt_current(), err));
    r.rows = p->rows; /* moved, and back */
    const status s = read_some(&r, p->stop, j->in_array, err);
    p->rows = r.rows;
    p->ended = r.at;
    reader_close(&r, j->mem);
    return s;
}

static bool
is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Behind an object, and the comma that follows it in an array, before one. */
static const char *
begins(text json, const char *at) {
    const char *end = json.data + json.size;
    const char *before = at[-1] == ',' ? at - 1 : at;
    while (at < end && is_blank(*at)) {
        at++;
    }
    if (at == end || *at != '{') {
        return NULL;
    }
    while (before > json.data && is_blank(before[-1])) {
        before--;
    }
    return before > json.data && before[-1] == '}' ? at : NULL;
}

/* Objects in arrays in columns look like rows. */
static bool
has_nested(const schema *shape) {
    for (int32_t i = 0; i < shape->count; i++) {
        if (type_is_nested(shape->fields[i].type) || type_is_json(shape->fields[i].type)) {
            return true;
        }
    }
    return false;
}

/* DONE: one thread is to read it. */
static status
read_in_parts(batch **out, mem *m, const json_target *target, text json, const data_type *types,
              int32_t rows_max, error *err) {
    json_job    j = {.mem = m, .target = target};
    const char *at = json.data;
    const char *end = json.data + json.size;
    if (json.size < 2 * PARTS_BYTES_MIN || target->of_file) {
        return DONE;
    }
    while (at < end && (is_blank(*at) || (*at == '[' && !j.in_array))) {
        j.in_array |= *at++ == '[';
    }
    if (at == end || *at != '{' || (j.in_array && has_nested(target->shape))) {
        return DONE;
    }
    const parts_reader how = {.read = read_part,
                              .behind = j.in_array ? ',' : '\n',
                              .begins = begins,
                              .context = &j,
                              .types = types,
                              .column_count = target->shape->count,
                              .rows_max = rows_max};
    const status       s = parts_read(out, m, json, at, &how, &target->help, err);
    return s < 0 && s != ERR_QUERY_CANCELLED ? DONE : s;
}

static status
read_alone(batch **out, mem *m, const json_target *target, text json, const data_type *types,
           int32_t rows_max, error *err) {
    json_reader r;
    TRY(text_check(json, err));
    status s = reader_open(&r, m, target, json, target->help.watched, err);
    s = s < 0 ? s : builder_init(&r.rows, m, types, target->shape->count, err);
    if (s == OK) {
        r.is_alone = true;
        r.rows.rows_max = rows_max;
        s = read_rows(&r, err);
        if (s == OK && r.row_count > 0) {
            s = builder_take(&r.rows, out, err);
        }
        builder_fini(&r.rows);
    }
    reader_close(&r, m);
    return s;
}

status
json_read(batch **out, mem *m, const json_target *target, text json, error *err) {
    const schema *shape = target->shape;
    *out = NULL;
    if (json.size >= 3 && memcmp(json.data, "\xef\xbb\xbf", 3) == 0) { /* byte order mark */
        json = (text){json.data + 3, json.size - 3};
    }
    if (shape->count > JSON_COLUMNS_MAX) {
        return error_set(err, ERR_INGESTION_FAILED, "more than 4,096 columns");
    }
    arena a;
    arena_init(&a, m);
    data_type *types = arena_alloc(&a, sizeof(data_type) * (size_t)(shape->count + 1));
    status     s = types == NULL ? error_memory(err) : DONE;
    for (int32_t i = 0; s == DONE && i < shape->count; i++) {
        types[i] = shape->fields[i].type;
    }
    const int32_t rows_max = target->rows_max > 0 ? target->rows_max : INSERT_ROWS_MAX;
    s = s < 0 ? s : read_in_parts(out, m, target, json, types, rows_max, err);
    s = s == DONE ? read_alone(out, m, target, json, types, rows_max, err) : s;
    arena_fini(&a);
    return s;
}
