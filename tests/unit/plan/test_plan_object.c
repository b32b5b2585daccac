/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan_object.c - CREATE SOURCE to an object, INSERT ... VALUES to a batch, and the filter of
 * a stream. */
#include "plan/fixture.h"

static status
make(fixture *f, const char *sql, object **out, error *err) {
    ast_script script;
    error_clear(err);
    TRY(sql_parse(&script, &f->arena, text_of(sql), err));
    object *o = NULL;
    TRY(catalog_object_new(&o, f->mem, OBJECT_SOURCE, script.statements[0]->name.text, err));
    const status s = plan_object(o, NULL, &fixture_env, script.statements[0], err);
    if (s < 0) {
        catalog_object_release(o);
        o = NULL;
    }
    *out = o;
    return s;
}

static void
test_columns(void **state) {
    (void)state;
    error   err = {0};
    mem     m;
    fixture f;
    object *o;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    CHECK_OK(make(&f,
                  "CREATE SOURCE s (a INT NOT NULL, b VARCHAR(20) DEFAULT 'x', c TIMESTAMP(3), "
                  "d TIMESTAMP(6), e DOUBLE DEFAULT 1 + 2, ts TIMESTAMP, f SMALLINT DEFAULT -3, "
                  "WATERMARK FOR ts AS ts - INTERVAL '1 minute 5 seconds')",
                  &o, &err));
    const schema *s = o->schema;
    CHECK_EQ(s->count, 7);
    CHECK_EQ(s->fields[0].type.id, TYPE_I32);
    CHECK(!s->fields[0].nullable && s->fields[1].nullable);
    CHECK_EQ(s->fields[1].type.id, TYPE_TEXT);
    CHECK_EQ(s->fields[2].type.id, TYPE_TIMESTAMP_MS);
    CHECK_EQ(s->fields[3].type.id, TYPE_TIMESTAMP);
    CHECK_TEXT(o->defaults[1].value->constant.s, "x");
    CHECK_TEXT(o->defaults[1].shown, "'x'");
    CHECK(o->defaults[0].value == NULL && o->defaults[0].shown.data == NULL);
    const value *e = &o->defaults[4].value->constant, *small = &o->defaults[6].value->constant;
    CHECK(e->type.id == TYPE_F64 && e->d == 3.0);
    CHECK(small->type.id == TYPE_I16 && small->i == -3);
    CHECK_EQ(o->event_time_column, 5);
    CHECK_EQ(o->delay_us, INT64_C(65000000));
    CHECK(o->append_only && !o->manual_watermark);
    catalog_object_release(o);
    CHECK_OK(make(&f, "CREATE SOURCE s (\"Ts\" BIGINT, WATERMARK FOR \"Ts\" AS \"Ts\")", &o, &err));
    CHECK_EQ(o->event_time_column, 0);
    CHECK_EQ(o->delay_us, 0);
    catalog_object_release(o);
    CHECK_OK(make(&f, "CREATE SOURCE s (ts BIGINT, WATERMARK FOR ts AS ts - 250)", &o, &err));
    CHECK_EQ(o->delay_us, 250000);
    catalog_object_release(o);
    CHECK_OK(make(&f, "CREATE SOURCE s (id BIGINT, at TIMESTAMP) WITH (watermark = 'manual')", &o,
                  &err));
    CHECK(o->manual_watermark && o->event_time_column == 1 && o->delay_us == INT64_MAX);
    catalog_object_release(o);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

static const struct {
    const char *sql, *message, *hint;
    int32_t     position;
} refused[] = {
    {"CREATE SOURCE s (a DECIMALS)", "Unknown type: DECIMALS", "", 19},
    {"CREATE SOURCE s (a BIGNIT)", "Unknown type: BIGNIT", "BIGINT", 19},
    {"CREATE SOURCE s (a TIMESTAMP(10))", "precision", "TIMESTAMP(3)", 19},
    {"CREATE SOURCE s (a INT, A INT)", "declared twice", "", 24},
    {"CREATE SOURCE s (__weight INT)", "__weight", "another name", 17},
    {"CREATE SOURCE s (a INT PRIMARY KEY)", "PRIMARY KEY", "GROUP BY the key", 23},
    {"CREATE SOURCE s (a INT DEFAULT 'x')", "'x'", "", 31},
    {"CREATE SOURCE s (a INT DEFAULT b)", "\"b\"", "", 31},
    {"CREATE SOURCE s (ts BIGINT, WATERMARK FOR tz AS tz)", "no such column", "\"ts\"", 42},
    {"CREATE SOURCE s (ts VARCHAR, WATERMARK FOR ts AS ts)", "VARCHAR", "ts TIMESTAMP", 43},
    {"CREATE SOURCE s (ts BIGINT, WATERMARK FOR ts AS ts + 5)", "minus", "INTERVAL '5' SECOND", 48},
    {"CREATE SOURCE s (ts BIGINT, b BIGINT, WATERMARK FOR ts AS ts - b)", "constant",
     "WATERMARK FOR ts", 58},
    {"CREATE SOURCE s (ts BIGINT, WATERMARK FOR ts AS ts - INTERVAL '1' MONTH)", "months", "DAY",
     53},
    {"CREATE SOURCE s (ts BIGINT) WITH (watermrk = 'manual')", "unknown option \"watermrk\"",
     "\"watermark\"", 34},
    {"CREATE SOURCE s (ts BIGINT) WITH (watermark = 'auto')", "'manual'", "watermark = 'manual'",
     46},
    {"CREATE SOURCE s (ts BIGINT) WITH (watermark = 'manual')", "one event-time column",
     "WATERMARK FOR", 14},
};

static void
test_refused_objects(void **state) {
    (void)state;
    error   err = {0};
    mem     m;
    fixture f;
    object *o;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(refused); i++) {
        const status s = make(&f, refused[i].sql, &o, &err);
        if (s >= 0 || strstr(err.message, refused[i].message) == NULL ||
            strstr(err.hint, refused[i].hint) == NULL || err.position != refused[i].position) {
            print_error("%s\n  gave @%d %s | %s\n", refused[i].sql, err.position, err.message,
                        err.hint);
            fail();
        }
    }
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
insert(fixture *f, const char *sql, batch **out, error *err) {
    ast_script script;
    error_clear(err);
    TRY(sql_parse(&script, &f->arena, text_of(sql), err));
    const ast_statement *s = script.statements[0];
    object              *o;
    TRY(catalog_need(&o, f->catalog, s->name.text, false, ERR_NOT_FOUND_IN_QUERY, "Table", -1,
                     err));
    return plan_insert_values(out, f->mem, &f->arena, &fixture_env, o, s, err);
}

static void
test_insert(void **state) {
    (void)state;
    error   err = {0};
    mem     m;
    fixture f;
    batch  *b;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    CHECK_OK(
        insert(&f,
               "INSERT INTO flights (delay, carrier, ts) VALUES (1 + 2, 'a carrier of long name', "
               "'2024-01-01 00:00:01'), (NULL, lower('BB'), TIMESTAMP '1970-01-01 00:00:00'), "
               "(7.0, 5, '1970-01-02')",
               &b, &err));
    CHECK_EQ(b->rows.row_count, 3);
    CHECK_EQ(b->rows.column_count, 5);
    CHECK_TEXT(column_value(&b->rows.columns[0], 0).s, "a carrier of long name");
    const column *carrier = &b->rows.columns[0];
    const value   second = column_value(carrier, 1), third = column_value(carrier, 2);
    CHECK_TEXT(second.s, "bb");
    CHECK_TEXT(third.s, "5");
    CHECK(column_value(&b->rows.columns[1], 0).is_null);
    CHECK_EQ(column_value(&b->rows.columns[2], 0).i, 3);
    CHECK(column_value(&b->rows.columns[2], 1).is_null);
    CHECK_EQ(column_value(&b->rows.columns[2], 2).i, 7);
    CHECK_EQ(column_value(&b->rows.columns[4], 1).i, 0);
    CHECK_EQ(column_value(&b->rows.columns[4], 2).i, INT64_C(86400000000));
    batch_release(b);
    CHECK_OK(insert(&f,
                    "INSERT INTO trades VALUES ('x', 1, 2, NULL, TIMESTAMP '1970-01-01 00:00:05')",
                    &b, &err));
    CHECK_EQ(column_value(&b->rows.columns[4], 0).i, 5000); /* epoch ms */
    CHECK(column_value(&b->rows.columns[1], 0).d == 1.0);
    batch_release(b);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

static const struct {
    const char *sql, *message;
    status      status;
} refused_rows[] = {
    {"INSERT INTO flights (dely) VALUES (1)", "\"dely\" does not exist", ERR_QUERY_FAILED},
    {"INSERT INTO flights (delay, delay) VALUES (1, 2)", "twice", ERR_QUERY_FAILED},
    {"INSERT INTO flights VALUES (1)", "5 columns", ERR_QUERY_FAILED},
    {"INSERT INTO flights (delay) VALUES (1), ('x')", "row 2, column \"delay\"",
     ERR_INGESTION_FAILED},
    {"INSERT INTO flights (delay) VALUES (1.5)", "whole number", ERR_INGESTION_FAILED},
    {"INSERT INTO flights (delay) VALUES (3000000000)", "INTEGER", ERR_INGESTION_FAILED},
    {"INSERT INTO plain (flag) VALUES (2)", "0 and 1", ERR_INGESTION_FAILED},
    {"INSERT INTO trades (price) VALUES (1)", "NOT NULL", ERR_INGESTION_FAILED},
    {"INSERT INTO trades (symbol) VALUES (NULL)", "NOT NULL", ERR_INGESTION_FAILED},
    {"INSERT INTO trades (symbol) VALUES (price)", "price", ERR_QUERY_FAILED},
    {"INSERT INTO trades (symbol) VALUES (count(*))", "aggregate", ERR_QUERY_FAILED},
};

static void
test_refused_rows(void **state) {
    (void)state;
    error   err = {0};
    mem     m;
    fixture f;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(refused_rows); i++) {
        batch       *b = NULL;
        const status s = insert(&f, refused_rows[i].sql, &b, &err);
        if (s != refused_rows[i].status || strstr(err.message, refused_rows[i].message) == NULL ||
            err.position < 0) {
            print_error("%s\n  gave %d @%d %s\n", refused_rows[i].sql, s, err.position,
                        err.message);
            fail();
        }
    }
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_expression(void **state) {
    (void)state;
    error     err = {0};
    mem       m;
    fixture   f;
    ast_expr *e;
    expr     *bound;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    const schema *s = catalog_find(f.catalog, TEXT("flights"), false)->schema;
    CHECK_OK(sql_parse_expression(&e, &f.arena, TEXT("delay > 5 AND carrier = 'AA'"), &err));
    CHECK_OK(plan_expression(&bound, &f.arena, &fixture_env, e, s, &err));
    CHECK_EQ(bound->type.id, TYPE_BOOL);
    CHECK_OK(sql_parse_expression(&e, &f.arena, TEXT("delay + 5"), &err));
    CHECK_FAILS(plan_expression(&bound, &f.arena, &fixture_env, e, s, &err), ERR_QUERY_FAILED);
    CHECK_OK(sql_parse_expression(&e, &f.arena, TEXT("dely > 5"), &err));
    CHECK_FAILS(plan_expression(&bound, &f.arena, &fixture_env, e, s, &err), ERR_QUERY_FAILED);
    CHECK_STR(err.hint, "did you mean \"delay\"?");
    CHECK_OK(sql_parse_expression(&e, &f.arena, TEXT("count(*) > 5"), &err));
    CHECK_FAILS(plan_expression(&bound, &f.arena, &fixture_env, e, s, &err), ERR_QUERY_FAILED);
    CHECK_OK(sql_parse_expression(&e, &f.arena, TEXT("window_start > TUMBLE(ts, 5)"), &err));
    CHECK_FAILS(plan_expression(&bound, &f.arena, &fixture_env, e, s, &err), ERR_QUERY_FAILED);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
scenario(mem *m, error *err) {
    fixture f;
    batch  *b = NULL;
    status  s = fixture_open(&f, m, err);
    if (s >= 0) {
        s = insert(&f,
                   "INSERT INTO trades (symbol, price, ts) VALUES ('a long symbol name', 1, 5), "
                   "('b', NULL, 1 + 6)",
                   &b, err);
    }
    batch_release(b);
    if (f.catalog != NULL) {
        fixture_close(&f);
    } else {
        arena_fini(&f.arena);
    }
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("objects", scenario) > 50);
}

UNIT_MAIN(UNIT(test_columns), UNIT(test_refused_objects), UNIT(test_insert),
          UNIT(test_refused_rows), UNIT(test_expression), UNIT(test_torture))
