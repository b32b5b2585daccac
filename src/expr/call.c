/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - what kernels share: NULL rows, operands of any width, moments, result text, overflow
 * errors. */
#include "expr/call.h"
#include "type/calendar.h"

#define TEXT_BLOCK 4096

bool
fn_set_null(fn_call *c, int32_t row) {
    if (!c->validity_owned) {
        const size_t bytes = (size_t)bits_words(c->row_count) * sizeof(uint64_t);
        uint64_t    *mine = arena_alloc(c->scratch, bytes);
        if (mine == NULL) {
            return false;
        }
        if (c->validity == NULL) {
            memset(mine, 0xFF, bytes);
        } else {
            memcpy(mine, c->validity, bytes);
        }
        c->validity = mine;
        c->validity_owned = true;
    }
    bits_clear(c->validity, row);
    return true;
}

int64_t
fn_integer(const operand *o, int32_t row) {
    const int64_t i = (int64_t)row * o->step;
    switch (type_physical(o->type)) {
    case PHYSICAL_BOOL:
        return ((const uint8_t *)o->values)[i];
    case PHYSICAL_I8:
        return ((const int8_t *)o->values)[i];
    case PHYSICAL_I16:
        return ((const int16_t *)o->values)[i];
    case PHYSICAL_I32:
        return ((const int32_t *)o->values)[i];
    case PHYSICAL_I64:
    case PHYSICAL_U64:
        return ((const int64_t *)o->values)[i];
    case PHYSICAL_U8:
        return ((const uint8_t *)o->values)[i];
    case PHYSICAL_U16:
        return ((const uint16_t *)o->values)[i];
    case PHYSICAL_U32:
        return ((const uint32_t *)o->values)[i];
    default:
        UNREACHABLE();
    }
}

value
fn_value(const operand *o, int32_t row) {
    const column view = {.type = o->type, .validity = o->validity, .values = o->values};
    return column_value(&view, (int64_t)row * o->step);
}

static void
hint_overflow(const fn_call *c) {
    switch (c->type.id) {
    case TYPE_I32:
        (void)error_hint(c->err, "cast an argument to BIGINT first");
        break;
    case TYPE_U64:
        (void)error_hint(c->err, "cast an argument to HUGEINT first");
        break;
    default:
        (void)error_hint(c->err, "cast to DOUBLE when about 15 digits are enough");
        break;
    }
}

/* The text of one argument, terminated. */
static void
argument_text(char out[VALUE_TEXT_MAX + 1], const fn_call *c, int32_t i, int32_t row) {
    const value v = fn_value(&c->args[i], row);
    out[value_write(&v, out)] = '\0';
}

static const char *
kind_of(const fn_call *c) {
    return c->type.id == TYPE_DECIMAL ? "decimal" : "integer";
}

status
fn_overflow(fn_call *c, int32_t row, const char *symbol) {
    char x[VALUE_TEXT_MAX + 1], y[VALUE_TEXT_MAX + 1];
    argument_text(x, c, 0, row);
    argument_text(y, c, 1, row);
    (void)error_set(c->err, ERR_QUERY_FAILED, "%s overflow: %s %s %s", kind_of(c), x, symbol, y);
    hint_overflow(c);
    return ERR_QUERY_FAILED;
}

status
fn_overflow_one(fn_call *c, int32_t row, const char *name) {
    char x[VALUE_TEXT_MAX + 1];
    argument_text(x, c, 0, row);
    (void)error_set(c->err, ERR_QUERY_FAILED, "%s overflow: %s(%s)", kind_of(c), name, x);
    hint_overflow(c);
    return ERR_QUERY_FAILED;
}

status
fn_column(const fn_call *c, int32_t i, column *out) {
    const operand *o = &c->args[i];
    const column   view = {.type = o->type, .validity = o->validity, .values = o->values};
    if (o->step == 1) {
        *out = view;
        return OK;
    }
    const value v = column_value(&view, 0);
    return column_constant(out, &v, c->row_count, c->scratch, c->err);
}

status
fn_microseconds(const fn_call *c, int32_t i, const int64_t **us, int32_t *step) {
    const operand *o = &c->args[i];
    *step = o->step;
    if (o->type.id == TYPE_TIMESTAMP || o->type.id == TYPE_TIMESTAMPTZ || o->type.id == TYPE_TIME) {
        *us = o->values;
        return OK;
    }
    const int32_t n = o->step == 0 ? 1 : c->row_count;
    int64_t      *out = arena_alloc(c->scratch, (size_t)n * sizeof(*out));
    if (out == NULL) {
        return error_memory(c->err);
    }
    const int64_t *units = o->values;
    if (o->type.id == TYPE_DATE) {
        const int32_t *days = o->values;
        for (int32_t k = 0; k < n; k++) {
            out[k] = sat_mul_i64(days[k], US_PER_DAY);
        }
    } else if (o->type.id == TYPE_TIMESTAMP_NS) {
        for (int32_t k = 0; k < n; k++) {
            out[k] = floor_div_i64(units[k], 1000);
        }
    } else {
        const int64_t unit = type_time_unit_us(o->type);
        for (int32_t k = 0; k < n; k++) {
            out[k] = sat_mul_i64(units[k], unit);
        }
    }
    *us = out;
    return OK;
}

char *
fn_text_reserve(fn_call *c, size_t size) {
    if (c->text_left < size || c->text_next == NULL) {
        const size_t block = size > TEXT_BLOCK ? size : TEXT_BLOCK;
        c->text_next = arena_alloc(c->scratch, block);
        c->text_left = c->text_next == NULL ? 0 : block;
    }
    return c->text_next;
}

strview
fn_text_commit(fn_call *c, size_t used) {
    const strview v = strview_of(c->text_next, (uint32_t)used);
    if (used > STRVIEW_INLINE_MAX) {
        c->text_next += used;
        c->text_left -= used;
    }
    return v;
}

status
fn_text_too_long(fn_call *c, const char *name, uint128 size) {
    const double mib = (double)size / (1 << 20);
    return error_set(c->err, ERR_QUERY_FAILED,
                     "%s: the text would have %.0f MiB; at most 64 MiB may be made in one value",
                     name, mib);
}

status
fn_text_of_buf(fn_call *c, const char *name, const buf *b, strview *out) {
    if (b->failed) {
        return b->size > TEXT_RESULT_MAX / 2
                   ? error_set(c->err, ERR_QUERY_FAILED,
                               "%s: the text would be too long; at most 64 MiB may be made in one "
                               "value",
                               name)
                   : error_memory(c->err);
    }
    TRY(fn_spend(c, (int64_t)b->size));
    char *p = fn_text_reserve(c, b->size);
    if (p == NULL) {
        return error_memory(c->err);
    }
    if (b->size > 0) {
        memcpy(p, b->data, b->size);
    }
    *out = fn_text_commit(c, b->size);
    return OK;
}
