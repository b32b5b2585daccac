/* SPDX-License-Identifier: Apache-2.0 */
/* fn_json_edit.c - JSON with values put in or taken out at a path (as SQLite's json_set and its
 * kin), written over several lines, described by its structure, and as a value of such a structure.
 */
#include "expr/nested_call.h"
#include "type/json_text.h"
#include "type/json_value.h"

#define INDENT 4

typedef enum edit_kind { EDIT_SET, EDIT_INSERT, EDIT_REPLACE, EDIT_REMOVE } edit_kind;

typedef struct edit {
    buf             *out;
    buf              scratch;
    const json_path *path;
    const value     *made; /* NULL: it is removed */
} edit;

/* ---- the rows */

static status
read_row(fn_call *c, int32_t row, text *out) {
    size_t      at;
    const char *why;
    if (json_text_whole(operand_text(&c->args[0], row), out, &at, &why)) {
        return OK;
    }
    (void)error_set(c->err, ERR_QUERY_FAILED, "this is no JSON: %s, at byte %zu", why, at);
    return error_hint(c->err,
                      "json_valid(x) tells; CASE WHEN json_valid(x) THEN ... END passes it by");
}

static status
each_row(fn_call *c, status (*make)(fn_call *c, int32_t row, text json, buf *out)) {
    strview *z = c->values;
    buf      out;
    status   s = OK;
    buf_init(&out, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        text json;
        if (operand_is_null(&c->args[0], i)) {
            s = fn_set_null(c, i) ? OK : error_memory(c->err);
            continue;
        }
        out.size = 0;
        s = read_row(c, i, &json);
        s = s == OK ? make(c, i, json, &out) : s;
        s = s == OK ? fn_text_of_buf(c, "JSON", &out, &z[i]) : s;
    }
    buf_fini(&out);
    return s;
}

/* ---- json_set, json_insert, json_replace, json_remove */

static void write_edited(edit *e, text v, int32_t step);

/* What is made where there was nothing: the objects, or arrays of one, on the way to it. */
static void
write_new(edit *e, int32_t step) {
    if (step == e->path->count) {
        (void)json_write_value(e->made, e->out);
        return;
    }
    const json_step *s = &e->path->steps[step];
    const bool       object = s->name.data != NULL;
    (void)buf_append_char(e->out, object ? '{' : '[');
    if (object) {
        (void)json_write_text(s->name, e->out);
        (void)buf_append_char(e->out, ':');
    }
    write_new(e, step + 1);
    (void)buf_append_char(e->out, object ? '}' : ']');
}

/* Members of objects, and the first one of an array, can be made on the way. */
static bool
can_be_new(const json_path *path, int32_t step) {
    for (; step < path->count; step++) {
        if (path->steps[step].name.data == NULL && path->steps[step].index != 0) {
            return false;
        }
    }
    return true;
}

/* Can a member be made for the step in this value? An array grows by one at its end. */
static bool
takes_new(text v, const json_step *s) {
    return v.data[0] == '{'   ? s->name.data != NULL
           : v.data[0] == '[' ? (s->name.data == NULL || s->either) && s->index == json_count(v)
                              : false;
}

static void
write_members(edit *e, text v, int32_t step) {
    const json_step *s = &e->path->steps[step];
    const int64_t    wanted = s->index < 0 ? json_count(v) + s->index : s->index;
    const bool       object = v.data[0] == '{', last = step + 1 == e->path->count;
    bool             first = true, found = false;
    json_member      m;
    int64_t          number = 0;
    (void)buf_append_char(e->out, v.data[0]);
    for (size_t at = 0; json_next(v, &at, &m); number++) {
        const bool here =
            !found && (object ? s->name.data != NULL && json_key_is(m.key, s->name, &e->scratch)
                              : (s->name.data == NULL || s->either) && number == wanted);
        found |= here;
        if (here && last && e->made == NULL) {
            continue;
        }
        (void)(first || buf_append_char(e->out, ','));
        first = false;
        if (object) {
            (void)json_write(m.key, e->out);
            (void)buf_append_char(e->out, ':');
        }
        if (here) {
            write_edited(e, m.value, step + 1);
        } else {
            (void)json_write(m.value, e->out);
        }
    }
    if (!found && e->made != NULL && takes_new(v, s) && can_be_new(e->path, step + 1)) {
        (void)(first || buf_append_char(e->out, ','));
        if (object) {
            (void)json_write_text(s->name, e->out);
            (void)buf_append_char(e->out, ':');
        }
        write_new(e, step + 1);
    }
    (void)buf_append_char(e->out, object ? '}' : ']');
}

/* The value with the edit below it. Recursion is as deep as the path has steps. */
static void
write_edited(edit *e, text v, int32_t step) {
    if (step == e->path->count) {
        (void)json_write_value(e->made, e->out);
    } else if (v.data[0] == '{' || v.data[0] == '[') {
        write_members(e, v, step);
    } else {
        (void)json_write(v, e->out);
    }
}

static status
edit_once(fn_call *c, int32_t row, int32_t arg, edit_kind kind, text *json, edit *e) {
    json_path   path;
    text        there, whole;
    size_t      at;
    const char *why;
    const text  spelt = operand_text(&c->args[arg], row);
    char       *names = arena_alloc(c->scratch, spelt.size + 1);
    TRY(names == NULL ? error_memory(c->err) : json_path_parse(&path, spelt, names, c->err));
    const bool found = json_find(*json, &path, &there, &e->scratch);
    if (kind == EDIT_REMOVE && path.count == 0) {
        return error_set(c->err, ERR_QUERY_FAILED, "json_remove: $ is all of it");
    }
    if ((kind == EDIT_INSERT && found) || (kind != EDIT_INSERT && kind != EDIT_SET && !found)) {
        return OK;
    }
    const value made =
        kind == EDIT_REMOVE ? value_null(TYPE_NULL) : fn_value(&c->args[arg + 1], row);
    e->made = kind == EDIT_REMOVE ? NULL : &made;
    e->path = &path;
    e->out->size = 0;
    write_edited(e, *json, 0);
    *json = arena_text(c->scratch, buf_text(e->out));
    TRY(e->out->failed || json->data == NULL ? error_memory(c->err) : OK);
    return json_text_whole(*json, &whole, &at, &why)
               ? OK
               : error_set(c->err, ERR_QUERY_FAILED, "the JSON that is made nests too deep");
}

/* Pairs of a path and a value, or paths to remove, one after the other. */
static status
edit_row(fn_call *c, int32_t row, text json, buf *out, edit_kind kind) {
    const int32_t step = kind == EDIT_REMOVE ? 1 : 2;
    edit          e = {.out = out};
    status        s = OK;
    if (c->arg_count < 2 || (c->arg_count - 1) % step != 0) {
        return error_set(c->err, ERR_QUERY_FAILED,
                         "a JSON, then pairs of a path and a value are expected, and there are %d "
                         "arguments",
                         c->arg_count);
    }
    buf_init(&e.scratch, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 1; i < c->arg_count && s == OK; i += step) {
        const value path = fn_value(&c->args[i], row);
        if (path.is_null || path.type.id != TYPE_TEXT) {
            s = error_set(c->err, ERR_QUERY_FAILED,
                          "argument %d is a path, which is a VARCHAR and not NULL", i + 1);
        }
        s = s == OK ? edit_once(c, row, i, kind, &json, &e) : s;
    }
    buf_fini(&e.scratch);
    out->size = 0;
    (void)json_write(json, out);
    return s;
}

static status
set_row(fn_call *c, int32_t row, text json, buf *out) {
    return edit_row(c, row, json, out, EDIT_SET);
}

static status
insert_row(fn_call *c, int32_t row, text json, buf *out) {
    return edit_row(c, row, json, out, EDIT_INSERT);
}

static status
replace_row(fn_call *c, int32_t row, text json, buf *out) {
    return edit_row(c, row, json, out, EDIT_REPLACE);
}

static status
remove_row(fn_call *c, int32_t row, text json, buf *out) {
    return edit_row(c, row, json, out, EDIT_REMOVE);
}

status
fn_json_set(fn_call *c) {
    return each_row(c, set_row);
}

status
fn_json_insert(fn_call *c) {
    return each_row(c, insert_row);
}

status
fn_json_replace(fn_call *c) {
    return each_row(c, replace_row);
}

status
fn_json_remove(fn_call *c) {
    return each_row(c, remove_row);
}

/* ---- json_pretty */

static void
new_line(buf *out, int32_t depth) {
    (void)buf_append_char(out, '\n');
    for (int32_t i = 0; i < depth * INDENT; i++) {
        (void)buf_append_char(out, ' ');
    }
}

static void
write_pretty(text v, int32_t depth, buf *out) {
    size_t      at = 0;
    json_member m;
    bool        first = true;
    if (v.data[0] != '{' && v.data[0] != '[') {
        (void)json_write(v, out);
        return;
    }
    (void)buf_append_char(out, v.data[0]);
    while (json_next(v, &at, &m)) {
        (void)(first || buf_append_char(out, ','));
        first = false;
        new_line(out, depth + 1);
        if (m.key.data != NULL) {
            (void)json_write(m.key, out);
            (void)buf_append_text(out, TEXT(": "));
        }
        write_pretty(m.value, depth + 1, out);
    }
    if (!first) {
        new_line(out, depth);
    }
    (void)buf_append_char(out, v.data[0] == '{' ? '}' : ']');
}

static status
pretty_row(fn_call *c UNUSED, int32_t row UNUSED, text json, buf *out) {
    write_pretty(json, 0, out);
    return OK;
}

status
fn_json_pretty(fn_call *c) {
    return each_row(c, pretty_row);
}

/* ---- json_structure */

typedef struct text_list {
    arena  *arena;
    int32_t count, capacity;
    text   *at;
} text_list;

static bool
list_add(text_list *l, text t) {
    if (l->count == l->capacity) {
        const int32_t capacity = l->capacity == 0 ? 8 : 2 * l->capacity;
        text         *more = arena_alloc(l->arena, (size_t)capacity * sizeof(*more));
        if (more == NULL || capacity > INT32_MAX / 64) {
            return false;
        }
        if (l->count > 0) {
            memcpy(more, l->at, (size_t)l->count * sizeof(*more));
        }
        l->at = more;
        l->capacity = capacity;
    }
    l->at[l->count++] = t;
    return true;
}

static bool write_structure(const text_list *values, buf *out, buf *scratch);

/* The members of all, of objects those whose key it is. */
static bool
gather(text_list *out, const text_list *values, const text *key, buf *scratch) {
    for (int32_t i = 0; i < values->count; i++) {
        size_t      at = 0;
        json_member m;
        while (json_next(values->at[i], &at, &m)) {
            if ((key == NULL || json_key_is(m.key, *key, scratch)) && !list_add(out, m.value)) {
                return false;
            }
        }
    }
    return true;
}

static bool
write_array(const text_list *values, buf *out, buf *scratch) {
    text_list items = {.arena = values->arena};
    return gather(&items, values, NULL, scratch) && buf_append_char(out, '[') &&
           write_structure(&items, out, scratch) && buf_append_char(out, ']');
}

static bool
is_known(const text_list *keys, text key, buf *scratch) {
    for (int32_t i = 0; i < keys->count; i++) {
        if (json_key_is(key, keys->at[i], scratch)) {
            return true;
        }
    }
    return false;
}

static bool
list_keys(text_list *keys, const text_list *values, buf *scratch) {
    for (int32_t i = 0; i < values->count; i++) {
        size_t      at = 0;
        json_member m;
        while (json_next(values->at[i], &at, &m)) {
            if (is_known(keys, m.key, scratch)) {
                continue;
            }
            scratch->size = 0;
            if (!json_unquote(m.key, scratch) ||
                !list_add(keys, arena_text(keys->arena, buf_text(scratch)))) {
                return false;
            }
        }
    }
    return true;
}

static bool
write_object(const text_list *values, buf *out, buf *scratch) {
    text_list keys = {.arena = values->arena};
    bool      ok = list_keys(&keys, values, scratch) && buf_append_char(out, '{');
    if (keys.count == 0) {
        out->size -= ok;
        return ok && buf_append_text(out, TEXT("\"JSON\""));
    }
    for (int32_t i = 0; i < keys.count && ok; i++) {
        text_list of = {.arena = values->arena};
        ok = (i == 0 || buf_append_char(out, ',')) && keys.at[i].data != NULL &&
             json_write_text(keys.at[i], out) && buf_append_char(out, ':') &&
             gather(&of, values, &keys.at[i], scratch) && write_structure(&of, out, scratch);
    }
    return ok && buf_append_char(out, '}');
}

/* The type that two types of numbers have in common, else JSON. */
static const char *
common_type(const char *a, const char *b) {
    const bool double_a = strcmp(a, "DOUBLE") == 0, double_b = strcmp(b, "DOUBLE") == 0;
    const bool number_a = double_a || strstr(a, "INT") != NULL;
    const bool number_b = double_b || strstr(b, "INT") != NULL;
    if (strcmp(a, b) == 0) {
        return a;
    }
    return !number_a || !number_b ? "JSON" : double_a || double_b ? "DOUBLE" : "HUGEINT";
}

/* What the values have in common; recursion is as deep as they nest. */
static bool
write_structure(const text_list *values, buf *out, buf *scratch) {
    const char *type = "NULL";
    text_list   some = {.arena = values->arena};
    for (int32_t i = 0; i < values->count; i++) {
        const char *of = json_type_of(values->at[i]);
        if (strcmp(of, "NULL") == 0) {
            continue;
        }
        type = strcmp(type, "NULL") == 0 ? of : common_type(type, of);
        if (!list_add(&some, values->at[i])) {
            return false;
        }
    }
    if (strcmp(type, "OBJECT") == 0) {
        return write_object(&some, out, scratch);
    }
    return strcmp(type, "ARRAY") == 0 ? write_array(&some, out, scratch)
                                      : json_write_text(text_of(type), out);
}

static status
structure_row(fn_call *c, int32_t row UNUSED, text json, buf *out) {
    text_list values = {.arena = c->scratch};
    buf       scratch;
    buf_init(&scratch, c->scratch->mem, TEXT_RESULT_MAX);
    const bool ok = list_add(&values, json) && write_structure(&values, out, &scratch);
    buf_fini(&scratch);
    return ok ? OK : error_memory(c->err);
}

status
fn_json_structure(fn_call *c) {
    return each_row(c, structure_row);
}

/* ---- json_transform(json, NULL of the type that the binder found) */

static status
transform(fn_call *c, bool strict) {
    for (int32_t i = 0; i < c->row_count; i++) {
        value v;
        if (operand_is_null(&c->args[0], i)) {
            TRY(fn_put_null(c, i));
            continue;
        }
        const text json = operand_text(&c->args[0], i);
        TRY(strict ? json_to_value(&v, json, c->type, c->scratch, c->err)
                   : json_to_value_or_null(&v, json, c->type, c->scratch, c->err));
        TRY(fn_put_value(c, i, &v));
    }
    return OK;
}

status
fn_json_transform(fn_call *c) {
    return transform(c, false);
}

status
fn_json_transform_strict(fn_call *c) {
    return transform(c, true);
}
