/* SPDX-License-Identifier: Apache-2.0 */
/* parse_copy.c - COPY and SUMMARIZE. */
#include "sql/parse.h"

/* name [[= | =>] value]; a value is a literal, or a word that stands for a text; no value: TRUE. */
static status
parse_copy_option(parser *p, ast_option *o) {
    if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_QUOTED_NAME) {
        return parser_error(p, "an option", "\"(\"");
    }
    TRY(parser_name_of(p, &o->name));
    o->name.quoted = o->name.quoted || sql_is_reserved(o->name.text); /* as it will be printed */
    if (!parser_accept_symbol(p, SYMBOL_EQUAL)) {
        (void)parser_accept_symbol(p, SYMBOL_ARROW);
    }
    if (parser_at_symbol(p, SYMBOL_COMMA) || parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
        o->value = parser_new(p, AST_TRUE, p->token.start);
        return o->value == NULL ? ERR_OUT_OF_MEMORY : parser_finish(p, o->value);
    }
    const bool is_bool = parser_at(p, KEYWORD_TRUE) || parser_at(p, KEYWORD_FALSE);
    if (p->token.kind == TOKEN_WORD && !is_bool && p->token.keyword != KEYWORD_NULL) {
        o->value = parser_new(p, AST_STRING, p->token.start);
        if (o->value == NULL) {
            return ERR_OUT_OF_MEMORY;
        }
        o->value->text = token_text(p->sql, p->token);
        parser_advance(p);
        return parser_finish(p, o->value);
    }
    const int32_t start = p->token.start;
    TRY(parse_expr(p, LEVEL_SUM, &o->value));
    return parse_is_literal(o->value)
               ? OK
               : error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                              "the value of an option is a literal or a word");
}

/* [WITH] ( option {, option} ) */
static status
parse_copy_options(parser *p, ast_statement *s) {
    const bool with = parser_accept(p, KEYWORD_WITH);
    if (!with && !parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        return OK;
    }
    const size_t mark = p->stack.size;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, with ? "WITH" : "the path"));
    do {
        ast_option o = {.value = NULL};
        if (p->stack.size > mark && parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
            break;
        }
        TRY(parse_copy_option(p, &o));
        TRY(parser_push(p, &o, sizeof(o)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the options"));
    return parser_take(p, mark, sizeof(ast_option), &s->options, &s->option_count);
}

/* COPY name [( names )] (FROM | TO) 'path' [options] | COPY ( query ) TO 'path' [options] */
status
parse_copy(parser *p, ast_statement *s) {
    static const keyword words[] = {KEYWORD_FROM, KEYWORD_TO};
    s->kind = AST_COPY;
    parser_advance(p);
    if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        TRY(parse_subquery(p, &s->select, "the query"));
    } else {
        TRY(parse_object_name(p, s));
        if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
            TRY(parse_names(p, &s->targets, &s->target_count, "the name and \"(\""));
        }
    }
    s->copy_to = parser_accept(p, KEYWORD_TO);
    if (!s->copy_to && (s->select != NULL || !parser_accept(p, KEYWORD_FROM))) {
        return parser_error_word(p, s->select != NULL ? "TO" : "FROM or TO", "what is copied",
                                 words, ARRAY_COUNT(words));
    }
    if (p->token.kind != TOKEN_STRING) {
        return parser_error(p, "the path of a file as 'text'", s->copy_to ? "TO" : "FROM");
    }
    TRY(parse_string(p, &s->path));
    return parse_copy_options(p, s);
}

/* SUMMARIZE name | SUMMARIZE query */
status
parse_summarize(parser *p, ast_statement *s) {
    s->kind = AST_SUMMARIZE;
    parser_advance(p);
    if (parser_at_query(p)) {
        return parse_query(p, &s->select);
    }
    return parse_object_name(p, s);
}
