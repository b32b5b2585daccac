/* SPDX-License-Identifier: Apache-2.0 */
/* fn_path.c - paths of files as texts: parse_filename, parse_dirname, parse_dirpath, parse_path.
 * What parts them is said by the last argument: 'both_slash' (where it is left out, and for any
 * other text), 'system', 'forward_slash' or 'backslash'. */
#include "expr/nested_call.h"

typedef struct slashes {
    bool forward, back;
} slashes;

static slashes
slashes_of(const fn_call *c, int32_t arg, int32_t row) {
    const text name = arg < c->arg_count && c->args[arg].type.id == TYPE_TEXT
                          ? operand_text(&c->args[arg], row)
                          : TEXT("");
    const bool forward =
        text_equal(name, TEXT("system")) || text_equal(name, TEXT("forward_slash"));
    const bool back = text_equal(name, TEXT("backslash"));
    return (slashes){.forward = !back, .back = !forward};
}

static bool
parts(slashes by, char c) {
    return (by.forward && c == '/') || (by.back && c == '\\');
}

static size_t
last_slash(text path, slashes by) { /* behind it; 0: there is none */
    size_t i = path.size;
    while (i > 0 && !parts(by, path.data[i - 1])) {
        i--;
    }
    return i;
}

static status
path_rows(fn_call *c, text (*part)(text path, slashes by)) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text t = part(operand_text(&c->args[0], i), slashes_of(c, 1, i));
            z[i] = strview_of(t.data, (uint32_t)t.size);
        }
    }
    return OK;
}

static text
file_name(text path, slashes by) {
    const size_t at = last_slash(path, by);
    return (text){path.data + at, path.size - at};
}

static text
folder_path(text path, slashes by) {
    const size_t at = last_slash(path, by);
    return (text){path.data, at == 0 ? 0 : at - 1};
}

static text
first_folder(text path, slashes by) {
    for (size_t i = 0; i < path.size; i++) {
        if (parts(by, path.data[i])) {
            return (text){path.data, i == 0 ? 1 : i};
        }
    }
    return (text){path.data, 0};
}

/* parse_filename(path [, without its ending] [, slashes]) */
status
fn_parse_filename(fn_call *c) {
    const bool asks = c->arg_count > 1 && c->args[1].type.id == TYPE_BOOL;
    strview   *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int32_t last = c->arg_count - 1;
        text          t = file_name(operand_text(&c->args[0], i),
                                    slashes_of(c, last > 0 ? last : c->arg_count, i));
        if (asks && ((const uint8_t *)c->args[1].values)[(int64_t)i * c->args[1].step] != 0) {
            const char *dot = t.size == 0 ? NULL : memrchr(t.data, '.', t.size);
            t.size = dot == NULL ? t.size : (size_t)(dot - t.data);
        }
        z[i] = strview_of(t.data, (uint32_t)t.size);
    }
    return OK;
}

status
fn_parse_dirpath(fn_call *c) {
    return path_rows(c, folder_path);
}

status
fn_parse_dirname(fn_call *c) {
    return path_rows(c, first_folder);
}

/* The folders and the file; the root is a part of its own, and nothing is none. */
status
fn_parse_path(fn_call *c) {
    item_list items = {.call = c};
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const text    path = operand_text(&c->args[0], i);
        const slashes by = slashes_of(c, c->arg_count > 1 ? 1 : c->arg_count, i);
        size_t        from = 0;
        items.count = 0;
        for (size_t k = 0; k <= path.size; k++) {
            if (k < path.size && !parts(by, path.data[k])) {
                continue;
            }
            const bool  root = k == 0 && path.size > 0;
            const value v = {.type = type_of(TYPE_TEXT),
                             .s = {path.data + from, root ? 1 : k - from}};
            if (v.s.size > 0) {
                TRY(items_add(&items, &v));
            }
            from = k + 1;
        }
        TRY(fn_put_nested(c, i, items.at, items.count));
    }
    return OK;
}
