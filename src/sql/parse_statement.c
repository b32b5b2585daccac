/* SPDX-License-Identifier: Apache-2.0 */
/* parse_statement.c - entry points: the text is checked, statements are told apart by their first
 * word. */
#include "sql/parse.h"

/* Statements the language has and this grammar lacks. */
static const keyword other_statements[] = {
    KEYWORD_WITH,  KEYWORD_VALUES, KEYWORD_UPDATE,     KEYWORD_DELETE,    KEYWORD_UPSERT,
    KEYWORD_MERGE, KEYWORD_ALTER,  KEYWORD_SHOW,       KEYWORD_SUMMARIZE, KEYWORD_DESCRIBE,
    KEYWORD_SET,   KEYWORD_RESET,  KEYWORD_CHECKPOINT, KEYWORD_RESTORE,   KEYWORD_START,
    KEYWORD_STOP,  KEYWORD_PAUSE,  KEYWORD_RESUME,     KEYWORD_SUBSCRIBE, KEYWORD_COPY,
    KEYWORD_FLUSH, KEYWORD_BEGIN,  KEYWORD_COMMIT,     KEYWORD_ROLLBACK,  KEYWORD_TRUNCATE,
};

static status
parse_targets(parser *p, ast_statement *s) {
    const size_t mark = p->stack.size;
    if (!parser_accept_symbol(p, SYMBOL_LEFT_PAREN)) {
        return OK;
    }
    do {
        ast_name name = {.quoted = false};
        if (p->stack.size > mark && parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
            break;
        }
        TRY(parser_name(p, &name, "a column name", "the name and \"(\""));
        TRY(parser_push(p, &name, sizeof(name)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the column names"));
    TRY(parser_take(p, mark, sizeof(ast_name), &s->targets, &s->target_count));
    return s->target_count <= SQL_COLUMNS_MAX
               ? OK
               : parser_too_many(p, s->targets[0].position, SQL_COLUMNS_MAX, "columns");
}

/* One row of VALUES: its expressions are pushed and must be as many as those of the first. */
static status
parse_row(parser *p, ast_statement *s) {
    const size_t  before = p->stack.size;
    const int32_t start = p->token.start;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, s->row_count == 0 ? "VALUES" : "\",\""));
    if (parser_at(p, KEYWORD_DEFAULT)) {
        return parser_outside(p, "DEFAULT as a value");
    }
    TRY(parse_expr_list(p, SQL_COLUMNS_MAX, "values in a row"));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the values of a row"));
    const int32_t width = (int32_t)((p->stack.size - before) / sizeof(ast_expr *));
    if (s->row_count == 0) {
        s->row_width = width;
        if (s->target_count > 0 && s->target_count != width) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                                "row 1 has %d values, but %d columns are named", width,
                                s->target_count);
        }
    } else if (width != s->row_width) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                            "row %d has %d values, but row 1 has %d", s->row_count + 1, width,
                            s->row_width);
    }
    s->row_count++;
    return OK;
}

static status
parse_insert(parser *p, ast_statement *s) {
    s->kind = AST_INSERT;
    parser_advance(p);
    (void)parser_accept(p, KEYWORD_INTO);
    TRY(parser_name(p, &s->name, "a name", keyword_name(p->previous.keyword)));
    TRY(parse_targets(p, s));
    if (parser_at_select(p)) {
        return parser_outside(p, "INSERT ... SELECT");
    }
    if (parser_at(p, KEYWORD_DEFAULT)) {
        return parser_outside(p, "INSERT ... DEFAULT VALUES");
    }
    const size_t mark = p->stack.size;
    int32_t      count;
    TRY(parser_expect(p, KEYWORD_VALUES, "the name"));
    do {
        if (s->row_count > 0 && !parser_at_symbol(p, SYMBOL_LEFT_PAREN) && parser_list_ends(p)) {
            break;
        }
        TRY(parse_row(p, s));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    if (parser_at(p, KEYWORD_ON)) {
        return parser_outside(p, "ON CONFLICT");
    }
    return parser_take(p, mark, sizeof(ast_expr *), &s->rows, &count);
}

static status
parse_explain(parser *p, ast_statement *s) {
    s->kind = AST_EXPLAIN;
    parser_advance(p);
    if (parser_at(p, KEYWORD_ANALYZE)) {
        return parser_outside(p, "EXPLAIN ANALYZE");
    }
    if (!parser_at_select(p)) {
        return parser_error(p, "SELECT or FROM", "EXPLAIN");
    }
    TRY(parse_select(p, &s->select));
    return parse_emit(p, s);
}

static status
parse_query(parser *p, ast_statement *s) {
    s->kind = AST_SELECT;
    TRY(parse_select(p, &s->select));
    return parse_emit(p, s);
}

static status
statement_error(parser *p) {
    static const keyword words[] = {KEYWORD_SELECT, KEYWORD_CREATE, KEYWORD_INSERT,
                                    KEYWORD_DROP,   KEYWORD_FROM,   KEYWORD_EXPLAIN};
    for (int32_t i = 0; i < ARRAY_COUNT(other_statements); i++) {
        if (parser_at(p, other_statements[i])) {
            return parser_outside(p, keyword_name(other_statements[i]));
        }
    }
    return parser_error_word(p, "a statement (SELECT, CREATE, INSERT, DROP or EXPLAIN)", NULL,
                             words, ARRAY_COUNT(words));
}

static status
parse_statement_body(parser *p, ast_statement *s) {
    switch (p->token.keyword) {
    case KEYWORD_SELECT:
    case KEYWORD_FROM:
        return parse_query(p, s);
    case KEYWORD_CREATE:
        return parse_create(p, s);
    case KEYWORD_DROP:
        return parse_drop(p, s);
    case KEYWORD_INSERT:
        return parse_insert(p, s);
    case KEYWORD_EXPLAIN:
        return parse_explain(p, s);
    default:
        return statement_error(p);
    }
}

/* The statement was complete, and yet something follows it. */
static status
leftover_error(parser *p, const ast_statement *s) {
    if (s->select == NULL) {
        return parser_error(p, "the end of the statement", NULL);
    }
    (void)parser_error(p, "a clause, an operator or the end of the statement", NULL);
    switch (p->token.keyword) {
    case KEYWORD_FROM:
    case KEYWORD_WHERE:
    case KEYWORD_GROUP:
    case KEYWORD_HAVING:
    case KEYWORD_ORDER:
    case KEYWORD_LIMIT:
        return error_hint(p->err, "the order is SELECT, FROM, WHERE, GROUP BY, HAVING, ORDER BY, "
                                  "LIMIT, EMIT, each at most once");
    default:
        return ERR_SQL_PARSE_ERROR;
    }
}

static status
take_parameters(parser *p, ast_statement *s) {
    const size_t size = p->parameters.size;
    if (size > 0) {
        s->parameters = arena_alloc(p->arena, size);
        if (s->parameters == NULL) {
            return error_memory(p->err);
        }
        memcpy(s->parameters, p->parameters.data, size);
        s->parameter_count = (int32_t)(size / sizeof(ast_expr *));
    }
    return OK;
}

static status
parse_statement(parser *p, ast_statement **out) {
    ast_statement *s = arena_alloc_zero(p->arena, sizeof(*s));
    if (s == NULL) {
        return error_memory(p->err);
    }
    p->parameter_number = 0;
    p->parameters.size = 0;
    s->position = p->token.start;
    TRY(parse_statement_body(p, s));
    s->end = p->end;
    TRY(take_parameters(p, s));
    if (p->token.kind != TOKEN_END && !parser_at_symbol(p, SYMBOL_SEMICOLON)) {
        return leftover_error(p, s);
    }
    *out = s;
    return OK;
}

/* The lexer relies on these. */
static status
check_text(text sql, error *err) {
    if (sql.size > SQL_TEXT_BYTES_MAX) {
        return error_set(err, ERR_SQL_PARSE_ERROR, "SQL text has %zu bytes, at most %d are read",
                         sql.size, SQL_TEXT_BYTES_MAX);
    }
    const char *nul = sql.size == 0 ? NULL : memchr(sql.data, '\0', sql.size);
    if (nul != NULL) {
        return error_set_at(err, ERR_SQL_PARSE_ERROR, (int32_t)(nul - sql.data),
                            "SQL text must not contain a NUL byte");
    }
    const int32_t fault = text_utf8_fault(sql);
    if (fault >= 0) {
        return error_set_at(err, ERR_SQL_PARSE_ERROR, fault,
                            "SQL text must be UTF-8, byte 0x%02x is not",
                            (unsigned)(unsigned char)sql.data[fault]);
    }
    return OK;
}

static void
start(parser *p, arena *a, text sql, error *err) {
    *p = (parser){.sql = sql.data == NULL ? TEXT("") : sql, .arena = a, .err = err};
    buf_init(&p->stack, a->mem, SIZE_MAX / 2);
    buf_init(&p->parameters, a->mem, SIZE_MAX / 2);
    p->token = token_next(p->sql, 0);
    p->next = token_next(p->sql, p->token.end);
}

static void
finish(parser *p) {
    buf_fini(&p->stack);
    buf_fini(&p->parameters);
}

static status
parse_script(parser *p, ast_script *out) {
    for (;;) {
        while (parser_accept_symbol(p, SYMBOL_SEMICOLON)) {
        }
        if (p->token.kind == TOKEN_END) {
            return parser_take(p, 0, sizeof(*out->statements), &out->statements, &out->count);
        }
        ast_statement *s;
        TRY(parse_statement(p, &s));
        TRY(parser_push(p, &s, sizeof(ast_statement *)));
    }
}

status
sql_parse(ast_script *out, arena *a, text sql, error *err) {
    parser p;
    error  unwanted; /* error_hint() needs a record to return its status */
    *out = (ast_script){.count = 0};
    TRY(check_text(sql, err));
    start(&p, a, sql, err == NULL ? &unwanted : err);
    const status s = parse_script(&p, out);
    finish(&p);
    if (s < 0) {
        *out = (ast_script){.count = 0};
    }
    return s;
}

status
sql_parse_expression(ast_expr **out, arena *a, text sql, error *err) {
    parser p;
    error  unwanted;
    *out = NULL;
    TRY(check_text(sql, err));
    start(&p, a, sql, err == NULL ? &unwanted : err);
    ast_expr *e = NULL;
    status    s = parse_expr(&p, LEVEL_ANY, &e);
    if (s >= 0 && p.token.kind != TOKEN_END) {
        s = parser_error(&p, "an operator or the end of the expression", NULL);
    }
    finish(&p);
    *out = s < 0 ? NULL : e;
    return s;
}
