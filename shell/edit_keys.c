/* SPDX-License-Identifier: Apache-2.0 */
/* edit_keys.c - bytes of a terminal to keys. */
#include <stdlib.h>
#include <string.h>

#include "edit.h"

#define ESCAPE_MS 50 /* between the bytes of one key */
#define PASTE_MS 2000
#define PASTE_MAX ((size_t)16 << 20)

/* A character that is drawn as it is. */
static bool
is_printable(const char *s, size_t size) {
    char shown[LAMINAR_TEXT_VISIBLE_MAX(4)];
    return laminar_text_visible(s, size, 0, shown, sizeof(shown)) == size &&
           memcmp(shown, s, size) == 0;
}

static size_t
width_of(unsigned char first) {
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

void
edit_clean(bytes *out, const char *data, size_t size) {
    for (size_t at = 0; at < size;) {
        const char   c = data[at];
        const size_t width = width_of((unsigned char)c);
        if (c == '\n' || c == '\r') {
            bytes_text(out, c == '\r' && at + 1 < size && data[at + 1] == '\n' ? "" : "\n");
            at++;
        } else if (c == '\t') {
            bytes_text(out, "    ");
            at++;
        } else if (width <= size - at && is_printable(data + at, width)) {
            bytes_add(out, data + at, width);
            at += width;
        } else {
            at++;
        }
    }
}

static int
read_paste(bytes *typed) {
    static const char end[] = "\x1b[201~";
    const size_t      size = sizeof(end) - 1;
    bytes             raw = {.size = 0};
    for (;;) {
        const int c = terminal_byte(EDIT_FD, PASTE_MS);
        if (c == -3) {
            continue;
        }
        if (c < 0 || raw.failed || raw.size > PASTE_MAX) {
            break;
        }
        const char byte = (char)c;
        bytes_add(&raw, &byte, 1);
        if (raw.size >= size && memcmp(raw.data + raw.size - size, end, size) == 0) {
            raw.size -= size;
            break;
        }
    }
    edit_clean(typed, raw.data, raw.size);
    bytes_free(&raw);
    return KEY_PASTE;
}

static int
key_of_letter(char letter, bool modified) {
    switch (letter) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return modified ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D':
        return modified ? KEY_WORD_LEFT : KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    default:
        return KEY_NONE;
    }
}

/* Behind ESC [: numbers, then a letter. */
static int
read_sequence(bytes *typed) {
    char   numbers[16];
    size_t size = 0;
    int    c;
    while ((c = terminal_byte(EDIT_FD, ESCAPE_MS)) >= 0x20 && c < 0x40) {
        if (size + 1 < sizeof(numbers)) {
            numbers[size++] = (char)c;
        }
    }
    numbers[size] = '\0';
    if (c != '~') {
        return key_of_letter((char)c, strchr(numbers, ';') != NULL);
    }
    switch (strtol(numbers, NULL, 10)) {
    case 1:
    case 7:
        return KEY_HOME;
    case 4:
    case 8:
        return KEY_END;
    case 3:
        return KEY_DELETE;
    case 200:
        return read_paste(typed);
    default:
        return KEY_NONE;
    }
}

static int
read_escape(bytes *typed) {
    const int c = terminal_byte(EDIT_FD, ESCAPE_MS);
    switch (c) {
    case '[':
        return read_sequence(typed);
    case 'O':
        return key_of_letter((char)terminal_byte(EDIT_FD, ESCAPE_MS), false);
    case 'b':
        return KEY_WORD_LEFT;
    case 'f':
        return KEY_WORD_RIGHT;
    case 'd':
        return KEY_WORD_DELETE;
    case '\r':
    case '\n':
        return KEY_NEWLINE;
    default:
        return c < 0 ? KEY_ESCAPE : KEY_NONE;
    }
}

int
edit_key(bytes *typed) {
    const int c = terminal_byte(EDIT_FD, -1);
    bytes_clear(typed);
    if (c < 0) {
        return c == -2 ? KEY_END_OF_INPUT : c == -3 ? KEY_SIGNAL : KEY_NONE;
    }
    if (c == 0x1B) {
        return read_escape(typed);
    }
    if (c < 0x80) {
        return c;
    }
    char         character[4] = {(char)c};
    const size_t width = width_of((unsigned char)c);
    for (size_t i = 1; i < width; i++) {
        const int next = terminal_byte(EDIT_FD, ESCAPE_MS);
        if (next < 0x80 || next >= 0xC0) {
            return KEY_NONE;
        }
        character[i] = (char)next;
    }
    edit_clean(typed, character, width);
    return typed->size > 0 ? KEY_TEXT : KEY_NONE;
}
