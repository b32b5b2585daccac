/* SPDX-License-Identifier: Apache-2.0 */
/* fn_zone.c - timezone(zone, time), written AT TIME ZONE, and what the calls and casts of
 * TIMESTAMPTZ become while SET TimeZone names another zone than UTC (plan/bind_zone.c). Zones are
 * the system's zoneinfo files, read when a program is compiled or, for a zone that differs from row
 * to row, when a row names it. */
#include <stdlib.h>

#include "expr/call.h"
#include "expr/zone_file.h"
#include "os/vfs.h"
#include "type/calendar.h"
#include "type/time_text.h"

#define ZONE_NAME_MAX 64
#define ZONE_FILE_MAX 65536
#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONES_MEMO 8

static_assert(ZONE_TEXT_MAX >= TIME_TEXT_MAX + ZONE_OFFSET_TEXT_MAX, "room for a text");

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

status
zone_hint(error *err) {
    return error_hint(err, "a zone is a name of the system's " ZONE_FOLDER
                           " such as 'Europe/Berlin' (exact in case), 'UTC', or an offset such as "
                           "'+02:00'");
}

static status
unknown_zone(text name, error *err) {
    (void)error_set(err, ERR_QUERY_FAILED, "there is no time zone '%.*s'",
                    (int)(name.size < ZONE_NAME_MAX ? name.size : ZONE_NAME_MAX), name.data);
    (void)zone_hint(err);
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

status
zone_open(zone *out, text name, arena *a, error *err) {
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
    TRY(zone_open(z, constants[0]->s, a, err));
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
    TRY(zone_open(&m->zones[at], name, c->scratch, c->err));
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

/* The third argument is an instant: of two equal local times the one with its offset is meant. */
status
fn_zone_from_local_near(fn_call *c) {
    const int64_t *us, *instants;
    int32_t        step, instants_step;
    int64_t       *out = c->values;
    zone_memo      memo = {.count = 0};
    TRY(fn_microseconds(c, 1, &us, &step));
    TRY(fn_microseconds(c, 2, &instants, &instants_step));
    for (int32_t i = 0; i < c->row_count; i++) {
        const zone *z = NULL;
        if (fn_is_valid(c, i)) {
            TRY(zone_of_row(c, &memo, i, &z));
            out[i] = zone_from_local_near_us(z, us[(int64_t)i * step],
                                             instants[(int64_t)i * instants_step]);
        }
    }
    return OK;
}

/* Months and days by the zone's calendar, hours and less as they elapse. */
static bool
add_in_zone(const zone *z, int64_t us, const interval *by, int64_t *out) {
    const interval date = {.months = by->months, .days = by->days};
    int64_t        moved = us;
    if (by->months != 0 || by->days != 0) {
        if (!timestamp_add_interval(zone_to_local_us(z, us), &date, &moved)) {
            return false;
        }
        moved = zone_from_local_near_us(z, moved, us);
    }
    return !__builtin_add_overflow(moved, by->us, out);
}

status
fn_zone_add(fn_call *c) {
    const int64_t  *us;
    int32_t         step;
    const interval *by = c->args[2].values;
    int64_t        *out = c->values;
    zone_memo       memo = {.count = 0};
    TRY(fn_microseconds(c, 1, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        const zone *z = NULL;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        TRY(zone_of_row(c, &memo, i, &z));
        if (!add_in_zone(z, us[(int64_t)i * step], &by[(int64_t)i * c->args[2].step], &out[i])) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "a TIMESTAMPTZ plus an INTERVAL is out of "
                             "range");
        }
    }
    return OK;
}

/* Whole days of the zone's calendar from y to x, then what elapses after them: y plus it is x. */
static bool
difference_in_zone(const zone *z, int64_t x, int64_t y, interval *out) {
    const int64_t from = zone_to_local_us(z, y);
    int64_t       span;
    if (__builtin_sub_overflow(zone_to_local_us(z, x), from, &span)) {
        return false;
    }
    int64_t days = span / US_PER_DAY;
    int64_t rest =
        sat_sub_i64(x, zone_from_local_near_us(z, sat_add_i64(from, days * US_PER_DAY), y));
    if (days != 0 && rest != 0 && (rest < 0) != (days < 0)) { /* the last day was longer */
        days -= days < 0 ? -1 : 1;
        rest = sat_sub_i64(x, zone_from_local_near_us(z, sat_add_i64(from, days * US_PER_DAY), y));
    }
    *out = (interval){.days = (int32_t)days, .us = rest};
    return days == (int32_t)days;
}

status
fn_zone_difference(fn_call *c) {
    const int64_t *x, *y;
    int32_t        x_step, y_step;
    interval      *out = c->values;
    zone_memo      memo = {.count = 0};
    TRY(fn_microseconds(c, 1, &x, &x_step));
    TRY(fn_microseconds(c, 2, &y, &y_step));
    for (int32_t i = 0; i < c->row_count; i++) {
        const zone *z = NULL;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        TRY(zone_of_row(c, &memo, i, &z));
        if (!difference_in_zone(z, x[(int64_t)i * x_step], y[(int64_t)i * y_step], &out[i])) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "the difference of two TIMESTAMPTZ is out of range");
        }
    }
    return OK;
}

/* ---- text */
size_t
zone_write(char *out, const zone *z, int64_t us) {
    const int64_t local = zone_to_local_us(z, us);
    const int64_t days = floor_div_i64(local, US_PER_DAY);
    const size_t  size = timestamp_write(out, days, floor_mod_i64(local, US_PER_DAY));
    return size + zone_offset_write(out + size, zone_offset(z, floor_div_i64(us, US_PER_SECOND)));
}

status
fn_zone_text(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    strview       *out = c->values;
    zone_memo      memo = {.count = 0};
    TRY(fn_microseconds(c, 1, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        const zone *z = NULL;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        TRY(zone_of_row(c, &memo, i, &z));
        char *p = fn_text_reserve(c, TIME_TEXT_MAX + ZONE_OFFSET_TEXT_MAX);
        if (p == NULL) {
            return error_memory(c->err);
        }
        out[i] = fn_text_commit(c, zone_write(p, z, us[(int64_t)i * step]));
    }
    return OK;
}

/* strftime of local time; only here %z is another than that of UTC, and %Z has a name. */
static status
format_in_zone(fn_call *c, const zone *z, int32_t row, int64_t us, strview *out) {
    const text    name = operand_text(&c->args[0], row), format = operand_text(&c->args[2], row);
    const int64_t local = zone_to_local_us(z, us);
    buf           b;
    bool          known = true;
    size_t        done = 0;
    buf_init(&b, c->scratch->mem, TEXT_RESULT_MAX);
    for (size_t i = 0; i + 1 < format.size && known; i++) {
        const char letter = format.data[i + 1];
        if (format.data[i] != '%' || (letter != 'z' && letter != 'Z')) {
            i += format.data[i] == '%'; /* %% is no beginning */
            continue;
        }
        char offset[ZONE_OFFSET_TEXT_MAX];
        known = timestamp_format(local, (text){format.data + done, i - done}, &b);
        if (letter == 'Z') {
            buf_append_text(&b, name);
        } else {
            buf_append(&b, offset,
                       zone_offset_write(offset, zone_offset(z, floor_div_i64(us, US_PER_SECOND))));
        }
        done = i + 2;
        i++;
    }
    known = known && timestamp_format(local, (text){format.data + done, format.size - done}, &b);
    const status s =
        known ? fn_text_of_buf(c, "strftime", &b, out)
              : error_set(c->err, ERR_QUERY_FAILED, "strftime: unknown letter in the format '%.*s'",
                          (int)(format.size < 80 ? format.size : 80), format.data);
    buf_fini(&b);
    return s;
}

status
fn_zone_format(fn_call *c) {
    const int64_t *us;
    int32_t        step;
    strview       *out = c->values;
    zone_memo      memo = {.count = 0};
    TRY(fn_microseconds(c, 1, &us, &step));
    for (int32_t i = 0; i < c->row_count; i++) {
        const zone *z = NULL;
        if (fn_is_valid(c, i)) {
            TRY(zone_of_row(c, &memo, i, &z));
            TRY(format_in_zone(c, z, i, us[(int64_t)i * step], &out[i]));
        }
    }
    return OK;
}

/* What has no offset of its own is local time. */
status
zone_read(const zone *z, text s, int64_t *out, error *err) {
    value v;
    TRY(value_parse(&v, type_of(TYPE_TIMESTAMPTZ), s, err));
    *out = value_text_has_offset(s) ? v.i : zone_from_local_us(z, v.i);
    return OK;
}

static status
parse_zone_rows(fn_call *c, bool lenient) {
    int64_t  *out = c->values;
    zone_memo memo = {.count = 0};
    for (int32_t i = 0; i < c->row_count; i++) {
        const zone *z = NULL;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        TRY(zone_of_row(c, &memo, i, &z));
        const status s =
            zone_read(z, operand_text(&c->args[1], i), &out[i], lenient ? NULL : c->err);
        if (s < 0 && (!lenient || s == ERR_OUT_OF_MEMORY)) {
            return s;
        }
        if (s < 0) {
            out[i] = 0;
            TRY(fn_set_null(c, i) ? OK : error_memory(c->err));
        }
    }
    return OK;
}

status
fn_zone_parse(fn_call *c) {
    return parse_zone_rows(c, false);
}

status
fn_zone_try_parse(fn_call *c) {
    return parse_zone_rows(c, true);
}
