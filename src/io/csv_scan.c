/* SPDX-License-Identifier: Apache-2.0 */
/* csv_scan.c - see csv_scan.h. A batch never reaches over a block, so that its text may be views of
 * the block's bytes. */
#include "io/csv_scan.h"

#include <string.h>

#include "io/csv_sniff.h"
#include "io/csv_value.h"
#include "io/scan_common.h"

typedef struct csv_scan {
    relation         base;
    mem             *mem;
    arena            arena;   /* of the relation */
    arena            run;     /* of a start */
    arena            scratch; /* of a batch */
    vfs             *fs;
    file_list        files;
    csv_options      options;
    csv_shape       *shapes;  /* of each file; the first alone unless union_by_name */
    int32_t          file_at; /* the next one to be opened */
    bool             is_open;
    block            block;
    const csv_shape *shape;   /* of the open one */
    int32_t          width;   /* fields of its rows */
    int32_t         *targets; /* column of each field; -1: nobody looks at it */
    csv_record       record;
    csv_target       target;
    scan_column     *columns;
    column          *out;
    int32_t          path_column; /* -1: none */
} csv_scan;

void
csv_options_init(csv_options *o) {
    *o = (csv_options){.quote = '"', .escape = '"', .header = -1, .sample_rows = 20480};
}

/* ---- the schema */

static status
no_such_type(const csv_scan *s, const field *t, error *err) {
    const schema *shape = &s->base.schema;
    text          names[64];
    int32_t       n = 0;
    for (; n < shape->count && n < 64; n++) {
        names[n] = shape->fields[n].name;
    }
    error_set(err, ERR_QUERY_FAILED, "the file has no column \"%.*s\", which types names",
              TEXT_ARG(t->name));
    const int32_t near = text_nearest(t->name, names, n);
    if (near >= 0) {
        error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
    }
    return ERR_QUERY_FAILED;
}

static status
apply_types(csv_scan *s, error *err) {
    for (int32_t i = 0; i < s->options.type_count; i++) {
        const field  *t = &s->options.types[i];
        const int32_t at = schema_find(&s->base.schema, t->name, false);
        if (at >= 0) {
            s->base.schema.fields[at].type = t->type;
        } else if (!s->options.types_may_miss) {
            return no_such_type(s, t, err);
        }
    }
    return OK;
}

/* Columns of the shapes in their order, those of a name once. */
static status
make_schema(csv_scan *s, int32_t shape_count, error *err) {
    int32_t most = s->options.with_path;
    for (int32_t k = 0; k < shape_count; k++) {
        most += s->shapes[k].count;
    }
    most = most > s->options.column_count + 1 ? most : s->options.column_count + 1;
    schema *out = &s->base.schema;
    out->fields = arena_alloc(&s->arena, sizeof(field) * (size_t)(most + 1));
    guess *types = arena_alloc_zero(&s->arena, sizeof(guess) * (size_t)(most + 1));
    if (out->fields == NULL || types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->options.column_count; i++) {
        out->fields[out->count++] = s->options.columns[i];
    }
    for (int32_t k = 0; k < shape_count && s->options.column_count == 0; k++) {
        for (int32_t i = 0; i < s->shapes[k].count; i++) {
            int32_t at = schema_find(out, s->shapes[k].names[i], false);
            if (at < 0) {
                at = out->count++;
                out->fields[at] = (field){.name = s->shapes[k].names[i], .nullable = true};
            }
            types[at] = guess_both(types[at], s->shapes[k].types[i]);
            out->fields[at].type = guess_type(s->options.all_text ? GUESS_TEXT : types[at]);
        }
    }
    TRY(apply_types(s, err));
    s->path_column = -1;
    if (s->options.with_path) {
        s->path_column = out->count;
        out->fields[out->count++] = (field){.name = TEXT("filename"), .type = type_of(TYPE_TEXT)};
    }
    if (out->count == 0) {
        return error_set(err, ERR_QUERY_FAILED, "the file is empty: it has no columns");
    }
    return OK;
}

static status
sniff_file(csv_scan *s, int32_t at, error *err) {
    block       b = {.mem = s->mem};
    const char *path = s->files.paths[at];
    status      done = block_open(&b, s->mem, s->fs, path, s->options.block_bytes, err);
    if (done == OK && at == 0) {
        s->base.row_estimate = b.bytes / 40 * s->files.count;
    }
    if (done == OK) {
        done = csv_sniff(&s->shapes[at], &s->arena, &b, &s->options, err);
    }
    block_close(&b);
    return scan_fault(err, done, path);
}

/* ---- one file */

static status
wrong_columns(csv_scan *s, const char *path, text name, error *err) {
    error_set(err, ERR_QUERY_FAILED, "column \"%.*s\" of \"%.200s\" is not in \"%.200s\"",
              TEXT_ARG(name), path, s->files.paths[0]);
    return error_hint(err, "read files with different columns with union_by_name => true");
}

/* Which column each field of the file feeds. *named: the header's fields, else NULL. */
static status
match_fields(csv_scan *s, const char *path, const csv_record *header, error *err) {
    const int32_t count = s->base.schema.count - (s->path_column >= 0);
    s->width = header == NULL ? count : header->count;
    s->targets = arena_alloc(&s->run, sizeof(int32_t) * (size_t)(s->width + 1));
    if (s->targets == NULL) {
        return error_memory(err);
    }
    int32_t found = 0;
    for (int32_t i = 0; i < s->width; i++) {
        int32_t at = i;
        if (header != NULL && s->file_at > 1 && s->options.column_count == 0) {
            const text name = s->options.union_by_name
                                  ? s->shape->names[i]
                                  : csv_field_text(&header->fields[i], &s->shape->dialect, &s->run);
            if (name.data == NULL) {
                return error_memory(err);
            }
            at = name.size == 0 ? i : schema_find(&s->base.schema, name, false);
            if (at < 0 || at == s->path_column) {
                return wrong_columns(s, path, name, err);
            }
        }
        s->targets[i] = at < count && s->columns[at].values != NULL ? at : -1;
        found++;
    }
    if (found < count && !s->options.union_by_name) {
        return error_set(err, ERR_QUERY_FAILED, "\"%.200s\" has %d columns where %d are wanted",
                         path, found, count);
    }
    return OK;
}

static status
open_file(csv_scan *s, error *err) {
    const int32_t at = s->file_at++;
    const char   *path = s->files.paths[at];
    s->shape = &s->shapes[s->options.union_by_name ? at : 0];
    s->is_open = true;
    status done = block_open(&s->block, s->mem, s->fs, path, s->options.block_bytes, err);
    if (done == OK) {
        done = csv_begin(&s->record, &s->block, s->shape, &s->options, err);
    }
    TRY(scan_fault(err, done, path));
    if (done == DONE) { /* empty */
        s->width = 0;
        return OK;
    }
    return match_fields(s, path, s->shape->header ? &s->record : NULL, err);
}

static void
close_file(csv_scan *s) {
    if (s->is_open) {
        block_close(&s->block);
        s->is_open = false;
    }
}

/* ---- rows */

static status
wrong_width(const csv_scan *s, error *err) {
    error_set(err, ERR_INGESTION_FAILED, "line %lld: %d fields where %d are wanted",
              (long long)s->block.line, s->record.count, s->width);
    return error_hint(err, s->record.count < s->width
                               ? "fill short rows with NULL by null_padding => true, or leave such "
                                 "rows out with ignore_errors => true"
                               : "is the delimiter right? Leave such rows out with "
                                 "ignore_errors => true");
}

static status
bad_value(csv_scan *s, int32_t i, int32_t at, error *err) {
    const field *f = &s->base.schema.fields[at];
    const text   t = csv_field_text(&s->record.fields[i], &s->shape->dialect, &s->scratch);
    if (t.data == NULL) {
        return error_memory(err);
    }
    int32_t shown = (int32_t)(t.size < 60 ? t.size : 60);
    while (shown > 0 && (size_t)shown < t.size && ((uint8_t)t.data[shown] & 0xc0) == 0x80) {
        shown--;
    }
    error_set(err, ERR_INGESTION_FAILED, "line %lld, column \"%.*s\": value '%.*s' does not fit %s",
              (long long)s->block.line, TEXT_ARG(f->name), shown, t.data, type_name(f->type));
    return error_hint(err,
                      "read the column as text with types => '\"%.*s\" VARCHAR', or leave such "
                      "rows out with ignore_errors => true",
                      (int)(f->name.size < 80 ? f->name.size : 80), f->name.data);
}

/* The record as row `row`. */
static status
put_record(csv_scan *s, int32_t row, error *err) {
    csv_record *r = &s->record;
    if (r->count != s->width && !(s->options.null_padding && r->count < s->width)) {
        return wrong_width(s, err);
    }
    for (int32_t i = 0; i < s->width; i++) {
        const int32_t at = s->targets[i];
        if (at < 0) {
            continue;
        }
        if (i >= r->count) {
            scan_column_null(&s->columns[at], row);
            continue;
        }
        const status done = csv_put(&s->target, &s->columns[at], row, &r->fields[i]);
        if (done < 0) {
            return done == ERR_OUT_OF_MEMORY ? error_memory(err) : bad_value(s, i, at, err);
        }
    }
    return OK;
}

/* A row that was refused half-way leaves no NULL behind. */
static void
undo_row(csv_scan *s, int32_t row) {
    for (int32_t i = 0; i < s->base.schema.count; i++) {
        scan_column *c = &s->columns[i];
        if (c->values != NULL && (c->validity[row >> 6] >> (row & 63) & 1) == 0) {
            c->validity[row >> 6] |= UINT64_C(1) << (row & 63);
            c->null_count--;
        }
    }
}

/* Records of the block as it is, at most a batch. */
static status
read_block(csv_scan *s, int32_t *rows, bool *cut, error *err) {
    const csv_dialect *d = &s->shape->dialect;
    *rows = 0;
    *cut = false;
    while (*rows < BATCH_ROWS) {
        status done = csv_cut(&s->record, d, &s->block, err);
        if (done == DONE) {
            *cut = true;
            return OK;
        }
        if (done == OK) {
            if (csv_is_blank(&s->record) && s->width != 1) {
                csv_pass(&s->block, &s->record);
                continue;
            }
            done = put_record(s, *rows, err);
            *rows += done == OK;
        }
        if (done == ERR_INGESTION_FAILED && s->options.ignore_errors) {
            undo_row(s, *rows);
            error_clear(err);
            done = OK;
        }
        TRY(csv_at_line(err, done, s->block.line));
        csv_pass(&s->block, &s->record);
    }
    return OK;
}

/* What the file does not have, and its name. */
static void
fill_rest(csv_scan *s, int32_t rows) {
    for (int32_t i = 0; i < s->base.schema.count; i++) {
        scan_column *c = &s->columns[i];
        bool         fed = c->values == NULL;
        for (int32_t k = 0; k < s->width && !fed; k++) {
            fed = s->targets[k] == i;
        }
        const text    path = text_of(s->files.paths[s->file_at - 1]);
        const strview shown = strview_of(path.data, (uint32_t)path.size);
        for (int32_t row = 0; !fed && row < rows; row++) {
            if (i == s->path_column) {
                ((strview *)c->values)[row] = shown;
            } else {
                scan_column_null(c, row);
            }
        }
        s->out[i] = scan_column_view(c);
    }
}

static status
next_rows(csv_scan *s, int32_t *rows, error *err) {
    for (;;) {
        if (!s->is_open) {
            if (s->file_at == s->files.count) {
                return DONE;
            }
            TRY(open_file(s, err));
        }
        const char *path = s->files.paths[s->file_at - 1];
        bool        cut;
        TRY(scan_fault(err, s->width == 0 ? DONE : read_block(s, rows, &cut, err), path));
        if (s->width > 0 && *rows > 0) {
            return OK;
        }
        const status filled = s->width == 0 ? DONE : block_fill(&s->block, err);
        TRY(scan_fault(err, filled, path));
        if (filled == DONE && (s->width == 0 || s->block.at == s->block.size)) {
            close_file(s);
        }
    }
}

static status
csv_scan_next(relation *r, delta *out, error *err) {
    csv_scan *s = (csv_scan *)r;
    int32_t   rows = 0;
    arena_reset(&s->scratch);
    for (int32_t i = 0; i < r->schema.count; i++) {
        scan_column_begin(&s->columns[i]);
    }
    const status done = next_rows(s, &rows, err);
    if (done != OK) {
        return done;
    }
    fill_rest(s, rows);
    *out = (delta){.row_count = rows, .column_count = r->schema.count, .columns = s->out};
    return OK;
}

static status
csv_scan_start(relation *r, const int32_t *columns, int32_t count, error *err) {
    csv_scan     *s = (csv_scan *)r;
    const int32_t width = r->schema.count;
    close_file(s);
    s->file_at = 0;
    arena_reset(&s->run);
    s->columns = arena_alloc_zero(&s->run, sizeof(scan_column) * (size_t)width);
    s->out = arena_alloc_zero(&s->run, sizeof(column) * (size_t)width);
    s->record.fields = csv_fields_new(&s->run);
    if (s->columns == NULL || s->out == NULL || s->record.fields == NULL) {
        return error_memory(err);
    }
    s->target = (csv_target){.options = &s->options, .scratch = &s->scratch};
    /* Which rows are left out must not depend on the columns that a query looks at. */
    const int32_t all = s->options.ignore_errors ? width : 0;
    for (int32_t i = 0; i < count + all; i++) {
        const int32_t at = i < count ? columns[i] : i - count;
        if (s->columns[at].values == NULL) {
            TRY(scan_column_init(&s->columns[at], r->schema.fields[at].type, &s->run, err));
        }
    }
    return OK;
}

static double
csv_scan_part_read(const relation *r) {
    const csv_scan *s = (const csv_scan *)r;
    return s->is_open ? block_part_used(&s->block, s->file_at - 1, s->files.count)
                      : (double)s->file_at / s->files.count;
}

static void
csv_scan_close(relation *r) {
    csv_scan *s = (csv_scan *)r;
    mem      *m = s->mem;
    close_file(s);
    arena_fini(&s->scratch);
    arena_fini(&s->run);
    arena_fini(&s->arena);
    mem_free(m, s, sizeof(*s));
}

static const relation_class csv_scan_class = {.start = csv_scan_start,
                                              .next = csv_scan_next,
                                              .part_read = csv_scan_part_read,
                                              .close = csv_scan_close};

status
csv_scan_open(relation **out, mem *m, vfs *fs, const file_list *files, const csv_options *options,
              text label, error *err) {
    csv_scan *s = mem_alloc_zero(m, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    s->base = (relation){.class = &csv_scan_class, .label = label, .row_estimate = -1};
    s->mem = m;
    s->fs = fs;
    s->files = *files;
    s->options = *options;
    arena_init(&s->arena, m);
    arena_init(&s->run, m);
    arena_init(&s->scratch, m);
    const int32_t looked_at = options->union_by_name ? files->count : 1;
    s->shapes = arena_alloc_zero(&s->arena, sizeof(csv_shape) * (size_t)looked_at);
    status done = s->shapes == NULL ? error_memory(err) : OK;
    for (int32_t i = 0; done == OK && i < looked_at; i++) {
        done = sniff_file(s, i, err);
    }
    if (done == OK) {
        done = make_schema(s, looked_at, err);
    }
    if (done < 0) {
        csv_scan_close(&s->base);
        return done;
    }
    *out = &s->base;
    return OK;
}
