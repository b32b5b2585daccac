/* SPDX-License-Identifier: Apache-2.0 */
/* parse_over.c - OVER and its windows, WINDOW, QUALIFY; DISTINCT ON and LATEST ON; what an ASOF
 * JOIN has beside ON.
 *
 * ROWS, RANGE, PARTITION and the like are names everywhere else: they are looked for only where a
 * window may say them. */
#include "sql/parse.h"

/* ---- frames */

static bool
at_frame(const parser *p) {
    return parser_at(p, KEYWORD_ROWS) || parser_at(p, KEYWORD_RANGE) ||
           parser_at(p, KEYWORD_GROUPS);
}

static status
parse_direction(parser *p, bool *following, const char *after) {
    static const keyword words[] = {KEYWORD_PRECEDING, KEYWORD_FOLLOWING};
    *following = parser_at(p, KEYWORD_FOLLOWING);
    if (!*following && !parser_at(p, KEYWORD_PRECEDING)) {
        return parser_error_word(p, "PRECEDING or FOLLOWING", after, words, ARRAY_COUNT(words));
    }
    parser_advance(p);
    return OK;
}

static status
parse_bound(parser *p, ast_bound *b) {
    bool following;
    b->position = p->token.start;
    if (parser_at(p, KEYWORD_UNBOUNDED) &&
        (parser_next_is(p, KEYWORD_PRECEDING) || parser_next_is(p, KEYWORD_FOLLOWING))) {
        parser_advance(p);
        TRY(parse_direction(p, &following, "UNBOUNDED"));
        b->kind = following ? AST_BOUND_UNBOUNDED_FOLLOWING : AST_BOUND_UNBOUNDED_PRECEDING;
        return OK;
    }
    if (parser_at(p, KEYWORD_CURRENT) && parser_next_is(p, KEYWORD_ROW)) {
        parser_advance(p);
        parser_advance(p);
        b->kind = AST_BOUND_CURRENT;
        return OK;
    }
    /* Above AND, which stands between the bounds. */
    TRY(parse_expr(p, LEVEL_CONCAT, &b->offset));
    TRY(parse_direction(p, &following, "the offset of a frame"));
    b->kind = following ? AST_BOUND_FOLLOWING : AST_BOUND_PRECEDING;
    return OK;
}

static status
check_bounds(parser *p, const ast_over *o) {
    const bool starts = o->start.kind != AST_BOUND_UNBOUNDED_FOLLOWING;
    if (!starts || o->end.kind == AST_BOUND_UNBOUNDED_PRECEDING || o->end.kind < o->start.kind) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR,
                           starts ? o->end.position : o->start.position,
                           "the frame ends before it starts");
        return error_hint(p->err, "the order is UNBOUNDED PRECEDING, n PRECEDING, CURRENT ROW, "
                                  "n FOLLOWING, UNBOUNDED FOLLOWING");
    }
    return OK;
}

static status
parse_exclude(parser *p, ast_over *o) {
    static const keyword words[] = {KEYWORD_CURRENT, KEYWORD_GROUP, KEYWORD_TIES, KEYWORD_NO};
    if (!parser_accept(p, KEYWORD_EXCLUDE)) {
        return OK;
    }
    if (parser_accept(p, KEYWORD_CURRENT)) {
        o->exclude = AST_EXCLUDE_CURRENT;
        return parser_expect(p, KEYWORD_ROW, "EXCLUDE CURRENT");
    }
    if (parser_accept(p, KEYWORD_GROUP)) {
        o->exclude = AST_EXCLUDE_GROUP;
        return OK;
    }
    if (parser_accept(p, KEYWORD_TIES)) {
        o->exclude = AST_EXCLUDE_TIES;
        return OK;
    }
    if (parser_accept(p, KEYWORD_NO)) {
        return parser_expect(p, KEYWORD_OTHERS, "EXCLUDE NO");
    }
    return parser_error_word(p, "CURRENT ROW, GROUP, TIES or NO OTHERS", "EXCLUDE", words,
                             ARRAY_COUNT(words));
}

static status
parse_frame(parser *p, ast_over *o) {
    o->unit = parser_at(p, KEYWORD_ROWS)    ? AST_FRAME_ROWS
              : parser_at(p, KEYWORD_RANGE) ? AST_FRAME_RANGE
                                            : AST_FRAME_GROUPS;
    parser_advance(p);
    if (parser_accept(p, KEYWORD_BETWEEN)) {
        TRY(parse_bound(p, &o->start));
        TRY(parser_expect(p, KEYWORD_AND, "the start of a frame"));
        TRY(parse_bound(p, &o->end));
    } else {
        TRY(parse_bound(p, &o->start));
        o->end = (ast_bound){.kind = AST_BOUND_CURRENT, .position = o->start.position};
    }
    TRY(check_bounds(p, o));
    return parse_exclude(p, o);
}

/* ---- windows */

static ast_over *
new_over(parser *p) {
    ast_over *o = arena_alloc_zero(p->arena, sizeof(*o));
    if (o == NULL) {
        (void)error_memory(p->err);
        return NULL;
    }
    o->position = p->token.start;
    return o;
}

/* ( [base] [PARTITION BY ...] [ORDER BY ...] [frame] ) */
static status
parse_window_body(parser *p, ast_over *o, const char *after) {
    const size_t mark = p->stack.size;
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, after));
    TRY(parser_enter(p));
    if (parser_at_name(p) && !parser_at(p, KEYWORD_PARTITION) && !at_frame(p)) {
        TRY(parser_name_of(p, &o->base));
    }
    if (parser_accept(p, KEYWORD_PARTITION)) {
        TRY(parser_expect(p, KEYWORD_BY, "PARTITION"));
        TRY(parse_expr_list(p, MOST_COLUMNS(p), "columns in PARTITION BY"));
        TRY(parser_take(p, mark, sizeof(ast_expr *), &o->partitions, &o->partition_count));
    }
    if (parser_accept(p, KEYWORD_ORDER)) {
        TRY(parse_order_list(p, &o->orders, &o->order_count));
    }
    if (at_frame(p)) {
        TRY(parse_frame(p, o));
    }
    parser_leave(p);
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the window");
}

status
parse_nulls(parser *p, ast_expr *call) {
    const bool ignore = parser_at(p, KEYWORD_IGNORE);
    if ((ignore || parser_at(p, KEYWORD_RESPECT)) && parser_next_is(p, KEYWORD_NULLS)) {
        call->nulls = ignore ? AST_NULLS_IGNORE : AST_NULLS_RESPECT;
        parser_advance(p);
        parser_advance(p);
    }
    return OK;
}

status
parse_over(parser *p, ast_expr *call) {
    TRY(parse_nulls(p, call));
    TRY(parse_filter(p, call));
    TRY(parse_nulls(p, call));
    if (!parser_accept(p, KEYWORD_OVER)) {
        return OK;
    }
    call->over = new_over(p);
    if (call->over == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    if (parser_at_name(p)) {
        call->over->bare = true;
        return parser_name_of(p, &call->over->base);
    }
    return parse_window_body(p, call->over, "OVER");
}

/* WINDOW name AS (window) {, name AS (window)} */
static status
parse_window_list(parser *p, ast_select *s) {
    const size_t mark = p->stack.size;
    do {
        ast_window w = {.over = NULL};
        if (s->window_count > 0 && parser_list_ends(p)) {
            break;
        }
        TRY(parser_name(p, &w.name, "the name of a window", "WINDOW"));
        TRY(parser_expect(p, KEYWORD_AS, "the name of a window"));
        w.over = new_over(p);
        if (w.over == NULL) {
            return ERR_OUT_OF_MEMORY;
        }
        TRY(parse_window_body(p, w.over, "AS"));
        TRY(parser_push(p, &w, sizeof(w)));
        s->window_count++;
    } while (parser_accept_symbol(p, SYMBOL_COMMA));
    return parser_take(p, mark, sizeof(ast_window), &s->windows, &s->window_count);
}

/* WINDOW and QUALIFY in either order: the standard has no QUALIFY, and dialects differ. */
status
parse_windows(parser *p, ast_select *s) {
    for (;;) {
        if (s->windows == NULL && parser_accept(p, KEYWORD_WINDOW)) {
            TRY(parse_window_list(p, s));
        } else if (s->qualify == NULL && parser_accept(p, KEYWORD_QUALIFY)) {
            TRY(parse_expr(p, LEVEL_ANY, &s->qualify));
        } else {
            return OK;
        }
    }
}

/* ---- one row per key */

status
parse_distinct_on(parser *p, ast_select *s) {
    const size_t mark = p->stack.size;
    parser_advance(p);
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "DISTINCT ON"));
    TRY(parse_expr_list(p, MOST_COLUMNS(p), "columns in DISTINCT ON"));
    TRY(parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the columns of DISTINCT ON"));
    return parser_take(p, mark, sizeof(ast_expr *), &s->distinct_ons, &s->distinct_on_count);
}

status
parse_latest(parser *p, ast_select *s) {
    const size_t mark = p->stack.size;
    if (!parser_accept(p, KEYWORD_LATEST)) {
        return OK;
    }
    TRY(parser_expect(p, KEYWORD_ON, "LATEST"));
    TRY(parse_expr(p, LEVEL_ANY, &s->latest));
    TRY(parser_expect(p, KEYWORD_PARTITION, "the time of LATEST ON"));
    TRY(parser_expect(p, KEYWORD_BY, "PARTITION"));
    TRY(parse_expr_list(p, MOST_COLUMNS(p), "columns in PARTITION BY"));
    return parser_take(p, mark, sizeof(ast_expr *), &s->latest_keys, &s->latest_key_count);
}

/* ---- SAMPLE BY 1m, as in QuestDB, or an INTERVAL */

static status
sample_unit(parser *p, text written, text *unit) {
    static const struct {
        char        letter;
        const char *unit;
    } units[] = {{'U', "MICROSECOND"}, {'T', "MILLISECOND"}, {'s', "SECOND"}, {'m', "MINUTE"},
                 {'h', "HOUR"},        {'d', "DAY"},         {'w', "WEEK"}};
    for (int32_t i = 0; written.size == 1 && i < ARRAY_COUNT(units); i++) {
        if (written.data[0] == units[i].letter) {
            *unit = text_of(units[i].unit);
            return OK;
        }
    }
    (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, p->token.start,
                       "the unit of SAMPLE BY is one of U, T, s, m, h, d and w, not \"%.*s\"",
                       TEXT_ARG(written));
    return error_hint(p->err, "months and years have no one length: GROUP BY date_trunc('month', "
                              "time)");
}

/* Digits and a unit, without a blank: no token of the grammar otherwise. */
static status
sample_size(parser *p, ast_expr **out) {
    const char  *sql = p->sql.data;
    const size_t start = (size_t)p->token.start;
    size_t       at = start, behind;
    while (at < p->sql.size && sql[at] >= '0' && sql[at] <= '9') {
        at++;
    }
    behind = at;
    while (behind < p->sql.size && (sql[behind] | 0x20) >= 'a' && (sql[behind] | 0x20) <= 'z') {
        behind++;
    }
    ast_expr *e = parser_new(p, AST_INTERVAL, (int32_t)start);
    if (e == NULL) {
        return ERR_OUT_OF_MEMORY;
    }
    e->text = (text){sql + start, at - start};
    TRY(sample_unit(p, (text){sql + at, behind - at}, &e->unit));
    p->end = (int32_t)behind;
    p->token = token_next(p->sql, p->end);
    p->next = token_next(p->sql, p->token.end);
    *out = e;
    return parser_finish(p, e);
}

status
parse_sample(parser *p, ast_select *s) {
    if (!parser_at(p, KEYWORD_SAMPLE) || !parser_next_is(p, KEYWORD_BY)) {
        return OK;
    }
    parser_advance(p);
    parser_advance(p);
    const size_t at = (size_t)p->token.start;
    const bool   digits = at < p->sql.size && p->sql.data[at] >= '0' && p->sql.data[at] <= '9';
    return digits ? sample_size(p, &s->sample) : parse_expr(p, LEVEL_ANY, &s->sample);
}

/* ---- ASOF */

status
parse_match_condition(parser *p, ast_from *f) {
    if (!f->asof || !parser_accept(p, KEYWORD_MATCH_CONDITION)) {
        return OK;
    }
    TRY(parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "MATCH_CONDITION"));
    TRY(parse_expr(p, LEVEL_ANY, &f->match));
    return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the condition of MATCH_CONDITION");
}

status
parse_tolerance(parser *p, ast_from *f) {
    if (!f->asof || !parser_accept(p, KEYWORD_TOLERANCE)) {
        return OK;
    }
    return parse_expr(p, LEVEL_CONCAT, &f->tolerance);
}
