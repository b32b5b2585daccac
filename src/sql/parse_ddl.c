/* SPDX-License-Identifier: Apache-2.0 */
/* parse_ddl.c - CREATE and DROP: columns, watermark, options. */
#include "sql/parse.h"

/* Objects the language has and this grammar does not create or drop. */
static const keyword other_objects[] = {
    KEYWORD_SINK,     KEYWORD_PIPELINE, KEYWORD_LOOKUP, KEYWORD_INDEX,
    KEYWORD_FUNCTION, KEYWORD_MACRO,    KEYWORD_UNIQUE,
};

/* Constraints the language knows from other databases. */
static const keyword other_constraints[] = {KEYWORD_UNIQUE, KEYWORD_CHECK, KEYWORD_REFERENCES};

/* SOURCE, TABLE, STREAM, VIEW or MATERIALIZED VIEW behind `verb`. */
static status
parse_object(parser *p, const char *verb, ast_object_kind *out) {
    static const struct {
        keyword         word;
        ast_object_kind kind;
    } known[] = {
        {KEYWORD_SOURCE, AST_OBJECT_SOURCE},
        {KEYWORD_STREAM, AST_OBJECT_STREAM},
        {KEYWORD_TABLE, AST_OBJECT_TABLE},
        {KEYWORD_VIEW, AST_OBJECT_VIEW},
    };
    static const keyword words[] = {KEYWORD_SOURCE, KEYWORD_STREAM, KEYWORD_TABLE, KEYWORD_VIEW,
                                    KEYWORD_MATERIALIZED};
    if (parser_accept(p, KEYWORD_MATERIALIZED)) {
        *out = AST_OBJECT_STREAM;
        return parser_expect(p, KEYWORD_VIEW, "MATERIALIZED");
    }
    for (int32_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (parser_accept(p, known[i].word)) {
            *out = known[i].kind;
            return OK;
        }
    }
    for (int32_t i = 0; i < ARRAY_COUNT(other_objects); i++) {
        if (parser_at(p, other_objects[i])) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                                "%s %s is not part of this grammar", verb,
                                keyword_name(other_objects[i]));
        }
    }
    return parser_error_word(p, "SOURCE, STREAM, TABLE, VIEW or MATERIALIZED VIEW", verb, words,
                             ARRAY_COUNT(words));
}

status
parse_object_name(parser *p, ast_statement *s) {
    TRY(parser_name(p, &s->name, "a name", keyword_name(p->previous.keyword)));
    if (parser_at_symbol(p, SYMBOL_DOT)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "the name of an object has one part");
    }
    return OK;
}

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

/* NOT NULL, NULL, DEFAULT x and PRIMARY KEY in any order. */
static status
parse_constraints(parser *p, ast_column_def *column) {
    bool nullable = false;
    for (;;) {
        const int32_t at = p->token.start;
        if (parser_accept(p, KEYWORD_NOT)) {
            TRY(parser_expect(p, KEYWORD_NULL, "NOT"));
            column->not_null = true;
        } else if (parser_accept(p, KEYWORD_NULL)) {
            nullable = true;
        } else if (parser_at(p, KEYWORD_DEFAULT)) {
            TRY(parse_default(p, column));
        } else if (parser_accept(p, KEYWORD_PRIMARY)) {
            TRY(parser_expect(p, KEYWORD_KEY, "PRIMARY"));
            column->primary_key = true;
        } else {
            break;
        }
        if (nullable && column->not_null) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, at,
                                "column \"%.*s\" is both NULL and NOT NULL",
                                TEXT_ARG(column->name.text));
        }
    }
    for (int32_t i = 0; i < ARRAY_COUNT(other_constraints); i++) {
        if (parser_at(p, other_constraints[i])) {
            return parser_outside(p, keyword_name(other_constraints[i]));
        }
    }
    return OK;
}

static bool
same_name(const ast_name *a, const ast_name *b) {
    return a->quoted || b->quoted ? text_equal(a->text, b->text)
                                  : text_equal_nocase(a->text, b->text);
}

/* PRIMARY KEY (a, b) behind the columns it names; they are on the stack from `mark` on. */
static status
parse_key(parser *p, size_t mark) {
    parser_advance(p);
    parser_advance(p);
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "PRIMARY KEY"));
    do {
        ast_name name = {.quoted = false};
        TRY(parser_name(p, &name, "a column name", "PRIMARY KEY"));
        ast_column_def *columns = (ast_column_def *)(void *)(p->stack.data + mark);
        const size_t    count = (p->stack.size - mark) / sizeof(*columns);
        size_t          i = 0;
        while (i < count && !same_name(&columns[i].name, &name)) {
            i++;
        }
        if (i == count) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, name.position,
                                "PRIMARY KEY names \"%.*s\", but no column of that name stands "
                                "before it",
                                TEXT_ARG(name.text));
        }
        columns[i].primary_key = true;
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the columns of PRIMARY KEY");
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

/* A column, WATERMARK FOR or PRIMARY KEY; only columns are pushed. */
static status
parse_element(parser *p, ast_statement *s, size_t mark) {
    if (parser_at(p, KEYWORD_WATERMARK) && parser_next_is(p, KEYWORD_FOR)) {
        return parse_watermark(p, s);
    }
    if (parser_at(p, KEYWORD_PRIMARY) && parser_next_is(p, KEYWORD_KEY)) {
        return parse_key(p, mark);
    }
    if ((parser_at(p, KEYWORD_CHECK) || parser_at(p, KEYWORD_UNIQUE)) &&
        parser_next_is_symbol(p, SYMBOL_LEFT_PAREN)) {
        return parser_outside(p, keyword_name(p->token.keyword));
    }
    if ((p->stack.size - mark) / sizeof(ast_column_def) == SQL_COLUMNS_MAX) {
        return parser_too_many(p, p->token.start, SQL_COLUMNS_MAX, "columns");
    }
    ast_column_def column;
    memset(&column, 0, sizeof(column));
    TRY(parser_name(p, &column.name, "a column name",
                    parser_at_symbol(p, SYMBOL_RIGHT_PAREN) ? "\"(\"" : NULL));
    TRY(parse_type(p, &column.type));
    TRY(parse_constraints(p, &column));
    return parser_push(p, &column, sizeof(column));
}

static status
parse_columns(parser *p, ast_statement *s) {
    const size_t  mark = p->stack.size;
    const int32_t start = p->token.start;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "the name"));
    do {
        if (parser_at_symbol(p, SYMBOL_RIGHT_PAREN) &&
            (p->stack.size > mark || s->watermark_column.text.data != NULL)) {
            break;
        }
        TRY(parse_element(p, s, mark));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    static const keyword words[] = {KEYWORD_NOT, KEYWORD_NULL, KEYWORD_DEFAULT, KEYWORD_PRIMARY};
    if (!parser_accept_symbol(p, SYMBOL_RIGHT_PAREN)) {
        return parser_error_word(p, "\",\" or \")\"", "a column", words, ARRAY_COUNT(words));
    }
    TRY(parser_take(p, mark, sizeof(ast_column_def), &s->columns, &s->column_count));
    return s->column_count > 0 ? OK
                               : error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                                              "there is a WATERMARK but no column");
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

/* [WITH (name = literal, ...)] */
static status
parse_options(parser *p, ast_statement *s) {
    const size_t mark = p->stack.size;
    if (!parser_at(p, KEYWORD_WITH)) {
        return OK;
    }
    if (s->option_count > 0) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "WITH is given twice: put all options into one list");
    }
    parser_advance(p);
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "WITH"));
    do {
        ast_option option = {.value = NULL};
        if (p->stack.size > mark && parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
            break;
        }
        TRY(parse_option(p, &option));
        TRY(parser_push(p, &option, sizeof(option)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the options of WITH"));
    return parser_take(p, mark, sizeof(ast_option), &s->options, &s->option_count);
}

/* ---- statements ---- */

/* AS query */
static status
parse_as_query(parser *p, ast_statement *s, const char *after) {
    TRY(parser_expect(p, KEYWORD_AS, after));
    if (!parser_at_query(p)) {
        return parser_error(p, "a query (SELECT, FROM, WITH or VALUES)", "AS");
    }
    return parse_query(p, &s->select);
}

static status
parse_create_stream(parser *p, ast_statement *s) {
    s->kind = AST_CREATE_STREAM;
    TRY(parse_options(p, s));
    TRY(parse_as_query(p, s, "the name of the stream"));
    TRY(parse_emit(p, s));
    return parse_options(p, s);
}

/* name [(column, ...)] AS query */
static status
parse_create_view(parser *p, ast_statement *s) {
    s->kind = AST_CREATE_VIEW;
    if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        TRY(parse_names(p, &s->targets, &s->target_count, "the name and \"(\""));
    }
    return parse_as_query(p, s, "the name of the view");
}

static status
parse_create_table(parser *p, ast_statement *s, ast_object_kind object) {
    s->kind = object == AST_OBJECT_SOURCE ? AST_CREATE_SOURCE : AST_CREATE_TABLE;
    if (parser_at(p, KEYWORD_AS) && object == AST_OBJECT_SOURCE) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                           "a SOURCE takes rows from outside, not from a query");
        return error_hint(p->err, "write CREATE TABLE ... AS for a copy of the rows, or CREATE "
                                  "STREAM ... AS for a query that is kept up to date");
    }
    if (!parser_at(p, KEYWORD_AS)) {
        TRY(parse_columns(p, s));
    }
    TRY(parse_options(p, s));
    return s->column_count > 0 ? OK : parse_as_query(p, s, "the name of the table");
}

status
parse_create(parser *p, ast_statement *s) {
    ast_object_kind object;
    parser_advance(p);
    if (parser_accept(p, KEYWORD_OR)) {
        TRY(parser_expect(p, KEYWORD_REPLACE, "CREATE OR"));
        s->or_replace = true;
    }
    TRY(parse_object(p, "CREATE", &object));
    if (parser_at(p, KEYWORD_IF) && parser_next_is(p, KEYWORD_NOT)) {
        parser_advance(p);
        parser_advance(p);
        TRY(parser_expect(p, KEYWORD_EXISTS, "IF NOT"));
        s->if_not_exists = true;
    }
    TRY(parse_object_name(p, s));
    switch (object) {
    case AST_OBJECT_STREAM:
        return parse_create_stream(p, s);
    case AST_OBJECT_VIEW:
        return parse_create_view(p, s);
    default:
        return parse_create_table(p, s, object);
    }
}

status
parse_drop(parser *p, ast_statement *s) {
    s->kind = AST_DROP;
    parser_advance(p);
    TRY(parse_object(p, "DROP", &s->object));
    if (parser_at(p, KEYWORD_IF) && parser_next_is(p, KEYWORD_EXISTS)) {
        parser_advance(p);
        parser_advance(p);
        s->if_exists = true;
    }
    TRY(parse_object_name(p, s));
    s->cascade = parser_accept(p, KEYWORD_CASCADE);
    return OK;
}
