/* SPDX-License-Identifier: Apache-2.0 */
/* edit_complete.c - TAB: what all candidates begin with is typed; when that is nothing they are
 * listed below. */
#include <stdlib.h>
#include <string.h>

#include "edit.h"

typedef struct choices {
    char  **texts;
    bool   *functions, *keywords;
    int32_t count;
    size_t  start; /* byte of the edited text where the word begins */
} choices;

static void
choices_free(choices *c) {
    for (int32_t i = 0; i < c->count; i++) {
        free(c->texts[i]);
    }
    free(c->texts);
    free(c->functions);
    free(c->keywords);
}

static bool
choices_make(choices *c, int64_t count) {
    c->texts = calloc((size_t)count + 1, sizeof(*c->texts));
    c->functions = calloc((size_t)count + 1, sizeof(*c->functions));
    c->keywords = calloc((size_t)count + 1, sizeof(*c->keywords));
    return c->texts != NULL && c->functions != NULL && c->keywords != NULL;
}

static bool
is_kind(const laminar_value *v, const char *kind) {
    return v->text_size == strlen(kind) && memcmp(v->text, kind, v->text_size) == 0;
}

/* Of a text of which `skip` bytes are not the editor's; the rest begins at its byte `from`. */
static void
ask_engine(editor *e, choices *c, const char *sql, size_t size, size_t at, size_t skip,
           size_t from) {
    laminar_result *r = NULL;
    if (laminar_database_complete(e->sh->db, sql, size, at, &r, NULL) < 0) {
        return;
    }
    const int64_t count = laminar_result_row_count(r);
    const bool    made = choices_make(c, count);
    for (int64_t i = 0; made && i < count; i++) {
        laminar_value word, kind, start;
        (void)laminar_result_value(r, i, 0, &word);
        (void)laminar_result_value(r, i, 1, &kind);
        (void)laminar_result_value(r, i, 2, &start);
        c->start = from + (size_t)start.i - skip;
        c->functions[c->count] = is_kind(&kind, "function");
        c->keywords[c->count] = is_kind(&kind, "keyword");
        c->texts[c->count] = strndup(word.text, word.text_size);
        if (c->texts[c->count] == NULL) {
            break;
        }
        c->count++;
    }
    laminar_result_free(r);
}

static void
ask_commands(editor *e, choices *c) {
    char   *prefix = strndup(e->text.data, e->at);
    int32_t count = 0;
    while (prefix != NULL && command_name_at(prefix, count) != NULL) {
        count++;
    }
    if (prefix != NULL && choices_make(c, count)) {
        for (int32_t i = 0; i < count; i++) {
            c->texts[c->count] = strdup(command_name_at(prefix, i));
            c->count += c->texts[c->count] != NULL;
        }
    }
    free(prefix);
}

/* Behind a command stands a name, or a query. */
static void
ask_argument(editor *e, choices *c, size_t from) {
    static const char names[] = "SELECT * FROM ";
    const size_t      skip = sizeof(names) - 1;
    const char       *rest = e->text.data + from;
    const size_t      size = e->text.size - from;
    if (memchr(rest, ' ', e->at - from) != NULL) {
        ask_engine(e, c, rest, size, e->at - from, 0, from);
        return;
    }
    bytes sql = {.size = 0};
    bytes_text(&sql, names);
    bytes_add(&sql, rest, size);
    if (!sql.failed) {
        ask_engine(e, c, sql.data, sql.size, skip + e->at - from, skip, from);
    }
    bytes_free(&sql);
}

static void
ask_modes(editor *e, choices *c, size_t from) {
    const size_t size = e->at - from;
    const bool   made = choices_make(c, MODE_COUNT);
    c->start = from;
    for (int32_t i = 0; made && i < MODE_COUNT; i++) {
        const char *name = shell_mode_name((shell_mode)i);
        if (strncmp(name, e->text.data + from, size) == 0) {
            c->texts[c->count] = strdup(name);
            c->count += c->texts[c->count] != NULL;
        }
    }
}

static void
ask(editor *e, choices *c) {
    const char *text = e->text.data == NULL ? "" : e->text.data;
    if (text[0] != '.' && text[0] != '\\') {
        ask_engine(e, c, text, e->text.size, e->at, 0, 0);
        return;
    }
    const size_t           named = strcspn(text, " ");
    const command_argument takes = command_argument_of(text, named);
    if (e->at <= named) {
        ask_commands(e, c);
    } else if (takes == ARGUMENT_MODE) {
        ask_modes(e, c, named + 1);
    } else if (takes == ARGUMENT_SQL) {
        ask_argument(e, c,
                     named + strspn(text + named, " ") > e->at ? e->at
                                                               : named + strspn(text + named, " "));
    }
}

static char
small(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Bytes that all begin with, whole characters. */
static size_t
common(const choices *c) {
    size_t size = strlen(c->texts[0]);
    for (int32_t i = 1; i < c->count; i++) {
        size_t same = 0;
        while (same < size && small(c->texts[i][same]) == small(c->texts[0][same])) {
            same++;
        }
        size = same;
    }
    while (size > 0 && ((unsigned char)c->texts[0][size] & 0xC0) == 0x80) {
        size--;
    }
    return size;
}

static void
list(editor *e, const choices *c) {
    bytes   out = {.size = 0};
    size_t  widest = 0;
    int32_t lines = 0;
    for (int32_t i = 0; i < c->count; i++) {
        const size_t cells = laminar_text_cells(c->texts[i], strlen(c->texts[i]));
        widest = cells > widest ? cells : widest;
    }
    const size_t  room = (size_t)e->screen.columns;
    const int32_t across = widest + 2 < room ? (int32_t)(room / (widest + 2)) : 1;
    const int32_t most = e->screen.rows > 10 ? e->screen.rows - 6 : 4;
    edit_leave(e);
    for (int32_t i = 0; i < c->count && lines < most; i++) {
        const char *s = c->texts[i];
        const bool  last = i % across == across - 1 || i + 1 == c->count;
        bytes_visible(&out, s, strlen(s));
        bytes_repeat(&out, " ", last ? 0 : widest + 2 - laminar_text_cells(s, strlen(s)));
        bytes_text(&out, last ? "\r\n" : "");
        lines += last;
    }
    if (lines * across < c->count) {
        bytes_printf(&out, "... and %d more\r\n", c->count - lines * across);
    }
    terminal_write(EDIT_OUT, out.data, out.size);
    bytes_free(&out);
}

/* The one candidate, and what comes behind it. */
static const char *
behind(const editor *e, const choices *c) {
    const char next = e->at < e->text.size ? e->text.data[e->at] : '\0';
    if (c->functions[0]) {
        return next == '(' ? "" : "(";
    }
    return c->keywords[0] && next != ' ' ? " " : "";
}

void
edit_complete(editor *e) {
    choices c = {.count = 0};
    ask(e, &c);
    if (c.count > 0 && c.start <= e->at) {
        const size_t size = common(&c);
        const size_t typed = e->at - c.start;
        if (c.count == 1 || size > typed) {
            bytes_replace(&e->text, c.start, typed, c.texts[0], size);
            e->at = c.start + size;
            if (c.count == 1) {
                const char *more = behind(e, &c);
                edit_insert(e, more, strlen(more));
            }
        } else {
            list(e, &c);
        }
    }
    choices_free(&c);
}
