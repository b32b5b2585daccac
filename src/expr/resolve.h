/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.h - overload resolution that also looks at which arguments are constants. Inside expr
 * only.
 */
#ifndef LAMINAR_EXPR_RESOLVE_H
#define LAMINAR_EXPR_RESOLVE_H

#include "expr/call.h"

/* As function_resolve, for arguments whose constants may become what stands beside them (expr.h).
 */
status resolve_call(function_match *out, text name, expr *const *args, int32_t arg_count,
                    error *err) MUST_USE;
/* What argument i of the matched call must be cast to; any i, given the argument itself. */
data_type resolve_argument(const function_match *m, int32_t i, const expr *arg);

/* Whether an overload of this name is of lists, structs or maps. */
bool function_is_nested(text name);

/* ---- nested_match.c */
int32_t nested_pattern_cost(const char *form, const call_types *c, function_match *out);

/* ---- decimal_type.c: DECIMAL parameters and results */
/* Whether a parameter or result of functions.def is one of DECIMAL. */
bool decimal_is_kind(uint8_t kind);
/* The DECIMAL that an argument of TYPE_EXACT is: its own, or the smallest that holds an integer
 * type or a constant number. False: it is none. */
bool decimal_argument(const expr *arg, data_type *out);
/* The result of f, whose arguments are `args` by decimal_argument. False: no DECIMAL holds it. */
bool decimal_result(uint8_t kind, const data_type *args, expr *const *given, int32_t count,
                    data_type *out);

#endif
