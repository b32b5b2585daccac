/* SPDX-License-Identifier: Apache-2.0 */
/* parse_pipeline.c - what runs as a whole, and where its rows go. */
#include "sql/parse.h"

/* (START | STOP | PAUSE | RESUME) PIPELINE name */
status
parse_pipeline_action(parser *p, ast_statement *s) {
    s->kind = AST_PIPELINE;
    s->action = parser_at(p, KEYWORD_START)   ? AST_START
                : parser_at(p, KEYWORD_STOP)  ? AST_STOP
                : parser_at(p, KEYWORD_PAUSE) ? AST_PAUSE
                                              : AST_RESUME;
    parser_advance(p);
    TRY(parser_expect(p, KEYWORD_PIPELINE, keyword_name(p->previous.keyword)));
    return parse_object_name(p, s);
}

/* FROM name [WHERE expr] [EMIT ...] WITH (...), or WITH (...) AS query */
status
parse_create_sink(parser *p, ast_statement *s) {
    s->kind = AST_CREATE_SINK;
    TRY(parse_options(p, s));
    if (!parser_accept(p, KEYWORD_FROM)) {
        TRY(parse_as_query(p, s, "the name of the sink"));
    } else {
        if (!parser_at_name(p)) {
            return parser_error(p, "the name of a stream, source or table", "FROM");
        }
        TRY(parse_named_rows(p, &s->select));
        if (parser_accept(p, KEYWORD_WHERE)) {
            TRY(parse_expr(p, LEVEL_ANY, &s->select->where));
        }
    }
    TRY(parse_emit(p, s));
    return s->option_count > 0 ? OK : parse_options(p, s);
}
