/* SPDX-License-Identifier: Apache-2.0 */
/* join_dense.h - the index of a join_table whose one key is a whole number without NULLs, where the
 * numbers lie close together: an array by the number instead of a hash table. Where they lie
 * further apart, a bit for each number in front of the hash table, which knows what has a match. */
#ifndef LAMINAR_OP_JOIN_DENSE_H
#define LAMINAR_OP_JOIN_DENSE_H

#include "op/join_table.h"
#include "os/team.h"

/* A column of 64-bit numbers without NULLs. */
bool join_is_word(const column *c);
/* Sets t->dense or t->present, or neither; t->next, key_of and matched are there. */
status join_dense_make(join_table *t, const team *help, bool *repeats, error *err) MUST_USE;
void   join_dense_close(join_table *t);
/* t->dense: the first row of each word; SLOT_NONE: none. */
void join_dense_find(const join_table *t, const column *keys, int32_t count, slot *out);
/* t->present: which words are keys; how many. */
int32_t join_dense_pass(const join_table *t, const int64_t *words, int32_t count, int32_t *rows);

#endif
