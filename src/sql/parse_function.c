/* SPDX-License-Identifier: Apache-2.0 */
/* parse_function.c - CREATE FUNCTION and CREATE MACRO.
 *
 * The body may name the function's parameters, by name or as $1; outside of queries in it nothing
 * else may look like a column, so that it means the same wherever it is called. PostgreSQL's form
 * has the body in a string: it is a query of one value, or of rows. */
#include "sql/parse.h"

static bool
is_name_of(const ast_name *parameter, text word, bool quoted) {
    return quoted || parameter->quoted ? text_equal(parameter->text, word)
                                       : text_equal_nocase(parameter->text, word);
}

static int32_t
find_parameter(const ast_statement *f, text word, bool quoted) {
    for (int32_t i = 0; i < f->target_count; i++) {
        if (is_name_of(&f->targets[i], word, quoted)) {
            return i;
        }
    }
    return -1;
}

static status
refuse_name(parser *p, text word, int32_t position) {
    error_set_at(p->err, ERR_SQL_PARSE_ERROR, position, "\"%.*s\" is no parameter of the function",
                 TEXT_ARG(word));
    return error_hint(p->err, "its body sees its parameters alone: pass the column as an argument");
}

typedef struct lambda { /* whose arguments the body sees, too */
    const struct lambda *around;
    const ast_expr      *expr;
} lambda;

static bool
is_lambda_name(const lambda *l, const ast_name *name) {
    for (; l != NULL; l = l->around) {
        for (int32_t i = 0; i < l->expr->number; i++) {
            if (text_equal_nocase(l->expr->arg_names[i].text, name->text)) {
                return true;
            }
        }
    }
    return false;
}

/* Nothing outside of queries looks like a column. */
static status
check_names(parser *p, const ast_expr *e, const lambda *around) {
    if (e == NULL) {
        return OK;
    }
    const lambda    here = {.around = around, .expr = e};
    const ast_name *name = e->qualifier.text.data != NULL ? &e->qualifier : &e->name;
    if (e->kind == AST_COLUMN && !is_lambda_name(around, name)) {
        return refuse_name(p, name->text, p->placed ? p->place : e->position);
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(check_names(p, e->args[i], e->kind == AST_LAMBDA ? &here : around));
    }
    for (int32_t i = 0; i < e->order_count; i++) {
        TRY(check_names(p, e->orders[i].expr, around));
    }
    TRY(check_names(p, e->operand, around));
    TRY(check_names(p, e->otherwise, around));
    return check_names(p, e->filter, around);
}

/* $2 and $name */
static int32_t
find_marked(const parser *p) {
    const text word = token_text(p->sql, p->token);
    const text rest = {.data = word.data + 1, .size = word.size - 1};
    int32_t    n = 0;
    if (rest.size == 0 || rest.data[0] < '0' || rest.data[0] > '9') {
        return find_parameter(p->function, rest, false);
    }
    for (size_t i = 0; i < rest.size && n < 1000; i++) {
        n = n * 10 + (rest.data[i] - '0');
    }
    return n >= 1 && n <= p->function->target_count ? n - 1 : -1;
}

/* Which parameter the token names, -1: none. */
static status
find_argument(parser *p, int32_t *at, text *word) {
    const bool quoted = p->token.kind == TOKEN_QUOTED_NAME;
    *at = -1;
    *word = token_text(p->sql, p->token);
    if (p->token.kind == TOKEN_PARAMETER) {
        *at = find_marked(p);
        return OK;
    }
    if (p->next.symbol == SYMBOL_DOT && p->query_depth > 0) {
        return OK; /* it qualifies a column of the query */
    }
    if (quoted) {
        TRY(token_value(word, p->arena, p->sql, p->token, p->err));
    }
    *at = find_parameter(p->function, *word, quoted);
    return OK;
}

status
parse_argument(parser *p, ast_expr **out) {
    int32_t at;
    text    word;
    *out = NULL;
    TRY(find_argument(p, &at, &word));
    if (at < 0) {
        return p->token.kind == TOKEN_PARAMETER ? refuse_name(p, word, p->token.start) : OK;
    }
    ast_expr *e = parser_new(p, AST_PARAMETER, p->token.start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    e->text = p->function->targets[at].text;
    e->number = at + 1;
    e->in_query = p->query_depth > p->body_depth;
    buf_append(&p->parameters, &e, sizeof(ast_expr *));
    if (p->parameters.failed) {
        return error_memory(p->err);
    }
    parser_advance(p);
    *out = e;
    return parser_finish(p, e);
}

status
parser_note_call(parser *p, const ast_name *name) {
    if (p->function == NULL) {
        return OK;
    }
    if (text_equal_nocase(name->text, p->function->name.text)) {
        error_set_at(p->err, ERR_SQL_PARSE_ERROR, name->position, "function \"%.*s\" calls itself",
                     TEXT_ARG(name->text));
        return error_hint(p->err,
                          "SQL functions are put in the place of their calls; WITH RECURSIVE "
                          "repeats a query");
    }
    buf_append(&p->called, name, sizeof(*name));
    return p->called.failed ? error_memory(p->err) : OK;
}

/* ---- the head */

static bool
at_word(const parser *p, const char *word) {
    return p->token.kind == TOKEN_WORD &&
           text_equal_nocase(token_text(p->sql, p->token), text_of(word));
}

static bool
accept_word(parser *p, const char *word) {
    if (!at_word(p, word)) {
        return false;
    }
    parser_advance(p);
    return true;
}

static bool
at_default(const parser *p) {
    return parser_at_symbol(p, SYMBOL_ARROW) || parser_at_symbol(p, SYMBOL_EQUAL) ||
           parser_at(p, KEYWORD_DEFAULT);
}

/* name [type] [(:= | = | DEFAULT) expr]: parameter `at`, behind its name */
static status
parse_parameter_rest(parser *p, ast_statement *s, int32_t at) {
    const ast_name *name = &s->targets[at];
    if (!at_default(p) && !parser_at_symbol(p, SYMBOL_COMMA) &&
        !parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
        TRY(parse_type(p, &s->target_types[at]));
    }
    if (at_default(p)) {
        parser_advance(p);
        TRY(parse_expr(p, LEVEL_ANY, &s->target_defaults[at]));
        return check_names(p, s->target_defaults[at], NULL);
    }
    if (at > 0 && s->target_defaults[at - 1] != NULL) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, name->position,
                           "parameter \"%.*s\" has no default, and the one before it has",
                           TEXT_ARG(name->text));
        return error_hint(p->err, "parameters with defaults come last");
    }
    return OK;
}

static status
parse_parameters(parser *p, ast_statement *s) {
    s->target_types = arena_alloc_zero(p->arena, sizeof(*s->target_types) * SQL_ARGUMENTS_MAX);
    s->targets = arena_alloc_zero(p->arena, sizeof(*s->targets) * SQL_ARGUMENTS_MAX);
    s->target_defaults = arena_alloc_zero(p->arena, sizeof(ast_expr *) * SQL_ARGUMENTS_MAX);
    if (s->target_types == NULL || s->targets == NULL || s->target_defaults == NULL) {
        return error_memory(p->err);
    }
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "the name of the function"));
    while (!parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
        if (s->target_count == MOST_ARGUMENTS(p)) {
            return parser_too_many(p, p->token.start, MOST_ARGUMENTS(p), "parameters");
        }
        ast_name *name = &s->targets[s->target_count];
        TRY(parser_name(p, name, "a parameter name", NULL));
        if (find_parameter(s, name->text, name->quoted) >= 0) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, name->position,
                                "parameter \"%.*s\" is declared twice", TEXT_ARG(name->text));
        }
        TRY(parse_parameter_rest(p, s, s->target_count));
        s->target_count++;
        if (!parser_accept_symbol(p, SYMBOL_COMMA)) {
            break;
        }
    }
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the parameters");
}

/* Words of PostgreSQL that say what the planner finds out by itself. */
static bool
accept_attribute(parser *p) {
    static const char *const words[] = {"IMMUTABLE", "STABLE", "VOLATILE", "STRICT", "LEAKPROOF"};
    for (int32_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (accept_word(p, words[i])) {
            return true;
        }
    }
    return false;
}

static status
parse_language(parser *p, ast_statement *s) {
    if (accept_word(p, "EXTERNAL")) {
        s->external = arena_alloc_zero(p->arena, sizeof(*s->external));
        return s->external == NULL ? error_memory(p->err) : OK;
    }
    if (!at_word(p, "SQL") && !(p->token.kind == TOKEN_STRING)) {
        return parser_error(p, "SQL or EXTERNAL", "LANGUAGE");
    }
    const text word = token_text(p->sql, p->token);
    if (!text_equal_nocase(word, TEXT("SQL")) && !text_equal_nocase(word, TEXT("'sql'"))) {
        return parser_error(p, "SQL or EXTERNAL", "LANGUAGE");
    }
    parser_advance(p);
    return OK;
}

const char *const ast_external_words[AST_EXTERNAL_WORD_COUNT] = {
#define EXTERNAL_WORD(name) #name,
#include "sql/external.def"
};

/* One word about code that is the program's; *done: there was one. */
static status
parse_external_word(parser *p, ast_external *x, bool *done) {
    *done = true;
    if (p->token.kind != TOKEN_WORD) {
        *done = false;
        return OK;
    }
    const text word = token_text(p->sql, p->token);
    for (int32_t i = 0; i < AST_EXTERNAL_WORD_COUNT; i++) {
        if (text_equal_nocase(word, text_of(ast_external_words[i]))) {
            x->words |= 1u << i;
            parser_advance(p);
            return OK;
        }
    }
    if (accept_word(p, "STATE")) {
        return parse_type(p, &x->state);
    }
    *done = accept_word(p, "VERSION");
    if (!*done) {
        return OK;
    }
    if (p->token.kind != TOKEN_STRING) {
        return parser_error(p, "a string", "VERSION");
    }
    TRY(token_value(&x->version, p->arena, p->sql, p->token, p->err));
    parser_advance(p);
    return OK;
}

static status
parse_external_words(parser *p, ast_statement *s) {
    bool more = true;
    while (more) {
        TRY(parse_external_word(p, s->external, &more));
    }
    if (s->returns.name.text.data == NULL) {
        return parser_error(p, "RETURNS before LANGUAGE EXTERNAL", "the parameters");
    }
    for (int32_t i = 0; i < s->target_count; i++) {
        if (s->target_defaults[i] != NULL) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, s->targets[i].position,
                                "a parameter of a function of the program's has no default");
        }
    }
    return OK;
}

/* RETURNS type, RETURNS TABLE (columns) */
static status
parse_returns(parser *p, ast_statement *s, bool *rows) {
    if (!parser_accept(p, KEYWORD_TABLE)) {
        *rows = accept_word(p, "SETOF");
        return parse_type(p, &s->returns);
    }
    *rows = true;
    ast_statement columns = {.kind = AST_CREATE_TABLE, .name = s->name};
    return parse_columns(p, &columns);
}

/* ---- the body */

static status
take_uses(parser *p, ast_statement *s) {
    const size_t size = p->parameters.size, called = p->called.size;
    s->uses = arena_alloc(p->arena, size + sizeof(ast_expr *));
    s->called = arena_alloc(p->arena, called + sizeof(ast_name));
    if (s->uses == NULL || s->called == NULL) {
        return error_memory(p->err);
    }
    if (size > 0) {
        memcpy(s->uses, p->parameters.data, size);
    }
    if (called > 0) {
        memcpy(s->called, p->called.data, called);
    }
    s->use_count = (int32_t)(size / sizeof(ast_expr *));
    s->called_count = (int32_t)(called / sizeof(ast_name));
    p->parameters.size = 0;
    p->called.size = 0;
    return OK;
}

static status
parse_body(parser *p, ast_statement *s, bool rows, int32_t depth) {
    p->function = s;
    p->body_depth = depth;
    p->parameters.size = 0;
    p->called.size = 0;
    const status parsed = rows ? parse_query(p, &s->select) : parse_expr(p, LEVEL_ANY, &s->value);
    p->function = NULL;
    TRY(parsed);
    return take_uses(p, s);
}

static bool
is_one_value(const ast_select *q) {
    return q->kind == AST_SELECT_PLAIN && q->item_count == 1 && q->from == NULL &&
           q->where == NULL && !ast_select_is_closed(q) && q->group_count == 0 && !q->group_all &&
           q->having == NULL && q->qualify == NULL && !q->distinct;
}

/* The query of a string, all of it. */
static status
parse_text(parser *p, ast_statement *s, text body, int32_t depth) {
    parser inner = *p;
    inner.sql = body;
    inner.place = p->placed ? p->place : p->token.start; /* where it stands in the statement */
    inner.placed = true;
    inner.token = token_next(body, 0);
    inner.next = token_next(body, inner.token.end);
    inner.previous = (token){.kind = TOKEN_END};
    inner.end = 0;
    status done = parse_body(&inner, s, true, depth);
    (void)parser_accept_symbol(&inner, SYMBOL_SEMICOLON);
    if (done == OK && inner.token.kind != TOKEN_END) {
        done = parser_error(&inner, "the end of the body", NULL);
    }
    p->stack = inner.stack;
    p->parameters = inner.parameters;
    p->called = inner.called;
    if (done < 0 && p->err != NULL) {
        p->err->position = inner.place;
    }
    return done;
}

/* SELECT of one value without FROM is that value; another query stands in parentheses. */
static status
parse_text_body(parser *p, ast_statement *s, bool rows) {
    text          body;
    const int32_t at = p->token.start;
    TRY(token_value(&body, p->arena, p->sql, p->token, p->err));
    TRY(parse_text(p, s, body, 0));
    if (!rows && is_one_value(s->select)) {
        TRY(parse_text(p, s, body, 1));
        s->value = s->select->items[0].expr;
        s->select = NULL;
        TRY(check_names(p, s->value, NULL));
    } else if (!rows) {
        s->value = parser_new(p, AST_SUBQUERY, at);
        if (s->value == NULL) {
            return ERR_OUT_OF_MEMORY;
        }
        s->value->query = s->select;
        s->select = NULL;
        TRY(parser_finish(p, s->value));
    }
    parser_advance(p);
    return OK;
}

status
parse_create_function(parser *p, ast_statement *s, bool is_macro) {
    bool rows = false, body = false, language = false;
    s->kind = AST_CREATE_FUNCTION;
    s->object = AST_OBJECT_FUNCTION;
    s->is_macro = is_macro;
    TRY(parse_parameters(p, s));
    for (;;) {
        if (!body && parser_accept(p, KEYWORD_AS)) {
            body = true;
            if (p->token.kind == TOKEN_STRING) {
                TRY(parse_text_body(p, s, rows));
            } else {
                rows = parser_accept(p, KEYWORD_TABLE);
                TRY(parse_body(p, s, rows, 0));
                TRY(check_names(p, s->value, NULL));
            }
        } else if (!body && accept_word(p, "RETURN")) { /* of the SQL standard */
            body = true;
            TRY(parse_body(p, s, rows, 0));
            TRY(check_names(p, s->value, NULL));
        } else if (!body && accept_word(p, "RETURNS")) {
            TRY(parse_returns(p, s, &rows));
        } else if (!language && accept_word(p, "LANGUAGE")) {
            TRY(parse_language(p, s));
            language = true;
            if (s->external != NULL) {
                return body ? parser_error(p, "LANGUAGE SQL", "the body")
                            : parse_external_words(p, s);
            }
        } else if (!accept_attribute(p)) {
            break;
        }
    }
    return body ? OK : parser_error(p, "AS, RETURN, RETURNS or LANGUAGE SQL", "the parameters");
}
