/* SPDX-License-Identifier: Apache-2.0 */
/* bind_zone.c - TIMESTAMPTZ while SET TimeZone names another zone than UTC. Kernels know UTC alone:
 * here a call that reads a clock or a calendar gets the local time, and what it gives as local time
 * becomes an instant again. The zone is a constant of the expression, so a stream keeps the one it
 * was made with. */
#include "plan/bind.h"

#include "plan/node.h"
#include "type/calendar.h"
#include "type/nested.h"

static bool
is_zoned(data_type t) {
    return t.id == TYPE_TIMESTAMPTZ;
}

static bool
is_set(const binder *b) {
    return b->env != NULL && b->env->zone.size > 0;
}

/* name(zone, x [, y]). A constant is computed now, and its error is that of the statement. */
static status
call_zone(expr **out, binder *b, const char *name, expr *x, expr *y) {
    const value zone = {.type = type_of(TYPE_TEXT), .s = is_set(b) ? b->env->zone : TEXT("UTC")};
    const bool  constant = x->kind == EXPR_CONSTANT && (y == NULL || y->kind == EXPR_CONSTANT);
    expr       *args[3] = {make_constant(b, &zone, x->position), x, y};
    TRY(args[0] == NULL ? out_of_memory(b) : OK);
    TRY(count_nodes(b, 3, x->position));
    TRY(located(
        b, expr_call(out, b->arena, text_of(name), args, y == NULL ? 2 : 3, x->position, b->err),
        x->position));
    if (!constant) {
        return OK;
    }
    value v;
    TRY(located(b, expr_evaluate_constant(&v, *out, b->arena, b->err), x->position));
    v.type = (*out)->type;
    *out = make_constant(b, &v, x->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* ---- casts */
static status
cast_nested(expr **e, binder *b, data_type t, bool is_try) {
    const value null = {.type = t, .is_null = true};
    expr       *type = make_constant(b, &null, (*e)->position);
    TRY(type == NULL ? out_of_memory(b) : OK);
    return call_zone(e, b, is_try ? "try_timezone_cast" : "timezone_cast", *e, type);
}

/* With texts for the instants in it, for functions that show what they get. */
static status
show_zoned(expr **e, binder *b) {
    data_type shown;
    if (!type_holds((*e)->type, TYPE_TIMESTAMPTZ)) {
        return OK;
    }
    TRY(located(b, type_without_zone(&shown, (*e)->type, type_of(TYPE_TEXT), b->err),
                (*e)->position));
    return is_zoned((*e)->type) ? cast_expr(e, b, shown) : cast_nested(e, b, shown, false);
}

status
zone_show_rows(plan_node **root, binder *b) {
    const schema *rows = &(*root)->schema;
    bool          any = false;
    for (int32_t i = 0; is_set(b) && i < rows->count; i++) {
        any |= type_holds(rows->fields[i].type, TYPE_TIMESTAMPTZ);
    }
    if (!any) {
        return OK;
    }
    expr **shown = arena_alloc(b->arena, sizeof(expr *) * (size_t)rows->count);
    TRY(shown == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < rows->count; i++) {
        shown[i] = make_column(b, i, rows->fields[i].type, -1);
        TRY(shown[i] == NULL ? out_of_memory(b) : OK);
        TRY(show_zoned(&shown[i], b));
    }
    plan_node *n = node_project(b->arena, *root, shown, rows->count);
    TRY(n == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < rows->count; i++) {
        n->schema.fields[i].name = rows->fields[i].name;
    }
    *root = n;
    return OK;
}

static status
cast_plainly(expr **e, binder *b, data_type t, bool is_try) {
    if (is_try && !type_equal((*e)->type, t)) {
        *e = make(b, EXPR_TRY_CAST, t, e, 1, (*e)->position);
        return *e == NULL ? out_of_memory(b) : OK;
    }
    return located(b, expr_cast_to(e, b->arena, *e, t, b->err), (*e)->position);
}

status
zone_cast(expr **e, binder *b, data_type t, bool is_try, bool *done) {
    const data_type from = (*e)->type;
    const bool      text_meets = type_is_json(from) || type_is_json(t);
    const bool      holds = type_holds(from, TYPE_TIMESTAMPTZ) || type_holds(t, TYPE_TIMESTAMPTZ);
    *done = is_set(b) && holds && (type_is_nested(from) || type_is_nested(t)) && !text_meets &&
            from.id != TYPE_NULL && !type_equal(from, t);
    if (*done) {
        return cast_nested(e, b, t, is_try);
    }
    *done = is_set(b) && is_zoned(from) != is_zoned(t) && !text_meets;
    if (!*done) {
        return OK;
    }
    if (is_zoned(t) && from.id == TYPE_TEXT) {
        return call_zone(e, b, is_try ? "try_timezone_parse" : "timezone_parse", *e, NULL);
    }
    if (is_zoned(t) && (type_is_time(from) || from.id == TYPE_DATE)) {
        TRY(cast_plainly(e, b, type_of(TYPE_TIMESTAMP), is_try));
        return call_zone(e, b, "timezone", *e, NULL);
    }
    if (is_zoned(from) && t.id == TYPE_TEXT) {
        TRY(call_zone(e, b, "timezone_text", *e, NULL));
        return located(b, expr_cast_to(e, b->arena, *e, t, b->err), (*e)->position);
    }
    if (is_zoned(from) && (type_is_time(t) || t.id == TYPE_DATE || t.id == TYPE_TIME)) {
        TRY(call_zone(e, b, "timezone", *e, NULL));
        return cast_plainly(e, b, t, is_try);
    }
    *done = false;
    return OK;
}

/* ---- calls */

/* What the clock on the wall shows. */
static type_id
wall_clock(text name) {
    static const struct {
        const char *name;
        type_id     type;
    } known[] = {{"current_date", TYPE_DATE},        {"today", TYPE_DATE},
                 {"current_time", TYPE_TIME},        {"get_current_time", TYPE_TIME},
                 {"localtime", TYPE_TIME},           {"current_localtime", TYPE_TIME},
                 {"localtimestamp", TYPE_TIMESTAMP}, {"current_localtimestamp", TYPE_TIMESTAMP}};
    for (int32_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (text_equal_nocase(name, text_of(known[i].name))) {
            return known[i].type;
        }
    }
    return TYPE_NULL;
}

static bool
is_named(text name, const char *const *names) {
    for (; *names != NULL; names++) {
        if (text_equal_nocase(name, text_of(*names))) {
            return true;
        }
    }
    return false;
}

/* Parts that no zone changes: what elapsed, and the instant itself. */
static bool
is_of_instants(text name, const expr *part) {
    static const char *const parts[] = {"date_part", "datepart", "extract", NULL};
    static const char *const spans[] = {"date_sub", "datesub", "date_diff", "datediff", NULL};
    date_part                p;
    if (!is_text_literal(part) || !date_part_from_name(part->constant.s, &p)) {
        return false;
    }
    const bool short_span = p == PART_HOUR || p == PART_MINUTE || p == PART_SECOND ||
                            p == PART_MILLISECOND || p == PART_MICROSECOND || p == PART_NANOSECOND;
    return (is_named(name, parts) && p == PART_EPOCH) || (is_named(name, spans) && short_span);
}

/* x + i, i + x, x - i */
static status
bind_shift(expr **out, binder *b, text name, expr **args, int32_t position) {
    const int32_t at = is_zoned(args[0]->type) ? 0 : 1;
    expr         *by = args[1 - at];
    TRY(cast_expr(&by, b, type_of(TYPE_INTERVAL)));
    if (text_equal(name, TEXT("-"))) {
        TRY(bind_call_named(&by, b, TEXT("neg"), &by, 1, position));
    }
    return call_zone(out, b, "timezone_add", args[at], by);
}

static bool
is_difference(text name, expr *const *args, int32_t count) {
    return count == 2 && text_equal(name, TEXT("-")) && is_zoned(args[0]->type) &&
           is_zoned(args[1]->type);
}

/* strftime: %z is the offset of the zone. */
static status
bind_format(expr **out, binder *b, expr **args) {
    const int32_t at = is_zoned(args[0]->type) ? 0 : 1;
    return call_zone(out, b, "timezone_text", args[at], args[1 - at]);
}

static status
bind_local_call(expr **out, binder *b, text name, expr **args, int32_t arg_count,
                bool gives_instant, int32_t position) {
    expr *near = NULL;
    for (int32_t i = 0; i < arg_count; i++) {
        if (!is_zoned(args[i]->type)) {
            continue;
        }
        if (gives_instant && near == NULL) {
            TRY(copy_expr(&near, b, args[i]));
        }
        TRY(cast_expr(&args[i], b, type_of(TYPE_TIMESTAMP)));
    }
    TRY(bind_call_named(out, b, name, args, arg_count, position));
    return near == NULL ? OK : call_zone(out, b, "timezone", *out, near);
}

static bool
any_holds_zoned(expr *const *args, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (type_holds(args[i]->type, TYPE_TIMESTAMPTZ)) {
            return true;
        }
    }
    return false;
}

/* Functions that make texts or JSON of what they get. */
static status
show_arguments(binder *b, text name, expr **args, int32_t count) {
    static const char *const shows[] = {
        "to_json",     "json_object", "json_array",  "json_quote",   "array_to_json",
        "row_to_json", "json_set",    "json_insert", "json_replace", "array_to_string",
        "format",      "printf",      NULL};
    for (int32_t i = 0; i < count && is_named(name, shows); i++) {
        TRY(show_zoned(&args[i], b));
    }
    return OK;
}

static bool
has_zoned(expr *const *args, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (is_zoned(args[i]->type)) {
            return true;
        }
    }
    return false;
}

static bool
is_cast(text name) {
    static const char *const casts[] = {"timezone_cast", "try_timezone_cast", NULL};
    return is_named(name, casts);
}

/* strftime(instant, '... %Z ...') names the zone, also when it is UTC. */
static bool
names_zone(text name, expr *const *args, int32_t count) {
    const int32_t at = count == 2 && is_zoned(args[0]->type) ? 1 : 0;
    const text    f = count == 2 && is_text_literal(args[at]) ? args[at]->constant.s : TEXT("");
    bool          named = false;
    for (size_t i = 0; i + 1 < f.size; i++) {
        named |= f.data[i] == '%' && f.data[i + 1] == 'Z';
        i += f.data[i] == '%';
    }
    return named && text_equal_nocase(name, TEXT("strftime")) && is_zoned(args[1 - at]->type);
}

/* A list of times by months or days: by the calendar of the zone, so of local times. */
static status
bind_series_call(expr **out, binder *b, text name, expr **args, int32_t position, bool *done) {
    static const char *const series[] = {"generate_series", "range", NULL};
    data_type                instants;
    *done = false;
    if (!is_named(name, series) || args[2]->type.id != TYPE_INTERVAL ||
        !(is_zoned(args[0]->type) || is_zoned(args[1]->type)) ||
        !series_is_of_calendar(b, args[2])) {
        return OK;
    }
    for (int32_t i = 0; i < 2; i++) {
        TRY(cast_expr(&args[i], b, type_of(TYPE_TIMESTAMPTZ)));
        TRY(cast_expr(&args[i], b, type_of(TYPE_TIMESTAMP)));
    }
    *done = true;
    TRY(bind_call_named(out, b, name, args, 3, position));
    TRY(located(b, type_list(&instants, type_of(TYPE_TIMESTAMPTZ), b->err), position));
    return cast_expr(out, b, instants);
}

status
zone_call(expr **out, binder *b, text name, expr **args, int32_t arg_count, int32_t position,
          bool *done) {
    static const char *const formats[] = {"strftime", NULL};
    *done = is_set(b) && arg_count == 0 && wall_clock(name) != TYPE_NULL;
    if (*done) {
        TRY(bind_call_named(out, b, TEXT("now"), args, 0, position));
        return cast_expr(out, b, type_of(wall_clock(name)));
    }
    *done = is_set(b) && arg_count == 6 && text_equal_nocase(name, TEXT("make_timestamptz"));
    if (*done) {
        TRY(bind_call_named(out, b, TEXT("make_timestamp"), args, arg_count, position));
        return cast_expr(out, b, type_of(TYPE_TIMESTAMPTZ));
    }
    if (!is_set(b) && names_zone(name, args, arg_count)) {
        *done = true;
        return bind_format(out, b, args);
    }
    if (!is_set(b) || !any_holds_zoned(args, arg_count) || is_cast(name)) {
        return OK;
    }
    if (arg_count == 3) {
        TRY(bind_series_call(out, b, name, args, position, done));
        if (*done) {
            return OK;
        }
    }
    TRY(show_arguments(b, name, args, arg_count));
    function_match m;
    data_type     *types = arena_alloc(b->arena, (size_t)arg_count * sizeof(*types));
    TRY(types == NULL ? out_of_memory(b) : OK);
    if (expr_resolve(&m, types, name, args, arg_count, NULL) < 0) {
        return OK; /* the caller says why */
    }
    for (int32_t i = 0; i < arg_count; i++) {
        const bool nested = type_is_nested(args[i]->type) &&
                            type_holds(args[i]->type, TYPE_TIMESTAMPTZ) && types[i].id == TYPE_TEXT;
        if (nested || is_zoned(types[i]) != is_zoned(args[i]->type)) {
            TRY(cast_expr(&args[i], b, types[i]));
        }
    }
    if (!function_is_local(m.function) || !has_zoned(args, arg_count) ||
        is_of_instants(name, args[0])) {
        return OK;
    }
    *done = true;
    if (arg_count == 2 && is_zoned(m.result) &&
        (types[0].id == TYPE_INTERVAL || types[1].id == TYPE_INTERVAL) &&
        !text_equal_nocase(name, TEXT("time_bucket"))) {
        return bind_shift(out, b, name, args, position);
    }
    if (is_difference(name, args, arg_count)) {
        return call_zone(out, b, "timezone_difference", args[0], args[1]);
    }
    if (is_named(name, formats)) {
        return bind_format(out, b, args);
    }
    return bind_local_call(out, b, name, args, arg_count, is_zoned(m.result), position);
}
