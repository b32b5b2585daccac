/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.c - see json_text.h. Recursion goes as deep as values nest, JSON_LEVELS_MAX at most. */
#include "type/json_text.h"

typedef struct reader {
    const char *start, *at, *end;
    const char *why;
} reader;

static bool
refuse(reader *r, const char *why) {
    r->why = why;
    return false;
}

static void
skip_blanks(reader *r) {
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
        r->at++;
    }
}

static bool
at_digit(const reader *r) {
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static bool
take(reader *r, char c) {
    if (r->at < r->end && *r->at == c) {
        r->at++;
        return true;
    }
    return false;
}

static int
hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hexadecimal digits; -1: they are not there. */
static int32_t
hex4(const char *at, const char *end) {
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        const int d = at + i < end ? hex_digit(at[i]) : -1;
        if (d < 0) {
            return -1;
        }
        v = v * 16 + d;
    }
    return v;
}

static bool
scan_escape(reader *r) {
    if (r->at == r->end) {
        return refuse(r, "the text ends inside a string");
    }
    const char c = *r->at++;
    if (c != 'u') {
        return strchr("\"\\/bfnrt", c) != NULL && c != '\0'
                   ? true
                   : refuse(r, "there is no such escape in a string");
    }
    const int32_t unit = hex4(r->at, r->end);
    if (unit < 0) {
        return refuse(r, "\\u needs four hexadecimal digits");
    }
    r->at += 4;
    if (unit >= 0xD800 && unit < 0xDC00) {
        const bool    more = r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u';
        const int32_t low = more ? hex4(r->at + 2, r->end) : -1;
        if (low < 0xDC00 || low > 0xDFFF) {
            return refuse(r, "half a surrogate pair stands alone");
        }
        r->at += 6;
    } else if (unit >= 0xDC00 && unit < 0xE000) {
        return refuse(r, "half a surrogate pair stands alone");
    } else if (unit == 0) {
        return refuse(r, "a text cannot hold \\u0000");
    }
    return true;
}

static bool
scan_string(reader *r) {
    r->at++; /* the quote */
    while (r->at < r->end) {
        const char c = *r->at++;
        if (c == '"') {
            return true;
        }
        if ((unsigned char)c < 0x20) {
            r->at--;
            return refuse(r, "a control character in a string must be escaped");
        }
        if (c == '\\' && !scan_escape(r)) {
            return false;
        }
    }
    return refuse(r, "the text ends inside a string");
}

static bool
scan_digits(reader *r) {
    if (!at_digit(r)) {
        return refuse(r, "a digit is missing");
    }
    while (at_digit(r)) {
        r->at++;
    }
    return true;
}

static bool
scan_number(reader *r) {
    (void)take(r, '-');
    if (take(r, '0')) {
        if (at_digit(r)) {
            return refuse(r, "a number does not begin with 0");
        }
    } else if (!scan_digits(r)) {
        return false;
    }
    if (take(r, '.') && !scan_digits(r)) {
        return false;
    }
    if (take(r, 'e') || take(r, 'E')) {
        if (!take(r, '+')) {
            (void)take(r, '-');
        }
        return scan_digits(r);
    }
    return true;
}

static bool
scan_word(reader *r, const char *word) {
    const size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) {
        return refuse(r, "a value is expected");
    }
    r->at += n;
    return true;
}

static bool scan_value(reader *r, int32_t depth);

static bool
scan_members(reader *r, int32_t depth, char close) {
    r->at++;
    skip_blanks(r);
    if (take(r, close)) {
        return true;
    }
    for (;;) {
        if (close == '}') {
            skip_blanks(r);
            if (r->at == r->end || *r->at != '"') {
                return refuse(r, "a key in double quotes is expected");
            }
            if (!scan_string(r)) {
                return false;
            }
            skip_blanks(r);
            if (!take(r, ':')) {
                return refuse(r, "a colon is expected");
            }
        }
        if (!scan_value(r, depth + 1)) {
            return false;
        }
        skip_blanks(r);
        if (take(r, close)) {
            return true;
        }
        if (!take(r, ',')) {
            return refuse(r,
                          close == '}' ? "a comma or } is expected" : "a comma or ] is expected");
        }
    }
}

static bool
scan_value(reader *r, int32_t depth) {
    skip_blanks(r);
    if (r->at == r->end) {
        return refuse(r, "the text ends where a value is expected");
    }
    if (depth > JSON_LEVELS_MAX) {
        return refuse(r, "it is nested more than 512 levels deep");
    }
    switch (*r->at) {
    case '{':
        return scan_members(r, depth, '}');
    case '[':
        return scan_members(r, depth, ']');
    case '"':
        return scan_string(r);
    case 't':
        return scan_word(r, "true");
    case 'f':
        return scan_word(r, "false");
    case 'n':
        return scan_word(r, "null");
    default:
        return *r->at == '-' || at_digit(r) ? scan_number(r) : refuse(r, "a value is expected");
    }
}

bool
json_text_whole(text s, text *out, size_t *at, const char **why) {
    reader r = {.start = s.data, .at = s.data, .end = s.data + s.size};
    skip_blanks(&r);
    const char *first = r.at;
    bool        ok = scan_value(&r, 1);
    if (ok) {
        *out = (text){first, (size_t)(r.at - first)};
        skip_blanks(&r);
        ok = r.at == r.end || refuse(&r, "there is something behind the value");
    }
    *at = (size_t)(r.at - r.start);
    *why = r.why;
    return ok;
}

/* ---- members */
static text
value_at(reader *r) {
    skip_blanks(r);
    const char *first = r->at;
    (void)scan_value(r, 1);
    return (text){first, (size_t)(r->at - first)};
}

bool
json_next(text value, size_t *at, json_member *out) {
    const bool object = value.size > 0 && value.data[0] == '{';
    if (!object && (value.size == 0 || value.data[0] != '[')) {
        return false;
    }
    reader r = {.start = value.data,
                .at = value.data + (*at == 0 ? 1 : *at),
                .end = value.data + value.size};
    skip_blanks(&r);
    (void)take(&r, ',');
    skip_blanks(&r);
    if (r.at == r.end || *r.at == (object ? '}' : ']')) {
        return false;
    }
    *out = (json_member){.key = {NULL, 0}};
    if (object) {
        out->key = value_at(&r);
        skip_blanks(&r);
        (void)take(&r, ':');
    }
    out->value = value_at(&r);
    *at = (size_t)(r.at - r.start);
    return true;
}

int64_t
json_count(text value) {
    int64_t     n = 0;
    size_t      at = 0;
    json_member m;
    while (value.size > 0 && value.data[0] == '[' && json_next(value, &at, &m)) {
        n++;
    }
    return n;
}

/* ---- strings */
static bool
append_code(uint32_t c, buf *out) {
    if (c < 0x80) {
        return buf_append_char(out, (char)c);
    }
    char   bytes[4];
    size_t n = 0;
    if (c < 0x800) {
        bytes[n++] = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
        bytes[n++] = (char)(0xE0 | c >> 12);
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    } else {
        bytes[n++] = (char)(0xF0 | c >> 18);
        bytes[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    }
    bytes[n++] = (char)(0x80 | (c & 0x3F));
    return buf_append(out, bytes, n);
}

bool
json_unquote(text quoted, buf *out) {
    const char *at = quoted.data + 1, *end = quoted.data + quoted.size - 1;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        const char *stop = slash == NULL ? end : slash;
        if (stop > at && !buf_append(out, at, (size_t)(stop - at))) {
            return false;
        }
        at = stop;
        if (at == end) {
            break;
        }
        static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        const char        letter = at[1];
        at += 2;
        if (letter != 'u') {
            if (!buf_append_char(out, meant[strchr(letters, letter) - letters])) {
                return false;
            }
            continue;
        }
        uint32_t c = (uint32_t)hex4(at, end);
        at += 4;
        if (c >= 0xD800 && c < 0xDC00) {
            c = 0x10000 + ((c - 0xD800) << 10) + ((uint32_t)hex4(at + 2, end) - 0xDC00);
            at += 6;
        }
        if (!append_code(c, out)) {
            return false;
        }
    }
    return true;
}

bool
json_key_is(text quoted, text name, buf *scratch) {
    if (memchr(quoted.data, '\\', quoted.size) == NULL) {
        return text_equal((text){quoted.data + 1, quoted.size - 2}, name);
    }
    scratch->size = 0;
    return json_unquote(quoted, scratch) && text_equal(buf_text(scratch), name);
}

bool
json_write_text(text s, buf *out) {
    bool ok = buf_append_char(out, '"');
    for (size_t i = 0; i < s.size && ok; i++) {
        const char        c = s.data[i];
        static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char       *at = c == '\0' ? NULL : strchr(named, c);
        if (at != NULL) {
            const char pair[2] = {'\\', letters[at - named]};
            ok = buf_append(out, pair, 2);
        } else if ((unsigned char)c < 0x20) {
            ok = buf_printf(out, "\\u%04x", (unsigned)c);
        } else {
            ok = buf_append_char(out, c);
        }
    }
    return ok && buf_append_char(out, '"');
}

static bool
write_string(text quoted, buf *out) {
    if (memchr(quoted.data, '\\', quoted.size) == NULL) {
        return buf_append_text(out, quoted);
    }
    buf plain;
    buf_init(&plain, out->mem, out->size_max);
    const bool ok = json_unquote(quoted, &plain) && json_write_text(buf_text(&plain), out);
    out->failed |= plain.failed;
    buf_fini(&plain);
    return ok;
}

bool
json_write(text value, buf *out) {
    const char *at = value.data, *end = value.data + value.size;
    bool        ok = true;
    while (at < end && ok) {
        if (*at == '"') {
            reader r = {.at = at, .end = end};
            (void)scan_string(&r);
            ok = write_string((text){at, (size_t)(r.at - at)}, out);
            at = r.at;
        } else {
            const bool blank = *at == ' ' || *at == '\t' || *at == '\n' || *at == '\r';
            ok = blank || buf_append_char(out, *at);
            at++;
        }
    }
    return ok;
}

/* ---- types */
static bool
is_below(text digits, const char *limit) {
    const size_t n = strlen(limit);
    return digits.size < n || (digits.size == n && memcmp(digits.data, limit, n) <= 0);
}

const char *
json_type_of(text v) {
    switch (v.data[0]) {
    case '{':
        return "OBJECT";
    case '[':
        return "ARRAY";
    case '"':
        return "VARCHAR";
    case 't':
    case 'f':
        return "BOOLEAN";
    case 'n':
        return "NULL";
    default:
        break;
    }
    for (size_t i = 0; i < v.size; i++) {
        if (v.data[i] == '.' || v.data[i] == 'e' || v.data[i] == 'E') {
            return "DOUBLE";
        }
    }
    if (v.data[0] == '-') {
        return is_below((text){v.data + 1, v.size - 1}, "9223372036854775808") ? "BIGINT"
                                                                               : "DOUBLE";
    }
    return is_below(v, "18446744073709551615") ? "UBIGINT" : "DOUBLE";
}
