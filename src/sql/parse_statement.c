/* SPDX-License-Identifier: Apache-2.0 */
/* parse_statement.c - entry points: the text is checked, statements are told apart by their first
 * word. */
#include "sql/parse.h"

/* EXPLAIN CREATE STREAM ... AS query: of its query. */
static status
parse_explain_create(parser *p, ast_statement *s) {
    const int32_t       start = p->token.start;
    const ast_statement own = *s;
    TRY(parse_create(p, s));
    if (s->kind == AST_CREATE_TABLE && s->select != NULL && own.analyze) {
        ast_statement *made = arena_alloc(p->arena, sizeof(*made));
        if (made == NULL) {
            return error_memory(p->err);
        }
        *made = *s;
        made->position = start;
        made->end = p->end;
        *s = own;
        s->inner = made; /* it is run, so it makes the table */
        return OK;
    }
    if (s->select == NULL) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, start, "EXPLAIN shows the plan of a query");
        return error_hint(p->err, "of CREATE it takes those with AS query");
    }
    ast_select        *query = s->select;
    const ast_emission emit = s->emit;
    const ast_name     name = s->name;
    const bool         streams = s->kind == AST_CREATE_STREAM;
    ast_option        *options = s->options;
    const int32_t      option_count = s->option_count;
    *s = own;
    s->select = query;
    s->emit = emit;
    s->streams = streams;
    if (streams) {
        s->name = name;
        s->options = options;
        s->option_count = option_count;
    }
    return OK;
}

/* INSERT, UPDATE, DELETE, MERGE */
static bool
at_change(const parser *p) {
    switch (p->token.keyword) {
    case KEYWORD_INSERT:
    case KEYWORD_UPSERT:
    case KEYWORD_REPLACE:
    case KEYWORD_UPDATE:
    case KEYWORD_DELETE:
    case KEYWORD_MERGE:
        return true;
    case KEYWORD_WITH:
        return parser_with_changes(p);
    default:
        return false;
    }
}

static status
parse_explain(parser *p, ast_statement *s) {
    s->kind = AST_EXPLAIN;
    parser_advance(p);
    s->analyze = parser_accept(p, KEYWORD_ANALYZE);
    if (!s->analyze && parser_at(p, KEYWORD_WATERMARK)) {
        return parse_explain_watermark(p, s);
    }
    if (!s->analyze && parser_accept(p, KEYWORD_STREAM)) {
        s->kind = AST_SHOW;
        s->show = AST_SHOW_PLAN;
        return parse_object_name(p, s);
    }
    if (parser_at(p, KEYWORD_CREATE)) {
        return parse_explain_create(p, s);
    }
    if (at_change(p)) {
        return parse_inner_statement(p, &s->inner);
    }
    if (!parser_at_query(p) && !parser_at(p, KEYWORD_VALUES)) {
        return parser_error(p,
                            "a query (SELECT, FROM, WITH or VALUES), a change (INSERT, UPDATE, "
                            "DELETE or MERGE), CREATE, STREAM or WATERMARK",
                            "EXPLAIN");
    }
    TRY(parse_query(p, &s->select));
    return parse_emit(p, s);
}

static status
parse_query_statement(parser *p, ast_statement *s) {
    s->kind = AST_SELECT;
    TRY(parse_query(p, &s->select));
    return parse_emit(p, s);
}

/* SUBSCRIBE [TO] name [WHERE expr] [emit]: SELECT * FROM name ..., which subscriptions take, and
 * SUBSCRIBE query. */
static status
parse_subscribe(parser *p, ast_statement *s) {
    s->kind = AST_SELECT;
    parser_advance(p);
    (void)parser_accept(p, KEYWORD_TO);
    if (parser_at_query(p)) {
        return parse_query_statement(p, s);
    }
    if (!parser_at_name(p)) {
        return parser_error(p, "the name of a stream or a query", "SUBSCRIBE");
    }
    TRY(parse_named_rows(p, &s->select));
    if (parser_accept(p, KEYWORD_WHERE)) {
        TRY(parse_expr(p, LEVEL_ANY, &s->select->where));
    }
    return parse_emit(p, s);
}

static status
statement_error(parser *p) {
    static const keyword words[] = {
        KEYWORD_SELECT,   KEYWORD_CREATE, KEYWORD_INSERT,    KEYWORD_DROP,     KEYWORD_FROM,
        KEYWORD_EXPLAIN,  KEYWORD_SHOW,   KEYWORD_SET,       KEYWORD_DESCRIBE, KEYWORD_UPDATE,
        KEYWORD_DELETE,   KEYWORD_UPSERT, KEYWORD_ALTER,     KEYWORD_BEGIN,    KEYWORD_COMMIT,
        KEYWORD_ROLLBACK, KEYWORD_COPY,   KEYWORD_SUMMARIZE, KEYWORD_MERGE,    KEYWORD_PREPARE,
        KEYWORD_EXECUTE};
    return parser_error_word(p,
                             "a statement (SELECT, CREATE, INSERT, UPDATE, DELETE, DROP, SHOW, "
                             "SET or EXPLAIN)",
                             NULL, words, ARRAY_COUNT(words));
}

/* A statement of one word. */
static status
take_word(parser *p, ast_statement *s, ast_statement_kind kind) {
    s->kind = kind;
    parser_advance(p);
    return OK;
}

/* RESTORE FROM CHECKPOINT n */
static status
parse_restore(parser *p, ast_statement *s) {
    int64_t number = 0;
    s->kind = AST_RESTORE;
    parser_advance(p);
    TRY(parser_expect(p, KEYWORD_FROM, "RESTORE"));
    TRY(parser_expect(p, KEYWORD_CHECKPOINT, "RESTORE FROM"));
    if (p->token.kind != TOKEN_INTEGER) {
        return parser_error(p, "the number of a checkpoint", "RESTORE FROM CHECKPOINT");
    }
    const text digits = token_text(p->sql, p->token);
    for (size_t i = 0; i < digits.size; i++) {
        const int64_t digit = digits.data[i] - '0';
        if (digit < 0 || digit > 9 || number > (INT64_MAX - digit) / 10) {
            return parser_error(p, "the number of a checkpoint", "RESTORE FROM CHECKPOINT");
        }
        number = 10 * number + digit;
    }
    s->checkpoint = number;
    parser_advance(p);
    return OK;
}

static status
parse_statement_body(parser *p, ast_statement *s) {
    if (parser_at_transaction(p)) {
        return parse_transaction(p, s);
    }
    switch (p->token.keyword) {
    case KEYWORD_SELECT:
    case KEYWORD_FROM:
    case KEYWORD_VALUES:
    case KEYWORD_TABLE:
        return parse_query_statement(p, s);
    case KEYWORD_WITH:
        return parser_with_changes(p) ? parse_with_change(p, s) : parse_query_statement(p, s);
    case KEYWORD_SUBSCRIBE:
        return parse_subscribe(p, s);
    case KEYWORD_CREATE:
        return parse_create(p, s);
    case KEYWORD_DROP:
        return parse_drop(p, s);
    case KEYWORD_INSERT:
    case KEYWORD_UPSERT:
    case KEYWORD_REPLACE:
        return parse_insert(p, s);
    case KEYWORD_UPDATE:
        return parse_update(p, s);
    case KEYWORD_DELETE:
        return parse_delete(p, s);
    case KEYWORD_TRUNCATE:
        return parse_truncate(p, s);
    case KEYWORD_MERGE:
        return parse_merge(p, s);
    case KEYWORD_PREPARE:
        return parse_prepare(p, s);
    case KEYWORD_EXECUTE:
        return parse_execute(p, s);
    case KEYWORD_DEALLOCATE:
        return parse_deallocate(p, s);
    case KEYWORD_FLUSH:
        return take_word(p, s, AST_FLUSH);
    case KEYWORD_CHECKPOINT:
        return take_word(p, s, AST_CHECKPOINT);
    case KEYWORD_RESTORE:
        return parse_restore(p, s);
    case KEYWORD_START:
    case KEYWORD_STOP:
    case KEYWORD_PAUSE:
    case KEYWORD_RESUME:
        return parse_pipeline_action(p, s);
    case KEYWORD_ALTER:
        return parse_alter(p, s);
    case KEYWORD_EXPLAIN:
        return parse_explain(p, s);
    case KEYWORD_COPY:
        return parse_copy(p, s);
    case KEYWORD_SUMMARIZE:
        return parse_summarize(p, s);
    case KEYWORD_SHOW:
        return parse_show(p, s);
    case KEYWORD_DESCRIBE:
    case KEYWORD_DESC:
        return parse_describe(p, s);
    case KEYWORD_SET:
        return parse_set(p, s);
    case KEYWORD_RESET:
        return parse_reset(p, s);
    case KEYWORD_PRAGMA:
        return parse_pragma(p, s);
    default:
        return parser_at_query(p) ? parse_query_statement(p, s) : statement_error(p);
    }
}

status
parse_inner_statement(parser *p, ast_statement **out) {
    ast_statement *s = arena_alloc_zero(p->arena, sizeof(*s));
    if (s == NULL) {
        return error_memory(p->err);
    }
    s->position = p->token.start;
    TRY(parser_enter(p)); /* PREPARE ... AS PREPARE ... */
    TRY(parse_statement_body(p, s));
    parser_leave(p);
    s->end = p->end;
    *out = s;
    return OK;
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
    case KEYWORD_UNION:
        return error_hint(p->err, "ORDER BY and LIMIT stand behind the last SELECT and are of the "
                                  "whole; of one SELECT they stand with it in parentheses");
    default:
        return ERR_SQL_PARSE_ERROR;
    }
}

static status
take_pivots(parser *p, ast_statement *s) {
    const size_t size = p->pivots.size;
    if (size > 0) {
        s->pivots = arena_alloc(p->arena, size);
        if (s->pivots == NULL) {
            return error_memory(p->err);
        }
        memcpy(s->pivots, p->pivots.data, size);
        s->pivot_count = (int32_t)(size / sizeof(ast_pivot *));
    }
    return OK;
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
    p->pivots.size = 0;
    s->position = p->token.start;
    TRY(parse_statement_body(p, s));
    s->end = p->end;
    TRY(take_parameters(p, s));
    TRY(take_pivots(p, s));
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
    buf_init(&p->pivots, a->mem, SIZE_MAX / 2);
    buf_init(&p->called, a->mem, SIZE_MAX / 2);
    p->token = token_next(p->sql, 0);
    p->next = token_next(p->sql, p->token.end);
}

static void
finish(parser *p) {
    buf_fini(&p->stack);
    buf_fini(&p->parameters);
    buf_fini(&p->pivots);
    buf_fini(&p->called);
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
sql_parse_function(ast_statement **out, arena *a, text sql, int32_t position, error *err) {
    parser     p;
    error      unwanted;
    ast_script script;
    *out = NULL;
    start(&p, a, sql, err == NULL ? &unwanted : err);
    p.placed = true;
    p.place = position;
    const status s = parse_script(&p, &script);
    finish(&p);
    *out = s < 0 ? NULL : script.statements[0];
    return s;
}

status
sql_parse(ast_script *out, arena *a, text sql, error *err) {
    return sql_parse_within(out, a, sql, NULL, err);
}

status
sql_parse_within(ast_script *out, arena *a, text sql, const sql_limits *limits, error *err) {
    parser p;
    error  unwanted; /* error_hint() needs a record to return its status */
    *out = (ast_script){.count = 0};
    TRY(check_text(sql, err));
    start(&p, a, sql, err == NULL ? &unwanted : err);
    p.limits = limits;
    const status s = parse_script(&p, out);
    finish(&p);
    if (s < 0) {
        *out = (ast_script){.count = 0};
    }
    return s;
}

status
sql_name_pivot(ast_pivot_on *on, arena *a, text sql, const text *values, int32_t count,
               error *err) {
    parser p;
    error  unwanted;
    start(&p, a, sql, err == NULL ? &unwanted : err);
    const status s = parse_name_pivot(&p, on, values, count);
    finish(&p);
    return s;
}

status
sql_fill_pivot(ast_pivot *pivot, arena *a, text sql, error *err) {
    parser p;
    error  unwanted;
    start(&p, a, sql, err == NULL ? &unwanted : err);
    const status s = parse_fill_pivot(&p, pivot);
    finish(&p);
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
