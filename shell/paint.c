/* SPDX-License-Identifier: Apache-2.0 */
/* paint.c - SQL in colours, by the engine's own tokens. */
#include "shell.h"

const char *
paint_color(laminar_token_kind kind) {
    switch (kind) {
    case LAMINAR_TOKEN_KEYWORD:
        return "\x1b[1;34m";
    case LAMINAR_TOKEN_TYPE:
        return "\x1b[36m";
    case LAMINAR_TOKEN_FUNCTION:
        return "\x1b[35m";
    case LAMINAR_TOKEN_STRING:
        return "\x1b[32m";
    case LAMINAR_TOKEN_NUMBER:
    case LAMINAR_TOKEN_PARAMETER:
        return "\x1b[33m";
    case LAMINAR_TOKEN_COMMENT:
        return PAINT_DIM;
    case LAMINAR_TOKEN_ERROR:
        return PAINT_ERROR;
    default:
        return "";
    }
}

void
paint_sql(bytes *out, const char *sql, size_t size, bool color) {
    laminar_token t = {0};
    size_t        at = 0;
    while (color && laminar_token_next(sql, size, &t)) {
        const char *shade = paint_color(t.kind);
        bytes_lines(out, sql + at, t.start - at);
        bytes_text(out, shade);
        bytes_lines(out, sql + t.start, t.size);
        bytes_text(out, *shade == '\0' ? "" : PAINT_NONE);
        at = t.start + t.size;
    }
    bytes_lines(out, sql + at, size - at);
}
