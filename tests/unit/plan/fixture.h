/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a small catalog made by the binder itself, and a statement planned in one call. */
#ifndef LAMINAR_TESTS_UNIT_PLAN_FIXTURE_H
#define LAMINAR_TESTS_UNIT_PLAN_FIXTURE_H

#include "unit.h"

#include "plan/plan.h"
#include "sql/parser.h"

typedef struct fixture {
    mem     *mem;
    catalog *catalog;
    arena    arena; /* of the statement */
    plan     plan;
    char     text[8192]; /* what EXPLAIN shows */
} fixture;

static const plan_env fixture_env = {.eval = {.now_us = 0}};

static const char *const fixture_sources[] = {
    "CREATE SOURCE flights (carrier VARCHAR, origin VARCHAR, delay INTEGER, distance DOUBLE, "
    "ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)",
    "CREATE SOURCE trades (symbol VARCHAR NOT NULL, price DOUBLE, volume BIGINT, \"Venue\" "
    "VARCHAR, "
    "ts BIGINT, WATERMARK FOR ts AS ts - 1000)",
    "CREATE SOURCE plain (id BIGINT, k SMALLINT, flag BOOLEAN, day DATE, at TIMESTAMP_MS, "
    "name VARCHAR, i8 TINYINT)",
    "CREATE SOURCE manual (id BIGINT, at TIMESTAMP(3)) WITH (watermark = 'manual')",
    "CREATE SOURCE airports (code VARCHAR, city VARCHAR, country VARCHAR, height INTEGER)",
};

static inline status
fixture_add(fixture *f, const char *sql, error *err) {
    ast_script script;
    TRY(sql_parse(&script, &f->arena, text_of(sql), err));
    const ast_statement *s = script.statements[0];
    object              *o = NULL;
    TRY(catalog_object_new(&o, f->mem, s->kind == AST_CREATE_TABLE ? OBJECT_TABLE : OBJECT_SOURCE,
                           s->name.text, err));
    status result = plan_object(o, NULL, &fixture_env, s, err);
    if (result >= 0) {
        result = catalog_add(f->catalog, o, err);
    }
    catalog_object_release(o);
    return result;
}

/* A stream whose rows change: what a plan over it may promise is less. */
static inline status
fixture_add_stream(fixture *f, error *err) {
    object *o = NULL;
    TRY(catalog_object_new(&o, f->mem, OBJECT_STREAM, TEXT("counts"), err));
    field  *fields = arena_alloc_zero(&o->arena, 2 * sizeof(*fields));
    schema *s = arena_alloc_zero(&o->arena, sizeof(*s));
    status  result = fields == NULL || s == NULL ? error_memory(err) : OK;
    if (result >= 0) {
        fields[0] = (field){.name = TEXT("carrier"), .type = type_of(TYPE_TEXT), .nullable = true};
        fields[1] = (field){.name = TEXT("n"), .type = type_of(TYPE_I64), .nullable = true};
        *s = (schema){.count = 2, .fields = fields};
        o->schema = s;
        result = catalog_add(f->catalog, o, err);
    }
    catalog_object_release(o);
    return result;
}

static inline status
fixture_open(fixture *f, mem *m, error *err) {
    memset(f, 0, sizeof(*f));
    f->mem = m;
    arena_init(&f->arena, m);
    TRY(catalog_open(&f->catalog, m, err));
    for (int32_t i = 0; i < ARRAY_COUNT(fixture_sources); i++) {
        TRY(fixture_add(f, fixture_sources[i], err));
    }
    return fixture_add_stream(f, err);
}

static inline void
fixture_close(fixture *f) {
    catalog_close(f->catalog);
    arena_fini(&f->arena);
}

/* `sql` is a SELECT or a CREATE STREAM ... AS SELECT; either is planned as a stream when
 * `streaming`. */
static inline status
fixture_plan(fixture *f, const char *sql, bool streaming, error *err) {
    arena_reset(&f->arena);
    error_clear(err);
    ast_script script;
    TRY(sql_parse(&script, &f->arena, text_of(sql), err));
    const ast_statement *s = script.statements[0];
    TRY(plan_select(&f->plan, &f->arena, f->catalog, NULL, &fixture_env, s->select, text_of(sql),
                    streaming, &s->emit, err));
    buf out;
    buf_init(&out, f->mem, sizeof(f->text) - 1);
    plan_print(&f->plan, NULL, &out);
    const text shown = buf_text(&out);
    if (shown.size > 0) {
        memcpy(f->text, shown.data, shown.size);
    }
    f->text[shown.size] = '\0';
    buf_fini(&out); /* what does not fit is cut */
    return OK;
}

#endif
