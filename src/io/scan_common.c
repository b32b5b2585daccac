/* SPDX-License-Identifier: Apache-2.0 */
/* scan_common.c - see scan_common.h. */
#include "io/scan_common.h"

#include <string.h>

#define VALIDITY_BYTES (BATCH_ROWS / 8)

status
scan_column_init(scan_column *c, data_type type, arena *a, error *err) {
    *c = (scan_column){.type = type};
    c->values = arena_alloc_zero(a, type_width(type) * BATCH_ROWS);
    c->validity = arena_alloc(a, VALIDITY_BYTES);
    return c->values == NULL || c->validity == NULL ? error_memory(err) : OK;
}

void
scan_column_begin(scan_column *c) {
    if (c->values != NULL) {
        c->null_count = 0;
        memset(c->validity, 0xff, VALIDITY_BYTES);
    }
}

void
scan_column_null(scan_column *c, int32_t row) {
    const size_t width = type_width(c->type);
    c->validity[row >> 6] &= ~(UINT64_C(1) << (row & 63));
    c->null_count++;
    memset((char *)c->values + (size_t)row * width, 0, width);
}

column
scan_column_view(const scan_column *c) {
    return (column){.type = c->type,
                    .layout = COLUMN_FLAT,
                    .values = c->values,
                    .validity = c->null_count > 0 ? c->validity : NULL};
}

status
scan_fault(error *err, status s, const char *path) {
    if (s >= 0 || s == ERR_OUT_OF_MEMORY || err == NULL) {
        return s;
    }
    const error why = *err;
    const char *tail = path;
    if (strlen(path) > 100) { /* the end of a long path tells more */
        tail = path + strlen(path) - 100;
        while (((uint8_t)*tail & 0xc0) == 0x80) {
            tail++;
        }
    }
    error_set(err, ERR_QUERY_FAILED, "\"%s%s\", %.380s", tail == path ? "" : "...", tail,
              why.message);
    if (why.hint[0] != '\0') {
        error_hint(err, "%s", why.hint);
    }
    return ERR_QUERY_FAILED;
}
