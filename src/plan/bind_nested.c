/* SPDX-License-Identifier: Apache-2.0 */
/* bind_nested.c - nested types, lists, structs with names, and fields. */
#include "plan/bind.h"

#include "plan/node.h"
#include "type/nested.h"

/* ---- types */

static status
type_parts(nested_field **out, const ast_type *t, status s, error *err, mem *m) {
    const size_t  bytes = (size_t)t->part_count * sizeof(nested_field);
    nested_field *fields = mem_alloc(m, bytes);
    if (fields == NULL) {
        return error_memory(err);
    }
    *out = fields;
    for (int32_t i = 0; i < t->part_count; i++) {
        fields[i].name = t->part_names[i].text;
        TRY(bind_type(&fields[i].type, &t->parts[i], s, err));
    }
    return OK;
}

static status
make_type(data_type *out, const ast_type *t, const nested_field *parts, error *err) {
    if (text_equal(t->name.text, TEXT("[]"))) {
        return t->argument_count > 0 ? type_array(out, parts[0].type, t->arguments[0], err)
                                     : type_list(out, parts[0].type, err);
    }
    if (!text_equal_nocase(t->name.text, TEXT("MAP"))) {
        return type_struct(out, parts, t->part_count, err);
    }
    if (t->part_count != 2) {
        (void)error_set(err, ERR_INVALID_SCHEMA, "MAP has a type of keys and a type of values");
        (void)error_hint(err, "write MAP(VARCHAR, BIGINT)");
        return ERR_INVALID_SCHEMA;
    }
    return type_map(out, parts[0].type, parts[1].type, err);
}

status
bind_nested_type(data_type *out, const ast_type *t, status s, error *err) {
    mem scratch;
    mem_init(&scratch, INT64_MAX);
    nested_field *parts = NULL;
    status        made = type_parts(&parts, t, s, err, &scratch);
    if (made == OK) {
        made = make_type(out, t, parts, err);
        if (made < 0 && made != ERR_OUT_OF_MEMORY && err != NULL) {
            err->status = s;
            err->position = t->name.position;
            made = s;
        }
    }
    mem_free(&scratch, parts, (size_t)t->part_count * sizeof(*parts));
    return made;
}

/* ---- [a, b, ...] */

#define LIST_ARGUMENTS_MAX 120

static status
constant_list(expr **out, binder *b, expr *const *items, int32_t count, data_type item,
              int32_t position) {
    value *values = arena_alloc(b->arena, (size_t)count * sizeof(*values));
    value  made;
    if (values == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        values[i] = items[i]->constant;
    }
    data_type t;
    TRY(type_list(&t, item, b->err));
    TRY(located(b, nested_make(&made, t, values, count, b->arena, b->err), position));
    *out = make_constant(b, &made, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
bind_list(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    expr  **items;
    bool    constant = true;
    TRY(make_args(&items, b, e->arg_count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(bind_expr(&items[i], c, e->args[i]));
    }
    TRY(bind_unify(b, items, e->arg_count, "a list"));
    for (int32_t i = 0; i < e->arg_count; i++) {
        constant &= items[i]->kind == EXPR_CONSTANT;
    }
    if (constant) {
        const data_type item = e->arg_count > 0 ? items[0]->type : type_of(TYPE_NULL);
        return constant_list(out, b, items, e->arg_count, item, e->position);
    }
    if (e->arg_count > LIST_ARGUMENTS_MAX) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "a list that is not constant has at most %d items", LIST_ARGUMENTS_MAX);
        error_hint(b->err, "join shorter ones: [...] || [...]");
        return ERR_QUERY_FAILED;
    }
    return bind_call_named(out, b, TEXT("list_value"), items, e->arg_count, e->position);
}

/* (a, b) as a value: a struct whose fields have no names. */
status
bind_row_value(expr **out, context *c, const ast_expr *e) {
    expr **items;
    TRY(make_args(&items, c->binder, e->arg_count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(bind_expr(&items[i], c, e->args[i]));
    }
    return bind_call_named(out, c->binder, TEXT("row"), items, e->arg_count, e->position);
}

/* ---- struct_pack(a := x), struct_insert(s, a := x): names become constants before their values */

static status
name_argument(expr **out, binder *b, const ast_expr *e, int32_t i) {
    const ast_name  none = {.text = {NULL, 0}};
    const ast_name *name = e->arg_names != NULL ? &e->arg_names[i] : &none;
    const ast_expr *arg = e->args[i];
    value           v = {.type = type_of(TYPE_TEXT), .s = name->text};
    if (name->text.data == NULL && arg->kind != AST_COLUMN) {
        error_set_at(b->err, ERR_QUERY_FAILED, arg->position, "a field needs a name");
        error_hint(b->err, "write %.*s(a := ..., b := ...)", TEXT_ARG(e->name.text));
        return ERR_QUERY_FAILED;
    }
    if (name->text.data == NULL) {
        v.s = arg->name.text;
    }
    *out = make_constant(b, &v, arg->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

static status
check_twice(binder *b, const ast_expr *e) {
    for (int32_t i = 0; e->arg_names != NULL && i < e->arg_count; i++) {
        for (int32_t k = 0; k < i && e->arg_names[i].text.data != NULL; k++) {
            if (e->arg_names[k].text.data != NULL &&
                text_equal_nocase(e->arg_names[i].text, e->arg_names[k].text)) {
                return error_set_at(b->err, ERR_QUERY_FAILED, e->arg_names[i].position,
                                    "a STRUCT has two fields named \"%.*s\"",
                                    TEXT_ARG(e->arg_names[i].text));
            }
        }
    }
    return OK;
}

status
bind_named_fields(expr **out, context *c, const ast_expr *e) {
    binder       *b = c->binder;
    const int32_t plain = ast_is_call(e, "struct_pack") ? 0 : 1;
    const int32_t count = 2 * e->arg_count - plain;
    expr        **args;
    if (e->arg_count > 60) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "a struct that is written down has at most 60 fields");
    }
    TRY(check_twice(b, e));
    TRY(make_args(&args, b, count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        const int32_t at = i < plain ? i : 2 * i - plain;
        if (i >= plain) {
            TRY(name_argument(&args[at], b, e, i));
        }
        TRY(bind_expr(&args[at + (i >= plain)], c, e->args[i]));
    }
    return bind_call_named(out, b, e->name.text, args, count, e->position);
}

/* ---- fields */

static status
no_field(binder *b, data_type t, text name, int32_t position) {
    const int32_t count = type_field_count(t);
    text         *names = arena_alloc(b->arena, (size_t)count * sizeof(*names));
    if (names == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        names[i] = type_field(t, i).name;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, position, "%s has no field \"%.*s\"", type_name(t),
                 TEXT_ARG(name));
    if (names[0].size > 0) {
        hint_nearest(b, name, names, count, "fields");
    } else {
        error_hint(b->err, "its fields have no names: x[1] is the first one");
    }
    return ERR_QUERY_FAILED;
}

status
bind_field(expr **out, binder *b, expr *base, text name, int32_t position) {
    if (base->type.id == TYPE_MAP && type_map_key(base->type).id == TYPE_TEXT) {
        const value key = {.type = type_of(TYPE_TEXT), .s = name}; /* m.k is m['k'] */
        expr      **args;
        TRY(make_args(&args, b, 2));
        args[0] = base;
        args[1] = make_constant(b, &key, position);
        return args[1] == NULL ? out_of_memory(b)
                               : bind_call_named(out, b, TEXT("array_extract"), args, 2, position);
    }
    if (base->type.id != TYPE_STRUCT) {
        return error_set_at(b->err, ERR_QUERY_FAILED, position, "%s has no field \"%.*s\"",
                            type_name(base->type), TEXT_ARG(name));
    }
    if (type_find_field(base->type, name, false) < 0) {
        return no_field(b, base->type, name, position);
    }
    const value v = {.type = type_of(TYPE_TEXT), .s = name};
    expr      **args;
    TRY(make_args(&args, b, 2));
    args[0] = base;
    args[1] = make_constant(b, &v, position);
    return args[1] == NULL ? out_of_memory(b)
                           : bind_call_named(out, b, TEXT("struct_extract"), args, 2, position);
}

status
bind_extract(expr **out, context *c, const ast_expr *e, bool *done) {
    binder    *b = c->binder;
    const bool of_field = ast_is_call(e, "struct_extract");
    *done = e->arg_count == 2 && (of_field || ast_is_call(e, "array_extract"));
    if (!*done) {
        return OK;
    }
    expr **args;
    TRY(make_args(&args, b, 2));
    TRY(bind_expr(&args[0], c, e->args[0]));
    TRY(bind_expr(&args[1], c, e->args[1]));
    const bool named = is_text_literal(args[1]);
    if (named && (of_field || args[0]->type.id == TYPE_STRUCT)) {
        return bind_field(out, b, args[0], args[1]->constant.s, args[1]->position);
    }
    return bind_call_named(out, b, e->name.text, args, 2, e->position);
}

/* Of a table named a the column that is named as it (unnest(...) AS a), otherwise any. */
status
find_struct_column(int32_t *found, binder *b, const scope *s, const ast_expr *e) {
    const ast_name none = {.text = {NULL, 0}};
    bool           is_table = false;
    *found = -1;
    if (e->qualifier.text.data == NULL) {
        return OK;
    }
    for (int32_t i = 0; i < s->count && *found < 0; i++) {
        const bool of_table = name_matches(&e->qualifier, s->columns[i].table);
        is_table |= of_table;
        *found = of_table && name_matches(&e->qualifier, s->columns[i].name) ? i : -1;
    }
    TRY(is_table ? OK : scope_find(found, b, s, &none, &e->qualifier));
    const data_type t = *found >= 0 ? s->columns[*found].type : type_of(TYPE_NULL);
    const bool      map = t.id == TYPE_MAP && type_map_key(t).id == TYPE_TEXT;
    *found = t.id == TYPE_STRUCT || map ? *found : -1;
    return OK;
}

/* a.b where no table a has a column b: the field of a column. */
status
bind_field_of_column(expr **out, context *c, const ast_expr *e, bool *done) {
    binder *b = c->binder;
    int32_t found;
    TRY(find_struct_column(&found, b, c->scope, e));
    *done = found >= 0;
    if (found < 0) {
        return OK;
    }
    expr *base = make_column(b, found, c->scope->columns[found].type, e->position);
    return base == NULL ? out_of_memory(b)
                        : bind_field(out, b, base, e->name.text, e->name.position);
}
