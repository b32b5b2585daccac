/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.c - see shell.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

static bool
reserve(bytes *b, size_t more) {
    if (b->failed) {
        return false;
    }
    if (b->size + more + 1 > b->room) {
        const size_t room = 2 * b->room + more + 64;
        char        *grown = realloc(b->data, room);
        if (grown == NULL) {
            b->failed = true;
            return false;
        }
        b->data = grown;
        b->room = room;
    }
    return true;
}

void
bytes_add(bytes *b, const char *data, size_t size) {
    if (size > 0 && reserve(b, size)) {
        memcpy(b->data + b->size, data, size);
        b->size += size;
        b->data[b->size] = '\0';
    }
}

void
bytes_text(bytes *b, const char *terminated) {
    bytes_add(b, terminated, strlen(terminated));
}

void
bytes_repeat(bytes *b, const char *terminated, size_t times) {
    while (times-- > 0) {
        bytes_text(b, terminated);
    }
}

void
bytes_printf(bytes *b, const char *format, ...) {
    char    small[512];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(small, sizeof(small), format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < sizeof(small)) {
        bytes_add(b, small, (size_t)size);
    } else if (size > 0 && reserve(b, (size_t)size)) {
        va_start(arguments, format);
        (void)vsnprintf(b->data + b->size, (size_t)size + 1, format, arguments);
        va_end(arguments);
        b->size += (size_t)size;
    }
}

static void
add_visible(bytes *b, const char *data, size_t size, unsigned flags) {
    const size_t room = LAMINAR_TEXT_VISIBLE_MAX(size);
    if (size > 0 && reserve(b, room)) {
        b->size += laminar_text_visible(data, size, flags, b->data + b->size, room);
        b->data[b->size] = '\0';
    }
}

void
bytes_visible(bytes *b, const char *data, size_t size) {
    add_visible(b, data, size, 0);
}

void
bytes_lines(bytes *b, const char *data, size_t size) {
    const size_t before = b->size;
    add_visible(b, data, size, LAMINAR_TEXT_LINES);
    for (size_t i = before; i < b->size; i++) {
        b->data[i] = (char)(b->data[i] == '\t' ? ' ' : b->data[i]);
    }
}

void
bytes_clear(bytes *b) {
    b->size = 0;
    b->failed = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

void
bytes_free(bytes *b) {
    free(b->data);
    *b = (bytes){.size = 0};
}

void
bytes_replace(bytes *b, size_t at, size_t size, const char *with, size_t with_size) {
    if (reserve(b, with_size)) {
        memmove(b->data + at + with_size, b->data + at + size, b->size - at - size);
        if (with_size > 0) {
            memcpy(b->data + at, with, with_size);
        }
        b->size += with_size;
        b->size -= size;
        b->data[b->size] = '\0';
    }
}

void
bytes_quoted(bytes *b, const char *name, char quote) {
    bytes_add(b, &quote, 1);
    for (; *name != '\0'; name++) {
        bytes_add(b, name, 1);
        if (*name == quote) {
            bytes_add(b, name, 1);
        }
    }
    bytes_add(b, &quote, 1);
}
