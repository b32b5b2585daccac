/* SPDX-License-Identifier: Apache-2.0 */
/* copy.c - COPY between tables and files.
 *
 * FROM is INSERT ... SELECT over the file, read with the types of the table: all rows or none. TO
 * writes a new file beside the old one and renames it when it is whole; rows are written as they
 * come, so the answer is never held. */
#include <stdio.h>

#include "base/rng.h"
#include "db/statement.h"
#include "io/json_scan.h"
#include "io/text_write.h"

#define WRITE_BYTES (1 << 20)

static status
read_options(statement_context *c, const ast_statement *st, file_options *o, text *format,
             error *err) {
    *o = (file_options){.format = {NULL, 0}};
    csv_options_init(&o->csv);
    db_limits_of_files(c->db, &o->csv);
    for (int32_t i = 0; i < st->option_count; i++) {
        const ast_option *option = &st->options[i];
        value             v;
        TRY(plan_constant(&v, &c->arena, &c->env, option->value, "an option of COPY", err));
        TRY(file_option_set(o, &c->arena, &option->name, &v, option->value->position, err));
    }
    return file_format(format, o, st->path->text, st->path->position, err);
}

/* ---------------------------------------------------------------------------------- FROM */

/* The columns of the object, as the file should have them. */
static status
target_fields(statement_context *c, const ast_statement *st, schema *out, error *err) {
    object *o;
    TRY(db_enter(c->db, err));
    status s = catalog_need(&o, c->db->catalog, st->name.text, st->name.quoted,
                            ERR_NOT_FOUND_IN_QUERY, "Table", st->name.position, err);
    if (s == OK) {
        const schema *copy = schema_copy(o->schema, &c->arena);
        s = copy == NULL ? error_memory(err) : OK;
        *out = copy == NULL ? *out : *copy;
    }
    db_leave(c->db);
    return s;
}

/* Those of the column list, in its order. */
static status
pick_fields(statement_context *c, const ast_statement *st, const schema *all, field **out,
            error *err) {
    *out = arena_alloc(&c->arena, sizeof(field) * (size_t)(st->target_count + 1));
    if (*out == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < st->target_count; i++) {
        const ast_name *name = &st->targets[i];
        const int32_t   at = schema_find(all, name->text, name->quoted);
        if (at < 0) {
            return error_set_at(err, ERR_QUERY_FAILED, name->position,
                                "\"%.*s\" has no column \"%.*s\"", TEXT_ARG(st->name.text),
                                TEXT_ARG(name->text));
        }
        (*out)[i] = all->fields[at];
    }
    return OK;
}

static status
open_text_file(statement_context *c, const ast_statement *st, file_options *o, text format,
               external *e, error *err) {
    schema    all = {.count = 0};
    file_list files = {.count = 0};
    TRY(target_fields(c, st, &all, err));
    const bool is_csv = text_equal(format, TEXT("csv"));
    if (st->target_count > 0 && is_csv) {
        field *picked;
        TRY(pick_fields(c, st, &all, &picked, err));
        o->csv.columns = picked;
        o->csv.column_count = st->target_count;
    } else if (o->csv.header == 0 && is_csv) {
        o->csv.columns = all.fields;
        o->csv.column_count = all.count;
    } else {
        o->csv.types = all.fields;
        o->csv.type_count = all.count;
        o->csv.types_may_miss = true;
    }
    TRY(files_match(&files, &c->arena, vfs_real(), st->path->text, err));
    return (is_csv ? csv_scan_open : json_scan_open)(&e->relation, c->db->mem, vfs_real(), &files,
                                                     &o->csv, e->key, err);
}

static status
star_from(statement_context *c, const ast_statement *st, ast_select **out, error *err) {
    arena      *a = &c->arena;
    ast_select *select = arena_alloc_zero(a, sizeof(*select));
    ast_from   *from = arena_alloc_zero(a, sizeof(*from));
    ast_item   *item = arena_alloc_zero(a, sizeof(*item));
    ast_expr   *star = arena_alloc_zero(a, sizeof(*star));
    if (select == NULL || from == NULL || item == NULL || star == NULL) {
        return error_memory(err);
    }
    star->kind = AST_STAR;
    item->expr = star;
    *from = (ast_from){.kind = AST_FROM_FUNCTION, .position = st->path->position, .call = st->path};
    *select = (ast_select){.item_count = 1, .items = item, .from = from};
    *out = select;
    return OK;
}

/* A file with names feeds the columns of those names, one without them all in their order. */
static status
name_targets(statement_context *c, ast_statement *insert, const relation *r, error *err) {
    const int32_t count = r->schema.count;
    insert->targets = arena_alloc_zero(&c->arena, sizeof(ast_name) * (size_t)(count + 1));
    if (insert->targets == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        insert->targets[i] =
            (ast_name){.text = r->schema.fields[i].name, .position = insert->name.position};
    }
    insert->target_count = count;
    return OK;
}

/* What is wrong with the file, and not with the statement, is a fault of the rows. */
static status
of_file(const ast_statement *st, status s, error *err) {
    if ((s != ERR_QUERY_FAILED && s != ERR_CONNECTOR_FAILED) || err == NULL || err->position >= 0) {
        return s;
    }
    err->position = st->path->position;
    return ERR_INGESTION_FAILED;
}

static status
copy_from(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    file_options o;
    text         format;
    TRY(read_options(c, st, &o, &format, err));
    ast_statement insert = {.kind = AST_INSERT,
                            .position = st->position,
                            .end = st->end,
                            .name = st->name,
                            .target_count = st->target_count,
                            .targets = st->targets};
    TRY(star_from(c, st, &insert.select, err));
    const bool by_resolver =
        text_equal(format, TEXT("parquet")) || text_equal(format, TEXT("arrow"));
    if (by_resolver) { /* by name: a query over the file tells its columns */
        plan p;
        TRY(statement_bind(c, &p, &c->arena, insert.select, false, NULL, err));
        db_leave(c->db);
    } else {
        external *e;
        TRY(externals_add(c, st->path, &e, err));
        const status s = open_text_file(c, st, &o, format, e, err);
        if (s < 0) {
            return of_file(st, s, err);
        }
        c->externals.count++;
    }
    const relation *r = c->externals.items[c->externals.count - 1].relation;
    if (st->target_count == 0 && !(o.csv.column_count > 0)) {
        TRY(name_targets(c, &insert, r, err));
    }
    const status s = statement_insert(c, &insert, out, err);
    return of_file(st, s, err);
}

/* ---------------------------------------------------------------------------------- TO */

/* SELECT names FROM the object. */
static status
select_columns(statement_context *c, const ast_statement *st, ast_select **out, error *err) {
    buf sql;
    buf_init(&sql, c->db->mem, 1 << 20);
    buf_append_text(&sql, TEXT("SELECT "));
    for (int32_t i = 0; i < st->target_count; i++) {
        buf_append_text(&sql, i > 0 ? TEXT(", ") : TEXT(""));
        buf_append_quoted(&sql, st->targets[i].text, '"');
    }
    buf_append_text(&sql, st->target_count == 0 ? TEXT("* FROM x") : TEXT(" FROM x"));
    const text made = sql.failed ? (text){NULL, 0} : arena_text(&c->arena, buf_text(&sql));
    buf_fini(&sql);
    ast_script script;
    if (made.data == NULL) {
        return error_memory(err);
    }
    TRY(sql_parse(&script, &c->arena, made, err));
    *out = script.statements[0]->select;
    (*out)->from->name = st->name;
    for (int32_t i = 0; i < st->target_count; i++) {
        (*out)->items[i].expr->position = st->targets[i].position;
        (*out)->items[i].expr->name.position = st->targets[i].position;
        (*out)->items[i].expr->name.quoted = st->targets[i].quoted;
    }
    return OK;
}

typedef struct sink_file {
    vfs_file           *file;
    const file_options *options;
    bool                is_csv, failed; /* failed: it, and not the query */
    int64_t             size, row_count;
    const schema       *schema;
    buf                 text, scratch;
} sink_file;

static status
flush(sink_file *f, size_t above, error *err) {
    if (f->text.failed || f->scratch.failed) {
        return error_memory(err);
    }
    if (f->text.size > above) {
        const status s = f->file->fs->write(f->file, f->size, f->text.data, f->text.size, err);
        f->failed = s < 0;
        TRY(s);
        f->size += (int64_t)f->text.size;
        buf_clear(&f->text);
    }
    return OK;
}

static status
begin_rows(void *context, const schema *s, error *err) {
    sink_file *f = context;
    (void)err;
    f->schema = s;
    if (f->is_csv && f->options->csv.header != 0) {
        csv_write_header(&f->text, s, &f->options->csv);
    }
    return OK;
}

static status
write_rows(void *context, const delta *rows, error *err) {
    sink_file *f = context;
    f->row_count += rows->row_count;
    for (int32_t i = 0; i < rows->row_count; i++) {
        if (f->is_csv) {
            csv_write_row(&f->text, &f->scratch, rows, i, &f->options->csv);
        } else {
            json_write_row(&f->text, &f->scratch, f->schema, rows, i);
        }
        TRY(flush(f, WRITE_BYTES, err));
    }
    return OK;
}

static status
end_rows(sink_file *f, error *err) {
    TRY(flush(f, 0, err));
    const status s = f->file->fs->sync(f->file, err);
    f->failed = s < 0;
    return s;
}

static status
write_text(statement_context *c, const ast_statement *st, const ast_select *select,
           const char *path, sink_file *f, error *err) {
    vfs            *fs = vfs_real();
    const row_taker to = {.context = f, .begin = begin_rows, .take = write_rows};
    f->failed = true;
    TRY(fs->open(fs, &f->file, path, VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, err));
    f->failed = false;
    c->env.shows_zone = true;
    buf_init(&f->text, c->db->mem, INT64_MAX);
    buf_init(&f->scratch, c->db->mem, INT64_MAX);
    status s = statement_query_into(c, statement_text(c, st), select, &to, err);
    c->env.shows_zone = false;
    s = s < 0 ? s : end_rows(f, err);
    buf_fini(&f->text);
    buf_fini(&f->scratch);
    const status closed = fs->close(f->file, s < 0 ? NULL : err);
    f->failed = f->failed || (s == OK && closed < 0);
    return s < 0 ? s : closed;
}

/* The file appears whole or not at all. */
static status
write_file(statement_context *c, const ast_statement *st, const ast_select *select, sink_file *f,
           text format, laminar_result **out, error *err) {
    const text path = st->path->text;
    char      *temporary = arena_alloc(&c->arena, path.size + 32);
    vfs       *fs = vfs_real();
    char      *end = arena_alloc(&c->arena, path.size + 1);
    if (temporary == NULL || end == NULL) {
        return error_memory(err);
    }
    memcpy(end, path.data, path.size);
    end[path.size] = '\0';
    (void)snprintf(temporary, path.size + 32, "%s.%016llx.tmp", end,
                   (unsigned long long)rng_seed_from_system());
    f->is_csv = text_equal(format, TEXT("csv"));
    status s =
        f->is_csv || text_equal(format, TEXT("json"))
            ? write_text(c, st, select, temporary, f, err)
            : copy_by_resolver(c, st, select, temporary, format, &f->row_count, &f->failed, err);
    s = s < 0 ? s : answer_count(out, c->db->mem, f->row_count, err);
    if (s == OK) {
        s = fs->rename(fs, temporary, end, err);
        f->failed = s < 0;
    }
    if (s < 0) {
        error ignored;
        laminar_result_free(*out);
        *out = NULL;
        (void)fs->remove(fs, temporary, &ignored);
        if (f->failed && err != NULL && err->position < 0) {
            err->position = st->path->position;
        }
    }
    return f->failed && s == ERR_CONNECTOR_FAILED ? ERR_QUERY_FAILED : s;
}

static status
copy_to(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    file_options      o;
    text              format;
    const ast_select *select = st->select;
    sink_file         f = {.options = &o};
    TRY(read_options(c, st, &o, &format, err));
    if (files_is_pattern(st->path->text) || memchr(st->path->text.data, 0, st->path->text.size)) {
        return error_set_at(err, ERR_QUERY_FAILED, st->path->position,
                            "COPY TO writes one file: its path has none of * ? [");
    }
    if (select == NULL) {
        ast_select *made = NULL;
        TRY(select_columns(c, st, &made, err));
        select = made;
    }
    return write_file(c, st, select, &f, format, out, err);
}

status
copy_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    TRY(db_check_external(c->db, st->path->position, err));
    return st->copy_to ? copy_to(c, st, out, err) : copy_from(c, st, out, err);
}
