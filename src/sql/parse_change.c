/* SPDX-License-Identifier: Apache-2.0 */
/* parse_change.c - statements that change rows: INSERT, UPSERT, UPDATE, DELETE, TRUNCATE; and
 * BEGIN, COMMIT, ROLLBACK. */
#include "sql/parse.h"

/* ---- SET column = value */

static status
push_set(parser *p, const ast_name *column, ast_expr *value, size_t mark) {
    const ast_item *before = (const ast_item *)(const void *)(p->stack.data + mark);
    const size_t    count = (p->stack.size - mark) / sizeof(*before);
    for (size_t i = 0; i < count; i++) {
        const ast_name *other = &before[i].alias;
        if (text_equal_nocase(other->text, column->text)) {
            return error_set_at(p->err, ERR_SQL_PARSE_ERROR, column->position,
                                "column \"%.*s\" is set twice", TEXT_ARG(column->text));
        }
    }
    const ast_item set = {.expr = value, .alias = *column};
    return parser_push(p, &set, sizeof(set));
}

/* An expression or DEFAULT, which arrives as NULL. */
static status
parse_set_value(parser *p, ast_expr **out) {
    *out = NULL;
    return parser_accept(p, KEYWORD_DEFAULT) ? OK : parse_expr(p, LEVEL_ANY, out);
}

/* (a, b) = (x, y) */
static status
parse_set_row(parser *p, size_t mark) {
    ast_name     *names;
    int32_t       count;
    const int32_t start = p->token.start;
    TRY(parse_names(p, &names, &count, "SET"));
    TRY(parser_expect_symbol(p, SYMBOL_EQUAL, "the columns"));
    (void)parser_accept(p, KEYWORD_ROW);
    if (parser_at_query_value(p)) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                           "several columns are set to a list of values, not to a query");
        return error_hint(p->err,
                          "read the rows in FROM: UPDATE t SET a = q.a FROM (...) q WHERE ...");
    }
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "\"=\""));
    for (int32_t i = 0; i < count; i++) {
        ast_expr *value;
        if (i > 0) {
            TRY(parser_expect_symbol(p, SYMBOL_COMMA, "a value"));
        }
        TRY(parse_set_value(p, &value));
        TRY(push_set(p, &names[i], value, mark));
    }
    if (!parser_accept_symbol(p, SYMBOL_RIGHT_PAREN)) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                            "%d columns need %d values behind \"=\"", count, count);
    }
    return OK;
}

/* Behind SET: column = value {, column = value} */
status
parse_assignments(parser *p, ast_item **out, int32_t *count) {
    const size_t mark = p->stack.size;
    do {
        if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
            TRY(parse_set_row(p, mark));
            continue;
        }
        ast_name  column = {.quoted = false};
        ast_expr *value;
        TRY(parser_name(p, &column, "a column name", "SET"));
        if (parser_at_symbol(p, SYMBOL_DOT)) {
            (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                               "a column of SET has one name");
            return error_hint(p->err, "leave the table's name out: SET column = value");
        }
        TRY(parser_expect_symbol(p, SYMBOL_EQUAL, "the column"));
        TRY(parse_set_value(p, &value));
        TRY(push_set(p, &column, value, mark));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_take(p, mark, sizeof(ast_item), out, count));
    return *count <= MOST_COLUMNS(p)
               ? OK
               : parser_too_many(p, p->token.start, MOST_COLUMNS(p), "columns in SET");
}

/* ---- ON CONFLICT */

static status
parse_action(parser *p, ast_conflict *out, bool of_table) {
    static const keyword words[] = {KEYWORD_NOTHING, KEYWORD_UPDATE, KEYWORD_FAIL, KEYWORD_REPLACE};
    const bool           said_do = parser_accept(p, KEYWORD_DO);
    switch (p->token.keyword) {
    case KEYWORD_NOTHING:
    case KEYWORD_IGNORE:
        out->action = AST_CONFLICT_NOTHING;
        break;
    case KEYWORD_FAIL:
    case KEYWORD_ABORT:
        out->action = AST_CONFLICT_FAIL;
        break;
    case KEYWORD_REPLACE:
        out->action = AST_CONFLICT_REPLACE;
        break;
    case KEYWORD_UPDATE:
        if (of_table) {
            (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                               "DO UPDATE belongs to an INSERT, not to a table");
            return error_hint(p->err, "a table has ON CONFLICT REPLACE, DO NOTHING or FAIL");
        }
        out->action = AST_CONFLICT_UPDATE;
        parser_advance(p);
        TRY(parser_expect(p, KEYWORD_SET, "DO UPDATE"));
        TRY(parse_assignments(p, &out->sets, &out->set_count));
        return parser_accept(p, KEYWORD_WHERE) ? parse_expr(p, LEVEL_ANY, &out->where) : OK;
    default:
        return parser_error_word(
            p, of_table ? "DO NOTHING, FAIL or REPLACE" : "DO NOTHING, DO UPDATE, FAIL or REPLACE",
            said_do ? "DO" : "ON CONFLICT", words, ARRAY_COUNT(words));
    }
    parser_advance(p);
    return OK;
}

status
parse_conflict(parser *p, ast_conflict *out, bool of_table) {
    if (!parser_at(p, KEYWORD_ON)) {
        return OK;
    }
    out->position = p->token.start;
    parser_advance(p);
    TRY(parser_expect(p, KEYWORD_CONFLICT, "ON"));
    if (!of_table && parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        TRY(parse_names(p, &out->targets, &out->target_count, "ON CONFLICT"));
    }
    return parse_action(p, out, of_table);
}

status
parse_returning(parser *p, ast_statement *s) {
    return parser_accept(p, KEYWORD_RETURNING)
               ? parse_item_list(p, &s->returning, &s->returning_count)
               : OK;
}

/* ---- INSERT */

/* INSERT [OR (REPLACE | IGNORE | FAIL | ABORT)], UPSERT */
static status
parse_verb(parser *p, ast_statement *s) {
    s->conflict.position = p->token.start;
    if (parser_accept(p, KEYWORD_UPSERT) || parser_accept(p, KEYWORD_REPLACE)) {
        s->conflict.action = AST_CONFLICT_REPLACE;
        return OK;
    }
    parser_advance(p);
    if (!parser_accept(p, KEYWORD_OR)) {
        return OK;
    }
    if (parser_at(p, KEYWORD_UPDATE)) {
        return parser_error(p, "REPLACE, IGNORE or FAIL", "INSERT OR");
    }
    return parse_action(p, &s->conflict, true);
}

/* Columns, unless a query in parentheses begins here. */
static status
parse_targets(parser *p, ast_statement *s) {
    if (!parser_at_symbol(p, SYMBOL_LEFT_PAREN) || parser_at_query(p)) {
        return OK;
    }
    return parse_names(p, &s->targets, &s->target_count, "the name and \"(\"");
}

static status
parse_insert_rows(parser *p, ast_statement *s) {
    if (parser_at(p, KEYWORD_DEFAULT) && parser_next_is(p, KEYWORD_VALUES) &&
        s->target_count == 0 && !s->by_name) {
        s->select = arena_alloc_zero(p->arena, sizeof(*s->select));
        TRY(s->select == NULL ? error_memory(p->err) : OK);
        s->select->kind = AST_SELECT_VALUES;
        s->select->position = p->token.start;
        s->select->row_count = 1;
        parser_advance(p);
        parser_advance(p);
        return OK;
    }
    if (!parser_at_query(p) && !parser_at(p, KEYWORD_VALUES)) {
        static const keyword words[] = {KEYWORD_VALUES, KEYWORD_SELECT};
        return parser_error_word(p, "VALUES or a query", "the name", words, ARRAY_COUNT(words));
    }
    p->inserted = parser_at(p, KEYWORD_VALUES);
    TRY(parse_query(p, &s->select));
    const ast_select *rows = s->select;
    if (rows->kind == AST_SELECT_VALUES && s->target_count > 0 &&
        s->target_count != rows->row_width) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, rows->rows[0]->position,
                            "row 1 has %d values, but %d columns are named", rows->row_width,
                            s->target_count);
    }
    return OK;
}

/* [BY (NAME | POSITION)] */
static status
parse_insert_by(parser *p, ast_statement *s) {
    if (!parser_at(p, KEYWORD_BY)) {
        return OK;
    }
    const text word = token_text(p->sql, p->next);
    s->by_name = text_equal_nocase(word, TEXT("NAME"));
    parser_advance(p);
    if (!s->by_name && !text_equal_nocase(word, TEXT("POSITION"))) {
        return parser_error(p, "NAME or POSITION", "BY");
    }
    if (s->by_name && s->target_count > 0) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "the columns are named already: leave them or BY NAME out");
    }
    parser_advance(p);
    return s->by_name && parser_at(p, KEYWORD_VALUES)
               ? error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                              "the values of VALUES have no names: name the columns before it")
               : OK;
}

status
parse_insert(parser *p, ast_statement *s) {
    s->kind = AST_INSERT;
    TRY(parse_verb(p, s));
    (void)parser_accept(p, KEYWORD_INTO);
    TRY(parser_table_name(p, &s->name, "a name", keyword_name(p->previous.keyword)));
    TRY(parse_targets(p, s));
    TRY(parse_insert_by(p, s));
    TRY(parse_insert_rows(p, s));
    if (parser_at(p, KEYWORD_ON) && s->conflict.action != AST_CONFLICT_DEFAULT) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                            "what happens on a conflict is said twice");
    }
    TRY(parse_conflict(p, &s->conflict, false));
    return parse_returning(p, s);
}

/* ---- UPDATE, DELETE */

/* name [[AS] alias] */
status
parse_change_target(parser *p, ast_statement *s, const char *after) {
    TRY(parser_table_name(p, &s->name, "a table name", after));
    if (parser_accept(p, KEYWORD_AS)) {
        return parser_name(p, &s->alias, "an alias", "AS");
    }
    const bool clause =
        parser_at(p, KEYWORD_SET) || parser_at(p, KEYWORD_RETURNING) || parser_at(p, KEYWORD_USING);
    return parser_at_name(p) && !clause ? parser_name(p, &s->alias, "an alias", NULL) : OK;
}

/* [word from] [WHERE expr] into a query without items */
static status
parse_condition(parser *p, ast_statement *s, keyword word) {
    s->select = arena_alloc_zero(p->arena, sizeof(*s->select));
    if (s->select == NULL) {
        return error_memory(p->err);
    }
    s->select->position = p->token.start;
    p->from_height = 0;
    if (parser_accept(p, word)) {
        TRY(parse_from_list(p, &s->select->from));
    }
    if (parser_accept(p, KEYWORD_WHERE)) {
        TRY(parse_expr(p, LEVEL_ANY, &s->select->where));
    }
    return parse_returning(p, s);
}

status
parse_update(parser *p, ast_statement *s) {
    s->kind = AST_UPDATE;
    parser_advance(p);
    TRY(parse_change_target(p, s, "UPDATE"));
    TRY(parser_expect(p, KEYWORD_SET, "the table"));
    TRY(parse_assignments(p, &s->sets, &s->set_count));
    return parse_condition(p, s, KEYWORD_FROM);
}

status
parse_delete(parser *p, ast_statement *s) {
    s->kind = AST_DELETE;
    parser_advance(p);
    TRY(parser_expect(p, KEYWORD_FROM, "DELETE"));
    TRY(parse_change_target(p, s, "FROM"));
    return parse_condition(p, s, KEYWORD_USING);
}

bool
parser_with_changes(const parser *p) {
    int32_t depth = 0;
    token   before = p->token;
    for (token t = p->next; t.kind != TOKEN_END && t.kind != TOKEN_BAD;
         t = token_next(p->sql, t.end)) {
        depth += (t.symbol == SYMBOL_LEFT_PAREN) - (t.symbol == SYMBOL_RIGHT_PAREN);
        if (depth == 0 && before.symbol == SYMBOL_RIGHT_PAREN && t.kind == TOKEN_WORD &&
            t.keyword != KEYWORD_AS) {
            return t.keyword == KEYWORD_INSERT || t.keyword == KEYWORD_UPSERT ||
                   t.keyword == KEYWORD_UPDATE || t.keyword == KEYWORD_DELETE ||
                   t.keyword == KEYWORD_MERGE;
        }
        before = t;
    }
    return false;
}

/* WITH ... INSERT INTO t query is INSERT INTO t WITH ... query; UPDATE and DELETE have a query too,
 * of what they read. */
status
parse_with_change(parser *p, ast_statement *s) {
    ast_with *withs;
    int32_t   count, height = 0;
    TRY(parse_with(p, &withs, &count, &height));
    if (parser_at(p, KEYWORD_UPDATE) || parser_at(p, KEYWORD_DELETE)) {
        TRY(parser_at(p, KEYWORD_UPDATE) ? parse_update(p, s) : parse_delete(p, s));
        return parse_put_withs(p, &s->select, withs, count, height);
    }
    if (parser_at(p, KEYWORD_MERGE)) {
        TRY(parse_merge(p, s));
        return parse_put_withs(p, &s->select, withs, count, height);
    }
    TRY(parse_insert(p, s));
    if (s->select->kind == AST_SELECT_VALUES && s->select->row_width == 0) {
        return OK; /* DEFAULT VALUES read nothing */
    }
    return parse_put_withs(p, &s->select, withs, count, height);
}

status
parse_truncate(parser *p, ast_statement *s) {
    s->kind = AST_TRUNCATE;
    parser_advance(p);
    (void)parser_accept(p, KEYWORD_TABLE);
    return parser_table_name(p, &s->name, "a table name", "TRUNCATE");
}

/* ---- transactions */

bool
parser_at_transaction(const parser *p) {
    switch (p->token.keyword) {
    case KEYWORD_BEGIN:
    case KEYWORD_COMMIT:
    case KEYWORD_ROLLBACK:
    case KEYWORD_ABORT:
    case KEYWORD_END:
        return true;
    case KEYWORD_START:
        return parser_next_is(p, KEYWORD_TRANSACTION);
    default:
        return false;
    }
}

status
parse_transaction(parser *p, ast_statement *s) {
    const keyword k = p->token.keyword;
    s->kind = k == KEYWORD_BEGIN || k == KEYWORD_START  ? AST_BEGIN
              : k == KEYWORD_COMMIT || k == KEYWORD_END ? AST_COMMIT
                                                        : AST_ROLLBACK;
    parser_advance(p);
    if (!parser_accept(p, KEYWORD_TRANSACTION)) {
        (void)parser_accept(p, KEYWORD_WORK);
    }
    return OK;
}
