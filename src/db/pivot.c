/* SPDX-License-Identifier: Apache-2.0 */
/* pivot.c - PIVOT without IN: the values that become columns are asked for before the statement is
 * bound, each PIVOT by a query of its own, inner ones first. */
#include "db/statement.h"

#include "sql/limits.h"
#include "sql/parser.h"

/* Statements that are answered once. A stream or view would have to change its columns. */
static bool
may_ask(const ast_statement *st) {
    switch (st->kind) {
    case AST_SELECT:
    case AST_EXPLAIN:
    case AST_INSERT:
    case AST_COPY:
    case AST_SUMMARIZE:
    case AST_DESCRIBE:
    case AST_CREATE_TABLE:
        return st->emit.kind == AST_EMIT_DEFAULT;
    default:
        return false;
    }
}

static status
text_of_value(statement_context *c, const value *v, text *out, error *err) {
    buf shown;
    buf_init(&shown, c->db->mem, SIZE_MAX / 2);
    const bool written = value_format(v, &shown);
    *out = written ? arena_text(&c->arena, buf_text(&shown)) : (text){NULL, 0};
    buf_fini(&shown);
    return out->data == NULL ? error_memory(err) : OK;
}

static status
fill(statement_context *c, ast_pivot_on *on, const result *rows, error *err) {
    text   *values = arena_alloc(&c->arena, sizeof(text) * (size_t)(rows->row_count + 1));
    int32_t count = 0;
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t b = 0; b < rows->batch_count; b++) {
        const batch *part = rows->batches[b];
        for (int64_t i = 0; i < part->rows.row_count; i++) {
            const value v = column_value(&part->rows.columns[0], i);
            if (!v.is_null) {
                TRY(text_of_value(c, &v, &values[count++], err));
            }
        }
    }
    return sql_name_pivot(on, &c->arena, c->sql, values, count, err);
}

static status
ask(statement_context *c, const ast_statement *st, ast_pivot_on *on, error *err) {
    result *rows = NULL;
    TRY(statement_query(c, statement_text(c, st), on->values, NULL, &rows, err));
    const status s = rows->row_count > SQL_COLUMNS_MAX
                         ? error_set_at(err, ERR_QUERY_FAILED, on->expr->position,
                                        "PIVOT would make %lld columns, of at most %d",
                                        (long long)rows->row_count, SQL_COLUMNS_MAX)
                         : fill(c, on, rows, err);
    result_release(rows);
    return s;
}

status
pivots_fill(statement_context *c, const ast_statement *st, error *err) {
    for (int32_t i = 0; i < st->pivot_count && may_ask(st); i++) {
        ast_pivot *pivot = st->pivots[i];
        for (int32_t k = 0; k < pivot->on_count; k++) {
            TRY(pivot->ons[k].values == NULL ? OK : ask(c, st, &pivot->ons[k], err));
        }
        TRY(sql_fill_pivot(pivot, &c->arena, c->sql, err));
    }
    return OK;
}
