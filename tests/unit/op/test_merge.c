/* SPDX-License-Identifier: Apache-2.0 */
/* test_merge.c - partial instances: the rows of a random history go to one instance, and to two by
 * the throw of a coin, a row and what takes it back to the same one. After some ticks one of the
 * two takes up the other, and the history goes on. From then on what came out of the parts
 * together, at every tick, is what came out of the one, and a snapshot of the merged instance says
 * the same. Every class with op_class.merge is here; test_registry sees to it that all with state
 * have one. */
#include "agg/agg_common.h"
#include "aggregate_reference.h"
#include "op/gate.h"

#define STEPS 26

typedef struct layout {
    int32_t columns;
    type_id types[ROW_COLUMNS];
    int64_t range[ROW_COLUMNS];
} layout;

typedef struct merge_case merge_case;
typedef struct instance {
    circuit       c;
    op           *o;
    op_spec       spec;
    const schema *in[2];
    op_agg        aggs[12];
    eval_env      eval;
    engine_clock  clock;
} instance;

struct merge_case {
    const char *name;
    const op_class *class;
    int32_t       ports;
    const layout *rows;        /* of each port */
    int32_t       time;        /* column that is a time the frontier has not passed; -1: none */
    int64_t       early;       /* `other` has no time before, so that nothing in it is final */
    int64_t       behind;      /* times are up to so far behind; `other` comes for one tick */
    int64_t       window;      /* > 0: the time is the start of a window this wide */
    bool          append_only; /* else both ways are tried */
    bool          retracts;    /* likewise */
    bool          no_nulls;
    bool          single_rows; /* each row as a delta of its own, with weights of 1 and -1 */
    bool          forgets;     /* state_ttl is tried too */
    bool          counts_only; /* which of the rows come out is not defined: how many do */
    bool          hides_first; /* the first column tells the instance, not the answer */
    bool          snapshot_is_output;
    status (*fill)(instance *p, int variant, error *err);
    void (*before_tick)(instance *p, int64_t step);
    int32_t compare_every; /* ticks; 0: each */
    int     variants;
};

static zset whole_out, parts_out, snapshot;

/* ---- what the cases are told */

static schema *
make_schema(instance *p, int32_t count, const type_id *types) {
    return circuit_schema(&p->c, count, types);
}

static status
fill_same(instance *p, int variant, error *err) {
    (void)variant;
    (void)err;
    p->spec.output = p->in[0];
    return OK;
}

static const op_join_kind kinds[] = {OP_JOIN_INNER, OP_JOIN_LEFT, OP_JOIN_RIGHT, OP_JOIN_FULL,
                                     OP_JOIN_SEMI,  OP_JOIN_ANTI, OP_JOIN_MARK};
static const int32_t      first_column[] = {0, 1};

/* variant: the kind; from 7 on with a residual */
static status
fill_join(instance *p, int variant, error *err) {
    const op_join_kind kind = kinds[variant % 7];
    const bool         mark = kind == OP_JOIN_MARK;
    const bool         left = mark || kind == OP_JOIN_SEMI || kind == OP_JOIN_ANTI;
    type_id            types[] = {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_I64, TYPE_TEXT, TYPE_I64};
    types[3] = mark ? TYPE_BOOL : TYPE_I64;
    p->spec.output = make_schema(p, left ? 3 + mark : 6, types);
    p->spec.key_count = 1;
    p->spec.left_keys = p->spec.right_keys = first_column;
    p->spec.join = kind;
    if (variant < 7) {
        return OK;
    }
    expr *args[2] = {expr_column(&p->c.arena, 2, type_of(TYPE_I64), -1),
                     expr_column(&p->c.arena, 5, type_of(TYPE_I64), -1)};
    return expr_call(&p->spec.predicate, &p->c.arena, TEXT("<"), args, 2, -1, err);
}

static const op_bound near = {.judges = true,
                              .columns = {2, 2},
                              .kept_us = {16, 16},
                              .judged_us = {0, 0},
                              .page_us = 4};

static const int32_t timed_keys[] = {0, 2};

static status
fill_join_bound(instance *p, int variant, error *err) {
    TRY(fill_join(p, variant, err));
    type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_TIMESTAMP, TYPE_I64, TYPE_TEXT, TYPE_TIMESTAMP};
    types[3] = kinds[variant % 7] == OP_JOIN_MARK ? TYPE_BOOL : TYPE_I64;
    p->spec.output = make_schema(p, p->spec.output->count, types);
    p->spec.key_count =
        2; /* of one time: what is forgotten before the merge has no other partner */
    p->spec.left_keys = p->spec.right_keys = timed_keys;
    p->spec.bound = &near;
    p->spec.records = true;
    return OK;
}

static status
fill_asof(instance *p, int variant, error *err) {
    const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_I64, TYPE_TEXT, TYPE_I64};
    (void)err;
    p->spec.output = make_schema(p, 6, types);
    p->spec.key_count = 1;
    p->spec.left_keys = p->spec.right_keys = timed_keys;
    p->spec.match = (op_match)(variant % 5);
    p->spec.join = variant < 5 ? OP_JOIN_INNER : OP_JOIN_LEFT;
    p->spec.tolerance = variant % 3 == 0 ? value_i64(4) : value_null(TYPE_I64);
    return OK;
}

/* A right row stays as long as a left one that it may match. */
static const op_bound nearer = {.judges = true,
                                .columns = {2, 2},
                                .kept_us = {16, 26},
                                .judged_us = {0, 0},
                                .page_us = 1};

static status
fill_asof_bound(instance *p, int variant, error *err) {
    const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_TIMESTAMP,
                             TYPE_I64, TYPE_TEXT, TYPE_TIMESTAMP};
    TRY(fill_asof(p, variant, err));
    p->spec.output = make_schema(p, 6, types);
    p->spec.match = OP_MATCH_GREATER_EQUAL;
    p->spec.tolerance = value_i64(9);
    p->spec.bound = &nearer;
    p->spec.records = true;
    return OK;
}

static const sort_key by_text[] = {{.column = 1, .descending = true}, {.column = 2}};

static status
fill_top_n(instance *p, int variant, error *err) {
    TRY(fill_same(p, variant, err));
    p->spec.limit = 2 + variant % 5;
    p->spec.offset = variant % 3;
    p->spec.sort_count = 1 + variant % 2;
    p->spec.sort_keys = by_text;
    p->spec.key_count = variant >= 6;
    p->spec.key_columns = first_column;
    return OK;
}

static status
fill_first_n(instance *p, int variant, error *err) {
    TRY(fill_same(p, variant, err));
    p->spec.limit = 3;
    p->spec.offset = variant;
    return OK;
}

static const over_call ranks[] = {
    {.kind = OVER_ROW_NUMBER, .argument = -1, .filter = -1, .type = {.id = TYPE_I64}},
    {.kind = OVER_RANK, .argument = -1, .filter = -1, .type = {.id = TYPE_I64}},
    {.kind = OVER_LAG,
     .argument = 2,
     .filter = -1,
     .count_column = -1,
     .count = 2,
     .fallback = -1,
     .type = {.id = TYPE_I64}},
};

static status
fill_over(instance *p, int variant, error *err) {
    const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_I64, TYPE_I64, TYPE_I64};
    (void)err;
    p->spec.output = make_schema(p, 6, types);
    p->spec.key_count = variant % 2;
    p->spec.key_columns = first_column;
    p->spec.sort_count = 1;
    p->spec.sort_keys = by_text;
    p->spec.over_count = 3;
    p->spec.overs = ranks;
    return OK;
}

static const call calls[] = {
    {"count", -1, -1, false}, {"sum", 2, -1, false}, {"count", 2, 4, false},
    {"min", 3, -1, false},    {"max", 1, -1, false}, {"avg", 3, -1, false},
    {"count", 2, -1, true},   {"sum", 2, 4, true},   {"max", 2, -1, true},
};

static status
fill_group_by(instance *p, int variant, error *err) {
    return aggregate_spec(&p->c, &p->spec, p->aggs, p->in[0], variant % 3, calls,
                          ARRAY_COUNT(calls), err);
}

/* Column 0 is the time. variant 1: final windows alone come out, 2: from their end on */
static status
fill_windows(instance *p, int variant, error *err) {
    TRY(aggregate_spec(&p->c, &p->spec, p->aggs, p->in[0], 2, calls, ARRAY_COUNT(calls), err));
    p->spec.window_key = 0;
    p->spec.time_type = type_of(TYPE_TIMESTAMP);
    p->spec.window_size_us = p->spec.window_slide_us = 10;
    p->spec.emit_at_close = variant == 1;
    p->spec.emit_at_end = variant == 2;
    p->spec.lateness_us = 4 * (variant == 2);
    return OK;
}

static status
fill_panes(instance *p, int variant, error *err) {
    TRY(aggregate_spec(&p->c, &p->spec, p->aggs, p->in[0], 2, calls, 6, err));
    p->spec.window_key = 0;
    p->spec.time_type = type_of(TYPE_TIMESTAMP);
    p->spec.window_size_us = 40;
    p->spec.window_slide_us = variant == 0 ? 5 : 10;
    p->spec.pane_us = 5;
    p->spec.emit_at_close = true;
    return OK;
}

static const call session_calls[] = {
    {"count", -1, -1, false}, {"min", 0, -1, false}, {"max", 0, -1, false},
    {"sum", 2, 4, false},     {"max", 1, -1, false}, {"sum", 2, -1, true},
};

/* variant 0, 1: states merge; 2, 3: rows are kept, because of DISTINCT or because they may leave */
static status
fill_sessions(instance *p, int variant, error *err) {
    TRY(aggregate_spec(&p->c, &p->spec, p->aggs, p->in[0], 2, session_calls, variant < 2 ? 5 : 6,
                       err));
    p->spec.session = true;
    p->spec.session_key = p->spec.window_key = 0;
    p->spec.time_type = type_of(TYPE_TIMESTAMP);
    p->spec.window_size_us = 3;
    p->spec.emit_at_close = variant % 2 == 0;
    p->spec.emit_at_end = variant == 3;
    return OK;
}

static status
fill_keep(instance *p, int variant, error *err) {
    const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_I64};
    static expr  *exprs[1];
    expr         *args[2] = {expr_column(&p->c.arena, 0, type_of(TYPE_I64), -1),
                             expr_column(&p->c.arena, 2, type_of(TYPE_I64), -1)};
    (void)variant;
    clock_init_manual(&p->clock, 5);
    p->eval = (eval_env){.clock = &p->clock};
    p->c.env.eval = &p->eval;
    p->spec.output = make_schema(p, 4, types);
    p->spec.exprs = arena_alloc(&p->c.arena, sizeof(exprs));
    return expr_call(&p->spec.exprs[0], &p->c.arena, TEXT("+"), args, 2, -1, err);
}

static status
fill_versions(instance *p, int variant, error *err) {
    static const int32_t picked[] = {0, 1, 2, 100, 101};
    const type_id        types[] = {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_TIMESTAMP, TYPE_TIMESTAMP};
    (void)variant;
    (void)err;
    p->spec.output = make_schema(p, 5, types);
    p->spec.columns = picked;
    p->spec.arrival = 100;
    p->spec.departure = 101;
    return OK;
}

static status
fill_gate(instance *p, int variant, error *err) {
    (void)err;
    (void)variant;
    p->spec.output = p->in[0];
    p->spec.held = true;
    return OK;
}

static void
hold_or_let_go(instance *p, int64_t step) {
    if (step == 0) {
        gate_hold(p->o);
    } else if (step % 4 == 3) {
        gate_release(p->o);
    }
}

static const layout three = {3, {TYPE_I64, TYPE_TEXT, TYPE_I64}, {3, 4, 6}};
static const layout timed = {3, {TYPE_I64, TYPE_TEXT, TYPE_TIMESTAMP}, {2, 4, 8}};
static const layout five = {5,
                            {TYPE_I64, TYPE_TEXT, TYPE_I64, TYPE_F64, TYPE_BOOL},
                            {3, 2, 6, 7, 4}};
static const layout timed_five = {5,
                                  {TYPE_TIMESTAMP, TYPE_TEXT, TYPE_I64, TYPE_F64, TYPE_BOOL},
                                  {20, 2, 6, 7, 4}};

static const merge_case cases[] = {
    {"distinct", &op_distinct_class, 1, &three, .time = -1, .forgets = true,
     .snapshot_is_output = true, .fill = fill_same, .variants = 1},
    {"join", &op_join_class, 2, &three, .time = -1, .fill = fill_join, .variants = 14},
    {"join, bounded", &op_join_class, 2, &timed, .time = 2, .early = 10, .append_only = true,
     .fill = fill_join_bound, .variants = 7},
    {"asof", &op_asof_class, 2, &three, .time = -1, .snapshot_is_output = true, .fill = fill_asof,
     .variants = 10},
    {"asof, bounded", &op_asof_bounded_class, 2, &timed, .time = 2, .early = 10,
     .append_only = true, .fill = fill_asof_bound, .variants = 10},
    {"top_n", &op_top_n_class, 1, &three, .time = -1, .forgets = true, .snapshot_is_output = true,
     .fill = fill_top_n, .variants = 12},
    {"top_n, no order", &op_top_n_class, 1, &three, .time = -1, .counts_only = true,
     .fill = fill_first_n, .variants = 2},
    {"over", &op_over_class, 1, &three, .time = -1, .forgets = true, .snapshot_is_output = true,
     .fill = fill_over, .variants = 2},
    {"aggregate", &op_aggregate_class, 1, &five, .time = -1, .forgets = true,
     .snapshot_is_output = true, .fill = fill_group_by, .variants = 3},
    {"aggregate, windows", &op_aggregate_class, 1, &timed_five, .time = 0, .early = 27,
     .window = 10, .fill = fill_windows, .snapshot_is_output = true, .variants = 3},
    {"aggregate, panes", &op_aggregate_class, 1, &timed_five, .time = 0, .early = 27, .window = 5,
     .append_only = true, .fill = fill_panes, .variants = 2},
    {"aggregate, panes in runs", &op_aggregate_class, 1, &timed_five, .time = 0, .behind = 20,
     .window = 5, .append_only = true, .fill = fill_panes, .variants = 2},
    {"aggregate, sessions", &op_aggregate_class, 1, &timed_five, .time = 0, .early = 27,
     .no_nulls = true, .append_only = true, .hides_first = true, .fill = fill_sessions,
     .variants = 4},
    {"aggregate, sessions that lose rows", &op_aggregate_class, 1, &timed_five, .time = 0,
     .early = 27, .no_nulls = true, .retracts = true, .hides_first = true, .fill = fill_sessions,
     .variants = 4},
    {"keep", &op_keep_class, 1, &three, .time = -1, .snapshot_is_output = true, .fill = fill_keep,
     .variants = 1},
    {"versions", &op_versions_class, 1, &three, .time = -1, .retracts = true, .single_rows = true,
     .fill = fill_versions, .variants = 1},
    {"result", &op_result_class, 1, &three, .time = -1, .snapshot_is_output = true,
     .fill = fill_same, .variants = 1},
    {"gate", &op_gate_class, 1, &three, .time = -1, .fill = fill_gate,
     .before_tick = hold_or_let_go, .compare_every = 4, .variants = 1},
};

/* ---- a run */

/* A session's number in the place of its key. */
static status
take_rest(void *context, const delta *rows, error *err) {
    circuit *c = context;
    delta    rest = *rows;
    (void)err;
    rest.columns++;
    rest.column_count--;
    take_into(c->out, &rest);
    return OK;
}

typedef struct run {
    const merge_case *of;
    rng               r;
    bool              append_only;
    int64_t           frontier;
    instance          whole, part[2];
    test_rows         live[2][2]; /* by part and port */
} run;

static status
instance_open(instance *p, const run *t, zset *out, int variant, bool ages, mem *m, error *err) {
    const merge_case *mc = t->of;
    TRY(circuit_open(&p->c, m, out, &snapshot, err));
    p->spec = (op_spec){.mode = MODE_STREAM,
                        .window_key = -1,
                        .limit = -1,
                        .append_only = {t->append_only, t->append_only},
                        .ages = {ages, ages}};
    p->c.env.ttl_us = ages ? 4 : 0;
    p->c.env.results = p->c.env.store;
    for (int32_t port = 0; port < mc->ports; port++) {
        p->in[port] = circuit_schema(&p->c, mc->rows->columns, mc->rows->types);
        p->spec.input[port] = p->in[port];
        TRY(p->in[port] == NULL ? error_memory(err) : OK);
    }
    if (mc->hides_first) {
        p->c.sink_spec.sink.take = take_rest;
    }
    TRY(mc->fill(p, variant, err));
    TRY(p->spec.output == NULL ? error_memory(err) : OK);
    TRY(circuit_add(&p->c, &p->o, mc->class, &p->spec, err));
    p->o->old_rows_wanted = true;
    return circuit_finish(&p->c, p->o, err);
}

static bool
is_live(const run *t, const test_row *row) {
    for (int32_t part = 0; part < 2; part++) {
        for (int32_t i = 0; i < t->live[part][0].count; i++) {
            if (memcmp(&t->live[part][0].rows[i], row, sizeof(*row)) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* A change of this part: a new row, or one of its rows goes. False: none this time. */
static bool
next_change(run *t, int32_t part, int32_t port, test_row *row, int64_t *weight) {
    const merge_case *mc = t->of;
    test_rows        *live = &t->live[part][port];
    *weight = 1;
    if (!t->append_only && live->count > 0 && rng_below(&t->r, 100) < 40) {
        const int32_t pick = (int32_t)rng_below(&t->r, (uint64_t)live->count);
        *row = live->rows[pick];
        *weight = -1;
        /* What the frontier has passed is not there any more. */
        return mc->time < 0 || row->v[mc->time] >= t->frontier;
    }
    *row = random_row(&t->r, mc->rows->columns, mc->rows->range, mc->no_nulls ? 0 : 7);
    if (mc->time >= 0) {
        const int64_t from = max_i64(0, part == 1 ? max_i64(mc->early, t->frontier - mc->behind)
                                                  : t->frontier - mc->behind);
        int64_t       time = from + (int64_t)rng_below(&t->r, (uint64_t)mc->rows->range[mc->time]);
        time = mc->window > 0 ? time - time % mc->window : time;
        row->v[mc->time] = time < from ? time + mc->window : time;
    }
    return !mc->single_rows || !is_live(t, row);
}

static status
push_change(run *t, instance *p, int32_t port, const test_row *row, int64_t weight, error *err) {
    return circuit_push(&p->c, p->o, port, p->in[port], row,
                        t->append_only || weight == 1 ? NULL : &weight, 1, err);
}

static status
step_rows(run *t, bool one_part, error *err) {
    const int32_t count = (int32_t)rng_below(&t->r, 14);
    for (int32_t i = 0; i < count; i++) {
        const int32_t part = (int32_t)rng_below(&t->r, one_part ? 1 : 2);
        const int32_t port = (int32_t)rng_below(&t->r, (uint64_t)t->of->ports);
        test_row      row;
        int64_t       weight;
        if (next_change(t, part, port, &row, &weight)) {
            rows_add(&t->live[part][port], &row, weight);
            TRY(push_change(t, &t->whole, port, &row, weight, err));
            TRY(push_change(t, &t->part[part], port, &row, weight, err));
        }
    }
    return OK;
}

static status
tick_one(run *t, instance *p, int64_t step, int64_t clock_us, error *err) {
    p->c.env.clock_us = clock_us;
    if (t->of->before_tick != NULL) {
        t->of->before_tick(p, step);
    }
    TRY(circuit_tick(&p->c, t->frontier, err));
    return p->c.env.ttl_us > 0 && p->o->class->forget != NULL ? p->o->class->forget(p->o, err) : OK;
}

static int64_t
total(const zset *z) {
    int64_t sum = 0;
    for (int32_t i = 0; i < ZSET_SIZE; i++) {
        sum += z->used[i] ? z->weight[i] : 0;
    }
    return sum;
}

static void
compare(run *t) {
    error err = {0};
    char  what[120];
    snprintf(what, sizeof(what), "%s, merged", t->of->name);
    if (t->of->counts_only) {
        CHECK_EQ(total(&parts_out), total(&whole_out));
    } else {
        zset_check_equal(&parts_out, &whole_out, what);
    }
    instance *p = &t->part[0];
    if (t->of->snapshot_is_output && p->c.env.ttl_us == 0) {
        CHECK_OK(circuit_snapshot(&p->c, p->o, &err));
        snprintf(what, sizeof(what), "%s, snapshot", t->of->name);
        zset_check_equal(&snapshot, &whole_out, what);
    }
}

static status
take_up(run *t, error *err) {
    for (int32_t port = 0; port < t->of->ports; port++) {
        const test_rows *from = &t->live[1][port];
        for (int32_t i = 0; i < from->count; i++) {
            rows_add(&t->live[0][port], &from->rows[i], from->weight[i]);
        }
        t->live[1][port].count = 0;
    }
    TRY(op_merge(t->part[0].o, t->part[1].o, err));
    arena_reset(&t->part[0].c.scratch);
    return OK;
}

/* Counters of both are those of one. */
static void
check_counters(const run *t) {
    CHECK_EQ(t->part[0].o->rows_in, t->whole.o->rows_in);
    CHECK_EQ(t->part[0].o->late_rows, t->whole.o->late_rows);
}

static status
run_history(run *t, const merge_case *mc, uint64_t seed, int variant, bool ages, mem *m,
            error *err) {
    memset(t, 0, sizeof(*t));
    t->of = mc;
    t->append_only = mc->append_only || (!mc->retracts && seed % 2 == 0);
    rng_init(&t->r, seed * 31 + (uint64_t)variant);
    zset_clear(&whole_out);
    zset_clear(&parts_out);
    status s = instance_open(&t->whole, t, &whole_out, variant, ages, m, err);
    s = s < 0 ? s : instance_open(&t->part[0], t, &parts_out, variant, ages, m, err);
    s = s < 0 ? s : instance_open(&t->part[1], t, &parts_out, variant, ages, m, err);
    const int64_t meet = 4 + (int64_t)rng_below(&t->r, 10);
    for (int64_t step = 0; s >= 0 && step < STEPS; step++) {
        const bool merged = step >= meet;
        if (step == meet) {
            s = take_up(t, err);
        }
        const int64_t clock_us = ages && merged ? step - meet : 0; /* what was merged came now */
        for (int32_t i = 0; i < 3; i++) {
            instance *p = i < 2 ? &t->part[i] : &t->whole;
            p->c.env.arrived_us = 1 + step;
            p->c.env.clock_us = clock_us;
        }
        s = s < 0 ? s : step_rows(t, merged || (mc->behind > 0 && step != meet - 1), err);
        if (mc->behind == 0 || step != meet - 1) {
            t->frontier += (int64_t)rng_below(&t->r, merged || mc->behind > 0 ? 12 : 3);
        }
        s = s < 0 ? s : tick_one(t, &t->whole, step, clock_us, err);
        s = s < 0 ? s : tick_one(t, &t->part[0], step, clock_us, err);
        s = s < 0 || merged ? s : tick_one(t, &t->part[1], step, clock_us, err);
        if (s >= 0 && m == NULL && merged &&
            (mc->compare_every == 0 || step % mc->compare_every == mc->compare_every - 1)) {
            compare(t);
        }
    }
    if (s >= 0 && m == NULL) {
        check_counters(t);
    }
    circuit_close(&t->whole.c);
    circuit_close(&t->part[0].c);
    circuit_close(&t->part[1].c);
    return s < 0 ? s : OK;
}

static run one_run;

static void
test_histories(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const merge_case *mc = &cases[i];
        for (int variant = 0; variant < mc->variants; variant++) {
            for (uint64_t seed = 0; seed < (mc->variants > 6 ? 8 : 20); seed++) {
                const bool ages = mc->forgets && seed % 4 >= 2;
                error      err = {0};
                if (run_history(&one_run, mc, seed, variant, ages, NULL, &err) < 0) {
                    print_error("%s, variant %d, seed %llu: %s\n", mc->name, variant,
                                (unsigned long long)seed, err.message);
                    fail();
                }
            }
        }
    }
}

/* ---- late rows that were refused: who makes the stream's rows again leaves out those of both */

static status
open_window(instance *p, zset *out, op_mode mode, const op *live, error *err) {
    static const type_id types[] = {TYPE_TIMESTAMP, TYPE_I64, TYPE_TIMESTAMP};
    TRY(circuit_open(&p->c, NULL, out, NULL, err));
    p->in[0] = make_schema(p, 2, types);
    p->spec = (op_spec){.mode = mode,
                        .live = live,
                        .records = true,
                        .input = {p->in[0], NULL},
                        .output = make_schema(p, 3, types),
                        .window_key = -1,
                        .time_type = type_of(TYPE_TIMESTAMP),
                        .window_size_us = 10,
                        .window_slide_us = 5};
    TRY(circuit_add(&p->c, &p->o, &op_window_class, &p->spec, err));
    return circuit_finish(&p->c, p->o, err);
}

static void
make_again(const run *t, const op *live, zset *out) {
    static instance once;
    error           err = {0};
    zset_clear(out);
    CHECK_OK(open_window(&once, out, MODE_ONCE, live, &err));
    for (int32_t part = 0; part < 2; part++) {
        const test_rows *rows = &t->live[part][0];
        CHECK_OK(circuit_push(&once.c, once.o, 0, once.in[0], rows->rows, rows->weight, rows->count,
                              &err));
    }
    CHECK_OK(circuit_tick(&once.c, INT64_MAX, &err));
    circuit_close(&once.c);
}

static void
test_refused(void **state) {
    static run t;
    error      err = {0};
    (void)state;
    rng_init(&t.r, 5);
    CHECK_OK(open_window(&t.whole, NULL, MODE_STREAM, NULL, &err));
    CHECK_OK(open_window(&t.part[0], NULL, MODE_STREAM, NULL, &err));
    CHECK_OK(open_window(&t.part[1], NULL, MODE_STREAM, NULL, &err));
    for (int64_t step = 0; step < 20; step++) {
        for (int32_t i = 0; i < 6; i++) {
            const int32_t  part = (int32_t)rng_below(&t.r, 2);
            const test_row row = {{(int64_t)rng_below(&t.r, 60), (int64_t)rng_below(&t.r, 3)}};
            rows_add(&t.live[part][0], &row, 1);
            CHECK_OK(circuit_push(&t.whole.c, t.whole.o, 0, t.whole.in[0], &row, NULL, 1, &err));
            CHECK_OK(circuit_push(&t.part[part].c, t.part[part].o, 0, t.part[part].in[0], &row,
                                  NULL, 1, &err));
        }
        CHECK_OK(circuit_tick(&t.whole.c, 3 * step, &err));
        CHECK_OK(circuit_tick(&t.part[0].c, 3 * step, &err));
        CHECK_OK(circuit_tick(&t.part[1].c, 3 * step, &err));
    }
    CHECK(t.part[1].o->late_rows > 10);
    CHECK_OK(op_merge(t.part[0].o, t.part[1].o, &err));
    CHECK_OK(circuit_tick(&t.part[0].c, 60, &err));
    CHECK_EQ(t.part[0].o->late_rows, t.whole.o->late_rows);
    make_again(&t, t.whole.o, &whole_out);
    make_again(&t, t.part[0].o, &parts_out);
    zset_check_equal(&parts_out, &whole_out, "refused");
    circuit_close(&t.whole.c);
    circuit_close(&t.part[0].c);
    circuit_close(&t.part[1].c);
}

/* Every class that merges has a case, or a test of its own: refused rows above, and test_process.c,
 * whose rows are dealt out by key. */
static void
test_all_are_here(void **state) {
    static const op_class *const classes[] = {
#define OPERATOR(name) &name,
#include "op/ops.def"
#undef OPERATOR
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
        bool found = classes[i]->merge == NULL || classes[i] == &op_window_class ||
                     classes[i] == &op_process_class;
        for (size_t k = 0; k < ARRAY_COUNT(cases); k++) {
            found |= cases[k].class == classes[i];
        }
        if (!found) {
            print_error("%s is not merged in any case\n", classes[i]->name);
            fail();
        }
    }
}

static int64_t torture_at;

static status
torture_merge(mem *m, error *err) {
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        if (i == (size_t)torture_at) {
            return run_history(&one_run, &cases[i], 3, 0, false, m, err);
        }
    }
    return OK;
}

static void
test_torture(void **state) {
    (void)state;
    const size_t chosen[] = {0, 1, 8, 12};
    for (size_t i = 0; i < ARRAY_COUNT(chosen); i++) {
        torture_at = (int64_t)chosen[i];
        CHECK(torture("merge", torture_merge) > 20);
    }
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_refused), UNIT(test_all_are_here), UNIT(test_torture))
