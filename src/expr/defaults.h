/* SPDX-License-Identifier: Apache-2.0 */
/* defaults.h - the DEFAULTs of a table's or source's columns, computed for rows that leave the
 * columns out: volatile functions once for each row, now() and its like once for a statement. */
#ifndef LAMINAR_EXPR_DEFAULTS_H
#define LAMINAR_EXPR_DEFAULTS_H

#include "batch/filler.h"
#include "catalog/catalog.h"
#include "expr/expr.h"

/* Of one thread. */
typedef struct defaults {
    filler        base;
    const object *target; /* borrowed */
    eval_env      eval;
    int64_t      *statement_us; /* shared with other parts of the statement, or &own_us */
    int64_t       own_us;
    arena         arena;    /* of what follows */
    program     **programs; /* per column, made when it is first needed; NULL: none yet */
} defaults;

/* Cannot fail and takes no memory. statement_us NULL: nothing else has to see the same instant. */
void defaults_init(defaults *d, const object *target, mem *m, const eval_env *eval,
                   int64_t *statement_us);
void defaults_fini(defaults *d);
void defaults_next(defaults *d); /* what is computed from here on belongs to another statement */

#endif
