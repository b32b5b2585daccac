/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - one pass over the text, from keys and values straight into growing columns.
 *
 * Rows of one source mostly have the same keys in the same order: the column of the n-th key of the
 * last row is tried first, by comparing bytes. Lines are counted only for an error. */
#include "io/json.h"
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

static status
fill_missing(json_reader *r, error *err) {
    for (int32_t i = 0; i < r->target->shape->count; i++) {
        if (r->rows.columns[i].count == r->row_count) {
            TRY(column_append_fill(&r->rows, i, 1, r->target->fill, &r->scratch, err));
        }
    }
    return OK;
}

/* Behind the opening brace. */
static status
read_row(json_reader *r, int32_t depth, error *err) {
    int32_t n = 0;
    if (r->row_count % INTERRUPT_ROWS == 0 && interrupt_poll(r->target->guard)) {
        return interrupt_reason(r->target->guard, err);
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
        TRY(fill_missing(r, err));
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

static status
reader_open(json_reader *r, mem *m, const json_target *target, text json, error *err) {
    const schema *shape = target->shape;
    *r = (json_reader){.start = json.data,
                       .at = json.data,
                       .end = json.data + json.size,
                       .target = target,
                       .first_line = target->first_line};
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
        r->rows.rows_max = r->target->rows_max > 0 ? r->target->rows_max : INSERT_ROWS_MAX;
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
