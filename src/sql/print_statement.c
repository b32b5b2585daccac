/* SPDX-License-Identifier: Apache-2.0 */
/* print_statement.c - SELECT and statements as SQL text, in the clause order of the grammar. */
#include "sql/parse.h"
#include "sql/parser.h"
#include "sql/print.h"

void
print_alias(const ast_name *alias, buf *out) {
    if (alias->text.data != NULL) {
        buf_append_text(out, TEXT(" AS "));
        print_name(alias, out);
    }
}

void
print_names(const ast_name *names, int32_t count, buf *out) {
    buf_append_char(out, '(');
    for (int32_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_text(out, TEXT(", "));
        }
        print_name(&names[i], out);
    }
    buf_append_char(out, ')');
}

/* alias(column, ...) */
static void
print_alias_columns(const ast_name *columns, int32_t count, buf *out) {
    if (count > 0) {
        buf_append_char(out, ' ');
        print_names(columns, count, out);
    }
}

static void
print_partition(const ast_from *f, buf *out) {
    for (int32_t i = 0; i < f->partition_count; i++) {
        buf_append_text(out, i == 0 ? TEXT(" PARTITION BY ") : TEXT(", "));
        print_name(&f->partition_names[i], out);
    }
}

static void
print_window(const ast_from *f, buf *out) {
    print_any_word(&f->window->name, out);
    buf_append_char(out, '(');
    print_relation(f->left, out);
    print_partition(f, out);
    buf_append_text(out, TEXT(", "));
    print_arguments(f->window, out);
    buf_append_char(out, ')');
}

static void
print_process(const ast_from *f, buf *out) {
    print_any_word(&f->call->name, out);
    buf_append_text(out, TEXT("(TABLE "));
    print_relation(f->left, out);
    print_partition(f, out);
    buf_append_char(out, ')');
}

void
print_relation(const ast_from *f, buf *out) {
    if (f->kind == AST_FROM_JOIN) {
        buf_append_char(out, '(');
        print_from(f, out);
        buf_append_char(out, ')');
        return;
    }
    if (f->kind == AST_FROM_SUBQUERY) {
        buf_append_text(out, f->lateral ? TEXT("LATERAL (") : TEXT("("));
        sql_print_select(f->query, out);
        buf_append_char(out, ')');
    } else if (f->kind == AST_FROM_WINDOW) {
        print_window(f, out);
    } else if (f->kind == AST_FROM_PROCESS) {
        print_process(f, out);
    } else if (f->kind == AST_FROM_FUNCTION) {
        buf_append_text(out, f->lateral ? TEXT("LATERAL ") : TEXT(""));
        sql_print_expr(f->call, out);
        buf_append_text(out, f->ordinality ? TEXT(" WITH ORDINALITY") : TEXT(""));
    } else {
        if (f->system) {
            buf_append_text(out, f->schema);
            buf_append_char(out, '.');
        }
        print_name(&f->name, out);
        if (f->as_of != NULL) {
            buf_append_text(out, TEXT(" FOR SYSTEM_TIME AS OF "));
            sql_print_expr(f->as_of, out);
        }
    }
    print_alias(&f->alias, out);
    print_alias_columns(f->columns, f->column_count, out);
}

/* Relations tied by JOIN words alone: a right side that is a join stands in parentheses. */
static void
print_joined(const ast_from *f, buf *out) {
    static const char *const words[] = {
        [AST_JOIN_INNER] = " JOIN ",       [AST_JOIN_LEFT] = " LEFT JOIN ",
        [AST_JOIN_RIGHT] = " RIGHT JOIN ", [AST_JOIN_FULL] = " FULL JOIN ",
        [AST_JOIN_SEMI] = " SEMI JOIN ",   [AST_JOIN_ANTI] = " ANTI JOIN ",
        [AST_JOIN_CROSS] = " CROSS JOIN ",
    };
    if (f->kind != AST_FROM_JOIN) {
        print_relation(f, out);
        return;
    }
    print_joined(f->left, out);
    buf_append_text(out, f->natural ? TEXT(" NATURAL") : TEXT(""));
    buf_append_text(out, f->asof ? TEXT(" ASOF") : TEXT(""));
    buf_append_text(out, text_of(words[f->join]));
    print_relation(f->right, out);
    if (f->match != NULL) {
        buf_append_text(out, TEXT(" MATCH_CONDITION ("));
        sql_print_expr(f->match, out);
        buf_append_char(out, ')');
    }
    if (f->on != NULL) {
        buf_append_text(out, TEXT(" ON "));
        sql_print_expr(f->on, out);
    } else if (f->using_count > 0) {
        buf_append_text(out, TEXT(" USING "));
        print_names(f->using_names, f->using_count, out);
    }
    if (f->tolerance != NULL) {
        buf_append_text(out, TEXT(" TOLERANCE "));
        print_operand(f->tolerance, LEVEL_CONCAT, out);
    }
}

/* True when a right side of the topmost cross joins is a join itself: only a comma says that
 * without parentheses. */
static bool
needs_comma(const ast_from *f) {
    while (f->kind == AST_FROM_JOIN && f->join == AST_JOIN_CROSS) {
        if (f->right->kind == AST_FROM_JOIN) {
            return true;
        }
        f = f->left;
    }
    return false;
}

void
print_from(const ast_from *f, buf *out) {
    if (!needs_comma(f)) {
        print_joined(f, out);
        return;
    }
    print_from(f->left, out);
    buf_append_text(out, TEXT(", "));
    print_joined(f->right, out);
}

void
print_items(const ast_item *items, int32_t count, buf *out) {
    for (int32_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_text(out, TEXT(", "));
        }
        sql_print_expr(items[i].expr, out);
        print_alias(&items[i].alias, out);
    }
}

static void
print_grouping(const ast_grouping *g, buf *out) {
    static const char *const words[] = {[AST_GROUPING_EXPR] = "",
                                        [AST_GROUPING_LIST] = "(",
                                        [AST_GROUPING_ROLLUP] = "ROLLUP (",
                                        [AST_GROUPING_CUBE] = "CUBE (",
                                        [AST_GROUPING_SETS] = "GROUPING SETS ("};
    buf_append_text(out, text_of(words[g->kind]));
    if (g->kind == AST_GROUPING_EXPR) {
        sql_print_expr(g->expr, out);
        return;
    }
    for (int32_t i = 0; i < g->count; i++) {
        buf_append_text(out, i > 0 ? TEXT(", ") : TEXT(""));
        print_grouping(&g->items[i], out);
    }
    buf_append_text(out, g->count == 1 && g->kind == AST_GROUPING_LIST ? TEXT(",)") : TEXT(")"));
}

static void
print_group(const ast_select *s, buf *out) {
    if (!s->group_all && s->group_count + s->grouping_count == 0) {
        return;
    }
    buf_append_text(out, s->group_all ? TEXT(" GROUP BY ALL") : TEXT(" GROUP BY "));
    buf_append_text(out, s->group_distinct ? TEXT("DISTINCT ") : TEXT(""));
    for (int32_t i = 0; i < s->grouping_count; i++) {
        buf_append_text(out, i > 0 ? TEXT(", ") : TEXT(""));
        print_grouping(&s->groupings[i], out);
    }
    if (s->grouping_count > 0) {
        return;
    }
    for (int32_t i = 0; i < s->group_count; i++) {
        if (i > 0) {
            buf_append_text(out, TEXT(", "));
        }
        sql_print_expr(s->groups[i], out);
    }
}

void
print_orders(const ast_order *orders, int32_t count, buf *out) {
    for (int32_t i = 0; i < count; i++) {
        const ast_order *order = &orders[i];
        buf_append_text(out, i == 0 ? TEXT("ORDER BY ") : TEXT(", "));
        if (order->expr->kind == AST_STAR) {
            buf_append_text(out, TEXT("ALL"));
        } else {
            sql_print_expr(order->expr, out);
        }
        if (order->descending) {
            buf_append_text(out, TEXT(" DESC"));
        }
        if (order->nulls != 0) {
            buf_append_text(out, order->nulls == 1 ? TEXT(" NULLS FIRST") : TEXT(" NULLS LAST"));
        }
    }
}

void
print_clause(text word, const ast_expr *e, buf *out) {
    if (e != NULL) {
        buf_append_text(out, word);
        sql_print_expr(e, out);
    }
}

static void
print_plain(const ast_select *s, buf *out) {
    buf_append_text(out, s->distinct ? TEXT("SELECT DISTINCT ") : TEXT("SELECT "));
    print_distinct_on(s, out);
    print_items(s->items, s->item_count, out);
    if (s->from != NULL) {
        buf_append_text(out, TEXT(" FROM "));
        print_from(s->from, out);
    }
    print_clause(TEXT(" WHERE "), s->where, out);
    print_latest(s, out);
    print_group(s, out);
    print_clause(TEXT(" HAVING "), s->having, out);
    print_windows(s, out);
}

static void
print_rows(const ast_select *s, buf *out) {
    buf_append_text(out, TEXT("VALUES "));
    for (int32_t i = 0; i < s->row_count; i++) {
        buf_append_text(out, i == 0 ? TEXT("(") : TEXT(", ("));
        for (int32_t k = 0; k < s->row_width; k++) {
            if (k > 0) {
                buf_append_text(out, TEXT(", "));
            }
            sql_print_expr(s->rows[(size_t)i * (size_t)s->row_width + (size_t)k], out);
        }
        buf_append_char(out, ')');
    }
}

/* Only what binds tighter than UNION stands without parentheses. */
static void
print_union(const ast_select *s, buf *out) {
    for (int32_t i = 0; i < s->branch_count; i++) {
        const ast_select *b = s->branches[i];
        const bool        bare = b->kind != AST_SELECT_UNION && !ast_select_is_closed(b);
        if (i > 0) {
            static const char *const words[] = {"UNION", "INTERSECT", "EXCEPT"};
            buf_printf(out, " %s%s%s ", words[s->set_op], s->distinct ? "" : " ALL",
                       s->by_name ? " BY NAME" : "");
        }
        buf_append_text(out, bare ? TEXT("") : TEXT("("));
        sql_print_select(b, out);
        buf_append_text(out, bare ? TEXT("") : TEXT(")"));
    }
}

void
print_withs(const ast_select *s, buf *out) {
    for (int32_t i = 0; i < s->with_count; i++) {
        const ast_with *w = &s->withs[i];
        buf_append_text(out, i > 0          ? TEXT(", ")
                             : w->recursive ? TEXT("WITH RECURSIVE ")
                                            : TEXT("WITH "));
        print_name(&w->name, out);
        print_alias_columns(w->columns, w->column_count, out);
        buf_append_text(out, TEXT(" AS ("));
        sql_print_select(w->query, out);
        buf_append_text(out, i + 1 < s->with_count ? TEXT(")") : TEXT(") "));
    }
}

void
sql_print_select(const ast_select *s, buf *out) {
    print_withs(s, out);
    switch (s->kind) {
    case AST_SELECT_PLAIN:
        print_plain(s, out);
        break;
    case AST_SELECT_VALUES:
        print_rows(s, out);
        break;
    case AST_SELECT_UNION:
        print_union(s, out);
        break;
    }
    buf_append_text(out, s->order_count > 0 ? TEXT(" ") : TEXT(""));
    print_orders(s->orders, s->order_count, out);
    print_clause(TEXT(" LIMIT "), s->limit, out);
    buf_append_text(out, s->limit_percent ? TEXT(" PERCENT") : TEXT(""));
    print_clause(TEXT(" OFFSET "), s->offset, out);
}

static void
print_query(const ast_statement *s, buf *out) {
    static const char *const words[] = {
        [AST_EMIT_DEFAULT] = "",
        [AST_EMIT_CHANGES] = " EMIT CHANGES",
        [AST_EMIT_WINDOW_CLOSE] = " EMIT ON WINDOW CLOSE",
        [AST_EMIT_AFTER_WATERMARK] = " EMIT AFTER WATERMARK",
        [AST_EMIT_UPDATE] = " EMIT ON UPDATE",
        [AST_EMIT_EVERY] = " EMIT EVERY ",
    };
    const ast_emission *e = &s->emit;
    sql_print_select(s->select, out);
    print_clause(text_of(words[e->kind]), e->every, out);
    buf_append_text(out, e->every == NULL ? text_of(words[e->kind]) : TEXT(""));
    print_clause(TEXT(" ALLOW LATENESS "), e->lateness, out);
    if (e->late_to.text.data != NULL) {
        buf_append_text(out, TEXT(" LATE DATA TO "));
        print_name(&e->late_to, out);
    }
}

void
print_options(const ast_statement *s, buf *out) {
    for (int32_t i = 0; i < s->option_count; i++) {
        buf_append_text(out, i == 0 ? TEXT(" WITH (") : TEXT(", "));
        print_name(&s->options[i].name, out);
        buf_append_text(out, TEXT(" = "));
        sql_print_expr(s->options[i].value, out);
    }
    if (s->option_count > 0) {
        buf_append_char(out, ')');
    }
}

void
print_create(const ast_statement *s, const char *object, buf *out) {
    buf_append_text(out, s->or_replace ? TEXT("CREATE OR REPLACE ") : TEXT("CREATE "));
    buf_append_text(out, s->temporary ? TEXT("TEMP ") : TEXT(""));
    buf_append_text(out, text_of(object));
    buf_append_text(out, s->if_not_exists ? TEXT(" IF NOT EXISTS ") : TEXT(" "));
    print_name(&s->name, out);
}

static void
print_create_view(const ast_statement *s, buf *out) {
    print_create(s, "VIEW", out);
    print_alias_columns(s->targets, s->target_count, out);
    buf_append_text(out, TEXT(" AS "));
    sql_print_select(s->select, out);
}

static void
print_drop(const ast_statement *s, buf *out) {
    static const char *const words[] = {
        [AST_OBJECT_SOURCE] = "DROP SOURCE ",     [AST_OBJECT_STREAM] = "DROP STREAM ",
        [AST_OBJECT_TABLE] = "DROP TABLE ",       [AST_OBJECT_VIEW] = "DROP VIEW ",
        [AST_OBJECT_FUNCTION] = "DROP FUNCTION ", [AST_OBJECT_INDEX] = "DROP INDEX ",
        [AST_OBJECT_PIPELINE] = "DROP PIPELINE ", [AST_OBJECT_SINK] = "DROP SINK ",
    };
    buf_append_text(out, text_of(words[s->object]));
    if (s->if_exists) {
        buf_append_text(out, TEXT("IF EXISTS "));
    }
    print_name(&s->name, out);
    if (s->cascade) {
        buf_append_text(out, TEXT(" CASCADE"));
    }
}

static void
print_pipeline_action(const ast_statement *s, buf *out) {
    static const char *const words[] = {[AST_START] = "START PIPELINE ",
                                        [AST_STOP] = "STOP PIPELINE ",
                                        [AST_PAUSE] = "PAUSE PIPELINE ",
                                        [AST_RESUME] = "RESUME PIPELINE "};
    buf_append_text(out, text_of(words[s->action]));
    print_name(&s->name, out);
}

static void
print_create_index(const ast_statement *s, buf *out) {
    print_create(s, "INDEX", out);
    buf_append_text(out, TEXT(" ON "));
    print_name(&s->column, out);
    buf_append_char(out, ' ');
    print_names(s->targets, s->target_count, out);
}

void
ast_external_print(uint32_t words, buf *out) {
    buf_append_text(out, TEXT(" LANGUAGE EXTERNAL"));
    for (int32_t i = 0; i < AST_EXTERNAL_WORD_COUNT; i++) {
        if ((words & (1u << i)) != 0) {
            buf_printf(out, " %s", ast_external_words[i]);
        }
    }
}

static void
print_external(const ast_external *x, buf *out) {
    ast_external_print(x->words, out);
    if (x->state.name.text.data != NULL) {
        buf_append_text(out, TEXT(" STATE "));
        print_type(&x->state, out);
    }
    if (x->version.data != NULL) {
        buf_append_text(out, TEXT(" VERSION "));
        buf_append_quoted(out, x->version, '\'');
    }
}

/* PostgreSQL's form comes out in ours. */
static void
print_create_function(const ast_statement *s, buf *out) {
    print_create(s, s->is_macro ? "MACRO" : "FUNCTION", out);
    buf_append_text(out, TEXT(" ("));
    for (int32_t i = 0; i < s->target_count; i++) {
        buf_append_text(out, i > 0 ? TEXT(", ") : TEXT(""));
        print_name(&s->targets[i], out);
        if (s->target_types[i].name.text.data != NULL) {
            buf_append_char(out, ' ');
            print_type(&s->target_types[i], out);
        }
        print_clause(TEXT(" := "), s->target_defaults[i], out);
    }
    buf_append_char(out, ')');
    if (s->returns.name.text.data != NULL) {
        buf_append_text(out, TEXT(" RETURNS "));
        print_type(&s->returns, out);
    }
    if (s->external != NULL) {
        print_external(s->external, out);
        return;
    }
    buf_append_text(out, s->select != NULL ? TEXT(" AS TABLE ") : TEXT(" AS "));
    if (s->select != NULL) {
        sql_print_select(s->select, out);
    } else {
        sql_print_expr(s->value, out);
    }
}

static void
print_any_create(const ast_statement *s, buf *out) {
    switch (s->kind) {
    case AST_CREATE_SOURCE:
    case AST_CREATE_TABLE:
        print_create_table(s, out);
        return;
    case AST_CREATE_STREAM:
        print_create(s, "STREAM", out);
        if (s->pipeline.text.data != NULL) {
            buf_append_text(out, TEXT(" IN PIPELINE "));
            print_name(&s->pipeline, out);
        }
        print_options(s, out);
        buf_append_text(out, TEXT(" AS "));
        print_query(s, out);
        return;
    case AST_CREATE_SINK:
        print_create(s, "SINK", out);
        print_options(s, out);
        buf_append_text(out, TEXT(" AS "));
        print_query(s, out);
        return;
    case AST_CREATE_VIEW:
        print_create_view(s, out);
        return;
    case AST_CREATE_FUNCTION:
        print_create_function(s, out);
        return;
    case AST_CREATE_INDEX:
        print_create_index(s, out);
        return;
    default:
        assert(s->kind == AST_CREATE_PIPELINE);
        print_create(s, "PIPELINE", out);
        return;
    }
}

static void
print_explain(const ast_statement *s, buf *out) {
    buf_append_text(out, s->analyze ? TEXT("EXPLAIN ANALYZE ") : TEXT("EXPLAIN "));
    if (s->streams) {
        print_create(s, "STREAM", out);
        print_options(s, out);
        buf_append_text(out, TEXT(" AS "));
    }
    if (s->inner != NULL) {
        sql_print_statement(s->inner, out);
    } else {
        print_query(s, out);
    }
}

static void
print_prepared(const ast_statement *s, buf *out) {
    if (s->kind == AST_PREPARE) {
        buf_append_text(out, TEXT("PREPARE "));
        print_name(&s->name, out);
        buf_append_text(out, TEXT(" AS "));
        sql_print_statement(s->inner, out);
        return;
    }
    buf_append_text(out, s->kind == AST_EXECUTE ? TEXT("EXECUTE ") : TEXT("DEALLOCATE "));
    if (s->name.text.data == NULL) {
        buf_append_text(out, TEXT("ALL"));
        return;
    }
    print_name(&s->name, out);
    if (s->call != NULL) {
        buf_append_char(out, '(');
        print_arguments(s->call, out);
        buf_append_char(out, ')');
    }
}

void
sql_print_statement(const ast_statement *s, buf *out) {
    switch (s->kind) {
    case AST_SELECT:
        print_query(s, out);
        return;
    case AST_COPY:
    case AST_SUMMARIZE:
        print_copy(s, out);
        return;
    case AST_EXPLAIN:
        print_explain(s, out);
        return;
    case AST_PREPARE:
    case AST_EXECUTE:
    case AST_DEALLOCATE:
        print_prepared(s, out);
        return;
    case AST_CREATE_SOURCE:
    case AST_CREATE_TABLE:
    case AST_CREATE_STREAM:
    case AST_CREATE_VIEW:
    case AST_CREATE_FUNCTION:
    case AST_CREATE_INDEX:
    case AST_CREATE_PIPELINE:
    case AST_CREATE_SINK:
        print_any_create(s, out);
        return;
    case AST_PIPELINE:
        print_pipeline_action(s, out);
        return;
    case AST_DROP:
        print_drop(s, out);
        return;
    case AST_ALTER:
        print_alter(s, out);
        return;
    case AST_INSERT:
    case AST_UPDATE:
    case AST_DELETE:
    case AST_TRUNCATE:
    case AST_MERGE:
        print_change(s, out);
        return;
    case AST_BEGIN:
        buf_append_text(out, TEXT("BEGIN"));
        return;
    case AST_COMMIT:
        buf_append_text(out, TEXT("COMMIT"));
        return;
    case AST_ROLLBACK:
        buf_append_text(out, TEXT("ROLLBACK"));
        return;
    case AST_FLUSH:
        buf_append_text(out, TEXT("FLUSH"));
        return;
    case AST_CHECKPOINT:
        buf_append_text(out, TEXT("CHECKPOINT"));
        return;
    case AST_RESTORE:
        buf_printf(out, "RESTORE FROM CHECKPOINT %lld", (long long)s->checkpoint);
        return;
    case AST_SHOW:
    case AST_DESCRIBE:
    case AST_SET:
    case AST_RESET:
        print_admin(s, out);
        return;
    }
    UNREACHABLE();
}
