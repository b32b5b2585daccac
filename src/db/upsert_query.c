/* SPDX-License-Identifier: Apache-2.0 */
/* upsert_query.c - what ON CONFLICT DO UPDATE asks with subqueries: a query over the old rows of a
 * step and those that were given for them, which are two relations that are numbered alike.
 *
 * Where a subquery reads the table itself, rows are updated one after the other, so that each sees
 * what the one before it made, in whatever way the others are cut. */
#include "db/upsert_query.h"
#include "db/system.h"

#define NUMBER ((text){"\1number", 7}) /* names that cannot be written */

static const text old_rows = {"\0old", 4}, given_rows = {"\0given", 6};

static ast_expr *
new_expr(arena *a, ast_expr_kind kind, int32_t arg_count) {
    ast_expr *e = arena_alloc_zero(a, sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    *e = (ast_expr){.kind = kind, .position = -1, .end = -1, .height = 1, .nesting = 1};
    e->arg_count = arg_count;
    e->args = arena_alloc_zero(a, sizeof(*e->args) * (size_t)(arg_count + 1));
    return e->args == NULL ? NULL : e;
}

static ast_expr *
number_of(arena *a, text qualifier) {
    ast_expr *e = new_expr(a, AST_COLUMN, 0);
    if (e != NULL) {
        e->qualifier = (ast_name){.text = qualifier, .quoted = true, .position = -1};
        e->name = (ast_name){.text = NUMBER, .quoted = true, .position = -1};
    }
    return e;
}

static ast_from *
numbered_rows(arena *a, text name, text known_as, bool qualified_only) {
    ast_from *from = arena_alloc_zero(a, sizeof(*from));
    if (from != NULL) {
        *from = (ast_from){.kind = AST_FROM_TABLE,
                           .position = -1,
                           .name = {.text = name, .quoted = true, .position = -1},
                           .alias = {.text = known_as, .quoted = true, .position = -1},
                           .qualified_only = qualified_only,
                           .of_change = true};
    }
    return from;
}

static status
build_from(upsert_query *q, arena *a, error *err) {
    ast_from  *join = arena_alloc_zero(a, sizeof(*join));
    ast_expr  *on = new_expr(a, AST_BINARY, 2);
    ast_order *by = arena_alloc_zero(a, sizeof(*by));
    if (join == NULL || on == NULL || by == NULL) {
        return error_memory(err);
    }
    const text known_as = q->target->name;
    on->op = TEXT("=");
    on->args[0] = number_of(a, known_as);
    on->args[1] = number_of(a, TEXT("excluded"));
    *by = (ast_order){.expr = number_of(a, known_as)};
    *join = (ast_from){.kind = AST_FROM_JOIN,
                       .position = -1,
                       .join = AST_JOIN_INNER,
                       .left = numbered_rows(a, old_rows, known_as, false),
                       .right = numbered_rows(a, given_rows, TEXT("excluded"), true),
                       .on = on};
    q->select.from = join;
    q->select.orders = by;
    q->select.order_count = 1;
    return on->args[0] == NULL || on->args[1] == NULL || by->expr == NULL || join->left == NULL ||
                   join->right == NULL
               ? error_memory(err)
               : OK;
}

/* Values are computed for rows alone that the condition lets in. */
static ast_expr *
value_item(arena *a, ast_expr *e, ast_expr *where) {
    if (where == NULL) {
        return e;
    }
    ast_expr *only = new_expr(a, AST_CASE, 2);
    if (only != NULL) {
        only->position = e->position;
        only->args[0] = where;
        only->args[1] = e;
    }
    return only;
}

static status
build_items(upsert_query *q, const ast_conflict *said, arena *a, error *err) {
    q->select.items = arena_alloc_zero(a, sizeof(ast_item) * (size_t)(said->set_count + 2));
    q->columns = arena_alloc(a, sizeof(int32_t) * (size_t)(said->set_count + 2));
    if (q->select.items == NULL || q->columns == NULL) {
        return error_memory(err);
    }
    q->select.items[0].expr = number_of(a, q->target->name);
    q->columns[0] = -1;
    q->select.item_count = 1;
    for (int32_t i = 0; i < said->set_count; i++) {
        ast_expr *e = said->sets[i].expr;
        if (e != NULL && ast_has_subquery(e)) {
            q->columns[q->select.item_count] = schema_find(
                q->target->schema, said->sets[i].alias.text, said->sets[i].alias.quoted);
            q->select.items[q->select.item_count++].expr = value_item(a, e, said->where);
        }
    }
    if (said->where != NULL && ast_has_subquery(said->where)) {
        q->columns[q->select.item_count] = q->target->schema->count;
        q->select.items[q->select.item_count++].expr = said->where;
    }
    for (int32_t i = 0; i < q->select.item_count; i++) {
        TRY(q->select.items[i].expr == NULL ? error_memory(err) : OK);
    }
    return OK;
}

/* ---- the relations of a step */
static status
add_rows(upsert_query *q, text name, const column *columns, int32_t count, arena *a, error *err) {
    statement_context *c = q->c;
    const schema      *shape = q->target->schema;
    const int32_t      width = shape->count + 1;
    field             *fields = arena_alloc_zero(a, sizeof(field) * (size_t)width);
    column            *all = arena_alloc_zero(a, sizeof(column) * (size_t)width);
    int64_t           *numbers = arena_alloc(a, sizeof(int64_t) * (size_t)(count + 1));
    result            *made = NULL;
    batch             *kept = NULL;
    laminar_result    *answer = NULL;
    relation          *r = NULL;
    if (fields == NULL || all == NULL || numbers == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        numbers[i] = i;
    }
    for (int32_t i = 0; i < shape->count; i++) {
        fields[i] = shape->fields[i];
        if (count > 0) {
            all[i] = columns[i];
        }
    }
    fields[shape->count] = (field){.name = NUMBER, .type = type_of(TYPE_I64)};
    all[shape->count] = (column){.type = type_of(TYPE_I64), .values = numbers};
    const schema shown = {.count = width, .fields = fields};
    const delta  rows = {.row_count = count, .column_count = width, .columns = all};
    TRY(result_new(&made, c->db->mem, &shown, false, err));
    status s = count == 0 ? OK : batch_keep(&kept, c->db->mem, &rows, err);
    if (s == OK && kept != NULL) {
        s = result_add(made, kept, err);
    }
    if (s < 0) {
        result_release(made);
        return s;
    }
    TRY(answer_rows(&answer, c->db->mem, LAMINAR_RESULT_QUERY, made, err));
    TRY(rows_relation(&r, c->db->mem, answer, q->target->name, err));
    return externals_add_rows(c, name, r, err);
}

static void
drop_rows(upsert_query *q, int32_t before) {
    externals *x = &q->c->externals;
    while (x->count > before) {
        relation_close(x->items[--x->count].relation);
    }
}

/* Whether a subquery reads the table: planned over no rows. */
static status
look_at_plan(upsert_query *q, arena *a, error *err) {
    statement_context *c = q->c;
    const int32_t      before = c->externals.count;
    plan               p;
    status             s = add_rows(q, old_rows, NULL, 0, a, err);
    s = s < 0 ? s : add_rows(q, given_rows, NULL, 0, a, err);
    s = s < 0 ? s
              : plan_select(&p, a, c->db->catalog, &c->externals, &c->env, &q->select, c->sql,
                            false, NULL, err);
    for (int32_t i = 0; s == OK && i < p.object_count; i++) {
        q->reads_target |= p.objects[i] == q->target;
    }
    drop_rows(q, before);
    return s;
}

status
upsert_query_open(upsert_query *q, statement_context *c, const ast_statement *st, object *target,
                  arena *a, error *err) {
    *q = (upsert_query){.c = c, .target = target};
    q->select.position = st->position;
    TRY(build_items(q, &st->conflict, a, err));
    if (q->select.item_count == 1) {
        return OK;
    }
    TRY(build_from(q, a, err));
    TRY(look_at_plan(q, a, err));
    return db_query_begin(c->db, statement_text(c, st), NULL, &q->listed, err);
}

void
upsert_query_close(upsert_query *q) {
    batch_release(q->taken);
    if (q->listed != NULL) {
        db_query_end(q->c->db, q->listed);
    }
}

/* Rows of the result under one another. */
static status
take_values(upsert_query *q, const result *rows, column *made, arena *a, error *err) {
    const int32_t width = q->select.item_count;
    data_type    *types = arena_alloc(a, sizeof(data_type) * (size_t)width);
    builder       all;
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < width; i++) {
        types[i] = rows->schema.fields[i].type;
    }
    batch_release(q->taken);
    q->taken = NULL;
    TRY(builder_init(&all, q->c->db->mem, types, width, err));
    status s = OK;
    for (int32_t i = 0; s == OK && i < rows->batch_count; i++) {
        s = builder_append_delta(&all, &rows->batches[i]->rows, err);
    }
    s = s < 0 ? s : builder_take(&all, &q->taken, err);
    builder_fini(&all);
    for (int32_t i = 1; s == OK && i < width; i++) {
        made[q->columns[i]] = q->taken->rows.columns[i];
    }
    return s;
}

status
upsert_query_run(upsert_query *q, const delta *pairs, column *made, arena *a, error *err) {
    const int32_t width = q->target->schema->count;
    const int32_t before = q->c->externals.count;
    result       *rows = NULL;
    status        s = add_rows(q, old_rows, pairs->columns, pairs->row_count, a, err);
    s = s < 0 ? s : add_rows(q, given_rows, pairs->columns + width, pairs->row_count, a, err);
    s = s < 0 ? s : change_query(q->c, &q->select, q->listed, &rows, err);
    drop_rows(q, before);
    if (s == OK) {
        assert(rows->row_count == pairs->row_count);
        s = take_values(q, rows, made, a, err);
    }
    result_release(rows);
    return s;
}
