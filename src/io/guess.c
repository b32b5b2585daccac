/* SPDX-License-Identifier: Apache-2.0 */
/* guess.c - see guess.h. The first character rules most types out. */
#include "io/guess.h"
#include "type/digits.h"

#include <string.h>

#define TIME_TEXT_MAX 40

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

guess
guess_time(text t) {
    value v;
    t = trimmed(t);
    if (t.size < 5 || t.size > TIME_TEXT_MAX || t.data[0] < '0' || t.data[0] > '9') {
        return GUESS_TEXT;
    }
    const bool has_time = memchr(t.data, ':', t.size) != NULL;
    if (memchr(t.data, '-', t.size) != NULL || memchr(t.data, '/', t.size) != NULL) {
        if (!has_time && value_parse(&v, type_of(TYPE_DATE), t, NULL) == OK) {
            return GUESS_DATE;
        }
        return value_parse(&v, type_of(TYPE_TIMESTAMP), t, NULL) == OK ? GUESS_TIMESTAMP
                                                                       : GUESS_TEXT;
    }
    return has_time && value_parse(&v, type_of(TYPE_TIME), t, NULL) == OK ? GUESS_TIME : GUESS_TEXT;
}

static guess
guess_number(text t) {
    value   v;
    int64_t i;
    double  d;
    if (digits_integer(t, &i)) {
        return GUESS_I64;
    }
    if (memchr(t.data, '.', t.size) != NULL && digits_double(t, &d)) {
        return GUESS_F64;
    }
    if (value_parse(&v, type_of(TYPE_I64), t, NULL) == OK) {
        return GUESS_I64;
    }
    return value_parse(&v, type_of(TYPE_F64), t, NULL) == OK ? GUESS_F64 : guess_time(t);
}

guess
guess_text(text t) {
    t = trimmed(t);
    const char c = t.size == 0 ? '\0' : t.data[0];
    if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') {
        return guess_number(t);
    }
    if (text_equal_nocase(t, TEXT("true")) || text_equal_nocase(t, TEXT("false"))) {
        return GUESS_BOOL;
    }
    const bool special = text_equal_nocase(t, TEXT("nan")) || text_equal_nocase(t, TEXT("inf")) ||
                         text_equal_nocase(t, TEXT("infinity"));
    return special ? GUESS_F64 : GUESS_TEXT;
}

guess
guess_both(guess a, guess b) {
    if (a == b || b == GUESS_NONE) {
        return a;
    }
    if (a == GUESS_NONE) {
        return b;
    }
    const guess low = a < b ? a : b, high = a < b ? b : a;
    if (low == GUESS_I64 && high == GUESS_F64) {
        return GUESS_F64;
    }
    return low == GUESS_DATE && high == GUESS_TIMESTAMP ? GUESS_TIMESTAMP : GUESS_TEXT;
}

data_type
guess_type(guess g) {
    static const type_id types[] = {[GUESS_NONE] = TYPE_TEXT,
                                    [GUESS_BOOL] = TYPE_BOOL,
                                    [GUESS_I64] = TYPE_I64,
                                    [GUESS_F64] = TYPE_F64,
                                    [GUESS_DATE] = TYPE_DATE,
                                    [GUESS_TIME] = TYPE_TIME,
                                    [GUESS_TIMESTAMP] = TYPE_TIMESTAMP,
                                    [GUESS_TEXT] = TYPE_TEXT};
    return type_of(types[g]);
}
