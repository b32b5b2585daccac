/* SPDX-License-Identifier: Apache-2.0 */
/* parse.h - what the parse_*.c files share: the cursor over tokens, its errors, growing lists, and
 * the grammar's entry points.
 *
 * One token is current and one is read ahead. A rule starts with its first token as the current one
 * and leaves the first token that is not its own. Lists of unknown length are collected on one byte
 * stack and copied to the arena when they are complete. */
#ifndef LAMINAR_SQL_PARSE_H
#define LAMINAR_SQL_PARSE_H

#include "sql/ast.h"
#include "sql/limits.h"
#include "sql/parser.h"

/* Binding strength, weakest first, as in PostgreSQL. Parser and printer agree on these. */
enum {
    LEVEL_ANY,
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_IS,
    LEVEL_COMPARE, /* does not chain */
    LEVEL_MATCH,   /* LIKE, SIMILAR TO, GLOB, BETWEEN, IN; does not chain */
    LEVEL_CONCAT,  /* and all operators that have no level of their own */
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_POWER,
    LEVEL_ZONE, /* AT TIME ZONE */
    LEVEL_COLLATE,
    LEVEL_SIGN,
    LEVEL_CAST,
    LEVEL_PRIMARY
};

/* In force for what p reads. */
#define MOST_COLUMNS(p) limit_in_force((p)->limits, LIMIT_columns, SQL_COLUMNS_MAX)
#define MOST_ARGUMENTS(p) limit_in_force((p)->limits, LIMIT_function_arguments, SQL_ARGUMENTS_MAX)
#define MOST_IN_ITEMS(p) limit_in_force((p)->limits, LIMIT_in_list_items, SQL_IN_ITEMS_MAX)
#define MOST_ROW_ITEMS(p) limit_in_force((p)->limits, LIMIT_row_items, SQL_ROW_ITEMS_MAX)
#define MOST_PARAMETERS(p) limit_in_force((p)->limits, LIMIT_parameters, SQL_PARAMETER_MAX)
#define MOST_UNIONS(p) limit_in_force((p)->limits, LIMIT_compound_queries, SQL_UNION_MAX)
#define MOST_QUERY_LEVELS(p) limit_in_force((p)->limits, LIMIT_query_depth, SQL_QUERY_DEPTH_MAX)
#define MOST_LEVELS(p) limit_in_force((p)->limits, LIMIT_expression_depth, SQL_HEIGHT_MAX)

typedef struct parser {
    text              sql;
    const sql_limits *limits; /* NULL: the highest */
    arena            *arena;
    error            *err;
    buf               stack;      /* lists under construction */
    buf               parameters; /* ast_expr* of the statement under way */
    buf               pivots;     /* ast_pivot* of it */
    token             token;      /* current */
    token             next;
    token             previous; /* before the current one; TOKEN_END at the start */
    int32_t           end;      /* of `previous` */
    token alias; /* newest alias without AS: when the token after it makes no sense, it may be a
                    misspelt keyword */
    int32_t nesting;
    int32_t query_depth;
    /* Of the expressions finished since the innermost subquery in an expression began: */
    int32_t tallest;          /* height */
    int32_t deepest;          /* nesting */
    int32_t from_height;      /* of the FROM or query that was finished last */
    int32_t parameter_number; /* of the newest ? */
    bool    inserted; /* the VALUES that begins here are rows of INSERT, where DEFAULT may stand */
    /* In the body of a function: */
    const ast_statement *function;   /* its parameters; NULL: elsewhere */
    int32_t              body_depth; /* of queries, outside of all in the body */
    buf                  called;     /* ast_name */
    bool                 placed;     /* names and nodes stand at `place` */
    int32_t              place;
} parser;

/* parse_base.c: cursor */
void  parser_advance(parser *p);
token parser_peek_third(const parser *p); /* the token after `next` */
bool  parser_at(const parser *p, keyword k);
bool  parser_next_is(const parser *p, keyword k);
bool  parser_at_symbol(const parser *p, symbol s);
bool  parser_next_is_symbol(const parser *p, symbol s);
bool  parser_accept(parser *p, keyword k);
bool  parser_accept_symbol(parser *p, symbol s);
/* A word that is no keyword. */
bool   parser_at_word(const parser *p, const char *word);
bool   parser_accept_word(parser *p, const char *word);
status parser_expect(parser *p, keyword k, const char *after);
status parser_expect_symbol(parser *p, symbol s, const char *after);
/* Counts one level of nesting; fails where there are too many. Leave after success alone. */
status parser_enter(parser *p);
void   parser_leave(parser *p);
/* After a comma: true when nothing more can come, so that the comma was a trailing one. */
bool parser_list_ends(const parser *p);

/* Names. `what` completes "expected ...", `after` may be NULL. */
bool   parser_at_name(const parser *p);
status parser_name(parser *p, ast_name *out, const char *what, const char *after);
/* The same, but main. may stand before it. */
status parser_table_name(parser *p, ast_name *out, const char *what, const char *after);
status parser_name_of(
    parser   *p,
    ast_name *out); /* of the current token, a word or quoted name, whatever word it is */
/* [AS] alias; out->text.data stays NULL when there is none. */
status parser_alias(parser *p, ast_name *out);
/* alias: before what it names */
bool   parser_at_prefix_alias(const parser *p);
status parser_prefix_alias(parser *p, ast_name *out);

/* Errors at the current token; each returns ERR_SQL_PARSE_ERROR. */
status parser_error(parser *p, const char *expected, const char *after);
status parser_error_word(parser *p, const char *expected, const char *after,
                         const keyword *candidates, int32_t count);
status parser_error_here(parser *p, const char *expected); /* after: the token before */
status parser_outside(parser *p, const char *what); /* "<what> is not part of this grammar" */
status parser_too_many(parser *p, int32_t position, int32_t max, const char *what);

/* Lists */
status parser_push(parser *p, const void *item, size_t size);
status parser_take(parser *p, size_t mark, size_t item_size, void *out, int32_t *count);

/* Nodes: new() is zeroed and starts at `position`; NULL and an error when memory is out. finish()
 * sets end, height and nesting and refuses what would be too deep to be walked, or too deep to be
 * parsed when it is printed. */
ast_expr *parser_new(parser *p, ast_expr_kind kind, int32_t position);
status    parser_finish(parser *p, ast_expr *e);
/* Gives `e` an argument vector of `count`. */
status parser_arguments(parser *p, ast_expr *e, int32_t count);

/* print.c: binding strength of the operator at the root of `e` */
int32_t expr_level(const ast_expr *e);
bool    expr_is_complement(const ast_expr *e); /* ~x, the prefix that binds as weakly as & does */

/* parse_expr.c */
status parse_expr(parser *p, int32_t level, ast_expr **out);
/* COLLATE name behind *left, and behind a column that is declared. */
status parse_collate(parser *p, int32_t start, ast_expr **left);
status parse_column_collation(parser *p);
/* Values that are compared with one another, or one that is ordered: the collation that one of them
 * has is put into all. */
status parse_collated(parser *p, ast_expr **values, int32_t count);
/* item {, item} with a trailing comma, until the list ends; pushes on the stack. Fails beyond `max`
 * items. */
status parse_expr_list(parser *p, int32_t max, const char *what);
status parse_column(parser *p, ast_expr **out); /* name or qualifier.name */

/* parse_function.c */
status parse_create_function(parser *p, ast_statement *s, bool is_macro);
/* A name or $1 that is a parameter of the function around it; *out NULL: it is none. */
status parse_argument(parser *p, ast_expr **out);
status parser_note_call(parser *p, const ast_name *name);

/* parse_literal.c */
status parse_string(parser *p, ast_expr **out);
status parse_number(parser *p, ast_expr **out);
status parse_parameter(parser *p, ast_expr **out);
status parse_interval(parser *p, ast_expr **out);
status parse_computed_interval(parser *p, ast_expr **out); /* INTERVAL (x) unit */
bool   parser_at_computed_interval(const parser *p);
status parse_typed(parser *p, ast_expr **out); /* DATE '...' */
status parse_type(parser *p, ast_type *out);
bool   parser_at_typed(const parser *p);
bool   parser_at_interval(const parser *p);

/* parse_group.c */
status parse_group(parser *p, ast_select *s); /* BY ..., behind GROUP */

/* parse_star.c */
bool   parser_at_star(const parser *p);    /* * or t.* */
status parse_star(parser *p, ast_expr *e); /* into e, which is not finished */
bool   parser_at_columns(const parser *p);
bool   parser_at_spread(const parser *p);             /* *COLUMNS(...) */
status parse_star_columns(parser *p, ast_expr **out); /* COLUMNS(...), *COLUMNS(...) */
bool   parser_at_position(const parser *p);
status parse_position_column(parser *p, ast_expr **out); /* #1 */
status parse_type_number(parser *p, ast_type *out);      /* a size in a type */

/* parse_nested.c */
status parse_list(parser *p, ast_expr **out);   /* [ ... ] */
status parse_array(parser *p, ast_expr **out);  /* ARRAY[ ... ] */
status parse_struct(parser *p, ast_expr **out); /* { ... } */
status parse_map(parser *p, ast_expr **out);    /* MAP { ... } */
bool   parser_at_part(const parser *p);         /* [ or .name behind an expression */
status parse_access(parser *p, int32_t start, ast_expr **left);
bool   parser_is_lambda_call(text name); /* whether a function takes lambdas */
bool   parser_at_lambda(const parser *p);
status parse_lambda(parser *p, ast_expr **out);
status parse_type_parts(parser *p, ast_type *out);
status parse_type_suffixes(parser *p, ast_type *out);

/* parse_call.c: a name that is followed by "(", CASE, CAST */
status parse_call(parser *p, ast_expr **out);
status parse_filter(parser *p, ast_expr *call); /* [FILTER (WHERE ...)] */
/* argument {, argument} of a call, argument = [name =>] expr. Gives the call its arguments. */
status parse_arguments(parser *p, ast_expr *call);
status parse_case(parser *p, ast_expr **out);
bool   parser_is_bare_name(const ast_name *name);
bool   parser_at_method(const parser *p); /* .name( behind an expression */
/* x.f(y): f(x, y), with *left as x. */
status parse_method(parser *p, int32_t start, ast_expr **left);
bool   parser_at_call(const parser *p);
bool   parser_at_bare_call(const parser *p); /* CURRENT_TIMESTAMP */
status parse_bare_call(parser *p, ast_expr **out);

/* parse_subquery.c: queries in expressions */
bool   parser_at_query_value(const parser *p); /* parentheses around a query */
bool   parser_next_is_query(const parser *p);  /* in the parentheses that come next */
bool   parser_at_exists(const parser *p);
bool   parser_at_quantifier(const parser *p);
status parse_query_value(parser *p, ast_expr **out); /* (SELECT ...) */
status parse_array_query(parser *p, ast_expr **out); /* ARRAY (query) */
status parse_exists(parser *p, ast_expr **out);
/* The query of IN and of a quantified comparison; the current token is IN's "(", or the quantifier.
 */
status parse_in_query(parser *p, ast_expr *e);
status parse_quantified(parser *p, ast_expr *e);
/* parse_over.c: windows of window functions, and clauses that pick rows per key */
status parse_over(parser *p, ast_expr *call); /* [IGNORE NULLS] [FILTER ...] [OVER ...] of a call */
/* IGNORE NULLS or RESPECT NULLS, also behind the arguments. */
status parse_nulls(parser *p, ast_expr *call);
status parse_windows(parser *p, ast_select *s);     /* [WINDOW ...] [QUALIFY ...] */
status parse_distinct_on(parser *p, ast_select *s); /* the current token is the ON */
status parse_sample(parser *p, ast_select *s) MUST_USE;
status parse_latest(parser *p, ast_select *s); /* [LATEST ON ...] */
/* Behind the relation of an ASOF JOIN, and behind its ON or USING. */
status parse_match_condition(parser *p, ast_from *f);
status parse_tolerance(parser *p, ast_from *f);

/* parse_query.c: WITH, UNION, VALUES, and the parentheses around queries */
bool   parser_at_query(const parser *p);
status parse_query(parser *p, ast_select **out);
status parse_named_rows(parser *p, ast_select **out); /* name: SELECT * FROM name */
/* WITH ..., raises *height to that of its queries; and puts them before a query. */
status parse_with(parser *p, ast_with **out, int32_t *count, int32_t *height);
status parse_put_withs(parser *p, ast_select **query, ast_with *withs, int32_t count,
                       int32_t height);
/* ( query ) of FROM and WITH; `what` names it in errors. */
status parse_subquery(parser *p, ast_select **out, const char *what);
/* ( name {, name} ), the current token is "(". */
status parse_names(parser *p, ast_name **out, int32_t *count, const char *after);
/* p->from_height within bounds? */
status parse_check_height(parser *p, int32_t position);

/* parse_select.c */
status parse_relation_alias(parser *p, ast_from *f); /* [[AS] alias [( name {, name} )]] */
status parse_relation(parser *p, ast_from **out);    /* with its alias, PIVOT and TABLESAMPLE */
status parse_from_list(parser *p, ast_from **out);   /* behind FROM */
/* item {, item} of a select list, and of RETURNING */
status parse_item_list(parser *p, ast_item **out, int32_t *out_count);
status parse_star_item(parser *p, ast_select *s); /* gives it the select list * */
/* Where that list may be written. */
void   parse_star_place(const parser *p, ast_select *s, ast_implied implied, token at);
status parse_select(parser *p, ast_select **out); /* without what a query has around it */
status parse_order(parser *p, ast_select *s);     /* [ORDER BY ...] [LIMIT ...] [OFFSET ...] */
status parse_order_list(parser *p, ast_order **out, int32_t *count); /* BY ..., behind ORDER */

/* parse_pivot.c */
bool   parser_pivots(token t, token next); /* whether PIVOT or UNPIVOT t begins a query */
status parse_pivot_term(parser *p, ast_select **out);
status parse_name_pivot(parser *p, ast_pivot_on *on, const text *values, int32_t count);
status parse_fill_pivot(parser *p, ast_pivot *open);
status parse_pivot_of_relation(parser *p, ast_from **relation); /* behind it */

/* parse_sample.c */
bool   parser_at_using_sample(const parser *p);
status parse_using_sample(parser *p, ast_select *s);
status parse_table_sample(parser *p, ast_from **relation);

/* parse_window.c */
bool   parser_at_process(const parser *p);    /* name(TABLE */
status parse_process(parser *p, ast_from *f); /* a processor over a table, in FROM */
bool   parser_at_window(const parser *p);
status parse_window(parser *p, ast_from *f); /* a window over a table, in FROM */
bool   parser_at_emit(const parser *p);
status parse_emit(parser *p, ast_statement *s); /* [EMIT ...] [ALLOW LATENESS ...] [LATE ...] */

/* parse_ddl.c */
status parse_create(parser *p, ast_statement *s);
status parse_drop(parser *p, ast_statement *s);
bool   parse_cascade(parser *p); /* [CASCADE | RESTRICT]: whether it is CASCADE */
/* SOURCE, TABLE, STREAM, VIEW or MATERIALIZED VIEW behind `verb`. */
status parse_object(parser *p, const char *verb, ast_object_kind *out);
/* The name of an object, which has one part. */
status parse_object_name(parser *p, ast_statement *s);
bool   parse_is_literal(const ast_expr *e); /* what an option or a setting may be */

/* parse_table.c: elements of CREATE TABLE and CREATE SOURCE */
status parse_columns(parser *p, ast_statement *s);
status parse_column_def(parser *p, ast_statement *s, ast_column_def *out);
status parse_options(parser *p, ast_statement *s); /* [WITH (name = literal, ...)] */
status parse_option_list(parser *p, ast_statement *s,
                         const char *after); /* (name = literal, ...) */

/* parse_change.c: statements that change rows, and transactions */
status parse_insert(parser *p, ast_statement *s);
/* INSERT, UPDATE or DELETE stands behind the queries of this WITH. */
bool   parser_with_changes(const parser *p);
status parse_with_change(parser *p, ast_statement *s);
status parse_update(parser *p, ast_statement *s);
status parse_delete(parser *p, ast_statement *s);
status parse_truncate(parser *p, ast_statement *s);
status parse_transaction(parser *p, ast_statement *s); /* BEGIN, COMMIT, ROLLBACK and the like */
bool   parser_at_transaction(const parser *p);
status parse_conflict(parser *p, ast_conflict *out, bool of_table);         /* [ON CONFLICT ...] */
status parse_change_target(parser *p, ast_statement *s, const char *after); /* name [[AS] alias] */
status parse_assignments(parser *p, ast_item **out,
                         int32_t *count);            /* behind SET: column = value, ... */
status parse_returning(parser *p, ast_statement *s); /* [RETURNING items] */

/* parse_merge.c */
status parse_merge(parser *p, ast_statement *s);
status parse_prepare(parser *p, ast_statement *s);
status parse_execute(parser *p, ast_statement *s);
status parse_deallocate(parser *p, ast_statement *s);
/* parse_statement.c: the statement in another one */
status parse_inner_statement(parser *p, ast_statement **out);

/* parse_alter.c */
status parse_alter(parser *p, ast_statement *s);

/* parse_index.c */
status parse_create_index(parser *p, ast_statement *s);

/* parse_copy.c */
status parse_copy(parser *p, ast_statement *s);
status parse_summarize(parser *p, ast_statement *s);

/* parse_pipeline.c, and from parse_ddl.c: AS query */
status parse_as_query(parser *p, ast_statement *s, const char *after) MUST_USE;
status parse_pipeline_action(parser *p, ast_statement *s) MUST_USE;
status parse_create_sink(parser *p, ast_statement *s) MUST_USE;

/* parse_show.c */
status parse_show(parser *p, ast_statement *s);
status parse_describe(parser *p, ast_statement *s);
status parse_explain_watermark(parser *p, ast_statement *s); /* the current token is WATERMARK */
status parse_set(parser *p, ast_statement *s);
status parse_reset(parser *p, ast_statement *s);
status parse_pragma(parser *p, ast_statement *s);

#endif
