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
void print_orders(const ast_order *orders, int32_t count,
                  buf *out); /* "ORDER BY ...", or nothing */

#endif
