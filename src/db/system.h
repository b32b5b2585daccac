/* SPDX-License-Identifier: Apache-2.0 */
/* system.h - laminar.metrics and its like. */
#ifndef LAMINAR_DB_SYSTEM_H
#define LAMINAR_DB_SYSTEM_H

#include "db/statement.h"

/* The rows of laminar.`name` as they are now. Without the token. */
status system_open(relation **out, statement_context *c, const ast_name *name, error *err) MUST_USE;

#endif
