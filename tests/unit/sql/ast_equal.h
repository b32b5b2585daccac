/* SPDX-License-Identifier: Apache-2.0 */
/* ast_equal.h - structural equality of trees: everything but positions. */
#ifndef LAMINAR_TESTS_UNIT_SQL_AST_EQUAL_H
#define LAMINAR_TESTS_UNIT_SQL_AST_EQUAL_H

#include "sql/ast.h"

static inline bool
same_text(text a, text b) {
    return (a.data == NULL) == (b.data == NULL) && text_equal(a, b);
}

static inline bool
same_name(ast_name a, ast_name b) {
    return same_text(a.text, b.text) && a.quoted == b.quoted;
}

static inline bool
same_type(const ast_type *a, const ast_type *b) {
    return same_name(a->name, b->name) && a->argument_count == b->argument_count &&
           a->arguments[0] == b->arguments[0] && a->arguments[1] == b->arguments[1];
}

static inline bool same_select(const ast_select *a, const ast_select *b);

/* What holds a query is measured as it was parsed: chains inside may have been higher before they
 * were balanced. */
static inline bool
holds_query(const ast_expr *e) {
    bool found = e->query != NULL || (e->operand != NULL && holds_query(e->operand)) ||
                 (e->otherwise != NULL && holds_query(e->otherwise)) ||
                 (e->filter != NULL && holds_query(e->filter));
    for (int32_t i = 0; !found && i < e->arg_count; i++) {
        found = holds_query(e->args[i]);
    }
    return found;
}

static inline bool
same_measures(const ast_expr *a, const ast_expr *b) {
    return (a->height == b->height && a->nesting == b->nesting) || holds_query(a);
}

static inline bool
same_renames(const ast_rename *a, const ast_rename *b, int32_t count) {
    bool same = true;
    for (int32_t i = 0; same && i < count; i++) {
        same = same_name(a[i].qualifier, b[i].qualifier) && same_name(a[i].name, b[i].name) &&
               same_name(a[i].to, b[i].to);
    }
    return same;
}

static inline bool same_expr(const ast_expr *a, const ast_expr *b);

static inline bool
same_exprs(ast_expr *const *a, ast_expr *const *b, int32_t count) {
    bool same = true;
    for (int32_t i = 0; same && i < count; i++) {
        same = same_expr(a[i], b[i]);
    }
    return same;
}

static inline bool
same_star(const ast_star *a, const ast_star *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return text_equal(a->op, b->op) && a->negated == b->negated &&
           text_equal(a->pattern, b->pattern) && a->exclude_count == b->exclude_count &&
           a->rename_count == b->rename_count && a->without_count == b->without_count &&
           same_exprs(a->withouts, b->withouts, a->without_count) &&
           same_renames(a->excludes, b->excludes, a->exclude_count) &&
           same_renames(a->renames, b->renames, a->rename_count);
}

static inline bool
same_expr(const ast_expr *a, const ast_expr *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    bool same =
        a->kind == b->kind && text_equal(a->text, b->text) && text_equal(a->unit, b->unit) &&
        text_equal(a->op, b->op) && same_name(a->qualifier, b->qualifier) &&
        same_name(a->name, b->name) && same_type(&a->type, &b->type) && a->number == b->number &&
        a->distinct == b->distinct && a->negated == b->negated && a->is_try == b->is_try &&
        a->all == b->all && same_star(a->star, b->star) && same_select(a->query, b->query) &&
        a->arg_count == b->arg_count && same_measures(a, b) && same_expr(a->operand, b->operand) &&
        same_expr(a->otherwise, b->otherwise) && same_expr(a->filter, b->filter);
    for (int32_t i = 0; same && i < a->arg_count; i++) {
        same = same_expr(a->args[i], b->args[i]) &&
               (a->arg_names == NULL) == (b->arg_names == NULL) &&
               (a->arg_names == NULL || same_name(a->arg_names[i], b->arg_names[i]));
    }
    return same;
}

static inline bool
same_from(const ast_from *a, const ast_from *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    bool same = a->kind == b->kind && same_name(a->name, b->name) &&
                same_name(a->alias, b->alias) && a->column_count == b->column_count &&
                same_select(a->query, b->query) && a->join == b->join && a->natural == b->natural &&
                a->lateral == b->lateral && a->system == b->system &&
                text_equal(a->schema, b->schema) && same_from(a->left, b->left) &&
                same_from(a->right, b->right) && same_expr(a->on, b->on) &&
                a->using_count == b->using_count && same_expr(a->window, b->window) &&
                same_expr(a->call, b->call) && same_expr(a->as_of, b->as_of) &&
                a->ordinality == b->ordinality && a->partition_count == b->partition_count;
    for (int32_t i = 0; same && i < a->partition_count; i++) {
        same = same_name(a->partition_names[i], b->partition_names[i]);
    }
    for (int32_t i = 0; same && i < a->using_count; i++) {
        same = same_name(a->using_names[i], b->using_names[i]);
    }
    for (int32_t i = 0; same && i < a->column_count; i++) {
        same = same_name(a->columns[i], b->columns[i]);
    }
    return same;
}

/* WITH, VALUES and UNION. */
static inline bool
same_around(const ast_select *a, const ast_select *b) {
    bool same = a->kind == b->kind && a->with_count == b->with_count &&
                a->row_count == b->row_count && a->row_width == b->row_width &&
                a->branch_count == b->branch_count;
    for (int32_t i = 0; same && i < a->with_count; i++) {
        const ast_with *x = &a->withs[i], *y = &b->withs[i];
        same = same_name(x->name, y->name) && x->recursive == y->recursive &&
               x->column_count == y->column_count && same_select(x->query, y->query);
        for (int32_t k = 0; same && k < x->column_count; k++) {
            same = same_name(x->columns[k], y->columns[k]);
        }
    }
    for (int32_t i = 0; same && i < a->row_count * a->row_width; i++) {
        same = same_expr(a->rows[i], b->rows[i]);
    }
    for (int32_t i = 0; same && i < a->branch_count; i++) {
        same = same_select(a->branches[i], b->branches[i]);
    }
    return same;
}

static inline bool
same_grouping(const ast_grouping *a, const ast_grouping *b) {
    bool same = a->kind == b->kind && a->count == b->count && a->group == b->group;
    for (int32_t i = 0; same && i < a->count; i++) {
        same = same_grouping(&a->items[i], &b->items[i]);
    }
    return same;
}

static inline bool
same_select(const ast_select *a, const ast_select *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    bool same = same_around(a, b) && a->distinct == b->distinct && a->item_count == b->item_count &&
                same_from(a->from, b->from) && same_expr(a->where, b->where) &&
                a->group_count == b->group_count && a->group_all == b->group_all &&
                a->grouping_count == b->grouping_count && a->group_distinct == b->group_distinct &&
                same_expr(a->having, b->having) && a->order_count == b->order_count &&
                same_expr(a->limit, b->limit) && same_expr(a->offset, b->offset) &&
                a->limit_percent == b->limit_percent;
    for (int32_t i = 0; same && i < a->item_count; i++) {
        same = same_expr(a->items[i].expr, b->items[i].expr) &&
               same_name(a->items[i].alias, b->items[i].alias);
    }
    for (int32_t i = 0; same && i < a->grouping_count; i++) {
        same = same_grouping(&a->groupings[i], &b->groupings[i]);
    }
    for (int32_t i = 0; same && i < a->group_count; i++) {
        same = same_expr(a->groups[i], b->groups[i]);
    }
    for (int32_t i = 0; same && i < a->order_count; i++) {
        same = same_expr(a->orders[i].expr, b->orders[i].expr) &&
               a->orders[i].descending == b->orders[i].descending &&
               a->orders[i].nulls == b->orders[i].nulls;
    }
    return same;
}

static inline bool
same_column_def(const ast_column_def *a, const ast_column_def *b) {
    return same_name(a->name, b->name) && same_type(&a->type, &b->type) &&
           a->not_null == b->not_null && same_expr(a->default_value, b->default_value);
}

static inline bool
same_items(const ast_item *a, int32_t a_count, const ast_item *b, int32_t b_count) {
    bool same = a_count == b_count;
    for (int32_t i = 0; same && i < a_count; i++) {
        same = same_expr(a[i].expr, b[i].expr) && same_name(a[i].alias, b[i].alias);
    }
    return same;
}

static inline bool
same_constraints(const ast_statement *a, const ast_statement *b) {
    bool same = a->key_count == b->key_count && a->check_count == b->check_count;
    for (int32_t i = 0; same && i < a->key_count; i++) {
        same = a->keys[i].primary == b->keys[i].primary &&
               a->keys[i].column_count == b->keys[i].column_count;
        for (int32_t k = 0; same && k < a->keys[i].column_count; k++) {
            same = same_name(a->keys[i].columns[k], b->keys[i].columns[k]);
        }
    }
    for (int32_t i = 0; same && i < a->check_count; i++) {
        same = same_name(a->checks[i].name, b->checks[i].name) &&
               same_expr(a->checks[i].expr, b->checks[i].expr);
    }
    return same;
}

static inline bool
same_change(const ast_statement *a, const ast_statement *b) {
    const ast_conflict *x = &a->conflict, *y = &b->conflict;
    bool                same = x->action == y->action && x->target_count == y->target_count &&
                same_expr(x->where, y->where) && same_name(a->alias, b->alias) &&
                same_items(x->sets, x->set_count, y->sets, y->set_count) &&
                same_items(a->sets, a->set_count, b->sets, b->set_count) &&
                same_items(a->returning, a->returning_count, b->returning, b->returning_count) &&
                a->alter == b->alter && same_name(a->column, b->column) &&
                same_name(a->new_name, b->new_name) && a->by_name == b->by_name &&
                a->if_column == b->if_column;
    for (int32_t i = 0; same && i < x->target_count; i++) {
        same = same_name(x->targets[i], y->targets[i]);
    }
    return same;
}

static inline bool
same_whens(const ast_statement *a, const ast_statement *b) {
    bool same = a->when_count == b->when_count;
    for (int32_t i = 0; same && i < a->when_count; i++) {
        const ast_when *x = &a->whens[i], *y = &b->whens[i];
        same = x->state == y->state && x->action == y->action && x->columns == y->columns &&
               same_expr(x->condition, y->condition) &&
               same_items(x->sets, x->set_count, y->sets, y->set_count) &&
               x->target_count == y->target_count && x->value_count == y->value_count;
        for (int32_t k = 0; same && k < x->target_count; k++) {
            same = same_name(x->targets[k], y->targets[k]);
        }
        for (int32_t k = 0; same && k < x->value_count; k++) {
            same = same_expr(x->values[k], y->values[k]);
        }
    }
    return same;
}

static inline bool
same_statement(const ast_statement *a, const ast_statement *b) {
    bool same =
        a->kind == b->kind && same_name(a->name, b->name) && a->or_replace == b->or_replace &&
        a->if_not_exists == b->if_not_exists && a->if_exists == b->if_exists &&
        a->cascade == b->cascade && a->object == b->object && a->action == b->action &&
        same_name(a->pipeline, b->pipeline) && a->column_count == b->column_count &&
        same_name(a->watermark_column, b->watermark_column) &&
        same_expr(a->watermark, b->watermark) && a->option_count == b->option_count &&
        same_select(a->select, b->select) && a->emit.kind == b->emit.kind &&
        same_expr(a->emit.every, b->emit.every) && same_expr(a->emit.lateness, b->emit.lateness) &&
        same_name(a->emit.late_to, b->emit.late_to) && a->target_count == b->target_count &&
        a->parameter_count == b->parameter_count && a->show == b->show &&
        a->temporary == b->temporary && a->copy_to == b->copy_to && same_expr(a->path, b->path) &&
        same_expr(a->value, b->value) && same_constraints(a, b) && same_change(a, b) &&
        same_whens(a, b) && same_expr(a->call, b->call) && a->variable == b->variable &&
        a->variable == b->variable && (a->inner == NULL) == (b->inner == NULL) &&
        (a->inner == NULL || same_statement(a->inner, b->inner));
    for (int32_t i = 0; same && i < a->column_count; i++) {
        same = same_column_def(&a->columns[i], &b->columns[i]);
    }
    for (int32_t i = 0; same && i < a->option_count; i++) {
        same = same_name(a->options[i].name, b->options[i].name) &&
               same_expr(a->options[i].value, b->options[i].value);
    }
    for (int32_t i = 0; same && i < a->target_count; i++) {
        same =
            same_name(a->targets[i], b->targets[i]) &&
            (a->target_types == NULL || same_type(&a->target_types[i], &b->target_types[i])) &&
            (a->target_defaults == NULL || same_expr(a->target_defaults[i], b->target_defaults[i]));
    }
    same = same && a->is_macro == b->is_macro && same_type(&a->returns, &b->returns) &&
           a->use_count == b->use_count;
    return same; /* parameters: in the order of the text, which FROM before SELECT changes */
}

#endif
