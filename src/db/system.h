/* SPDX-License-Identifier: Apache-2.0 */
/* system.h - laminar.metrics and its like, and information_schema. */
#ifndef LAMINAR_DB_SYSTEM_H
#define LAMINAR_DB_SYSTEM_H

#include "db/statement.h"

/* The rows of place.`name` as they are now. Without the token. */
status system_open(relation **out, statement_context *c, text place, const ast_name *name,
                   error *err) MUST_USE;

typedef struct system_table {
    const char *name;
    status (*list)(statement_context *c, laminar_result **out, error *err); /* with the token */
} system_table;

/* information.c: sorted by name; the last has none */
extern const system_table information_tables[];
/* PRAGMA table_info */
status information_table_info(statement_context *c, const object *o, laminar_result **out,
                              error *err) MUST_USE;
/* Tables of "laminar" or "information_schema" by number, without regard to case; NULL: no more. */
const char *system_name_at(text place, int32_t i);
/* Rows that are there already, which it takes over, also when it fails. */
status rows_relation(relation **out, mem *m, laminar_result *rows, text label, error *err) MUST_USE;

#endif
