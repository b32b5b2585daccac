/* SPDX-License-Identifier: Apache-2.0 */
/* insert.c - whole batches in: Arrow streams and CSV text, matched by name, coerced, all or none.
 */
#include "arrow/arrow.h"
#include "db/coerce.h"
#include "db/internal.h"
#include "expr/defaults.h"
#include "io/csv.h"
#include "io/json.h"

/* Where value_bytes is lowered; the doors keep to the highest by themselves. */
static status
check_bytes(const laminar_database *db, const object *o, const delta *rows, error *err) {
    const int32_t most = db_limit(db, LIMIT_value_bytes, 0);
    for (int32_t i = 0; most > 0 && i < rows->column_count; i++) {
        const int64_t size = column_longest(&rows->columns[i], rows->row_count);
        if (size > most) {
            error_set(err, ERR_INGESTION_FAILED,
                      "column \"%.*s\": a value of %lld bytes is too long; at most %d are allowed",
                      TEXT_ARG(o->schema->fields[i].name), (long long)size, most);
            return error_hint(err, "RESET max_value_bytes allows more");
        }
    }
    return OK;
}

status
db_check_made(const laminar_database *db, const object *o, const delta *rows, error *err) {
    TRY(check_bytes(db, o, rows, err));
    for (int32_t i = 0; i < rows->column_count; i++) {
        if (o->schema->fields[i].nullable || rows->columns[i].validity == NULL) {
            continue;
        }
        for (int32_t row = 0; row < rows->row_count; row++) {
            if (column_is_null(&rows->columns[i], row)) {
                return error_set(err, ERR_INGESTION_FAILED,
                                 "row %d, column \"%.*s\": NULL in a NOT NULL column", row + 1,
                                 TEXT_ARG(o->schema->fields[i].name));
            }
        }
    }
    return OK;
}

/* Sleeps without the token: readers may need it, and so may other producers. */
static status
sleep_for_room(laminar_database *db, changelog *full, int64_t deadline_ns, error *err) {
    const int64_t left_us = (deadline_ns - clock_ticks_ns(&db->clock.base)) / 1000;
    if (left_us <= 0) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "a subscription with on_lag=\"block\" was full for %lld ms "
                         "(insert_timeout_ms); nothing of the batch was kept",
                         (long long)db_setting(db, SETTING_INSERT_TIMEOUT_MS));
    }
    (void)changelog_wait_for_room(full, min_i64(left_us, WAIT_LOOK_US));
    if (db_is_interrupted(db)) {
        return error_set(err, ERR_QUERY_CANCELLED,
                         "interrupted while waiting for a subscription with on_lag=\"block\"; "
                         "nothing of the batch was kept");
    }
    return OK;
}

status
db_wait_for_room(laminar_database *db, const object *o, error *err) {
    int64_t deadline_ns = 0;
    while (atomic_load(&db->blocking_readers) > 0) {
        TRY(db_enter(db, err));
        changelog *full = o->impl == NULL ? NULL : source_full_log(o->impl);
        if (full != NULL) {
            changelog_retain(full);
        }
        db_leave(db);
        if (full == NULL) {
            break; /* who inserts next finds out what else may be wrong */
        }
        if (deadline_ns == 0) {
            deadline_ns =
                sat_add_i64(clock_ticks_ns(&db->clock.base),
                            sat_mul_i64(db_setting(db, SETTING_INSERT_TIMEOUT_MS), 1000000));
        }
        const status slept = sleep_for_room(db, full, deadline_ns, err);
        changelog_release(full);
        TRY(slept);
    }
    return OK;
}

status
db_refuse_gone(const object *o, error *err) {
    if (!o->altered) {
        return error_set(err, ERR_TABLE_NOT_FOUND, "source \"%.*s\" was dropped",
                         TEXT_ARG(o->name));
    }
    error_set(err, ERR_BATCH_SCHEMA_MISMATCH,
              "\"%.*s\" was altered after these rows were made for it; nothing of them was kept",
              TEXT_ARG(o->name));
    return error_hint(err, "insert them again; a Writer must be opened again");
}

/* Rows that were made for an object go into the one that a restore has put in its place, which has
 * the same definition. */
static const object *
standing(const laminar_database *db, const object *o) {
    const object *now =
        o->impl != NULL || !o->altered ? o : catalog_find(db->catalog, o->name, true);
    return now != NULL && now->kind == o->kind && text_equal(now->sql, o->sql) ? now : o;
}

status
db_append_batch(laminar_database *db, object *o, batch *rows, error *err) {
    if (atomic_load(&db->state) == DB_CLOSED) {
        return error_set(err, ERR_CONNECTION_CLOSED, "Connection is closed");
    }
    TRY(db_writable(db, err));
    const object *now = standing(db, o);
    if (now->impl == NULL) {
        return db_refuse_gone(o, err);
    }
    TRY(db_check_made(db, o, &rows->rows, err));
    return engine_append(db->engine, now->impl, rows, err);
}

/* Reading rows looks for what the caller's check says: nothing of them is kept then. */
static interrupt
insert_guard(laminar_database *db) {
    return (interrupt){.check = db->interrupt_check,
                       .context = db->interrupt_context,
                       .clock = &db->clock.base,
                       .next_ns = sat_add_i64(clock_ticks_ns(&db->clock.base), INTERRUPT_CHECK_NS),
                       .message = "interrupted while the rows of an insert were read; none of them "
                                  "was kept"};
}

/* Which incoming column feeds each column of the source; -1: its default. */
static status
match_columns(int32_t *from, const object *o, const schema *in, error *err) {
    for (int32_t i = 0; i < o->schema->count; i++) {
        from[i] = -1;
    }
    for (int32_t k = 0; k < in->count; k++) {
        const int32_t at = schema_find(o->schema, in->fields[k].name, false);
        if (at < 0) {
            error_set(err, ERR_INGESTION_FAILED, "unknown column \"%.*s\" for source \"%.*s\"",
                      TEXT_ARG(in->fields[k].name), TEXT_ARG(o->name));
            text    names[64];
            int32_t n = o->schema->count < 64 ? o->schema->count : 64;
            for (int32_t i = 0; i < n; i++) {
                names[i] = o->schema->fields[i].name;
            }
            const int32_t near = text_nearest(in->fields[k].name, names, n);
            if (near >= 0) {
                return error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
            }
            return err == NULL ? ERR_INGESTION_FAILED : err->status;
        }
        if (from[at] >= 0) {
            return error_set(err, ERR_INGESTION_FAILED, "column \"%.*s\" is there twice",
                             TEXT_ARG(in->fields[k].name));
        }
        from[at] = k;
    }
    return OK;
}

/* Batches that are fitted to a source's columns and become one: the first passes through without a
 * copy. */
typedef struct gathered {
    laminar_database *db;
    const object     *o;
    const int32_t    *from;  /* match_columns */
    interrupt        *guard; /* NULL: none */
    filler           *fill;
    builder           all;
    bool              building;
    batch            *first;
    int64_t           rows, rows_max;
} gathered;

/* One incoming batch in the source's columns and types. */
static status
fit_batch(batch **out, const gathered *g, batch *in, arena *a, error *err) {
    const object *o = g->o;
    const int32_t width = o->schema->count;
    const int32_t n = in->rows.row_count;
    column       *columns = arena_alloc(a, sizeof(column) * (size_t)(width + 1));
    if (columns == NULL) {
        return error_memory(err);
    }
    bool as_is = in->rows.column_count == width;
    for (int32_t i = 0; i < width; i++) {
        const field *f = &o->schema->fields[i];
        if (interrupt_poll(g->guard)) {
            return interrupt_reason(g->guard, err);
        }
        if (g->from[i] < 0) {
            TRY(g->fill->column(g->fill, i, n, &columns[i], a, err));
            as_is = false;
            continue;
        }
        const coerce_target to = {
            .type = f->type, .event_time = i == o->event_time_column, .guard = g->guard};
        int32_t      bad = -1;
        const status s =
            coerce_column(&columns[i], &in->rows.columns[g->from[i]], n, to, a, &bad, err);
        if (s < 0) {
            if (s != ERR_OUT_OF_MEMORY && s != ERR_QUERY_CANCELLED && err != NULL) {
                const error why = *err;
                error_set(err, ERR_INGESTION_FAILED, "row %lld, column \"%.*s\": %.300s",
                          (long long)(g->rows + bad + 1), TEXT_ARG(f->name), why.message);
            }
            return s;
        }
        as_is = as_is && g->from[i] == i && columns[i].values == in->rows.columns[i].values;
    }
    if (as_is) {
        *out = batch_retain(in);
        return OK;
    }
    const delta fitted = {.row_count = n, .column_count = width, .columns = columns};
    return batch_keep(out, g->db->mem, &fitted, err);
}

typedef struct arrow_reader {
    struct ArrowArrayStream *stream;
    struct ArrowSchema       shape;
    arena                    arena;
    schema                   schema;
    team                     help;
} arrow_reader;

static status
reader_fault(arrow_reader *r, const char *what, error *err) {
    return error_set(err, ERR_INGESTION_FAILED, "the Arrow stream failed to give %s: %.300s", what,
                     arrow_stream_error(r->stream));
}

static status
reader_open(arrow_reader *r, struct ArrowArrayStream *from, mem *m, error *err) {
    *r = (arrow_reader){.stream = from};
    arena_init(&r->arena, m);
    if (arrow_stream_schema(from, &r->shape) != 0) {
        r->shape.release = NULL;
        return reader_fault(r, "its schema", err);
    }
    return arrow_import_schema(&r->schema, &r->shape, &r->arena, err);
}

static void
reader_close(arrow_reader *r) {
    arrow_schema_release(&r->shape);
    arena_fini(&r->arena);
}

static status
too_many_rows(int64_t max, error *err) {
    error_set(err, ERR_INGESTION_FAILED, "an insert of more than %lld rows is too long",
              (long long)max);
    return error_hint(err, "insert them in parts; SHOW LIMITS tells how many rows");
}

/* The next batch, of `max` rows at most; *out is NULL at the end. */
static status
reader_next(arrow_reader *r, mem *m, int64_t max, int64_t most, batch **out, error *err) {
    *out = NULL;
    for (;;) {
        struct ArrowArray array = {0};
        if (arrow_stream_next(r->stream, &array) != 0) {
            return reader_fault(r, "its next batch", err);
        }
        if (array.release == NULL) {
            return OK;
        }
        if (array.length > max) {
            arrow_array_release(&array);
            return too_many_rows(most, err);
        }
        const bool keep = array.length >= TABLE_KEEP_WIDE_ROWS;
        if (array.length == 0) {
            arrow_array_release(&array);
            continue;
        }
        return arrow_import_batch_by(out, m, &r->shape, &array, keep, &r->help, err);
    }
}

static status
start_building(gathered *g, arena *a, error *err) {
    const int32_t width = g->o->schema->count;
    data_type    *types = arena_alloc(a, sizeof(data_type) * (size_t)(width + 1));
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < width; i++) {
        types[i] = g->o->schema->fields[i].type;
    }
    TRY(builder_init(&g->all, g->db->mem, types, width, err));
    g->building = true;
    return builder_append_delta(&g->all, &g->first->rows, err);
}

static status
gather_batch(gathered *g, batch *in, arena *a, error *err) {
    batch *fitted = NULL;
    TRY(fit_batch(&fitted, g, in, a, err));
    status s = OK;
    g->rows += fitted->rows.row_count;
    if (g->rows > g->rows_max) {
        s = too_many_rows(g->rows_max, err);
    } else if (g->first == NULL) {
        g->first = fitted;
        return OK;
    } else if (!g->building) {
        s = start_building(g, a, err);
    }
    if (s == OK) {
        s = builder_append_delta(&g->all, &fitted->rows, err);
    }
    batch_release(fitted);
    return s;
}

/* *out is NULL when nothing came. With s < 0 it only cleans up. */
static status
gather_end(gathered *g, status s, batch **out, error *err) {
    if (s == OK && g->building) {
        batch_release(g->first);
        g->first = NULL;
        s = builder_take(&g->all, &g->first, err);
    }
    if (g->building) {
        builder_fini(&g->all);
    }
    if (s < 0) {
        batch_release(g->first);
        return s;
    }
    *out = g->first;
    return OK;
}

static status
read_all(batch **out, laminar_database *db, const object *o, arrow_reader *r, error *err) {
    int32_t *from = arena_alloc(&r->arena, sizeof(int32_t) * (size_t)(o->schema->count + 1));
    if (from == NULL) {
        return error_memory(err);
    }
    TRY(match_columns(from, o, &r->schema, err));
    const plan_env env = db_plan_env(db);
    interrupt      guard = insert_guard(db);
    defaults       fill;
    defaults_init(&fill, o, db->mem, &env.eval, NULL);
    gathered g = {.db = db,
                  .o = o,
                  .from = from,
                  .guard = &guard,
                  .fill = &fill.base,
                  .rows_max = db_limit(db, LIMIT_insert_rows, INSERT_ROWS_MAX)};
    batch   *next = NULL;
    status   s = OK;
    while (s == OK &&
           (s = reader_next(r, db->mem, g.rows_max - g.rows, g.rows_max, &next, err)) == OK &&
           next != NULL) {
        s = gather_batch(&g, next, &r->arena, err);
        batch_release(next);
    }
    defaults_fini(&fill);
    return gather_end(&g, s, out, err);
}

static bool
is_default(const ast_select *values, int64_t row, int32_t at) {
    return at >= 0 && values->rows[row * values->row_width + at]->kind == AST_DEFAULT;
}

static bool
same_defaults(const ast_select *values, int64_t a, int64_t b) {
    bool same = true;
    for (int32_t i = 0; i < values->row_width && same; i++) {
        same = is_default(values, a, i) == is_default(values, b, i);
    }
    return same;
}

/* Which row of VALUES it is. */
static int64_t
number_of(const delta *part, int32_t row) {
    return column_value(&part->columns[part->column_count - 1], row).i - INSERT_ROW_BASE;
}

/* Rows of one batch that leave the same columns to their DEFAULTs, from `first` on. */
static status
gather_alike(gathered *g, const delta *part, int32_t *first, const int32_t *from,
             const ast_select *values, arena *a, error *err) {
    const int64_t row = number_of(part, *first);
    const int32_t width = g->o->schema->count;
    int32_t      *own = arena_alloc(a, sizeof(int32_t) * (size_t)(width + 1));
    column       *columns = arena_alloc(a, sizeof(column) * (size_t)part->column_count);
    int32_t      *picked = arena_alloc(a, sizeof(int32_t) * (size_t)part->row_count);
    int32_t       count = 0;
    if (own == NULL || columns == NULL || picked == NULL) {
        return error_memory(err);
    }
    for (int32_t c = 0; c < width; c++) {
        own[c] = is_default(values, row, from[c]) ? -1 : from[c];
    }
    while (*first < part->row_count && same_defaults(values, row, number_of(part, *first))) {
        picked[count++] = (*first)++;
    }
    for (int32_t i = 0; i < part->column_count; i++) {
        TRY(column_gather(&columns[i], &part->columns[i], picked, count, a, err));
    }
    batch alike = {
        .rows = {.row_count = count, .column_count = part->column_count, .columns = columns}};
    g->from = own;
    return gather_batch(g, &alike, a, err);
}

static status
gather_values(gathered *g, const delta *part, const int32_t *from, const ast_select *values,
              arena *a, error *err) {
    for (int32_t first = 0; first < part->row_count;) {
        TRY(gather_alike(g, part, &first, from, values, a, err));
    }
    return OK;
}

status
db_fit_result(batch **out, laminar_database *db, const plan_env *env, const object *o,
              const int32_t *from, const ast_select *values, const result *rows, error *err) {
    arena    a;
    defaults fill;
    arena_init(&a, db->mem);
    defaults_init(&fill, o, db->mem, &env->eval, env->statement_us);
    gathered g = {.db = db, .o = o, .from = from, .fill = &fill.base, .rows_max = INT32_MAX};
    status   s = OK;
    for (int32_t i = 0; s == OK && i < rows->batch_count; i++) {
        batch *part = rows->batches[i];
        s = values == NULL ? gather_batch(&g, part, &a, err)
                           : gather_values(&g, &part->rows, from, values, &a, err);
    }
    s = gather_end(&g, s, out, err);
    defaults_fini(&fill);
    arena_fini(&a);
    return s;
}

static status
find_object(laminar_database *db, const char *name, object **out, error *err) {
    TRY(db_writable(db, err));
    return db_take_source(db, name, out, err);
}

/* Rows made outside the token; NULL: there were none. */
static status
insert_made(laminar_database *db, object *o, batch *rows, bool wait, int64_t *row_count,
            error *err) {
    const status s = rows == NULL ? OK : db_insert(db, o, rows, wait, err);
    if (s == OK && row_count != NULL) {
        *row_count = rows == NULL ? 0 : rows->rows.row_count;
    }
    return s;
}

static status
read_arrow(batch **rows, laminar_database *db, const object *o, struct ArrowArrayStream *arrow,
           error *err) {
    arrow_reader r;
    status       s = reader_open(&r, arrow, db->mem, err);
    if (s == OK) {
        r.help = (team){.pool = engine_tick_pool(db->engine), .threads = db_threads(db)};
        s = read_all(rows, db, o, &r, err);
    }
    reader_close(&r);
    return s;
}

static status
insert_arrow(laminar_database *db, const char *name, struct ArrowArrayStream *arrow, bool wait,
             int64_t *row_count, error *err) {
    object *o = NULL;
    batch  *rows = NULL;
    TRY(find_object(db, name, &o, err));
    status s = read_arrow(&rows, db, o, arrow, err);
    if (s == OK) {
        s = insert_made(db, o, rows, wait, row_count, err);
    }
    batch_release(rows);
    catalog_object_release(o);
    return s;
}

static laminar_status
insert_stream(laminar_database *db, const char *name, struct ArrowArrayStream *rows, bool wait,
              int64_t *row_count, laminar_error *err) {
    error        e = {0};
    const status s = insert_arrow(db, name, rows, wait, row_count, &e);
    arrow_stream_release(rows);
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_insert(laminar_database *db, const char *source_name,
                        struct ArrowArrayStream *rows, int64_t *row_count, laminar_error *err) {
    return insert_stream(db, source_name, rows, true, row_count, err);
}

laminar_status
laminar_database_submit(laminar_database *db, const char *source_name,
                        struct ArrowArrayStream *rows, int64_t *row_count, laminar_error *err) {
    return insert_stream(db, source_name, rows, false, row_count, err);
}

/* ------------------------------------------------------------------ in two steps */
struct laminar_rows {
    laminar_database *db;     /* retained */
    object           *target; /* retained */
    batch            *rows;   /* NULL: none */
};

static status
rows_read(laminar_rows **out, laminar_database *db, const char *name,
          struct ArrowArrayStream *arrow, error *err) {
    object *o = NULL;
    batch  *rows = NULL;
    TRY(find_object(db, name, &o, err));
    status        s = read_arrow(&rows, db, o, arrow, err);
    laminar_rows *made = s < 0 ? NULL : mem_alloc(db->mem, sizeof(*made));
    if (made == NULL) {
        batch_release(rows);
        catalog_object_release(o);
        return s < 0 ? s : error_memory(err);
    }
    *made = (laminar_rows){.db = db_retain(db), .target = o, .rows = rows};
    *out = made;
    return OK;
}

laminar_status
laminar_rows_read(laminar_rows **out, laminar_database *db, const char *name,
                  struct ArrowArrayStream *arrow, laminar_error *err) {
    error        e = {0};
    const status s = rows_read(out, db, name, arrow, &e);
    arrow_stream_release(arrow);
    return report(err, &e, s, TEXT(""));
}

static laminar_status
rows_insert(laminar_rows *r, bool wait, int64_t *row_count, laminar_error *err) {
    error e = {0};
    return report(err, &e, insert_made(r->db, r->target, r->rows, wait, row_count, &e), TEXT(""));
}

laminar_status
laminar_rows_insert(laminar_rows *r, int64_t *row_count, laminar_error *err) {
    return rows_insert(r, true, row_count, err);
}

laminar_status
laminar_rows_submit(laminar_rows *r, int64_t *row_count, laminar_error *err) {
    return rows_insert(r, false, row_count, err);
}

laminar_status
laminar_rows_insert_now(laminar_rows *r, int64_t *row_count, laminar_error *err) {
    error e = {0};
    if (r->rows == NULL || db_check_process(r->db, &e) < 0 || db_check_inside(r->db, &e) < 0 ||
        !db_enter_now(r->db, r->rows->rows.row_count)) {
        return LAMINAR_DONE; /* insert says what is wrong */
    }
    const status s = db_settle(r->db, db_append_batch(r->db, r->target, r->rows, &e), &e);
    db_leave(r->db);
    if (s == OK && row_count != NULL) {
        *row_count = r->rows->rows.row_count;
    }
    return report(err, &e, s, TEXT(""));
}

void
laminar_rows_free(laminar_rows *r) {
    if (r == NULL) {
        return;
    }
    laminar_database *db = r->db;
    batch_release(r->rows);
    catalog_object_release(r->target);
    mem_free(db->mem, r, sizeof(*r));
    db_release(db);
}

laminar_status
laminar_database_flush(laminar_database *db, laminar_error *err) {
    error e = {0};
    return report(err, &e, db_flush(db, &e), TEXT(""));
}

/* Text in one format or another: what differs is how it is read. */
typedef struct text_insert {
    text       written;
    csv_format csv;
    int32_t    json_depth;
    interrupt  guard;
    defaults   fill;
    team       help;
    status (*read)(struct text_insert *t, batch **rows, mem *m, const object *o, error *err);
} text_insert;

static status
insert_text(laminar_database *db, const char *name, text_insert *t, int64_t *row_count,
            error *err) {
    const plan_env env = db_plan_env(db);
    object        *o = NULL;
    batch         *rows = NULL;
    TRY(find_object(db, name, &o, err));
    t->guard = insert_guard(db);
    t->help =
        (team){.pool = engine_pool(db->engine), .threads = db_threads(db), .watched = &t->guard};
    t->csv.rows_max = db_limit(db, LIMIT_insert_rows, INSERT_ROWS_MAX);
    t->csv.field_max = db_limit(db, LIMIT_csv_field_bytes, CSV_FIELD_MAX);
    t->json_depth = db_limit(db, LIMIT_json_depth, JSON_DEPTH_MAX);
    defaults_init(&t->fill, o, db->mem, &env.eval, NULL);
    status s = t->read(t, &rows, db->mem, o, err);
    defaults_fini(&t->fill);
    if (s == OK) {
        s = insert_made(db, o, rows, true, row_count, err);
    }
    batch_release(rows);
    catalog_object_release(o);
    return s;
}

static status
read_csv(text_insert *t, batch **rows, mem *m, const object *o, error *err) {
    t->csv.event_time_column = o->event_time_column + 1;
    t->csv.help = t->help;
    return csv_read(rows, m, o->schema, &t->fill.base, t->written, &t->csv, err);
}

laminar_status
laminar_database_insert_csv(laminar_database *db, const char *source_name, const char *csv,
                            size_t csv_size, char delimiter, const char *null_text,
                            int64_t *row_count, laminar_error *err) {
    error       e = {0};
    text_insert t = {.written = {csv, csv_size}, .read = read_csv};
    t.csv.delimiter = delimiter == '\0' ? ',' : delimiter;
    t.csv.null_text = null_text == NULL ? (text){0} : text_of(null_text);
    return report(err, &e, insert_text(db, source_name, &t, row_count, &e), TEXT(""));
}

static status
coerce_json(value *out, const value *in, int32_t at, void *context, arena *a, error *err) {
    const object       *o = context;
    const coerce_target to = {.type = o->schema->fields[at].type,
                              .event_time = at == o->event_time_column};
    return coerce_value(out, in, to, a, err);
}

static status
read_json(text_insert *t, batch **rows, mem *m, const object *o, error *err) {
    const json_target target = {.name = o->name,
                                .shape = o->schema,
                                .fill = &t->fill.base,
                                .coerce = coerce_json,
                                .context = (void *)(uintptr_t)o,
                                .help = t->help,
                                .rows_max = t->csv.rows_max,
                                .depth_max = t->json_depth,
                                .text_max = t->csv.field_max};
    return json_read(rows, m, &target, t->written, err);
}

laminar_status
laminar_database_insert_json(laminar_database *db, const char *source_name, const char *json,
                             size_t json_size, int64_t *row_count, laminar_error *err) {
    error       e = {0};
    text_insert t = {.written = {json, json_size}, .read = read_json};
    return report(err, &e, insert_text(db, source_name, &t, row_count, &e), TEXT(""));
}

laminar_status
laminar_database_advance(laminar_database *db, const char *source_name, int64_t watermark_ms,
                         laminar_error *err) {
    error  e = {0};
    status s = db_enter_to_write(db, &e);
    if (s == OK) {
        object *o = NULL;
        s = db_writable(db, &e);
        if (s == OK) {
            s = db_find_source(db, text_of(source_name), &o, &e);
        }
        if (s == OK) {
            s = engine_advance(db->engine, o->impl, sat_mul_i64(watermark_ms, 1000), &e);
            catalog_object_release(o);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}
