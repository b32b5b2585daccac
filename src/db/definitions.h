/* SPDX-License-Identifier: Apache-2.0 */
/* definitions.h - the statements that make the catalogue what it is, in the order in which they
 * ran: run again in an empty database they make it again. Each is an item as the log has it.
 *
 * What was said of an object that is gone falls away, so the list is as long as what is there, and
 * not as all that ever was. With the token. */
#ifndef LAMINAR_DB_DEFINITIONS_H
#define LAMINAR_DB_DEFINITIONS_H

#include "db/internal.h"
#include "sql/ast.h"

typedef enum definition_space {
    DEFINES_OBJECT,
    DEFINES_INDEX, /* of the table with that number */
    DEFINES_FUNCTION,
    DEFINES_PIPELINE,
    DEFINES_OTHER
} definition_space;

typedef struct definition {
    definition_space space;
    uint64_t         id;   /* of the object; else 0 */
    text             name; /* of an index, function or pipeline; owned, as is the item */
    text             item;
    bool             ends; /* a function: DROP */
} definition;

typedef struct definitions {
    mem        *mem;
    definition *items;
    int32_t     count, capacity;
    int32_t     pruned_to;     /* how many were left */
    uint64_t    target;        /* what the statement under way alters */
    bool        is_incomplete; /* there was no memory for one */
} definitions;

void definitions_init(definitions *d, mem *m);
void definitions_fini(definitions *d);
/* Before a statement of DDL runs, and when it has run. */
void definitions_begin(definitions *d, const laminar_database *db, const ast_statement *st);
void definitions_add(definitions *d, const laminar_database *db, const ast_statement *st,
                     text item);
/* What no statement under way made: a view that could not be bound, what was made again. */
void definitions_add_object(definitions *d, const object *o, text item);
void definitions_prune(definitions *d, const laminar_database *db);

#endif
