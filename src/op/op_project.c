/* SPDX-License-Identifier: Apache-2.0 */
/* op_project.c - the select list: computes each output column from the input row.
 *
 * Stateless and linear. Plain column references are passed on without a copy and keep their owner.
 *
 * push:  evaluates the expressions, keeps the weights
 * tick:  nothing */
#include "op/rows.h"

typedef struct project {
    op       base;
    program *program;
    column  *columns; /* of the delta under way */
} project;

static status
project_open(op *self, error *err) {
    project      *p = (project *)self;
    const int32_t count = self->spec->output->count;
    p->columns = arena_alloc_zero(self->env->arena, (size_t)count * sizeof(column));
    if (p->columns == NULL) {
        return error_memory(err);
    }
    return program_compile_for(&p->program, self->env->arena, self->spec->exprs, count,
                               self->spec->input[0], self->env->eval, err);
}

static status
project_push(op *self, int32_t port, const delta *in, error *err) {
    project *p = (project *)self;
    (void)port;
    TRY(program_run(p->program, in, p->columns, self->env->scratch, err));
    const delta out = {.row_count = in->row_count,
                       .column_count = self->spec->output->count,
                       .columns = p->columns,
                       .weight = in->weight};
    return op_emit(self, &out, err);
}

const op_class op_project_class = {
    .name = "project",
    .size = sizeof(project),
    .open = project_open,
    .push = project_push,
};
