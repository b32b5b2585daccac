/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - expressions as SQL text. Parentheses stand only where the binding strengths of parse.h
 * need them. */
#include "sql/print.h"

#include "sql/lexer.h"
#include "sql/parse.h"

bool
sql_is_reserved(text word) {
    return !word_is_plain(word) || keyword_class_of(keyword_find(word)) == KEYWORD_CLASS_RESERVED;
}

static void
print_word(const ast_name *name, bool bare, buf *out) {
    if (bare) {
        buf_append_text(out, name->text);
    } else {
        buf_append_quoted(out, name->text, '"');
    }
}

void
print_name(const ast_name *name, buf *out) {
    print_word(name, !name->quoted && !sql_is_reserved(name->text), out);
}

void
print_any_word(const ast_name *name, buf *out) {
    print_word(name, !name->quoted && word_is_plain(name->text), out);
}

static void
print_nested_type(const ast_type *type, buf *out) {
    if (text_equal(type->name.text, TEXT("[]"))) {
        print_type(&type->parts[0], out);
        buf_append_char(out, '[');
        if (type->argument_count > 0) {
            buf_printf(out, "%d", type->arguments[0]);
        }
        buf_append_char(out, ']');
        return;
    }
    buf_append_text(out, type->name.text);
    for (int32_t i = 0; i < type->part_count; i++) {
        buf_append_text(out, i == 0 ? TEXT("(") : TEXT(", "));
        if (type->part_names[i].text.data != NULL) {
            print_name(&type->part_names[i], out);
            buf_append_char(out, ' ');
        }
        print_type(&type->parts[i], out);
    }
    buf_append_char(out, ')');
}

void
print_type(const ast_type *type, buf *out) {
    const text zone = TEXT(" WITH TIME ZONE");
    text       head = type->name.text;
    text       tail = TEXT("");
    if (type->name.quoted) {
        buf_append_quoted(out, head, '"');
        head = TEXT("");
    } else if (head.size > zone.size &&
               memcmp(head.data + head.size - zone.size, zone.data, zone.size) == 0) {
        head.size -= zone.size;
        tail = zone;
    }
    if (type->part_count > 0) {
        print_nested_type(type, out);
        return;
    }
    buf_append_text(out, head);
    for (int32_t i = 0; i < type->argument_count; i++) {
        buf_printf(out, "%s%d", i == 0 ? "(" : ", ", type->arguments[i]);
    }
    if (type->argument_count > 0) {
        buf_append_char(out, ')');
    }
    buf_append_text(out, tail);
}

static int32_t
binary_level(text op) {
    if (op.size == 2 && op.data[0] == 'O') {
        return LEVEL_OR;
    }
    if (op.size == 2 && strchr(">@", op.data[1]) != NULL && strchr("->^", op.data[0]) != NULL &&
        op.data[1] != '=') {
        return LEVEL_CONCAT; /* -> >> ^@ */
    }
    if (text_equal(op, TEXT("->>")) || text_equal(op, TEXT("<<"))) {
        return LEVEL_CONCAT;
    }
    switch (op.data[0]) {
    case 'A':
        return LEVEL_AND;
    case '|':
    case '&':
    case '#':
    case '~':
    case '!':
        return LEVEL_CONCAT;
    case '^':
        return LEVEL_POWER;
    case '+':
    case '-':
        return LEVEL_SUM;
    case '*':
    case '/':
    case '%':
        return LEVEL_PRODUCT;
    default:
        return LEVEL_COMPARE;
    }
}

static bool
is_not(const ast_expr *e) {
    return e->op.data[0] == 'N';
}

bool
expr_is_complement(const ast_expr *e) {
    return e->kind == AST_UNARY && e->op.data[0] == '~';
}

int32_t
expr_level(const ast_expr *e) {
    switch (e->kind) {
    case AST_BINARY:
        return binary_level(e->op);
    case AST_UNARY:
        return is_not(e) ? LEVEL_NOT : expr_is_complement(e) ? LEVEL_CONCAT : LEVEL_SIGN;
    case AST_IS_NULL:
    case AST_IS_BOOL:
    case AST_IS_DISTINCT:
        return LEVEL_IS;
    case AST_BETWEEN:
    case AST_IN:
    case AST_IN_QUERY:
    case AST_LIKE:
        return LEVEL_MATCH;
    case AST_QUANTIFIED:
        return LEVEL_COMPARE;
    case AST_COLLATE:
        return LEVEL_COLLATE;
    default:
        return LEVEL_PRIMARY;
    }
}

void
print_operand(const ast_expr *e, int32_t level, buf *out) {
    const bool parentheses = expr_level(e) < level;
    if (parentheses) {
        buf_append_char(out, '(');
    }
    sql_print_expr(e, out);
    if (parentheses) {
        buf_append_char(out, ')');
    }
}

static void
print_binary(const ast_expr *e, buf *out) {
    const int32_t level = binary_level(e->op);
    const bool    logical = level <= LEVEL_AND; /* a balanced chain: no parentheses inside */
    print_operand(e->args[0], level == LEVEL_COMPARE ? level + 1 : level, out);
    buf_append_char(out, ' ');
    buf_append_text(out, e->op);
    buf_append_char(out, ' ');
    print_operand(e->args[1], logical ? level : level + 1, out);
}

static void
print_unary(const ast_expr *e, buf *out) {
    buf_append_text(out, e->op);
    if (is_not(e)) {
        buf_append_char(out, ' ');
        print_operand(e->args[0], LEVEL_NOT, out);
        return;
    }
    if (e->args[0]->kind == AST_UNARY) {
        buf_append_char(out, ' '); /* two minus signs would start a comment */
    }
    if (expr_is_complement(e) && expr_is_complement(e->args[0])) {
        sql_print_expr(e->args[0], out); /* parentheses would nest deeper than what was read */
        return;
    }
    print_operand(e->args[0], expr_is_complement(e) ? LEVEL_CONCAT + 1 : LEVEL_SIGN, out);
}

void
print_arguments(const ast_expr *call, buf *out) {
    for (int32_t i = 0; i < call->arg_count; i++) {
        if (i > 0) {
            buf_append_text(out, TEXT(", "));
        }
        if (call->arg_names != NULL && call->arg_names[i].text.data != NULL) {
            print_any_word(&call->arg_names[i], out);
            buf_append_text(out, TEXT(" => "));
        }
        sql_print_expr(call->args[i], out);
    }
}

static void
print_call(const ast_expr *e, buf *out) {
    print_any_word(&e->name, out);
    buf_append_text(out, e->distinct ? TEXT("(DISTINCT ") : TEXT("("));
    print_arguments(e, out);
    if (e->within_group) {
        buf_append_text(out, TEXT(") WITHIN GROUP ("));
    } else if (e->order_count > 0) {
        buf_append_char(out, ' ');
    }
    print_orders(e->orders, e->order_count, out);
    buf_append_char(out, ')');
    if (e->filter != NULL) {
        buf_append_text(out, TEXT(" FILTER (WHERE "));
        sql_print_expr(e->filter, out);
        buf_append_char(out, ')');
    }
    print_over(e, out);
}

static void
print_case(const ast_expr *e, buf *out) {
    buf_append_text(out, TEXT("CASE"));
    if (e->operand != NULL) {
        buf_append_char(out, ' ');
        sql_print_expr(e->operand, out);
    }
    for (int32_t i = 0; i + 1 < e->arg_count; i += 2) {
        buf_append_text(out, TEXT(" WHEN "));
        sql_print_expr(e->args[i], out);
        buf_append_text(out, TEXT(" THEN "));
        sql_print_expr(e->args[i + 1], out);
    }
    if (e->otherwise != NULL) {
        buf_append_text(out, TEXT(" ELSE "));
        sql_print_expr(e->otherwise, out);
    }
    buf_append_text(out, TEXT(" END"));
}

static void
print_cast(const ast_expr *e, buf *out) {
    buf_append_text(out, e->is_try ? TEXT("TRY_CAST(") : TEXT("CAST("));
    sql_print_expr(e->args[0], out);
    buf_append_text(out, TEXT(" AS "));
    print_type(&e->type, out);
    buf_append_char(out, ')');
}

static void
print_is(const ast_expr *e, buf *out) {
    print_operand(e->args[0], LEVEL_IS, out);
    buf_append_text(out, e->negated ? TEXT(" IS NOT ") : TEXT(" IS "));
    if (e->kind == AST_IS_DISTINCT) {
        buf_append_text(out, TEXT("DISTINCT FROM "));
        print_operand(e->args[1], LEVEL_IS + 1, out);
    } else {
        buf_append_text(out, e->kind == AST_IS_NULL ? TEXT("NULL") : e->op);
    }
}

static void
print_match(const ast_expr *e, buf *out) {
    print_operand(e->args[0], LEVEL_MATCH + 1, out);
    buf_append_text(out, e->negated ? TEXT(" NOT ") : TEXT(" "));
    if (e->kind == AST_IN) {
        buf_append_text(out, TEXT("IN ("));
        print_exprs(e->args + 1, e->arg_count - 1, out);
        if (e->arg_count == 2 && e->args[1]->kind == AST_SUBQUERY) {
            buf_append_char(out, ','); /* a list of one value, not the query's rows */
        }
        buf_append_char(out, ')');
        return;
    }
    const bool between = e->kind == AST_BETWEEN;
    buf_append_text(out, e->op);
    buf_append_char(out, ' ');
    print_operand(e->args[1], LEVEL_MATCH + 1, out);
    if (e->arg_count > 2) {
        buf_append_text(out, between ? TEXT(" AND ") : TEXT(" ESCAPE "));
        print_operand(e->args[2], LEVEL_MATCH + 1, out);
    }
}

static void
print_query_in(const ast_expr *e, const char *lead, buf *out) {
    buf_append_text(out, text_of(lead));
    buf_append_char(out, '(');
    sql_print_select(e->query, out);
    buf_append_char(out, ')');
}

static void
print_subquery(const ast_expr *e, buf *out) {
    switch (e->kind) {
    case AST_EXISTS:
        print_query_in(e, "EXISTS ", out);
        return;
    case AST_IN_QUERY:
        print_operand(e->args[0], LEVEL_MATCH + 1, out);
        print_query_in(e, e->negated ? " NOT IN " : " IN ", out);
        return;
    case AST_QUANTIFIED:
        print_operand(e->args[0], LEVEL_COMPARE + 1, out);
        buf_append_char(out, ' ');
        buf_append_text(out, e->op);
        print_query_in(e, e->all ? " ALL " : " ANY ", out);
        return;
    default:
        print_query_in(e, "", out);
        return;
    }
}

static void
print_interval(const ast_expr *e, buf *out) {
    buf_append_text(out, TEXT("INTERVAL "));
    buf_append_quoted(out, e->text, '\'');
    if (e->unit.size > 0) {
        buf_append_char(out, ' ');
        buf_append_text(out, e->unit);
    }
}

static void
print_parts(const char *word, const ast_rename *parts, int32_t count, buf *out) {
    for (int32_t i = 0; i < count; i++) {
        buf_append_text(out, i == 0 ? text_of(word) : TEXT(", "));
        if (parts[i].qualifier.text.data != NULL) {
            print_name(&parts[i].qualifier, out);
            buf_append_char(out, '.');
            print_any_word(&parts[i].name, out);
        } else {
            print_name(&parts[i].name, out);
        }
        if (parts[i].to.text.data != NULL) {
            buf_append_text(out, TEXT(" AS "));
            print_name(&parts[i].to, out);
        }
    }
    buf_append_text(out, count > 0 ? TEXT(")") : TEXT(""));
}

static void
print_excluded(const ast_star *s, buf *out) {
    if (s->without_count == 0) {
        print_parts(" EXCLUDE (", s->excludes, s->exclude_count, out);
        return;
    }
    buf_append_text(out, TEXT(" EXCLUDE ("));
    print_exprs(s->withouts, s->without_count, out);
    print_parts(", ", s->excludes, s->exclude_count, out);
    buf_append_text(out, s->exclude_count > 0 ? TEXT("") : TEXT(")"));
}

/* * and what is behind it. */
static void
print_star(const ast_expr *e, buf *out) {
    const ast_star *s = e->star;
    buf_append_char(out, '*');
    if (s != NULL && s->op.size > 0) {
        buf_append_text(out, s->negated ? TEXT(" NOT ") : TEXT(" "));
        buf_append_text(out, s->op);
        buf_append_char(out, ' ');
        buf_append_quoted(out, s->pattern, '\'');
    }
    if (s != NULL) {
        print_excluded(s, out);
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        buf_append_text(out, i == 0 ? TEXT(" REPLACE (") : TEXT(", "));
        sql_print_expr(e->args[i], out);
        buf_append_text(out, TEXT(" AS "));
        print_name(&e->arg_names[i], out);
    }
    buf_append_text(out, e->arg_count > 0 ? TEXT(")") : TEXT(""));
    if (s != NULL) {
        print_parts(" RENAME (", s->renames, s->rename_count, out);
    }
}

static void
print_columns(const ast_expr *e, buf *out) {
    buf_append_text(out, e->all ? TEXT("*COLUMNS(") : TEXT("COLUMNS("));
    if (e->operand != NULL) {
        sql_print_expr(e->operand, out);
    } else if (e->text.data != NULL) {
        buf_append_quoted(out, e->text, '\'');
    } else {
        if (e->qualifier.text.data != NULL) {
            print_name(&e->qualifier, out);
            buf_append_char(out, '.');
        }
        print_star(e, out);
    }
    buf_append_char(out, ')');
}

static void
print_column(const ast_expr *e, buf *out) {
    const bool qualified = e->qualifier.text.data != NULL;
    if (qualified) {
        print_name(&e->qualifier, out);
        buf_append_char(out, '.');
    }
    if (e->kind == AST_STAR) {
        print_star(e, out);
    } else if (qualified) {
        print_any_word(&e->name, out);
    } else {
        print_name(&e->name, out);
    }
}

static void
print_parameter(const ast_expr *e, buf *out) {
    if (e->text.size == 0) {
        buf_printf(out, "?%d", e->number);
    } else {
        buf_append_char(out, '$');
        buf_append_text(out, e->text);
    }
}

static void
print_leaf(const ast_expr *e, buf *out) {
    switch (e->kind) {
    case AST_NULL:
        buf_append_text(out, TEXT("NULL"));
        return;
    case AST_DEFAULT:
        buf_append_text(out, TEXT("DEFAULT"));
        return;
    case AST_TRUE:
        buf_append_text(out, TEXT("TRUE"));
        return;
    case AST_FALSE:
        buf_append_text(out, TEXT("FALSE"));
        return;
    case AST_STRING:
        buf_append_quoted(out, e->text, '\'');
        return;
    case AST_INTERVAL:
        print_interval(e, out);
        return;
    case AST_TYPED:
        print_type(&e->type, out);
        buf_append_char(out, ' ');
        buf_append_quoted(out, e->text, '\'');
        return;
    case AST_COLUMN:
    case AST_STAR:
        print_column(e, out);
        return;
    case AST_COLUMNS:
        print_columns(e, out);
        return;
    case AST_POSITION:
        buf_printf(out, "#%d", e->number);
        return;
    case AST_PARAMETER:
        print_parameter(e, out);
        return;
    default: /* numbers */
        buf_append_text(out, e->text);
        return;
    }
}

void
sql_print_expr(const ast_expr *e, buf *out) {
    switch (e->kind) {
    case AST_UNARY:
        print_unary(e, out);
        return;
    case AST_BINARY:
        print_binary(e, out);
        return;
    case AST_CALL:
        print_call(e, out);
        return;
    case AST_CASE:
        print_case(e, out);
        return;
    case AST_CAST:
        print_cast(e, out);
        return;
    case AST_IS_NULL:
    case AST_IS_BOOL:
    case AST_IS_DISTINCT:
        print_is(e, out);
        return;
    case AST_BETWEEN:
    case AST_IN:
    case AST_LIKE:
        print_match(e, out);
        return;
    case AST_COLLATE:
        print_operand(e->args[0], LEVEL_COLLATE, out);
        buf_printf(out, " COLLATE %.*s", TEXT_ARG(e->op));
        return;
    case AST_ROW:
        buf_append_char(out, '(');
        print_exprs(e->args, e->arg_count, out);
        buf_append_char(out, ')');
        return;
    case AST_LIST:
        buf_append_char(out, '[');
        print_exprs(e->args, e->arg_count, out);
        buf_append_char(out, ']');
        return;
    case AST_LAMBDA:
        buf_append_char(out, '(');
        for (int32_t i = 0; i < e->number; i++) {
            buf_append_text(out, i > 0 ? TEXT(", ") : TEXT(""));
            print_name(&e->arg_names[i], out);
        }
        buf_append_text(out, TEXT(") -> "));
        sql_print_expr(e->args[0], out);
        return;
    case AST_SUBQUERY:
    case AST_EXISTS:
    case AST_IN_QUERY:
    case AST_QUANTIFIED:
        print_subquery(e, out);
        return;
    default:
        print_leaf(e, out);
        return;
    }
}
