/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - rows of a result as they come, in each mode. A line is made whole and then written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

void
printer_init(printer *p, shell *sh) {
    *p = (printer){.sh = sh, .mode = sh->mode};
    if (sh->expanded && p->mode == MODE_BOX) {
        p->mode = MODE_LINE;
    }
}

static const char *
name_of(const printer *p, int32_t column, size_t *size) {
    const size_t start = column == 0 ? 0 : p->names[column - 1];
    *size = p->names[column] - start;
    return p->header.data == NULL ? "" : p->header.data + start;
}

static void
flush_line(printer *p) {
    if (p->line.size > 0) {
        (void)fwrite(p->line.data, 1, p->line.size, p->sh->out);
    }
    bytes_clear(&p->line);
}

/* ---------------------------------------------------------------------------------- csv */
/* RFC 4180; NULL is empty, and an empty text "". To a terminal without controls. */
static void
csv_field(printer *p, const char *s, size_t size, bool is_null) {
    const bool shown = shell_is_on_terminal(p->sh);
    bool       quoted = size == 0 && !is_null;
    for (size_t i = 0; i < size && !quoted; i++) {
        quoted = s[i] == ',' || s[i] == '"' || s[i] == '\n' || s[i] == '\r';
    }
    bytes_text(&p->line, quoted ? "\"" : "");
    for (size_t at = 0, end; at < size; at = end) {
        const char *mark = memchr(s + at, '"', size - at);
        end = mark == NULL ? size : (size_t)(mark - s) + 1;
        if (shown) {
            bytes_visible(&p->line, s + at, end - at);
        } else {
            bytes_add(&p->line, s + at, end - at);
        }
        bytes_text(&p->line, mark == NULL ? "" : "\"");
    }
    bytes_text(&p->line, quoted ? "\"" : "");
}

static void
csv_header(printer *p) {
    for (int32_t c = 0; c < p->columns && p->sh->headers; c++) {
        size_t      size;
        const char *name = name_of(p, c, &size);
        bytes_text(&p->line, c > 0 ? "," : "");
        csv_field(p, name, size, false);
    }
    bytes_text(&p->line, p->sh->headers ? "\n" : "");
}

static void
csv_row(printer *p, const laminar_result *rows, int64_t row) {
    bytes text = {.size = 0};
    for (int32_t c = 0; c < p->columns; c++) {
        laminar_value v;
        (void)laminar_result_value(rows, row, c, &v);
        bytes_text(&p->line, c > 0 ? "," : "");
        if (v.type == LAMINAR_TYPE_VARCHAR || v.is_null) {
            csv_field(p, v.text, v.is_null ? 0 : v.text_size, v.is_null);
            continue;
        }
        bytes_clear(&text);
        value_text(&text, &v, SIZE_MAX);
        csv_field(p, text.data, text.size, false);
    }
    bytes_text(&p->line, "\n");
    bytes_free(&text);
}

/* ---------------------------------------------------------------------------------- line */
static void
line_row(printer *p, const laminar_result *rows, int64_t row) {
    bytes  text = {.size = 0};
    size_t widest = 0;
    for (int32_t c = 0; c < p->columns; c++) {
        size_t       size;
        const char  *name = name_of(p, c, &size);
        const size_t cells = laminar_text_cells(name, size);
        widest = cells > widest ? cells : widest;
    }
    bytes_text(&p->line, p->rows > 0 ? "\n" : "");
    for (int32_t c = 0; c < p->columns; c++) {
        laminar_value v;
        size_t        size;
        const char   *name = name_of(p, c, &size);
        (void)laminar_result_value(rows, row, c, &v);
        bytes_repeat(&p->line, " ", widest - laminar_text_cells(name, size));
        bytes_visible(&p->line, name, size);
        bytes_text(&p->line, " = ");
        bytes_clear(&text);
        value_text(&text, &v, SIZE_MAX);
        if (v.is_null && p->sh->color) {
            bytes_text(&p->line, PAINT_DIM "NULL" PAINT_NONE);
        } else {
            bytes_visible(&p->line, text.data, text.size);
        }
        bytes_text(&p->line, "\n");
    }
    bytes_free(&text);
}

/* ---------------------------------------------------------------------------------- markdown */
static void
markdown_cell(bytes *out, const char *s, size_t size) {
    for (size_t at = 0, end; at < size; at = end) {
        for (end = at; end < size && strchr("|<>&*_`\\", s[end]) == NULL; end++) {
        }
        bytes_visible(out, s + at, end - at);
        if (end < size) {
            const char c = s[end];
            if (c == '\0') {
                bytes_visible(out, &c, 1);
            } else {
                bytes_text(out, c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : "\\");
                bytes_add(out, &c, c != '<' && c != '>' && c != '&');
            }
            end++;
        }
    }
}

static void
markdown_header(printer *p, const laminar_result *rows) {
    for (int32_t c = 0; c < p->columns; c++) {
        size_t      size;
        const char *name = name_of(p, c, &size);
        bytes_text(&p->line, "| ");
        markdown_cell(&p->line, name, size);
        bytes_text(&p->line, " ");
    }
    bytes_text(&p->line, "|\n");
    for (int32_t c = 0; c < p->columns; c++) {
        const bool number = value_is_number(laminar_result_column_type(rows, c));
        bytes_text(&p->line, number ? "|---:" : "|:---");
    }
    bytes_text(&p->line, "|\n");
}

static void
markdown_row(printer *p, const laminar_result *rows, int64_t row) {
    bytes text = {.size = 0};
    for (int32_t c = 0; c < p->columns; c++) {
        laminar_value v;
        (void)laminar_result_value(rows, row, c, &v);
        bytes_clear(&text);
        value_text(&text, &v, SIZE_MAX);
        bytes_text(&p->line, "| ");
        markdown_cell(&p->line, text.data, text.size);
        bytes_text(&p->line, " ");
    }
    bytes_text(&p->line, "|\n");
    bytes_free(&text);
}

/* ---------------------------------------------------------------------------------- plain */
/* EXPLAIN and SHOW CREATE: lines. */
static void
plain_row(printer *p, const laminar_result *rows, int64_t row) {
    laminar_value v;
    bytes         text = {.size = 0};
    (void)laminar_result_value(rows, row, p->columns - 1, &v);
    value_text(&text, &v, SIZE_MAX);
    bytes_lines(&p->line, text.data, text.size);
    bytes_text(&p->line, "\n");
    bytes_free(&text);
}

/* ---------------------------------------------------------------------------------- all */
static bool
begin(printer *p, const laminar_result *rows) {
    p->begun = true;
    p->columns = laminar_result_column_count(rows);
    p->names = calloc((size_t)p->columns + 1, sizeof(*p->names));
    for (int32_t c = 0; c < p->columns && p->names != NULL; c++) {
        bytes_text(&p->header, laminar_result_column_name(rows, c));
        p->names[c] = p->header.size;
    }
    if (p->names == NULL || p->header.failed) {
        return false;
    }
    if (p->mode == MODE_CSV) {
        csv_header(p);
    } else if (p->mode == MODE_MARKDOWN) {
        markdown_header(p, rows);
    } else if (p->mode == MODE_BOX && !p->plain) {
        box_begin(p, rows);
    }
    return true;
}

static void
print_row(printer *p, const laminar_result *rows, int64_t row) {
    switch (p->mode) {
    case MODE_CSV:
        csv_row(p, rows, row);
        break;
    case MODE_JSON:
        json_row(p, rows, row);
        break;
    case MODE_MARKDOWN:
        markdown_row(p, rows, row);
        break;
    default:
        line_row(p, rows, row);
        break;
    }
}

static laminar_status
fail(laminar_error *err, const char *message) {
    *err = (laminar_error){.code = 400, .position = -1};
    (void)snprintf(err->class_name, sizeof(err->class_name), "QueryError");
    (void)snprintf(err->message, sizeof(err->message), "%s", message);
    return -400;
}

static laminar_status
print_rows(printer *p, const laminar_result *rows, laminar_error *err) {
    const int64_t count = laminar_result_row_count(rows);
    if (!p->begun && !begin(p, rows)) {
        return fail(err, "out of memory");
    }
    if (p->mode == MODE_ARROW) {
        const laminar_status s = arrow_rows(p, rows, err);
        p->rows += count;
        return s;
    }
    if (p->mode == MODE_BOX && !p->plain) {
        box_rows(p, rows);
        return terminal_interrupted() ? fail(err, "interrupted") : LAMINAR_OK;
    }
    for (int64_t i = 0; i < count; i++, p->rows++) {
        if (p->plain) {
            plain_row(p, rows, i);
        } else {
            print_row(p, rows, i);
        }
        if (p->line.failed) {
            return fail(err, "out of memory");
        }
        if (p->line.size > 65536) {
            flush_line(p);
            if (terminal_interrupted()) {
                return fail(err, "interrupted");
            }
            if (ferror(p->sh->out)) {
                p->sh->pipe_closed = errno == EPIPE;
                return fail(err, "the output cannot be written");
            }
        }
    }
    flush_line(p);
    return LAMINAR_OK;
}

laminar_status
printer_take(void *context, laminar_result *rows, laminar_error *err) {
    const laminar_status s = print_rows(context, rows, err);
    laminar_result_free(rows);
    return s;
}

bool
printer_end(printer *p, bool went_well) {
    if (p->begun && went_well) { /* else what is there shows that it is a part */
        if (p->mode == MODE_JSON) {
            bytes_text(&p->line, p->rows == 0 ? "[]\n" : "]\n");
        } else if (p->mode == MODE_BOX && !p->plain) {
            box_end(p);
        } else if (p->mode == MODE_ARROW) {
            arrow_end(p);
        }
    }
    flush_line(p);
    box_free(p);
    free(p->names);
    bytes_free(&p->line);
    bytes_free(&p->header);
    const bool wrote = fflush(p->sh->out) == 0 && !ferror(p->sh->out);
    p->sh->pipe_closed = p->sh->pipe_closed || (!wrote && errno == EPIPE);
    return wrote;
}
