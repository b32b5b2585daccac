/* SPDX-License-Identifier: Apache-2.0 */
/* op_window.c - gives each row the start of its tumbling window as one more column.
 *
 * start = floor((t - offset) / size) * size + offset, in the unit of the time column. Rows without
 * a time belong to no window: they are dropped and counted. In a stream, rows whose window was
 * final when they met the watermark are dropped and counted as late; one-off queries drop none.
 *
 * push:  computes starts; when rows fall out, gathers the rest, else passes the columns through
 * tick:  nothing; the base remembers the frontier, which is the watermark that the next rows meet
 */
#include "op/rows.h"

typedef struct window {
    op      base;
    int64_t size, offset; /* in units of the time column; 0 <= offset < size */
    column *columns;      /* of the delta under way */
} window;

static status
window_open(op *self, error *err) {
    window         *w = (window *)self;
    const op_spec  *spec = self->spec;
    const int64_t   unit = spec->time_unit_us;
    const data_type type = spec->input[0]->fields[spec->time_column].type;
    if (type_physical(type) != PHYSICAL_I64 || unit <= 0) {
        return error_set(err, ERR_INTERNAL_ERROR, "a window over a %s column", type_name(type));
    }
    if (spec->window_size_us <= 0 || spec->window_size_us % unit != 0 ||
        spec->window_offset_us % unit != 0) {
        return error_set(err, ERR_QUERY_FAILED,
                         "a window of %lld us with offset %lld us does not fit a %s column, which "
                         "counts in units of %lld us; use multiples of that",
                         (long long)spec->window_size_us, (long long)spec->window_offset_us,
                         type_name(type), (long long)unit);
    }
    w->size = spec->window_size_us / unit;
    const int64_t offset = spec->window_offset_us / unit;
    w->offset = offset - floor_div_i64(offset, w->size) * w->size;
    w->columns = arena_alloc(self->env->arena, (size_t)spec->output->count * sizeof(column));
    return w->columns == NULL ? error_memory(err) : OK;
}

/* False: the start lies before the first possible time. No step overflows otherwise. */
static bool
start_of(const window *w, int64_t t, int64_t *start) {
    int64_t from_multiple = t % w->size;
    from_multiple += from_multiple < 0 ? w->size : 0;
    int64_t from_start = from_multiple - w->offset;
    from_start += from_start < 0 ? w->size : 0;
    return !__builtin_sub_overflow(t, from_start, start);
}

static bool
is_late(const window *w, int64_t start) {
    const op_spec *spec = w->base.spec;
    const int64_t  frontier_us = w->base.frontier_us;
    if (spec->mode == MODE_ONCE || frontier_us == INT64_MIN) {
        return false;
    }
    const int64_t end_us =
        sat_add_i64(sat_mul_i64(start, spec->time_unit_us), spec->window_size_us);
    return sat_add_i64(end_us, spec->lateness_us) <= frontier_us;
}

/* Fills starts of the rows that stay, one after the other, and their row numbers. Neighbours mostly
 * share a window, so the division is rare. */
static status
assign_windows(window *w, const column *times, int32_t row_count, int64_t *starts, int32_t *rows,
               int32_t *kept, error *err) {
    const int64_t *values = times->values;
    const uint64_t size = (uint64_t)w->size;
    int64_t        start = 0;
    bool           known = false;
    bool           late = false;
    int32_t        n = 0;
    for (int32_t i = 0; i < row_count; i++) {
        if (column_is_null(times, i)) {
            w->base.null_time_rows++;
            continue;
        }
        const int64_t t = values[i];
        if (!known || t < start || (uint64_t)t - (uint64_t)start >= size) {
            if (!start_of(w, t, &start)) {
                return error_set(err, ERR_QUERY_FAILED,
                                 "the window of time %lld (%s) starts before the smallest time",
                                 (long long)t, type_name(times->type));
            }
            late = is_late(w, start);
            known = true;
        }
        starts[n] = start;
        rows[n] = i;
        n += !late;
        w->base.late_rows += late;
    }
    *kept = n;
    return OK;
}

static status
window_push(op *self, int32_t port, const delta *in, error *err) {
    window *w = (window *)self;
    arena  *scratch = self->env->scratch;
    (void)port;
    int64_t *starts = arena_alloc(scratch, (size_t)in->row_count * sizeof(*starts));
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (starts == NULL || rows == NULL) {
        return error_memory(err);
    }
    const column *times = &in->columns[self->spec->time_column];
    int32_t       kept = 0;
    TRY(assign_windows(w, times, in->row_count, starts, rows, &kept, err));
    if (kept == 0) {
        return OK;
    }
    delta stay = *in;
    if (kept < in->row_count) {
        TRY(delta_gather(&stay, in, rows, kept, scratch, err));
    }
    if (in->column_count > 0) {
        memcpy(w->columns, stay.columns, (size_t)in->column_count * sizeof(column));
    }
    w->columns[in->column_count] =
        (column){.type = times->type, .layout = COLUMN_FLAT, .values = starts};
    stay.columns = w->columns;
    stay.column_count = in->column_count + 1;
    return op_emit(self, &stay, err);
}

const op_class op_window_class = {
    .name = "window",
    .size = sizeof(window),
    .open = window_open,
    .push = window_push,
};
