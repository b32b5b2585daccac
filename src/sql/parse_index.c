/* SPDX-License-Identifier: Apache-2.0 */
/* parse_index.c - CREATE INDEX and DROP INDEX: hints, which other databases' scripts have.
 *
 * name: the index, column: its table, targets: its columns. */
#include "sql/parse.h"

static status
parse_index_column(parser *p) {
    ast_name name = {.quoted = false};
    TRY(parser_name(p, &name, "a column name", "\"(\""));
    if (!parser_accept(p, KEYWORD_ASC)) {
        (void)parser_accept(p, KEYWORD_DESC);
    }
    if (parser_accept(p, KEYWORD_NULLS) && !parser_accept(p, KEYWORD_FIRST)) {
        TRY(parser_expect(p, KEYWORD_LAST, "NULLS"));
    }
    return parser_push(p, &name, sizeof(name));
}

/* [IF NOT EXISTS] [name] ON table [USING method] ( column {, column} ), behind CREATE INDEX */
status
parse_create_index(parser *p, ast_statement *s) {
    s->kind = AST_CREATE_INDEX;
    TRY(parser_name(p, &s->name, "the name of the index", "INDEX"));
    TRY(parser_expect(p, KEYWORD_ON, "the name of the index"));
    TRY(parser_table_name(p, &s->column, "a table name", "ON"));
    if (parser_accept(p, KEYWORD_USING)) {
        ast_name method;
        TRY(parser_name(p, &method, "a kind of index", "USING"));
    }
    const size_t  mark = p->stack.size;
    const int32_t start = p->token.start;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "the table"));
    do {
        TRY(parse_index_column(p));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the columns of an index"));
    TRY(parser_take(p, mark, sizeof(ast_name), &s->targets, &s->target_count));
    return s->target_count <= MOST_COLUMNS(p)
               ? OK
               : parser_too_many(p, start, MOST_COLUMNS(p), "columns");
}
