/* SPDX-License-Identifier: Apache-2.0 */
/* bind_view.c - a view in FROM: its text is parsed and bound where it is read, in the names of the
 * view alone.
 *
 * Positions inside the view mean nothing to the statement that reads it, so everything that comes
 * out of it stands where the view is named: errors of binding and of running. */
#include "plan/bind.h"

#include "plan/node.h"
#include "sql/parser.h"

static void
place_expr(expr *e, int32_t position) {
    if (e == NULL) {
        return;
    }
    e->position = position;
    for (int32_t i = 0; i < e->arg_count; i++) {
        place_expr(e->args[i], position);
    }
}

static void
place_node(plan_node *n, int32_t position) {
    const int32_t count = n->kind == PLAN_VALUES    ? n->row_count * n->schema.count
                          : n->kind == PLAN_PROJECT ? n->schema.count
                                                    : 0;
    if (n->kind == PLAN_SHARED) {
        if (n->shared->pushed) {
            return;
        }
        n->shared->pushed = true; /* the rewrites, whose mark it is, come later */
    }
    place_expr(n->predicate, position);
    for (int32_t i = 0; i < count; i++) {
        place_expr(n->exprs[i], position);
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        place_node(n->inputs[i], position);
    }
}

static void
clear_marks(plan_node *n) {
    if (n->kind == PLAN_SHARED) {
        if (!n->shared->pushed) {
            return;
        }
        n->shared->pushed = false;
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        clear_marks(n->inputs[i]);
    }
}

static status
fault(binder *b, status s, const object *view, int32_t position) {
    if (s != ERR_OUT_OF_MEMORY && b->err != NULL) {
        const error why = *b->err;
        error_set_at(b->err, s, position, "in view \"%.*s\": %.400s", TEXT_ARG(view->name),
                     why.message);
        if (why.hint[0] != '\0') {
            error_hint(b->err, "%s", why.hint);
        }
    }
    return s;
}

static status
bind_text(plan_node **out, binder *b, const object *view, const ast_statement **made) {
    ast_script script;
    TRY(sql_parse(&script, b->arena, view->sql, b->err));
    *made = script.statements[0];
    return bind_query(out, b, script.statements[0]->select);
}

status
bind_view(plan_node **out, scope *s, binder *b, const ast_from *from, const object *view) {
    cte *const           ctes = b->ctes;
    level *const         levels = b->levels;
    const text           sql = b->sql;
    const ast_statement *made = NULL;
    b->ctes = NULL;
    b->levels = NULL;
    b->sql = view->sql;
    b->view_depth++;
    const status bound = bind_text(out, b, view, &made);
    b->view_depth--;
    b->ctes = ctes;
    b->levels = levels;
    b->sql = sql;
    if (bound < 0) {
        return fault(b, bound, view, from->name.position);
    }
    place_node(*out, from->name.position);
    clear_marks(*out);
    const bool renamed = from->alias.text.data != NULL;
    TRY(scope_of_node(s, b, *out, renamed ? from->alias.text : view->name));
    return scope_rename(s, b, made->targets, made->target_count, &made->name);
}

status
plan_view(plan *p, schema **columns, arena *a, const catalog *c, externals *x, const plan_env *env,
          const ast_statement *s, text sql, error *err) {
    if (x != NULL) {
        x->for_view = true;
    }
    const status planned = plan_select(p, a, c, x, env, s->select, sql, false, NULL, err);
    if (x != NULL) {
        x->for_view = false;
    }
    TRY(planned);
    schema *made = schema_copy(&p->root->schema, a);
    if (made == NULL) {
        return error_memory(err);
    }
    if (s->target_count > made->count) {
        return error_set_at(err, ERR_QUERY_FAILED, s->targets[made->count].position,
                            "the query of \"%.*s\" has %d columns, and %d names are given",
                            TEXT_ARG(s->name.text), made->count, s->target_count);
    }
    for (int32_t i = 0; i < s->target_count; i++) {
        made->fields[i].name = s->targets[i].text;
    }
    *columns = made;
    return plan_check_names(made, s, err);
}
