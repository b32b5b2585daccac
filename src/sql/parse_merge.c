/* SPDX-License-Identifier: Apache-2.0 */
/* parse_merge.c - MERGE INTO table USING relation ON condition WHEN ... THEN ... */
#include "sql/parse.h"

/* ( value {, value} ), where DEFAULT may stand */
static status
parse_values(parser *p, ast_when *w) {
    const size_t mark = p->stack.size;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "VALUES"));
    do {
        ast_expr *e = NULL;
        if (parser_at(p, KEYWORD_DEFAULT)) {
            e = parser_new(p, AST_DEFAULT, p->token.start);
            if (e == NULL) {
                return ERR_OUT_OF_MEMORY;
            }
            parser_advance(p);
            TRY(parser_finish(p, e));
        } else {
            TRY(parse_expr(p, LEVEL_ANY, &e));
        }
        TRY(parser_push(p, &e, sizeof(ast_expr *)));
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the values"));
    TRY(parser_take(p, mark, sizeof(ast_expr *), &w->values, &w->value_count));
    if (w->target_count > 0 && w->target_count != w->value_count) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, w->values[0]->position,
                            "there are %d values, but %d columns are named", w->value_count,
                            w->target_count);
    }
    return OK;
}

/* BY NAME, BY POSITION, *, or nothing, which is BY POSITION */
static status
parse_columns_of_source(parser *p, ast_when *w) {
    w->columns = AST_MERGE_BY_POSITION;
    if (parser_accept_symbol(p, SYMBOL_STAR) || !parser_accept(p, KEYWORD_BY)) {
        return OK;
    }
    if (parser_accept_word(p, "NAME")) {
        w->columns = AST_MERGE_BY_NAME;
        return OK;
    }
    return parser_accept(p, KEYWORD_POSITION) ? OK : parser_error(p, "NAME or POSITION", "BY");
}

static status
parse_merge_insert(parser *p, ast_when *w) {
    w->action = AST_MERGE_INSERT;
    if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        TRY(parse_names(p, &w->targets, &w->target_count, "INSERT"));
        TRY(parser_expect(p, KEYWORD_VALUES, "the columns"));
        return parse_values(p, w);
    }
    if (parser_accept(p, KEYWORD_VALUES)) {
        return parse_values(p, w);
    }
    if (parser_accept(p, KEYWORD_DEFAULT)) {
        w->columns = AST_MERGE_DEFAULTS;
        return parser_expect(p, KEYWORD_VALUES, "DEFAULT");
    }
    return parse_columns_of_source(p, w);
}

static status
parse_merge_update(parser *p, ast_when *w) {
    w->action = AST_MERGE_UPDATE;
    if (!parser_at(p, KEYWORD_SET)) {
        return parse_columns_of_source(p, w);
    }
    parser_advance(p);
    return parser_at_symbol(p, SYMBOL_STAR) ? parse_columns_of_source(p, w)
                                            : parse_assignments(p, &w->sets, &w->set_count);
}

/* ERROR [text] */
static status
parse_merge_error(parser *p, ast_when *w) {
    w->action = AST_MERGE_ERROR;
    if (parser_at(p, KEYWORD_WHEN) || parser_at(p, KEYWORD_RETURNING) ||
        parser_at_symbol(p, SYMBOL_SEMICOLON) || p->token.kind == TOKEN_END) {
        return OK;
    }
    w->values = arena_alloc(p->arena, sizeof(*w->values));
    if (w->values == NULL) {
        return error_memory(p->err);
    }
    w->value_count = 1;
    return parse_expr(p, LEVEL_ANY, &w->values[0]);
}

static status
parse_action_of_merge(parser *p, ast_when *w) {
    static const keyword words[] = {KEYWORD_UPDATE, KEYWORD_DELETE, KEYWORD_INSERT, KEYWORD_DO};
    const int32_t        start = p->token.start;
    if (parser_accept(p, KEYWORD_UPDATE)) {
        TRY(parse_merge_update(p, w));
    } else if (parser_accept(p, KEYWORD_DELETE)) {
        w->action = AST_MERGE_DELETE;
    } else if (parser_accept(p, KEYWORD_INSERT)) {
        TRY(parse_merge_insert(p, w));
    } else if (parser_accept(p, KEYWORD_DO)) {
        return parser_expect(p, KEYWORD_NOTHING, "DO");
    } else if (parser_accept_word(p, "ERROR")) {
        return parse_merge_error(p, w);
    } else {
        return parser_error_word(p, "UPDATE, DELETE, INSERT, DO NOTHING or ERROR", "THEN", words,
                                 ARRAY_COUNT(words));
    }
    if ((w->action == AST_MERGE_INSERT) == (w->state == AST_WHEN_NOT_MATCHED)) {
        return OK;
    }
    if (w->action == AST_MERGE_INSERT) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                           "INSERT stands behind WHEN NOT MATCHED: here the row is there already");
        return error_hint(p->err, "write UPDATE, DELETE, DO NOTHING or ERROR");
    }
    (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                       "behind WHEN NOT MATCHED there is no row of the table to change");
    return error_hint(p->err, "write INSERT, DO NOTHING or ERROR; WHEN NOT MATCHED BY SOURCE is "
                              "about rows of the table");
}

/* WHEN [NOT] MATCHED [BY (SOURCE | TARGET)] [AND condition] THEN action */
static status
parse_when(parser *p, ast_when *w) {
    w->position = p->token.start;
    parser_advance(p);
    const bool not = parser_accept(p, KEYWORD_NOT);
    TRY(parser_expect(p, KEYWORD_MATCHED, not? "NOT" : "WHEN"));
    w->state = not ? AST_WHEN_NOT_MATCHED : AST_WHEN_MATCHED;
    if (not&&parser_accept(p, KEYWORD_BY)) {
        if (parser_accept(p, KEYWORD_SOURCE)) {
            w->state = AST_WHEN_NOT_MATCHED_BY_SOURCE;
        } else if (!parser_accept_word(p, "TARGET")) {
            return parser_error(p, "SOURCE or TARGET", "BY");
        }
    }
    if (parser_accept(p, KEYWORD_AND)) {
        TRY(parse_expr(p, LEVEL_ANY, &w->condition));
    }
    TRY(parser_expect(p, KEYWORD_THEN, "WHEN ..."));
    return parse_action_of_merge(p, w);
}

/* What stands behind a clause of its kind that takes all rows is never reached. */
static status
check_reached(parser *p, const ast_when *w, bool *taken) {
    if (taken[w->state]) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, w->position,
                           "a clause of this kind without AND stands before, so no row gets here");
        return error_hint(p->err, "put the clauses with AND first");
    }
    taken[w->state] = w->condition == NULL;
    return OK;
}

static status
parse_whens(parser *p, ast_statement *s) {
    const size_t mark = p->stack.size;
    bool         taken[AST_WHEN_NOT_MATCHED_BY_SOURCE + 1] = {false};
    if (!parser_at(p, KEYWORD_WHEN)) {
        return parser_error(p, "WHEN MATCHED or WHEN NOT MATCHED", "the condition");
    }
    while (parser_at(p, KEYWORD_WHEN)) {
        ast_when w = {.state = AST_WHEN_MATCHED};
        TRY(parse_when(p, &w));
        TRY(check_reached(p, &w, taken));
        TRY(parser_push(p, &w, sizeof(w)));
    }
    return parser_take(p, mark, sizeof(ast_when), &s->whens, &s->when_count);
}

status
parse_merge(parser *p, ast_statement *s) {
    s->kind = AST_MERGE;
    parser_advance(p);
    TRY(parser_expect(p, KEYWORD_INTO, "MERGE"));
    TRY(parse_change_target(p, s, "INTO"));
    s->select = arena_alloc_zero(p->arena, sizeof(*s->select));
    if (s->select == NULL) {
        return error_memory(p->err);
    }
    TRY(parser_expect(p, KEYWORD_USING, "the table"));
    s->select->position = p->token.start;
    p->from_height = 0;
    TRY(parse_relation(p, &s->select->from));
    if (parser_accept(p, KEYWORD_USING)) {
        TRY(parse_names(p, &s->targets, &s->target_count, "USING"));
    } else {
        TRY(parser_expect(p, KEYWORD_ON, "the source"));
        TRY(parse_expr(p, LEVEL_ANY, &s->select->where));
    }
    TRY(parse_whens(p, s));
    return parse_returning(p, s);
}

/* ---- PREPARE, EXECUTE, DEALLOCATE */

status
parse_prepare(parser *p, ast_statement *s) {
    s->kind = AST_PREPARE;
    parser_advance(p);
    TRY(parser_name(p, &s->name, "a name", "PREPARE"));
    if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                           "parameters of PREPARE have no types: they are those of the values that "
                           "EXECUTE gives");
        return error_hint(p->err, "leave the list out, or write a cast: $1::DATE");
    }
    TRY(parser_expect(p, KEYWORD_AS, "the name"));
    const int32_t start = p->token.start;
    TRY(parse_inner_statement(p, &s->inner));
    const ast_statement_kind kind = s->inner->kind;
    if (kind == AST_PREPARE || kind == AST_EXECUTE || kind == AST_DEALLOCATE) {
        return error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                            "PREPARE, EXECUTE and DEALLOCATE cannot be prepared");
    }
    p->parameters.size = 0; /* they get their values from EXECUTE, as pivots get their columns */
    p->pivots.size = 0;
    return OK;
}

/* EXECUTE name [(argument {, argument})] */
status
parse_execute(parser *p, ast_statement *s) {
    s->kind = AST_EXECUTE;
    parser_advance(p);
    TRY(parser_name(p, &s->name, "the name of a prepared statement", "EXECUTE"));
    if (!parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        return OK;
    }
    s->call = parser_new(p, AST_CALL, s->name.position);
    if (s->call == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    s->call->name = s->name;
    parser_advance(p);
    if (!parser_at_symbol(p, SYMBOL_RIGHT_PAREN)) {
        TRY(parse_arguments(p, s->call));
    }
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the arguments"));
    return parser_finish(p, s->call);
}

/* DEALLOCATE [PREPARE] (name | ALL) */
status
parse_deallocate(parser *p, ast_statement *s) {
    s->kind = AST_DEALLOCATE;
    parser_advance(p);
    if (p->next.kind == TOKEN_WORD || p->next.kind == TOKEN_QUOTED_NAME) {
        (void)parser_accept(p, KEYWORD_PREPARE);
    }
    return parser_accept(p, KEYWORD_ALL)
               ? OK
               : parser_name(p, &s->name, "the name of a prepared statement or ALL", "DEALLOCATE");
}
