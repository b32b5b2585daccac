/* SPDX-License-Identifier: Apache-2.0 */
/* test_program.c - compiled programs: three-valued logic, branches that are not taken, random trees
 * evaluated three ways, common subexpressions, columns passed through, strftime over streams,
 * printing, and torture. */
#include "random_expr.h"

#include "expr/step.h"
#include "type/calendar.h"

typedef struct fixture {
    mem   mem;
    arena arena;
} fixture;

static void
begin(fixture *f) {
    memset(f, 0, sizeof(*f));
    mem_init(&f->mem, INT64_MAX);
    arena_init(&f->arena, &f->mem);
}

static void
end(fixture *f) {
    arena_fini(&f->arena);
    CHECK_EQ(mem_fini(&f->mem), 0);
}

static expr *
call(arena *a, const char *name, expr *x, expr *y) {
    expr *args[2] = {x, y};
    expr *out;
    error err = {0};
    CHECK_OK(expr_call(&out, a, text_of(name), args, y == NULL ? 1 : 2, 77, &err));
    return out;
}

static expr *
constant(arena *a, const char *s) {
    const value v = literal(s);
    return expr_constant(a, &v, 5);
}

static expr *
node(arena *a, expr_kind kind, type_id type, int32_t count, ...) {
    expr   *args[8];
    va_list list;
    va_start(list, count);
    for (int32_t i = 0; i < count; i++) {
        args[i] = va_arg(list, expr *);
    }
    va_end(list);
    return expr_make(a, kind, type_of(type), args, count, 66);
}

static status
evaluate(fixture *f, expr *e, const column *columns, int32_t count, int32_t rows, column *out,
         error *err) {
    const schema s = schema_of(&f->arena, columns, count);
    const delta  in = {.row_count = rows, .column_count = count, .columns = columns};
    program     *p;
    TRY(program_compile(&p, &f->arena, &e, 1, &s, err));
    return program_run(p, &in, out, &f->arena, err);
}

/* ---- logic */
enum { F, T, N };

static value
truth(int32_t t) {
    return (value){.type = type_of(TYPE_BOOL), .is_null = t == N, .b = t == T};
}

static int32_t
truth_of(const column *c, int32_t row) {
    const value v = column_value(c, row);
    return v.is_null ? N : v.b ? T : F;
}

/* All 27 rows of three truth values, as BOOLEAN columns and as text that has to be cast: once the
 * plain form, once the careful. */
static void
test_truth_tables(void **state UNUSED) {
    fixture f;
    error   err = {0};
    begin(&f);
    value bools[3][27], texts[3][27];
    for (int32_t i = 0; i < 27; i++) {
        const int32_t t[3] = {i / 9, i / 3 % 3, i % 3};
        for (int32_t k = 0; k < 3; k++) {
            bools[k][i] = truth(t[k]);
            texts[k][i] =
                t[k] == N ? value_null(TYPE_TEXT) : literal(t[k] == T ? "'true'" : "'false'");
        }
    }
    column columns[6];
    for (int32_t k = 0; k < 3; k++) {
        columns[k] = column_of(&f.arena, type_of(TYPE_BOOL), bools[k], 27);
        columns[3 + k] = column_of(&f.arena, type_of(TYPE_TEXT), texts[k], 27);
    }
    for (int32_t mask = 0; mask < 8; mask++) {
        expr *parts[3];
        for (int32_t k = 0; k < 3; k++) {
            expr *plain = expr_column(&f.arena, k, type_of(TYPE_BOOL), 0);
            expr *worded = expr_column(&f.arena, 3 + k, type_of(TYPE_TEXT), 0);
            parts[k] =
                (mask >> k & 1) == 0 ? plain : node(&f.arena, EXPR_CAST, TYPE_BOOL, 1, worded);
        }
        expr  *both = node(&f.arena, EXPR_AND, TYPE_BOOL, 3, parts[0], parts[1], parts[2]);
        expr  *any = node(&f.arena, EXPR_OR, TYPE_BOOL, 3, parts[0], parts[1], parts[2]);
        expr  *neither = node(&f.arena, EXPR_NOT, TYPE_BOOL, 1, any);
        column out[3];
        CHECK_OK(evaluate(&f, both, columns, 6, 27, &out[0], &err));
        CHECK_OK(evaluate(&f, any, columns, 6, 27, &out[1], &err));
        CHECK_OK(evaluate(&f, neither, columns, 6, 27, &out[2], &err));
        for (int32_t i = 0; i < 27; i++) {
            const int32_t t[3] = {i / 9, i / 3 % 3, i % 3};
            const bool    has_f = t[0] == F || t[1] == F || t[2] == F;
            const bool    has_t = t[0] == T || t[1] == T || t[2] == T;
            const bool    has_n = t[0] == N || t[1] == N || t[2] == N;
            CHECK_EQ(truth_of(&out[0], i), has_f ? F : has_n ? N : T);
            CHECK_EQ(truth_of(&out[1], i), has_t ? T : has_n ? N : F);
            CHECK_EQ(truth_of(&out[2], i), has_t ? F : has_n ? N : T);
        }
    }
    end(&f);
}

static void
test_in(void **state UNUSED) {
    static const char *const needles[] = {"1", "2", "300", "NULL"};
    for (int32_t many = 0; many < 2; many++) {
        for (int32_t with_null = 0; with_null < 2; with_null++) {
            fixture f;
            error   err = {0};
            begin(&f);
            value values[4];
            for (int32_t i = 0; i < 4; i++) {
                values[i] = literal(needles[i]);
                values[i].type = type_of(TYPE_I32);
            }
            const column c = column_of(&f.arena, type_of(TYPE_I32), values, 4);
            expr        *args[40];
            int32_t      n = 0;
            args[n++] = expr_column(&f.arena, 0, type_of(TYPE_I32), 0);
            args[n++] = constant(&f.arena, "1");
            args[n++] = constant(&f.arena, "1.5");
            for (int32_t i = 0; i < 30 * many; i++) {
                const value v = {.type = type_of(TYPE_I64), .i = 1000 + 64 * i};
                args[n++] = expr_constant(&f.arena, &v, 0);
            }
            args[n++] = constant(&f.arena, "300");
            if (with_null) {
                args[n++] = constant(&f.arena, "NULL");
            }
            expr  *e = expr_make(&f.arena, EXPR_IN, type_of(TYPE_BOOL), args, n, 0);
            column out;
            CHECK_OK(evaluate(&f, e, &c, 1, 4, &out, &err));
            CHECK_EQ(truth_of(&out, 0), T);
            CHECK_EQ(truth_of(&out, 1), with_null ? N : F);
            CHECK_EQ(truth_of(&out, 2), T);
            CHECK_EQ(truth_of(&out, 3), N);
            end(&f);
        }
    }
}

/* ---- branches */
#define BIG 5000

/* x is i % 10; overflow is what evaluating x = 0 with `danger` means. */
static void
test_untaken_branches(void **state UNUSED) {
    fixture f;
    error   err = {0};
    begin(&f);
    arena *a = &f.arena;
    value *values = arena_alloc(a, BIG * sizeof(value));
    for (int32_t i = 0; i < BIG; i++) {
        values[i] = (value){.type = type_of(TYPE_I64), .i = i % 10};
    }
    const column c = column_of(a, type_of(TYPE_I64), values, BIG);
    expr        *x = expr_column(a, 0, type_of(TYPE_I64), 0);
    expr        *zero = call(a, "=", x, constant(a, "0L"));
    expr        *danger =
        call(a, "-", constant(a, "-9223372036854775800L"), call(a, "-", constant(a, "17L"), x));
    column out;
    /* alone it fails, and says where and what */
    CHECK_FAILS(evaluate(&f, danger, &c, 1, BIG, &out, &err), ERR_QUERY_FAILED);
    CHECK_EQ(err.position, 77);
    CHECK(strstr(err.message, "integer overflow: -9223372036854775800 - 17") != NULL);
    danger = call(a, "-", constant(a, "-9223372036854775800L"), call(a, "-", constant(a, "9L"), x));
    /* x = 0 overflows by one; every other x does not */
    CHECK_FAILS(evaluate(&f, danger, &c, 1, BIG, &out, &err), ERR_QUERY_FAILED);
    expr *guarded = node(a, EXPR_CASE, TYPE_I64, 3, zero, x, danger);
    CHECK_OK(evaluate(&f, guarded, &c, 1, BIG, &out, &err));
    CHECK_EQ(column_value(&out, 0).i, 0);
    CHECK_EQ(column_value(&out, 4999).i, INT64_MIN + 8);
    expr *three = node(a, EXPR_CASE, TYPE_I64, 5, zero, constant(a, "1L"),
                       call(a, "<", danger, constant(a, "-9223372036854775802L")), danger,
                       constant(a, "NULL"));
    CHECK_OK(evaluate(&f, three, &c, 1, BIG, &out, &err));
    CHECK_EQ(column_value(&out, 10).i, 1);
    CHECK_EQ(column_value(&out, 4993).i, INT64_MIN + 2);
    CHECK(column_value(&out, 4999).is_null);
    /* AND and OR guard in either order; COALESCE stops at the first value */
    expr *risky = call(a, "<", danger, constant(a, "0L"));
    expr *not_zero = node(a, EXPR_NOT, TYPE_BOOL, 1, zero);
    CHECK_OK(
        evaluate(&f, node(a, EXPR_AND, TYPE_BOOL, 2, not_zero, risky), &c, 1, BIG, &out, &err));
    CHECK_EQ(truth_of(&out, 0), F);
    CHECK_EQ(truth_of(&out, 1), T);
    CHECK_OK(evaluate(&f, node(a, EXPR_OR, TYPE_BOOL, 2, risky, zero), &c, 1, BIG, &out, &err));
    CHECK_EQ(truth_of(&out, 0), T);
    expr *one_if_zero =
        node(a, EXPR_CASE, TYPE_I64, 3, zero, constant(a, "1L"), constant(a, "NULL"));
    CHECK_OK(evaluate(&f, node(a, EXPR_COALESCE, TYPE_I64, 2, one_if_zero, danger), &c, 1, BIG,
                      &out, &err));
    CHECK_EQ(column_value(&out, 0).i, 1);
    CHECK_EQ(column_value(&out, 3).i, INT64_MIN + 2);
    /* a branch nobody takes, of constants that cannot be folded */
    expr *never = call(a, "+", constant(a, "9223372036854775807L"), constant(a, "1L"));
    expr *negative = call(a, "<", x, constant(a, "0L"));
    CHECK_OK(
        evaluate(&f, node(a, EXPR_CASE, TYPE_I64, 3, negative, never, x), &c, 1, BIG, &out, &err));
    CHECK_EQ(column_value(&out, 17).i, 7);
    /* the second condition is not asked when the first took all rows, whatever the branch before it
     * held */
    expr *all = call(a, ">=", x, constant(a, "0L"));
    expr *late = node(a, EXPR_CASE, TYPE_I64, 7, negative, never, all, x, call(a, "=", never, x),
                      constant(a, "5L"), constant(a, "6L"));
    CHECK_OK(evaluate(&f, late, &c, 1, BIG, &out, &err));
    CHECK_EQ(column_value(&out, 18).i, 8);
    end(&f);
}

/* ---- random trees */
static expr *
with_constants(arena *a, const expr *e, const value *row) {
    if (e->kind == EXPR_COLUMN) {
        return expr_constant(a, &row[e->column], e->position);
    }
    expr *copy = expr_copy(a, e);
    for (int32_t i = 0; i < e->arg_count; i++) {
        copy->args[i] = with_constants(a, e->args[i], row);
    }
    return copy;
}

#define RANDOM_ROWS 130

static void
check_random_tree(fixture *fx, rng *r, int64_t *failures) {
    arena        *a = &fx->arena;
    value         rows[COLUMNS][RANDOM_ROWS];
    column        columns[COLUMNS];
    const type_id id = column_types[rng_below(r, COLUMNS)];
    expr         *e = random_expr(a, r, id, 4);
    column        out, one;
    program      *p;
    error         why = {0};
    int32_t       failed = 0;
    for (int32_t k = 0; k < COLUMNS; k++) {
        for (int32_t i = 0; i < RANDOM_ROWS; i++) {
            rows[k][i] = random_value(r, column_types[k]);
        }
        columns[k] = column_of(a, type_of(column_types[k]), rows[k], RANDOM_ROWS);
    }
    const schema s = schema_of(a, columns, COLUMNS);
    const delta  in = {.row_count = RANDOM_ROWS, .column_count = COLUMNS, .columns = columns};
    const status compiled = program_compile(&p, a, &e, 1, &s, &why);
    if (compiled < 0) { /* IN over types that do not meet */
        return;
    }
    const status vectorised = program_run(p, &in, &out, a, &why);
    for (int32_t i = 0; i < RANDOM_ROWS; i++) {
        column single[COLUMNS];
        value  row[COLUMNS];
        value  folded = {.is_null = true};
        for (int32_t k = 0; k < COLUMNS; k++) {
            row[k] = rows[k][i];
            single[k] = column_of(a, type_of(column_types[k]), &row[k], 1);
        }
        const delta  in_one = {.row_count = 1, .column_count = COLUMNS, .columns = single};
        const status s_one = program_run(p, &in_one, &one, a, &why);
        const status s_folded = expr_evaluate_constant(&folded, with_constants(a, e, row), a, &why);
        failed += s_one < 0;
        CHECK(s_one < 0 || s_folded >= 0);
        if (s_one >= 0) {
            const value got = column_value(&one, 0);
            const value wide = vectorised >= 0 ? column_value(&out, i) : got;
            if (!values_same(&got, &folded) || !values_same(&got, &wide)) {
                buf b;
                buf_init(&b, &fx->mem, 10000);
                expr_print(e, NULL, &b);
                print_error("row %d differs: one %d, folded %d, batch %d\n%s\n", i, got.is_null,
                            folded.is_null, wide.is_null, b.data);
                buf_fini(&b);
                fail();
            }
        }
    }
    CHECK_EQ(vectorised < 0, failed > 0);
    *failures += vectorised < 0;
}

static void
test_random_trees(void **state UNUSED) {
    fixture f;
    rng     r;
    int64_t failures = 0;
    rng_init(&r, 2024);
    for (int32_t round = 0; round < 1500; round++) {
        begin(&f);
        check_random_tree(&f, &r, &failures);
        end(&f);
    }
    CHECK(failures > 50 && failures < 1200); /* both kinds were seen */
}

/* ---- programs as wholes */
static void
test_common_subexpressions(void **state UNUSED) {
    fixture f;
    error   err = {0};
    begin(&f);
    arena   *a = &f.arena;
    expr    *x = expr_column(a, 0, type_of(TYPE_I64), 0);
    expr    *sum = call(a, "+", x, constant(a, "1L"));
    expr    *again = call(a, "+", expr_column(a, 0, type_of(TYPE_I64), 3), constant(a, "1L"));
    expr    *folded = call(a, "*", constant(a, "2L"), constant(a, "3L"));
    expr    *choice_of = node(a, EXPR_CASE, TYPE_I64, 3, call(a, ">", sum, constant(a, "3L")),
                              call(a, "*", again, again), sum);
    expr    *exprs[6] = {sum, x, again, folded, choice_of, expr_copy(a, choice_of)};
    value    values[5];
    column   out[6];
    program *p;
    for (int32_t i = 0; i < 5; i++) {
        values[i] = (value){.type = type_of(TYPE_I64), .i = i};
    }
    const column c = column_of(a, type_of(TYPE_I64), values, 5);
    const schema s = schema_of(a, &c, 1);
    const delta  in = {.row_count = 5, .column_count = 1, .columns = &c};
    CHECK(expr_equal(choice_of, exprs[5]) && !expr_equal(sum, folded));
    CHECK_OK(program_compile(&p, a, exprs, 6, &s, &err));
    /* +, >, open, split, enter, *, store, leave, enter, store, leave, close */
    CHECK_EQ(p->step_count, 12);
    CHECK_OK(program_run(p, &in, out, a, &err));
    CHECK(out[0].values == out[2].values && out[1].values == c.values);
    CHECK_EQ(column_value(&out[3], 4).i, 6);
    for (int32_t i = 0; i < 5; i++) {
        CHECK_EQ(column_value(&out[4], i).i, i + 1 > 3 ? (i + 1) * (i + 1) : i + 1);
        CHECK_EQ(column_value(&out[5], i).i, column_value(&out[4], i).i);
    }
    end(&f);
}

static void
test_offsets_pass_through(void **state UNUSED) {
    fixture f;
    error   err = {0};
    begin(&f);
    chunk        *owner = chunk_new(&f.mem);
    const int32_t offsets[4] = {0, 2, 2, 20};
    const column  c = {.type = type_of(TYPE_TEXT),
                       .layout = COLUMN_OFFSETS,
                       .values = offsets,
                       .bytes = "hia text of 18 bytes",
                       .owner = owner};
    expr         *x = expr_column(&f.arena, 0, type_of(TYPE_TEXT), 0);
    expr         *exprs[2] = {x, call(&f.arena, "upper", x, NULL)};
    const schema  s = schema_of(&f.arena, &c, 1);
    const delta   in = {.row_count = 3, .column_count = 1, .columns = &c};
    column        out[2];
    program      *p;
    CHECK_OK(program_compile(&p, &f.arena, exprs, 2, &s, &err));
    CHECK_OK(program_run(p, &in, out, &f.arena, &err));
    CHECK(out[0].owner == owner && out[0].layout == COLUMN_OFFSETS && out[0].values == offsets);
    CHECK(out[1].owner == NULL && out[1].layout == COLUMN_FLAT);
    CHECK_TEXT(column_value(&out[1], 0).s, "HI");
    CHECK_TEXT(column_value(&out[1], 1).s, "");
    CHECK_TEXT(column_value(&out[1], 2).s, "A TEXT OF 18 BYTES");
    chunk_release(owner);
    end(&f);
}

/* strftime remembers the minute or day of the row before: it must agree with formatting every row.
 */
static void
test_strftime_stream(void **state UNUSED) {
    static const char *const formats[] = {
        "%Y-%m-%d",
        "%H:%M",
        "%S",
        "%T.%f|%L %p%S",
        "%d %H:%M:%S.%f",
        "%A %B %d %Y and %I:%M %p in a text that is longer than the memo of a minute",
        "%s",
        "100%%",
        "%T %T %T %T %T %T %T %T %T",
        ""};
    rng r;
    rng_init(&r, 3);
    for (int32_t k = 0; k < ARRAY_COUNT(formats); k++) {
        fixture f;
        error   err = {0};
        begin(&f);
        const value format = {.type = type_of(TYPE_TEXT), .s = text_of(formats[k])};
        expr       *x = expr_column(&f.arena, 0, type_of(TYPE_TIMESTAMP), 0);
        expr       *e = call(&f.arena, "strftime", x, expr_constant(&f.arena, &format, 0));
        value       values[600];
        int64_t     at = -3 * US_PER_DAY;
        for (int32_t i = 0; i < 600; i++) {
            at += (int64_t)rng_below(&r, i % 50 == 0 ? (uint64_t)US_PER_DAY : 40000000);
            values[i] = (value){.type = type_of(TYPE_TIMESTAMP), .i = at, .is_null = i % 7 == 0};
        }
        const column c = column_of(&f.arena, type_of(TYPE_TIMESTAMP), values, 600);
        column       out;
        CHECK_OK(evaluate(&f, e, &c, 1, 600, &out, &err));
        for (int32_t i = 0; i < 600; i++) {
            buf b;
            buf_init(&b, &f.mem, 1000);
            CHECK(timestamp_format(values[i].i, format.s, &b));
            const value v = column_value(&out, i);
            CHECK_EQ(v.is_null, values[i].is_null);
            if (!v.is_null) {
                CHECK(text_equal(v.s, buf_text(&b)));
            } else { /* zero under NULL */
                CHECK_EQ(((const strview *)out.values)[i].word[0], 0);
            }
            buf_fini(&b);
        }
        end(&f);
    }
}

static void
count_column(void *arg, int32_t *number) {
    *(int32_t *)arg += 1;
    *number += 1;
}

static void
test_printing(void **state UNUSED) {
    fixture f;
    begin(&f);
    arena *a = &f.arena;
    field  fields[2] = {{.name = TEXT("price")}, {.name = TEXT("name")}};
    schema names = {.count = 2, .fields = fields};
    expr  *price = expr_column(a, 0, type_of(TYPE_I64), 0);
    expr  *name = expr_column(a, 1, type_of(TYPE_TEXT), 0);
    expr  *even = call(a, "=", call(a, "%", price, constant(a, "2")), constant(a, "0"));
    expr  *is_like = call(a, "like", name, constant(a, "'it''s%'"));
    expr  *in = node(a, EXPR_IN, TYPE_BOOL, 3, price, constant(a, "1L"), constant(a, "NULL"));
    expr  *null = node(a, EXPR_IS_NULL, TYPE_BOOL, 1, name);
    expr  *e =
        node(a, EXPR_CASE, TYPE_TEXT, 3, node(a, EXPR_AND, TYPE_BOOL, 4, even, is_like, in, null),
             node(a, EXPR_CAST, TYPE_TEXT, 1, call(a, "neg", price, NULL)), constant(a, "NULL"));
    buf b;
    buf_init(&b, &f.mem, 1000);
    expr_print(e, &names, &b);
    CHECK_STR(b.data,
              "CASE WHEN ((price % 2) = 0) AND (name LIKE 'it''''s%') AND (price IN (1, NULL)) AND "
              "(name IS NULL) THEN CAST(-price AS VARCHAR) END");
    int32_t count = 0;
    expr   *copy = expr_copy(a, e);
    expr_visit_columns(copy, count_column, &count);
    CHECK_EQ(count, 5);
    CHECK(!expr_equal(copy, e) && price->column == 0);
    CHECK(!expr_is_constant(e) && expr_is_constant(constant(a, "1")));
    buf_fini(&b);
    end(&f);
}

static void
test_depth(void **state UNUSED) {
    fixture f;
    error   err = {0};
    begin(&f);
    expr    *x = expr_column(&f.arena, 0, type_of(TYPE_I64), 0);
    expr    *e = x;
    schema   s;
    column   c = {.type = type_of(TYPE_I64)};
    program *p;
    for (int32_t i = 0; i < 1500; i++) {
        e = call(&f.arena, "+", e, x);
    }
    s = schema_of(&f.arena, &c, 1);
    CHECK_FAILS(program_compile(&p, &f.arena, &e, 1, &s, &err), ERR_QUERY_FAILED);
    CHECK(strstr(err.message, "nested") != NULL);
    end(&f);
}

/* ---- torture */
/* Columns of their own memory: only what is tested allocates from the account. */
static void
torture_columns(column *columns) {
    static char     memory[COLUMNS][70 * 16];
    static uint64_t bits[COLUMNS][2];
    value           rows[COLUMNS][70];
    rng             r;
    rng_init(&r, 99);
    for (int32_t k = 0; k < COLUMNS; k++) {
        for (int32_t i = 0; i < 70; i++) {
            rows[k][i] = random_value(&r, column_types[k]);
        }
    }
    for (int32_t k = 0; k < COLUMNS; k++) {
        mem   quiet;
        arena own;
        mem_init(&quiet, INT64_MAX);
        arena_init(&own, &quiet);
        columns[k] = column_of(&own, type_of(column_types[k]), rows[k], 70);
        memcpy(memory[k], columns[k].values, 70 * type_width(columns[k].type));
        memcpy(bits[k], columns[k].validity, sizeof(bits[k]));
        columns[k].values = memory[k];
        columns[k].validity = bits[k];
        arena_fini(&own);
    }
}

static status
torture_run(arena *a, arena *scratch, error *err) {
    column columns[COLUMNS];
    torture_columns(columns);
    field  fields[COLUMNS] = {0};
    schema s = {.count = COLUMNS, .fields = fields};
    for (int32_t k = 0; k < COLUMNS; k++) {
        fields[k].type = type_of(column_types[k]);
    }
    const delta in = {.row_count = 70, .column_count = COLUMNS, .columns = columns};
    expr       *col[COLUMNS];
    for (int32_t k = 0; k < COLUMNS; k++) {
        col[k] = expr_column(a, k, type_of(column_types[k]), 0);
        if (col[k] == NULL) {
            return error_memory(err);
        }
    }
    const value format = {.type = type_of(TYPE_TEXT), .s = TEXT("%A, %d %B %Y %T")};
    const value like = {.type = type_of(TYPE_TEXT), .s = TEXT("%a_b%")};
    expr       *e[9];
    expr       *k1 = expr_constant(a, &format, 0);
    expr       *k2 = expr_constant(a, &like, 0);
    if (k1 == NULL || k2 == NULL) {
        return error_memory(err);
    }
    TRY(expr_call(&e[0], a, TEXT("strftime"), (expr *[]){col[5], k1}, 2, 0, err));
    TRY(expr_call(&e[1], a, TEXT("ilike"), (expr *[]){col[4], k2}, 2, 0, err));
    TRY(expr_call(&e[2], a, TEXT("%"), (expr *[]){col[2], col[1]}, 2, 0, err));
    TRY(expr_call(&e[3], a, TEXT("concat_ws"), (expr *[]){k2, col[4], col[1], e[0]}, 4, 0, err));
    TRY(expr_call(&e[4], a, TEXT("if"), (expr *[]){e[1], e[0], e[3]}, 3, 0, err));
    TRY(expr_call(&e[5], a, TEXT("coalesce"), (expr *[]){e[4], e[0], k1}, 3, 0, err));
    TRY(expr_call(&e[6], a, TEXT("hash"), (expr *[]){e[5], col[3], k2}, 3, 0, err));
    TRY(expr_call(&e[7], a, TEXT("greatest"), (expr *[]){e[2], e[6]}, 2, 0, err));
    e[8] = expr_make(a, EXPR_IN, type_of(TYPE_BOOL), (expr *[]){e[4], k1, k2}, 3, 0);
    if (e[8] == NULL) {
        return error_memory(err);
    }
    expr    *parts[3] = {e[8], col[0], e[1]};
    expr    *both = expr_make(a, EXPR_AND, type_of(TYPE_BOOL), parts, 3, 0);
    expr    *exprs[10] = {e[0], e[1], e[2], e[3], e[4], e[5], e[6], e[7], e[8], both};
    column   out[10];
    program *p;
    if (both == NULL) {
        return error_memory(err);
    }
    TRY(program_compile(&p, a, exprs, 10, &s, err));
    TRY(program_run(p, &in, out, scratch, err));
    arena_reset(scratch);
    return program_run(p, &in, out, scratch, err);
}

static status
torture_program(mem *m, error *err) {
    arena a, scratch;
    arena_init(&a, m);
    arena_init(&scratch, m);
    const status s = torture_run(&a, &scratch, err);
    arena_fini(&scratch);
    arena_fini(&a);
    return s;
}

static void
test_torture(void **state UNUSED) {
    CHECK(torture("program", torture_program) > 5);
}

UNIT_MAIN(UNIT(test_truth_tables), UNIT(test_in), UNIT(test_untaken_branches),
          UNIT(test_random_trees), UNIT(test_common_subexpressions),
          UNIT(test_offsets_pass_through), UNIT(test_strftime_stream), UNIT(test_printing),
          UNIT(test_depth), UNIT(test_torture))
