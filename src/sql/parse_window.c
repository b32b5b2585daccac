/* SPDX-License-Identifier: Apache-2.0 */
/* parse_window.c - windows in FROM, in the spellings of several systems, and EMIT.
 *
 *   TUMBLE(t, ts, size)                                   the table first, then what the call takes
 *   SESSION(t PARTITION BY k, ts, gap)                    with a partition
 *   TUMBLE(TABLE t PARTITION BY k, DESCRIPTOR(ts), size)  standard SQL
 *   TABLE(TUMBLE(DATA => TABLE t, ...))                   the same, named and wrapped
 *
 * All of them become one AST_FROM_WINDOW: the table, the partition, the call without the table. */
#include "sql/parse.h"

static bool
is_window_name(text name) {
    static const char *const names[] = {"tumble", "hop", "hopping", "slide", "session", "cumulate"};
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (text_equal_nocase(name, text_of(names[i]))) {
            return true;
        }
    }
    return false;
}

bool
parser_at_window(const parser *p) {
    if (!parser_next_is_symbol(p, SYMBOL_LEFT_PAREN)) {
        return false;
    }
    return parser_at(p, KEYWORD_TABLE) ||
           (p->token.kind == TOKEN_WORD && is_window_name(token_text(p->sql, p->token)));
}

/* [TABLE] name | ( query ) */
static status
parse_windowed(parser *p, ast_from **out) {
    ast_from *f = arena_alloc_zero(p->arena, sizeof(*f));
    if (f == NULL) {
        return error_memory(p->err);
    }
    (void)parser_accept(p, KEYWORD_TABLE);
    f->position = p->token.start;
    *out = f;
    if (parser_at_symbol(p, SYMBOL_LEFT_PAREN)) {
        f->kind = AST_FROM_SUBQUERY;
        return parse_subquery(p, &f->query, "the subquery");
    }
    p->from_height = 1;
    return parser_name(p, &f->name, "a table or a subquery", "the \"(\" of a window");
}

/* At a comma: is the name behind it one more of the list? A comma before what is no bare name ends
 * it, and so does the last name, which is the time, where no DESCRIPTOR and no name tells which
 * argument is: PARTITION BY k, ts, 5. */
static bool
goes_on(const parser *p) {
    const token comma = parser_peek_third(p);
    if (!parser_at_symbol(p, SYMBOL_COMMA) || p->next.kind == TOKEN_END ||
        comma.symbol != SYMBOL_COMMA) {
        return false;
    }
    const token behind = token_next(p->sql, comma.end), last = token_next(p->sql, behind.end);
    if (last.symbol == SYMBOL_LEFT_PAREN) {
        return text_equal_nocase(token_text(p->sql, behind), TEXT("descriptor"));
    }
    return (behind.kind == TOKEN_WORD || behind.kind == TOKEN_QUOTED_NAME) &&
           (last.symbol == SYMBOL_COMMA || last.symbol == SYMBOL_ARROW);
}

/* PARTITION BY name {, name} */
static status
parse_partition(parser *p, ast_from *f) {
    const size_t mark = p->stack.size;
    if (!parser_accept(p, KEYWORD_PARTITION)) {
        return OK;
    }
    TRY(parser_expect(p, KEYWORD_BY, "PARTITION"));
    for (;;) {
        ast_name name = {.quoted = false};
        TRY(parser_name(p, &name, "a column name", "PARTITION BY"));
        TRY(parser_push(p, &name, sizeof(name)));
        if (!goes_on(p)) {
            break;
        }
        parser_advance(p);
    }
    return parser_take(p, mark, sizeof(ast_name), &f->partition_names, &f->partition_count);
}

bool
parser_at_process(const parser *p) {
    return parser_at_name(p) && parser_next_is_symbol(p, SYMBOL_LEFT_PAREN) &&
           parser_peek_third(p).keyword == KEYWORD_TABLE;
}

status
parse_process(parser *p, ast_from *f) {
    const size_t mark = p->stack.size;
    f->kind = AST_FROM_PROCESS;
    f->call = parser_new(p, AST_CALL, p->token.start);
    if (f->call == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    TRY(parser_name(p, &f->call->name, "a processor", "FROM"));
    TRY(parser_note_call(p, &f->call->name));
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "the name of a processor"));
    TRY(parse_windowed(p, &f->left));
    if (parser_accept(p, KEYWORD_PARTITION)) {
        TRY(parser_expect(p, KEYWORD_BY, "PARTITION"));
        do {
            ast_name name = {.quoted = false};
            TRY(parser_name(p, &name, "a column name", "PARTITION BY"));
            TRY(parser_push(p, &name, sizeof(name)));
        } while (parser_accept_symbol(p, SYMBOL_COMMA));
    }
    TRY(parser_take(p, mark, sizeof(ast_name), &f->partition_names, &f->partition_count));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the table of a processor"));
    TRY(parser_finish(p, f->call));
    p->from_height++;
    return parse_check_height(p, f->position);
}

static status
parse_window_call(parser *p, ast_from *f) {
    const text data = TEXT("data");
    ast_expr  *call = parser_new(p, AST_CALL, p->token.start);
    if (call == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    if (p->token.kind != TOKEN_WORD || !is_window_name(token_text(p->sql, p->token))) {
        return parser_error(p, "TUMBLE, HOP, CUMULATE or SESSION", "TABLE(");
    }
    TRY(parser_name_of(p, &call->name));
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "the name of a window"));
    if (parser_next_is_symbol(p, SYMBOL_ARROW) &&
        text_equal_nocase(token_text(p->sql, p->token), data)) {
        parser_advance(p);
        parser_advance(p);
    }
    TRY(parse_windowed(p, &f->left));
    TRY(parse_partition(p, f));
    TRY(parser_expect_symbol(p, SYMBOL_COMMA, "the table of a window"));
    TRY(parse_arguments(p, call));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the arguments of a window"));
    f->window = call;
    return parser_finish(p, call);
}

status
parse_window(parser *p, ast_from *f) {
    f->kind = AST_FROM_WINDOW;
    const bool wrapped = parser_accept(p, KEYWORD_TABLE);
    if (wrapped) {
        TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "TABLE"));
    }
    TRY(parse_window_call(p, f));
    if (wrapped) {
        TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the window"));
    }
    p->from_height++;
    return parse_check_height(p, f->position);
}

/* ---- EMIT ---- */

bool
parser_at_emit(const parser *p) {
    static const keyword kinds[] = {KEYWORD_CHANGES, KEYWORD_FINAL, KEYWORD_ON,
                                    KEYWORD_AFTER,   KEYWORD_EVERY, KEYWORD_PERIODICALLY};
    if (parser_at(p, KEYWORD_ALLOW)) {
        return parser_next_is(p, KEYWORD_LATENESS);
    }
    if (parser_at(p, KEYWORD_LATE)) {
        return parser_next_is(p, KEYWORD_DATA);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(kinds) && parser_at(p, KEYWORD_EMIT); i++) {
        if (parser_next_is(p, kinds[i])) {
            return true;
        }
    }
    return false;
}

static status
parse_emit_on(parser *p, ast_emission *e) {
    static const keyword words[] = {KEYWORD_WINDOW, KEYWORD_UPDATE};
    if (parser_accept(p, KEYWORD_WINDOW)) {
        e->kind = AST_EMIT_WINDOW_CLOSE;
        return parser_expect(p, KEYWORD_CLOSE, "EMIT ON WINDOW");
    }
    if (parser_accept(p, KEYWORD_UPDATE)) {
        e->kind = AST_EMIT_UPDATE;
        return OK;
    }
    return parser_error_word(p, "WINDOW CLOSE or UPDATE", "EMIT ON", words, ARRAY_COUNT(words));
}

static status
parse_emit_kind(parser *p, ast_emission *e) {
    static const keyword words[] = {KEYWORD_CHANGES, KEYWORD_FINAL, KEYWORD_ON,
                                    KEYWORD_AFTER,   KEYWORD_EVERY, KEYWORD_PERIODICALLY};
    if (parser_accept(p, KEYWORD_CHANGES)) {
        e->kind = AST_EMIT_CHANGES;
        return OK;
    }
    if (parser_accept(p, KEYWORD_FINAL)) {
        e->kind = AST_EMIT_WINDOW_CLOSE;
        return OK;
    }
    if (parser_accept(p, KEYWORD_ON)) {
        return parse_emit_on(p, e);
    }
    if (parser_accept(p, KEYWORD_AFTER)) {
        e->kind = AST_EMIT_AFTER_WATERMARK;
        return parser_expect(p, KEYWORD_WATERMARK, "EMIT AFTER");
    }
    if (parser_accept(p, KEYWORD_EVERY) || parser_accept(p, KEYWORD_PERIODICALLY)) {
        e->kind = AST_EMIT_EVERY;
        (void)parser_accept(p, KEYWORD_EVERY);
        return parse_expr(p, LEVEL_ANY, &e->every);
    }
    return parser_error_word(p,
                             "CHANGES, FINAL, ON WINDOW CLOSE, AFTER WATERMARK, ON UPDATE or "
                             "EVERY",
                             "EMIT", words, ARRAY_COUNT(words));
}

/* LATE DATA TO name */
static status
parse_late(parser *p, ast_emission *e) {
    TRY(parser_expect(p, KEYWORD_DATA, "LATE"));
    TRY(parser_expect(p, KEYWORD_TO, "LATE DATA"));
    return parser_name(p, &e->late_to, "the name of a source", "LATE DATA TO");
}

status
parse_emit(parser *p, ast_statement *s) {
    ast_emission *e = &s->emit;
    if (parser_at(p, KEYWORD_EMIT)) {
        e->position = p->token.start;
        parser_advance(p);
        TRY(parse_emit_kind(p, e));
    }
    if (parser_accept(p, KEYWORD_ALLOW)) {
        TRY(parser_expect(p, KEYWORD_LATENESS, "ALLOW"));
        TRY(parse_expr(p, LEVEL_ANY, &e->lateness));
    }
    return parser_accept(p, KEYWORD_LATE) ? parse_late(p, e) : OK;
}
