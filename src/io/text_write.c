/* SPDX-License-Identifier: Apache-2.0 */
/* text_write.c - see text_write.h. */
#include "io/text_write.h"
#include "type/json_value.h"
#include "type/nested.h"

#include <math.h>
#include <string.h>

/* ---- CSV */

static bool
needs_quotes(text t, const csv_options *o) {
    const char delimiter = o->delimiter == 0 ? ',' : o->delimiter;
    const text null = o->null_text.data == NULL ? TEXT("") : o->null_text;
    if (t.size == 0 || text_equal(t, null) || t.data[0] == ' ' || t.data[t.size - 1] == ' ') {
        return true;
    }
    for (size_t i = 0; i < t.size; i++) {
        const char c = t.data[i];
        if (c == delimiter || c == o->quote || c == '\n' || c == '\r') {
            return true;
        }
    }
    return false;
}

static void
put_field(buf *out, text t, const csv_options *o) {
    if (!needs_quotes(t, o) || o->quote == 0) {
        buf_append_text(out, t);
        return;
    }
    buf_append_char(out, o->quote);
    for (size_t i = 0; i < t.size; i++) {
        if (t.data[i] == o->quote || t.data[i] == o->escape) {
            buf_append_char(out, o->escape);
        }
        buf_append_char(out, t.data[i]);
    }
    buf_append_char(out, o->quote);
}

void
csv_write_header(buf *out, const schema *s, const csv_options *o) {
    for (int32_t i = 0; i < s->count; i++) {
        if (i > 0) {
            buf_append_char(out, o->delimiter == 0 ? ',' : o->delimiter);
        }
        put_field(out, s->fields[i].name, o);
    }
    buf_append_char(out, '\n');
}

/* The text of a value that is not NULL; of VARCHAR itself. */
static text
shown(const value *v, buf *scratch) {
    if (v->type.id == TYPE_TEXT) {
        return v->s;
    }
    buf_clear(scratch);
    (void)value_format(v, scratch);
    return buf_text(scratch);
}

void
csv_write_row(buf *out, buf *scratch, const delta *rows, int32_t row, const csv_options *o) {
    for (int32_t i = 0; i < rows->column_count; i++) {
        if (i > 0) {
            buf_append_char(out, o->delimiter == 0 ? ',' : o->delimiter);
        }
        const value v = column_value(&rows->columns[i], row);
        if (v.is_null) {
            buf_append_text(out, o->null_text.data == NULL ? TEXT("") : o->null_text);
        } else {
            put_field(out, shown(&v, scratch), o);
        }
    }
    out->failed = out->failed || scratch->failed;
    buf_append_char(out, '\n');
}

/* ---- JSON */

static void
put_text(buf *out, text t) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    buf_append_char(out, '"');
    for (size_t i = 0; i < t.size; i++) {
        const char  c = t.data[i];
        const char *found = c == '\0' ? NULL : strchr(from, c);
        if (found != NULL) {
            buf_append_char(out, '\\');
            buf_append_char(out, to[found - from]);
        } else if ((uint8_t)c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_append_char(out, c);
        }
    }
    buf_append_char(out, '"');
}

void
json_write_row(buf *out, buf *scratch, const schema *s, const delta *rows, int32_t row) {
    for (int32_t i = 0; i < rows->column_count; i++) {
        buf_append_char(out, i == 0 ? '{' : ',');
        put_text(out, s->fields[i].name);
        buf_append_char(out, ':');
        const value v = column_value(&rows->columns[i], row);
        const bool  bare = v.type.id == TYPE_BOOL ||
                          (type_is_numeric(v.type) && !(type_is_float(v.type) && !isfinite(v.d)));
        if (v.is_null) {
            buf_append_text(out, TEXT("null"));
        } else if (type_is_nested(v.type) || type_is_json(v.type)) {
            (void)json_write_value(&v, out);
        } else if (bare) {
            buf_append_text(out, shown(&v, scratch));
        } else {
            put_text(out, shown(&v, scratch));
        }
    }
    out->failed = out->failed || scratch->failed;
    buf_append_text(out, TEXT("}\n"));
}
