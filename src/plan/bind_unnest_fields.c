/* SPDX-License-Identifier: Apache-2.0 */
/* bind_unnest_fields.c - unnest() of a STRUCT as an item of the select list: the item becomes one
 * for each field. With recursive := true lists of lists are opened to the bottom first, then the
 * fields of the STRUCTs in them, and those of STRUCTs in fields; with max_depth := n so many
 * levels. */
#include "plan/bind.h"

#include <stdio.h>

#include "type/nested.h"

typedef struct field_list {
    binder            *binder;
    int32_t            count; /* of `made` */
    select_item       *made;
    const select_item *item; /* which they come from */
} field_list;

static status
refuse_option(binder *b, const ast_expr *e, int32_t i) {
    error_set_at(b->err, ERR_QUERY_FAILED, e->args[i]->position,
                 "unnest() takes one list in a select list, then recursive := true or "
                 "max_depth := n");
    return error_hint(b->err, "write unnest(a), unnest(b), or put it into FROM");
}

status
unnest_depth(int32_t *out, binder *b, const ast_expr *e) {
    *out = 1;
    if (e->arg_count < 1) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position, "unnest() takes a list");
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        const bool named = e->arg_names != NULL && e->arg_names[i].text.data != NULL;
        const text name = named ? e->arg_names[i].text : TEXT("");
        const bool recursive = text_equal_nocase(name, TEXT("recursive"));
        value      v;
        if (!named && i == 0) {
            continue;
        }
        if (!recursive && !text_equal_nocase(name, TEXT("max_depth"))) {
            return refuse_option(b, e, i);
        }
        TRY(bind_constant(&v, b, e->args[i], "unnest"));
        const bool fits = recursive ? v.type.id == TYPE_BOOL : type_is_integer(v.type);
        if (v.is_null || !fits || (!recursive && value_wide(&v) < 1)) {
            return error_set_at(b->err, ERR_QUERY_FAILED, e->args[i]->position,
                                recursive ? "recursive is true or false"
                                          : "max_depth is 1 or more");
        }
        if (!recursive || v.b) {
            *out = recursive || value_wide(&v) > NESTED_DEPTH_MAX ? NESTED_DEPTH_MAX + 1
                                                                  : (int32_t)value_wide(&v);
        }
    }
    return OK;
}

static int32_t
count_fields(data_type t, int32_t depth) {
    if (t.id != TYPE_STRUCT || depth < 1) {
        return 1;
    }
    int32_t count = 0;
    for (int32_t i = 0; i < type_field_count(t) && count <= COLUMNS_MAX; i++) {
        count += count_fields(type_field(t, i).type, depth - 1);
    }
    return count;
}

/* The fields of `e`, which is one itself when it has none to open. */
static status
add_fields(field_list *l, expr *e, text name, int32_t depth) {
    binder *b = l->binder;
    if (e->type.id != TYPE_STRUCT || depth < 1) {
        select_item *to = &l->made[l->count++];
        *to = (select_item){.ast = l->item->ast, .name = name, .bound = e};
        return OK;
    }
    for (int32_t i = 0; i < type_field_count(e->type); i++) {
        const value number = value_i64(i + 1);
        text        called = type_field(e->type, i).name;
        char        made[24];
        expr       *part, *base, *which = make_constant(b, &number, e->position);
        TRY(which == NULL ? out_of_memory(b) : OK);
        TRY(copy_expr(&base, b, e));
        TRY(bind_call_two(&part, b, "struct_extract", base, which, e->position));
        if (called.size == 0) {
            const int size = snprintf(made, sizeof(made), "element%d", i + 1);
            called = arena_text(b->arena, (text){made, (size_t)size});
            TRY(called.data == NULL ? out_of_memory(b) : OK);
        }
        TRY(add_fields(l, part, called, depth - 1));
    }
    return OK;
}

static status
put_fields(query *q, int32_t at, expr *e, int32_t depth) {
    binder       *b = q->binder;
    const int32_t count = count_fields(e->type, depth);
    if (q->item_count + count > COLUMNS_MAX) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "the fields of unnest() make more than %d columns", COLUMNS_MAX);
    }
    select_item *items =
        arena_alloc_zero(b->arena, (size_t)(q->item_count + count) * sizeof(*items));
    TRY(items == NULL ? out_of_memory(b) : OK);
    field_list l = {.binder = b, .made = items + at, .item = &q->items[at]};
    memcpy(items, q->items, (size_t)at * sizeof(*items));
    memcpy(items + at + count, q->items + at + 1,
           (size_t)(q->item_count - at - 1) * sizeof(*items));
    TRY(add_fields(&l, e, TEXT(""), depth));
    q->items = items;
    q->item_count += count - 1;
    return OK;
}

status
bind_unnest_fields(bool *done, query *q, context *c, int32_t *at) {
    const ast_expr *e = q->items[*at].ast;
    binder         *b = c->binder;
    expr           *opened;
    int32_t         depth, lists = 0;
    *done = e->kind == AST_CALL && ast_is_call(e, "unnest") && e->over == NULL;
    if (!*done) {
        return OK;
    }
    TRY(unnest_depth(&depth, b, e));
    c->unnests = false;
    TRY(bind_expr(&opened, c, e->args[0]));
    c->unnests = true;
    data_type t = opened->type;
    for (; t.id == TYPE_LIST; lists++) {
        t = type_item(t);
    }
    if (lists > 0 || t.id != TYPE_STRUCT) {
        TRY(unnest_value(&opened, c, opened, depth, e->position));
    }
    if (t.id != TYPE_STRUCT || depth <= lists) {
        q->items[*at].bound = opened;
        return OK;
    }
    const int32_t before = q->item_count;
    TRY(put_fields(q, *at, opened, depth - lists));
    *at += q->item_count - before;
    return OK;
}
