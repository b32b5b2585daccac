/* SPDX-License-Identifier: Apache-2.0 */
/* print_table.c - CREATE TABLE, CREATE SOURCE and ALTER as SQL text. Keys of one column stand with
 * it, all others and the checks behind the columns. */
#include "sql/parser.h"
#include "sql/print.h"

static bool
is_key_of(const ast_key *key, const ast_name *column) {
    return key->column_count == 1 && text_equal_nocase(key->columns[0].text, column->text);
}

static void
print_column_def(const ast_statement *s, const ast_column_def *column, buf *out) {
    print_name(&column->name, out);
    buf_append_char(out, ' ');
    print_type(&column->type, out);
    if (column->not_null) {
        buf_append_text(out, TEXT(" NOT NULL"));
    }
    for (int32_t i = 0; i < s->key_count; i++) {
        if (is_key_of(&s->keys[i], &column->name)) {
            buf_append_text(out, s->keys[i].primary ? TEXT(" PRIMARY KEY") : TEXT(" UNIQUE"));
        }
    }
    print_clause(TEXT(" DEFAULT "), column->default_value, out);
}

static void
print_constraints(const ast_statement *s, buf *out) {
    for (int32_t i = 0; i < s->key_count; i++) {
        if (s->keys[i].column_count > 1) {
            buf_append_text(out, s->keys[i].primary ? TEXT(", PRIMARY KEY ") : TEXT(", UNIQUE "));
            print_names(s->keys[i].columns, s->keys[i].column_count, out);
        }
    }
    for (int32_t i = 0; i < s->check_count; i++) {
        const ast_check *c = &s->checks[i];
        buf_append_text(out, TEXT(", "));
        if (c->name.text.data != NULL) {
            buf_append_text(out, TEXT("CONSTRAINT "));
            print_name(&c->name, out);
            buf_append_char(out, ' ');
        }
        buf_append_text(out, TEXT("CHECK ("));
        sql_print_expr(c->expr, out);
        buf_append_char(out, ')');
    }
}

void
print_create_table(const ast_statement *s, buf *out) {
    print_create(s, s->kind == AST_CREATE_SOURCE ? "SOURCE" : "TABLE", out);
    for (int32_t i = 0; i < s->column_count; i++) {
        buf_append_text(out, i == 0 ? TEXT(" (") : TEXT(", "));
        print_column_def(s, &s->columns[i], out);
    }
    print_constraints(s, out);
    if (s->watermark_column.text.data != NULL) {
        buf_append_text(out, TEXT(", WATERMARK FOR "));
        print_name(&s->watermark_column, out);
        print_clause(TEXT(" AS "), s->watermark, out);
    }
    if (s->column_count > 0) {
        buf_append_char(out, ')');
    }
    print_conflict(&s->conflict, out);
    print_options(s, out);
    if (s->select != NULL) {
        buf_append_text(out, TEXT(" AS "));
        sql_print_select(s->select, out);
    }
}

static void
print_alter_column(const ast_statement *s, buf *out) {
    const bool drops = s->alter == AST_ALTER_NULL || (s->alter == AST_ALTER_DEFAULT && !s->value);
    buf_append_text(out, TEXT(" ALTER COLUMN "));
    print_name(&s->column, out);
    buf_append_text(out, drops ? TEXT(" DROP ") : TEXT(" SET "));
    buf_append_text(out, s->alter == AST_ALTER_DEFAULT ? TEXT("DEFAULT") : TEXT("NOT NULL"));
    if (s->value != NULL) {
        buf_append_char(out, ' ');
        sql_print_expr(s->value, out);
    }
}

void
print_alter(const ast_statement *s, buf *out) {
    static const char *const words[] = {[AST_OBJECT_SOURCE] = "SOURCE ",
                                        [AST_OBJECT_STREAM] = "STREAM ",
                                        [AST_OBJECT_TABLE] = "TABLE ",
                                        [AST_OBJECT_VIEW] = "VIEW ",
                                        [AST_OBJECT_SINK] = "SINK "};
    buf_append_text(out, TEXT("ALTER "));
    buf_append_text(out, text_of(words[s->object]));
    buf_append_text(out, s->if_exists ? TEXT("IF EXISTS ") : TEXT(""));
    print_name(&s->name, out);
    switch (s->alter) {
    case AST_ALTER_ADD:
        buf_append_text(out, TEXT(" ADD COLUMN "));
        buf_append_text(out, s->if_not_exists ? TEXT("IF NOT EXISTS ") : TEXT(""));
        print_column_def(s, &s->columns[0], out);
        return;
    case AST_ALTER_DROP:
        buf_append_text(out, TEXT(" DROP COLUMN "));
        buf_append_text(out, s->if_column ? TEXT("IF EXISTS ") : TEXT(""));
        print_name(&s->column, out);
        buf_append_text(out, s->cascade ? TEXT(" CASCADE") : TEXT(""));
        return;
    case AST_ALTER_RENAME_COLUMN:
        buf_append_text(out, TEXT(" RENAME COLUMN "));
        print_name(&s->column, out);
        buf_append_text(out, TEXT(" TO "));
        print_name(&s->new_name, out);
        return;
    case AST_ALTER_RENAME:
        buf_append_text(out, TEXT(" RENAME TO "));
        print_name(&s->new_name, out);
        return;
    case AST_ALTER_SET:
        buf_append_text(out, TEXT(" SET ("));
        for (int32_t i = 0; i < s->option_count; i++) {
            buf_append_text(out, i == 0 ? TEXT("") : TEXT(", "));
            print_name(&s->options[i].name, out);
            buf_append_text(out, TEXT(" = "));
            sql_print_expr(s->options[i].value, out);
        }
        buf_append_char(out, ')');
        return;
    case AST_ALTER_DEFAULT:
    case AST_ALTER_NOT_NULL:
    case AST_ALTER_NULL:
        print_alter_column(s, out);
        return;
    case AST_ALTER_RETRY:
        buf_append_text(out, TEXT(" RETRY"));
        return;
    }
    UNREACHABLE();
}
