/* SPDX-License-Identifier: Apache-2.0 */
/* compile_term.c - terms, registers and steps of a program being compiled; equal terms are computed
 * once, constant ones now. */
#include "expr/compile.h"

status
compile_grow(compiler *c, void *items, int32_t count, int32_t *capacity, size_t size) {
    if (count < *capacity) {
        return OK;
    }
    const int32_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    void         *old;
    memcpy(&old, items, sizeof(old));
    void *moved = arena_alloc(c->arena, (size_t)wanted * size);
    if (moved == NULL) {
        return error_memory(c->err);
    }
    if (count > 0) {
        memcpy(moved, old, (size_t)count * size);
    }
    memcpy(items, &moved, sizeof(moved));
    *capacity = wanted;
    return OK;
}

/* ---- making things */
static status
new_reg(compiler *c, int32_t *out) {
    program *p = c->program;
    TRY(compile_grow(c, &p->regs, p->reg_count, &c->reg_capacity, sizeof(*p->regs)));
    p->regs[p->reg_count] = (reg){.is_constant = false};
    *out = p->reg_count++;
    return OK;
}

static status
new_term(compiler *c, const term *t, int32_t *out) {
    TRY(compile_grow(c, &c->terms, c->term_count, &c->term_capacity, sizeof(*c->terms)));
    c->terms[c->term_count] = *t;
    *out = c->term_count++;
    return OK;
}

static status
push_step(compiler *c, const step *s) {
    program *p = c->program;
    TRY(compile_grow(c, &p->steps, p->step_count, &c->step_capacity, sizeof(*p->steps)));
    p->steps[p->step_count++] = *s;
    return OK;
}

static status
bind(compiler *c, scope *s, int32_t t, int32_t at) {
    TRY(compile_grow(c, &s->bindings, s->binding_count, &s->binding_capacity,
                     sizeof(*s->bindings)));
    s->bindings[s->binding_count++] = (binding){.term = t, .reg = at};
    return OK;
}

/* ---- registers */
static int32_t
find_binding(const scope *s, int32_t t) {
    for (int32_t i = s->binding_count - 1; i >= 0; i--) {
        if (s->bindings[i].term == t) {
            return s->bindings[i].reg;
        }
    }
    return -1;
}

static bool
is_available(const compiler *c, int32_t t) {
    if (c->terms[t].is_constant) {
        return true;
    }
    for (const scope *s = c->scope; s != NULL; s = s->parent) {
        if (find_binding(s, t) >= 0) {
            return true;
        }
    }
    return false;
}

/* Scopes nest no deeper than expressions. */
static status
reg_in(compiler *c, scope *s, int32_t t, int32_t *out) {
    *out = find_binding(s, t);
    if (*out >= 0) {
        return OK;
    }
    assert(s->parent != NULL);
import m;
    TRY(reg_in(c, s->parent, t, &m.from));
    TRY(new_reg(c, &m.to));
    TRY(compile_grow(c, &s->imports, s->import_count, &s->import_capacity, sizeof(m)));
    s->imports[s->import_count++] = m;
    *out = m.to;
    return bind(c, s, t, m.to);
}

status
compile_reg(compiler *c, int32_t t, int32_t *out) {
    if (c->terms[t].is_constant) {
        *out = c->terms[t].constant_reg;
        return OK;
    }
    return reg_in(c, c->scope, t, out);
}

/* ---- leaves */
status
compile_constant(compiler *c, const value *v, int32_t *out) {
    for (int32_t i = 0; i < c->term_count; i++) {
        if (c->terms[i].is_constant && constant_equal(&c->terms[i].constant, v)) {
            *out = i;
            return OK;
        }
    }
    term t = {.type = v->type, .column = -1, .is_constant = true, .constant = *v};
    TRY(new_reg(c, &t.constant_reg));
    reg *g = &c->program->regs[t.constant_reg];
    TRY(column_constant(&g->column, v, 1, c->arena, c->err));
    g->is_constant = true;
    return new_term(c, &t, out);
}

status
compile_column(compiler *c, const expr *e, int32_t *out) {
    assert(e->column >= 0 && e->column < c->input->count);
    assert(type_equal(e->type, c->input->fields[e->column].type));
    for (int32_t i = 0; i < c->term_count; i++) {
        if (c->terms[i].column == e->column) {
            *out = i;
            return OK;
        }
    }
    program *p = c->program;
    load     l = {.column = e->column};
    TRY(new_reg(c, &l.dst));
    TRY(compile_grow(c, &p->loads, p->load_count, &c->load_capacity, sizeof(l)));
    p->loads[p->load_count++] = l;
    const term t = {.type = e->type, .column = e->column};
    TRY(new_term(c, &t, out));
    return bind(c, &c->root, *out, l.dst);
}

/* ---- computed terms */
static int32_t
find_term(const compiler *c, const step *s, const int32_t *args, int32_t arg_count,
          const expr *whole) {
    for (int32_t i = 0; i < c->term_count; i++) {
        const term *t = &c->terms[i];
        if (t->column < 0 && !t->is_constant && t->kind == s->kind &&
            type_equal(t->type, s->type) && t->function == s->function &&
            t->routine == s->routine && t->serial == s->serial && t->arg_count == arg_count &&
            (arg_count == 0 || memcmp(t->args, args, (size_t)arg_count * sizeof(*args)) == 0) &&
            (t->whole == NULL) == (whole == NULL) &&
            (whole == NULL || expr_equal(t->whole, whole))) {
            return i;
        }
    }
    return -1;
}

static status
prepare(compiler *c, step *s, const int32_t *args) {
    if (s->kind != STEP_CALL) {
        return OK;
    }
    const size_t  n = (size_t)s->arg_count;
    const value **constants = arena_alloc(c->arena, n * sizeof(*constants));
    data_type    *types = arena_alloc(c->arena, n * sizeof(*types));
    s->operands = arena_alloc(c->arena, n * sizeof(*s->operands));
    if (constants == NULL || types == NULL || s->operands == NULL) {
        return error_memory(c->err);
    }
    if (s->routine != NULL) {
        return routine_prepare(&s->state, c->arena, s->routine, s->arg_count, c->err);
    }
    if (s->function->prepare == NULL) {
        return OK;
    }
    for (int32_t i = 0; i < s->arg_count; i++) {
        const term *t = &c->terms[args[i]];
        constants[i] = t->is_constant ? &t->constant : NULL;
        types[i] = t->type;
    }
    const status done =
        s->function->prepare(&s->state, c->arena, constants, types, s->arg_count, c->err);
    if (done < 0 && done != ERR_OUT_OF_MEMORY && c->err != NULL) {
        c->err->position = s->position;
    }
    return done;
}

/* Computes a step whose arguments are constant. *out stays -1 when it fails on its data: then it
 * fails again, for the rows that need it. */
static status
fold(compiler *c, step *s, int32_t *out) {
    error        own = {.status = OK};
    run          r = {.program = c->program, .scratch = c->arena, .err = &own, .row_count = 1};
    const status done = step_run(&r, s);
    *out = -1;
    if (done == ERR_OUT_OF_MEMORY) {
        return error_memory(c->err);
    }
    if (done < 0) {
        return OK;
    }
    value v = column_value(&c->program->regs[s->dst].column, 0);
    v.type = s->type;
    return compile_constant(c, &v, out);
}

static bool
is_null_call(const compiler *c, const step *s, const int32_t *args, int32_t arg_count) {
    const bool strict = s->kind == STEP_CAST || s->kind == STEP_TRY_CAST || s->kind == STEP_NOT ||
                        (s->kind == STEP_CALL && (s->function->flags & FN_NULLS) == 0);
    for (int32_t i = 0; strict && i < arg_count; i++) {
        const term *t = &c->terms[args[i]];
        if (t->is_constant && t->constant.is_null) {
            return true;
        }
    }
    return false;
}

static bool
are_constant(const compiler *c, const int32_t *args, int32_t arg_count) {
    for (int32_t i = 0; i < arg_count; i++) {
        if (!c->terms[args[i]].is_constant) {
            return false;
        }
    }
    return true;
}

status
compile_step(compiler *c, const step *proto, const int32_t *args, int32_t arg_count,
             const expr *whole, int32_t *out) {
    if (is_null_call(c, proto, args, arg_count)) {
        const value v = {.type = proto->type, .is_null = true};
        return compile_constant(c, &v, out);
    }
    int32_t known = find_term(c, proto, args, arg_count, whole);
    if (known >= 0 && is_available(c, known)) {
        *out = known;
        return OK;
    }
    step     s = *proto;
    int32_t *terms = arena_alloc(c->arena, (size_t)arg_count * sizeof(*terms));
    s.args = arena_alloc(c->arena, (size_t)arg_count * sizeof(*s.args));
    s.arg_count = arg_count;
    if (terms == NULL || s.args == NULL) {
        return error_memory(c->err);
    }
    for (int32_t i = 0; i < arg_count; i++) {
        terms[i] = args[i];
        TRY(compile_reg(c, args[i], &s.args[i]));
    }
    TRY(prepare(c, &s, args));
    TRY(new_reg(c, &s.dst));
    if (are_constant(c, args, arg_count) && !step_is_volatile(&s) && s.routine == NULL) {
        TRY(fold(c, &s, out));
        if (*out >= 0) {
            return OK;
        }
    }
    if (known < 0) {
        const term t = {.kind = s.kind,
                        .type = s.type,
                        .column = -1,
                        .function = s.function,
                        .routine = s.routine,
                        .serial = s.serial,
                        .whole = whole,
                        .arg_count = arg_count,
                        .args = terms};
        TRY(new_term(c, &t, &known));
    }
    *out = known;
    TRY(push_step(c, &s));
    return bind(c, c->scope, known, s.dst);
}

/* ---- choices */
int32_t
compile_find_choice(const compiler *c, const expr *e) {
    const step    s = {.kind = STEP_CLOSE, .type = e->type};
    const int32_t t = find_term(c, &s, NULL, 0, e);
    return t >= 0 && is_available(c, t) ? t : -1;
}

status
compile_choice_step(compiler *c, step_kind kind, int32_t choice_number, const expr *e,
                    int32_t arg) {
    step s = {.kind = kind, .type = e->type, .position = e->position, .choice = choice_number};
    if (arg >= 0) {
        s.args = arena_alloc(c->arena, sizeof(*s.args));
        if (s.args == NULL) {
            return error_memory(c->err);
        }
        s.arg_count = 1;
        TRY(compile_reg(c, arg, &s.args[0]));
    }
    return push_step(c, &s);
}

status
compile_open(compiler *c, step_kind kind, const expr *e, int32_t *choice_number) {
    program *p = c->program;
    TRY(compile_grow(c, &p->choices, p->choice_count, &c->choice_capacity, sizeof(*p->choices)));
    *choice_number = p->choice_count++;
    p->choices[*choice_number] = (choice){.type = e->type};
    return compile_choice_step(c, kind, *choice_number, e, -1);
}

status
compile_close(compiler *c, int32_t choice_number, const expr *e, int32_t *out) {
    step s = {
        .kind = STEP_CLOSE, .type = e->type, .position = e->position, .choice = choice_number};
    *out = find_term(c, &s, NULL, 0, e); /* one of a branch that is closed now */
    if (*out < 0) {
        const term t = {.kind = STEP_CLOSE, .type = e->type, .column = -1, .whole = e};
        TRY(new_term(c, &t, out));
    }
    TRY(new_reg(c, &s.dst));
    TRY(push_step(c, &s));
    return bind(c, c->scope, *out, s.dst);
}

status
compile_enter(compiler *c, step_kind kind, int32_t choice_number, const expr *e, scope *s) {
    *s = (scope){.parent = c->scope, .enter = c->program->step_count};
    TRY(compile_choice_step(c, kind, choice_number, e, -1));
    c->scope = s;
    return OK;
}

status
compile_leave(compiler *c, int32_t choice_number, const expr *e) {
    const scope *s = c->scope;
    TRY(compile_choice_step(c, STEP_LEAVE, choice_number, e, -1));
    step *enter = &c->program->steps[s->enter];
    enter->imports = s->imports;
    enter->import_count = s->import_count;
    enter->jump = c->program->step_count;
    c->scope = s->parent;
    return OK;
}
