/* SPDX-License-Identifier: Apache-2.0 */
/* box.c - a table in a frame: types under names, numbers to the right, as wide as the terminal. Of
 * many rows the first and the last are kept, so a result of any size takes a constant room. */
#include <stdlib.h>
#include <string.h>

#include "shell.h"

#define CELL_WIDTH_MIN 8 /* narrower columns are left out instead */
#define CELL_WIDTH_MAX 10000
#define PIPE_WIDTH_MAX 200 /* of a cell where there is no terminal */

typedef struct box_row {
    char **cells; /* visible text; NULL: NULL */
} box_row;

struct box_state {
    int32_t  columns;
    bool    *right;
    char   **types;
    size_t  *widths;
    bool    *shown;            /* of the columns; the others are cut */
    int32_t  shown_count, gap; /* the gap stands before this column; -1: none */
    box_row *head, *tail;      /* tail: a ring */
    int64_t  head_room, head_count, tail_room, tail_count, tail_at;
    bool     cut; /* a cell was */
};

static void
free_row(const box_state *b, box_row *r) {
    for (int32_t c = 0; r->cells != NULL && c < b->columns; c++) {
        free(r->cells[c]);
    }
    free(r->cells);
    r->cells = NULL;
}

void
box_free(printer *p) {
    box_state *b = p->box;
    if (b == NULL) {
        return;
    }
    for (int64_t i = 0; i < b->head_count; i++) {
        free_row(b, &b->head[i]);
    }
    for (int64_t i = 0; i < b->tail_room && b->tail != NULL; i++) {
        free_row(b, &b->tail[i]);
    }
    for (int32_t c = 0; c < b->columns && b->types != NULL; c++) {
        free(b->types[c]);
    }
    free(b->head);
    free(b->tail);
    free(b->types);
    free(b->right);
    free(b->widths);
    free(b->shown);
    free(b);
    p->box = NULL;
}

static int32_t
rows_to_show(const shell *sh) {
    if (sh->screen_rows > 0) { /* a live view: frame, head and foot are eight lines */
        return sh->screen_rows > 10 ? sh->screen_rows - 8 : 2;
    }
    return sh->rows_max;
}

static char *
kept(bytes *b) {
    char *copy = malloc(b->size + 1);
    if (copy != NULL) {
        memcpy(copy, b->size > 0 ? b->data : "", b->size);
        copy[b->size] = '\0';
    }
    return copy;
}

void
box_begin(printer *p, const laminar_result *rows) {
    const size_t  count = (size_t)p->columns + 1;
    const int32_t most = rows_to_show(p->sh);
    box_state    *b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return;
    }
    p->box = b;
    b->columns = p->columns;
    b->right = calloc(count, sizeof(*b->right));
    b->types = calloc(count, sizeof(*b->types));
    b->widths = calloc(count, sizeof(*b->widths));
    b->shown = calloc(count, sizeof(*b->shown));
    b->head_room = most == 0 ? INT64_MAX : most - most / 2;
    b->tail_room = most / 2;
    b->tail = calloc((size_t)b->tail_room + 1, sizeof(*b->tail));
    for (int32_t c = 0; c < p->columns && b->types != NULL && b->right != NULL; c++) {
        bytes type = {.size = 0};
        bytes_text(&type, laminar_result_column_type_name(rows, c));
        for (size_t i = 0; i < type.size; i++) {
            const char ch = type.data[i];
            type.data[i] = (char)(ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch);
        }
        bytes shown = {.size = 0};
        bytes_visible(&shown, type.data, type.size);
        b->types[c] = kept(&shown);
        b->right[c] = value_is_number(laminar_result_column_type(rows, c));
        bytes_free(&type);
        bytes_free(&shown);
    }
}

/* ---------------------------------------------------------------------------------- rows */
static bool
read_row(box_state *b, box_row *r, const laminar_result *rows, int64_t row) {
    bytes text = {.size = 0}, shown = {.size = 0};
    free_row(b, r);
    r->cells = calloc((size_t)b->columns + 1, sizeof(*r->cells));
    for (int32_t c = 0; c < b->columns && r->cells != NULL; c++) {
        laminar_value v;
        (void)laminar_result_value(rows, row, c, &v);
        if (v.is_null) {
            continue;
        }
        bytes_clear(&text);
        bytes_clear(&shown);
        if (v.type == LAMINAR_TYPE_VARCHAR && v.text_size > CELL_BYTES_MAX) {
            v.text_size = CELL_BYTES_MAX;
            while (v.text_size > 0 && ((unsigned char)v.text[v.text_size] & 0xC0) == 0x80) {
                v.text_size--;
            }
        }
        value_text(&text, &v, CELL_BYTES_MAX);
        const size_t size = text.size > CELL_BYTES_MAX ? CELL_BYTES_MAX : text.size;
        bytes_visible(&shown, text.data, size);
        r->cells[c] = kept(&shown);
    }
    bytes_free(&text);
    bytes_free(&shown);
    return r->cells != NULL;
}

static bool
add_head(box_state *b, const laminar_result *rows, int64_t row) {
    if ((b->head_count & (b->head_count - 1)) == 0) { /* a power of two: full */
        const size_t room = b->head_count == 0 ? 1 : 2 * (size_t)b->head_count;
        box_row     *grown = realloc(b->head, room * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        b->head = grown;
    }
    b->head[b->head_count] = (box_row){.cells = NULL};
    return read_row(b, &b->head[b->head_count++], rows, row);
}

void
box_rows(printer *p, const laminar_result *rows) {
    box_state    *b = p->box;
    const int64_t count = laminar_result_row_count(rows);
    for (int64_t i = 0; b != NULL && i < count; i++) {
        if (b->head_count < b->head_room) {
            if (!add_head(b, rows, i)) {
                break;
            }
            continue;
        }
        if (count - i > b->tail_room) { /* rows behind push it out */
            i = count - b->tail_room - 1;
            continue;
        }
        (void)read_row(b, &b->tail[b->tail_at], rows, i);
        b->tail_at = (b->tail_at + 1) % b->tail_room;
        b->tail_count += b->tail_count < b->tail_room;
    }
    p->rows += count;
}

/* ---------------------------------------------------------------------------------- layout */
static void
widen(box_state *b, const box_row *r) {
    for (int32_t c = 0; c < b->columns; c++) {
        const char  *cell = r->cells == NULL || r->cells[c] == NULL ? "NULL" : r->cells[c];
        const size_t width = laminar_text_cells(cell, strlen(cell));
        b->widths[c] = width > b->widths[c] ? width : b->widths[c];
    }
}

static size_t
total_width(const box_state *b, size_t most) {
    size_t total = 1;
    for (int32_t c = 0; c < b->columns; c++) {
        total += 3 + (b->widths[c] > most ? most : b->widths[c]);
    }
    return total;
}

/* Columns from both ends, as long as they fit beside one for the gap. */
static void
choose_columns(box_state *b, size_t room) {
    size_t  used = 1 + 4;
    int32_t left = 0, right = b->columns - 1;
    bool    from_left = true;
    while (left <= right) {
        const int32_t c = from_left ? left : right;
        used += 3 + (b->widths[c] > CELL_WIDTH_MIN ? CELL_WIDTH_MIN : b->widths[c]);
        if (used > room && b->shown_count > 0) {
            break;
        }
        b->shown[c] = true;
        b->shown_count++;
        left += from_left;
        right -= !from_left;
        from_left = !from_left;
    }
    b->gap = left <= right ? left : -1;
}

static void
lay_out(printer *p) {
    box_state *b = p->box;
    size_t     room = (size_t)shell_columns(p->sh);
    const bool screen = room > 0;
    size_t     most = screen ? CELL_WIDTH_MAX : PIPE_WIDTH_MAX;
    for (int32_t c = 0; c < b->columns; c++) {
        const size_t start = c == 0 ? 0 : p->names[c - 1];
        bytes        name = {.size = 0};
        bytes_visible(&name, p->header.data + start, p->names[c] - start);
        const size_t named = laminar_text_cells(name.data, name.size);
        const size_t typed = strlen(b->types[c]);
        b->widths[c] = named > typed ? named : typed;
        bytes_free(&name);
    }
    for (int64_t i = 0; i < b->head_count; i++) {
        widen(b, &b->head[i]);
    }
    for (int64_t i = 0; i < b->tail_count; i++) {
        widen(b, &b->tail[i]);
    }
    while (screen && most > CELL_WIDTH_MIN && total_width(b, most) > room) {
        most = most > 500 ? 500 : most - 1;
    }
    if (screen && total_width(b, most) > room) {
        choose_columns(b, room);
    } else {
        memset(b->shown, true, (size_t)b->columns);
        b->shown_count = b->columns;
        b->gap = -1;
    }
    for (int32_t c = 0; c < b->columns; c++) {
        b->widths[c] = b->widths[c] > most ? most : b->widths[c];
    }
}

/* ---------------------------------------------------------------------------------- lines */
/* Bytes of a text that `width` cells hold. */
static size_t
fitting(const char *s, size_t size, size_t width, size_t *cells) {
    size_t at = 0;
    *cells = 0;
    while (at < size) {
        int32_t      more;
        const size_t step = laminar_text_step(s + at, size - at, &more);
        if (*cells + (size_t)more > width) {
            break;
        }
        at += step;
        *cells += (size_t)more;
    }
    return at;
}

static void
add_cell(box_state *b, bytes *out, const char *s, size_t width, bool right, const char *shade) {
    const size_t size = strlen(s);
    size_t       cells;
    size_t       fits = fitting(s, size, width, &cells);
    const bool   cut = fits < size;
    if (cut) {
        fits = fitting(s, size, width - 1, &cells);
        cells++;
        b->cut = true;
    }
    bytes_text(out, " ");
    bytes_repeat(out, " ", right ? width - cells : 0);
    bytes_text(out, shade);
    bytes_add(out, s, fits);
    bytes_text(out, cut ? "…" : "");
    bytes_text(out, *shade == '\0' ? "" : PAINT_NONE);
    bytes_repeat(out, " ", right ? 0 : width - cells);
    bytes_text(out, " ");
}

static void
add_rule(printer *p, const char *left, const char *middle, const char *right) {
    const box_state *b = p->box;
    bool             first = true;
    bytes_text(&p->line, left);
    for (int32_t c = 0; c < b->columns; c++) {
        if (c == b->gap) {
            bytes_text(&p->line, first ? "" : middle);
            bytes_text(&p->line, "───");
            first = false;
        }
        if (b->shown[c]) {
            bytes_text(&p->line, first ? "" : middle);
            bytes_repeat(&p->line, "─", b->widths[c] + 2);
            first = false;
        }
    }
    bytes_text(&p->line, right);
    bytes_text(&p->line, "\n");
}

enum { LINE_NAMES, LINE_TYPES, LINE_VALUES, LINE_DOTS };

static void
add_line(printer *p, int kind, const box_row *r) {
    box_state *b = p->box;
    const bool color = p->sh->color;
    bytes      name = {.size = 0};
    for (int32_t c = 0; c < b->columns; c++) {
        if (c == b->gap) {
            bytes_text(&p->line, kind == LINE_DOTS ? "│ · " : "│ … ");
        }
        if (!b->shown[c]) {
            continue;
        }
        const size_t start = c == 0 ? 0 : p->names[c - 1];
        const char  *cell = kind == LINE_VALUES && r->cells != NULL ? r->cells[c] : NULL;
        const char  *shade = cell == NULL && color ? PAINT_DIM : "";
        if (kind == LINE_NAMES) {
            bytes_clear(&name);
            bytes_visible(&name, p->header.data + start, p->names[c] - start);
            cell = name.size > 0 ? name.data : "";
            shade = color ? PAINT_BOLD : "";
        } else if (kind == LINE_TYPES) {
            cell = b->types[c];
        } else if (kind == LINE_DOTS) {
            cell = "·";
        }
        bytes_text(&p->line, "│");
        add_cell(b, &p->line, cell == NULL ? "NULL" : cell, b->widths[c], b->right[c], shade);
    }
    bytes_text(&p->line, "│\n");
    bytes_free(&name);
}

static void
add_foot(printer *p) {
    const box_state *b = p->box;
    const int64_t    shown = b->head_count + b->tail_count;
    bytes_printf(&p->line, "%lld row%s", (long long)p->rows, p->rows == 1 ? "" : "s");
    if (shown < p->rows) {
        bytes_printf(&p->line, " (%lld shown)", (long long)shown);
    }
    if (b->shown_count < b->columns) {
        bytes_printf(&p->line, ", %d columns (%d shown)", b->columns, b->shown_count);
    }
    bytes_text(&p->line, b->cut ? "; … marks what is cut\n" : "\n");
}

void
box_end(printer *p) {
    box_state *b = p->box;
    if (b == NULL || b->types == NULL || b->widths == NULL || b->shown == NULL) {
        return;
    }
    lay_out(p);
    if (b->columns > 0) {
        add_rule(p, "┌", "┬", "┐");
        add_line(p, LINE_NAMES, NULL);
        add_line(p, LINE_TYPES, NULL);
        add_rule(p, "├", "┼", "┤");
        for (int64_t i = 0; i < b->head_count; i++) {
            add_line(p, LINE_VALUES, &b->head[i]);
        }
        if (b->head_count + b->tail_count < p->rows) {
            add_line(p, LINE_DOTS, NULL);
        }
        for (int64_t i = 0; i < b->tail_count; i++) {
            const int64_t first = b->tail_count == b->tail_room ? b->tail_at : 0;
            add_line(p, LINE_VALUES, &b->tail[(first + i) % b->tail_room]);
        }
        add_rule(p, "└", "┴", "┘");
    }
    add_foot(p);
}
