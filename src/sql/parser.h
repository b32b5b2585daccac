/* SPDX-License-Identifier: Apache-2.0 */
/* parser.h - SQL text to AST: hand-written recursive descent, Pratt for expressions.
 *
 * Limits: text 64 MiB, expression depth 256, subquery depth 64, names 255 bytes, 1,600 columns, 127
 * arguments of a call, 65,536 items of an IN list. Nesting is counted, never left to the C stack.
 * Errors are ERR_SQL_PARSE_ERROR with a position, what was expected and, where a keyword or
 * statement is misspelt, a did-you-mean hint. */
#ifndef LAMINAR_SQL_PARSER_H
#define LAMINAR_SQL_PARSER_H

#include "sql/ast.h"
#include "sql/limits.h"

typedef struct ast_script {
    int32_t         count;
    ast_statement **statements;
} ast_script;

/* Statements separated by ';' (empty ones are skipped). On failure `out` is empty; what was
 * allocated stays in the arena. The text must stay alive as long as the AST is used. */
status sql_parse(ast_script *out, arena *a, text sql, error *err) MUST_USE;
/* The same under limits that are lower than the highest; NULL: those. */
status sql_parse_within(ast_script *out, arena *a, text sql, const sql_limits *limits,
                        error *err) MUST_USE;
/* Exactly one expression and nothing after it (the filter of query_stream). */
status sql_parse_expression(ast_expr **out, arena *a, text sql, error *err) MUST_USE;

/* CREATE FUNCTION once more, to be put in the place of a call at `position`: all nodes stand there.
 */
status sql_parse_function(ast_statement **out, arena *a, text sql, int32_t position,
                          error *err) MUST_USE;

/* Gives an ON without IN the texts that its expression has as values. */
status sql_name_pivot(ast_pivot_on *on, arena *a, text sql, const text *values, int32_t count,
                      error *err) MUST_USE;
/* Gives a PIVOT its columns, when all of ON have values: one for each choice of them and each of
 * USING. */
status sql_fill_pivot(ast_pivot *pivot, arena *a, text sql, error *err) MUST_USE;

/* SQL text that parses to an equal tree (positions aside). A ? is printed with its number, as ?1.
 */
void sql_print_expr(const ast_expr *e, buf *out);
void sql_print_select(const ast_select *s, buf *out);
void sql_print_statement(const ast_statement *s, buf *out);

/* Line and column (from 1, in characters) of a byte offset, and the characters before it; and the
 * line with a caret below it, as errors show it: "LINE 2:   selct x\n          ^" */
void sql_locate(text sql, int32_t position, int32_t *line, int32_t *column, int32_t *character);
void sql_caret(text sql, int32_t position, buf *out);

/* True when the word needs double quotes to be a name: a reserved word or not spelt like a name. */
bool sql_is_reserved(text word);

#endif
