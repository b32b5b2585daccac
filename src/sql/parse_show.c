/* SPDX-License-Identifier: Apache-2.0 */
/* parse_show.c - SHOW, DESCRIBE, SET and RESET: statements about the database rather than its rows.
 *
 * What SHOW lists is no keyword, so that sources and queries stay usable names; a word that names
 * no list is a setting. */
#include "sql/parse.h"

static const struct {
    const char *word;
    ast_show    show;
} lists[] = {
    {"sources", AST_SHOW_SOURCES},
    {"streams", AST_SHOW_STREAMS},
    {"sinks", AST_SHOW_SINKS},
    {"tables", AST_SHOW_TABLES},
    {"views", AST_SHOW_VIEWS},
    {"queries", AST_SHOW_QUERIES},
    {"limits", AST_SHOW_LIMITS},
    {"pipelines", AST_SHOW_PIPELINES},
    {"functions", AST_SHOW_FUNCTIONS},
    {"macros", AST_SHOW_FUNCTIONS},
    {"indexes", AST_SHOW_INDEXES},
    {"settings", AST_SHOW_ALL},
    {"checkpoints", AST_SHOW_CHECKPOINTS},
};

static bool
ends_here(const parser *p) {
    return p->next.kind == TOKEN_END || parser_next_is_symbol(p, SYMBOL_SEMICOLON);
}

/* Nothing stands behind the statement's first word. */
static bool
ends_early(const parser *p) {
    return p->token.kind == TOKEN_END || parser_at_symbol(p, SYMBOL_SEMICOLON);
}

/* CREATE [kind] name */
static status
parse_show_create(parser *p, ast_statement *s) {
    static const keyword kinds[] = {KEYWORD_SOURCE, KEYWORD_STREAM, KEYWORD_TABLE, KEYWORD_VIEW,
                                    KEYWORD_SINK};
    s->show = AST_SHOW_CREATE;
    if (parser_at(p, KEYWORD_MATERIALIZED) && parser_next_is(p, KEYWORD_VIEW)) {
        parser_advance(p);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (parser_at(p, kinds[i]) && !ends_here(p)) {
            parser_advance(p);
            break;
        }
    }
    return parse_object_name(p, s);
}

/* COLUMNS (FROM | IN) name: DESCRIBE in other words */
static status
parse_show_columns(parser *p, ast_statement *s) {
    s->kind = AST_DESCRIBE;
    parser_advance(p);
    if (!parser_accept(p, KEYWORD_IN)) {
        TRY(parser_expect(p, KEYWORD_FROM, "COLUMNS"));
    }
    return parse_object_name(p, s);
}

status
parse_show(parser *p, ast_statement *s) {
    s->kind = AST_SHOW;
    parser_advance(p);
    if (parser_accept(p, KEYWORD_ALL)) {
        s->show = parser_accept_word(p, "tables") ? AST_SHOW_OBJECTS : AST_SHOW_ALL;
        return OK;
    }
    if (parser_accept(p, KEYWORD_CREATE)) {
        return parse_show_create(p, s);
    }
    if (parser_accept(p, KEYWORD_MATERIALIZED)) {
        if (!parser_at_word(p, "views")) {
            return parser_error(p, "VIEWS", "MATERIALIZED");
        }
        parser_advance(p);
        s->show = AST_SHOW_STREAMS;
        return OK;
    }
    if (parser_at_word(p, "columns") && !ends_here(p)) {
        return parse_show_columns(p, s);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(lists); i++) {
        if (parser_at_word(p, lists[i].word)) {
            parser_advance(p);
            s->show = lists[i].show;
            return OK;
        }
    }
    s->show = AST_SHOW_SETTING;
    return parser_name(
        p, &s->name,
        "SOURCES, STREAMS, TABLES, VIEWS, SINKS, QUERIES, PIPELINES, LIMITS, CREATE, "
        "ALL or a setting",
        "SHOW");
}

status
parse_describe(parser *p, ast_statement *s) {
    s->kind = AST_DESCRIBE;
    parser_advance(p);
    if (parser_at(p, KEYWORD_TABLE) && p->next.kind == TOKEN_WORD) {
        parser_advance(p); /* DESCRIBE TABLE t says no more than DESCRIBE t */
    } else if (ends_early(p)) {
        s->kind = AST_SHOW;
        s->show = AST_SHOW_OBJECTS;
        return OK;
    }
    return parser_at_query(p) ? parse_query(p, &s->select) : parse_object_name(p, s);
}

/* WATERMARK [FOR] stream */
status
parse_explain_watermark(parser *p, ast_statement *s) {
    s->kind = AST_SHOW;
    s->show = AST_SHOW_WATERMARK;
    parser_advance(p);
    (void)parser_accept(p, KEYWORD_FOR);
    return parse_object_name(p, s);
}

/* A word alone, reserved or not, that is no literal of its own. */
static bool
at_bare_word(const parser *p) {
    return p->token.kind == TOKEN_WORD && ends_here(p) && !parser_at(p, KEYWORD_NULL) &&
           !parser_at(p, KEYWORD_TRUE) && !parser_at(p, KEYWORD_FALSE);
}

/* A literal, or a word that stands for its text: SET durability = group. */
static status
parse_value(parser *p, ast_statement *s) {
    if (parser_accept(p, KEYWORD_DEFAULT)) {
        return OK;
    }
    const int32_t start = p->token.start;
    if (at_bare_word(p)) {
        s->value = parser_new(p, AST_STRING, start);
        if (s->value == NULL) {
            return ERR_OUT_OF_MEMORY;
        }
        s->value->text = token_text(p->sql, p->token);
        parser_advance(p);
        return parser_finish(p, s->value);
    }
    TRY(parse_expr(p, LEVEL_SIGN, &s->value));
    if (!parse_is_literal(s->value) && s->value->kind != AST_PARAMETER) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                            "the value of setting \"%.*s\" must be a literal",
                            TEXT_ARG(s->name.text));
    }
    return OK;
}

/* TIME ZONE value: the setting timezone */
static status
parse_set_zone(parser *p, ast_statement *s) {
    s->name = (ast_name){.text = TEXT("timezone"), .position = p->token.start};
    parser_advance(p);
    parser_advance(p);
    return parse_value(p, s);
}

/* VARIABLE name [= | TO] expression, behind SET */
static status
parse_set_variable(parser *p, ast_statement *s) {
    s->variable = true;
    parser_advance(p);
    TRY(parser_name(p, &s->name, "the name of a variable", "VARIABLE"));
    if (!parser_accept_symbol(p, SYMBOL_EQUAL) && !parser_accept_word(p, "to")) {
        return parser_error(p, "\"=\"", "the name of a variable");
    }
    return parse_expr(p, LEVEL_ANY, &s->value);
}

/* [SESSION | LOCAL | GLOBAL] key (= | TO) value, behind SET */
status
parse_set(parser *p, ast_statement *s) {
    s->kind = AST_SET;
    parser_advance(p);
    const bool scope =
        parser_at_word(p, "SESSION") || parser_at_word(p, "LOCAL") || parser_at_word(p, "GLOBAL");
    if (scope && p->next.symbol != SYMBOL_EQUAL) {
        parser_advance(p); /* there is one scope */
    }
    if (parser_at_word(p, "VARIABLE") && p->next.symbol != SYMBOL_EQUAL &&
        !text_equal_nocase(token_text(p->sql, p->next), TEXT("to"))) {
        return parse_set_variable(p, s);
    }
    if (parser_at(p, KEYWORD_TIME) && parser_next_is(p, KEYWORD_ZONE)) {
        return parse_set_zone(p, s);
    }
    TRY(parser_name(p, &s->name, "the name of a setting", "SET"));
    if (parser_at_word(p, "to")) {
        parser_advance(p);
    } else {
        TRY(parser_expect_symbol(p, SYMBOL_EQUAL, "the name of a setting"));
    }
    return parse_value(p, s);
}

/* table_info('name') or table_info(name) */
static status
parse_table_info(parser *p, ast_statement *s) {
    s->kind = AST_SHOW;
    s->show = AST_SHOW_TABLE_INFO;
    parser_advance(p);
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "table_info"));
    if (p->token.kind == TOKEN_STRING) {
        ast_expr *e;
        TRY(parse_string(p, &e));
        s->name = (ast_name){.text = e->text, .position = e->position};
    } else {
        TRY(parser_table_name(p, &s->name, "the name of a table", "table_info("));
        s->name.quoted = false; /* a text matches in any case */
    }
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the name of a table");
}

/* PRAGMA table_info(name), show_tables, show_tables_expanded; setting; setting = value */
status
parse_pragma(parser *p, ast_statement *s) {
    parser_advance(p);
    if (parser_at_word(p, "table_info")) {
        return parse_table_info(p, s);
    }
    s->kind = AST_SHOW;
    if (parser_accept_word(p, "show_tables")) {
        s->show = AST_SHOW_TABLES;
        return OK;
    }
    if (parser_accept_word(p, "show_tables_expanded")) {
        s->show = AST_SHOW_OBJECTS;
        return OK;
    }
    s->show = AST_SHOW_SETTING;
    TRY(parser_name(p, &s->name, "table_info, show_tables or the name of a setting", "PRAGMA"));
    if (!parser_accept_symbol(p, SYMBOL_EQUAL)) {
        return OK;
    }
    s->kind = AST_SET;
    s->show = AST_SHOW_SOURCES; /* means nothing */
    return parse_value(p, s);
}

/* RESET (key | ALL | VARIABLE name) */
status
parse_reset(parser *p, ast_statement *s) {
    s->kind = AST_RESET;
    parser_advance(p);
    if (parser_at_word(p, "VARIABLE") && !ends_here(p)) {
        parser_advance(p);
        s->variable = true;
        return parser_name(p, &s->name, "the name of a variable", "VARIABLE");
    }
    return parser_accept(p, KEYWORD_ALL)
               ? OK
               : parser_name(p, &s->name, "the name of a setting or ALL", "RESET");
}
