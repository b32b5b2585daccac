/* SPDX-License-Identifier: Apache-2.0 */
/* over_frame.c - the rows in the frame of each row, as two bounds that never go back within a
 * partition, months aside.
 *
 * RANGE with an offset compares images: 128-bit integers in the order of the window, whatever the
 * key's type and direction, so that no sum of a key of 64 bits and an offset leaves them. Rows with
 * a NULL key are in a range of their own. Months have different lengths, so a later row may reach
 * less far: each row is searched for by itself. */
#include "kernel/access.h"
#include "op/over_state.h"
#include "type/calendar.h"
#include "type/decimal.h"

/* Exclusive for an end. */
typedef struct bound_side {
    const frame_bound *bound;
    bool               is_end;
} bound_side;

/* ---- ROWS, GROUPS and the bounds without an offset */

static int64_t
signed_offset(const frame_bound *b) {
    return b->kind == BOUND_PRECEDING ? -b->offset.i : b->offset.i;
}

#define BOUND_ROWS (1 << 14) /* between two looks at whether it is still wanted */

static status
rows_bound(int32_t *out, const over_part *p, bound_side side, error *err) {
    const int64_t by = side.bound->kind == BOUND_CURRENT ? 0 : signed_offset(side.bound);
    const int64_t shift = sat_add_i64(by, side.is_end);
    for (int32_t i = p->from; i < p->end; i++) {
        out[i] = (int32_t)max_i64(p->at, min_i64(p->end, sat_add_i64(i, shift)));
        TRY(i % BOUND_ROWS == 0 ? interrupt_look(err) : OK);
    }
    return OK;
}

static status
groups_bound(int32_t *out, const over_view *v, const over_part *p, bound_side side, error *err) {
    const int64_t by = side.bound->kind == BOUND_CURRENT ? 0 : signed_offset(side.bound);
    const int64_t shift = sat_add_i64(by, side.is_end);
    const int32_t first = v->group[p->at];
    const int32_t end = v->group[p->end - 1] + 1;
    for (int32_t i = p->from; i < p->end; i++) {
        const int64_t g = max_i64(first, min_i64(end, sat_add_i64(v->group[i], shift)));
        out[i] = v->group_start[g];
        TRY(i % BOUND_ROWS == 0 ? interrupt_look(err) : OK);
    }
    return OK;
}

static status
fixed_bound(int32_t *out, const over_part *p, int32_t row, error *err) {
    for (int32_t i = p->from; i < p->end; i++) {
        out[i] = row;
        TRY(i % BOUND_ROWS == 0 ? interrupt_look(err) : OK);
    }
    return OK;
}

/* ---- RANGE with an offset */

typedef struct range_keys {
    const column *column;
    data_type     type;
    physical      physical;
    bool          descending;
    bool          as_double; /* compared as DOUBLE */
    int64_t       unit;      /* a time: images in one of its units */
    int64_t       per_us;    /* and in a microsecond */
    int128       *image;     /* per row of the view */
} range_keys;

static double
key_double(const range_keys *k, int32_t row) {
    switch (k->physical) {
    case PHYSICAL_F64:
        return ((const double *)k->column->values)[row];
    case PHYSICAL_F32:
        return (double)((const float *)k->column->values)[row];
    default:
        return decimal_to_double(row_wide(k->column, k->physical, row),
                                 k->type.id == TYPE_DECIMAL ? k->type.scale : 0);
    }
}

static int128
key_image(const range_keys *k, int32_t row) {
    if (k->as_double) {
        return f64_order(key_double(k, row));
    }
    if (k->physical == PHYSICAL_INTERVAL) {
        return interval_total_us((const interval *)k->column->values + row);
    }
    return row_wide(k->column, k->physical, row) * k->unit;
}

static int128
oriented(const range_keys *k, int128 image) {
    return k->descending ? ~image : image;
}

/* Where a bound lies: at an image, or in front of (-1) or behind (1) all keys. */
typedef struct place {
    int128  image;
    int32_t beyond;
} place;

static place
beyond_all(bool down) {
    return (place){.beyond = down ? -1 : 1};
}

static place
sum_image(int128 x, int128 by, bool down) {
    place      out = {0};
    const bool beyond = by == INT128_MAX || (down ? __builtin_sub_overflow(x, by, &out.image)
                                                  : __builtin_add_overflow(x, by, &out.image));
    return beyond ? beyond_all(down) : out;
}

static place
oriented_place(const range_keys *k, place p) {
    return k->descending ? (place){.image = ~p.image, .beyond = -p.beyond} : p;
}

static place
interval_moved(const range_keys *k, int128 image, const interval *iv, bool down) {
    if (iv->months == 0 || k->physical == PHYSICAL_INTERVAL) {
        return sum_image(image, interval_total_us(iv) * k->per_us, down);
    }
    const interval by = {.months = down ? -iv->months : iv->months,
                         .days = down ? -iv->days : iv->days,
                         .us = down ? -iv->us : iv->us};
    const int128   rest = (image % k->per_us + k->per_us) % k->per_us;
    const int128   us = (image - rest) / k->per_us;
    int64_t        moved;
    if (us >= INT64_MIN && us <= INT64_MAX && timestamp_add_interval((int64_t)us, &by, &moved)) {
        return (place){.image = (int128)moved * k->per_us + rest};
    }
    return beyond_all(down);
}

/* An infinity moved against itself stays beyond all: every row is that near to it. */
static double
double_moved(double x, double by, bool down) {
    const double moved = down ? x - by : x + by;
    return moved != moved && x == x ? (down ? -INFINITY : INFINITY) : moved;
}

/* The key of `row` moved by the offset of a bound, in the order of the window. */
static place
moved_key(const range_keys *k, const frame_bound *b, int32_t row) {
    const bool down = (b->kind == BOUND_PRECEDING) != k->descending;
    place      p;
    if (k->as_double) {
        p = (place){.image = f64_order(double_moved(key_double(k, row), b->offset.d, down))};
    } else if (b->offset.type.id == TYPE_INTERVAL) {
        p = interval_moved(k, key_image(k, row), &b->offset.iv, down);
    } else {
        p = sum_image(key_image(k, row), b->offset.h, down);
    }
    return oriented_place(k, p);
}

/* As a comparison: the image of a key against a bound. */
static int32_t
against(int128 image, place bound) {
    if (bound.beyond != 0) {
        return -bound.beyond;
    }
    return (image > bound.image) - (image < bound.image);
}

static bool
is_behind(const range_keys *k, int32_t row, place bound, bool is_end) {
    return against(k->image[row], bound) < (is_end ? 1 : 0);
}

/* The first row of [first, end) that is not behind the bound. */
static int32_t
search_bound(const range_keys *k, int32_t first, int32_t end, place bound, bool is_end) {
    while (first < end) {
        const int32_t middle = first + (end - first) / 2;
        if (is_behind(k, middle, bound, is_end)) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

static bool
has_months(const frame_bound *b) {
    return b->offset.type.id == TYPE_INTERVAL && b->offset.iv.months != 0;
}

/* Rows [first, end) have keys; the others of the part are NULL, all before or all behind them. */
static status
range_bound(int32_t *out, const over_part *p, const range_keys *k, int32_t first, int32_t end,
            bound_side side, error *err) {
    const int32_t null_first = first > p->at ? p->at : end;
    const int32_t null_end = first > p->at ? first : p->end;
    const bool    search = has_months(side.bound);
    int32_t       at = first;
    int64_t       spent = 0;
    for (int32_t i = p->from; i < p->end; i++) {
        TRY(interrupt_spend(&spent, 16, err));
        if (i < first || i >= end) {
            out[i] = side.is_end ? null_end : null_first;
            continue;
        }
        const place bound = moved_key(k, side.bound, i);
        at = search ? search_bound(k, first, end, bound, side.is_end) : at;
        while (at < end && is_behind(k, at, bound, side.is_end)) {
            at++;
            TRY(interrupt_spend(&spent, 16, err));
        }
        out[i] = at;
    }
    return OK;
}

static status
range_part(int32_t *out, const over_part *p, const range_keys *k, bound_side side, error *err) {
    int32_t first = p->at;
    int32_t end = p->end;
    while (first < end && row_is_null(k->column, first)) {
        first++;
    }
    while (end > first && row_is_null(k->column, end - 1)) {
        end--;
    }
    return range_bound(out, p, k, first, end, side, err);
}

/* b: a bound with an offset; both of a frame are compared alike. */
static void
set_range_keys(range_keys *k, const over *o, const column *keys, const frame_bound *b) {
    const sort_key *key = &o->base.spec->sort_keys[0];
    const data_type t = o->base.spec->input[0]->fields[key->column].type;
    const bool      fine = t.id == TYPE_TIMESTAMP_NS;
    const bool      is_time = !fine && (type_is_time(t) || t.id == TYPE_DATE);
    *k = (range_keys){.column = keys,
                      .type = t,
                      .physical = type_physical(t),
                      .descending = key->descending,
                      .as_double = b->offset.type.id == TYPE_F64,
                      .unit = is_time ? type_time_unit_us(t) : 1,
                      .per_us = fine ? 1000 : 1};
}

static bool
has_offset(const frame_bound *b) {
    return b->kind == BOUND_PRECEDING || b->kind == BOUND_FOLLOWING;
}

static status
open_range_keys(range_keys *k, const over *o, const over_view *v, const over_frame *f, arena *a,
                error *err) {
    const column *keys = &v->columns[o->base.spec->sort_keys[0].column];
    set_range_keys(k, o, keys, has_offset(&f->start) ? &f->start : &f->end);
    k->image = arena_alloc(a, (size_t)v->row_count * sizeof(*k->image));
    if (k->image == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < v->row_count; i++) {
        k->image[i] = oriented(k, key_image(k, i));
        TRY(i % BOUND_ROWS == 0 ? interrupt_look(err) : OK);
    }
    return OK;
}

/* ---- all of it */

static status
find_bound(int32_t *out, const over_view *v, const over_part *p, frame_unit unit,
           const range_keys *k, bound_side side, error *err) {
    const frame_bound_kind kind = side.bound->kind;
    if (kind == BOUND_FIRST || kind == BOUND_LAST) {
        return fixed_bound(out, p, kind == BOUND_FIRST ? p->at : p->end, err);
    }
    if (unit == FRAME_ROWS) {
        return rows_bound(out, p, side, err);
    }
    if (unit == FRAME_GROUPS || kind == BOUND_CURRENT) {
        return groups_bound(out, v, p, side, err);
    }
    return range_part(out, p, k, side, err);
}

status
over_find_bounds(over_bounds *out, const over *o, const over_view *v, const over_frame *f, arena *a,
                 error *err) {
    range_keys keys = {0};
    out->start = arena_alloc(a, (size_t)v->row_count * sizeof(*out->start));
    out->end = arena_alloc(a, (size_t)v->row_count * sizeof(*out->end));
    if (out->start == NULL || out->end == NULL) {
        return error_memory(err);
    }
    if (f->unit == FRAME_RANGE && (has_offset(&f->start) || has_offset(&f->end))) {
        TRY(open_range_keys(&keys, o, v, f, a, err));
    }
    int64_t spent = 0;
    for (int32_t i = 0; i < v->part_count; i++) {
        const over_part *p = &v->parts[i];
        if (p->from >= p->end) {
            continue;
        }
        TRY(find_bound(out->start, v, p, f->unit, &keys, (bound_side){&f->start, false}, err));
        TRY(find_bound(out->end, v, p, f->unit, &keys, (bound_side){&f->end, true}, err));
        for (int32_t row = p->from; row < p->end; row++) {
            const int32_t start = out->start[row];
            out->end[row] = out->end[row] < start ? start : out->end[row];
            TRY(interrupt_spend(&spent, 16, err));
        }
    }
    return OK;
}

bool
over_range_reaches(const over *o, const frame_bound *b, const column *keys, int32_t i, int32_t j) {
    if (row_is_null(keys, i) || row_is_null(keys, j)) {
        return row_is_null(keys, i) && row_is_null(keys, j);
    }
    range_keys k;
    set_range_keys(&k, o, keys, b);
    frame_bound wide = *b;
    if (has_months(b)) {
        wide.offset.iv.days += 3; /* an earlier row may reach as much further */
    }
    const int32_t order = against(oriented(&k, key_image(&k, i)), moved_key(&k, &wide, j));
    return b->kind == BOUND_PRECEDING ? order >= 0 : order <= 0;
}
