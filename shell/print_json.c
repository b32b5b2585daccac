/* SPDX-License-Identifier: Apache-2.0 */
/* print_json.c - an object a row. Numbers stay as exact as they are; NaN and infinities, which JSON
 * has not, are strings. What a terminal would obey is escaped, which JSON allows everywhere. */
#include <math.h>
#include <string.h>

#include "shell.h"

static void
escape_unit(bytes *out, unsigned unit) {
    bytes_printf(out, "\\u%04x", unit);
}

/* One character, which is valid UTF-8, that must not be written as it is. */
static void
escape_character(bytes *out, const char *s, size_t size) {
    uint32_t code = (unsigned char)s[0];
    if (size > 1) {
        code &= 0x7FU >> size;
        for (size_t i = 1; i < size; i++) {
            code = code << 6 | ((unsigned char)s[i] & 0x3FU);
        }
    }
    if (code >= 0x10000) {
        escape_unit(out, 0xD800 + ((code - 0x10000) >> 10));
        code = 0xDC00 + ((code - 0x10000) & 0x3FF);
    }
    escape_unit(out, code);
}

static size_t
bytes_of_character(const char *s, size_t size) {
    const unsigned char c = (unsigned char)s[0];
    const size_t        width = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    return width < size ? width : size;
}

static void
json_string(bytes *out, const char *s, size_t size) {
    bytes_text(out, "\"");
    for (size_t at = 0; at < size;) {
        const size_t step = bytes_of_character(s + at, size - at);
        char         shown[LAMINAR_TEXT_VISIBLE_MAX(4)];
        if (s[at] == '"' || s[at] == '\\') {
            bytes_text(out, "\\");
            bytes_add(out, s + at, 1);
        } else if (s[at] == '\n') {
            bytes_text(out, "\\n");
        } else if (laminar_text_visible(s + at, step, 0, shown, sizeof(shown)) == step &&
                   memcmp(shown, s + at, step) == 0) {
            bytes_add(out, s + at, step);
        } else {
            escape_character(out, s + at, step);
        }
        at += step;
    }
    bytes_text(out, "\"");
}

static void json_value(bytes *out, const laminar_value *v);

static void
json_key(bytes *out, const laminar_value *key) {
    bytes text = {.size = 0};
    value_text(&text, key, SIZE_MAX);
    json_string(out, text.data == NULL ? "" : text.data, text.size);
    bytes_free(&text);
}

static void
json_nested(bytes *out, const laminar_value *v) {
    const int64_t count = laminar_value_count(v);
    const bool    list = v->type == LAMINAR_TYPE_LIST;
    bytes_text(out, list ? "[" : "{");
    for (int64_t i = 0; i < count; i++) {
        laminar_value item, part;
        if (laminar_value_item(v, i, &item) != LAMINAR_OK) {
            break;
        }
        bytes_text(out, i > 0 ? ", " : "");
        if (v->type == LAMINAR_TYPE_MAP) {
            (void)laminar_value_item(&item, 0, &part);
            json_key(out, &part);
            (void)laminar_value_item(&item, 1, &part);
            item = part;
        } else if (v->type == LAMINAR_TYPE_STRUCT) {
            size_t      size;
            const char *name = laminar_value_field(v, i, &size);
            json_string(out, name == NULL ? "" : name, size);
        }
        bytes_text(out, list ? "" : ": ");
        json_value(out, &item);
    }
    bytes_text(out, list ? "]" : "}");
}

static void
json_value(bytes *out, const laminar_value *v) {
    const bool inexact = v->type == LAMINAR_TYPE_FLOAT || v->type == LAMINAR_TYPE_DOUBLE;
    if (v->is_null) {
        bytes_text(out, "null");
    } else if (v->type >= LAMINAR_TYPE_LIST) {
        json_nested(out, v);
    } else if (v->type == LAMINAR_TYPE_BOOLEAN) {
        bytes_text(out, v->i != 0 ? "true" : "false");
    } else if (value_is_number(v->type) && !(inexact && !isfinite(v->d))) {
        value_text(out, v, SIZE_MAX);
    } else {
        json_key(out, v);
    }
}

void
json_row(printer *p, const laminar_result *rows, int64_t row) {
    bytes *out = &p->line;
    bytes_text(out, p->rows == 0 ? "[{" : ",\n{");
    for (int32_t c = 0; c < p->columns; c++) {
        laminar_value v;
        const char   *name = laminar_result_column_name(rows, c);
        (void)laminar_result_value(rows, row, c, &v);
        bytes_text(out, c > 0 ? ", " : "");
        json_string(out, name, strlen(name));
        bytes_text(out, ": ");
        json_value(out, &v);
    }
    bytes_text(out, "}");
}
