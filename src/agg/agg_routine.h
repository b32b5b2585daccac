/* SPDX-License-Identifier: Apache-2.0 */
/* agg_routine.h - aggregates whose code is the program's (batch/routine.h), in two forms.
 *
 * Listed (agg_routine.c): the rows of a group are kept, as a listing, and given to a new group of
 * the program's each time its value is wanted. For code without a state that can be saved, or
 * without retract where rows are taken back, or where the order of rows or DISTINCT counts; and for
 * scalars that stand in a grouped query, which are called once for each group.
 *
 * Held (agg_routine_held.c): the groups of the program's live as long as ours. Their states are
 * saved into the store before that is written, and made from there when they are first needed.
 *
 * Which form it is, the planner says (agg_routine_class): both see whose code it is in the
 * signature. An instance takes the code that there is when it opens. */
#ifndef LAMINAR_AGG_AGG_ROUTINE_H
#define LAMINAR_AGG_AGG_ROUTINE_H

#include "agg/agg.h"
#include "batch/routine.h"

extern const agg_class routine_listed_class, routine_listed_nulls_class, routine_held_class;

/* By form. `held` only where agg_routine_can_hold. */
const agg_class *agg_routine_class(const routine *r, bool held);
/* The call may be held: its code has a state, and what it needs for rows that are taken back. */
bool agg_routine_can_hold(const routine *r, bool append_only);
bool agg_is_held(const agg_class *class);

/* ---- shared by the two files */
status agg_routine_resolve(const agg_class *class, agg_signature *s, error *err) MUST_USE;
/* The constants of a call as rows for open and load, in a. */
status agg_routine_constants(routine_rows *out, const agg_signature *s, arena *a,
                             error *err) MUST_USE;
/* Which rows count: those that the filter lets through, without NULL arguments where the code does
 * not want them. *out == NULL: all. */
status agg_routine_contributing(const uint8_t **out, const agg_signature *s, const column *columns,
                                const uint8_t *filter, int32_t count, arena *scratch,
                                error *err) MUST_USE;

#define AGG_ROUTINE_ROWS 65536 /* of one call */

#endif
