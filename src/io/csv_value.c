/* SPDX-License-Identifier: Apache-2.0 */
/* csv_value.c - see csv_value.h. Plain numbers take the short way of digits.h, everything else goes
 * to value_coerce, which knows all forms. */
#include "io/csv_value.h"

#include <string.h>

#include "io/time_pattern.h"
#include "type/digits.h"

static bool
is_null(const csv_options *o, data_type type, const csv_field *f) {
    if (o->null_text.data != NULL) {
        return !f->quoted && f->size == o->null_text.size &&
               memcmp(f->data, o->null_text.data, f->size) == 0;
    }
    return f->size == 0 && (!f->quoted || type_physical(type) != PHYSICAL_TEXT);
}

static void
store_integer(scan_column *c, int32_t row, int64_t v) {
    switch (type_width(c->type)) {
    case 1:
        ((int8_t *)c->values)[row] = (int8_t)v;
        break;
    case 2:
        ((int16_t *)c->values)[row] = (int16_t)v;
        break;
    case 4:
        ((int32_t *)c->values)[row] = (int32_t)v;
        break;
    default:
        ((int64_t *)c->values)[row] = v;
    }
}

static text
trimmed(text t) {
    while (t.size > 0 && t.data[0] == ' ') {
        t = (text){t.data + 1, t.size - 1};
    }
    while (t.size > 0 && t.data[t.size - 1] == ' ') {
        t.size--;
    }
    return t;
}

static bool
by_pattern(value *out, const csv_options *o, data_type type, text t) {
    const bool is_date = type.id == TYPE_DATE;
    const text pattern = is_date ? o->date_format : o->timestamp_format;
    int64_t    us;
    if (!time_pattern_parse(&us, pattern, trimmed(t))) {
        return false;
    }
    *out = (value){.type = type};
    out->i = type_time_from_us(type, us);
    return true;
}

/* The way of all that is not a plain number; a whole number may be written as 1e3 or 5.0. */
static NOINLINE status
put_parsed(csv_target *target, scan_column *c, int32_t row, text t) {
    const csv_options *o = target->options;
    const value        written = {.type = type_of(TYPE_TEXT), .s = t};
    value              v, number;
    const bool         pattern = (c->type.id == TYPE_DATE && o->date_format.data != NULL) ||
                         (type_is_time(c->type) && o->timestamp_format.data != NULL);
    status s = OK;
    if (pattern) {
        s = by_pattern(&v, o, c->type, t) ? OK : ERR_INGESTION_FAILED;
    } else {
        s = value_coerce(&v, &written, c->type, false, target->scratch, NULL);
    }
    if (s < 0 && type_is_integer(c->type) &&
        value_parse(&number, type_of(TYPE_F64), t, NULL) == OK) {
        s = value_coerce(&v, &number, c->type, false, target->scratch, NULL);
    }
    if (s < 0) {
        return s == ERR_OUT_OF_MEMORY ? s : ERR_INGESTION_FAILED;
    }
    column_store(c->values, row, &v);
    return OK;
}

status
csv_put(csv_target *target, scan_column *c, int32_t row, const csv_field *f) {
    int64_t i;
    if (is_null(target->options, c->type, f)) {
        scan_column_null(c, row);
        return OK;
    }
    text t = {f->data, f->size};
    if (UNLIKELY(f->escaped)) {
        csv_dialect d = {.quote = target->options->quote, .escape = target->options->escape};
        t = csv_field_text(f, &d, target->scratch);
        if (t.data == NULL) {
            return ERR_OUT_OF_MEMORY;
        }
    }
    switch (c->type.id) {
    case TYPE_TEXT:
        if (type_is_json(c->type)) {
            break;
        }
        ((strview *)c->values)[row] = strview_of(t.data, (uint32_t)t.size);
        return OK;
    case TYPE_I8:
    case TYPE_I16:
    case TYPE_I32:
    case TYPE_I64:
        if (LIKELY(digits_integer(t, &i) && digits_in_range(i, c->type))) {
            store_integer(c, row, i);
            return OK;
        }
        break;
    case TYPE_F64:
        if (LIKELY(digits_double(t, (double *)c->values + row))) {
            return OK;
        }
        break;
    default:
        break;
    }
    return put_parsed(target, c, row, t);
}
