/* SPDX-License-Identifier: Apache-2.0 */
/* op_window.c - gives each row its windows: one output row for each, with the start as one more
 * column (CUMULATE: start and end; SESSION: the time itself, its windows are made by the
 * aggregate).
 *
 * The newest window that holds t starts at t - floorMod(t - offset, slide); those before it are a
 * slide apart and hold t while start + size > t. Rows without a time belong to no window: they are
 * dropped and counted. In a stream, pairs of row and window whose window was final when the row met
 * the watermark are dropped, and a row that lost all of its windows counts as late; one-off queries
 * drop none.
 *
 * push:  computes bounds; where a row is not in exactly one window, gathers the rest, else passes
 *        the columns through
 * tick:  nothing; the base remembers the frontier, which is the watermark that the next rows meet
 */
#include "op/rows.h"

typedef struct window {
    op      base;
    int64_t size, slide, offset; /* in units of the time column; 0 <= offset < period */
    int64_t period;              /* starts lie this far apart */
    int64_t pane; /* 0: rows get windows; else the start of their pane, of which windows are made */
    column *columns; /* of the delta under way */
    /* Pairs of row and window that wait to be emitted. */
    int32_t  count;
    int32_t *rows;
    int64_t *starts, *ends;
    /* Rows of the delta under way that are late, where they are sent somewhere. */
    bool     sends;
    int32_t  late_count;
    int32_t *late;
} window;

/* Is it a whole number of units? */
static bool
fits(data_type type, int64_t us) {
    return type_time_to_us(type, type_time_from_us(type, us)) == us;
}

static status
window_open(op *self, error *err) {
    window         *w = (window *)self;
    const op_spec  *spec = self->spec;
    const data_type type = spec->input[0]->fields[spec->time_column].type;
    if (type_physical(type) != PHYSICAL_I64) {
        return error_set(err, ERR_INTERNAL_ERROR, "a window over a %s column", type_name(type));
    }
    if (spec->window_size_us <= 0 || spec->window_slide_us <= 0 ||
        spec->window_slide_us > spec->window_size_us || /* gaps would drop rows unseen */
        !fits(type, spec->window_size_us) || !fits(type, spec->window_slide_us) ||
        !fits(type, spec->window_offset_us)) {
        return error_set(err, ERR_QUERY_FAILED,
                         "a window of %lld us every %lld us with offset %lld us does not fit a %s "
                         "column; use multiples of its unit",
                         (long long)spec->window_size_us, (long long)spec->window_slide_us,
                         (long long)spec->window_offset_us, type_name(type));
    }
    w->size = type_time_from_us(type, spec->window_size_us);
    w->slide = type_time_from_us(type, spec->window_slide_us);
    w->period = spec->cumulate ? w->size : w->slide;
    w->pane = type_time_from_us(type, spec->pane_us);
    const int64_t offset = type_time_from_us(type, spec->window_offset_us);
    w->offset = offset - floor_div_i64(offset, w->period) * w->period;
    w->columns = arena_alloc(self->env->arena, (size_t)spec->output->count * sizeof(column));
    w->rows = arena_alloc(self->env->arena, BATCH_ROWS * sizeof(*w->rows));
    return w->columns == NULL || w->rows == NULL ? error_memory(err) : OK;
}

/* The last of the times `offset` + n * `period` that is not after t; 0 <= offset < period. False:
 * it lies before the first possible time. No step overflows otherwise. */
static bool
last_step(int64_t period, int64_t offset, int64_t t, int64_t *start) {
    int64_t from_multiple = t % period;
    from_multiple += from_multiple < 0 ? period : 0;
    int64_t from_start = from_multiple - offset;
    from_start += from_start < 0 ? period : 0;
    return !__builtin_sub_overflow(t, from_start, start);
}

static bool
start_of(const window *w, int64_t t, int64_t *start) {
    return last_step(w->period, w->offset, t, start);
}

static status
no_start(const window *w, int64_t t, error *err) {
    const op_spec *spec = w->base.spec;
    return error_set(err, ERR_QUERY_FAILED,
                     "the window of time %lld (%s) starts before the smallest time", (long long)t,
                     type_name(spec->input[0]->fields[spec->time_column].type));
}

/* Was what ends `us` behind `bound` (in the column's unit) final when the rows met the watermark?
 */
static bool
is_late(const window *w, int64_t bound, int64_t us) {
    const op_spec *spec = w->base.spec;
    const int64_t  frontier_us = w->base.frontier_us;
    if (spec->mode == MODE_ONCE || frontier_us == INT64_MIN) {
        return false;
    }
    const int64_t end_us = sat_add_i64(type_time_to_us(spec->time_type, bound), us);
    return sat_add_i64(end_us, spec->lateness_us) <= frontier_us;
}

static void
note_late(window *w, int32_t row) {
    w->base.late_rows++;
    if (w->sends) {
        w->late[w->late_count++] = row;
    }
}

static status
send_late(window *w, const delta *in, error *err) {
    const op_spec *spec = w->base.spec;
    arena         *scratch = w->base.env->scratch;
    if (w->late_count == 0) {
        return OK;
    }
    column *picked = arena_alloc(scratch, (size_t)spec->late_count * sizeof(*picked));
    delta   late = {.row_count = in->row_count,
                    .column_count = spec->late_count,
                    .columns = picked,
                    .weight = in->weight};
    if (picked == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->late_count; i++) {
        picked[i] = in->columns[spec->late_columns[i]];
    }
    const delta all = late;
    TRY(delta_gather(&late, &all, w->late, w->late_count, scratch, err));
    return w->base.env->late->take(w->base.env->late->context, &late, err);
}

/* Emits the pairs that wait: rows of `in`, each with its window. */
static status
flush_pairs(window *w, const delta *in, error *err) {
    const op_spec   *spec = w->base.spec;
    const arena_mark mark = arena_save(w->base.env->scratch);
    delta            stay = *in;
    bool             all = w->count == in->row_count;
    if (w->count == 0) {
        return OK;
    }
    for (int32_t i = 0; i < w->count && all; i++) {
        all = w->rows[i] == i;
    }
    if (!all) {
        TRY(delta_gather(&stay, in, w->rows, w->count, w->base.env->scratch, err));
    }
    if (in->column_count > 0) {
        memcpy(w->columns, stay.columns, (size_t)in->column_count * sizeof(column));
    }
    const int64_t  *bounds[] = {w->starts, w->ends};
    const data_type type = spec->input[0]->fields[spec->time_column].type;
    stay.column_count = in->column_count + 1 + spec->cumulate;
    for (int32_t i = in->column_count; i < stay.column_count; i++) {
        w->columns[i] =
            (column){.type = type, .layout = COLUMN_FLAT, .values = bounds[i - in->column_count]};
    }
    stay.columns = w->columns;
    w->count = 0;
    const status s = op_emit(&w->base, &stay, err);
    arena_rewind(w->base.env->scratch, mark);
    return s;
}

static status
add_pair(window *w, const delta *in, int32_t row, int64_t start, int64_t end, error *err) {
    w->rows[w->count] = row;
    w->starts[w->count] = start;
    w->ends[w->count] = end;
    return ++w->count == BATCH_ROWS ? flush_pairs(w, in, err) : OK;
}

/* The start of a pane, and whether the newest of its windows was final. All its windows must start
 * at a possible time. */
static status
start_pane(window *w, int64_t t, int64_t *start, bool *late, error *err) {
    int64_t newest, oldest;
    if (!start_of(w, t, &newest) || !last_step(w->pane, w->offset % w->pane, t, start)) {
        return no_start(w, t, err);
    }
    const int64_t back = (w->size - 1 - (t - newest)) / w->slide * w->slide;
    if (__builtin_sub_overflow(newest, back, &oldest)) {
        return no_start(w, t, err);
    }
    *late = is_late(w, newest, w->base.spec->window_size_us);
    return OK;
}

static status
start_window(window *w, int64_t t, int64_t *start, bool *late, error *err) {
    if (w->pane > 0) {
        return start_pane(w, t, start, late, err);
    }
    if (!start_of(w, t, start)) {
        return no_start(w, t, err);
    }
    *late = is_late(w, *start, w->base.spec->window_size_us);
    return OK;
}

/* One window, or pane, a row. Neighbours mostly share it, so the division is rare. */
static status
push_tumbling(window *w, const delta *in, const column *times, error *err) {
    const int64_t *values = times->values;
    const uint64_t size = (uint64_t)(w->pane > 0 ? w->pane : w->size);
    int64_t        start = 0;
    bool           known = false;
    bool           late = false;
    for (int32_t i = 0; i < in->row_count; i++) {
        if (column_is_null(times, i)) {
            w->base.null_time_rows++;
            continue;
        }
        const int64_t t = values[i];
        if (!known || t < start || (uint64_t)t - (uint64_t)start >= size) {
            TRY(start_window(w, t, &start, &late, err));
            known = true;
        }
        w->starts[w->count] = start;
        w->rows[w->count] = i;
        w->count += !late;
        if (late) {
            note_late(w, i);
        }
    }
    return OK;
}

/* The windows of one row, oldest first; the oldest are late first. */
static status
push_hops(window *w, const delta *in, int32_t row, int64_t t, error *err) {
    int64_t newest, start;
    if (!start_of(w, t, &newest)) {
        return no_start(w, t, err);
    }
    const int64_t back = (w->size - 1 - (t - newest)) / w->slide * w->slide;
    if (__builtin_sub_overflow(newest, back, &start)) {
        return no_start(w, t, err);
    }
    if (is_late(w, newest, w->base.spec->window_size_us)) {
        note_late(w, row);
        return OK;
    }
    for (int64_t n = back / w->slide; n >= 0; n--) {
        start = newest - n * w->slide;
        if (!is_late(w, start, w->base.spec->window_size_us)) {
            TRY(add_pair(w, in, row, start, 0, err));
        }
    }
    return OK;
}

/* Ends lie one step apart, up to the size; those that do not fit the type end with it. */
static status
push_steps(window *w, const delta *in, int32_t row, int64_t t, error *err) {
    int64_t start;
    if (!start_of(w, t, &start)) {
        return no_start(w, t, err);
    }
    const int64_t last = w->size / w->slide;
    if (is_late(w, sat_add_i64(start, w->size), 0)) {
        note_late(w, row);
        return OK;
    }
    for (int64_t n = (t - start) / w->slide + 1; n <= last; n++) {
        const int64_t end = sat_add_i64(start, n * w->slide);
        if (!is_late(w, end, 0)) {
            TRY(add_pair(w, in, row, start, end, err));
        }
    }
    return OK;
}

/* The watermark alone tells: a row that is not late cannot reach a session that was final. */
static status
push_times(window *w, const delta *in, int32_t row, int64_t t, error *err) {
    const op_spec *spec = w->base.spec;
    const int64_t  us = type_time_to_us(spec->time_type, t);
    if (spec->mode == MODE_STREAM && w->base.frontier_us != INT64_MIN &&
        sat_add_i64(us, spec->lateness_us) < w->base.frontier_us) {
        note_late(w, row);
        return OK;
    }
    return add_pair(w, in, row, t, 0, err);
}

static status
push_each(window *w, const delta *in, const column *times, error *err) {
    const op_spec *spec = w->base.spec;
    const int64_t *values = times->values;
    for (int32_t i = 0; i < in->row_count; i++) {
        if (column_is_null(times, i)) {
            w->base.null_time_rows++;
            continue;
        }
        TRY(spec->session    ? push_times(w, in, i, values[i], err)
            : spec->cumulate ? push_steps(w, in, i, values[i], err)
                             : push_hops(w, in, i, values[i], err));
    }
    return OK;
}

static status
window_push(op *self, int32_t port, const delta *in, error *err) {
    window        *w = (window *)self;
    const op_spec *spec = self->spec;
    arena         *scratch = self->env->scratch;
    const column  *times = &in->columns[spec->time_column];
    const bool single = !spec->session && !spec->cumulate && (w->slide == w->size || w->pane > 0);
    (void)port;
    w->starts = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->starts));
    w->ends = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->ends));
    if (w->starts == NULL || w->ends == NULL) {
        return error_memory(err);
    }
    w->count = 0;
    w->late_count = 0;
    w->sends = spec->late_count > 0 && self->env->late != NULL;
    if (w->sends) {
        w->late = arena_alloc(scratch, (size_t)in->row_count * sizeof(*w->late));
        TRY(w->late == NULL ? error_memory(err) : OK);
    }
    TRY(single ? push_tumbling(w, in, times, err) : push_each(w, in, times, err));
    TRY(send_late(w, in, err));
    return flush_pairs(w, in, err);
}

const op_class op_window_class = {
    .name = "window",
    .size = sizeof(window),
    .open = window_open,
    .push = window_push,
};
