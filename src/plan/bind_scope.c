/* SPDX-License-Identifier: Apache-2.0 */
/* bind_scope.c - finding columns by name: unquoted without regard to case, quoted exactly. */
#include "plan/bind.h"

bool
name_matches(const ast_name *wanted, text name) {
    if (wanted->text.size != name.size) {
        return false;
    }
    return wanted->quoted ? text_equal(wanted->text, name) : text_equal_nocase(wanted->text, name);
}

static status
ambiguous(binder *b, const ast_name *name, const scope_column *x, const scope_column *y) {
    if (text_equal_nocase(x->table, y->table)) {
        error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                     "column \"%.*s\" is ambiguous: %s%.*s%s has it twice", TEXT_ARG(name->text),
                     x->table.size > 0 ? "\"" : "the subquery", TEXT_ARG(x->table),
                     x->table.size > 0 ? "\"" : "");
        return error_hint(b->err, "give the two columns different names there, with AS");
    }
    error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                 "column \"%.*s\" is ambiguous: it is in \"%.*s\" and in \"%.*s\"",
                 TEXT_ARG(name->text), TEXT_ARG(x->table), TEXT_ARG(y->table));
    return error_hint(b->err, "write %.*s.%.*s or %.*s.%.*s", TEXT_ARG(x->table), TEXT_ARG(x->name),
                      TEXT_ARG(y->table), TEXT_ARG(y->name));
}

status
scope_find(int32_t *out, binder *b, const scope *s, const ast_name *qualifier,
           const ast_name *name) {
    const bool qualified = qualifier->text.data != NULL;
    *out = -1;
    for (int32_t i = 0; i < s->count; i++) {
        const scope_column *c = &s->columns[i];
        if (!name_matches(name, c->name)) {
            continue;
        }
        if (qualified ? !name_matches(qualifier, c->table) : c->merged) {
            continue;
        }
        if (*out >= 0) {
            ambiguous(b, name, &s->columns[*out], c);
            return ERR_QUERY_FAILED;
        }
        *out = i;
    }
    return OK;
}

/* The different qualifiers of a scope, as candidates for a hint. */
static int32_t
list_tables(const scope *s, text *out) {
    int32_t count = 0;
    for (int32_t i = 0; i < s->count; i++) {
        const text table = s->columns[i].table;
        bool       known = table.size == 0;
        for (int32_t j = 0; j < count && !known; j++) {
            known = text_equal(out[j], table);
        }
        if (!known) {
            out[count++] = table;
        }
    }
    return count;
}

status
scope_unknown(binder *b, const context *c, const ast_expr *e) {
    const scope  *s = c->scope;
    const int32_t aliases = c->query != NULL ? c->alias_count : 0;
    text         *names = arena_alloc(b->arena, (size_t)(s->count + aliases) * sizeof(*names));
    if (names == NULL) {
        return out_of_memory(b);
    }
    const text name = e->name.text;
    const text table = e->qualifier.text;
    if (s->count == 0 && aliases == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "column \"%.*s\" is unknown: there are no columns %s%s", TEXT_ARG(name),
                     c->query != NULL ? "without a FROM clause" : "in ",
                     c->query != NULL ? "" : c->clause);
        error_hint(b->err, "text is written in single quotes: '%.*s'", TEXT_ARG(name));
        return ERR_QUERY_FAILED;
    }
    if (table.data != NULL) {
        int32_t count = list_tables(s, names);
        bool    known = false;
        for (int32_t i = 0; i < count; i++) {
            known = known || name_matches(&e->qualifier, names[i]);
        }
        if (!known) {
            error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                         "table or alias \"%.*s\" is not in FROM", TEXT_ARG(table));
            hint_nearest(b, table, names, count, "FROM has");
            return ERR_QUERY_FAILED;
        }
        count = 0;
        for (int32_t i = 0; i < s->count; i++) {
            if (name_matches(&e->qualifier, s->columns[i].table)) {
                names[count++] = s->columns[i].name;
            }
        }
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "column \"%.*s\" does not exist in \"%.*s\"", TEXT_ARG(name), TEXT_ARG(table));
        hint_nearest(b, name, names, count, "columns");
        return ERR_QUERY_FAILED;
    }
    int32_t count = 0;
    for (int32_t i = 0; i < s->count; i++) {
        if (!s->columns[i].merged) {
            names[count++] = s->columns[i].name;
        }
    }
    for (int32_t i = 0; i < aliases; i++) {
        if (c->query->items[i].aliased) {
            names[count++] = c->query->items[i].name;
        }
    }
    error_set_at(b->err, ERR_QUERY_FAILED, e->position, "column \"%.*s\" does not exist",
                 TEXT_ARG(name));
    hint_nearest(b, name, names, count, "columns");
    return ERR_QUERY_FAILED;
}

static status
scope_room(scope *out, binder *b, int32_t columns, int32_t stars) {
    *out = (scope){.count = columns, .star_count = stars};
    out->columns = arena_alloc_zero(b->arena, (size_t)columns * sizeof(*out->columns));
    out->star = arena_alloc_zero(b->arena, (size_t)stars * sizeof(*out->star));
    return out->columns == NULL || out->star == NULL ? out_of_memory(b) : OK;
}

status
scope_of_node(scope *out, binder *b, const plan_node *node, text table) {
    const int32_t count = node->schema.count;
    TRY(scope_room(out, b, count, count));
    for (int32_t i = 0; i < count; i++) {
        out->columns[i] = (scope_column){.name = node->schema.fields[i].name,
                                         .table = table,
                                         .type = node->schema.fields[i].type};
        out->star[i] = i;
    }
    return OK;
}

status
scope_rename(scope *s, binder *b, const ast_name *names, int32_t count, const ast_name *of) {
    if (count > s->star_count) {
        error_set_at(b->err, ERR_QUERY_FAILED, names[s->star_count].position,
                     "\"%.*s\" has %d columns, and %d names are given", TEXT_ARG(of->text),
                     s->star_count, count);
        return ERR_QUERY_FAILED;
    }
    for (int32_t i = 0; i < count; i++) {
        s->columns[i].name = names[i].text;
    }
    return OK;
}

status
scope_join(scope *out, binder *b, const scope *lhs, const scope *rhs) {
    TRY(scope_room(out, b, lhs->count + rhs->count, lhs->star_count + rhs->star_count));
    if (lhs->count > 0) {
        memcpy(out->columns, lhs->columns, (size_t)lhs->count * sizeof(*lhs->columns));
    }
    if (rhs->count > 0) {
        memcpy(out->columns + lhs->count, rhs->columns, (size_t)rhs->count * sizeof(*rhs->columns));
    }
    for (int32_t i = 0; i < lhs->star_count; i++) {
        out->star[i] = lhs->star[i];
    }
    for (int32_t i = 0; i < rhs->star_count; i++) {
        out->star[lhs->star_count + i] = lhs->count + rhs->star[i];
    }
    return OK;
}
