/* SPDX-License-Identifier: Apache-2.0 */
/* fn_show.c - numbers for people and machines (units of bytes, any base), and parts of file paths.
 */
#include <inttypes.h>
#include <math.h>

#include "expr/call.h"

#define DIGITS_MAX 64

static status
put_text(fn_call *c, int32_t row, const char *s, size_t size) {
    char *p = fn_text_reserve(c, size);
    if (p == NULL) {
        return error_memory(c->err);
    }
    if (size > 0) {
        memcpy(p, s, size);
    }
    ((strview *)c->values)[row] = fn_text_commit(c, size);
    return OK;
}

/* ---- bytes in units of 1024 or 1000, cut to one digit behind the point */
static status
show_bytes(fn_call *c, uint64_t step, const char *const units[6]) {
    const int64_t *x = c->args[0].values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t  v = x[(int64_t)i * c->args[0].step];
        const uint64_t bytes = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
        uint64_t       unit = 1;
        int32_t        at = 0;
        while (at < 5 && bytes / unit >= step) {
            unit *= step;
            at++;
        }
        char      shown[48];
        const int size =
            at == 0 ? snprintf(shown, sizeof(shown), "%s%" PRIu64 " byte%s", v < 0 ? "-" : "",
                               bytes, bytes == 1 ? "" : "s")
                    : snprintf(shown, sizeof(shown), "%s%" PRIu64 ".%" PRIu64 " %s",
                               v < 0 ? "-" : "", bytes / unit, bytes % unit * 10 / unit, units[at]);
        TRY(put_text(c, i, shown, (size_t)size));
    }
    return OK;
}

status
fn_format_bytes(fn_call *c) {
    static const char *const units[6] = {"", "KiB", "MiB", "GiB", "TiB", "PiB"};
    return show_bytes(c, 1024, units);
}

status
fn_format_bytes_decimal(fn_call *c) {
    static const char *const units[6] = {"", "kB", "MB", "GB", "TB", "PB"};
    return show_bytes(c, 1000, units);
}

/* ---- to_base(number, base [, least digits]) */
status
fn_to_base(fn_call *c) {
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t n = fn_integer(&c->args[0], i), base = fn_integer(&c->args[1], i);
        const int64_t least = c->arg_count > 2 ? fn_integer(&c->args[2], i) : 1;
        if (n < 0 || base < 2 || base > 36 || least < 0 || least > DIGITS_MAX) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "to_base takes a number from 0, a base from 2 to 36 and at most 64 "
                             "digits, not (%" PRId64 ", %" PRId64 ", %" PRId64 ")",
                             n, base, least);
        }
        char    digits[DIGITS_MAX];
        int32_t at = DIGITS_MAX;
        for (int64_t left = n; left > 0 || DIGITS_MAX - at < max_i64(least, 1); left /= base) {
            digits[--at] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[left % base];
        }
        TRY(put_text(c, i, digits + at, (size_t)(DIGITS_MAX - at)));
    }
    return OK;
}

/* ---- round_even: halves to the even neighbour */
status
fn_round_even(fn_call *c) {
    const double *x = c->args[0].values;
    double       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const double  v = x[(int64_t)i * c->args[0].step];
        const int64_t digits = fn_integer(&c->args[1], i);
        const int64_t few = digits < -308 ? -308 : digits > 308 ? 308 : digits;
        const double  scale = pow(10.0, (double)(few < 0 ? -few : few));
        const double  moved = few < 0 ? v / scale : v * scale;
        z[i] = !isfinite(moved) ? v : few < 0 ? rint(moved) * scale : rint(moved) / scale;
    }
    return OK;
}

/* ---- parse_formatted_bytes('1.5 GiB'): what format_bytes writes, read */
static bool
read_unit(text unit, double *times) {
    static const char letters[] = "kmgtpe";
    const bool        binary = unit.size == 3;
    const char       *at = unit.size == 2 || binary ? strchr(letters, unit.data[0] | 0x20) : NULL;
    *times = 1;
    if (text_equal_nocase(unit, TEXT("b")) || text_equal_nocase(unit, TEXT("byte")) ||
        text_equal_nocase(unit, TEXT("bytes"))) {
        return true;
    }
    if (at == NULL || *at == '\0' || (unit.data[unit.size - 1] | 0x20) != 'b' ||
        (binary && (unit.data[1] | 0x20) != 'i')) {
        return false;
    }
    *times = pow(binary ? 1024.0 : 1000.0, (double)(at - letters + 1));
    return true;
}

static text
trimmed(text t) {
    while (t.size > 0 && *t.data == ' ') {
        t = (text){t.data + 1, t.size - 1};
    }
    while (t.size > 0 && t.data[t.size - 1] == ' ') {
        t.size--;
    }
    return t;
}

static bool
read_bytes(text t, uint64_t *out) {
    size_t digits = 0;
    value  n;
    double times;
    t = trimmed(t);
    while (digits < t.size &&
           ((t.data[digits] >= '0' && t.data[digits] <= '9') || t.data[digits] == '.')) {
        digits++;
    }
    const text number = {t.data, digits};
    if (digits == 0 || value_parse(&n, type_of(TYPE_F64), number, NULL) < 0 ||
        !read_unit(trimmed((text){t.data + digits, t.size - digits}), &times) ||
        n.d * times >= 18446744073709551616.0) {
        return false;
    }
    *out = (uint64_t)(n.d * times);
    return true;
}

status
fn_parse_formatted_bytes(fn_call *c) {
    uint64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const text t = fn_is_valid(c, i) ? operand_text(&c->args[0], i) : TEXT("0 b");
        if (!read_bytes(t, &z[i])) {
            const text shown = {t.data, t.size > 80 ? 80 : t.size};
            (void)error_set(c->err, ERR_QUERY_FAILED,
                            "parse_formatted_bytes: '%.*s' is no number of bytes", TEXT_ARG(shown));
            return error_hint(c->err,
                              "write '16 KiB' (1024) or '16 KB' (1000): B, KB to EB, KiB to EiB");
        }
    }
    return OK;
}
