/* SPDX-License-Identifier: Apache-2.0 */
/* bind_literal.c - constants: numbers, text, typed literals, intervals, and clauses that take a
 * constant.
 *
 * Integer literals are BIGINT, HUGEINT when they do not fit it, else DOUBLE, as is everything with
 * a point or an exponent. What has a point remembers its digits and is exact where it meets a
 * DECIMAL. Comparisons narrow a literal to the width of the column beside it, so BIGINT costs
 * nothing there. */
#include "plan/bind.h"

#include <math.h>
#include <stdio.h>

#include "type/calendar.h"
#include "type/decimal.h"

static status
constant(expr **out, binder *b, const value *v, int32_t position) {
    *out = make_constant(b, v, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* The number as it is written, with its sign; in memory of the statement. */
static status
signed_text(text *out, binder *b, text digits, bool negative) {
    char *data = arena_alloc(b->arena, digits.size + 1);
    if (data == NULL) {
        return out_of_memory(b);
    }
    data[0] = '-';
    memcpy(data + negative, digits.data, digits.size);
    *out = (text){data, digits.size + negative};
    return OK;
}

static status
bind_number(expr **out, binder *b, const ast_expr *e, bool negative, int32_t position) {
    text      written;
    data_type exact;
    value     v = value_i64(0);
    TRY(signed_text(&written, b, e->text, negative));
    for (type_id id = TYPE_I64; e->kind == AST_INTEGER && id <= TYPE_I128; id++) {
        if (value_parse(&v, type_of(id), written, NULL) == OK) {
            return constant(out, b, &v, position);
        }
    }
    TRY(located(b, value_parse(&v, type_of(TYPE_F64), written, b->err), e->position));
    if (isinf(v.d)) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "number %.*s is larger than a DOUBLE can be", TEXT_ARG(e->text));
    }
    TRY(constant(out, b, &v, position));
    if (decimal_type_of_text(written, &exact)) {
        (*out)->digits = written;
    }
    return OK;
}

status
bind_negative(expr **out, binder *b, const ast_expr *e, bool *done) {
    const ast_expr *arg = e->args[0];
    *done = arg->kind == AST_INTEGER || arg->kind == AST_FLOAT;
    return *done ? bind_number(out, b, arg, true, e->position) : OK;
}

/* '5' SECOND and '1 hour 5 minutes' are one text to value_parse. */
static status
bind_interval(expr **out, binder *b, const ast_expr *e) {
    text whole = e->text;
    if (e->unit.size > 0) {
        const size_t size = e->text.size + 1 + e->unit.size;
        char        *joined = arena_alloc(b->arena, size + 1);
        if (joined == NULL) {
            return out_of_memory(b);
        }
        memcpy(joined, e->text.data, e->text.size);
        joined[e->text.size] = ' ';
        for (size_t i = 0; i < e->unit.size; i++) {
            const char c = e->unit.data[i];
            joined[e->text.size + 1 + i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        }
        joined[size] = '\0';
        whole = (text){joined, size};
    }
    value v;
    TRY(located(b, value_parse(&v, type_of(TYPE_INTERVAL), whole, b->err), e->position));
    return constant(out, b, &v, e->position);
}

status
bind_type(data_type *out, const ast_type *t, status s, error *err) {
    const text  name = t->name.text;
    const char *nearest = NULL;
    if (t->part_count > 0) {
        return bind_nested_type(out, t, s, err);
    }
    if (!type_from_name(name, out, &nearest)) {
        error_set_at(err, s, t->name.position, "Unknown type: %.*s", TEXT_ARG(name));
        if (nearest != NULL) {
            error_hint(err, "did you mean %s?", nearest);
        } else {
            error_hint(
                err, "types: BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, HUGEINT, FLOAT, DOUBLE, "
                     "DECIMAL, VARCHAR, BLOB, UUID, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, "
                     "INTERVAL, T[], STRUCT(a T, b T), MAP(K, V)");
        }
        return s;
    }
    const char *fault = type_set_arguments(out, t->arguments, t->argument_count);
    if (fault == NULL) {
        return OK;
    }
    if (type_is_time(*out)) {
        error_set_at(err, s, t->name.position, "%.*s(%d): %s", TEXT_ARG(name), t->arguments[0],
                     fault);
        error_hint(err, "TIMESTAMP(3) keeps milliseconds, TIMESTAMP(6) microseconds");
    } else if (out->id == TYPE_DECIMAL) {
        error_set_at(err, s, t->name.position, "%.*s(%d): %s", TEXT_ARG(name), t->arguments[0],
                     fault);
        error_hint(err, "write DECIMAL(18, 3)");
    } else {
        error_set_at(err, s, t->name.position, "type %s %s", type_name(*out), fault);
        error_hint(err, "write %s", type_name(*out));
    }
    return s;
}

status
bind_literal(expr **out, binder *b, const ast_expr *e) {
    value v = value_null(TYPE_NULL);
    TRY(count_nodes(b, 1, e->position));
    switch (e->kind) {
    case AST_NULL:
        return constant(out, b, &v, e->position);
    case AST_TRUE:
    case AST_FALSE:
        *out = make_bool(b, e->kind == AST_TRUE, e->position);
        return *out == NULL ? out_of_memory(b) : OK;
    case AST_INTEGER:
    case AST_FLOAT:
        return bind_number(out, b, e, false, e->position);
    case AST_STRING:
        v = (value){.type = type_of(TYPE_TEXT), .s = e->text};
        return constant(out, b, &v, e->position);
    case AST_INTERVAL:
        return bind_interval(out, b, e);
    case AST_TYPED: {
        data_type t;
        TRY(bind_type(&t, &e->type, ERR_QUERY_FAILED, b->err));
        const value written = {.type = type_of(TYPE_TEXT), .s = e->text};
        if (t.id == TYPE_TIMESTAMPTZ) {
            TRY(constant(out, b, &written, e->position));
            return cast_expr(out, b, t);
        }
        TRY(located(b, value_cast(&v, &written, t, b->arena, b->err), e->position));
        return constant(out, b, &v, e->position);
    }
    default:
        UNREACHABLE();
    }
}

status
bind_constant_digits(value *out, text *digits, binder *b, const ast_expr *e, const char *clause) {
    scope   nothing = {0};
    context c = {.binder = b, .scope = &nothing, .clause = clause};
    expr   *bound;
    TRY(bind_expr(&bound, &c, e));
    *digits = bound->digits;
    return located(b, expr_evaluate(out, bound, &b->env->eval, b->arena, b->err), e->position);
}

status
bind_constant(value *out, binder *b, const ast_expr *e, const char *clause) {
    text ignored;
    return bind_constant_digits(out, &ignored, b, e, clause);
}

status
bind_duration(int64_t *us, binder *b, const ast_expr *e, const char *what) {
    value v;
    TRY(bind_constant(&v, b, e, what));
    if (!v.is_null && v.type.id == TYPE_TEXT) { /* '5 minutes' where an interval stands */
        const text whole = v.s;
        TRY(located(b, value_parse(&v, type_of(TYPE_INTERVAL), whole, b->err), e->position));
    }
    if (v.is_null || (v.type.id != TYPE_INTERVAL && !type_is_signed(v.type))) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%s must be an interval, not %s", what,
                     v.is_null ? "NULL" : type_name(v.type));
        error_hint(b->err, "write INTERVAL '5' SECOND, or a whole number of milliseconds: 5000");
        return ERR_QUERY_FAILED;
    }
    int64_t days_us = 0;
    bool    fits;
    if (v.type.id != TYPE_INTERVAL) {
        const int128 ms = value_wide(&v);
        fits = ms == (int64_t)ms && !__builtin_mul_overflow((int64_t)ms, INT64_C(1000), us);
    } else {
        if (v.iv.months != 0) {
            error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                         "%s must have one length, and months and years differ in theirs", what);
            error_hint(b->err, "use days: INTERVAL '30' DAY");
            return ERR_QUERY_FAILED;
        }
        fits = !__builtin_mul_overflow((int64_t)v.iv.days, US_PER_DAY, &days_us) &&
               !__builtin_add_overflow(v.iv.us, days_us, us);
    }
    if (!fits) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "%s is longer than about 292,000 years", what);
    }
    return OK;
}

status
bind_row_count(int64_t *out, binder *b, const ast_expr *e, const char *clause) {
    value v;
    *out = -1;
    TRY(bind_constant(&v, b, e, clause));
    if (v.is_null) {
        return OK;
    }
    if (!type_is_integer(v.type)) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%s must be a whole number, not %s",
                     clause, type_name(v.type));
        error_hint(b->err, "write %s 10", clause);
        return ERR_QUERY_FAILED;
    }
    const int128 rows = value_wide(&v);
    v.i = rows > INT64_MAX ? INT64_MAX : (int64_t)rows;
    if (rows < 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%s must not be negative: %lld", clause,
                     (long long)v.i);
        error_hint(b->err, "leave %s out to have all rows", clause);
        return ERR_QUERY_FAILED;
    }
    *out = v.i;
    return OK;
}
