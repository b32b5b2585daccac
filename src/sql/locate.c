/* SPDX-License-Identifier: Apache-2.0 */
/* locate.c - byte offsets as people see them: line, column, a caret below the place.
 *
 * Works on any bytes: an error about text that is not UTF-8 is shown the same way, with ? for what
 * cannot be shown. */
#include "sql/parser.h"

#define CARET_BEFORE_MAX 100 /* characters of a long line shown before the place */
#define CARET_AFTER_MAX 60

static size_t
clamp(text sql, int32_t position) {
    if (position < 0) {
        return 0;
    }
    return (size_t)position < sql.size ? (size_t)position : sql.size;
}

static bool
is_continuation(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

void
sql_locate(text sql, int32_t position, int32_t *line, int32_t *column, int32_t *character) {
    const size_t at = clamp(sql, position);
    *line = 1;
    *column = 1;
    *character = 0;
    for (size_t i = 0; i < at; i++) {
        if (is_continuation(sql.data[i])) {
            continue;
        }
        (*character)++;
        (*column)++;
        if (sql.data[i] == '\n') {
            (*line)++;
            *column = 1;
        }
    }
}

/* Size of the valid sequence at `i`; 0 when it cannot be shown. */
static size_t
sequence_size(text t, size_t i) {
    const unsigned char c = (unsigned char)t.data[i];
    if (c < 0x80) {
        return (c >= 0x20 && c != 0x7f) || c == '\t' ? 1 : 0;
    }
    const size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (size > t.size - i || !text_is_utf8((text){.data = t.data + i, .size = size})) {
        return 0;
    }
    return size;
}

/* Cells of a terminal that the sequence takes: 0 for combining marks, 2 for East Asian letters and
 * emoji. */
static int32_t
cells(text t, size_t i, size_t size) {
    if (size < 2) {
        return 1;
    }
    uint32_t code = (unsigned char)t.data[i] & (0xffU >> (size + 1));
    for (size_t k = 1; k < size; k++) {
        code = code << 6 | ((unsigned char)t.data[i + k] & 0x3fU);
    }
    if ((code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f)) {
        return 0;
    }
    const bool wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                      (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                      (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                      (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd);
    return wide ? 2 : 1;
}

/* The characters from `first` to `last`; as blanks of the same width when `blank`. */
static void
append_cells(text sql, size_t first, size_t last, bool blank, buf *out) {
    for (size_t i = first; i < last;) {
        const size_t size = sequence_size(sql, i);
        if (blank && size == 1 && sql.data[i] == '\t') {
            buf_append_char(out, '\t');
        } else if (blank) {
            buf_append(out, "  ", (size_t)cells(sql, i, size));
        } else if (size == 0) {
            buf_append_char(out, '?');
        } else {
            buf_append(out, sql.data + i, size);
        }
        i += size == 0 ? 1 : size;
    }
}

/* Moves `count` characters back from `from`, not beyond `limit`. */
static size_t
step_back(text sql, size_t from, size_t limit, int32_t count) {
    while (from > limit && count > 0) {
        from--;
        count -= !is_continuation(sql.data[from]);
    }
    return from;
}

static size_t
step_on(text sql, size_t from, size_t limit, int32_t count) {
    while (from < limit && count > 0) {
        from++;
        count -= from == limit || !is_continuation(sql.data[from]);
    }
    return from;
}

void
sql_caret(text sql, int32_t position, buf *out) {
    const size_t at = clamp(sql, position);
    size_t       first = at;
    size_t       last = at;
    int32_t      line;
    int32_t      column;
    int32_t      character;
    while (first > 0 && sql.data[first - 1] != '\n') {
        first--;
    }
    while (last < sql.size && sql.data[last] != '\n') {
        last++;
    }
    if (last > first && last > at && sql.data[last - 1] == '\r') {
        last--;
    }
    const size_t from = step_back(sql, at, first, CARET_BEFORE_MAX);
    const size_t to = step_on(sql, at, last, CARET_AFTER_MAX);
    const text   cut = from > first ? TEXT("...") : TEXT("");
    sql_locate(sql, position, &line, &column, &character);
    const size_t start = out->size;
    buf_printf(out, "LINE %d: ", line);
    const size_t prefix = out->size - start + cut.size;
    buf_append_text(out, cut);
    append_cells(sql, from, to, false, out);
    buf_append_text(out, to < last ? TEXT("...") : TEXT(""));
    buf_printf(out, "\n%*s", (int)prefix, "");
    append_cells(sql, from, at, true, out);
    buf_append_char(out, '^');
}
