/* SPDX-License-Identifier: Apache-2.0 */
/* print_admin.c - SHOW, DESCRIBE, SET and RESET as SQL text. */
#include "sql/parser.h"
#include "sql/print.h"

static void
print_show(const ast_statement *s, buf *out) {
    static const char *const words[] = {
        [AST_SHOW_SOURCES] = "SOURCES",
        [AST_SHOW_STREAMS] = "STREAMS",
        [AST_SHOW_SINKS] = "SINKS",
        [AST_SHOW_TABLES] = "TABLES",
        [AST_SHOW_OBJECTS] = "ALL TABLES",
        [AST_SHOW_VIEWS] = "VIEWS",
        [AST_SHOW_CHECKPOINTS] = "CHECKPOINTS",
        [AST_SHOW_FUNCTIONS] = "FUNCTIONS",
        [AST_SHOW_INDEXES] = "INDEXES",
        [AST_SHOW_QUERIES] = "QUERIES",
        [AST_SHOW_PIPELINES] = "PIPELINES",
        [AST_SHOW_LIMITS] = "LIMITS",
        [AST_SHOW_ALL] = "ALL",
        [AST_SHOW_SETTING] = "",
        [AST_SHOW_CREATE] = "CREATE ",
        [AST_SHOW_WATERMARK] = "WATERMARK ",
        [AST_SHOW_PLAN] = "STREAM ",
        [AST_SHOW_TABLE_INFO] = "table_info(",
    };
    const bool explains = s->show == AST_SHOW_WATERMARK || s->show == AST_SHOW_PLAN;
    const bool info = s->show == AST_SHOW_TABLE_INFO;
    buf_append_text(out, explains ? TEXT("EXPLAIN ") : info ? TEXT("PRAGMA ") : TEXT("SHOW "));
    buf_append_text(out, text_of(words[s->show]));
    if (info) {
        buf_append_quoted(out, s->name.text, '\'');
        buf_append_char(out, ')');
    } else if (s->name.text.data != NULL) {
        print_name(&s->name, out);
    }
}

void
print_admin(const ast_statement *s, buf *out) {
    switch (s->kind) {
    case AST_SHOW:
        print_show(s, out);
        return;
    case AST_DESCRIBE:
        buf_append_text(out, TEXT("DESCRIBE "));
        if (s->select != NULL) {
            sql_print_select(s->select, out);
        } else {
            print_name(&s->name, out);
        }
        return;
    case AST_SET:
        buf_append_text(out, s->variable ? TEXT("SET VARIABLE ") : TEXT("SET "));
        print_name(&s->name, out);
        buf_append_text(out, TEXT(" = "));
        if (s->value == NULL) {
            buf_append_text(out, TEXT("DEFAULT"));
        } else {
            sql_print_expr(s->value, out);
        }
        return;
    default:
        assert(s->kind == AST_RESET);
        buf_append_text(out, s->variable ? TEXT("RESET VARIABLE ") : TEXT("RESET "));
        if (s->name.text.data == NULL) {
            buf_append_text(out, TEXT("ALL"));
        } else {
            print_name(&s->name, out);
        }
        return;
    }
}

void
print_copy(const ast_statement *s, buf *out) {
    const bool copy = s->kind == AST_COPY;
    buf_append_text(out, copy ? TEXT("COPY ") : TEXT("SUMMARIZE "));
    if (s->select != NULL) {
        buf_append_text(out, copy ? TEXT("(") : TEXT(""));
        sql_print_select(s->select, out);
        buf_append_text(out, copy ? TEXT(")") : TEXT(""));
    } else {
        print_name(&s->name, out);
    }
    if (s->target_count > 0) {
        buf_append_char(out, ' ');
        print_names(s->targets, s->target_count, out);
    }
    if (copy) {
        buf_append_text(out, s->copy_to ? TEXT(" TO ") : TEXT(" FROM "));
        sql_print_expr(s->path, out);
        print_options(s, out);
    }
}
