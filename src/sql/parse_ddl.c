/* SPDX-License-Identifier: Apache-2.0 */
/* parse_ddl.c - CREATE and DROP. */
#include "sql/parse.h"

status
parse_object(parser *p, const char *verb, ast_object_kind *out) {
    static const struct {
        keyword         word;
        ast_object_kind kind;
    } known[] = {
        {KEYWORD_SOURCE, AST_OBJECT_SOURCE},     {KEYWORD_STREAM, AST_OBJECT_STREAM},
        {KEYWORD_TABLE, AST_OBJECT_TABLE},       {KEYWORD_VIEW, AST_OBJECT_VIEW},
        {KEYWORD_FUNCTION, AST_OBJECT_FUNCTION}, {KEYWORD_MACRO, AST_OBJECT_FUNCTION},
        {KEYWORD_INDEX, AST_OBJECT_INDEX},       {KEYWORD_PIPELINE, AST_OBJECT_PIPELINE},
        {KEYWORD_SINK, AST_OBJECT_SINK},
    };
    static const keyword words[] = {KEYWORD_SOURCE, KEYWORD_STREAM,       KEYWORD_TABLE,
                                    KEYWORD_VIEW,   KEYWORD_MATERIALIZED, KEYWORD_FUNCTION,
                                    KEYWORD_MACRO,  KEYWORD_PIPELINE,     KEYWORD_SINK};
    if (parser_accept(p, KEYWORD_MATERIALIZED)) {
        *out = AST_OBJECT_STREAM;
        return parser_expect(p, KEYWORD_VIEW, "MATERIALIZED");
    }
    if (parser_at(p, KEYWORD_LOOKUP) && parser_next_is(p, KEYWORD_TABLE)) {
        parser_advance(p); /* a TABLE with a key: parse_create_table sees to it */
    }
    for (int32_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (parser_accept(p, known[i].word)) {
            *out = known[i].kind;
            return OK;
        }
    }
    if (parser_at(p, KEYWORD_UNIQUE) && parser_next_is(p, KEYWORD_INDEX)) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                           "an index is a hint and keeps no rows apart");
        return error_hint(p->err, "write UNIQUE (column, ...) in CREATE TABLE");
    }
    return parser_error_word(p, "SOURCE, STREAM, TABLE, VIEW or MATERIALIZED VIEW", verb, words,
                             ARRAY_COUNT(words));
}

status
parse_object_name(parser *p, ast_statement *s) {
    TRY(parser_table_name(p, &s->name, "a name", keyword_name(p->previous.keyword)));
    if (parser_at_symbol(p, SYMBOL_DOT)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "the name of an object has one part");
    }
    return OK;
}

/* ---- statements ---- */

/* AS query */
status
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
    if (parser_accept(p, KEYWORD_IN)) {
        TRY(parser_expect(p, KEYWORD_PIPELINE, "IN"));
        TRY(parser_name(p, &s->pipeline, "the name of a pipeline", "IN PIPELINE"));
    }
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

/* WITH [NO] DATA behind the query of a table; without rows it is cut to none. */
static status
parse_data(parser *p, ast_statement *s) {
    if (!parser_accept(p, KEYWORD_WITH)) {
        return OK;
    }
    const bool none = parser_accept_word(p, "NO");
    if (!parser_accept_word(p, "DATA")) {
        return parser_error(p, "DATA or NO DATA", "WITH");
    }
    if (none) {
        s->select->limit = parser_new(p, AST_INTEGER, p->previous.start);
        TRY(s->select->limit == NULL ? ERR_OUT_OF_MEMORY : OK);
        s->select->limit->text = TEXT("0");
        s->select->limit_percent = false;
        TRY(parser_finish(p, s->select->limit));
    }
    return OK;
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
    if (object == AST_OBJECT_TABLE) {
        TRY(parse_conflict(p, &s->conflict, true));
    }
    TRY(parse_options(p, s));
    if (s->column_count > 0) {
        return OK;
    }
    TRY(parse_as_query(p, s, "the name of the table"));
    return parse_data(p, s);
}

/* What is looked up is found by a key. */
static status
check_lookup(parser *p, const ast_statement *s, int32_t position) {
    if (s->key_count > 0) {
        return OK;
    }
    (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, position,
                       "a LOOKUP TABLE has a PRIMARY KEY, by which its rows are found");
    return error_hint(p->err, "write PRIMARY KEY behind a column, or leave LOOKUP out");
}

/* TEMP and TEMPORARY stand before TABLE and VIEW. */
static status
parse_temporary(parser *p, ast_statement *s) {
    s->temporary = parser_accept_word(p, "TEMP") || parser_accept_word(p, "TEMPORARY");
    return !s->temporary || parser_at(p, KEYWORD_TABLE) || parser_at(p, KEYWORD_VIEW)
               ? OK
               : parser_error(p, "TABLE or VIEW", "TEMP");
}

status
parse_create(parser *p, ast_statement *s) {
    ast_object_kind object;
    parser_advance(p);
    if (parser_accept(p, KEYWORD_OR)) {
        TRY(parser_expect(p, KEYWORD_REPLACE, "CREATE OR"));
        s->or_replace = true;
    }
    TRY(parse_temporary(p, s));
    const bool    is_macro = parser_at(p, KEYWORD_MACRO);
    const bool    lookup = parser_at(p, KEYWORD_LOOKUP);
    const int32_t start = p->token.start;
    TRY(parse_object(p, "CREATE", &object));
    if (parser_at(p, KEYWORD_IF) && parser_next_is(p, KEYWORD_NOT)) {
        parser_advance(p);
        parser_advance(p);
        TRY(parser_expect(p, KEYWORD_EXISTS, "IF NOT"));
        s->if_not_exists = true;
    }
    if (object == AST_OBJECT_INDEX) {
        return parse_create_index(p, s);
    }
    TRY(parse_object_name(p, s));
    s->object = object == AST_OBJECT_PIPELINE || object == AST_OBJECT_SINK ? object : s->object;
    switch (object) {
    case AST_OBJECT_STREAM:
        return parse_create_stream(p, s);
    case AST_OBJECT_VIEW:
        return parse_create_view(p, s);
    case AST_OBJECT_PIPELINE:
        s->kind = AST_CREATE_PIPELINE;
        return OK;
    case AST_OBJECT_SINK:
        return parse_create_sink(p, s);
    case AST_OBJECT_FUNCTION:
        return parse_create_function(p, s, is_macro);
    default:
        TRY(parse_create_table(p, s, object));
        return lookup ? check_lookup(p, s, start) : OK;
    }
}

bool
parse_cascade(parser *p) {
    return parser_accept(p, KEYWORD_CASCADE) || (parser_accept_word(p, "RESTRICT") && false);
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
    s->cascade = parse_cascade(p);
    return OK;
}
