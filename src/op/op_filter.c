/* SPDX-License-Identifier: Apache-2.0 */
/* op_filter.c - WHERE and HAVING: keeps the rows for which the predicate is true (not false, not
 * NULL).
 *
 * Stateless and linear: a retraction meets the same predicate as the row it takes back. When every
 * row passes, the input is forwarded as it is.
 *
 * push:  evaluates the predicate, forwards the rows that pass with their weights
 * tick:  nothing
 *
 * The simplest operator that computes something; see op_distinct.c for one with state and op.h for
 * the contract. */
#include "op/rows.h"

typedef struct filter {
    op       base;
    program *predicate;
} filter;

static status
filter_open(op *self, error *err) {
    filter *f = (filter *)self;
    return program_compile_for(&f->predicate, self->env->arena, &self->spec->predicate, 1,
                               self->spec->input[0], self->env->eval, err);
}

static status
filter_push(op *self, int32_t port, const delta *in, error *err) {
    filter *f = (filter *)self;
    arena  *scratch = self->env->scratch;
    (void)port;
    column condition;
    TRY(program_run(f->predicate, in, &condition, scratch, err));
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    const int32_t count = select_true(rows, &condition, in->row_count);
    if (count == in->row_count) {
        return op_emit(self, in, err);
    }
    if (count == 0) {
        return OK;
    }
    delta out;
    TRY(delta_gather(&out, in, rows, count, scratch, err));
    return op_emit(self, &out, err);
}

const op_class op_filter_class = {
    .name = "filter",
    .size = sizeof(filter),
    .open = filter_open,
    .push = filter_push,
};
