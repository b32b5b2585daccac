/* SPDX-License-Identifier: Apache-2.0 */
/* foreign_call.c - a call of the program's code: rows out as Arrow, values back, checked.
 *
 * Columns of declared types have their ArrowSchema from the registration; only arguments of any
 * type need one for the call. Arrays have memory of their own or hold the chunk that owns it, so
 * the code may keep them. */
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

bool
foreign_enter(const foreign_code *c, inside_frame *inside) {
    if (!callout_begin()) {
        return false;
    }
    db_inside_begin(inside, c->db, c->name);
    return true;
}

void
foreign_leave(const inside_frame *inside) {
    db_inside_end(inside);
    callout_end();
}

/* ---- the rows */

/* The schema of argument i, as the registration has it; NULL: of another type. */
static const struct ArrowSchema *
known_type(const foreign_code *c, const routine_rows *rows, int32_t i) {
    return i < c->argument_count && c->types[i].release != NULL &&
                   type_equal(c->argument_types[i], rows->types[i])
               ? &c->types[i]
               : NULL;
}

static status
make_types(laminar_call *call, const foreign_code *c, const routine_rows *rows, arena *a,
           error *err) {
    int32_t known = 0;
    while (known < rows->count && known_type(c, rows, known) != NULL) {
        known++;
    }
    call->types = c->types;
    if (known == rows->count) {
        return OK;
    }
    struct ArrowSchema *made = arena_alloc_zero(a, (size_t)rows->count * sizeof(*made));
    if (made == NULL) {
        return error_memory(err);
    }
    call->types = made;
    for (int32_t i = 0; i < rows->count; i++) {
        const struct ArrowSchema *have = known_type(c, rows, i);
        if (have != NULL) {
            made[i] = *have;
            made[i].release = NULL; /* it stays where it is */
        } else {
            TRY(arrow_export_type(&made[i], TEXT(""), rows->types[i], c->mem, err));
        }
    }
    return OK;
}

static status
export_rows(laminar_call *call, const foreign_code *c, const routine_rows *rows, arena *a,
            error *err) {
    const size_t       n = (size_t)rows->count;
    struct ArrowArray *arrays = arena_alloc_zero(a, n * sizeof(struct ArrowArray));
    const bool *constants = rows->constants != NULL ? rows->constants : arena_alloc_zero(a, n);
    if (arrays == NULL || constants == NULL) {
        return error_memory(err);
    }
    call->row_count = rows->row_count;
    call->argument_count = rows->count;
    call->arguments = arrays;
    call->constants = constants;
    TRY(make_types(call, c, rows, a, err));
    for (int32_t i = 0; i < rows->count; i++) {
        const int32_t count = constants[i] ? 1 : rows->row_count;
        TRY(arrow_export_column(&arrays[i], &rows->columns[i], count, c->mem, err));
    }
    return OK;
}

void
foreign_release(laminar_call *call) {
    const foreign_code *c =
        call->engine == NULL ? NULL : ((const foreign_frame *)call->engine)->code;
    for (int32_t i = 0; i < call->argument_count; i++) {
        struct ArrowSchema *type = (struct ArrowSchema *)(uintptr_t)&call->types[i];
        if (call->arguments[i].release != NULL) {
            call->arguments[i].release(&call->arguments[i]);
        }
        if (call->types != c->types && type->release != NULL) {
            type->release(type);
        }
    }
    call->argument_count = 0;
}

const routine_rows foreign_no_rows = {.row_count = 0};

status
foreign_add(foreign_frame *f, laminar_call *call, const routine_rows *rows, arena *a, error *err) {
    *call = (laminar_call){.size = sizeof(laminar_call), .is_cancelled = is_cancelled, .engine = f};
    const status s = export_rows(call, f->code, rows, a, err);
    if (s < 0) {
        foreign_release(call);
    }
    return s;
}

status
foreign_begin(foreign_frame *f, foreign_code *c, const routine_rows *rows, arena *a, error *err) {
    f->code = c;
    f->guard = interrupt_current();
    f->out.release = NULL;
    f->out_type.release = NULL;
    f->failure.code = 0;
    f->failure.message[0] = '\0';
    f->failure.hint[0] = '\0';
    TRY(foreign_add(f, &f->call, rows, a, err));
    if (!foreign_enter(c, &f->inside)) {
        foreign_release(&f->call);
        return error_set(err, ERR_QUERY_CANCELLED,
                         "the program ends: function \"%.*s\" is not called any more",
                         TEXT_ARG(c->name));
    }
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
    foreign_leave(&f->inside);
    foreign_release(&f->call);
    if (s >= 0) {
        return OK;
    }
    foreign_discard(f);
    return failed(f, s, err);
}

void
foreign_discard(foreign_frame *f) {
    arrow_array_release(&f->out);
    arrow_schema_release(&f->out_type);
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
    const status  s = import_values(f, &made, type, count, spreads, what, a, err);
    foreign_discard(f);
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
    void (*tell)(void *) = c->scalar.close;
    void *context = c->scalar.context;
    if (c->kind == ROUTINE_AGGREGATE) {
        tell = c->aggregate.close;
        context = c->aggregate.context;
    } else if (c->kind == ROUTINE_PROCESSOR) {
        tell = c->processor.close;
        context = c->processor.context;
    }
    if (c->attached && tell != NULL && callout_begin()) {
        tell(context);
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

const routine_class foreign_class = {.call = call,
                                     .open = foreign_open,
                                     .drop = foreign_drop,
                                     .accumulate = foreign_accumulate,
                                     .retract = foreign_retract,
                                     .merge = foreign_merge,
                                     .evaluate = foreign_evaluate,
                                     .save = foreign_save,
                                     .load = foreign_load,
                                     .process = foreign_process,
                                     .close = close_code};
