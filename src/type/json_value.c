/* SPDX-License-Identifier: Apache-2.0 */
/* json_value.c - see json_value.h. Recursion is as deep as a type nests. */
#include "type/json_value.h"

#include <math.h>

#include "type/json_text.h"
#include "type/nested.h"

static bool
is_null(const value *v) {
    return v->is_null || v->type.id == TYPE_NULL;
}

bool
json_write_key(const value *v, buf *out) {
    buf shown;
    if (v->type.id == TYPE_TEXT) {
        return json_write_text(v->s, out);
    }
    buf_init(&shown, out->mem, out->size_max);
    const bool ok = value_format(v, &shown) && json_write_text(buf_text(&shown), out);
    buf_fini(&shown);
    return ok;
}

static bool
write_list(const nested_view *v, buf *out) {
    bool ok = buf_append_char(out, '[');
    for (int32_t i = 0; i < v->count && ok; i++) {
        const value item = nested_at(v, i);
        ok = (i == 0 || buf_append_char(out, ',')) && json_write_value(&item, out);
    }
    return ok && buf_append_char(out, ']');
}

/* A MAP has entries, a STRUCT its fields. */
static bool
write_object(const nested_view *v, buf *out) {
    bool ok = buf_append_char(out, '{');
    for (int32_t i = 0; i < v->count && ok; i++) {
        value key = {.type = type_of(TYPE_TEXT)}, item = nested_at(v, i);
        if (v->is_struct) {
            key.s = type_field(v->type, i).name;
        } else {
            const nested_view entry = nested_open(item.type, item.s);
            key = nested_at(&entry, 0);
            item = nested_at(&entry, 1);
        }
        ok = (i == 0 || buf_append_char(out, ',')) && json_write_key(&key, out) &&
             buf_append_char(out, ':') && json_write_value(&item, out);
    }
    return ok && buf_append_char(out, '}');
}

static bool
write_nested(const value *v, buf *out) {
    const nested_view view = nested_open(v->type, v->s);
    const bool        unnamed = view.is_struct && type_field(v->type, 0).name.size == 0;
    return v->type.id == TYPE_LIST || unnamed ? write_list(&view, out) : write_object(&view, out);
}

bool
json_write_value(const value *v, buf *out) {
    if (is_null(v) || (type_is_float(v->type) && !isfinite(v->d))) {
        return buf_append(out, "null", 4);
    }
    if (type_is_nested(v->type)) {
        return write_nested(v, out);
    }
    if (type_is_json(v->type)) {
        return buf_append_text(out, v->s);
    }
    if (v->type.id == TYPE_TEXT || v->type.id == TYPE_BLOB) {
        return json_write_key(v, out);
    }
    char         written[VALUE_TEXT_MAX];
    const size_t size = value_write(v, written);
    const bool   bare = type_is_numeric(v->type) || v->type.id == TYPE_BOOL;
    return bare ? buf_append(out, written, size) : json_write_text((text){written, size}, out);
}

/* ---- CAST */

#define SHOWN_MAX 60

static text
clip(text s, bool *cut) {
    text      shown = {s.data, s.size < SHOWN_MAX ? s.size : SHOWN_MAX};
    const int fault = text_utf8_fault(shown);
    *cut = shown.size < s.size;
    shown.size = fault >= 0 ? (size_t)fault : shown.size;
    return shown;
}

static status
refuse(text json, data_type to, const char *why, error *err) {
    bool       cut;
    const text shown = clip(json, &cut);
    return error_set(err, ERR_QUERY_FAILED, "cannot convert JSON %.*s%s to %s: %s", TEXT_ARG(shown),
                     cut ? "..." : "", type_name(to), why);
}

static status
read_whole(text s, text *out, error *err) {
    size_t      at;
    const char *why;
    bool        cut;
    if (json_text_whole(s, out, &at, &why)) {
        return OK;
    }
    const text shown = clip(s, &cut);
    (void)error_set(err, ERR_QUERY_FAILED, "this is no JSON: %s, at byte %zu of '%.*s%s'", why, at,
                    TEXT_ARG(shown), cut ? "..." : "");
    return error_hint(err,
                      "json_valid(x) tells; TRY_CAST(x AS JSON) gives NULL; to_json(x) makes a "
                      "JSON string of any text");
}

status
json_from_value(value *out, const value *in, arena *a, error *err) {
    buf    b;
    text   whole;
    status s = OK;
    if (in->type.id == TYPE_TEXT) {
        out->s = in->s;
        return read_whole(in->s, &whole, err);
    }
    buf_init(&b, a->mem, NESTED_SIZE_MAX);
    const bool written = json_write_value(in, &b);
    out->s = written ? arena_text(a, buf_text(&b)) : (text){NULL, 0};
    s = out->s.data == NULL ? error_memory(err) : OK;
    buf_fini(&b);
    return s;
}

typedef struct parts { /* of a value under construction */
    arena  *arena;
    error  *err;
    bool    lenient; /* what does not fit is NULL */
    int32_t count, capacity;
    value  *at;
} parts;

static status read_value(value *out, text json, data_type to, parts *outer);

static status
parts_room(parts *p) {
    if (p->count < p->capacity) {
        return OK;
    }
    const int32_t capacity = p->capacity == 0 ? 8 : 2 * p->capacity;
    value        *more = arena_alloc(p->arena, (size_t)capacity * sizeof(*more));
    if (more == NULL || capacity > INT32_MAX / 64) {
        return error_memory(p->err);
    }
    if (p->count > 0) {
        memcpy(more, p->at, (size_t)p->count * sizeof(*more));
    }
    p->at = more;
    p->capacity = capacity;
    return OK;
}

/* A string as it is meant, in the arena. */
static status
unquote(text json, text *out, const parts *p) {
    buf b;
    buf_init(&b, p->arena->mem, NESTED_SIZE_MAX);
    *out = json_unquote(json, &b) ? arena_text(p->arena, buf_text(&b)) : (text){NULL, 0};
    buf_fini(&b);
    return out->data == NULL ? error_memory(p->err) : OK;
}

static status
read_list(value *out, text json, data_type to, parts *outer) {
    parts       p = {.arena = outer->arena, .err = outer->err, .lenient = outer->lenient};
    size_t      at = 0;
    json_member m;
    if (json.data[0] != '[') {
        return refuse(json, to, "it is no array", p.err);
    }
    while (json_next(json, &at, &m)) {
        TRY(parts_room(&p));
        TRY(read_value(&p.at[p.count++], m.value, type_item(to), &p));
    }
    TRY(nested_check_size(to, p.count, p.err));
    return nested_make(out, to, p.at, p.count, p.arena, p.err);
}

static status
read_map(value *out, text json, data_type to, parts *outer) {
    parts       p = {.arena = outer->arena, .err = outer->err, .lenient = outer->lenient};
    size_t      at = 0;
    json_member m;
    if (json.data[0] != '{') {
        return refuse(json, to, "it is no object", p.err);
    }
    while (json_next(json, &at, &m)) {
        value pair[2], key = {.type = type_of(TYPE_TEXT)};
        TRY(unquote(m.key, &key.s, &p));
        TRY(value_cast(&pair[0], &key, type_map_key(to), p.arena, p.err));
        TRY(read_value(&pair[1], m.value, type_map_value(to), &p));
        TRY(parts_room(&p));
        TRY(nested_make(&p.at[p.count++], type_item(to), pair, 2, p.arena, p.err));
    }
    TRY(nested_check_keys(to, p.at, p.count, p.arena, p.err));
    return nested_make(out, to, p.at, p.count, p.arena, p.err);
}

/* The field of a member: by its name, exactly or, when there is no such, in any case. */
static status
read_fields(value *values, text json, data_type to, parts *p) {
    size_t      at = 0;
    json_member m;
    int32_t     number = 0;
    while (json_next(json, &at, &m)) {
        int32_t field_number = number++;
        if (m.key.data != NULL) {
            text key;
            TRY(unquote(m.key, &key, p));
            field_number = type_find_field(to, key, true);
            field_number = field_number < 0 ? type_find_field(to, key, false) : field_number;
        } else if (field_number >= type_field_count(to)) {
            return refuse(json, to, "it has more values than the STRUCT has fields", p->err);
        }
        if (field_number >= 0 && values[field_number].type.id == TYPE_NULL) {
            TRY(read_value(&values[field_number], m.value, type_field(to, field_number).type, p));
        }
    }
    return OK;
}

static status
read_struct(value *out, text json, data_type to, parts *p) {
    const int32_t count = type_field_count(to);
    const bool    unnamed = type_field(to, 0).name.size == 0;
    value        *values = arena_alloc(p->arena, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(p->err);
    }
    const bool fits = json.data[0] == (unnamed ? '[' : '{');
    if (!fits && !p->lenient) {
        return refuse(json, to, unnamed ? "it is no array" : "it is no object", p->err);
    }
    for (int32_t i = 0; i < count; i++) {
        values[i] = value_null(TYPE_NULL);
    }
    TRY(fits ? read_fields(values, json, to, p) : OK);
    return nested_make(out, to, values, count, p->arena, p->err);
}

static status
read_scalar(value *out, text json, data_type to, parts *p) {
    value in = {.type = type_of(TYPE_TEXT), .s = json};
    if (json.data[0] == '{' || json.data[0] == '[') {
        return refuse(json, to, "it is no single value", p->err);
    }
    if (json.data[0] == '"') {
        TRY(unquote(json, &in.s, p));
    }
    return value_cast(out, &in, to, p->arena, p->err);
}

static status
read_fitting(value *out, text json, data_type to, parts *p) {
    *out = (value){.type = to, .is_null = json.data[0] == 'n'};
    if (out->is_null) {
        return OK;
    }
    if (to.id == TYPE_TEXT) {
        out->s = json;
        return type_is_json(to) || json.data[0] != '"' ? OK : unquote(json, &out->s, p);
    }
    switch (to.id) {
    case TYPE_LIST:
        return read_list(out, json, to, p);
    case TYPE_MAP:
        return read_map(out, json, to, p);
    case TYPE_STRUCT:
        return read_struct(out, json, to, p);
    default:
        return read_scalar(out, json, to, p);
    }
}

static status
read_value(value *out, text json, data_type to, parts *p) {
    error *const err = p->err;
    error        ignored = {0};
    if (!p->lenient) {
        return read_fitting(out, json, to, p);
    }
    p->err = &ignored;
    const status s = read_fitting(out, json, to, p);
    p->err = err;
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(err);
    }
    *out = s < 0 ? (value){.type = to, .is_null = true} : *out;
    return OK;
}

status
json_to_value_or_null(value *out, text json, data_type to, arena *a, error *err) {
    parts p = {.arena = a, .err = err, .lenient = true};
    text  whole;
    TRY(read_whole(json, &whole, err));
    return read_value(out, whole, to, &p);
}

status
json_to_value(value *out, text json, data_type to, arena *a, error *err) {
    parts p = {.arena = a, .err = err};
    text  whole;
    TRY(read_whole(json, &whole, err));
    return read_value(out, whole, to, &p);
}
