/* SPDX-License-Identifier: Apache-2.0 */
/* nested_cast.c - nested values into other nested types: part by part, structs by the names of
 * their fields. */
#include "type/nested_type.h"

status
nested_check_size(data_type t, int32_t count, error *err) {
    const int32_t size = type_array_size(t);
    return size < 0 || size == count
               ? OK
               : error_set(err, ERR_QUERY_FAILED, "a list of %d items is no %s", count,
                           type_name(t));
}

static status
convert_part(const nested_conversion *c, value *out, const value *in, data_type to) {
    if (in->is_null || in->type.id == TYPE_NULL) {
        *out = (value){.type = to, .is_null = true};
        return OK;
    }
    return c->convert(out, in, to, c->arena, c->err);
}

static value *
new_values(const nested_conversion *c, int32_t count) {
    return arena_alloc(c->arena, (size_t)count * sizeof(value));
}

/* A LIST or MAP into another, or a LIST of pairs into a MAP. */
static status
convert_items(const nested_conversion *c, value *out, const value *in, data_type to) {
    const nested_view from = nested_open(in->type, in->s);
    value            *items = new_values(c, from.count);
    if (items == NULL) {
        return error_memory(c->err);
    }
    TRY(nested_check_size(to, from.count, c->err));
    for (int32_t i = 0; i < from.count; i++) {
        const value item = nested_at(&from, i);
        if (to.id == TYPE_MAP && !item.is_null && type_is_nested(item.type)) {
            TRY(nested_by_position(c, &items[i], &item, type_item(to)));
        } else {
            TRY(convert_part(c, &items[i], &item, type_item(to)));
        }
    }
    if (to.id == TYPE_MAP) {
        TRY(nested_check_keys(to, items, from.count, c->arena, c->err));
    }
    return nested_make(out, to, items, from.count, c->arena, c->err);
}

/* Field by field in their order. */
status
nested_by_position(const nested_conversion *c, value *out, const value *in, data_type to) {
    const int32_t     count = type_field_count(to);
    const nested_view from = nested_open(in->type, in->s);
    value            *fields = new_values(c, count);
    if (fields == NULL) {
        return error_memory(c->err);
    }
    if (from.count != count) {
        return error_set(c->err, ERR_QUERY_FAILED, "a value of type %s has %d parts, %s has %d",
                         type_name(in->type), from.count, type_name(to), count);
    }
    for (int32_t i = 0; i < count; i++) {
        const value part = nested_at(&from, i);
        TRY(convert_part(c, &fields[i], &part, type_field(to, i).type));
    }
    return nested_make(out, to, fields, count, c->arena, c->err);
}

static bool
has_names(data_type t) {
    return type_field(t, 0).name.size > 0;
}

/* What is stored must have a place: a field that is nowhere to be found is an error. */
static status
check_all_used(const nested_conversion *c, data_type from, data_type to) {
    for (int32_t i = 0; i < type_field_count(from); i++) {
        const text name = type_field(from, i).name;
        if (type_find_field(to, name, false) >= 0) {
            continue;
        }
        text          names[NESTED_FIELDS_MAX];
        const int32_t count = type_field_count(to);
        for (int32_t k = 0; k < count; k++) {
            names[k] = type_field(to, k).name;
        }
        (void)error_set(c->err, ERR_QUERY_FAILED, "%s has no field \"%.*s\"", type_name(to),
                        TEXT_ARG(name));
        const int32_t near = text_nearest(name, names, count);
        if (near >= 0) {
            (void)error_hint(c->err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
        }
        return ERR_QUERY_FAILED;
    }
    return OK;
}

static status
convert_struct(const nested_conversion *c, value *out, const value *in, data_type to) {
    if (!has_names(to) || !has_names(in->type)) {
        return nested_by_position(c, out, in, to);
    }
    const int32_t     count = type_field_count(to);
    const nested_view from = nested_open(in->type, in->s);
    value            *fields = new_values(c, count);
    if (fields == NULL) {
        return error_memory(c->err);
    }
    if (c->strict) {
        TRY(check_all_used(c, in->type, to));
    }
    for (int32_t i = 0; i < count; i++) {
        const nested_field f = type_field(to, i);
        const int32_t      at = type_find_field(in->type, f.name, false);
        fields[i] = (value){.type = f.type, .is_null = true};
        if (at >= 0) {
            const value part = nested_at(&from, at);
            TRY(convert_part(c, &fields[i], &part, f.type));
        }
    }
    return nested_make(out, to, fields, count, c->arena, c->err);
}

/* The names become keys. */
static status
struct_to_map(const nested_conversion *c, value *out, const value *in, data_type to) {
    const nested_view from = nested_open(in->type, in->s);
    value            *entries = new_values(c, from.count);
    if (entries == NULL) {
        return error_memory(c->err);
    }
    for (int32_t i = 0; i < from.count; i++) {
        const value name = {.type = type_of(TYPE_TEXT), .s = type_field(in->type, i).name};
        const value part = nested_at(&from, i);
        value       pair[2];
        TRY(convert_part(c, &pair[0], &name, type_map_key(to)));
        TRY(convert_part(c, &pair[1], &part, type_map_value(to)));
        TRY(nested_make(&entries[i], type_item(to), pair, 2, c->arena, c->err));
    }
    TRY(nested_check_keys(to, entries, from.count, c->arena, c->err));
    return nested_make(out, to, entries, from.count, c->arena, c->err);
}

status
nested_convert(const nested_conversion *c, value *out, const value *in, data_type to) {
    if (in->type.id == TYPE_STRUCT) {
        return to.id == TYPE_MAP ? struct_to_map(c, out, in, to) : convert_struct(c, out, in, to);
    }
    return convert_items(c, out, in, to);
}

/* ---- which types convert */

static bool
structs_convert(data_type from, data_type to, type_relation *related) {
    const bool by_name = has_names(from) && has_names(to);
    bool       any = false;
    if (!by_name && type_field_count(from) != type_field_count(to)) {
        return false;
    }
    for (int32_t i = 0; i < type_field_count(to); i++) {
        const nested_field f = type_field(to, i);
        const int32_t      at = by_name ? type_find_field(from, f.name, false) : i;
        if (at >= 0 && !related(type_field(from, at).type, f.type)) {
            return false;
        }
        any |= at >= 0;
    }
    return any;
}

bool
nested_relates(data_type from, data_type to, type_relation *related) {
    if (type_is_open(from) || type_is_open(to)) {
        return from.id == to.id && type_is_open(to);
    }
    if (from.id == TYPE_STRUCT && to.id == TYPE_STRUCT) {
        return structs_convert(from, to, related);
    }
    if (from.id == TYPE_STRUCT && to.id == TYPE_MAP) {
        bool fits = has_names(from) && related(type_of(TYPE_TEXT), type_map_key(to));
        for (int32_t i = 0; i < type_field_count(from) && fits; i++) {
            fits = related(type_field(from, i).type, type_map_value(to));
        }
        return fits;
    }
    if (from.id == TYPE_LIST && to.id == TYPE_MAP && type_item(from).id == TYPE_STRUCT) {
        const data_type pair = type_item(from);
        return type_field_count(pair) == 2 && related(type_map_key(pair), type_map_key(to)) &&
               related(type_map_value(pair), type_map_value(to));
    }
    return from.id == to.id && from.id != TYPE_STRUCT && related(type_item(from), type_item(to));
}

/* Every part into its own; names and number of fields must be the same. */
bool
nested_casts_implicitly(data_type from, data_type to) {
    if (type_is_open(from) || type_is_open(to) || from.id != to.id) {
        return false;
    }
    if (from.id != TYPE_STRUCT) {
        return (type_array_size(to) < 0 || type_array_size(to) == type_array_size(from)) &&
               type_casts_implicitly(type_item(from), type_item(to));
    }
    if (type_field_count(from) != type_field_count(to)) {
        return false;
    }
    const bool by_name = has_names(from) && has_names(to);
    for (int32_t i = 0; i < type_field_count(to); i++) {
        const nested_field f = type_field(to, i);
        const int32_t      at = by_name ? type_find_field(from, f.name, false) : i;
        if (at < 0 || !type_casts_implicitly(type_field(from, at).type, f.type)) {
            return false;
        }
    }
    return true;
}

static bool
unify_structs(data_type a, data_type b, data_type *out) {
    nested_field  fields[NESTED_FIELDS_MAX];
    int32_t       count = type_field_count(a);
    const bool    by_name = has_names(a) && has_names(b);
    const int32_t others = type_field_count(b);
    if (!by_name && count != others) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        fields[i] = type_field(a, i);
        if (!has_names(a)) {
            fields[i].name = type_field(b, i).name;
        }
    }
    for (int32_t i = 0; i < others; i++) {
        const nested_field f = type_field(b, i);
        const int32_t      at = by_name ? type_find_field(a, f.name, false) : i;
        if (at < 0) {
            if (count == NESTED_FIELDS_MAX) {
                return false;
            }
            fields[count++] = f;
        } else if (!type_unify(fields[at].type, f.type, &fields[at].type)) {
            return false;
        }
    }
    return type_struct(out, fields, count, NULL) == OK;
}

bool
nested_unify(data_type a, data_type b, data_type *out) {
    if (a.id != b.id || type_is_open(a) || type_is_open(b)) {
        return false;
    }
    if (a.id == TYPE_STRUCT) {
        return unify_structs(a, b, out);
    }
    data_type item;
    if (!type_unify(type_item(a), type_item(b), &item)) {
        return false;
    }
    return a.id == TYPE_MAP
               ? type_map(out, type_map_key(item), type_map_value(item), NULL) == OK
               : type_array(out, item,
                            type_array_size(a) == type_array_size(b) ? type_array_size(a) : -1,
                            NULL) == OK;
}
