/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - for the tests of expr: values from short literals, columns from values, programs over a
 * few columns. */
#ifndef LAMINAR_TESTS_EXPR_ROWS_H
#define LAMINAR_TESTS_EXPR_ROWS_H

#include "unit.h"

#include "expr/expr.h"

/* 12 INTEGER, 12L BIGINT, 12s SMALLINT, 12b TINYINT, 1.5 DOUBLE, 'x' VARCHAR, true, NULL (of no
 * type), and a type letter before quotes: d'2024-01-31' DATE, t'...' TIMESTAMP, m'...'
 * TIMESTAMP_MS, i'...' INTERVAL, f'nan' DOUBLE. */
static inline value
literal(const char *s) {
    static const struct {
        char    letter;
        type_id id;
    } letters[] = {{'d', TYPE_DATE},
                   {'t', TYPE_TIMESTAMP},
                   {'m', TYPE_TIMESTAMP_MS},
                   {'i', TYPE_INTERVAL},
                   {'f', TYPE_F64}};
    const size_t n = strlen(s);
    error        err = {0};
    value        v = value_null(TYPE_NULL);
    if (strcmp(s, "NULL") == 0) {
        return v;
    }
    if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0) {
        return (value){.type = type_of(TYPE_BOOL), .b = s[0] == 't'};
    }
    if (s[0] == '\'') {
        return (value){.type = type_of(TYPE_TEXT), .s = {s + 1, n - 2}};
    }
    if (n > 2 && s[1] == '\'') {
        for (int32_t i = 0; i < ARRAY_COUNT(letters); i++) {
            if (letters[i].letter == s[0]) {
                CHECK_OK(value_parse(&v, type_of(letters[i].id), (text){s + 2, n - 3}, &err));
                return v;
            }
        }
    }
    const char    last = s[n - 1];
    const type_id id = last == 'L'                ? TYPE_I64
                       : last == 's'              ? TYPE_I16
                       : last == 'b'              ? TYPE_I8
                       : strpbrk(s, ".e") != NULL ? TYPE_F64
                                                  : TYPE_I32;
    const bool    suffix = id == TYPE_I64 || id == TYPE_I16 || id == TYPE_I8;
    CHECK_OK(value_parse(&v, type_of(id), (text){s, n - suffix}, &err));
    return v;
}

/* A flat column of the values (all of `type` or NULL); validity only when there are NULLs. */
static inline column
column_of(arena *a, data_type type, const value *values, int32_t count) {
    const size_t width = type_width(type);
    char        *out = arena_alloc_zero(a, width * (size_t)count);
    uint64_t    *validity = arena_alloc_zero(a, 8 * (size_t)bits_words(count));
    bool         nulls = false;
    CHECK(out != NULL && validity != NULL);
    for (int32_t i = 0; i < count; i++) {
        char        *at = out + width * (size_t)i;
        const value *v = &values[i];
        strview      view;
        bits_put(validity, i, !v->is_null);
        nulls |= v->is_null;
        if (v->is_null) {
            memset(at, 0x7F, type.id == TYPE_TEXT || type.id == TYPE_BOOL ? 0 : width);
            continue; /* what lies under a NULL must not matter */
        }
        switch (type_physical(type)) {
        case PHYSICAL_BOOL:
            *at = v->b;
            break;
        case PHYSICAL_F64:
            memcpy(at, &v->d, width);
            break;
        case PHYSICAL_TEXT:
            view = strview_of(v->s.data, (uint32_t)v->s.size);
            memcpy(at, &view, width);
            break;
        case PHYSICAL_INTERVAL:
            memcpy(at, &v->iv, width);
            break;
        default:
            memcpy(at, &v->i, width); /* little-endian */
            break;
        }
    }
    return (column){.type = type, .validity = nulls ? validity : NULL, .values = out};
}

static inline schema
schema_of(arena *a, const column *columns, int32_t count) {
    schema s = {.count = count, .fields = arena_alloc_zero(a, sizeof(field) * (size_t)count)};
    CHECK(s.fields != NULL);
    for (int32_t i = 0; i < count; i++) {
        s.fields[i] = (field){.name = TEXT("c"), .type = columns[i].type, .nullable = true};
    }
    return s;
}

static inline bool
values_same(const value *x, const value *y) {
    if (x->is_null || y->is_null) {
        return x->is_null == y->is_null;
    }
    return type_equal(x->type, y->type) && value_compare(x, y) == 0;
}

#endif
