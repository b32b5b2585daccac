/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - from the engine's error record to the caller's: code, class, place, and a message a
 * person can act on. */
#include <stdio.h>

#include "db/internal.h"
#include "sql/parser.h"

static void
add(laminar_error *out, size_t *size, const char *data, size_t length) {
    const size_t room = sizeof(out->message) - 1 - *size;
    const size_t n = length < room ? length : room;
    memcpy(out->message + *size, data, n);
    *size += n;
    out->message[*size] = '\0';
}

static void
add_caret(laminar_error *out, size_t *size, text sql, int32_t position) {
    mem scratch;
    buf b;
    mem_init(&scratch, INT64_MAX);
    buf_init(&b, &scratch, 600);
    sql_caret(sql, position, &b);
    if (b.size > 0) {
        add(out, size, "\n", 1);
        add(out, size, b.data, b.size);
    }
    buf_fini(&b);
}

laminar_status
report(laminar_error *out, const error *err, status s, text sql) {
    if (out == NULL) {
        return (laminar_status)s;
    }
    memset(out, 0, sizeof(*out));
    out->position = -1;
    if (s >= 0) {
        return (laminar_status)s;
    }
    out->code = status_code(s);
    (void)snprintf(out->class_name, sizeof(out->class_name), "%s", status_class(s));
    size_t size = 0;
    if (err->message[0] == '\0') {
        add(out, &size, status_title(s), strlen(status_title(s)));
    } else {
        add(out, &size, err->message, strlen(err->message));
    }
    if (sql.size > 0 && err->position >= 0 && (size_t)err->position <= sql.size) {
        sql_locate(sql, err->position, &out->line, &out->column, &out->position);
        add_caret(out, &size, sql, err->position);
    }
    if (err->hint[0] != '\0') {
        (void)snprintf(out->hint, sizeof(out->hint), "%s", err->hint);
        add(out, &size, "\n", 1);
        add(out, &size, err->hint, strlen(err->hint));
    }
    return (laminar_status)s;
}
