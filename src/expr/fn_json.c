/* SPDX-License-Identifier: Apache-2.0 */
/* fn_json.c - functions that look into JSON. A JSON value is a text; each call reads it strictly,
 * as a whole, and refuses what is no JSON. A constant path is read when the program is compiled. */
#include "expr/json_call.h"

#define SHOWN_MAX 60

typedef struct lookup {
    fn_call  *call;
    json_path own; /* of the row */
    buf       scratch, out;
} lookup;

static void
lookup_open(lookup *l, fn_call *c) {
    l->call = c;
    buf_init(&l->scratch, c->scratch->mem, TEXT_RESULT_MAX);
    buf_init(&l->out, c->scratch->mem, TEXT_RESULT_MAX);
}

static status
lookup_close(lookup *l, status s) {
    buf_fini(&l->scratch);
    buf_fini(&l->out);
    return s;
}

static status
refuse_json(fn_call *c, text s, size_t at, const char *why) {
    const size_t size = s.size < SHOWN_MAX ? s.size : SHOWN_MAX;
    text         shown = {s.data, size};
    const int    cut = text_utf8_fault(shown);
    shown.size = cut >= 0 ? (size_t)cut : size;
    (void)error_set(c->err, ERR_QUERY_FAILED, "this is no JSON: %s, at byte %zu of '%.*s%s'", why,
                    at, TEXT_ARG(shown), shown.size < s.size ? "..." : "");
    (void)error_hint(c->err,
                     "json_valid(x) tells; CASE WHEN json_valid(x) THEN ... END passes it by");
    return ERR_QUERY_FAILED;
}

status
fn_json_read(fn_call *c, int32_t arg, int32_t row, text *out) {
    const text  s = operand_text(&c->args[arg], row);
    size_t      at;
    const char *why;
    return json_text_whole(s, out, &at, &why) ? OK : refuse_json(c, s, at, why);
}

/* ---- paths */
static status
parse_path(json_path *out, text s, arena *a, error *err) {
    char *names = arena_alloc(a, s.size + 1);
    return names == NULL ? error_memory(err) : json_path_parse(out, s, names, err);
}

static status
refuse_many(text path, error *err) {
    (void)error_set(err, ERR_QUERY_FAILED,
                    "JSON path '%.*s': * and .. lead to several values, and one is wanted here",
                    TEXT_ARG(path));
    return error_hint(err, "json_extract and json_extract_string, -> and ->> give them as a list, "
                           "where the path is a constant");
}

status
fn_json_path(json_path *out, text s, arena *a, error *err) {
    TRY(parse_path(out, s, a, err));
    return out->many ? refuse_many(s, err) : OK;
}

status
fn_prepare_json_path(void **state, arena *a, const value *const *constants,
                     const data_type *types UNUSED, int32_t arg_count, error *err) {
    if (arg_count < 2 || constants[1] == NULL || constants[1]->is_null) {
        return OK;
    }
    json_path *p = arena_alloc(a, sizeof(*p));
    if (p == NULL) {
        return error_memory(err);
    }
    if (constants[1]->type.id == TYPE_TEXT) {
        TRY(fn_json_path(p, constants[1]->s, a, err));
    } else {
        p->count = 1;
        p->steps[0] = (json_step){.index = constants[1]->i};
    }
    *state = p;
    return OK;
}

static status
path_of_row(lookup *l, int32_t row, const json_path **out) {
    fn_call *c = l->call;
    if (c->state != NULL) {
        *out = c->state;
        return OK;
    }
    *out = &l->own;
    l->own.count = 0;
    if (c->arg_count < 2) {
        return OK;
    }
    if (c->args[1].type.id == TYPE_TEXT) {
        return fn_json_path(&l->own, operand_text(&c->args[1], row), c->scratch, c->err);
    }
    l->own.count = 1;
    l->own.steps[0] = (json_step){.index = fn_integer(&c->args[1], row)};
    return OK;
}

/* The value that the row's path leads to; data NULL: none. */
static status
find_value(lookup *l, int32_t row, text *out) {
    const json_path *path;
    text             whole;
    TRY(path_of_row(l, row, &path));
    TRY(fn_json_read(l->call, 0, row, &whole));
    if (!json_find(whole, path, out, &l->scratch)) {
        *out = (text){NULL, 0};
    }
    return l->scratch.failed ? error_memory(l->call->err) : OK;
}

/* ---- values */
typedef enum shape {
    AS_JSON,   /* as JSON */
    AS_TEXT,   /* a string as it is meant, all else as JSON; null is NULL */
    AS_SCALAR, /* as JSON; null, objects and arrays are NULL */
    AS_TYPE
} shape;

static bool
is_shown(text v, shape s) {
    if (v.data == NULL) {
        return false;
    }
    const bool null = v.data[0] == 'n', nested = v.data[0] == '{' || v.data[0] == '[';
    return s == AS_TEXT ? !null : s != AS_SCALAR || (!null && !nested);
}

static status
show_value(lookup *l, int32_t row, text v, shape s) {
    fn_call *c = l->call;
    strview *z = c->values;
    if (!is_shown(v, s)) {
        return fn_set_null(c, row) ? OK : error_memory(c->err);
    }
    l->out.size = 0;
    if (s == AS_TYPE) {
        (void)buf_append_text(&l->out, text_of(json_type_of(v)));
    } else if (s == AS_TEXT && v.data[0] == '"') {
        (void)json_unquote(v, &l->out);
    } else {
        (void)json_write(v, &l->out);
    }
    return fn_text_of_buf(c, "JSON", &l->out, &z[row]);
}

static status
show_rows(fn_call *c, shape how) {
    lookup l;
    status s = OK;
    lookup_open(&l, c);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        text v;
        if (fn_is_valid(c, i)) {
            s = find_value(&l, i, &v);
            s = s == OK ? show_value(&l, i, v, how) : s;
        }
    }
    return lookup_close(&l, s);
}

status
fn_json_extract(fn_call *c) {
    return show_rows(c, AS_JSON);
}

status
fn_json_extract_string(fn_call *c) {
    return show_rows(c, AS_TEXT);
}

status
fn_json_value(fn_call *c) {
    return show_rows(c, AS_SCALAR);
}

status
fn_json_type(fn_call *c) {
    return show_rows(c, AS_TYPE);
}

status
fn_json_exists(fn_call *c) {
    uint8_t *z = c->values;
    lookup   l;
    status   s = OK;
    lookup_open(&l, c);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        text v;
        if (fn_is_valid(c, i)) {
            s = find_value(&l, i, &v);
            z[i] = s == OK && v.data != NULL;
        }
    }
    return lookup_close(&l, s);
}

status
fn_json_array_length(fn_call *c) {
    int64_t *z = c->values;
    lookup   l;
    status   s = OK;
    lookup_open(&l, c);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        text v;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        s = find_value(&l, i, &v);
        if (s == OK && v.data != NULL) {
            z[i] = json_count(v);
        } else if (s == OK && !fn_set_null(c, i)) {
            s = error_memory(c->err);
        }
    }
    return lookup_close(&l, s);
}

/* ---- lists */

/* Keys once more as they are meant; texts come from the scratch arena. */
static status
key_text(lookup *l, text key, value *out) {
    l->out.size = 0;
    const bool ok = json_unquote(key, &l->out);
    *out = (value){.type = type_of(TYPE_TEXT)};
    out->s = ok ? arena_text(l->call->scratch, buf_text(&l->out)) : (text){NULL, 0};
    return out->s.data == NULL ? error_memory(l->call->err) : OK;
}

static status
list_keys(lookup *l, item_list *items, text v) {
    size_t      at = 0;
    json_member m;
    items->count = 0;
    while (v.data[0] == '{' && json_next(v, &at, &m)) {
        value key;
        TRY(key_text(l, m.key, &key));
        TRY(items_add(items, &key));
    }
    return OK;
}

/* Of what is no object: an empty list. */
status
fn_json_keys(fn_call *c) {
    lookup    l;
    status    s = OK;
    item_list items = {.call = c};
    lookup_open(&l, c);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        text v;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        s = find_value(&l, i, &v);
        if (s == OK && v.data == NULL) {
            s = fn_put_null(c, i);
        } else if (s == OK) {
            s = list_keys(&l, &items, v);
            s = s == OK ? fn_put_nested(c, i, items.at, items.count) : s;
        }
    }
    return lookup_close(&l, s);
}

/* ---- all values that a path leads to */
status
fn_prepare_json_paths(void **state, arena *a, const value *const *constants,
                      const data_type *types UNUSED, int32_t arg_count UNUSED, error *err) {
    if (constants[1] == NULL || constants[1]->is_null) {
        return OK;
    }
    json_path *p = arena_alloc(a, sizeof(*p));
    *state = p;
    return p == NULL ? error_memory(err) : parse_path(p, constants[1]->s, a, err);
}

typedef struct taking {
    lookup    *l;
    item_list *items;
    shape      how;
    status     s;
} taking;

static bool
take_value(void *context, text v) {
    taking  *t = context;
    fn_call *c = t->l->call;
    value    made = {.type = t->how == AS_TEXT ? type_of(TYPE_TEXT) : type_json()};
    buf     *out = &t->l->out;
    out->size = 0;
    made.is_null = !is_shown(v, t->how);
    if (!made.is_null) {
        const bool ok =
            t->how == AS_TEXT && v.data[0] == '"' ? json_unquote(v, out) : json_write(v, out);
        made.s = ok ? arena_text(c->scratch, buf_text(out)) : (text){NULL, 0};
        t->s = made.s.data == NULL ? error_memory(c->err) : OK;
    }
    t->s = t->s < 0 ? t->s : items_add(t->items, &made);
    return t->s == OK;
}

static status
take_all(lookup *l, item_list *items, int32_t row, shape how) {
    fn_call         *c = l->call;
    const json_path *path = c->state;
    text             whole;
    taking           t = {.l = l, .items = items, .how = how, .s = OK};
    if (path == NULL) {
        TRY(parse_path(&l->own, operand_text(&c->args[1], row), c->scratch, c->err));
        path = &l->own;
    }
    TRY(fn_json_read(c, 0, row, &whole));
    items->count = 0;
    (void)json_find_all(whole, path, &l->scratch, take_value, &t);
    TRY(t.s);
    TRY(l->scratch.failed ? error_memory(c->err) : OK);
    return fn_put_nested(c, row, items->at, items->count);
}

static status
take_rows(fn_call *c, shape how) {
    lookup    l;
    status    s = OK;
    item_list items = {.call = c};
    lookup_open(&l, c);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        s = fn_is_valid(c, i) ? take_all(&l, &items, i, how) : OK;
    }
    return lookup_close(&l, s);
}

status
fn_json_extract_all(fn_call *c) {
    return take_rows(c, AS_JSON);
}

status
fn_json_extract_string_all(fn_call *c) {
    return take_rows(c, AS_TEXT);
}

/* ---- json_contains */

static bool same_json(text x, text y, lookup *l);

/* Is each member of `part` in `whole`, which is of its kind? Of an array the place does not matter.
 */
static bool
holds_members(text whole, text part, lookup *l) {
    size_t      at = 0;
    json_member wanted, m;
    while (json_next(part, &at, &wanted)) {
        bool   found = false;
        size_t from = 0;
        while (!found && json_next(whole, &from, &m)) {
            bool key = wanted.key.data == NULL;
            if (!key) {
                l->out.size = 0;
                key = json_unquote(wanted.key, &l->out) &&
                      json_key_is(m.key, buf_text(&l->out), &l->scratch);
            }
            found = key && same_json(m.value, wanted.value, l);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* x holds y: objects and arrays may have more than is asked for. */
static bool
same_json(text x, text y, lookup *l) {
    const char kind = y.data[0];
    if (kind == '{' || kind == '[') {
        return x.data[0] == kind && holds_members(x, y, l);
    }
    l->scratch.size = 0;
    l->out.size = 0;
    return json_write(x, &l->scratch) && json_write(y, &l->out) &&
           text_equal(buf_text(&l->scratch), buf_text(&l->out));
}

/* The value itself, or any value within it. */
static bool
contains(text x, text y, lookup *l) {
    size_t      at = 0;
    json_member m;
    if (same_json(x, y, l)) {
        return true;
    }
    while ((x.data[0] == '{' || x.data[0] == '[') && json_next(x, &at, &m)) {
        if (contains(m.value, y, l)) {
            return true;
        }
    }
    return false;
}

status
fn_json_contains(fn_call *c) {
    uint8_t *z = c->values;
    lookup   l;
    status   s = OK;
    lookup_open(&l, c);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        text x, y;
        if (fn_is_valid(c, i)) {
            s = fn_json_read(c, 0, i, &x);
            s = s == OK ? fn_json_read(c, 1, i, &y) : s;
            z[i] = s == OK && contains(x, y, &l);
            s = s == OK && (l.out.failed || l.scratch.failed) ? error_memory(c->err) : s;
        }
    }
    return lookup_close(&l, s);
}

status
fn_json_valid(fn_call *c) {
    uint8_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        text        v;
        size_t      at;
        const char *why;
        z[i] = fn_is_valid(c, i) && json_text_whole(operand_text(&c->args[0], i), &v, &at, &why);
    }
    return OK;
}
