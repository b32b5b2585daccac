/* SPDX-License-Identifier: Apache-2.0 */
/* cast.c - CAST of whole columns: a loop for numbers and times, value_cast row by row for
 * everything else and for the batch in which some number does not fit. Messages are value_cast's.
 */
#include "kernel/access.h"
#include "kernel/cast_numeric.h"
#include "kernel/kernel.h"
#include "type/calendar.h"
#include "type/digits.h"
#include "type/time_text.h"

typedef struct cast_job {
    const column *in;
    data_type     to;
    int32_t       row_count;
    bool          try_cast;
    arena        *arena;
    int32_t      *bad_row;
    error        *err;
    void         *values;   /* of the result */
    uint64_t     *validity; /* of the result when rows became NULL, else NULL */
} cast_job;

/* TRY_CAST: the row is NULL from now on. */
static status
make_null(cast_job *j, int32_t row) {
    if (j->validity == NULL) {
        const size_t words = (size_t)bits_words(j->row_count);
        j->validity = arena_alloc(j->arena, words * sizeof(uint64_t));
        if (j->validity == NULL) {
            return error_memory(j->err);
        }
        if (j->in->validity != NULL) {
            memcpy(j->validity, j->in->validity, words * sizeof(uint64_t));
        } else {
            memset(j->validity, 0xff, words * sizeof(uint64_t));
        }
    }
    bits_clear(j->validity, row);
    return OK;
}

/* Converts one row that is not NULL; *converted false: TRY_CAST made it NULL. */
static status
cast_row(cast_job *j, int32_t row, value *out, bool *converted) {
    const value  v = column_value(j->in, row);
    const status s = value_cast(out, &v, j->to, j->arena, j->try_cast ? NULL : j->err);
    *converted = s == OK;
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(j->err);
    }
    if (s < 0 && j->try_cast) {
        return make_null(j, row);
    }
    if (s < 0 && j->bad_row != NULL) {
        *j->bad_row = row;
    }
    return s;
}

/* The loop has written what fits; finds what does not, or that it all lay under NULL. */
static status
cast_misfits(cast_job *j) {
    for (int32_t i = 0; i < j->row_count; i++) {
        value v;
        bool  converted;
        if (!column_is_null(j->in, i)) {
            TRY(cast_row(j, i, &v, &converted));
        }
    }
    return OK;
}

static status
cast_each(cast_job *j) {
    for (int32_t i = 0; i < j->row_count; i++) {
        value v;
        bool  converted = false;
        if (!column_is_null(j->in, i)) {
            TRY(cast_row(j, i, &v, &converted));
        }
        if (converted) {
            column_store(j->values, i, &v);
        }
    }
    return OK;
}

/* false: a text that is no plain number in the range of the type, or no plain instant. */
static bool
store_digits(const cast_job *j, int32_t row, text t) {
    int64_t i, ns;
    if (j->to.id == TYPE_TIMESTAMP) {
        const bool plain = time_parse_plain(t, &i, &ns);
        ((int64_t *)j->values)[row] = plain ? i * US_PER_DAY + ns / 1000 : 0;
        return plain;
    }
    if (j->to.id == TYPE_F64) {
        return digits_double(t, (double *)j->values + row);
    }
    if (!digits_integer(t, &i) || !digits_in_range(i, j->to)) {
        return false;
    }
    switch (j->to.id) {
    case TYPE_I8:
        ((int8_t *)j->values)[row] = (int8_t)i;
        return true;
    case TYPE_I16:
        ((int16_t *)j->values)[row] = (int16_t)i;
        return true;
    case TYPE_I32:
        ((int32_t *)j->values)[row] = (int32_t)i;
        return true;
    default:
        ((int64_t *)j->values)[row] = i;
        return true;
    }
}

static bool
reads_digits(data_type from, data_type to) {
    return from.id == TYPE_TEXT && !type_is_json(from) &&
           (to.id == TYPE_F64 || to.id == TYPE_TIMESTAMP || to.id == TYPE_I8 || to.id == TYPE_I16 ||
            to.id == TYPE_I32 || (to.id == TYPE_I64 && type_equal(to, type_of(TYPE_I64))));
}

/* Most are plain digits. */
static status
cast_digits(cast_job *j) {
    for (int32_t i = 0; i < j->row_count; i++) {
        value v;
        bool  converted;
        if (column_is_null(j->in, i) || LIKELY(store_digits(j, i, row_text(j->in, i)))) {
            continue;
        }
        TRY(cast_row(j, i, &v, &converted));
        if (converted) {
            column_store(j->values, i, &v);
        }
    }
    return OK;
}

/* Every scalar but a BLOB has a text of limited size, so nothing but memory can fail. Short texts
 * lie in the views. */
static status
cast_to_text(cast_job *j) {
    strview *views = j->values;
    for (int32_t i = 0; i < j->row_count; i++) {
        if (column_is_null(j->in, i)) {
            continue;
        }
        char         written[VALUE_TEXT_MAX];
        const value  v = column_value(j->in, i);
        const size_t size = value_write(&v, written);
        const char  *data = written;
        if (size > STRVIEW_INLINE_MAX) {
            char *copy = arena_alloc(j->arena, size);
            if (copy == NULL) {
                return error_memory(j->err);
            }
            memcpy(copy, written, size);
            data = copy;
        }
        views[i] = strview_of(data, (uint32_t)size);
    }
    return OK;
}

static status
cast_null(column *out, int32_t row_count, data_type to, arena *a, error *err) {
    void     *values = arena_alloc_zero(a, (size_t)row_count * type_width(to));
    uint64_t *validity = arena_alloc_zero(a, (size_t)bits_words(row_count) * sizeof(uint64_t));
    if (values == NULL || validity == NULL) {
        return error_memory(err);
    }
    *out = (column){.type = to, .layout = COLUMN_FLAT, .validity = validity, .values = values};
    return OK;
}

static cast_kernel *
kernel_of(data_type from, data_type to) {
    if (from.id == TYPE_DECIMAL || to.id == TYPE_DECIMAL) {
        return cast_decimal_kernel(from, to);
    }
    return from.id == TYPE_DATE || type_is_time(from) ? cast_time_kernel(from, to)
                                                      : cast_numeric_kernel(from, to);
}

/* The same bytes mean the same: a DECIMAL gets room for more digits, a TIMESTAMP becomes one of
 * UTC.
 */
static bool
is_relabelling(data_type from, data_type to) {
    if (type_physical(from) != type_physical(to)) {
        return false;
    }
    if (type_is_json(from)) {
        return to.id == TYPE_TEXT;
    }
    if (from.id == TYPE_I64 && to.id == TYPE_I64) {
        return true; /* one of them a time */
    }
    if (from.id == TYPE_DECIMAL && to.id == TYPE_DECIMAL) {
        return from.scale == to.scale && from.precision <= to.precision;
    }
    return type_is_time(from) && type_is_time(to) &&
           type_time_unit_ns(from) == type_time_unit_ns(to);
}

static status
run_job(cast_job *j) {
    const size_t bytes = (size_t)j->row_count * type_width(j->to);
    cast_kernel *kernel = kernel_of(j->in->type, j->to);
    /* The loops write every row; the others leave out NULLs, whose values must still be defined. */
    j->values = kernel != NULL ? arena_alloc(j->arena, bytes) : arena_alloc_zero(j->arena, bytes);
    if (j->values == NULL) {
        return error_memory(j->err);
    }
    if (kernel != NULL) {
        return kernel(j->values, j->in->values, j->row_count, j->in->type, j->to) ? OK
                                                                                  : cast_misfits(j);
    }
    if (reads_digits(j->in->type, j->to)) {
        return cast_digits(j);
    }
    return j->to.id == TYPE_TEXT && !type_is_json(j->to) &&
                   !physical_is_view(type_physical(j->in->type))
               ? cast_to_text(j)
               : cast_each(j);
}

status
cast_column(column *out, const column *in, int32_t row_count, data_type to, bool try_cast, arena *a,
            int32_t *bad_row, error *err) {
    if (type_equal(in->type, to)) {
        return column_views(out, in, row_count, a, err);
    }
    if (in->type.id == TYPE_NULL) {
        return cast_null(out, row_count, to, a, err);
    }
    if (!type_casts(in->type, to)) {
        return error_set(err, ERR_QUERY_FAILED, "cannot convert %s to %s", type_name(in->type),
                         type_name(to));
    }
    if (is_relabelling(in->type, to)) {
        *out = *in;
        out->type = to;
        return OK;
    }
    cast_job j = {.in = in,
                  .to = to,
                  .row_count = row_count,
                  .try_cast = try_cast,
                  .arena = a,
                  .bad_row = bad_row,
                  .err = err};
    TRY(run_job(&j));
    *out = (column){.type = to, .layout = COLUMN_FLAT, .values = j.values};
    out->validity = j.validity != NULL ? j.validity : in->validity;
    return OK;
}
