/* SPDX-License-Identifier: Apache-2.0 */
/* appender.c - rows from a program, value by value.
 *
 * Invariant: after any failure the appender is empty. Values whose type is the column's go straight
 * to the builder; the rest goes through coerce_value, the one place that knows what fits. */
#include "batch/builder.h"
#include "db/coerce.h"
#include "db/internal.h"
#include "db/values.h"
#include "expr/defaults.h"
#include "table/table.h"

struct laminar_appender {
    laminar_database *db;     /* retained */
    object           *target; /* retained */
    int32_t           width;
    coerce_target    *types;
    builder           rows;
    arena             scratch;
    defaults          fill;  /* a flush is a statement */
    char            **names; /* NUL-terminated, in memory of `arena` */
    arena             arena;
};

static status
appender_parts(laminar_appender *a, error *err) {
    const schema *s = a->target->schema;
    a->width = s->count;
    a->types = arena_alloc(&a->arena, sizeof(coerce_target) * (size_t)(s->count + 1));
    a->names = arena_alloc(&a->arena, sizeof(char *) * (size_t)(s->count + 1));
    data_type *types = arena_alloc(&a->arena, sizeof(data_type) * (size_t)(s->count + 1));
    if (a->types == NULL || a->names == NULL || types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < s->count; i++) {
        const text copy = arena_text(&a->arena, s->fields[i].name);
        if (copy.data == NULL) {
            return error_memory(err);
        }
        a->names[i] = (char *)(uintptr_t)copy.data;
        types[i] = s->fields[i].type;
        a->types[i] =
            (coerce_target){.type = types[i], .event_time = i == a->target->event_time_column};
    }
    TRY(builder_init(&a->rows, a->db->mem, types, s->count, err));
    a->rows.rows_max = db_limit(a->db, LIMIT_insert_rows, INSERT_ROWS_MAX);
    return OK;
}

static status
appender_open(laminar_appender **out, laminar_database *db, const char *name, error *err) {
    object *o = NULL;
    TRY(db_take_source(db, name, &o, err));
    laminar_appender *a = mem_alloc_zero(db->mem, sizeof(*a));
    if (a == NULL) {
        catalog_object_release(o);
        return error_memory(err);
    }
    a->db = db_retain(db);
    a->target = o;
    arena_init(&a->arena, db->mem);
    arena_init(&a->scratch, db->mem);
    const plan_env env = db_plan_env(db);
    defaults_init(&a->fill, o, db->mem, &env.eval, NULL);
    const status s = appender_parts(a, err);
    if (s < 0) {
        laminar_appender_close(a);
        return s;
    }
    *out = a;
    return OK;
}

laminar_status
laminar_appender_open(laminar_appender **out, laminar_database *db, const char *source_name,
                      laminar_error *err) {
    error e = {0};
    return report(err, &e, appender_open(out, db, source_name, &e), TEXT(""));
}

void
laminar_appender_close(laminar_appender *a) {
    if (a == NULL) {
        return;
    }
    if (a->rows.columns != NULL) {
        builder_fini(&a->rows);
    }
    defaults_fini(&a->fill);
    arena_fini(&a->scratch);
    arena_fini(&a->arena);
    catalog_object_release(a->target);
    laminar_database *db = a->db;
    mem_free(db->mem, a, sizeof(*a));
    db_release(db);
}

int32_t
laminar_appender_column_count(const laminar_appender *a) {
    return a->width;
}

const char *
laminar_appender_column_name(const laminar_appender *a, int32_t at) {
    return at < 0 || at >= a->width ? NULL : a->names[at];
}

laminar_type
laminar_appender_column_type(const laminar_appender *a, int32_t at) {
    return at < 0 || at >= a->width ? LAMINAR_TYPE_NULL : (laminar_type)a->types[at].type.id;
}

void
laminar_appender_clear(laminar_appender *a) {
    builder_truncate(&a->rows, 0);
    arena_reset(&a->scratch);
    defaults_next(&a->fill);
}

enum { TEXT_RUN = 256 };

static laminar_status
fail(laminar_appender *a, const error *e, status s, laminar_error *err) {
    laminar_appender_clear(a);
    return report(err, e, s, TEXT(""));
}

laminar_status
laminar_appender_find(laminar_appender *a, const char *name, size_t name_size, int32_t *at,
                      laminar_error *err) {
    const text wanted = {name, name_size};
    *at = schema_find(a->target->schema, wanted, false);
    if (*at >= 0) {
        return LAMINAR_OK;
    }
    error e = {0};
    error_set(&e, ERR_INGESTION_FAILED, "unknown column \"%.*s\" for source \"%.*s\"",
              TEXT_ARG(wanted), TEXT_ARG(a->target->name));
    text *names = arena_alloc(&a->scratch, sizeof(text) * (size_t)(a->width + 1));
    if (names != NULL) {
        for (int32_t i = 0; i < a->width; i++) {
            names[i] = a->target->schema->fields[i].name;
        }
        const int32_t near = text_nearest(wanted, names, a->width);
        if (near >= 0) {
            (void)error_hint(&e, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
        }
    }
    return fail(a, &e, ERR_INGESTION_FAILED, err);
}

/* The way of everything that is not already of the column's type. */
static NOINLINE laminar_status
append_coerced(laminar_appender *a, int32_t at, const value *in, laminar_error *err) {
    error e = {0};
    if (at < 0 || at >= a->width) {
        return fail(a, &e, error_set(&e, ERR_INVALID_ARGUMENT, "there is no column %d", at), err);
    }
    value  made;
    status s = coerce_value(&made, in, a->types[at], &a->scratch, &e);
    if (s == OK) {
        s = column_append_value(&a->rows, at, &made, &e);
    }
    if (s == OK) {
        return LAMINAR_OK;
    }
    if (s != ERR_OUT_OF_MEMORY) {
        const error why = e;
        error_set(&e, ERR_INGESTION_FAILED, "row %d, column \"%s\": %.300s",
                  a->rows.columns[at].count + 1, a->names[at], why.message);
    }
    return fail(a, &e, s, err);
}

static laminar_status
appended(laminar_appender *a, status s, const error *e, laminar_error *err) {
    return LIKELY(s == OK) ? LAMINAR_OK : fail(a, e, s, err);
}

ALWAYS_INLINE bool
is_type(const laminar_appender *a, int32_t at, type_id id) {
    if (UNLIKELY(at < 0 || at >= a->width)) {
        return false;
    }
    const data_type t = a->types[at].type;
    return t.id == id && (t.precision == 0 || id == TYPE_I64); /* a BIGINT may be a time */
}

laminar_status
laminar_append_null(laminar_appender *a, int32_t at, laminar_error *err) {
    if (at < 0 || at >= a->width) {
        const value v = value_null(TYPE_NULL);
        return append_coerced(a, at, &v, err);
    }
    error e = {0};
    return appended(a, column_append_null(&a->rows, at, &e), &e, err);
}

static laminar_status
append_defaults(laminar_appender *a, int32_t at, int32_t count, laminar_error *err) {
    error        e = {0};
    const status s = column_append_fill(&a->rows, at, count, &a->fill.base, &a->scratch, &e);
    return appended(a, s, &e, err);
}

laminar_status
laminar_append_default(laminar_appender *a, int32_t at, laminar_error *err) {
    return at < 0 || at >= a->width ? laminar_append_null(a, at, err)
                                    : append_defaults(a, at, 1, err);
}

laminar_status
laminar_append_boolean(laminar_appender *a, int32_t at, bool b, laminar_error *err) {
    const value v = {.type = type_of(TYPE_BOOL), .b = b};
    return append_coerced(a, at, &v, err);
}

laminar_status
laminar_append_bigint(laminar_appender *a, int32_t at, int64_t i, laminar_error *err) {
    error e;
    if (is_type(a, at, TYPE_I64)) {
        return appended(a, column_append_i64(&a->rows, at, i, &e), &e, err);
    }
    if (is_type(a, at, TYPE_F64)) {
        return appended(a, column_append_f64(&a->rows, at, (double)i, &e), &e, err);
    }
    const value v = value_i64(i);
    return append_coerced(a, at, &v, err);
}

laminar_status
laminar_append_double(laminar_appender *a, int32_t at, double d, laminar_error *err) {
    error e;
    if (is_type(a, at, TYPE_F64)) {
        return appended(a, column_append_f64(&a->rows, at, d, &e), &e, err);
    }
    const value v = {.type = type_of(TYPE_F64), .d = d};
    return append_coerced(a, at, &v, err);
}

laminar_status
laminar_append_bigints(laminar_appender *a, int32_t at, const int64_t *v, int32_t count,
                       laminar_error *err) {
    error e;
    if (is_type(a, at, TYPE_I64)) {
        return appended(a, column_append_i64_run(&a->rows, at, v, count, &e), &e, err);
    }
    laminar_status s = LAMINAR_OK;
    for (int32_t i = 0; s == LAMINAR_OK && i < count; i++) {
        s = laminar_append_bigint(a, at, v[i], err);
    }
    return s;
}

laminar_status
laminar_append_doubles(laminar_appender *a, int32_t at, const double *v, int32_t count,
                       laminar_error *err) {
    error e;
    if (is_type(a, at, TYPE_F64)) {
        return appended(a, column_append_f64_run(&a->rows, at, v, count, &e), &e, err);
    }
    laminar_status s = LAMINAR_OK;
    for (int32_t i = 0; s == LAMINAR_OK && i < count; i++) {
        s = laminar_append_double(a, at, v[i], err);
    }
    return s;
}

laminar_status
laminar_append_text(laminar_appender *a, int32_t at, const char *data, size_t size,
                    laminar_error *err) {
    error      e = {0};
    const text t = {data, size};
    if (!text_is_storable(t)) {
        const bool known = at >= 0 && at < a->width;
        error_set(&e, ERR_INGESTION_FAILED,
                  "row %d, column \"%s\": the text is not valid UTF-8 or holds a NUL byte",
                  known ? a->rows.columns[at].count + 1 : 0, known ? a->names[at] : "?");
        return fail(a, &e, ERR_INGESTION_FAILED, err);
    }
    if (is_type(a, at, TYPE_TEXT)) {
        return appended(a, column_append_text(&a->rows, at, t, &e), &e, err);
    }
    const value v = {.type = type_of(TYPE_TEXT), .s = t};
    return append_coerced(a, at, &v, err);
}

laminar_status
laminar_append_texts(laminar_appender *a, int32_t at, const char *const *data, const size_t *sizes,
                     int32_t count, laminar_error *err) {
    text           run[TEXT_RUN];
    laminar_status s = LAMINAR_OK;
    for (int32_t i = 0, n; s == LAMINAR_OK && i < count; i += n) {
        bool plain = is_type(a, at, TYPE_TEXT);
        n = count - i < TEXT_RUN ? count - i : TEXT_RUN;
        for (int32_t k = 0; plain && k < n; k++) {
            run[k] = (text){data[i + k], sizes[i + k]};
            plain = text_is_storable(run[k]);
        }
        if (LIKELY(plain)) {
            error e;
            s = appended(a, column_append_text_run(&a->rows, at, run, n, &e), &e, err);
            continue;
        }
        for (int32_t k = 0; s == LAMINAR_OK && k < n; k++) { /* one of them says what is wrong */
            s = laminar_append_text(a, at, data[i + k], sizes[i + k], err);
        }
    }
    return s;
}

laminar_status
laminar_append_value(laminar_appender *a, int32_t at, const laminar_value *v, laminar_error *err) {
    value        made;
    error        e = {0};
    error        why = {0};
    const bool   known = at >= 0 && at < a->width;
    const bool   nested = v->type >= LAMINAR_TYPE_LIST && v->type <= LAMINAR_TYPE_MAP;
    const status s =
        value_read(&made, v, known && nested ? &a->types[at].type : NULL, &a->scratch, &why);
    if (s == OK) {
        return append_coerced(a, at, &made, err);
    }
    if (s == ERR_OUT_OF_MEMORY) {
        return fail(a, &why, s, err);
    }
    error_set(&e, ERR_INGESTION_FAILED, "row %d, column \"%s\": %.300s",
              known ? a->rows.columns[at].count + 1 : 0, known ? a->names[at] : "?", why.message);
    return fail(a, &e, ERR_INGESTION_FAILED, err);
}

laminar_status
laminar_append_timestamp(laminar_appender *a, int32_t at, int64_t us, laminar_error *err) {
    const value v = {.type = type_of(TYPE_TIMESTAMP), .i = us};
    return append_coerced(a, at, &v, err);
}

laminar_status
laminar_append_date(laminar_appender *a, int32_t at, int32_t days, laminar_error *err) {
    const value v = {.type = type_of(TYPE_DATE), .i = days};
    return append_coerced(a, at, &v, err);
}

/* ---------------------------------------------------------------------------------- whole rows */
static int32_t
longest(const laminar_appender *a) {
    int32_t rows = 0;
    for (int32_t i = 0; i < a->width; i++) {
        rows = a->rows.columns[i].count > rows ? a->rows.columns[i].count : rows;
    }
    return rows;
}

static laminar_status
fill_column(laminar_appender *a, int32_t at, int32_t rows, laminar_error *err) {
    const int32_t missing = rows - a->rows.columns[at].count;
    return missing == 0 ? LAMINAR_OK : append_defaults(a, at, missing, err);
}

laminar_status
laminar_appender_end_row(laminar_appender *a, laminar_error *err) {
    const int32_t rows = longest(a);
    for (int32_t i = 0; i < a->width; i++) {
        const laminar_status s = fill_column(a, i, rows, err);
        if (s < 0) {
            return s;
        }
    }
    return LAMINAR_OK;
}

static laminar_status
check_lengths(laminar_appender *a, int32_t rows, laminar_error *err) {
    for (int32_t i = 0; i < a->width; i++) {
        const int32_t count = a->rows.columns[i].count;
        if (count == 0) {
            const laminar_status s = fill_column(a, i, rows, err);
            if (s < 0) {
                return s;
            }
        } else if (count != rows) {
            error e = {0};
            return fail(a, &e,
                        error_set(&e, ERR_INGESTION_FAILED,
                                  "column \"%s\" has %d values, others have %d", a->names[i], count,
                                  rows),
                        err);
        }
    }
    return LAMINAR_OK;
}

enum { LENT_COLUMNS = 32 };

/* Few rows of a source are copied by its table at once, so they need no copy of their own: *out
 * shows them as they lie here, with `columns` for its columns. */
static bool
lend(const laminar_appender *a, column *columns, batch *out) {
    const builder *b = &a->rows;
    if (a->target->kind != OBJECT_SOURCE || b->column_count > LENT_COLUMNS ||
        builder_rows(b) >= TABLE_KEEP_ROWS || !builder_is_small(b)) {
        return false;
    }
    out->chunk = NULL;
    builder_view(b, columns, &out->rows);
    return true;
}

static status
flush_rows(laminar_appender *a, bool wait, error *err) {
    batch *rows = NULL;
    batch  lent;
    column columns[LENT_COLUMNS];
    if (wait && lend(a, columns, &lent)) {
        const status s = db_insert(a->db, a->target, &lent, true, err);
        builder_truncate(&a->rows, 0);
        return s;
    }
    TRY(builder_take(&a->rows, &rows, err));
    const status s = db_insert(a->db, a->target, rows, wait, err);
    batch_release(rows);
    return s;
}

/* With the token, which it gives back. */
static status
flush_entered(laminar_appender *a, error *err) {
    batch     *taken = NULL;
    batch      lent;
    column     columns[LENT_COLUMNS];
    const bool lends = lend(a, columns, &lent);
    status     s = lends ? OK : builder_take(&a->rows, &taken, err);
    if (s == OK) {
        s = db_append_batch(a->db, a->target, lends ? &lent : taken, err);
        s = db_settle(a->db, s, err);
        builder_truncate(&a->rows, 0);
        batch_release(taken);
    }
    db_leave(a->db);
    return s;
}

/* What is left when rows are in, or refused. */
static laminar_status
end_flush(laminar_appender *a, status s, const error *e, int32_t rows, int64_t *row_count,
          laminar_error *err) {
    if (s < 0) {
        return fail(a, e, s, err);
    }
    if (a->scratch.block != NULL) {
        arena_reset(&a->scratch);
    }
    defaults_next(&a->fill);
    if (row_count != NULL) {
        *row_count = rows;
    }
    return LAMINAR_OK;
}

laminar_status
laminar_appender_flush_now(laminar_appender *a, int64_t *row_count, laminar_error *err) {
    const int32_t rows = longest(a);
    error         e = {0};
    if (db_check_process(a->db, &e) < 0 || db_check_inside(a->db, &e) < 0) {
        return LAMINAR_DONE; /* flush says what is wrong */
    }
    const laminar_status fits = check_lengths(a, rows, err);
    if (fits < 0) {
        return fits;
    }
    if (rows > 0 && !db_enter_now(a->db, rows)) {
        return LAMINAR_DONE;
    }
    return end_flush(a, rows > 0 ? flush_entered(a, &e) : OK, &e, rows, row_count, err);
}

static laminar_status
flush(laminar_appender *a, bool wait, int64_t *row_count, laminar_error *err) {
    const int32_t        rows = longest(a);
    const laminar_status fits = check_lengths(a, rows, err);
    if (fits < 0) {
        return fits;
    }
    error  e;
    status s = OK;
    if (rows > 0) {
        s = flush_rows(a, wait, &e);
    }
    return end_flush(a, s, &e, rows, row_count, err);
}

laminar_status
laminar_appender_flush(laminar_appender *a, int64_t *row_count, laminar_error *err) {
    return flush(a, true, row_count, err);
}

laminar_status
laminar_appender_submit(laminar_appender *a, int64_t *row_count, laminar_error *err) {
    return flush(a, false, row_count, err);
}
