/* SPDX-License-Identifier: Apache-2.0 */
/* fn_text_make.c - text functions that make new text: joining, case, padding, replacing. New bytes
 * lie in the scratch arena; results of up to 12 bytes are in the view itself. */
#include "expr/call.h"

/* ---- joining */
static status
join_two(fn_call *c, strview *out, text a, text b) {
    if (b.size > TEXT_RESULT_MAX || a.size > TEXT_RESULT_MAX - b.size) {
        return fn_text_too_long(c, "||", (uint128)a.size + b.size);
    }
    char *p = fn_text_reserve(c, a.size + b.size);
    if (p == NULL) {
        return error_memory(c->err);
    }
    memcpy(p, a.data, a.size);
    memcpy(p + a.size, b.data, b.size);
    *out = fn_text_commit(c, a.size + b.size);
    return OK;
}

status
fn_join(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(join_two(c, &z[i], operand_text(&c->args[0], i), operand_text(&c->args[1], i)));
        }
    }
    return OK;
}

/* Arguments from `first` on, NULLs left out, `between` between them. */
static status
join_all(fn_call *c, strview *out, int32_t row, int32_t first, text between) {
    size_t size = 0;
    bool   any = false;
    for (int32_t k = first; k < c->arg_count; k++) {
        if (!operand_is_null(&c->args[k], row)) {
            size += operand_view(&c->args[k], row)->size + (any ? between.size : 0);
            any = true;
        }
    }
    if (size > TEXT_RESULT_MAX) {
        return fn_text_too_long(c, "concat", size);
    }
    char *p = fn_text_reserve(c, size);
    if (p == NULL) {
        return error_memory(c->err);
    }
    any = false;
    for (int32_t k = first; k < c->arg_count; k++) {
        if (operand_is_null(&c->args[k], row)) {
            continue;
        }
        if (any) {
            memcpy(p, between.data, between.size);
            p += between.size;
        }
        const text t = operand_text(&c->args[k], row);
        memcpy(p, t.data, t.size);
        p += t.size;
        any = true;
    }
    *out = fn_text_commit(c, size);
    return OK;
}

status
fn_concat(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        TRY(join_all(c, &z[i], i, 0, TEXT("")));
    }
    return OK;
}

status
fn_concat_ws(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!operand_is_null(&c->args[0], i)) {
            TRY(join_all(c, &z[i], i, 1, operand_text(&c->args[0], i)));
        } else if (!fn_set_null(c, i)) {
            return error_memory(c->err);
        }
    }
    return OK;
}

/* ---- one text to another */
/* `map` returns the bytes it wrote, half as many again as it read at most. */
ALWAYS_INLINE status
map_text(fn_call *c, size_t (*map)(char *out, text t)) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text t = operand_text(&c->args[0], i);
            char      *p = fn_text_reserve(c, t.size + t.size / 2);
            if (p == NULL) {
                return error_memory(c->err);
            }
            z[i] = fn_text_commit(c, map(p, t));
        }
    }
    return OK;
}

/* ASCII at once, the rest character by character: a mapping may change the size. */
ALWAYS_INLINE size_t
map_case(char *out, text t, char first, uint32_t (*wide)(uint32_t code)) {
    size_t used = 0;
    for (size_t i = 0; i < t.size;) {
        const char b = t.data[i];
        if (LIKELY((uint8_t)b < 0x80)) {
            out[used++] = (uint8_t)(b - first) < 26 ? (char)(b ^ 0x20) : b;
            i++;
        } else {
            used += utf8_encode(out + used, wide(utf8_decode(t.data + i)));
            i += utf8_width(t.data + i);
        }
    }
    return used;
}

static size_t
upper(char *out, text t) {
    return map_case(out, t, 'a', unicode_upper);
}

static size_t
lower(char *out, text t) {
    return map_case(out, t, 'A', unicode_lower);
}

static size_t
reverse(char *out, text t) {
    char *p = out + t.size;
    for (size_t at = 0; at < t.size;) {
        const size_t width = utf8_width(t.data + at);
        p -= width;
        memcpy(p, t.data + at, width);
        at += width;
    }
    return t.size;
}

status
fn_upper(fn_call *c) {
    return map_text(c, upper);
}

status
fn_lower(fn_call *c) {
    return map_text(c, lower);
}

status
fn_reverse(fn_call *c) {
    return map_text(c, reverse);
}

/* ---- repeat and padding */
/* Fills size bytes with t over and over; size may end within t. */
static void
fill(char *out, size_t size, text t) {
    for (size_t at = 0; at < size;) {
        const size_t n = size - at < t.size ? size - at : t.size;
        memcpy(out + at, t.data, n);
        at += n;
    }
}

status
fn_repeat(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const text    t = operand_text(&c->args[0], i);
        const int64_t times = fn_integer(&c->args[1], i);
        if (!fn_is_valid(c, i) || times <= 0 || t.size == 0) {
            continue;
        }
        if (times > (int64_t)(TEXT_RESULT_MAX / t.size)) {
            return fn_text_too_long(c, "repeat", (uint128)t.size * (uint64_t)times);
        }
        const size_t size = t.size * (size_t)times;
        TRY(fn_spend(c, (int64_t)size));
        char *p = fn_text_reserve(c, size);
        if (p == NULL) {
            return error_memory(c->err);
        }
        fill(p, size, t);
        z[i] = fn_text_commit(c, size);
    }
    return OK;
}

/* `t` cut or padded with `with` to `wanted` characters. */
static status
pad(fn_call *c, strview *out, text t, text with, int64_t wanted, bool at_left) {
    const int64_t have = utf8_count(t);
    if (wanted <= have || with.size == 0) {
        *out = strview_of(t.data, (uint32_t)utf8_skip(t, max_i64(wanted, 0)));
        return OK;
    }
    const int64_t missing = wanted - have;
    const int64_t unit = utf8_count(with);
    const size_t  tail = utf8_skip(with, missing % unit);
    const uint128 pad_size = (uint128)(uint64_t)(missing / unit) * with.size + tail;
    if (pad_size + t.size > TEXT_RESULT_MAX) {
        return fn_text_too_long(c, at_left ? "lpad" : "rpad", pad_size + t.size);
    }
    const size_t size = (size_t)pad_size + t.size;
    TRY(fn_spend(c, (int64_t)size));
    char *p = fn_text_reserve(c, size);
    if (p == NULL) {
        return error_memory(c->err);
    }
    fill(at_left ? p : p + t.size, (size_t)pad_size, with);
    memcpy(at_left ? p + (size_t)pad_size : p, t.data, t.size);
    *out = fn_text_commit(c, size);
    return OK;
}

static status
pad_rows(fn_call *c, bool at_left) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text with = c->arg_count == 3 ? operand_text(&c->args[2], i) : TEXT(" ");
            TRY(pad(c, &z[i], operand_text(&c->args[0], i), with, fn_integer(&c->args[1], i),
                    at_left));
        }
    }
    return OK;
}

status
fn_lpad(fn_call *c) {
    return pad_rows(c, true);
}

status
fn_rpad(fn_call *c) {
    return pad_rows(c, false);
}

/* ---- replace */
static size_t
count_of(text t, text what) {
    if (what.size == 1) {
        int64_t left = INT64_MAX;
        (void)text_find_byte(t, what.data[0], &left);
        return (size_t)(INT64_MAX - left);
    }
    size_t n = 0;
    for (const char *p = t.data, *end = t.data + t.size;; n++) {
        p = text_find((text){p, (size_t)(end - p)}, what);
        if (p == NULL) {
            return n;
        }
        p += what.size;
    }
}

static status
replace(fn_call *c, const strview *v, strview *out, text what, text with) {
    const text   t = strview_text(v);
    const size_t times = what.size == 0 ? 0 : count_of(t, what);
    if (times == 0) {
        *out = *v;
        return OK;
    }
    const uint128 wanted = (uint128)(t.size - times * what.size) + (uint128)times * with.size;
    if (wanted > TEXT_RESULT_MAX) {
        return fn_text_too_long(c, "replace", wanted);
    }
    char *p = fn_text_reserve(c, (size_t)wanted);
    if (p == NULL) {
        return error_memory(c->err);
    }
    const char *from = t.data;
    const char *end = t.data + t.size;
    for (size_t k = 0; k < times; k++) {
        const char *at = text_find((text){from, (size_t)(end - from)}, what);
        memcpy(p, from, (size_t)(at - from));
        p += at - from;
        memcpy(p, with.data, with.size);
        p += with.size;
        from = at + what.size;
    }
    memcpy(p, from, (size_t)(end - from));
    *out = fn_text_commit(c, (size_t)wanted);
    return OK;
}

status
fn_replace(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(replace(c, operand_view(&c->args[0], i), &z[i], operand_text(&c->args[1], i),
                        operand_text(&c->args[2], i)));
        }
    }
    return OK;
}
