/* SPDX-License-Identifier: Apache-2.0 */
/* op_series.c - for each row the values from a start to a stop, a step apart: generate_series() and
 * range(). Integers, or timestamps with an interval as step.
 *
 * Stateless and linear: the rows of an input row have its weight. Rows are made as long as somebody
 * wants them, so a series without end ends with a LIMIT above it. A row where a bound is NULL has
 * none; a step of zero is an error.
 *
 * push:  makes the rows, BATCH_ROWS at a time
 * tick:  nothing */
#include "op/rows.h"
#include "sql/limits.h"
#include "type/calendar.h"

typedef struct series {
    op       base;
    bool     timed;
    int32_t  width;   /* of the input */
    column  *columns; /* of the delta under way */
    int32_t  count;   /* rows that wait */
    int32_t *rows;
    int64_t *values, *numbers;
} series;

static status
series_open(op *self, error *err) {
    series        *s = (series *)self;
    const op_spec *spec = self->spec;
    const schema  *in = spec->input[0];
    const size_t   room = BATCH_ROWS * sizeof(int64_t);
    s->width = in->count;
    s->timed = in->fields[spec->key_columns[2]].type.id == TYPE_INTERVAL;
    s->columns = arena_alloc_zero(self->env->arena, (size_t)spec->output->count * sizeof(column));
    s->rows = arena_alloc(self->env->arena, BATCH_ROWS * sizeof(*s->rows));
    s->values = arena_alloc(self->env->arena, room);
    s->numbers = arena_alloc(self->env->arena, room);
    return s->columns == NULL || s->rows == NULL || s->values == NULL || s->numbers == NULL
               ? error_memory(err)
               : OK;
}

/* Emits the rows that wait. DONE: nobody wants more. */
static status
flush(series *s, const delta *in, error *err) {
    const op_spec   *spec = s->base.spec;
    arena           *scratch = s->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            stay = *in;
    if (s->count == 0) {
        return OK;
    }
    TRY(op_poll(&s->base, err));
    TRY(delta_gather(&stay, in, s->rows, s->count, scratch, err));
    for (int32_t i = 0; i < spec->output->count; i++) {
        const int32_t at = spec->columns == NULL ? i : spec->columns[i];
        s->columns[i] = at < s->width ? stay.columns[at]
                                      : (column){.type = spec->output->fields[i].type,
                                                 .layout = COLUMN_FLAT,
                                                 .values = at == s->width ? s->values : s->numbers};
    }
    stay.column_count = spec->output->count;
    stay.columns = s->columns;
    stay.row_count = s->count;
    progress_add(s->base.env->counts_series ? s->base.env->counted : NULL, s->count);
    s->count = 0;
    const status done = op_emit(&s->base, &stay, err);
    arena_rewind(scratch, mark);
    return done;
}

static int32_t
most_rows(const series *s) {
    const eval_env *e = s->base.env->eval;
    return e != NULL && e->limits.series_rows > 0 ? e->limits.series_rows : SERIES_ROWS_MAX;
}

static status
too_many(const series *s, error *err) {
    error_set_at(err, ERR_QUERY_FAILED, s->base.spec->position, "the series has more than %d rows",
                 most_rows(s));
    return error_hint(err, "add LIMIT, or bring its bounds nearer to each other");
}

static status
add_value(series *s, const delta *in, int32_t row, int64_t v, int64_t number, error *err) {
    if (number > most_rows(s)) {
        return too_many(s, err);
    }
    s->rows[s->count] = row;
    s->values[s->count] = v;
    s->numbers[s->count] = number;
    return ++s->count == BATCH_ROWS ? flush(s, in, err) : OK;
}

static status
no_step(const series *s, error *err) {
    error_set_at(err, ERR_QUERY_FAILED, s->base.spec->position, "the step of a series is zero");
    return error_hint(err, "give a step that leads from the start to the stop");
}

static status
add_numbers(series *s, const delta *in, int32_t row, const int64_t bounds[2], int64_t step,
            error *err) {
    const bool inclusive = s->base.spec->inclusive;
    TRY(step == 0 ? no_step(s, err) : OK);
    int64_t v = bounds[0];
    for (int64_t number = 1;; number++) {
        const bool inside = step > 0 ? v < bounds[1] : v > bounds[1];
        if (!inside && !(inclusive && v == bounds[1])) {
            return OK;
        }
        const status added = add_value(s, in, row, v, number, err);
        if (added != OK || __builtin_add_overflow(v, step, &v)) {
            return added;
        }
    }
}

static status
add_times(series *s, const delta *in, int32_t row, const int64_t bounds[2], const interval *step,
          error *err) {
    const bool inclusive = s->base.spec->inclusive;
    int64_t    v = bounds[0], second;
    if (!timestamp_add_interval(v, step, &second)) {
        return add_value(s, in, row, v, 1, err);
    }
    TRY(second == v ? no_step(s, err) : OK);
    const bool up = second > v;
    for (int64_t number = 1;; number++) {
        const bool inside = up ? v < bounds[1] : v > bounds[1];
        if (!inside && !(inclusive && v == bounds[1])) {
            return OK;
        }
        const int64_t before = v;
        const status  added = add_value(s, in, row, v, number, err);
        if (added != OK || !timestamp_add_interval(v, step, &v)) {
            return added;
        }
        TRY(v == before || (v > before) != up ? no_step(s, err) : OK); /* 1 month - 30 days */
    }
}

static status
series_push(op *self, int32_t port, const delta *in, error *err) {
    series        *s = (series *)self;
    const int32_t *keys = self->spec->key_columns;
    const column  *start = &in->columns[keys[0]], *stop = &in->columns[keys[1]];
    const column  *step = &in->columns[keys[2]];
    (void)port;
    s->count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        if (column_is_null(start, i) || column_is_null(stop, i) || column_is_null(step, i)) {
            continue;
        }
        const int64_t bounds[2] = {((const int64_t *)start->values)[i],
                                   ((const int64_t *)stop->values)[i]};
        const status  added =
            s->timed ? add_times(s, in, i, bounds, &((const interval *)step->values)[i], err)
                      : add_numbers(s, in, i, bounds, ((const int64_t *)step->values)[i], err);
        if (added != OK) {
            return added;
        }
    }
    return flush(s, in, err);
}

const op_class op_series_class = {
    .name = "series",
    .size = sizeof(series),
    .open = series_open,
    .push = series_push,
};
