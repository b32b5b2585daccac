/* SPDX-License-Identifier: Apache-2.0 */
/* fn_text_change.c - text functions that go character by character: initcap, translate,
 * strip_accents, overlay, quoting. Results are put together in a buf. */
#include "expr/call.h"

typedef status change_row(fn_call *c, int32_t row, buf *out);

static status
change_rows(fn_call *c, const char *name, change_row *change) {
    strview *z = c->values;
    buf      b;
    status   s = OK;
    buf_init(&b, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (fn_is_valid(c, i)) {
            buf_clear(&b);
            s = change(c, i, &b);
            if (s == OK) {
                s = fn_text_of_buf(c, name, &b, &z[i]);
            }
        }
    }
    buf_fini(&b);
    return s;
}

static void
append_code(buf *out, uint32_t code) {
    char bytes[4];
    buf_append(out, bytes, utf8_encode(bytes, code));
}

/* ---- initcap: words are letters and digits */
static status
capitalise(fn_call *c, int32_t row, buf *out) {
    const text t = operand_text(&c->args[0], row);
    bool       in_word = false;
    for (size_t at = 0; at < t.size; at += utf8_width(t.data + at)) {
        const uint32_t code = utf8_decode(t.data + at);
        append_code(out, in_word ? unicode_lower(code) : unicode_upper(code));
        in_word = unicode_is_alphanumeric(code);
    }
    return OK;
}

status
fn_initcap(fn_call *c) {
    return change_rows(c, "initcap", capitalise);
}

/* ---- translate(text, from, to): the n-th character of `from` becomes that of `to`, or vanishes */
static status
translate(fn_call *c, int32_t row, buf *out) {
    const text t = operand_text(&c->args[0], row);
    const text from = operand_text(&c->args[1], row);
    const text to = operand_text(&c->args[2], row);
    uint32_t   targets[128]; /* of ASCII characters: themselves, another, or none */
    for (uint32_t k = 0; k < 128; k++) {
        targets[k] = k;
    }
    bool   wide = false;
    size_t into = 0;
    for (size_t at = 0; at < from.size; at += utf8_width(from.data + at)) {
        const uint32_t code = utf8_decode(from.data + at);
        const uint32_t target = into < to.size ? utf8_decode(to.data + into) : UINT32_MAX;
        into += into < to.size ? utf8_width(to.data + into) : 0;
        wide |= code >= 128;
        if (code < 128 && targets[code] == code) { /* the first counts */
            targets[code] = target;
        }
    }
    for (size_t at = 0; at < t.size; at += utf8_width(t.data + at)) {
        uint32_t code = utf8_decode(t.data + at);
        if (code < 128) {
            code = targets[code];
        } else if (wide) {
            const char *found = memmem(from.data, from.size, t.data + at, utf8_width(t.data + at));
            if (found != NULL) {
                const int64_t n = utf8_count((text){from.data, (size_t)(found - from.data)});
                const size_t  skip = utf8_skip(to, n);
                code = skip < to.size ? utf8_decode(to.data + skip) : UINT32_MAX;
            }
        }
        if (code != UINT32_MAX) {
            append_code(out, code);
        }
    }
    return OK;
}

status
fn_translate(fn_call *c) {
    return change_rows(c, "translate", translate);
}

/* ---- strip_accents */
static status
strip_accents(fn_call *c, int32_t row, buf *out) {
    const text t = operand_text(&c->args[0], row);
    for (size_t at = 0; at < t.size; at += utf8_width(t.data + at)) {
        const uint32_t code = utf8_decode(t.data + at);
        if (code < 128 || !unicode_is_mark(code)) {
            append_code(out, code < 128 ? code : unicode_base_letter(code));
        }
    }
    return OK;
}

status
fn_strip_accents(fn_call *c) {
    return change_rows(c, "strip_accents", strip_accents);
}

/* ---- overlay(text, by, from [, count]): `count` characters from there on become `by`; as many as
 * `by` has when it is not said */
static status
overlay(fn_call *c, int32_t row, buf *out) {
    const text    t = operand_text(&c->args[0], row);
    const text    by = operand_text(&c->args[1], row);
    const int64_t from = fn_integer(&c->args[2], row);
    const int64_t count = c->arg_count > 3 ? fn_integer(&c->args[3], row) : utf8_count(by);
    if (from < 1) {
        return error_set(c->err, ERR_QUERY_FAILED,
                         "overlay: characters are counted from 1, not %lld", (long long)from);
    }
    const size_t start = utf8_skip(t, from - 1);
    const size_t end = utf8_skip(t, max_i64(sat_add_i64(from - 1, count), 0));
    buf_append(out, t.data, start);
    buf_append_text(out, by);
    buf_append(out, t.data + end, t.size - end);
    return OK;
}

status
fn_overlay(fn_call *c) {
    return change_rows(c, "overlay", overlay);
}

/* ---- SQL literals and names */
static status
quote_literal(fn_call *c, int32_t row, buf *out) {
    buf_append_quoted(out, operand_text(&c->args[0], row), '\'');
    return OK;
}

/* In double quotes unless it is a plain name in lower case. */
static status
quote_ident(fn_call *c, int32_t row, buf *out) {
    const text t = operand_text(&c->args[0], row);
    bool       plain = t.size > 0 && !(t.data[0] >= '0' && t.data[0] <= '9');
    for (size_t i = 0; i < t.size; i++) {
        const char l = t.data[i];
        plain &= (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || l == '_';
    }
    if (plain) {
        buf_append_text(out, t);
    } else {
        buf_append_quoted(out, t, '"');
    }
    return OK;
}

status
fn_quote_literal(fn_call *c) {
    return change_rows(c, "quote_literal", quote_literal);
}

status
fn_quote_ident(fn_call *c) {
    return change_rows(c, "quote_ident", quote_ident);
}

/* ---- numbers of a text */
status
fn_bit_length(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = 8 * (int64_t)operand_view(&c->args[0], i)->size;
    }
    return OK;
}

/* The code point of the first character; -1 when there is none. */
status
fn_unicode(fn_call *c) {
    int32_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            const text t = operand_text(&c->args[0], i);
            z[i] = t.size == 0 ? -1 : (int32_t)utf8_decode(t.data);
        }
    }
    return OK;
}
