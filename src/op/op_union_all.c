/* SPDX-License-Identifier: Apache-2.0 */
/* op_union_all.c - UNION ALL: what comes on any port goes on as it is.
 *
 * Stateless and linear, with any number of inputs; they have the same types.
 *
 * push:  forwards
 * tick:  nothing */
#include "op/op.h"

static status
union_all_push(op *self, int32_t port, const delta *in, error *err) {
    (void)port;
    return op_emit(self, in, err);
}

const op_class op_union_all_class = {
    .name = "union_all",
    .size = sizeof(op),
    .push = union_all_push,
};
