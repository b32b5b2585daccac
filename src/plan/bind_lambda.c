/* SPDX-License-Identifier: Apache-2.0 */
/* bind_lambda.c - list_transform(l, x -> ...), list_filter and list_reduce.
 *
 * The body is bound where it stands, its names being placeholder columns (LAMBDA_BASE + i). Then it
 * is cut off: what does not depend on the names and can be computed for every row becomes an
 * argument of the call, and the body's columns are its own: the names, then these captures. So
 * everything that walks expressions sees the arguments alone. */
#include "plan/bind.h"

#include "plan/node.h"
#include "type/nested.h"

struct lambda_names {
    const lambda_names *outer;
    const ast_expr     *ast;
    const data_type    *types;
    int32_t             base; /* column of the first */
};

static const struct {
    const char *name;
    lambda_kind kind;
} functions[] = {{"list_transform", LAMBDA_TRANSFORM},
                 {"list_apply", LAMBDA_TRANSFORM},
                 {"array_transform", LAMBDA_TRANSFORM},
                 {"array_apply", LAMBDA_TRANSFORM},
                 {"list_filter", LAMBDA_FILTER},
                 {"array_filter", LAMBDA_FILTER},
                 {"list_reduce", LAMBDA_REDUCE},
                 {"array_reduce", LAMBDA_REDUCE},
                 {"apply", LAMBDA_TRANSFORM},
                 {"filter", LAMBDA_FILTER},
                 {"reduce", LAMBDA_REDUCE}};

static bool
find_kind(const ast_expr *e, lambda_kind *out) {
    for (int32_t i = 0; i < ARRAY_COUNT(functions); i++) {
        if (ast_is_call(e, functions[i].name)) {
            *out = functions[i].kind;
            return true;
        }
    }
    return false;
}

bool
is_lambda_call(const ast_expr *e) {
    lambda_kind kind;
    return find_kind(e, &kind) && e->arg_count > 1 && e->args[1]->kind == AST_LAMBDA;
}

/* ---- names */

status
bind_lambda_name(expr **out, context *c, const ast_expr *e, bool *done) {
    const bool      bare = e->qualifier.text.data == NULL;
    const ast_name *wanted = bare ? &e->name : &e->qualifier;
    *done = false;
    for (const lambda_names *l = c->lambda; l != NULL; l = l->outer) {
        for (int32_t i = 0; i < l->ast->number; i++) {
            if (!name_matches(wanted, l->ast->arg_names[i].text) ||
                (!bare && l->types[i].id != TYPE_STRUCT)) {
                continue;
            }
            *done = true;
            expr *named = make_column(c->binder, l->base + i, l->types[i], e->position);
            TRY(named == NULL ? out_of_memory(c->binder) : OK);
            *out = named;
            return bare ? OK : bind_field(out, c->binder, named, e->name.text, e->name.position);
        }
    }
    return OK;
}

/* ---- cutting the body off */

typedef struct cut {
    binder *b;
    int32_t base;  /* placeholders base .. base + LAMBDA_NAMES - 1 are the names */
    int32_t first; /* column of the first capture */
    int32_t count, capacity;
    expr  **captures;
} cut;

static bool
holds_name(const expr *e, int32_t base) {
    if (e->kind == EXPR_COLUMN && e->column >= base) {
        return true; /* those of lambdas within are gone by now */
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (holds_name(e->args[i], base)) {
            return true;
        }
    }
    return false;
}

static status
capture(cut *k, expr **e) {
    int32_t at = 0;
    while (at < k->count && !expr_equal(k->captures[at], *e)) {
        at++;
    }
    if (at == k->capacity) {
        const int32_t more = k->capacity == 0 ? 8 : 2 * k->capacity;
        expr        **grown;
        TRY(make_args(&grown, k->b, more));
        for (int32_t i = 0; i < k->count; i++) {
            grown[i] = k->captures[i];
        }
        k->captures = grown;
        k->capacity = more;
    }
    if (at == k->count) {
        k->captures[k->count++] = *e;
    }
    *e = make_column(k->b, k->first + at, (*e)->type, (*e)->position);
    return *e == NULL ? out_of_memory(k->b) : OK;
}

static status
cut_expr(cut *k, expr **e) {
    expr *x = *e;
    if (x->kind == EXPR_CONSTANT) {
        return OK;
    }
    if (!holds_name(x, k->base)) {
        const bool computed = x->kind != EXPR_COLUMN && x->kind != EXPR_OUTER;
        if (!computed || expr_is_volatile(x) || expr_cannot_fail(x)) {
            return capture(k, e);
        }
    } else if (x->kind == EXPR_COLUMN) {
        x->column -= k->base;
        return OK;
    }
    for (int32_t i = 0; i < x->arg_count; i++) {
        TRY(cut_expr(k, &x->args[i]));
    }
    return OK;
}

/* ---- the call */

typedef struct lambda_call {
    lambda_kind     kind;
    const ast_expr *ast; /* the lambda */
    int32_t         name_count;
    data_type       types[LAMBDA_NAMES];
    expr           *list, *start, *body;
} lambda_call;

static status
bind_body(lambda_call *l, context *c) {
    const lambda_names *outer = c->lambda;
    const bool          unnests = c->unnests;
    const lambda_names  names = {.outer = outer,
                                 .ast = l->ast,
                                 .types = l->types,
                                 .base = outer == NULL ? LAMBDA_BASE : outer->base + LAMBDA_NAMES};
    c->lambda = &names;
    c->unnests = false;
    TRY(bind_expr(&l->body, c, l->ast->args[0]));
    c->lambda = outer;
    c->unnests = unnests;
    return OK;
}

static status
check_names(lambda_call *l, binder *b, const ast_expr *e) {
    const int32_t least = l->kind == LAMBDA_REDUCE ? 2 : 1;
    if (l->ast->number >= least && l->ast->number <= l->name_count) {
        return OK;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, l->ast->position,
                 "the lambda of %.*s() has %d or %d names, not %d", TEXT_ARG(e->name.text), least,
                 l->name_count, l->ast->number);
    return error_hint(b->err, l->kind == LAMBDA_REDUCE
                                  ? "write (so_far, item) -> ... or (so_far, item, position) -> ..."
                                  : "write item -> ... or (item, position) -> ...");
}

static status
bind_lists(lambda_call *l, context *c, const ast_expr *e) {
    binder *b = c->binder;
    TRY(bind_expr(&l->list, c, e->args[0]));
    if (l->list->type.id == TYPE_NULL) {
        data_type nothing;
        TRY(located(b, type_list(&nothing, type_of(TYPE_NULL), b->err), e->position));
        TRY(cast_expr(&l->list, b, nothing));
    }
    if (l->list->type.id != TYPE_LIST) {
        error_set_at(b->err, ERR_QUERY_FAILED, l->list->position, "%.*s() takes a list, not %s",
                     TEXT_ARG(e->name.text), type_name(l->list->type));
        return error_hint(b->err, "map_entries(m), map_keys(m) and map_values(m) make lists");
    }
    if (type_array_size(l->list->type) >= 0) { /* of any size from here on */
        data_type any;
        TRY(located(b, type_list(&any, type_item(l->list->type), b->err), e->position));
        TRY(cast_expr(&l->list, b, any));
    }
    const bool starts = l->kind == LAMBDA_REDUCE && e->arg_count == 3;
    if (e->arg_count > 2 && !starts) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "%.*s() takes a list and a lambda", TEXT_ARG(e->name.text));
    }
    return starts ? bind_expr(&l->start, c, e->args[2]) : OK;
}

/* What a reduction keeps has one type: of the start, the items and the body. */
static status
bind_reduction(lambda_call *l, context *c) {
    binder         *b = c->binder;
    const data_type item = type_item(l->list->type);
    data_type       kept = l->start != NULL ? l->start->type : item;
    for (int32_t round = 0; round < 3; round++) {
        l->types[0] = kept;
        l->types[1] = item;
        l->types[2] = type_of(TYPE_I64);
        TRY(bind_body(l, c));
        data_type both;
        if (type_equal(l->body->type, kept)) {
            break;
        }
        if (!type_unify(kept, l->body->type, &both)) {
            error_set_at(b->err, ERR_QUERY_FAILED, l->body->position,
                         "the reduction starts with %s, and its lambda gives %s", type_name(kept),
                         type_name(l->body->type));
            return error_hint(b->err, "cast the start or the result to one type");
        }
        if (type_equal(both, kept)) {
            break;
        }
        kept = both;
    }
    TRY(cast_expr(&l->body, b, kept));
    if (l->start != NULL) {
        return cast_expr(&l->start, b, kept);
    }
    data_type list;
    TRY(located(b, type_list(&list, kept, b->err), l->body->position));
    return type_equal(item, kept) ? OK : cast_expr(&l->list, b, list);
}

static status
finish(expr **out, binder *b, lambda_call *l, const ast_expr *e, int32_t base) {
    expr_lambda *made = arena_alloc_zero(b->arena, sizeof(*made));
    data_type    type = l->list->type;
    cut          k = {.b = b, .base = base, .first = l->name_count};
    expr       **args;
    TRY(made == NULL ? out_of_memory(b) : OK);
    TRY(cut_expr(&k, &l->body));
    if (expr_is_volatile(l->body)) {
        error_set_at(b->err, ERR_QUERY_FAILED, l->body->position,
                     "a function that is computed anew for each row cannot depend on an item");
        return error_hint(b->err, "unnest the list, and compute it for each row");
    }
    const int32_t given = l->start != NULL ? 2 : 1;
    *made = (expr_lambda){.kind = l->kind, .given = given, .first = l->name_count, .body = l->body};
    memcpy(made->types, l->types, sizeof(l->types));
    TRY(make_args(&args, b, given + k.count));
    args[0] = l->list;
    args[given - 1] = given > 1 ? l->start : l->list;
    for (int32_t i = 0; i < k.count; i++) {
        args[given + i] = k.captures[i];
    }
    if (l->kind == LAMBDA_TRANSFORM) {
        TRY(located(b, type_list(&type, l->body->type, b->err), e->position));
    } else if (l->kind == LAMBDA_REDUCE) {
        type = l->body->type;
    }
    *out = make(b, EXPR_LAMBDA, type, args, given + k.count, e->position);
    TRY(*out == NULL ? out_of_memory(b) : OK);
    (*out)->lambda = made;
    return given + k.count == 1 ? fold_expr(out, b) : OK;
}

status
bind_lambda_call(expr **out, context *c, const ast_expr *e) {
    binder       *b = c->binder;
    lambda_call   l = {.ast = e->args[1]};
    const int32_t base = c->lambda == NULL ? LAMBDA_BASE : c->lambda->base + LAMBDA_NAMES;
    (void)find_kind(e, &l.kind);
    l.name_count = l.kind == LAMBDA_REDUCE ? 3 : 2;
    TRY(check_names(&l, b, e));
    TRY(bind_lists(&l, c, e));
    if (l.kind == LAMBDA_REDUCE) {
        TRY(bind_reduction(&l, c));
        return finish(out, b, &l, e, base);
    }
    l.types[0] = type_item(l.list->type);
    l.types[1] = type_of(TYPE_I64);
    TRY(bind_body(&l, c));
    TRY(l.kind == LAMBDA_FILTER ? require_boolean(&l.body, b, "a filter") : OK);
    return finish(out, b, &l, e, base);
}
