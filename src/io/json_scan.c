/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan.c - see json_scan.h. All whole objects of a block are read at once, as json.c reads a
 * text. */
#include "io/json_scan.h"

#include <string.h>

#include "batch/builder.h"
#include "io/json.h"
#include "io/json_sniff.h"
#include "io/scan_common.h"

typedef struct json_scan {
    relation    base;
    mem        *mem;
    arena       arena; /* of the relation */
    arena       run;   /* of a start */
    vfs        *fs;
    file_list   files;
    csv_options options;
    schema      shape; /* without the path */
    int32_t     file_at;
    bool        is_open;
    block       block;
    bool       *wanted;
    batch      *rows;
    column     *columns;
    int32_t     path_column; /* -1: none */
} json_scan;

static int64_t
lines_of(const char *from, size_t size) {
    int64_t lines = 0;
    for (const char *c = from; (c = memchr(c, '\n', size - (size_t)(c - from))) != NULL; c++) {
        lines++;
    }
    return lines;
}

static void
pass(block *b, size_t size) {
    b->line += lines_of(b->data + b->at, size);
    b->at += size;
}

/* The next whole objects of the block, at most `most`; they are still to be passed. DONE: the file
 * has none any more. */
static status
next_whole(block *b, int64_t most, text *out, error *err) {
    for (;;) {
        const text rest = {b->data + b->at, b->size - b->at};
        *out = (text){rest.data, json_whole(rest, most)};
        if (out->size > 0) {
            return OK;
        }
        const status filled = block_fill(b, err);
        if (filled < 0) {
            return filled;
        }
        if (filled == DONE) {
            *out = (text){b->data + b->at, b->size - b->at};
            if (json_inside(*out).size == 0) {
                return DONE;
            }
            return OK; /* what is not whole is an error of whoever reads it */
        }
    }
}

/* ---- the schema */

static status
sniff_file(json_scan *s, json_shape *shape, int32_t at, error *err) {
    block         b = {.mem = s->mem};
    const char   *path = s->files.paths[at];
    const int64_t most = s->options.sample_rows < 0 ? INT64_MAX : s->options.sample_rows;
    status        done = block_open(&b, s->mem, s->fs, path, s->options.block_bytes, err);
    if (done == OK && at == 0) {
        s->base.row_estimate = b.bytes / 80 * s->files.count;
    }
    for (int64_t rows = 0; done == OK && rows < most;) {
        text t;
        done = next_whole(&b, s->options.ignore_errors ? 1 : most - rows, &t, err);
        if (done != OK) {
            break;
        }
        done = json_sniff(shape, &s->arena, t, b.line, &rows, err);
        if (done == ERR_INGESTION_FAILED && s->options.ignore_errors) {
            done = OK;
            error_clear(err);
        }
        pass(&b, t.size);
    }
    block_close(&b);
    return done == DONE ? OK : scan_fault(err, done, path);
}

static status
make_schema(json_scan *s, const json_shape *shape, error *err) {
    const csv_options *o = &s->options;
    const bool         known = o->column_count > 0;
    const int32_t      count = known ? o->column_count : shape->count;
    schema            *out = &s->base.schema;
    out->fields = arena_alloc(&s->arena, sizeof(field) * (size_t)(count + 1));
    if (out->fields == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        out->fields[i] =
            known ? o->columns[i]
                  : (field){.name = shape->names[i],
                            .type = guess_type(o->all_text ? GUESS_TEXT : shape->types[i]),
                            .nullable = true};
    }
    out->count = count;
    for (int32_t i = 0; i < o->type_count; i++) {
        const int32_t at = schema_find(out, o->types[i].name, false);
        if (at >= 0) {
            out->fields[at].type = o->types[i].type;
        } else if (!o->types_may_miss) {
            return error_set(err, ERR_QUERY_FAILED,
                             "the file has no column \"%.*s\", which types names",
                             TEXT_ARG(o->types[i].name));
        }
    }
    s->shape = *out;
    s->path_column = -1;
    if (o->with_path) {
        s->path_column = out->count;
        out->fields[out->count++] = (field){.name = TEXT("filename"), .type = type_of(TYPE_TEXT)};
    }
    return out->count > 0 ? OK : error_set(err, ERR_QUERY_FAILED, "the file has no objects");
}

/* ---- rows */

static status
coerce(value *out, const value *in, int32_t at, void *context, arena *a, error *err) {
    const json_scan *s = context;
    const data_type  to = s->shape.fields[at].type;
    const status     done = value_coerce(out, in, to, false, a, NULL);
    if (done == OK || done == ERR_OUT_OF_MEMORY) {
        return done;
    }
    char shown[VALUE_TEXT_MAX];
    text t = in->s;
    if (in->type.id != TYPE_TEXT) {
        t = (text){shown, value_write(in, shown)};
    }
    size_t size = t.size < 60 ? t.size : 60;
    while (size > 0 && size < t.size && ((uint8_t)t.data[size] & 0xc0) == 0x80) {
        size--;
    }
    return error_set(err, ERR_INGESTION_FAILED, "value '%.*s' does not fit %s", (int)size, t.data,
                     type_name(to));
}

static status
read_rows(json_scan *s, text t, error *err) {
    const text        inside = json_inside(t);
    const json_target target = {.shape = &s->shape,
                                .coerce = coerce,
                                .context = s,
                                .of_file = true,
                                .depth_max = s->options.depth_max,
                                .text_max = s->options.field_max,
                                .wanted = s->wanted,
                                .first_line = s->block.line +
                                              lines_of(t.data, (size_t)(inside.data - t.data))};
    if (inside.size == 0) {
        return OK;
    }
    const status done = json_read(&s->rows, s->mem, &target, inside, err);
    if (done == ERR_INGESTION_FAILED && s->options.ignore_errors) {
        error_clear(err);
        return OK;
    }
    if (done == ERR_INGESTION_FAILED && err != NULL && err->hint[0] == '\0') {
        error_hint(err,
                   "read a column as text with types => '\"name\" VARCHAR', or leave such rows "
                   "out with ignore_errors => true");
    }
    return done;
}

static void
close_file(json_scan *s) {
    if (s->is_open) {
        block_close(&s->block);
        s->is_open = false;
    }
}

static status
next_rows(json_scan *s, error *err) {
    while (s->rows == NULL) {
        if (!s->is_open) {
            if (s->file_at == s->files.count) {
                return DONE;
            }
            const char *opened = s->files.paths[s->file_at++];
            s->is_open = true;
            TRY(scan_fault(
                err, block_open(&s->block, s->mem, s->fs, opened, s->options.block_bytes, err),
                opened));
        }
        const char *path = s->files.paths[s->file_at - 1];
        text        t;
        status      done = next_whole(&s->block, s->options.ignore_errors ? 1 : INT64_MAX, &t, err);
        if (done == DONE) {
            close_file(s);
            continue;
        }
        done = done < 0 ? done : read_rows(s, t, err);
        TRY(scan_fault(err, done, path));
        pass(&s->block, t.size);
    }
    return OK;
}

static status
json_scan_next(relation *r, delta *out, error *err) {
    json_scan *s = (json_scan *)r;
    batch_release(s->rows);
    s->rows = NULL;
    const status done = next_rows(s, err);
    if (done != OK) {
        return done;
    }
    const int32_t rows = s->rows->rows.row_count;
    for (int32_t i = 0; i < s->shape.count; i++) {
        s->columns[i] = s->rows->rows.columns[i];
    }
    if (s->path_column >= 0) {
        arena_reset(&s->run);
        const value path = {.type = type_of(TYPE_TEXT),
                            .s = text_of(s->files.paths[s->file_at - 1])};
        TRY(column_constant(&s->columns[s->path_column], &path, rows, &s->run, err));
    }
    *out = (delta){.row_count = rows, .column_count = r->schema.count, .columns = s->columns};
    return OK;
}

static status
json_scan_start(relation *r, const int32_t *columns, int32_t count, error *err) {
    json_scan *s = (json_scan *)r;
    close_file(s);
    s->file_at = 0;
    batch_release(s->rows);
    s->rows = NULL;
    if (s->columns == NULL) {
        s->columns = arena_alloc_zero(&s->arena, sizeof(column) * (size_t)r->schema.count);
        s->wanted = arena_alloc(&s->arena, (size_t)r->schema.count);
    }
    if (s->columns == NULL || s->wanted == NULL) {
        return error_memory(err);
    }
    /* Which rows are left out must not depend on the columns that a query looks at. */
    memset(s->wanted, s->options.ignore_errors, (size_t)r->schema.count);
    for (int32_t i = 0; i < count; i++) {
        s->wanted[columns[i]] = true;
    }
    return OK;
}

static double
json_scan_part_read(const relation *r) {
    const json_scan *s = (const json_scan *)r;
    return s->is_open ? block_part_used(&s->block, s->file_at - 1, s->files.count)
                      : (double)s->file_at / s->files.count;
}

static void
json_scan_close(relation *r) {
    json_scan *s = (json_scan *)r;
    mem       *m = s->mem;
    close_file(s);
    batch_release(s->rows);
    arena_fini(&s->run);
    arena_fini(&s->arena);
    mem_free(m, s, sizeof(*s));
}

static const relation_class json_scan_class = {.start = json_scan_start,
                                               .next = json_scan_next,
                                               .part_read = json_scan_part_read,
                                               .close = json_scan_close};

status
json_scan_open(relation **out, mem *m, vfs *fs, const file_list *files, const csv_options *options,
               text label, error *err) {
    json_scan *s = mem_alloc_zero(m, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    s->base = (relation){.class = &json_scan_class, .label = label, .row_estimate = -1};
    s->mem = m;
    s->fs = fs;
    s->files = *files;
    s->options = *options;
    arena_init(&s->arena, m);
    arena_init(&s->run, m);
    json_shape    shape = {0};
    const int32_t looked_at = options->union_by_name ? files->count : 1;
    status        done = OK;
    for (int32_t i = 0; done == OK && i < looked_at; i++) {
        done = sniff_file(s, &shape, i, err);
    }
    if (done == OK) {
        done = make_schema(s, &shape, err);
    }
    if (done < 0) {
        json_scan_close(&s->base);
        return done;
    }
    *out = &s->base;
    return OK;
}
