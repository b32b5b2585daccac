/* SPDX-License-Identifier: Apache-2.0 */
/* parse_sample.c - samples: `relation TABLESAMPLE 10%` and `... USING SAMPLE 100 ROWS` of what FROM
 * gives.
 *
 * A share is a condition, random() * 100 < 10, which each row meets by itself, also in a stream. A
 * number of rows is ORDER BY random() LIMIT n. */
#include "sql/parse.h"

typedef struct sample {
    ast_expr *amount;
    bool      rows;
} sample;

static ast_expr *
new_random(parser *p) {
    ast_expr *e = parser_new(p, AST_CALL, p->token.start);
    if (e == NULL) {
        return NULL;
    }
    e->name = (ast_name){.text = TEXT("random"), .position = e->position};
    return parser_finish(p, e) < 0 ? NULL : e;
}

static status
make_binary(parser *p, const char *op, ast_expr *left, ast_expr *right, ast_expr **out) {
    ast_expr *e = parser_new(p, AST_BINARY, p->token.start);
    TRY(e == NULL || left == NULL || right == NULL ? ERR_OUT_OF_MEMORY : OK);
    TRY(parser_arguments(p, e, 2));
    e->op = text_of(op);
    e->args[0] = left;
    e->args[1] = right;
    *out = e;
    return parser_finish(p, e);
}

/* random() * 100 < amount */
static status
make_condition(parser *p, const sample *s, ast_expr **out) {
    ast_expr *hundred = parser_new(p, AST_INTEGER, p->token.start);
    ast_expr *drawn;
    TRY(hundred == NULL ? ERR_OUT_OF_MEMORY : OK);
    hundred->text = TEXT("100");
    TRY(parser_finish(p, hundred));
    TRY(make_binary(p, "*", new_random(p), hundred, &drawn));
    return make_binary(p, "<", drawn, s->amount, out);
}

static bool
accept_method(parser *p, bool *shares) {
    *shares = parser_at_word(p, "BERNOULLI") || parser_at_word(p, "SYSTEM");
    if (!*shares && !parser_at_word(p, "RESERVOIR")) {
        return false;
    }
    parser_advance(p);
    return true;
}

/* number [% | PERCENT | ROWS] */
static status
parse_amount(parser *p, sample *s, bool shares) {
    const int32_t start = p->token.start;
    TRY(parse_expr(p, LEVEL_PRIMARY, &s->amount));
    const bool percent =
        parser_accept_symbol(p, SYMBOL_PERCENT) || parser_accept_word(p, "PERCENT");
    const bool rows = !percent && (parser_accept(p, KEYWORD_ROWS) || parser_accept(p, KEYWORD_ROW));
    s->rows = rows || (!percent && !shares);
    if (rows && shares) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                           "BERNOULLI and SYSTEM draw a share of the rows");
        return error_hint(p->err, "a number of rows: RESERVOIR (100 ROWS)");
    }
    return OK;
}

/* [method] ( amount ) | amount [( method [, seed] )]; [REPEATABLE ( seed )] */
static status
parse_sample_size(parser *p, sample *s) {
    bool       shares = false;
    const bool method = accept_method(p, &shares);
    const bool list = method || parser_at_symbol(p, SYMBOL_LEFT_PAREN);
    TRY(list ? parser_expect_symbol(p, SYMBOL_LEFT_PAREN, "the method of a sample") : OK);
    TRY(parse_amount(p, s, shares));
    TRY(list ? parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the size of a sample") : OK);
    const int32_t seed = p->token.start;
    if (!list && parser_accept_symbol(p, SYMBOL_LEFT_PAREN)) {
        if (!accept_method(p, &shares)) {
            return parser_error(p, "BERNOULLI, SYSTEM or RESERVOIR", "the size of a sample");
        }
        if (!parser_at_symbol(p, SYMBOL_COMMA)) {
            return parser_expect_symbol(p, SYMBOL_RIGHT_PAREN, "the method of a sample");
        }
    } else if (!parser_at_word(p, "REPEATABLE")) {
        return OK;
    }
    (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, seed, "a sample has no seed of its own");
    return error_hint(p->err, "open the database with random_seed, and all samples repeat");
}

/* *relation becomes (SELECT * FROM relation ...) under the same name. */
static status
sample_relation(parser *p, ast_from **relation, const sample *s) {
    ast_from   *f = arena_alloc_zero(p->arena, sizeof(*f));
    ast_select *q = arena_alloc_zero(p->arena, sizeof(*q));
    ast_from   *from = *relation;
    TRY(f == NULL || q == NULL ? error_memory(p->err) : OK);
    *q = (ast_select){.position = from->position, .from = from};
    *f = (ast_from){.kind = AST_FROM_SUBQUERY, .position = from->position, .query = q};
    f->alias = from->alias;
    if (f->alias.text.data == NULL && from->kind == AST_FROM_TABLE) {
        f->alias = from->name;
    }
    TRY(parse_star_item(p, q));
    if (s->rows) {
        q->orders = arena_alloc_zero(p->arena, sizeof(*q->orders));
        TRY(q->orders == NULL ? error_memory(p->err) : OK);
        q->order_count = 1;
        q->orders->expr = new_random(p);
        TRY(q->orders->expr == NULL ? ERR_OUT_OF_MEMORY : OK);
        q->limit = s->amount;
    } else {
        TRY(make_condition(p, s, &q->where));
    }
    p->from_height++;
    *relation = f;
    return parse_check_height(p, f->position);
}

status
parse_table_sample(parser *p, ast_from **relation) {
    sample s = {.amount = NULL};
    parser_advance(p);
    TRY(parse_sample_size(p, &s));
    return sample_relation(p, relation, &s);
}

bool
parser_at_using_sample(const parser *p) {
    return parser_at(p, KEYWORD_USING) && parser_next_is(p, KEYWORD_SAMPLE);
}

status
parse_using_sample(parser *p, ast_select *q) {
    const int32_t start = p->token.start;
    sample        s = {.amount = NULL};
    parser_advance(p);
    parser_advance(p);
    TRY(parse_sample_size(p, &s));
    if (q->from == NULL || (s.rows && q->from->kind == AST_FROM_JOIN)) {
        (void)error_set_at(p->err, ERR_SQL_PARSE_ERROR, start,
                           q->from == NULL ? "there is nothing to sample without FROM"
                                           : "a number of rows is drawn from one relation");
        return error_hint(p->err, "write FROM (query) USING SAMPLE ...");
    }
    if (s.rows) {
        return sample_relation(p, &q->from, &s);
    }
    ast_expr *condition;
    TRY(make_condition(p, &s, &condition));
    if (q->where != NULL) {
        TRY(make_binary(p, "AND", q->where, condition, &condition));
    }
    q->where = condition;
    return OK;
}
