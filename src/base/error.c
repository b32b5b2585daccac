/* SPDX-License-Identifier: Apache-2.0 */
/* error.c - filling the error record, and the three views of errors.def (title, code, class).
 *
 * Message and hint are always terminated and always UTF-8, because bindings decode them strictly: a
 * cut never splits a character, and what came in ill-formed (a value cut by the caller, a foreign
 * string) is shown as question marks. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

static void format_into(char *out, size_t size, const char *format, va_list arguments)
    PRINTF_LIKE(3, 0);
static void fill(error *err, status s, int32_t position, const char *format, va_list arguments)
    PRINTF_LIKE(4, 0);

/* Drops a UTF-8 character that the cut at the end of `out` left incomplete. */
static void
trim_partial(char *out) {
    const size_t size = strlen(out);
    size_t       start = size;
    while (start > 0 && size - start < 4 && ((uint8_t)out[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start == 0 || (uint8_t)out[start - 1] < 0xc0) {
        return;
    }
    const uint8_t lead = (uint8_t)out[start - 1];
    const size_t  need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (size - start + 1 < need) {
        out[start - 1] = '\0';
    }
}

static void
mend(char *out) {
    const text t = text_of(out);
    size_t     from = 0;
    for (;;) {
        const int32_t fault = text_utf8_fault((text){out + from, t.size - from});
        if (fault < 0) {
            return;
        }
        from += (size_t)fault;
        out[from++] = '?';
    }
}

static void
format_into(char *out, size_t size, const char *format, va_list arguments) {
    const int written = vsnprintf(out, size, format, arguments);
    if (written < 0) {
        out[0] = '\0';
    } else if ((size_t)written >= size) {
        trim_partial(out);
    }
    mend(out);
}

void
error_clear(error *err) {
    if (err == NULL) {
        return;
    }
    err->status = OK;
    err->position = -1;
    err->message[0] = '\0';
    err->hint[0] = '\0';
}

/* What was set last, for hints to an error that nobody wants to read. */
static _Thread_local status last_status;

/* The message is formatted aside first: an argument may be the old message itself. */
static void
fill(error *err, status s, int32_t position, const char *format, va_list arguments) {
    last_status = s;
    if (err == NULL) {
        return;
    }
    char message[sizeof(err->message)];
    format_into(message, sizeof(message), format, arguments);
    memcpy(err->message, message, strlen(message) + 1);
    err->status = s;
    err->position = position;
    err->hint[0] = '\0';
}

status
error_set(error *err, status s, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fill(err, s, -1, format, arguments);
    va_end(arguments);
    return s;
}

status
error_set_at(error *err, status s, int32_t position, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fill(err, s, position, format, arguments);
    va_end(arguments);
    return s;
}

status
error_hint(error *err, const char *format, ...) {
    if (err == NULL) {
        return last_status;
    }
    va_list arguments;
    va_start(arguments, format);
    format_into(err->hint, sizeof(err->hint), format, arguments);
    va_end(arguments);
    return err->status;
}

status
error_memory(error *err) {
    error_set(err, ERR_OUT_OF_MEMORY,
              "out of memory: memory_limit is reached, or the system has none left");
    return error_hint(err,
                      "SHOW memory_limit tells the limit, SET memory_limit = '8 GB' raises it; "
                      "or read fewer rows at once");
}

const char *
status_title(status s) {
    switch (s) {
    case OK:
        return "ok";
    case DONE:
        return "done";
#define ERROR(name, code, python_class, title)                                                     \
    case ERR_##name:                                                                               \
        return title;
#include "base/errors.def"
#undef ERROR
    }
    return "unknown status";
}

int32_t
status_code(status s) {
    if (s == ERR_NOT_FOUND_IN_QUERY) {
        return -(int32_t)ERR_TABLE_NOT_FOUND;
    }
    return s < 0 ? -(int32_t)s : (int32_t)s;
}

const char *
status_class(status s) {
    switch (s) {
    case OK:
    case DONE:
        return "";
#define ERROR(name, code, python_class, title)                                                     \
    case ERR_##name:                                                                               \
        return #python_class;
#include "base/errors.def"
#undef ERROR
    }
    return "LaminarError";
}
