/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - see values.h. */
#include "db/values.h"

#include "type/nested.h"

#define TYPE(name, sql_name, physical, arrow_format) +1
static_assert((0
#include "type/types.def"
               ) == LAMINAR_TYPE_MAP + 1,
              "laminar_type lists the same types");
#undef TYPE

static const char *
text_fault(text t, bool is_text) {
    return t.size > INT32_MAX                             ? "a text holds at most 2 GiB"
           : is_text && text_utf8_fault(t) >= 0           ? "the text is not UTF-8"
           : is_text && memchr(t.data, 0, t.size) != NULL ? "the text holds a NUL byte"
                                                          : NULL;
}

static const char *
read_type(data_type *out, const laminar_value *in) {
    if (in->type < 0 || in->type >= TYPE_COUNT) {
        return "the value has no type of laminar_type";
    }
    *out = type_of((type_id)in->type);
    if (type_is_nested(*out)) {
        return "a nested value where a scalar is expected";
    }
    if (out->id != TYPE_DECIMAL) {
        return NULL;
    }
    const int32_t digits[2] = {in->precision, in->scale};
    return type_set_arguments(out, digits, 2);
}

static const char *
read_wide(value *out, const laminar_value *in) {
    const bool   half = out->type.id != TYPE_I128 && out->type.id != TYPE_DECIMAL;
    const int128 x = half ? (out->type.id == TYPE_U64 ? (int128)(uint64_t)in->i : (int128)in->i)
                          : (int128)((uint128)(uint64_t)in->high << 64 | (uint64_t)in->i);
    int128       wide_min, wide_max;
    int64_t      min, max;
    const bool   outside = type_wide_range(out->type, &wide_min, &wide_max)
                               ? x < wide_min || x > wide_max
                           : type_integer_range(out->type, &min, &max) ? x < min || x > max
                                                                       : false;
    value_set_wide(out, x);
    return outside ? "the value is outside of the range of its type" : NULL;
}

const char *
value_from_public(value *out, const laminar_value *in) {
    data_type   type;
    const char *fault = read_type(&type, in);
    *out = value_null(TYPE_NULL); /* a NULL takes the type of what it meets, as the word does */
    if (in->is_null || in->type == LAMINAR_TYPE_NULL || fault != NULL) {
        return in->is_null ? NULL : fault;
    }
    *out = (value){.type = type};
    switch (type_physical(type)) {
    case PHYSICAL_BOOL:
        out->b = in->i != 0;
        return NULL;
    case PHYSICAL_F32:
    case PHYSICAL_F64:
        out->d = in->d;
        return NULL;
    case PHYSICAL_TEXT:
        out->s = (text){in->text_size == 0 ? "" : in->text, in->text_size};
        return text_fault(out->s, type.id == TYPE_TEXT);
    case PHYSICAL_INTERVAL:
        out->iv = (interval){.months = in->months, .days = in->days, .us = in->i};
        return NULL;
    default:
        if (type.id == TYPE_UUID) { /* the engine keeps the first bit turned over */
            out->h =
                (int128)((uint128)((uint64_t)in->high ^ (uint64_t)1 << 63) << 64 | (uint64_t)in->i);
            return NULL;
        }
        return read_wide(out, in);
    }
}

laminar_value
value_to_public(const value *v) {
    laminar_value out = {.type = v->type.id,
                         .is_null = v->is_null,
                         .precision = v->type.precision,
                         .scale = v->type.scale};
    if (v->is_null) {
        return out;
    }
    switch (type_physical(v->type)) {
    case PHYSICAL_BOOL:
        out.i = v->b ? 1 : 0;
        break;
    case PHYSICAL_F32:
    case PHYSICAL_F64:
        out.d = v->d;
        break;
    case PHYSICAL_NESTED:
        out.nested =
            v->type.precision | (uint32_t)v->type.scale << 8 | (uint32_t)v->type.reserved << 16;
        out.precision = out.scale = 0;
        out.text = v->s.data;
        out.text_size = v->s.size;
        break;
    case PHYSICAL_TEXT:
        out.text = v->s.data;
        out.text_size = v->s.size;
        break;
    case PHYSICAL_INTERVAL:
        out.months = v->iv.months;
        out.days = v->iv.days;
        out.i = v->iv.us;
        break;
    default: {
        const int128 x = value_wide(v);
        out.i = (int64_t)x;
        out.high = (int64_t)(x >> 64);
        if (v->type.id == TYPE_UUID) {
            out.high = (int64_t)((uint64_t)out.high ^ (uint64_t)1 << 63);
        }
        break;
    }
    }
    return out;
}

size_t
laminar_value_text(const laminar_value *v, char *out) {
    value made;
    if (value_from_public(&made, v) != NULL || type_physical(made.type) == PHYSICAL_TEXT) {
        return 0;
    }
    return value_write(&made, out);
}
