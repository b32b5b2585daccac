/* SPDX-License-Identifier: Apache-2.0 */
/* program_run.c - evaluation of a compiled program: loads, the loop over steps, outputs, and the
 * simple steps. */
#include "expr/step.h"

#include "kernel/kernel.h"

static const uint64_t null_word[1] = {0};

void *
run_values(run *r, data_type type, int32_t row_count, bool zeroed) {
    const size_t bytes = (size_t)row_count * type_width(type);
    return zeroed ? arena_alloc_zero(r->scratch, bytes) : arena_alloc(r->scratch, bytes);
}

uint64_t *
run_bits(run *r, int32_t row_count, bool on) {
    const size_t bytes = (size_t)bits_words(row_count) * sizeof(uint64_t);
    uint64_t    *w = arena_alloc(r->scratch, bytes);
    if (w != NULL) {
        memset(w, on ? 0xFF : 0, bytes);
    }
    return w;
}

bool
step_is_constant(const run *r, const step *s) {
    if (step_is_volatile(s)) {
        return false;
    }
    for (int32_t i = 0; i < s->arg_count; i++) {
        if (!r->program->regs[s->args[i]].is_constant) {
            return false;
        }
    }
    return true;
}

int32_t
step_rows(const run *r, const step *s) {
    return step_is_constant(r, s) ? 1 : r->row_count;
}

static void
put(run *r, const step *s, column c, bool is_fresh) {
    r->program->regs[s->dst] =
        (reg){.column = c, .is_constant = step_is_constant(r, s), .is_fresh = is_fresh};
}

static status
put_null(run *r, const step *s) {
    void *values = run_values(r, s->type, 1, true);
    if (values == NULL) {
        return error_memory(r->err);
    }
    r->program->regs[s->dst] = (reg){
        .column = {.type = s->type, .validity = null_word, .values = values}, .is_constant = true};
    return OK;
}

/* ---- calls */
/* The AND of the operands' validity. False: memory is out. */
static bool
combine_validity(run *r, const step *s, int32_t rows, uint64_t **out) {
    *out = NULL;
    bool owned = false;
    for (int32_t i = 0; i < s->arg_count; i++) {
        const uint64_t *v = s->operands[i].validity;
        if (v == NULL || v == *out) {
            continue;
        }
        if (*out == NULL) {
            *out = (uint64_t *)(uintptr_t)v; /* only read until it is copied */
            continue;
        }
        if (!owned) {
            uint64_t *copy = run_bits(r, rows, true);
            if (copy == NULL) {
                return false;
            }
            memcpy(copy, *out, (size_t)bits_words(rows) * sizeof(uint64_t));
            *out = copy;
            owned = true;
        }
        for (int64_t w = 0; w < bits_words(rows); w++) {
            (*out)[w] &= v[w];
        }
    }
    return true;
}

static status
step_call(run *r, step *s) {
    const uint32_t flags = s->function->flags;
    const bool     strict = (flags & FN_NULLS) == 0;
    const int32_t  rows = step_rows(r, s);
    uint64_t      *validity = NULL;
    for (int32_t i = 0; i < s->arg_count; i++) {
        const reg *g = &r->program->regs[s->args[i]];
        if (strict && g->is_constant && column_is_null(&g->column, 0)) {
            return put_null(r, s);
        }
        s->operands[i] = (operand){
            .type = g->column.type,
            .step = g->is_constant ? 0 : 1,
            .values = g->column.values,
            /* A constant's bitmap has one bit; strict functions never see a NULL constant. */
            .validity = g->is_constant && strict ? NULL : g->column.validity,
            .owner = g->column.owner,
        };
    }
    if (strict && !combine_validity(r, s, rows, &validity)) {
        return error_memory(r->err);
    }
    fn_call call = {
        .row_count = rows,
        .arg_count = s->arg_count,
        .args = s->operands,
        .valid = validity,
        .type = s->type,
        .values = run_values(r, s->type, rows, (flags & FN_ALL_ROWS) == 0),
        .validity = validity,
        .state = s->state,
        .eval = r->program->eval,
        .scratch = r->scratch,
        .err = r->err,
    };
    if (call.values == NULL) {
        return error_memory(r->err);
    }
    TRY(s->function->kernel(&call));
    const void  *values = call.alias != NULL ? call.alias : call.values;
    const column made = {.type = s->type, .validity = call.validity, .values = values};
    TRY(eval_check_bytes(call.eval, &made, rows, r->err));
    put(r, s, made, call.alias == NULL);
    return OK;
}

/* ---- casts, NOT, IS NULL */
static status
step_cast(run *r, step *s) {
    const reg    *g = &r->program->regs[s->args[0]];
    const int32_t rows = step_rows(r, s);
    column        out;
    TRY(cast_column(&out, &g->column, rows, s->type, s->kind == STEP_TRY_CAST, r->scratch, NULL,
                    r->err));
    out.type = s->type;
    TRY(eval_check_bytes(r->program->eval, &out, rows, r->err));
    put(r, s, out, false);
    return OK;
}

static status
step_not(run *r, step *s) {
    const reg     *g = &r->program->regs[s->args[0]];
    const int32_t  rows = step_rows(r, s);
    const uint8_t *x = g->column.values;
    uint8_t       *z = run_values(r, s->type, rows, false);
    if (z == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < rows; i++) {
        z[i] = x[i] == 0;
    }
    put(r, s, (column){.type = s->type, .validity = g->column.validity, .values = z}, true);
    return OK;
}

static status
step_is_null(run *r, step *s) {
    const reg    *g = &r->program->regs[s->args[0]];
    const int32_t rows = step_rows(r, s);
    uint8_t      *z = run_values(r, s->type, rows, true);
    if (z == NULL) {
        return error_memory(r->err);
    }
    if (g->column.validity != NULL) {
        for (int32_t i = 0; i < rows; i++) {
            z[i] = !bits_get(g->column.validity, i);
        }
    }
    put(r, s, (column){.type = s->type, .values = z}, true);
    return OK;
}

/* ---- the loop */
static step_function *const step_functions[STEP_KIND_COUNT] = {
    [STEP_CALL] = step_call,
    [STEP_CAST] = step_cast,
    [STEP_TRY_CAST] = step_cast,
    [STEP_NOT] = step_not,
    [STEP_IS_NULL] = step_is_null,
    [STEP_IN] = step_in,
    [STEP_LAMBDA] = step_lambda,
    [STEP_AND] = step_and,
    [STEP_OR] = step_or,
    [STEP_CASE] = step_case,
    [STEP_COALESCE] = step_coalesce,
    [STEP_OPEN] = step_open,
    [STEP_OPEN_AND] = step_open,
    [STEP_OPEN_OR] = step_open,
    [STEP_ENTER_REST] = step_enter,
    [STEP_ENTER_TAKEN] = step_enter,
    [STEP_LEAVE] = step_leave,
    [STEP_SPLIT] = step_split,
    [STEP_STORE_TAKEN] = step_store,
    [STEP_STORE_REST] = step_store,
    [STEP_STORE_VALID] = step_store_valid,
    [STEP_STORE_AND] = step_store_logic,
    [STEP_STORE_OR] = step_store_logic,
    [STEP_CLOSE] = step_close,
};

status
step_run(run *r, step *s) {
    const status done = step_functions[s->kind](r, s);
    if (UNLIKELY(done < 0) && r->err != NULL && done != ERR_OUT_OF_MEMORY &&
        done != ERR_QUERY_CANCELLED &&                      /* which has no place */
        (s->kind != STEP_LAMBDA || r->err->position < 0)) { /* its body knows better */
        r->err->position = s->position;
    }
    return done;
}

static void
clear_nulls(char *values, const column *c, int32_t rows) {
    const size_t width = type_width(c->type);
    for (int64_t w = 0; w < bits_words(rows); w++) {
        uint64_t missing = ~c->validity[w];
        for (; missing != 0; missing &= missing - 1) {
            const int64_t row = w * 64 + __builtin_ctzll(missing);
            if (row >= rows) {
                break;
            }
            memset(values + (size_t)row * width, 0, width);
        }
    }
}

/* Results under NULL are zero, so that they are the same however they came about. */
static status
deliver(run *r, const reg *g, column *out) {
    if (g->is_constant) {
        const value v = column_value(&g->column, 0);
        return column_constant(out, &v, r->row_count, r->scratch, r->err);
    }
    *out = g->column;
    if (out->validity == NULL) {
        return OK;
    }
    char *values = (char *)(uintptr_t)out->values; /* ours to write to when is_fresh */
    if (!g->is_fresh) {
        values = run_values(r, out->type, r->row_count, false);
        if (values == NULL) {
            return error_memory(r->err);
        }
        memcpy(values, out->values, (size_t)r->row_count * type_width(out->type));
        out->values = values;
        out->owner = NULL;
    }
    clear_nulls(values, out, r->row_count);
    return OK;
}

status
program_run(program *p, const delta *in, column *out, arena *scratch, error *err) {
    run r = {.program = p, .scratch = scratch, .err = err, .row_count = in->row_count};
    for (int32_t i = 0; i < p->load_count; i++) {
        reg          *g = &p->regs[p->loads[i].dst];
        const column *c = &in->columns[p->loads[i].column];
        g->is_constant = false;
        g->is_fresh = false;
        TRY(column_views(&g->column, c, in->row_count, scratch, err));
    }
    while (r.next < p->step_count) {
        step *s = &p->steps[r.next++];
        TRY(step_run(&r, s));
    }
    for (int32_t i = 0; i < p->output_count; i++) {
        const output *o = &p->outputs[i];
        if (o->column >= 0) {
            out[i] = in->columns[o->column];
        } else {
            TRY(deliver(&r, &p->regs[o->reg], &out[i]));
        }
    }
    return OK;
}
