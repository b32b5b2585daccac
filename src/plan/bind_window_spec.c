/* SPDX-License-Identifier: Apache-2.0 */
/* bind_window_spec.c - a window call to its kind, time, size, slide and offset.
 *
 *   TUMBLE(ts, size [, offset])          HOP(ts, slide, size [, offset]) = SLIDE
 *   HOPPING(ts, size, slide [, offset])  CUMULATE(ts, step, size [, offset])  SESSION(ts, gap)
 *
 * All but the time may be named, DESCRIPTOR(ts) is ts, and _start and _end behind a name ask for a
 * bound of the same window. */
#include "plan/bind.h"
#include "sql/limits.h"

#include <stdio.h>

#define WINDOW_ARGUMENTS_MAX 4

enum { ARGUMENT_TIME, ARGUMENT_SIZE, ARGUMENT_SLIDE, ARGUMENT_OFFSET };

typedef struct window_form {
    const char *name;
    window_kind kind;
    int32_t     required, count;
    int32_t     arguments[WINDOW_ARGUMENTS_MAX]; /* in their order */
    const char *usage;
} window_form;

static const window_form forms[] = {
    {"tumble",
     WINDOW_HOP,
     2,
     3,
     {ARGUMENT_TIME, ARGUMENT_SIZE, ARGUMENT_OFFSET},
     "TUMBLE(ts, INTERVAL '1' MINUTE), with an offset as third argument if the windows are "
     "shifted"},
    {"hop",
     WINDOW_HOP,
     3,
     4,
     {ARGUMENT_TIME, ARGUMENT_SLIDE, ARGUMENT_SIZE, ARGUMENT_OFFSET},
     "HOP(ts, slide, size): HOP(ts, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)"},
    {"slide",
     WINDOW_HOP,
     3,
     4,
     {ARGUMENT_TIME, ARGUMENT_SLIDE, ARGUMENT_SIZE, ARGUMENT_OFFSET},
     "SLIDE(ts, slide, size): SLIDE(ts, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)"},
    {"hopping",
     WINDOW_HOP,
     3,
     4,
     {ARGUMENT_TIME, ARGUMENT_SIZE, ARGUMENT_SLIDE, ARGUMENT_OFFSET},
     "HOPPING(ts, size, slide): HOPPING(ts, INTERVAL '5' MINUTE, INTERVAL '1' MINUTE)"},
    {"cumulate",
     WINDOW_CUMULATE,
     3,
     4,
     {ARGUMENT_TIME, ARGUMENT_SLIDE, ARGUMENT_SIZE, ARGUMENT_OFFSET},
     "CUMULATE(ts, step, size): CUMULATE(ts, INTERVAL '1' HOUR, INTERVAL '1' DAY)"},
    {"session",
     WINDOW_SESSION,
     2,
     2,
     {ARGUMENT_TIME, ARGUMENT_SIZE},
     "SESSION(ts, gap): SESSION(ts, INTERVAL '10' MINUTE)"},
};

/* ---- which call it is */

/* The form that `name` without its ending says; *part is that ending. */
static const window_form *
find_form(text name, window_part *part) {
    static const struct {
        const char *ending;
        window_part part;
    } endings[] = {{"", WINDOW_PART_NONE},
                   {"_start", WINDOW_PART_START},
                   {"_end", WINDOW_PART_END},
                   {"_rowtime", WINDOW_PART_TIME},
                   {"_proctime", WINDOW_PART_TIME}};
    for (int32_t i = 0; i < ARRAY_COUNT(endings); i++) {
        const text ending = text_of(endings[i].ending);
        if (name.size <= ending.size) {
            continue;
        }
        const text tail = {name.data + name.size - ending.size, ending.size};
        const text head = {name.data, name.size - ending.size};
        for (int32_t k = 0; k < ARRAY_COUNT(forms) && text_equal_nocase(tail, ending); k++) {
            if (text_equal_nocase(head, text_of(forms[k].name))) {
                *part = endings[i].part;
                return &forms[k];
            }
        }
    }
    return NULL;
}

bool
is_window_call(const ast_expr *e) {
    window_part part;
    return e->kind == AST_CALL && find_form(e->name.text, &part) != NULL;
}

window_part
window_call_part(const ast_expr *e) {
    window_part part = WINDOW_PART_NONE;
    (void)find_form(e->name.text, &part);
    return part;
}

const ast_expr *
find_window_call(const ast_expr *e, int32_t depth) {
    if (e == NULL || depth > BIND_DEPTH_MAX) {
        return NULL;
    }
    if (is_window_call(e) && e->arg_count > 0) {
        return e;
    }
    const ast_expr *found = find_window_call(e->operand, depth + 1);
    for (int32_t i = 0; i < e->arg_count && found == NULL; i++) {
        found = find_window_call(e->args[i], depth + 1);
    }
    return found != NULL ? found : find_window_call(e->otherwise, depth + 1);
}

/* The name as messages write it: in capitals. */
static text
title(const window_form *f) {
    return (text){f->usage, strcspn(f->usage, "(")};
}

/* ---- its arguments */

static status
refuse_count(binder *b, const window_form *f, const ast_expr *e) {
    error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%.*s() got %d argument%s",
                 TEXT_ARG(e->name.text), e->arg_count, e->arg_count == 1 ? "" : "s");
    error_hint(b->err, "write %s", f->usage);
    return ERR_QUERY_FAILED;
}

/* What a name says, -1: nothing that the form has. */
static int32_t
named_argument(const window_form *f, const ast_name *name) {
    static const struct {
        const char *name;
        int32_t     argument;
    } names[] = {{"timecol", ARGUMENT_TIME}, {"ts", ARGUMENT_TIME},     {"size", ARGUMENT_SIZE},
                 {"gap", ARGUMENT_SIZE},     {"slide", ARGUMENT_SLIDE}, {"step", ARGUMENT_SLIDE},
                 {"offset", ARGUMENT_OFFSET}};
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        for (int32_t k = 0; k < f->count && name_matches(name, text_of(names[i].name)); k++) {
            if (f->arguments[k] == names[i].argument) {
                return names[i].argument;
            }
        }
    }
    return -1;
}

static status
place_arguments(const ast_expr **places, binder *b, const window_form *f, const ast_expr *e) {
    if (e->arg_count < f->required || e->arg_count > f->count) {
        return refuse_count(b, f, e);
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        const ast_name *name = e->arg_names == NULL ? NULL : &e->arg_names[i];
        int32_t         at = f->arguments[i];
        if (name != NULL && name->text.data != NULL) {
            at = named_argument(f, name);
            if (at < 0 || places[at] != NULL) {
                error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                             at < 0 ? "%.*s() has no argument \"%.*s\""
                                    : "%.*s() got its argument \"%.*s\" twice",
                             TEXT_ARG(e->name.text), TEXT_ARG(name->text));
                error_hint(b->err, "write %s", f->usage);
                return ERR_QUERY_FAILED;
            }
        }
        places[at] = e->args[i];
    }
    for (int32_t i = 0; i < f->required; i++) {
        if (places[f->arguments[i]] == NULL) {
            return refuse_count(b, f, e);
        }
    }
    return OK;
}

static status
check_time(expr **time, binder *b, const window_form *f) {
    const data_type t = (*time)->type;
    if (t.id == TYPE_I64 || type_is_time(t)) {
        return OK;
    }
    if (type_is_integer(t) && type_casts_implicitly(t, type_of(TYPE_I64))) {
        return cast_expr(time, b, type_of(TYPE_I64));
    }
    error_set_at(b->err, ERR_QUERY_FAILED, (*time)->position,
                 "%.*s needs a time: TIMESTAMP of any unit, or BIGINT in epoch milliseconds; "
                 "this is %s",
                 TEXT_ARG(title(f)), type_name(t));
    if (t.id == TYPE_DATE || t.id == TYPE_TEXT) {
        error_hint(b->err, "write CAST(... AS TIMESTAMP)");
    } else {
        error_hint(b->err, "write %s with the time column first", f->usage);
    }
    return ERR_QUERY_FAILED;
}

static status
bind_time(window_spec *out, context *c, const window_form *f, const ast_expr *e) {
    context inner = *c;
    inner.aggregates = false;
    inner.clause = "a window";
    if (ast_is_call(e, "descriptor") && e->arg_count == 1) {
        e = e->args[0];
    }
    TRY(bind_expr(&out->time, &inner, e));
    return check_time(&out->time, c->binder, f);
}

/* A length in whole units of the time. */
static status
bind_length(int64_t *us, binder *b, const window_form *f, const window_spec *w, const ast_expr *e,
            const char *word) {
    const data_type t = w->time->type;
    const bool      positive = strcmp(word, "offset") != 0;
    char            what[48];
    (void)snprintf(what, sizeof(what), "the %s of %.*s", word, TEXT_ARG(title(f)));
    TRY(bind_duration(us, b, e, what));
    if (positive && *us <= 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "%s must be longer than nothing", what);
        error_hint(b->err, "write INTERVAL '5' SECOND, or milliseconds: 5000");
        return ERR_QUERY_FAILED;
    }
    if (type_time_unit_ns(t) == 1 && *us > INT64_MAX / 1000) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%s is longer than nanoseconds reach, which is 292 years", what);
        return error_hint(b->err, "make it shorter, or keep the time as TIMESTAMP");
    }
    if (type_time_to_us(t, type_time_from_us(t, *us)) == *us) {
        return OK;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                 "%s must be whole %s, because the time is %s", what,
                 type_time_unit_ns(t) == 1000000000 ? "seconds" : "milliseconds", type_name(t));
    return error_hint(b->err, "round it, or keep the time as TIMESTAMP (microseconds)");
}

/* ---- what does not go together */

static status
check_slide(binder *b, const window_form *f, const window_spec *w, const ast_expr *const *places) {
    const int32_t at = places[ARGUMENT_SLIDE]->position;
    if (w->slide_us > w->size_us) {
        error_set_at(b->err, ERR_QUERY_FAILED, at,
                     "the %s is longer than the window, so rows in between would be in no window",
                     w->kind == WINDOW_CUMULATE ? "step" : "slide");
        error_hint(b->err, "the order is %s", f->usage);
        return ERR_QUERY_FAILED;
    }
    if (w->kind == WINDOW_CUMULATE && w->size_us % w->slide_us != 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, at,
                     "the size of CUMULATE must be a whole number of steps");
        error_hint(b->err, "choose a step that divides the size: %s", f->usage);
        return ERR_QUERY_FAILED;
    }
    const int32_t most =
        b->env != NULL && b->env->windows_max > 0 ? b->env->windows_max : SQL_WINDOWS_MAX;
    if ((w->size_us - 1) / w->slide_us + 1 > most) {
        error_set_at(b->err, ERR_QUERY_FAILED, at,
                     "each row would be in %lld windows, and the limit is %d",
                     (long long)((w->size_us - 1) / w->slide_us + 1), most);
        error_hint(b->err, "make the %s longer or the window shorter",
                   w->kind == WINDOW_CUMULATE ? "step" : "slide");
        return ERR_QUERY_FAILED;
    }
    return OK;
}

status
bind_window_spec(window_spec *out, context *c, const ast_expr *e) {
    binder            *b = c->binder;
    window_part        part;
    const window_form *f = find_form(e->name.text, &part);
    const ast_expr    *places[WINDOW_ARGUMENTS_MAX] = {NULL};
    *out = (window_spec){.position = e->position, .kind = f->kind, .end_column = -1};
    TRY(place_arguments(places, b, f, e));
    TRY(bind_time(out, c, f, places[ARGUMENT_TIME]));
    TRY(bind_length(&out->size_us, b, f, out, places[ARGUMENT_SIZE],
                    f->kind == WINDOW_SESSION ? "gap" : "size"));
    out->slide_us = out->size_us;
    if (places[ARGUMENT_SLIDE] != NULL) {
        TRY(bind_length(&out->slide_us, b, f, out, places[ARGUMENT_SLIDE],
                        f->kind == WINDOW_CUMULATE ? "step" : "slide"));
        TRY(check_slide(b, f, out, places));
    }
    if (places[ARGUMENT_OFFSET] != NULL) {
        const int64_t period_us = f->kind == WINDOW_CUMULATE ? out->size_us : out->slide_us;
        TRY(bind_length(&out->offset_us, b, f, out, places[ARGUMENT_OFFSET], "offset"));
        out->offset_us %= period_us;
        out->offset_us += out->offset_us < 0 ? period_us : 0;
    }
    return OK;
}
