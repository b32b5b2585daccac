/* SPDX-License-Identifier: Apache-2.0 */
/* meaning.c - whether the text of a stream or view would mean the same beside an altered object.
 *
 * Live streams keep the plans that they have, but their text is what they are made of again, and a
 * view is text. The text is bound twice: as things are, and with the new object in the place of the
 * old one. */
#include "db/going.h"

typedef struct meaning {
    schema *columns;
    buf     plan;
} meaning;

static status
read_meaning(meaning *out, statement_context *c, const plan_env *env, const object *o, error *err) {
    ast_script script;
    plan       p;
    TRY(sql_parse(&script, &c->arena, o->sql, err));
    const ast_statement *made = script.statements[0];
    if (o->kind == OBJECT_VIEW) {
        TRY(plan_view(&p, &out->columns, &c->arena, c->db->catalog, &c->externals, env, made,
                      o->sql, err));
    } else {
        TRY(plan_select(&p, &c->arena, c->db->catalog, &c->externals, env, made->select, o->sql,
                        true, &made->emit, err));
        out->columns = &p.root->schema;
    }
    plan_print(&p, NULL, &out->plan);
    return out->plan.failed ? error_memory(err) : OK;
}

/* A file that is not open yet is opened, and the statement begins again. Whatever else keeps the
 * text from being read now says nothing about the alteration. */
static bool
is_judged(const statement_context *c, status before) {
    return before == OK || before == ERR_OUT_OF_MEMORY || c->externals.missing != NULL;
}

status
definition_holds(statement_context *c, const object *o, const object *old, object *made,
                 bool same_plan, bool *holds, error *err) {
    meaning           before = {0}, after = {0};
    plan_env          env = c->env;
    error             why = {0};
    const object_swap swap = {.old = old, .made = made};
    env.swaps = &swap;
    env.swap_count = 1;
    buf_init(&before.plan, c->db->mem, SIZE_MAX / 2);
    buf_init(&after.plan, c->db->mem, SIZE_MAX / 2);
    made->impl = old->impl; /* for estimates */
    made->row_count = old->row_count;
    made->column_range = old->column_range;
    status s = read_meaning(&before, c, &c->env, o, err);
    *holds = true;
    if (s == OK) {
        const status again = read_meaning(&after, c, &env, o, &why);
        *holds = again == OK && schema_equal(before.columns, after.columns) &&
                 (!same_plan || text_equal(buf_text(&before.plan), buf_text(&after.plan)));
        s = again == ERR_OUT_OF_MEMORY ? error_memory(err) : OK;
    }
    made->impl = NULL;
    buf_fini(&before.plan);
    buf_fini(&after.plan);
    if (!is_judged(c, s)) {
        error_clear(err);
        return OK;
    }
    return s;
}
