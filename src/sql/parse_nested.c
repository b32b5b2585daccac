/* SPDX-License-Identifier: Apache-2.0 */
/* parse_nested.c - lists, structs and maps: literals, what takes them apart, lambdas.
 *
 * [a, b] is a node of its own; [x FOR y IN l IF z] is list_transform(list_filter(l, ...), ...).
 * {'a': x} is struct_pack(a => x), MAP {k: v} is map([k], [v]), x[i] is array_extract(x, i), x[a:b]
 * is array_slice(x, a, b), x.f behind anything but a name is struct_extract(x, 'f'). A colon before
 * a name looks like a parameter: here it is none. */
#include "sql/parse.h"

/* A colon, also where the lexer has seen :name. */
static bool
accept_colon(parser *p) {
    if (parser_accept_symbol(p, SYMBOL_COLON)) {
        return true;
    }
    if (p->token.kind != TOKEN_PARAMETER || p->sql.data[p->token.start] != ':') {
        return false;
    }
    p->end = p->token.start + 1;
    p->token = token_next(p->sql, p->end);
    p->next = token_next(p->sql, p->token.end);
    return true;
}

static status
expect_colon(parser *p, const char *after) {
    return accept_colon(p) ? OK : parser_error(p, "\":\"", after);
}

static status
make_call(parser *p, ast_expr **out, const char *name, int32_t start, ast_expr *const *args,
          int32_t count) {
    ast_expr *e = parser_new(p, AST_CALL, start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    e->name = (ast_name){.text = text_of(name), .position = start};
    TRY(parser_arguments(p, e, count));
    for (int32_t i = 0; i < count; i++) {
        e->args[i] = args[i];
    }
    *out = e;
    return parser_finish(p, e);
}

/* ---- literals */

static status
make_lambda(parser *p, ast_expr **out, const ast_name *name, ast_expr *body) {
    ast_expr *e = parser_new(p, AST_LAMBDA, body->position);
    ast_name *names = arena_alloc(p->arena, sizeof(*names));
    if (e == NULL || names == NULL) {
        return error_memory(p->err);
    }
    *names = *name;
    e->arg_names = names;
    e->number = 1;
    TRY(parser_arguments(p, e, 1));
    e->args[0] = body;
    *out = e;
    return parser_finish(p, e);
}

/* [item FOR name IN list [IF condition]]: list_transform(list_filter(list, name -> condition), name
 * -> item). FOR is the current token. */
static status
parse_comprehension(parser *p, int32_t start, ast_expr *item, ast_expr **out) {
    ast_name  name;
    ast_expr *args[2], *condition;
    parser_advance(p);
    TRY(parser_name(p, &name, "a name for the items", "FOR"));
    TRY(parser_expect(p, KEYWORD_IN, "the name of the items"));
    TRY(parse_expr(p, LEVEL_ANY, &args[0]));
    if (parser_accept(p, KEYWORD_IF)) {
        TRY(parse_expr(p, LEVEL_ANY, &condition));
        TRY(make_lambda(p, &args[1], &name, condition));
        TRY(make_call(p, &args[0], "list_filter", start, args, 2));
    }
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_BRACKET, "the list"));
    TRY(make_lambda(p, &args[1], &name, item));
    return make_call(p, out, "list_transform", start, args, 2);
}

/* The items behind "[", up to the "]", of which a trailing comma may be the last thing. */
status
parse_list(parser *p, ast_expr **out) {
    const int32_t start = p->token.start;
    const size_t  mark = p->stack.size;
    parser_advance(p);
    for (int32_t count = 0; !parser_accept_symbol(p, SYMBOL_RIGHT_BRACKET); count++) {
        ast_expr *e;
        if (count == MOST_IN_ITEMS(p)) {
            return parser_too_many(p, p->token.start, MOST_IN_ITEMS(p), "items of a list");
        }
        TRY(parse_expr(p, LEVEL_ANY, &e));
        if (count == 0 && parser_at(p, KEYWORD_FOR)) {
            return parse_comprehension(p, start, e, out);
        }
        TRY(parser_push(p, &e, sizeof(e)));
        if (!parser_accept_symbol(p, SYMBOL_COMMA)) {
            TRY(parser_expect_symbol(p, SYMBOL_RIGHT_BRACKET, "the items of a list"));
            break;
        }
    }
    *out = parser_new(p, AST_LIST, start);
    if (*out == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_take(p, mark, sizeof(ast_expr *), &(*out)->args, &(*out)->arg_count));
    return parser_finish(p, *out);
}

status
parse_array(parser *p, ast_expr **out) {
    const int32_t start = p->token.start;
    parser_advance(p);
    TRY(parse_list(p, out));
    (*out)->position = start;
    return OK;
}

typedef struct named_value {
    ast_name  name;
    ast_expr *value;
} named_value;

static status
parse_field_name(parser *p, ast_name *out) {
    if (p->token.kind != TOKEN_STRING) {
        return parser_name(p, out, "the name of a field", "\"{\"");
    }
    *out = (ast_name){.quoted = true, .position = p->token.start};
    TRY(token_value(&out->text, p->arena, p->sql, p->token, p->err));
    if (out->text.size == 0 || out->text.size > SQL_NAME_BYTES_MAX) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "the name of a field has 1 to %d bytes", SQL_NAME_BYTES_MAX);
    }
    parser_advance(p);
    return OK;
}

/* {'a': x, b: y} */
status
parse_struct(parser *p, ast_expr **out) {
    const int32_t start = p->token.start;
    const size_t  mark = p->stack.size;
    named_value  *fields;
    int32_t       count = 0;
    parser_advance(p);
    do {
        named_value f;
        if (count++ == MOST_ARGUMENTS(p)) {
            return parser_too_many(p, p->token.start, MOST_ARGUMENTS(p), "fields of a struct");
        }
        TRY(parse_field_name(p, &f.name));
        TRY(expect_colon(p, "the name of a field"));
        TRY(parse_expr(p, LEVEL_ANY, &f.value));
        TRY(parser_push(p, &f, sizeof(f)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA) && !parser_at_symbol(p, SYMBOL_RIGHT_BRACE));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_BRACE, "the fields of a struct"));
    TRY(parser_take(p, mark, sizeof(named_value), &fields, &count));
    ast_expr *e = parser_new(p, AST_CALL, start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    e->name = (ast_name){.text = TEXT("struct_pack"), .position = start};
    TRY(parser_arguments(p, e, count));
    e->arg_names = arena_alloc(p->arena, (size_t)count * sizeof(*e->arg_names));
    if (e->arg_names == NULL) {
        return error_memory(p->err);
    }
    for (int32_t i = 0; i < count; i++) {
        e->args[i] = fields[i].value;
        e->arg_names[i] = fields[i].name;
    }
    *out = e;
    return parser_finish(p, e);
}

static status
take_list(parser *p, ast_expr **out, int32_t start, ast_expr **pairs, int32_t count, int32_t at) {
    ast_expr *list = parser_new(p, AST_LIST, start);
    if (list == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_arguments(p, list, count));
    for (int32_t i = 0; i < count; i++) {
        list->args[i] = pairs[2 * i + at];
    }
    *out = list;
    return parser_finish(p, list);
}

/* MAP {k: v, ...} */
status
parse_map(parser *p, ast_expr **out) {
    const int32_t start = p->token.start;
    const size_t  mark = p->stack.size;
    ast_expr    **pairs;
    int32_t       count = 0;
    parser_advance(p);
    parser_advance(p);
    while (!parser_accept_symbol(p, SYMBOL_RIGHT_BRACE)) {
        ast_expr *pair[2];
        if (count++ == MOST_IN_ITEMS(p)) {
            return parser_too_many(p, p->token.start, MOST_IN_ITEMS(p), "entries of a map");
        }
        TRY(parse_expr(p, LEVEL_ANY, &pair[0]));
        TRY(expect_colon(p, "a key"));
        TRY(parse_expr(p, LEVEL_ANY, &pair[1]));
        TRY(parser_push(p, pair, sizeof(pair)));
        if (!parser_accept_symbol(p, SYMBOL_COMMA)) {
            TRY(parser_expect_symbol(p, SYMBOL_RIGHT_BRACE, "the entries of a map"));
            break;
        }
    }
    TRY(parser_take(p, mark, sizeof(ast_expr *), &pairs, &count));
    ast_expr *lists[2];
    TRY(take_list(p, &lists[0], start, pairs, count / 2, 0));
    TRY(take_list(p, &lists[1], start, pairs, count / 2, 1));
    return make_call(p, out, "map", start, lists, 2);
}

/* ---- taking apart */

bool
parser_at_part(const parser *p) {
    return parser_at_symbol(p, SYMBOL_LEFT_BRACKET) ||
           (parser_at_symbol(p, SYMBOL_DOT) &&
            (p->next.kind == TOKEN_WORD || p->next.kind == TOKEN_QUOTED_NAME));
}

/* A bound of a slice; where there is none it is NULL. */
static status
parse_bound(parser *p, ast_expr **out) {
    const bool none = parser_at_symbol(p, SYMBOL_COLON) ||
                      parser_at_symbol(p, SYMBOL_RIGHT_BRACKET) ||
                      (p->token.kind == TOKEN_PARAMETER && p->sql.data[p->token.start] == ':');
    if (!none) {
        return parse_expr(p, LEVEL_ANY, out);
    }
    *out = parser_new(p, AST_NULL, p->token.start);
    return *out == NULL ? ERR_OUT_OF_MEMORY : parser_finish(p, *out);
}

/* x[i], x[a:b], x[a:b:step] */
static status
parse_subscript(parser *p, int32_t start, ast_expr **left) {
    ast_expr *args[4] = {*left};
    int32_t   count = 2;
    bool      slice = false;
    parser_advance(p);
    if (parser_at_symbol(p, SYMBOL_RIGHT_BRACKET)) {
        return parser_error(p, "a position", "\"[\"");
    }
    TRY(parse_bound(p, &args[1]));
    while (count < 4 && accept_colon(p)) {
        slice = true;
        TRY(parse_bound(p, &args[count++]));
    }
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_BRACKET,
                             slice ? "the bounds of a slice" : "a position"));
    return make_call(p, left, slice ? "array_slice" : "array_extract", start, args, count);
}

status
parse_access(parser *p, int32_t start, ast_expr **left) {
    if (parser_at_symbol(p, SYMBOL_LEFT_BRACKET)) {
        return parse_subscript(p, start, left);
    }
    parser_advance(p);
    ast_name      name;
    const int32_t at = p->token.start;
    TRY(parser_name_of(p, &name));
    ast_expr *field = parser_new(p, AST_STRING, at);
    if (field == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    field->text = name.text;
    TRY(parser_finish(p, field));
    ast_expr *const args[2] = {*left, field};
    return make_call(p, left, "struct_extract", start, args, 2);
}

/* ---- lambdas: x -> e, (x, y) -> e, lambda x, y: e */

bool
parser_is_lambda_call(text name) {
    static const char *const names[] = {"apply", "filter", "reduce", "transform"};
    static const text        list = TEXT("list_");
    static const text        array = TEXT("array_");
    const bool               in_list =
        name.size > list.size && text_equal_nocase((text){name.data, list.size}, list);
    const bool in_array =
        name.size > array.size && text_equal_nocase((text){name.data, array.size}, array);
    const size_t skip = in_list ? list.size : in_array ? array.size : 0;
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (text_equal_nocase((text){name.data + skip, name.size - skip}, text_of(names[i]))) {
            return skip > 0 || i < 3; /* there is no transform() */
        }
    }
    return false;
}

static bool
is_arrow(const parser *p, token t) {
    return t.symbol == SYMBOL_OPERATOR && text_equal(token_text(p->sql, t), TEXT("->"));
}

/* Whether ")" and "->" stand behind the names in parentheses at the current token. */
static bool
at_parameter_list(const parser *p) {
    token t = p->next;
    for (int32_t i = 0; i < 3 && t.kind == TOKEN_WORD; i++) {
        t = token_next(p->sql, t.end);
        if (t.symbol == SYMBOL_RIGHT_PAREN) {
            return is_arrow(p, token_next(p->sql, t.end));
        }
        t = t.symbol == SYMBOL_COMMA ? token_next(p->sql, t.end) : t;
    }
    return false;
}

bool
parser_at_lambda(const parser *p) {
    if (p->token.kind == TOKEN_WORD) {
        return is_arrow(p, p->next) ||
               (text_equal_nocase(token_text(p->sql, p->token), TEXT("LAMBDA")) &&
                p->next.kind == TOKEN_WORD);
    }
    return parser_at_symbol(p, SYMBOL_LEFT_PAREN) && at_parameter_list(p);
}

status
parse_lambda(parser *p, ast_expr **out) {
    const size_t mark = p->stack.size;
    ast_expr    *e = parser_new(p, AST_LAMBDA, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    const bool word = p->token.kind == TOKEN_WORD && !is_arrow(p, p->next);
    const bool listed = word || parser_at_symbol(p, SYMBOL_LEFT_PAREN);
    if (listed) {
        parser_advance(p);
    }
    do {
        ast_name name;
        TRY(parser_name(p, &name, "a name for an item", NULL));
        TRY(parser_push(p, &name, sizeof(name)));
    } while (listed && parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_take(p, mark, sizeof(ast_name), &e->arg_names, &e->number));
    if (e->number > 3) {
        return parser_too_many(p, e->position, 3, "names of a lambda");
    }
    if (word) {
        TRY(expect_colon(p, "the names of a lambda"));
    } else {
        if (listed) {
            TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the names of a lambda"));
        }
        parser_advance(p); /* "->" */
    }
    TRY(parser_arguments(p, e, 1));
    TRY(parse_expr(p, LEVEL_ANY, &e->args[0]));
    *out = e;
    return parser_finish(p, e);
}

/* ---- types */

static status
add_part(parser *p, ast_type *out, const ast_type *part, const ast_name *name) {
    const int32_t n = out->part_count;
    if (n == MOST_COLUMNS(p)) {
        return parser_too_many(p, p->token.start, MOST_COLUMNS(p), "fields of a STRUCT");
    }
    if ((n & (n - 1)) == 0) { /* full: n is 0 or a power of two */
        const size_t room = n == 0 ? 1 : 2 * (size_t)n;
        ast_type    *parts = arena_alloc(p->arena, room * sizeof(*parts));
        ast_name    *names = arena_alloc(p->arena, room * sizeof(*names));
        if (parts == NULL || names == NULL) {
            return error_memory(p->err);
        }
        if (n > 0) {
            memcpy(parts, out->parts, (size_t)n * sizeof(*parts));
            memcpy(names, out->part_names, (size_t)n * sizeof(*names));
        }
        out->parts = parts;
        out->part_names = names;
    }
    out->parts[n] = *part;
    out->part_names[n] = *name;
    out->part_count = n + 1;
    return OK;
}

/* STRUCT(a type, ...), MAP(key, value); the current token is the "(". */
status
parse_type_parts(parser *p, ast_type *out) {
    const bool named = !text_equal_nocase(out->name.text, TEXT("MAP"));
    TRY(parser_enter(p));
    parser_advance(p);
    do {
        ast_name     name = {.position = p->token.start};
        ast_type     part;
        const symbol s = p->next.symbol;
        const bool bare = s == SYMBOL_COMMA || s == SYMBOL_RIGHT_PAREN || s == SYMBOL_LEFT_PAREN ||
                          s == SYMBOL_LEFT_BRACKET;
        if (named && !bare) {
            TRY(parser_name(p, &name, "the name of a field", NULL));
        }
        TRY(parse_type(p, &part));
        TRY(add_part(p, out, &part, &name));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    parser_leave(p);
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the parts of a type");
}

/* [], [n] and ARRAY behind a type. */
status
parse_type_suffixes(parser *p, ast_type *out) {
    for (int32_t depth = 0;; depth++) {
        const bool    word = parser_at(p, KEYWORD_ARRAY);
        const int32_t start = p->token.start;
        if (!word && !parser_at_symbol(p, SYMBOL_LEFT_BRACKET)) {
            return OK;
        }
        if (depth == SQL_TYPE_DEPTH_MAX) {
            return parser_too_many(p, start, SQL_TYPE_DEPTH_MAX, "dimensions of an array");
        }
        ast_type list = {.name = {.text = TEXT("[]"), .position = out->name.position}};
        ast_name none = {.position = start};
        if (word) {
            parser_advance(p);
        }
        if (parser_accept_symbol(p, SYMBOL_LEFT_BRACKET)) {
            if (p->token.kind == TOKEN_INTEGER) {
                TRY(parse_type_number(p, &list));
            }
            TRY(parser_expect_symbol(p, SYMBOL_RIGHT_BRACKET, "the size of an array"));
        }
        TRY(add_part(p, &list, out, &none));
        *out = list;
    }
}
