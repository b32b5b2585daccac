/* SPDX-License-Identifier: Apache-2.0 */
/* nested_values.c - lists, structs and maps of laminar.h: trees that come in, images that go out.
 */
#include "db/values.h"
#include "type/nested.h"

typedef struct reading {
    arena  *arena;
    error  *err;
    int32_t depth;
} reading;

static status read_value(reading *r, value *out, const laminar_value *in, const data_type *to);

static bool
is_nested(const laminar_value *in) {
    return in->type >= LAMINAR_TYPE_LIST && in->type <= LAMINAR_TYPE_MAP && !in->is_null;
}

static status
read_scalar(reading *r, value *out, const laminar_value *in, const data_type *to) {
    const char *fault = value_from_public(out, in);
    if (fault != NULL) {
        return error_set(r->err, ERR_QUERY_FAILED, "%s", fault);
    }
    const value made = *out;
    return to == NULL ? OK : value_coerce(out, &made, *to, false, r->arena, r->err);
}

static value *
new_values(reading *r, int64_t count) {
    return arena_alloc(r->arena, (size_t)count * sizeof(value));
}

/* ---- of a type that is known */

static status
finish_map(reading *r, value *out, const value *entries, int32_t count, data_type to) {
    TRY(nested_check_keys(to, entries, count, r->arena, r->err));
    return nested_make(out, to, entries, count, r->arena, r->err);
}

/* [(key, value), ...] */
static status
pairs_to_map(reading *r, value *out, const laminar_value *in, data_type to) {
    const int32_t   count = (int32_t)in->item_count;
    const data_type key = type_map_key(to);
    const data_type item = type_map_value(to);
    value          *entries = new_values(r, count);
    if (entries == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < count; i++) {
        const laminar_value *pair = &in->items[i];
        value                parts[2];
        if (!is_nested(pair) || pair->type == LAMINAR_TYPE_MAP || pair->item_count != 2) {
            return error_set(r->err, ERR_QUERY_FAILED,
                             "item %d is no pair of a key and a value of %s", i + 1, type_name(to));
        }
        TRY(read_value(r, &parts[0], &pair->items[0], &key));
        TRY(read_value(r, &parts[1], &pair->items[1], &item));
        TRY(nested_make(&entries[i], type_item(to), parts, 2, r->arena, r->err));
    }
    return finish_map(r, out, entries, count, to);
}

/* Keys and values by turns, or names and values. */
static status
read_map(reading *r, value *out, const laminar_value *in, data_type to) {
    const bool      named = in->type == LAMINAR_TYPE_STRUCT;
    const int32_t   count = (int32_t)(named ? in->item_count : in->item_count / 2);
    const data_type key = type_map_key(to);
    const data_type item = type_map_value(to);
    value          *entries = new_values(r, count);
    if (entries == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < count; i++) {
        value parts[2];
        if (named) {
            const value name = {.type = type_of(TYPE_TEXT), .s = text_of(in->names[i])};
            TRY(value_coerce(&parts[0], &name, key, false, r->arena, r->err));
        } else {
            TRY(read_value(r, &parts[0], &in->items[2 * i], &key));
        }
        TRY(read_value(r, &parts[1], &in->items[named ? i : 2 * i + 1], &item));
        TRY(nested_make(&entries[i], type_item(to), parts, 2, r->arena, r->err));
    }
    return finish_map(r, out, entries, count, to);
}

static status
read_list(reading *r, value *out, const laminar_value *in, data_type to) {
    const int32_t   count = (int32_t)in->item_count;
    const data_type item = type_item(to);
    value          *items = new_values(r, count);
    if (items == NULL) {
        return error_memory(r->err);
    }
    TRY(nested_check_size(to, count, r->err));
    for (int32_t i = 0; i < count; i++) {
        TRY(read_value(r, &items[i], &in->items[i], &item));
    }
    return nested_make(out, to, items, count, r->arena, r->err);
}

static status
no_field(reading *r, text name, data_type to) {
    text          names[NESTED_FIELDS_MAX];
    const int32_t count = type_field_count(to);
    for (int32_t i = 0; i < count; i++) {
        names[i] = type_field(to, i).name;
    }
    const int32_t near = text_nearest(name, names, count);
    if (near >= 0) {
        return error_set(r->err, ERR_QUERY_FAILED,
                         "%s has no field \"%.*s\"; did you mean \"%.*s\"?", type_name(to),
                         TEXT_ARG(name), TEXT_ARG(names[near]));
    }
    return error_set(r->err, ERR_QUERY_FAILED, "%s has no field \"%.*s\"", type_name(to),
                     TEXT_ARG(name));
}

static status
read_struct(reading *r, value *out, const laminar_value *in, data_type to) {
    const int32_t count = type_field_count(to);
    value        *fields = new_values(r, count);
    if (fields == NULL) {
        return error_memory(r->err);
    }
    if (in->names == NULL && in->item_count != count) {
        return error_set(r->err, ERR_QUERY_FAILED, "%lld values for the %d fields of %s",
                         (long long)in->item_count, count, type_name(to));
    }
    for (int32_t i = 0; i < count; i++) {
        fields[i] = (value){.type = type_field(to, i).type, .is_null = true};
    }
    for (int32_t i = 0; i < in->item_count; i++) {
        int32_t at = i;
        if (in->names != NULL) {
            at = type_find_field(to, text_of(in->names[i]), false);
        }
        if (at < 0) {
            return no_field(r, text_of(in->names[i]), to);
        }
        const data_type t = fields[at].type;
        TRY(read_value(r, &fields[at], &in->items[i], &t));
    }
    return nested_make(out, to, fields, count, r->arena, r->err);
}

/* ---- of a type that is found */

static status
infer_items(reading *r, value *items, const laminar_value *in, int64_t first, int64_t step,
            int32_t count, data_type *type) {
    *type = type_of(TYPE_NULL);
    for (int32_t i = 0; i < count; i++) {
        TRY(read_value(r, &items[i], &in->items[first + i * step], NULL));
        const data_type t = items[i].is_null ? type_of(TYPE_NULL) : items[i].type;
        if (!type_unify(*type, t, type)) {
            return error_set(r->err, ERR_QUERY_FAILED, "item %d of a list is %s, those before %s",
                             i + 1, type_name(t), type_name(*type));
        }
    }
    for (int32_t i = 0; i < count; i++) {
        const value v = items[i];
        TRY(value_cast(&items[i], &v, *type, r->arena, r->err));
    }
    return OK;
}

static status
infer_list(reading *r, value *out, const laminar_value *in) {
    const int32_t count = (int32_t)in->item_count;
    value        *items = new_values(r, count);
    data_type     type;
    if (items == NULL) {
        return error_memory(r->err);
    }
    TRY(infer_items(r, items, in, 0, 1, count, &type));
    TRY(type_list(&type, type, r->err));
    return nested_make(out, type, items, count, r->arena, r->err);
}

static status
infer_map(reading *r, value *out, const laminar_value *in) {
    const int32_t count = (int32_t)(in->item_count / 2);
    value        *keys = new_values(r, count);
    value        *items = new_values(r, count);
    value        *entries = new_values(r, count);
    data_type     key, item, type;
    if (keys == NULL || items == NULL || entries == NULL) {
        return error_memory(r->err);
    }
    TRY(infer_items(r, keys, in, 0, 2, count, &key));
    TRY(infer_items(r, items, in, 1, 2, count, &item));
    TRY(type_map(&type, key, item, r->err));
    for (int32_t i = 0; i < count; i++) {
        const value parts[2] = {keys[i], items[i]};
        TRY(nested_make(&entries[i], type_item(type), parts, 2, r->arena, r->err));
    }
    return finish_map(r, out, entries, count, type);
}

static status
infer_struct(reading *r, value *out, const laminar_value *in) {
    const int32_t count = (int32_t)in->item_count;
    value        *fields = new_values(r, count);
    nested_field *types = arena_alloc(r->arena, (size_t)count * sizeof(*types));
    data_type     type;
    if (fields == NULL || types == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(read_value(r, &fields[i], &in->items[i], NULL));
        types[i] = (nested_field){.type = fields[i].type,
                                  .name = in->names == NULL ? TEXT("") : text_of(in->names[i])};
    }
    TRY(type_struct(&type, types, count, r->err));
    return nested_make(out, type, fields, count, r->arena, r->err);
}

static status
infer(reading *r, value *out, const laminar_value *in) {
    return in->type == LAMINAR_TYPE_LIST  ? infer_list(r, out, in)
           : in->type == LAMINAR_TYPE_MAP ? infer_map(r, out, in)
                                          : infer_struct(r, out, in);
}

/* ---- both */

static status
read_nested(reading *r, value *out, const laminar_value *in, const data_type *to) {
    const bool names = in->type == LAMINAR_TYPE_STRUCT && in->names != NULL;
    const bool list = in->type == LAMINAR_TYPE_LIST || (in->type == LAMINAR_TYPE_STRUCT && !names);
    if (to == NULL) {
        return infer(r, out, in);
    }
    if (to->id == TYPE_LIST && list) {
        return read_list(r, out, in, *to);
    }
    if (to->id == TYPE_MAP) {
        return list ? pairs_to_map(r, out, in, *to) : read_map(r, out, in, *to);
    }
    if (to->id == TYPE_STRUCT && in->type == LAMINAR_TYPE_STRUCT) {
        return read_struct(r, out, in, *to);
    }
    value made;
    TRY(infer(r, &made, in));
    return value_coerce(out, &made, *to, false, r->arena, r->err);
}

static status
read_value(reading *r, value *out, const laminar_value *in, const data_type *to) {
    if (!is_nested(in)) {
        return read_scalar(r, out, in, to);
    }
    if (r->depth >= NESTED_DEPTH_MAX) {
        return error_set(r->err, ERR_QUERY_FAILED, "the value is nested more than %d levels deep",
                         NESTED_DEPTH_MAX);
    }
    if (in->item_count < 0 || in->item_count > INT32_MAX / 64 ||
        (in->items == NULL && in->item_count > 0)) {
        return error_set(r->err, ERR_QUERY_FAILED, "a nested value with %lld items",
                         (long long)in->item_count);
    }
    r->depth++;
    const status s = read_nested(r, out, in, to);
    r->depth--;
    return s;
}

status
value_read(value *out, const laminar_value *in, const data_type *to, arena *a, error *err) {
    reading r = {.arena = a, .err = err};
    return read_value(&r, out, in, to);
}

/* ---------------------------------------------------------------------------------- going out */

/* The value of a result; false: it is none. */
static bool
open_public(const laminar_value *in, nested_view *out) {
    value v = {.type = {.id = (uint8_t)in->type,
                        .precision = (uint8_t)in->nested,
                        .scale = (uint8_t)(in->nested >> 8),
                        .reserved = (uint8_t)(in->nested >> 16)}};
    if (!is_nested(in) || in->nested == 0 || in->text == NULL) {
        return false;
    }
    *out = nested_open(v.type, (text){in->text, in->text_size});
    return true;
}

int64_t
laminar_value_count(const laminar_value *v) {
    nested_view view;
    return open_public(v, &view) ? view.count : 0;
}

laminar_status
laminar_value_item(const laminar_value *v, int64_t at, laminar_value *out) {
    nested_view view;
    if (!open_public(v, &view) || at < 0 || at >= view.count) {
        return LAMINAR_DONE;
    }
    const value item = nested_at(&view, (int32_t)at);
    *out = value_to_public(&item);
    return LAMINAR_OK;
}

const char *
laminar_value_field(const laminar_value *v, int64_t at, size_t *size) {
    nested_view view;
    *size = 0;
    if (!open_public(v, &view) || !view.is_struct || at < 0 || at >= view.count) {
        return "";
    }
    const text name = type_field(view.type, (int32_t)at).name;
    *size = name.size;
    return name.data;
}
