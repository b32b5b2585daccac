/* SPDX-License-Identifier: Apache-2.0 */
/* coerce.c - see coerce.h. Columns whose type casts without loss go through the cast kernels; the
 * rest value by value. */
#include "db/coerce.h"

#include "batch/builder.h"
#include "kernel/kernel.h"
#include "type/nested.h"

static status
refuse(const value *in, data_type to, const error *why, error *err) {
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
    if (type_is_nested(to)) { /* which part of it */
        return error_set(err, ERR_INGESTION_FAILED, "value '%s' of type %s does not fit %s: %.250s",
                         shown, type_name(in->type), type_name(to), why->message);
    }
    return error_set(err, ERR_INGESTION_FAILED, "value '%s' of type %s does not fit %s", shown,
                     type_name(in->type), type_name(to));
}

status
coerce_value(value *out, const value *in, coerce_target to, arena *a, error *err) {
    error        why = {0};
    const status s = value_coerce(out, in, to.type, to.event_time, a, &why);
    return s == OK                  ? OK
           : s == ERR_OUT_OF_MEMORY ? error_memory(err)
                                    : refuse(in, to.type, &why, err);
}

/* Casts that can neither fail nor lose anything, so that whole columns may go through the kernels.
 */
static bool
is_widening(data_type from, data_type to) {
    return type_casts_implicitly(from, to) && from.id != TYPE_DATE &&
           !(type_is_time(from) && to.id == TYPE_TIMESTAMP_NS);
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
        if (i % INTERRUPT_ROWS == 0 && interrupt_poll(to.guard)) {
            s = interrupt_reason(to.guard, err);
            break;
        }
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
