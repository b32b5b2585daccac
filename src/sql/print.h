/* SPDX-License-Identifier: Apache-2.0 */
/* print.h - what the two halves of the printer share. Printing recurses over the tree, whose height
 * the parser bounds. */
#ifndef LAMINAR_SQL_PRINT_H
#define LAMINAR_SQL_PRINT_H

#include "sql/ast.h"

void print_name(const ast_name *name, buf *out);
void print_any_word(const ast_name *name,
                    buf *out); /* where reserved words may stand: behind a dot, before "(" */
void print_type(const ast_type *type, buf *out);
void print_operand(const ast_expr *e, int32_t level, buf *out); /* parentheses below `level` */

void print_orders(const ast_order *orders, int32_t count,
                  buf *out); /* "ORDER BY ...", or nothing */

/* print_over.c */
void print_exprs(ast_expr *const *items, int32_t count, buf *out);
void print_over(const ast_expr *call, buf *out);       /* [IGNORE NULLS] [OVER ...] */
void print_windows(const ast_select *s, buf *out);     /* [WINDOW ...] [QUALIFY ...] */
void print_distinct_on(const ast_select *s, buf *out); /* [ON (...)] */
void print_latest(const ast_select *s, buf *out);      /* [LATEST ON ...] */
void print_arguments(const ast_expr *call, buf *out);  /* with their names */
/* print_statement.c */
void print_alias(const ast_name *alias, buf *out); /* [ AS alias] */
void print_names(const ast_name *names, int32_t count, buf *out);
void print_items(const ast_item *items, int32_t count, buf *out);
void print_from(const ast_from *f, buf *out);
void print_relation(const ast_from *f, buf *out); /* a join in parentheses */
void print_withs(const ast_select *s, buf *out);
void print_clause(text word, const ast_expr *e, buf *out); /* nothing when e is NULL */
void print_options(const ast_statement *s, buf *out);
void print_create(const ast_statement *s, const char *object, buf *out);
/* print_table.c: CREATE TABLE, CREATE SOURCE, ALTER */
void print_create_table(const ast_statement *s, buf *out);
void print_alter(const ast_statement *s, buf *out);
/* print_change.c: INSERT, UPDATE, DELETE, TRUNCATE */
void print_change(const ast_statement *s, buf *out);
void print_conflict(const ast_conflict *c, buf *out); /* [ ON CONFLICT ...] */
void print_copy(const ast_statement *s, buf *out);    /* COPY, SUMMARIZE */
/* SHOW, DESCRIBE, SET, RESET */
void print_admin(const ast_statement *s, buf *out);

#endif
