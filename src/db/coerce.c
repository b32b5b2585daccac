/* SPDX-License-Identifier: Apache-2.0 */
/* coerce.c - see coerce.h. Columns whose type casts without loss go through the cast kernels; the
 * rest value by value. */
#include "db/coerce.h"

#include <math.h>

#include "batch/builder.h"
#include "kernel/kernel.h"

static status
refuse(const value *in, data_type to, error *err) {
    /* The text of the value is for a person: cut long ones. */
    char shown[80] = "";
    mem  scratch;
    buf  b;
    mem_init(&scratch, INT64_MAX);
    buf_init(&b, &scratch, 4096);
    value_format(in, &b);
    const text t = buf_text(&b);
    (void)snprintf(shown, sizeof(shown), "%.*s%s", (int)(t.size < 60 ? t.size : 60), t.data,
                   t.size > 60 ? "..." : "");
    buf_fini(&b);
    return error_set(err, ERR_INGESTION_FAILED, "value '%s' of type %s does not fit %s", shown,
                     type_name(in->type), type_name(to));
}

static bool
integer_fits(int64_t v, type_id to) {
    switch (to) {
    case TYPE_I8:
        return v >= INT8_MIN && v <= INT8_MAX;
    case TYPE_I16:
        return v >= INT16_MIN && v <= INT16_MAX;
    case TYPE_I32:
    case TYPE_DATE:
        return v >= INT32_MIN && v <= INT32_MAX;
    case TYPE_BOOL:
        return v == 0 || v == 1;
    default:
        return true;
    }
}

static status
to_integer(value *out, const value *in, data_type to, error *err) {
    if (type_is_integer(in->type)) {
        out->i = in->i;
    } else if (in->type.id == TYPE_BOOL) {
        out->i = in->b ? 1 : 0;
    } else if (in->type.id == TYPE_F64) {
        /* 2^63 itself is not a BIGINT; the comparison is exact in double. */
        if (!(in->d >= -0x1p63 && in->d < 0x1p63) || in->d != floor(in->d)) {
            return refuse(in, to, err);
        }
        out->i = (int64_t)in->d;
    } else {
        return refuse(in, to, err);
    }
    return integer_fits(out->i, (type_id)to.id) ? OK : refuse(in, to, err);
}

static status
time_to_epoch_ms(value *out, const value *in, data_type to, error *err) {
    switch (in->type.id) {
    case TYPE_TIMESTAMP:
        out->i = floor_div_i64(in->i, 1000);
        return OK;
    case TYPE_TIMESTAMP_MS:
        out->i = in->i;
        return OK;
    case TYPE_DATE:
        out->i = in->i * INT64_C(86400000);
        return OK;
    default:
        return refuse(in, to, err);
    }
}

static status
from_text(value *out, const value *in, coerce_target to, error *err) {
    error why = {0};
    if (to.type.id == TYPE_I64 && to.event_time && value_parse(out, to.type, in->s, &why) < 0) {
        value when;
        if (value_parse(&when, type_of(TYPE_TIMESTAMP), in->s, &why) == OK) {
            return time_to_epoch_ms(out, &when, to.type, err);
        }
        return refuse(in, to.type, err);
    }
    return value_parse(out, to.type, in->s, &why) == OK ? OK : refuse(in, to.type, err);
}

status
coerce_value(value *out, const value *in, coerce_target to, arena *a, error *err) {
    *out = (value){.type = to.type, .is_null = in->is_null};
    if (in->is_null || in->type.id == TYPE_NULL) {
        out->is_null = true;
        return OK;
    }
    if (type_equal(in->type, to.type)) {
        *out = *in;
        return OK;
    }
    if (to.type.id == TYPE_TEXT) {
        return value_cast(out, in, to.type, a, err);
    }
    if (in->type.id == TYPE_TEXT) {
        return from_text(out, in, to, err);
    }
    if (to.type.id == TYPE_I64 && to.event_time &&
        (type_is_time(in->type) || in->type.id == TYPE_DATE)) {
        return time_to_epoch_ms(out, in, to.type, err);
    }
    if (type_is_integer(to.type)) {
        return to_integer(out, in, to.type, err);
    }
    if (to.type.id == TYPE_BOOL && type_is_integer(in->type) && integer_fits(in->i, TYPE_BOOL)) {
        out->b = in->i == 1;
        return OK;
    }
    if (to.type.id == TYPE_F64 && (type_is_integer(in->type) || in->type.id == TYPE_BOOL)) {
        out->d = in->type.id == TYPE_BOOL ? (double)in->b : (double)in->i;
        return OK;
    }
    const bool time_like = type_is_time(in->type) || in->type.id == TYPE_DATE;
    if (time_like && (type_is_time(to.type) || to.type.id == TYPE_DATE)) {
        return value_cast(out, in, to.type, a, err) == OK ? OK : refuse(in, to.type, err);
    }
    return refuse(in, to.type, err);
}

/* Casts that can neither fail nor lose anything, so that whole columns may go through the kernels.
 */
static bool
is_widening(data_type from, data_type to) {
    return type_casts_implicitly(from, to) &&
           (type_is_integer(from) || from.id == TYPE_NULL || type_is_time(from));
}

status
coerce_column(column *out, const column *in, int32_t row_count, coerce_target to, arena *a,
              int32_t *bad_row, error *err) {
    *bad_row = -1;
    if (type_equal(in->type, to.type)) {
        *out = *in;
        return OK;
    }
    if (is_widening(in->type, to.type)) {
        return cast_column(out, in, row_count, to.type, false, a, bad_row, err);
    }
    builder b;
    TRY(builder_init(&b, a->mem, &to.type, 1, err));
    status s = builder_reserve(&b, row_count, err);
    for (int32_t i = 0; s == OK && i < row_count; i++) {
        const value v = column_value(in, i);
        value       made;
        s = coerce_value(&made, &v, to, a, err);
        *bad_row = i;
        if (s == OK) {
            s = column_append_value(&b, 0, &made, err);
        }
    }
    if (s == OK && row_count > 0) {
        /* The rows move to the arena's lifetime: the batch is released with it. */
        batch *made = NULL;
        s = builder_take(&b, &made, err);
        if (s == OK) {
            *out = made->rows.columns[0];
            if (!arena_cleanup_add(a, (void (*)(void *))(void *)batch_release, made)) {
                batch_release(made);
                s = error_memory(err);
            }
        }
    }
    builder_fini(&b);
    return s;
}
