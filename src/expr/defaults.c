/* SPDX-License-Identifier: Apache-2.0 */
/* defaults.c - constants are spread, everything else is a program over rows of no columns. */
#include "expr/defaults.h"

#include "batch/routine.h"

static const expr *
default_of(const defaults *d, int32_t at) {
    return d->target->defaults == NULL ? NULL : d->target->defaults[at].value;
}

static bool
is_null(const filler *f, int32_t at) {
    return default_of((const defaults *)f, at) == NULL;
}

/* Code of the program's that was registered since the table was made. */
static void
pin_code(const expr *e) {
    if (e->kind == EXPR_CALL && e->routine != NULL) {
        routine_pin((routine *)(uintptr_t)e->routine);
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        pin_code(e->args[i]);
    }
}

/* The program of a column, ready to run. */
static status
prepare(defaults *d, int32_t at, program **out, error *err) {
    const schema none = {.count = 0};
    expr *const  self[1] = {(expr *)(uintptr_t)default_of(d, at)};
    if (d->programs == NULL) {
        d->programs =
            arena_alloc_zero(&d->arena, sizeof(program *) * (size_t)d->target->schema->count);
        if (d->programs == NULL) {
            return error_memory(err);
        }
    }
    if (d->programs[at] == NULL) {
        program *made = NULL;
        pin_code(self[0]);
        TRY(program_compile_for(&made, &d->arena, self, 1, &none, &d->eval, err));
        d->programs[at] = made;
    }
    d->eval.now_us = eval_instant(&d->eval, d->statement_us);
    *out = d->programs[at];
    return OK;
}

/* Rows beyond what a program takes at once are put together of parts. */
static status
run_parts(program *p, int32_t row_count, column *out, arena *a, error *err) {
    const size_t width = type_width(out->type);
    uint8_t     *values = arena_alloc(a, (size_t)row_count * width);
    uint64_t    *validity = arena_alloc_zero(a, (size_t)bits_words(row_count) * sizeof(uint64_t));
    bool         any_null = false;
    if (values == NULL || validity == NULL) {
        return error_memory(err);
    }
    for (int32_t done = 0; done < row_count; done += BATCH_ROWS) {
        const delta rows = {.row_count = (int32_t)min_i64(BATCH_ROWS, row_count - done)};
        column      part;
        TRY(program_run(p, &rows, &part, a, err));
        memcpy(values + (size_t)done * width, part.values, (size_t)rows.row_count * width);
        if (part.validity == NULL) {
            bits_fill(validity, done, rows.row_count, true);
        } else {
            bits_copy(validity, done, (const uint8_t *)part.validity, 0, rows.row_count);
            any_null = true;
        }
    }
    out->values = values;
    out->validity = any_null ? validity : NULL;
    return OK;
}

static status
compute(defaults *d, int32_t at, int32_t row_count, column *out, arena *a, error *err) {
    program    *p = NULL;
    const delta rows = {.row_count = row_count};
    TRY(prepare(d, at, &p, err));
    if (row_count <= BATCH_ROWS) {
        return program_run(p, &rows, out, a, err);
    }
    *out = (column){.type = default_of(d, at)->type, .layout = COLUMN_FLAT};
    return run_parts(p, row_count, out, a, err);
}

static status
refuse_null(const defaults *d, int32_t at, const column *made, int32_t row_count, error *err) {
    const field *f = &d->target->schema->fields[at];
    for (int32_t i = 0; !f->nullable && made->validity != NULL && i < row_count; i++) {
        if (column_is_null(made, i)) {
            return error_set(err, ERR_INGESTION_FAILED, "it is NULL, and the column is NOT NULL");
        }
    }
    return OK;
}

static status
fill_column(filler *f, int32_t at, int32_t row_count, column *out, arena *a, error *err) {
    defaults    *d = (defaults *)f;
    const field *shape = &d->target->schema->fields[at];
    const expr  *e = default_of(d, at);
    if (e == NULL || e->kind == EXPR_CONSTANT) {
        value v = e == NULL ? value_null((type_id)shape->type.id) : e->constant;
        v.type = shape->type;
        return column_constant(out, &v, row_count, a, err);
    }
    status s = compute(d, at, row_count, out, a, err);
    if (s == OK) {
        out->type = shape->type;
        s = refuse_null(d, at, out, row_count, err);
    }
    if (s < 0 && s != ERR_OUT_OF_MEMORY && s != ERR_QUERY_CANCELLED && err != NULL) {
        const error why = *err; /* its place is in the text of the CREATE, which is not at hand */
        return error_set(err, ERR_INGESTION_FAILED, "the DEFAULT of column \"%.*s\": %.300s",
                         TEXT_ARG(shape->name), why.message);
    }
    return s;
}

void
defaults_init(defaults *d, const object *target, mem *m, const eval_env *eval,
              int64_t *statement_us) {
    *d = (defaults){.base = {.is_null = is_null, .column = fill_column},
                    .target = target,
                    .eval = *eval,
                    .own_us = EVAL_NOW};
    d->statement_us = statement_us == NULL ? &d->own_us : statement_us;
    arena_init(&d->arena, m);
}

void
defaults_fini(defaults *d) {
    arena_fini(&d->arena);
}

void
defaults_next(defaults *d) {
    *d->statement_us = EVAL_NOW;
}
