/* SPDX-License-Identifier: Apache-2.0 */
/* agg_common.h - what the aggregate files share: the list of classes, and the preparation of a
 * batch's argument column. */
#ifndef LAMINAR_AGG_AGG_COMMON_H
#define LAMINAR_AGG_AGG_COMMON_H

#include "agg/agg.h"

#define AGGREGATE(symbol, aliases, usage) extern const agg_class symbol;
#include "agg/aggregates.def"
#undef AGGREGATE

/* What every instance begins with: memory of `size` bytes, zero but for its agg. */
status agg_new(agg **out, size_t size, const agg_class *class, const agg_signature *signature,
               const agg_site *site, error *err) MUST_USE;
/* Which rows contribute: those the filter lets through and whose argument is not NULL. *out ==
 * NULL: all. */
status agg_contributing(const uint8_t **out, const column *input, const uint8_t *filter,
                        int32_t count, arena *scratch, error *err) MUST_USE;

/* The values of an integer-like (also BOOLEAN, DATE, TIMESTAMP) column as 64-bit integers (UBIGINT
 * by its bits); a BIGINT column is not copied. */
status agg_integers(const int64_t **out, const column *input, int32_t count, arena *scratch,
                    error *err) MUST_USE;
/* The way back: 64-bit integers in the width of `type`. */
status agg_integer_column(column *out, data_type type, const int64_t *values, int32_t count,
                          arena *a, error *err) MUST_USE;

/* Makes rows of *out NULL where nulls[i]. */
status agg_set_nulls(column *out, const bool *nulls, int32_t count, arena *a, error *err) MUST_USE;

/* Are all rows of one group? Loops over one need no memory between the rows. */
bool agg_one_slot(const slot *slots, int32_t count);

/* Elements of `a` for the given slots, all zero. */
status agg_zero_slots(state_array *a, const slot *slots, int32_t count, error *err) MUST_USE;
/* After a restore: `a` has an element for each of these groups. */
status agg_check_slots(const state_array *a, const slot_set *groups, error *err) MUST_USE;

#endif
