/* SPDX-License-Identifier: Apache-2.0 */
/* value.c - values as text, as CAST(... AS VARCHAR) spells them. */
#include <string.h>

#include "shell.h"

bool
value_is_number(laminar_type type) {
    return type >= LAMINAR_TYPE_TINYINT && type <= LAMINAR_TYPE_DECIMAL;
}

/* Within a list, a text that would be read as something else stands in quotes. */
static void
item_text(bytes *out, const laminar_value *v, size_t most) {
    static const char special[] = ",:'\"[]{}()=\\ ";
    bool              quoted = v->text_size == 0;
    if (v->is_null || v->type != LAMINAR_TYPE_VARCHAR) {
        value_text(out, v, most);
        return;
    }
    for (size_t i = 0; i < v->text_size && !quoted; i++) {
        quoted = v->text[i] != ' ' && memchr(special, v->text[i], sizeof(special) - 1) != NULL;
        quoted = quoted || (v->text[i] == ' ' && (i == 0 || i + 1 == v->text_size));
    }
    if (v->text_size == 4 && strncasecmp(v->text, "null", 4) == 0) {
        quoted = true;
    }
    bytes_text(out, quoted ? "'" : "");
    for (size_t i = 0; i < v->text_size; i++) {
        if (quoted && (v->text[i] == '\'' || v->text[i] == '\\')) {
            bytes_text(out, "\\");
        }
        bytes_add(out, v->text + i, 1);
    }
    bytes_text(out, quoted ? "'" : "");
}

static void
field_text(bytes *out, const laminar_value *v, int64_t at) {
    size_t      size;
    const char *name = laminar_value_field(v, at, &size);
    if (size > 0) {
        bytes_text(out, "'");
        bytes_add(out, name, size);
        bytes_text(out, "': ");
    }
}

static void
nested_text(bytes *out, const laminar_value *v, size_t most) {
    const int64_t count = laminar_value_count(v);
    const bool    list = v->type == LAMINAR_TYPE_LIST;
    bytes_text(out, list ? "[" : "{");
    for (int64_t i = 0; i < count && out->size < most; i++) {
        laminar_value item, part;
        if (laminar_value_item(v, i, &item) != LAMINAR_OK) {
            break;
        }
        bytes_text(out, i > 0 ? ", " : "");
        if (v->type == LAMINAR_TYPE_MAP) {
            for (int64_t k = 0; k < 2 && laminar_value_item(&item, k, &part) == LAMINAR_OK; k++) {
                bytes_text(out, k > 0 ? "=" : "");
                item_text(out, &part, most);
            }
            continue;
        }
        if (v->type == LAMINAR_TYPE_STRUCT) {
            field_text(out, v, i);
        }
        item_text(out, &item, most);
    }
    bytes_text(out, list ? "]" : "}");
}

void
value_text(bytes *out, const laminar_value *v, size_t most) {
    char text[LAMINAR_VALUE_TEXT_MAX];
    if (v->is_null) {
        bytes_text(out, "NULL");
        return;
    }
    switch (v->type) {
    case LAMINAR_TYPE_VARCHAR:
        bytes_add(out, v->text, v->text_size);
        break;
    case LAMINAR_TYPE_BLOB:
        for (size_t i = 0; i < v->text_size; i++) {
            const unsigned char c = (unsigned char)v->text[i];
            if (c < 0x20 || c >= 0x7F || c == '\\') {
                bytes_printf(out, "\\x%02X", c);
            } else {
                bytes_add(out, v->text + i, 1);
            }
        }
        break;
    case LAMINAR_TYPE_LIST:
    case LAMINAR_TYPE_STRUCT:
    case LAMINAR_TYPE_MAP:
        nested_text(out, v, most);
        break;
    default:
        bytes_add(out, text, laminar_value_text(v, text));
    }
}
