/* SPDX-License-Identifier: Apache-2.0 */
/* nested_text.c - nested values as text, DuckDB's: [1, NULL], {'a': 1, 'b': x}, (1, x), {k=1}. What
 * reads like part of the syntax stands between single quotes, with \ before quotes and itself. The
 * way back takes double quotes too, so JSON of objects and arrays is read. */
#include "type/nested_type.h"

/* ---- writing */

static bool
needs_quotes(text t) {
    if (t.size == 0 || text_equal_nocase(t, TEXT("NULL")) || t.data[0] == ' ' ||
        t.data[t.size - 1] == ' ') {
        return true;
    }
    for (size_t i = 0; i < t.size; i++) {
        if (strchr("[]{}(),:='\"\\\t\n\r\v\f", t.data[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool
write_quoted(buf *out, text t) {
    (void)buf_append_char(out, '\'');
    size_t begin = 0;
    for (size_t i = 0; i < t.size; i++) {
        if (t.data[i] == '\'' || t.data[i] == '\\') {
            (void)buf_append(out, t.data + begin, i - begin);
            (void)buf_append_char(out, '\\');
            begin = i;
        }
    }
    (void)buf_append(out, t.data + begin, t.size - begin);
    return buf_append_char(out, '\'');
}

static bool
write_text(buf *out, text t) {
    return needs_quotes(t) ? write_quoted(out, t) : buf_append_text(out, t);
}

/* A BLOB is written into `out` first and then put between quotes, should it need them. */
static bool
write_blob(buf *out, const value *v) {
    buf b;
    buf_init(&b, out->mem, out->size_max);
    const bool ok = value_format(v, &b) && write_text(out, buf_text(&b));
    out->failed |= !ok;
    buf_fini(&b);
    return ok;
}

static bool
write_part(buf *out, const value *v) {
    if (v->is_null || v->type.id == TYPE_NULL) {
        return buf_append_text(out, TEXT("NULL"));
    }
    if (type_is_nested(v->type)) {
        return nested_format(v->type, v->s, out);
    }
    if (type_physical(v->type) != PHYSICAL_TEXT) {
        char written[VALUE_TEXT_MAX];
        return write_text(out, (text){written, value_write(v, written)});
    }
    return v->type.id == TYPE_BLOB ? write_blob(out, v) : write_text(out, v->s);
}

static bool
write_entry(buf *out, const value *entry) {
    const nested_view pair = nested_open(entry->type, entry->s);
    const value       key = nested_at(&pair, 0);
    const value       item = nested_at(&pair, 1);
    (void)write_part(out, &key);
    (void)buf_append_char(out, '=');
    return write_part(out, &item);
}

bool
nested_format(data_type t, text image, buf *out) {
    const nested_view v = nested_open(t, image);
    const bool        named = t.id == TYPE_STRUCT && type_field(t, 0).name.size > 0;
    const char       *around = t.id == TYPE_LIST ? "[]" : t.id == TYPE_MAP || named ? "{}" : "()";
    (void)buf_append_char(out, around[0]);
    for (int32_t i = 0; i < v.count && !out->failed; i++) {
        const value x = nested_at(&v, i);
        (void)buf_append_text(out, i > 0 ? TEXT(", ") : TEXT(""));
        if (named) {
            (void)write_quoted(out, type_field(t, i).name);
            (void)buf_append_text(out, TEXT(": "));
        }
        (void)(t.id == TYPE_MAP ? write_entry(out, &x) : write_part(out, &x));
    }
    return buf_append_char(out, around[1]);
}

/* ---- reading */

typedef struct reader {
    text   all;
    size_t at;
    bool   exactly;
    arena *arena;
    error *err;
} reader;

typedef struct items { /* grows */
    value  *at;
    int32_t count;
    int32_t capacity;
} items;

static status
push(reader *r, items *list, const value *v) {
    if (list->count == list->capacity) {
        const int32_t capacity = list->capacity == 0 ? 8 : 2 * list->capacity;
        value        *more = arena_alloc(r->arena, (size_t)capacity * sizeof(*more));
        if (more == NULL) {
            return error_memory(r->err);
        }
        if (list->count > 0) {
            memcpy(more, list->at, (size_t)list->count * sizeof(*more));
        }
        list->at = more;
        list->capacity = capacity;
    }
    list->at[list->count++] = *v;
    return OK;
}

static void
skip_blanks(reader *r) {
    while (r->at < r->all.size && (r->all.data[r->at] == ' ' ||
                                   (r->all.data[r->at] >= '\t' && r->all.data[r->at] <= '\r'))) {
        r->at++;
    }
}

static bool
accept(reader *r, char c) {
    skip_blanks(r);
    if (r->at < r->all.size && r->all.data[r->at] == c) {
        r->at++;
        return true;
    }
    return false;
}

static status
malformed(reader *r, data_type t, const char *expected) {
    if (r->err == NULL) {
        return ERR_QUERY_FAILED;
    }
    const size_t size = r->all.size < 60 ? r->all.size : 60;
    const text   shown = {r->all.data, size};
    return error_set(
        r->err, ERR_QUERY_FAILED, "cannot convert VARCHAR '%.*s%s' to %s: expected %s at byte %zu",
        TEXT_ARG(shown), size < r->all.size ? "..." : "", type_name(t), expected, r->at + 1);
}

/* A quoted text; \ takes the next character as it is. */
static status
read_quoted(reader *r, char quote, data_type t, text *out) {
    const size_t begin = ++r->at;
    bool         escapes = false;
    while (r->at < r->all.size && r->all.data[r->at] != quote) {
        escapes |= r->all.data[r->at] == '\\';
        r->at += r->all.data[r->at] == '\\' ? 2 : 1;
    }
    if (r->at >= r->all.size) {
        r->at = begin - 1;
        return malformed(r, t, "the end of this quoted text");
    }
    *out = (text){r->all.data + begin, r->at - begin};
    r->at++;
    if (!escapes) {
        return OK;
    }
    char *copy = arena_alloc(r->arena, out->size);
    if (copy == NULL) {
        return error_memory(r->err);
    }
    size_t size = 0;
    for (size_t i = 0; i < out->size; i++) {
        i += out->data[i] == '\\';
        copy[size++] = out->data[i];
    }
    *out = (text){copy, size};
    return OK;
}

/* Up to one of the characters of `ends`, without the blanks around it. */
static status
read_word(reader *r, const char *ends, data_type t, text *out, bool *quoted) {
    skip_blanks(r);
    *quoted = r->at < r->all.size && (r->all.data[r->at] == '\'' || r->all.data[r->at] == '"');
    if (*quoted) {
        return read_quoted(r, r->all.data[r->at], t, out);
    }
    const size_t begin = r->at;
    while (r->at < r->all.size && strchr(ends, r->all.data[r->at]) == NULL) {
        r->at++;
    }
    size_t end = r->at;
    while (end > begin && r->all.data[end - 1] == ' ') {
        end--;
    }
    *out = (text){r->all.data + begin, end - begin};
    return OK;
}

static status read_value(reader *r, data_type t, const char *ends, value *out);

static status
read_list(reader *r, data_type t, value *out) {
    items list = {.count = 0};
    if (!accept(r, '[')) {
        return malformed(r, t, "'['");
    }
    while (list.count > 0 || !accept(r, ']')) {
        value v;
        TRY(read_value(r, type_item(t), ",]", &v));
        TRY(push(r, &list, &v));
        if (accept(r, ']')) {
            break;
        }
        if (!accept(r, ',')) {
            return malformed(r, t, "',' or ']'");
        }
    }
    TRY(nested_check_size(t, list.count, r->err));
    return nested_make(out, t, list.at, list.count, r->arena, r->err);
}

static status
read_map(reader *r, data_type t, value *out) {
    items list = {.count = 0};
    if (!accept(r, '{')) {
        return malformed(r, t, "'{'");
    }
    while (list.count > 0 || !accept(r, '}')) {
        value pair[2];
        value entry;
        TRY(read_value(r, type_map_key(t), "=:", &pair[0]));
        if (!accept(r, '=') && !accept(r, ':')) {
            return malformed(r, t, "'=' after a key");
        }
        TRY(read_value(r, type_map_value(t), ",}", &pair[1]));
        TRY(nested_make(&entry, type_item(t), pair, 2, r->arena, r->err));
        TRY(push(r, &list, &entry));
        if (accept(r, '}')) {
            break;
        }
        if (!accept(r, ',')) {
            return malformed(r, t, "',' or '}'");
        }
    }
    TRY(nested_check_keys(t, list.at, list.count, r->arena, r->err));
    return nested_make(out, t, list.at, list.count, r->arena, r->err);
}

/* {name: value, ...} in any order; what is missing is NULL. */
static status
read_fields(reader *r, data_type t, value *fields) {
    for (bool first = true; !first || !accept(r, '}'); first = false) {
        text name;
        bool quoted;
        TRY(read_word(r, ":=,}", t, &name, &quoted));
        const int32_t at = type_find_field(t, name, false);
        if (at < 0) {
            return r->err == NULL ? ERR_QUERY_FAILED
                                  : error_set(r->err, ERR_QUERY_FAILED, "%s has no field \"%.*s\"",
                                              type_name(t), TEXT_ARG(name));
        }
        if (!accept(r, ':') && !accept(r, '=')) {
            return malformed(r, t, "':' after the name of a field");
        }
        TRY(read_value(r, fields[at].type, ",}", &fields[at]));
        if (accept(r, '}')) {
            return OK;
        }
        if (!accept(r, ',')) {
            return malformed(r, t, "',' or '}'");
        }
    }
    return OK;
}

static status
read_struct(reader *r, data_type t, value *out) {
    const int32_t count = type_field_count(t);
    value        *fields = arena_alloc(r->arena, (size_t)count * sizeof(*fields));
    if (fields == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < count; i++) {
        fields[i] = (value){.type = type_field(t, i).type, .is_null = true};
    }
    if (accept(r, '{')) {
        TRY(read_fields(r, t, fields));
        return nested_make(out, t, fields, count, r->arena, r->err);
    }
    if (!accept(r, '(')) {
        return malformed(r, t, "'{'");
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(read_value(r, fields[i].type, ",)", &fields[i]));
        if (!accept(r, i + 1 < count ? ',' : ')')) {
            return malformed(r, t, i + 1 < count ? "','" : "')'");
        }
    }
    return nested_make(out, t, fields, count, r->arena, r->err);
}

static bool
accept_null(reader *r, const char *ends) {
    skip_blanks(r);
    const text rest = {r->all.data + r->at, r->all.size - r->at};
    if (rest.size < 4 || !text_equal_nocase((text){rest.data, 4}, TEXT("NULL"))) {
        return false;
    }
    if (rest.size > 4 && rest.data[4] != ' ' && strchr(ends, rest.data[4]) == NULL) {
        return false;
    }
    r->at += 4;
    return true;
}

static status
read_leaf(reader *r, data_type t, const char *ends, value *out) {
    text word;
    bool quoted;
    TRY(read_word(r, ends, t, &word, &quoted));
    const value written = {.type = type_of(TYPE_TEXT), .s = word};
    if (t.id == TYPE_TEXT || t.id == TYPE_BLOB || t.id == TYPE_NULL) {
        return value_cast(out, &written, t, r->arena, r->err);
    }
    return r->exactly ? value_parse_exact(out, t, word, r->err) : value_parse(out, t, word, r->err);
}

static status
read_value(reader *r, data_type t, const char *ends, value *out) {
    if (accept_null(r, ends)) {
        *out = (value){.type = t, .is_null = true};
        return OK;
    }
    switch ((type_id)t.id) {
    case TYPE_LIST:
        return read_list(r, t, out);
    case TYPE_MAP:
        return read_map(r, t, out);
    case TYPE_STRUCT:
        return read_struct(r, t, out);
    default:
        return read_leaf(r, t, ends, out);
    }
}

status
nested_parse(value *out, data_type t, text s, bool exactly, arena *a, error *err) {
    reader r = {.all = s, .exactly = exactly, .arena = a, .err = err};
    TRY(read_value(&r, t, "", out));
    skip_blanks(&r);
    return r.at == s.size ? OK : malformed(&r, t, "nothing more");
}
