/* SPDX-License-Identifier: Apache-2.0 */
/* fn_routine.c - calls of functions whose code is the program's.
 *
 * A step holds the code as long as its program lives. Rows with a NULL argument are not shown to
 * code that does not ask for them. A call of constants is made when a row first needs it, and once
 * for a program, unless it is volatile. */
#include "batch/routine.h"

#include "expr/call.h"

typedef struct site {
    const routine *routine;
    routine_code  *code;
    arena         *arena;
    column        *columns;
    data_type     *types;
    bool          *constants;
    bool           known; /* `once` is the value of a call of constants */
    column         once;
} site;

static fn_kernel fn_routine;

enum { ALL = FN_FALLIBLE | FN_HEAVY | FN_ALL_ROWS };

/* By FN_NULLS and FN_VOLATILE. */
static const function functions[2][2] = {
    {{.name = "", .flags = ALL, .kernel = fn_routine},
     {.name = "", .flags = ALL | FN_VOLATILE, .kernel = fn_routine}},
    {{.name = "", .flags = ALL | FN_NULLS, .kernel = fn_routine},
     {.name = "", .flags = ALL | FN_NULLS | FN_VOLATILE, .kernel = fn_routine}}};

expr *
expr_routine_call(arena *a, const routine *r, expr **args, int32_t arg_count, int32_t position) {
    expr *e = expr_make(a, EXPR_CALL, r->result, args, arg_count, position);
    if (e != NULL) {
        const bool nulls = (r->flags & ROUTINE_NULLS) != 0;
        e->function = &functions[nulls][(r->flags & ROUTINE_VOLATILE) != 0];
        e->routine = r;
    }
    return e;
}

static void
release_code(void *arg) {
    site *s = arg;
    routine_code_release(s->code);
    s->code = NULL;
}

status
routine_prepare(void **state, arena *a, const routine *r, int32_t arg_count, error *err) {
    const size_t n = (size_t)arg_count;
    site        *s = arena_alloc_zero(a, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    *s = (site){.routine = r,
                .arena = a,
                .columns = arena_alloc(a, n * sizeof(column)),
                .types = arena_alloc(a, n * sizeof(data_type)),
                .constants = arena_alloc(a, n * sizeof(bool))};
    if (s->columns == NULL || s->types == NULL || s->constants == NULL ||
        !arena_cleanup_add(a, release_code, s)) {
        return error_memory(err);
    }
    *state = s;
    return routine_take(&s->code, r, err);
}

/* ---- the call */
static void
note_operands(site *s, const fn_call *c) {
    for (int32_t i = 0; i < c->arg_count; i++) {
        const operand *o = &c->args[i];
        s->columns[i] = (column){
            .type = o->type, .validity = o->validity, .values = o->values, .owner = o->owner};
        s->types[i] = o->type;
        s->constants[i] = o->step == 0;
    }
}

static status
call(site *s, const fn_call *c, int32_t rows, arena *a, column *out) {
    const routine_rows in = {.row_count = rows,
                             .count = c->arg_count,
                             .columns = s->columns,
                             .types = s->types,
                             .constants = s->constants};
    return s->code->class->call(s->code, &in, a, out, c->err);
}

static void
deliver(fn_call *c, const column *made) {
    c->alias = made->values;
    c->validity = (uint64_t *)(uintptr_t)made->validity; /* nobody writes to it behind this */
}

/* The rows without NULLs alone; the others give NULL. */
static status
call_valid(site *s, fn_call *c, int32_t valid) {
    int32_t *rows = arena_alloc(c->scratch, (size_t)valid * sizeof(*rows));
    int32_t *back = arena_alloc(c->scratch, (size_t)c->row_count * sizeof(*back));
    column   made, spread;
    if (rows == NULL || back == NULL) {
        return error_memory(c->err);
    }
    for (int32_t i = 0, k = 0; i < c->row_count; i++) {
        back[i] = -1;
        if (bits_get(c->valid, i)) {
            rows[k] = i;
            back[i] = k++;
        }
    }
    for (int32_t i = 0; i < c->arg_count; i++) {
        const column whole = s->columns[i];
        if (!s->constants[i]) {
            TRY(column_gather(&s->columns[i], &whole, rows, valid, c->scratch, c->err));
            s->columns[i].validity = NULL;
        }
    }
    TRY(call(s, c, valid, c->scratch, &made));
    TRY(column_gather(&spread, &made, back, c->row_count, c->scratch, c->err));
    deliver(c, &spread);
    return OK;
}

static bool
is_constant_call(const site *s, const fn_call *c) {
    bool constant = (s->routine->flags & ROUTINE_VOLATILE) == 0;
    for (int32_t i = 0; i < c->arg_count; i++) {
        constant &= s->constants[i];
    }
    return constant;
}

static status
fn_routine(fn_call *c) {
    site         *s = c->state;
    const int32_t valid =
        c->valid == NULL ? c->row_count : (int32_t)bits_count(c->valid, c->row_count);
    note_operands(s, c);
    if (valid == 0) {
        memset(c->values, 0, (size_t)c->row_count * type_width(c->type));
        return OK;
    }
    if (valid < c->row_count) {
        return call_valid(s, c, valid);
    }
    const bool constant = is_constant_call(s, c);
    column     made = s->once;
    if (!constant || !s->known) {
        TRY(call(s, c, c->row_count, constant ? s->arena : c->scratch, &made));
        s->once = made;
        s->known = constant;
    }
    deliver(c, &made);
    return OK;
}
