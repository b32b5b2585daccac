/* SPDX-License-Identifier: Apache-2.0 */
/* lower.c - plan nodes to operators: the one place that knows both. A new operator is one case in
 * `class_of` and, when it has settings, one in `fill_spec`. */
#include "exec/circuit.h"
#include "plan/node.h"

/* The first rows of ORDER BY ... LIMIT are kept in memory while they are this few. */
#define TOP_ROWS_MAX 65536

static bool
is_large_top(const plan_node *n, op_mode mode, const op *whole) {
    const bool many = n->limit < 0 || n->limit > TOP_ROWS_MAX || n->offset > TOP_ROWS_MAX;
    return n->kind == PLAN_TOP_N && mode == MODE_ONCE && whole == NULL && n->key_count == 0 &&
           n->sort_count > 0 && many;
}

/* The order of a TOP_N goes on with the columns that are no keys, so that it says which rows. */
static status
whole_order(op_spec *spec, arena *a, const plan_node *n, error *err) {
    const int32_t columns = n->schema.count;
    sort_key     *keys = arena_alloc(a, sizeof(*keys) * (size_t)(n->sort_count + columns));
    if (keys == NULL) {
        return error_memory(err);
    }
    memcpy(keys, n->sort_keys, sizeof(*keys) * (size_t)n->sort_count);
    spec->sort_keys = keys;
    for (int32_t i = 0; i < columns; i++) {
        bool is_key = false;
        for (int32_t k = 0; k < n->sort_count; k++) {
            is_key = is_key || keys[k].column == i;
        }
        if (!is_key) {
            keys[spec->sort_count++] = (sort_key){.column = i};
        }
    }
    return OK;
}

static const op_class *
class_of(const plan_node *n, op_mode mode) {
    switch (n->kind) {
    case PLAN_SCAN:
        return n->versions && mode == MODE_STREAM ? &op_versions_class : &op_scan_class;
    case PLAN_SHARED:
    case PLAN_SINGLE:
    case PLAN_WORKING:
    case PLAN_VALUES:
    case PLAN_RELATION:
        return &op_scan_class;
    case PLAN_FILTER:
        return &op_filter_class;
    case PLAN_PROJECT:
        return &op_project_class;
    case PLAN_KEEP:
        return &op_keep_class;
    case PLAN_PROCESS:
        return &op_process_class;
    case PLAN_RESULT:
        return mode == MODE_STREAM ? &op_result_class : &op_scan_class;
    case PLAN_AGGREGATE:
        return &op_aggregate_class;
    case PLAN_JOIN:
        return &op_join_class;
    case PLAN_ASOF:
        return n->bound != NULL ? &op_asof_bounded_class : &op_asof_class;
    case PLAN_WINDOW:
        return &op_window_class;
    case PLAN_SERIES:
        return &op_series_class;
    case PLAN_SORT:
        return &op_sort_class;
    case PLAN_TOP_N:
        return &op_top_n_class;
    case PLAN_OVER:
        return &op_over_class;
    case PLAN_RECURSIVE:
        return n->distinct ? &op_distinct_class : &op_scan_class;
    case PLAN_DISTINCT:
        return &op_distinct_class;
    case PLAN_UNION:
        return &op_union_all_class;
    }
    UNREACHABLE();
}

static status
fill_aggs(op_spec *spec, arena *a, const plan_node *n, error *err) {
    op_agg *aggs = arena_alloc(a, sizeof(op_agg) * (size_t)n->agg_count);
    if (aggs == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < n->agg_count; i++) {
        const plan_agg *p = &n->aggs[i];
        aggs[i] = (op_agg){.class = p->class,
                           .signature = p->signature,
                           .columns = p->columns,
                           .filter = p->filter,
                           .distinct = p->distinct};
    }
    spec->aggs = aggs;
    spec->agg_count = n->agg_count;
    return OK;
}

static op_join_kind
join_kind_of(const plan_node *n) {
    switch (n->join) {
    case JOIN_INNER:
        return OP_JOIN_INNER;
    case JOIN_LEFT:
        return OP_JOIN_LEFT;
    case JOIN_RIGHT:
        return OP_JOIN_RIGHT;
    case JOIN_FULL:
        return OP_JOIN_FULL;
    case JOIN_SEMI:
        return OP_JOIN_SEMI;
    case JOIN_ANTI:
        return OP_JOIN_ANTI;
    case JOIN_MARK:
        return OP_JOIN_MARK;
    case JOIN_SINGLE:
        return OP_JOIN_SINGLE;
    }
    UNREACHABLE();
}

static op_match
match_of(const plan_node *n) {
    static const op_match matches[] = {[MATCH_GREATER_EQUAL] = OP_MATCH_GREATER_EQUAL,
                                       [MATCH_GREATER] = OP_MATCH_GREATER,
                                       [MATCH_LESS_EQUAL] = OP_MATCH_LESS_EQUAL,
                                       [MATCH_LESS] = OP_MATCH_LESS,
                                       [MATCH_NEAREST] = OP_MATCH_NEAREST};
    return matches[n->match];
}

static status
fill_bound(op_spec *spec, arena *a, const plan_node *n, error *err) {
    const join_bound *b = n->bound;
    if (b == NULL || spec->mode != MODE_STREAM) {
        return OK;
    }
    op_bound *bound = arena_alloc(a, sizeof(*bound));
    if (bound == NULL) {
        return error_memory(err);
    }
    *bound = (op_bound){.judges = b->interval, .page_us = b->page_us};
    for (int32_t side = 0; side < 2; side++) {
        bound->columns[side] = b->columns[side];
        bound->kept_us[side] = b->kept_us[side];
        bound->judged_us[side] = b->judged_us[side];
        bound->late_counts[side] = b->late_counts[side];
        bound->late_columns[side] = b->late_columns[side];
    }
    spec->bound = bound;
    return OK;
}

static status
fill_extreme(op_spec *spec, arena *a, const plan_node *n, error *err) {
    const join_extreme *x = n->extreme;
    if (x == NULL || spec->mode != MODE_STREAM) {
        return OK;
    }
    op_extreme *extreme = arena_alloc(a, sizeof(*extreme));
    if (extreme == NULL) {
        return error_memory(err);
    }
    *extreme = (op_extreme){.side = x->side,
                            .key = x->key,
                            .group_count = x->group_count,
                            .time = x->time,
                            .greatest = x->greatest,
                            .together = x->together,
                            .groups = x->groups,
                            .equals = x->equals,
                            .lo = x->lo,
                            .hi = x->hi,
                            .base = x->base,
                            .slide = x->slide};
    spec->extreme = extreme;
    return OK;
}

/* Where columns lie, in which unit times are, and the calls of an AGGREGATE. */
static status
fill_columns(op_spec *spec, arena *a, const plan_node *n, error *err) {
    switch (n->kind) {
    case PLAN_ASOF:
        return fill_bound(spec, a, n, err);
    case PLAN_JOIN:
        spec->columns = n->column_map;
        TRY(fill_extreme(spec, a, n, err));
        return fill_bound(spec, a, n, err);
    case PLAN_SERIES:
    case PLAN_SHARED:
    case PLAN_RELATION:
        spec->columns = n->column_map;
        break;
    case PLAN_SCAN:
        spec->input[0] = n->object->schema;
        spec->columns = n->column_map;
        spec->append_only[0] = n->object->append_only;
        spec->arrival = SCAN_ARRIVAL;
        spec->departure = SCAN_DEPARTURE;
        break;
    case PLAN_WORKING:
    case PLAN_SINGLE:
    case PLAN_VALUES:
        spec->input[0] = &n->schema;
        spec->exprs = NULL;
        break;
    case PLAN_PROJECT:
        for (int32_t i = 0; i < n->schema.count && spec->mode == MODE_ONCE; i++) {
            spec->blocks = spec->blocks || expr_calls_code(n->exprs[i]);
        }
        break;
    case PLAN_PROCESS: {
        schema *named = schema_copy(spec->input[0], a);
        if (named == NULL) {
            return error_memory(err);
        }
        for (int32_t i = 0; i < named->count; i++) {
            named->fields[i].name = n->names[i];
        }
        spec->input[0] = named;
        spec->routine = n->routine;
        break;
    }
    case PLAN_WINDOW:
        spec->time_type = spec->input[0]->fields[n->time_column].type;
        break;
    case PLAN_AGGREGATE:
        if (n->window_key >= 0 || n->session_key >= 0 || n->pane_us > 0) {
            const int32_t key = n->session_key >= 0 ? n->session_key : spec->window_key;
            spec->time_type = n->schema.fields[key].type;
        }
        return fill_aggs(spec, a, n, err);
    default:
        break;
    }
    return OK;
}

static status
fill_spec(op_spec *spec, arena *a, const plan_node *n, op_mode mode, const op *whole, error *err) {
    *spec = (op_spec){
        .mode = mode,
        .whole = whole,
        .in_memory = n->kind == PLAN_RECURSIVE,
        .output = &n->schema,
        .predicate = n->predicate,
        .exprs = n->exprs,
        .key_count = n->key_count,
        .key_columns = n->key_columns,
        .over_count = n->over_count,
        .overs = n->overs,
        .left_keys = n->left_keys,
        .right_keys = n->right_keys,
        .null_safe = n->null_safe,
        .join = join_kind_of(n),
        .build_side = n->build_side,
        .match = match_of(n),
        .tolerance = n->tolerance,
        .position = n->position,
        .window_key = n->kind != PLAN_AGGREGATE ? -1
                      : n->pane_us > 0          ? n->pane_key
                                                : n->window_key,
        .time_column = n->time_column,
        .late_count = mode == MODE_STREAM ? n->late_count : 0,
        .late_columns = n->late_columns,
        .session_key = n->session_key,
        .cumulate = n->window == WINDOW_CUMULATE,
        .session = n->window == WINDOW_SESSION || n->session_key >= 0,
        .window_size_us = n->window_size_us,
        .window_slide_us = n->window_slide_us,
        .window_offset_us = n->window_offset_us,
        .pane_us = n->pane_us,
        .lateness_us = n->lateness_us,
        .time_type = type_of(TYPE_TIMESTAMP),
        .emit_at_close = n->emit_at_close,
        .retains_rows = n->retain == RETAIN_ROWS,
        .retains_time = n->retain == RETAIN_TIME,
        .retain_amount = n->retain_amount,
        .emit_at_end = n->emit_at_end,
        .sort_count = n->sort_count,
        .sort_keys = n->sort_keys,
        .limit = n->limit,
        .offset = n->offset,
        .inclusive = n->inclusive,
    };
    if (whole != NULL && n->kind == PLAN_TOP_N) { /* what is skipped is for all parts to say */
        spec->limit = n->limit < 0 ? -1 : sat_add_i64(n->limit, n->offset);
        spec->offset = 0;
    }
    /* A UNION may have more inputs: they are alike, and its operator does not look at them. */
    for (int32_t i = 0; i < n->input_count && i < ARRAY_COUNT(spec->input); i++) {
        spec->input[i] = &n->inputs[i]->schema;
        spec->append_only[i] =
            mode == MODE_ONCE || (n->inputs[i]->properties & PLAN_APPEND_ONLY) != 0;
        spec->ages[i] = n->ages[i] && mode == MODE_STREAM;
    }
    return fill_columns(spec, a, n, err);
}

/* A leaf that hands on what it is fed, in the node's own schema. */
static status
open_leaf(circuit *c, const plan_node *n, op_mode mode, error *err) {
    op_spec *spec = arena_alloc_zero(&c->arena, sizeof(*spec));
    if (spec == NULL) {
        return error_memory(err);
    }
    *spec = (op_spec){.mode = mode, .input = {&n->schema}, .output = &n->schema, .window_key = -1};
    return op_open(&c->ops[n->id], &op_scan_class, &c->env, spec, err);
}

/* The input of a join that a part finds built in the whole circuit. */
static bool
is_built(const circuit *c, const plan_node *n, int32_t input) {
    return c->whole != NULL && n->kind == PLAN_JOIN && input == n->build_side;
}

/* A shared part of the plan may have readers without one. */
bool
circuit_covers(const plan_node *n, bool covered) {
    return n->kind != PLAN_SHARED && (covered || class_of(n, MODE_STREAM)->snapshot != NULL);
}

static void
take_shard(op *o, const plan_node *n) {
    const plan_shard *s = n->shard;
    if (n->kind == PLAN_SCAN && s != NULL) {
        o->shard_at = s->at;
        o->shard_count = s->count;
        o->shard_width = s->width;
        o->shard = s->columns;
    }
}

static status
open_node(circuit *c, const plan_node *n, op_mode mode, const circuit *live, bool covered,
          error *err) {
    if (c->ops[n->id] != NULL) {
        return OK; /* shared, and opened by another reader */
    }
    if (live != NULL && circuit_is_live_leaf(live, n)) {
        return open_leaf(c, n, mode, err);
    }
    const int32_t inputs = n->kind == PLAN_RECURSIVE ? 1 : n->input_count; /* steps: recursion.c */
    const op     *whole = c->whole == NULL ? NULL : c->whole->ops[n->id];
    for (int32_t i = 0; i < inputs; i++) {
        if (!is_built(c, n, i)) {
            TRY(open_node(c, n->inputs[i], mode, live, circuit_covers(n, covered), err));
        }
    }
    op_spec *spec = arena_alloc_zero(&c->arena, sizeof(*spec));
    if (spec == NULL) {
        return error_memory(err);
    }
    TRY(fill_spec(spec, &c->arena, n, mode, whole, err));
    spec->live = live == NULL ? NULL : live->ops[n->id];
    spec->records = !covered;
    const bool     large_top = is_large_top(n, mode, whole);
    const uint32_t first_array = store_live_arrays(c->store);
    TRY(large_top ? whole_order(spec, &c->arena, n, err) : OK);
    TRY(op_open(&c->ops[n->id], large_top ? &op_sort_class : class_of(n, mode), &c->env, spec,
                err));
    take_shard(c->ops[n->id], n);
    c->arrays[n->id] = (array_range){first_array, store_live_arrays(c->store) - first_array};
    TRY(n->kind == PLAN_RECURSIVE ? recursion_open(c, n, err) : OK);
    if (n->kind == PLAN_SHARED && mode == MODE_ONCE) {
        return spool_open(c, n, err); /* each reader is fed when it is its turn */
    }
    for (int32_t i = 0; i < inputs; i++) {
        TRY(is_built(c, n, i) ? OK : op_connect(c->ops[n->inputs[i]->id], c->ops[n->id], i, err));
    }
    return OK;
}

static status
open_gate(op **out, circuit *c, op *above, bool held, error *err) {
    const plan_node *root = c->plan->root;
    op_spec         *spec = arena_alloc_zero(&c->arena, sizeof(*spec));
    if (spec == NULL) {
        return error_memory(err);
    }
    *spec = (op_spec){.mode = MODE_STREAM, .input = {&root->schema}, .output = &root->schema};
    spec->window_key = -1;
    spec->held = held;
    spec->pass_through =
        !held &&
        (c->plan->is_part || (root->properties & (PLAN_APPEND_ONLY | PLAN_CONSOLIDATED)) != 0);
    TRY(op_open(out, &op_gate_class, &c->env, spec, err));
    return op_connect(above, *out, 0, err);
}

/* root -> [gate [-> held gate]] -> sink. Readers of the stream are fed by the first gate: they stay
 * at the same rows as all others. */
status
circuit_open_exit(circuit *c, op_mode mode, const op_sink *sink, error *err) {
    const plan_node *root = c->plan->root;
    op              *last = c->ops[root->id];
    if (mode == MODE_STREAM) {
        TRY(open_gate(&c->gate, c, last, false, err));
        last = c->gate;
    }
    if (mode == MODE_STREAM && c->plan->emit_every_us > 0) {
        TRY(open_gate(&c->held, c, last, true, err));
        last = c->held;
    }
    op_spec *spec = arena_alloc_zero(&c->arena, sizeof(*spec));
    if (spec == NULL) {
        return error_memory(err);
    }
    *spec = (op_spec){.mode = mode, .input = {&root->schema}, .output = &root->schema};
    spec->window_key = -1;
    spec->sink = *sink;
    TRY(op_open(&c->sink, &op_collect_class, &c->env, spec, err));
    return op_connect(last, c->sink, 0, err);
}

static status
open_circuit(circuit **out, mem *m, const plan *p, op_mode mode, const circuit *live,
             const circuit *whole, const op_sink *sink, interrupt *interrupted, error *err) {
    circuit *c = mem_alloc_zero(m, sizeof(*c));
    if (c == NULL) {
        return error_memory(err);
    }
    c->mem = m;
    c->plan = p;
    c->whole = whole;
    arena_init(&c->arena, m);
    arena_init(&c->scratch, m);
    arena_init(&c->tick_arena, m);
    status s = store_open(&c->store, m, err);
    if (s == OK) {
        c->env = (op_env){.mem = m,
                          .arena = &c->arena,
                          .scratch = &c->scratch,
                          .tick_arena = &c->tick_arena,
                          .store = c->store,
                          .interrupted = interrupted,
                          .eval = &c->eval,
                          .ttl_us = mode == MODE_STREAM ? p->ttl_us : 0,
                          .clock_us = INT64_MIN,
                          .event_us = INT64_MIN};
        c->eval = p->eval;
        const bool results = mode == MODE_STREAM && p->root->kind == PLAN_RESULT;
        s = results ? store_open(&c->env.results, m, err) : OK;
    }
    if (s == OK) {
        c->ops = arena_alloc_zero(&c->arena, sizeof(op *) * (size_t)p->node_count);
        c->arrays = arena_alloc_zero(&c->arena, sizeof(*c->arrays) * (size_t)p->node_count);
        s = c->ops == NULL || c->arrays == NULL ? error_memory(err)
                                                : open_node(c, p->root, mode, live, false, err);
    }
    if (s == OK) {
        s = circuit_open_exit(c, mode, sink, err);
    }
    if (s < 0) {
        circuit_close(c);
        return s;
    }
    circuit_want_old_rows(c, true);
    *out = c;
    return OK;
}

status
circuit_open(circuit **out, mem *m, const plan *p, op_mode mode, const circuit *live,
             const op_sink *sink, interrupt *interrupted, error *err) {
    return open_circuit(out, m, p, mode, live, NULL, sink, interrupted, err);
}

status
circuit_open_part(circuit **out, mem *m, const circuit *whole, const plan *p, const op_sink *sink,
                  interrupt *interrupted, error *err) {
    return open_circuit(out, m, p, MODE_ONCE, NULL, whole, sink, interrupted, err);
}
