/* SPDX-License-Identifier: Apache-2.0 */
/* json_nested.c - arrays and objects as lists, structs and maps of a column's type. */
#include "io/json_lex.h"
#include "type/nested.h"

/* A value that is not of type t, or not one at all. */
static status
misfit(json_reader *r, const char *what, data_type t, error *err) {
    return error_set(err, ERR_INGESTION_FAILED, "line %lld, row %d: %s does not fit %s",
                     (long long)json_line(r, r->at), r->row_count + 1, what, type_name(t));
}

static status
coerce_part(json_reader *r, data_type t, const value *in, value *out, error *err) {
    error        why = {0};
    const status s = value_coerce(out, in, t, false, &r->scratch, &why);
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(err);
    }
    return s == OK ? OK
                   : error_set(err, ERR_INGESTION_FAILED, "line %lld, row %d: %.300s",
                               (long long)json_line(r, r->at), r->row_count + 1, why.message);
}

static status
read_scalar(json_reader *r, data_type t, value *out, error *err) {
    value v = {.type = type_of(TYPE_TEXT)};
    bool  integral;
    if (json_take(r, '"')) {
        TRY(json_text(r, &v.s, err));
        if (v.s.size > 0 && v.s.data == r->unescaped.data) { /* the next text overwrites it */
            v.s = arena_text(&r->scratch, v.s);
            if (v.s.data == NULL) {
                return error_memory(err);
            }
        }
        return coerce_part(r, t, &v, out, err);
    }
    if (json_take_word(r, TEXT("true")) || json_take_word(r, TEXT("false"))) {
        v = (value){.type = type_of(TYPE_BOOL), .b = r->at[-2] == 'u'};
        return coerce_part(r, t, &v, out, err);
    }
    TRY(json_number(r, &v.s, &integral, err));
    const text written = v.s;
    value      number;
    if (integral
            ? value_parse(&number, type_of(TYPE_I64), written, NULL) == OK
            : type_is_float(t) && value_parse(&number, type_of(TYPE_F64), written, NULL) == OK) {
        v = number;
    }
    return coerce_part(r, t, &v, out, err);
}

typedef struct parts {
    value  *at;
    int32_t count, capacity;
} parts;

static status
parts_add(json_reader *r, parts *p, const value *v, error *err) {
    if (p->count == p->capacity) {
        const int32_t capacity = p->capacity == 0 ? 8 : 2 * p->capacity;
        value        *more = arena_alloc(&r->scratch, (size_t)capacity * sizeof(*more));
        if (more == NULL) {
            return error_memory(err);
        }
        if (p->count > 0) {
            memcpy(more, p->at, (size_t)p->count * sizeof(*more));
        }
        p->at = more;
        p->capacity = capacity;
    }
    p->at[p->count++] = *v;
    return OK;
}

/* Behind "[": a LIST, or the fields of a STRUCT in their order. */
static status
read_items(json_reader *r, data_type t, value *out, error *err) {
    const bool is_struct = t.id == TYPE_STRUCT;
    parts      p = {.count = 0};
    json_blanks(r);
    bool more = !json_take(r, ']');
    while (more) {
        value v;
        if (is_struct && p.count == type_field_count(t)) {
            return misfit(r, "an array of more values", t, err);
        }
        TRY(json_nested(r, is_struct ? type_field(t, p.count).type : type_item(t), &v, err));
        TRY(parts_add(r, &p, &v, err));
        json_blanks(r);
        more = json_take(r, ',');
        if (!more && !json_take(r, ']')) {
            return json_fault(r, "',' or ']' must stand here", err);
        }
    }
    if (is_struct ? p.count != type_field_count(t)
                  : type_array_size(t) >= 0 && type_array_size(t) != p.count) {
        return misfit(r, "an array of another length", t, err);
    }
    return nested_make(out, t, p.at, p.count, &r->scratch, err);
}

static status
read_object_key(json_reader *r, text *key, error *err) {
    json_blanks(r);
    if (!json_take(r, '"')) {
        return json_fault(r, "a key in quotes must stand here", err);
    }
    TRY(json_text(r, key, err));
    *key = arena_text(&r->scratch, *key);
    json_blanks(r);
    return key->data == NULL   ? error_memory(err)
           : json_take(r, ':') ? OK
                               : json_fault(r, "':' must follow a key", err);
}

/* Behind "{": of a STRUCT or a MAP. */
static status
read_object(json_reader *r, data_type t, value *out, error *err) {
    const bool is_map = t.id == TYPE_MAP;
    parts      p = {.count = 0};
    for (int32_t i = 0; !is_map && i < type_field_count(t); i++) {
        const value none = {.type = type_field(t, i).type, .is_null = true};
        TRY(parts_add(r, &p, &none, err));
    }
    json_blanks(r);
    bool more = !json_take(r, '}');
    while (more) {
        value pair[2] = {{.type = type_of(TYPE_TEXT)}};
        value made;
        TRY(read_object_key(r, &pair[0].s, err));
        const int32_t at = is_map ? -1 : type_find_field(t, pair[0].s, false);
        if (!is_map && at < 0) {
            return error_set(err, ERR_INGESTION_FAILED,
                             "line %lld, row %d: %s has no field \"%.*s\"",
                             (long long)json_line(r, r->at), r->row_count + 1, type_name(t),
                             TEXT_ARG(pair[0].s));
        }
        TRY(json_nested(r, is_map ? type_map_value(t) : type_field(t, at).type, &pair[1], err));
        if (is_map) {
            const value key = pair[0];
            TRY(coerce_part(r, type_map_key(t), &key, &pair[0], err));
            TRY(nested_make(&made, type_item(t), pair, 2, &r->scratch, err));
            TRY(parts_add(r, &p, &made, err));
        } else {
            p.at[at] = pair[1];
        }
        json_blanks(r);
        more = json_take(r, ',');
        if (!more && !json_take(r, '}')) {
            return json_fault(r, "',' or '}' must stand here", err);
        }
    }
    error why = {0};
    if (is_map && nested_check_keys(t, p.at, p.count, &r->scratch, &why) < 0) {
        return misfit(r, why.message, t, err);
    }
    return nested_make(out, t, p.at, p.count, &r->scratch, err);
}

/* Recursion ends with the type, which has NESTED_DEPTH_MAX levels at most. */
status
json_nested(json_reader *r, data_type t, value *out, error *err) {
    json_blanks(r);
    const char *start = r->at;
    if (json_take_word(r, TEXT("null"))) {
        *out = (value){.type = t, .is_null = true};
        return OK;
    }
    const bool object = r->at < r->end && *r->at == '{';
    const bool array = r->at < r->end && *r->at == '[';
    if (!object && !array && !type_is_json(t)) {
        return read_scalar(r, t, out, err);
    }
    if (object && (t.id == TYPE_MAP || (t.id == TYPE_STRUCT && type_field(t, 0).name.size > 0))) {
        r->at++;
        return read_object(r, t, out, err);
    }
    if (array && (t.id == TYPE_LIST || t.id == TYPE_STRUCT)) {
        r->at++;
        return read_items(r, t, out, err);
    }
    TRY(json_skip(r, 0, err));
    if (t.id != TYPE_TEXT) {
        return misfit(r, object ? "an object" : "an array", t, err);
    }
    const value read = {.type = type_of(TYPE_TEXT), .s = {start, (size_t)(r->at - start)}};
    return coerce_part(r, t, &read, out, err);
}
