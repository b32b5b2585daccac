/* SPDX-License-Identifier: Apache-2.0 */
/* bind_frame.c - ROWS, RANGE and GROUPS of a window: bounds with constant offsets, those of RANGE
 * in what the key is compared in. */
#include "plan/bind.h"
#include "type/decimal.h"

static status
refuse_offset(binder *b, const ast_bound *bound, const char *wanted) {
    error_set_at(b->err, ERR_QUERY_FAILED, bound->position, "the offset of this frame must be %s",
                 wanted);
    return ERR_QUERY_FAILED;
}

static status
bind_count_offset(value *out, binder *b, const ast_bound *bound) {
    TRY(bind_constant(out, b, bound->offset, "the offset of a frame"));
    if (out->is_null || !type_is_integer(out->type)) {
        return refuse_offset(b, bound, "a whole number, such as 5 PRECEDING");
    }
    const int128 rows = value_wide(out);
    if (rows < 0) {
        return refuse_offset(b, bound, "0 or more");
    }
    *out = value_i64(rows > INT64_MAX ? INT64_MAX : (int64_t)rows);
    return OK;
}

static bool
is_any_time(data_type t) {
    return type_is_time(t) || t.id == TYPE_DATE || t.id == TYPE_TIME;
}

/* An interval, or a whole number of milliseconds, for a time; for a BIGINT time milliseconds. */
static status
interval_offset(value *v, binder *b, const ast_bound *bound, data_type key) {
    if (v->type.id == TYPE_TEXT) {
        const text whole = v->s;
        TRY(located(b, value_parse(v, type_of(TYPE_INTERVAL), whole, b->err), bound->position));
    }
    if (type_is_integer(v->type) && is_any_time(key)) {
        const int128 ms = value_wide(v);
        if (ms > INT64_MAX / 1000) {
            return refuse_offset(b, bound, "shorter than 292,000 years");
        }
        *v =
            (value){.type = type_of(TYPE_INTERVAL), .iv = {.us = ms < 0 ? -1 : (int64_t)ms * 1000}};
    }
    if (v->type.id != TYPE_INTERVAL) {
        return refuse_offset(b, bound, "an interval, such as INTERVAL '5' MINUTE PRECEDING");
    }
    if (v->iv.months < 0 || v->iv.days < 0 || v->iv.us < 0) {
        return refuse_offset(b, bound, "0 or more");
    }
    if (v->iv.months != 0 && (type_is_integer(key) || key.id == TYPE_TIME)) {
        return refuse_offset(b, bound,
                             key.id == TYPE_TIME
                                 ? "of one length for a TIME: use hours, not months"
                                 : "of one length for a BIGINT time: use days, not months");
    }
    return OK;
}

/* As it is written; settle_offsets puts it into what the key is compared in. */
static status
bind_range_offset(value *out, binder *b, const ast_bound *bound, data_type key) {
    text digits;
    TRY(bind_constant_digits(out, &digits, b, bound->offset, "the offset of a frame"));
    if (out->is_null) {
        return refuse_offset(b, bound, "a value, not NULL");
    }
    data_type written;
    if (type_is_numeric(key) && !type_is_float(key) && digits.size > 0 &&
        decimal_type_of_text(digits, &written)) {
        TRY(value_parse(out, written, digits, b->err));
    }
    if (is_any_time(key) || key.id == TYPE_INTERVAL ||
        (type_is_integer(key) && out->type.id == TYPE_INTERVAL)) {
        return interval_offset(out, b, bound, key);
    }
    if (!type_is_numeric(key)) {
        error_set_at(b->err, ERR_QUERY_FAILED, bound->position,
                     "RANGE with an offset needs a number or a time in ORDER BY, and this is %s",
                     type_name(key));
        error_hint(b->err, "ROWS and GROUPS count rows and peers, whatever their type");
        return ERR_QUERY_FAILED;
    }
    if (!type_is_numeric(out->type)) {
        return refuse_offset(b, bound, "a number, as the column in ORDER BY is one");
    }
    if (type_is_float(out->type) ? !(out->d >= 0) : value_wide(out) < 0) {
        return refuse_offset(b, bound, "0 or more");
    }
    return OK;
}

static status
bind_bound(frame_bound *out, binder *b, const ast_bound *bound, frame_unit unit,
           const over_window *w) {
    static const frame_bound_kind kinds[] = {[AST_BOUND_UNBOUNDED_PRECEDING] = BOUND_FIRST,
                                             [AST_BOUND_PRECEDING] = BOUND_PRECEDING,
                                             [AST_BOUND_CURRENT] = BOUND_CURRENT,
                                             [AST_BOUND_FOLLOWING] = BOUND_FOLLOWING,
                                             [AST_BOUND_UNBOUNDED_FOLLOWING] = BOUND_LAST};
    *out = (frame_bound){.kind = kinds[bound->kind]};
    if (bound->offset == NULL) {
        return OK;
    }
    if (unit != FRAME_RANGE) {
        return bind_count_offset(&out->offset, b, bound);
    }
    if (w->order_count != 1) {
        error_set_at(b->err, ERR_QUERY_FAILED, bound->position,
                     "RANGE with an offset needs one column in ORDER BY, and this window has %d",
                     w->order_count);
        error_hint(b->err, "the offset is added to that column; ROWS counts rows instead");
        return ERR_QUERY_FAILED;
    }
    return bind_range_offset(&out->offset, b, bound, w->orders[0].expr->type);
}

static bool
has_offset(const frame_bound *b) {
    return b->kind == BOUND_PRECEDING || b->kind == BOUND_FOLLOWING;
}

static int128
power_times(int128 x, int32_t power) {
    int128 out;
    return __builtin_mul_overflow(x, decimal_powers[power], &out) ? INT128_MAX : out;
}

/* Units of the key; where the key is coarser the whole unit that is still in the frame. */
static int128
exact_offset(const value *v, data_type key, bool up) {
    if (v->type.id == TYPE_INTERVAL) { /* for a BIGINT time */
        const int128 us = interval_total_us(&v->iv);
        return us / 1000 + (up && us % 1000 != 0);
    }
    const int128  x = value_wide(v);
    const int32_t from = v->type.id == TYPE_DECIMAL ? v->type.scale : 0;
    const int32_t to = key.id == TYPE_DECIMAL ? key.scale : 0;
    if (from <= to) {
        return power_times(x, to - from);
    }
    const int128 power = decimal_powers[from - to];
    return x / power + (up && x % power != 0);
}

/* Both bounds of a RANGE over numbers are compared in one type: DOUBLE where the key or an offset
 * is a float, else exact units of the key. */
static void
settle_offsets(over_frame *f, data_type key) {
    frame_bound *const bounds[] = {&f->start, &f->end};
    bool               floats = type_is_float(key);
    for (int i = 0; i < 2; i++) {
        floats = floats || (has_offset(bounds[i]) && type_is_float(bounds[i]->offset.type));
    }
    for (int i = 0; i < 2; i++) {
        value *v = &bounds[i]->offset;
        if (!has_offset(bounds[i])) {
            continue;
        }
        const bool up = (i == 0) == (bounds[i]->kind == BOUND_FOLLOWING);
        *v = floats ? (value){.type = type_of(TYPE_F64),
                              .d = v->type.id == TYPE_INTERVAL
                                       ? (double)interval_total_us(&v->iv) / 1000
                                       : value_to_double(v)}
                    : (value){.type = type_of(TYPE_I128), .h = exact_offset(v, key, up)};
    }
}

/* Without ORDER BY all rows are peers, so the bounds of RANGE and GROUPS are those of the
 * partition. */
status
bind_frame(over_frame *out, binder *b, const ast_over *o, const over_window *w) {
    *out = (over_frame){
        .unit = FRAME_RANGE, .start = {.kind = BOUND_FIRST}, .end = {.kind = BOUND_CURRENT}};
    if (o != NULL) {
        out->unit = o->unit == AST_FRAME_ROWS     ? FRAME_ROWS
                    : o->unit == AST_FRAME_GROUPS ? FRAME_GROUPS
                                                  : FRAME_RANGE;
        out->exclude = o->exclude == AST_EXCLUDE_CURRENT ? EXCLUDE_CURRENT
                       : o->exclude == AST_EXCLUDE_GROUP ? EXCLUDE_GROUP
                       : o->exclude == AST_EXCLUDE_TIES  ? EXCLUDE_TIES
                                                         : EXCLUDE_NONE;
        TRY(bind_bound(&out->start, b, &o->start, out->unit, w));
        TRY(bind_bound(&out->end, b, &o->end, out->unit, w));
        if (out->unit == FRAME_RANGE && w->order_count == 1 &&
            type_is_numeric(w->orders[0].expr->type)) {
            settle_offsets(out, w->orders[0].expr->type);
        }
    }
    if (w->order_count == 0 && out->unit != FRAME_ROWS) {
        out->start.kind = out->start.kind == BOUND_CURRENT ? BOUND_FIRST : out->start.kind;
        out->end.kind = out->end.kind == BOUND_CURRENT ? BOUND_LAST : out->end.kind;
    }
    if (o != NULL && out->unit == FRAME_GROUPS && w->order_count == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, o->position, "GROUPS needs ORDER BY in its window");
        error_hint(b->err, "groups are the rows with equal values of ORDER BY");
        return ERR_QUERY_FAILED;
    }
    return OK;
}
