/* SPDX-License-Identifier: Apache-2.0 */
/* bind_routine.c - functions whose code is the program's: CREATE FUNCTION ... LANGUAGE EXTERNAL,
 * and calls of those that give a value a row. */
#include "batch/routine.h"

#include "plan/bind.h"
#include "type/nested.h"

object *
find_routine(const binder *b, const ast_name *name) {
    if (b->catalog == NULL) {
        return NULL;
    }
    object *f = catalog_find(catalog_functions(b->catalog), name->text, name->quoted);
    return f != NULL && f->routine != NULL ? f : NULL;
}

const routine *
remembered_routine(const binder *b, const object *f) {
    const plan_routine *p = b->routines;
    while (p != NULL && p->of != f) {
        p = p->next;
    }
    return p == NULL ? NULL : p->routine;
}

status
remember_routine(binder *b, object *f) {
    const uint32_t flags = f->routine->flags;
    if (remembered_routine(b, f) != NULL) {
        return OK;
    }
    plan_routine *p = arena_alloc_zero(b->arena, sizeof(*p));
    if (p == NULL) {
        return out_of_memory(b);
    }
    *p = (plan_routine){.next = b->routines, .of = f};
    TRY(routine_fork(&p->routine, f->routine, b->err));
    if (!arena_cleanup_add(b->arena, routine_release, p->routine)) {
        routine_release(p->routine);
        return out_of_memory(b);
    }
    b->routines = p;
    b->in_turn |= (flags & ROUTINE_PARALLEL) == 0;
    b->on_caller |= (flags & ROUTINE_PARALLEL) == 0 || (flags & ROUTINE_ON_CALLER) != 0;
    return remember_object(b, f);
}

/* ---- arguments */
static void
print_signature(const routine *r, buf *out) {
    buf_printf(out, "%.*s(", TEXT_ARG(r->name));
    for (int32_t i = 0; i < r->argument_count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ",
                   r->arguments[i].id == TYPE_NULL ? "ANY" : type_name(r->arguments[i]));
    }
    buf_append_text(out, TEXT(")"));
}

static status
refuse_arguments(binder *b, const routine *r, int32_t position, const expr *wrong, int32_t at,
                 int32_t count) {
    buf takes;
    buf_init(&takes, b->arena->mem, 400);
    print_signature(r, &takes);
    const text shown = takes.failed ? r->name : buf_text(&takes);
    if (wrong == NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, position,
                     "%.*s takes %d argument%s, and %d %s given", TEXT_ARG(shown),
                     r->argument_count, r->argument_count == 1 ? "" : "s", count,
                     count == 1 ? "is" : "are");
        error_hint(b->err, "SHOW CREATE \"%.*s\" shows it", TEXT_ARG(r->name));
    } else {
        error_set_at(b->err, ERR_QUERY_FAILED, wrong->position,
                     "argument %d of %.*s is a %s, which does not become a %s by itself", at + 1,
                     TEXT_ARG(shown), type_name(wrong->type), type_name(r->arguments[at]));
        error_hint(b->err, "cast it: CAST(... AS %s)", type_name(r->arguments[at]));
    }
    buf_fini(&takes);
    return ERR_QUERY_FAILED;
}

status
bind_routine_arguments(expr **args, int32_t count, binder *b, const routine *r, int32_t position) {
    if (r->argument_count >= 0 && r->argument_count != count) {
        return refuse_arguments(b, r, position, NULL, 0, count);
    }
    for (int32_t i = 0; i < r->argument_count; i++) {
        const data_type to = r->arguments[i];
        if (to.id == TYPE_NULL || type_equal(to, args[i]->type)) {
            continue;
        }
        if (args[i]->kind != EXPR_CONSTANT && !type_casts_implicitly(args[i]->type, to)) {
            return refuse_arguments(b, r, position, args[i], i, count);
        }
        TRY(cast_expr(&args[i], b, to));
    }
    return OK;
}

/* ---- scalar calls */
static status
check_plain(binder *b, const ast_expr *e) {
    if (e->distinct || e->filter != NULL || e->over != NULL || e->order_count > 0 ||
        e->arg_names != NULL || e->nulls != AST_NULLS_DEFAULT) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "%.*s() gives a value for each row: its call has arguments and nothing else",
                     TEXT_ARG(e->name.text));
        return error_hint(b->err,
                          "give them in their order, without names; DISTINCT, FILTER, ORDER "
                          "BY and OVER belong to aggregates");
    }
    return OK;
}

status
bind_routine_call(expr **out, context *c, const ast_expr *e, bool *done) {
    binder *b = c->binder;
    object *f = find_routine(b, &e->name);
    *done = f != NULL && (f->routine->kind == ROUTINE_SCALAR || f->routine->kind == ROUTINE_ROWS);
    if (!*done) {
        return OK;
    }
    expr **args;
    if (strcmp(c->clause, "CHECK") == 0) { /* which is asked again when a log is run */
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "a CHECK cannot call %.*s(), whose code may be missing", TEXT_ARG(f->name));
        return error_hint(b->err, "write the condition in SQL");
    }
    TRY(check_plain(b, e));
    TRY(make_args(&args, b, e->arg_count));
    for (int32_t i = 0; i < e->arg_count; i++) {
        TRY(bind_expr(&args[i], c, e->args[i]));
    }
    TRY(count_nodes(b, 1 + e->arg_count, e->position));
    TRY(bind_routine_arguments(args, e->arg_count, b, f->routine, e->position));
    TRY(remember_routine(b, f));
    *out = expr_routine_call(b->arena, remembered_routine(b, f), args, e->arg_count, e->position);
    if (*out == NULL) {
        return out_of_memory(b);
    }
    if (!expr_is_constant_call(*out)) {
        (*out)->column = ++b->volatile_count;
    }
    return OK;
}

/* ---- CREATE FUNCTION */
static status
refuse_form(const ast_statement *s, const char *what, error *err) {
    return error_set_at(err, ERR_QUERY_FAILED, s->name.position, "function \"%.*s\": %s",
                        TEXT_ARG(s->name.text), what);
}

static status
check_form(const routine *r, const ast_statement *s, error *err) {
    const uint32_t words = s->external->words;
    if ((words & AST_EXTERNAL_AGGREGATE) != 0 && (words & AST_EXTERNAL_PROCESSOR) != 0) {
        return refuse_form(s, "it is an aggregate or a processor, not both", err);
    }
    if (r->result.id == TYPE_NULL) {
        return refuse_form(s, "its result has no type", err);
    }
    if (r->kind == ROUTINE_ROWS &&
        (r->result.id != TYPE_LIST || type_item(r->result).id != TYPE_STRUCT)) {
        return refuse_form(s, "rows come as a list of structs: STRUCT(a BIGINT, ...)[]", err);
    }
    if (r->kind == ROUTINE_PROCESSOR && r->result.id != TYPE_STRUCT) {
        return refuse_form(s, "rows of a processor are structs: STRUCT(a BIGINT, ...)", err);
    }
    return OK;
}

static uint32_t
flags_of(uint32_t words) {
    uint32_t flags = 0;
#define EXTERNAL_KIND(name)
#define EXTERNAL_FLAG(name)                                                                        \
    flags |= (words & (uint32_t)AST_EXTERNAL_##name) != 0 ? (uint32_t)ROUTINE_##name : 0;
#include "sql/external.def"
    return flags;
}

uint32_t
plan_external_words(routine_kind kind, uint32_t flags, bool variadic) {
    uint32_t words = variadic ? AST_EXTERNAL_VARIADIC : 0;
    words |= kind == ROUTINE_AGGREGATE   ? AST_EXTERNAL_AGGREGATE
             : kind == ROUTINE_PROCESSOR ? AST_EXTERNAL_PROCESSOR
             : kind == ROUTINE_ROWS      ? AST_EXTERNAL_ROWS
                                         : 0;
#define EXTERNAL_KIND(name)
#define EXTERNAL_FLAG(name)                                                                        \
    words |= (flags & (uint32_t)ROUTINE_##name) != 0 ? (uint32_t)AST_EXTERNAL_##name : 0;
#include "sql/external.def"
    return words;
}

static status
read_types(routine *r, data_type *arguments, const ast_statement *s, error *err) {
    for (int32_t i = 0; i < s->target_count; i++) {
        const ast_type *t = &s->target_types[i];
        arguments[i] = type_of(TYPE_NULL);
        if (t->name.text.data != NULL) {
            TRY(bind_type(&arguments[i], t, ERR_QUERY_FAILED, err));
        }
    }
    r->state = type_of(TYPE_NULL);
    if (s->external->state.name.text.data != NULL) {
        TRY(bind_type(&r->state, &s->external->state, ERR_QUERY_FAILED, err));
    }
    return bind_type(&r->result, &s->returns, ERR_QUERY_FAILED, err);
}

status
plan_external(object *out, const ast_statement *s, error *err) {
    const uint32_t words = s->external->words;
    data_type      arguments[SQL_ARGUMENTS_MAX];
    routine        like = {
               .name = s->name.text,
               .kind = (words & AST_EXTERNAL_AGGREGATE) != 0   ? ROUTINE_AGGREGATE
                       : (words & AST_EXTERNAL_PROCESSOR) != 0 ? ROUTINE_PROCESSOR
                       : (words & AST_EXTERNAL_ROWS) != 0      ? ROUTINE_ROWS
                                                               : ROUTINE_SCALAR,
               .flags = flags_of(words),
               .argument_count = (words & AST_EXTERNAL_VARIADIC) != 0 ? -1 : s->target_count,
               .arguments = arguments,
               .version = s->external->version,
    };
    TRY(read_types(&like, arguments, s, err));
    TRY(check_form(&like, s, err));
    out->gives_rows = like.kind == ROUTINE_ROWS || like.kind == ROUTINE_PROCESSOR;
    return routine_new(&out->routine, out->arena.mem, &like, err);
}
