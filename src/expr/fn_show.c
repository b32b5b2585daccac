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

/* ---- paths: both slashes part them */
static size_t
last_slash(text path) { /* behind it; 0: there is none */
    size_t i = path.size;
    while (i > 0 && path.data[i - 1] != '/' && path.data[i - 1] != '\\') {
        i--;
    }
    return i;
}

static status
path_rows(fn_call *c, text (*part)(text path)) {
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text t = part(operand_text(&c->args[0], i));
            TRY(put_text(c, i, t.data, t.size));
        }
    }
    return OK;
}

static text
file_name(text path) {
    const size_t at = last_slash(path);
    return (text){path.data + at, path.size - at};
}

static text
folder_path(text path) {
    const size_t at = last_slash(path);
    return (text){path.data, at == 0 ? 0 : at - 1};
}

static text
first_folder(text path) {
    for (size_t i = 0; i < path.size; i++) {
        if (path.data[i] == '/' || path.data[i] == '\\') {
            return (text){path.data, i == 0 ? 1 : i};
        }
    }
    return (text){path.data, 0};
}

status
fn_parse_filename(fn_call *c) {
    return path_rows(c, file_name);
}

status
fn_parse_dirpath(fn_call *c) {
    return path_rows(c, folder_path);
}

status
fn_parse_dirname(fn_call *c) {
    return path_rows(c, first_folder);
}
