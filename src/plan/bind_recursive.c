/* SPDX-License-Identifier: Apache-2.0 */
/* bind_recursive.c - WITH RECURSIVE name AS (base UNION [ALL] step): a RECURSIVE of two inputs. The
 * step names itself once, where it reads the rows that are new (WORKING).
 *
 * The rows of one step must be known before the next, so it is answered once: a stream refuses it.
 * The base tells the types. */
#include "plan/bind.h"

#include "plan/node.h"
#include "plan/unnest.h"

/* ---- does a query name it? */

static bool names_query(const ast_select *s, const ast_name *name);

static bool
names_expr(const ast_expr *e, const ast_name *name) {
    if (e == NULL) {
        return false;
    }
    bool found = names_expr(e->operand, name) || names_expr(e->otherwise, name) ||
                 names_expr(e->filter, name) || (e->query != NULL && names_query(e->query, name));
    for (int32_t i = 0; i < e->arg_count && !found; i++) {
        found = names_expr(e->args[i], name);
    }
    return found;
}

static bool
names_from(const ast_from *f, const ast_name *name) {
    if (f == NULL) {
        return false;
    }
    if (f->kind == AST_FROM_TABLE) {
        return name_matches(&f->name, name->text);
    }
    return (f->query != NULL && names_query(f->query, name)) || names_from(f->left, name) ||
           names_from(f->right, name) || names_expr(f->on, name);
}

static bool
names_query(const ast_select *s, const ast_name *name) {
    bool found = names_from(s->from, name) || names_expr(s->where, name) ||
                 names_expr(s->having, name) || names_expr(s->qualify, name);
    for (int32_t i = 0; i < s->with_count && !found; i++) {
        found = names_query(s->withs[i].query, name);
    }
    for (int32_t i = 0; i < s->branch_count && !found; i++) {
        found = names_query(s->branches[i], name);
    }
    for (int32_t i = 0; i < s->item_count && !found; i++) {
        found = names_expr(s->items[i].expr, name);
    }
    return found;
}

bool
cte_is_recursive(const cte *c) {
    return names_query(c->ast->query, &c->ast->name);
}

/* ---- what is refused */

static status
refuse(binder *b, const cte *c, int32_t position, const char *why, const char *hint) {
    error_set_at(b->err, ERR_QUERY_FAILED, position, "recursive query \"%.*s\": %s",
                 TEXT_ARG(c->ast->name.text), why);
    return error_hint(b->err, "%s", hint);
}

static status
check_shape(binder *b, const cte *c) {
    const ast_select *s = c->ast->query;
    static const char shape[] = "write (base UNION ALL step), where the step alone names itself";
    if (b->streaming) {
        return refuse(b, c, c->ast->name.position,
                      "a stream cannot hold it, because each step needs the rows of the one before",
                      "ask it once: SELECT, CREATE VIEW, or CREATE TABLE ... AS");
    }
    if (s->kind != AST_SELECT_UNION || s->set_op != AST_SET_UNION || s->branch_count < 2 ||
        s->by_name) {
        return refuse(b, c, s->position, "it is not a UNION of a base and a step", shape);
    }
    if (ast_select_is_closed(s)) {
        return refuse(b, c, s->position, "it has a WITH, ORDER BY, LIMIT or OFFSET of its own",
                      "put them where the query is read");
    }
    for (int32_t i = 0; i + 1 < s->branch_count; i++) {
        if (names_query(s->branches[i], &c->ast->name)) {
            return refuse(b, c, s->branches[i]->position, "a query before the last names it, too",
                          shape);
        }
    }
    return OK;
}

/* ---- binding */

/* All queries but the last. */
static status
bind_base(plan_node **out, binder *b, const cte *c) {
    ast_select base = *c->ast->query;
    base.branch_count--;
    TRY(bind_query(out, b, base.branch_count == 1 ? base.branches[0] : &base));
    if (depends_node(b, *out, NULL)) {
        return refuse(b, c, c->ast->query->position, "it refers to columns of a query around it",
                      "join with it where it is read");
    }
    return OK;
}

/* Names before this one are bound anew in the step, which runs many times, apart from the rest. */
static status
bind_step(plan_node **out, binder *b, cte *c, const schema *columns) {
    const ast_select *last = c->ast->query->branches[c->ast->query->branch_count - 1];
    int32_t           count = 0;
    for (const cte *o = c->outer; o != NULL; o = o->outer) {
        count++;
    }
    plan_shared **kept = arena_alloc(b->arena, (size_t)count * sizeof(plan_shared *));
    TRY(kept == NULL ? out_of_memory(b) : OK);
    count = 0;
    for (cte *o = c->outer; o != NULL; o = o->outer) {
        kept[count++] = o->shared;
        o->shared = NULL;
    }
    c->working = columns;
    c->working_uses = 0;
    b->ctes = c;
    TRY(bind_query(out, b, last));
    b->ctes = c->outer;
    c->working = NULL;
    count = 0;
    for (cte *o = c->outer; o != NULL; o = o->outer) {
        o->shared = kept[count++];
    }
    if (depends_node(b, *out, NULL)) {
        return refuse(b, c, last->position, "its step refers to columns of a query around it",
                      "join with it where it is read");
    }
    return OK;
}

/* The step in the types of the base. */
static status
cast_step(plan_node **step, binder *b, const cte *c, const schema *base) {
    const ast_select *last = c->ast->query->branches[c->ast->query->branch_count - 1];
    const schema     *in = &(*step)->schema;
    expr            **exprs;
    if (in->count != base->count) {
        return error_set_at(b->err, ERR_QUERY_FAILED, last->position,
                            "the base of \"%.*s\" has %d columns, and its step has %d",
                            TEXT_ARG(c->ast->name.text), base->count, in->count);
    }
    TRY(make_args(&exprs, b, in->count));
    for (int32_t i = 0; i < in->count; i++) {
        const data_type from = in->fields[i].type, to = base->fields[i].type;
        exprs[i] = make_column(b, i, from, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
        if (from.id != TYPE_NULL && !type_equal(from, to) && !type_casts_implicitly(from, to)) {
            char given[64];
            (void)snprintf(given, sizeof(given), "%s", type_name(from));
            error_set_at(b->err, ERR_QUERY_FAILED, last->position,
                         "column %d of \"%.*s\" is %s in the base and %s in the step", i + 1,
                         TEXT_ARG(c->ast->name.text), type_name(to), given);
            return error_hint(b->err, "bring the base to that type: CAST(... AS %s)", given);
        }
        TRY(cast_expr(&exprs[i], b, to));
    }
    *step = node_project(b->arena, *step, exprs, in->count);
    return *step == NULL ? out_of_memory(b) : OK;
}

status
bind_recursive(plan_node **out, binder *b, cte *c, const ast_from *from) {
    (void)from;
    TRY(check_shape(b, c));
    plan_node *base, *step;
    TRY(bind_base(&base, b, c));
    const int32_t width = base->schema.count;
    plan_node    *n = node_new(b->arena, PLAN_RECURSIVE, 2, width);
    TRY(n == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < width; i++) {
        n->schema.fields[i] = base->schema.fields[i];
        n->schema.fields[i].nullable = true;
        if (n->schema.fields[i].type.id == TYPE_NULL) {
            return refuse(b, c, c->ast->query->position, "a column of its base is NULL alone",
                          "give it a type: CAST(NULL AS BIGINT)");
        }
    }
    TRY(bind_step(&step, b, c, &n->schema));
    TRY(cast_step(&step, b, c, &n->schema));
    n->inputs[0] = base;
    n->inputs[1] = step;
    n->build_side = 0;
    n->distinct = c->ast->query->distinct;
    n->position = c->ast->name.position;
    n->label = arena_text(b->arena, c->ast->name.text);
    *out = n;
    return n->label.data == NULL ? out_of_memory(b) : OK;
}

status
bind_working(plan_node **out, scope *s, binder *b, cte *c, const ast_from *from) {
    if (c->working_uses++ > 0) {
        return refuse(b, c, from->position, "its step names it twice",
                      "read it once in the step, or compute one of the two in a query before");
    }
    plan_node *n = node_new(b->arena, PLAN_WORKING, 0, c->working->count);
    TRY(n == NULL ? out_of_memory(b) : OK);
    memcpy(n->schema.fields, c->working->fields, (size_t)c->working->count * sizeof(field));
    *out = n;
    TRY(scope_of_node(s, b, n,
                      from->alias.text.data != NULL ? from->alias.text : c->ast->name.text));
    return scope_rename(s, b, c->ast->columns, c->ast->column_count, &c->ast->name);
}
