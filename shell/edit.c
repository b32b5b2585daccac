/* SPDX-License-Identifier: Apache-2.0 */
/* edit.c - the line editor: keys of readline over a text of several lines. Enter ends the text when
 * its statements are whole, else it begins a new line. */
#include <string.h>

#include "edit.h"

/* ---------------------------------------------------------------------------------- places */
static size_t
before(const editor *e, size_t at) {
    size_t last = 0;
    for (size_t i = 0; i < at;) { /* clusters are found from the start of a line only */
        const size_t step = laminar_text_step(e->text.data + i, e->text.size - i, NULL);
        last = i;
        i += step;
    }
    return last;
}

static size_t
behind(const editor *e, size_t at) {
    return at >= e->text.size ? at
                              : at + laminar_text_step(e->text.data + at, e->text.size - at, NULL);
}

static size_t
line_start(const editor *e, size_t at) {
    while (at > 0 && e->text.data[at - 1] != '\n') {
        at--;
    }
    return at;
}

static size_t
line_end(const editor *e, size_t at) {
    while (at < e->text.size && e->text.data[at] != '\n') {
        at++;
    }
    return at;
}

static bool
is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static size_t
word_left(const editor *e, size_t at) {
    while (at > 0 && !is_word(e->text.data[at - 1])) {
        at--;
    }
    while (at > 0 && is_word(e->text.data[at - 1])) {
        at--;
    }
    return at;
}

static size_t
word_right(const editor *e, size_t at) {
    while (at < e->text.size && !is_word(e->text.data[at])) {
        at++;
    }
    while (at < e->text.size && is_word(e->text.data[at])) {
        at++;
    }
    return at;
}

/* ---------------------------------------------------------------------------------- changes */
void
edit_insert(editor *e, const char *data, size_t size) {
    bytes_replace(&e->text, e->at, 0, data, size);
    e->at += e->text.failed ? 0 : size;
}

static void
erase(editor *e, size_t from, size_t to, bool keep) {
    if (from >= to) {
        return;
    }
    if (keep) {
        bytes_clear(&e->cut);
        bytes_add(&e->cut, e->text.data + from, to - from);
    }
    bytes_replace(&e->text, from, to - from, "", 0);
    e->at = from;
}

static void
set_text(editor *e, const char *text, size_t size) {
    bytes_clear(&e->text);
    edit_clean(&e->text, text, size);
    e->at = e->text.size;
}

/* ---------------------------------------------------------------------------------- history */
static void
recall(editor *e, int32_t step) {
    const int32_t to = e->history_at + step;
    if (to < 0 || to > e->h->count) {
        return;
    }
    if (e->history_at == e->h->count) {
        bytes_clear(&e->draft);
        bytes_add(&e->draft, e->text.data, e->text.size);
    }
    e->history_at = to;
    if (to == e->h->count) {
        set_text(e, e->draft.data, e->draft.size);
    } else {
        set_text(e, e->h->entries[to], strlen(e->h->entries[to]));
    }
}

/* The same column of the line above or below; false: there is none. */
static bool
move_line(editor *e, bool up) {
    const size_t start = line_start(e, e->at);
    const size_t end = line_end(e, e->at);
    if (up ? start == 0 : end == e->text.size) {
        return false;
    }
    size_t       column = laminar_text_cells(e->text.data + start, e->at - start);
    const size_t to = up ? line_start(e, start - 1) : end + 1;
    const size_t to_end = line_end(e, to);
    e->at = to;
    while (e->at < to_end && column > 0) {
        int32_t cells;
        e->at += laminar_text_step(e->text.data + e->at, to_end - e->at, &cells);
        column -= column < (size_t)cells ? column : (size_t)cells;
    }
    return true;
}

static int32_t
find_entry(const editor *e, const bytes *wanted, int32_t from) {
    for (int32_t i = from; i >= 0 && wanted->size > 0; i--) {
        if (strstr(e->h->entries[i], wanted->data) != NULL) {
            return i;
        }
    }
    return -1;
}

/* Ctrl-R: the newest entry with what is typed. Gives the key that ended it. */
static int
search(editor *e) {
    const char *prompt = e->prompt;
    bytes       wanted = {.size = 0}, typed = {.size = 0}, shown = {.size = 0};
    int32_t     found = -1;
    int         key = KEY_NONE;
    bytes_text(&wanted, "");
    for (;;) {
        bytes_clear(&shown);
        bytes_printf(&shown, "(search) %s: ", wanted.size > 0 ? wanted.data : "");
        e->prompt = shown.data;
        edit_draw(e);
        key = edit_key(&typed);
        if (key == CTRL('R')) {
            const int32_t older = find_entry(e, &wanted, found - 1);
            found = older >= 0 ? older : found;
        } else if ((key >= 0x20 && key < 0x7F) || key == KEY_TEXT) {
            const char letter = (char)key;
            bytes_add(&wanted, key == KEY_TEXT ? typed.data : &letter,
                      key == KEY_TEXT ? typed.size : 1);
            found = find_entry(e, &wanted, e->h->count - 1);
        } else if ((key == 0x7F || key == CTRL('H')) && wanted.size > 0) {
            wanted.data[--wanted.size] = '\0';
            found = find_entry(e, &wanted, e->h->count - 1);
        } else if (key == KEY_SIGNAL) {
            edit_resized(e);
        } else {
            break;
        }
        if (found >= 0) {
            e->history_at = found;
            set_text(e, e->h->entries[found], strlen(e->h->entries[found]));
        }
    }
    e->prompt = prompt;
    bytes_free(&wanted);
    bytes_free(&typed);
    bytes_free(&shown);
    return key == KEY_ESCAPE || key == CTRL('G') || key == '\r' ? KEY_NONE : key;
}

/* ---------------------------------------------------------------------------------- keys */
static bool
is_whole(const editor *e) {
    const char  *text = e->text.data == NULL ? "" : e->text.data;
    const size_t blanks = strspn(text, " \n");
    return blanks == e->text.size || text[blanks] == '.' || text[blanks] == '\\' ||
           laminar_statement_is_complete(text, e->text.size);
}

static void
move(editor *e, int key) {
    switch (key) {
    case CTRL('A'):
    case KEY_HOME:
        e->at = line_start(e, e->at);
        break;
    case CTRL('E'):
    case KEY_END:
        e->at = line_end(e, e->at);
        break;
    case CTRL('B'):
    case KEY_LEFT:
        e->at = before(e, e->at);
        break;
    case CTRL('F'):
    case KEY_RIGHT:
        e->at = behind(e, e->at);
        break;
    case KEY_WORD_LEFT:
        e->at = word_left(e, e->at);
        break;
    case KEY_WORD_RIGHT:
        e->at = word_right(e, e->at);
        break;
    case CTRL('P'):
    case KEY_UP:
        if (!move_line(e, true)) {
            recall(e, -1);
        }
        break;
    case CTRL('N'):
    case KEY_DOWN:
        if (!move_line(e, false)) {
            recall(e, 1);
        }
        break;
    default:
        break;
    }
}

static void
change(editor *e, int key, const bytes *typed) {
    switch (key) {
    case KEY_TEXT:
    case KEY_PASTE:
        edit_insert(e, typed->data, typed->size);
        break;
    case KEY_NEWLINE:
        edit_insert(e, "\n", 1);
        break;
    case 0x7F:
    case CTRL('H'):
        erase(e, before(e, e->at), e->at, false);
        break;
    case KEY_DELETE:
    case CTRL('D'):
        erase(e, e->at, behind(e, e->at), false);
        break;
    case CTRL('K'):
        erase(e, e->at, line_end(e, e->at), true);
        break;
    case CTRL('U'):
        erase(e, line_start(e, e->at), e->at, true);
        break;
    case CTRL('W'):
        erase(e, word_left(e, e->at), e->at, true);
        break;
    case KEY_WORD_DELETE:
        erase(e, e->at, word_right(e, e->at), true);
        break;
    case CTRL('Y'):
        edit_insert(e, e->cut.data, e->cut.size);
        break;
    case CTRL('I'):
        edit_complete(e);
        break;
    case CTRL('L'):
        terminal_write(EDIT_OUT, "\x1b[H\x1b[2J", 7);
        e->cursor_row = e->last_row = 0;
        break;
    default:
        if (key >= 0x20 && key < 0x7F) {
            const char letter = (char)key;
            edit_insert(e, &letter, 1);
        } else {
            move(e, key);
        }
    }
}

static edit_result
edit_loop(editor *e, bytes *typed) {
    for (;;) {
        edit_draw(e);
        int key = edit_key(typed);
        key = key == CTRL('R') ? search(e) : key;
        if (key == KEY_END_OF_INPUT || (key == CTRL('D') && e->text.size == 0)) {
            return EDIT_END;
        }
        if (key == CTRL('C')) {
            return EDIT_CANCELLED;
        }
        if (key == KEY_SIGNAL) {
            terminal_forget_interrupt();
            edit_resized(e);
        } else if ((key == '\r' || key == '\n') && is_whole(e)) {
            return EDIT_TEXT;
        } else if (key == '\r' || key == '\n') {
            edit_insert(e, "\n", 1);
        } else {
            change(e, key, typed);
        }
        if (e->text.failed) {
            bytes_free(&e->text);
            e->at = 0;
        }
    }
}

edit_result
edit_read(shell *sh, history *h, const char *prompt, bytes *out) {
    static const char paste_on[] = "\x1b[?2004h", paste_off[] = "\x1b[?2004l";
    editor            e = {.sh = sh,
                           .h = h,
                           .prompt = prompt,
                           .history_at = h->count,
                           .screen = terminal_size(EDIT_OUT)};
    bytes             typed = {.size = 0};
    if (!terminal_raw(EDIT_FD, true)) {
        return EDIT_END;
    }
    terminal_write(EDIT_OUT, paste_on, sizeof(paste_on) - 1);
    const edit_result r = edit_loop(&e, &typed);
    if (r == EDIT_TEXT) {
        e.at = e.text.size;
        edit_draw(&e);
        bytes_add(out, e.text.data, e.text.size);
    } else if (r == EDIT_CANCELLED) {
        terminal_write(EDIT_OUT, "^C", 2);
    }
    edit_leave(&e);
    terminal_write(EDIT_OUT, paste_off, sizeof(paste_off) - 1);
    terminal_cooked(EDIT_FD);
    bytes_free(&e.text);
    bytes_free(&e.draft);
    bytes_free(&e.cut);
    bytes_free(&typed);
    return r;
}
