/* SPDX-License-Identifier: Apache-2.0 */
/* packed_part.c - entries of the directory: type, sizes, NULLs, bounds. */
#include <math.h>

#include "batch/column.h"
#include "kernel/kernel.h"
#include "store/packed_internal.h"
#include "type/nested.h"

/* ---- Types: the id, then precision and scale, or the parts */

void
packed_put_type(buf *out, data_type t) {
    (void)buf_append_char(out, (char)t.id);
    if (t.id == TYPE_LIST) {
        image_put_u32(out, (uint32_t)type_array_size(t));
        packed_put_type(out, type_item(t));
    } else if (t.id == TYPE_MAP) {
        packed_put_type(out, type_map_key(t));
        packed_put_type(out, type_map_value(t));
    } else if (t.id == TYPE_STRUCT) {
        const int32_t count = type_field_count(t);
        image_put_u32(out, (uint32_t)count);
        for (int32_t i = 0; i < count; i++) {
            const nested_field f = type_field(t, i);
            image_put_u32(out, (uint32_t)f.name.size);
            (void)buf_append_text(out, f.name);
            packed_put_type(out, f.type);
        }
    } else {
        (void)buf_append_char(out, (char)t.precision);
        (void)buf_append_char(out, (char)t.scale);
    }
}

static status
take_plain_type(unpacker *u, uint8_t id, data_type *out) {
    const char *numbers = NULL;
    TRY(packed_take(u, 2, &numbers));
    const data_type t = {.id = id, .precision = (uint8_t)numbers[0], .scale = (uint8_t)numbers[1]};
    bool            good = id < TYPE_COUNT && t.precision == 0 && t.scale == 0;
    if (id == TYPE_DECIMAL) {
        good = t.precision >= 1 && t.precision <= DECIMAL_PRECISION_MAX && t.scale <= t.precision;
    } else if (id == TYPE_TEXT) {
        good = t.precision <= TEXT_JSON && t.scale == 0;
    } else if (id == TYPE_I64) {
        good = t.precision <= TIME_UNIT_NS && t.scale == 0;
    }
    *out = t;
    return good ? OK : packed_corrupt(u, "an unknown type");
}

static status
take_struct(unpacker *u, data_type *out, int32_t depth) {
    uint32_t count;
    error    ignored;
    TRY(packed_take_u32(u, &count));
    if (count > NESTED_FIELDS_MAX) {
        return packed_corrupt(u, "a STRUCT of too many fields");
    }
    nested_field *fields = arena_alloc(u->scratch, (size_t)count * sizeof(*fields));
    if (fields == NULL) {
        return error_memory(u->err);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size;
        TRY(packed_take_u32(u, &size));
        TRY(packed_take(u, size, &fields[i].name.data));
        fields[i].name.size = size;
        if (!text_is_storable(fields[i].name)) {
            return packed_corrupt(u, "the name of a field");
        }
        TRY(packed_take_type(u, &fields[i].type, depth + 1));
    }
    const status s = type_struct(out, fields, (int32_t)count, &ignored);
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(u->err);
    }
    return s < 0 ? packed_corrupt(u, "a STRUCT that cannot be") : OK;
}

status
packed_take_type(unpacker *u, data_type *out, int32_t depth) {
    const char *id = NULL;
    data_type   item;
    data_type   key;
    error       ignored;
    uint32_t    size;
    status      s = OK;
    if (depth > NESTED_DEPTH_MAX) {
        return packed_corrupt(u, "a type that is too deep");
    }
    TRY(packed_take(u, 1, &id));
    switch ((uint8_t)*id) {
    case TYPE_STRUCT:
        return take_struct(u, out, depth);
    case TYPE_LIST:
        TRY(packed_take_u32(u, &size));
        TRY(packed_take_type(u, &item, depth + 1));
        s = size == UINT32_MAX  ? type_list(out, item, &ignored)
            : size <= INT32_MAX ? type_array(out, item, (int32_t)size, &ignored)
                                : ERR_INVALID_SCHEMA;
        break;
    case TYPE_MAP:
        TRY(packed_take_type(u, &key, depth + 1));
        TRY(packed_take_type(u, &item, depth + 1));
        s = type_map(out, key, item, &ignored);
        break;
    default:
        return take_plain_type(u, (uint8_t)*id, out);
    }
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(u->err);
    }
    return s < 0 ? packed_corrupt(u, "a type that cannot be") : OK;
}

/* ---- Bounds */

static bool
text_bounds(packed_part *part, const column *c, int32_t rows) {
    const strview *v = c->values;
    const strview *min = NULL;
    const strview *max = NULL;
    for (int32_t i = 0; i < rows; i++) {
        if (column_is_null(c, i)) {
            continue;
        }
        if (min == NULL) {
            min = max = &v[i];
        } else if (strview_compare(&v[i], min) < 0) {
            min = &v[i];
        } else if (strview_compare(&v[i], max) > 0) {
            max = &v[i];
        }
    }
    if (min == NULL) {
        return false;
    }
    part->min = (value){.type = c->type, .s = strview_text(min)};
    part->max = (value){.type = c->type, .s = strview_text(max)};
    part->is_exact = min->size <= PACKED_RANGE_TEXT && max->size <= PACKED_RANGE_TEXT;
    if (max->size > PACKED_RANGE_TEXT) {
        part->max = value_null((type_id)c->type.id);
        part->max.type = c->type;
    }
    if (min->size >
        PACKED_RANGE_TEXT) { /* the beginning of a text is no greater; whole characters */
        size_t size = PACKED_RANGE_TEXT;
        while (c->type.id == TYPE_TEXT && size > 0 && (part->min.s.data[size] & 0xc0) == 0x80) {
            size--;
        }
        part->min.s.size = size;
    }
    return true;
}

static bool
any_bounds(packed_part *part, const column *c, int32_t rows) {
    bool found = false;
    for (int32_t i = 0; i < rows; i++) {
        if (column_is_null(c, i)) {
            continue;
        }
        const value v = column_value(c, i);
        if (!found || value_compare(&v, &part->min) < 0) {
            part->min = v;
        }
        if (!found || value_compare(&v, &part->max) > 0) {
            part->max = v;
        }
        found = true;
    }
    return found;
}

static bool
double_bounds(packed_part *part, const column *c, int32_t rows) {
    double        min;
    double        max;
    const double *v = c->values;
    bool          has_nan = false;
    for (int32_t i = 0; i < rows; i++) {
        has_nan |= isnan(v[i]);
    }
    if (has_nan || !minmax_f64(c, rows, &min, &max)) { /* NaN is above all numbers */
        return any_bounds(part, c, rows);
    }
    part->min = (value){.type = c->type, .d = min};
    part->max = (value){.type = c->type, .d = max};
    return true;
}

static bool
integer_bounds(packed_part *part, const column *c, int32_t rows) {
    int64_t min;
    int64_t max;
    if (!minmax_i64(c, rows, &min, &max)) {
        return false;
    }
    part->min = (value){.type = c->type, .i = min};
    part->max = (value){.type = c->type, .i = max};
    if (c->type.id == TYPE_BOOL) {
        part->min = (value){.type = c->type, .b = min != 0};
        part->max = (value){.type = c->type, .b = max != 0};
    }
    return true;
}

void
packed_range(packed_part *part, const column *c, int32_t rows, arena *scratch) {
    int64_t min;
    int64_t max;
    column  views = *c;
    part->is_exact = true;
    if (rows == 0 || c->type.id == TYPE_NULL || type_is_nested(c->type)) {
        part->has_range = false;
    } else if (type_physical(c->type) == PHYSICAL_TEXT) {
        part->has_range =
            (c->layout == COLUMN_FLAT || column_views(&views, c, rows, scratch, NULL) == OK) &&
            text_bounds(part, &views, rows);
    } else if (c->type.id == TYPE_F64) {
        part->has_range = double_bounds(part, c, rows);
    } else if (c->type.id == TYPE_BOOL || type_integer_range(c->type, &min, &max) ||
               (c->type.id == TYPE_DECIMAL && type_physical(c->type) == PHYSICAL_I64)) {
        part->has_range = integer_bounds(part, c, rows);
    } else {
        part->has_range = any_bounds(part, c, rows);
    }
}

/* ---- Entries */

enum { HAS_RANGE = 1, IS_EXACT = 2, NO_MAX = 4 };

static void
put_bound(buf *out, const value *v) {
    char bytes[16] = {0};
    if (type_physical(v->type) == PHYSICAL_TEXT) {
        image_put_u32(out, (uint32_t)v->s.size);
        (void)buf_append_text(out, v->s);
        return;
    }
    column_store(bytes, 0, v);
    (void)buf_append(out, bytes, type_width(v->type));
}

void
packed_put_part(buf *out, const packed_part *part) {
    packed_put_type(out, part->type);
    image_put_u32(out, (uint32_t)part->null_count);
    image_put_i64(out, part->size);
    image_put_i64(out, part->raw_bytes);
    (void)buf_append_char(out, (char)((part->has_range ? HAS_RANGE : 0) |
                                      (part->is_exact ? IS_EXACT : 0) |
                                      (part->has_range && part->max.is_null ? NO_MAX : 0)));
    if (part->has_range) {
        put_bound(out, &part->min);
        if (!part->max.is_null) {
            put_bound(out, &part->max);
        }
    }
}

static status
take_bound(unpacker *u, data_type t, value *out, arena *a) {
    const char *bytes = NULL;
    char        held[16] = {0};
    uint32_t    size = 0;
    column      c = {.type = t, .layout = COLUMN_FLAT, .values = held};
    if (type_physical(t) == PHYSICAL_TEXT) {
        TRY(packed_take_u32(u, &size));
        TRY(packed_take(u, size, &bytes));
        const text    kept = arena_text(a, (text){bytes, size});
        const strview v =
            strview_of(kept.data == NULL ? "" : kept.data, kept.data == NULL ? 0 : size);
        if (kept.data == NULL) {
            return error_memory(u->err);
        }
        memcpy(held, &v, sizeof(v));
        *out = (value){.type = t, .s = kept};
        c.type.precision = 0; /* the beginning of a JSON is none */
        return column_fault(&c, 1) == NULL ? OK : packed_corrupt(u, "a bound of a column");
    }
    TRY(packed_take(u, type_width(t), &bytes));
    memcpy(held, bytes, type_width(t));
    if (column_fault(&c, 1) != NULL) {
        return packed_corrupt(u, "a bound of a column");
    }
    *out = column_value(&c, 0);
    return OK;
}

status
packed_take_part(unpacker *u, packed_part *out, arena *a) {
    const char *bytes = NULL;
    *out = (packed_part){0};
    TRY(packed_take_type(u, &out->type, 1));
    TRY(packed_take(u, 21, &bytes));
    memcpy(&out->null_count, bytes, 4);
    memcpy(&out->size, bytes + 4, 8);
    memcpy(&out->raw_bytes, bytes + 12, 8);
    const uint8_t flags = (uint8_t)bytes[20];
    out->has_range = (flags & HAS_RANGE) != 0;
    out->is_exact = (flags & IS_EXACT) != 0;
    if (out->null_count < 0 || out->null_count > u->packed->row_count || out->size < 0 ||
        out->raw_bytes < 0 || flags > (HAS_RANGE | IS_EXACT | NO_MAX) ||
        (out->has_range && (type_is_nested(out->type) || out->type.id == TYPE_NULL))) {
        return packed_corrupt(u, "an entry of the directory");
    }
    if (out->has_range) {
        TRY(take_bound(u, out->type, &out->min, a));
        out->max = (value){.type = out->type, .is_null = true};
        if ((flags & NO_MAX) == 0) {
            TRY(take_bound(u, out->type, &out->max, a));
        }
    }
    return OK;
}
