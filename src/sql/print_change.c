/* SPDX-License-Identifier: Apache-2.0 */
/* print_change.c - INSERT, UPDATE, DELETE, MERGE and TRUNCATE as SQL text. */
#include "sql/parser.h"
#include "sql/print.h"

static void
print_sets(const ast_item *sets, int32_t count, buf *out) {
    for (int32_t i = 0; i < count; i++) {
        buf_append_text(out, i == 0 ? TEXT(" SET ") : TEXT(", "));
        print_name(&sets[i].alias, out);
        buf_append_text(out, TEXT(" = "));
        if (sets[i].expr == NULL) {
            buf_append_text(out, TEXT("DEFAULT"));
        } else {
            sql_print_expr(sets[i].expr, out);
        }
    }
}

void
print_conflict(const ast_conflict *c, buf *out) {
    static const char *const words[] = {[AST_CONFLICT_REPLACE] = " REPLACE",
                                        [AST_CONFLICT_NOTHING] = " DO NOTHING",
                                        [AST_CONFLICT_FAIL] = " FAIL",
                                        [AST_CONFLICT_UPDATE] = " DO UPDATE"};
    if (c->action == AST_CONFLICT_DEFAULT) {
        return;
    }
    buf_append_text(out, TEXT(" ON CONFLICT"));
    if (c->target_count > 0) {
        buf_append_char(out, ' ');
        print_names(c->targets, c->target_count, out);
    }
    buf_append_text(out, text_of(words[c->action]));
    print_sets(c->sets, c->set_count, out);
    print_clause(TEXT(" WHERE "), c->where, out);
}

static void
print_target(const ast_statement *s, const char *verb, buf *out) {
    buf_append_text(out, text_of(verb));
    print_name(&s->name, out);
    print_alias(&s->alias, out);
}

/* What is read beside the target, and the condition. */
static void
print_condition(const ast_statement *s, text word, buf *out) {
    if (s->select->from != NULL) {
        buf_append_text(out, word);
        print_from(s->select->from, out);
    }
    print_clause(TEXT(" WHERE "), s->select->where, out);
}

static void
print_merge_columns(const ast_when *w, buf *out) {
    buf_append_text(out, w->columns == AST_MERGE_BY_NAME ? TEXT(" BY NAME") : TEXT(" *"));
}

static void
print_merge_insert(const ast_when *w, buf *out) {
    buf_append_text(out, TEXT("INSERT"));
    if (w->columns == AST_MERGE_DEFAULTS) {
        buf_append_text(out, TEXT(" DEFAULT VALUES"));
        return;
    }
    if (w->columns != AST_MERGE_SAID) {
        print_merge_columns(w, out);
        return;
    }
    if (w->target_count > 0) {
        buf_append_char(out, ' ');
        print_names(w->targets, w->target_count, out);
    }
    for (int32_t i = 0; i < w->value_count; i++) {
        buf_append_text(out, i == 0 ? TEXT(" VALUES (") : TEXT(", "));
        sql_print_expr(w->values[i], out);
    }
    buf_append_char(out, ')');
}

static void
print_when(const ast_when *w, buf *out) {
    static const char *const states[] = {[AST_WHEN_MATCHED] = " WHEN MATCHED",
                                         [AST_WHEN_NOT_MATCHED] = " WHEN NOT MATCHED",
                                         [AST_WHEN_NOT_MATCHED_BY_SOURCE] =
                                             " WHEN NOT MATCHED BY SOURCE"};
    buf_append_text(out, text_of(states[w->state]));
    print_clause(TEXT(" AND "), w->condition, out);
    buf_append_text(out, TEXT(" THEN "));
    switch (w->action) {
    case AST_MERGE_NOTHING:
        buf_append_text(out, TEXT("DO NOTHING"));
        return;
    case AST_MERGE_DELETE:
        buf_append_text(out, TEXT("DELETE"));
        return;
    case AST_MERGE_ERROR:
        buf_append_text(out, TEXT("ERROR"));
        print_clause(TEXT(" "), w->value_count > 0 ? w->values[0] : NULL, out);
        return;
    case AST_MERGE_INSERT:
        print_merge_insert(w, out);
        return;
    case AST_MERGE_UPDATE:
        buf_append_text(out, TEXT("UPDATE"));
        if (w->columns == AST_MERGE_SAID) {
            print_sets(w->sets, w->set_count, out);
        } else {
            print_merge_columns(w, out);
        }
        return;
    }
    UNREACHABLE();
}

static void
print_merge(const ast_statement *s, buf *out) {
    print_withs(s->select, out);
    print_target(s, "MERGE INTO ", out);
    buf_append_text(out, TEXT(" USING "));
    print_relation(s->select->from, out);
    print_clause(TEXT(" ON "), s->select->where, out);
    if (s->target_count > 0) {
        buf_append_text(out, TEXT(" USING "));
        print_names(s->targets, s->target_count, out);
    }
    for (int32_t i = 0; i < s->when_count; i++) {
        print_when(&s->whens[i], out);
    }
}

void
print_change(const ast_statement *s, buf *out) {
    switch (s->kind) {
    case AST_INSERT:
        print_target(s, "INSERT INTO ", out);
        if (s->target_count > 0) {
            buf_append_char(out, ' ');
            print_names(s->targets, s->target_count, out);
        }
        buf_append_text(out, s->by_name ? TEXT(" BY NAME ") : TEXT(" "));
        if (s->select->kind == AST_SELECT_VALUES && s->select->row_width == 0) {
            buf_append_text(out, TEXT("DEFAULT VALUES"));
        } else {
            sql_print_select(s->select, out);
        }
        print_conflict(&s->conflict, out);
        break;
    case AST_UPDATE:
        print_withs(s->select, out);
        print_target(s, "UPDATE ", out);
        print_sets(s->sets, s->set_count, out);
        print_condition(s, TEXT(" FROM "), out);
        break;
    case AST_DELETE:
        print_withs(s->select, out);
        print_target(s, "DELETE FROM ", out);
        print_condition(s, TEXT(" USING "), out);
        break;
    case AST_MERGE:
        print_merge(s, out);
        break;
    default:
        print_target(s, "TRUNCATE ", out);
        return;
    }
    if (s->returning_count > 0) {
        buf_append_text(out, TEXT(" RETURNING "));
        print_items(s->returning, s->returning_count, out);
    }
}
