/* SPDX-License-Identifier: Apache-2.0 */
/* program_lambda.c - list_transform, list_filter and list_reduce: the body of a lambda is a program
 * of its own over rows that are items. The items of all lists of a batch go through it together,
 * BATCH_ROWS at a time; a reduction takes one step of all lists at a time. */
#include "expr/nested_call.h"
#include "expr/step.h"

struct lambda_step {
    lambda_kind kind;
    int32_t     given; /* arguments that are no captures: the list, a start */
    int32_t     first; /* column of the first capture */
    int32_t     width; /* columns of the body */
    data_type  *types; /* of the columns */
    program    *body;
};

status
lambda_step_make(lambda_step **out, arena *a, const expr *e, error *err) {
    const expr_lambda *l = e->lambda;
    lambda_step       *s = arena_alloc_zero(a, sizeof(*s));
    schema             in = {.count = l->first + e->arg_count - l->given};
    in.fields = arena_alloc_zero(a, (size_t)in.count * sizeof(*in.fields));
    if (s == NULL || in.fields == NULL) {
        return error_memory(err);
    }
    *s = (lambda_step){.kind = l->kind, .given = l->given, .first = l->first, .width = in.count};
    s->types = arena_alloc(a, (size_t)in.count * sizeof(*s->types));
    if (s->types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in.count; i++) {
        s->types[i] = i < l->first ? l->types[i] : e->args[l->given + i - l->first]->type;
        in.fields[i] = (field){.name = TEXT("item"), .type = s->types[i], .nullable = true};
    }
    *out = s;
    return program_compile(&s->body, a, &l->body, 1, &in, err);
}

/* ---- one call of the body */

typedef struct items { /* rows of the body under way */
    run     *run;
    step    *step;
    int32_t  count;
    int32_t *rows; /* of the frame: where each item is from */
    column  *columns;
    value   *results; /* of all calls so far */
    int64_t  result_count;
} items;

/* Empty columns; what earlier calls gave may point into the old ones. */
static status
items_begin(items *it) {
    lambda_step *l = it->step->lambda;
    arena       *a = it->run->scratch;
    it->count = 0;
    it->rows = arena_alloc(a, BATCH_ROWS * sizeof(*it->rows));
    it->columns = arena_alloc_zero(a, (size_t)l->width * sizeof(*it->columns));
    if (it->rows == NULL || it->columns == NULL) {
        return error_memory(it->run->err);
    }
    for (int32_t i = 0; i < l->first; i++) {
        column *c = &it->columns[i];
        *c = (column){.type = l->types[i], .layout = COLUMN_FLAT};
        c->values = run_values(it->run, c->type, BATCH_ROWS, true);
        c->validity = run_bits(it->run, BATCH_ROWS, true);
        if (c->values == NULL || c->validity == NULL) {
            return error_memory(it->run->err);
        }
    }
    return OK;
}

static void
items_store(items *it, int32_t at, const value *v) {
    const column *c = &it->columns[at];
    if (v->is_null || v->type.id == TYPE_NULL) {
        bits_clear((uint64_t *)(uintptr_t)c->validity, it->count);
    } else {
        column_store((void *)(uintptr_t)c->values, it->count, v);
    }
}

/* Runs the body over the items, whose results are appended. */
static status
items_flush(items *it) {
    lambda_step *l = it->step->lambda;
    run         *r = it->run;
    column       out;
    int32_t     *zeros = NULL;
    if (it->count == 0) {
        return OK;
    }
    TRY(interrupt_look(r->err));
    for (int32_t i = l->first; i < l->width; i++) {
        const reg *g = &r->program->regs[it->step->args[l->given + i - l->first]];
        if (g->is_constant && zeros == NULL) {
            zeros = arena_alloc_zero(r->scratch, BATCH_ROWS * sizeof(*zeros));
            TRY(zeros == NULL ? error_memory(r->err) : OK);
        }
        TRY(column_gather(&it->columns[i], &g->column, g->is_constant ? zeros : it->rows, it->count,
                          r->scratch, r->err));
    }
    const delta in = {.row_count = it->count, .column_count = l->width, .columns = it->columns};
    TRY(program_run(l->body, &in, &out, r->scratch, r->err));
    column *kept = arena_alloc(r->scratch, sizeof(*kept)); /* short texts lie in its views */
    TRY(kept == NULL ? error_memory(r->err) : OK);
    *kept = out;
    for (int32_t i = 0; i < it->count; i++) {
        it->results[it->result_count++] = column_value(kept, i);
    }
    return items_begin(it);
}

/* ---- list_transform, list_filter */

static operand
operand_of(const run *r, const step *s, int32_t arg) {
    const reg *g = &r->program->regs[s->args[arg]];
    return (operand){.type = g->column.type,
                     .step = g->is_constant ? 0 : 1,
                     .values = g->column.values,
                     .validity = g->column.validity};
}

static int32_t
list_count(const operand *lists, int32_t row) {
    return operand_is_null(lists, row) ? 0 : operand_nested(lists, row).count;
}

static status
begin(items *it, const operand *lists, int32_t rows, bool all) {
    int64_t total = rows;
    for (int32_t i = 0; i < rows && all; i++) {
        total += list_count(lists, i);
    }
    it->results = arena_alloc(it->run->scratch, (size_t)total * sizeof(*it->results));
    return it->results == NULL ? error_memory(it->run->err) : items_begin(it);
}

static status
run_items(items *it, const operand *lists, int32_t rows) {
    TRY(begin(it, lists, rows, true));
    for (int32_t row = 0; row < rows; row++) {
        if (operand_is_null(lists, row)) {
            continue;
        }
        const nested_view v = operand_nested(lists, row);
        for (int32_t i = 0; i < v.count; i++) {
            const value item = nested_at(&v, i), number = value_i64(i + 1);
            items_store(it, 0, &item);
            items_store(it, 1, &number);
            it->rows[it->count++] = row;
            TRY(it->count == BATCH_ROWS ? items_flush(it) : OK);
        }
    }
    return items_flush(it);
}

/* The items for which the body is true; *found has room for all. */
static int32_t
pick_items(value *found, const nested_view *v, const value *results) {
    int32_t count = 0;
    for (int32_t i = 0; i < v->count; i++) {
        if (!results[i].is_null && results[i].b) {
            found[count++] = nested_at(v, i);
        }
    }
    return count;
}

static status
build_lists(items *it, const operand *lists, int32_t rows, strview *out, uint64_t *validity) {
    const step  *s = it->step;
    run         *r = it->run;
    const value *results = it->results;
    for (int32_t row = 0; row < rows; row++) {
        if (operand_is_null(lists, row)) {
            bits_clear(validity, row);
            continue;
        }
        const nested_view v = operand_nested(lists, row);
        const value      *chosen = results;
        int32_t           count = v.count;
        value             made;
        if (s->lambda->kind == LAMBDA_FILTER) {
            value *found = arena_alloc(r->scratch, (size_t)v.count * sizeof(*found));
            TRY(found == NULL ? error_memory(r->err) : OK);
            count = pick_items(found, &v, results);
            chosen = found;
        }
        TRY(nested_make(&made, s->type, chosen, count, r->scratch, r->err));
        out[row] = strview_of(made.s.data, (uint32_t)made.s.size);
        results += v.count;
    }
    return OK;
}

/* ---- list_reduce */

/* The first values: the start, or the first item. */
static status
start_values(value *now, const items *it, const operand *lists, int32_t rows) {
    const lambda_step *l = it->step->lambda;
    for (int32_t row = 0; row < rows; row++) {
        now[row] = (value){.type = it->step->type, .is_null = true};
        if (operand_is_null(lists, row)) {
            continue;
        }
        const nested_view v = operand_nested(lists, row);
        if (l->given > 1) {
            const operand start = operand_of(it->run, it->step, 1);
            now[row] = column_value(
                &(column){.type = start.type, .values = start.values, .validity = start.validity},
                (int64_t)row * start.step);
        } else if (v.count > 0) {
            now[row] = nested_at(&v, 0);
        }
    }
    return OK;
}

static status
run_reduction(items *it, const operand *lists, int32_t rows, value *now) {
    const int32_t skipped = it->step->lambda->given > 1 ? 0 : 1;
    TRY(start_values(now, it, lists, rows));
    bool more = true;
    for (int32_t i = skipped; more; i++) {
        int32_t first = 0;
        more = false;
        it->result_count = 0;
        for (int32_t row = 0; row < rows; row++) {
            if (list_count(lists, row) > i) {
                const nested_view v = operand_nested(lists, row);
                const value       item = nested_at(&v, i), number = value_i64(i + 1);
                items_store(it, 0, &now[row]);
                items_store(it, 1, &item);
                items_store(it, 2, &number);
                it->rows[it->count++] = row;
                more = true;
            }
            if (it->count == BATCH_ROWS || row + 1 == rows) {
                const int32_t count = it->count, *from = it->rows;
                TRY(items_flush(it));
                for (int32_t k = 0; k < count; k++) {
                    now[from[k]] = it->results[first + k];
                }
                first += count;
            }
        }
    }
    return OK;
}

/* ---- the step */

static status
step_reduce(run *r, step *s, const operand *lists, int32_t rows, void *values, uint64_t *validity) {
    items  it = {.run = r, .step = s};
    value *now = arena_alloc(r->scratch, (size_t)rows * sizeof(*now));
    TRY(now == NULL ? error_memory(r->err) : OK);
    TRY(begin(&it, lists, rows, false));
    TRY(run_reduction(&it, lists, rows, now));
    for (int32_t row = 0; row < rows; row++) {
        if (now[row].is_null || now[row].type.id == TYPE_NULL) {
            bits_clear(validity, row);
        } else {
            column_store(values, row, &now[row]);
        }
    }
    return OK;
}

status
step_lambda(run *r, step *s) {
    const int32_t rows = step_rows(r, s);
    const operand lists = operand_of(r, s, 0);
    void         *values = run_values(r, s->type, rows, true);
    uint64_t     *validity = run_bits(r, rows, true);
    if (values == NULL || validity == NULL) {
        return error_memory(r->err);
    }
    if (s->lambda->kind == LAMBDA_REDUCE) {
        TRY(step_reduce(r, s, &lists, rows, values, validity));
    } else {
        items it = {.run = r, .step = s};
        TRY(run_items(&it, &lists, rows));
        TRY(build_lists(&it, &lists, rows, values, validity));
    }
    const column out = {.type = s->type, .validity = validity, .values = values};
    r->program->regs[s->dst] =
        (reg){.column = out, .is_constant = step_is_constant(r, s), .is_fresh = true};
    return OK;
}
