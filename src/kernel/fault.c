/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - whether values that were read from a file are values of their types at all. */
#include "kernel/kernel.h"
#include "type/json_text.h"
#include "type/nested.h"

static const char *
bool_fault(const column *c, int32_t rows) {
    const uint8_t *v = c->values;
    uint8_t        any = 0;
    for (int32_t i = 0; i < rows; i++) {
        any |= v[i];
    }
    return any > 1 ? "a BOOLEAN that is neither true nor false" : NULL;
}

/* What has less than all its bits: DECIMAL and TIME. */
static const char *
range_fault(const column *c, int32_t rows) {
    int64_t least;
    int64_t most;
    int64_t min = INT64_MIN;
    int64_t max = INT64_MAX;
    int128  low;
    int128  high;
    if (c->type.id == TYPE_DECIMAL && type_wide_range(c->type, &low, &high)) {
        min = (int64_t)low;
        max = (int64_t)high;
    } else {
        (void)type_integer_range(c->type, &min, &max);
    }
    if (minmax_i64(c, rows, &least, &most) && (least < min || most > max)) {
        return "a number beyond its type";
    }
    return NULL;
}

static const char *
wide_fault(const column *c, int32_t rows) {
    int128 min;
    int128 max;
    if (!type_wide_range(c->type, &min, &max)) {
        return NULL;
    }
    for (int32_t i = 0; i < rows; i++) {
        int128 v;
        memcpy(&v, (const char *)c->values + (size_t)i * sizeof(v), sizeof(v));
        if ((v < min || v > max) && !column_is_null(c, i)) {
            return "a number beyond its type";
        }
    }
    return NULL;
}

static const char *
json_fault(const strview *v) {
    text        whole;
    size_t      at;
    const char *why;
    return json_text_whole(strview_text(v), &whole, &at, &why) ? NULL : "a JSON that is none";
}

/* All texts of offsets together are plain, and none is too long. */
static bool
is_plain_as_a_whole(const column *c, int32_t rows) {
    const int32_t *offsets = c->values;
    const int64_t  size = (int64_t)offsets[rows] - offsets[0];
    return size <= VALUE_BYTES_MAX &&
           (c->type.id == TYPE_BLOB || utf8_is_plain(c->bytes + offsets[0], size));
}

static const char *
text_fault(const column *c, int32_t rows) {
    const int32_t *offsets = c->layout == COLUMN_OFFSETS ? c->values : NULL;
    if (offsets != NULL && !type_is_json(c->type) && is_plain_as_a_whole(c, rows)) {
        return NULL;
    }
    for (int32_t i = 0; i < rows; i++) {
        if (column_is_null(c, i)) {
            continue;
        }
        strview        made;
        const strview *v = (const strview *)c->values + i;
        if (offsets != NULL) {
            made = strview_of(c->bytes + offsets[i], (uint32_t)(offsets[i + 1] - offsets[i]));
            v = &made;
        }
        const char *data = strview_data(v);
        if (v->size > VALUE_BYTES_MAX) {
            return "a text of more than 64 MiB";
        }
        if (c->type.id == TYPE_TEXT && !utf8_is_plain(data, v->size) &&
            !text_is_storable(strview_text(v))) {
            return "a text that is not UTF-8";
        }
        if (type_is_json(c->type) && json_fault(v) != NULL) {
            return json_fault(v);
        }
    }
    return NULL;
}

static const char *nested_fault(data_type t, text image);

static const char *
item_fault(const value *v) {
    if (v->is_null) {
        return NULL;
    }
    if (type_is_nested(v->type)) {
        return nested_fault(v->type, v->s);
    }
    _Alignas(16) char one[16];
    const column      c = {.type = v->type, .values = one};
    column_store(one, 0, v);
    return column_fault(&c, 1);
}

/* It is whole. */
static const char *
nested_fault(data_type t, text image) {
    const nested_view v = nested_open(t, image);
    const char       *what = NULL;
    for (int32_t i = 0; what == NULL && i < v.count; i++) {
        const value item = nested_at(&v, i);
        what = item_fault(&item);
    }
    return what;
}

static const char *
images_fault(const column *c, int32_t rows) {
    const char *what = NULL;
    for (int32_t i = 0; what == NULL && i < rows; i++) {
        const text image = strview_text((const strview *)c->values + i);
        if (!column_is_null(c, i)) {
            what = nested_is_whole(c->type, image) ? nested_fault(c->type, image)
                                                   : "a nested value that is none";
        }
    }
    return what;
}

const char *
column_fault(const column *c, int32_t rows) {
    switch (type_physical(c->type)) {
    case PHYSICAL_BOOL:
        return bool_fault(c, rows);
    case PHYSICAL_NESTED:
        return images_fault(c, rows);
    case PHYSICAL_TEXT:
        return text_fault(c, rows);
    case PHYSICAL_I128:
        return c->type.id == TYPE_DECIMAL ? wide_fault(c, rows) : NULL;
    case PHYSICAL_I64:
        return c->type.id == TYPE_DECIMAL || c->type.id == TYPE_TIME ? range_fault(c, rows) : NULL;
    default:
        return NULL;
    }
}
