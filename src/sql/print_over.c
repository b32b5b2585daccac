/* SPDX-License-Identifier: Apache-2.0 */
/* print_over.c - windows of window functions and the clauses that use them, as SQL text. */
#include "sql/parse.h"
#include "sql/parser.h"
#include "sql/print.h"

void
print_exprs(ast_expr *const *items, int32_t count, buf *out) {
    for (int32_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_text(out, TEXT(", "));
        }
        sql_print_expr(items[i], out);
    }
}

static void
print_bound(const ast_bound *b, buf *out) {
    static const char *const words[] = {
        [AST_BOUND_UNBOUNDED_PRECEDING] = "UNBOUNDED PRECEDING",
        [AST_BOUND_PRECEDING] = " PRECEDING",
        [AST_BOUND_CURRENT] = "CURRENT ROW",
        [AST_BOUND_FOLLOWING] = " FOLLOWING",
        [AST_BOUND_UNBOUNDED_FOLLOWING] = "UNBOUNDED FOLLOWING",
    };
    if (b->offset != NULL) {
        print_operand(b->offset, LEVEL_CONCAT, out);
    }
    buf_append_text(out, text_of(words[b->kind]));
}

static void
print_frame(const ast_over *o, buf *out) {
    static const char *const units[] = {
        [AST_FRAME_ROWS] = "ROWS", [AST_FRAME_RANGE] = "RANGE", [AST_FRAME_GROUPS] = "GROUPS"};
    static const char *const excludes[] = {[AST_EXCLUDE_NONE] = "",
                                           [AST_EXCLUDE_CURRENT] = " EXCLUDE CURRENT ROW",
                                           [AST_EXCLUDE_GROUP] = " EXCLUDE GROUP",
                                           [AST_EXCLUDE_TIES] = " EXCLUDE TIES"};
    buf_printf(out, "%s BETWEEN ", units[o->unit]);
    print_bound(&o->start, out);
    buf_append_text(out, TEXT(" AND "));
    print_bound(&o->end, out);
    buf_append_text(out, text_of(excludes[o->exclude]));
}

/* A blank, unless it is the first thing inside the parentheses. */
static void
separate(buf *out) {
    if (out->size > 0 && out->data[out->size - 1] != '(') {
        buf_append_char(out, ' ');
    }
}

static void
print_window(const ast_over *o, buf *out) {
    buf_append_char(out, '(');
    if (o->base.text.data != NULL) {
        print_name(&o->base, out);
    }
    if (o->partition_count > 0) {
        separate(out);
        buf_append_text(out, TEXT("PARTITION BY "));
        print_exprs(o->partitions, o->partition_count, out);
    }
    if (o->order_count > 0) {
        separate(out);
        print_orders(o->orders, o->order_count, out);
    }
    if (o->unit != AST_FRAME_DEFAULT) {
        separate(out);
        print_frame(o, out);
    }
    buf_append_char(out, ')');
}

void
print_over(const ast_expr *call, buf *out) {
    if (call->nulls != AST_NULLS_DEFAULT) {
        buf_append_text(out, call->nulls == AST_NULLS_IGNORE ? TEXT(" IGNORE NULLS")
                                                             : TEXT(" RESPECT NULLS"));
    }
    if (call->over == NULL) {
        return;
    }
    buf_append_text(out, TEXT(" OVER "));
    if (call->over->bare) {
        print_name(&call->over->base, out);
    } else {
        print_window(call->over, out);
    }
}

void
print_windows(const ast_select *s, buf *out) {
    for (int32_t i = 0; i < s->window_count; i++) {
        buf_append_text(out, i == 0 ? TEXT(" WINDOW ") : TEXT(", "));
        print_name(&s->windows[i].name, out);
        buf_append_text(out, TEXT(" AS "));
        print_window(s->windows[i].over, out);
    }
    if (s->qualify != NULL) {
        buf_append_text(out, TEXT(" QUALIFY "));
        sql_print_expr(s->qualify, out);
    }
}

void
print_distinct_on(const ast_select *s, buf *out) {
    if (s->distinct_on_count > 0) {
        buf_append_text(out, TEXT("ON ("));
        print_exprs(s->distinct_ons, s->distinct_on_count, out);
        buf_append_text(out, TEXT(") "));
    }
}

void
print_latest(const ast_select *s, buf *out) {
    if (s->latest != NULL) {
        buf_append_text(out, TEXT(" LATEST ON "));
        sql_print_expr(s->latest, out);
        buf_append_text(out, TEXT(" PARTITION BY "));
        print_exprs(s->latest_keys, s->latest_key_count, out);
    }
    if (s->sample != NULL) {
        buf_append_text(out, TEXT(" SAMPLE BY "));
        sql_print_expr(s->sample, out);
    }
}
