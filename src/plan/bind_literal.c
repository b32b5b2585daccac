/* SPDX-License-Identifier: Apache-2.0 */
/* bind_literal.c - constants: numbers, text, typed literals, intervals, and clauses that take a
 * constant.
 *
 * Integer literals are BIGINT; what does not fit becomes DOUBLE, as does everything with a point or
 * an exponent. Comparisons narrow a literal to the width of the column beside it, so BIGINT costs
 * nothing there. */
#include "plan/bind.h"

#include <math.h>
#include <stdio.h>

#include "type/calendar.h"

static status
constant(expr **out, binder *b, const value *v, int32_t position) {
    *out = make_constant(b, v, position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* False: more than a BIGINT holds. */
static bool
parse_integer(text digits, bool negative, int64_t *out) {
    int64_t v = 0;
    for (size_t i = 0; i < digits.size; i++) {
        const int64_t digit = digits.data[i] - '0';
        if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
            (negative ? __builtin_sub_overflow(v, digit, &v)
                      : __builtin_add_overflow(v, digit, &v))) {
            return false;
        }
    }
    *out = v;
    return true;
}

static status
bind_number(expr **out, binder *b, const ast_expr *e, bool negative, int32_t position) {
    value v = value_i64(0);
    if (e->kind == AST_INTEGER && parse_integer(e->text, negative, &v.i)) {
        return constant(out, b, &v, position);
    }
    TRY(located(b, value_parse(&v, type_of(TYPE_F64), e->text, b->err), e->position));
    if (isinf(v.d)) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "number %.*s is larger than a DOUBLE can be", TEXT_ARG(e->text));
    }
    v.d = negative ? -v.d : v.d;
    return constant(out, b, &v, position);
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
    if (!type_from_name(name, out, &nearest)) {
        error_set_at(err, s, t->name.position, "Unknown type: %.*s", TEXT_ARG(name));
        if (nearest != NULL) {
            error_hint(err, "did you mean %s?", nearest);
        } else {
            error_hint(err, "types: BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, DOUBLE, VARCHAR, "
                            "DATE, TIMESTAMP, TIMESTAMP_MS, INTERVAL");
        }
        return s;
    }
    const bool text_like = out->id == TYPE_TEXT;
    if (t->argument_count == 0 || (text_like && t->argument_count == 1)) {
        return OK; /* VARCHAR(n): the length is not a limit here */
    }
    if (out->id == TYPE_TIMESTAMP && t->argument_count == 1) {
        if (t->arguments[0] < 0 || t->arguments[0] > 6) {
            error_set_at(err, s, t->name.position, "TIMESTAMP(%d): the precision is 0 to 6",
                         t->arguments[0]);
            error_hint(err, "TIMESTAMP(3) keeps milliseconds, TIMESTAMP(6) microseconds");
            return s;
        }
        *out = type_of(t->arguments[0] <= 3 ? TYPE_TIMESTAMP_MS : TYPE_TIMESTAMP);
        return OK;
    }
    error_set_at(err, s, t->name.position, "type %s takes no arguments", type_name(*out));
    error_hint(err, "write %s", type_name(*out));
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
        TRY(located(b, value_parse(&v, t, e->text, b->err), e->position));
        return constant(out, b, &v, e->position);
    }
    default:
        UNREACHABLE();
    }
}

status
bind_constant(value *out, binder *b, const ast_expr *e, const char *clause) {
    scope   nothing = {0};
    context c = {.binder = b, .scope = &nothing, .clause = clause};
    expr   *bound;
    TRY(bind_expr(&bound, &c, e));
    return located(b, expr_evaluate_constant(out, bound, b->arena, b->err), e->position);
}

status
bind_duration(int64_t *us, binder *b, const ast_expr *e, const char *what) {
    value v;
    TRY(bind_constant(&v, b, e, what));
    if (!v.is_null && v.type.id == TYPE_TEXT) { /* '5 minutes' where an interval stands */
        const text whole = v.s;
        TRY(located(b, value_parse(&v, type_of(TYPE_INTERVAL), whole, b->err), e->position));
    }
    if (v.is_null || (v.type.id != TYPE_INTERVAL && !type_is_integer(v.type))) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%s must be an interval, not %s", what,
                     v.is_null ? "NULL" : type_name(v.type));
        error_hint(b->err, "write INTERVAL '5' SECOND, or a whole number of milliseconds: 5000");
        return ERR_QUERY_FAILED;
    }
    int64_t days_us = 0;
    bool    fits;
    if (v.type.id != TYPE_INTERVAL) {
        fits = !__builtin_mul_overflow(v.i, INT64_C(1000), us);
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
    if (v.i < 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%s must not be negative: %lld", clause,
                     (long long)v.i);
        error_hint(b->err, "leave %s out to have all rows", clause);
        return ERR_QUERY_FAILED;
    }
    *out = v.i;
    return OK;
}
