/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - MERGE: one query finds the rows and says which WHEN clause each is for, then all
 * clauses are one change of the table.
 *
 * Query and change happen with the token held, so that what was found is what is changed. */
#include "db/change.h"
#include "db/coerce.h"
#include "db/system.h"

#define MERGED_ROWS ((text){"\0merged", 7}) /* a name that cannot be written */

typedef struct merge {
    statement_context   *c;
    const ast_statement *st;
    object              *o;
    plan_merge           plan;
    result             **found; /* rows of each clause */
    builder              rows;  /* that are new, */
    builder              shown; /* and what RETURNING reads: rows and their merge_action */
    bool                 returns;
    int64_t             *dying; /* in the order of the table */
    int64_t              dying_count;
    int64_t              changed;
} merge;

/* ---- the query */
static status
source_columns(statement_context *c, const ast_statement *st, const schema **out, error *err) {
    ast_select *all = arena_alloc_zero(&c->arena, sizeof(*all));
    ast_item   *item = arena_alloc_zero(&c->arena, sizeof(*item));
    ast_expr   *star = arena_alloc_zero(&c->arena, sizeof(*star));
    plan       *p = arena_alloc_zero(&c->arena, sizeof(*p));
    if (all == NULL || item == NULL || star == NULL || p == NULL) {
        return error_memory(err);
    }
    const int32_t position = st->select->from->position;
    *star = (ast_expr){.kind = AST_STAR,
                       .position = position,
                       .end = position,
                       .height = 1,
                       .nesting = 1,
                       .implied = AST_IMPLIED_ELSE};
    item->expr = star;
    *all = (ast_select){.position = position,
                        .with_count = st->select->with_count,
                        .withs = st->select->withs,
                        .item_count = 1,
                        .items = item,
                        .from = st->select->from};
    TRY(plan_select(p, &c->arena, c->db->catalog, &c->externals, &c->env, all, c->sql, false, NULL,
                    err));
    *out = &p->root->schema;
    return OK;
}

/* A condition of columns needs a name before them. */
static void
name_source(ast_from *from) {
    if (from->alias.text.data == NULL &&
        (from->kind == AST_FROM_SUBQUERY || from->kind == AST_FROM_FUNCTION)) {
        from->alias = (ast_name){.text = TEXT("\1rows"), .quoted = true, .position = -1};
    }
}

status
merge_bind(statement_context *c, const ast_statement *st, plan_merge *out, object **target,
           error *err) {
    const schema *columns = NULL;
    TRY(change_find(c, st, target, err));
    name_source(st->select->from);
    if (plan_merge_asks_source(st)) {
        TRY(source_columns(c, st, &columns, err));
    }
    return plan_merge_query(out, &c->arena, *target, columns, st, err);
}

/* ---- rows by clauses */
static status
refuse_row(merge *m, const ast_when *w, int32_t clause, const delta *rows, int32_t row,
           error *err) {
    const int32_t at = m->plan.from[clause][0];
    text          why = {NULL, 0};
    if (at >= 0 && rows->columns[at].type.id == TYPE_TEXT &&
        !column_is_null(&rows->columns[at], row)) {
        why = column_value(&rows->columns[at], row).s;
    }
    if (why.data != NULL) {
        return error_set_at(err, ERR_QUERY_FAILED, w->position, "%.*s", TEXT_ARG(why));
    }
    return error_set_at(err, ERR_QUERY_FAILED, w->position,
                        "MERGE found a row that this clause refuses");
}

static status
note_dying(merge *m, int64_t position, error *err) {
    if (m->dying_count > 0 && m->dying[m->dying_count - 1] == position) {
        error_set_at(err, ERR_QUERY_FAILED, m->st->select->from->position,
                     "a row of \"%.*s\" is matched by several rows of the source, of which only "
                     "one can change it",
                     TEXT_ARG(m->o->name));
        return error_hint(err, "make them one: USING (SELECT DISTINCT ON (key) * FROM source "
                               "ORDER BY key, ...), or GROUP BY the key");
    }
    m->dying[m->dying_count++] = position;
    return OK;
}

static int32_t
clause_of(const delta *rows, int32_t row) {
    return (int32_t)column_value(&rows->columns[1], row).i - 1;
}

static status
sort_batch(merge *m, const delta *rows, arena *a, error *err) {
    const ast_statement *st = m->st;
    int32_t             *numbers = arena_alloc(a, sizeof(int32_t) * (size_t)(rows->row_count + 1));
    if (numbers == NULL) {
        return error_memory(err);
    }
    const int64_t *positions = rows->columns[0].values;
    for (int32_t row = 0; row < rows->row_count; row++) {
        const ast_when *w = &st->whens[clause_of(rows, row)];
        TRY(w->action == AST_MERGE_ERROR ? refuse_row(m, w, clause_of(rows, row), rows, row, err)
                                         : OK);
        TRY(w->state == AST_WHEN_NOT_MATCHED ? OK : note_dying(m, positions[row], err));
    }
    for (int32_t k = 0; k < st->when_count; k++) {
        int32_t count = 0;
        batch  *kept = NULL;
        delta   picked;
        for (int32_t row = 0; row < rows->row_count; row++) {
            if (clause_of(rows, row) == k) {
                numbers[count++] = row;
            }
        }
        if (count == 0) {
            continue;
        }
        m->changed += count;
        TRY(delta_gather(&picked, rows, numbers, count, a, err));
        TRY(batch_keep(&kept, m->c->db->mem, &picked, err));
        TRY(result_add(m->found[k], kept, err));
    }
    return OK;
}

static status
sort_rows_by_clause(merge *m, const result *rows, error *err) {
    arena *a = &m->c->arena;
    m->dying = arena_alloc(a, sizeof(int64_t) * (size_t)(rows->row_count + 1));
    m->found = arena_alloc_zero(a, sizeof(result *) * (size_t)m->st->when_count);
    if (m->dying == NULL || m->found == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < m->st->when_count; k++) {
        TRY(result_new(&m->found[k], m->c->db->mem, &rows->schema, false, err));
    }
    for (int32_t i = 0; i < rows->batch_count; i++) {
        TRY(sort_batch(m, &rows->batches[i]->rows, a, err));
    }
    return OK;
}

/* ---- RETURNING: a query over the rows, which have merge_action beside the table's columns */
static status
show_rows(merge *m, const delta *rows, text action, error *err) {
    column *columns = arena_alloc(&m->c->arena, sizeof(column) * (size_t)(m->o->schema->count + 1));
    text   *actions = arena_alloc(&m->c->arena, sizeof(text) * (size_t)(rows->row_count + 1));
    if (columns == NULL || actions == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < rows->row_count; i++) {
        actions[i] = action;
    }
    for (int32_t i = 0; i < m->o->schema->count; i++) {
        columns[i] = rows->columns[i];
    }
    builder         one;
    const data_type type = type_of(TYPE_TEXT);
    TRY(builder_init(&one, m->c->db->mem, &type, 1, err));
    status s = column_append_text_run(&one, 0, actions, rows->row_count, err);
    if (s == OK) {
        delta  word;
        column view;
        builder_view(&one, &view, &word);
        columns[m->o->schema->count] = word.columns[0];
        const delta all = {.row_count = rows->row_count,
                           .column_count = m->o->schema->count + 1,
                           .columns = columns};
        s = builder_append_delta(&m->shown, &all, err);
    }
    builder_fini(&one);
    return s;
}

/* The rows that a DELETE takes, before it does. */
static status
show_deleted(merge *m, const result *found, error *err) {
    const table *t = source_table(m->o->impl);
    arena       *a = &m->c->arena;
    for (int32_t i = 0; i < found->batch_count; i++) {
        const delta   *part = &found->batches[i]->rows;
        const int64_t *positions = part->columns[0].values;
        for (int32_t done = 0; done < part->row_count;) {
            const arena_mark mark = arena_save(a);
            column *columns = arena_alloc(a, sizeof(column) * (size_t)(m->o->schema->count + 1));
            int32_t n;
            delta   old;
            if (columns == NULL) {
                return error_memory(err);
            }
            TRY(table_gather(t, positions + done, part->row_count - done, &n, columns, &old, a,
                             err));
            TRY(show_rows(m, &old, TEXT("DELETE"), err));
            arena_rewind(a, mark);
            done += n;
        }
    }
    return OK;
}

/* merge_action is no part of * */
static status
hide_action(merge *m, ast_item *items, error *err) {
    for (int32_t i = 0; i < m->st->returning_count; i++) {
        items[i] = m->st->returning[i];
        if (items[i].expr->kind != AST_STAR) {
            continue;
        }
        ast_expr       *e = arena_alloc_zero(&m->c->arena, sizeof(*e));
        ast_star       *star = arena_alloc_zero(&m->c->arena, sizeof(*star));
        const ast_star  none = {.negated = false};
        const ast_star *before = items[i].expr->star == NULL ? &none : items[i].expr->star;
        ast_rename     *excludes =
            arena_alloc_zero(&m->c->arena, sizeof(*excludes) * (size_t)(before->exclude_count + 1));
        if (e == NULL || star == NULL || excludes == NULL) {
            return error_memory(err);
        }
        for (int32_t k = 0; k < before->exclude_count; k++) {
            excludes[k] = before->excludes[k];
        }
        excludes[before->exclude_count].name =
            (ast_name){.text = TEXT("merge_action"), .position = -1};
        *star = *before;
        star->excludes = excludes;
        star->exclude_count++;
        *e = *items[i].expr;
        e->star = star;
        items[i].expr = e;
    }
    return OK;
}

static status
open_shown(merge *m, error *err) {
    laminar_database *db = m->c->db;
    const schema     *columns = m->o->schema;
    field  *fields = arena_alloc_zero(&m->c->arena, sizeof(field) * (size_t)(columns->count + 1));
    batch  *rows = NULL;
    result *made = NULL;
    laminar_result *answer = NULL;
    relation       *r = NULL;
    if (fields == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < columns->count; i++) {
        fields[i] = columns->fields[i];
        fields[i].nullable = true;
    }
    fields[columns->count] = (field){.name = TEXT("merge_action"), .type = type_of(TYPE_TEXT)};
    const schema all = {.count = columns->count + 1, .fields = fields};
    TRY(result_new(&made, db->mem, &all, false, err));
    status s = OK;
    if (builder_rows(&m->shown) > 0) {
        s = builder_take(&m->shown, &rows, err);
        s = s < 0 ? s : result_add(made, rows, err);
    }
    if (s < 0) {
        result_release(made);
        return s;
    }
    TRY(answer_rows(&answer, db->mem, LAMINAR_RESULT_QUERY, made, err));
    TRY(rows_relation(&r, db->mem, answer, m->o->name, err));
    return externals_add_rows(m->c, MERGED_ROWS, r, err);
}

static status
query_shown(merge *m, result **out, error *err) {
    const ast_statement *st = m->st;
    ast_from            *from = arena_alloc_zero(&m->c->arena, sizeof(*from));
    ast_item *items = arena_alloc_zero(&m->c->arena, sizeof(*items) * (size_t)st->returning_count);
    query_entry *listed = NULL;
    if (from == NULL || items == NULL) {
        return error_memory(err);
    }
    *from = (ast_from){.kind = AST_FROM_TABLE,
                       .position = st->name.position,
                       .name = {.text = MERGED_ROWS, .quoted = true, .position = -1},
                       .of_change = true,
                       .alias = st->alias};
    if (from->alias.text.data == NULL) {
        from->alias = (ast_name){.text = m->o->name, .quoted = true, .position = -1};
    }
    TRY(hide_action(m, items, err));
    TRY(open_shown(m, err));
    const ast_select select = {
        .position = st->position, .from = from, .item_count = st->returning_count, .items = items};
    TRY(db_query_begin(m->c->db, statement_text(m->c, st), NULL, &listed, err));
    const status s = change_query(m->c, &select, listed, out, err);
    db_query_end(m->c->db, listed);
    return s;
}

/* ---- the change */
static status
take_clause(merge *m, int32_t k, error *err) {
    const ast_when *w = &m->st->whens[k];
    batch          *made = NULL;
    if (m->found[k]->row_count == 0) {
        return OK;
    }
    if (w->action == AST_MERGE_DELETE) {
        return m->returns ? show_deleted(m, m->found[k], err) : OK;
    }
    TRY(db_fit_result(&made, m->c->db, &m->c->env, m->o, m->plan.from[k], NULL, m->found[k], err));
    status s = builder_append_delta(&m->rows, &made->rows, err);
    if (s == OK && m->returns) {
        s = show_rows(m, &made->rows,
                      w->action == AST_MERGE_INSERT ? TEXT("INSERT") : TEXT("UPDATE"), err);
    }
    batch_release(made);
    return s;
}

static status
apply(merge *m, error *err) {
    conflict_action actions[KEYS_MAX];
    batch          *made = NULL;
    for (int32_t i = 0; i < KEYS_MAX; i++) {
        actions[i] = CONFLICT_FAIL;
    }
    status s = OK;
    if (builder_rows(&m->rows) > 0) {
        s = builder_take(&m->rows, &made, err);
        s = s < 0 ? s : db_check_made(m->c->db, m->o, &made->rows, err);
    }
    if (s == OK && m->changed > 0) {
        row_change change = {
            .rows = made, .actions = actions, .dying = m->dying, .dying_count = m->dying_count};
        s = engine_change(m->c->db->engine, m->o->impl, &change, err);
    }
    batch_release(made);
    return s;
}

static status
apply_and_show(merge *m, laminar_result **answer, error *err) {
    engine *e = m->c->db->engine;
    result *rows = NULL;
    if (!m->returns) {
        return apply(m, err);
    }
    engine_savepoint(e);
    status s = apply(m, err);
    s = s < 0 ? s : query_shown(m, &rows, err);
    if (s == OK) {
        laminar_result_free(*answer);
        *answer = NULL;
        s = answer_rows(answer, m->c->db->mem, LAMINAR_RESULT_QUERY, rows, err);
    }
    return engine_release(e, s, err);
}

static status
open_builders(merge *m, error *err) {
    const int32_t width = m->o->schema->count;
    data_type    *types = arena_alloc(&m->c->arena, sizeof(data_type) * (size_t)(width + 1));
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < width; i++) {
        types[i] = m->o->schema->fields[i].type;
    }
    types[width] = type_of(TYPE_TEXT);
    TRY(builder_init(&m->rows, m->c->db->mem, types, width, err));
    const status s = builder_init(&m->shown, m->c->db->mem, types, width + 1, err);
    if (s < 0) {
        builder_fini(&m->rows);
    }
    return s;
}

static status
change_by_clauses(merge *m, const result *rows, laminar_result **answer, error *err) {
    TRY(open_builders(m, err));
    status s = sort_rows_by_clause(m, rows, err);
    for (int32_t k = 0; s == OK && k < m->st->when_count; k++) {
        s = take_clause(m, k, err);
    }
    (*answer)->rows_affected = m->changed;
    s = s < 0 ? s : apply_and_show(m, answer, err);
    for (int32_t k = 0; m->found != NULL && k < m->st->when_count; k++) {
        result_release(m->found[k]);
    }
    builder_fini(&m->rows);
    builder_fini(&m->shown);
    return s;
}

static status
merge_table(statement_context *c, const ast_statement *st, query_entry *listed,
            laminar_result **answer, error *err) {
    merge   m = {.c = c, .st = st, .returns = st->returning_count > 0};
    result *rows = NULL;
    TRY(db_writable(c->db, err));
    TRY(merge_bind(c, st, &m.plan, &m.o, err));
    TRY(change_query(c, m.plan.select, listed, &rows, err));
    const status s = change_by_clauses(&m, rows, answer, err);
    result_release(rows);
    return db_settle(c->db, s, err);
}

status
merge_run(statement_context *c, const ast_statement *st, query_entry *listed,
          laminar_result **answer, error *err) {
    laminar_database *db = c->db;
    TRY(db_enter_to_write(db, err));
    if (!db_in_own_transaction(db)) {
        queue_drain(db, false); /* first come, first served */
    }
    const status s = merge_table(c, st, listed, answer, err);
    db_leave(db);
    return s;
}
