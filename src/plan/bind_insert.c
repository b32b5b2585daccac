/* SPDX-License-Identifier: Apache-2.0 */
/* bind_insert.c - INSERT ... VALUES to one batch in the order of the target's columns.
 *
 * Values are constants (now() and random() count as such here) and are converted as rows from
 * outside are: without loss, or refused with row, column, value and both types. */
#include "plan/bind.h"

#include "batch/builder.h"
#include "expr/defaults.h"

static status
refuse_value(binder *b, const value *v, const field *f, int32_t row, int32_t position) {
    buf shown;
    buf_init(&shown, b->arena->mem, 80);
    value_format(v, &shown);
    const text t = buf_text(&shown);
    char       reason[200] = "";
    if (b->err != NULL) {
        const size_t size = strnlen(b->err->message, sizeof(reason) - 1);
        memcpy(reason, b->err->message, size);
        reason[size] = '\0';
    }
    error_set_at(b->err, ERR_INGESTION_FAILED, position,
                 "row %d, column \"%.*s\": %s '%.*s' does not fit %s (%s)", row + 1,
                 TEXT_ARG(f->name), type_name(v->type), TEXT_ARG(t), type_name(f->type), reason);
    buf_fini(&shown);
    return ERR_INGESTION_FAILED;
}

static status
refuse_null(binder *b, const field *f, int32_t row, int32_t position) {
    error_set_at(b->err, ERR_INGESTION_FAILED, position, "row %d, column \"%.*s\" is NOT NULL",
                 row + 1, TEXT_ARG(f->name));
    error_hint(b->err, "give it a value, or declare a DEFAULT");
    return ERR_INGESTION_FAILED;
}

static status
map_targets(int32_t *source, binder *b, const object *o, const ast_statement *s, int32_t width) {
    const int32_t count = o->schema->count;
    for (int32_t c = 0; c < count; c++) {
        source[c] = s->target_count > 0 || width == 0 ? -1 : c;
    }
    for (int32_t i = 0; i < s->target_count; i++) {
        const ast_name *name = &s->targets[i];
        const int32_t   at = schema_find(o->schema, name->text, name->quoted);
        if (at < 0) {
            text *names = arena_alloc(b->arena, (size_t)count * sizeof(*names));
            if (names == NULL) {
                return out_of_memory(b);
            }
            for (int32_t c = 0; c < count; c++) {
                names[c] = o->schema->fields[c].name;
            }
            error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                         "column \"%.*s\" does not exist in \"%.*s\"", TEXT_ARG(name->text),
                         TEXT_ARG(o->name));
            hint_nearest(b, name->text, names, count, "columns");
            return ERR_QUERY_FAILED;
        }
        if (source[at] >= 0) {
            return error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                                "column \"%.*s\" stands twice in the column list",
                                TEXT_ARG(name->text));
        }
        source[at] = i;
    }
    const int32_t wanted = s->target_count > 0 ? s->target_count : count;
    if (width != wanted && width != 0) {
        const ast_select *rows = s->select;
        error_set_at(b->err, ERR_QUERY_FAILED,
                     rows->row_count > 0 ? rows->rows[0]->position : rows->position,
                     "the rows have %d value%s, and %d column%s to fill", width,
                     width == 1 ? "" : "s", wanted, wanted == 1 ? " is there" : "s are there");
        error_hint(b->err, "name the columns: INSERT INTO %.*s (column, ...) %s", TEXT_ARG(o->name),
                   rows->row_count > 0 ? "VALUES (...)" : "SELECT ...");
        return ERR_QUERY_FAILED;
    }
    return OK;
}

status
plan_insert_targets(int32_t *source, arena *a, const object *target, const ast_statement *s,
                    int32_t width, error *err) {
    binder b = {.arena = a, .err = err};
    return map_targets(source, &b, target, s, width);
}

static bool
is_own_function(const ast_expr *e, catalog *functions) {
    object *f = e->kind == AST_CALL ? catalog_take(functions, e->name.text) : NULL;
    if (f != NULL) {
        catalog_object_release(f);
    }
    return f != NULL;
}

/* VALUES with a subquery, or a call of a function of the database's, are answered as a query. */
static bool
needs_query(const ast_expr *e, catalog *functions) {
    if (e == NULL) {
        return false;
    }
    bool any = e->query != NULL || is_own_function(e, functions);
    for (int32_t i = 0; i < e->arg_count && !any; i++) {
        any = needs_query(e->args[i], functions);
    }
    return any || needs_query(e->operand, functions) || needs_query(e->otherwise, functions);
}

bool
plan_insert_is_rows(const ast_statement *s, const catalog *c) {
    const ast_select *q = s->select;
    if (q->kind != AST_SELECT_VALUES || ast_select_is_closed(q)) {
        return false;
    }
    for (int64_t i = 0; i < (int64_t)q->row_count * q->row_width; i++) {
        if (needs_query(q->rows[i], catalog_functions(c))) {
            return false;
        }
    }
    return true;
}

bool
plan_insert_says_default(const ast_statement *s) {
    const ast_select *q = s->select;
    const int64_t count = q->kind == AST_SELECT_VALUES ? (int64_t)q->row_count * q->row_width : 0;
    bool          any = false;
    for (int64_t i = 0; i < count && !any; i++) {
        any = q->rows[i]->kind == AST_DEFAULT;
    }
    return any;
}

static ast_expr *
new_constant(arena *a, ast_expr_kind kind, text digits, const ast_expr *at) {
    ast_expr *e = arena_alloc_zero(a, sizeof(*e));
    if (e != NULL) {
        *e = (ast_expr){.kind = kind,
                        .position = at->position,
                        .end = at->end,
                        .height = 1,
                        .nesting = 1,
                        .text = digits};
    }
    return e;
}

static ast_expr *
new_number(arena *a, int64_t n, const ast_expr *at) {
    char       digits[24];
    const int  size = snprintf(digits, sizeof(digits), "%lld", (long long)n);
    const text kept = arena_text(a, (text){digits, (size_t)size});
    return kept.data == NULL ? NULL : new_constant(a, AST_INTEGER, kept, at);
}

status
plan_insert_select(const ast_select **out, arena *a, const ast_statement *s, error *err) {
    const ast_select *q = s->select;
    const int32_t     width = q->row_width + 1;
    *out = q;
    if (!plan_insert_says_default(s)) {
        return OK;
    }
    ast_select *made = arena_alloc(a, sizeof(*made));
    ast_expr  **rows = arena_alloc(a, sizeof(*rows) * (size_t)q->row_count * (size_t)width);
    if (made == NULL || rows == NULL) {
        return error_memory(err);
    }
    for (int32_t r = 0; r < q->row_count; r++) {
        for (int32_t i = 0; i < width; i++) {
            const ast_expr *e = q->rows[(int64_t)r * q->row_width + min_i64(i, q->row_width - 1)];
            ast_expr      **to = &rows[(int64_t)r * width + i];
            *to = i == q->row_width        ? new_number(a, INSERT_ROW_BASE + r, e)
                  : e->kind == AST_DEFAULT ? new_constant(a, AST_NULL, TEXT(""), e)
                                           : (ast_expr *)(uintptr_t)e;
            if (*to == NULL) {
                return error_memory(err);
            }
        }
    }
    *made = *q;
    made->rows = rows;
    made->row_width = width;
    *out = made;
    return OK;
}

static status
bind_value(value *out, binder *b, const field *f, const ast_expr *e, int32_t row) {
    value v;
    text  digits;
    TRY(bind_constant_digits(&v, &digits, b, e, "VALUES"));
    if (v.is_null) {
        *out = (value){.type = f->type, .is_null = true};
        return OK;
    }
    if (f->type.id == TYPE_DECIMAL && digits.size > 0 &&
        value_parse_exact(out, f->type, digits, NULL) == OK) {
        return OK;
    }
    if (type_holds(f->type, TYPE_TIMESTAMPTZ) || type_holds(v.type, TYPE_TIMESTAMPTZ)) {
        expr *moment = make_constant(b, &v, e->position);
        bool  done;
        TRY(moment == NULL ? out_of_memory(b) : OK);
        TRY(zone_cast(&moment, b, f->type, false, &done));
        v = moment->constant;
    }
    const status s = value_coerce(out, &v, f->type, true, b->arena, b->err);
    if (s == ERR_OUT_OF_MEMORY || s >= 0) {
        return s;
    }
    return refuse_value(b, &v, f, row, e->position);
}

static status
append_value(builder *rows, binder *b, const object *o, int32_t at, const ast_expr *e,
             int32_t row) {
    const field *f = &o->schema->fields[at];
    value        v;
    TRY(bind_value(&v, b, f, e, row));
    if (!v.is_null) {
        return column_append_value(rows, at, &v, b->err);
    }
    return f->nullable ? column_append_null(rows, at, b->err) : refuse_null(b, f, row, e->position);
}

static status
append_rows(builder *rows, binder *b, const object *o, const ast_statement *s,
            const int32_t *source, filler *fill) {
    const ast_select *given = s->select;
    for (int32_t r = 0; r < given->row_count; r++) {
        b->expr_count = 0;
        for (int32_t c = 0; c < o->schema->count; c++) {
            const field    *f = &o->schema->fields[c];
            const ast_expr *e =
                source[c] < 0 ? NULL : given->rows[(int64_t)r * given->row_width + source[c]];
            if (e != NULL && e->kind != AST_DEFAULT) {
                TRY(append_value(rows, b, o, c, e, r));
            } else if (fill->is_null(fill, c) && !f->nullable) {
                return refuse_null(b, f, r, e == NULL ? s->position : e->position);
            } else {
                TRY(column_append_fill(rows, c, 1, fill, b->arena, b->err));
            }
        }
        arena_reset(b->arena); /* what one row needed */
    }
    return OK;
}

status
plan_insert_values(batch **out, mem *m, arena *a, const plan_env *env, const object *target,
                   const ast_statement *s, error *err) {
    binder        b = {.arena = a, .env = env, .err = err};
    const int32_t count = target->schema->count;
    int32_t      *source = arena_alloc(a, (size_t)count * sizeof(*source));
    data_type    *types = arena_alloc(a, (size_t)count * sizeof(*types));
    if (source == NULL || types == NULL) {
        return error_memory(err);
    }
    TRY(map_targets(source, &b, target, s, s->select->row_width));
    for (int32_t c = 0; c < count; c++) {
        types[c] = target->schema->fields[c].type;
    }
    builder  rows;
    arena    scratch;
    defaults fill;
    TRY(builder_init(&rows, m, types, count, err));
    arena_init(&scratch, a->mem);
    defaults_init(&fill, target, m, &env->eval, env->statement_us);
    b.arena = &scratch;
    status result = builder_reserve(&rows, s->select->row_count, err);
    if (result >= 0) {
        result = append_rows(&rows, &b, target, s, source, &fill.base);
    }
    if (result >= 0) {
        result = builder_take(&rows, out, err);
    }
    defaults_fini(&fill);
    arena_fini(&scratch);
    builder_fini(&rows);
    return result;
}
