/* SPDX-License-Identifier: Apache-2.0 */
/* bind_process.c - functions of the program's in FROM: a processor over the rows of a table,
 * f(TABLE t PARTITION BY k), and table functions, f(1, 10).
 *
 * A processor is a PROCESS over a PROJECT of the columns that * shows. A table function is unnest()
 * of the list of structs that its call gives, with the fields as columns. */
#include "batch/routine.h"
#include "plan/bind.h"
#include "plan/unnest.h"
#include "type/nested.h"

/* ---- table functions */

/* (SELECT unnest(call, max_depth := 2)) */
static status
rows_query(ast_select **out, binder *b, const ast_from *from) {
    ast_expr   *made = arena_alloc_zero(b->arena, 2 * sizeof(*made));
    ast_expr  **args = arena_alloc(b->arena, 2 * sizeof(*args));
    ast_name   *names = arena_alloc_zero(b->arena, 2 * sizeof(*names));
    ast_item   *item = arena_alloc_zero(b->arena, sizeof(*item));
    ast_select *select = arena_alloc_zero(b->arena, sizeof(*select));
    if (made == NULL || args == NULL || names == NULL || item == NULL || select == NULL) {
        return out_of_memory(b);
    }
    const int32_t position = from->call->position;
    made[0] = *from->call;
    made[0].kind = AST_CALL;
    made[0].name = (ast_name){.text = TEXT("unnest"), .position = position};
    made[0].arg_count = 2;
    made[0].args = args;
    made[0].arg_names = names;
    made[1] = (ast_expr){.kind = AST_INTEGER, .position = position, .text = TEXT("2")};
    args[0] = from->call;
    args[1] = &made[1];
    names[1] = (ast_name){.text = TEXT("max_depth"), .position = position};
    item->expr = &made[0];
    *select = (ast_select){.position = position, .item_count = 1, .items = item};
    *out = select;
    return OK;
}

status
bind_routine_rows(plan_node **out, scope *s, binder *b, const ast_from *from, bool *done) {
    const object *f = find_routine(b, &from->call->name);
    ast_select   *select = NULL;
    *done = f != NULL;
    if (f == NULL) {
        return OK;
    }
    const text name = from->call->name.text;
    if (f->routine->kind == ROUTINE_PROCESSOR) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->position, "%.*s() is a processor of rows",
                     TEXT_ARG(name));
        return error_hint(b->err, "give it a table: %.*s(TABLE t PARTITION BY k)", TEXT_ARG(name));
    }
    if (f->routine->kind != ROUTINE_ROWS) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->position, "%.*s() gives values, not rows",
                     TEXT_ARG(name));
        return error_hint(b->err, "use it in SELECT; what stands in FROM is registered as a "
                                  "function of rows");
    }
    TRY(rows_query(&select, b, from));
    TRY(bind_query(out, b, select));
    return scope_of_node(s, b, *out, from->alias.text.data != NULL ? from->alias.text : name);
}

/* ---- processors */

static status
no_processor(binder *b, const ast_from *from, const object *f) {
    const text name = from->call->name.text;
    error_set_at(b->err, ERR_QUERY_FAILED, from->position, "%.*s() is no processor",
                 TEXT_ARG(name));
    return error_hint(b->err, f != NULL ? "TABLE is for processors; call it with values"
                                        : "register it in this program before, as a processor");
}

/* The columns that * shows, with their names. */
static status
shown_columns(plan_node *n, scope *shown, binder *b, plan_node *rows, const scope *in) {
    expr **exprs;
    TRY(make_args(&exprs, b, in->star_count));
    n->names = arena_alloc(b->arena, sizeof(*n->names) * (size_t)(in->star_count + 1));
    TRY(n->names == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < in->star_count; i++) {
        const scope_column *c = &in->columns[in->star[i]];
        exprs[i] = make_column(b, in->star[i], c->type, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
        n->names[i] = c->name;
    }
    n->inputs[0] = node_project(b->arena, rows, exprs, in->star_count);
    TRY(n->inputs[0] == NULL ? out_of_memory(b) : OK);
    TRY(scope_of_node(shown, b, n->inputs[0], TEXT("")));
    for (int32_t i = 0; i < in->star_count; i++) {
        shown->columns[i] = in->columns[in->star[i]];
        n->inputs[0]->schema.fields[i].name = n->names[i];
    }
    return OK;
}

static status
bind_partition(plan_node *n, binder *b, const scope *shown, const ast_from *from) {
    context c = {.binder = b, .scope = shown, .clause = "PARTITION BY"};
    n->key_columns =
        arena_alloc(b->arena, sizeof(*n->key_columns) * (size_t)(from->partition_count + 1));
    TRY(n->key_columns == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < from->partition_count; i++) {
        const ast_expr name = {.kind = AST_COLUMN,
                               .position = from->partition_names[i].position,
                               .name = from->partition_names[i]};
        int32_t        at;
        TRY(scope_find(&at, b, shown, &name.qualifier, &name.name));
        TRY(at < 0 ? scope_unknown(b, &c, &name) : OK);
        const data_type type = shown->columns[at].type;
        if (!type_is_orderable(type) && type.id != TYPE_NULL) {
            return error_set_at(b->err, ERR_QUERY_FAILED, name.position, "cannot partition by %s",
                                type_name(type));
        }
        n->key_columns[n->key_count++] = at;
    }
    return OK;
}

/* Rows that a watermark follows. */
static bool
has_event_time(const plan_node *n) {
    bool found = n->kind == PLAN_SCAN && n->object->event_time_column >= 0;
    for (int32_t i = 0; i < n->input_count && !found; i++) {
        found = has_event_time(n->inputs[i]);
    }
    return found;
}

static void
result_fields(plan_node *n, data_type result) {
    for (int32_t i = 0; i < n->schema.count; i++) {
        const nested_field f = type_field(result, i);
        n->schema.fields[i] = (field){.name = f.name, .type = f.type, .nullable = true};
    }
}

status
bind_process(plan_node **out, scope *s, binder *b, const ast_from *from, int32_t depth) {
    object    *f = find_routine(b, &from->call->name);
    plan_node *rows;
    scope      in, shown;
    if (f == NULL || f->routine->kind != ROUTINE_PROCESSOR) {
        return no_processor(b, from, f);
    }
    TRY(bind_from(&rows, &in, b, from->left, depth + 1));
    if (depends_node(b, rows, NULL)) {
        error_set_at(b->err, ERR_QUERY_FAILED, from->position,
                     "the rows of a processor cannot depend on columns of an outer query");
        return error_hint(b->err, "take the columns from its result instead");
    }
    plan_node *n = node_new(b->arena, PLAN_PROCESS, 1, type_field_count(f->routine->result));
    TRY(n == NULL ? out_of_memory(b) : OK);
    TRY(shown_columns(n, &shown, b, rows, &in));
    TRY(bind_partition(n, b, &shown, from));
    TRY(remember_routine(b, f));
    n->routine = remembered_routine(b, f);
    n->position = from->position;
    result_fields(n, f->routine->result);
    TRY(note_clock(b, !has_event_time(rows), from->position));
    *out = n;
    return scope_of_node(s, b, n,
                         from->alias.text.data != NULL ? from->alias.text : from->call->name.text);
}

/* ---- of a numbered plan */

status
plan_check_processors(const plan_node *n, error *err) {
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        TRY(plan_check_processors(n->inputs[i], err));
    }
    if (n->kind != PLAN_PROCESS || (n->inputs[0]->properties & PLAN_APPEND_ONLY) != 0) {
        return OK;
    }
    error_set_at(err, ERR_QUERY_FAILED, n->position,
                 "%.*s() would be given rows that are taken back later: what a processor gave "
                 "stays",
                 TEXT_ARG(n->routine->name));
    return error_hint(err, "give it rows of a source, or windows with EMIT ON WINDOW CLOSE");
}
