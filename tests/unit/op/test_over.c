/* SPDX-License-Identifier: Apache-2.0 */
/* test_over.c - window functions against a reference that looks at every row of the partition for
 * every row: random histories with retractions, random ticks, every function, frame and exclusion;
 * every short sequence of changes of a few rows under every frame. */
#include "circuit.h"

#include "agg/agg_common.h"

static const type_id in_types[] = {TYPE_I64, TYPE_I64, TYPE_TEXT, TYPE_I64};
static const int64_t range[] = {3, 5, 4, 9};

#define CALLS 4

static zset      out, expected, snapshot;
static test_rows live;

typedef struct window_case {
    over_call call[CALLS];
    sort_key  key;
    int32_t   key_count;
    bool      append_only;
    op_mode   mode;
} window_case;

typedef struct pipeline {
    circuit       c;
    op           *o;
    op_spec       spec;
    const schema *in;
    schema       *all;
} pipeline;

static const int32_t partition[] = {0};
static int32_t       argument[] = {3};
static data_type     argument_type[] = {{.id = TYPE_I64}};

static status
pipeline_open(pipeline *p, mem *m, const window_case *w, error *err) {
    type_id types[4 + CALLS] = {TYPE_I64, TYPE_I64, TYPE_TEXT, TYPE_I64};
    for (int32_t i = 0; i < CALLS; i++) {
        types[4 + i] = (type_id)w->call[i].type.id;
    }
    TRY(circuit_open(&p->c, m, &out, &snapshot, err));
    p->in = circuit_schema(&p->c, 4, in_types);
    p->all = circuit_schema(&p->c, 4 + CALLS, types);
    if (p->in == NULL || p->all == NULL) {
        return error_memory(err);
    }
    p->spec = (op_spec){.mode = w->mode,
                        .append_only = {w->append_only, false},
                        .input = {p->in, NULL},
                        .output = p->all,
                        .key_count = w->key_count,
                        .key_columns = partition,
                        .sort_count = 1,
                        .sort_keys = &w->key,
                        .over_count = CALLS,
                        .overs = w->call,
                        .window_key = -1};
    TRY(circuit_add(&p->c, &p->o, &op_over_class, &p->spec, err));
    return circuit_finish(&p->c, p->o, err);
}

/* ---- the reference */

typedef struct sorted_rows {
    int32_t  count;
    test_row rows[4096];
} sorted_rows;

static int
compare_cell(int32_t at, int64_t a, int64_t b, bool descending, bool nulls_first) {
    if (a == NONE || b == NONE) {
        return a == b ? 0 : ((a == NONE) == nulls_first ? -1 : 1);
    }
    int order = (a > b) - (a < b);
    if (in_types[at] == TYPE_TEXT) {
        char x[ZSET_KEY], y[ZSET_KEY];
        print_cell(x, sizeof(x), TYPE_TEXT, a);
        print_cell(y, sizeof(y), TYPE_TEXT, b);
        order = strcmp(x, y);
    }
    return descending ? -order : order;
}

static int
compare_key(const window_case *w, const test_row *a, const test_row *b) {
    return compare_cell(1, a->v[1], b->v[1], w->key.descending, w->key.nulls_first);
}

static int
compare_all(const window_case *w, const test_row *a, const test_row *b) {
    int order = w->key_count == 0 ? 0 : compare_cell(0, a->v[0], b->v[0], false, false);
    order = order != 0 ? order : compare_key(w, a, b);
    for (int32_t i = 0; i < 4 && order == 0; i++) {
        order = compare_cell(i, a->v[i], b->v[i], false, false);
    }
    return order;
}

static void
sort_live(const window_case *w, sorted_rows *s) {
    s->count = 0;
    for (int32_t i = 0; i < live.count; i++) {
        for (int64_t copy = 0; copy < live.weight[i]; copy++) {
            int32_t at = s->count++;
            for (; at > 0 && compare_all(w, &live.rows[i], &s->rows[at - 1]) < 0; at--) {
                s->rows[at] = s->rows[at - 1];
            }
            s->rows[at] = live.rows[i];
        }
    }
}

/* Is row j of the partition [first, end) within a bound of row i? */
static bool
within(const window_case *w, const sorted_rows *s, const over_frame *f, const frame_bound *b,
       bool is_end, int32_t i, int32_t j) {
    if (b->kind == BOUND_FIRST || b->kind == BOUND_LAST) {
        return true;
    }
    const int64_t by = b->kind == BOUND_CURRENT     ? 0
                       : b->kind == BOUND_PRECEDING ? -b->offset.i
                                                    : b->offset.i;
    int64_t       distance = j - i;
    if (f->unit == FRAME_GROUPS || (f->unit == FRAME_RANGE && b->kind == BOUND_CURRENT)) {
        distance = 0;
        for (int32_t k = i; k < j; k++) {
            distance += compare_key(w, &s->rows[k], &s->rows[k + 1]) != 0;
        }
        for (int32_t k = j; k < i; k++) {
            distance -= compare_key(w, &s->rows[k], &s->rows[k + 1]) != 0;
        }
    } else if (f->unit == FRAME_RANGE) {
        const int64_t x = s->rows[i].v[1], y = s->rows[j].v[1];
        if (x == NONE || y == NONE) {
            if (x == NONE && y == NONE) {
                return true;
            }
            const bool behind = j > i;
            return is_end ? !behind : behind;
        }
        distance = w->key.descending ? x - y : y - x;
    }
    return is_end ? distance <= by : distance >= by;
}

static bool
in_frame(const window_case *w, const sorted_rows *s, const over_frame *f, int32_t i, int32_t j) {
    const bool peers = compare_key(w, &s->rows[i], &s->rows[j]) == 0;
    if ((f->exclude == EXCLUDE_CURRENT && i == j) || (f->exclude == EXCLUDE_GROUP && peers) ||
        (f->exclude == EXCLUDE_TIES && peers && i != j)) {
        return false;
    }
    return within(w, s, f, &f->start, false, i, j) && within(w, s, f, &f->end, true, i, j);
}

static int64_t
reference_call(const window_case *w, const sorted_rows *s, const over_call *call, int32_t first,
               int32_t end, int32_t i) {
    int64_t sum = 0, count = 0, least = NONE, rank = 1, picked = NONE;
    for (int32_t j = first; j < end; j++) {
        const int64_t v = s->rows[j].v[3];
        rank += compare_key(w, &s->rows[j], &s->rows[i]) < 0;
        if (!in_frame(w, s, &call->frame, i, j)) {
            continue;
        }
        picked = call->kind == OVER_LAST_VALUE || count == 0 ? v : picked;
        count++;
        sum += v == NONE ? 0 : v;
        least = v != NONE && (least == NONE || v < least) ? v : least;
    }
    const int64_t at = call->kind == OVER_LAG ? i - call->count : i + call->count;
    switch (call->kind) {
    case OVER_ROW_NUMBER:
        return i - first + 1;
    case OVER_RANK:
        return rank;
    case OVER_LAG:
    case OVER_LEAD:
        return at < first || at >= end ? NONE : s->rows[at].v[3];
    case OVER_FIRST_VALUE:
    case OVER_LAST_VALUE:
        return picked;
    default:
        return call->class == &agg_count_star_class ? count
               : call->class == &agg_min_class      ? least
               : least == NONE                      ? NONE
                                                    : sum;
    }
}

static void
reference(const window_case *w, const schema *in) {
    static sorted_rows s;
    sort_live(w, &s);
    zset_clear(&expected);
    for (int32_t first = 0, end; first < s.count; first = end) {
        end = first + 1;
        while (end < s.count && (w->key_count == 0 || s.rows[end].v[0] == s.rows[first].v[0])) {
            end++;
        }
        for (int32_t i = first; i < end; i++) {
            char key[ZSET_KEY];
            print_row(key, in, &s.rows[i]);
            for (int32_t k = 0; k < CALLS; k++) {
                const size_t used = strlen(key);
                print_cell(key + used, ZSET_KEY - used, TYPE_I64,
                           reference_call(w, &s, &w->call[k], first, end, i));
            }
            zset_add(&expected, key, 1);
        }
    }
}

/* ---- random windows */

static frame_bound
random_bound(rng *r, int32_t least) {
    const int32_t kind = least + (int32_t)rng_below(r, (uint64_t)(5 - least));
    return (frame_bound){.kind = (frame_bound_kind)kind,
                         .offset = value_i64((int64_t)rng_below(r, 4))};
}

static void
random_call(rng *r, over_call *call) {
    static const over_kind        kinds[] = {OVER_ROW_NUMBER, OVER_RANK,        OVER_LAG,
                                             OVER_LEAD,       OVER_FIRST_VALUE, OVER_LAST_VALUE};
    static const agg_class *const classes[] = {&agg_sum_class, &agg_min_class,
                                               &agg_count_star_class};
    *call = (over_call){
        .argument = -1, .filter = -1, .count_column = -1, .fallback = -1, .type = {.id = TYPE_I64}};
    call->frame.unit = (frame_unit)rng_below(r, 3);
    call->frame.exclude = rng_below(r, 2) == 0 ? EXCLUDE_NONE : (frame_exclude)rng_below(r, 4);
    do {
        call->frame.start = random_bound(r, 0);
        call->frame.end = random_bound(r, (int32_t)call->frame.start.kind);
    } while (call->frame.start.kind == BOUND_LAST || call->frame.end.kind == BOUND_FIRST);
    const uint64_t pick = rng_below(r, 9);
    if (pick < ARRAY_COUNT(kinds)) {
        call->kind = kinds[pick];
        call->argument = call->kind >= OVER_LAG ? 3 : -1;
        call->count = (int64_t)rng_below(r, 3);
        return;
    }
    call->kind = OVER_AGGREGATE;
    call->class = classes[pick - ARRAY_COUNT(kinds)];
    call->signature.output = type_of(TYPE_I64);
    if (call->class != &agg_count_star_class) {
        call->signature.column_count = call->signature.argument_count = 1;
        call->signature.types = argument_type;
        call->columns = argument;
    }
}

static window_case
random_case(rng *r) {
    window_case w = {.key = {.column = 1,
                             .descending = rng_below(r, 2) == 0,
                             .nulls_first = rng_below(r, 2) == 0},
                     .key_count = (int32_t)rng_below(r, 2),
                     .append_only = rng_below(r, 2) == 0};
    for (int32_t i = 0; i < CALLS; i++) {
        random_call(r, &w.call[i]);
    }
    return w;
}

static void
run_once(const window_case *stream, rng *r) {
    static pipeline p;
    error           err = {0};
    window_case     w = *stream;
    w.mode = MODE_ONCE;
    w.append_only = true;
    zset_clear(&out);
    CHECK_OK(pipeline_open(&p, NULL, &w, &err));
    for (int32_t i = 0; i < live.count;) {
        const int32_t n = (int32_t)min_i64(live.count - i, 1 + (int64_t)rng_below(r, 40));
        CHECK_OK(circuit_push(&p.c, p.o, 0, p.in, live.rows + i, live.weight + i, n, &err));
        i += n;
    }
    CHECK_OK(circuit_tick(&p.c, INT64_MAX, &err));
    zset_check_equal(&out, &expected, "one-off over");
    circuit_close(&p.c);
}

static void
run_history(uint64_t seed) {
    static pipeline  p;
    static tick_rows shuffled;
    error            err = {0};
    rng              r;
    rng_init(&r, seed);
    const window_case w = random_case(&r);
    zset_clear(&out);
    live.count = 0;
    CHECK_OK(pipeline_open(&p, NULL, &w, &err));
    for (int32_t step = 0; step < 40; step++) {
        test_row      rows[6];
        int64_t       weight[6];
        const int32_t n = random_batch(&r, &live, 4, range, 8, w.append_only, 6, rows, weight);
        if (w.append_only) {
            CHECK_OK(circuit_push(&p.c, p.o, 0, p.in, rows, NULL, n, &err));
        } else {
            tick_rows_add(&shuffled, rows, weight, n);
        }
        if (rng_below(&r, 2) == 0) {
            CHECK_OK(tick_rows_push(&shuffled, &r, &p.c, p.o, 0, p.in, &err));
            CHECK_OK(circuit_tick(&p.c, 0, &err));
            reference(&w, p.in);
            zset_check_equal(&out, &expected, "over");
        }
    }
    CHECK_OK(tick_rows_push(&shuffled, &r, &p.c, p.o, 0, p.in, &err));
    CHECK_OK(circuit_tick(&p.c, 0, &err));
    reference(&w, p.in);
    zset_check_equal(&out, &expected, "over");
    CHECK_OK(circuit_snapshot(&p.c, p.o, &err));
    zset_check_equal(&snapshot, &expected, "snapshot");
    circuit_close(&p.c);
    run_once(&w, &r);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        run_history(seed);
    }
}

/* ---- every frame over every sequence of a few rows that come and go, each a tick of its own.
 * LAMINAR_SCOPE sets how many (5: three rows; `make full`, 6: four, and every function over every
 * frame). Going back is the inverse change, so each walk also undoes what it did. */

#define SYMBOLS 5
static const test_row symbols[SYMBOLS] = {{{1, 1, 0, 1}},
                                          {{1, 1, 0, 2}},
                                          {{1, 2, 1, NONE}},
                                          {{1, NONE, 0, 3}},
                                          {{2, 1, 0, -4}}};
#define FRAMED 5 /* functions that have a frame */

typedef struct scope {
    pipeline    p;
    window_case w;
    int64_t     here[SYMBOLS];
    int64_t     steps;
} scope;

static void
scope_step(scope *s, int32_t symbol, int64_t weight) {
    error err = {0};
    s->here[symbol] += weight;
    live.count = 0;
    for (int32_t i = 0; i < SYMBOLS; i++) {
        if (s->here[i] > 0) {
            live.rows[live.count] = symbols[i];
            live.weight[live.count++] = s->here[i];
        }
    }
    CHECK_OK(circuit_push(&s->p.c, s->p.o, 0, s->p.in, &symbols[symbol], &weight, 1, &err));
    CHECK_OK(circuit_tick(&s->p.c, 0, &err));
    reference(&s->w, s->p.in);
    zset_check_equal(&out, &expected, "a sequence");
    s->steps++;
}

static void
scope_walk(scope *s, int32_t depth) {
    for (int32_t i = 0; i < SYMBOLS && depth > 0; i++) {
        for (int64_t weight = 1; weight >= (s->here[i] > 0 ? -1 : 1); weight -= 2) {
            scope_step(s, i, weight);
            scope_walk(s, depth - 1);
            scope_step(s, i, -weight);
        }
    }
}

/* Call number n of those with this frame: 0 to FRAMED - 1. */
static void
framed_call(over_call *c, int32_t n, over_frame frame) {
    static const agg_class *const classes[] = {&agg_sum_class, &agg_min_class,
                                               &agg_count_star_class};
    *c = (over_call){
        .argument = -1, .filter = -1, .count_column = -1, .fallback = -1, .type = {.id = TYPE_I64}};
    c->frame = frame;
    if (n >= ARRAY_COUNT(classes)) {
        c->kind = n == FRAMED - 1 ? OVER_LAST_VALUE : OVER_FIRST_VALUE;
        c->argument = 3;
        return;
    }
    c->kind = OVER_AGGREGATE;
    c->class = classes[n];
    c->signature.output = type_of(TYPE_I64);
    if (c->class != &agg_count_star_class) {
        c->signature.column_count = c->signature.argument_count = 1;
        c->signature.types = argument_type;
        c->columns = argument;
    }
}

static int32_t
all_calls(over_call *calls, bool each) {
    static const over_kind plain[] = {OVER_ROW_NUMBER, OVER_RANK, OVER_LAG, OVER_LEAD};
    const over_frame none = {.start = {.offset = value_i64(0)}, .end = {.offset = value_i64(0)}};
    int32_t          count = 0, frames = 0;
    for (int32_t i = 0; i < ARRAY_COUNT(plain); i++) {
        framed_call(&calls[count], FRAMED - 1, none);
        calls[count].kind = plain[i];
        calls[count].argument = plain[i] >= OVER_LAG ? 3 : -1;
        calls[count++].count = 1;
    }
    for (int32_t i = 0; i < 3 * 4 * 5 * 5; i++) {
        const over_frame f = {.unit = (frame_unit)(i % 3),
                              .exclude = (frame_exclude)(i / 3 % 4),
                              .start = {(frame_bound_kind)(i / 12 % 5), value_i64(1)},
                              .end = {(frame_bound_kind)(i / 60), value_i64(1)}};
        if (f.start.kind == BOUND_LAST || f.end.kind == BOUND_FIRST || f.start.kind > f.end.kind) {
            continue;
        }
        for (int32_t n = each ? 0 : frames % FRAMED; n < (each ? FRAMED : frames % FRAMED + 1);
             n++) {
            framed_call(&calls[count++], n, f);
        }
        frames++;
    }
    CHECK_EQ(frames, 13 * 12);
    return count;
}

static void
test_sequences(void **state) {
    (void)state;
    static over_call calls[4 + 13 * 12 * FRAMED];
    static scope     s;
    error            err = {0};
    const char      *set = getenv("LAMINAR_SCOPE");
    const int32_t    depth = (set == NULL ? 5 : (int32_t)strtol(set, NULL, 10)) - 2;
    const int32_t    count = all_calls(calls, depth > 3);
    int64_t          steps = 0;
    for (int32_t first = 0; first < count; first += CALLS) {
        for (int32_t parted = 0; parted < 2; parted++) { /* and the order turned round */
            s = (scope){.w = {.key = {.column = 1, .descending = parted, .nulls_first = parted},
                              .key_count = parted}};
            for (int32_t k = 0; k < CALLS; k++) {
                s.w.call[k] = calls[(first + k) % count];
            }
            zset_clear(&out);
            CHECK_OK(pipeline_open(&s.p, NULL, &s.w, &err));
            scope_walk(&s, depth);
            CHECK_EQ(s.p.o->class->state_rows(s.p.o), 0);
            circuit_close(&s.p.c);
            steps += s.steps;
        }
    }
    print_message("%d calls, %lld steps\n", count, (long long)steps);
    CHECK(depth < 3 || steps > 30000);
}

/* All rows taken back: nothing is left in the state. */
static void
test_drains(void **state) {
    (void)state;
    static pipeline p;
    error           err = {0};
    rng             r;
    rng_init(&r, 3);
    window_case w = random_case(&r);
    w.append_only = false;
    zset_clear(&out);
    live.count = 0;
    CHECK_OK(pipeline_open(&p, NULL, &w, &err));
    for (int32_t round = 0; round < 3; round++) {
        test_row rows[50];
        int64_t  weight[50];
        for (int32_t i = 0; i < 50; i++) {
            rows[i] = random_row(&r, 4, range, 8);
            weight[i] = 1;
        }
        CHECK_OK(circuit_push(&p.c, p.o, 0, p.in, rows, weight, 50, &err));
        CHECK_OK(circuit_tick(&p.c, 0, &err));
        CHECK_EQ(p.o->class->state_rows(p.o), 50);
        for (int32_t i = 0; i < 50; i++) {
            weight[i] = -1;
        }
        CHECK_OK(circuit_push(&p.c, p.o, 0, p.in, rows, weight, 50, &err));
        CHECK_OK(circuit_tick(&p.c, 0, &err));
        CHECK_EQ(p.o->class->state_rows(p.o), 0);
    }
    zset_clear(&expected);
    zset_check_equal(&out, &expected, "drained");
    circuit_close(&p.c);
}

static status
torture_over(mem *m, error *err) {
    static pipeline p;
    status          s = OK;
    for (uint64_t variant = 0; s >= 0 && variant < 4; variant++) {
        rng r;
        rng_init(&r, 40 + variant);
        window_case w = random_case(&r);
        w.append_only = variant % 2 == 1;
        w.mode = variant == 3 ? MODE_ONCE : MODE_STREAM;
        zset_clear(&out);
        live.count = 0;
        s = pipeline_open(&p, m, &w, err);
        for (int32_t step = 0; s >= 0 && step < 4; step++) {
            test_row      rows[5];
            int64_t       weight[5];
            const int32_t n = random_batch(&r, &live, 4, range, 8, w.append_only, 5, rows, weight);
            s = circuit_push(&p.c, p.o, 0, p.in, rows, weight, n, err);
            s = s < 0 || w.mode == MODE_ONCE ? s : circuit_tick(&p.c, 0, err);
        }
        s = s < 0 ? s : circuit_tick(&p.c, 0, err);
        circuit_close(&p.c);
    }
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("over", torture_over) > 20);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_sequences), UNIT(test_drains), UNIT(test_torture))
