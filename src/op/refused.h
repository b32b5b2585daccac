/* SPDX-License-Identifier: Apache-2.0 */
/* refused.h - late rows that a running operator did not take: who makes its rows again from the
 * rows of the sources must leave them out. A multiset of rows, in the operator's store.
 *
 * So rows are known only as long as a reading can meet them: one that came and went again is
 * forgotten at once, and the others go with the inserts that the sources no longer retain. Each
 * row stands on a page by the insert that brought it, or its newest equal; the pages of what is
 * retained no longer go before new rows come. */
#ifndef LAMINAR_OP_REFUSED_H
#define LAMINAR_OP_REFUSED_H

#include "batch/column.h"
#include "op/op.h"

typedef struct refused {
    bool        open;
    group_table rows;
    state_array counts; /* int64_t per slot, never 0 in one that is live */
    idle_book   inserts;
} refused;

typedef struct refused_use { /* of one reader */
    int64_t *left;           /* per slot: how many are still to be left out; NULL: none was yet */
} refused_use;

status refused_open(refused *r, store *s, const char *name, const data_type *types, int32_t count,
                    error *err) MUST_USE;
void   refused_close(refused *r); /* a zeroed one is none */
/* Text as views. A negative weight: a row that went, and is there still for the operator. The rows
 * came with env->insert. */
status refused_add(refused *r, const op_env *env, const delta *rows, error *err) MUST_USE;
/* Takes rows out of `rows` (text as views), as often as they were added; `a` lives as long as the
 * reader, what is left is transient in scratch. */
status refused_leave_out(const refused *r, refused_use *use, delta *rows, arena *a, arena *scratch,
                         error *err) MUST_USE;
/* At the end: up to BATCH_ROWS of the rows that must be there and were not pushed, from slot *next
 * on, which begins at 0; none: row_count is 0. `columns` has room for all. */
status refused_missing(const refused *r, refused_use *use, slot *next, column *columns, delta *out,
                       arena *a, arena *scratch, error *err) MUST_USE;
/* The rows of `other` too, as if they had come with env->insert. */
status refused_merge(refused *r, const refused *other, const op_env *env, error *err) MUST_USE;
status refused_rebuild(refused *r, error *err) MUST_USE; /* after a restore */
status refused_validate(const refused *r, error *err) MUST_USE;

#endif
