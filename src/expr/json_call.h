/* SPDX-License-Identifier: Apache-2.0 */
/* json_call.h - for kernels that read JSON (fn_json.c). */
#ifndef LAMINAR_EXPR_JSON_CALL_H
#define LAMINAR_EXPR_JSON_CALL_H

#include "expr/nested_call.h"
#include "type/json_text.h"

/* The JSON value that an argument is, as a whole; what is no JSON is refused. */
status fn_json_read(fn_call *c, int32_t arg, int32_t row, text *out) MUST_USE;
/* A path to one value. */
status fn_json_path(json_path *out, text s, arena *a, error *err) MUST_USE;

#endif
