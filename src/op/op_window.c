/* SPDX-License-Identifier: Apache-2.0 */
/* op_window.c - gives each row its windows: one output row for each, with the start as one more
 * column (CUMULATE: start and end; SESSION: the time itself, its windows are made by the
 * aggregate).
 *
 * The newest window that holds t starts at t - floorMod(t - offset, slide); those before it are a
 * slide apart and hold t while start + size > t. Rows without a time belong to no window: they are
 * dropped and counted. In a stream, pairs of row and window whose window was final when the row met
 * the watermark are dropped, and a row that lost all of its windows counts as late; one-off queries
 * drop none. Where no state above remembers what came through, the dropped pairs are recorded, for
 * those who make the stream's rows again from its sources.
 *
 * push:  computes bounds; where a row is not in exactly one window, gathers the rest, else passes
 *        the columns through
 * tick:  nothing in a stream; the base remembers the frontier, which is the watermark that the next
 *        rows meet. One-off, over a running stream: rows that were taken back too late are there
 */
#include "op/refused.h"
#include "op/rows.h"

typedef struct window_pairs { /* of rows of the delta under way and windows */
    int32_t  count;
    int32_t *rows;
    int64_t *starts, *ends;
} window_pairs;

typedef struct window {
    op      base;
    int64_t size, slide, offset; /* in units of the time column; 0 <= offset < period */
    int64_t period;              /* starts lie this far apart */
    int64_t pane; /* 0: rows get windows; else the start of their pane, of which windows are made */
    column *columns;               /* of the delta under way */
    window_pairs kept, late_pairs; /* that wait to be emitted, and to be recorded */
    refused      refused;          /* late pairs, where they must be known */
    refused_use  left_out;         /* one-off: of those of the live operator */
    /* Rows of the delta under way that are late, where they are sent somewhere. */
    bool     sends;
    int32_t  late_count;
    int32_t *late;
} window;

static status
window_validate(const op *self, error *err) {
    return refused_validate(&((const window *)self)->refused, err);
}

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
    TRY(w->columns == NULL ? error_memory(err) : OK);
    if (spec->mode == MODE_ONCE || !spec->records || spec->lateness_us == INT64_MAX) {
        return OK;
    }
    const data_type *types = schema_types(spec->output, self->env->scratch);
    return types == NULL ? error_memory(err)
                         : refused_open(&w->refused, self->env->store, "window.refused", types,
                                        spec->output->count, err);
}

static status
window_merge(op *self, op *other, error *err) {
    return refused_merge(&((window *)self)->refused, &((const window *)other)->refused, self->env,
                         err);
}

static void
window_close(op *self) {
    refused_close(&((window *)self)->refused);
}

static status
window_load(op *self, image_reader *in, error *err) {
    (void)in;
    return refused_rebuild(&((window *)self)->refused, err);
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

static status
pairs_open(window_pairs *p, arena *a, error *err) {
    p->count = 0;
    p->rows = arena_alloc(a, BATCH_ROWS * sizeof(*p->rows));
    p->starts = arena_alloc(a, BATCH_ROWS * sizeof(*p->starts));
    p->ends = arena_alloc(a, BATCH_ROWS * sizeof(*p->ends));
    return p->rows == NULL || p->starts == NULL || p->ends == NULL ? error_memory(err) : OK;
}

/* Rows of `in`, each with its window. */
static status
pairs_delta(window *w, window_pairs *p, const delta *in, delta *out, error *err) {
    const op_spec *spec = w->base.spec;
    bool           all = p->count == in->row_count;
    *out = *in;
    for (int32_t i = 0; i < p->count && all; i++) {
        all = p->rows[i] == i;
    }
    if (!all) {
        TRY(delta_gather(out, in, p->rows, p->count, w->base.env->scratch, err));
    }
    if (in->column_count > 0) {
        memcpy(w->columns, out->columns, (size_t)in->column_count * sizeof(column));
    }
    const int64_t  *bounds[] = {p->starts, p->ends};
    const data_type type = spec->input[0]->fields[spec->time_column].type;
    out->column_count = in->column_count + 1 + spec->cumulate;
    for (int32_t i = in->column_count; i < out->column_count; i++) {
        w->columns[i] =
            (column){.type = type, .layout = COLUMN_FLAT, .values = bounds[i - in->column_count]};
    }
    out->columns = w->columns;
    p->count = 0;
    return OK;
}

/* One-off, over a running stream: without the pairs that it refused. */
static status
leave_out(window *w, delta *pairs, error *err) {
    const window *live = (const window *)w->base.spec->live;
    const op_env *env = w->base.env;
    if (live == NULL || !live->refused.open) {
        return OK;
    }
    TRY(columns_to_views(w->columns, pairs->columns, pairs->column_count, pairs->row_count,
                         env->scratch, err));
    return refused_leave_out(&live->refused, &w->left_out, pairs, env->arena, env->scratch, err);
}

/* What went when its window was final is there still for the stream. */
static status
window_tick(op *self, int64_t frontier_us, error *err) {
    window       *w = (window *)self;
    const window *live = (const window *)self->spec->live;
    slot          next = 0;
    (void)frontier_us;
    while (live != NULL && live->refused.open) {
        const arena_mark mark = arena_save(self->env->scratch);
        delta            there;
        TRY(refused_missing(&live->refused, &w->left_out, &next, w->columns, &there,
                            self->env->arena, self->env->scratch, err));
        if (there.row_count == 0) {
            return OK;
        }
        TRY(op_emit(self, &there, err));
        arena_rewind(self->env->scratch, mark);
    }
    return OK;
}

/* Emits the pairs that wait. */
static status
flush_pairs(window *w, const delta *in, error *err) {
    arena           *scratch = w->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            pairs;
    if (w->kept.count == 0) {
        return OK;
    }
    TRY(pairs_delta(w, &w->kept, in, &pairs, err));
    TRY(leave_out(w, &pairs, err));
    const status s = op_emit(&w->base, &pairs, err);
    arena_rewind(scratch, mark);
    return s;
}

static status
record_late(window *w, const delta *in, error *err) {
    arena           *scratch = w->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            pairs;
    if (w->late_pairs.count == 0) {
        return OK;
    }
    TRY(pairs_delta(w, &w->late_pairs, in, &pairs, err));
    TRY(columns_to_views(w->columns, pairs.columns, pairs.column_count, pairs.row_count, scratch,
                         err));
    TRY(refused_add(&w->refused, w->base.env, &pairs, err));
    arena_rewind(scratch, mark);
    return OK;
}

static status
add_pair(window *w, const delta *in, int32_t row, int64_t start, int64_t end, bool late,
         error *err) {
    if (late && !w->refused.open) {
        return OK;
    }
    window_pairs *p = late ? &w->late_pairs : &w->kept;
    p->rows[p->count] = row;
    p->starts[p->count] = start;
    p->ends[p->count] = end;
    if (++p->count < BATCH_ROWS) {
        return OK;
    }
    return late ? record_late(w, in, err) : flush_pairs(w, in, err);
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
        w->kept.starts[w->kept.count] = start;
        w->kept.rows[w->kept.count] = i;
        w->kept.count += !late;
        if (late) {
            note_late(w, i);
            TRY(add_pair(w, in, i, start, 0, true, err));
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
    const bool all_late = is_late(w, newest, w->base.spec->window_size_us);
    if (all_late) {
        note_late(w, row);
    }
    for (int64_t n = back / w->slide; n >= 0; n--) {
        start = newest - n * w->slide;
        const bool late = all_late || is_late(w, start, w->base.spec->window_size_us);
        TRY(add_pair(w, in, row, start, 0, late, err));
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
    const bool    all_late = is_late(w, sat_add_i64(start, w->size), 0);
    if (all_late) {
        note_late(w, row);
    }
    for (int64_t n = (t - start) / w->slide + 1; n <= last; n++) {
        const int64_t end = sat_add_i64(start, n * w->slide);
        TRY(add_pair(w, in, row, start, end, all_late || is_late(w, end, 0), err));
    }
    return OK;
}

/* The watermark alone tells: a row that is not late cannot reach a session that was final. */
static status
push_times(window *w, const delta *in, int32_t row, int64_t t, error *err) {
    const op_spec *spec = w->base.spec;
    const int64_t  us = type_time_to_us(spec->time_type, t);
    const bool     late = spec->mode == MODE_STREAM && w->base.frontier_us != INT64_MIN &&
                      sat_add_i64(us, spec->lateness_us) < w->base.frontier_us;
    if (late) {
        note_late(w, row);
    }
    return add_pair(w, in, row, t, 0, late, err);
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
    TRY(pairs_open(&w->kept, scratch, err));
    TRY(w->refused.open ? pairs_open(&w->late_pairs, scratch, err) : OK);
    w->late_count = 0;
    w->sends = spec->late_count > 0 && self->env->late != NULL;
    if (w->sends) {
        w->late = arena_alloc(scratch, (size_t)in->row_count * sizeof(*w->late));
        TRY(w->late == NULL ? error_memory(err) : OK);
    }
    TRY(single ? push_tumbling(w, in, times, err) : push_each(w, in, times, err));
    TRY(send_late(w, in, err));
    TRY(record_late(w, in, err));
    return flush_pairs(w, in, err);
}

const op_class op_window_class = {
    .name = "window",
    .size = sizeof(window),
    .open = window_open,
    .push = window_push,
    .tick = window_tick,
    .merge = window_merge,
    .validate = window_validate,
    .load = window_load,
    .close = window_close,
};
