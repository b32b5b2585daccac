/* SPDX-License-Identifier: Apache-2.0 */
/* random_expr.h - random rows of six typed columns and random expression trees over them, failing
 * ones among them. */
#ifndef LAMINAR_TESTS_EXPR_RANDOM_EXPR_H
#define LAMINAR_TESTS_EXPR_RANDOM_EXPR_H

#include "rows.h"

#define COLUMNS 6

static const type_id column_types[COLUMNS] = {TYPE_BOOL, TYPE_I32,  TYPE_I64,
                                              TYPE_F64,  TYPE_TEXT, TYPE_TIMESTAMP};

static inline value
random_value(rng *r, type_id id) {
    static const char *const texts[] = {
        "",           "a",     "ab", "7",         "true", "a much longer text",
        "x\xC3\xA9y", "-12.5", "b%", "2024-02-03"};
    static const double doubles[] = {
        0.0, -0.0, 1.5, -2.5, 1e300, __builtin_nan(""), __builtin_inf(), 3.0};
    static const int64_t integers[] = {0, 1, -1, 2, 7, INT32_MAX, INT32_MIN, 100};
    value                v = {.type = type_of(id), .is_null = rng_below(r, 5) == 0};
    if (v.is_null) {
        return v;
    }
    const uint64_t pick = rng_below(r, 8);
    switch (id) {
    case TYPE_BOOL:
        v.b = pick < 4;
        break;
    case TYPE_F64:
        v.d = doubles[pick];
        break;
    case TYPE_TEXT:
        v.s = text_of(texts[rng_below(r, ARRAY_COUNT(texts))]);
        break;
    case TYPE_TIMESTAMP:
        v.i = (int64_t)rng_below(r, 200000) * 1000003 - 50000000000;
        break;
    case TYPE_I64:
        v.i = pick == 5 ? INT64_MAX : pick == 6 ? INT64_MIN : integers[pick];
        break;
    default:
        v.i = integers[pick];
        break;
    }
    return v;
}

static inline expr *random_expr(arena *a, rng *r, type_id id, int32_t depth);

static inline expr *
random_leaf(arena *a, rng *r, type_id id) {
    if (rng_below(r, 3) == 0) {
        const value v = random_value(r, id);
        return expr_constant(a, &v, 1);
    }
    for (int32_t i = 0; i < COLUMNS; i++) {
        if (column_types[i] == id) {
            return expr_column(a, i, type_of(id), 2);
        }
    }
    return NULL;
}

typedef struct random_form {
    const char *name;
    type_id     result;
    int32_t     arg_count;
    type_id     args[3];
} random_form;

static const random_form random_forms[] = {
    {"+", TYPE_I32, 2, {TYPE_I32, TYPE_I32}},
    {"*", TYPE_I32, 2, {TYPE_I32, TYPE_I32}},
    {"%", TYPE_I32, 2, {TYPE_I32, TYPE_I32}},
    {"/", TYPE_I32, 2, {TYPE_I32, TYPE_I32}},
    {"neg", TYPE_I32, 1, {TYPE_I32}},
    {"+", TYPE_I64, 2, {TYPE_I64, TYPE_I32}},
    {"-", TYPE_I64, 2, {TYPE_I64, TYPE_I64}},
    {"*", TYPE_I64, 2, {TYPE_I64, TYPE_I64}},
    {"/", TYPE_I64, 2, {TYPE_I64, TYPE_I64}},
    {"%", TYPE_I64, 2, {TYPE_I64, TYPE_I64}},
    {"length", TYPE_I64, 1, {TYPE_TEXT}},
    {"strpos", TYPE_I64, 2, {TYPE_TEXT, TYPE_TEXT}},
    {"minute", TYPE_I64, 1, {TYPE_TIMESTAMP}},
    {"hash", TYPE_I64, 2, {TYPE_TEXT, TYPE_F64}},
    {"+", TYPE_F64, 2, {TYPE_F64, TYPE_I32}},
    {"/", TYPE_F64, 2, {TYPE_F64, TYPE_F64}},
    {"sqrt", TYPE_F64, 1, {TYPE_F64}},
    {"round", TYPE_F64, 1, {TYPE_F64}},
    {"greatest", TYPE_F64, 3, {TYPE_F64, TYPE_I32, TYPE_F64}},
    {"=", TYPE_BOOL, 2, {TYPE_I32, TYPE_I64}},
    {"<", TYPE_BOOL, 2, {TYPE_F64, TYPE_F64}},
    {">=", TYPE_BOOL, 2, {TYPE_TEXT, TYPE_TEXT}},
    {"<>", TYPE_BOOL, 2, {TYPE_TIMESTAMP, TYPE_TIMESTAMP}},
    {"like", TYPE_BOOL, 2, {TYPE_TEXT, TYPE_TEXT}},
    {"||", TYPE_TEXT, 2, {TYPE_TEXT, TYPE_TEXT}},
    {"concat", TYPE_TEXT, 2, {TYPE_TEXT, TYPE_I32}},
    {"substring", TYPE_TEXT, 2, {TYPE_TEXT, TYPE_I32}},
    {"upper", TYPE_TEXT, 1, {TYPE_TEXT}},
    {"left", TYPE_TEXT, 2, {TYPE_TEXT, TYPE_I32}},
    {"replace", TYPE_TEXT, 3, {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT}},
    {"least", TYPE_TEXT, 2, {TYPE_TEXT, TYPE_TEXT}},
    {"greatest", TYPE_TIMESTAMP, 2, {TYPE_TIMESTAMP, TYPE_TIMESTAMP}},
    {"make_timestamp", TYPE_TIMESTAMP, 1, {TYPE_I32}},
    {"nullif", TYPE_I32, 2, {TYPE_I32, TYPE_I32}},
    {"if", TYPE_I64, 3, {TYPE_BOOL, TYPE_I64, TYPE_I64}},
    {"if", TYPE_TEXT, 3, {TYPE_BOOL, TYPE_TEXT, TYPE_TEXT}},
};

static inline expr *
random_call(arena *a, rng *r, type_id id, int32_t depth) {
    for (int32_t tries = 0; tries < 200; tries++) {
        const random_form *f = &random_forms[rng_below(r, ARRAY_COUNT(random_forms))];
        if (f->result != id) {
            continue;
        }
        expr *args[3];
        expr *out;
        for (int32_t i = 0; i < f->arg_count; i++) {
            args[i] = random_expr(a, r, f->args[i], depth - 1);
        }
        if (expr_call(&out, a, text_of(f->name), args, f->arg_count, 9, NULL) == OK &&
            out->type.id == id) {
            return out;
        }
    }
    return random_leaf(a, r, id);
}

/* Forms that exist for every type, and truth values. */
static inline expr *
random_special(arena *a, rng *r, type_id id, int32_t depth) {
    expr     *args[5];
    expr_kind kind = rng_below(r, 2) == 0 ? EXPR_CASE : EXPR_COALESCE;
    int32_t n = kind == EXPR_CASE ? 3 + 2 * (int32_t)rng_below(r, 2) : 2 + (int32_t)rng_below(r, 2);
    if (id == TYPE_BOOL && rng_below(r, 4) != 0) {
        static const expr_kind kinds[] = {EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_IS_NULL, EXPR_IN};
        kind = kinds[rng_below(r, 5)];
        n = kind == EXPR_NOT || kind == EXPR_IS_NULL ? 1 : 2 + (int32_t)rng_below(r, 2);
    } else if (id == TYPE_I32 && rng_below(r, 4) == 0) {
        kind = rng_below(r, 2) == 0 ? EXPR_CAST : EXPR_TRY_CAST;
        n = 1;
    }
    const type_id other = column_types[rng_below(r, COLUMNS)];
    for (int32_t i = 0; i < n; i++) {
        type_id t = id;
        if (kind == EXPR_CASE) {
            t = i % 2 == 0 && i + 1 < n ? TYPE_BOOL : id;
        } else if (kind == EXPR_IS_NULL || kind == EXPR_IN) {
            t = other;
        } else if (kind == EXPR_CAST || kind == EXPR_TRY_CAST) {
            t = TYPE_TEXT;
        }
        args[i] = random_expr(a, r, t, depth - 1);
        if (kind == EXPR_IN && i > 0 && rng_below(r, 3) != 0) {
            const value v = random_value(r, other);
            args[i] = expr_constant(a, &v, 4);
        }
    }
    return expr_make(a, kind, type_of(id), args, n, 5);
}

static inline expr *
random_expr(arena *a, rng *r, type_id id, int32_t depth) {
    if (depth == 0 || rng_below(r, 6) == 0) {
        return random_leaf(a, r, id);
    }
    return rng_below(r, 2) == 0 ? random_call(a, r, id, depth) : random_special(a, r, id, depth);
}

#endif
