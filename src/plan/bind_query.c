/* SPDX-License-Identifier: Apache-2.0 */
/* bind_query.c - what stands around a SELECT: WITH, UNION, VALUES.
 *
 * A name of WITH is bound anew at each place that reads it, in the scope of its definition; places
 * are counted, because names that use names twice double. */
#include "plan/bind.h"

#include <stdio.h>

#include "plan/unnest.h"

#define WITH_USES_MAX 1000

/* ---- WITH */

static cte *
find_cte(const binder *b, const ast_name *name) {
    for (cte *c = b->ctes; c != NULL; c = c->outer) {
        const ast_name *own = &c->ast->name;
        if (own->quoted && name->quoted ? text_equal(own->text, name->text)
                                        : name_matches(name, own->text)) {
            return c;
        }
    }
    return NULL;
}

static status
add_ctes(binder *b, const ast_select *s) {
    for (int32_t i = 0; i < s->with_count; i++) {
        const ast_with *w = &s->withs[i];
        for (int32_t k = 0; k < i; k++) {
            if (text_equal_nocase(s->withs[k].name.text, w->name.text)) {
                return error_set_at(b->err, ERR_QUERY_FAILED, w->name.position,
                                    "WITH defines \"%.*s\" twice", TEXT_ARG(w->name.text));
            }
        }
        cte *c = arena_alloc(b->arena, sizeof(*c));
        if (c == NULL) {
            return out_of_memory(b);
        }
        *c = (cte){.ast = w, .outer = b->ctes, .levels = b->levels};
        b->ctes = c;
    }
    return OK;
}

/* What the first place that reads the name has bound is there for the others, unless it depends on
 * where it stands: on columns of queries around it. */
static status
share_cte(plan_node **node, binder *b, cte *c) {
    if (depends_node(b, *node, NULL)) {
        return OK;
    }
    c->shared = shared_new(b->arena, *node);
    *node = c->shared == NULL ? NULL : shared_read(b->arena, c->shared);
    return *node == NULL ? out_of_memory(b) : OK;
}

static status
scope_of_cte(scope *s, binder *b, const cte *c, const plan_node *node, const ast_from *from) {
    const bool renamed = from->alias.text.data != NULL;
    TRY(scope_of_node(s, b, node, renamed ? from->alias.text : c->ast->name.text));
    return scope_rename(s, b, c->ast->columns, c->ast->column_count, &c->ast->name);
}

status
bind_cte(plan_node **out, scope *s, binder *b, const ast_from *from, bool *done) {
    cte *c = find_cte(b, &from->name);
    *done = c != NULL;
    if (c == NULL) {
        return OK;
    }
    if (c->shared != NULL) {
        *out = shared_read(b->arena, c->shared);
        return *out == NULL ? out_of_memory(b) : scope_of_cte(s, b, c, *out, from);
    }
    if (++b->cte_uses > WITH_USES_MAX) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->position,
                     "the names of WITH are read at more than %d places, one through another",
                     WITH_USES_MAX);
        error_hint(b->err, "make a stream of a query that is read so often");
        return ERR_QUERY_FAILED;
    }
    cte   *here = b->ctes;
    level *levels = b->levels;
    b->ctes = c->outer;
    b->levels = c->levels;
    TRY(bind_query(out, b, c->ast->query));
    b->ctes = here;
    b->levels = levels;
    TRY(share_cte(out, b, c));
    return scope_of_cte(s, b, c, *out, from);
}

/* ---- VALUES */

/* Each value is computed now: a stream shows the same rows for ever, random() or not. */
static status
evaluate(expr **e, binder *b) {
    value v;
    TRY(located(b, expr_evaluate_constant(&v, *e, b->arena, b->err), (*e)->position));
    expr *made = make_constant(b, &v, (*e)->position);
    if (made == NULL) {
        return out_of_memory(b);
    }
    made->type = (*e)->type;
    made->constant.type = (*e)->type;
    *e = made;
    return OK;
}

static status
bind_cells(plan_node *n, binder *b, const ast_select *s) {
    const int32_t width = s->row_width;
    const int32_t before = b->expr_count;
    scope         nothing = {0};
    context       c = {.binder = b, .scope = &nothing, .clause = "VALUES"};
    for (int32_t i = 0; i < s->row_count * width; i++) {
        TRY(bind_expr(&n->exprs[i], &c, s->rows[i]));
        TRY(evaluate(&n->exprs[i], b));
        b->expr_count = before; /* what one value needs is limited, not how many there are */
    }
    return OK;
}

static status
unify_column(plan_node *n, binder *b, int32_t at, expr **cells) {
    const int32_t width = n->schema.count;
    const int32_t before = b->expr_count;
    for (int32_t row = 0; row < n->row_count; row++) {
        cells[row] = n->exprs[row * width + at];
    }
    TRY(bind_unify(b, cells, n->row_count, "a column of VALUES"));
    for (int32_t row = 0; row < n->row_count; row++) {
        n->exprs[row * width + at] = cells[row];
    }
    b->expr_count = before;
    char       name[24];
    const int  size = snprintf(name, sizeof(name), "column%d", at + 1);
    const text written = arena_text(b->arena, (text){name, (size_t)size});
    n->schema.fields[at] = (field){.name = written, .type = cells[0]->type, .nullable = true};
    return written.data == NULL ? out_of_memory(b) : OK;
}

static status
bind_values(plan_node **out, binder *b, const ast_select *s) {
    plan_node *n = node_new(b->arena, PLAN_VALUES, 0, s->row_width);
    expr     **cells;
    if (n == NULL) {
        return out_of_memory(b);
    }
    if ((int64_t)s->row_count * s->row_width > INT32_MAX / 64) {
        return error_set_at(b->err, ERR_QUERY_FAILED, s->position, "VALUES has too many values");
    }
    n->row_count = s->row_count;
    TRY(make_args(&n->exprs, b, s->row_count * s->row_width));
    TRY(make_args(&cells, b, s->row_count));
    TRY(bind_cells(n, b, s));
    for (int32_t i = 0; i < s->row_width; i++) {
        TRY(unify_column(n, b, i, cells));
    }
    *out = n;
    return OK;
}

/* ---- UNION */

static status
unify_fields(plan_node *n, binder *b, const ast_select *s) {
    const schema *first = &n->inputs[0]->schema;
    memcpy(n->schema.fields, first->fields, (size_t)first->count * sizeof(*first->fields));
    for (int32_t i = 1; i < n->input_count; i++) {
        const schema *in = &n->inputs[i]->schema;
        const int32_t position = s->branches[i]->position;
        if (in->count != first->count) {
            error_set_at(b->err, ERR_QUERY_FAILED, position,
                         "the queries of a UNION have %d and %d columns", first->count, in->count);
            error_hint(b->err, "every query of a UNION gives the same columns in the same order");
            return ERR_QUERY_FAILED;
        }
        for (int32_t k = 0; k < in->count; k++) {
            field    *f = &n->schema.fields[k];
            data_type both;
            if (!type_unify(f->type, in->fields[k].type, &both)) {
                error_set_at(b->err, ERR_QUERY_FAILED, position,
                             "column %d of the UNION, \"%.*s\", mixes %s and %s", k + 1,
                             TEXT_ARG(f->name), type_name(f->type), type_name(in->fields[k].type));
                error_hint(b->err, "bring them to one type: CAST(... AS %s)", type_name(f->type));
                return ERR_QUERY_FAILED;
            }
            f->type = both;
            f->nullable |= in->fields[k].nullable;
        }
    }
    return OK;
}

/* Input i in the types of the whole. */
static status
cast_input(plan_node *n, binder *b, int32_t i) {
    plan_node *in = n->inputs[i];
    bool       same = true;
    expr     **exprs;
    for (int32_t k = 0; k < in->schema.count; k++) {
        same = same && type_equal(in->schema.fields[k].type, n->schema.fields[k].type);
    }
    if (same) {
        return OK;
    }
    TRY(make_args(&exprs, b, in->schema.count));
    for (int32_t k = 0; k < in->schema.count; k++) {
        exprs[k] = make_column(b, k, in->schema.fields[k].type, -1);
        TRY(exprs[k] == NULL ? out_of_memory(b) : OK);
        TRY(cast_expr(&exprs[k], b, n->schema.fields[k].type));
    }
    n->inputs[i] = node_project(b->arena, in, exprs, in->schema.count);
    return n->inputs[i] == NULL ? out_of_memory(b) : OK;
}

static status
bind_union(plan_node **out, binder *b, const ast_select *s) {
    plan_node *first;
    TRY(bind_query(&first, b, s->branches[0]));
    *out = first;
    if (s->branch_count == 1) {
        return OK;
    }
    plan_node *n = node_new(b->arena, PLAN_UNION, s->branch_count, first->schema.count);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->inputs[0] = first;
    for (int32_t i = 1; i < s->branch_count; i++) {
        TRY(bind_query(&n->inputs[i], b, s->branches[i]));
    }
    TRY(unify_fields(n, b, s));
    for (int32_t i = 0; i < s->branch_count; i++) {
        TRY(cast_input(n, b, i));
    }
    *out = s->distinct ? node_distinct(b->arena, n) : n;
    return *out == NULL ? out_of_memory(b) : OK;
}

/* ---- all of it */

static status
bind_kind(plan_node **out, binder *b, const ast_select *s) {
    if (s->kind == AST_SELECT_PLAIN) {
        return bind_select(out, b, s);
    }
    TRY(s->kind == AST_SELECT_VALUES ? bind_values(out, b, s) : bind_union(out, b, s));
    return bind_around(out, b, s);
}

status
bind_query(plan_node **out, binder *b, const ast_select *s) {
    if (b->select_depth >= SELECT_DEPTH_MAX) {
        return error_set_at(b->err, ERR_QUERY_FAILED, s->position,
                            "subqueries are nested more than %d deep", SELECT_DEPTH_MAX);
    }
    cte *outer = b->ctes;
    b->select_depth++;
    TRY(add_ctes(b, s));
    TRY(bind_kind(out, b, s));
    b->select_depth--;
    b->ctes = outer;
    return OK;
}
