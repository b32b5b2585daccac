/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.h - overload resolution that also knows which arguments are text constants. Inside expr
 * only. */
#ifndef LAMINAR_EXPR_RESOLVE_H
#define LAMINAR_EXPR_RESOLVE_H

#include "expr/call.h"

/* As function_resolve. literal[i]: argument i is a text constant, which may become a date, an
 * interval or, beside a number, a number. literal == NULL: none is. */
status resolve_call(function_match *out, text name, const data_type *args, const bool *literal,
                    int32_t arg_count, error *err) MUST_USE;
/* What argument i of the matched call must be cast to; any i, given the argument's own type. */
data_type resolve_argument(const function_match *m, int32_t i, data_type own);

#endif
