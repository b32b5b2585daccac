/* SPDX-License-Identifier: Apache-2.0 */
/* bind_json.c - from_json(j, '{"a": "INTEGER", "b": ["VARCHAR"]}') and its kin: the structure,
 * which is a constant, is the type of the result. */
#include "plan/bind.h"

#include "type/json_text.h"

static bool write_type(text json, buf *out);

static bool
write_struct(text json, buf *out) {
    size_t      at = 0;
    json_member m;
    buf         name;
    bool        ok = buf_append_text(out, TEXT("STRUCT(")), first = true;
    while (ok && json_next(json, &at, &m)) {
        buf_init(&name, out->mem, SQL_NAME_BYTES_MAX);
        ok = (first || buf_append_text(out, TEXT(", "))) && json_unquote(m.key, &name) &&
             buf_append_quoted(out, buf_text(&name), '"') && buf_append_char(out, ' ') &&
             write_type(m.value, out);
        buf_fini(&name);
        first = false;
    }
    return ok && !first && buf_append_char(out, ')');
}

/* One type: no comma or parenthesis that would end it. */
static bool
write_name(text quoted, buf *out) {
    const size_t from = out->size;
    int32_t      open = 0;
    if (text_equal(quoted, TEXT("\"NULL\""))) {
        return buf_append_text(out, TEXT("JSON"));
    }
    if (!json_unquote(quoted, out)) {
        return false;
    }
    for (size_t i = from; i < out->size; i++) {
        const char c = out->data[i];
        open += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (open < 0 || (open == 0 && c == ',') || c == '-' || c == '/' || c == '\'') {
            return false;
        }
    }
    return open == 0 && out->size > from;
}

/* The structure as an SQL type. False: it is none. */
static bool
write_type(text json, buf *out) {
    size_t      at = 0;
    json_member m;
    switch (json.data[0]) {
    case '{':
        return write_struct(json, out);
    case '[':
        return json_count(json) == 1 && json_next(json, &at, &m) && write_type(m.value, out) &&
               buf_append_text(out, TEXT("[]"));
    case '"':
        return write_name(json, out);
    default:
        return false;
    }
}

static status
refuse_structure(binder *b, int32_t position) {
    error_set_at(
        b->err, ERR_QUERY_FAILED, position,
        "this is no structure: a type in quotes, [a structure] or {\"name\": a structure}");
    return error_hint(b->err, "write it as in '{\"a\": \"INTEGER\", \"b\": [\"VARCHAR\"]}'; "
                              "json_structure(j) gives that of a value");
}

static status
structure_type(data_type *out, binder *b, text structure, int32_t position) {
    text        whole;
    size_t      at;
    const char *why;
    schema      found = {.count = 0};
    buf         sql;
    if (!json_text_whole(structure, &whole, &at, &why)) {
        return refuse_structure(b, position);
    }
    buf_init(&sql, b->arena->mem, 1 << 20);
    const bool ok = buf_append_text(&sql, TEXT("x ")) && write_type(whole, &sql);
    status     s = ok ? plan_fields(&found, b->arena, buf_text(&sql), b->err) : OK;
    buf_fini(&sql);
    TRY(s < 0 ? located(b, s, position) : OK);
    if (!ok || found.count != 1) {
        return refuse_structure(b, position);
    }
    *out = found.fields[0].type;
    return OK;
}

status
bind_json_transform(expr **out, context *c, const ast_expr *e, bool *done) {
    static const char *const names[] = {"from_json", "json_transform", "from_json_strict",
                                        "json_transform_strict"};
    binder                  *b = c->binder;
    expr                   **args;
    value                    structure;
    *done = false;
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        *done |= ast_is_call(e, names[i]) && e->arg_count == 2;
    }
    if (!*done) {
        return OK;
    }
    TRY(make_args(&args, b, 2));
    TRY(bind_expr(&args[0], c, e->args[0]));
    TRY(bind_constant(&structure, b, e->args[1], "the structure of JSON"));
    if (!structure.is_null && structure.type.id != TYPE_TEXT) {
        return refuse_structure(b, e->args[1]->position);
    }
    value null = value_null(TYPE_NULL);
    TRY(structure.is_null ? OK : structure_type(&null.type, b, structure.s, e->args[1]->position));
    args[1] = make_constant(b, &null, e->args[1]->position);
    TRY(args[1] == NULL ? out_of_memory(b) : OK);
    return bind_call_named(out, b, e->name.text, args, 2, e->position);
}
