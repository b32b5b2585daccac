/* SPDX-License-Identifier: Apache-2.0 */
/* fn_json_tree.c - json_each and json_tree: what JSON holds, a struct for each value. Values are
 * numbered as they stand in the text, a key before its value; so the number of a value does not
 * depend on where the listing begins. */
#include <stdio.h>

#include "expr/json_call.h"

enum { PART_KEY, PART_VALUE, PART_TYPE, PART_ATOM, PART_ID, PART_PARENT, PART_FULLKEY, PART_PATH };
#define PARTS 8
#define NO_ID (-1)

typedef struct tree {
    fn_call    *call;
    item_list   items;
    bool        deep;   /* json_tree */
    const char *begin;  /* the value that the path leads to */
    bool        done;   /* it was listed */
    int64_t     number; /* of the next value or key */
    buf         place;  /* of the value that is looked at: $.a[0] */
    buf         out;
} tree;

typedef struct position { /* how a value stands in the one that holds it */
    text    key;          /* quoted; data NULL: an item, or nothing holds it */
    int64_t index;        /* NO_ID: nothing holds it */
    int64_t parent;
    size_t  place; /* of the holder: bytes of tree.place */
} position;

static status
keep(tree *t, text s, value *out) {
    *out = (value){.type = type_of(TYPE_TEXT), .s = arena_text(t->call->scratch, s)};
    return out->s.data == NULL ? error_memory(t->call->err) : OK;
}

static value
number_of(int64_t n) {
    return (value){.type = type_of(TYPE_U64), .is_null = n == NO_ID, .i = n == NO_ID ? 0 : n};
}

static status
list(tree *t, text v, const position *at, int64_t id) {
    fn_call   *c = t->call;
    const bool holds = v.data[0] == '{' || v.data[0] == '[';
    const bool alone = at->index == NO_ID || v.data == t->begin;
    char       digits[24];
    value      made, p[PARTS];
    p[PART_KEY] = value_null(TYPE_TEXT);
    if (!alone && at->key.data != NULL) {
        buf_clear(&t->out);
        TRY(json_unquote(at->key, &t->out) ? OK : error_memory(c->err));
        TRY(keep(t, buf_text(&t->out), &p[PART_KEY]));
    } else if (!alone) {
        const int size = snprintf(digits, sizeof(digits), "%lld", (long long)at->index);
        p[PART_KEY] = (value){.type = type_of(TYPE_TEXT), .s = {digits, (size_t)size}};
    }
    p[PART_VALUE] = (value){.type = type_json(), .s = v};
    p[PART_TYPE] = (value){.type = type_of(TYPE_TEXT), .s = text_of(json_type_of(v))};
    p[PART_ATOM] = p[PART_VALUE];
    p[PART_ATOM].is_null = holds || v.data[0] == 'n';
    p[PART_ID] = number_of(id);
    p[PART_PARENT] = number_of(alone || !t->deep ? NO_ID : at->parent);
    TRY(t->place.failed ? error_memory(c->err) : keep(t, buf_text(&t->place), &p[PART_FULLKEY]));
    p[PART_PATH] = p[PART_FULLKEY];
    p[PART_PATH].s.size = alone ? t->place.size : at->place;
    TRY(nested_make(&made, type_item(c->type), p, PARTS, c->scratch, c->err));
    TRY(fn_spend(c, (int64_t)v.size / 16 + ITEM_WORK));
    return items_add(&t->items, &made);
}

static void
add_key(buf *place, text quoted) {
    bool plain = quoted.size > 2;
    for (size_t i = 1; i + 1 < quoted.size; i++) {
        const char k = quoted.data[i];
        plain = plain && ((k >= 'a' && k <= 'z') || (k >= 'A' && k <= 'Z') ||
                          (k >= '0' && k <= '9') || k == '_');
    }
    (void)buf_append_char(place, '.');
    (void)buf_append_text(place, plain ? (text){quoted.data + 1, quoted.size - 2} : quoted);
}

/* `level`: 0 the value or what does not belong to it, 1 what it holds, 2 what is deeper. */
static status
visit(tree *t, text v, const position *at, int32_t level) {
    const int64_t id = t->number++;
    const bool    holds = v.data[0] == '{' || v.data[0] == '[';
    const bool    begins = v.data == t->begin;
    if (level > 0 ? t->deep || level == 1 : begins && (t->deep || !holds)) {
        TRY(list(t, v, at, id));
    }
    position    inner = {.parent = id, .place = t->place.size};
    size_t      from = 0;
    json_member m;
    while (!t->done && holds && json_next(v, &from, &m)) {
        inner.key = m.key;
        if (m.key.data != NULL) {
            add_key(&t->place, m.key);
            t->number++;
        } else {
            (void)buf_printf(&t->place, "[%lld]", (long long)inner.index);
        }
        TRY(visit(t, m.value, &inner, level > 0 || begins ? level + 1 : 0));
        t->place.size = inner.place;
        inner.index++;
    }
    t->done = t->done || begins;
    return OK;
}

static status
list_row(tree *t, int32_t row) {
    fn_call         *c = t->call;
    const position   top = {.index = NO_ID, .parent = NO_ID};
    const json_path *path = c->state;
    json_path        own;
    text             whole, found;
    TRY(fn_json_read(c, 0, row, &whole));
    if (c->arg_count > 1 && path == NULL) {
        TRY(fn_json_path(&own, operand_text(&c->args[1], row), c->scratch, c->err));
        path = &own;
    }
    t->items.count = 0;
    t->number = 0;
    t->done = false;
    buf_clear(&t->place);
    buf_clear(&t->out);
    (void)buf_append_char(&t->place, '$');
    found = whole;
    if (path == NULL || json_find(whole, path, &found, &t->out)) {
        t->begin = found.data;
        TRY(visit(t, whole, &top, 0));
    }
    return fn_put_nested(c, row, t->items.at, t->items.count);
}

static status
list_rows(fn_call *c, bool deep) {
    tree   t = {.call = c, .items = {.call = c}, .deep = deep};
    status s = OK;
    buf_init(&t.place, c->scratch->mem, TEXT_RESULT_MAX);
    buf_init(&t.out, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        s = fn_is_valid(c, i) ? list_row(&t, i) : OK;
    }
    buf_fini(&t.place);
    buf_fini(&t.out);
    return s;
}

status
fn_json_each(fn_call *c) {
    return list_rows(c, false);
}

status
fn_json_tree(fn_call *c) {
    return list_rows(c, true);
}
