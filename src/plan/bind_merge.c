/* SPDX-License-Identifier: Apache-2.0 */
/* bind_merge.c - MERGE as a query: the table joined with the source, a row for each that is met.
 *
 * Its columns are the position of the table's row, the number of the WHEN clause from 1 on, and for
 * each clause the values that it gives, which are computed for its own rows alone. A column of TRUE
 * beside the source tells which rows of the join have one. */
#include "plan/bind.h"

#include <stdio.h>

#define MERGE_SOURCE ((text){"\1source", 7}) /* names that cannot be written */
#define MERGE_CLAUSE ((text){"\1clause", 7})
#define MERGE_MARK ((text){"\1mark", 5})

typedef struct merge_query {
    binder               b;
    const object        *target;
    const ast_statement *statement;
    const schema        *source; /* its columns; NULL: no clause asks for them */
    text                 known_as, source_as;
    ast_select          *select;
    plan_merge          *out;
} merge_query;

/* ---- expressions */
static ast_expr *
new_node(merge_query *m, ast_expr_kind kind, int32_t arg_count) {
    ast_expr *e = arena_alloc_zero(m->b.arena, sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    *e = (ast_expr){.kind = kind, .position = -1, .end = -1, .height = 1, .nesting = 1};
    e->arg_count = arg_count;
    e->args = arena_alloc_zero(m->b.arena, sizeof(*e->args) * (size_t)(arg_count + 1));
    return e->args == NULL ? NULL : e;
}

static ast_expr *
new_column(merge_query *m, text qualifier, text name) {
    ast_expr *e = new_node(m, AST_COLUMN, 0);
    if (e != NULL) {
        e->qualifier = (ast_name){.text = qualifier, .quoted = true, .position = -1};
        e->name = (ast_name){.text = name, .quoted = true, .position = -1};
    }
    return e;
}

/* Its arguments may be NULL: then it is. */
static ast_expr *
new_over(merge_query *m, ast_expr_kind kind, const char *op, ast_expr *a, ast_expr *b) {
    ast_expr *e = new_node(m, kind, b == NULL ? 1 : 2);
    if (e == NULL || a == NULL) {
        return NULL;
    }
    e->op = text_of(op);
    e->args[0] = a;
    e->args[1] = b;
    return e;
}

static ast_expr *
new_number(merge_query *m, int32_t n) {
    ast_expr *e = new_node(m, AST_INTEGER, 0);
    char      digits[16];
    (void)snprintf(digits, sizeof(digits), "%d", n);
    if (e != NULL) {
        e->text = arena_text(m->b.arena, text_of(digits));
    }
    return e == NULL || e->text.data == NULL ? NULL : e;
}

/* Whether the row has one of the table, of the source. */
static ast_expr *
has_row(merge_query *m, bool of_source, bool has) {
    ast_expr *e = new_over(m, AST_IS_NULL, "",
                           of_source ? new_column(m, MERGE_SOURCE, MERGE_MARK)
                                     : new_column(m, m->known_as, PLAN_POSITION),
                           NULL);
    if (e != NULL) {
        e->negated = has;
    }
    return e;
}

static ast_expr *
all_of(merge_query *m, ast_expr *a, ast_expr *b) {
    return b == NULL ? NULL : new_over(m, AST_BINARY, "AND", a, b);
}

/* ---- which clause */
static ast_expr *
clause_condition(merge_query *m, const ast_when *w) {
    ast_expr *e = all_of(m, has_row(m, false, w->state != AST_WHEN_NOT_MATCHED),
                         has_row(m, true, w->state != AST_WHEN_NOT_MATCHED_BY_SOURCE));
    return w->condition == NULL ? e : all_of(m, e, w->condition);
}

static ast_expr *
clause_number(merge_query *m) {
    const ast_statement *s = m->statement;
    ast_expr            *e = new_node(m, AST_CASE, 2 * s->when_count);
    for (int32_t i = 0; e != NULL && i < s->when_count; i++) {
        const bool nothing = s->whens[i].action == AST_MERGE_NOTHING;
        e->args[2 * i] = clause_condition(m, &s->whens[i]);
        e->args[2 * i + 1] = new_number(m, nothing ? 0 : i + 1);
        if (e->args[2 * i] == NULL || e->args[2 * i + 1] == NULL) {
            return NULL;
        }
    }
    return e;
}

/* A further column of the query, computed where clause `number` is the one. */
static status
add_value(merge_query *m, int32_t number, ast_expr *e, int32_t *at) {
    ast_expr *only = new_node(m, AST_CASE, 2);
    ast_expr *is = new_over(m, AST_BINARY, "=", new_column(m, (text){NULL, 0}, MERGE_CLAUSE),
                            new_number(m, number));
    if (only == NULL || is == NULL || is->args[1] == NULL || e == NULL) {
        return out_of_memory(&m->b);
    }
    only->position = e->position;
    only->args[0] = is;
    only->args[1] = e;
    *at = m->select->item_count;
    m->select->items[m->select->item_count++].expr = only;
    return OK;
}

/* ---- what a clause gives */
/* SET column = value */
static status
add_sets(merge_query *m, const ast_when *w, int32_t number, int32_t *from) {
    const schema *columns = m->target->schema;
    for (int32_t c = 0; c < columns->count; c++) {
        from[c] = INT32_MAX; /* as it was */
    }
    for (int32_t i = 0; i < w->set_count; i++) {
        int32_t at;
        TRY(change_column(&at, &m->b, m->target, &w->sets[i].alias));
        from[at] = -1;
        if (w->sets[i].expr != NULL) {
            TRY(add_value(m, number, w->sets[i].expr, &from[at]));
        }
    }
    return OK;
}

static status
add_insert(merge_query *m, const ast_when *w, int32_t number, int32_t *from) {
    const schema *columns = m->target->schema;
    if (w->target_count == 0 && w->value_count > columns->count) {
        return error_set_at(m->b.err, ERR_QUERY_FAILED, w->values[columns->count]->position,
                            "\"%.*s\" has %d columns, and %d values are given",
                            TEXT_ARG(m->target->name), columns->count, w->value_count);
    }
    for (int32_t c = 0; c < columns->count; c++) {
        from[c] = -1;
    }
    for (int32_t i = 0; i < w->value_count; i++) {
        int32_t at = i;
        if (w->target_count > 0) {
            TRY(change_column(&at, &m->b, m->target, &w->targets[i]));
        }
        if (w->values[i]->kind != AST_DEFAULT) {
            TRY(add_value(m, number, w->values[i], &from[at]));
        }
    }
    return OK;
}

/* Columns of the source, in their order or by their names. */
static status
add_columns(merge_query *m, const ast_when *w, int32_t number, int32_t *from) {
    const schema *columns = m->target->schema;
    if (w->columns == AST_MERGE_BY_POSITION && m->source->count != columns->count) {
        error_set_at(m->b.err, ERR_QUERY_FAILED, w->position,
                     "the source has %d columns, and \"%.*s\" has %d", m->source->count,
                     TEXT_ARG(m->target->name), columns->count);
        return error_hint(m->b.err, "name the columns: %s",
                          w->action == AST_MERGE_INSERT ? "INSERT (column, ...) VALUES (...)"
                                                        : "UPDATE SET column = value, ...");
    }
    for (int32_t c = 0; c < columns->count; c++) {
        from[c] = w->action == AST_MERGE_UPDATE ? INT32_MAX : -1;
    }
    for (int32_t i = 0; i < m->source->count; i++) {
        const field   *f = &m->source->fields[i];
        const ast_name name = {.text = f->name, .position = w->position};
        int32_t        at = i;
        if (w->columns == AST_MERGE_BY_NAME) {
            TRY(change_column(&at, &m->b, m->target, &name));
        }
        ast_expr *e = new_column(m, m->source_as, f->name);
        TRY(e == NULL ? out_of_memory(&m->b) : OK);
        e->position = w->position;
        TRY(add_value(m, number, e, &from[at]));
    }
    return OK;
}

/* Columns that an UPDATE leaves as they were. */
static status
add_rest(merge_query *m, int32_t number, int32_t *from) {
    const schema *columns = m->target->schema;
    for (int32_t c = 0; c < columns->count; c++) {
        if (from[c] == INT32_MAX) {
            TRY(add_value(m, number, new_column(m, m->known_as, columns->fields[c].name),
                          &from[c]));
        }
    }
    return OK;
}

static status
add_clause(merge_query *m, int32_t i) {
    const ast_when *w = &m->statement->whens[i];
    const int32_t   number = i + 1;
    int32_t *from = arena_alloc(m->b.arena, sizeof(*from) * (size_t)(m->target->schema->count + 1));
    if (from == NULL) {
        return out_of_memory(&m->b);
    }
    m->out->from[i] = from;
    from[0] = -1;
    switch (w->action) {
    case AST_MERGE_NOTHING:
    case AST_MERGE_DELETE:
        return OK;
    case AST_MERGE_ERROR:
        return w->value_count == 0 ? OK : add_value(m, number, w->values[0], &from[0]);
    case AST_MERGE_UPDATE:
        TRY(w->columns == AST_MERGE_SAID ? add_sets(m, w, number, from)
                                         : add_columns(m, w, number, from));
        return add_rest(m, number, from);
    case AST_MERGE_INSERT:
        return w->columns == AST_MERGE_SAID || w->columns == AST_MERGE_DEFAULTS
                   ? add_insert(m, w, number, from)
                   : add_columns(m, w, number, from);
    }
    UNREACHABLE();
}

/* ---- FROM */

/* (source CROSS JOIN (VALUES (TRUE)) mark) */
static ast_from *
marked_source(merge_query *m) {
    arena      *a = m->b.arena;
    ast_from   *join = arena_alloc_zero(a, sizeof(*join));
    ast_from   *mark = arena_alloc_zero(a, sizeof(*mark));
    ast_select *values = arena_alloc_zero(a, sizeof(*values));
    ast_name   *name = arena_alloc_zero(a, sizeof(*name));
    ast_expr  **row = arena_alloc_zero(a, sizeof(ast_expr *));
    if (join == NULL || mark == NULL || values == NULL || name == NULL || row == NULL) {
        return NULL;
    }
    row[0] = new_node(m, AST_TRUE, 0);
    *name = (ast_name){.text = MERGE_MARK, .quoted = true, .position = -1};
    *values = (ast_select){.kind = AST_SELECT_VALUES, .row_count = 1, .row_width = 1, .rows = row};
    *mark = (ast_from){.kind = AST_FROM_SUBQUERY,
                       .query = values,
                       .alias = {.text = MERGE_SOURCE, .quoted = true, .position = -1},
                       .column_count = 1,
                       .columns = name};
    *join = (ast_from){.kind = AST_FROM_JOIN,
                       .position = m->statement->select->from->position,
                       .join = AST_JOIN_CROSS,
                       .left = m->statement->select->from,
                       .right = mark};
    return row[0] == NULL ? NULL : join;
}

/* The rows that some clause is about. */
static ast_join_kind
join_kind(const ast_statement *s) {
    bool table = false, source = false;
    for (int32_t i = 0; i < s->when_count; i++) {
        table |= s->whens[i].state == AST_WHEN_NOT_MATCHED_BY_SOURCE;
        source |= s->whens[i].state == AST_WHEN_NOT_MATCHED;
    }
    return table && source ? AST_JOIN_FULL
           : table         ? AST_JOIN_LEFT
           : source        ? AST_JOIN_RIGHT
                           : AST_JOIN_INNER;
}

/* a.k = b.k AND ... of USING (k, ...): both columns stay what they are. */
static ast_expr *
using_condition(merge_query *m) {
    ast_expr *all = NULL;
    for (int32_t i = 0; i < m->statement->target_count; i++) {
        const ast_name *name = &m->statement->targets[i];
        ast_expr       *a = new_column(m, m->known_as, name->text);
        ast_expr       *b = new_column(m, m->source_as, name->text);
        if (a == NULL || b == NULL) {
            return NULL;
        }
        a->name = b->name = *name;
        a->position = b->position = name->position;
        ast_expr *equal = new_over(m, AST_BINARY, "=", a, b);
        all = i == 0 ? equal : all_of(m, all, equal);
    }
    return all;
}

static status
build_from(merge_query *m) {
    const ast_statement *s = m->statement;
    arena               *a = m->b.arena;
    ast_from            *target = change_target(a, m->target, s);
    ast_from            *source = marked_source(m);
    ast_from            *join = arena_alloc_zero(a, sizeof(*join));
    ast_expr            *on = s->select->where != NULL ? s->select->where : using_condition(m);
    if (target == NULL || source == NULL || join == NULL || on == NULL) {
        return out_of_memory(&m->b);
    }
    target->with_position = true;
    *join = (ast_from){.kind = AST_FROM_JOIN,
                       .position = s->name.position,
                       .join = join_kind(s),
                       .left = target,
                       .right = source,
                       .on = on};
    m->select->from = join;
    return OK;
}

/* ---- all */
static status
build_items(merge_query *m) {
    const ast_statement *s = m->statement;
    const size_t         most = (size_t)m->target->schema->count + 1;
    ast_select          *q = m->select;
    q->items = arena_alloc_zero(m->b.arena, sizeof(ast_item) * (2 + most * (size_t)s->when_count));
    m->out->from = arena_alloc_zero(m->b.arena, sizeof(int32_t *) * (size_t)s->when_count);
    if (q->items == NULL || m->out->from == NULL) {
        return out_of_memory(&m->b);
    }
    q->items[0].expr = new_column(m, m->known_as, PLAN_POSITION);
    q->items[1].expr = clause_number(m);
    q->items[1].alias = (ast_name){.text = MERGE_CLAUSE, .quoted = true, .position = -1};
    q->item_count = 2;
    if (q->items[0].expr == NULL || q->items[1].expr == NULL) {
        return out_of_memory(&m->b);
    }
    for (int32_t i = 0; i < s->when_count; i++) {
        TRY(add_clause(m, i));
    }
    return OK;
}

/* Only rows that a clause is about, those of the table in its order. */
static status
build_order(merge_query *m) {
    ast_select *q = m->select;
    ast_order  *by = arena_alloc_zero(m->b.arena, sizeof(*by));
    q->where = new_over(m, AST_BINARY, ">", new_column(m, (text){NULL, 0}, MERGE_CLAUSE),
                        new_number(m, 0));
    if (by == NULL || q->where == NULL || q->where->args[1] == NULL) {
        return out_of_memory(&m->b);
    }
    by->expr = q->items[0].expr;
    by->nulls = 2;
    q->orders = by;
    q->order_count = 1;
    return OK;
}

status
plan_merge_query(plan_merge *out, arena *a, const object *target, const schema *source,
                 const ast_statement *s, error *err) {
    const ast_from *from = s->select->from;
    merge_query     m = {.b = {.arena = a, .err = err},
                         .target = target,
                         .statement = s,
                         .source = source,
                         .known_as = s->alias.text.data != NULL ? s->alias.text : target->name,
                         .source_as =
                         from->alias.text.data != NULL ? from->alias.text : from->name.text,
                         .out = out};
    *out = (plan_merge){0};
    m.select = arena_alloc_zero(a, sizeof(*m.select));
    if (m.select == NULL) {
        return error_memory(err);
    }
    *m.select = (ast_select){
        .position = s->position, .with_count = s->select->with_count, .withs = s->select->withs};
    TRY(build_from(&m));
    TRY(build_items(&m));
    TRY(build_order(&m));
    out->select = m.select;
    return OK;
}

bool
plan_merge_asks_source(const ast_statement *s) {
    bool asks = false;
    for (int32_t i = 0; i < s->when_count; i++) {
        const ast_merge_columns columns = s->whens[i].columns;
        asks |= columns == AST_MERGE_BY_POSITION || columns == AST_MERGE_BY_NAME;
    }
    return asks;
}
