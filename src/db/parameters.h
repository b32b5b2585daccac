/* SPDX-License-Identifier: Apache-2.0 */
/* parameters.h - the values that a caller gives for the parameters of a script.
 *
 * They reach the binder as typed constants of the tree, never as text: what a value holds cannot
 * change what a statement does. Numbers (?, $1) count per statement; names are the script's. */
#ifndef LAMINAR_DB_PARAMETERS_H
#define LAMINAR_DB_PARAMETERS_H

#include "db/internal.h"
#include "plan/plan.h"
#include "sql/parser.h"
#include "type/type.h"

typedef struct parameters {
    int32_t      count;
    const value *values;
    const text  *names; /* NULL: by position */
} parameters;

/* statement.c: a text from the caller, which may not be longer than max_sql_size */
status db_check_text(const laminar_database *db, text sql, error *err) MUST_USE;
status db_parse(ast_script *out, const laminar_database *db, arena *a, text sql,
                error *err) MUST_USE;

/* Checks types, ranges and UTF-8. Text is borrowed from the caller. `names` may be NULL. */
status parameters_read(parameters *out, arena *a, const laminar_value *values,
                       const char *const *names, int32_t count, error *err) MUST_USE;
/* Gives every parameter of the script its value; each needs one, and each value a parameter. */
status parameters_bind(const parameters *p, const ast_script *script, mem *m, error *err) MUST_USE;
/* What a definition is kept as: the text of the statement, with literals for the parameters and
 * columns for the stars (NULL: they stay). Equal to the source where there are neither. */
void definition_print(const ast_statement *s, text sql, const star_text *stars, buf *out);

#endif
