/* SPDX-License-Identifier: Apache-2.0 */
/* objects.c - what there is: lists, schemas and counters of sources and streams. */
#include <stdio.h>

#include "arrow/arrow.h"
#include "db/internal.h"

static object_kind
kind_of(laminar_object_kind kind) {
    switch (kind) {
    case LAMINAR_OBJECT_SOURCE:
        return OBJECT_SOURCE;
    case LAMINAR_OBJECT_TABLE:
        return OBJECT_TABLE;
    default:
        return OBJECT_STREAM;
    }
}

static status
list_objects(laminar_database *db, object_kind kind, laminar_result **out, error *err) {
    arena a;
    arena_init(&a, db->mem);
    const int32_t total = catalog_count(db->catalog);
    text         *cells = arena_alloc(&a, sizeof(text) * 2 * (size_t)(total + 1));
    int32_t       n = 0;
    for (int32_t i = 0; cells != NULL && i < total; i++) {
        const object *o = catalog_at(db->catalog, i);
        if (o->kind == kind) {
            cells[2 * n] = o->name;
            cells[2 * n + 1] = o->sql;
            n++;
        }
    }
    static const char *const names[] = {"name", "sql"};
    status                   s = error_memory(err);
    if (cells != NULL) {
        s = answer_texts(out, db->mem, LAMINAR_RESULT_METADATA, names, 2, cells, n, err);
    }
    arena_fini(&a);
    return s;
}

laminar_status
laminar_database_list(laminar_database *db, laminar_object_kind kind, laminar_result **out,
                      laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        s = list_objects(db, kind_of(kind), out, &e);
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

laminar_status
laminar_database_schema(laminar_database *db, const char *name, struct ArrowSchema *out,
                        laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        object *o = NULL;
        s = catalog_need(&o, db->catalog, text_of(name), false, ERR_TABLE_NOT_FOUND,
                         "Source or stream", -1, &e);
        if (s == OK) {
            s = arrow_export_schema(out, o->schema, false, db->mem, &e);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

/* Watermarks leave the engine as epoch milliseconds; "none yet" stays the smallest integer. */
static int64_t
watermark_ms(int64_t us) {
    return us == INT64_MIN ? INT64_MIN : floor_div_i64(us, 1000);
}

/* An older caller's struct may be shorter than ours. */
static void
copy_sized(void *out, const void *made, uint32_t size, size_t known) {
    const size_t n = size < known ? size : known;
    memcpy(out, made, n);
    memcpy(out, &size, sizeof(size));
}

laminar_status
laminar_database_source_stats(laminar_database *db, const char *name, laminar_source_stats *out,
                              laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        object *o = NULL;
        s = db_find_source(db, text_of(name), &o, &e);
        if (s == OK) {
            const source              *src = o->impl;
            const table               *t = source_table(src);
            const laminar_source_stats made = {.total_rows = table_row_count(t),
                                               .retained_rows = table_row_count(t),
                                               .retained_bytes = table_byte_count(t),
                                               .watermark_ms =
                                                   watermark_ms(source_watermark_us(src)),
                                               .null_time_rows = source_null_time_rows(src)};
            copy_sized(out, &made, out->size, sizeof(made));
            catalog_object_release(o);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}

static void
fill_stream_stats(const stream *st, laminar_stream_stats *out) {
    stream_counters c;
    error           why = {0};
    stream_count(st, &c);
    const laminar_stream_stats made = {.rows_in = c.rows_in,
                                       .rows_out = c.rows_out,
                                       .late_rows = c.late_rows,
                                       .null_time_rows = c.null_time_rows,
                                       .ticks = c.ticks,
                                       .watermark_ms = watermark_ms(c.watermark_us),
                                       .state_bytes = c.state_bytes,
                                       .failed = stream_failure(st, &why)};
    copy_sized(out, &made, out->size, sizeof(made));
    if (made.failed && out->size >= sizeof(made)) {
        (void)snprintf(out->error, sizeof(out->error), "%s", why.message);
    }
}

laminar_status
laminar_database_stream_stats(laminar_database *db, const char *name, laminar_stream_stats *out,
                              laminar_error *err) {
    error  e = {0};
    status s = db_enter(db, &e);
    if (s == OK) {
        object *o = NULL;
        s = catalog_need(&o, db->catalog, text_of(name), false, ERR_TABLE_NOT_FOUND, "Stream", -1,
                         &e);
        if (s == OK && o->kind != OBJECT_STREAM) {
            s = error_set(&e, ERR_TABLE_NOT_FOUND, "Stream not found: %.*s", TEXT_ARG(o->name));
        }
        if (s == OK) {
            fill_stream_stats(o->impl, out);
        }
        db_leave(db);
    }
    return report(err, &e, s, TEXT(""));
}
