/* SPDX-License-Identifier: Apache-2.0 */
/* json_lex.c - see json_lex.h. Lines are counted only for an error. */
#include "io/json_lex.h"

#include <stdio.h>
#include <string.h>

int64_t
json_line(const json_reader *r, const char *at) {
    int64_t line = r->first_line == 0 ? 1 : r->first_line;
    for (const char *c = r->start; c < at; c++) {
        line += *c == '\n';
    }
    return line;
}

/* `what` says what is wrong at this place. */
NOINLINE status
json_fault(const json_reader *r, const char *what, error *err) {
    const char *end = r->at;
    while (end < r->end && end - r->at < 20 && *end != '\n' && *end != '\r') {
        end++;
    }
    while (end > r->at && end < r->end && ((uint8_t)*end & 0xc0) == 0x80) {
        end--; /* not into a character */
    }
    return error_set(err, ERR_INGESTION_FAILED, "line %lld: %s, at %s%.*s%s",
                     (long long)json_line(r, r->at), what, r->at == r->end ? "the end" : "'",
                     (int)(end - r->at), r->at, r->at == r->end ? "" : "'");
}

/* ---------------------------------------------------------------------------------- texts */
static bool
read_hex(json_reader *r, uint32_t *out) {
    if (r->end - r->at < 4) {
        return false;
    }
    uint32_t code = 0;
    for (int32_t i = 0; i < 4; i++) {
        const char     c = *r->at++;
        const uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                               : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                               : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                      : 16;
        if (digit > 15) {
            return false;
        }
        code = code * 16 + digit;
    }
    *out = code;
    return true;
}

static bool
append_utf8(buf *b, uint32_t code) {
    char bytes[4];
    if (code < 0x80) {
        return buf_append_char(b, (char)code);
    }
    if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 63));
        return buf_append(b, bytes, 2);
    }
    if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12);
        bytes[1] = (char)(0x80 | (code >> 6 & 63));
        bytes[2] = (char)(0x80 | (code & 63));
        return buf_append(b, bytes, 3);
    }
    bytes[0] = (char)(0xf0 | code >> 18);
    bytes[1] = (char)(0x80 | (code >> 12 & 63));
    bytes[2] = (char)(0x80 | (code >> 6 & 63));
    bytes[3] = (char)(0x80 | (code & 63));
    return buf_append(b, bytes, 4);
}

/* After \u: a character, or both halves of one beyond 16 bits. */
static status
read_unicode(json_reader *r, error *err) {
    uint32_t code, low;
    if (!read_hex(r, &code)) {
        return json_fault(r, "four hexadecimal digits must follow \\u", err);
    }
    if (code >= 0xd800 && code < 0xdc00) {
        if (!json_take(r, '\\') || !json_take(r, 'u') || !read_hex(r, &low) || low < 0xdc00 ||
            low > 0xdfff) {
            return json_fault(r, "the second half of a surrogate pair is missing", err);
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return json_fault(r, "half of a surrogate pair stands alone", err);
    } else if (code == 0) {
        return json_fault(r, "a text holds a NUL character", err);
    }
    return append_utf8(&r->unescaped, code) ? OK : error_memory(err);
}

static status
read_escape(json_reader *r, error *err) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (json_take(r, 'u')) {
        return read_unicode(r, err);
    }
    const char *found =
        r->at == r->end || *r->at == '\0' ? NULL : memchr(from, *r->at, sizeof(from) - 1);
    if (found == NULL) {
        return json_fault(r, "an unknown escape", err);
    }
    r->at++;
    return buf_append_char(&r->unescaped, to[found - from]) ? OK : error_memory(err);
}

static size_t
text_max(const json_reader *r) {
    const int32_t lowered = r->target == NULL ? 0 : r->target->text_max;
    return lowered > 0 ? (size_t)lowered : JSON_TEXT_MAX;
}

/* Behind the opening quote. Borrows from the text when there is no escape, else until the next. */
status
json_text(json_reader *r, text *out, error *err) {
    const char *start = r->at;
    bool        copied = false;
    for (;;) {
        while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (uint8_t)*r->at >= 0x20) {
            r->at++;
        }
        if (r->at == r->end) {
            return json_fault(r, "a text is never closed", err);
        }
        if ((uint8_t)*r->at < 0x20) {
            return json_fault(r, "a control character in a text must be escaped", err);
        }
        if (*r->at == '"' && !copied) {
            *out = (text){start, (size_t)(r->at++ - start)};
            return OK;
        }
        if (!copied) {
            buf_clear(&r->unescaped);
            copied = true;
        }
        if (r->unescaped.size + (size_t)(r->at - start) > text_max(r)) {
            return json_fault(r,
                              text_max(r) == JSON_TEXT_MAX
                                  ? "a text with escapes is longer than 16 MiB"
                                  : "a text with escapes is longer than max_csv_field_bytes",
                              err);
        }
        if (!buf_append(&r->unescaped, start, (size_t)(r->at - start))) {
            return error_memory(err);
        }
        if (*r->at++ == '"') {
            *out = buf_text(&r->unescaped);
            return OK;
        }
        TRY(read_escape(r, err));
        start = r->at;
    }
}

/* ---------------------------------------------------------------------------------- numbers */
/* The grammar of JSON. *integral: no point and no exponent. */
status
json_number(json_reader *r, text *out, bool *integral, error *err) {
    const char *start = r->at;
    *integral = true;
    (void)json_take(r, '-');
    const char *digits = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        r->at++;
    }
    if (r->at == digits || (*digits == '0' && r->at > digits + 1)) {
        r->at = start;
        return json_fault(r, "this is no JSON value", err);
    }
    if (json_take(r, '.')) {
        *integral = false;
        digits = r->at;
        while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
            r->at++;
        }
        if (r->at == digits) {
            return json_fault(r, "a digit must follow the point", err);
        }
    }
    if (r->at < r->end && (*r->at | 0x20) == 'e') {
        *integral = false;
        r->at++;
        if (!json_take(r, '+')) {
            (void)json_take(r, '-');
        }
        digits = r->at;
        while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
            r->at++;
        }
        if (r->at == digits) {
            return json_fault(r, "a digit must follow the exponent", err);
        }
    }
    *out = (text){start, (size_t)(r->at - start)};
    return OK;
}

/* ---------------------------------------------------------------------------------- any value */
bool
json_take_word(json_reader *r, text word) {
    if ((size_t)(r->end - r->at) < word.size || memcmp(r->at, word.data, word.size) != 0) {
        return false;
    }
    r->at += word.size;
    return true;
}

static status
skip_members(json_reader *r, bool is_object, int32_t depth, error *err) {
    const char    close = is_object ? '}' : ']';
    const int32_t lowered = r->target == NULL ? 0 : r->target->depth_max;
    const int32_t most = lowered > 0 ? lowered : JSON_DEPTH_MAX;
    if (depth >= most) {
        char say[40];
        (void)snprintf(say, sizeof(say), "more than %d levels", most);
        return json_fault(r, say, err);
    }
    json_blanks(r);
    if (json_take(r, close)) {
        return OK;
    }
    do {
        json_blanks(r);
        if (is_object) {
            text key;
            if (!json_take(r, '"')) {
                return json_fault(r, "a key in quotes must stand here", err);
            }
            TRY(json_text(r, &key, err));
            json_blanks(r);
            if (!json_take(r, ':')) {
                return json_fault(r, "':' must follow a key", err);
            }
        }
        TRY(json_skip(r, depth + 1, err));
        json_blanks(r);
    } while (json_take(r, ','));
    return json_take(r, close)
               ? OK
               : json_fault(r,
                            is_object ? "',' or '}' must stand here" : "',' or ']' must stand here",
                            err);
}

/* Checks a value without keeping it. `depth` levels are open around it. */
status
json_skip(json_reader *r, int32_t depth, error *err) {
    text t;
    bool integral;
    json_blanks(r);
    if (json_take(r, '"')) {
        return json_text(r, &t, err);
    }
    if (json_take(r, '{')) {
        return skip_members(r, true, depth, err);
    }
    if (json_take(r, '[')) {
        return skip_members(r, false, depth, err);
    }
    if (json_take_word(r, TEXT("null")) || json_take_word(r, TEXT("true")) ||
        json_take_word(r, TEXT("false"))) {
        return OK;
    }
    return json_number(r, &t, &integral, err);
}
