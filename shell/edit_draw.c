/* SPDX-License-Identifier: Apache-2.0 */
/* edit_draw.c - the picture of the text that is edited: rows of the screen, in colours, drawn anew
 * at each key in one write. */
#include <stdlib.h>
#include <string.h>

#include "edit.h"

#define ROWS_MAX 4000

typedef struct picture {
    bytes       frame; /* the rows, one behind the other */
    size_t     *ends;  /* of each row in it */
    int32_t     rows, room;
    int32_t     x, columns;
    int32_t     cursor_row, cursor_x;
    const char *shade; /* in force */
} picture;

static void
end_row(picture *p) {
    if (*p->shade != '\0') {
        bytes_text(&p->frame, PAINT_NONE);
        p->shade = "";
    }
    if (p->rows == p->room) {
        const int32_t room = p->room == 0 ? 32 : 2 * p->room;
        size_t       *grown = realloc(p->ends, sizeof(*grown) * (size_t)room);
        if (grown == NULL) {
            p->frame.failed = true;
            return;
        }
        p->ends = grown;
        p->room = room;
    }
    p->ends[p->rows++] = p->frame.size;
    p->x = 0;
}

static void
add(picture *p, const char *s, size_t size, int32_t cells, const char *shade) {
    if (p->x + cells > p->columns && p->x > 0) {
        end_row(p);
    }
    if (strcmp(shade, p->shade) != 0) {
        bytes_text(&p->frame, *p->shade == '\0' ? "" : PAINT_NONE);
        bytes_text(&p->frame, shade);
        p->shade = shade;
    }
    bytes_add(&p->frame, s, size);
    p->x += cells;
}

static void
add_prompt(picture *p, const editor *e, bool first) {
    const int32_t size = (int32_t)laminar_text_cells(e->prompt, strlen(e->prompt));
    char          text[32];
    (void)snprintf(text, sizeof(text), "%*s", size > 30 ? 30 : size, "...> ");
    const char *shown = first ? e->prompt : text;
    add(p, shown, strlen(shown), first ? size : (int32_t)strlen(text),
        e->sh->color ? PAINT_DIM : "");
}

static void
place_cursor(picture *p) {
    if (p->x >= p->columns) {
        end_row(p);
    }
    p->cursor_row = p->rows;
    p->cursor_x = p->x;
}

/* Commands have no colours. */
static bool
is_painted(const editor *e) {
    return e->sh->color && e->text.size > 0 && e->text.data[0] != '.' && e->text.data[0] != '\\';
}

static void
paint(picture *p, const editor *e) {
    const char   *s = e->text.data;
    const bool    painted = is_painted(e);
    laminar_token t = {0};
    bool          found = painted && laminar_token_next(s, e->text.size, &t);
    add_prompt(p, e, true);
    for (size_t i = 0; i < e->text.size && p->rows < ROWS_MAX;) {
        int32_t      cells;
        const size_t step = laminar_text_step(s + i, e->text.size - i, &cells);
        while (found && i >= t.start + t.size) {
            found = laminar_token_next(s, e->text.size, &t);
        }
        if (e->at >= i && e->at < i + step) {
            place_cursor(p);
        }
        if (s[i] == '\n') {
            end_row(p);
            add_prompt(p, e, false);
        } else {
            add(p, s + i, step, cells, found && i >= t.start ? paint_color(t.kind) : "");
        }
        i += step;
    }
    if (e->at >= e->text.size) {
        place_cursor(p);
    }
    end_row(p);
}

static void
lay_out(picture *p, const editor *e) {
    *p = (picture){.columns = e->screen.columns, .shade = ""};
    paint(p, e);
}

static void
move_up(bytes *out, int32_t rows) {
    if (rows > 0) {
        bytes_printf(out, "\x1b[%dA", (int)rows);
    }
    bytes_text(out, "\r");
}

void
edit_draw(editor *e) {
    picture p;
    bytes   out = {.size = 0};
    lay_out(&p, e);
    if (!p.frame.failed && p.rows > 0) {
        const int32_t most = e->screen.rows > 1 ? e->screen.rows : 1;
        const int32_t top = p.cursor_row >= most ? p.cursor_row - most + 1 : 0;
        const int32_t end = p.rows - top > most ? top + most : p.rows;
        move_up(&out, e->cursor_row);
        bytes_text(&out, "\x1b[J");
        for (int32_t i = top; i < end; i++) {
            const size_t start = i == 0 ? 0 : p.ends[i - 1];
            bytes_text(&out, i > top ? "\r\n" : "");
            bytes_add(&out, p.frame.data + start, p.ends[i] - start);
        }
        move_up(&out, end - 1 - p.cursor_row);
        if (p.cursor_x > 0) {
            bytes_printf(&out, "\x1b[%dC", (int)p.cursor_x);
        }
        e->cursor_row = p.cursor_row - top;
        e->last_row = end - 1 - top;
        terminal_write(EDIT_OUT, out.data, out.size);
    }
    bytes_free(&p.frame);
    free(p.ends);
    bytes_free(&out);
}

void
edit_leave(editor *e) {
    bytes out = {.size = 0};
    if (e->last_row > e->cursor_row) {
        bytes_printf(&out, "\x1b[%dB", (int)(e->last_row - e->cursor_row));
    }
    bytes_text(&out, "\r\n");
    terminal_write(EDIT_OUT, out.data, out.size);
    bytes_free(&out);
    e->cursor_row = e->last_row = 0;
}

/* Terminals lay the lines that they show out anew: the top of the picture is found as they do. */
void
edit_resized(editor *e) {
    picture                p;
    const size_of_terminal now = terminal_size(EDIT_OUT);
    if (now.columns == e->screen.columns && now.rows == e->screen.rows) {
        return;
    }
    e->screen = now;
    lay_out(&p, e);
    e->cursor_row = p.cursor_row < now.rows ? p.cursor_row : now.rows - 1;
    bytes_free(&p.frame);
    free(p.ends);
}
