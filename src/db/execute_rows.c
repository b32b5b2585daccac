/* SPDX-License-Identifier: Apache-2.0 */
/* execute_rows.c - laminar_database_execute_rows: the rows of a query go to the caller as they
 * come, in parts of PART_ROWS, of which one is held. */
#include "batch/chunk.h"
#include "db/statement.h"

#define PART_ROWS 8192
#define PART_TEXT_BYTES ((size_t)8 << 20) /* long texts end a part early */

typedef struct handing {
    mem          *mem;
    arena         arena; /* the schema */
    const schema *schema;
    builder       rows;
    bool          begun;
    int64_t       row_count;
    laminar_status (*take)(void *context, laminar_result *rows, laminar_error *err);
    void *context;
} handing;

static status
call_taker(handing *h, laminar_result *part, error *err) {
    laminar_error        e = {.code = 0};
    const laminar_status s = h->take(h->context, part, &e);
    return s < 0 ? error_set(err, ERR_QUERY_FAILED, "%.500s", e.message) : OK;
}

static status
give_part(handing *h, error *err) {
    result         *r = NULL;
    batch          *part = NULL;
    laminar_result *given = NULL;
    TRY(result_new(&r, h->mem, h->schema, false, err));
    status s = builder_rows(&h->rows) > 0 ? builder_take(&h->rows, &part, err) : OK;
    if (s == OK && part != NULL) {
        s = result_add(r, part, err);
    }
    if (s < 0) {
        result_release(r);
        return s;
    }
    TRY(answer_rows(&given, h->mem, LAMINAR_RESULT_QUERY, r, err));
    return call_taker(h, given, err);
}

static status
begin(void *context, const schema *s, error *err) {
    handing   *h = context;
    data_type *types = arena_alloc(&h->arena, sizeof(*types) * (size_t)(s->count + 1));
    h->schema = schema_copy(s, &h->arena);
    if (types == NULL || h->schema == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->count; i++) {
        types[i] = s->fields[i].type;
    }
    TRY(builder_init(&h->rows, h->mem, types, s->count, err));
    h->begun = true;
    return OK;
}

static status
take(void *context, const delta *rows, error *err) {
    handing *h = context;
    TRY(builder_append_delta(&h->rows, rows, err));
    const chunk *texts = h->rows.text_chunk;
    const bool   whole = builder_rows(&h->rows) >= PART_ROWS ||
                       (texts != NULL && chunk_bytes(texts) > PART_TEXT_BYTES);
    h->row_count += rows->row_count;
    return whole ? give_part(h, err) : OK;
}

laminar_status
laminar_database_execute_rows(laminar_database *db, const char *sql, size_t sql_size,
                              laminar_status (*taker)(void *context, laminar_result *rows,
                                                      laminar_error *err),
                              void *context, laminar_result **out, laminar_error *err) {
    error           e = {.position = -1};
    const text      t = {sql, sql_size};
    handing         h = {.mem = db->mem, .take = taker, .context = context};
    const row_taker to = {.context = &h, .begin = begin, .take = take};
    status          s = db_check_open(db, &e);
    *out = NULL;
    if (s < 0) {
        return report(err, &e, s, t);
    }
    arena_init(&h.arena, db->mem);
    s = statement_execute(db, t, &to, out, &e);
    if (s == OK && h.begun) { /* the rest; or no rows, for the columns */
        s = give_part(&h, &e);
        if (s < 0) {
            laminar_result_free(*out);
            *out = NULL;
        }
    }
    if (h.begun) {
        builder_fini(&h.rows);
    }
    arena_fini(&h.arena);
    return report(err, &e, s, t);
}
