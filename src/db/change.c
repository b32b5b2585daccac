/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - UPDATE and DELETE: a query finds the rows, then all changes at once or nothing; ON
 * CONFLICT DO UPDATE.
 *
 * Query and change happen with the token held, so that what was found is what is changed. */
#include "db/change.h"
#include "db/upsert_query.h"

#include "db/coerce.h"
#include "db/parameters.h"

/* ---- the rows that a query found */

typedef struct found_rows {
    int64_t  count;
    int64_t *positions; /* as the query gave them */
    bool     ascending; /* and each once */
} found_rows;

static status
read_positions(found_rows *out, const result *rows, arena *a, error *err) {
    *out = (found_rows){.ascending = true};
    out->positions = arena_alloc(a, sizeof(int64_t) * (size_t)(rows->row_count + 1));
    if (out->positions == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < rows->batch_count; i++) {
        const delta   *part = &rows->batches[i]->rows;
        const int64_t *positions = part->columns[0].values;
        TRY(interrupt_look(err));
        for (int32_t row = 0; row < part->row_count; row++) {
            const int64_t at = positions[row];
            out->ascending &= out->count == 0 || out->positions[out->count - 1] < at;
            out->positions[out->count++] = at;
        }
    }
    return OK;
}

/* Puts the rows in the order of the table, the first where the query found one several times. */
static status
order_rows(found_rows *f, batch **made, mem *m, arena *a, error *err) {
    if (f->ascending) {
        return OK;
    }
    if (f->count > INT32_MAX) {
        return error_set(err, ERR_QUERY_FAILED, "one change takes at most 2^31 - 1 rows");
    }
    int32_t       *order = arena_alloc(a, sizeof(int32_t) * (size_t)f->count);
    int64_t       *sorted = arena_alloc(a, sizeof(int64_t) * (size_t)f->count);
    const column   positions = {.type = type_of(TYPE_I64), .values = f->positions};
    const sort_key by = {.column = 0};
    if (order == NULL || sorted == NULL) {
        return error_memory(err);
    }
    TRY(sort_rows(order, &positions, (int32_t)f->count, &by, 1, a, err));
    int32_t count = 0;
    for (int32_t i = 0; i < f->count; i++) {
        const int64_t at = f->positions[order[i]];
        if (count == 0 || sorted[count - 1] != at) {
            sorted[count] = at;
            order[count++] = order[i];
        }
    }
    f->positions = sorted;
    f->count = count;
    if (*made == NULL) {
        return OK;
    }
    delta  picked;
    batch *ordered = NULL;
    TRY(delta_gather(&picked, &(*made)->rows, order, count, a, err));
    TRY(batch_keep(&ordered, m, &picked, err));
    batch_release(*made);
    *made = ordered;
    return OK;
}

status
change_query(statement_context *c, const ast_select *select, query_entry *listed, result **out,
             error *err) {
    laminar_database *db = c->db;
    arena             plan_arena;
    plan              p;
    query            *q = NULL;
    plan_profile     *profile = NULL;
    buf              *explained = c->explained;
    c->explained = NULL; /* RETURNING is another query */
    arena_init(&plan_arena, db->mem);
    status s = plan_select(&p, &plan_arena, db->catalog, &c->externals, &c->env, select, c->sql,
                           false, NULL, err);
    if (s < 0) {
        c->explained = explained; /* it may be bound again */
    }
    if (s == OK && explained != NULL) {
        profile = arena_alloc_zero(&plan_arena, sizeof(*profile) * (size_t)p.node_count);
        s = profile == NULL ? error_memory(err) : OK;
    }
    if (s == OK) {
        s = query_prepare(&q, db->engine, &p, &plan_arena, false, INT64_MAX, profile,
                          &listed->guard, err);
    }
    if (s == OK) {
        db_query_inside(db, listed);
        query_count(q, &listed->rows);
        s = query_run(q, out, err);
        s = s < 0 ? s : db_query_report_end(listed, err);
        if (s == OK && explained != NULL) {
            plan_print(&p, profile, explained);
        }
        query_close(q);
    }
    arena_fini(&plan_arena);
    return s;
}

/* ---- RETURNING */

/* Rows of the change, from position `first` on, as RETURNING shows them. With the token. */
static status
query_returning(statement_context *c, const ast_statement *st, const object *o, int64_t first,
                result **out, error *err) {
    ast_select  *select = NULL;
    query_entry *listed = NULL;
    TRY(plan_returning_query(&select, &c->arena, o, st, first, err));
    TRY(db_query_begin(c->db, statement_text(c, st), NULL, &listed, err));
    const status s = change_query(c, select, listed, out, err);
    db_query_end(c->db, listed);
    return s;
}

static status
answer_returned(statement_context *c, result *rows, laminar_result **answer, error *err) {
    laminar_result_free(*answer);
    *answer = NULL;
    return answer_rows(answer, c->db->mem, LAMINAR_RESULT_QUERY, rows, err);
}

status
change_with_returning(statement_context *c, const ast_statement *st, object *o, change_rows *run,
                      void *context, laminar_result **answer, error *err) {
    engine       *e = c->db->engine;
    const int64_t first = table_row_count(source_table(o->impl));
    result       *rows = NULL;
    if (st->returning_count == 0 && st->conflict.action != AST_CONFLICT_UPDATE) {
        return run(c, st, o, context, err);
    }
    engine_savepoint(e);
    status s = run(c, st, o, context, err);
    if (s == OK && st->returning_count > 0) {
        s = query_returning(c, st, o, first, &rows, err);
    }
    if (s == OK && rows != NULL) {
        s = answer_returned(c, rows, answer, err);
    }
    return engine_release(e, s, err);
}

/* What RETURNING of a DELETE gave stands behind the positions. */
static status
take_returned(batch **out, const result *rows, mem *m, arena *a, error *err) {
    const int32_t width = rows->schema.count - 1;
    data_type    *types = arena_alloc(a, sizeof(data_type) * (size_t)(width + 1));
    builder       all;
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < width; i++) {
        types[i] = rows->schema.fields[i + 1].type;
    }
    TRY(builder_init(&all, m, types, width, err));
    status s = OK;
    for (int32_t i = 0; s == OK && i < rows->batch_count; i++) {
        delta part = rows->batches[i]->rows;
        part.columns++;
        part.column_count = width;
        s = builder_append_delta(&all, &part, err);
    }
    if (s == OK && builder_rows(&all) > 0) {
        s = builder_take(&all, out, err);
    }
    builder_fini(&all);
    return s;
}

/* *returned is taken over. */
static status
answer_deleted(statement_context *c, const result *rows, batch **returned, laminar_result **answer,
               error *err) {
    const schema shape = {.count = rows->schema.count - 1, .fields = rows->schema.fields + 1};
    result      *made = NULL;
    TRY(result_new(&made, c->db->mem, &shape, false, err));
    if (*returned != NULL) {
        batch *b = *returned;
        *returned = NULL;
        const status added = result_add(made, b, err);
        if (added < 0) {
            result_release(made);
            return added;
        }
    }
    return answer_returned(c, made, answer, err);
}

/* ---- UPDATE, DELETE */

status
change_find(statement_context *c, const ast_statement *st, object **out, error *err) {
    const char *verb = st->kind == AST_UPDATE   ? "UPDATE"
                       : st->kind == AST_DELETE ? "DELETE"
                       : st->kind == AST_MERGE  ? "MERGE"
                                                : "TRUNCATE";
    TRY(catalog_need(out, c->db->catalog, st->name.text, st->name.quoted, ERR_NOT_FOUND_IN_QUERY,
                     "Table", st->name.position, err));
    if ((*out)->kind == OBJECT_TABLE) {
        return OK;
    }
    error_set_at(err, ERR_QUERY_FAILED, st->name.position,
                 "%s changes tables, and \"%.*s\" is a %s", verb, TEXT_ARG((*out)->name),
                 object_kind_name((*out)->kind));
    return error_hint(err, (*out)->kind == OBJECT_SOURCE
                               ? "a source only takes new rows: CREATE TABLE for rows that change"
                               : "change the tables that it reads");
}

typedef struct found_change { /* what a query found, for apply_change */
    found_rows found;
    batch     *made;  /* UPDATE: the new rows; DELETE: what it returns */
    interrupt *guard; /* of the statement */
} found_change;

static status
apply_change(statement_context *c, const ast_statement *st, object *o, void *context, error *err) {
    found_change   *f = context;
    conflict_action actions[KEYS_MAX];
    for (int32_t i = 0; i < KEYS_MAX; i++) {
        actions[i] = CONFLICT_FAIL;
    }
    batch *rows = st->kind == AST_UPDATE ? f->made : NULL;
    if (rows != NULL) {
        TRY(db_check_made(c->db, o, &rows->rows, err));
    }
    row_change change = {.rows = rows,
                         .actions = actions,
                         .dying = f->found.positions,
                         .dying_count = f->found.count,
                         .guard = f->guard};
    return engine_change(c->db->engine, o->impl, &change, err);
}

/* What is left to do before rows change, and can still be called off. */
static status
prepare_found(found_change *f, statement_context *c, object *o, const ast_statement *st,
              const int32_t *from, const result *rows, error *err) {
    laminar_database *db = c->db;
    interrupt        *before = interrupt_set_current(f->guard);
    status            s = read_positions(&f->found, rows, &c->arena, err);
    if (s == OK && st->kind == AST_UPDATE) {
        s = db_fit_result(&f->made, db, &c->env, o, from, NULL, rows, err);
    } else if (s == OK && st->returning_count > 0) {
        s = take_returned(&f->made, rows, db->mem, &c->arena, err);
    }
    if (s == OK) {
        s = order_rows(&f->found, &f->made, db->mem, &c->arena, err);
    }
    interrupt_set_current(before);
    return s;
}

static status
apply_found(statement_context *c, object *o, const ast_statement *st, const int32_t *from,
            const result *rows, interrupt *guard, laminar_result **answer, error *err) {
    const bool      returns = st->kind == AST_DELETE && st->returning_count > 0;
    found_change    f = {.guard = guard};
    laminar_result *returned = NULL;
    status          s = prepare_found(&f, c, o, st, from, rows, err);
    if (s == OK && returns) {
        s = answer_deleted(c, rows, &f.made, &returned, err);
    }
    (*answer)->rows_affected = f.found.count;
    if (s == OK) {
        s = returns ? apply_change(c, st, o, &f, err)
                    : change_with_returning(c, st, o, apply_change, &f, answer, err);
    }
    if (s == OK && returns) {
        laminar_result_free(*answer);
        *answer = returned;
        returned = NULL;
    }
    laminar_result_free(returned);
    batch_release(f.made);
    return s;
}

static status
change_table(statement_context *c, const ast_statement *st, query_entry *listed,
             laminar_result **answer, error *err) {
    static const ast_select all = {.position = 0};
    laminar_database       *db = c->db;
    object                 *o = NULL;
    ast_select             *select = NULL;
    result                 *rows = NULL;
    TRY(db_writable(db, err));
    TRY(change_find(c, st, &o, err));
    ast_statement as = *st;
    if (st->kind == AST_TRUNCATE) {
        as.select = (ast_select *)&all;
    }
    int32_t *from = arena_alloc(&c->arena, sizeof(int32_t) * (size_t)(o->schema->count + 1));
    if (from == NULL) {
        return error_memory(err);
    }
    TRY(plan_change_query(&select, from, &c->arena, o, &as, err));
    TRY(change_query(c, select, listed, &rows, err));
    const status s = apply_found(c, o, st, from, rows, &listed->guard, answer, err);
    result_release(rows);
    return db_settle(db, s, err);
}

status
statement_wait_for_room(statement_context *c, const ast_statement *st, error *err) {
    laminar_database *db = c->db;
    if (atomic_load(&db->blocking_readers) == 0) {
        return OK;
    }
    TRY(db_enter_to_write(db, err));
    object *o = catalog_find(db->catalog, st->name.text, st->name.quoted);
    if (o == NULL || (o->kind != OBJECT_SOURCE && o->kind != OBJECT_TABLE)) {
        db_leave(db);
        return OK; /* refused later */
    }
    catalog_object_retain(o);
    db_leave(db);
    const status waited = db_wait_for_room(db, o, err);
    db_enter_again(db); /* objects are released with it */
    catalog_object_release(o);
    db_leave(db);
    return waited;
}

/* Without the token: change_table with it. */
static status
run_change(statement_context *c, const ast_statement *st, query_entry *listed,
           laminar_result **answer, error *err) {
    laminar_database *db = c->db;
    TRY(db_enter_to_write(db, err));
    if (!db_in_own_transaction(db)) {
        queue_drain(db, false); /* first come, first served */
    }
    const status s = change_table(c, st, listed, answer, err);
    db_leave(db);
    return s;
}

status
change_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    laminar_database *db = c->db;
    laminar_result   *answer = NULL;
    query_entry      *listed = NULL;
    TRY(statement_wait_for_room(c, st, err));
    TRY(answer_count(&answer, db->mem, 0, err));
    status s = db_query_begin(db, statement_text(c, st), NULL, &listed, err);
    if (s == OK) {
        do {
            s = st->kind == AST_MERGE ? merge_run(c, st, listed, &answer, err)
                                      : run_change(c, st, listed, &answer, err);
        } while (s < 0 && externals_open_missing(c, &s, err));
    }
    db_query_end(db, listed);
    if (s < 0) {
        laminar_result_free(answer);
        return s;
    }
    *out = answer;
    return OK;
}

/* ---- ON CONFLICT DO UPDATE
 *
 * In rounds: each takes the first row of every key that is left, inserts it or updates the row that
 * has the key. So a row that meets one of its own statement sees what that one made. */

typedef struct upsert {
    laminar_database *db;
    object           *o;
    plan_upsert       plan;
    schema            both; /* of old row ++ excluded */
    arena             arena;
    program          *program; /* a value per column, then the condition */
    eval_env          eval;    /* of the program */
    upsert_query      query;
    bool              has_condition;
} upsert;

static status
upsert_open(upsert *u, statement_context *c, const ast_statement *st, object *o, error *err) {
    *u = (upsert){.db = c->db, .o = o};
    const int32_t count = o->schema->count;
    arena_init(&u->arena, c->db->mem);
    TRY(plan_conflict(&u->plan, &u->arena, &c->env, o, &st->conflict, c->sql, err));
    TRY(upsert_query_open(&u->query, c, st, o, &u->arena, err));
    u->has_condition = st->conflict.where != NULL;
    field *fields = arena_alloc(&u->arena, sizeof(field) * 2 * (size_t)count);
    expr **exprs = arena_alloc(&u->arena, sizeof(expr *) * (size_t)(count + 1));
    if (fields == NULL || exprs == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        fields[i] = o->schema->fields[i];
        fields[count + i] = o->schema->fields[i];
        exprs[i] = u->plan.values[i];
    }
    exprs[count] = u->plan.where;
    u->both = (schema){.count = 2 * count, .fields = fields};
    u->eval = c->env.eval;
    u->eval.now_us = eval_instant(&u->eval, &c->now_us); /* of DEFAULT now() */
    return program_compile_for(&u->program, &u->arena, exprs, count + (u->plan.where != NULL),
                               &u->both, &u->eval, err);
}

/* The new row for each pair of an old row and one of `rows`, of up to BATCH_ROWS; kept: those whose
 * condition holds. */
static status
compute(upsert *u, const delta *pairs, column *out, int32_t *kept, int32_t *kept_count, arena *a,
        error *err) {
    const int32_t count = u->o->schema->count;
    column       *made = arena_alloc(a, sizeof(column) * (size_t)(count + 1));
    if (made == NULL) {
        return error_memory(err);
    }
    TRY(program_run(u->program, pairs, made, a, err));
    if (u->query.listed != NULL) {
        TRY(upsert_query_run(&u->query, pairs, made, a, err));
    }
    for (int32_t i = 0; i < count; i++) {
        const coerce_target to = {.type = u->o->schema->fields[i].type};
        int32_t             bad = -1;
        TRY(coerce_column(&out[i], &made[i], pairs->row_count, to, a, &bad, err));
    }
    *kept_count = pairs->row_count;
    if (u->has_condition) {
        *kept_count = select_true(kept, &made[count], pairs->row_count);
        return OK;
    }
    for (int32_t i = 0; i < pairs->row_count; i++) {
        kept[i] = i;
    }
    return OK;
}

/* Rows of the round: left[] by number of the batch; positions[] their conflict, or -1. */
typedef struct upsert_round {
    builder  rows;
    int64_t *dying;
    int64_t  dying_count;
    int64_t  came;
} upsert_round;

static status
update_rows(upsert *u, upsert_round *r, const delta *rows, const int32_t *numbers,
            const int64_t *positions, int32_t count, arena *a, error *err) {
    const table  *t = source_table(u->o->impl);
    const int32_t width = u->o->schema->count;
    for (int32_t done = 0; done < count;) {
        const arena_mark mark = arena_save(a);
        column          *columns = arena_alloc(a, sizeof(column) * 2 * (size_t)width);
        column          *out = arena_alloc(a, sizeof(column) * (size_t)width);
        int32_t         *kept = arena_alloc(a, sizeof(int32_t) * BATCH_ROWS);
        int32_t          n, kept_count = 0;
        delta            old, given, changed;
        if (columns == NULL || out == NULL || kept == NULL) {
            return error_memory(err);
        }
        TRY(table_gather(t, positions + done, count - done, &n, columns, &old, a, err));
        TRY(delta_gather(&given, rows, numbers + done, n, a, err));
        memcpy(columns + width, given.columns, sizeof(column) * (size_t)width);
        const delta pairs = {.row_count = n, .column_count = 2 * width, .columns = columns};
        TRY(compute(u, &pairs, out, kept, &kept_count, a, err));
        const delta all = {.row_count = n, .column_count = width, .columns = out};
        if (kept_count > 0) {
            TRY(delta_gather(&changed, &all, kept, kept_count, a, err));
            TRY(builder_append_delta(&r->rows, &changed, err));
        }
        for (int32_t i = 0; i < kept_count; i++) {
            r->dying[r->dying_count++] = positions[done + kept[i]];
        }
        arena_rewind(a, mark);
        done += n;
    }
    return OK;
}

/* Numbers of rows that are the first of their key among left[], which keeps the others. */
static status
take_firsts(const upsert *u, const delta *rows, int32_t *left, int32_t *left_count, int32_t *firsts,
            int32_t *first_count, arena *a, error *err) {
    const object_key *key = &u->o->key_defs[u->plan.key];
    column           *columns = arena_alloc(a, sizeof(column) * (size_t)key->column_count);
    uint64_t         *hashes = arena_alloc(a, sizeof(uint64_t) * (size_t)rows->row_count);
    uint32_t          capacity = 16;
    while (capacity < 2 * (uint32_t)*left_count) {
        capacity *= 2;
    }
    int32_t *slots = arena_alloc_zero(a, sizeof(int32_t) * capacity);
    if (columns == NULL || hashes == NULL || slots == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < key->column_count; i++) {
        TRY(column_views(&columns[i], &rows->columns[key->columns[i]], rows->row_count, a, err));
    }
    hash_columns(hashes, columns, key->column_count, rows->row_count);
    int32_t others = 0;
    *first_count = 0;
    for (int32_t i = 0; i < *left_count; i++) {
        const int32_t row = left[i];
        uint32_t      at = (uint32_t)hashes[row] & (capacity - 1);
        bool          null = false;
        for (int32_t k = 0; k < key->column_count; k++) {
            null |= column_is_null(&columns[k], row);
        }
        if (null) { /* in no conflict */
            firsts[(*first_count)++] = row;
            continue;
        }
        /* Equal hashes of different keys cost a round, no more. */
        while (slots[at] != 0 && hashes[slots[at] - 1] != hashes[row]) {
            at = (at + 1) & (capacity - 1);
        }
        if (slots[at] == 0) {
            slots[at] = row + 1;
            firsts[(*first_count)++] = row;
        } else {
            left[others++] = row;
        }
    }
    *left_count = others;
    return OK;
}

static status
fill_round(upsert *u, upsert_round *r, const delta *rows, int32_t *firsts, int32_t first_count,
           arena *a, error *err) {
    const object_key *key = &u->o->key_defs[u->plan.key];
    column           *columns = arena_alloc(a, sizeof(column) * (size_t)key->column_count);
    int64_t          *positions = arena_alloc(a, sizeof(int64_t) * (size_t)(first_count + 1));
    int32_t          *updates = arena_alloc(a, sizeof(int32_t) * (size_t)(first_count + 1));
    int64_t          *at = arena_alloc(a, sizeof(int64_t) * (size_t)(first_count + 1));
    r->dying = arena_alloc(a, sizeof(int64_t) * (size_t)(first_count + 1));
    if (columns == NULL || positions == NULL || updates == NULL || at == NULL || r->dying == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < key->column_count; i++) {
        TRY(column_gather(&columns[i], &rows->columns[key->columns[i]], firsts, first_count, a,
                          err));
    }
    TRY(table_find(source_table(u->o->impl), u->plan.key, columns, first_count, positions, a, err));
    int32_t inserts = 0, update_count = 0;
    for (int32_t i = 0; i < first_count; i++) {
        if (positions[i] < 0) {
            firsts[inserts++] = firsts[i];
        } else {
            updates[update_count] = firsts[i];
            at[update_count++] = positions[i];
        }
    }
    if (inserts > 0) {
        delta fresh;
        TRY(delta_gather(&fresh, rows, firsts, inserts, a, err));
        TRY(builder_append_delta(&r->rows, &fresh, err));
    }
    return update_rows(u, r, rows, updates, at, update_count, a, err);
}

static status
run_round(upsert *u, const delta *rows, int32_t *left, int32_t *left_count, int64_t *came, arena *a,
          error *err) {
    const int32_t   width = u->o->schema->count;
    conflict_action actions[KEYS_MAX];
    upsert_round    r = {.dying_count = 0};
    int32_t         first_count;
    int32_t        *firsts = arena_alloc(a, sizeof(int32_t) * (size_t)(*left_count + 1));
    data_type      *types = arena_alloc(a, sizeof(data_type) * (size_t)(width + 1));
    batch          *made = NULL;
    if (firsts == NULL || types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < width; i++) {
        types[i] = u->o->schema->fields[i].type;
    }
    for (int32_t i = 0; i < KEYS_MAX; i++) {
        actions[i] = CONFLICT_FAIL;
    }
    TRY(take_firsts(u, rows, left, left_count, firsts, &first_count, a, err));
    TRY(builder_init(&r.rows, u->db->mem, types, width, err));
    status s = fill_round(u, &r, rows, firsts, first_count, a, err);
    if (s == OK && builder_rows(&r.rows) > 0) {
        s = builder_take(&r.rows, &made, err);
    }
    builder_fini(&r.rows);
    if (s == OK && made != NULL) {
        s = db_check_made(u->db, u->o, &made->rows, err);
    }
    if (s == OK && made != NULL) {
        row_change change = {
            .rows = made, .actions = actions, .dying = r.dying, .dying_count = r.dying_count};
        s = engine_change(u->db->engine, u->o->impl, &change, err);
        *came += change.came;
    }
    batch_release(made);
    return s;
}

static status
run_rounds(upsert *u, const delta *rows, int64_t *came, error *err) {
    arena    a;
    status   s = OK;
    int32_t  left_count = rows->row_count;
    int32_t *left = arena_alloc(&u->arena, sizeof(int32_t) * (size_t)left_count);
    if (left == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < left_count; i++) {
        left[i] = i;
    }
    arena_init(&a, u->db->mem);
    for (int32_t i = 0; s == OK && u->query.reads_target && i < rows->row_count; i++) {
        int32_t one = 0;
        delta   single;
        left_count = 1;
        s = delta_gather(&single, rows, &i, 1, &a, err);
        s = s < 0 ? s : run_round(u, &single, &one, &left_count, came, &a, err);
        arena_reset(&a);
        left_count = 0;
    }
    while (s == OK && left_count > 0) {
        s = run_round(u, rows, left, &left_count, came, &a, err);
        arena_reset(&a);
    }
    arena_fini(&a);
    return s;
}

/* Several rounds are one change: change_with_returning sees to that. */
static status
insert_or_update(statement_context *c, const ast_statement *st, object *o, batch *rows,
                 int64_t *came, error *err) {
    upsert u;
    status s = upsert_open(&u, c, st, o, err);
    if (s == OK) {
        s = run_rounds(&u, &rows->rows, came, err);
    }
    upsert_query_close(&u.query);
    arena_fini(&u.arena);
    return s;
}

status
change_insert(statement_context *c, const ast_statement *st, object *o, batch *rows, int64_t *came,
              error *err) {
    static const conflict_action said[] = {[AST_CONFLICT_REPLACE] = CONFLICT_REPLACE,
                                           [AST_CONFLICT_NOTHING] = CONFLICT_NOTHING,
                                           [AST_CONFLICT_FAIL] = CONFLICT_FAIL};
    const ast_conflict_action    action = st->conflict.action;
    row_change                   change = {.rows = rows};
    conflict_action              actions[KEYS_MAX];
    *came = 0;
    TRY(db_writable(c->db, err));
    TRY(db_check_made(c->db, o, &rows->rows, err));
    if (action == AST_CONFLICT_UPDATE) {
        return insert_or_update(c, st, o, rows, came, err);
    }
    if (action != AST_CONFLICT_DEFAULT) {
        plan_upsert p;
        TRY(plan_conflict(&p, &c->arena, &c->env, o, &st->conflict, c->sql, err));
        for (int32_t k = 0; k < o->key_def_count; k++) {
            const bool every =
                p.key < 0 || (st->conflict.target_count == 0 && action == AST_CONFLICT_NOTHING);
            actions[k] = every || k == p.key ? said[action] : CONFLICT_FAIL;
        }
        change.actions = actions;
    }
    const status s = engine_change(c->db->engine, o->impl, &change, err);
    *came = change.came;
    return s;
}
