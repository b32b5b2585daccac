/* SPDX-License-Identifier: Apache-2.0 */
/* op_project.c - the select list: computes each output column from the input row.
 *
 * Linear, and stateless between ticks. Plain column references are passed on without a copy and
 * keep their owner.
 *
 * A list that calls code of the program's takes larger blocks of rows in one-off queries
 * (spec->blocks), because a call of Python costs as much as some thousand rows. Rows are held until
 * there are as many as a block has, which begins small and doubles while a block takes little time:
 * a slow function is not called with more rows than its time-out is for, and LIMIT does not pay for
 * rows that nobody wants. Columns whose parts lie side by side in memory that is held, as those of
 * a table do, are not copied.
 *
 * push:  evaluates the expressions, keeps the weights; with blocks, holds the rows until there are
 *        enough
 * tick:  evaluates what is held */
#include "op/rows.h"

#define BLOCK_ROWS (8 * BATCH_ROWS)
#define HELD_MAX 256     /* parts of a block */
#define QUICK_NS 5000000 /* what a block may take before it is not doubled any more */

typedef struct project {
    op       base;
    program *program;
    column  *columns; /* of the delta under way */
    /* spec->blocks: */
    column *input;
    batch **held;
    int32_t held_count, held_rows, block_rows;
    bool    done; /* nobody wants more */
} project;

static status
project_open(op *self, error *err) {
    project      *p = (project *)self;
    arena        *a = self->env->arena;
    const size_t  in = (size_t)self->spec->input[0]->count;
    const int32_t count = self->spec->output->count;
    p->columns = arena_alloc_zero(a, (size_t)count * sizeof(column));
    if (p->columns == NULL) {
        return error_memory(err);
    }
    if (self->spec->blocks) {
        p->block_rows = BATCH_ROWS;
        p->input = arena_alloc_zero(a, (in + 1) * sizeof(column));
        p->held = arena_alloc_zero(a, HELD_MAX * sizeof(*p->held));
        if (p->input == NULL || p->held == NULL) {
            return error_memory(err);
        }
    }
    return program_compile_for(&p->program, a, self->spec->exprs, count, self->spec->input[0],
                               self->env->eval, err);
}

static void
release_held(project *p) {
    for (int32_t i = 0; i < p->held_count; i++) {
        batch_release(p->held[i]);
    }
    p->held_count = 0;
    p->held_rows = 0;
}

static void
project_close(op *self) {
    release_held((project *)self);
}

/* ---- many parts as one */

/* Whether column `at` of all parts is one column already, which the first part then shows. */
static bool
is_whole(const project *p, int32_t at) {
    const column *first = &p->held[0]->rows.columns[at];
    const size_t  width = type_width(first->type);
    const char   *next = first->values;
    for (int32_t i = 0; i < p->held_count; i++) {
        const column *part = &p->held[i]->rows.columns[at];
        if (part->layout != COLUMN_FLAT || part->validity != NULL || part->owner != first->owner ||
            part->values != next) {
            return false;
        }
        next += (size_t)p->held[i]->rows.row_count * width;
    }
    return true;
}

static status
join_validity(const project *p, int32_t at, column *out, arena *a, error *err) {
    bool any = false;
    for (int32_t i = 0; i < p->held_count; i++) {
        any |= p->held[i]->rows.columns[at].validity != NULL;
    }
    if (!any) {
        return OK;
    }
    uint64_t *bits = arena_alloc_zero(a, (size_t)bits_words(p->held_rows) * sizeof(*bits));
    if (bits == NULL) {
        return error_memory(err);
    }
    int32_t row = 0;
    for (int32_t i = 0; i < p->held_count; i++) {
        const int32_t   count = p->held[i]->rows.row_count;
        const uint64_t *part = p->held[i]->rows.columns[at].validity;
        if (part == NULL) {
            bits_fill(bits, row, count, true);
        } else {
            bits_copy(bits, row, (const uint8_t *)(const void *)part, 0, count);
        }
        row += count;
    }
    out->validity = bits;
    return OK;
}

static status
join_values(const project *p, int32_t at, column *out, arena *a, error *err) {
    const data_type type = p->held[0]->rows.columns[at].type;
    const size_t    width = type_width(type);
    char           *values = arena_alloc(a, (size_t)p->held_rows * width);
    char           *next = values;
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < p->held_count; i++) {
        const int32_t count = p->held[i]->rows.row_count;
        const size_t  bytes = (size_t)count * width;
        column        part;
        TRY(column_views(&part, &p->held[i]->rows.columns[at], count, a, err));
        if (bytes > 0) {
            memcpy(next, part.values, bytes);
        }
        next += bytes;
    }
    *out = (column){.type = type, .values = values};
    return join_validity(p, at, out, a, err);
}

static status
join_weights(const project *p, const int64_t **out, arena *a, error *err) {
    bool any = false;
    for (int32_t i = 0; i < p->held_count; i++) {
        any |= p->held[i]->rows.weight != NULL;
    }
    *out = NULL;
    if (!any) {
        return OK;
    }
    int64_t *weights = arena_alloc(a, (size_t)p->held_rows * sizeof(*weights));
    if (weights == NULL) {
        return error_memory(err);
    }
    *out = weights;
    for (int32_t i = 0; i < p->held_count; i++) {
        for (int32_t row = 0; row < p->held[i]->rows.row_count; row++) {
            *weights++ = delta_weight(&p->held[i]->rows, row);
        }
    }
    return OK;
}

static status
join_held(project *p, delta *out, error *err) {
    arena        *a = p->base.env->scratch;
    const int32_t count = p->base.spec->input[0]->count;
    *out = (delta){.row_count = p->held_rows, .column_count = count, .columns = p->input};
    for (int32_t i = 0; i < count; i++) {
        if (is_whole(p, i)) {
            p->input[i] = p->held[0]->rows.columns[i];
        } else {
            TRY(join_values(p, i, &p->input[i], a, err));
        }
    }
    return join_weights(p, &out->weight, a, err);
}

/* ---- evaluation */

static status
evaluate(project *p, const delta *in, error *err) {
    const eval_env *eval = p->base.env->eval;
    const int64_t   began = clock_ticks_ns(eval->clock);
    TRY(program_run(p->program, in, p->columns, p->base.env->scratch, err));
    if (p->block_rows < BLOCK_ROWS && clock_ticks_ns(eval->clock) - began < QUICK_NS) {
        p->block_rows *= 2;
    }
    const delta  out = {.row_count = in->row_count,
                        .column_count = p->base.spec->output->count,
                        .columns = p->columns,
                        .weight = in->weight};
    const status s = rows_emit(&p->base, &out, NULL, 0, out.row_count, err);
    p->done = p->done || s == DONE;
    return s;
}

static status
evaluate_held(project *p, error *err) {
    arena           *scratch = p->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            all;
    status           s = join_held(p, &all, err);
    s = s < 0 ? s : evaluate(p, &all, err);
    arena_rewind(scratch, mark);
    release_held(p);
    return s;
}

static status
project_push(op *self, int32_t port, const delta *in, error *err) {
    project *p = (project *)self;
    (void)port;
    if (!self->spec->blocks) {
        TRY(program_run(p->program, in, p->columns, self->env->scratch, err));
        const delta out = {.row_count = in->row_count,
                           .column_count = self->spec->output->count,
                           .columns = p->columns,
                           .weight = in->weight};
        return op_emit(self, &out, err);
    }
    if (p->held_count == 0 && in->row_count >= p->block_rows) {
        return evaluate(p, in, err);
    }
    TRY(batch_keep(&p->held[p->held_count], self->env->mem, in, err));
    p->held_count++;
    p->held_rows += in->row_count;
    const bool full = p->held_rows >= p->block_rows || p->held_count == HELD_MAX;
    return full ? evaluate_held(p, err) : OK;
}

static status
project_tick(op *self, int64_t frontier_us, error *err) {
    project *p = (project *)self;
    (void)frontier_us;
    const status s = p->held_count == 0 || p->done ? OK : evaluate_held(p, err);
    return s < 0 ? s : OK;
}

const op_class op_project_class = {
    .name = "project",
    .size = sizeof(project),
    .open = project_open,
    .push = project_push,
    .tick = project_tick,
    .close = project_close,
};
