/* SPDX-License-Identifier: Apache-2.0 */
/* prepare.c - PREPARE, EXECUTE, DEALLOCATE: statements kept by name, as text.
 *
 * They belong to the open database and end with it. EXECUTE parses the text anew, because what it
 * is bound to may have changed; its arguments become the parameters' values. */
#include "db/parameters.h"
#include "db/statement.h"

struct prepared {
    struct prepared *next;
    text             name; /* behind the struct, then the text */
    bool             quoted;
    text             sql;
};

static size_t
prepared_size(const struct prepared *p) {
    return sizeof(*p) + p->name.size + p->sql.size;
}

static void
prepared_free(laminar_database *db, struct prepared *p) {
    mem_free(db->mem, p, prepared_size(p));
}

void
prepared_fini(laminar_database *db) {
    while (db->prepared != NULL) {
        struct prepared *p = db->prepared;
        db->prepared = p->next;
        prepared_free(db, p);
    }
}

/* Where the statement of the name hangs; the end of the list: there is none. */
static struct prepared **
find(laminar_database *db, const ast_name *name) {
    struct prepared **at = &db->prepared;
    while (*at != NULL &&
           !(name->quoted || (*at)->quoted ? text_equal((*at)->name, name->text)
                                           : text_equal_nocase((*at)->name, name->text))) {
        at = &(*at)->next;
    }
    return at;
}

static status
refuse_unknown(const laminar_database *db, const ast_name *name, error *err) {
    text    names[64];
    int32_t count = 0;
    for (const struct prepared *p = db->prepared; p != NULL && count < ARRAY_COUNT(names);
         p = p->next) {
        names[count++] = p->name;
    }
    const int32_t near = text_nearest(name->text, names, count);
    error_set_at(err, ERR_NOT_FOUND_IN_QUERY, name->position,
                 "prepared statement \"%.*s\" does not exist", TEXT_ARG(name->text));
    return near >= 0
               ? error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]))
               : error_hint(err, "make it first: PREPARE %.*s AS SELECT ...", TEXT_ARG(name->text));
}

/* In the place of one of the same name. */
static status
prepare(statement_context *c, const ast_statement *st, error *err) {
    laminar_database *db = c->db;
    const text        sql = statement_text(c, st->inner);
    const size_t      size = sizeof(struct prepared) + st->name.text.size + sql.size;
    struct prepared  *made = mem_alloc_zero(db->mem, size);
    if (made == NULL) {
        return error_memory(err);
    }
    char *name = (char *)(made + 1);
    memcpy(name, st->name.text.data, st->name.text.size);
    memcpy(name + st->name.text.size, sql.data, sql.size);
    made->name = (text){name, st->name.text.size};
    made->quoted = st->name.quoted;
    made->sql = (text){name + st->name.text.size, sql.size};
    const status s = db_enter(db, err);
    if (s < 0) {
        prepared_free(db, made);
        return s;
    }
    struct prepared **at = find(db, &st->name);
    struct prepared  *old = *at;
    made->next = old == NULL ? NULL : old->next;
    *at = made;
    db_leave(db);
    if (old != NULL) {
        prepared_free(db, old);
    }
    return OK;
}

static status
deallocate(laminar_database *db, const ast_statement *st, error *err) {
    status s = OK;
    TRY(db_enter(db, err));
    if (st->name.text.data == NULL) {
        prepared_fini(db);
    } else {
        struct prepared **at = find(db, &st->name);
        struct prepared  *gone = *at;
        if (gone == NULL) {
            s = refuse_unknown(db, &st->name, err);
        } else {
            *at = gone->next;
            prepared_free(db, gone);
        }
    }
    db_leave(db);
    return s;
}

/* ---- EXECUTE */
static status
read_arguments(statement_context *c, const ast_expr *call, parameters *out, error *err) {
    const int32_t count = call == NULL ? 0 : call->arg_count;
    value        *values = arena_alloc_zero(&c->arena, sizeof(*values) * (size_t)(count + 1));
    text         *names = arena_alloc_zero(&c->arena, sizeof(*names) * (size_t)(count + 1));
    int32_t       named = 0;
    if (values == NULL || names == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(plan_constant(&values[i], &c->arena, &c->env, call->args[i], "EXECUTE", err));
        if (call->arg_names != NULL && call->arg_names[i].text.data != NULL) {
            names[i] = call->arg_names[i].text;
            named++;
        }
    }
    if (named > 0 && named < count) {
        return error_set_at(err, ERR_QUERY_FAILED, call->position,
                            "name all arguments of EXECUTE or none");
    }
    *out = (parameters){.count = count, .values = values, .names = named > 0 ? names : NULL};
    return OK;
}

static status
parse_prepared(statement_context *c, const ast_statement *st, ast_script *script, text *sql,
               error *err) {
    status s = OK;
    TRY(db_enter(c->db, err));
    const struct prepared *p = *find(c->db, &st->name);
    if (p == NULL) {
        s = refuse_unknown(c->db, &st->name, err);
    } else {
        *sql = arena_text(&c->arena, p->sql);
        s = sql->data == NULL ? error_memory(err) : OK;
    }
    db_leave(c->db);
    return s < 0 ? s : db_parse(script, c->db, &c->arena, *sql, err);
}

/* Places of the prepared text mean nothing to who executes it. */
static status
execute_prepared(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    parameters p;
    ast_script script;
    text       sql;
    const text outer = c->sql;
    TRY(read_arguments(c, st->call, &p, err));
    TRY(parse_prepared(c, st, &script, &sql, err));
    status s = c->rows_only ? statement_check_rows(script.statements[0], err) : OK;
    s = s < 0 ? s : parameters_bind(&p, &script, c->db->mem, err);
    if (s == OK) {
        c->sql = sql;
        s = statement_run(c, script.statements[0], out, err);
        c->sql = outer;
    }
    if (s < 0 && err != NULL && err->position >= 0) {
        err->position = st->name.position;
    }
    return s;
}

status
prepare_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    switch (st->kind) {
    case AST_PREPARE:
        TRY(prepare(c, st, err));
        return answer_ddl(out, c->db->mem, "PREPARE", st->name.text, err);
    case AST_DEALLOCATE:
        TRY(deallocate(c->db, st, err));
        return answer_ddl(out, c->db->mem, "DEALLOCATE",
                          st->name.text.data == NULL ? TEXT("ALL") : st->name.text, err);
    default:
        return execute_prepared(c, st, out, err);
    }
}
