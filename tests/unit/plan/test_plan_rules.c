/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan_rules.c - what holds for every plan (a checker walks it), keys and promises of results,
 * hostile text, torture. */
#include "plan/fixture.h"

#include "plan/node.h"

/* ---- every plan is well formed: columns exist, types agree, ids grow upwards, each expression
 * node has one owner */

typedef struct checker {
    int32_t     width;
    const char *sql;
    const expr *seen[4096];
    int32_t     seen_count;
} checker;

static void
check_expr(checker *c, const expr *e, const schema *input) {
    for (int32_t i = 0; i < c->seen_count; i++) {
        CHECK(c->seen[i] != e);
    }
    if (c->seen_count < ARRAY_COUNT(c->seen)) {
        c->seen[c->seen_count++] = e;
    }
    if (e->kind == EXPR_COLUMN) {
        CHECK(e->column >= 0 && e->column < input->count);
        CHECK(type_equal(e->type, input->fields[e->column].type));
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        check_expr(c, e->args[i], input);
    }
}

static void
check_same_types(const schema *a, int32_t from_a, const schema *b, int32_t from_b, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        CHECK(type_equal(a->fields[from_a + i].type, b->fields[from_b + i].type));
    }
}

static void
check_join(checker *c, const plan_node *n) {
    const schema *left = &n->inputs[0]->schema, *right = &n->inputs[1]->schema;
    const int32_t shown = join_shows_right(n->join) ? left->count + right->count : left->count;
    CHECK(n->column_map != NULL || n->schema.count == shown + (n->join == JOIN_MARK));
    for (int32_t i = 0; i < n->schema.count; i++) {
        const bool    mark = n->join == JOIN_MARK;
        const int32_t all = left->count + right->count;
        const int32_t at = n->column_map != NULL ? n->column_map[i] : mark && i == shown ? all : i;
        CHECK(at >= 0 && (at < shown || (mark && at == all)));
        const data_type t = at == all          ? type_of(TYPE_BOOL)
                            : at < left->count ? left->fields[at].type
                                               : right->fields[at - left->count].type;
        CHECK(type_equal(n->schema.fields[i].type, t));
    }
    for (int32_t i = 0; i < n->key_count; i++) {
        CHECK(n->left_keys[i] >= 0 && n->left_keys[i] < left->count);
        CHECK(n->right_keys[i] >= 0 && n->right_keys[i] < right->count);
        CHECK(type_equal(left->fields[n->left_keys[i]].type, right->fields[n->right_keys[i]].type));
    }
    if (n->predicate != NULL) {
        field        fields[512];
        const schema pair = {.count = left->count + right->count, .fields = fields};
        CHECK(pair.count <= ARRAY_COUNT(fields));
        for (int32_t i = 0; i < pair.count; i++) {
            fields[i] = i < left->count ? left->fields[i] : right->fields[i - left->count];
        }
        check_expr(c, n->predicate, &pair);
    }
}

static void
check_aggregate(const plan_node *n) {
    const schema *in = &n->inputs[0]->schema;
    CHECK_EQ(n->schema.count, n->key_count + n->agg_count);
    check_same_types(&n->schema, 0, in, 0, n->key_count);
    CHECK(n->key_count + n->agg_count > 0);
    for (int32_t i = 0; i < n->agg_count; i++) {
        const plan_agg *a = &n->aggs[i];
        const data_type output = a->signature.output;
        agg_signature   again = a->signature;
        error           err = {0};
        CHECK(a->filter < in->count);
        for (int32_t k = 0; k < a->signature.column_count; k++) {
            CHECK(a->columns[k] >= 0 && a->columns[k] < in->count);
            CHECK(type_equal(in->fields[a->columns[k]].type, a->signature.types[k]));
        }
        CHECK_OK(a->class->resolve(a->class, &again, &err));
        CHECK(type_equal(again.output, output));
        CHECK(type_equal(n->schema.fields[n->key_count + i].type, output));
        CHECK(a->filter < 0 || in->fields[a->filter].type.id == TYPE_BOOL);
    }
    CHECK(n->window_key < n->key_count);
    CHECK(n->window_key < 0 || n->window_size_us > 0);
}

static void
check_node(checker *c, const plan_node *n) {
    for (int32_t i = 0; i < n->input_count; i++) {
        CHECK(n->inputs[i]->id < n->id);
        check_node(c, n->inputs[i]);
    }
    const schema *in = n->input_count > 0 ? &n->inputs[0]->schema : NULL;
    switch (n->kind) {
    case PLAN_SCAN:
        CHECK(n->schema.count > 0);
        for (int32_t i = 0; i < n->schema.count; i++) {
            CHECK(type_equal(n->schema.fields[i].type,
                             n->object->schema->fields[n->column_map[i]].type));
        }
        break;
    case PLAN_FILTER:
        CHECK_EQ(n->predicate->type.id, TYPE_BOOL);
        check_expr(c, n->predicate, in);
        check_same_types(&n->schema, 0, in, 0, in->count);
        break;
    case PLAN_PROJECT:
        for (int32_t i = 0; i < n->schema.count; i++) {
            check_expr(c, n->exprs[i], in);
            CHECK(type_equal(n->exprs[i]->type, n->schema.fields[i].type));
        }
        break;
    case PLAN_AGGREGATE:
        check_aggregate(n);
        break;
    case PLAN_JOIN:
        check_join(c, n);
        break;
    case PLAN_ASOF: {
        const schema *right = &n->inputs[1]->schema;
        CHECK_EQ(n->schema.count, in->count + right->count);
        check_same_types(&n->schema, 0, in, 0, in->count);
        for (int32_t i = 0; i <= n->key_count; i++) {
            CHECK(
                type_equal(in->fields[n->left_keys[i]].type, right->fields[n->right_keys[i]].type));
        }
        break;
    }
    case PLAN_WINDOW:
        CHECK_EQ(n->schema.count, in->count + 1);
        CHECK(n->time_column >= 0 && n->time_column < in->count);
        CHECK(type_equal(n->schema.fields[in->count].type, in->fields[n->time_column].type));
        break;
    case PLAN_OVER:
        CHECK_EQ(n->schema.count, in->count + n->over_count);
        check_same_types(&n->schema, 0, in, 0, in->count);
        for (int32_t i = 0; i < n->over_count; i++) {
            CHECK(n->overs[i].argument < in->count && n->overs[i].filter < in->count);
            CHECK(type_equal(n->schema.fields[in->count + i].type, n->overs[i].type));
        }
        for (int32_t i = 0; i < n->key_count; i++) {
            CHECK(n->key_columns[i] >= 0 && n->key_columns[i] < in->count);
        }
        break;
    default:
        if (in != NULL) {
            CHECK_EQ(n->schema.count, in->count);
            check_same_types(&n->schema, 0, in, 0, in->count);
        }
        for (int32_t i = 0; i < n->sort_count; i++) {
            CHECK(n->sort_keys[i].column >= 0 && n->sort_keys[i].column < n->schema.count);
        }
    }
}

static void
check_plan(const plan *p) {
    static checker c;
    c.seen_count = 0;
    CHECK_EQ(p->root->id, p->node_count - 1);
    check_node(&c, p->root);
    CHECK_EQ(p->constant, p->object_count == 0);
}

/* ---- random statements of a small grammar */

static void
append(char *out, size_t size, const char *more) {
    const size_t used = strlen(out);
    snprintf(out + used, size - used, "%s", more);
}

static void
pick(rng *r, char *out, size_t size, const char *const *words, int32_t count) {
    append(out, size, words[rng_below(r, (uint64_t)count)]);
}

static void
random_select(rng *r, char *out, size_t size, int32_t depth) {
    const char *const scalars[] = {"c",
                                   "d",
                                   "d + 1",
                                   "upper(c)",
                                   "CASE WHEN d > 3 THEN c END",
                                   "d * 2",
                                   "c || 'x'",
                                   "COALESCE(c, 'n')",
                                   "d BETWEEN 1 AND d"};
    const char *const tests[] = {"d > 3",       "c = 'a'",   "c LIKE 'a%'",
                                 "d IN (1, 2)", "c IS NULL", "d > 1 AND c <> 'q'",
                                 "1 = 1",       "d = d",     "NOT (d < 2 OR c = 'z')"};
    const char *const froms[] = {
        "(SELECT carrier AS c, delay AS d FROM flights) t",
        "(SELECT carrier AS c, n AS d FROM counts) t",
        "(SELECT a.code AS c, b.delay AS d FROM airports a JOIN flights b ON "
        "a.code = b.origin AND b.delay > a.height) t",
        "(SELECT a.city AS c, b.delay AS d FROM flights b LEFT JOIN airports a "
        "ON upper(a.code) = b.origin AND b.delay > 2 AND a.height > 1) t",
        "(SELECT x.carrier AS c, n AS d FROM counts x, flights y WHERE "
        "x.carrier = y.carrier AND y.delay > 3) t"};
    const bool grouped = rng_below(r, 2) == 0;
    append(out, size, rng_below(r, 5) == 0 ? "SELECT DISTINCT " : "SELECT ");
    pick(r, out, size, scalars, ARRAY_COUNT(scalars));
    append(out, size, grouped ? " AS c, max(" : " AS c, ");
    pick(r, out, size, scalars, 3);
    append(out, size, grouped ? ") AS m, count(*) AS d FROM " : " AS m, d AS d FROM ");
    if (depth > 0 && rng_below(r, 3) > 0) {
        append(out, size, "(");
        random_select(r, out, size, depth - 1);
        append(out, size, ") t");
    } else {
        pick(r, out, size, froms, ARRAY_COUNT(froms));
    }
    if (rng_below(r, 2) == 0) {
        append(out, size, " WHERE ");
        pick(r, out, size, tests, ARRAY_COUNT(tests));
    }
    if (grouped) {
        append(out, size, " GROUP BY 1");
        if (rng_below(r, 2) == 0) {
            append(out, size, " HAVING count(*) > 1");
        }
    }
    if (rng_below(r, 4) == 0) {
        append(out, size, " ORDER BY 2 DESC, 1 LIMIT 5");
    }
}

static void
test_random_plans_are_well_formed(void **state) {
    (void)state;
    error   err = {0};
    mem     m;
    fixture f;
    rng     r;
    char    sql[4000];
    int32_t planned = 0;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 20240131);
    CHECK_OK(fixture_open(&f, &m, &err));
    for (int32_t i = 0; i < 1500; i++) {
        sql[0] = '\0';
        random_select(&r, sql, sizeof(sql), 3);
        const status s = fixture_plan(&f, sql, rng_below(&r, 2) == 0, &err);
        if (s < 0) { /* types of an inner SELECT may not fit the outer one: that is an error with a
                        place */
            CHECK(err.position >= 0 && err.message[0] != '\0');
            continue;
        }
        planned++;
        check_plan(&f.plan);
    }
    CHECK(planned > 500);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- promises */

static const struct {
    const char *sql;
    bool        append_only, consolidated;
    int32_t     key_count, keys[3], event_time;
} promises[] = {
    {"SELECT * FROM flights", true, true, 0, {0}, 4},
    {"SELECT ts, delay + 1 FROM flights WHERE delay > 2", true, true, 0, {0}, 0},
    {"SELECT carrier, count(*) FROM flights GROUP BY carrier", false, true, 1, {0}, -1},
    {"SELECT count(*), origin, carrier FROM flights GROUP BY carrier, origin",
     false,
     true,
     2,
     {2, 1},
     -1},
    {"SELECT count(*) FROM flights GROUP BY carrier", false, false, 0, {0}, -1},
    {"SELECT carrier FROM flights GROUP BY carrier HAVING count(*) > 2", false, false, 1, {0}, -1},
    {"SELECT carrier, count(*) * 2 AS n FROM flights GROUP BY carrier", false, false, 1, {0}, -1},
    {"SELECT carrier, count(*) + 2 AS n FROM flights GROUP BY carrier", false, true, 1, {0}, -1},
    {"SELECT window_end, count(*) FROM flights GROUP BY TUMBLE(ts, 1000)", false, true, 1, {0}, -1},
    {"SELECT upper(carrier), max(n) FROM counts GROUP BY carrier", false, false, 0, {0}, -1},
    {"SELECT DISTINCT carrier FROM flights", true, true, 0, {0}, -1},
    {"SELECT DISTINCT n FROM counts", false, true, 0, {0}, -1},
    {"SELECT * FROM counts", false, true, 0, {0}, -1},
    {"SELECT n FROM counts", false, false, 0, {0}, -1},
    {"SELECT * FROM flights ORDER BY delay LIMIT 3", false, true, 0, {0}, 4},
    {"SELECT f.ts FROM flights f JOIN airports a ON f.origin = a.code", true, true, 0, {0}, 0},
    {"SELECT f.ts FROM flights f LEFT JOIN airports a ON f.origin = a.code",
     false,
     false,
     0,
     {0},
     0},
    {"SELECT f.delay FROM flights f JOIN counts c ON f.carrier = c.carrier",
     false,
     false,
     0,
     {0},
     -1},
    {"SELECT 1", true, true, 0, {0}, -1},
};

static void
test_promises(void **state) {
    (void)state;
    error   err = {0};
    mem     m;
    fixture f;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(promises); i++) {
        CHECK_OK(fixture_plan(&f, promises[i].sql, true, &err));
        check_plan(&f.plan);
        const uint32_t p = f.plan.root->properties;
        bool           right = ((p & PLAN_APPEND_ONLY) != 0) == promises[i].append_only &&
                     ((p & PLAN_CONSOLIDATED) != 0) == promises[i].consolidated &&
                     f.plan.key_count == promises[i].key_count &&
                     f.plan.event_time_column == promises[i].event_time;
        for (int32_t k = 0; k < promises[i].key_count && right; k++) {
            right = f.plan.key_columns[k] == promises[i].keys[k];
        }
        if (!right) {
            print_error("%s\n%s", promises[i].sql, f.text);
            fail();
        }
    }
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_emit(void **state) {
    (void)state;
    error   err = {0};
    mem     m;
    fixture f;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    CHECK_OK(fixture_plan(
        &f,
        "CREATE STREAM s AS SELECT carrier, window_start, count(*) FROM flights GROUP BY "
        "carrier, TUMBLE(ts, INTERVAL '1' HOUR, 60000) EMIT ON WINDOW CLOSE ALLOW "
        "LATENESS INTERVAL '3' SECOND",
        true, &err));
    const plan_node *n = f.plan.root;
    CHECK_EQ(n->kind, PLAN_AGGREGATE);
    CHECK_EQ(f.plan.emit, EMIT_CLOSE);
    CHECK(n->emit_at_close && n->window_key == 1 && n->lateness_us == 3000000);
    CHECK_EQ(n->window_size_us, INT64_C(3600000000));
    CHECK_EQ(f.plan.root->properties, PLAN_APPEND_ONLY | PLAN_CONSOLIDATED);
    /* Time that no watermark follows: groups never close, rows are never late. */
    CHECK_OK(fixture_plan(&f, "SELECT window_start, count(*) FROM plain GROUP BY TUMBLE(at, 1000)",
                          true, &err));
    n = f.plan.root;
    CHECK(n->window_key == -1 && !n->emit_at_close);
    while (n->kind != PLAN_WINDOW) {
        n = n->inputs[0];
    }
    CHECK_EQ(n->lateness_us, INT64_MAX);
    CHECK_OK(fixture_plan(&f, "CREATE STREAM s AS SELECT n FROM counts EMIT CHANGES", true, &err));
    CHECK_EQ(f.plan.emit, EMIT_CHANGES);
    CHECK_EQ(f.plan.object_count, 1);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- hostile text */

static void
repeat(char *out, size_t size, const char *head, const char *each, int32_t count,
       const char *middle, const char *close, const char *tail) {
    size_t used = (size_t)snprintf(out, size, "%s", head);
    for (int32_t i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s", each);
    }
    used += (size_t)snprintf(out + used, size - used, "%s", middle);
    for (int32_t i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s", close);
    }
    snprintf(out + used, size - used, "%s", tail);
    CHECK(used < size);
}

/* Either planned or refused with a reason, and never slow. */
static void
survive(fixture *f, const char *sql, error *err) {
    const status s = fixture_plan(f, sql, false, err);
    CHECK(s >= 0 || (err->message[0] != '\0' && s != ERR_OUT_OF_MEMORY));
    if (s >= 0 && f->plan.node_count < 100) {
        check_plan(&f->plan);
    }
}

static void
test_hostile(void **state) {
    (void)state;
    static char sql[400000];
    error       err = {0};
    mem         m;
    fixture     f;
    mem_init(&m, INT64_MAX);
    CHECK_OK(fixture_open(&f, &m, &err));
    for (int32_t depth = 50; depth <= 1600; depth *= 2) {
        repeat(sql, sizeof(sql), "SELECT ", "(", depth, "1", ")", "");
        survive(&f, sql, &err);
        repeat(sql, sizeof(sql), "SELECT ", "NOT ", depth, "true", "", "");
        survive(&f, sql, &err);
        repeat(sql, sizeof(sql), "SELECT ", "upper(", depth, "carrier", ")", " FROM flights");
        survive(&f, sql, &err);
        repeat(sql, sizeof(sql), "SELECT ", "(", depth, "delay", " BETWEEN 1 AND 2) = true",
               " FROM flights");
        survive(&f, sql, &err);
        repeat(sql, sizeof(sql), "SELECT delay", " + delay", depth, "", "", " FROM flights");
        survive(&f, sql, &err);
        repeat(sql, sizeof(sql), "SELECT 1 FROM flights WHERE delay = 1", " OR delay = 2", depth,
               "", "", "");
        survive(&f, sql, &err);
        repeat(sql, sizeof(sql), "SELECT 1 FROM ", "(SELECT delay + delay AS delay FROM ", depth,
               "flights", ") t", " WHERE delay > 3");
        survive(&f, sql, &err);
        repeat(sql, sizeof(sql), "SELECT CASE delay", " WHEN 1 THEN 2", depth, " END", "",
               " FROM flights");
        survive(&f, sql, &err);
        repeat(sql, sizeof(sql), "SELECT count(*) FROM (SELECT 1 AS a) t", " CROSS JOIN (SELECT 1)",
               depth, "", "", "");
        survive(&f, sql, &err);
    }
    /* Every alias doubles the one before it. */
    size_t used = (size_t)snprintf(sql, sizeof(sql), "SELECT delay AS a0");
    for (int32_t i = 1; i < 64; i++) {
        used +=
            (size_t)snprintf(sql + used, sizeof(sql) - used, ", a%d + a%d AS a%d", i - 1, i - 1, i);
    }
    snprintf(sql + used, sizeof(sql) - used, " FROM flights");
    CHECK_FAILS(fixture_plan(&f, sql, false, &err), ERR_QUERY_FAILED);
    CHECK(strstr(err.message, "too large") != NULL);
    fixture_close(&f);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
scenario(mem *m, error *err) {
    const char *const statements[] = {
        "SELECT f.carrier AS c, a.city, count(*) AS n, sum(f.delay) FILTER (WHERE f.delay > 1) "
        "FROM "
        "flights f JOIN airports a ON upper(f.origin) = a.code AND a.height > f.delay WHERE "
        "f.delay IN "
        "(1, 2) GROUP BY 1, 2 HAVING n > 1 ORDER BY max(f.distance) DESC LIMIT 3",
        "CREATE STREAM s AS SELECT TUMBLE(ts, 5000) AS w, tumble_end(ts, 5000), sum(volume) FROM "
        "trades "
        "WHERE price BETWEEN 1 AND 2 GROUP BY w EMIT ON WINDOW CLOSE",
        "SELECT * FROM counts c LEFT JOIN flights f USING (carrier) ORDER BY c.n + 1",
    };
    fixture f;
    status  s = fixture_open(&f, m, err);
    for (int32_t i = 0; i < ARRAY_COUNT(statements) && s >= 0; i++) {
        s = fixture_plan(&f, statements[i], i == 1, err);
    }
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
    CHECK(torture("plans", scenario) > 50);
}

UNIT_MAIN(UNIT(test_random_plans_are_well_formed), UNIT(test_promises), UNIT(test_emit),
          UNIT(test_hostile), UNIT(test_torture))
