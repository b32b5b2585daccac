/* SPDX-License-Identifier: Apache-2.0 */
/* bind_parts.c - functions that give one part, called with a list of parts: a STRUCT of them.
 *
 *   date_part(['year', 'month'], t)           {'year': date_part('year', t), ...}
 *   json_extract(j, ['$.a', '$.b'])           [json_extract(j, '$.a'), ...], a LIST
 *   regexp_extract(t, p, ['a', 'b'] [, o])    {'a': regexp_extract(t, p, 1 [, o]), ...}
 *
 * The names are constants, because they make the type. NULL of what is looked at makes all NULL. */
#include "plan/bind.h"

#include "regex/regex.h"

#define PARTS_MAX 60

typedef struct parts {
    bool    of_regex;
    int32_t list; /* which argument the names are */
    int32_t subject;
} parts;

static bool
is_parts_call(parts *out, const ast_expr *e) {
    const bool date = ast_is_call(e, "date_part") || ast_is_call(e, "datepart");
    const bool of_regex = ast_is_call(e, "regexp_extract");
    *out = (parts){.of_regex = of_regex, .list = of_regex ? 2 : 0, .subject = of_regex ? 0 : 1};
    return ((date && e->arg_count == 2) ||
            (of_regex && (e->arg_count == 3 || e->arg_count == 4))) &&
           e->args[out->list]->kind == AST_LIST;
}

static status
check_names(binder *b, const ast_expr *call, expr *const *names, int32_t count) {
    const int32_t position = call->position;
    if (count < 1 || count > PARTS_MAX) {
        return error_set_at(b->err, ERR_QUERY_FAILED, position, "%.*s takes 1 to %d names",
                            TEXT_ARG(call->name.text), PARTS_MAX);
    }
    for (int32_t i = 0; i < count; i++) {
        if (!is_text_literal(names[2 * i])) {
            error_set_at(b->err, ERR_QUERY_FAILED, names[2 * i]->position,
                         "the names of %.*s make its type, so they are constant texts",
                         TEXT_ARG(call->name.text));
            return error_hint(b->err, "write them as in ['a', 'b']");
        }
        for (int32_t k = 0; k < i; k++) {
            if (text_equal_nocase(names[2 * i]->constant.s, names[2 * k]->constant.s)) {
                return error_set_at(b->err, ERR_QUERY_FAILED, names[2 * i]->position,
                                    "\"%.*s\" is named twice", TEXT_ARG(names[2 * i]->constant.s));
            }
        }
    }
    return OK;
}

/* A constant pattern has a group for each name. */
static status
check_groups(binder *b, const expr *pattern, int32_t count, int32_t position) {
    regex *r;
    if (!is_text_literal(pattern)) {
        return OK;
    }
    TRY(located(b, regex_compile(&r, b->arena, pattern->constant.s, 0, -1, b->err),
                pattern->position));
    return regex_group_count(r) >= count ? OK
                                         : error_set_at(b->err, ERR_QUERY_FAILED, position,
                                                        "%d names, and the pattern has %d groups",
                                                        count, regex_group_count(r));
}

/* The call for one name. */
static status
bind_part(expr **out, binder *b, const ast_expr *e, const parts *p, expr *const *bound,
          const expr *name, int32_t number) {
    expr **args;
    TRY(make_args(&args, b, e->arg_count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        const value at = value_i64(number + 1);
        if (i != p->list) {
            TRY(copy_expr(&args[i], b, bound[i]));
        } else if (p->of_regex) {
            args[i] = make_constant(b, &at, name->position);
            TRY(args[i] == NULL ? out_of_memory(b) : OK);
        } else {
            TRY(copy_expr(&args[i], b, name));
        }
    }
    return bind_call_named(out, b, e->name.text, args, e->arg_count, e->position);
}

static status
null_with(expr **e, binder *b, const expr *subject) {
    const value null = value_null(TYPE_NULL);
    expr      **args, **test;
    TRY(make_args(&test, b, 1));
    TRY(make_args(&args, b, 3));
    TRY(copy_expr(&test[0], b, subject));
    args[0] = make(b, EXPR_IS_NULL, type_of(TYPE_BOOL), test, 1, subject->position);
    args[1] = make_constant(b, &null, subject->position);
    args[2] = *e;
    TRY(args[0] == NULL || args[1] == NULL ? out_of_memory(b) : OK);
    return bind_call_named(e, b, TEXT("if"), args, 3, subject->position);
}

/* json_extract and json_extract_string with several paths */
static status
bind_paths(expr **out, context *c, const ast_expr *e, bool *done) {
    binder *b = c->binder;
    expr   *json, **items, **args;
    *done = (ast_is_call(e, "json_extract") || ast_is_call(e, "json_extract_string")) &&
            e->arg_count == 2 && e->args[1]->kind == AST_LIST && e->args[1]->arg_count > 0;
    if (!*done) {
        return OK;
    }
    const ast_expr *list = e->args[1];
    TRY(bind_expr(&json, c, e->args[0]));
    TRY(make_args(&items, b, list->arg_count));
    for (int32_t i = 0; i < list->arg_count; i++) {
        TRY(make_args(&args, b, 2));
        TRY(copy_expr(&args[0], b, json));
        TRY(bind_expr(&args[1], c, list->args[i]));
        TRY(bind_call_named(&items[i], b, e->name.text, args, 2, e->position));
    }
    return bind_call_named(out, b, TEXT("list_value"), items, list->arg_count, e->position);
}

/* $.*, $[*] or $.. outside of names in quotes */
static bool
leads_to_many(text path) {
    bool quoted = false;
    for (size_t i = 1; i < path.size && path.data[0] == '$'; i++) {
        const char at = path.data[i], before = path.data[i - 1];
        quoted = quoted != (at == '"');
        if (!quoted &&
            ((at == '*' && (before == '.' || before == '[')) || (at == '.' && before == '.'))) {
            return true;
        }
    }
    return false;
}

/* A path to several values gives a list. */
status
bind_json_paths(expr **out, context *c, const ast_expr *e, bool *done) {
    static const struct {
        const char *name, *all;
    } names[] = {{"->", "json_extract_all"},
                 {"json_extract", "json_extract_all"},
                 {"json_extract_path", "json_extract_all"},
                 {"->>", "json_extract_string_all"},
                 {"json_extract_string", "json_extract_string_all"},
                 {"json_extract_path_text", "json_extract_string_all"}};
    const text  name = e->kind == AST_BINARY ? e->op : e->name.text;
    const char *all = NULL;
    *done = false;
    if (e->arg_count != 2 || e->args[1]->kind != AST_STRING || !leads_to_many(e->args[1]->text)) {
        return OK;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(names) && all == NULL; i++) {
        all = text_equal_nocase(name, text_of(names[i].name)) ? names[i].all : NULL;
    }
    if (all == NULL) {
        return OK;
    }
    expr **args;
    *done = true;
    TRY(make_args(&args, c->binder, 2));
    TRY(bind_expr(&args[0], c, e->args[0]));
    TRY(bind_expr(&args[1], c, e->args[1]));
    return bind_call_named(out, c->binder, text_of(all), args, 2, e->position);
}

status
bind_parts(expr **out, context *c, const ast_expr *e, bool *done) {
    binder *b = c->binder;
    parts   p;
    expr  **bound, **fields;
    TRY(bind_json_paths(out, c, e, done));
    if (*done) {
        return OK;
    }
    TRY(bind_paths(out, c, e, done));
    if (*done) {
        return OK;
    }
    *done = is_parts_call(&p, e);
    if (!*done) {
        return OK;
    }
    const ast_expr *list = e->args[p.list];
    const int32_t   count = list->arg_count;
    TRY(make_args(&bound, b, e->arg_count));
    TRY(make_args(&fields, b, 2 * count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(i == p.list ? OK : bind_expr(&bound[i], c, e->args[i]));
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(bind_expr(&fields[2 * i], c, list->args[i]));
    }
    TRY(check_names(b, e, fields, count));
    TRY(p.of_regex ? check_groups(b, bound[1], count, list->position) : OK);
    for (int32_t i = 0; i < count; i++) {
        TRY(bind_part(&fields[2 * i + 1], b, e, &p, bound, fields[2 * i], i));
    }
    TRY(bind_call_named(out, b, TEXT("struct_pack"), fields, 2 * count, e->position));
    return null_with(out, b, bound[p.subject]);
}
