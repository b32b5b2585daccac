/* SPDX-License-Identifier: Apache-2.0 */
/* fn_time_parse.c - strptime and try_strptime. A constant format is checked when the program is
 * compiled. */
#include "expr/call.h"
#include "expr/zone_file.h"
#include "type/calendar.h"

#define SHOWN_MAX 80 /* bytes of a text in a message */
#define ZONES_MAX 4

static int
shown(text t) {
    return (int)(t.size < SHOWN_MAX ? t.size : SHOWN_MAX);
}

static status
check_format(text format, error *err) {
    if (timestamp_format_is_readable(format)) {
        return OK;
    }
    (void)error_set(err, ERR_QUERY_FAILED, "strptime: unknown letter in the format '%.*s'",
                    shown(format), format.data);
    (void)error_hint(
        err, "known are %%Y %%y %%m %%d %%e %%j %%b %%h %%B %%a %%A %%H %%I %%p %%M %%S %%f "
             "%%g %%L %%n %%z %%Z %%s %%F %%x %%T %%X %%c %%%%");
    return ERR_QUERY_FAILED;
}

status
fn_prepare_strptime(void **state UNUSED, arena *a UNUSED, const value *const *constants,
                    const data_type *types UNUSED, int32_t arg_count UNUSED, error *err) {
    const value *format = constants[1];
    return format == NULL || format->is_null ? OK : check_format(format->s, err);
}

/* Zones that the rows named last. */
typedef struct named_zones {
    text    names[ZONES_MAX];
    zone    zones[ZONES_MAX];
    int32_t count;
} named_zones;

/* Which is local time in the zone becomes UTC. */
static status
apply_zone(fn_call *c, named_zones *known, text name, int64_t *us, bool lenient, bool *ok) {
    for (int32_t i = 0; i < known->count; i++) {
        if (text_equal(known->names[i], name)) {
            *us = zone_from_local_us(&known->zones[i], *us);
            return OK;
        }
    }
    known->count = known->count == ZONES_MAX ? 0 : known->count;
    zone        *z = &known->zones[known->count];
    const status s = zone_open(z, name, c->scratch, lenient ? NULL : c->err);
    *ok = s == OK;
    if (s == OK) {
        known->names[known->count++] = name;
        *us = zone_from_local_us(z, *us);
    }
    return lenient && s != ERR_OUT_OF_MEMORY ? OK : s;
}

static status
refuse(fn_call *c, text s, text format) {
    (void)error_set(c->err, ERR_QUERY_FAILED, "strptime: '%.*s' is not like the format '%.*s'",
                    shown(s), s.data, shown(format), format.data);
    (void)error_hint(c->err, "try_strptime gives NULL instead");
    return ERR_QUERY_FAILED;
}

static status
parse_rows(fn_call *c, bool lenient) {
    int64_t    *z = c->values;
    named_zones known = {.count = 0};
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const text s = operand_text(&c->args[0], i), format = operand_text(&c->args[1], i);
        text       name = {NULL, 0};
        bool       ok = timestamp_parse(s, format, &z[i], &name);
        if (ok && name.size > 0) {
            TRY(apply_zone(c, &known, name, &z[i], lenient, &ok));
        }
        if (ok) {
            continue;
        }
        TRY(check_format(format, c->err));
        TRY(lenient ? OK : refuse(c, s, format));
        z[i] = 0;
        if (!fn_set_null(c, i)) {
            return error_memory(c->err);
        }
    }
    return OK;
}

status
fn_strptime(fn_call *c) {
    return parse_rows(c, false);
}

status
fn_try_strptime(fn_call *c) {
    return parse_rows(c, true);
}
