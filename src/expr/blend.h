/* SPDX-License-Identifier: Apache-2.0 */
/* blend.h - how CASE and its kin put a result together from several columns. Inside expr only. */
#ifndef LAMINAR_EXPR_BLEND_H
#define LAMINAR_EXPR_BLEND_H

#include "expr/step.h"

/* out[i] = the value of row i of `in` where take[i] is set. */
void blend_values(void *out, const reg *in, const uint8_t *take, int32_t n);
/* out[rows[i]] = the value of row i of `in`; rows == NULL: out[i]. */
void blend_scatter(void *out, const reg *in, const int32_t *rows, int32_t n);
/* 64 truth bytes (0 or 1) as bits, `count` of them from `bytes` on. */
uint64_t blend_pack(const uint8_t *bytes, int32_t count);

#endif
