/* SPDX-License-Identifier: Apache-2.0 */
/* unescape.c - the values of string, quoted name and number tokens.
 *
 * An escaped string is never longer than its token. What the escapes of E'' make must be UTF-8
 * without NUL, like everything else. */
#include "sql/lexer.h"

typedef struct writer {
    char  *data;
    size_t size;
} writer;

static int32_t
hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
        return (c | 0x20) - 'a' + 10;
    }
    return -1;
}

/* Reads up to `count` digits of base 8 or 16 from *i on; -1 when there are fewer than `least`. */
static int64_t
read_digits(text t, size_t *i, int32_t base, int32_t least, int32_t count) {
    int64_t value = 0;
    int32_t n = 0;
    while (n < count && *i < t.size) {
        const int32_t digit = hex_digit(t.data[*i]);
        if (digit < 0 || digit >= base) {
            break;
        }
        value = value * base + digit;
        n++;
        (*i)++;
    }
    return n < least ? -1 : value;
}

static bool
write_utf8(writer *w, int64_t code) {
    if (code <= 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return false;
    }
    if (code < 0x80) {
        w->data[w->size++] = (char)code;
        return true;
    }
    const int32_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    w->data[w->size++] = (char)((0xff00 >> (more + 1)) | (code >> (6 * more)));
    for (int32_t shift = 6 * (more - 1); shift >= 0; shift -= 6) {
        w->data[w->size++] = (char)(0x80 | ((code >> shift) & 0x3f));
    }
    return true;
}

/* One escape; *i is behind the backslash. A raw byte (octal, \x) is checked with the whole string.
 */
static bool
write_escape(writer *w, text t, size_t *i) {
    static const char letters[] = "bfnrt";
    static const char values[] = "\b\f\n\r\t";
    const char        c = t.data[*i];
    const char       *letter = strchr(letters, c);
    if (c >= '0' && c <= '7') {
        const int64_t byte = read_digits(t, i, 8, 1, 3);
        w->data[w->size++] = (char)byte;
        return byte > 0 && byte < 256;
    }
    (*i)++;
    if (c == 'x') {
        const int64_t byte = read_digits(t, i, 16, 1, 2);
        w->data[w->size++] = (char)byte;
        return byte > 0;
    }
    if (c == 'u' || c == 'U') {
        const int32_t count = c == 'u' ? 4 : 8;
        return write_utf8(w, read_digits(t, i, 16, count, count));
    }
    if (c != '\0' && letter != NULL) {
        w->data[w->size++] = values[letter - letters];
        return true;
    }
    w->data[w->size++] = c;
    return c == '\\' || c == '\'' || c == '"';
}

static status
unescape(text *out, arena *a, text body, int32_t position, error *err) {
    writer w = {.data = arena_alloc(a, body.size + 1)};
    if (w.data == NULL) {
        return error_memory(err);
    }
    for (size_t i = 0; i < body.size;) {
        const char c = body.data[i++];
        if (c == '\\') {
            const size_t at = i - 1;
            if (!write_escape(&w, body, &i)) {
                return error_set_at(
                    err, ERR_SQL_PARSE_ERROR, position + (int32_t)at,
                    "this escape of an E'' string is not one of \\b \\f \\n \\r \\t "
                    "\\\\ \\' \\\" \\ooo \\xhh \\uXXXX \\UXXXXXXXX or makes no "
                    "character");
            }
            continue;
        }
        w.data[w.size++] = c;
        i += c == '\''; /* doubled */
    }
    *out = (text){.data = w.data, .size = w.size};
    if (!text_is_utf8(*out)) {
        return error_set_at(err, ERR_SQL_PARSE_ERROR, position,
                            "the \\x and octal escapes of this string do not make valid UTF-8");
    }
    return OK;
}

/* The body with each doubled `mark` made single. */
static status
undouble(text *out, arena *a, text body, char mark, error *err) {
    if (body.size == 0 || memchr(body.data, mark, body.size) == NULL) {
        *out = body;
        return OK;
    }
    char *data = arena_alloc(a, body.size);
    if (data == NULL) {
        return error_memory(err);
    }
    size_t size = 0;
    for (size_t i = 0; i < body.size; i++) {
        data[size++] = body.data[i];
        i += body.data[i] == mark;
    }
    *out = (text){.data = data, .size = size};
    return OK;
}

status
token_value(text *out, arena *a, text sql, token t, error *err) {
    assert(t.kind == TOKEN_STRING || t.kind == TOKEN_QUOTED_NAME);
    const text all = token_text(sql, t);
    if (all.data[0] == '$') {
        const char  *tag_end = memchr(all.data + 1, '$', all.size - 1);
        const size_t tag_size = (size_t)(tag_end - all.data) + 1;
        *out = (text){.data = all.data + tag_size, .size = all.size - 2 * tag_size};
        return OK;
    }
    const bool escapes = all.data[0] == 'E' || all.data[0] == 'e';
    const text body = {.data = all.data + 1 + escapes, .size = all.size - 2 - escapes};
    if (escapes) {
        return unescape(out, a, body, t.start + 2, err);
    }
    return undouble(out, a, body, all.data[0], err);
}

/* 0xFF as decimal digits. */
static status
number_of_base(text *out, arena *a, text all, int32_t position, error *err) {
    const int32_t     base = (all.data[1] | 0x20) == 'x' ? 16 : (all.data[1] | 0x20) == 'o' ? 8 : 2;
    unsigned __int128 n = 0;
    char              digits[40];
    size_t            at = sizeof(digits);
    for (size_t i = 2; i < all.size; i++) {
        const int32_t digit = hex_digit(all.data[i]);
        if (digit >= 0 && (n >> 123) != 0) {
            return error_set_at(err, ERR_SQL_PARSE_ERROR, position,
                                "this number is beyond the range of HUGEINT");
        }
        n = digit >= 0 ? n * (unsigned)base + (unsigned)digit : n;
    }
    do {
        digits[--at] = (char)('0' + (int)(n % 10));
        n /= 10;
    } while (n > 0);
    *out = arena_text(a, (text){digits + at, sizeof(digits) - at});
    return out->data == NULL ? error_memory(err) : OK;
}

status
token_number(text *out, arena *a, text sql, token t, error *err) {
    const text all = token_text(sql, t);
    *out = all;
    if (all.size > 2 && all.data[0] == '0' && strchr("xXoObB", all.data[1]) != NULL) {
        return number_of_base(out, a, all, t.start, err);
    }
    if (memchr(all.data, '_', all.size) == NULL) {
        return OK;
    }
    char *data = arena_alloc(a, all.size);
    if (data == NULL) {
        return error_memory(err);
    }
    size_t size = 0;
    for (size_t i = 0; i < all.size; i++) {
        if (all.data[i] != '_') {
            data[size++] = all.data[i];
        }
    }
    *out = (text){.data = data, .size = size};
    return OK;
}
