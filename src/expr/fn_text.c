/* SPDX-License-Identifier: Apache-2.0 */
/* fn_text.c - text functions whose result is a part of an argument, a number or a truth value:
 * nothing is copied, because a view may point into another view's bytes. Positions and counts are
 * in characters. */
#include "expr/call.h"

/* A part of the text behind `v`; an inlined text stays inlined. */
static strview
part(const strview *v, size_t from, size_t size) {
    return strview_of(strview_data(v) + from, (uint32_t)size);
}

static bool
is_ascii(text t) {
    uint8_t seen = 0;
    for (size_t i = 0; i < t.size; i++) {
        seen |= (uint8_t)t.data[i];
    }
    return seen < 0x80;
}

#define COUNT_BYTES ((size_t)1 << 18) /* between two looks */

status
fn_length(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text t = operand_text(&c->args[0], i);
            z[i] = 0;
            for (size_t at = 0; at < t.size; at += COUNT_BYTES) { /* starts of characters add up */
                const size_t left = t.size - at;
                const text   part = {t.data + at, left < COUNT_BYTES ? left : COUNT_BYTES};
                z[i] += utf8_count(part);
                TRY(fn_spend(c, (int64_t)part.size));
            }
        }
    }
    return OK;
}

status
fn_octet_length(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = operand_view(&c->args[0], i)->size;
    }
    return OK;
}

/* Characters from .. from + count, from counted from 1 and maybe below it, as in PostgreSQL. */
static strview
substring(const strview *v, int64_t from, int64_t count) {
    const text    t = strview_text(v);
    const int64_t end = sat_add_i64(from, count > 0 ? count : 0);
    const int64_t first = max_i64(from, 1);
    if (end <= first) {
        return strview_of("", 0);
    }
    if (is_ascii(t)) {
        const int64_t size = (int64_t)t.size;
        const int64_t start = min_i64(first - 1, size);
        return part(v, (size_t)start, (size_t)(min_i64(end - 1, size) - start));
    }
    const size_t start = utf8_skip(t, first - 1);
    return part(v, start, utf8_skip(text_after(t, start), end - first));
}

status
fn_substring(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const int64_t count = c->arg_count == 3 ? fn_integer(&c->args[2], i) : INT64_MAX;
            z[i] = substring(operand_view(&c->args[0], i), fn_integer(&c->args[1], i), count);
        }
    }
    return OK;
}

/* The same in bytes, for BLOBs. */
status
fn_substring_bytes(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const strview *v = operand_view(&c->args[0], i);
        const int64_t  from = fn_integer(&c->args[1], i);
        const int64_t  count = c->arg_count == 3 ? fn_integer(&c->args[2], i) : INT64_MAX;
        const int64_t  end = min_i64(sat_add_i64(from, max_i64(count, 0)), (int64_t)v->size + 1);
        const int64_t  first = max_i64(from, 1);
        z[i] = end <= first ? strview_of("", 0) : part(v, (size_t)first - 1, (size_t)(end - first));
    }
    return OK;
}

/* A negative count leaves out that many characters at the other end. */
status
fn_left(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const strview *v = operand_view(&c->args[0], i);
            const int64_t  n = fn_integer(&c->args[1], i);
            const text     t = strview_text(v);
            z[i] =
                part(v, 0, n >= 0 ? utf8_skip(t, n) : utf8_skip_back(t, -max_i64(n, -INT64_MAX)));
        }
    }
    return OK;
}

status
fn_right(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const strview *v = operand_view(&c->args[0], i);
            const int64_t  n = fn_integer(&c->args[1], i);
            const text     t = strview_text(v);
            const size_t at = n >= 0 ? utf8_skip_back(t, n) : utf8_skip(t, -max_i64(n, -INT64_MAX));
            z[i] = part(v, at, t.size - at);
        }
    }
    return OK;
}

/* ---- trim */
/* Whether the character at s (width bytes) is one of `set`. */
static bool
in_set(text set, const char *s, size_t width) {
    for (size_t at = 0; at < set.size; at += utf8_width(set.data + at)) {
        if (utf8_width(set.data + at) == width && memcmp(set.data + at, s, width) == 0) {
            return true;
        }
    }
    return false;
}

static strview
trim(const strview *v, text set, bool at_start, bool at_end) {
    const text t = strview_text(v);
    size_t     from = 0;
    size_t     to = t.size;
    while (at_start && from < to && in_set(set, t.data + from, utf8_width(t.data + from))) {
        from += utf8_width(t.data + from);
    }
    while (at_end && to > from) {
        const size_t at = utf8_skip_back((text){t.data, to}, 1);
        if (!in_set(set, t.data + at, to - at)) {
            break;
        }
        to = at;
    }
    return part(v, from, to - from);
}

static status
trim_rows(fn_call *c, bool at_start, bool at_end) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text set = c->arg_count == 2 ? operand_text(&c->args[1], i) : TEXT(" ");
            z[i] = trim(operand_view(&c->args[0], i), set, at_start, at_end);
        }
    }
    return OK;
}

status
fn_trim(fn_call *c) {
    return trim_rows(c, true, true);
}

status
fn_ltrim(fn_call *c) {
    return trim_rows(c, true, false);
}

status
fn_rtrim(fn_call *c) {
    return trim_rows(c, false, true);
}

/* ---- finding */
status
fn_starts_with(fn_call *c) {
    uint8_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const text s = operand_text(&c->args[0], i);
        const text p = operand_text(&c->args[1], i);
        z[i] = s.size >= p.size && memcmp(s.data, p.data, p.size) == 0;
    }
    return OK;
}

status
fn_ends_with(fn_call *c) {
    uint8_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const text s = operand_text(&c->args[0], i);
        const text p = operand_text(&c->args[1], i);
        z[i] = s.size >= p.size && memcmp(s.data + (s.size - p.size), p.data, p.size) == 0;
    }
    return OK;
}

status
fn_contains(fn_call *c) {
    uint8_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text s = operand_text(&c->args[0], i);
            const text p = operand_text(&c->args[1], i);
            z[i] = text_find(s, p) != NULL;
        }
    }
    return OK;
}

/* The first character of the second argument in the first, counted from 1; 0: not there. */
status
fn_position(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text  s = operand_text(&c->args[0], i);
            const text  p = operand_text(&c->args[1], i);
            const char *at = text_find(s, p);
            z[i] = at == NULL ? 0 : utf8_count((text){s.data, (size_t)(at - s.data)}) + 1;
        }
    }
    return OK;
}

/* field_of where one byte cuts: counted in words, without a stop at each. */
static text
field_by_byte(text t, char by, int64_t n) {
    if (n < 0) {
        int64_t rest = INT64_MAX;
        (void)text_find_byte(t, by, &rest);
        n += INT64_MAX - rest + 2; /* fields are one more than cuts */
        if (n <= 0) {
            return (text){t.data, 0};
        }
    }
    text rest = t;
    if (n > 1) {
        int64_t     left = n - 1;
        const char *cut = text_find_byte(t, by, &left);
        if (cut == NULL) {
            return (text){t.data, 0};
        }
        rest = text_after(t, (size_t)(cut + 1 - t.data));
    }
    const char *end = rest.size == 0 ? NULL : memchr(rest.data, by, rest.size);
    return (text){rest.data, end == NULL ? rest.size : (size_t)(end - rest.data)};
}

/* The n-th field (n < 0: from the end) of t, cut at `by`; "" when there are fewer. */
static text
field_of(text t, text by, int64_t n) {
    if (by.size <= 1) {
        return by.size == 1          ? field_by_byte(t, by.data[0], n)
               : (n == 1 || n == -1) ? t
                                     : (text){t.data, 0};
    }
    int64_t fields = 1;
    for (text rest = t; n < 0;) { /* from the end: count first */
        const char *at = text_find(rest, by);
        if (at == NULL) {
            n = fields + n + 1 > 0 ? fields + n + 1 : INT64_MAX;
            break;
        }
        fields++;
        rest = text_after(rest, (size_t)(at - rest.data) + by.size);
    }
    for (text rest = t;; n--) {
        const char *at = text_find(rest, by);
        if (n == 1) {
            return (text){rest.data, at == NULL ? rest.size : (size_t)(at - rest.data)};
        }
        if (at == NULL) {
            return (text){t.data, 0};
        }
        rest = text_after(rest, (size_t)(at - rest.data) + by.size);
    }
}

status
fn_split_part(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t n = fn_integer(&c->args[2], i);
        if (n == 0) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "split_part: fields are counted from 1 (or -1 from the end), not 0");
        }
        const text f = field_of(operand_text(&c->args[0], i), operand_text(&c->args[1], i), n);
        z[i] = strview_of(f.data, (uint32_t)f.size);
    }
    return OK;
}

/* ---- characters and numbers */
status
fn_ascii(fn_call *c) {
    int32_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const text t = operand_text(&c->args[0], i);
        if (!fn_is_valid(c, i) || t.size == 0) {
            continue;
        }
        z[i] = (int32_t)utf8_decode(t.data);
    }
    return OK;
}

static strview
encode(uint32_t code) {
    char bytes[4];
    return strview_of(bytes, (uint32_t)utf8_encode(bytes, code));
}

status
fn_chr(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t code = fn_integer(&c->args[0], i);
        if (code < 1 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "chr(%lld): no such character; Unicode has 1 to 1114111 without "
                             "55296 to 57343",
                             (long long)code);
        }
        z[i] = encode((uint32_t)code);
    }
    return OK;
}
