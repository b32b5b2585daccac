/* SPDX-License-Identifier: Apache-2.0 */
/* fn_list.c - lists from lists: joined, sorted, without doubles, looked through, counted up. */
#include "expr/nested_call.h"

/* ---- joining */

/* NULL lists are passed over; NULL alone gives NULL. */
status
fn_list_concat(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        bool any = false;
        l.count = 0;
        for (int32_t i = 0; i < c->arg_count; i++) {
            if (operand_is_null(&c->args[i], row)) {
                continue;
            }
            const nested_view v = operand_nested(&c->args[i], row);
            TRY(items_add_all(&l, &v));
            any = true;
        }
        TRY(any ? fn_put_nested(c, row, l.at, l.count) : fn_put_null(c, row));
    }
    return OK;
}

/* The list may be NULL: then it is the item alone. */
static status
add_item(fn_call *c, int32_t list, int32_t item, bool in_front) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        const value x = fn_value(&c->args[item], row);
        l.count = 0;
        if (in_front) {
            TRY(items_add(&l, &x));
        }
        if (!operand_is_null(&c->args[list], row)) {
            const nested_view v = operand_nested(&c->args[list], row);
            TRY(items_add_all(&l, &v));
        }
        if (!in_front) {
            TRY(items_add(&l, &x));
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

status
fn_list_append(fn_call *c) {
    return add_item(c, 0, 1, false);
}

status
fn_list_prepend(fn_call *c) {
    return add_item(c, 1, 0, true);
}

status
fn_list_flatten(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        l.count = 0;
        for (int32_t i = 0; i < v.count; i++) {
            const value x = nested_at(&v, i);
            if (!x.is_null && x.type.id == TYPE_LIST) {
                const nested_view inner = nested_open(x.type, x.s);
                TRY(items_add_all(&l, &inner));
            }
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

status
fn_list_zip(fn_call *c) {
    const data_type pair = type_item(c->type);
    item_list       l = {.call = c};
    value          *parts = arena_alloc(c->scratch, (size_t)c->arg_count * sizeof(*parts));
    nested_view    *views = arena_alloc(c->scratch, (size_t)c->arg_count * sizeof(*views));
    if (parts == NULL || views == NULL) {
        return error_memory(c->err);
    }
    for (int32_t row = 0; row < c->row_count; row++) {
        int32_t longest = 0;
        for (int32_t i = 0; i < c->arg_count; i++) {
            views[i] = (nested_view){.count = 0};
            if (!operand_is_null(&c->args[i], row)) {
                views[i] = operand_nested(&c->args[i], row);
            }
            longest = views[i].count > longest ? views[i].count : longest;
        }
        l.count = 0;
        for (int32_t k = 0; k < longest; k++) {
            value made;
            for (int32_t i = 0; i < c->arg_count; i++) {
                parts[i] = k < views[i].count ? nested_at(&views[i], k) : value_null(TYPE_NULL);
            }
            TRY(nested_make(&made, pair, parts, c->arg_count, c->scratch, c->err));
            TRY(items_add(&l, &made));
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

/* ---- sorting */

typedef struct sort_order {
    bool descending, nulls_first;
} sort_order;

static int
compare_in(const sort_order *o, const value *x, const value *y) {
    if (x->is_null || y->is_null) {
        const int order = x->is_null - y->is_null;
        return o->nulls_first ? -order : order;
    }
    const int order = value_compare(x, y);
    return o->descending ? -order : order;
}

/* Bottom-up and stable; *sorted is the one of the two arrays that holds the result. */
static status
sort_items(fn_call *c, value **sorted, const sort_order *o, value *from, value *to, int32_t count) {
    for (int64_t run = 1; run < count; run *= 2) {
        for (int64_t first = 0; first < count; first += 2 * run) {
            const int64_t middle = min_i64(first + run, count);
            const int64_t end = min_i64(first + 2 * run, count);
            int64_t       x = first;
            int64_t       y = middle;
            for (int64_t i = first; i < end; i++) {
                const bool take_x =
                    x < middle && (y >= end || compare_in(o, &from[x], &from[y]) <= 0);
                to[i] = take_x ? from[x++] : from[y++];
                TRY(fn_spend(c, ITEM_WORK));
            }
        }
        value *swap = from;
        from = to;
        to = swap;
    }
    *sorted = from;
    return OK;
}

static bool
read_word(text t, const char *yes, const char *no, bool *out) {
    *out = text_equal_nocase(t, text_of(yes));
    return *out || text_equal_nocase(t, text_of(no));
}

/* The optional words: 'DESC', then 'NULLS FIRST'. */
static status
read_order(const fn_call *c, int32_t row, sort_order *out) {
    bool fits = true;
    if (c->arg_count > 1) {
        fits = read_word(operand_text(&c->args[1], row), "DESC", "ASC", &out->descending);
    }
    if (fits && c->arg_count > 2) {
        fits = read_word(operand_text(&c->args[2], row), "NULLS FIRST", "NULLS LAST",
                         &out->nulls_first);
    }
    return fits ? OK
                : error_set(c->err, ERR_QUERY_FAILED,
                            "the order of a list is 'ASC' or 'DESC', then 'NULLS FIRST' or 'NULLS "
                            "LAST'");
}

static status
sort_all(fn_call *c, sort_order order) {
    item_list l = {.call = c};
    item_list other = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        l.count = 0;
        TRY(read_order(c, row, &order));
        TRY(items_add_all(&l, &v));
        TRY(items_reserve(&other, l.count));
        value *sorted;
        TRY(sort_items(c, &sorted, &order, l.at, other.at, l.count));
        TRY(fn_put_nested(c, row, sorted, l.count));
    }
    return OK;
}

status
fn_list_sort(fn_call *c) {
    return sort_all(c, (sort_order){.descending = false});
}

status
fn_list_reverse_sort(fn_call *c) {
    return sort_all(c, (sort_order){.descending = true});
}

status
fn_list_reverse(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        TRY(items_reserve(&l, v.count));
        for (int32_t i = 0; i < v.count; i++) {
            l.at[i] = nested_at(&v, v.count - 1 - i);
        }
        TRY(fn_put_nested(c, row, l.at, v.count));
    }
    return OK;
}

/* The items that are not NULL, sorted, each once, in `l`. */
static status
distinct_items(item_list *l, item_list *other, const nested_view *v) {
    const sort_order order = {.descending = false};
    l->count = 0;
    TRY(items_add_all(l, v));
    TRY(items_reserve(other, l->count));
    value *sorted;
    TRY(sort_items(l->call, &sorted, &order, l->at, other->at, l->count));
    int32_t count = 0;
    for (int32_t i = 0; i < l->count && !sorted[i].is_null && sorted[i].type.id != TYPE_NULL; i++) {
        if (count == 0 || value_compare(&sorted[count - 1], &sorted[i]) != 0) {
            sorted[count++] = sorted[i];
        }
    }
    if (sorted != l->at && count > 0) {
        memcpy(l->at, sorted, (size_t)count * sizeof(*sorted));
    }
    l->count = count;
    return OK;
}

static bool
holds(const value *items, int32_t count, const value *x) {
    int32_t low = 0;
    int32_t high = count;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        const int     order = value_compare(&items[middle], x);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

status
fn_list_distinct(fn_call *c) {
    item_list l = {.call = c};
    item_list other = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (fn_is_valid(c, row)) {
            const nested_view v = operand_nested(&c->args[0], row);
            TRY(distinct_items(&l, &other, &v));
            TRY(fn_put_nested(c, row, l.at, l.count));
        }
    }
    return OK;
}

status
fn_list_unique(fn_call *c) {
    int64_t  *z = c->values;
    item_list l = {.call = c};
    item_list other = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (fn_is_valid(c, row)) {
            const nested_view v = operand_nested(&c->args[0], row);
            TRY(distinct_items(&l, &other, &v));
            z[row] = l.count;
        }
    }
    return OK;
}

/* ---- looking for items */

/* The index of an item, -1: it is not there. NULL is found where `nulls`. */
static int32_t
find_item(const nested_view *v, const value *x, bool nulls) {
    const bool null = x->is_null || x->type.id == TYPE_NULL;
    for (int32_t i = 0; i < v->count && (nulls || !null); i++) {
        const value y = nested_at(v, i);
        if (y.is_null == null && (null || value_compare(x, &y) == 0)) {
            return i;
        }
    }
    return -1;
}

status
fn_list_contains(fn_call *c) {
    uint8_t *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (fn_is_valid(c, row)) {
            const nested_view v = operand_nested(&c->args[0], row);
            const value       x = fn_value(&c->args[1], row);
            z[row] = find_item(&v, &x, false) >= 0;
        }
    }
    return OK;
}

status
fn_list_position(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (operand_is_null(&c->args[0], row)) {
            TRY(fn_put_null(c, row));
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        const value       x = fn_value(&c->args[1], row);
        z[row] = find_item(&v, &x, true) + 1;
        if (z[row] == 0) {
            TRY(fn_put_null(c, row));
        }
    }
    return OK;
}

/* How the items of the first list meet those of the second. */
typedef enum meeting { MEET_ANY, MEET_ALL } meeting;

static status
meet(fn_call *c, meeting how, int32_t outer) {
    uint8_t  *z = c->values;
    item_list l = {.call = c};
    item_list other = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view all = operand_nested(&c->args[outer], row);
        const nested_view wanted = operand_nested(&c->args[1 - outer], row);
        TRY(distinct_items(&l, &other, &all));
        bool found = how == MEET_ALL;
        for (int32_t i = 0; i < wanted.count && found == (how == MEET_ALL); i++) {
            const value x = nested_at(&wanted, i);
            if (!x.is_null && x.type.id != TYPE_NULL) {
                found = holds(l.at, l.count, &x);
            }
        }
        z[row] = found;
    }
    return OK;
}

status
fn_list_has_any(fn_call *c) {
    return meet(c, MEET_ANY, 0);
}

status
fn_list_has_all(fn_call *c) {
    return meet(c, MEET_ALL, 0);
}

status
fn_list_is_in(fn_call *c) {
    return meet(c, MEET_ALL, 1);
}

status
fn_list_intersect(fn_call *c) {
    item_list l = {.call = c};
    item_list m = {.call = c};
    item_list other = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view x = operand_nested(&c->args[0], row);
        const nested_view y = operand_nested(&c->args[1], row);
        TRY(distinct_items(&l, &other, &x));
        TRY(distinct_items(&m, &other, &y));
        int32_t count = 0;
        for (int32_t i = 0; i < l.count; i++) {
            if (holds(m.at, m.count, &l.at[i])) {
                l.at[count++] = l.at[i];
            }
        }
        TRY(fn_put_nested(c, row, l.at, count));
    }
    return OK;
}
