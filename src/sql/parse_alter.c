/* SPDX-License-Identifier: Apache-2.0 */
/* parse_alter.c - ALTER TABLE, SOURCE and STREAM. */
#include "sql/parse.h"

static status
parse_add(parser *p, ast_statement *s) {
    s->alter = AST_ALTER_ADD;
    (void)parser_accept(p, KEYWORD_COLUMN);
    if (parser_at(p, KEYWORD_IF) && parser_next_is(p, KEYWORD_NOT)) {
        parser_advance(p);
        parser_advance(p);
        TRY(parser_expect(p, KEYWORD_EXISTS, "IF NOT"));
        s->if_not_exists = true;
    }
    s->columns = arena_alloc(p->arena, sizeof(*s->columns));
    if (s->columns == NULL) {
        return error_memory(p->err);
    }
    s->column_count = 1;
    TRY(parse_column_def(p, s, s->columns));
    if (s->key_count > 0 || s->check_count > 0) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR,
                            s->key_count > 0 ? s->keys[0].position : s->checks[0].expr->position,
                            "an added column has NOT NULL and DEFAULT, no keys and no CHECK");
    }
    return OK;
}

static status
parse_drop_column(parser *p, ast_statement *s) {
    s->alter = AST_ALTER_DROP;
    (void)parser_accept(p, KEYWORD_COLUMN);
    s->if_column = parser_at(p, KEYWORD_IF) && parser_next_is(p, KEYWORD_EXISTS);
    if (s->if_column) {
        parser_advance(p);
        parser_advance(p);
    }
    TRY(parser_name(p, &s->column, "a column name", "DROP COLUMN"));
    s->cascade = parse_cascade(p);
    return OK;
}

static status
parse_rename(parser *p, ast_statement *s) {
    if (parser_accept(p, KEYWORD_TO)) {
        s->alter = AST_ALTER_RENAME;
        return parser_name(p, &s->new_name, "a name", "RENAME TO");
    }
    s->alter = AST_ALTER_RENAME_COLUMN;
    (void)parser_accept(p, KEYWORD_COLUMN);
    TRY(parser_name(p, &s->column, "a column name or TO", "RENAME"));
    TRY(parser_expect(p, KEYWORD_TO, "the column"));
    return parser_name(p, &s->new_name, "a column name", "TO");
}

/* [COLUMN] name (SET DEFAULT expr | DROP DEFAULT | (SET | DROP) NOT NULL), behind ALTER */
static status
parse_alter_column(parser *p, ast_statement *s) {
    (void)parser_accept(p, KEYWORD_COLUMN);
    TRY(parser_name(p, &s->column, "a column name", "ALTER"));
    const bool drops = parser_at(p, KEYWORD_DROP);
    if (parser_at_word(p, "TYPE") ||
        (p->next.kind == TOKEN_WORD &&
         text_equal_nocase(token_text(p->sql, p->next), TEXT("DATA")))) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start, "a column keeps its type");
        return error_hint(p->err, "add a column of the other type, UPDATE it, drop the old one and "
                                  "rename the new one");
    }
    if (!drops && !parser_at(p, KEYWORD_SET)) {
        static const keyword words[] = {KEYWORD_SET, KEYWORD_DROP};
        return parser_error_word(p, "SET or DROP", "the column", words, ARRAY_COUNT(words));
    }
    parser_advance(p);
    if (parser_accept(p, KEYWORD_NOT)) {
        s->alter = drops ? AST_ALTER_NULL : AST_ALTER_NOT_NULL;
        return parser_expect(p, KEYWORD_NULL, "NOT");
    }
    s->alter = AST_ALTER_DEFAULT;
    TRY(parser_expect(p, KEYWORD_DEFAULT, drops ? "DROP" : "SET"));
    return drops ? OK : parse_expr(p, LEVEL_ANY, &s->value);
}

status
parse_alter(parser *p, ast_statement *s) {
    s->kind = AST_ALTER;
    parser_advance(p);
    TRY(parse_object(p, "ALTER", &s->object));
    if (s->object == AST_OBJECT_INDEX || s->object == AST_OBJECT_PIPELINE) {
        return parser_outside(p, s->object == AST_OBJECT_INDEX ? "ALTER INDEX" : "ALTER PIPELINE");
    }
    if (s->object == AST_OBJECT_FUNCTION) {
        (void)parser_outside(p, "ALTER FUNCTION");
        return error_hint(p->err, "write CREATE OR REPLACE FUNCTION");
    }
    if (parser_at(p, KEYWORD_IF) && parser_next_is(p, KEYWORD_EXISTS)) {
        parser_advance(p);
        parser_advance(p);
        s->if_exists = true;
    }
    TRY(parse_object_name(p, s));
    const bool columns = s->object == AST_OBJECT_TABLE || s->object == AST_OBJECT_SOURCE;
    if (columns && parser_accept(p, KEYWORD_ADD)) {
        return parse_add(p, s);
    }
    if (columns && parser_accept(p, KEYWORD_DROP)) {
        return parse_drop_column(p, s);
    }
    if (columns && parser_accept(p, KEYWORD_ALTER)) {
        return parse_alter_column(p, s);
    }
    if (columns && parser_accept(p, KEYWORD_RENAME)) {
        return parse_rename(p, s);
    }
    const bool is_sink = s->object == AST_OBJECT_SINK;
    if (!columns && !is_sink && parser_at(p, KEYWORD_RENAME) && parser_next_is(p, KEYWORD_TO)) {
        parser_advance(p);
        return parse_rename(p, s);
    }
    if (s->object != AST_OBJECT_VIEW && !is_sink && parser_accept(p, KEYWORD_SET)) {
        s->alter = AST_ALTER_SET;
        return parse_option_list(p, s, "SET");
    }
    if ((s->object == AST_OBJECT_STREAM || is_sink) && parser_accept(p, KEYWORD_RETRY)) {
        s->alter = AST_ALTER_RETRY;
        return OK;
    }
    static const keyword words[] = {KEYWORD_ADD, KEYWORD_DROP,  KEYWORD_RENAME,
                                    KEYWORD_SET, KEYWORD_RETRY, KEYWORD_ALTER};
    return parser_error_word(p,
                             columns                        ? "ADD, DROP, ALTER, RENAME or SET"
                             : is_sink                      ? "RETRY"
                             : s->object == AST_OBJECT_VIEW ? "RENAME TO"
                                                            : "RETRY, RENAME TO or SET",
                             "the name", words, ARRAY_COUNT(words));
}
