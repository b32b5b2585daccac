/* SPDX-License-Identifier: Apache-2.0 */
/* parse_table.c - what stands in the parentheses of CREATE TABLE and CREATE SOURCE: columns, keys,
 * checks, watermark; and options. */
#include "sql/parse.h"

/* ---- columns ---- */

static status
parse_default(parser *p, ast_column_def *column) {
    if (column->default_value != NULL) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "column \"%.*s\" has two DEFAULTs", TEXT_ARG(column->name.text));
    }
    parser_advance(p);
    return parse_expr(p, LEVEL_ANY, &column->default_value);
}

/* Adds to an array in the arena, whose capacity is the next power of two of its count. */
static status
add_element(parser *p, void *array, int32_t *count, const void *element, size_t size) {
    void **items = array;
    if ((*count & (*count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        const size_t capacity = *count == 0 ? 1 : (size_t)*count * 2;
        void        *grown = arena_alloc(p->arena, capacity * size);
        if (grown == NULL) {
            return error_memory(p->err);
        }
        if (*count > 0) {
            memcpy(grown, *items, (size_t)*count * size);
        }
        *items = grown;
    }
    memcpy((char *)*items + (size_t)*count * size, element, size);
    (*count)++;
    return OK;
}

static status
add_key(parser *p, ast_statement *s, const ast_key *key) {
    for (int32_t i = 0; key->primary && i < s->key_count; i++) {
        if (s->keys[i].primary) {
            (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, key->position,
                               "there is more than one PRIMARY KEY");
            return error_hint(p->err, "a key of several columns is PRIMARY KEY (a, b)");
        }
    }
    return add_element(p, &s->keys, &s->key_count, key, sizeof(*key));
}

/* PRIMARY KEY or UNIQUE behind a column; the word is the current token. */
static status
parse_column_key(parser *p, ast_statement *s, const ast_column_def *column) {
    ast_key key = {
        .primary = parser_at(p, KEYWORD_PRIMARY), .position = p->token.start, .column_count = 1};
    parser_advance(p);
    if (key.primary) {
        TRY(parser_expect(p, KEYWORD_KEY, "PRIMARY"));
    }
    key.columns = arena_alloc(p->arena, sizeof(ast_name));
    if (key.columns == NULL) {
        return error_memory(p->err);
    }
    key.columns[0] = column->name;
    return add_key(p, s, &key);
}

/* CHECK (expr), the word is the current token. */
static status
parse_check(parser *p, ast_statement *s, const ast_name *name) {
    ast_check check = {.name = *name};
    parser_advance(p);
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "CHECK"));
    TRY(parse_expr(p, LEVEL_ANY, &check.expr));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the condition of CHECK"));
    return add_element(p, &s->checks, &s->check_count, &check, sizeof(check));
}

/* [CONSTRAINT name] */
static status
parse_constraint_name(parser *p, ast_name *out) {
    *out = (ast_name){.quoted = false};
    if (!parser_accept(p, KEYWORD_CONSTRAINT)) {
        return OK;
    }
    TRY(parser_name(p, out, "the name of a constraint", "CONSTRAINT"));
    switch (p->token.keyword) {
    case KEYWORD_CHECK:
    case KEYWORD_UNIQUE:
    case KEYWORD_PRIMARY:
    case KEYWORD_NOT:
        return OK;
    case KEYWORD_REFERENCES:
        return parser_outside(p, keyword_name(KEYWORD_REFERENCES));
    default:
        return parser_error(p, "CHECK, UNIQUE, PRIMARY KEY or NOT NULL", "the constraint's name");
    }
}

/* NOT NULL, NULL, DEFAULT x, PRIMARY KEY, UNIQUE, CHECK (x) and COLLATE C in any order. */
static status
parse_constraints(parser *p, ast_statement *s, ast_column_def *column) {
    bool nullable = false;
    for (;;) {
        ast_name name;
        TRY(parse_constraint_name(p, &name));
        const int32_t at = p->token.start;
        if (parser_accept(p, KEYWORD_NOT)) {
            TRY(parser_expect(p, KEYWORD_NULL, "NOT"));
            column->not_null = true;
        } else if (parser_accept(p, KEYWORD_NULL)) {
            nullable = true;
        } else if (parser_at(p, KEYWORD_DEFAULT)) {
            TRY(parse_default(p, column));
        } else if (parser_at(p, KEYWORD_PRIMARY) || parser_at(p, KEYWORD_UNIQUE)) {
            TRY(parse_column_key(p, s, column));
        } else if (parser_at(p, KEYWORD_CHECK)) {
            TRY(parse_check(p, s, &name));
        } else if (parser_at(p, KEYWORD_COLLATE)) {
            TRY(parse_column_collation(p));
        } else if (parser_at(p, KEYWORD_REFERENCES)) {
            return parser_outside(p, keyword_name(KEYWORD_REFERENCES));
        } else {
            return OK;
        }
        if (nullable && column->not_null) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, at,
                                "column \"%.*s\" is both NULL and NOT NULL",
                                TEXT_ARG(column->name.text));
        }
    }
}

static bool
same_name(const ast_name *a, const ast_name *b) {
    return a->quoted || b->quoted ? text_equal(a->text, b->text)
                                  : text_equal_nocase(a->text, b->text);
}

/* (PRIMARY KEY | UNIQUE) (a, b) of the table */
static status
parse_table_key(parser *p, ast_statement *s) {
    ast_key key = {.primary = parser_at(p, KEYWORD_PRIMARY), .position = p->token.start};
    parser_advance(p);
    if (key.primary) {
        TRY(parser_expect(p, KEYWORD_KEY, "PRIMARY"));
    }
    const char *what = key.primary ? "PRIMARY KEY" : "UNIQUE";
    TRY(parse_names(p, &key.columns, &key.column_count, what));
    return add_key(p, s, &key);
}

/* Keys may stand before the columns that they name. */
static status
check_keys(parser *p, const ast_statement *s) {
    for (int32_t k = 0; k < s->key_count; k++) {
        const ast_key *key = &s->keys[k];
        for (int32_t c = 0; c < key->column_count; c++) {
            const ast_name *name = &key->columns[c];
            int32_t         i = 0;
            while (i < s->column_count && !same_name(&s->columns[i].name, name)) {
                i++;
            }
            if (i == s->column_count) {
                return error_set_at(p->err, ERR_SQL_PARSE_ERROR, name->position,
                                    "%s names \"%.*s\", but there is no column of that name",
                                    key->primary ? "PRIMARY KEY" : "UNIQUE", TEXT_ARG(name->text));
            }
        }
    }
    return OK;
}

/* WATERMARK FOR column [AS expression] */
static status
parse_watermark(parser *p, ast_statement *s) {
    if (s->watermark_column.text.data != NULL) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "there is more than one WATERMARK");
    }
    parser_advance(p);
    parser_advance(p);
    TRY(parser_name(p, &s->watermark_column, "a column name", "WATERMARK FOR"));
    return parser_accept(p, KEYWORD_AS) ? parse_expr(p, LEVEL_ANY, &s->watermark) : OK;
}

/* name type {constraint} */
status
parse_column_def(parser *p, ast_statement *s, ast_column_def *out) {
    memset(out, 0, sizeof(*out));
    TRY(parser_name(p, &out->name, "a column name",
                    parser_at_symbol(p, SYMBOL_RIGHT_PAREN) ? "\"(\"" : NULL));
    TRY(parse_type(p, &out->type));
    return parse_constraints(p, s, out);
}

/* A constraint of the table; *done: there was one. */
static status
parse_table_constraint(parser *p, ast_statement *s, bool *done) {
    ast_name name;
    *done = true;
    if (parser_at(p, KEYWORD_CONSTRAINT) && !parser_next_is_symbol(p, SYMBOL_COMMA)) {
        const token third = parser_peek_third(p);
        if (third.keyword == KEYWORD_CHECK || third.keyword == KEYWORD_UNIQUE ||
            third.keyword == KEYWORD_PRIMARY) {
            TRY(parse_constraint_name(p, &name));
        }
    } else {
        name = (ast_name){.quoted = false};
    }
    if (parser_at(p, KEYWORD_PRIMARY) && parser_next_is(p, KEYWORD_KEY)) {
        return parse_table_key(p, s);
    }
    if (parser_at(p, KEYWORD_UNIQUE) && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN)) {
        return parse_table_key(p, s);
    }
    if (parser_at(p, KEYWORD_CHECK) && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN)) {
        return parse_check(p, s, &name);
    }
    *done = false;
    return OK;
}

/* A column, WATERMARK FOR or a constraint; only columns are pushed. */
static status
parse_element(parser *p, ast_statement *s, size_t mark) {
    bool done;
    if (parser_at(p, KEYWORD_WATERMARK) && parser_next_is(p, KEYWORD_FOR)) {
        return parse_watermark(p, s);
    }
    TRY(parse_table_constraint(p, s, &done));
    if (done) {
        return OK;
    }
    if ((p->stack.size - mark) / sizeof(ast_column_def) == (size_t)MOST_COLUMNS(p)) {
        return parser_too_many(p, p->token.start, MOST_COLUMNS(p), "columns");
    }
    ast_column_def column;
    TRY(parse_column_def(p, s, &column));
    return parser_push(p, &column, sizeof(column));
}

status
parse_columns(parser *p, ast_statement *s) {
    const size_t  mark = p->stack.size;
    const int32_t start = p->token.start;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "the name"));
    do {
        if (parser_at_symbol(p, SYMBOL_RIGHT_PAREN) &&
            (p->stack.size > mark || s->watermark_column.text.data != NULL || s->key_count > 0)) {
            break;
        }
        TRY(parse_element(p, s, mark));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    static const keyword words[] = {KEYWORD_NOT,     KEYWORD_NULL,   KEYWORD_DEFAULT,
                                    KEYWORD_PRIMARY, KEYWORD_UNIQUE, KEYWORD_CHECK};
    if (!parser_accept_symbol(p, SYMBOL_RIGHT_PAREN)) {
        return parser_error_word(p, "\",\" or \")\"", "a column", words, ARRAY_COUNT(words));
    }
    TRY(parser_take(p, mark, sizeof(ast_column_def), &s->columns, &s->column_count));
    if (s->column_count == 0) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                            s->watermark_column.text.data != NULL
                                ? "there is a WATERMARK but no column"
                                : "there are constraints but no column");
    }
    return check_keys(p, s);
}

/* ---- options ---- */

bool
parse_is_literal(const ast_expr *e) {
    switch (e->kind) {
    case AST_NULL:
    case AST_TRUE:
    case AST_FALSE:
    case AST_INTEGER:
    case AST_FLOAT:
    case AST_STRING:
    case AST_INTERVAL:
    case AST_TYPED:
        return true;
    case AST_UNARY:
        return e->args[0]->kind == AST_INTEGER || e->args[0]->kind == AST_FLOAT;
    default:
        return false;
    }
}

static status
parse_option_name(parser *p, ast_name *out) {
    if (p->token.kind != TOKEN_STRING) {
        return parser_name(p, out, "the name of an option", NULL);
    }
    out->position = p->token.start;
    out->quoted = true;
    TRY(token_value(&out->text, p->arena, p->sql, p->token, p->err));
    if (out->text.size == 0 || out->text.size > SQL_NAME_BYTES_MAX) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "the name of an option has 1 to %d bytes", SQL_NAME_BYTES_MAX);
    }
    parser_advance(p);
    return OK;
}

static status
parse_option(parser *p, ast_option *out) {
    TRY(parse_option_name(p, &out->name));
    TRY(parser_expect_symbol(p, SYMBOL_EQUAL, "the name of an option"));
    const token value = p->token;
    TRY(parse_expr(p, LEVEL_SIGN, &out->value));
    if (!parse_is_literal(out->value)) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, value.start,
                           "the value of option \"%.*s\" must be a literal",
                           TEXT_ARG(out->name.text));
        if (out->value->kind == AST_COLUMN) {
            const text word = token_text(p->sql, value);
            return error_hint(p->err, "write '%.*s' in single quotes", TEXT_ARG(word));
        }
        return ERR_SQL_PARSE_ERROR;
    }
    return OK;
}

status
parse_option_list(parser *p, ast_statement *s, const char *after) {
    const size_t mark = p->stack.size;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, after));
    do {
        ast_option option = {.value = NULL};
        if (p->stack.size > mark && parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
            break;
        }
        TRY(parse_option(p, &option));
        TRY(parser_push(p, &option, sizeof(option)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the options"));
    return parser_take(p, mark, sizeof(ast_option), &s->options, &s->option_count);
}

status
parse_options(parser *p, ast_statement *s) {
    if (!parser_at(p, KEYWORD_WITH)) {
        return OK;
    }
    if (s->option_count > 0) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "WITH is given twice: put all options into one list");
    }
    parser_advance(p);
    return parse_option_list(p, s, "WITH");
}
