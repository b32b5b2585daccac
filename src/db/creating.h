/* SPDX-License-Identifier: Apache-2.0 */
/* creating.h - what makes objects of the catalogue: ddl.c has sources, tables and sinks,
 * create_stream.c streams and views. All with the token. */
#ifndef LAMINAR_DB_CREATING_H
#define LAMINAR_DB_CREATING_H

#include "db/going.h"

/* ---- ddl.c */
/* OR REPLACE and IF NOT EXISTS, the same for all kinds. *done: there is nothing left to make. old
 * gets what is to be replaced, with what reads it; it stays until the new one is made. */
status create_find_old(statement_context *c, const ast_statement *st, object_kind kind, going *old,
                       bool *done, error *err) MUST_USE;

/* ---- create_stream.c */
/* What SHOW CREATE shows and a restart reads again. */
status create_keep_definition(const statement_context *c, object *o, const ast_statement *st,
                              const star_text *stars, error *err) MUST_USE;
/* WITH of a stream, to the plan of its query and to what is known of it. */
status create_apply_options(const statement_context *c, plan *p, arena *a, object *o,
                            const ast_statement *st, error *err) MUST_USE;
/* What a new object reads; nothing of that goes with `old`. */
status create_keep_inputs(object *o, const ast_statement *st, const plan *p, const going *old,
                          error *err) MUST_USE;
/* Makes finished objects known, in the places of the old ones, at once. */
status create_register(laminar_database *db, object *const *made, int32_t count, const going *old,
                       error *err) MUST_USE;
/* A stream or view, and what reads the old one of its name made again from it. */
status create_query(statement_context *c, const ast_statement *st, object_kind kind,
                    const going *old, error *err) MUST_USE;

#endif
