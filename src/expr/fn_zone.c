/* SPDX-License-Identifier: Apache-2.0 */
/* fn_zone.c - timezone(zone, time), written AT TIME ZONE: the system's zoneinfo files, read when a
 * program is compiled or, for a zone that differs from row to row, when a row names it. */
#include <stdlib.h>

#include "expr/call.h"
#include "os/vfs.h"
#include "type/zone.h"

#define ZONE_NAME_MAX 64
#define ZONE_FILE_MAX 65536
#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONES_MEMO 8

/* A name is a path below the folder: no way leads out of it. */
static bool
is_zone_name(text name) {
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+';
        if (!plain && (c != '/' || i == 0 || i + 1 == name.size || name.data[i - 1] == '/')) {
            return false;
        }
    }
    return name.size > 0 && name.size <= ZONE_NAME_MAX;
}

static status
unknown_zone(text name, error *err) {
    (void)error_set(err, ERR_QUERY_FAILED, "there is no time zone '%.*s'",
                    (int)(name.size < ZONE_NAME_MAX ? name.size : ZONE_NAME_MAX), name.data);
    (void)error_hint(err, "a zone is a name of the system's " ZONE_FOLDER
                          " such as 'Europe/Berlin' (exact in case), 'UTC', or an offset such as "
                          "'+02:00'");
    return ERR_QUERY_FAILED;
}

static status
read_file(text *out, const char *path, arena *a, error *err) {
    vfs      *fs = vfs_real();
    vfs_file *f = NULL;
    int64_t   size = 0;
    size_t    got = 0;
    TRY(fs->open(fs, &f, path, VFS_READ, err));
    status s = fs->size(f, &size, err);
    char  *data = NULL;
    if (s == OK && size <= ZONE_FILE_MAX) {
        data = arena_alloc(a, (size_t)size + 1);
        s = data == NULL ? error_memory(err) : fs->read(f, 0, data, (size_t)size, &got, err);
    }
    const status closed = fs->close(f, s < 0 ? NULL : err);
    *out = (text){data, got};
    return s < 0 ? s : closed;
}

static status
open_zone(zone *out, text name, arena *a, error *err) {
    if (zone_fixed(out, name)) {
        return OK;
    }
    if (!is_zone_name(name)) {
        return unknown_zone(name, err);
    }
    char path[sizeof(ZONE_FOLDER) + ZONE_NAME_MAX + 2];
    memcpy(path, ZONE_FOLDER "/", sizeof(ZONE_FOLDER));
    memcpy(path + sizeof(ZONE_FOLDER), name.data, name.size);
    path[sizeof(ZONE_FOLDER) + name.size] = '\0';
    text         data;
    bool         memory = false;
    const status s = read_file(&data, path, a, NULL);
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(err);
    }
    if (s < 0 || !zone_parse(out, data, a, &memory)) {
        return memory ? error_memory(err) : unknown_zone(name, err);
    }
    return OK;
}

status
fn_prepare_zone(void **state, arena *a, const value *const *constants,
                const data_type *types UNUSED, int32_t arg_count UNUSED, error *err) {
    if (constants[0] == NULL || constants[0]->is_null) {
        return OK;
    }
    zone *z = arena_alloc(a, sizeof(*z));
    if (z == NULL) {
        return error_memory(err);
    }
    TRY(open_zone(z, constants[0]->s, a, err));
    *state = z;
    return OK;
}

/* The zones that the rows of one call named last. */
typedef struct zone_memo {
    zone zones[ZONES_MEMO];
    text names[ZONES_MEMO];
    int  count, next;
} zone_memo;

static status
zone_of_row(fn_call *c, zone_memo *m, int32_t row, const zone **out) {
    if (c->state != NULL) {
        *out = c->state;
        return OK;
    }
    const text name = operand_text(&c->args[0], row);
    for (int i = 0; i < m->count; i++) {
        if (text_equal(m->names[i], name)) {
            *out = &m->zones[i];
            return OK;
        }
    }
    const int at = m->next++ % ZONES_MEMO;
    m->count = m->count < ZONES_MEMO ? m->count + 1 : m->count;
    TRY(open_zone(&m->zones[at], name, c->scratch, c->err));
    m->names[at] = arena_text(c->scratch, name);
    if (m->names[at].data == NULL) {
        return error_memory(c->err);
    }
    *out = &m->zones[at];
    return OK;
}

static status
shift_rows(fn_call *c, int64_t (*shift)(const zone *z, int64_t us)) {
    const int64_t *us;
    int32_t        step;
    int64_t       *out = c->values;
    zone_memo      memo = {.count = 0};
    TRY(fn_microseconds(c, 1, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        const zone *z = NULL;
        if (fn_is_valid(c, i)) {
            TRY(zone_of_row(c, &memo, i, &z));
            out[i] = shift(z, us[(int64_t)i * step]);
        }
    }
    return OK;
}

status
fn_zone_to_local(fn_call *c) {
    return shift_rows(c, zone_to_local_us);
}

status
fn_zone_from_local(fn_call *c) {
    return shift_rows(c, zone_from_local_us);
}
