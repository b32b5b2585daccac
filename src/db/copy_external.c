/* SPDX-License-Identifier: Apache-2.0 */
/* copy_external.c - COPY TO a file in a format that the caller's resolver writes, part by part.
 *
 * Rows are gathered to parts of PART_ROWS, the row groups of a Parquet file, and a part goes to the
 * resolver as soon as it is whole: no more than one is held. */
#include "arrow/arrow.h"
#include "base/interrupt.h"
#include "batch/builder.h"
#include "batch/chunk.h"
#include "db/statement.h"

#define PART_ROWS 122880
#define PART_TEXT_BYTES ((size_t)64 << 20) /* long texts end a part early */

typedef struct part_writer {
    statement_context *c;
    laminar_external   what;
    const schema      *schema;
    builder            rows;
    int64_t            row_count;
    bool               begun;  /* the resolver has a file open */
    bool               failed; /* it, and not the query */
} part_writer;

/* rows NULL: there will be no more, for the query has failed. */
static status
call_resolver(part_writer *w, struct ArrowArrayStream *rows, bool more, error *err) {
    const laminar_resolver *resolver = w->c->resolver;
    laminar_error           e = {.code = 0};
    w->what.more = more;
    const laminar_status s = resolver->write(resolver->context, &w->what, rows, &e);
    w->begun = s >= 0 && more;
    w->failed = w->failed || s < 0;
    return s < 0 ? error_set(err, ERR_QUERY_FAILED, "%.500s", e.message) : OK;
}

static status
give_part(part_writer *w, bool more, error *err) {
    struct ArrowArrayStream given = {0};
    batch                  *part = NULL;
    const int32_t           count = builder_rows(&w->rows) > 0;
    if (count > 0) {
        TRY(builder_take(&w->rows, &part, err));
    }
    status s = arrow_export_stream(&given, w->schema, &part, count, false, w->c->db->mem, err);
    s = s < 0 ? s : call_resolver(w, &given, more, err);
    if (given.release != NULL) {
        given.release(&given);
    }
    batch_release(part);
    return s;
}

static status
begin_parts(void *context, const schema *s, error *err) {
    part_writer *w = context;
    data_type   *types = arena_alloc(&w->c->arena, sizeof(*types) * (size_t)(s->count + 1));
    w->schema = schema_copy(s, &w->c->arena);
    if (types == NULL || w->schema == NULL) {
        w->schema = NULL;
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->count; i++) {
        types[i] = s->fields[i].type;
    }
    return builder_init(&w->rows, w->c->db->mem, types, s->count, err);
}

static bool
is_whole(const part_writer *w) {
    const chunk *texts = w->rows.text_chunk;
    return builder_rows(&w->rows) >= PART_ROWS ||
           (texts != NULL && chunk_bytes(texts) > PART_TEXT_BYTES);
}

static status
take_part(void *context, const delta *rows, error *err) {
    part_writer *w = context;
    TRY(builder_append_delta(&w->rows, rows, err));
    w->row_count += rows->row_count;
    TRY(is_whole(w) ? give_part(w, true, err) : OK);
    return interrupt_look(err);
}

status
copy_by_resolver(statement_context *c, const ast_statement *st, const ast_select *select,
                 const char *path, text format, int64_t *row_count, bool *failed, error *err) {
    part_writer     w = {.c = c,
                         .what = {.is_file = true,
                                  .name = path,
                                  .name_size = strlen(path),
                                  .format = format.data,
                                  .column_count = -1}};
    const row_taker to = {.context = &w, .begin = begin_parts, .take = take_part};
    if (c->resolver == NULL || c->resolver->write == NULL) {
        return error_set(err, ERR_QUERY_FAILED,
                         "files in the format %.*s are written by the Python package",
                         TEXT_ARG(format));
    }
    status s = statement_query_into(c, statement_text(c, st), select, &to, err);
    s = s < 0 ? s : give_part(&w, false, err);
    if (w.begun) {
        (void)call_resolver(&w, NULL, false, NULL);
    }
    if (w.schema != NULL) {
        builder_fini(&w.rows);
    }
    *row_count = w.row_count;
    *failed = w.failed;
    return s;
}
