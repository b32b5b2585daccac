/* SPDX-License-Identifier: Apache-2.0 */
/* foreign_aggregate.c - calls of aggregates whose code is the program's. */
#include "db/foreign.h"

/* One call about a group: of open, accumulate or retract. */
typedef laminar_status group_call(const laminar_aggregate *g, foreign_frame *f, void *group);

static status
call_with(foreign_code *c, const routine_rows *rows, group_call *how, void *group, error *err) {
    arena         a;
    foreign_frame f;
    arena_init(&a, c->mem);
    status s = foreign_begin(&f, c, rows, &a, err);
    if (s == OK) {
        const laminar_status given = how(&c->aggregate, &f, group);
        s = foreign_end(&f, given, err);
    }
    arena_fini(&a);
    return s;
}

static laminar_status
call_open(const laminar_aggregate *g, foreign_frame *f, void *group) {
    return g->open(g->context, &f->call, (void **)group, &f->failure);
}

status
foreign_open(routine_code *c, const routine_rows *constants, void **group, error *err) {
    return call_with((foreign_code *)c, constants, call_open, (void *)group, err);
}

static laminar_status
call_accumulate(const laminar_aggregate *g, foreign_frame *f, void *group) {
    return g->accumulate(g->context, group, &f->call, &f->failure);
}

status
foreign_accumulate(routine_code *c, void *group, const routine_rows *rows, error *err) {
    return call_with((foreign_code *)c, rows, call_accumulate, group, err);
}

static laminar_status
call_retract(const laminar_aggregate *g, foreign_frame *f, void *group) {
    return g->retract(g->context, group, &f->call, &f->failure);
}

status
foreign_retract(routine_code *c, void *group, const routine_rows *rows, error *err) {
    return call_with((foreign_code *)c, rows, call_retract, group, err);
}

/* Not in a frame: what ends cannot fail, and may be the end of the program. */
void
foreign_drop(routine_code *base, void *group) {
    const foreign_code *c = (foreign_code *)base;
    inside_frame        inside;
    if (foreign_enter(c, &inside)) {
        c->aggregate.drop(c->aggregate.context, group);
        foreign_leave(&inside);
    }
}

status
foreign_merge(routine_code *base, void *group, const void *other, error *err) {
    foreign_code *c = (foreign_code *)base;
    arena         a;
    foreign_frame f;
    arena_init(&a, c->mem);
    status s = foreign_begin(&f, c, &foreign_no_rows, &a, err);
    if (s == OK) {
        const laminar_status given =
            c->aggregate.merge(c->aggregate.context, &f.call, group, other, &f.failure);
        s = foreign_end(&f, given, err);
    }
    arena_fini(&a);
    return s;
}

status
foreign_evaluate(routine_code *base, void *const *groups, int32_t count, arena *a, column *out,
                 error *err) {
    foreign_code *c = (foreign_code *)base;
    foreign_frame f;
    TRY(foreign_begin(&f, c, &foreign_no_rows, a, err));
    const laminar_status s = c->aggregate.evaluate(c->aggregate.context, &f.call, groups, count,
                                                   &f.out, &f.out_type, &f.failure);
    TRY(foreign_end(&f, s, err));
    return foreign_take(&f, out, c->result_type, count, false, "result", a, err);
}

status
foreign_save(routine_code *base, void *const *groups, int32_t count, arena *a, column *out,
             error *err) {
    foreign_code *c = (foreign_code *)base;
    foreign_frame f;
    TRY(foreign_begin(&f, c, &foreign_no_rows, a, err));
    const laminar_status s = c->aggregate.save(c->aggregate.context, &f.call, groups, count, &f.out,
                                               &f.out_type, &f.failure);
    TRY(foreign_end(&f, s, err));
    return foreign_take(&f, out, c->state_type, count, false, "state", a, err);
}

status
foreign_load(routine_code *base, const routine_rows *constants, const routine_rows *states,
             void **groups, error *err) {
    foreign_code *c = (foreign_code *)base;
    laminar_call  kept;
    arena         a;
    foreign_frame f;
    arena_init(&a, c->mem);
    status s = foreign_begin(&f, c, constants, &a, err);
    if (s == OK) {
        error          why = {.status = OK};
        laminar_status given = (laminar_status)foreign_add(&f, &kept, states, &a, &why);
        if (given >= 0) {
            given = c->aggregate.load(c->aggregate.context, &f.call, &kept, groups, &f.failure);
            foreign_release(&kept);
        }
        s = foreign_end(&f, given, err);
        if (why.status < 0 && err != NULL) {
            *err = why;
        }
    }
    arena_fini(&a);
    return s;
}
