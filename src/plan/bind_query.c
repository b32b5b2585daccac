/* SPDX-License-Identifier: Apache-2.0 */
/* bind_query.c - what stands around a SELECT: WITH, UNION, VALUES.
 *
 * A name of WITH is bound where it is read first, in the scope of its definition; other places
 * share that. Places are counted, because names that use names twice double. */
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

/* A name that is read again counts with all the names that its query reads: walks over the plan see
 * them again. */
static status
count_uses(binder *b, const ast_from *from, int32_t uses) {
    b->cte_uses += uses;
    if (b->cte_uses <= WITH_USES_MAX) {
        return OK;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, from->position,
                 "the names of WITH are read at more than %d places, one through another",
                 WITH_USES_MAX);
    error_hint(b->err, "make a stream of a query that is read so often");
    return ERR_QUERY_FAILED;
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
    if (c->working != NULL) {
        return bind_working(out, s, b, c, from);
    }
    if (c->shared != NULL) {
        *out = shared_read(b->arena, c->shared);
        TRY(*out == NULL ? out_of_memory(b) : OK);
        TRY(count_uses(b, from, c->uses));
        return scope_of_cte(s, b, c, *out, from);
    }
    const int32_t uses = b->cte_uses;
    TRY(count_uses(b, from, 1));
    cte   *here = b->ctes;
    level *levels = b->levels;
    b->ctes = c->outer;
    b->levels = c->levels;
    TRY(c->ast->recursive && cte_is_recursive(c) ? bind_recursive(out, b, c, from)
                                                 : bind_query(out, b, c->ast->query));
    b->ctes = here;
    b->levels = levels;
    c->uses = b->cte_uses - uses;
    TRY(share_cte(out, b, c));
    return scope_of_cte(s, b, c, *out, from);
}

/* ---- VALUES */

/* Each value is computed now: a stream shows the same rows for ever, random() or not. */
static status
evaluate(expr **e, binder *b) {
    value v;
    TRY(located(b, expr_evaluate(&v, *e, &b->env->eval, b->arena, b->err), (*e)->position));
    expr *made = make_constant(b, &v, (*e)->position);
    if (made == NULL) {
        return out_of_memory(b);
    }
    made->type = (*e)->type;
    made->constant.type = (*e)->type;
    *e = made;
    return OK;
}

static bool
reads_columns(const expr *e) {
    bool found = e->kind == EXPR_COLUMN || e->kind == EXPR_OUTER;
    for (int32_t i = 0; i < e->arg_count && !found; i++) {
        found = reads_columns(e->args[i]);
    }
    return found;
}

/* rows[i]: what the values of row i stand above, one row widened by its subqueries; NULL: they have
 * none. *plain: all values are constants. */
static status
bind_cells(plan_node *n, binder *b, const ast_select *s, plan_node **rows, bool *plain) {
    const int32_t width = s->row_width;
    const int32_t before = b->expr_count;
    scope         nothing = {0};
    context       c = {.binder = b, .scope = &nothing, .clause = "VALUES"};
    plan_node    *one = node_new(b->arena, PLAN_SINGLE, 0, 0), *row = one;
    TRY(one == NULL ? out_of_memory(b) : OK);
    *plain = true;
    c.node = &row;
    for (int32_t i = 0; i < s->row_count * width; i++) {
        row = rows[i / width] == NULL ? one : rows[i / width];
        TRY(bind_expr(&n->exprs[i], &c, s->rows[i]));
        if (row != one) {
            rows[i / width] = row;
            one = node_new(b->arena, PLAN_SINGLE, 0, 0);
            TRY(one == NULL ? out_of_memory(b) : OK);
        }
        const bool constant = !reads_columns(n->exprs[i]);
        TRY(constant ? evaluate(&n->exprs[i], b) : OK);
        *plain = *plain && constant;
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

/* Rows that refer to other queries, or hold some: each is a projection of its own. */
static status
bind_computed_rows(plan_node **out, binder *b, const plan_node *values, plan_node **rows) {
    const int32_t width = values->schema.count, count = values->row_count;
    if (count > SQL_UNION_MAX) {
        return error_set_at(b->err, ERR_QUERY_FAILED, -1,
                            "VALUES with columns or subqueries has more than %d rows",
                            SQL_UNION_MAX);
    }
    plan_node *all = node_new(b->arena, PLAN_UNION, count, width);
    TRY(all == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < count; i++) {
        rows[i] = rows[i] == NULL ? node_new(b->arena, PLAN_SINGLE, 0, 0) : rows[i];
        TRY(rows[i] == NULL ? out_of_memory(b) : OK);
        all->inputs[i] =
            node_project(b->arena, rows[i], values->exprs + (ptrdiff_t)i * width, width);
        TRY(all->inputs[i] == NULL ? out_of_memory(b) : OK);
        memcpy(all->inputs[i]->schema.fields, values->schema.fields, (size_t)width * sizeof(field));
    }
    memcpy(all->schema.fields, values->schema.fields, (size_t)width * sizeof(field));
    *out = count == 1 ? all->inputs[0] : all;
    return OK;
}

static status
bind_values(plan_node **out, binder *b, const ast_select *s) {
    plan_node *n = node_new(b->arena, PLAN_VALUES, 0, s->row_width);
    expr     **cells;
    bool       plain;
    if (n == NULL) {
        return out_of_memory(b);
    }
    if ((int64_t)s->row_count * s->row_width > INT32_MAX / 64) {
        return error_set_at(b->err, ERR_QUERY_FAILED, s->position, "VALUES has too many values");
    }
    plan_node **rows = arena_alloc_zero(b->arena, (size_t)s->row_count * sizeof(plan_node *));
    TRY(rows == NULL ? out_of_memory(b) : OK);
    n->row_count = s->row_count;
    TRY(make_args(&n->exprs, b, s->row_count * s->row_width));
    TRY(make_args(&cells, b, s->row_count));
    TRY(bind_cells(n, b, s, rows, &plain));
    for (int32_t i = 0; i < s->row_width; i++) {
        TRY(unify_column(n, b, i, cells));
    }
    *out = n;
    return plain ? OK : bind_computed_rows(out, b, n, rows);
}

/* ---- UNION */

static const char *
set_name(const ast_select *s) {
    static const char *const names[] = {"a UNION", "an INTERSECT", "an EXCEPT"};
    return names[s->set_op];
}

static status
unify_fields(plan_node *n, binder *b, const ast_select *s) {
    const schema *first = &n->inputs[0]->schema;
    memcpy(n->schema.fields, first->fields, (size_t)first->count * sizeof(*first->fields));
    for (int32_t i = 1; i < n->input_count; i++) {
        const schema *in = &n->inputs[i]->schema;
        const int32_t position = s->branches[i]->position;
        if (in->count != first->count) {
            error_set_at(b->err, ERR_QUERY_FAILED, position,
                         "the queries of %s have %d and %d columns", set_name(s), first->count,
                         in->count);
            error_hint(b->err, "every query of a UNION gives the same columns in the same order");
            return ERR_QUERY_FAILED;
        }
        for (int32_t k = 0; k < in->count; k++) {
            field    *f = &n->schema.fields[k];
            data_type both;
            if (!type_unify(f->type, in->fields[k].type, &both)) {
                error_set_at(b->err, ERR_QUERY_FAILED, position,
                             "column %d of the %s, \"%.*s\", mixes %s and %s", k + 1,
                             set_name(s) + strcspn(set_name(s), " ") + 1, TEXT_ARG(f->name),
                             type_name(f->type), type_name(in->fields[k].type));
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

/* ---- UNION BY NAME */

static int32_t
named_column(const schema *s, text name) {
    for (int32_t i = 0; i < s->count; i++) {
        if (text_equal_nocase(s->fields[i].name, name)) {
            return i;
        }
    }
    return -1;
}

/* The names of all inputs, each once, in the order in which they come. */
static status
all_names(schema *out, binder *b, const plan_node *n) {
    int32_t room = 0;
    for (int32_t i = 0; i < n->input_count; i++) {
        room += n->inputs[i]->schema.count;
    }
    *out = (schema){.fields = arena_alloc(b->arena, (size_t)room * sizeof(field))};
    if (out->fields == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        const schema *in = &n->inputs[i]->schema;
        for (int32_t k = 0; k < in->count; k++) {
            if (named_column(out, in->fields[k].name) < 0) {
                out->fields[out->count++] = in->fields[k];
            }
        }
    }
    return OK;
}

/* Every input gets all columns; those it has not are NULL. */
static status
match_names(plan_node *n, binder *b) {
    schema names;
    TRY(all_names(&names, b, n));
    for (int32_t i = 0; i < n->input_count; i++) {
        plan_node *in = n->inputs[i];
        expr     **exprs;
        TRY(make_args(&exprs, b, names.count));
        for (int32_t k = 0; k < names.count; k++) {
            const int32_t at = named_column(&in->schema, names.fields[k].name);
            const value   nothing = value_null(TYPE_NULL);
            exprs[k] = at < 0 ? make_constant(b, &nothing, -1)
                              : make_column(b, at, in->schema.fields[at].type, -1);
            TRY(exprs[k] == NULL ? out_of_memory(b) : OK);
        }
        n->inputs[i] = node_project(b->arena, in, exprs, names.count);
        TRY(n->inputs[i] == NULL ? out_of_memory(b) : OK);
        for (int32_t k = 0; k < names.count; k++) {
            n->inputs[i]->schema.fields[k].name = names.fields[k].name;
            n->inputs[i]->schema.fields[k].nullable = true;
        }
    }
    n->schema = names;
    return OK;
}

/* ---- INTERSECT and EXCEPT: rows are counted on both sides
 *
 *   PROJECT (the columns), FILTER (by the counts), AGGREGATE (keys: all columns; rows of the left,
 * rows of the right), UNION, of each side a PROJECT (columns, is it left, is it right)
 *
 * With ALL the copies of a row are numbered first, and the number is a column like the others: the
 * third copy on the left meets the third on the right. */

static status
number_copies(plan_node **node, binder *b) {
    const schema *in = &(*node)->schema;
    plan_node    *n = node_new(b->arena, PLAN_OVER, 1, in->count + 1);
    over_call    *call = arena_alloc_zero(b->arena, sizeof(*call));
    if (n == NULL || call == NULL) {
        return out_of_memory(b);
    }
    n->key_columns = arena_alloc(b->arena, (size_t)in->count * sizeof(int32_t));
    if (n->key_columns == NULL) {
        return out_of_memory(b);
    }
    *call = (over_call){.kind = OVER_ROW_NUMBER,
                        .argument = -1,
                        .filter = -1,
                        .count_column = -1,
                        .fallback = -1,
                        .type = type_of(TYPE_I64)};
    for (int32_t i = 0; i < in->count; i++) {
        n->key_columns[i] = i;
        n->schema.fields[i] = in->fields[i];
    }
    n->schema.fields[in->count] = (field){.name = TEXT("copy"), .type = type_of(TYPE_I64)};
    n->inputs[0] = *node;
    n->key_count = in->count;
    n->overs = call;
    n->over_count = 1;
    *node = n;
    return OK;
}

/* The columns of a side, and on which it is. */
static status
mark_side(plan_node **node, binder *b, bool left) {
    const schema *in = &(*node)->schema;
    expr        **exprs;
    TRY(make_args(&exprs, b, in->count + 2));
    for (int32_t i = 0; i < in->count; i++) {
        exprs[i] = make_column(b, i, in->fields[i].type, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
    }
    exprs[in->count] = make_bool(b, left, -1);
    exprs[in->count + 1] = make_bool(b, !left, -1);
    if (exprs[in->count] == NULL || exprs[in->count + 1] == NULL) {
        return out_of_memory(b);
    }
    *node = node_project(b->arena, *node, exprs, in->count + 2);
    return *node == NULL ? out_of_memory(b) : OK;
}

static status
count_sides(plan_node **out, binder *b, plan_node *both) {
    const int32_t width = both->schema.count - 2;
    plan_node    *n = node_new(b->arena, PLAN_AGGREGATE, 1, width + 2);
    if (n == NULL) {
        return out_of_memory(b);
    }
    n->inputs[0] = both;
    n->key_count = width;
    n->agg_count = 2;
    n->aggs = arena_alloc_zero(b->arena, 2 * sizeof(*n->aggs));
    if (n->aggs == NULL) {
        return out_of_memory(b);
    }
    memcpy(n->schema.fields, both->schema.fields, (size_t)width * sizeof(field));
    for (int32_t i = 0; i < 2; i++) {
        n->aggs[i] = (plan_agg){.class = agg_find(TEXT("count"), 0), .filter = width + i};
        n->aggs[i].signature.output = type_of(TYPE_I64);
        n->schema.fields[width + i] = (field){
            .name = i == 0 ? TEXT("rows left") : TEXT("rows right"), .type = type_of(TYPE_I64)};
    }
    *out = n;
    return OK;
}

static status
compare_count(expr **out, binder *b, int32_t column_number, const char *op) {
    const value zero = value_i64(0);
    expr       *args[2] = {make_column(b, column_number, type_of(TYPE_I64), -1),
                           make_constant(b, &zero, -1)};
    if (args[0] == NULL || args[1] == NULL) {
        return out_of_memory(b);
    }
    expr **kept;
    TRY(make_args(&kept, b, 2));
    memcpy(kept, args, sizeof(args));
    return bind_call_named(out, b, text_of(op), kept, 2, -1);
}

static status
bind_common(plan_node **out, binder *b, plan_node *both, const ast_select *s) {
    const int32_t width = both->schema.count;
    plan_node    *n = NULL;
    for (int32_t i = 0; i < 2; i++) {
        TRY(s->distinct ? OK : number_copies(&both->inputs[i], b));
        TRY(mark_side(&both->inputs[i], b, i == 0));
    }
    field *fields = arena_alloc(b->arena, (size_t)(width + 3) * sizeof(field));
    expr **terms, **columns;
    TRY(fields == NULL ? out_of_memory(b) : OK);
    memcpy(fields, both->inputs[0]->schema.fields,
           (size_t)both->inputs[0]->schema.count * sizeof(field));
    for (int32_t i = 0; i < width; i++) {
        fields[i].nullable |= both->schema.fields[i].nullable;
        fields[i].name = both->schema.fields[i].name;
    }
    both->schema = (schema){.count = both->inputs[0]->schema.count, .fields = fields};
    TRY(count_sides(&n, b, both));
    TRY(make_args(&terms, b, 2));
    TRY(make_args(&columns, b, width));
    TRY(compare_count(&terms[0], b, n->key_count, ">"));
    TRY(compare_count(&terms[1], b, n->key_count + 1, s->set_op == AST_SET_EXCEPT ? "=" : ">"));
    expr *kept = make(b, EXPR_AND, type_of(TYPE_BOOL), terms, 2, -1);
    n = kept == NULL ? NULL : node_filter(b->arena, n, kept);
    for (int32_t i = 0; i < width && n != NULL; i++) {
        columns[i] = make_column(b, i, n->schema.fields[i].type, -1);
        TRY(columns[i] == NULL ? out_of_memory(b) : OK);
    }
    *out = n == NULL ? NULL : node_project(b->arena, n, columns, width);
    return *out == NULL ? out_of_memory(b) : OK;
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
    TRY(s->by_name ? match_names(n, b) : OK);
    TRY(unify_fields(n, b, s));
    for (int32_t i = 0; i < s->branch_count; i++) {
        TRY(cast_input(n, b, i));
    }
    if (s->set_op != AST_SET_UNION) {
        return bind_common(out, b, n, s);
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
