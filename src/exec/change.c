/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - changes of tables: CHECKs and keys are asked, old rows copied for the streams, then
 * all is applied at once. */
#include "exec/engine_internal.h"

static void
show_row(const source *s, const delta *rows, int32_t row, buf *out) {
    for (int32_t i = 0; i < rows->column_count; i++) {
        const value v = column_value(&rows->columns[i], row);
        buf_printf(out, "%s%.*s = ", i > 0 ? ", " : "",
                   TEXT_ARG(s->object->schema->fields[i].name));
        value_format(&v, out);
    }
}

static status
refuse_row(const source *s, const object_check *check, const delta *rows, int32_t row,
           int64_t first, error *err) {
    buf shown;
    buf_init(&shown, s->engine->mem, 200);
    show_row(s, rows, row, &shown);
    error_set(err, ERR_INGESTION_FAILED,
              "row %lld: CHECK (%.150s)%s%.*s of \"%.*s\" is false for %.*s",
              (long long)(first + row + 1), check->shown.data, check->name.size > 0 ? " " : "",
              TEXT_ARG(check->name), TEXT_ARG(s->object->name), TEXT_ARG(buf_text(&shown)));
    buf_fini(&shown);
    return error_hint(err, "nothing of the change was kept");
}

status
source_open_checks(source *s, error *err) {
    const object *o = s->object;
    if (o->check_count == 0) {
        return OK;
    }
    expr **conditions = arena_alloc(&s->check_arena, sizeof(expr *) * (size_t)o->check_count);
    if (conditions == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < o->check_count; i++) {
        conditions[i] = expr_copy(&s->check_arena, o->checks[i].condition);
        if (conditions[i] == NULL) {
            return error_memory(err);
        }
    }
    return program_compile(&s->checks, &s->check_arena, conditions, o->check_count, o->schema, err);
}

static status
check_part(const source *s, const delta *rows, int64_t first, arena *a, error *err) {
    const object *o = s->object;
    column       *out = arena_alloc(a, sizeof(column) * (size_t)o->check_count);
    if (out == NULL) {
        return error_memory(err);
    }
    const status run = program_run(s->checks, rows, out, a, err);
    if (run < 0) {
        if (err != NULL) {
            err->position = -1; /* of the text of CREATE TABLE, which is not at hand */
        }
        return run;
    }
    for (int32_t i = 0; i < o->check_count; i++) {
        const uint8_t *holds = out[i].values;
        for (int32_t row = 0; row < rows->row_count; row++) {
            if (!column_is_null(&out[i], row) && !holds[row]) {
                return refuse_row(s, &o->checks[i], rows, row, first, err);
            }
        }
    }
    return OK;
}

static status
check_rows(const source *s, const delta *rows, arena *a, error *err) {
    column *part = arena_alloc(a, sizeof(column) * (size_t)(rows->column_count + 1));
    if (part == NULL) {
        return error_memory(err);
    }
    for (int32_t first = 0; first < rows->row_count; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(a);
        for (int32_t i = 0; i < rows->column_count; i++) {
            part[i] = column_slice(&rows->columns[i], first);
        }
        const delta slice = {.row_count =
                                 (int32_t)min_i64(BATCH_ROWS, rows->row_count - (int64_t)first),
                             .column_count = rows->column_count,
                             .columns = part};
        TRY(check_part(s, &slice, first, a, err));
        arena_rewind(a, mark);
    }
    return OK;
}

static void
table_actions(conflict_action *actions, const object *o) {
    for (int32_t k = 0; k < o->key_def_count; k++) {
        const bool own = o->key_defs[k].primary || o->on_conflict == CONFLICT_NOTHING;
        actions[k] = own ? o->on_conflict : CONFLICT_FAIL;
    }
}

static status
apply(source *s, const table_change *t, arena *a, error *err) {
    engine  *e = s->engine;
    old_rows old = {0};
    delta    stored;
    TRY(source_check_room(s, t->rows == NULL ? NULL : &t->rows->rows, t->dead_count, err));
    if (t->dead_count > 0 && s->inputs.count > 0 && !e->paused) {
        TRY(old_rows_take(&old, s, t->dead, t->dead_count, a, err));
    }
    const int64_t now_us = engine_arrival_us(e);
    source_prepare(s);
    TRY(table_apply(s->table, t, e->sequence + 1, now_us, source_entry_watermark_us(s),
                    s->stored_columns, &stored, err));
    const status logged = source_log(s, &stored, t->dead, t->dead_count, now_us, err);
    if (logged < 0) {
        table_undo(s->table);
        return logged;
    }
    source_accept(s, &old, &stored);
    return OK;
}

static status
make_change(source *s, row_change *c, table_change *t, arena *a, error *err) {
    conflict_action own[KEYS_MAX];
    batch          *rows = c->rows != NULL && c->rows->rows.row_count > 0 ? c->rows : NULL;
    if (s->checks != NULL && rows != NULL) {
        TRY(check_rows(s, &rows->rows, a, err));
    }
    table_actions(own, s->object);
    interrupt   *before = interrupt_set_current(c->guard);
    const status resolved = table_resolve(t, s->table, rows, c->actions == NULL ? own : c->actions,
                                          c->dying, c->dying_count, a, err);
    interrupt_set_current(before);
    TRY(resolved);
    c->came = t->rows == NULL ? 0 : t->rows->rows.row_count;
    return t->rows == NULL && t->dead_count == 0 ? OK : apply(s, t, a, err);
}

status
engine_change(engine *e, source *s, row_change *c, error *err) {
    table_change t = {.rows = NULL};
    const status done = make_change(s, c, &t, &e->change_arena, err);
    table_change_release(&t);
    arena_reset(&e->change_arena);
    return done;
}
