/* SPDX-License-Identifier: Apache-2.0 */
/* program_case.c - CASE, COALESCE, AND and OR whose parts may fail or are slow: each part sees only
 * the rows that need it, so an error in a branch not taken never happens. */
#include "expr/blend.h"

static choice *
choice_of(const run *r, const step *s) {
    return &r->program->choices[s->choice];
}

status
step_open(run *r, step *s) {
    choice       *c = choice_of(r, s);
    const int32_t rows = r->row_count;
    const bool    is_logic = s->kind != STEP_OPEN;
    *c = (choice){
        .type = s->type,
        .row_count = rows,
        .rest_count = rows,
        .rest = arena_alloc(r->scratch, (size_t)rows * sizeof(int32_t)),
        .taken = arena_alloc(r->scratch, (size_t)rows * sizeof(int32_t)),
        .values = run_values(r, s->type, rows, true),
        .validity = run_bits(r, rows, is_logic),
    };
    if (c->rest == NULL || c->taken == NULL || c->values == NULL || c->validity == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < rows; i++) {
        c->rest[i] = i;
    }
    if (s->kind == STEP_OPEN_AND) {
        memset(c->values, 1, (size_t)rows);
    }
    return OK;
}

/* Brings one register of the enclosing frame down to `count` of its rows. */
static status
import_reg(run *r, const import *m, const choice *c, const int32_t *rows, int32_t count) {
    const reg *from = &r->program->regs[m->from];
    reg       *to = &r->program->regs[m->to];
    if (from->is_constant || count == c->row_count) {
        *to = *from;
        to->is_fresh = false;
        return OK;
    }
    to->is_constant = false;
    to->is_fresh = false;
    return column_gather(&to->column, &from->column, rows, count, r->scratch, r->err);
}

status
step_enter(run *r, step *s) {
    choice        *c = choice_of(r, s);
    const bool     is_rest = s->kind == STEP_ENTER_REST;
    const int32_t *rows = is_rest ? c->rest : c->taken;
    const int32_t  count = is_rest ? c->rest_count : c->taken_count;
    if (count == 0) {
        c->taken_count = 0; /* the split that is jumped over would have said so */
        r->next = s->jump;
        return OK;
    }
    for (int32_t i = 0; i < s->import_count; i++) {
        TRY(import_reg(r, &s->imports[i], c, rows, count));
    }
    r->row_count = count;
    return OK;
}

status
step_leave(run *r, step *s) {
    r->row_count = choice_of(r, s)->row_count;
    return OK;
}

status
step_split(run *r, step *s) {
    choice        *c = choice_of(r, s);
    const reg     *g = &r->program->regs[s->args[0]];
    const uint8_t *x = g->column.values;
    const int32_t  by = g->is_constant ? 0 : 1;
    int32_t        kept = 0;
    c->taken_count = 0;
    for (int32_t i = 0; i < c->rest_count; i++) {
        const int32_t row = c->rest[i];
        const bool    is_true = x[i * by] != 0 && !column_is_null(&g->column, i * by);
        c->taken[c->taken_count] = row;
        c->rest[kept] = row;
        c->taken_count += is_true;
        kept += !is_true;
    }
    c->rest_count = kept;
    return OK;
}

static void
mark_valid(choice *c, const reg *g, const int32_t *rows, int32_t count) {
    const int32_t by = g->is_constant ? 0 : 1;
    for (int32_t i = 0; i < count; i++) {
        if (!column_is_null(&g->column, i * by)) {
            bits_set(c->validity, rows[i]);
        }
    }
}

status
step_store(run *r, step *s) {
    choice        *c = choice_of(r, s);
    const reg     *g = &r->program->regs[s->args[0]];
    const bool     is_rest = s->kind == STEP_STORE_REST;
    const int32_t *rows = is_rest ? c->rest : c->taken;
    const int32_t  count = is_rest ? c->rest_count : c->taken_count;
    blend_scatter(c->values, g, rows, count);
    mark_valid(c, g, rows, count);
    return OK;
}

status
step_store_valid(run *r, step *s) {
    choice       *c = choice_of(r, s);
    const reg    *g = &r->program->regs[s->args[0]];
    const int32_t by = g->is_constant ? 0 : 1;
    int32_t       kept = 0;
    /* Rows that stay undecided are overwritten later or NULL. */
    blend_scatter(c->values, g, c->rest, c->rest_count);
    mark_valid(c, g, c->rest, c->rest_count);
    for (int32_t i = 0; i < c->rest_count; i++) {
        c->rest[kept] = c->rest[i];
        kept += column_is_null(&g->column, i * by);
    }
    c->rest_count = kept;
    return OK;
}

/* A deciding value (false for AND, true for OR) settles its row even after a NULL. */
status
step_store_logic(run *r, step *s) {
    choice        *c = choice_of(r, s);
    const reg     *g = &r->program->regs[s->args[0]];
    const uint8_t *x = g->column.values;
    uint8_t       *z = c->values;
    const int32_t  by = g->is_constant ? 0 : 1;
    const uint8_t  decides = s->kind == STEP_STORE_OR;
    int32_t        kept = 0;
    for (int32_t i = 0; i < c->rest_count; i++) {
        const int32_t row = c->rest[i];
        if (column_is_null(&g->column, i * by)) {
            bits_clear(c->validity, row);
            c->rest[kept++] = row;
        } else if (x[i * by] == decides) {
            bits_set(c->validity, row);
            z[row] = decides;
        } else {
            c->rest[kept++] = row;
        }
    }
    c->rest_count = kept;
    return OK;
}

status
step_close(run *r, step *s) {
    const choice *c = choice_of(r, s);
    r->program->regs[s->dst] = (reg){
        .column = {.type = c->type,
                   .validity = bits_all(c->validity, c->row_count) ? NULL : c->validity,
                   .values = c->values},
        .is_fresh = true,
    };
    return OK;
}
