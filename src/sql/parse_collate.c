/* SPDX-License-Identifier: Apache-2.0 */
/* parse_collate.c - x COLLATE name. Texts are compared by their bytes, which is C, POSIX, UCS_BASIC
 * and BINARY; NOCASE and NOACCENT compare them without regard to case or accents: what is compared
 * or ordered becomes lower(x), strip_accents(x). Where neither is done the node stays, and the
 * binder refuses it: no value has an order of its own. */
#include "sql/parse.h"

static const struct {
    const char *name;
    const char *functions[2]; /* what makes the texts that are compared; NULL: nothing */
} collations[] = {
    {"BINARY", {NULL, NULL}},
    {"C", {NULL, NULL}},
    {"POSIX", {NULL, NULL}},
    {"UCS_BASIC", {NULL, NULL}},
    {"DEFAULT", {NULL, NULL}},
    {"NOCASE", {"lower", NULL}},
    {"NOACCENT", {"strip_accents", NULL}},
    {"NOCASE.NOACCENT", {"strip_accents", "lower"}},
    {"NOACCENT.NOCASE", {"strip_accents", "lower"}},
};

static int32_t
find_collation(text name) {
    for (int32_t i = 0; i < ARRAY_COUNT(collations); i++) {
        if (text_equal_nocase(name, text_of(collations[i].name))) {
            return i;
        }
    }
    return -1;
}

/* Behind COLLATE. */
static status
parse_collation(parser *p, int32_t *out) {
    const int32_t at = p->token.start;
    ast_name      name;
    text          all;
    if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_QUOTED_NAME) {
        return parser_error(p, "the name of a collation", "COLLATE");
    }
    TRY(parser_name_of(p, &name));
    all = name.text;
    if (parser_at_symbol(p, SYMBOL_DOT) && p->next.kind == TOKEN_WORD) {
        all = (text){p->sql.data + at, (size_t)(p->next.end - at)};
        parser_advance(p);
        parser_advance(p);
    }
    *out = find_collation(all);
    if (*out < 0) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, at, "there is no collation \"%.*s\"",
                           TEXT_ARG(all));
        return error_hint(p->err, "there are C (the default: by bytes; also BINARY, POSIX, "
                                  "UCS_BASIC), NOCASE, NOACCENT and NOCASE.NOACCENT");
    }
    return OK;
}

status
parse_collate(parser *p, int32_t start, ast_expr **left) {
    int32_t found;
    parser_advance(p);
    TRY(parse_collation(p, &found));
    if (collations[found].functions[0] == NULL) {
        return OK;
    }
    ast_expr *e = parser_new(p, AST_COLLATE, start);
    TRY(e == NULL ? ERR_OUT_OF_MEMORY : parser_arguments(p, e, 1));
    e->args[0] = (*left)->kind == AST_COLLATE ? (*left)->args[0] : *left; /* the last one counts */
    e->op = text_of(collations[found].name);
    *left = e;
    return parser_finish(p, e);
}

status
parse_column_collation(parser *p) {
    const int32_t at = p->token.start;
    int32_t       found;
    parser_advance(p);
    TRY(parse_collation(p, &found));
    if (collations[found].functions[0] == NULL) {
        return OK;
    }
    (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, at,
                       "columns are compared by bytes: COLLATE %s cannot belong to one",
                       collations[found].name);
    return error_hint(p->err,
                      "say it where texts are compared or ordered: WHERE name COLLATE NOCASE "
                      "= 'x', ORDER BY name COLLATE NOCASE");
}

static status
call_of(parser *p, const char *function, ast_expr **value) {
    ast_expr     *call = parser_new(p, AST_CALL, (*value)->position);
    const int32_t end = (*value)->end;
    TRY(call == NULL ? ERR_OUT_OF_MEMORY : parser_arguments(p, call, 1));
    call->name = (ast_name){.text = text_of(function), .position = call->position};
    call->args[0] = *value;
    TRY(parser_finish(p, call));
    call->end = end;
    *value = call;
    return OK;
}

status
parse_collated(parser *p, ast_expr **values, int32_t count) {
    const ast_expr *with = NULL;
    for (int32_t i = 0; i < count && with == NULL; i++) {
        with = values[i]->kind == AST_COLLATE ? values[i] : NULL;
    }
    if (with == NULL) {
        return OK;
    }
    const char *const *functions = collations[find_collation(with->op)].functions;
    for (int32_t i = 0; i < count; i++) {
        if (values[i]->kind == AST_COLLATE && !text_equal(values[i]->op, with->op)) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, values[i]->position,
                                "two collations in one comparison: %.*s and %.*s",
                                TEXT_ARG(with->op), TEXT_ARG(values[i]->op));
        }
    }
    for (int32_t i = 0; i < count; i++) {
        values[i] = values[i]->kind == AST_COLLATE ? values[i]->args[0] : values[i];
        TRY(call_of(p, functions[0], &values[i]));
        TRY(functions[1] == NULL ? OK : call_of(p, functions[1], &values[i]));
    }
    return OK;
}
