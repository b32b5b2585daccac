/* SPDX-License-Identifier: Apache-2.0 */
/* over_place.c - window functions that look at places alone: ranks, and those that pick a row and
 * give one of its values. */
#include "kernel/access.h"
#include "op/over.h"

/* ---- ranks */

static int64_t
tile_of(int64_t place, int64_t total, int64_t tiles) {
    const int64_t size = total / tiles;
    const int64_t larger = total % tiles; /* so many tiles have one row more */
    const int64_t edge = larger * (size + 1);
    return place < edge ? place / (size + 1) + 1 : larger + (place - edge) / size + 1;
}

static void
integer_ranks(int64_t *out, const over_view *v, const over_part *p, over_kind kind) {
    const int64_t before = p->first - p->at;
    for (int32_t i = p->from; i < p->end; i++) {
        switch (kind) {
        case OVER_ROW_NUMBER:
            out[i] = before + i + 1;
            break;
        case OVER_RANK:
            out[i] = before + v->group_start[v->group[i]] + 1;
            break;
        default:
            out[i] = p->groups + v->group[i] - v->group[p->at] + 1;
            break;
        }
    }
}

static void
double_ranks(double *out, const over_view *v, const over_part *p, over_kind kind) {
    const int64_t before = p->first - p->at;
    const int64_t total = before + p->end;
    for (int32_t i = p->from; i < p->end; i++) {
        const int32_t g = v->group[i];
        if (kind == OVER_CUME_DIST) {
            out[i] = (double)(before + v->group_start[g + 1]) / (double)total;
        } else {
            out[i] = total == 1 ? 0 : (double)(before + v->group_start[g]) / (double)(total - 1);
        }
    }
}

static status
rank_column(column *out, const over_view *v, const over_call *call, arena *a, error *err) {
    void *values = arena_alloc_zero(a, (size_t)v->row_count * 8);
    if (values == NULL) {
        return error_memory(err);
    }
    int64_t spent = 0;
    for (int32_t i = 0; i < v->part_count; i++) {
        TRY(interrupt_spend(&spent, 64 + 8 * (int64_t)(v->parts[i].end - v->parts[i].from), err));
        if (call->type.id == TYPE_F64) {
            double_ranks(values, v, &v->parts[i], call->kind);
        } else {
            integer_ranks(values, v, &v->parts[i], call->kind);
        }
    }
    *out = (column){.type = call->type, .layout = COLUMN_FLAT, .values = values};
    return OK;
}

/* The number that a call takes of row i; false: NULL. */
static bool
call_count(int64_t *out, const over_view *v, const over_call *call, int32_t row) {
    if (call->count_column < 0) {
        *out = call->count;
        return true;
    }
    const column *c = &v->columns[call->count_column];
    if (row_is_null(c, row)) {
        return false;
    }
    *out = row_i64(c, PHYSICAL_I64, row);
    return true;
}

static status
ntile_column(column *out, const over_view *v, const over_call *call, arena *a, error *err) {
    int64_t  *values = arena_alloc_zero(a, (size_t)v->row_count * sizeof(*values));
    uint64_t *validity = arena_alloc(a, (size_t)bits_words(v->row_count) * sizeof(*validity));
    if (values == NULL || validity == NULL) {
        return error_memory(err);
    }
    bits_fill(validity, 0, v->row_count, true);
    int64_t spent = 0;
    for (int32_t k = 0; k < v->part_count; k++) {
        const over_part *p = &v->parts[k];
        TRY(interrupt_spend(&spent, 64 + 8 * (int64_t)(p->end - p->from), err));
        const int64_t before = p->first - p->at;
        for (int32_t i = p->from; i < p->end; i++) {
            int64_t tiles;
            if (!call_count(&tiles, v, call, i)) {
                bits_put(validity, i, false);
            } else if (tiles < 1) {
                return error_set(err, ERR_QUERY_FAILED,
                                 "ntile: the number of tiles must be at least 1, not %lld",
                                 (long long)tiles);
            } else {
                values[i] = tile_of(before + i, before + p->end, tiles);
            }
        }
    }
    *out =
        (column){.type = call->type, .layout = COLUMN_FLAT, .values = values, .validity = validity};
    return OK;
}

/* ---- rows that count: all, or those whose argument is not NULL */

typedef struct counted {
    const int32_t *before; /* per row, and one more: how many that count lie before it */
    const int32_t *rows;   /* those that count, in order */
} counted;

static status
count_rows(counted *out, const over_view *v, const over_call *call, arena *a, error *err) {
    const column *c = &v->columns[call->argument];
    int32_t      *before = arena_alloc(a, ((size_t)v->row_count + 1) * sizeof(*before));
    int32_t      *rows = arena_alloc(a, ((size_t)v->row_count + 1) * sizeof(*rows));
    if (before == NULL || rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < v->row_count; i++) {
        before[i] = count;
        rows[count] = i;
        count += !call->ignore_nulls || !row_is_null(c, i);
    }
    before[v->row_count] = count;
    *out = (counted){.before = before, .rows = rows};
    return OK;
}

/* The n-th (from 0) row that counts in [start, end), -1: none; *n goes down by those there are. */
static int32_t
pick_in(const counted *c, int32_t start, int32_t end, int64_t *n) {
    if (end <= start) {
        return -1;
    }
    const int64_t count = c->before[end] - c->before[start];
    if (*n < count) {
        return c->rows[c->before[start] + *n];
    }
    *n -= count;
    return -1;
}

static int32_t
pick_last_in(const counted *c, int32_t start, int32_t end) {
    return end <= start || c->before[end] == c->before[start] ? -1 : c->rows[c->before[end] - 1];
}

/* ---- lag and lead */

static int32_t
shifted_row(const counted *c, const over_part *p, int32_t row, int64_t by) {
    if (by == 0) {
        return row;
    }
    const int64_t at =
        by < 0 ? sat_add_i64(c->before[row], by) : sat_add_i64(c->before[row + 1], by - 1);
    return at < c->before[p->at] || at >= c->before[p->end] ? -1 : c->rows[at];
}

/* The rows that are missing get their value from the default: a gather over both columns. */
static status
fill_missing(column *out, const column *fallback, const int32_t *picked, int32_t count, arena *a,
             error *err) {
    const size_t width = type_width(out->type);
    uint8_t     *values = (uint8_t *)(uintptr_t)out->values; /* just made by the gather */
    uint64_t    *validity = arena_alloc(a, (size_t)bits_words(count) * sizeof(*validity));
    column       views;
    if (validity == NULL) {
        return error_memory(err);
    }
    TRY(column_views(&views, fallback, count, a, err));
    for (int32_t i = 0; i < count; i++) {
        if (picked[i] != -1) {
            bits_put(validity, i, !column_is_null(out, i));
            continue;
        }
        memcpy(values + (size_t)i * width, (const uint8_t *)views.values + (size_t)i * width,
               width);
        bits_put(validity, i, !row_is_null(&views, i));
    }
    out->validity = validity;
    return OK;
}

static status
shift_column(column *out, const over_view *v, const over_call *call, arena *a, error *err) {
    enum { NO_SHIFT = -2 }; /* the offset is NULL, and so is the answer */
    counted  c;
    int32_t *picked = arena_alloc(a, (size_t)v->row_count * sizeof(*picked));
    int32_t *rows = arena_alloc(a, (size_t)v->row_count * sizeof(*rows));
    if (picked == NULL || rows == NULL) {
        return error_memory(err);
    }
    TRY(count_rows(&c, v, call, a, err));
    memset(picked, 0xff, (size_t)v->row_count * sizeof(*picked));
    for (int32_t k = 0; k < v->part_count; k++) {
        const over_part *p = &v->parts[k];
        for (int32_t i = p->from; i < p->end; i++) {
            int64_t by = 0;
            if (!call_count(&by, v, call, i)) {
                picked[i] = NO_SHIFT;
                continue;
            }
            by = call->kind == OVER_LAG ? sat_sub_i64(0, by) : by;
            picked[i] = shifted_row(&c, p, i, by);
        }
    }
    for (int32_t i = 0; i < v->row_count; i++) {
        rows[i] = picked[i] < 0 ? -1 : picked[i];
    }
    TRY(column_gather(out, &v->columns[call->argument], rows, v->row_count, a, err));
    return call->fallback < 0
               ? OK
               : fill_missing(out, &v->columns[call->fallback], picked, v->row_count, a, err);
}

/* ---- first_value, last_value, nth_value */

typedef struct frame_rows { /* what a frame holds: two ranges, and maybe the row between them */
    int32_t start, gap, resume, end;
    int32_t row; /* -1: it is not between them */
} frame_rows;

static frame_rows
frame_of(const over_view *v, const over_bounds *b, frame_exclude exclude, int32_t row) {
    frame_rows    f = {.start = b->start[row], .end = b->end[row], .row = -1};
    const int32_t g = v->group[row];
    int32_t       first = f.end;
    int32_t       last = f.end;
    if (exclude == EXCLUDE_CURRENT) {
        first = row;
        last = row + 1;
    } else if (exclude != EXCLUDE_NONE) {
        first = v->group_start[g];
        last = v->group_start[g + 1];
    }
    f.gap = first < f.start ? f.start : first > f.end ? f.end : first;
    f.resume = last < f.start ? f.start : last > f.end ? f.end : last;
    if (exclude == EXCLUDE_TIES && row >= f.start && row < f.end) {
        f.row = row;
    }
    return f;
}

static int32_t
nth_row(const counted *c, const frame_rows *f, int64_t n) {
    int32_t at = pick_in(c, f->start, f->gap, &n);
    if (at < 0 && f->row >= 0) {
        at = pick_in(c, f->row, f->row + 1, &n);
    }
    return at >= 0 ? at : pick_in(c, f->resume, f->end, &n);
}

static int32_t
last_row(const counted *c, const frame_rows *f) {
    int32_t at = pick_last_in(c, f->resume, f->end);
    if (at < 0 && f->row >= 0) {
        at = pick_last_in(c, f->row, f->row + 1);
    }
    return at >= 0 ? at : pick_last_in(c, f->start, f->gap);
}

/* The frame begins before the view: its first rows are there as copies. */
static int32_t
nth_row_of_part(const over_part *p, const frame_rows *f, int64_t n) {
    if (n < p->first) {
        return p->head + (int32_t)n;
    }
    n -= p->first;
    return n < f->end - f->start ? f->start + (int32_t)n : -1;
}

static status
pick_column(column *out, const over *o, const over_view *v, const over_call *call, arena *a,
            error *err) {
    counted     c;
    over_bounds bounds;
    int32_t    *picked = arena_alloc(a, (size_t)v->row_count * sizeof(*picked));
    if (picked == NULL) {
        return error_memory(err);
    }
    TRY(count_rows(&c, v, call, a, err));
    TRY(over_find_bounds(&bounds, o, v, &call->frame, a, err));
    memset(picked, 0xff, (size_t)v->row_count * sizeof(*picked));
    for (int32_t k = 0; k < v->part_count; k++) {
        const over_part *p = &v->parts[k];
        const bool       before = p->first > 0 && call->frame.start.kind == BOUND_FIRST;
        for (int32_t i = p->from; i < p->end; i++) {
            const frame_rows f = frame_of(v, &bounds, call->frame.exclude, i);
            int64_t          n = 1;
            if (call->kind == OVER_LAST_VALUE) {
                picked[i] = last_row(&c, &f);
            } else if (call->kind == OVER_NTH_VALUE && !call_count(&n, v, call, i)) {
                picked[i] = -1;
            } else if (n < 1) {
                return error_set(err, ERR_QUERY_FAILED,
                                 "nth_value: the number of the row must be at least 1, not %lld",
                                 (long long)n);
            } else {
                picked[i] = before ? nth_row_of_part(p, &f, n - 1) : nth_row(&c, &f, n - 1);
            }
        }
    }
    return column_gather(out, &v->columns[call->argument], picked, v->row_count, a, err);
}

status
over_place(column *out, const over *o, const over_view *v, int32_t i, arena *a, error *err) {
    const over_call *call = &o->calls[i];
    switch (call->kind) {
    case OVER_NTILE:
        return ntile_column(out, v, call, a, err);
    case OVER_LAG:
    case OVER_LEAD:
        return shift_column(out, v, call, a, err);
    case OVER_FIRST_VALUE:
    case OVER_LAST_VALUE:
    case OVER_NTH_VALUE:
        return pick_column(out, o, v, call, a, err);
    default:
        return rank_column(out, v, call, a, err);
    }
}
