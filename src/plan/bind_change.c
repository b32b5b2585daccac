/* SPDX-License-Identifier: Apache-2.0 */
/* bind_change.c - UPDATE, DELETE and ON CONFLICT DO UPDATE.
 *
 * The rows that UPDATE and DELETE change are found by a query: its first column is the position of
 * a row of the target, the others are the values that columns get. */
#include "plan/bind.h"

/* ---- UPDATE, DELETE as a query */

static ast_expr *
new_column(arena *a, text qualifier, text name) {
    ast_expr *e = arena_alloc_zero(a, sizeof(*e));
    if (e != NULL) {
        e->kind = AST_COLUMN;
        e->position = -1;
        e->end = -1;
        e->height = 1;
        e->nesting = 1;
        e->qualifier = (ast_name){.text = qualifier, .quoted = true, .position = -1};
        e->name = (ast_name){.text = name, .quoted = true, .position = -1};
    }
    return e;
}

status
change_column(int32_t *out, binder *b, const object *target, const ast_name *name) {
    *out = schema_find(target->schema, name->text, name->quoted);
    if (*out >= 0) {
        return OK;
    }
    const int32_t count = target->schema->count;
    text         *names = arena_alloc(b->arena, (size_t)count * sizeof(*names));
    if (names == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        names[i] = target->schema->fields[i].name;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                 "column \"%.*s\" does not exist in \"%.*s\"", TEXT_ARG(name->text),
                 TEXT_ARG(target->name));
    hint_nearest(b, name->text, names, count, "columns");
    return ERR_QUERY_FAILED;
}

/* The items of the query, and which of them each column gets. */
static status
change_items(ast_select *q, int32_t *source, binder *b, const object *target, text known_as,
             const ast_statement *s) {
    const int32_t    count = target->schema->count;
    const ast_item **sets = arena_alloc_zero(b->arena, sizeof(*sets) * (size_t)(count + 1));
    q->items = arena_alloc_zero(b->arena, sizeof(ast_item) *
                                              ((size_t)count + (size_t)s->returning_count + 1));
    if (sets == NULL || q->items == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < s->set_count; i++) {
        int32_t at;
        TRY(change_column(&at, b, target, &s->sets[i].alias));
        sets[at] = &s->sets[i];
    }
    q->items[q->item_count++].expr = new_column(b->arena, known_as, PLAN_POSITION);
    for (int32_t c = 0; c < count && s->kind == AST_UPDATE; c++) {
        source[c] = -1; /* DEFAULT */
        if (sets[c] != NULL && sets[c]->expr == NULL) {
            continue;
        }
        source[c] = q->item_count;
        q->items[q->item_count++].expr =
            sets[c] != NULL ? sets[c]->expr
                            : new_column(b->arena, known_as, target->schema->fields[c].name);
    }
    for (int32_t i = 0; i < s->returning_count && s->kind == AST_DELETE; i++) {
        q->items[q->item_count++] = s->returning[i];
    }
    for (int32_t i = 0; i < q->item_count; i++) {
        if (q->items[i].expr == NULL) {
            return out_of_memory(b);
        }
    }
    return OK;
}

/* The table of a change in FROM, under the name that the statement gives it. */
ast_from *
change_target(arena *a, const object *target, const ast_statement *s) {
    ast_from *from = arena_alloc_zero(a, sizeof(*from));
    if (from != NULL) {
        *from =
            (ast_from){.kind = AST_FROM_TABLE,
                       .position = s->name.position,
                       .name = {.text = target->name, .quoted = true, .position = s->name.position},
                       .alias = s->alias};
    }
    return from;
}

status
plan_change_query(ast_select **out, int32_t *source, arena *a, const object *target,
                  const ast_statement *s, error *err) {
    binder      b = {.arena = a, .err = err};
    ast_select *q = arena_alloc_zero(a, sizeof(*q));
    ast_from   *from = change_target(a, target, s);
    if (q == NULL || from == NULL) {
        return error_memory(err);
    }
    from->with_position = true;
    from->of_change = s->kind == AST_DELETE && s->returning_count > 0;
    *q = (ast_select){.position = s->position,
                      .with_count = s->select->with_count,
                      .withs = s->select->withs,
                      .from = from,
                      .where = s->select->where};
    if (s->select->from != NULL) {
        ast_from *join = arena_alloc_zero(a, sizeof(*join));
        if (join == NULL) {
            return error_memory(err);
        }
        *join = (ast_from){.kind = AST_FROM_JOIN,
                           .position = s->name.position,
                           .join = AST_JOIN_CROSS,
                           .left = from,
                           .right = s->select->from};
        q->from = join;
    }
    *out = q;
    return change_items(q, source, &b, target,
                        s->alias.text.data != NULL ? s->alias.text : target->name, s);
}

status
plan_returning_query(ast_select **out, arena *a, const object *target, const ast_statement *s,
                     int64_t first_row, error *err) {
    ast_select *q = arena_alloc_zero(a, sizeof(*q));
    ast_from   *from = change_target(a, target, s);
    if (q == NULL || from == NULL) {
        return error_memory(err);
    }
    from->of_change = true;
    from->first_row = first_row;
    *q = (ast_select){.position = s->position,
                      .from = from,
                      .item_count = s->returning_count,
                      .items = s->returning};
    *out = q;
    return OK;
}

/* ---- ON CONFLICT */

static bool
is_key(const object *o, const object_key *key, const bool *wanted, int32_t wanted_count) {
    int32_t met = 0;
    for (int32_t i = 0; i < key->column_count; i++) {
        met += wanted[key->columns[i]];
    }
    (void)o;
    return met == key->column_count && met == wanted_count;
}

/* The key that the conflict names, or that an UPDATE without a name means. */
static status
find_key(int32_t *out, binder *b, const object *target, const ast_conflict *c) {
    *out = -1;
    if (target->key_def_count == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, c->position,
                     "\"%.*s\" has no key, so no row can be in conflict", TEXT_ARG(target->name));
        error_hint(b->err, "declare one: CREATE TABLE ... (id BIGINT PRIMARY KEY, ...)");
        return ERR_QUERY_FAILED;
    }
    bool *wanted = arena_alloc_zero(b->arena, (size_t)target->schema->count);
    if (wanted == NULL) {
        return out_of_memory(b);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < c->target_count; i++) {
        int32_t at;
        TRY(change_column(&at, b, target, &c->targets[i]));
        count += !wanted[at];
        wanted[at] = true;
    }
    for (int32_t k = 0; k < target->key_def_count; k++) {
        const object_key *key = &target->key_defs[k];
        const bool        meant = c->target_count > 0 ? is_key(target, key, wanted, count)
                                                      : key->primary || target->key_def_count == 1;
        if (meant) {
            *out = k;
            return OK;
        }
    }
    if (c->target_count == 0) {
        return OK;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, c->targets[0].position,
                 "no PRIMARY KEY or UNIQUE of \"%.*s\" has exactly these columns",
                 TEXT_ARG(target->name));
    error_hint(b->err, "name the columns of one key: ON CONFLICT (column, ...)");
    return ERR_QUERY_FAILED;
}

/* A copy from another text: its calls have values of their own, its places mean nothing here. */
static void
settle_copy(binder *b, expr *e) {
    e->position = -1;
    if (e->kind == EXPR_CALL && !expr_is_constant_call(e)) {
        e->column = ++b->volatile_count;
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        settle_copy(b, e->args[i]);
    }
}

/* SET column = DEFAULT */
static expr *
default_value(binder *b, const object *target, int32_t at) {
    const expr *given = target->defaults[at].value;
    if (given == NULL) {
        const value none = {.type = target->schema->fields[at].type, .is_null = true};
        return make_constant(b, &none, -1);
    }
    expr *copy = expr_copy(b->arena, given);
    if (copy != NULL) {
        settle_copy(b, copy);
    }
    return copy;
}

static status
bind_sets(plan_upsert *out, context *where, const object *target, const ast_conflict *c) {
    binder       *b = where->binder;
    const int32_t count = target->schema->count;
    out->values = arena_alloc_zero(b->arena, sizeof(expr *) * (size_t)(count + 1));
    if (out->values == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < count; i++) {
        out->values[i] = make_column(b, i, target->schema->fields[i].type, -1);
        if (out->values[i] == NULL) {
            return out_of_memory(b);
        }
    }
    for (int32_t i = 0; i < c->set_count; i++) {
        int32_t at;
        TRY(change_column(&at, b, target, &c->sets[i].alias));
        if (c->sets[i].expr == NULL) {
            out->values[at] = default_value(b, target, at);
            if (out->values[at] == NULL) {
                return out_of_memory(b);
            }
        } else if (!ast_has_subquery(c->sets[i].expr)) {
            TRY(bind_expr(&out->values[at], where, c->sets[i].expr));
        }
    }
    return c->where == NULL || ast_has_subquery(c->where)
               ? OK
               : bind_condition(&out->where, where, c->where);
}

status
plan_conflict(plan_upsert *out, arena *a, const plan_env *env, const object *target,
              const ast_conflict *c, text sql, error *err) {
    binder b = {.arena = a, .env = env, .sql = sql, .err = err};
    *out = (plan_upsert){.key = -1};
    TRY(find_key(&out->key, &b, target, c));
    if (c->action != AST_CONFLICT_UPDATE) {
        return OK;
    }
    if (out->key < 0) {
        error_set_at(b.err, ERR_QUERY_FAILED, c->position,
                     "\"%.*s\" has several keys: which one DO UPDATE is about must be said",
                     TEXT_ARG(target->name));
        error_hint(b.err, "name its columns: ON CONFLICT (column, ...) DO UPDATE ...");
        return ERR_QUERY_FAILED;
    }
    const plan_node rows = {.schema = *target->schema};
    scope           old, new, both;
    TRY(scope_of_node(&old, &b, &rows, target->name));
    TRY(scope_of_node(&new, &b, &rows, TEXT("excluded")));
    for (int32_t i = 0; i < new.count; i++) {
        new.columns[i].merged = true; /* found by its qualifier alone */
    }
    TRY(scope_join(&both, &b, &old, &new));
    context where = {.binder = &b, .scope = &both, .clause = "DO UPDATE"};
    return bind_sets(out, &where, target, c);
}
