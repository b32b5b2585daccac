/* SPDX-License-Identifier: Apache-2.0 */
/* agg_cases.h - small values of every type for the aggregate tests, and the exact answer computed
 * from multiplicities.
 *
 * A value is a number 0 .. VALUES-1 that stands, in SQL order, for a value of the type; NUMBER_NULL
 * stands for NULL. */
#ifndef LAMINAR_TESTS_AGG_CASES_H
#define LAMINAR_TESTS_AGG_CASES_H

#include "unit.h"

#include <math.h>

#include "agg/agg.h"

#define VALUES 5
#define NUMBER_NULL VALUES
#define BATCH_MAX 2048

static const int64_t integers[VALUES] = {-1, 0, 1, 100, 101};
static const double  doubles[VALUES] = {-1, 0, 1, 1e16, 3e16};
static const double *made_doubles = doubles; /* what make_column writes */
static const char   *texts[VALUES] = {"", "a", "a text beyond the inline size",
                                      "a text beyond the inline sizf", "b"};

typedef struct counts {
    int64_t of[VALUES + 1];                             /* multiplicity of each value and of NULL */
    int64_t clock, first[VALUES + 1], last[VALUES + 1]; /* when a value came, and its newest copy */
} counts;

static inline void
counts_add(counts *c, int v, int64_t weight) {
    const int64_t before = c->of[v];
    c->of[v] += weight;
    if (weight > 0 && c->of[v] > 0) {
        c->clock++;
        c->first[v] = before > 0 ? c->first[v] : c->clock;
        c->last[v] = c->clock;
    }
}

typedef struct rows {
    int32_t  count;
    slot     slots[BATCH_MAX];
    uint8_t  number[BATCH_MAX];
    int64_t  weights[BATCH_MAX];
    uint8_t  filter[BATCH_MAX];
    strview  values[BATCH_MAX]; /* room for any type */
    uint64_t validity[BATCH_MAX / 64];
} rows;

static inline column
make_column(rows *in, data_type type) {
    const size_t width = type_width(type);
    bool         nulls = false;
    memset(in->validity, 0xff, sizeof(in->validity));
    for (int32_t i = 0; i < in->count; i++) {
        uint8_t  *to = (uint8_t *)in->values + (size_t)i * width;
        const int n =
            in->number[i] == NUMBER_NULL ? 3 : in->number[i]; /* under NULL lies rubbish */
        if (in->number[i] == NUMBER_NULL) {
            bits_clear(in->validity, i);
            nulls = true;
        }
        if (type.id == TYPE_TEXT) {
            const strview v = strview_of(texts[n], (uint32_t)strlen(texts[n]));
            memcpy(to, &v, sizeof(v));
        } else if (type.id == TYPE_F64) {
            memcpy(to, &made_doubles[n], width);
        } else if (type.id == TYPE_BOOL) {
            *to = n > 0;
        } else {
            memcpy(to, &integers[n], width);
        }
    }
    return (column){.type = type, .values = in->values, .validity = nulls ? in->validity : NULL};
}

/* Whether `expected` below knows the class; the others are compared with themselves in
 * test_retraction.c. */
static inline bool
is_counted_out(const agg_class *class) {
    static const char *const names[] = {"count_star", "count", "sum",   "avg",
                                        "min",        "max",   "first", "last"};
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(class->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A call of one argument; the signature must outlive the instance. */
typedef struct single_call {
    agg_signature signature;
    data_type     type;
} single_call;

static inline bool
call_resolve(single_call *c, const agg_class *class, data_type type) {
    c->type = type;
    c->signature = (agg_signature){.column_count = 1, .argument_count = 1, .types = &c->type};
    error err = {0};
    return is_counted_out(class) && class->resolve(class, &c->signature, &err) == OK;
}

static inline status
call_open(agg **out, const agg_class *class, const single_call *c, store *s, mem *m,
          bool append_only, error *err) {
    const agg_site site = {.store = s, .mem = m, .name = "a", .append_only = append_only};
    return class->open(out, class, &c->signature, &site, err);
}

/* The answer as `out`, or *null. */
typedef struct answer {
    bool    null;
    int64_t i;
    double  d;
    int     number; /* of min, max, first and last */
} answer;

static inline answer
expected(const agg_class *class, data_type type, const counts *c) {
    answer  a = {0};
    int64_t n = 0;
    int128  sum = 0;
    int     low = -1, high = -1, first = -1, last = -1;
    for (int v = 0; v < VALUES; v++) {
        n += c->of[v];
        sum += (int128)c->of[v] * (type.id == TYPE_F64 ? (int64_t)doubles[v] : integers[v]);
        if (c->of[v] > 0) {
            low = low < 0 ? v : low;
            high = v;
            first = first < 0 || c->first[v] < c->first[first] ? v : first;
            last = last < 0 || c->last[v] > c->last[last] ? v : last;
        }
    }
    if (strcmp(class->name, "count_star") == 0) {
        a.i = n + c->of[NUMBER_NULL];
    } else if (strcmp(class->name, "count") == 0) {
        a.i = n;
    } else if (n == 0) {
        a.null = true;
    } else if (strcmp(class->name, "sum") == 0) {
        a.i = (int64_t)sum;
        a.d = (double)sum;
    } else if (strcmp(class->name, "avg") == 0) {
        a.d = (double)sum / (double)n;
    } else {
        a.number = strcmp(class->name, "min") == 0     ? low
                   : strcmp(class->name, "max") == 0   ? high
                   : strcmp(class->name, "first") == 0 ? first
                                                       : last;
    }
    return a;
}

static inline void
check_value(const agg_class *class, data_type input, const column *out, int32_t row,
            const counts *c) {
    const answer want = expected(class, input, c);
    const bool   extreme = class->ignores_copies;
    const value  got = column_value(out, row);
    CHECK_EQ(got.is_null, want.null);
    if (want.null) {
        return;
    }
    switch (out->type.id) {
    case TYPE_TEXT:
        CHECK_TEXT(got.s, texts[want.number]);
        return;
    case TYPE_F64: {
        const double d = extreme ? doubles[want.number] : want.d;
        if (!(fabs(got.d - d) <= 1e-15 * fabs(d))) {
            print_error("%s: %.17g, not %.17g\n", class->name, got.d, d);
            fail();
        }
        return;
    }
    case TYPE_BOOL:
        CHECK_EQ(got.b, want.number > 0);
        return;
    default:
        CHECK_EQ(got.i, extreme ? integers[want.number] : want.i);
        return;
    }
}

static inline void
validate(const agg *a) {
    error err = {0};
    if (a->class->validate != NULL) {
        CHECK_OK(a->class->validate(a, &err));
    }
}

#endif
