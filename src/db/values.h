/* SPDX-License-Identifier: Apache-2.0 */
/* values.h - values of laminar.h and the engine's. */
#ifndef LAMINAR_DB_VALUES_H
#define LAMINAR_DB_VALUES_H

#include "laminar.h"
#include "type/type.h"

/* NULL: fine. Otherwise what is wrong with it: type, range, UTF-8. Text is borrowed. */
/* Scalars alone. */
const char   *value_from_public(value *out, const laminar_value *in);
laminar_value value_to_public(const value *v);
/* A value of any type. With `to` it is coerced as what is stored is, part by part; without, it has
 * its own type, and that of a list is what all of its items have in common. Text is borrowed. */
status value_read(value *out, const laminar_value *in, const data_type *to, arena *a,
                  error *err) MUST_USE;

#endif
