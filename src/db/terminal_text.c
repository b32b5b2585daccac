/* SPDX-License-Identifier: Apache-2.0 */
/* terminal_text.c - text as a terminal shows it (laminar_text.h): characters and their cells, and
 * what must not get there made visible. */
#include <stdio.h>

#include "base/unicode.h"
#include "db/internal.h"

/* Bytes at the start of the text that are valid UTF-8 and one grapheme cluster; 0: an invalid byte.
 * A cluster is looked for in a bounded part: marks can follow one another without end. */
#define CLUSTER_BYTES_MAX 256

/* How much of the text, at most CLUSTER_BYTES_MAX, is valid. */
static size_t
valid_part(const char *s, size_t size) {
    size_t room = size < CLUSTER_BYTES_MAX ? size : CLUSTER_BYTES_MAX;
    while (room < size && room > 0 && !utf8_is_start(s[room])) {
        room--;
    }
    const int32_t fault = text_utf8_fault((text){s, room});
    return fault < 0 ? room : (size_t)fault;
}

size_t
laminar_text_step(const char *s, size_t size, int32_t *cells) {
    int32_t unused;
    cells = cells == NULL ? &unused : cells;
    *cells = 0;
    if (size == 0) {
        return 0;
    }
    if (s[0] >= 0x20 && s[0] < 0x7F && (size == 1 || (s[1] >= 0 && s[1] < 0x7F))) {
        *cells = 1;
        return 1;
    }
    const size_t part = valid_part(s, size);
    if (part == 0) {
        return 1;
    }
    const size_t step = grapheme_width(s, part);
    *cells = grapheme_cells(s, step);
    return step;
}

size_t
laminar_text_cells(const char *s, size_t size) {
    size_t  total = 0;
    int32_t cells;
    for (size_t at = 0; at < size; total += (size_t)cells) {
        at += laminar_text_step(s + at, size - at, &cells);
    }
    return total;
}

/* ---------------------------------------------------------------------------------- visible */
static int
spell(char *out, size_t room, uint32_t code, bool is_byte) {
    static const struct {
        uint32_t    code;
        const char *shown;
    } short_ones[] = {{'\n', "\\n"}, {'\r', "\\r"}, {'\t', "\\t"}};
    for (int32_t i = 0; i < ARRAY_COUNT(short_ones); i++) {
        if (short_ones[i].code == code) {
            return snprintf(out, room, "%s", short_ones[i].shown);
        }
    }
    return snprintf(out, room,
                    is_byte || code < 0x80 ? "\\x%02x"
                    : code < 0x10000       ? "\\u%04x"
                                           : "\\U%08x",
                    (unsigned)code);
}

size_t
laminar_text_visible(const char *s, size_t size, unsigned flags, char *out, size_t room) {
    const bool lines = (flags & LAMINAR_TEXT_LINES) != 0;
    size_t     at = 0, made = 0;
    while (at < size) {
        char          shown[12];
        const uint8_t b = (uint8_t)s[at];
        const bool    ascii = b < 0x80;
        const size_t  width = ascii ? 1 : utf8_width(s + at);
        const bool is_byte = !ascii && (width > size - at || !text_is_utf8((text){s + at, width}));
        const uint32_t code = is_byte ? b : utf8_decode(s + at);
        const size_t   step = is_byte ? 1 : width;
        const bool     stays = !is_byte && (!unicode_is_unprintable(code) ||
                                        (lines && (code == '\n' || code == '\t')));
        const size_t   need = stays ? step : (size_t)spell(shown, sizeof(shown), code, is_byte);
        if (need > room - made) {
            break;
        }
        memcpy(out + made, stays ? s + at : shown, need);
        made += need;
        at += step;
    }
    return made;
}
