/* SPDX-License-Identifier: Apache-2.0 */
/* external.c - opens what binding misses: files that the text names, objects of the caller. No lock
 * is held: to open a file reads it, and an object's owner runs its own code. */
#include "db/system.h"

#include "io/csv_scan.h"
#include "io/json_scan.h"

/* A further entry; NULL: out of memory. */
static external *
add_external(statement_context *c, text key, error *err) {
    externals *x = &c->externals;
    if (x->count == x->capacity) {
        const int32_t capacity = x->capacity == 0 ? 4 : 2 * x->capacity;
        external     *grown = arena_alloc(&c->arena, sizeof(external) * (size_t)capacity);
        if (grown == NULL) {
            (void)error_memory(err);
            return NULL;
        }
        if (x->count > 0) {
            memcpy(grown, x->items, sizeof(external) * (size_t)x->count);
        }
        x->items = grown;
        x->capacity = capacity;
    }
    external *e = &x->items[x->count];
    *e = (external){.key = arena_text(&c->arena, key)};
    if (e->key.data == NULL) {
        (void)error_memory(err);
        return NULL;
    }
    return e; /* counted by the caller, once it is filled in */
}

status
externals_add(statement_context *c, const ast_expr *path, external **out, error *err) {
    buf key;
    buf_init(&key, c->db->mem, 1 << 20);
    sql_print_expr(path, &key);
    *out = key.failed ? NULL : add_external(c, buf_text(&key), err);
    const bool failed = key.failed;
    buf_fini(&key);
    return failed ? error_memory(err) : *out == NULL ? ERR_OUT_OF_MEMORY : OK;
}

status
externals_add_rows(statement_context *c, text name, relation *rows, error *err) {
    external *e = add_external(c, name, err);
    if (e == NULL) {
        relation_close(rows);
        return ERR_OUT_OF_MEMORY;
    }
    e->is_name = true;
    e->relation = rows;
    c->externals.count++;
    return OK;
}

void
externals_close(statement_context *c) {
    for (int32_t i = 0; i < c->externals.count; i++) {
        relation_close(c->externals.items[i].relation);
    }
    c->externals = (externals){.count = 0};
}

/* ---- objects */

static status
open_object(statement_context *c, const ast_from *from, external *e, error *err) {
    e->is_name = true;
    if (c->resolver == NULL || c->resolver->open == NULL) {
        return OK;
    }
    const laminar_external what = {.name = e->key.data, .name_size = e->key.size};
    const status           s = arrow_relation_open(&e->relation, &e->nearest, c->db->mem, &c->arena,
                                                   c->resolver, what, err);
    if (s < 0 && err != NULL) {
        err->position = from->name.position;
    }
    return s < 0 ? s : OK;
}

/* ---- files */

typedef struct file_call { /* read_csv('a', 'b', header => true), or 'a' */
    file_options options;
    file_list    files;
    text         format;
    text         path; /* the first */
    int32_t      path_position;
} file_call;

/* The format that a function's name says; data NULL: by the ending. */
static text
function_format(text name) {
    static const struct {
        const char *part, *format;
    } parts[] = {{"csv", "csv"},
                 {"json", "json"},
                 {"parquet", "parquet"},
                 {"arrow", "arrow"},
                 {"feather", "arrow"}};
    for (int32_t i = 0; i < ARRAY_COUNT(parts); i++) {
        const text part = text_of(parts[i].part);
        for (size_t k = 0; k + part.size <= name.size; k++) {
            if (text_equal_nocase((text){name.data + k, part.size}, part)) {
                return text_of(parts[i].format);
            }
        }
        if (name.size > 7 && text_equal_nocase((text){name.data, 7}, TEXT("read_nd"))) {
            return TEXT("json");
        }
    }
    return (text){NULL, 0};
}

static status
add_path(statement_context *c, file_call *f, text path, int32_t position, error *err) {
    const int32_t before = f->files.count;
    if (before == 0) {
        f->path = path;
        f->path_position = position;
    }
    const status s = files_match(&f->files, &c->arena, vfs_real(), path, err);
    if (s < 0 && err != NULL) {
        err->position = position;
    }
    return s;
}

static status
read_argument(statement_context *c, file_call *f, const ast_expr *call, int32_t i, error *err) {
    const ast_expr *e = call->args[i];
    const bool      named = call->arg_names != NULL && call->arg_names[i].text.data != NULL;
    value           v;
    TRY(plan_constant(&v, &c->arena, &c->env, e, "an argument of a table function", err));
    if (named) {
        return file_option_set(&f->options, &c->arena, &call->arg_names[i], &v, e->position, err);
    }
    if (v.is_null || v.type.id != TYPE_TEXT) {
        return error_set_at(err, ERR_QUERY_FAILED, e->position, "a path is a text: 'dir/file.csv'");
    }
    return add_path(c, f, v.s, e->position, err);
}

static status
read_call(statement_context *c, file_call *f, const ast_expr *call, error *err) {
    *f = (file_call){.path_position = call->position};
    csv_options_init(&f->options.csv);
    db_limits_of_files(c->db, &f->options.csv);
    if (call->kind == AST_STRING) {
        TRY(file_format(&f->format, &f->options, call->text, call->position, err));
        return add_path(c, f, call->text, call->position, err);
    }
    for (int32_t i = 0; i < call->arg_count; i++) {
        TRY(read_argument(c, f, call, i, err));
    }
    if (f->files.count == 0) {
        error_set_at(err, ERR_QUERY_FAILED, call->position, "%.*s needs the path of a file",
                     TEXT_ARG(call->name.text));
        return error_hint(err, "write %.*s('dir/file')", TEXT_ARG(call->name.text));
    }
    f->format = function_format(call->name.text);
    return OK;
}

static status
open_by_resolver(statement_context *c, const file_call *f, external *e, error *err) {
    if (c->resolver == NULL || c->resolver->open == NULL) {
        error_set(err, ERR_QUERY_FAILED, "files in the format %.*s are read by the Python package",
                  TEXT_ARG(f->format));
        return error_hint(err, "read CSV or JSON lines here");
    }
    if (f->files.count > 1) {
        error_set(err, ERR_QUERY_FAILED, "one file in the format %.*s is read at a time",
                  TEXT_ARG(f->format));
        return error_hint(err, "join several with UNION ALL");
    }
    const laminar_external what = {.is_file = true,
                                   .name = f->files.paths[0],
                                   .name_size = strlen(f->files.paths[0]),
                                   .format = f->format.data};
    return arrow_relation_open(&e->relation, &e->nearest, c->db->mem, &c->arena, c->resolver, what,
                               err);
}

static status
open_files(statement_context *c, const ast_from *from, external *e, error *err) {
    file_call f;
    TRY(db_check_external(c->db, from->position, err));
    TRY(read_call(c, &f, from->call, err));
    status s;
    if (text_equal(f.format, TEXT("csv"))) {
        s = csv_scan_open(&e->relation, c->db->mem, vfs_real(), &f.files, &f.options.csv, e->key,
                          err);
    } else if (text_equal(f.format, TEXT("json"))) {
        s = json_scan_open(&e->relation, c->db->mem, vfs_real(), &f.files, &f.options.csv, e->key,
                           err);
    } else {
        s = open_by_resolver(c, &f, e, err);
    }
    if (s < 0 && err != NULL && err->position < 0) {
        err->position = f.path_position;
    }
    return s;
}

bool
externals_open_missing(statement_context *c, status *s, error *err) {
    externals      *x = &c->externals;
    const ast_from *from = x->missing;
    if (*s >= 0 || from == NULL) {
        return false;
    }
    error     why = {.position = -1};
    external *e = add_external(c, x->missing_key, &why);
    *s = e == NULL      ? ERR_OUT_OF_MEMORY
         : from->system ? system_open(&e->relation, c, from->schema, &from->name, &why)
         : from->kind == AST_FROM_FUNCTION ? open_files(c, from, e, &why)
                                           : open_object(c, from, e, &why);
    if (*s < 0) {
        *s = *s == ERR_CONNECTOR_FAILED ? ERR_QUERY_FAILED : *s; /* a query's own trouble */
        why.status = *s;
        why.position = x->missing_in_view ? -1 : why.position;
        if (err != NULL) {
            *err = why;
        }
        x->missing = NULL;
        return false;
    }
    x->count++;
    return true;
}
