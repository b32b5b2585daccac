/* SPDX-License-Identifier: Apache-2.0 */
/* fn_zone_nested.c - timezone_cast(zone, x, NULL of a type): the cast of a LIST, STRUCT or MAP with
 * TIMESTAMPTZ in it, or to one, with the clocks of a zone. Casts know UTC alone, so x is first
 * given texts, or local times, in the place of its instants; it is cast to the target with texts in
 * the place of that one's; and these are read in the zone. */
#include "expr/nested_call.h"
#include "expr/resolve.h"
#include "expr/zone_file.h"
#include "type/calendar.h"

typedef struct zone_cast {
    const zone *zone;
    data_type   local, to_local; /* shapes of the argument and of the result */
    arena      *arena;
    error      *err;
} zone_cast;

bool
type_holds(data_type t, type_id id) {
    if (t.id == TYPE_LIST || t.id == TYPE_MAP) {
        return type_holds(type_item(t), id);
    }
    for (int32_t i = 0; t.id == TYPE_STRUCT && i < type_field_count(t); i++) {
        if (type_holds(type_field(t, i).type, id)) {
            return true;
        }
    }
    return t.id == id;
}

status
type_without_zone(data_type *out, data_type t, data_type leaf, error *err) {
    nested_field fields[NESTED_FIELDS_MAX];
    data_type    key, item;
    *out = t.id == TYPE_TIMESTAMPTZ ? leaf : t;
    switch (t.id) {
    case TYPE_LIST:
        TRY(type_without_zone(&item, type_item(t), leaf, err));
        return type_list(out, item, err);
    case TYPE_MAP:
        TRY(type_without_zone(&key, type_map_key(t), leaf, err));
        TRY(type_without_zone(&item, type_map_value(t), leaf, err));
        return type_map(out, key, item, err);
    case TYPE_STRUCT:
        for (int32_t i = 0; i < type_field_count(t); i++) {
            fields[i] = type_field(t, i);
            TRY(type_without_zone(&fields[i].type, fields[i].type, leaf, err));
        }
        return type_struct(out, fields, type_field_count(t), err);
    default:
        return OK;
    }
}

static status relabel(zone_cast *c, value *out, const value *in, data_type to);

static status
relabel_nested(zone_cast *c, value *out, const value *in, data_type to) {
    const nested_view v = nested_open(in->type, in->s);
    value            *items = arena_alloc(c->arena, (size_t)(v.count + 1) * sizeof(*items));
    TRY(items == NULL ? error_memory(c->err) : OK);
    for (int32_t i = 0; i < v.count; i++) {
        const value item = nested_at(&v, i);
        TRY(relabel(c, &items[i], &item,
                    to.id == TYPE_STRUCT ? type_field(to, i).type : type_item(to)));
    }
    if (to.id == TYPE_MAP) {
        TRY(nested_check_keys(to, items, v.count, c->arena, c->err));
    }
    return nested_make(out, to, items, v.count, c->arena, c->err);
}

/* Between shapes that differ in TIMESTAMPTZ and what stands for it. */
static status
relabel(zone_cast *c, value *out, const value *in, data_type to) {
    char text_of_time[ZONE_TEXT_MAX];
    if (in->is_null || in->type.id == TYPE_NULL || type_equal(in->type, to)) {
        *out = *in;
        out->type = to;
        return OK;
    }
    if (type_is_nested(to)) {
        return relabel_nested(c, out, in, to);
    }
    *out = (value){.type = to};
    if (to.id == TYPE_TIMESTAMPTZ) {
        return zone_read(c->zone, in->s, &out->i, c->err);
    }
    if (to.id == TYPE_TIMESTAMP) {
        out->i = zone_to_local_us(c->zone, in->i);
        return OK;
    }
    const size_t size = zone_write(text_of_time, c->zone, in->i);
    out->s = arena_text(c->arena, (text){text_of_time, size});
    return out->s.data == NULL ? error_memory(c->err) : OK;
}

static status
cast_value(zone_cast *c, value *out, const value *in, data_type to) {
    value local, cast;
    TRY(relabel(c, &local, in, c->local));
    TRY(value_cast(&cast, &local, c->to_local, c->arena, c->err));
    return relabel(c, out, &cast, to);
}

static status
cast_rows(fn_call *c, bool lenient) {
    const data_type from = c->args[1].type, to = c->type, string = type_of(TYPE_TEXT);
    const bool      shown = type_holds(to, TYPE_TEXT) || type_holds(to, TYPE_TIMESTAMPTZ);
    zone            z;
    zone_cast       cast = {.zone = &z, .arena = c->scratch, .err = lenient ? NULL : c->err};
    TRY(zone_open(&z, operand_text(&c->args[0], 0), c->scratch, c->err));
    TRY(type_without_zone(&cast.local, from, shown ? string : type_of(TYPE_TIMESTAMP), c->err));
    TRY(type_without_zone(&cast.to_local, to, string, c->err));
    for (int32_t i = 0; i < c->row_count; i++) {
        value out, in;
        if (operand_is_null(&c->args[1], i)) {
            TRY(fn_put_null(c, i));
            continue;
        }
        in = fn_value(&c->args[1], i);
        const status s = cast_value(&cast, &out, &in, to);
        if (s < 0 && (!lenient || s == ERR_OUT_OF_MEMORY)) {
            return s == ERR_OUT_OF_MEMORY ? error_memory(c->err) : s;
        }
        TRY(s < 0 ? fn_put_null(c, i) : fn_put_value(c, i, &out));
    }
    return OK;
}

status
fn_zone_cast(fn_call *c) {
    return cast_rows(c, false);
}

status
fn_zone_try_cast(fn_call *c) {
    return cast_rows(c, true);
}
