/* SPDX-License-Identifier: Apache-2.0 */
/* foreign_call.c - a call of the program's code: rows out as Arrow, values back, checked.
 *
 * Columns of declared types have their ArrowSchema from the registration; only arguments of any
 * type need one for the call. Arrays have memory of their own, so the code may keep them. */
#include <stdarg.h>
#include <stdio.h>

#include "arrow/arrow.h"
#include "db/foreign.h"
#include "kernel/kernel.h"
#include "os/callout.h"

static bool
is_cancelled(const laminar_call *call) {
    const foreign_frame *f = call->engine;
    return interrupt_seen(f->guard) ||
           atomic_load_explicit(&f->code->db->ending, memory_order_relaxed);
}

void
laminar_call_adopt(const laminar_call *call, laminar_call_mark *mark) {
    const foreign_frame *f = call->engine;
    static_assert(sizeof(laminar_call_mark) >= sizeof(inside_frame), "a mark holds a frame");
    db_inside_begin((inside_frame *)(void *)mark, f->code->db, f->code->name);
}

void
laminar_call_resign(const laminar_call_mark *mark) {
    db_inside_end((const inside_frame *)(const void *)mark);
}

/* ---- the rows */
static status
make_types(foreign_frame *f, const routine_rows *rows, arena *a, error *err) {
    const foreign_code *c = f->code;
    const size_t        n = (size_t)rows->count;
    bool                all = rows->count == c->argument_count;
    f->call.types = c->types;
    for (int32_t i = 0; all && i < rows->count; i++) {
        all = c->types[i].release != NULL;
    }
    if (all) {
        return OK;
    }
    f->made = arena_alloc_zero(a, 2 * n * sizeof(struct ArrowSchema));
    if (f->made == NULL) {
        return error_memory(err);
    }
    struct ArrowSchema *shown = f->made + n;
    f->call.types = shown;
    for (int32_t i = 0; i < rows->count; i++) {
        const bool known = i < c->argument_count && c->types[i].release != NULL;
        if (!known) {
            TRY(arrow_export_type(&f->made[i], TEXT(""), rows->types[i], c->mem, err));
        }
        shown[i] = known ? c->types[i] : f->made[i];
    }
    return OK;
}

static status
export_rows(foreign_frame *f, const routine_rows *rows, arena *a, error *err) {
    const size_t       n = (size_t)rows->count;
    struct ArrowArray *arrays = arena_alloc_zero(a, n * sizeof(struct ArrowArray));
    const bool *constants = rows->constants != NULL ? rows->constants : arena_alloc_zero(a, n);
    if (arrays == NULL || constants == NULL) {
        return error_memory(err);
    }
    f->call = (laminar_call){.size = sizeof(laminar_call),
                             .row_count = rows->row_count,
                             .argument_count = rows->count,
                             .arguments = arrays,
                             .constants = constants,
                             .is_cancelled = is_cancelled,
                             .engine = f};
    TRY(make_types(f, rows, a, err));
    for (int32_t i = 0; i < rows->count; i++) {
        const int32_t count = constants[i] ? 1 : rows->row_count;
        TRY(arrow_export_column(&arrays[i], &rows->columns[i], count, f->code->mem, err));
    }
    return OK;
}

static void
release_given(foreign_frame *f) {
    for (int32_t i = 0; f->call.arguments != NULL && i < f->call.argument_count; i++) {
        if (f->call.arguments[i].release != NULL) {
            f->call.arguments[i].release(&f->call.arguments[i]);
        }
    }
    for (int32_t i = 0; f->made != NULL && i < f->call.argument_count; i++) {
        if (f->made[i].release != NULL) {
            f->made[i].release(&f->made[i]);
        }
    }
}

status
foreign_begin(foreign_frame *f, foreign_code *c, const routine_rows *rows, arena *a, error *err) {
    f->code = c;
    f->guard = interrupt_current();
    f->call = (laminar_call){.size = 0};
    f->made = NULL;
    f->out.release = NULL;
    f->out_type.release = NULL;
    f->failure.code = 0;
    f->failure.message[0] = '\0';
    f->failure.hint[0] = '\0';
    status s = export_rows(f, rows, a, err);
    if (s == OK && !callout_begin()) {
        s = error_set(err, ERR_QUERY_CANCELLED,
                      "the program ends: function \"%.*s\" is not called any more",
                      TEXT_ARG(c->name));
    }
    if (s < 0) {
        release_given(f);
        return s;
    }
    db_inside_begin(&f->inside, c->db, c->name);
    return OK;
}

static status
failed(const foreign_frame *f, laminar_status s, error *err) {
    const laminar_error *e = &f->failure;
    if (interrupt_seen(f->guard)) {
        (void)interrupt_poll(f->guard);
        return interrupt_reason(f->guard, err);
    }
    if ((status)s == ERR_OUT_OF_MEMORY) {
        return error_memory(err);
    }
    error_set(err, ERR_QUERY_FAILED, "function \"%.*s\" failed: %s", TEXT_ARG(f->code->name),
              e->message[0] == '\0' ? "it does not say why" : e->message);
    return e->hint[0] == '\0' ? ERR_QUERY_FAILED : error_hint(err, "%s", e->hint);
}

status
foreign_end(foreign_frame *f, laminar_status s, error *err) {
    db_inside_end(&f->inside);
    callout_end();
    release_given(f);
    if (s >= 0) {
        return OK;
    }
    arrow_array_release(&f->out);
    arrow_schema_release(&f->out_type);
    return failed(f, s, err);
}

/* ---- what came back */
static status wrong(const foreign_frame *f, const char *what, error *err, const char *format, ...)
    PRINTF_LIKE(4, 5);

static status
wrong(const foreign_frame *f, const char *what, error *err, const char *format, ...) {
    char    why[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    return error_set(err, ERR_QUERY_FAILED, "function \"%.*s\" gave a wrong %s: %s",
                     TEXT_ARG(f->code->name), what, why);
}

static bool
fits(data_type from, data_type to) {
    return type_equal(from, to) || (type_is_json(to) && from.id == TYPE_TEXT) ||
           from.id == TYPE_NULL;
}

/* Of another type that fits: a text for a JSON is checked as by a cast. */
static status
fit(const foreign_frame *f, column *made, data_type type, int32_t count, const char *what, arena *a,
    error *err) {
    column cast;
    error  why = {.status = OK};
    if (!fits(made->type, type)) {
        wrong(f, what, err, "it is a %s, and a %s was declared", type_name(made->type),
              type_name(type));
        return error_hint(err, "return what was declared, or declare what it returns");
    }
    if (cast_column(&cast, made, count, type, false, a, NULL, &why) < 0) {
        return wrong(f, what, err, "%s", why.message);
    }
    *made = cast;
    made->type = type;
    return OK;
}

static status
import_values(const foreign_frame *f, column *made, data_type type, int32_t count, bool spreads,
              const char *what, arena *a, error *err) {
    const int64_t given = f->out.length;
    error         why = {.status = OK};
    if (f->out.release == NULL || f->out_type.release == NULL || f->out_type.format == NULL) {
        return wrong(f, what, err, "nothing was returned");
    }
    if (given != count && !(spreads && given == 1)) {
        return wrong(f, what, err, "%lld value%s for %d row%s", (long long)given,
                     given == 1 ? "" : "s", count, count == 1 ? "" : "s");
    }
    const status s = arrow_import_column(made, &f->out_type, &f->out, "the result", a, &why);
    if (s < 0) {
        return s == ERR_OUT_OF_MEMORY ? error_memory(err) : wrong(f, what, err, "%s", why.message);
    }
    if (!type_equal(made->type, type)) {
        TRY(fit(f, made, type, (int32_t)given, what, a, err));
    }
    const int64_t longest = column_longest(made, (int32_t)given);
    if (longest > VALUE_BYTES_MAX) {
        return wrong(f, what, err, "a value of %lld bytes; at most %d fit one value",
                     (long long)longest, VALUE_BYTES_MAX);
    }
    return OK;
}

status
foreign_take(foreign_frame *f, column *out, data_type type, int32_t count, bool spreads,
             const char *what, arena *a, error *err) {
    column        made;
    const int64_t given = f->out.length;
    status        s = import_values(f, &made, type, count, spreads, what, a, err);
    arrow_array_release(&f->out);
    arrow_schema_release(&f->out_type);
    TRY(s);
    if (given != count) {
        const value one = column_value(&made, 0);
        TRY(column_constant(&made, &one, count, a, err));
    }
    *out = made;
    out->type = type;
    return OK;
}

/* ---- scalars */
static status
call(routine_code *base, const routine_rows *in, arena *a, column *out, error *err) {
    foreign_code *c = (foreign_code *)base;
    foreign_frame f;
    TRY(foreign_begin(&f, c, in, a, err));
    const laminar_status s =
        c->scalar.call(c->scalar.context, &f.call, &f.out, &f.out_type, &f.failure);
    TRY(foreign_end(&f, s, err));
    return foreign_take(&f, out, c->result_type, in->is_group ? 1 : in->row_count, true, "result",
                        a, err);
}

static void
tell_closed(const foreign_code *c) {
    void (*close)(void *) = c->scalar.close;
    void *context = c->scalar.context;
    if (c->kind == ROUTINE_AGGREGATE) {
        close = c->aggregate.close;
        context = c->aggregate.context;
    } else if (c->kind == ROUTINE_PROCESSOR) {
        close = c->processor.close;
        context = c->processor.context;
    }
    if (c->attached && close != NULL && callout_begin()) {
        close(context);
        callout_end();
    }
}

static void
close_code(routine_code *base) {
    foreign_code *c = (foreign_code *)base;
    mem          *m = c->mem;
    tell_closed(c);
    for (int32_t i = 0; i < c->argument_count; i++) {
        if (c->types[i].release != NULL) {
            c->types[i].release(&c->types[i]);
        }
    }
    arena_fini(&c->arena);
    mem_free(m, c, sizeof(*c));
}

const routine_class foreign_class = {.call = call, .close = close_code};
