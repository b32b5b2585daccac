/* SPDX-License-Identifier: Apache-2.0 */
/* values.h - values of laminar.h and the engine's. */
#ifndef LAMINAR_DB_VALUES_H
#define LAMINAR_DB_VALUES_H

#include "laminar.h"
#include "type/type.h"

/* NULL: fine. Otherwise what is wrong with it: type, range, UTF-8. Text is borrowed. */
const char   *value_from_public(value *out, const laminar_value *in);
laminar_value value_to_public(const value *v);

#endif
