/* SPDX-License-Identifier: Apache-2.0 */
/* fn_list_text.c - texts cut into lists and joined again, and numbers of a list: sums, extremes. */
#include "expr/nested_call.h"

/* ---- texts */

/* What array_to_string joins: NULLs are left out, or written as the third argument. */
status
fn_array_to_string(fn_call *c) {
    strview *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (operand_is_null(&c->args[0], row) || operand_is_null(&c->args[1], row)) {
            TRY(fn_put_null(c, row));
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        const text        between = operand_text(&c->args[1], row);
        const bool        shows = c->arg_count > 2 && !operand_is_null(&c->args[2], row);
        bool              any = false;
        buf               b;
        buf_init(&b, c->scratch->mem, TEXT_RESULT_MAX);
        for (int32_t i = 0; i < v.count; i++) {
            const value x = nested_at(&v, i);
            const bool  null = x.is_null || x.type.id == TYPE_NULL;
            if (null && !shows) {
                continue;
            }
            (void)buf_append_text(&b, any ? between : TEXT(""));
            (void)(null ? buf_append_text(&b, operand_text(&c->args[2], row))
                        : value_format(&x, &b));
            any = true;
        }
        const status s = fn_text_of_buf(c, "array_to_string", &b, &z[row]);
        buf_fini(&b);
        TRY(s);
    }
    return OK;
}

static status
add_text(item_list *l, text t) {
    const value v = {.type = type_of(TYPE_TEXT), .s = t};
    return items_add(l, &v);
}

/* Without a separator every character is an item. */
static status
split(item_list *l, text t, text between) {
    l->count = 0;
    if (between.size == 0) {
        for (size_t at = 0; at < t.size;) {
            const text   rest = {t.data + at, t.size - at};
            const size_t size = utf8_skip(rest, 1);
            TRY(add_text(l, (text){rest.data, size}));
            at += size;
        }
        return OK;
    }
    size_t begin = 0;
    for (size_t at = 0; at + between.size <= t.size;) {
        const char *found = memchr(t.data + at, between.data[0], t.size - at);
        if (found == NULL || (size_t)(found - t.data) + between.size > t.size) {
            break;
        }
        at = (size_t)(found - t.data);
        if (memcmp(found, between.data, between.size) != 0) {
            at++;
            continue;
        }
        TRY(add_text(l, (text){t.data + begin, at - begin}));
        at += between.size;
        begin = at;
    }
    return add_text(l, (text){t.data + begin, t.size - begin});
}

status
fn_string_split(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (fn_is_valid(c, row)) {
            TRY(split(&l, operand_text(&c->args[0], row), operand_text(&c->args[1], row)));
            TRY(fn_put_nested(c, row, l.at, l.count));
        }
    }
    return OK;
}

/* ---- one number of a list: its items as one kind of sum */

typedef enum total { TOTAL_SUM, TOTAL_AVG, TOTAL_PRODUCT } total;

static status
totals(fn_call *c, total kind) {
    double *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        double            sum = kind == TOTAL_PRODUCT ? 1 : 0;
        double            rest = 0; /* what rounding lost: Neumaier's sum */
        int32_t           count = 0;
        for (int32_t i = 0; i < v.count; i++) {
            const value x = nested_at(&v, i);
            if (x.is_null) {
                continue;
            }
            count++;
            if (kind == TOTAL_PRODUCT) {
                sum *= x.d;
                continue;
            }
            const double next = sum + x.d;
            const double large = sum < 0 ? -sum : sum;
            const double small = x.d < 0 ? -x.d : x.d;
            rest += large >= small ? (sum - next) + x.d : (x.d - next) + sum;
            sum = next;
        }
        sum = rest == rest && sum == sum ? sum + rest : sum;
        z[row] = kind == TOTAL_AVG && count > 0 ? sum / count : sum;
        if (count == 0) {
            TRY(fn_put_null(c, row));
        }
    }
    return OK;
}

status
fn_list_sum_double(fn_call *c) {
    return totals(c, TOTAL_SUM);
}

status
fn_list_avg(fn_call *c) {
    return totals(c, TOTAL_AVG);
}

status
fn_list_product(fn_call *c) {
    return totals(c, TOTAL_PRODUCT);
}

status
fn_list_sum_integer(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        int128            sum = 0;
        bool              any = false;
        for (int32_t i = 0; i < v.count; i++) {
            const value x = nested_at(&v, i);
            sum += x.is_null ? 0 : x.i;
            any |= !x.is_null;
        }
        if (sum != (int64_t)sum) {
            return error_set(c->err, ERR_QUERY_FAILED, "integer overflow: the sum of a list");
        }
        z[row] = (int64_t)sum;
        if (!any) {
            TRY(fn_put_null(c, row));
        }
    }
    return OK;
}

/* The smallest (sign -1) or largest item. */
static status
extremes(fn_call *c, int sign) {
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        value             best = value_null(TYPE_NULL);
        for (int32_t i = 0; i < v.count; i++) {
            const value x = nested_at(&v, i);
            if (!x.is_null && (best.is_null || value_compare(&x, &best) * sign > 0)) {
                best = x;
            }
        }
        TRY(fn_put_value(c, row, &best));
    }
    return OK;
}

status
fn_list_min(fn_call *c) {
    return extremes(c, -1);
}

status
fn_list_max(fn_call *c) {
    return extremes(c, 1);
}

/* The items that are not NULL. */
status
fn_list_count(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        for (int32_t i = 0; i < v.count; i++) {
            z[row] += !nested_at(&v, i).is_null;
        }
    }
    return OK;
}
