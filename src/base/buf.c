/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c - the growing byte buffer of text.h.
 *
 * Invariants: size <= size_max, and once data is there size < capacity and data[size] == '\0'. An
 * append happens whole or not at all; the one that does not sets `failed`. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

enum { CAPACITY_MIN = 64 };

void
buf_init(buf *b, mem *m, size_t size_max) {
    /* One byte for the terminator, and the capacity must be able to double. */
    const size_t bound = SIZE_MAX / 4;
    *b = (buf){.mem = m, .size_max = size_max < bound ? size_max : bound};
}

void
buf_fini(buf *b) {
    mem_free(b->mem, b->data, b->capacity);
    *b = (buf){.mem = b->mem, .size_max = b->size_max};
}

void
buf_clear(buf *b) {
    b->size = 0;
    b->failed = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

/* And for the terminator. */
bool
buf_reserve(buf *b, size_t more) {
    if (b->failed) {
        return false;
    }
    if (more > b->size_max - b->size) {
        b->failed = true;
        return false;
    }
    const size_t need = b->size + more + 1;
    if (need <= b->capacity) {
        return true;
    }
    size_t capacity = b->capacity == 0 ? CAPACITY_MIN : b->capacity * 2;
    if (capacity > b->size_max + 1) {
        capacity = b->size_max + 1;
    }
    if (capacity < need) {
        capacity = need;
    }
    char *data = mem_resize(b->mem, b->data, b->capacity, capacity);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    b->data[b->size] = '\0';
    return true;
}

bool
buf_append(buf *b, const void *bytes, size_t size) {
    if (size == 0) {
        return !b->failed;
    }
    if (!buf_reserve(b, size)) {
        return false;
    }
    memcpy(b->data + b->size, bytes, size);
    b->size += size;
    b->data[b->size] = '\0';
    return true;
}

bool
buf_room(buf *b, size_t size, char **to) {
    buf_clear(b);
    if (!buf_reserve(b, size)) {
        return false;
    }
    b->size = size;
    b->data[size] = '\0';
    *to = b->data;
    return true;
}

bool
buf_append_text(buf *b, text t) {
    return buf_append(b, t.data, t.size);
}

bool
buf_append_char(buf *b, char c) {
    return buf_append(b, &c, 1);
}

bool
buf_printf(buf *b, const char *format, ...) {
    if (b->failed) {
        return false;
    }
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const size_t room = b->capacity - b->size;
    char        *tail = b->data == NULL ? NULL : b->data + b->size;
    const int    size = vsnprintf(tail, room, format, arguments);
    bool         fits = size >= 0 && buf_reserve(b, (size_t)size);
    if (size < 0) {
        b->failed = true;
    } else if (fits && (size_t)size >= room && size > 0) {
        fits = vsnprintf(b->data + b->size, (size_t)size + 1, format, again) == size;
    }
    va_end(again);
    va_end(arguments);
    if (fits) {
        b->size += (size_t)size;
    }
    if (b->data != NULL) {
        b->data[b->size] = '\0'; /* takes back what a refused text left behind */
    }
    return fits;
}

text
buf_text(const buf *b) {
    return b->data == NULL ? (text){"", 0} : (text){b->data, b->size};
}

bool
buf_append_quoted(buf *b, text t, char quote) {
    buf_append_char(b, quote);
    for (size_t i = 0; i < t.size;) {
        const char  *found = memchr(t.data + i, quote, t.size - i);
        const size_t size = found == NULL ? t.size - i : (size_t)(found - t.data) - i + 1;
        buf_append(b, t.data + i, size);
        if (found != NULL) {
            buf_append_char(b, quote);
        }
        i += size;
    }
    return buf_append_char(b, quote);
}
