/* SPDX-License-Identifier: Apache-2.0 */
/* bind_macro.c - functions made by CREATE FUNCTION, and those of macros.def: a call is bound as the
 * function's body with the arguments in the place of its parameters.
 *
 * The body is parsed for each call, so that nodes of it can be overwritten, and all of it stands
 * where the call stands; arguments keep their places. Within queries of the body names have other
 * meanings than around the call, so there only constants can be given. How deep and how often calls
 * are expanded is bounded: a body may call other functions, and name a parameter several times. */
#include "plan/bind.h"

#include "sql/parser.h"

#define EXPANSIONS_MAX 10000

static bool
has_columns(const ast_expr *e) {
    if (e == NULL) {
        return false;
    }
    bool any = e->kind == AST_COLUMN || e->kind == AST_STAR || e->kind == AST_COLUMNS ||
               e->kind == AST_POSITION || e->query != NULL || e->over != NULL;
    for (int32_t i = 0; i < e->arg_count && !any; i++) {
        any = has_columns(e->args[i]);
    }
    return any || has_columns(e->operand) || has_columns(e->otherwise) || has_columns(e->filter);
}

static status
check_plain_call(binder *b, text name, const ast_expr *call, bool has_over) {
    if (has_over && call->over == NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, call->position,
                     "%.*s() looks at other rows, so it needs OVER", TEXT_ARG(name));
        return error_hint(b->err, "say which: OVER (PARTITION BY ... ORDER BY ...)");
    }
    if (call->distinct || call->filter != NULL || (call->over != NULL && !has_over) ||
        call->order_count > 0 || call->arg_names != NULL || call->nulls != AST_NULLS_DEFAULT) {
        error_set_at(b->err, ERR_QUERY_FAILED, call->position,
                     "%.*s() is an SQL function: its call has arguments and nothing else",
                     TEXT_ARG(name));
        return error_hint(b->err, "give them in their order; put DISTINCT, FILTER or OVER into "
                                  "the function");
    }
    return OK;
}

static status
wrong_count(binder *b, const object *f, const ast_expr *call, const ast_statement *made) {
    const char *const plural = made->target_count == 1 ? "" : "s";
    error_set_at(b->err, ERR_QUERY_FAILED, call->position,
                 "%.*s() takes %d argument%s, and %d %s given", TEXT_ARG(f->name),
                 made->target_count, plural, call->arg_count, call->arg_count == 1 ? "is" : "are");
    return error_hint(b->err, "SHOW CREATE %.*s shows it", TEXT_ARG(f->name));
}

/* Which parameter argument i of the call is for. */
static status
place_of(int32_t *out, binder *b, const object *f, const ast_expr *call, const ast_statement *made,
         int32_t i) {
    const ast_name *name = call->arg_names == NULL ? NULL : &call->arg_names[i];
    text            names[SQL_ARGUMENTS_MAX];
    *out = i;
    if (name == NULL || name->text.data == NULL) {
        return i < made->target_count ? OK : wrong_count(b, f, call, made);
    }
    for (*out = 0; *out < made->target_count; (*out)++) {
        if (name_matches(name, made->targets[*out].text)) {
            return OK;
        }
        names[*out] = made->targets[*out].text;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, name->position, "%.*s() has no parameter \"%.*s\"",
                 TEXT_ARG(f->name), TEXT_ARG(name->text));
    hint_nearest(b, name->text, names, made->target_count, "parameters");
    return ERR_QUERY_FAILED;
}

/* The call with an argument for each parameter, in their order: those with names at their places,
 * defaults for what is not given. */
static status
order_arguments(ast_expr *out, binder *b, const object *f, const ast_expr *call,
                const ast_statement *made) {
    const int32_t count = made->target_count;
    ast_expr    **args = arena_alloc_zero(b->arena, (size_t)(count + 1) * sizeof(*args));
    TRY(args == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < call->arg_count; i++) {
        int32_t at;
        TRY(place_of(&at, b, f, call, made, i));
        if (args[at] != NULL) {
            return error_set_at(b->err, ERR_QUERY_FAILED, call->args[i]->position,
                                "parameter \"%.*s\" of %.*s() is given twice",
                                TEXT_ARG(made->targets[at].text), TEXT_ARG(f->name));
        }
        args[at] = call->args[i];
    }
    for (int32_t i = 0; i < count; i++) {
        args[i] = args[i] == NULL ? made->target_defaults[i] : args[i];
        TRY(args[i] == NULL ? wrong_count(b, f, call, made) : OK);
    }
    *out = *call;
    out->args = args;
    out->arg_count = count;
    out->arg_names = NULL;
    return check_plain_call(b, f->name, out, false);
}

static status
begin(binder *b, object *f, const ast_expr *call, int32_t height) {
    if (b->expanded_height + height > SQL_HEIGHT_MAX || ++b->expansion_count > EXPANSIONS_MAX) {
        error_set_at(b->err, ERR_QUERY_FAILED, call->position,
                     b->expansion_count > EXPANSIONS_MAX
                         ? "calls of SQL functions expand to more than 10,000 calls"
                         : "calls of SQL functions nest too deep");
        return error_hint(b->err, "compute parts in a subquery");
    }
    b->expanded_height += height;
    return f == NULL ? OK : remember_object(b, f);
}

static ast_expr *
cast_to(binder *b, ast_expr *e, const ast_type *type) {
    ast_expr  *cast = arena_alloc_zero(b->arena, sizeof(*cast));
    ast_expr **args = arena_alloc(b->arena, sizeof(*args));
    if (cast == NULL || args == NULL) {
        return NULL;
    }
    args[0] = e;
    *cast = (ast_expr){.kind = AST_CAST,
                       .position = e->position,
                       .end = e->end,
                       .height = (int16_t)(e->height + 1),
                       .nesting = (int16_t)(e->nesting + 1),
                       .type = *type,
                       .arg_count = 1,
                       .args = args};
    return cast;
}

/* The arguments in the place of the parameters. */
static status
put_arguments(binder *b, text name, const ast_expr *call, const ast_statement *made) {
    for (int32_t i = 0; i < made->use_count; i++) {
        ast_expr       *use = made->uses[i];
        ast_expr       *given = call->args[use->number - 1];
        const ast_type *type = &made->target_types[use->number - 1];
        if (use->in_query && has_columns(given)) {
            error_set_at(b->err, ERR_QUERY_FAILED, given->position,
                         "parameter \"%.*s\" of %.*s() stands in a query of its body, so a "
                         "constant must be given for it",
                         TEXT_ARG(use->text), TEXT_ARG(name));
            return error_hint(b->err, "give a constant, or write the query out where it is called");
        }
        if (type->name.text.data != NULL) {
            given = cast_to(b, given, type);
            if (given == NULL) {
                return out_of_memory(b);
            }
        }
        *use = *given;
    }
    return OK;
}

static status
read_function(const ast_statement **out, binder *b, const object *f, const ast_expr *call) {
    ast_statement *made = NULL;
    ast_expr       ordered;
    TRY(sql_parse_function(&made, b->arena, f->sql, call->position, b->err));
    TRY(order_arguments(&ordered, b, f, call, made));
    TRY(put_arguments(b, f->name, &ordered, made));
    *out = made;
    return OK;
}

static object *
find_function(const binder *b, const ast_name *name, bool rows) {
    if (b->catalog == NULL) {
        return NULL;
    }
    object *f = catalog_find(catalog_functions(b->catalog), name->text, name->quoted);
    return f != NULL && f->routine == NULL && f->gives_rows == rows ? f : NULL;
}

static status
bind_body(expr **out, context *c, object *f, const ast_expr *call, const ast_expr *body) {
    binder       *b = c->binder;
    const int32_t height = body->height;
    TRY(begin(b, f, call, height));
    const status bound = bind_expr(out, c, body);
    b->expanded_height -= height;
    return bound;
}

/* OVER () in a body of macros.def is the place of the call's own. True: there is one. */
static bool
put_over(ast_expr *body, ast_over *over) {
    bool any = body->over != NULL;
    if (any) {
        body->over = over;
    }
    for (int32_t i = 0; i < body->arg_count; i++) {
        any = put_over(body->args[i], over) || any;
    }
    return any;
}

static status
bind_built_in(expr **out, context *c, const ast_expr *e, bool *done) {
    binder        *b = c->binder;
    const char    *sql = function_macro(e->name.text, e->arg_count);
    ast_statement *made = NULL;
    *done = sql != NULL;
    if (sql == NULL) {
        return OK;
    }
    TRY(sql_parse_function(&made, b->arena, text_of(sql), e->position, b->err));
    TRY(check_plain_call(b, e->name.text, e, put_over(made->value, e->over)));
    TRY(put_arguments(b, e->name.text, e, made));
    return bind_body(out, c, NULL, e, made->value);
}

status
bind_sql_function(expr **out, context *c, const ast_expr *e, bool *done) {
    binder *b = c->binder;
    TRY(bind_routine_call(out, c, e, done));
    if (*done) {
        return OK;
    }
    object *f = find_function(b, &e->name, false);
    if (f == NULL) {
        return bind_built_in(out, c, e, done);
    }
    *done = true;
    const ast_statement *made = NULL;
    TRY(read_function(&made, b, f, e));
    const ast_expr *body = made->value;
    if (made->returns.name.text.data != NULL) {
        body = cast_to(b, made->value, &made->returns);
        if (body == NULL) {
            return out_of_memory(b);
        }
    }
    return bind_body(out, c, f, e, body);
}

status
bind_table_macro(plan_node **out, scope *s, binder *b, const ast_from *from, bool *done) {
    const ast_expr *call = from->call;
    object         *f = find_function(b, &call->name, true);
    *done = f != NULL;
    if (f == NULL) {
        return OK;
    }
    const ast_statement *made = NULL;
    TRY(read_function(&made, b, f, call));
    TRY(begin(b, f, call, 1));
    cte *const   ctes = b->ctes;
    level *const levels = b->levels;
    b->ctes = NULL;
    b->levels = NULL;
    const status bound = bind_query(out, b, made->select);
    b->ctes = ctes;
    b->levels = levels;
    b->expanded_height--;
    TRY(bound);
    return scope_of_node(s, b, *out, from->alias.text.data != NULL ? from->alias.text : f->name);
}

/* ---- CREATE FUNCTION */

status
plan_function(object *out, const catalog *c, const ast_statement *s, error *err) {
    /* Code of the program's hides what is built in: a program that brings its own knows why. */
    if (s->external == NULL && (function_exists(s->name.text) || agg_exists(s->name.text))) {
        error_set_at(err, ERR_TABLE_EXISTS, s->name.position, "%.*s() is built in",
                     TEXT_ARG(s->name.text));
        return error_hint(err, "give the function another name");
    }
    if (s->external != NULL) {
        return plan_external(out, s, err);
    }
    out->gives_rows = s->select != NULL;
    out->inputs = arena_alloc(&out->arena, sizeof(object *) * (size_t)(s->called_count + 1));
    if (out->inputs == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->called_count; i++) {
        const ast_name *name = &s->called[i];
        object         *called = catalog_find(catalog_functions(c), name->text, name->quoted);
        if (called != NULL) {
            out->inputs[out->input_count++] = called;
        }
    }
    return OK;
}
