/* SPDX-License-Identifier: Apache-2.0 */
/* test_scope.c - small scopes, all of them: every window of a grid of times and shapes, and every
 * valid sequence of insertions and deletions of a few rows through joins of all kinds, grouping,
 * DISTINCT and the first n rows, each step a tick of its own; and every sequence of rows and steps
 * of the watermark through joins that forget.
 *
 * Sequences are walked as a tree. Going back is the inverse change, which must lead to the answer
 * that was there before: so a walk of depth n tries all sequences of n changes and as many returns.
 * LAMINAR_SCOPE sets the depth (5; `make full`: 6). After every tick the operator's validate is
 * called and the sum of what it emitted is compared with a count by hand. */
#include "aggregate_reference.h"

static int32_t
scope_depth(void) {
    const char *set = getenv("LAMINAR_SCOPE");
    return set == NULL ? 5 : (int32_t)strtol(set, NULL, 10);
}

/* ---- windows: t, size, slide, offset, lateness */

#define TIME 25
#define FRONTIER 3
#define TIMES (2 * TIME + 1)

typedef struct pairs { /* how often a row of time t came with a window that starts at s */
    int32_t of[TIMES][4 * TIME + 1];
    int64_t count;
} pairs;

static pairs found;

static status
take_pairs(void *context, const delta *rows, error *err) {
    pairs *p = context;
    (void)err;
    for (int32_t i = 0; i < rows->row_count; i++) {
        const value t = column_value(&rows->columns[0], i);
        const value s = column_value(&rows->columns[1], i);
        p->of[t.i + TIME][s.i + 2 * TIME]++;
        p->count++;
    }
    return OK;
}

typedef struct shape {
    int64_t size, slide, offset, lateness;
    bool    cumulate;
} shape;

/* Does a window of this shape start at s, and which is the end that holds t first? */
static bool
starts_at(const shape *w, int64_t s) {
    const int64_t period = w->cumulate ? w->size : w->slide;
    return (s - w->offset) % period == 0;
}

static int64_t
windows_of(const shape *w, int64_t t, int64_t s, int64_t frontier) {
    int64_t n = 0;
    for (int64_t end = s + w->size; end > t && s <= t && starts_at(w, s); end -= w->slide) {
        n += frontier == INT64_MIN || end + w->lateness > frontier;
        if (!w->cumulate) {
            break;
        }
    }
    return n;
}

static int64_t
check_shape(const shape *w, int64_t frontier) {
    static const type_id in_types[] = {TYPE_TIMESTAMP};
    static const type_id out_types[] = {TYPE_TIMESTAMP, TYPE_TIMESTAMP, TYPE_TIMESTAMP};
    static circuit       c;
    error                err = {0};
    op                  *o;
    test_row             rows[TIMES];
    int64_t              late = 0, checks = 0;
    memset(&found, 0, sizeof(found));
    CHECK_OK(circuit_open(&c, NULL, NULL, NULL, &err));
    c.sink_spec.sink = (op_sink){.context = &found, .take = take_pairs};
    const schema *in = circuit_schema(&c, 1, in_types);
    const op_spec spec = {.append_only = {true, false},
                          .input = {in, NULL},
                          .output = circuit_schema(&c, 2 + w->cumulate, out_types),
                          .window_size_us = w->size,
                          .window_slide_us = w->slide,
                          .window_offset_us = w->offset,
                          .lateness_us = w->lateness,
                          .cumulate = w->cumulate,
                          .window_key = -1,
                          .time_type = type_of(TYPE_TIMESTAMP)};
    if (w->slide > w->size) { /* times in no window are refused, not dropped */
        CHECK_FAILS(circuit_add(&c, &o, &op_window_class, &spec, &err), ERR_QUERY_FAILED);
        circuit_close(&c);
        return w->size * TIMES;
    }
    CHECK_OK(circuit_add(&c, &o, &op_window_class, &spec, &err));
    CHECK_OK(circuit_finish(&c, o, &err));
    if (frontier != INT64_MIN) {
        CHECK_OK(circuit_tick(&c, frontier, &err));
    }
    for (int64_t t = -TIME; t <= TIME; t++) {
        rows[t + TIME] = (test_row){{t}};
    }
    CHECK_OK(circuit_push(&c, o, 0, in, rows, NULL, TIMES, &err));
    for (int64_t t = -TIME; t <= TIME; t++) {
        int64_t kept = 0, all = 0;
        for (int64_t s = t - w->size + 1; s <= t; s++, checks++) {
            const int64_t want = windows_of(w, t, s, frontier);
            CHECK_EQ(found.of[t + TIME][s + 2 * TIME], want);
            kept += want;
            all += windows_of(w, t, s, INT64_MIN);
            found.count -= want;
        }
        late += kept == 0 && all > 0;
    }
    CHECK_EQ(found.count, 0); /* and no other */
    CHECK_EQ(o->late_rows, late);
    circuit_close(&c);
    return checks;
}

static void
test_window_grid(void **state) {
    (void)state;
    int64_t points = 0;
    for (int64_t size = 1; size <= 7; size++) {
        for (int64_t slide = 1; slide <= 9; slide++) {
            for (int64_t offset = -8; offset <= 8; offset++) {
                for (int64_t lateness = 0; lateness <= 3; lateness++) {
                    shape w = {size, slide, offset, lateness, false};
                    points += check_shape(&w, FRONTIER);
                    if (lateness == 0) {
                        points += check_shape(&w, INT64_MIN);
                    }
                    w.cumulate = true;
                    if (size % slide == 0) {
                        points += check_shape(&w, FRONTIER);
                    }
                }
            }
        }
    }
    CHECK(points > 218000);
}

/* ---- sequences of changes */

#define SYMBOLS 8

typedef struct walk walk;
struct walk {
    int32_t symbols;                                         /* rows that may come and go */
    int64_t live[SYMBOLS];                                   /* how many of each are there */
    int64_t most[SYMBOLS];                                   /* and may be; 0: any number */
    void (*change)(walk *w, int32_t symbol, int64_t weight); /* pushes it, ticks */
    void (*check)(walk *w);
    int64_t steps;
};

static void
step(walk *w, int32_t symbol, int64_t weight) {
    w->live[symbol] += weight;
    w->change(w, symbol, weight);
    w->check(w);
    w->steps++;
}

static void
walk_all(walk *w, int32_t depth) {
    for (int32_t s = 0; s < w->symbols && depth > 0; s++) {
        const bool full = w->most[s] > 0 && w->live[s] == w->most[s];
        for (int64_t weight = full ? -1 : 1; weight >= (w->live[s] > 0 ? -1 : 1); weight -= 2) {
            step(w, s, weight);
            walk_all(w, depth - 1);
            step(w, s, -weight);
        }
    }
}

/* ---- small bags of rows: what came out so far, and what should have */

#define BAG 64

typedef struct bag {
    int32_t  count;
    test_row rows[BAG];
    int64_t  weight[BAG];
} bag;

static bag out, expected;

static void
bag_add(bag *b, const test_row *row, int64_t weight) {
    int32_t i = 0;
    while (i < b->count && memcmp(&b->rows[i], row, sizeof(*row)) != 0) {
        i++;
    }
    if (i == b->count) {
        CHECK(b->count < BAG);
        b->rows[b->count] = *row;
        b->weight[b->count++] = 0;
    }
    b->weight[i] += weight;
    if (b->weight[i] == 0) {
        b->count--;
        b->rows[i] = b->rows[b->count];
        b->weight[i] = b->weight[b->count];
    }
}

static status
take_rows(void *context, const delta *rows, error *err) {
    (void)err;
    for (int32_t i = 0; i < rows->row_count; i++) {
        test_row row = {{0}};
        for (int32_t c = 0; c < rows->column_count; c++) {
            const value v = column_value(&rows->columns[c], i);
            row.v[c] = v.is_null ? NONE : v.type.id == TYPE_BOOL ? v.b : v.i;
        }
        bag_add(context, &row, rows->weight == NULL ? 1 : rows->weight[i]);
    }
    return OK;
}

static void
check_bags(void) {
    for (int32_t i = 0; i < out.count; i++) {
        bag_add(&expected, &out.rows[i], -out.weight[i]);
    }
    for (int32_t i = 0; i < expected.count; i++) {
        const test_row *r = &expected.rows[i];
        print_error("row %lld, %lld, %lld, %lld lacks %lld times\n", (long long)r->v[0],
                    (long long)r->v[1], (long long)r->v[2], (long long)r->v[3],
                    (long long)expected.weight[i]);
    }
    CHECK_EQ(expected.count, 0);
}

/* One operator whose rows are walked. */
typedef struct op_walk {
    walk          w;
    circuit       c;
    op           *o;
    op_spec       spec;
    const schema *in;
    op_join_kind  kind;
    bool          null_safe, residual;
} op_walk;

static op_walk j;

static void
walk_open(int32_t symbols, void (*change)(walk *, int32_t, int64_t), void (*check)(walk *)) {
    error err = {0};
    memset(&j, 0, sizeof(j));
    out.count = 0;
    j.w = (walk){.symbols = symbols, .change = change, .check = check};
    CHECK_OK(circuit_open(&j.c, NULL, NULL, NULL, &err));
    j.c.sink_spec.sink = (op_sink){.context = &out, .take = take_rows};
}

static void
walk_run(const op_class *class, int32_t depth) {
    error err = {0};
    CHECK_OK(circuit_add(&j.c, &j.o, class, &j.spec, &err));
    CHECK_OK(circuit_finish(&j.c, j.o, &err));
    j.o->old_rows_wanted = true;
    CHECK_OK(circuit_tick(&j.c, 0, &err));
    walk_all(&j.w, depth);
    CHECK(j.w.steps > (depth < 6 ? 500 : 200000));
    if (class->state_rows != NULL && class != &op_aggregate_class) {
        CHECK_EQ(class->state_rows(j.o), 0); /* E9: all gone again */
    }
    circuit_close(&j.c);
}

static void
push_row(const test_row *row, int32_t port, int64_t weight) {
    error err = {0};
    CHECK_OK(circuit_push(&j.c, j.o, port, j.in, row, &weight, 1, &err));
    CHECK_OK(circuit_tick(&j.c, 0, &err));
}

/* ---- joins: rows L(k) are symbols 0-2, R(k) 3-5, with the keys 1, 2 and NULL */

static const int64_t keys[3] = {1, 2, NONE};
static const bool    safe[] = {true};
static const int32_t first_column[] = {0};

static void
join_change(walk *w, int32_t symbol, int64_t weight) {
    (void)w;
    const test_row row = {{keys[symbol % 3]}};
    push_row(&row, symbol / 3, weight);
}

static bool
keys_match(int32_t l, int32_t r) {
    if (j.residual) { /* no key: any pair with l <> r */
        return l != 2 && r != 2 && l != r;
    }
    return l == r && (l != 2 || j.null_safe);
}

static void
expect(int64_t a, int64_t b, int64_t weight) {
    const test_row row = {{a, b}};
    if (weight != 0) {
        bag_add(&expected, &row, weight);
    }
}

static void
join_check(walk *w) {
    const int64_t     *l = w->live, *r = w->live + 3;
    const op_join_kind k = j.kind;
    int64_t            of_right[3] = {0};
    expected.count = 0;
    for (int32_t a = 0; a < 3; a++) {
        int64_t matches = 0;
        for (int32_t b = 0; b < 3; b++) {
            const bool match = keys_match(a, b);
            matches += match ? r[b] : 0;
            of_right[b] += match ? l[a] : 0;
            if (k <= OP_JOIN_FULL || k == OP_JOIN_SINGLE) {
                expect(keys[a], keys[b], match ? l[a] * r[b] : 0);
            }
        }
        if ((k == OP_JOIN_LEFT || k == OP_JOIN_FULL || k == OP_JOIN_SINGLE) && matches == 0) {
            expect(keys[a], NONE, l[a]);
        } else if ((k == OP_JOIN_SEMI && matches > 0) || (k == OP_JOIN_ANTI && matches == 0)) {
            expect(keys[a], 0, l[a]);
        } else if (k == OP_JOIN_MARK) {
            expect(keys[a], matches > 0, l[a]);
        }
    }
    for (int32_t b = 0; b < 3; b++) {
        if ((k == OP_JOIN_RIGHT || k == OP_JOIN_FULL) && of_right[b] == 0) {
            expect(NONE, keys[b], r[b]);
        }
    }
    check_bags();
}

static void
walk_join(op_join_kind kind, bool null_safe, bool residual, int32_t depth) {
    static const type_id one[] = {TYPE_I64};
    static const type_id two[] = {TYPE_I64, TYPE_I64};
    static const type_id marked[] = {TYPE_I64, TYPE_BOOL};
    error                err = {0};
    const bool           narrow = kind == OP_JOIN_SEMI || kind == OP_JOIN_ANTI;
    const bool           mark = kind == OP_JOIN_MARK;
    walk_open(6, join_change, join_check);
    j.kind = kind;
    j.null_safe = null_safe;
    j.residual = residual;
    for (int32_t s = 3; s < 6 && kind == OP_JOIN_SINGLE; s++) {
        j.w.most[s] = 1; /* a second match is an error */
    }
    j.in = circuit_schema(&j.c, 1, one);
    j.spec = (op_spec){.input = {j.in, j.in},
                       .output = circuit_schema(&j.c, narrow ? 1 : 2, mark ? marked : two),
                       .key_count = !residual,
                       .left_keys = first_column,
                       .right_keys = first_column,
                       .null_safe = null_safe ? safe : NULL,
                       .join = kind,
                       .position = -1};
    if (residual) {
        expr *args[2] = {expr_column(&j.c.arena, 0, type_of(TYPE_I64), -1),
                         expr_column(&j.c.arena, 1, type_of(TYPE_I64), -1)};
        CHECK_OK(expr_call(&j.spec.predicate, &j.c.arena, TEXT("<>"), args, 2, -1, &err));
    }
    walk_run(&op_join_class, depth);
}

static void
test_join_sequences(void **state) {
    (void)state;
    for (int32_t kind = OP_JOIN_INNER; kind <= OP_JOIN_SINGLE; kind++) {
        walk_join((op_join_kind)kind, false, false, scope_depth());
        walk_join((op_join_kind)kind, true, false, scope_depth() - 1);
        walk_join((op_join_kind)kind, false, true, scope_depth() - 1);
    }
}

/* ---- joins on an interval of times: rows of the times 0, 1 and 2 on both sides (symbols 0-2 and
 * 3-5), and a step of the frontier (6), in every sequence, against the rows that were not late */

#define BOUND_SYMBOLS 7

typedef struct bounded_case {
    op_join_kind kind;
    int64_t      lo, hi; /* of right - left */
    bool         keyed;  /* the times are the key, equal */
    bool         append_only;
} bounded_case;

static op_bound bounds;

static void
bounded_open(const bounded_case *b) {
    static const type_id one[] = {TYPE_TIMESTAMP};
    static const type_id two[] = {TYPE_TIMESTAMP, TYPE_TIMESTAMP};
    error                err = {0};
    const data_type      t = type_of(TYPE_TIMESTAMP);
    const bool           narrow = b->kind == OP_JOIN_SEMI || b->kind == OP_JOIN_ANTI;
    walk_open(BOUND_SYMBOLS, NULL, NULL);
    j.kind = b->kind;
    j.in = circuit_schema(&j.c, 1, one);
    bounds = (op_bound){
        .judges = true, .kept_us = {max_i64(b->hi, 0), max_i64(-b->lo, 0)}, .page_us = 1};
    j.spec = (op_spec){.input = {j.in, j.in},
                       .append_only = {b->append_only, b->append_only},
                       .output = circuit_schema(&j.c, narrow ? 1 : 2, two),
                       .key_count = b->keyed,
                       .left_keys = first_column,
                       .right_keys = first_column,
                       .join = b->kind,
                       .bound = &bounds,
                       .records = true,
                       .position = -1};
    for (int32_t i = 0; i < 2 && !b->keyed; i++) { /* right >= left + lo, right <= left + hi */
        const value v = {.type = type_of(TYPE_INTERVAL), .iv = {.us = i == 0 ? b->lo : b->hi}};
        expr       *sum[2] = {expr_column(&j.c.arena, 0, t, -1), expr_constant(&j.c.arena, &v, -1)};
        expr       *args[2] = {expr_column(&j.c.arena, 1, t, -1), NULL}, *both[2];
        CHECK_OK(expr_call(&args[1], &j.c.arena, TEXT("+"), sum, 2, -1, &err));
        CHECK_OK(
            expr_call(&both[1], &j.c.arena, i == 0 ? TEXT(">=") : TEXT("<="), args, 2, -1, &err));
        both[0] = j.spec.predicate;
        j.spec.predicate =
            i == 0 ? both[1] : expr_make(&j.c.arena, EXPR_AND, type_of(TYPE_BOOL), both, 2, -1);
    }
    CHECK_OK(circuit_add(&j.c, &j.o, &op_join_class, &j.spec, &err));
    CHECK_OK(circuit_finish(&j.c, j.o, &err));
    j.o->old_rows_wanted = true;
}

static void
bounded_expect(const bounded_case *b, const int64_t *l, const int64_t *r) {
    int64_t of_right[3] = {0};
    expected.count = 0;
    for (int32_t x = 0; x < 3; x++) {
        int64_t matches = 0;
        for (int32_t y = 0; y < 3; y++) {
            const bool match = y - x >= b->lo && y - x <= b->hi;
            matches += match ? r[y] : 0;
            of_right[y] += match ? l[x] : 0;
            if (b->kind <= OP_JOIN_FULL) {
                expect(x, y, match ? l[x] * r[y] : 0);
            }
        }
        if ((b->kind == OP_JOIN_LEFT || b->kind == OP_JOIN_FULL) && matches == 0) {
            expect(x, NONE, l[x]);
        } else if (b->kind > OP_JOIN_FULL && (matches > 0) == (b->kind == OP_JOIN_SEMI)) {
            expect(x, 0, l[x]);
        }
    }
    for (int32_t y = 0; y < 3; y++) {
        if ((b->kind == OP_JOIN_RIGHT || b->kind == OP_JOIN_FULL) && of_right[y] == 0) {
            expect(NONE, y, r[y]);
        }
    }
    check_bags();
}

/* What is kept are the accepted rows that may still find a match. */
static int64_t
bounded_kept(const int64_t *live, int64_t frontier) {
    int64_t kept = 0;
    for (int32_t s = 0; s < 6; s++) {
        const bool stays = s % 3 + bounds.kept_us[s / 3] >= frontier;
        kept += stays ? (j.spec.append_only[0] ? live[s] : live[s] > 0) : 0;
    }
    return kept;
}

static void
bounded_run(const bounded_case *b, int32_t sequence, int32_t length) {
    error   err = {0};
    int64_t live[6] = {0}, frontier = 0, late = 0;
    bounded_open(b);
    CHECK_OK(circuit_tick(&j.c, 0, &err));
    for (int32_t n = 0; n < length; n++, sequence /= BOUND_SYMBOLS) {
        const int32_t s = sequence % BOUND_SYMBOLS;
        if (s < 6) {
            const test_row row = {{s % 3}};
            const bool     refused = s % 3 < frontier;
            live[s] += !refused;
            late += refused;
            CHECK_OK(circuit_push(&j.c, j.o, s / 3, j.in, &row, NULL, 1, &err));
        }
        frontier += s == 6;
        CHECK_OK(circuit_tick(&j.c, frontier, &err));
        bounded_expect(b, live, live + 3);
        CHECK_EQ(op_join_class.state_rows(j.o), bounded_kept(live, frontier));
    }
    CHECK_EQ(j.o->late_rows, late);
    CHECK_OK(circuit_tick(&j.c, 100, &err));
    CHECK_EQ(op_join_class.state_rows(j.o), 0);
    circuit_close(&j.c);
}

static void
test_bounded_join_sequences(void **state) {
    static const int64_t intervals[][2] = {{0, 0}, {-1, 1}, {0, 1}};
    const int32_t        length = scope_depth() - 1;
    int32_t              count = 1;
    (void)state;
    for (int32_t i = 0; i < length; i++) {
        count *= BOUND_SYMBOLS;
    }
    for (int32_t kind = OP_JOIN_INNER; kind <= OP_JOIN_ANTI; kind++) {
        for (int32_t i = 0; i < 4; i++) {
            const bounded_case b = {.kind = (op_join_kind)kind,
                                    .lo = intervals[i % 3][0],
                                    .hi = intervals[i % 3][1],
                                    .keyed = i == 3,
                                    .append_only = kind % 2 == 0};
            for (int32_t sequence = 0; sequence < count; sequence++) {
                bounded_run(&b, sequence, length);
            }
        }
    }
}

/* ---- ASOF joins that forget, on the same sequences */

typedef struct asof_shape {
    op_match match;
    int64_t  near; /* -1: any distance */
    bool     left;
} asof_shape;

static void
bounded_asof_open(const asof_shape *a) {
    static const type_id one[] = {TYPE_TIMESTAMP};
    static const type_id two[] = {TYPE_TIMESTAMP, TYPE_TIMESTAMP};
    error                err = {0};
    const bool           behind = a->match == OP_MATCH_GREATER_EQUAL;
    const int64_t        near = max_i64(a->near, 0), waits = behind ? 0 : near;
    walk_open(BOUND_SYMBOLS, NULL, NULL);
    j.in = circuit_schema(&j.c, 1, one);
    bounds = (op_bound){.judges = true, .kept_us = {waits, waits + near}, .page_us = 1};
    j.spec = (op_spec){.input = {j.in, j.in},
                       .append_only = {true, true},
                       .output = circuit_schema(&j.c, 2, two),
                       .left_keys = first_column,
                       .right_keys = first_column,
                       .join = a->left ? OP_JOIN_LEFT : OP_JOIN_INNER,
                       .match = a->match,
                       .tolerance = a->near < 0 ? value_null(TYPE_I64) : value_i64(a->near),
                       .bound = &bounds,
                       .records = true,
                       .window_key = -1};
    CHECK_OK(circuit_add(&j.c, &j.o, &op_asof_bounded_class, &j.spec, &err));
    CHECK_OK(circuit_finish(&j.c, j.o, &err));
    j.o->old_rows_wanted = true;
}

static void
bounded_asof_expect(const asof_shape *a, const int64_t *l, const int64_t *r) {
    const int64_t step = a->match == OP_MATCH_GREATER_EQUAL ? -1 : 1;
    expected.count = 0;
    for (int64_t x = 0; x < 3; x++) {
        int64_t y = x;
        while (y >= 0 && y < 3 && r[y] == 0) {
            y += step;
        }
        const int64_t distance = y > x ? y - x : x - y;
        const bool    match = y >= 0 && y < 3 && (a->near < 0 || distance <= a->near);
        expect(x, match ? y : NONE, match || a->left ? l[x] : 0);
    }
    check_bags();
}

static void
bounded_asof_run(const asof_shape *a, int32_t sequence, int32_t length) {
    error   err = {0};
    int64_t live[6] = {0}, frontier = 0, late = 0;
    bounded_asof_open(a);
    CHECK_OK(circuit_tick(&j.c, 0, &err));
    for (int32_t n = 0; n < length; n++, sequence /= BOUND_SYMBOLS) {
        const int32_t s = sequence % BOUND_SYMBOLS;
        if (s < 6) {
            const test_row row = {{s % 3}};
            const bool     refused = s % 3 < frontier;
            live[s] += !refused;
            late += refused;
            CHECK_OK(circuit_push(&j.c, j.o, s / 3, j.in, &row, NULL, 1, &err));
        }
        frontier += s == 6;
        CHECK_OK(circuit_tick(&j.c, frontier, &err));
        bounded_asof_expect(a, live, live + 3);
    }
    CHECK_EQ(j.o->late_rows, late);
    CHECK_OK(circuit_tick(&j.c, 100, &err));
    const bool keeps = a->near < 0 && live[3] + live[4] + live[5] > 0;
    CHECK_EQ(op_asof_bounded_class.state_rows(j.o), keeps);
    circuit_close(&j.c);
}

static void
test_bounded_asof_sequences(void **state) {
    static const asof_shape shapes[] = {{OP_MATCH_GREATER_EQUAL, -1, false},
                                        {OP_MATCH_GREATER_EQUAL, 1, true},
                                        {OP_MATCH_LESS_EQUAL, 1, true},
                                        {OP_MATCH_LESS_EQUAL, 0, false}};
    const int32_t           length = scope_depth() - 1;
    int32_t                 count = 1;
    (void)state;
    for (int32_t i = 0; i < length; i++) {
        count *= BOUND_SYMBOLS;
    }
    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        for (int32_t sequence = 0; sequence < count; sequence++) {
            bounded_asof_run(&shapes[i], sequence, length);
        }
    }
}

/* ---- one input of rows (key, value): keys 1 and NULL, values -1, 0 and NULL */

static const int64_t numbers[3] = {-1, 0, NONE};

static test_row
row_of(int32_t symbol) {
    return (test_row){{symbol < 3 ? 1 : NONE, numbers[symbol % 3]}};
}

static void
row_change(walk *w, int32_t symbol, int64_t weight) {
    (void)w;
    const test_row row = row_of(symbol);
    push_row(&row, 0, weight);
}

static void
input_of_two(void) {
    static const type_id two[] = {TYPE_I64, TYPE_I64};
    j.in = circuit_schema(&j.c, 2, two);
    j.spec = (op_spec){.input = {j.in, NULL}, .output = j.in, .window_key = -1};
}

static void
distinct_check(walk *w) {
    expected.count = 0;
    for (int32_t s = 0; s < 6; s++) {
        const test_row row = row_of(s);
        if (w->live[s] > 0) {
            bag_add(&expected, &row, 1);
        }
    }
    check_bags();
}

static void
test_distinct_sequences(void **state) {
    (void)state;
    walk_open(6, row_change, distinct_check);
    input_of_two();
    walk_run(&op_distinct_class, scope_depth());
}

/* count(*), count(v), sum(v), min(v) of each key; without a key, one row over nothing, too. */
static void
group_check(walk *w) {
    const int32_t groups = j.spec.key_count == 0 ? 1 : 2;
    expected.count = 0;
    for (int32_t g = 0; g < groups; g++) {
        const int64_t *a = w->live + 3 * g;
        int64_t        of[3];
        for (int32_t i = 0; i < 3; i++) {
            of[i] = a[i] + (groups == 1 ? w->live[3 + i] : 0);
        }
        const int64_t  all = of[0] + of[1] + of[2], values = of[0] + of[1];
        const int64_t  sum = values == 0 ? NONE : -of[0];
        const int64_t  low = values == 0 ? NONE : of[0] > 0 ? -1 : 0;
        const test_row keyed = {{g == 0 ? 1 : NONE, all, values, sum, low}};
        const test_row whole = {{all, values, sum, low}};
        if (groups == 1) {
            bag_add(&expected, &whole, 1);
        } else if (all > 0) { /* pattern 3: without rows there is no group */
            bag_add(&expected, &keyed, 1);
        }
    }
    check_bags();
}

static void
walk_groups(int32_t key_count) {
    static const call calls[] = {{"count", -1, -1, false},
                                 {"count", 1, -1, false},
                                 {"sum", 1, -1, false},
                                 {"min", 1, -1, false}};
    error             err = {0};
    op_agg            aggs[4];
    walk_open(6, row_change, group_check);
    input_of_two();
    CHECK_OK(aggregate_spec(&j.c, &j.spec, aggs, j.in, key_count, calls, 4, &err));
    walk_run(&op_aggregate_class, scope_depth());
}

static void
test_group_sequences(void **state) {
    (void)state;
    walk_groups(1);
    walk_groups(0);
}

/* The rows at places 1 and 2 by value, NULL last; keys break ties, NULL last. */
static void
top_check(walk *w) {
    static const int32_t order[6] = {0, 3, 1, 4, 2, 5};
    int64_t              place = 0;
    expected.count = 0;
    for (int32_t i = 0; i < 6; i++) {
        const test_row row = row_of(order[i]);
        for (int64_t copy = 0; copy < w->live[order[i]]; copy++, place++) {
            if (place == 1 || place == 2) {
                bag_add(&expected, &row, 1);
            }
        }
    }
    check_bags();
}

static void
test_top_sequences(void **state) {
    (void)state;
    static const sort_key by_value[] = {{.column = 1}};
    walk_open(6, row_change, top_check);
    input_of_two();
    j.spec.sort_count = 1;
    j.spec.sort_keys = by_value;
    j.spec.limit = 2;
    j.spec.offset = 1;
    walk_run(&op_top_n_class, scope_depth());
}

/* ---- ASOF: rows L(t) are symbols 0-2, R(t) 3-5, at the times 1, 2 and NULL */

static void
asof_check(walk *w) {
    const int64_t *l = w->live, *r = w->live + 3;
    expected.count = 0;
    for (int32_t a = 0; a < 3; a++) {
        int32_t best = -1; /* the newest right time that is not newer */
        for (int32_t b = 0; b < 2; b++) {
            best = a < 2 && r[b] > 0 && keys[b] <= keys[a] ? b : best;
        }
        expect(keys[a], best < 0 ? NONE : keys[best],
               best < 0 && j.kind == OP_JOIN_INNER ? 0 : l[a]);
    }
    check_bags();
}

static void
test_asof_sequences(void **state) {
    (void)state;
    static const type_id one[] = {TYPE_I64};
    static const type_id two[] = {TYPE_I64, TYPE_I64};
    for (int32_t left = 0; left < 2; left++) {
        walk_open(6, join_change, asof_check);
        j.kind = left ? OP_JOIN_LEFT : OP_JOIN_INNER;
        j.in = circuit_schema(&j.c, 1, one);
        j.spec = (op_spec){.input = {j.in, j.in},
                           .output = circuit_schema(&j.c, 2, two),
                           .left_keys = first_column,
                           .right_keys = first_column,
                           .join = j.kind,
                           .match = OP_MATCH_GREATER_EQUAL,
                           .tolerance = value_null(TYPE_I64),
                           .window_key = -1};
        walk_run(&op_asof_class, scope_depth());
    }
}

UNIT_MAIN(UNIT(test_window_grid), UNIT(test_join_sequences), UNIT(test_distinct_sequences),
          UNIT(test_group_sequences), UNIT(test_top_sequences), UNIT(test_asof_sequences),
          UNIT(test_bounded_join_sequences), UNIT(test_bounded_asof_sequences))
