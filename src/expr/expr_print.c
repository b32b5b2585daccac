/* SPDX-License-Identifier: Apache-2.0 */
/* expr_print.c - expressions as SQL-like text for EXPLAIN. What is nested in an operator stands in
 * parentheses. Running out of memory shows in the buf alone. */
#include "batch/routine.h"

#include "expr/call.h"

static void print(const expr *e, const schema *names, buf *out, bool nested);

void
expr_print_value(const value *v, buf *out) {
    if (v->is_null) {
        buf_append_text(out, TEXT("NULL"));
        return;
    }
    switch (v->type.id) {
    case TYPE_TEXT:
        buf_append_quoted(out, v->s, '\'');
        break;
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_MS:
    case TYPE_INTERVAL:
        buf_printf(out, "%s '", type_name(v->type));
        (void)value_format(v, out);
        buf_append_char(out, '\'');
        break;
    default:
        (void)value_format(v, out);
        break;
    }
}

static void
print_list(expr *const *args, int32_t count, const schema *names, buf *out, const char *between,
           bool nested) {
    for (int32_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_text(out, text_of(between));
        }
        print(args[i], names, out, nested);
    }
}

static bool
is_operator(const char *name) {
    const char c = name[0];
    return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) || strcmp(name, "like") == 0 ||
           strcmp(name, "ilike") == 0;
}

static void
print_call(const expr *e, const schema *names, buf *out, bool nested) {
    const char *name = e->function->name;
    if (e->routine != NULL) {
        buf_printf(out, "%.*s(", TEXT_ARG(e->routine->name));
        print_list(e->args, e->arg_count, names, out, ", ", false);
        buf_append_char(out, ')');
    } else if (strcmp(name, "neg") == 0) {
        buf_append_char(out, '-');
        print(e->args[0], names, out, true);
    } else if (is_operator(name) && e->arg_count >= 2) {
        buf_append_text(out, nested ? TEXT("(") : TEXT(""));
        print(e->args[0], names, out, true);
        buf_append_char(out, ' ');
        for (const char *p = name; *p != '\0'; p++) {
            buf_append_char(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
        }
        buf_append_char(out, ' ');
        print(e->args[1], names, out, true);
        if (e->arg_count == 3) {
            buf_append_text(out, TEXT(" ESCAPE "));
            print(e->args[2], names, out, true);
        }
        buf_append_text(out, nested ? TEXT(")") : TEXT(""));
    } else {
        buf_printf(out, "%s(", name);
        print_list(e->args, e->arg_count, names, out, ", ", false);
        buf_append_char(out, ')');
    }
}

static void
print_case(const expr *e, const schema *names, buf *out) {
    buf_append_text(out, TEXT("CASE"));
    for (int32_t i = 0; i + 1 < e->arg_count; i += 2) {
        buf_append_text(out, TEXT(" WHEN "));
        print(e->args[i], names, out, false);
        buf_append_text(out, TEXT(" THEN "));
        print(e->args[i + 1], names, out, false);
    }
    const expr *last = e->args[e->arg_count - 1];
    if (last->kind != EXPR_CONSTANT || !last->constant.is_null) {
        buf_append_text(out, TEXT(" ELSE "));
        print(last, names, out, false);
    }
    buf_append_text(out, TEXT(" END"));
}

static void
print_column(const expr *e, const schema *names, buf *out) {
    if (names != NULL && e->column >= 0 && e->column < names->count) {
        buf_append_text(out, names->fields[e->column].name);
    } else {
        buf_printf(out, "$%d", e->column);
    }
}

/* list_filter(l, $0 -> ...): $0, $1 ... are the names and the captures; these stand behind. */
static void
print_lambda(const expr *e, const schema *names, buf *out) {
    static const char *const functions[] = {"list_transform", "list_filter", "list_reduce"};
    buf_printf(out, "%s(", functions[e->lambda->kind]);
    print(e->args[0], names, out, false);
    buf_append_text(out, TEXT(", lambda: "));
    print(e->lambda->body, NULL, out, false);
    for (int32_t i = 1; i < e->arg_count; i++) {
        buf_append_text(out, TEXT(", "));
        print(e->args[i], names, out, false);
    }
    buf_append_char(out, ')');
}

/* AND, OR, NOT, IS NULL, IN: forms that bind loosely. */
static void
print_loose(const expr *e, const schema *names, buf *out) {
    switch (e->kind) {
    case EXPR_AND:
        print_list(e->args, e->arg_count, names, out, " AND ", true);
        break;
    case EXPR_OR:
        print_list(e->args, e->arg_count, names, out, " OR ", true);
        break;
    case EXPR_NOT:
        buf_append_text(out, TEXT("NOT "));
        print(e->args[0], names, out, true);
        break;
    case EXPR_IS_NULL:
        print(e->args[0], names, out, true);
        buf_append_text(out, TEXT(" IS NULL"));
        break;
    default:
        print(e->args[0], names, out, true);
        buf_append_text(out, TEXT(" IN ("));
        print_list(e->args + 1, e->arg_count - 1, names, out, ", ", false);
        buf_append_char(out, ')');
        break;
    }
}

static void
print(const expr *e, const schema *names, buf *out, bool nested) {
    switch (e->kind) {
    case EXPR_COLUMN:
        print_column(e, names, out);
        break;
    case EXPR_OUTER:
        buf_printf(out, "outer $%d", e->column);
        break;
    case EXPR_CONSTANT:
        expr_print_value(&e->constant, out);
        break;
    case EXPR_CALL:
        print_call(e, names, out, nested);
        break;
    case EXPR_LAMBDA:
        print_lambda(e, names, out);
        break;
    case EXPR_CASE:
        print_case(e, names, out);
        break;
    case EXPR_COALESCE:
        buf_append_text(out, TEXT("coalesce("));
        print_list(e->args, e->arg_count, names, out, ", ", false);
        buf_append_char(out, ')');
        break;
    case EXPR_CAST:
    case EXPR_TRY_CAST:
        buf_append_text(out, e->kind == EXPR_CAST ? TEXT("CAST(") : TEXT("TRY_CAST("));
        print(e->args[0], names, out, false);
        buf_printf(out, " AS %s)", type_name(e->type));
        break;
    default:
        buf_append_text(out, nested ? TEXT("(") : TEXT(""));
        print_loose(e, names, out);
        buf_append_text(out, nested ? TEXT(")") : TEXT(""));
        break;
    }
}

void
expr_print(const expr *e, const schema *names, buf *out) {
    print(e, names, out, false);
}
