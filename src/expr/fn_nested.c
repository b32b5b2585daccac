/* SPDX-License-Identifier: Apache-2.0 */
/* fn_nested.c - making lists, structs and maps, and taking them apart. Positions count from 1,
 * negative ones from the end; what is not there is NULL. */
#include "expr/nested_call.h"

/* ---- nested_call.h */

status
items_reserve(item_list *l, int64_t count) {
    if (count <= l->capacity) {
        return OK;
    }
    const int64_t capacity = max_i64(count, min_i64(2 * (int64_t)l->capacity, INT32_MAX / 64));
    if (capacity > INT32_MAX / 64) {
        return error_set(l->call->err, ERR_QUERY_FAILED,
                         "a list of %lld items is too long; at most %d may be made in one value",
                         (long long)count, INT32_MAX / 64);
    }
    value *more = arena_alloc(l->call->scratch, (size_t)capacity * sizeof(*more));
    if (more == NULL) {
        return error_memory(l->call->err);
    }
    if (l->count > 0) {
        memcpy(more, l->at, (size_t)l->count * sizeof(*more));
    }
    l->at = more;
    l->capacity = (int32_t)capacity;
    return OK;
}

status
items_add(item_list *l, const value *v) {
    TRY(items_reserve(l, (int64_t)l->count + 1));
    l->at[l->count++] = *v;
    return OK;
}

status
items_add_all(item_list *l, const nested_view *v) {
    TRY(items_reserve(l, (int64_t)l->count + v->count));
    for (int32_t i = 0; i < v->count; i++) {
        TRY(fn_spend(l->call, ITEM_WORK));
        l->at[l->count++] = nested_at(v, i);
    }
    return OK;
}

status
fn_make_nested(fn_call *c, data_type t, const value *items, int32_t count, strview *out) {
    size_t size;
    TRY(nested_size(&size, t, items, count, c->err));
    TRY(fn_spend(c, (int64_t)count * ITEM_WORK));
    if (size > TEXT_RESULT_MAX) {
        return error_set(c->err, ERR_QUERY_FAILED,
                         "a value of type %s would be too large; at most 64 MiB may be made in one "
                         "value",
                         type_name(t));
    }
    char *p = fn_text_reserve(c, size);
    if (p == NULL) {
        return error_memory(c->err);
    }
    TRY(nested_write(p, t, items, count, c->err));
    *out = fn_text_commit(c, size);
    return OK;
}

status
fn_put_nested(fn_call *c, int32_t row, const value *items, int32_t count) {
    return fn_make_nested(c, c->type, items, count, (strview *)c->values + row);
}

status
fn_put_null(fn_call *c, int32_t row) {
    return fn_set_null(c, row) ? OK : error_memory(c->err);
}

status
fn_put_value(fn_call *c, int32_t row, const value *v) {
    if (v->is_null || v->type.id == TYPE_NULL) {
        return fn_put_null(c, row);
    }
    column_store(c->values, row, v);
    return OK;
}

/* ---- making */

static status
put_arguments(fn_call *c, int32_t first, int32_t step) {
    item_list l = {.call = c};
    TRY(items_reserve(&l, c->arg_count));
    for (int32_t row = 0; row < c->row_count; row++) {
        l.count = 0;
        for (int32_t i = first; i < c->arg_count; i += step) {
            l.at[l.count++] = fn_value(&c->args[i], row);
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

status
fn_list_value(fn_call *c) {
    return put_arguments(c, 0, 1);
}

status
fn_row(fn_call *c) {
    return put_arguments(c, 0, 1);
}

status
fn_struct_pack(fn_call *c) {
    return put_arguments(c, 1, 2);
}

status
fn_struct_insert(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (operand_is_null(&c->args[0], row)) {
            TRY(fn_put_null(c, row));
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        l.count = 0;
        TRY(items_add_all(&l, &v));
        for (int32_t i = 2; i < c->arg_count; i += 2) {
            const value x = fn_value(&c->args[i], row);
            TRY(items_add(&l, &x));
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

static status
put_map(fn_call *c, int32_t row, item_list *entries) {
    TRY(nested_check_keys(c->type, entries->at, entries->count, c->scratch, c->err));
    return fn_put_nested(c, row, entries->at, entries->count);
}

/* The images of entries lie behind views, which must stay where they are. */
static status
add_entry(item_list *l, const value *key, const value *item) {
    fn_call        *c = l->call;
    const data_type t = type_item(c->type);
    const value     pair[2] = {*key, *item};
    value           entry;
    TRY(nested_make(&entry, t, pair, 2, c->scratch, c->err));
    return items_add(l, &entry);
}

status
fn_map(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        l.count = 0;
        if (c->arg_count == 0) {
            TRY(fn_put_nested(c, row, NULL, 0));
            continue;
        }
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view keys = operand_nested(&c->args[0], row);
        const nested_view items = operand_nested(&c->args[1], row);
        if (keys.count != items.count) {
            return error_set(c->err, ERR_QUERY_FAILED, "map: %d keys and %d values", keys.count,
                             items.count);
        }
        for (int32_t i = 0; i < keys.count; i++) {
            const value key = nested_at(&keys, i);
            const value item = nested_at(&items, i);
            TRY(add_entry(&l, &key, &item));
        }
        TRY(put_map(c, row, &l));
    }
    return OK;
}

status
fn_map_from_entries(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view pairs = operand_nested(&c->args[0], row);
        l.count = 0;
        for (int32_t i = 0; i < pairs.count; i++) {
            const value pair = nested_at(&pairs, i);
            if (pair.is_null) {
                return error_set(c->err, ERR_QUERY_FAILED, "map_from_entries: entry %d is NULL",
                                 i + 1);
            }
            const nested_view parts = nested_open(pair.type, pair.s);
            const value       key = nested_at(&parts, 0);
            const value       item = nested_at(&parts, 1);
            TRY(add_entry(&l, &key, &item));
        }
        TRY(put_map(c, row, &l));
    }
    return OK;
}

/* A later map wins. */
status
fn_map_concat(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        bool any = false; /* of nothing but NULLs it is NULL */
        l.count = 0;
        for (int32_t i = 0; i < c->arg_count; i++) {
            if (operand_is_null(&c->args[i], row)) {
                continue;
            }
            any = true;
            const nested_view m = operand_nested(&c->args[i], row);
            for (int32_t k = 0; k < m.count; k++) {
                const value       entry = nested_at(&m, k);
                const nested_view parts = nested_open(entry.type, entry.s);
                const value       key = nested_at(&parts, 0);
                int32_t           at = 0;
                for (; at < l.count; at++) {
                    const nested_view other = nested_open(l.at[at].type, l.at[at].s);
                    const value       other_key = nested_at(&other, 0);
                    if (value_compare(&key, &other_key) == 0) {
                        break;
                    }
                }
                if (at < l.count) {
                    l.at[at] = entry;
                } else {
                    TRY(items_add(&l, &entry));
                }
            }
        }
        TRY(any ? fn_put_nested(c, row, l.at, l.count) : fn_put_null(c, row));
    }
    return OK;
}

/* ---- taking apart */

/* The index of a position, or -1. */
static int64_t
index_of(int64_t position, int64_t count) {
    if (position < 0) {
        return position < -count ? -1 : count + position;
    }
    return position > count ? -1 : position - 1;
}

status
fn_list_extract(fn_call *c) {
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        const int64_t     at = index_of(fn_integer(&c->args[1], row), v.count);
        const value       x = at < 0 ? value_null(TYPE_NULL) : nested_at(&v, (int32_t)at);
        TRY(fn_put_value(c, row, &x));
    }
    return OK;
}

status
fn_text_extract(fn_call *c) {
    strview *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const text    t = operand_text(&c->args[0], row);
        const int64_t count = utf8_count(t);
        const int64_t at = index_of(fn_integer(&c->args[1], row), count);
        if (at >= 0 && at < count) {
            const size_t begin = utf8_skip(t, at);
            const text   rest = {t.data + begin, t.size - begin};
            z[row] = strview_of(rest.data, (uint32_t)utf8_skip(rest, 1));
        }
    }
    return OK;
}

status
fn_struct_extract(fn_call *c) {
    const value   which = fn_value(&c->args[1], 0);
    const int32_t at = nested_field_of(c->args[0].type, &which);
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        const value       x = nested_at(&v, at);
        TRY(fn_put_value(c, row, &x));
    }
    return OK;
}

status
fn_struct_keys(fn_call *c) {
    const data_type t = c->args[0].type;
    item_list       l = {.call = c};
    for (int32_t i = 0; t.id == TYPE_STRUCT && i < type_field_count(t); i++) {
        const value name = {.type = type_of(TYPE_TEXT), .s = type_field(t, i).name};
        TRY(items_add(&l, &name));
    }
    for (int32_t row = 0; row < c->row_count; row++) {
        TRY(fn_is_valid(c, row) ? fn_put_nested(c, row, l.at, l.count) : OK);
    }
    return OK;
}

status
fn_struct_values(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        l.count = 0;
        TRY(items_add_all(&l, &v));
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

/* The value of a key; false: it is not there. */
static bool
find_key(const nested_view *map, const value *key, value *out) {
    for (int32_t i = 0; i < map->count; i++) {
        const value       entry = nested_at(map, i);
        const nested_view parts = nested_open(entry.type, entry.s);
        const value       have = nested_at(&parts, 0);
        if (value_compare(&have, key) == 0) {
            *out = nested_at(&parts, 1);
            return true;
        }
    }
    return false;
}

status
fn_map_extract_value(fn_call *c) {
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view m = operand_nested(&c->args[0], row);
        const value       key = fn_value(&c->args[1], row);
        value             x = value_null(TYPE_NULL);
        (void)find_key(&m, &key, &x);
        TRY(fn_put_value(c, row, &x));
    }
    return OK;
}

status
fn_map_extract(fn_call *c) {
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view m = operand_nested(&c->args[0], row);
        const value       key = fn_value(&c->args[1], row);
        value             x;
        const bool        found = find_key(&m, &key, &x);
        TRY(fn_put_nested(c, row, &x, found));
    }
    return OK;
}

status
fn_map_contains(fn_call *c) {
    uint8_t *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (fn_is_valid(c, row)) {
            const nested_view m = operand_nested(&c->args[0], row);
            const value       key = fn_value(&c->args[1], row);
            value             x;
            z[row] = find_key(&m, &key, &x);
        }
    }
    return OK;
}

/* Part 0 or 1 of every entry, or the entries themselves. */
static status
put_parts(fn_call *c, int32_t part) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view m = operand_nested(&c->args[0], row);
        l.count = 0;
        TRY(items_add_all(&l, &m));
        for (int32_t i = 0; i < l.count && part < 2; i++) {
            const nested_view parts = nested_open(l.at[i].type, l.at[i].s);
            l.at[i] = nested_at(&parts, part);
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

status
fn_map_keys(fn_call *c) {
    return put_parts(c, 0);
}

status
fn_map_values(fn_call *c) {
    return put_parts(c, 1);
}

status
fn_map_entries(fn_call *c) {
    return put_parts(c, 2);
}

/* Of lists and maps. */
status
fn_nested_length(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (fn_is_valid(c, row)) {
            z[row] = operand_nested(&c->args[0], row).count;
        }
    }
    return OK;
}

/* ---- slices */

/* A bound as an index from 0; a NULL one is `none`. */
static int64_t
bound(const operand *o, int32_t row, int64_t count, int64_t none) {
    if (operand_is_null(o, row) || o->type.id == TYPE_NULL) {
        return none;
    }
    const int64_t at = fn_integer(o, row);
    return at < 0 ? sat_add_i64(count, at) + 1 : at;
}

status
fn_list_slice(fn_call *c) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (operand_is_null(&c->args[0], row)) {
            TRY(fn_put_null(c, row));
            continue;
        }
        const nested_view v = operand_nested(&c->args[0], row);
        int64_t           step = 1;
        if (c->arg_count > 3 && !operand_is_null(&c->args[3], row)) {
            step = fn_integer(&c->args[3], row);
        }
        if (step < 1) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "the step of a slice is at least 1, not %lld; list_reverse turns a "
                             "list round",
                             (long long)step);
        }
        const int64_t first = max_i64(bound(&c->args[1], row, v.count, 1), 1);
        const int64_t last = min_i64(bound(&c->args[2], row, v.count, v.count), v.count);
        l.count = 0;
        for (int64_t i = first; i <= last; i = sat_add_i64(i, step)) {
            const value x = nested_at(&v, (int32_t)(i - 1));
            TRY(items_add(&l, &x));
        }
        TRY(fn_put_nested(c, row, l.at, l.count));
    }
    return OK;
}

status
fn_text_slice(fn_call *c) {
    strview *z = c->values;
    for (int32_t row = 0; row < c->row_count; row++) {
        if (operand_is_null(&c->args[0], row)) {
            TRY(fn_put_null(c, row));
            continue;
        }
        const text    t = operand_text(&c->args[0], row);
        const int64_t count = utf8_count(t);
        const int64_t first = max_i64(bound(&c->args[1], row, count, 1), 1);
        const int64_t last = min_i64(bound(&c->args[2], row, count, count), count);
        if (first <= last) {
            const size_t begin = utf8_skip(t, first - 1);
            const text   rest = {t.data + begin, t.size - begin};
            z[row] = strview_of(rest.data, (uint32_t)utf8_skip(rest, last - first + 1));
        }
    }
    return OK;
}
