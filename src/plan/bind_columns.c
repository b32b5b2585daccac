/* SPDX-License-Identifier: Apache-2.0 */
/* bind_columns.c - COLUMNS(list of names), COLUMNS(lambda over names), and *COLUMNS(...), whose
 * columns become arguments of the call, or items of the list or IN, that they stand in.
 *
 * column_names(*COLUMNS(...), 'x') is a list of names: of such columns, and of what stands as text.
 */
#include "plan/bind.h"

#include "type/nested.h"

/* ---- which columns */

/* count of list_filter([name], lambda) */
static status
lambda_takes(bool *out, binder *b, const ast_expr *lambda, text name) {
    ast_expr  item = {.kind = AST_STRING, .position = lambda->position, .text = name};
    ast_expr *items[1] = {&item};
    ast_expr list = {.kind = AST_LIST, .position = lambda->position, .arg_count = 1, .args = items};
    ast_expr copy = *lambda;
    ast_expr *both[2] = {&list, &copy};
    ast_expr  filter = {.kind = AST_CALL,
                        .position = lambda->position,
                        .name = {.text = TEXT("list_filter"), .position = lambda->position},
                        .arg_count = 2,
                        .args = both};
    value     v;
    TRY(bind_constant(&v, b, &filter, "COLUMNS"));
    *out = !v.is_null && nested_open(v.type, v.s).count > 0;
    return OK;
}

static status
listed_name(text *out, binder *b, const ast_expr *item) {
    value v;
    TRY(bind_constant(&v, b, item, "COLUMNS"));
    if (v.is_null || v.type.id != TYPE_TEXT) {
        return error_set_at(b->err, ERR_QUERY_FAILED, item->position,
                            "COLUMNS([...]) has names of columns, as texts");
    }
    *out = v.s;
    return OK;
}

status
columns_take(bool *out, binder *b, const ast_expr *columns, text name) {
    const ast_expr *of = columns->operand;
    *out = of == NULL;
    if (of != NULL && of->kind == AST_LAMBDA) {
        return lambda_takes(out, b, of, name);
    }
    for (int32_t i = 0; of != NULL && i < of->arg_count && !*out; i++) {
        text listed;
        TRY(listed_name(&listed, b, of->args[i]));
        *out = text_equal_nocase(listed, name);
    }
    return OK;
}

status
columns_missing(query *q, const ast_expr *columns) {
    const ast_expr *of = columns->operand;
    binder         *b = q->binder;
    const int32_t   count = q->scope.star_count;
    text           *names = arena_alloc(b->arena, (size_t)count * sizeof(*names));
    TRY(names == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < count; i++) {
        names[i] = q->scope.columns[q->scope.star[i]].name;
    }
    for (int32_t i = 0; of != NULL && of->kind == AST_LIST && i < of->arg_count; i++) {
        text    listed;
        int32_t at = 0;
        TRY(listed_name(&listed, b, of->args[i]));
        while (at < count && !text_equal_nocase(listed, names[at])) {
            at++;
        }
        if (at == count) {
            error_set_at(b->err, ERR_QUERY_FAILED, of->args[i]->position,
                         "column \"%.*s\" does not exist", TEXT_ARG(listed));
            hint_nearest(b, listed, names, count, "columns");
            return ERR_QUERY_FAILED;
        }
    }
    return OK;
}

/* ---- *COLUMNS(...) */

static bool
is_spread(const ast_expr *e) {
    return e->kind == AST_COLUMNS && e->all;
}

static bool
gives_names(const ast_expr *e) {
    return e->kind == AST_CALL && ast_is_call(e, "column_names");
}

/* One of the columns as text of the query; of column_names its name. */
static status
column_text(ast_expr **out, query *q, const ast_expr *columns, const star_column *c, bool name) {
    binder             *b = q->binder;
    const scope_column *from = &q->scope.columns[c->column];
    ast_expr           *e = arena_alloc_zero(b->arena, sizeof(*e));
    TRY(e == NULL ? out_of_memory(b) : OK);
    *e = (ast_expr){.kind = name ? AST_STRING : AST_COLUMN, .position = columns->position};
    if (name) {
        e->text = c->name;
    } else if (c->replaced != NULL) {
        *e = *c->replaced;
    } else {
        e->name = (ast_name){.text = from->name, .quoted = true, .position = e->position};
        if (!from->merged && from->table.size > 0) {
            e->qualifier = (ast_name){.text = from->table, .quoted = true, .position = e->position};
        }
    }
    *out = e;
    return OK;
}

static status
count_spread(int64_t *count, query *q, const ast_expr *e) {
    *count = e->arg_count;
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (is_spread(e->args[i])) {
            const star_list *list;
            TRY(star_expand(&list, q, e->args[i]));
            *count += list->count - 1;
        }
    }
    return OK;
}

static status
refuse_names(binder *b, const ast_expr *e) {
    return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                        "arguments by name cannot stand beside *COLUMNS(...)");
}

/* `e` with columns in the place of its *COLUMNS(...). */
static status
spread(const ast_expr **out, query *q, const ast_expr *e) {
    binder    *b = q->binder;
    const bool names = gives_names(e);
    int64_t    count;
    TRY(count_spread(&count, q, e));
    TRY(count > COLUMNS_MAX || (e->arg_names != NULL && e->kind == AST_CALL) ? refuse_names(b, e)
                                                                             : OK);
    ast_expr  *made = arena_alloc_zero(b->arena, sizeof(*made));
    ast_expr **args = arena_alloc(b->arena, (size_t)(count + 1) * sizeof(*args));
    TRY(made == NULL || args == NULL ? out_of_memory(b) : OK);
    *made = *e;
    made->kind = names ? AST_LIST : e->kind;
    made->args = args;
    made->arg_count = 0;
    for (int32_t i = 0; i < e->arg_count; i++) {
        const star_list *list;
        if (!is_spread(e->args[i])) {
            args[made->arg_count++] = e->args[i];
            continue;
        }
        TRY(star_expand(&list, q, e->args[i]));
        for (int32_t k = 0; k < list->count; k++) {
            TRY(column_text(&args[made->arg_count++], q, e->args[i], &list->columns[k], names));
        }
    }
    *out = made;
    return OK;
}

status
spread_columns(const ast_expr **e, context *c) {
    const ast_expr_kind kind = (*e)->kind;
    bool                any = gives_names(*e);
    if (kind != AST_CALL && kind != AST_LIST && kind != AST_IN && kind != AST_ROW) {
        return OK;
    }
    for (int32_t i = 0; i < (*e)->arg_count && !any; i++) {
        any = is_spread((*e)->args[i]);
    }
    if (!any) {
        return OK;
    }
    if (c->query == NULL) {
        return error_set_at(c->binder->err, ERR_QUERY_FAILED, (*e)->position,
                            "*COLUMNS(...) cannot stand in %s", c->clause);
    }
    return spread(e, c->query, *e);
}
