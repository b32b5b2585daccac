/* SPDX-License-Identifier: Apache-2.0 */
/* agg_list.c - the values of a group as one value: array_agg(x), json_group_array(x), and by keys
 * map_agg(k, v), json_group_object(k, v). In the order of the call's ORDER BY, without it as they
 * arrived, or by value where rows are taken back. NULL values count. Of a key that comes twice the
 * last value counts, a NULL key is left out, and keys come in their order. NULL over no rows. */
#include "agg/listing.h"
#include "type/json_value.h"
#include "type/nested.h"

typedef struct entries { /* of one group */
    int32_t  count;      /* 0: the group has no rows */
    int32_t  width;
    value   *values; /* width of them each */
    int32_t *rows;   /* by keys: which entries are shown */
    int32_t  shown;
} entries;

/* ---- types */

static status
resolve_array(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    return type_list(&s->output, s->types[0], err);
}

static status
resolve_map(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    return type_map(&s->output, s->types[0], s->types[1], err);
}

static status
resolve_json(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = type_json();
    return OK;
}

/* ---- reading a group */

static status
too_long(const agg *base, error *err) {
    (void)error_set(err, ERR_QUERY_FAILED, "%s of a group would have more than 64 MiB",
                    base->class->name);
    return error_hint(err, "take a part of the rows with FILTER");
}

/* The last of equal keys each, without NULL; keys in their order. */
static status
pick_keys(entries *e, const column *keys, arena *a, error *err) {
    const sort_key by_key = {.column = 0};
    int32_t       *order = arena_alloc(a, (size_t)e->count * sizeof(*order));
    if (order == NULL) {
        return error_memory(err);
    }
    TRY(sort_rows(order, keys, e->count, &by_key, 1, a, err));
    for (int32_t i = 0; i < e->count; i++) {
        const bool last =
            i + 1 == e->count || compare_rows(keys, order[i], keys, order[i + 1]) != 0;
        if (last && !column_is_null(keys, order[i])) {
            order[e->shown++] = order[i];
        }
    }
    e->rows = order;
    return OK;
}

static status
read_entries(entries *out, agg *base, slot group, arena *a, error *err) {
    column         columns[2];
    const int64_t *copies;
    int32_t        n;
    const int32_t  width = base->class->column_max;
    *out = (entries){.width = width};
    TRY(listing_read((listing *)base, group, a, &n, columns, width, &copies, err));
    int64_t total = 0;
    for (int32_t i = 0; i < n; i++) {
        total += width > 1 ? 1 : copies[i];
        if (copies[i] > INT32_MAX / 64 || total > INT32_MAX / 64) {
            return too_long(base, err);
        }
    }
    out->count = (int32_t)total;
    out->values = arena_alloc(a, (size_t)total * (size_t)width * sizeof(*out->values));
    if (out->values == NULL) {
        return error_memory(err);
    }
    value *to = out->values;
    for (int32_t i = 0; i < n; i++) {
        for (int64_t k = width > 1 ? 1 : copies[i]; k > 0; k--) {
            for (int32_t c = 0; c < width; c++) {
                *to++ = column_value(&columns[c], i);
            }
        }
    }
    return width > 1 && n > 0 ? pick_keys(out, columns, a, err) : OK;
}

/* ---- values */

/* Before its memory is taken. */
static status
check_size(const agg *base, const value *items, int32_t count, error *err) {
    size_t size;
    TRY(nested_size(&size, base->output, items, count, err));
    return size > VALUE_BYTES_MAX ? too_long(base, err) : OK;
}

static status
make_list(strview *out, agg *base, const entries *e, arena *a, error *err) {
    value made;
    TRY(check_size(base, e->values, e->count, err));
    TRY(nested_make(&made, base->output, e->values, e->count, a, err));
    *out = strview_of(made.s.data, (uint32_t)made.s.size);
    return OK;
}

static status
make_map(strview *out, agg *base, const entries *e, arena *a, error *err) {
    const data_type pair = type_item(base->output);
    value           made;
    value          *pairs = arena_alloc(a, (size_t)e->shown * sizeof(*pairs));
    if (pairs == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < e->shown; i++) {
        TRY(nested_make(&pairs[i], pair, &e->values[(int64_t)2 * e->rows[i]], 2, a, err));
    }
    TRY(check_size(base, pairs, e->shown, err));
    TRY(nested_make(&made, base->output, pairs, e->shown, a, err));
    *out = strview_of(made.s.data, (uint32_t)made.s.size);
    return OK;
}

static void
write_array(buf *out, const entries *e) {
    (void)buf_append_char(out, '[');
    for (int32_t i = 0; i < e->count && !out->failed; i++) {
        (void)(i == 0 || buf_append_char(out, ','));
        (void)json_write_value(&e->values[i], out);
    }
    (void)buf_append_char(out, ']');
}

static void
write_object(buf *out, const entries *e) {
    (void)buf_append_char(out, '{');
    for (int32_t i = 0; i < e->shown && !out->failed; i++) {
        const value *pair = &e->values[(int64_t)2 * e->rows[i]];
        (void)(i == 0 || buf_append_char(out, ','));
        (void)json_write_key(&pair[0], out);
        (void)buf_append_char(out, ':');
        (void)json_write_value(&pair[1], out);
    }
    (void)buf_append_char(out, '}');
}

static status
make_json(strview *out, agg *base, const entries *e, arena *a, error *err) {
    buf    made;
    status s = OK;
    buf_init(&made, a->mem, VALUE_BYTES_MAX);
    (e->width > 1 ? write_object : write_array)(&made, e);
    const text   all = buf_text(&made);
    const char  *kept = made.failed ? NULL : arena_text(a, all).data;
    const size_t size = all.size;
    if (kept == NULL) {
        s = made.failed && size >= VALUE_BYTES_MAX / 2 ? too_long(base, err) : error_memory(err);
    } else {
        *out = strview_of(kept, (uint32_t)size);
    }
    buf_fini(&made);
    return s;
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    strview   *values = arena_alloc_zero(a, (size_t)count * sizeof(*values));
    bool      *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    const bool json = base->output.id == TYPE_TEXT;
    if (values == NULL || nulls == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        entries e;
        TRY(read_entries(&e, base, slots[i], a, err));
        nulls[i] = e.count == 0;
        if (e.count > 0) {
            TRY((json          ? make_json
                 : e.width > 1 ? make_map
                               : make_list)(&values[i], base, &e, a, err));
        }
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = values};
    return agg_set_nulls(out, nulls, count, a, err);
}

const agg_class agg_array_agg_class = {
    .name = "array_agg",
    .column_min = 1,
    .column_max = 1,
    .order_matters = true,
    .lists_rows = true,
    .keeps_rows = true,
    .keeps_nulls = true,
    .resolve = resolve_array,
    .open = listing_open,
    .close = listing_close,
    .init = listing_init,
    .update = listing_update,
    .value = value_of,
    .clear = listing_clear,
    .merge = listing_merge,
    .rebuild = listing_rebuild,
    .validate = listing_validate,
};

const agg_class agg_json_group_array_class = {
    .name = "json_group_array",
    .column_min = 1,
    .column_max = 1,
    .order_matters = true,
    .lists_rows = true,
    .keeps_rows = true,
    .keeps_nulls = true,
    .resolve = resolve_json,
    .open = listing_open,
    .close = listing_close,
    .init = listing_init,
    .update = listing_update,
    .value = value_of,
    .clear = listing_clear,
    .merge = listing_merge,
    .rebuild = listing_rebuild,
    .validate = listing_validate,
};

const agg_class agg_map_agg_class = {
    .name = "map_agg",
    .column_min = 2,
    .column_max = 2,
    .order_matters = true,
    .lists_rows = true,
    .keeps_rows = true,
    .keeps_nulls = true,
    .resolve = resolve_map,
    .open = listing_open,
    .close = listing_close,
    .init = listing_init,
    .update = listing_update,
    .value = value_of,
    .clear = listing_clear,
    .merge = listing_merge,
    .rebuild = listing_rebuild,
    .validate = listing_validate,
};

const agg_class agg_json_group_object_class = {
    .name = "json_group_object",
    .column_min = 2,
    .column_max = 2,
    .order_matters = true,
    .lists_rows = true,
    .keeps_rows = true,
    .keeps_nulls = true,
    .resolve = resolve_json,
    .open = listing_open,
    .close = listing_close,
    .init = listing_init,
    .update = listing_update,
    .value = value_of,
    .clear = listing_clear,
    .merge = listing_merge,
    .rebuild = listing_rebuild,
    .validate = listing_validate,
};
