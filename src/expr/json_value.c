/* SPDX-License-Identifier: Apache-2.0 */
/* json_value.c - see json_value.h. Recursion is as deep as a type nests. */
#include "expr/json_value.h"

#include <math.h>

#include "expr/json_text.h"
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
    if (v->type.id == TYPE_TEXT || v->type.id == TYPE_BLOB) {
        return json_write_key(v, out);
    }
    char         written[VALUE_TEXT_MAX];
    const size_t size = value_write(v, written);
    const bool   bare = type_is_numeric(v->type) || v->type.id == TYPE_BOOL;
    return bare ? buf_append(out, written, size) : json_write_text((text){written, size}, out);
}
