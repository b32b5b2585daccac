/* SPDX-License-Identifier: Apache-2.0 */
/* going.h - what is dropped together with an object. All with the token. */
#ifndef LAMINAR_DB_GOING_H
#define LAMINAR_DB_GOING_H

#include "db/statement.h"

/* What goes with one object: itself, then what reads it at any depth, in order of creation. */
typedef struct going {
    object **objects;
    int32_t  count;
} going;

typedef enum going_kind { GO_DROP, GO_CASCADE, GO_REPLACE, GO_ALTER } going_kind;

/* All questions come before the first thing is touched. */
status going_find(going *g, statement_context *c, object *o, going_kind how, error *err) MUST_USE;
void   going_drop(laminar_database *db, const going *g);
/* What a stream is being made of must stay until it is there. */
status going_check_joining(const statement_context *c, const object *o, going_kind how,
                           error *err) MUST_USE;
bool   object_reads(const object *o, const object *input); /* directly */

/* ---- unbound.c: the columns of an object as a CREATE TABLE */
void columns_print(const object *o, buf *out);
/* A recovered view whose text cannot be bound now, since a file that it reads is away: it is there
 * with the columns that it had (of columns_print), and whoever reads it is told. */
status view_keep_unbound(laminar_database *db, text typed, text kept, text columns,
                         error *err) MUST_USE;

/* ---- declared.c: OK: the statement defines the recovered object as it is. */
status declared_again(statement_context *c, const ast_statement *st, const object *o,
                      error *err) MUST_USE;

/* ---- meaning.c: would the text of `o` mean the same with `made` in the place of `old`, which it
 * reads? The columns that it gives; same_plan: how they are computed, too, which says nothing where
 * columns of `old` lie elsewhere in `made`. */
status definition_holds(statement_context *c, const object *o, const object *old, object *made,
                        bool same_plan, bool *holds, error *err) MUST_USE;

#endif
