/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - what the executor may say to a gate that was opened with spec->held (EMIT EVERY). */
#ifndef LAMINAR_OP_GATE_H
#define LAMINAR_OP_GATE_H

#include "op/op.h"

/* From now on changes stay in it over ticks, until a tick after gate_release; before, it lets them
 * out at every tick. What it holds is consolidated when it has doubled. */
void    gate_hold(op *self);
void    gate_release(op *self);
int32_t gate_rows(const op *self); /* that it holds */

#endif
