/* SPDX-License-Identifier: Apache-2.0 */
/* fn_list_make.c - lists of numbers and times: range(), which stops before its end, and
 * generate_series(), which may reach it. As in FROM (op/op_series.c), a step of zero is an error.
 */
#include "expr/nested_call.h"
#include "type/calendar.h"

static status
no_step(const fn_call *c) {
    (void)error_set(c->err, ERR_QUERY_FAILED, "the step of a series is zero");
    return error_hint(c->err, "give a step that leads from the start to the stop");
}

static bool
is_inside(int64_t v, int64_t stop, bool up, bool inclusive) {
    return (up ? v < stop : v > stop) || (inclusive && v == stop);
}

/* Refused before its memory is taken: of 64 MiB each item takes 8 bytes. */
static status
check_count(const fn_call *c, int64_t v, int64_t stop, int64_t step) {
    enum { MOST = TEXT_RESULT_MAX / sizeof(int64_t) };
    const __int128 count = ((__int128)stop - v) / step;
    if (count <= MOST) {
        return OK;
    }
    return error_set(c->err, ERR_QUERY_FAILED,
                     "a list of %.0f items is too long; at most %d may be made in one value",
                     (double)count, (int)MOST);
}

static status
list_numbers(item_list *l, int64_t v, int64_t stop, int64_t step, bool inclusive) {
    if (step == 0) {
        return no_step(l->call);
    }
    TRY(check_count(l->call, v, stop, step));
    while (is_inside(v, stop, step > 0, inclusive)) {
        const value item = value_i64(v);
        TRY(items_add(l, &item));
        if (__builtin_add_overflow(v, step, &v)) {
            break;
        }
    }
    return OK;
}

static status
make_numbers(fn_call *c, bool inclusive) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const int64_t first = fn_integer(&c->args[0], row);
        const int64_t second = c->arg_count > 1 ? fn_integer(&c->args[1], row) : first;
        const int64_t step = c->arg_count > 2 ? fn_integer(&c->args[2], row) : 1;
        l.count = 0;
        TRY(list_numbers(&l, c->arg_count > 1 ? first : 0, second, step, inclusive));
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

status
fn_range(fn_call *c) {
    return make_numbers(c, false);
}

status
fn_series(fn_call *c) {
    return make_numbers(c, true);
}

static status
list_times(item_list *l, int64_t v, int64_t stop, const interval *step, bool inclusive) {
    int64_t next;
    bool    up = true;
    for (bool first = true;; first = false) {
        const bool more = timestamp_add_interval(v, step, &next);
        if (more && (next == v || (!first && (next > v) != up))) {
            return no_step(l->call);
        }
        up = first && more ? next > v : up;
        if (!is_inside(v, stop, up, inclusive)) {
            return OK;
        }
        const value item = {.type = type_item(l->call->type), .i = v};
        TRY(items_add(l, &item));
        if (!more) {
            return OK;
        }
        v = next;
    }
}

static status
make_times(fn_call *c, bool inclusive) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const value step = fn_value(&c->args[2], row);
        l.count = 0;
        TRY(list_times(&l, fn_integer(&c->args[0], row), fn_integer(&c->args[1], row), &step.iv,
                       inclusive));
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

status
fn_range_times(fn_call *c) {
    return make_times(c, false);
}

status
fn_series_times(fn_call *c) {
    return make_times(c, true);
}
