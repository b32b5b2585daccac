/* SPDX-License-Identifier: Apache-2.0 */
/* over_aggregate.c - aggregates over frames that slide: rows go in with weight +1 and out with -1,
 * so any aggregate works, and a row costs what enters and leaves.
 *
 * A state that is kept (frames from the first row of the partition on, in streams) holds all rows
 * of the partition between ticks. It is taken back to the first row that changed, and forward
 * again. */
#include "agg/agg_distinct.h"
#include "kernel/access.h"
#include "op/over.h"

#define OVER_ROW_WORK 256 /* of a row whose frame moves, for interrupt_spend */

typedef struct slider {
    int64_t          spent; /* since a look, over all parts */
    over            *o;
    const over_view *v;
    const over_call *call;
    agg             *agg;
    slot             slot;
    const uint8_t   *filter; /* per row; NULL: all count */
    column          *input;  /* of the rows that move; NULL: no columns */
    slot            *slots;  /* BATCH_ROWS times `slot` */
    int64_t         *plus, *minus;
    arena           *memory;
    int32_t          start, end;         /* rows that are in ... */
    int32_t          gap_start, gap_end; /* ... but for these */
} slider;

/* ---- opening */

static status
open_call(agg **out, const over *o, const over_call *call, bool append_only, error *err) {
    const op_env  *env = o->base.env;
    const agg_site site = {.store = env->store,
                           .mem = env->mem,
                           .name = call->class->name,
                           .append_only = append_only};
    return call->distinct ? agg_distinct_open(out, call->class, &call->signature, &site, err)
                          : call->class->open(out, call->class, &call->signature, &site, err);
}

status
over_aggregates_open(over *o, error *err) {
    const op_spec *spec = o->base.spec;
    arena         *a = o->base.env->arena;
    const slot     zero = 0;
    if (o->aggs == NULL) { /* else they are opened again */
        o->aggs = arena_alloc_zero(a, (size_t)o->call_count * sizeof(agg *));
        o->spare = arena_alloc_zero(a, (size_t)o->call_count * sizeof(agg *));
    }
    if (o->aggs == NULL || o->spare == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < o->call_count; i++) {
        const over_call *call = &o->calls[i];
        if (call->kind != OVER_AGGREGATE) {
            continue;
        }
        const bool grows = over_is_kept(call) && call->frame.exclude == EXCLUDE_NONE;
        if (spec->mode == MODE_ONCE) {
            TRY(open_call(&o->aggs[i], o, call, grows, err));
        } else if (over_is_kept(call)) {
            const bool whole = over_frame_is_whole(&call->frame);
            TRY(open_call(&o->aggs[i], o, call, whole && spec->append_only[0], err));
        } else {
            TRY(open_call(&o->spare[i], o, call, false, err));
            TRY(o->spare[i]->class->init(o->spare[i], &zero, 1, err));
        }
    }
    return OK;
}

void
over_aggregates_close(over *o) {
    for (int32_t i = 0; o->aggs != NULL && o->spare != NULL && i < o->call_count; i++) {
        if (o->aggs[i] != NULL) {
            o->aggs[i]->class->close(o->aggs[i]);
            o->aggs[i] = NULL;
        }
        if (o->spare[i] != NULL) {
            o->spare[i]->class->close(o->spare[i]);
            o->spare[i] = NULL;
        }
    }
}

status
over_aggregates_settle(op *self, error *err) {
    over *o = (over *)self;
    for (int32_t i = 0; o->aggs != NULL && i < o->call_count; i++) {
        if (o->aggs[i] != NULL && o->aggs[i]->class->settle != NULL) {
            TRY(o->aggs[i]->class->settle(o->aggs[i], self->env->scratch, err));
        }
    }
    return OK;
}

/* ---- rows in and out */

/* Rows first .. first + count of a column of views, at any place. */
static status
cut_column(column *out, const column *in, int32_t first, int32_t count, arena *a, error *err) {
    *out = *in;
    out->values = (const uint8_t *)in->values + (size_t)first * type_width(in->type);
    out->owner = NULL;
    if (in->validity == NULL) {
        return OK;
    }
    uint64_t *validity = arena_alloc(a, (size_t)bits_words(count) * sizeof(*validity));
    if (validity == NULL) {
        return error_memory(err);
    }
    bits_copy(validity, 0, (const uint8_t *)in->validity, first, count);
    out->validity = validity;
    return OK;
}

/* Rows [first, end) with their weights; NULL: all +1. */
static status
move_rows(slider *s, int32_t first, int32_t end, const int64_t *weights, error *err) {
    arena *a = s->memory;
    while (first < end) {
        const int32_t    count = end - first < BATCH_ROWS ? end - first : BATCH_ROWS;
        const arena_mark mark = arena_save(a);
        for (int32_t k = 0; k < s->call->signature.column_count; k++) {
            TRY(cut_column(&s->input[k], &s->v->columns[s->call->columns[k]], first, count, a,
                           err));
        }
        TRY(s->agg->class->update(s->agg, s->slots, s->input, weights,
                                  s->filter == NULL ? NULL : s->filter + first, count, a, err));
        arena_rewind(a, mark);
        first += count;
        weights = weights == NULL || weights == s->minus ? weights : weights + count;
    }
    return OK;
}

static status
add_rows(slider *s, int32_t first, int32_t end, error *err) {
    return move_rows(s, first, end, NULL, err);
}

static status
remove_rows(slider *s, int32_t first, int32_t end, error *err) {
    return move_rows(s, first, end, s->minus, err);
}

/* [first, end) without [but_first, but_end), by one of the two above. */
static status
move_difference(slider *s, int32_t first, int32_t end, int32_t but_first, int32_t but_end,
                status (*move)(slider *s, int32_t first, int32_t end, error *err), error *err) {
    if (but_first >= but_end || but_end <= first || but_first >= end) {
        return move(s, first, end, err);
    }
    TRY(move(s, first, but_first, err));
    return move(s, but_end, end, err);
}

/* What is in becomes [start, end) without [gap_start, gap_end), which lies in it. No row is out
 * that was not in. */
static status
slide_to(slider *s, int32_t start, int32_t end, int32_t gap_start, int32_t gap_end, error *err) {
    TRY(move_difference(s, s->gap_start, s->gap_end, gap_start, gap_end, add_rows, err));
    TRY(move_difference(s, start, end, s->start, s->end, add_rows, err));
    TRY(move_difference(s, s->start, s->end, start, end, remove_rows, err));
    TRY(move_difference(s, gap_start, gap_end, s->gap_start, s->gap_end, remove_rows, err));
    s->start = start;
    s->end = end;
    s->gap_start = gap_start;
    s->gap_end = gap_end;
    return OK;
}

static status
filter_rows(const uint8_t **out, const column *c, int32_t count, arena *a, error *err) {
    uint8_t *bytes = arena_alloc(a, (size_t)count);
    if (bytes == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        bytes[i] = !row_is_null(c, i) && ((const uint8_t *)c->values)[i] != 0;
    }
    *out = bytes;
    return OK;
}

static status
slider_open(slider *s, over *o, const over_view *v, int32_t i, arena *a, error *err) {
    *s = (slider){.o = o, .v = v, .call = &o->calls[i], .memory = a};
    s->slots = arena_alloc(a, BATCH_ROWS * sizeof(*s->slots));
    s->minus = arena_alloc(a, BATCH_ROWS * sizeof(*s->minus));
    const int32_t columns = s->call->signature.column_count;
    s->input = columns == 0 ? NULL : arena_alloc(a, (size_t)columns * sizeof(*s->input));
    if (s->slots == NULL || s->minus == NULL || (columns > 0 && s->input == NULL)) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < BATCH_ROWS; k++) {
        s->minus[k] = -1;
    }
    return s->call->filter < 0
               ? OK
               : filter_rows(&s->filter, &v->columns[s->call->filter], v->row_count, a, err);
}

static void
slider_aim(slider *s, agg *state, slot at) {
    const int32_t room = s->v->row_count < BATCH_ROWS ? s->v->row_count : BATCH_ROWS;
    s->agg = state;
    s->slot = at;
    for (int32_t i = 0; i < room; i++) {
        s->slots[i] = at;
    }
}

/* ---- values */

typedef struct value_writer {
    uint8_t  *values;
    uint64_t *validity;
    size_t    width;
    bool      is_text;
} value_writer;

static void
copy_value(value_writer *w, int32_t to, int32_t from) {
    memcpy(w->values + (size_t)to * w->width, w->values + (size_t)from * w->width, w->width);
    bits_put(w->validity, to, bits_get(w->validity, from));
}

static status
write_value(slider *s, value_writer *w, int32_t row, error *err) {
    const arena_mark mark = arena_save(s->memory);
    column           c;
    TRY(s->agg->class->value(s->agg, &s->slot, 1, s->memory, &c, err));
    TRY(agg_makes_values(s->agg) ? eval_check_bytes(s->o->base.env->eval, &c, 1, err) : OK);
    memcpy(w->values + (size_t)row * w->width, c.values, w->width);
    bits_put(w->validity, row, !row_is_null(&c, 0));
    if (!w->is_text) { /* text lies where the value was made */
        arena_rewind(s->memory, mark);
    }
    return OK;
}

/* The rows of the frame that are left out, within it. */
static void
find_gap(const slider *s, const over_bounds *b, int32_t row, int32_t *first, int32_t *end) {
    const frame_exclude exclude = s->call->frame.exclude;
    const int32_t       g = s->v->group[row];
    int32_t             from = exclude == EXCLUDE_CURRENT ? row : s->v->group_start[g];
    int32_t             to = exclude == EXCLUDE_CURRENT ? row + 1 : s->v->group_start[g + 1];
    from = from < b->start[row] ? b->start[row] : from;
    to = to > b->end[row] ? b->end[row] : to;
    *first = exclude == EXCLUDE_NONE || from >= to ? 0 : from;
    *end = exclude == EXCLUDE_NONE || from >= to ? 0 : to;
}

static status
slide_part(slider *s, const over_part *p, const over_bounds *b, value_writer *w, error *err) {
    const bool ties = s->call->frame.exclude == EXCLUDE_TIES;
    for (int32_t i = p->from; i < p->end; i++) {
        TRY(interrupt_spend(&s->spent, OVER_ROW_WORK, err));
        int32_t    gap_start, gap_end;
        const bool own = ties && i >= b->start[i] && i < b->end[i];
        find_gap(s, b, i, &gap_start, &gap_end);
        if (i > p->from && !own && s->start == b->start[i] && s->end == b->end[i] &&
            s->gap_start == gap_start && s->gap_end == gap_end) {
            copy_value(w, i, i - 1);
            continue;
        }
        TRY(slide_to(s, b->start[i], b->end[i], gap_start, gap_end, err));
        if (own) {
            TRY(add_rows(s, i, i + 1, err));
        }
        TRY(write_value(s, w, i, err));
        if (own) {
            TRY(remove_rows(s, i, i + 1, err));
        }
    }
    return OK;
}

/* A kept state goes back to the rows before `end`: old rows from there on leave it, new ones before
 * it come in. */
static status
take_back(slider *s, const over_part *p, int32_t end, error *err) {
    const uint8_t *fresh = s->v->fresh;
    int64_t       *weights = arena_alloc(s->memory, (size_t)(p->end - p->at) * sizeof(*weights));
    int32_t        first = p->end;
    int32_t        last = p->at;
    if (weights == NULL) {
        return error_memory(err);
    }
    for (int32_t i = p->at; i < p->end; i++) {
        const int64_t w = i < end ? fresh[i] : fresh[i] - 1;
        weights[i - p->at] = w;
        first = w != 0 && i < first ? i : first;
        last = w != 0 ? i + 1 : last;
    }
    TRY(first < last ? move_rows(s, first, last, weights + (first - p->at), err) : OK);
    s->start = p->at;
    s->end = end;
    s->gap_start = s->gap_end = 0;
    return OK;
}

static status
run_part(slider *s, int32_t i, const over_part *p, const over_bounds *b, value_writer *w,
         error *err) {
    const slot zero = 0;
    over      *o = s->o;
    const bool kept = s->v->keeps && over_is_kept(s->call);
    if (p->from >= p->end) {
        return OK;
    }
    if (kept) {
        slider_aim(s, o->aggs[i], p->slot);
        TRY(take_back(s, p, b->end[p->from], err));
        TRY(slide_part(s, p, b, w, err));
        return slide_to(s, p->at, p->end, 0, 0, err);
    }
    slider_aim(s, s->v->keeps ? o->spare[i] : o->aggs[i], s->v->keeps ? zero : p->slot);
    s->start = s->end = b->start[p->from];
    s->gap_start = s->gap_end = 0;
    TRY(slide_part(s, p, b, w, err));
    if (s->v->keeps) {
        TRY(s->agg->class->clear(s->agg, zero, err));
        return s->agg->class->init(s->agg, &zero, 1, err);
    }
    return OK;
}

status
over_aggregate(column *out, over *o, const over_view *v, int32_t i, arena *a, error *err) {
    const over_call *call = &o->calls[i];
    slider           s;
    over_bounds      bounds;
    value_writer     w = {.width = type_width(call->type),
                          .is_text = physical_is_view(type_physical(call->type))};
    w.values = arena_alloc_zero(a, (size_t)v->row_count * w.width);
    w.validity = arena_alloc_zero(a, (size_t)bits_words(v->row_count) * sizeof(*w.validity));
    if (w.values == NULL || w.validity == NULL) {
        return error_memory(err);
    }
    TRY(slider_open(&s, o, v, i, a, err));
    TRY(over_find_bounds(&bounds, o, v, &call->frame, a, err));
    for (int32_t k = 0; k < v->part_count; k++) {
        if (k % BATCH_ROWS == 0) {
            TRY(op_poll(&o->base, err));
        }
        TRY(run_part(&s, i, &v->parts[k], &bounds, &w, err));
    }
    *out = (column){
        .type = call->type, .layout = COLUMN_FLAT, .values = w.values, .validity = w.validity};
    return OK;
}

status
over_aggregates_move(over *o, const over_view *v, slot part, int32_t first, int32_t end,
                     int64_t weight, error *err) {
    arena *a = o->base.env->scratch;
    for (int32_t i = 0; i < o->call_count; i++) {
        if (!over_is_kept(&o->calls[i])) {
            continue;
        }
        const arena_mark mark = arena_save(a);
        slider           s;
        TRY(slider_open(&s, o, v, i, a, err));
        slider_aim(&s, o->aggs[i], part);
        TRY(weight > 0 ? add_rows(&s, first, end, err) : remove_rows(&s, first, end, err));
        arena_rewind(a, mark);
    }
    return OK;
}

status
over_compute(column *out, over *o, const over_view *v, arena *a, error *err) {
    for (int32_t i = 0; i < o->call_count; i++) {
        TRY(o->calls[i].kind == OVER_AGGREGATE ? over_aggregate(&out[i], o, v, i, a, err)
                                               : over_place(&out[i], o, v, i, a, err));
    }
    return OK;
}
